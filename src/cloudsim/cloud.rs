//! The cloud's state and the passing of its time.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::accept::LateCreate;
use super::error::SettingsError;
use super::fault::{Armed, Fault, Subject};
use super::history::{Grave, Graves};
use super::network::Networks;
use super::op::{Op, Ops, Twist, Work};
use super::pairs;
use super::ports::Standing;
use super::resources::Catalogue;
use super::settings::Settings;
use super::vm::{Power, Vm};
use crate::clock::Mono;
use crate::ids::{CreateToken, Minter, VmId, VmName};
use crate::model::resource::{FlavorSpec, ImageSpec};
use crate::model::vim::VimOpStatus;

/// A host.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct Host {
    pub id: String,
    pub name: String,
    /// Cut off; the number tells one outage from the next.
    pub down: Option<u64>,
    /// Operations that hang until it is back.
    pub held: Vec<String>,
    pub vms: usize,
    /// Of an outage: only its agent is cut off.
    #[serde(default)]
    pub agent_only: bool,
    #[serde(default)]
    pub down_since: Option<Mono>,
}

/// What falls due.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub(super) enum Due {
    /// An operation begins to act.
    Begin(String),
    /// An operation ends.
    Finish(String),
    /// An outage of a host ends.
    HostBack(usize, u64),
    /// A create whose reply was lost lands.
    Land(Box<LateCreate>),
}

/// A simulated cloud. See the module.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Cloud {
    pub(super) settings: Settings,
    pub(super) now: Mono,
    pub(super) minted: u64,
    pub(super) vm_ids: VecDeque<String>,
    pub(super) tenant_ids: VecDeque<String>,
    pub(super) hosts: Vec<Host>,
    pub(super) next_host: usize,
    pub(super) vms: BTreeMap<VmId, Vm>,
    /// By logical name.
    pub(super) by_name: BTreeMap<VmName, BTreeSet<VmId>>,
    pub(super) by_token: BTreeMap<CreateToken, BTreeSet<VmId>>,
    pub(super) ports: BTreeSet<String>,
    pub(super) macs: BTreeSet<String>,
    /// Names of VMs that are gone, newest last.
    pub(super) past_names: VecDeque<VmName>,
    pub(super) networks: Networks,
    pub(super) tenants: Catalogue,
    pub(super) images: Catalogue,
    pub(super) flavors: Catalogue,
    pub(super) ops: Ops,
    #[serde(with = "pairs")]
    pub(super) agenda: BTreeMap<(Mono, u64), Due>,
    pub(super) agenda_seq: u64,
    pub(super) armed: Vec<Armed>,
    pub(super) breaches: u64,
    /// Ports that stand on their own.
    #[serde(default)]
    pub(super) standing: BTreeMap<String, Standing>,
    #[serde(default)]
    pub(super) image_specs: BTreeMap<String, ImageSpec>,
    #[serde(default)]
    pub(super) flavor_specs: BTreeMap<String, FlavorSpec>,
    #[serde(default)]
    pub(super) graves: Graves,
}

impl Cloud {
    /// An empty cloud at time zero.
    ///
    /// # Errors
    /// The settings contradict themselves.
    pub fn new(settings: Settings) -> Result<Self, SettingsError> {
        settings.check()?;
        let mut cloud = Self {
            vm_ids: settings.vm_ids.iter().cloned().collect(),
            tenant_ids: settings.tenant_ids.iter().cloned().collect(),
            settings,
            now: Mono::ZERO,
            minted: 0,
            hosts: Vec::new(),
            next_host: 0,
            vms: BTreeMap::new(),
            by_name: BTreeMap::new(),
            by_token: BTreeMap::new(),
            ports: BTreeSet::new(),
            macs: BTreeSet::new(),
            past_names: VecDeque::new(),
            networks: Networks::default(),
            tenants: Catalogue::default(),
            images: Catalogue::default(),
            flavors: Catalogue::default(),
            ops: Ops::default(),
            agenda: BTreeMap::new(),
            agenda_seq: 0,
            armed: Vec::new(),
            breaches: 0,
            standing: BTreeMap::new(),
            image_specs: BTreeMap::new(),
            flavor_specs: BTreeMap::new(),
            graves: Graves::default(),
        };
        cloud.furnish()?;
        Ok(cloud)
    }

    /// The settings in force.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The cloud's time.
    pub fn now(&self) -> Mono {
        self.now
    }

    /// When something falls due next; `None`: nothing happens by itself.
    pub fn next_event(&self) -> Option<Mono> {
        self.agenda.first_key_value().map(|((at, _), _)| *at)
    }

    /// Lets time pass until `now`, applying in order all that falls due; an earlier time changes nothing.
    pub fn advance(&mut self, now: Mono) {
        while let Some(entry) = self.agenda.first_entry() {
            let at = entry.key().0;
            if at > now {
                break;
            }
            let due = entry.remove();
            self.now = self.now.max(at);
            self.apply(due);
        }
        self.now = self.now.max(now);
        let now = self.now;
        self.armed.retain(|armed| !armed.is_over(now));
    }

