//! States, inputs and acts of the recovery machine.

use serde::{Deserialize, Serialize};

use crate::model::deployment::RecoveryPolicy;
use crate::model::state::VmState;

/// Where the recovery of one VM stands. The number is the redeploy attempt, 1 first.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub enum RecoveryState {
    /// Nothing to recover.
    #[default]
    Idle,
    /// Failed in the quiet time after our own start; looked at again at its end.
    Quiet,
    /// Failed while the kill switch was on; said so.
    Suppressed,
    /// INIT sent; given time to come back (T2).
    Waiting,
    /// MANUAL policy: given time to come back (T2), nothing sent yet.
    ManualWaiting,
    /// A person was asked.
    ManualNeeded,
    /// The first step waits for its permit.
    Queued,
    /// A reboot is under way.
    Rebooting,
    /// Rebooted; must answer within T3.
    RebootWait,
    /// The old VM is being removed, until proven gone.
    Undeploying(u32),
    /// The replacement is being made.
    Deploying(u32),
    /// Made; must answer within T4.
    DeployWait(u32),
    /// An undeploy waits for the step under way to end.
    Leaving,
    /// Given up; until the KPI is TRUE again or a person acts.
    Held,
}

impl RecoveryState {
    /// Every state, attempts as 1.
    pub const ALL: [Self; 14] = [
        Self::Idle,
        Self::Quiet,
        Self::Suppressed,
        Self::Waiting,
        Self::ManualWaiting,
        Self::ManualNeeded,
        Self::Queued,
        Self::Rebooting,
        Self::RebootWait,
        Self::Undeploying(1),
        Self::Deploying(1),
        Self::DeployWait(1),
        Self::Leaving,
        Self::Held,
    ];

    /// Whether something is under way that an edit has to wait for.
    pub fn is_busy(self) -> bool {
        !matches!(
            self,
            Self::Idle | Self::Held | Self::ManualNeeded | Self::Suppressed
        )
    }

    /// Whether INIT was sent and its COMPLETE or CANCELLED is due.
    pub fn owes_an_end(self) -> bool {
        matches!(
            self,
            Self::Waiting
                | Self::Queued
                | Self::Rebooting
                | Self::RebootWait
                | Self::Undeploying(_)
                | Self::Deploying(_)
                | Self::DeployWait(_)
                | Self::Leaving
        )
    }

    /// The VM's state while here; `None`: this machine has no say.
    pub fn vm_state(self) -> Option<VmState> {
        Some(match self {
            Self::Idle | Self::Leaving => return None,
            Self::Quiet | Self::Waiting | Self::ManualWaiting | Self::Queued => VmState::Inert,
            Self::RebootWait | Self::DeployWait(_) => VmState::Inert,
            Self::Rebooting => VmState::Rebooting,
            Self::Undeploying(_) => VmState::Undeploying,
            Self::Deploying(_) => VmState::Deploying,
            Self::Suppressed | Self::ManualNeeded | Self::Held => VmState::Error,
        })
    }
}

/// What can happen to it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum RecoveryInput {
    /// The VM answers.
    KpiTrue,
    /// The VM was asked properly and does not answer.
    KpiFalse,
    /// The bootup time is over (T1, T3, T4).
    BootExpired,
    /// The recovery wait time is over (T2).
    WaitExpired,
    /// The quiet time is over.
    QuietOver,
    /// The kill switch was turned off.
    SwitchOff,
    /// The first step has its permit.
    Granted,
    /// The step under way ended well.
    StepDone,
    /// It failed.
    StepFailed,
    /// Nobody can tell how it ended.
    StepUnknown,
    /// A person asks for recovery.
    Do,
    /// A person stops a recovery that still waits.
    Cancel,
    /// The VM is to be undeployed.
    Preempt,
}

impl RecoveryInput {
    /// Every input.
    pub const ALL: [Self; 13] = [
        Self::KpiTrue,
        Self::KpiFalse,
        Self::BootExpired,
        Self::WaitExpired,
        Self::QuietOver,
        Self::SwitchOff,
        Self::Granted,
        Self::StepDone,
        Self::StepFailed,
        Self::StepUnknown,
        Self::Do,
        Self::Cancel,
        Self::Preempt,
    ];
}

/// What the machine reads beside its state.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Facts {
    /// The group's policy.
    pub policy: RecoveryPolicy,
    /// Whether a rule asks for recovery at all.
    pub recovers: bool,
    /// Whether the recovery wait time is zero.
    pub at_once: bool,
    /// Whether the VIM may have a VM to reboot.
    pub exists: bool,
    /// Whether the VM is watched: one that is not counts as alive once its step is done.
    pub watched: bool,
    /// Whether the quiet time after our own start still lasts.
    pub quiet: bool,
    /// Whether the kill switch is on.
    pub kill_switch: bool,
}

/// What the machine asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Act {
    /// VM_RECOVERY_INIT; `true`: asked by a person.
    Init(bool),
    /// VM_RECOVERY_CANCELLED.
    Cancelled,
    /// VM_RECOVERY_REBOOT SUCCESS.
    Rebooted,
    /// VM_RECOVERY_REBOOT FAILURE.
    RebootFailed,
    /// VM_RECOVERY_UNDEPLOYED 204.
    Undeployed,
    /// VM_RECOVERY_UNDEPLOYED FAILURE.
    UndeployFailed,
    /// VM_RECOVERY_DEPLOYED SUCCESS.
    Deployed,
    /// VM_RECOVERY_DEPLOYED FAILURE.
    DeployFailed,
    /// The replacement did not answer in time: a line of history, no event.
    NotAlive,
    /// VM_RECOVERY_COMPLETE SUCCESS.
    Recovered,
    /// VM_RECOVERY_COMPLETE FAILURE.
    RecoveryFailed,
    /// VM_RECOVERY_COMPLETE FAILURE, because of an undeploy.
    Interrupted,
    /// VM_MANUAL_RECOVERY_NEEDED.
    ManualNeeded,
    /// The same, because the kill switch is on.
    SayHeldBack,
    /// VM_ALIVE: back by itself after it was given up.
    Alive,
    /// VM_ALIVE FAILURE: never alive, and no rule asks for recovery.
    NeverAlive,
    /// Start the recovery wait time.
    StartWait,
    /// Start the bootup time.
    StartBoot,
    /// Ask again at the end of the quiet time.
    StartQuiet,
    /// Stop every timer of the recovery.
    StopTimers,
    /// Watch the VM anew.
    Watch,
    /// Watch it no more.
    Unwatch,
    /// Reboot the VM.
    Reboot,
    /// Remove the VM.
    Undeploy,
    /// Make the replacement.
    Deploy,
    /// Take back the call that still waits for its permit.
    DropCall,
}
