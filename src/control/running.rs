//! The sequencer: changes of running become batches, in one order.
//!
//! Whoever holds [`Running`] gives the next root; its batch is queued, the follower carries it through, and
//! the next change builds on it at once. A batch that fails takes those built on it along, and the sequencer
//! goes back to what is durable.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::audit::Changed;
use super::base_event::{self, Edits};
use super::confirmed::{self, CommitRequest, ConfirmError, Input, Pending, Verdict, Why};
use super::error::ControlError;
use super::follow::Follow;
use super::lock::Datastore;
use super::service::{Control, State};
use super::undo::{self, Confirming, Now};
use super::who::Who;
use crate::datastore::Tree;
use crate::esc_model::published::{Published, Unconfirmed};
use crate::ids::{DeploymentKey, OpId, PersistId, Revision};
use crate::store::{Batch, Committed, Precondition, Table, Write};

/// Table of configuration units: one row each.
pub const UNITS: Table = Table("config");
/// Table of single values.
pub const META: Table = Table("meta");
/// Key of the running configuration's revision in [`META`].
pub const REVISION: &str = "revision";

/// The latest submitted root, durable or about to be.
#[derive(Debug)]
pub struct Running {
    pub(super) head: Tree,
    pub(super) revision: Revision,
}

impl Running {
    /// Starts from what is durable.
    pub fn new(published: &Published) -> Self {
        Self {
            head: published.config.clone(),
            revision: published.revision,
        }
    }
}

/// Who changes running, and how.
pub(super) struct Change {
    pub who: Who,
    pub what: What,
}

/// How running is changed.
pub(super) enum What {
    /// Beside the candidate.
    Edit,
    /// The same, for that operation of SOL003.
    Asked(OpId, DeploymentKey),
    /// By commit.
    Commit(CommitRequest),
    /// By cancel-commit.
    Cancel(Option<PersistId>),
    /// A confirmed commit is taken back by the server.
    Revert(Why),
}

impl Change {
    /// What it does to a confirmed commit that waits; the locks and that commit allow it.
    pub fn allowed(&self, room: &Control, state: &State) -> Result<Confirming, ControlError> {
        let session = self.who.session();
        if !matches!(self.what, What::Revert(_)) {
            state.locks.check_write(Datastore::Running, session)?;
        }
        let input = match &self.what {
            What::Edit | What::Asked(..) => Input::Edit(session),
            What::Commit(request) => {
                state.locks.check_write(Datastore::Candidate, session)?;
                Input::Commit(session, request)
            }
            What::Cancel(id) => Input::Cancel(session, id.as_ref()),
            What::Revert(_) => Input::TimeUp,
        };
        let pending = state
            .confirmed
            .as_deref()
            .map(|waiting| room.pending(waiting));
        let verdict = confirmed::step(pending.as_ref(), input)?;
        Ok(match (verdict, &self.what) {
            (Verdict::Start | Verdict::Extend, What::Commit(request)) => {
                let confirm = request.confirmed.clone();
                let confirm = confirm.ok_or(ConfirmError::NothingPending)?;
                let persistent = confirm.persist.is_some()
                    || pending.is_some_and(|pending| pending.persist.is_some());
                // A session that was killed meanwhile would leave it to nobody.
                if !persistent && room.sessions.get(session).is_none() {
                    return Err(ConfirmError::Ended.into());
                }
                Confirming::Wait(confirm)
            }
            (Verdict::Complete, _) => Confirming::Complete,
            (Verdict::Revert, What::Revert(why)) => Confirming::Revert(*why),
            (Verdict::Revert, _) => Confirming::Revert(Why::Cancelled),
            _ => Confirming::Pass,
        })
    }
}

/// A root that is valid, and what its event tells of it.
pub(super) struct Next {
    pub tree: Tree,
    pub edits: Edits,
    /// How many units it changes.
    pub units: usize,
}

/// A batch that is made and not yet queued.
pub(super) struct Prepared {
    pub batch: Batch<Published>,
    pub revision: Revision,
    /// What waits for its confirmation after it.
    pub confirmed: Option<Arc<Unconfirmed>>,
}

