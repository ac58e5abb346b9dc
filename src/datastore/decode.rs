//! XML to edit nodes, checked against the schema on the way (design: libyang cannot read an edit).

mod place;

use std::collections::HashSet;
use std::sync::Arc;

use super::edit_tree::{Content, EditNode, Operation};
use super::error::{Error, ErrorKind};
use super::keys::Keys;
use super::path::{Trail, data_child, data_children};
use crate::schema::{NodeId, NodeKind, Schema, SchemaNode};
use crate::xml::{Element, Scope, XML_NS};

/// Namespace of `operation`.
pub const NETCONF_NS: &str = "urn:ietf:params:xml:ns:netconf:base:1.0";
/// Namespace of `insert`, `value` and `key` (RFC 7950 section 7.8.6).
pub const YANG_NS: &str = "urn:ietf:params:xml:ns:yang:1";
/// Namespace of `default` (RFC 6243 section 6).
pub const DEFAULT_NS: &str = "urn:ietf:params:xml:ns:netconf:default:1.0";

/// What a `<config>` is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// Changes.
    Edit,
    /// A whole configuration.
    Whole,
}

pub(super) fn top<'e>(
    schema: &'static Schema,
    elements: impl IntoIterator<Item = &'e Element>,
    form: Form,
) -> Result<Vec<EditNode>, Error> {
    let decoder = Decoder { schema, form };
    let mut children = Vec::new();
    for element in elements {
        decoder.add(&Trail::ROOT, element, Operation::Merge, &mut children)?;
    }
    Ok(children)
}

struct Decoder {
    schema: &'static Schema,
    form: Form,
}

#[derive(Default)]
struct Attributes {
    op: Option<Operation>,
    insert: Option<Insert>,
    value: Option<String>,
    key: Option<String>,
    /// `default` stands here, whatever it says.
    tagged: bool,
    is_default: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Insert {
    First,
    Last,
    Before,
    After,
}

impl Decoder {
    fn children(
        &self,
        trail: &Trail<'_>,
        element: &Element,
        inherited: Operation,
    ) -> Result<Box<[EditNode]>, Error> {
        self.no_text(trail, element)?;
        let keys: &[NodeId] = &self.schema.node(trail.node).keys;
        let mut children = Vec::new();
        for child in element.elements() {
            let is_key = keys.iter().any(|key| self.is(child, *key));
            if !is_key {
                self.add(trail, child, inherited, &mut children)?;
            }
        }
        if self.form == Form::Whole {
            self.entries_once(trail, &children)?;
        }
        Ok(children.into_boxed_slice())
    }

    fn add(
        &self,
        parent: &Trail<'_>,
        element: &Element,
        inherited: Operation,
        siblings: &mut Vec<EditNode>,
    ) -> Result<(), Error> {
        let id = self.resolve(parent, element)?;
        let def = self.schema.node(id);
        let attributes = self.attributes(parent, element, def)?;
        let effective = attributes.op.unwrap_or(inherited);
        if attributes.tagged && effective.deletes() {
            return Err(self.tag_under_delete(&parent.child(id, None)));
        }
        let edit = self.node(parent, element, def, attributes, effective)?;
        if !effective.deletes() {
            self.no_contradiction(parent, element, &edit, effective, siblings)?;
        }
        siblings.push(edit);
        Ok(())
    }

