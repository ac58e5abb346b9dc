//! VNF instances and operations as SOL003 sees them, and what is asked of both. `notes` keeps their rows.

use std::sync::Arc;

use crate::ids::{DeploymentId, DeploymentKey, OpId, Revision};
use crate::model::action::{ActionType, Refusal};
use crate::model::instance::{Happened, InstanceRecord, JournalEntry, LcmRequest};
use crate::model::operation::{
    Asked, CancelMode, ChangeKind, Direction, LcmOpOcc, LcmOperation, LcmOperationState, OpEvent,
    OpRecord,
};
use crate::model::vim::FailureReason;

use super::super::caller::{Cx, OpNote};
use super::super::lifecycle::deployment::Stopping;
use super::rows::Undo;
use super::state::State;

fn projected(key: &DeploymentKey, id: &DeploymentId, cx: &Cx<'_>) -> InstanceRecord {
    InstanceRecord::projected(key, id, cx.ctx.wall)
}

fn refuse<T>(text: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal::NotPossible(text.into()))
}

impl State {
    /// The operation of that id.
    fn op(&self, id: &OpId) -> Result<&Arc<OpRecord>, Refusal> {
        let known = self.ops.get(id);
        known.ok_or_else(|| Refusal::NotPossible(format!("there is no operation [{id}]")))
    }

    /// The deployment of an instance, existing or to come.
    fn key_of(&self, id: &DeploymentId) -> Result<DeploymentKey, Refusal> {
        let kept = self.instances.values().find(|kept| kept.id == *id);
        let kept = kept.map(|kept| kept.key.clone());
        let deployed = || {
            let mut deps = self.deps.values();
            let found = deps.find(|dep| dep.head.deployment_id == *id)?;
            Some(found.head.key.clone())
        };
        kept.or_else(deployed)
            .ok_or_else(|| Refusal::UnknownDeployment(id.to_string()))
    }

    /// The instance as it is now.
    pub(super) fn instance(
        &self,
        key: &DeploymentKey,
        id: &DeploymentId,
        cx: &Cx<'_>,
    ) -> InstanceRecord {
        match self.instances.get(key).filter(|kept| kept.id == *id) {
            Some(kept) => InstanceRecord::clone(kept),
            None => projected(key, id, cx),
        }
    }

    fn put_instance(
        &mut self,
        key: &DeploymentKey,
        record: Option<InstanceRecord>,
        undo: &mut Undo,
    ) {
        let before = match record {
            Some(record) => self.instances.insert(key.clone(), Arc::new(record)),
            None => self.instances.remove(key),
        };
        undo.instances.entry(key.clone()).or_insert(before);
    }

    /// Keeps an instance whose deployment was configured by other means, before it is changed through SOL003.
    fn adopt(&mut self, key: &DeploymentKey, id: &DeploymentId, cx: &Cx<'_>, undo: &mut Undo) {
        if !self.instances.contains_key(key) {
            let record = projected(key, id, cx);
            self.put_instance(key, Some(record), undo);
        }
    }

    /// A deployment came to be: told, unless its instance was there before.
    pub(super) fn deployed(&self, key: &DeploymentKey, id: &DeploymentId, cx: &mut Cx<'_>) {
        if !self.instances.contains_key(key) {
            let instance = projected(key, id, cx);
            let what = Happened::Created;
            cx.journal.push(JournalEntry { instance, what });
        }
    }

    /// A deployment is gone: told, unless its instance stays.
    pub(super) fn undeployed(&self, key: &DeploymentKey, id: &DeploymentId, cx: &mut Cx<'_>) {
        if !self.instances.contains_key(key) {
            let instance = projected(key, id, cx);
            let what = Happened::Deleted;
            cx.parting.push(JournalEntry { instance, what });
        }
    }

    /// What waits for a commit of this deployment's configuration and is brought about by `gone` or its opposite:
    /// after a restart, when nobody says any more for whom the commit was.
    pub(super) fn orphan(&self, key: &DeploymentKey, wanted: bool, changed: bool) -> Option<OpId> {
        let there = self.deps.contains_key(key);
        let mut waiting = self
            .ops
            .values()
            .filter(|op| op.key == *key && op.awaits.is_some());
        let op = waiting.next()?;
        let effect = match (op.occ.operation, op.awaits) {
            (LcmOperation::Instantiate, Some(Direction::Forward)) => wanted && !there,
            (LcmOperation::Instantiate, _) | (LcmOperation::Terminate, _) => !wanted && there,
            _ => wanted && there && changed,
        };
        effect.then(|| op.occ.id.clone())
    }

