//! One group commit: savepoints, stamping, COMMIT, publication, acknowledgement.

use std::sync::Arc;

use rusqlite::{ErrorCode, OptionalExtension, params};

use super::fault::{Crash, Interrupt};
use super::queue::Job;
use super::writer::Writer;
use super::{
    Batch, Committed, FailPoint, NewEvent, Precondition, StoreError, StoredEvent, Write, sql,
};

/// What became of one batch inside the transaction.
type Outcome = Result<(Committed, Vec<Arc<StoredEvent>>), StoreError>;

/// Why a group failed, and whether COMMIT had begun.
struct Failure {
    why: Interrupt,
    committing: bool,
}

/// Why one batch failed.
enum BatchFailure {
    /// This batch alone.
    Own(StoreError),
    /// The whole group.
    Group(Interrupt),
}

impl<P: Clone> Writer<P> {
    /// Writes, publishes and acknowledges one group.
    pub fn group(&mut self, jobs: Vec<Job<P>>) -> Result<(), Crash> {
        let before = self.head;
        match self.write(&jobs) {
            Ok(outcomes) => self.deliver(jobs, outcomes),
            Err(Failure {
                why: Interrupt::Crash,
                ..
            }) => Err(Crash),
            Err(Failure {
                why: Interrupt::Sql(error),
                committing,
            }) => {
                self.head = before;
                let repaired = self.repair(&error)?;
                let failure = match repaired || !committing {
                    true => StoreError::NotStored(error.to_string()),
                    false => StoreError::Uncertain(error.to_string()),
                };
                for job in jobs {
                    // Nobody may be waiting any more.
                    let _ = job.reply.send(Err(failure.clone()));
                }
                Ok(())
            }
        }
    }

    fn write(&mut self, jobs: &[Job<P>]) -> Result<Vec<Outcome>, Failure> {
        let early = |why| Failure {
            why,
            committing: false,
        };
        self.faults.check(FailPoint::BeforeGroup).map_err(early)?;
        self.begin().map_err(|e| early(e.into()))?;
        let mut outcomes = Vec::with_capacity(jobs.len());
        for job in jobs {
            outcomes.push(self.savepoint(&job.batch).map_err(early)?);
        }
        let late = |why| Failure {
            why,
            committing: true,
        };
        self.faults.check(FailPoint::BeforeCommit).map_err(late)?;
        self.statement("COMMIT").map_err(|e| late(e.into()))?;
        self.good();
        Ok(outcomes)
    }

    /// Writes one batch; what it alone did wrong rolls back to before it.
    fn savepoint(&mut self, batch: &Batch<P>) -> Result<Outcome, Interrupt> {
        let before = self.head;
        self.faults.check(FailPoint::BeforeBatch)?;
        self.statement("SAVEPOINT batch")?;
        match self.batch(batch) {
            Ok(done) => {
                self.statement("RELEASE batch")?;
                self.faults.check(FailPoint::AfterBatch)?;
                Ok(Ok(done))
            }
            Err(BatchFailure::Own(error)) => {
                self.head = before;
                self.statement("ROLLBACK TO batch")?;
                self.statement("RELEASE batch")?;
                Ok(Err(error))
            }
            Err(BatchFailure::Group(why)) => Err(why),
        }
    }

    fn batch(
        &mut self,
        batch: &Batch<P>,
    ) -> Result<(Committed, Vec<Arc<StoredEvent>>), BatchFailure> {
        for condition in &batch.preconditions {
            self.check(condition)?;
        }
        for write in &batch.writes {
            let what = || format!("{}/{}", write.table.0, write.key);
            let (table, key) = (write.table.0, &write.key);
            let sealed = (write.value.as_ref()).map(|value| self.seal.close(table, key, value));
            let sealed = sealed.transpose().map_err(BatchFailure::Own)?;
            self.row(write, sealed.as_deref())
                .map_err(|why| self.blame(why, what))?;
        }
        let mut committed = Committed::default();
        let mut stored = Vec::with_capacity(batch.events.len());
        for (n, event) in batch.events.iter().enumerate() {
            let what = || format!("event {n} of the batch");
            let event = self.event(event).map_err(|why| self.blame(why, what))?;
            committed.seqs.push(event.seq);
            committed.times.push(event.time);
            stored.push(Arc::new(event));
        }
        Ok((committed, stored))
    }

