//! What a stranger can send.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::peer::{Host, PASSWORD, USER};
use crate::wire::*;
use crate::{QUICK, flat, quick};

const SOON: Duration = Duration::from_secs(5);

fn auth_request(method: &str, rest: Payload) -> Vec<u8> {
    Payload::new(USERAUTH_REQUEST)
        .string(USER)
        .string("ssh-connection")
        .string(method)
        .raw(rest.0)
        .0
}

/// Messages that only a server sends, and those that belong behind the login.
fn out_of_place() -> Vec<(&'static str, Vec<u8>)> {
    let channel = |kind| Payload::new(kind).u32(0);
    vec![
        (
            "SERVICE_ACCEPT",
            Payload::new(SERVICE_ACCEPT).string("ssh-userauth").0,
        ),
        (
            "USERAUTH_FAILURE",
            Payload::new(USERAUTH_FAILURE).string("").byte(0).0,
        ),
        ("USERAUTH_SUCCESS", vec![USERAUTH_SUCCESS]),
        (
            "USERAUTH_BANNER",
            Payload::new(53).string("hi").string("").0,
        ),
        (
            "USERAUTH_PK_OK",
            Payload::new(60).string("ssh-ed25519").string("x").0,
        ),
        ("INFO_RESPONSE", Payload::new(61).u32(0).0),
        ("REQUEST_SUCCESS", vec![81]),
        ("REQUEST_FAILURE", vec![REQUEST_FAILURE]),
        (
            "GLOBAL_REQUEST",
            Payload::new(GLOBAL_REQUEST)
                .string("tcpip-forward")
                .byte(1)
                .string("")
                .u32(0)
                .0,
        ),
        ("CHANNEL_OPEN", Wire::channel_open(0, 1 << 20, 1 << 15)),
        (
            "CHANNEL_OPEN_CONFIRMATION",
            channel(CHANNEL_OPEN_CONFIRMATION).u32(0).u32(9).u32(9).0,
        ),
        (
            "CHANNEL_OPEN_FAILURE",
            channel(CHANNEL_OPEN_FAILURE).u32(1).string("").string("").0,
        ),
        (
            "CHANNEL_WINDOW_ADJUST",
            channel(CHANNEL_WINDOW_ADJUST).u32(u32::MAX).0,
        ),
        ("CHANNEL_DATA", channel(CHANNEL_DATA).string("<hello/>").0),
        (
            "CHANNEL_REQUEST",
            channel(CHANNEL_REQUEST)
                .string("subsystem")
                .byte(1)
                .string("netconf")
                .0,
        ),
        ("CHANNEL_SUCCESS", channel(CHANNEL_SUCCESS).0),
        ("CHANNEL_FAILURE", channel(CHANNEL_FAILURE).0),
    ]
}

/// Nothing that grants anything.
fn grants_nothing(said: &[Vec<u8>], what: &str) {
    for packet in said {
        let kind = packet.first().copied();
        let harmless = [
            DISCONNECT,
            IGNORE,
            3,
            EXT_INFO,
            KEXINIT,
            USERAUTH_FAILURE,
            REQUEST_FAILURE,
        ];
        assert!(
            kind.is_some_and(|kind| harmless.contains(&kind)),
            "{what} was answered with {packet:?}"
        );
    }
}

/// CVE-2018-10933 (libssh), CVE-2025-32433 (Erlang): messages of a later state or of the other side.
#[test]
fn messages_of_another_state_before_the_keys_end_the_connection() {
    let host = quick();
    for (what, message) in out_of_place() {
        for before in [false, true] {
            let mut wire = Wire::greeted(host.address());
            if before {
                wire.packet(Wire::kexinit(false));
            }
            wire.packet(&message);
            let (closed, said) = wire.closes(SOON);
            assert!(closed, "{what} {before}");
            grants_nothing(&said, what);
        }
    }
    host.lives();
}

