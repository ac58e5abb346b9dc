//! vApps and their VMs.

use super::element::{OVF, Tools, VMW, ovf, own, rasd};
use super::org::Link;
use super::task::Task;
use super::{ApiVersion, DecodeError, Document, media_type};
use crate::xml::{Child, Element};

/// Status of a vApp or VM.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum VAppStatus {
    /// -1: its making failed.
    FailedCreation,
    /// 0: being made.
    Unresolved,
    /// 1: made.
    Resolved,
    /// 2: deployed.
    Deployed,
    /// 3: suspended.
    Suspended,
    /// 4: on.
    PoweredOn,
    /// 5: waits for a person.
    WaitingForInput,
    /// 6: not known.
    Unknown,
    /// 8: off.
    PoweredOff,
    /// 9: neither.
    Inconsistent,
    /// 10: VMs of several states.
    Mixed,
    /// Another number.
    Other(i32),
}

impl VAppStatus {
    /// The number on the wire.
    pub fn number(self) -> i32 {
        match self {
            Self::FailedCreation => -1,
            Self::Unresolved => 0,
            Self::Resolved => 1,
            Self::Deployed => 2,
            Self::Suspended => 3,
            Self::PoweredOn => 4,
            Self::WaitingForInput => 5,
            Self::Unknown => 6,
            Self::PoweredOff => 8,
            Self::Inconsistent => 9,
            Self::Mixed => 10,
            Self::Other(number) => number,
        }
    }
}

impl From<i32> for VAppStatus {
    fn from(number: i32) -> Self {
        match number {
            -1 => Self::FailedCreation,
            0 => Self::Unresolved,
            1 => Self::Resolved,
            2 => Self::Deployed,
            3 => Self::Suspended,
            4 => Self::PoweredOn,
            5 => Self::WaitingForInput,
            6 => Self::Unknown,
            8 => Self::PoweredOff,
            9 => Self::Inconsistent,
            10 => Self::Mixed,
            other => Self::Other(other),
        }
    }
}

fn status(element: &Element) -> VAppStatus {
    let number = element
        .at("status")
        .and_then(|text| text.parse::<i32>().ok());
    number.map_or(VAppStatus::Unknown, VAppStatus::from)
}

fn flag(element: &Element, name: &str) -> bool {
    element.at(name) == Some("true")
}

/// How long a vApp may run and be kept; 0 for ever.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Lease {
    /// Seconds it may run.
    pub deployment: u64,
    /// Seconds it is kept.
    pub storage: u64,
}

/// An interface of a VM.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct NetworkConnection {
    /// Network's name.
    pub network: String,
    /// Position.
    pub index: u32,
    /// Address.
    pub ip_address: Option<String>,
    /// MAC address.
    pub mac_address: Option<String>,
    /// Whether it is plugged in.
    pub connected: bool,
    /// `POOL`, `DHCP`, `MANUAL`, `NONE`.
    pub mode: String,
}

impl NetworkConnection {
    /// The section of a VM.
    pub fn section(all: &[Self], href: &str, version: ApiVersion) -> Element {
        let connections = all.iter().map(|one| one.to_element(version));
        let mut section = own(version, "NetworkConnectionSection")
            .with_attr("href", format!("{href}/networkConnectionSection/"))
            .with_attr("type", media_type("networkConnectionSection"))
            .with_foreign("ovf", OVF, "required", "false")
            .with_child(ovf("Info").with_text("Specifies the available VM network connections"));
        if !all.is_empty() {
            section = section.with_leaf(version, "PrimaryNetworkConnectionIndex", "0");
        }
        section.with_all(connections)
    }

    /// The section as it is sent to change a VM's interfaces.
    pub fn request(all: &[Self], version: ApiVersion) -> String {
        let connections = all.iter().map(|one| one.to_element(version));
        let first = all.iter().map(|one| one.index).min();
        let mut section = own(version, "NetworkConnectionSection")
            .with_attr("type", media_type("networkConnectionSection"))
            .with_child(ovf("Info").with_text("Specifies the available VM network connections"));
        if let Some(first) = first {
            section =
                section.with_leaf(version, "PrimaryNetworkConnectionIndex", &first.to_string());
        }
        section.with_all(connections).to_xml()
    }

    fn to_element(&self, version: ApiVersion) -> Element {
        let mut connection = own(version, "NetworkConnection")
            .with_attr("network", self.network.as_str())
            .with_leaf(version, "NetworkConnectionIndex", &self.index.to_string());
        if let Some(address) = &self.ip_address {
            connection = connection.with_leaf(version, "IpAddress", address);
        }
        connection = connection.with_leaf(version, "IsConnected", &self.connected.to_string());
        if let Some(address) = &self.mac_address {
            connection = connection.with_leaf(version, "MACAddress", address);
        }
        connection.with_leaf(version, "IpAddressAllocationMode", &self.mode)
    }

