//! Domains: the XML one is made from, and what is read of one.

use super::super::link::Fault;
use super::card::{Card, NAMESPACE};
use super::{document, text_of};
use crate::xml::{Child, Element, Writer};

/// What a disk is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DiskKind {
    /// Written by the guest.
    Disk,
    /// Read by the guest: the configuration drive.
    Cdrom,
}

/// A disk, a volume of the connector's pool.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Disk {
    /// What it is for.
    pub kind: DiskKind,
    /// Pool.
    pub pool: String,
    /// Volume.
    pub volume: String,
    /// `raw` or `qcow2`.
    pub format: String,
    /// `virtio`, `scsi`, `sata`, `ide`.
    pub bus: String,
}

/// What an interface is attached to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Attachment {
    /// A network of libvirt, by name.
    Network(String),
    /// A bridge of the host.
    Bridge(String),
}

/// All that a domain is made from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewDomain<'a> {
    /// `kvm`, `qemu`, `test`.
    pub domain_type: &'a str,
    /// Architecture.
    pub arch: &'a str,
    /// Machine; the hypervisor's default when none.
    pub machine: Option<&'a str>,
    /// Name.
    pub name: &'a str,
    /// UUID.
    pub uuid: &'a str,
    /// Virtual CPUs.
    pub vcpus: u32,
    /// Memory in MiB.
    pub memory_mb: u64,
    /// Disks, the one to boot from first.
    pub disks: &'a [Disk],
    /// MAC, what it is attached to.
    pub nics: &'a [(String, Attachment)],
    /// Model of the interfaces.
    pub nic_model: &'a str,
    /// File that gets what the guest says on its serial line.
    pub console_log: Option<&'a str>,
    /// Our metadata.
    pub card: &'a Card,
}

/// The XML of a new domain. A guest that powers off stays off, one that reboots comes back, one that crashes
/// stays off and is called crashed: what happens then is the engine's to decide, not libvirt's.
pub fn new_domain(new: &NewDomain<'_>) -> String {
    let mut out = Writer::new();
    out.start("domain");
    out.attr("type", new.domain_type);
    out.leaf("name", new.name);
    out.leaf("uuid", new.uuid);
    out.start("metadata");
    new.card.write_in_domain(&mut out);
    out.end();
    out.start("memory");
    out.attr("unit", "MiB");
    out.text(&new.memory_mb.to_string());
    out.end();
    out.leaf("vcpu", &new.vcpus.to_string());
    out.start("os");
    out.start("type");
    out.attr("arch", new.arch);
    if let Some(machine) = new.machine {
        out.attr("machine", machine);
    }
    out.text("hvm");
    out.end();
    out.start("boot");
    out.attr("dev", "hd");
    out.end();
    out.end();
    out.start("features");
    out.empty("acpi");
    out.end();
    out.leaf("on_poweroff", "destroy");
    out.leaf("on_reboot", "restart");
    out.leaf("on_crash", "destroy");
    out.start("devices");
    let mut places = Places::default();
    for disk in new.disks {
        write_disk(&mut out, disk, &mut places);
    }
    for (mac, attachment) in new.nics {
        let (kind, attr, name) = match attachment {
            Attachment::Network(name) => ("network", "network", name),
            Attachment::Bridge(name) => ("bridge", "bridge", name),
        };
        out.start("interface");
        out.attr("type", kind);
        empty_with(&mut out, "mac", &[("address", mac)]);
        empty_with(&mut out, "source", &[(attr, name)]);
        empty_with(&mut out, "model", &[("type", new.nic_model)]);
        out.end();
    }
    out.start("channel");
    out.attr("type", "unix");
    empty_with(&mut out, "target", &[("type", "virtio"), ("name", AGENT)]);
    out.end();
    out.start("serial");
    out.attr("type", "pty");
    if let Some(file) = new.console_log {
        empty_with(&mut out, "log", &[("file", file), ("append", "on")]);
    }
    empty_with(&mut out, "target", &[("port", "0")]);
    out.end();
    out.start("rng");
    out.attr("model", "virtio");
    out.start("backend");
    out.attr("model", "random");
    out.text("/dev/urandom");
    out.end();
    out.end();
    out.finish()
}

/// Name of the agent's channel.
const AGENT: &str = "org.qemu.guest_agent.0";

