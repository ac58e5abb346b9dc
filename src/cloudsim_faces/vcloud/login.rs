//! Versions, logging in and out.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::super::http::{Reply, Request};
use super::super::world::World;
use super::state::Session;
use super::{Ctx, Done, Refusal, document, no, org};
use crate::ids::TenantId;
use crate::proto::vcloud::{
    ApiVersion, Document, Link, OrgList, Reference, Session as Shown, SupportedVersions,
};

/// The header that carries a session.
const HEADER: &str = "x-vcloud-authorization";

/// `GET /api/versions`.
pub fn versions(request: &Request) -> Reply {
    let versions = ApiVersion::ALL.into_iter().map(|version| {
        let path = match version {
            ApiVersion::V1_0 => "/api/v1.0/login",
            _ => "/api/sessions",
        };
        (version.to_string(), format!("{}{path}", request.base))
    });
    let all = SupportedVersions {
        versions: versions.collect(),
    };
    Reply::text(200, "text/xml", all.encode(ApiVersion::V1_0))
}

fn unauthorized() -> Refusal {
    no(
        401,
        "ACCESS_TO_RESOURCE_IS_FORBIDDEN",
        "This operation is denied.",
    )
}

/// `user@org` and the password of a request.
fn shown(request: &Request) -> Option<(String, String, String)> {
    let basic = request.header("authorization")?;
    let encoded = basic.strip_prefix("Basic ")?;
    let plain = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (who, password) = plain.split_once(':')?;
    let (user, org) = who.rsplit_once('@')?;
    Some((user.to_owned(), org.to_owned(), password.to_owned()))
}

/// `POST` to the address that the versions name.
pub fn log_in(
    world: &mut World,
    request: &Request,
    version: ApiVersion,
    root: &str,
    old: bool,
) -> Done {
    let (user, org, password) = shown(request).ok_or_else(unauthorized)?;
    let mut known = world.settings.vcloud.users.iter();
    known
        .find(|known| known.name == user && known.org == org && known.password == password)
        .ok_or_else(unauthorized)?;
    let tenant = world.cloud.tenant(&org).ok_or_else(unauthorized)?;
    let token = world.uuid().replace('-', "");
    let session = Session {
        user: user.clone(),
        org: org.clone(),
        used: world.cloud.now(),
        old,
    };
    let keep = world.settings.vcloud.sessions;
    world.vcloud.add_session(token.clone(), session, keep);
    let ctx = Ctx {
        version,
        root: root.to_owned(),
        org: tenant.id,
        org_name: org,
        user,
        old,
    };
    let reply = match version {
        ApiVersion::V1_0 => {
            let list = OrgList {
                orgs: vec![Reference::to("org", &ctx.org_name, org::org_href(&ctx))],
            };
            document(200, "orgList", version, &list)
        }
        _ => self::session(&ctx),
    };
    Ok(reply
        .with(HEADER, token.as_str())
        .with("set-cookie", format!("vcloud-token={token}; Path=/")))
}

/// `GET /api/session`.
pub fn session(ctx: &Ctx) -> Reply {
    let session = Shown {
        user: ctx.user.clone(),
        org: ctx.org_name.clone(),
        href: format!("{}/session/", ctx.root),
        links: vec![
            Link::to("down", "orgList", None, format!("{}/org/", ctx.root)),
            Link::to("down", "org", Some(&ctx.org_name), org::org_href(ctx)),
            Link::act("remove", format!("{}/session/", ctx.root)),
        ],
    };
    document(200, "session", ctx.version, &session)
}

/// The session's token, by header or cookie.
fn token(request: &Request) -> Option<&str> {
    if let Some(token) = request.header(HEADER) {
        return Some(token);
    }
    let mut parts = request.header("cookie")?.split(';').map(str::trim);
    parts.find_map(|part| part.strip_prefix("vcloud-token="))
}

/// Who asks.
pub fn who(
    world: &mut World,
    request: &Request,
    version: ApiVersion,
    root: String,
) -> Result<Ctx, Refusal> {
    let now = world.cloud.now();
    let idle = Duration::from_secs(world.settings.vcloud.idle_seconds);
    let session = token(request).and_then(|token| world.vcloud.session(token, now, idle));
    let session = session.ok_or_else(unauthorized)?;
    let org: TenantId = world
        .cloud
        .tenant(&session.org)
        .ok_or_else(unauthorized)?
        .id;
    Ok(Ctx {
        version,
        root,
        org,
        org_name: session.org,
        user: session.user,
        old: session.old,
    })
}

/// Ends a session.
pub fn log_out(world: &mut World, request: &Request) -> Reply {
    if let Some(token) = token(request) {
        world.vcloud.end_session(token);
    }
    Reply::empty(204)
}
