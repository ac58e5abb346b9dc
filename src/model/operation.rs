//! LCM operation occurrences: one operation, its state and its legal moves (SOL003 5.5.2.13, 5.6.2.2).
//!
//! ```text
//! STARTING -> PROCESSING -> COMPLETED
//!     |         |     ^
//!     |         v     | retry
//!     |     FAILED_TEMP -> FAILED
//!     v         |     ^
//! ROLLED_BACK <-- ROLLING_BACK
//! ```

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::ids::{DeploymentId, DeploymentKey, OpId, Revision, VmId, VmName};

use super::vim::{FailureReason, VimOpRef};

/// What an operation does.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum LcmOperation {
    /// Deploy.
    Instantiate,
    /// Change of a deployment.
    Modify,
    /// Undeploy.
    Terminate,
    /// Recovery.
    Heal,
    /// Start, stop, reboot, monitor on and off.
    Operate,
    /// One group grows or shrinks by steps.
    Scale,
    /// Groups get the counts named.
    ScaleToLevel,
    /// The instance's own information changes, no resource.
    ModifyInfo,
}

/// State of an operation.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum LcmOperationState {
    /// Accepted, not begun.
    Starting,
    /// Under way.
    Processing,
    /// Done.
    Completed,
    /// Failed, may be retried.
    FailedTemp,
    /// Failed for good.
    Failed,
    /// Being undone.
    RollingBack,
    /// Undone.
    RolledBack,
}

/// What may happen to an operation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OpEvent {
    /// Its owner took it up.
    Granted,
    /// Every step ended well.
    Done,
    /// A step failed.
    StepFailed,
    /// Try again.
    Retry,
    /// Give up.
    GiveUp,
    /// Undo.
    Rollback,
    /// Undone.
    RolledBack,
    /// Taken back before anything was done.
    Cancelled,
}

impl LcmOperationState {
    /// Every state.
    pub const ALL: [Self; 7] = [
        Self::Starting,
        Self::Processing,
        Self::Completed,
        Self::FailedTemp,
        Self::Failed,
        Self::RollingBack,
        Self::RolledBack,
    ];

    /// The state after `event`, or `None` when the move is illegal.
    pub fn next(self, event: OpEvent) -> Option<Self> {
        Some(match (self, event) {
            // (state, event) -> next state
            (Self::Starting, OpEvent::Granted) => Self::Processing,
            (Self::Starting, OpEvent::Cancelled) => Self::RolledBack,
            (Self::Processing, OpEvent::Done) => Self::Completed,
            (Self::Processing, OpEvent::StepFailed) => Self::FailedTemp,
            (Self::FailedTemp, OpEvent::Retry) => Self::Processing,
            (Self::FailedTemp, OpEvent::GiveUp) => Self::Failed,
            (Self::FailedTemp, OpEvent::Rollback) => Self::RollingBack,
            (Self::RollingBack, OpEvent::RolledBack) => Self::RolledBack,
            (Self::RollingBack, OpEvent::StepFailed) => Self::FailedTemp,
            _ => return None,
        })
    }

    /// Whether nothing moves it any more.
    pub fn is_terminal(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::RolledBack)
    }
}

/// One operation on a deployment.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct LcmOpOcc {
    /// Its id, in opdata, events and SOL003 alike.
    pub id: OpId,
    /// What it does.
    pub operation: LcmOperation,
    /// Where it stands.
    pub state: LcmOperationState,
    /// When it was accepted.
    pub start_time: Timestamp,
    /// When `state` was entered.
    pub state_entered: Timestamp,
    /// Whether the engine started it by itself.
    pub automatic: bool,
    /// The configuration revision it aims at, where it has one.
    pub target: Option<Revision>,
    /// The VM it is about, for HEAL and VM actions.
    pub vm: Option<VmName>,
    /// Why it failed.
    pub error: Option<FailureReason>,
}

