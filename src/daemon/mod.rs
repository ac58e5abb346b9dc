//! The process: settings from one file, wiring of the rooms, logins, signals, order of start and stop.

pub mod logging;
mod login;
pub mod serve;
pub mod server;
pub mod settings;
pub mod users;
pub mod vims;
