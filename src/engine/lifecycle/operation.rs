//! Operations on a deployment: how they begin, go on from phase to phase, and end.

use std::sync::Arc;
use std::time::Duration;

use crate::ids::{Revision, VmName};
use crate::model::deployment::{Deployment, VmGroup};
use crate::model::event::{Event, EventKind, EventStatus};
use crate::model::operation::{LcmOpOcc, OpEvent};
use crate::model::state::VmState;
use crate::model::vim::FailureReason;

use super::super::caller::Cx;
use super::super::io::Owner;
use super::super::messages;
use super::super::plan::{Actual, PlanStep, plan};
use super::super::recovery::{RecoveryInput, RecoveryState};
use super::super::resource::Stage;
use super::deployment::{Dep, OpKind, OpPhase};
use super::prepare::Prepared;
use super::vm::{Job, VmRow};

/// What is left of a deployment after a step.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Left {
    /// It is there.
    Something,
    /// It is undeployed.
    Nothing,
}

impl Dep {
    /// A configuration commit changed this deployment.
    pub fn desire(
        &mut self,
        revision: Revision,
        desired: Option<Arc<Deployment>>,
        asked: Option<LcmOpOcc>,
        grace: Option<Duration>,
        cx: &mut Cx<'_>,
    ) {
        let again = asked.is_some();
        if let Some(superseded) = std::mem::replace(&mut self.head.asked, asked) {
            self.superseded(superseded, cx);
        }
        match desired {
            // What a cancelled termination left is nobody's to remove unasked.
            None if !again && (self.head.left || self.rests_undeployed()) => {}
            None if self.head.is_undeploying() => {
                self.head.pending = None;
                if !again {
                    self.give_up(cx);
                }
            }
            None => self.begin_undeploy(revision, false, grace, cx),
            Some(desired) if self.head.is_undeploying() => {
                self.head.pending = Some((revision, Some(desired)));
            }
            // What is applied, or being applied, already; a termination that stopped half way is not.
            Some(desired)
                if *desired == *self.head.desired
                    && !again
                    && !self.head.left
                    && !self.rests_undeployed() =>
            {
                self.head.pending = None;
            }
            Some(desired) => self.head.pending = Some((revision, Some(desired))),
        }
    }

    /// Begins the deploy of a new deployment.
    pub fn begin_deploy(&mut self, cx: &mut Cx<'_>) {
        self.begin_op(OpKind::Deploy, false, cx);
        self.plan_vms(cx);
        self.set_phase(OpPhase::Prepare);
        self.begin_prepare(cx);
    }

    fn begin_update(
        &mut self,
        revision: Revision,
        desired: Arc<Deployment>,
        default_vim: &str,
        cx: &mut Cx<'_>,
    ) {
        self.head.revision = revision;
        self.begin_op(OpKind::Update, false, cx);
        let vim = desired.vim.as_deref().unwrap_or(default_vim);
        if vim != self.head.vim {
            let text = format!(
                "a deployment cannot move from VIM [{}] to [{vim}]",
                self.head.vim
            );
            self.head.desired = desired;
            self.fail_op(FailureReason {
                code: "not-possible".to_owned(),
                text,
            });
            return;
        }
        self.head.desired = desired;
        self.plan_vms(cx);
        self.set_phase(OpPhase::Prepare);
        self.begin_prepare(cx);
    }

    /// What a failed instantiation left goes, unasked.
    pub fn clean_up(&mut self, revision: Revision, cx: &mut Cx<'_>) {
        if !self.head.is_undeploying() {
            self.begin_undeploy(revision, true, None, cx);
        }
    }

    /// Pre-empts whatever is under way, VM by VM at its next safe point.
    fn begin_undeploy(
        &mut self,
        revision: Revision,
        automatic: bool,
        grace: Option<Duration>,
        cx: &mut Cx<'_>,
    ) {
        self.head.revision = revision;
        self.head.pending = None;
        if self.head.op.is_some() {
            self.fail_op(FailureReason {
                code: "superseded".to_owned(),
                text: "an undeployment took its place".to_owned(),
            });
            self.close_op(cx);
        }
        self.begin_op(OpKind::Undeploy, automatic, cx);
        match grace {
            Some(grace) => self.begin_drain(grace, cx),
            None => self.remove_all(cx),
        }
    }

    fn rests_undeployed(&self) -> bool {
        let resting = self.head.resting.as_ref();
        self.head.op.is_none() && resting.is_some_and(|op| op.kind == OpKind::Undeploy)
    }

    /// The VMs of a deploy or update that is retried.
    pub(super) fn resume_vms(&mut self, cx: &mut Cx<'_>) {
        self.plan_vms(cx);
        self.set_phase(OpPhase::Prepare);
        self.begin_prepare(cx);
    }