/// As above, with keys (RFC 4252 section 6): the connection ends, with a reason, and has gained nothing.
#[test]
fn messages_of_another_state_before_the_login_end_the_connection() {
    let host = quick();
    for (what, message) in out_of_place() {
        for asked in [false, true] {
            let mut wire = match asked {
                false => Wire::keyed(host.address()),
                true => Wire::asked(host.address()),
            };
            wire.packet(&message);
            // The login it would have skipped is still due.
            wire.packet(Wire::channel_open(0, 1 << 20, 1 << 15));
            wire.packet(
                Payload::new(CHANNEL_REQUEST)
                    .u32(0)
                    .string("subsystem")
                    .byte(1)
                    .string("netconf")
                    .0,
            );
            let (closed, said) = wire.closes(SOON);
            assert!(closed, "{what}");
            grants_nothing(&said, what);
            let last = said.last().and_then(|packet| packet.first());
            assert_eq!(last, Some(&DISCONNECT), "{what}");
        }
    }
    host.lives();
}

/// Whoever says that a login has succeeded has not logged in, whatever is tried in the same breath.
#[test]
fn no_session_without_a_login() {
    let host = quick();
    for login in [
        vec![USERAUTH_SUCCESS],
        auth_request("none", Payload::default()),
        auth_request("hostbased", Payload::default().string("x").string("y")),
        auth_request(
            "keyboard-interactive",
            Payload::default().string("").string(""),
        ),
        auth_request("gssapi-with-mic", Payload::default().u32(0)),
        auth_request(
            "password",
            Payload::default().byte(1).string(PASSWORD).string("new"),
        ),
    ] {
        let mut wire = Wire::asked(host.address());
        wire.packet(&login);
        wire.packet(Wire::channel_open(0, 1 << 20, 1 << 15));
        wire.packet(
            Payload::new(CHANNEL_REQUEST)
                .u32(0)
                .string("subsystem")
                .byte(1)
                .string("netconf")
                .0,
        );
        let (_, said) = wire.closes(Duration::from_millis(500));
        grants_nothing(&said, &format!("{login:?}"));
    }
    host.lives();
}

/// Terrapin: strict key exchange is offered, and nothing may stand between its messages.
#[test]
fn the_key_exchange_is_strict() {
    let host = quick();
    let mut wire = Wire::keyed(host.address());
    let offered = String::from_utf8_lossy(&wire.server_kexinit).into_owned();
    assert!(
        offered.contains("kex-strict-s-v00@openssh.com"),
        "{offered}"
    );
    // The order and the absences that are promised.
    assert!(!offered.contains("ssh-rsa,") && !offered.contains(",ssh-rsa\0"));
    let first = |list: &str| offered.find(list).unwrap_or(usize::MAX);
    assert!(first("aes256-gcm@openssh.com") < first("chacha20-poly1305@openssh.com"));
    for weak in [
        "3des",
        "cbc",
        "hmac-sha1",
        "hmac-md5",
        "group1-",
        "zlib",
        "ssh-dss",
    ] {
        assert!(!offered.contains(weak), "{weak} in {offered}");
    }
    assert!(wire.packet(Payload::new(SERVICE_REQUEST).string("ssh-userauth").0));
    wire.expect(SERVICE_ACCEPT);
    for stray in [
        Payload::new(IGNORE).string("x").0,
        Payload::new(4).byte(0).string("x").string("").0,
        Payload::new(3).u32(0).0,
        Payload::new(EXT_INFO).u32(0).0,
        Payload::new(PING).string("x").0,
        Payload::new(SERVICE_REQUEST).string("ssh-userauth").0,
    ] {
        // Before KEXINIT, and behind it.
        let mut wire = Wire::greeted(host.address());
        wire.packet(&stray);
        wire.packet(Wire::kexinit(true));
        assert!(wire.closes(SOON).0, "{stray:?} before KEXINIT");
        let mut wire = Wire::greeted(host.address());
        wire.packet(Wire::kexinit(true));
        wire.packet(&stray);
        assert!(wire.closes(SOON).0, "{stray:?} behind KEXINIT");
    }
    host.lives();
}

/// CVE-2025-26466 (OpenSSH): pings in the key exchange are not answered into a queue.
#[test]
fn a_million_pings_in_the_key_exchange_cost_no_memory() {
    let host = quick();
    flat(&host, 16, || {
        for strict in [true, false] {
            let mut wire = Wire::greeted(host.address());
            wire.packet(Wire::kexinit(strict));
            let ping = wire.framed(&Payload::new(PING).string("0123456789abcdef").0);
            let many = ping.repeat(1_000);
            for _ in 0..1_000 {
                if wire.tcp.write_all(&many).is_err() {
                    break;
                }
            }
            assert!(wire.closes(SOON).0);
        }
    });
}

