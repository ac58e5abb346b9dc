//! The engine as one value: it owns every row of the engine and turns inputs into transactions.
//!
//! # What the shell must do
//!
//! 1. Drain its queue; for each input call [`Core::handle`] (one call at a time), with `wall` and `mono` of the
//!    same moment and a fresh random `seed`. Record the three with the input where replay is wanted.
//! 2. If [`Transaction::is_empty`], carry the effects out at once. Otherwise submit rows, events and records as
//!    **one** batch, in the order the transactions were made. Further inputs may be handled meanwhile.
//! 3. When the batch is durable: give the replies, then carry the effects out **in order**. Never before.
//! 4. When a batch fails: [`Core::abort`] every transaction not durable yet, newest first; drop the answers of the
//!    effects then under way; refuse actions (`Refusal::Unavailable`). When a probe write succeeds, call
//!    [`Core::restart`] and send the whole configuration as `Input::Desired` again: what is known already
//!    changes nothing.
//! 5. At start: [`Core::restore`] with all rows, then [`Core::restart`], then the whole configuration as
//!    `Input::Desired`.
//!
//! | effect | what to do | answer |
//! | --- | --- | --- |
//! | `Call` | `Vim::call`, once. Do not retry. | `VimAccepted`, or `VimRefused` with the error as it is. A panic or a time limit of the shell's own is `VimError::Unknown`, a VIM that is not configured `VimError::Down`. |
//! | `Track` | `Vim::status` again and again (it may long-poll; pause 50 ms, growing to 1 s, when it answers at once) while it says `Pending` or `Running`. Errors: go on for 10 s, then answer `Unknown`. | `VimSilent` once when the VIM is down or takes 10 s to answer, and from then on, as where `silent` is set, `Pending` and `Running` are answers too: the core asks again. At the end `VimStatus` with `Succeeded`, `Failed` or `Unknown`. |
//! | `Describe` `FindByToken` `FindResource` | Ask once; the core decides whether and when again. | `Described`, `FoundByToken`, `FoundResource`, errors as they are. |
//! | `StartMonitor` | Probe each KPI every `kpi.poll`, the first time after one `poll`, the address that of the interface whose `nicid` is the KPI's, time limit at most one `poll`. Replaces the VM's monitor. | `Probe` after each, with the `generation` given. |
//! | `StopMonitor` | Stop it. Late probes do no harm. | none |
//! | `SetTimer` | On the monotonic clock; replaces nothing (each key is new). | `Timer(key)` once. A late or early one is ignored unless it is current. |
//! | `CancelTimer` | Forget it. | none |
//! | `Deliver` | Put it into the queue of the core. | `Message` |
//!
//! Answers carry the intent's id; one for an intent that has ended, or that asks something else by now, is
//! ignored. At most one question per intent is open. Every answer may come twice.
//!
//! Permits (caps per VIM and host) are inside: a `Call` effect has its permit already.

mod derived;
mod late;
mod lcm;
mod notes;
mod rows;
mod shared;
mod state;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::clock::Mono;
use crate::ids::{DeploymentKey, GivenIds, Minter, OpId, VmName};
use crate::model::action::{Action, RecoveryActionType, Refusal};
use crate::model::inventory::DeploymentRecord;
use crate::model::operation::OpRecord;
use crate::model::resource::{ResourceKey, ResourceRecord};

use self::derived::Derived;
pub use self::rows::{RestoreError, TABLES, Undo};
use self::state::State;
use super::call::CallInput;
use super::caller::{Cx, VimInfo};
use super::io::{Ctx, Effect, Input, RecordChange, Transaction};
use super::recovery::{RecoveryInput, RecoveryState};
use super::settings::Settings;

/// What does not change while the core lives.
#[derive(Clone, Debug)]
pub struct Config {
    /// Bounds.
    pub settings: Settings,
    /// Every configured VIM.
    pub vims: BTreeMap<String, VimInfo>,
    /// The VIM of a deployment that names none.
    pub default_vim: String,
}

/// The engine's decisions and all its rows; see the module for how it is driven.
#[derive(Debug)]
pub struct Core {
    config: Config,
    state: State,
    derived: Derived,
    started: Option<Mono>,
    given: GivenIds,
}

impl Core {
    /// A core without rows.
    pub fn new(config: Config) -> Self {
        Self {
            config,
            state: State::default(),
            derived: Derived::default(),
            started: None,
            given: GivenIds::default(),
        }
    }

