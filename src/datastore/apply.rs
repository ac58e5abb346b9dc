//! An edit applied to a tree: RFC 6241 section 7.2 with RFC 7950 sections 7.5.8, 7.6.7, 7.7.9, 7.8.6 and 7.9.

use std::sync::Arc;

use super::edit_tree::{Content, DefaultOperation, EditNode, EditTree, ErrorOption, Operation};
use super::error::{Error, ErrorKind};
use super::keys::Keys;
use super::node::{Node, ROOT, Value};
use super::ordered::{Ordered, Place};
use super::path::{self, Trail};
use super::secret;
use super::tree::Tree;
use crate::schema::{NodeId, NodeKind, Schema, SchemaNode};

/// The outcome of an edit.
pub struct Edited {
    /// The new tree; the old one itself when nothing changed.
    pub tree: Tree,
    /// With continue-on-error: what was refused. Empty otherwise.
    pub errors: Vec<Error>,
    /// How many nodes were visited: the cost of the edit, whatever the size of the tree (P1).
    pub visited: u64,
}

pub(super) fn edit(
    tree: &Tree,
    edit: &EditTree,
    default: DefaultOperation,
    option: ErrorOption,
) -> Result<Edited, Error> {
    let mut apply = Apply {
        schema: tree.schema(),
        before: tree.root().clone(),
        replacing: u32::from(default == DefaultOperation::Replace),
        goes_on: option == ErrorOption::Continue,
        errors: Vec::new(),
        visited: 0,
        changed: false,
    };
    let mut root = match default {
        DefaultOperation::Replace => Node::new(ROOT),
        _ => tree.root().clone(),
    };
    apply.children(&mut root, &edit.children, default.operation(), &Trail::ROOT)?;
    if default == DefaultOperation::Replace {
        root = root.reshare(tree.root());
        apply.changed = true;
    }
    let tree = match apply.changed {
        true => Tree::with_root(tree.schema(), root),
        false => tree.clone(),
    };
    Ok(Edited {
        tree,
        errors: apply.errors,
        visited: apply.visited,
    })
}

/// Merges decoded data into a root, for trees that are put together from parts.
pub(super) fn merge_into(
    schema: &'static Schema,
    root: &mut Node,
    edit: &EditTree,
) -> Result<(), Error> {
    let mut apply = Apply {
        schema,
        before: Node::new(ROOT),
        replacing: 0,
        goes_on: false,
        errors: Vec::new(),
        visited: 0,
        changed: false,
    };
    apply.children(root, &edit.children, Operation::Merge, &Trail::ROOT)
}

struct Apply {
    schema: &'static Schema,
    /// The tree before the edit.
    before: Node,
    /// How many nodes above are being replaced.
    replacing: u32,
    goes_on: bool,
    errors: Vec<Error>,
    visited: u64,
    changed: bool,
}

impl Apply {
    fn children(
        &mut self,
        parent: &mut Node,
        edits: &[EditNode],
        inherited: Operation,
        trail: &Trail<'_>,
    ) -> Result<(), Error> {
        for edit in edits {
            self.visited += 1;
            if let Err(error) = self.one(parent, edit, inherited, trail) {
                if !self.goes_on {
                    return Err(error);
                }
                self.errors.push(error);
            }
        }
        Ok(())
    }

    fn one(
        &mut self,
        parent: &mut Node,
        edit: &EditNode,
        inherited: Operation,
        trail: &Trail<'_>,
    ) -> Result<(), Error> {
        let op = edit.operation(inherited);
        let def = self.schema.node(edit.node);
        match (def.kind, &edit.content) {
            (NodeKind::List, Content::Entry(keys)) => {
                self.entry(parent, edit, def, keys, op, trail)
            }
            (NodeKind::LeafList, Content::LeafList(value)) => {
                self.leaf_list_entry(parent, edit, def, value, op, trail)
            }
            (NodeKind::Container { presence }, _) => {
                self.container(parent, edit, presence, op, trail)
            }
            (_, Content::Default) if op == Operation::None => {
                let path = trail.child(edit.node, None).display(self.schema);
                let message = "what is not edited cannot be marked as default";
                Err(Error::invalid(path, message))
            }
            (_, content) => {
                let value = match content {
                    Content::Leaf(text) => Some(Value::Leaf(text.clone())),
                    Content::Any(element) => Some(Value::Any(element.clone())),
                    _ => None,
                };
                self.terminal(parent, edit.node, value, op, trail)
            }
        }
    }

