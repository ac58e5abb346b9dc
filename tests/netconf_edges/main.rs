//! The edges of the NETCONF protocol, case by case, on a real server over real SSH.
//!
//! Numbers are those of the project's list of edge cases; each names its clause. Cases on
//! confirmed-commit (73, 74) and access control (96) wait for the features.
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
mod edits;
mod envelope;
mod floods;
mod framing;
mod locks;
mod peer;
mod reads;
mod sample;
mod subscriptions;
