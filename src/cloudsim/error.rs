//! Why the simulated cloud, or a person's injection into it, says no.

/// Answer of the cloud's API to a call or an inquiry that it did not simply accept.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum CallError {
    /// Refused: nothing happened and nothing will. Lines are the VIM's words, newest first.
    #[error("{}", .0.join("; "))]
    Refused(Vec<String>),
    /// The reply was lost: the call did happen, or still will.
    #[error("{0}")]
    Lost(String),
    /// The API is down; the call did not reach it.
    #[error("{0}")]
    Down(String),
}

/// Why a fault cannot be injected.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum InjectError {
    /// No VM of that name was ever seen (or it is long forgotten).
    #[error("no VM is named '{0}' in the simulated VIM")]
    UnknownVm(String),
    /// The VM's name is known but it does not exist at this moment.
    #[error("VM '{0}' does not exist at the moment")]
    VmAbsent(String),
    /// The fault needs a running VM.
    #[error("VM '{0}' is not running")]
    VmNotRunning(String),
    /// No host has that id or name.
    #[error("no host has the id or name '{0}' in the simulated VIM")]
    UnknownHost(String),
    /// The fault concerns the VIM as a whole.
    #[error("the fault '{0}' has neither VM nor host: it concerns the whole VIM")]
    WholeVimOnly(&'static str),
    /// `times` has no meaning for this fault, which is a state and not a count.
    #[error("the fault '{0}' takes no number of times")]
    TimesNotApplicable(&'static str),
    /// `times` or `duration` is zero.
    #[error("'{0}' must be greater than zero")]
    Zero(&'static str),
    /// `duration` has no meaning for this fault.
    #[error("the fault '{0}' takes no duration: it lasts until a reboot or start cures it")]
    DurationNotApplicable(&'static str),
    /// The setting `max-faults` is reached.
    #[error("{0} faults are armed already (setting max-faults)")]
    TooMany(usize),
}

/// Why settings cannot be used.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SettingsError {
    /// No host is configured.
    #[error("the simulated VIM needs at least one host")]
    NoHost,
    /// Two things have the same name or id.
    #[error("{kind} '{name}' is configured twice")]
    Twice {
        /// What.
        kind: &'static str,
        /// Its name or id.
        name: String,
    },
    /// A subnet cannot be read.
    #[error("subnet '{name}': {why}")]
    Subnet {
        /// Its name.
        name: String,
        /// Why.
        why: String,
    },
}
