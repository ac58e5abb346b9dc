//! Server groups: which servers shall share a host, and which shall not.

use serde::Deserialize;
use serde_json::{Value, json};

use super::super::http::Reply;
use super::super::world::World;
use super::access::nova;
use super::compute::{Ctx, add, body};
use super::server::note;
use super::state::Group;
use crate::cloudsim::VmView;

/// Groups of one project at most.
pub const GROUPS: usize = 10;
/// Servers in one group at most.
pub const MEMBERS: usize = 10;

/// Answers below `/os-server-groups`.
pub fn answer(world: &mut World, ctx: &Ctx<'_>, path: &[&str]) -> Reply {
    let missing = |id: &str| nova(404, format!("Instance group {id} could not be found."));
    match (ctx.request.method.as_str(), path) {
        ("GET", []) => list(world, ctx),
        ("POST", []) => match make(world, ctx) {
            Ok(reply) | Err(reply) => reply,
        },
        ("GET", [id]) => match find(world, ctx, id) {
            Some(group) => Reply::json(200, &json!({ "server_group": show(world, ctx, group) })),
            None => missing(id),
        },
        ("DELETE", [id]) => match find(world, ctx, id).map(|group| group.id.clone()) {
            Some(id) => {
                world.nova.groups.retain(|group| group.id != id);
                Reply::empty(204)
            }
            None => missing(id),
        },
        _ => nova(405, "The method is not allowed."),
    }
}

/// A group that the caller may see.
pub fn find<'a>(world: &'a World, ctx: &Ctx<'_>, id: &str) -> Option<&'a Group> {
    let mut groups = world.nova.groups.iter();
    groups.find(|group| group.id == id && (ctx.who.admin || group.project == ctx.who.project))
}

/// The servers in a group.
pub fn members(world: &World, id: &str) -> Vec<VmView> {
    let all = world.cloud.all_vms();
    all.filter(|vm| note(vm, "group") == Some(id)).collect()
}

fn list(world: &World, ctx: &Ctx<'_>) -> Reply {
    let all = ctx.who.admin && ctx.request.param("all_projects").is_some();
    let number = |name: &str| match ctx.request.param(name) {
        None => Ok(None),
        Some(text) => text.parse::<usize>().map(Some).map_err(|_| {
            nova(
                400,
                format!("Invalid input for query parameters {name}. Value: {text}."),
            )
        }),
    };
    let (offset, limit) = match (number("offset"), number("limit")) {
        (Ok(offset), Ok(limit)) => (offset.unwrap_or(0), limit.unwrap_or(1000).min(1000)),
        (Err(reply), _) | (_, Err(reply)) => return reply,
    };
    let groups = world.nova.groups.iter();
    let groups = groups.filter(|group| all || group.project == ctx.who.project);
    let groups = groups.skip(offset).take(limit);
    let groups: Vec<Value> = groups.map(|group| show(world, ctx, group)).collect();
    Reply::json(200, &json!({ "server_groups": groups }))
}

fn show(world: &World, ctx: &Ctx<'_>, group: &Group) -> Value {
    let members = members(world, &group.id);
    let members: Vec<&str> = members.iter().map(|vm| vm.id.as_str()).collect();
    let mut shown = json!({ "id": group.id, "name": group.name, "members": members });
    match ctx.since(64) {
        true => {
            let rules = match group.most_given {
                true => json!({ "max_server_per_host": group.most }),
                false => json!({}),
            };
            let policy = json!(group.policy);
            add(&mut shown, &[("policy", policy), ("rules", rules)]);
        }
        false => {
            let policies = json!([group.policy]);
            add(
                &mut shown,
                &[("policies", policies), ("metadata", json!({}))],
            );
        }
    }
    if ctx.since(13) {
        let (project, user) = (json!(group.project), json!(group.user));
        add(&mut shown, &[("project_id", project), ("user_id", user)]);
    }
    shown
}

fn make(world: &mut World, ctx: &Ctx<'_>) -> Result<Reply, Reply> {
    #[derive(Deserialize)]
    struct Wanted {
        server_group: WantedGroup,
    }
    #[derive(Deserialize)]
    struct WantedGroup {
        name: String,
        #[serde(default)]
        policies: Option<Vec<String>>,
        #[serde(default)]
        policy: Option<String>,
        #[serde(default)]
        rules: Option<Rules>,
    }
    #[derive(Deserialize)]
    struct Rules {
        #[serde(default)]
        max_server_per_host: Option<Value>,
    }
    let wanted = body::<Wanted>(ctx)?.server_group;
    let bad = |why: String| nova(400, format!("Invalid input for field/attribute {why}"));
    if wanted.name.trim().is_empty() || wanted.name.chars().count() > 255 {
        return Err(bad(format!("name. Value: {}.", wanted.name)));
    }
    // until 2.63 a list of one, from 2.64 on a word
    let policy = match (ctx.since(64), wanted.policies.as_deref(), wanted.policy) {
        (true, None, Some(word)) => word,
        (false, Some([word]), None) => word.clone(),
        (true, ..) => {
            return Err(bad(
                "server_group. 'policy' is a required property".to_owned()
            ));
        }
        (false, ..) => return Err(bad("policies. It is a list of one.".to_owned())),
    };
    let known = match policy.as_str() {
        "affinity" | "anti-affinity" => true,
        "soft-affinity" | "soft-anti-affinity" => ctx.since(15),
        _ => false,
    };
    if !known {
        return Err(bad(format!("policy. Value: {policy}.")));
    }
    let most = wanted.rules.and_then(|rules| rules.max_server_per_host);
    let most = match most {
        None => None,
        Some(_) if !ctx.since(64) => return Err(bad("rules.".to_owned())),
        Some(_) if policy != "anti-affinity" => {
            let why = "Only anti-affinity policy supports rules.";
            return Err(nova(400, why));
        }
        Some(Value::Number(number)) => number.as_u64(),
        Some(Value::String(text)) => text.parse().ok(),
        Some(_) => Some(0),
    };
    if most == Some(0) {
        return Err(bad("max_server_per_host.".to_owned()));
    }
    let mine = world.nova.groups.iter();
    let mine = mine.filter(|group| group.project == ctx.who.project);
    if mine.count() >= GROUPS {
        return Err(nova(403, "Quota exceeded, too many server groups."));
    }
    let group = Group {
        id: world.uuid(),
        name: wanted.name,
        policy,
        most: most.unwrap_or(1),
        most_given: most.is_some(),
        project: ctx.who.project.clone(),
        user: ctx.who.user.clone(),
    };
    let shown = show(world, ctx, &group);
    world.nova.groups.push(group);
    Ok(Reply::json(200, &json!({ "server_group": shown })))
}
