//! Bodies of requests (clauses 5.5.2.3 to 5.5.2.12, 5.5.2.14).

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::KeyValuePairs;
use super::op_occ::{CancelMode, words};

words! {
    /// What a VNF or VNFC does (`VnfOperationalStateType`).
    TargetState { Started = "STARTED", Stopped = "STOPPED" }
}
words! {
    /// How it is stopped.
    StopType { Forceful = "FORCEFUL", Graceful = "GRACEFUL" }
}
words! {
    /// How it is terminated.
    TerminationType { Forceful = "FORCEFUL", Graceful = "GRACEFUL" }
}
words! {
    /// Which way it is scaled.
    ScaleType { ScaleOut = "SCALE_OUT", ScaleIn = "SCALE_IN" }
}

/// `CreateVnfRequest` (clause 5.5.2.3).
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(
    missing_docs,
    reason = "the attributes of clause 5.5.2.3, by their names"
)]
pub struct CreateVnfRequest {
    pub vnfd_id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vnf_instance_name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vnf_instance_description: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<KeyValuePairs>,
}

/// `InstantiateVnfRequest` (clause 5.5.2.4). What of it is not used is kept as it came.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(
    missing_docs,
    reason = "the attributes of clause 5.5.2.4, by their names"
)]
pub struct InstantiateVnfRequest {
    pub flavour_id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instantiation_level_id: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub target_scale_level_info: Vec<ScaleToLevelInfo>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub additional_params: Option<KeyValuePairs>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extensions: Option<KeyValuePairs>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vnf_configurable_properties: Option<KeyValuePairs>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vim_connection_info: Option<Value>,
}

/// `TerminateVnfRequest` (clause 5.5.2.8).
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(
    missing_docs,
    reason = "the attributes of clause 5.5.2.8, by their names"
)]
pub struct TerminateVnfRequest {
    pub termination_type: TerminationType,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub graceful_termination_timeout: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub additional_params: Option<KeyValuePairs>,
}

/// `HealVnfRequest` (clause 5.5.2.9).
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(
    missing_docs,
    reason = "the attributes of clause 5.5.2.9, by their names"
)]
pub struct HealVnfRequest {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub vnfc_instance_id: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub additional_params: Option<KeyValuePairs>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heal_script: Option<String>,
}

/// `ScaleVnfRequest` (clause 5.5.2.5).
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(
    missing_docs,
    reason = "the attributes of clause 5.5.2.5, by their names"
)]
pub struct ScaleVnfRequest {
    #[serde(rename = "type")]
    pub kind: ScaleType,
    pub aspect_id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number_of_steps: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub additional_params: Option<KeyValuePairs>,
}

/// `ScaleVnfToLevelRequest` (clause 5.5.2.6).
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(
    missing_docs,
    reason = "the attributes of clause 5.5.2.6, by their names"
)]
pub struct ScaleVnfToLevelRequest {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instantiation_level_id: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scale_info: Vec<ScaleToLevelInfo>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub additional_params: Option<KeyValuePairs>,
}

/// The level wanted of one aspect.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(
    missing_docs,
    reason = "the attributes of clause 5.5.3.10, by their names"
)]
pub struct ScaleToLevelInfo {
    pub aspect_id: String,
    pub scale_level: u32,
}

/// `OperateVnfRequest` (clause 5.5.2.10).
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(
    missing_docs,
    reason = "the attributes of clause 5.5.2.10, by their names"
)]
pub struct OperateVnfRequest {
    pub change_state_to: TargetState,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop_type: Option<StopType>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub graceful_stop_timeout: Option<u64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub vnfc_instance_id: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub additional_params: Option<KeyValuePairs>,
}

/// `ChangeCurrentVnfPkgRequest` (clause 5.5.2.11a).
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(
    missing_docs,
    reason = "the attributes of clause 5.5.2.11a, by their names"
)]
pub struct ChangeCurrentVnfPkgRequest {
    pub vnfd_id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub additional_params: Option<KeyValuePairs>,
}

/// `VnfInfoModificationRequest` (clause 5.5.2.12): a JSON merge patch, `null` removes.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(
    missing_docs,
    reason = "the attributes of clause 5.5.2.12, by their names"
)]
pub struct VnfInfoModificationRequest {
    #[serde(
        default,
        deserialize_with = "given",
        skip_serializing_if = "Option::is_none"
    )]
    pub vnf_instance_name: Option<Option<String>>,
    #[serde(
        default,
        deserialize_with = "given",
        skip_serializing_if = "Option::is_none"
    )]
    pub vnf_instance_description: Option<Option<String>>,
    #[serde(
        default,
        deserialize_with = "given",
        skip_serializing_if = "Option::is_none"
    )]
    pub vnf_configurable_properties: Option<Option<KeyValuePairs>>,
    #[serde(
        default,
        deserialize_with = "given",
        skip_serializing_if = "Option::is_none"
    )]
    pub metadata: Option<Option<KeyValuePairs>>,
    #[serde(
        default,
        deserialize_with = "given",
        skip_serializing_if = "Option::is_none"
    )]
    pub extensions: Option<Option<KeyValuePairs>>,
}

/// Tells `null`, which removes, from an attribute that is not there, which leaves.
fn given<'de, T, D>(decoder: D) -> Result<Option<Option<T>>, D::Error>
where
    T: Deserialize<'de>,
    D: serde::Deserializer<'de>,
{
    Option::<T>::deserialize(decoder).map(Some)
}

/// `CancelMode` as a request (clause 5.5.2.14).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(
    missing_docs,
    reason = "the attributes of clause 5.5.2.14, by their names"
)]
pub struct CancelRequest {
    pub cancel_mode: CancelMode,
}
