//! A NETCONF server for tests of the client side: real SSH, scripted answers, events on demand.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::BytesMut;
use russh::keys::{Algorithm, PrivateKey};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use super::{Credentials, HostKeyCheck, Target};
use crate::clock::{SystemClock, Timestamp};
use crate::northbound::netconf::ssh::{
    AuthUnavailable, Authenticator, ClientKey, Identity, KeyProof, SshServer, SshSettings,
};
use crate::northbound::netconf::transport::{
    BoxFuture, EndReason, Leave, Peer, Refused, Session, SessionHandler, SessionIo,
};
use crate::proto::netconf::framing::{Decoder, Encoder, Framing};
use crate::xml;

/// What the server knows and how it behaves.
#[derive(Default)]
pub struct Script {
    /// The event log.
    pub events: Vec<Timestamp>,
    /// Lengths of subscriptions: after so many events the connection breaks.
    pub breaks: Vec<usize>,
    /// All requests, as they came.
    pub requests: Vec<String>,
    /// Speak base:1.0 only.
    pub old: bool,
}

pub struct Server {
    pub address: SocketAddr,
    pub script: Arc<Mutex<Script>>,
    _server: SshServer,
    _runtime: Runtime,
}

impl Server {
    pub fn start(script: Script) -> Self {
        let runtime = Runtime::new().unwrap();
        let script = Arc::new(Mutex::new(script));
        let key = PrivateKey::random(&mut rand::rng(), Algorithm::Ed25519).unwrap();
        let handler = Arc::new(Handler(Arc::clone(&script)));
        let server = runtime.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let settings = SshSettings {
                auth_rejection_milliseconds: 1,
                ..SshSettings::default()
            };
            let clock = Arc::new(SystemClock::new());
            let auth = Arc::new(Anybody);
            SshServer::start(listener, settings, vec![key], clock, auth, handler).unwrap()
        });
        Self {
            address: server.address(),
            script,
            _server: server,
            _runtime: runtime,
        }
    }

    pub fn target(&self, password: &str) -> Target {
        Target {
            host: "127.0.0.1".to_owned(),
            port: self.address.port(),
            user: "admin".to_owned(),
            credentials: Credentials::Password(password.to_owned()),
            host_key: HostKeyCheck::Accept,
            timeout: Duration::from_secs(20),
        }
    }
}

/// The password is `secret`, whoever asks.
struct Anybody;

impl Authenticator for Anybody {
    fn password<'a>(
        &'a self,
        user: &'a str,
        password: &'a str,
        _peer: SocketAddr,
    ) -> BoxFuture<'a, Result<Option<Identity>, AuthUnavailable>> {
        Box::pin(async move { Ok((password == "secret").then(|| Identity { user: user.into() })) })
    }

    fn public_key<'a>(
        &'a self,
        _user: &'a str,
        _key: ClientKey<'a>,
        _proof: KeyProof,
        _peer: SocketAddr,
    ) -> BoxFuture<'a, Result<Option<Identity>, AuthUnavailable>> {
        Box::pin(async { Ok(None) })
    }
}

struct Handler(Arc<Mutex<Script>>);

impl SessionHandler for Handler {
    fn admit(&self, _peer: &Peer) -> Result<Box<dyn Session>, Refused> {
        Ok(Box::new(Talk(Arc::clone(&self.0))))
    }
}

struct Talk(Arc<Mutex<Script>>);

impl Session for Talk {
    fn run(self: Box<Self>, io: SessionIo) -> BoxFuture<'static, Leave> {
        Box::pin(async move {
            let mut line = Line {
                io,
                encoder: Encoder::new(),
                decoder: Decoder::new(1 << 24),
            };
            match self.talk(&mut line).await {
                Ok(()) => Leave::Gracefully,
                Err(_) => Leave::Broken,
            }
        })
    }
}

struct Line {
    io: SessionIo,
    encoder: Encoder,
    decoder: Decoder,
}

impl Line {
    async fn send(&mut self, message: &str) -> Result<(), EndReason> {
        let mut out = BytesMut::new();
        self.encoder.push(message, &mut out);
        self.encoder.end(&mut out);
        let sent = self.io.writer.write(out.freeze()).await;
        sent.map_err(|_| EndReason::TransportLost)
    }

    async fn receive(&mut self) -> Result<Option<String>, EndReason> {
        loop {
            if let Some(message) = self.decoder.next_message().unwrap() {
                return Ok(Some(String::from_utf8(message).unwrap()));
            }
            match self.io.reader.read().await? {
                Some(bytes) => self.decoder.push(&bytes),
                None => return Ok(None),
            }
        }
    }
}