/// GHSA-4p9f-7p9m-5vfg and its kind: what is ignored before the login is bounded too.
#[test]
fn a_flood_of_ignored_messages_before_the_login_is_cut() {
    let host = quick();
    flat(&host, 16, || {
        let many = (0..1_000).fold(Payload::new(EXT_INFO).u32(1_000), |info, n| {
            info.string(format!("name-{n}")).string("value")
        });
        for (asked, message) in [
            (false, Payload::new(EXT_INFO).u32(0).0),
            (false, Payload::new(EXT_INFO).u32(u32::MAX).0),
            (false, many.0),
            (true, Payload::new(IGNORE).string([0; 1_000]).0),
            (true, Payload::new(PING).string([0; 1_000]).0),
            (true, Wire::channel_open(0, 1 << 20, 1 << 15)),
        ] {
            let mut wire = match asked {
                false => Wire::keyed(host.address()),
                true => Wire::asked(host.address()),
            };
            let began = Instant::now();
            let mut sent = 0;
            while wire.packet(&message) && sent < 64 << 20 {
                sent += message.len();
            }
            assert!(sent < 16 << 20, "{sent} octets of {:?}", message.first());
            assert!(wire.closes(SOON).0);
            assert!(began.elapsed() < Duration::from_secs(10));
        }
    });
}

/// CVE-2026-48108: a line that never ends, and lines without end.
#[test]
fn an_identification_without_end_is_cut() {
    let host = quick();
    flat(&host, 8, || {
        for flood in [
            vec![b'x'; 64 * 1024],
            b"line\r\n".repeat(10_000),
            vec![0; 64 * 1024],
            b"SSH-2.0-"
                .iter()
                .copied()
                .chain([b'y'; 64 * 1024])
                .collect(),
            b"SSH-1.5-old\r\n".to_vec(),
            b"GET / HTTP/1.1\r\nHost: x\r\n\r\n".to_vec(),
        ] {
            let mut wire = Wire::to(host.address());
            for _ in 0..100 {
                if wire.tcp.write_all(&flood).is_err() {
                    break;
                }
            }
            assert!(wire.closes(SOON).0, "{:?}", &flood[..8]);
        }
    });
}

/// GHSA-vgvv-x7xg-6cqg, CVE-2026-48110: lengths are not believed.
#[test]
fn absurd_lengths_cost_no_memory_and_end_the_connection() {
    let host = Host::process_with(&format!("{QUICK}login-seconds = 3\n"), &[]);
    flat(&host, 8, || {
        for length in [0, 1, 3, 4, 7, 0x7fff_ffff, u32::MAX, 1 << 24, 300_000] {
            let mut wire = Wire::greeted(host.address());
            let mut packet = length.to_be_bytes().to_vec();
            packet.extend_from_slice(&[0; 64]);
            wire.octets(&packet);
            assert!(
                wire.closes(Duration::from_secs(8)).0,
                "clear length {length}"
            );
        }
        for padding in [0, 3, 200, 255] {
            let mut wire = Wire::greeted(host.address());
            let mut packet = 12_u32.to_be_bytes().to_vec();
            packet.push(padding);
            packet.extend_from_slice(&[KEXINIT; 11]);
            wire.octets(&packet);
            assert!(wire.closes(Duration::from_secs(8)).0, "padding {padding}");
        }
        // Strings that are longer than their packet, in every message a stranger may send.
        for message in [
            Payload::new(KEXINIT).raw([7; 16]).u32(u32::MAX),
            Payload::new(KEXINIT)
                .raw([7; 16])
                .u32(0x7fff_ffff)
                .raw([b'a'; 100]),
            Payload::new(KEXINIT),
        ] {
            let mut wire = Wire::greeted(host.address());
            wire.packet(message.0);
            assert!(wire.closes(Duration::from_secs(8)).0);
        }
        for message in [
            Payload::new(KEX_ECDH_INIT).u32(u32::MAX),
            Payload::new(KEX_ECDH_INIT).string([]),
            Payload::new(KEX_ECDH_INIT).string([0; 32]),
            Payload::new(KEX_ECDH_INIT).string([0xff; 32]),
            Payload::new(KEX_ECDH_INIT).string([9; 1_000]),
            Payload::new(KEX_ECDH_INIT),
        ] {
            let mut wire = Wire::greeted(host.address());
            wire.packet(Wire::kexinit(true));
            wire.packet(&message.0);
            assert!(wire.closes(Duration::from_secs(8)).0, "{:?}", message.0);
        }
        for message in [
            Payload::new(SERVICE_REQUEST).u32(u32::MAX),
            Payload::new(USERAUTH_REQUEST).u32(u32::MAX),
            Payload::new(USERAUTH_REQUEST).string(USER).u32(0x8000_0000),
            Payload::new(USERAUTH_REQUEST)
                .string(USER)
                .string("ssh-connection")
                .string("publickey")
                .byte(1)
                .string("ssh-ed25519")
                .u32(u32::MAX),
            Payload::new(USERAUTH_REQUEST)
                .string([0xff, 0xfe])
                .string("ssh-connection")
                .string("none"),
        ] {
            let mut wire = Wire::asked(host.address());
            wire.packet(&message.0);
            let (closed, said) = wire.closes(Duration::from_secs(8));
            assert!(closed, "{:?}", message.0);
            grants_nothing(&said, "a broken request");
        }
        for length in [0, 15, 17, 0xffff_fff0, 1 << 24, 300_000] {
            let mut wire = Wire::asked(host.address());
            wire.sealed_raw(length, &[0; 32]);
            assert!(
                wire.closes(Duration::from_secs(8)).0,
                "sealed length {length}"
            );
        }
    });
}

