//! Settings of Nova's face (table `[nova]`).

use serde::{Deserialize, Serialize};

/// Settings of Nova's face.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Settings {
    /// Region.
    pub region: String,
    /// Seconds a token is good for.
    pub token_seconds: u64,
    /// Whether a shelved server leaves its host at once (`shelved_offload_time = 0`).
    pub shelve_offloads: bool,
    /// Tokens kept; beyond that the oldest are forgotten.
    pub tokens: usize,
    /// Who may log in.
    pub users: Vec<UserSettings>,
}

/// Someone who may log in.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct UserSettings {
    /// Name.
    pub name: String,
    /// Password.
    pub password: String,
    /// Project; made if there is none of the name.
    pub project: String,
    /// Roles in it: `admin`, `member`, `reader`.
    pub roles: Vec<String>,
}

impl Default for Settings {
    fn default() -> Self {
        let user = |name: &str, roles: &[&str]| UserSettings {
            name: name.to_owned(),
            password: "lifeline".to_owned(),
            project: name.to_owned(),
            roles: roles.iter().map(|role| (*role).to_owned()).collect(),
        };
        Self {
            region: "RegionOne".to_owned(),
            token_seconds: 3600,
            shelve_offloads: true,
            tokens: 10_000,
            users: vec![
                user("admin", &["admin", "member", "reader"]),
                user("demo", &["member", "reader"]),
            ],
        }
    }
}
