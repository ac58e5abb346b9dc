//! A parsed expression, ready to be used as a filter.

use std::sync::Arc;

use super::ast::Expr;
use super::element_doc::ElementDoc;
use super::eval::Eval;
use super::parser::{self, Size};
use super::tree_doc::TreeDoc;
use super::value::Value;
use crate::datastore::error::Error;
use crate::datastore::filter::{Budget, FilterLimits};
use crate::datastore::print::WithDefaults;
use crate::datastore::select::Selection;
use crate::datastore::tree::Tree;
use crate::xml::Element;

const NO_NODES: &str = "the expression does not give a node-set";

/// An XPath 1.0 expression.
#[derive(Clone, Debug)]
pub struct XPath {
    expr: Arc<Expr>,
    default_ns: Arc<str>,
}

impl XPath {
    /// Parses an expression within the default limits. `resolve` gives the namespace of a prefix;
    /// names without one are those of `default_ns`, or of any module if it has no such name.
    ///
    /// # Errors
    /// As [`XPath::parse_within`].
    pub fn parse(
        text: &str,
        resolve: &dyn Fn(&str) -> Option<String>,
        default_ns: &str,
    ) -> Result<Self, Error> {
        Self::parse_within(text, resolve, default_ns, &FilterLimits::default())
    }

    /// Parses an expression within limits.
    ///
    /// # Errors
    /// `invalid-value`: not XPath, an undeclared prefix, an unknown function, no node-set (RFC 6241
    /// section 8.9.5.1). `resource-denied`: too long or nested too deep.
    pub fn parse_within(
        text: &str,
        resolve: &dyn Fn(&str) -> Option<String>,
        default_ns: &str,
        limits: &FilterLimits,
    ) -> Result<Self, Error> {
        let parsed = Self::parse_condition(text, resolve, default_ns, limits)?;
        match parser::is_node_set(&parsed.expr) {
            true => Ok(parsed),
            false => Err(parser::refused(NO_NODES)),
        }
    }

    /// Parses an expression of any type, to be asked whether it holds (RFC 5277 section 3.6).
    ///
    /// # Errors
    /// As [`XPath::parse_within`], but for the node-set.
    pub fn parse_condition(
        text: &str,
        resolve: &dyn Fn(&str) -> Option<String>,
        default_ns: &str,
        limits: &FilterLimits,
    ) -> Result<Self, Error> {
        let size = Size {
            bytes: limits.xpath_bytes,
            depth: limits.xpath_depth,
        };
        Ok(Self {
            expr: Arc::new(parser::parse(text, resolve, size)?),
            default_ns: default_ns.into(),
        })
    }

    /// What it selects of a tree as a reply shows it: each node of the result with its subtree.
    pub(in crate::datastore) fn select(
        &self,
        tree: &Tree,
        shown: WithDefaults,
        budget: &mut Budget,
    ) -> Result<Selection, Error> {
        let doc = TreeDoc::new(tree, shown);
        let value = Eval::new(&doc, budget, &self.default_ns).whole(&self.expr)?;
        let Value::Nodes(nodes) = value else {
            return Err(parser::refused(NO_NODES));
        };
        let mut selection = Selection::none();
        for node in nodes {
            selection.add_node(tree.schema(), &doc.steps(node));
        }
        Ok(selection)
    }

    /// Whether it holds for a notification's content: its value, whatever the type, as `boolean()` has it.
    pub(in crate::datastore) fn wants(
        &self,
        content: &[&Element],
        budget: &mut Budget,
    ) -> Result<bool, Error> {
        let doc = ElementDoc::new(content);
        let mut eval = Eval::new(&doc, budget, &self.default_ns);
        let value = eval.whole(&self.expr)?;
        Ok(eval.bool_of(&value))
    }
}
