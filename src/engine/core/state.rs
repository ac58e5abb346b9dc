//! All rows, and the dispatch of inputs to their owners.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::ids::{CreateToken, DeploymentKey, OpId, Revision};
use crate::model::deployment::Deployment;
use crate::model::instance::InstanceRecord;
use crate::model::operation::{Direction, LcmOpOcc, OpRecord};

use super::super::call::CallInput;
use super::super::caller::Cx;
use super::super::io::{Effect, Input, IntentId, Message, MessageBody, Owner, Report, TimerKey};
use super::super::lifecycle::deployment::Dep;
use super::super::lifecycle::operation::Left;
use super::super::recovery::RecoveryState;
use super::super::resource::Thing;
use super::derived::Derived;
use super::late::Late;
use super::rows::Undo;
use crate::model::resource::ResourceKey;

/// The rows of the engine.
#[derive(Debug, Default)]
pub(super) struct State {
    pub deps: BTreeMap<DeploymentKey, Arc<Dep>>,
    pub things: BTreeMap<ResourceKey, Arc<Thing>>,
    pub late: BTreeMap<CreateToken, Arc<Late>>,
    pub outbox: BTreeMap<String, Message>,
    pub kill_switch: bool,
    pub ops: BTreeMap<OpId, Arc<OpRecord>>,
    pub instances: BTreeMap<DeploymentKey, Arc<InstanceRecord>>,
    /// No commit was told of since the start: one may be on disk that an operation waits for.
    pub adopting: bool,
}

impl State {
    /// Every input but probes and actions.
    pub fn input(&mut self, input: Input, derived: &Derived, cx: &mut Cx<'_>, undo: &mut Undo) {
        let (intent, input) = match input {
            Input::Desired {
                revision,
                deployments,
                resources,
                more,
            } => {
                for (key, spec) in resources {
                    self.desire_resource(key, spec, cx, undo);
                }
                let adopting = self.adopting && self.ops.values().any(|op| op.awaits.is_some());
                self.adopting &= more;
                for (key, desired) in deployments {
                    let asked = match adopting {
                        true => self.orphan(&key, desired.is_some(), self.differs(&key, &desired)),
                        false => None,
                    };
                    self.desire((revision, asked), key, desired, cx, undo);
                }
                return;
            }
            Input::Asked {
                operation,
                revision,
                key,
                desired,
            } => return self.desire((revision, Some(operation)), key, desired, cx, undo),
            Input::Timer(key) => return self.on_timer(key, cx, undo),
            // The core's own business.
            Input::Vims(_) => return,
            Input::KillSwitch { on } => return self.turn_kill_switch(on, cx, undo),
            Input::Message(message) => return self.on_message(message, cx, undo),
            // Answered by the core itself.
            Input::Action { .. } | Input::Lcm { .. } | Input::Probe { .. } => return,
            Input::VimAccepted { intent, accepted } => (intent, CallInput::Accepted(accepted)),
            Input::VimRefused { intent, error } => (intent, CallInput::Refused(error)),
            Input::VimSilent { intent } => (intent, CallInput::Silent),
            Input::VimStatus { intent, status } => (intent, CallInput::Status(status)),
            Input::Described { intent, result } => (intent, CallInput::Described(result)),
            Input::FoundByToken { intent, result } => (intent, CallInput::Tokens(result)),
            Input::FoundResource { intent, result } => (intent, CallInput::Found(result)),
        };
        if let Some(owner) = derived.owner_of(&intent) {
            self.on_call(&owner, &intent, input, cx, undo);
        }
    }

    /// An answer, or a permit, for the intent of `owner`.
    pub fn on_call(
        &mut self,
        owner: &Owner,
        intent: &IntentId,
        input: CallInput,
        cx: &mut Cx<'_>,
        undo: &mut Undo,
    ) {
        match owner {
            Owner::Deployment(_) => {}
            Owner::Vm(key, name) => {
                self.with_dep(key, cx, undo, |dep, cx| {
                    dep.with_vm(name, |row, head| {
                        if row.caller.is_about(intent) {
                            row.on_call(input, head, cx);
                        }
                    });
                });
            }
            Owner::Network(key, name) => {
                self.with_dep(key, cx, undo, |dep, cx| {
                    dep.with_network_named(name, |thing, head| {
                        if thing.caller.is_about(intent) {
                            thing.on_call(owner, input, Some(head), cx);
                        }
                    });
                });
            }
            Owner::Lookup(key, kind, name) => {
                self.with_dep(key, cx, undo, |dep, cx| {
                    dep.on_lookup(*kind, name, input, cx)
                });
            }
            Owner::Resource(key) => {
                self.with_thing(key, cx, undo, |thing, cx| {
                    if thing.caller.is_about(intent) {
                        thing.on_call(owner, input, None, cx);
                    }
                });
            }
            Owner::Late(token) => {
                self.with_late(token, cx, undo, |late, cx| {
                    if late.caller.is_about(intent) {
                        late.on_call(input, cx);
                    }
                });
            }
        }
    }

