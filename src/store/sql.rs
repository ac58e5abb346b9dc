//! The file: its schema, its version, and how connections to it are opened.

use std::fs::File;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use rusqlite::{Connection, OpenFlags, OptionalExtension, params};

use super::seal::Seal;
use super::stamp::Head;
use super::{Row, StoreError, StoredEvent};
use crate::clock::Timestamp;
use crate::ids::JournalSeq;

/// Name of the database in the data directory.
pub(super) const FILE: &str = "lifeline.db";

/// The schema this program reads and writes.
pub(super) const SCHEMA_VERSION: i64 = 3;

/// The version in which values of rows stood in clear.
const CLEAR: i64 = 2;

/// From version 1: events have a third body.
const FROM_1: &str = "ALTER TABLE events ADD COLUMN lcm BLOB;";

const TABLES: &str = "
CREATE TABLE meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE rows (tbl TEXT NOT NULL, key TEXT NOT NULL, version INTEGER NOT NULL, value BLOB NOT NULL,
                   UNIQUE (tbl, key));
CREATE TABLE events (seq INTEGER PRIMARY KEY, time INTEGER NOT NULL, esc BLOB, netconf BLOB, lcm BLOB);
";

/// Which event aged out last: sequence 0 while none did.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Aged {
    /// Its sequence number.
    pub seq: JournalSeq,
    /// Its time.
    pub time: Option<Timestamp>,
}

/// Opens the writing connection; makes the file (0600) and its tables where they are missing.
/// The flag says whether it was made.
pub(super) fn open_writer(path: &Path, now: Timestamp) -> Result<(Connection, bool), StoreError> {
    File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(path)
        .map_err(|error| StoreError::file(path, error))?;
    let fail = |error: rusqlite::Error| StoreError::file(path, error);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut conn = Connection::open_with_flags(path, flags).map_err(fail)?;
    conn.set_prepared_statement_cache_capacity(32);
    // An administrator's sqlite3 shell may hold the write lock for a moment.
    conn.busy_timeout(Duration::from_secs(5)).map_err(fail)?;
    let mode: String = conn
        .pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))
        .map_err(fail)?;
    if !mode.eq_ignore_ascii_case("wal") {
        return Err(StoreError::file(
            path,
            "the file system cannot carry a WAL (shared memory)",
        ));
    }
    conn.execute_batch(
        "PRAGMA synchronous=FULL; PRAGMA cache_size=-8192; PRAGMA temp_store=MEMORY;
         PRAGMA journal_size_limit=67108864;",
    )
    .map_err(fail)?;
    let made = prepare(&mut conn, path, now)?;
    Ok((conn, made))
}

/// Opens a connection that only reads.
pub(super) fn open_reader(path: &Path) -> Result<Connection, StoreError> {
    let fail = |error: rusqlite::Error| StoreError::file(path, error);
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags(path, flags).map_err(fail)?;
    conn.busy_timeout(Duration::from_secs(5)).map_err(fail)?;
    conn.execute_batch("PRAGMA query_only=ON; PRAGMA cache_size=-512;")
        .map_err(fail)?;
    Ok(conn)
}

fn prepare(conn: &mut Connection, path: &Path, now: Timestamp) -> Result<bool, StoreError> {
    let fail = |error: rusqlite::Error| StoreError::file(path, error);
    let count = |name: &str| {
        let sql = "SELECT count(*) FROM sqlite_master WHERE ?1 IN (name, '')";
        conn.query_row(sql, [name], |row| row.get::<_, i64>(0))
    };
    if count("").map_err(fail)? == 0 {
        let tx = conn.transaction().map_err(fail)?;
        tx.execute_batch(TABLES).map_err(fail)?;
        set_meta(&tx, "schema", SCHEMA_VERSION).map_err(fail)?;
        set_meta(&tx, "created", now.as_micros()).map_err(fail)?;
        tx.commit().map_err(fail)?;
        return Ok(true);
    }
    if count("meta").map_err(fail)? == 0 {
        return Err(StoreError::file(path, "is a database, but not one of ours"));
    }
    match meta(conn, "schema").map_err(fail)? {
        Some(SCHEMA_VERSION | CLEAR) => Ok(false),
        Some(1) => {
            let tx = conn.transaction().map_err(fail)?;
            tx.execute_batch(FROM_1).map_err(fail)?;
            set_meta(&tx, "schema", CLEAR).map_err(fail)?;
            tx.commit().map_err(fail)?;
            Ok(false)
        }
        Some(found) => Err(StoreError::Schema {
            path: path.to_owned(),
            found,
            supported: SCHEMA_VERSION,
        }),
        None => Err(StoreError::file(path, "has no schema version")),
    }
}

/// The key of a database, made for one that has none yet; what stood in clear is sealed, and not left on the disk.
pub(super) fn seal(conn: &mut Connection, path: &Path, key: &Path) -> Result<Seal, StoreError> {
    let fail = |error: rusqlite::Error| StoreError::file(path, error);
    let clear = meta(conn, "schema").map_err(fail)? == Some(CLEAR);
    let seal = match Seal::load(key)? {
        Some(seal) => seal,
        None => {
            let any = "SELECT EXISTS (SELECT 1 FROM rows)";
            let any: bool = conn.query_row(any, [], |row| row.get(0)).map_err(fail)?;
            if any && !clear {
                let message = format!(
                    "is missing; nothing of {} can be read without it",
                    path.display()
                );
                return Err(StoreError::file(key, message));
            }
            Seal::make(key)?
        }
    };
    if clear {
        conn.execute_batch("PRAGMA secure_delete=ON")
            .map_err(fail)?;
        close_rows(conn, path, &seal)?;
        conn.execute_batch("PRAGMA wal_checkpoint(TRUNCATE); PRAGMA secure_delete=OFF")
            .map_err(fail)?;
    }
    Ok(seal)
}

