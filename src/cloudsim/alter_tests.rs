//! Rules of what can be done to a VM beside start, stop and reboot, and of what can go wrong with it.

use std::time::Duration;

use super::tests::{World, injection, new_vm, nic, vm_target};
use super::*;
use crate::ids::VmId;
use crate::model::resource::FlavorSpec;
use crate::model::vim::VimOpStatus;

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

fn see(w: &World, id: &VmId) -> VmView {
    w.cloud.vm(id).unwrap().unwrap()
}

fn reboot(vm: &VmId) -> Call {
    Call::RebootVm {
        vm: vm.clone(),
        hard: true,
    }
}

#[test]
fn a_resize_waits_for_its_confirmation_or_goes_back() {
    let mut w = World::new(Settings::default());
    let id = w.up("a");
    let before = see(&w, &id);
    let migrate = Call::MigrateVm {
        vm: id.clone(),
        flavor: "m1.large".into(),
    };
    assert!(matches!(
        w.call(Call::ConfirmResize(id.clone())),
        Err(CallError::Refused(_))
    ));
    assert_eq!(w.run(migrate.clone()), VimOpStatus::Succeeded);
    let there = see(&w, &id);
    assert_eq!(there.flavor, "m1.large");
    assert_ne!(there.host_name, before.host_name);
    assert_eq!(there.resizing.unwrap().old_flavor, "m1.tiny");
    assert!(w.call(migrate.clone()).is_err());
    assert_eq!(
        w.run(Call::RevertResize(id.clone())),
        VimOpStatus::Succeeded
    );
    let back = see(&w, &id);
    assert_eq!(
        (&back.flavor, &back.host_name, back.power),
        (&before.flavor, &before.host_name, Power::Running)
    );
    w.run(migrate);
    assert_eq!(
        w.run(Call::ConfirmResize(id.clone())),
        VimOpStatus::Succeeded
    );
    let kept = see(&w, &id);
    assert_eq!((kept.flavor.as_str(), kept.resizing), ("m1.large", None));
    w.run(Call::DeleteVm(id));
    assert!(w.cloud.hosts().iter().all(|host| host.vms == 0));
}

#[test]
fn a_stopped_vm_is_rebuilt_and_resized_without_being_started() {
    let mut w = World::new(Settings::default());
    let id = w.up("a");
    w.run(Call::StopVm(id.clone()));
    let rebuild = Call::RebuildVm {
        vm: id.clone(),
        image: "debian-12".into(),
    };
    assert_eq!(w.run(rebuild), VimOpStatus::Succeeded);
    let now = see(&w, &id);
    assert_eq!(
        (now.image.as_str(), now.power),
        ("debian-12", Power::Stopped)
    );
    let migrate = Call::MigrateVm {
        vm: id.clone(),
        flavor: "m1.small".into(),
    };
    w.run(migrate);
    assert_eq!(w.power(&id), Some(Power::Stopped));
    w.run(Call::RevertResize(id.clone()));
    assert_eq!(w.power(&id), Some(Power::Stopped));
    let ops = w.cloud.ops_of(&id, false).unwrap();
    assert_eq!(ops[0].work, OpWork::Revert);
    assert!(ops[0].from_stopped);
    assert_eq!(ops.last().unwrap().work, OpWork::Create);
    let unknown = Call::RebuildVm {
        vm: id,
        image: "none".into(),
    };
    assert!(w.call(unknown).is_err());
}

