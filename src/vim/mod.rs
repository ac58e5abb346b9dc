//! VIM drivers: each implements [`crate::engine::port::Vim`] for one kind of VIM.
//!
//! Drivers do not know each other, nor the engine beyond its ports. Each has the same file names: `driver.rs` (the
//! port), `settings.rs`, `error.rs`, `map.rs` (words of the engine to words of the VIM), `judge.rs` (what the VIM's
//! record and the VM's look say together, pure), `connector.rs` (what is configured of one VIM).

pub mod cloudstack;
pub mod libvirt;
pub mod openstack;
pub mod sim;
pub mod vcloud;
