//! Between the engine's words and the cloud's.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::judge;
use super::steps::{Plan, Wire};
use crate::engine::port::{CreateVm, VimVm};
use crate::ids::{CreateToken, VmId};
use crate::model::event::InterfaceInfo;
use crate::proto::vcloud::{NetworkConnection, OrgNetwork, VApp};
use crate::vim_http::{host_name, logical};

/// Longest name of a vApp.
const LONGEST: usize = 128;
/// Line of a description that holds our token.
const TOKEN: &str = "lifeline.token=";
/// Line of a description that holds the VM's name, where the token does not.
const NAME: &str = "lifeline.name=";

/// What a flavor is here: `2x1024`, processors and memory in MB.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Size {
    /// Processors.
    pub cpus: u32,
    /// Memory in MB.
    pub memory_mb: u64,
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}", self.cpus, self.memory_mb)
    }
}

/// A text that is no size.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("not CPUSxMEGABYTES")]
pub struct NoSize;

impl FromStr for Size {
    type Err = NoSize;

    fn from_str(text: &str) -> Result<Self, NoSize> {
        let (cpus, memory) = text.split_once('x').ok_or(NoSize)?;
        let size = Self {
            cpus: cpus.parse().map_err(|_| NoSize)?,
            memory_mb: memory.parse().map_err(|_| NoSize)?,
        };
        match size.cpus > 0 && size.memory_mb > 0 {
            true => Ok(size),
            false => Err(NoSize),
        }
    }
}

/// The id of what is at an address: its last segment, which stays when the cloud is called by another name, or
/// spoken to in another version.
pub fn id_of(href: &str) -> &str {
    href.trim_end_matches('/')
        .rsplit('/')
        .next()
        .unwrap_or_default()
}

/// A vApp's name: its token, or the end of it, which tells tokens apart.
pub fn shown(token: &CreateToken) -> String {
    let letters = token.as_str().chars();
    let over = letters.clone().count().saturating_sub(LONGEST);
    letters.skip(over).collect()
}

/// A vApp's description: the token again, as names can be changed by people, and the VM's name.
pub fn description(new: &CreateVm) -> String {
    let token = format!("{TOKEN}{}", new.token);
    match new.name.as_str() {
        name if name == logical(&new.token) => token,
        name => format!("{token}\n{NAME}{name}"),
    }
}

fn line<'a>(vapp: &'a VApp, key: &str) -> Option<&'a str> {
    let mut lines = vapp.description.lines();
    lines.find_map(|line| line.trim().strip_prefix(key))
}

/// A vApp's token: that of its description, else its name.
pub fn token(vapp: &VApp) -> CreateToken {
    CreateToken::new(line(vapp, TOKEN).unwrap_or(&vapp.name))
}

/// What a vApp is to become; `networks`: the names of the interfaces' networks, in their order.
pub fn plan(new: &CreateVm, networks: &[String], size: Option<Size>, ip_mode: &str) -> Plan {
    let wires = new.interfaces.iter().zip(networks);
    let wires = wires.map(|(wanted, network)| Wire {
        index: wanted.nicid,
        network: network.clone(),
        mode: match wanted.ip_address {
            Some(_) => "MANUAL".to_owned(),
            None => ip_mode.to_owned(),
        },
        ip: wanted.ip_address.clone(),
        mac: wanted.mac_address.clone(),
    });
    Plan {
        stops: false,
        interfaces: Some(wires.collect()),
        size,
        properties: Vec::new(),
        script: None,
        host: host_name(new.name.as_str()),
        starts: true,
    }
}

/// A vApp as the engine sees its VM.
pub fn vm(vapp: &VApp, networks: &[OrgNetwork]) -> VimVm {
    let token = token(vapp);
    let name = line(vapp, NAME).unwrap_or_else(|| logical(&token));
    let connections = vapp
        .vms
        .first()
        .map_or(&[][..], |vm| vm.connections.as_slice());
    let mut interfaces: Vec<InterfaceInfo> = connections
        .iter()
        .map(|connection| interface(connection, networks))
        .collect();
    interfaces.sort_by_key(|interface| interface.nicid);
    VimVm {
        id: VmId::new(id_of(&vapp.href)),
        name: name.to_owned(),
        power: judge::power(vapp),
        // hosts are not shown to whoever rents room on them
        host_id: String::new(),
        host_name: String::new(),
        interfaces,
        messages: judge::messages(vapp),
        token: Some(token),
    }
}

fn interface(connection: &NetworkConnection, networks: &[OrgNetwork]) -> InterfaceInfo {
    let network = networks.iter().find(|one| one.name == connection.network);
    let id = network.map_or(connection.network.as_str(), |network| id_of(&network.href));
    let text = |text: Option<&String>| text.cloned().unwrap_or_default();
    InterfaceInfo {
        nicid: connection.index,
        kind: "virtual".to_owned(),
        network: id.to_owned(),
        // a network has its one subnet's addresses
        subnet: id.to_owned(),
        ip_address: text(connection.ip_address.as_ref()),
        mac_address: text(connection.mac_address.as_ref()),
        netmask: text(network.and_then(|network| network.netmask.as_ref())),
        gateway: text(network.and_then(|network| network.gateway.as_ref())),
        ..InterfaceInfo::default()
    }
}

#[cfg(test)]
#[path = "tests/map.rs"]
mod tests;