    fn apply(&mut self, due: Due) {
        match due {
            Due::Begin(op) => self.begin(&op),
            Due::Finish(op) => self.finish(&op),
            Due::HostBack(host, outage) => self.host_back(host, Some(outage)),
            Due::Land(late) => self.land(*late),
        }
    }

    /// An operation begins to act on its VM, unless the host's agent is cut off.
    fn begin(&mut self, id: &str) {
        let Some(work) = self
            .ops
            .get(id)
            .filter(|op| !op.is_over() && op.twist != Some(Twist::Late))
            .map(|op| op.work.clone())
        else {
            return;
        };
        let host = self.cut_off_host(&work).and_then(|at| self.hosts.get(at));
        let (is_cut_off, agent_only) = host.map_or((false, false), |host| (true, host.agent_only));
        if agent_only {
            return;
        }
        let now = self.now;
        let Some(op) = self.ops.get_mut(id) else {
            return;
        };
        op.status = VimOpStatus::Running;
        if !is_cut_off {
            op.reached = Some(now);
        }
        let Work::Reboot(vm) = work else {
            return;
        };
        if matches!(op.twist, Some(Twist::Raised(_))) {
            return;
        }
        if let Some(vm) = self.vms.get_mut(&vm) {
            vm.alive_from = None;
        }
    }

    /// An operation ends, unless its VM's host is cut off: then it hangs.
    fn finish(&mut self, id: &str) {
        let ends =
            |op: &&Op| !op.is_over() && !matches!(op.twist, Some(Twist::Late | Twist::Stuck));
        let Some(op) = self.ops.get(id).filter(ends) else {
            return;
        };
        let (work, fails) = (op.work.clone(), op.fails.clone());
        if let Some(host) = self.cut_off_host(&work) {
            match &work {
                Work::Delete(vm) if self.settings.forgets_cut_off_vms && fails.is_none() => {
                    self.lose_sight(vm);
                    self.end_op(id, VimOpStatus::Succeeded);
                }
                _ => self.hold(host, id),
            }
            return;
        }
        let now = self.now;
        if let Some(op) = self.ops.get_mut(id) {
            op.reached = op.reached.or(Some(op.opened));
        }
        let result = match fails {
            Some(lines) => Err(lines),
            None => Ok(()),
        };
        let twist = self.ops.get(id).and_then(|op| op.twist.clone());
        let vm = work.vm().cloned();
        let result = match &vm {
            Some(vm) => self.finish_vm(vm, &work, twist, result),
            None => result.and_then(|()| self.finish_resource(&work)),
        };
        let status = match result {
            Ok(()) => VimOpStatus::Succeeded,
            Err(lines) => VimOpStatus::Failed(lines),
        };
        self.end_op(id, status);
        if let Some(vm) = vm {
            if let Some(vm) = self.vms.get_mut(&vm) {
                vm.updated = now;
            }
            self.end_late(
                &vm,
                "VIM Driver: conflict: another operation ended meanwhile",
            );
        }
    }

    /// The host of the work's VM, if it cannot be reached.
    fn cut_off_host(&self, work: &Work) -> Option<usize> {
        let host = self.vms.get(work.vm()?)?.host?;
        self.hosts.get(host)?.down.map(|_| host)
    }

    fn hold(&mut self, host: usize, op: &str) {
        if let Some(host) = self.hosts.get_mut(host) {
            host.held.push(op.to_owned());
        }
        if let Some(op) = self.ops.get_mut(op) {
            op.due = None;
        }
    }

    /// The API drops the VM's record while the VM runs on beyond its reach.
    fn lose_sight(&mut self, id: &VmId) {
        let Some(vm) = self.vms.get_mut(id) else {
            return;
        };
        vm.unseen = true;
        vm.op = None;
        let grave = Grave::of(vm, self.now);
        self.graves.dig(id.clone(), grave, self.settings.history);
        let Some(vm) = self.vms.get_mut(id) else {
            return;
        };
        let interfaces = std::mem::take(&mut vm.interfaces);
        self.release_ports(&interfaces);
    }

    pub(super) fn end_op(&mut self, id: &str, status: VimOpStatus) {
        self.ops.finish(id, status, self.now, self.settings.history);
    }

    pub(super) fn boot_time(&self, id: &VmId) -> Duration {
        let subject = self.subject(id);
        self.latency(self.settings.latency.boot_ms, subject)
    }

    /// The VM runs from now on. The one place where two copies of a VM could come to run together.
    pub(super) fn run(&mut self, id: &VmId, alive_from: Mono) {
        let Some(vm) = self.vms.get_mut(id) else {
            return;
        };
        let ran = vm.power == Power::Running;
        vm.power = Power::Running;
        vm.alive_from = Some(alive_from);
        vm.frozen = None;
        vm.messages.clear();
        vm.aside = None;
        vm.believed = None;
        let name = vm.logical.clone();
        if ran {
            return;
        }
        let copies = self.by_name.get(&name).into_iter().flatten();
        let running = copies
            .filter_map(|copy| self.vms.get(copy))
            .filter(|copy| copy.power == Power::Running)
            .count();
        if running > 1 {
            self.breaches += 1;
        }
    }

