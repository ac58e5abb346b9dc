//! "Order per scenario", row by row.

use super::sim::*;
use crate::engine::recovery::RecoveryState;
use crate::model::action::*;
use crate::model::deployment::*;
use crate::model::event::*;
use crate::model::state::*;
use std::time::Duration;

const DEPLOY: [&str; 4] = ["CreateTenant", "VmDeployed", "VmAlive", "ServiceAlive"];

fn deployed(groups: Vec<VmGroup>) -> Sim {
    let mut sim = Sim::new();
    sim.desire(deployment(groups)).secs(20);
    sim.told();
    sim
}

fn policy(action: ActionOnRecovery, max_retries: Option<u32>) -> VmGroup {
    let mut group = group("g1");
    group.recovery.action = action;
    group.recovery.max_retries = max_retries;
    group
}

#[test]
fn deploy() {
    let mut sim = Sim::new();
    sim.desire(deployment(vec![group("g1")]))
        .secs(20)
        .expect(&DEPLOY);
    let record = sim.record();
    assert_eq!(record.service_state, ServiceState::Active);
    assert_eq!(record.vms[0].state, VmState::Alive);
    assert!(record.vms[0].name.as_str().starts_with("dep_g1_0_"));
    assert!(sim.core.is_idle());
}

#[test]
fn deploy_of_several_vms_and_an_ephemeral_network_and_undeploy() {
    let mut sim = Sim::new();
    let mut many = group("g1");
    many.min_active = 3;
    many.interfaces[0].network = "eph".into();
    let mut dep = deployment(vec![many]);
    dep.networks = vec![network("eph")];
    sim.desire(dep).secs(20);
    sim.expect(&[
        "CreateTenant",
        "CreateNetwork",
        "CreateSubnet",
        "VmDeployed",
        "VmDeployed",
        "VmDeployed",
        "VmAlive",
        "VmAlive",
        "VmAlive",
        "ServiceAlive",
    ]);
    sim.undeploy().secs(20).expect(&[
        "VmUndeployed",
        "VmUndeployed",
        "VmUndeployed",
        "DeleteSubnet",
        "DeleteNetwork",
        "ServiceUndeployed",
    ]);
    assert!(sim.core.deployment(&key()).is_none());
    assert!(sim.vim.vms.is_empty());
    assert!(!sim.vim.things.keys().any(|name| name.ends_with("/eph")));
    // A tenant made by a deploy is not removed by the undeploy, but by its own removal.
    sim.input(super::super::Input::Desired {
        revision: crate::ids::Revision(3),
        deployments: vec![],
        resources: vec![(tenant_key(), None)],
        more: false,
    });
    sim.secs(5).expect(&["DeleteTenant"]);
}

#[test]
fn ephemeral_networks_of_one_name_belong_to_one_deployment_each() {
    let mut sim = Sim::new();
    let make = |name: &str| {
        let mut group = group("g1");
        group.interfaces[0].network = "eph".into();
        let mut dep = deployment(vec![group]);
        dep.key = crate::ids::DeploymentKey::new(dep.key.tenant.clone(), name);
        dep.networks = vec![network("eph")];
        dep
    };
    let desire = |sim: &mut Sim, name: &str, wanted: Option<Deployment>| {
        let key = crate::ids::DeploymentKey::new(key().tenant, name);
        sim.input(super::super::Input::Desired {
            revision: crate::ids::Revision(1),
            deployments: vec![(key, wanted.map(std::sync::Arc::new))],
            resources: vec![],
            more: false,
        });
        sim.secs(20);
    };
    let networks = |sim: &Sim| {
        let things = sim.vim.things.keys();
        things
            .filter(|name| name.starts_with("network ") && name.ends_with("/eph"))
            .count()
    };
    desire(&mut sim, "one", Some(make("one")));
    desire(&mut sim, "two", Some(make("two")));
    assert_eq!(networks(&sim), 2);
    let made = sim
        .events
        .iter()
        .filter(|event| event.kind == EventKind::CreateSubnet);
    assert_eq!(made.count(), 2);
    desire(&mut sim, "one", None);
    assert_eq!(networks(&sim), 1, "the other's stays");
    assert_eq!(sim.vim.vms.len(), 1);
}

