//! Zones, sizes, templates, networks, accounts, tags.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::lenient::{self, Id};

/// A list in a reply: how many there are in all, and those of this page under the kind's name.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Listed<T> {
    /// `zone`, `virtualmachine`, ...
    pub kind: &'static str,
    /// In all.
    pub count: usize,
    /// Of this page.
    pub page: Vec<T>,
}

/// An empty list has no members at all, as in a real cloud.
impl<T: Serialize> Serialize for Listed<T> {
    fn serialize<S: serde::Serializer>(&self, writer: S) -> Result<S::Ok, S::Error> {
        let mut members = Map::new();
        if !self.page.is_empty() {
            let page = serde_json::to_value(&self.page).map_err(serde::ser::Error::custom)?;
            members.insert("count".to_owned(), Value::from(self.count));
            members.insert(self.kind.to_owned(), page);
        }
        members.serialize(writer)
    }
}

/// A zone.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Zone {
    /// Id.
    pub id: Id,
    /// Name.
    #[serde(default, deserialize_with = "lenient::text")]
    pub name: String,
    /// `Basic` or `Advanced`.
    #[serde(
        default,
        deserialize_with = "lenient::maybe_text",
        skip_serializing_if = "Option::is_none"
    )]
    pub networktype: Option<String>,
    /// `Enabled` or `Disabled`.
    #[serde(
        default,
        deserialize_with = "lenient::maybe_text",
        skip_serializing_if = "Option::is_none"
    )]
    pub allocationstate: Option<String>,
    /// Who hands out addresses.
    #[serde(
        default,
        deserialize_with = "lenient::maybe_text",
        skip_serializing_if = "Option::is_none"
    )]
    pub dhcpprovider: Option<String>,
    /// Whether disks may be local.
    #[serde(default, deserialize_with = "lenient::flag")]
    pub localstorageenabled: bool,
    /// Whether there are security groups.
    #[serde(default, deserialize_with = "lenient::flag")]
    pub securitygroupsenabled: bool,
}

/// A size of VMs.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct ServiceOffering {
    /// Id.
    pub id: Id,
    /// Name.
    #[serde(default, deserialize_with = "lenient::text")]
    pub name: String,
    /// Words about it.
    #[serde(
        default,
        deserialize_with = "lenient::maybe_text",
        skip_serializing_if = "Option::is_none"
    )]
    pub displaytext: Option<String>,
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
    /// When made.
    #[serde(
        default,
        deserialize_with = "lenient::maybe_text",
        skip_serializing_if = "Option::is_none"
    )]
    pub created: Option<String>,
    /// `shared` or `local`.
    #[serde(
        default,
        deserialize_with = "lenient::maybe_text",
        skip_serializing_if = "Option::is_none"
    )]
    pub storagetype: Option<String>,
    /// Whether the cloud restarts such VMs.
    #[serde(default, deserialize_with = "lenient::flag")]
    pub offerha: bool,
    /// Whether the processors are capped.
    #[serde(default, deserialize_with = "lenient::flag")]
    pub limitcpuuse: bool,
    /// Whether it is the cloud's own.
    #[serde(default, deserialize_with = "lenient::flag")]
    pub issystem: bool,
    /// Whether it is taken by default.
    #[serde(default, deserialize_with = "lenient::flag")]
    pub defaultuse: bool,
}

/// A template.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Template {
    /// Id.
    pub id: Id,
    /// Name.
    #[serde(default, deserialize_with = "lenient::text")]
    pub name: String,
    /// Words about it.
    #[serde(
        default,
        deserialize_with = "lenient::maybe_text",
        skip_serializing_if = "Option::is_none"
    )]
    pub displaytext: Option<String>,
    /// Whether everybody may use it.
    #[serde(default, deserialize_with = "lenient::flag")]
    pub ispublic: bool,
    /// Whether it can be used.
    #[serde(default, deserialize_with = "lenient::flag")]
    pub isready: bool,
    /// Whether it is shown first.
    #[serde(default, deserialize_with = "lenient::flag")]
    pub isfeatured: bool,
    /// Whether it may be taken out.
    #[serde(default, deserialize_with = "lenient::flag")]
    pub isextractable: bool,
    /// Whether a password is set at the start.
    #[serde(default, deserialize_with = "lenient::flag")]
    pub passwordenabled: bool,
    /// When made.
    #[serde(
        default,
        deserialize_with = "lenient::maybe_text",
        skip_serializing_if = "Option::is_none"
    )]
    pub created: Option<String>,
    /// `QCOW2` and others.
    #[serde(
        default,
        deserialize_with = "lenient::maybe_text",
        skip_serializing_if = "Option::is_none"
    )]
    pub format: Option<String>,
    /// Kind of hypervisor.
    #[serde(
        default,
        deserialize_with = "lenient::maybe_text",
        skip_serializing_if = "Option::is_none"
    )]
    pub hypervisor: Option<String>,
    /// Kind of operating system.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ostypeid: Option<Id>,
    /// Its name.
    #[serde(
        default,
        deserialize_with = "lenient::maybe_text",
        skip_serializing_if = "Option::is_none"
    )]
    pub ostypename: Option<String>,
    /// Octets.
    #[serde(
        default,
        deserialize_with = "lenient::maybe_number",
        skip_serializing_if = "Option::is_none"
    )]
    pub size: Option<u64>,
    /// `Download Complete` and others.
    #[serde(
        default,
        deserialize_with = "lenient::maybe_text",
        skip_serializing_if = "Option::is_none"
    )]
    pub status: Option<String>,
    /// `USER`, `BUILTIN`, ...
    #[serde(
        default,
        deserialize_with = "lenient::maybe_text",
        skip_serializing_if = "Option::is_none"
    )]
    pub templatetype: Option<String>,
    /// Whose.
    #[serde(
        default,
        deserialize_with = "lenient::maybe_text",
        skip_serializing_if = "Option::is_none"
    )]
    pub account: Option<String>,
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
}

