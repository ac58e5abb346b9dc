//! Rules of the simulated cloud.

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

#[test]
fn a_vm_is_created_boots_and_is_deleted_at_the_configured_latencies() {
    let mut w = World::new(Settings::default());
    let made = w.create(NAME);
    let id = VmId::new(made.id.unwrap());
    assert_eq!(w.cloud.status(&made.op).unwrap(), VimOpStatus::Pending);
    assert_eq!(w.cloud.next_event(), Some(ms(20)));
    w.pass(ms(199));
    assert_eq!(w.cloud.status(&made.op).unwrap(), VimOpStatus::Running);
    assert_eq!(w.power(&id), Some(Power::Building));
    w.pass(ms(1));
    assert_eq!(w.cloud.status(&made.op).unwrap(), VimOpStatus::Succeeded);
    assert_eq!((w.power(&id), w.alive(&id)), (Some(Power::Running), false));
    w.pass(ms(499));
    assert!(!w.alive(&id));
    w.pass(ms(1));
    assert!(w.alive(&id));
    assert_eq!(
        w.cloud.next_event(),
        None,
        "nothing is pending when nothing happens"
    );
    let gone = w.call(Call::DeleteVm(id.clone())).unwrap();
    assert_eq!((w.power(&id), w.alive(&id)), (Some(Power::Deleting), true));
    w.pass(ms(200));
    assert_eq!(w.cloud.status(&gone.op).unwrap(), VimOpStatus::Succeeded);
    assert_eq!(w.power(&id), None);
    assert_eq!(
        w.run(Call::DeleteVm(id)),
        VimOpStatus::Succeeded,
        "gone already is success"
    );
    assert_eq!(w.cloud.open_ops(), 0);
}

#[test]
fn interfaces_show_what_events_need() {
    let mut w = World::new(Settings::default());
    let id = w.up("a");
    let vm = w.cloud.vm(&id).unwrap().unwrap();
    let nic = &vm.interfaces[0];
    assert_eq!(nic.ip_address, "10.20.0.2");
    assert_eq!(
        (nic.netmask.as_str(), nic.gateway.as_str()),
        ("255.255.0.0", "10.20.0.1")
    );
    assert!(nic.mac_address.starts_with("fa:16:3e:") && nic.mac_address.len() == 17);
    assert!(!nic.port_id.is_empty() && !nic.network.is_empty() && !nic.subnet.is_empty());
    assert_eq!(
        (nic.kind.as_str(), vm.host_name.as_str()),
        ("virtual", "sim-host-1")
    );
}

#[test]
fn names_that_nobody_knows_are_refused() {
    let mut w = World::new(Settings::default());
    let breakages: [fn(&mut NewVm); 4] = [
        |vm| vm.image = "no-image".into(),
        |vm| vm.flavor = "no-flavor".into(),
        |vm| vm.interfaces = vec![nic("esc-net"), nic("no-net")],
        |vm| vm.tenant = Some("no-tenant".into()),
    ];
    for (breakage, word) in breakages
        .iter()
        .zip(["Image", "Flavor", "Network", "Tenant"])
    {
        let mut vm = new_vm("a");
        breakage(&mut vm);
        let no = w.call(Call::CreateVm(Box::new(vm))).unwrap_err();
        assert!(
            no.to_string()
                .starts_with(&format!("VIM Driver: {word} [no-")),
            "{no}"
        );
    }
    assert_eq!(w.cloud.all_vms().count(), 0);
    let id = w.up("a");
    let ip = &w.cloud.vm(&id).unwrap().unwrap().interfaces[0].ip_address;
    assert_eq!(
        ip, "10.20.0.3",
        "a refused create gives its addresses back: only the cursor moved"
    );
}

#[test]
fn the_ids_of_a_document_can_be_scripted() {
    let mut w = World::new(Settings {
        vm_ids: vec!["1dd943b9-93a4-4987-b26b-1b8fd264774d".into()],
        hosts: vec![HostSettings {
            id: Some("4f926bb44423804ea8d87cac946b80e637c315f4f606bfa788b19b8c".into()),
            name: "my-ucs-7".into(),
        }],
        tenant_ids: vec!["721d0a0aaf5a40299650d4ec74f48f1a".into()],
        ..Settings::default()
    });
    let tenant = w.call(Call::CreateTenant { name: "ttt".into() }).unwrap();
    assert_eq!(
        tenant.id.as_deref(),
        Some("721d0a0aaf5a40299650d4ec74f48f1a")
    );
    let id = w.up(NAME);
    assert_eq!(id.as_str(), "1dd943b9-93a4-4987-b26b-1b8fd264774d");
    let vm = w.cloud.vm(&id).unwrap().unwrap();
    assert_eq!(vm.host_name, "my-ucs-7");
    assert!(vm.host_id.starts_with("4f926bb44423804e"));
}

