//! OpenStack behind the engine's ports: Keystone, Nova, Glance and Neutron, by a thin client of our own.
//!
//! ```text
//! Vim::call --> create, servers, things, networks --> client (token, 401 again) --> vim_http (limits) --> cloud
//! Vim::status -> servers: server + os-instance-actions --> judge (pure): how it stands
//! Vim::describe -> look: server + ports --> map; a 404 --> judge::gone: proof, or nobody knows
//! ```
//!
//! A server carries its token in its metadata. The cloud's record of a call is its request id; what else is needed
//! to find the record again ([`errand::Errand`]) is kept beside it. What the driver remembers besides (which project a
//! server lives in, which calls it has made) only saves requests: a restart loses it and nothing else.

mod client;
mod connector;
mod create;
mod day_zero;
mod driver;
mod errand;
mod error;
mod judge;
mod look;
mod map;
mod memory;
mod networks;
mod servers;
mod session;
mod settings;
mod things;

pub use connector::{Connector, Credential, Secret, UnprovenGone};
pub use driver::OpenstackVim;
pub use error::OpenstackError;
pub use settings::Settings;
