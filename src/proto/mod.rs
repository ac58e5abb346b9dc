//! The wire, spoken and nothing else: each sub-room knows the words of one protocol.
//!
//! No tokio, no schema, no domain: a face or a driver on floor 9 converts between these
//! values and the model.

pub mod cloudstack;
pub mod esc;
pub mod netconf;
pub mod nova;
pub mod sol003;
pub mod vcloud;
