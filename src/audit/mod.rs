//! Who did what, when, with what result: JSON lines, each bound to the one before it by SHA-256.
//!
//! ```text
//! {"seq":7,"time":..,"who":..,...,"prev":"<hash of 6>","hash":"<SHA-256 of all before this member>"}
//! ```
//!
//! Changing, removing or inserting a line breaks the chain from there on, which [`verify`] shows. Cutting off the end
//! shows only against a head noted elsewhere ([`AuditLog::head`], [`Report::head`]).
//!
//! Appending waits for the disk; async code hands its records to a [`Recorder`], whose one thread appends them.

mod chain;
mod error;
mod log;
mod record;
mod recorder;
mod settings;
mod verify;

pub use chain::{Head, is_unseen};
pub use error::AuditError;
pub use log::AuditLog;
pub use record::{AuditRecord, Clip, Outcome};
pub use recorder::{Recorder, Underway, Writer};
pub use settings::Settings;
pub use verify::{Problem, Report, verify};
