//! Plain elements as an XPath document: the content of a notification.

use std::borrow::Cow;
use std::cell::RefCell;
use std::cmp::Ordering;
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use super::ast::NodeTest;
use super::doc::{Doc, Id, KeyTest, Kind, Matches, ROOT, Route};
use crate::xml::{Attr, Child, Element, XML_NS};

/// Ids count in document order, but for namespace nodes, which get theirs as they are first asked for.
pub(super) struct ElementDoc<'t> {
    items: Vec<Item<'t>>,
    namespaces: RefCell<Namespaces<'t>>,
}

/// The namespace nodes asked for so far; their ids begin where those of the items end.
#[derive(Default)]
struct Namespaces<'t> {
    /// Element, prefix and namespace.
    all: Vec<(Id, &'t str, &'t str)>,
    of: HashMap<Id, Rc<[Id]>>,
}

struct Item<'t> {
    parent: Id,
    data: Data<'t>,
    attributes: Rc<[Id]>,
    children: Rc<[Id]>,
}

#[derive(Clone, Copy)]
enum Data<'t> {
    Root,
    Element(&'t Element),
    Attribute(&'t Attr),
    /// Prefix and namespace.
    Namespace(&'t str, &'t str),
    Text(&'t str),
}

impl<'t> ElementDoc<'t> {
    pub fn new(content: &[&'t Element]) -> Self {
        let root = Item {
            parent: ROOT,
            data: Data::Root,
            attributes: Rc::from([]),
            children: Rc::from([]),
        };
        let mut doc = Self {
            items: vec![root],
            namespaces: RefCell::default(),
        };
        let children: Vec<Id> = content.iter().map(|e| doc.add(ROOT, e)).collect();
        doc.set_children(ROOT, children);
        doc
    }

    fn add(&mut self, parent: Id, element: &'t Element) -> Id {
        let id = self.push(parent, Data::Element(element));
        let attributes = element.attrs.iter();
        let attributes: Vec<Id> = attributes
            .map(|attr| self.push(id, Data::Attribute(attr)))
            .collect();
        if let Some(item) = self.items.get_mut(id as usize) {
            item.attributes = attributes.into();
        }
        // White space between elements is layout, not content.
        let has_elements = element.elements().next().is_some();
        let mut children = Vec::new();
        for child in &element.children {
            match child {
                Child::Element(child) => children.push(self.add(id, child)),
                Child::Text(text) if has_elements && text.trim().is_empty() => {}
                Child::Text(text) => children.push(self.push(id, Data::Text(text))),
            }
        }
        self.set_children(id, children);
        id
    }

    fn push(&mut self, parent: Id, data: Data<'t>) -> Id {
        self.items.push(Item {
            parent,
            data,
            attributes: Rc::from([]),
            children: Rc::from([]),
        });
        (self.items.len() - 1) as Id
    }

    fn set_children(&mut self, id: Id, children: Vec<Id>) {
        if let Some(item) = self.items.get_mut(id as usize) {
            item.children = children.into();
        }
    }

    fn data(&self, id: Id) -> Data<'t> {
        match (self.items.get(id as usize), self.namespace(id)) {
            (Some(item), _) => item.data,
            (None, Some((_, prefix, ns))) => Data::Namespace(prefix, ns),
            (None, None) => Data::Root,
        }
    }

    /// Element, prefix and namespace of a namespace node.
    fn namespace(&self, id: Id) -> Option<(Id, &'t str, &'t str)> {
        let at = (id as usize).checked_sub(self.items.len())?;
        self.namespaces.borrow().all.get(at).copied()
    }

    /// The namespaces in scope by prefix, as far as names use them.
    fn in_scope(&self, id: Id) -> BTreeMap<&'t str, &'t str> {
        let mut scope = BTreeMap::new();
        let mut at = Some(id);
        while let Some(id) = at {
            if let Data::Element(element) = self.data(id) {
                scope.entry(&*element.prefix).or_insert(&*element.ns);
                for attr in element.attrs.iter().filter(|attr| !attr.prefix.is_empty()) {
                    scope.entry(&*attr.prefix).or_insert(&*attr.ns);
                }
            }
            at = self.parent(id);
        }
        scope.remove("xml");
        scope.retain(|_, ns| !ns.is_empty());
        scope
    }

    /// Where a node is in document order: namespace nodes are right behind their element (section 5).
    fn place(&self, id: Id) -> (Id, Id) {
        match self.namespace(id) {
            Some((element, ..)) => (element, id),
            None => (id, ROOT),
        }
    }
}

impl<'t> Doc<'t> for ElementDoc<'t> {
    fn parent(&self, id: Id) -> Option<Id> {
        match self.items.get(id as usize) {
            Some(item) => (id != ROOT).then_some(item.parent),
            None => self.namespace(id).map(|(element, ..)| element),
        }
    }

    fn children(&self, id: Id) -> Rc<[Id]> {
        match self.items.get(id as usize) {
            Some(item) => item.children.clone(),
            None => Rc::from([]),
        }
    }

    fn name(&self, id: Id) -> Option<(&'t str, &'t str)> {
        match self.data(id) {
            Data::Element(element) => Some((&element.ns, &element.local)),
            Data::Attribute(attr) => Some((&attr.ns, &attr.local)),
            Data::Namespace(prefix, _) => Some(("", prefix)),
            Data::Root | Data::Text(_) => None,
        }
    }

    fn qualified(&self, id: Id) -> Option<Cow<'t, str>> {
        let (prefix, local) = match self.data(id) {
            Data::Element(element) => (&element.prefix, &element.local),
            Data::Attribute(attr) => (&attr.prefix, &attr.local),
            Data::Namespace(prefix, _) => return Some(Cow::Borrowed(prefix)),
            Data::Root | Data::Text(_) => return None,
        };
        Some(match prefix.is_empty() {
            true => Cow::Borrowed(local),
            false => Cow::Owned(format!("{prefix}:{local}")),
        })
    }

    fn attributes(&self, id: Id) -> Rc<[Id]> {
        match self.items.get(id as usize) {
            Some(item) => item.attributes.clone(),
            None => Rc::from([]),
        }
    }

    fn namespaces(&self, id: Id) -> Rc<[Id]> {
        if !matches!(self.data(id), Data::Element(_)) {
            return Rc::from([]);
        }
        if let Some(known) = self.namespaces.borrow().of.get(&id) {
            return known.clone();
        }
        let scope = self.in_scope(id);
        let mut namespaces = self.namespaces.borrow_mut();
        let mut ids = Vec::with_capacity(1 + scope.len());
        for (prefix, ns) in std::iter::once(("xml", XML_NS)).chain(scope) {
            ids.push((self.items.len() + namespaces.all.len()) as Id);
            namespaces.all.push((id, prefix, ns));
        }
        let ids: Rc<[Id]> = ids.into();
        namespaces.of.insert(id, ids.clone());
        ids
    }

    fn kind(&self, id: Id) -> Kind {
        match self.data(id) {
            Data::Attribute(_) => Kind::Attribute,
            Data::Namespace(..) => Kind::Namespace,
            Data::Root | Data::Element(_) | Data::Text(_) => Kind::Other,
        }
    }

    fn language(&self, id: Id) -> Option<&'t str> {
        let mut at = Some(id);
        while let Some(id) = at {
            if let Data::Element(element) = self.data(id)
                && let Some(language) = element.attr(XML_NS, "lang")
            {
                return Some(language);
            }
            at = self.parent(id);
        }
        None
    }

    fn text(&self, id: Id) -> Option<Cow<'t, str>> {
        match self.data(id) {
            Data::Text(text) => Some(Cow::Borrowed(text)),
            Data::Attribute(attr) => Some(Cow::Borrowed(&attr.value)),
            Data::Namespace(_, ns) => Some(Cow::Borrowed(ns)),
            Data::Element(element) if element.elements().next().is_none() => {
                Some(Cow::Owned(element.text()))
            }
            Data::Element(_) | Data::Root => None,
        }
    }

    fn is_text(&self, id: Id) -> bool {
        matches!(self.data(id), Data::Text(_))
    }

    fn is_interior(&self, id: Id) -> bool {
        match self.data(id) {
            Data::Root => true,
            Data::Element(element) => element.elements().next().is_some(),
            Data::Attribute(_) | Data::Namespace(..) | Data::Text(_) => false,
        }
    }

    fn order(&self, a: Id, b: Id) -> Ordering {
        self.place(a).cmp(&self.place(b))
    }

    fn knows(&self, ns: &str, local: &str) -> bool {
        self.items.iter().any(|item| match item.data {
            Data::Element(element) => element.is(ns, local),
            Data::Root | Data::Attribute(_) | Data::Namespace(..) | Data::Text(_) => false,
        })
    }

    fn named(&self, _: Id, _: &NodeTest, _: Matches<'_>) -> Option<Vec<Id>> {
        None
    }

    fn route(&self, _: &NodeTest, _: Matches<'_>) -> Option<Route> {
        None
    }

    fn may_lead_to(&self, _: Id, _: &Route) -> bool {
        true
    }

    fn lookup(&self, _: Id, _: &NodeTest, _: &[KeyTest<'_>], _: Matches<'_>) -> Option<Vec<Id>> {
        None
    }
}
