//! Nova v2.1 and its legacy form v2: who asks what, under which microversion.

use serde_json::{Value, json};

use super::super::http::{Reply, Request};
use super::super::world::World;
use super::access::{Caller, caller, nova};
use super::{
    action, admin, attached, create, flavor, group, history, keypair, listing, server, usage,
    version,
};
use crate::cloudsim::VmView;
use crate::ids::VmId;
use crate::proto::nova::Microversion;

/// A request to Nova, understood so far.
pub struct Ctx<'a> {
    /// The request.
    pub request: &'a Request,
    /// Who asks.
    pub who: Caller,
    /// What its words mean.
    pub version: Microversion,
    /// Address of the version that was asked, for links.
    pub root: String,
    /// Path of that address.
    pub path: String,
    /// Whether it is asked in the form of `/v2`.
    pub legacy: bool,
}

impl Ctx<'_> {
    /// Whether the request's words are of that microversion or a later one.
    pub fn since(&self, minor: u16) -> bool {
        self.version >= Microversion::new(2, minor)
    }

    /// A server that the caller may see; 404 otherwise.
    pub fn server(&self, world: &World, id: &str) -> Result<VmView, Reply> {
        let missing = || nova(404, format!("Instance {id} could not be found."));
        match world.cloud.vm(&VmId::new(id)) {
            Err(_) => Err(Reply::lost()),
            Ok(Some(vm)) if server::visible(&self.who, &vm) => Ok(vm),
            Ok(_) => Err(missing()),
        }
    }
}

/// Collections of Nova; anything else after the version is a project's id.
const COLLECTIONS: [&str; 22] = [
    "servers",
    "flavors",
    "limits",
    "extensions",
    "images",
    "os-aggregates",
    "os-availability-zone",
    "os-floating-ips",
    "os-hosts",
    "os-hypervisors",
    "os-keypairs",
    "os-migrations",
    "os-networks",
    "os-quota-sets",
    "os-security-groups",
    "os-server-groups",
    "os-services",
    "os-simple-tenant-usage",
    "os-tenant-networks",
    "os-volumes",
    "os-instance_usage_audit_log",
    "os-server-external-events",
];

/// Answers below `/` or `/compute`.
pub fn answer(world: &mut World, request: &Request, path: &[&str], prefix: &str) -> Reply {
    let root = format!("{}{prefix}", request.base);
    let (word, rest) = match (request.method.as_str(), path) {
        ("GET", []) => return version::list(&root),
        ("GET", ["v2.1"]) => return version::one(&root, "v2.1"),
        ("GET", ["v2"]) => return version::one(&root, "v2.0"),
        (_, [word @ ("v2.1" | "v2"), rest @ ..]) => (*word, rest),
        _ => return nova(404, "The resource could not be found."),
    };
    // the legacy form knows no microversions and says nothing of them
    let version = match word {
        "v2" => Ok(Microversion::BASE),
        _ => version::negotiate(request),
    };
    let version = match version {
        Ok(version) => version,
        Err(reply) => return identified(world, reply),
    };
    let reply = match caller(world, request) {
        Err(reply) => reply,
        Ok(who) => {
            let (project, rest) = match rest {
                [first, rest @ ..] if !COLLECTIONS.contains(first) => (Some(*first), rest),
                rest => (None, rest),
            };
            if who.project.is_empty() {
                nova(403, "The token is for no project.")
            } else if project.is_some_and(|project| project != who.project)
                || (project.is_none() && word == "v2")
            {
                nova(400, "Malformed request url")
            } else {
                let path = match project {
                    Some(project) => format!("{prefix}/{word}/{project}"),
                    None => format!("{prefix}/{word}"),
                };
                let ctx = Ctx {
                    request,
                    who,
                    version,
                    root: format!("{}{path}", request.base),
                    path,
                    legacy: word == "v2",
                };
                match is_json(request) {
                    true => route(world, &ctx, rest),
                    false => nova(415, "Unsupported Content-Type"),
                }
            }
        }
    };
    let reply = identified(world, reply);
    match word {
        "v2" => reply,
        _ => version::stamped(reply, version),
    }
}