    /// A core from the rows of [`TABLES`]: table, key, value.
    ///
    /// # Errors
    /// A row that cannot be read: nothing is guessed from half a memory.
    pub fn restore<'a>(
        config: Config,
        rows: impl IntoIterator<Item = (&'a str, &'a str, &'a [u8])>,
    ) -> Result<Self, RestoreError> {
        let state = rows::read(rows)?;
        let derived = Derived::of(&state);
        Ok(Self {
            config,
            state,
            derived,
            started: None,
            given: GivenIds::default(),
        })
    }

    /// Ids to use instead of minted ones.
    pub fn give_ids(&mut self, given: GivenIds) {
        self.given = given;
    }

    /// What is known of each VIM; to be told before [`Core::restart`], and again when it changes.
    pub fn know_vims(&mut self, vims: BTreeMap<String, VimInfo>) {
        self.config.vims = vims;
    }

    /// After [`Core::restore`], or once writing works again: looks up what landed, adopts or issues, sets timers
    /// and monitors again. New recoveries wait for the quiet time.
    pub fn restart(&mut self, ctx: &Ctx) -> Transaction {
        self.started = (!self.state.deps.is_empty()).then_some(ctx.mono);
        self.derived = Derived::of(&self.state);
        self.run(ctx, |state, cx, undo, _| {
            state.adopting = true;
            state.restart(cx, undo);
            Vec::new()
        })
    }

    /// One input: everything that follows from it without waiting.
    pub fn handle(&mut self, input: Input, ctx: &Ctx) -> Transaction {
        match input {
            Input::Vims(vims) => {
                self.know_vims(vims);
                Transaction::default()
            }
            Input::Probe {
                vm,
                kpi,
                generation,
                verdict,
            } => {
                let alarm = self
                    .derived
                    .observe(&self.state, &vm, &kpi, generation, verdict);
                let Some(alarm) = alarm else {
                    return Transaction::default();
                };
                let Some(key) = self.derived.deployment_of(&vm) else {
                    return Transaction::default();
                };
                self.run(ctx, |state, cx, undo, _| {
                    state.with_dep(&key, cx, undo, |dep, cx| {
                        dep.with_vm(&vm, |row, head| row.on_alarm(alarm, head, cx));
                    });
                    Vec::new()
                })
            }
            Input::Action { reply, action } => {
                let mut answer = Err(Refusal::NotPossible("nothing was done".to_owned()));
                let kill_switch = self.state.kill_switch;
                let mut transaction = self.run(ctx, |state, cx, undo, derived| {
                    answer = act(state, derived, kill_switch, action, cx, undo);
                    Vec::new()
                });
                transaction.replies.push((reply, answer));
                transaction
            }
            Input::Lcm { reply, request } => {
                let mut answer = Err(Refusal::NotPossible("nothing was done".to_owned()));
                let mut transaction = self.run(ctx, |state, cx, undo, _| {
                    answer = state.lcm(*request, cx, undo);
                    Vec::new()
                });
                transaction.replies.push((reply, answer));
                transaction
            }
            input => self.run(ctx, |state, cx, undo, derived| {
                state.input(input, derived, cx, undo);
                Vec::new()
            }),
        }
    }

    /// Takes a transaction back whose batch failed. Every later one must have been taken back before.
    pub fn abort(&mut self, transaction: &Transaction) {
        self.abort_all([transaction]);
    }

