//! A snapshot of a datastore: one pointer, cheap to clone, never changed.

use super::apply::{self, Edited};
use super::edit_tree::{DefaultOperation, EditTree, ErrorOption};
use super::error::Error;
use super::keys::Keys;
use super::node::{Node, ROOT, Value};
use super::ordered::{EntryDiff, Ordered};
use super::path::{self, Location};
use super::view::NodeRef;
use crate::schema::Schema;

/// A data tree; only explicitly set nodes are in it, defaults are filled in when it is read.
#[derive(Clone)]
pub struct Tree {
    schema: &'static Schema,
    root: Node,
}

impl Tree {
    /// The empty tree.
    pub fn empty(schema: &'static Schema) -> Self {
        Self {
            schema,
            root: Node::new(ROOT),
        }
    }

    pub(super) fn with_root(schema: &'static Schema, root: Node) -> Self {
        Self { schema, root }
    }

    /// The schema it follows.
    pub fn schema(&self) -> &'static Schema {
        self.schema
    }

    /// Its root.
    pub fn root(&self) -> &Node {
        &self.root
    }

    /// Its root, to read by name.
    pub fn view(&self) -> NodeRef<'_> {
        NodeRef::new(self.schema, &self.root)
    }

    /// Whether both are one and the same snapshot.
    pub fn ptr_eq(&self, other: &Self) -> bool {
        self.root.ptr_eq(&other.root)
    }

    /// Whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        self.root.is_empty()
    }

    /// Counts all data nodes; walks the whole tree.
    pub fn count(&self) -> usize {
        self.root.count() - 1
    }

    /// The interior node at a location.
    pub fn find(&self, location: &Location) -> Option<NodeRef<'_>> {
        path::find(&self.root, location).map(|node| NodeRef::new(self.schema, node))
    }

    /// Applies an edit (RFC 6241 section 7.2) as a whole: the first error refuses all of it.
    /// With [`ErrorOption::Continue`] use [`Tree::edit_collect`], which keeps what was possible.
    ///
    /// # Errors
    /// `data-exists`, `data-missing` and what RFC 7950 sections 7.5 to 7.9 prescribe.
    pub fn edit(
        &self,
        edit: &EditTree,
        default: DefaultOperation,
        option: ErrorOption,
    ) -> Result<Self, Error> {
        let edited = apply::edit(self, edit, default, option)?;
        match edited.errors.into_iter().next() {
            Some(error) => Err(error),
            None => Ok(edited.tree),
        }
    }

    /// Applies an edit and says what it cost; with [`ErrorOption::Continue`] it goes on behind an error
    /// and returns all of them beside the tree that holds the rest.
    ///
    /// # Errors
    /// The first error, unless the option is [`ErrorOption::Continue`].
    pub fn edit_collect(
        &self,
        edit: &EditTree,
        default: DefaultOperation,
        option: ErrorOption,
    ) -> Result<Edited, Error> {
        apply::edit(self, edit, default, option)
    }

    /// This tree with `node` (built with [`super::Builder`]) in the place a location names, ancestors
    /// made where they are missing; `None` when the location does not fit the schema.
    pub fn with_node(&self, location: &Location, node: Node) -> Option<Tree> {
        let mut root = self.root.clone();
        *path::make(self.schema, &mut root, location)? = node;
        Some(Self::with_root(self.schema, root))
    }

    /// This tree without what a location names, and without the lists and non-presence containers
    /// that this leaves empty.
    pub fn without(&self, location: &Location) -> Tree {
        let mut root = self.root.clone();
        match path::remove(self.schema, &mut root, &location.0) {
            true => Self::with_root(self.schema, root),
            false => self.clone(),
        }
    }

    /// This tree with another laid over it: containers and list entries in both are joined, a leaf of
    /// the other wins. Costs only what both have in common.
    pub fn overlay(&self, other: &Tree) -> Tree {
        let mut root = self.root.clone();
        overlay(&mut root, &other.root);
        Self::with_root(self.schema, root)
    }
}

impl PartialEq for Tree {
    fn eq(&self, other: &Self) -> bool {
        self.root == other.root
    }
}

impl std::fmt::Debug for Tree {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&super::print::explicit_xml(self))
    }
}

fn overlay(base: &mut Node, over: &Node) {
    for (id, value) in over.children() {
        match (base.child_mut(id), value) {
            (Some(Value::Container(below)), Value::Container(above)) => overlay(below, above),
            (Some(Value::List(below)), Value::List(above)) => overlay_list(below, above),
            (Some(slot), value) => *slot = value.clone(),
            (None, value) => base.set(id, value.clone()),
        }
    }
}

/// How much shorter the upper list has to be for its entries to be laid one by one: a comparison of
/// two lists that share nothing walks both.
const FEW: usize = 8;

fn overlay_list(base: &mut Ordered<Node>, over: &Ordered<Node>) {
    let before = base.clone();
    if over.is_user_ordered() || over.len().saturating_mul(FEW) < before.len() {
        for (keys, node) in over.iter() {
            overlay_entry(base, keys, node);
        }
        return;
    }
    for change in over.changes_since(&before) {
        if let EntryDiff::Added(keys, node) | EntryDiff::Changed(keys, _, node) = change {
            overlay_entry(base, keys, node);
        }
    }
}

fn overlay_entry(base: &mut Ordered<Node>, keys: &Keys, node: &Node) {
    match base.get_mut(keys) {
        Some(below) => overlay(below, node),
        None => base.insert(keys.clone(), node.clone()),
    }
}
