//! `VnfInstance` (clause 5.5.2.2) and what it is made of.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::KeyValuePairs;
use super::op_occ::{ExtVirtualLinkInfo, Link, ResourceHandle, words};
use super::request::TargetState;

words! {
    /// Whether an instance has resources.
    InstantiationState {
        NotInstantiated = "NOT_INSTANTIATED",
        Instantiated = "INSTANTIATED",
    }
}

/// One VNF instance.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(
    missing_docs,
    reason = "the attributes of clause 5.5.2.2, by their names"
)]
pub struct VnfInstance {
    pub id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vnf_instance_name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vnf_instance_description: Option<String>,
    pub vnfd_id: String,
    pub vnf_provider: String,
    pub vnf_product_name: String,
    pub vnf_software_version: String,
    pub vnfd_version: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vnf_configurable_properties: Option<KeyValuePairs>,
    /// A map by id in API version 2, a list in version 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vim_connection_info: Option<Value>,
    pub instantiation_state: InstantiationState,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instantiated_vnf_info: Option<InstantiatedVnfInfo>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<KeyValuePairs>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extensions: Option<KeyValuePairs>,
    #[serde(rename = "_links")]
    pub links: VnfInstanceLinks,
}

/// Links of an instance; those of tasks only while the task is possible.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(
    missing_docs,
    reason = "the attributes of clause 5.5.2.2, by their names"
)]
pub struct VnfInstanceLinks {
    #[serde(rename = "self")]
    pub this: Link,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instantiate: Option<Link>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terminate: Option<Link>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scale: Option<Link>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scale_to_level: Option<Link>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heal: Option<Link>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operate: Option<Link>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change_current_vnf_pkg: Option<Link>,
}

/// A connection to a VIM (clause 4.4.1.6); credentials are never given out.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(
    missing_docs,
    reason = "the attributes of clause 4.4.1.6, by their names"
)]
pub struct VimConnectionInfo {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vim_id: Option<String>,
    pub vim_type: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interface_info: Option<KeyValuePairs>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extra: Option<KeyValuePairs>,
}

impl VimConnectionInfo {
    /// As the attribute `vimConnectionInfo`: a map by id in API version 2, a list before.
    pub fn attribute(connections: &BTreeMap<String, Self>, major: super::Major) -> Option<Value> {
        if connections.is_empty() {
            return None;
        }
        match major {
            super::Major::V2 => serde_json::to_value(connections).ok(),
            super::Major::V1 => {
                let list: Vec<_> = connections
                    .iter()
                    .map(|(id, connection)| Self {
                        id: Some(id.clone()),
                        ..connection.clone()
                    })
                    .collect();
                serde_json::to_value(list).ok()
            }
        }
    }
}

/// What an instantiated VNF is made of.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(
    missing_docs,
    reason = "the attributes of clause 5.5.2.2, by their names"
)]
pub struct InstantiatedVnfInfo {
    pub flavour_id: String,
    pub vnf_state: TargetState,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scale_status: Vec<ScaleInfo>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub max_scale_levels: Vec<ScaleInfo>,
    /// At least one, where it is given.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ext_cp_info: Vec<ExtCpInfo>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ext_virtual_link_info: Vec<ExtVirtualLinkInfo>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub vnfc_resource_info: Vec<VnfcResourceInfo>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub vnf_virtual_link_resource_info: Vec<VnfVirtualLinkResourceInfo>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub vnfc_info: Vec<VnfcInfo>,
}

/// How far an aspect is scaled (clause 5.5.3.10).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(
    missing_docs,
    reason = "the attributes of clause 5.5.3.10, by their names"
)]
pub struct ScaleInfo {
    pub aspect_id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vnfd_id: Option<String>,
    pub scale_level: u32,
}

/// An external connection point (clause 5.5.3.26).
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(
    missing_docs,
    reason = "the attributes of clause 5.5.3, by their names"
)]
pub struct ExtCpInfo {
    pub id: String,
    pub cpd_id: String,
    pub cp_config_id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vnfd_id: Option<String>,
    pub cp_protocol_info: Vec<CpProtocolInfo>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub associated_vnfc_cp_id: Option<String>,
}

/// Protocol of a connection point (clause 5.5.3.9b).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(
    missing_docs,
    reason = "the attributes of clause 5.5.3, by their names"
)]
pub struct CpProtocolInfo {
    pub layer_protocol: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ip_over_ethernet: Option<IpOverEthernet>,
}

/// Addresses of a connection point (clause 5.5.3.10).
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(
    missing_docs,
    reason = "the attributes of clause 5.5.3, by their names"
)]
pub struct IpOverEthernet {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mac_address: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ip_addresses: Vec<IpAddresses>,
}

/// IP addresses of one subnet.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(
    missing_docs,
    reason = "the attributes of clause 5.5.3, by their names"
)]
pub struct IpAddresses {
    #[serde(rename = "type")]
    pub kind: String,
    pub addresses: Vec<String>,
    /// Given with `addresses`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is_dynamic: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subnet_id: Option<String>,
}

/// A VNFC and its resources (clause 5.5.3.3).
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(
    missing_docs,
    reason = "the attributes of clause 5.5.3.3, by their names"
)]
pub struct VnfcResourceInfo {
    pub id: String,
    pub vdu_id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vnfd_id: Option<String>,
    pub compute_resource: ResourceHandle,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub vnfc_cp_info: Vec<VnfcCpInfo>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<KeyValuePairs>,
}

/// A connection point of a VNFC.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(
    missing_docs,
    reason = "the attributes of clause 5.5.3.3, by their names"
)]
pub struct VnfcCpInfo {
    pub id: String,
    pub cpd_id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vnf_ext_cp_id: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cp_protocol_info: Vec<CpProtocolInfo>,
}

/// An internal virtual link and its resource (clause 5.5.3.4).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(
    missing_docs,
    reason = "the attributes of clause 5.5.3.4, by their names"
)]
pub struct VnfVirtualLinkResourceInfo {
    pub id: String,
    pub vnf_virtual_link_desc_id: String,
    pub network_resource: ResourceHandle,
}

/// A VNFC for a reader who is not to see resources (clause 5.5.3.23).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(
    missing_docs,
    reason = "the attributes of clause 5.5.3.23, by their names"
)]
pub struct VnfcInfo {
    pub id: String,
    pub vdu_id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vnfc_resource_info_id: Option<String>,
    pub vnfc_state: TargetState,
}
