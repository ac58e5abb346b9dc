//! The cloud's own records of operations.

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};

use crate::clock::Mono;
use crate::ids::{TenantId, VmId};
use crate::model::vim::VimOpStatus;

/// What an operation will do when it ends.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) enum Work {
    Create(VmId),
    Delete(VmId),
    Start(VmId),
    Stop(VmId),
    Reboot(VmId),
    Resize(VmId, String),
    Rebuild(VmId, String),
    /// A resize that awaits its confirmation.
    Migrate(VmId, String),
    Confirm(VmId),
    Revert(VmId),
    /// Whether the host is let go at once.
    Shelve(VmId, bool),
    Offload(VmId),
    Unshelve(VmId),
    Pause(VmId),
    Unpause(VmId),
    Suspend(VmId),
    Resume(VmId),
    /// Whether to error.
    Reset(VmId, bool),
    /// Already there when the record was opened.
    Nothing,
    DeleteTenant(TenantId),
    DeleteNetwork(String),
    DeleteSubnet(String),
    DeleteImage(String),
    DeleteFlavor(String),
}

impl Work {
    pub fn vm(&self) -> Option<&VmId> {
        match self {
            Self::Create(vm)
            | Self::Delete(vm)
            | Self::Start(vm)
            | Self::Stop(vm)
            | Self::Reboot(vm)
            | Self::Resize(vm, _)
            | Self::Rebuild(vm, _)
            | Self::Migrate(vm, _)
            | Self::Confirm(vm)
            | Self::Revert(vm)
            | Self::Shelve(vm, _)
            | Self::Offload(vm)
            | Self::Unshelve(vm)
            | Self::Pause(vm)
            | Self::Unpause(vm)
            | Self::Suspend(vm)
            | Self::Resume(vm)
            | Self::Reset(vm, _) => Some(vm),
            _ => None,
        }
    }

    pub fn verb(&self) -> &'static str {
        match self {
            Self::Create(_) => "create",
            Self::Start(_) => "start",
            Self::Stop(_) => "stop",
            Self::Reboot(_) => "reboot",
            Self::Resize(..) | Self::Migrate(..) => "resize",
            Self::Rebuild(..) => "rebuild",
            Self::Confirm(_) => "confirm of a resize",
            Self::Revert(_) => "revert of a resize",
            Self::Shelve(..) => "shelve",
            Self::Offload(_) => "offload",
            Self::Unshelve(_) => "unshelve",
            Self::Pause(_) => "pause",
            Self::Unpause(_) => "unpause",
            Self::Suspend(_) => "suspend",
            Self::Resume(_) => "resume",
            Self::Reset(..) => "reset of its state",
            Self::Nothing => "look",
            _ => "delete",
        }
    }
}

/// What is odd about an operation, beyond failing.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Twist {
    /// The driver raised, but the VM runs: the record says success.
    Raised(Vec<String>),
    /// It ended with success while the VM is off.
    Silent,
    /// The host named first failed; the VM came to be on another one, or on none.
    Retried {
        /// Name of the host tried first.
        first: String,
        /// Name of the host tried next.
        next: String,
    },
    /// It never ends.
    Stuck,
    /// It came while another one was under way, and fails with that one's end.
    Late,
}

/// One record.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct Op {
    pub work: Work,
    pub status: VimOpStatus,
    /// Words with which it will fail.
    pub fails: Option<Vec<String>>,
    pub latency: Mono,
    /// When it ends; `None` when it has ended, or hangs.
    pub due: Option<Mono>,
    /// The caller's key.
    pub key: Option<String>,
    pub id: Option<String>,
    #[serde(default)]
    pub twist: Option<Twist>,
    /// A reboot by power cycle.
    #[serde(default)]
    pub hard: bool,
    #[serde(default)]
    pub opened: Mono,
    /// When the VM's host began with it.
    #[serde(default)]
    pub reached: Option<Mono>,
    #[serde(default)]
    pub ended: Option<Mono>,
    /// The VM's host at that time.
    #[serde(default)]
    pub host: String,
    /// Whether the VM was stopped when it was asked for.
    #[serde(default)]
    pub from_stopped: bool,
    /// Words of the caller's.
    #[serde(default)]
    pub note: String,
}

impl Op {
    pub fn is_over(&self) -> bool {
        matches!(
            self.status,
            VimOpStatus::Succeeded | VimOpStatus::Failed(_) | VimOpStatus::Unknown
        )
    }
}

/// All records; finished ones are forgotten, oldest first, beyond a limit.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub(super) struct Ops {
    by_id: BTreeMap<String, Op>,
    by_key: BTreeMap<String, String>,
    finished: VecDeque<String>,
}

impl Ops {
    pub fn open(&mut self, id: String, op: Op) {
        if let Some(key) = &op.key {
            self.by_key.insert(key.clone(), id.clone());
        }
        self.by_id.insert(id, op);
    }

    pub fn get(&self, id: &str) -> Option<&Op> {
        self.by_id.get(id)
    }

    pub fn get_mut(&mut self, id: &str) -> Option<&mut Op> {
        self.by_id.get_mut(id)
    }

    /// The operation opened with the caller's key.
    pub fn by_key(&self, key: &str) -> Option<(&str, &Op)> {
        let id = self.by_key.get(key)?;
        Some((id, self.by_id.get(id)?))
    }

    /// Ends a record once; `keep` finished ones are kept.
    pub fn finish(&mut self, id: &str, status: VimOpStatus, now: Mono, keep: usize) {
        let Some(op) = self.by_id.get_mut(id) else {
            return;
        };
        if op.is_over() {
            return;
        }
        op.status = status;
        op.due = None;
        op.ended = Some(now);
        self.finished.push_back(id.to_owned());
        while self.finished.len() > keep.max(1) {
            let Some(old) = self.finished.pop_front() else {
                return;
            };
            if let Some(key) = self.by_id.remove(&old).and_then(|op| op.key)
                && self.by_key.get(&key) == Some(&old)
            {
                self.by_key.remove(&key);
            }
        }
    }

    /// Number of operations not ended.
    pub fn open_count(&self) -> usize {
        self.by_id.len().saturating_sub(self.finished.len())
    }
}
