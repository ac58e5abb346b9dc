//! Our metadata in a domain: whose it is, what it was made for, how far its making came.

use crate::xml::{Element, Writer};

/// Namespace of our metadata.
pub const NAMESPACE: &str = "urn:lifeline:libvirt";
/// Its prefix in libvirt's XML.
pub const PREFIX: &str = "lifeline";

/// How far the making of a domain came.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Build {
    /// Defined; disks may be missing, it was not started yet.
    Begun,
    /// It was started once.
    Done,
}

/// An interface as it was asked for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Nic {
    /// Position, 0 first.
    pub nicid: u32,
    /// Kind as configured.
    pub kind: String,
    /// MAC address, lower case.
    pub mac: String,
    /// Network: UUID, or `bridge:NAME`.
    pub network: String,
    /// Address given to it, empty when only the guest knows.
    pub ip: String,
    /// Whether the address is reserved in the network's DHCP server.
    pub reserved: bool,
}

/// Our metadata in a domain.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Card {
    /// The create's token.
    pub token: String,
    /// The connector that made it.
    pub connector: String,
    /// Tenant, empty when none.
    pub tenant: String,
    /// Image it was made from.
    pub image: String,
    /// Flavor it has.
    pub flavor: String,
    /// How far it came.
    pub build: Build,
    /// Interfaces by nicid.
    pub nics: Vec<Nic>,
}

impl Card {
    /// As it is handed to libvirt, unprefixed: libvirt puts prefix and namespace there itself.
    pub fn to_xml(&self) -> String {
        let mut out = Writer::new();
        self.write(&mut out, "");
        out.finish()
    }

    /// As a part of the domain's XML.
    pub fn write_in_domain(&self, out: &mut Writer) {
        self.write(out, PREFIX);
    }

    fn write(&self, out: &mut Writer, prefix: &str) {
        let name = |local: &str| match prefix.is_empty() {
            true => local.to_owned(),
            false => format!("{prefix}:{local}"),
        };
        out.start(&name("vm"));
        if !prefix.is_empty() {
            out.attr(&format!("xmlns:{prefix}"), NAMESPACE);
        }
        for (attr, value) in [
            ("token", &*self.token),
            ("connector", &self.connector),
            ("tenant", &self.tenant),
            ("image", &self.image),
            ("flavor", &self.flavor),
            (
                "build",
                match self.build {
                    Build::Begun => "begun",
                    Build::Done => "done",
                },
            ),
        ] {
            out.attr(attr, value);
        }
        for nic in &self.nics {
            out.start(&name("interface"));
            out.attr("nicid", &nic.nicid.to_string());
            for (attr, value) in [
                ("type", &*nic.kind),
                ("mac", &nic.mac),
                ("network", &nic.network),
                ("ip", &nic.ip),
                ("reserved", if nic.reserved { "yes" } else { "no" }),
            ] {
                out.attr(attr, value);
            }
            out.end();
        }
        out.end();
    }

    /// Reads it, with our namespace or (as libvirt hands it out alone) without.
    pub fn read(element: &Element) -> Option<Self> {
        if &*element.local != "vm" {
            return None;
        }
        let text = |name: &str| element.attr("", name).unwrap_or_default().to_owned();
        let nics = element
            .elements()
            .filter(|child| &*child.local == "interface");
        let nics = nics.filter_map(|child| {
            let text = |name: &str| child.attr("", name).unwrap_or_default().to_owned();
            Some(Nic {
                nicid: child.attr("", "nicid")?.parse().ok()?,
                kind: text("type"),
                mac: text("mac"),
                network: text("network"),
                ip: text("ip"),
                reserved: child.attr("", "reserved") == Some("yes"),
            })
        });
        Some(Self {
            token: element.attr("", "token")?.to_owned(),
            connector: text("connector"),
            tenant: text("tenant"),
            image: text("image"),
            flavor: text("flavor"),
            build: match element.attr("", "build") {
                Some("begun") => Build::Begun,
                _ => Build::Done,
            },
            nics: nics.collect(),
        })
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::xml::parse_str;

    pub(crate) fn card() -> Card {
        Card {
            token: "dep_g1_0_u.1".into(),
            connector: "lab".into(),
            tenant: "acme".into(),
            image: "edge & co".into(),
            flavor: "small".into(),
            build: Build::Begun,
            nics: vec![Nic {
                nicid: 0,
                kind: "virtual".into(),
                mac: "52:54:00:0a:0b:0c".into(),
                network: "5f0c".into(),
                ip: "10.20.0.2".into(),
                reserved: true,
            }],
        }
    }

    #[test]
    fn a_card_comes_back_with_and_without_its_namespace() {
        let card = card();
        assert_eq!(
            Card::read(&parse_str(&card.to_xml()).unwrap()),
            Some(card.clone())
        );
        let mut out = Writer::new();
        card.write_in_domain(&mut out);
        let element = parse_str(&out.finish()).unwrap();
        assert!(element.is(NAMESPACE, "vm"));
        assert_eq!(Card::read(&element), Some(card));
        assert_eq!(Card::read(&parse_str("<vm/>").unwrap()), None);
        assert_eq!(Card::read(&parse_str("<x token='t'/>").unwrap()), None);
    }
}
