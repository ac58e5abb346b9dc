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
use crate::store::{EventLog, StoreError};
use crate::xml;

/// Events read from the log at once, and so held for one subscriber.
const PAGE: usize = 32;
/// Longest sleep towards a stopTime, so that a stepped wall clock is noticed.
const STOP_POLL: Duration = Duration::from_secs(60);

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
            while let Some(item) = self.ready.pop_front() {
                if let Some(notification) = self.render(item)? {
                    return Ok(notification);
                }
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

    fn render(&self, item: Item) -> Result<Option<Notification>, PumpError> {
        let own = |content| Notification {
            time: self.clock.wall(),
            content: Content::Own(content),
        };
        Ok(match item {
            Item::ReplayComplete => Some(own(REPLAY_COMPLETE)),
            Item::NotificationComplete => Some(own(NOTIFICATION_COMPLETE)),
            Item::Event(event) => match self.cursor.stream().body(&event) {
                Some(body) if self.passes(body)? && (self.permit)(body) => Some(Notification {
                    time: event.time,
                    content: Content::Event(body.clone()),
                }),
                _ => None,
            },
        })
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
