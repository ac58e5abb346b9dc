//! The writer thread: takes work, sleeps until the next deadline, ends in order.

use std::sync::Arc;
use std::time::Duration;

use rusqlite::Connection;
use rusqlite::config::DbConfig;

use super::fault::{Crash, Faults, Interrupt};
use super::seal::Seal;
use super::shared::{Health, Shared};
use super::sql::{self, Aged};
use super::stamp::Head;
use super::{DataDir, FailPoint, Settings, StoreError};
use crate::clock::{Clock, Mono, Timestamp};

/// How often a failing disk is tried again when no batch comes.
const RETRY: Duration = Duration::from_secs(1);

pub(super) struct Writer<P> {
    pub conn: Connection,
    pub seal: Arc<Seal>,
    pub shared: Arc<Shared<P>>,
    pub clock: Arc<dyn Clock>,
    pub settings: Settings,
    pub faults: Faults,
    pub head: Head,
    pub aged: Aged,
    /// Time of the oldest event kept.
    pub oldest: Option<Timestamp>,
    /// No trim before this, unless a whole piece is too many.
    pub next_trim: Mono,
    /// Held as long as the thread may write.
    pub dir: Arc<DataDir>,
}

/// Tells everybody, however the thread ends.
struct StopGuard<P>(Arc<Shared<P>>);

impl<P> Drop for StopGuard<P> {
    fn drop(&mut self) {
        self.0.health.send_replace(Health::Stopped);
        self.0.queue.abandon();
    }
}

impl<P: Clone> Writer<P> {
    /// Runs until the queue is closed and empty.
    pub fn run(mut self) {
        let _guard = StopGuard(Arc::clone(&self.shared));
        match self.serve() {
            Ok(()) => {
                // Folds the WAL into the file; if that fails the next start does it.
                if let Err(error) = self.conn.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)") {
                    tracing::warn!(%error, "store: last checkpoint failed");
                }
            }
            Err(Crash) => {
                // As a killed process leaves it: the WAL stays, the open transaction is lost.
                let config = DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE;
                let _ = self.conn.set_db_config(config, true);
            }
        }
        tracing::debug!(dir = %self.dir.path().display(), "store: writer ended");
    }

    fn serve(&mut self) -> Result<(), Crash> {
        let group = self.settings.group_size.get();
        loop {
            let taken = self.shared.queue.take(group, self.idle_time());
            let busy = !taken.jobs.is_empty();
            if busy {
                self.group(taken.jobs)?;
            } else if taken.finished {
                return Ok(());
            } else if self.shared.health_is_failing() {
                // Health and the retry pace follow from the outcome.
                let _ = self.probe()?;
            }
            for reply in taken.trims {
                let outcome = self.trim_all()?;
                let _ = reply.send(outcome);
            }
            self.trim_if_due(busy)?;
        }
    }

    /// How long nothing needs to be done: until the oldest event is too old; no polling (P8).
    fn idle_time(&self) -> Option<Duration> {
        if self.shared.health_is_failing() {
            return Some(RETRY);
        }
        self.trim_due_in()
    }

    /// After a failed transaction: leaves it, and writes a little. A failed COMMIT may have left its frames
    /// in the WAL; the next commit writes over them, which makes "not stored" certain.
    /// The flag says whether that worked.
    pub fn repair(&mut self, error: &rusqlite::Error) -> Result<bool, Crash> {
        tracing::error!(%error, "store: a transaction failed");
        self.roll_back();
        let since = self.clock.wall();
        self.shared.health.send_if_modified(|health| match health {
            Health::Failing { error: text, .. } => {
                *text = error.to_string();
                true
            }
            _ => {
                let error = error.to_string();
                *health = Health::Failing { since, error };
                true
            }
        });
        self.probe()
    }

    /// One small commit; good health follows from it.
    fn probe(&mut self) -> Result<bool, Crash> {
        let outcome = (|| {
            self.faults.check(FailPoint::BeforeRepair)?;
            self.begin()?;
            let repairs = sql::meta(&self.conn, "repairs")?.unwrap_or(0);
            sql::set_meta(&self.conn, "repairs", repairs.wrapping_add(1))?;
            self.statement("COMMIT")?;
            Ok(())
        })();
        match outcome {
            Ok(()) => {
                self.good();
                Ok(true)
            }
            Err(Interrupt::Crash) => Err(Crash),
            Err(Interrupt::Sql(_)) => {
                self.roll_back();
                Ok(false)
            }
        }
    }

    /// Notes that a commit worked.
    pub fn good(&self) {
        self.shared.health.send_if_modified(|health| {
            let change = *health != Health::Good;
            if change {
                tracing::info!("store: the disk takes writes again");
                *health = Health::Good;
            }
            change
        });
    }

    pub fn begin(&self) -> rusqlite::Result<()> {
        self.statement("BEGIN IMMEDIATE")
    }

    pub fn statement(&self, sql: &str) -> rusqlite::Result<()> {
        self.conn.prepare_cached(sql)?.execute([]).map(|_| ())
    }

    pub fn roll_back(&self) {
        // SQLite may have rolled back by itself (disk full, I/O error).
        if !self.conn.is_autocommit()
            && let Err(error) = self.statement("ROLLBACK")
        {
            tracing::error!(%error, "store: rollback failed");
        }
    }

    /// The error for whoever waits for a trim.
    pub fn trim_error(&mut self, error: &rusqlite::Error) -> Result<StoreError, Crash> {
        self.repair(error)?;
        Ok(StoreError::NotStored(error.to_string()))
    }
}
