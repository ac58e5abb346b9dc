//! Operations asked for through SOL003, and everybody's operations as it shows them.

use std::sync::Arc;
use std::time::Duration;

use super::sim::*;
use crate::engine::io::{Input, ReplyId};
use crate::ids::*;
use crate::model::action::*;
use crate::model::deployment::*;
use crate::model::instance::*;
use crate::model::operation::*;
use crate::model::state::*;
use crate::model::vim::FailureReason;
use serde_json::json;

fn instance() -> DeploymentId {
    DeploymentId::new("11111111-2222-4333-8444-555555555555")
}

fn record() -> InstanceRecord {
    InstanceRecord {
        id: instance(),
        key: key(),
        name: None,
        description: None,
        vnfd_id: "vnfd".into(),
        provider: "p".into(),
        product: "q".into(),
        software_version: "1".into(),
        vnfd_version: "2".into(),
        metadata: serde_json::Map::new(),
        extensions: serde_json::Map::new(),
        properties: serde_json::Map::new(),
        flavour: None,
        created: crate::clock::Timestamp::default(),
        modified: crate::clock::Timestamp::default(),
    }
}

fn asked() -> Asked {
    Asked {
        user: "nfvo".into(),
        params: json!({"flavourId": "default"}),
        before: vec![],
        after: vec![],
        grace_ms: None,
    }
}

fn begin(operation: LcmOperation) -> LcmRequest {
    LcmRequest::Begin {
        operation,
        instance: instance(),
        flavour: None,
        asked: asked(),
    }
}

impl Sim {
    fn lcm(&mut self, request: LcmRequest) -> Result<OpId, Refusal> {
        let reply = ReplyId(900_000 + self.journal.len() as u64);
        let request = Box::new(request);
        self.input(Input::Lcm { reply, request });
        match self.replies.iter().position(|(id, _)| *id == reply) {
            Some(at) => self.replies.remove(at).1,
            None => Err(Refusal::Unavailable("no answer".into())),
        }
    }

    /// The commit of an operation is durable and told.
    fn committed(&mut self, operation: &OpId, desired: Option<Deployment>) {
        let desired = desired.map(Arc::new);
        match &desired {
            Some(it) => drop(self.desired.insert(key(), it.clone())),
            None => drop(self.desired.remove(&key())),
        }
        self.input(Input::Asked {
            operation: operation.clone(),
            revision: Revision(3),
            key: key(),
            desired,
        });
    }

    fn tenant(&mut self) {
        self.input(Input::Desired {
            revision: Revision(1),
            deployments: vec![],
            resources: vec![(
                tenant_key(),
                Some(crate::model::resource::ResourceSpec::Tenant { managed: true }),
            )],
            more: false,
        });
    }

    fn op(&self, id: &OpId) -> OpRecord {
        self.core.operation(id).unwrap().clone()
    }

    #[track_caller]
    fn is(&self, id: &OpId, state: LcmOperationState) {
        assert_eq!(self.op(id).occ.state, state, "{:#?}", self.op(id));
    }

    /// Operations and states of the journal so far, and forgets them.
    fn lines(&mut self) -> Vec<String> {
        let lines = self.journal.drain(..).map(|line| match line.what {
            Happened::Operation(op) => format!("{:?} {:?}", op.occ.operation, op.occ.state),
            other => format!("{other:?}"),
        });
        lines.collect()
    }

