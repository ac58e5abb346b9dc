//! Records of operations as a face shows them, also those of VMs that are gone.

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};

use super::cloud::Cloud;
use super::op::{Op, Twist, Work};
use super::vm::Vm;
use crate::clock::Mono;
use crate::ids::{TenantId, VmId};
use crate::model::vim::VimOpStatus;

/// Records kept for one VM; older ones are forgotten.
const LOG: usize = 1000;

/// What an operation is about.
#[derive(Clone, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "each name is the call's own")]
pub enum OpWork {
    Create,
    Delete,
    Start,
    Stop,
    Reboot { hard: bool },
    Resize,
    Rebuild,
    Migrate,
    Confirm,
    Revert,
    Shelve { offload: bool },
    Offload,
    Unshelve,
    Pause,
    Unpause,
    Suspend,
    Resume,
    Reset { error: bool },
    Resource,
}

/// A record.
#[derive(Clone, PartialEq, Debug)]
pub struct OpView {
    /// Its id.
    pub id: String,
    /// The VM it is about.
    pub vm: Option<VmId>,
    /// What was made or acted on.
    pub subject: Option<String>,
    /// What it does.
    pub work: OpWork,
    /// Where it stands.
    pub status: VimOpStatus,
    /// What is odd about it.
    pub twist: Option<Twist>,
    /// When it was asked for.
    pub opened: Mono,
    /// When the host began with it; `None` while nobody did.
    pub reached: Option<Mono>,
    /// When it ended.
    pub ended: Option<Mono>,
    /// When it will end if nothing comes between.
    pub due: Option<Mono>,
    /// How long it takes from its beginning.
    pub latency: Mono,
    /// The VM's host when it was asked for; empty for none.
    pub host: String,
    /// Whether the VM was stopped then.
    pub from_stopped: bool,
    /// Words of the caller's.
    pub note: String,
}

/// What is remembered of a VM that is gone.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct Grave {
    tenant: Option<TenantId>,
    log: VecDeque<String>,
    gone: Mono,
}

impl Grave {
    pub fn of(vm: &Vm, now: Mono) -> Self {
        Self {
            tenant: vm.tenant.clone(),
            log: vm.log.clone(),
            gone: now,
        }
    }
}

/// VMs that are gone, so many of them.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub(super) struct Graves {
    by_id: BTreeMap<VmId, Grave>,
    order: VecDeque<VmId>,
}

impl Graves {
    /// Remembers a VM; the first time counts.
    pub fn dig(&mut self, id: VmId, grave: Grave, keep: usize) {
        if self.by_id.contains_key(&id) {
            return;
        }
        self.by_id.insert(id.clone(), grave);
        self.order.push_back(id);
        while self.order.len() > keep {
            if let Some(old) = self.order.pop_front() {
                self.by_id.remove(&old);
            }
        }
    }
}

impl Cloud {
    pub(super) fn log_op(&mut self, vm: &VmId, op: &str) {
        let log = match (self.vms.get_mut(vm), self.graves.by_id.get_mut(vm)) {
            (Some(vm), _) => &mut vm.log,
            (None, Some(grave)) => &mut grave.log,
            (None, None) => return,
        };
        log.push_back(op.to_owned());
        if log.len() > LOG {
            log.pop_front();
        }
    }

    /// Reads a record.
    pub fn op(&self, id: &str) -> Option<OpView> {
        self.ops.get(id).map(|op| view(id, op))
    }

    /// The records of a VM, newest first; with `gone`, also of one that is gone. `None`: no such VM.
    pub fn ops_of(&self, vm: &VmId, gone: bool) -> Option<Vec<OpView>> {
        let living = self.vms.get(vm).filter(|vm| !vm.unseen);
        let log = match living {
            Some(vm) => &vm.log,
            None if gone => &self.graves.by_id.get(vm)?.log,
            None => return None,
        };
        let ops = log.iter().rev();
        Some(ops.filter_map(|id| self.op(id)).collect())
    }

    /// The tenant of a VM that is gone, and when it went.
    pub fn gone(&self, vm: &VmId) -> Option<(Option<TenantId>, Mono)> {
        let grave = self.graves.by_id.get(vm)?;
        Some((grave.tenant.clone(), grave.gone))
    }
}

fn view(id: &str, op: &Op) -> OpView {
    let work = match &op.work {
        Work::Create(_) => OpWork::Create,
        Work::Delete(_) => OpWork::Delete,
        Work::Start(_) => OpWork::Start,
        Work::Stop(_) => OpWork::Stop,
        Work::Reboot(_) => OpWork::Reboot { hard: op.hard },
        Work::Resize(..) => OpWork::Resize,
        Work::Rebuild(..) => OpWork::Rebuild,
        Work::Migrate(..) => OpWork::Migrate,
        Work::Confirm(_) => OpWork::Confirm,
        Work::Revert(_) => OpWork::Revert,
        Work::Shelve(_, offload) => OpWork::Shelve { offload: *offload },
        Work::Offload(_) => OpWork::Offload,
        Work::Unshelve(_) => OpWork::Unshelve,
        Work::Pause(_) => OpWork::Pause,
        Work::Unpause(_) => OpWork::Unpause,
        Work::Suspend(_) => OpWork::Suspend,
        Work::Resume(_) => OpWork::Resume,
        Work::Reset(_, error) => OpWork::Reset { error: *error },
        _ => OpWork::Resource,
    };
    OpView {
        id: id.to_owned(),
        vm: op.work.vm().cloned(),
        subject: op.id.clone(),
        work,
        status: op.status.clone(),
        twist: op.twist.clone(),
        opened: op.opened,
        reached: op.reached,
        ended: op.ended,
        due: op.due,
        latency: op.latency,
        host: op.host.clone(),
        from_stopped: op.from_stopped,
        note: op.note.clone(),
    }
}
