//! Parameters of one operation, each at most once, none that is not expected.

use crate::proto::netconf::names::{BASE, YANG};
use crate::proto::netconf::rpc_error::{ErrorPath, ErrorTag, ErrorType, RpcError};
use crate::xml::{Attr, Child, Element, noncharacter};

const PROTOCOL: ErrorType = ErrorType::Protocol;

/// One parameter an operation knows.
#[derive(Clone, Copy, Debug)]
pub(super) struct Param {
    pub name: &'static str,
    /// Namespaces it may stand in.
    pub namespaces: &'static [&'static str],
}

/// The parameters found, by name.
#[derive(Debug)]
pub(super) struct Params {
    operation: String,
    /// Whether paths below `/nc:rpc` in the base namespace can name the operation.
    in_base: bool,
    found: Vec<(&'static str, Element)>,
}

impl Params {
    /// Sorts out the children of `operation`.
    ///
    /// # Errors
    /// unknown-element, unknown-namespace, bad-element (twice the same), unknown-attribute,
    /// malformed-message (text between parameters).
    pub(super) fn collect(mut operation: Element, known: &[Param]) -> Result<Self, RpcError> {
        no_attributes(&operation)?;
        no_text(&operation)?;
        let mut found: Vec<(&'static str, Element)> = Vec::new();
        for child in std::mem::take(&mut operation.children) {
            let Child::Element(element) = child else {
                continue;
            };
            let named = known.iter().find(|p| p.name == &*element.local);
            let Some(param) = named.filter(|p| p.namespaces.contains(&&*element.ns)) else {
                let expected = element.ns == operation.ns || element.ns.is_empty();
                return Err(match expected {
                    true if named.is_none() => RpcError::unknown_element(PROTOCOL, &element.local),
                    _ => RpcError::unknown_namespace(PROTOCOL, &element.local, &element.ns),
                });
            };
            if found.iter().any(|(name, _)| *name == param.name) {
                let message = format!("<{}> stands twice", param.name);
                return Err(RpcError::bad_element(PROTOCOL, param.name, message));
            }
            found.push((param.name, element));
        }
        Ok(Self {
            operation: operation.local.to_string(),
            in_base: &*operation.ns == BASE,
            found,
        })
    }

    /// Takes a parameter.
    pub(super) fn take(&mut self, name: &str) -> Option<Element> {
        let at = self.found.iter().position(|(found, _)| *found == name)?;
        Some(self.found.swap_remove(at).1)
    }

    /// Takes a parameter that has to be there.
    pub(super) fn require(&mut self, name: &str) -> Result<Element, RpcError> {
        self.take(name)
            .ok_or_else(|| RpcError::missing_element(PROTOCOL, name))
    }

    /// The first of these names that stands there; nothing is taken.
    pub(super) fn first_of(&self, names: &[&'static str]) -> Option<&'static str> {
        let there = |name: &&str| self.found.iter().any(|(found, _)| found == name);
        names.iter().copied().find(|name| there(name))
    }

    /// Takes a leaf: its text, white space round it removed.
    pub(super) fn leaf(&mut self, name: &str) -> Result<Option<String>, RpcError> {
        self.take(name)
            .map(|element| leaf_text(&element))
            .transpose()
    }

    /// Takes a leaf of type empty.
    pub(super) fn flag(&mut self, name: &str) -> Result<bool, RpcError> {
        let set = self.parsed(name, |text| text.is_empty().then_some(()))?;
        Ok(set.is_some())
    }

    /// Takes a leaf and converts it; `None` of `convert` is invalid-value.
    pub(super) fn parsed<T>(
        &mut self,
        name: &str,
        convert: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, RpcError> {
        let Some(element) = self.take(name) else {
            return Ok(None);
        };
        let text = leaf_text(&element)?;
        match convert(&text) {
            Some(value) => Ok(Some(value)),
            None => Err(self.invalid(&element, &text)),
        }
    }

    /// invalid-value of the parameter `element`.
    pub(super) fn invalid(&self, element: &Element, text: &str) -> RpcError {
        let name = &*element.local;
        let error = RpcError::new(
            PROTOCOL,
            ErrorTag::InvalidValue,
            format!("'{text}' is not a value of <{name}>"),
        );
        match self.in_base && &*element.ns == BASE {
            true => error.with_path(ErrorPath::in_rpc(&[&self.operation, name])),
            false => error,
        }
    }
}

/// The text of an element that holds no element.
pub(super) fn leaf_text(element: &Element) -> Result<String, RpcError> {
    no_attributes(element)?;
    if let Some(child) = element.elements().next() {
        return Err(RpcError::unknown_element(PROTOCOL, &child.local));
    }
    let text = element.text();
    match noncharacter(&text) {
        Some(_) => Err(RpcError::invalid_value(
            PROTOCOL,
            format!("a noncharacter in <{}>", element.local),
        )),
        None => Ok(text.trim().to_owned()),
    }
}

/// Refuses text between elements: it is lost otherwise, with whatever the client meant by it.
pub(super) fn no_text(element: &Element) -> Result<(), RpcError> {
    match element.has_only_whitespace_text() {
        true => Ok(()),
        false => Err(RpcError::malformed_message(format!(
            "text in <{}>",
            element.local
        ))),
    }
}

/// Refuses unprefixed attributes and those that place entries of a list (RFC 7950 section 8.3.1); those of other
/// namespaces are other people's and ignored.
pub(super) fn no_attributes(element: &Element) -> Result<(), RpcError> {
    known_attributes(element, &[])
}

/// Refuses attributes that are ours and not `known`.
pub(super) fn known_attributes(element: &Element, known: &[&str]) -> Result<(), RpcError> {
    unknown_attribute(element, known, PROTOCOL)
}

/// Refuses every attribute that is ours, as an error of this type.
pub fn no_attribute(element: &Element, kind: ErrorType) -> Result<(), RpcError> {
    unknown_attribute(element, &[], kind)
}

/// Ours are attributes of no, the base or YANG's namespace (RFC 7950 section 8.3.1); others are other people's and
/// ignored.
fn unknown_attribute(element: &Element, known: &[&str], kind: ErrorType) -> Result<(), RpcError> {
    let ours = |attr: &&Attr| matches!(&*attr.ns, "" | BASE | YANG);
    let mut found = element.attrs.iter().filter(ours);
    match found.find(|attr| !known.contains(&&*attr.local)) {
        Some(attr) => Err(RpcError::unknown_attribute(
            kind,
            &attr.local,
            &element.local,
        )),
        None => Ok(()),
    }
}
