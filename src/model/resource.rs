//! Shared things: tenants, networks, images, flavors, each with one owner (an actor of the engine).

use serde::{Deserialize, Serialize};

use super::deployment::NetworkSpec;

/// Kind of a shared resource.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum ResourceKind {
    /// A tenant.
    Tenant,
    /// A network with its subnets.
    Network,
    /// An image.
    Image,
    /// A flavor.
    Flavor,
}

impl ResourceKind {
    /// Every kind, in order.
    pub const ALL: [Self; 4] = [Self::Tenant, Self::Network, Self::Image, Self::Flavor];
}

/// Names one shared resource.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct ResourceKey {
    /// VIM it lives in (connector id).
    pub vim: String,
    /// Kind.
    pub kind: ResourceKind,
    /// Tenant, for a tenant's networks; `None` at the root.
    pub tenant: Option<String>,
    /// Name.
    pub name: String,
}

/// What shall exist.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub enum ResourceSpec {
    /// A tenant; `managed` false: looked up, never created or deleted.
    Tenant {
        /// Whether we make and remove it.
        managed: bool,
    },
    /// A network.
    Network(NetworkSpec),
    /// An image.
    Image(ImageSpec),
    /// A flavor.
    Flavor(FlavorSpec),
}

/// An image as configured.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct ImageSpec {
    /// Name.
    pub name: String,
    /// Source.
    pub src: Option<String>,
    /// `qcow2`, `raw`, `vmdk`.
    pub disk_format: Option<String>,
    /// Container format.
    pub container_format: Option<String>,
    /// Whether other tenants may use it.
    pub public: bool,
}

/// A flavor as configured; sizes in MB.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct FlavorSpec {
    /// Name.
    pub name: String,
    /// Virtual CPUs.
    pub vcpus: u32,
    /// Memory.
    pub memory_mb: u64,
    /// Root disk.
    pub root_disk_mb: u64,
    /// Ephemeral disk.
    pub ephemeral_disk_mb: u64,
    /// Swap.
    pub swap_disk_mb: u64,
}

/// Where a shared resource stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum ResourceState {
    /// Asked for, intent durable.
    Creating,
    /// There.
    Ready,
    /// Being removed.
    Deleting,
    /// The last attempt failed.
    Failed,
}

/// The stored row of a shared (or ephemeral) resource, and what opdata shows of it.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct ResourceRecord {
    /// Name.
    pub key: ResourceKey,
    /// What shall exist; `None` once its removal was asked for.
    pub spec: Option<ResourceSpec>,
    /// Where it stands.
    pub state: ResourceState,
    /// The VIM's id, once there.
    pub vim_id: Option<String>,
    /// Whether we made it (and so may remove it).
    pub ours: bool,
    /// Subnets of a network: name, the VIM's id, cidr, gateway.
    pub subnets: Vec<SubnetRecord>,
}

/// A subnet that exists.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SubnetRecord {
    /// Name.
    pub name: String,
    /// The VIM's id.
    pub vim_id: String,
    /// Address and prefix length.
    pub cidr: String,
    /// Gateway, empty when none.
    pub gateway: String,
    /// Whether the VIM hands out addresses.
    pub dhcp: bool,
}
