//! Limits, zones, key pairs, and for administrators services and hypervisors.

use serde::Deserialize;
use serde_json::{Value, json};

use super::super::http::Reply;
use super::super::world::World;
use super::access::nova;
use super::compute::{Ctx, add, body};
use super::hypervisor;
use super::server::project_of;
use crate::cloudsim::HostView;
use crate::proto::nova::{ComputeService, ComputeServiceList};

/// Key pairs of one user at most.
pub const KEYPAIRS: usize = 100;

/// Servers of a project, their virtual CPUs and their memory.
fn in_use(world: &World, project: &str) -> (u64, u64, u64) {
    let mine = world.cloud.all_vms();
    let mine = mine.filter(|vm| project_of(world, vm) == project);
    let (mut count, mut cores, mut ram) = (0_u64, 0_u64, 0_u64);
    for vm in mine {
        count += 1;
        if let Some(flavor) = world.cloud.flavor(&vm.flavor) {
            cores += u64::from(flavor.spec.vcpus);
            ram += flavor.spec.memory_mb;
        }
    }
    (count, cores, ram)
}

/// `GET /limits`.
pub fn limits(world: &World, ctx: &Ctx<'_>) -> Reply {
    let (count, cores, ram) = in_use(world, &ctx.who.project);
    let groups = world.nova.groups.iter();
    let groups = groups.filter(|group| group.project == ctx.who.project);
    let groups = groups.count();
    let mut absolute = json!({
        "maxTotalInstances": world.cloud.settings().max_vms,
        "maxTotalCores": -1,
        "maxTotalRAMSize": -1,
        "maxTotalKeypairs": KEYPAIRS,
        "maxServerMeta": 128,
        "maxServerGroups": 10,
        "maxServerGroupMembers": 10,
        "totalInstancesUsed": count,
        "totalCoresUsed": cores,
        "totalRAMUsed": ram,
        "totalServerGroupsUsed": groups,
    });
    if !ctx.since(57) {
        add(
            &mut absolute,
            &[
                ("maxImageMeta", json!(128)),
                ("maxPersonality", json!(5)),
                ("maxPersonalitySize", json!(10240)),
            ],
        );
    }
    Reply::json(
        200,
        &json!({ "limits": { "rate": [], "absolute": absolute } }),
    )
}

/// `GET /os-quota-sets/{project}[/detail|/defaults]`.
pub fn quotas(world: &World, ctx: &Ctx<'_>, path: &[&str]) -> Reply {
    let project = match path {
        [_, project, ..] => *project,
        _ => ctx.who.project.as_str(),
    };
    let most = world.cloud.settings().max_vms;
    if project != ctx.who.project && !ctx.who.admin {
        let why = "Policy doesn't allow os_compute_api:os-quota-sets:show to be performed.";
        return nova(403, why);
    }
    let (count, cores, ram) = in_use(world, project);
    let groups = world.nova.groups.iter();
    let groups = groups.filter(|group| group.project == project).count();
    let one = |name: &str, limit: Value| {
        let used = match name {
            "instances" => json!(count),
            "cores" => json!(cores),
            "ram" => json!(ram),
            "server_groups" => json!(groups),
            _ => json!(0),
        };
        match path.get(2) {
            Some(&"detail") => json!({ "limit": limit, "in_use": used, "reserved": 0 }),
            _ => limit,
        }
    };
    let mut set = json!({ "id": project });
    for (name, limit) in [
        ("instances", json!(most)),
        ("cores", json!(-1)),
        ("ram", json!(-1)),
        ("key_pairs", json!(KEYPAIRS)),
        ("metadata_items", json!(128)),
        ("server_groups", json!(10)),
        ("server_group_members", json!(10)),
    ] {
        add(&mut set, &[(name, one(name, limit))]);
    }
    Reply::json(200, &json!({ "quota_set": set }))
}

/// `GET /os-availability-zone[/detail]`.
pub fn zones(world: &World, ctx: &Ctx<'_>, path: &[&str]) -> Reply {
    let hosts = match path {
        ["detail"] if !ctx.who.admin => {
            return nova(
                403,
                "Policy doesn't allow os_compute_api:os-availability-zone:detail to be performed.",
            );
        }
        ["detail"] => {
            let all = world.cloud.hosts();
            let all = all.iter().map(|host| {
                let state = json!({ "active": true, "available": host.up, "updated_at": heard(world, host) });
                (host.name.clone(), json!({ "nova-compute": state }))
            });
            Value::Object(all.collect())
        }
        _ => Value::Null,
    };
    let zone = json!({ "zoneName": "nova", "zoneState": { "available": true }, "hosts": hosts });
    Reply::json(200, &json!({ "availabilityZoneInfo": [zone] }))
}

/// When a host was last heard of.
fn heard(world: &World, host: &HostView) -> String {
    let at = host.down_since.unwrap_or(world.cloud.now());
    format!("{}.000000", world.text(at))
}

