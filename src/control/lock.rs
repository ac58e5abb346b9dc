//! Datastore locks (RFC 6241 section 7.5), pure: who holds what, who may write.

use crate::ids::SessionId;

/// A datastore that can be locked.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Datastore {
    /// `<running/>`
    Running,
    /// `<candidate/>`
    Candidate,
}

/// Why a lock was not given or a write not allowed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum LockError {
    /// Held; 0 names a holder that is not a NETCONF session.
    #[error("the lock is held by session {0}")]
    Denied(SessionId),
    /// The candidate holds changes that nobody committed or discarded.
    #[error("the candidate configuration has been modified")]
    Modified,
    /// Running belongs to a confirmed commit of another session; 0 names one that has ended.
    #[error("a confirmed commit of session {0} is pending")]
    Confirming(SessionId),
    /// Somebody else holds the lock that this write needs to respect.
    #[error("the datastore is locked by session {0}")]
    InUse(SessionId),
    /// Unlock of a lock that this session does not hold.
    #[error("{}", match .0 {
        Some(holder) => format!("the lock is held by session {holder}"),
        None => "the lock is not active".to_owned(),
    })]
    NotHeld(Option<SessionId>),
}

/// The locks of all datastores.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Locks {
    running: Option<SessionId>,
    candidate: Option<SessionId>,
}

impl Locks {
    fn slot(&mut self, datastore: Datastore) -> &mut Option<SessionId> {
        match datastore {
            Datastore::Running => &mut self.running,
            Datastore::Candidate => &mut self.candidate,
        }
    }

    /// Who holds a lock.
    pub fn holder(&self, datastore: Datastore) -> Option<SessionId> {
        match datastore {
            Datastore::Running => self.running,
            Datastore::Candidate => self.candidate,
        }
    }

    /// Takes a lock; a second lock by its own holder is denied too.
    pub fn lock(
        &mut self,
        datastore: Datastore,
        session: SessionId,
        candidate_modified: bool,
    ) -> Result<(), LockError> {
        let slot = self.slot(datastore);
        if let Some(holder) = *slot {
            return Err(LockError::Denied(holder));
        }
        if datastore == Datastore::Candidate && candidate_modified {
            return Err(LockError::Modified);
        }
        *slot = Some(session);
        Ok(())
    }

    /// Gives a lock back.
    pub fn unlock(&mut self, datastore: Datastore, session: SessionId) -> Result<(), LockError> {
        let slot = self.slot(datastore);
        match *slot {
            Some(holder) if holder == session => {
                *slot = None;
                Ok(())
            }
            holder => Err(LockError::NotHeld(holder)),
        }
    }

    /// Whether `session` may write the datastore.
    pub fn check_write(&self, datastore: Datastore, session: SessionId) -> Result<(), LockError> {
        match self.holder(datastore) {
            Some(holder) if holder != session => Err(LockError::InUse(holder)),
            _ => Ok(()),
        }
    }

    /// Frees every lock of a session that ended; returns those freed.
    pub fn release(&mut self, session: SessionId) -> Vec<Datastore> {
        [Datastore::Running, Datastore::Candidate]
            .into_iter()
            .filter(|datastore| self.unlock(*datastore, session).is_ok())
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: SessionId = SessionId(1);
    const B: SessionId = SessionId(2);

    #[test]
    fn a_lock_is_denied_to_others_and_to_its_own_holder() {
        let mut locks = Locks::default();
        assert_eq!(locks.lock(Datastore::Running, A, false), Ok(()));
        assert_eq!(
            locks.lock(Datastore::Running, B, false),
            Err(LockError::Denied(A))
        );
        assert_eq!(
            locks.lock(Datastore::Running, A, false),
            Err(LockError::Denied(A))
        );
        assert_eq!(locks.check_write(Datastore::Running, A), Ok(()));
        assert_eq!(
            locks.check_write(Datastore::Running, B),
            Err(LockError::InUse(A))
        );
        assert_eq!(locks.check_write(Datastore::Candidate, B), Ok(()));
    }

    #[test]
    fn a_modified_candidate_is_not_locked() {
        let mut locks = Locks::default();
        assert_eq!(
            locks.lock(Datastore::Candidate, A, true),
            Err(LockError::Modified)
        );
        assert_eq!(locks.lock(Datastore::Running, A, true), Ok(()));
    }

    #[test]
    fn unlock_needs_the_holder_and_release_frees_all() {
        let mut locks = Locks::default();
        assert_eq!(
            locks.unlock(Datastore::Running, A),
            Err(LockError::NotHeld(None))
        );
        assert_eq!(locks.lock(Datastore::Running, A, false), Ok(()));
        assert_eq!(locks.lock(Datastore::Candidate, A, false), Ok(()));
        assert_eq!(
            locks.unlock(Datastore::Running, B),
            Err(LockError::NotHeld(Some(A)))
        );
        assert_eq!(
            locks.release(A),
            vec![Datastore::Running, Datastore::Candidate]
        );
        assert_eq!(locks, Locks::default());
    }
}
