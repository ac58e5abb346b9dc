//! Servers: what is asked for, and what is shown.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::flavor::ServerFlavor;
use super::word::{HostStatus, PowerState, ServerStatus};
use super::{Nullable, nullable, or_default, truth};

/// A link.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Link {
    /// `self`, `bookmark`, `next`, ...
    #[serde(default, deserialize_with = "or_default")]
    pub rel: String,
    /// Where to.
    pub href: String,
    /// Media type, in lists of versions.
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
}

/// Something that is shown by its name alone (a security group of a server).
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Name {
    /// The name.
    pub name: String,
}

/// `POST /servers`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct NewServerDocument {
    /// What to make.
    pub server: NewServer,
}

/// A server to make.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct NewServer {
    /// Name.
    pub name: String,
    /// Image's id; missing or empty when the first block device is to be booted from.
    #[serde(rename = "imageRef", default, skip_serializing_if = "Option::is_none")]
    pub image_ref: Option<String>,
    /// Flavor's id.
    #[serde(rename = "flavorRef")]
    pub flavor_ref: String,
    /// Metadata.
    #[serde(
        default,
        deserialize_with = "or_default",
        skip_serializing_if = "BTreeMap::is_empty"
    )]
    pub metadata: BTreeMap<String, String>,
    /// Interfaces; from microversion 2.37 on it must be given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub networks: Option<NewServerNetworks>,
    /// Base64 of what cloud-init reads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_data: Option<String>,
    /// Whether the data come on a disk of their own; read from a word too.
    #[serde(
        default,
        deserialize_with = "truth",
        skip_serializing_if = "Option::is_none"
    )]
    pub config_drive: Option<bool>,
    /// Files to put into the image, up to microversion 2.56.
    #[serde(
        default,
        deserialize_with = "or_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub personality: Vec<Personality>,
    /// Disks.
    #[serde(
        default,
        deserialize_with = "or_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub block_device_mapping_v2: Vec<BlockDevice>,
    /// Security groups by name.
    #[serde(
        default,
        deserialize_with = "or_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub security_groups: Vec<Name>,
    /// Zone, with an optional host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub availability_zone: Option<String>,
    /// SSH key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_name: Option<String>,
    /// How many at least.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_count: Option<Value>,
    /// How many at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_count: Option<Value>,
    /// Password of the administrator.
    #[serde(rename = "adminPass", default, skip_serializing_if = "Option::is_none")]
    pub admin_pass: Option<String>,
    /// Words about it, from microversion 2.19.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Tags, from microversion 2.52.
    #[serde(
        default,
        deserialize_with = "or_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub tags: Vec<String>,
}

/// The interfaces of a new server.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(untagged)]
pub enum NewServerNetworks {
    /// `auto` or `none`.
    Word(String),
    /// Each of them.
    List(Vec<NewNetworkInterface>),
}

/// An interface of a new server: a network with an optional address, or a port.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct NewNetworkInterface {
    /// Network's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uuid: Option<String>,
    /// Port's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<String>,
    /// Address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fixed_ip: Option<String>,
    /// Tag of the device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
}

/// A file to put into the image.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Personality {
    /// Where.
    pub path: String,
    /// Base64 of its content.
    pub contents: String,
}

/// A disk of a new server.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct BlockDevice {
    /// `image`, `blank`, `volume`, `snapshot`.
    pub source_type: String,
    /// `local` or `volume`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub destination_type: Option<String>,
    /// Id of the source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uuid: Option<String>,
    /// 0 for the disk to boot from; a number or a text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub boot_index: Option<Value>,
    /// Size in GiB; a number or a text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub volume_size: Option<Value>,
    /// Whether it goes with the server; read from a word too.
    #[serde(
        default,
        deserialize_with = "truth",
        skip_serializing_if = "Option::is_none"
    )]
    pub delete_on_termination: Option<bool>,
    /// Bus.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disk_bus: Option<String>,
    /// Tag of the device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
}

/// The 202 to `POST /servers`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct CreatedServerDocument {
    /// What is being made.
    pub server: CreatedServer,
}

/// What a create is answered with at once.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct CreatedServer {
    /// Id.
    pub id: String,
    /// Where it is.
    #[serde(default, deserialize_with = "or_default")]
    pub links: Vec<Link>,
    /// Password of the administrator.
    #[serde(rename = "adminPass", default, skip_serializing_if = "Option::is_none")]
    pub admin_pass: Option<String>,
    /// `MANUAL` or `AUTO`.
    #[serde(
        rename = "OS-DCF:diskConfig",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub disk_config: Option<String>,
    /// Security groups.
    #[serde(default, deserialize_with = "or_default")]
    pub security_groups: Vec<Name>,
}

/// `GET /servers/{id}`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct ServerDocument {
    /// It.
    pub server: Server,
}

/// `GET /servers/detail`, and `GET /servers` with no more than id, name and links of each.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct ServerList {
    /// The servers.
    #[serde(default, deserialize_with = "or_default")]
    pub servers: Vec<Server>,
    /// `rel` `next`: where the list goes on.
    #[serde(
        default,
        deserialize_with = "or_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub servers_links: Vec<Link>,
}

