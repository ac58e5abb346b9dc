//! Flavors.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::super::http::Reply;
use super::super::world::World;
use super::access::{Caller, nova, refused};
use super::compute::{Ctx, add, body};
use super::part::{next_link, own_link, page};
use super::state::FlavorMore;
use crate::cloudsim::{Call, FlavorView};
use crate::model::resource::FlavorSpec;
use crate::proto::nova::{Flavor, NewFlavorDocument, Swap, truth_of};

/// A flavor by its id, if the caller may see it.
pub fn find(world: &World, who: &Caller, id: &str) -> Option<FlavorView> {
    let found = world.cloud.flavor(id).filter(|found| found.id == id)?;
    visible(world, who, id).then_some(found)
}

fn visible(world: &World, who: &Caller, id: &str) -> bool {
    let more = world.nova.flavors.get(id);
    who.admin || more.is_none_or(|more| !more.private || more.access.contains(&who.project))
}

fn is_private(world: &World, id: &str) -> bool {
    let more = world.nova.flavors.get(id);
    more.is_some_and(|more| more.private)
}

/// What administrators wrote about a flavor.
pub fn specs(world: &World, id: &str) -> BTreeMap<String, String> {
    let more = world.nova.flavors.get(id);
    more.map(|more| more.specs.clone()).unwrap_or_default()
}

/// Answers below `/flavors`.
pub fn answer(world: &mut World, ctx: &Ctx<'_>, path: &[&str]) -> Reply {
    let method = ctx.request.method.as_str();
    let (id, rest) = match (method, path) {
        ("GET", []) => return list(world, ctx, false),
        ("GET", ["detail"]) => return list(world, ctx, true),
        ("POST", []) => return make(world, ctx),
        (_, []) => return nova(405, "The method is not allowed."),
        (_, [id, rest @ ..]) => (*id, rest),
    };
    let Some(found) = find(world, &ctx.who, id) else {
        return nova(404, format!("Flavor {id} could not be found."));
    };
    let reads = method == "GET" && rest != ["os-flavor-access"];
    if !reads && !ctx.who.admin {
        let why = "Policy doesn't allow os_compute_api:os-flavor-manage to be performed.";
        return nova(403, why);
    }
    match (method, rest) {
        ("GET", []) => Reply::json(200, &json!({ "flavor": show(world, ctx, &found) })),
        ("PUT", []) if ctx.since(55) => describe(world, ctx, &found),
        ("DELETE", []) => match world.call(Call::DeleteFlavor {
            id: found.id.clone(),
        }) {
            Ok(_) => {
                world.nova.flavors.remove(&found.id);
                Reply::empty(202)
            }
            Err(error) => refused(error),
        },
        (_, ["os-extra_specs", rest @ ..]) => extra_specs(world, ctx, id, rest),
        ("GET", ["os-flavor-access"]) => match is_private(world, id) {
            true => accesses(world, id),
            false => nova(404, "Access list not available for public flavors."),
        },
        ("POST", ["action"]) => access(world, ctx, id),
        _ => nova(404, "The resource could not be found."),
    }
}

/// `PUT /flavors/{id}`: the description alone.
fn describe(world: &mut World, ctx: &Ctx<'_>, found: &FlavorView) -> Reply {
    let document: Value = match body(ctx) {
        Ok(document) => document,
        Err(reply) => return reply,
    };
    let wanted = document.get("flavor").and_then(Value::as_object);
    let words = match wanted.map(|wanted| (wanted.len(), wanted.get("description"))) {
        Some((1, Some(Value::String(words)))) => Some(words.clone()),
        Some((1, Some(Value::Null))) => None,
        _ => return nova(400, "Invalid input for field/attribute flavor."),
    };
    world
        .nova
        .flavors
        .entry(found.id.clone())
        .or_default()
        .description = words;
    Reply::json(200, &json!({ "flavor": show(world, ctx, found) }))
}

