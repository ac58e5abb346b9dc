//! Errors, as the API tells them and as reading finds them.

use super::element::{Tools, own};
use super::{ApiVersion, Document};
use crate::xml::Element;

/// The text is not the document expected.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("not the vCloud document expected: {0}")]
pub struct DecodeError(pub(super) String);

/// Why a request was refused, or a task failed.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct VcloudError {
    /// The words.
    pub message: String,
    /// HTTP status.
    pub major: u16,
    /// `BAD_REQUEST`, `BUSY_ENTITY`, `ACCESS_TO_RESOURCE_IS_FORBIDDEN`, ...
    pub minor: String,
}

impl VcloudError {
    /// One with its words.
    pub fn new(major: u16, minor: &str, message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            major,
            minor: minor.to_owned(),
        }
    }
}

impl Document for VcloudError {
    const ROOT: &'static str = "Error";

    fn to_element(&self, version: ApiVersion) -> Element {
        own(version, Self::ROOT)
            .with_attr("message", self.message.as_str())
            .with_attr("majorErrorCode", self.major.to_string())
            .with_attr("minorErrorCode", self.minor.as_str())
    }

    fn from_element(element: &Element) -> Result<Self, DecodeError> {
        let major = element.at("majorErrorCode").unwrap_or_default();
        Ok(Self {
            message: element.must("message")?,
            major: major.parse().unwrap_or_default(),
            minor: element.at("minorErrorCode").unwrap_or_default().to_owned(),
        })
    }
}
