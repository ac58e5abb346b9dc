//! What the store gives back at a start: units of the configuration, rows of the engine. A disk that lies must
//! be found out, never believed, and never stop the process in the middle.

use std::collections::BTreeMap;
use std::time::Duration;

use lifeline::clock::{Mono, Timestamp};
use lifeline::datastore::{Tree, UnitPath, explicit_xml};
use lifeline::engine::caller::VimInfo;
use lifeline::engine::core::{Config, Core, TABLES};
use lifeline::engine::io::Ctx;

use super::sample::schema;

/// `TABLE\n`, then rows `KEY\nVALUE` with a NUL between; any other first line: a unit of the configuration.
pub fn run(data: &[u8]) {
    let Some(end) = data.iter().position(|octet| *octet == b'\n') else {
        return;
    };
    let (name, rest) = (&data[..end], &data[end + 1..]);
    let Some(table) = TABLES.iter().find(|table| table.as_bytes() == name) else {
        return unit(rest);
    };
    let mut rows = Vec::new();
    for row in rest.split(|octet| *octet == 0) {
        let (key, value) = match row.iter().position(|octet| *octet == b'\n') {
            Some(at) => (&row[..at], &row[at + 1..]),
            None => (&row[..0], row),
        };
        let Ok(key) = std::str::from_utf8(key) else {
            return;
        };
        rows.push((*table, key, value));
    }
    let landing_bound = Duration::from_secs(5);
    let config = Config {
        settings: Default::default(),
        vims: BTreeMap::from([("sim".to_owned(), VimInfo { landing_bound })]),
        default_vim: "sim".to_owned(),
    };
    if let Ok(mut core) = Core::restore(config, rows) {
        let records = core.records().len();
        core.restart(&Ctx {
            wall: Timestamp::from_micros(1_700_000_000_000_000),
            mono: Mono::from_secs(1),
            seed: 7,
        });
        assert!(records <= 1000);
    }
}

fn unit(bytes: &[u8]) {
    let rows = [(UnitPath::new("/"), bytes)];
    if let Ok(tree) = Tree::from_units(schema(), rows) {
        let _ = explicit_xml(&tree);
        let _ = tree.validate(None);
    }
}
