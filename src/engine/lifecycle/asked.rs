//! Operations asked for through SOL003: they rest where they failed, until somebody retries them, rolls them back or
//! gives them up; and an operation under way is cancelled (SOL003 5.6.2).

use std::time::Duration;

use crate::ids::{OpId, VmName};
use crate::model::action::{ActionType, Refusal};
use crate::model::operation::{CancelMode, Direction, LcmOpOcc, LcmOperationState, OpEvent};
use crate::model::state::VmState;
use crate::model::vim::FailureReason;

use super::super::caller::{Cx, OpNote};
use super::super::io::{Owner, TimerKind};
use super::super::recovery::{RecoveryInput, RecoveryState};
use super::deployment::{Dep, Head, Op, OpKind, OpPhase, Resolution, Stopping};
use super::vm::{Job, VmRow};

/// Why a cancelled operation failed.
fn cancelled() -> FailureReason {
    FailureReason {
        code: "cancelled".to_owned(),
        text: "the operation was cancelled".to_owned(),
    }
}

impl Head {
    /// What became of an operation, for its row and the journal.
    pub fn note(&self, occ: &LcmOpOcc) -> OpNote {
        OpNote {
            occ: occ.clone(),
            key: self.key.clone(),
            instance: self.deployment_id.clone(),
            vim: self.vim.clone(),
            cancel: None,
            awaits: None,
        }
    }
}

impl Op {
    pub(super) fn go(&mut self, event: OpEvent, cx: &Cx<'_>) {
        self.occ.state = self.occ.state.next(event).unwrap_or(self.occ.state);
        self.occ.state_entered = cx.ctx.wall;
    }
}

impl Dep {
    /// The operation that rests in FAILED_TEMP.
    pub fn at_rest(&self) -> Option<&LcmOpOcc> {
        let undeploy = self
            .head
            .op
            .as_ref()
            .filter(|op| op.occ.state == LcmOperationState::FailedTemp);
        self.head.resting.as_ref().or(undeploy).map(|op| &op.occ)
    }

    fn rests(&self, id: &OpId) -> Result<(), Refusal> {
        match self.at_rest() {
            Some(occ) if occ.id == *id => Ok(()),
            _ => Err(Refusal::NotPossible(format!(
                "operation [{id}] is not in FAILED_TEMP"
            ))),
        }
    }

    /// Gives the operation that rests up: FAILED. What a person does through another face does it first.
    pub fn give_up(&mut self, cx: &mut Cx<'_>) {
        if let Some(mut op) = self.head.resting.take() {
            op.go(OpEvent::GiveUp, cx);
            cx.notes.push(self.head.note(&op.occ));
            self.head.last_op = Some(op.occ);
        }
        let head = &mut self.head;
        if let Some(op) = head
            .op
            .as_mut()
            .filter(|op| op.occ.state == LcmOperationState::FailedTemp)
        {
            op.go(OpEvent::GiveUp, cx);
            op.asked = false;
            let occ = op.occ.clone();
            cx.notes.push(self.head.note(&occ));
        }
    }

    /// The same, asked for by name.
    pub fn fail_resting(&mut self, id: &OpId, cx: &mut Cx<'_>) -> Result<OpId, Refusal> {
        self.rests(id)?;
        let undeploy = |op: &Op| op.kind == OpKind::Undeploy && !op.back;
        let left = self.head.resting.as_ref().is_some_and(undeploy);
        self.give_up(cx);
        self.head.left |= left;
        Ok(id.clone())
    }

