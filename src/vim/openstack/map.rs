//! Between the engine's words and the cloud's.

use std::collections::BTreeMap;

use super::day_zero::Prepared;
use super::judge;
use crate::engine::port::{CreateVm, InterfaceRequest, VimVm};
use crate::ids::{CreateToken, VmId};
use crate::model::deployment::VolumeSpec;
use crate::model::event::InterfaceInfo;
use crate::model::resource::{FlavorSpec, SubnetRecord};
use crate::proto::nova::{
    BlockDevice, NewFlavor, NewNetworkInterface, NewServer, NewServerNetworks, Port, Server, Subnet,
};
use crate::vim_http::{gibibytes, logical, netmask};
pub use crate::vim_http::{is_ours, made_for, place as index, prefix_length};

/// Metadata that carries our token.
pub const TOKEN: &str = "lifeline.token";
/// Metadata `lifeline.nic.0` and so on: network and kind of an interface.
const NIC: &str = "lifeline.nic.";
/// Name of the port of an interface: the same over a redeploy.
pub fn port_name(token: &CreateToken, nicid: u32) -> String {
    format!("{}-{nicid}", logical(token))
}

/// The names under which a server's interfaces are asked for, resolved.
pub struct Resolved {
    /// Image's id.
    pub image: String,
    /// Flavor's id.
    pub flavor: String,
    /// Each interface with its network's id, and the port made for it.
    pub interfaces: Vec<(InterfaceRequest, String, Option<String>)>,
}

/// A create. `word`: whether the cloud takes `none` for no interfaces.
pub fn new_server(new: &CreateVm, resolved: Resolved, day_zero: Prepared, word: bool) -> NewServer {
    let mut metadata = BTreeMap::from([(TOKEN.to_owned(), new.token.as_str().to_owned())]);
    let mut networks = Vec::new();
    for (wanted, network, port) in resolved.interfaces {
        metadata.insert(
            format!("{NIC}{}", wanted.nicid),
            format!("{network} {}", wanted.kind),
        );
        networks.push(match port {
            Some(port) => NewNetworkInterface {
                port: Some(port),
                ..NewNetworkInterface::default()
            },
            None => NewNetworkInterface {
                uuid: Some(network),
                fixed_ip: wanted.ip_address,
                ..NewNetworkInterface::default()
            },
        });
    }
    NewServer {
        name: new.name.as_str().to_owned(),
        flavor_ref: resolved.flavor,
        metadata,
        networks: match networks.is_empty() {
            false => Some(NewServerNetworks::List(networks)),
            true => word.then(|| NewServerNetworks::Word("none".to_owned())),
        },
        user_data: day_zero.user_data,
        personality: day_zero.files,
        block_device_mapping_v2: disks(&resolved.image, &new.volumes),
        image_ref: Some(resolved.image),
        ..NewServer::default()
    }
}

/// Disks beside the image's own: none, or the image first and then a new volume each, which goes with the server.
fn disks(image: &str, volumes: &[VolumeSpec]) -> Vec<BlockDevice> {
    if volumes.is_empty() {
        return Vec::new();
    }
    let boot = BlockDevice {
        source_type: "image".to_owned(),
        destination_type: Some("local".to_owned()),
        uuid: Some(image.to_owned()),
        boot_index: Some(0.into()),
        delete_on_termination: Some(true),
        ..BlockDevice::default()
    };
    let blank = |volume: &VolumeSpec| BlockDevice {
        source_type: "blank".to_owned(),
        destination_type: Some("volume".to_owned()),
        boot_index: Some((-1).into()),
        volume_size: Some(gibibytes(volume).into()),
        delete_on_termination: Some(true),
        disk_bus: Some(volume.bus.clone()).filter(|bus| !bus.is_empty()),
        ..BlockDevice::default()
    };
    std::iter::once(boot)
        .chain(volumes.iter().map(blank))
        .collect()
}

