//! An SSH client that can lie: every packet is made by hand, before and after the key exchange.
//!
//! It speaks one algorithm of each kind (curve25519-sha256, ssh-ed25519, aes256-gcm@openssh.com), another one where
//! [`Offer`] says so, and checks nothing: no host key, no signature.

use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use aws_lc_rs::aead::{AES_128_GCM, AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::agreement::{
    ECDH_P256, EphemeralPrivateKey, UnparsedPublicKey, X25519, agree_ephemeral,
};
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;

pub const DISCONNECT: u8 = 1;
pub const IGNORE: u8 = 2;
pub const UNIMPLEMENTED: u8 = 3;
pub const DEBUG: u8 = 4;
pub const SERVICE_REQUEST: u8 = 5;
pub const SERVICE_ACCEPT: u8 = 6;
pub const EXT_INFO: u8 = 7;
pub const KEXINIT: u8 = 20;
pub const NEWKEYS: u8 = 21;
pub const KEX_ECDH_INIT: u8 = 30;
pub const KEX_ECDH_REPLY: u8 = 31;
/// RFC 4419 section 5.
pub const KEX_DH_GEX_GROUP: u8 = 31;
pub const KEX_DH_GEX_REQUEST: u8 = 34;
pub const USERAUTH_REQUEST: u8 = 50;
pub const USERAUTH_FAILURE: u8 = 51;
pub const USERAUTH_SUCCESS: u8 = 52;
pub const GLOBAL_REQUEST: u8 = 80;
pub const REQUEST_FAILURE: u8 = 82;
pub const CHANNEL_OPEN: u8 = 90;
pub const CHANNEL_OPEN_CONFIRMATION: u8 = 91;
pub const CHANNEL_OPEN_FAILURE: u8 = 92;
pub const CHANNEL_WINDOW_ADJUST: u8 = 93;
pub const CHANNEL_DATA: u8 = 94;
pub const CHANNEL_EOF: u8 = 96;
pub const CHANNEL_CLOSE: u8 = 97;
pub const CHANNEL_REQUEST: u8 = 98;
pub const CHANNEL_SUCCESS: u8 = 99;
pub const CHANNEL_FAILURE: u8 = 100;
pub const PING: u8 = 192;

/// Longest wait for what has to come.
const PATIENCE: Duration = Duration::from_secs(10);
const ID: &str = "SSH-2.0-attacker_1.0";

/// What our KEXINIT offers.
#[derive(Debug, Clone, Copy)]
pub struct Offer {
    pub kex: &'static str,
    /// From the client to the server, and back.
    pub ciphers: [&'static str; 2],
}

impl Default for Offer {
    fn default() -> Self {
        Self {
            kex: "curve25519-sha256",
            ciphers: ["aes256-gcm@openssh.com"; 2],
        }
    }
}

impl Offer {
    /// Our KEXINIT.
    pub fn kexinit(self, strict: bool) -> Vec<u8> {
        let strict = match strict {
            true => ",kex-strict-c-v00@openssh.com",
            false => "",
        };
        let kex = format!("{},ext-info-c{strict}", self.kex);
        let mut payload = Payload::new(KEXINIT).raw([7; 16]);
        for names in [
            kex.as_str(),
            "ssh-ed25519",
            self.ciphers[0],
            self.ciphers[1],
            "hmac-sha2-256",
            "hmac-sha2-256",
            "none",
            "none",
            "",
            "",
        ] {
            payload = payload.string(names);
        }
        payload.byte(0).u32(0).0
    }
}

/// Writes what SSH packets are made of (RFC 4251 section 5).
#[derive(Default, Clone)]
pub struct Payload(pub Vec<u8>);

impl Payload {
    pub fn new(kind: u8) -> Self {
        Self(vec![kind])
    }

    pub fn byte(mut self, value: u8) -> Self {
        self.0.push(value);
        self
    }

    pub fn u32(mut self, value: u32) -> Self {
        self.0.extend_from_slice(&value.to_be_bytes());
        self
    }

    pub fn string(mut self, value: impl AsRef<[u8]>) -> Self {
        let value = value.as_ref();
        self = self.u32(value.len() as u32);
        self.0.extend_from_slice(value);
        self
    }

    /// Octets as they are.
    pub fn raw(mut self, value: impl AsRef<[u8]>) -> Self {
        self.0.extend_from_slice(value.as_ref());
        self
    }
}

/// What reading brought.
#[derive(Debug, PartialEq, Eq)]
pub enum Got {
    Packet(Vec<u8>),
    Closed,
    Quiet,
}

struct Key {
    key: LessSafeKey,
    nonce: [u8; 12],
}

impl Key {
    fn next(&mut self) -> Nonce {
        let nonce = Nonce::assume_unique_for_key(self.nonce);
        let counter = u64::from_be_bytes(self.nonce[4..].try_into().unwrap());
        self.nonce[4..].copy_from_slice(&counter.wrapping_add(1).to_be_bytes());
        nonce
    }
}

/// What is sent with after our NEWKEYS.
pub struct NewKey(Key);

/// A connection.
pub struct Wire {
    pub tcp: TcpStream,
    input: Vec<u8>,
    closed: bool,
    /// The server's identification line.
    pub server_id: String,
    /// The server's KEXINIT.
    pub server_kexinit: Vec<u8>,
    sealing: Option<Key>,
    opening: Option<Key>,
    /// The sequence number of the next packet sent.
    sent: u32,
    strict: bool,
    /// The hash of the first key exchange.
    pub session_id: Vec<u8>,
    /// What the next key exchange offers.
    pub offer: Offer,
}

/// Connects from a chosen address of this machine.
pub fn connect_from(source: [u8; 4], to: SocketAddr) -> std::io::Result<TcpStream> {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None)?;
    socket.bind(&SocketAddr::from((IpAddr::from(source), 0)).into())?;
    socket.connect(&to.into())?;
    socket.set_tcp_nodelay(true)?;
    Ok(socket.into())
}

impl Wire {
    /// Connects and reads the server's identification; `None` when it refuses.
    pub fn open(tcp: TcpStream) -> Option<Self> {
        let mut wire = Self {
            tcp,
            input: Vec::new(),
            closed: false,
            server_id: String::new(),
            server_kexinit: Vec::new(),
            sealing: None,
            opening: None,
            sent: 0,
            strict: false,
            session_id: Vec::new(),
            offer: Offer::default(),
        };
        let deadline = Instant::now() + PATIENCE;
        while !wire.input.contains(&b'\n') {
            if wire.closed || Instant::now() > deadline {
                return None;
            }
            wire.fill(Duration::from_millis(200));
        }
        let end = wire.input.iter().position(|octet| *octet == b'\n')?;
        let line: Vec<u8> = wire.input.drain(..=end).collect();
        wire.server_id = String::from_utf8_lossy(&line).trim_end().to_owned();
        wire.server_id.starts_with("SSH-2.0-").then_some(wire)
    }

    pub fn to(address: SocketAddr) -> Self {
        let tcp = TcpStream::connect(address).unwrap();
        tcp.set_nodelay(true).unwrap();
        Self::open(tcp).expect("an SSH server")
    }

    /// As [`Wire::to`], with the identification sent.
    pub fn greeted(address: SocketAddr) -> Self {
        let mut wire = Self::to(address);
        wire.octets(format!("{ID}\r\n"));
        wire
    }

    /// Keys are exchanged, nobody has logged in.
    pub fn keyed(address: SocketAddr) -> Self {
        let mut wire = Self::greeted(address);
        wire.exchange_keys(true);
        wire
    }

    /// As [`Wire::keyed`], and the service `ssh-userauth` is asked for.
    pub fn asked(address: SocketAddr) -> Self {
        let mut wire = Self::keyed(address);
        wire.ask_for_login();
        wire
    }

    /// Logged in.
    pub fn logged_in(address: SocketAddr, user: &str, password: &str) -> Self {
        let mut wire = Self::asked(address);
        let answer = wire.password(user, password);
        assert_eq!(answer.first(), Some(&USERAUTH_SUCCESS), "{answer:?}");
        wire
    }

    /// Sends octets as they are; a server that has closed is not this function's business.
    pub fn octets(&mut self, octets: impl AsRef<[u8]>) {
        let _ = self.tcp.write_all(octets.as_ref());
    }

    /// Sends a packet with this payload, encrypted once keys are exchanged.
    pub fn packet(&mut self, payload: impl AsRef<[u8]>) -> bool {
        let framed = self.framed(payload.as_ref());
        self.tcp.write_all(&framed).is_ok()
    }

    /// The sequence number of the last packet sent (RFC 4253 section 6.4).
    pub fn last_sent(&self) -> u32 {
        self.sent.wrapping_sub(1)
    }

    /// The packet's octets (RFC 4253 section 6, RFC 5647 section 7.1).
    pub fn framed(&mut self, payload: &[u8]) -> Vec<u8> {
        self.sent = self.sent.wrapping_add(1);
        let (block, counted) = match self.sealing {
            Some(_) => (16, 1),
            None => (8, 5),
        };
        let padding = block - (counted + payload.len()) % block;
        let padding = if padding < 4 {
            padding + block
        } else {
            padding
        };
        let length = 1 + payload.len() + padding;
        let mut packet = (length as u32).to_be_bytes().to_vec();
        packet.push(padding as u8);
        packet.extend_from_slice(payload);
        packet.resize(packet.len() + padding, 0);
        if let Some(key) = &mut self.sealing {
            let nonce = key.next();
            let (head, body) = packet.split_at_mut(4);
            let aad = Aad::from(&*head);
            let tag = key.key.seal_in_place_separate_tag(nonce, aad, body);
            packet.extend_from_slice(tag.unwrap().as_ref());
        }
        packet
    }

    /// An encrypted packet whose plaintext, length field and all, is the caller's.
    pub fn sealed_raw(&mut self, length: u32, body: &[u8]) {
        let mut body = body.to_vec();
        let head = length.to_be_bytes();
        let key = self.sealing.as_mut().expect("keys");
        let nonce = key.next();
        let tag = key
            .key
            .seal_in_place_separate_tag(nonce, Aad::from(&head), &mut body)
            .unwrap();
        let octets = [&head[..], &body, tag.as_ref()].concat();
        self.octets(octets);
    }

    /// The next packet.
    pub fn receive(&mut self, patience: Duration) -> Got {
        let deadline = Instant::now() + patience;
        loop {
            if let Some(payload) = self.take() {
                return Got::Packet(payload);
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

    /// The packet that has to come.
    pub fn expect(&mut self, kind: u8) -> Vec<u8> {
        loop {
            match self.receive(PATIENCE) {
                Got::Packet(payload) if payload.first() == Some(&kind) => return payload,
                // What a server may say at any time.
                Got::Packet(payload) if matches!(payload.first(), Some(&EXT_INFO | &IGNORE)) => {}
                other => panic!("{other:?} instead of message {kind}"),
            }
        }
    }

    /// The packet that has to come, behind whatever else.
    pub fn expect_past(&mut self, kind: u8) -> Vec<u8> {
        loop {
            match self.receive(PATIENCE) {
                Got::Packet(payload) if payload.first() == Some(&kind) => return payload,
                Got::Packet(_) => {}
                other => panic!("{other:?} instead of message {kind}"),
            }
        }
    }

    /// Whether the server ends the connection; everything it says before is given back.
    pub fn closes(&mut self, patience: Duration) -> (bool, Vec<Vec<u8>>) {
        let deadline = Instant::now() + patience;
        let mut said = Vec::new();
        loop {
            match self.receive(deadline.saturating_duration_since(Instant::now())) {
                Got::Closed => return (true, said),
                Got::Quiet => return (false, said),
                Got::Packet(payload) => said.push(payload),
            }
        }
    }

    /// The connection ends, and the last word of the server is why: the code of its one DISCONNECT
    /// (RFC 4253 section 11.1).
    #[track_caller]
    pub fn ends(&mut self, what: &str) -> u32 {
        let (closed, said) = self.closes(PATIENCE);
        assert!(closed, "{what}: not closed after {said:?}");
        let words = said.iter().filter(|one| one.first() == Some(&DISCONNECT));
        assert_eq!(words.count(), 1, "{what}: {said:?}");
        let last = said.last().unwrap();
        assert_eq!(last.first(), Some(&DISCONNECT), "{what}: {said:?}");
        let mut rest = &last[5..];
        let text = String::from_utf8(take_string(&mut rest)).unwrap();
        assert!((1..100).contains(&text.len()), "{what}: {text:?}");
        take_string(&mut rest);
        assert!(rest.is_empty(), "{what}: {last:?}");
        u32::from_be_bytes(last[1..5].try_into().unwrap())
    }

    fn take(&mut self) -> Option<Vec<u8>> {
        let head: [u8; 4] = self.input.get(..4)?.try_into().ok()?;
        let length = u32::from_be_bytes(head) as usize;
        let tag = if self.opening.is_some() { 16 } else { 0 };
        if self.input.len() < 4 + length + tag {
            return None;
        }
        let mut packet: Vec<u8> = self.input.drain(..4 + length + tag).collect();
        let body = match &mut self.opening {
            None => packet.split_off(4),
            Some(key) => {
                let nonce = key.next();
                let (head, body) = packet.split_at_mut(4);
                let plain = key.key.open_in_place(nonce, Aad::from(&*head), body);
                plain.expect("the server's packet").to_vec()
            }
        };
        let padding = usize::from(*body.first()?);
        Some(body.get(1..body.len() - padding)?.to_vec())
    }

    fn fill(&mut self, patience: Duration) {
        let patience = patience.max(Duration::from_millis(1));
        let _ = self.tcp.set_read_timeout(Some(patience));
        let mut octets = [0; 16 * 1024];
        match self.tcp.read(&mut octets) {
            Ok(0) => self.closed = true,
            Ok(read) => self.input.extend_from_slice(&octets[..read]),
            // A fuzzer's alarm clock interrupts.
            Err(error)
                if matches!(
                    error.kind(),
                    ErrorKind::TimedOut | ErrorKind::WouldBlock | ErrorKind::Interrupted
                ) => {}
            Err(_) => self.closed = true,
        }
    }

    /// Our KEXINIT.
    pub fn kexinit(strict: bool) -> Vec<u8> {
        Offer::default().kexinit(strict)
    }

    /// Exchanges keys (RFC 4253 section 8, RFC 8731).
    pub fn exchange_keys(&mut self, strict: bool) {
        let new = self.exchange_quietly(strict);
        self.new_keys(new);
    }

    /// As [`Wire::exchange_keys`], up to the server's NEWKEYS: ours is due.
    pub fn exchange_quietly(&mut self, strict: bool) -> NewKey {
        self.strict |= strict;
        let ours = self.offer.kexinit(strict);
        self.packet(&ours);
        self.server_kexinit = self.expect(KEXINIT);
        self.agree(&ours)
    }

    /// Says NEWKEYS and uses them.
    pub fn new_keys(&mut self, new: NewKey) {
        self.packet([NEWKEYS]);
        self.sealing = Some(new.0);
        if self.strict {
            self.sent = 0;
        }
    }

    /// The rest of the exchange, after both KEXINITs, but for our NEWKEYS.
    fn agree(&mut self, ours: &[u8]) -> NewKey {
        let rng = SystemRandom::new();
        let curve = match self.offer.kex {
            "ecdh-sha2-nistp256" => &ECDH_P256,
            _ => &X25519,
        };
        let private = EphemeralPrivateKey::generate(curve, &rng).unwrap();
        let public = private.compute_public_key().unwrap();
        self.packet(Payload::new(KEX_ECDH_INIT).string(public.as_ref()).0);
        let reply = self.expect(KEX_ECDH_REPLY);
        let mut rest = &reply[1..];
        let host_key = take_string(&mut rest);
        let theirs = take_string(&mut rest);
        let peer = UnparsedPublicKey::new(curve, &theirs);
        let secret = agree_ephemeral(private, peer, (), |secret| Ok(secret.to_vec())).unwrap();
        let secret = mpint(&secret);
        let hashed = Payload::default()
            .string(ID)
            .string(&self.server_id)
            .string(ours)
            .string(&self.server_kexinit)
            .string(&host_key)
            .string(public.as_ref())
            .string(&theirs)
            .raw(&secret);
        let hash = digest(&SHA256, &hashed.0).as_ref().to_vec();
        if self.session_id.is_empty() {
            self.session_id.clone_from(&hash);
        }
        let id = &self.session_id;
        let derive = |letter: u8| {
            let input = [&secret[..], &hash, &[letter], id].concat();
            digest(&SHA256, &input).as_ref().to_vec()
        };
        let key = |cipher: &str, iv: u8, key: u8| {
            let algorithm = match cipher {
                "aes128-gcm@openssh.com" => &AES_128_GCM,
                _ => &AES_256_GCM,
            };
            let octets = &derive(key)[..algorithm.key_len()];
            Key {
                key: LessSafeKey::new(UnboundKey::new(algorithm, octets).unwrap()),
                nonce: derive(iv)[..12].try_into().unwrap(),
            }
        };
        let [to_server, to_client] = self.offer.ciphers;
        let (opening, sealing) = (key(to_client, b'B', b'D'), key(to_server, b'A', b'C'));
        self.expect(NEWKEYS);
        self.opening = Some(opening);
        NewKey(sealing)
    }

    pub fn ask_for_login(&mut self) {
        self.packet(Payload::new(SERVICE_REQUEST).string("ssh-userauth").0);
        self.expect(SERVICE_ACCEPT);
    }

    /// A login attempt by password; the answer.
    pub fn password(&mut self, user: &str, password: impl AsRef<[u8]>) -> Vec<u8> {
        let request = Payload::new(USERAUTH_REQUEST)
            .string(user)
            .string("ssh-connection")
            .string("password")
            .byte(0)
            .string(password);
        self.packet(request.0);
        loop {
            match self.receive(PATIENCE) {
                Got::Packet(payload) if matches!(payload.first(), Some(&EXT_INFO | &IGNORE)) => {}
                Got::Packet(payload) => return payload,
                Got::Closed => return Vec::new(),
                Got::Quiet => panic!("no answer to a login"),
            }
        }
    }

    /// CHANNEL_OPEN of a session.
    pub fn channel_open(number: u32, window: u32, packet: u32) -> Vec<u8> {
        Payload::new(CHANNEL_OPEN)
            .string("session")
            .u32(number)
            .u32(window)
            .u32(packet)
            .0
    }

    /// Opens a channel; its number at the server.
    pub fn open_channel(&mut self, number: u32, window: u32, packet: u32) -> u32 {
        self.packet(Self::channel_open(number, window, packet));
        let answer = self.expect(CHANNEL_OPEN_CONFIRMATION);
        u32::from_be_bytes(answer[5..9].try_into().unwrap())
    }

    /// A channel request that wants a reply; whether it was granted, `None` when the connection ends.
    pub fn request(&mut self, channel: u32, kind: &str, rest: Payload) -> Option<bool> {
        let request = Payload::new(CHANNEL_REQUEST)
            .u32(channel)
            .string(kind)
            .byte(1)
            .raw(rest.0);
        self.packet(request.0);
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.receive(deadline.saturating_duration_since(Instant::now())) {
                Got::Packet(payload) if payload.first() == Some(&CHANNEL_SUCCESS) => {
                    return Some(true);
                }
                Got::Packet(payload) if payload.first() == Some(&CHANNEL_FAILURE) => {
                    return Some(false);
                }
                Got::Packet(_) => {}
                Got::Closed => return None,
                Got::Quiet => panic!("no answer to {kind}"),
            }
        }
    }
}

pub fn take_string(rest: &mut &[u8]) -> Vec<u8> {
    let length = u32::from_be_bytes(rest[..4].try_into().unwrap()) as usize;
    let value = rest[4..4 + length].to_vec();
    *rest = &rest[4 + length..];
    value
}

fn mpint(octets: &[u8]) -> Vec<u8> {
    let start = octets.iter().position(|octet| *octet != 0);
    let mut value = octets[start.unwrap_or(octets.len())..].to_vec();
    if value.first().is_some_and(|octet| octet & 0x80 != 0) {
        value.insert(0, 0);
    }
    Payload::default().string(value).0
}