#[test]
fn interfaces_stand_where_they_belong_and_ids_are_told() {
    let mut sim = Sim::new();
    sim.desire(deployment(vec![group("g1")])).secs(20);
    sim.kill(0);
    sim.fault(
        "reboot",
        Fault::Fails(vec![
            "VIM Driver: VM powered on but in unexpected state:null",
        ]),
    );
    sim.secs(30);
    for event in &sim.events {
        let source = event
            .source
            .as_ref()
            .is_some_and(|vm| !vm.interfaces.is_empty());
        let target = event
            .target
            .as_ref()
            .is_some_and(|vm| !vm.interfaces.is_empty());
        assert_eq!(
            source,
            event.kind == EventKind::VmDeployed,
            "{:?}",
            event.kind
        );
        let with_target = matches!(
            event.kind,
            EventKind::VmRecoveryDeployed | EventKind::VmRecoveryComplete
        );
        assert_eq!(target, with_target, "{:?}", event.kind);
        if event.deployment.is_some() {
            assert!(
                event.op_id.is_some() && event.tenant_id.is_some(),
                "{:?}",
                event.kind
            );
        }
    }
}

#[test]
fn reboot_works() {
    let mut sim = deployed(vec![group("g1")]);
    let before = sim.record().vms[0].vm_id.clone();
    sim.kill(0).secs(10);
    let complete = sim.events.last().unwrap().clone();
    sim.expect(&["VmRecoveryInit", "VmRecoveryReboot", "VmRecoveryComplete"]);
    assert_eq!(
        complete.source.unwrap().vm_id,
        complete.target.unwrap().vm_id
    );
    assert_eq!(sim.record().vms[0].vm_id, before);
    assert_eq!(sim.record().service_state, ServiceState::Active);
}

#[test]
fn the_seed() {
    let mut sim = deployed(vec![group("g1")]);
    let name = sim.vm_name(0);
    sim.kill(0).secs(10).told();
    sim.fault(
        "reboot",
        Fault::Fails(vec![
            "VIM Driver: VM powered on but in unexpected state:null",
        ]),
    );
    sim.kill(0).secs(10);
    let events = sim.events.clone();
    sim.expect(&[
        "VmRecoveryInit",
        "VmRecoveryReboot!",
        "VmRecoveryUndeployed",
        "VmRecoveryDeployed",
        "VmRecoveryComplete",
    ]);
    assert_eq!(
        events.iter().map(|event| event.code).collect::<Vec<_>>(),
        [200, 500, 204, 200, 200]
    );
    assert_eq!(
        events[1].message,
        format!(
            "Error Messages: VM [{name}] failed to be rebooted.; VIM Driver: VM powered on but in unexpected \
             state:null; VM [{name}] is rebooted.; VIM Driver: VM successfully rebooted.; VIM Driver: VM \
             successfully created, VM Name: [{name}]"
        )
    );
    let old = events[0].source.clone().unwrap().vm_id;
    for event in &events {
        assert_eq!(event.source.clone().unwrap().vm_id, old);
        assert_eq!(event.vm_group.as_deref(), Some("g1"));
    }
    assert!(events[1].target.is_none() && events[2].target.is_none());
    let new = events[4].target.clone().unwrap().vm_id;
    assert_eq!(events[3].target.clone().unwrap().vm_id, new);
    assert_ne!(old, new);
    assert_eq!(sim.vm_name(0), name);
    // Static or not, the address is kept.
    assert_eq!(
        events[3].target.clone().unwrap().interfaces[0].ip_address,
        sim.record().vms[0].interfaces[0].ip_address
    );
}

