//! A deterministic world around the core: a small VIM with faults, probes, a durable store, a clock that jumps.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use super::super::*;
use crate::clock::Timestamp;
use crate::engine::io::{IntentId, ReplyId, Report, TimerKey};
use crate::engine::port::*;
use crate::ids::*;
use crate::model::action::*;
use crate::model::deployment::*;
use crate::model::event::*;
use crate::model::resource::*;
use crate::model::state::*;
use crate::model::vim::*;

pub const VIM: &str = "sim";
pub const LANDING: Duration = Duration::from_secs(5);
const HOP: Duration = Duration::from_millis(10);

/// What happens to the next call of a kind.
#[derive(Clone, Debug)]
pub enum Fault {
    /// The VIM answers no.
    Refused(&'static str),
    /// Accepted; its record fails, with these lines; a create leaves nothing.
    Fails(Vec<&'static str>),
    /// As above, a create leaves a VM in error.
    FailsLeaving(&'static str),
    /// The answer is lost; it happens (after a while) or not.
    ReplyLost(Option<Duration>),
    /// A create is carried out twice, as by a proxy that sends it again; one of the two is answered.
    Twice,
    /// A create is never answered: whoever was at it stopped before the VM was started.
    HalfDone,
    /// Twice again, and the second one, which is answered, is refused.
    TwiceRefused(&'static str),
    /// Works, but the VM never answers a probe.
    Dead,
    /// The API is down at that moment.
    Down,
    Ok,
}

#[derive(Clone, Debug)]
pub struct SimVm {
    pub name: String,
    pub token: CreateToken,
    pub power: PowerState,
    pub answers_from: Duration,
    pub dead: bool,
    pub ip: String,
}

#[derive(Clone, Debug)]
enum World {
    /// The VIM gets a call.
    Call(IntentId, VimCall, String),
    /// A change of the VIM's takes effect.
    Land(Change),
}

#[derive(Clone, Debug)]
enum Change {
    Appear(VmId, SimVm),
    Power(VmId, PowerState, bool),
    Remove(VmId),
    Thing(String, Option<VimResource>),
    AddSubnet(String, SubnetRecord),
    DropSubnet(String),
}

#[derive(Clone, Debug)]
enum Shell {
    Input(Box<Input>),
    Timer(TimerKey),
    Describe(IntentId, VmId),
    Token(IntentId, CreateToken),
    Find(IntentId, Find),
    Status(IntentId, VimOpRef),
    Probe(VmName, String, u32),
}

#[derive(Default)]
pub struct Vim {
    pub vms: BTreeMap<VmId, SimVm>,
    pub things: BTreeMap<String, VimResource>,
    ops: BTreeMap<String, (Duration, VimOpStatus)>,
    keys: BTreeMap<String, Accepted>,
    pub faults: BTreeMap<&'static str, VecDeque<Fault>>,
    pub down_until: Duration,
    next: u64,
    pub log: Vec<String>,
    pub allow_copies: bool,
}

pub struct Sim {
    pub core: Core,
    pub config: Config,
    pub now: Duration,
    pub vim: Vim,
    pub rows: BTreeMap<(String, String), Vec<u8>>,
    pub events: Vec<Event>,
    pub journal: Vec<crate::model::instance::JournalEntry>,
    pub replies: Vec<(ReplyId, Result<OpId, Refusal>)>,
    pub reports: Vec<Report>,
    world: BTreeMap<(Duration, u64), World>,
    shell: BTreeMap<(Duration, u64), Shell>,
    monitors: BTreeMap<VmName, (u32, VmId)>,
    seq: u64,
    booted: Duration,
    pub desired: BTreeMap<DeploymentKey, Arc<Deployment>>,
    pub transactions: usize,
    /// Crash at this transaction: before (`false`) or after it is durable.
    pub crash_at: Option<(usize, bool)>,
    pub crashes: usize,
    pub jitter: u64,
    /// This batch fails: it is taken back, and the engine looks again once writing works.
    pub fail_at: Option<usize>,
    /// Every answer comes twice.
    pub twice: bool,
    pub in_flight: BTreeSet<IntentId>,
    pub most_in_flight: usize,
}

pub fn kpi() -> Kpi {
    Kpi {
        event_name: "VM_ALIVE".into(),
        enabled: true,
        metric_value: "1".into(),
        condition: MetricCondition::Gt,
        metric_type: "UINT32".into(),
        occurrences_true: 1,
        occurrences_false: 2,
        collector: "ICMPPing".into(),
        nicid: 0,
        poll: Duration::from_secs(1),
        continuous_alarm: false,
    }
}

pub fn group(name: &str) -> VmGroup {
    VmGroup {
        name: name.into(),
        image: "img".into(),
        flavor: "fl".into(),
        vim_vm_name: None,
        bootup_time: Some(Duration::from_secs(30)),
        recovery_wait: Duration::ZERO,
        recovery: RecoveryPolicy {
            recovery_type: RecoveryType::Auto,
            action: ActionOnRecovery::RebootThenRedeploy,
            max_retries: Some(3),
        },
        interfaces: vec![InterfaceSpec {
            nicid: 0,
            network: "net".into(),
            kind: "virtual".into(),
            model: "virtio".into(),
            ip_address: None,
            mac_address: None,
        }],
        volumes: vec![],
        kpis: vec![kpi()],
        rules: vec![Rule {
            event_name: "VM_ALIVE".into(),
            actions: vec![
                RuleAction {
                    trigger: RuleTrigger::Always,
                    action: "log".into(),
                },
                RuleAction {
                    trigger: RuleTrigger::False,
                    action: "recover autohealing".into(),
                },
            ],
        }],
        config_data: vec![],
        min_active: 1,
        max_active: 1,
    }
}

pub fn deployment(groups: Vec<VmGroup>) -> Deployment {
    Deployment {
        key: key(),
        managed_tenant: true,
        vim: None,
        networks: vec![],
        vm_groups: groups,
    }
}

pub fn key() -> DeploymentKey {
    DeploymentKey::new("ttt", "dep")
}

pub fn tenant_key() -> ResourceKey {
    ResourceKey {
        vim: VIM.into(),
        kind: ResourceKind::Tenant,
        tenant: None,
        name: "ttt".into(),
    }
}

pub fn network(name: &str) -> NetworkSpec {
    NetworkSpec {
        name: name.into(),
        shared: false,
        admin_state: true,
        vlan_id: None,
        subnets: vec![SubnetSpec {
            name: format!("{name}-sub"),
            ip_version: "ipv4".into(),
            dhcp: true,
            address: "10.0.0.0".into(),
            netmask: "255.255.255.0".into(),
            gateway: None,
        }],
    }
}

fn kind_of(call: &VimCall) -> &'static str {
    match call {
        VimCall::CreateVm(_) => "create",
        VimCall::DeleteVm(_) => "delete",
        VimCall::StartVm(_) => "start",
        VimCall::StopVm(_) => "stop",
        VimCall::PowerOffVm(_) => "power-off",
        VimCall::RebootVm { .. } => "reboot",
        VimCall::ResizeVm { .. } => "resize",
        VimCall::CreateTenant { .. } => "create-tenant",
        VimCall::DeleteTenant { .. } => "delete-tenant",
        VimCall::CreateNetwork { .. } => "create-network",
        VimCall::DeleteNetwork { .. } => "delete-network",
        VimCall::CreateSubnet { .. } => "create-subnet",
        VimCall::DeleteSubnet { .. } => "delete-subnet",
        VimCall::CreateImage(_) => "create-image",
        VimCall::DeleteImage { .. } => "delete-image",
        VimCall::CreateFlavor(_) => "create-flavor",
        VimCall::DeleteFlavor { .. } => "delete-flavor",
    }
}

fn find_key(find: &Find) -> String {
    match find {
        Find::Tenant(name) => format!("tenant {name}"),
        Find::Network {
            token: Some(token), ..
        } => format!("network {token}"),
        Find::Network { name, .. } => format!("network {name}"),
        Find::Image(name) => format!("image {name}"),
        Find::Flavor(name) => format!("flavor {name}"),
    }
}

impl Sim {
    pub fn new() -> Self {
        Self::with(Settings {
            undeploy_deadline_ms: 60_000,
            gone_timeout_ms: 60_000,
            step_timeout_ms: 60_000,
            outage_timeout_ms: 600_000,
            late_watch_ms: 120_000,
            late_interval_ms: 5_000,
            ..Settings::default()
        })
    }

    pub fn with(settings: Settings) -> Self {
        let config = Config {
            settings,
            vims: [(
                VIM.to_owned(),
                VimInfo {
                    landing_bound: LANDING,
                },
            )]
            .into(),
            default_vim: VIM.into(),
        };
        let mut vim = Vim::default();
        for name in [
            "image img",
            "image img2",
            "flavor fl",
            "flavor fl2",
            "network net",
        ] {
            let id = format!("id-{name}");
            vim.things.insert(
                name.into(),
                VimResource {
                    id,
                    name: name.into(),
                    subnets: vec![],
                },
            );
        }
        Self {
            core: Core::new(config.clone()),
            config,
            now: Duration::from_secs(1000),
            vim,
            rows: BTreeMap::new(),
            events: vec![],
            journal: vec![],
            replies: vec![],
            reports: vec![],
            world: BTreeMap::new(),
            shell: BTreeMap::new(),
            monitors: BTreeMap::new(),
            seq: 0,
            booted: Duration::ZERO,
            desired: BTreeMap::new(),
            transactions: 0,
            crash_at: None,
            crashes: 0,
            jitter: 0,
            fail_at: None,
            twice: false,
            in_flight: BTreeSet::new(),
            most_in_flight: 0,
        }
    }

    pub fn fault(&mut self, kind: &'static str, fault: Fault) -> &mut Self {
        self.vim.faults.entry(kind).or_default().push_back(fault);
        self
    }

    fn ctx(&mut self) -> Ctx {
        self.seq += 1;
        Ctx {
            wall: Timestamp::from_micros(1_466_706_609_115_000) + self.now,
            mono: self.now - self.booted,
            seed: self.seq ^ self.jitter.rotate_left(17),
        }
    }

    pub fn input(&mut self, input: Input) {
        let ctx = self.ctx();
        let transaction = self.core.handle(input, &ctx);
        self.commit(transaction);
    }

    fn commit(&mut self, transaction: Transaction) {
        if !transaction.is_empty() {
            self.transactions += 1;
            if self.fail_at == Some(self.transactions) {
                self.fail_at = None;
                self.core.abort(&transaction);
                self.shell.clear();
                self.monitors.clear();
                self.in_flight.clear();
                let ctx = self.ctx();
                let transaction = self.core.restart(&ctx);
                self.commit(transaction);
                self.send_all();
                return;
            }
            if let Some((at, durable)) = self.crash_at
                && at == self.transactions
            {
                self.crash_at = None;
                if durable {
                    self.store(&transaction);
                }
                self.crash();
                return;
            }
            self.store(&transaction);
        }
        self.replies.extend(transaction.replies);
        self.reports.extend(transaction.reports);
        for effect in transaction.effects {
            self.carry_out(effect);
        }
    }

    fn store(&mut self, transaction: &Transaction) {
        for (table, key, value) in &transaction.rows {
            let row = (table.to_string(), key.clone());
            match value {
                Some(value) => self.rows.insert(row, value.clone()),
                None => self.rows.remove(&row),
            };
        }
        self.events.extend(transaction.events.iter().cloned());
        self.journal.extend(transaction.journal.iter().cloned());
        self.check_records(transaction);
    }

    /// opdata and events of one transaction agree.
    fn check_records(&self, transaction: &Transaction) {
        for change in &transaction.records {
            let RecordChange::Deployment(key, Some(record)) = change else {
                continue;
            };
            assert_eq!(self.core.deployment(key).as_ref(), Some(&**record));
            // A VM that goes right after is undeploying already.
            for vm in record
                .vms
                .iter()
                .filter(|vm| vm.state != VmState::Undeploying)
            {
                let last = transaction.events.iter().rev().find(|event| {
                    let of = |vm_ref: &Option<VmRef>| {
                        vm_ref
                            .as_ref()
                            .is_some_and(|it| Some(&it.vm_id) == vm.vm_id.as_ref())
                    };
                    of(&event.target) || (event.target.is_none() && of(&event.source))
                });
                match last.map(|event| (event.kind, event.status)) {
                    Some((
                        EventKind::VmAlive | EventKind::VmRecoveryComplete,
                        EventStatus::Success,
                    )) => {
                        assert_eq!(vm.state, VmState::Alive, "{vm:?}");
                    }
                    Some((EventKind::VmStopped, EventStatus::Success)) => {
                        assert_eq!(vm.state, VmState::Shutoff);
                    }
                    _ => {}
                }
            }
        }
        if let Some(done) = transaction.events.iter().find(|event| {
            event.kind == EventKind::ServiceAlive && event.status == EventStatus::Success
        }) {
            let key = DeploymentKey::new(
                done.tenant.clone().unwrap(),
                done.deployment.clone().unwrap(),
            );
            let record = self.core.deployment(&key).unwrap();
            // A queued edit may begin at once.
            if record
                .operation
                .as_ref()
                .is_none_or(|op| Some(&op.id) == done.op_id.as_ref())
            {
                assert_eq!(record.service_state, ServiceState::Active);
            }
        }
    }

    /// The process dies and comes back; the VIM lives on.
    pub fn crash(&mut self) {
        self.crash_for(Duration::from_millis(300));
    }

    /// The same, and it comes back only after this time.
    pub fn crash_for(&mut self, down: Duration) {
        self.crashes += 1;
        self.shell.clear();
        self.monitors.clear();
        self.in_flight.clear();
        self.now += down;
        self.run_world();
        self.booted = self.now;
        let rows = self
            .rows
            .iter()
            .map(|((table, key), value)| (table.as_str(), key.as_str(), value.as_slice()));
        self.core = Core::restore(self.config.clone(), rows).unwrap();
        let ctx = self.ctx();
        let transaction = self.core.restart(&ctx);
        self.commit(transaction);
        self.send_all();
    }

    pub fn send_all(&mut self) {
        let mut deployments: Vec<_> = self
            .desired
            .iter()
            .map(|(key, it)| (key.clone(), Some(it.clone())))
            .collect();
        // The shell names what it knows to exist and is configured no more.
        for change in self.core.records() {
            if let RecordChange::Deployment(key, _) = change
                && !self.desired.contains_key(&key)
            {
                deployments.push((key, None));
            }
        }
        let resources = vec![(tenant_key(), Some(ResourceSpec::Tenant { managed: true }))];
        self.input(Input::Desired {
            revision: Revision(1),
            deployments,
            resources,
            more: false,
        });
    }

    fn later(&mut self, after: Duration, what: Shell) {
        self.seq += 1;
        self.shell.insert((self.now + after, self.seq), what);
    }

    fn in_world(&mut self, after: Duration, what: World) {
        self.seq += 1;
        self.world.insert((self.now + after, self.seq), what);
    }

    fn carry_out(&mut self, effect: Effect) {
        match effect {
            Effect::Call {
                intent,
                vim,
                call,
                idempotency,
            } => {
                assert_eq!(vim, VIM);
                let id = serde_json::to_string(&intent).unwrap();
                let stored = self
                    .rows
                    .values()
                    .any(|row| String::from_utf8_lossy(row).contains(&id));
                assert!(stored, "a call without a durable intent: {call:?}");
                self.in_flight.insert(intent.clone());
                self.most_in_flight = self.most_in_flight.max(self.in_flight.len());
                self.in_world(HOP, World::Call(intent, call, idempotency));
            }
            Effect::Track { intent, op } => {
                let at = self.vim.ops.get(&op.id).map_or(self.now, |(at, _)| *at);
                let after = at.saturating_sub(self.now) + HOP;
                self.later(after, Shell::Status(intent, op));
            }
            Effect::Describe { intent, vm, .. } => self.later(HOP, Shell::Describe(intent, vm)),
            Effect::FindByToken { intent, token, .. } => {
                self.later(HOP, Shell::Token(intent, token))
            }
            Effect::FindResource { intent, what, .. } => self.later(HOP, Shell::Find(intent, what)),
            Effect::StartMonitor {
                vm,
                vm_id,
                generation,
                kpis,
                ..
            } => {
                self.monitors.insert(vm.clone(), (generation, vm_id));
                for kpi in kpis {
                    self.later(
                        kpi.poll,
                        Shell::Probe(vm.clone(), kpi.event_name, generation),
                    );
                }
            }
            Effect::StopMonitor { vm } => {
                self.monitors.remove(&vm);
            }
            Effect::SetTimer { key, after } => self.later(after, Shell::Timer(key)),
            Effect::CancelTimer { key } => {
                self.shell
                    .retain(|_, it| !matches!(it, Shell::Timer(other) if *other == key));
            }
            Effect::Deliver(message) => {
                self.later(
                    Duration::ZERO,
                    Shell::Input(Box::new(Input::Message(message))),
                );
            }
        }
    }

    fn answer(&mut self, input: Input) {
        if self.twice {
            self.later(HOP * 3, Shell::Input(Box::new(input.clone())));
        }
        self.later(HOP, Shell::Input(Box::new(input)));
    }

    /// One step of whatever comes next; false when nothing does.
    pub fn step(&mut self) -> bool {
        let world = self.world.keys().next().copied();
        let shell = self.shell.keys().next().copied();
        match (world, shell) {
            (None, None) => return false,
            (Some(w), s) if s.is_none_or(|s| w <= s) => {
                self.now = self.now.max(w.0);
                let what = self.world.remove(&w).unwrap();
                self.happen(what);
            }
            (_, Some(s)) => {
                self.now = self.now.max(s.0);
                let what = self.shell.remove(&s).unwrap();
                self.shell_step(what);
            }
            _ => return false,
        }
        self.check_copies();
        true
    }

    fn run_world(&mut self) {
        while let Some(at) = self
            .world
            .keys()
            .next()
            .copied()
            .filter(|at| at.0 <= self.now)
        {
            let what = self.world.remove(&at).unwrap();
            self.happen(what);
        }
    }

    fn check_copies(&self) {
        if self.vim.allow_copies {
            return;
        }
        let mut names = BTreeSet::new();
        for vm in self.vim.vms.values() {
            assert!(
                names.insert(vm.name.clone()),
                "two copies of {}: {:#?}",
                vm.name,
                self.vim.log
            );
        }
    }

    pub fn is_down(&self) -> bool {
        self.now < self.vim.down_until
    }

    fn shell_step(&mut self, what: Shell) {
        let down = || VimError::Down("connection refused".into());
        match what {
            Shell::Input(input) => {
                if let Input::VimAccepted { .. } = &*input {}
                self.input(*input);
            }
            Shell::Timer(key) => self.input(Input::Timer(key)),
            Shell::Describe(intent, vm) => {
                let found = self.vim.vms.get(&vm).map(|it| show(&vm, it));
                let result = if self.is_down() {
                    Err(down())
                } else {
                    Ok(found)
                };
                self.answer(Input::Described { intent, result });
            }
            Shell::Token(intent, token) => {
                let found = self.vim.vms.iter().filter(|(_, vm)| vm.token == token);
                let found: Vec<_> = found.map(|(id, vm)| show(id, vm)).collect();
                let result = if self.is_down() {
                    Err(down())
                } else {
                    Ok(found)
                };
                self.answer(Input::FoundByToken { intent, result });
            }
            Shell::Find(intent, find) => {
                let found = self.vim.things.get(&find_key(&find)).cloned();
                let result = if self.is_down() {
                    Err(down())
                } else {
                    Ok(found)
                };
                self.answer(Input::FoundResource { intent, result });
            }
            Shell::Status(intent, op) => {
                let (at, status) = self
                    .vim
                    .ops
                    .get(&op.id)
                    .cloned()
                    .unwrap_or((self.now, VimOpStatus::Unknown));
                let status = match () {
                    () if self.is_down() => VimOpStatus::Unknown,
                    () if at > self.now => VimOpStatus::Running,
                    () => status,
                };
                self.answer(Input::VimStatus { intent, status });
            }
            Shell::Probe(vm, kpi, generation) => {
                let Some((current, vm_id)) = self.monitors.get(&vm).cloned() else {
                    return;
                };
                if current != generation {
                    return;
                }
                let alive = self.vim.vms.get(&vm_id).is_some_and(|it| {
                    it.power == PowerState::Running && !it.dead && it.answers_from <= self.now
                });
                let verdict = if alive {
                    Verdict::Alive(0.3)
                } else {
                    Verdict::NoAnswer
                };
                self.later(
                    Duration::from_secs(1),
                    Shell::Probe(vm.clone(), kpi.clone(), generation),
                );
                self.input(Input::Probe {
                    vm,
                    kpi,
                    generation,
                    verdict,
                });
            }
        }
    }

    fn happen(&mut self, what: World) {
        match what {
            World::Land(change) => self.land(change),
            World::Call(intent, call, idempotency) => {
                self.in_flight.remove(&intent);
                match self.receive(call, idempotency) {
                    Ok(accepted) => self.answer(Input::VimAccepted { intent, accepted }),
                    Err(error) => self.answer(Input::VimRefused { intent, error }),
                }
            }
        }
    }

    fn receive(&mut self, call: VimCall, key: String) -> Result<Accepted, VimError> {
        let kind = kind_of(&call);
        if self.is_down() {
            return Err(VimError::Down("connection refused".into()));
        }
        if let Some(accepted) = self.vim.keys.get(&key) {
            return Ok(accepted.clone());
        }
        let fault = self
            .vim
            .faults
            .get_mut(kind)
            .and_then(VecDeque::pop_front)
            .unwrap_or(Fault::Ok);
        self.vim
            .log
            .push(format!("{:?} {kind} {fault:?}", self.now));
        self.vim.next += 1;
        let n = self.vim.next;
        let op = VimOpRef {
            vim: VIM.into(),
            id: format!("op-{n}"),
            about: String::new(),
        };
        let took = Duration::from_millis(200);
        let mut status = VimOpStatus::Succeeded;
        let mut after = took;
        let mut lost = false;
        let mut happens = true;
        let mut dead = false;
        let mut leaves = false;
        match fault {
            Fault::Ok => {}
            Fault::Refused(line) => return Err(VimError::Refused(vec![line.into()])),
            Fault::Down => return Err(VimError::Down("connection refused".into())),
            Fault::Fails(lines) => {
                status = VimOpStatus::Failed(lines.into_iter().map(String::from).collect());
                happens = false;
            }
            Fault::FailsLeaving(line) => {
                status = VimOpStatus::Failed(vec![line.into()]);
                leaves = true;
            }
            Fault::ReplyLost(lands) => {
                lost = true;
                happens = lands.is_some();
                after = lands.unwrap_or_default();
            }
            Fault::Dead => dead = true,
            Fault::HalfDone => {
                if let (_, Some(Change::Appear(id, mut vm))) = self.change(call, n, dead, leaves) {
                    vm.power = PowerState::Stopped;
                    self.in_world(Duration::ZERO, World::Land(Change::Appear(id, vm)));
                }
                return Err(VimError::Unknown("VIM Driver: no answer".into()));
            }
            Fault::TwiceRefused(line) => {
                if let (_, Some(change)) = self.change(call, n, dead, leaves) {
                    self.in_world(Duration::ZERO, World::Land(change));
                }
                return Err(VimError::Refused(vec![line.into()]));
            }
            Fault::Twice => {
                let (_, change) = self.change(call.clone(), n, dead, leaves);
                if let Some(Change::Appear(_, vm)) = change {
                    // found before the one that is answered
                    let copy = VmId::new(format!("a-copy-{n}"));
                    self.in_world(after, World::Land(Change::Appear(copy, vm)));
                }
            }
        }
        let (id, change) = self.change(call, n, dead, leaves);
        let mut happens = happens.then_some(change).flatten();
        if kind == "create"
            && !lost
            && let Some(Change::Appear(id, vm)) = &happens
        {
            let mut building = vm.clone();
            building.power = PowerState::Building;
            let end = if leaves {
                PowerState::Error
            } else {
                PowerState::Running
            };
            let next = Change::Power(id.clone(), end, dead);
            self.vim.vms.insert(id.clone(), building);
            happens = Some(next);
        }
        if let Some(change) = happens {
            self.in_world(after, World::Land(change));
        }
        if kind == "reboot"
            && let (Some(id), VimOpStatus::Failed(_)) = (&id, &status)
        {
            self.in_world(
                after,
                World::Land(Change::Power(VmId::new(id), PowerState::Stopped, false)),
            );
        }
        self.vim
            .ops
            .insert(op.id.clone(), (self.now + after, status));
        let accepted = Accepted { op, id };
        self.vim.keys.insert(key, accepted.clone());
        match lost {
            true => Err(VimError::Unknown("VIM Driver: no answer".into())),
            false => Ok(accepted),
        }
    }

    fn change(
        &mut self,
        call: VimCall,
        n: u64,
        dead: bool,
        leaves: bool,
    ) -> (Option<String>, Option<Change>) {
        let boot = self.now + Duration::from_millis(700);
        let thing = |id: &str, key: String| {
            let name = key.clone();
            Some(Change::Thing(
                key,
                Some(VimResource {
                    id: id.into(),
                    name,
                    subnets: vec![],
                }),
            ))
        };
        match call {
            VimCall::CreateVm(create) => {
                let id = VmId::new(format!("vm-{n}"));
                let vm = SimVm {
                    name: create.name.to_string(),
                    token: create.token,
                    power: if leaves {
                        PowerState::Error
                    } else {
                        PowerState::Running
                    },
                    answers_from: boot,
                    dead,
                    ip: create
                        .interfaces
                        .first()
                        .and_then(|it| it.ip_address.clone())
                        .unwrap_or_else(|| format!("10.0.0.{n}")),
                };
                (Some(id.as_str().into()), Some(Change::Appear(id, vm)))
            }
            VimCall::DeleteVm(id) => (Some(id.to_string()), Some(Change::Remove(id))),
            VimCall::StartVm(id) => (
                Some(id.to_string()),
                Some(Change::Power(id, PowerState::Running, dead)),
            ),
            VimCall::RebootVm { vm, .. } => (
                Some(vm.to_string()),
                Some(Change::Power(vm, PowerState::Running, dead)),
            ),
            VimCall::StopVm(id) | VimCall::PowerOffVm(id) => (
                Some(id.to_string()),
                Some(Change::Power(id, PowerState::Stopped, false)),
            ),
            VimCall::ResizeVm { vm, .. } => (
                Some(vm.to_string()),
                Some(Change::Power(vm, PowerState::Running, dead)),
            ),
            VimCall::CreateTenant { name } => {
                let id = format!("tenant-{name}");
                (Some(id.clone()), thing(&id, format!("tenant {name}")))
            }
            VimCall::CreateNetwork { spec, token, .. } => {
                let id = format!("net-{n}");
                let name = token.map_or(spec.name, |token| token.to_string());
                (Some(id.clone()), thing(&id, format!("network {name}")))
            }
            VimCall::CreateImage(spec) => {
                let id = format!("image-{n}");
                (Some(id.clone()), thing(&id, format!("image {}", spec.name)))
            }
            VimCall::CreateFlavor(spec) => {
                let id = format!("flavor-{n}");
                (
                    Some(id.clone()),
                    thing(&id, format!("flavor {}", spec.name)),
                )
            }
            VimCall::CreateSubnet { network, spec } => {
                let id = format!("subnet-{n}");
                let record = SubnetRecord {
                    name: spec.name,
                    vim_id: id.clone(),
                    cidr: "10.0.0.0/24".into(),
                    gateway: String::new(),
                    dhcp: true,
                };
                (Some(id), Some(Change::AddSubnet(network, record)))
            }
            VimCall::DeleteSubnet { id } => (None, Some(Change::DropSubnet(id))),
            VimCall::DeleteTenant { id } => (None, self.by_id(id.as_str())),
            VimCall::DeleteNetwork { id }
            | VimCall::DeleteImage { id }
            | VimCall::DeleteFlavor { id } => (None, self.by_id(&id)),
        }
    }

    fn by_id(&self, id: &str) -> Option<Change> {
        let found = self.vim.things.iter().find(|(_, it)| it.id == id);
        found.map(|(key, _)| Change::Thing(key.clone(), None))
    }

    fn land(&mut self, change: Change) {
        match change {
            Change::Appear(id, mut vm) => {
                vm.answers_from = self.now + Duration::from_millis(500);
                self.vim.vms.insert(id, vm);
            }
            Change::Power(id, power, dead) => {
                if let Some(vm) = self.vim.vms.get_mut(&id) {
                    vm.power = power;
                    vm.dead = dead;
                    vm.answers_from = self.now + Duration::from_millis(500);
                }
            }
            Change::Remove(id) => {
                self.vim.vms.remove(&id);
            }
            Change::Thing(key, Some(thing)) => {
                self.vim.things.insert(key, thing);
            }
            Change::Thing(key, None) => {
                self.vim.things.remove(&key);
            }
            Change::AddSubnet(network, record) => {
                if let Some(it) = self.vim.things.values_mut().find(|it| it.id == network) {
                    it.subnets.push(record);
                }
            }
            Change::DropSubnet(id) => {
                for thing in self.vim.things.values_mut() {
                    thing.subnets.retain(|subnet| subnet.vim_id != id);
                }
            }
        }
        self.check_copies();
    }

    pub fn run(&mut self, time: Duration) {
        let end = self.now + time;
        loop {
            let next = self
                .world
                .keys()
                .chain(self.shell.keys())
                .map(|(at, _)| *at)
                .min();
            match next {
                Some(at) if at <= end => {
                    self.step();
                }
                _ => break,
            }
        }
        self.now = end;
    }

    pub fn secs(&mut self, seconds: u64) -> &mut Self {
        self.run(Duration::from_secs(seconds));
        self
    }

    pub fn desire(&mut self, desired: Deployment) -> &mut Self {
        let desired = Arc::new(desired);
        self.desired.insert(desired.key.clone(), desired.clone());
        self.input(Input::Desired {
            revision: Revision(1),
            deployments: vec![(desired.key.clone(), Some(desired))],
            resources: vec![(tenant_key(), Some(ResourceSpec::Tenant { managed: true }))],
            more: false,
        });
        self
    }

    pub fn undeploy(&mut self) -> &mut Self {
        self.desired.remove(&key());
        self.input(Input::Desired {
            revision: Revision(2),
            deployments: vec![(key(), None)],
            resources: vec![],
            more: false,
        });
        self
    }

    pub fn act(&mut self, action: Action) -> Result<OpId, Refusal> {
        let reply = ReplyId(self.seq);
        self.input(Input::Action { reply, action });
        // A crash or a failed batch takes the answer with it.
        match self.replies.iter().position(|(id, _)| *id == reply) {
            Some(at) => self.replies.remove(at).1,
            None => Err(Refusal::Unavailable("no answer".into())),
        }
    }

    pub fn service(&mut self, action: ActionType) -> Result<OpId, Refusal> {
        self.act(Action::Service {
            action,
            deployment: key(),
        })
    }

    pub fn on_vm(&mut self, action: ActionType) -> Result<OpId, Refusal> {
        let vm = self.vm_name(0);
        self.act(Action::Vm {
            action,
            vm,
            force: false,
        })
    }

    pub fn by_hand(&mut self, action: RecoveryActionType) -> Result<OpId, Refusal> {
        let vm = self.vm_name(0);
        self.act(Action::Recovery { action, vm })
    }

    pub fn record(&self) -> crate::model::inventory::DeploymentRecord {
        self.core.deployment(&key()).unwrap()
    }

    pub fn vm_name(&self, at: usize) -> VmName {
        self.record().vms[at].name.clone()
    }

    /// The guest dies; a reboot cures it.
    pub fn kill(&mut self, at: usize) -> &mut Self {
        let id = self.record().vms[at].vm_id.clone().unwrap();
        self.vim.vms.get_mut(&id).unwrap().dead = true;
        self
    }

    pub fn revive(&mut self, at: usize) -> &mut Self {
        let id = self.record().vms[at].vm_id.clone().unwrap();
        let vm = self.vim.vms.get_mut(&id).unwrap();
        vm.dead = false;
        vm.power = PowerState::Running;
        self
    }

    /// Events so far as `TYPE` or `TYPE!` for a failure, and forgets them.
    pub fn told(&mut self) -> Vec<String> {
        let told = self.events.iter().map(word).collect();
        self.events.clear();
        told
    }

    #[track_caller]
    pub fn expect(&mut self, types: &[&str]) -> &mut Self {
        let messages: Vec<_> = self
            .events
            .iter()
            .map(|event| event.message.clone())
            .collect();
        assert_eq!(self.told(), types, "{messages:#?}\n{:#?}", self.vim.log);
        self
    }
}

pub fn word(event: &Event) -> String {
    let failure = if event.status == EventStatus::Failure {
        "!"
    } else {
        ""
    };
    format!("{:?}{failure}", event.kind)
}

fn show(id: &VmId, vm: &SimVm) -> VimVm {
    VimVm {
        id: id.clone(),
        name: vm.name.clone(),
        token: Some(vm.token.clone()),
        power: vm.power,
        host_id: "host-1".into(),
        host_name: "my-ucs-7".into(),
        interfaces: vec![InterfaceInfo {
            nicid: 0,
            ip_address: vm.ip.clone(),
            port_id: format!("port-{}", vm.ip),
            ..InterfaceInfo::default()
        }],
        messages: vec![],
    }
}
