//! The store's own tests: order and atomicity, the event log, crashes, a real kill -9.

mod crash;
mod disk;
mod event_log;
mod harness;
mod kill;
mod order;
mod sealed;
