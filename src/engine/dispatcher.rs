//! The shell round the core: one task that owns it, drains its queue, stores, then acts.
//!
//! ```text
//! inputs -> drain -> core.handle each -> one batch -> durable -> publish -> replies, effects in order
//!    ^                                     |                                     |
//!    |                                   failed: abort all, wait for a probe write, handle again
//!    +------------- answers of VIMs and probers, timers, messages <--------------+
//! ```
//! A change of the configuration that is large is taken in pieces, each a batch of its own, with what else comes
//! between: neither a batch nor the wait for a recovery is as long as a change is large.
//! Nothing leaves this task before the batch that holds its intent is durable (P4). While the store refuses,
//! people's actions are refused at once, probes are forgotten (nothing could follow from them), and all
//! else is kept. When the store has ended, so does the task: the process is to follow.

mod sources;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

use self::sources::{Sources, pieces};
use super::audit;
use super::core::Core;
use super::handle::{Done, Handle, Item, plain};
use super::io::{Ctx, Effect, Input, RecordChange, ReplyId, Report, Transaction};
use super::port::{Monitors, Vims};
use super::shell::Shell;
use crate::audit::Recorder;
use crate::clock::{Clock, Mono, TimerTable};
use crate::esc_model::event::Encoder;
use crate::esc_model::published::{Published, State};
use crate::ids::{Minter, OpId};
use crate::model::action::Refusal;
use crate::model::instance::JournalEntry;
use crate::store::{Batch, NewEvent, Store, StoreError, Table, Write};

/// Inputs taken into one batch at most.
const DRAIN: usize = 512;
/// Octets of rows after which it is worth tidying up.
const MUCH: usize = 4 << 20;
/// How long after that.
const REST: Duration = Duration::from_secs(2);
/// Pause between two probe writes while the store fails.
const PROBE_PAUSE: Duration = Duration::from_secs(1);

/// What the engine works with.
pub struct Parts {
    /// The store.
    pub store: Store<Published>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// VIMs by connector id.
    pub vims: Arc<dyn Vims>,
    /// Who watches VMs.
    pub monitors: Arc<dyn Monitors>,
    /// Who did what, and what was decided.
    pub audit: Recorder,
    /// How events are written.
    pub encoder: Encoder,
    /// First seed of all ids.
    pub seed: u64,
    /// Inputs that may wait.
    pub queue: usize,
    /// Called a moment after much was done: time to tidy up.
    pub at_rest: fn(),
}

/// The engine's task and the way to it. Dropping every [`Handle`] does not stop it; [`Engine::stop`] does, and
/// so does dropping this.
#[derive(Debug)]
pub struct Engine {
    handle: Handle,
    stop: Option<oneshot::Sender<()>>,
    /// `None` once its end was seen.
    task: Option<tokio::task::JoinHandle<Result<(), StoreError>>>,
}

impl Engine {
    /// Starts the engine on a restored core: it adopts what landed before it takes inputs.
    pub fn start(core: Core, parts: Parts) -> Self {
        // A change of the configuration may need four places at once.
        let (queue, inputs) = mpsc::channel(parts.queue.max(4));
        // Answers of VIMs must never wait for room behind inputs that wait for them; there are at most as
        // many as calls and inquiries under way. Probes come by themselves: what has no room is forgotten.
        let (answers, answered) = mpsc::unbounded_channel();
        let (probes, probed) = mpsc::channel(parts.queue.max(1));
        let (stop, stopped) = oneshot::channel();
        let vims = parts.vims.clone();
        let shell = Shell::new(parts.vims, parts.monitors.clone(), answers, probes);
        let task = Task {
            core,
            store: parts.store,
            clock: parts.clock,
            audit: parts.audit,
            encoder: parts.encoder,
            seeds: Minter::new(parts.seed),
            timers: TimerTable::default(),
            shell,
            at_rest: parts.at_rest,
            done: 0,
            tidy_at: None,
        };
        let running = tokio::spawn(task.run(Sources {
            inputs,
            backlog: VecDeque::new(),
            answers: answered,
            probes: probed,
            stop: stopped,
        }));
        Self {
            handle: Handle::new(queue, vims),
            stop: Some(stop),
            task: Some(running),
        }
    }

