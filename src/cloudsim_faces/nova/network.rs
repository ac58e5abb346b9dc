//! Neutron v2.0, as much as a VM's interfaces need: networks, subnets, ports; the rest is empty.

use serde::Serialize;
use serde_json::{Value, json};

use super::super::http::{Reply, Request};
use super::super::world::World;
use super::access::{Caller, caller, neutron};
use super::part::{filtered, next_link, page, sorted};
use super::subnet::{make_subnet, no_subnet, remove_subnet, subnet, subnets};
use super::{change, port, quota, secure};
use crate::cloudsim::{Call, CallError, NetworkView};
use crate::ids::{CreateToken, TenantId};
use crate::model::deployment::NetworkSpec;
use crate::proto::nova::{Network, NewNetworkDocument};

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
            Some(found) => Reply::json(200, &json!({ "network": network_value(world, &found) })),
            None => no_network(id),
        },
        ("POST", ["networks"]) => make_network(world, request, &who),
        ("PUT", [kind @ ("networks" | "subnets" | "ports"), id]) => {
            change::answer(world, request, &who, kind, id)
        }
        ("DELETE", ["networks", id]) => remove_network(world, &who, id),
        ("GET", ["subnets"]) => list(request, "subnets", subnets(world, &who)),
        ("GET", ["subnets", id]) => match subnet(world, &who, id) {
            Some(found) => Reply::json(200, &json!({ "subnet": found })),
            None => no_subnet(id),
        },
        ("POST", ["subnets"]) => make_subnet(world, request, &who),
        ("DELETE", ["subnets", id]) => remove_subnet(world, &who, id),
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
        ("GET", ["quotas", rest @ ..]) => quota::answer(world, &who, rest),
        ("GET", ["qos", "policies"]) => list(request, "policies", Vec::new()),
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

fn list(request: &Request, name: &str, all: Vec<Value>) -> Reply {
    let all = sorted(request, filtered(request, all));
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
    values(all.iter().map(|network| network_value(world, network)))
}

/// A network as shown, with what was set and is only kept.
pub fn network_value(world: &World, network: &NetworkView) -> Value {
    let mut shown = json!({
        "port_security_enabled": true, "availability_zones": [], "availability_zone_hints": [],
        "ipv4_address_scope": null, "ipv6_address_scope": null, "qos_policy_id": null,
        "tags": [], "revision_number": 1,
    });
    let own = serde_json::to_value(shown_network(world, network)).unwrap_or_default();
    merge(&mut shown, own.as_object());
    merge(&mut shown, world.nova.members.get(&network.id));
    shown
}

/// Takes members over.
pub fn merge(shown: &mut Value, more: Option<&serde_json::Map<String, Value>>) {
    if let (Some(shown), Some(more)) = (shown.as_object_mut(), more) {
        shown.extend(more.clone());
    }
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
    let raw = match change::wanted(request, "network", change::NETWORK) {
        Ok(raw) => raw,
        Err(reply) => return reply,
    };
    let wanted = match request.json::<NewNetworkDocument>() {
        Ok(document) => document.network,
        Err(why) => return neutron(400, "HTTPBadRequest", why),
    };
    let tenant = match tenant_for(who, wanted.project_id.or(change::owner(&raw))) {
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
    world.nova.members.insert(id.clone(), change::kept(raw));
    match network(world, who, &id) {
        Some(found) => Reply::json(201, &json!({ "network": network_value(world, &found) })),
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