#[test]
fn vms_are_spread_over_hosts_in_turn() {
    let mut w = World::new(Settings::default());
    let mut hosts: Vec<String> = Vec::new();
    for n in 0..8 {
        let id = w.up(&format!("vm-{n}"));
        hosts.push(w.cloud.vm(&id).unwrap().unwrap().host_name);
    }
    let turn = ["sim-host-1", "sim-host-2", "sim-host-3", "sim-host-4"];
    assert_eq!(hosts, [turn, turn].concat());
}

#[test]
fn the_seeds_story_crash_failed_reboot_redeploy() {
    let mut w = World::new(Settings::default());
    let old = w.up(NAME);
    assert_eq!(w.reboot(&old), VimOpStatus::Succeeded);
    assert!(w.alive(&old));
    w.inject(Fault::Crash, vm_target(NAME)).unwrap();
    assert_eq!(
        (w.power(&old), w.alive(&old)),
        (Some(Power::Stopped), false)
    );
    let words = "VIM Driver: VM powered on but in unexpected state:null".to_owned();
    let mut fails = injection(Fault::RebootFails, vm_target(NAME));
    fails.messages = vec![words.clone()];
    w.cloud.inject(fails).unwrap();
    assert_eq!(w.reboot(&old), VimOpStatus::Failed(vec![words]));
    assert_eq!((w.power(&old), w.alive(&old)), (Some(Power::Error), false));
    assert_eq!(w.run(Call::DeleteVm(old.clone())), VimOpStatus::Succeeded);
    let new = w.up(NAME);
    assert_ne!(old, new);
    assert_eq!(
        w.cloud
            .vms_by_token(&CreateToken::new(format!("token of {NAME}")))
            .unwrap()
            .len(),
        1
    );
    assert_eq!(w.cloud.breaches(), 0);
}

#[test]
fn a_crash_lasts_until_a_reboot_or_a_start_cures_it() {
    let mut w = World::new(Settings::default());
    let id = w.up("a");
    for cure in [
        Call::RebootVm {
            vm: id.clone(),
            hard: false,
        },
        Call::StartVm(id.clone()),
    ] {
        w.inject(Fault::Crash, vm_target("a")).unwrap();
        w.pass(Duration::from_secs(3600));
        w.cloud.clear(None).unwrap();
        assert!(!w.alive(&id), "clear does not raise the dead");
        assert_eq!(
            w.inject(Fault::Crash, vm_target("a")),
            Err(InjectError::VmNotRunning("a".into()))
        );
        assert_eq!(w.run(cure), VimOpStatus::Succeeded);
        assert!(w.alive(&id));
    }
}

#[test]
fn a_freeze_ends_after_its_duration_by_a_reboot_or_by_clear() {
    let mut w = World::new(Settings::default());
    let id = w.up("a");
    let mut freeze = injection(Fault::Freeze, vm_target("a"));
    freeze.duration = Some(Duration::from_secs(5));
    w.cloud.inject(freeze.clone()).unwrap();
    assert_eq!((w.power(&id), w.alive(&id)), (Some(Power::Running), false));
    w.pass(ms(4999));
    assert!(!w.alive(&id));
    w.pass(ms(1));
    assert!(w.alive(&id));
    w.cloud.inject(freeze).unwrap();
    w.reboot(&id);
    assert!(w.alive(&id));
    w.inject(Fault::Freeze, vm_target("a")).unwrap();
    w.pass(Duration::from_secs(3600));
    assert!(!w.alive(&id), "without a duration it lasts");
    w.cloud.clear(Some(vm_target("a"))).unwrap();
    assert!(w.alive(&id));
}

