//! The simulated cloud's faces: one [`cloudsim::Cloud`](crate::cloudsim::Cloud) that real clients of OpenStack,
//! vCloud and CloudStack believe. A `vcsim` for these APIs: to test whoever orchestrates, not to run anything.
//!
//! A face is a function from the world and a request to a reply, and needs no socket; `server` is the shell
//! around it. The cloud's core does what a VM does; a face knows its API's words, rules and records, and keeps
//! what only that API has (tokens, key pairs). Faults of the cloud and of the wire are injected below `/-/`
//! of every address.
//!
//! ```text
//! socket -> server -> faults (hang, 5xx, cut) -> nova, vcloud, cloudstack -> cloudsim::Cloud
//!                  \-> /-/ control: inject, clear, list, time
//! probe  -> guests: a port at each guest's address, open while it answers
//! ```

mod cloudstack;
mod error;
mod faults;
mod guests;
mod http;
mod nova;
mod server;
mod settings;
mod ssh_pair;
mod vcloud;
mod world;

pub use cloudstack::{AccountSettings, Ids, Settings as CloudstackSettings};
pub use error::FacesError;
pub use faults::{Face, WireFault};
pub use http::{Reply, Request};
pub use nova::{Settings as NovaSettings, UserSettings};
pub use server::{Addresses, Serving, serve};
pub use settings::{Settings, Time};
pub use vcloud::{Settings as VcloudSettings, UserSettings as VcloudUserSettings};
pub use world::{Sim, World};

/// Answers a request to the address of Keystone, Glance, Neutron and Nova.
pub fn answer_nova(world: &mut World, request: &Request) -> Reply {
    nova::answer(world, request)
}

/// Answers a request to CloudStack's address.
pub fn answer_cloudstack(world: &mut World, request: &Request) -> Reply {
    cloudstack::answer(world, request)
}

/// Answers a request to vCloud's address.
pub fn answer_vcloud(world: &mut World, request: &Request) -> Reply {
    vcloud::answer(world, request)
}