impl Talk {
    async fn talk(&self, line: &mut Line) -> Result<(), EndReason> {
        let old = self.0.lock().unwrap().old;
        let more = if old {
            ""
        } else {
            "<capability>\n urn:ietf:params:netconf:base:1.1 </capability>"
        };
        line.send(&format!("<hello xmlns=\"urn:ietf:params:xml:ns:netconf:base:1.0\"><capabilities><capability>urn:ietf:params:netconf:base:1.0</capability>{more}</capabilities><session-id>1</session-id></hello>")).await?;
        if line.receive().await?.is_none() {
            return Ok(());
        }
        if !old {
            line.encoder.switch(Framing::Chunked);
            line.decoder.switch(Framing::Chunked, 1 << 24);
        }
        line.io.control.established();
        while let Some(request) = line.receive().await? {
            self.0.lock().unwrap().requests.push(request.clone());
            let rpc = xml::parse_str(&request).unwrap();
            let id = rpc.attr("", "message-id").unwrap();
            let operation = rpc.elements().next().unwrap();
            let reply = |content: &str| {
                format!(
                    "<rpc-reply xmlns=\"urn:ietf:params:xml:ns:netconf:base:1.0\" message-id=\"{id}\">{content}</rpc-reply>"
                )
            };
            match &*operation.local {
                "close-session" => return line.send(&reply("<ok/>")).await,
                "create-subscription" => {
                    let start = operation.elements().find(|e| &*e.local == "startTime");
                    let start: Timestamp = start.unwrap().text().parse().unwrap();
                    line.send(&reply("<ok/>")).await?;
                    return self.stream(line, start).await;
                }
                "get" => {
                    line.send(&reply("<data><a xmlns=\"urn:a\"><b>ä</b></a></data>"))
                        .await?;
                }
                "chatter" => {
                    line.send(&notification(Timestamp::default())).await?;
                    line.send(&reply("<rpc-error><error-type>application</error-type><error-tag>operation-failed</error-tag><error-severity>warning</error-severity><error-message>mind\n the gap</error-message></rpc-error><ok/>")).await?;
                }
                "silence" => {}
                "leave" => return Ok(()),
                _ => line.send(&reply("<rpc-error><error-type>application</error-type><error-tag>data-missing</error-tag><error-severity>error</error-severity><error-path>/a/b</error-path><error-message>no such\nVM</error-message></rpc-error>")).await?,
            }
        }
        Ok(())
    }

    async fn stream(&self, line: &mut Line, start: Timestamp) -> Result<(), EndReason> {
        let mut after = start - Duration::from_micros(1);
        let mut sent = 0;
        let limit = {
            let mut script = self.0.lock().unwrap();
            if script.breaks.is_empty() {
                usize::MAX
            } else {
                script.breaks.remove(0)
            }
        };
        let mut replaying = true;
        let control = line.io.control.clone();
        loop {
            let next = {
                let script = self.0.lock().unwrap();
                script.events.iter().copied().find(|time| *time > after)
            };
            match next {
                Some(time) if sent < limit => {
                    line.send(&notification(time)).await?;
                    after = time;
                    sent += 1;
                }
                Some(_) => {
                    line.io.control.kill(EndReason::Killed("script".to_owned()));
                    return Err(EndReason::Shutdown);
                }
                None if replaying => {
                    replaying = false;
                    line.send("<notification xmlns=\"urn:ietf:params:xml:ns:netconf:notification:1.0\"><eventTime>2026-01-01T00:00:00Z</eventTime><replayComplete xmlns=\"urn:ietf:params:xml:ns:netmod:notification\"/></notification>").await?;
                }
                None => tokio::select! {
                    () = tokio::time::sleep(Duration::from_millis(2)) => {}
                    reason = control.ended() => return Err(reason),
                    request = line.receive() => {
                        if request?.is_none_or(|request| request.contains("close-session")) {
                            return Ok(());
                        }
                    }
                },
            }
        }
    }
}

fn notification(time: Timestamp) -> String {
    format!(
        "<notification xmlns=\"urn:ietf:params:xml:ns:netconf:notification:1.0\"><eventTime>{time}</eventTime><escEvent xmlns=\"http://www.cisco.com/esc/esc\"><status>SUCCESS</status><event><type>VM_ALIVE</type></event></escEvent></notification>"
    )
}
