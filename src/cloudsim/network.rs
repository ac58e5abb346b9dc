//! Networks, subnets and the addresses they hand out.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde::{Deserialize, Serialize};

use crate::ids::{CreateToken, TenantId};
use crate::model::resource::SubnetRecord;

/// A network.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct Network {
    pub id: String,
    pub name: String,
    pub tenant: Option<TenantId>,
    #[serde(default)]
    pub token: Option<CreateToken>,
    pub shared: bool,
    pub subnets: Vec<Subnet>,
    /// Ports attached.
    pub ports: usize,
}

/// All networks, found by id, by name, and by a subnet's id.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub(super) struct Networks {
    by_id: BTreeMap<String, Network>,
    by_name: BTreeMap<String, BTreeSet<String>>,
    home: BTreeMap<String, String>,
    #[serde(default)]
    by_token: BTreeMap<CreateToken, String>,
}

impl Networks {
    pub fn insert(&mut self, network: Network) {
        let ids = self.by_name.entry(network.name.clone()).or_default();
        ids.insert(network.id.clone());
        if let Some(token) = &network.token {
            self.by_token.insert(token.clone(), network.id.clone());
        }
        for subnet in &network.subnets {
            self.home.insert(subnet.id.clone(), network.id.clone());
        }
        self.by_id.insert(network.id.clone(), network);
    }

    pub fn remove(&mut self, id: &str) {
        let Some(network) = self.by_id.remove(id) else {
            return;
        };
        for subnet in &network.subnets {
            self.home.remove(&subnet.id);
        }
        if let Some(token) = &network.token {
            self.by_token.remove(token);
        }
        if let Some(ids) = self.by_name.get_mut(&network.name) {
            ids.remove(id);
            if ids.is_empty() {
                self.by_name.remove(&network.name);
            }
        }
    }

    pub fn add_subnet(&mut self, id: &str, subnet: Subnet) {
        if let Some(network) = self.by_id.get_mut(id) {
            self.home.insert(subnet.id.clone(), id.to_owned());
            network.subnets.push(subnet);
        }
    }

    pub fn remove_subnet(&mut self, id: &str) {
        let network = self.home.remove(id);
        if let Some(network) = network.and_then(|home| self.by_id.get_mut(&home)) {
            network.subnets.retain(|subnet| subnet.id != id);
        }
    }

    pub fn subnet_mut(&mut self, id: &str) -> Option<&mut Subnet> {
        let network = self.by_id.get_mut(self.home.get(id)?)?;
        let mut subnets = network.subnets.iter_mut();
        subnets.find(|subnet| subnet.id == id)
    }

    pub fn subnet(&self, id: &str) -> Option<&Subnet> {
        let network = self.by_id.get(self.home.get(id)?)?;
        network.subnets.iter().find(|subnet| subnet.id == id)
    }

    pub fn get(&self, id: &str) -> Option<&Network> {
        self.by_id.get(id)
    }

    pub fn get_mut(&mut self, id: &str) -> Option<&mut Network> {
        self.by_id.get_mut(id)
    }

    /// The network that carries a token.
    pub fn of_token(&self, token: &CreateToken) -> Option<&Network> {
        self.by_id.get(self.by_token.get(token)?)
    }

    /// The tenant's own network of that name.
    pub fn of_tenant(&self, tenant: Option<&TenantId>, name: &str) -> Option<&Network> {
        let mut named = self.named(name);
        named.find(|network| network.tenant.as_ref() == tenant)
    }

    /// By id, or by name: the tenant's own first, then a shared one.
    pub fn find(&self, tenant: Option<&TenantId>, id_or_name: &str) -> Option<&Network> {
        self.by_id
            .get(id_or_name)
            .or_else(|| self.of_tenant(tenant, id_or_name))
            .or_else(|| self.named(id_or_name).find(|network| network.shared))
    }

    fn named(&self, name: &str) -> impl Iterator<Item = &Network> {
        let ids = self.by_name.get(name).into_iter().flatten();
        ids.filter_map(|id| self.by_id.get(id))
    }

    pub fn iter(&self) -> impl Iterator<Item = &Network> {
        self.by_id.values()
    }

    pub fn len(&self) -> usize {
        self.by_id.len()
    }
}

/// A block of addresses: prefix and its length.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct Block {
    base: IpAddr,
    prefix: u8,
}

/// A subnet.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct Subnet {
    pub id: String,
    pub name: String,
    pub block: Block,
    pub gateway: Option<IpAddr>,
    pub dhcp: bool,
    /// Addresses in use, the gateway's not among them.
    pub taken: BTreeSet<IpAddr>,
    /// Where the search for a free address goes on.
    next: u128,
    /// Firsts and lasts of what is handed out; none: all that guests may have.
    #[serde(default)]
    pools: Vec<(IpAddr, IpAddr)>,
}