    fn on_timer(&mut self, key: TimerKey, cx: &mut Cx<'_>, undo: &mut Undo) {
        let TimerKey { owner, kind, seq } = key;
        match &owner {
            Owner::Deployment(key) => {
                self.with_dep(key, cx, undo, |dep, cx| dep.on_timer(kind, seq, cx));
            }
            Owner::Vm(key, name) => {
                self.with_dep(key, cx, undo, |dep, cx| {
                    dep.with_vm(name, |row, head| row.on_timer(kind, seq, head, cx));
                });
            }
            Owner::Network(key, name) => {
                self.with_dep(key, cx, undo, |dep, cx| {
                    dep.with_network_named(name, |thing, head| {
                        thing.on_timer(&owner, kind, seq, Some(head), cx);
                    });
                });
            }
            Owner::Lookup(key, of, name) => {
                self.with_dep(key, cx, undo, |dep, cx| {
                    dep.on_lookup_timer(*of, name, (kind, seq), cx);
                });
            }
            Owner::Resource(key) => {
                self.with_thing(key, cx, undo, |thing, cx| {
                    thing.on_timer(&owner, kind, seq, None, cx);
                });
            }
            Owner::Late(token) => {
                self.with_late(token, cx, undo, |late, cx| late.on_timer(kind, seq, cx));
            }
        }
    }

    fn differs(&self, key: &DeploymentKey, desired: &Option<Arc<Deployment>>) -> bool {
        let known = self.deps.get(key).map(|dep| &dep.head.desired);
        known != desired.as_ref()
    }

    /// What a commit changed, and the operation it was for.
    fn desire(
        &mut self,
        (revision, asked): (Revision, Option<OpId>),
        key: DeploymentKey,
        desired: Option<Arc<Deployment>>,
        cx: &mut Cx<'_>,
        undo: &mut Undo,
    ) {
        let op = asked.as_ref().and_then(|id| self.ops.get(id)).cloned();
        let occ = asked.and_then(|id| self.awaited(&id));
        let cancel = op.as_ref().and_then(|op| op.cancel);
        if let Some(op) = op.as_ref().filter(|_| {
            let ended = |occ: &LcmOpOcc| occ.state.is_terminal();
            desired.is_none() && occ.as_ref().is_some_and(ended)
        }) {
            return self.clean_up(revision, op, cx, undo);
        }
        let grace = op
            .as_ref()
            .filter(|op| op.awaits == Some(Direction::Forward))
            .and_then(|op| op.asked.as_ref()?.grace_ms)
            .map(|ms| Duration::from_millis(ms.min(cx.settings.step_timeout_ms)));
        if self.deps.contains_key(&key) {
            let id = occ.as_ref().map(|occ| occ.id.clone());
            self.with_dep(&key, cx, undo, |dep, cx| {
                dep.desire(revision, desired, occ, grace, cx);
            });
            // Cancelled before it was taken up.
            if let (Some(id), Some(mode)) = (id, cancel) {
                self.with_dep(&key, cx, undo, |dep, cx| drop(dep.cancel(&id, mode, cx)));
            }
        } else if let Some(desired) = desired {
            let id = occ.as_ref().map(|occ| occ.id.clone());
            self.deploy(revision, &key, desired, occ, cx, undo);
            if let (Some(id), Some(mode)) = (id, cancel) {
                self.with_dep(&key, cx, undo, |dep, cx| drop(dep.cancel(&id, mode, cx)));
            }
        } else if let (Some(op), Some(_)) = (op, occ) {
            // There is nothing left to remove.
            self.gone_already(&op, cx);
        }
    }

    fn deploy(
        &mut self,
        revision: Revision,
        key: &DeploymentKey,
        desired: Arc<Deployment>,
        asked: Option<LcmOpOcc>,
        cx: &mut Cx<'_>,
        undo: &mut Undo,
    ) {
        undo.deps.entry(key.clone()).or_insert(None);
        let mut dep = Dep::new(desired, revision, cx.default_vim, cx);
        if let Some(instance) = self.instances.get(key) {
            dep.head.deployment_id = instance.id.clone();
        }
        dep.head.asked = asked;
        self.deployed(key, &dep.head.deployment_id, cx);
        self.deps.insert(key.clone(), Arc::new(dep));
        self.with_dep(key, cx, undo, |dep, cx| dep.begin_deploy(cx));
    }