    /// The operation that a commit was for, as its owner takes it up.
    pub(super) fn awaited(&self, id: &OpId) -> Option<LcmOpOcc> {
        let op = self.ops.get(id)?;
        op.awaits.is_some().then(|| op.occ.clone())
    }

    /// One request.
    pub(super) fn lcm(
        &mut self,
        request: LcmRequest,
        cx: &mut Cx<'_>,
        undo: &mut Undo,
    ) -> Result<OpId, Refusal> {
        match request {
            LcmRequest::Create(record) => self.create(*record, cx, undo),
            LcmRequest::Delete(id) => self.delete(&id, cx, undo),
            LcmRequest::Modify { instance, asked } => self.modify(*instance, asked, cx, undo),
            LcmRequest::Begin {
                operation,
                instance,
                flavour,
                asked,
            } => self.begin(operation, &instance, flavour, asked, cx, undo),
            LcmRequest::Heal {
                instance,
                vms,
                asked,
            } => {
                if self.kill_switch {
                    let text = "the kill switch is on: no recovery begins";
                    return Err(Refusal::Unavailable(text.to_owned()));
                }
                let key = self.free(&instance)?;
                let occ = self.starting(LcmOperation::Heal, &key, &instance, asked, None, cx);
                let healed = self.with_dep(&key, cx, undo, |dep, cx| dep.heal(occ, vms, cx));
                self.settle(healed, &key, &instance, cx, undo)
            }
            LcmRequest::Operate {
                instance,
                action,
                vms,
                asked,
            } => {
                let key = self.free(&instance)?;
                let stopping = match (action, asked.grace_ms) {
                    (ActionType::Stop, None) => Stopping::AtOnce,
                    (ActionType::Stop, Some(ms)) => {
                        Stopping::Within(ms.min(cx.settings.step_timeout_ms))
                    }
                    _ => Stopping::Plain,
                };
                let occ = self.starting(LcmOperation::Operate, &key, &instance, asked, None, cx);
                let begun = self.with_dep(&key, cx, undo, |dep, cx| {
                    dep.operate(occ, action, stopping, vms, cx)
                });
                self.settle(begun, &key, &instance, cx, undo)
            }
            LcmRequest::Retry(id) => self.retry(&id, cx, undo),
            LcmRequest::Rollback(id) => {
                let op = self.op(&id)?.clone();
                let touched = op.vms.iter();
                let changed = touched.filter(|vm| vm.change == ChangeKind::Modified);
                let changed = changed.map(|vm| vm.name.clone()).collect();
                self.with_dep(&op.key, cx, undo, |dep, cx| dep.roll_back(&id, changed, cx))
                    .unwrap_or_else(|| refuse("its deployment is gone"))
            }
            LcmRequest::Fail(id) => self.fail(&id, cx, undo),
            LcmRequest::Cancel(id, mode) => self.cancel(&id, mode, cx, undo),
            LcmRequest::NotCommitted(id, reason) => self.not_committed(&id, reason, cx, undo),
        }
    }

    /// A request that was refused leaves no operation; one that was taken keeps its instance.
    fn settle(
        &mut self,
        begun: Option<Result<OpId, Refusal>>,
        key: &DeploymentKey,
        id: &DeploymentId,
        cx: &mut Cx<'_>,
        undo: &mut Undo,
    ) -> Result<OpId, Refusal> {
        let result = begun.unwrap_or_else(|| refuse("the instance is not instantiated"));
        match result {
            Ok(_) => self.adopt(key, id, cx, undo),
            Err(_) => {
                cx.notes.clear();
                cx.asked = None;
            }
        }
        result
    }

    fn create(
        &mut self,
        record: InstanceRecord,
        cx: &mut Cx<'_>,
        undo: &mut Undo,
    ) -> Result<OpId, Refusal> {
        let key = record.key.clone();
        if self.instances.contains_key(&key) || self.deps.contains_key(&key) {
            return refuse(format!("deployment [{key}] exists already"));
        }
        let id = OpId::new(record.id.as_str());
        self.put_instance(&key, Some(record.clone()), undo);
        cx.journal.push(JournalEntry {
            instance: record,
            what: Happened::Created,
        });
        Ok(id)
    }

    fn delete(
        &mut self,
        id: &DeploymentId,
        cx: &mut Cx<'_>,
        undo: &mut Undo,
    ) -> Result<OpId, Refusal> {
        let key = self.key_of(id)?;
        if self.deps.contains_key(&key) {
            return refuse("the instance is instantiated");
        }
        self.free_of_operations(&key)?;
        let instance = self.instance(&key, id, cx);
        self.put_instance(&key, None, undo);
        let what = Happened::Deleted;
        cx.journal.push(JournalEntry { instance, what });
        Ok(OpId::new(id.as_str()))
    }

