//! Access control (RFC 8341): who may read, change and execute what; pure.
//!
//! [`Nacm::compile`] turns the `/nacm` of a configuration and one user's groups into decisions per schema
//! node and access operation: permitted, denied, or by instance where a rule names keys. Subtrees that are
//! permitted or denied as a whole are known, so that a reader who may see everything costs nothing.
//!
//! ```text
//! /nacm --Policy--> rules of the user's groups --compile--> Nacm
//!   Nacm::visible(tree)        what the user may read, before any filter looks at it
//!   Nacm::check_edit           every node an edit names, before it is applied (section 3.2.5)
//!   Nacm::check_order          what an edit moved, once it is applied
//!   Nacm::check_change         every node that differs: copy-config, commit (sections 3.2.6 and 3.2.8)
//!   Nacm::exec, ::notification protocol operations (3.4.4) and event types (3.4.6)
//! ```
//! A reader's tree remembers what was taken out of it, so that no default is shown in its place.

mod access;
mod change;
mod compile;
mod decide;
mod edit;
mod pattern;
mod policy;
mod visible;

#[cfg(test)]
mod tests;

pub use access::Access;
pub use compile::{Member, Nacm};