#[test]
fn a_rebooted_vm_that_does_not_answer_is_redeployed() {
    let mut sim = deployed(vec![group("g1")]);
    sim.fault("reboot", Fault::Dead).kill(0).secs(60).expect(&[
        "VmRecoveryInit",
        "VmRecoveryReboot!",
        "VmRecoveryUndeployed",
        "VmRecoveryDeployed",
        "VmRecoveryComplete",
    ]);
}

#[test]
fn retries_exhausted_then_back_by_itself() {
    let mut sim = deployed(vec![policy(ActionOnRecovery::RebootThenRedeploy, Some(2))]);
    sim.fault("reboot", Fault::Refused("no"))
        .fault("create", Fault::Dead)
        .fault("create", Fault::Dead);
    sim.kill(0).secs(100).expect(&[
        "VmRecoveryInit",
        "VmRecoveryReboot!",
        "VmRecoveryUndeployed",
        "VmRecoveryDeployed",
        "VmRecoveryUndeployed",
        "VmRecoveryDeployed",
        "VmRecoveryComplete!",
        "VmManualRecoveryNeeded",
    ]);
    assert_eq!(sim.record().service_state, ServiceState::Error);
    assert_eq!(sim.record().vms[0].state, VmState::Error);
    sim.secs(100).expect(&[]);
    sim.revive(0).secs(5).expect(&["VmAlive"]);
    assert_eq!(sim.record().service_state, ServiceState::Active);
    // Armed again.
    sim.kill(0)
        .secs(10)
        .expect(&["VmRecoveryInit", "VmRecoveryReboot", "VmRecoveryComplete"]);
}

#[test]
fn exhausted_then_a_person_acts() {
    let mut sim = deployed(vec![policy(ActionOnRecovery::RebootOnly, Some(3))]);
    sim.fault("reboot", Fault::Refused("no")).kill(0).secs(20);
    sim.expect(&[
        "VmRecoveryInit",
        "VmRecoveryReboot!",
        "VmRecoveryComplete!",
        "VmManualRecoveryNeeded",
    ]);
    sim.by_hand(RecoveryActionType::Do).unwrap();
    let refused = sim.by_hand(RecoveryActionType::Do).unwrap_err();
    assert!(matches!(refused, Refusal::NotPossible(_)), "{refused:?}");
    sim.secs(10)
        .expect(&["VmRecoveryInit", "VmRecoveryReboot", "VmRecoveryComplete"]);
}

#[test]
fn no_retry_left_means_one_reboot() {
    let mut sim = deployed(vec![policy(ActionOnRecovery::RebootThenRedeploy, Some(0))]);
    sim.fault("reboot", Fault::Refused("no")).kill(0).secs(20);
    sim.expect(&[
        "VmRecoveryInit",
        "VmRecoveryReboot!",
        "VmRecoveryComplete!",
        "VmManualRecoveryNeeded",
    ]);
}

#[test]
fn redeploy_only() {
    let mut sim = deployed(vec![policy(ActionOnRecovery::RedeployOnly, Some(1))]);
    sim.kill(0).secs(20).expect(&[
        "VmRecoveryInit",
        "VmRecoveryUndeployed",
        "VmRecoveryDeployed",
        "VmRecoveryComplete",
    ]);
}

#[test]
fn redeploy_fails_in_the_vim() {
    let mut sim = deployed(vec![policy(ActionOnRecovery::RedeployOnly, Some(2))]);
    sim.fault("create", Fault::Fails(vec!["VIM Driver: no valid host"]));
    sim.fault("create", Fault::FailsLeaving("VIM Driver: build failed"));
    sim.kill(0).secs(20).expect(&[
        "VmRecoveryInit",
        "VmRecoveryUndeployed",
        "VmRecoveryDeployed!",
        "VmRecoveryUndeployed",
        "VmRecoveryDeployed!",
        "VmRecoveryComplete!",
        "VmManualRecoveryNeeded",
    ]);
    sim.by_hand(RecoveryActionType::Do).unwrap();
    sim.secs(20).expect(&[
        "VmRecoveryInit",
        "VmRecoveryUndeployed",
        "VmRecoveryDeployed",
        "VmRecoveryComplete",
    ]);
}

