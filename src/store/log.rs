//! Reading the event log: the ring where it reaches, pages of rows otherwise, the same events either way.

use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use rusqlite::Connection;
use tokio::sync::watch;

use super::pool::Pool;
use super::ring::Ring;
use super::sql::{self, Aged};
use super::stamp::Head;
use super::{Settings, StoreError, StoredEvent};
use crate::clock::Timestamp;
use crate::ids::JournalSeq;

/// Events in one page at most.
pub const PAGE_EVENTS: usize = 500;

/// A handle on the event log; cheap to clone. A cursor is the number of the last event read.
#[derive(Clone, Debug)]
pub struct EventLog(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    state: RwLock<State>,
    head: watch::Sender<JournalSeq>,
    pool: Pool,
    page_bytes: usize,
    created: Timestamp,
}

#[derive(Debug)]
struct State {
    ring: Ring,
    aged: Aged,
    last: Option<Timestamp>,
}

impl EventLog {
    pub(super) fn open(
        path: &Path,
        settings: &Settings,
        head: Head,
        aged: Aged,
        created: Timestamp,
    ) -> Result<Self, StoreError> {
        Ok(Self(Arc::new(Inner {
            state: RwLock::new(State {
                ring: Ring::new(settings.ring_bytes.get()),
                aged,
                last: head.time,
            }),
            head: watch::Sender::new(head.seq),
            pool: Pool::open(path, settings.readers.get())?,
            page_bytes: settings.page_bytes.get(),
            created,
        })))
    }

    fn state(&self) -> RwLockReadGuard<'_, State> {
        self.0.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The newest durable, published event; 0 when there never was one.
    pub fn head(&self) -> JournalSeq {
        *self.0.head.borrow()
    }

    /// Follows [`EventLog::head`].
    pub fn watermark(&self) -> watch::Receiver<JournalSeq> {
        self.0.head.subscribe()
    }

    /// When the log was made (`replayLogCreationTime`, RFC 5277 section 3.4).
    pub fn creation_time(&self) -> Timestamp {
        self.0.created
    }

    /// Time of the last event that aged out (`replayLogAgedTime`), `None` while none did.
    pub fn aged_time(&self) -> Option<Timestamp> {
        self.state().aged.time
    }

    /// Time of the newest event ever logged, aged out or not.
    pub fn last_time(&self) -> Option<Timestamp> {
        self.state().last
    }

    /// The cursor just before the oldest event kept.
    pub fn start(&self) -> JournalSeq {
        self.state().aged.seq
    }

    /// Up to `limit` (at most 500) events after the cursor, fewer where `page-bytes` is reached; empty at the head.
    /// May read the disk: async callers use [`EventLog::read`].
    ///
    /// # Errors
    /// `Aged` when events after the cursor are gone, `Read` when the disk fails.
    pub fn page(
        &self,
        after: JournalSeq,
        limit: usize,
    ) -> Result<Vec<Arc<StoredEvent>>, StoreError> {
        match self.page_in_memory(after, limit) {
            Some(page) => Ok(page),
            None => self.page_on_disk(after, limit),
        }
    }

    /// As [`EventLog::page`], on a blocking thread where the disk has to be read.
    ///
    /// # Errors
    /// As [`EventLog::page`].
    pub async fn read(
        &self,
        after: JournalSeq,
        limit: usize,
    ) -> Result<Vec<Arc<StoredEvent>>, StoreError> {
        if let Some(page) = self.page_in_memory(after, limit) {
            return Ok(page);
        }
        let log = self.clone();
        tokio::task::spawn_blocking(move || log.page_on_disk(after, limit))
            .await
            .unwrap_or_else(|error| Err(StoreError::Read(error.to_string())))
    }

    /// The page when it needs no disk, else `None`.
    pub fn page_in_memory(&self, after: JournalSeq, limit: usize) -> Option<Vec<Arc<StoredEvent>>> {
        let head = self.head();
        if after >= head {
            return Some(Vec::new());
        }
        let mut page = self.state().ring.page(after, limit.min(PAGE_EVENTS))?;
        // The ring grows just before the watermark does.
        page.retain(|event| event.seq <= head);
        Some(page)
    }

    fn page_on_disk(
        &self,
        after: JournalSeq,
        limit: usize,
    ) -> Result<Vec<Arc<StoredEvent>>, StoreError> {
        let head = self.head();
        let (mut page, mut bytes) = (Vec::new(), 0);
        self.0.pool.with(|conn| {
            sql::events(conn, after, head, limit.min(PAGE_EVENTS), |event| {
                bytes += event.size();
                let fits = page.is_empty() || bytes <= self.0.page_bytes;
                if fits {
                    page.push(Arc::new(event));
                }
                fits
            })
        })?;
        // Asked after the read: a trim in between shows as a first event that is not the next one.
        let next = page.first().map(|event| event.seq.0);
        if after < head && limit > 0 && next != Some(after.0 + 1) {
            let oldest = JournalSeq(self.start().0 + 1);
            return Err(StoreError::Aged { after, oldest });
        }
        Ok(page)
    }

    /// The first event whose time is at or after `time`, or the number the next event will have.
    /// The cursor to begin with is one less. May read the disk.
    ///
    /// # Errors
    /// `Read` when the disk fails.
    pub fn first_at_or_after(&self, time: Timestamp) -> Result<JournalSeq, StoreError> {
        let head = self.head();
        let in_memory = {
            let state = self.state();
            if state.last.is_none_or(|last| last < time) {
                return Ok(JournalSeq(head.0 + 1));
            }
            state.ring.first_at_or_after(time)
        };
        let found = match in_memory {
            Some(seq) => seq,
            None => self
                .0
                .pool
                .with(|conn| first_at_or_after(conn, head, time))?,
        };
        Ok(found.min(JournalSeq(head.0 + 1)))
    }

    pub(super) fn pool(&self) -> &Pool {
        &self.0.pool
    }

    /// Appends durable events to the ring.
    pub(super) fn append(&self, events: impl Iterator<Item = Arc<StoredEvent>>) {
        let mut state = self.0.state.write().unwrap_or_else(PoisonError::into_inner);
        for event in events {
            state.last = Some(event.time);
            state.ring.push(event);
        }
    }

    /// Raises the watermark.
    pub(super) fn raise(&self, head: JournalSeq) {
        self.0.head.send_if_modified(|seq| {
            let grows = head > *seq;
            *seq = head.max(*seq);
            grows
        });
    }

    /// Notes what aged out.
    pub(super) fn forget(&self, aged: Aged) {
        let mut state = self.0.state.write().unwrap_or_else(PoisonError::into_inner);
        state.ring.forget(aged.seq);
        state.aged = aged;
    }
}

/// Binary search on the primary key: times grow with numbers, so no index of times is needed.
fn first_at_or_after(
    conn: &Connection,
    head: JournalSeq,
    time: Timestamp,
) -> rusqlite::Result<JournalSeq> {
    let snapshot = conn.unchecked_transaction()?;
    let Some((oldest, _)) = sql::stamp_from(&snapshot, 0)? else {
        return Ok(JournalSeq(head.0 + 1));
    };
    let (mut low, mut high) = (oldest.0, head.0 + 1);
    while low < high {
        let middle = low + (high - low) / 2;
        match sql::stamp_from(&snapshot, middle)? {
            Some((seq, at)) if at < time => low = seq.0 + 1,
            _ => high = middle,
        }
    }
    Ok(JournalSeq(low))
}