    fn node(
        &self,
        parent: &Trail<'_>,
        element: &Element,
        def: &SchemaNode,
        attributes: Attributes,
        effective: Operation,
    ) -> Result<EditNode, Error> {
        let trail = parent.child(def.id, None);
        let mut edit = EditNode {
            node: def.id,
            op: attributes.op,
            insert: None,
            content: Content::Nothing,
            children: Box::default(),
        };
        let deletes = effective.deletes();
        match def.kind {
            NodeKind::Container { .. } if deletes => self.check_names(&trail, element)?,
            NodeKind::Container { .. } => {
                edit.content = Content::Container;
                edit.children = self.children(&trail, element, effective)?;
            }
            NodeKind::List => {
                let keys = self.keys(&trail, element, def)?;
                let trail = parent.child(def.id, Some(&keys));
                match deletes {
                    true => self.check_names(&trail, element)?,
                    false => edit.children = self.children(&trail, element, effective)?,
                }
                edit.content = Content::Entry(keys);
            }
            NodeKind::LeafList => {
                let value = self.value(&trail, element, def)?;
                edit.content = Content::LeafList(Keys::single(value));
            }
            NodeKind::Leaf if deletes => self.no_elements(&trail, element, def)?,
            NodeKind::Leaf if attributes.is_default => {
                self.is_the_default(&trail, element, def)?;
                edit.content = Content::Default;
            }
            NodeKind::Leaf => {
                edit.content = Content::Leaf(self.value(&trail, element, def)?.into())
            }
            NodeKind::Any if deletes => {}
            _ => edit.content = Content::Any(Arc::new(plain(element))),
        }
        let place = self.place(&trail, element, def, &attributes)?;
        edit.insert = place.map(Box::new);
        Ok(edit)
    }

    /// Finds the schema node of an element, strictly: namespace first, then name, then `config`.
    fn resolve(&self, parent: &Trail<'_>, element: &Element) -> Result<NodeId, Error> {
        let name = element.local.to_string();
        if self.schema.module_by_namespace(&element.ns).is_none() {
            let ns = element.ns.to_string();
            let message = match ns.is_empty() {
                true => format!("element {name} has no namespace"),
                false => format!("no module has the namespace {ns}"),
            };
            let kind = ErrorKind::UnknownNamespace { name, ns };
            return Err(self.error(parent, kind, message));
        }
        let Some(id) = data_child(self.schema, parent.node, &element.ns, &element.local) else {
            let message = format!("no element {name} is known here");
            return Err(self.error(parent, ErrorKind::UnknownElement { name }, message));
        };
        if !self.schema.node(id).config {
            let message = format!("{name} is state data, it cannot be configured");
            return Err(self.error(parent, ErrorKind::StateData { name }, message));
        }
        Ok(id)
    }

    fn attributes(
        &self,
        parent: &Trail<'_>,
        element: &Element,
        def: &SchemaNode,
    ) -> Result<Attributes, Error> {
        let mut found = Attributes::default();
        if element.attrs.is_empty() {
            return Ok(found);
        }
        let keys = self.keys_as_given(element, def);
        let here = || parent.child(def.id, keys.as_ref());
        let by_user = def.user_ordered && matches!(def.kind, NodeKind::List | NodeKind::LeafList);
        for attr in &element.attrs {
            let value = &*attr.value;
            match (&*attr.ns, &*attr.local) {
                (NETCONF_NS, "operation") if self.form == Form::Edit => {
                    match Operation::from_name(value) {
                        Some(op) => found.op = Some(op),
                        None => {
                            return Err(self.bad_attribute(&here(), element, "operation", value));
                        }
                    }
                }
                (YANG_NS, "insert") if by_user => {
                    found.insert = Some(match value {
                        "first" => Insert::First,
                        "last" => Insert::Last,
                        "before" => Insert::Before,
                        "after" => Insert::After,
                        _ => return Err(self.bad_attribute(&here(), element, "insert", value)),
                    });
                }
                (YANG_NS, "value") if by_user && def.kind == NodeKind::LeafList => {
                    found.value = Some(value.to_owned());
                }
                (YANG_NS, "key") if by_user && def.kind == NodeKind::List => {
                    found.key = Some(value.to_owned());
                }
                (DEFAULT_NS, "default") if def.kind == NodeKind::Leaf => {
                    found.tagged = true;
                    match value {
                        "true" | "1" => found.is_default = true,
                        "false" | "0" => {}
                        _ => return Err(self.bad_attribute(&here(), element, "default", value)),
                    }
                }
                (XML_NS, _) => {}
                _ => {
                    let kind = ErrorKind::UnknownAttribute {
                        attr: attr.local.to_string(),
                        element: element.local.to_string(),
                    };
                    let message = format!("attribute {} is not known here", attr.local);
                    return Err(self.error(&here(), kind, message));
                }
            }
        }
        Ok(found)
    }

