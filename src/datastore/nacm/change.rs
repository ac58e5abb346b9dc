//! A whole change: copy-config and commit (RFC 8341 sections 3.2.6 and 3.2.8). Every node that differs is
//! asked for; what is implied by a permitted change is not. And what any change makes of the order of entries.

use super::access::Access;
use super::compile::{Compiled, Extent, Nacm};
use crate::datastore::error::{Error, ErrorKind};
use crate::datastore::keys::Keys;
use crate::datastore::node::{Node, Value};
use crate::datastore::ordered::{EntryDiff, Ordered, Same};
use crate::datastore::path::{Location, Step};
use crate::datastore::tree::Tree;
use crate::schema::{NodeId, NodeKind, Schema};

impl Nacm {
    /// Whether the user may make this change, all of it.
    ///
    /// # Errors
    /// `access-denied`, with the path of the first node that may not be changed so, or of the nearest one
    /// above it that the user can see.
    pub fn check_change(&self, old: &Tree, new: &Tree) -> Result<(), Error> {
        match &self.rules {
            None => Ok(()),
            Some(rules) => Walk::new(self.schema, rules).interior(old.root(), new.root()),
        }
    }

    /// Whether the user may give the entries of ordered-by-user lists the order they have got, of an edit that
    /// [`Nacm::check_edit`] has let pass: an `insert` moves entries, and so does a replacement that names them in
    /// another order (RFC 8341 section 3.2.5: what counts is what is modified).
    ///
    /// # Errors
    /// As for [`Nacm::check_change`].
    pub fn check_order(&self, old: &Tree, new: &Tree) -> Result<(), Error> {
        match &self.rules {
            None => Ok(()),
            Some(rules) => Walk::new(self.schema, rules).orders(old.root(), new.root()),
        }
    }
}

/// A walk over data that is changed or about to be.
pub(super) struct Walk<'a> {
    pub schema: &'static Schema,
    pub rules: &'a Compiled,
    pub place: Vec<(NodeId, Option<&'a Keys>)>,
    /// How many changes were permitted so far.
    pub granted: usize,
}

impl<'a> Walk<'a> {
    pub fn new(schema: &'static Schema, rules: &'a Compiled) -> Self {
        Self {
            schema,
            rules,
            place: Vec::new(),
            granted: 0,
        }
    }

    pub fn permits(&self, access: Access) -> bool {
        self.rules.permits(access, &self.place)
    }

    /// Asks for the node at hand.
    pub fn require(&mut self, access: Access) -> Result<(), Error> {
        match self.permits(access) {
            true => {
                self.granted += 1;
                Ok(())
            }
            false => Err(self.denied(access, true)),
        }
    }

    /// The refusal. A node that the request does not name is told only if the user can see it, and whether
    /// one that it names would have been created or updated, only then.
    pub fn denied(&self, access: Access, named: bool) -> Error {
        let mut end = self.place.len();
        while !named && end > 0 && !self.rules.sees(self.place.get(..end).unwrap_or_default()) {
            end -= 1;
        }
        let steps = self.place.iter().take(end).map(|(node, keys)| Step {
            node: *node,
            keys: keys.cloned(),
        });
        let path = Location(steps.collect()).display(self.schema);
        let message = match self.rules.sees(&self.place) {
            true => format!("no {} access", access.as_str()),
            false => "no write access".to_owned(),
        };
        Error::new(ErrorKind::AccessDenied, path, message)
    }

    pub fn inside<T>(
        &mut self,
        id: NodeId,
        keys: Option<&'a Keys>,
        work: impl FnOnce(&mut Self) -> T,
    ) -> T {
        self.place.push((id, keys));
        let done = work(self);
        self.place.pop();
        done
    }

    /// Whether a node is more than a place for others (RFC 7950 section 7.5.1).
    pub fn has_meaning(&self, id: NodeId) -> bool {
        self.schema.node(id).kind != NodeKind::Container { presence: false }
    }

    /// Asks for everything in a slot, which comes or goes as a whole.
    pub fn all_of(&mut self, access: Access, id: NodeId, value: &'a Value) -> Result<(), Error> {
        if self.rules.extent(id, access) == Extent::All {
            return Ok(());
        }
        match value {
            Value::Leaf(_) | Value::Any(_) => self.one(access, id, None),
            Value::LeafList(values) => {
                for (keys, ()) in values.iter() {
                    self.one(access, id, Some(keys))?;
                }
                Ok(())
            }
            Value::Container(node) => self.inside(id, None, |walk| walk.all_in(access, node)),
            Value::List(entries) => {
                for (keys, node) in entries.iter() {
                    self.inside(id, Some(keys), |walk| walk.all_in(access, node))?;
                }
                Ok(())
            }
        }
    }

    fn one(&mut self, access: Access, id: NodeId, keys: Option<&'a Keys>) -> Result<(), Error> {
        self.inside(id, keys, |walk| match walk.permits(access) {
            true => Ok(()),
            false => Err(walk.denied(access, false)),
        })
    }

    /// Asks for the interior node at hand and everything below it.
    pub fn all_in(&mut self, access: Access, node: &'a Node) -> Result<(), Error> {
        if self.has_meaning(node.schema()) && !self.permits(access) {
            return Err(self.denied(access, false));
        }
        for (id, value) in node.children() {
            self.all_of(access, id, value)?;
        }
        Ok(())
    }

