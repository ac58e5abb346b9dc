//! What changed between two trees, node by node; shared subtrees are not visited.

use std::sync::Arc;

use super::keys::Keys;
use super::node::{Node, Value};
use super::ordered::{EntryDiff, Ordered};
use super::path::{self, Location, Step};
use super::tree::Tree;
use crate::schema::{NodeId, NodeKind, Schema};

/// What happened to one node. A created or deleted list entry or presence container is one change;
/// of a non-presence container it is told what came or went in it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DiffOp {
    /// It is new.
    Create,
    /// It is gone.
    Delete,
    /// A leaf has another value.
    Replace,
    /// The entries of a user-ordered list stand in another order; the location names the list.
    Reorder,
}

/// One change.
#[derive(Clone, Debug)]
pub struct Change {
    /// Schema node.
    pub node: NodeId,
    /// Where.
    pub location: Location,
    /// What.
    pub op: DiffOp,
    /// A leaf's (or leaf-list entry's) value before.
    pub old: Option<Arc<str>>,
    /// A leaf's (or leaf-list entry's) value now.
    pub new: Option<Arc<str>>,
    after: Option<After>,
}

/// What stands there now.
#[derive(Clone, Debug)]
enum After {
    Value(Value),
    /// An entry of a list. Not as a list of one: such a list takes as much memory as one of thirty.
    Entry(Node),
    /// An entry of a leaf-list.
    Item,
}

impl Change {
    /// The printed instance path.
    pub fn path(&self, schema: &Schema) -> String {
        self.location.display(schema)
    }
}

/// All changes from one tree to another.
#[derive(Clone, Debug, Default)]
pub struct Diff {
    /// In schema order, parents first.
    pub changes: Vec<Change>,
    /// Nodes looked at (P1).
    pub visited: u64,
}

impl Diff {
    /// Compares two trees.
    pub fn between(old: &Tree, new: &Tree) -> Self {
        let mut walk = Walk {
            schema: new.schema(),
            diff: Self::default(),
        };
        walk.interior(old.root(), new.root(), &Location::default());
        walk.diff
    }

    /// Whether nothing changed.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// Carries the changes out on a tree; on the old one this gives the new one.
    pub fn apply(&self, tree: &Tree) -> Tree {
        let schema = tree.schema();
        let mut root = tree.root().clone();
        for change in &self.changes {
            let Some((last, parents)) = change.location.0.split_last() else {
                continue;
            };
            match &change.after {
                None => drop(path::remove(schema, &mut root, &change.location.0)),
                Some(after) => {
                    let parents = Location(parents.to_vec());
                    if let Some(parent) = path::make(schema, &mut root, &parents) {
                        put(schema, parent, last, after);
                    }
                }
            }
        }
        Tree::with_root(schema, root)
    }
}

/// Puts a changed value, or an entry of a list or leaf-list, into its parent.
fn put(schema: &Schema, parent: &mut Node, step: &Step, after: &After) {
    let user_ordered = schema.node(step.node).user_ordered;
    match (parent.child_mut(step.node), after, &step.keys) {
        (Some(Value::List(entries)), After::Entry(node), Some(keys)) => {
            entries.insert(keys.clone(), node.clone());
        }
        (_, After::Entry(node), Some(keys)) => {
            let mut entries = Ordered::new(user_ordered);
            entries.insert(keys.clone(), node.clone());
            parent.set(step.node, Value::List(entries));
        }
        (Some(Value::LeafList(values)), After::Item, Some(keys)) => {
            values.insert(keys.clone(), ());
        }
        (_, After::Item, Some(keys)) => {
            let mut values = Ordered::new(user_ordered);
            values.insert(keys.clone(), ());
            parent.set(step.node, Value::LeafList(values));
        }
        (_, After::Value(value), _) => parent.set(step.node, value.clone()),
        // Entries have keys.
        (_, After::Entry(_) | After::Item, None) => {}
    }
}

struct Walk {
    schema: &'static Schema,
    diff: Diff,
}

impl Walk {
    fn interior(&mut self, old: &Node, new: &Node, at: &Location) {
        self.diff.visited += 1;
        if old.ptr_eq(new) {
            return;
        }
        for (id, value) in old.children() {
            if new.child(id).is_none() {
                self.slot(id, Some(value), None, at);
            }
        }
        for (id, value) in new.children() {
            self.slot(id, old.child(id), Some(value), at);
        }
    }

