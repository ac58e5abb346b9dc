//! What an edit names, asked for before it is applied (RFC 8341 section 3.2.5): a refusal does not tell
//! whether the node is there.
//!
//! | operation | node is not there | node is there |
//! | --- | --- | --- |
//! | create | create | create |
//! | delete | delete | delete, and of everything below |
//! | remove | delete, unless it can be seen that nothing is there | as delete |
//! | merge | create | update, if it changes a value; nothing if it can be seen that it does not |
//! | replace | create | as merge; delete of everything that is not named |
//! | move | | update, if it stands elsewhere then |
//! | none | nothing | nothing |
//!
//! Where the user cannot read, a leaf that would not be changed needs access as if it were: else the answer
//! told its value. A container or list entry that is there for naming needs none, if something that may be
//! changed is named in it: else the answer told that it is there, and this holds under `none` too. What is
//! implied - defaults, other cases of a choice, what a `when` hides - needs no access.

use std::collections::BTreeSet;

use super::access::Access;
use super::change::Walk;
use super::compile::Nacm;
use crate::datastore::edit_tree::{Content, DefaultOperation, EditNode, EditTree, Operation};
use crate::datastore::error::Error;
use crate::datastore::keys::Keys;
use crate::datastore::node::{Node, Value};
use crate::datastore::ordered::Place;
use crate::datastore::secret::is_mask;
use crate::datastore::tree::Tree;
use crate::schema::{NodeId, NodeKind, SchemaNode};

impl Nacm {
    /// Whether the user may make this edit of this tree, all of it.
    ///
    /// # Errors
    /// `access-denied`, with the path of the first node that may not be changed so.
    pub fn check_edit(
        &self,
        base: &Tree,
        edit: &EditTree,
        default: DefaultOperation,
    ) -> Result<(), Error> {
        let Some(rules) = &self.rules else {
            return Ok(());
        };
        let mut walk = Walk::new(self.schema, rules);
        if default == DefaultOperation::Replace {
            walk.unnamed(base.root(), &edit.children)?;
        }
        walk.edits(Some(base.root()), &edit.children, default.operation())
    }
}

/// What is known of a node that an edit puts.
enum Named {
    /// It may be.
    Judged,
    /// It is there and stays as it is, and the user may neither see nor write it.
    Unseen,
}

/// What stands where an edit node points.
#[derive(Clone, Copy)]
enum Found<'a> {
    Nothing,
    Slot(&'a Value),
    /// An entry of a list.
    Entry(&'a Node),
    /// An entry of a leaf-list.
    Item,
}

/// What an edit node does to a node that may be there.
#[derive(Clone, Copy)]
struct Target<'a> {
    found: Found<'a>,
    /// Whether it gives an entry another place.
    moves: bool,
}

impl<'a> Found<'a> {
    fn of(parent: Option<&'a Node>, edit: &EditNode) -> Self {
        let slot = parent.and_then(|parent| parent.child(edit.node));
        match (slot, &edit.content) {
            (Some(Value::List(entries)), Content::Entry(keys)) => {
                entries.get(keys).map_or(Self::Nothing, Self::Entry)
            }
            (Some(Value::LeafList(values)), Content::LeafList(keys)) => {
                match values.contains(keys) {
                    true => Self::Item,
                    false => Self::Nothing,
                }
            }
            (Some(value), _) => Self::Slot(value),
            (None, _) => Self::Nothing,
        }
    }

    fn is_there(self) -> bool {
        !matches!(self, Self::Nothing)
    }

    fn interior(self) -> Option<&'a Node> {
        match self {
            Self::Entry(node) | Self::Slot(Value::Container(node)) => Some(node),
            _ => None,
        }
    }
}

impl<'a> Walk<'a> {
    fn edits(
        &mut self,
        parent: Option<&'a Node>,
        edits: &'a [EditNode],
        inherited: Operation,
    ) -> Result<(), Error> {
        for edit in edits {
            let keys = match &edit.content {
                Content::Entry(keys) | Content::LeafList(keys) => Some(keys),
                _ => None,
            };
            let found = Found::of(parent, edit);
            let operation = edit.operation(inherited);
            let target = Target {
                found,
                moves: self.moves(parent, edit, keys),
            };
            self.inside(edit.node, keys, |walk| walk.edit(edit, target, operation))?;
        }
        Ok(())
    }

    fn edit(
        &mut self,
        edit: &'a EditNode,
        target: Target<'a>,
        operation: Operation,
    ) -> Result<(), Error> {
        let def = self.schema.node(edit.node);
        let found = target.found;
        match operation {
            Operation::Create => {
                self.require(Access::Create)?;
                self.keys(def, Access::Create)?;
                self.edits(None, &edit.children, operation)
            }
            Operation::Delete => self.deletes(found),
            Operation::Remove => match found.is_there() || !self.rules.sees(&self.place) {
                true => self.deletes(found),
                false => Ok(()),
            },
            Operation::None => {
                let before = self.granted;
                self.edits(found.interior(), &edit.children, operation)?;
                let told = self.granted > before || !self.has_meaning(edit.node);
                match told || self.rules.sees(&self.place) {
                    true => Ok(()),
                    false => self.require(Access::Update),
                }
            }
            Operation::Merge | Operation::Replace => match self.puts(edit, target, def)? {
                Named::Judged => self.puts_inside(edit, found, operation),
                Named::Unseen => {
                    let before = self.granted;
                    match self.puts_inside(edit, found, operation) {
                        Ok(()) if self.granted > before => Ok(()),
                        Ok(()) => self.require(Access::Update),
                        Err(_) => Err(self.denied(Access::Update, true)),
                    }
                }
            },
        }
    }

