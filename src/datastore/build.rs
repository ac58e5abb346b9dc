//! Putting a tree together in code: operational data is made this way, without XML.

use super::error::{Error, ErrorKind};
use super::keys::Keys;
use super::node::{Node, ROOT, Value};
use super::ordered::Ordered;
use super::path::child_by_name;
use super::tree::Tree;
use crate::schema::{NodeId, NodeKind, Schema};

/// Builds one interior node. Children are named as in [`super::NodeRef`]; values must be canonical.
/// A name the schema does not have is remembered and comes out of [`Builder::tree`].
pub struct Builder {
    schema: &'static Schema,
    node: Node,
    error: Option<Error>,
}

impl Builder {
    /// Starts at the root.
    pub fn root(schema: &'static Schema) -> Self {
        Self {
            schema,
            node: Node::new(ROOT),
            error: None,
        }
    }

    /// Sets a leaf.
    pub fn leaf(&mut self, name: &str, value: impl AsRef<str>) -> &mut Self {
        if let Some(id) = self.id(name, NodeKind::Leaf) {
            self.node.set(id, Value::Leaf(value.as_ref().into()));
        }
        self
    }

    /// Sets a leaf when there is a value.
    pub fn leaf_opt(&mut self, name: &str, value: Option<impl AsRef<str>>) -> &mut Self {
        if let Some(value) = value {
            self.leaf(name, value);
        }
        self
    }

    /// Adds values to a leaf-list.
    pub fn leaf_list<T: AsRef<str>>(
        &mut self,
        name: &str,
        values: impl IntoIterator<Item = T>,
    ) -> &mut Self {
        let Some(id) = self.id(name, NodeKind::LeafList) else {
            return self;
        };
        let mut list = match self.node.remove(id) {
            Some(Value::LeafList(list)) => list,
            _ => Ordered::new(self.is_user_ordered(id)),
        };
        for value in values {
            list.insert(Keys::single(value.as_ref()), ());
        }
        if !list.is_empty() {
            self.node.set(id, Value::LeafList(list));
        }
        self
    }

    /// Adds a container, or goes on in the one that is there.
    pub fn container(&mut self, name: &str, fill: impl FnOnce(&mut Builder)) -> &mut Self {
        let Some(id) = self.id(name, NodeKind::Container { presence: false }) else {
            return self;
        };
        let node = match self.node.remove(id) {
            Some(Value::Container(node)) => node,
            _ => Node::new(id),
        };
        let presence = self.schema.node(id).kind == NodeKind::Container { presence: true };
        let node = self.fill(node, fill);
        if presence || !node.is_empty() {
            self.node.set(id, Value::Container(node));
        }
        self
    }

    /// Adds a list entry with its keys in the order of the key statement, or goes on in the one that
    /// is there. A list without keys takes any number of entries; give it no keys.
    pub fn entry(
        &mut self,
        name: &str,
        keys: &[&str],
        fill: impl FnOnce(&mut Builder),
    ) -> &mut Self {
        let Some(id) = self.id(name, NodeKind::List) else {
            return self;
        };
        let key_nodes = &self.schema.node(id).keys;
        if key_nodes.len() != keys.len() {
            self.wrong(name, "does not have as many keys as were given");
            return self;
        }
        let mut list = match self.node.remove(id) {
            Some(Value::List(list)) => list,
            _ => Ordered::new(self.is_user_ordered(id)),
        };
        let keys = match keys.is_empty() {
            true => Keys::single(list.len().to_string()),
            false => Keys::new(keys.iter().copied()),
        };
        let node = list.remove(&keys);
        let node = node.unwrap_or_else(|| Node::entry(id, keys.clone(), key_nodes));
        let node = self.fill(node, fill);
        list.insert(keys, node);
        self.node.set(id, Value::List(list));
        self
    }

    /// Takes over a slot that was built before, such as a cached deployment's entry or a whole list.
    pub fn share(&mut self, from: &Node) -> &mut Self {
        match from.keys() {
            Some(keys) => {
                let id = from.schema();
                let mut list = match self.node.remove(id) {
                    Some(Value::List(list)) => list,
                    _ => Ordered::new(self.is_user_ordered(id)),
                };
                list.insert(keys.clone(), from.clone());
                self.node.set(id, Value::List(list));
            }
            None => {
                let id = from.schema();
                self.node.set(id, Value::Container(from.clone()));
            }
        }
        self
    }

    /// The node built so far.
    pub fn node(&self) -> &Node {
        &self.node
    }

    /// The tree; built from the root.
    ///
    /// # Errors
    /// The first name that the schema does not have.
    pub fn tree(self) -> Result<Tree, Error> {
        match self.error {
            Some(error) => Err(error),
            None => Ok(Tree::with_root(self.schema, self.node)),
        }
    }

    fn fill(&mut self, node: Node, fill: impl FnOnce(&mut Builder)) -> Node {
        let mut below = Builder {
            schema: self.schema,
            node,
            error: self.error.take(),
        };
        fill(&mut below);
        self.error = below.error;
        below.node
    }

    fn is_user_ordered(&self, id: NodeId) -> bool {
        self.schema.node(id).user_ordered
    }

    fn id(&mut self, name: &str, kind: NodeKind) -> Option<NodeId> {
        let id = child_by_name(self.schema, self.node.schema(), name);
        let same = |id: &NodeId| {
            let found = self.schema.node(*id).kind;
            let containers = matches!(found, NodeKind::Container { .. })
                && matches!(kind, NodeKind::Container { .. });
            found == kind || containers
        };
        match id.filter(same) {
            Some(id) => Some(id),
            None => {
                self.wrong(name, "is not in the schema here");
                None
            }
        }
    }

    fn wrong(&mut self, name: &str, what: &str) {
        let parent = match self.node.schema() {
            ROOT => String::new(),
            id => self.schema.path(id),
        };
        let kind = ErrorKind::UnknownElement {
            name: name.to_owned(),
        };
        self.error
            .get_or_insert_with(|| Error::new(kind, parent, format!("{name} {what}")));
    }
}