#[test]
fn counted_faults_hit_so_many_calls_and_no_more() {
    let mut w = World::new(Settings::default());
    let id = w.up("a");
    let mut twice = injection(Fault::RebootFails, vm_target("a"));
    twice.times = 2;
    w.cloud.inject(twice).unwrap();
    assert!(matches!(w.reboot(&id), VimOpStatus::Failed(_)));
    assert!(matches!(w.reboot(&id), VimOpStatus::Failed(_)));
    assert_eq!(w.reboot(&id), VimOpStatus::Succeeded);
    w.inject(Fault::StartFails, vm_target("a")).unwrap();
    w.run(Call::StopVm(id.clone()));
    assert_eq!(w.power(&id), Some(Power::Stopped));
    assert!(matches!(
        w.run(Call::StartVm(id.clone())),
        VimOpStatus::Failed(_)
    ));
    assert_eq!(w.power(&id), Some(Power::Error));
    assert_eq!(w.run(Call::StartVm(id.clone())), VimOpStatus::Succeeded);
    w.inject(Fault::DeleteFails, vm_target("a")).unwrap();
    assert!(matches!(
        w.run(Call::DeleteVm(id.clone())),
        VimOpStatus::Failed(_)
    ));
    assert!(w.alive(&id), "a failed delete leaves the VM as it was");
    assert_eq!(w.run(Call::DeleteVm(id)), VimOpStatus::Succeeded);
}

#[test]
fn a_fault_keyed_by_name_waits_for_the_redeployed_vm() {
    let mut w = World::new(Settings::default());
    let id = w.up("a");
    w.up("b");
    w.inject(Fault::CreateFails, vm_target("a")).unwrap();
    w.run(Call::DeleteVm(id));
    w.inject(Fault::RebootFails, vm_target("a")).unwrap();
    w.up("c");
    let failed = w.create("a");
    w.pass(ms(200));
    assert!(matches!(
        w.cloud.status(&failed.op).unwrap(),
        VimOpStatus::Failed(_)
    ));
    let failed = VmId::new(failed.id.unwrap());
    assert_eq!(
        w.power(&failed),
        Some(Power::Error),
        "as Nova: the failed VM is there to be deleted"
    );
    w.run(Call::DeleteVm(failed));
    let id = w.up("a");
    assert!(matches!(w.reboot(&id), VimOpStatus::Failed(_)));
}

#[test]
fn a_failed_create_may_leave_nothing() {
    let mut w = World::new(Settings {
        failed_create_leaves_vm: false,
        ..Settings::default()
    });
    w.inject(Fault::CreateFails, Target::Vim).unwrap();
    let id = VmId::new(w.create("a").id.unwrap());
    w.pass(ms(200));
    assert_eq!(w.power(&id), None);
}

#[test]
fn a_host_that_is_cut_off_silences_its_vms_and_holds_their_operations() {
    let mut w = World::new(Settings::default());
    let id = w.up("a");
    let other = w.up("b");
    let mut outage = injection(Fault::HostDown, Target::Host("sim-host-1".into()));
    outage.duration = Some(Duration::from_secs(60));
    w.cloud.inject(outage).unwrap();
    assert_eq!((w.power(&id), w.alive(&id)), (Some(Power::Unknown), false));
    assert!(w.alive(&other));
    let delete = w.call(Call::DeleteVm(id.clone())).unwrap().op;
    w.pass(Duration::from_secs(59));
    assert_eq!(
        w.cloud.status(&delete).unwrap(),
        VimOpStatus::Running,
        "it hangs"
    );
    assert_eq!(w.cloud.op_due(&delete), None);
    w.pass(Duration::from_secs(1));
    w.pass(ms(200));
    assert_eq!(w.cloud.status(&delete).unwrap(), VimOpStatus::Succeeded);
    // cleared by hand, and found by one of its VMs
    w.inject(Fault::HostDown, vm_target("b")).unwrap();
    assert!(!w.alive(&other));
    w.cloud
        .clear(Some(Target::Host("sim-host-2".into())))
        .unwrap();
    assert!(w.alive(&other), "the VM went on running unseen");
}

#[test]
fn without_a_reachable_host_a_create_fails_in_its_record() {
    let mut w = World::new(Settings::default());
    w.inject(Fault::HostDown, Target::Vim).unwrap();
    let made = w.create("a");
    w.pass(ms(200));
    let VimOpStatus::Failed(lines) = w.cloud.status(&made.op).unwrap() else {
        panic!("not failed");
    };
    assert!(lines[0].contains("No valid host"));
}