/// How an operation under way is cancelled (SOL003 5.5.4.7). Neither begins anything new in the VIM.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum CancelMode {
    /// What was begun is waited for and stays.
    Graceful,
    /// What was begun is removed again as soon as its outcome is known.
    Forceful,
}

/// Which way an operation waits for its commit of the configuration.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Direction {
    /// To what was asked for.
    Forward,
    /// Back to what was there before; of a FAILED one, whose remains are to go.
    Back,
}

/// What somebody asked for through SOL003: such an operation rests in FAILED_TEMP, all others end in FAILED.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Asked {
    /// Who.
    pub user: String,
    /// The request's body, as it came.
    pub params: serde_json::Value,
    /// Counts of the groups before it, where it changes them.
    #[serde(default)]
    pub before: Vec<(String, u32)>,
    /// Counts of the groups it wants.
    #[serde(default)]
    pub after: Vec<(String, u32)>,
    /// How many milliseconds VMs have to stop by themselves before they are removed; `None`: at once.
    #[serde(default)]
    pub grace_ms: Option<u64>,
}

/// What an operation did to a resource.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum ChangeKind {
    /// Made.
    Added,
    /// Removed.
    Removed,
    /// Stopped, started, rebooted, resized.
    Modified,
}

/// A VM that an operation touched.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct AffectedVm {
    /// Its name.
    pub name: VmName,
    /// Its group.
    pub group: String,
    /// What happened to it.
    pub change: ChangeKind,
    /// The VIM's id.
    pub vm_id: VmId,
    /// The host's name, empty when not known.
    pub host: String,
    /// Its interfaces, by position.
    pub interfaces: Vec<u32>,
}

/// A network of the deployment that an operation touched.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct AffectedNetwork {
    /// Its name.
    pub name: String,
    /// What happened to it.
    pub change: ChangeKind,
    /// The VIM's id, empty when not known.
    pub vim_id: String,
}

/// The driver's words on a failure.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct FailureWords {
    /// What the event said: the history of the failed thing.
    pub message: String,
    /// The VIM's own record of the failed step.
    pub vim_op: Option<VimOpRef>,
}

/// The stored row of one operation, kept when it has ended, until retention takes it.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct OpRecord {
    /// The operation itself.
    pub occ: LcmOpOcc,
    /// The deployment it is about.
    pub key: DeploymentKey,
    /// Its id, the id of the VNF instance.
    pub instance: DeploymentId,
    /// The VIM it works in.
    pub vim: String,
    /// Who asked what, through SOL003.
    pub asked: Option<Asked>,
    /// How it is being cancelled.
    pub cancel: Option<CancelMode>,
    /// The commit it waits for.
    pub awaits: Option<Direction>,
    /// It was rolled back, at least in part.
    #[serde(default)]
    pub back: bool,
    /// What the VIM said to the failure in `occ`.
    pub words: Option<FailureWords>,
    /// VMs it touched, in the order of touching.
    pub vms: Vec<AffectedVm>,
    /// Networks it touched.
    pub networks: Vec<AffectedNetwork>,
    /// What of the instance's information it changed.
    pub changed_info: Option<serde_json::Value>,
}

impl OpRecord {
    /// Whether nothing follows from it any more.
    pub fn has_ended(&self) -> bool {
        self.occ.state.is_terminal() && self.awaits.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_is_terminal_exactly_when_no_event_moves_it() {
        let events = [
            OpEvent::Granted,
            OpEvent::Done,
            OpEvent::StepFailed,
            OpEvent::Retry,
            OpEvent::GiveUp,
            OpEvent::Rollback,
            OpEvent::RolledBack,
            OpEvent::Cancelled,
        ];
        for state in LcmOperationState::ALL {
            let moves = events.iter().any(|event| state.next(*event).is_some());
            assert_eq!(state.is_terminal(), !moves, "{state:?}");
        }
    }
}
