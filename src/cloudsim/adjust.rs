//! Small changes of networks, subnets, ports and images that are there.

use std::net::IpAddr;

use super::cloud::Cloud;

impl Cloud {
    /// Renames a network, or shares it; whether it is there.
    pub fn edit_network(&mut self, id: &str, name: Option<&str>, shared: Option<bool>) -> bool {
        let Some(mut network) = self.networks.get(id).cloned() else {
            return false;
        };
        self.networks.remove(id);
        if let Some(name) = name {
            network.name = name.to_owned();
        }
        network.shared = shared.unwrap_or(network.shared);
        self.networks.insert(network);
        true
    }

    /// Renames a subnet; whether it is there.
    pub fn rename_subnet(&mut self, id: &str, name: &str) -> bool {
        let subnet = self.networks.subnet_mut(id);
        subnet.map(|subnet| subnet.name = name.to_owned()).is_some()
    }

    /// Hands out addresses of these pools alone.
    ///
    /// # Errors
    /// One is not in the subnet, or there is no such subnet.
    pub fn set_pools(&mut self, id: &str, pools: Vec<(IpAddr, IpAddr)>) -> Result<(), String> {
        match self.networks.subnet_mut(id) {
            Some(subnet) => subnet.set_pools(pools),
            None => Err(format!("Subnet {id} could not be found.")),
        }
    }

    /// Firsts and lasts of the addresses that a subnet hands out.
    pub fn pools(&self, id: &str) -> Vec<(IpAddr, IpAddr)> {
        let subnet = self.networks.subnet(id);
        subnet
            .map(super::network::Subnet::pools)
            .unwrap_or_default()
    }

    /// Renames a port that did not come with its VM; whether there is one.
    pub fn rename_port(&mut self, id: &str, name: &str) -> bool {
        let port = self.standing.get_mut(id);
        port.map(|port| port.name = name.to_owned()).is_some()
    }

    /// Renames an image; whether it is there and no other has the name.
    pub fn rename_image(&mut self, id: &str, name: &str) -> bool {
        let taken = self.images.id_of(name).is_some_and(|other| other != id);
        if taken || !self.images.has_id(id) {
            return false;
        }
        self.images.remove(id);
        self.images.add(id.to_owned(), name.to_owned());
        self.edit_image(id, |spec| spec.name = name.to_owned())
    }
}
