//! The file itself: modes, versions, foreign files, one owner.

use std::fs;
use std::os::unix::fs::MetadataExt;

use rusqlite::Connection;

use super::harness::{batch, clock, open, open_with};
use crate::store::{Settings, StoreError};

#[test]
fn all_files_are_private() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("data");
    let store = open(&path);
    store.submit_blocking(batch("a")).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o700);
    let mut names = Vec::new();
    for entry in fs::read_dir(&path).unwrap() {
        let entry = entry.unwrap();
        names.push(entry.file_name().into_string().unwrap());
        assert_eq!(entry.metadata().unwrap().mode() & 0o777, 0o600, "{names:?}");
    }
    names.sort();
    assert_eq!(
        names,
        [
            "lifeline.db",
            "lifeline.db-shm",
            "lifeline.db-wal",
            "lock",
            "store.key"
        ]
    );
}

#[test]
fn one_store_per_directory() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let again = || open_with(dir.path(), Settings::default(), clock(), None);
    let error = again().err().unwrap();
    assert!(
        matches!(error, StoreError::InUse { pid: Some(_), .. }),
        "{error}"
    );
    drop(store);
    again().unwrap();
}

#[test]
fn another_schema_version_is_refused_and_nothing_is_touched() {
    let dir = tempfile::tempdir().unwrap();
    drop(open(dir.path()));
    let file = dir.path().join("lifeline.db");
    let set = |version: i64| {
        let conn = Connection::open(&file).unwrap();
        conn.execute("UPDATE meta SET value = ?1 WHERE key = 'schema'", [version])
            .unwrap();
    };
    set(7);
    let error = open_with(dir.path(), Settings::default(), clock(), None)
        .err()
        .unwrap();
    assert!(
        error
            .to_string()
            .contains("has schema version 7, this program knows version 3"),
        "{error}"
    );
    set(3);
    open(dir.path());
}

#[test]
fn a_database_of_version_1_is_taken_over_with_its_events() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    store.submit_blocking(batch("old")).unwrap();
    drop(store);
    let conn = Connection::open(dir.path().join("lifeline.db")).unwrap();
    conn.execute_batch(
        "ALTER TABLE events DROP COLUMN lcm; UPDATE rows SET value = CAST('old' AS BLOB);
         UPDATE meta SET value = 1 WHERE key = 'schema';",
    )
    .unwrap();
    drop(conn);
    let store = open(dir.path());
    let mut new = batch("new");
    new.events[0].lcm = Some(b"line".as_slice().into());
    store.submit_blocking(new).unwrap();
    drop(store);
    let store = open(dir.path());
    let page = store.events().page(crate::ids::JournalSeq(0), 10).unwrap();
    let lines: Vec<_> = page.iter().map(|event| event.lcm.as_deref()).collect();
    assert_eq!(lines, [None, Some(b"line".as_slice())]);
}

#[test]
fn a_foreign_file_is_refused() {
    for (foreign, word) in [(true, "not one of ours"), (false, "not a database")] {
        let dir = tempfile::tempdir().unwrap();
        drop(crate::store::DataDir::acquire(dir.path()).unwrap());
        let file = dir.path().join("lifeline.db");
        match foreign {
            true => {
                let conn = Connection::open(&file).unwrap();
                conn.execute_batch("CREATE TABLE x (y)").unwrap();
            }
            false => fs::write(&file, "letters, many of them, none in order").unwrap(),
        }
        let error = open_with(dir.path(), Settings::default(), clock(), None)
            .err()
            .unwrap();
        assert!(error.to_string().contains(word), "{error}");
    }
}
