//! Each SSH message in each state: what may come there goes on, what may not ends the connection with a
//! reason, what nobody knows is answered so (RFC 4252 sections 5 and 6, RFC 4253 sections 7, 10 and 11,
//! RFC 4254 section 5, RFC 8308 section 2.4).

use std::time::Duration;

use crate::peer::{Host, PASSWORD, USER};
use crate::quick;
use crate::wire::*;

const SOON: Duration = Duration::from_secs(5);

/// Codes of RFC 4253 section 11.1.
pub const PROTOCOL_ERROR: u32 = 2;
pub const KEY_EXCHANGE_FAILED: u32 = 3;
const SERVICE_NOT_AVAILABLE: u32 = 7;

/// How far a connection has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
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
pub use State::{Asked, Exchanging, Greeted, Keyed, LoggedIn};

const STATES: [State; 5] = [Greeted, Exchanging, Keyed, Asked, LoggedIn];

impl State {
    pub fn reach(self, host: &Host, strict: bool) -> Wire {
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
pub fn session(wire: &mut Wire, number: u32) -> u32 {
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

pub fn login(method: &str, rest: Payload) -> Vec<u8> {
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
