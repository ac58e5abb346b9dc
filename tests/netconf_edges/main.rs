//! The edges of the NETCONF protocol, case by case, on a real server over real SSH.
//!
//! Numbers are those of the project's list of edge cases; each names its clause.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    missing_docs,
    reason = "a test"
)]

mod actions;
mod base_events;
mod cases;
mod confirmed;
mod defaults;
mod edits;
mod envelope;
mod floods;
mod framing;
mod golden;
mod locks;
mod nacm;
mod peer;
mod reads;
mod sample;
mod subscriptions;
