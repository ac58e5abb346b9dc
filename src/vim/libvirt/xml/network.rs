//! Networks: ours are made whole from their card; of others only what is needed is read.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::super::link::Fault;
use super::card::{NAMESPACE, PREFIX};
use super::{document, text_of};
use crate::model::deployment::SubnetSpec;
use crate::xml::{Element, Writer};

/// Addresses of one range at most: libvirt refuses larger ones.
const RANGE: u128 = 65_000;

/// A subnet as it was asked for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SubnetCard {
    /// Name.
    pub name: String,
    /// Network address and prefix length, `10.20.0.0/24`.
    pub cidr: String,
    /// Gateway, empty when none.
    pub gateway: String,
    /// Whether addresses are handed out.
    pub dhcp: bool,
}

/// Our metadata in a network.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct NetworkCard {
    /// Name as asked for; libvirt's own is unique among all.
    pub name: String,
    /// Tenant, empty when none.
    pub tenant: String,
    /// Token, empty when none.
    pub token: String,
    /// The connector that made it.
    pub connector: String,
    /// Whether other tenants may use it.
    pub shared: bool,
    /// Subnets.
    pub subnets: Vec<SubnetCard>,
}

/// How a network of ours reaches the world.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Forward {
    /// Not at all.
    Isolated,
    /// Through the host: `nat`, `route`, `open`.
    Host(String),
    /// By a VLAN of an Open vSwitch bridge.
    Vlan {
        /// The bridge.
        bridge: String,
        /// The VLAN.
        id: u16,
    },
}

/// An address block of a network.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Block {
    /// The host's own address in it.
    pub address: IpAddr,
    /// Prefix length.
    pub prefix: u8,
    /// Ranges that are handed out, first and last.
    pub ranges: Vec<(IpAddr, IpAddr)>,
    /// Reservations: MAC (lower case) and address.
    pub hosts: Vec<(String, IpAddr)>,
}

/// What is read of a network.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NetworkDoc {
    /// UUID.
    pub uuid: String,
    /// libvirt's name.
    pub name: String,
    /// Bridge of the host, when libvirt tells.
    pub bridge: Option<String>,
    /// How it reaches the world.
    pub forward: Forward,
    /// Interfaces of running guests on it.
    pub connections: u32,
    /// Address blocks.
    pub blocks: Vec<Block>,
    /// Our metadata; `None`: somebody else's network.
    pub card: Option<NetworkCard>,
}

impl Block {
    /// Whether addresses can be reserved in it: libvirt's DHCP knows guests by their MAC address in IPv4 alone.
    pub fn reserves(&self) -> bool {
        self.address.is_ipv4() && !self.ranges.is_empty()
    }

    /// Network address and prefix length.
    pub fn cidr(&self) -> String {
        let network = network_of(self.address, self.prefix);
        let network = number_address(network, self.address.is_ipv4());
        format!("{network}/{}", self.prefix)
    }
}

impl NetworkDoc {
    /// The block an address lies in.
    pub fn block_of(&self, ip: IpAddr) -> Option<&Block> {
        self.blocks.iter().find(|block| {
            network_of(block.address, block.prefix) == network_of(ip, block.prefix)
                && block.address.is_ipv4() == ip.is_ipv4()
        })
    }
}

