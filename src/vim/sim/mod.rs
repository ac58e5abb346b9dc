//! The embedded VIM: a [`crate::cloudsim::Cloud`] behind the engine's ports, on a real clock.
//!
//! The cloud is moved on whenever somebody asks it something; nobody polls it and no task runs
//! for it. Whoever follows an operation sleeps until the moment its record is due. The inputs
//! (calls, faults) are written down before they act, so that the cloud outlives the process
//! that simulates it: after `kill -9` it is found as it would have become by itself.
//!
//! ```text
//! Vim::call --map--> Input --append--> cloudsim.N.log --apply--> Cloud
//! restart: cloudsim.json (snapshot N) + cloudsim.N.log, then time goes on by the wall clock
//! ```

mod driver;
mod error;
mod map;
mod record;
mod settings;

pub use driver::SimVim;
pub use error::SimError;
pub use settings::Settings;
