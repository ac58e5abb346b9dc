//! Several VIMs at once: connectors in the configuration, and the same stories over each driver.
//!
//! The clouds are simulated: a driver speaks HTTP to the face of one cloud in this process, whose guests answer the
//! probes themselves.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    missing_docs,
    reason = "a test"
)]

mod cloudstack;
#[path = "../common/mod.rs"]
mod common;
mod connectors;
mod face;
mod stories;
mod vcloud;
