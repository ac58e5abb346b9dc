//! Organisations, their data centres, catalogs, templates and networks.

use super::element::{Tools, own};
use super::{ApiVersion, DecodeError, Document, media_type};
use crate::xml::Element;

/// A link: what can be done with a thing, or is beside it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Link {
    /// `down`, `up`, `deploy`, `power:powerOn`, `remove`, ...
    pub rel: String,
    /// Media type, of what is sent or found there.
    pub kind: Option<String>,
    /// Name of what is there.
    pub name: Option<String>,
    /// Where.
    pub href: String,
}

impl Link {
    /// A link to a document of a kind.
    pub fn to(rel: &str, kind: &str, name: Option<&str>, href: impl Into<String>) -> Self {
        Self {
            rel: rel.to_owned(),
            kind: Some(media_type(kind)),
            name: name.map(str::to_owned),
            href: href.into(),
        }
    }

    /// A link to something that is done without a body.
    pub fn act(rel: &str, href: impl Into<String>) -> Self {
        Self {
            rel: rel.to_owned(),
            kind: None,
            name: None,
            href: href.into(),
        }
    }

    pub(super) fn to_element(&self, version: ApiVersion) -> Element {
        own(version, "Link")
            .with_attr("rel", self.rel.as_str())
            .with_maybe("type", self.kind.as_deref())
            .with_maybe("name", self.name.as_deref())
            .with_attr("href", self.href.as_str())
    }

    pub(super) fn all(element: &Element) -> Result<Vec<Self>, DecodeError> {
        let links = element.all("Link").map(|link| {
            Ok(Self {
                rel: link.at("rel").unwrap_or_default().to_owned(),
                kind: link.at("type").map(str::to_owned),
                name: link.at("name").map(str::to_owned),
                href: link.must("href")?,
            })
        });
        links.collect()
    }

    /// The first link of that `rel`.
    pub fn rel<'a>(links: &'a [Self], rel: &str) -> Option<&'a Self> {
        links.iter().find(|link| link.rel == rel)
    }

    /// The links to documents of a kind.
    pub fn of_kind<'a>(links: &'a [Self], kind: &str) -> impl Iterator<Item = &'a Self> {
        let kind = media_type(kind);
        links
            .iter()
            .filter(move |link| link.kind.as_deref() == Some(kind.as_str()))
    }
}

/// A thing named from elsewhere.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Reference {
    /// Media type.
    pub kind: Option<String>,
    /// Name.
    pub name: Option<String>,
    /// Where.
    pub href: String,
}

impl Reference {
    /// To a document of a kind.
    pub fn to(kind: &str, name: &str, href: impl Into<String>) -> Self {
        Self {
            kind: Some(media_type(kind)),
            name: Some(name.to_owned()),
            href: href.into(),
        }
    }

    /// Whether it is to a document of that kind.
    pub fn is(&self, kind: &str) -> bool {
        self.kind.as_deref() == Some(media_type(kind).as_str())
    }

    pub(super) fn to_element(&self, version: ApiVersion, local: &str) -> Element {
        own(version, local)
            .with_maybe("type", self.kind.as_deref())
            .with_maybe("name", self.name.as_deref())
            .with_attr("href", self.href.as_str())
    }

    pub(super) fn from_element(element: &Element) -> Result<Self, DecodeError> {
        Ok(Self {
            kind: element.at("type").map(str::to_owned),
            name: element.at("name").map(str::to_owned),
            href: element.must("href")?,
        })
    }

    /// Those in a container, e.g. `ResourceEntity` in `ResourceEntities`.
    pub(super) fn inside(
        element: &Element,
        container: &str,
        local: &str,
    ) -> Result<Vec<Self>, DecodeError> {
        match element.find(container) {
            None => Ok(Vec::new()),
            Some(container) => container.all(local).map(Self::from_element).collect(),
        }
    }
}

/// An organisation.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Org {
    /// Where.
    pub href: String,
    /// Name.
    pub name: String,
    /// Words about it.
    pub full_name: String,
    /// Its data centres, catalogs, networks.
    pub links: Vec<Link>,
}

impl Document for Org {
    const ROOT: &'static str = "Org";

    fn to_element(&self, version: ApiVersion) -> Element {
        own(version, Self::ROOT)
            .with_attr("type", media_type("org"))
            .with_attr("name", self.name.as_str())
            .with_attr("href", self.href.as_str())
            .with_all(self.links.iter().map(|link| link.to_element(version)))
            .with_leaf(version, "FullName", &self.full_name)
    }