#[test]
fn a_shelved_vm_keeps_its_addresses_and_comes_back_where_there_is_room() {
    let mut w = World::new(Settings {
        hosts: vec![HostSettings {
            id: None,
            name: "one".into(),
        }],
        ..Settings::default()
    });
    let id = w.up("a");
    let nics = see(&w, &id).interfaces;
    let shelve = |offload| Call::ShelveVm {
        vm: id.clone(),
        offload,
    };
    w.run(shelve(false));
    let put = see(&w, &id);
    assert_eq!(
        (put.aside, put.host_name.as_str()),
        (Some(Aside::Shelved), "one")
    );
    assert!(
        w.call(Call::StartVm(id.clone())).is_err(),
        "an image does not start"
    );
    w.run(Call::OffloadVm(id.clone()));
    assert_eq!(see(&w, &id).host_name, "");
    w.inject(Fault::HostDown, Target::Host("one".into()))
        .unwrap();
    assert!(matches!(
        w.run(Call::UnshelveVm(id.clone())),
        VimOpStatus::Failed(_)
    ));
    assert_eq!(see(&w, &id).aside, Some(Aside::Offloaded));
    w.cloud.clear(None).unwrap();
    assert_eq!(w.run(Call::UnshelveVm(id.clone())), VimOpStatus::Succeeded);
    let back = see(&w, &id);
    assert_eq!(
        (back.aside, back.host_name.as_str(), back.interfaces),
        (None, "one", nics)
    );
    assert!(w.alive(&id));
    w.run(shelve(true));
    w.run(Call::DeleteVm(id));
    assert_eq!(w.cloud.hosts()[0].vms, 0);
}

#[test]
fn paused_and_suspended_vms_go_on_without_booting() {
    let mut w = World::new(Settings::default());
    let id = w.up("a");
    for (away, back, aside) in [
        (
            Call::PauseVm(id.clone()),
            Call::UnpauseVm(id.clone()),
            Aside::Paused,
        ),
        (
            Call::SuspendVm(id.clone()),
            Call::ResumeVm(id.clone()),
            Aside::Suspended,
        ),
    ] {
        w.run(away.clone());
        assert_eq!(
            (see(&w, &id).aside, w.alive(&id)),
            (Some(aside), false),
            "{aside:?}"
        );
        assert!(w.call(away).is_err());
        w.call(back).unwrap();
        w.pass(ms(200));
        assert!(w.alive(&id), "it was booted already");
        assert_eq!(see(&w, &id).aside, None);
    }
    w.run(Call::PauseVm(id.clone()));
    w.run(reboot(&id));
    assert_eq!(
        (see(&w, &id).aside, w.alive(&id)),
        (None, true),
        "a power cycle wakes it"
    );
}

#[test]
fn a_reboot_that_raises_or_lies_is_recorded_as_success() {
    let mut w = World::new(Settings::default());
    let id = w.up("a");
    w.inject(Fault::RebootRaises, vm_target("a")).unwrap();
    let op = w.call(reboot(&id)).unwrap().op;
    w.pass(ms(499));
    assert!(w.alive(&id), "it was never touched");
    w.pass(ms(1));
    assert_eq!(w.cloud.status(&op).unwrap(), VimOpStatus::Succeeded);
    assert!(w.alive(&id));
    assert!(matches!(
        w.cloud.op(&op).unwrap().twist,
        Some(Twist::Raised(_))
    ));
    w.inject(Fault::RebootSilent, vm_target("a")).unwrap();
    assert_eq!(w.run(reboot(&id)), VimOpStatus::Succeeded);
    let off = see(&w, &id);
    assert_eq!(
        (off.power, off.actual, off.believed),
        (Power::Stopped, Power::Stopped, Power::Running)
    );
    w.run(reboot(&id));
    assert_eq!(see(&w, &id).believed, Power::Running);
    assert!(w.alive(&id));
}