#[test]
fn vm_returns_during_the_wait() {
    let mut waiting = group("g1");
    waiting.recovery_wait = Duration::from_secs(20);
    let mut sim = deployed(vec![waiting]);
    sim.kill(0).secs(10).expect(&["VmRecoveryInit"]);
    assert_eq!(sim.record().service_state, ServiceState::Inert);
    sim.revive(0).secs(60).expect(&["VmRecoveryCancelled"]);
    assert_eq!(sim.record().service_state, ServiceState::Active);
    sim.kill(0).secs(10).expect(&["VmRecoveryInit"]);
    sim.by_hand(RecoveryActionType::Cancel).unwrap();
    sim.secs(60).expect(&["VmRecoveryCancelled"]);
    assert_eq!(sim.record().vms[0].state, VmState::Error);
    sim.kill(0).revive(0).secs(60).expect(&["VmAlive"]);
}

#[test]
fn manual_policy() {
    let mut manual = group("g1");
    manual.recovery.recovery_type = RecoveryType::Manual;
    manual.recovery_wait = Duration::from_secs(10);
    let mut sim = deployed(vec![manual]);
    sim.kill(0).secs(5).expect(&[]);
    sim.secs(30).expect(&["VmManualRecoveryNeeded"]);
    assert_eq!(sim.record().service_state, ServiceState::Error);
    sim.by_hand(RecoveryActionType::Do).unwrap();
    sim.secs(10)
        .expect(&["VmRecoveryInit", "VmRecoveryReboot", "VmRecoveryComplete"]);
    sim.kill(0).secs(30).expect(&["VmManualRecoveryNeeded"]);
    sim.revive(0).secs(5).expect(&["VmRecoveryCancelled"]);
    assert_eq!(sim.record().service_state, ServiceState::Active);
    let refused = sim.by_hand(RecoveryActionType::Do).unwrap_err();
    assert!(matches!(refused, Refusal::NotPossible(_)));
}

#[test]
fn never_alive_is_recovered_inside_the_deploy() {
    let mut sim = Sim::new();
    sim.fault("create", Fault::Dead)
        .desire(deployment(vec![group("g1")]))
        .secs(60)
        .expect(&[
            "CreateTenant",
            "VmDeployed",
            "VmRecoveryInit",
            "VmRecoveryReboot",
            "VmRecoveryComplete",
            "ServiceAlive",
        ]);
}

#[test]
fn never_alive_and_no_rule_fails_the_deploy() {
    let mut sim = Sim::new();
    let mut no_rule = group("g1");
    no_rule.rules.clear();
    sim.fault("create", Fault::Dead)
        .desire(deployment(vec![no_rule]))
        .secs(60)
        .expect(&["CreateTenant", "VmDeployed", "VmAlive!", "ServiceAlive!"]);
    assert_eq!(sim.record().service_state, ServiceState::Error);
    sim.undeploy()
        .secs(20)
        .expect(&["VmUndeployed", "ServiceUndeployed"]);
}

#[test]
fn deploy_fails() {
    let mut sim = Sim::new();
    sim.fault("create", Fault::Refused("VIM Driver: quota exceeded"))
        .desire(deployment(vec![group("g1")]))
        .secs(20);
    let failure = sim.events[1].clone();
    assert_eq!(failure.vm_group.as_deref(), Some("g1"));
    assert!(
        failure.message.contains("VIM Driver: quota exceeded"),
        "{}",
        failure.message
    );
    sim.expect(&["CreateTenant", "VmDeployed!", "ServiceAlive!"]);
    assert_eq!(sim.record().service_state, ServiceState::Error);
    sim.undeploy().secs(20).expect(&["ServiceUndeployed"]);

    let mut unknown = group("g1");
    unknown.image = "nobody knows".into();
    let mut sim = Sim::new();
    sim.desire(deployment(vec![unknown])).secs(20).expect(&[
        "CreateTenant",
        "VmDeployed!",
        "ServiceAlive!",
    ]);

    let mut sim = Sim::new();
    sim.fault("create-tenant", Fault::Refused("no"))
        .desire(deployment(vec![group("g1")]))
        .secs(20);
    sim.expect(&["CreateTenant!", "ServiceAlive!"]);
    sim.undeploy().secs(5).expect(&["ServiceUndeployed"]);
}