/// Makes the batch of a new root: units, revision, what is kept of a confirmed commit, events.
pub(super) fn prepare(
    (old, before): (&Tree, Revision),
    next: Next,
    who: &Who,
    confirming: &Confirming,
    waiting: Option<&Arc<Unconfirmed>>,
    now: Now,
) -> Result<Prepared, ControlError> {
    let revision = Revision(before.0 + 1);
    let units = next.tree.changed_units(old);
    let kept = undo::keep((old, &next.tree), who, confirming, waiting, now)?;
    let changed = !units.is_empty();
    let mut writes: Vec<Write> = units
        .into_iter()
        .map(|unit| Write {
            table: UNITS,
            key: unit.path.to_string(),
            value: unit.bytes,
        })
        .collect();
    writes.push(Write {
        table: META,
        key: REVISION.to_owned(),
        value: Some(revision.to_string().into_bytes()),
    });
    writes.extend(kept.writes);
    let change = changed.then(|| base_event::config_change(who, &next.edits));
    let (config, confirmed) = (next.tree, kept.waiting.clone());
    let batch = Batch {
        // The row's version is the revision: a batch built on one that failed fails with it.
        preconditions: vec![Precondition {
            table: META,
            key: REVISION.to_owned(),
            version: (before.0 > 0).then_some(before.0),
        }],
        writes,
        events: change.into_iter().chain(kept.event).collect(),
        publish: Some(Box::new(move |state: &mut Published, _: &Committed| {
            state.config = config;
            state.revision = revision;
            state.confirmed = confirmed;
        })),
    };
    Ok(Prepared {
        batch,
        revision,
        confirmed: kept.waiting,
    })
}

impl Control {
    /// Both clocks now.
    fn now(&self) -> Now {
        Now {
            wall: self.clock().wall(),
            mono: self.clock().mono(),
        }
    }

    /// A confirmed commit that waits, as the rules see it.
    pub(super) fn pending<'a>(&self, waiting: &'a Unconfirmed) -> Pending<'a> {
        let alive = self.sessions.get(waiting.commit.session).is_some();
        Pending {
            session: waiting.commit.session,
            persist: waiting.commit.persist.as_ref(),
            over: confirmed::due(waiting, alive).0 <= self.clock().mono(),
        }
    }

    /// Enqueues the batch of a new root, made of `candidate` if it is a commit; the caller holds the sequencer, so
    /// batches keep commit order, and so does the follower's queue.
    pub(super) fn submit(
        &self,
        running: &mut Running,
        next: Next,
        change: &Change,
        candidate: Option<Tree>,
    ) -> Result<oneshot::Receiver<Result<(), ControlError>>, ControlError> {
        // What waits changes under the sequencer alone.
        let (waiting, confirming) = {
            let state = self.state();
            (state.confirmed.clone(), change.allowed(self, &state)?)
        };
        let (old, new) = (running.head.clone(), next.tree.clone());
        let base = (&old, running.revision);
        let now = self.now();
        let prepared = prepare(base, next, &change.who, &confirming, waiting.as_ref(), now)?;
        let revision = prepared.revision;
        let mut desired = self.desired_change(revision, &old, &new)?;
        if let What::Asked(operation, key) = &change.what {
            desired.operation = Some((operation.clone(), key.clone()));
        }
        let pending = {
            // A lock that was taken meanwhile is respected, and so is the end of the session.
            let mut state = self.state();
            change.allowed(self, &state)?;
            state.confirmed = prepared.confirmed;
            self.store.submit(prepared.batch)
        };
        self.rearm();
        let changed = Changed::by(&change.who, revision, &confirming, old, new.clone());
        running.head = new;
        running.revision = revision;
        let (done, outcome) = oneshot::channel();
        self.follow(Follow {
            pending,
            desired,
            candidate,
            changed,
            done,
        });
        Ok(outcome)
    }

    /// After a failed batch the sequencer goes on from what is durable.
    pub(super) async fn fall_back(&self) {
        let mut running = self.running.lock().await;
        // Batches queued behind the failed one are through after this, failed or not.
        self.barrier().await;
        let published = self.store.published();
        self.state().confirmed = published.confirmed.clone();
        self.rearm();
        *running = Running::new(&published);
    }

    /// Returns once `head` is what readers see, or has failed to become it.
    pub(super) async fn settled(&self, head: &Tree) {
        if !self.running().ptr_eq(head) {
            self.barrier().await;
        }
    }

    /// Returns once no change of running that was submitted before is under way: whoever holds the lock
    /// sees nobody else's change come.
    pub async fn at_rest(&self) {
        let head = self.running.lock().await.head.clone();
        self.settled(&head).await;
    }
}
