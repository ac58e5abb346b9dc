//! Ports: what an interface stands on. One is made with its VM and goes with it, or stands on its own.

use serde::{Deserialize, Serialize};

use super::call::NewInterface;
use super::cloud::Cloud;
use super::op::Work;
use crate::ids::{TenantId, VmId};
use crate::model::event::InterfaceInfo;

/// A port that was made before its VM and outlives it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct Standing {
    pub name: String,
    pub tenant: Option<TenantId>,
    pub nic: InterfaceInfo,
    pub vm: Option<VmId>,
}

impl Standing {
    fn lend(&self, wanted: &NewInterface) -> Result<InterfaceInfo, String> {
        match self.vm {
            Some(_) => Err(format!("Port [{}] is in use", self.nic.port_id)),
            None => Ok(InterfaceInfo {
                nicid: wanted.nicid,
                kind: wanted.kind.clone(),
                ..self.nic.clone()
            }),
        }
    }
}

impl Cloud {
    /// Makes a port that waits for a VM.
    pub(super) fn make_port(
        &mut self,
        tenant: Option<TenantId>,
        name: String,
        wanted: &NewInterface,
    ) -> Result<(Work, Option<String>), Vec<String>> {
        self.within_limit(self.standing.len())?;
        let nic = self
            .attach_one(tenant.as_ref(), wanted)
            .map_err(|line| vec![format!("VIM Driver: {line}")])?;
        let id = nic.port_id.clone();
        let standing = Standing {
            name,
            tenant,
            nic,
            vm: None,
        };
        self.standing.insert(id.clone(), standing);
        Ok((Work::Nothing, Some(id)))
    }

    /// Removes a port, also from its VM; one that is not there counts as removed.
    pub(super) fn remove_port(&mut self, id: &str) {
        if let Some(standing) = self.standing.remove(id) {
            let vm = standing.vm.and_then(|vm| self.vms.get_mut(&vm));
            if let Some(vm) = vm {
                vm.interfaces.retain(|nic| nic.port_id != id);
            }
            self.release_ports(&[standing.nic]);
        }
    }

    /// Gives every interface its port; all or none.
    pub(super) fn attach(
        &mut self,
        tenant: Option<&TenantId>,
        wanted: &[NewInterface],
    ) -> Result<Vec<InterfaceInfo>, Vec<String>> {
        let mut made = Vec::with_capacity(wanted.len());
        for one in wanted {
            match self.attach_one(tenant, one) {
                Ok(interface) => made.push(interface),
                Err(line) => {
                    self.release_ports(&made);
                    return Err(vec![format!("VIM Driver: {line}")]);
                }
            }
        }
        Ok(made)
    }

    pub(super) fn attach_one(
        &mut self,
        tenant: Option<&TenantId>,
        wanted: &NewInterface,
    ) -> Result<InterfaceInfo, String> {
        if let Some(standing) = wanted
            .port_id
            .as_ref()
            .and_then(|port| self.standing.get(port))
        {
            return standing.lend(wanted);
        }
        let id = self
            .networks
            .find(tenant, &wanted.network)
            .map(|network| network.id.clone())
            .ok_or_else(|| format!("Network [{}] not found", wanted.network))?;
        let port_id = match &wanted.port_id {
            Some(port) if self.ports.contains(port) => {
                return Err(format!("Port [{port}] is in use"));
            }
            Some(port) => port.clone(),
            None => self.mint(),
        };
        let mac_address = match &wanted.mac_address {
            Some(mac) if self.macs.contains(&mac.to_lowercase()) => {
                return Err(format!("MAC address {mac} is in use"));
            }
            Some(mac) => mac.to_lowercase(),
            None => self.mint_mac(),
        };
        let Some(network) = self.networks.get_mut(&id) else {
            return Err(format!("Network [{id}] not found"));
        };
        let mut interface = InterfaceInfo {
            nicid: wanted.nicid,
            kind: wanted.kind.clone(),
            port_id,
            network: id,
            mac_address,
            ..InterfaceInfo::default()
        };
        let bare = network.subnets.is_empty();
        let subnet = match &wanted.ip_address {
            None => {
                let free = network.subnets.iter_mut().find_map(|subnet| {
                    let address = subnet.allocate()?;
                    Some((subnet, address))
                });
                if free.is_none() && !bare {
                    return Err(format!(
                        "No more IP addresses available on network [{}]",
                        network.id
                    ));
                }
                free
            }
            Some(text) => {
                let address = text
                    .parse()
                    .map_err(|_| format!("'{text}' is not an IP address"))?;
                let mut subnets = network.subnets.iter_mut();
                let home = subnets.find(|subnet| subnet.block.contains(address));
                match home {
                    Some(subnet) => {
                        subnet.take(address)?;
                        Some((subnet, address))
                    }
                    None if bare => {
                        interface.ip_address = address.to_string();
                        None
                    }
                    None => {
                        return Err(format!(
                            "IP address {address} is not in a subnet of network [{}]",
                            network.id
                        ));
                    }
                }
            }
        };
        if let Some((subnet, address)) = subnet {
            interface.subnet = subnet.id.clone();
            interface.ip_address = address.to_string();
            interface.netmask = subnet.block.netmask();
            interface.gateway = subnet.gateway.map(|ip| ip.to_string()).unwrap_or_default();
        }
        network.ports += 1;
        self.ports.insert(interface.port_id.clone());
        self.macs.insert(interface.mac_address.clone());
        Ok(interface)
    }

    /// Standing ports among them now serve the VM.
    pub(super) fn bind_ports(&mut self, vm: &VmId, interfaces: &[InterfaceInfo]) {
        for interface in interfaces {
            if let Some(standing) = self.standing.get_mut(&interface.port_id) {
                standing.vm = Some(vm.clone());
            }
        }
    }

    /// Gives ports and addresses back; ports that stand on their own wait for another VM.
    pub(super) fn release_ports(&mut self, interfaces: &[InterfaceInfo]) {
        for interface in interfaces {
            if let Some(standing) = self.standing.get_mut(&interface.port_id) {
                standing.vm = None;
                continue;
            }
            self.ports.remove(&interface.port_id);
            self.macs.remove(&interface.mac_address);
            let Some(network) = self.networks.get_mut(&interface.network) else {
                continue;
            };
            network.ports = network.ports.saturating_sub(1);
            if let Ok(address) = interface.ip_address.parse() {
                for subnet in network
                    .subnets
                    .iter_mut()
                    .filter(|one| one.id == interface.subnet)
                {
                    subnet.taken.remove(&address);
                }
            }
        }
    }

    fn mint_mac(&mut self) -> String {
        loop {
            let id = self.mint();
            let digits: String = id.chars().filter(char::is_ascii_hexdigit).take(6).collect();
            let (a, rest) = digits.split_at(2);
            let (b, c) = rest.split_at(2);
            let mac = format!("fa:16:3e:{a}:{b}:{c}");
            if !self.macs.contains(&mac) {
                return mac;
            }
        }
    }
}
