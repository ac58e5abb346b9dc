//! What a user may read of a tree (RFC 8341 section 3.2.4).

use super::access::Access;
use super::compile::{Compiled, Extent, Nacm};
use crate::datastore::defaults;
use crate::datastore::error::{Error, ErrorKind};
use crate::datastore::keys::Keys;
use crate::datastore::node::{Node, Value};
use crate::datastore::ordered::Ordered;
use crate::datastore::path::{Location, data_children};
use crate::datastore::tree::Tree;
use crate::schema::{NodeId, NodeKind, Schema};

impl Nacm {
    /// The tree without what the user may not read, and without what is below that. Filters and XPath look
    /// at this one, so that nothing they select or test tells of the rest. Parts that are permitted as a
    /// whole are shared with the tree.
    pub fn visible(&self, tree: &Tree) -> Tree {
        self.cut(tree, true)
    }

    /// As [`Nacm::visible`], for a tree that is not only to be looked at: nothing in it tells that something
    /// was taken out.
    pub fn readable(&self, tree: &Tree) -> Tree {
        self.cut(tree, false)
    }

    fn cut(&self, tree: &Tree, veils: bool) -> Tree {
        let Some(rules) = &self.rules else {
            return tree.clone();
        };
        let mut cut = Cut {
            schema: self.schema,
            rules,
            veils,
            place: Vec::new(),
        };
        let root = cut.interior(tree.root());
        Tree::with_root(tree.schema(), root)
    }

    /// An error about a place that the user cannot see, without place and words: neither may tell what is
    /// there (RFC 8341 section 3.2.5).
    pub fn discreet(&self, error: Error) -> Error {
        // What an edit names is told as it is: access was asked for first.
        let named = matches!(
            error.kind,
            ErrorKind::AccessDenied | ErrorKind::DataExists | ErrorKind::DataMissing
        );
        if self.permits_everything() || named {
            return error;
        }
        if !self.sees_at(&error.path) {
            let message = "a rule of the data model does not hold in data you may not read";
            return Error::new(ErrorKind::Failed, "", message);
        }
        // What else an error names may be elsewhere (RFC 8341 section 3.4.3).
        let kind = match error.kind {
            ErrorKind::DataNotUnique { mut leafs } => {
                leafs.retain(|leaf| self.sees_at(leaf));
                ErrorKind::DataNotUnique { leafs }
            }
            ErrorKind::InUse { by, .. } if !self.sees_at(&by) => ErrorKind::InUse {
                by: String::new(),
                user: String::new(),
            },
            kind => kind,
        };
        Error { kind, ..error }
    }

    fn sees_at(&self, path: &str) -> bool {
        let location = Location::parse(self.schema, path);
        location.is_some_and(|location| self.sees(&location))
    }
}

struct Cut<'a> {
    schema: &'static Schema,
    rules: &'a Compiled,
    /// Whether the tree is to remember what was taken out.
    veils: bool,
    place: Vec<(NodeId, Option<&'a Keys>)>,
}

impl<'a> Cut<'a> {
    /// What may be seen of an interior node that may be seen itself.
    fn interior(&mut self, node: &'a Node) -> Node {
        let mut out = node.clone();
        let mut hidden = Vec::new();
        for id in data_children(self.schema, node.schema()) {
            let id = *id;
            match (self.rules.extent(id, Access::Read), node.child(id)) {
                (Extent::All, _) => {}
                (Extent::None, _) => hidden.push(id),
                (Extent::Mixed, Some(value)) => match self.value(id, value) {
                    Some(value) => out.set(id, value),
                    None => hidden.push(id),
                },
                (Extent::Mixed, None) => {
                    if !self.permits(id, None) {
                        hidden.push(id);
                    } else if let Some(shell) = self.shell(node, id) {
                        out.set(id, Value::Container(shell));
                    }
                }
            }
        }
        self.hide(node, &mut out, hidden);
        out
    }

