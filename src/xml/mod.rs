//! XML: a hardened reader with limits, an owned [`Element`], a small [`Writer`].
//!
//! The reader refuses what XML 1.0 and Namespaces in XML refuse and quick-xml lets through:
//! DOCTYPE, unbound prefixes, a second root, text outside the root, bad names and control
//! characters. Nothing is expanded but the five predefined entities and character references.

mod declaration;
mod element;
mod name;
mod reader;
mod writer;

pub use element::{Attr, Child, Element, Scope};
pub use name::{Few, Name};
pub use reader::{Limits, XmlError, noncharacter, parse, parse_root_tag, parse_str};
pub use writer::{Writer, escape_attr, escape_text};

/// The namespace that the prefix `xml` is always bound to.
pub const XML_NS: &str = "http://www.w3.org/XML/1998/namespace";

/// The namespace of declarations, which nothing is bound to.
const XMLNS_NS: &str = "http://www.w3.org/2000/xmlns/";
