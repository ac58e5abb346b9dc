//! Configuration and state trees, and what RFC 6241, 6243 and 7950 say about them; all of it pure.
//!
//! A [`Tree`] is a snapshot: immutable nodes behind `Arc`, lists as persistent maps, so that an edit
//! of one deployment costs the same whatever else is there. Only explicitly set nodes are in a tree;
//! defaults are filled in when it is read. libyang is asked through `schema` alone: to make a value
//! canonical, and to judge one unit.
//!
//! ```text
//! <config> --EditTree--> Tree::edit --> Tree::validate --> changed_units --> store rows --> from_units
//!                                            |
//!                     rules across units ----+        Diff::between(old, new) --> events, plans
//!
//! <filter> --SubtreeFilter | XPath--> Tree::select --> Selection --write_xml--> reply
//! ```
//!
//! It knows no session, no lock and no store; NETCONF error names are made from [`Error`] above it.

mod apply;
mod build;
mod decode;
mod defaults;
mod diff;
mod edit_tree;
mod error;
mod filter;
mod keys;
mod nacm;
mod node;
mod ordered;
mod path;
mod print;
mod rules;
mod secret;
mod select;
mod tree;
mod units;
mod validate;
mod view;
mod xpath;

#[cfg(test)]
mod tests;

pub use apply::Edited;
pub use build::Builder;
pub use decode::{DEFAULT_NS, NETCONF_NS, YANG_NS};
pub use diff::{Change, Diff, DiffOp};
pub use edit_tree::{DefaultOperation, EditTree, ErrorOption, Operation, split_rpcs};
pub use error::{Error, ErrorKind};
pub use filter::{Budget, Filter, FilterLimits, SubtreeFilter};
pub use keys::{Key, Keys};
pub use nacm::{Access, Member, Nacm};
pub use node::{Node, ROOT, Value};
pub use ordered::{EntryDiff, Ordered, Place, Same};
pub use path::{Location, Step};
pub use print::{PrintOptions, WithDefaults, explicit_xml, write_xml, write_xml_pieces};
pub use rules::names as rule_names;
pub use secret::MASK;
pub use select::Selection;
pub use tree::Tree;
pub use units::{UnitChange, UnitPath};
pub use view::NodeRef;
pub use xpath::XPath;