    /// Runs `f` on one deployment, then goes on with it as far as it can.
    pub fn with_dep<R>(
        &mut self,
        key: &DeploymentKey,
        cx: &mut Cx<'_>,
        undo: &mut Undo,
        f: impl FnOnce(&mut Dep, &mut Cx<'_>) -> R,
    ) -> Option<R> {
        let slot = self.deps.get_mut(key)?;
        undo.deps
            .entry(key.clone())
            .or_insert_with(|| Some(slot.clone()));
        let dep = Arc::make_mut(slot);
        let result = f(dep, cx);
        let left = dep.advance(cx.default_vim, cx);
        if left == Left::Nothing {
            let pending = dep.head.pending.take();
            let asked = dep.head.asked.take();
            let id = dep.head.deployment_id.clone();
            self.deps.remove(key);
            self.undeployed(key, &id, cx);
            if let Some((revision, Some(desired))) = pending {
                self.deploy(revision, key, desired, asked, cx, undo);
            }
        }
        Some(result)
    }

    fn with_late(
        &mut self,
        token: &CreateToken,
        cx: &mut Cx<'_>,
        undo: &mut Undo,
        f: impl FnOnce(&mut Late, &mut Cx<'_>),
    ) {
        let Some(slot) = self.late.get_mut(token) else {
            return;
        };
        undo.late
            .entry(token.clone())
            .or_insert_with(|| Some(slot.clone()));
        let late = Arc::make_mut(slot);
        f(late, cx);
        if late.over {
            self.late.remove(token);
        }
    }

    /// Takes in what a step left for others: messages and lost creates.
    pub fn take_in(&mut self, cx: &mut Cx<'_>, undo: &mut Undo) {
        for message in std::mem::take(&mut cx.messages) {
            undo.outbox.entry(message.id.clone()).or_insert(None);
            cx.effects.push(Effect::Deliver(message.clone()));
            self.outbox.insert(message.id.clone(), message);
        }
        for new in std::mem::take(&mut cx.late) {
            // One copy at a time: another of the same token is found by the next look.
            if self
                .late
                .get(&new.token)
                .is_some_and(|late| late.copy.is_some())
            {
                continue;
            }
            let token = new.token.clone();
            let before = self.late.remove(&token);
            undo.late
                .entry(token.clone())
                .or_insert_with(|| before.clone());
            if let Some(mut before) = before {
                let owner = Owner::Late(token.clone());
                let before = Arc::make_mut(&mut before);
                before.caller.drop_call(&owner, cx);
                before.caller.timers.clear(&owner, cx);
            }
            self.late.insert(token, Arc::new(Late::new(new, cx)));
        }
        for key in std::mem::take(&mut cx.gone) {
            self.after_undeploy(&key, cx, undo);
        }
    }

    fn on_message(&mut self, message: Message, cx: &mut Cx<'_>, undo: &mut Undo) {
        let Some(stored) = self.outbox.remove(&message.id) else {
            // Delivered before.
            return;
        };
        undo.outbox
            .entry(message.id.clone())
            .or_insert(Some(stored.clone()));
        match stored.body {
            MessageBody::Ensure { key, spec, user } => self.ensure(key, spec, user, cx, undo),
            MessageBody::Release { key, user } => self.release(&key, &user, cx, undo),
            MessageBody::Ready { key, user, id } => {
                self.with_dep(&user, cx, undo, |dep, _| dep.on_answer(&key, Ok(id)));
            }
            MessageBody::Failed { key, user, reason } => {
                self.with_dep(&user, cx, undo, |dep, _| dep.on_answer(&key, Err(reason)));
            }
        }
    }

    fn turn_kill_switch(&mut self, on: bool, cx: &mut Cx<'_>, undo: &mut Undo) {
        self.kill_switch = on;
        cx.kill_switch = on;
        cx.reports.push(Report::KillSwitch { on });
        if on {
            return;
        }
        // What was held back begins now, if it is still down.
        let held_back = |dep: &Dep| {
            dep.vms
                .values()
                .any(|row| row.recovery == RecoveryState::Suppressed)
        };
        let keys: Vec<_> = self
            .deps
            .iter()
            .filter(|(_, dep)| held_back(dep))
            .map(|(key, _)| key.clone())
            .collect();
        for key in keys {
            self.with_dep(&key, cx, undo, |_, _| ());
        }
    }

    /// After a restart: everything that was under way.
    pub fn restart(&mut self, cx: &mut Cx<'_>, undo: &mut Undo) {
        for message in self.outbox.values() {
            cx.effects.push(Effect::Deliver(message.clone()));
        }
        for key in self.deps.keys().cloned().collect::<Vec<_>>() {
            self.with_dep(&key, cx, undo, |dep, cx| dep.restart(cx));
        }
        for key in self.things.keys().cloned().collect::<Vec<_>>() {
            let owner = Owner::Resource(key.clone());
            self.with_thing(&key, cx, undo, |thing, cx| thing.restart(&owner, None, cx));
        }
        for token in self.late.keys().cloned().collect::<Vec<_>>() {
            self.with_late(&token, cx, undo, |late, cx| late.restart(cx));
        }
    }
}
