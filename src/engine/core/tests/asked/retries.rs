//! What failed is retried, rolled back or given up.

use super::*;

#[test]
fn a_failure_of_another_face_ends_in_failed() {
    let mut sim = Sim::new();
    sim.fault("create", Fault::Fails(vec!["VIM Driver: no valid host"]));
    sim.desire(deployment(vec![group("g1")])).secs(20);
    let op = sim.record().operation.unwrap();
    sim.is(&op.id, S::Failed);
    let words = sim.op(&op.id).words.unwrap();
    assert!(words.message.contains("no valid host"), "{words:?}");
    assert!(words.vim_op.is_some(), "{words:?}");
    assert!(!sim.lines().contains(&"Instantiate FailedTemp".to_owned()));
}

#[test]
fn a_refused_commit_rolls_a_starting_operation_back() {
    let mut sim = Sim::new();
    sim.lcm(LcmRequest::Create(Box::new(record()))).unwrap();
    let op = sim.lcm(begin(LcmOperation::Instantiate)).unwrap();
    let reason = FailureReason {
        code: "locked".into(),
        text: "running is locked".into(),
    };
    sim.lcm(LcmRequest::NotCommitted(op.clone(), reason.clone()))
        .unwrap();
    sim.is(&op, S::RolledBack);
    assert_eq!(sim.op(&op).occ.error, Some(reason));
    // Nothing stands in the way any more.
    sim.lcm(begin(LcmOperation::Instantiate)).unwrap();
}

fn failing() -> (Sim, OpId) {
    let fault = [("create", Fault::Fails(vec!["VIM Driver: no valid host"]))];
    let (mut sim, op) = Sim::instantiating(vec![group("g1"), group("g2")], &fault);
    sim.secs(30);
    sim.is(&op, S::FailedTemp);
    assert_eq!(sim.vim.vms.len(), 1, "one was made");
    (sim, op)
}

#[test]
fn a_retry_goes_on_at_the_failed_step_and_keeps_the_error_until_it_is_done() {
    let (mut sim, op) = failing();
    let other = sim.lcm(begin(LcmOperation::Terminate));
    assert!(matches!(other, Err(Refusal::Busy { .. })), "{other:?}");
    let creates = |sim: &Sim| {
        let lines = sim.vim.log.iter();
        lines.filter(|line| line.contains("create")).count()
    };
    let before = creates(&sim);
    sim.lcm(LcmRequest::Retry(op.clone())).unwrap();
    sim.is(&op, S::Processing);
    assert!(sim.op(&op).occ.error.is_some());
    sim.secs(20);
    sim.is(&op, S::Completed);
    assert!(sim.op(&op).occ.error.is_none());
    assert_eq!(sim.record().service_state, ServiceState::Active);
    assert_eq!(sim.vim.vms.len(), 2);
    assert!(creates(&sim) > before, "the failed one was made");
    for request in [
        LcmRequest::Retry(op.clone()),
        LcmRequest::Rollback(op.clone()),
        LcmRequest::Fail(op.clone()),
        LcmRequest::Cancel(op.clone(), CancelMode::Graceful),
    ] {
        let late = sim.lcm(request);
        assert!(matches!(late, Err(Refusal::NotPossible(_))), "{late:?}");
    }
}

#[test]
fn a_retry_makes_a_vm_anew_that_never_came_alive() {
    let (mut sim, op) = Sim::instantiating(
        vec![{
            let mut quiet = group("g1");
            quiet.rules = vec![];
            quiet
        }],
        &[("create", Fault::Dead)],
    );
    sim.secs(60);
    sim.is(&op, S::FailedTemp);
    sim.lcm(LcmRequest::Retry(op.clone())).unwrap();
    sim.secs(30);
    sim.is(&op, S::Completed);
    assert_eq!(sim.vim.vms.len(), 1);
}

#[test]
fn a_roll_back_removes_what_the_operation_made() {
    let (mut sim, op) = failing();
    sim.lcm(LcmRequest::Rollback(op.clone())).unwrap();
    sim.is(&op, S::RollingBack);
    assert_eq!(sim.op(&op).awaits, Some(Direction::Back));
    sim.committed(&op, None);
    sim.secs(20);
    sim.is(&op, S::RolledBack);
    assert!(sim.vim.vms.is_empty());
    assert!(sim.core.deployment(&key()).is_none());
    assert!(sim.op(&op).occ.error.is_some());
    sim.lcm(LcmRequest::Delete(instance())).unwrap();
    let lines = sim.lines();
    assert_eq!(
        lines[3..],
        [
            "Instantiate FailedTemp",
            "Instantiate RollingBack",
            "Instantiate RolledBack",
            "Deleted",
        ]
    );
}

#[test]
fn a_roll_back_whose_commit_is_refused_rests_again() {
    let (mut sim, op) = failing();
    sim.lcm(LcmRequest::Rollback(op.clone())).unwrap();
    let reason = FailureReason {
        code: "locked".into(),
        text: "running is locked".into(),
    };
    sim.lcm(LcmRequest::NotCommitted(op.clone(), reason))
        .unwrap();
    sim.is(&op, S::FailedTemp);
    sim.lcm(LcmRequest::Rollback(op.clone())).unwrap();
    sim.committed(&op, None);
    sim.secs(20);
    sim.is(&op, S::RolledBack);
}

