//! `VnfLcmOpOcc` (clause 5.5.2.13) and every type it is made of.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::KeyValuePairs;
use super::problem::ProblemDetails;

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
        #[expect(missing_docs, reason = "each name is the standard's own word")]
        pub enum $name { $(#[serde(rename = $word)] $variant),+ }

        impl $name {
            /// Every value.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The word on the wire.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
        }
    };
}
pub(super) use words;

words! {
    /// `LcmOperationType` (clause 5.5.4.5).
    OperationType {
        Instantiate = "INSTANTIATE",
        Scale = "SCALE",
        ScaleToLevel = "SCALE_TO_LEVEL",
        ChangeFlavour = "CHANGE_FLAVOUR",
        Terminate = "TERMINATE",
        Heal = "HEAL",
        Operate = "OPERATE",
        ChangeExtConn = "CHANGE_EXT_CONN",
        ModifyInfo = "MODIFY_INFO",
        CreateSnapshot = "CREATE_SNAPSHOT",
        RevertToSnapshot = "REVERT_TO_SNAPSHOT",
        ChangeVnfpkg = "CHANGE_VNFPKG",
    }
}
words! {
    /// `LcmOperationStateType` (clause 5.5.4.6).
    OperationStateType {
        Starting = "STARTING",
        Processing = "PROCESSING",
        Completed = "COMPLETED",
        FailedTemp = "FAILED_TEMP",
        Failed = "FAILED",
        RollingBack = "ROLLING_BACK",
        RolledBack = "ROLLED_BACK",
    }
}
words! {
    /// `CancelModeType` (clause 5.5.4.7).
    CancelMode { Graceful = "GRACEFUL", Forceful = "FORCEFUL" }
}

/// A link (SOL 013 clause 7.1.2).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Link {
    /// URI.
    pub href: String,
}

impl Link {
    /// A link to there.
    pub fn to(href: impl Into<String>) -> Self {
        Self { href: href.into() }
    }
}

/// One VNF lifecycle management operation occurrence.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(
    missing_docs,
    reason = "the attributes of clause 5.5.2.13, by their names"
)]
pub struct VnfLcmOpOcc {
    pub id: String,
    pub operation_state: OperationStateType,
    pub state_entered_time: String,
    pub start_time: String,
    pub vnf_instance_id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grant_id: Option<String>,
    pub operation: OperationType,
    pub is_automatic_invocation: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation_params: Option<Value>,
    pub is_cancel_pending: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancel_mode: Option<CancelMode>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<ProblemDetails>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_changes: Option<ResourceChanges>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed_info: Option<VnfInfoModifications>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub affected_vip_cps: Vec<AffectedVip>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changed_ext_connectivity: Vec<ExtVirtualLinkInfo>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub modifications_triggered_by_vnf_pkg_change: Option<ModificationsTriggeredByVnfPkgChange>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vnf_snapshot_info_id: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lcm_coordinations: Vec<LcmCoordination>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rejected_lcm_coordinations: Vec<RejectedLcmCoordination>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    #[serde(rename = "_links", default, skip_serializing_if = "Option::is_none")]
    pub links: Option<OpOccLinks>,
}

/// Links of an occurrence; those of tasks only while the task is possible.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(
    missing_docs,
    reason = "the attributes of clause 5.5.2.13, by their names"
)]
pub struct OpOccLinks {
    #[serde(rename = "self")]
    pub this: Link,
    pub vnf_instance: Link,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grant: Option<Link>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancel: Option<Link>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry: Option<Link>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollback: Option<Link>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fail: Option<Link>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vnf_snapshot: Option<Link>,
}

/// What the operation changed so far.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(
    missing_docs,
    reason = "the attributes of clause 5.5.2.13, by their names"
)]
pub struct ResourceChanges {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub affected_vnfcs: Vec<AffectedVnfc>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub affected_virtual_links: Vec<AffectedVirtualLink>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub affected_ext_link_ports: Vec<AffectedExtLinkPort>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub affected_virtual_storages: Vec<AffectedVirtualStorage>,
}

impl ResourceChanges {
    /// Whether nothing was changed.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// A resource in a VIM (clause 4.4.1.7).
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(
    missing_docs,
    reason = "the attributes of clause 4.4.1.7, by their names"
)]
pub struct ResourceHandle {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vim_connection_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_provider_id: Option<String>,
    pub resource_id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vim_level_resource_type: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vim_level_additional_resource_info: Option<VimLevelAdditionalResourceInfo>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container_namespace: Option<String>,
}

/// What else the VIM says of a resource.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(
    missing_docs,
    reason = "the attributes of clause 4.4.1.7, by their names"
)]
pub struct VimLevelAdditionalResourceInfo {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub persistent_volume: Option<String>,
}

