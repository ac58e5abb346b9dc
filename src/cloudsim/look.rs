//! Looking: what the cloud's API shows, and what its guests answer.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::cloud::Cloud;
use super::error::CallError;
use super::fault::Fault;
use super::network::Subnet;
use super::vm::{Aside, Extra, Power, Resizing, Vm};
use crate::clock::Mono;
use crate::ids::{CreateToken, TenantId, VmId, VmName};
use crate::model::deployment::{DayZero, VolumeSpec};
use crate::model::event::InterfaceInfo;
use crate::model::resource::SubnetRecord;
use crate::model::vim::VimOpStatus;

/// A VM as the API shows it.
#[derive(Clone, PartialEq, Debug)]
pub struct VmView {
    /// Id.
    pub id: VmId,
    /// Name.
    pub name: VmName,
    /// The creator's token.
    pub token: CreateToken,
    /// Power state.
    pub power: Power,
    /// Host's id, empty when it has none.
    pub host_id: String,
    /// Host's name, empty when it has none.
    pub host_name: String,
    /// Image it was made from.
    pub image: String,
    /// Its present flavor.
    pub flavor: String,
    /// Interfaces.
    pub interfaces: Vec<InterfaceInfo>,
    /// Words about its state, newest first.
    pub messages: Vec<String>,
    /// Tenant, `None` for the cloud's own.
    pub tenant: Option<TenantId>,
    /// What the API believes of its power, right or wrong: the last it heard.
    pub believed: Power,
    /// Its power on its host.
    pub actual: Power,
    /// Why it stands aside.
    pub aside: Option<Aside>,
    /// Being deleted.
    pub deleting: bool,
    /// A resize to be confirmed.
    pub resizing: Option<Resizing>,
    /// The operation under way.
    pub op: Option<String>,
    /// Whether its host's agent can be reached.
    pub reachable: bool,
    /// When it was asked for.
    pub created: Mono,
    /// When it first ran.
    pub launched: Option<Mono>,
    /// When it last changed.
    pub updated: Mono,
    /// What its creator keeps with it.
    pub extra: Extra,
    /// Volumes.
    pub volumes: Vec<VolumeSpec>,
    /// Day-0 files.
    pub config_data: Vec<DayZero>,
}

/// A named thing found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FoundResource {
    /// Id.
    pub id: String,
    /// Name.
    pub name: String,
    /// Subnets, for a network.
    pub subnets: Vec<SubnetRecord>,
}

/// What a guest answers to a probe.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum GuestAnswer {
    /// It answers, after so many milliseconds.
    Answers(f64),
    /// Nothing comes back: down, frozen, cut off, or no such VM.
    Silence,
}

impl Cloud {
    /// Fails while the API is down.
    pub(super) fn api(&self) -> Result<(), CallError> {
        let down = self
            .armed
            .iter()
            .find(|armed| armed.fault == Fault::ApiDown && !armed.is_over(self.now));
        match down {
            None => Ok(()),
            Some(armed) => Err(CallError::Down(match armed.messages.is_empty() {
                true => "VIM Driver: connection refused by the VIM's API".to_owned(),
                false => armed.messages.join("; "),
            })),
        }
    }

    /// Reads an operation's record; one that is not (or no longer) known is `Unknown`.
    ///
    /// # Errors
    /// [`CallError::Down`].
    pub fn status(&self, op: &str) -> Result<VimOpStatus, CallError> {
        self.api()?;
        Ok(self
            .ops
            .get(op)
            .map_or(VimOpStatus::Unknown, |op| op.status.clone()))
    }

    /// When the record will be final; `None` when it is, or hangs, or is not known.
    pub fn op_due(&self, op: &str) -> Option<Mono> {
        self.ops.get(op).and_then(|op| op.due)
    }

    /// Number of operations not ended.
    pub fn open_ops(&self) -> usize {
        self.ops.open_count()
    }

    /// Looks at a VM.
    ///
    /// # Errors
    /// [`CallError::Down`].
    pub fn vm(&self, id: &VmId) -> Result<Option<VmView>, CallError> {
        self.api()?;
        Ok(self.seen(id))
    }

    /// The VMs with that token.
    ///
    /// # Errors
    /// [`CallError::Down`].
    pub fn vms_by_token(&self, token: &CreateToken) -> Result<Vec<VmView>, CallError> {
        self.api()?;
        let ids = self.by_token.get(token).into_iter().flatten();
        Ok(ids.filter_map(|id| self.seen(id)).collect())
    }

    /// The VMs of that logical name; for tests and tools, the API being down or not.
    pub fn vms_by_name(&self, name: &str) -> Vec<VmView> {
        let ids = self.by_name.get(&VmName::new(name)).into_iter().flatten();
        ids.filter_map(|id| self.seen(id)).collect()
    }