    /// The keys of a list entry, if all are there and right: for the path of an error.
    fn keys_as_given(&self, element: &Element, def: &SchemaNode) -> Option<Keys> {
        let values = def.keys.iter().map(|key| {
            let child = element.elements().find(|child| self.is(child, *key))?;
            let resolve = |prefix: &str| child.scope.resolve(prefix).map(str::to_owned);
            self.schema.canonical(*key, &child.text(), &resolve).ok()
        });
        let values: Option<Vec<String>> = values.collect();
        values.filter(|values| !values.is_empty()).map(Keys::new)
    }

    /// Reads all keys of a list entry; they count even under delete (RFC 7950 section 7.8.6).
    fn keys(&self, trail: &Trail<'_>, element: &Element, def: &SchemaNode) -> Result<Keys, Error> {
        let mut values: Vec<String> = Vec::new();
        for key in &def.keys {
            let key_def = self.schema.node(*key);
            let mut found = element.elements().filter(|child| self.is(child, *key));
            let Some(child) = found.next() else {
                let key = key_def.name.to_string();
                let message = format!("an entry of {} needs its key {key}", def.name);
                return Err(self.error(trail, ErrorKind::MissingKey { key }, message));
            };
            if found.next().is_some() {
                return Err(self.twice(trail, child));
            }
            let here = trail.child(*key, None);
            let attributes = self.attributes(trail, child, key_def)?;
            if attributes.op.is_some_and(Operation::deletes) {
                let given = child.attr(NETCONF_NS, "operation").unwrap_or_default();
                return Err(self.bad_attribute(&here, child, "operation", given));
            }
            if attributes.is_default {
                self.is_the_default(&here, child, key_def)?;
            }
            values.push(self.value(&here, child, key_def)?);
        }
        Ok(Keys::new(values))
    }

    fn value(
        &self,
        trail: &Trail<'_>,
        element: &Element,
        def: &SchemaNode,
    ) -> Result<String, Error> {
        self.no_elements(trail, element, def)?;
        self.canonical(trail, def.id, &element.text(), &element.scope)
    }

    fn canonical(
        &self,
        trail: &Trail<'_>,
        leaf: NodeId,
        text: &str,
        scope: &Scope,
    ) -> Result<String, Error> {
        let resolve = |prefix: &str| scope.resolve(prefix).map(str::to_owned);
        self.schema.canonical(leaf, text, &resolve).map_err(|e| {
            let kind = ErrorKind::InvalidValue { app_tag: e.app_tag };
            self.error(trail, kind, e.message)
        })
    }

    /// RFC 6243 section 4.5.2: a node marked as default holds the default.
    fn is_the_default(
        &self,
        trail: &Trail<'_>,
        element: &Element,
        def: &SchemaNode,
    ) -> Result<(), Error> {
        let value = self.value(trail, element, def)?;
        if def.defaults.iter().any(|default| **default == *value) {
            return Ok(());
        }
        let message = format!("{value} is not the default of {}", def.name);
        Err(Error::invalid(trail.display(self.schema), message))
    }

    /// RFC 6243 section 4.5.2: where `default` stands, the operation is create, merge or replace.
    fn tag_under_delete(&self, trail: &Trail<'_>) -> Error {
        let message = "what is deleted cannot be marked as default";
        Error::invalid(trail.display(self.schema), message)
    }

    /// Under delete only names count, and `default`; values and what else is below are ignored.
    fn check_names(&self, trail: &Trail<'_>, element: &Element) -> Result<(), Error> {
        for child in element.elements() {
            let id = self.resolve(trail, child)?;
            if child.attr(DEFAULT_NS, "default").is_some() {
                return Err(self.tag_under_delete(&trail.child(id, None)));
            }
            if !data_children(self.schema, id).is_empty() {
                self.check_names(&trail.child(id, None), child)?;
            }
        }
        Ok(())
    }

