//! What is configured of one libvirt.

use std::path::{Component, Path, PathBuf};

use crate::model::connector::ConnectorSpec;
use crate::vim_http::{ConnectorError, Properties};

/// A way to make a guest begin anew.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RebootWay {
    /// The agent inside the guest.
    Agent,
    /// The power button, and what follows is watched.
    Acpi,
    /// The reset button.
    Reset,
    /// Power off, power on.
    Cycle,
}

/// A way to make a guest go down.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StopWay {
    /// The agent inside the guest.
    Agent,
    /// The power button, and what follows is watched.
    Acpi,
    /// Power off.
    Destroy,
}

/// One libvirt.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Connector {
    /// Its id.
    pub id: String,
    /// Its URI, `qemu:///system`.
    pub uri: String,
    /// Storage pool of images and disks.
    pub pool: String,
    /// `kvm`, `qemu`, `test`; by default the best the host offers.
    pub domain_type: Option<String>,
    /// Architecture of guests; by default the host's.
    pub arch: Option<String>,
    /// Machine of guests; by default the hypervisor's own choice.
    pub machine: Option<String>,
    /// Bus of disks.
    pub disk_bus: String,
    /// Model of interfaces.
    pub nic_model: String,
    /// How networks reach the world: `isolated`, `nat`, `route`, `open`.
    pub forward: String,
    /// Open vSwitch bridge for networks with a VLAN.
    pub vlan_bridge: Option<String>,
    /// Bridges of the host that interfaces may name as networks.
    pub bridges: Vec<String>,
    /// Tenants that exist without being made.
    pub tenants: Vec<String>,
    /// What a soft reboot tries, in order.
    pub soft_reboot: Vec<RebootWay>,
    /// What a hard reboot tries, in order.
    pub hard_reboot: Vec<RebootWay>,
    /// What a stop tries, in order.
    pub stop: Vec<StopWay>,
    /// Folder below which `file:` addresses may point.
    pub files: Option<PathBuf>,
    /// Folder on libvirt's host for what guests say on their serial lines.
    pub console_dir: Option<String>,
    /// Whether a root disk is a copy of its image instead of lying over it.
    pub copy_images: bool,
    /// How long a lost create may take to appear, in ms, instead of the driver's setting.
    pub landing_bound_ms: Option<u64>,
}

impl Connector {
    /// Reads what is configured. Logins are libvirt's own matter (keys, certificates, its `auth.conf`).
    ///
    /// # Errors
    /// What is missing, wrong, or not known.
    pub fn new(spec: ConnectorSpec) -> Result<Self, ConnectorError> {
        if spec.user.is_some() || spec.secret.is_some() {
            let why =
                "libvirt logs in by itself: by keys and certificates of its own, or its auth.conf";
            return Err(bad("user and secret", why));
        }
        let mut take = Properties::new("LIBVIRT", spec.properties);
        let uri = spec
            .url
            .or_else(|| take.text("uri"))
            .ok_or(ConnectorError::Missing("url"))?;
        if !uri.contains(':') {
            return Err(bad("url", "not a libvirt URI"));
        }
        let ways = |text: Option<String>, name: &str, default: &[RebootWay]| match text {
            None => Ok(default.to_vec()),
            Some(text) => list(&text)
                .iter()
                .map(|word| match word.as_str() {
                    "agent" => Ok(RebootWay::Agent),
                    "acpi" => Ok(RebootWay::Acpi),
                    "reset" => Ok(RebootWay::Reset),
                    "cycle" => Ok(RebootWay::Cycle),
                    other => Err(bad(
                        name,
                        &format!("'{other}' is none of agent, acpi, reset, cycle"),
                    )),
                })
                .collect(),
        };
        let stop = match take.text("stop") {
            None => vec![StopWay::Agent, StopWay::Acpi, StopWay::Destroy],
            Some(text) => list(&text)
                .iter()
                .map(|word| match word.as_str() {
                    "agent" => Ok(StopWay::Agent),
                    "acpi" => Ok(StopWay::Acpi),
                    "destroy" => Ok(StopWay::Destroy),
                    other => Err(bad(
                        "stop",
                        &format!("'{other}' is none of agent, acpi, destroy"),
                    )),
                })
                .collect::<Result<_, _>>()?,
        };
        let connector = Self {
            id: spec.id,
            uri,
            pool: take.text("pool").unwrap_or_else(|| "default".to_owned()),
            domain_type: take.text("domain_type"),
            arch: take.text("arch"),
            machine: take.text("machine"),
            disk_bus: take
                .one_of("disk_bus", &["virtio", "scsi", "sata", "ide"])?
                .unwrap_or("virtio")
                .to_owned(),
            nic_model: take
                .text("nic_model")
                .unwrap_or_else(|| "virtio".to_owned()),
            forward: take
                .one_of("forward", &["isolated", "nat", "route", "open"])?
                .unwrap_or("isolated")
                .to_owned(),
            vlan_bridge: take.text("vlan_bridge"),
            bridges: take
                .text("bridges")
                .map(|text| list(&text))
                .unwrap_or_default(),
            tenants: take
                .text("tenants")
                .map(|text| list(&text))
                .unwrap_or_default(),
            soft_reboot: ways(
                take.text("soft_reboot"),
                "soft_reboot",
                &[
                    RebootWay::Agent,
                    RebootWay::Acpi,
                    RebootWay::Reset,
                    RebootWay::Cycle,
                ],
            )?,
            hard_reboot: ways(take.text("hard_reboot"), "hard_reboot", &[RebootWay::Cycle])?,
            stop,
            files: take.text("files").map(PathBuf::from),
            console_dir: take.text("console_dir"),
            copy_images: take.one_of("root_disk", &["overlay", "copy"])? == Some("copy"),
            landing_bound_ms: take.number("landing_bound_ms")?,
        };
        take.end()?;
        Ok(connector)
    }

