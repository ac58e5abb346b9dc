//! Lists: everything of a kind, as a face shows it.

use super::call::NewInterface;
use super::cloud::Cloud;
use super::fault::{Fault, Scope, Target};
use super::network::Subnet;
use super::vm::{Power, Vm};
use crate::clock::Mono;
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
    /// Since when it cannot.
    pub down_since: Option<Mono>,
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
            down_since: host.down_since,
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

/// A fault that is armed or lasts.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FaultView {
    /// What.
    pub fault: Fault,
    /// Whom.
    pub target: Target,
    /// Calls it still hits; `None` for a state.
    pub left: Option<u32>,
    /// Words it gives.
    pub messages: Vec<String>,
    /// When it ends by itself.
    pub until: Option<Mono>,
}

impl Cloud {
    /// Faults that are armed, hosts that are cut off, guests that are frozen.
    pub fn faults(&self) -> Vec<FaultView> {
        let state = |fault, target, until| FaultView {
            fault,
            target,
            left: None,
            messages: Vec::new(),
            until,
        };
        let armed = self.armed.iter().map(|armed| FaultView {
            fault: armed.fault,
            target: match &armed.scope {
                Scope::Vim => Target::Vim,
                Scope::Host(host) => Target::Host(self.host_name(Some(*host))),
                Scope::Vm(name) => Target::Vm(name.as_str().to_owned()),
            },
            left: armed.left,
            messages: armed.messages.clone(),
            until: armed.until,
        });
        let down = self.hosts.iter().filter(|host| host.down.is_some());
        let down = down.map(|host| {
            let fault = match host.agent_only {
                true => Fault::AgentDown,
                false => Fault::HostDown,
            };
            state(fault, Target::Host(host.name.clone()), None)
        });
        let frozen = self.vms.values().filter_map(|vm| {
            let frozen = vm.frozen?;
            let target = Target::Vm(vm.logical.as_str().to_owned());
            Some(state(Fault::Freeze, target, frozen.until))
        });
        armed.chain(down).chain(frozen).collect()
    }

    /// Whether the API answers.
    pub fn is_api_down(&self) -> bool {
        self.api().is_err()
    }

    /// Sets how long after a create whose reply is lost its VM appears.
    pub fn set_lost_landing(&mut self, millis: u64) {
        self.settings.lost_landing_ms = millis;
    }

    /// Makes a flavor under an id of the caller's choice.
    ///
    /// # Errors
    /// The id or the name is taken.
    pub fn add_flavor(&mut self, id: &str, spec: FlavorSpec) -> Result<(), &'static str> {
        if self.flavors.has_id(id) {
            return Err("id");
        }
        if self.flavors.id_of(&spec.name).is_some() {
            return Err("name");
        }
        self.flavors.add(id.to_owned(), spec.name.clone());
        self.flavor_specs.insert(id.to_owned(), spec);
        Ok(())
    }

    /// Gives a stopped VM another flavor at once; whether it is there and stopped.
    pub fn set_flavor(&mut self, id: &VmId, flavor: &str) -> bool {
        let now = self.now;
        let stopped = |vm: &&mut Vm| !vm.unseen && vm.power == Power::Stopped && vm.op.is_none();
        let Some(vm) = self.vms.get_mut(id).filter(stopped) else {
            return false;
        };
        vm.flavor = flavor.to_owned();
        vm.updated = now;
        true
    }

    /// Renames an image, or changes what it is made of.
    pub fn edit_image(&mut self, id: &str, edit: impl FnOnce(&mut ImageSpec)) -> bool {
        let Some(mut view) = self.image(id).filter(|view| view.id == id) else {
            return false;
        };
        edit(&mut view.spec);
        self.image_specs.insert(id.to_owned(), view.spec);
        true
    }

    /// Plugs another interface into a VM that exists.
    ///
    /// # Errors
    /// Why it cannot be had.
    pub fn plug(&mut self, vm: &VmId, wanted: &NewInterface) -> Result<InterfaceInfo, String> {
        let tenant = match self.vms.get(vm).filter(|vm| !vm.unseen) {
            None => return Err(format!("VM [{vm}] not found")),
            Some(vm) => vm.tenant.clone(),
        };
        let nic = self.attach_one(tenant.as_ref(), wanted)?;
        self.bind_ports(vm, std::slice::from_ref(&nic));
        if let Some(vm) = self.vms.get_mut(vm) {
            vm.interfaces.push(nic.clone());
        }
        Ok(nic)
    }

    /// Pulls an interface out of a VM; whether it was there.
    pub fn unplug(&mut self, vm: &VmId, port: &str) -> bool {
        let Some(vm) = self.vms.get_mut(vm).filter(|vm| !vm.unseen) else {
            return false;
        };
        let Some(at) = vm.interfaces.iter().position(|nic| nic.port_id == port) else {
            return false;
        };
        let nic = vm.interfaces.remove(at);
        self.release_ports(&[nic]);
        true
    }
}
