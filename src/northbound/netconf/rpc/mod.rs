//! One file per group of operations: decoded request -> control -> reply.

mod action;
mod dispatch;
mod edit;
mod esc;
mod input;
mod read;
mod schema;
mod session;
mod sim;
mod store;
mod subscribe;

pub(super) use dispatch::answer;
