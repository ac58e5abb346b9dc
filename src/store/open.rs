//! Opening a store, and the handle on it.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use rusqlite::Connection;
use tokio::sync::{oneshot, watch};

use super::fault::Faults;
use super::pending::block_on;
use super::queue::Queue;
use super::seal::{self, Seal};
use super::shared::Shared;
use super::stamp::Head;
use super::writer::Writer;
use super::{
    Batch, Committed, DataDir, EventLog, FaultPlan, Health, Pending, Row, Settings, StoreError,
    Table, sql,
};
use crate::clock::{Clock, Mono, Timestamp};
use crate::ids::JournalSeq;

/// How a store is opened.
#[derive(Clone)]
pub struct OpenOptions {
    settings: Settings,
    clock: Arc<dyn Clock>,
    faults: Faults,
    dir: Option<Arc<DataDir>>,
}

impl OpenOptions {
    /// Settings and the clock that stamps events.
    pub fn new(settings: Settings, clock: Arc<dyn Clock>) -> Self {
        Self {
            settings,
            clock,
            faults: Faults::default(),
            dir: None,
        }
    }

    /// Sets what happens at the fail points; for tests.
    pub fn faults(mut self, plan: FaultPlan) -> Self {
        self.faults = Faults(Some(plan));
        self
    }

    /// Uses a directory that is locked already, instead of locking it.
    pub fn data_dir(mut self, dir: Arc<DataDir>) -> Self {
        self.dir = Some(dir);
        self
    }

    /// Opens the store in the directory, making both where they are missing. `init` builds the first published
    /// state from the rows.
    ///
    /// # Errors
    /// `InUse`, `Permissions`, `Schema`, `File`, or what `init` returns.
    pub fn open<P, E>(
        self,
        path: &Path,
        init: impl FnOnce(&Loaded<'_>) -> Result<P, E>,
    ) -> Result<Store<P>, E>
    where
        P: Clone + Send + Sync + 'static,
        E: From<StoreError>,
    {
        let dir = match self.dir {
            Some(dir) => dir,
            None => Arc::new(DataDir::acquire(path)?),
        };
        let file = dir.path().join(sql::FILE);
        let fail = |error: rusqlite::Error| StoreError::file(&file, error);
        let now = self.clock.wall();
        let (mut conn, made) = sql::open_writer(&file, now)?;
        let key = match self.settings.key_file.as_path() {
            none if none.as_os_str().is_empty() => dir.path().join(seal::FILE),
            file => file.to_owned(),
        };
        let seal = Arc::new(sql::seal(&mut conn, &file, &key)?);
        let (head, aged) = sql::head(&conn).map_err(fail)?;
        let created = sql::meta(&conn, "created").map_err(fail)?;
        let created = created.map_or(now, Timestamp::from_micros);
        let oldest = sql::stamp_from(&conn, 0)
            .map_err(fail)?
            .map(|(_, time)| time);
        let state = init(&Loaded {
            conn: &conn,
            seal: &seal,
            head,
            made,
        })?;
        let log = EventLog::open(&file, &self.settings, head, aged, created)?;
        let queue = Queue::new(&self.settings);
        let shared = Arc::new(Shared::new(queue, log, state));
        let writer = Writer {
            conn,
            seal: Arc::clone(&seal),
            shared: Arc::clone(&shared),
            clock: self.clock,
            settings: self.settings,
            faults: self.faults,
            head,
            aged,
            oldest,
            next_trim: Mono::ZERO,
            dir: Arc::clone(&dir),
        };
        let thread = thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || writer.run())
            .map_err(|error| StoreError::file(&file, error))?;
        let owner = Owner {
            shared,
            seal,
            thread: Mutex::new(Some(thread)),
            dir,
        };
        Ok(Store(Arc::new(owner)))
    }
}

/// What a store held when it was opened.
pub struct Loaded<'a> {
    conn: &'a Connection,
    seal: &'a Seal,
    head: Head,
    made: bool,
}

impl Loaded<'_> {
    /// Whether the store was made just now.
    pub fn is_new(&self) -> bool {
        self.made
    }

    /// The newest event.
    pub fn head(&self) -> JournalSeq {
        self.head.seq
    }

    /// Time of the newest event.
    pub fn last_time(&self) -> Option<Timestamp> {
        self.head.time
    }

    /// All rows of a table in key order.
    ///
    /// # Errors
    /// `Read` when the disk fails, `File` when the key does not open a row.
    pub fn rows(&self, table: Table) -> Result<Vec<Row>, StoreError> {
        let rows = sql::rows(self.conn, table.0).map_err(StoreError::read)?;
        rows.into_iter()
            .map(|row| row.opened(self.seal, table))
            .collect()
    }
}

