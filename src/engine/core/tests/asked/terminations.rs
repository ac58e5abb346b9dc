//! Terminations, graceful and not, cancelled and half done.

use super::*;

#[test]
fn a_cancelled_termination_rests_and_is_retried() {
    let (mut sim, op) = Sim::instantiating(vec![group("g1")], &[]);
    sim.secs(20);
    sim.is(&op, S::Completed);
    let end = sim.lcm(begin(LcmOperation::Terminate)).unwrap();
    sim.committed(&end, None);
    sim.lcm(LcmRequest::Cancel(end.clone(), CancelMode::Graceful))
        .unwrap();
    sim.secs(1);
    // What was with the VIM already is through, the rest rests.
    if sim.op(&end).occ.state == S::FailedTemp {
        sim.lcm(LcmRequest::Retry(end.clone())).unwrap();
    }
    sim.secs(20);
    let state = sim.op(&end).occ.state;
    assert!(matches!(state, S::Completed | S::FailedTemp), "{state:?}");
    if state == S::FailedTemp {
        sim.lcm(LcmRequest::Retry(end.clone())).unwrap();
        sim.secs(20);
    }
    sim.is(&end, S::Completed);
    assert!(sim.vim.vms.is_empty());
}

/// TERMINATE with so many milliseconds for its VMs, taken up.
fn terminating(sim: &mut Sim, grace_ms: Option<u64>) -> OpId {
    let request = LcmRequest::Begin {
        operation: LcmOperation::Terminate,
        instance: instance(),
        flavour: None,
        asked: Asked {
            grace_ms,
            ..asked()
        },
    };
    let op = sim.lcm(request).unwrap();
    sim.committed(&op, None);
    op
}

#[test]
fn a_graceful_termination_stops_vms_before_it_removes_them_and_a_forceful_one_does_not() {
    let (mut sim, seen) = up();
    let end = terminating(&mut sim, None);
    sim.secs(20);
    sim.is(&end, S::Completed);
    assert!(!calls(&sim, seen).contains(&"stop"), "{:?}", sim.vim.log);

    let (mut sim, seen) = up();
    sim.told();
    let end = terminating(&mut sim, Some(60_000));
    sim.secs(20);
    sim.is(&end, S::Completed);
    let calls = calls(&sim, seen);
    assert_eq!(
        calls[..4],
        ["stop", "stop", "delete", "delete"],
        "{calls:?}"
    );
    assert!(sim.vim.vms.is_empty());
    // What is told is the removal.
    let changes: Vec<_> = sim.op(&end).vms.iter().map(|vm| vm.change).collect();
    assert_eq!(changes, [ChangeKind::Removed, ChangeKind::Removed]);
    sim.expect(&["VmUndeployed", "VmUndeployed", "ServiceUndeployed"]);
}

#[test]
fn a_vm_that_does_not_stop_is_removed_when_its_time_is_over() {
    for fault in [
        Fault::ReplyLost(None),
        Fault::Fails(vec!["VIM Driver: the guest does not answer"]),
    ] {
        let (mut sim, seen) = up();
        for _ in 0..40 {
            sim.fault("stop", fault.clone());
        }
        let end = terminating(&mut sim, Some(5_000));
        sim.secs(3);
        if matches!(fault, Fault::ReplyLost(_)) {
            assert_eq!(sim.vim.vms.len(), 2, "they have their time");
        }
        sim.secs(30);
        sim.is(&end, S::Completed);
        assert!(sim.op(&end).occ.error.is_none());
        assert!(calls(&sim, seen).contains(&"stop"));
        assert!(sim.vim.vms.is_empty());
    }
}

#[test]
fn a_crash_while_vms_have_time_to_stop_ends_in_their_removal() {
    let (mut sim, _) = up();
    for _ in 0..40 {
        sim.fault("stop", Fault::ReplyLost(None));
    }
    let end = terminating(&mut sim, Some(5_000));
    sim.secs(1);
    sim.crash();
    sim.is(&end, S::Processing);
    sim.secs(40);
    sim.is(&end, S::Completed);
    assert!(sim.vim.vms.is_empty());
}

#[test]
fn a_termination_cancelled_before_anything_is_removed_removes_nothing() {
    let (mut sim, _) = up();
    for _ in 0..40 {
        sim.fault("stop", Fault::ReplyLost(None));
    }
    let end = terminating(&mut sim, Some(10_000));
    sim.secs(1);
    let cancel = LcmRequest::Cancel(end.clone(), CancelMode::Graceful);
    sim.lcm(cancel).unwrap();
    sim.secs(60);
    sim.is(&end, S::FailedTemp);
    assert_eq!(sim.vim.vms.len(), 2);
    sim.vim.faults.clear();
    sim.lcm(LcmRequest::Retry(end.clone())).unwrap();
    sim.secs(30);
    sim.is(&end, S::Completed);
    assert!(sim.vim.vms.is_empty());
}

/// A TERMINATE that was cancelled while its first VM went, and rests: the other one waited for its turn.
fn half_terminated() -> (Sim, OpId) {
    let sim = Sim::with(crate::engine::settings::Settings {
        calls_per_vim: 1,
        ..crate::engine::settings::Settings::default()
    });
    let (mut sim, op) = sim.instantiate(vec![group("g1"), group("g2")], &[]);
    sim.secs(20);
    sim.is(&op, S::Completed);
    let end = terminating(&mut sim, None);
    let cancel = LcmRequest::Cancel(end.clone(), CancelMode::Graceful);
    sim.lcm(cancel).unwrap();
    sim.secs(60);
    sim.is(&end, S::FailedTemp);
    assert_eq!(sim.vim.vms.len(), 1);
    (sim, end)
}

#[test]
fn what_a_termination_left_that_was_given_up_is_the_instance_s_until_it_is_terminated_again() {
    let (mut sim, end) = half_terminated();
    sim.lcm(LcmRequest::Fail(end.clone())).unwrap();
    sim.is(&end, S::Failed);
    sim.secs(30);
    assert_eq!(sim.record().vms.len(), 1, "it is listed");
    // A restart takes nothing that nobody asked for.
    sim.crash();
    sim.secs(60);
    assert_eq!(sim.vim.vms.len(), 1);
    let again = terminating(&mut sim, None);
    sim.secs(30);
    sim.is(&again, S::Completed);
    assert!(sim.vim.vms.is_empty());
    sim.lcm(LcmRequest::Delete(instance())).unwrap();
}

#[test]
fn a_deployment_configured_again_after_half_a_termination_is_whole_again() {
    for given_up in [false, true] {
        let (mut sim, end) = half_terminated();
        if given_up {
            sim.lcm(LcmRequest::Fail(end.clone())).unwrap();
        }
        sim.desire(deployment(vec![group("g1"), group("g2")]));
        sim.secs(60);
        sim.is(&end, S::Failed);
        let record = sim.record();
        assert_eq!(record.service_state, ServiceState::Active, "{record:#?}");
        assert_eq!(record.vms.len(), 2);
        assert_eq!(sim.vim.vms.len(), 2);
    }
}