    fn from_element(element: &Element) -> Result<Self, DecodeError> {
        Ok(Self {
            href: element.must("href")?,
            name: element.must("name")?,
            full_name: element.leaf("FullName").unwrap_or_default(),
            links: Link::all(element)?,
        })
    }
}

/// How much of something there is.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Capacity {
    /// `MHz`, `MB`.
    pub units: String,
    /// In all, 0 for no limit.
    pub limit: u64,
    /// In use.
    pub used: u64,
}

impl Capacity {
    fn to_element(&self, version: ApiVersion, local: &str) -> Element {
        let number = |number: u64| number.to_string();
        own(version, local)
            .with_leaf(version, "Units", &self.units)
            .with_leaf(version, "Allocated", &number(self.limit))
            .with_leaf(version, "Limit", &number(self.limit))
            .with_leaf(version, "Used", &number(self.used))
    }

    fn of(element: &Element, local: &str) -> Option<Self> {
        let element = element.find(local)?;
        let number = |name: &str| element.leaf(name)?.parse().ok();
        Some(Self {
            units: element.leaf("Units")?,
            limit: number("Limit")?,
            used: number("Used")?,
        })
    }
}

/// A virtual data centre.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Vdc {
    /// Where.
    pub href: String,
    /// Name.
    pub name: String,
    /// What can be done there.
    pub links: Vec<Link>,
    /// How it is paid for.
    pub allocation_model: Option<String>,
    /// Processors.
    pub cpu: Option<Capacity>,
    /// Memory.
    pub memory: Option<Capacity>,
    /// vApps and templates.
    pub entities: Vec<Reference>,
    /// Networks.
    pub networks: Vec<Reference>,
}

impl Document for Vdc {
    const ROOT: &'static str = "Vdc";

    fn to_element(&self, version: ApiVersion) -> Element {
        let mut vdc = own(version, Self::ROOT)
            .with_attr("status", "1")
            .with_attr("type", media_type("vdc"))
            .with_attr("name", self.name.as_str())
            .with_attr("href", self.href.as_str())
            .with_all(self.links.iter().map(|link| link.to_element(version)));
        if let Some(model) = &self.allocation_model {
            vdc = vdc.with_leaf(version, "AllocationModel", model);
        }
        if let (Some(cpu), Some(memory)) = (&self.cpu, &self.memory) {
            let capacity = own(version, "ComputeCapacity")
                .with_child(cpu.to_element(version, "Cpu"))
                .with_child(memory.to_element(version, "Memory"));
            vdc.push(capacity);
        }
        let references = |all: &[Reference], local: &str| -> Vec<Element> {
            let all = all.iter();
            all.map(|one| one.to_element(version, local)).collect()
        };
        let entities = references(&self.entities, "ResourceEntity");
        let networks = references(&self.networks, "Network");
        vdc.with_child(own(version, "ResourceEntities").with_all(entities))
            .with_child(own(version, "AvailableNetworks").with_all(networks))
    }

    fn from_element(element: &Element) -> Result<Self, DecodeError> {
        let capacity = element.find("ComputeCapacity");
        Ok(Self {
            href: element.must("href")?,
            name: element.must("name")?,
            links: Link::all(element)?,
            allocation_model: element.leaf("AllocationModel"),
            cpu: capacity.and_then(|capacity| Capacity::of(capacity, "Cpu")),
            memory: capacity.and_then(|capacity| Capacity::of(capacity, "Memory")),
            entities: Reference::inside(element, "ResourceEntities", "ResourceEntity")?,
            networks: Reference::inside(element, "AvailableNetworks", "Network")?,
        })
    }
}

/// A catalog.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Catalog {
    /// Where.
    pub href: String,
    /// Name.
    pub name: String,
    /// Its items.
    pub items: Vec<Reference>,
}

impl Document for Catalog {
    const ROOT: &'static str = "Catalog";

    fn to_element(&self, version: ApiVersion) -> Element {
        let items = self.items.iter();
        let items = items.map(|item| item.to_element(version, "CatalogItem"));
        own(version, Self::ROOT)
            .with_attr("type", media_type("catalog"))
            .with_attr("name", self.name.as_str())
            .with_attr("href", self.href.as_str())
            .with_child(own(version, "CatalogItems").with_all(items))
    }

    fn from_element(element: &Element) -> Result<Self, DecodeError> {
        Ok(Self {
            href: element.must("href")?,
            name: element.must("name")?,
            items: Reference::inside(element, "CatalogItems", "CatalogItem")?,
        })
    }
}