    /// All VMs in order of id; for tests and tools.
    pub fn all_vms(&self) -> impl Iterator<Item = VmView> + '_ {
        self.vms.keys().filter_map(|id| self.seen(id))
    }

    /// Finds a tenant by name.
    ///
    /// # Errors
    /// [`CallError::Down`].
    pub fn find_tenant(&self, name: &str) -> Result<Option<FoundResource>, CallError> {
        self.api()?;
        Ok(self.tenants.id_of(name).map(|id| found(id, name)))
    }

    /// Finds an image by name.
    ///
    /// # Errors
    /// [`CallError::Down`].
    pub fn find_image(&self, name: &str) -> Result<Option<FoundResource>, CallError> {
        self.api()?;
        Ok(self.images.id_of(name).map(|id| found(id, name)))
    }

    /// Finds a flavor by name.
    ///
    /// # Errors
    /// [`CallError::Down`].
    pub fn find_flavor(&self, name: &str) -> Result<Option<FoundResource>, CallError> {
        self.api()?;
        Ok(self.flavors.id_of(name).map(|id| found(id, name)))
    }

    /// Finds a network by name: the tenant's own, else a shared one.
    ///
    /// # Errors
    /// [`CallError::Down`].
    pub fn find_network(
        &self,
        tenant: Option<&TenantId>,
        token: Option<&CreateToken>,
        name: &str,
    ) -> Result<Option<FoundResource>, CallError> {
        self.api()?;
        let network = match token {
            Some(token) => self.networks.of_token(token),
            None => self.networks.find(tenant, name),
        };
        Ok(network.map(|network| FoundResource {
            id: network.id.clone(),
            name: network.name.clone(),
            subnets: network.subnets.iter().map(Subnet::record).collect(),
        }))
    }

    /// What the guest answers at the cloud's present time; the API plays no part in it.
    pub fn probe(&self, id: &VmId) -> GuestAnswer {
        let alive = self
            .vms
            .get(id)
            .is_some_and(|vm| vm.is_alive(self.now) && !self.is_silenced(vm));
        match alive {
            true => GuestAnswer::Answers(f64::from(self.settings.rtt_us) / 1000.0),
            false => GuestAnswer::Silence,
        }
    }

    /// The addresses at which a guest answers, also guests that the API has lost sight of.
    pub fn answering(&self) -> BTreeSet<IpAddr> {
        let alive = |vm: &&Vm| vm.is_alive(self.now) && !self.is_silenced(vm);
        let interfaces = self
            .vms
            .values()
            .filter(alive)
            .flat_map(|vm| &vm.interfaces);
        interfaces
            .filter_map(|interface| interface.ip_address.parse().ok())
            .collect()
    }

    /// How often two VMs of one name came to run together; 0 in a world that keeps its promise (P7).
    pub fn breaches(&self) -> u64 {
        self.breaches
    }

    /// VMs that exist and that the caller does not know of, also those the API has lost sight of.
    pub fn orphans(&self, known: &BTreeSet<VmId>) -> Vec<VmView> {
        let all = self.vms.values().filter(|vm| !known.contains(&vm.id));
        all.map(|vm| self.view(vm)).collect()
    }

    /// Whether it holds as little as the other: no VM, port or address in use, no VM counted on a host.
    #[cfg(test)]
    pub(super) fn is_as_empty_as(&self, other: &Self) -> bool {
        let taken = |cloud: &Self| -> usize {
            let subnets = cloud.networks.iter().flat_map(|network| &network.subnets);
            subnets.map(|subnet| subnet.taken.len()).sum()
        };
        let ports =
            |cloud: &Self| -> usize { cloud.networks.iter().map(|network| network.ports).sum() };
        self.vms == other.vms
            && self.by_name == other.by_name
            && self.by_token == other.by_token
            && self.ports == other.ports
            && self.macs == other.macs
            && self.hosts == other.hosts
            && taken(self) == taken(other)
            && ports(self) == ports(other)
    }

    fn is_cut_off(&self, vm: &Vm) -> bool {
        let host = vm.host.and_then(|host| self.hosts.get(host));
        host.is_some_and(|host| host.down.is_some())
    }

    /// Whether its guest cannot be reached either.
    fn is_silenced(&self, vm: &Vm) -> bool {
        let host = vm.host.and_then(|host| self.hosts.get(host));
        host.is_some_and(|host| host.down.is_some() && !host.agent_only)
    }

    fn seen(&self, id: &VmId) -> Option<VmView> {
        let vm = self.vms.get(id).filter(|vm| !vm.unseen)?;
        Some(self.view(vm))
    }

    fn view(&self, vm: &Vm) -> VmView {
        let host = vm.host.and_then(|host| self.hosts.get(host));
        let power = match vm.power {
            _ if self.is_cut_off(vm) => Power::Unknown,
            _ if vm.deleting => Power::Deleting,
            power => power,
        };
        VmView {
            id: vm.id.clone(),
            name: vm.name.clone(),
            token: vm.token.clone(),
            power,
            host_id: host.map(|host| host.id.clone()).unwrap_or_default(),
            host_name: host.map(|host| host.name.clone()).unwrap_or_default(),
            image: vm.image.clone(),
            flavor: vm.flavor.clone(),
            interfaces: vm.interfaces.clone(),
            messages: vm.messages.clone(),
            tenant: vm.tenant.clone(),
            believed: vm.believed.unwrap_or(vm.power),
            actual: vm.power,
            aside: vm.aside,
            deleting: vm.deleting,
            resizing: vm.resizing.clone(),
            op: vm.op.clone(),
            reachable: !self.is_cut_off(vm),
            created: vm.created,
            launched: vm.launched,
            updated: vm.updated,
            extra: vm.extra.clone(),
            volumes: vm.volumes.clone(),
            config_data: vm.config_data.clone(),
        }
    }
}

fn found(id: &str, name: &str) -> FoundResource {
    FoundResource {
        id: id.to_owned(),
        name: name.to_owned(),
        subnets: Vec::new(),
    }
}