    fn modify(
        &mut self,
        record: InstanceRecord,
        asked: Asked,
        cx: &mut Cx<'_>,
        undo: &mut Undo,
    ) -> Result<OpId, Refusal> {
        let key = self.key_of(&record.id)?;
        self.free_of_operations(&key)?;
        self.adopt(&key, &record.id, cx, undo);
        let id = record.id.clone();
        let params = asked.params.clone();
        let mut occ = self.starting(LcmOperation::ModifyInfo, &key, &id, asked, None, cx);
        self.put_instance(
            &key,
            Some(InstanceRecord {
                modified: cx.ctx.wall,
                key: key.clone(),
                ..record
            }),
            undo,
        );
        // It begins in PROCESSING (SOL003 5.6.2.1): nothing is granted.
        cx.notes.clear();
        for event in [OpEvent::Granted, OpEvent::Done] {
            occ.state = occ.state.next(event).unwrap_or(occ.state);
            cx.notes.push(OpNote::of(&occ, &key, &id));
        }
        cx.info = Some((occ.id.clone(), params));
        Ok(occ.id)
    }

    fn free_of_operations(&self, key: &DeploymentKey) -> Result<(), Refusal> {
        let mut of_it = self.ops.values().filter(|op| op.key == *key);
        match of_it.find(|op| !op.occ.state.is_terminal()) {
            None => Ok(()),
            Some(op) => Err(Refusal::Busy {
                deployment: key.name.clone(),
                operation: format!("operation [{}] is not at its end", op.occ.id),
            }),
        }
    }

    /// The deployment of an instantiated instance on which nothing is under way, nor rests.
    fn free(&self, id: &DeploymentId) -> Result<DeploymentKey, Refusal> {
        let key = self.key_of(id)?;
        self.free_of_operations(&key)?;
        match self.deps.get(&key) {
            None => refuse("the instance is not instantiated"),
            Some(dep) => match dep.busy() {
                None => Ok(key),
                Some(operation) => Err(Refusal::Busy {
                    deployment: key.name,
                    operation,
                }),
            },
        }
    }

    /// An operation that is asked for.
    fn starting(
        &self,
        operation: LcmOperation,
        key: &DeploymentKey,
        instance: &DeploymentId,
        asked: Asked,
        awaits: Option<Direction>,
        cx: &mut Cx<'_>,
    ) -> LcmOpOcc {
        let occ = LcmOpOcc {
            id: OpId::new(cx.mint.uuid()),
            operation,
            state: LcmOperationState::Starting,
            start_time: cx.ctx.wall,
            state_entered: cx.ctx.wall,
            automatic: false,
            target: None,
            vm: None,
            error: None,
        };
        cx.asked = Some((occ.id.clone(), asked));
        cx.notes.push(OpNote {
            awaits,
            ..OpNote::of(&occ, key, instance)
        });
        occ
    }

    fn begin(
        &mut self,
        operation: LcmOperation,
        id: &DeploymentId,
        flavour: Option<String>,
        asked: Asked,
        cx: &mut Cx<'_>,
        undo: &mut Undo,
    ) -> Result<OpId, Refusal> {
        let key = match operation {
            LcmOperation::Instantiate => {
                let key = self.key_of(id)?;
                self.free_of_operations(&key)?;
                if self.deps.contains_key(&key) {
                    return refuse("the instance is instantiated already");
                }
                key
            }
            _ => self.free(id)?,
        };
        self.adopt(&key, id, cx, undo);
        if flavour.is_some() {
            let mut record = self.instance(&key, id, cx);
            record.flavour = flavour;
            record.modified = cx.ctx.wall;
            self.put_instance(&key, Some(record), undo);
        }
        let awaits = Some(Direction::Forward);
        let occ = self.starting(operation, &key, id, asked, awaits, cx);
        Ok(occ.id)
    }

    fn retry(&mut self, id: &OpId, cx: &mut Cx<'_>, undo: &mut Undo) -> Result<OpId, Refusal> {
        let op = self.op(id)?.clone();
        if op.occ.state != LcmOperationState::FailedTemp {
            return refuse(format!("operation [{id}] is not in FAILED_TEMP"));
        }
        let key = op.key.clone();
        if let Some(result) = self.with_dep(&key, cx, undo, |dep, cx| dep.retry(id, cx)) {
            return result;
        }
        if op.occ.operation != LcmOperation::Terminate {
            return refuse("its deployment is gone");
        }
        // All is gone by now.
        self.move_on(&op, &[OpEvent::Retry, OpEvent::Done], cx);
        Ok(id.clone())
    }

