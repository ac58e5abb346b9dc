//! Subtree filters on a tree: RFC 6241 section 6.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::Budget;
use crate::datastore::defaults;
use crate::datastore::error::Error;
use crate::datastore::keys::Keys;
use crate::datastore::node::{Node, Value};
use crate::datastore::path::data_children;
use crate::datastore::print::WithDefaults;
use crate::datastore::select::{Below, Mask, Part, Selection};
use crate::datastore::tree::Tree;
use crate::schema::{NodeId, NodeKind, Schema};
use crate::xml::{Element, Scope, XML_NS};

/// A decoded subtree filter.
#[derive(Clone, Debug)]
pub struct SubtreeFilter {
    pub(super) nodes: Vec<FilterNode>,
}

/// One element of a filter.
#[derive(Clone, Debug)]
pub(super) struct FilterNode {
    /// `None`: no namespace given, matches every one (section 6.2.1).
    pub ns: Option<Arc<str>>,
    pub local: Arc<str>,
    /// Attribute match expressions (section 6.2.2).
    pub attrs: Vec<(Arc<str>, Arc<str>, String)>,
    pub kind: Kind,
}

/// What an element of a filter is.
#[derive(Clone, Debug)]
pub(super) enum Kind {
    /// Empty: selects (section 6.2.4).
    Selection,
    /// Holds text: must match (section 6.2.5).
    Content(String, Scope),
    /// Holds elements: leads on (section 6.2.3).
    Containment(Vec<FilterNode>),
}

impl SubtreeFilter {
    /// Decodes the children of a `<filter>` element. Every element is a filter; nothing is refused,
    /// what the schema does not know matches nothing.
    pub fn decode(filter: &Element) -> Self {
        Self {
            nodes: filter.elements().map(FilterNode::decode).collect(),
        }
    }

    /// What it selects of a tree as a reply shows it.
    pub(super) fn select(
        &self,
        tree: &Tree,
        shown: WithDefaults,
        budget: &mut Budget,
    ) -> Result<Selection, Error> {
        let mut select = Select {
            schema: tree.schema(),
            shown,
            budget,
        };
        let mask = select.siblings(&self.nodes, tree.root())?;
        Ok(Selection(mask.unwrap_or_default()))
    }
}

impl FilterNode {
    fn decode(element: &Element) -> Self {
        let children: Vec<FilterNode> = element.elements().map(Self::decode).collect();
        let text = element.text();
        let text = text.trim();
        let attrs = element.attrs.iter().filter(|attr| &*attr.ns != XML_NS);
        Self {
            ns: (!element.ns.is_empty()).then(|| element.ns.clone()),
            local: element.local.clone(),
            attrs: attrs
                .map(|attr| {
                    let value = attr.value.to_string();
                    (attr.ns.clone(), attr.local.clone(), value)
                })
                .collect(),
            kind: match (children.is_empty(), text.is_empty()) {
                (false, _) => Kind::Containment(children),
                (true, true) => Kind::Selection,
                (true, false) => Kind::Content(text.to_owned(), element.scope.clone()),
            },
        }
    }
}

struct Select<'a> {
    schema: &'static Schema,
    shown: WithDefaults,
    budget: &'a mut Budget,
}

