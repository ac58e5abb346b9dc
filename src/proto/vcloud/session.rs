//! Versions, and logging in.

use super::element::{Tools, own};
use super::org::{Link, Reference};
use super::{ApiVersion, DecodeError, Document, media_type};
use crate::xml::Element;

/// `GET /api/versions`: versions as texts (clients meet some that they do not know), each with where to log in.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SupportedVersions {
    /// Version and address.
    pub versions: Vec<(String, String)>,
}

impl SupportedVersions {
    /// The newest version that is known here, with where to log in.
    pub fn newest(&self) -> Option<(ApiVersion, &str)> {
        let known = self.versions.iter();
        let known = known.filter_map(|(text, url)| Some((ApiVersion::parse(text)?, url.as_str())));
        known.max_by_key(|(version, _)| *version)
    }
}

impl Document for SupportedVersions {
    const ROOT: &'static str = "SupportedVersions";

    fn to_element(&self, _: ApiVersion) -> Element {
        const NS: &str = "http://www.vmware.com/vcloud/versions";
        let leaf = |name: &str, text: &str| Element::new(NS, name).with_text(text);
        let versions = self.versions.iter().map(|(version, url)| {
            Element::new(NS, "VersionInfo")
                .with_child(leaf("Version", version))
                .with_child(leaf("LoginUrl", url))
        });
        Element::new(NS, Self::ROOT).with_all(versions)
    }

    fn from_element(element: &Element) -> Result<Self, DecodeError> {
        let versions = element
            .all("VersionInfo")
            .filter_map(|info| Some((info.leaf("Version")?, info.leaf("LoginUrl")?)));
        Ok(Self {
            versions: versions.collect(),
        })
    }
}

/// What a login of 1.0 is answered with.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct OrgList {
    /// Organisations.
    pub orgs: Vec<Reference>,
}

impl Document for OrgList {
    const ROOT: &'static str = "OrgList";

    fn to_element(&self, version: ApiVersion) -> Element {
        let orgs = self.orgs.iter().map(|org| org.to_element(version, "Org"));
        own(version, Self::ROOT)
            .with_attr("type", media_type("orgList"))
            .with_all(orgs)
    }

    fn from_element(element: &Element) -> Result<Self, DecodeError> {
        let orgs = element.all("Org").map(Reference::from_element);
        Ok(Self {
            orgs: orgs.collect::<Result<_, _>>()?,
        })
    }
}

/// What a login of 1.5 is answered with.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Session {
    /// Who.
    pub user: String,
    /// Organisation.
    pub org: String,
    /// Where.
    pub href: String,
    /// What is there for whoever logged in.
    pub links: Vec<Link>,
}

impl Document for Session {
    const ROOT: &'static str = "Session";

    fn to_element(&self, version: ApiVersion) -> Element {
        own(version, Self::ROOT)
            .with_attr("type", media_type("session"))
            .with_attr("user", self.user.as_str())
            .with_attr("org", self.org.as_str())
            .with_attr("href", self.href.as_str())
            .with_all(self.links.iter().map(|link| link.to_element(version)))
    }

    fn from_element(element: &Element) -> Result<Self, DecodeError> {
        Ok(Self {
            user: element.must("user")?,
            org: element.must("org")?,
            href: element.must("href")?,
            links: Link::all(element)?,
        })
    }
}
