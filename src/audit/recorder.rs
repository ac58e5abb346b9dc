//! [`Recorder`]: how the server records without waiting for the disk.
//!
//! ```text
//! record().await -> [queue, bounded] -> one thread -> AuditLog::append, again until the disk takes it
//! ```
//! No record handed over is dropped while the writer runs: a full queue makes the next one wait, a disk that refuses
//! makes the queue fill. What the disk still refuses at the end goes to the process's log as an error.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::sync::{Semaphore, TryAcquireError};

use super::{AuditError, AuditLog, AuditRecord, Outcome};

/// Pause before a record that the disk refused is tried again.
const RETRY: Duration = Duration::from_secs(1);

/// Where records are handed in; cheap to clone.
#[derive(Clone, Debug)]
pub struct Recorder(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    queue: Mutex<Queue>,
    work: Condvar,
    /// One permit for each record that may still be handed in.
    room: Semaphore,
    waited: AtomicU64,
    text_bytes: usize,
}

#[derive(Debug, Default)]
struct Queue {
    waiting: VecDeque<Entry>,
    closing: bool,
    /// The writer has ended.
    gone: bool,
}

#[derive(Debug)]
struct Entry {
    record: AuditRecord,
    /// It holds a permit.
    counted: bool,
}

/// The writer's thread. Dropping it writes what waits, and blocks until that is done.
#[derive(Debug)]
pub struct Writer {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Recorder {
    /// Starts the writer of a log.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(log: AuditLog) -> Result<(Self, Writer), AuditError> {
        let settings = log.settings();
        let bound = settings.queue_records.get().min(Semaphore::MAX_PERMITS);
        let shared = Arc::new(Shared {
            queue: Mutex::default(),
            work: Condvar::new(),
            room: Semaphore::new(bound),
            waited: AtomicU64::new(0),
            text_bytes: settings.text_bytes.get(),
        });
        let writing = shared.clone();
        let thread = thread::Builder::new()
            .name("audit".to_owned())
            .spawn(move || writing.write_all(&log))
            .map_err(AuditError::at("audit thread".as_ref()))?;
        let writer = Writer {
            shared: shared.clone(),
            thread: Some(thread),
        };
        Ok((Self(shared), writer))
    }

    /// Hands a record in; waits, without holding a thread, while the queue is full. A caller that is dropped while
    /// it waits has handed its record in all the same.
    pub async fn record(&self, record: AuditRecord) {
        let mut held = Held {
            to: &self.0,
            record: Some(record),
        };
        let room = match self.0.room.try_acquire() {
            Ok(room) => Some(room),
            Err(TryAcquireError::NoPermits) => {
                self.0.must_wait();
                self.0.room.acquire().await.ok()
            }
            Err(TryAcquireError::Closed) => None,
        };
        let counted = room.is_some();
        if let Some(room) = room {
            room.forget();
        }
        if let Some(record) = held.record.take() {
            self.0.put(record, counted);
        }
    }

    /// Hands a record in at once, be the queue full or not: for what cannot wait and happens once per session or
    /// per request of a person.
    pub fn note(&self, record: AuditRecord) {
        self.0.put(record, false);
    }

    /// Announces what is under way: the record is written at its end, or as it is now when the end does not come.
    pub fn begin(&self, record: AuditRecord) -> Underway {
        Underway {
            recorder: self.clone(),
            record: Some(record),
        }
    }

    /// How often a record had to wait because the queue was full.
    pub fn waited(&self) -> u64 {
        self.0.waited.load(Ordering::Relaxed)
    }

    /// Bytes of one text that are kept.
    pub fn text_bytes(&self) -> usize {
        self.0.text_bytes
    }
}

/// A record of something that has begun.
#[derive(Debug)]
pub struct Underway {
    recorder: Recorder,
    record: Option<AuditRecord>,
}

impl Underway {
    /// It has ended so.
    pub async fn end(mut self, result: Outcome, reason: Option<String>) {
        if let Some(mut record) = self.record.take() {
            record.result = result;
            record.reason = reason;
            self.recorder.record(record).await;
        }
    }
}

impl Drop for Underway {
    fn drop(&mut self) {
        if let Some(record) = self.record.take() {
            self.recorder.note(record);
        }
    }
}

/// A record on its way into the queue.
struct Held<'a> {
    to: &'a Shared,
    record: Option<AuditRecord>,
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        if let Some(record) = self.record.take() {
            self.to.put(record, false);
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn must_wait(&self) {
        let waited = self.waited.fetch_add(1, Ordering::Relaxed) + 1;
        // A flood must not become a flood of warnings.
        if waited.is_power_of_two() {
            tracing::warn!(
                waited,
                "audit: the queue is full; what has something to record waits"
            );
        }
    }

    fn put(&self, record: AuditRecord, counted: bool) {
        let mut queue = self.lock();
        if queue.gone {
            drop(queue);
            lost(&record, "the writer has ended");
            return;
        }
        queue.waiting.push_back(Entry { record, counted });
        drop(queue);
        self.work.notify_one();
    }

    /// The thread: until it is closed and nothing waits.
    fn write_all(&self, log: &AuditLog) {
        let mut queue = self.lock();
        loop {
            let idle = |queue: &mut Queue| queue.waiting.is_empty() && !queue.closing;
            queue = self
                .work
                .wait_while(queue, idle)
                .unwrap_or_else(PoisonError::into_inner);
            let entries = std::mem::take(&mut queue.waiting);
            if entries.is_empty() {
                queue.gone = true;
                return;
            }
            drop(queue);
            for entry in entries {
                self.write(log, entry.record);
                if entry.counted && !self.room.is_closed() {
                    self.room.add_permits(1);
                }
            }
            queue = self.lock();
        }
    }

    /// Writes one record, whatever it takes; once closing, tries once.
    fn write(&self, log: &AuditLog, record: AuditRecord) {
        let before = log.head();
        let mut told = false;
        loop {
            let Err(error) = log.append(record.clone()) else {
                return;
            };
            if log.head() != before {
                // It is in the log; only the sync failed.
                tracing::error!(%error, "audit: records may be lost in a power cut");
                return;
            }
            if !told {
                tracing::error!(%error, "audit: a record was refused; trying again");
                told = true;
            }
            let open = |queue: &mut Queue| !queue.closing;
            let waited = self.work.wait_timeout_while(self.lock(), RETRY, open);
            if waited.unwrap_or_else(PoisonError::into_inner).0.closing {
                if log.append(record.clone()).is_err() && log.head() == before {
                    lost(&record, "the disk refuses and the server stops");
                }
                return;
            }
        }
    }
}

/// The last resort: the process's own log.
fn lost(record: &AuditRecord, why: &str) {
    let text = serde_json::to_string(record).unwrap_or_else(|error| error.to_string());
    tracing::error!(record = text, why, "audit: a record is not in the log");
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.shared.lock().closing = true;
        self.shared.room.close();
        self.shared.work.notify_all();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("audit: the writer panicked");
        }
    }
}

#[cfg(test)]
mod tests;