    fn slot(&mut self, id: NodeId, old: Option<&Value>, new: Option<&Value>, at: &Location) {
        self.diff.visited += 1;
        if let (Some(old), Some(new)) = (old, new)
            && old.ptr_eq(new)
        {
            return;
        }
        match (old, new) {
            (Some(Value::Container(a)), Some(Value::Container(b))) => {
                self.interior(a, b, &at.child(id, None));
            }
            // A non-presence container has no meaning of its own: what is in it came or went.
            (Some(Value::Container(a)), None) if !self.presence(id) => {
                self.interior(a, &Node::new(id), &at.child(id, None));
            }
            (None, Some(Value::Container(b))) if !self.presence(id) => {
                self.interior(&Node::new(id), b, &at.child(id, None));
            }
            (Some(Value::List(_)), _) | (_, Some(Value::List(_))) => {
                let list = |value: Option<&Value>| match value {
                    Some(Value::List(entries)) => entries.clone(),
                    _ => Ordered::new(self.schema.node(id).user_ordered),
                };
                let (a, b) = (list(old), list(new));
                self.list(id, &a, &b, at);
            }
            (Some(Value::LeafList(_)), _) | (_, Some(Value::LeafList(_))) => {
                let values = |value: Option<&Value>| match value {
                    Some(Value::LeafList(values)) => values.clone(),
                    _ => Ordered::new(self.schema.node(id).user_ordered),
                };
                let (a, b) = (values(old), values(new));
                self.leaf_list(id, &a, &b, at);
            }
            (old, new) if old == new => {}
            (old, new) => {
                let text = |value: Option<&Value>| match value {
                    Some(Value::Leaf(text)) => Some(text.clone()),
                    _ => None,
                };
                let op = match (old, new) {
                    (Some(_), Some(_)) => DiffOp::Replace,
                    (None, _) => DiffOp::Create,
                    (_, None) => DiffOp::Delete,
                };
                let change = (text(old), text(new), new.cloned().map(After::Value));
                self.add(id, op, None, change, at);
            }
        }
    }

    fn presence(&self, id: NodeId) -> bool {
        self.schema.node(id).kind == NodeKind::Container { presence: true }
    }

    fn list(&mut self, id: NodeId, old: &Ordered<Node>, new: &Ordered<Node>, at: &Location) {
        for change in new.changes_since(old) {
            self.diff.visited += 1;
            match change {
                EntryDiff::Removed(keys, _) => {
                    self.add(id, DiffOp::Delete, Some(keys), (None, None, None), at);
                }
                EntryDiff::Added(keys, node) => {
                    let value = Some(After::Entry(node.clone()));
                    self.add(id, DiffOp::Create, Some(keys), (None, None, value), at);
                }
                EntryDiff::Changed(keys, before, after) => {
                    self.interior(before, after, &at.child(id, Some(keys.clone())));
                }
            }
        }
        if !new.is_empty() && !in_expected_order(old, new) {
            let value = Some(After::Value(Value::List(new.clone())));
            self.add(id, DiffOp::Reorder, None, (None, None, value), at);
        }
    }

    fn leaf_list(&mut self, id: NodeId, old: &Ordered<()>, new: &Ordered<()>, at: &Location) {
        let text = |keys: &Keys| keys.get(0).cloned();
        for change in new.changes_since(old) {
            self.diff.visited += 1;
            match change {
                EntryDiff::Removed(keys, ()) => {
                    self.add(id, DiffOp::Delete, Some(keys), (text(keys), None, None), at);
                }
                EntryDiff::Added(keys, ()) => {
                    let value = Some(After::Item);
                    self.add(
                        id,
                        DiffOp::Create,
                        Some(keys),
                        (None, text(keys), value),
                        at,
                    );
                }
                EntryDiff::Changed(..) => {}
            }
        }
        if !new.is_empty() && !in_expected_order(old, new) {
            let value = Some(After::Value(Value::LeafList(new.clone())));
            self.add(id, DiffOp::Reorder, None, (None, None, value), at);
        }
    }

    fn add(
        &mut self,
        id: NodeId,
        op: DiffOp,
        keys: Option<&Keys>,
        (old, new, after): (Option<Arc<str>>, Option<Arc<str>>, Option<After>),
        at: &Location,
    ) {
        debug_assert!(self.schema.node(id).kind != NodeKind::Choice);
        self.diff.changes.push(Change {
            node: id,
            location: at.child(id, keys.cloned()),
            op,
            old,
            new,
            after,
        });
    }
}

/// Whether removals and appended additions alone explain the new order.
fn in_expected_order<V: Clone + super::ordered::Same>(old: &Ordered<V>, new: &Ordered<V>) -> bool {
    if !new.is_user_ordered() || new.same_order(old) {
        return true;
    }
    let kept = old
        .iter()
        .map(|(keys, _)| keys)
        .filter(|keys| new.contains(keys));
    let mut added: Vec<&Keys> = new
        .changes_since(old)
        .filter_map(|change| match change {
            EntryDiff::Added(keys, _) => Some(keys),
            _ => None,
        })
        .collect();
    // Carried out in key order, additions land behind all others in that order.
    added.sort();
    kept.chain(added).eq(new.iter().map(|(keys, _)| keys))
}
