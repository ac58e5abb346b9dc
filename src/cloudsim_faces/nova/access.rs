//! Who asks, and the words of a refusal.

use serde::Serialize;

use super::super::http::{Reply, Request};
use super::super::world::World;
use crate::cloudsim::CallError;
use crate::ids::TenantId;
use crate::proto::nova::Fault;

/// Who asks, by the token shown.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Caller {
    /// User's id.
    pub user: String,
    /// Project's id; empty when the token is for none.
    pub project: String,
    /// Whether the user has the role `admin` there.
    pub admin: bool,
}

impl Caller {
    /// Whether it may see what belongs to a tenant.
    pub fn sees(&self, tenant: Option<&TenantId>) -> bool {
        self.admin || tenant.is_some_and(|tenant| tenant.as_str() == self.project)
    }

    /// Its tenant.
    pub fn tenant(&self) -> TenantId {
        TenantId::new(&self.project)
    }
}

/// The caller of a request; 401 when its token is missing, unknown or past its time.
pub fn caller(world: &World, request: &Request) -> Result<Caller, Reply> {
    let token = request
        .header("x-auth-token")
        .and_then(|id| world.nova.token(id, world.cloud.now()));
    match token {
        Some(token) => Ok(Caller {
            user: token.user.clone(),
            project: token.project.clone(),
            admin: world.nova.is_admin(&token.user, &token.project),
        }),
        None => Err(unauthorized(request)),
    }
}

/// As the services' common login layer refuses.
pub fn unauthorized(request: &Request) -> Reply {
    let words = "The request you have made requires authentication.";
    let document = serde_json::json!({
        "error": { "code": 401, "title": "Unauthorized", "message": words }
    });
    let realm = format!("Keystone uri=\"{}/identity\"", request.base);
    Reply::json(401, &document).with("www-authenticate", realm)
}

/// An error in Nova's form.
pub fn nova(code: u16, message: impl Into<String>) -> Reply {
    fault(code, &Fault::nova(code, message))
}

/// An error in Keystone's form.
pub fn keystone(code: u16, message: impl Into<String>) -> Reply {
    let title = match code {
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        409 => "Conflict",
        501 => "Not Implemented",
        _ => "Error",
    };
    let document = serde_json::json!({
        "error": { "code": code, "title": title, "message": message.into() }
    });
    Reply::json(code, &document)
}

/// An error in Neutron's form.
pub fn neutron(code: u16, kind: &str, message: impl Into<String>) -> Reply {
    let document = serde_json::json!({
        "NeutronError": { "type": kind, "message": message.into(), "detail": "" }
    });
    Reply::json(code, &document)
}

/// An error in Glance's form.
pub fn glance(code: u16, message: impl Into<String>) -> Reply {
    let message: String = message.into();
    let title = match code {
        400 => "400 Bad Request",
        403 => "403 Forbidden",
        404 => "404 Not Found",
        409 => "409 Conflict",
        415 => "415 Unsupported Media Type",
        501 => "501 Not Implemented",
        _ => "500 Internal Server Error",
    };
    let text = format!(
        "<html>\n <head>\n  <title>{title}</title>\n </head>\n <body>\n  <h1>{title}</h1>\n  {}<br /><br />\n\n\n\n </body>\n</html>",
        crate::xml::escape_text(&message)
    );
    Reply::text(code, "text/html; charset=UTF-8", text)
}

fn fault<T: Serialize>(code: u16, document: &T) -> Reply {
    Reply::json(code, document)
}

/// What the cloud said no to, in Nova's form.
pub fn refused(error: CallError) -> Reply {
    match error {
        CallError::Lost(_) | CallError::Down(_) => Reply::lost(),
        CallError::Refused(lines) => {
            let line = lines.first().map_or("", String::as_str);
            let plain = line.strip_prefix("VIM Driver: ").unwrap_or(line);
            let code = match plain {
                words if words.starts_with("Quota exceeded") => 403,
                words if words.ends_with("is in use") || words.contains(" is busy") => 409,
                _ => 400,
            };
            nova(code, plain)
        }
    }
}