/// A flavor to make; disks come in whole gigabytes.
pub fn new_flavor(spec: FlavorSpec) -> NewFlavor {
    NewFlavor {
        name: spec.name,
        id: None,
        vcpus: spec.vcpus.max(1),
        ram: spec.memory_mb,
        disk: spec.root_disk_mb.div_ceil(1024),
        ephemeral: spec.ephemeral_disk_mb.div_ceil(1024),
        swap: spec.swap_disk_mb,
        is_public: Some(true),
        description: None,
    }
}

/// A server's token.
pub fn token(server: &Server) -> Option<CreateToken> {
    let token = server.metadata.as_ref()?.get(TOKEN)?;
    Some(CreateToken::new(token))
}

/// Interfaces that a server of ours was made with: nicid, network, kind.
pub fn nics(server: &Server) -> Vec<(u32, String, String)> {
    let metadata = server.metadata.iter().flatten();
    let mut nics: Vec<_> = metadata
        .filter_map(|(name, value)| {
            let nicid = name.strip_prefix(NIC)?.parse().ok()?;
            let (network, kind) = value.split_once(' ').unwrap_or((value, ""));
            Some((nicid, network.to_owned(), kind.to_owned()))
        })
        .collect();
    nics.sort();
    nics
}

/// A server as the engine sees it.
pub fn vm(server: &Server, interfaces: Vec<InterfaceInfo>) -> VimVm {
    VimVm {
        id: VmId::new(&server.id),
        name: server.name.clone(),
        token: token(server),
        power: judge::power(server),
        host_id: server.host_id.clone().unwrap_or_default(),
        host_name: server.host.clone().flatten().unwrap_or_default(),
        interfaces,
        messages: judge::messages(server),
    }
}

/// A server's interfaces: each that it was made with gets its own port, by the port's name, else the first left of
/// its network.
pub fn interfaces(
    server: &Server,
    ports: &[Port],
    subnets: &BTreeMap<String, Subnet>,
) -> Vec<InterfaceInfo> {
    let token = token(server);
    let mut left: Vec<&Port> = ports.iter().collect();
    left.sort_by(|a, b| a.id.cmp(&b.id));
    let mut take = |fits: &dyn Fn(&Port) -> bool| {
        let at = left.iter().position(|port| fits(port))?;
        Some(left.remove(at))
    };
    let nics = nics(server);
    let mut named: BTreeMap<u32, &Port> = BTreeMap::new();
    for (nicid, ..) in &nics {
        if let Some(token) = &token
            && let Some(port) = take(&|port| port.name == port_name(token, *nicid))
        {
            named.insert(*nicid, port);
        }
    }
    let mut infos = Vec::new();
    for (nicid, network, kind) in nics {
        let port = named.get(&nicid).copied();
        let port = port.or_else(|| take(&|port| port.network_id == network));
        infos.push(interface(nicid, network, kind, port, subnets));
    }
    infos
}

fn interface(
    nicid: u32,
    network: String,
    kind: String,
    port: Option<&Port>,
    subnets: &BTreeMap<String, Subnet>,
) -> InterfaceInfo {
    let mut info = InterfaceInfo {
        nicid,
        kind,
        network,
        ..InterfaceInfo::default()
    };
    let Some(port) = port else { return info };
    info.port_id.clone_from(&port.id);
    info.mac_address.clone_from(&port.mac_address);
    if let Some(first) = port.fixed_ips.first() {
        info.ip_address = first.ip_address.clone().unwrap_or_default();
        info.subnet = first.subnet_id.clone().unwrap_or_default();
    }
    if let Some(subnet) = subnets.get(&info.subnet) {
        info.netmask = netmask(&subnet.cidr);
        info.gateway = subnet.gateway_ip.clone().unwrap_or_default();
    }
    info
}

/// A subnet as the engine keeps it.
pub fn subnet(subnet: &Subnet) -> SubnetRecord {
    SubnetRecord {
        name: subnet.name.clone(),
        vim_id: subnet.id.clone(),
        cidr: subnet.cidr.clone(),
        gateway: subnet.gateway_ip.clone().unwrap_or_default(),
        dhcp: subnet.enable_dhcp,
    }
}

#[cfg(test)]
#[path = "tests/map.rs"]
mod tests;
