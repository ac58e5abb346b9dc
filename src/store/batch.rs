//! What is written together: rows, events, and the change of the published state.

use std::fmt;

use bytes::Bytes;

use super::StoreError;
use super::seal::Seal;
use crate::clock::Timestamp;
use crate::ids::JournalSeq;

/// Names a family of rows.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Table(pub &'static str);

/// Writes or removes one row.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Write {
    /// Family of the row.
    pub table: Table,
    /// Key within the family.
    pub key: String,
    /// New value; `None` removes the row, and is no error when there is none.
    pub value: Option<Vec<u8>>,
}

/// What must hold for a batch to be written, checked after the batches before it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Precondition {
    /// Family of the row.
    pub table: Table,
    /// Key within the family.
    pub key: String,
    /// The version the row must have; `None`: the row must not exist.
    pub version: Option<u64>,
}

/// One event to be stamped and appended; a body that is absent is not on that stream.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct NewEvent {
    /// Encoded body for stream `escEvent`.
    pub esc: Option<Bytes>,
    /// Encoded body for stream `NETCONF`.
    pub netconf: Option<Bytes>,
    /// A line of the journal of operations, on no stream.
    pub lcm: Option<Bytes>,
}

/// Changes the published state once the batch is durable.
pub type Publish<P> = Box<dyn FnOnce(&mut P, &Committed) + Send>;

/// One atomic unit of writing: all of it becomes durable, or none.
pub struct Batch<P> {
    /// Checked before anything is written, in this order.
    pub preconditions: Vec<Precondition>,
    /// Rows, in the order they are written.
    pub writes: Vec<Write>,
    /// Events, in the order they are stamped.
    pub events: Vec<NewEvent>,
    /// Runs on the writer thread after COMMIT, in commit order; it must not block or submit and wait.
    pub publish: Option<Publish<P>>,
}

impl<P> Default for Batch<P> {
    fn default() -> Self {
        Self {
            preconditions: Vec::new(),
            writes: Vec::new(),
            events: Vec::new(),
            publish: None,
        }
    }
}

impl<P> fmt::Debug for Batch<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batch")
            .field("preconditions", &self.preconditions)
            .field("writes", &self.writes.len())
            .field("events", &self.events.len())
            .field("publish", &self.publish.is_some())
            .finish()
    }
}

impl<P> Batch<P> {
    /// What the batch counts for in the queue's byte budget.
    pub(super) fn size(&self) -> usize {
        let conditions = self.preconditions.iter().map(|p| p.key.len() + 32);
        let rows = self
            .writes
            .iter()
            .map(|w| w.key.len() + w.value.as_ref().map_or(0, Vec::len) + 32);
        let events = self.events.iter().map(NewEvent::size);
        128 + conditions.chain(rows).chain(events).sum::<usize>()
    }
}

impl NewEvent {
    /// Bytes of all bodies.
    pub(super) fn size(&self) -> usize {
        let body = |b: &Option<Bytes>| b.as_ref().map_or(0, Bytes::len);
        body(&self.esc) + body(&self.netconf) + body(&self.lcm)
    }
}

/// What the committer gave a durable batch: one sequence number and time per event.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Committed {
    /// Sequence numbers of the batch's events, without gaps; empty when it had none.
    pub seqs: Vec<JournalSeq>,
    /// `eventTime` of the batch's events, strictly growing.
    pub times: Vec<Timestamp>,
}

/// One row as stored.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Row {
    /// Key within its table.
    pub key: String,
    /// 1 when made, one more at each write; a row removed and made again starts at 1.
    pub version: u64,
    /// The value.
    pub value: Vec<u8>,
}

impl Row {
    /// A row as it was read, with its value opened.
    pub(super) fn opened(mut self, seal: &Seal, table: Table) -> Result<Self, StoreError> {
        self.value = seal.open(table.0, &self.key, self.value)?;
        Ok(self)
    }
}

/// One event of the log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StoredEvent {
    /// Its place in the one total order.
    pub seq: JournalSeq,
    /// Its `eventTime`.
    pub time: Timestamp,
    /// Body for stream `escEvent`.
    pub esc: Option<Bytes>,
    /// Body for stream `NETCONF`.
    pub netconf: Option<Bytes>,
    /// A line of the journal of operations.
    pub lcm: Option<Bytes>,
}

impl StoredEvent {
    /// What the event counts for in a byte budget.
    pub(super) fn size(&self) -> usize {
        let body = |b: &Option<Bytes>| b.as_ref().map_or(0, Bytes::len);
        128 + body(&self.esc) + body(&self.netconf) + body(&self.lcm)
    }
}
