//! A cloud that does what a test's script says: real HTTP over loopback, replies lost or withheld at will.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "of tests"
)]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::clock::{ManualClock, Timestamp};
use crate::engine::port::{Vim, VimError};
use crate::ids::VmId;
use crate::model::connector::{ConnectorSpec, SecretRef};

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Request {
    pub method: String,
    /// Path and query.
    pub target: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Request {
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    /// Method and path, without the query.
    pub fn line(&self) -> String {
        let path = self.target.split('?').next().unwrap_or_default();
        format!("{} {path}", self.method)
    }
}

/// What comes back.
pub enum Reply {
    /// Status, headers and body.
    Sent(u16, Vec<(&'static str, String)>, String),
    /// The connection is closed: the reply is lost.
    Lost,
    /// Nothing comes.
    Hang,
}

/// A request as one kind of cloud reads it, and its answers.
pub trait Asked: Clone + Send + 'static {
    /// What scripts answer.
    type Answer: 'static;

    fn read(request: Request) -> Self;

    /// What a script tells it by.
    fn name(&self) -> String;

    fn reply(&self, answer: Self::Answer) -> Reply;
}

type Script<A> = Box<dyn FnMut(&A) -> <A as Asked>::Answer + Send>;

/// What was asked, in order.
type Record<A> = Arc<Mutex<Vec<A>>>;

/// The cloud.
pub struct Cloud<A: Asked> {
    pub address: String,
    pub asked: Record<A>,
    script: Arc<Mutex<Script<A>>>,
    task: tokio::task::JoinHandle<()>,
}

impl<A: Asked> Drop for Cloud<A> {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl<A: Asked> Cloud<A> {
    pub async fn start(script: impl FnMut(&A) -> A::Answer + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let asked = Record::default();
        let script: Arc<Mutex<Script<A>>> = Arc::new(Mutex::new(Box::new(script)));
        let (record, playing) = (asked.clone(), script.clone());
        let task = tokio::spawn(async move {
            loop {
                let Ok((stream, _)) = listener.accept().await else {
                    return;
                };
                tokio::spawn(serve(stream, record.clone(), playing.clone()));
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
    pub fn play(&self, script: impl FnMut(&A) -> A::Answer + Send + 'static) {
        *self.script.lock().unwrap() = Box::new(script);
    }

    pub fn count(&self, name: &str) -> usize {
        let asked = self.asked.lock().unwrap();
        asked.iter().filter(|asked| asked.name() == name).count()
    }

    pub fn last(&self, name: &str) -> A {
        let asked = self.asked.lock().unwrap();
        let mut found = asked.iter().rev().filter(|asked| asked.name() == name);
        found
            .next()
            .unwrap_or_else(|| panic!("never asked: {name}"))
            .clone()
    }
}

/// What the environment of every test has; stands for a password or a secret key.
const VARIABLE: &str = "CARGO_MANIFEST_DIR";

pub fn secret() -> String {
    std::env::var(VARIABLE).unwrap()
}

/// What a connector of this kind says of a cloud at this address.
pub fn connector(
    kind: &str,
    user: &str,
    tenant: &str,
    address: &str,
    properties: &[(&str, &str)],
) -> ConnectorSpec {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    ConnectorSpec {
        id: "cloud".to_owned(),
        kind: kind.to_owned(),
        url: Some(format!("http://{address}")),
        user: Some(user.to_owned()),
        tenant: Some(tenant.to_owned()),
        secret: Some(SecretRef::Environment(VARIABLE.to_owned())),
        properties: properties.iter().map(owned).collect(),
    }
}

/// A driver with a pause of a second, of a cloud at an address where nothing listens: one request a second is sent
/// there. Gives what the first is told.
pub async fn asks_once_a_second<V: Vim>(
    make: impl FnOnce(&str, Arc<ManualClock>) -> V,
    id: &str,
) -> VimError {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    drop(listener);
    let clock = Arc::new(ManualClock::new(Timestamp::from_micros(0)));
    let vim = make(&address, clock.clone());
    let first = vim.describe(VmId::new(id)).await.unwrap_err();
    assert!(matches!(first, VimError::Down(_)), "{first:?}");
    // it comes up, but its next second has not come
    let listener = TcpListener::bind(&address).await.unwrap();
    for _ in 0..20 {
        let error = vim.describe(VmId::new(id)).await;
        assert!(matches!(error, Err(VimError::Down(_))));
    }
    let came = tokio::time::timeout(Duration::from_millis(50), listener.accept()).await;
    assert!(
        came.is_err(),
        "a request to a cloud that is down, before its second"
    );
    clock.advance(Duration::from_secs(1));
    let (asked, came) = tokio::join!(vim.describe(VmId::new(id)), listener.accept());
    assert!(came.is_ok() && asked.is_err());
    first
}

async fn serve<A: Asked>(mut stream: TcpStream, record: Record<A>, script: Arc<Mutex<Script<A>>>) {
    while let Some(request) = read(&mut stream).await {
        let asked = A::read(request);
        record.lock().unwrap().push(asked.clone());
        let reply = {
            let answer = (script.lock().unwrap())(&asked);
            asked.reply(answer)
        };
        let (status, headers, body) = match reply {
            Reply::Sent(status, headers, body) => (status, headers, body),
            Reply::Lost => return,
            Reply::Hang => {
                tokio::time::sleep(Duration::from_secs(60)).await;
                return;
            }
        };
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

async fn read(stream: &mut TcpStream) -> Option<Request> {
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
        .map(|line| line.split_once(':').unwrap())
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
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
    Some(Request {
        method: method.to_owned(),
        target: target.split(' ').next().unwrap().to_owned(),
        headers,
        body,
    })
}
