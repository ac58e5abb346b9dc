//! Lists of servers, and what they can be searched by.

use serde_json::{Value, json};

use super::super::http::Reply;
use super::super::world::World;
use super::access::nova;
use super::compute::{Ctx, add};
use super::part::{next_link, page};
use super::search;
use super::server::{document, links, project_of};
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
    let query = &ctx.request.query;
    let filtered = query
        .iter()
        .try_for_each(|(key, value)| search::filter(world, ctx, &mut all, key, value));
    if let Err(reply) = filtered.and_then(|()| search::sort(world, ctx, &mut all)) {
        return reply;
    }
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
