//! A data tree as an XPath document (RFC 7950 section 6.4.1): non-presence containers are part of it, and
//! those defaults that the reply shows. Nodes get their ids as they are first seen.

use std::borrow::Cow;
use std::cell::RefCell;
use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};
use std::rc::Rc;
use std::sync::Arc;

use super::ast::NodeTest;
use super::doc::{Doc, Id, KeyTest, KeyValue, Kind, Matches, ROOT, Route};
use crate::datastore::defaults;
use crate::datastore::keys::Keys;
use crate::datastore::node::{self, Node, Value};
use crate::datastore::path::{Step, data_children};
use crate::datastore::print::WithDefaults;
use crate::datastore::tree::Tree;
use crate::schema::{NodeId, NodeKind, Schema, ValueKind};
use crate::xml::{Element, XML_NS};

pub(super) struct TreeDoc<'t> {
    schema: &'static Schema,
    shown: WithDefaults,
    items: RefCell<Vec<Item<'t>>>,
    /// The children in one slot of a node, once they were listed.
    slots: RefCell<Slots>,
    /// List entries, which may be looked up before their siblings are listed.
    entries: RefCell<HashMap<(Id, NodeId, Keys), Id>>,
    /// The namespace nodes of elements that were asked for them.
    namespaces: RefCell<HashMap<Id, Rc<[Id]>>>,
}

type Slots = HashMap<(Id, NodeId), Rc<[Id]>>;

