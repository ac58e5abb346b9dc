//! The control socket: how `lifeline user ...` talks to a running server.
//!
//! A Unix socket in the data directory (mode 0600, so file permissions are the
//! authentication), one JSON line each way per connection.

mod client;
mod message;
mod server;

pub use client::ask;
pub use message::{AdminError, Reply, Request, UserRow};
pub use server::{AdminServer, listen};

/// Name of the socket inside the data directory.
pub const SOCKET: &str = "control.sock";
