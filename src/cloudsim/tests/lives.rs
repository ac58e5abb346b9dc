//! VMs live: creates, deletes, boots, settings.

use super::*;

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