    /// The undeploy takes too long: said once, with all that is left; it goes on.
    pub(super) fn undeploy_overdue(&mut self, cx: &mut Cx<'_>) {
        if !self.head.is_undeploying() {
            return;
        }
        let reason = FailureReason {
            code: "timeout".to_owned(),
            text: "the VIM did not delete everything in time".to_owned(),
        };
        self.each_vm(|vm, head| vm.report_leftover(reason.clone(), head, cx));
        for at in 0..self.head.networks.len() {
            self.with_network(at, |thing, head| {
                thing.report_stuck(Some(head), cx);
                thing.reported = true;
            });
        }
        let message = messages::service_failed("undeployment");
        let event = self.head.event(
            EventKind::ServiceUndeployed,
            EventStatus::Failure,
            500,
            message,
        );
        cx.events.push(Event {
            reason: Some(reason.clone()),
            ..event
        });
        if let Some(op) = self.head.op.as_mut() {
            op.reported = true;
            op.failed = Some(reason.clone());
            op.occ.error = Some(reason);
            let events: &[OpEvent] = match op.asked {
                true => &[OpEvent::StepFailed],
                false => &[OpEvent::StepFailed, OpEvent::GiveUp],
            };
            for event in events {
                op.occ.state = op.occ.state.next(*event).unwrap_or(op.occ.state);
            }
            op.occ.state_entered = cx.ctx.wall;
            let occ = op.occ.clone();
            cx.notes.push(self.head.note(&occ));
        }
    }

    /// After a restart: timers, calls and monitors of everything in it.
    pub fn restart(&mut self, cx: &mut Cx<'_>) {
        let owner = self.head.owner();
        self.head.timers.restart(&owner, |_| Duration::ZERO, cx);
        for at in 0..self.head.networks.len() {
            let key = self.head.key.clone();
            self.with_network(at, |thing, head| {
                let owner = Owner::Network(key, thing.record.key.name.clone());
                thing.restart(&owner, Some(head), cx);
            });
        }
        let asked: Vec<_> = self
            .head
            .references
            .iter()
            .filter(|reference| reference.caller.intent.is_some())
            .map(|reference| (reference.kind, reference.name.clone()))
            .collect();
        for (kind, name) in asked {
            self.restart_lookup(kind, &name, cx);
        }
        self.each_vm(|vm, head| vm.restart(head, cx));
    }

    /// Goes on as far as it can without waiting.
    pub fn advance(&mut self, default_vim: &str, cx: &mut Cx<'_>) -> Left {
        loop {
            self.drop_gone();
            let Some((kind, phase, failed)) = self
                .head
                .op
                .as_ref()
                .map(|op| (op.kind.clone(), op.phase, op.failed.clone()))
            else {
                let Some((revision, desired)) = self.take_pending() else {
                    self.take_up_held_back(cx);
                    break;
                };
                match desired {
                    Some(desired) => self.begin_update(revision, desired, default_vim, cx),
                    None => self.begin_undeploy(revision, false, None, cx),
                }
                continue;
            };
            match (kind, phase) {
                (OpKind::Deploy | OpKind::Update, OpPhase::Prepare) if self.is_cancelled() => {
                    if self.still_preparing() {
                        break;
                    }
                    self.set_phase(OpPhase::Vms);
                }
                (OpKind::Deploy | OpKind::Update, OpPhase::Prepare) => match self.prepared(cx) {
                    Prepared::Waiting => break,
                    // A VM that failed meanwhile is recovered first.
                    Prepared::Ready if !self.all_settled() => break,
                    Prepared::Ready => {
                        self.set_phase(OpPhase::Vms);
                        self.start_vms(cx);
                    }
                    Prepared::Failed(reason) => {
                        self.report_unknown_names(cx);
                        self.fail_op(reason);
                        self.set_phase(OpPhase::Vms);
                    }
                },
                (_, OpPhase::Drain) if self.still_drains() => break,
                (_, OpPhase::Drain) => self.end_drain(cx),
                (_, OpPhase::Vms) if !self.all_settled() => break,
                (_, OpPhase::Vms) if self.is_cancelled() => self.finish(cx),
                (OpKind::Deploy | OpKind::Update, OpPhase::Vms) if failed.is_some() => {
                    self.finish(cx);
                }
                (OpKind::Update | OpKind::Undeploy, OpPhase::Vms) => {
                    self.set_phase(OpPhase::CleanUp);
                    self.drop_networks(cx);
                }
                (_, OpPhase::Vms) => self.finish(cx),
                (OpKind::Undeploy, OpPhase::CleanUp) => {
                    if self
                        .head
                        .networks
                        .iter()
                        .any(|network| network.stage != Stage::Gone)
                    {
                        break;
                    }
                    self.undeployed(cx);
                    return Left::Nothing;
                }
                (_, _) => {
                    let going = |network: &super::super::resource::Thing| {
                        !network.wanted
                            && network.stage != Stage::Gone
                            && network.stage != Stage::Failed
                    };
                    if self.head.networks.iter().any(going) {
                        break;
                    }
                    self.head.networks.retain(|network| network.wanted);
                    self.finish(cx);
                }
            }
        }
        self.sync();
        Left::Something
    }

