//! Who may do what, now: rules are compiled once for each user and `/nacm`; groups are looked up whenever
//! the question is asked, so that a change of membership or of the rules holds at once, for sessions that
//! are open too.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::service::Control;
use crate::auth::ADMIN_GROUP;
use crate::datastore::{Member, Nacm};

/// Users whose rules are kept compiled, about 16 KiB each.
const KEPT: usize = 256;

/// The groups of a user, as those who know the users say.
pub type Groups = Box<dyn Fn(&str) -> Vec<String> + Send + Sync>;

/// What decides beside the configuration.
pub struct Access {
    groups: Groups,
    recovery_user: Option<String>,
    kept: Mutex<BTreeMap<String, (Vec<String>, Nacm)>>,
    /// What was denied since the start.
    pub denied: Denied,
}

/// Counters of `/nacm` (RFC 8341 section 3.5.2).
#[derive(Debug, Default)]
pub struct Denied {
    /// Protocol operations.
    pub operations: AtomicU32,
    /// Protocol operations that would have changed a datastore.
    pub data_writes: AtomicU32,
    /// Notifications dropped.
    pub notifications: AtomicU32,
}

impl Denied {
    /// Counts one more.
    pub fn count(counter: &AtomicU32) {
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

impl Access {
    /// Everything is asked of `groups`; the recovery user, if there is one, is asked nothing.
    pub fn new(groups: Groups, recovery_user: Option<String>) -> Self {
        Self {
            groups,
            recovery_user,
            kept: Mutex::default(),
            denied: Denied::default(),
        }
    }

    /// Whom no rule binds (RFC 8341 section 3.3.3).
    pub fn recovery_user(&self) -> Option<&str> {
        self.recovery_user.as_deref()
    }

    fn kept(&self) -> MutexGuard<'_, BTreeMap<String, (Vec<String>, Nacm)>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Control {
    /// What a user may do now, by the rules of the running configuration.
    pub fn access_of(&self, user: &str) -> Nacm {
        let access = &self.access;
        if access.recovery_user() == Some(user) {
            return Nacm::everything(self.schema);
        }
        let groups = (access.groups)(user);
        let published = self.store.published();
        let config = &published.config;
        if let Some((of, nacm)) = access.kept().get(user)
            && *of == groups
            && nacm.is_of(config)
        {
            return nacm.clone();
        }
        let member = Member {
            user: user.to_owned(),
            groups,
            admins: ADMIN_GROUP,
        };
        let nacm = Nacm::compile(config, &member);
        let mut kept = access.kept();
        if kept.len() >= KEPT {
            kept.clear();
        }
        kept.insert(member.user, (member.groups, nacm.clone()));
        nacm
    }
}
