//! The pump of one subscription: log -> cursor -> filter -> items ready to be sent.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::clock::{Clock, Timestamp};
use crate::control::subscription::{Cursor, Item};
use crate::datastore::{self, Budget, Filter};
use crate::ids::JournalSeq;
use crate::proto::netconf::{NOTIFICATION_COMPLETE, REPLAY_COMPLETE};
use crate::store::{EventLog, StoreError, StoredEvent};
use crate::xml;

/// Events read from the log at once, and so held for one subscriber.
const PAGE: usize = 32;
/// Longest sleep towards a stopTime, so that a stepped wall clock is noticed.
const STOP_POLL: Duration = Duration::from_secs(60);

/// Between two events at least one microsecond is free.
const MICROSECOND: Duration = Duration::from_micros(1);

/// One notification: its time, its content.
#[derive(Debug)]
pub struct Notification {
    /// `eventTime`.
    pub time: Timestamp,
    /// The element after it.
    pub content: Content,
}

/// What a notification holds.
#[derive(Debug)]
pub enum Content {
    /// An event's stored bytes.
    Event(bytes::Bytes),
    /// One of RFC 5277's own.
    Own(&'static str),
}

/// Why a subscription cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum PumpError {
    /// The log.
    #[error("events: {0}")]
    Store(#[from] StoreError),
    /// To leave the event out, or to send it, would both be wrong.
    #[error("the subscription's filter: {0}")]
    Filter(#[from] datastore::Error),
}

/// Makes sure that every event stamped so far is published: an empty batch that is durable.
pub type Barrier =
    Arc<dyn Fn() -> crate::northbound::netconf::transport::BoxFuture<'static, ()> + Send + Sync>;

/// Whether the subscriber may be sent an event of this content, at this moment.
pub type Permit = Arc<dyn Fn(&[u8]) -> bool + Send + Sync>;

/// Reads the log for one subscriber.
pub struct Pump {
    cursor: Cursor,
    /// With the visits it may make for one event.
    filter: Option<(Filter, u64)>,
    log: EventLog,
    watermark: watch::Receiver<JournalSeq>,
    clock: Arc<dyn Clock>,
    barrier: Barrier,
    permit: Permit,
    ready: VecDeque<Item>,
    /// The latest `eventTime` handed out.
    told: Option<Timestamp>,
}

impl Pump {
    /// A pump for a cursor made when the subscription was accepted.
    pub fn new(
        cursor: Cursor,
        filter: Option<(Filter, u64)>,
        log: EventLog,
        clock: Arc<dyn Clock>,
        barrier: Barrier,
        permit: Permit,
    ) -> Self {
        let watermark = log.watermark();
        Self {
            cursor,
            filter,
            log,
            watermark,
            clock,
            barrier,
            permit,
            ready: VecDeque::new(),
            told: None,
        }
    }

    /// Whether notificationComplete was handed out.
    pub fn ended(&self) -> bool {
        self.cursor.ended() && self.ready.is_empty()
    }

    /// The next notification; dropping the future loses nothing.
    ///
    /// # Errors
    /// When the log cannot be read, events after the cursor are gone, or the filter costs too much.
    pub async fn next(&mut self) -> Result<Notification, PumpError> {
        loop {
            match self.ready.front().cloned() {
                Some(Item::ReplayComplete) => {
                    let time = self.between_replay_and_live().await?;
                    self.ready.pop_front();
                    return Ok(self.own(time, REPLAY_COMPLETE));
                }
                Some(Item::NotificationComplete) => {
                    self.ready.pop_front();
                    let now = self.clock.wall();
                    return Ok(self.own(now, NOTIFICATION_COMPLETE));
                }
                Some(Item::Event(event)) => {
                    self.ready.pop_front();
                    if let Some(notification) = self.event(&event)? {
                        return Ok(notification);
                    }
                    // Looking at an event is work, and there may be a million of them to look at.
                    tokio::task::yield_now().await;
                    continue;
                }
                None => {}
            }
            if self.cursor.ended() {
                return std::future::pending().await;
            }
            let head = *self.watermark.borrow_and_update();
            let page = self.log.read(self.cursor.after(), PAGE).await?;
            let empty = page.is_empty();
            self.ready.extend(self.cursor.advance(&page, head));
            if empty && self.ready.is_empty() {
                self.wait().await;
            }
        }
    }

    /// Waits for an event, or for stopTime.
    async fn wait(&mut self) {
        let Some(stop) = self.cursor.stop() else {
            // A closed channel: the store has ended, and with it every session.
            if self.watermark.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
            return;
        };
        let now = self.clock.wall();
        if now > stop {
            // Whatever was stamped before stopTime is published after this.
            (self.barrier)().await;
            if *self.watermark.borrow() <= self.cursor.after() {
                self.ready.extend(self.cursor.stop_passed());
            }
            return;
        }
        let left = stop.since(now) + Duration::from_millis(1);
        tokio::select! {
            changed = self.watermark.changed() => {
                if changed.is_err() {
                    std::future::pending::<()>().await;
                }
            }
            () = tokio::time::sleep(left.min(STOP_POLL)) => {}
        }
    }

    /// The `eventTime` of replayComplete: later than what was replayed, not later than whatever will follow, so
    /// that a client which comes back with the last `eventTime` it saw as startTime misses nothing.
    async fn between_replay_and_live(&self) -> Result<Timestamp, PumpError> {
        let now = self.clock.wall().whole_millisecond() - MICROSECOND;
        if self.cursor.ended() {
            return Ok(now);
        }
        // Whatever has an earlier time by now is published after this.
        (self.barrier)().await;
        let ready = self.ready.iter().find_map(|item| match item {
            Item::Event(event) => Some(event.time),
            _ => None,
        });
        let next = match ready {
            Some(time) => Some(time),
            None => {
                let page = self.log.read(self.cursor.after(), 1).await?;
                page.first().map(|event| event.time)
            }
        };
        Ok(next.map_or(now, |next| now.min(next - MICROSECOND)))
    }

    /// One of RFC 5277's own, later than all before it.
    fn own(&mut self, time: Timestamp, content: &'static str) -> Notification {
        let time = match self.told {
            Some(told) => time.max(told + MICROSECOND),
            None => time,
        };
        self.told = Some(time);
        let content = Content::Own(content);
        Notification { time, content }
    }

    fn event(&mut self, event: &StoredEvent) -> Result<Option<Notification>, PumpError> {
        let Some(body) = self.cursor.stream().body(event) else {
            return Ok(None);
        };
        if !self.passes(body)? || !(self.permit)(body) {
            return Ok(None);
        }
        self.told = Some(event.time);
        Ok(Some(Notification {
            time: event.time,
            content: Content::Event(body.clone()),
        }))
    }

    /// Whether the filter selects anything of the event (RFC 5277 section 3.6).
    fn passes(&self, body: &[u8]) -> Result<bool, PumpError> {
        let Some((filter, visits)) = &self.filter else {
            return Ok(true);
        };
        let content = match xml::parse(body, &xml::Limits::default()) {
            Ok(content) => content,
            Err(error) => {
                tracing::error!(%error, "a stored event cannot be read");
                return Ok(false);
            }
        };
        let mut budget = Budget::new(*visits);
        Ok(filter.wants(&[&content], &mut budget)?)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;
    use crate::clock::ManualClock;
    use crate::control::subscription::{StreamName, Window};
    use crate::datastore::SubtreeFilter;
    use crate::store::{Batch, NewEvent, OpenOptions, Settings, Store};

    const SECOND: Duration = Duration::from_secs(1);

    fn start() -> Timestamp {
        Timestamp::from_micros(1_466_706_609_115_000)
    }

    struct Room {
        clock: Arc<ManualClock>,
        store: Store<()>,
        _dir: tempfile::TempDir,
    }

    impl Room {
        fn open() -> Self {
            let dir = tempfile::tempdir().unwrap();
            let clock = Arc::new(ManualClock::new(start()));
            let store = OpenOptions::new(Settings::default(), clock.clone())
                .open(dir.path(), |_| Ok::<(), StoreError>(()))
                .unwrap();
            Self {
                clock,
                store,
                _dir: dir,
            }
        }

        async fn log(&self, events: usize) {
            let event = || NewEvent {
                esc: None,
                netconf: Some(bytes::Bytes::from_static(b"<e xmlns='urn:e'/>")),
                lcm: None,
            };
            let events = (0..events).map(|_| event()).collect();
            let batch = Batch {
                events,
                ..Batch::default()
            };
            self.store.submit(batch).await.unwrap();
        }

        /// A subscription with replay of everything.
        fn replay(&self, filter: Option<&str>, barrier: Barrier) -> Pump {
            let log = self.store.events().clone();
            let window = Window {
                start: Some(start()),
                stop: None,
            };
            let first = log.first_at_or_after(start()).unwrap();
            let cursor = Cursor::new(StreamName::Netconf, window, log.head(), Some(first));
            let filter = filter.map(|filter| {
                let element = xml::parse_str(filter).unwrap();
                let filter = Filter::Subtree(SubtreeFilter::decode(&element));
                (filter, 50_000)
            });
            let permit: Permit = Arc::new(|_| true);
            Pump::new(cursor, filter, log, self.clock.clone(), barrier, permit)
        }
    }

    fn no_barrier() -> Barrier {
        Arc::new(|| Box::pin(async {}))
    }

    /// An event that was stamped before replayComplete is written, and published after: a client that comes back
    /// with the eventTime of replayComplete has to see it.
    #[tokio::test]
    async fn replay_complete_is_not_later_than_an_event_under_way() {
        let room = Arc::new(Room::open());
        room.log(2).await;
        let under_way = room.clone();
        let mut pump = room.replay(
            None,
            Arc::new(move || {
                let room = under_way.clone();
                Box::pin(async move {
                    room.clock.set_wall(start() + 4 * SECOND);
                    room.log(1).await;
                    room.clock.set_wall(start() + 5 * SECOND);
                })
            }),
        );
        room.clock.set_wall(start() + 5 * SECOND);
        let mut times = Vec::new();
        for _ in 0..4 {
            times.push(pump.next().await.unwrap().time);
        }
        let under_way = start() + 4 * SECOND;
        assert_eq!(
            times,
            [
                start(),
                start() + 2 * MICROSECOND,
                under_way - MICROSECOND,
                under_way
            ]
        );
    }

    /// Events of one millisecond are as close as events can be.
    #[tokio::test]
    async fn replay_complete_has_room_between_events_of_one_millisecond() {
        let room = Arc::new(Room::open());
        room.log(1).await;
        let under_way = room.clone();
        let barrier: Barrier = Arc::new(move || {
            let room = under_way.clone();
            Box::pin(async move { room.log(1).await })
        });
        let mut pump = room.replay(None, barrier);
        let mut times = Vec::new();
        for _ in 0..3 {
            times.push(pump.next().await.unwrap().time);
        }
        let after = |micros: u32| start() + micros * MICROSECOND;
        assert_eq!(times, [after(0), after(1), after(2)]);
    }

    #[tokio::test]
    async fn replay_complete_of_a_quiet_log_is_now() {
        let room = Room::open();
        room.log(1).await;
        let mut pump = room.replay(None, no_barrier());
        room.clock.set_wall(start() + 5 * SECOND);
        pump.next().await.unwrap();
        let time = pump.next().await.unwrap().time;
        assert_eq!(time, start() + 5 * SECOND - MICROSECOND);
        // A clock set back.
        let mut pump = room.replay(None, no_barrier());
        room.clock.set_wall(Timestamp::from_micros(0));
        let event = pump.next().await.unwrap().time;
        assert_eq!(pump.next().await.unwrap().time, event + MICROSECOND);
    }

    /// One thread, 500 events that nobody wants: others have their turn after each.
    #[tokio::test]
    async fn a_filter_that_wants_nothing_leaves_the_thread_to_others() {
        let room = Room::open();
        room.log(500).await;
        let turns = Arc::new(AtomicU64::new(0));
        let counted = turns.clone();
        let other = tokio::spawn(async move {
            loop {
                counted.fetch_add(1, Ordering::Relaxed);
                tokio::task::yield_now().await;
            }
        });
        let mut pump = room.replay(Some("<filter><f xmlns='urn:f'/></filter>"), no_barrier());
        let notification = pump.next().await.unwrap();
        assert!(matches!(
            notification.content,
            Content::Own(REPLAY_COMPLETE)
        ));
        other.abort();
        let turns = turns.load(Ordering::Relaxed);
        assert!(turns >= 400, "{turns}");
    }
}
