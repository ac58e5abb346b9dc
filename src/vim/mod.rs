//! VIM drivers: each implements [`crate::engine::port::Vim`] for one kind of VIM.
//!
//! Drivers do not know each other, nor the engine beyond its ports. Only the embedded
//! simulated VIM is here yet.

pub mod sim;
