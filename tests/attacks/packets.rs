//! Packets that are none, channels that are not open, windows that are overdrawn, identifications and login
//! attempts of every kind (RFC 4253 sections 4.2 and 6, RFC 4254 section 5, RFC 4252 sections 5 to 8).

use std::time::Duration;

use crate::peer::{Host, PASSWORD};
use crate::places::{Asked, Greeted, Keyed, LoggedIn, login, session};
use crate::places::{KEY_EXCHANGE_FAILED, PROTOCOL_ERROR};
use crate::quick;
use crate::wire::*;

const SOON: Duration = Duration::from_secs(5);

/// Codes of RFC 4253 section 11.1.
const MAC_ERROR: u32 = 5;
const NO_MORE_AUTH_METHODS: u32 = 14;

/// RFC 4253 section 6: what cannot be a packet ends the connection with a reason, in the clear and under keys.
#[test]
fn what_is_no_packet_ends_the_connection_with_a_reason() {
    let host = quick();
    for state in [Greeted, Keyed, LoggedIn] {
        // No payload at all.
        let mut wire = state.reach(&host, true);
        wire.packet([]);
        assert_eq!(wire.ends("empty payload"), PROTOCOL_ERROR, "{state:?}");
    }
    // Lengths and paddings in the clear.
    for (length, padding, body) in [
        (1_u32 << 24, 4, 64),
        (u32::MAX, 4, 64),
        (12, 3, 11),
        (12, 0, 11),
        (12, 12, 11),
        (12, 255, 11),
    ] {
        let mut wire = Greeted.reach(&host, true);
        wire.expect(KEXINIT);
        let mut packet = length.to_be_bytes().to_vec();
        packet.push(padding);
        packet.extend_from_slice(&vec![IGNORE; body]);
        wire.octets(&packet);
        let why = wire.ends(&format!("length {length} padding {padding}"));
        assert_eq!(why, PROTOCOL_ERROR);
    }
    // Under keys, with a tag that is right.
    for padding in [0, 1, 2, 3, 16, 200, 255] {
        for state in [Keyed, LoggedIn] {
            let mut wire = state.reach(&host, true);
            let mut body = vec![IGNORE; 16];
            body[0] = padding;
            wire.sealed_raw(16, &body);
            let why = wire.ends(&format!("sealed padding {padding} {state:?}"));
            assert_eq!(why, PROTOCOL_ERROR);
        }
    }
    for state in [Keyed, LoggedIn] {
        let mut wire = state.reach(&host, true);
        wire.sealed_raw(1 << 24, &[0; 32]);
        assert_eq!(wire.ends("sealed length"), PROTOCOL_ERROR);
        // A wrong tag.
        let mut wire = state.reach(&host, true);
        let mut forged = wire.framed(&Payload::new(IGNORE).string("x").0);
        *forged.last_mut().unwrap() ^= 1;
        wire.octets(&forged);
        assert_eq!(wire.ends("forged"), MAC_ERROR, "{state:?}");
        // One that was sent before, and one that is missing.
        let mut wire = state.reach(&host, true);
        let packet = wire.framed(&Payload::new(IGNORE).string("x").0);
        wire.octets(&packet);
        wire.octets(&packet);
        assert_eq!(wire.ends("replayed"), MAC_ERROR, "{state:?}");
        let mut wire = state.reach(&host, true);
        let _lost = wire.framed(&Payload::new(IGNORE).string("x").0);
        wire.packet(Payload::new(IGNORE).string("y").0);
        assert_eq!(wire.ends("one missing"), MAC_ERROR, "{state:?}");
    }
    // Strings longer than their packet.
    for (state, message) in [
        (Keyed, Payload::new(SERVICE_REQUEST).u32(u32::MAX)),
        (Asked, Payload::new(USERAUTH_REQUEST).u32(u32::MAX)),
        (LoggedIn, Payload::new(GLOBAL_REQUEST).u32(u32::MAX)),
        (LoggedIn, Payload::new(CHANNEL_OPEN).u32(0x7fff_ffff)),
        (LoggedIn, Payload::new(CHANNEL_OPEN).string("session")),
        (LoggedIn, Payload(Wire::channel_open(0, 1, 1)).byte(0)),
    ] {
        let mut wire = state.reach(&host, true);
        wire.packet(&message.0);
        assert_eq!(wire.ends(&format!("{:?}", message.0)), PROTOCOL_ERROR);
    }
    // No algorithm in common, and one key exchange that is none.
    let mut wire = Greeted.reach(&host, true);
    let mut kexinit = Payload::new(KEXINIT).raw([7; 16]);
    for _ in 0..10 {
        kexinit = kexinit.string("none");
    }
    wire.packet(kexinit.byte(0).u32(0).0);
    assert_eq!(wire.ends("nothing in common"), KEY_EXCHANGE_FAILED);
    host.lives();
}

