//! Settings of users and passwords, table `[auth]` of the configuration file.

use std::num::NonZeroUsize;

use serde::{Deserialize, Serialize};

/// Bounds of the user store. Zero is refused everywhere.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Settings {
    /// Users at most.
    pub users: NonZeroUsize,
    /// Authorized keys per user at most.
    pub keys_per_user: NonZeroUsize,
    /// Passwords checked at the same time at most, 19 MiB each; others wait.
    pub password_checks: NonZeroUsize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            users: const { NonZeroUsize::new(1000).unwrap() },
            keys_per_user: const { NonZeroUsize::new(64).unwrap() },
            password_checks: const { NonZeroUsize::new(2).unwrap() },
        }
    }
}
