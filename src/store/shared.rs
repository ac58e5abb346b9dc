//! What the writer thread and the handles share.

use std::sync::{Arc, PoisonError, RwLock};

use tokio::sync::watch;

use super::EventLog;
use super::queue::Queue;
use crate::clock::Timestamp;
use crate::ids::JournalSeq;

/// Whether batches become durable.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Health {
    /// The last write worked.
    Good,
    /// The disk refuses; it is tried again every second and with every batch.
    Failing {
        /// When it began.
        since: Timestamp,
        /// What the disk said last.
        error: String,
    },
    /// The writer has ended: shut down, or dead (then the process should end too).
    Stopped,
}

pub(super) struct Shared<P> {
    pub queue: Queue<P>,
    pub log: EventLog,
    pub health: watch::Sender<Health>,
    published: RwLock<(Arc<P>, JournalSeq)>,
}

impl<P> Shared<P> {
    pub fn new(queue: Queue<P>, log: EventLog, state: P) -> Self {
        let seq = log.head();
        Self {
            queue,
            log,
            health: watch::Sender::new(Health::Good),
            published: RwLock::new((Arc::new(state), seq)),
        }
    }

    /// Whether the last write failed.
    pub fn health_is_failing(&self) -> bool {
        matches!(*self.health.borrow(), Health::Failing { .. })
    }

    pub fn published(&self) -> (Arc<P>, JournalSeq) {
        self.published
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    pub fn publish(&self, state: Arc<P>, seq: JournalSeq) {
        let mut published = self
            .published
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        let old = std::mem::replace(&mut *published, (state, seq));
        drop(published);
        // Freed after the lock: the last owner of a large state may take a while.
        drop(old);
    }
}
