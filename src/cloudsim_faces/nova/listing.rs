//! Lists of servers, and what they can be searched by.

use serde_json::{Value, json};

use super::super::http::Reply;
use super::super::world::World;
use super::access::nova;
use super::compute::{Ctx, add};
use super::part::{next_link, page};
use super::server::{document, links, note, project_of, tags};
use super::status::states;
use crate::cloudsim::VmView;

/// `GET /servers` and `GET /servers/detail`.
pub fn list(world: &World, ctx: &Ctx<'_>, detail: bool) -> Reply {
    let mut all: Vec<VmView> = world.cloud.all_vms().collect();
    let wants_all = ctx
        .request
        .param("all_tenants")
        .is_some_and(|word| !matches!(word, "0" | "false" | "False"));
    if wants_all && !ctx.who.admin {
        return nova(
            403,
            "Policy doesn't allow os_compute_api:servers:detail:get_all_tenants to be performed.",
        );
    }
    let project = ctx
        .request
        .param("tenant_id")
        .or(ctx.request.param("project_id"));
    all.retain(|vm| {
        let owner = project_of(world, vm);
        match (wants_all, project) {
            (true, Some(project)) => owner == project,
            (true, None) => true,
            (false, _) => owner == ctx.who.project,
        }
    });
    for (key, value) in &ctx.request.query {
        if let Err(reply) = filter(world, &mut all, key, value) {
            return reply;
        }
    }
    // the newest first
    all.sort_by(|a, b| b.created.cmp(&a.created).then_with(|| b.id.cmp(&a.id)));
    let (part, next) = match page(ctx.request, all, |vm| vm.id.to_string(), 1000) {
        Ok(found) => found,
        Err(why) => return nova(400, why),
    };
    let shown: Vec<Value> = part
        .iter()
        .map(|vm| match detail {
            true => document(world, ctx, vm),
            false => {
                json!({ "id": vm.id.as_str(), "name": vm.name.as_str(), "links": links(ctx, vm) })
            }
        })
        .collect();
    let mut document = json!({ "servers": shown });
    if let Some(marker) = next {
        let path = format!(
            "{}/servers{}",
            ctx.path,
            if detail { "/detail" } else { "" }
        );
        add(
            &mut document,
            &[(
                "servers_links",
                json!([next_link(ctx.request, &path, &marker)]),
            )],
        );
    }
    Reply::json(200, &document)
}

/// Leaves those that a parameter of the query asks for.
fn filter(world: &World, all: &mut Vec<VmView>, key: &str, value: &str) -> Result<(), Reply> {
    match key {
        "name" => all.retain(|vm| matches(vm.name.as_str(), value)),
        "status" => all.retain(|vm| {
            states(world, vm)
                .status
                .as_str()
                .eq_ignore_ascii_case(value)
        }),
        "vm_state" => all.retain(|vm| states(world, vm).vm == value),
        "task_state" => all.retain(|vm| states(world, vm).task == Some(value)),
        "uuid" => all.retain(|vm| vm.id.as_str() == value),
        "host" => all.retain(|vm| vm.host_name == value),
        "user_id" => all.retain(|vm| note(vm, "user") == Some(value)),
        "image" => all.retain(|vm| {
            world
                .cloud
                .image(&vm.image)
                .is_some_and(|found| found.id == value)
        }),
        "flavor" => all.retain(|vm| {
            world
                .cloud
                .flavor(&vm.flavor)
                .is_some_and(|found| found.id == value)
        }),
        "ip" | "ip6" => all.retain(|vm| {
            vm.interfaces
                .iter()
                .any(|nic| matches(&nic.ip_address, value))
        }),
        "tags" => all.retain(|vm| {
            value
                .split(',')
                .all(|tag| tags(vm).iter().any(|own| own == tag))
        }),
        "metadata" => {
            let wanted: std::collections::BTreeMap<String, String> = serde_json::from_str(value)
                .map_err(|_| nova(400, "metadata is not a JSON object of texts"))?;
            all.retain(|vm| {
                wanted
                    .iter()
                    .all(|(key, value)| vm.extra.metadata.get(key) == Some(value))
            });
        }
        "changes-since" => {
            let since = value
                .parse()
                .map_err(|_| nova(400, format!("Invalid changes-since value: {value}")));
            let since: crate::clock::Timestamp = since?;
            all.retain(|vm| world.at(vm.updated) >= since);
        }
        // there are no servers that are gone and still shown
        "deleted" if matches!(value, "1" | "true" | "True") => all.clear(),
        _ => {}
    }
    Ok(())
}

/// A filter is searched for in the text; `^` and `$` tie it to an end.
fn matches(text: &str, wanted: &str) -> bool {
    let (start, wanted) = wanted
        .strip_prefix('^')
        .map_or((false, wanted), |rest| (true, rest));
    let (end, wanted) = wanted
        .strip_suffix('$')
        .map_or((false, wanted), |rest| (true, rest));
    let wanted = wanted.replace("\\", "");
    match (start, end) {
        (true, true) => text == wanted,
        (true, false) => text.starts_with(&wanted),
        (false, true) => text.ends_with(&wanted),
        (false, false) => text.contains(&wanted),
    }
}
