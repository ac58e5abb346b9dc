//! What a person may ask of a service or a VM, beside configuration.

use serde::{Deserialize, Serialize};

use crate::ids::{DeploymentKey, VmName};

/// The five actions on a service or a VM.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum ActionType {
    /// Start.
    Start,
    /// Stop.
    Stop,
    /// Stop and start.
    Reboot,
    /// Monitors on.
    EnableMonitor,
    /// Monitors off.
    DisableMonitor,
}

/// What `recoveryVmAction` asks.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum RecoveryActionType {
    /// Recover now.
    Do,
    /// Stop a recovery that still waits.
    Cancel,
}

/// One request.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Action {
    /// `serviceAction`.
    Service {
        /// What to do.
        action: ActionType,
        /// With which deployment.
        deployment: DeploymentKey,
    },
    /// `vmAction`.
    Vm {
        /// What to do.
        action: ActionType,
        /// With which VM.
        vm: VmName,
        /// Ignore `min_active`.
        force: bool,
    },
    /// `recoveryVmAction`.
    Recovery {
        /// What to do.
        action: RecoveryActionType,
        /// With which VM.
        vm: VmName,
    },
}

/// Why an action was refused.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Refusal {
    /// No such VM.
    #[error("VM [{0}] does not exist")]
    UnknownVm(String),
    /// No such deployment.
    #[error("deployment [{0}] does not exist")]
    UnknownDeployment(String),
    /// Something is under way on the deployment.
    #[error("deployment [{deployment}] is busy: {operation}")]
    Busy {
        /// The deployment's name.
        deployment: String,
        /// What is under way.
        operation: String,
    },
    /// Not possible in the present state.
    #[error("{0}")]
    NotPossible(String),
    /// The engine takes no new intents now (store failing, shutting down, kill switch).
    #[error("{0}")]
    Unavailable(String),
}
