//! A raw NETCONF client over real SSH: sends any octets, reads what comes, and knows when the
//! channel was closed. It checks the server's framing to the letter while it reads.

// Two test binaries use it, each a part.
#![allow(dead_code)]

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use lifeline::auth::{NewUser, UserStore};
use lifeline::clock::{Clock, SystemClock};
use lifeline::daemon::server::{Options, Server};
use lifeline::daemon::settings::Settings;
use lifeline::xml::{self, Element};
use ssh2::{Channel, Session};
use tempfile::TempDir;
use tokio::runtime::Runtime;

pub const BASE: &str = "urn:ietf:params:xml:ns:netconf:base:1.0";
pub const NOTIFICATION: &str = "urn:ietf:params:xml:ns:netconf:notification:1.0";
pub const MONITORING: &str = "urn:ietf:params:xml:ns:yang:ietf-netconf-monitoring";
pub const BASE_EVENTS: &str = "urn:ietf:params:xml:ns:yang:ietf-netconf-notifications";
pub const ESC: &str = "http://www.cisco.com/esc/esc";
pub const SIM: &str = "urn:lifeline:yang:lifeline-sim";
const V1_0: &str = "urn:ietf:params:netconf:base:1.0";
const V1_1: &str = "urn:ietf:params:netconf:base:1.1";
const MARK: &str = "]]>]]>";
pub const USER: &str = "edge";
pub const PASSWORD: &str = "an edge is where things fall off";
/// Longest wait for something that has to come.
const PATIENCE: Duration = Duration::from_secs(15);

/// A server of its own.
pub struct Host {
    server: Serving,
    address: SocketAddr,
    dir: TempDir,
}

#[allow(clippy::large_enum_variant, reason = "one for each test")]
enum Serving {
    /// In this process.
    Here(Runtime, Option<Server>),
    /// The real binary.
    Process(Child),
}

fn data_dir() -> TempDir {
    let dir = tempfile::Builder::new()
        .permissions(PermissionsExt::from_mode(0o700))
        .tempdir()
        .unwrap();
    let users = UserStore::load(dir.path(), lifeline::auth::Settings::default()).unwrap();
    let new = NewUser {
        name: USER,
        password: Some(PASSWORD),
        ..NewUser::default()
    };
    users.add(&new, SystemClock::new().wall()).unwrap();
    dir
}

impl Host {
    pub fn start() -> Self {
        Self::start_in(data_dir())
    }

    /// Stops, and starts again over the same data directory.
    pub fn restart(&mut self) {
        let Serving::Here(runtime, server) = &mut self.server else {
            panic!("not of this process");
        };
        let stopping = server.take().unwrap();
        runtime.block_on(stopping.stop());
        let dir = std::mem::replace(&mut self.dir, tempfile::tempdir().unwrap());
        *self = Self::start_in(dir);
    }

