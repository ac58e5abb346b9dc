//! Carries the acts of the recovery machine out on one VM.

use std::collections::VecDeque;
use std::time::Duration;

use crate::clock::Mono;
use crate::model::deployment::VmGroup;
use crate::model::event::{Event, EventKind};
use crate::model::operation::{LcmOpOcc, LcmOperation, LcmOperationState, OpEvent};
use crate::model::state::VmState;
use crate::model::vim::FailureReason;

use super::super::call::{Goal, Outcome};
use super::super::caller::Cx;
use super::super::history;
use super::super::io::{Report, TimerKind};
use super::super::messages;
use super::super::port::VimCall;
use super::super::recovery::{Act, Facts, RecoveryInput, RecoveryState, step};
use super::deployment::{Head, OpKind};
use super::vm::{Job, VmRow, step_timeout};

impl VmRow {
    /// One input of the recovery machine, and every input that follows from it at once.
    pub fn recover(&mut self, input: RecoveryInput, head: &Head, cx: &mut Cx<'_>) {
        let mut inputs = VecDeque::from([input]);
        while let Some(input) = inputs.pop_front() {
            let (next, acts) = step(self.recovery, input, &self.facts(cx));
            let was = self.recovery;
            if was == RecoveryState::Idle && next != was {
                self.source = self.as_ref(false).or(self.source.take());
                self.old = self.source.clone();
                self.heal = None;
            }
            self.recovery = next;
            if next != was || next.is_busy() {
                self.job = if next.is_busy() {
                    Job::Recover
                } else {
                    Job::Idle
                };
            }
            if was != RecoveryState::Idle && next == RecoveryState::Idle {
                self.vm.state = VmState::Alive;
            }
            for act in acts {
                self.act(act, head, cx, &mut inputs);
            }
            if matches!(
                next,
                RecoveryState::Rebooting | RecoveryState::Undeploying(_)
            ) {
                self.heal_begins(head, cx);
            }
        }
        self.sync();
        if self.doomed && self.recovery == RecoveryState::Idle && self.caller.intent.is_none() {
            self.doomed = false;
            self.begin_remove(head, cx);
        }
    }

    pub(super) fn recovery_outcome(&mut self, outcome: Outcome, head: &Head, cx: &mut Cx<'_>) {
        let input = match outcome {
            Outcome::Done { vm, copies, .. } => {
                for copy in copies {
                    self.watch_for_late(Some(copy), head, cx);
                }
                match (vm, self.recovery) {
                    (_, RecoveryState::Undeploying(_)) => {
                        if self.vm.vm_id.is_none() {
                            self.watch_for_late(None, head, cx);
                        }
                        self.forget_vm();
                    }
                    (Some(seen), _) => self.adopt(seen),
                    (None, RecoveryState::Leaving) => self.forget_vm(),
                    (None, _) => {}
                }
                if self.recovery == RecoveryState::Rebooting {
                    history::push(&mut self.vm.history, messages::VM_REBOOTED, cx.settings);
                }
                RecoveryInput::StepDone
            }
            Outcome::Lost => {
                self.watch_for_late(None, head, cx);
                self.lost += 1;
                if self.recovery != RecoveryState::Leaving && self.lost <= cx.settings.lost_creates
                {
                    self.create(head, cx);
                    return;
                }
                self.failed = Some(super::vm_call::lost_reason());
                RecoveryInput::StepFailed
            }
            Outcome::Failed {
                lines,
                reason,
                remains,
            } => {
                history::push_all(&mut self.vm.history, &lines, cx.settings);
                if let Some(seen) = remains {
                    self.adopt(seen);
                }
                self.failed = Some(reason);
                RecoveryInput::StepFailed
            }
            Outcome::Unknown { reason } => {
                self.uncertain |= self.vm.vm_id.is_none();
                let line = format!("VIM Driver: {}", reason.text);
                history::push(&mut self.vm.history, line, cx.settings);
                self.failed = Some(reason);
                RecoveryInput::StepUnknown
            }
        };
        self.recover(input, head, cx);
    }