/// A VNFC that was added, removed, modified (clause 5.5.3.13).
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(
    missing_docs,
    reason = "the attributes of clause 5.5.3.13, by their names"
)]
pub struct AffectedVnfc {
    pub id: String,
    pub vdu_id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vnfd_id: Option<String>,
    pub change_type: String,
    pub compute_resource: ResourceHandle,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_definition_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone_id: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub affected_vnfc_cp_ids: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub added_storage_resource_ids: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub removed_storage_resource_ids: Vec<String>,
}

/// A virtual link that was added, removed, modified (clause 5.5.3.14).
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(
    missing_docs,
    reason = "the attributes of clause 5.5.3.14, by their names"
)]
pub struct AffectedVirtualLink {
    pub id: String,
    pub vnf_virtual_link_desc_id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vnfd_id: Option<String>,
    pub change_type: String,
    pub network_resource: ResourceHandle,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub vnf_link_port_ids: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_definition_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone_id: Option<String>,
}

/// A link port to an external network (clause 5.5.3.14a).
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(
    missing_docs,
    reason = "the attributes of clause 5.5.3, by their names"
)]
pub struct AffectedExtLinkPort {
    pub id: String,
    pub change_type: String,
    pub ext_cp_instance_id: String,
    pub resource_handle: ResourceHandle,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_definition_id: Option<String>,
}

/// A storage that was added, removed, modified (clause 5.5.3.15).
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(
    missing_docs,
    reason = "the attributes of clause 5.5.3.15, by their names"
)]
pub struct AffectedVirtualStorage {
    pub id: String,
    pub virtual_storage_desc_id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vnfd_id: Option<String>,
    pub change_type: String,
    pub storage_resource: ResourceHandle,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_definition_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone_id: Option<String>,
}

/// What was changed of the instance's own information (clause 5.5.2.12a).
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(
    missing_docs,
    reason = "the attributes of clause 5.5.2.12a, by their names"
)]
pub struct VnfInfoModifications {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vnf_instance_name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vnf_instance_description: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vnf_configurable_properties: Option<KeyValuePairs>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<KeyValuePairs>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extensions: Option<KeyValuePairs>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vim_connection_info: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vnfd_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vnf_provider: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vnf_product_name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vnf_software_version: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vnfd_version: Option<String>,
}

/// A virtual IP connection point that was affected.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(
    missing_docs,
    reason = "the attributes of clause 5.5.3, by their names"
)]
pub struct AffectedVip {
    pub cp_instance_id: String,
    pub cpd_id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vnfd_id: Option<String>,
    pub change_type: String,
}

/// An external virtual link (clause 5.5.3.2).
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(
    missing_docs,
    reason = "the attributes of clause 5.5.3.2, by their names"
)]
pub struct ExtVirtualLinkInfo {
    pub id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_handle: Option<ResourceHandle>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ext_link_ports: Vec<ExtLinkPortInfo>,
    pub current_vnf_ext_cp_data: Vec<VnfExtCpData>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ext_net_att_def_resource: Vec<ExtNetAttDefResource>,
}

/// A port of an external virtual link (clause 5.5.3.6).
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(
    missing_docs,
    reason = "the attributes of clause 5.5.3.6, by their names"
)]
pub struct ExtLinkPortInfo {
    pub id: String,
    pub resource_handle: ResourceHandle,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cp_instance_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secondary_cp_instance_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trunk_resource_id: Option<String>,
}

/// Configuration of an external connection point.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(
    missing_docs,
    reason = "the attributes of clause 4.4.1.10, by their names"
)]
pub struct VnfExtCpData {
    pub cpd_id: String,
}

/// A network attachment definition of an external virtual link.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(
    missing_docs,
    reason = "the attributes of clause 5.5.3, by their names"
)]
pub struct ExtNetAttDefResource {
    pub net_att_def_resource_info_id: String,
    pub net_att_def_resource: ResourceHandle,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub associated_ext_cp_id: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub associated_vnfc_cp_id: Vec<String>,
}

/// What a change of the VNF package changed of the instance.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(
    missing_docs,
    reason = "the attributes of clause 5.5.2.12b, by their names"
)]
pub struct ModificationsTriggeredByVnfPkgChange {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vnfd_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vnf_provider: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vnf_product_name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vnf_software_version: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vnfd_version: Option<String>,
}

/// A coordination action (SOL 002 clause 10).
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(
    missing_docs,
    reason = "the attributes of clause 5.5.2.13, by their names"
)]
pub struct LcmCoordination {
    pub id: String,
    pub coordination_action_name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub coordination_result: Option<String>,
    pub start_time: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_time: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delay: Option<String>,
    pub endpoint_type: String,
}

/// A coordination action that was rejected.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(
    missing_docs,
    reason = "the attributes of clause 5.5.2.13, by their names"
)]
pub struct RejectedLcmCoordination {
    pub coordination_action_name: String,
    pub rejection_time: String,
    pub delay: String,
    pub endpoint_type: String,
}
