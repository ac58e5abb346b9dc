//! The NETCONF face: RFC 6241, 6242, 5277, 6022 and the ESC model, over a transport.
//!
//! ```text
//! ssh (transport) <-> driver (one task per session) <-> proto::netconf::Session
//!                       |            \-- notify (pump of a subscription)
//!                     service -> rpc/* (one file per group of operations) -> control
//!                       |-- map (every failure -> rpc-error)
//!                       \-- trace (every request -> audit log)
//! ```

mod capabilities;
mod driver;
mod filter;
mod map;
pub mod memory;
mod monitoring;
mod notify;
mod rpc;
pub mod service;
pub mod settings;
pub mod ssh;
mod times;
mod trace;
pub mod transport;
