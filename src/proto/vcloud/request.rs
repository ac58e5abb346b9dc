//! Bodies of requests.

use super::element::{OVF, Tools, ovf, own};
use super::org::Reference;
use super::vapp::{hardware, hardware_item};
use super::{ApiVersion, DecodeError, Document};
use crate::xml::Element;

/// A vApp to make from a template.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Instantiate {
    /// Name.
    pub name: String,
    /// Words about it.
    pub description: Option<String>,
    /// Whether to deploy it at once.
    pub deploy: Option<bool>,
    /// Whether to power it on then.
    pub power_on: Option<bool>,
    /// Address of the template.
    pub template: String,
    /// The networks to be plugged into, in order, under the names they have in the vApp.
    pub networks: Vec<Reference>,
    /// Processors.
    pub cpus: Option<u32>,
    /// Memory in MB.
    pub memory_mb: Option<u64>,
    /// Keys and values for the guest.
    pub properties: Vec<(String, String)>,
    /// Whether the licences that the template holds are agreed to.
    pub accepts_eulas: Option<bool>,
}

impl Document for Instantiate {
    const ROOT: &'static str = "InstantiateVAppTemplateParams";

    fn to_element(&self, version: ApiVersion) -> Element {
        let flag = |flag: Option<bool>| flag.map(|flag| flag.to_string());
        let mut params = own(version, "InstantiationParams");
        if !self.networks.is_empty() {
            let networks = self.networks.iter().enumerate().map(|(at, network)| {
                let parent = own(version, "ParentNetwork").with_attr("href", network.href.as_str());
                let configuration = own(version, "Configuration").with_child(parent).with_leaf(
                    version,
                    "FenceMode",
                    "bridged",
                );
                let name = network.name.clone();
                own(version, "NetworkConfig")
                    .with_attr("networkName", name.unwrap_or_else(|| format!("net{at}")))
                    .with_child(configuration)
            });
            let section = own(version, "NetworkConfigSection")
                .with_child(ovf("Info").with_text("Configuration parameters for logical networks"))
                .with_all(networks);
            params.push(section);
        }
        if !self.properties.is_empty() {
            let properties = self.properties.iter().map(|(key, value)| {
                ovf("Property")
                    .with_foreign("ovf", OVF, "key", key)
                    .with_foreign("ovf", OVF, "type", "string")
                    .with_foreign("ovf", OVF, "value", value)
            });
            let section = ovf("ProductSection")
                .with_child(ovf("Info").with_text("Properties of the guest"))
                .with_all(properties);
            params.push(section);
        }
        if let (Some(cpus), Some(memory)) = (self.cpus, self.memory_mb) {
            let cpu = hardware_item("virtual CPU(s)", 4, 3, cpus.into(), "hertz * 10^6");
            let memory = hardware_item("memory", 5, 4, memory, "byte * 2^20");
            let section = ovf("VirtualHardwareSection")
                .with_child(ovf("Info").with_text("Virtual hardware requirements"))
                .with_child(ovf("Item").with_all(cpu))
                .with_child(ovf("Item").with_all(memory));
            params.push(section);
        }
        let mut root = own(version, Self::ROOT)
            .with_attr("name", self.name.as_str())
            .with_maybe("deploy", flag(self.deploy).as_deref())
            .with_maybe("powerOn", flag(self.power_on).as_deref());
        if let Some(words) = &self.description {
            root = root.with_leaf(version, "Description", words);
        }
        if params.elements().next().is_some() {
            root.push(params);
        }
        root.push(own(version, "Source").with_attr("href", self.template.as_str()));
        match self.accepts_eulas {
            Some(accepts) => root.with_leaf(version, "AllEULAsAccepted", &accepts.to_string()),
            None => root,
        }
    }

