//! The three notifications (clauses 5.5.2.17 to 5.5.2.19).

use serde::{Deserialize, Serialize};

use super::op_occ::{
    AffectedExtLinkPort, AffectedVirtualLink, AffectedVirtualStorage, AffectedVnfc,
    ExtVirtualLinkInfo, Link, ModificationsTriggeredByVnfPkgChange, OperationStateType,
    OperationType, VnfInfoModifications, words,
};
use super::problem::ProblemDetails;
use super::subscription::{NotificationType, Verbosity};

words! {
    /// Whether an operation begins, or has come to a result.
    NotificationStatus { Start = "START", Result = "RESULT" }
}

/// `VnfLcmOperationOccurrenceNotification` (clause 5.5.2.17).
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(
    missing_docs,
    reason = "the attributes of clause 5.5.2.17, by their names"
)]
pub struct OccurrenceNotification {
    pub id: String,
    pub notification_type: NotificationType,
    pub subscription_id: String,
    pub time_stamp: String,
    pub notification_status: NotificationStatus,
    pub operation_state: OperationStateType,
    pub vnf_instance_id: String,
    pub operation: OperationType,
    pub is_automatic_invocation: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verbosity: Option<Verbosity>,
    pub vnf_lcm_op_occ_id: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub affected_vnfcs: Vec<AffectedVnfc>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub affected_virtual_links: Vec<AffectedVirtualLink>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub affected_ext_link_ports: Vec<AffectedExtLinkPort>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub affected_virtual_storages: Vec<AffectedVirtualStorage>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed_info: Option<VnfInfoModifications>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changed_ext_connectivity: Vec<ExtVirtualLinkInfo>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub modifications_triggered_by_vnf_pkg_change: Option<ModificationsTriggeredByVnfPkgChange>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<ProblemDetails>,
    #[serde(rename = "_links")]
    pub links: OccurrenceNotificationLinks,
}

/// Links of an occurrence notification (`LccnLinks`, clause 5.5.3.21).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(
    missing_docs,
    reason = "the attributes of clause 5.5.3.21, by their names"
)]
pub struct OccurrenceNotificationLinks {
    pub vnf_instance: Link,
    pub subscription: Link,
    pub vnf_lcm_op_occ: Link,
}

/// `VnfIdentifierCreationNotification` and `VnfIdentifierDeletionNotification` (clauses 5.5.2.18, 5.5.2.19).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(
    missing_docs,
    reason = "the attributes of clause 5.5.2.18, by their names"
)]
pub struct IdentifierNotification {
    pub id: String,
    pub notification_type: NotificationType,
    pub subscription_id: String,
    pub time_stamp: String,
    pub vnf_instance_id: String,
    #[serde(rename = "_links")]
    pub links: LccnLinks,
}

/// Links of an identifier notification.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(
    missing_docs,
    reason = "the attributes of clause 5.5.3.21, by their names"
)]
pub struct LccnLinks {
    pub vnf_instance: Link,
    pub subscription: Link,
}
