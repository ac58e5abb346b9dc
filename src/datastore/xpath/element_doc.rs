//! Plain elements as an XPath document: the content of a notification.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::rc::Rc;

use super::ast::NodeTest;
use super::doc::{Doc, Id, KeyTest, Matches, ROOT, Route};
use crate::xml::{Attr, Child, Element, XML_NS};

/// Ids count in document order.
pub(super) struct ElementDoc<'t> {
    items: Vec<Item<'t>>,
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
        let mut doc = Self { items: vec![root] };
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
        self.items
            .get(id as usize)
            .map_or(Data::Root, |item| item.data)
    }
}

impl<'t> Doc<'t> for ElementDoc<'t> {
    fn parent(&self, id: Id) -> Option<Id> {
        let item = self.items.get(id as usize).filter(|_| id != ROOT);
        item.map(|item| item.parent)
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
            Data::Root | Data::Text(_) => None,
        }
    }

    fn qualified(&self, id: Id) -> Option<Cow<'t, str>> {
        let (prefix, local) = match self.data(id) {
            Data::Element(element) => (&element.prefix, &element.local),
            Data::Attribute(attr) => (&attr.prefix, &attr.local),
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

    fn is_attribute(&self, id: Id) -> bool {
        matches!(self.data(id), Data::Attribute(_))
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
            Data::Attribute(_) | Data::Text(_) => false,
        }
    }

    fn order(&self, a: Id, b: Id) -> Ordering {
        a.cmp(&b)
    }

    fn knows(&self, ns: &str, local: &str) -> bool {
        self.items.iter().any(|item| match item.data {
            Data::Element(element) => element.is(ns, local),
            Data::Root | Data::Attribute(_) | Data::Text(_) => false,
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