    fn start_in(dir: tempfile::TempDir) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let options = Options {
            data_dir: dir.path().to_owned(),
            netconf: ([127, 0, 0, 1], 0).into(),
            http: None,
            http_insecure: false,
            settings: Settings::default(),
            clock: Arc::new(SystemClock::new()),
            seed: 1,
        };
        let server = runtime.block_on(Server::start(options)).unwrap();
        Self {
            address: server.address(),
            server: Serving::Here(runtime, Some(server)),
            dir,
        }
    }

    /// The real binary in a process of its own, whose memory can be looked at.
    pub fn process() -> Self {
        Self::process_with("", &[])
    }

    /// The real binary under these settings, run by this command, if any.
    pub fn process_with(settings: &str, runner: &[&str]) -> Self {
        let dir = data_dir();
        let config = dir.path().join("test.toml");
        std::fs::write(&config, settings).unwrap();
        let binary = env!("CARGO_BIN_EXE_lifeline");
        let (program, args) = runner.split_first().unwrap_or((&binary, &[]));
        let mut command = Command::new(program);
        if !runner.is_empty() {
            command.args(args).arg(binary);
        }
        let mut child = command
            .args(["serve", "--netconf", "127.0.0.1:0", "--data-dir"])
            .arg(dir.path())
            .arg("--config")
            .arg(&config)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        out.read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("listening netconf ");
        Self {
            address: address.expect(&line).parse().unwrap(),
            server: Serving::Process(child),
            dir,
        }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The process it runs in.
    pub fn pid(&self) -> u32 {
        match &self.server {
            Serving::Here(..) => std::process::id(),
            Serving::Process(child) => child.id(),
        }
    }

    /// Its data directory.
    pub fn data(&self) -> &std::path::Path {
        self.dir.path()
    }

    /// A figure of the server's process in MiB, such as `VmRSS`.
    pub fn memory(&self, figure: &str) -> u64 {
        let Serving::Process(child) = &self.server else {
            panic!("shares this process");
        };
        let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with(figure));
        let kib = line.unwrap().split_whitespace().nth(1).unwrap();
        kib.parse::<u64>().unwrap() / 1024
    }

    /// A channel with the subsystem, nothing sent, nothing read.
    pub fn silent(&self) -> Peer {
        self.silent_over(TcpStream::connect(self.address).unwrap())
    }

    /// As [`Host::silent`], over a connection that is there.
    pub fn silent_over(&self, stream: TcpStream) -> Peer {
        self.silent_as(USER, stream)
    }

    /// As [`Host::silent_over`], of another user with the same password.
    pub fn silent_as(&self, user: &str, stream: TcpStream) -> Peer {
        assert!(self.dir.path().exists());
        stream.set_nodelay(true).unwrap();
        let mut session = Session::new().unwrap();
        session.set_tcp_stream(stream);
        session.set_timeout(30_000);
        session.handshake().unwrap();
        session.userauth_password(user, PASSWORD).unwrap();
        let mut channel = session.channel_session().unwrap();
        channel.subsystem("netconf").unwrap();
        Peer {
            session,
            channel,
            input: Vec::new(),
            chunked: false,
            closed: false,
            id: 100,
            own_id: 0,
        }
    }

    /// A channel on which the server's hello was read.
    pub fn greeted(&self) -> (Peer, Element) {
        let mut peer = self.silent();
        let hello = peer.message();
        let hello = parse(&hello);
        let id = hello.child(BASE, "session-id").unwrap().text();
        peer.own_id = id.parse().unwrap();
        (peer, hello)
    }

    /// An open base:1.1 session.
    pub fn peer(&self) -> Peer {
        let (mut peer, _) = self.greeted();
        peer.send(hello(&[V1_0, V1_1]) + MARK);
        peer.chunked = true;
        peer
    }

    /// An open base:1.1 session of another user with the same password.
    pub fn peer_of(&self, user: &str) -> Peer {
        let mut peer = self.silent_as(user, TcpStream::connect(self.address).unwrap());
        peer.message();
        peer.send(hello(&[V1_0, V1_1]) + MARK);
        peer.chunked = true;
        peer
    }

    /// An open base:1.0 session.
    pub fn old_peer(&self) -> Peer {
        let (mut peer, _) = self.greeted();
        peer.send(hello(&[V1_0]) + MARK);
        peer
    }

    /// Still serves a new session.
    pub fn lives(&self) {
        let mut peer = self.peer();
        let reply = peer.rpc("<get-config><source><running/></source></get-config>");
        assert!(reply.contains("<data"), "{reply}");
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        match &mut self.server {
            Serving::Here(runtime, server) => {
                if let Some(server) = server.take() {
                    runtime.block_on(server.stop());
                }
            }
            Serving::Process(child) => {
                let _ = child.kill();
                let _ = child.wait();
            }
        }
    }
}

pub fn hello(capabilities: &[&str]) -> String {
    let list = capabilities.iter().fold(String::new(), |mut list, uri| {
        write!(list, "<capability>{uri}</capability>").unwrap();
        list
    });
    format!("<hello xmlns=\"{BASE}\"><capabilities>{list}</capabilities></hello>")
}

