//! libvirt as a VIM: QEMU/KVM on one host, or whatever else libvirt drives.
//!
//! libvirt has no record of what it was asked to do: the driver keeps one of its own, as long as the process
//! lives, and what it does not know any more is looked at.
//!
//! ```text
//!  engine --call--> driver --begin--> table of operations <--status-- engine
//!                     |  work (create, power, remove, network, image)
//!                     v
//!                  session: one connection, at most one attempt a second, a thread per call, time limits
//!                     |
//!                  link (a trait) <--- virt (feature libvirt): libvirt.so, its event loop on a thread
//!                     |
//!                  watch <--- events: reset, started, stopped, agent --- judge: what they prove
//! ```
//!
//! | what | where it is kept |
//! | --- | --- |
//! | VMs, with token, tenant, flavor, addresses | domains, in our namespace of their metadata |
//! | networks and subnets | libvirt networks, the same way |
//! | images, disks, configuration drives | volumes of one storage pool |
//! | flavors, tenants, which volume an image is | `records.json` in the driver's folder |
//!
//! Everything but `virt` is built and tested without libvirt.

mod address;
mod connector;
mod core;
mod create;
mod day_zero;
mod driver;
mod error;
mod fetch;
mod image;
mod iso;
mod judge;
pub mod link;
mod look;
mod network;
mod power;
mod records;
mod remove;
mod session;
mod settings;
mod state;
mod table;
#[cfg(feature = "libvirt")]
mod virt;
mod watch;
mod xml;

pub use connector::{Connector, RebootWay, StopWay};
pub use driver::{COLLECTOR, LibvirtVim};
pub use error::LibvirtError;
pub use settings::Settings;
#[cfg(feature = "libvirt")]
pub use virt::Virt;
