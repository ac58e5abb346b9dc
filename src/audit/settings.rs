//! Settings of the audit log, table `[audit]` of the configuration file.

use std::num::{NonZeroU64, NonZeroUsize};

use serde::{Deserialize, Serialize};

/// Bounds of the audit log.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Settings {
    /// Bytes after which a file is closed and the next begun (default 64 MiB).
    pub file_bytes: NonZeroU64,
    /// Closed files kept; the oldest are removed (default 16).
    pub files: NonZeroUsize,
    /// Records are on disk (fsync) after this many milliseconds at the latest; 0: each before the next
    /// (default 1000). A power cut loses those of this time, a killed process those still in the queue.
    pub fsync_ms: u32,
    /// Records that may wait for the writer; while there are as many, whoever has another to write waits, and
    /// that is counted and logged (default 4096).
    pub queue_records: NonZeroUsize,
    /// Bytes of one text of a record; of longer ones the beginning is kept, the length and the SHA-256 (default 4096).
    pub text_bytes: NonZeroUsize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            file_bytes: const { NonZeroU64::new(64 << 20).unwrap() },
            files: const { NonZeroUsize::new(16).unwrap() },
            fsync_ms: 1000,
            queue_records: const { NonZeroUsize::new(4096).unwrap() },
            text_bytes: const { NonZeroUsize::new(4096).unwrap() },
        }
    }
}
