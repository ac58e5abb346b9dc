//! Neutron v2.0: networks and subnets.

use serde::{Deserialize, Serialize};

use super::{count, or_default};

/// A network as shown.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Network {
    /// Id.
    pub id: String,
    /// Name.
    #[serde(default, deserialize_with = "or_default")]
    pub name: String,
    /// `ACTIVE`, `DOWN`, `BUILD`, `ERROR`.
    #[serde(default, deserialize_with = "or_default")]
    pub status: String,
    /// Whether it forwards.
    #[serde(default = "yes")]
    pub admin_state_up: bool,
    /// Whether every project may use it.
    #[serde(default)]
    pub shared: bool,
    /// Project, by its old name.
    #[serde(default, deserialize_with = "or_default")]
    pub tenant_id: String,
    /// Project.
    #[serde(default, deserialize_with = "or_default")]
    pub project_id: String,
    /// Ids of its subnets.
    #[serde(default, deserialize_with = "or_default")]
    pub subnets: Vec<String>,
    /// Words about it; carries our token.
    #[serde(default, deserialize_with = "or_default")]
    pub description: String,
    /// Largest packet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mtu: Option<u32>,
    /// Whether it leads out.
    #[serde(
        rename = "router:external",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub external: Option<bool>,
}

fn yes() -> bool {
    true
}

/// One network.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct NetworkDocument {
    /// It.
    pub network: Network,
}

/// `GET /v2.0/networks`.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct NetworkList {
    /// The networks.
    #[serde(default, deserialize_with = "or_default")]
    pub networks: Vec<Network>,
}

/// `POST /v2.0/networks`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct NewNetworkDocument {
    /// What to make.
    pub network: NewNetwork,
}

/// A network to make. Members beyond the first need rights or extensions, and are left out when not asked for.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct NewNetwork {
    /// Name.
    #[serde(default, deserialize_with = "or_default")]
    pub name: String,
    /// Whether it forwards.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub admin_state_up: Option<bool>,
    /// Whether every project may use it; for administrators.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shared: Option<bool>,
    /// For which project; another than the token's is for administrators.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project_id: Option<String>,
    /// Words about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// `vlan`; for administrators.
    #[serde(
        rename = "provider:network_type",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub network_type: Option<String>,
    /// Physical network; for administrators.
    #[serde(
        rename = "provider:physical_network",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub physical_network: Option<String>,
    /// VLAN; for administrators.
    #[serde(
        rename = "provider:segmentation_id",
        default,
        deserialize_with = "count",
        skip_serializing_if = "Option::is_none"
    )]
    pub segmentation_id: Option<u16>,
}

/// A subnet as shown.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Subnet {
    /// Id.
    pub id: String,
    /// Name.
    #[serde(default, deserialize_with = "or_default")]
    pub name: String,
    /// Of which network.
    #[serde(default, deserialize_with = "or_default")]
    pub network_id: String,
    /// Address and prefix length.
    #[serde(default, deserialize_with = "or_default")]
    pub cidr: String,
    /// 4 or 6.
    #[serde(default)]
    pub ip_version: u8,
    /// Gateway.
    #[serde(default)]
    pub gateway_ip: Option<String>,
    /// Whether addresses are handed out.
    #[serde(default)]
    pub enable_dhcp: bool,
    /// Project, by its old name.
    #[serde(default, deserialize_with = "or_default")]
    pub tenant_id: String,
    /// Project.
    #[serde(default, deserialize_with = "or_default")]
    pub project_id: String,
    /// Words about it.
    #[serde(default, deserialize_with = "or_default")]
    pub description: String,
}

/// One subnet.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SubnetDocument {
    /// It.
    pub subnet: Subnet,
}

/// `GET /v2.0/subnets`.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct SubnetList {
    /// The subnets.
    #[serde(default, deserialize_with = "or_default")]
    pub subnets: Vec<Subnet>,
}

/// `POST /v2.0/subnets`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct NewSubnetDocument {
    /// What to make.
    pub subnet: NewSubnet,
}

/// A subnet to make.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct NewSubnet {
    /// Of which network.
    pub network_id: String,
    /// 4 or 6.
    pub ip_version: u8,
    /// Address and prefix length.
    pub cidr: String,
    /// Name.
    #[serde(default, deserialize_with = "or_default")]
    pub name: String,
    /// Gateway; the cloud's choice when missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gateway_ip: Option<String>,
    /// Whether addresses are handed out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enable_dhcp: Option<bool>,
    /// For which project.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project_id: Option<String>,
}
