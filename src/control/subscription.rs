//! Subscriptions (RFC 5277): a subscriber is a cursor into the event log, never a queue.
//!
//! ```text
//! startTime? --yes--> Replay --passes head H--> (replayComplete) Live --passes stopTime--> Ended
//!     |                                                           ^    (notificationComplete)
//!     +--no-------------------------------------------------------+
//! ```
//! Pure: it is given pages of the log and the time, and says what to send.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

use crate::clock::Timestamp;
use crate::ids::JournalSeq;
use crate::store::StoredEvent;

/// An event stream.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StreamName {
    /// `NETCONF`, the default: every event, ours with our elements, and the RFC 6470 ones.
    Netconf,
    /// `escEvent`: pure ESC events.
    EscEvent,
}

impl StreamName {
    /// Every stream, in the order they are listed.
    pub const ALL: [Self; 2] = [Self::Netconf, Self::EscEvent];

    /// Its name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Netconf => "NETCONF",
            Self::EscEvent => "escEvent",
        }
    }

    /// What it carries, for a person.
    pub fn description(self) -> &'static str {
        match self {
            Self::Netconf => {
                "all events: those of escEvent with operation ids and reasons, and NETCONF's own"
            }
            Self::EscEvent => "events of services and VMs, as ESC sends them",
        }
    }

    /// The stream of that name.
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|stream| stream.as_str() == name)
    }

    /// The body that this stream carries of an event; `None`: not on this stream.
    pub fn body(self, event: &StoredEvent) -> Option<&Bytes> {
        match self {
            Self::Netconf => event.netconf.as_ref(),
            Self::EscEvent => event.esc.as_ref(),
        }
    }
}

impl fmt::Display for StreamName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What to send next.
#[derive(Clone, PartialEq, Debug)]
pub enum Item {
    /// An event of the stream; the filter is applied by the sender.
    Event(Arc<StoredEvent>),
    /// `replayComplete`.
    ReplayComplete,
    /// `notificationComplete`; the subscription is over, the session is not.
    NotificationComplete,
}

/// Why a subscription was not accepted (RFC 5277 section 2.1.1).
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SubscribeError {
    /// stopTime without startTime.
    #[error("stopTime needs a startTime")]
    StopWithoutStart,
    /// stopTime not later than startTime.
    #[error("stopTime is not later than startTime")]
    StopBeforeStart,
    /// startTime later than now and than every event logged.
    #[error("startTime is in the future")]
    StartInFuture,
    /// The session has a subscription already.
    #[error("the session has a subscription already")]
    Active,
}

/// What a client asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Window {
    /// Replay from here, inclusive.
    pub start: Option<Timestamp>,
    /// Send nothing later than this.
    pub stop: Option<Timestamp>,
}

