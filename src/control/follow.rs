//! The follower: carries submitted changes of running through, in their order, whether or not the
//! session that asked for them still lives.
//!
//! ```text
//! submitted -> durable -> candidate follows running -> engine's queue -> taken up -> whoever waits
//!                 \-> failed: the sequencer falls back
//! ```

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::Poll;

use tokio::sync::{mpsc, oneshot};

use super::audit::Changed;
use super::error::ControlError;
use super::service::Control;
use crate::datastore::Tree;
use crate::engine::handle::{DesiredChange, Stopped};
use crate::store::Pending;

/// A change of running that was submitted.
pub(super) struct Follow {
    /// Its batch.
    pub pending: Pending,
    /// What the engine has to hear.
    pub desired: DesiredChange,
    /// The candidate it came from.
    pub candidate: Option<Tree>,
    /// What the audit log hears.
    pub changed: Changed,
    /// Who waits; may be gone.
    pub done: oneshot::Sender<Result<(), ControlError>>,
}

/// Queue of the follower. As long as the sessions are: each waits for its own change.
pub(super) type Queue = mpsc::UnboundedSender<Follow>;

/// Runs until the control room is gone.
pub(super) async fn run(room: Weak<Control>, mut queue: mpsc::UnboundedReceiver<Follow>) {
    while let Some(next) = queue.recv().await {
        let Some(room) = room.upgrade() else { return };
        follow(&room, next).await;
    }
}

async fn follow(room: &Arc<Control>, next: Follow) {
    let Follow {
        pending,
        desired,
        candidate,
        changed,
        done,
    } = next;
    if let Err(error) = pending.await {
        room.fall_back().await;
        changed.told(room.audit(), Some(error.to_string())).await;
        // Whoever asked may be gone.
        let _ = done.send(Err(error.into()));
        return;
    }
    room.committed(candidate.as_ref());
    let engine = room.engine.clone();
    let mut taking: Pin<Box<dyn Future<Output = Result<(), Stopped>> + Send>> =
        Box::pin(async move { engine.desired(desired).await });
    // Its place in the engine's queue is taken by the first poll, so the order is kept; that it is
    // taken up durably is waited for beside the next change.
    let first = poll_fn(|cx| Poll::Ready(taking.as_mut().poll(cx))).await;
    changed.told(room.audit(), None).await;
    match first {
        Poll::Ready(taken) => drop(done.send(taken.map_err(ControlError::from))),
        Poll::Pending => {
            tokio::spawn(async move {
                let taken = taking.await.map_err(ControlError::from);
                let _ = done.send(taken);
            });
        }
    }
}