#[test]
fn a_redeploy_beside_a_vm_that_runs_unseen_is_a_breach() {
    let mut w = World::new(Settings::default());
    let old = w.up("a");
    w.inject(Fault::HostDown, vm_target("a")).unwrap();
    let new = w.up("a");
    assert_eq!(w.cloud.breaches(), 1);
    let known = [old].into();
    assert_eq!(
        w.cloud
            .orphans(&known)
            .into_iter()
            .map(|vm| vm.id)
            .collect::<Vec<_>>(),
        [new]
    );
}

#[test]
fn a_lost_reply_is_a_call_that_happened() {
    let mut w = World::new(Settings::default());
    let id = w.up("a");
    w.inject(Fault::ReplyLost, vm_target("a")).unwrap();
    assert!(matches!(
        w.call(Call::StopVm(id.clone())),
        Err(CallError::Lost(_))
    ));
    w.pass(ms(200));
    assert_eq!(w.power(&id), Some(Power::Stopped));
    // a create: found by its token; the same key again gives the same record
    w.inject(Fault::ReplyLost, Target::Vim).unwrap();
    let create = Call::CreateVm(Box::new(new_vm("b")));
    assert!(matches!(
        w.cloud.call(create.clone(), "k"),
        Err(CallError::Lost(_))
    ));
    let landed = w.cloud.vms_by_token(&"token of b".into()).unwrap();
    let again = w.cloud.call(create, "k").unwrap();
    assert_eq!(again.id.as_deref(), Some(landed[0].id.as_str()));
}

#[test]
fn a_lost_create_may_land_later_even_beyond_the_bound() {
    let mut w = World::new(Settings {
        lost_landing_ms: 9000,
        landing_bound_ms: 5000,
        ..Settings::default()
    });
    w.inject(Fault::ReplyLost, Target::Vim).unwrap();
    assert!(w.call(Call::CreateVm(Box::new(new_vm("a")))).is_err());
    w.pass(ms(8999));
    assert!(
        w.cloud
            .vms_by_token(&"token of a".into())
            .unwrap()
            .is_empty()
    );
    w.pass(ms(1));
    assert_eq!(w.cloud.vms_by_token(&"token of a".into()).unwrap().len(), 1);
}

#[test]
fn while_the_api_is_down_nothing_reaches_it_and_guests_go_on() {
    let mut w = World::new(Settings::default());
    let id = w.up("a");
    let mut down = injection(Fault::ApiDown, Target::Vim);
    down.duration = Some(Duration::from_secs(2));
    w.cloud.inject(down).unwrap();
    assert!(matches!(
        w.call(Call::StopVm(id.clone())),
        Err(CallError::Down(_))
    ));
    assert!(matches!(w.cloud.vm(&id), Err(CallError::Down(_))));
    assert!(w.alive(&id));
    w.pass(Duration::from_secs(2));
    assert_eq!(w.power(&id), Some(Power::Running));
    assert_eq!(
        w.inject(Fault::ApiDown, vm_target("a")),
        Err(InjectError::WholeVimOnly("api-down"))
    );
}

#[test]
fn slow_multiplies_latencies() {
    let mut w = World::new(Settings::default());
    w.inject(Fault::Slow, Target::Vim).unwrap();
    let made = w.create("a");
    assert_eq!(w.cloud.op_due(&made.op), Some(ms(2000)));
    w.cloud.clear(None).unwrap();
    let made = w.create("b");
    assert_eq!(w.cloud.op_due(&made.op), Some(ms(200)));
}

#[test]
fn injections_that_make_no_sense_are_told_so() {
    let mut w = World::new(Settings::default());
    let id = w.up("a");
    let bad = |fault, target, times, seconds: Option<u64>| Injection {
        target,
        fault,
        times,
        messages: Vec::new(),
        duration: seconds.map(Duration::from_secs),
    };
    let cases = [
        (
            bad(Fault::Crash, vm_target("x"), 1, None),
            InjectError::UnknownVm("x".into()),
        ),
        (
            bad(Fault::HostDown, Target::Host("x".into()), 1, None),
            InjectError::UnknownHost("x".into()),
        ),
        (
            bad(Fault::Crash, vm_target("a"), 2, None),
            InjectError::TimesNotApplicable("crash"),
        ),
        (
            bad(Fault::RebootFails, vm_target("a"), 0, None),
            InjectError::Zero("times"),
        ),
        (
            bad(Fault::Freeze, vm_target("a"), 1, Some(0)),
            InjectError::Zero("duration"),
        ),
        (
            bad(Fault::Crash, vm_target("a"), 1, Some(1)),
            InjectError::DurationNotApplicable("crash"),
        ),
    ];
    for (injection, no) in cases {
        assert_eq!(w.cloud.inject(injection), Err(no));
    }
    w.run(Call::DeleteVm(id));
    assert_eq!(
        w.inject(Fault::Crash, vm_target("a")),
        Err(InjectError::VmAbsent("a".into()))
    );
}