#[derive(Clone, Copy)]
enum Data<'t> {
    Interior(&'t Node),
    /// A non-presence container that is not in the tree.
    Empty(NodeId),
    Leaf(NodeId, &'t str),
    LeafListEntry(NodeId, &'t Keys),
    Any(NodeId, &'t Arc<Element>),
    /// Prefix and namespace.
    Namespace(&'t str, &'t str),
    Text(&'t str),
}

struct Item<'t> {
    parent: Id,
    data: Data<'t>,
    place: Place<'t>,
    children: Option<Rc<[Id]>>,
}

/// Document order among siblings: schema order, then the order of the list.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Place<'t> {
    slot: u32,
    rank: i64,
    keys: Option<&'t Keys>,
}

impl<'t> TreeDoc<'t> {
    /// `shown`: which defaults are in it (RFC 6243 section 4.5.1).
    pub fn new(tree: &'t Tree, shown: WithDefaults) -> Self {
        let root = Item {
            parent: ROOT,
            data: Data::Interior(tree.root()),
            place: place(0, 0, None),
            children: None,
        };
        Self {
            schema: tree.schema(),
            shown,
            items: RefCell::new(vec![root]),
            slots: RefCell::new(HashMap::new()),
            entries: RefCell::new(HashMap::new()),
            namespaces: RefCell::new(HashMap::new()),
        }
    }

    /// Where a node is; that of its element for a text or namespace node.
    pub fn steps(&self, id: Id) -> Vec<Step> {
        let mut steps = Vec::new();
        let mut at = Some(id);
        while let Some(id) = at {
            let step = match self.data(id) {
                Data::Interior(node) if node.schema() == node::ROOT => None,
                Data::Interior(node) => Some((node.schema(), node.keys())),
                Data::Empty(id) | Data::Leaf(id, _) | Data::Any(id, _) => Some((id, None)),
                Data::LeafListEntry(id, keys) => Some((id, Some(keys))),
                Data::Namespace(..) | Data::Text(_) => None,
            };
            steps.extend(step.map(|(node, keys)| Step {
                node,
                keys: keys.cloned(),
            }));
            at = self.parent(id);
        }
        steps.reverse();
        steps
    }

    fn data(&self, id: Id) -> Data<'t> {
        let items = self.items.borrow();
        items
            .get(id as usize)
            .map_or(Data::Text(""), |item| item.data)
    }

    fn add(&self, parent: Id, data: Data<'t>, place: Place<'t>) -> Id {
        let mut items = self.items.borrow_mut();
        items.push(Item {
            parent,
            data,
            place,
            children: None,
        });
        (items.len() - 1) as Id
    }

    fn entry(&self, parent: Id, id: NodeId, keys: &'t Keys, node: &'t Node, rank: i64) -> Id {
        let key = (parent, id, keys.clone());
        if let Some(known) = self.entries.borrow().get(&key) {
            return *known;
        }
        let added = self.add(parent, Data::Interior(node), place(id.0, rank, Some(keys)));
        self.entries.borrow_mut().insert(key, added);
        added
    }

    fn list_children(&self, id: Id) -> Vec<Id> {
        let schema_id = match self.data(id) {
            Data::Leaf(_, text) => return self.text_child(id, text),
            Data::LeafListEntry(_, keys) => return self.text_child(id, keys.first()),
            Data::Any(..) | Data::Namespace(..) | Data::Text(_) => return Vec::new(),
            Data::Interior(node) => node.schema(),
            Data::Empty(schema_id) => schema_id,
        };
        let mut found = Vec::new();
        for child in data_children(self.schema, schema_id) {
            found.extend(self.slot(id, *child).iter());
        }
        found
    }

    fn text_child(&self, parent: Id, text: &'t str) -> Vec<Id> {
        match text.is_empty() {
            true => Vec::new(),
            false => vec![self.add(parent, Data::Text(text), place(0, 0, None))],
        }
    }

    /// The children of an interior node that one schema node has.
    fn slot(&self, parent: Id, id: NodeId) -> Rc<[Id]> {
        if let Some(known) = self.slots.borrow().get(&(parent, id)) {
            return known.clone();
        }
        let node = match self.data(parent) {
            Data::Interior(node) => Some(node),
            _ => None,
        };
        let children: Rc<[Id]> = self.list_slot(parent, node, id).into();
        let mut slots = self.slots.borrow_mut();
        slots.insert((parent, id), children.clone());
        children
    }

    fn list_slot(&self, parent: Id, node: Option<&'t Node>, id: NodeId) -> Vec<Id> {
        let at = place(id.0, 0, None);
        let one = |data| vec![self.add(parent, data, at)];
        let def = self.schema.node(id);
        match node.and_then(|node| node.child(id)) {
            Some(Value::Leaf(text)) if self.shown.trims(def, text) => Vec::new(),
            Some(Value::LeafList(values)) if self.shown.trims_all(def, values) => Vec::new(),
            Some(Value::Leaf(text)) => one(Data::Leaf(id, text)),
            Some(Value::Any(element)) => one(Data::Any(id, element)),
            Some(Value::Container(child)) => one(Data::Interior(child)),
            Some(Value::LeafList(values)) => values
                .iter()
                .map(|(keys, ())| {
                    let at = place(id.0, values.rank(keys).unwrap_or(0), Some(keys));
                    self.add(parent, Data::LeafListEntry(id, keys), at)
                })
                .collect(),
            Some(Value::List(entries)) => entries
                .iter()
                .map(|(keys, child)| {
                    let rank = entries.rank(keys).unwrap_or(0);
                    self.entry(parent, id, keys, child, rank)
                })
                .collect(),
            None => self.absent(parent, node, id),
        }
    }

    /// What is there of a child that nobody set.
    fn absent(&self, parent: Id, node: Option<&'t Node>, id: NodeId) -> Vec<Id> {
        if defaults::unknown(self.schema, id) {
            return Vec::new();
        }
        let def = self.schema.node(id);
        match def.kind {
            NodeKind::Container { presence: false }
                if def.config && defaults::case_in_use(self.schema, node, id) =>
            {
                vec![self.add(parent, Data::Empty(id), place(id.0, 0, None))]
            }
            NodeKind::Leaf | NodeKind::LeafList if self.shown.fills_in() => {
                let texts = defaults::in_use(self.schema, node, id).iter().enumerate();
                let default = |(rank, text): (usize, &'t Arc<str>)| {
                    let at = place(id.0, rank as i64, None);
                    self.add(parent, Data::Leaf(id, text), at)
                };
                texts.map(default).collect()
            }
            _ => Vec::new(),
        }
    }

    fn path_to(&self, id: Id) -> Vec<Id> {
        let mut path = vec![id];
        let mut at = self.parent(id);
        while let Some(id) = at {
            path.push(id);
            at = self.parent(id);
        }
        path.reverse();
        path
    }
}

fn place(slot: u32, rank: i64, keys: Option<&Keys>) -> Place<'_> {
    Place { slot, rank, keys }
}

