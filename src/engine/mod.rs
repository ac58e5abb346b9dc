//! Decides: plans, lifecycles, recoveries, permits. A sans-IO core; a thin shell carries its effects out.
//!
//! ```text
//! Input --> core::Core::handle --> Transaction { rows, events, records, effects, replies }
//!              |-- core::state      dispatch by owner; one deployment is one value
//!              |-- lifecycle        operations of a deployment, jobs of a VM
//!              |-- recovery         step(state, input, facts) -> (state, acts)
//!              |-- resource         tenants, networks, images, flavors
//!              |-- call             one VIM call from permit to proof
//!              `-- plan, alarm, history, messages, admission
//! ```
//!
//! Nothing here reads a clock, a random source, a socket or a disk; `port` is what drivers implement.

pub(crate) mod admission;
pub mod alarm;
mod audit;
pub(crate) mod call;
pub mod caller;
pub mod core;
pub mod dispatcher;
pub mod handle;
pub(crate) mod history;
pub mod io;
pub(crate) mod lifecycle;
pub(crate) mod messages;
pub mod plan;
pub mod port;
pub mod recovery;
pub(crate) mod resource;
pub mod settings;
mod shell;
