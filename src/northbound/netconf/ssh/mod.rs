//! The SSH shell of the NETCONF face: bytes in, bytes out, nothing of ESC.
//!
//! An accept loop of our own stands in front of russh: it survives accept errors and bounds what
//! strangers can hold (RFC 6242). Only the subsystem `netconf` is served.
//!
//! ```text
//! accept -> penalties -> startups -> russh (id, kex, auth) -> channel -> subsystem netconf -> Session::run
//!    |          |            |               |                    |
//!    |          +-- closed --+               +-- 30 s from accept to hello, then the stream is cut
//!    +-- EMFILE: wait, go on
//! ```
//!
//! Per channel one pump task moves octets from russh into a bounded inbox; writes reserve the
//! peer's window first, so that a client that does not read stalls only itself. Whatever hangs is
//! ended by cutting the TCP stream from outside, never by a message that queues behind the data.

mod auth;
mod channel;
mod connection;
mod error;
mod inbox;
mod penalties;
mod server;
mod settings;
mod source;
mod startups;
mod stream;
#[cfg(test)]
mod tests;

pub use auth::{AuthMethod, AuthUnavailable, Authenticator, ClientKey, Identity, KeyProof};
pub use error::SshError;
pub use server::{Counters, SshServer};
pub use settings::{PenaltySettings, SshSettings, StartupSettings};
