//! What a filter selected: a mask over a tree, which a printer follows.

use std::collections::{BTreeMap, BTreeSet};

use super::keys::Keys;
use super::node::ROOT;
use super::path::Step;
use crate::schema::{NodeId, NodeKind, Schema};

/// The part of a tree that a filter selects. Ancestors and list keys are always printed with it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Selection(pub(super) Mask);

impl Selection {
    /// The whole tree.
    pub fn all() -> Self {
        Self(Mask::All)
    }

    /// Nothing.
    pub fn none() -> Self {
        Self::default()
    }

    /// Whether nothing at all is selected.
    pub fn is_none(&self) -> bool {
        self.0.is_none()
    }

    /// Adds what another filter selected.
    pub fn add(&mut self, other: Selection) {
        self.0.join(other.0);
    }

    /// Adds one node with everything below it.
    pub fn add_node(&mut self, schema: &Schema, steps: &[Step]) {
        self.0.add(schema, steps);
    }
}

/// What is selected of one interior node.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Mask {
    /// Everything below.
    All,
    /// Some of it.
    Part(Part),
}

/// A partly selected interior node.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Part {
    /// The node itself was selected, so it is printed even if nothing below it is.
    pub keep: bool,
    pub children: BTreeMap<NodeId, Below>,
}

/// What is selected of one slot.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Below {
    /// All of it: a leaf, a whole subtree, all entries; also a leaf that is absent but has a default.
    All,
    /// Part of a container.
    Node(Mask),
    /// Some entries of a list.
    Entries(BTreeMap<Keys, Mask>),
    /// Some values of a leaf-list.
    Values(BTreeSet<Keys>),
}

impl Default for Mask {
    fn default() -> Self {
        Self::Part(Part::default())
    }
}

impl Mask {
    pub fn is_none(&self) -> bool {
        match self {
            Self::All => false,
            Self::Part(part) => !part.keep && part.children.is_empty(),
        }
    }

    pub fn join(&mut self, other: Mask) {
        let Self::Part(mine) = self else { return };
        match other {
            Self::All => *self = Self::All,
            Self::Part(theirs) => {
                mine.keep |= theirs.keep;
                for (id, below) in theirs.children {
                    mine.put(id, below);
                }
            }
        }
    }

    fn add(&mut self, schema: &Schema, steps: &[Step]) {
        let Self::Part(part) = self else { return };
        let Some((step, rest)) = steps.split_first() else {
            *self = Self::All;
            return;
        };
        let def = schema.node(step.node);
        // A selected key is printed with its entry, so the entry must be.
        part.keep |= def.is_key;
        let below = match &step.keys {
            None if rest.is_empty() => Below::All,
            Some(value) if def.kind == NodeKind::LeafList => {
                Below::Values(BTreeSet::from([value.clone()]))
            }
            keys => {
                let mut mask = Mask::default();
                mask.add(schema, rest);
                match keys {
                    Some(keys) => Below::Entries(BTreeMap::from([(keys.clone(), mask)])),
                    None => Below::Node(mask),
                }
            }
        };
        part.put(step.node, below);
    }
}

impl Part {
    pub fn put(&mut self, id: NodeId, below: Below) {
        debug_assert!(id != ROOT);
        match self.children.get_mut(&id) {
            Some(mine) => mine.join(below),
            None => drop(self.children.insert(id, below)),
        }
    }
}

impl Below {
    fn join(&mut self, other: Below) {
        match (self, other) {
            (Self::All, _) => {}
            (Self::Node(mine), Self::Node(theirs)) => mine.join(theirs),
            (Self::Entries(mine), Self::Entries(theirs)) => {
                for (keys, mask) in theirs {
                    mine.entry(keys).or_default().join(mask);
                }
            }
            (Self::Values(mine), Self::Values(theirs)) => mine.extend(theirs),
            (mine, _) => *mine = Self::All,
        }
    }
}
