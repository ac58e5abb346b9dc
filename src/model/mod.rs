//! The domain and its pure rules: what a deployment is, what states a VM and a service
//! have, what an event says. No wire word, no I/O, no clock.
//!
//! ```text
//! Deployment (desired) --engine--> DeploymentRecord (inventory, operations) --esc_model--> opdata
//!                         |
//!                         +--> Event --esc_model--> escEvent
//! ```

pub mod action;
pub mod confirmed;
pub mod connector;
pub mod deployment;
pub mod event;
pub mod instance;
pub mod inventory;
pub mod operation;
pub mod resource;
pub mod state;
pub mod vim;