    /// Recoveries that the kill switch held back begin once it is off.
    fn take_up_held_back(&mut self, cx: &mut Cx<'_>) {
        let held_back = |row: &Arc<VmRow>| row.recovery == RecoveryState::Suppressed;
        if !cx.kill_switch && self.vms.values().any(held_back) {
            self.each_vm(|row, head| row.recover(RecoveryInput::SwitchOff, head, cx));
        }
    }

    fn take_pending(&mut self) -> Option<(Revision, Option<Arc<Deployment>>)> {
        if self.head.pending.is_some() && self.all_settled() {
            return self.head.pending.take();
        }
        None
    }

    pub(super) fn set_phase(&mut self, phase: OpPhase) {
        if let Some(op) = self.head.op.as_mut() {
            op.phase = phase;
        }
    }

    pub(super) fn fail_op(&mut self, reason: FailureReason) {
        if let Some(op) = self.head.op.as_mut() {
            op.failed.get_or_insert(reason);
        }
    }

    fn drop_gone(&mut self) {
        let gone: Vec<VmName> = self
            .vms
            .iter()
            .filter(|(_, row)| row.gone)
            .map(|(name, _)| name.clone())
            .collect();
        for name in gone {
            self.vms.remove(&name);
        }
    }

    /// Rows for the VMs that are new in the configuration.
    fn plan_vms(&mut self, cx: &mut Cx<'_>) {
        for step in self.plan() {
            if let PlanStep::Add { group, index } = step
                && let Some(group) = self.group(&group)
            {
                let row = VmRow::new(&self.head.key, &self.head.vim, group, index, cx);
                self.vms.insert(row.vm.name.clone(), Arc::new(row));
            }
        }
    }

    fn plan(&self) -> Vec<PlanStep> {
        let actual: Vec<Actual<'_>> = self
            .vms
            .values()
            .map(|row| Actual {
                name: &row.vm.name,
                group: &row.vm.group,
                index: row.vm.index,
                exists: row.may_exist(),
                applied: &row.group,
            })
            .collect();
        plan(&self.head.desired, &actual)
    }

    fn group(&self, name: &str) -> Option<Arc<VmGroup>> {
        let groups = &self.head.desired.vm_groups;
        groups
            .iter()
            .find(|group| group.name == name)
            .cloned()
            .map(Arc::new)
    }

    fn start_vms(&mut self, cx: &mut Cx<'_>) {
        for step in self.plan() {
            let (PlanStep::Create(name)
            | PlanStep::Remove(name)
            | PlanStep::Redeploy(name)
            | PlanStep::Resize(name)
            | PlanStep::Rewatch(name)) = &step
            else {
                continue;
            };
            let group = self.vms.get(name).map(|row| row.vm.group.clone());
            let group = group.and_then(|group| self.group(&group));
            self.with_vm(name, |vm, head| match (&step, group) {
                (PlanStep::Remove(_), _) | (_, None) => vm.begin_remove(head, cx),
                (PlanStep::Create(_), Some(group)) => {
                    vm.quit_recovery(head, cx);
                    vm.group = group;
                    vm.begin_create(head, cx);
                }
                (PlanStep::Redeploy(_), Some(group)) => vm.begin_replace(group, head, cx),
                (PlanStep::Resize(_), Some(group)) => {
                    vm.group = group;
                    vm.begin_power(Job::Resize, head, cx);
                }
                (_, Some(group)) => vm.rewatch(group, cx),
            });
        }
        if self.head.op.as_ref().is_some_and(|op| op.again) {
            self.make_anew(cx);
        }
    }

    /// A retry makes what is there and failed anew; a VM that is not there was planned already.
    fn make_anew(&mut self, cx: &mut Cx<'_>) {
        for name in self.vm_order() {
            let group = self.vms.get(&name).map(|row| row.vm.group.clone());
            let Some(group) = group.and_then(|group| self.group(&group)) else {
                continue;
            };
            self.with_vm(&name, |vm, head| {
                if vm.is_settled() && vm.may_exist() && vm.vm.state == VmState::Error {
                    vm.begin_replace(group, head, cx);
                }
            });
        }
    }

    fn drop_networks(&mut self, cx: &mut Cx<'_>) {
        let desired = self.head.desired.clone();
        let all = self.head.is_undeploying();
        let key = self.head.key.clone();
        for at in 0..self.head.networks.len() {
            self.with_network(at, |thing, head| {
                let name = thing.record.key.name.clone();
                if all || !desired.networks.iter().any(|network| network.name == name) {
                    let owner = Owner::Network(key.clone(), name);
                    thing.remove(&owner, Some(head), cx);
                }
            });
        }
    }
}
