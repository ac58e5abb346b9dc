//! XPath 1.0, evaluated natively on our trees and on notification content.
//!
//! Client XPath never reaches libyang: evaluation has a budget of node visits, texts and nesting are
//! bounded, and predicates that name all keys of a list look the entry up instead of walking it.
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
mod tree_doc;
mod value;

pub use expression::XPath;
