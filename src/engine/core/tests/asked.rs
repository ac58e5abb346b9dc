//! Operations asked for through SOL003, and everybody's operations as it shows them.

mod operate;
mod retries;
mod terminations;

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

/// An instance of two VMs that is up, and the calls that its VIM saw so far.
fn up() -> (Sim, usize) {
    let (mut sim, op) = Sim::instantiating(vec![group("g1"), group("g2")], &[]);
    sim.secs(20);
    sim.is(&op, S::Completed);
    let seen = sim.vim.log.len();
    (sim, seen)
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
