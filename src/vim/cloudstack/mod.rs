//! CloudStack behind the engine's ports: one signed command at a time, and the async jobs they start.
//!
//! ```text
//! Vim::call --> create, servers, things, networks --> client (signature, both formats) --> vim_http (limits) --> cloud
//! Vim::status -> servers: queryAsyncJobResult, and the VM where the job does not settle it --> judge (pure)
//! Vim::describe -> look: listVirtualMachines (+ its host, for those who see it) --> judge, map
//! ```
//!
//! A VM carries its token twice: as the name shown, which every version takes when it makes one and shows to everybody
//! who may see the VM, and in its details, where nobody renames it. The cloud's record of a call is its job id; what else
//! is needed ([`errand::Errand`]) is kept beside it.

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
mod settings;
mod things;

pub use connector::{Connector, Method, SignatureVersion};
pub use driver::CloudstackVim;
pub use settings::Settings;
