//! What can go wrong between `submit` and the acknowledgement, and at opening.

use std::path::{Path, PathBuf};

use crate::ids::JournalSeq;

/// A refusal or failure of the store. Clonable: one failed COMMIT fails every batch of its group.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum StoreError {
    /// A precondition did not hold; nothing of the batch was written.
    #[error("{table}/{key} is at {}, not at {}", version(*found), version(*expected))]
    Precondition {
        /// Table of the row.
        table: &'static str,
        /// Key of the row.
        key: String,
        /// The version the batch asked for.
        expected: Option<u64>,
        /// The version there is.
        found: Option<u64>,
    },
    /// One row or event of the batch was refused by the database; nothing of the batch was written.
    #[error("cannot write {what}: {message}")]
    Row {
        /// The row (`table/key`) or event (`event n of the batch`).
        what: String,
        /// The database's words.
        message: String,
    },
    /// The queue is full (`queue-entries`, `queue-bytes`); the batch was not taken.
    #[error("the store is busy: {entries} batches, {bytes} bytes are waiting to be written")]
    Busy {
        /// Batches waiting.
        entries: usize,
        /// Bytes waiting.
        bytes: usize,
    },
    /// The batch or one of its events is larger than the settings allow; it was not taken.
    #[error("{what} has {bytes} bytes, more than the {limit} allowed by '{setting}'")]
    TooLarge {
        /// `batch` or `event`.
        what: &'static str,
        /// Its size.
        bytes: usize,
        /// The limit.
        limit: usize,
        /// The setting that sets the limit.
        setting: &'static str,
    },
    /// The disk refused (full, I/O error); nothing of the batch is stored.
    #[error("not stored: {0}")]
    NotStored(String),
    /// COMMIT failed and so did the repair after it: nothing of the batch is visible, but it may come
    /// back if the machine stops before the next successful commit.
    #[error("not stored, and the disk does not say so for certain: {0}")]
    Uncertain(String),
    /// The store was shut down, or its writer thread ended, before the batch was durable.
    #[error("the store has stopped")]
    Stopped,
    /// A cursor points before the oldest event kept.
    #[error("events after {after} have aged out; the oldest kept is {oldest}")]
    Aged {
        /// The cursor.
        after: JournalSeq,
        /// The oldest event there is, or the next one to come.
        oldest: JournalSeq,
    },
    /// Another process owns the data directory.
    #[error("data directory {} is in use by {}", path.display(), owner(*pid))]
    InUse {
        /// The directory.
        path: PathBuf,
        /// The process that wrote the lock file, when it can be read.
        pid: Option<u32>,
    },
    /// The data directory may be read by others.
    #[error(
        "data directory {} is open to other users (mode {mode:o}) and holds other files; \
         give a directory of its own, or chmod 700 it", path.display()
    )]
    Permissions {
        /// The directory.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// The file was written by another version of the schema.
    #[error(
        "{} has schema version {found}, this program knows version {supported}; \
         use the program version that wrote it", path.display()
    )]
    Schema {
        /// The database file.
        path: PathBuf,
        /// The version in the file.
        found: i64,
        /// The version this program reads and writes.
        supported: i64,
    },
    /// A file or directory cannot be made, opened or read.
    #[error("{}: {message}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system or the database said.
        message: String,
    },
    /// A read failed.
    #[error("cannot read the store: {0}")]
    Read(String),
}

impl StoreError {
    /// An error about a file.
    pub(super) fn file(path: &Path, message: impl ToString) -> Self {
        Self::File {
            path: path.to_owned(),
            message: message.to_string(),
        }
    }

    /// A failed read.
    pub(super) fn read(error: rusqlite::Error) -> Self {
        Self::Read(error.to_string())
    }
}

fn version(version: Option<u64>) -> String {
    version.map_or_else(
        || "no version (absent)".to_owned(),
        |v| format!("version {v}"),
    )
}

fn owner(pid: Option<u32>) -> String {
    pid.map_or_else(|| "another process".to_owned(), |p| format!("process {p}"))
}
