//! What happened: one event, before any wire format.

use serde::{Deserialize, Serialize};

use super::vim::{FailureReason, VimOpRef};
use crate::ids::{DeploymentId, OpId, TenantId, VmId};

/// Kind of an event (wire spelling: `proto::esc`).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[expect(missing_docs, reason = "each name is the event's own word")]
pub enum EventKind {
    CreateTenant,
    DeleteTenant,
    CreateNetwork,
    DeleteNetwork,
    CreateSubnet,
    DeleteSubnet,
    CreateImage,
    DeleteImage,
    CreateFlavor,
    DeleteFlavor,
    VmDeployed,
    VmAlive,
    ServiceAlive,
    VmUndeployed,
    ServiceUndeployed,
    VmUpdated,
    ServiceUpdated,
    VmStopped,
    ServiceStopped,
    VmStarted,
    VmRebooted,
    VmMonitorSet,
    VmMonitorUnset,
    ServiceMonitorUnset,
    VmRecoveryInit,
    VmRecoveryReboot,
    VmRecoveryUndeployed,
    VmRecoveryDeployed,
    VmRecoveryComplete,
    VmRecoveryCancelled,
    VmManualRecoveryNeeded,
    VmScaleOutInit,
    VmScaleOutDeployed,
    VmScaleOutComplete,
    VmScaleInInit,
    VmScaleInComplete,
}

/// Outcome of what the event reports.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum EventStatus {
    /// It worked.
    Success,
    /// It did not.
    Failure,
}

/// A VM as an event names it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct VmRef {
    /// The VIM's id.
    pub vm_id: VmId,
    /// The VIM's id of the host.
    pub host_id: String,
    /// The host's name.
    pub host_name: String,
    /// Interfaces, only where the event carries them.
    pub interfaces: Vec<InterfaceInfo>,
}

/// One interface as the VIM reports it. Empty text means not known.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct InterfaceInfo {
    /// Position, 0 first.
    pub nicid: u32,
    /// `virtual` and others.
    pub kind: String,
    /// The VIM's id of the port.
    pub port_id: String,
    /// Network, the VIM's id.
    pub network: String,
    /// Subnet, the VIM's id.
    pub subnet: String,
    /// Address.
    pub ip_address: String,
    /// MAC address.
    pub mac_address: String,
    /// Netmask.
    pub netmask: String,
    /// Gateway.
    pub gateway: String,
}

/// The resource a resource event is about.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct ResourceNames {
    /// Network name.
    pub network: Option<String>,
    /// Subnet name.
    pub subnet: Option<String>,
    /// Image name.
    pub image: Option<String>,
    /// Flavor name.
    pub flavor: Option<String>,
}

/// One event. Its sequence number and time are given by the committer.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Event {
    /// What happened.
    pub kind: EventKind,
    /// How it went.
    pub status: EventStatus,
    /// 200, 204 or 500.
    pub code: u16,
    /// A sentence, or the history of a failure.
    pub message: String,
    /// Resource events only.
    pub resource: ResourceNames,
    /// Deployment name, absent for resources of a tenant or of the root.
    pub deployment: Option<String>,
    /// Tenant name, absent for resources of the root.
    pub tenant: Option<String>,
    /// The VIM's id of the tenant, once known.
    pub tenant_id: Option<TenantId>,
    /// Our id of the deployment.
    pub deployment_id: Option<DeploymentId>,
    /// VM group, absent for service and resource events.
    pub vm_group: Option<String>,
    /// The VM's name, where it is about one; on no stream.
    #[serde(default)]
    pub vm: Option<crate::ids::VmName>,
    /// The VM it happened to.
    pub source: Option<VmRef>,
    /// The VM that takes its place.
    pub target: Option<VmRef>,
    /// The operation it belongs to.
    pub op_id: Option<OpId>,
    /// The VIM's own record of the step.
    pub vim_op: Option<VimOpRef>,
    /// Why it failed.
    pub reason: Option<FailureReason>,
}
