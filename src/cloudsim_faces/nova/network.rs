//! Neutron v2.0, as much as a VM's interfaces need: networks, subnets, ports; the rest is empty.

use std::net::IpAddr;

use serde::Serialize;
use serde_json::{Value, json};

use super::super::http::{Reply, Request};
use super::super::world::World;
use super::access::{Caller, caller, neutron};
use super::part::{filtered, next_link, page};
use super::{port, secure};
use crate::cloudsim::{Call, CallError, NetworkView};
use crate::ids::{CreateToken, TenantId};
use crate::model::deployment::{NetworkSpec, SubnetSpec};
use crate::model::resource::SubnetRecord;
use crate::proto::nova::{Network, NewNetworkDocument, NewSubnetDocument, Subnet};

/// Answers below `/networking`.
pub fn answer(world: &mut World, request: &Request, path: &[&str]) -> Reply {
    let own = json!({
        "id": "v2.0",
        "status": "CURRENT",
        "links": [{ "rel": "self", "href": format!("{}/networking/v2.0/", request.base) }],
    });
    match (request.method.as_str(), path) {
        ("GET", []) => return Reply::json(200, &json!({ "versions": [own] })),
        ("GET", ["v2.0"]) => return Reply::json(200, &json!({ "resources": [] })),
        _ => {}
    }
    let who = match caller(world, request) {
        Ok(who) => who,
        Err(reply) => return reply,
    };
    let ["v2.0", path @ ..] = path else {
        return neutron(404, "HTTPNotFound", "The resource could not be found.");
    };
    match (request.method.as_str(), path) {
        ("GET", ["networks"]) => list(request, "networks", networks(world, &who)),
        ("GET", ["networks", id]) => match network(world, &who, id) {
            Some(found) => Reply::json(200, &json!({ "network": shown_network(world, &found) })),
            None => no_network(id),
        },
        ("POST", ["networks"]) => make_network(world, request, &who),
        ("PUT", ["networks" | "ports", id]) => port::describe(world, request, &who, path, id),
        ("DELETE", ["networks", id]) => remove_network(world, &who, id),
        ("GET", ["subnets"]) => list(request, "subnets", subnets(world, &who)),
        ("GET", ["subnets", id]) => match subnet(world, &who, id) {
            Some(found) => Reply::json(200, &json!({ "subnet": found })),
            None => no_subnet(id),
        },
        ("POST", ["subnets"]) => make_subnet(world, request, &who),
        ("DELETE", ["subnets", id]) => match subnet(world, &who, id) {
            None => no_subnet(id),
            Some(_) => {
                let call = Call::DeleteSubnet {
                    id: (*id).to_owned(),
                };
                gone(world, call, "SubnetInUse", || {
                    format!(
                        "Unable to complete operation on subnet {id}: One or more ports have an IP allocation from this subnet."
                    )
                })
            }
        },
        ("GET", ["ports"]) => list(request, "ports", port::all(world, &who)),
        ("GET", ["ports", id]) => match port::find(world, &who, id) {
            Some(found) => Reply::json(200, &json!({ "port": port::shown_port(world, &found) })),
            None => port::no_port(id),
        },
        ("POST", ["ports"]) => port::make_port(world, request, &who),
        ("DELETE", ["ports", id]) => port::remove_port(world, &who, id),
        ("GET", ["security-groups"]) => {
            list(request, "security_groups", secure::groups(world, &who))
        }
        ("GET", ["security-group-rules"]) => list(
            request,
            "security_group_rules",
            secure::all_rules(world, &who),
        ),
        (_, [kind @ ("security-groups" | "security-group-rules"), id]) => {
            secure::one(world, request, &who, kind, id)
        }
        // what is not there is an empty list, so that clients that look for extensions go on
        ("GET", [collection]) => Reply::json(200, &json!({ collection.replace('-', "_"): [] })),
        ("GET", ["extensions", alias]) => neutron(
            404,
            "ExtensionsNotFound",
            format!("Extensions not found: {alias}."),
        ),
        ("GET", _) => neutron(404, "HTTPNotFound", "The resource could not be found."),
        _ => neutron(
            501,
            "NotImplemented",
            "This part of Neutron is not simulated.",
        ),
    }
}