/// A handle on the store; cheap to clone. When the last one goes, what is queued is written, then the writer ends.
pub struct Store<P>(Arc<Owner<P>>);

impl<P> Clone for Store<P> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

struct Owner<P> {
    shared: Arc<Shared<P>>,
    seal: Arc<Seal>,
    thread: Mutex<Option<JoinHandle<()>>>,
    dir: Arc<DataDir>,
}

impl<P> Owner<P> {
    fn stop(&self) {
        self.shared.queue.close();
        let thread = self
            .thread
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        // The last handle may have been dropped by a publish closure, on the writer itself.
        if let Some(thread) = thread.filter(|t| t.thread().id() != thread::current().id())
            && thread.join().is_err()
        {
            tracing::error!("store: the writer panicked");
        }
    }
}

impl<P> Drop for Owner<P> {
    fn drop(&mut self) {
        self.stop();
    }
}

impl<P: Clone + Send + Sync + 'static> Store<P> {
    /// Opens with default options; see [`OpenOptions::open`].
    ///
    /// # Errors
    /// As [`OpenOptions::open`].
    pub fn open<E: From<StoreError>>(
        path: &Path,
        settings: Settings,
        clock: Arc<dyn Clock>,
        init: impl FnOnce(&Loaded<'_>) -> Result<P, E>,
    ) -> Result<Self, E> {
        OpenOptions::new(settings, clock).open(path, init)
    }

    /// Enqueues a batch before returning; batches are written in the order of the calls.
    /// The future fails with `Precondition`, `Row`, `Busy`, `TooLarge`, `NotStored`, `Uncertain` or `Stopped`.
    pub fn submit(&self, batch: Batch<P>) -> Pending {
        let (reply, outcome) = oneshot::channel();
        match self.0.shared.queue.push(batch, reply) {
            Ok(()) => Pending::waiting(outcome),
            Err(error) => Pending::refused(error),
        }
    }

    /// Enqueues a batch and blocks the thread until it is durable; for tests and simulations.
    ///
    /// # Errors
    /// As [`Store::submit`].
    pub fn submit_blocking(&self, batch: Batch<P>) -> Result<Committed, StoreError> {
        self.submit(batch).wait()
    }

    /// Waits until the queue is at most half full; for bulk writers that were told `Busy`.
    pub async fn wait_for_room(&self) {
        self.0.shared.queue.wait_for_room().await;
    }

    /// The state after the last durable batch.
    pub fn published(&self) -> Arc<P> {
        self.0.shared.published().0
    }

    /// The state, and the newest event it contains.
    pub fn published_at(&self) -> (Arc<P>, JournalSeq) {
        self.0.shared.published()
    }

    /// All rows of a table in key order, as durable now. Reads the disk.
    ///
    /// # Errors
    /// `Read` when the disk fails, `File` when the key does not open a row.
    pub fn rows(&self, table: Table) -> Result<Vec<Row>, StoreError> {
        let rows = self.events().pool().with(|conn| sql::rows(conn, table.0))?;
        rows.into_iter()
            .map(|row| row.opened(&self.0.seal, table))
            .collect()
    }

    /// One row, as durable now. Reads the disk.
    ///
    /// # Errors
    /// `Read` when the disk fails, `File` when the key does not open the row.
    pub fn row(&self, table: Table, key: &str) -> Result<Option<Row>, StoreError> {
        let pool = self.events().pool();
        let row = pool.with(|conn| sql::row_of(conn, table.0, key))?;
        row.map(|row| row.opened(&self.0.seal, table)).transpose()
    }

    /// The number of the newest durable, published event.
    pub fn watermark(&self) -> watch::Receiver<JournalSeq> {
        self.events().watermark()
    }

    /// The event log; a clone of it may outlive the store for reading.
    pub fn events(&self) -> &EventLog {
        &self.0.shared.log
    }

    /// Whether batches become durable.
    pub fn health(&self) -> watch::Receiver<Health> {
        self.0.shared.health.subscribe()
    }

    /// Removes all events that are due by age or count now; the writer does so by itself. Answers how many.
    ///
    /// # Errors
    /// `NotStored` when the disk refuses, `Stopped` after the end.
    pub fn trim_blocking(&self) -> Result<u64, StoreError> {
        let (reply, outcome) = oneshot::channel();
        self.0.shared.queue.ask_trim(reply);
        block_on(outcome).unwrap_or(Err(StoreError::Stopped))
    }

    /// The data directory.
    pub fn dir(&self) -> PathBuf {
        self.0.dir.path().to_owned()
    }

    /// Refuses new batches, writes what is queued, ends the writer. Blocks; idempotent.
    pub fn shutdown(&self) {
        self.0.stop();
    }
}