    /// Goes on at the step that failed.
    pub fn retry(&mut self, id: &OpId, cx: &mut Cx<'_>) -> Result<OpId, Refusal> {
        self.rests(id)?;
        if self.resume_undeploy(OpEvent::Retry, cx) {
            return Ok(id.clone());
        }
        if self.head.resting.as_ref().is_some_and(|op| op.back) {
            let text = "it was rolled back in part: roll it back again, or fail it";
            return Err(Refusal::NotPossible(text.to_owned()));
        }
        self.refuse_busy()?;
        let Some(mut op) = self.head.resting.take() else {
            return Ok(id.clone());
        };
        op.go(OpEvent::Retry, cx);
        op.failed = None;
        op.cancel = None;
        op.reported = false;
        op.again = true;
        op.phase = OpPhase::Vms;
        cx.notes.push(self.head.note(&op.occ));
        let kind = op.kind.clone();
        self.head.op = Some(op);
        self.head.failed = None;
        let was: Vec<VmName> = self
            .vms
            .values()
            .filter(|row| row.failed.is_some())
            .map(|row| row.vm.name.clone())
            .collect();
        self.each_vm(|vm, _| vm.failed = None);
        match kind {
            OpKind::Deploy | OpKind::Update => self.resume_vms(cx),
            OpKind::Undeploy => self.remove_all(cx),
            OpKind::Service(action) => self.each_vm(|vm, head| vm.redo(action, &was, head, cx)),
            OpKind::Vm(action, name) => {
                self.with_vm(&name, |vm, head| vm.redo(action, &was, head, cx));
            }
            OpKind::Vms(action, names) => {
                for name in names {
                    self.with_vm(&name, |vm, head| vm.redo(action, &was, head, cx));
                }
            }
            OpKind::Heal(names) => {
                for name in names.iter().filter(|name| was.contains(name)) {
                    self.with_vm(name, |vm, head| vm.heal_again(head, cx));
                }
            }
        }
        Ok(id.clone())
    }

    /// ROLLING_BACK: waits for the commit that takes the configuration back. A start or stop of VMs needs none: those
    /// that it `changed` are turned back.
    pub fn roll_back(
        &mut self,
        id: &OpId,
        changed: Vec<VmName>,
        cx: &mut Cx<'_>,
    ) -> Result<OpId, Refusal> {
        self.rests(id)?;
        if self.resume_undeploy(OpEvent::Rollback, cx) {
            return Ok(id.clone());
        }
        self.refuse_busy()?;
        if let Some(action) = self.head.resting.as_ref().and_then(Op::undone_by) {
            self.turn_back(action, changed, cx);
            return Ok(id.clone());
        }
        let Some(op) = self.head.resting.as_mut() else {
            return Ok(id.clone());
        };
        op.back = true;
        op.go(OpEvent::Rollback, cx);
        let occ = op.occ.clone();
        cx.notes.push(OpNote {
            awaits: Some(Direction::Back),
            ..self.head.note(&occ)
        });
        Ok(id.clone())
    }

    /// Another change of the configuration came before the one it asked for was taken up.
    pub(super) fn superseded(&mut self, mut occ: LcmOpOcc, cx: &mut Cx<'_>) {
        let reason = FailureReason {
            code: "superseded".to_owned(),
            text: "another change of the configuration took its place".to_owned(),
        };
        let Some(state) = occ.state.next(OpEvent::Cancelled) else {
            return self.not_rolled_back(&occ.id, &reason, cx);
        };
        occ.state = state;
        occ.state_entered = cx.ctx.wall;
        occ.error = Some(reason);
        cx.notes.push(self.head.note(&occ));
    }

    /// The commit of a roll-back was refused: it rests again.
    pub fn not_rolled_back(&mut self, id: &OpId, reason: &FailureReason, cx: &mut Cx<'_>) {
        let Some(op) = self.head.resting.as_mut().filter(|op| op.occ.id == *id) else {
            return;
        };
        op.go(OpEvent::StepFailed, cx);
        op.occ.error = Some(reason.clone());
        op.failed = Some(reason.clone());
        let occ = op.occ.clone();
        cx.notes.push(self.head.note(&occ));
    }

    /// An undeploy that was told as failed goes on in silence: what is asked of it is patience anew.
    fn resume_undeploy(&mut self, event: OpEvent, cx: &mut Cx<'_>) -> bool {
        let owner = self.head.owner();
        let wanted = |op: &&mut Op| op.back == (event == OpEvent::Rollback);
        let Some(op) = self.head.op.as_mut().filter(wanted) else {
            return false;
        };
        op.go(event, cx);
        op.reported = false;
        op.failed = None;
        let occ = op.occ.clone();
        cx.notes.push(self.head.note(&occ));
        let after = Duration::from_millis(cx.settings.undeploy_deadline_ms);
        self.head.timers.arm(&owner, TimerKind::Deadline, after, cx);
        self.each_vm(|vm, _| vm.leftover = false);
        true
    }