pub fn chunk(message: &str) -> String {
    format!("\n#{}\n{message}\n##\n", message.len())
}

pub fn parse(text: &str) -> Element {
    xml::parse(text.as_bytes(), &xml::Limits::default())
        .unwrap_or_else(|error| panic!("not well-formed: {error}: {text:.2000}"))
}

/// What reading brought.
#[derive(Debug, PartialEq)]
pub enum Got {
    Message(String),
    Closed,
    Quiet,
}

/// One SSH channel.
pub struct Peer {
    session: Session,
    pub channel: Channel,
    input: Vec<u8>,
    pub chunked: bool,
    closed: bool,
    id: u32,
    /// The session-id the server gave.
    pub own_id: u32,
}

impl Peer {
    /// Sends octets as they are; a server that has closed is not this function's business.
    pub fn send(&mut self, octets: impl AsRef<[u8]>) {
        self.session.set_timeout(5_000);
        // No flush: libssh2 takes that for throwing away what was received.
        let _ = self.channel.write_all(octets.as_ref());
    }

    /// Sends one message in the framing in force.
    pub fn send_message(&mut self, message: &str) {
        let framed = match self.chunked {
            true => chunk(message),
            false => format!("{message}{MARK}"),
        };
        self.send(framed);
    }

    /// Sends an operation.
    pub fn ask(&mut self, operation: &str) -> u32 {
        self.id += 1;
        let id = self.id;
        self.send_message(&format!(
            "<rpc xmlns=\"{BASE}\" message-id=\"{id}\">{operation}</rpc>"
        ));
        id
    }

    /// Sends an operation and reads the next message, which has to be its reply.
    pub fn rpc(&mut self, operation: &str) -> String {
        let id = self.ask(operation);
        let reply = self.message();
        let root = parse(&reply);
        assert!(root.is(BASE, "rpc-reply"), "{reply:.500}");
        assert_eq!(root.attr("", "message-id"), Some(id.to_string().as_str()));
        reply
    }

    /// An operation that has to succeed with `<ok/>`.
    pub fn ok(&mut self, operation: &str) {
        let reply = self.rpc(operation);
        assert!(reply.contains("<ok/>"), "{operation:.400}\n-> {reply}");
    }

    /// An operation that has to fail with one error, as [`brief`] shows it.
    pub fn error(&mut self, operation: &str) -> String {
        let reply = self.rpc(operation);
        brief(&reply)
    }

    /// The whole message that has to come.
    pub fn message(&mut self) -> String {
        match self.next(PATIENCE) {
            Got::Message(message) => message,
            other => panic!("{other:?} instead of a message; {:?}", self.rest()),
        }
    }

    /// The next message, the end, or nothing for that long.
    pub fn next(&mut self, patience: Duration) -> Got {
        let deadline = Instant::now() + patience;
        loop {
            if let Some(message) = self.take() {
                return Got::Message(message);
            }
            if self.closed {
                return Got::Closed;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Got::Quiet;
            }
            self.fill(left);
        }
    }

    fn fill(&mut self, patience: Duration) {
        let millis = patience.as_millis().clamp(1, 60_000) as u32;
        self.session.set_timeout(millis);
        let mut octets = [0; 32 * 1024];
        match self.channel.read(&mut octets) {
            Ok(0) => self.closed = true,
            Ok(read) => self.input.extend_from_slice(&octets[..read]),
            Err(error) if error.kind() == ErrorKind::TimedOut => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(_) => self.closed = true,
        }
    }

    /// Whether the server ends the session, with at most one error reply before.
    pub fn closes(&mut self) -> bool {
        loop {
            match self.next(Duration::from_secs(5)) {
                Got::Closed => return true,
                Got::Quiet => return false,
                Got::Message(message) if message.contains("<rpc-error>") => {}
                Got::Message(message) => panic!("served: {message}"),
            }
        }
    }

