//! How a VM is seen: its monitor, its events, the state opdata shows.

use std::sync::Arc;

use crate::model::deployment::VmGroup;
use crate::model::event::{Event, EventKind, EventStatus, VmRef};
use crate::model::state::VmState;
use crate::model::vim::FailureReason;

use super::super::alarm::speaks_of_life;
use super::super::caller::{Cx, MonitorChange};
use super::super::history;
use super::super::io::Effect;
use super::super::messages;
use super::super::recovery::RecoveryState;
use super::deployment::Head;
use super::vm::{Job, VmRow};

impl VmRow {
    /// Takes its monitor off.
    pub fn unset_monitor(&mut self, head: &Head, cx: &mut Cx<'_>) {
        self.quit_recovery(head, cx);
        self.unwatch(cx);
        self.vm.state = VmState::MonitorUnset;
        let event = self.event(head, EventKind::VmMonitorUnset, messages::MONITOR_UNSET);
        cx.events.push(event);
    }

    /// Sets its monitor and waits for it to be alive.
    pub fn set_monitor(&mut self, announce: bool, head: &Head, cx: &mut Cx<'_>) {
        self.quit_recovery(head, cx);
        if announce {
            let event = self.event(head, EventKind::VmMonitorSet, messages::MONITOR_SET);
            cx.events.push(event);
        }
        self.enter_boot(head, cx);
        self.sync();
    }

    /// New policy, timers, KPIs: nothing changes in the VIM.
    pub fn rewatch(&mut self, group: Arc<VmGroup>, cx: &mut Cx<'_>) {
        self.group = group;
        if !self.group.is_monitored() {
            self.unwatch(cx);
            if self.recovery == RecoveryState::Idle && self.vm.state == VmState::Inert {
                self.vm.state = VmState::Alive;
            }
        } else if self.vm.vm_id.is_some()
            && !matches!(self.vm.state, VmState::Shutoff | VmState::MonitorUnset)
        {
            self.watch(cx);
        }
    }

    pub(super) fn watch(&mut self, cx: &mut Cx<'_>) {
        let Some(vm_id) = self.vm.vm_id.clone() else {
            return;
        };
        if !self.group.is_monitored() {
            return;
        }
        self.monitor = self.monitor.wrapping_add(1);
        self.monitored = true;
        let group = &self.group;
        cx.monitors.push(MonitorChange::Start(self.vm.name.clone()));
        cx.effects.push(Effect::StartMonitor {
            vm: self.vm.name.clone(),
            vim: self.vim.clone(),
            vm_id,
            generation: self.monitor,
            kpis: group
                .kpis
                .iter()
                .filter(|kpi| speaks_of_life(group, kpi))
                .cloned()
                .collect(),
            interfaces: self.vm.interfaces.clone(),
        });
    }

    pub(super) fn unwatch(&mut self, cx: &mut Cx<'_>) {
        if self.monitored {
            self.monitored = false;
            cx.monitors.push(MonitorChange::Stop(self.vm.name.clone()));
            cx.effects.push(Effect::StopMonitor {
                vm: self.vm.name.clone(),
            });
        }
    }

    /// As an event names it.
    pub(super) fn as_ref(&self, interfaces: bool) -> Option<VmRef> {
        Some(VmRef {
            vm_id: self.vm.vm_id.clone()?,
            host_id: self.vm.host_id.clone(),
            host_name: self.vm.host_name.clone(),
            interfaces: match interfaces {
                true => self.vm.interfaces.clone(),
                false => Vec::new(),
            },
        })
    }

    /// A success event about this VM, itself as source.
    pub(super) fn event(&self, head: &Head, kind: EventKind, message: impl Into<String>) -> Event {
        Event {
            vm_group: Some(self.vm.group.clone()),
            vm: Some(self.vm.name.clone()),
            source: self.as_ref(kind == EventKind::VmDeployed),
            vim_op: self.vm.vim_op.clone().filter(|_| ends_a_call(kind)),
            ..head.event(kind, EventStatus::Success, 200, message.into())
        }
    }

    /// A failure event: its message is the history.
    pub(super) fn failure(&self, head: &Head, kind: EventKind, reason: FailureReason) -> Event {
        Event {
            status: EventStatus::Failure,
            code: 500,
            reason: Some(reason),
            ..self.event(head, kind, history::failure(&self.vm.history))
        }
    }

    /// The state opdata shows follows from what is under way.
    pub(super) fn sync(&mut self) {
        let state = match self.job {
            Job::Idle | Job::Recover => self.recovery.vm_state(),
            Job::Create => Some(VmState::Deploying),
            Job::Boot | Job::Resize => Some(VmState::Inert),
            Job::Remove | Job::Replace => Some(VmState::Undeploying),
            Job::Drain | Job::Stop => Some(VmState::Stopping),
            Job::Start => Some(VmState::Starting),
            Job::Reboot => Some(VmState::Rebooting),
        };
        if let Some(state) = state {
            self.vm.state = state;
        }
    }
}

/// Whether an event of this kind tells how a VIM call ended.
fn ends_a_call(kind: EventKind) -> bool {
    use EventKind as K;
    matches!(
        kind,
        K::VmDeployed
            | K::VmUndeployed
            | K::VmUpdated
            | K::VmStopped
            | K::VmStarted
            | K::VmRebooted
            | K::VmRecoveryReboot
            | K::VmRecoveryUndeployed
            | K::VmRecoveryDeployed
    )
}
