//! A simulated cloud: hosts, VMs, networks, images, flavors, and the faults injected into them.
//!
//! The cloud is a pure value with explicit time: the caller tells it what time it is
//! ([`Cloud::advance`]) and it applies, in order, all that fell due. It reads no clock and no
//! random source, so the same calls at the same times always give the same cloud; a driver
//! may therefore store the inputs alone and rebuild the state from them.
//!
//! ```text
//! call -> op record (Pending -> Running -> Succeeded | Failed)
//! VM:  Building -> Running <-> Stopped        guest: down -> booted -> answers probes
//!          |          |  crash -> Stopped, failed reboot or start -> Error
//!          v          v
//!        Error      Deleting -> gone
//! ```
//!
//! What the faults do is told at [`Fault`]; their limits and defaults at [`Settings`].

mod accept;
mod adjust;
mod alter;
mod browse;
mod call;
mod cloud;
mod error;
mod fault;
mod finish;
mod furnish;
mod history;
mod inject;
mod look;
mod network;
mod op;
mod pairs;
mod ports;
mod resources;
mod settings;
mod vm;

pub use browse::{FaultView, FlavorView, HostView, ImageView, NetworkView, PortView, TenantView};
pub use call::{Accepted, Call, NewInterface, NewVm};
pub use cloud::Cloud;
pub use error::{CallError, InjectError, SettingsError};
pub use fault::{Fault, Injection, Target};
pub use history::{OpView, OpWork};
pub use look::{FoundResource, GuestAnswer, VmView};
pub use op::Twist;
pub use settings::{
    HostSettings, Latency, NetworkSettings, Settings, SubnetSettings, TenantSettings,
};
pub use vm::{Aside, Extra, Power, Resizing};

#[cfg(test)]
mod alter_tests;
#[cfg(test)]
mod tests;
