//! Takes confirmed commits back: on request, in time, when their session ends, and at a start.
//!
//! A taking back is an ordinary change of running, which restores what was there before: it has a revision,
//! events and an audit record, and the engine carries it out like any other. VMs made meanwhile are
//! undeployed; those that were deleted come back as new VMs.

use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::sync::watch;

use super::base_event::Edits;
use super::commit::blocking;
use super::confirmed::{self, Why};
use super::error::ControlError;
use super::running::{Change, Next, What, prepare};
use super::service::Control;
use super::undo::{Confirming, Now};
use super::who::Who;
use crate::audit::{Outcome, Recorder};
use crate::clock::{Clock, Mono};
use crate::esc_model::published::{Published, Unconfirmed};
use crate::ids::{PersistId, SessionId};
use crate::store::{Store, StoreError};

/// Pause between two tries while the store refuses.
const PAUSE: Duration = Duration::from_secs(1);

/// What the server has to take back by itself, and when.
#[derive(Clone, Debug)]
pub(super) struct Due {
    waiting: Arc<Unconfirmed>,
    at: Mono,
    why: Why,
}

impl Control {
    /// Cancels the confirmed commit that waits (RFC 6241 section 8.4.4.1).
    ///
    /// # Errors
    /// When there is none, the token is not its token, or it is another session's.
    pub async fn cancel_commit(
        &self,
        session: SessionId,
        persist_id: Option<PersistId>,
    ) -> Result<(), ControlError> {
        let change = Change {
            who: self.who(session),
            what: What::Cancel(persist_id),
        };
        self.take_back(&change, None).await
    }

    /// Takes back what a session that ends has not confirmed (RFC 6241 section 8.4.1), and waits for it.
    pub async fn abandon(&self, session: SessionId) {
        let left = self.state().confirmed.clone();
        let left = left.filter(|waiting| {
            let pending = self.pending(waiting);
            let ended = confirmed::step(Some(&pending), confirmed::Input::Ended(session));
            ended == Ok(confirmed::Verdict::Revert)
        });
        let Some(left) = left else { return };
        let change = Change {
            who: Who::Server,
            what: What::Revert(Why::SessionEnded),
        };
        if let Err(error) = self.take_back(&change, Some(&left)).await {
            tracing::error!(%error, "a confirmed commit is not taken back yet");
        }
    }

    /// Takes back the one that waits, if it still is `which`.
    async fn take_back(
        &self,
        change: &Change,
        which: Option<&Arc<Unconfirmed>>,
    ) -> Result<(), ControlError> {
        let mut running = self.running.lock().await;
        let waiting = {
            let state = self.state();
            change.allowed(self, &state)?;
            state.confirmed.clone()
        };
        let same = |waiting: &Arc<_>| which.is_none_or(|which| Arc::ptr_eq(which, waiting));
        let Some(waiting) = waiting.filter(same) else {
            // Somebody else does it, or has done it.
            let head = running.head.clone();
            drop(running);
            self.settled(&head).await;
            return Ok(());
        };
        let (old, new) = (running.head.clone(), waiting.before.clone());
        let limit = self.change_edits;
        let next = blocking("taking back", move || Next {
            edits: Edits::between(&old, &new, limit),
            units: new.units_changed_since(&old),
            tree: new,
        })
        .await?;
        let done = super::commit::aside(|| self.submit(&mut running, next, change, None))?;
        drop(running);
        super::commit::outcome(done).await
    }

    /// Tells the watcher what is due now, after anything of it has changed.
    pub(super) fn rearm(&self) {
        let state = self.state();
        let due = state.confirmed.as_ref().map(|waiting| {
            let alive = self.sessions.get(waiting.commit.session).is_some();
            let (at, why) = confirmed::due(waiting, alive);
            Due {
                waiting: waiting.clone(),
                at,
                why,
            }
        });
        self.due.send_replace(due);
    }

    /// Returns once nothing is left to be taken back that was there when the process began.
    pub async fn cleared(&self) {
        let mut due = self.due.subscribe();
        loop {
            let left = |due: &Option<Due>| due.as_ref().is_some_and(|due| due.waiting.left_over);
            // The sender is this room's own: it does not close.
            if due.wait_for(|due| !left(due)).await.is_err() {
                return;
            }
            self.at_rest().await;
            let published = self.store().published();
            if published
                .confirmed
                .as_ref()
                .is_none_or(|waiting| !waiting.left_over)
            {
                return;
            }
            // Its batch has failed, and the sequencer falls back.
            if due.changed().await.is_err() {
                return;
            }
        }
    }
}

/// Takes back what is due, until the control room is gone.
pub(super) async fn watch(
    room: Weak<Control>,
    clock: Arc<dyn Clock>,
    mut dues: watch::Receiver<Option<Due>>,
) {
    loop {
        let due = dues.borrow_and_update().clone();
        let wait = async {
            match &due {
                Some(due) => tokio::time::sleep(due.at.saturating_sub(clock.mono())).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            changed = dues.changed() => match changed {
                Ok(()) => continue,
                Err(_) => return,
            },
            () = wait => {}
        }
        let (Some(due), Some(room)) = (due, room.upgrade()) else {
            return;
        };
        if due.at > clock.mono() {
            continue;
        }
        tracing::info!(why = due.why.as_str(), "a confirmed commit is taken back");
        let change = Change {
            who: Who::Server,
            what: What::Revert(due.why),
        };
        match room.take_back(&change, Some(&due.waiting)).await {
            Ok(()) => {}
            Err(ControlError::Store(StoreError::Stopped)) => return,
            Err(error) => {
                tracing::error!(%error, "a confirmed commit is not taken back yet; trying again");
                drop(room);
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

/// Takes back what was not confirmed when the process before this one ended (RFC 6241 section 8.4.1), before
/// anything is planned from it. True when there was something.
///
/// # Errors
/// When the store refuses; then nothing has changed, and the control room goes on trying.
pub async fn at_start(
    store: &Store<Published>,
    clock: &dyn Clock,
    audit: &Recorder,
    limit: usize,
) -> Result<bool, ControlError> {
    let published = store.published();
    let Some(waiting) = &published.confirmed else {
        return Ok(false);
    };
    let now = Now {
        wall: clock.wall(),
        mono: clock.mono(),
    };
    let why = match now.wall >= waiting.commit.deadline {
        true => Why::TimedOut,
        false => Why::Restarted,
    };
    let next = Next {
        tree: waiting.before.clone(),
        edits: Edits::between(&published.config, &waiting.before, limit),
        units: 0,
    };
    let base = (&published.config, published.revision);
    let how = Confirming::Revert(why);
    let prepared = prepare(base, next, &Who::Server, &how, Some(waiting), now)?;
    let revision = prepared.revision;
    store.submit(prepared.batch).await?;
    tracing::info!(why = why.as_str(), %revision, "a confirmed commit was taken back at the start");
    let mut record = Who::Server.record("change-running");
    record.target = Some("running".to_owned());
    record.detail = Some(format!(
        "confirmed commit of {} taken back: {}; revision {revision}",
        waiting.commit.user,
        why.as_str()
    ));
    record.result = Outcome::Done;
    audit.record(record).await;
    Ok(true)
}
