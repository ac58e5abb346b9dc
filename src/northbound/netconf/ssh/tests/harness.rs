//! A server with a tiny session behind it, and users in memory.
//!
//! The session greets with `hello\n`, echoes every line, and knows `big N` (N octets, then `\n`),
//! `late` (answers after a moment), `silent` (never reads again), `panic` and `bye`.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use russh::keys::{Algorithm, PrivateKey};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use super::super::{
    AuthUnavailable, Authenticator, ClientKey, Identity, KeyProof, SshServer, SshSettings,
};
use crate::clock::SystemClock;
use crate::northbound::netconf::transport::{
    BoxFuture, EndReason, Leave, Peer, Refused, Session, SessionControl, SessionHandler, SessionIo,
};

pub struct Users {
    pub keys: Mutex<Vec<Vec<u8>>>,
    pub asked: AtomicUsize,
}

impl Authenticator for Users {
    fn password<'a>(
        &'a self,
        user: &'a str,
        password: &'a str,
        _peer: SocketAddr,
    ) -> BoxFuture<'a, Result<Option<Identity>, AuthUnavailable>> {
        Box::pin(async move {
            self.asked.fetch_add(1, Ordering::SeqCst);
            Ok((password == format!("{user}-secret")).then(|| Identity { user: user.into() }))
        })
    }

    fn public_key<'a>(
        &'a self,
        user: &'a str,
        key: ClientKey<'a>,
        _proof: KeyProof,
        _peer: SocketAddr,
    ) -> BoxFuture<'a, Result<Option<Identity>, AuthUnavailable>> {
        Box::pin(async move {
            assert!(key.fingerprint.starts_with("SHA256:"));
            let known = self.keys.lock().unwrap().iter().any(|k| k == key.blob);
            Ok(known.then(|| Identity { user: user.into() }))
        })
    }
}

#[derive(Default)]
pub struct Sessions {
    pub limit: Option<usize>,
    pub open: Arc<AtomicUsize>,
    pub received: Arc<AtomicUsize>,
    pub controls: Mutex<Vec<(Arc<str>, SessionControl)>>,
    pub ends: Arc<Mutex<Vec<EndReason>>>,
    pub mute: bool,
}

struct Place(Arc<AtomicUsize>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

struct Tiny {
    _place: Place,
    sessions: Arc<Sessions>,
}

/// `Sessions` behind the pointer that its sessions share.
pub struct Shared(pub Arc<Sessions>);

impl SessionHandler for Shared {
    fn admit(&self, _peer: &Peer) -> Result<Box<dyn Session>, Refused> {
        let sessions = Arc::clone(&self.0);
        if sessions
            .limit
            .is_some_and(|n| sessions.open.load(Ordering::SeqCst) >= n)
        {
            return Err(Refused("too many sessions".to_owned()));
        }
        sessions.open.fetch_add(1, Ordering::SeqCst);
        Ok(Box::new(Tiny {
            _place: Place(Arc::clone(&sessions.open)),
            sessions,
        }))
    }
}

impl Session for Tiny {
    fn run(self: Box<Self>, mut io: SessionIo) -> BoxFuture<'static, Leave> {
        Box::pin(async move {
            let user = Arc::clone(&io.peer.user);
            let control = io.control.clone();
            let entry = (user, control.clone());
            self.sessions.controls.lock().unwrap().push(entry);
            if !self.sessions.mute {
                control.established();
            }
            match self.talk(&mut io).await {
                Ok(()) => Leave::Gracefully,
                Err(reason) => {
                    self.sessions.ends.lock().unwrap().push(reason);
                    Leave::Broken
                }
            }
        })
    }
}

impl Tiny {
    async fn talk(&self, io: &mut SessionIo) -> Result<(), EndReason> {
        let mut line = Vec::new();
        send(io, Bytes::from_static(b"hello\n")).await?;
        loop {
            let bytes = tokio::select! {
                bytes = io.reader.read() => bytes?,
                () = io.control.draining() => return Ok(()),
            };
            let Some(bytes) = bytes else { return Ok(()) };
            self.sessions
                .received
                .fetch_add(bytes.len(), Ordering::SeqCst);
            for byte in bytes {
                if byte != b'\n' {
                    line.push(byte);
                    continue;
                }
                let text = String::from_utf8(std::mem::take(&mut line)).unwrap();
                match text.split_once(' ').unwrap_or((&text, "")) {
                    ("big", n) => {
                        let mut left: usize = n.parse().unwrap();
                        let chunk = Bytes::from(vec![b'x'; 64 * 1024]);
                        while left > 0 {
                            let now = left.min(chunk.len());
                            send(io, chunk.slice(..now)).await?;
                            left -= now;
                        }
                        send(io, Bytes::from_static(b"\n")).await?;
                    }
                    ("late", _) => {
                        tokio::time::sleep(Duration::from_millis(300)).await;
                        send(io, Bytes::from_static(b"late\n")).await?;
                    }
                    ("silent", _) => return Err(io.control.ended().await),
                    ("panic", _) => panic!("as asked"),
                    ("bye", _) => {
                        send(io, Bytes::from_static(b"bye\n")).await?;
                        return Ok(());
                    }
                    _ => send(io, Bytes::from(format!("{text}\n"))).await?,
                }
            }
        }
    }
}

