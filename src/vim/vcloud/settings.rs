//! Settings of the driver (table `[vim-vcloud]`); what differs from cloud to cloud is its connector's.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::vim_http::{Attempts, Limits};

/// Bounds of every vCloud connector. Times are whole milliseconds.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Settings {
    /// Requests under way at once, per connector.
    pub requests: usize,
    /// How long a connection may take to open.
    pub connect_timeout_ms: u64,
    /// How long one request may take.
    pub request_timeout_ms: u64,
    /// How long a call or an inquiry of the engine may take, all its requests together.
    pub call_timeout_ms: u64,
    /// How often a request that only reads is sent before it is given up.
    pub attempts: u32,
    /// First pause between two attempts; it doubles.
    pub backoff_base_ms: u64,
    /// Longest pause between two attempts.
    pub backoff_max_ms: u64,
    /// Pause between two requests to a cloud that is down.
    pub down_pause_ms: u64,
    /// How long after a create whose answer was lost a vApp may still appear.
    pub landing_bound_ms: u64,
    /// Longest wait for a task to change.
    pub long_poll_ms: u64,
    /// Pause between two questions for a task.
    pub poll_ms: u64,
    /// Largest answer that is read, in bytes.
    pub answer_bytes: usize,
    /// VMs and calls of which the driver remembers something, each.
    pub remembered: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            requests: 16,
            connect_timeout_ms: 5_000,
            request_timeout_ms: 30_000,
            call_timeout_ms: 90_000,
            attempts: 3,
            backoff_base_ms: 300,
            backoff_max_ms: 3_000,
            down_pause_ms: 1_000,
            landing_bound_ms: 300_000,
            long_poll_ms: 3_000,
            poll_ms: 500,
            answer_bytes: 64 * 1024 * 1024,
            remembered: 20_000,
        }
    }
}

impl Settings {
    /// Attempts at a question.
    pub fn attempts(&self, seed: u64) -> Attempts {
        Attempts::new(
            self.attempts,
            self.backoff_base_ms,
            self.backoff_max_ms,
            seed,
        )
    }

    /// Bounds of the HTTP client.
    pub fn limits(&self) -> Limits {
        Limits {
            requests: self.requests,
            connect: Duration::from_millis(self.connect_timeout_ms.max(1)),
            request: Duration::from_millis(self.request_timeout_ms.max(1)),
            down_pause: Duration::from_millis(self.down_pause_ms),
            answer_bytes: self.answer_bytes,
        }
    }

    /// `landing-bound-ms`.
    pub fn landing_bound(&self) -> Duration {
        Duration::from_millis(self.landing_bound_ms)
    }

    pub(super) fn call_timeout(&self) -> Duration {
        Duration::from_millis(self.call_timeout_ms.max(1))
    }

    pub(super) fn long_poll(&self) -> Duration {
        Duration::from_millis(self.long_poll_ms)
    }

    pub(super) fn poll(&self) -> Duration {
        Duration::from_millis(self.poll_ms.max(10))
    }
}
