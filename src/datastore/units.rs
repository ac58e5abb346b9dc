//! Units: what is stored and validated as one piece (design: the root, each tenant, each deployment).
//!
//! A unit is a subtree without the units below it. Its row holds the subtree as XML inside the
//! skeleton of its ancestors' keys, so a row can be read back without any other.

use std::fmt;
use std::sync::Arc;

use super::apply::merge_into;
use super::edit_tree::EditTree;
use super::error::Error;
use super::keys::Keys;
use super::node::{Node, ROOT, Value};
use super::ordered::{EntryDiff, Ordered};
use super::path::{self, Location};
use super::print::{Reader, unit_xml};
use super::tree::Tree;
use crate::schema::{NodeId, NodeKind, Schema};
use crate::xml;

/// The name of a unit: its printed instance path, `/` for the root. A store uses it as row key.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnitPath(Arc<str>);

impl UnitPath {
    /// Wraps a path that was stored.
    pub fn new(text: impl AsRef<str>) -> Self {
        Self(Arc::from(text.as_ref()))
    }

    /// The path.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn of(schema: &Schema, location: &Location) -> Self {
        match location.0.is_empty() {
            true => Self::new("/"),
            false => Self::new(location.display(schema)),
        }
    }
}

impl fmt::Display for UnitPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for UnitPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A unit that differs between two trees.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UnitChange {
    /// Row key.
    pub path: UnitPath,
    /// Where it is.
    pub location: Location,
    /// New content; `None`: it is gone.
    pub bytes: Option<Vec<u8>>,
}

impl Tree {
    /// The units that differ from `old`, parents first. Shared parts are skipped by pointer; a unit
    /// rebuilt with the same content is not a change.
    pub fn changed_units(&self, old: &Tree) -> Vec<UnitChange> {
        changed_locations(self.schema(), Some(old.root()), self.root())
            .into_iter()
            .map(|change| UnitChange {
                path: UnitPath::of(self.schema(), &change.location),
                bytes: change.node.map(|node| {
                    unit_xml(self, &change.location.0, &node, Reader::Anybody).into_bytes()
                }),
                location: change.location,
            })
            .collect()
    }

    /// How many units differ from `old`.
    pub fn units_changed_since(&self, old: &Tree) -> usize {
        let mut walk = Walk {
            found: None,
            ..Walk::new(self.schema())
        };
        walk.unit(Some(old.root()), Some(self.root()), &Location::default());
        walk.count
    }

    /// Puts a tree together from stored unit rows, in any order.
    ///
    /// # Errors
    /// A row that is not well-formed or does not fit the schema; the path names the row.
    pub fn from_units<B: AsRef<[u8]>>(
        schema: &'static Schema,
        rows: impl IntoIterator<Item = (UnitPath, B)>,
    ) -> Result<Tree, Error> {
        let mut root = Node::new(ROOT);
        for (path, bytes) in rows {
            let edit = decode_document(schema, bytes.as_ref())
                .map_err(|e| Error::new(e.kind, path.as_str(), e.message))?;
            merge_into(schema, &mut root, &edit)?;
        }
        Ok(Tree::with_root(schema, root))
    }
}

/// Reads data whose root elements stand side by side.
fn decode_document(schema: &'static Schema, bytes: &[u8]) -> Result<EditTree, Error> {
    decode_in(schema, "<u>", bytes)
}

/// Reads what libyang printed of [`Reader::Libyang`]: module names in paths stand for themselves.
pub(super) fn decode_printed(schema: &'static Schema, printed: &str) -> Result<EditTree, Error> {
    let mut root = "<u".to_owned();
    for module in schema.modules() {
        let namespace = xml::escape_attr(&module.namespace);
        root.push_str(&format!(" xmlns:{}=\"{namespace}\"", module.name));
    }
    root.push('>');
    decode_in(schema, &root, printed.as_bytes())
}

/// A document has one root; the wrapper gives these elements theirs.
fn decode_in(schema: &'static Schema, root: &str, bytes: &[u8]) -> Result<EditTree, Error> {
    let mut wrapped = Vec::with_capacity(root.len() + bytes.len() + 16);
    wrapped.extend_from_slice(root.as_bytes());
    wrapped.extend_from_slice(bytes);
    wrapped.extend_from_slice(b"</u>");
    // What clients may send at once is no bound on what they have made over time.
    let limits = xml::Limits {
        nodes: usize::MAX,
        attributes: usize::MAX,
        namespaces: usize::MAX,
        ..xml::Limits::default()
    };
    let element = xml::parse(&wrapped, &limits).map_err(|e| Error::invalid("", e.to_string()))?;
    EditTree::decode(schema, &element)
}

/// A changed unit: its node in the new tree, `None` when it is gone.
pub(super) struct ChangedUnit {
    pub location: Location,
    pub node: Option<Node>,
}

/// All units of `new` that are not the same in `old`; with no `old`, all of them.
pub(super) fn changed_locations(
    schema: &'static Schema,
    old: Option<&Node>,
    new: &Node,
) -> Vec<ChangedUnit> {
    let mut walk = Walk::new(schema);
    walk.unit(old, Some(new), &Location::default());
    walk.found.unwrap_or_default()
}