/// There is none.
pub fn no_network(id: &str) -> Reply {
    neutron(
        404,
        "NetworkNotFound",
        format!("Network {id} could not be found."),
    )
}

fn no_subnet(id: &str) -> Reply {
    neutron(
        404,
        "SubnetNotFound",
        format!("Subnet {id} could not be found."),
    )
}

fn list(request: &Request, name: &str, all: Vec<Value>) -> Reply {
    let all = filtered(request, all);
    let mark = |one: &Value| {
        one.get("id")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    match page(request, all, mark, 1000) {
        Err(why) => neutron(400, "InvalidInput", why),
        Ok((part, next)) => {
            let mut document = json!({ name: part });
            if let (Some(marker), Some(document)) = (next, document.as_object_mut()) {
                let path = format!("/networking/v2.0/{}", name.replace('_', "-"));
                let link = next_link(request, &path, &marker);
                document.insert(format!("{name}_links"), json!([link]));
            }
            Reply::json(200, &document)
        }
    }
}

/// Documents of all of them.
pub fn values<T: Serialize>(all: impl Iterator<Item = T>) -> Vec<Value> {
    all.filter_map(|one| serde_json::to_value(one).ok())
        .collect()
}

/// Whether a network may be seen.
pub fn seen(who: &Caller, network: &NetworkView) -> bool {
    network.shared || who.sees(network.tenant.as_ref())
}

/// The networks a caller may use.
pub fn usable(world: &World, who: &Caller) -> Vec<NetworkView> {
    let mut all = world.cloud.networks();
    all.retain(|network| {
        network.shared
            || network
                .tenant
                .as_ref()
                .is_some_and(|own| own.as_str() == who.project)
    });
    all
}

/// A network that the caller may see.
pub fn network(world: &World, who: &Caller, id: &str) -> Option<NetworkView> {
    let mut all = world.cloud.networks().into_iter();
    all.find(|network| network.id == id && seen(who, network))
}

fn networks(world: &World, who: &Caller) -> Vec<Value> {
    let mut all = world.cloud.networks();
    all.retain(|network| seen(who, network));
    values(all.iter().map(|network| shown_network(world, network)))
}

/// A thing's project.
pub fn owner(world: &World, tenant: Option<&TenantId>) -> String {
    match tenant {
        Some(tenant) => tenant.to_string(),
        None => world
            .cloud
            .tenant("admin")
            .map_or_else(String::new, |admin| admin.id.to_string()),
    }
}

/// A network as shown.
pub fn shown_network(world: &World, network: &NetworkView) -> Network {
    let project = owner(world, network.tenant.as_ref());
    Network {
        id: network.id.clone(),
        name: network.name.clone(),
        status: "ACTIVE".to_owned(),
        admin_state_up: true,
        shared: network.shared,
        tenant_id: project.clone(),
        project_id: project,
        subnets: network
            .subnets
            .iter()
            .map(|subnet| subnet.vim_id.clone())
            .collect(),
        description: world
            .nova
            .words
            .get(&network.id)
            .cloned()
            .unwrap_or_default(),
        mtu: Some(1500),
        external: Some(false),
    }
}

fn shown_subnet(world: &World, network: &NetworkView, subnet: &SubnetRecord) -> Subnet {
    let project = owner(world, network.tenant.as_ref());
    Subnet {
        id: subnet.vim_id.clone(),
        name: subnet.name.clone(),
        network_id: network.id.clone(),
        cidr: subnet.cidr.clone(),
        ip_version: if subnet.cidr.contains(':') { 6 } else { 4 },
        gateway_ip: Some(subnet.gateway.clone()).filter(|gateway| !gateway.is_empty()),
        enable_dhcp: subnet.dhcp,
        tenant_id: project.clone(),
        project_id: project,
        description: world
            .nova
            .words
            .get(&subnet.vim_id)
            .cloned()
            .unwrap_or_default(),
    }
}

fn subnets(world: &World, who: &Caller) -> Vec<Value> {
    let mut all = world.cloud.networks();
    all.retain(|network| seen(who, network));
    values(all.iter().flat_map(|network| {
        let subnets = network.subnets.iter();
        subnets.map(|subnet| shown_subnet(world, network, subnet))
    }))
}

fn subnet(world: &World, who: &Caller, id: &str) -> Option<Value> {
    let mut all = subnets(world, who).into_iter();
    all.find(|subnet| subnet.get("id").and_then(Value::as_str) == Some(id))
}

/// The tenant that a new thing is for: the caller's, or another one by an administrator.
pub fn tenant_for(who: &Caller, wanted: Option<String>) -> Result<TenantId, Reply> {
    match wanted {
        Some(project) if project != who.project => match who.admin {
            true => Ok(TenantId::new(project)),
            false => Err(neutron(
                403,
                "PolicyNotAuthorized",
                "rule:create for another project is disallowed by policy",
            )),
        },
        _ => Ok(who.tenant()),
    }
}

/// What the cloud said no to, in Neutron's form.
pub fn refused(error: CallError) -> Reply {
    match error {
        CallError::Lost(_) | CallError::Down(_) => Reply::lost(),
        CallError::Refused(lines) => {
            let line = lines.first().map_or("", String::as_str);
            let plain = line.strip_prefix("VIM Driver: ").unwrap_or(line);
            let (code, kind) = match plain {
                words if words.starts_with("Quota exceeded") => (409, "OverQuota"),
                words if words.starts_with("No more IP") => (409, "IpAddressGenerationFailure"),
                words if words.starts_with("IP address") && words.contains("already") => {
                    (409, "IpAddressAlreadyAllocated")
                }
                words if words.starts_with("MAC address") => (409, "MacAddressInUse"),
                words if words.contains("not found") => (404, "NetworkNotFound"),
                _ => (400, "InvalidInput"),
            };
            neutron(code, kind, plain)
        }
    }
}

fn make_network(world: &mut World, request: &Request, who: &Caller) -> Reply {
    let wanted = match request.json::<NewNetworkDocument>() {
        Ok(document) => document.network,
        Err(why) => return neutron(400, "HTTPBadRequest", why),
    };
    let tenant = match tenant_for(who, wanted.project_id) {
        Ok(tenant) => tenant,
        Err(reply) => return reply,
    };
    let admins = wanted.shared == Some(true) || wanted.network_type.is_some();
    if admins && !who.admin {
        return neutron(
            403,
            "PolicyNotAuthorized",
            "rule:create_network is disallowed by policy",
        );
    }
    let call = Call::CreateNetwork {
        tenant: Some(tenant),
        // two networks may have one name: a token of its own keeps them apart
        token: Some(CreateToken::new(world.uuid())),
        spec: NetworkSpec {
            name: wanted.name,
            shared: wanted.shared.unwrap_or(false),
            admin_state: wanted.admin_state_up.unwrap_or(true),
            vlan_id: wanted.segmentation_id,
            subnets: Vec::new(),
        },
    };
    let id = match world.call(call) {
        Ok(accepted) => accepted.id.unwrap_or_default(),
        Err(error) => return refused(error),
    };
    if let Some(words) = wanted.description {
        world.nova.words.insert(id.clone(), words);
    }
    match network(world, who, &id) {
        Some(found) => Reply::json(201, &json!({ "network": shown_network(world, &found) })),
        None => no_network(&id),
    }
}

/// Removes a thing; a refusal means that it is in use.
pub fn gone(world: &mut World, call: Call, kind: &str, why: impl FnOnce() -> String) -> Reply {
    match world.call(call) {
        Ok(_) => Reply::empty(204),
        Err(CallError::Refused(_)) => neutron(409, kind, why()),
        Err(error) => refused(error),
    }
}

fn remove_network(world: &mut World, who: &Caller, id: &str) -> Reply {
    match network(world, who, id) {
        Some(found) if who.sees(found.tenant.as_ref()) => {
            let call = Call::DeleteNetwork { id: id.to_owned() };
            gone(world, call, "NetworkInUse", || {
                format!(
                    "Unable to complete operation on network {id}. There are one or more ports still in use on the network."
                )
            })
        }
        Some(_) => neutron(
            403,
            "PolicyNotAuthorized",
            "rule:delete_network is disallowed by policy",
        ),
        None => no_network(id),
    }
}

/// The first address of a block.
fn first_address(cidr: &str) -> Option<String> {
    let (address, length) = cidr.split_once('/')?;
    let length: u32 = length.parse().ok()?;
    match address.parse::<IpAddr>().ok()? {
        IpAddr::V4(v4) => {
            let mask = u32::MAX
                .checked_shl(32_u32.checked_sub(length)?)
                .unwrap_or(0);
            let base = u32::from(v4) & mask;
            Some(std::net::Ipv4Addr::from(base.checked_add(1)?).to_string())
        }
        IpAddr::V6(v6) => {
            let mask = u128::MAX
                .checked_shl(128_u32.checked_sub(length)?)
                .unwrap_or(0);
            let base = u128::from(v6) & mask;
            Some(std::net::Ipv6Addr::from(base.checked_add(1)?).to_string())
        }
    }
}

fn make_subnet(world: &mut World, request: &Request, who: &Caller) -> Reply {
    let raw = request.json::<Value>().unwrap_or_default();
    let wanted = match request.json::<NewSubnetDocument>() {
        Ok(document) => document.subnet,
        Err(why) => return neutron(400, "HTTPBadRequest", why),
    };
    let Some(found) = network(world, who, &wanted.network_id) else {
        return no_network(&wanted.network_id);
    };
    if !who.sees(found.tenant.as_ref()) {
        return neutron(
            403,
            "PolicyNotAuthorized",
            "rule:create_subnet is disallowed by policy",
        );
    }
    let Some((address, netmask)) = wanted.cidr.split_once('/') else {
        let why = format!(
            "Invalid input for cidr. Reason: '{}' is not a valid IP subnet.",
            wanted.cidr
        );
        return neutron(400, "HTTPBadRequest", why);
    };
    // a gateway that is null is none; one that is not given is the first address
    let no_gateway = raw
        .pointer("/subnet/gateway_ip")
        .is_some_and(Value::is_null);
    let gateway = match (wanted.gateway_ip, no_gateway) {
        (Some(gateway), _) => Some(gateway),
        (None, true) => None,
        (None, false) => first_address(&wanted.cidr),
    };
    let name = match wanted.name.is_empty() {
        true => format!("subnet-{}", found.subnets.len() + 1),
        false => wanted.name,
    };
    if let Some(same) = found
        .subnets
        .iter()
        .find(|known| known.name == name || known.cidr == wanted.cidr)
    {
        let why = format!(
            "Invalid input for operation: Requested subnet with cidr: {} for network: {} overlaps with another subnet ({}).",
            wanted.cidr, found.id, same.name
        );
        return neutron(400, "InvalidInput", why);
    }
    let call = Call::CreateSubnet {
        network: found.id.clone(),
        spec: SubnetSpec {
            name,
            ip_version: if wanted.ip_version == 6 {
                "ipv6"
            } else {
                "ipv4"
            }
            .to_owned(),
            dhcp: wanted.enable_dhcp.unwrap_or(true),
            address: address.to_owned(),
            netmask: netmask.to_owned(),
            gateway,
        },
    };
    match world.call(call) {
        Err(error) => refused(error),
        Ok(accepted) => {
            let id = accepted.id.unwrap_or_default();
            match subnet(world, who, &id) {
                Some(made) => Reply::json(201, &json!({ "subnet": made })),
                None => no_subnet(&id),
            }
        }
    }
}
