//! Settings of the store, table `[store]` of the configuration file.

use std::num::{NonZeroU32, NonZeroU64, NonZeroUsize};
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Bounds of the store. Zero is refused everywhere.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Settings {
    /// Events older than this many hours are removed.
    pub retention_hours: NonZeroU32,
    /// Events kept at most; the oldest are removed, but for `trim-piece` more while busy.
    pub retention_events: NonZeroU64,
    /// Events removed in one transaction.
    pub trim_piece: NonZeroU32,
    /// Bytes of the newest events held in memory for live subscribers.
    pub ring_bytes: NonZeroUsize,
    /// Bytes of one page of events read from disk; one event is always returned.
    pub page_bytes: NonZeroUsize,
    /// Bytes of one event, both bodies.
    pub event_bytes: NonZeroUsize,
    /// Batches made durable by one COMMIT at most.
    pub group_size: NonZeroUsize,
    /// Batches waiting for the writer at most; more are refused as busy.
    pub queue_entries: NonZeroUsize,
    /// Bytes waiting for the writer, and of one batch, at most; more are refused.
    pub queue_bytes: NonZeroUsize,
    /// Connections for reading pages and rows.
    pub readers: NonZeroUsize,
    /// File of the key that seals the rows; empty: `store.key` in the data directory.
    pub key_file: PathBuf,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            retention_hours: const { NonZeroU32::new(168).unwrap() },
            retention_events: const { NonZeroU64::new(1_000_000).unwrap() },
            trim_piece: const { NonZeroU32::new(500).unwrap() },
            ring_bytes: const { NonZeroUsize::new(16 << 20).unwrap() },
            page_bytes: const { NonZeroUsize::new(4 << 20).unwrap() },
            event_bytes: const { NonZeroUsize::new(1 << 20).unwrap() },
            group_size: const { NonZeroUsize::new(512).unwrap() },
            queue_entries: const { NonZeroUsize::new(65_536).unwrap() },
            queue_bytes: const { NonZeroUsize::new(64 << 20).unwrap() },
            readers: const { NonZeroUsize::new(4).unwrap() },
            key_file: PathBuf::new(),
        }
    }
}

impl Settings {
    /// The greatest age of an event.
    pub(super) fn retention_age(&self) -> Duration {
        Duration::from_secs(u64::from(self.retention_hours.get()) * 3600)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_keys_and_zeros_are_refused() {
        let read = |text: &str| toml::from_str::<Settings>(text);
        assert_eq!(read("").unwrap(), Settings::default());
        assert_eq!(
            read("retention-hours = 2").unwrap().retention_age(),
            Duration::from_secs(7200)
        );
        for bad in ["retention_hours = 2", "group-size = 0", "ring-bytes = -1"] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}