    fn terminal(
        &mut self,
        parent: &mut Node,
        id: NodeId,
        value: Option<Value>,
        op: Operation,
        trail: &Trail<'_>,
    ) -> Result<(), Error> {
        let here = trail.child(id, None);
        let exists = parent.child(id).is_some();
        if !self.permitted(op, exists, &here)? {
            return Ok(());
        }
        let value = match value {
            Some(Value::Leaf(text)) if !op.deletes() && self.schema.node(id).secret => {
                Some(Value::Leaf(self.behind_the_mask(text, &here)?))
            }
            value => value,
        };
        match value {
            Some(value) if !op.deletes() => {
                if parent.child(id) != Some(&value) {
                    self.changed = true;
                    parent.set(id, value);
                    self.drop_other_cases(parent, id);
                }
            }
            _ => self.changed |= parent.remove(id).is_some(),
        }
        Ok(())
    }

    /// A secret's value: the one that was there before the edit, where the mask stands for it.
    fn behind_the_mask(&self, text: Arc<str>, here: &Trail<'_>) -> Result<Arc<str>, Error> {
        if !secret::is_mask(&text) {
            return Ok(text);
        }
        let mut above = here.location();
        above.0.pop();
        let kept = path::find(&self.before, &above).and_then(|parent| parent.leaf(here.node));
        kept.cloned()
            .ok_or_else(|| secret::nothing_behind(here.display(self.schema)))
    }

    fn container(
        &mut self,
        parent: &mut Node,
        edit: &EditNode,
        presence: bool,
        op: Operation,
        trail: &Trail<'_>,
    ) -> Result<(), Error> {
        let id = edit.node;
        let here = trail.child(id, None);
        let exists = parent.child(id).is_some();
        // A non-presence container is there as soon as its parent is (RFC 7950 section 7.5.1).
        let leads_on = op == Operation::None && !presence;
        if !leads_on && !self.permitted(op, exists, &here)? && op != Operation::None {
            return Ok(());
        }
        if op.deletes() {
            parent.remove(id);
            self.changed = true;
            return Ok(());
        }
        match parent.child_mut(id) {
            Some(Value::Container(node)) if op != Operation::Replace => {
                self.children(node, &edit.children, op, &here)?;
            }
            _ => {
                let mut node = Node::new(id);
                self.content(&mut node, edit, op, &here)?;
                if let Some(old) = parent.container(id) {
                    node = node.reshare(old);
                    self.changed |= !node.ptr_eq(old);
                } else if presence || !node.is_empty() {
                    self.changed = true;
                }
                parent.set(id, Value::Container(node));
            }
        }
        match presence || parent.container(id).is_some_and(|node| !node.is_empty()) {
            true => self.drop_other_cases(parent, id),
            false => drop(parent.remove(id)),
        }
        Ok(())
    }

    /// Fills a new node, which takes the place of another under replace.
    fn content(
        &mut self,
        node: &mut Node,
        edit: &EditNode,
        op: Operation,
        here: &Trail<'_>,
    ) -> Result<(), Error> {
        let replacing = u32::from(op == Operation::Replace);
        self.replacing += replacing;
        let done = self.children(node, &edit.children, op, here);
        self.replacing -= replacing;
        done
    }

    fn entry(
        &mut self,
        parent: &mut Node,
        edit: &EditNode,
        def: &SchemaNode,
        keys: &Keys,
        op: Operation,
        trail: &Trail<'_>,
    ) -> Result<(), Error> {
        let here = trail.child(def.id, Some(keys));
        let exists = parent.entry_of(def.id, keys).is_some();
        if !self.permitted(op, exists, &here)? && op != Operation::None {
            return Ok(());
        }
        let place = edit.insert.as_deref().filter(|_| op.inserts());
        self.neighbour_is_there(place, &here, |keys| parent.entry_of(def.id, keys).is_some())?;
        if !op.deletes() && parent.child(def.id).is_none() {
            parent.set(def.id, Value::List(Ordered::new(def.user_ordered)));
        }
        let Some(Value::List(entries)) = parent.child_mut(def.id) else {
            return Ok(());
        };
        if op.deletes() {
            entries.remove(keys);
            self.changed = true;
        } else {
            match entries.get_mut(keys) {
                Some(node) if op != Operation::Replace => {
                    self.children(node, &edit.children, op, &here)?;
                }
                _ => {
                    let mut node = Node::entry(def.id, keys.clone(), &def.keys);
                    self.content(&mut node, edit, op, &here)?;
                    if let Some(old) = entries.get(keys) {
                        node = node.reshare(old);
                    }
                    if !entries.get(keys).is_some_and(|old| old.ptr_eq(&node)) {
                        self.changed = true;
                        entries.insert(keys.clone(), node);
                    }
                }
            }
            self.put(entries, keys, place);
        }
        match entries.is_empty() {
            true => drop(parent.remove(def.id)),
            false => self.drop_other_cases(parent, def.id),
        }
        Ok(())
    }

