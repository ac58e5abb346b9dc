//! Flavors.

use serde_json::{Value, json};

use super::super::http::Reply;
use super::super::world::World;
use super::access::{nova, refused};
use super::compute::{Ctx, add, body};
use super::part::{next_link, own_link, page};
use crate::cloudsim::{Call, FlavorView};
use crate::model::resource::FlavorSpec;
use crate::proto::nova::{Flavor, NewFlavorDocument, Swap};

/// Answers below `/flavors`.
pub fn answer(world: &mut World, ctx: &Ctx<'_>, path: &[&str]) -> Reply {
    let find = |world: &World, id: &str| world.cloud.flavor(id).filter(|found| found.id == id);
    let missing = |id: &str| nova(404, format!("Flavor {id} could not be found."));
    match (ctx.request.method.as_str(), path) {
        ("GET", []) => list(world, ctx, false),
        ("GET", ["detail"]) => list(world, ctx, true),
        ("POST", []) => make(world, ctx),
        ("GET", [id]) => match find(world, id) {
            Some(found) => Reply::json(200, &json!({ "flavor": show(ctx, &found) })),
            None => missing(id),
        },
        ("DELETE", [id]) if ctx.who.admin => match find(world, id) {
            None => missing(id),
            Some(found) => match world.call(Call::DeleteFlavor { id: found.id }) {
                Ok(_) => Reply::empty(202),
                Err(error) => refused(error),
            },
        },
        ("GET", [id, "os-extra_specs"]) => match find(world, id) {
            Some(_) => Reply::json(200, &json!({ "extra_specs": {} })),
            None => missing(id),
        },
        ("GET", [id, "os-flavor-access"]) => match find(world, id) {
            Some(_) => nova(404, "Access list not available for public flavors."),
            None => missing(id),
        },
        ("DELETE", _) => nova(
            403,
            "Policy doesn't allow os_compute_api:os-flavor-manage:delete to be performed.",
        ),
        _ => nova(501, "This part of flavors is not simulated."),
    }
}

fn links(ctx: &Ctx<'_>, id: &str) -> Vec<crate::proto::nova::Link> {
    vec![
        own_link("self", format!("{}/flavors/{id}", ctx.root)),
        own_link("bookmark", format!("{}/flavors/{id}", ctx.request.base)),
    ]
}

fn show(ctx: &Ctx<'_>, flavor: &FlavorView) -> Value {
    let spec = &flavor.spec;
    let shown = Flavor {
        id: Some(flavor.id.clone()),
        name: Some(spec.name.clone()),
        vcpus: spec.vcpus,
        ram: spec.memory_mb,
        disk: spec.root_disk_mb.div_ceil(1024),
        ephemeral: spec.ephemeral_disk_mb.div_ceil(1024),
        swap: Swap(spec.swap_disk_mb),
        rxtx_factor: Some(1.0),
        is_public: Some(true),
        disabled: Some(false),
        extra_specs: ctx.since(61).then(Default::default),
        description: None,
        links: links(ctx, &flavor.id),
    };
    let mut shown = serde_json::to_value(&shown).unwrap_or_default();
    if ctx.since(55) {
        add(&mut shown, &[("description", Value::Null)]);
    }
    if ctx.since(75) {
        add(&mut shown, &[("swap", json!(spec.swap_disk_mb))]);
    }
    shown
}

fn list(world: &World, ctx: &Ctx<'_>, detail: bool) -> Reply {
    let mut all = world.cloud.flavors();
    let at_least = |name: &str| {
        ctx.request
            .param(name)
            .and_then(|text| text.parse::<u64>().ok())
    };
    let (ram, disk) = (at_least("minRam"), at_least("minDisk"));
    all.retain(|flavor| {
        ram.is_none_or(|ram| flavor.spec.memory_mb >= ram)
            && disk.is_none_or(|disk| flavor.spec.root_disk_mb.div_ceil(1024) >= disk)
    });
    let (part, next) = match page(ctx.request, all, |flavor| flavor.id.clone(), 1000) {
        Ok(found) => found,
        Err(why) => return nova(400, why),
    };
    let shown = part.iter().map(|flavor| match detail {
        true => show(ctx, flavor),
        false => {
            json!({ "id": flavor.id, "name": flavor.spec.name, "links": links(ctx, &flavor.id) })
        }
    });
    let mut document = json!({ "flavors": shown.collect::<Vec<_>>() });
    if let Some(marker) = next {
        let path = format!(
            "{}/flavors{}",
            ctx.path,
            if detail { "/detail" } else { "" }
        );
        add(
            &mut document,
            &[(
                "flavors_links",
                json!([next_link(ctx.request, &path, &marker)]),
            )],
        );
    }
    Reply::json(200, &document)
}

fn make(world: &mut World, ctx: &Ctx<'_>) -> Reply {
    if !ctx.who.admin {
        return nova(
            403,
            "Policy doesn't allow os_compute_api:os-flavor-manage:create to be performed.",
        );
    }
    let wanted = match body::<NewFlavorDocument>(ctx) {
        Ok(document) => document.flavor,
        Err(reply) => return reply,
    };
    let name = wanted.name.clone();
    let id = match wanted.id {
        Some(id) if id != "auto" => id,
        _ => world.uuid(),
    };
    let spec = FlavorSpec {
        name: wanted.name,
        vcpus: wanted.vcpus,
        memory_mb: wanted.ram,
        root_disk_mb: wanted.disk.saturating_mul(1024),
        ephemeral_disk_mb: wanted.ephemeral.saturating_mul(1024),
        swap_disk_mb: wanted.swap,
    };
    match world.cloud.add_flavor(&id, spec) {
        Err("id") => nova(409, format!("Flavor with ID {id} already exists.")),
        Err(_) => nova(409, format!("Flavor with name {name} already exists.")),
        Ok(()) => match world.cloud.flavor(&id) {
            Some(made) => Reply::json(200, &json!({ "flavor": show(ctx, &made) })),
            None => nova(500, "The flavor is not there."),
        },
    }
}
