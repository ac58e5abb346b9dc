//! Neutron v2.0: what is told of networks and subnets beside what the cloud needs, and changes of them.

use std::net::IpAddr;

use serde_json::{Map, Value, json};

use super::super::http::{Reply, Request};
use super::super::world::World;
use super::access::{Caller, neutron};
use super::network::{network, network_value, no_network};
use super::port::{find, no_port, shown_port};
use super::subnet::{no_subnet, subnet};
use crate::proto::nova::truth_of;

/// Members of a new network.
pub const NETWORK: &[&str] = &[
    "name",
    "admin_state_up",
    "shared",
    "tenant_id",
    "project_id",
    "description",
    "mtu",
    "port_security_enabled",
    "dns_domain",
    "availability_zone_hints",
    "provider:network_type",
    "provider:physical_network",
    "provider:segmentation_id",
    "router:external",
    "vlan_transparent",
    "is_default",
    "qos_policy_id",
];

/// Members of a new subnet.
pub const SUBNET: &[&str] = &[
    "network_id",
    "ip_version",
    "cidr",
    "name",
    "gateway_ip",
    "enable_dhcp",
    "tenant_id",
    "project_id",
    "description",
    "allocation_pools",
    "dns_nameservers",
    "host_routes",
    "ipv6_ra_mode",
    "ipv6_address_mode",
    "service_types",
    "segment_id",
    "subnetpool_id",
    "use_default_subnetpool",
    "prefixlen",
    "dns_publish_fixed_ip",
];

/// Those that are kept and shown, and change nothing.
const KEPT: [&str; 13] = [
    "mtu",
    "port_security_enabled",
    "dns_domain",
    "availability_zone_hints",
    "provider:network_type",
    "provider:physical_network",
    "provider:segmentation_id",
    "dns_nameservers",
    "host_routes",
    "ipv6_ra_mode",
    "ipv6_address_mode",
    "service_types",
    "dns_publish_fixed_ip",
];

/// Those that would change something that is not simulated, unless they say no.
const NOT_HERE: [&str; 7] = [
    "router:external",
    "vlan_transparent",
    "is_default",
    "qos_policy_id",
    "segment_id",
    "subnetpool_id",
    "use_default_subnetpool",
];

fn bad(why: impl Into<String>) -> Reply {
    neutron(400, "HTTPBadRequest", why)
}

fn not_here(what: &str) -> Reply {
    neutron(501, "NotImplemented", format!("{what} is not simulated"))
}

/// The object of a request's body; members that Neutron does not know are refused.
pub fn wanted(request: &Request, key: &str, known: &[&str]) -> Result<Map<String, Value>, Reply> {
    let document = request.json::<Value>().map_err(bad)?;
    let Some(wanted) = document.get(key).and_then(Value::as_object) else {
        return Err(bad(format!("Unable to find '{key}' in request body")));
    };
    let strange: Vec<&str> = wanted
        .keys()
        .map(String::as_str)
        .filter(|name| !known.contains(name))
        .collect();
    if !strange.is_empty() {
        return Err(bad(format!(
            "Unrecognized attribute(s) '{}'",
            strange.join(", ")
        )));
    }
    let says_no = |value: &Value| value.is_null() || truth_of(value) == Some(false);
    let absent = NOT_HERE
        .iter()
        .find(|name| wanted.get(**name).is_some_and(|value| !says_no(value)));
    if let Some(name) = absent {
        return Err(not_here(name));
    }
    check(wanted)?;
    Ok(wanted.clone())
}

/// Whether what is kept is what it shall be.
fn check(wanted: &Map<String, Value>) -> Result<(), Reply> {
    for (name, value) in wanted {
        let fits = match name.as_str() {
            "mtu" => number(value).is_some_and(|mtu| mtu == 0 || mtu >= 68),
            "dns_nameservers" => value.as_array().is_some_and(|all| {
                let mut all = all.iter();
                all.all(|one| one.as_str().is_some_and(|ip| ip.parse::<IpAddr>().is_ok()))
            }),
            "host_routes" => value.as_array().is_some_and(|all| {
                let mut all = all.iter();
                all.all(|one| one.get("destination").is_some() && one.get("nexthop").is_some())
            }),
            "provider:segmentation_id" => value.is_null() || number(value).is_some(),
            _ => true,
        };
        if !fits {
            return Err(bad(format!(
                "Invalid input for {name}. Reason: '{value}' is not valid."
            )));
        }
    }
    Ok(())
}

fn number(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}

/// The project of a request, by either of its names.
pub fn owner(wanted: &Map<String, Value>) -> Option<String> {
    let names = ["project_id", "tenant_id"];
    let mut given = names.iter().filter_map(|name| wanted.get(*name)?.as_str());
    given.next().map(str::to_owned)
}

