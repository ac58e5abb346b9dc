//! Service and VM states, as opdata shows them (wire spelling: `proto::esc`).

use serde::{Deserialize, Serialize};

/// State of a deployment.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize,
)]
pub enum ServiceState {
    /// Nothing known.
    #[default]
    Undef,
    /// Being deployed.
    Deploying,
    /// Deployed, not yet alive.
    Inert,
    /// All alive.
    Active,
    /// Being removed.
    Undeploying,
    /// Being stopped.
    Stopping,
    /// Stopped.
    Stopped,
    /// Being started.
    Starting,
    /// Being rebooted.
    Rebooting,
    /// Failed; a person or an alive VM brings it back.
    Error,
}

impl ServiceState {
    /// Every state.
    pub const ALL: [Self; 10] = [
        Self::Undef,
        Self::Deploying,
        Self::Inert,
        Self::Active,
        Self::Undeploying,
        Self::Stopping,
        Self::Stopped,
        Self::Starting,
        Self::Rebooting,
        Self::Error,
    ];
}

/// State of one VM.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize,
)]
pub enum VmState {
    /// Nothing known.
    #[default]
    Undef,
    /// Being created.
    Deploying,
    /// Monitor taken off by a person.
    MonitorUnset,
    /// Not monitored.
    MonitorDisabled,
    /// Being stopped.
    Stopping,
    /// Stopped.
    Shutoff,
    /// Being started.
    Starting,
    /// Being rebooted.
    Rebooting,
    /// Exists in the VIM, not yet alive.
    Inert,
    /// Answers.
    Alive,
    /// Being removed.
    Undeploying,
    /// Failed.
    Error,
}

impl VmState {
    /// Every state.
    pub const ALL: [Self; 12] = [
        Self::Undef,
        Self::Deploying,
        Self::MonitorUnset,
        Self::MonitorDisabled,
        Self::Stopping,
        Self::Shutoff,
        Self::Starting,
        Self::Rebooting,
        Self::Inert,
        Self::Alive,
        Self::Undeploying,
        Self::Error,
    ];
}
