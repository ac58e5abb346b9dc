//! Why a connector cannot be used.

use std::path::PathBuf;

/// What is wrong with a connector.
#[derive(Debug, thiserror::Error)]
pub enum ConnectorError {
    /// A setting is missing.
    #[error("{0} is missing")]
    Missing(&'static str),
    /// A setting has a value that is none.
    #[error("{name}: {why}")]
    Bad {
        /// Which.
        name: String,
        /// Why.
        why: String,
    },
    /// A setting is not one of this driver.
    #[error("'{name}' is not a property of {article} {kind} connector", article = article(kind))]
    Unknown {
        /// Which.
        name: String,
        /// Kind of connector.
        kind: &'static str,
    },
    /// A secret stands in the configuration itself.
    #[error("'{0}' is a secret: name a file or an environment variable that holds it")]
    PlainSecret(String),
    /// A secret is not where it is said to be.
    #[error("{0} holds no secret")]
    NoSecret(String),
    /// A file cannot be read.
    #[error("{path}: {source}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The HTTP client cannot be made.
    #[error("HTTP client: {0}")]
    Client(String),
}

fn article(kind: &str) -> &'static str {
    match kind.chars().next() {
        Some('A' | 'E' | 'I' | 'O' | 'U') => "an",
        _ => "a",
    }
}