/// A subnet as asked for, checked.
///
/// # Errors
/// When address, mask or gateway make no subnet.
pub fn subnet_card(spec: &SubnetSpec) -> Result<SubnetCard, Fault> {
    let bad = |why: &str| Fault::refused(format!("subnet [{}]: {why}", spec.name));
    let address: IpAddr = spec
        .address
        .trim()
        .parse()
        .map_err(|_| bad("its address is none"))?;
    let width = if address.is_ipv4() { 32 } else { 128 };
    let mask = spec.netmask.trim();
    let prefix: u8 = match (mask.parse::<u8>(), mask.parse::<Ipv4Addr>()) {
        (Ok(prefix), _) => prefix,
        (_, Ok(mask)) => {
            let bits = mask.to_bits();
            if bits.leading_ones() + bits.trailing_zeros() < 32 {
                return Err(bad("its netmask has holes"));
            }
            bits.leading_ones() as u8
        }
        _ => return Err(bad("its netmask is none")),
    };
    if prefix == 0 || prefix > width - 2 {
        return Err(bad("its prefix leaves no room for hosts"));
    }
    let network = number_address(network_of(address, prefix), address.is_ipv4());
    let gateway = match spec
        .gateway
        .as_deref()
        .map(str::trim)
        .filter(|it| !it.is_empty())
    {
        None => String::new(),
        Some(text) => {
            let gateway: IpAddr = text.parse().map_err(|_| bad("its gateway is no address"))?;
            let inside = gateway.is_ipv4() == address.is_ipv4()
                && network_of(gateway, prefix) == network_of(address, prefix);
            if !inside {
                return Err(bad("its gateway lies outside"));
            }
            gateway.to_string()
        }
    };
    Ok(SubnetCard {
        name: spec.name.clone(),
        cidr: format!("{network}/{prefix}"),
        gateway,
        dhcp: spec.dhcp,
    })
}

/// The block of a subnet: the host takes the gateway's address, or the first one.
fn block_of(subnet: &SubnetCard) -> Option<Block> {
    let (network, prefix) = subnet.cidr.split_once('/')?;
    let network: IpAddr = network.parse().ok()?;
    let prefix: u8 = prefix.parse().ok()?;
    let v4 = network.is_ipv4();
    let width = if v4 { 32 } else { 128 };
    let base = number(network);
    let size = 1u128
        .checked_shl(width - u32::from(prefix))
        .unwrap_or(u128::MAX);
    let first = base + 1;
    // IPv4 keeps its last address for broadcasts.
    let last = base + size - if v4 { 2 } else { 1 };
    let own = match subnet.gateway.parse::<IpAddr>() {
        Ok(gateway) => number(gateway),
        Err(_) => first,
    };
    let mut ranges = Vec::new();
    if subnet.dhcp {
        let mut add = |from: u128, to: u128| {
            if from <= to {
                let to = to.min(from + RANGE - 1);
                ranges.push((number_address(from, v4), number_address(to, v4)));
            }
        };
        if own > first {
            add(first, own - 1);
        }
        add((own + 1).max(first), last);
    }
    Some(Block {
        address: number_address(own, v4),
        prefix,
        ranges,
        hosts: Vec::new(),
    })
}

/// The XML of a network of ours. `bridge`: the host's bridge it has already.
pub fn network_xml(
    uuid: &str,
    name: &str,
    card: &NetworkCard,
    forward: &Forward,
    bridge: Option<&str>,
    hosts: &[(String, IpAddr)],
) -> String {
    let mut out = Writer::new();
    out.start("network");
    out.leaf("name", name);
    out.leaf("uuid", uuid);
    out.start("metadata");
    write_card(&mut out, card);
    out.end();
    match forward {
        Forward::Vlan { bridge, id } => {
            empty_with(&mut out, "forward", &[("mode", "bridge")]);
            empty_with(&mut out, "bridge", &[("name", bridge)]);
            empty_with(&mut out, "virtualport", &[("type", "openvswitch")]);
            out.start("vlan");
            empty_with(&mut out, "tag", &[("id", &id.to_string())]);
            out.end();
            // Addresses are the physical network's own matter.
            return out.finish();
        }
        Forward::Host(mode) => empty_with(&mut out, "forward", &[("mode", mode)]),
        Forward::Isolated => {}
    }
    match bridge {
        Some(bridge) => {
            empty_with(
                &mut out,
                "bridge",
                &[("name", bridge), ("stp", "on"), ("delay", "0")],
            );
        }
        None => empty_with(&mut out, "bridge", &[("stp", "on"), ("delay", "0")]),
    }
    for block in card.subnets.iter().filter_map(block_of) {
        let inside = |ip: &IpAddr| {
            ip.is_ipv4() == block.address.is_ipv4()
                && network_of(*ip, block.prefix) == network_of(block.address, block.prefix)
        };
        out.start("ip");
        if block.address.is_ipv6() {
            out.attr("family", "ipv6");
        }
        out.attr("address", &block.address.to_string());
        out.attr("prefix", &block.prefix.to_string());
        if !block.ranges.is_empty() {
            out.start("dhcp");
            for (first, last) in &block.ranges {
                let (first, last) = (first.to_string(), last.to_string());
                empty_with(&mut out, "range", &[("start", &first), ("end", &last)]);
            }
            for (mac, ip) in hosts.iter().filter(|(_, ip)| inside(ip)) {
                out.raw(&host_entry(mac, *ip));
            }
            out.end();
        }
        out.end();
    }
    out.finish()
}