    pub fn interior(&mut self, old: &'a Node, new: &'a Node) -> Result<(), Error> {
        if old.ptr_eq(new) {
            return Ok(());
        }
        for (id, value) in old.children() {
            if new.child(id).is_none() && !self.gives_way(id, new.children().map(|(id, _)| id)) {
                self.all_of(Access::Delete, id, value)?;
            }
        }
        for (id, value) in new.children() {
            match old.child(id) {
                None => self.all_of(Access::Create, id, value)?,
                Some(before) if before.ptr_eq(value) => {}
                Some(before) => self.slot(id, before, value)?,
            }
        }
        Ok(())
    }

    /// Whether a node is gone because one of another case has come (section 3.2.5: implied).
    pub fn gives_way(&self, id: NodeId, mut come: impl Iterator<Item = NodeId>) -> bool {
        let cases = self.schema.cases_of(id);
        !cases.is_empty()
            && come.any(|other| {
                let theirs = self.schema.cases_of(other);
                theirs.iter().any(|(choice, case)| {
                    cases
                        .iter()
                        .any(|(mine, my_case)| mine == choice && my_case != case)
                })
            })
    }

    fn slot(&mut self, id: NodeId, old: &'a Value, new: &'a Value) -> Result<(), Error> {
        match (old, new) {
            (Value::Container(a), Value::Container(b)) => {
                self.inside(id, None, |walk| walk.interior(a, b))
            }
            (Value::List(a), Value::List(b)) => {
                for change in b.changes_since(a) {
                    match change {
                        EntryDiff::Added(keys, node) => {
                            self.inside(id, Some(keys), |walk| walk.all_in(Access::Create, node))?;
                        }
                        EntryDiff::Removed(keys, node) => {
                            self.inside(id, Some(keys), |walk| walk.all_in(Access::Delete, node))?;
                        }
                        EntryDiff::Changed(keys, before, after) => {
                            self.inside(id, Some(keys), |walk| walk.interior(before, after))?;
                        }
                    }
                }
                self.order(id, a, b)
            }
            (Value::LeafList(a), Value::LeafList(b)) => {
                for change in b.changes_since(a) {
                    match change {
                        EntryDiff::Added(keys, ()) => self.one(Access::Create, id, Some(keys))?,
                        EntryDiff::Removed(keys, ()) => self.one(Access::Delete, id, Some(keys))?,
                        EntryDiff::Changed(..) => {}
                    }
                }
                self.order(id, a, b)
            }
            (old, new) if old == new => Ok(()),
            _ => self.one(Access::Update, id, None),
        }
    }

    /// Asks for what has moved at or below an interior node, and for nothing else.
    fn orders(&mut self, old: &'a Node, new: &'a Node) -> Result<(), Error> {
        if old.ptr_eq(new) {
            return Ok(());
        }
        for (id, value) in new.children() {
            match (old.child(id), value) {
                (Some(before), after) if before.ptr_eq(after) => {}
                (Some(Value::Container(a)), Value::Container(b)) => {
                    self.inside(id, None, |walk| walk.orders(a, b))?;
                }
                (Some(Value::List(a)), Value::List(b)) => {
                    for change in b.changes_since(a) {
                        if let EntryDiff::Changed(keys, before, after) = change {
                            self.inside(id, Some(keys), |walk| walk.orders(before, after))?;
                        }
                    }
                    self.order(id, a, b)?;
                }
                (Some(Value::LeafList(a)), Value::LeafList(b)) => self.order(id, a, b)?,
                _ => {}
            }
        }
        Ok(())
    }

    /// An entry that moves is updated. Which ones have moved is not in the trees: any that the user may update
    /// can have, the others have to stand among themselves as they did.
    fn order<V: Clone + Same>(
        &mut self,
        id: NodeId,
        old: &'a Ordered<V>,
        new: &'a Ordered<V>,
    ) -> Result<(), Error> {
        let free = self.rules.extent(id, Access::Update) == Extent::All;
        if free || !new.is_user_ordered() || new.same_order(old) {
            return Ok(());
        }
        let (before, after) = (self.fixed(id, old, new), self.fixed(id, new, old));
        let moved = before.iter().zip(&after).find(|(a, b)| a != b);
        let Some((stood, stands)) = moved else {
            return Ok(());
        };
        let without = |list: &[&Keys]| -> Vec<Keys> {
            let others = list.iter().filter(|keys| *keys != stands);
            others.map(|keys| (*keys).clone()).collect()
        };
        let keys = match without(&before) == without(&after) {
            true => stands,
            false => stood,
        };
        self.one(Access::Update, id, Some(keys))
    }

    /// The entries of `one` that are in `other` too and may not be moved.
    fn fixed<V: Clone + Same>(
        &mut self,
        id: NodeId,
        one: &'a Ordered<V>,
        other: &'a Ordered<V>,
    ) -> Vec<&'a Keys> {
        let stays =
            |keys: &&'a Keys| self.inside(id, Some(keys), |walk| !walk.permits(Access::Update));
        let both = one.iter().map(|(keys, _)| keys);
        both.filter(|keys| other.contains(keys))
            .filter(stays)
            .collect()
    }
}
