//! A client on libssh2, framing of its own: deploys, subscribes, receives a recovery, replays it. With a
//! password and with a key, in base:1.0 and in base:1.1.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "tests may stop"
)]

mod common;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use common::*;
use lifeline::clock::{SystemClock, Timestamp};
use lifeline::daemon::server::Seams;

const RECOVERY: [&str; 5] = [
    "VM_RECOVERY_INIT 200",
    "VM_RECOVERY_REBOOT 500",
    "VM_RECOVERY_UNDEPLOYED 204",
    "VM_RECOVERY_DEPLOYED 200",
    "VM_RECOVERY_COMPLETE 200",
];
const DEPLOYED: [&str; 6] = [
    "CREATE_TENANT 200",
    "CREATE_NETWORK 200",
    "CREATE_SUBNET 200",
    "VM_DEPLOYED 200",
    "VM_ALIVE 200",
    "SERVICE_ALIVE 200",
];

#[derive(Clone, Copy, PartialEq, Debug)]
enum Base {
    V1_0,
    V1_1,
}

#[derive(Clone)]
enum Login {
    Password,
    Key(PathBuf),
}

/// One session; knows nothing of the product's own client.
struct Peer {
    _session: ssh2::Session,
    channel: ssh2::Channel,
    base: Base,
    received: Vec<u8>,
    next: u32,
}

impl Peer {
    fn connect(port: u16, login: &Login, base: Base) -> Self {
        let tcp = TcpStream::connect(("127.0.0.1", port)).unwrap();
        let mut session = ssh2::Session::new().unwrap();
        session.set_timeout(u32::try_from(PATIENCE.as_millis()).unwrap());
        session.set_tcp_stream(tcp);
        session.handshake().unwrap();
        match login {
            Login::Password => session.userauth_password(USER, PASSWORD).unwrap(),
            Login::Key(file) => session
                .userauth_pubkey_file(USER, None, file, None)
                .unwrap(),
        }
        assert!(session.authenticated());
        let mut channel = session.channel_session().unwrap();
        channel.subsystem("netconf").unwrap();
        let mut peer = Self {
            _session: session,
            channel,
            base: Base::V1_0,
            received: Vec::new(),
            next: 1,
        };
        let version = match base {
            Base::V1_0 => "1.0",
            Base::V1_1 => "1.1",
        };
        peer.send(&format!(
            "<hello xmlns=\"urn:ietf:params:xml:ns:netconf:base:1.0\"><capabilities>\
             <capability>urn:ietf:params:netconf:base:{version}</capability></capabilities></hello>"
        ));
        let hello = peer.receive();
        assert!(hello.contains("<session-id>"), "{hello}");
        assert!(
            hello.contains("urn:ietf:params:netconf:base:1.0<"),
            "{hello}"
        );
        assert!(
            hello.contains("urn:ietf:params:netconf:base:1.1<"),
            "{hello}"
        );
        peer.base = base;
        peer
    }

    fn send(&mut self, message: &str) {
        let framed = match self.base {
            Base::V1_0 => format!("{message}]]>]]>"),
            Base::V1_1 => {
                // Two chunks, to see that they are joined.
                let (a, b) = message.split_at(message.len() / 2);
                format!("\n#{}\n{a}\n#{}\n{b}\n##\n", a.len(), b.len())
            }
        };
        self.channel.write_all(framed.as_bytes()).unwrap();
    }

    /// The next whole message.
    fn receive(&mut self) -> String {
        let mut buffer = [0; 16 * 1024];
        loop {
            let taken = match self.base {
                Base::V1_0 => unframed_1_0(&self.received),
                Base::V1_1 => unframed_1_1(&self.received),
            };
            if let Some((message, length)) = taken {
                self.received.drain(..length);
                return String::from_utf8(message).unwrap();
            }
            let read = self.channel.read(&mut buffer).unwrap();
            assert!(read > 0, "the server closed the session");
            self.received.extend_from_slice(&buffer[..read]);
        }
    }

    fn request(&mut self, operation: &str) -> String {
        let id = self.next;
        self.next += 1;
        self.send(&format!(
            "<rpc xmlns=\"urn:ietf:params:xml:ns:netconf:base:1.0\" message-id=\"{id}\">{operation}</rpc>"
        ));
        format!("message-id=\"{id}\"")
    }

    /// Sends a request whose reply must be `<ok/>` and must be the very next message.
    #[track_caller]
    fn ok(&mut self, operation: &str) {
        let id = self.request(operation);
        let reply = self.receive();
        assert!(
            reply.contains("rpc-reply") && reply.contains(&id),
            "{reply}"
        );
        assert!(reply.contains("<ok/>"), "{reply}");
    }

    #[track_caller]
    fn listen(&mut self, wanted: &[&str]) -> Vec<Told> {
        let told: Vec<Told> = wanted.iter().map(|_| Told::read(&self.receive())).collect();
        let kinds: Vec<String> = told.iter().map(Told::kind).collect();
        assert_eq!(kinds, wanted);
        told
    }

    fn close(mut self) {
        self.ok("<close-session/>");
        self.channel.wait_eof().unwrap();
    }
}

fn unframed_1_0(bytes: &[u8]) -> Option<(Vec<u8>, usize)> {
    let end = b"]]>]]>";
    let at = bytes.windows(end.len()).position(|window| window == end)?;
    Some((bytes[..at].to_vec(), at + end.len()))
}