impl Window {
    /// Checks the times. `last` is the time of the newest event logged: after a backward step of the
    /// clock it may be later than `now`, and a startTime up to it is not in the future.
    ///
    /// # Errors
    /// As RFC 5277 section 2.1.1 orders.
    pub fn check(&self, now: Timestamp, last: Option<Timestamp>) -> Result<(), SubscribeError> {
        let Some(start) = self.start else {
            return match self.stop {
                Some(_) => Err(SubscribeError::StopWithoutStart),
                None => Ok(()),
            };
        };
        if start > now && last.is_none_or(|last| start > last) {
            return Err(SubscribeError::StartInFuture);
        }
        match self.stop {
            Some(stop) if stop <= start => Err(SubscribeError::StopBeforeStart),
            _ => Ok(()),
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Phase {
    Replay,
    Live,
    Ended,
}

/// One subscription's place in the log.
#[derive(Clone, Debug)]
pub struct Cursor {
    stream: StreamName,
    stop: Option<Timestamp>,
    after: JournalSeq,
    head: JournalSeq,
    phase: Phase,
}

impl Cursor {
    /// A cursor. `head` is the newest event when the subscription was accepted; `first` the oldest
    /// event at or after startTime, where one was given.
    pub fn new(
        stream: StreamName,
        window: Window,
        head: JournalSeq,
        first: Option<JournalSeq>,
    ) -> Self {
        let (after, phase) = match first {
            Some(first) => (JournalSeq(first.0.saturating_sub(1)), Phase::Replay),
            None => (head, Phase::Live),
        };
        Self {
            stream,
            stop: window.stop,
            after,
            head,
            phase,
        }
    }

    /// Read the log after this.
    pub fn after(&self) -> JournalSeq {
        self.after
    }

    /// Its stream.
    pub fn stream(&self) -> StreamName {
        self.stream
    }

    /// stopTime, while the subscription is not over.
    pub fn stop(&self) -> Option<Timestamp> {
        self.stop.filter(|_| self.phase != Phase::Ended)
    }

    /// Whether nothing more will come.
    pub fn ended(&self) -> bool {
        self.phase == Phase::Ended
    }

    /// Takes a page of the log that starts right after [`Cursor::after`]; `watermark` is the newest
    /// event that the page could have held, so an empty page moves the cursor there too.
    pub fn advance(&mut self, page: &[Arc<StoredEvent>], watermark: JournalSeq) -> Vec<Item> {
        let mut items = Vec::new();
        for event in page {
            if self.phase == Phase::Ended {
                return items;
            }
            if event.seq <= self.after {
                continue;
            }
            if self.phase == Phase::Replay && event.seq > self.head {
                self.replayed(&mut items);
            }
            if self.stop.is_some_and(|stop| event.time > stop) {
                self.end(&mut items);
                return items;
            }
            self.after = event.seq;
            if self.stream.body(event).is_some() {
                items.push(Item::Event(event.clone()));
            }
        }
        if page.is_empty() && watermark > self.after {
            self.after = watermark;
        }
        if self.phase == Phase::Replay && self.after >= self.head {
            self.replayed(&mut items);
        }
        items
    }

    /// The clock and the log have both passed stopTime, and the log was read to its end.
    pub fn stop_passed(&mut self) -> Vec<Item> {
        let mut items = Vec::new();
        if self.phase != Phase::Ended {
            self.end(&mut items);
        }
        items
    }

    fn replayed(&mut self, items: &mut Vec<Item>) {
        self.phase = Phase::Live;
        items.push(Item::ReplayComplete);
    }

    fn end(&mut self, items: &mut Vec<Item>) {
        if self.phase == Phase::Replay {
            self.replayed(items);
        }
        self.phase = Phase::Ended;
        items.push(Item::NotificationComplete);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(micros: i64) -> Timestamp {
        Timestamp::from_micros(micros)
    }

    fn event(seq: u64, esc: bool) -> Arc<StoredEvent> {
        let body = Bytes::from_static(b"<e/>");
        Arc::new(StoredEvent {
            seq: JournalSeq(seq),
            time: at(seq as i64 * 10),
            esc: esc.then(|| body.clone()),
            netconf: Some(body),
            lcm: None,
        })
    }

    fn seqs(items: &[Item]) -> Vec<String> {
        items
            .iter()
            .map(|item| match item {
                Item::Event(event) => event.seq.to_string(),
                Item::ReplayComplete => "replayComplete".to_owned(),
                Item::NotificationComplete => "notificationComplete".to_owned(),
            })
            .collect()
    }

    fn window(start: Option<i64>, stop: Option<i64>) -> Window {
        Window {
            start: start.map(at),
            stop: stop.map(at),
        }
    }

    #[test]
    fn a_live_cursor_skips_the_past_and_other_streams() {
        let mut cursor = Cursor::new(
            StreamName::EscEvent,
            window(None, None),
            JournalSeq(2),
            None,
        );
        let page = [event(2, true), event(3, false), event(4, true)];
        assert_eq!(seqs(&cursor.advance(&page, JournalSeq(4))), ["4"]);
        assert_eq!(cursor.after(), JournalSeq(4));
    }

    #[test]
    fn replay_complete_comes_once_when_the_head_is_passed() {
        let mut cursor = Cursor::new(
            StreamName::Netconf,
            window(Some(10), None),
            JournalSeq(2),
            Some(JournalSeq(1)),
        );
        assert_eq!(
            seqs(&cursor.advance(&[event(1, true)], JournalSeq(3))),
            ["1"]
        );
        let rest = [event(2, true), event(3, true)];
        assert_eq!(
            seqs(&cursor.advance(&rest, JournalSeq(3))),
            ["2", "replayComplete", "3"]
        );
        assert_eq!(seqs(&cursor.advance(&[], JournalSeq(3))), [""; 0]);
    }

    #[test]
    fn an_empty_log_replays_nothing_and_says_so() {
        let mut cursor = Cursor::new(
            StreamName::Netconf,
            window(Some(10), None),
            JournalSeq(0),
            Some(JournalSeq(1)),
        );
        assert_eq!(
            seqs(&cursor.advance(&[], JournalSeq(0))),
            ["replayComplete"]
        );
    }

    #[test]
    fn stop_time_ends_after_the_last_event_not_later_than_it() {
        let mut cursor = Cursor::new(
            StreamName::Netconf,
            window(Some(10), Some(20)),
            JournalSeq(3),
            Some(JournalSeq(1)),
        );
        let page = [event(1, true), event(2, true), event(3, true)];
        assert_eq!(
            seqs(&cursor.advance(&page, JournalSeq(3))),
            ["1", "2", "replayComplete", "notificationComplete"]
        );
        assert!(cursor.ended());
        assert!(cursor.stop_passed().is_empty());
    }

    #[test]
    fn the_clock_alone_ends_a_quiet_subscription() {
        let mut cursor = Cursor::new(
            StreamName::Netconf,
            window(Some(10), Some(99)),
            JournalSeq(1),
            Some(JournalSeq(1)),
        );
        assert_eq!(
            seqs(&cursor.advance(&[event(1, true)], JournalSeq(1))),
            ["1", "replayComplete"]
        );
        assert_eq!(seqs(&cursor.stop_passed()), ["notificationComplete"]);
    }

    #[test]
    fn times_are_checked_as_the_rfc_orders() {
        let check = |start, stop| window(start, stop).check(at(100), Some(at(120)));
        assert_eq!(check(None, None), Ok(()));
        assert_eq!(check(None, Some(5)), Err(SubscribeError::StopWithoutStart));
        assert_eq!(
            check(Some(50), Some(40)),
            Err(SubscribeError::StopBeforeStart)
        );
        assert_eq!(check(Some(121), None), Err(SubscribeError::StartInFuture));
        assert_eq!(
            check(Some(120), None),
            Ok(()),
            "the log reaches past the clock"
        );
        assert_eq!(check(Some(50), Some(500)), Ok(()));
    }
}