    pub fn eof(&mut self) {
        let _ = self.channel.send_eof();
    }

    fn rest(&self) -> String {
        String::from_utf8_lossy(&self.input).into_owned()
    }

    fn take(&mut self) -> Option<String> {
        let message = match self.chunked {
            false => {
                let at = find(&self.input, MARK.as_bytes())?;
                let message = self.input[..at].to_vec();
                self.input.drain(..at + MARK.len());
                message
            }
            true => {
                let (message, len) = dechunk(&self.input)?;
                self.input.drain(..len);
                message
            }
        };
        Some(String::from_utf8(message).expect("UTF-8"))
    }
}

fn find(octets: &[u8], what: &[u8]) -> Option<usize> {
    octets.windows(what.len()).position(|seen| seen == what)
}

/// One chunked message at the front, and its length; the grammar of RFC 6242 section 4.2 is checked.
fn dechunk(octets: &[u8]) -> Option<(Vec<u8>, usize)> {
    let mut message = Vec::new();
    let mut at = 0;
    loop {
        let rest = octets.get(at..)?;
        if rest.len() < 4 {
            return None;
        }
        assert!(
            rest.starts_with(b"\n#"),
            "no chunk header: {:?}",
            &rest[..4]
        );
        if rest[2] == b'#' {
            assert_eq!(rest[3], b'\n', "end of chunks");
            assert!(!message.is_empty(), "an end without a chunk");
            return Some((message, at + 4));
        }
        let lf = 2 + find(&rest[2..], b"\n")?;
        let size = std::str::from_utf8(&rest[2..lf]).unwrap();
        assert!(!size.starts_with('0'), "leading zero");
        let size: usize = size.parse().unwrap();
        let data = rest.get(lf + 1..lf + 1 + size)?;
        std::str::from_utf8(data).expect("a character split between chunks");
        message.extend_from_slice(data);
        at += lf + 1 + size;
    }
}

/// Every rpc-error of a reply on one line: `type tag app=.. path=.. name=text ..; ...`.
///
/// Checks what holds for all of them: the order of the children (RFC 6241 appendix B), severity,
/// a message, and a meaning for every prefix of the path.
pub fn brief(reply: &str) -> String {
    let root = parse(reply);
    assert!(root.is(BASE, "rpc-reply"), "{reply}");
    let errors: Vec<&Element> = root
        .elements()
        .filter(|e| e.is(BASE, "rpc-error"))
        .collect();
    if errors.is_empty() {
        return match root.child(BASE, "ok") {
            Some(_) => "ok".to_owned(),
            None => format!("no error: {reply:.500}"),
        };
    }
    assert_eq!(errors.len(), root.elements().count(), "{reply}");
    let shown: Vec<String> = errors.into_iter().map(one).collect();
    shown.join("; ")
}

const ORDER: [&str; 7] = [
    "error-type",
    "error-tag",
    "error-severity",
    "error-app-tag",
    "error-path",
    "error-message",
    "error-info",
];

/// For each error-tag the error-types it may have and the info it must have (RFC 6241 appendix A).
const APPENDIX_A: [(&str, &str, &str); 19] = [
    ("in-use", "protocol application", ""),
    ("invalid-value", "protocol application", ""),
    ("too-big", "transport rpc protocol application", ""),
    (
        "missing-attribute",
        "rpc protocol application",
        "bad-attribute bad-element",
    ),
    (
        "bad-attribute",
        "rpc protocol application",
        "bad-attribute bad-element",
    ),
    (
        "unknown-attribute",
        "rpc protocol application",
        "bad-attribute bad-element",
    ),
    ("missing-element", "protocol application", "bad-element"),
    ("bad-element", "protocol application", "bad-element"),
    ("unknown-element", "protocol application", "bad-element"),
    (
        "unknown-namespace",
        "protocol application",
        "bad-element bad-namespace",
    ),
    ("access-denied", "protocol application", ""),
    ("lock-denied", "protocol", "session-id"),
    ("resource-denied", "transport rpc protocol application", ""),
    ("rollback-failed", "protocol application", ""),
    ("data-exists", "application", ""),
    ("data-missing", "application", ""),
    ("operation-not-supported", "protocol application", ""),
    ("operation-failed", "rpc protocol application", ""),
    ("malformed-message", "rpc", ""),
];

