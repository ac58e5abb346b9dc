//! The newest events, in memory, within a byte budget. Sequence numbers have no gaps.

use std::collections::VecDeque;
use std::sync::Arc;

use super::StoredEvent;
use crate::clock::Timestamp;
use crate::ids::JournalSeq;

#[derive(Debug)]
pub(super) struct Ring {
    events: VecDeque<Arc<StoredEvent>>,
    bytes: usize,
    budget: usize,
}

impl Ring {
    pub fn new(budget: usize) -> Self {
        Self {
            events: VecDeque::new(),
            bytes: 0,
            budget,
        }
    }

    /// Appends the next event and forgets the oldest ones beyond the budget.
    pub fn push(&mut self, event: Arc<StoredEvent>) {
        self.bytes += event.size();
        self.events.push_back(event);
        while self.bytes > self.budget && self.events.len() > 1 {
            self.pop();
        }
    }

    /// Forgets the events up to and including `seq`.
    pub fn forget(&mut self, seq: JournalSeq) {
        while self.events.front().is_some_and(|event| event.seq <= seq) {
            self.pop();
        }
    }

    fn pop(&mut self) {
        if let Some(event) = self.events.pop_front() {
            self.bytes -= event.size();
        }
    }

    /// Up to `limit` events after `after`; `None` when they begin before the ring.
    pub fn page(&self, after: JournalSeq, limit: usize) -> Option<Vec<Arc<StoredEvent>>> {
        let first = self.events.front()?.seq;
        let skip = (after.0 + 1).checked_sub(first.0)?;
        let skip = usize::try_from(skip).ok()?;
        Some(self.events.iter().skip(skip).take(limit).cloned().collect())
    }

    /// The first event at or after a time, when it is certain to be in the ring.
    pub fn first_at_or_after(&self, time: Timestamp) -> Option<JournalSeq> {
        if self.events.front()?.time >= time {
            return None;
        }
        let place = self.events.partition_point(|event| event.time < time);
        self.events.get(place).map(|event| event.seq)
    }
}
