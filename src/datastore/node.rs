//! Immutable data nodes behind [`Arc`]; a changed tree shares every unchanged node with the old one.

use std::sync::Arc;

use super::keys::Keys;
use super::ordered::{EntryDiff, Ordered, Same};
use crate::schema::NodeId;
use crate::xml::Element;

/// The schema id that the root of a tree carries; no schema node has it.
pub const ROOT: NodeId = NodeId(u32::MAX);

/// An interior node: the root, a container, or a list entry (its key leaves are children like others).
#[derive(Clone)]
pub struct Node(Arc<Inner>);

#[derive(Clone)]
struct Inner {
    schema: NodeId,
    keys: Option<Keys>,
    /// Sorted by schema id; at most one slot per data child in the schema, so a copy is bounded.
    children: Vec<(NodeId, Value)>,
    /// Children that were taken out for a reader who may not see them: their defaults are not theirs
    /// to see either. Sorted; `None` in every tree but a reader's.
    veil: Option<Box<[NodeId]>>,
}

/// What stands in one slot of an interior node.
#[derive(Clone)]
pub enum Value {
    /// A leaf's canonical value.
    Leaf(Arc<str>),
    /// A leaf-list's values.
    LeafList(Ordered<()>),
    /// A container.
    Container(Node),
    /// A list's entries.
    List(Ordered<Node>),
    /// An anydata or anyxml element as it came.
    Any(Arc<Element>),
}

impl Same for Node {
    fn same(&self, other: &Self) -> bool {
        self.ptr_eq(other)
    }
}

impl Node {
    /// An empty container (or root).
    pub fn new(schema: NodeId) -> Self {
        Self(Arc::new(Inner {
            schema,
            keys: None,
            children: Vec::new(),
            veil: None,
        }))
    }

    /// A list entry that holds its key leaves; `key_nodes` in the order of `keys`.
    pub fn entry(schema: NodeId, keys: Keys, key_nodes: &[NodeId]) -> Self {
        let mut children: Vec<_> = key_nodes
            .iter()
            .zip(keys.iter())
            .map(|(id, text)| (*id, Value::Leaf(text.clone())))
            .collect();
        children.sort_by_key(|(id, _)| *id);
        Self(Arc::new(Inner {
            schema,
            keys: Some(keys),
            children,
            veil: None,
        }))
    }

    /// Its schema node; [`ROOT`] for the root.
    pub fn schema(&self) -> NodeId {
        self.0.schema
    }

    /// The keys of a list entry.
    pub fn keys(&self) -> Option<&Keys> {
        self.0.keys.as_ref()
    }

    /// Its slots in schema order.
    pub fn children(&self) -> impl Iterator<Item = (NodeId, &Value)> {
        self.0.children.iter().map(|(id, value)| (*id, value))
    }

    /// Whether it has no slot at all.
    pub fn is_empty(&self) -> bool {
        self.0.children.is_empty()
    }

    /// The slot of a data child.
    pub fn child(&self, id: NodeId) -> Option<&Value> {
        let at = self.position(id).ok()?;
        self.0.children.get(at).map(|(_, value)| value)
    }

    /// A leaf's explicit value.
    pub fn leaf(&self, id: NodeId) -> Option<&Arc<str>> {
        match self.child(id)? {
            Value::Leaf(text) => Some(text),
            _ => None,
        }
    }

    /// A child container that is in the tree.
    pub fn container(&self, id: NodeId) -> Option<&Node> {
        match self.child(id)? {
            Value::Container(node) => Some(node),
            _ => None,
        }
    }

    /// The entries of a child list, when there is any.
    pub fn list(&self, id: NodeId) -> Option<&Ordered<Node>> {
        match self.child(id)? {
            Value::List(entries) => Some(entries),
            _ => None,
        }
    }

    /// An entry of a child list.
    pub fn entry_of(&self, id: NodeId, keys: &Keys) -> Option<&Node> {
        self.list(id)?.get(keys)
    }

    /// Whether both are one and the same node.
    pub fn ptr_eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Puts a slot; copies this node if it is shared.
    pub fn set(&mut self, id: NodeId, value: Value) {
        let at = self.position(id);
        let inner = Arc::make_mut(&mut self.0);
        match at {
            Ok(at) => {
                if let Some(slot) = inner.children.get_mut(at) {
                    slot.1 = value;
                }
            }
            Err(at) => inner.children.insert(at, (id, value)),
        }
    }

    /// Takes a slot out; copies this node if it is shared and has the slot.
    pub fn remove(&mut self, id: NodeId) -> Option<Value> {
        let at = self.position(id).ok()?;
        Some(Arc::make_mut(&mut self.0).children.remove(at).1)
    }

    /// A slot to change; copies this node if it is shared.
    pub fn child_mut(&mut self, id: NodeId) -> Option<&mut Value> {
        let at = self.position(id).ok()?;
        let inner = Arc::make_mut(&mut self.0);
        inner.children.get_mut(at).map(|(_, value)| value)
    }

