//! Flavors.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use super::server::Link;
use super::{count, or_default, truth};

/// Swap space in MB: the empty text stands for none before microversion 2.75.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Swap(pub u64);

impl Serialize for Swap {
    fn serialize<S: Serializer>(&self, writer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            0 => writer.serialize_str(""),
            size => writer.serialize_u64(size),
        }
    }
}

impl<'de> Deserialize<'de> for Swap {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        use serde::de::Error;
        match Value::deserialize(reader)? {
            Value::Null => Ok(Self(0)),
            Value::String(text) if text.is_empty() => Ok(Self(0)),
            Value::String(text) => text.parse().map(Self).map_err(D::Error::custom),
            Value::Number(number) => number
                .as_u64()
                .map(Self)
                .ok_or_else(|| D::Error::custom("swap is not a size")),
            _ => Err(D::Error::custom("swap is not a size")),
        }
    }
}

/// A flavor as shown.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Flavor {
    /// Id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Virtual CPUs.
    #[serde(default)]
    pub vcpus: u32,
    /// Memory in MB.
    #[serde(default)]
    pub ram: u64,
    /// Root disk in GB.
    #[serde(default)]
    pub disk: u64,
    /// Ephemeral disk in GB.
    #[serde(rename = "OS-FLV-EXT-DATA:ephemeral", default)]
    pub ephemeral: u64,
    /// Swap in MB.
    #[serde(default)]
    pub swap: Swap,
    /// Network bandwidth's factor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rxtx_factor: Option<f64>,
    /// Whether others may use it.
    #[serde(
        rename = "os-flavor-access:is_public",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub is_public: Option<bool>,
    /// Whether it is disabled.
    #[serde(
        rename = "OS-FLV-DISABLED:disabled",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub disabled: Option<bool>,
    /// More about it, from microversion 2.61.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extra_specs: Option<BTreeMap<String, String>>,
    /// Words about it, from microversion 2.55.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Where it is.
    #[serde(
        default,
        deserialize_with = "or_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub links: Vec<Link>,
}

/// A server's flavor as it was when the server was made, from microversion 2.47.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct ServerFlavor {
    /// Name at the time.
    pub original_name: String,
    /// Virtual CPUs.
    #[serde(default)]
    pub vcpus: u32,
    /// Memory in MB.
    #[serde(default)]
    pub ram: u64,
    /// Root disk in GB.
    #[serde(default)]
    pub disk: u64,
    /// Ephemeral disk in GB.
    #[serde(default)]
    pub ephemeral: u64,
    /// Swap in MB.
    #[serde(default)]
    pub swap: u64,
    /// More about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extra_specs: Option<BTreeMap<String, String>>,
}

/// `GET /flavors/{id}`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct FlavorDocument {
    /// It.
    pub flavor: Flavor,
}

/// `GET /flavors/detail`.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct FlavorList {
    /// The flavors.
    #[serde(default, deserialize_with = "or_default")]
    pub flavors: Vec<Flavor>,
    /// `rel` `next`: where the list goes on.
    #[serde(
        default,
        deserialize_with = "or_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub flavors_links: Vec<Link>,
}

/// `POST /flavors`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct NewFlavorDocument {
    /// What to make.
    pub flavor: NewFlavor,
}

/// A flavor to make.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct NewFlavor {
    /// Name.
    pub name: String,
    /// Id; the cloud's choice when missing or `auto`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Virtual CPUs.
    #[serde(deserialize_with = "needed")]
    pub vcpus: u32,
    /// Memory in MB.
    #[serde(deserialize_with = "needed")]
    pub ram: u64,
    /// Root disk in GB.
    #[serde(deserialize_with = "needed")]
    pub disk: u64,
    /// Ephemeral disk in GB.
    #[serde(
        rename = "OS-FLV-EXT-DATA:ephemeral",
        default,
        deserialize_with = "needed"
    )]
    pub ephemeral: u64,
    /// Swap in MB.
    #[serde(default, deserialize_with = "needed")]
    pub swap: u64,
    /// Whether others may use it.
    #[serde(
        rename = "os-flavor-access:is_public",
        default,
        deserialize_with = "truth",
        skip_serializing_if = "Option::is_none"
    )]
    pub is_public: Option<bool>,
    /// Words about it, from microversion 2.55.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// A number that is there, or the text of one.
fn needed<'de, T, D>(reader: D) -> Result<T, D::Error>
where
    T: TryFrom<u64> + Default,
    D: Deserializer<'de>,
{
    Ok(count(reader)?.unwrap_or_default())
}
