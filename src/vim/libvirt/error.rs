//! Why a driver cannot be made.

use std::path::PathBuf;

use crate::vim_http::ConnectorError;

/// What is wrong with a connector, or with what the driver keeps of it.
#[derive(Debug, thiserror::Error)]
pub enum LibvirtError {
    /// Its configuration.
    #[error(transparent)]
    Connector(#[from] ConnectorError),
    /// The driver's own records cannot be read or written.
    #[error("{path}: {source}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// This binary was built without libvirt.
    #[error("this binary was built without the feature libvirt")]
    NotBuilt,
}
