//! `[limits]`: what sessions may cost; `[nacm]`: whom no access rule binds.

use serde::{Deserialize, Serialize};

/// Access control (RFC 8341); the rules themselves are in the configuration, `/nacm`.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct NacmSettings {
    /// The user whom no access rule binds, to mend rules that lock everybody out; empty: nobody.
    pub recovery_user: String,
}

/// How many sessions there may be.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct SessionLimits {
    /// Sessions in all.
    pub sessions: usize,
    /// Sessions of one user; 0: all but the reserved ones.
    pub sessions_per_user: usize,
    /// Sessions that only the recovery user can have.
    pub sessions_reserved: usize,
    /// Octets of requests that all sessions of one user hold, received or being answered; beyond, one
    /// session at a time goes on.
    pub input_bytes_per_user: usize,
    /// Edits that one netconf-config-change lists; more are told by fewer, higher targets.
    pub change_edits: usize,
    /// Units (tenants, deployments, the root) that one change of running touches; a larger one is refused as
    /// `too-big`.
    pub change_units: usize,
}

impl Default for SessionLimits {
    fn default() -> Self {
        Self {
            sessions: 4096,
            sessions_per_user: 0,
            sessions_reserved: 2,
            input_bytes_per_user: 64 * 1024 * 1024,
            change_edits: 256,
            change_units: 20_000,
        }
    }
}
