//! The engine's bounds (P10): table `[engine]` of the configuration file.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Every bound of the engine. Times are whole milliseconds.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Settings {
    /// VIM calls under way at once, per VIM.
    pub calls_per_vim: usize,
    /// VIM calls under way at once on the VMs of one host.
    pub calls_per_host: usize,
    /// How long one VIM call may take until its outcome is proven, while the VIM answers; then its step fails.
    pub step_timeout_ms: u64,
    /// How much longer a call may take because the VIM's API was down, or Lifeline was restarted.
    pub outage_timeout_ms: u64,
    /// How long a recovery insists that the old VM be gone; then a person decides.
    pub gone_timeout_ms: u64,
    /// When an undeploy that the VIM refuses is reported as failed; it is still retried after.
    pub undeploy_deadline_ms: u64,
    /// First pause between two attempts; it doubles.
    pub backoff_base_ms: u64,
    /// Longest pause between two attempts.
    pub backoff_max_ms: u64,
    /// Pause between two looks at a VM that is still changing.
    pub look_interval_ms: u64,
    /// Probe rounds after our own start in which no new recovery begins.
    pub quiet_rounds: u32,
    /// Creates whose outcome was lost that one step replaces before it fails.
    pub lost_creates: u32,
    /// How long a create given up as lost is still looked for.
    pub late_watch_ms: u64,
    /// Pause between two such looks.
    pub late_interval_ms: u64,
    /// Lines of a VM's failure history.
    pub history_lines: usize,
    /// Bytes of a VM's failure history, separators included.
    pub history_bytes: usize,
    /// Operations that are kept, ended ones among them; the oldest of those go first.
    pub operations_kept: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            calls_per_vim: 16,
            calls_per_host: 4,
            step_timeout_ms: 900_000,
            outage_timeout_ms: 7_200_000,
            gone_timeout_ms: 600_000,
            undeploy_deadline_ms: 900_000,
            backoff_base_ms: 500,
            backoff_max_ms: 4_000,
            look_interval_ms: 1_000,
            quiet_rounds: 2,
            lost_creates: 3,
            late_watch_ms: 3_600_000,
            late_interval_ms: 30_000,
            history_lines: 20,
            history_bytes: 8 * 1024,
            operations_kept: 10_000,
        }
    }
}

impl Settings {
    /// The pause before attempt `pauses + 1`: doubling, capped, between half and the whole of it by `jitter`.
    pub fn backoff(&self, pauses: u32, jitter: u64) -> Duration {
        let whole = self
            .backoff_base_ms
            .saturating_mul(1 << pauses.min(20))
            .min(self.backoff_max_ms)
            .max(1);
        let half = whole / 2;
        Duration::from_millis(half + jitter % (whole - half + 1))
    }

    /// `look-interval-ms` as a duration.
    pub fn look_interval(&self) -> Duration {
        Duration::from_millis(self.look_interval_ms.max(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn back_off_doubles_up_to_its_cap_and_never_stands_at_zero() {
        let settings = Settings::default();
        for pauses in 0..40 {
            for jitter in [0, 1, 499, u64::MAX] {
                let pause = settings.backoff(pauses, jitter);
                assert!(
                    pause >= Duration::from_millis(250) && pause <= Duration::from_millis(4000)
                );
            }
        }
    }
}
