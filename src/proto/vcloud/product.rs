//! Properties of a guest, in OVF's words.

use super::element::{OVF, Tools, ovf, own};
use super::{ApiVersion, DecodeError, Document};
use crate::xml::Element;

/// What a guest reads of its own configuration: keys and values.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ProductSections {
    /// Keys and values.
    pub properties: Vec<(String, String)>,
}

/// A section with properties.
pub fn section(properties: &[(String, String)]) -> Element {
    let properties = properties.iter().map(|(key, value)| {
        ovf("Property")
            .with_foreign("ovf", OVF, "key", key)
            .with_foreign("ovf", OVF, "type", "string")
            .with_foreign("ovf", OVF, "userConfigurable", "true")
            .with_child(ovf("Value").with_foreign("ovf", OVF, "value", value))
    });
    ovf("ProductSection")
        .with_child(ovf("Info").with_text("Properties of the guest"))
        .with_all(properties)
}

/// The properties of a section: their own value, or the one given beside.
pub fn properties(section: &Element) -> Vec<(String, String)> {
    let pair = |property: &Element| {
        let own = property.find("Value").and_then(|value| value.at("value"));
        let value = own.or_else(|| property.at("value")).unwrap_or_default();
        Some((property.at("key")?.to_owned(), value.to_owned()))
    };
    section.all("Property").filter_map(pair).collect()
}

impl Document for ProductSections {
    const ROOT: &'static str = "ProductSectionList";

    fn to_element(&self, version: ApiVersion) -> Element {
        own(version, Self::ROOT).with_child(section(&self.properties))
    }

    fn from_element(element: &Element) -> Result<Self, DecodeError> {
        let sections = element.all("ProductSection");
        Ok(Self {
            properties: sections.flat_map(properties).collect(),
        })
    }
}
