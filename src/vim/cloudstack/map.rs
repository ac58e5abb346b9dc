//! Between the engine's words and the cloud's.

use super::judge;
use crate::engine::port::{CreateVm, InterfaceRequest, VimError, VimResource, VimVm};
use crate::ids::{CreateToken, VmId};
use crate::model::deployment::{NetworkSpec, SubnetSpec};
use crate::model::event::InterfaceInfo;
use crate::model::resource::{FlavorSpec, ImageSpec, SubnetRecord};
use crate::proto::cloudstack::{Command, Id, Network, Nic, VirtualMachine};
use crate::vim_http::{host_name, is_ours, made_for, netmask, prefix_length};

/// Detail that carries our token.
pub const TOKEN: &str = "lifeline.token";
/// Detail that carries the name the engine knows the VM by: a host's name can hold less.
const NAME: &str = "lifeline.name";
/// Detail `lifeline.nic.0` and so on: network and kind of an interface.
const NIC: &str = "lifeline.nic.";

/// The ids under which a VM is asked for.
pub struct Resolved {
    /// Zone.
    pub zone: String,
    /// Template.
    pub template: String,
    /// Service offering.
    pub offering: String,
    /// Each interface with its network's id.
    pub interfaces: Vec<(InterfaceRequest, String)>,
    /// User data in base64.
    pub user_data: Option<String>,
}

/// A create.
pub fn deploy(new: &CreateVm, resolved: Resolved) -> Command {
    let mut details = vec![
        (TOKEN.to_owned(), new.token.as_str().to_owned()),
        (NAME.to_owned(), new.name.as_str().to_owned()),
    ];
    let mut command = Command::new("deployVirtualMachine")
        .with("zoneid", resolved.zone)
        .with("templateid", resolved.template)
        .with("serviceofferingid", resolved.offering)
        .with("name", host_name(new.name.as_str()))
        .with("displayname", new.token.as_str());
    for (at, (wanted, network)) in resolved.interfaces.into_iter().enumerate() {
        let name = |member: &str| format!("iptonetworklist[{at}].{member}");
        details.push((
            format!("{NIC}{}", wanted.nicid),
            format!("{network} {}", wanted.kind),
        ));
        command = command.with(&name("networkid"), network);
        if let Some(address) = wanted.ip_address {
            command = command.with(&name("ip"), address);
        }
        if let Some(address) = wanted.mac_address {
            command = command.with(&name("mac"), address);
        }
    }
    if let Some(user_data) = resolved.user_data {
        command = command.with("userdata", user_data);
    }
    for (name, value) in details {
        command = command.with(&format!("details[0].{name}"), value);
    }
    command
}

fn detail<'a>(vm: &'a VirtualMachine, name: &str) -> Option<&'a str> {
    vm.details.as_ref()?.get(name).map(String::as_str)
}

/// A VM's token: that of its details, else the name shown.
pub fn token(vm: &VirtualMachine) -> Option<CreateToken> {
    let token = detail(vm, TOKEN).or(vm.displayname.as_deref())?;
    Some(CreateToken::new(token))
}

/// A VM as the engine sees it. `served`: whether its host answers, `None` where that cannot be seen.
pub fn vm(vm: &VirtualMachine, served: Option<bool>) -> VimVm {
    let text = |id: &Option<Id>| id.as_ref().map_or_else(String::new, ToString::to_string);
    VimVm {
        id: VmId::new(vm.id.as_str()),
        name: detail(vm, NAME).unwrap_or(&vm.name).to_owned(),
        token: token(vm),
        power: judge::power(vm, served),
        host_id: text(&vm.hostid),
        host_name: vm.hostname.clone().unwrap_or_default(),
        interfaces: interfaces(vm),
        messages: judge::messages(vm, served),
    }
}

/// A VM's interfaces: each that it was made with gets the first left of its network; one whose details are not shown has
/// those the cloud shows, in its order.
fn interfaces(vm: &VirtualMachine) -> Vec<InterfaceInfo> {
    let mut left: Vec<&Nic> = vm.nic.iter().collect();
    let Some(details) = vm
        .details
        .as_ref()
        .filter(|details| details.contains_key(TOKEN))
    else {
        left.sort_by_key(|nic| !nic.isdefault);
        let all = left.into_iter().enumerate();
        return all
            .map(|(at, nic)| interface(u32::try_from(at).unwrap_or(u32::MAX), "virtual", nic))
            .collect();
    };
    let mut wanted: Vec<(u32, &str, &str)> = details
        .iter()
        .filter_map(|(name, value)| {
            let nicid = name.strip_prefix(NIC)?.parse().ok()?;
            let (network, kind) = value.split_once(' ').unwrap_or((value, ""));
            Some((nicid, network, kind))
        })
        .collect();
    wanted.sort_unstable();
    wanted
        .into_iter()
        .map(|(nicid, network, kind)| {
            let of = |nic: &&Nic| {
                nic.networkid
                    .as_ref()
                    .is_some_and(|id| id.as_str() == network)
            };
            match left.iter().position(of) {
                Some(at) => interface(nicid, kind, left.remove(at)),
                None => InterfaceInfo {
                    nicid,
                    kind: kind.to_owned(),
                    network: network.to_owned(),
                    ..InterfaceInfo::default()
                },
            }
        })
        .collect()
}

