//! A cloud that does what a test's script says: real HTTP over loopback, replies lost or withheld at will.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Asked {
    pub method: String,
    pub path: String,
    pub headers: Vec<(String, String)>,
    pub body: String,
    /// Where the cloud is, for links.
    pub base: String,
}

impl Asked {
    /// Method and path in one.
    pub fn line(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    pub fn header(&self, name: &str) -> &str {
        let mut headers = self.headers.iter();
        let found = headers.find(|(known, _)| known == name);
        found.map_or("", |(_, value)| value)
    }
}

/// What the script answers.
pub enum Answer {
    /// A status and a document.
    Xml(u16, String),
    /// A document with a session.
    Session(String, &'static str),
    /// The connection is closed: the reply is lost.
    Lost,
    /// Nothing comes.
    Hang,
}

type Script = Box<dyn FnMut(&Asked) -> Answer + Send>;

/// The cloud.
pub struct Cloud {
    pub address: String,
    pub asked: Arc<Mutex<Vec<Asked>>>,
    script: Arc<Mutex<Script>>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Cloud {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Cloud {
    pub async fn start(script: impl FnMut(&Asked) -> Answer + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let asked: Arc<Mutex<Vec<Asked>>> = Arc::default();
        let script: Arc<Mutex<Script>> = Arc::new(Mutex::new(Box::new(script)));
        let parts = (asked.clone(), script.clone());
        let base = format!("http://{address}");
        let task = tokio::spawn(async move {
            loop {
                let Ok((stream, _)) = listener.accept().await else {
                    return;
                };
                tokio::spawn(serve(stream, parts.clone(), base.clone()));
            }
        });
        Self {
            address,
            asked,
            script,
            task,
        }
    }

    /// From now on another script.
    pub fn play(&self, script: impl FnMut(&Asked) -> Answer + Send + 'static) {
        *self.script.lock().unwrap() = Box::new(script);
    }

    pub fn count(&self, line: &str) -> usize {
        let asked = self.asked.lock().unwrap();
        asked.iter().filter(|asked| asked.line() == line).count()
    }

    pub fn last(&self, line: &str) -> Asked {
        let asked = self.asked.lock().unwrap();
        let mut found = asked.iter().rev().filter(|asked| asked.line() == line);
        found
            .next()
            .unwrap_or_else(|| panic!("never asked: {line}"))
            .clone()
    }

    /// What changed something, in order.
    pub fn changes(&self) -> Vec<String> {
        let asked = self.asked.lock().unwrap();
        let changes = asked.iter().filter(|asked| asked.method != "GET");
        let lines = changes.map(Asked::line);
        lines
            .filter(|line| !line.ends_with("/sessions") && !line.ends_with("/login"))
            .collect()
    }
}

type Parts = (Arc<Mutex<Vec<Asked>>>, Arc<Mutex<Script>>);

async fn serve(mut stream: TcpStream, (record, script): Parts, base: String) {
    while let Some(asked) = read(&mut stream, &base).await {
        record.lock().unwrap().push(asked.clone());
        let answer = (script.lock().unwrap())(&asked);
        let (status, token, body) = match answer {
            Answer::Xml(status, body) => (status, String::new(), body),
            Answer::Session(body, token) => {
                (200, format!("x-vcloud-authorization: {token}\r\n"), body)
            }
            Answer::Lost => return,
            Answer::Hang => {
                tokio::time::sleep(Duration::from_secs(60)).await;
                return;
            }
        };
        let text = format!(
            "HTTP/1.1 {status} x\r\n{token}content-length: {}\r\n\r\n{body}",
            body.len()
        );
        if stream.write_all(text.as_bytes()).await.is_err() {
            return;
        }
    }
}

async fn read(stream: &mut TcpStream, base: &str) -> Option<Asked> {
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
    let (first, rest) = head.split_once("\r\n").unwrap();
    let (method, target) = first.split_once(' ').unwrap();
    let headers: Vec<(String, String)> = rest
        .lines()
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_lowercase(), value.trim().to_owned()))
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
        path: target.split(' ').next().unwrap().to_owned(),
        headers,
        body: String::from_utf8(body).unwrap(),
        base: base.to_owned(),
    })
}
