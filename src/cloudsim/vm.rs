//! One VM of the cloud.

use std::collections::{BTreeMap, VecDeque};

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

/// Why a VM that is not running stands aside instead of being simply stopped.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Aside {
    /// Its processors stand still; it keeps its memory.
    Paused,
    /// Its memory is on its host's disk.
    Suspended,
    /// It is an image and a claim to its host.
    Shelved,
    /// It is an image; no host is kept for it.
    Offloaded,
}

/// A resize that awaits its confirmation, with the way back.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Resizing {
    /// Flavor before.
    pub old_flavor: String,
    /// Name of the host before.
    pub old_host: String,
    /// Whether it ran before.
    pub ran: bool,
}

/// What a caller keeps with its VM; nothing here changes what the VM does.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Extra {
    /// Keys and values, shown back.
    pub metadata: BTreeMap<String, String>,
    /// Words of a face's own.
    pub notes: BTreeMap<String, String>,
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
    /// Why it stands aside.
    #[serde(default)]
    pub aside: Option<Aside>,
    /// What the API believes of its power where that is not the truth.
    #[serde(default)]
    pub believed: Option<Power>,
    /// A resize to be confirmed.
    #[serde(default)]
    pub resizing: Option<Resizing>,
    /// Reboots asked for while one was under way: they fail when that one ends.
    #[serde(default)]
    pub late: Vec<String>,
    #[serde(default)]
    pub extra: Extra,
    /// Its create ends without a start.
    #[serde(default)]
    pub stays_off: bool,
    #[serde(default)]
    pub created: Mono,
    #[serde(default)]
    pub launched: Option<Mono>,
    #[serde(default)]
    pub updated: Mono,
    /// Records of its operations, oldest first.
    #[serde(default)]
    pub log: VecDeque<String>,
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
        self.aside = None;
        self.believed = None;
    }

    /// The VM stands aside from now on.
    pub fn set_aside(&mut self, aside: Aside) {
        self.fall(Power::Stopped, Vec::new());
        self.aside = Some(aside);
    }
}
