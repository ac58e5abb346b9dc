//! Limits and algorithms of the SSH shell, as the settings file spells them.

use std::net::IpAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::error::SshError;
use crate::ids::Prefix;

/// Settings of the SSH shell (table `[ssh]`).
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct SshSettings {
    /// Seconds from accepting a connection to the end of the hello exchange, in total. Also the time
    /// a connection may stay without an established session.
    pub login_seconds: u64,
    /// Connections at once, logged in or not.
    pub connections: usize,
    /// Addresses or prefixes that may connect; empty: all.
    pub allow: Vec<Prefix>,
    /// Octets that a client may send before it has logged in.
    pub login_bytes: usize,
    /// Failed login attempts per connection (a `none` probe is not one).
    pub auth_attempts: u32,
    /// Constant duration of a rejection, in milliseconds; a success is not delayed.
    pub auth_rejection_milliseconds: u64,
    /// Seconds of silence after which the kernel probes whether the client's machine is there (three
    /// times, as far apart; no work for us); 0: never.
    pub tcp_keepalive_seconds: u64,
    /// Seconds without anything from the client after which it is asked, over SSH, for a sign of life.
    pub keepalive_seconds: u64,
    /// Unanswered signs of life after which the connection is lost.
    pub keepalive_count: usize,
    /// Channels at once per connection; each carries one session.
    pub channels_per_connection: usize,
    /// Seconds a pending write may make no progress before the connection is cut.
    pub write_stall_seconds: u64,
    /// Octets the client may send per channel before it must wait for more window.
    pub receive_window_bytes: u32,
    /// Octets per channel received and not yet taken by the session; above it the client is not read.
    pub receive_buffer_bytes: usize,
    /// Octets after which keys are exchanged anew, each way (RFC 4253 section 9).
    pub rekey_bytes: usize,
    /// Seconds after which keys are exchanged anew.
    pub rekey_seconds: u64,
    /// Limits before login.
    pub startups: StartupSettings,
    /// Penalties for sources that misbehave before login.
    pub penalties: PenaltySettings,
}

/// Limits on connections that have not logged in yet (table `[ssh.startups]`).
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct StartupSettings {
    /// Pending logins above which some are dropped.
    pub begin: u32,
    /// Percent dropped at `begin`, growing to 100 at `full`.
    pub rate: u32,
    /// Pending logins above which a new one needs another one to go; a source with none pending is let in
    /// all the same, and the oldest stranger goes.
    pub full: u32,
    /// Pending logins per source.
    pub per_source: u32,
    /// Connections per source that wait, unread, for one of its pending logins to be through; beyond, the one
    /// that has waited longest goes.
    pub waiting_per_source: u32,
    /// Connections of all sources that wait so.
    pub waiting: u32,
    /// Milliseconds after which another login of its source may take the place of one that has sent nothing at all;
    /// of one that has, after ten times as many of silence, or twenty times in all. Not while its credentials are
    /// being checked.
    pub patience_milliseconds: u64,
    /// Leading bits of an IPv4 address that make one source.
    pub source_prefix_ipv4: u8,
    /// Leading bits of an IPv6 address that make one source.
    pub source_prefix_ipv6: u8,
}

/// Penalties per source, in seconds, added up (table `[ssh.penalties]`).
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct PenaltySettings {
    /// Whether sources are penalised at all.
    pub enabled: bool,
    /// Failed login attempts per source in any minute, exempt sources included; beyond, it is refused without being asked.
    pub attempts_per_minute: usize,
    /// A connection that ended after failed attempts.
    pub auth_failed_seconds: u64,
    /// A connection that ended without any attempt.
    pub no_auth_seconds: u64,
    /// A connection that ran out of its login time.
    pub grace_exceeded_seconds: u64,
    /// A connection whose task panicked.
    pub crash_seconds: u64,
    /// Penalty from which a source is refused.
    pub min_seconds: u64,
    /// Longest penalty.
    pub max_seconds: u64,
    /// Sources remembered; when full the one that ends first is forgotten.
    pub sources: usize,
    /// Sources never penalised: addresses or prefixes. The loopback addresses by default, since all
    /// users of the machine share them.
    pub exempt: Vec<Prefix>,
}

impl Default for SshSettings {
    fn default() -> Self {
        Self {
            login_seconds: 30,
            connections: 4_352,
            allow: Vec::new(),
            login_bytes: 128 * 1024,
            auth_attempts: 6,
            auth_rejection_milliseconds: 1_000,
            tcp_keepalive_seconds: 15,
            keepalive_seconds: 120,
            keepalive_count: 3,
            channels_per_connection: 4,
            write_stall_seconds: 60,
            receive_window_bytes: 256 * 1024,
            receive_buffer_bytes: 256 * 1024,
            rekey_bytes: 1 << 30,
            rekey_seconds: 3_600,
            startups: StartupSettings::default(),
            penalties: PenaltySettings::default(),
        }
    }
}

