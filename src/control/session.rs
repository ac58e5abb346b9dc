//! The sessions there are: ids, limits, counters, and how to end one from outside.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use super::input::UserInput;
use super::settings::SessionLimits;
use crate::clock::Timestamp;
use crate::ids::SessionId;

/// Counters of one session, or of all (RFC 6022 section 2.1.4 and 2.1.5).
#[derive(Debug, Default)]
pub struct Counters {
    /// Correct `<rpc>` messages received.
    pub in_rpcs: AtomicU32,
    /// Messages received when an `<rpc>` was expected that were not correct ones.
    pub in_bad_rpcs: AtomicU32,
    /// `<rpc-reply>` messages sent that held an `<rpc-error>`.
    pub out_rpc_errors: AtomicU32,
    /// `<notification>` messages sent.
    pub out_notifications: AtomicU32,
}

impl Counters {
    /// Adds to a counter; zero costs nothing.
    pub fn add(counter: &AtomicU32, more: u64) {
        if more > 0 {
            counter.fetch_add(u32::try_from(more).unwrap_or(u32::MAX), Ordering::Relaxed);
        }
    }
}

/// Why a session is ended from outside.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum KillReason {
    /// `<kill-session>` by the session named.
    Killed(SessionId),
    /// The server stops.
    Shutdown,
}

/// One session as others see it.
#[derive(Debug)]
pub struct SessionInfo {
    /// Its id.
    pub id: SessionId,
    /// Who logged in.
    pub user: String,
    /// From where.
    pub peer: Option<SocketAddr>,
    /// Over what: an identity of ietf-netconf-monitoring (RFC 6022 section 2.1.3).
    pub transport: &'static str,
    /// When.
    pub login: Timestamp,
    /// What it did.
    pub counters: Counters,
    /// What all sessions of this user hold.
    pub input: Arc<UserInput>,
    kill: watch::Sender<Option<KillReason>>,
}

/// Why no session was opened.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SessionRefused {
    /// The server holds as many as it may.
    #[error("the limit of {0} sessions is reached")]
    TooMany(usize),
    /// The user holds as many as one may.
    #[error("the limit of {limit} sessions for user '{user}' is reached")]
    TooManyForUser {
        /// The user.
        user: String,
        /// How many are allowed.
        limit: usize,
    },
}

/// All sessions of this process.
#[derive(Debug)]
pub struct Registry {
    limits: SessionLimits,
    recovery_user: Option<String>,
    next: AtomicU32,
    sessions: Mutex<BTreeMap<SessionId, Arc<SessionInfo>>>,
    /// Sum over all sessions since the start.
    pub totals: Counters,
    /// Sessions opened since the start.
    pub in_sessions: AtomicU64,
    /// Sessions that ended because of a bad hello.
    pub in_bad_hellos: AtomicU32,
    /// Sessions that ended without close or kill.
    pub dropped_sessions: AtomicU32,
}

impl Registry {
    /// An empty registry.
    pub fn new(limits: SessionLimits) -> Self {
        Self {
            limits,
            recovery_user: None,
            next: AtomicU32::new(1),
            sessions: Mutex::default(),
            totals: Counters::default(),
            in_sessions: AtomicU64::new(0),
            in_bad_hellos: AtomicU32::new(0),
            dropped_sessions: AtomicU32::new(0),
        }
    }

