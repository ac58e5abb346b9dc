//! What is done to a vApp one request after the other: pure.
//!
//! A vApp is made of its template as that is; how its VM is wired, how large it is and what its guest is told are put
//! into it afterwards, each by a request and a task of its own, and only then it is deployed. A VM's size is changed
//! in the same way, around a stop. What comes next is read off the vApp, so that a restart goes on where things are:
//!
//! ```text
//! (stop) -> connections -> cpus -> memory -> properties -> customization -> start
//! ```
//!
//! 1. while anything is under way, nothing is sent;
//! 2. what is as wanted needs no request; what cannot be read back is sent once, and again after a restart;
//! 3. a VM that runs has all of it behind it: only a stop comes before a change;
//! 4. a step that failed ends it: the next one would build on what is not there. What was stopped for it is started.

use serde::{Deserialize, Serialize};

use super::judge;
use super::map::Size;
use crate::proto::vcloud::{NetworkConnection, VApp, VAppStatus, Vm};

/// What a vApp is to become.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Plan {
    /// Whether it may be stopped for it.
    #[serde(default)]
    pub stops: bool,
    /// Its interfaces; as they are when not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interfaces: Option<Vec<Wire>>,
    /// Its size; as it is when not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<Size>,
    /// What its guest is told, in OVF's properties.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub properties: Vec<(String, String)>,
    /// A script that runs in its guest at the first start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub script: Option<String>,
    /// The name that its guest gets with it.
    #[serde(default)]
    pub host: String,
    /// Whether it is to run in the end.
    pub starts: bool,
}

/// An interface.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Wire {
    /// Position.
    pub index: u32,
    /// Network's name.
    pub network: String,
    /// How it gets its address.
    pub mode: String,
    /// Address, of `MANUAL`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ip: Option<String>,
    /// MAC address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mac: Option<String>,
}

impl Wire {
    /// As it is sent.
    pub fn connection(&self) -> NetworkConnection {
        NetworkConnection {
            network: self.network.clone(),
            index: self.index,
            ip_address: self.ip.clone(),
            mac_address: self.mac.clone(),
            connected: true,
            mode: self.mode.clone(),
        }
    }

    fn is(&self, has: &NetworkConnection) -> bool {
        let same = |wanted: &Option<String>, has: &Option<String>| match (wanted, has) {
            (None, _) => true,
            (Some(wanted), Some(has)) => wanted.eq_ignore_ascii_case(has),
            (Some(_), None) => false,
        };
        self.index == has.index
            && self.network == has.network
            && has.connected
            && same(&self.ip, &has.ip_address)
            && same(&self.mac, &has.mac_address)
    }
}

/// A request of its own.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stage {
    /// Power it off.
    Stop,
    /// Wire it.
    Connections,
    /// Processors.
    Cpus,
    /// Memory.
    Memory,
    /// Properties of its guest.
    Properties,
    /// Its guest's script.
    Customization,
    /// Deploy it, or power it on.
    Start,
}

impl Stage {
    /// In the order in which they come.
    pub const ALL: [Self; 7] = [
        Self::Stop,
        Self::Connections,
        Self::Cpus,
        Self::Memory,
        Self::Properties,
        Self::Customization,
        Self::Start,
    ];
}

/// How far a plan is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Work {
    /// What is wanted.
    pub plan: Plan,
    /// Behind it.
    pub done: Vec<Stage>,
    /// Under way, with its task's address.
    pub sent: Option<(Stage, String)>,
    /// Why a step failed.
    pub broken: Option<Vec<String>>,
    /// How it ended.
    pub end: Option<End>,
}

/// An end.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum End {
    /// All is as planned.
    Made,
    /// Not so, and why.
    Failed(Vec<String>),
}

/// What comes next.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Next {
    /// Something is under way.
    Wait,
    /// A request is due.
    Do(Stage),
    /// It is over.
    End(End),
}

impl Work {
    /// A plan that begins.
    pub fn new(plan: Plan) -> Self {
        Self {
            plan,
            done: Vec::new(),
            sent: None,
            broken: None,
            end: None,
        }
    }

    /// A step failed.
    pub fn fail(&mut self, stage: Stage, lines: Vec<String>) {
        self.done.push(stage);
        self.broken.get_or_insert(lines);
    }

    /// What comes next with a vApp that looks so; the task that was sent is over.
    pub fn next(&self, vapp: &VApp) -> Next {
        if let Some(end) = &self.end {
            return Next::End(end.clone());
        }
        if vapp.status == VAppStatus::FailedCreation {
            return Next::End(End::Failed(judge::failure(vapp)));
        }
        // Rule 1.
        if judge::active(vapp).is_some() || vapp.status == VAppStatus::Unresolved {
            return Next::Wait;
        }
        // Rule 4.
        let restarts = self.plan.stops && self.done.contains(&Stage::Stop);
        let open = |stage: &Stage| match self.broken {
            None => true,
            Some(_) => restarts && *stage == Stage::Start,
        };
        let mut left = Stage::ALL.into_iter().filter(open);
        let due = left.find(|stage| !self.done.contains(stage) && self.needs(*stage, vapp));
        match (due, vapp.vms.as_slice()) {
            (None, _) => Next::End(match &self.broken {
                None => End::Made,
                Some(lines) => End::Failed(lines.clone()),
            }),
            (Some(stage @ (Stage::Stop | Stage::Start)), _) | (Some(stage), [_]) => Next::Do(stage),
            (Some(_), vms) => Next::End(End::Failed(vec![format!(
                "vCloud: the vApp holds {} VMs: a template of one is wanted",
                vms.len()
            )])),
        }
    }

    /// Rules 2 and 3.
    fn needs(&self, stage: Stage, vapp: &VApp) -> bool {
        let plan = &self.plan;
        let vm = vapp.vms.first();
        let runs = vapp.status == VAppStatus::PoweredOn;
        let of = |has: fn(&Vm) -> Option<u64>| vm.and_then(has);
        let other = |wanted: fn(&Size) -> u64, has: fn(&Vm) -> Option<u64>| {
            plan.size
                .as_ref()
                .is_some_and(|size| of(has) != Some(wanted(size)))
        };
        let cpus = || other(|size| size.cpus.into(), |vm| vm.cpus.map(u64::from));
        let memory = || other(|size| size.memory_mb, |vm| vm.memory_mb);
        match stage {
            Stage::Stop => {
                let asleep = vapp.status == VAppStatus::Suspended;
                plan.stops && (runs || asleep) && (cpus() || memory())
            }
            Stage::Start => plan.starts && !runs,
            _ if runs => false,
            Stage::Connections => plan.interfaces.as_ref().is_some_and(|wanted| {
                let has = vm.map_or(&[][..], |vm| vm.connections.as_slice());
                wanted.len() != has.len()
                    || !wanted.iter().all(|wire| has.iter().any(|has| wire.is(has)))
            }),
            Stage::Cpus => cpus(),
            Stage::Memory => memory(),
            Stage::Properties => !plan.properties.is_empty(),
            Stage::Customization => plan.script.is_some(),
        }
    }
}

#[cfg(test)]
#[path = "tests/steps.rs"]
mod tests;
