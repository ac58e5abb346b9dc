//! `deployVirtualMachine`.

use std::collections::BTreeMap;

use super::super::world::World;
use super::job::start as start_job;
use super::list::required;
use super::state::Account;
use super::things::{ZONE, usable};
use super::{Done, Refusal, account, no};
use crate::cloudsim::{Call, Extra, NewInterface, NewVm};
use crate::ids::{CreateToken, VmName};
use crate::model::deployment::DayZero;
use crate::proto::cloudstack::Command;

/// `deployVirtualMachine`.
pub fn deploy(world: &mut World, who: &Account, command: &Command) -> Done {
    let zone = required(command, "zoneid")?;
    if world.cloudstack.read(zone) != ZONE {
        return Err(no(431, format!("Unable to find zone by id={zone}")));
    }
    let flavor = world
        .cloudstack
        .read(required(command, "serviceofferingid")?);
    let Some(flavor) = world
        .cloud
        .flavor(&flavor)
        .filter(|found| found.id == flavor)
    else {
        return Err(no(
            431,
            format!("Unable to find service offering: {flavor}"),
        ));
    };
    let image = world.cloudstack.read(required(command, "templateid")?);
    let Some(image) = world.cloud.image(&image).filter(|found| found.id == image) else {
        return Err(no(431, format!("Unable to use template {image}")));
    };
    for param in NOT_HERE {
        if command.get(param).is_some_and(|value| !value.is_empty()) {
            return Err(no(431, format!("the parameter {param} is not simulated")));
        }
    }
    let hosts = host(world, who, command)?;
    let owner = account::owner(world, who, command)?;
    if let Some(name) = command.get("keypair") {
        let key = (owner.clone(), name.to_owned());
        if !world.cloudstack.ssh_pairs.contains_key(&key) {
            let why = format!("A key pair with name '{name}' was not found.");
            return Err(no(431, why));
        }
    }
    let name = match command.get("name").filter(|name| !name.is_empty()) {
        Some(name) => host_name(name)?.to_owned(),
        None => format!("VM-{}", world.uuid()),
    };
    let details: BTreeMap<String, String> = command.maps("details").into_iter().flatten().collect();
    let mut notes = BTreeMap::new();
    for param in ["displayname", "group", "keypair"] {
        if let Some(value) = command.get(param) {
            notes.insert(param.to_owned(), value.to_owned());
        }
    }
    let logical = details
        .get("lifeline.token")
        .and_then(|token| token.rsplit_once('.'));
    let logical = match logical {
        Some((logical, generation)) if generation.parse::<u32>().is_ok() => logical.to_owned(),
        _ => name.clone(),
    };
    let data = command.get("userdata").map(|data| DayZero {
        dst: "--user-data".to_owned(),
        file: None,
        data: Some(data.to_owned()),
        variables: Vec::new(),
    });
    let new = NewVm {
        name: VmName::new(name),
        logical: VmName::new(logical),
        token: CreateToken::new(world.uuid()),
        tenant: Some(owner),
        image: image.id,
        flavor: flavor.id,
        interfaces: interfaces(world, who, command)?,
        volumes: Vec::new(),
        config_data: data.into_iter().collect(),
        extra: Extra {
            metadata: details,
            notes,
        },
        stays_off: command.get("startvm") == Some("false"),
        hosts,
    };
    start_job(
        world,
        who,
        command,
        Call::CreateVm(Box::new(new)),
        None,
        None,
    )
}

/// What would have to be obeyed.
const NOT_HERE: [&str; 8] = [
    "affinitygroupids",
    "affinitygroupnames",
    "clusterid",
    "diskofferingid",
    "podid",
    "projectid",
    "securitygroupids",
    "securitygroupnames",
];

/// The host that an administrator names.
fn host(world: &World, who: &Account, command: &Command) -> Result<Option<Vec<String>>, Refusal> {
    let Some(shown) = command.get("hostid").filter(|id| !id.is_empty()) else {
        return Ok(None);
    };
    if !who.admin {
        let why = "Parameter hostid can only be specified by a Root Admin, permission denied";
        return Err(no(531, why));
    }
    let id = world.cloudstack.read(shown);
    let mut known = world.cloud.hosts().into_iter();
    match known.find(|host| host.id == id) {
        Some(host) => Ok(Some(vec![host.name])),
        None => Err(no(431, format!("Unable to find host by id={shown}"))),
    }
}

/// A name that can be a guest's host name.
pub fn host_name(name: &str) -> Result<&str, Refusal> {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
    let good = name.len() <= 63
        && name.chars().all(plain)
        && name.starts_with(|c: char| c.is_ascii_alphabetic())
        && !name.ends_with('-');
    match good {
        true => Ok(name),
        false => Err(no(
            431,
            "Invalid name. Vm name can contain ASCII letters 'a' through 'z', the digits '0' through '9', and the hyphen ('-'), must be between 1 and 63 characters long, and can't start or end with \"-\" and can't start with digit",
        )),
    }
}

fn interfaces(
    world: &World,
    who: &Account,
    command: &Command,
) -> Result<Vec<NewInterface>, Refusal> {
    let known = usable(world, who);
    let find = |shown: &str| {
        let id = world.cloudstack.read(shown);
        let found = known.iter().find(|network| network.id == id);
        found
            .map(|found| found.id.clone())
            .ok_or_else(|| no(431, format!("Unable to find network by id {shown}")))
    };
    let plain = |network: String, nicid: usize| NewInterface {
        nicid: u32::try_from(nicid).unwrap_or(u32::MAX),
        network,
        kind: "virtual".to_owned(),
        ip_address: None,
        mac_address: None,
        port_id: None,
    };
    let mapped = command.maps("iptonetworklist");
    let mut made = Vec::new();
    if !mapped.is_empty() {
        for (nicid, members) in mapped.iter().enumerate() {
            let member = |name: &str| {
                let found = members
                    .iter()
                    .find(|(key, _)| key.eq_ignore_ascii_case(name));
                found.map(|(_, value)| value.clone())
            };
            let network =
                member("networkid").ok_or_else(|| no(431, "iptonetworklist without networkid"))?;
            made.push(NewInterface {
                ip_address: member("ip"),
                mac_address: member("mac"),
                ..plain(find(&network)?, nicid)
            });
        }
    } else if let Some(ids) = command.get("networkids").filter(|ids| !ids.is_empty()) {
        for (nicid, id) in ids.split(',').enumerate() {
            made.push(plain(find(id)?, nicid));
        }
    } else {
        let default = &world.settings.cloudstack.default_network;
        let found = known.iter().find(|network| network.name == *default);
        let found =
            found.ok_or_else(|| no(431, "no network is given, and there is no default network"))?;
        made.push(plain(found.id.clone(), 0));
    }
    if let Some(first) = made.first_mut() {
        let of = |name: &str| command.get(name).map(str::to_owned);
        first.ip_address = first.ip_address.take().or_else(|| of("ipaddress"));
        first.mac_address = first.mac_address.take().or_else(|| of("macaddress"));
    }
    Ok(made)
}
