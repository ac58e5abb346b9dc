//! Lifeline: an open VM lifecycle controller that speaks NETCONF the way ESC clients expect.
//!
//! Rooms are listed here from the bottom floor to the top; imports only go down.

pub mod clock;
pub mod ids;
pub mod xml;

pub mod proto;

pub mod model;

pub mod cloudsim;
pub mod schema;

pub mod datastore;

pub mod store;

pub mod audit;
pub mod auth;
pub mod esc_model;

pub mod engine;

pub mod control;
pub mod vim_http;

pub mod cloudsim_faces;
pub mod northbound;
pub mod probe;
pub mod vim;

pub mod daemon;

pub mod cli;
