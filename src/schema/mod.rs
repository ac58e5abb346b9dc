//! The schema: the only room that touches libyang.
//!
//! It loads the modules of `yang/` (their texts are part of the program), compiles them into
//! plain Rust data ([`Schema`], [`SchemaNode`]), makes values canonical, and judges documents:
//! one unit of configuration, a whole tree, an rpc, a notification.
//!
//! It does not hold data and knows no edit operation: that is `datastore`. libyang never sees a
//! NETCONF envelope, and its texts for errors become [`ErrorKind`]s here and nowhere else.
//!
//! ```text
//! yang/*.yang --include_str!--> source --> sys (libyang) --> compile --> Schema --> reach (units)
//!                                                                          |
//!                               datastore: node, child, canonical, validate_unit
//! ```

mod compile;
mod error;
mod library;
mod lookup;
mod node;
mod node_path;
mod path;
mod reach;
mod source;
mod sys;
mod validate;
mod value;

#[cfg(test)]
mod tests;

pub use error::{ErrorKind, SchemaError, ValidationError, ValueError};
pub use lookup::{LoadOptions, Schema};
pub use node::{Module, ModuleId, NodeId, NodeKind, SchemaNode, ValueKind};
pub use node_path::{NodePath, NodePathStep, Operand, Predicate};
pub use path::quoted;
pub use source::SourceModule;
pub use value::ExternalValue;
