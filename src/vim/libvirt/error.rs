//! Why a connector cannot be used.

use std::path::PathBuf;

/// What is wrong with a connector, or with what the driver keeps of it.
#[derive(Debug, thiserror::Error)]
pub enum LibvirtError {
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
    #[error("'{0}' is not a property of a LIBVIRT connector")]
    Unknown(String),
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
