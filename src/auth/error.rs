//! What is wrong with a user, a key or a file.

use std::path::{Path, PathBuf};

/// A refusal of the user store or the host keys.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum AuthError {
    /// A user's or group's name breaks the rule.
    #[error(
        "'{name}' is not a valid {what} name: 1 to 64 of A-Z a-z 0-9 . _ - and no '-' at the start"
    )]
    Name {
        /// `user` or `group`.
        what: &'static str,
        /// The name, cut to 100 characters.
        name: String,
    },
    /// The password is empty, too long, or holds NUL.
    #[error("the password is refused: {0}")]
    Password(&'static str),
    /// A public key is refused.
    #[error("the public key is refused: {0}")]
    Key(String),
    /// The user exists.
    #[error("user '{0}' exists")]
    Exists(String),
    /// There is no such user.
    #[error("there is no user '{0}'")]
    Unknown(String),
    /// A user without password and key could never log in.
    #[error("user '{0}' needs a password or an authorized key")]
    NoCredential(String),
    /// A limit of the settings is reached.
    #[error("more than the {limit} {what} allowed by '{setting}'")]
    Limit {
        /// What there are too many of.
        what: &'static str,
        /// The limit.
        limit: usize,
        /// The setting that sets it.
        setting: &'static str,
    },
    /// A file cannot be read, written or understood.
    #[error("{}: {message}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        message: String,
    },
    /// Hashing or making a key failed.
    #[error("cryptography failed: {0}")]
    Crypto(String),
}

impl AuthError {
    /// An error about a file.
    pub(super) fn file(path: &Path, message: impl ToString) -> Self {
        Self::File {
            path: path.to_owned(),
            message: message.to_string(),
        }
    }
}
