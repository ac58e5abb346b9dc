//! What follows from the rows and is never stored: indexes, permits, probe counters.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::clock::Timestamp;
use crate::ids::{DeploymentKey, OpId, VmName};
use crate::model::resource::ResourceKey;

use super::super::admission::Governor;
use super::super::alarm::{Alarm, AlarmTracker, speaks_of_life};
use super::super::call::Phase;
use super::super::caller::{Caller, Cx, MonitorChange, Permit};
use super::super::io::{IntentId, Owner};
use super::super::lifecycle::deployment::Dep;
use super::super::lifecycle::vm::Job;
use super::super::port::Verdict;
use super::super::recovery::RecoveryState;
use super::super::settings::Settings;
use super::rows::Undo;
use super::state::State;

/// Rebuilt from the rows at start and after an abort.
#[derive(Debug, Default)]
pub(super) struct Derived {
    /// Shared resources that are configured.
    pub known: BTreeSet<ResourceKey>,
    intents: HashMap<IntentId, Owner>,
    vms: HashMap<VmName, DeploymentKey>,
    governors: BTreeMap<String, Governor>,
    trackers: HashMap<VmName, BTreeMap<String, AlarmTracker>>,
    /// Operations that have ended, the oldest first.
    ended: BTreeSet<(Timestamp, OpId)>,
}

impl Derived {
    /// Indexes of all rows; permits of the calls that are out or wait.
    pub fn of(state: &State) -> Self {
        let mut derived = Self::default();
        let ended = state.ops.values().filter(|op| op.has_ended());
        derived.ended = ended
            .map(|op| (op.occ.state_entered, op.occ.id.clone()))
            .collect();
        for (key, dep) in &state.deps {
            for (name, row) in &dep.vms {
                derived.vms.insert(name.clone(), key.clone());
                if row.monitored {
                    derived.trackers.insert(name.clone(), BTreeMap::new());
                }
                derived.index(row.owner(), &row.caller);
            }
            for network in &dep.head.networks {
                let name = network.record.key.name.clone();
                derived.index(Owner::Network(key.clone(), name), &network.caller);
            }
            for reference in &dep.head.references {
                let owner = Owner::Lookup(key.clone(), reference.kind, reference.name.clone());
                derived.index(owner, &reference.caller);
            }
        }
        for (key, thing) in &state.things {
            derived.index(Owner::Resource(key.clone()), &thing.caller);
            if thing.record.spec.is_some() {
                derived.known.insert(key.clone());
            }
        }
        for (token, late) in &state.late {
            derived.index(Owner::Late(token.clone()), &late.caller);
        }
        derived
    }

    fn index(&mut self, owner: Owner, caller: &Caller) {
        let Some(intent) = &caller.intent else { return };
        self.intents.insert(intent.id.clone(), owner);
        let governor = self.governors.entry(intent.vim.clone()).or_default();
        match intent.phase {
            _ if intent.call.is_none() => {}
            Phase::Queued => governor.wait(intent.id.clone(), intent.host.clone()),
            Phase::Pausing(super::super::call::Next::Issue) => {}
            _ => governor.hold(intent.id.clone(), intent.host.clone()),
        }
    }

    /// Who owns an intent.
    pub fn owner_of(&self, intent: &IntentId) -> Option<Owner> {
        self.intents.get(intent).cloned()
    }

    /// Which deployment a VM belongs to.
    pub fn deployment_of(&self, vm: &VmName) -> Option<DeploymentKey> {
        self.vms.get(vm).cloned()
    }

    /// Takes in what a step changed.
    pub fn take_in(&mut self, cx: &mut Cx<'_>) {
        for (intent, owner) in cx.intents.drain(..) {
            match owner {
                Some(owner) => self.intents.insert(intent, owner),
                None => self.intents.remove(&intent),
            };
        }
        for permit in cx.permits.drain(..) {
            match permit {
                Permit::Wait(vim, intent, host) => {
                    self.governors.entry(vim).or_default().wait(intent, host);
                }
                Permit::Hold(vim, intent, host) => {
                    self.governors.entry(vim).or_default().hold(intent, host);
                }
                Permit::Release(vim, intent) => {
                    self.governors.entry(vim).or_default().release(&intent);
                }
            }
        }
        for change in cx.monitors.drain(..) {
            match change {
                MonitorChange::Start(vm) => self.trackers.insert(vm, BTreeMap::new()),
                MonitorChange::Stop(vm) => self.trackers.remove(&vm),
            };
        }
    }

    /// Forgets the oldest operations beyond the bound; one that has not ended is kept.
    pub fn retain_operations(&mut self, state: &mut State, undo: &mut Undo, most: usize) {
        for id in undo.ops.keys() {
            if let Some(op) = state.ops.get(id)
                && op.has_ended()
            {
                self.ended.insert((op.occ.state_entered, id.clone()));
            }
        }
        while state.ops.len() > most {
            let Some((_, id)) = self.ended.pop_first() else {
                return;
            };
            if let Some(op) = state.ops.remove(&id) {
                undo.ops.entry(id).or_insert(Some(op));
            }
        }
    }

    /// The next call that may go.
    pub fn grant(&mut self, settings: &Settings) -> Option<(IntentId, Owner)> {
        for governor in self.governors.values_mut() {
            while let Some(intent) = governor.grant(settings) {
                match self.intents.get(&intent) {
                    Some(owner) => return Some((intent, owner.clone())),
                    None => governor.release(&intent),
                }
            }
        }
        None
    }

    /// Follows the rows that came and went.
    pub fn follow(&mut self, state: &State, undo: &Undo) {
        for (key, before) in &undo.deps {
            let after = state.deps.get(key);
            let names = |dep: &Dep| dep.vms.keys().cloned().collect::<Vec<_>>();
            if let Some(before) = before {
                for name in names(before) {
                    if !after.is_some_and(|dep| dep.vms.contains_key(&name)) {
                        self.vms.remove(&name);
                        self.trackers.remove(&name);
                    }
                }
            }
            if let Some(after) = after {
                for name in names(after) {
                    self.vms.entry(name).or_insert_with(|| key.clone());
                }
            }
        }
        for key in undo.things.keys() {
            let configured = state
                .things
                .get(key)
                .is_some_and(|thing| thing.record.spec.is_some());
            match configured {
                true => self.known.insert(key.clone()),
                false => self.known.remove(key),
            };
        }
    }

    /// Counts one probe; returns what it says about the VM's life, when that is news to somebody.
    pub fn observe(
        &mut self,
        state: &State,
        vm: &VmName,
        kpi: &str,
        generation: u32,
        verdict: Verdict,
    ) -> Option<Alarm> {
        let row = state.deps.get(self.vms.get(vm)?)?.vms.get(vm)?;
        let trackers = self.trackers.get_mut(vm)?;
        if !row.monitored || row.monitor != generation {
            return None;
        }
        let group = &row.group;
        let of_life = || group.kpis.iter().filter(|kpi| speaks_of_life(group, kpi));
        let configured = of_life().find(|configured| configured.event_name == kpi)?;
        let tracker = trackers.entry(kpi.to_owned()).or_default();
        let alarm = tracker.observe(configured, verdict)?;
        // Alive is what every KPI says; failed, what one says.
        let all = of_life().all(|kpi| {
            trackers
                .get(&kpi.event_name)
                .and_then(AlarmTracker::verdict)
                == Some(Alarm::True)
        });
        match alarm {
            Alarm::True if !all => None,
            Alarm::True if row.job == Job::Idle && row.recovery == RecoveryState::Idle => None,
            alarm => Some(alarm),
        }
    }
}
