//! The queue in front of the writer: in call order, bounded in entries and bytes.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, oneshot};

use super::{Batch, Committed, Settings, StoreError};

/// Where the outcome of a batch goes.
pub(super) type Reply = oneshot::Sender<Result<Committed, StoreError>>;

/// A batch and who waits for it.
pub(super) struct Job<P> {
    pub batch: Batch<P>,
    pub reply: Reply,
    size: usize,
}

/// What the writer shall do next.
pub(super) struct Taken<P> {
    /// Batches in call order; empty when there are none.
    pub jobs: Vec<Job<P>>,
    /// Who asked for old events to be removed now.
    pub trims: Vec<oneshot::Sender<Result<u64, StoreError>>>,
    /// Nothing is left and nothing will come.
    pub finished: bool,
}

struct State<P> {
    jobs: VecDeque<Job<P>>,
    trims: Vec<oneshot::Sender<Result<u64, StoreError>>>,
    bytes: usize,
    closed: bool,
}

pub(super) struct Queue<P> {
    state: Mutex<State<P>>,
    work: Condvar,
    room: Notify,
    entries: usize,
    bytes: usize,
    event_bytes: usize,
}

impl<P> Queue<P> {
    pub fn new(settings: &Settings) -> Self {
        Self {
            state: Mutex::new(State {
                jobs: VecDeque::new(),
                trims: Vec::new(),
                bytes: 0,
                closed: false,
            }),
            work: Condvar::new(),
            room: Notify::new(),
            entries: settings.queue_entries.get(),
            bytes: settings.queue_bytes.get(),
            event_bytes: settings.event_bytes.get(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<P>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a batch, or says why not.
    pub fn push(&self, batch: Batch<P>, reply: Reply) -> Result<(), StoreError> {
        let size = batch.size();
        let largest = batch.events.iter().map(|e| e.size()).max().unwrap_or(0);
        if largest > self.event_bytes {
            return Err(too_large("event", largest, self.event_bytes, "event-bytes"));
        }
        if size > self.bytes {
            return Err(too_large("batch", size, self.bytes, "queue-bytes"));
        }
        let mut state = self.lock();
        if state.closed {
            return Err(StoreError::Stopped);
        }
        if state.jobs.len() >= self.entries || state.bytes + size > self.bytes {
            return Err(StoreError::Busy {
                entries: state.jobs.len(),
                bytes: state.bytes,
            });
        }
        state.bytes += size;
        state.jobs.push_back(Job { batch, reply, size });
        self.work.notify_one();
        Ok(())
    }

    /// Asks for a trim; the sender is dropped when the queue is closed.
    pub fn ask_trim(&self, reply: oneshot::Sender<Result<u64, StoreError>>) {
        let mut state = self.lock();
        if !state.closed {
            state.trims.push(reply);
            self.work.notify_one();
        }
    }

    /// Waits until the queue is at most half full.
    pub async fn wait_for_room(&self) {
        loop {
            let room = self.room.notified();
            tokio::pin!(room);
            // Registered before the look, so that a take in between is not missed.
            room.as_mut().enable();
            {
                let state = self.lock();
                let free = state.jobs.len() <= self.entries / 2 && state.bytes <= self.bytes / 2;
                if free || state.closed {
                    return;
                }
            }
            room.await;
        }
    }

    /// Up to `max` batches; waits for work until `timeout`, or for ever.
    pub fn take(&self, max: usize, timeout: Option<Duration>) -> Taken<P> {
        let idle = |s: &mut State<P>| s.jobs.is_empty() && s.trims.is_empty() && !s.closed;
        let state = self.lock();
        let mut state = match timeout {
            None => self
                .work
                .wait_while(state, idle)
                .unwrap_or_else(PoisonError::into_inner),
            Some(timeout) => {
                self.work
                    .wait_timeout_while(state, timeout, idle)
                    .unwrap_or_else(PoisonError::into_inner)
                    .0
            }
        };
        let count = max.min(state.jobs.len());
        let jobs: Vec<_> = state.jobs.drain(..count).collect();
        state.bytes -= jobs.iter().map(|job| job.size).sum::<usize>();
        let taken = Taken {
            finished: state.closed && jobs.is_empty() && state.jobs.is_empty(),
            trims: std::mem::take(&mut state.trims),
            jobs,
        };
        drop(state);
        if !taken.jobs.is_empty() {
            self.room.notify_waiters();
        }
        taken
    }

    /// Takes nothing more; what is inside is still written.
    pub fn close(&self) {
        self.lock().closed = true;
        self.work.notify_all();
        self.room.notify_waiters();
    }

    /// The writer is gone: whoever waits is told so by the dropped sender.
    pub fn abandon(&self) {
        let mut state = self.lock();
        state.closed = true;
        let left = (
            std::mem::take(&mut state.jobs),
            std::mem::take(&mut state.trims),
        );
        state.bytes = 0;
        drop(state);
        drop(left);
        self.room.notify_waiters();
    }
}

fn too_large(what: &'static str, bytes: usize, limit: usize, setting: &'static str) -> StoreError {
    StoreError::TooLarge {
        what,
        bytes,
        limit,
        setting,
    }
}