impl Select<'_> {
    /// Applies one set of sibling filter nodes to one interior node (section 6.2.5).
    /// `None`: a content match failed, or nothing is selected.
    fn siblings(&mut self, filters: &[FilterNode], node: &Node) -> Result<Option<Mask>, Error> {
        self.budget.take(1 + filters.len())?;
        let mut part = Part::default();
        let mut only_content = !filters.is_empty();
        for filter in filters {
            let Kind::Content(text, scope) = &filter.kind else {
                only_content = false;
                continue;
            };
            let matched = self.content(filter, text, scope, node);
            if matched.is_empty() {
                return Ok(None);
            }
            // The entry itself counts as selected: its matching leaf may be a key or a default.
            part.keep = true;
            for (id, below) in matched {
                part.put(id, below);
            }
        }
        if only_content {
            return Ok(Some(Mask::All));
        }
        for filter in filters {
            for id in self.named(filter, node.schema()) {
                match &filter.kind {
                    Kind::Content(..) => {}
                    Kind::Selection => {
                        part.keep |= self.schema.node(id).is_key;
                        part.put(id, Below::All);
                    }
                    Kind::Containment(below) => {
                        if let Some(below) = self.containment(below, node, id)? {
                            part.put(id, below);
                        }
                    }
                }
            }
        }
        let mask = Mask::Part(part);
        Ok((!mask.is_none()).then_some(mask))
    }

    fn containment(
        &mut self,
        filters: &[FilterNode],
        node: &Node,
        id: NodeId,
    ) -> Result<Option<Below>, Error> {
        let def = self.schema.node(id);
        match (def.kind, node.child(id)) {
            (NodeKind::Container { .. }, Some(Value::Container(child))) => {
                Ok(self.siblings(filters, child)?.map(Below::Node))
            }
            // It is there as soon as its parent is, and may hold defaults.
            (NodeKind::Container { presence: false }, None) => {
                Ok(self.siblings(filters, &Node::new(id))?.map(Below::Node))
            }
            (NodeKind::List, Some(Value::List(entries))) => {
                let mut selected = BTreeMap::new();
                if let Some(keys) = self.all_keys(filters, id) {
                    if let Some(entry) = entries.get(&keys)
                        && let Some(mask) = self.siblings(filters, entry)?
                    {
                        selected.insert(keys, mask);
                    }
                } else {
                    for (keys, entry) in entries.iter() {
                        if let Some(mask) = self.siblings(filters, entry)? {
                            selected.insert(keys.clone(), mask);
                        }
                    }
                }
                Ok((!selected.is_empty()).then_some(Below::Entries(selected)))
            }
            _ => Ok(None),
        }
    }

    /// The keys of the one entry that a filter can match, when it matches all keys by content.
    fn all_keys(&self, filters: &[FilterNode], list: NodeId) -> Option<Keys> {
        let keys = &self.schema.node(list).keys;
        if keys.is_empty() {
            return None;
        }
        let mut values = Vec::with_capacity(keys.len());
        for key in keys {
            let value = filters.iter().find_map(|filter| match &filter.kind {
                Kind::Content(text, scope) if self.is(filter, *key) => {
                    Some(self.canonical(*key, text, scope))
                }
                _ => None,
            });
            values.push(value?);
        }
        Some(Keys::new(values))
    }

    /// The leafs and leaf-lists below `node` that a content match holds for: of those that are shown.
    fn content(
        &self,
        filter: &FilterNode,
        text: &str,
        scope: &Scope,
        node: &Node,
    ) -> Vec<(NodeId, Below)> {
        let mut matched = Vec::new();
        for id in self.named(filter, node.schema()) {
            let def = self.schema.node(id);
            let value = match def.kind {
                NodeKind::Leaf | NodeKind::LeafList => self.canonical(id, text, scope),
                _ => continue,
            };
            let below = match node.child(id) {
                Some(Value::Leaf(found)) if self.shown.trims(def, found) => None,
                Some(Value::LeafList(values)) if self.shown.trims_all(def, values) => None,
                Some(Value::Leaf(found)) => (**found == *value).then_some(Below::All),
                Some(Value::LeafList(values)) => {
                    let keys = Keys::single(value);
                    values
                        .contains(&keys)
                        .then(|| Below::Values(BTreeSet::from([keys])))
                }
                None if self.shown.fills_in() => defaults::in_use(self.schema, Some(node), id)
                    .iter()
                    .any(|default| **default == *value)
                    .then_some(Below::All),
                _ => None,
            };
            matched.extend(below.map(|below| (id, below)));
        }
        matched
    }

    /// The data children a filter node names; none when it asks for an attribute, as data has none.
    fn named(&self, filter: &FilterNode, parent: NodeId) -> Vec<NodeId> {
        if !filter.attrs.is_empty() {
            return Vec::new();
        }
        let children = data_children(self.schema, parent).iter().copied();
        children.filter(|id| self.is(filter, *id)).collect()
    }

    fn is(&self, filter: &FilterNode, id: NodeId) -> bool {
        filter.local == self.schema.node(id).name
            && filter
                .ns
                .as_ref()
                .is_none_or(|ns| ns == self.schema.namespace(id))
    }

    /// The canonical form of a filter's text, so that `02` finds 2; the text itself if it has none.
    fn canonical(&self, id: NodeId, text: &str, scope: &Scope) -> String {
        let resolve = |prefix: &str| scope.resolve(prefix).map(str::to_owned);
        let canonical = self.schema.canonical(id, text, &resolve);
        canonical.unwrap_or_else(|_| text.to_owned())
    }
}