    fn puts_inside(
        &mut self,
        edit: &'a EditNode,
        found: Found<'a>,
        operation: Operation,
    ) -> Result<(), Error> {
        if let (Operation::Replace, Some(node)) = (operation, found.interior()) {
            self.unnamed(node, &edit.children)?;
        }
        self.edits(found.interior(), &edit.children, operation)
    }

    fn deletes(&mut self, found: Found<'a>) -> Result<(), Error> {
        self.require(Access::Delete)?;
        match found.interior() {
            Some(node) => self.all_in(Access::Delete, node),
            None => Ok(()),
        }
    }

    /// The node itself under merge or replace.
    fn puts(
        &mut self,
        edit: &EditNode,
        Target { found, moves }: Target<'a>,
        def: &SchemaNode,
    ) -> Result<Named, Error> {
        if !self.has_meaning(def.id) {
            return Ok(Named::Judged);
        }
        if !found.is_there() {
            self.require(Access::Create)?;
            self.keys(def, Access::Create)?;
            return Ok(Named::Judged);
        }
        let terminal = matches!(def.kind, NodeKind::Leaf | NodeKind::Any);
        if moves || (terminal && !unaltered(edit, found, def)) {
            self.require(Access::Update)?;
            return Ok(Named::Judged);
        }
        if self.rules.sees(&self.place) {
            return Ok(Named::Judged);
        }
        if !terminal && self.permits(Access::Create) {
            return Ok(Named::Judged);
        }
        match found.interior() {
            Some(_) if !self.permits(Access::Update) => Ok(Named::Unseen),
            _ => self.require(Access::Update).map(|()| Named::Judged),
        }
    }

    /// Whether an entry is to stand elsewhere than it does. Beside one that the user cannot see counts as
    /// elsewhere: the answer would tell what is there. What an edit moves by and by is judged when it has
    /// ([`Nacm::check_order`]).
    fn moves(&mut self, parent: Option<&Node>, edit: &'a EditNode, keys: Option<&Keys>) -> bool {
        let (Some(place), Some(keys)) = (edit.insert.as_deref(), keys) else {
            return false;
        };
        if let Place::Before(near) | Place::After(near) = place
            && !self.inside(edit.node, Some(near), |walk| walk.rules.sees(&walk.place))
        {
            return true;
        }
        match parent.and_then(|parent| parent.child(edit.node)) {
            Some(Value::List(entries)) => !entries.stands(keys, place),
            Some(Value::LeafList(values)) => !values.stands(keys, place),
            _ => true,
        }
    }

    /// The key leafs of a list entry at hand, which come with it.
    fn keys(&mut self, def: &SchemaNode, access: Access) -> Result<(), Error> {
        for key in &def.keys {
            self.inside(*key, None, |walk| walk.require(access))?;
        }
        Ok(())
    }

    /// What a replacement takes away: everything it does not name.
    fn unnamed(&mut self, node: &'a Node, edits: &[EditNode]) -> Result<(), Error> {
        let mut slots: BTreeSet<NodeId> = BTreeSet::new();
        let mut entries: BTreeSet<(NodeId, &Keys)> = BTreeSet::new();
        for edit in edits {
            match &edit.content {
                Content::Entry(keys) | Content::LeafList(keys) => {
                    entries.insert((edit.node, keys));
                }
                _ => drop(slots.insert(edit.node)),
            }
        }
        let come = edits.iter().filter(|edit| {
            !edit.operation(Operation::Replace).deletes() && self.has_meaning(edit.node)
        });
        let come: Vec<NodeId> = come.map(|edit| edit.node).collect();
        for (id, value) in node.children() {
            if slots.contains(&id)
                || self.schema.node(id).is_key
                || self.gives_way(id, come.iter().copied())
            {
                continue;
            }
            match value {
                Value::List(list) => {
                    for (keys, entry) in list.iter() {
                        if !entries.contains(&(id, keys)) {
                            self.inside(id, Some(keys), |walk| walk.all_in(Access::Delete, entry))?;
                            self.granted += 1;
                        }
                    }
                }
                Value::LeafList(values) => {
                    for (keys, ()) in values.iter() {
                        if !entries.contains(&(id, keys)) {
                            self.inside(id, Some(keys), |walk| {
                                match walk.permits(Access::Delete) {
                                    true => Ok(()),
                                    false => Err(walk.denied(Access::Delete, false)),
                                }
                            })?;
                            self.granted += 1;
                        }
                    }
                }
                value => {
                    self.all_of(Access::Delete, id, value)?;
                    self.granted += 1;
                }
            }
        }
        Ok(())
    }
}

/// Whether the value is the one that is there.
fn unaltered(edit: &EditNode, found: Found<'_>, def: &SchemaNode) -> bool {
    match (&edit.content, found) {
        (Content::Leaf(text), Found::Slot(Value::Leaf(now))) => {
            text == now || (def.secret && is_mask(text))
        }
        (Content::Any(element), Found::Slot(Value::Any(now))) => element == now,
        _ => false,
    }
}
