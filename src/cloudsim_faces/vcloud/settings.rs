//! Settings of vCloud's face (table `[vcloud]`).

use serde::{Deserialize, Serialize};

/// Settings of vCloud's face.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Settings {
    /// Name of every organisation's data centre.
    pub vdc: String,
    /// Name of every organisation's catalog.
    pub catalog: String,
    /// Seconds after which an unused session ends.
    pub idle_seconds: u64,
    /// Sessions kept; beyond that the oldest are forgotten.
    pub sessions: usize,
    /// Tasks kept.
    pub tasks: usize,
    /// Seconds a vApp may run where it is not said, 0 for ever; shown, not enforced.
    pub deployment_lease_seconds: u64,
    /// Flavor of a VM that names no size.
    pub default_flavor: String,
    /// Who may log in.
    pub users: Vec<UserSettings>,
}

/// Someone who may log in, as `name@org`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct UserSettings {
    /// Name.
    pub name: String,
    /// Password.
    pub password: String,
    /// Organisation: the cloud's tenant of that name, made if there is none.
    pub org: String,
}

impl Default for Settings {
    fn default() -> Self {
        let user = |name: &str| UserSettings {
            name: name.to_owned(),
            password: "lifeline".to_owned(),
            org: name.to_owned(),
        };
        Self {
            vdc: "sim-vdc".to_owned(),
            catalog: "sim-catalog".to_owned(),
            idle_seconds: 1800,
            sessions: 10_000,
            tasks: 10_000,
            deployment_lease_seconds: 0,
            default_flavor: "m1.small".to_owned(),
            users: vec![user("admin"), user("demo")],
        }
    }
}
