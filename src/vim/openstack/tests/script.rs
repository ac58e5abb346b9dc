//! A cloud that does what a test's script says: real HTTP over loopback, replies lost or withheld at will.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Asked {
    pub method: String,
    /// Path and query.
    pub target: String,
    pub headers: Vec<(String, String)>,
    pub body: Value,
}

impl Asked {
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    /// `GET /v2.1/servers/x`, without the query.
    pub fn line(&self) -> String {
        let path = self.target.split('?').next().unwrap_or_default();
        format!("{} {path}", self.method)
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

type Script = Box<dyn FnMut(&Asked) -> Option<Answer> + Send>;

/// The cloud.
pub struct Cloud {
    pub address: String,
    pub asked: Arc<Mutex<Vec<Asked>>>,
    script: Arc<Mutex<Script>>,
    /// Lifetime of tokens, roles, highest microversion, the compute service's path.
    pub face: Arc<Mutex<Face>>,
    task: tokio::task::JoinHandle<()>,
}

pub struct Face {
    pub token_seconds: u32,
    pub role: &'static str,
    pub highest: &'static str,
    pub compute: &'static str,
    logins: u32,
}

impl Drop for Cloud {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Cloud {
    pub async fn start(script: impl FnMut(&Asked) -> Option<Answer> + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let asked: Arc<Mutex<Vec<Asked>>> = Arc::default();
        let script: Arc<Mutex<Script>> = Arc::new(Mutex::new(Box::new(script)));
        let face = Arc::new(Mutex::new(Face {
            token_seconds: 3600,
            role: "admin",
            highest: "2.95",
            compute: "/v2.1",
            logins: 0,
        }));
        let parts = (asked.clone(), script.clone(), face.clone(), address.clone());
        let task = tokio::spawn(async move {
            loop {
                let Ok((stream, _)) = listener.accept().await else {
                    return;
                };
                tokio::spawn(serve(stream, parts.clone()));
            }
        });
        Self {
            address,
            asked,
            script,
            face,
            task,
        }
    }

    /// From now on another script.
    pub fn play(&self, script: impl FnMut(&Asked) -> Option<Answer> + Send + 'static) {
        *self.script.lock().unwrap() = Box::new(script);
    }

    pub fn count(&self, line: &str) -> usize {
        let asked = self.asked.lock().unwrap();
        asked.iter().filter(|asked| asked.line() == line).count()
    }

    pub fn last(&self, line: &str) -> Asked {
        let asked = self.asked.lock().unwrap();
        asked
            .iter()
            .rev()
            .find(|asked| asked.line() == line)
            .unwrap()
            .clone()
    }
}

type Parts = (
    Arc<Mutex<Vec<Asked>>>,
    Arc<Mutex<Script>>,
    Arc<Mutex<Face>>,
    String,
);

async fn serve(mut stream: TcpStream, (record, script, face, address): Parts) {
    while let Some(asked) = read(&mut stream).await {
        record.lock().unwrap().push(asked.clone());
        let scripted = (script.lock().unwrap())(&asked);
        let answer = scripted.unwrap_or_else(|| usual(&asked, &mut face.lock().unwrap(), &address));
        let (status, headers, body) = match answer {
            Answer::Json(status, body) => (status, Vec::new(), body.to_string()),
            Answer::With(status, headers, body) => (status, headers, body.to_string()),
            Answer::Page(status, page) => (status, Vec::new(), page.to_owned()),
            Answer::Lost => return,
            Answer::Hang => {
                tokio::time::sleep(Duration::from_secs(60)).await;
                return;
            }
        };
        let body = if status == 204 { String::new() } else { body };
        let mut text = format!("HTTP/1.1 {status} x\r\ncontent-length: {}\r\n", body.len());
        for (name, value) in headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        text.push_str("\r\n");
        text.push_str(&body);
        if stream.write_all(text.as_bytes()).await.is_err() {
            return;
        }
    }
}

async fn read(stream: &mut TcpStream) -> Option<Asked> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(at) = bytes.windows(4).position(|four: &[u8]| four == b"\r\n\r\n") {
            break at;
        }
        let mut some = [0; 4096];
        match stream.read(&mut some).await {
            Ok(count) if count > 0 => bytes.extend_from_slice(&some[..count]),
            _ => return None,
        }
    };
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    let mut lines = head.lines();
    let mut first = lines.next().unwrap().split(' ');
    let (method, target) = (first.next().unwrap(), first.next().unwrap());
    let headers: Vec<(String, String)> = lines
        .map(|line| {
            let (name, value) = line.split_once(':').unwrap();
            (name.to_ascii_lowercase(), value.trim().to_owned())
        })
        .collect();
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let length: usize = length.map_or(0, |(_, value)| value.parse().unwrap());
    let mut body = bytes[end + 4..].to_vec();
    while body.len() < length {
        let mut some = vec![0; length - body.len()];
        let count = stream
            .read(&mut some)
            .await
            .ok()
            .filter(|count| *count > 0)?;
        body.extend_from_slice(&some[..count]);
    }
    Some(Asked {
        method: method.to_owned(),
        target: target.to_owned(),
        headers,
        body: serde_json::from_slice(&body).unwrap_or(Value::Null),
    })
}

/// What every cloud answers: logins, versions, and 404 to the rest.
fn usual(asked: &Asked, face: &mut Face, address: &str) -> Answer {
    match asked.line().as_str() {
        "POST /v3/auth/tokens" => {
            face.logins += 1;
            let entry = |kind: &str, path: &str| {
                json!({"type": kind, "id": kind, "name": kind, "endpoints": [{"interface": "public",
                    "region": "RegionOne", "url": format!("http://{address}{path}")}]})
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