    fn from_element(element: &Element) -> Result<Self, DecodeError> {
        // the template was called so before 1.0
        let source = element
            .find("Source")
            .or_else(|| element.find("VAppTemplate"));
        let source = source.ok_or_else(|| DecodeError(format!("{} without Source", Self::ROOT)))?;
        let params = element.find("InstantiationParams");
        let section = |name: &str| params.and_then(|params| params.find(name));
        let hardware_section = section("VirtualHardwareSection");
        let amount = |kind: &str| hardware_section.and_then(|section| hardware(section, kind));
        let flag = |name: &str| element.at(name).map(|text| text == "true");
        let networks = section("NetworkConfigSection").map_or_else(Vec::new, |section| {
            section
                .all("NetworkConfig")
                .filter_map(network_of)
                .collect()
        });
        let properties = section("ProductSection").map_or_else(Vec::new, |section| {
            let properties = section.all("Property");
            let pair = |property: &Element| {
                Some((
                    property.at("key")?.to_owned(),
                    property.at("value")?.to_owned(),
                ))
            };
            properties.filter_map(pair).collect()
        });
        Ok(Self {
            name: element.must("name")?,
            description: element.leaf("Description"),
            deploy: flag("deploy"),
            power_on: flag("powerOn"),
            template: source.must("href")?,
            networks,
            cpus: amount("3").and_then(|cpus| u32::try_from(cpus).ok()),
            memory_mb: amount("4"),
            properties,
            accepts_eulas: element.leaf("AllEULAsAccepted").map(|text| text == "true"),
        })
    }
}

/// The network of a configuration, in the form of 1.0 or the one before.
fn network_of(config: &Element) -> Option<Reference> {
    let parent = config
        .find("Configuration")
        .and_then(|configuration| configuration.find("ParentNetwork"))
        .or_else(|| config.find("NetworkAssociation"))?;
    Some(Reference {
        kind: None,
        name: config.at("networkName").map(str::to_owned),
        href: parent
            .at("href")
            .filter(|href| !href.is_empty())?
            .to_owned(),
    })
}

/// `deploy`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Deploy {
    /// Whether to power it on; when it is not said, it is.
    pub power_on: Option<bool>,
    /// Seconds it may run.
    pub lease_seconds: Option<u64>,
}

impl Document for Deploy {
    const ROOT: &'static str = "DeployVAppParams";

    fn to_element(&self, version: ApiVersion) -> Element {
        let power_on = self.power_on.map(|flag| flag.to_string());
        let lease = self.lease_seconds.map(|seconds| seconds.to_string());
        own(version, Self::ROOT)
            .with_maybe("powerOn", power_on.as_deref())
            .with_maybe("deploymentLeaseSeconds", lease.as_deref())
    }

    fn from_element(element: &Element) -> Result<Self, DecodeError> {
        let lease = element.at("deploymentLeaseSeconds");
        Ok(Self {
            power_on: element.at("powerOn").map(|text| text == "true"),
            lease_seconds: lease.and_then(|text| text.parse().ok()),
        })
    }
}

/// What becomes of a VM that is undeployed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum UndeployAction {
    /// It is powered off.
    #[default]
    PowerOff,
    /// It is suspended.
    Suspend,
    /// Its guest is asked to end.
    Shutdown,
    /// It is taken down whatever it does.
    Force,
}

impl UndeployAction {
    /// The wire word, from 1.5 on.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PowerOff => "powerOff",
            Self::Suspend => "suspend",
            Self::Shutdown => "shutdown",
            Self::Force => "force",
        }
    }
}

/// `undeploy`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Undeploy {
    /// What becomes of its VMs.
    pub action: UndeployAction,
}

impl Document for Undeploy {
    const ROOT: &'static str = "UndeployVAppParams";

    fn to_element(&self, version: ApiVersion) -> Element {
        let root = own(version, Self::ROOT);
        match version {
            // 1.0 knows two ways only
            ApiVersion::V1_0 => {
                let saves = self.action == UndeployAction::Suspend;
                root.with_attr("saveState", saves.to_string())
            }
            _ => root.with_leaf(version, "UndeployPowerAction", self.action.as_str()),
        }
    }

    fn from_element(element: &Element) -> Result<Self, DecodeError> {
        let action = match element.leaf("UndeployPowerAction").as_deref() {
            Some("suspend") => UndeployAction::Suspend,
            Some("shutdown") => UndeployAction::Shutdown,
            Some("force") => UndeployAction::Force,
            Some("powerOff" | "default") => UndeployAction::PowerOff,
            Some(other) => return Err(DecodeError(format!("'{other}' is no UndeployPowerAction"))),
            None if element.at("saveState") == Some("true") => UndeployAction::Suspend,
            None => UndeployAction::PowerOff,
        };
        Ok(Self { action })
    }
}
