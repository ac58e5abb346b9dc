//! Each SSH message in each state: what may come there goes on, what may not ends the connection with a
//! reason, what nobody knows is answered so (RFC 4252 sections 5 and 6, RFC 4253 sections 7, 10 and 11,
//! RFC 4254 section 5, RFC 8308 section 2.4).

use std::time::Duration;

use crate::peer::{Host, PASSWORD, USER};
use crate::quick;
use crate::wire::*;

const BRIEFLY: Duration = Duration::from_millis(300);
const SOON: Duration = Duration::from_secs(5);

/// Codes of RFC 4253 section 11.1.
const PROTOCOL_ERROR: u32 = 2;
const KEY_EXCHANGE_FAILED: u32 = 3;
const MAC_ERROR: u32 = 5;
const SERVICE_NOT_AVAILABLE: u32 = 7;
const NO_MORE_AUTH_METHODS: u32 = 14;

/// How far a connection has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum State {
    /// Identifications are exchanged.
    Greeted,
    /// The client's KEXINIT is out.
    Exchanging,
    /// Keys are in use.
    Keyed,
    /// The service `ssh-userauth` was accepted.
    Asked,
    LoggedIn,
}
use State::{Asked, Exchanging, Greeted, Keyed, LoggedIn};

const STATES: [State; 5] = [Greeted, Exchanging, Keyed, Asked, LoggedIn];

impl State {
    fn reach(self, host: &Host, strict: bool) -> Wire {
        let mut wire = Wire::greeted(host.address());
        match self {
            Greeted => {}
            Exchanging => {
                wire.packet(Wire::kexinit(strict));
                wire.expect(KEXINIT);
            }
            Keyed | Asked | LoggedIn => wire.exchange_keys(strict),
        }
        if self >= Asked {
            wire.ask_for_login();
        }
        if self == LoggedIn {
            assert_eq!(wire.password(USER, PASSWORD), [USERAUTH_SUCCESS]);
        }
        wire
    }

    /// From here to a session, as if nothing had been; not from within a key exchange.
    fn go_on(self, wire: &mut Wire) {
        if self < Exchanging {
            wire.exchange_keys(false);
        }
        if self < Asked {
            wire.ask_for_login();
        }
        if self < LoggedIn {
            assert_eq!(wire.password(USER, PASSWORD), [USERAUTH_SUCCESS]);
        }
        session(wire, 0);
    }
}

/// Opens a channel with a session and reads the beginning of its hello; the server's number of the channel.
fn session(wire: &mut Wire, number: u32) -> u32 {
    let channel = wire.open_channel(number, 1 << 20, 1 << 15);
    let request = Payload::default().string("netconf");
    assert_eq!(wire.request(channel, "subsystem", request), Some(true));
    let hello = wire.expect(CHANNEL_DATA);
    assert!(String::from_utf8_lossy(&hello).contains("<hello"));
    assert_eq!(hello[1..5], number.to_be_bytes());
    channel
}

fn service(name: &str) -> Vec<u8> {
    Payload::new(SERVICE_REQUEST).string(name).0
}

fn login(method: &str, rest: Payload) -> Vec<u8> {
    Payload::new(USERAUTH_REQUEST)
        .string(USER)
        .string("ssh-connection")
        .string(method)
        .raw(rest.0)
        .0
}

/// Every message that has a name, with a body that is right, and the states it may come in.
fn named() -> Vec<(u8, Vec<u8>, &'static [State])> {
    let channel = |kind| Payload::new(kind).u32(1);
    let whole: Vec<(Payload, &'static [State])> = vec![
        (
            Payload::new(SERVICE_REQUEST).string("ssh-userauth"),
            &[Keyed, Asked],
        ),
        (Payload::new(SERVICE_ACCEPT).string("ssh-userauth"), &[]),
        (Payload::new(EXT_INFO).u32(0), &[Keyed]),
        (Payload::new(NEWKEYS), &[]),
        (Payload::new(31).string("x"), &[]),
        (Payload::new(33).string("x"), &[]),
        (
            Payload(login("none", Payload::default())),
            &[Asked, LoggedIn],
        ),
        (Payload::new(USERAUTH_FAILURE).string("").byte(0), &[]),
        (Payload::new(USERAUTH_SUCCESS), &[]),
        (Payload::new(53).string("hi").string(""), &[]),
        (Payload::new(60).string("ssh-ed25519").string("x"), &[]),
        (Payload::new(61).u32(0), &[]),
        (Payload::new(63), &[]),
        (Payload::new(66).string("x"), &[]),
        (Payload::new(79), &[]),
        (
            Payload::new(GLOBAL_REQUEST)
                .string("keepalive@openssh.com")
                .byte(0),
            &[LoggedIn],
        ),
        (Payload::new(81), &[]),
        (Payload::new(REQUEST_FAILURE), &[]),
        (
            Payload(Wire::channel_open(0, 1 << 20, 1 << 15)),
            &[LoggedIn],
        ),
        (channel(CHANNEL_OPEN_CONFIRMATION).u32(0).u32(9).u32(9), &[]),
        (
            channel(CHANNEL_OPEN_FAILURE).u32(1).string("").string(""),
            &[],
        ),
        (channel(CHANNEL_WINDOW_ADJUST).u32(1), &[]),
        (channel(CHANNEL_DATA).string("<hello/>"), &[]),
        (channel(95).u32(1).string("<hello/>"), &[]),
        (channel(CHANNEL_EOF), &[]),
        (channel(CHANNEL_CLOSE), &[]),
        (
            channel(CHANNEL_REQUEST)
                .string("subsystem")
                .byte(1)
                .string("netconf"),
            &[],
        ),
        (channel(CHANNEL_SUCCESS), &[]),
        (channel(CHANNEL_FAILURE), &[]),
    ];
    let message = |(payload, states): (Payload, _)| (payload.0[0], payload.0, states);
    whole.into_iter().map(message).collect()
}

