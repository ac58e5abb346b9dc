//! Virtual machines.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::lenient::{self, Id};
use super::things::Tag;

/// State of a VM.
#[derive(Clone, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "each name is the state's own")]
pub enum VmState {
    Starting,
    Running,
    Stopping,
    Stopped,
    Destroyed,
    Expunging,
    Migrating,
    Error,
    Unknown,
    Shutdowned,
    /// One that is not known here.
    Other(String),
}

impl VmState {
    const ALL: [Self; 10] = [
        Self::Starting,
        Self::Running,
        Self::Stopping,
        Self::Stopped,
        Self::Destroyed,
        Self::Expunging,
        Self::Migrating,
        Self::Error,
        Self::Unknown,
        Self::Shutdowned,
    ];

    /// The wire word.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Starting => "Starting",
            Self::Running => "Running",
            Self::Stopping => "Stopping",
            Self::Stopped => "Stopped",
            Self::Destroyed => "Destroyed",
            Self::Expunging => "Expunging",
            Self::Migrating => "Migrating",
            Self::Error => "Error",
            Self::Unknown => "Unknown",
            Self::Shutdowned => "Shutdowned",
            Self::Other(word) => word,
        }
    }
}

impl From<&str> for VmState {
    fn from(text: &str) -> Self {
        let mut all = Self::ALL.into_iter();
        all.find(|state| state.as_str().eq_ignore_ascii_case(text))
            .unwrap_or_else(|| Self::Other(text.to_owned()))
    }
}

impl fmt::Display for VmState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for VmState {
    fn serialize<S: Serializer>(&self, writer: S) -> Result<S::Ok, S::Error> {
        writer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for VmState {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        Ok(Self::from(&*lenient::text(reader)?))
    }
}

/// A VM's interface.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Nic {
    /// Id.
    pub id: Id,
    /// Network.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub networkid: Option<Id>,
    /// Its name.
    #[serde(
        default,
        deserialize_with = "lenient::maybe_text",
        skip_serializing_if = "Option::is_none"
    )]
    pub networkname: Option<String>,
    /// Netmask.
    #[serde(
        default,
        deserialize_with = "lenient::maybe_text",
        skip_serializing_if = "Option::is_none"
    )]
    pub netmask: Option<String>,
    /// Gateway.
    #[serde(
        default,
        deserialize_with = "lenient::maybe_text",
        skip_serializing_if = "Option::is_none"
    )]
    pub gateway: Option<String>,
    /// Address.
    #[serde(
        default,
        deserialize_with = "lenient::maybe_text",
        skip_serializing_if = "Option::is_none"
    )]
    pub ipaddress: Option<String>,
    /// IPv6 address.
    #[serde(
        default,
        deserialize_with = "lenient::maybe_text",
        skip_serializing_if = "Option::is_none"
    )]
    pub ip6address: Option<String>,
    /// MAC address.
    #[serde(
        default,
        deserialize_with = "lenient::maybe_text",
        skip_serializing_if = "Option::is_none"
    )]
    pub macaddress: Option<String>,
    /// `Guest` and others.
    #[serde(
        default,
        deserialize_with = "lenient::maybe_text",
        skip_serializing_if = "Option::is_none"
    )]
    pub traffictype: Option<String>,
    /// `Isolated`, `Shared`, `Virtual`.
    #[serde(
        rename = "type",
        default,
        deserialize_with = "lenient::maybe_text",
        skip_serializing_if = "Option::is_none"
    )]
    pub kind: Option<String>,
    /// `vlan://...`.
    #[serde(
        default,
        deserialize_with = "lenient::maybe_text",
        skip_serializing_if = "Option::is_none"
    )]
    pub isolationuri: Option<String>,
    /// `vlan://...`.
    #[serde(
        default,
        deserialize_with = "lenient::maybe_text",
        skip_serializing_if = "Option::is_none"
    )]
    pub broadcasturi: Option<String>,
    /// Whether the default route goes through it.
    #[serde(default, deserialize_with = "lenient::flag")]
    pub isdefault: bool,
}