fn write_disk(out: &mut Writer, disk: &Disk, places: &mut Places) {
    out.start("disk");
    out.attr("type", "volume");
    out.attr(
        "device",
        match disk.kind {
            DiskKind::Disk => "disk",
            DiskKind::Cdrom => "cdrom",
        },
    );
    empty_with(out, "driver", &[("name", "qemu"), ("type", &disk.format)]);
    empty_with(
        out,
        "source",
        &[("pool", &disk.pool), ("volume", &disk.volume)],
    );
    let device = places.next(&disk.bus);
    empty_with(out, "target", &[("dev", &device), ("bus", &disk.bus)]);
    if disk.kind == DiskKind::Cdrom {
        out.empty("readonly");
    }
    out.end();
}

fn empty_with(out: &mut Writer, name: &str, attrs: &[(&str, &str)]) {
    out.start(name);
    for (attr, value) in attrs {
        out.attr(attr, value);
    }
    out.end();
}

/// Device names by prefix: `vda`, `vdb`; `hda`; `sda`.
#[derive(Default)]
struct Places {
    used: std::collections::BTreeMap<&'static str, u32>,
}

impl Places {
    fn next(&mut self, bus: &str) -> String {
        let prefix = match bus {
            "virtio" => "vd",
            "ide" => "hd",
            "fdc" => "fd",
            _ => "sd",
        };
        let number = self.used.entry(prefix).or_default();
        let mut name = Vec::new();
        let mut rest = *number;
        *number += 1;
        loop {
            name.push(char::from(b'a' + (rest % 26) as u8));
            rest /= 26;
            if rest == 0 {
                break;
            }
            rest -= 1;
        }
        name.reverse();
        format!("{prefix}{}", name.into_iter().collect::<String>())
    }
}

/// What is read of a domain.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Domain {
    /// UUID.
    pub uuid: String,
    /// Name.
    pub name: String,
    /// Our metadata; `None` for somebody else's domain.
    pub card: Option<Card>,
    /// Whether the agent's channel is open; `None`: it has none, or libvirt does not tell.
    pub agent: Option<bool>,
    /// Pool and volume of each disk that is a volume.
    pub volumes: Vec<(String, String)>,
    /// MAC and port id of each interface.
    pub ports: Vec<(String, String)>,
}

/// Reads a domain's XML.
///
/// # Errors
/// When it is none.
pub fn read_domain(text: &str) -> Result<Domain, Fault> {
    let root = document(text)?;
    let devices = root.child("", "devices");
    let all = |name: &'static str| {
        let elements = devices.into_iter().flat_map(Element::elements);
        elements.filter(move |element| element.is("", name))
    };
    let agent = all("channel").find_map(|channel| {
        let target = channel.child("", "target")?;
        let ours = target.attr("", "name") == Some(AGENT);
        let state = target.attr("", "state").filter(|_| ours)?;
        Some(state == "connected")
    });
    let volumes = all("disk").filter_map(|disk| {
        let source = disk.child("", "source")?;
        let pool = source.attr("", "pool")?.to_owned();
        Some((pool, source.attr("", "volume")?.to_owned()))
    });
    let ports = all("interface").filter_map(|interface| {
        let mac = interface.child("", "mac")?.attr("", "address")?;
        let source = interface.child("", "source");
        let port = source
            .and_then(|source| source.attr("", "portid"))
            .unwrap_or_default();
        Some((mac.to_ascii_lowercase(), port.to_owned()))
    });
    let card = root
        .child("", "metadata")
        .and_then(|metadata| metadata.child(NAMESPACE, "vm"))
        .and_then(Card::read);
    Ok(Domain {
        uuid: text_of(&root, "uuid").unwrap_or_default(),
        name: text_of(&root, "name").unwrap_or_default(),
        card,
        agent,
        volumes: volumes.collect(),
        ports: ports.collect(),
    })
}