    fn leaf_list_entry(
        &mut self,
        parent: &mut Node,
        edit: &EditNode,
        def: &SchemaNode,
        value: &Keys,
        op: Operation,
        trail: &Trail<'_>,
    ) -> Result<(), Error> {
        let here = trail.child(def.id, Some(value));
        let contains = |value: &Keys| match parent.child(def.id) {
            Some(Value::LeafList(values)) => values.contains(value),
            _ => false,
        };
        let exists = contains(value);
        if !self.permitted(op, exists, &here)? {
            return Ok(());
        }
        let place = edit.insert.as_deref().filter(|_| op.inserts());
        self.neighbour_is_there(place, &here, contains)?;
        if !op.deletes() && parent.child(def.id).is_none() {
            parent.set(def.id, Value::LeafList(Ordered::new(def.user_ordered)));
        }
        let Some(Value::LeafList(values)) = parent.child_mut(def.id) else {
            return Ok(());
        };
        if op.deletes() {
            values.remove(value);
            self.changed = true;
        } else {
            if !exists {
                values.insert(value.clone(), ());
                self.changed = true;
            }
            self.put(values, value, place);
        }
        match values.is_empty() {
            true => drop(parent.remove(def.id)),
            false => self.drop_other_cases(parent, def.id),
        }
        Ok(())
    }

    /// Refuses to insert before or after what is not there (RFC 7950 section 15.7); a new entry is not there either.
    fn neighbour_is_there(
        &self,
        place: Option<&Place>,
        here: &Trail<'_>,
        contains: impl Fn(&Keys) -> bool,
    ) -> Result<(), Error> {
        match place {
            Some(Place::Before(keys) | Place::After(keys)) if !contains(keys) => {}
            _ => return Ok(()),
        }
        let def = self.schema.node(here.node);
        let kind = ErrorKind::BadAttribute {
            attr: match def.kind {
                NodeKind::List => "key".to_owned(),
                _ => "value".to_owned(),
            },
            element: def.name.to_string(),
            app_tag: Some("missing-instance"),
        };
        let message = "the entry to insert before or after is not there";
        Err(Error::new(kind, here.display(self.schema), message))
    }

    /// Moves an entry that is there to its place in the user's order.
    fn put<V: Clone + super::ordered::Same>(
        &mut self,
        entries: &mut Ordered<V>,
        keys: &Keys,
        place: Option<&Place>,
    ) {
        if let (Some(place), Some(value)) = (place, entries.get(keys).cloned()) {
            self.changed |= entries.insert_at(keys.clone(), value, place);
        }
    }

    /// Whether an operation has something to do on a node that exists or not.
    fn permitted(&self, op: Operation, exists: bool, here: &Trail<'_>) -> Result<bool, Error> {
        let (kind, message) = match (op, exists) {
            // (operation, exists) -> to do
            (Operation::Merge | Operation::Replace, _) => return Ok(true),
            (Operation::Create, false) => return Ok(true),
            (Operation::Delete | Operation::Remove, true) => return Ok(true),
            (Operation::Remove, false) => return Ok(false),
            (Operation::None, true) => return Ok(false),
            // Replaced, what is deleted within is gone already.
            (Operation::Delete, false) if self.replacing > 0 && self.was_there(here) => {
                return Ok(false);
            }
            (Operation::Create, true) => (ErrorKind::DataExists, "the data exists already"),
            (Operation::Delete | Operation::None, false) => {
                (ErrorKind::DataMissing, "the data does not exist")
            }
        };
        Err(Error::new(kind, here.display(self.schema), message))
    }

    /// Whether a node was in the datastore before the edit.
    fn was_there(&self, here: &Trail<'_>) -> bool {
        let mut above = here.location();
        above.0.pop();
        let slot = path::find(&self.before, &above).and_then(|parent| parent.child(here.node));
        match (slot, here.keys) {
            (Some(Value::List(entries)), Some(keys)) => entries.get(keys).is_some(),
            (Some(Value::LeafList(values)), Some(keys)) => values.contains(keys),
            (slot, _) => slot.is_some(),
        }
    }

    /// A node of one case removes the nodes of all others (RFC 7950 section 7.9).
    fn drop_other_cases(&mut self, parent: &mut Node, created: NodeId) {
        let schema = self.schema;
        let others: Vec<NodeId> = other_cases(schema, parent, created).collect();
        for id in others {
            self.changed = true;
            parent.remove(id);
        }
    }
}

fn other_cases(
    schema: &'static Schema,
    parent: &Node,
    created: NodeId,
) -> impl Iterator<Item = NodeId> {
    let cases = schema.cases_of(created);
    let siblings = parent.children().filter(move |(id, _)| {
        !cases.is_empty()
            && schema.cases_of(*id).iter().any(|(choice, case)| {
                let mut own = cases.iter();
                own.any(|(mine, my_case)| mine == choice && my_case != case)
            })
    });
    siblings.map(|(id, _)| id)
}
