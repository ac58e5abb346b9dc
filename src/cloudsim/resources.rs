//! Tenants, images and flavors (named things), and calls on them and on networks.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::call::Call;
use super::cloud::Cloud;
use super::network::{Block, Network, Subnet};
use super::op::Work;
use crate::ids::{CreateToken, TenantId};
use crate::model::deployment::{NetworkSpec, SubnetSpec};

/// Named things of one kind.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub(super) struct Catalogue {
    by_id: BTreeMap<String, String>,
    by_name: BTreeMap<String, String>,
}

impl Catalogue {
    /// Adds a thing unless its name is known; returns the id it has.
    pub fn add(&mut self, id: String, name: String) -> String {
        if let Some(known) = self.by_name.get(&name) {
            return known.clone();
        }
        self.by_id.insert(id.clone(), name.clone());
        self.by_name.insert(name, id.clone());
        id
    }

    pub fn id_of(&self, name: &str) -> Option<&str> {
        self.by_name.get(name).map(String::as_str)
    }

    pub fn has_id(&self, id: &str) -> bool {
        self.by_id.contains_key(id)
    }

    /// Whether the text is an id or a name of one.
    pub fn knows(&self, id_or_name: &str) -> bool {
        self.has_id(id_or_name) || self.by_name.contains_key(id_or_name)
    }

    /// The name of an id.
    pub fn name_of(&self, id: &str) -> Option<&str> {
        self.by_id.get(id).map(String::as_str)
    }

    /// The id of an id or a name.
    pub fn resolve(&self, id_or_name: &str) -> Option<&str> {
        match self.by_id.get_key_value(id_or_name) {
            Some((id, _)) => Some(id),
            None => self.id_of(id_or_name),
        }
    }

    /// Ids and names in order of id.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.by_id
            .iter()
            .map(|(id, name)| (id.as_str(), name.as_str()))
    }

    pub fn remove(&mut self, id: &str) {
        if let Some(name) = self.by_id.remove(id) {
            self.by_name.remove(&name);
        }
    }

    pub fn len(&self) -> usize {
        self.by_id.len()
    }
}

/// Which catalogue.
#[derive(Clone, Copy)]
enum Kind {
    Tenant,
    Image,
    Flavor,
}

impl Cloud {
    /// Decides a call on anything but a VM: the work to do and the id concerned, or the refusal's lines.
    pub(super) fn accept_resource(
        &mut self,
        call: Call,
    ) -> Result<(Work, Option<String>), Vec<String>> {
        match call {
            Call::CreateTenant { name } => self.make(Kind::Tenant, name),
            Call::CreateImage(spec) => {
                let (work, id) = self.make(Kind::Image, spec.name.clone())?;
                if let Some(id) = &id {
                    self.image_specs.entry(id.clone()).or_insert(spec);
                }
                Ok((work, id))
            }
            Call::CreateFlavor(spec) => {
                let (work, id) = self.make(Kind::Flavor, spec.name.clone())?;
                if let Some(id) = &id {
                    self.flavor_specs.entry(id.clone()).or_insert(spec);
                }
                Ok((work, id))
            }
            Call::CreateNetwork {
                tenant,
                token,
                spec,
            } => self.make_network(tenant, token, spec),
            Call::CreateSubnet { network, spec } => self.make_subnet(&network, &spec),
            Call::DeleteTenant { id } => {
                let text = id.as_str().to_owned();
                if !self.tenants.has_id(&text) {
                    return Ok((Work::Nothing, Some(text)));
                }
                self.tenant_is_free(&id)?;
                Ok((Work::DeleteTenant(id), Some(text)))
            }
            Call::DeleteNetwork { id } => {
                if self.networks.get(&id).is_none() {
                    return Ok((Work::Nothing, Some(id)));
                }
                self.network_is_free(&id)?;
                Ok((Work::DeleteNetwork(id.clone()), Some(id)))
            }
            Call::DeleteSubnet { id } => {
                if self.networks.subnet(&id).is_none() {
                    return Ok((Work::Nothing, Some(id)));
                }
                self.subnet_is_free(&id)?;
                Ok((Work::DeleteSubnet(id.clone()), Some(id)))
            }
            Call::DeleteImage { id } => Ok((Work::DeleteImage(id.clone()), Some(id))),
            Call::DeleteFlavor { id } => Ok((Work::DeleteFlavor(id.clone()), Some(id))),
            // calls on VMs and ports never come here
            _ => Err(vec!["VIM Driver: not a resource".to_owned()]),
        }
    }