/// The type and the info of an error are of those that its tag has.
pub fn appendix_a(error: &Element) {
    let text = |name| error.child(BASE, name).unwrap().text().trim().to_owned();
    let tag = text("error-tag");
    let (_, types, infos) = APPENDIX_A
        .iter()
        .find(|(name, _, _)| *name == tag)
        .unwrap_or_else(|| panic!("{tag} is no error-tag"));
    let kind = text("error-type");
    assert!(
        types.split(' ').any(|allowed| allowed == kind),
        "{tag} is never of type {kind}: {}",
        error.to_xml()
    );
    for name in infos.split_whitespace() {
        let info = error.child(BASE, "error-info");
        assert!(
            info.is_some_and(|info| info.child(BASE, name).is_some()),
            "{tag} without {name}: {}",
            error.to_xml()
        );
    }
}

fn one(error: &Element) -> String {
    let text = |name| error.child(BASE, name).map(|e| e.text().trim().to_owned());
    let places: Vec<usize> = error
        .elements()
        .map(|e| ORDER.iter().position(|name| e.is(BASE, name)).unwrap())
        .collect();
    assert!(places.is_sorted(), "order of {}", error.to_xml());
    appendix_a(error);
    assert_eq!(text("error-severity").as_deref(), Some("error"));
    assert!(text("error-message").is_some_and(|text| !text.is_empty()));
    let mut shown = format!(
        "{} {}",
        text("error-type").unwrap(),
        text("error-tag").unwrap()
    );
    if let Some(tag) = text("error-app-tag") {
        write!(shown, " app={tag}").unwrap();
    }
    if let Some(path) = error.child(BASE, "error-path") {
        let text = path.text();
        for prefix in prefixes(&text) {
            assert!(path.scope.resolve(&prefix).is_some(), "{prefix} in {text}");
        }
        write!(shown, " path={}", text.trim()).unwrap();
    }
    for info in error
        .child(BASE, "error-info")
        .iter()
        .flat_map(|i| i.elements())
    {
        write!(shown, " {}={}", info.local, info.text().trim()).unwrap();
    }
    shown
}

fn prefixes(path: &str) -> Vec<String> {
    let mut bare = String::new();
    let mut quote = None;
    for c in path.chars() {
        match quote {
            Some(open) if open == c => quote = None,
            Some(_) => {}
            None if c == '\'' || c == '"' => quote = Some(c),
            None => bare.push(c),
        }
    }
    let steps = bare.split(['/', '[', ']', '=']);
    steps
        .filter_map(|step| step.split_once(':'))
        .map(|(prefix, _)| prefix.trim().to_owned())
        .collect()
}

/// Collects the deviations of a table, so that one run shows all of them.
#[derive(Default)]
pub struct Table(Vec<String>);

impl Table {
    /// `expected`: alternatives, each a whole line or, with a `*` at its end, a beginning.
    pub fn row(&mut self, case: &str, got: &str, expected: &[&str]) {
        let fits = |pattern: &&str| match pattern.strip_suffix('*') {
            Some(start) => got.starts_with(start),
            None => got == *pattern,
        };
        if !expected.iter().any(fits) {
            self.0.push(format!(
                "{case}\n    got      {got}\n    expected {expected:?}"
            ));
        }
    }

    pub fn check(&mut self, case: &str, holds: bool) {
        if !holds {
            self.0.push(case.to_owned());
        }
    }

    pub fn done(self) {
        assert!(
            self.0.is_empty(),
            "{} deviations\n{}",
            self.0.len(),
            self.0.join("\n")
        );
    }
}
