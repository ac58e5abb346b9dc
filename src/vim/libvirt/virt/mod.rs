//! The real libvirt behind [`Link`], and its event loop on a thread of its own.
//!
//! Every unsafe block is one C call with pointers that are alive by construction: a [`handle::Handle`] holds one
//! reference and gives it back; a connection lives as long as its [`connection::Connection`].

mod calls;
mod connection;
mod events;
mod ffi;
mod handle;

use std::ffi::{c_int, c_uint};
use std::sync::Arc;

use self::connection::Connection;
use self::events::{library, listen};
use self::handle::{last_error, text};
use super::link::{EventSink, Fault, Link, Opener};
use super::settings::Settings;

/// Unanswered signs of life after which a connection is closed.
const KEEPALIVES: c_uint = 5;

/// Opens connections to one URI.
pub struct Virt {
    uri: String,
    keepalive_s: c_int,
}

impl Virt {
    /// Nothing is opened yet.
    pub fn new(uri: &str, settings: &Settings) -> Self {
        let seconds = settings.keepalive_ms.div_ceil(1000);
        Self {
            uri: uri.to_owned(),
            keepalive_s: c_int::try_from(seconds).unwrap_or(c_int::MAX),
        }
    }
}

impl Opener for Virt {
    fn open(&self, generation: u64, sink: EventSink) -> Result<Arc<dyn Link>, Fault> {
        library()?;
        let uri = text(&self.uri)?;
        // SAFETY: a string that lives during the call.
        let conn = unsafe { ffi::virConnectOpen(uri.as_ptr()) };
        if conn.is_null() {
            return Err(last_error());
        }
        let mut connection = Connection {
            conn,
            callbacks: Vec::new(),
        };
        if self.keepalive_s > 0 {
            // SAFETY: an open connection. One inside this process needs no signs of life and says so.
            unsafe { ffi::virConnectSetKeepAlive(conn, self.keepalive_s, KEEPALIVES) };
        }
        // SAFETY: open; deregistered when the connection is dropped.
        connection.callbacks = unsafe { listen(conn, generation, &sink)? };
        Ok(Arc::new(connection))
    }
}