    /// Waits until the engine has ended by itself, and says why: the store has, or it panicked. For ever
    /// while it runs. Dropping the future loses nothing.
    pub async fn ended(&mut self) -> String {
        let Some(task) = &mut self.task else {
            return std::future::pending().await;
        };
        let end = task.await;
        self.task = None;
        match end {
            Ok(Ok(())) => "it was stopped".to_owned(),
            Ok(Err(error)) => error.to_string(),
            Err(error) => error.to_string(),
        }
    }

    /// The way to it.
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Ends the task after the batch at hand; what is under way is resumed at the next start.
    pub async fn stop(mut self) {
        if let Some(stop) = self.stop.take()
            && stop.send(()).is_err()
        {
            tracing::debug!("engine had stopped already");
        }
        let Some(task) = self.task.take() else { return };
        match task.await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!(%error, "engine"),
            Err(error) => tracing::error!(%error, "engine task"),
        }
    }
}

struct Task {
    core: Core,
    store: Store<Published>,
    clock: Arc<dyn Clock>,
    audit: Recorder,
    encoder: Encoder,
    seeds: Minter,
    timers: TimerTable<super::io::TimerKey>,
    shell: Shell,
    at_rest: fn(),
    /// Octets of rows written since it was decided to tidy up.
    done: usize,
    /// When to tidy up.
    tidy_at: Option<Mono>,
}

impl Task {
    /// Runs until it is stopped, or the store has ended.
    async fn run(mut self, mut sources: Sources) -> Result<(), StoreError> {
        if !self.restart(&mut sources).await? {
            return Ok(());
        }
        loop {
            let due = self.timers.next();
            let now = self.clock.mono();
            let timer = async {
                match due {
                    Some(at) => tokio::time::sleep(at.saturating_sub(now)).await,
                    None => std::future::pending().await,
                }
            };
            let tidy_at = self.tidy_at;
            let tidying = async {
                match tidy_at {
                    Some(at) => tokio::time::sleep(at.saturating_sub(now)).await,
                    None => std::future::pending().await,
                }
            };
            let mut items = Vec::new();
            let waits = sources.backlog.is_empty();
            tokio::select! {
                biased;
                _ = &mut sources.stop => return Ok(()),
                () = std::future::ready(()), if !waits => {}
                answer = sources.answers.recv() => items.extend(answer.map(plain)),
                () = timer => {}
                item = sources.inputs.recv() => match item {
                    Some(item) => sources.backlog.extend(pieces(item)),
                    None => return Ok(()),
                },
                Some(probe) = sources.probes.recv() => items.push(plain(probe)),
                () = tidying => {
                    self.tidy_at = None;
                    (self.at_rest)();
                }
            }
            let now = self.clock.mono();
            while items.len() < DRAIN / 4
                && let Some(key) = self.timers.pop_due(now)
            {
                items.push(plain(Input::Timer(key)));
            }
            sources.drain(&mut items);
            if !self.take(items, &mut sources).await? {
                return Ok(());
            }
        }
    }

    fn ctx(&mut self) -> Ctx {
        Ctx {
            wall: self.clock.wall(),
            mono: self.clock.mono(),
            seed: self.seeds.next_u64(),
        }
    }

    /// False when the engine is to stop.
    async fn restart(&mut self, sources: &mut Sources) -> Result<bool, StoreError> {
        loop {
            let ctx = self.ctx();
            let transaction = self.core.restart(&ctx);
            match self.store(&transaction).await {
                Ok(()) => {
                    self.release(transaction, &mut BTreeMap::new()).await;
                    return Ok(true);
                }
                Err(error) => {
                    tracing::error!(%error, "the store refuses the restart; trying again");
                    self.core.abort(&transaction);
                    if error == StoreError::Stopped {
                        return Err(error);
                    }
                    tokio::select! {
                        _ = &mut sources.stop => return Ok(false),
                        () = tokio::time::sleep(PROBE_PAUSE) => {}
                    }
                }
            }
        }
    }

