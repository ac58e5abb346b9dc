//! The gate: what every request passes before its handler, and every answer after it.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::Request;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, Method, StatusCode, header};

use super::body::Body;
use super::query::Query;
use super::reply::{Outcome, Problem, Reply, json, put};
use super::resource::Resource;
use super::server::App;
use super::target::Places;
use super::{instances, modify, occurrences, openapi, subscriptions, tasks};
use crate::audit::{AuditRecord, Outcome as Verdict};
use crate::datastore::Nacm;
use crate::proto::sol003::{ApiVersionInformation, Major};

/// Name of the header that says which version is spoken.
pub(super) const VERSION: HeaderName = HeaderName::from_static("version");

/// A request as its handler sees it.
pub(super) struct Call {
    pub app: Arc<App>,
    /// Who asks; empty: nobody has to say.
    pub user: String,
    /// What the user may do.
    pub access: Nacm,
    pub places: Places,
    pub query: Query,
    pub headers: HeaderMap,
    pub body: Body,
}

/// Answers a request.
pub(super) async fn answer(app: Arc<App>, peer: SocketAddr, request: Request) -> Reply {
    let (parts, body) = request.into_parts();
    let resource = Resource::find(parts.uri.path());
    let major = resource.as_ref().and_then(Resource::major);
    let version = major.map(|major| spoken(&parts.headers, major));
    // What is not there is not there in a version.
    let major = major.or_else(|| match resource {
        None => Resource::major_of(parts.uri.path()),
        Some(_) => None,
    });
    let outcome = match resource {
        None => Err(Problem::new(
            StatusCode::NOT_FOUND,
            format!("there is no resource {}", parts.uri.path()),
        )),
        Some(resource) => pass(app, peer, &parts, body, resource, version.clone()).await,
    };
    let mut reply = outcome.unwrap_or_else(Problem::reply);
    let spoken = match (version, major) {
        (Some(Ok(version)), _) => Some(version),
        (_, Some(major)) => Some(major.newest()),
        _ => None,
    };
    if let Some(version) = spoken {
        put(&mut reply, VERSION, version);
    }
    if parts.method == Method::HEAD {
        *reply.body_mut() = axum::body::Body::empty();
    }
    reply
}

async fn pass(
    app: Arc<App>,
    peer: SocketAddr,
    parts: &Parts,
    body: axum::body::Body,
    resource: Resource,
    version: Option<Result<&'static str, Problem>>,
) -> Outcome {
    let methods = resource.methods();
    if !methods.contains(&parts.method) {
        let allowed: Vec<&str> = methods.iter().map(Method::as_str).collect();
        let text = format!("{} is not a method of this resource", parts.method);
        return Err(Problem::new(StatusCode::METHOD_NOT_ALLOWED, text)
            .with(header::ALLOW, allowed.join(", ")));
    }
    if resource == Resource::Token {
        let body = Body::read(&parts.headers, body, app.settings.body_bytes.get()).await?;
        return app.logins.token(&parts.headers, &body.bytes, peer).await;
    }
    let user = app.logins.user(&parts.headers, peer).await?;
    if let Some(version) = version {
        version?;
    }
    accepts(&parts.headers)?;
    let body = Body::read(&parts.headers, body, app.settings.body_bytes.get()).await?;
    let major = resource.major().unwrap_or(Major::V2);
    let trace = trace(parts, &user, peer);
    let call = Call {
        access: app.access(&user),
        places: app.places(&parts.headers, major),
        query: Query::parse(parts.uri.query())?,
        headers: parts.headers.clone(),
        user,
        app,
        body,
    };
    let Some(record) = trace else {
        return look(call, resource).await;
    };
    let underway = call.app.control.audit().begin(record);
    let outcome = handle(&call, &parts.method, resource).await;
    let (result, reason) = match &outcome {
        Ok(_) => (Verdict::Done, None),
        Err(problem) => {
            let details = &problem.details;
            let reason = format!("{}: {}", details.status, details.detail);
            let refused = details.status < 500;
            let result = if refused {
                Verdict::Refused
            } else {
                Verdict::Failed
            };
            (result, Some(reason))
        }
    };
    underway.end(result, reason).await;
    outcome
}