    /// The file that a `file:` address names, when it lies below the folder for such files.
    pub fn local_file(&self, path: &str) -> Option<PathBuf> {
        let folder = self.files.as_deref()?;
        let path = Path::new(path);
        let inside = path.strip_prefix(folder).ok()?;
        let plain = inside
            .components()
            .all(|part| matches!(part, Component::Normal(_)));
        plain.then(|| path.to_owned())
    }
}

fn bad(name: &str, why: &str) -> ConnectorError {
    ConnectorError::Bad {
        name: name.to_owned(),
        why: why.to_owned(),
    }
}

fn list(text: &str) -> Vec<String> {
    let words = text.split([',', ' ']).map(str::trim);
    words
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(properties: &[(&str, &str)]) -> ConnectorSpec {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        ConnectorSpec {
            id: "lab".into(),
            kind: "LIBVIRT".into(),
            url: Some("qemu:///system".into()),
            properties: properties.iter().map(owned).collect(),
            ..ConnectorSpec::default()
        }
    }

    fn read(properties: &[(&str, &str)]) -> Result<Connector, ConnectorError> {
        Connector::new(spec(properties))
    }

    #[test]
    fn a_connector_is_read_with_its_defaults() {
        let connector = read(&[]).unwrap();
        assert_eq!(
            (&*connector.uri, &*connector.pool),
            ("qemu:///system", "default")
        );
        assert_eq!(connector.hard_reboot, [RebootWay::Cycle]);
        assert_eq!(connector.soft_reboot.len(), 4);
        assert_eq!(
            connector.stop,
            [StopWay::Agent, StopWay::Acpi, StopWay::Destroy]
        );
        let other = read(&[
            ("hard_reboot", "agent, acpi"),
            ("bridges", "br0 br1"),
            ("root_disk", "copy"),
        ]);
        let other = other.unwrap();
        assert_eq!(other.hard_reboot, [RebootWay::Agent, RebootWay::Acpi]);
        assert_eq!(other.bridges, ["br0", "br1"]);
        assert!(other.copy_images);
    }

    #[test]
    fn what_is_wrong_is_named() {
        let why = |properties: &[(&str, &str)]| read(properties).unwrap_err().to_string();
        assert!(why(&[("colour", "x")]).contains("'colour'"));
        assert!(why(&[("hard_reboot", "kick")]).contains("'kick'"));
        assert!(why(&[("stop", "reset")]).contains("'reset'"));
        assert!(why(&[("forward", "x")]).contains("nat"));
        assert!(why(&[("landing_bound_ms", "soon")]).contains("not a number"));
        let of = |spec| Connector::new(spec).unwrap_err().to_string();
        let none = spec(&[]);
        assert_eq!(
            of(ConnectorSpec {
                url: None,
                ..none.clone()
            }),
            "url is missing"
        );
        let odd = Some("x".to_owned());
        assert!(
            of(ConnectorSpec {
                url: odd.clone(),
                ..none.clone()
            })
            .contains("URI")
        );
        assert!(of(ConnectorSpec { user: odd, ..none }).contains("auth.conf"));
    }

    #[test]
    fn local_files_are_read_below_their_folder_alone() {
        let connector = read(&[("files", "/srv/images")]).unwrap();
        assert!(connector.local_file("/srv/images/a/b.img").is_some());
        for path in [
            "/etc/shadow",
            "/srv/images/../x",
            "/srv/imagesx/a",
            "srv/images/a",
        ] {
            assert_eq!(connector.local_file(path), None, "{path}");
        }
        assert_eq!(read(&[]).unwrap().local_file("/srv/images/a"), None);
    }
}