    /// Takes a drained run of inputs, whatever it takes; false when the engine is to stop.
    async fn take(&mut self, items: Vec<Item>, sources: &mut Sources) -> Result<bool, StoreError> {
        let mut runs = VecDeque::from([items]);
        while let Some(items) = runs.pop_front() {
            let Err((mut items, error)) = self.step(items).await else {
                continue;
            };
            match error {
                StoreError::Stopped => return Err(error),
                StoreError::Busy { .. } => {
                    self.store.wait_for_room().await;
                    runs.push_front(items);
                }
                // One of them is what the store will never take: the others must not suffer.
                StoreError::TooLarge { .. } | StoreError::Row { .. } if items.len() > 1 => {
                    let rest = items.split_off(items.len() / 2);
                    runs.push_front(rest);
                    runs.push_front(items);
                }
                StoreError::TooLarge { .. } | StoreError::Row { .. } => give_up(items, &error),
                _ => {
                    tracing::error!(%error, "the store refuses the engine's batch");
                    items = refuse_actions(items, &error);
                    if !self.sit_out(&error, sources).await? {
                        return Ok(false);
                    }
                    runs.push_front(items);
                }
            }
        }
        Ok(true)
    }

    /// Steps a run of inputs, stores all they changed in one batch, then acts; gives the inputs back when
    /// they could not be stored, the core being as it was before.
    async fn step(&mut self, items: Vec<Item>) -> Result<(), (Vec<Item>, StoreError)> {
        let mut merged = Transaction::default();
        let mut undo = Vec::with_capacity(items.len());
        for item in &items {
            let ctx = self.ctx();
            let mut step = self.core.handle(item.input.clone(), &ctx);
            undo.push(Transaction {
                undo: std::mem::take(&mut step.undo),
                ..Transaction::default()
            });
            merged.rows.append(&mut step.rows);
            merged.events.append(&mut step.events);
            merged.journal.append(&mut step.journal);
            merged.records.append(&mut step.records);
            merged.effects.append(&mut step.effects);
            merged.replies.append(&mut step.replies);
            merged.reports.append(&mut step.reports);
        }
        if let Err(error) = self.store(&merged).await {
            self.core.abort_all(undo.iter().rev());
            return Err((items, error));
        }
        let mut waiting = BTreeMap::new();
        for item in items {
            match item.done {
                Done::Nobody => {}
                // A commit's session may be gone by now; its change stands all the same.
                Done::Durable(done) => drop(done.send(())),
                Done::Action(id, answer) => drop(waiting.insert(id, answer)),
            }
        }
        self.release(merged, &mut waiting).await;
        Ok(())
    }

    /// Waits until a write succeeds again; false when the engine is to stop. Meanwhile no new intent of a
    /// person is taken; what commits changed is kept.
    async fn sit_out(
        &mut self,
        why: &StoreError,
        sources: &mut Sources,
    ) -> Result<bool, StoreError> {
        let pause = tokio::time::sleep(PROBE_PAUSE);
        tokio::pin!(pause);
        loop {
            tokio::select! {
                biased;
                _ = &mut sources.stop => return Ok(false),
                () = &mut pause => {}
                Some(item) = sources.inputs.recv() => {
                    sources.backlog.extend(refuse_actions(pieces(item), why));
                    continue;
                }
                Some(_) = sources.probes.recv() => continue,
            }
            let probe = Batch {
                writes: vec![Write {
                    table: Table("probe"),
                    key: "engine".to_owned(),
                    value: Some(self.clock.wall().to_string().into_bytes()),
                }],
                ..Batch::default()
            };
            match self.store.submit(probe).await {
                Ok(_) => return Ok(true),
                Err(StoreError::Stopped) => return Err(StoreError::Stopped),
                Err(error) => tracing::warn!(%error, "the store still refuses"),
            }
            pause.set(tokio::time::sleep(PROBE_PAUSE));
        }
    }