/// RFC 4254 section 5: a channel that was never opened, or that both sides have closed, is nobody's.
#[test]
fn a_message_for_no_channel_ends_the_connection() {
    let host = quick();
    let for_channel = |channel: u32| {
        let to = |kind| Payload::new(kind).u32(channel);
        [
            to(CHANNEL_WINDOW_ADJUST).u32(1).0,
            to(CHANNEL_DATA).string("x").0,
            to(95).u32(1).string("x").0,
            to(CHANNEL_EOF).0,
            to(CHANNEL_CLOSE).0,
            to(CHANNEL_REQUEST).string("x").byte(0).0,
            // Answers to what the server did not ask, also where the channel is open.
            to(CHANNEL_OPEN_CONFIRMATION).u32(0).u32(9).u32(9).0,
            to(CHANNEL_OPEN_FAILURE).u32(1).string("").string("").0,
            to(CHANNEL_SUCCESS).0,
            to(CHANNEL_FAILURE).0,
        ]
    };
    for (n, _) in for_channel(0).iter().enumerate() {
        for other in [1, 2, 77, u32::MAX] {
            let mut wire = LoggedIn.reach(&host, true);
            let open = session(&mut wire, 3);
            wire.packet(&for_channel(open.wrapping_add(other))[n]);
            let why = wire.ends(&format!("message {n} for {other}"));
            assert_eq!(why, PROTOCOL_ERROR);
        }
        // Closed by both.
        let mut wire = LoggedIn.reach(&host, true);
        let channel = session(&mut wire, 3);
        wire.packet(Payload::new(CHANNEL_CLOSE).u32(channel).0);
        let closed = wire.expect_past(CHANNEL_CLOSE);
        assert_eq!(closed[1..5], 3_u32.to_be_bytes());
        wire.packet(&for_channel(channel)[n]);
        assert_eq!(
            wire.ends(&format!("message {n} for a closed one")),
            PROTOCOL_ERROR
        );
    }
    for n in 6..10 {
        let mut wire = LoggedIn.reach(&host, true);
        let channel = session(&mut wire, 3);
        wire.packet(&for_channel(channel)[n]);
        assert_eq!(
            wire.ends(&format!("message {n} for an open one")),
            PROTOCOL_ERROR
        );
    }
    host.lives();
}