    /// Ends a delete; what came into use meanwhile makes it fail.
    pub(super) fn finish_resource(&mut self, work: &Work) -> Result<(), Vec<String>> {
        match work {
            Work::DeleteTenant(id) => {
                self.tenant_is_free(id)?;
                self.tenants.remove(id.as_str());
            }
            Work::DeleteNetwork(id) => {
                self.network_is_free(id)?;
                self.networks.remove(id);
            }
            Work::DeleteSubnet(id) => {
                self.subnet_is_free(id)?;
                self.networks.remove_subnet(id);
            }
            Work::DeleteImage(id) => {
                self.images.remove(id);
                self.image_specs.remove(id);
            }
            Work::DeleteFlavor(id) => {
                self.flavors.remove(id);
                self.flavor_specs.remove(id);
            }
            _ => {}
        }
        Ok(())
    }

    fn make(&mut self, kind: Kind, name: String) -> Result<(Work, Option<String>), Vec<String>> {
        let known = match kind {
            Kind::Tenant => &self.tenants,
            Kind::Image => &self.images,
            Kind::Flavor => &self.flavors,
        };
        if let Some(id) = known.id_of(&name) {
            return Ok((Work::Nothing, Some(id.to_owned())));
        }
        self.within_limit(known.len())?;
        let id = match kind {
            Kind::Tenant => self.mint_tenant(),
            Kind::Image | Kind::Flavor => self.mint(),
        };
        let catalogue = match kind {
            Kind::Tenant => &mut self.tenants,
            Kind::Image => &mut self.images,
            Kind::Flavor => &mut self.flavors,
        };
        let id = catalogue.add(id, name);
        Ok((Work::Nothing, Some(id)))
    }

    fn make_network(
        &mut self,
        tenant: Option<TenantId>,
        token: Option<CreateToken>,
        spec: NetworkSpec,
    ) -> Result<(Work, Option<String>), Vec<String>> {
        if let Some(tenant) = tenant
            .as_ref()
            .filter(|id| !self.tenants.has_id(id.as_str()))
        {
            return Err(vec![format!("VIM Driver: Tenant [{tenant}] not found")]);
        }
        let there = match &token {
            Some(token) => self.networks.of_token(token),
            None => self.networks.of_tenant(tenant.as_ref(), &spec.name),
        };
        if let Some(network) = there {
            return Ok((Work::Nothing, Some(network.id.clone())));
        }
        self.within_limit(self.networks.len())?;
        let id = self.mint();
        let network = Network {
            id: id.clone(),
            name: spec.name,
            tenant,
            token,
            shared: spec.shared,
            subnets: Vec::new(),
            ports: 0,
        };
        self.networks.insert(network);
        Ok((Work::Nothing, Some(id)))
    }

    fn make_subnet(
        &mut self,
        network: &str,
        spec: &SubnetSpec,
    ) -> Result<(Work, Option<String>), Vec<String>> {
        let refuse = |why: String| vec![format!("VIM Driver: Subnet [{}]: {why}", spec.name)];
        let Some(known) = self.networks.get(network) else {
            return Err(vec![format!("VIM Driver: Network [{network}] not found")]);
        };
        if let Some(subnet) = known.subnets.iter().find(|subnet| subnet.name == spec.name) {
            return Ok((Work::Nothing, Some(subnet.id.clone())));
        }
        self.within_limit(known.subnets.len())?;
        let block = Block::parse(&spec.address, &spec.netmask).map_err(refuse)?;
        let gateway = match &spec.gateway {
            None => None,
            Some(text) => Some(
                text.parse::<IpAddr>()
                    .map_err(|_| refuse(format!("'{text}' is not an IP address")))?,
            ),
        };
        let id = self.mint();
        let subnet = Subnet::new(id.clone(), spec.name.clone(), block, gateway, spec.dhcp)
            .map_err(refuse)?;
        self.networks.add_subnet(network, subnet);
        Ok((Work::Nothing, Some(id)))
    }

    pub(super) fn within_limit(&self, count: usize) -> Result<(), Vec<String>> {
        match count < self.settings.max_resources {
            true => Ok(()),
            false => Err(vec![format!(
                "VIM Driver: Quota exceeded: {} of {} (setting max-resources)",
                count, self.settings.max_resources
            )]),
        }
    }

    fn tenant_is_free(&self, id: &TenantId) -> Result<(), Vec<String>> {
        let vms = self.vms.values().any(|vm| vm.tenant.as_ref() == Some(id));
        let networks = self
            .networks
            .iter()
            .any(|net| net.tenant.as_ref() == Some(id));
        free(!vms && !networks, "Tenant", id.as_str())
    }

    fn network_is_free(&self, id: &str) -> Result<(), Vec<String>> {
        let ports = self.networks.get(id).map_or(0, |network| network.ports);
        free(ports == 0, "Network", id)
    }

    fn subnet_is_free(&self, id: &str) -> Result<(), Vec<String>> {
        let subnet = self.networks.subnet(id);
        let taken = subnet.is_some_and(|subnet| !subnet.taken.is_empty());
        free(!taken, "Subnet", id)
    }
}

fn free(is_free: bool, kind: &str, id: &str) -> Result<(), Vec<String>> {
    match is_free {
        true => Ok(()),
        false => Err(vec![format!("VIM Driver: {kind} [{id}] is in use")]),
    }
}