/// Answers what only administrators may ask.
pub fn answer(world: &mut World, ctx: &Ctx<'_>, path: &[&str]) -> Reply {
    if !ctx.who.admin {
        let what = path.first().unwrap_or(&"");
        return nova(
            403,
            format!("Policy doesn't allow os_compute_api:{what} to be performed."),
        );
    }
    match (ctx.request.method.as_str(), path) {
        ("GET", ["os-services"]) => services(world, ctx),
        (
            "PUT",
            [
                "os-services",
                word @ ("enable" | "disable" | "disable-log-reason" | "force-down"),
            ],
        ) if !ctx.since(53) => {
            let word = *word;
            update_by_host(world, ctx, word)
        }
        ("PUT", ["os-services", id]) if ctx.since(53) => {
            let host = world.cloud.hosts().into_iter().find(|host| host.id == *id);
            match host {
                Some(host) => update(world, ctx, &host),
                None => nova(404, format!("Service {id} not found.")),
            }
        }
        ("GET", ["os-hypervisors", rest @ ..]) => hypervisor::answer(world, ctx, rest),
        ("GET", ["os-hosts"]) if !ctx.since(43) => {
            let hosts = world.cloud.hosts().into_iter();
            let hosts: Vec<Value> = hosts
                .map(|host| json!({ "host_name": host.name, "service": "compute", "zone": "nova" }))
                .collect();
            Reply::json(200, &json!({ "hosts": hosts }))
        }
        ("GET", ["os-hosts", _]) if !ctx.since(43) => {
            nova(501, "A host's resources are not simulated.")
        }
        _ => nova(404, "The resource could not be found."),
    }
}

fn service(world: &World, ctx: &Ctx<'_>, at: usize, host: &HostView) -> ComputeService {
    let forced = world.nova.forced_down.contains(&host.name);
    let disabled = world.nova.disabled.get(&host.name);
    ComputeService {
        id: if ctx.since(53) {
            json!(host.id)
        } else {
            json!(at + 1)
        },
        binary: "nova-compute".to_owned(),
        host: host.name.clone(),
        zone: "nova".to_owned(),
        status: if disabled.is_some() {
            "disabled"
        } else {
            "enabled"
        }
        .to_owned(),
        state: if host.up && !forced { "up" } else { "down" }.to_owned(),
        updated_at: Some(heard(world, host)),
        disabled_reason: disabled.cloned().filter(|why| !why.is_empty()),
        forced_down: ctx.since(11).then_some(forced),
    }
}

fn services(world: &World, ctx: &Ctx<'_>) -> Reply {
    let hosts = world.cloud.hosts();
    let mut services: Vec<ComputeService> = hosts
        .iter()
        .enumerate()
        .map(|(at, host)| service(world, ctx, at, host))
        .collect();
    for (name, wanted) in [
        ("binary", ctx.request.param("binary")),
        ("host", ctx.request.param("host")),
    ] {
        if let Some(wanted) = wanted {
            services.retain(|one| {
                if name == "binary" {
                    one.binary == wanted
                } else {
                    one.host == wanted
                }
            });
        }
    }
    Reply::json(200, &ComputeServiceList { services })
}

#[derive(Deserialize, Default)]
struct Change {
    #[serde(default)]
    host: String,
    #[serde(default)]
    status: Option<String>,
    #[serde(default)]
    disabled_reason: Option<String>,
    #[serde(default)]
    forced_down: Option<bool>,
}

/// The form before 2.53: by host, with the change in the path.
fn update_by_host(world: &mut World, ctx: &Ctx<'_>, word: &str) -> Reply {
    let mut change: Change = match body(ctx) {
        Ok(change) => change,
        Err(reply) => return reply,
    };
    let Some(host) = world
        .cloud
        .hosts()
        .into_iter()
        .find(|host| host.name == change.host)
    else {
        return nova(
            404,
            format!("Compute host {} could not be found.", change.host),
        );
    };
    match word {
        "enable" => change.status = Some("enabled".to_owned()),
        "disable" | "disable-log-reason" => change.status = Some("disabled".to_owned()),
        _ => {}
    }
    apply(world, ctx, &host, change)
}

fn update(world: &mut World, ctx: &Ctx<'_>, host: &HostView) -> Reply {
    match body::<Change>(ctx) {
        Ok(change) => apply(world, ctx, host, change),
        Err(reply) => reply,
    }
}

fn apply(world: &mut World, ctx: &Ctx<'_>, host: &HostView, change: Change) -> Reply {
    match change.status.as_deref() {
        None => {}
        Some("enabled") => {
            world.nova.disabled.remove(&host.name);
        }
        Some("disabled") => {
            let reason = change.disabled_reason.unwrap_or_default();
            world.nova.disabled.insert(host.name.clone(), reason);
        }
        Some(other) => {
            return nova(
                400,
                format!("Invalid input for field/attribute status. Value: {other}."),
            );
        }
    }
    match change.forced_down {
        None => {}
        Some(true) => {
            world.nova.forced_down.insert(host.name.clone());
        }
        Some(false) => {
            world.nova.forced_down.remove(&host.name);
        }
    }
    let hosts = world.cloud.hosts();
    let at = hosts
        .iter()
        .position(|known| known.id == host.id)
        .unwrap_or(0);
    let shown = service(world, ctx, at, host);
    Reply::json(200, &json!({ "service": shown }))
}
