//! The simulated cloud's faces, asked in this process: shapes, rules, records, faults.
//!
//! Time stands still unless a test lets it pass, so that every state in between can be looked at.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test"
)]

mod asked;
mod beside;
mod cloudstack;
mod harness;
mod identity;
mod life;
mod records;
mod rules;
mod together;
mod vcloud;
mod wire;