/// RFC 4252 section 6, RFC 4253 section 7.1: one DISCONNECT, with a reason, and nothing that grants anything.
/// CVE-2018-10933 (libssh), CVE-2025-32433 (Erlang).
#[test]
fn a_message_out_of_its_place_ends_the_connection_with_a_reason() {
    let host = quick();
    let mut cases = 0;
    for (kind, message, right) in named() {
        for state in STATES.into_iter().filter(|state| !right.contains(state)) {
            // Elsewhere strict key exchange changes nothing.
            for strict in [false, true] {
                if kind == SERVICE_REQUEST && state == LoggedIn || strict && state != Exchanging {
                    continue;
                }
                let mut wire = state.reach(&host, strict);
                wire.packet(&message);
                // What was meant to be smuggled in with it.
                if state > Exchanging {
                    wire.packet(Wire::channel_open(0, 1 << 20, 1 << 15));
                }
                let why = wire.ends(&format!("message {kind} when {state:?}"));
                let key_exchange =
                    matches!(state, Greeted | Exchanging) && (20..50).contains(&kind);
                match key_exchange {
                    true => assert!(
                        [PROTOCOL_ERROR, KEY_EXCHANGE_FAILED].contains(&why),
                        "{kind} {state:?} {why}"
                    ),
                    false => assert_eq!(why, PROTOCOL_ERROR, "{kind} {state:?}"),
                }
                cases += 1;
            }
        }
    }
    println!("{cases} cases");
    host.lives();
}

/// RFC 4253 section 11.4: by its number, in its turn, and all goes on.
#[test]
fn a_message_nobody_knows_is_answered_unimplemented() {
    let host = quick();
    for kind in [
        8, 19, 22, 29, 35, 49, 54, 59, 101, 127, 128, 191, 192, 193, 255,
    ] {
        for state in [Greeted, Keyed, Asked, LoggedIn] {
            // RFC 4252 section 6: numbers of the protocols behind the login are an error before it.
            if (80..128).contains(&kind) && state < LoggedIn {
                let mut wire = state.reach(&host, false);
                wire.packet(Payload::new(kind).string("x").0);
                assert_eq!(wire.ends(&format!("{kind} when {state:?}")), PROTOCOL_ERROR);
                continue;
            }
            for strict in [false, true] {
                let mut wire = state.reach(&host, strict);
                let mut numbers = Vec::new();
                for _ in 0..3 {
                    wire.packet(Payload::new(kind).string("x").0);
                    numbers.push(wire.last_sent());
                }
                for number in numbers {
                    // In the clear the server's KEXINIT is there before.
                    let mut answer = wire.receive(SOON);
                    while matches!(&answer, Got::Packet(one) if matches!(one[0], KEXINIT | EXT_INFO))
                    {
                        if let Got::Packet(one) = answer
                            && one[0] == KEXINIT
                        {
                            wire.server_kexinit = one;
                        }
                        answer = wire.receive(SOON);
                    }
                    let expected = Payload::new(UNIMPLEMENTED).u32(number).0;
                    assert_eq!(answer, Got::Packet(expected), "{kind} when {state:?}");
                }
                if state != Greeted {
                    state.go_on(&mut wire);
                }
            }
        }
    }
    host.lives();
}

