//! Rules of the simulated cloud.

mod faults;
mod lives;
mod networks;

use std::time::Duration;

use super::*;
use crate::clock::Mono;
use crate::ids::{CreateToken, VmId, VmName};
use crate::model::deployment::{NetworkSpec, SubnetSpec};
use crate::model::vim::VimOpStatus;

const NAME: &str = "depzz_g1_0_50521f93-7374-4881-960b-95aa13d55ddf";

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

pub(super) struct World {
    pub cloud: Cloud,
    keys: u32,
}

impl World {
    pub fn new(settings: Settings) -> Self {
        let cloud = Cloud::new(settings).unwrap();
        Self { cloud, keys: 0 }
    }

    pub fn call(&mut self, call: Call) -> Result<Accepted, CallError> {
        self.keys += 1;
        self.cloud.call(call, &format!("key-{}", self.keys))
    }

    pub fn pass(&mut self, by: Duration) {
        self.cloud.advance(self.cloud.now() + by);
    }

    pub fn create(&mut self, name: &str) -> Accepted {
        self.call(Call::CreateVm(Box::new(new_vm(name)))).unwrap()
    }

    /// A VM that answers.
    pub fn up(&mut self, name: &str) -> VmId {
        let id = VmId::new(self.create(name).id.unwrap());
        self.pass(ms(700));
        assert!(self.alive(&id));
        id
    }

    pub fn alive(&self, id: &VmId) -> bool {
        self.cloud.probe(id) != GuestAnswer::Silence
    }

    pub fn power(&self, id: &VmId) -> Option<Power> {
        self.cloud.vm(id).unwrap().map(|vm| vm.power)
    }

    pub fn inject(&mut self, fault: Fault, target: Target) -> Result<(), InjectError> {
        self.cloud.inject(injection(fault, target))
    }

    /// Calls, lets it end, returns the record.
    pub fn run(&mut self, call: Call) -> VimOpStatus {
        let op = self.call(call).unwrap().op;
        self.pass(ms(1000));
        self.cloud.status(&op).unwrap()
    }

    pub fn reboot(&mut self, vm: &VmId) -> VimOpStatus {
        self.run(Call::RebootVm {
            vm: vm.clone(),
            hard: true,
        })
    }
}

pub(super) fn injection(fault: Fault, target: Target) -> Injection {
    Injection {
        target,
        fault,
        times: 1,
        messages: Vec::new(),
        duration: None,
    }
}

pub(super) fn new_vm(name: &str) -> NewVm {
    NewVm {
        name: VmName::new(name),
        logical: VmName::new(name),
        token: CreateToken::new(format!("token of {name}")),
        tenant: None,
        image: "cirros".into(),
        flavor: "m1.tiny".into(),
        interfaces: vec![nic("esc-net")],
        volumes: Vec::new(),
        config_data: Vec::new(),
        extra: Extra::default(),
        stays_off: false,
        hosts: None,
    }
}

pub(super) fn nic(network: &str) -> NewInterface {
    NewInterface {
        nicid: 0,
        network: network.into(),
        kind: "virtual".into(),
        ip_address: None,
        mac_address: None,
        port_id: None,
    }
}

pub(super) fn vm_target(name: &str) -> Target {
    Target::Vm(name.into())
}

mod whatever_happens {
    use super::*;
    use proptest::prelude::*;

    #[derive(Clone, Debug)]
    enum Step {
        Create(u8),
        Delete(u8),
        Reboot(u8),
        Stop(u8),
        Inject(usize, u8, u8),
        Clear,
        Pass(u16),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            3 => (0..4u8).prop_map(Step::Create),
            3 => (0..8u8).prop_map(Step::Delete),
            1 => (0..8u8).prop_map(Step::Reboot),
            1 => (0..8u8).prop_map(Step::Stop),
            2 => (0..Fault::ALL.len(), 0..4u8, 0..6u8).prop_map(|(f, t, d)| Step::Inject(f, t, d)),
            1 => Just(Step::Clear),
            4 => (0..2000u16).prop_map(Step::Pass),
        ]
    }

    /// Some VM of those that exist.
    fn some(w: &World, n: u8) -> VmId {
        let ids: Vec<VmId> = w.cloud.all_vms().map(|vm| vm.id).collect();
        ids.get(usize::from(n))
            .cloned()
            .unwrap_or(VmId::new("none"))
    }

    fn apply(w: &mut World, step: Step) {
        let _ = match step {
            Step::Create(n) => w.call(Call::CreateVm(Box::new(new_vm(&format!("vm-{n}"))))),
            Step::Delete(n) => w.call(Call::DeleteVm(some(w, n))),
            Step::Reboot(n) => w.call(Call::RebootVm {
                vm: some(w, n),
                hard: true,
            }),
            Step::Stop(n) => w.call(Call::StopVm(some(w, n))),
            Step::Inject(fault, target, seconds) => {
                let target = match target {
                    0 => Target::Vim,
                    1 => Target::Host("sim-host-1".into()),
                    n => Target::Vm(format!("vm-{n}")),
                };
                let mut injection = injection(Fault::ALL[fault], target);
                injection.duration = (seconds > 0).then(|| Duration::from_secs(seconds.into()));
                let _ = w.cloud.inject(injection);
                return;
            }
            Step::Clear => return w.cloud.clear(None).unwrap(),
            Step::Pass(by) => return w.pass(ms(by.into())),
        };
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn every_operation_ends_and_nothing_leaks(
            steps in proptest::collection::vec(step(), 1..80),
            forgets: bool,
            leaves: bool,
            late in prop_oneof![Just(0u64), Just(3000)],
        ) {
            let mut w = World::new(Settings {
                forgets_cut_off_vms: forgets,
                failed_create_leaves_vm: leaves,
                lost_landing_ms: late,
                ..Settings::default()
            });
            let empty = w.cloud.clone();
            for step in steps {
                apply(&mut w, step);
            }
            let text = serde_json::to_string(&w.cloud).unwrap();
            prop_assert_eq!(&serde_json::from_str::<Cloud>(&text).unwrap(), &w.cloud);
            w.cloud.clear(None).unwrap();
            w.pass(Duration::from_secs(60));
            prop_assert_eq!(w.cloud.open_ops(), 0, "every operation has ended");
            prop_assert_eq!(w.cloud.next_event(), None);
            for vm in w.cloud.orphans(&[].into()) {
                prop_assert_eq!(w.run(Call::DeleteVm(vm.id)), VimOpStatus::Succeeded);
            }
            prop_assert!(w.cloud.is_as_empty_as(&empty));
        }
    }
}