    fn fail(&mut self, id: &OpId, cx: &mut Cx<'_>, undo: &mut Undo) -> Result<OpId, Refusal> {
        let op = self.op(id)?.clone();
        if op.occ.state != LcmOperationState::FailedTemp {
            return refuse(format!("operation [{id}] is not in FAILED_TEMP"));
        }
        let key = op.key.clone();
        let failed = self.with_dep(&key, cx, undo, |dep, cx| match dep.at_rest() {
            Some(occ) if occ.id == *id => Some(dep.fail_resting(id, cx)),
            _ => None,
        });
        let result = match failed.flatten() {
            Some(result) => result,
            None => {
                self.move_on(&op, &[OpEvent::GiveUp], cx);
                Ok(id.clone())
            }
        };
        // An instance that never came to be has no resources: what was made is still to go.
        if op.occ.operation == LcmOperation::Instantiate && self.deps.contains_key(&key) {
            let of_it = cx.notes.iter_mut().filter(|note| note.occ.id == *id);
            of_it.for_each(|note| note.awaits = Some(Direction::Back));
        }
        result
    }

    /// The commit is through that takes away what a failed instantiation left.
    pub(super) fn clean_up(
        &mut self,
        revision: Revision,
        op: &OpRecord,
        cx: &mut Cx<'_>,
        undo: &mut Undo,
    ) {
        cx.notes.push(OpNote::of(&op.occ, &op.key, &op.instance));
        self.with_dep(&op.key, cx, undo, |dep, cx| dep.clean_up(revision, cx));
    }

    fn cancel(
        &mut self,
        id: &OpId,
        mode: CancelMode,
        cx: &mut Cx<'_>,
        undo: &mut Undo,
    ) -> Result<OpId, Refusal> {
        let op = self.op(id)?.clone();
        match op.occ.state {
            _ if op.asked.is_none() => {
                return refuse("it was not asked for through this interface");
            }
            LcmOperationState::Starting
            | LcmOperationState::Processing
            | LcmOperationState::RollingBack => {}
            _ => return refuse(format!("operation [{id}] is not under way")),
        }
        if op.awaits.is_some() {
            // Whoever commits for it finds this, or its owner does when it takes it up.
            cx.notes.push(OpNote {
                cancel: Some(mode),
                awaits: op.awaits,
                ..OpNote::of(&op.occ, &op.key, &op.instance)
            });
            return Ok(id.clone());
        }
        let key = op.key.clone();
        self.with_dep(&key, cx, undo, |dep, cx| dep.cancel(id, mode, cx))
            .unwrap_or_else(|| refuse("nothing of it is under way"))
    }

    fn not_committed(
        &mut self,
        id: &OpId,
        reason: FailureReason,
        cx: &mut Cx<'_>,
        undo: &mut Undo,
    ) -> Result<OpId, Refusal> {
        let op = self.op(id)?.clone();
        if op.awaits.is_none() {
            return refuse("it does not wait for a commit");
        }
        if op.awaits == Some(Direction::Back) {
            let key = op.key.clone();
            self.with_dep(&key, cx, undo, |dep, cx| {
                dep.not_rolled_back(id, &reason, cx);
            });
            return Ok(id.clone());
        }
        let mut occ = op.occ.clone();
        occ.error = Some(reason);
        let state = occ.state.next(OpEvent::Cancelled);
        occ.state = state.unwrap_or(occ.state);
        occ.state_entered = cx.ctx.wall;
        cx.notes.push(OpNote::of(&occ, &op.key, &op.instance));
        Ok(id.clone())
    }

    fn move_on(&self, op: &OpRecord, events: &[OpEvent], cx: &mut Cx<'_>) {
        let mut occ = op.occ.clone();
        for event in events {
            occ.state = occ.state.next(*event).unwrap_or(occ.state);
            occ.state_entered = cx.ctx.wall;
            if occ.state == LcmOperationState::Completed {
                occ.error = None;
            }
            cx.notes.push(OpNote::of(&occ, &op.key, &op.instance));
        }
    }

    /// A commit removed what is not there any more: the operation it was for has come to its end.
    pub(super) fn gone_already(&self, op: &OpRecord, cx: &mut Cx<'_>) {
        let end = match op.occ.state {
            LcmOperationState::RollingBack => OpEvent::RolledBack,
            _ => OpEvent::Done,
        };
        self.move_on(op, &[OpEvent::Granted, end], cx);
    }
}

impl OpNote {
    /// Of an operation on that deployment.
    fn of(occ: &LcmOpOcc, key: &DeploymentKey, instance: &DeploymentId) -> Self {
        Self {
            occ: occ.clone(),
            key: key.clone(),
            instance: instance.clone(),
            vim: String::new(),
            cancel: None,
            awaits: None,
        }
    }
}
