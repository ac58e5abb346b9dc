//! Faults on request.

use super::*;

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
