//! vCloud Director behind the engine's ports: links that are followed, and the tasks they start.
//!
//! ```text
//! Vim::call --> create, servers, things, networks --> client (sessions, one origin) --> vim_http (limits) --> cloud
//! Vim::status -> task, vApp --> judge (pure); what takes several requests --> steps (pure): the next one is sent
//! Vim::describe -> look: the vApp, else the data centre's list --> judge, map
//! ```
//!
//! A VM is a vApp that holds one. The vApp's name is the VM's token, its description says so again; a vApp that is made
//! is not what was asked for yet: interfaces, size and day-0 data are put into it one after the other, and then it is
//! deployed ([`steps`]). No address is built: from `api/versions` on links are followed, and only to where the
//! connector points, because the session's token goes with them.

mod ask;
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
mod steps;
mod things;
mod work;

pub use connector::Connector;
pub use driver::VcloudVim;
pub use settings::Settings;
