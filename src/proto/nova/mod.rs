//! Wire words of OpenStack: Keystone v3, Nova 2.1 with its microversions, Glance v2 and the part of
//! Neutron v2.0 that a VM's interfaces need.
//!
//! JSON to values and back, nothing else: a driver decodes what the simulated cloud's face encodes, so both
//! directions are here. Decoding takes what clouds of ten years send: unknown members are skipped, a member
//! that came with a later microversion may be missing, `null` stands for an empty list where one is expected.
//! Three things are told apart where a reader needs it: a member that is missing, one that is `null`, and one
//! with a value ([`Nullable`]).

mod action;
mod error;
mod fault;
mod flavor;
mod identity;
mod image;
mod instance_action;
mod network;
mod port;
mod server;
mod service;
mod version;
mod word;

pub use action::{RebootType, Rebuild, ServerAction};
pub use error::{DecodeError, decode, encode};
pub use fault::{Fault, FaultKind};
pub use flavor::{
    Flavor, FlavorDocument, FlavorList, NewFlavor, NewFlavorDocument, ServerFlavor, Swap,
};
pub use identity::{
    ApplicationCredential, Auth, AuthDocument, CatalogEntry, DomainRef, Endpoint, Identity,
    NamedUser, NewProject, NewProjectDocument, PasswordMethod, Project, ProjectDocument,
    ProjectList, ProjectRef, Role, RoleList, Scope, ScopeWord, Token, TokenDocument, TokenMethod,
    UserRef,
};
pub use image::{Image, ImageImport, ImageList, ImportMethod, NewImage};
pub use instance_action::{
    ActionEvent, InstanceAction, InstanceActionDocument, InstanceActionList,
};
pub use network::{
    Network, NetworkDocument, NetworkList, NewNetwork, NewNetworkDocument, NewSubnet,
    NewSubnetDocument, Subnet, SubnetDocument, SubnetList,
};
pub use port::{
    FixedIp, NewPort, NewPortDocument, Port, PortChange, PortChangeDocument, PortDocument,
    PortList, SecurityGroup, SecurityGroupList,
};
pub use server::{
    Address, AttachedVolume, BlockDevice, CreatedServer, CreatedServerDocument, FlavorRef,
    ImageRef, Link, Name, NewNetworkInterface, NewServer, NewServerDocument, NewServerNetworks,
    Personality, Server, ServerDocument, ServerFault, ServerList,
};
pub use service::{ComputeService, ComputeServiceList};
pub use version::{Microversion, ServiceVersion, Versions};
pub use word::{HostStatus, PowerState, ServerStatus};

/// A member that may be missing (`None`), `null` (`Some(None)`), or hold a value.
pub type Nullable<T> = Option<Option<T>>;

/// Reads a member that is there; a missing one stays `None` by `serde(default)`.
fn nullable<'de, T, D>(reader: D) -> Result<Nullable<T>, D::Error>
where
    T: serde::Deserialize<'de>,
    D: serde::Deserializer<'de>,
{
    <Option<T> as serde::Deserialize>::deserialize(reader).map(Some)
}

/// A boolean, or a word or number that Nova takes for one.
pub fn truth_of(value: &serde_json::Value) -> Option<bool> {
    use serde_json::Value;
    let word = match value {
        Value::Bool(flag) => return Some(*flag),
        Value::Number(number) => number.to_string(),
        Value::String(word) => word.to_ascii_lowercase(),
        _ => return None,
    };
    match word.as_str() {
        "true" | "t" | "1" | "on" | "yes" | "y" => Some(true),
        "false" | "f" | "0" | "off" | "no" | "n" => Some(false),
        _ => None,
    }
}

/// Reads a number, or the text of one, as the services' schemas take it.
fn count<'de, T, D>(reader: D) -> Result<Option<T>, D::Error>
where
    T: TryFrom<u64>,
    D: serde::Deserializer<'de>,
{
    use serde::de::Error;
    use serde_json::Value;
    let value = <Value as serde::Deserialize>::deserialize(reader)?;
    let number = match &value {
        Value::Null => return Ok(None),
        Value::String(text) => text.parse().ok(),
        value => value.as_u64(),
    };
    number
        .and_then(|number: u64| T::try_from(number).ok())
        .map(Some)
        .ok_or_else(|| D::Error::custom(format!("{value} is not such a number")))
}

/// Reads a member that Nova's schemas take as a boolean or as one of its words.
fn truth<'de, D: serde::Deserializer<'de>>(reader: D) -> Result<Option<bool>, D::Error> {
    use serde::de::Error;
    match <serde_json::Value as serde::Deserialize>::deserialize(reader)? {
        serde_json::Value::Null => Ok(None),
        value => truth_of(&value)
            .map(Some)
            .ok_or_else(|| D::Error::custom(format!("{value} is not a boolean"))),
    }
}

/// Reads `null` as the empty value.
fn or_default<'de, T, D>(reader: D) -> Result<T, D::Error>
where
    T: serde::Deserialize<'de> + Default,
    D: serde::Deserializer<'de>,
{
    let read = <Option<T> as serde::Deserialize>::deserialize(reader)?;
    Ok(read.unwrap_or_default())
}

#[cfg(test)]
mod tests;