/// The XML of a domain with another number of CPUs, another memory, and its card.
///
/// # Errors
/// When it is no domain.
pub fn resized(text: &str, vcpus: u32, memory_mb: u64, card: &Card) -> Result<String, Fault> {
    let mut root = document(text)?;
    let mut metadata = root
        .child("", "metadata")
        .cloned()
        .unwrap_or_else(|| Element::new("", "metadata"));
    root.children.retain(|child| match child {
        Child::Element(element) => !["memory", "currentMemory", "vcpu", "vcpus", "metadata"]
            .iter()
            .any(|name| element.is("", name)),
        Child::Text(_) => true,
    });
    // What others wrote beside ours stays.
    metadata.children.retain(|child| match child {
        Child::Element(element) => !element.is(NAMESPACE, "vm"),
        Child::Text(_) => true,
    });
    let mut out = Writer::new();
    card.write_in_domain(&mut out);
    metadata.push(document(&out.finish())?);
    root.push(metadata);
    let mut memory = Element::new("", "memory").with_text(memory_mb.to_string());
    memory.attrs.push(attr("unit", "MiB"));
    root.push(memory);
    root.push(Element::new("", "vcpu").with_text(vcpus.to_string()));
    Ok(root.to_xml())
}

fn attr(name: &str, value: &str) -> crate::xml::Attr {
    crate::xml::Attr::new("", "", name, value)
}

#[cfg(test)]
mod tests {
    use super::super::card::tests::card;
    use super::super::golden;
    use super::*;

    fn disk(kind: DiskKind, volume: &str, format: &str, bus: &str) -> Disk {
        Disk {
            kind,
            pool: "default".into(),
            volume: volume.into(),
            format: format.into(),
            bus: bus.into(),
        }
    }

    fn made() -> String {
        new_domain(&NewDomain {
            domain_type: "qemu",
            arch: "x86_64",
            machine: Some("pc"),
            name: "dep_g1_0_u",
            uuid: "11111111-2222-3333-4444-555555555555",
            vcpus: 2,
            memory_mb: 512,
            disks: &[
                disk(DiskKind::Disk, "lifeline.u.root", "qcow2", "virtio"),
                disk(DiskKind::Disk, "lifeline.u.vol0", "qcow2", "virtio"),
                disk(DiskKind::Cdrom, "lifeline.u.config", "raw", "ide"),
            ],
            nics: &[
                (
                    "52:54:00:0a:0b:0c".into(),
                    Attachment::Network("lan".into()),
                ),
                ("52:54:00:0a:0b:0d".into(), Attachment::Bridge("br0".into())),
            ],
            nic_model: "virtio",
            console_log: Some("/var/log/u.log"),
            card: &card(),
        })
    }

    #[test]
    fn a_domain_is_made_from_all_that_a_vm_is() {
        golden("domain.xml", &made());
    }

    #[test]
    fn a_domain_is_read_back() {
        let domain = read_domain(&made()).unwrap();
        assert_eq!(domain.name, "dep_g1_0_u");
        assert_eq!(domain.card, Some(card()));
        assert_eq!(domain.agent, None, "libvirt does not tell yet");
        assert_eq!(domain.volumes.len(), 3);
        assert_eq!(domain.ports[1], ("52:54:00:0a:0b:0d".into(), String::new()));
    }

    #[test]
    fn a_running_domain_tells_its_agent_and_its_ports() {
        let text = include_str!("../golden/running.xml");
        let domain = read_domain(text).unwrap();
        assert_eq!(domain.agent, Some(true));
        assert_eq!(domain.card.unwrap().token, "t.1");
        assert_eq!(
            domain.ports,
            [(
                "52:54:00:00:00:01".into(),
                "8d2f5b1e-1111-2222-3333-444455556666".into()
            )]
        );
        assert_eq!(
            domain.volumes,
            [("default".into(), "lifeline.x.root".into())]
        );
        let foreign =
            "<domain><name>a</name><metadata><x:vm xmlns:x='urn:x' token='t'/></metadata></domain>";
        assert_eq!(read_domain(foreign).unwrap().card, None);
    }

    #[test]
    fn another_flavor_changes_memory_and_cpus_alone() {
        let mut card = card();
        card.flavor = "large".into();
        let text = resized(include_str!("../golden/running.xml"), 4, 2048, &card).unwrap();
        golden("resized.xml", &text);
        assert_eq!(read_domain(&text).unwrap().card.unwrap().flavor, "large");
    }

    #[test]
    fn disks_have_names_by_their_bus() {
        let mut places = Places::default();
        let names: Vec<_> = (0..28).map(|_| places.next("virtio")).collect();
        assert_eq!(
            (&*names[0], &*names[25], &*names[26], &*names[27]),
            ("vda", "vdz", "vdaa", "vdab")
        );
        assert_eq!(places.next("sata"), "sda");
        assert_eq!(places.next("ide"), "hda");
    }
}
