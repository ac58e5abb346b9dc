//! A crash at every transaction boundary: before and after it is durable. The story ends as it should.

use super::sim::*;
use crate::model::action::*;
use crate::model::deployment::*;
use crate::model::event::*;
use crate::model::state::*;
use std::time::Duration;

/// Runs `story` once without a crash, then with a crash at each boundary; each must tell the same.
fn at_every_boundary(story: impl Fn(&mut Sim), check: impl Fn(&Sim)) {
    let mut sim = Sim::new();
    story(&mut sim);
    check(&sim);
    let told: Vec<_> = sim.events.iter().map(word).collect();
    let boundaries = sim.transactions;
    assert!(boundaries > 10);
    for at in 1..=boundaries {
        let mut sim = Sim::new();
        sim.fail_at = Some(at);
        story(&mut sim);
        check(&sim);
        let again: Vec<_> = sim.events.iter().map(word).collect();
        assert_eq!(again, told, "batch {at} of {boundaries} fails");
        for durable in [false, true] {
            let mut sim = Sim::new();
            sim.twice = at % 2 == 0;
            sim.crash_at = Some((at, durable));
            story(&mut sim);
            assert_eq!(sim.crashes, 1, "at {at}");
            check(&sim);
            let again: Vec<_> = sim.events.iter().map(word).collect();
            assert_eq!(
                again, told,
                "crash at {at} of {boundaries}, durable: {durable}\n{:#?}",
                sim.vim.log
            );
        }
    }
}

fn check_alive(sim: &Sim) {
    let record = sim.record();
    assert_eq!(record.service_state, ServiceState::Active, "{record:#?}");
    assert_eq!(sim.vim.vms.len(), record.vms.len());
    for vm in &record.vms {
        assert!(sim.vim.vms.contains_key(vm.vm_id.as_ref().unwrap()));
    }
}

#[test]
fn deploy() {
    at_every_boundary(
        |sim| {
            let mut own = group("g1");
            own.interfaces[0].network = "eph".into();
            let mut dep = deployment(vec![own]);
            dep.networks = vec![network("eph")];
            sim.desire(dep).secs(60);
        },
        check_alive,
    );
}

#[test]
fn deploy_of_two() {
    let story = |sim: &mut Sim| {
        let mut two = group("g1");
        two.min_active = 2;
        sim.desire(deployment(vec![two])).secs(60);
    };
    let mut sim = Sim::new();
    story(&mut sim);
    for at in 1..=sim.transactions {
        for durable in [false, true] {
            let mut sim = Sim::new();
            sim.crash_at = Some((at, durable));
            story(&mut sim);
            check_alive(&sim);
            let mut told = sim.told();
            assert_eq!(told.pop().as_deref(), Some("ServiceAlive"));
            told.sort();
            assert_eq!(
                told,
                [
                    "CreateTenant",
                    "VmAlive",
                    "VmAlive",
                    "VmDeployed",
                    "VmDeployed"
                ]
            );
        }
    }
}

/// Fails the VM when it is alive for the first time, whenever that is.
fn kill_once(sim: &mut Sim) {
    while !sim
        .events
        .iter()
        .any(|event| event.kind == EventKind::ServiceAlive)
    {
        assert!(sim.step());
    }
    sim.run(Duration::from_secs(5));
    sim.kill(0);
}

#[test]
fn recovery_by_reboot() {
    at_every_boundary(
        |sim| {
            sim.desire(deployment(vec![group("g1")]));
            kill_once(sim);
            sim.secs(90);
        },
        check_alive,
    );
}

#[test]
fn the_seed() {
    at_every_boundary(
        |sim| {
            sim.fault(
                "reboot",
                Fault::Fails(vec![
                    "VIM Driver: VM powered on but in unexpected state:null",
                ]),
            );
            sim.desire(deployment(vec![group("g1")]));
            kill_once(sim);
            sim.secs(90);
        },
        check_alive,
    );
}

#[test]
fn redeploy_with_lost_replies() {
    at_every_boundary(
        |sim| {
            sim.desire(deployment(vec![{
                let mut group = group("g1");
                group.recovery.action = ActionOnRecovery::RedeployOnly;
                group
            }]));
            sim.fault("create", Fault::Ok)
                .fault("create", Fault::ReplyLost(Some(Duration::from_secs(2))));
            sim.fault("delete", Fault::ReplyLost(Some(Duration::from_secs(1))));
            kill_once(sim);
            sim.secs(90);
        },
        check_alive,
    );
}

#[test]
fn undeploy() {
    at_every_boundary(
        |sim| {
            sim.desire(deployment(vec![group("g1")]));
            while !sim
                .events
                .iter()
                .any(|event| event.kind == EventKind::ServiceAlive)
            {
                assert!(sim.step());
            }
            sim.undeploy().secs(90);
        },
        |sim| {
            assert!(sim.core.deployment(&key()).is_none());
            assert!(sim.vim.vms.is_empty());
        },
    );
}

#[test]
fn update_by_image() {
    at_every_boundary(
        |sim| {
            sim.desire(deployment(vec![group("g1")]));
            while !sim
                .events
                .iter()
                .any(|event| event.kind == EventKind::ServiceAlive)
            {
                assert!(sim.step());
            }
            let mut changed = group("g1");
            changed.image = "img2".into();
            sim.desire(deployment(vec![changed])).secs(90);
        },
        check_alive,
    );
}

#[test]
fn service_reboot() {
    let story = |sim: &mut Sim| {
        sim.desire(deployment(vec![group("g1")]));
        while !sim
            .events
            .iter()
            .any(|event| event.kind == EventKind::ServiceAlive)
        {
            assert!(sim.step());
        }
        let before = sim.transactions;
        let reply = crate::engine::io::ReplyId(1);
        let action = Action::Service {
            action: ActionType::Reboot,
            deployment: key(),
        };
        sim.input(super::super::Input::Action { reply, action });
        sim.secs(60);
        before
    };
    let mut sim = Sim::new();
    let before = story(&mut sim);
    // The action itself is not sent again by anybody: crash after it.
    for at in before + 1..=sim.transactions {
        for durable in [false, true] {
            if at == before + 1 && !durable {
                continue;
            }
            let mut sim = Sim::new();
            sim.crash_at = Some((at, durable));
            story(&mut sim);
            check_alive(&sim);
            let told = sim.told();
            assert_eq!(
                told[4..],
                ["VmRebooted", "VmAlive", "ServiceAlive"],
                "at {at}"
            );
        }
    }
}

#[test]
fn an_aborted_transaction_leaves_nothing() {
    let mut sim = Sim::new();
    sim.desire(deployment(vec![group("g1")])).secs(20);
    let before = format!("{:?}", sim.core.records());
    let ctx = crate::engine::io::Ctx {
        wall: crate::clock::Timestamp::from_micros(0),
        mono: sim.now,
        seed: 9,
    };
    let first = sim.core.handle(
        super::super::Input::Desired {
            revision: crate::ids::Revision(2),
            deployments: vec![(key(), None)],
            resources: vec![(tenant_key(), None)],
            more: false,
        },
        &ctx,
    );
    let second = sim
        .core
        .handle(super::super::Input::KillSwitch { on: true }, &ctx);
    assert!(!first.is_empty() && !second.is_empty());
    sim.core.abort(&second);
    sim.core.abort(&first);
    assert_eq!(format!("{:?}", sim.core.records()), before);
    sim.told();
    sim.kill(0)
        .secs(20)
        .expect(&["VmRecoveryInit", "VmRecoveryReboot", "VmRecoveryComplete"]);
}