/// Nova reads JSON alone; a body of no type is taken for it.
fn is_json(request: &Request) -> bool {
    let kind = request.header("content-type").unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    request.body.is_empty()
        || kind.is_empty()
        || kind == "application/json"
        || kind == "application/vnd.openstack.compute+json"
}

/// Every reply has an id.
fn identified(world: &mut World, reply: Reply) -> Reply {
    match reply.header("x-openstack-request-id") {
        Some(_) => reply,
        None => {
            let id = format!("req-{}", world.uuid());
            with_request_id(reply, &id)
        }
    }
}

/// The id by which a request is found in records.
pub fn with_request_id(reply: Reply, id: &str) -> Reply {
    reply
        .with("x-openstack-request-id", id)
        .with("x-compute-request-id", id)
}

fn route(world: &mut World, ctx: &Ctx<'_>, path: &[&str]) -> Reply {
    match (ctx.request.method.as_str(), path) {
        ("GET", ["servers"]) => listing::list(world, ctx, false),
        ("GET", ["servers", "detail"]) => listing::list(world, ctx, true),
        ("POST", ["servers"]) => create::create(world, ctx),
        (_, ["servers"]) => nova(405, "The method is not allowed."),
        (method, ["servers", id, rest @ ..]) => {
            // the records of a server that is gone can still be read
            if let ("GET", ["os-instance-actions", more @ ..]) = (method, rest) {
                return history::answer(world, ctx, id, more);
            }
            match ctx.server(world, id) {
                Err(reply) => reply,
                Ok(vm) => match (method, rest) {
                    ("GET", []) => server::show(world, ctx, &vm),
                    ("DELETE", []) => action::delete(world, ctx, &vm),
                    ("POST", ["action"]) => action::act(world, ctx, &vm),
                    (_, rest) => attached::part(world, ctx, &vm, rest),
                },
            }
        }
        (_, ["flavors", rest @ ..]) => flavor::answer(world, ctx, rest),
        ("GET", ["limits"]) => admin::limits(world, ctx),
        ("GET", ["extensions"]) => Reply::json(200, &json!({ "extensions": [] })),
        ("GET", ["os-availability-zone", rest @ ..]) => admin::zones(world, ctx, rest),
        (_, ["os-keypairs", rest @ ..]) => keypair::keypairs(world, ctx, rest),
        ("GET", ["os-quota-sets", ..]) => admin::quotas(world, ctx, path),
        (_, ["os-server-groups", rest @ ..]) => group::answer(world, ctx, rest),
        ("GET", ["os-security-groups"]) if !ctx.since(36) => {
            let group = super::secure::of_nova(&ctx.who.project);
            Reply::json(200, &json!({ "security_groups": [group] }))
        }
        ("GET", ["os-migrations"]) if ctx.who.admin => {
            Reply::json(200, &json!({ "migrations": [] }))
        }
        ("GET", ["os-aggregates"]) if ctx.who.admin => {
            Reply::json(200, &json!({ "aggregates": [] }))
        }
        (_, ["os-services" | "os-hypervisors" | "os-hosts", ..]) => admin::answer(world, ctx, path),
        ("GET", ["os-simple-tenant-usage", rest @ ..]) => usage::answer(world, ctx, rest),
        (_, [known, ..]) if COLLECTIONS.contains(known) => {
            nova(501, format!("'{known}' is not simulated."))
        }
        _ => nova(404, "The resource could not be found."),
    }
}

/// Reads the body of a request to Nova.
pub fn body<T: serde::de::DeserializeOwned>(ctx: &Ctx<'_>) -> Result<T, Reply> {
    ctx.request
        .json::<T>()
        .map_err(|why| nova(400, format!("Invalid input: {why}")))
}

/// Adds members to a document's one object.
pub fn add(document: &mut Value, members: &[(&str, Value)]) {
    if let Some(object) = document.as_object_mut() {
        for (name, value) in members {
            object.insert((*name).to_owned(), value.clone());
        }
    }
}