    fn hide(&self, node: &Node, out: &mut Node, mut hidden: Vec<NodeId>) {
        let mut gone = Vec::new();
        for id in &hidden {
            if out.remove(*id).is_some() {
                gone.push(*id);
            }
        }
        if !self.veils {
            return;
        }
        // A case that is hidden is still the one in use: no default of another one is.
        for id in gone {
            let cases = self.schema.cases_of(id);
            if cases.is_empty() {
                continue;
            }
            for other in data_children(self.schema, node.schema()) {
                let theirs = self.schema.cases_of(*other);
                let other_case = theirs.iter().any(|(choice, case)| {
                    cases
                        .iter()
                        .any(|(mine, my_case)| mine == choice && my_case != case)
                });
                if other_case {
                    hidden.push(*other);
                }
            }
        }
        if !hidden.is_empty() {
            out.veil(hidden);
        }
    }

    /// An absent container that holds nothing but defaults, some of them hidden.
    fn shell(&mut self, parent: &Node, id: NodeId) -> Option<Node> {
        let def = self.schema.node(id);
        let implied = def.kind == NodeKind::Container { presence: false } && def.config;
        if !self.veils || !implied || !defaults::case_in_use(self.schema, Some(parent), id) {
            return None;
        }
        let empty = Node::new(id);
        self.place.push((id, None));
        let shell = Cut {
            schema: self.schema,
            rules: self.rules,
            veils: true,
            place: self.place.clone(),
        }
        .interior_of_nothing(&empty);
        self.place.pop();
        (shell.is_veiled() || !shell.is_empty()).then_some(shell)
    }

    fn interior_of_nothing(mut self, node: &Node) -> Node {
        let mut out = node.clone();
        let mut hidden = Vec::new();
        for id in data_children(self.schema, node.schema()) {
            match self.rules.extent(*id, Access::Read) {
                Extent::All => {}
                Extent::None => hidden.push(*id),
                Extent::Mixed if !self.permits(*id, None) => hidden.push(*id),
                Extent::Mixed => {
                    if let Some(shell) = self.shell(node, *id) {
                        out.set(*id, Value::Container(shell));
                    }
                }
            }
        }
        if !hidden.is_empty() {
            out.veil(hidden);
        }
        out
    }

    fn permits(&mut self, id: NodeId, keys: Option<&'a Keys>) -> bool {
        self.place.push((id, keys));
        let permits = self.rules.permits(Access::Read, &self.place);
        self.place.pop();
        permits
    }

    fn value(&mut self, id: NodeId, value: &'a Value) -> Option<Value> {
        match value {
            Value::Leaf(_) | Value::Any(_) => self.permits(id, None).then(|| value.clone()),
            Value::LeafList(values) => {
                let mut seen = Ordered::new(values.is_user_ordered());
                for (keys, ()) in values.iter() {
                    if self.permits(id, Some(keys)) {
                        seen.insert(keys.clone(), ());
                    }
                }
                (!seen.is_empty()).then_some(Value::LeafList(seen))
            }
            Value::Container(node) => {
                if !self.permits(id, None) {
                    return None;
                }
                self.place.push((id, None));
                let seen = self.interior(node);
                self.place.pop();
                Some(Value::Container(seen))
            }
            Value::List(entries) => {
                let mut seen = Ordered::new(entries.is_user_ordered());
                for (keys, node) in entries.iter() {
                    if let Some(node) = self.entry(id, keys, node) {
                        seen.insert(keys.clone(), node);
                    }
                }
                (!seen.is_empty()).then_some(Value::List(seen))
            }
        }
    }

    /// An entry of which a key may not be read cannot be shown at all.
    fn entry(&mut self, id: NodeId, keys: &'a Keys, node: &'a Node) -> Option<Node> {
        if !self.permits(id, Some(keys)) {
            return None;
        }
        self.place.push((id, Some(keys)));
        let key_nodes = &self.schema.node(id).keys;
        let named = key_nodes.iter().all(|key| self.permits(*key, None));
        let seen = named.then(|| self.interior(node));
        self.place.pop();
        seen
    }
}
