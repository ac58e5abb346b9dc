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

/// The least distance of two event times.
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
                    let now = whole_millisecond(self.clock.wall());
                    return Ok(self.own(now, NOTIFICATION_COMPLETE));
                }
                Some(Item::Event(event)) => {
                    self.ready.pop_front();
                    if let Some(notification) = self.event(&event)? {
                        return Ok(notification);
                    }
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
        let now = whole_millisecond(self.clock.wall()) - MICROSECOND;
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

/// As events are stamped.
fn whole_millisecond(time: Timestamp) -> Timestamp {
    let micros = time.as_micros();
    Timestamp::from_micros(micros - micros.rem_euclid(1000))
}