impl Block {
    /// Reads an address and a netmask, dotted or as a prefix length; host bits are cleared.
    pub fn parse(address: &str, netmask: &str) -> Result<Self, String> {
        let base: IpAddr = address
            .parse()
            .map_err(|_| format!("'{address}' is not an IP address"))?;
        let bits = width(base);
        let prefix = match (netmask.parse::<u8>(), netmask.parse::<IpAddr>()) {
            (Ok(prefix), _) => Some(prefix),
            (_, Ok(IpAddr::V4(mask))) if bits == 32 => {
                let mask = u32::from(mask);
                (mask.leading_ones() + mask.trailing_zeros() >= 32)
                    .then_some(mask.leading_ones() as u8)
            }
            (_, Ok(IpAddr::V6(mask))) if bits == 128 => {
                let mask = u128::from(mask);
                (mask.leading_ones() + mask.trailing_zeros() >= 128)
                    .then_some(mask.leading_ones() as u8)
            }
            _ => None,
        };
        let prefix = prefix
            .filter(|prefix| *prefix <= bits)
            .ok_or_else(|| format!("'{netmask}' is not a netmask or prefix length"))?;
        let host_bits = low_ones(bits - prefix);
        Ok(Self {
            base: address_of(number(base) & !host_bits, bits),
            prefix,
        })
    }

    /// Reads `address/length`.
    pub fn parse_cidr(cidr: &str) -> Result<Self, String> {
        let (address, length) = cidr
            .split_once('/')
            .ok_or_else(|| format!("'{cidr}' is not of the form address/length"))?;
        Self::parse(address, length)
    }

    fn bits(self) -> u8 {
        width(self.base)
    }

    pub fn contains(self, address: IpAddr) -> bool {
        let host_bits = low_ones(self.bits() - self.prefix);
        width(address) == self.bits() && number(address) & !host_bits == number(self.base)
    }

    pub fn cidr(self) -> String {
        format!("{}/{}", self.base, self.prefix)
    }

    /// Dotted for IPv4, the prefix length for IPv6.
    pub fn netmask(self) -> String {
        match self.base {
            IpAddr::V4(_) => {
                let host_bits = low_ones(32 - self.prefix) as u32;
                Ipv4Addr::from(!host_bits).to_string()
            }
            IpAddr::V6(_) => self.prefix.to_string(),
        }
    }

    /// First and last address that a guest may have, as offsets from the base.
    fn hosts(self) -> (u128, u128) {
        let last = low_ones(self.bits() - self.prefix);
        match self.bits() - self.prefix {
            0 => (0, 0),
            1 => (0, 1),
            // the base and, in IPv4, the broadcast address are no guest's
            _ if self.bits() == 32 => (1, last - 1),
            _ => (1, last),
        }
    }

    fn at(self, offset: u128) -> IpAddr {
        address_of(number(self.base).saturating_add(offset), self.bits())
    }
}

impl Subnet {
    pub fn new(
        id: String,
        name: String,
        block: Block,
        gateway: Option<IpAddr>,
        dhcp: bool,
    ) -> Result<Self, String> {
        if let Some(gateway) = gateway.filter(|gateway| !block.contains(*gateway)) {
            return Err(format!("gateway {gateway} is not in {}", block.cidr()));
        }
        Ok(Self {
            id,
            name,
            block,
            gateway,
            dhcp,
            taken: BTreeSet::new(),
            next: 0,
            pools: Vec::new(),
        })
    }

    /// The first address of the block, where a gateway usually stands.
    pub fn first(block: Block) -> IpAddr {
        block.at(block.hosts().0)
    }

    /// Takes the address asked for; an error says why it cannot be had.
    pub fn take(&mut self, address: IpAddr) -> Result<(), String> {
        if self.gateway == Some(address) || !self.taken.insert(address) {
            return Err(format!("IP address {address} is already allocated"));
        }
        Ok(())
    }

    /// Hands out addresses of these pools alone from now on.
    pub fn set_pools(&mut self, pools: Vec<(IpAddr, IpAddr)>) -> Result<(), String> {
        for (first, last) in &pools {
            let inside = self.block.contains(*first) && self.block.contains(*last);
            if !inside || number(*first) > number(*last) {
                let block = self.block.cidr();
                return Err(format!("The pool {first} to {last} is not in {block}"));
            }
        }
        self.pools = pools;
        Ok(())
    }

    /// Firsts and lasts of what is handed out.
    pub fn pools(&self) -> Vec<(IpAddr, IpAddr)> {
        if !self.pools.is_empty() {
            return self.pools.clone();
        }
        let (first, last) = self.block.hosts();
        let (first, last) = (self.block.at(first), self.block.at(last));
        let beside = |address: IpAddr, up: bool| {
            let next = match up {
                true => number(address).saturating_add(1),
                false => number(address).saturating_sub(1),
            };
            address_of(next, self.block.bits())
        };
        // around the gateway
        let mut parts = match self.gateway {
            Some(gateway) if gateway >= first && gateway <= last => vec![
                (first, beside(gateway, false)),
                (beside(gateway, true), last),
            ],
            _ => vec![(first, last)],
        };
        parts.retain(|(from, to)| from <= to && self.gateway != Some(*from));
        parts
    }