fn close_rows(conn: &mut Connection, path: &Path, seal: &Seal) -> Result<(), StoreError> {
    let fail = |error: rusqlite::Error| StoreError::file(path, error);
    let tx = conn.transaction().map_err(fail)?;
    {
        let ids: Vec<i64> = tx
            .prepare("SELECT rowid FROM rows")
            .and_then(|mut all| all.query_map([], |row| row.get(0))?.collect())
            .map_err(fail)?;
        let mut read = tx
            .prepare("SELECT tbl, key, value FROM rows WHERE rowid = ?1")
            .map_err(fail)?;
        let mut write = tx
            .prepare("UPDATE rows SET value = ?2 WHERE rowid = ?1")
            .map_err(fail)?;
        for id in ids {
            let (table, key, value): (String, String, Vec<u8>) = read
                .query_row([id], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
                .map_err(fail)?;
            let sealed = seal.close(&table, &key, &value)?;
            write.execute(params![id, sealed]).map_err(fail)?;
        }
    }
    set_meta(&tx, "schema", SCHEMA_VERSION).map_err(fail)?;
    tx.commit().map_err(fail)
}

/// Reads one number of `meta`.
pub(super) fn meta(conn: &Connection, key: &str) -> rusqlite::Result<Option<i64>> {
    conn.prepare_cached("SELECT value FROM meta WHERE key = ?1")?
        .query_row([key], |row| row.get(0))
        .optional()
}

/// Writes one number of `meta`.
pub(super) fn set_meta(conn: &Connection, key: &str, value: i64) -> rusqlite::Result<()> {
    conn.prepare_cached("INSERT OR REPLACE INTO meta (key, value) VALUES (?1, ?2)")?
        .execute(params![key, value])
        .map(|_| ())
}

/// The newest number and time given out, whether the event is still kept or not.
pub(super) fn head(conn: &Connection) -> rusqlite::Result<(Head, Aged)> {
    let aged = Aged {
        seq: JournalSeq(unsigned(meta(conn, "aged-seq")?.unwrap_or(0))),
        time: meta(conn, "aged-time")?.map(Timestamp::from_micros),
    };
    let last = conn
        .query_row(
            "SELECT seq, time FROM events ORDER BY seq DESC LIMIT 1",
            [],
            stamp,
        )
        .optional()?;
    let head = match last {
        Some((seq, time)) => Head {
            seq,
            time: Some(time),
        },
        None => Head {
            seq: aged.seq,
            time: aged.time,
        },
    };
    Ok((head, aged))
}

/// The first event at or after a number.
pub(super) fn stamp_from(
    conn: &Connection,
    seq: u64,
) -> rusqlite::Result<Option<(JournalSeq, Timestamp)>> {
    conn.prepare_cached("SELECT seq, time FROM events WHERE seq >= ?1 ORDER BY seq LIMIT 1")?
        .query_row([signed(seq)], stamp)
        .optional()
}

fn stamp(row: &rusqlite::Row<'_>) -> rusqlite::Result<(JournalSeq, Timestamp)> {
    Ok((
        JournalSeq(unsigned(row.get(0)?)),
        Timestamp::from_micros(row.get(1)?),
    ))
}

/// Hands each event of `after < seq <= last` to `take` until it says stop.
pub(super) fn events(
    conn: &Connection,
    after: JournalSeq,
    last: JournalSeq,
    limit: usize,
    mut take: impl FnMut(StoredEvent) -> bool,
) -> rusqlite::Result<()> {
    let mut statement = conn.prepare_cached(
        "SELECT seq, time, esc, netconf, lcm FROM events WHERE seq > ?1 AND seq <= ?2 ORDER BY seq LIMIT ?3",
    )?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut rows = statement.query(params![signed(after.0), signed(last.0), limit])?;
    while let Some(row) = rows.next()? {
        let (seq, time) = stamp(row)?;
        let body =
            |n: usize| Ok::<_, rusqlite::Error>(row.get::<_, Option<Vec<u8>>>(n)?.map(Bytes::from));
        let (esc, netconf, lcm) = (body(2)?, body(3)?, body(4)?);
        if !take(StoredEvent {
            seq,
            time,
            esc,
            netconf,
            lcm,
        }) {
            break;
        }
    }
    Ok(())
}

/// All rows of a table in key order, sealed.
pub(super) fn rows(conn: &Connection, table: &str) -> rusqlite::Result<Vec<Row>> {
    conn.prepare_cached("SELECT key, version, value FROM rows WHERE tbl = ?1 ORDER BY key")?
        .query_map([table], row)?
        .collect()
}

/// One row, sealed.
pub(super) fn row_of(conn: &Connection, table: &str, key: &str) -> rusqlite::Result<Option<Row>> {
    conn.prepare_cached("SELECT key, version, value FROM rows WHERE tbl = ?1 AND key = ?2")?
        .query_row([table, key], row)
        .optional()
}

fn row(row: &rusqlite::Row<'_>) -> rusqlite::Result<Row> {
    Ok(Row {
        key: row.get(0)?,
        version: unsigned(row.get(1)?),
        value: row.get(2)?,
    })
}

/// SQLite's integers are signed; ours never reach the sign.
pub(super) fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// The inverse of [`signed`].
pub(super) fn unsigned(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}
