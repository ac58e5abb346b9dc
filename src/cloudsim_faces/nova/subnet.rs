//! Neutron v2.0: subnets.

use std::net::IpAddr;

use serde_json::{Value, json};

use super::super::http::{Reply, Request};
use super::super::world::World;
use super::access::{Caller, neutron};
use super::change;
use super::network::{gone, merge, network, no_network, owner, refused, seen};
use crate::cloudsim::{Call, NetworkView};
use crate::model::deployment::SubnetSpec;
use crate::model::resource::SubnetRecord;
use crate::proto::nova::{NewSubnetDocument, Subnet};

/// There is none.
pub fn no_subnet(id: &str) -> Reply {
    neutron(
        404,
        "SubnetNotFound",
        format!("Subnet {id} could not be found."),
    )
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

/// All of them as shown.
pub fn subnets(world: &World, who: &Caller) -> Vec<Value> {
    let mut all = world.cloud.networks();
    all.retain(|network| seen(who, network));
    let all = all.iter().flat_map(|network| {
        let subnets = network.subnets.iter();
        subnets.map(|subnet| subnet_value(world, network, subnet))
    });
    all.collect()
}

fn subnet_value(world: &World, network: &NetworkView, subnet: &SubnetRecord) -> Value {
    let pools = world.cloud.pools(&subnet.vim_id).into_iter();
    let pools: Vec<Value> = pools
        .map(|(first, last)| json!({ "start": first.to_string(), "end": last.to_string() }))
        .collect();
    let mut shown = json!({
        "dns_nameservers": [], "host_routes": [], "service_types": [], "ipv6_ra_mode": null,
        "ipv6_address_mode": null, "subnetpool_id": null, "segment_id": null, "tags": [],
        "revision_number": 0,
    });
    let own = serde_json::to_value(shown_subnet(world, network, subnet)).unwrap_or_default();
    merge(&mut shown, own.as_object());
    merge(&mut shown, world.nova.members.get(&subnet.vim_id));
    merge(&mut shown, json!({ "allocation_pools": pools }).as_object());
    shown
}

/// A subnet that the caller may see.
pub fn subnet(world: &World, who: &Caller, id: &str) -> Option<Value> {
    let mut all = subnets(world, who).into_iter();
    all.find(|subnet| subnet.get("id").and_then(Value::as_str) == Some(id))
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

/// `POST /v2.0/subnets`.
pub fn make_subnet(world: &mut World, request: &Request, who: &Caller) -> Reply {
    let raw = match change::wanted(request, "subnet", change::SUBNET) {
        Ok(raw) => raw,
        Err(reply) => return reply,
    };
    let pools = match change::pools(&raw) {
        Ok(pools) => pools,
        Err(reply) => return reply,
    };
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
    let no_gateway = raw.get("gateway_ip").is_some_and(Value::is_null);
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
            if let Some(words) = raw.get("description").and_then(Value::as_str) {
                world.nova.words.insert(id.clone(), words.to_owned());
            }
            world.nova.members.insert(id.clone(), change::kept(raw));
            let pools = pools.unwrap_or_default();
            if !pools.is_empty()
                && let Err(why) = world.cloud.set_pools(&id, pools)
            {
                let undo = Call::DeleteSubnet { id };
                return match world.call(undo) {
                    Ok(_) => neutron(400, "InvalidAllocationPool", why),
                    Err(error) => refused(error),
                };
            }
            match subnet(world, who, &id) {
                Some(made) => Reply::json(201, &json!({ "subnet": made })),
                None => no_subnet(&id),
            }
        }
    }
}

/// `DELETE /v2.0/subnets/{id}`.
pub fn remove_subnet(world: &mut World, who: &Caller, id: &str) -> Reply {
    if subnet(world, who, id).is_none() {
        return no_subnet(id);
    }
    let call = Call::DeleteSubnet { id: id.to_owned() };
    gone(world, call, "SubnetInUse", || {
        format!(
            "Unable to complete operation on subnet {id}: One or more ports have an IP allocation from this subnet."
        )
    })
}
