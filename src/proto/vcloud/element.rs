//! Small tools on elements.

use super::error::DecodeError;
use super::version::ApiVersion;
use crate::xml::{self, Attr, Element, Limits};

/// Namespace of OVF.
pub const OVF: &str = "http://schemas.dmtf.org/ovf/envelope/1";
/// Namespace of OVF's hardware items.
pub const RASD: &str =
    "http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_ResourceAllocationSettingData";
/// Namespace of VMware's additions to OVF.
pub const VMW: &str = "http://www.vmware.com/schema/ovf";

/// Reads a document.
pub fn parse(text: &[u8]) -> Result<Element, DecodeError> {
    let limits = Limits {
        depth: 64,
        ..Limits::default()
    };
    xml::parse(text, &limits).map_err(|error| DecodeError(error.to_string()))
}

/// An element of the API.
pub fn own(version: ApiVersion, local: &str) -> Element {
    Element::new(version.namespace(), local)
}

/// An element of OVF.
pub fn ovf(local: &str) -> Element {
    Element::new(OVF, local).with_prefix("ovf")
}

/// An element of a hardware item.
pub fn rasd(local: &str) -> Element {
    Element::new(RASD, local).with_prefix("rasd")
}

/// What an element can do beside.
pub trait Tools: Sized {
    /// With an attribute.
    fn with_attr(self, name: &str, value: impl Into<String>) -> Self;
    /// With an attribute if there is a value.
    fn with_maybe(self, name: &str, value: Option<&str>) -> Self;
    /// With an attribute of another namespace.
    fn with_foreign(self, prefix: &str, ns: &str, name: &str, value: &str) -> Self;
    /// With children.
    fn with_all(self, children: impl IntoIterator<Item = Element>) -> Self;
    /// With a child that holds a text.
    fn with_leaf(self, version: ApiVersion, name: &str, text: &str) -> Self;
    /// An attribute's value, whatever its namespace.
    fn at(&self, name: &str) -> Option<&str>;
    /// An attribute that must be there.
    fn must(&self, name: &str) -> Result<String, DecodeError>;
    /// The first child of that local name.
    fn find(&self, local: &str) -> Option<&Element>;
    /// All children of that local name.
    fn all<'a>(&'a self, local: &'a str) -> impl Iterator<Item = &'a Element>;
    /// The trimmed text of the first child of that local name.
    fn leaf(&self, local: &str) -> Option<String>;
}

impl Tools for Element {
    fn with_attr(mut self, name: &str, value: impl Into<String>) -> Self {
        self.attrs.push(Attr::new("", "", name, value.into()));
        self
    }

    fn with_maybe(self, name: &str, value: Option<&str>) -> Self {
        match value {
            Some(value) => self.with_attr(name, value),
            None => self,
        }
    }

    fn with_foreign(mut self, prefix: &str, ns: &str, name: &str, value: &str) -> Self {
        self.attrs.push(Attr::new(prefix, ns, name, value));
        self
    }

    fn with_all(mut self, children: impl IntoIterator<Item = Element>) -> Self {
        for child in children {
            self.push(child);
        }
        self
    }

    fn with_leaf(self, version: ApiVersion, name: &str, text: &str) -> Self {
        self.with_child(own(version, name).with_text(text))
    }

    fn at(&self, name: &str) -> Option<&str> {
        self.attrs
            .iter()
            .find(|attr| &*attr.local == name)
            .map(|attr| &*attr.value)
    }

    fn must(&self, name: &str) -> Result<String, DecodeError> {
        self.at(name)
            .map(str::to_owned)
            .ok_or_else(|| DecodeError(format!("{} without {name}", self.local)))
    }

    fn find(&self, local: &str) -> Option<&Element> {
        self.elements().find(|child| &*child.local == local)
    }

    fn all<'a>(&'a self, local: &'a str) -> impl Iterator<Item = &'a Element> {
        self.elements().filter(move |child| &*child.local == local)
    }

    fn leaf(&self, local: &str) -> Option<String> {
        self.find(local).map(|child| child.text().trim().to_owned())
    }
}
