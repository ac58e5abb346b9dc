//! Reading a tree by name: for the rooms that convert it into the model's types.

use super::defaults;
use super::keys::Keys;
use super::node::{Node, Value};
use super::path::child_by_name;
use crate::schema::{NodeId, Schema};

/// An interior node and its schema. Names are local names in the node's own module, or
/// `prefix:name` for an augmented child.
#[derive(Clone, Copy)]
pub struct NodeRef<'t> {
    schema: &'static Schema,
    node: &'t Node,
}

impl<'t> NodeRef<'t> {
    /// Makes one.
    pub fn new(schema: &'static Schema, node: &'t Node) -> Self {
        Self { schema, node }
    }

    /// The node.
    pub fn node(&self) -> &'t Node {
        self.node
    }

    /// Its local name, empty for the root.
    pub fn name(&self) -> &'static str {
        match self.node.schema() {
            super::node::ROOT => "",
            id => &self.schema.node(id).name,
        }
    }

    /// The keys of a list entry.
    pub fn keys(&self) -> Option<&'t Keys> {
        self.node.keys()
    }

    /// A child container that is in the tree.
    pub fn container(&self, name: &str) -> Option<NodeRef<'t>> {
        let node = self.node.container(self.id(name)?)?;
        Some(Self::new(self.schema, node))
    }

    /// The entries of a child list, in order; none when it is absent.
    pub fn entries(&self, name: &str) -> impl Iterator<Item = NodeRef<'t>> + use<'t> {
        let list = self.id(name).and_then(|id| self.node.list(id));
        let schema = self.schema;
        list.into_iter()
            .flat_map(|list| list.iter())
            .map(move |(_, node)| Self::new(schema, node))
    }

    /// One entry of a child list.
    pub fn entry(&self, name: &str, keys: &[&str]) -> Option<NodeRef<'t>> {
        let keys = Keys::new(keys.iter().copied());
        let node = self.node.entry_of(self.id(name)?, &keys)?;
        Some(Self::new(self.schema, node))
    }

    /// A leaf's value, the schema's default filled in.
    pub fn text(&self, name: &str) -> Option<&'t str> {
        let id = self.id(name)?;
        let default = || defaults::in_use(self.schema, Some(self.node), id).first();
        match self.node.leaf(id) {
            Some(text) => Some(text),
            None => default().map(|text| &**text),
        }
    }

    /// A leaf's value when it was set.
    pub fn explicit(&self, name: &str) -> Option<&'t str> {
        self.node.leaf(self.id(name)?).map(|text| &**text)
    }

    /// A leaf's value (default filled in) read as a number, a boolean or whatever parses.
    pub fn parse<T: std::str::FromStr>(&self, name: &str) -> Option<T> {
        self.text(name)?.parse().ok()
    }

    /// The values of a leaf-list in order, the schema's defaults when it is absent.
    pub fn values(&self, name: &str) -> Vec<&'t str> {
        let Some(id) = self.id(name) else {
            return Vec::new();
        };
        match self.node.child(id) {
            Some(Value::LeafList(values)) => values.iter().map(|(keys, ())| keys.first()).collect(),
            _ => defaults::in_use(self.schema, Some(self.node), id)
                .iter()
                .map(|text| &**text)
                .collect(),
        }
    }

    /// Whether a child is in the tree.
    pub fn has(&self, name: &str) -> bool {
        self.id(name)
            .is_some_and(|id| self.node.child(id).is_some())
    }

    fn id(&self, name: &str) -> Option<NodeId> {
        child_by_name(self.schema, self.node.schema(), name)
    }
}
