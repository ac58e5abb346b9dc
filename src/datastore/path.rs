//! Where a data node is: locations, their printed form and back.

use super::keys::Keys;
use super::node::{Node, ROOT, Value};
use super::ordered::Ordered;
use crate::schema::{NodeId, NodeKind, Schema, SchemaNode, quoted};

/// One step down: a data child and, for a list or leaf-list entry, which one.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Step {
    /// Schema node.
    pub node: NodeId,
    /// Keys of a list entry, the value of a leaf-list entry.
    pub keys: Option<Keys>,
}

/// The place of a data node, from the root down; empty for the root.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Location(pub Vec<Step>);

impl Location {
    /// The printed instance path, with the modules' own prefixes: `/esc:a/esc:b[esc:k='v']`.
    pub fn display(&self, schema: &Schema) -> String {
        let mut out = String::new();
        for step in &self.0 {
            push_step(&mut out, schema, step.node, step.keys.as_ref());
        }
        out
    }

    /// Reads a printed instance path; names may carry a prefix, a module name or none.
    /// `None` when it is not one or names no schema node.
    pub fn parse(schema: &Schema, text: &str) -> Option<Self> {
        let mut steps: Vec<Step> = Vec::new();
        let mut rest = text.trim();
        while !rest.is_empty() {
            rest = rest.strip_prefix('/')?;
            let end = rest.find(['/', '[']).unwrap_or(rest.len());
            let (name, tail) = rest.split_at_checked(end)?;
            let parent = steps.last().map_or(ROOT, |step| step.node);
            let id = child_by_name(schema, parent, name)?;
            let (keys, tail) = predicates(schema, schema.node(id), tail)?;
            steps.push(Step { node: id, keys });
            rest = tail;
        }
        Some(Self(steps))
    }

    /// The location of a child.
    pub fn child(&self, node: NodeId, keys: Option<Keys>) -> Self {
        let mut steps = self.0.clone();
        steps.push(Step { node, keys });
        Self(steps)
    }
}

/// A location as a linked list on the stack, so that a walk allocates nothing unless it must report.
#[derive(Clone, Copy)]
pub(super) struct Trail<'a> {
    pub parent: Option<&'a Trail<'a>>,
    pub node: NodeId,
    pub keys: Option<&'a Keys>,
}

impl<'a> Trail<'a> {
    pub const ROOT: Trail<'static> = Trail {
        parent: None,
        node: ROOT,
        keys: None,
    };

    pub fn child(&'a self, node: NodeId, keys: Option<&'a Keys>) -> Trail<'a> {
        Trail {
            parent: Some(self),
            node,
            keys,
        }
    }

    pub fn location(&self) -> Location {
        let mut steps = Vec::new();
        let mut at = Some(self);
        while let Some(trail) = at {
            if trail.node != ROOT {
                steps.push(Step {
                    node: trail.node,
                    keys: trail.keys.cloned(),
                });
            }
            at = trail.parent;
        }
        steps.reverse();
        Location(steps)
    }

    pub fn display(&self, schema: &Schema) -> String {
        self.location().display(schema)
    }
}

/// The data children of a schema node, or of the root.
pub(super) fn data_children(schema: &Schema, parent: NodeId) -> &[NodeId] {
    match parent {
        ROOT => schema.top_data(),
        id => &schema.node(id).data_children,
    }
}

/// A data child by namespace and local name; at the root only data nodes count.
pub(super) fn data_child(schema: &Schema, parent: NodeId, ns: &str, local: &str) -> Option<NodeId> {
    let id = match parent {
        ROOT => schema.top(ns, local)?,
        id => schema.child(id, ns, local)?,
    };
    let kind = schema.node(id).kind;
    let data = matches!(
        kind,
        NodeKind::Container { .. }
            | NodeKind::Leaf
            | NodeKind::LeafList
            | NodeKind::List
            | NodeKind::Any
    );
    data.then_some(id)
}

/// A data child by `prefix:name`, `module:name` or `name` (the parent's module first).
pub(super) fn child_by_name(schema: &Schema, parent: NodeId, name: &str) -> Option<NodeId> {
    let (prefix, local) = match name.split_once(':') {
        Some((prefix, local)) => (Some(prefix), local),
        None => (None, name),
    };
    let children = data_children(schema, parent).iter().copied();
    let mut found = children.filter(|id| &*schema.node(*id).name == local);
    let Some(prefix) = prefix else {
        let own = (parent != ROOT).then(|| schema.node(parent).module);
        let mut first = None;
        for id in found {
            if own.is_some_and(|module| schema.node(id).module == module) {
                return Some(id);
            }
            first = first.or(Some(id));
        }
        return first;
    };
    found.find(|id| {
        let module = schema.module(schema.node(*id).module);
        &*module.prefix == prefix || &*module.name == prefix
    })
}

