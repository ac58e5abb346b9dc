//! Politeness: VMs are asked to stop and have a while for it, before they are removed or lose their power (SOL003
//! 5.5.2.8 and 5.5.2.10, GRACEFUL). And the way back from a start or stop.

use std::time::Duration;

use crate::ids::VmName;
use crate::model::action::ActionType;
use crate::model::operation::OpEvent;
use crate::model::state::VmState;

use super::super::call::{Goal, Outcome};
use super::super::caller::Cx;
use super::super::history;
use super::super::io::TimerKind;
use super::super::messages;
use super::super::port::VimCall;
use super::super::recovery::RecoveryState;
use super::deployment::{Dep, Head, Op, OpKind, OpPhase, Stopping};
use super::vm::{Job, VmRow, step_timeout};

impl Op {
    /// What undoes it without a change of the configuration: its opposite, of a start or a stop.
    pub(super) fn undone_by(&self) -> Option<ActionType> {
        match &self.kind {
            // It is that opposite already.
            OpKind::Vms(action, _) if self.back => Some(*action),
            OpKind::Service(ActionType::Start) | OpKind::Vms(ActionType::Start, _) => {
                Some(ActionType::Stop)
            }
            OpKind::Service(ActionType::Stop) | OpKind::Vms(ActionType::Stop, _) => {
                Some(ActionType::Start)
            }
            _ => None,
        }
    }
}

impl Dep {
    /// Asks what runs to stop; what is not down when the time is over goes all the same.
    pub(super) fn begin_drain(&mut self, within: Duration, cx: &mut Cx<'_>) {
        self.set_phase(OpPhase::Drain);
        let owner = self.head.owner();
        self.head
            .timers
            .arm(&owner, TimerKind::Deadline, within, cx);
        self.each_vm(|vm, head| vm.begin_drain(within, head, cx));
    }

    /// Whether VMs have still time to stop.
    pub(super) fn is_draining(&self) -> bool {
        let op = self.head.op.as_ref();
        op.is_some_and(|op| op.phase == OpPhase::Drain)
    }

    pub(super) fn still_drains(&self) -> bool {
        self.vms.values().any(|row| row.job == Job::Drain)
    }

    /// All are down, or their time is over; a cancelled termination goes no further.
    pub(super) fn end_drain(&mut self, cx: &mut Cx<'_>) {
        self.set_phase(OpPhase::Vms);
        let owner = self.head.owner();
        self.head.timers.disarm(&owner, TimerKind::Deadline, cx);
        if !self.is_cancelled() {
            self.remove_all(cx);
        }
    }

    /// Takes a start or stop back, of the VMs that it `changed`.
    pub(super) fn turn_back(&mut self, action: ActionType, changed: Vec<VmName>, cx: &mut Cx<'_>) {
        let Some(mut op) = self.head.resting.take() else {
            return;
        };
        let names: Vec<VmName> = changed
            .into_iter()
            .filter(|name| self.vms.contains_key(name))
            .collect();
        op.go(OpEvent::Rollback, cx);
        op.back = true;
        op.failed = None;
        op.cancel = None;
        op.phase = OpPhase::Vms;
        op.kind = OpKind::Vms(action, names.clone());
        op.stopping = Stopping::Plain;
        cx.notes.push(self.head.note(&op.occ));
        self.head.op = Some(op);
        self.head.failed = None;
        self.each_vm(|vm, _| vm.failed = None);
        for name in names {
            self.with_vm(&name, |vm, head| vm.redo(action, &[], head, cx));
        }
    }
}

impl Head {
    /// How the operation under way stops VMs.
    pub(super) fn stopping(&self) -> Stopping {
        self.op.as_ref().map_or(Stopping::Plain, |op| op.stopping)
    }
}

impl VmRow {
    /// Whether it was asked to stop, did not in its time, and is to lose its power.
    pub(super) fn insists(&self, head: &Head) -> bool {
        let polite = matches!(head.stopping(), Stopping::Within(_));
        let cancelled = head.op.as_ref().is_some_and(|op| op.cancel.is_some());
        self.job == Job::Stop && polite && !self.insisted && !cancelled
    }

    /// Takes its power away.
    pub(super) fn cut_off(&mut self, head: &Head, cx: &mut Cx<'_>) {
        self.insisted = true;
        let line = messages::stop_failed(&self.vm.name);
        history::push(&mut self.vm.history, line, cx.settings);
        let call = self.vm.vm_id.clone().map(VimCall::PowerOffVm);
        self.call(Goal::Stopped, call, step_timeout(cx), head, cx);
    }

    /// Asks it to stop; one that does not run, or on which something is under way, is not asked.
    fn begin_drain(&mut self, within: Duration, head: &Head, cx: &mut Cx<'_>) {
        let runs = !matches!(self.vm.state, VmState::Shutoff | VmState::Error);
        let Some(vm_id) = self.vm.vm_id.clone().filter(|_| runs && self.is_settled()) else {
            return;
        };
        self.quit_recovery(head, cx);
        self.unwatch(cx);
        self.job = Job::Drain;
        let call = Some(VimCall::StopVm(vm_id));
        self.call(Goal::Stopped, call, Some(within), head, cx);
        self.sync();
    }

    /// It stopped, or did not want to: the removal that follows tells all that is to be told.
    pub(super) fn drained(&mut self, outcome: Outcome, cx: &mut Cx<'_>) {
        self.job = Job::Idle;
        match outcome {
            Outcome::Done { vm, .. } => {
                if let Some(seen) = vm {
                    self.adopt(seen);
                }
                self.vm.state = VmState::Shutoff;
                history::push(&mut self.vm.history, messages::VM_STOPPED, cx.settings);
            }
            Outcome::Failed { .. } | Outcome::Lost | Outcome::Unknown { .. } => {
                let line = messages::stop_failed(&self.vm.name);
                history::push(&mut self.vm.history, line, cx.settings);
                // Should it stay after all, it is in error until it is seen alive.
                self.recovery = RecoveryState::Held;
                self.watch(cx);
            }
        }
    }

    /// It was not asked yet, and the removal is off.
    pub(super) fn keep_running(&mut self, cx: &mut Cx<'_>) {
        let owner = self.owner();
        self.caller.drop_call(&owner, cx);
        self.job = Job::Idle;
        self.vm.state = VmState::Alive;
        self.watch(cx);
    }
}
