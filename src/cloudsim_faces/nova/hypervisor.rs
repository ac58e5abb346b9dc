//! Hypervisors, with the sizes that Nova's fake driver says it has.

use serde_json::{Value, json};

use super::super::http::Reply;
use super::super::world::World;
use super::access::nova;
use super::compute::{Ctx, add};
use crate::cloudsim::HostView;

const VCPUS: u64 = 1000;
const MEMORY_MB: u64 = 800_000;
const LOCAL_GB: u64 = 600_000;

/// What the servers on a host take of it: virtual CPUs, memory, disk.
fn taken(world: &World, host: &HostView) -> (u64, u64, u64) {
    let on = world.cloud.all_vms().filter(|vm| vm.host_name == host.name);
    on.filter_map(|vm| world.cloud.flavor(&vm.flavor)).fold(
        (0, 0, 0),
        |(cpus, memory, disk), flavor| {
            let spec = flavor.spec;
            (
                cpus + u64::from(spec.vcpus),
                memory + spec.memory_mb,
                disk + (spec.root_disk_mb + spec.ephemeral_disk_mb).div_ceil(1024),
            )
        },
    )
}

fn sizes(world: &World, hosts: &[HostView]) -> Value {
    let count = u64::try_from(hosts.len()).unwrap_or(0);
    let taken = hosts.iter().map(|host| taken(world, host));
    let (cpus, memory, disk) = taken.fold((0, 0, 0), |(a, b, c), (x, y, z)| (a + x, b + y, c + z));
    let vms: usize = hosts.iter().map(|host| host.vms).sum();
    json!({
        "vcpus": count * VCPUS, "vcpus_used": cpus,
        "memory_mb": count * MEMORY_MB, "memory_mb_used": memory,
        "free_ram_mb": (count * MEMORY_MB).saturating_sub(memory),
        "local_gb": count * LOCAL_GB, "local_gb_used": disk,
        "free_disk_gb": (count * LOCAL_GB).saturating_sub(disk),
        "disk_available_least": 0, "current_workload": 0, "running_vms": vms,
    })
}

fn id_of(ctx: &Ctx<'_>, at: usize, host: &HostView) -> Value {
    match ctx.since(53) {
        true => json!(host.id),
        false => json!(at + 1),
    }
}

fn show(world: &World, ctx: &Ctx<'_>, (at, host): (usize, &HostView), detail: bool) -> Value {
    let id = id_of(ctx, at, host);
    let disabled = world.nova.disabled.get(&host.name);
    let forced = world.nova.forced_down.contains(&host.name);
    let mut shown = json!({
        "id": id,
        "hypervisor_hostname": host.name,
        "state": if host.up && !forced { "up" } else { "down" },
        "status": if disabled.is_some() { "disabled" } else { "enabled" },
    });
    if detail {
        let reason = disabled.filter(|why| !why.is_empty());
        add(
            &mut shown,
            &[
                ("hypervisor_type", json!("fake")),
                ("hypervisor_version", json!(1000)),
                ("host_ip", json!("127.0.0.1")),
                (
                    "service",
                    json!({ "host": host.name, "id": id, "disabled_reason": reason }),
                ),
            ],
        );
        if ctx.since(88) {
            add(&mut shown, &[("uptime", Value::Null)]);
        } else {
            let sizes = sizes(world, std::slice::from_ref(host));
            for (name, value) in sizes.as_object().into_iter().flatten() {
                add(&mut shown, &[(name, value.clone())]);
            }
            // an object from 2.28 on, a text before
            let cpu = if ctx.since(28) { json!({}) } else { json!("") };
            add(&mut shown, &[("cpu_info", cpu)]);
        }
    }
    shown
}

fn with_servers(world: &World, host: &HostView, shown: &mut Value) {
    let on = world.cloud.all_vms().filter(|vm| vm.host_name == host.name);
    let servers: Vec<Value> = on
        .map(|vm| json!({ "name": vm.name.as_str(), "uuid": vm.id.as_str() }))
        .collect();
    if !servers.is_empty() {
        add(shown, &[("servers", json!(servers))]);
    }
}

/// Answers below `/os-hypervisors`.
pub fn answer(world: &World, ctx: &Ctx<'_>, path: &[&str]) -> Reply {
    let hosts = world.cloud.hosts();
    let servers = ctx.since(53)
        && ctx
            .request
            .param("with_servers")
            .is_some_and(|word| matches!(word, "1" | "true" | "True"));
    let list = |detail: bool, pattern: Option<&str>, servers: bool| {
        let fits = |host: &HostView| pattern.is_none_or(|part| host.name.contains(part));
        let found: Vec<Value> = hosts
            .iter()
            .enumerate()
            .filter(|(_, host)| fits(host))
            .map(|(at, host)| {
                let mut shown = show(world, ctx, (at, host), detail);
                if servers {
                    with_servers(world, host, &mut shown);
                }
                shown
            })
            .collect();
        match (pattern, found.is_empty()) {
            (Some(part), true) => nova(
                404,
                format!("No hypervisor matching '{part}' could be found."),
            ),
            _ => Reply::json(200, &json!({ "hypervisors": found })),
        }
    };
    let pattern = ctx.request.param("hypervisor_hostname_pattern");
    let pattern = pattern.filter(|_| ctx.since(53));
    let one = |id: &str| {
        let known = |(at, host): &(usize, &HostView)| match ctx.since(53) {
            true => host.id == id,
            false => (at + 1).to_string() == id,
        };
        hosts.iter().enumerate().find(known)
    };
    match path {
        [] => list(false, pattern, servers),
        ["detail"] => list(true, pattern, servers),
        ["statistics"] if !ctx.since(88) => {
            let mut all = sizes(world, &hosts);
            add(&mut all, &[("count", json!(hosts.len()))]);
            Reply::json(200, &json!({ "hypervisor_statistics": all }))
        }
        [part, "search"] if !ctx.since(53) => list(false, Some(part), false),
        [part, "servers"] if !ctx.since(53) => list(false, Some(part), true),
        [id] => match one(id) {
            Some(found) => {
                let mut shown = show(world, ctx, found, true);
                if servers {
                    with_servers(world, found.1, &mut shown);
                }
                Reply::json(200, &json!({ "hypervisor": shown }))
            }
            None => nova(404, format!("Compute host {id} could not be found.")),
        },
        [id, "uptime"] if !ctx.since(88) => match one(id) {
            Some(_) => nova(501, "The uptime of a hypervisor is not simulated."),
            None => nova(404, format!("Compute host {id} could not be found.")),
        },
        _ => nova(404, "The resource could not be found."),
    }
}