    /// Stops what is under way at its next safe point; the operation rests then.
    pub fn cancel(
        &mut self,
        id: &OpId,
        mode: CancelMode,
        cx: &mut Cx<'_>,
    ) -> Result<OpId, Refusal> {
        let refusal = |text: &str| Err(Refusal::NotPossible(text.to_owned()));
        let Some(op) = self.head.op.as_mut().filter(|op| op.occ.id == *id) else {
            return refusal("nothing of it is under way");
        };
        match op.phase {
            _ if !op.asked => return refusal("it was not asked for through this interface"),
            _ if op.reported => return refusal("it is not under way"),
            _ if op.cancel == Some(CancelMode::Forceful) => {
                return refusal("it is being cancelled already");
            }
            OpPhase::CleanUp => return refusal("all that is left is to clean up"),
            OpPhase::Prepare | OpPhase::Drain | OpPhase::Vms => {}
        }
        op.cancel = Some(mode);
        let occ = op.occ.clone();
        self.fail_op(cancelled());
        cx.notes.push(OpNote {
            cancel: Some(mode),
            ..self.head.note(&occ)
        });
        let owner = self.head.key.clone();
        for reference in &mut self.head.references {
            if reference.resolution == Resolution::Pending {
                let owner = Owner::Lookup(owner.clone(), reference.kind, reference.name.clone());
                reference.caller.drop_call(&owner, cx);
                reference.resolution = Resolution::Failed(cancelled());
            }
        }
        self.each_vm(|vm, head| vm.cancel(mode, head, cx));
        Ok(id.clone())
    }

    /// Whether it is cancelled and what was begun for its preparation is still under way.
    pub(super) fn still_preparing(&self) -> bool {
        self.head
            .networks
            .iter()
            .any(|network| network.wanted && network.caller.intent.is_some())
    }

    /// What a cancelled operation left half done is somebody's to decide upon.
    pub(super) fn hold_cancelled(&mut self, cx: &mut Cx<'_>) {
        self.each_vm(|vm, _| vm.hold(cx));
    }

    /// Whether an operation under way was cancelled.
    pub(super) fn is_cancelled(&self) -> bool {
        self.head.op.as_ref().is_some_and(|op| op.cancel.is_some())
    }

    /// Removes every VM; said as failed when it takes too long.
    pub(super) fn remove_all(&mut self, cx: &mut Cx<'_>) {
        let owner = self.head.owner();
        let after = Duration::from_millis(cx.settings.undeploy_deadline_ms);
        self.head.timers.arm(&owner, TimerKind::Deadline, after, cx);
        self.each_vm(|vm, head| vm.begin_remove(head, cx));
    }

    /// Recovers these VMs as one operation.
    pub fn heal(
        &mut self,
        occ: LcmOpOcc,
        names: Vec<VmName>,
        cx: &mut Cx<'_>,
    ) -> Result<OpId, Refusal> {
        self.refuse_busy()?;
        let names = self.of_ours(names)?;
        let ill = |name: &&VmName| {
            let row = self.vms.get(*name);
            row.is_some_and(|row| row.recovery != RecoveryState::Idle || row.failed.is_some())
        };
        let names = match names.is_empty() {
            false => names,
            true => {
                let all: Vec<VmName> = self.vm_order();
                let ill: Vec<VmName> = all.iter().filter(ill).cloned().collect();
                if ill.is_empty() { all } else { ill }
            }
        };
        for name in &names {
            if let Some(text) = self.vms.get(name).and_then(|row| row.refuse_heal()) {
                return Err(Refusal::NotPossible(text));
            }
        }
        if names.is_empty() {
            let name = &self.head.key.name;
            let text = format!("deployment [{name}] has no VM");
            return Err(Refusal::NotPossible(text));
        }
        self.head.asked = Some(occ);
        let id = self.begin_op(OpKind::Heal(names.clone()), false, cx);
        for name in &names {
            self.with_vm(name, |vm, head| vm.recover(RecoveryInput::Do, head, cx));
        }
        Ok(id)
    }