    /// Reads such a section.
    pub fn all_of(section: &Element) -> Vec<Self> {
        let connections = section.all("NetworkConnection");
        connections
            .map(|one| Self {
                network: one
                    .at("network")
                    .or(one.at("Network"))
                    .unwrap_or_default()
                    .to_owned(),
                index: one
                    .leaf("NetworkConnectionIndex")
                    .and_then(|text| text.parse().ok())
                    .unwrap_or_default(),
                ip_address: one.leaf("IpAddress").filter(|text| !text.is_empty()),
                mac_address: one.leaf("MACAddress").filter(|text| !text.is_empty()),
                connected: one.leaf("IsConnected").as_deref() == Some("true"),
                mode: one.leaf("IpAddressAllocationMode").unwrap_or_default(),
            })
            .collect()
    }
}

/// A VM of a vApp.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Vm {
    /// Where.
    pub href: String,
    /// Name.
    pub name: String,
    /// Status.
    pub status: VAppStatus,
    /// Whether it is deployed.
    pub deployed: bool,
    /// What can be done with it.
    pub links: Vec<Link>,
    /// Interfaces.
    pub connections: Vec<NetworkConnection>,
    /// Processors.
    pub cpus: Option<u32>,
    /// Memory in MB.
    pub memory_mb: Option<u64>,
    /// What becomes of its guest when it starts for the first time.
    pub customization: Option<Customization>,
    /// Where its parts are changed.
    pub edits: Edits,
}

/// Where parts of a VM are changed, as far as they can be now.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Edits {
    /// Processors.
    pub cpus: Option<String>,
    /// Memory.
    pub memory: Option<String>,
    /// Interfaces.
    pub connections: Option<String>,
    /// Customization of the guest.
    pub customization: Option<String>,
}

/// What VMware's tools make of a guest when it starts for the first time.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Customization {
    /// Whether they do.
    pub enabled: bool,
    /// A script that runs in the guest.
    pub script: Option<String>,
    /// The guest's own name.
    pub computer_name: Option<String>,
}

impl Document for Customization {
    const ROOT: &'static str = "GuestCustomizationSection";

    fn to_element(&self, version: ApiVersion) -> Element {
        let mut section = own(version, Self::ROOT)
            .with_attr("type", media_type("guestCustomizationSection"))
            .with_foreign("ovf", OVF, "required", "false")
            .with_child(ovf("Info").with_text("Specifies Guest OS Customization Settings"))
            .with_leaf(version, "Enabled", &self.enabled.to_string());
        if let Some(script) = &self.script {
            section = section.with_leaf(version, "CustomizationScript", script);
        }
        match &self.computer_name {
            Some(name) => section.with_leaf(version, "ComputerName", name),
            None => section,
        }
    }

    fn from_element(element: &Element) -> Result<Self, DecodeError> {
        let text = |name: &str| element.find(name).map(Element::text);
        Ok(Self {
            enabled: element.leaf("Enabled").as_deref() == Some("true"),
            script: text("CustomizationScript"),
            computer_name: element.leaf("ComputerName"),
        })
    }
}

/// A guest's customization as the cloud shows it, but that a script runs and the guest gets a name.
///
/// # Errors
/// It is none.
pub fn customization_request(
    shown: &[u8],
    script: &str,
    computer_name: &str,
) -> Result<String, DecodeError> {
    let mut section = super::element::parse(shown)?;
    if &*section.local != Customization::ROOT {
        let found = &section.local;
        let wanted = Customization::ROOT;
        return Err(DecodeError(format!("wanted {wanted}, found {found}")));
    }
    let new = |name: &str, text: &str| {
        let element = Element::new(&*section.ns, name).with_text(text);
        Child::Element(element)
    };
    let script = new("CustomizationScript", script);
    let name = new("ComputerName", computer_name);
    let enabled = new("Enabled", "true");
    let is = |child: &Child, name: &str| match child {
        Child::Element(element) => &*element.local == name,
        Child::Text(_) => false,
    };
    section.children.retain(|child| {
        !is(child, "CustomizationScript") && !is(child, "ComputerName") && !is(child, "Enabled")
    });
    // The order is the schema's: behind the words about it, and before the links.
    let at = |children: &[Child], before: &[&str]| {
        let found = children
            .iter()
            .position(|child| before.iter().any(|name| is(child, name)));
        found.unwrap_or(children.len())
    };
    let end = at(&section.children, &["Link"]);
    section.children.splice(end..end, [script, name]);
    let info = section.children.iter().position(|child| is(child, "Info"));
    let first = info.map_or(0, |info| info + 1);
    section.children.insert(first, enabled);
    Ok(section.to_xml())
}

