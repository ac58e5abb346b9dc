//! Why the embedded VIM cannot be opened, or a fault cannot be injected.

use std::io;
use std::path::PathBuf;

use crate::cloudsim::{InjectError, SettingsError};

/// What can go wrong around the simulated cloud, beyond what a VIM answers.
#[derive(Debug, thiserror::Error)]
pub enum SimError {
    /// The settings contradict themselves.
    #[error("simulated VIM: {0}")]
    Settings(#[from] SettingsError),
    /// The fault cannot be injected.
    #[error(transparent)]
    Inject(#[from] InjectError),
    /// A file cannot be read or written.
    #[error("simulated VIM: {path}: {source}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file was read but is not what was written.
    #[error("simulated VIM: {path}, line {line}: {why}")]
    Corrupt {
        /// Which.
        path: PathBuf,
        /// Line, 1 first.
        line: usize,
        /// Why.
        why: String,
    },
}
