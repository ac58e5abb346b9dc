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
use crate::ids::{OpId, Revision, VmName};

use super::vim::FailureReason;

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
