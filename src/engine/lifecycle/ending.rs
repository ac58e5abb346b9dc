//! How an operation ends: its last event, and what is kept of it.

use crate::model::action::ActionType;
use crate::model::event::{Event, EventKind, EventStatus};
use crate::model::operation::{LcmOperationState, OpEvent};
use crate::model::state::VmState;
use crate::model::vim::FailureReason;

use super::super::caller::Cx;
use super::super::io::TimerKind;
use super::super::messages;
use super::deployment::{Dep, Head, OpKind};
use super::vm::VmRow;

impl Dep {
    /// Ends the operation with its last event.
    pub(super) fn finish(&mut self, cx: &mut Cx<'_>) {
        let Some(op) = self.head.op.clone() else {
            return;
        };
        if op.cancel.is_some() {
            self.hold_cancelled(cx);
        }
        let owner = self.head.owner();
        self.head.timers.disarm(&owner, TimerKind::Deadline, cx);
        let failed = op.failed.clone().or_else(|| self.first_failure(&op.kind));
        let (kind, success, what) = match &op.kind {
            OpKind::Deploy => (
                Some(EventKind::ServiceAlive),
                messages::SERVICE_DEPLOYED,
                "deployment",
            ),
            OpKind::Update => (
                Some(EventKind::ServiceUpdated),
                messages::SERVICE_UPDATED,
                "update",
            ),
            OpKind::Undeploy | OpKind::Vm(..) | OpKind::Vms(..) | OpKind::Heal(_) => (None, "", ""),
            OpKind::Service(ActionType::Stop) => (
                Some(EventKind::ServiceStopped),
                messages::SERVICE_STOPPED,
                "suspension",
            ),
            OpKind::Service(ActionType::Start) => (
                Some(EventKind::ServiceAlive),
                messages::SERVICE_STARTED,
                "startup",
            ),
            OpKind::Service(ActionType::Reboot) => (
                Some(EventKind::ServiceAlive),
                messages::SERVICE_REBOOTED,
                "reboot",
            ),
            OpKind::Service(ActionType::EnableMonitor) => (
                Some(EventKind::ServiceAlive),
                messages::SERVICE_MONITOR_SET,
                "monitoring",
            ),
            OpKind::Service(ActionType::DisableMonitor) => (
                Some(EventKind::ServiceMonitorUnset),
                messages::SERVICE_MONITOR_UNSET,
                "monitoring",
            ),
        };
        if let Some(kind) = kind {
            let event = match &failed {
                None => self
                    .head
                    .event(kind, EventStatus::Success, 200, success.to_owned()),
                Some(reason) => {
                    let message = format!("{}; {}", messages::service_failed(what), reason.text);
                    Event {
                        reason: Some(reason.clone()),
                        ..self.head.event(kind, EventStatus::Failure, 500, message)
                    }
                }
            };
            cx.events.push(event);
        }
        if let Some(reason) = failed {
            self.fail_op(reason);
        }
        if matches!(op.kind, OpKind::Deploy | OpKind::Update) {
            self.head.failed = op.failed;
            let failed = self.head.failed.is_some();
            self.each_vm(|vm, _| {
                if failed && vm.vm.state == VmState::Undef {
                    vm.vm.state = VmState::Error;
                }
            });
        }
        self.close_op(cx);
    }

    pub(super) fn first_failure(&self, kind: &OpKind) -> Option<FailureReason> {
        let rows = self.vms.values().filter(|row| match kind {
            OpKind::Vm(_, name) => row.vm.name == *name,
            OpKind::Vms(_, names) | OpKind::Heal(names) => names.contains(&row.vm.name),
            _ => true,
        });
        rows.filter_map(|row| row.failed.clone()).next()
    }

    pub(super) fn close_op(&mut self, cx: &mut Cx<'_>) {
        let Some(mut op) = self.head.op.take() else {
            return;
        };
        let events: &[OpEvent] = match (&op.failed, op.asked, op.back) {
            (None, _, false) => &[OpEvent::Done],
            (None, _, true) => &[OpEvent::RolledBack],
            (Some(_), true, _) => &[OpEvent::StepFailed],
            (Some(_), false, _) => &[OpEvent::StepFailed, OpEvent::GiveUp],
        };
        for event in events {
            op.occ.state = op.occ.state.next(*event).unwrap_or(op.occ.state);
        }
        op.occ.state_entered = cx.ctx.wall;
        if op.failed.is_some() || op.occ.state == LcmOperationState::Completed {
            op.occ.error = op.failed.clone();
        }
        cx.notes.push(self.head.note(&op.occ));
        self.head.last_op = Some(op.occ.clone());
        if op.occ.state == LcmOperationState::FailedTemp {
            op.cancel = None;
            self.head.resting = Some(op);
        }
    }

    pub(super) fn undeployed(&mut self, cx: &mut Cx<'_>) {
        let reported = self.head.op.as_ref().is_some_and(|op| op.reported);
        if !reported {
            let message = messages::SERVICE_UNDEPLOYED.to_owned();
            let kind = EventKind::ServiceUndeployed;
            let event = self.head.event(kind, EventStatus::Success, 200, message);
            cx.events.push(event);
        }
        let owner = self.head.owner();
        self.head.timers.clear(&owner, cx);
        self.release_all(cx);
        self.close_op(cx);
        cx.gone.push(self.head.key.clone());
    }
}

impl VmRow {
    pub(super) fn report_leftover(&mut self, reason: FailureReason, head: &Head, cx: &mut Cx<'_>) {
        if self.gone || self.leftover {
            return;
        }
        self.leftover = true;
        if let Some(intent) = &self.caller.intent {
            super::super::history::push_all(&mut self.vm.history, &intent.lines, cx.settings);
        }
        let line = messages::undeploy_failed(&self.vm.name);
        super::super::history::push(&mut self.vm.history, line, cx.settings);
        let event = self.failure(head, EventKind::VmUndeployed, reason);
        cx.events.push(event);
    }
}
