//! ETSI GS NFV-SOL 003, VNF lifecycle management: the data types, requests, notifications and the grammar of
//! queries, encode and decode only.
//!
//! Attribute names are those of the standard (V3.6.1, API version 2.x); what is optional there is an
//! `Option` or a list left out when empty. Clause numbers in comments are SOL 003's unless they name SOL 013.

mod filter;
mod instance;
mod lists;
mod notification;
mod op_occ;
mod paging;
mod problem;
mod request;
mod selector;
mod subscription;
#[cfg(test)]
mod tests;
mod version;

pub use filter::{Filter, FilterError};
pub use instance::{
    CpProtocolInfo, ExtCpInfo, InstantiatedVnfInfo, InstantiationState, IpAddresses,
    IpOverEthernet, ScaleInfo, VimConnectionInfo, VnfInstance, VnfInstanceLinks,
    VnfVirtualLinkResourceInfo, VnfcCpInfo, VnfcInfo, VnfcResourceInfo,
};
pub use lists::{Collection, INSTANCES, OCCURRENCES, SUBSCRIPTIONS};
pub use notification::{
    IdentifierNotification, LccnLinks, NotificationStatus, OccurrenceNotification,
    OccurrenceNotificationLinks,
};
pub use op_occ::{
    AffectedExtLinkPort, AffectedVip, AffectedVirtualLink, AffectedVirtualStorage, AffectedVnfc,
    CancelMode, ExtLinkPortInfo, ExtNetAttDefResource, ExtVirtualLinkInfo, LcmCoordination, Link,
    ModificationsTriggeredByVnfPkgChange, OpOccLinks, OperationStateType, OperationType,
    RejectedLcmCoordination, ResourceChanges, ResourceHandle, VimLevelAdditionalResourceInfo,
    VnfExtCpData, VnfInfoModifications, VnfLcmOpOcc,
};
pub use paging::{MARKER, Page, key_of, page_of};
pub use problem::{PROBLEM_JSON, ProblemDetails};
pub use request::{
    CancelRequest, ChangeCurrentVnfPkgRequest, CreateVnfRequest, HealVnfRequest,
    InstantiateVnfRequest, OperateVnfRequest, ScaleToLevelInfo, ScaleType, ScaleVnfRequest,
    ScaleVnfToLevelRequest, StopType, TargetState, TerminateVnfRequest, TerminationType,
    VnfInfoModificationRequest,
};
pub use selector::{Selector, SelectorError};
pub use subscription::{
    AuthType, Authentication, BasicParams, LccnSubscription, LccnSubscriptionRequest,
    NotificationFilter, NotificationType, OAuth2Params, SubscriptionLinks, Verbosity,
    VnfInstanceFilter, VnfProduct, VnfProvider, VnfVersion,
};
pub use version::{ApiVersion, ApiVersionInformation, Major};

/// Free attributes, name to value.
pub type KeyValuePairs = serde_json::Map<String, serde_json::Value>;