    /// Keeps the reserved sessions for this user.
    pub fn reserved_for(mut self, recovery_user: Option<String>) -> Self {
        self.recovery_user = recovery_user;
        self
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<SessionId, Arc<SessionInfo>>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many sessions there may be with one more of this user, and how many of the user.
    fn bounds(&self, user: &str) -> (usize, usize) {
        let limits = &self.limits;
        let open = limits.sessions.saturating_sub(limits.sessions_reserved);
        if self.recovery_user.as_deref() == Some(user) {
            return (limits.sessions, limits.sessions);
        }
        match limits.sessions_per_user {
            0 => (open, open),
            per_user => (open, per_user),
        }
    }

    /// Opens a session.
    ///
    /// # Errors
    /// When the limit of all sessions, or of the user's, is reached.
    pub fn open(
        &self,
        user: &str,
        peer: Option<SocketAddr>,
        transport: &'static str,
        login: Timestamp,
    ) -> Result<(Arc<SessionInfo>, watch::Receiver<Option<KillReason>>), SessionRefused> {
        let mut sessions = self.lock();
        let (all, per_user) = self.bounds(user);
        if sessions.len() >= all {
            return Err(SessionRefused::TooMany(all));
        }
        let of_user = sessions.values().filter(|s| s.user == user).count();
        if of_user >= per_user {
            return Err(SessionRefused::TooManyForUser {
                user: user.to_owned(),
                limit: per_user,
            });
        }
        let same = sessions.values().find(|s| s.user == user);
        let input = match same {
            Some(session) => session.input.clone(),
            None => UserInput::new(self.limits.input_bytes_per_user),
        };
        let id = loop {
            let id = SessionId(self.next.fetch_add(1, Ordering::Relaxed));
            if id.0 != 0 && !sessions.contains_key(&id) {
                break id;
            }
        };
        let (kill, killed) = watch::channel(None);
        let info = Arc::new(SessionInfo {
            id,
            user: user.to_owned(),
            peer,
            transport,
            login,
            counters: Counters::default(),
            input,
            kill,
        });
        sessions.insert(id, info.clone());
        self.in_sessions.fetch_add(1, Ordering::Relaxed);
        Ok((info, killed))
    }

    /// Forgets a session that ended.
    pub fn close(&self, id: SessionId) {
        self.lock().remove(&id);
    }

    /// The session of that id.
    pub fn get(&self, id: SessionId) -> Option<Arc<SessionInfo>> {
        self.lock().get(&id).cloned()
    }

    /// Asks a session to end; false when there is none of that id.
    pub fn kill(&self, id: SessionId, reason: KillReason) -> bool {
        match self.lock().get(&id) {
            Some(session) => {
                session.kill.send_replace(Some(reason));
                true
            }
            None => false,
        }
    }

    /// Asks every session to end.
    pub fn kill_all(&self, reason: KillReason) {
        for session in self.lock().values() {
            session.kill.send_replace(Some(reason));
        }
    }

    /// The sessions in order of id.
    pub fn list(&self) -> Vec<Arc<SessionInfo>> {
        self.lock().values().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn registry(sessions: usize, per_user: usize) -> Registry {
        Registry::new(SessionLimits {
            sessions,
            sessions_per_user: per_user,
            sessions_reserved: 0,
            ..SessionLimits::default()
        })
    }

    #[test]
    fn limits_count_all_and_per_user() {
        let registry = registry(3, 2);
        let open = |user| registry.open(user, None, "netconf-ssh", Timestamp::default());
        let first = open("a").unwrap().0;
        open("a").unwrap();
        assert!(matches!(
            open("a"),
            Err(SessionRefused::TooManyForUser { limit: 2, .. })
        ));
        open("b").unwrap();
        assert_eq!(open("c").unwrap_err(), SessionRefused::TooMany(3));
        registry.close(first.id);
        assert!(open("a").is_ok());
    }

    #[test]
    fn the_last_sessions_are_the_recovery_user_s() {
        let registry = Registry::new(SessionLimits {
            sessions: 4,
            ..SessionLimits::default()
        })
        .reserved_for(Some("rescue".to_owned()));
        let open = |user| registry.open(user, None, "netconf-ssh", Timestamp::default());
        open("a").unwrap();
        open("b").unwrap();
        for user in ["a", "c"] {
            assert_eq!(open(user).unwrap_err(), SessionRefused::TooMany(2));
        }
        open("rescue").unwrap();
        open("rescue").unwrap();
        assert_eq!(open("rescue").unwrap_err(), SessionRefused::TooMany(4));
    }

    #[test]
    fn sessions_of_one_user_share_what_they_may_hold() {
        let registry = registry(9, 9);
        let open = |user| {
            registry
                .open(user, None, "netconf-ssh", Timestamp::default())
                .unwrap()
                .0
        };
        let (a, again, b) = (open("a"), open("a"), open("b"));
        assert!(Arc::ptr_eq(&a.input, &again.input));
        assert!(!Arc::ptr_eq(&a.input, &b.input));
    }

    #[test]
    fn a_kill_reaches_its_session_only() {
        let registry = registry(9, 9);
        let (a, killed_a) = registry
            .open("a", None, "netconf-ssh", Timestamp::default())
            .unwrap();
        let (_, killed_b) = registry
            .open("a", None, "netconf-ssh", Timestamp::default())
            .unwrap();
        assert!(registry.kill(a.id, KillReason::Shutdown));
        assert!(!registry.kill(SessionId(77), KillReason::Shutdown));
        assert_eq!(*killed_a.borrow(), Some(KillReason::Shutdown));
        assert_eq!(*killed_b.borrow(), None);
    }
}