#[test]
fn an_agent_that_is_down_holds_operations_while_the_guest_answers() {
    let mut w = World::new(Settings {
        forgets_cut_off_vms: true,
        ..Settings::default()
    });
    let id = w.up("a");
    w.inject(Fault::AgentDown, vm_target("a")).unwrap();
    let first = w.call(reboot(&id)).unwrap().op;
    let again = || Call::RebootAgain {
        vm: id.clone(),
        hard: true,
    };
    let second = w.call(again()).unwrap().op;
    w.pass(Duration::from_secs(3600));
    assert!(w.alive(&id));
    assert_eq!(see(&w, &id).believed, Power::Running);
    let record = w.cloud.op(&first).unwrap();
    assert_eq!(
        (record.status, record.reached),
        (VimOpStatus::Pending, None)
    );
    assert_eq!(w.cloud.op(&second).unwrap().reached, None);
    w.cloud.clear(None).unwrap();
    w.pass(ms(500));
    assert_eq!(w.cloud.status(&first).unwrap(), VimOpStatus::Succeeded);
    assert!(matches!(
        w.cloud.status(&second).unwrap(),
        VimOpStatus::Failed(_)
    ));
    w.pass(ms(500));
    assert!(w.alive(&id));
    // the row that no driver may get wrong: not found, and running
    w.inject(Fault::AgentDown, vm_target("a")).unwrap();
    w.run(Call::DeleteVm(id.clone()));
    assert_eq!(w.power(&id), None);
    assert!(w.alive(&id), "it runs on, and answers");
    let gone = w.cloud.ops_of(&id, true).unwrap();
    assert_eq!(
        (gone[0].work.clone(), gone[0].reached),
        (OpWork::Delete, None)
    );
    assert_eq!(w.cloud.ops_of(&id, false), None);
    w.cloud.clear(None).unwrap();
    assert!(!w.alive(&id));
}

#[test]
fn a_reboot_beside_a_reboot_loses() {
    let mut w = World::new(Settings::default());
    let id = w.up("a");
    let soft = w
        .call(Call::RebootVm {
            vm: id.clone(),
            hard: false,
        })
        .unwrap()
        .op;
    let hard = Call::RebootAgain {
        vm: id.clone(),
        hard: true,
    };
    let late = w.call(hard.clone()).unwrap().op;
    w.pass(ms(500));
    assert_eq!(w.cloud.status(&soft).unwrap(), VimOpStatus::Succeeded);
    assert!(matches!(
        w.cloud.status(&late).unwrap(),
        VimOpStatus::Failed(_)
    ));
    assert_eq!(
        w.run(hard),
        VimOpStatus::Succeeded,
        "alone it is a reboot like any"
    );
    let soft = w.call(reboot(&id)).unwrap().op;
    let late = w
        .call(Call::RebootAgain {
            vm: id.clone(),
            hard: true,
        })
        .unwrap()
        .op;
    w.run(Call::DeleteVm(id));
    for op in [soft, late] {
        assert!(matches!(
            w.cloud.status(&op).unwrap(),
            VimOpStatus::Failed(_)
        ));
    }
    assert_eq!(w.cloud.open_ops(), 0);
}

#[test]
fn a_create_that_a_host_refused_lands_on_another_or_nowhere() {
    let mut w = World::new(Settings::default());
    w.inject(Fault::HostRetried, Target::Vim).unwrap();
    let made = w.create("a");
    w.pass(ms(399));
    assert_eq!(w.cloud.status(&made.op).unwrap(), VimOpStatus::Running);
    w.pass(ms(1));
    let id = VmId::new(made.id.unwrap());
    let vm = see(&w, &id);
    let Some(Twist::Retried { first, next }) = w.cloud.op(&made.op).unwrap().twist else {
        panic!();
    };
    assert_eq!((vm.power, &vm.host_name), (Power::Running, &next));
    assert_ne!(first, next);
    w.inject(Fault::HostsExhausted, Target::Vim).unwrap();
    let made = w.create("b");
    w.pass(ms(400));
    assert!(matches!(
        w.cloud.status(&made.op).unwrap(),
        VimOpStatus::Failed(_)
    ));
    assert_eq!(w.power(&VmId::new(made.id.unwrap())), Some(Power::Error));
}

