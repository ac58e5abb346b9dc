//! A request, whose body is written in the version that is agreed on when it is sent.

use reqwest::Method;

use crate::proto::vcloud::{
    ApiVersion, Deploy, Document, Instantiate, Link, NetworkConnection, ProductSections, Undeploy,
};

/// A request.
#[derive(Clone, PartialEq, Debug)]
pub struct Ask {
    /// Method.
    pub method: Method,
    /// Where, as a link says.
    pub href: String,
    /// What is sent.
    pub body: Body,
}

/// What is sent.
#[derive(Clone, PartialEq, Debug)]
pub enum Body {
    /// Nothing.
    Empty,
    /// A vApp to make.
    Instantiate(Instantiate),
    /// How to deploy one.
    Deploy(Deploy),
    /// How to undeploy one.
    Undeploy(Undeploy),
    /// Interfaces.
    Connections(Vec<NetworkConnection>),
    /// An item of hardware, as it was shown but for its amount.
    Hardware(String),
    /// What a guest reads.
    Properties(ProductSections),
    /// What becomes of a guest at its first start, as it was shown but for the script and the name.
    Customization(String),
}

impl Ask {
    /// A read.
    pub fn get(href: &str) -> Self {
        Self {
            method: Method::GET,
            href: href.to_owned(),
            body: Body::Empty,
        }
    }

    /// Something that is done by a link.
    pub fn post(link: &Link, body: Body) -> Self {
        Self {
            method: Method::POST,
            href: link.href.clone(),
            body,
        }
    }

    /// A part that is changed.
    pub fn put(href: &str, body: Body) -> Self {
        Self {
            method: Method::PUT,
            href: href.to_owned(),
            body,
        }
    }

    /// A removal.
    pub fn delete(link: &Link) -> Self {
        Self {
            method: Method::DELETE,
            href: link.href.clone(),
            body: Body::Empty,
        }
    }
}

impl Body {
    /// As it is sent in a version.
    pub fn encode(&self, version: ApiVersion) -> Option<Vec<u8>> {
        let text = match self {
            Self::Empty => return None,
            Self::Instantiate(body) => body.encode(version),
            Self::Deploy(body) => body.encode(version),
            Self::Undeploy(body) => body.encode(version),
            Self::Connections(all) => NetworkConnection::request(all, version),
            Self::Hardware(text) | Self::Customization(text) => text.clone(),
            Self::Properties(body) => body.encode(version),
        };
        Some(text.into_bytes())
    }

    /// Its media type.
    pub fn media(&self) -> &'static str {
        match self {
            Self::Empty => "application/xml",
            Self::Instantiate(_) => {
                "application/vnd.vmware.vcloud.instantiateVAppTemplateParams+xml"
            }
            Self::Deploy(_) => "application/vnd.vmware.vcloud.deployVAppParams+xml",
            Self::Undeploy(_) => "application/vnd.vmware.vcloud.undeployVAppParams+xml",
            Self::Connections(_) => "application/vnd.vmware.vcloud.networkConnectionSection+xml",
            Self::Hardware(_) => "application/vnd.vmware.vcloud.rasdItem+xml",
            Self::Properties(_) => "application/vnd.vmware.vcloud.productSections+xml",
            Self::Customization(_) => "application/vnd.vmware.vcloud.guestCustomizationSection+xml",
        }
    }
}