fn unframed_1_1(bytes: &[u8]) -> Option<(Vec<u8>, usize)> {
    let (mut message, mut at) = (Vec::new(), 0);
    loop {
        let rest = bytes.get(at..)?;
        let header = rest.get(..rest.iter().skip(1).position(|b| *b == b'\n')? + 2)?;
        let text = std::str::from_utf8(header).unwrap();
        let size = text
            .strip_prefix("\n#")
            .and_then(|text| text.strip_suffix('\n'))
            .unwrap_or_else(|| panic!("not a chunk header: {text:?}"));
        at += header.len();
        if size == "#" {
            return Some((message, at));
        }
        let size: usize = size.parse().unwrap();
        message.extend_from_slice(bytes.get(at..at + size)?);
        at += size;
    }
}

fn whole_story(login: &Login, keys: &[String], base: Base) {
    let dir = data_dir(keys);
    let seams = Seams {
        monitors: Some(Box::new(Hasty::wrap)),
        ..Seams::default()
    };
    let house = House::open(dir.path(), quick(), Arc::new(SystemClock::new()), seams).unwrap();
    let port = house.server().address().port();
    let mut subscriber = Peer::connect(port, login, base);
    subscriber.ok(&subscribe(None));
    let mut operator = Peer::connect(port, login, base);
    operator.ok(&edit(DEPZZ));
    let mut told = subscriber.listen(&DEPLOYED);
    let published = house.server().control().store().published();
    let vm = published.state.deployments.values().next().unwrap().vms[0]
        .name
        .to_string();
    operator.ok(&inject(&vm, "reboot-fails", Some(DRIVER_WORDS)));
    operator.ok(&inject(&vm, "crash", None));
    told.extend(subscriber.listen(&RECOVERY));
    assert!(told.windows(2).all(|pair| pair[0].time < pair[1].time));
    let end = &told[told.len() - 1].event;
    assert_ne!(end.vm_source.vmid, end.vm_target.vmid, "a new VM");

    // Everything is waiting to be sent, and still the first message is the reply.
    let kinds: Vec<String> = told.iter().map(Told::kind).collect();
    let kinds: Vec<&str> = kinds.iter().map(String::as_str).collect();
    let mut late = Peer::connect(port, login, base);
    late.ok(&subscribe(Some(told[0].time)));
    assert_eq!(
        late.listen(&kinds),
        told,
        "the same octets in the same order"
    );
    assert!(late.receive().contains("replayComplete"));

    // startTime is inclusive, and cuts what is before it.
    let mut later = Peer::connect(port, login, base);
    later.ok(&subscribe(Some(told[6].time)));
    assert_eq!(later.listen(&kinds[6..]), told[6..]);
    assert!(later.receive().contains("replayComplete"));

    // Live again for all three, and the session answers requests meanwhile (interleave).
    operator.ok(&edit(NO_DEPZZ));
    let gone = [
        "VM_UNDEPLOYED 200",
        "DELETE_SUBNET 200",
        "DELETE_NETWORK 200",
        "SERVICE_UNDEPLOYED 200",
    ];
    let last = subscriber.listen(&gone);
    assert_eq!(late.listen(&gone), last);
    assert_eq!(later.listen(&gone), last);
    for peer in [subscriber, operator, late, later] {
        peer.close();
    }
    house.stop();
}

#[test]
fn with_a_password_in_base_1_0() {
    whole_story(&Login::Password, &[], Base::V1_0);
}

#[test]
fn with_a_password_in_base_1_1() {
    whole_story(&Login::Password, &[], Base::V1_1);
}

#[test]
fn with_an_ed25519_key_in_base_1_0() {
    let dir = tempfile::tempdir().unwrap();
    let (file, public) = key_pair(dir.path());
    whole_story(&Login::Key(file), &[public], Base::V1_0);
}

#[test]
fn with_an_ed25519_key_in_base_1_1() {
    let dir = tempfile::tempdir().unwrap();
    let (file, public) = key_pair(dir.path());
    whole_story(&Login::Key(file), &[public], Base::V1_1);
}

#[test]
fn the_reply_comes_before_the_first_event_while_events_pour() {
    let dir = data_dir(&[]);
    let seams = Seams {
        monitors: Some(Box::new(Hasty::wrap)),
        ..Seams::default()
    };
    let house = House::open(dir.path(), quick(), Arc::new(SystemClock::new()), seams).unwrap();
    let port = house.server().address().port();
    let mut operator = Peer::connect(port, &Login::Password, Base::V1_1);
    let start: Timestamp = "2000-01-01T00:00:00Z".parse().unwrap();
    // Ten deployments come to life while subscribers come, live and with replay.
    for n in 0..10 {
        operator.ok(&edit(&DEPZZ.replace("depzz", &format!("dep{n}"))));
        let mut live = Peer::connect(port, &Login::Password, Base::V1_1);
        live.ok(&subscribe(None));
        let mut replayed = Peer::connect(port, &Login::Password, Base::V1_1);
        replayed.ok(&subscribe(Some(start)));
        assert_eq!(Told::read(&replayed.receive()).kind(), "CREATE_TENANT 200");
    }
    // And the whole is in order, each event once, for whoever reads it all.
    let mut reader = Peer::connect(port, &Login::Password, Base::V1_1);
    reader.ok(&subscribe(Some(start)));
    let mut told: Vec<Told> = Vec::new();
    let mut alive = 0;
    while alive < 10 {
        let text = reader.receive();
        if text.contains("replayComplete") {
            continue;
        }
        let next = Told::read(&text);
        alive += usize::from(next.kind() == "SERVICE_ALIVE 200");
        told.push(next);
    }
    assert_eq!(told.len(), 1 + 10 * 5);
    assert!(told.windows(2).all(|pair| pair[0].time < pair[1].time));
    std::thread::sleep(Duration::from_millis(20));
    drop((operator, reader));
    house.stop();
}
