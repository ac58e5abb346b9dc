//! Requests and replies, one JSON line each.

use serde::{Deserialize, Serialize};

/// What a command asks of the running server.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "request", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Request {
    /// Adds a user.
    UserAdd {
        /// Login name.
        name: String,
        /// Password in clear; it crosses this socket only.
        password: Option<String>,
        /// Authorized keys, OpenSSH format.
        keys: Vec<String>,
        /// Groups; empty: `admin` for the first user, none for others.
        groups: Vec<String>,
    },
    /// Changes a user's groups, to exactly these.
    UserGroups {
        /// Login name.
        name: String,
        /// Groups; empty: none.
        groups: Vec<String>,
    },
    /// Lists users.
    UserList,
    /// Removes a user.
    UserRemove {
        /// Login name.
        name: String,
    },
}

/// A user without secrets.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct UserRow {
    /// Login name.
    pub name: String,
    /// Groups.
    pub groups: Vec<String>,
    /// Whether a password is set.
    pub password: bool,
    /// Number of authorized keys.
    pub keys: usize,
}

/// The server's answer.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "reply", rename_all = "kebab-case")]
pub enum Reply {
    /// Done.
    Ok,
    /// The users.
    Users {
        /// One each.
        users: Vec<UserRow>,
    },
    /// Refused.
    Error {
        /// One line.
        message: String,
    },
}

/// Why the control socket could not be used.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// Nobody listens: no server runs on this data directory.
    #[error("no server listens on the control socket")]
    NotRunning,
    /// The socket failed.
    #[error("control socket")]
    Io(#[from] std::io::Error),
    /// The other side does not speak this protocol.
    #[error("control socket: unreadable message")]
    Message(#[from] serde_json::Error),
}