/// What is kept of it.
pub fn kept(wanted: Map<String, Value>) -> Map<String, Value> {
    wanted
        .into_iter()
        .filter(|(name, _)| KEPT.contains(&name.as_str()))
        .map(|(name, value)| match name.as_str() {
            "provider:segmentation_id" | "mtu" => {
                let number = number(&value);
                (name, json!(number))
            }
            _ => (name, value),
        })
        .collect()
}

/// The pools of addresses that a subnet shall hand out; `None`: as it likes.
pub fn pools(wanted: &Map<String, Value>) -> Result<Option<Vec<(IpAddr, IpAddr)>>, Reply> {
    let Some(list) = wanted
        .get("allocation_pools")
        .filter(|list| !list.is_null())
    else {
        return Ok(None);
    };
    let read = |one: &Value, key: &str| one.get(key)?.as_str()?.parse::<IpAddr>().ok();
    let pools: Option<Vec<_>> = list.as_array().and_then(|list| {
        let list = list.iter();
        list.map(|one| Some((read(one, "start")?, read(one, "end")?)))
            .collect()
    });
    pools
        .map(Some)
        .ok_or_else(|| bad("Invalid input for allocation_pools."))
}

/// `PUT` of one of them.
pub fn answer(world: &mut World, request: &Request, who: &Caller, kind: &str, id: &str) -> Reply {
    match change(world, request, who, kind, id) {
        Ok(shown) => Reply::json(200, &shown),
        Err(reply) => reply,
    }
}

fn shown(world: &World, who: &Caller, kind: &str, id: &str) -> Result<Value, Reply> {
    match kind {
        "networks" => network(world, who, id)
            .map(|found| network_value(world, &found))
            .ok_or_else(|| no_network(id)),
        "subnets" => subnet(world, who, id).ok_or_else(|| no_subnet(id)),
        _ => find(world, who, id)
            .map(|port| json!(shown_port(world, &port)))
            .ok_or_else(|| no_port(id)),
    }
}

fn change(
    world: &mut World,
    request: &Request,
    who: &Caller,
    kind: &str,
    id: &str,
) -> Result<Value, Reply> {
    let key = kind.trim_end_matches('s');
    let now = shown(world, who, kind, id)?;
    let own = now.get("project_id").and_then(Value::as_str);
    if !who.admin && own != Some(who.project.as_str()) {
        let why = format!("rule:update_{key} is disallowed by policy");
        return Err(neutron(403, "PolicyNotAuthorized", why));
    }
    let document = request.json::<Value>().map_err(bad)?;
    let wanted = document.get(key).and_then(Value::as_object).cloned();
    let wanted = wanted.ok_or_else(|| bad(format!("Unable to find '{key}' in request body")))?;
    check(&wanted)?;
    // all of it can be done, or none of it is
    for (name, value) in &wanted {
        let simple = match (kind, name.as_str()) {
            (_, "name" | "description") => value.is_string(),
            ("networks", "shared") => who.admin && truth_of(value).is_some(),
            ("subnets", "allocation_pools") => pools(&wanted)?.is_some(),
            ("networks" | "subnets", name) => {
                KEPT.contains(&name) && !name.starts_with("provider:")
            }
            _ => false,
        };
        if !simple && now.get(name) != Some(value) {
            return Err(not_here(&format!("changing '{name}' of a {key}")));
        }
    }
    if let Some(pools) = pools(&wanted)?.filter(|_| kind == "subnets") {
        let done = world.cloud.set_pools(id, pools);
        done.map_err(|why| neutron(400, "InvalidAllocationPool", why))?;
    }
    let text = |name: &str| wanted.get(name).and_then(Value::as_str);
    if let Some(name) = text("name").filter(|name| now.get("name") != Some(&json!(name))) {
        let done = match kind {
            "networks" => world.cloud.edit_network(id, Some(name), None),
            "subnets" => world.cloud.rename_subnet(id, name),
            _ => world.cloud.rename_port(id, name),
        };
        if !done {
            return Err(not_here("the name of a port that came with its server"));
        }
    }
    if let (Some(shared), "networks") = (wanted.get("shared").and_then(truth_of), kind) {
        world.cloud.edit_network(id, None, Some(shared));
    }
    if let Some(words) = text("description") {
        world.nova.words.insert(id.to_owned(), words.to_owned());
    }
    let members = world.nova.members.entry(id.to_owned()).or_default();
    members.extend(kept(wanted));
    let shown = shown(world, who, kind, id)?;
    Ok(json!({ key: shown }))
}