impl<'t> Doc<'t> for TreeDoc<'t> {
    fn parent(&self, id: Id) -> Option<Id> {
        let items = self.items.borrow();
        items
            .get(id as usize)
            .map(|item| item.parent)
            .filter(|_| id != ROOT)
    }

    fn children(&self, id: Id) -> Rc<[Id]> {
        let known = {
            let items = self.items.borrow();
            items
                .get(id as usize)
                .and_then(|item| item.children.clone())
        };
        known.unwrap_or_else(|| {
            let children: Rc<[Id]> = self.list_children(id).into();
            if let Some(item) = self.items.borrow_mut().get_mut(id as usize) {
                item.children = Some(children.clone());
            }
            children
        })
    }

    fn name(&self, id: Id) -> Option<(&'t str, &'t str)> {
        let schema_id = match self.data(id) {
            Data::Interior(node) => node.schema(),
            Data::Empty(id) | Data::Leaf(id, _) | Data::LeafListEntry(id, _) | Data::Any(id, _) => {
                id
            }
            Data::Namespace(prefix, _) => return Some(("", prefix)),
            Data::Text(_) => return None,
        };
        if schema_id == node::ROOT {
            return None;
        }
        let def = self.schema.node(schema_id);
        Some((&self.schema.module(def.module).namespace, &def.name))
    }

    fn text(&self, id: Id) -> Option<Cow<'t, str>> {
        match self.data(id) {
            Data::Leaf(_, text) | Data::Namespace(_, text) | Data::Text(text) => {
                Some(Cow::Borrowed(text))
            }
            Data::LeafListEntry(_, keys) => Some(Cow::Borrowed(keys.first())),
            Data::Any(_, element) => Some(Cow::Owned(element.text())),
            Data::Interior(_) | Data::Empty(_) => None,
        }
    }

    fn is_identity(&self, id: Id, literal: &str, ns: Option<&str>, local: &str) -> bool {
        let (of, text) = match self.data(id) {
            Data::Leaf(of, text) => (of, text),
            Data::LeafListEntry(of, keys) => (of, keys.first()),
            Data::Text(_) => {
                let parent = self.parent(id);
                return parent.is_some_and(|leaf| self.is_identity(leaf, literal, ns, local));
            }
            _ => return false,
        };
        if !is_identity(&self.schema.node(of).value) {
            return false;
        }
        let Some((module, name)) = text.split_once(':') else {
            return false;
        };
        let module = self
            .schema
            .module_by_name(module)
            .map(|id| self.schema.module(id));
        module.is_some_and(|module| match ns {
            Some(ns) => &*module.namespace == ns && name == local,
            None => {
                literal.strip_suffix(name).and_then(|p| p.strip_suffix(':'))
                    == Some(&*module.prefix)
            }
        })
    }

    /// Replies declare the namespace of a module as the default one.
    fn namespaces(&self, id: Id) -> Rc<[Id]> {
        let Some((ns, _)) = self.name(id).filter(|_| self.kind(id) == Kind::Other) else {
            return Rc::from([]);
        };
        if let Some(known) = self.namespaces.borrow().get(&id) {
            return known.clone();
        }
        // Before all children.
        let add =
            |prefix, ns, rank| self.add(id, Data::Namespace(prefix, ns), place(0, rank, None));
        let ids: Rc<[Id]> = Rc::from([add("xml", XML_NS, -2), add("", ns, -1)]);
        self.namespaces.borrow_mut().insert(id, ids.clone());
        ids
    }

    fn kind(&self, id: Id) -> Kind {
        match self.data(id) {
            Data::Namespace(..) => Kind::Namespace,
            _ => Kind::Other,
        }
    }

    fn is_text(&self, id: Id) -> bool {
        matches!(self.data(id), Data::Text(_))
    }

    fn is_interior(&self, id: Id) -> bool {
        matches!(self.data(id), Data::Interior(_) | Data::Empty(_))
    }

    fn order(&self, a: Id, b: Id) -> Ordering {
        if a == b {
            return Ordering::Equal;
        }
        let (a, b) = (self.path_to(a), self.path_to(b));
        let items = self.items.borrow();
        let place = |id: &Id| items.get(*id as usize).map(|item| item.place);
        let differ = a.iter().zip(&b).find(|(a, b)| a != b);
        match differ {
            Some((a, b)) => place(a).cmp(&place(b)),
            None => a.len().cmp(&b.len()),
        }
    }

    /// Each node's path is walked once, not once for each comparison.
    fn sort(&self, nodes: &mut [Id]) {
        nodes.sort_by_cached_key(|id| {
            let path = self.path_to(*id);
            let items = self.items.borrow();
            let places = path
                .iter()
                .map(|id| items.get(*id as usize).map(|item| item.place));
            places.collect::<Vec<_>>()
        });
    }

    fn knows(&self, ns: &str, local: &str) -> bool {
        self.schema.nodes().iter().any(|def| {
            let data = matches!(
                def.kind,
                NodeKind::Container { .. }
                    | NodeKind::List
                    | NodeKind::Leaf
                    | NodeKind::LeafList
                    | NodeKind::Any
            );
            data && &*def.name == local && &*self.schema.module(def.module).namespace == ns
        })
    }

    fn route(&self, test: &NodeTest, matches: Matches<'_>) -> Option<Route> {
        if *test == NodeTest::AnyName {
            return None;
        }
        let mut above = HashSet::new();
        for def in self.schema.nodes() {
            if matches(test, &self.schema.module(def.module).namespace, &def.name) {
                let mut up = def.data_parent;
                while let Some(id) = up.filter(|id| above.insert(*id)) {
                    up = self.schema.node(id).data_parent;
                }
            }
        }
        Some(Route(above))
    }

    fn may_lead_to(&self, id: Id, route: &Route) -> bool {
        match self.data(id) {
            Data::Interior(node) if node.schema() == node::ROOT => true,
            Data::Interior(node) => route.0.contains(&node.schema()),
            Data::Empty(id) => route.0.contains(&id),
            _ => false,
        }
    }

    fn named(&self, parent: Id, test: &NodeTest, matches: Matches<'_>) -> Option<Vec<Id>> {
        let schema_id = match self.data(parent) {
            Data::Interior(node) => node.schema(),
            Data::Empty(schema_id) => schema_id,
            _ => return Some(Vec::new()),
        };
        let mut found = Vec::new();
        for child in data_children(self.schema, schema_id) {
            let def = self.schema.node(*child);
            if matches(test, &self.schema.module(def.module).namespace, &def.name) {
                found.extend(self.slot(parent, *child).iter());
            }
        }
        Some(found)
    }

    fn lookup(
        &self,
        parent: Id,
        test: &NodeTest,
        keys: &[KeyTest<'_>],
        matches: Matches<'_>,
    ) -> Option<Vec<Id>> {
        let Data::Interior(node) = self.data(parent) else {
            return None;
        };
        let is = |test: &NodeTest, id: NodeId| {
            let def = self.schema.node(id);
            matches(test, &self.schema.module(def.module).namespace, &def.name)
        };
        let children = data_children(self.schema, node.schema()).iter();
        let mut named = children.copied().filter(|id| is(test, *id));
        let (list, None) = (named.next()?, named.next()) else {
            return None;
        };
        let def = self.schema.node(list);
        if def.kind != NodeKind::List || def.keys.is_empty() {
            return None;
        }
        let mut values: Vec<String> = Vec::with_capacity(def.keys.len());
        for key in &def.keys {
            let given = keys.iter().find(|given| is(given.name, *key))?;
            values.push(match given.value {
                // An identity has more than one text.
                KeyValue::Text(_) if is_identity(&self.schema.node(*key).value) => return None,
                KeyValue::Text(text) => text.to_owned(),
                // As numbers "1" and "1.0" are equal; only integers have one text for one number.
                KeyValue::Number(n) if self.schema.node(*key).value == ValueKind::Integer => {
                    super::value::text_of(n)
                }
                KeyValue::Number(_) => return None,
            });
        }
        let Some(entries) = node.list(list) else {
            return Some(Vec::new());
        };
        let keys = Keys::new(values);
        Some(match entries.get(&keys) {
            // The entry's own keys live as long as the tree.
            Some(entry) => entry
                .keys()
                .map(|keys| {
                    let rank = entries.rank(keys).unwrap_or(0);
                    self.entry(parent, list, keys, entry, rank)
                })
                .into_iter()
                .collect(),
            None => Vec::new(),
        })
    }
}

fn is_identity(kind: &ValueKind) -> bool {
    match kind {
        ValueKind::Identity => true,
        ValueKind::LeafRef(target) => is_identity(target),
        _ => false,
    }
}