#[test]
fn one_operation_on_a_vm_at_a_time_but_a_delete_pre_empts() {
    let mut w = World::new(Settings::default());
    let id = w.up("a");
    let reboot = w
        .call(Call::RebootVm {
            vm: id.clone(),
            hard: true,
        })
        .unwrap()
        .op;
    let busy = w.call(Call::StopVm(id.clone())).unwrap_err();
    assert!(busy.to_string().contains("reboot is under way"));
    let delete = w.call(Call::DeleteVm(id.clone())).unwrap().op;
    assert!(matches!(
        w.cloud.status(&reboot).unwrap(),
        VimOpStatus::Failed(_)
    ));
    assert_eq!(w.call(Call::DeleteVm(id.clone())).unwrap().op, delete);
    w.pass(ms(1000));
    assert_eq!(w.power(&id), None);
}

#[test]
fn tenants_networks_and_subnets_are_made_found_used_and_removed_in_order() {
    let mut w = World::new(Settings::default());
    let tenant = crate::ids::TenantId::new(
        w.call(Call::CreateTenant { name: "t".into() })
            .unwrap()
            .id
            .unwrap(),
    );
    let spec = NetworkSpec {
        name: "esc-net".into(),
        shared: false,
        admin_state: true,
        vlan_id: None,
        subnets: Vec::new(),
    };
    let create = Call::CreateNetwork {
        tenant: Some(tenant.clone()),
        token: None,
        spec,
    };
    let net = w.call(create.clone()).unwrap().id.unwrap();
    assert_eq!(
        w.call(create).unwrap().id.as_ref(),
        Some(&net),
        "already there is success"
    );
    let subnet = |address: &str, gateway: &str| SubnetSpec {
        name: "s".into(),
        ip_version: "ipv4".into(),
        dhcp: true,
        address: address.into(),
        netmask: "255.255.255.0".into(),
        gateway: Some(gateway.into()),
    };
    let bad = Call::CreateSubnet {
        network: net.clone(),
        spec: subnet("10.0.0.0", "10.9.0.1"),
    };
    assert!(matches!(w.call(bad), Err(CallError::Refused(_))));
    let good = Call::CreateSubnet {
        network: net.clone(),
        spec: subnet("10.0.0.0", "10.0.0.1"),
    };
    let sub = w.call(good).unwrap().id.unwrap();
    let found = w
        .cloud
        .find_network(Some(&tenant), None, "esc-net")
        .unwrap()
        .unwrap();
    assert_eq!(
        (found.id.as_str(), found.subnets[0].cidr.as_str()),
        (net.as_str(), "10.0.0.0/24")
    );
    let mut vm = new_vm("a");
    vm.tenant = Some(tenant.clone());
    vm.interfaces[0].ip_address = Some("10.0.0.77".into());
    let vm = VmId::new(w.call(Call::CreateVm(Box::new(vm))).unwrap().id.unwrap());
    let nic = w.cloud.vm(&vm).unwrap().unwrap().interfaces[0].clone();
    assert_eq!(
        (
            nic.ip_address.as_str(),
            nic.network.as_str(),
            nic.subnet.as_str()
        ),
        ("10.0.0.77", net.as_str(), sub.as_str())
    );
    for call in [
        Call::DeleteSubnet { id: sub.clone() },
        Call::DeleteNetwork { id: net.clone() },
        Call::DeleteTenant { id: tenant.clone() },
    ] {
        assert!(w.call(call).unwrap_err().to_string().ends_with("is in use"));
    }
    for call in [
        Call::DeleteVm(vm),
        Call::DeleteSubnet { id: sub },
        Call::DeleteNetwork { id: net },
        Call::DeleteTenant { id: tenant },
    ] {
        assert_eq!(w.run(call), VimOpStatus::Succeeded);
    }
    assert_eq!(w.cloud.find_tenant("t").unwrap(), None);
    assert!(
        w.cloud
            .find_network(None, None, "esc-net")
            .unwrap()
            .is_some(),
        "the shared one stays"
    );
}