    /// An instance whose INSTANTIATE was taken up.
    fn instantiating(groups: Vec<VmGroup>, faults: &[(&'static str, Fault)]) -> (Self, OpId) {
        Self::new().instantiate(groups, faults)
    }

    fn instantiate(
        mut self,
        groups: Vec<VmGroup>,
        faults: &[(&'static str, Fault)],
    ) -> (Self, OpId) {
        let sim = &mut self;
        sim.tenant();
        for (call, fault) in faults {
            sim.fault(call, fault.clone());
        }
        sim.lcm(LcmRequest::Create(Box::new(record()))).unwrap();
        let op = sim.lcm(begin(LcmOperation::Instantiate)).unwrap();
        sim.is(&op, LcmOperationState::Starting);
        sim.committed(&op, Some(deployment(groups)));
        (self, op)
    }
}

use LcmOperationState as S;

#[test]
fn operations_of_other_faces_and_recoveries_have_rows_and_lines() {
    let mut sim = Sim::new();
    sim.desire(deployment(vec![group("g1")])).secs(20);
    assert_eq!(
        sim.lines(),
        [
            "Created",
            "Instantiate Starting",
            "Instantiate Processing",
            "Instantiate Completed",
        ]
    );
    let op = sim.record().operation.unwrap();
    let row = sim.op(&op.id);
    assert_eq!(row.occ, op);
    assert_eq!(row.instance, sim.record().deployment_id);
    let touched: Vec<_> = row.vms.iter().map(|vm| (vm.change, &vm.vm_id)).collect();
    let vm = sim.record().vms[0].clone();
    assert_eq!(touched, [(ChangeKind::Added, vm.vm_id.as_ref().unwrap())]);
    assert_eq!(row.vms[0].name, vm.name);
    // A recovery that has to redeploy.
    sim.fault("reboot", Fault::Fails(vec!["VIM Driver: no"]));
    sim.kill(0).secs(60);
    assert_eq!(
        sim.lines(),
        ["Heal Starting", "Heal Processing", "Heal Completed"]
    );
    let heal = sim.record().operation.unwrap();
    assert!(heal.automatic);
    let row = sim.op(&heal.id);
    let touched: Vec<_> = row.vms.iter().map(|vm| vm.change).collect();
    assert_eq!(touched, [ChangeKind::Removed, ChangeKind::Added]);
    let told = sim
        .events
        .iter()
        .filter(|e| e.op_id.as_ref() == Some(&heal.id));
    assert!(told.count() >= 4, "its events name it");
    sim.undeploy().secs(20);
    assert_eq!(
        sim.lines(),
        [
            "Terminate Starting",
            "Terminate Processing",
            "Terminate Completed",
            "Deleted",
        ]
    );
}

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
fn an_instance_lives_through_instantiate_and_terminate() {
    let (mut sim, op) = Sim::instantiating(vec![group("g1")], &[]);
    sim.is(&op, S::Processing);
    let busy = sim.lcm(begin(LcmOperation::Terminate));
    assert!(matches!(busy, Err(Refusal::Busy { .. })), "{busy:?}");
    sim.secs(20);
    sim.is(&op, S::Completed);
    assert_eq!(sim.record().deployment_id, instance());
    assert_eq!(sim.record().operation.unwrap().id, op);
    let again = sim.lcm(begin(LcmOperation::Instantiate));
    assert!(matches!(again, Err(Refusal::NotPossible(_))), "{again:?}");
    let deleted = sim.lcm(LcmRequest::Delete(instance()));
    assert!(matches!(deleted, Err(Refusal::NotPossible(_))));
    let end = sim.lcm(begin(LcmOperation::Terminate)).unwrap();
    sim.committed(&end, None);
    sim.secs(20);
    sim.is(&end, S::Completed);
    assert!(sim.vim.vms.is_empty());
    let change = sim.op(&end).vms[0].change;
    assert_eq!(change, ChangeKind::Removed);
    sim.lcm(LcmRequest::Delete(instance())).unwrap();
    let unknown = sim.lcm(LcmRequest::Delete(instance()));
    assert!(matches!(unknown, Err(Refusal::UnknownDeployment(_))));
    assert_eq!(
        sim.lines(),
        [
            "Created",
            "Instantiate Starting",
            "Instantiate Processing",
            "Instantiate Completed",
            "Terminate Starting",
            "Terminate Processing",
            "Terminate Completed",
            "Deleted",
        ]
    );
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

/// An instance of two VMs that is up, and the calls that its VIM saw so far.
fn up() -> (Sim, usize) {
    let (mut sim, op) = Sim::instantiating(vec![group("g1"), group("g2")], &[]);
    sim.secs(20);
    sim.is(&op, S::Completed);
    let seen = sim.vim.log.len();
    (sim, seen)
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

/// What was asked of the VIM after `seen`, in short.
fn calls(sim: &Sim, seen: usize) -> Vec<&'static str> {
    let lines = sim.vim.log[seen..].iter();
    let word = |line: &String| {
        let words = [
            "power-off",
            "stop",
            "delete-network",
            "delete",
            "start",
            "create",
        ];
        words.into_iter().find(|word| line.contains(word))
    };
    lines.filter_map(word).collect()
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

#[test]
fn information_changes_in_one_step() {
    let (mut sim, _) = Sim::instantiating(vec![group("g1")], &[]);
    sim.secs(20);
    sim.lines();
    let instance = InstanceRecord {
        name: Some("new".into()),
        ..record()
    };
    let mut asked = asked();
    asked.params = json!({"vnfInstanceName": "new"});
    let op = sim
        .lcm(LcmRequest::Modify {
            instance: Box::new(instance),
            asked,
        })
        .unwrap();
    sim.is(&op, S::Completed);
    assert_eq!(sim.op(&op).changed_info.unwrap()["vnfInstanceName"], "new");
    assert_eq!(
        sim.lines(),
        ["ModifyInfo Processing", "ModifyInfo Completed"]
    );
}

#[test]
fn a_restart_in_each_state_loses_nothing() {
    // STARTING, nothing committed: whoever commits for it finds it again.
    let mut sim = Sim::new();
    sim.tenant();
    sim.lcm(LcmRequest::Create(Box::new(record()))).unwrap();
    let op = sim.lcm(begin(LcmOperation::Instantiate)).unwrap();
    sim.crash();
    sim.is(&op, S::Starting);
    assert_eq!(sim.op(&op).awaits, Some(Direction::Forward));
    // STARTING, committed and not told: the whole configuration tells it.
    sim.desired
        .insert(key(), Arc::new(deployment(vec![group("g1"), group("g2")])));
    sim.fault("create", Fault::Fails(vec!["VIM Driver: full"]));
    sim.crash();
    sim.is(&op, S::Processing);
    assert_eq!(sim.record().deployment_id, instance());
    // PROCESSING goes on.
    sim.run(Duration::from_millis(100));
    sim.crash();
    sim.secs(30);
    sim.is(&op, S::FailedTemp);
    // FAILED_TEMP rests, whatever the configuration says again.
    sim.crash();
    sim.secs(30);
    sim.is(&op, S::FailedTemp);
    // ROLLING_BACK, committed and not told.
    sim.lcm(LcmRequest::Rollback(op.clone())).unwrap();
    sim.crash();
    sim.is(&op, S::RollingBack);
    assert_eq!(sim.op(&op).awaits, Some(Direction::Back));
    sim.desired.remove(&key());
    sim.crash();
    sim.is(&op, S::RollingBack);
    assert_eq!(sim.op(&op).awaits, None);
    sim.crash();
    sim.secs(30);
    sim.is(&op, S::RolledBack);
    assert!(sim.vim.vms.is_empty());
}

#[test]
fn a_crash_at_every_write_of_an_asked_life_ends_the_same() {
    let life = |sim: &mut Sim| {
        sim.tenant();
        let done = |result: Result<OpId, Refusal>| result.ok();
        let mut tries = 0;
        // An answer that a crash took is asked for again.
        loop {
            tries += 1;
            assert!(tries < 20);
            done(sim.lcm(LcmRequest::Create(Box::new(record()))));
            done(sim.lcm(begin(LcmOperation::Instantiate)));
            let waiting = sim.journal.iter().rev().find_map(|line| match &line.what {
                Happened::Operation(op) => Some(op.occ.id.clone()),
                _ => None,
            });
            let Some(op) = waiting.filter(|id| sim.core.operation(id).is_some()) else {
                continue;
            };
            if sim.op(&op).awaits.is_some() {
                sim.committed(&op, Some(deployment(vec![group("g1")])));
            }
            sim.secs(30);
            if sim.op(&op).occ.state == S::Completed {
                return op;
            }
        }
    };
    let mut sim = Sim::new();
    life(&mut sim);
    let all = sim.transactions;
    assert!(all > 5);
    for at in 1..=all {
        for durable in [false, true] {
            let mut sim = Sim::new();
            sim.crash_at = Some((at, durable));
            let op = life(&mut sim);
            assert_eq!(sim.crashes, 1, "at {at}");
            assert_eq!(sim.record().deployment_id, instance(), "at {at}");
            assert_eq!(sim.record().service_state, ServiceState::Active);
            assert_eq!(sim.vim.vms.len(), 1, "at {at}");
            assert_eq!(sim.op(&op).occ.state, S::Completed);
        }
    }
}

#[test]
fn the_oldest_ended_operations_are_forgotten_beyond_the_bound() {
    let mut sim = Sim::with(crate::engine::settings::Settings {
        operations_kept: 3,
        ..crate::engine::settings::Settings::default()
    });
    sim.desire(deployment(vec![group("g1")])).secs(20);
    let first = sim.record().operation.unwrap().id;
    for _ in 0..3 {
        sim.service(ActionType::DisableMonitor).unwrap();
        sim.service(ActionType::EnableMonitor).unwrap();
        sim.secs(10);
    }
    assert!(sim.core.operation(&first).is_none());
    let rows = sim
        .rows
        .keys()
        .filter(|(table, _)| table == "engine_operation");
    assert_eq!(rows.count(), 3);
}