fn extra_specs(world: &mut World, ctx: &Ctx<'_>, id: &str, path: &[&str]) -> Reply {
    let missing = |key: &str| {
        nova(
            404,
            format!("Flavor {id} has no extra specs with key {key}."),
        )
    };
    let mut all = specs(world, id);
    let read = |document: Value| {
        let pairs = document.as_object().cloned().unwrap_or_default();
        let mut read = BTreeMap::new();
        for (key, value) in pairs {
            let text = match value {
                Value::String(text) => text,
                Value::Number(number) => number.to_string(),
                _ => {
                    return Err(nova(
                        400,
                        format!("Invalid input for field/attribute {key}."),
                    ));
                }
            };
            let plain = |c: char| c.is_ascii_alphanumeric() || "-_:. ".contains(c);
            if key.is_empty() || key.len() > 255 || !key.chars().all(plain) || text.len() > 255 {
                return Err(nova(
                    400,
                    format!("Invalid input for field/attribute {key}."),
                ));
            }
            read.insert(key, text);
        }
        Ok(read)
    };
    let reply = match (ctx.request.method.as_str(), path) {
        ("GET", []) => return Reply::json(200, &json!({ "extra_specs": all })),
        ("GET", [key]) => {
            return match all.get(*key) {
                Some(value) => Reply::json(200, &json!({ *key: value })),
                None => missing(key),
            };
        }
        ("POST", []) => {
            let document = body::<Value>(ctx).map(|document| document.get("extra_specs").cloned());
            match document.and_then(|document| match document {
                Some(document @ Value::Object(_)) => read(document),
                _ => Err(nova(
                    400,
                    "Invalid input: 'extra_specs' is a required property",
                )),
            }) {
                Err(reply) => return reply,
                Ok(pairs) => {
                    all.extend(pairs.clone());
                    Reply::json(200, &json!({ "extra_specs": pairs }))
                }
            }
        }
        ("PUT", [key]) => match body::<Value>(ctx).and_then(read) {
            Err(reply) => return reply,
            Ok(pairs) if pairs.len() == 1 && pairs.contains_key(*key) => {
                all.extend(pairs.clone());
                Reply::json(200, &json!(pairs))
            }
            Ok(_) => return nova(400, "Request body and URI mismatch"),
        },
        ("DELETE", [key]) => match all.remove(*key) {
            Some(_) => Reply::empty(200),
            None => return missing(key),
        },
        _ => return nova(405, "The method is not allowed."),
    };
    world.nova.flavors.entry(id.to_owned()).or_default().specs = all;
    reply
}

fn accesses(world: &World, id: &str) -> Reply {
    let all = world.nova.flavors.get(id).into_iter();
    let all = all.flat_map(|more| more.access.iter());
    let all: Vec<Value> = all
        .map(|project| json!({ "flavor_id": id, "tenant_id": project }))
        .collect();
    Reply::json(200, &json!({ "flavor_access": all }))
}

/// `POST /flavors/{id}/action`: access for a project, or none any more.
fn access(world: &mut World, ctx: &Ctx<'_>, id: &str) -> Reply {
    let document: Value = match body(ctx) {
        Ok(document) => document,
        Err(reply) => return reply,
    };
    let project = |word: &str| {
        let found = document.pointer(&format!("/{word}/tenant"));
        found.and_then(Value::as_str).map(str::to_owned)
    };
    if !is_private(world, id) {
        return nova(409, "Can not add or remove access of a public flavor.");
    }
    let more = world.nova.flavors.entry(id.to_owned()).or_default();
    match (project("addTenantAccess"), project("removeTenantAccess")) {
        (Some(project), None) => {
            if !more.access.insert(project.clone()) {
                let why = format!(
                    "Flavor access already exists for flavor {id} and project {project} combination."
                );
                return nova(409, why);
            }
        }
        (None, Some(project)) => {
            if !more.access.remove(&project) {
                let why = format!("Flavor access not found for {id} / {project} combination.");
                return nova(404, why);
            }
        }
        _ => return nova(400, "There is no such action of a flavor."),
    }
    accesses(world, id)
}

fn links(ctx: &Ctx<'_>, id: &str) -> Vec<crate::proto::nova::Link> {
    vec![
        own_link("self", format!("{}/flavors/{id}", ctx.root)),
        own_link("bookmark", format!("{}/flavors/{id}", ctx.request.base)),
    ]
}

