//! XPath 1.0, evaluated natively on our trees and on notification content.
//!
//! All of it; nobody can declare a variable here, so there is none (RFC 6241 section 8.9.1). Data trees have no
//! attributes, comments, processing instructions or identifiers; the content of a notification may have
//! attributes. `name()` is the name as replies write it, without a prefix; the namespaces in scope are that one
//! and `xml`. Of YANG's functions `current()` is served, which is the root in a filter.
//!
//! Client XPath never reaches libyang: evaluation has a budget of node visits and of time, texts and nesting
//! are bounded, and predicates that name all keys of a list look the entry up instead of walking it.
//! An expression that cannot give a node-set, or uses something else as one, is refused when parsed.
//! Names without a prefix are those of the default namespace given at parsing, or of any module if
//! that one has no such name; a missing leading `/` makes no difference, as paths start at the root.

mod ast;
mod compare;
mod doc;
mod element_doc;
mod eval;
mod expression;
mod functions;
mod lexer;
mod parser;
#[cfg(test)]
mod tests;
mod tree_doc;
mod value;

pub use expression::XPath;