/// What a client may send at any time, or does in the field, changes nothing.
#[test]
fn what_is_legal_stays_legal() {
    let host = quick();
    let noise = [
        Payload::new(IGNORE).string("x").0,
        Payload::new(DEBUG).byte(0).string("x").string("").0,
        Payload::new(UNIMPLEMENTED).u32(0).0,
    ];
    for state in [Greeted, Keyed, Asked, LoggedIn] {
        let mut wire = state.reach(&host, false);
        for one in &noise {
            wire.packet(one);
        }
        state.go_on(&mut wire);
    }
    // In a key exchange that is not strict.
    let mut wire = Wire::greeted(host.address());
    let new = wire.exchange_quietly(false);
    for one in &noise {
        wire.packet(one);
    }
    wire.new_keys(new);
    Keyed.go_on(&mut wire);
    // RFC 8308 section 2.4: right behind the client's NEWKEYS.
    let mut wire = Keyed.reach(&host, true);
    let info = Payload::new(EXT_INFO).u32(1);
    wire.packet(info.string("ext-info-in-auth@openssh.com").string("0").0);
    Keyed.go_on(&mut wire);
    // paramiko asks before each attempt; every client probes with `none` and with keys; asked and tried in
    // one breath.
    let mut wire = Keyed.reach(&host, true);
    let key = Payload::default()
        .byte(0)
        .string("ssh-ed25519")
        .string(Payload::default().string("ssh-ed25519").string([9; 32]).0);
    for one in [
        service("ssh-userauth"),
        login("none", Payload::default()),
        service("ssh-userauth"),
        login("publickey", key),
        service("ssh-userauth"),
        login("password", Payload::default().byte(0).string(PASSWORD)),
        // RFC 4252 section 5.1: after the success they are ignored.
        login("password", Payload::default().byte(0).string("other")),
        login("none", Payload::default()),
    ] {
        wire.packet(one);
    }
    let mut answers = Vec::new();
    while answers.last() != Some(&USERAUTH_SUCCESS) {
        let Got::Packet(answer) = wire.receive(SOON) else {
            panic!("only {answers:?}");
        };
        answers.push(answer[0]);
    }
    let expected = [EXT_INFO, 6, 51, 6, 51, 6, 52];
    assert_eq!(answers, expected);
    LoggedIn.go_on(&mut wire);
    host.lives();
}

/// Keys are exchanged anew before, in and after a login, more than once, and while a session runs.
#[test]
fn new_keys_are_exchanged_in_every_state() {
    let host = quick();
    for strict in [false, true] {
        for state in [Keyed, Asked, LoggedIn] {
            let mut wire = state.reach(&host, strict);
            for _ in 0..3 {
                wire.exchange_keys(strict);
            }
            state.go_on(&mut wire);
            wire.exchange_keys(strict);
            session(&mut wire, 1);
        }
        // RFC 4253 section 7.1: nothing else between KEXINIT and NEWKEYS, known or not.
        for message in [
            service("ssh-userauth"),
            Payload::new(EXT_INFO).u32(0).0,
            login("none", Payload::default()),
            Wire::channel_open(0, 1 << 20, 1 << 15),
            vec![10],
            vec![192],
        ] {
            for state in [Keyed, Asked, LoggedIn] {
                let mut wire = state.reach(&host, strict);
                wire.packet(Wire::kexinit(strict));
                wire.expect(KEXINIT);
                wire.packet(&message);
                assert_eq!(wire.ends(&format!("{message:?} {state:?}")), PROTOCOL_ERROR);
            }
        }
    }
    host.lives();
}

/// Once the server's NEWKEYS is out, what it says is said with the new keys: a client can read why it ends.
#[test]
fn a_reason_behind_new_keys_is_said_with_them() {
    let host = quick();
    for message in [
        service("ssh-userauth"),
        vec![USERAUTH_SUCCESS],
        vec![KEX_ECDH_INIT],
        vec![NEWKEYS, 0],
        vec![99],
    ] {
        for strict in [false, true] {
            for again in [false, true] {
                let mut wire = Wire::greeted(host.address());
                if again {
                    wire.exchange_keys(strict);
                }
                let _due = wire.exchange_quietly(strict);
                wire.packet(&message);
                let why = wire.ends(&format!("{message:?} {strict} {again}"));
                assert!([PROTOCOL_ERROR, KEY_EXCHANGE_FAILED].contains(&why));
            }
        }
    }
    host.lives();
}

/// RFC 4252 section 5, RFC 4253 section 10: who asks for a service that is not there is told so.
#[test]
fn a_service_that_is_not_there_ends_the_connection() {
    let host = quick();
    for (state, name) in [
        (Keyed, "ssh-connection"),
        (Keyed, ""),
        (Keyed, "ssh-userauth@example.com"),
        (Asked, "ssh-connection"),
        (LoggedIn, "ssh-userauth"),
        (LoggedIn, "ssh-connection"),
    ] {
        let mut wire = state.reach(&host, true);
        wire.packet(service(name));
        assert_eq!(wire.ends(name), SERVICE_NOT_AVAILABLE, "{state:?}");
    }
    let mut wire = Asked.reach(&host, true);
    let request = Payload::new(USERAUTH_REQUEST).string(USER).string("sftp");
    wire.packet(request.string("none").0);
    assert_eq!(wire.ends("service sftp"), SERVICE_NOT_AVAILABLE);
    host.lives();
}

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
