//! `escEvent`, in exactly the order and shape that ESC 2.x gives it.

use std::borrow::Cow;

use crate::xml::{Child, Element, Writer};

/// Namespace of ESC's configuration, operational data and events.
pub const ESC: &str = "http://www.cisco.com/esc/esc";

/// `<status>`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum EscStatus {
    /// `SUCCESS`.
    Success,
    /// `FAILURE`.
    Failure,
}

impl EscStatus {
    /// The wire word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Success => "SUCCESS",
            Self::Failure => "FAILURE",
        }
    }
}

/// `<interface>` of a VM. What is `None` is left out.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct EscInterface {
    /// Position, 0 first.
    pub nicid: u32,
    /// `<type>`, such as `virtual`.
    pub kind: Option<String>,
    /// Port in the VIM.
    pub port_id: Option<String>,
    /// Network.
    pub network: Option<String>,
    /// Subnet.
    pub subnet: Option<String>,
    /// Address.
    pub ip_address: Option<String>,
    /// MAC address.
    pub mac_address: Option<String>,
    /// Netmask.
    pub netmask: Option<String>,
    /// Gateway.
    pub gateway: Option<String>,
}

/// Content of `<vm_source>` or `<vm_target>`; the default is the empty element.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct EscVm {
    /// The VIM's id of the VM.
    pub vmid: Option<String>,
    /// The VIM's id of its host.
    pub hostid: Option<String>,
    /// Its host's name.
    pub hostname: Option<String>,
    /// `<interfaces>`, left out when empty.
    pub interfaces: Vec<EscInterface>,
}

/// One `escEvent`. What is `None` is left out; `<vm_source>` and `<vm_target>` never are.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EscEvent {
    /// `<status>`.
    pub status: EscStatus,
    /// 200, 204 or 500.
    pub status_code: u16,
    /// `<status_message>`.
    pub status_message: String,
    /// Network resource.
    pub network: Option<String>,
    /// Subnet resource.
    pub subnet: Option<String>,
    /// Image resource.
    pub image: Option<String>,
    /// Flavor resource.
    pub flavor: Option<String>,
    /// Deployment name.
    pub depname: Option<String>,
    /// Tenant name.
    pub tenant: Option<String>,
    /// The VIM's id of the tenant.
    pub tenant_id: Option<String>,
    /// `NULL` wherever a deployment is concerned.
    pub svcid: Option<String>,
    /// Id of the deployment.
    pub depid: Option<String>,
    /// VM group.
    pub vm_group: Option<String>,
    /// The VM it happened to.
    pub vm_source: EscVm,
    /// The VM that takes its place.
    pub vm_target: EscVm,
    /// `<event><type>`, such as `VM_RECOVERY_REBOOT`.
    pub event_type: String,
    /// Elements of other namespaces behind `<event>`, as XML that declares its own namespaces.
    pub extensions: Option<String>,
}

/// The element is no `escEvent` of this shape.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("escEvent: {0}")]
pub struct DecodeError(String);

impl EscEvent {
    /// As XML without white space between elements.
    pub fn encode(&self) -> String {
        let mut out = Writer::new();
        out.open(ESC, "escEvent");
        out.leaf("status", self.status.as_str());
        out.leaf("status_code", &self.status_code.to_string());
        out.leaf("status_message", &printable(&self.status_message));
        for (name, value) in [
            ("network", &self.network),
            ("subnet", &self.subnet),
            ("image", &self.image),
            ("flavor", &self.flavor),
            ("depname", &self.depname),
            ("tenant", &self.tenant),
            ("tenant_id", &self.tenant_id),
            ("svcid", &self.svcid),
            ("depid", &self.depid),
            ("vm_group", &self.vm_group),
        ] {
            optional(&mut out, name, value);
        }
        self.vm_source.write("vm_source", &mut out);
        self.vm_target.write("vm_target", &mut out);
        out.start("event");
        out.leaf("type", &self.event_type);
        out.end();
        if let Some(extensions) = &self.extensions {
            out.raw(extensions);
        }
        out.finish()
    }

