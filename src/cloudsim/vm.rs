//! One VM of the cloud.

use serde::{Deserialize, Serialize};

use crate::clock::Mono;
use crate::ids::{CreateToken, TenantId, VmId, VmName};
use crate::model::deployment::{DayZero, VolumeSpec};
use crate::model::event::InterfaceInfo;

/// Power state as the cloud shows it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Power {
    /// Being built.
    Building,
    /// Running.
    Running,
    /// Not running.
    Stopped,
    /// A failed create, reboot or start left it so; not running.
    Error,
    /// Being deleted.
    Deleting,
    /// Its host cannot be reached.
    Unknown,
}

/// A VM. `power` is the truth on its host: never `Deleting` or `Unknown`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub(super) struct Vm {
    pub id: VmId,
    pub name: VmName,
    /// The name that faults and the count of copies go by.
    pub logical: VmName,
    pub token: CreateToken,
    pub tenant: Option<TenantId>,
    pub image: String,
    pub flavor: String,
    pub volumes: Vec<VolumeSpec>,
    pub config_data: Vec<DayZero>,
    /// `None`: no host was found.
    pub host: Option<usize>,
    pub interfaces: Vec<InterfaceInfo>,
    pub power: Power,
    pub deleting: bool,
    /// The API knows nothing of it any more, but it runs on its cut-off host until that is back.
    pub unseen: bool,
    /// When the guest is booted; `None` while the VM is down or restarting.
    pub alive_from: Option<Mono>,
    pub frozen: Option<Frozen>,
    pub messages: Vec<String>,
    /// The operation under way.
    pub op: Option<String>,
}

/// A frozen guest, until when.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct Frozen {
    pub until: Option<Mono>,
}

impl Vm {
    /// Whether the guest would answer, its host being reachable.
    pub fn is_alive(&self, now: Mono) -> bool {
        let frozen = self
            .frozen
            .is_some_and(|frozen| frozen.until.is_none_or(|until| until > now));
        self.power == Power::Running && !frozen && self.alive_from.is_some_and(|from| from <= now)
    }

    /// The VM is down from now on.
    pub fn fall(&mut self, power: Power, messages: Vec<String>) {
        self.power = power;
        self.alive_from = None;
        self.frozen = None;
        self.messages = messages;
    }
}