#[test]
fn what_rests_is_given_up_by_name_or_by_a_change_through_another_face() {
    let (mut sim, op) = failing();
    sim.lcm(LcmRequest::Fail(op.clone())).unwrap();
    sim.is(&op, S::Failed);

    let (mut sim, op) = failing();
    sim.undeploy().secs(20);
    sim.is(&op, S::Failed);
    assert!(sim.vim.vms.is_empty());
    let lines = sim.lines();
    let at = |line: &str| lines.iter().position(|it| it == line).unwrap();
    assert!(
        at("Instantiate Failed") < at("Terminate Processing"),
        "{lines:?}"
    );
    // The instance was made here: it stays.
    assert!(!lines.contains(&"Deleted".to_owned()));
}

#[test]
fn a_scale_out_that_fails_is_rolled_back_to_the_count_before() {
    let (mut sim, op) = Sim::instantiating(vec![group("g1")], &[]);
    sim.secs(20);
    sim.is(&op, S::Completed);
    let mut two = group("g1");
    (two.min_active, two.max_active) = (2, 2);
    sim.fault("create", Fault::Fails(vec!["VIM Driver: full"]));
    let scale = sim.lcm(begin(LcmOperation::Scale)).unwrap();
    sim.committed(&scale, Some(deployment(vec![two])));
    sim.secs(20);
    sim.is(&scale, S::FailedTemp);
    sim.lcm(LcmRequest::Rollback(scale.clone())).unwrap();
    sim.committed(&scale, Some(deployment(vec![group("g1")])));
    sim.secs(20);
    sim.is(&scale, S::RolledBack);
    assert_eq!(sim.record().vms.len(), 1);
    assert_eq!(sim.record().service_state, ServiceState::Active);
}

#[test]
fn a_cancelled_operation_begins_nothing_more_and_rests() {
    for mode in [CancelMode::Graceful, CancelMode::Forceful] {
        let (mut sim, op) = Sim::instantiating(vec![group("g1"), group("g2")], &[]);
        sim.run(Duration::from_millis(150));
        sim.is(&op, S::Processing);
        sim.lcm(LcmRequest::Cancel(op.clone(), mode)).unwrap();
        let row = sim.op(&op);
        if row.occ.state == S::Processing {
            assert_eq!(row.cancel, Some(mode));
        }
        sim.secs(20);
        sim.is(&op, S::FailedTemp);
        assert_eq!(sim.op(&op).cancel, None);
        assert_eq!(sim.op(&op).occ.error.unwrap().code, "cancelled");
        if mode == CancelMode::Forceful {
            assert!(sim.vim.vms.is_empty(), "{:?}", sim.vim.vms);
        }
        // It can be taken up again, or back.
        sim.lcm(LcmRequest::Retry(op.clone())).unwrap();
        sim.secs(60);
        sim.is(&op, S::Completed);
        assert_eq!(sim.vim.vms.len(), 2, "{mode:?}");
        assert_eq!(sim.record().service_state, ServiceState::Active);
    }
}

#[test]
fn a_failed_instantiation_that_is_given_up_leaves_nothing() {
    let (mut sim, op) = failing();
    sim.lcm(LcmRequest::Fail(op.clone())).unwrap();
    sim.is(&op, S::Failed);
    // Its remains wait for the commit that takes it out of the configuration, through a restart too.
    assert_eq!(sim.op(&op).awaits, Some(Direction::Back));
    sim.crash();
    assert_eq!(sim.op(&op).awaits, Some(Direction::Back));
    assert_eq!(sim.vim.vms.len(), 1);
    sim.lines();
    sim.committed(&op, None);
    assert_eq!(sim.op(&op).awaits, None);
    sim.secs(30);
    sim.is(&op, S::Failed);
    assert!(sim.vim.vms.is_empty());
    assert!(sim.core.deployment(&key()).is_none());
    assert_eq!(
        sim.lines(),
        [
            "Terminate Starting",
            "Terminate Processing",
            "Terminate Completed"
        ]
    );
    // It can be instantiated again, or deleted.
    let again = sim.lcm(begin(LcmOperation::Instantiate)).unwrap();
    sim.committed(&again, Some(deployment(vec![group("g1")])));
    sim.secs(20);
    sim.is(&again, S::Completed);
}

#[test]
fn a_failed_instantiation_whose_removal_was_committed_and_not_told_goes_at_the_next_start() {
    let (mut sim, op) = failing();
    sim.lcm(LcmRequest::Fail(op.clone())).unwrap();
    sim.desired.remove(&key());
    sim.crash();
    sim.secs(30);
    sim.is(&op, S::Failed);
    assert_eq!(sim.op(&op).awaits, None);
    assert!(sim.vim.vms.is_empty());
}

#[test]
fn cancelled_before_its_commit_was_taken_up_it_rests_too() {
    let mut sim = Sim::new();
    sim.tenant();
    sim.lcm(LcmRequest::Create(Box::new(record()))).unwrap();
    let op = sim.lcm(begin(LcmOperation::Instantiate)).unwrap();
    sim.lcm(LcmRequest::Cancel(op.clone(), CancelMode::Graceful))
        .unwrap();
    assert_eq!(sim.op(&op).cancel, Some(CancelMode::Graceful));
    sim.is(&op, S::Starting);
    sim.committed(&op, Some(deployment(vec![group("g1")])));
    sim.secs(20);
    sim.is(&op, S::FailedTemp);
    assert!(sim.vim.vms.is_empty());
}
