//! What can go wrong in the SSH shell.

use russh::Disconnect;
use thiserror::Error;

use super::auth::AuthUnavailable;

/// A connection, or its source, that has guessed too often.
pub(super) const TOO_MANY: &str = "too many attempts";

/// An error of the SSH shell.
#[derive(Debug, Error)]
pub enum SshError {
    /// A setting has a value that cannot work.
    #[error("ssh setting {name}: {problem}")]
    Setting {
        /// The setting's name as in the file.
        name: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// No host key was given.
    #[error("no host key")]
    NoHostKey,
    /// The listening socket is unusable.
    #[error("listener: {0}")]
    Listener(std::io::Error),
    /// The SSH library ended the connection.
    #[error(transparent)]
    Protocol(#[from] russh::Error),
    /// The user store could not answer.
    #[error(transparent)]
    Auth(#[from] AuthUnavailable),
    /// The connection was cut by this server.
    #[error("connection cut: {0}")]
    Cut(&'static str),
}

impl SshError {
    /// What a client is told whose connection ends with this error (RFC 4253 section 11.1); nothing when
    /// nobody is there to hear it. The words are fixed: nothing a stranger sent is sent back.
    pub(super) fn farewell(&self) -> Option<(Disconnect, &'static str)> {
        use russh::Error as E;
        Some(match self {
            Self::Protocol(error) => match error {
                E::IO(_)
                | E::Join(_)
                | E::Disconnect
                | E::HUP
                | E::SendError
                | E::RecvError
                | E::Elapsed(_)
                | E::KeepaliveTimeout
                | E::InactivityTimeout => return None,
                E::PacketAuth | E::DecryptionError => (Disconnect::MACError, "corrupted packet"),
                E::PacketSize(_) => (Disconnect::ProtocolError, "bad packet length"),
                E::NoCommonAlgo { .. } | E::UnknownAlgo | E::UnknownKey | E::Kex => {
                    (Disconnect::KeyExchangeFailed, "key exchange failed")
                }
                E::WrongChannel => (Disconnect::ProtocolError, "no such channel"),
                // Asked for in a login (RFC 4252 section 5).
                E::RequestDenied => (Disconnect::ServiceNotAvailable, "no such service"),
                E::Pending => (Disconnect::ProtocolError, "too much during a key exchange"),
                _ => (Disconnect::ProtocolError, "protocol error"),
            },
            Self::Cut(TOO_MANY) => (Disconnect::NoMoreAuthMethodsAvailable, TOO_MANY),
            Self::Setting { .. }
            | Self::NoHostKey
            | Self::Listener(_)
            | Self::Auth(_)
            | Self::Cut(_) => return None,
        })
    }
}
