//! A deterministic world around the core: a small VIM with faults, probes, a durable store, a clock that jumps.

mod checks;
mod cloud;
mod shell;

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
const SECOND: Duration = Duration::from_secs(1);

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
    /// Works, and takes this long.
    Slow(Duration),
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
    /// A record is read; whether the VIM was silent, and how long it could not be read.
    Status(IntentId, VimOpRef, (bool, Duration)),
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
    /// From when to when it is down beside that.
    pub outages: Vec<(Duration, Duration)>,
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