/// A VM as shown. Members that only some versions or people see may be missing.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct VirtualMachine {
    /// Id.
    pub id: Id,
    /// Name.
    #[serde(default, deserialize_with = "lenient::text")]
    pub name: String,
    /// State.
    pub state: VmState,
    /// Name shown.
    #[serde(
        default,
        deserialize_with = "lenient::maybe_text",
        skip_serializing_if = "Option::is_none"
    )]
    pub displayname: Option<String>,
    /// Name on the hypervisor, for administrators.
    #[serde(
        default,
        deserialize_with = "lenient::maybe_text",
        skip_serializing_if = "Option::is_none"
    )]
    pub instancename: Option<String>,
    /// Account.
    #[serde(
        default,
        deserialize_with = "lenient::maybe_text",
        skip_serializing_if = "Option::is_none"
    )]
    pub account: Option<String>,
    /// Domain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub domainid: Option<Id>,
    /// Its name.
    #[serde(
        default,
        deserialize_with = "lenient::maybe_text",
        skip_serializing_if = "Option::is_none"
    )]
    pub domain: Option<String>,
    /// When made.
    #[serde(
        default,
        deserialize_with = "lenient::maybe_text",
        skip_serializing_if = "Option::is_none"
    )]
    pub created: Option<String>,
    /// Whether the cloud restarts it.
    #[serde(default, deserialize_with = "lenient::flag")]
    pub haenable: bool,
    /// Name of its SSH key pair.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keypair: Option<String>,
    /// Zone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zoneid: Option<Id>,
    /// Its name.
    #[serde(
        default,
        deserialize_with = "lenient::maybe_text",
        skip_serializing_if = "Option::is_none"
    )]
    pub zonename: Option<String>,
    /// Host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hostid: Option<Id>,
    /// Its name.
    #[serde(
        default,
        deserialize_with = "lenient::maybe_text",
        skip_serializing_if = "Option::is_none"
    )]
    pub hostname: Option<String>,
    /// Template.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub templateid: Option<Id>,
    /// Its name.
    #[serde(
        default,
        deserialize_with = "lenient::maybe_text",
        skip_serializing_if = "Option::is_none"
    )]
    pub templatename: Option<String>,
    /// Words about it.
    #[serde(
        default,
        deserialize_with = "lenient::maybe_text",
        skip_serializing_if = "Option::is_none"
    )]
    pub templatedisplaytext: Option<String>,
    /// Whether a password is set at the start.
    #[serde(default, deserialize_with = "lenient::flag")]
    pub passwordenabled: bool,
    /// Size.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serviceofferingid: Option<Id>,
    /// Its name.
    #[serde(
        default,
        deserialize_with = "lenient::maybe_text",
        skip_serializing_if = "Option::is_none"
    )]
    pub serviceofferingname: Option<String>,
    /// Processors.
    #[serde(
        default,
        deserialize_with = "lenient::maybe_number",
        skip_serializing_if = "Option::is_none"
    )]
    pub cpunumber: Option<u64>,
    /// MHz of each.
    #[serde(
        default,
        deserialize_with = "lenient::maybe_number",
        skip_serializing_if = "Option::is_none"
    )]
    pub cpuspeed: Option<u64>,
    /// MB.
    #[serde(
        default,
        deserialize_with = "lenient::maybe_number",
        skip_serializing_if = "Option::is_none"
    )]
    pub memory: Option<u64>,
    /// Kind of operating system.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guestosid: Option<Id>,
    /// Root disk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rootdeviceid: Option<Id>,
    /// Its kind.
    #[serde(
        default,
        deserialize_with = "lenient::maybe_text",
        skip_serializing_if = "Option::is_none"
    )]
    pub rootdevicetype: Option<String>,
    /// Group.
    #[serde(
        default,
        deserialize_with = "lenient::maybe_text",
        skip_serializing_if = "Option::is_none"
    )]
    pub group: Option<String>,
    /// Kind of hypervisor.
    #[serde(
        default,
        deserialize_with = "lenient::maybe_text",
        skip_serializing_if = "Option::is_none"
    )]
    pub hypervisor: Option<String>,
    /// Base64 of what the guest reads.
    #[serde(
        default,
        deserialize_with = "lenient::maybe_text",
        skip_serializing_if = "Option::is_none"
    )]
    pub userdata: Option<String>,
    /// Interfaces.
    #[serde(
        default,
        deserialize_with = "lenient::list",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub nic: Vec<Nic>,
    /// Tags.
    #[serde(
        default,
        deserialize_with = "lenient::list",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub tags: Vec<Tag>,
    /// Keys and values given at its making.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub details: Option<std::collections::BTreeMap<String, String>>,
}

impl Default for VirtualMachine {
    fn default() -> Self {
        Self {
            id: Id::default(),
            name: String::new(),
            state: VmState::Unknown,
            displayname: None,
            instancename: None,
            account: None,
            domainid: None,
            domain: None,
            created: None,
            haenable: false,
            keypair: None,
            zoneid: None,
            zonename: None,
            hostid: None,
            hostname: None,
            templateid: None,
            templatename: None,
            templatedisplaytext: None,
            passwordenabled: false,
            serviceofferingid: None,
            serviceofferingname: None,
            cpunumber: None,
            cpuspeed: None,
            memory: None,
            guestosid: None,
            rootdeviceid: None,
            rootdevicetype: None,
            group: None,
            hypervisor: None,
            userdata: None,
            nic: Vec::new(),
            tags: Vec::new(),
            details: None,
        }
    }
}
