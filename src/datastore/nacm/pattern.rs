//! The path of a rule: an instance identifier whose key predicates may be left out (RFC 8341 section 3.5,
//! `node-instance-identifier`).

use crate::datastore::keys::Keys;
use crate::datastore::node::ROOT;
use crate::datastore::path::data_children;
use crate::schema::{NodeId, NodeKind, Schema};

/// Which data nodes a rule is about: the one it names and all below.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::datastore) struct Pattern(Vec<PatternStep>);

#[derive(Clone, PartialEq, Eq, Debug)]
struct PatternStep {
    node: NodeId,
    /// (position of the key, value); of a leaf-list the value is its only key.
    keys: Vec<(usize, Operand)>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum Operand {
    Text(String),
    /// `$USER`, the only variable there is.
    User,
}

impl Pattern {
    /// Reads a canonical path, module names where the module changes; `None` when it is none or names
    /// no node of the schema.
    pub(in crate::datastore) fn parse(schema: &Schema, text: &str) -> Option<Self> {
        let mut steps: Vec<PatternStep> = Vec::new();
        let mut rest = text.trim();
        if rest == "/" {
            return Some(Self(steps));
        }
        while !rest.is_empty() {
            rest = rest.strip_prefix('/')?.trim_start();
            let end = rest.find(['/', '[']).unwrap_or(rest.len());
            let (name, tail) = rest.split_at_checked(end)?;
            let parent = steps.last().map_or(ROOT, |step| step.node);
            let node = named(schema, parent, name.trim())?;
            let (keys, tail) = predicates(schema, node, tail.trim_start())?;
            steps.push(PatternStep { node, keys });
            rest = tail;
        }
        (!steps.is_empty()).then_some(Self(steps))
    }

    /// The schema node it names; `None` for `/`.
    pub(super) fn target(&self) -> Option<NodeId> {
        self.0.last().map(|step| step.node)
    }

    /// Whether some instances of its node are meant and others are not.
    pub(super) fn by_instance(&self) -> bool {
        self.0.iter().any(|step| !step.keys.is_empty())
    }

    /// Whether a node at or below its schema node is meant.
    pub(super) fn covers(&self, location: &[(NodeId, Option<&Keys>)], user: &str) -> bool {
        let fits = |(step, (node, keys)): (&PatternStep, &(NodeId, Option<&Keys>))| {
            step.node == *node
                && step.keys.iter().all(|(position, wanted)| {
                    let found = keys.and_then(|keys| keys.get(*position));
                    found.is_some_and(|found| match wanted {
                        Operand::Text(text) => **found == **text,
                        Operand::User => **found == *user,
                    })
                })
        };
        self.0.len() <= location.len() && self.0.iter().zip(location).all(fits)
    }
}

/// A data node, action or notification below `parent`, by `module:name`, or by name in the parent's module.
fn named(schema: &Schema, parent: NodeId, name: &str) -> Option<NodeId> {
    let (qualifier, local) = match name.split_once(':') {
        Some((qualifier, local)) => (Some(qualifier), local),
        None => (None, name),
    };
    let own = (parent != ROOT).then(|| schema.node(parent).module);
    let inner = match parent {
        ROOT => &[],
        id => schema.node(id).children.as_slice(),
    };
    let tied = inner.iter().filter(|id| {
        let kind = schema.node(**id).kind;
        matches!(kind, NodeKind::Action | NodeKind::Notification)
    });
    let mut found = data_children(schema, parent)
        .iter()
        .chain(tied)
        .copied()
        .filter(|id| {
            let def = schema.node(*id);
            let module = schema.module(def.module);
            &*def.name == local
                && match qualifier {
                    Some(qualifier) => *module.name == *qualifier || *module.prefix == *qualifier,
                    None => own.is_none_or(|own| own == def.module),
                }
        });
    found.next()
}

type Predicates<'t> = (Vec<(usize, Operand)>, &'t str);

fn predicates<'t>(schema: &Schema, node: NodeId, mut rest: &'t str) -> Option<Predicates<'t>> {
    let def = schema.node(node);
    let mut keys: Vec<(usize, Operand)> = Vec::new();
    while let Some(inner) = rest.strip_prefix('[') {
        let (name, value) = inner.split_once('=')?;
        let name = name.trim();
        let local = name.split_once(':').map_or(name, |(_, local)| local);
        let position = match (def.kind, local) {
            (NodeKind::LeafList, ".") => 0,
            (NodeKind::List, local) => {
                let is = |key: &NodeId| *schema.node(*key).name == *local;
                def.keys.iter().position(is)?
            }
            _ => return None,
        };
        let value = value.trim_start();
        let (operand, tail) = match value.strip_prefix("$USER") {
            Some(tail) => (Operand::User, tail),
            None => {
                let quote = value.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
                let (value, tail) = value.get(1..)?.split_once(quote)?;
                let leaf = match def.kind {
                    NodeKind::List => *def.keys.get(position)?,
                    _ => node,
                };
                (Operand::Text(canonical(schema, leaf, value)), tail)
            }
        };
        if keys.iter().any(|(known, _)| *known == position) {
            return None;
        }
        keys.push((position, operand));
        rest = tail.trim_start().strip_prefix(']')?.trim_start();
    }
    Some((keys, rest))
}

/// A key value as trees hold it. One that is not of the key's type names no instance.
fn canonical(schema: &Schema, leaf: NodeId, text: &str) -> String {
    let canonical = schema.canonical(leaf, text, &|_| None);
    canonical.unwrap_or_else(|_| text.to_owned())
}
