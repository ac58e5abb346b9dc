//! P5: decisions are pure, so a day can be played again. A thousand VMs live through 24 hours with a small
//! VIM around the core; every input is recorded with its time and seed; a fresh core is then given the
//! record alone, and must write the same rows and tell the same events, in at most a second.

#![allow(
    missing_docs,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods
)]

mod common;

use std::collections::{BTreeMap, BinaryHeap, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use common::Verdicts;
use lifeline::clock::Timestamp;
use lifeline::engine::caller::VimInfo;
use lifeline::engine::core::{Config, Core};
use lifeline::engine::io::{Ctx, Effect, Input, TimerKey, Transaction};
use lifeline::engine::port::{Accepted, Find, PowerState, Verdict, VimCall, VimResource, VimVm};
use lifeline::engine::settings::Settings;
use lifeline::ids::{CreateToken, DeploymentKey, Revision, VmId, VmName};
use lifeline::model::deployment::{
    ActionOnRecovery, Deployment, InterfaceSpec, Kpi, MetricCondition, RecoveryPolicy,
    RecoveryType, Rule, RuleAction, RuleTrigger, VmGroup,
};
use lifeline::model::event::{Event, InterfaceInfo};
use lifeline::model::resource::{ResourceKey, ResourceKind, ResourceSpec};
use lifeline::model::vim::{VimOpRef, VimOpStatus};

const VIM: &str = "cloud";
const VMS: usize = 1_000;
const DAY: Duration = Duration::from_secs(24 * 3600);
/// How often each VM is probed.
const POLL: Duration = Duration::from_secs(60);
/// Every VM crashes once a day, and its reboot fails.
const CRASHES: usize = VMS;
const HOP: Duration = Duration::from_millis(10);

/// What a recorded input was.
enum Recorded {
    /// A probe, small because most inputs are one.
    Probe {
        monitor: u32,
        alive: bool,
    },
    Other(Box<Input>),
}

struct Record {
    at: Duration,
    seed: u64,
    what: Recorded,
}

enum Next {
    Input(Box<Input>),
    Timer(TimerKey),
    Probe(u32),
    Land(VmId, PowerState, bool),
    Crash(usize),
}

struct At(Duration, u64, Next);

impl PartialEq for At {
    fn eq(&self, other: &Self) -> bool {
        (self.0, self.1) == (other.0, other.1)
    }
}
impl Eq for At {}
impl PartialOrd for At {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for At {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (other.0, other.1).cmp(&(self.0, self.1))
    }
}

struct Monitor {
    vm: VmName,
    vm_id: VmId,
    kpi: String,
    generation: u32,
    stopped: bool,
}

struct Vm {
    shown: VimVm,
    /// Its next reboot fails.
    cursed: bool,
}

/// The rows and events a core made, as one number and two counts.
#[derive(Default)]
struct Made {
    hash: DefaultHasher,
    rows: usize,
    events: usize,
}

impl Made {
    fn take(&mut self, transaction: &Transaction) {
        for row in &transaction.rows {
            format!("{row:?}").hash(&mut self.hash);
        }
        for event in &transaction.events {
            format!("{event:?}").hash(&mut self.hash);
        }
        self.count(transaction);
    }

    fn count(&mut self, transaction: &Transaction) {
        self.rows += transaction.rows.len();
        self.events += transaction.events.len();
    }
}

struct World {
    core: Core,
    now: Duration,
    seq: u64,
    next: BinaryHeap<At>,
    cancelled: HashMap<TimerKey, ()>,
    vms: BTreeMap<VmId, Vm>,
    ops: BTreeMap<String, (Duration, VimOpStatus)>,
    made_by_key: BTreeMap<String, Accepted>,
    things: BTreeMap<String, VimResource>,
    monitors: Vec<Monitor>,
    of_vm: HashMap<VmName, u32>,
    tape: Vec<Record>,
    made: Made,
    kinds: BTreeMap<String, usize>,
}

fn ctx(at: Duration, seed: u64) -> Ctx {
    Ctx {
        wall: Timestamp::from_micros(1_466_706_609_115_000) + at,
        mono: at,
        seed,
    }
}

fn config() -> Config {
    Config {
        settings: Settings::default(),
        vims: [(
            VIM.to_owned(),
            VimInfo {
                landing_bound: Duration::from_secs(5),
            },
        )]
        .into(),
        default_vim: VIM.to_owned(),
    }
}

fn deployment(number: usize) -> Deployment {
    let action = |trigger, action: &str| RuleAction {
        trigger,
        action: action.into(),
    };
    Deployment {
        key: DeploymentKey::new("ttt", format!("dep-{number}").as_str()),
        managed_tenant: true,
        vim: None,
        networks: vec![],
        vm_groups: vec![VmGroup {
            name: "g1".into(),
            image: "img".into(),
            flavor: "fl".into(),
            vim_vm_name: None,
            bootup_time: Some(Duration::from_secs(300)),
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
            kpis: vec![Kpi {
                event_name: "VM_ALIVE".into(),
                enabled: true,
                metric_value: "1".into(),
                condition: MetricCondition::Gt,
                metric_type: "UINT32".into(),
                occurrences_true: 1,
                occurrences_false: 3,
                collector: "ICMPPing".into(),
                nicid: 0,
                poll: POLL,
                continuous_alarm: false,
            }],
            rules: vec![Rule {
                event_name: "VM_ALIVE".into(),
                actions: vec![
                    action(RuleTrigger::Always, "log"),
                    action(RuleTrigger::False, "recover autohealing"),
                ],
            }],
            config_data: vec![],
            min_active: 1,
            max_active: 1,
        }],
    }
}

impl World {
    fn new() -> Self {
        let things = ["tenant ttt", "image img", "flavor fl", "network net"];
        let things = things.map(|key| {
            let thing = VimResource {
                id: format!("id-{key}"),
                name: key.to_owned(),
                subnets: vec![],
            };
            (key.to_owned(), thing)
        });
        Self {
            core: Core::new(config()),
            now: Duration::ZERO,
            seq: 0,
            next: BinaryHeap::new(),
            cancelled: HashMap::new(),
            vms: BTreeMap::new(),
            ops: BTreeMap::new(),
            made_by_key: BTreeMap::new(),
            things: things.into(),
            monitors: Vec::new(),
            of_vm: HashMap::new(),
            tape: Vec::new(),
            made: Made::default(),
            kinds: BTreeMap::new(),
        }
    }

    fn later(&mut self, after: Duration, what: Next) {
        self.seq += 1;
        self.next.push(At(self.now + after, self.seq, what));
    }

    fn answer(&mut self, input: Input) {
        self.later(HOP, Next::Input(Box::new(input)));
    }

    fn give(&mut self, what: Recorded) {
        self.seq += 1;
        let (at, seed) = (self.now, self.seq);
        let input = input(&what, &self.monitors);
        self.tape.push(Record { at, seed, what });
        let transaction = self.core.handle(input, &ctx(at, seed));
        self.made.take(&transaction);
        for event in &transaction.events {
            *self.kinds.entry(kind(event)).or_default() += 1;
        }
        for effect in transaction.effects {
            self.carry_out(effect);
        }
    }

    fn carry_out(&mut self, effect: Effect) {
        match effect {
            Effect::Call {
                intent,
                call,
                idempotency,
                ..
            } => {
                let accepted = self.call(call, idempotency);
                self.answer(Input::VimAccepted { intent, accepted });
            }
            Effect::Track { intent, op, .. } => {
                let (at, status) = self.ops[&op.id].clone();
                let after = at.saturating_sub(self.now) + HOP;
                let input = Input::VimStatus { intent, status };
                self.later(after, Next::Input(Box::new(input)));
            }
            Effect::Describe { intent, vm, .. } => {
                let result = Ok(self.vms.get(&vm).map(|vm| vm.shown.clone()));
                self.answer(Input::Described { intent, result });
            }
            Effect::FindByToken { intent, token, .. } => {
                let of = |vm: &&Vm| vm.shown.token.as_ref() == Some(&token);
                let found = self.vms.values().filter(of).map(|vm| vm.shown.clone());
                let result = Ok(found.collect());
                self.answer(Input::FoundByToken { intent, result });
            }
            Effect::FindResource { intent, what, .. } => {
                let result = Ok(self.things.get(&find_key(&what)).cloned());
                self.answer(Input::FoundResource { intent, result });
            }
            Effect::StartMonitor {
                vm,
                vm_id,
                generation,
                kpis,
                ..
            } => {
                for kpi in kpis {
                    let number = u32::try_from(self.monitors.len()).expect("few");
                    self.monitors.push(Monitor {
                        vm: vm.clone(),
                        vm_id: vm_id.clone(),
                        kpi: kpi.event_name,
                        generation,
                        stopped: false,
                    });
                    if let Some(old) = self.of_vm.insert(vm.clone(), number) {
                        self.monitors[old as usize].stopped = true;
                    }
                    self.later(kpi.poll, Next::Probe(number));
                }
            }
            Effect::StopMonitor { vm } => {
                if let Some(number) = self.of_vm.remove(&vm) {
                    self.monitors[number as usize].stopped = true;
                }
            }
            Effect::SetTimer { key, after } => self.later(after, Next::Timer(key)),
            Effect::CancelTimer { key } => drop(self.cancelled.insert(key, ())),
            Effect::Deliver(message) => {
                self.later(
                    Duration::ZERO,
                    Next::Input(Box::new(Input::Message(message))),
                );
            }
        }
    }

    fn call(&mut self, call: VimCall, key: String) -> Accepted {
        if let Some(accepted) = self.made_by_key.get(&key) {
            return accepted.clone();
        }
        self.seq += 1;
        let number = self.seq;
        let mut status = VimOpStatus::Succeeded;
        let took = Duration::from_secs(2);
        let id = match call {
            VimCall::CreateVm(create) => {
                let id = VmId::new(format!("vm-{number}"));
                let shown = VimVm {
                    id: id.clone(),
                    name: create.name.to_string(),
                    token: Some(CreateToken::clone(&create.token)),
                    power: PowerState::Building,
                    host_id: "host-1".into(),
                    host_name: "my-ucs-7".into(),
                    interfaces: vec![InterfaceInfo {
                        nicid: 0,
                        ip_address: format!("10.0.0.{}", number % 250),
                        ..InterfaceInfo::default()
                    }],
                    messages: vec![],
                };
                let vm = Vm {
                    shown,
                    cursed: false,
                };
                self.vms.insert(id.clone(), vm);
                self.later(took, Next::Land(id.clone(), PowerState::Running, true));
                id
            }
            VimCall::RebootVm { vm, .. } => {
                let cursed = self.vms.get(&vm).is_some_and(|vm| vm.cursed);
                if cursed {
                    let line = "VIM Driver: VM powered on but in unexpected state:null";
                    status = VimOpStatus::Failed(vec![line.into()]);
                }
                let power = match cursed {
                    true => PowerState::Stopped,
                    false => PowerState::Running,
                };
                self.later(took, Next::Land(vm.clone(), power, true));
                vm
            }
            VimCall::DeleteVm(vm) => {
                self.later(took, Next::Land(vm.clone(), PowerState::Stopped, false));
                vm
            }
            other => panic!("the bench's VIM does not know {other:?}"),
        };
        let op = VimOpRef {
            vim: VIM.into(),
            id: format!("op-{number}"),
            about: String::new(),
        };
        self.ops.insert(op.id.clone(), (self.now + took, status));
        let id = Some(id.to_string());
        let accepted = Accepted { op, id };
        self.made_by_key.insert(key, accepted.clone());
        accepted
    }

    fn run(&mut self, until: Duration) {
        while self.next.peek().is_some_and(|next| next.0 <= until) {
            let Some(At(at, _, what)) = self.next.pop() else {
                break;
            };
            self.now = at;
            match what {
                Next::Input(input) => self.give(Recorded::Other(input)),
                Next::Timer(key) => {
                    if self.cancelled.remove(&key).is_none() {
                        self.give(Recorded::Other(Box::new(Input::Timer(key))));
                    }
                }
                Next::Probe(monitor) => {
                    let of = &self.monitors[monitor as usize];
                    if of.stopped {
                        continue;
                    }
                    let running = |vm: &Vm| vm.shown.power == PowerState::Running;
                    let alive = self.vms.get(&of.vm_id).is_some_and(running);
                    self.later(POLL, Next::Probe(monitor));
                    self.give(Recorded::Probe { monitor, alive });
                }
                Next::Land(id, power, stays) => match stays {
                    true => {
                        if let Some(vm) = self.vms.get_mut(&id) {
                            vm.shown.power = power;
                        }
                    }
                    false => drop(self.vms.remove(&id)),
                },
                Next::Crash(number) => {
                    if let Some(vm) = self.vms.values_mut().nth(number % VMS) {
                        vm.shown.power = PowerState::Stopped;
                        vm.cursed = true;
                    }
                }
            }
        }
        self.now = until;
    }
}

fn kind(event: &Event) -> String {
    format!("{:?}", event.kind)
}

fn find_key(find: &Find) -> String {
    match find {
        Find::Tenant(name) => format!("tenant {name}"),
        Find::Network { name, .. } => format!("network {name}"),
        Find::Image(name) => format!("image {name}"),
        Find::Flavor(name) => format!("flavor {name}"),
    }
}

fn input(what: &Recorded, monitors: &[Monitor]) -> Input {
    match what {
        Recorded::Probe { monitor, alive } => {
            let of = &monitors[*monitor as usize];
            Input::Probe {
                vm: of.vm.clone(),
                kpi: of.kpi.clone(),
                generation: of.generation,
                verdict: match alive {
                    true => Verdict::Alive(0.3),
                    false => Verdict::NoAnswer,
                },
            }
        }
        Recorded::Other(input) => (**input).clone(),
    }
}

fn desired() -> Input {
    let deployments = (0..VMS).map(deployment);
    Input::Desired {
        revision: Revision(1),
        deployments: deployments
            .map(|wanted| (wanted.key.clone(), Some(Arc::new(wanted))))
            .collect(),
        resources: vec![(
            ResourceKey {
                vim: VIM.into(),
                kind: ResourceKind::Tenant,
                tenant: None,
                name: "ttt".into(),
            },
            Some(ResourceSpec::Tenant { managed: true }),
        )],
        more: false,
    }
}

fn main() -> ExitCode {
    let mut verdicts = Verdicts::default();
    let mut world = World::new();
    world.give(Recorded::Other(Box::new(desired())));
    for number in 0..CRASHES {
        // Over the day, after all are up.
        let at = Duration::from_secs(1800) + DAY.mul_f64(0.9) / VMS as u32 * number as u32;
        world.later(at, Next::Crash(number));
    }
    world.run(DAY);
    println!(
        "P5: {VMS} VMs for 24 hours, probed every {} s",
        POLL.as_secs()
    );
    for (kind, count) in &world.kinds {
        println!("  {kind:<34} {count:>14}");
    }
    let World {
        tape,
        monitors,
        made,
        ..
    } = world;
    let probes = tape
        .iter()
        .filter(|record| matches!(record.what, Recorded::Probe { .. }))
        .count();

    let play = |look: &mut dyn FnMut(&Transaction)| {
        let mut core = Core::new(config());
        let start = Instant::now();
        for record in &tape {
            let input = input(&record.what, &monitors);
            look(&core.handle(input, &ctx(record.at, record.seed)));
        }
        start.elapsed().as_secs_f64()
    };
    let mut again = Made::default();
    play(&mut |transaction| again.take(transaction));
    let mut counted = Made::default();
    let took = play(&mut |transaction| counted.count(transaction));
    println!("  {:<34} {:>14}", "inputs", tape.len());
    println!("  {:<34} {:>14}", "of them probes", probes);
    println!("  {:<34} {:>14}", "rows written", made.rows);
    println!("  {:<34} {:>14}", "events", made.events);
    println!(
        "  {:<34} {:>14.0}",
        "ns per input",
        took * 1e9 / tape.len() as f64
    );
    verdicts.holds(
        "the record alone makes the same rows and events",
        again.hash.finish() == made.hash.finish() && again.rows == made.rows,
    );
    verdicts.at_most("seconds to play the day again", took, 1.0, 2.0);
    verdicts.exit()
}
