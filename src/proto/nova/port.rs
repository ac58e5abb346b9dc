//! Neutron v2.0: ports and security groups.

use serde::{Deserialize, Serialize};

use super::or_default;

/// An address of a port.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct FixedIp {
    /// Of which subnet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subnet_id: Option<String>,
    /// The address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ip_address: Option<String>,
}

/// A port as shown.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Port {
    /// Id.
    pub id: String,
    /// Name.
    #[serde(default, deserialize_with = "or_default")]
    pub name: String,
    /// Of which network.
    #[serde(default, deserialize_with = "or_default")]
    pub network_id: String,
    /// MAC address.
    #[serde(default, deserialize_with = "or_default")]
    pub mac_address: String,
    /// Addresses.
    #[serde(default, deserialize_with = "or_default")]
    pub fixed_ips: Vec<FixedIp>,
    /// Of which server, empty of none.
    #[serde(default, deserialize_with = "or_default")]
    pub device_id: String,
    /// `compute:nova` and others.
    #[serde(default, deserialize_with = "or_default")]
    pub device_owner: String,
    /// `ACTIVE`, `DOWN`, `BUILD`.
    #[serde(default, deserialize_with = "or_default")]
    pub status: String,
    /// Whether it forwards.
    #[serde(default = "yes")]
    pub admin_state_up: bool,
    /// Project, by its old name.
    #[serde(default, deserialize_with = "or_default")]
    pub tenant_id: String,
    /// Project.
    #[serde(default, deserialize_with = "or_default")]
    pub project_id: String,
    /// Ids of its security groups.
    #[serde(default, deserialize_with = "or_default")]
    pub security_groups: Vec<String>,
    /// Words about it; carries our token.
    #[serde(default, deserialize_with = "or_default")]
    pub description: String,
}

fn yes() -> bool {
    true
}

/// One port.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct PortDocument {
    /// It.
    pub port: Port,
}

/// `GET /v2.0/ports`.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct PortList {
    /// The ports.
    #[serde(default, deserialize_with = "or_default")]
    pub ports: Vec<Port>,
}

/// `POST /v2.0/ports`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct NewPortDocument {
    /// What to make.
    pub port: NewPort,
}

/// A port to make.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct NewPort {
    /// Of which network.
    pub network_id: String,
    /// Name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// MAC address; the cloud's choice when missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mac_address: Option<String>,
    /// Addresses; the cloud's choice when missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fixed_ips: Option<Vec<FixedIp>>,
    /// For which project; another than the token's is for administrators.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project_id: Option<String>,
    /// Words about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// `PUT /v2.0/ports/{id}`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct PortChangeDocument {
    /// What changes.
    pub port: PortChange,
}

/// What changes of a port.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct PortChange {
    /// New words about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// New server, empty for none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_id: Option<String>,
}

/// A security group as shown.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct SecurityGroup {
    /// Id.
    pub id: String,
    /// Name.
    #[serde(default, deserialize_with = "or_default")]
    pub name: String,
    /// Project.
    #[serde(default, deserialize_with = "or_default")]
    pub project_id: String,
    /// Words about it.
    #[serde(default, deserialize_with = "or_default")]
    pub description: String,
}

/// `GET /v2.0/security-groups`.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct SecurityGroupList {
    /// The groups.
    #[serde(default, deserialize_with = "or_default")]
    pub security_groups: Vec<SecurityGroup>,
}