    /// Refuses a second instance of one leaf, or of one container that is replaced, and a second case of one choice (RFC 7950 section 15.7).
    fn no_contradiction(
        &self,
        parent: &Trail<'_>,
        element: &Element,
        edit: &EditNode,
        effective: Operation,
        siblings: &[EditNode],
    ) -> Result<(), Error> {
        let repeatable = match edit.content {
            Content::Entry(_) | Content::LeafList(_) => true,
            // A client that writes a tree of its own for each of its paths (netconf-console2 --set A B)
            // names the containers above them each time; what they hold is applied in turn.
            Content::Container if self.form == Form::Edit => {
                matches!(effective, Operation::Merge | Operation::None)
            }
            _ => false,
        };
        let clashes = |other: &EditNode| {
            let joined = repeatable && !matches!(other.content, Content::Nothing);
            other.node == edit.node && !joined
        };
        if siblings.iter().any(clashes) {
            return Err(self.twice(parent, element));
        }
        let cases = self.schema.cases_of(edit.node);
        for (choice, case) in cases.iter() {
            let clash = siblings.iter().any(|other| {
                !other.leaves_nothing()
                    && (self.schema.cases_of(other.node).iter())
                        .any(|(its_choice, its_case)| its_choice == choice && its_case != case)
            });
            if clash {
                let name = element.local.to_string();
                let choice = &self.schema.node(*choice).name;
                let message = format!("{name} is a second case of the choice {choice}");
                return Err(self.error(parent, ErrorKind::BadElement { name }, message));
            }
        }
        Ok(())
    }

    /// Refuses a second entry of the same keys, or of the same value.
    fn entries_once(&self, parent: &Trail<'_>, children: &[EditNode]) -> Result<(), Error> {
        let mut seen = HashSet::new();
        for edit in children {
            let (Content::Entry(keys) | Content::LeafList(keys)) = &edit.content else {
                continue;
            };
            if !seen.insert((edit.node, keys)) {
                let name = self.schema.node(edit.node).name.to_string();
                let message = format!("{name} stands here twice");
                let here = parent.child(edit.node, Some(keys));
                return Err(self.error(&here, ErrorKind::BadElement { name }, message));
            }
        }
        Ok(())
    }

    fn no_elements(
        &self,
        trail: &Trail<'_>,
        element: &Element,
        def: &SchemaNode,
    ) -> Result<(), Error> {
        let Some(child) = element.elements().next() else {
            return Ok(());
        };
        let name = child.local.to_string();
        let message = format!("{} holds a value, no elements", def.name);
        Err(self.error(trail, ErrorKind::UnknownElement { name }, message))
    }

    fn no_text(&self, trail: &Trail<'_>, element: &Element) -> Result<(), Error> {
        if element.has_only_whitespace_text() {
            return Ok(());
        }
        let message = format!("{} holds elements, no text", element.local);
        Err(Error::invalid(trail.display(self.schema), message))
    }

    fn is(&self, element: &Element, id: NodeId) -> bool {
        let def = self.schema.node(id);
        element.is(&self.schema.module(def.module).namespace, &def.name)
    }

    fn twice(&self, trail: &Trail<'_>, element: &Element) -> Error {
        let name = element.local.to_string();
        let message = format!("{name} stands here twice");
        self.error(trail, ErrorKind::BadElement { name }, message)
    }

    fn bad_attribute(
        &self,
        trail: &Trail<'_>,
        element: &Element,
        attr: &str,
        value: &str,
    ) -> Error {
        let kind = ErrorKind::BadAttribute {
            attr: attr.to_owned(),
            element: element.local.to_string(),
            app_tag: None,
        };
        let message = format!("{value:?} is not possible as {attr} of {}", element.local);
        self.error(trail, kind, message)
    }

    fn error(&self, trail: &Trail<'_>, kind: ErrorKind, message: String) -> Error {
        Error::new(kind, trail.display(self.schema), message)
    }
}

/// An anydata element without the attributes that were meant for us.
fn plain(element: &Element) -> Element {
    let mut plain = element.clone();
    plain
        .attrs
        .retain(|attr| !matches!(&*attr.ns, NETCONF_NS | YANG_NS | DEFAULT_NS));
    plain
}
