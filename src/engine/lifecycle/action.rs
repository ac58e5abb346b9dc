//! What a person asks for beside configuration: service and VM actions, recovery by hand.

use crate::ids::{OpId, VmName};
use crate::model::action::{ActionType, Refusal};
use crate::model::state::VmState;

use super::super::caller::Cx;
use super::super::recovery::{RecoveryInput, RecoveryState};
use super::deployment::{Dep, Head, OpKind};
use super::vm::{Job, VmRow};

impl Dep {
    /// A service action.
    pub fn service_action(&mut self, action: ActionType, cx: &mut Cx<'_>) -> Result<OpId, Refusal> {
        self.refuse_busy()?;
        let name = &self.head.key.name;
        let stopped = self
            .vms
            .values()
            .all(|row| row.vm.state == VmState::Shutoff);
        let refusal = match action {
            _ if self.vms.is_empty() => Some(format!("deployment [{name}] has no VM")),
            ActionType::EnableMonitor if stopped => Some(format!("deployment [{name}] is stopped")),
            _ => None,
        };
        if let Some(text) = refusal {
            return Err(Refusal::NotPossible(text));
        }
        let id = self.begin_op(OpKind::Service(action), false, cx);
        self.each_vm(|vm, head| match action {
            ActionType::EnableMonitor if vm.vm.state == VmState::Shutoff => {}
            _ => vm.begin_action(action, false, head, cx),
        });
        Ok(id)
    }

    /// An action on one VM.
    pub fn vm_action(
        &mut self,
        action: ActionType,
        name: &VmName,
        cx: &mut Cx<'_>,
    ) -> Result<OpId, Refusal> {
        self.refuse_busy()?;
        let Some(row) = self.vms.get(name) else {
            return Err(Refusal::UnknownVm(name.to_string()));
        };
        let stopped = row.vm.state == VmState::Shutoff;
        match action {
            _ if row.vm.vm_id.is_none() => {
                return Err(Refusal::NotPossible(format!(
                    "VM [{name}] does not exist in the VIM"
                )));
            }
            ActionType::EnableMonitor if stopped => {
                return Err(Refusal::NotPossible(format!("VM [{name}] is stopped")));
            }
            _ => {}
        }
        let id = self.begin_op(OpKind::Vm(action, name.clone()), false, cx);
        self.with_vm(name, |vm, head| vm.begin_action(action, true, head, cx));
        Ok(id)
    }

    /// `recoveryVmAction`: `input` is `Do` or `Cancel`.
    pub fn recovery_action(
        &mut self,
        input: RecoveryInput,
        name: &VmName,
        cx: &mut Cx<'_>,
    ) -> Result<OpId, Refusal> {
        if self.head.op.is_some() {
            self.refuse_busy()?;
        }
        let Some(row) = self.vms.get(name) else {
            return Err(Refusal::UnknownVm(name.to_string()));
        };
        let waits = matches!(
            row.recovery,
            RecoveryState::Waiting
                | RecoveryState::ManualWaiting
                | RecoveryState::ManualNeeded
                | RecoveryState::Queued
        );
        match input {
            RecoveryInput::Do => row
                .refuse_recovery()
                .map_or(Ok(()), |text| Err(Refusal::NotPossible(text)))?,
            _ if !waits => {
                return Err(Refusal::NotPossible(format!(
                    "VM [{name}] has no recovery that waits"
                )));
            }
            _ => {}
        }
        let fresh = OpId::new(cx.mint.uuid());
        self.with_vm(name, |row, head| row.recover(input, head, cx));
        let heal = self.vms.get(name).and_then(|row| row.heal.as_ref());
        Ok(heal.map_or(fresh, |heal| heal.id.clone()))
    }

    pub(super) fn refuse_busy(&self) -> Result<(), Refusal> {
        match self.busy() {
            None => Ok(()),
            Some(operation) => Err(Refusal::Busy {
                deployment: self.head.key.name.clone(),
                operation,
            }),
        }
    }
}

impl VmRow {
    pub(super) fn begin_action(
        &mut self,
        action: ActionType,
        announce: bool,
        head: &Head,
        cx: &mut Cx<'_>,
    ) {
        match action {
            ActionType::Start => self.begin_power(Job::Start, head, cx),
            ActionType::Stop => self.begin_power(Job::Stop, head, cx),
            ActionType::Reboot => self.begin_power(Job::Reboot, head, cx),
            ActionType::DisableMonitor => self.unset_monitor(head, cx),
            ActionType::EnableMonitor => self.set_monitor(announce, head, cx),
        }
    }

    /// Whether a person's `DO` can begin a recovery now.
    pub fn refuse_recovery(&self) -> Option<String> {
        let name = &self.vm.name;
        match (self.job, self.recovery, self.vm.state) {
            (Job::Idle, RecoveryState::Idle, VmState::Alive) => {
                Some(format!("VM [{name}] is alive"))
            }
            (Job::Idle, RecoveryState::Idle, VmState::Shutoff) => {
                Some(format!("VM [{name}] is stopped"))
            }
            (Job::Idle, ..) => None,
            (Job::Recover, RecoveryState::ManualWaiting | RecoveryState::Quiet, _) => None,
            (Job::Recover, ..) => Some(format!("VM [{name}] is being recovered")),
            _ => Some(format!("VM [{name}] is busy")),
        }
    }
}