    fn check(&self, condition: &Precondition) -> Result<(), BatchFailure> {
        let (table, key) = (condition.table.0, condition.key.as_str());
        let found = self
            .version(table, key)
            .map_err(|e| self.blame(e.into(), || format!("{table}/{key}")))?;
        if found == condition.version {
            return Ok(());
        }
        Err(BatchFailure::Own(StoreError::Precondition {
            table,
            key: key.to_owned(),
            expected: condition.version,
            found,
        }))
    }

    fn version(&self, table: &str, key: &str) -> rusqlite::Result<Option<u64>> {
        self.conn
            .prepare_cached("SELECT version FROM rows WHERE tbl = ?1 AND key = ?2")?
            .query_row([table, key], |row| row.get(0).map(sql::unsigned))
            .optional()
    }

    fn row(&self, write: &Write, sealed: Option<&[u8]>) -> Result<(), Interrupt> {
        self.faults.check(FailPoint::BeforeRow)?;
        let (table, key) = (write.table.0, write.key.as_str());
        match sealed {
            Some(value) => self
                .conn
                .prepare_cached(
                    "INSERT INTO rows (tbl, key, version, value) VALUES (?1, ?2, 1, ?3)
                     ON CONFLICT (tbl, key) DO UPDATE SET version = version + 1, value = excluded.value",
                )?
                .execute(params![table, key, value])?,
            None => self
                .conn
                .prepare_cached("DELETE FROM rows WHERE tbl = ?1 AND key = ?2")?
                .execute([table, key])?,
        };
        self.faults.check(FailPoint::AfterRow)
    }

    fn event(&mut self, event: &NewEvent) -> Result<StoredEvent, Interrupt> {
        if event.esc.is_some() || event.netconf.is_some() {
            self.faults.check(FailPoint::BeforeEvent)?;
        }
        let (seq, time) = self.head.stamp(self.clock.wall());
        let (esc, netconf) = (event.esc.clone(), event.netconf.clone());
        let lcm = event.lcm.clone();
        self.conn
            .prepare_cached(
                "INSERT INTO events (seq, time, esc, netconf, lcm) VALUES (?1, ?2, ?3, ?4, ?5)",
            )?
            .execute(params![
                sql::signed(seq.0),
                time.as_micros(),
                esc.as_deref(),
                netconf.as_deref(),
                lcm.as_deref()
            ])?;
        self.faults.check(FailPoint::AfterEvent)?;
        Ok(StoredEvent {
            seq,
            time,
            esc,
            netconf,
            lcm,
        })
    }

    /// A disk that refuses fails the group, anything else the batch that caused it.
    fn blame(&self, why: Interrupt, what: impl FnOnce() -> String) -> BatchFailure {
        let Interrupt::Sql(error) = why else {
            return BatchFailure::Group(why);
        };
        let own = matches!(
            error.sqlite_error_code(),
            Some(ErrorCode::TooBig | ErrorCode::ConstraintViolation | ErrorCode::TypeMismatch)
        );
        if own && !self.conn.is_autocommit() {
            let (what, message) = (what(), error.to_string());
            return BatchFailure::Own(StoreError::Row { what, message });
        }
        BatchFailure::Group(Interrupt::Sql(error))
    }

    /// Publication before acknowledgement, in commit order.
    fn deliver(&mut self, jobs: Vec<Job<P>>, outcomes: Vec<Outcome>) -> Result<(), Crash> {
        self.faults.crash(FailPoint::AfterCommit)?;
        let mut next: Option<P> = None;
        let mut replies = Vec::with_capacity(jobs.len());
        let mut stored = Vec::new();
        for (job, outcome) in jobs.into_iter().zip(outcomes) {
            let outcome = outcome.map(|(committed, events)| {
                if let Some(publish) = job.batch.publish {
                    let state = next.get_or_insert_with(|| (*self.shared.published().0).clone());
                    publish(state, &committed);
                }
                stored.extend(events);
                committed
            });
            replies.push((job.reply, outcome));
        }
        let state = next.map_or_else(|| self.shared.published().0, Arc::new);
        self.shared.publish(state, self.head.seq);
        self.faults.crash(FailPoint::AfterPublish)?;
        if self.oldest.is_none() {
            self.oldest = stored.first().map(|event| event.time);
        }
        self.shared.log.append(stored.into_iter());
        self.shared.log.raise(self.head.seq);
        self.faults.crash(FailPoint::BeforeAcknowledge)?;
        for (reply, outcome) in replies {
            // Nobody may be waiting any more.
            let _ = reply.send(outcome);
            self.faults.crash(FailPoint::AfterAcknowledge)?;
        }
        Ok(())
    }
}
