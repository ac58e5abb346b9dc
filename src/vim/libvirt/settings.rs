//! Settings of the driver (table `[vim-libvirt]`); what differs from host to host is its connector's.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Bounds of every libvirt connector. Times are whole milliseconds.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Settings {
    /// Calls into libvirt under way at once, per connector; one that hangs keeps its place.
    pub calls: usize,
    /// How long a connection may take to open.
    pub connect_timeout_ms: u64,
    /// Pause between two attempts to connect.
    pub down_pause_ms: u64,
    /// How long one call into libvirt may take.
    pub call_timeout_ms: u64,
    /// How long a call that moves data (images, disks) may take.
    pub transfer_timeout_ms: u64,
    /// How long the guest's agent may take to answer.
    pub agent_timeout_ms: u64,
    /// How long a reboot may take to show, for each way that is tried.
    pub reboot_shows_ms: u64,
    /// How long a guest may take to go down, for each way that is tried.
    pub stop_shows_ms: u64,
    /// Pause between two looks at a domain that is on its way.
    pub poll_ms: u64,
    /// Longest wait for a record to change.
    pub long_poll_ms: u64,
    /// Silence after which the other side is asked for a sign of life, five times; 0: never.
    pub keepalive_ms: u64,
    /// How long after a create whose answer was lost its domain may still appear.
    pub landing_bound_ms: u64,
    /// Finished operations remembered.
    pub remembered: usize,
    /// Largest image that is fetched, in bytes.
    pub image_bytes: u64,
    /// Largest day-0 file, and all of a VM's together, in bytes.
    pub day_zero_bytes: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            calls: 16,
            connect_timeout_ms: 10_000,
            down_pause_ms: 1_000,
            call_timeout_ms: 60_000,
            transfer_timeout_ms: 1_800_000,
            agent_timeout_ms: 5_000,
            reboot_shows_ms: 60_000,
            stop_shows_ms: 60_000,
            poll_ms: 1_000,
            long_poll_ms: 3_000,
            keepalive_ms: 5_000,
            landing_bound_ms: 60_000,
            remembered: 10_000,
            image_bytes: 64 * 1024 * 1024 * 1024,
            day_zero_bytes: 16 * 1024 * 1024,
        }
    }
}

impl Settings {
    /// `landing-bound-ms`.
    pub fn landing_bound(&self) -> Duration {
        Duration::from_millis(self.landing_bound_ms)
    }

    pub(super) fn connect_timeout(&self) -> Duration {
        Duration::from_millis(self.connect_timeout_ms.max(1))
    }

    pub(super) fn down_pause(&self) -> Duration {
        Duration::from_millis(self.down_pause_ms)
    }

    pub(super) fn call_timeout(&self) -> Duration {
        Duration::from_millis(self.call_timeout_ms.max(1))
    }

    pub(super) fn transfer_timeout(&self) -> Duration {
        Duration::from_millis(self.transfer_timeout_ms.max(1))
    }

    pub(super) fn agent_timeout(&self) -> Duration {
        Duration::from_millis(self.agent_timeout_ms.max(1))
    }

    pub(super) fn reboot_shows(&self) -> Duration {
        Duration::from_millis(self.reboot_shows_ms)
    }

    pub(super) fn stop_shows(&self) -> Duration {
        Duration::from_millis(self.stop_shows_ms)
    }

    pub(super) fn poll(&self) -> Duration {
        Duration::from_millis(self.poll_ms.max(10))
    }

    pub(super) fn long_poll(&self) -> Duration {
        Duration::from_millis(self.long_poll_ms)
    }
}
