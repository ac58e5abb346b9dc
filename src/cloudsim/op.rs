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
            | Self::Resize(vm, _) => Some(vm),
            _ => None,
        }
    }

    pub fn verb(&self) -> &'static str {
        match self {
            Self::Create(_) => "create",
            Self::Start(_) => "start",
            Self::Stop(_) => "stop",
            Self::Reboot(_) => "reboot",
            Self::Resize(..) => "resize",
            Self::Nothing => "look",
            _ => "delete",
        }
    }
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
    pub fn finish(&mut self, id: &str, status: VimOpStatus, keep: usize) {
        let Some(op) = self.by_id.get_mut(id) else {
            return;
        };
        if op.is_over() {
            return;
        }
        op.status = status;
        op.due = None;
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
