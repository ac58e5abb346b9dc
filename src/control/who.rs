//! Who does something: a session, or the server by itself.

use std::net::SocketAddr;

use super::service::Control;
use super::session::SessionInfo;
use crate::audit::{AuditRecord, Outcome};
use crate::ids::SessionId;
use crate::proto::netconf::Actor;

/// Kept beside what is done, which may outlive the session.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Who {
    /// The server.
    Server,
    /// A session.
    Session {
        id: SessionId,
        user: String,
        peer: Option<SocketAddr>,
    },
}

impl Who {
    /// That session.
    pub fn of(session: &SessionInfo) -> Self {
        Self::Session {
            id: session.id,
            user: session.user.clone(),
            peer: session.peer,
        }
    }

    /// The session; 0 for the server.
    pub fn session(&self) -> SessionId {
        match self {
            Self::Server => SessionId(0),
            Self::Session { id, .. } => *id,
        }
    }

    /// As events name it; `None`: the server.
    pub fn actor(&self) -> Option<Actor> {
        match self {
            Self::Server => None,
            Self::Session { id, user, peer } => Some(Actor {
                user: user.clone(),
                session: *id,
                host: peer.map(|peer| peer.ip()),
            }),
        }
    }

    /// An audit record of what it did.
    pub fn record(&self, what: &str) -> AuditRecord {
        match self {
            Self::Server => AuditRecord::new("lifeline", what, Outcome::Done),
            Self::Session { id, user, peer } => {
                let mut record = AuditRecord::new(user.as_str(), what, Outcome::Done);
                record.session = Some(id.0);
                record.from = peer.map(|peer| peer.to_string());
                record
            }
        }
    }
}

impl Control {
    /// The session of that id; one that has just ended has no name any more.
    pub(super) fn who(&self, session: SessionId) -> Who {
        match self.sessions.get(session) {
            Some(info) => Who::of(&info),
            None => Who::Session {
                id: session,
                user: "unknown".to_owned(),
                peer: None,
            },
        }
    }
}