#[test]
fn unmonitored_is_alive_at_once() {
    let mut plain = group("g1");
    plain.bootup_time = None;
    let mut sim = Sim::new();
    sim.fault("create", Fault::Dead)
        .desire(deployment(vec![plain]))
        .secs(20)
        .expect(&DEPLOY);
    sim.secs(100).expect(&[]);
    sim.on_vm(ActionType::Reboot).unwrap();
    sim.secs(20).expect(&["VmRebooted", "VmAlive"]);
}

#[test]
fn undeploy_pre_empts_a_recovery() {
    let mut waiting = group("g1");
    waiting.recovery_wait = Duration::from_secs(20);
    let mut sim = deployed(vec![waiting]);
    sim.kill(0).secs(5).expect(&["VmRecoveryInit"]);
    sim.undeploy()
        .secs(10)
        .expect(&["VmRecoveryCancelled", "VmUndeployed", "ServiceUndeployed"]);

    let mut sim = deployed(vec![group("g1")]);
    sim.fault("reboot", Fault::Dead)
        .kill(0)
        .secs(10)
        .expect(&["VmRecoveryInit"]);
    sim.undeploy()
        .secs(10)
        .expect(&["VmRecoveryComplete!", "VmUndeployed", "ServiceUndeployed"]);

    // In the middle of a call: after it.
    let mut sim = deployed(vec![group("g1")]);
    sim.kill(0);
    while sim.events.is_empty() {
        sim.step();
    }
    sim.expect(&["VmRecoveryInit"]);
    sim.run(Duration::from_millis(50));
    sim.undeploy().expect(&[]);
    sim.secs(10)
        .expect(&["VmRecoveryComplete!", "VmUndeployed", "ServiceUndeployed"]);
    assert!(sim.vim.vms.is_empty());
}

#[test]
fn undeploy_pre_empts_a_deploy() {
    for ms in (0..1500).step_by(50) {
        let mut sim = Sim::new();
        let mut two = group("g1");
        two.min_active = 2;
        sim.desire(deployment(vec![two]))
            .run(Duration::from_millis(ms));
        sim.undeploy().secs(30);
        // The tenant is configured, whatever becomes of the deployment.
        let told: Vec<_> = sim
            .told()
            .into_iter()
            .filter(|it| it != "CreateTenant")
            .collect();
        assert_eq!(told.last().unwrap(), "ServiceUndeployed", "{ms} {told:?}");
        assert_eq!(
            told.iter().filter(|it| *it == "ServiceUndeployed").count(),
            1
        );
        let count = |word: &str| told.iter().filter(|it| *it == word).count();
        assert_eq!(count("VmDeployed"), count("VmUndeployed"), "{told:?}");
        assert!(sim.vim.vms.is_empty() && sim.core.deployment(&key()).is_none());
    }
}

#[test]
fn undeploy_while_the_vim_fails() {
    let mut sim = deployed(vec![group("g1")]);
    for _ in 0..40 {
        sim.fault("delete", Fault::Fails(vec!["VIM Driver: volume is busy"]));
    }
    sim.undeploy().secs(30).expect(&[]);
    assert_eq!(sim.record().service_state, ServiceState::Undeploying);
    sim.secs(40)
        .expect(&["VmUndeployed!", "ServiceUndeployed!"]);
    assert_eq!(sim.record().service_state, ServiceState::Error);
    assert_eq!(sim.record().leftovers.len(), 1);
    sim.vim.faults.clear();
    sim.secs(30).expect(&[]);
    assert!(sim.core.deployment(&key()).is_none() && sim.vim.vms.is_empty());
}