/// An item of hardware as the cloud shows it, of which one amount is changed.
///
/// # Errors
/// It is no item.
pub fn hardware_request(shown: &[u8], amount: u64) -> Result<String, DecodeError> {
    let mut item = super::element::parse(shown)?;
    if &*item.local != "Item" {
        return Err(DecodeError(format!("wanted Item, found {}", item.local)));
    }
    let mut found = false;
    for child in item.elements_mut() {
        if &*child.local == "VirtualQuantity" {
            child.children = vec![Child::Text(amount.to_string())];
            found = true;
        }
    }
    match found {
        true => Ok(item.to_xml()),
        false => Err(DecodeError("Item without VirtualQuantity".to_owned())),
    }
}

/// A hardware item: what it is called, its kind, its amount and unit.
pub fn hardware_item(name: &str, id: u8, kind: u8, amount: u64, unit: &str) -> [Element; 5] {
    [
        rasd("AllocationUnits").with_text(unit),
        rasd("ElementName").with_text(name),
        rasd("InstanceID").with_text(id.to_string()),
        rasd("ResourceType").with_text(kind.to_string()),
        rasd("VirtualQuantity").with_text(amount.to_string()),
    ]
}

/// The amount of a kind of hardware in a section: 3 processors, 4 memory.
pub fn hardware(section: &Element, kind: &str) -> Option<u64> {
    hardware_of(section, kind)?
        .leaf("VirtualQuantity")?
        .parse()
        .ok()
}

fn hardware_of<'a>(section: &'a Element, kind: &str) -> Option<&'a Element> {
    let mut items = section.all("Item");
    items.find(|item| item.leaf("ResourceType").as_deref() == Some(kind))
}

impl Vm {
    /// As a child of its vApp, or a document of its own.
    pub fn to_element(&self, version: ApiVersion) -> Element {
        let mut vm = own(version, "Vm")
            .with_attr("deployed", self.deployed.to_string())
            .with_attr("status", self.status.number().to_string())
            .with_attr("name", self.name.as_str())
            .with_attr("type", media_type("vm"))
            .with_attr("href", self.href.as_str())
            .with_all(self.links.iter().map(|link| link.to_element(version)));
        if let (Some(cpus), Some(memory)) = (self.cpus, self.memory_mb) {
            let cpu = hardware_item("virtual CPU(s)", 4, 3, cpus.into(), "hertz * 10^6");
            let memory = hardware_item("memory", 5, 4, memory, "byte * 2^20");
            let item = |parts: [Element; 5], href: &Option<String>| {
                let link = href
                    .iter()
                    .map(|href| edit("rasdItem", href).to_element(version));
                ovf("Item").with_all(parts).with_all(link)
            };
            let section = ovf("VirtualHardwareSection")
                .with_child(ovf("Info").with_text("Virtual hardware requirements"))
                .with_child(item(cpu, &self.edits.cpus))
                .with_child(item(memory, &self.edits.memory));
            vm.push(section);
        }
        let system = ovf("OperatingSystemSection")
            .with_foreign("ovf", OVF, "id", "101")
            .with_foreign("vmw", VMW, "osType", "otherLinux64Guest")
            .with_child(ovf("Info").with_text("Specifies the operating system installed"))
            .with_child(ovf("Description").with_text("Other Linux (64-bit)"));
        vm.push(system);
        let link = |kind: &str, href: &Option<String>| {
            let link = href.as_ref().map(|href| edit(kind, href));
            link.map(|link| link.to_element(version))
        };
        let connections = NetworkConnection::section(&self.connections, &self.href, version);
        vm.push(connections.with_all(link("networkConnectionSection", &self.edits.connections)));
        if let Some(customization) = &self.customization {
            let section = customization.to_element(version);
            let edits = &self.edits.customization;
            vm.push(section.with_all(link("guestCustomizationSection", edits)));
        }
        vm
    }