/// A DHCP reservation.
pub fn host_entry(mac: &str, ip: IpAddr) -> String {
    let mut out = Writer::new();
    empty_with(&mut out, "host", &[("mac", mac), ("ip", &ip.to_string())]);
    out.finish()
}

fn empty_with(out: &mut Writer, name: &str, attrs: &[(&str, &str)]) {
    out.start(name);
    for (attr, value) in attrs {
        out.attr(attr, value);
    }
    out.end();
}

fn write_card(out: &mut Writer, card: &NetworkCard) {
    out.start(&format!("{PREFIX}:network"));
    out.attr(&format!("xmlns:{PREFIX}"), NAMESPACE);
    out.attr("name", &card.name);
    out.attr("tenant", &card.tenant);
    out.attr("token", &card.token);
    out.attr("connector", &card.connector);
    out.attr("shared", if card.shared { "yes" } else { "no" });
    for subnet in &card.subnets {
        let dhcp = if subnet.dhcp { "yes" } else { "no" };
        empty_with(
            out,
            &format!("{PREFIX}:subnet"),
            &[
                ("name", &subnet.name),
                ("cidr", &subnet.cidr),
                ("gateway", &subnet.gateway),
                ("dhcp", dhcp),
            ],
        );
    }
    out.end();
}

fn read_card(element: &Element) -> NetworkCard {
    let text = |of: &Element, name: &str| of.attr("", name).unwrap_or_default().to_owned();
    let subnets = element.elements().filter(|child| &*child.local == "subnet");
    NetworkCard {
        name: text(element, "name"),
        tenant: text(element, "tenant"),
        token: text(element, "token"),
        connector: text(element, "connector"),
        shared: element.attr("", "shared") == Some("yes"),
        subnets: subnets
            .map(|subnet| SubnetCard {
                name: text(subnet, "name"),
                cidr: text(subnet, "cidr"),
                gateway: text(subnet, "gateway"),
                dhcp: subnet.attr("", "dhcp") == Some("yes"),
            })
            .collect(),
    }
}

/// Reads a network's XML.
///
/// # Errors
/// When it is none.
pub fn read_network(text: &str) -> Result<NetworkDoc, Fault> {
    let root = document(text)?;
    let blocks = root.elements().filter(|child| child.is("", "ip"));
    let card = root
        .child("", "metadata")
        .and_then(|metadata| metadata.child(NAMESPACE, "network"));
    let bridge = root
        .child("", "bridge")
        .and_then(|bridge| bridge.attr("", "name"));
    Ok(NetworkDoc {
        uuid: text_of(&root, "uuid").unwrap_or_default(),
        name: text_of(&root, "name").unwrap_or_default(),
        bridge: bridge.map(str::to_owned),
        forward: forward_of(&root),
        connections: root
            .attr("", "connections")
            .and_then(|text| text.parse().ok())
            .unwrap_or_default(),
        blocks: blocks.filter_map(read_block).collect(),
        card: card.map(read_card),
    })
}

fn forward_of(root: &Element) -> Forward {
    let mode = root
        .child("", "forward")
        .map(|forward| forward.attr("", "mode").unwrap_or("nat"));
    let vlan = root
        .child("", "vlan")
        .and_then(|vlan| vlan.child("", "tag"));
    let bridge = root
        .child("", "bridge")
        .and_then(|bridge| bridge.attr("", "name"));
    let vlan = vlan
        .and_then(|tag| tag.attr("", "id")?.parse().ok())
        .zip(bridge);
    match (mode, vlan) {
        (_, Some((id, bridge))) => Forward::Vlan {
            bridge: bridge.to_owned(),
            id,
        },
        (Some(mode), None) => Forward::Host(mode.to_owned()),
        (None, None) => Forward::Isolated,
    }
}

