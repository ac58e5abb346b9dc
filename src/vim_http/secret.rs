//! A connector's secret, which is read where the configuration points to.

use std::fmt;

use super::error::ConnectorError;
use crate::model::connector::SecretRef;

/// A secret: shown to nobody.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps it.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Reads it from where it stands: a file's first line, or a variable.
    ///
    /// # Errors
    /// When it is not there, or empty.
    pub fn read(from: &SecretRef) -> Result<Self, ConnectorError> {
        let text = match from {
            SecretRef::File(path) => {
                std::fs::read_to_string(path).map_err(|source| ConnectorError::File {
                    path: path.into(),
                    source,
                })?
            }
            SecretRef::Environment(name) => std::env::var(name).unwrap_or_default(),
        };
        match text.lines().next().filter(|line| !line.is_empty()) {
            Some(line) => Ok(Self::new(line)),
            None => Err(match from {
                SecretRef::File(path) => ConnectorError::NoSecret(format!("the file {path}")),
                SecretRef::Environment(name) => {
                    ConnectorError::NoSecret(format!("the environment variable {name}"))
                }
            }),
        }
    }

    /// The text, to be sent and not to be shown.
    pub fn text(&self) -> String {
        self.0.clone()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}
