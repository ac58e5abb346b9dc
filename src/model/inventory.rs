//! What exists: the state rows of deployments and VMs.
//!
//! These are the truth that opdata, events and SOL003 project. Fields that only the engine's
//! own machines need live in `engine` rows beside these.

use serde::{Deserialize, Serialize};

use super::event::InterfaceInfo;
use super::operation::LcmOpOcc;
use super::resource::ResourceRecord;
use super::state::{ServiceState, VmState};
use super::vim::VimOpRef;
use crate::ids::{DeploymentId, DeploymentKey, TenantId, VmId, VmName};

/// A deployment that exists, wholly or in part.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct DeploymentRecord {
    /// Tenant and deployment name.
    pub key: DeploymentKey,
    /// Our id.
    pub deployment_id: DeploymentId,
    /// The VIM's id of the tenant, once known.
    pub tenant_id: Option<TenantId>,
    /// The VIM it lives in.
    pub vim: String,
    /// State of the whole.
    pub service_state: ServiceState,
    /// VMs in order of group (configuration order) and index.
    pub vms: Vec<VmInstance>,
    /// Ephemeral networks.
    pub networks: Vec<ResourceRecord>,
    /// The operation under way, or the last one.
    pub operation: Option<LcmOpOcc>,
    /// VMs and networks that an undeploy could not remove; listed until they are gone.
    pub leftovers: Vec<String>,
}

/// One VM that exists, or is being made.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct VmInstance {
    /// Logical name, constant over a redeploy.
    pub name: VmName,
    /// Its group.
    pub group: String,
    /// Its index in the group.
    pub index: u32,
    /// State.
    pub state: VmState,
    /// The VIM's id; `None` while there is none.
    pub vm_id: Option<VmId>,
    /// The VIM's id of the host, empty when not known.
    pub host_id: String,
    /// The host's name, empty when not known.
    pub host_name: String,
    /// Interfaces as the VIM reports them.
    pub interfaces: Vec<InterfaceInfo>,
    /// Generation: grows by one at each create.
    pub generation: u32,
    /// The VIM's record of the last call.
    pub vim_op: Option<VimOpRef>,
    /// What happened, newest first; at most 20 lines or 8 KiB.
    pub history: Vec<String>,
}