fn read_block(ip: &Element) -> Option<Block> {
    let address: IpAddr = ip.attr("", "address")?.parse().ok()?;
    let prefix = match (ip.attr("", "prefix"), ip.attr("", "netmask")) {
        (Some(prefix), _) => prefix.parse().ok()?,
        (None, Some(mask)) => mask.parse::<Ipv4Addr>().ok()?.to_bits().leading_ones() as u8,
        (None, None) if address.is_ipv6() => 64,
        // classful, as libvirt reads it
        (None, None) => match number(address) >> 24 {
            0..=127 => 8,
            128..=191 => 16,
            _ => 24,
        },
    };
    let within = |name: &'static str| {
        let dhcp = ip.child("", "dhcp").into_iter().flat_map(Element::elements);
        dhcp.filter(move |child| child.is("", name))
    };
    let parsed = |of: &Element, name: &str| of.attr("", name)?.parse().ok();
    let ranges =
        within("range").filter_map(|range| Some((parsed(range, "start")?, parsed(range, "end")?)));
    let hosts = within("host").filter_map(|host| {
        let mac = host.attr("", "mac")?.to_ascii_lowercase();
        Some((mac, parsed(host, "ip")?))
    });
    Some(Block {
        address,
        prefix,
        ranges: ranges.collect(),
        hosts: hosts.collect(),
    })
}

/// The first address of the block's ranges that nobody has.
pub fn first_free(block: &Block, leased: &BTreeSet<IpAddr>) -> Option<IpAddr> {
    let v4 = block.address.is_ipv4();
    let taken: BTreeSet<IpAddr> = block.hosts.iter().map(|(_, ip)| *ip).collect();
    let free = |ip: &IpAddr| *ip != block.address && !taken.contains(ip) && !leased.contains(ip);
    block
        .ranges
        .iter()
        .flat_map(|(first, last)| number(*first)..=number(*last))
        .map(|at| number_address(at, v4))
        .find(free)
}

fn number(ip: IpAddr) -> u128 {
    match ip {
        IpAddr::V4(ip) => u128::from(ip.to_bits()),
        IpAddr::V6(ip) => ip.to_bits(),
    }
}

fn number_address(number: u128, v4: bool) -> IpAddr {
    match v4 {
        true => IpAddr::V4(Ipv4Addr::from_bits(number as u32)),
        false => IpAddr::V6(Ipv6Addr::from_bits(number)),
    }
}

fn network_of(ip: IpAddr, prefix: u8) -> u128 {
    let width: u32 = if ip.is_ipv4() { 32 } else { 128 };
    let host_bits = width.saturating_sub(u32::from(prefix));
    match host_bits {
        128 => 0,
        bits => number(ip) >> bits << bits,
    }
}

#[cfg(test)]
mod tests {
    use super::super::golden;
    use super::*;

    fn spec(address: &str, netmask: &str, gateway: &str, dhcp: bool) -> SubnetSpec {
        SubnetSpec {
            name: "s".into(),
            ip_version: "ipv4".into(),
            dhcp,
            address: address.into(),
            netmask: netmask.into(),
            gateway: Some(gateway.to_owned()).filter(|it| !it.is_empty()),
        }
    }

    fn card(subnets: Vec<SubnetCard>) -> NetworkCard {
        NetworkCard {
            name: "lan".into(),
            tenant: "acme".into(),
            token: "t.1".into(),
            connector: "lab".into(),
            shared: false,
            subnets,
        }
    }

