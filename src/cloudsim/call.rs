//! What a caller may ask of the cloud, in the cloud's own words.

use serde::{Deserialize, Serialize};

use crate::ids::{CreateToken, TenantId, VmId, VmName};
use crate::model::deployment::{DayZero, NetworkSpec, SubnetSpec, VolumeSpec};
use crate::model::resource::{FlavorSpec, ImageSpec};

/// An interface a new VM shall have.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct NewInterface {
    /// Position, 0 first.
    pub nicid: u32,
    /// Network, id or name.
    pub network: String,
    /// `virtual` and others, shown back.
    pub kind: String,
    /// Address wanted; otherwise one is allocated.
    pub ip_address: Option<String>,
    /// MAC address wanted; otherwise one is made.
    pub mac_address: Option<String>,
    /// Port to attach again; otherwise one is made.
    pub port_id: Option<String>,
}

/// A VM to be made.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct NewVm {
    /// Name shown.
    pub name: VmName,
    /// Name that stays the same over redeploys and is no other VM's: faults find the VM by it, and two
    /// running VMs that share it are a breach.
    pub logical: VmName,
    /// Token shown back.
    pub token: CreateToken,
    /// Tenant, `None` for the cloud's own.
    pub tenant: Option<TenantId>,
    /// Image, id or name.
    pub image: String,
    /// Flavor, id or name.
    pub flavor: String,
    /// Interfaces.
    pub interfaces: Vec<NewInterface>,
    /// Volumes, kept with the VM.
    pub volumes: Vec<VolumeSpec>,
    /// Day-0 files, kept with the VM.
    pub config_data: Vec<DayZero>,
}

/// A change asked of the cloud.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Call {
    /// Make a VM.
    CreateVm(Box<NewVm>),
    /// Remove a VM; one that is gone already counts as removed.
    DeleteVm(VmId),
    /// Start a VM; also cures a crash.
    StartVm(VmId),
    /// Stop a VM.
    StopVm(VmId),
    /// Reboot a VM; also cures a crash and a freeze.
    RebootVm {
        /// Which.
        vm: VmId,
        /// Power cycle.
        hard: bool,
    },
    /// Give a VM another flavor; a running guest boots again.
    ResizeVm {
        /// Which.
        vm: VmId,
        /// Flavor, id or name.
        flavor: String,
    },
    /// Make a tenant; one of that name counts as made.
    CreateTenant {
        /// Name.
        name: String,
    },
    /// Remove a tenant without VMs and networks.
    DeleteTenant {
        /// Id.
        id: TenantId,
    },
    /// Make a network; one of that token counts as made, without a token one of that name in the same tenant.
    CreateNetwork {
        /// Owner.
        tenant: Option<TenantId>,
        /// Shown back; tells it from others of its name.
        #[serde(default)]
        token: Option<CreateToken>,
        /// What.
        spec: NetworkSpec,
    },
    /// Remove a network without ports in use.
    DeleteNetwork {
        /// Id.
        id: String,
    },
    /// Make a subnet; one of that name in the network counts as made.
    CreateSubnet {
        /// Network, id.
        network: String,
        /// What.
        spec: SubnetSpec,
    },
    /// Remove a subnet without addresses in use.
    DeleteSubnet {
        /// Id.
        id: String,
    },
    /// Register an image; one of that name counts as made.
    CreateImage(ImageSpec),
    /// Remove an image.
    DeleteImage {
        /// Id.
        id: String,
    },
    /// Make a flavor; one of that name counts as made.
    CreateFlavor(FlavorSpec),
    /// Remove a flavor.
    DeleteFlavor {
        /// Id.
        id: String,
    },
}

/// The cloud took the call.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Accepted {
    /// Id of the operation's record.
    pub op: String,
    /// Id of what is made or acted on.
    pub id: Option<String>,
}
