//! A confirmed commit that waits for its confirmation (RFC 6241 section 8.4): what of it is stored.

use std::net::IpAddr;
use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::ids::{PersistId, SessionId};

/// Who issued it, who may confirm it, and until when.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ConfirmedCommit {
    /// The session that issued it, or the last one that followed it up.
    pub session: SessionId,
    /// The user of that session.
    pub user: String,
    /// The address of that session's client.
    #[serde(default)]
    pub host: Option<IpAddr>,
    /// The token that lets any session confirm it; without one only its own session may.
    #[serde(default)]
    pub persist: Option<PersistId>,
    /// Seconds given for the confirmation.
    pub timeout: NonZeroU32,
    /// When it is taken back.
    pub deadline: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_stored_is_read_back() {
        let commit = ConfirmedCommit {
            session: SessionId(7),
            user: "operator".to_owned(),
            host: Some([10, 0, 0, 1].into()),
            persist: Some(PersistId::new("token")),
            timeout: NonZeroU32::MIN,
            deadline: Timestamp::from_micros(5),
        };
        let stored = serde_json::to_string(&commit).unwrap();
        assert_eq!(
            serde_json::from_str::<ConfirmedCommit>(&stored).unwrap(),
            commit
        );
        assert!(!format!("{commit:?}").contains("token"), "it is a password");
    }
}
