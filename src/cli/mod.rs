//! The command line: one file per command. The client side speaks NETCONF through libssh2, an SSH
//! implementation of its own beside the server's.

pub mod action;
pub mod audit;
pub mod client;
mod commands;
pub mod connect;
pub mod demo;
pub mod document;
pub mod edit;
pub mod get;
pub mod pretty;
mod serve;
mod settings;
mod sim;
pub mod user;
pub mod watch;

pub use commands::{Cli, one_line};
