//! What can go wrong in the SSH shell.

use thiserror::Error;

use super::auth::AuthUnavailable;

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