#[test]
fn a_redeploy_keeps_address_and_port_once_the_old_vm_is_gone() {
    let mut w = World::new(Settings::default());
    let id = w.up("a");
    let old = w.cloud.vm(&id).unwrap().unwrap().interfaces[0].clone();
    let mut again = new_vm("a");
    again.interfaces[0].ip_address = Some(old.ip_address.clone());
    again.interfaces[0].mac_address = Some(old.mac_address.clone());
    again.interfaces[0].port_id = Some(old.port_id.clone());
    let create = Call::CreateVm(Box::new(again));
    assert!(
        w.call(create.clone())
            .unwrap_err()
            .to_string()
            .contains("is in use")
    );
    w.run(Call::DeleteVm(id));
    let id = VmId::new(w.call(create).unwrap().id.unwrap());
    assert_eq!(w.cloud.vm(&id).unwrap().unwrap().interfaces[0], old);
}

#[test]
fn a_resize_gives_another_flavor_and_boots_again() {
    let mut w = World::new(Settings::default());
    let id = w.up("a");
    let resize = |flavor: &str| Call::ResizeVm {
        vm: id.clone(),
        flavor: flavor.into(),
    };
    assert!(w.call(resize("none")).is_err());
    let op = w.call(resize("m1.large")).unwrap().op;
    w.pass(ms(200));
    assert_eq!(w.cloud.status(&op).unwrap(), VimOpStatus::Succeeded);
    assert_eq!(w.cloud.vm(&id).unwrap().unwrap().flavor, "m1.large");
    assert!(!w.alive(&id));
    w.pass(ms(500));
    assert!(w.alive(&id));
}

#[test]
fn history_is_bounded_and_forgotten_records_are_unknown() {
    let mut w = World::new(Settings {
        history: 3,
        ..Settings::default()
    });
    let first = w.create("a");
    w.pass(ms(200));
    for n in 0..3 {
        w.call(Call::CreateTenant {
            name: format!("t{n}"),
        })
        .unwrap();
    }
    w.pass(ms(200));
    assert_eq!(w.cloud.status(&first.op).unwrap(), VimOpStatus::Unknown);
}

#[test]
fn the_limit_on_vms_holds() {
    let mut w = World::new(Settings {
        max_vms: 1,
        ..Settings::default()
    });
    w.create("a");
    assert!(matches!(
        w.call(Call::CreateVm(Box::new(new_vm("b")))),
        Err(CallError::Refused(_))
    ));
}

#[test]
fn a_cloud_saved_in_the_middle_goes_on_as_if_it_had_not_been() {
    let mut w = World::new(Settings::default());
    w.up("a");
    w.inject(Fault::HostDown, vm_target("a")).unwrap();
    w.create("b");
    w.call(Call::CreateTenant { name: "t".into() }).unwrap();
    let text = serde_json::to_string(&w.cloud).unwrap();
    let mut restored: Cloud = serde_json::from_str(&text).unwrap();
    assert_eq!(restored, w.cloud);
    for cloud in [&mut restored, &mut w.cloud] {
        cloud.advance(cloud.now() + ms(5000));
        cloud.clear(None).unwrap();
    }
    assert_eq!(restored, w.cloud);
}

#[test]
fn time_goes_by_in_one_step_or_many_with_the_same_end() {
    let end = |steps: u64| {
        let mut w = World::new(Settings::default());
        for n in 0..5 {
            w.create(&format!("vm-{n}"));
        }
        for _ in 0..steps {
            w.pass(Mono::from_millis(3000 / steps));
        }
        w.cloud
    };
    assert_eq!(end(1), end(300));
}

#[test]
fn other_settings_add_to_what_exists() {
    let mut w = World::new(Settings::default());
    let id = w.up("a");
    let settings = Settings {
        images: vec!["mine".into()],
        hosts: vec![HostSettings {
            id: None,
            name: "new-host".into(),
        }],
        ..Settings::default()
    };
    w.cloud.reconfigure(settings).unwrap();
    assert_eq!(w.cloud.vm(&id).unwrap().unwrap().host_name, "sim-host-1");
    let mut vm = new_vm("b");
    vm.image = "mine".into();
    let b = VmId::new(w.call(Call::CreateVm(Box::new(vm))).unwrap().id.unwrap());
    assert_eq!(w.cloud.vm(&b).unwrap().unwrap().host_name, "new-host");
    let empty = Settings {
        hosts: Vec::new(),
        ..Settings::default()
    };
    assert_eq!(w.cloud.reconfigure(empty), Err(SettingsError::NoHost));
}

