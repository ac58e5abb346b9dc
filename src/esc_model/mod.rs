//! Between the ESC model and the domain: the one place that turns configuration into what shall
//! exist, state rows into opdata, and events into `escEvent`.
//!
//! ```text
//! Tree --desired--> Deployment      DeploymentRecord --opdata--> XML of opdata
//!                                   Event --event--> stored bodies
//! ```

pub mod connectors;
pub mod desired;
pub mod error;
pub mod event;
pub mod opdata;
pub mod published;
mod words;

pub use words::{event_type, vm_state};