    /// Starts or stops these VMs; none named: all.
    pub fn operate(
        &mut self,
        occ: LcmOpOcc,
        action: ActionType,
        stopping: Stopping,
        names: Vec<VmName>,
        cx: &mut Cx<'_>,
    ) -> Result<OpId, Refusal> {
        let names = self.of_ours(names)?;
        if names.is_empty() {
            self.head.asked = Some(occ);
            self.head.stopping = stopping;
            let begun = self.service_action(action, cx);
            if begun.is_err() {
                self.head.asked = None;
                self.head.stopping = Stopping::Plain;
            }
            return begun;
        }
        self.refuse_busy()?;
        let missing = |name: &&VmName| self.vms.get(*name).is_none_or(|row| row.vm.vm_id.is_none());
        if let Some(name) = names.iter().find(missing) {
            let text = format!("VM [{name}] does not exist in the VIM");
            return Err(Refusal::NotPossible(text));
        }
        self.head.asked = Some(occ);
        self.head.stopping = stopping;
        let id = self.begin_op(OpKind::Vms(action, names.clone()), false, cx);
        for name in &names {
            self.with_vm(name, |vm, head| vm.begin_action(action, true, head, cx));
        }
        Ok(id)
    }

    fn of_ours(&self, names: Vec<VmName>) -> Result<Vec<VmName>, Refusal> {
        match names.iter().find(|name| !self.vms.contains_key(*name)) {
            Some(name) => Err(Refusal::UnknownVm(name.to_string())),
            None => Ok(names),
        }
    }
}

impl VmRow {
    /// Whether a heal cannot begin now: one that is well may be healed too.
    fn refuse_heal(&self) -> Option<String> {
        let name = &self.vm.name;
        match (self.job, self.vm.state) {
            (_, VmState::Shutoff) => Some(format!("VM [{name}] is stopped")),
            (Job::Idle, _) => None,
            _ => Some(format!("VM [{name}] is busy")),
        }
    }

    fn heal_again(&mut self, head: &Head, cx: &mut Cx<'_>) {
        if self.is_settled() {
            self.recover(RecoveryInput::Do, head, cx);
        }
    }

    /// An action again, where it did not come to its end.
    pub(super) fn redo(
        &mut self,
        action: ActionType,
        failed: &[VmName],
        head: &Head,
        cx: &mut Cx<'_>,
    ) {
        let done = match action {
            ActionType::Stop => self.vm.state == VmState::Shutoff,
            ActionType::Start => matches!(self.vm.state, VmState::Alive | VmState::Inert),
            _ => !failed.contains(&self.vm.name),
        };
        if self.is_settled() && !done {
            self.begin_action(action, false, head, cx);
        }
    }

    /// Stops its job at the next safe point.
    fn cancel(&mut self, mode: CancelMode, head: &Head, cx: &mut Cx<'_>) {
        let harmless = self
            .caller
            .intent
            .as_ref()
            .is_none_or(|intent| intent.is_harmless());
        match self.job {
            Job::Idle => {}
            Job::Recover => {
                self.failed.get_or_insert_with(cancelled);
                self.recover(RecoveryInput::Preempt, head, cx);
            }
            Job::Drain if harmless => self.keep_running(cx),
            Job::Boot => {
                let owner = self.owner();
                self.caller.timers.disarm(&owner, TimerKind::Boot, cx);
                self.job = Job::Idle;
                self.failed = Some(cancelled());
            }
            job if harmless => {
                let owner = self.owner();
                self.caller.drop_call(&owner, cx);
                self.job_failed(job, cancelled(), vec![cancelled().text], head, cx);
            }
            Job::Create | Job::Replace if mode == CancelMode::Forceful => self.doomed = true,
            _ => {}
        }
        self.sync();
    }

    /// Settled by a cancellation: in error, until it is alive or somebody acts.
    fn hold(&mut self, cx: &mut Cx<'_>) {
        if self.failed.is_some() && self.job == Job::Idle && self.recovery == RecoveryState::Idle {
            self.recovery = RecoveryState::Held;
            self.watch(cx);
            self.sync();
        }
    }
}
