//! Starts, stops, heals.

use super::*;

#[test]
fn a_stop_that_failed_half_way_is_rolled_back_by_starting_what_it_stopped() {
    let (mut sim, seen) = up();
    sim.fault("power-off", Fault::Fails(vec!["VIM Driver: no"]));
    let stop = LcmRequest::Operate {
        instance: instance(),
        action: ActionType::Stop,
        vms: vec![],
        asked: asked(),
    };
    let op = sim.lcm(stop).unwrap();
    sim.secs(20);
    sim.is(&op, S::FailedTemp);
    // The way back fails first, and is gone again.
    sim.fault("start", Fault::Fails(vec!["VIM Driver: not now"]));
    sim.lcm(LcmRequest::Rollback(op.clone())).unwrap();
    sim.is(&op, S::RollingBack);
    assert_eq!(sim.op(&op).awaits, None, "no commit is needed");
    sim.secs(30);
    sim.is(&op, S::FailedTemp);
    let retry = sim.lcm(LcmRequest::Retry(op.clone()));
    assert!(matches!(retry, Err(Refusal::NotPossible(_))), "{retry:?}");
    sim.crash();
    sim.lcm(LcmRequest::Rollback(op.clone())).unwrap();
    sim.secs(30);
    sim.is(&op, S::RolledBack);
    assert!(sim.record().vms.iter().all(|vm| vm.state == VmState::Alive));
    let starts = calls(&sim, seen);
    let starts = starts.iter().filter(|word| **word == "start").count();
    assert_eq!(starts, 2, "only what was stopped");
}

#[test]
fn a_graceful_stop_takes_the_power_when_its_time_is_over_and_a_forceful_one_at_once() {
    let stop = |grace_ms| LcmRequest::Operate {
        instance: instance(),
        action: ActionType::Stop,
        vms: vec![],
        asked: Asked {
            grace_ms,
            ..asked()
        },
    };
    let (mut sim, seen) = up();
    let op = sim.lcm(stop(None)).unwrap();
    sim.secs(20);
    sim.is(&op, S::Completed);
    assert_eq!(calls(&sim, seen), ["power-off", "power-off"]);

    let (mut sim, seen) = up();
    let op = sim.lcm(stop(Some(60_000))).unwrap();
    sim.secs(20);
    sim.is(&op, S::Completed);
    assert_eq!(calls(&sim, seen), ["stop", "stop"]);

    for restart in [false, true] {
        let (mut sim, seen) = up();
        for _ in 0..40 {
            sim.fault("stop", Fault::ReplyLost(None));
        }
        let op = sim.lcm(stop(Some(5_000))).unwrap();
        sim.secs(2);
        assert!(!calls(&sim, seen).contains(&"power-off"));
        if restart {
            sim.crash();
        }
        sim.secs(30);
        sim.is(&op, S::Completed);
        assert_eq!(sim.record().service_state, ServiceState::Stopped);
        let insisted = calls(&sim, seen);
        let insisted = insisted.iter().filter(|word| **word == "power-off");
        assert_eq!(insisted.count(), 2);
    }

    // What does not even then go down has failed, once.
    let (mut sim, _) = up();
    for fault in ["stop", "power-off"] {
        for _ in 0..4 {
            sim.fault(fault, Fault::Fails(vec!["VIM Driver: no"]));
        }
    }
    let op = sim.lcm(stop(Some(5_000))).unwrap();
    sim.secs(30);
    sim.is(&op, S::FailedTemp);
    // And the other face stops as its VIM does.
    let (mut sim, seen) = up();
    sim.service(ActionType::Stop).unwrap();
    sim.secs(20);
    assert_eq!(calls(&sim, seen), ["stop", "stop"]);
}

#[test]
fn a_heal_recovers_with_the_events_of_a_recovery_under_its_own_id() {
    let (mut sim, _) = Sim::instantiating(vec![group("g1"), group("g2")], &[]);
    sim.secs(20);
    sim.told();
    let vm = sim.vm_name(0);
    let heal = |vms| LcmRequest::Heal {
        instance: instance(),
        vms,
        asked: asked(),
    };
    let unknown = sim.lcm(heal(vec![VmName::new("no such")]));
    assert!(matches!(unknown, Err(Refusal::UnknownVm(_))), "{unknown:?}");
    let op = sim.lcm(heal(vec![vm])).unwrap();
    sim.secs(30);
    sim.is(&op, S::Completed);
    assert!(!sim.op(&op).occ.automatic);
    assert!(sim.events.iter().all(|e| e.op_id.as_ref() == Some(&op)));
    sim.expect(&["VmRecoveryInit", "VmRecoveryReboot", "VmRecoveryComplete"]);
    assert_eq!(sim.op(&op).vms[0].change, ChangeKind::Modified);
    // One that fails rests, and is retried.
    for _ in 0..8 {
        sim.fault("reboot", Fault::Fails(vec!["VIM Driver: no"]));
        sim.fault("create", Fault::Fails(vec!["VIM Driver: full"]));
    }
    let vm = sim.vm_name(1);
    let op = sim.lcm(heal(vec![vm])).unwrap();
    sim.secs(200);
    sim.is(&op, S::FailedTemp);
    sim.vim.faults.clear();
    sim.lcm(LcmRequest::Retry(op.clone())).unwrap();
    sim.secs(60);
    sim.is(&op, S::Completed);
}

#[test]
fn operate_stops_and_starts_all_or_some() {
    let (mut sim, _) = Sim::instantiating(vec![group("g1"), group("g2")], &[]);
    sim.secs(20);
    let operate = |action, vms| LcmRequest::Operate {
        instance: instance(),
        action,
        vms,
        asked: asked(),
    };
    let op = sim.lcm(operate(ActionType::Stop, vec![])).unwrap();
    sim.secs(20);
    sim.is(&op, S::Completed);
    assert_eq!(sim.record().service_state, ServiceState::Stopped);
    let vm = sim.vm_name(0);
    sim.fault("start", Fault::Fails(vec!["VIM Driver: no"]));
    let op = sim.lcm(operate(ActionType::Start, vec![vm])).unwrap();
    sim.secs(20);
    sim.is(&op, S::FailedTemp);
    sim.lcm(LcmRequest::Retry(op.clone())).unwrap();
    sim.secs(20);
    sim.is(&op, S::Completed);
    let states: Vec<_> = sim.record().vms.iter().map(|vm| vm.state).collect();
    assert_eq!(states, [VmState::Alive, VmState::Shutoff]);
}