#[test]
fn reply_lost_on_create_is_found_by_token() {
    let mut sim = Sim::new();
    sim.fault("create", Fault::ReplyLost(Some(Duration::from_secs(3))))
        .desire(deployment(vec![group("g1")]));
    sim.secs(20).expect(&DEPLOY);
    assert_eq!(
        sim.vim
            .log
            .iter()
            .filter(|line| line.contains(" create "))
            .count(),
        1
    );
}

#[test]
fn reply_lost_and_nothing_landed_is_issued_again_after_the_bound() {
    let mut sim = Sim::new();
    sim.fault("create", Fault::ReplyLost(None))
        .desire(deployment(vec![group("g1")]));
    sim.run(LANDING);
    assert_eq!(
        sim.vim
            .log
            .iter()
            .filter(|line| line.contains(" create "))
            .count(),
        1
    );
    sim.secs(20).expect(&DEPLOY);
    assert_eq!(sim.record().vms[0].generation, 2);
}

#[test]
fn a_late_landing_is_deleted_and_reported() {
    let mut sim = Sim::new();
    sim.vim.allow_copies = true;
    sim.fault("create", Fault::ReplyLost(Some(Duration::from_secs(20))))
        .desire(deployment(vec![group("g1")]));
    sim.secs(60).expect(&DEPLOY);
    assert_eq!(sim.vim.vms.len(), 1);
    let late = sim
        .reports
        .iter()
        .filter(|it| matches!(it, crate::engine::io::Report::LateLanding { .. }));
    assert_eq!(late.count(), 1);
}

#[test]
fn a_create_that_the_cloud_carried_out_twice_leaves_the_one_it_answered() {
    let mut sim = Sim::new();
    sim.vim.allow_copies = true;
    sim.fault("create", Fault::Twice)
        .desire(deployment(vec![group("g1")]));
    sim.secs(10).expect(&DEPLOY);
    let left: Vec<_> = sim.vim.vms.keys().cloned().collect();
    assert_eq!(left.len(), 1, "{:#?}", sim.vim.log);
    assert!(!left[0].as_str().starts_with("a-copy"), "the copy is gone");
    assert_eq!(sim.record().vms[0].vm_id.as_ref(), left.first());
}

#[test]
fn a_create_that_was_refused_the_second_time_is_adopted_from_the_first() {
    let mut sim = Sim::new();
    sim.fault("create", Fault::TwiceRefused("port in use"))
        .desire(deployment(vec![group("g1")]));
    sim.secs(10).expect(&DEPLOY);
    assert_eq!(sim.vim.vms.len(), 1, "{:#?}", sim.vim.log);
    assert_eq!(sim.record().vms[0].generation, 1);
}

#[test]
fn a_vm_that_was_made_and_not_started_is_started_after_the_landing_bound() {
    let mut sim = Sim::new();
    sim.fault("create", Fault::HalfDone)
        .desire(deployment(vec![group("g1")]));
    sim.run(LANDING);
    let starts = |sim: &Sim| {
        let log = sim.vim.log.iter();
        log.filter(|line| line.contains(" start ")).count()
    };
    assert_eq!(starts(&sim), 0, "somebody may be about to start it");
    sim.secs(20).expect(&DEPLOY);
    assert_eq!((starts(&sim), sim.vim.vms.len()), (1, 1));
    assert_eq!(sim.record().vms[0].generation, 1);
}

#[test]
fn vim_down_in_mid_recovery() {
    let mut sim = deployed(vec![group("g1")]);
    sim.vim.down_until = sim.now + Duration::from_secs(200);
    sim.kill(0).secs(190).expect(&["VmRecoveryInit"]);
    sim.secs(20)
        .expect(&["VmRecoveryReboot", "VmRecoveryComplete"]);
}

