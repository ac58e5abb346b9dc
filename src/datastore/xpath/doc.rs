//! What the evaluator needs of a document: our trees and plain elements both are one.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::HashSet;
use std::rc::Rc;

use super::ast::NodeTest;
use crate::schema::NodeId;

/// A node of a document during one evaluation; the root is [`ROOT`].
pub(super) type Id = u32;

/// The root node, above the top element or elements.
pub(super) const ROOT: Id = 0;

/// The schema nodes that have a node of some name below them.
pub(super) struct Route(pub HashSet<NodeId>);

/// What a name test on an axis asks for (section 2.3).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    Attribute,
    Namespace,
    /// An element, a text or the root.
    Other,
}

/// A predicate `name = value` in front of others, that may name a key.
pub(super) struct KeyTest<'e> {
    pub name: &'e NodeTest,
    pub value: KeyValue<'e>,
}

/// The value in a [`KeyTest`].
pub(super) enum KeyValue<'e> {
    Text(&'e str),
    Number(f64),
}

/// Whether a name test holds for a namespace and local name.
pub(super) type Matches<'m> = &'m dyn Fn(&NodeTest, &str, &str) -> bool;

pub(super) trait Doc<'t> {
    fn parent(&self, id: Id) -> Option<Id>;
    /// In document order.
    fn children(&self, id: Id) -> Rc<[Id]>;
    /// The attributes of an element; data trees have none.
    fn attributes(&self, _: Id) -> Rc<[Id]> {
        Rc::from([])
    }
    /// The namespace nodes of an element (section 5.4): the namespaces in scope in replies, that of `xml` first.
    fn namespaces(&self, id: Id) -> Rc<[Id]>;
    fn kind(&self, id: Id) -> Kind;
    /// The name as it is written, with its prefix if it has one.
    fn qualified(&self, id: Id) -> Option<Cow<'t, str>> {
        self.name(id).map(|(_, local)| Cow::Borrowed(local))
    }
    /// The `xml:lang` in force.
    fn language(&self, _: Id) -> Option<&'t str> {
        None
    }
    /// Namespace and local name of an element or attribute, no namespace and the prefix of a namespace node;
    /// `None` for the root and for text.
    fn name(&self, id: Id) -> Option<(&'t str, &'t str)>;
    /// The text of a text node, of an attribute, the URI of a namespace node, or of an element that holds text only; `None` for others.
    fn text(&self, id: Id) -> Option<Cow<'t, str>>;
    /// Whether a value is the identity that a literal of an expression names. Its prefix is one that the expression
    /// declares, of the namespace `ns`; without that the one that replies write. Events hold no identities.
    fn is_identity(&self, _: Id, _literal: &str, _ns: Option<&str>, _local: &str) -> bool {
        false
    }
    /// Whether it is a text node.
    fn is_text(&self, id: Id) -> bool;
    /// Whether an element can be below it.
    fn is_interior(&self, id: Id) -> bool;
    /// Document order.
    fn order(&self, a: Id, b: Id) -> Ordering;
    /// Sorts into document order.
    fn sort(&self, nodes: &mut [Id]) {
        nodes.sort_by(|a, b| self.order(*a, *b));
    }
    /// Whether any element has this name.
    fn knows(&self, ns: &str, local: &str) -> bool;
    /// The children that a name test holds for, others not listed; `None` if that takes a walk.
    fn named(&self, parent: Id, test: &NodeTest, matches: Matches<'_>) -> Option<Vec<Id>>;
    /// What [`Doc::may_lead_to`] needs to know of a name test; `None` when nothing can be said.
    fn route(&self, test: &NodeTest, matches: Matches<'_>) -> Option<Route>;
    /// Whether a node that `route` was made for can be below this one.
    fn may_lead_to(&self, id: Id, route: &Route) -> bool;
    /// The children that `test` and all `keys` can hold for, without a walk; `None` if it takes one.
    fn lookup(
        &self,
        parent: Id,
        test: &NodeTest,
        keys: &[KeyTest<'_>],
        matches: Matches<'_>,
    ) -> Option<Vec<Id>>;
}
