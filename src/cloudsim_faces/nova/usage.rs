//! What the servers that there are have used, by hours.

use serde_json::{Value, json};

use super::super::http::Reply;
use super::super::world::World;
use super::access::nova;
use super::compute::{Ctx, add};
use super::search::{moment, to_second};
use super::server::{project_of, words_of_status};
use crate::clock::Timestamp;
use crate::cloudsim::VmView;

/// Weeks that are looked at when no time is said: as Nova, four.
const WEEKS: u64 = 4;

struct Span {
    from: Timestamp,
    to: Timestamp,
}

fn span(world: &World, ctx: &Ctx<'_>) -> Result<Span, Reply> {
    let now = world.at(world.cloud.now());
    let read = |key: &str, otherwise: Timestamp| match ctx.request.param(key) {
        None => Ok(otherwise),
        // written with a space by some
        Some(text) => moment(key, &text.replace(' ', "T")),
    };
    let weeks = std::time::Duration::from_secs(WEEKS * 7 * 24 * 3600);
    let span = Span {
        from: read("start", now - weeks)?,
        to: read("end", now)?,
    };
    match span.from > span.to {
        true => Err(nova(
            400,
            "Invalid start time. The start time cannot occur after the end time.",
        )),
        false => Ok(span),
    }
}

fn hours(world: &World, span: &Span, vm: &VmView) -> f64 {
    let now = world.at(world.cloud.now());
    let from = world.at(vm.launched.unwrap_or(vm.created)).max(span.from);
    let to = span.to.min(now);
    match vm.launched {
        Some(_) => to.since(from).as_secs_f64() / 3600.0,
        None => 0.0,
    }
}

fn of_project(world: &World, span: &Span, project: &str, detailed: bool) -> Option<Value> {
    let mine = world.cloud.all_vms();
    let mine =
        mine.filter(|vm| project_of(world, vm) == project && world.at(vm.created) <= span.to);
    let (mut total, mut disk, mut memory, mut cpus) = (0.0, 0.0, 0.0, 0.0);
    let mut servers = Vec::new();
    for vm in mine {
        let hours = hours(world, span, &vm);
        let spec = world.cloud.flavor(&vm.flavor).map(|flavor| flavor.spec);
        let spec = spec.unwrap_or_default();
        let gigabytes = (spec.root_disk_mb + spec.ephemeral_disk_mb).div_ceil(1024);
        total += hours;
        disk += hours * gigabytes as f64;
        memory += hours * spec.memory_mb as f64;
        cpus += hours * f64::from(spec.vcpus);
        servers.push(json!({
            "instance_id": vm.id.as_str(), "name": vm.name.as_str(), "tenant_id": project,
            "hours": hours, "memory_mb": spec.memory_mb, "local_gb": gigabytes, "vcpus": spec.vcpus,
            "flavor": spec.name, "state": words_of_status(world, &vm),
            "started_at": format!("{}.000000", world.text(vm.launched.unwrap_or(vm.created))),
            "ended_at": null,
            "uptime": world.cloud.now().saturating_sub(vm.launched.unwrap_or(vm.created)).as_secs(),
        }));
    }
    if servers.is_empty() {
        return None;
    }
    let mut shown = json!({
        "tenant_id": project, "total_hours": total, "total_local_gb_usage": disk,
        "total_memory_mb_usage": memory, "total_vcpus_usage": cpus,
        "start": format!("{}.000000", to_second(span.from)),
        "stop": format!("{}.000000", to_second(span.to)),
    });
    if detailed {
        add(&mut shown, &[("server_usages", json!(servers))]);
    }
    Some(shown)
}

/// `GET /os-simple-tenant-usage[/{project}]`.
pub fn answer(world: &World, ctx: &Ctx<'_>, path: &[&str]) -> Reply {
    let denied = |what: &str| {
        let why = format!(
            "Policy doesn't allow os_compute_api:os-simple-tenant-usage:{what} to be performed."
        );
        nova(403, why)
    };
    let span = match span(world, ctx) {
        Ok(span) => span,
        Err(reply) => return reply,
    };
    match path {
        [] if !ctx.who.admin => denied("list"),
        [] => {
            let detailed = ctx
                .request
                .param("detailed")
                .is_some_and(|word| matches!(word, "1" | "true" | "True"));
            let all = world.cloud.tenants().into_iter();
            let all: Vec<Value> = all
                .filter_map(|tenant| of_project(world, &span, tenant.id.as_str(), detailed))
                .collect();
            Reply::json(200, &json!({ "tenant_usages": all }))
        }
        [project] if *project != ctx.who.project && !ctx.who.admin => denied("show"),
        [project] => {
            let found = of_project(world, &span, project, true);
            let found = found.unwrap_or_else(|| json!({}));
            Reply::json(200, &json!({ "tenant_usage": found }))
        }
        _ => nova(404, "The resource could not be found."),
    }
}
