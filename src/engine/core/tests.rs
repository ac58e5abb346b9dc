//! The core against a simulated VIM and virtual time.

mod asked;
mod crash;
mod limits;
mod props;
mod scenarios;
mod sim;
mod updates;