/// A packet whose tag is wrong ends the connection: nothing of it is looked at.
#[test]
fn a_forged_packet_ends_the_connection() {
    let host = quick();
    let mut wire = Wire::asked(host.address());
    let mut forged = wire.framed(&auth_request("none", Payload::default()));
    let last = forged.len() - 1;
    forged[last] ^= 1;
    wire.octets(&forged);
    let (closed, said) = wire.closes(SOON);
    let kinds: Vec<u8> = said.iter().map(|packet| packet[0]).collect();
    assert!(closed && kinds == [DISCONNECT], "{said:?}");
}

/// CVE-2018-0286 (IOS XR): malformed input before the login restarts nothing.
#[test]
fn noise_before_the_login_restarts_nothing() {
    let host = quick();
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut noise = |length: usize| -> Vec<u8> {
        let next = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state as u8
        };
        std::iter::repeat_with(next).take(length).collect()
    };
    for round in 0..150 {
        let mut wire = match round % 3 {
            0 => Wire::to(host.address()),
            1 => Wire::greeted(host.address()),
            _ => Wire::keyed(host.address()),
        };
        for size in [1, 40, 700] {
            match round % 2 {
                0 => wire.octets(noise(size)),
                _ => drop(wire.packet(noise(size))),
            }
        }
        let _ = wire.tcp.shutdown(std::net::Shutdown::Write);
        wire.closes(SOON);
    }
    host.lives();
}

/// CVE-2019-15998 (IOS XR): the list of addresses that may connect holds on the NETCONF port.
#[test]
fn the_allow_list_holds_on_the_netconf_port() {
    let host = Host::process_with("[ssh]\nallow = [\"127.0.0.1\", \"127.1.0.0/16\"]\n", &[]);
    for (source, allowed) in [
        ([127, 0, 0, 1], true),
        ([127, 0, 0, 2], false),
        ([127, 1, 2, 3], true),
        ([127, 2, 0, 1], false),
    ] {
        let mut tcp = connect_from(source, host.address()).unwrap();
        tcp.set_read_timeout(Some(SOON)).unwrap();
        let mut first = [0; 4];
        let read = tcp.read(&mut first).unwrap_or(0);
        assert_eq!(read > 0, allowed, "{source:?}");
    }
    host.lives();
}

/// A connection that is closed half-way at every place leaves nothing behind.
#[test]
fn connections_that_vanish_leave_nothing_behind() {
    let host = quick();
    let files = || {
        let fds = format!("/proc/{}/fd", host.pid());
        std::fs::read_dir(fds).unwrap().count()
    };
    host.lives();
    let before = files();
    for round in 0..60 {
        match round % 5 {
            0 => drop(TcpStream::connect(host.address()).unwrap()),
            1 => drop(Wire::to(host.address())),
            2 => drop(Wire::greeted(host.address())),
            3 => drop(Wire::keyed(host.address())),
            _ => drop(Wire::asked(host.address())),
        }
    }
    crate::eventually("all connections are gone", || files() <= before);
    host.lives();
}
