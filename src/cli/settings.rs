//! `lifeline settings`: every setting with its default.
//!
//! The table's last column is the doc comment of the field: one source, so it cannot drift.

use std::process::ExitCode;

use anyhow::Context;
use clap::Args;

use crate::daemon::settings::Settings;

/// Print every setting with its default.
#[derive(Args, Debug)]
pub struct SettingsArgs {
    /// Print the table that stands in the README.
    #[arg(long)]
    markdown: bool,
}

/// Table of the configuration file -> the source that declares it.
const SOURCES: &[(&str, &str)] = &[
    ("limits", include_str!("../control/settings.rs")),
    ("nacm", include_str!("../control/settings.rs")),
    ("netconf", include_str!("../northbound/netconf/settings.rs")),
    ("sol003", include_str!("../northbound/sol003/settings.rs")),
    ("ssh", include_str!("../northbound/netconf/ssh/settings.rs")),
    ("auth", include_str!("../auth/settings.rs")),
    ("audit", include_str!("../audit/settings.rs")),
    ("store", include_str!("../store/settings.rs")),
    ("engine", include_str!("../engine/settings.rs")),
    ("probe", include_str!("../probe/settings.rs")),
    ("vim-sim", include_str!("../vim/sim/settings.rs")),
    (
        "vim-cloudstack",
        include_str!("../vim/cloudstack/settings.rs"),
    ),
    (
        "vim-openstack",
        include_str!("../vim/openstack/settings.rs"),
    ),
    ("vim-vcloud", include_str!("../vim/vcloud/settings.rs")),
    ("cloudsim", include_str!("../cloudsim/settings.rs")),
    ("daemon", include_str!("../daemon/settings.rs")),
];

impl SettingsArgs {
    /// Prints.
    ///
    /// # Errors
    /// When the defaults cannot be written as TOML.
    pub fn run(self) -> anyhow::Result<ExitCode> {
        let text = match self.markdown {
            true => markdown()?,
            false => {
                toml::to_string_pretty(&Settings::default()).context("writing the defaults")?
            }
        };
        print!("{text}");
        Ok(ExitCode::SUCCESS)
    }
}

/// The README's table.
fn markdown() -> anyhow::Result<String> {
    let defaults = toml::Value::try_from(Settings::default()).context("writing the defaults")?;
    let mut rows = Vec::new();
    for (table, source) in SOURCES {
        let value = defaults
            .get(table)
            .with_context(|| format!("no table [{table}]"))?;
        collect(table, value, source, &mut rows);
    }
    let mut out =
        String::from("| Setting | Default | What it bounds or sets |\n| --- | --- | --- |\n");
    for [key, default, meaning] in rows {
        out.push_str(&format!("| `{key}` | {default} | {meaning} |\n"));
    }
    Ok(out)
}

/// The rows of one table: its own keys first, as TOML wants them, then the tables in it.
fn collect(table: &str, value: &toml::Value, source: &str, rows: &mut Vec<[String; 3]>) {
    let Some(entries) = value.as_table() else {
        return;
    };
    for (name, value) in entries.iter().filter(|(_, value)| !value.is_table()) {
        let shown = match value {
            toml::Value::Array(items) if items.len() > 2 => format!("{} entries", items.len()),
            toml::Value::Array(items) if items.is_empty() => "none".to_owned(),
            value => format!("`{value}`"),
        };
        let meaning = doc_of(source, &name.replace('-', "_"));
        rows.push([format!("[{table}] {name}"), shown, meaning]);
    }
    for (name, value) in entries.iter().filter(|(_, value)| value.is_table()) {
        collect(&format!("{table}.{name}"), value, source, rows);
    }
}

/// The doc comment of the field of that name.
fn doc_of(source: &str, field: &str) -> String {
    let start = format!("pub {field}:");
    let mut doc: Vec<&str> = Vec::new();
    for line in source.lines().map(str::trim) {
        match line.strip_prefix("///") {
            Some(text) => doc.push(text.trim()),
            None if line.starts_with("#[") => {}
            None if line.starts_with(&start) => return doc.join(" ").replace('|', "\\|"),
            None => doc.clear(),
        }
    }
    String::new()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_is_documented() {
        let table = markdown().unwrap();
        assert!(table.contains("| `[limits] sessions` |"), "{table}");
        for row in table.lines().skip(2) {
            let meaning = row
                .trim_end_matches('|')
                .rsplit(" | ")
                .next()
                .unwrap_or("")
                .trim();
            assert!(meaning.len() > 3, "no meaning: {row}");
        }
    }
}