    fn facts(&self, cx: &Cx<'_>) -> Facts {
        Facts {
            policy: self.group.recovery,
            recovers: self.group.recovers(),
            at_once: self.group.recovery_wait.is_zero(),
            exists: self.vm.vm_id.is_some(),
            watched: self.group.is_monitored(),
            quiet: !quiet_left(&self.group, cx).is_zero(),
            kill_switch: cx.kill_switch,
        }
    }

    fn act(
        &mut self,
        act: Act,
        head: &Head,
        cx: &mut Cx<'_>,
        inputs: &mut VecDeque<RecoveryInput>,
    ) {
        let owner = self.owner();
        let name = self.vm.name.clone();
        match act {
            Act::Init(by_hand) => {
                self.source = self.as_ref(false).or(self.source.take());
                self.old = self.source.clone();
                self.failed = None;
                let asked = head.op.as_ref().filter(|op| match &op.kind {
                    OpKind::Heal(names) => names.contains(&name),
                    _ => false,
                });
                let heal = match asked {
                    Some(op) => op.occ.clone(),
                    None => {
                        let heal = new_heal(self, by_hand, cx);
                        cx.notes.push(head.note(&heal));
                        heal
                    }
                };
                self.heal = Some(heal);
                let message = match by_hand {
                    true => messages::recovery_by_hand(&name),
                    false => messages::recovery_triggered(&name),
                };
                self.say(head, EventKind::VmRecoveryInit, message, cx);
            }
            Act::Cancelled => {
                let message = messages::recovery_cancelled(&name);
                self.say(head, EventKind::VmRecoveryCancelled, message, cx);
                self.end_heal(OpEvent::Cancelled, head, cx);
            }
            Act::Rebooted => {
                let line = messages::is_rebooted(&name);
                history::push(&mut self.vm.history, line.clone(), cx.settings);
                self.say(head, EventKind::VmRecoveryReboot, line, cx);
            }
            Act::RebootFailed => {
                self.fail(
                    head,
                    EventKind::VmRecoveryReboot,
                    messages::reboot_failed(&name),
                    cx,
                );
            }
            Act::Undeployed => {
                let line = messages::undeployed(&name);
                history::push(&mut self.vm.history, line.clone(), cx.settings);
                let event = self.heal_event(head, EventKind::VmRecoveryUndeployed, line);
                cx.events.push(Event { code: 204, ..event });
            }
            Act::UndeployFailed => {
                let line = messages::undeploy_failed(&name);
                self.fail(head, EventKind::VmRecoveryUndeployed, line, cx);
            }
            Act::Deployed => {
                let line = messages::vm_created(&name);
                history::push(&mut self.vm.history, line.clone(), cx.settings);
                self.say(head, EventKind::VmRecoveryDeployed, line, cx);
            }
            Act::DeployFailed => {
                self.fail(
                    head,
                    EventKind::VmRecoveryDeployed,
                    messages::deploy_failed(&name),
                    cx,
                );
            }
            Act::NotAlive => {
                let line = messages::not_alive(&name, self.group.bootup_time);
                history::push(&mut self.vm.history, line.clone(), cx.settings);
                self.failed = Some(reason("not-alive", line));
            }
            Act::Recovered => {
                self.failed = None;
                let message = messages::recovered(&name);
                self.say(head, EventKind::VmRecoveryComplete, message, cx);
                self.end_heal(OpEvent::Done, head, cx);
            }
            Act::RecoveryFailed => {
                self.fail(
                    head,
                    EventKind::VmRecoveryComplete,
                    messages::recovery_failed(&name),
                    cx,
                );
                self.end_heal(OpEvent::StepFailed, head, cx);
            }
            Act::Interrupted => {
                self.failed = Some(reason("superseded", messages::recovery_interrupted(&name)));
                let line = messages::recovery_interrupted(&name);
                self.fail(head, EventKind::VmRecoveryComplete, line, cx);
                self.end_heal(OpEvent::StepFailed, head, cx);
            }
            Act::ManualNeeded => {
                self.failed
                    .get_or_insert_with(|| reason("manual", messages::manual_needed(&name)));
                let message = messages::manual_needed(&name);
                self.say(head, EventKind::VmManualRecoveryNeeded, message, cx);
            }
            Act::SayHeldBack => {
                let reason = reason("suppressed", messages::recovery_suppressed(&name));
                self.failed = Some(reason.clone());
                let event =
                    self.heal_event(head, EventKind::VmManualRecoveryNeeded, reason.text.clone());
                cx.events.push(Event {
                    reason: Some(reason.clone()),
                    ..event
                });
                cx.reports.push(Report::Suppressed { vm: name, reason });
            }
            Act::Alive => {
                self.failed = None;
                self.now_alive(head, cx);
            }
            Act::NeverAlive => {
                let reason = reason(
                    "not-alive",
                    messages::not_alive(&name, self.group.bootup_time),
                );
                self.failed = Some(reason.clone());
                let event = self.failure(head, EventKind::VmAlive, reason);
                cx.events.push(event);
            }
            Act::StartWait => {
                let after = self.group.recovery_wait;
                self.caller.timers.arm(&owner, TimerKind::Wait, after, cx);
            }
            Act::StartBoot => {
                let after = self.group.bootup_time.unwrap_or_default();
                self.caller.timers.arm(&owner, TimerKind::Boot, after, cx);
            }
            Act::StartQuiet => {
                let after = quiet_left(&self.group, cx);
                self.caller.timers.arm(&owner, TimerKind::Quiet, after, cx);
            }
            Act::StopTimers => {
                for kind in [TimerKind::Boot, TimerKind::Wait, TimerKind::Quiet] {
                    self.caller.timers.disarm(&owner, kind, cx);
                }
            }
            Act::Watch => self.watch(cx),
            Act::Unwatch => self.unwatch(cx),
            Act::Reboot => match self.vm.vm_id.clone() {
                Some(vm) => {
                    let call = VimCall::RebootVm { vm, hard: true };
                    self.call(Goal::Rebooted, Some(call), step_timeout(cx), head, cx);
                }
                None => inputs.extend([RecoveryInput::Granted, RecoveryInput::StepFailed]),
            },
            Act::Undeploy => self.recovery_undeploy(head, cx, inputs),
            Act::Deploy => {
                self.lost = 0;
                self.create(head, cx);
            }
            Act::DropCall => self.caller.drop_call(&owner, cx),
        }
    }

