//! Lists: everything of a kind, as a face shows it.

use super::cloud::Cloud;
use super::network::Subnet;
use crate::ids::{TenantId, VmId};
use crate::model::event::InterfaceInfo;
use crate::model::resource::{FlavorSpec, ImageSpec, SubnetRecord};

/// Sizes of the built-in flavors: name, processors, memory and root disk in MB.
const SIZES: [(&str, u32, u64, u64); 7] = [
    ("m1.tiny", 1, 512, 1024),
    ("m1.small", 1, 2048, 20 * 1024),
    ("m1.medium", 2, 4096, 40 * 1024),
    ("m1.large", 4, 8192, 80 * 1024),
    ("m1.xlarge", 8, 16384, 160 * 1024),
    ("Automation-Cirros-Flavor", 1, 512, 1024),
    ("Automation-CSR-Flavor-3_14", 2, 4096, 8 * 1024),
];

/// A tenant.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TenantView {
    /// Id.
    pub id: TenantId,
    /// Name.
    pub name: String,
}

/// An image.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ImageView {
    /// Id.
    pub id: String,
    /// What it is.
    pub spec: ImageSpec,
}

/// A flavor.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FlavorView {
    /// Id.
    pub id: String,
    /// What it is; sizes in MB.
    pub spec: FlavorSpec,
}

/// A network.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NetworkView {
    /// Id.
    pub id: String,
    /// Name.
    pub name: String,
    /// Owner, `None` for the cloud's own.
    pub tenant: Option<TenantId>,
    /// Whether every tenant may use it.
    pub shared: bool,
    /// Subnets.
    pub subnets: Vec<SubnetRecord>,
}

/// A host.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HostView {
    /// Id.
    pub id: String,
    /// Name.
    pub name: String,
    /// Whether its agent can be reached.
    pub up: bool,
    /// VMs on it.
    pub vms: usize,
}

/// A port.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PortView {
    /// Its id, addresses and network.
    pub nic: InterfaceInfo,
    /// Name, empty for one that came with its VM.
    pub name: String,
    /// Owner.
    pub tenant: Option<TenantId>,
    /// The VM it serves.
    pub vm: Option<VmId>,
}

impl Cloud {
    /// All tenants.
    pub fn tenants(&self) -> Vec<TenantView> {
        let all = self.tenants.iter().map(|(id, name)| TenantView {
            id: TenantId::new(id),
            name: name.to_owned(),
        });
        all.collect()
    }

    /// A tenant by id or name.
    pub fn tenant(&self, id_or_name: &str) -> Option<TenantView> {
        let id = self.tenants.resolve(id_or_name)?;
        Some(TenantView {
            id: TenantId::new(id),
            name: self.tenants.name_of(id)?.to_owned(),
        })
    }

    /// All images.
    pub fn images(&self) -> Vec<ImageView> {
        self.images
            .iter()
            .map(|(id, name)| self.image_view(id, name))
            .collect()
    }

    /// An image by id or name.
    pub fn image(&self, id_or_name: &str) -> Option<ImageView> {
        let id = self.images.resolve(id_or_name)?;
        Some(self.image_view(id, self.images.name_of(id)?))
    }

    fn image_view(&self, id: &str, name: &str) -> ImageView {
        let spec = self.image_specs.get(id).cloned();
        ImageView {
            id: id.to_owned(),
            spec: spec.unwrap_or_else(|| ImageSpec {
                name: name.to_owned(),
                src: None,
                disk_format: Some("qcow2".to_owned()),
                container_format: Some("bare".to_owned()),
                public: true,
            }),
        }
    }

    /// All flavors.
    pub fn flavors(&self) -> Vec<FlavorView> {
        self.flavors
            .iter()
            .map(|(id, name)| self.flavor_view(id, name))
            .collect()
    }

    /// A flavor by id or name.
    pub fn flavor(&self, id_or_name: &str) -> Option<FlavorView> {
        let id = self.flavors.resolve(id_or_name)?;
        Some(self.flavor_view(id, self.flavors.name_of(id)?))
    }

    fn flavor_view(&self, id: &str, name: &str) -> FlavorView {
        let spec = self.flavor_specs.get(id).cloned();
        let (_, vcpus, memory_mb, root_disk_mb) = SIZES
            .into_iter()
            .find(|(known, ..)| *known == name)
            .unwrap_or(("", 1, 1024, 10 * 1024));
        FlavorView {
            id: id.to_owned(),
            spec: spec.unwrap_or_else(|| FlavorSpec {
                name: name.to_owned(),
                vcpus,
                memory_mb,
                root_disk_mb,
                ephemeral_disk_mb: 0,
                swap_disk_mb: 0,
            }),
        }
    }

    /// All networks in order of id.
    pub fn networks(&self) -> Vec<NetworkView> {
        let all = self.networks.iter().map(|network| NetworkView {
            id: network.id.clone(),
            name: network.name.clone(),
            tenant: network.tenant.clone(),
            shared: network.shared,
            subnets: network.subnets.iter().map(Subnet::record).collect(),
        });
        all.collect()
    }

    /// All hosts.
    pub fn hosts(&self) -> Vec<HostView> {
        let all = self.hosts.iter().map(|host| HostView {
            id: host.id.clone(),
            name: host.name.clone(),
            up: host.down.is_none(),
            vms: host.vms,
        });
        all.collect()
    }

    /// All ports: those of VMs, and those that wait for one.
    pub fn ports(&self) -> Vec<PortView> {
        let mut all = Vec::new();
        for vm in self.vms.values().filter(|vm| !vm.unseen) {
            let own = vm
                .interfaces
                .iter()
                .filter(|nic| !self.standing.contains_key(&nic.port_id));
            all.extend(own.map(|nic| PortView {
                nic: nic.clone(),
                name: String::new(),
                tenant: vm.tenant.clone(),
                vm: Some(vm.id.clone()),
            }));
        }
        all.extend(self.standing.values().map(|port| PortView {
            nic: port.nic.clone(),
            name: port.name.clone(),
            tenant: port.tenant.clone(),
            vm: port.vm.clone(),
        }));
        all
    }
}
