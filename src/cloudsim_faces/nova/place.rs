//! Where a server may be made: what its request, its group and the services' states leave.

use serde_json::Value;

use super::super::http::Reply;
use super::super::world::World;
use super::access::nova;
use super::compute::Ctx;
use super::group;
use super::state::Group;
use crate::cloudsim::VmView;

/// What a request says of it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Wish {
    /// By `availability_zone` `nova:HOST`: no filter is asked then.
    forced: Option<String>,
    /// By `host` or `hypervisor_hostname`, from 2.74 on.
    host: Option<String>,
    /// By the hint `group`.
    pub group: Option<Group>,
}

fn member<'a>(document: &'a Value, path: &str) -> Option<&'a str> {
    document.pointer(path).and_then(Value::as_str)
}

/// Reads it; what only administrators may say is refused to others.
pub fn wish(world: &World, ctx: &Ctx<'_>, document: &Value) -> Result<Wish, Reply> {
    let mut wish = Wish::default();
    if let Some(text) = member(document, "/server/availability_zone") {
        let (zone, host) = text.split_once(':').map_or((text, None), |(zone, rest)| {
            let host = rest.split(':').next().unwrap_or_default();
            (zone, Some(host.to_owned()))
        });
        if zone != "nova" {
            let why = "The requested availability zone is not available";
            return Err(nova(400, why));
        }
        if host.is_some() && !ctx.who.admin {
            let why =
                "Policy doesn't allow os_compute_api:servers:create:forced_host to be performed.";
            return Err(nova(403, why));
        }
        wish.forced = host;
    }
    let named = ["/server/host", "/server/hypervisor_hostname"];
    let named = named.iter().filter_map(|path| member(document, path));
    for host in named.filter(|_| ctx.since(74)) {
        if !ctx.who.admin {
            let why = "Policy doesn't allow compute:servers:create:requested_destination to be performed.";
            return Err(nova(403, why));
        }
        let known = world.cloud.hosts().iter().any(|known| known.name == host);
        // host and node bear one name here
        if !known || wish.host.as_deref().is_some_and(|other| other != host) {
            let why = format!("Compute host {host} could not be found.");
            return Err(nova(400, why));
        }
        wish.host = Some(host.to_owned());
    }
    let hints = [
        "/os:scheduler_hints/group",
        "/OS-SCH-HNT:scheduler_hints/group",
    ];
    if let Some(id) = hints.iter().find_map(|path| member(document, path)) {
        let Some(found) = group::find(world, ctx, id) else {
            let why = format!("Instance group {id} could not be found.");
            return Err(nova(400, why));
        };
        if group::members(world, id).len() >= group::MEMBERS {
            return Err(nova(403, "Quota exceeded, too many servers in group"));
        }
        wish.group = Some(found.clone());
    }
    Ok(wish)
}

/// Names of the hosts that are left; `None`: all.
pub fn hosts(world: &World, wish: &Wish) -> Option<Vec<String>> {
    if let Some(host) = &wish.forced {
        return Some(vec![host.clone()]);
    }
    let state = &world.nova;
    let free = wish.host.is_none() && wish.group.is_none();
    if free && state.disabled.is_empty() && state.forced_down.is_empty() {
        return None;
    }
    let hosts = world.cloud.hosts().into_iter();
    let hosts = hosts.filter(|host| {
        host.up
            && wish.host.as_ref().is_none_or(|wanted| *wanted == host.name)
            && !state.disabled.contains_key(&host.name)
            && !state.forced_down.contains(&host.name)
    });
    let hosts: Vec<String> = hosts.map(|host| host.name).collect();
    Some(match &wish.group {
        Some(group) => grouped(group, &group::members(world, &group.id), hosts),
        None => hosts,
    })
}

/// What a group's policy leaves of them.
fn grouped(group: &Group, members: &[VmView], hosts: Vec<String>) -> Vec<String> {
    let on = |host: &String| {
        let there = members.iter().filter(|vm| vm.host_name == *host);
        u64::try_from(there.count()).unwrap_or(u64::MAX)
    };
    let placed = members.iter().any(|vm| !vm.host_name.is_empty());
    let fits = |host: &&String| match group.policy.as_str() {
        "affinity" | "soft-affinity" => !placed || on(host) > 0,
        _ => on(host) < group.most,
    };
    let left: Vec<String> = hosts.iter().filter(fits).cloned().collect();
    match left.is_empty() && group.policy.starts_with("soft-") {
        true => hosts,
        false => left,
    }
}
