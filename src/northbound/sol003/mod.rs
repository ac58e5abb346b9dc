//! ETSI SOL003 VNF lifecycle management over HTTP: the same operations as everybody's, read and asked for.
//!
//! ```text
//! listener (TLS) -> gate (who, version, media types) -> resource -> handler -> control -> engine
//!                                                          `-- map: state rows -> wire types
//! subscriptions: a cursor into the journal each -> filter -> callback, in order, again and again
//! ```
//! Nothing is kept here that is not a row, but tokens: whoever asks after a restart gets another one.

mod body;
mod gate;
mod instances;
mod login;
mod map;
mod modify;
mod notify;
mod occurrences;
mod openapi;
mod query;
mod reply;
mod resource;
mod server;
pub mod settings;
mod subscriptions;
mod target;
mod tasks;
#[cfg(test)]
mod tests;
mod tls;

pub use login::{Credentials, LoginFuture};
pub use server::{Face, Parts, Security};
