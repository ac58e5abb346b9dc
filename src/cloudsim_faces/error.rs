//! Why the faces cannot be served.

use std::io;
use std::net::SocketAddr;

use crate::cloudsim::SettingsError;

/// What can go wrong at the start.
#[derive(Debug, thiserror::Error)]
pub enum FacesError {
    /// Nothing is to be served.
    #[error("no address is given: say at least one of --nova, --vcloud and --cloudstack")]
    NoFace,
    /// Guests are to be answered for where everybody is.
    #[error("guests answer at {0}: say a loopback address, such as 127.0.0.1")]
    Guests(SocketAddr),
    /// The settings contradict themselves.
    #[error("settings")]
    Settings(#[from] SettingsError),
    /// The address cannot be had.
    #[error("cannot listen on {address}")]
    Bind {
        /// Which.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
}