fn show(world: &World, ctx: &Ctx<'_>, flavor: &FlavorView) -> Value {
    let more = world
        .nova
        .flavors
        .get(&flavor.id)
        .cloned()
        .unwrap_or_default();
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
        is_public: Some(!more.private),
        disabled: Some(false),
        extra_specs: ctx.since(61).then_some(more.specs),
        description: None,
        links: links(ctx, &flavor.id),
    };
    let mut shown = serde_json::to_value(&shown).unwrap_or_default();
    if ctx.since(55) {
        add(&mut shown, &[("description", json!(more.description))]);
    }
    if ctx.since(75) {
        add(&mut shown, &[("swap", json!(spec.swap_disk_mb))]);
    }
    shown
}

fn list(world: &World, ctx: &Ctx<'_>, detail: bool) -> Reply {
    let mut all = world.cloud.flavors();
    // administrators see the private ones when they ask for them
    let public = match ctx.request.param("is_public").filter(|_| ctx.who.admin) {
        None => Some(true),
        Some(word) if word.eq_ignore_ascii_case("none") => None,
        Some(word) => match truth_of(&word.into()) {
            Some(public) => Some(public),
            None => return nova(400, format!("Invalid is_public filter [{word}]")),
        },
    };
    let given = |flavor: &FlavorView| {
        let more = world.nova.flavors.get(&flavor.id);
        more.is_some_and(|more| more.access.contains(&ctx.who.project))
    };
    all.retain(|flavor| match public {
        None => true,
        Some(true) => !is_private(world, &flavor.id) || given(flavor),
        Some(false) => is_private(world, &flavor.id),
    });
    for name in ["minRam", "minDisk"] {
        if let Some(text) = ctx.request.param(name)
            && text.parse::<u64>().is_err()
        {
            return nova(400, format!("Invalid {name} filter [{text}]"));
        }
    }
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
    let down = match ctx.request.param("sort_dir") {
        None | Some("asc") => false,
        Some("desc") => true,
        Some(other) => {
            return nova(
                400,
                format!("Unknown sort direction, must be one of: asc, desc: {other}"),
            );
        }
    };
    let key = ctx.request.param("sort_key").unwrap_or("flavorid");
    let order = |flavor: &FlavorView| {
        let spec = &flavor.spec;
        Some(match key {
            "flavorid" | "id" => (0, flavor.id.clone()),
            "name" => (0, spec.name.clone()),
            "memory_mb" => (spec.memory_mb, String::new()),
            "vcpus" => (u64::from(spec.vcpus), String::new()),
            "root_gb" => (spec.root_disk_mb, String::new()),
            "ephemeral_gb" => (spec.ephemeral_disk_mb, String::new()),
            "swap" => (spec.swap_disk_mb, String::new()),
            "created_at" | "updated_at" | "disabled" | "is_public" | "rxtx_factor"
            | "vcpu_weight" => (0, String::new()),
            _ => return None,
        })
    };
    if all.iter().any(|flavor| order(flavor).is_none()) {
        return nova(
            400,
            format!("Invalid input for query parameters sort_key. Value: {key}."),
        );
    }
    all.sort_by(|a, b| match down {
        true => order(b).cmp(&order(a)),
        false => order(a).cmp(&order(b)),
    });
    let (part, next) = match page(ctx.request, all, |flavor| flavor.id.clone(), 1000) {
        Ok(found) => found,
        Err(why) => return nova(400, why),
    };
    let shown = part.iter().map(|flavor| match detail {
        true => show(world, ctx, flavor),
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
    let description = wanted.description.clone();
    if description.is_some() && !ctx.since(55) {
        let why = "Additional properties are not allowed ('description' was unexpected)";
        return nova(400, why);
    }
    if wanted.name.trim().is_empty() || wanted.vcpus == 0 || wanted.ram == 0 {
        return nova(400, "Invalid input for field/attribute flavor.");
    }
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
            Some(made) => {
                let more = FlavorMore {
                    private: wanted.is_public == Some(false),
                    description,
                    ..FlavorMore::default()
                };
                world.nova.flavors.insert(id, more);
                Reply::json(200, &json!({ "flavor": show(world, ctx, &made) }))
            }
            None => nova(500, "The flavor is not there."),
        },
    }
}
