//! Settings of the driver (table `[vim-sim]`); those of the cloud itself are [`crate::cloudsim::Settings`].

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Settings of the embedded VIM's driver.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Settings {
    /// Longest wait for an operation's record to become final, in ms.
    pub long_poll_ms: u64,
    /// Inputs written before the log is folded into a new snapshot.
    pub log_entries: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            long_poll_ms: 3000,
            log_entries: 65_536,
        }
    }
}

impl Settings {
    /// Longest wait for a record.
    pub fn long_poll(&self) -> Duration {
        Duration::from_millis(self.long_poll_ms)
    }
}