#[test]
fn settings_read_from_toml_and_refuse_what_they_do_not_know() {
    let text = "seed = 7\n[latency]\nboot-ms = 10\n[[hosts]]\nname = \"h\"\n";
    let settings: Settings = toml::from_str(text).unwrap();
    assert_eq!(
        (
            settings.seed,
            settings.latency.boot_ms,
            settings.latency.create_ms
        ),
        (7, 10, 200)
    );
    assert!(toml::from_str::<Settings>("boots = 1").is_err());
    let twice = Settings {
        vm_ids: vec!["a".into(), "a".into()],
        ..Settings::default()
    };
    assert!(matches!(
        Cloud::new(twice),
        Err(SettingsError::Twice { .. })
    ));
}

#[test]
fn every_fault_has_a_name_that_reads_back() {
    for fault in Fault::ALL {
        assert_eq!(fault.name().parse::<Fault>().unwrap(), fault);
    }
    assert!("melt".parse::<Fault>().is_err());
}

#[test]
fn a_vm_forgotten_by_the_api_runs_on_until_its_host_is_back() {
    let mut w = World::new(Settings {
        forgets_cut_off_vms: true,
        ..Settings::default()
    });
    let old = w.up("a");
    w.inject(Fault::HostDown, vm_target("a")).unwrap();
    assert_eq!(w.run(Call::DeleteVm(old.clone())), VimOpStatus::Succeeded);
    assert_eq!(w.power(&old), None, "the API answers: no such VM");
    assert_eq!(w.cloud.orphans(&[].into()).len(), 1);
    w.up("a");
    assert_eq!(w.cloud.breaches(), 1, "not found is no proof of gone");
    w.cloud.clear(None).unwrap();
    assert_eq!(w.cloud.orphans(&[].into()).len(), 1);
    assert!(!w.alive(&old));
}

#[test]
fn vms_that_share_a_shown_name_are_not_copies() {
    let mut w = World::new(Settings::default());
    for logical in ["a", "b"] {
        let mut vm = new_vm("shown");
        vm.logical = VmName::new(logical);
        w.call(Call::CreateVm(Box::new(vm))).unwrap();
    }
    w.pass(ms(700));
    assert_eq!(w.cloud.breaches(), 0);
    w.inject(Fault::Crash, vm_target("a")).unwrap();
    assert_eq!(w.cloud.vms_by_name("a")[0].power, Power::Stopped);
    assert_eq!(w.cloud.vms_by_name("b")[0].power, Power::Running);
    assert_eq!(w.cloud.vms_by_name("b")[0].name.as_str(), "shown");
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

#[test]
fn networks_of_one_name_are_told_apart_by_their_tokens() {
    let mut w = World::new(Settings::default());
    let create = |token: &str| Call::CreateNetwork {
        tenant: None,
        token: Some(CreateToken::new(token)),
        spec: NetworkSpec {
            name: "net0".into(),
            shared: false,
            admin_state: true,
            vlan_id: None,
            subnets: Vec::new(),
        },
    };
    let one = w.call(create("a/net0")).unwrap().id.unwrap();
    let two = w.call(create("b/net0")).unwrap().id.unwrap();
    assert_ne!(one, two);
    assert_eq!(
        w.call(create("a/net0")).unwrap().id,
        Some(one.clone()),
        "made once"
    );
    let token = CreateToken::new("b/net0");
    let found = w
        .cloud
        .find_network(None, Some(&token), "net0")
        .unwrap()
        .unwrap();
    assert_eq!(found.id, two);
    w.run(Call::DeleteNetwork { id: two });
    assert!(
        w.cloud
            .find_network(None, Some(&token), "net0")
            .unwrap()
            .is_none()
    );
    let token = CreateToken::new("a/net0");
    assert!(
        w.cloud
            .find_network(None, Some(&token), "net0")
            .unwrap()
            .is_some()
    );
}