struct Walk {
    schema: &'static Schema,
    /// `None` where they are only counted.
    found: Option<Vec<ChangedUnit>>,
    count: usize,
}

impl Walk {
    fn new(schema: &'static Schema) -> Self {
        Self {
            schema,
            found: Some(Vec::new()),
            count: 0,
        }
    }

    fn unit(&mut self, old: Option<&Node>, new: Option<&Node>, at: &Location) {
        let mark = self.found.as_ref().map_or(0, Vec::len);
        let below = self.interior(old, new, at);
        // The root has no keys: it is a change only when it has content of its own.
        let is_root = at.0.is_empty();
        let appeared = old.is_none() != new.is_none() && !is_root;
        if !below && !appeared {
            return;
        }
        self.count += 1;
        if let Some(found) = &mut self.found {
            let change = ChangedUnit {
                location: at.clone(),
                node: new.cloned(),
            };
            found.insert(mark, change);
        }
    }

    /// Whether the unit's own content differs here; nested units found on the way are recorded.
    fn interior(&mut self, old: Option<&Node>, new: Option<&Node>, at: &Location) -> bool {
        if let (Some(old), Some(new)) = (old, new)
            && old.ptr_eq(new)
        {
            return false;
        }
        let mut differs = false;
        let ids = new.into_iter().flat_map(Node::children).map(|(id, _)| id);
        let gone = old.into_iter().flat_map(Node::children).map(|(id, _)| id);
        let gone = gone.filter(|id| new.is_none_or(|new| new.child(*id).is_none()));
        for id in ids.chain(gone) {
            let before = old.and_then(|node| node.child(id));
            let after = new.and_then(|node| node.child(id));
            differs |= self.slot(id, before, after, at);
        }
        differs
    }

    fn slot(
        &mut self,
        id: NodeId,
        old: Option<&Value>,
        new: Option<&Value>,
        at: &Location,
    ) -> bool {
        if let (Some(old), Some(new)) = (old, new)
            && old.ptr_eq(new)
        {
            return false;
        }
        let container = |value: Option<&Value>| match value {
            Some(Value::Container(node)) => Some(node.clone()),
            _ => None,
        };
        let def = self.schema.node(id);
        match def.kind {
            NodeKind::Container { presence } => {
                let (old, new) = (container(old), container(new));
                let appeared = presence && old.is_none() != new.is_none();
                self.interior(old.as_ref(), new.as_ref(), &at.child(id, None)) || appeared
            }
            NodeKind::List => self.list(id, def.is_unit, entries(old), entries(new), at),
            _ => old != new,
        }
    }

    fn list(
        &mut self,
        id: NodeId,
        is_unit: bool,
        old: Option<&Ordered<Node>>,
        new: Option<&Ordered<Node>>,
        at: &Location,
    ) -> bool {
        let empty = Ordered::new(false);
        let (old, new) = (old.unwrap_or(&empty), new.unwrap_or(&empty));
        let mut differs = false;
        let mut visit = |keys: &Keys, before: Option<&Node>, after: Option<&Node>| {
            let here = at.child(id, Some(keys.clone()));
            match is_unit {
                true => self.unit(before, after, &here),
                false => {
                    differs |= self.interior(before, after, &here);
                    differs |= before.is_none() != after.is_none();
                }
            }
        };
        for change in new.changes_since(old) {
            match change {
                EntryDiff::Added(keys, node) => visit(keys, None, Some(node)),
                EntryDiff::Removed(keys, node) => visit(keys, Some(node), None),
                EntryDiff::Changed(keys, before, after) => visit(keys, Some(before), Some(after)),
            }
        }
        differs || (!is_unit && !new.same_order(old))
    }
}

fn entries(value: Option<&Value>) -> Option<&Ordered<Node>> {
    match value {
        Some(Value::List(entries)) => Some(entries),
        _ => None,
    }
}

/// `unit` with the nested units of `current` hung in; both are the node of the same unit.
pub(super) fn graft(schema: &'static Schema, unit: &mut Node, current: &Node) {
    for (id, value) in current.children() {
        match value {
            Value::List(_) if schema.node(id).is_unit => unit.set(id, value.clone()),
            Value::List(entries) => {
                let Some(Value::List(own)) = unit.child_mut(id) else {
                    continue;
                };
                for (keys, node) in entries.iter() {
                    if let Some(entry) = own.get_mut(keys) {
                        graft(schema, entry, node);
                    }
                }
            }
            Value::Container(node) => {
                if let Some(Value::Container(own)) = unit.child_mut(id) {
                    graft(schema, own, node);
                    continue;
                }
                let mut own = Node::new(id);
                graft(schema, &mut own, node);
                if !own.is_empty() {
                    unit.set(id, Value::Container(own));
                }
            }
            _ => {}
        }
    }
}

/// Puts `unit` in the place of the interior node at `location`.
pub(super) fn replace_at(
    schema: &'static Schema,
    root: &mut Node,
    location: &Location,
    unit: Node,
) -> bool {
    match path::make(schema, root, location) {
        Some(slot) => {
            *slot = unit;
            true
        }
        None => false,
    }
}
