//! A cloud that does what a test's script says: real HTTP over loopback, replies lost or withheld at will.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::clock::{Clock, SystemClock};
use crate::proto::cloudstack::{Command, Secret};

/// A command as it came.
#[derive(Clone, Debug)]
pub struct Asked {
    pub method: String,
    pub command: Command,
    /// Whether its signature is that of the test's key.
    pub signed: bool,
}

impl Asked {
    pub fn name(&self) -> &str {
        self.command.name()
    }

    pub fn get(&self, name: &str) -> &str {
        self.command.get(name).unwrap_or_default()
    }
}

/// What the script answers.
pub enum Answer {
    /// Members of the reply.
    Reply(Value),
    /// An error with its code.
    No(u16, &'static str),
    /// A page with a status.
    Page(u16, String),
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
            task,
        }
    }

    /// From now on another script.
    pub fn play(&self, script: impl FnMut(&Asked) -> Answer + Send + 'static) {
        *self.script.lock().unwrap() = Box::new(script);
    }

    pub fn count(&self, name: &str) -> usize {
        let asked = self.asked.lock().unwrap();
        asked.iter().filter(|asked| asked.name() == name).count()
    }

    pub fn last(&self, name: &str) -> Asked {
        let asked = self.asked.lock().unwrap();
        let mut found = asked.iter().rev().filter(|asked| asked.name() == name);
        found.next().unwrap().clone()
    }
}

type Parts = (Arc<Mutex<Vec<Asked>>>, Arc<Mutex<Script>>);

async fn serve(mut stream: TcpStream, (record, script): Parts) {
    while let Some(asked) = read(&mut stream).await {
        record.lock().unwrap().push(asked.clone());
        let answer = (script.lock().unwrap())(&asked);
        let (status, body) = match answer {
            Answer::Reply(members) => (
                200,
                json!({ asked.command.reply_name(): members }).to_string(),
            ),
            Answer::No(code, text) => {
                let error = json!({"uuidList": [], "errorcode": code, "cserrorcode": 4350, "errortext": text});
                (
                    code,
                    json!({ asked.command.reply_name(): error }).to_string(),
                )
            }
            Answer::Page(status, page) => (status, page),
            Answer::Lost => return,
            Answer::Hang => {
                tokio::time::sleep(Duration::from_secs(60)).await;
                return;
            }
        };
        let text = format!(
            "HTTP/1.1 {status} x\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
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
    let first = head.lines().next().unwrap();
    let (method, rest) = first.split_once(' ').unwrap();
    let target = rest.split(' ').next().unwrap();
    let length: usize = head
        .lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .map_or(0, |(_, value)| value.trim().parse().unwrap());
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
    // both as a browser's form is read
    let query = format!(
        "http://x/?{}&{}",
        target.split_once('?').map_or("", |(_, query)| query),
        String::from_utf8(body).unwrap()
    );
    let query = reqwest::Url::parse(&query).unwrap();
    let params = query
        .query_pairs()
        .filter(|(name, _)| !name.is_empty())
        .map(|(name, value)| (name.into_owned(), value.into_owned()));
    let command = Command {
        params: params.collect(),
    };
    let secret = Secret::new(&super::secret());
    Some(Asked {
        method: method.to_owned(),
        signed: secret.verify(&command, SystemClock::new().wall()).is_ok(),
        command,
    })
}