/// An item of a catalog.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct CatalogItem {
    /// Where.
    pub href: String,
    /// Name.
    pub name: String,
    /// What it stands for.
    pub entity: Reference,
}

impl Document for CatalogItem {
    const ROOT: &'static str = "CatalogItem";

    fn to_element(&self, version: ApiVersion) -> Element {
        own(version, Self::ROOT)
            .with_attr("type", media_type("catalogItem"))
            .with_attr("name", self.name.as_str())
            .with_attr("href", self.href.as_str())
            .with_child(self.entity.to_element(version, "Entity"))
    }

    fn from_element(element: &Element) -> Result<Self, DecodeError> {
        let entity = element.find("Entity");
        let entity = entity.ok_or_else(|| DecodeError("CatalogItem without Entity".to_owned()))?;
        Ok(Self {
            href: element.must("href")?,
            name: element.must("name")?,
            entity: Reference::from_element(entity)?,
        })
    }
}

/// A template of vApps.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct VAppTemplate {
    /// Where.
    pub href: String,
    /// Name.
    pub name: String,
    /// What can be done with it.
    pub links: Vec<Link>,
    /// Its VMs.
    pub vms: Vec<Reference>,
}

impl Document for VAppTemplate {
    const ROOT: &'static str = "VAppTemplate";

    fn to_element(&self, version: ApiVersion) -> Element {
        let vms = self.vms.iter().map(|vm| vm.to_element(version, "Vm"));
        own(version, Self::ROOT)
            .with_attr("ovfDescriptorUploaded", "true")
            .with_attr("status", "8")
            .with_attr("type", media_type("vAppTemplate"))
            .with_attr("name", self.name.as_str())
            .with_attr("href", self.href.as_str())
            .with_all(self.links.iter().map(|link| link.to_element(version)))
            .with_child(own(version, "Children").with_all(vms))
    }

    fn from_element(element: &Element) -> Result<Self, DecodeError> {
        Ok(Self {
            href: element.must("href")?,
            name: element.must("name")?,
            links: Link::all(element)?,
            vms: Reference::inside(element, "Children", "Vm")?,
        })
    }
}

/// A network of an organisation.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct OrgNetwork {
    /// Where.
    pub href: String,
    /// Name.
    pub name: String,
    /// `bridged`, `isolated`, `natRouted`.
    pub fence_mode: String,
    /// Gateway, of its first block of addresses.
    pub gateway: Option<String>,
    /// Netmask.
    pub netmask: Option<String>,
}

impl OrgNetwork {
    /// The kind of its document, which was renamed with 1.5.
    pub const fn kind(version: ApiVersion) -> &'static str {
        match version {
            ApiVersion::V1_0 => "network",
            _ => "orgNetwork",
        }
    }

    /// Reads it under either name.
    ///
    /// # Errors
    /// It is another document.
    pub fn decode_any(text: &[u8]) -> Result<Self, DecodeError> {
        let root = super::element::parse(text)?;
        match &*root.local {
            "Network" | "OrgNetwork" | "OrgVdcNetwork" => Self::from_element(&root),
            other => Err(DecodeError(format!("wanted a network, found {other}"))),
        }
    }
}

impl Document for OrgNetwork {
    const ROOT: &'static str = "OrgNetwork";

    fn to_element(&self, version: ApiVersion) -> Element {
        let root = match version {
            ApiVersion::V1_0 => "Network",
            _ => Self::ROOT,
        };
        let mut configuration = own(version, "Configuration");
        if let (Some(gateway), Some(netmask)) = (&self.gateway, &self.netmask) {
            let scope = own(version, "IpScope")
                .with_leaf(version, "IsInherited", "false")
                .with_leaf(version, "Gateway", gateway)
                .with_leaf(version, "Netmask", netmask);
            configuration.push(scope);
        }
        own(version, root)
            .with_attr("type", media_type(Self::kind(version)))
            .with_attr("name", self.name.as_str())
            .with_attr("href", self.href.as_str())
            .with_child(configuration.with_leaf(version, "FenceMode", &self.fence_mode))
    }

    fn from_element(element: &Element) -> Result<Self, DecodeError> {
        let configuration = element.find("Configuration");
        let scope = configuration.and_then(|configuration| configuration.find("IpScope"));
        Ok(Self {
            href: element.must("href")?,
            name: element.must("name")?,
            fence_mode: configuration
                .and_then(|configuration| configuration.leaf("FenceMode"))
                .unwrap_or_default(),
            gateway: scope.and_then(|scope| scope.leaf("Gateway")),
            netmask: scope.and_then(|scope| scope.leaf("Netmask")),
        })
    }
}