    async fn store(&mut self, transaction: &Transaction) -> Result<(), StoreError> {
        if transaction.is_empty() {
            return Ok(());
        }
        let octets = |value: &Option<Vec<u8>>| value.as_ref().map_or(0, Vec::len);
        let rows = transaction.rows.iter();
        self.done += rows
            .map(|(_, key, value)| key.len() + octets(value))
            .sum::<usize>();
        if self.done >= MUCH {
            self.done = 0;
            let now = self.clock.mono();
            self.tidy_at.get_or_insert(now + REST);
        }
        let writes = transaction.rows.iter().map(|(table, key, value)| Write {
            table: Table(table),
            key: key.clone(),
            value: value.clone(),
        });
        let records = transaction.records.clone();
        let batch = Batch {
            preconditions: Vec::new(),
            writes: writes.collect(),
            events: transaction
                .events
                .iter()
                .map(|event| self.encoder.encode(event))
                .chain(transaction.journal.iter().filter_map(journal))
                .collect(),
            publish: Some(Box::new(move |published: &mut Published, _| {
                publish(published, records);
            })),
        };
        self.store.submit(batch).await.map(|_| ())
    }

    async fn release(
        &mut self,
        transaction: Transaction,
        waiting: &mut BTreeMap<ReplyId, oneshot::Sender<Result<OpId, Refusal>>>,
    ) {
        for report in &transaction.reports {
            log_report(report);
        }
        let records = audit::records(&transaction);
        for (id, answer) in transaction.replies {
            if let Some(reply) = waiting.remove(&id) {
                // The asking session may be gone; the action was taken all the same.
                drop(reply.send(answer));
            }
        }
        for effect in transaction.effects {
            match effect {
                Effect::SetTimer { key, after } => {
                    self.timers.set(key, self.clock.mono() + after);
                }
                Effect::CancelTimer { key } => {
                    self.timers.cancel(&key);
                }
                other => self.shell.carry_out(other),
            }
        }
        // Last: no recovery waits for its record.
        for record in records {
            self.audit.record(record).await;
        }
    }
}

/// While the store fails no new intent of a person is taken; everything else is kept and tried again.
fn refuse_actions(items: Vec<Item>, error: &StoreError) -> Vec<Item> {
    let mut kept = Vec::with_capacity(items.len());
    for item in items {
        match item.done {
            Done::Action(_, answer) => {
                drop(answer.send(Err(Refusal::Unavailable(format!("not stored: {error}")))));
            }
            _ => kept.push(item),
        }
    }
    kept
}

/// What the store will never take is dropped, loudly: the engine goes on. A VIM's answer lost this way is
/// found by the next look at the VIM, a change of the configuration at the next start.
fn give_up(items: Vec<Item>, error: &StoreError) {
    for item in refuse_actions(items, error) {
        // Its kind alone: what it carries may be secret.
        let kind = std::mem::discriminant(&item.input);
        tracing::error!(%error, ?kind, "an input cannot be stored and is given up");
    }
}

/// A line of the journal as it is stored: on no stream.
fn journal(entry: &JournalEntry) -> Option<NewEvent> {
    match serde_json::to_vec(entry) {
        Ok(line) => Some(NewEvent {
            lcm: Some(line.into()),
            ..NewEvent::default()
        }),
        // Cannot happen with these types: every map key is text. Said, not swallowed.
        Err(error) => {
            tracing::error!(%error, "a line of the journal cannot be written");
            None
        }
    }
}

fn publish(published: &mut Published, records: Vec<RecordChange>) {
    show(&mut published.state, records);
}

/// Puts changed projections into the published state.
pub fn show(state: &mut State, records: Vec<RecordChange>) {
    for record in records {
        match record {
            RecordChange::Deployment(key, record) => state.set_deployment(key, record),
            RecordChange::Resource(key, record) => state.set_resource(key, record),
            RecordChange::Operation(id, record) => state.set_operation(id, record),
            RecordChange::Instance(key, record) => state.set_instance(key, record),
        }
    }
}

fn log_report(report: &Report) {
    match report {
        Report::LateLanding { vm, vm_id } => {
            tracing::error!(%vm, %vm_id, "a create given up as lost landed late; deleting the copy");
        }
        Report::Suppressed { vm, reason } => {
            tracing::warn!(%vm, code = reason.code, reason = reason.text, "recovery held back");
        }
        Report::KillSwitch { on: true } => tracing::warn!("kill switch on: no new recovery begins"),
        Report::KillSwitch { on: false } => tracing::info!("automatic recovery is on"),
        Report::Ignored(what) => tracing::debug!(what, "input ignored"),
    }
}
