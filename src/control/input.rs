//! Requests in memory, bounded over all sessions of one user.
//!
//! ```text
//! little held ............................... may grow
//! user below the limit ...................... may grow
//! user above it: one session has the turn ... may grow until its request is answered
//! all others ................................ wait, unread, which the client feels as a full window
//! ```
//! The turn keeps half messages from waiting for each other: whoever has it goes on or is timed out.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

use tokio::sync::Notify;

use crate::ids::SessionId;

/// What a session may hold however much its user holds: small requests always get through.
const LITTLE: usize = 64 * 1024;

/// What all sessions of one user hold.
#[derive(Debug)]
pub struct UserInput {
    limit: usize,
    held: AtomicUsize,
    /// The session that may go on above the limit; 0: none.
    turn: AtomicU32,
    freed: Notify,
}

impl UserInput {
    /// Nothing held yet.
    pub fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self {
            limit,
            held: AtomicUsize::new(0),
            turn: AtomicU32::new(0),
            freed: Notify::new(),
        })
    }

    /// Octets held by all sessions.
    pub fn held(&self) -> usize {
        self.held.load(Ordering::Relaxed)
    }
}

/// One session's part; given back when dropped.
#[derive(Debug)]
pub struct InputShare {
    of: Arc<UserInput>,
    session: SessionId,
    held: usize,
}

impl InputShare {
    /// A session that holds nothing.
    pub fn new(of: Arc<UserInput>, session: SessionId) -> Self {
        Self {
            of,
            session,
            held: 0,
        }
    }

    /// The session holds this many octets now: received, or of the request it is being answered.
    pub fn set(&mut self, held: usize) {
        let before = std::mem::replace(&mut self.held, held);
        if held > before {
            self.of.held.fetch_add(held - before, Ordering::Relaxed);
        } else if held < before {
            self.of.held.fetch_sub(before - held, Ordering::Relaxed);
            if held < LITTLE {
                let own = self.session.0;
                let _ =
                    (self.of.turn).compare_exchange(own, 0, Ordering::AcqRel, Ordering::Acquire);
            }
            self.of.freed.notify_waiters();
        }
    }

    /// Whether more may be read; takes the turn where that is what it needs.
    pub fn may_grow(&self) -> bool {
        if self.held < LITTLE || self.of.held() < self.of.limit {
            return true;
        }
        let own = self.session.0;
        match (self.of.turn).compare_exchange(0, own, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => true,
            Err(holder) => holder == own,
        }
    }

    /// Waits until more may be read. Dropping the future loses nothing.
    pub async fn room(&self) {
        loop {
            let freed = self.of.freed.notified();
            tokio::pin!(freed);
            freed.as_mut().enable();
            if self.may_grow() {
                return;
            }
            freed.await;
        }
    }
}

impl Drop for InputShare {
    fn drop(&mut self) {
        self.set(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: usize = 1024 * 1024;

    #[test]
    fn above_the_limit_one_session_has_the_turn_and_small_requests_get_through() {
        let user = UserInput::new(4 * MIB);
        let share = |id| InputShare::new(user.clone(), SessionId(id));
        let (mut a, mut b, c) = (share(1), share(2), share(3));
        a.set(3 * MIB);
        b.set(2 * MIB);
        assert_eq!(user.held(), 5 * MIB);
        assert!(b.may_grow() && !a.may_grow() && c.may_grow());
        b.set(8 * MIB);
        assert!(b.may_grow() && !a.may_grow());
        // Its request is answered.
        b.set(0);
        assert!(a.may_grow());
        a.set(6 * MIB);
        b.set(MIB);
        assert!(a.may_grow() && !b.may_grow());
        drop(a);
        assert!(b.may_grow());
        assert_eq!(user.held(), MIB);
        drop(b);
        assert_eq!((user.held(), user.turn.load(Ordering::Relaxed)), (0, 0));
    }

    #[tokio::test]
    async fn who_waits_is_woken() {
        let user = UserInput::new(MIB);
        let mut a = InputShare::new(user.clone(), SessionId(1));
        let mut b = InputShare::new(user, SessionId(2));
        a.set(2 * MIB);
        b.set(MIB);
        assert!(a.may_grow());
        let waiting = tokio::spawn(async move {
            b.room().await;
            b
        });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        drop(a);
        waiting.await.unwrap();
    }
}