/// The node a location names, when it is an interior node of this tree.
pub(super) fn find<'t>(root: &'t Node, location: &Location) -> Option<&'t Node> {
    let mut at = root;
    for step in &location.0 {
        at = match &step.keys {
            Some(keys) => at.entry_of(step.node, keys)?,
            None => at.container(step.node)?,
        };
    }
    Some(at)
}

/// The interior node a location names, made with all its ancestors where it is missing.
pub(super) fn make<'t>(
    schema: &Schema,
    root: &'t mut Node,
    location: &Location,
) -> Option<&'t mut Node> {
    let mut at = root;
    for step in &location.0 {
        let def = schema.node(step.node);
        if at.child(step.node).is_none() {
            let empty = match def.kind {
                NodeKind::List => Value::List(Ordered::new(def.user_ordered)),
                _ => Value::Container(Node::new(step.node)),
            };
            at.set(step.node, empty);
        }
        at = match (at.child_mut(step.node)?, &step.keys) {
            (Value::Container(node), None) => node,
            (Value::List(entries), Some(keys)) => {
                if !entries.contains(keys) {
                    let entry = Node::entry(step.node, keys.clone(), &def.keys);
                    entries.insert(keys.clone(), entry);
                }
                entries.get_mut(keys)?
            }
            _ => return None,
        };
    }
    Some(at)
}

/// Removes what a location names, and every list and non-presence container this leaves empty.
pub(super) fn remove(schema: &Schema, at: &mut Node, steps: &[Step]) -> bool {
    let Some((step, below)) = steps.split_first() else {
        return false;
    };
    let Some(value) = at.child_mut(step.node) else {
        return false;
    };
    let last = below.is_empty();
    let (removed, empty) = match (value, &step.keys) {
        (Value::LeafList(values), Some(keys)) => (values.remove(keys).is_some(), values.is_empty()),
        (Value::List(entries), Some(keys)) if last => {
            (entries.remove(keys).is_some(), entries.is_empty())
        }
        (Value::List(entries), Some(keys)) => match entries.get_mut(keys) {
            Some(entry) => (remove(schema, entry, below), false),
            None => (false, false),
        },
        (Value::Container(node), None) if !last => {
            let presence = schema.node(step.node).kind == NodeKind::Container { presence: true };
            (remove(schema, node, below), node.is_empty() && !presence)
        }
        _ => (last, last),
    };
    if empty {
        at.remove(step.node);
    }
    removed
}

fn push_step(out: &mut String, schema: &Schema, id: NodeId, keys: Option<&Keys>) {
    let def = schema.node(id);
    out.push('/');
    push_name(out, schema, def);
    let Some(keys) = keys else { return };
    if def.kind == NodeKind::LeafList {
        out.push_str(&format!("[.={}]", quoted(keys.first())));
        return;
    }
    for (key, value) in def.keys.iter().zip(keys.iter()) {
        out.push('[');
        push_name(out, schema, schema.node(*key));
        out.push('=');
        out.push_str(&quoted(value));
        out.push(']');
    }
}

fn push_name(out: &mut String, schema: &Schema, def: &SchemaNode) {
    out.push_str(&schema.module(def.module).prefix);
    out.push(':');
    out.push_str(&def.name);
}

/// Reads `[k='v']...` behind a step of an instance path.
fn predicates<'t>(
    schema: &Schema,
    def: &SchemaNode,
    mut rest: &'t str,
) -> Option<(Option<Keys>, &'t str)> {
    let mut found: Vec<(String, String)> = Vec::new();
    while let Some(inner) = rest.strip_prefix('[') {
        let (name, value) = inner.split_once('=')?;
        let value = value.trim_start();
        let quote = value.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
        let (value, tail) = value.get(1..)?.split_once(quote)?;
        let name = name.trim();
        let local = name.split_once(':').map_or(name, |(_, local)| local);
        found.push((local.to_owned(), value.to_owned()));
        rest = tail.trim_start().strip_prefix(']')?;
    }
    if found.is_empty() {
        return Some((None, rest));
    }
    if def.kind == NodeKind::LeafList {
        let (_, value) = found.into_iter().find(|(name, _)| name == ".")?;
        return Some((Some(Keys::single(value)), rest));
    }
    let mut keys = Vec::new();
    for key in &def.keys {
        let name = &schema.node(*key).name;
        let (_, value) = found.iter().find(|(found, _)| **found == **name)?;
        keys.push(value.clone());
    }
    (keys.len() == found.len()).then(|| (Some(Keys::new(keys)), rest))
}
