//! A published state that remembers what it saw, and short ways to write batches.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;

use crate::clock::{ManualClock, Timestamp};
use crate::store::{
    Batch, FaultPlan, Loaded, NewEvent, OpenOptions, Precondition, Settings, Store, StoreError,
    Table, Write,
};

pub const T: Table = Table("t");

/// Published state: the labels of the batches, in the order they were published.
#[derive(Clone, Default, Debug)]
pub struct Seen(pub Vec<String>);

pub fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::new(Timestamp::from_micros(
        1_466_706_609_115_000,
    )))
}

pub fn open(dir: &Path) -> Store<Seen> {
    open_with(dir, Settings::default(), clock(), None).unwrap()
}

pub fn open_with(
    dir: &Path,
    settings: Settings,
    clock: Arc<ManualClock>,
    plan: Option<FaultPlan>,
) -> Result<Store<Seen>, StoreError> {
    let mut options = OpenOptions::new(settings, clock);
    if let Some(plan) = plan {
        options = options.faults(plan);
    }
    options.open(dir, |loaded: &Loaded<'_>| {
        let rows = loaded.rows(T)?;
        Ok(Seen(rows.into_iter().map(|row| row.key).collect()))
    })
}

/// A batch that writes row `label`, one event with that text, and publishes the label.
pub fn batch(label: &str) -> Batch<Seen> {
    let text = label.to_owned();
    Batch {
        writes: vec![put(label, label)],
        events: vec![event(label)],
        publish: Some(Box::new(move |seen, _| seen.0.push(text))),
        ..Batch::default()
    }
}

pub fn put(key: &str, value: &str) -> Write {
    Write {
        table: T,
        key: key.to_owned(),
        value: Some(value.as_bytes().to_vec()),
    }
}

pub fn delete(key: &str) -> Write {
    Write {
        table: T,
        key: key.to_owned(),
        value: None,
    }
}

pub fn at(key: &str, version: Option<u64>) -> Precondition {
    Precondition {
        table: T,
        key: key.to_owned(),
        version,
    }
}

pub fn event(text: &str) -> NewEvent {
    NewEvent {
        esc: Some(Bytes::from(format!("<esc>{text}</esc>"))),
        netconf: Some(Bytes::from(format!("<nc>{text}</nc>"))),
        lcm: None,
    }
}

/// Every event of the log, read from the disk or the ring.
pub fn all_events(store: &Store<Seen>) -> Vec<(u64, i64, String)> {
    let (mut all, mut cursor) = (Vec::new(), store.events().start());
    loop {
        let page = store.events().page(cursor, 500).unwrap();
        let Some(last) = page.last() else { return all };
        cursor = last.seq;
        all.extend(page.iter().map(|e| {
            let text = String::from_utf8(e.esc.clone().unwrap().to_vec()).unwrap();
            (e.seq.0, e.time.as_micros(), text)
        }));
    }
}