async fn send(io: &mut SessionIo, bytes: Bytes) -> Result<(), EndReason> {
    io.writer.write(bytes).await.map_err(|error| match error {
        crate::northbound::netconf::transport::WriteError::Ended(reason) => reason,
    })
}

/// A running server with its runtime.
pub struct Server {
    pub address: SocketAddr,
    pub users: Arc<Users>,
    pub sessions: Arc<Sessions>,
    pub server: Option<SshServer>,
    pub runtime: Runtime,
}

/// Settings whose rejections do not take a second.
pub fn quick() -> SshSettings {
    SshSettings {
        auth_rejection_milliseconds: 1,
        ..SshSettings::default()
    }
}

impl Server {
    pub fn start(settings: SshSettings) -> Self {
        Self::with(settings, Sessions::default())
    }

    pub fn with(settings: SshSettings, sessions: Sessions) -> Self {
        let runtime = Runtime::new().unwrap();
        let users = Arc::new(Users {
            keys: Mutex::default(),
            asked: AtomicUsize::new(0),
        });
        let sessions = Arc::new(sessions);
        let key = PrivateKey::random(&mut rand::rng(), Algorithm::Ed25519).unwrap();
        let server = runtime.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            SshServer::start(
                listener,
                settings,
                vec![key],
                Arc::new(SystemClock::new()),
                users.clone(),
                Arc::new(Shared(Arc::clone(&sessions))),
            )
            .unwrap()
        });
        Self {
            address: server.address(),
            users,
            sessions,
            server: Some(server),
            runtime,
        }
    }

    pub fn counters(&self) -> super::super::Counters {
        self.server.as_ref().unwrap().counters()
    }

    pub fn shutdown(&mut self, drain: Duration) {
        let server = self.server.take().unwrap();
        self.runtime.block_on(server.shutdown(drain));
    }

    /// Logs in with libssh2.
    pub fn ssh2(&self, user: &str) -> ssh2::Session {
        let session = self.connect();
        session
            .userauth_password(user, &format!("{user}-secret"))
            .unwrap();
        session
    }

    /// Connects with libssh2 without logging in.
    pub fn connect(&self) -> ssh2::Session {
        let tcp = std::net::TcpStream::connect(self.address).unwrap();
        let mut session = ssh2::Session::new().unwrap();
        session.set_timeout(20_000);
        session.set_tcp_stream(tcp);
        session.handshake().unwrap();
        session
    }
}

/// Opens the subsystem and reads the greeting.
pub fn netconf(session: &ssh2::Session) -> ssh2::Channel {
    let mut channel = session.channel_session().unwrap();
    channel.subsystem("netconf").unwrap();
    assert_eq!(line(&mut channel), "hello");
    channel
}

/// Reads one line.
pub fn line(channel: &mut impl std::io::Read) -> String {
    let mut text = Vec::new();
    let mut byte = [0; 1];
    while channel.read(&mut byte).unwrap() == 1 && byte[0] != b'\n' {
        text.push(byte[0]);
    }
    String::from_utf8(text).unwrap()
}

/// Waits until `done`, at most five seconds.
#[track_caller]
pub fn eventually(what: &str, mut done: impl FnMut() -> bool) {
    for _ in 0..500 {
        if done() {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("never: {what}");
}

/// Runs an ignored test of this crate in a process of its own: for what concerns the whole process,
/// such as its memory or its open files.
#[track_caller]
pub fn alone(module: &str, test: &str) {
    let (_, module) = module.split_once("::").unwrap();
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "--ignored", "--nocapture"])
        .arg(format!("{module}::{test}"))
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && text.contains("1 passed"),
        "{text}"
    );
}
