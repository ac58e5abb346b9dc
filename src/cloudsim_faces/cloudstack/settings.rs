//! Settings of CloudStack's face (table `[cloudstack]`).

use serde::{Deserialize, Serialize};

/// What ids look like.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ids {
    /// UUIDs, as from CloudStack 3.0 on.
    #[default]
    Uuid,
    /// Numbers, as before; a failed job's result is then a text.
    Integer,
}

/// Settings of CloudStack's face.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Settings {
    /// Version shown.
    pub version: String,
    /// Zone's name.
    pub zone: String,
    /// What ids look like: `uuid` or `integer`.
    pub ids: Ids,
    /// Network of a VM that names none.
    pub default_network: String,
    /// Jobs kept.
    pub jobs: usize,
    /// Accounts with their keys.
    pub accounts: Vec<AccountSettings>,
}

/// An account.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct AccountSettings {
    /// Name; the cloud's tenant of that name, made if there is none.
    pub name: String,
    /// Key that a request names.
    pub api_key: String,
    /// Key that a request is signed with.
    pub secret_key: String,
    /// Whether it sees the VMs of all.
    pub admin: bool,
}

impl Default for Settings {
    fn default() -> Self {
        let account = |name: &str, admin| AccountSettings {
            name: name.to_owned(),
            api_key: format!("{name}-key"),
            secret_key: format!("{name}-secret"),
            admin,
        };
        Self {
            version: "4.18.1.0".to_owned(),
            zone: "sim-zone-1".to_owned(),
            ids: Ids::default(),
            default_network: "esc-net".to_owned(),
            jobs: 10_000,
            accounts: vec![account("admin", true), account("demo", false)],
        }
    }
}