impl Default for StartupSettings {
    fn default() -> Self {
        Self {
            begin: 10,
            rate: 30,
            full: 100,
            per_source: 5,
            waiting_per_source: 64,
            waiting: 256,
            patience_milliseconds: 1_000,
            source_prefix_ipv4: 32,
            source_prefix_ipv6: 64,
        }
    }
}

impl Default for PenaltySettings {
    fn default() -> Self {
        Self {
            enabled: true,
            attempts_per_minute: 30,
            auth_failed_seconds: 5,
            no_auth_seconds: 1,
            grace_exceeded_seconds: 10,
            crash_seconds: 90,
            min_seconds: 15,
            max_seconds: 600,
            sources: 65_536,
            exempt: vec![Prefix::LOOPBACK_IPV4, Prefix::LOOPBACK_IPV6],
        }
    }
}

impl StartupSettings {
    pub(super) fn patience(&self) -> Duration {
        Duration::from_millis(self.patience_milliseconds)
    }
}

impl SshSettings {
    /// Checks what the types do not.
    ///
    /// # Errors
    /// [`SshError::Setting`] naming the first setting that cannot work.
    pub fn check(&self) -> Result<(), SshError> {
        let positive = [
            ("login-seconds", self.login_seconds),
            ("connections", self.connections as u64),
            (
                "penalties.attempts-per-minute",
                self.penalties.attempts_per_minute as u64,
            ),
            ("auth-attempts", u64::from(self.auth_attempts)),
            (
                "channels-per-connection",
                self.channels_per_connection as u64,
            ),
            ("write-stall-seconds", self.write_stall_seconds),
            ("receive-buffer-bytes", self.receive_buffer_bytes as u64),
            ("rekey-seconds", self.rekey_seconds),
            ("startups.begin", u64::from(self.startups.begin)),
            ("startups.per-source", u64::from(self.startups.per_source)),
            (
                "startups.patience-milliseconds",
                self.startups.patience_milliseconds,
            ),
        ];
        for (name, value) in positive {
            if value == 0 {
                return Err(setting(name, "must not be 0"));
            }
        }
        if self.receive_window_bytes < 64 * 1024 {
            return Err(setting("receive-window-bytes", "must be at least 65536"));
        }
        if self.login_bytes < 32 * 1024 {
            return Err(setting("login-bytes", "must be at least 32768"));
        }
        if self.rekey_bytes < 1 << 20 || self.rekey_bytes > 1 << 30 {
            return Err(setting("rekey-bytes", "must be 1048576 to 1073741824"));
        }
        if self.startups.full <= self.startups.begin {
            return Err(setting("startups.full", "must be above startups.begin"));
        }
        if self.startups.rate > 100 {
            return Err(setting("startups.rate", "must be at most 100"));
        }
        if self.startups.source_prefix_ipv4 > 32 || self.startups.source_prefix_ipv6 > 128 {
            return Err(setting(
                "startups.source-prefix-ipv4",
                "must be at most 32, and source-prefix-ipv6 at most 128",
            ));
        }
        Ok(())
    }

    /// Whether an address may connect at all.
    pub(super) fn allows(&self, address: IpAddr) -> bool {
        Prefix::allows(&self.allow, address)
    }

    pub(super) fn login_time(&self) -> Duration {
        Duration::from_secs(self.login_seconds)
    }

    pub(super) fn write_stall(&self) -> Duration {
        Duration::from_secs(self.write_stall_seconds)
    }
}

fn setting(name: &'static str, problem: &str) -> SshError {
    SshError::Setting {
        name,
        problem: problem.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_pass_their_own_check() {
        SshSettings::default().check().unwrap();
    }

    #[test]
    fn a_file_may_name_some_keys_and_no_unknown_one() {
        let text = "login-seconds = 20\n[startups]\nbegin = 2\n[penalties]\nexempt = [\"10.0.0.0/8\", \"::1\"]\n";
        let settings: SshSettings = toml::from_str(text).unwrap();
        assert_eq!(settings.login_seconds, 20);
        assert_eq!(settings.startups.begin, 2);
        assert_eq!(settings.startups.full, 100);
        assert_eq!(settings.penalties.exempt.len(), 2);
        let error = toml::from_str::<SshSettings>("login-second = 20").unwrap_err();
        assert!(error.to_string().contains("login-second"), "{error}");
    }

    #[test]
    fn values_that_cannot_work_are_named() {
        let mut settings = SshSettings::default();
        settings.startups.full = 10;
        assert_eq!(
            settings.check().unwrap_err().to_string(),
            "ssh setting startups.full: must be above startups.begin"
        );
        settings = SshSettings {
            auth_attempts: 0,
            ..SshSettings::default()
        };
        assert_eq!(
            settings.check().unwrap_err().to_string(),
            "ssh setting auth-attempts: must not be 0"
        );
    }
}
