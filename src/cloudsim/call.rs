//! What a caller may ask of the cloud, in the cloud's own words.

use serde::{Deserialize, Serialize};

use super::op::Work;
use super::vm::Extra;
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
    /// What the caller keeps with it.
    #[serde(default)]
    pub extra: Extra,
    /// Whether it is made without being started.
    #[serde(default)]
    pub stays_off: bool,
    /// Names of the hosts that it may be made on; `None`: any.
    #[serde(default)]
    pub hosts: Option<Vec<String>>,
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
    /// Make a VM anew from an image, under its id and on its host; one that was stopped stays stopped.
    RebuildVm {
        /// Which.
        vm: VmId,
        /// Image, id or name.
        image: String,
    },
    /// Give a VM another flavor, until that is confirmed or reverted.
    MigrateVm {
        /// Which.
        vm: VmId,
        /// Flavor, id or name.
        flavor: String,
    },
    /// Keep the new flavor.
    ConfirmResize(VmId),
    /// Go back to the old one.
    RevertResize(VmId),
    /// Put a VM away as an image.
    ShelveVm {
        /// Which.
        vm: VmId,
        /// Whether its host is let go at once.
        offload: bool,
    },
    /// Let the host of a shelved VM go.
    OffloadVm(VmId),
    /// Bring a shelved VM back, on another host if it has none.
    UnshelveVm(VmId),
    /// Let its processors stand still.
    PauseVm(VmId),
    /// Let them go on.
    UnpauseVm(VmId),
    /// Put its memory on disk.
    SuspendVm(VmId),
    /// Go on from there.
    ResumeVm(VmId),
    /// Have the API believe that the VM is in error, or that it runs; ends what is under way.
    ResetVm {
        /// Which.
        vm: VmId,
        /// In error.
        error: bool,
    },
    /// Ask for a reboot although one is under way: the record fails when that one ends.
    RebootAgain {
        /// Which.
        vm: VmId,
        /// Power cycle.
        hard: bool,
    },
    /// Make a port that waits for a VM.
    CreatePort {
        /// Owner.
        tenant: Option<TenantId>,
        /// Name.
        name: String,
        /// Network, id or name.
        network: String,
        /// Address wanted; otherwise one is allocated.
        ip_address: Option<String>,
        /// MAC address wanted; otherwise one is made.
        mac_address: Option<String>,
    },
    /// Remove such a port, also from its VM.
    DeletePort {
        /// Id.
        id: String,
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

impl Call {
    /// The VM that it changes, if it exists already.
    pub fn vm(&self) -> Option<&VmId> {
        match self {
            Self::DeleteVm(vm)
            | Self::StartVm(vm)
            | Self::StopVm(vm)
            | Self::RebootVm { vm, .. }
            | Self::ResizeVm { vm, .. }
            | Self::RebuildVm { vm, .. }
            | Self::MigrateVm { vm, .. }
            | Self::ConfirmResize(vm)
            | Self::RevertResize(vm)
            | Self::ShelveVm { vm, .. }
            | Self::OffloadVm(vm)
            | Self::UnshelveVm(vm)
            | Self::PauseVm(vm)
            | Self::UnpauseVm(vm)
            | Self::SuspendVm(vm)
            | Self::ResumeVm(vm)
            | Self::ResetVm { vm, .. }
            | Self::RebootAgain { vm, .. } => Some(vm),
            _ => None,
        }
    }

    /// The work on a VM that waits for its turn, and whether it is a power cycle.
    pub(super) fn work(&self) -> Option<(Work, bool)> {
        let work = match self.clone() {
            Self::RebootVm { vm, hard } => return Some((Work::Reboot(vm), hard)),
            Self::StartVm(vm) => Work::Start(vm),
            Self::StopVm(vm) => Work::Stop(vm),
            Self::ResizeVm { vm, flavor } => Work::Resize(vm, flavor),
            Self::RebuildVm { vm, image } => Work::Rebuild(vm, image),
            Self::MigrateVm { vm, flavor } => Work::Migrate(vm, flavor),
            Self::ConfirmResize(vm) => Work::Confirm(vm),
            Self::RevertResize(vm) => Work::Revert(vm),
            Self::ShelveVm { vm, offload } => Work::Shelve(vm, offload),
            Self::OffloadVm(vm) => Work::Offload(vm),
            Self::UnshelveVm(vm) => Work::Unshelve(vm),
            Self::PauseVm(vm) => Work::Pause(vm),
            Self::UnpauseVm(vm) => Work::Unpause(vm),
            Self::SuspendVm(vm) => Work::Suspend(vm),
            Self::ResumeVm(vm) => Work::Resume(vm),
            _ => return None,
        };
        Some((work, false))
    }
}

/// The cloud took the call.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Accepted {
    /// Id of the operation's record.
    pub op: String,
    /// Id of what is made or acted on.
    pub id: Option<String>,
}
