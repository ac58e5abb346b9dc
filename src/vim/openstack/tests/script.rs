//! An OpenStack that does what a test's script says, and what every cloud does where the script says nothing.

use std::ops::Deref;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::vim_http::scripted::{self, Reply, Request};

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Asked {
    request: Request,
    /// Path and query.
    pub target: String,
    pub body: Value,
}

impl Asked {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.request.header(name)
    }

    /// `GET /v2.1/servers/x`, without the query.
    pub fn line(&self) -> String {
        self.request.line()
    }
}

/// What the script answers.
pub enum Answer {
    Json(u16, Value),
    With(u16, Vec<(&'static str, String)>, Value),
    Page(u16, &'static str),
    /// The connection is closed: the reply is lost.
    Lost,
    /// Nothing comes.
    Hang,
}

impl scripted::Asked for Asked {
    type Answer = Answer;

    fn read(request: Request) -> Self {
        Self {
            target: request.target.clone(),
            body: serde_json::from_slice(&request.body).unwrap_or(Value::Null),
            request,
        }
    }

    fn name(&self) -> String {
        self.line()
    }

    fn reply(&self, answer: Answer) -> Reply {
        let (status, headers, body) = match answer {
            Answer::Json(status, body) => (status, Vec::new(), body.to_string()),
            Answer::With(status, headers, body) => (status, headers, body.to_string()),
            Answer::Page(status, page) => (status, Vec::new(), page.to_owned()),
            Answer::Lost => return Reply::Lost,
            Answer::Hang => return Reply::Hang,
        };
        let body = if status == 204 { String::new() } else { body };
        Reply::Sent(status, headers, body)
    }
}

/// The cloud.
pub struct Cloud {
    scripted: scripted::Cloud<Asked>,
    /// Lifetime of tokens, roles, highest microversion, the compute service's path.
    pub face: Arc<Mutex<Face>>,
}

pub struct Face {
    pub token_seconds: u32,
    pub role: &'static str,
    pub highest: &'static str,
    pub compute: &'static str,
    logins: u32,
}

impl Deref for Cloud {
    type Target = scripted::Cloud<Asked>;

    fn deref(&self) -> &Self::Target {
        &self.scripted
    }
}

impl Cloud {
    pub async fn start(script: impl FnMut(&Asked) -> Option<Answer> + Send + 'static) -> Self {
        let face = Arc::new(Mutex::new(Face {
            token_seconds: 3600,
            role: "admin",
            highest: "2.95",
            compute: "/v2.1",
            logins: 0,
        }));
        let scripted = scripted::Cloud::start(completed(script, face.clone())).await;
        Self { scripted, face }
    }

    /// From now on another script.
    pub fn play(&self, script: impl FnMut(&Asked) -> Option<Answer> + Send + 'static) {
        self.scripted.play(completed(script, self.face.clone()));
    }
}

fn completed(
    mut script: impl FnMut(&Asked) -> Option<Answer>,
    face: Arc<Mutex<Face>>,
) -> impl FnMut(&Asked) -> Answer {
    move |asked| script(asked).unwrap_or_else(|| usual(asked, &mut face.lock().unwrap()))
}

/// What every cloud answers: logins, versions, and 404 to the rest.
fn usual(asked: &Asked, face: &mut Face) -> Answer {
    match asked.line().as_str() {
        "POST /v3/auth/tokens" => {
            face.logins += 1;
            let host = asked.header("host").unwrap();
            let entry = |kind: &str, path: &str| {
                json!({"type": kind, "id": kind, "name": kind, "endpoints": [{"interface": "public",
                    "region": "RegionOne", "url": format!("http://{host}{path}")}]})
            };
            let project = asked
                .body
                .pointer("/auth/scope/project/id")
                .and_then(Value::as_str);
            let project = project.unwrap_or("own");
            let end = 5 * 3600 + face.token_seconds;
            let expires = format!(
                "2026-11-22T{:02}:{:02}:{:02}.000000Z",
                end / 3600,
                end / 60 % 60,
                end % 60
            );
            let token = json!({"methods": ["password"], "issued_at": "2026-11-22T05:00:00.000000Z", "expires_at": expires,
                "user": {"id": "u", "name": "admin"}, "project": {"id": project, "name": if project == "own" { "admin" } else { project }},
                "roles": [{"id": "r", "name": face.role}],
                "catalog": [entry("compute", face.compute), entry("image", "/image"), entry("network", "/network")]});
            let header = vec![("x-subject-token", format!("token-{}", face.logins))];
            Answer::With(201, header, json!({ "token": token }))
        }
        "GET /v2.1/" => Answer::Json(
            200,
            json!({"version": {"id": "v2.1", "status": "CURRENT", "version": face.highest, "min_version": "2.1"}}),
        ),
        _ => Answer::Json(
            404,
            json!({"itemNotFound": {"code": 404, "message": format!("no {}", asked.target)}}),
        ),
    }
}
