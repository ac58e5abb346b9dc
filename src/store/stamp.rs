//! The one rule for sequence numbers and event times.

use std::time::Duration;

use crate::clock::Timestamp;
use crate::ids::JournalSeq;

/// The least distance of two event times: what a subscription tells of itself (replayComplete) has a time between them.
const STEP: Duration = Duration::from_micros(2);

/// The newest sequence number and event time given out.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Head {
    /// 0 before the first event.
    pub seq: JournalSeq,
    /// `None` before the first event.
    pub time: Option<Timestamp>,
}

impl Head {
    /// Gives the next event its place: the next number, and `now` cut to milliseconds, or [`STEP`] after the
    /// event before where that is not later (two events in a millisecond, a clock set back).
    pub fn stamp(&mut self, now: Timestamp) -> (JournalSeq, Timestamp) {
        let cut = now.whole_millisecond();
        let time = match self.time {
            Some(last) if cut <= last => last + STEP,
            _ => cut,
        };
        self.seq = JournalSeq(self.seq.0 + 1);
        self.time = Some(time);
        (self.seq, time)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_milliseconds_unless_they_would_not_grow() {
        let mut head = Head::default();
        let at = |micros| Timestamp::from_micros(micros);
        let table = [
            (5_000_999, 5_000_000),
            (5_000_999, 5_000_002),
            (5_001_500, 5_001_000),
            (4_000_000, 5_001_002),
            (5_001_999, 5_001_004),
            (5_002_000, 5_002_000),
        ];
        for (n, (now, given)) in table.into_iter().enumerate() {
            let (seq, time) = head.stamp(at(now));
            assert_eq!((seq, time), (JournalSeq(n as u64 + 1), at(given)), "{now}");
        }
    }
}