    #[test]
    fn a_network_of_ours_is_made_and_read_back_whole() {
        let subnets = vec![
            subnet_card(&spec("10.20.0.7", "255.255.255.0", "10.20.0.9", true)).unwrap(),
            subnet_card(&spec("fd00:7::", "64", "", true)).unwrap(),
            subnet_card(&spec("10.30.0.0", "29", "10.30.0.1", false)).unwrap(),
        ];
        let hosts = [
            (
                "52:54:00:00:00:01".to_owned(),
                "10.20.0.77".parse().unwrap(),
            ),
            ("52:54:00:00:00:02".to_owned(), "10.99.0.1".parse().unwrap()),
        ];
        let text = network_xml(
            "u-1",
            "lan-0123",
            &card(subnets),
            &Forward::Host("nat".into()),
            Some("virbr7"),
            &hosts,
        );
        golden("network.xml", &text);
        let read = read_network(&text).unwrap();
        assert_eq!(read.bridge.as_deref(), Some("virbr7"));
        assert_eq!(read.card.as_ref().unwrap().subnets[0].cidr, "10.20.0.0/24");
        assert_eq!(read.blocks.len(), 3);
        let block = read.block_of("10.20.0.200".parse().unwrap()).unwrap();
        assert_eq!(block.address.to_string(), "10.20.0.9");
        assert_eq!(block.hosts, hosts[..1], "the other one lies outside");
        assert_eq!(
            first_free(block, &BTreeSet::new()),
            "10.20.0.1".parse().ok()
        );
        let v6 = read.block_of("fd00:7::5".parse().unwrap()).unwrap();
        assert_eq!(first_free(v6, &BTreeSet::new()), "fd00:7::2".parse().ok());
        assert_eq!(read.block_of("192.0.2.1".parse().unwrap()), None);
    }

    #[test]
    fn isolated_and_vlan_networks() {
        let card = card(Vec::new());
        golden(
            "network-isolated.xml",
            &network_xml("u", "n", &card, &Forward::Isolated, None, &[]),
        );
        let vlan = Forward::Vlan {
            bridge: "ovs0".into(),
            id: 77,
        };
        let text = network_xml("u", "n", &card, &vlan, None, &[]);
        golden("network-vlan.xml", &text);
        assert_eq!(read_network(&text).unwrap().forward, vlan);
    }

    #[test]
    fn the_first_address_that_nobody_has_is_given() {
        let text = "<network><name>default</name><uuid>u</uuid><ip address='192.168.122.1' netmask='255.255.255.0'>
            <dhcp><range start='192.168.122.2' end='192.168.122.5'/><host mac='52:54:00:AA:00:01' ip='192.168.122.2'/></dhcp></ip></network>";
        let read = read_network(text).unwrap();
        let block = &read.blocks[0];
        assert_eq!(
            (block.prefix, &*block.hosts[0].0),
            (24, "52:54:00:aa:00:01")
        );
        let leased = BTreeSet::from(["192.168.122.3".parse().unwrap()]);
        assert_eq!(first_free(block, &leased), "192.168.122.4".parse().ok());
        let all = (2..=5)
            .map(|n| format!("192.168.122.{n}").parse().unwrap())
            .collect();
        assert_eq!(first_free(block, &all), None);
        assert_eq!(read.card, None);
    }

    #[test]
    fn what_makes_no_subnet_is_refused() {
        for (address, mask, gateway, why) in [
            ("x", "24", "", "address"),
            ("10.0.0.0", "255.0.255.0", "", "holes"),
            ("10.0.0.0", "31", "", "no room"),
            ("10.0.0.0", "0", "", "no room"),
            ("10.0.0.0", "/24", "", "netmask"),
            ("10.0.0.0", "24", "10.0.1.1", "outside"),
            ("10.0.0.0", "24", "fd00::1", "outside"),
            ("fd00::", "127", "", "no room"),
        ] {
            let fault = subnet_card(&spec(address, mask, gateway, true)).unwrap_err();
            assert!(
                fault.text.contains(why),
                "{address} {mask} {gateway}: {fault}"
            );
        }
        let large = subnet_card(&spec("10.0.0.0", "255.0.0.0", "10.0.0.1", true)).unwrap();
        let block = block_of(&large).unwrap();
        assert_eq!(
            block.ranges[0].1.to_string(),
            "10.0.253.233",
            "65,000 at most"
        );
    }
}