/// The record of a request that asks for something, without its body; reading is not recorded.
fn trace(parts: &Parts, user: &str, peer: SocketAddr) -> Option<AuditRecord> {
    if parts.method == Method::GET {
        return None;
    }
    let who = if user.is_empty() { "nobody" } else { user };
    let mut record = AuditRecord::new(who, "sol003", Verdict::Failed);
    record.from = Some(peer.to_string());
    record.target = Some(parts.uri.path().to_owned());
    record.detail = Some(parts.method.to_string());
    record.reason = Some("the connection ended before the answer".to_owned());
    Some(record)
}

/// A request that reads. Lists are filtered on what each entry shows, which can take long: off the I/O threads, some
/// at a time.
async fn look(call: Call, resource: Resource) -> Outcome {
    let list = match resource {
        Resource::Instances(_) => instances::list,
        Resource::Occurrences(_) => occurrences::list,
        Resource::Subscriptions(_) => subscriptions::list,
        _ => return handle(&call, &Method::GET, resource).await,
    };
    let app = call.app.clone();
    let broken = |_| Problem::new(StatusCode::SERVICE_UNAVAILABLE, "no list can be made now");
    let _turn = app.lists.acquire().await.map_err(broken)?;
    let made = tokio::task::spawn_blocking(move || list(&call)).await;
    made.map_err(|error| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))?
}

async fn handle(call: &Call, method: &Method, resource: Resource) -> Outcome {
    match resource {
        Resource::Token => Err(Problem::bad("this is the token endpoint")),
        Resource::Versions(major) => {
            let majors = major.map_or(Major::ALL.to_vec(), |major| vec![major]);
            Ok(json(StatusCode::OK, &ApiVersionInformation::of(&majors)))
        }
        Resource::Document(major) => Ok(json(StatusCode::OK, &openapi::document(major))),
        Resource::Instances(_) => instances::create(call).await,
        Resource::Instance(_, id) => match *method {
            Method::PATCH => modify::modify(call, &id).await,
            Method::DELETE => instances::delete(call, &id).await,
            _ => instances::read(call, &id),
        },
        Resource::InstanceTask(_, id, task) => tasks::begin(call, &id, task).await,
        Resource::Occurrences(_) => occurrences::list(call),
        Resource::Occurrence(_, id) => occurrences::read(call, &id),
        Resource::OccurrenceTask(_, id, task) => occurrences::task(call, &id, task).await,
        Resource::Subscriptions(_) => subscriptions::create(call).await,
        Resource::Subscription(_, id) if *method == Method::DELETE => {
            subscriptions::delete(call, &id).await
        }
        Resource::Subscription(_, id) => subscriptions::read(call, &id),
    }
}

/// The version that is asked for (SOL 013 clause 9.4): 400 without, 406 for one that is not served. The first
/// editions of API version 1 knew no such header, and python-tackerclient does not always send it there.
fn spoken(headers: &HeaderMap, major: Major) -> Result<&'static str, Problem> {
    let asked = match (headers.get(VERSION), major) {
        (Some(asked), _) => asked,
        (None, Major::V1) => return Ok(major.newest()),
        (None, Major::V2) => return Err(Problem::bad("the header Version is missing")),
    };
    let asked = asked
        .to_str()
        .map_err(|_| Problem::bad("the header Version cannot be read"))?;
    major.answer(asked).ok_or_else(|| {
        let text = format!(
            "version [{asked}] is not served: {}",
            major.versions().join(", ")
        );
        Problem::new(StatusCode::NOT_ACCEPTABLE, text)
    })
}

/// JSON is all we speak (SOL 013 clause 4.2): 406 for who takes none.
fn accepts(headers: &HeaderMap) -> Result<(), Problem> {
    let mut any = false;
    for value in headers.get_all(header::ACCEPT) {
        let value = String::from_utf8_lossy(value.as_bytes()).to_ascii_lowercase();
        for range in value.split(',').filter(|range| !range.trim().is_empty()) {
            any = true;
            let mut parts = range.split(';').map(str::trim);
            let kind = parts.next().unwrap_or_default();
            let refused = parts.any(|part| part == "q=0" || part == "q=0.0");
            if matches!(kind, "*/*" | "application/*" | "application/json") && !refused {
                return Ok(());
            }
        }
    }
    match any {
        false => Ok(()),
        true => Err(Problem::new(
            StatusCode::NOT_ACCEPTABLE,
            "answers are application/json",
        )),
    }
}
