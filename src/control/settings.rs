//! `[limits]`: what sessions may cost.

use serde::{Deserialize, Serialize};

/// How many sessions there may be.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct SessionLimits {
    /// Sessions in all.
    pub sessions: usize,
    /// Sessions of one user.
    pub sessions_per_user: usize,
    /// Edits that one netconf-config-change lists; more are told by fewer, higher targets.
    pub change_edits: usize,
}

impl Default for SessionLimits {
    fn default() -> Self {
        Self {
            sessions: 4096,
            sessions_per_user: 4094,
            change_edits: 256,
        }
    }
}
