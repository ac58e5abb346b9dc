//! Identifiers: newtypes for every name and id that crosses a room border.
//!
//! Nothing here reads a clock or a random source: ids are minted from a seed
//! ([`Minter`]), so that the same recorded input always gives the same ids.

mod mint;
mod prefix;

use std::fmt;

pub use mint::{GivenIds, Minter};
pub use prefix::Prefix;
use serde::{Deserialize, Serialize};

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(std::sync::Arc<str>);

        impl $name {
            /// Wraps the text as it is; no validation, no case folding.
            pub fn new(text: impl AsRef<str>) -> Self {
                Self(std::sync::Arc::from(text.as_ref()))
            }

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({:?})"), &*self.0)
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self::new(text)
            }
        }
    };
}

macro_rules! number_id {
    ($(#[$doc:meta])* $name:ident($int:ty)) => {
        $(#[$doc])*
        #[derive(
            Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize,
        )]
        #[serde(transparent)]
        pub struct $name(pub $int);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}", self.0)
            }
        }
    };
}

text_id! {
    /// The VIM's id of a tenant (OpenStack: project id).
    TenantId
}
text_id! {
    /// The id we give a deployment (`deployment_id`, `<depid>`), a UUID.
    DeploymentId
}
text_id! {
    /// A VM's logical name, `<depname>_<vm_group>_<index>_<uuid>`; constant over a redeploy.
    VmName
}
text_id! {
    /// The VIM's id of one VM (`vm_id`, `<vmid>`); new at every create.
    VmId
}
text_id! {
    /// The id of a lifecycle operation, a UUID: in opdata, in events, in SOL003.
    OpId
}
text_id! {
    /// The token a create carries and the VIM shows back (metadata), so that a restart can look it up.
    CreateToken
}
/// The token of a persistent confirmed commit (RFC 6241 section 8.4.5.1). Whoever knows it may confirm: logs
/// do not show it.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PersistId(String);

impl PersistId {
    /// Wraps the text as it is.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

impl fmt::Debug for PersistId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PersistId(..)")
    }
}

number_id! {
    /// Position in the one total order of journal and events; the first is 1.
    JournalSeq(u64)
}
number_id! {
    /// NETCONF session id (RFC 6241 section 8.1), never 0 for a real session.
    SessionId(u32)
}
number_id! {
    /// Revision of the running configuration; grows by one at each commit.
    Revision(u64)
}
number_id! {
    /// Stored virtual partition, 0..=255.
    PartitionId(u8)
}

/// Number of stored virtual partitions.
pub const PARTITIONS: u16 = 256;

/// Names one deployment: the tenant's name and the deployment's name.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct DeploymentKey {
    /// Tenant name as configured.
    pub tenant: String,
    /// Deployment name as configured.
    pub name: String,
}

impl DeploymentKey {
    /// Makes a key.
    pub fn new(tenant: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            tenant: tenant.into(),
            name: name.into(),
        }
    }

    /// The partition that owns this deployment (FNV-1a of both names, stable for ever: it is stored).
    pub fn partition(&self) -> PartitionId {
        let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
        let bytes = self.tenant.bytes().chain([0]).chain(self.name.bytes());
        for byte in bytes {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
        PartitionId(((hash >> 32) ^ hash) as u8)
    }
}

impl fmt::Display for DeploymentKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.tenant, self.name)
    }
}
