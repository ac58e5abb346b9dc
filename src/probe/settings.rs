//! Settings of the probes and their scheduler (table `[probe]`).

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Settings of probing.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Settings {
    /// Probes under way at one time; more wait their turn.
    pub concurrency: usize,
    /// How long a probe waits for its answer, at most its KPI's period, in ms.
    pub timeout_ms: u64,
    /// The first polls of VMs started together are spread over this time, at most the period, in ms.
    pub spread_ms: u64,
    /// Shortest period of a poll, in ms; shorter ones are raised to it.
    pub min_period_ms: u64,
    /// Most KPIs watched; what comes beyond is not polled and said so.
    pub max_monitors: usize,
    /// Port that `TCPConnect` asks for.
    pub tcp_port: u16,
    /// Seed of the spread.
    pub seed: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            concurrency: 1000,
            timeout_ms: 2000,
            spread_ms: 3000,
            min_period_ms: 100,
            max_monitors: 200_000,
            tcp_port: 22,
            seed: 1,
        }
    }
}

impl Settings {
    /// Timeout of a probe polled at that period.
    pub fn timeout(&self, period: Duration) -> Duration {
        Duration::from_millis(self.timeout_ms.max(1)).min(period)
    }

    /// The period in force for one that was asked for.
    pub fn period(&self, asked: Duration) -> Duration {
        asked.max(Duration::from_millis(self.min_period_ms.max(1)))
    }
}
