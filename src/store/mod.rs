//! Durable memory: rows with versions and an append-only event log, in one SQLite file.
//!
//! One writer thread owns the writing connection. Batches are enqueued in call order, taken up to
//! `group-size` at a time and made durable by one COMMIT; each batch is a savepoint of its own.
//!
//! ```text
//! submit -> queue -> BEGIN IMMEDIATE, SAVEPOINT per batch, stamp events, COMMIT
//!                 -> publish closures on a clone of P, swap the pointer
//!                 -> ring of the newest events -> watermark -> acknowledge
//! ```
//!
//! So whoever saw event n, or an acknowledgement, reads a published state of at least n.

mod batch;
mod data_dir;
mod error;
mod fault;
mod group;
mod log;
mod open;
mod pending;
mod pool;
mod queue;
mod retention;
mod ring;
mod seal;
mod settings;
mod shared;
mod sql;
mod stamp;
mod writer;

pub use batch::{Batch, Committed, NewEvent, Precondition, Row, StoredEvent, Table, Write};
pub use data_dir::DataDir;
pub use error::StoreError;
pub use fault::{FailPoint, FaultAction, FaultPlan};
pub use log::EventLog;
pub use open::{Loaded, OpenOptions, Store};
pub use pending::Pending;
pub use settings::Settings;
pub use shared::Health;

#[cfg(test)]
mod tests;
