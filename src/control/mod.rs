//! What every northbound face needs: commit, candidate, locks, sessions, actions, subscriptions.
//!
//! Nothing here knows a wire format. Decisions are pure where they can be ([`lock`],
//! [`subscription`], [`candidate`], [`confirmed`]); [`service::Control`] joins them with store and engine.

pub mod access;
pub mod audit;
mod base_event;
pub mod candidate;
pub mod commit;
pub mod confirmed;
pub mod error;
mod follow;
mod host;
pub mod input;
pub mod lcm;
pub mod lock;
mod opdata;
pub mod revert;
mod running;
pub mod service;
pub mod session;
pub mod settings;
pub mod simulator;
pub mod subscription;
pub mod template;
pub mod undo;
mod who;