    /// Reads an `escEvent`; the order of elements does not matter, unknown ones of ESC's namespace are skipped.
    ///
    /// # Errors
    /// Another element, or one without status, code, message or type.
    pub fn decode(element: &Element) -> Result<Self, DecodeError> {
        if !element.is(ESC, "escEvent") {
            return Err(DecodeError(format!(
                "<{}> in namespace '{}'",
                element.local, element.ns
            )));
        }
        let leaf = |name| text_of(element, name);
        let require =
            |name: &str| text_of(element, name).ok_or_else(|| DecodeError(format!("no <{name}>")));
        let status = match require("status")?.as_str() {
            "SUCCESS" => EscStatus::Success,
            "FAILURE" => EscStatus::Failure,
            other => return Err(DecodeError(format!("status '{other}'"))),
        };
        let code = require("status_code")?;
        let event_type = element
            .child(ESC, "event")
            .and_then(|event| text_of(event, "type"))
            .ok_or_else(|| DecodeError("no <event><type>".to_owned()))?;
        let extensions: String = element
            .elements()
            .filter(|child| &*child.ns != ESC)
            .map(Element::to_xml)
            .collect();
        Ok(Self {
            status,
            status_code: code
                .parse()
                .map_err(|_| DecodeError(format!("status_code '{code}'")))?,
            status_message: require("status_message")?,
            network: leaf("network"),
            subnet: leaf("subnet"),
            image: leaf("image"),
            flavor: leaf("flavor"),
            depname: leaf("depname"),
            tenant: leaf("tenant"),
            tenant_id: leaf("tenant_id"),
            svcid: leaf("svcid"),
            depid: leaf("depid"),
            vm_group: leaf("vm_group"),
            vm_source: EscVm::decode(element.child(ESC, "vm_source"))?,
            vm_target: EscVm::decode(element.child(ESC, "vm_target"))?,
            event_type,
            extensions: (!extensions.is_empty()).then_some(extensions),
        })
    }
}

impl EscVm {
    fn write(&self, name: &str, out: &mut Writer) {
        out.start(name);
        optional(out, "vmid", &self.vmid);
        optional(out, "hostid", &self.hostid);
        optional(out, "hostname", &self.hostname);
        if !self.interfaces.is_empty() {
            out.start("interfaces");
            for interface in &self.interfaces {
                interface.write(out);
            }
            out.end();
        }
        out.end();
    }

    fn decode(element: Option<&Element>) -> Result<Self, DecodeError> {
        let Some(element) = element else {
            return Ok(Self::default());
        };
        let interfaces = element.child(ESC, "interfaces");
        let interfaces = interfaces
            .iter()
            .flat_map(|list| list.elements())
            .filter(|child| child.is(ESC, "interface"));
        Ok(Self {
            vmid: text_of(element, "vmid"),
            hostid: text_of(element, "hostid"),
            hostname: text_of(element, "hostname"),
            interfaces: interfaces
                .map(EscInterface::decode)
                .collect::<Result<_, _>>()?,
        })
    }
}

impl EscInterface {
    fn write(&self, out: &mut Writer) {
        out.start("interface");
        out.leaf("nicid", &self.nicid.to_string());
        for (name, value) in [
            ("type", &self.kind),
            ("port_id", &self.port_id),
            ("network", &self.network),
            ("subnet", &self.subnet),
            ("ip_address", &self.ip_address),
            ("mac_address", &self.mac_address),
            ("netmask", &self.netmask),
            ("gateway", &self.gateway),
        ] {
            optional(out, name, value);
        }
        out.end();
    }

    fn decode(element: &Element) -> Result<Self, DecodeError> {
        let leaf = |name| text_of(element, name);
        let nicid = leaf("nicid").unwrap_or_default();
        Ok(Self {
            nicid: nicid
                .parse()
                .map_err(|_| DecodeError(format!("nicid '{nicid}'")))?,
            kind: leaf("type"),
            port_id: leaf("port_id"),
            network: leaf("network"),
            subnet: leaf("subnet"),
            ip_address: leaf("ip_address"),
            mac_address: leaf("mac_address"),
            netmask: leaf("netmask"),
            gateway: leaf("gateway"),
        })
    }
}

fn optional(out: &mut Writer, name: &str, value: &Option<String>) {
    if let Some(value) = value {
        out.leaf(name, &printable(value));
    }
}

/// Drivers hand on what a VIM said; characters that XML forbids would end every subscriber's reader.
fn printable(text: &str) -> Cow<'_, str> {
    let forbidden = |c: char| {
        (c < ' ' && !matches!(c, '\t' | '\n' | '\r')) || matches!(c, '\u{fffe}' | '\u{ffff}')
    };
    match text.contains(forbidden) {
        true => Cow::Owned(text.replace(forbidden, "\u{fffd}")),
        false => Cow::Borrowed(text),
    }
}

/// The text of a child leaf of ESC's namespace, trimmed; nothing if it holds elements.
fn text_of(parent: &Element, name: &str) -> Option<String> {
    parent
        .child(ESC, name)
        .filter(|leaf| !leaf.children.iter().any(|c| matches!(c, Child::Element(_))))
        .map(|leaf| leaf.text().trim().to_owned())
}

#[cfg(test)]
#[path = "event_tests.rs"]
mod tests;
