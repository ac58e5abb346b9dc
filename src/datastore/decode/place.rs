//! Where an entry of a list that the user orders goes: the attributes `insert`, `key` and `value` (RFC 7950 sections
//! 7.7.9 and 7.8.6).

use super::{Attributes, Decoder, Insert};
use crate::datastore::error::{Error, ErrorKind};
use crate::datastore::keys::Keys;
use crate::datastore::ordered::Place;
use crate::datastore::path::Trail;
use crate::schema::{NodeId, NodeKind, SchemaNode};
use crate::xml::{Element, Scope};

impl Decoder {
    /// The place that an element asks for, if it does.
    pub(super) fn place(
        &self,
        trail: &Trail<'_>,
        element: &Element,
        def: &SchemaNode,
        attributes: &Attributes,
    ) -> Result<Option<Place>, Error> {
        let near = || -> Result<Keys, Error> {
            let (name, given) = match def.kind {
                NodeKind::List => ("key", &attributes.key),
                _ => ("value", &attributes.value),
            };
            let Some(text) = given else {
                let kind = ErrorKind::MissingAttribute {
                    attr: name.to_owned(),
                    element: element.local.to_string(),
                };
                let message = format!("insert before or after needs the attribute {name}");
                return Err(self.error(trail, kind, message));
            };
            if def.kind == NodeKind::LeafList {
                let value = self.near_value(trail, element, "value", def.id, text)?;
                return Ok(Keys::single(value));
            }
            self.key_attribute(trail, def, text, element)?
                .ok_or_else(|| self.bad_attribute(trail, element, "key", text))
        };
        Ok(match attributes.insert {
            None => None,
            Some(Insert::First) => Some(Place::First),
            Some(Insert::Last) => Some(Place::Last),
            Some(Insert::Before) => Some(Place::Before(near()?)),
            Some(Insert::After) => Some(Place::After(near()?)),
        })
    }

    /// Reads `[p:k='v'][...]`, the key predicates of the `key` attribute.
    fn key_attribute(
        &self,
        trail: &Trail<'_>,
        def: &SchemaNode,
        text: &str,
        element: &Element,
    ) -> Result<Option<Keys>, Error> {
        let mut found: Vec<(NodeId, String)> = Vec::new();
        let mut rest = text.trim();
        while !rest.is_empty() {
            let Some((id, value, tail)) = self.one_predicate(def, rest, &element.scope) else {
                return Ok(None);
            };
            found.push((id, self.near_value(trail, element, "key", id, value)?));
            rest = tail.trim_start();
        }
        let mut keys = Vec::new();
        for key in &def.keys {
            match found.iter().find(|(id, _)| id == key) {
                Some((_, value)) => keys.push(value.clone()),
                None => return Ok(None),
            }
        }
        Ok((keys.len() == found.len()).then(|| Keys::new(keys)))
    }

    /// A value of the attribute `key` or `value`: one that its leaf cannot have is the attribute's fault (RFC 7950 section 8.3.1).
    fn near_value(
        &self,
        trail: &Trail<'_>,
        element: &Element,
        attr: &str,
        leaf: NodeId,
        text: &str,
    ) -> Result<String, Error> {
        let resolve = |prefix: &str| element.scope.resolve(prefix).map(str::to_owned);
        self.schema.canonical(leaf, text, &resolve).map_err(|e| {
            let kind = ErrorKind::BadAttribute {
                attr: attr.to_owned(),
                element: element.local.to_string(),
                app_tag: None,
            };
            self.error(trail, kind, e.message)
        })
    }

    fn one_predicate<'t>(
        &self,
        def: &SchemaNode,
        text: &'t str,
        scope: &Scope,
    ) -> Option<(NodeId, &'t str, &'t str)> {
        let (name, rest) = text.strip_prefix('[')?.split_once('=')?;
        let rest = rest.trim_start();
        let quote = rest.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
        let (value, tail) = rest.get(1..)?.split_once(quote)?;
        let tail = tail.trim_start().strip_prefix(']')?;
        let name = name.trim();
        let own = &self.schema.module(def.module).namespace;
        let (ns, local) = match name.split_once(':') {
            Some((prefix, local)) => (scope.resolve(prefix)?, local),
            None => (&**own, name),
        };
        let id = self.schema.child(def.id, ns, local)?;
        Some((id, value, tail))
    }
}
