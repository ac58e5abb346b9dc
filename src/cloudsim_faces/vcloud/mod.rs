//! vCloud's face: 1.0 below `/api/v1.0`, 1.5 and 5.x below `/api`, and the login of 0.8 for clients that know
//! no other.
//!
//! A vApp holds one VM of the cloud and bears its name; an organisation is a tenant, with one data centre and
//! one catalog. An operation is followed by a task, which is the cloud's own record under another name.

mod act;
mod login;
mod org;
mod query;
mod section;
mod settings;
mod state;
mod task;
mod vapp;

pub use settings::{Settings, UserSettings};
pub use state::State;

use super::http::{Reply, Request};
use super::world::World;
use crate::cloudsim::CallError;
use crate::ids::TenantId;
use crate::proto::vcloud::{ApiVersion, Document, VcloudError, media_type};

/// Who asks, in which version.
#[derive(Clone, Debug)]
struct Ctx {
    version: ApiVersion,
    /// `http://host/api` or `http://host/api/v1.0`.
    root: String,
    org: TenantId,
    org_name: String,
    user: String,
    /// Logged in by the way of 0.8, whose statuses end with 4.
    old: bool,
}

/// A reply, or the error that stands for it.
type Done = Result<Reply, Refusal>;

/// Why a request gets no reply of its own.
#[derive(Debug)]
enum Refusal {
    Error(VcloudError),
    Lost,
}

fn no(major: u16, minor: &str, words: impl Into<String>) -> Refusal {
    Refusal::Error(VcloudError::new(major, minor, words))
}

/// What the cloud says no to.
fn refused(error: CallError) -> Refusal {
    match error {
        CallError::Lost(_) | CallError::Down(_) => Refusal::Lost,
        CallError::Refused(lines) => {
            let line = lines.first().map_or("", String::as_str);
            let plain = line.strip_prefix("VIM Driver: ").unwrap_or(line);
            let minor = match plain.contains(" is busy") {
                true => "BUSY_ENTITY",
                false => "BAD_REQUEST",
            };
            no(400, minor, plain)
        }
    }
}

fn document<D: Document>(status: u16, kind: &str, version: ApiVersion, document: &D) -> Reply {
    let mut media = media_type(kind);
    if version > ApiVersion::V1_0 {
        media = format!("{media};version={version}");
    }
    Reply::text(status, &media, document.encode(version))
}

/// Answers a request.
pub fn answer(world: &mut World, request: &Request) -> Reply {
    let (method, path) = request.route();
    let (version, rest, root) = match path.as_slice() {
        ["api", "v1.0" | "v0.8", rest @ ..] => (
            Ok(ApiVersion::V1_0),
            rest,
            format!("{}/api/v1.0", request.base),
        ),
        ["api", rest @ ..] => (accepted(request), rest, format!("{}/api", request.base)),
        _ => return Reply::text(404, "text/plain", "vCloud is below /api"),
    };
    if let ("GET", ["versions"]) = (method, rest) {
        return login::versions(request);
    }
    let version = match version {
        Ok(version) => version,
        Err(reply) => return reply,
    };
    let old = path.get(1) == Some(&"v0.8");
    let done = match (method, rest) {
        ("POST", ["login"]) if version == ApiVersion::V1_0 => {
            login::log_in(world, request, version, &root, old)
        }
        ("POST", ["sessions"]) if version > ApiVersion::V1_0 => {
            login::log_in(world, request, version, &root, false)
        }
        _ => login::who(world, request, version, root)
            .and_then(|ctx| route(world, request, &ctx, rest)),
    };
    match done {
        Ok(reply) => reply,
        Err(Refusal::Lost) => Reply::lost(),
        Err(Refusal::Error(error)) => document(error.major, "error", version, &error),
    }
}

/// The version that a client of 1.5 and later accepts.
fn accepted(request: &Request) -> Result<ApiVersion, Reply> {
    let accept = request.header("accept").unwrap_or_default();
    let known = ApiVersion::of_accept(accept).and_then(ApiVersion::parse);
    match known {
        Some(version) if version > ApiVersion::V1_0 => Ok(version),
        _ => {
            let words = format!("The request has invalid accept header: {accept}");
            let error = VcloudError::new(406, "NOT_ACCEPTABLE", words);
            Err(document(406, "error", ApiVersion::V1_5, &error))
        }
    }
}

fn route(world: &mut World, request: &Request, ctx: &Ctx, path: &[&str]) -> Done {
    state::settle(world);
    match (request.method.as_str(), path) {
        ("POST", ["logout"]) | ("DELETE", ["session"]) => Ok(login::log_out(world, request)),
        ("GET", ["session"]) => Ok(login::session(ctx)),
        ("GET", ["org"]) => Ok(org::orgs(ctx)),
        ("GET", ["org", id]) if *id == ctx.org.as_str() => Ok(org::org(world, ctx)),
        ("GET", ["vdc", id]) if *id == ctx.org.as_str() => Ok(org::vdc(world, ctx)),
        ("GET", ["catalog", id]) if *id == ctx.org.as_str() => Ok(org::catalog(world, ctx)),
        ("GET", ["catalogItem", id]) => org::catalog_item(world, ctx, id),
        ("GET", ["vAppTemplate", id]) => org::template(world, ctx, id),
        ("GET", ["network", id]) => org::network(world, ctx, id),
        ("POST", ["vdc", id, "action", "instantiateVAppTemplate"]) if *id == ctx.org.as_str() => {
            act::instantiate(world, request, ctx)
        }
        ("GET", ["tasksList", id]) if *id == ctx.org.as_str() => Ok(task::list(world, ctx)),
        ("GET", ["task", id]) => task::show_one(world, ctx, id),
        ("GET", ["query"]) => {
            let kind = request.param("type").unwrap_or_default().to_owned();
            query::answer(world, request, ctx, &kind)
        }
        ("GET", [word, "query"]) => match query::type_of(word) {
            Some(kind) => query::answer(world, request, ctx, kind),
            None => Err(org::no_access(path)),
        },
        (method, ["vApp", id, rest @ ..]) => {
            let vm = vapp::find(world, ctx, id)?;
            let of_vm = id.starts_with("vm-");
            match (method, rest) {
                ("GET", []) if of_vm => Ok(vapp::show_vm(world, ctx, &vm)),
                ("GET", []) => Ok(vapp::show(world, ctx, &vm, 200)),
                ("DELETE", []) if !of_vm => act::remove(world, ctx, &vm),
                ("POST", ["action", word]) => act::act(world, request, ctx, &vm, word),
                ("POST", ["power", "action", word]) => act::power(world, ctx, &vm, word),
                (_, rest) => section::answer(world, request, ctx, &vm, rest),
            }
        }
        _ => Err(org::no_access(path)),
    }
}