/// A server as shown. Members that only some microversions or people see may be missing.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Server {
    /// Id.
    pub id: String,
    /// Name.
    #[serde(default, deserialize_with = "or_default")]
    pub name: String,
    /// Status; missing in a list without details.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<ServerStatus>,
    /// Project.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant_id: Option<String>,
    /// User.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
    /// Metadata.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<BTreeMap<String, String>>,
    /// A digest of host and project, empty on no host.
    #[serde(rename = "hostId", default, skip_serializing_if = "Option::is_none")]
    pub host_id: Option<String>,
    /// Its image; the empty text when booted from a volume.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<ImageRef>,
    /// Its flavor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flavor: Option<FlavorRef>,
    /// When made, `2026-11-22T06:00:00Z`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<String>,
    /// When changed last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub updated: Option<String>,
    /// Addresses by network name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub addresses: Option<BTreeMap<String, Vec<Address>>>,
    /// Why it is in error; shown with status `ERROR` and `DELETED` only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<ServerFault>,
    /// Percent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress: Option<i64>,
    /// Where it is.
    #[serde(default, deserialize_with = "or_default")]
    pub links: Vec<Link>,
    /// Address for access.
    #[serde(
        rename = "accessIPv4",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub access_ipv4: Option<String>,
    /// Address for access.
    #[serde(
        rename = "accessIPv6",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub access_ipv6: Option<String>,
    /// `True` or empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config_drive: Option<String>,
    /// SSH key.
    #[serde(
        default,
        deserialize_with = "nullable",
        skip_serializing_if = "Option::is_none"
    )]
    pub key_name: Nullable<String>,
    /// `MANUAL` or `AUTO`.
    #[serde(
        rename = "OS-DCF:diskConfig",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub disk_config: Option<String>,
    /// Zone.
    #[serde(
        rename = "OS-EXT-AZ:availability_zone",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub availability_zone: Option<String>,
    /// What Nova is doing with it, `null` when nothing.
    #[serde(
        rename = "OS-EXT-STS:task_state",
        default,
        deserialize_with = "nullable",
        skip_serializing_if = "Option::is_none"
    )]
    pub task_state: Nullable<String>,
    /// What it is when nothing is being done.
    #[serde(
        rename = "OS-EXT-STS:vm_state",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub vm_state: Option<String>,
    /// What the hypervisor says.
    #[serde(
        rename = "OS-EXT-STS:power_state",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub power_state: Option<PowerState>,
    /// When it was started.
    #[serde(
        rename = "OS-SRV-USG:launched_at",
        default,
        deserialize_with = "nullable",
        skip_serializing_if = "Option::is_none"
    )]
    pub launched_at: Nullable<String>,
    /// When it was ended.
    #[serde(
        rename = "OS-SRV-USG:terminated_at",
        default,
        deserialize_with = "nullable",
        skip_serializing_if = "Option::is_none"
    )]
    pub terminated_at: Nullable<String>,
    /// Its host, for administrators.
    #[serde(
        rename = "OS-EXT-SRV-ATTR:host",
        default,
        deserialize_with = "nullable",
        skip_serializing_if = "Option::is_none"
    )]
    pub host: Nullable<String>,
    /// Its name on the host, for administrators.
    #[serde(
        rename = "OS-EXT-SRV-ATTR:instance_name",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub instance_name: Option<String>,
    /// The hypervisor's name, for administrators.
    #[serde(
        rename = "OS-EXT-SRV-ATTR:hypervisor_hostname",
        default,
        deserialize_with = "nullable",
        skip_serializing_if = "Option::is_none"
    )]
    pub hypervisor_hostname: Nullable<String>,
    /// Volumes.
    #[serde(
        rename = "os-extended-volumes:volumes_attached",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub volumes_attached: Option<Vec<AttachedVolume>>,
    /// Security groups.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub security_groups: Option<Vec<Name>>,
    /// Whether its host answers, from microversion 2.16, for administrators.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_status: Option<HostStatus>,
    /// Whether it is locked, from microversion 2.9.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locked: Option<bool>,
    /// Words about it, from microversion 2.19.
    #[serde(
        default,
        deserialize_with = "nullable",
        skip_serializing_if = "Option::is_none"
    )]
    pub description: Nullable<String>,
    /// Tags, from microversion 2.26.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tags: Option<Vec<String>>,
}

/// A server's image.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ImageRef {
    /// The image it was made from.
    Image {
        /// Id.
        id: String,
        /// Where it is.
        #[serde(default, deserialize_with = "or_default")]
        links: Vec<Link>,
    },
    /// The empty text: booted from a volume.
    None(String),
}

/// A server's flavor: a reference, or from microversion 2.47 what it was at the time.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(untagged)]
pub enum FlavorRef {
    /// A reference.
    Reference {
        /// Id.
        id: String,
        /// Where it is.
        #[serde(default, deserialize_with = "or_default")]
        links: Vec<Link>,
    },
    /// What it was.
    Shown(ServerFlavor),
}

/// An address of a server.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Address {
    /// The address.
    pub addr: String,
    /// 4 or 6.
    #[serde(default)]
    pub version: u8,
    /// `fixed` or `floating`.
    #[serde(
        rename = "OS-EXT-IPS:type",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub kind: Option<String>,
    /// MAC address of the port.
    #[serde(
        rename = "OS-EXT-IPS-MAC:mac_addr",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub mac_addr: Option<String>,
}

/// Why a server is in error.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct ServerFault {
    /// 500 mostly.
    #[serde(default)]
    pub code: i64,
    /// When.
    #[serde(default, deserialize_with = "or_default")]
    pub created: String,
    /// The words; those of ordinary users may be no more than the error's class.
    #[serde(default, deserialize_with = "or_default")]
    pub message: String,
    /// A traceback, for administrators.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub details: Option<String>,
}

/// A volume of a server.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct AttachedVolume {
    /// Id.
    pub id: String,
    /// Whether it goes with the server, from microversion 2.3.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delete_on_termination: Option<bool>,
}
