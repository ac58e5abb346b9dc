//! [`Control`]: configuration, locks, sessions and actions behind one door.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{mpsc, watch};

use super::access::{Access, Groups};
use super::candidate::Candidate;
use super::commit::aside;
use super::confirmed::{self, ConfirmError};
use super::error::ControlError;
use super::follow::{self, Follow, Queue};
use super::lock::{Datastore, LockError, Locks};
use super::opdata::OpdataCache;
use super::revert::{self, Due};
use super::running::Running;
use super::session::{KillReason, Registry};
use super::settings::SessionLimits;
use crate::audit::Recorder;
use crate::clock::{Clock, Timestamp};
use crate::datastore::Tree;
use crate::engine::handle::Handle;
use crate::esc_model::published::{Published, Unconfirmed};
use crate::ids::{OpId, SessionId};
use crate::model::action::Action;
use crate::schema::Schema;
use crate::store::{Batch, Store};

/// What every northbound face needs. Shared by all sessions.
pub struct Control {
    pub(super) schema: &'static Schema,
    pub(super) store: Store<Published>,
    pub(super) engine: Handle,
    pub(super) default_vim: String,
    pub(super) running: tokio::sync::Mutex<Running>,
    state: Mutex<State>,
    opdata: OpdataCache,
    clock: Arc<dyn Clock>,
    audit: Recorder,
    follower: Queue,
    /// What has to be taken back, and when.
    pub(super) due: watch::Sender<Option<Due>>,
    /// Edits that one event lists.
    pub(super) change_edits: usize,
    /// Units that one change touches.
    change_units: usize,
    /// Sessions there are.
    pub sessions: Registry,
    /// Who may do what.
    pub access: Access,
}

/// What changes under one short lock.
#[derive(Default)]
pub(super) struct State {
    pub locks: Locks,
    pub candidate: Candidate,
    /// The confirmed commit that waits, durable or about to be; changed under the sequencer alone.
    pub confirmed: Option<Arc<Unconfirmed>>,
    /// When each lock was taken.
    locked: BTreeMap<Datastore, Timestamp>,
}

/// What a control room is made of.
pub struct Parts {
    /// The schema of the whole product.
    pub schema: &'static Schema,
    /// The store.
    pub store: Store<Published>,
    /// The engine.
    pub engine: Handle,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// The VIM used where none is named.
    pub default_vim: String,
    /// Who did what.
    pub audit: Recorder,
    /// How many sessions there may be.
    pub limits: SessionLimits,
    /// The groups of each user.
    pub groups: Groups,
    /// The user whom no access rule binds.
    pub recovery_user: Option<String>,
}

impl Control {
    /// Makes the room and its follower, a task of the runtime around. The running configuration is what
    /// the store publishes.
    pub fn new(parts: Parts) -> Arc<Self> {
        let published = parts.store.published();
        let (follower, queue) = mpsc::unbounded_channel();
        let room = Arc::new(Self {
            follower,
            running: tokio::sync::Mutex::new(Running::new(&published)),
            opdata: OpdataCache::new(parts.schema),
            schema: parts.schema,
            store: parts.store,
            engine: parts.engine,
            default_vim: parts.default_vim,
            state: Mutex::new(State {
                confirmed: published.confirmed.clone(),
                ..State::default()
            }),
            due: watch::Sender::new(None),
            change_edits: parts.limits.change_edits,
            change_units: parts.limits.change_units,
            clock: parts.clock,
            audit: parts.audit,
            sessions: Registry::new(parts.limits).reserved_for(parts.recovery_user.clone()),
            access: Access::new(parts.groups, parts.recovery_user),
        });
        tokio::spawn(follow::run(Arc::downgrade(&room), queue));
        let dues = room.due.subscribe();
        tokio::spawn(revert::watch(
            Arc::downgrade(&room),
            room.clock.clone(),
            dues,
        ));
        room.rearm();
        room
    }

    /// Gives a submitted change to the follower. A follower that is gone drops it, and whoever waits
    /// hears of that.
    pub(super) fn follow(&self, next: Follow) {
        if self.follower.send(next).is_err() {
            tracing::error!("a change was submitted and nobody is left to carry it through");
        }
    }

    /// Waits until nobody carries changes through, or takes them back, any more (a task panicked); for ever
    /// while all is well.
    pub async fn broken(&self) {
        tokio::select! {
            () = self.follower.closed() => {}
            () = self.due.closed() => {}
        }
    }

