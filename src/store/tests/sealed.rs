//! Values of rows are sealed: what is in the files, and what happens without the right key.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use rusqlite::Connection;

use super::harness::{Seen, T, clock, open, open_with, put};
use crate::store::{Batch, Settings, Store, StoreError};

const SECRET: &str = "a-password-that-nobody-else-has";

fn store_row(store: &Store<Seen>, key: &str, value: &str) {
    let batch = Batch {
        writes: vec![put(key, value)],
        ..Batch::default()
    };
    store.submit_blocking(batch).unwrap();
}

fn write(dir: &Path, key: &str, value: &str) {
    let store = open(dir);
    store_row(&store, key, value);
}

fn value(dir: &Path, key: &str) -> String {
    let row = open(dir).row(T, key).unwrap().unwrap();
    String::from_utf8(row.value).unwrap()
}

fn refused(dir: &Path) -> String {
    let opened = open_with(dir, Settings::default(), clock(), None);
    let error = opened.err().unwrap();
    assert!(matches!(error, StoreError::File { .. }), "{error}");
    error.to_string()
}

fn is_in_a_file(dir: &Path, text: &str) -> bool {
    fs::read_dir(dir).unwrap().any(|entry| {
        let octets = fs::read(entry.unwrap().path()).unwrap();
        octets
            .windows(text.len())
            .any(|some| some == text.as_bytes())
    })
}

fn sql(dir: &Path, statements: &str) {
    let conn = Connection::open(dir.join("lifeline.db")).unwrap();
    conn.execute_batch(statements).unwrap();
}

#[test]
fn values_are_in_no_file() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    store_row(&store, "who", SECRET);
    assert!(!is_in_a_file(dir.path(), SECRET), "in the log");
    drop(store);
    assert!(!is_in_a_file(dir.path(), SECRET), "in the database");
    assert!(is_in_a_file(dir.path(), "who"), "a look that finds nothing");
    assert_eq!(value(dir.path(), "who"), SECRET);
}

#[test]
fn a_database_in_clear_is_sealed_and_nothing_of_it_is_left() {
    let dir = tempfile::tempdir().unwrap();
    let many = SECRET.repeat(500);
    write(dir.path(), "one", "x");
    write(dir.path(), "two", "x");
    sql(
        dir.path(),
        &format!(
            "UPDATE meta SET value = 2 WHERE key = 'schema'; UPDATE rows SET value = CAST('{SECRET}' AS BLOB);
             UPDATE rows SET value = CAST('{many}' AS BLOB) WHERE key = 'two';"
        ),
    );
    fs::remove_file(dir.path().join("store.key")).unwrap();
    assert!(is_in_a_file(dir.path(), SECRET));
    assert_eq!(value(dir.path(), "one"), SECRET);
    assert_eq!(value(dir.path(), "two"), many);
    assert!(!is_in_a_file(dir.path(), SECRET));
    let version = open(dir.path()).row(T, "one").unwrap().unwrap().version;
    assert_eq!(version, 1, "sealing is no change");
}

#[test]
fn without_its_key_a_store_is_not_opened_and_no_key_is_made() {
    let dir = tempfile::tempdir().unwrap();
    let other = tempfile::tempdir().unwrap();
    write(dir.path(), "who", SECRET);
    write(other.path(), "who", "another");
    let key = dir.path().join("store.key");
    let own = fs::read(&key).unwrap();
    fs::remove_file(&key).unwrap();
    let told = refused(dir.path());
    assert!(told.contains("store.key: is missing"), "{told}");
    assert!(!key.exists());
    fs::copy(other.path().join("store.key"), &key).unwrap();
    let told = refused(dir.path());
    assert!(told.contains("does not open t/who"), "{told}");
    fs::write(&key, "letters").unwrap();
    let told = refused(dir.path());
    assert!(told.contains("holds no key"), "{told}");
    fs::write(&key, own).unwrap();
    fs::set_permissions(&key, Permissions::from_mode(0o640)).unwrap();
    let told = refused(dir.path());
    assert!(told.contains("chmod 600"), "{told}");
    fs::set_permissions(&key, Permissions::from_mode(0o600)).unwrap();
    assert_eq!(value(dir.path(), "who"), SECRET);
}

#[test]
fn a_value_is_worth_nothing_in_another_row() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "a", "low");
    write(dir.path(), "b", "high");
    let move_it =
        "UPDATE rows SET value = (SELECT value FROM rows WHERE key = 'b') WHERE key = 'a'";
    sql(dir.path(), move_it);
    let told = refused(dir.path());
    assert!(told.contains("does not open t/a"), "{told}");
}

#[test]
fn the_key_may_lie_elsewhere() {
    let dir = tempfile::tempdir().unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let settings = Settings {
        key_file: elsewhere.path().join("key"),
        ..Settings::default()
    };
    let store = open_with(dir.path(), settings.clone(), clock(), None).unwrap();
    store_row(&store, "who", SECRET);
    drop(store);
    assert!(!dir.path().join("store.key").exists());
    let told = refused(dir.path());
    assert!(told.contains("is missing"), "{told}");
    let store = open_with(dir.path(), settings, clock(), None).unwrap();
    assert_eq!(
        store.row(T, "who").unwrap().unwrap().value,
        SECRET.as_bytes()
    );
}