    fn recovery_undeploy(
        &mut self,
        head: &Head,
        cx: &mut Cx<'_>,
        inputs: &mut VecDeque<RecoveryInput>,
    ) {
        let queued = self.recovery == RecoveryState::Queued;
        let watched = self.monitored;
        let limit = Some(Duration::from_millis(cx.settings.gone_timeout_ms));
        let by_id = self.vm.vm_id.is_some();
        if queued && by_id {
            // Watched until the permit comes: it may still answer.
            let call = self.vm.vm_id.clone().map(VimCall::DeleteVm);
            self.call(Goal::Gone, call, limit, head, cx);
            debug_assert_eq!(watched, self.monitored);
            return;
        }
        self.old = self.as_ref(false).or(self.old.take());
        let begun = self.delete(limit, head, cx);
        if queued {
            inputs.push_back(RecoveryInput::Granted);
        }
        if !begun {
            inputs.push_back(RecoveryInput::StepDone);
        }
    }

    fn say(&mut self, head: &Head, kind: EventKind, message: String, cx: &mut Cx<'_>) {
        let event = self.heal_event(head, kind, message);
        cx.events.push(event);
    }

    /// A line of history and the FAILURE event that shows it.
    fn fail(&mut self, head: &Head, kind: EventKind, line: String, cx: &mut Cx<'_>) {
        history::push(&mut self.vm.history, line.clone(), cx.settings);
        let reason = self
            .failed
            .clone()
            .unwrap_or_else(|| reason("vim-error", line));
        let event = self.heal_event(head, kind, String::new());
        cx.events.push(Event {
            status: crate::model::event::EventStatus::Failure,
            code: 500,
            message: history::failure(&self.vm.history),
            reason: Some(reason),
            ..event
        });
    }