    /// The schema.
    pub fn schema(&self) -> &'static Schema {
        self.schema
    }

    /// The store, for reading the event log.
    pub fn store(&self) -> &Store<Published> {
        &self.store
    }

    /// The audit log.
    pub fn audit(&self) -> &Recorder {
        &self.audit
    }

    /// The clock.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    /// Units that one change of running may touch.
    pub(super) fn change_units(&self) -> usize {
        self.change_units
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The durable running configuration.
    pub fn running(&self) -> Tree {
        self.store.published().config.clone()
    }

    /// The candidate configuration; running while nobody has changed it.
    pub fn candidate(&self) -> Tree {
        let running = self.running();
        self.state().candidate.tree(&running)
    }

    /// State data of the ESC model, of the same moment as the configuration beside it.
    ///
    /// # Errors
    /// When a state row cannot be shown.
    pub fn snapshot(&self) -> Result<(Tree, Tree), ControlError> {
        let published = self.store.published();
        let opdata = self.opdata.tree(&published)?;
        Ok((published.config.clone(), opdata))
    }

    /// Who holds a lock, and since when.
    pub fn lock_since(&self, datastore: Datastore) -> Option<(SessionId, Timestamp)> {
        let state = self.state();
        let holder = state.locks.holder(datastore)?;
        Some((
            holder,
            state.locked.get(&datastore).copied().unwrap_or_default(),
        ))
    }

    /// Whether a session holds what its end would take from it: a lock, a confirmed commit.
    pub fn is_held(&self, session: SessionId) -> bool {
        let state = self.state();
        [Datastore::Running, Datastore::Candidate]
            .into_iter()
            .any(|datastore| state.locks.holder(datastore) == Some(session))
            || state
                .confirmed
                .as_ref()
                .is_some_and(|waiting| waiting.commit.session == session)
    }

    /// Takes a lock (RFC 6241 section 7.5).
    ///
    /// # Errors
    /// When somebody holds it, the candidate has been modified, or running belongs to a confirmed commit.
    pub fn lock(&self, datastore: Datastore, session: SessionId) -> Result<(), LockError> {
        if datastore == Datastore::Candidate {
            self.follow_if_same();
        }
        let mut state = self.state();
        let modified = state.candidate.is_modified();
        if datastore == Datastore::Running
            && state.locks.holder(datastore).is_none()
            && let Some(waiting) = state.confirmed.as_deref()
        {
            let pending = self.pending(waiting);
            let asked = confirmed::step(Some(&pending), confirmed::Input::Lock(session));
            if let Err(ConfirmError::InUse { session, .. }) = asked {
                let alive = self.sessions.get(session).is_some();
                return Err(LockError::Confirming(match alive {
                    true => session,
                    false => SessionId(0),
                }));
            }
        }
        state.locks.lock(datastore, session, modified)?;
        state.locked.insert(datastore, self.clock.wall());
        Ok(())
    }

    /// A candidate whose changes were undone, or copied to running, holds none that are "not committed or rolled
    /// back" (RFC 6241 section 7.5).
    fn follow_if_same(&self) {
        let candidate = {
            let state = self.state();
            let free = state.locks.holder(Datastore::Candidate).is_none();
            state.candidate.modified().filter(|_| free).cloned()
        };
        let running = self.running();
        // Not under the lock: shared parts are not looked at, but all may be new.
        let Some(candidate) = candidate.filter(|tree| aside(|| *tree == running)) else {
            return;
        };
        let mut state = self.state();
        if self.running().ptr_eq(&running) {
            // What it held is ours still, and freed after the lock.
            drop(state.candidate.discard_same(&candidate));
        }
    }

    /// Gives a lock back (RFC 6241 section 7.6); an uncommitted candidate under it is discarded
    /// (section 8.3.5.2).
    ///
    /// # Errors
    /// When the session does not hold it.
    pub fn unlock(&self, datastore: Datastore, session: SessionId) -> Result<(), LockError> {
        let mut state = self.state();
        state.locks.unlock(datastore, session)?;
        if datastore == Datastore::Candidate {
            let discarded = state.candidate.discard();
            drop(state);
            aside(|| drop(discarded));
        }
        Ok(())
    }

    /// Frees a session's locks; an uncommitted candidate under one is discarded (RFC 6241 section 8.3.5.2).
    pub fn release_locks(&self, session: SessionId) {
        let mut state = self.state();
        if state.locks.release(session).contains(&Datastore::Candidate) {
            let discarded = state.candidate.discard();
            drop(state);
            drop(discarded);
        }
    }

    /// Frees what an ended session held; what it has not confirmed is taken back soon.
    pub fn end_session(&self, session: SessionId) {
        // First: no confirmed commit of it can begin any more.
        self.sessions.close(session);
        self.release_locks(session);
        self.rearm();
    }

    /// Ends another session (RFC 6241 section 7.9).
    ///
    /// # Errors
    /// When there is no such session, or it is the asking one.
    pub async fn kill_session(&self, victim: SessionId, by: SessionId) -> Result<(), ControlError> {
        if victim == by || !self.sessions.kill(victim, KillReason::Killed(by)) {
            return Err(ControlError::NoSuchSession(victim.0));
        }
        // Locks are free and a confirmed commit is taken back when the answer arrives (RFC 6241 section 7.9),
        // not some time later.
        self.end_session(victim);
        self.abandon(victim).await;
        Ok(())
    }

    /// What close-session does before its answer (RFC 6241 section 7.8).
    pub async fn close_session(&self, session: SessionId) {
        self.abandon(session).await;
        self.release_locks(session);
    }

    /// Asks the engine for an action; success means validated, stored and queued.
    ///
    /// # Errors
    /// Why it was refused.
    pub async fn action(&self, action: Action) -> Result<OpId, ControlError> {
        Ok(self.engine.action(action).await?)
    }

    /// Returns when every event stamped before the call is published.
    pub async fn barrier(&self) {
        if let Err(error) = self.store.submit(Batch::default()).await {
            tracing::debug!(%error, "barrier");
        }
    }
}