fn interface(nicid: u32, kind: &str, nic: &Nic) -> InterfaceInfo {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let network = nic
        .networkid
        .as_ref()
        .map_or_else(String::new, ToString::to_string);
    InterfaceInfo {
        nicid,
        kind: kind.to_owned(),
        port_id: nic.id.to_string(),
        // a network has its one subnet's addresses
        subnet: network.clone(),
        network,
        ip_address: text(&nic.ipaddress),
        mac_address: text(&nic.macaddress),
        netmask: text(&nic.netmask),
        gateway: text(&nic.gateway),
    }
}

/// The words that a network of ours shows: for which token it was made, and what its subnet is called.
pub fn network_words(token: Option<&CreateToken>, spec: &NetworkSpec) -> String {
    let subnet = spec.subnets.first().map(|subnet| subnet.name.as_str());
    let made = token.map_or_else(|| spec.name.clone(), made_for);
    match subnet.filter(|_| token.is_some()) {
        Some(subnet) => format!("{made} {subnet}"),
        None => made,
    }
}

/// Whether a network was made for that token.
pub fn is_made_for(network: &Network, token: &CreateToken) -> bool {
    let words = network.displaytext.as_deref().unwrap_or_default();
    let made = made_for(token);
    words == made
        || words
            .strip_prefix(&made)
            .is_some_and(|rest| rest.starts_with(' '))
}

/// A network with its one subnet.
pub fn network(network: &Network) -> VimResource {
    let words = network.displaytext.as_deref().unwrap_or_default();
    let named = words.rsplit_once(' ').map(|(_, subnet)| subnet);
    // `lifeline: <token> <subnet>`
    let ours = is_ours(words) && words.split(' ').count() > 2;
    let name = named.filter(|_| ours).unwrap_or(&network.name);
    let subnet = network.cidr.as_ref().map(|cidr| SubnetRecord {
        name: name.to_owned(),
        vim_id: network.id.to_string(),
        cidr: cidr.clone(),
        gateway: network.gateway.clone().unwrap_or_default(),
        dhcp: true,
    });
    VimResource {
        id: network.id.to_string(),
        name: network.name.clone(),
        subnets: subnet.into_iter().collect(),
    }
}

/// Gateway and netmask of a network with this subnet.
///
/// # Errors
/// When CloudStack has no such subnets.
pub fn addresses(spec: &SubnetSpec) -> Result<(String, String), VimError> {
    let refuse = |why: String| VimError::Refused(vec![format!("subnet [{}]: {why}", spec.name)]);
    let Ok(address) = spec.address.parse::<std::net::Ipv4Addr>() else {
        let why = "CloudStack gets IPv4 addresses from this driver, no others".to_owned();
        return Err(refuse(why));
    };
    if !spec.dhcp {
        let why = "CloudStack hands out the addresses of a network: dhcp has to be on".to_owned();
        return Err(refuse(why));
    }
    let length = prefix_length(&spec.netmask).filter(|length| (1..=30).contains(length));
    let Some(length) = length else {
        return Err(refuse(format!("'{}' is no netmask of it", spec.netmask)));
    };
    let mask = netmask(&format!("{address}/{length}"));
    let gateway = match &spec.gateway {
        Some(gateway) => gateway.clone(),
        None => {
            let network = u32::from(address) & (u32::MAX << (32 - length));
            std::net::Ipv4Addr::from(network + 1).to_string()
        }
    };
    Ok((gateway, mask))
}

/// A service offering to make; the root disk comes in whole gigabytes.
pub fn offering(spec: &FlavorSpec, cpu_speed: u64) -> Command {
    let command = Command::new("createServiceOffering")
        .with("name", &spec.name)
        .with("displaytext", &spec.name)
        .with("cpunumber", spec.vcpus.max(1).to_string())
        .with("cpuspeed", cpu_speed.to_string())
        .with("memory", spec.memory_mb.to_string());
    match spec.root_disk_mb.div_ceil(1024) {
        0 => command,
        disk => command.with("rootdisksize", disk.to_string()),
    }
}

/// A template to register.
///
/// # Errors
/// When the cloud cannot fetch it.
pub fn template(
    spec: &ImageSpec,
    zone: &str,
    hypervisor: &str,
    os_type: Option<&str>,
) -> Result<Command, VimError> {
    let refuse = |why: &str| VimError::Refused(vec![format!("image [{}]: {why}", spec.name)]);
    let source = spec.src.as_deref();
    let source = source.ok_or_else(|| refuse("it has no source"))?;
    if !["http://", "https://"]
        .iter()
        .any(|scheme| source.starts_with(scheme))
    {
        return Err(refuse("only http and https sources are fetched"));
    }
    let format = match spec.disk_format.as_deref() {
        None | Some("qcow2") => "QCOW2",
        Some("raw") => "RAW",
        Some("vhd") => "VHD",
        Some("vmdk" | "ova") => "OVA",
        Some(other) => return Err(refuse(&format!("CloudStack has no templates of {other}"))),
    };
    let command = Command::new("registerTemplate")
        .with("name", &spec.name)
        .with("displaytext", &spec.name)
        .with("url", source)
        .with("zoneid", zone)
        .with("format", format)
        .with("hypervisor", hypervisor)
        .with("ispublic", spec.public.to_string());
    Ok(match os_type {
        Some(id) => command.with("ostypeid", id),
        None => command,
    })
}

#[cfg(test)]
#[path = "tests/map.rs"]
mod tests;