    pub(super) fn remove_vm(&mut self, id: &VmId) {
        let Some(vm) = self.vms.remove(id) else {
            return;
        };
        self.release_ports(&vm.interfaces);
        let grave = Grave::of(&vm, self.now);
        self.graves.dig(id.clone(), grave, self.settings.history);
        if let Some(host) = vm.host.and_then(|host| self.hosts.get_mut(host)) {
            host.vms = host.vms.saturating_sub(1);
        }
        forget(&mut self.by_token, &vm.token, id);
        if forget(&mut self.by_name, &vm.logical, id) {
            self.past_names.push_back(vm.logical);
            while self.past_names.len() > self.settings.history {
                self.past_names.pop_front();
            }
        }
    }

    /// A host is reachable again; `outage`: only if that one still lasts.
    pub(super) fn host_back(&mut self, index: usize, outage: Option<u64>) {
        let Some(host) = self.hosts.get_mut(index) else {
            return;
        };
        if host.down.is_none() || outage.is_some_and(|outage| host.down != Some(outage)) {
            return;
        }
        host.down = None;
        host.agent_only = false;
        host.down_since = None;
        let held = std::mem::take(&mut host.held);
        let unseen: Vec<VmId> = self
            .vms
            .values()
            .filter(|vm| vm.unseen && vm.host == Some(index))
            .map(|vm| vm.id.clone())
            .collect();
        for id in unseen {
            self.remove_vm(&id);
        }
        // the API learns the truth about the host's VMs
        for vm in self.vms.values_mut().filter(|vm| vm.host == Some(index)) {
            vm.believed = None;
        }
        for id in held {
            let at = match self.ops.get_mut(&id).filter(|op| !op.is_over()) {
                Some(op) => {
                    let at = self.now + op.latency;
                    op.reached = op.reached.or(Some(self.now));
                    op.status = VimOpStatus::Running;
                    op.due = Some(at);
                    at
                }
                None => continue,
            };
            self.schedule(at, Due::Finish(id));
        }
    }

    pub(super) fn schedule(&mut self, at: Mono, due: Due) {
        self.agenda_seq += 1;
        self.agenda.insert((at, self.agenda_seq), due);
    }

    /// Whom an operation on the VM is about.
    pub(super) fn subject(&self, id: &VmId) -> Subject<'_> {
        match self.vms.get(id) {
            None => Subject::RESOURCE,
            Some(vm) => Subject {
                name: Some(&vm.logical),
                host: vm.host,
            },
        }
    }

    /// The latency in force, multiplied where the fault `slow` covers the subject.
    pub(super) fn latency(&self, millis: u64, subject: Subject<'_>) -> Duration {
        let slow = self.armed.iter().any(|armed| {
            armed.fault == Fault::Slow && !armed.is_over(self.now) && armed.scope.covers(subject)
        });
        let factor = if slow {
            u64::from(self.settings.slow_factor)
        } else {
            1
        };
        Duration::from_millis(millis.saturating_mul(factor))
    }

    /// Uses up one shot of a counted fault; `Some` are its words, perhaps none.
    pub(super) fn shot(&mut self, fault: Fault, subject: Subject<'_>) -> Option<Vec<String>> {
        let now = self.now;
        let armed = self.armed.iter_mut().find(|armed| {
            armed.fault == fault && !armed.is_over(now) && armed.scope.covers(subject)
        })?;
        armed.left = armed.left.map(|left| left.saturating_sub(1));
        let messages = armed.messages.clone();
        self.armed.retain(|armed| !armed.is_over(now));
        Some(messages)
    }

    /// A new UUID.
    pub(super) fn mint(&mut self) -> String {
        self.minted += 1;
        Minter::new(Minter::new(self.settings.seed).next_u64() ^ self.minted).uuid()
    }

    pub(super) fn mint_vm(&mut self) -> VmId {
        loop {
            let id = match self.vm_ids.pop_front() {
                Some(id) => VmId::new(id),
                None => VmId::new(self.mint()),
            };
            if !self.vms.contains_key(&id) {
                return id;
            }
        }
    }

    /// As Keystone writes them: 32 hex digits without hyphens.
    pub(super) fn mint_tenant(&mut self) -> String {
        loop {
            let id = match self.tenant_ids.pop_front() {
                Some(id) => id,
                None => self.mint().replace('-', ""),
            };
            if !self.tenants.has_id(&id) {
                return id;
            }
        }
    }
}

/// Takes one id out of an index; whether it was the key's last.
fn forget<K: Ord>(index: &mut BTreeMap<K, BTreeSet<VmId>>, key: &K, id: &VmId) -> bool {
    let Some(ids) = index.get_mut(key) else {
        return false;
    };
    ids.remove(id);
    let last = ids.is_empty();
    if last {
        index.remove(key);
    }
    last
}