#[test]
fn old_vm_not_gone_is_no_redeploy() {
    let mut sim = deployed(vec![policy(ActionOnRecovery::RedeployOnly, Some(3))]);
    for _ in 0..100 {
        sim.fault("delete", Fault::Fails(vec!["VIM Driver: host unreachable"]));
    }
    sim.kill(0).secs(90).expect(&[
        "VmRecoveryInit",
        "VmRecoveryUndeployed!",
        "VmRecoveryComplete!",
        "VmManualRecoveryNeeded",
    ]);
    assert!(
        !sim.vim
            .log
            .iter()
            .skip(2)
            .any(|line| line.contains(" create "))
    );
    // A record that says done is no proof either.
    let mut sim = deployed(vec![policy(ActionOnRecovery::RedeployOnly, Some(3))]);
    sim.vim.faults.insert(
        "delete",
        vec![Fault::ReplyLost(None), Fault::ReplyLost(None)].into(),
    );
    sim.kill(0).secs(30).expect(&[
        "VmRecoveryInit",
        "VmRecoveryUndeployed",
        "VmRecoveryDeployed",
        "VmRecoveryComplete",
    ]);
}

#[test]
fn kill_switch_holds_back_visibly() {
    let mut sim = deployed(vec![group("g1")]);
    sim.input(super::super::Input::KillSwitch { on: true });
    sim.kill(0).secs(20).expect(&["VmManualRecoveryNeeded"]);
    assert!(matches!(
        sim.by_hand(RecoveryActionType::Do),
        Err(Refusal::Unavailable(_))
    ));
    sim.crash();
    sim.secs(20).expect(&[]);
    sim.input(super::super::Input::KillSwitch { on: false });
    sim.secs(20)
        .expect(&["VmRecoveryInit", "VmRecoveryReboot", "VmRecoveryComplete"]);
}

#[test]
fn a_long_downtime_of_ours_is_no_evidence_against_a_vm_that_was_booting() {
    let mut sim = deployed(vec![group("g1")]);
    sim.fault("reboot", Fault::Fails(vec!["VIM Driver: no"]));
    sim.kill(0);
    let deployed = |sim: &Sim| {
        let last = sim.events.last();
        last.is_some_and(|event| event.kind == EventKind::VmRecoveryDeployed)
    };
    for _ in 0..600 {
        if deployed(&sim) {
            break;
        }
        sim.run(Duration::from_millis(100));
    }
    assert!(deployed(&sim));
    sim.told();
    let vm = sim.record().vms[0].vm_id.clone();
    sim.crash_for(Duration::from_secs(3600));
    sim.secs(30).expect(&["VmRecoveryComplete"]);
    assert_eq!(sim.record().vms[0].vm_id, vm);
}

#[test]
fn quiet_time_after_our_own_start() {
    let mut slow = group("g1");
    slow.kpis[0].occurrences_false = 1;
    slow.kpis[0].poll = Duration::from_secs(1);
    let mut sim = deployed(vec![slow]);
    sim.kill(0);
    sim.crash();
    let started = sim.now;
    sim.run(Duration::from_millis(1500));
    assert_eq!(
        sim.core.recovery_state(&sim.vm_name(0)),
        Some(RecoveryState::Quiet)
    );
    sim.expect(&[]);
    while sim.events.is_empty() {
        sim.step();
    }
    assert!(sim.now - started >= Duration::from_secs(2));
    sim.secs(20)
        .expect(&["VmRecoveryInit", "VmRecoveryReboot", "VmRecoveryComplete"]);
}

#[test]
fn a_storm_keeps_the_caps_and_ends() {
    let mut sim = Sim::new();
    let mut many = group("g1");
    many.min_active = 40;
    many.max_active = 40;
    sim.desire(deployment(vec![many])).secs(60);
    assert_eq!(sim.record().service_state, ServiceState::Active);
    sim.told();
    assert!(sim.most_in_flight <= 16);
    sim.most_in_flight = 0;
    for at in 0..40 {
        sim.kill(at);
    }
    sim.secs(120);
    assert!(
        sim.most_in_flight <= 4,
        "all on one host: {}",
        sim.most_in_flight
    );
    let told = sim.told();
    for word in ["VmRecoveryInit", "VmRecoveryReboot", "VmRecoveryComplete"] {
        assert_eq!(told.iter().filter(|it| *it == word).count(), 40, "{word}");
    }
}
