//! What the outcome of a VIM call means for the job of a VM.

use crate::model::event::EventKind;
use crate::model::state::VmState;
use crate::model::vim::FailureReason;

use super::super::call::{CallInput, Outcome};
use super::super::caller::Cx;
use super::super::history;
use super::super::messages;
use super::super::port::VimVm;
use super::super::recovery::{RecoveryInput, RecoveryState};
use super::deployment::Head;
use super::vm::{Job, VmRow};

impl VmRow {
    /// Gives the call under way an answer, and takes its outcome.
    pub fn on_call(&mut self, input: CallInput, head: &Head, cx: &mut Cx<'_>) {
        let granted = input == CallInput::Granted;
        let owner = self.owner();
        let outcome = self.caller.drive(&owner, input, cx);
        if let Some(intent) = &self.caller.intent
            && intent.op.is_some()
        {
            self.vm.vim_op = intent.op.clone();
        }
        if granted && self.recovery == RecoveryState::Queued {
            self.recover(RecoveryInput::Granted, head, cx);
        }
        match outcome {
            None => {}
            Some(outcome) if self.job == Job::Recover => self.recovery_outcome(outcome, head, cx),
            Some(outcome) => self.job_outcome(outcome, head, cx),
        }
        self.sync();
    }

    fn job_outcome(&mut self, outcome: Outcome, head: &Head, cx: &mut Cx<'_>) {
        match outcome {
            outcome if self.job == Job::Drain => self.drained(outcome, cx),
            Outcome::Failed { .. } | Outcome::Unknown { .. } if self.insists(head) => {
                self.cut_off(head, cx);
            }
            Outcome::Done { vm, copies, .. } => {
                for copy in copies {
                    self.watch_for_late(Some(copy), head, cx);
                }
                self.job_done(vm, head, cx);
            }
            Outcome::Lost => self.create_lost(head, cx),
            Outcome::Failed {
                lines,
                reason,
                remains,
            } => {
                if let Some(seen) = remains {
                    self.adopt(seen);
                }
                self.job_failed(self.job, reason, lines, head, cx);
            }
            Outcome::Unknown { reason } => {
                self.uncertain |= self.job == Job::Create;
                let lines = vec![format!("VIM Driver: {}", reason.text)];
                self.job_failed(self.job, reason, lines, head, cx);
            }
        }
        if self.doomed && self.caller.intent.is_none() && self.job != Job::Remove {
            self.doomed = false;
            self.begin_remove(head, cx);
        }
    }

    fn job_done(&mut self, seen: Option<VimVm>, head: &Head, cx: &mut Cx<'_>) {
        match self.job {
            Job::Remove | Job::Replace => {
                // A removal by token alone found nothing: it may still land one day.
                if self.vm.vm_id.is_none() {
                    self.watch_for_late(None, head, cx);
                }
                return self.removed(true, head, cx);
            }
            _ => {
                if let Some(seen) = seen {
                    self.adopt(seen);
                }
            }
        }
        let (kind, message) = match self.job {
            Job::Create => (EventKind::VmDeployed, messages::vm_created(&self.vm.name)),
            Job::Stop => (EventKind::VmStopped, messages::VM_STOPPED.to_owned()),
            Job::Start => (EventKind::VmStarted, messages::VM_STARTED.to_owned()),
            Job::Resize => (EventKind::VmUpdated, messages::vm_updated(&self.vm.name)),
            _ => (EventKind::VmRebooted, messages::VM_REBOOTED.to_owned()),
        };
        history::push(&mut self.vm.history, message.clone(), cx.settings);
        if self.job == Job::Reboot {
            let line = messages::is_rebooted(&self.vm.name);
            history::push(&mut self.vm.history, line, cx.settings);
        }
        self.announced |= self.job == Job::Create;
        let event = self.event(head, kind, message);
        cx.events.push(event);
        if self.job == Job::Stop {
            self.job = Job::Idle;
            self.vm.state = VmState::Shutoff;
        } else if self.doomed {
            self.job = Job::Idle;
        } else {
            self.enter_boot(head, cx);
        }
    }

    /// The job's step failed: history, its FAILURE event, ERROR.
    pub(super) fn job_failed(
        &mut self,
        job: Job,
        reason: FailureReason,
        lines: Vec<String>,
        head: &Head,
        cx: &mut Cx<'_>,
    ) {
        let name = &self.vm.name;
        let (kind, line) = match job {
            Job::Create => (EventKind::VmDeployed, messages::deploy_failed(name)),
            Job::Remove | Job::Replace => {
                (EventKind::VmUndeployed, messages::undeploy_failed(name))
            }
            Job::Stop => (EventKind::VmStopped, messages::stop_failed(name)),
            Job::Start => (EventKind::VmStarted, messages::start_failed(name)),
            Job::Resize => (EventKind::VmUpdated, messages::update_failed(name)),
            _ => (EventKind::VmRebooted, messages::reboot_failed(name)),
        };
        history::push_all(&mut self.vm.history, &lines, cx.settings);
        history::push(&mut self.vm.history, line, cx.settings);
        let event = self.failure(head, kind, reason.clone());
        cx.events.push(event);
        self.failed = Some(reason);
        self.job = Job::Idle;
        self.recovery = RecoveryState::Held;
        // Still there, it may come back by itself.
        self.watch(cx);
        self.sync();
    }

    /// The landing bound has passed and the VIM shows nothing: another create may be issued (P7).
    fn create_lost(&mut self, head: &Head, cx: &mut Cx<'_>) {
        self.watch_for_late(None, head, cx);
        self.lost += 1;
        if self.doomed || self.lost > cx.settings.lost_creates {
            self.job_failed(Job::Create, lost_reason(), Vec::new(), head, cx);
        } else {
            self.create(head, cx);
        }
    }
}

pub(super) fn lost_reason() -> FailureReason {
    FailureReason {
        code: "create-lost".to_owned(),
        text: "the VIM did not answer the create and made no VM".to_owned(),
    }
}