    fn allocate_of_pools(&mut self) -> Option<IpAddr> {
        for (first, last) in self.pools.clone() {
            let tries = self.taken.len() as u128 + 2;
            let size = number(last) - number(first) + 1;
            for step in 0..tries.min(size) {
                let address = address_of(number(first) + step, self.block.bits());
                if self.gateway != Some(address) && self.taken.insert(address) {
                    return Some(address);
                }
            }
        }
        None
    }

    /// Takes the next free address, going round; `None` when all are taken.
    pub fn allocate(&mut self) -> Option<IpAddr> {
        if !self.pools.is_empty() {
            return self.allocate_of_pools();
        }
        let (first, last) = self.block.hosts();
        let size = last.checked_sub(first)?.saturating_add(1);
        let tries = size.min(self.taken.len() as u128 + 2);
        for step in 0..tries {
            let offset = first + (self.next + step) % size;
            let address = self.block.at(offset);
            if self.gateway != Some(address) && self.taken.insert(address) {
                self.next = (self.next + step + 1) % size;
                return Some(address);
            }
        }
        None
    }

    pub fn record(&self) -> SubnetRecord {
        SubnetRecord {
            name: self.name.clone(),
            vim_id: self.id.clone(),
            cidr: self.block.cidr(),
            gateway: self.gateway.map(|ip| ip.to_string()).unwrap_or_default(),
            dhcp: self.dhcp,
        }
    }
}

fn width(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => u128::from(u32::from(v4)),
        IpAddr::V6(v6) => u128::from(v6),
    }
}

fn address_of(number: u128, bits: u8) -> IpAddr {
    match bits {
        32 => IpAddr::V4(Ipv4Addr::from(number as u32)),
        _ => IpAddr::V6(Ipv6Addr::from(number)),
    }
}

fn low_ones(count: u8) -> u128 {
    match count {
        0 => 0,
        count => u128::MAX >> (128 - u32::from(count)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subnet(cidr: &str, gateway: Option<&str>) -> Subnet {
        let block = Block::parse_cidr(cidr).unwrap();
        let gateway = gateway.map(|ip| ip.parse().unwrap());
        Subnet::new("s".into(), "s".into(), block, gateway, true).unwrap()
    }

    #[test]
    fn netmasks_are_dotted_or_lengths_and_contiguous() {
        let a = Block::parse("10.1.2.3", "255.255.255.0").unwrap();
        assert_eq!(
            (a.cidr(), a.netmask()),
            ("10.1.2.0/24".into(), "255.255.255.0".into())
        );
        assert_eq!(Block::parse("10.1.2.3", "24").unwrap(), a);
        assert_eq!(Block::parse("fd00::1", "64").unwrap().cidr(), "fd00::/64");
        assert_eq!(Block::parse("0.0.0.0", "0").unwrap().netmask(), "0.0.0.0");
        for bad in ["255.0.255.0", "33", "", "x", "ffff::"] {
            assert!(Block::parse("10.0.0.0", bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn addresses_skip_gateway_network_and_broadcast_and_run_out() {
        let mut net = subnet("10.0.0.0/29", Some("10.0.0.1"));
        let got: Vec<String> = std::iter::from_fn(|| net.allocate())
            .map(|ip| ip.to_string())
            .collect();
        assert_eq!(
            got,
            ["10.0.0.2", "10.0.0.3", "10.0.0.4", "10.0.0.5", "10.0.0.6"]
        );
        net.taken.remove(&"10.0.0.4".parse().unwrap());
        assert_eq!(net.allocate().unwrap().to_string(), "10.0.0.4");
    }

    #[test]
    fn pools_alone_are_handed_out_and_shown() {
        let mut net = subnet("10.0.0.0/29", Some("10.0.0.2"));
        let ip = |text: &str| -> IpAddr { text.parse().unwrap() };
        let around = [("10.0.0.1", "10.0.0.1"), ("10.0.0.3", "10.0.0.6")];
        assert_eq!(net.pools(), around.map(|(a, b)| (ip(a), ip(b))));
        let pools = vec![
            (ip("10.0.0.4"), ip("10.0.0.4")),
            (ip("10.0.0.1"), ip("10.0.0.2")),
        ];
        net.set_pools(pools.clone()).unwrap();
        assert_eq!(net.pools(), pools);
        let got: Vec<String> = std::iter::from_fn(|| net.allocate())
            .map(|ip| ip.to_string())
            .collect();
        assert_eq!(got, ["10.0.0.4", "10.0.0.1"], "the gateway is nobody's");
        for (from, to) in [("10.0.0.5", "10.0.0.4"), ("10.0.0.5", "10.0.0.9")] {
            assert!(net.set_pools(vec![(ip(from), ip(to))]).is_err());
        }
    }

    #[test]
    fn an_address_is_given_once() {
        let mut net = subnet("fd00::/120", None);
        let ip = net.allocate().unwrap();
        assert_eq!(ip.to_string(), "fd00::1");
        assert!(net.take(ip).is_err());
    }
}