    /// Takes several back, newest first.
    pub fn abort_all<'t>(&mut self, newest_first: impl IntoIterator<Item = &'t Transaction>) {
        for transaction in newest_first {
            self.state.take_back(&transaction.undo);
        }
        self.derived = Derived::of(&self.state);
    }

    /// A deployment as opdata shows it.
    pub fn deployment(&self, key: &DeploymentKey) -> Option<DeploymentRecord> {
        self.state.deps.get(key).map(|dep| dep.record())
    }

    /// Every deployment and shared resource, for the first publication after a start.
    pub fn records(&self) -> Vec<RecordChange> {
        let deps =
            self.state.deps.iter().map(|(key, dep)| {
                RecordChange::Deployment(key.clone(), Some(Arc::new(dep.record())))
            });
        let things = self.state.things.iter().map(|(key, thing)| {
            RecordChange::Resource(key.clone(), Some(Arc::new(thing.record.clone())))
        });
        let operations = self
            .state
            .ops
            .iter()
            .map(|(id, record)| RecordChange::Operation(id.clone(), Some(record.clone())));
        let instances = self
            .state
            .instances
            .iter()
            .map(|(key, record)| RecordChange::Instance(key.clone(), Some(record.clone())));
        deps.chain(things)
            .chain(operations)
            .chain(instances)
            .collect()
    }

    /// An operation.
    pub fn operation(&self, id: &OpId) -> Option<&OpRecord> {
        self.state.ops.get(id).map(Arc::as_ref)
    }

    /// A shared resource.
    pub fn resource(&self, key: &ResourceKey) -> Option<&ResourceRecord> {
        self.state.things.get(key).map(|thing| &thing.record)
    }

    /// Where the recovery of a VM stands.
    pub fn recovery_state(&self, vm: &VmName) -> Option<RecoveryState> {
        let key = self.derived.deployment_of(vm)?;
        let row = self.state.deps.get(&key)?.vms.get(vm)?;
        Some(row.recovery)
    }

    /// Whether nothing is under way anywhere.
    pub fn is_idle(&self) -> bool {
        self.state
            .deps
            .values()
            .all(|dep| dep.busy().is_none() && dep.head.pending.is_none())
            && self
                .state
                .things
                .values()
                .all(|thing| thing.caller.intent.is_none())
            && self.state.outbox.is_empty()
    }

    fn run(
        &mut self,
        ctx: &Ctx,
        first: impl FnOnce(&mut State, &mut Cx<'_>, &mut Undo, &Derived) -> Vec<Effect>,
    ) -> Transaction {
        let known = std::mem::take(&mut self.derived.known);
        let mut undo = Undo::of(&self.state);
        let mut cx = Cx {
            ctx,
            settings: &self.config.settings,
            vims: &self.config.vims,
            default_vim: &self.config.default_vim,
            kill_switch: self.state.kill_switch,
            started: self.started,
            known: &known,
            mint: Minter::new(ctx.seed).with(&self.given),
            effects: Vec::new(),
            events: Vec::new(),
            told: 0,
            notes: Vec::new(),
            journal: Vec::new(),
            parting: Vec::new(),
            asked: None,
            info: None,
            messages: Vec::new(),
            reports: Vec::new(),
            permits: Vec::new(),
            monitors: Vec::new(),
            late: Vec::new(),
            intents: Vec::new(),
            gone: Vec::new(),
        };
        let more = first(&mut self.state, &mut cx, &mut undo, &self.derived);
        cx.effects.extend(more);
        loop {
            self.derived.take_in(&mut cx);
            self.state.take_in(&mut cx, &mut undo);
            self.derived.take_in(&mut cx);
            self.state.take_notes(&mut cx, &mut undo);
            let Some((intent, owner)) = self.derived.grant(&self.config.settings) else {
                break;
            };
            self.state
                .on_call(&owner, &intent, CallInput::Granted, &mut cx, &mut undo);
        }
        let (effects, events, reports) = (
            std::mem::take(&mut cx.effects),
            std::mem::take(&mut cx.events),
            std::mem::take(&mut cx.reports),
        );
        let journal = std::mem::take(&mut cx.journal);
        drop(cx);
        let most = self.config.settings.operations_kept;
        self.derived
            .retain_operations(&mut self.state, &mut undo, most);
        let mut transaction = rows::changes(&self.state, undo);
        self.derived.known = known;
        self.derived.follow(&self.state, &transaction.undo);
        transaction.effects = effects;
        transaction.events = events;
        transaction.journal = journal;
        transaction.reports.extend(reports);
        transaction
    }
}

fn act(
    state: &mut State,
    derived: &Derived,
    kill_switch: bool,
    action: Action,
    cx: &mut Cx<'_>,
    undo: &mut Undo,
) -> Result<OpId, Refusal> {
    let unknown_vm = |vm: &VmName| Refusal::UnknownVm(vm.to_string());
    let gone = || Refusal::NotPossible("the deployment is gone".to_owned());
    match action {
        Action::Service { action, deployment } => state
            .with_dep(&deployment, cx, undo, |dep, cx| {
                dep.service_action(action, cx)
            })
            .ok_or_else(|| Refusal::UnknownDeployment(deployment.name.clone()))?,
        Action::Vm {
            action,
            vm,
            force: _,
        } => {
            let key = derived.deployment_of(&vm).ok_or_else(|| unknown_vm(&vm))?;
            state
                .with_dep(&key, cx, undo, |dep, cx| dep.vm_action(action, &vm, cx))
                .ok_or_else(gone)?
        }
        Action::Recovery { action, vm } => {
            let key = derived.deployment_of(&vm).ok_or_else(|| unknown_vm(&vm))?;
            if action == RecoveryActionType::Do && kill_switch {
                let text = "the kill switch is on: no recovery begins";
                return Err(Refusal::Unavailable(text.to_owned()));
            }
            let input = match action {
                RecoveryActionType::Do => RecoveryInput::Do,
                RecoveryActionType::Cancel => RecoveryInput::Cancel,
            };
            state
                .with_dep(&key, cx, undo, |dep, cx| {
                    dep.recovery_action(input, &vm, cx)
                })
                .ok_or_else(gone)?
        }
    }
}