    /// An event of a recovery: the failed VM is the source, what stands in its place the target.
    fn heal_event(&self, head: &Head, kind: EventKind, message: String) -> Event {
        use EventKind as K;
        let target = match kind {
            K::VmRecoveryDeployed | K::VmRecoveryComplete => self.as_ref(true),
            _ => None,
        };
        let source = match kind {
            K::VmRecoveryUndeployed | K::VmRecoveryDeployed => self.old.clone(),
            _ => self.source.clone(),
        };
        Event {
            source,
            target,
            op_id: self.heal.as_ref().map(|heal| heal.id.clone()),
            ..self.event(head, kind, message)
        }
    }

    /// Its first step goes to the VIM.
    fn heal_begins(&mut self, head: &Head, cx: &mut Cx<'_>) {
        let Some(heal) = self.heal.as_mut() else {
            return;
        };
        if heal.state != LcmOperationState::Starting {
            return;
        }
        heal.state = heal.state.next(OpEvent::Granted).unwrap_or(heal.state);
        heal.state_entered = cx.ctx.wall;
        cx.notes.push(head.note(heal));
    }

    fn end_heal(&mut self, how: OpEvent, head: &Head, cx: &mut Cx<'_>) {
        let failed = self.failed.clone();
        let Some(heal) = self.heal.as_mut().filter(|heal| !heal.state.is_terminal()) else {
            return;
        };
        let events: &[OpEvent] = match how {
            OpEvent::Done => &[OpEvent::Granted, OpEvent::Done],
            OpEvent::Cancelled => &[OpEvent::Cancelled],
            _ => &[OpEvent::Granted, OpEvent::StepFailed, OpEvent::GiveUp],
        };
        for event in events {
            heal.state = heal.state.next(*event).unwrap_or(heal.state);
        }
        heal.state_entered = cx.ctx.wall;
        heal.error = failed.filter(|_| how != OpEvent::Done);
        if head.op_id().as_ref() != Some(&heal.id) {
            cx.notes.push(head.note(heal));
        }
    }
}

fn new_heal(vm: &VmRow, by_hand: bool, cx: &mut Cx<'_>) -> LcmOpOcc {
    LcmOpOcc {
        id: crate::ids::OpId::new(cx.mint.uuid()),
        operation: LcmOperation::Heal,
        state: LcmOperationState::Starting,
        start_time: cx.ctx.wall,
        state_entered: cx.ctx.wall,
        automatic: !by_hand,
        target: None,
        vm: Some(vm.vm.name.clone()),
        error: None,
    }
}

/// What is left of the probe rounds after our own start in which no new recovery begins.
pub(super) fn quiet_left(group: &VmGroup, cx: &Cx<'_>) -> Mono {
    let Some(started) = cx.started else {
        return Mono::ZERO;
    };
    let round = group
        .kpis
        .iter()
        .filter(|kpi| kpi.enabled)
        .map(|kpi| kpi.poll)
        .max();
    let until = started + round.unwrap_or_default() * cx.settings.quiet_rounds;
    until.saturating_sub(cx.ctx.mono)
}

fn reason(code: &str, text: String) -> FailureReason {
    FailureReason {
        code: code.to_owned(),
        text,
    }
}
