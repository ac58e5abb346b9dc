//! API versions: what `GET /` lists, and microversions.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::error::DecodeError;
use super::or_default;
use super::server::Link;

/// A microversion, such as 2.93.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Microversion {
    /// Before the dot.
    pub major: u16,
    /// After it.
    pub minor: u16,
}

impl Microversion {
    /// What a request without a microversion header means.
    pub const BASE: Self = Self::new(2, 1);
    /// `host_status` of a server.
    pub const HOST_STATUS: Self = Self::new(2, 16);
    /// Actions of deleted servers can be read.
    pub const DELETED_ACTIONS: Self = Self::new(2, 21);
    /// `networks` may be `auto` or `none` (and must be given).
    pub const NETWORKS_WORD: Self = Self::new(2, 37);
    /// A server shows its flavor instead of a reference to it.
    pub const FLAVOR_SHOWN: Self = Self::new(2, 47);
    /// The owner of a server sees the events of its actions, without tracebacks.
    pub const OWNER_SEES_EVENTS: Self = Self::new(2, 51);
    /// `personality` is not taken any more.
    pub const NO_PERSONALITY: Self = Self::new(2, 57);
    /// Actions have `updated_at` and are paged.
    pub const ACTIONS_PAGED: Self = Self::new(2, 58);
    /// Events name their host.
    pub const EVENT_HOST: Self = Self::new(2, 62);
    /// Events have `details`, the fault's text, for administrators.
    pub const EVENT_DETAILS: Self = Self::new(2, 84);

    /// Makes one.
    pub const fn new(major: u16, minor: u16) -> Self {
        Self { major, minor }
    }
}

impl fmt::Display for Microversion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// The text is no microversion.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("'{0}' is not a microversion")]
pub struct NotAMicroversion(String);

impl FromStr for Microversion {
    type Err = NotAMicroversion;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = |part: &str| -> Option<u16> {
            let plain = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
            plain.then(|| part.parse().ok()).flatten()
        };
        text.split_once('.')
            .and_then(|(major, minor)| Some(Self::new(digits(major)?, digits(minor)?)))
            .ok_or_else(|| NotAMicroversion(text.to_owned()))
    }
}

impl Serialize for Microversion {
    fn serialize<S: Serializer>(&self, writer: S) -> Result<S::Ok, S::Error> {
        writer.collect_str(self)
    }
}

/// One version of a service's API.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ServiceVersion {
    /// Such as `v2.1`.
    pub id: String,
    /// `CURRENT`, `SUPPORTED`, `stable`, ...
    #[serde(default, deserialize_with = "or_default")]
    pub status: String,
    /// Highest microversion, empty without them.
    #[serde(default, deserialize_with = "or_default")]
    pub version: String,
    /// Lowest microversion, empty without them.
    #[serde(default, deserialize_with = "or_default")]
    pub min_version: String,
    /// When it changed last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub updated: Option<String>,
    /// Where it is.
    #[serde(default, deserialize_with = "or_default")]
    pub links: Vec<Link>,
}

impl ServiceVersion {
    /// The range of microversions, where it has them.
    pub fn range(&self) -> Option<(Microversion, Microversion)> {
        let high = self.version.parse().ok()?;
        Some((self.min_version.parse().unwrap_or(high), high))
    }
}

/// What a service lists at its root, in any of the three forms: Nova's and Glance's
/// `{"versions":[...]}`, Keystone's `{"versions":{"values":[...]}}`, and `{"version":{...}}` of one version's own
/// address. It is written in the first form.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Versions {
    /// The versions.
    pub versions: Vec<ServiceVersion>,
}

#[derive(Deserialize)]
struct Document {
    #[serde(default)]
    versions: Option<Listed>,
    #[serde(default)]
    version: Option<ServiceVersion>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Listed {
    Plain(Vec<ServiceVersion>),
    Values { values: Vec<ServiceVersion> },
}

impl<'de> Deserialize<'de> for Versions {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        let document = Document::deserialize(reader)?;
        let mut versions = match document.versions {
            Some(Listed::Plain(versions) | Listed::Values { values: versions }) => versions,
            None if document.version.is_none() => {
                return Err(serde::de::Error::missing_field("versions"));
            }
            None => Vec::new(),
        };
        versions.extend(document.version);
        Ok(Self { versions })
    }
}

impl Versions {
    /// Reads a list of versions.
    ///
    /// # Errors
    /// When it is in none of the three forms.
    pub fn decode(text: &[u8]) -> Result<Self, DecodeError> {
        super::decode(text)
    }

    /// The highest microversion any version offers.
    pub fn highest(&self) -> Option<Microversion> {
        let ranges = self.versions.iter().filter_map(ServiceVersion::range);
        ranges.map(|(_, high)| high).max()
    }
}