    /// Reads one.
    ///
    /// # Errors
    /// It has no address or name.
    pub fn from_element(element: &Element) -> Result<Self, DecodeError> {
        let hardware_section = element.find("VirtualHardwareSection");
        let amount = |kind: &str| hardware_section.and_then(|section| hardware(section, kind));
        let connections = element.find("NetworkConnectionSection");
        let customization = element.find(Customization::ROOT);
        let of = |part: Option<&Element>| {
            let links = part
                .and_then(|part| Link::all(part).ok())
                .unwrap_or_default();
            Link::rel(&links, "edit").map(|link| link.href.clone())
        };
        let item = |kind: &str| hardware_section.and_then(|section| hardware_of(section, kind));
        let edits = Edits {
            cpus: of(item("3")),
            memory: of(item("4")),
            connections: of(connections),
            customization: of(customization),
        };
        Ok(Self {
            href: element.must("href")?,
            name: element.must("name")?,
            status: status(element),
            deployed: flag(element, "deployed"),
            links: Link::all(element)?,
            connections: connections.map_or_else(Vec::new, NetworkConnection::all_of),
            cpus: amount("3").and_then(|cpus| u32::try_from(cpus).ok()),
            memory_mb: amount("4"),
            customization: customization.map(Customization::from_element).transpose()?,
            edits,
        })
    }
}

fn edit(kind: &str, href: &str) -> Link {
    Link::to("edit", kind, None, href)
}

/// A vApp.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct VApp {
    /// Where.
    pub href: String,
    /// Name.
    pub name: String,
    /// Status.
    pub status: VAppStatus,
    /// Whether it is deployed.
    pub deployed: bool,
    /// What can be done with it.
    pub links: Vec<Link>,
    /// Words about it.
    pub description: String,
    /// What is under way, and what failed last.
    pub tasks: Vec<Task>,
    /// Lease.
    pub lease: Option<Lease>,
    /// When made.
    pub created: Option<String>,
    /// Its VMs.
    pub vms: Vec<Vm>,
}

impl Document for VApp {
    const ROOT: &'static str = "VApp";

    fn to_element(&self, version: ApiVersion) -> Element {
        let mut vapp = own(version, Self::ROOT)
            .with_attr("deployed", self.deployed.to_string())
            .with_attr("status", self.status.number().to_string())
            .with_attr("name", self.name.as_str())
            .with_attr("type", media_type("vApp"))
            .with_attr("href", self.href.as_str())
            .with_all(self.links.iter().map(|link| link.to_element(version)))
            .with_leaf(version, "Description", &self.description);
        if !self.tasks.is_empty() {
            let tasks = self.tasks.iter().map(|task| task.to_element(version));
            vapp.push(own(version, "Tasks").with_all(tasks));
        }
        if let Some(lease) = self.lease {
            let href = format!("{}/leaseSettingsSection/", self.href);
            let section = own(version, "LeaseSettingsSection")
                .with_attr("href", href)
                .with_attr("type", media_type("leaseSettingsSection"))
                .with_foreign("ovf", OVF, "required", "false")
                .with_child(ovf("Info").with_text("Lease settings section"))
                .with_leaf(
                    version,
                    "DeploymentLeaseInSeconds",
                    &lease.deployment.to_string(),
                )
                .with_leaf(version, "StorageLeaseInSeconds", &lease.storage.to_string());
            vapp.push(section);
        }
        if let Some(created) = self.created.as_ref().filter(|_| version > ApiVersion::V1_0) {
            vapp = vapp.with_leaf(version, "DateCreated", created);
        }
        if !self.vms.is_empty() {
            let vms = self.vms.iter().map(|vm| vm.to_element(version));
            vapp.push(own(version, "Children").with_all(vms));
        }
        vapp
    }

    fn from_element(element: &Element) -> Result<Self, DecodeError> {
        let seconds = |section: &Element, name: &str| {
            let text = section.leaf(name);
            text.and_then(|text| text.parse().ok()).unwrap_or_default()
        };
        let tasks = element.find("Tasks");
        let children = element.find("Children");
        Ok(Self {
            href: element.must("href")?,
            name: element.must("name")?,
            status: status(element),
            deployed: flag(element, "deployed"),
            links: Link::all(element)?,
            description: element.leaf("Description").unwrap_or_default(),
            tasks: match tasks {
                None => Vec::new(),
                Some(tasks) => tasks
                    .all("Task")
                    .map(Task::from_element)
                    .collect::<Result<_, _>>()?,
            },
            lease: element.find("LeaseSettingsSection").map(|section| Lease {
                deployment: seconds(section, "DeploymentLeaseInSeconds"),
                storage: seconds(section, "StorageLeaseInSeconds"),
            }),
            created: element.leaf("DateCreated"),
            vms: match children {
                None => Vec::new(),
                Some(children) => children
                    .all("Vm")
                    .map(Vm::from_element)
                    .collect::<Result<_, _>>()?,
            },
        })
    }
}