    /// Says which absent children are hidden rather than absent.
    pub(super) fn veil(&mut self, mut hidden: Vec<NodeId>) {
        hidden.sort_unstable();
        hidden.dedup();
        Arc::make_mut(&mut self.0).veil = (!hidden.is_empty()).then(|| hidden.into());
    }

    /// Whether a child is hidden from this tree's reader.
    pub(super) fn veils(&self, id: NodeId) -> bool {
        let veil = self.0.veil.as_deref();
        veil.is_some_and(|veil| veil.binary_search(&id).is_ok())
    }

    /// Whether any child is hidden from this tree's reader.
    pub(super) fn is_veiled(&self) -> bool {
        self.0.veil.is_some()
    }

    /// Counts itself and all data nodes below; walks the whole subtree.
    pub fn count(&self) -> usize {
        1 + self
            .children()
            .map(|(_, value)| match value {
                Value::Leaf(_) | Value::Any(_) => 1,
                Value::LeafList(values) => values.len(),
                Value::Container(node) => node.count(),
                Value::List(entries) => entries.iter().map(|(_, node)| node.count()).sum(),
            })
            .sum::<usize>()
    }

    /// `self`, with every part that equals the same part of `old` replaced by that part, so that a
    /// pointer comparison afterwards finds exactly the differences.
    pub fn reshare(self, old: &Node) -> Node {
        if self.ptr_eq(old) || self.schema() != old.schema() || self.keys() != old.keys() {
            return self;
        }
        let mut shared = self.clone();
        let mut all_same = self.0.children.len() == old.0.children.len();
        for (id, value) in self.children() {
            let Some(before) = old.child(id) else {
                all_same = false;
                continue;
            };
            let value = value.clone().reshare(before);
            all_same &= value.ptr_eq(before);
            shared.set(id, value);
        }
        match all_same {
            true => old.clone(),
            false => shared,
        }
    }

    fn position(&self, id: NodeId) -> Result<usize, usize> {
        self.0.children.binary_search_by_key(&id, |(id, _)| *id)
    }
}

impl Value {
    /// Whether both surely have the same content, at the price of a pointer (or one leaf) comparison.
    pub fn ptr_eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Leaf(a), Self::Leaf(b)) => a == b,
            (Self::LeafList(a), Self::LeafList(b)) => a.ptr_eq(b),
            (Self::Container(a), Self::Container(b)) => a.ptr_eq(b),
            (Self::List(a), Self::List(b)) => a.ptr_eq(b),
            (Self::Any(a), Self::Any(b)) => Arc::ptr_eq(a, b),
            _ => false,
        }
    }

    fn reshare(self, old: &Value) -> Value {
        match (self, old) {
            (Self::Container(new), Self::Container(old)) => Self::Container(new.reshare(old)),
            (Self::List(new), Self::List(old)) => {
                let mut shared = new.clone();
                for change in new.changes_since(old) {
                    if let EntryDiff::Changed(keys, before, after) = change
                        && let Some(slot) = shared.get_mut(keys)
                    {
                        *slot = after.clone().reshare(before);
                    }
                }
                let same = shared.same_order(old) && {
                    let mut changes = shared.changes_since(old);
                    changes.all(|change| match change {
                        EntryDiff::Changed(_, before, after) => before.ptr_eq(after),
                        _ => false,
                    })
                };
                Self::List(if same { old.clone() } else { shared })
            }
            (new, old) if new == *old => old.clone(),
            (new, _) => new,
        }
    }
}

/// Deep equality: the same content in the same order; shared parts are not looked at.
impl PartialEq for Node {
    fn eq(&self, other: &Self) -> bool {
        self.ptr_eq(other)
            || (self.schema() == other.schema()
                && self.keys() == other.keys()
                && self.0.children == other.0.children)
    }
}

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Leaf(a), Self::Leaf(b)) => a == b,
            (Self::LeafList(a), Self::LeafList(b)) => {
                a.ptr_eq(b)
                    || (a.len() == b.len()
                        && a.same_order(b)
                        && a.iter().all(|(keys, ())| b.contains(keys)))
            }
            (Self::Container(a), Self::Container(b)) => a == b,
            (Self::List(a), Self::List(b)) => {
                a.ptr_eq(b)
                    || (a.len() == b.len()
                        && a.same_order(b)
                        && a.changes_since(b).all(|change| match change {
                            EntryDiff::Changed(_, x, y) => x == y,
                            _ => false,
                        }))
            }
            (Self::Any(a), Self::Any(b)) => a == b,
            _ => false,
        }
    }
}

impl std::fmt::Debug for Node {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_map().entries(self.children()).finish()
    }
}

impl std::fmt::Debug for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Leaf(text) => write!(f, "{text:?}"),
            Self::LeafList(values) => f.debug_set().entries(values.iter().map(|v| v.0)).finish(),
            Self::Container(node) => node.fmt(f),
            Self::List(entries) => f.debug_map().entries(entries.iter()).finish(),
            Self::Any(element) => write!(f, "{:?}", element.to_xml()),
        }
    }
}
