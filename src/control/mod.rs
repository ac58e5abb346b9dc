//! What every northbound face needs: commit, candidate, locks, sessions, actions, subscriptions.
//!
//! Nothing here knows a wire format. Decisions are pure where they can be ([`lock`],
//! [`subscription`], [`candidate`]); [`service::Control`] joins them with store and engine.

pub mod audit;
pub mod candidate;
pub mod commit;
pub mod error;
mod follow;
mod host;
pub mod lock;
mod opdata;
pub mod service;
pub mod session;
pub mod settings;
pub mod simulator;
pub mod subscription;