#[test]
fn a_rebuild_fails_or_sticks_until_the_state_is_reset() {
    let mut w = World::new(Settings::default());
    let id = w.up("a");
    let rebuild = || Call::RebuildVm {
        vm: id.clone(),
        image: "cirros".into(),
    };
    w.inject(Fault::RebuildFails, vm_target("a")).unwrap();
    assert!(matches!(w.run(rebuild()), VimOpStatus::Failed(_)));
    assert_eq!(w.power(&id), Some(Power::Error));
    w.inject(Fault::RebuildSticks, vm_target("a")).unwrap();
    let stuck = w.call(rebuild()).unwrap().op;
    w.pass(Duration::from_secs(3600));
    assert_eq!(w.cloud.status(&stuck).unwrap(), VimOpStatus::Running);
    let reset = |error| Call::ResetVm {
        vm: id.clone(),
        error,
    };
    assert_eq!(w.run(reset(false)), VimOpStatus::Succeeded);
    let vm = see(&w, &id);
    assert_eq!(
        (vm.op, vm.believed, vm.actual),
        (None, Power::Running, Power::Error)
    );
    w.run(reboot(&id));
    w.run(reset(true));
    let vm = see(&w, &id);
    assert_eq!((vm.believed, vm.actual), (Power::Error, Power::Running));
    assert!(w.alive(&id), "the guest knows nothing of it");
    assert_eq!(w.cloud.open_ops(), 0);
}

#[test]
fn a_port_of_its_own_outlives_its_vm() {
    let mut w = World::new(Settings::default());
    let make = |ip: &str| Call::CreatePort {
        tenant: None,
        name: "p".into(),
        network: "esc-net".into(),
        ip_address: Some(ip.into()),
        mac_address: None,
    };
    let port = w.call(make("10.20.7.7")).unwrap().id.unwrap();
    assert!(w.call(make("10.20.7.7")).is_err(), "taken");
    let mut vm = new_vm("a");
    vm.interfaces = vec![NewInterface {
        port_id: Some(port.clone()),
        ..nic("esc-net")
    }];
    let create = Call::CreateVm(Box::new(vm));
    let made = w.call(create.clone()).unwrap();
    let id = VmId::new(made.id.unwrap());
    assert_eq!(see(&w, &id).interfaces[0].ip_address, "10.20.7.7");
    assert!(w.call(create.clone()).is_err(), "the port is in use");
    let ports = w.cloud.ports();
    assert_eq!((ports.len(), &ports[0].vm), (1, &Some(id.clone())));
    w.run(Call::DeleteVm(id));
    assert_eq!(w.cloud.ports()[0].vm, None);
    let id = VmId::new(w.call(create).unwrap().id.unwrap());
    w.call(Call::DeletePort { id: port }).unwrap();
    assert!(see(&w, &id).interfaces.is_empty());
    assert!(
        w.call(make("10.20.7.7")).is_ok(),
        "its address is free again"
    );
}

#[test]
fn flavors_and_images_keep_what_they_were_made_of() {
    let mut w = World::new(Settings::default());
    let spec = FlavorSpec {
        name: "tall".into(),
        vcpus: 3,
        memory_mb: 700,
        root_disk_mb: 2048,
        ephemeral_disk_mb: 0,
        swap_disk_mb: 64,
    };
    let id = w
        .call(Call::CreateFlavor(spec.clone()))
        .unwrap()
        .id
        .unwrap();
    assert_eq!(w.cloud.flavor("tall").unwrap().spec, spec);
    assert_eq!(w.cloud.flavor(&id).unwrap().id, id);
    assert_eq!(w.cloud.flavor("m1.large").unwrap().spec.vcpus, 4);
    w.run(Call::DeleteFlavor { id });
    assert_eq!(w.cloud.flavor("tall"), None);
}

#[test]
fn a_start_that_fails_leaves_the_vm_stopped_where_the_cloud_is_so_minded() {
    let mut w = World::new(Settings {
        failed_start_leaves_stopped: true,
        ..Settings::default()
    });
    let id = w.up("a");
    w.run(Call::StopVm(id.clone()));
    let mut fails = injection(Fault::StartFails, vm_target("a"));
    fails.messages = vec!["no power".into()];
    w.cloud.inject(fails).unwrap();
    assert!(matches!(
        w.run(Call::StartVm(id.clone())),
        VimOpStatus::Failed(_)
    ));
    assert_eq!(w.power(&id), Some(Power::Stopped));
}