/// RFC 4254 section 5.3: what was under way when the server closed a channel harms nobody; the connection and
/// its other sessions go on.
#[test]
fn what_crosses_the_server_s_close_is_ignored() {
    let host = quick();
    let mut wire = LoggedIn.reach(&host, true);
    let (first, second) = (session(&mut wire, 3), session(&mut wire, 4));
    let hello = "<hello xmlns='urn:ietf:params:xml:ns:netconf:base:1.0'><capabilities><capability>urn:ietf:params:netconf:base:1.0</capability></capabilities></hello>]]>]]>";
    let bye = "<rpc xmlns='urn:ietf:params:xml:ns:netconf:base:1.0' message-id='1'><close-session/></rpc>]]>]]>";
    let data = |channel: u32, text: &str| Payload::new(CHANNEL_DATA).u32(channel).string(text).0;
    wire.packet(data(first, &format!("{hello}{bye}")));
    let closed = wire.expect_past(CHANNEL_CLOSE);
    assert_eq!(closed[1..5], 3_u32.to_be_bytes());
    wire.packet(data(first, bye));
    wire.packet(Payload::new(CHANNEL_WINDOW_ADJUST).u32(first).u32(9).0);
    wire.packet(
        Payload::new(CHANNEL_REQUEST)
            .u32(first)
            .string("x")
            .byte(0)
            .0,
    );
    wire.packet(Payload::new(CHANNEL_EOF).u32(first).0);
    wire.packet(Payload::new(CHANNEL_CLOSE).u32(first).0);
    // The other one answers.
    wire.packet(data(second, &format!("{hello}{bye}")));
    let closed = wire.expect_past(CHANNEL_CLOSE);
    assert_eq!(closed[1..5], 4_u32.to_be_bytes());
    // Now it is nobody's.
    wire.packet(data(first, bye));
    assert_eq!(wire.ends("after both closed"), PROTOCOL_ERROR);
    host.lives();
}

/// RFC 4254 section 5.2: a window is neither overdrawn nor widened beyond 2^32 - 1.
#[test]
fn a_window_that_is_overdrawn_or_overflows_ends_the_connection() {
    let host = quick();
    let mut wire = LoggedIn.reach(&host, true);
    let channel = wire.open_channel(0, u32::MAX, 1 << 15);
    wire.packet(Payload::new(CHANNEL_WINDOW_ADJUST).u32(channel).u32(1).0);
    assert_eq!(wire.ends("window beyond its range"), PROTOCOL_ERROR);

    // Up to the edge it is legal.
    let mut wire = LoggedIn.reach(&host, true);
    let channel = wire.open_channel(0, u32::MAX - 7, 1 << 15);
    wire.packet(Payload::new(CHANNEL_WINDOW_ADJUST).u32(channel).u32(7).0);
    session(&mut wire, 1);

    // The window of the confirmation is there, one octet more is not.
    let host = Host::process_with(
        "[ssh]\nauth-rejection-milliseconds = 1\nreceive-window-bytes = 65536\n",
        &[],
    );
    for kind in [CHANNEL_DATA, 95] {
        for over in [0, 1, 100_000] {
            let mut wire = LoggedIn.reach(&host, true);
            wire.packet(Wire::channel_open(0, 1 << 20, 1 << 15));
            let granted = wire.expect(CHANNEL_OPEN_CONFIRMATION);
            assert_eq!(granted[9..13], 65_536_u32.to_be_bytes());
            let head = Payload::new(kind).raw(&granted[5..9]);
            let head = if kind == 95 { head.u32(1) } else { head };
            wire.packet(head.string(vec![b' '; 65_536 + over]).0);
            match over {
                0 => {
                    wire.expect_past(CHANNEL_WINDOW_ADJUST);
                    session(&mut wire, 1);
                }
                _ => assert_eq!(wire.ends("overdrawn"), PROTOCOL_ERROR),
            }
        }
    }
    host.lives();
}

/// Two channels to which the client gave one number are two, and no third party is confused.
#[test]
fn a_channel_number_used_twice_confuses_only_who_uses_it() {
    let host = quick();
    let mut wire = LoggedIn.reach(&host, true);
    let (one, other) = (session(&mut wire, 3), session(&mut wire, 3));
    assert_ne!(one, other);
    wire.packet(Payload::new(CHANNEL_CLOSE).u32(one).0);
    wire.expect_past(CHANNEL_CLOSE);
    session(&mut wire, 4);
    host.lives();
}

