//! Wire words of vCloud Director's API: 1.0 as its guide documents it, 1.5 and 5.x as their clients speak it.
//!
//! XML to values and back, nothing else. A client follows links by their `rel` and media type and builds no
//! address; so addresses here are whole texts. Reading goes by local names, whatever the namespace of the
//! version (`.../vcloud/v0.8`, `v1`, `v1.5`) or of OVF, and skips what it does not know; writing is in the
//! namespace of one [`ApiVersion`].

mod element;
mod error;
mod media;
mod org;
mod product;
mod request;
mod session;
mod task;
mod vapp;
mod version;

pub use error::{DecodeError, VcloudError};
pub use media::media_type;
pub use org::{
    Capacity, Catalog, CatalogItem, Link, Org, OrgNetwork, Reference, VAppTemplate, Vdc,
};
pub use product::ProductSections;
pub use request::{Deploy, Instantiate, Undeploy, UndeployAction};
pub use session::{OrgList, Session, SupportedVersions};
pub use task::{Task, TaskStatus, TasksList};
pub use vapp::{
    Customization, Edits, Lease, NetworkConnection, VApp, VAppStatus, Vm, customization_request,
    hardware_request,
};
pub use version::ApiVersion;

/// A document that is read and written.
pub trait Document: Sized {
    /// The root's local name.
    const ROOT: &'static str;

    /// As an element of a version.
    fn to_element(&self, version: ApiVersion) -> crate::xml::Element;

    /// From an element.
    ///
    /// # Errors
    /// A member that every version has is missing or cannot be read.
    fn from_element(element: &crate::xml::Element) -> Result<Self, DecodeError>;

    /// As a document.
    fn encode(&self, version: ApiVersion) -> String {
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{}",
            self.to_element(version).to_xml()
        )
    }

    /// From a document.
    ///
    /// # Errors
    /// It is not well-formed, or another document.
    fn decode(text: &[u8]) -> Result<Self, DecodeError> {
        let root = element::parse(text)?;
        match &*root.local {
            local if local == Self::ROOT => Self::from_element(&root),
            other => Err(DecodeError(format!("wanted {}, found {other}", Self::ROOT))),
        }
    }
}

#[cfg(test)]
mod tests;