/// A network.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Network {
    /// Id.
    pub id: Id,
    /// Name.
    #[serde(default, deserialize_with = "lenient::text")]
    pub name: String,
    /// Words about it.
    #[serde(
        default,
        deserialize_with = "lenient::maybe_text",
        skip_serializing_if = "Option::is_none"
    )]
    pub displaytext: Option<String>,
    /// `Implemented` and others.
    #[serde(
        default,
        deserialize_with = "lenient::maybe_text",
        skip_serializing_if = "Option::is_none"
    )]
    pub state: Option<String>,
    /// `Isolated` or `Shared`.
    #[serde(
        rename = "type",
        default,
        deserialize_with = "lenient::maybe_text",
        skip_serializing_if = "Option::is_none"
    )]
    pub kind: Option<String>,
    /// `Guest`.
    #[serde(
        default,
        deserialize_with = "lenient::maybe_text",
        skip_serializing_if = "Option::is_none"
    )]
    pub traffictype: Option<String>,
    /// Addresses.
    #[serde(
        default,
        deserialize_with = "lenient::maybe_text",
        skip_serializing_if = "Option::is_none"
    )]
    pub cidr: Option<String>,
    /// Gateway.
    #[serde(
        default,
        deserialize_with = "lenient::maybe_text",
        skip_serializing_if = "Option::is_none"
    )]
    pub gateway: Option<String>,
    /// Netmask.
    #[serde(
        default,
        deserialize_with = "lenient::maybe_text",
        skip_serializing_if = "Option::is_none"
    )]
    pub netmask: Option<String>,
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
    /// Kind of network.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub networkofferingid: Option<Id>,
    /// Its name.
    #[serde(
        default,
        deserialize_with = "lenient::maybe_text",
        skip_serializing_if = "Option::is_none"
    )]
    pub networkofferingname: Option<String>,
    /// Whose.
    #[serde(
        default,
        deserialize_with = "lenient::maybe_text",
        skip_serializing_if = "Option::is_none"
    )]
    pub account: Option<String>,
    /// `Account` or `Domain`.
    #[serde(
        default,
        deserialize_with = "lenient::maybe_text",
        skip_serializing_if = "Option::is_none"
    )]
    pub acltype: Option<String>,
    /// Whether it is the cloud's own.
    #[serde(default, deserialize_with = "lenient::flag")]
    pub issystem: bool,
    /// Whether it has to be restarted.
    #[serde(default, deserialize_with = "lenient::flag")]
    pub restartrequired: bool,
}

/// A public address.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct PublicIp {
    /// Id.
    pub id: Id,
    /// Address.
    #[serde(default, deserialize_with = "lenient::text")]
    pub ipaddress: String,
    /// VM it is bound to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub virtualmachineid: Option<Id>,
    /// Network.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub associatednetworkid: Option<Id>,
    /// `Allocated` and others.
    #[serde(
        default,
        deserialize_with = "lenient::maybe_text",
        skip_serializing_if = "Option::is_none"
    )]
    pub state: Option<String>,
}

/// An account.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Account {
    /// Id.
    pub id: Id,
    /// Name.
    #[serde(default, deserialize_with = "lenient::text")]
    pub name: String,
    /// 0 user, 1 administrator.
    #[serde(
        default,
        deserialize_with = "lenient::maybe_number",
        skip_serializing_if = "Option::is_none"
    )]
    pub accounttype: Option<u64>,
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
    /// `enabled` and others.
    #[serde(
        default,
        deserialize_with = "lenient::maybe_text",
        skip_serializing_if = "Option::is_none"
    )]
    pub state: Option<String>,
}

/// A tag.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Tag {
    /// Key.
    #[serde(default, deserialize_with = "lenient::text")]
    pub key: String,
    /// Value.
    #[serde(default, deserialize_with = "lenient::text")]
    pub value: String,
    /// `UserVm` and others.
    #[serde(
        default,
        deserialize_with = "lenient::maybe_text",
        skip_serializing_if = "Option::is_none"
    )]
    pub resourcetype: Option<String>,
    /// Of what.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resourceid: Option<Id>,
}

/// What a command without another result is answered with.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Success {
    /// Whether it worked.
    #[serde(default, deserialize_with = "lenient::flag")]
    pub success: bool,
    /// Words about it.
    #[serde(
        default,
        deserialize_with = "lenient::maybe_text",
        skip_serializing_if = "Option::is_none"
    )]
    pub displaytext: Option<String>,
}