/// RFC 4253 section 4.2: an identification holds neither NUL nor a stray CR, is one line, and of version 2.0.
#[test]
fn an_identification_that_is_none_is_not_talked_to() {
    let host = quick();
    let long = format!("SSH-2.0-{}\r\n", "x".repeat(245));
    for (line, good) in [
        ("SSH-2.0-x\r\n", true),
        ("SSH-2.0-x\n", true),
        ("SSH-1.99-x\r\n", true),
        ("SSH-2.0-x with a comment\r\n", true),
        (long.as_str(), true),
        ("SSH-2.0-\0\r\n", false),
        ("SSH-2.0-x\0y\r\n", false),
        ("SSH-2.0-x\ry\r\n", false),
        ("SSH-2.0-x\r\r\n", false),
        ("SSH-2.1-x\r\n", false),
        ("SSH-1.5-x\r\n", false),
        ("ssh-2.0-x\r\n", false),
        ("\r\nSSH-2.0-x\r\n", false),
        ("hello\r\nSSH-2.0-x\r\n", false),
    ] {
        let mut wire = Wire::to(host.address());
        wire.octets(line);
        wire.packet(Wire::kexinit(true));
        match good {
            true => drop(wire.expect(KEXINIT)),
            false => {
                let (closed, said) = wire.closes(SOON);
                assert!(closed && said.is_empty(), "{line:?} {said:?}");
            }
        }
    }
    host.lives();
}

/// RFC 4252 sections 5 and 8: every attempt is answered, counted and told to the audit log, whatever its method.
#[test]
fn every_attempt_counts_and_is_told() {
    let host = quick();
    let key = |algorithm: &str| {
        let blob = Payload::default().string(algorithm).string([9; 32]).0;
        Payload::default().string(algorithm).string(blob)
    };
    let probe = |rest: Vec<u8>| ("publickey", Payload::default().byte(0).raw(rest));
    let attempts = [
        (
            "password",
            Payload::default().byte(1).string(PASSWORD).string("new"),
        ),
        (
            "keyboard-interactive",
            Payload::default().string("").string(""),
        ),
        ("hostbased", Payload::default().raw(key("ssh-ed25519").0)),
        ("gssapi-with-mic", Payload::default().u32(0)),
        ("password", Payload::default().byte(0).string("wrong")),
        // RFC 4252 section 7: an algorithm that is not supported is a rejection, not a reason to hang up.
        probe(key("ssh-ed25519").0),
        probe(key("ssh-ed448").0),
        probe(key("ssh-dss").0),
        probe(key("ssh-rsa").0),
        probe(key("x509v3-ssh-rsa").0),
        probe(key("a@example.com").0),
        probe(key("ssh-ed25519-cert-v01@openssh.com").0),
        probe(Payload::default().string("ssh-ed25519").string("").0),
    ];
    for (n, (method, rest)) in attempts.into_iter().enumerate() {
        // A source has thirty attempts in a minute.
        let tcp = connect_from([127, 0, 1, n as u8], host.address()).unwrap();
        let mut wire = Wire::open(tcp).unwrap();
        wire.octets("SSH-2.0-attacker_1.0\r\n");
        wire.exchange_keys(true);
        wire.ask_for_login();
        let before = told(&host);
        for _ in 0..6 {
            wire.packet(login(method, rest.clone()));
            let answer = wire.expect(USERAUTH_FAILURE);
            let offered = Payload::new(USERAUTH_FAILURE);
            let offered = offered.string("publickey,password").byte(0).0;
            assert_eq!(answer, offered, "{method} {n}");
        }
        assert_eq!(wire.ends(method), NO_MORE_AUTH_METHODS);
        crate::eventually(&format!("six more attempts by {method}"), || {
            told(&host) == before + 6
        });
    }
    host.lives();
}

/// Attempts that failed, by the audit log.
fn told(host: &Host) -> usize {
    let log = std::fs::read_to_string(host.data().join("audit/audit.log")).unwrap();
    let logins = log.lines().filter(|line| line.contains("\"login\""));
    logins.filter(|line| !line.contains("\"done\"")).count()
}
