//! Octets received on one channel and not yet taken by its session: bounded, with back-pressure.
//!
//! russh grants the client new window as soon as octets arrive, taken or not, so the bound is held
//! by not reading the connection: above `soft` octets the pump waits. One case must not wait: a
//! session that is itself waiting to write. The client's grant of window may stand behind more
//! requests in the same stream, and neither side would move again. While a write waits, the pump
//! goes on to `hard` (soft plus two receive windows), which is more than a client that does read can
//! have sent before its grant. One that still does not read is cut by the write timeout.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::sync::Notify;

/// What keeping one packet costs beside its octets.
const PACKET_COST: usize = 64;

/// The queue between the pump and the session.
#[derive(Debug)]
pub(super) struct Inbox {
    state: Mutex<State>,
    readable: Notify,
    room: Notify,
    soft: usize,
    hard: usize,
}

#[derive(Debug, Default)]
struct State {
    queue: VecDeque<Bytes>,
    cost: usize,
    eof: bool,
    writer_waits: bool,
}

/// What a look into the inbox shows.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Taken {
    Bytes(Bytes),
    Eof,
    Empty,
}

impl Inbox {
    pub(super) fn new(soft: usize, window: u32) -> Self {
        Self {
            state: Mutex::default(),
            readable: Notify::new(),
            room: Notify::new(),
            soft,
            hard: soft.saturating_add(2 * window as usize),
        }
    }

    /// Puts octets in, waiting for room.
    pub(super) async fn push(&self, bytes: Bytes) {
        loop {
            {
                let mut state = self.lock();
                let limit = if state.writer_waits {
                    self.hard
                } else {
                    self.soft
                };
                if state.cost < limit {
                    state.cost += bytes.len() + PACKET_COST;
                    state.queue.push_back(bytes);
                    break;
                }
            }
            self.room.notified().await;
        }
        self.readable.notify_one();
    }

    /// Says that no more octets will come.
    pub(super) fn end(&self) {
        self.lock().eof = true;
        self.readable.notify_one();
    }

    /// Takes what is there.
    pub(super) fn take(&self) -> Taken {
        let mut state = self.lock();
        if let Some(bytes) = state.queue.pop_front() {
            state.cost -= bytes.len() + PACKET_COST;
            drop(state);
            self.room.notify_one();
            Taken::Bytes(bytes)
        } else if state.eof {
            Taken::Eof
        } else {
            Taken::Empty
        }
    }

    /// Waits until something may be there.
    pub(super) async fn readable(&self) {
        self.readable.notified().await;
    }

    /// Says whether the session is waiting to write.
    pub(super) fn writer_waits(&self, waits: bool) {
        self.lock().writer_waits = waits;
        if waits {
            self.room.notify_one();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    const BRIEFLY: Duration = Duration::from_millis(20);

    async fn fill(inbox: &Inbox) -> usize {
        let mut octets = 0;
        while timeout(BRIEFLY, inbox.push(Bytes::from_static(&[0; 100])))
            .await
            .is_ok()
        {
            octets += 100;
        }
        octets
    }

    #[tokio::test]
    async fn a_full_inbox_waits_until_something_is_taken() {
        let inbox = Inbox::new(1_000, 1_000);
        assert!(fill(&inbox).await <= 1_000);
        assert!(matches!(inbox.take(), Taken::Bytes(_)));
        timeout(BRIEFLY, inbox.push(Bytes::from_static(b"x")))
            .await
            .unwrap();
    }

    #[tokio::test]
    async fn while_a_write_waits_two_windows_more_are_taken_in() {
        let inbox = Inbox::new(1_000, 1_000);
        let before = fill(&inbox).await;
        inbox.writer_waits(true);
        let more = fill(&inbox).await;
        assert!(more > 1_000 && before + more <= 3_000, "{before} {more}");
        inbox.writer_waits(false);
        assert_eq!(fill(&inbox).await, 0);
    }

    #[tokio::test]
    async fn one_octet_packets_cost_more_than_their_octet() {
        let inbox = Inbox::new(1_000, 1_000);
        let mut packets = 0;
        while timeout(BRIEFLY, inbox.push(Bytes::from_static(b"x")))
            .await
            .is_ok()
        {
            packets += 1;
        }
        assert!(packets < 20, "{packets}");
    }

    #[tokio::test]
    async fn the_end_comes_after_what_was_put_in() {
        let inbox = Inbox::new(1_000, 1_000);
        inbox.push(Bytes::from_static(b"abc")).await;
        inbox.end();
        assert_eq!(inbox.take(), Taken::Bytes(Bytes::from_static(b"abc")));
        assert_eq!(inbox.take(), Taken::Eof);
    }
}
