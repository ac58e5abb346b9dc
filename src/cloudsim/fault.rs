//! Faults, whom they hit, and for how long.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::clock::Mono;
use crate::ids::VmName;

/// What goes wrong.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fault {
    /// The VM dies at once; the VIM shows it Stopped. A reboot, a start or a redeploy cures it.
    Crash,
    /// The guest answers no probe while the VIM says Running. Ends after `duration` or by a reboot.
    Freeze,
    /// The next `times` reboots fail and leave the VM down (the VIM shows Error).
    RebootFails,
    /// The next `times` starts fail and leave the VM down (the VIM shows Error).
    StartFails,
    /// The next `times` creates of a VM fail; see the setting `failed-create-leaves-vm`.
    CreateFails,
    /// The next `times` deletes of a VM fail and leave it as it was.
    DeleteFails,
    /// The host is cut off: its VMs answer no probe, the VIM shows them Unknown, operations on them hang
    /// and go on when it is back. The VMs themselves go on running unseen.
    HostDown,
    /// The next `times` changes happen, but their caller gets no reply.
    ReplyLost,
    /// Every call to the API gets "connection refused".
    ApiDown,
    /// Latencies are multiplied by the setting `slow-factor`.
    Slow,
    /// The next `times` reboots of a running VM do nothing to it, and the VIM's record says success.
    RebootRaises,
    /// The next `times` reboots end with success while the VM is off; the VIM believes that it runs.
    RebootSilent,
    /// The next `times` rebuilds fail and leave the VM in error.
    RebuildFails,
    /// The next `times` rebuilds never end.
    RebuildSticks,
    /// The next `times` resizes fail and leave the VM in error.
    ResizeFails,
    /// The next `times` creates fail on the host chosen first and come to be on another.
    HostRetried,
    /// The next `times` creates fail on every host tried.
    HostsExhausted,
    /// The host's agent is down: operations wait for it, and the VIM knows nothing new of the host's VMs;
    /// these run on and answer probes.
    AgentDown,
}

impl Fault {
    /// Every fault.
    pub const ALL: [Self; 18] = [
        Self::Crash,
        Self::Freeze,
        Self::RebootFails,
        Self::StartFails,
        Self::CreateFails,
        Self::DeleteFails,
        Self::HostDown,
        Self::ReplyLost,
        Self::ApiDown,
        Self::Slow,
        Self::RebootRaises,
        Self::RebootSilent,
        Self::RebuildFails,
        Self::RebuildSticks,
        Self::ResizeFails,
        Self::HostRetried,
        Self::HostsExhausted,
        Self::AgentDown,
    ];

    /// The fault's name, as callers spell it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Crash => "crash",
            Self::Freeze => "freeze",
            Self::RebootFails => "reboot-fails",
            Self::StartFails => "start-fails",
            Self::CreateFails => "create-fails",
            Self::DeleteFails => "delete-fails",
            Self::HostDown => "host-down",
            Self::ReplyLost => "reply-lost",
            Self::ApiDown => "api-down",
            Self::Slow => "slow",
            Self::RebootRaises => "reboot-raises",
            Self::RebootSilent => "reboot-silent",
            Self::RebuildFails => "rebuild-fails",
            Self::RebuildSticks => "rebuild-sticks",
            Self::ResizeFails => "resize-fails",
            Self::HostRetried => "host-retried",
            Self::HostsExhausted => "hosts-exhausted",
            Self::AgentDown => "agent-down",
        }
    }

    /// Whether it hits a VM that is being made, which may have a name that no VM has had.
    pub const fn befalls_making(self) -> bool {
        matches!(
            self,
            Self::CreateFails | Self::HostRetried | Self::HostsExhausted
        )
    }

    /// Whether it is armed for a number of calls, rather than a state.
    pub const fn is_counted(self) -> bool {
        matches!(
            self,
            Self::RebootFails
                | Self::StartFails
                | Self::CreateFails
                | Self::DeleteFails
                | Self::ReplyLost
                | Self::RebootRaises
                | Self::RebootSilent
                | Self::RebuildFails
                | Self::RebuildSticks
                | Self::ResizeFails
                | Self::HostRetried
                | Self::HostsExhausted
        )
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The text names no fault.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("'{0}' is not a fault of the simulated VIM")]
pub struct UnknownFault(String);

impl FromStr for Fault {
    type Err = UnknownFault;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut all = Self::ALL.into_iter();
        all.find(|fault| fault.name() == text)
            .ok_or_else(|| UnknownFault(text.to_owned()))
    }
}

/// Whom a fault hits.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Target {
    /// Everything.
    Vim,
    /// A host, by id or name, and what runs there.
    Host(String),
    /// A VM, by its logical name (opdata's `vm_instance/name`): whatever VM bears it at the time. For
    /// `host-down`: its host.
    Vm(String),
}

/// A person's wish to break something.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Injection {
    /// Whom.
    pub target: Target,
    /// What.
    pub fault: Fault,
    /// How often, for counted faults; 1 for the others.
    pub times: u32,
    /// The driver's words, newest first, verbatim; empty: the simulator's own.
    pub messages: Vec<String>,
    /// How long; `None`: until it is used up, cured or cleared.
    pub duration: Option<Duration>,
}

/// A target that was looked up.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) enum Scope {
    Vim,
    Host(usize),
    Vm(VmName),
}

/// Whom an operation is about.
#[derive(Clone, Copy, Debug)]
pub(super) struct Subject<'a> {
    pub name: Option<&'a VmName>,
    pub host: Option<usize>,
}

impl Subject<'_> {
    /// Something that is no VM.
    pub const RESOURCE: Self = Self {
        name: None,
        host: None,
    };
}

impl Scope {
    pub fn covers(&self, subject: Subject<'_>) -> bool {
        match self {
            Self::Vim => true,
            Self::Host(host) => subject.host == Some(*host),
            Self::Vm(name) => subject.name == Some(name),
        }
    }
}

/// A fault that waits for calls (`left` of them), or lasts (`left` is `None`).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct Armed {
    pub scope: Scope,
    pub fault: Fault,
    pub left: Option<u32>,
    pub messages: Vec<String>,
    pub until: Option<Mono>,
}

impl Armed {
    pub fn is_over(&self, now: Mono) -> bool {
        self.left == Some(0) || self.until.is_some_and(|until| until <= now)
    }
}
