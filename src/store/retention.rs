//! Retention: events too old or too many are removed in small pieces.

use std::time::Duration;

use rusqlite::params;

use super::fault::{Crash, Interrupt};
use super::sql::{self, Aged};
use super::writer::Writer;
use super::{FailPoint, StoreError};
use crate::clock::Timestamp;
use crate::ids::JournalSeq;

/// A clock set back or forward is noticed within this time.
const LONGEST_SLEEP: Duration = Duration::from_secs(3600);

/// After a piece that was not full, or one that failed, the next comes this much later.
const PACE: Duration = Duration::from_secs(1);

impl<P: Clone> Writer<P> {
    /// Time until the oldest event is due, `None` when nothing is kept.
    pub fn trim_due_in(&self) -> Option<Duration> {
        let oldest = self.oldest?;
        let due = oldest + self.settings.retention_age() + Duration::from_millis(1);
        let wait = match self.surplus() {
            0 => due.since(self.clock.wall()).min(LONGEST_SLEEP),
            _ => Duration::ZERO,
        };
        Some(wait.max(self.next_trim.saturating_sub(self.clock.mono())))
    }

    /// Events beyond `retention-events`.
    fn surplus(&self) -> u64 {
        let kept = self.head.seq.0 - self.aged.seq.0;
        kept.saturating_sub(self.settings.retention_events.get())
    }

    fn cutoff(&self) -> Timestamp {
        self.clock.wall() - self.settings.retention_age()
    }

    /// Removes one piece where it is due; while batches keep coming, a few events too many are left for later.
    pub fn trim_if_due(&mut self, busy: bool) -> Result<(), Crash> {
        let piece = u64::from(self.settings.trim_piece.get());
        let old = self.oldest.is_some_and(|oldest| oldest < self.cutoff());
        let many = self.surplus() >= if busy { piece } else { 1 };
        let paced = self.clock.mono() >= self.next_trim || self.surplus() >= piece;
        if !(old || many) || !paced || self.shared.health_is_failing() {
            return Ok(());
        }
        match self.trim_piece() {
            Ok(removed) if removed < piece => self.next_trim = self.clock.mono() + PACE,
            Ok(_) => {}
            Err(Interrupt::Crash) => return Err(Crash),
            Err(Interrupt::Sql(error)) => {
                self.next_trim = self.clock.mono() + PACE;
                self.trim_error(&error)?;
            }
        }
        Ok(())
    }

    /// Removes all that is due, in pieces; answers how many events that were.
    pub fn trim_all(&mut self) -> Result<Result<u64, StoreError>, Crash> {
        let mut total = 0;
        loop {
            match self.trim_piece() {
                Ok(0) => return Ok(Ok(total)),
                Ok(removed) => total += removed,
                Err(Interrupt::Crash) => return Err(Crash),
                Err(Interrupt::Sql(error)) => return Ok(Err(self.trim_error(&error)?)),
            }
        }
    }

    /// One transaction: the oldest events that are due, `trim-piece` at most.
    fn trim_piece(&mut self) -> Result<u64, Interrupt> {
        let Some(aged) = self.last_due()? else {
            return Ok(0);
        };
        self.faults.check(FailPoint::BeforeTrim)?;
        self.begin()?;
        self.conn
            .prepare_cached("DELETE FROM events WHERE seq <= ?1")?
            .execute([sql::signed(aged.seq.0)])?;
        sql::set_meta(&self.conn, "aged-seq", sql::signed(aged.seq.0))?;
        if let Some(time) = aged.time {
            sql::set_meta(&self.conn, "aged-time", time.as_micros())?;
        }
        self.faults.check(FailPoint::BeforeTrimCommit)?;
        self.statement("COMMIT")?;
        self.faults.crash(FailPoint::AfterTrim)?;
        let removed = aged.seq.0 - self.aged.seq.0;
        self.aged = aged;
        self.shared.log.forget(aged);
        self.oldest = sql::stamp_from(&self.conn, aged.seq.0 + 1)?.map(|(_, time)| time);
        Ok(removed)
    }

    /// The newest event of the next piece.
    fn last_due(&self) -> rusqlite::Result<Option<Aged>> {
        let piece = u64::from(self.settings.trim_piece.get());
        let first = self.aged.seq.0 + 1;
        let surplus_end = self.aged.seq.0 + self.surplus();
        let mut statement = self.conn.prepare_cached(
            "SELECT max(seq), max(time) FROM
               (SELECT seq, time FROM events WHERE seq >= ?1 ORDER BY seq LIMIT ?2)
             WHERE seq <= ?3 OR time < ?4",
        )?;
        statement.query_row(
            params![
                sql::signed(first),
                sql::signed(piece),
                sql::signed(surplus_end),
                self.cutoff().as_micros()
            ],
            |row| {
                let seq: Option<i64> = row.get(0)?;
                let time: Option<i64> = row.get(1)?;
                Ok(seq.map(|seq| Aged {
                    seq: JournalSeq(sql::unsigned(seq)),
                    time: time.map(Timestamp::from_micros),
                }))
            },
        )
    }
}
