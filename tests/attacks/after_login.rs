//! What a user who has logged in can do with SSH alone.

use std::time::Duration;

use crate::peer::{Host, PASSWORD, USER};
use crate::wire::*;
use crate::{flat, quick};

const SOON: Duration = Duration::from_secs(5);

fn user(host: &Host) -> Wire {
    Wire::logged_in(host.address(), USER, PASSWORD)
}

fn subsystem(wire: &mut Wire, channel: u32) {
    let granted = wire.request(channel, "subsystem", Payload::default().string("netconf"));
    assert_eq!(granted, Some(true));
}

/// CVE-2021-1572 (ConfD): the subsystem `netconf`, a terminal that does nothing, and nothing else.
#[test]
fn nothing_but_netconf_is_run() {
    let host = quick();
    let mut wire = user(&host);
    let channel = wire.open_channel(0, 1 << 20, 1 << 15);
    for (kind, rest) in [
        ("shell", Payload::default()),
        ("exec", Payload::default().string("id > /tmp/pwned")),
        ("subsystem", Payload::default().string("sftp")),
        ("subsystem", Payload::default().string("netconf\0")),
        ("subsystem", Payload::default().string("NETCONF")),
        ("subsystem", Payload::default().string("../netconf")),
        (
            "env",
            Payload::default().string("LD_PRELOAD").string("/tmp/x.so"),
        ),
        (
            "x11-req",
            Payload::default()
                .byte(0)
                .string("MIT-MAGIC-COOKIE-1")
                .string("00")
                .u32(0),
        ),
        ("auth-agent-req@openssh.com", Payload::default()),
        ("no-such-request", Payload::default()),
    ] {
        assert_eq!(wire.request(channel, kind, rest), Some(false), "{kind}");
    }
    let pty = Payload::default()
        .string("xterm")
        .u32(80)
        .u32(24)
        .u32(0)
        .u32(0)
        .string("");
    assert_eq!(wire.request(channel, "pty-req", pty), Some(true));
    for (kind, rest) in [
        (
            "direct-tcpip",
            Payload::default()
                .string("127.0.0.1")
                .u32(22)
                .string("127.0.0.1")
                .u32(1),
        ),
        (
            "direct-streamlocal@openssh.com",
            Payload::default().string("/run/x").string("").u32(0),
        ),
        (
            "forwarded-tcpip",
            Payload::default().string("a").u32(1).string("b").u32(2),
        ),
        ("x11", Payload::default().string("a").u32(1)),
        ("auth-agent@openssh.com", Payload::default()),
        ("tun@openssh.com", Payload::default().u32(1).u32(0)),
    ] {
        let open = Payload::new(CHANNEL_OPEN)
            .string(kind)
            .u32(7)
            .u32(1 << 20)
            .u32(1 << 15)
            .raw(rest.0);
        wire.packet(open.0);
        wire.expect(CHANNEL_OPEN_FAILURE);
    }
    for (kind, rest) in [
        ("tcpip-forward", Payload::default().string("0.0.0.0").u32(0)),
        (
            "cancel-tcpip-forward",
            Payload::default().string("0.0.0.0").u32(0),
        ),
        (
            "streamlocal-forward@openssh.com",
            Payload::default().string("/tmp/x"),
        ),
        ("hostkeys-prove-00@openssh.com", Payload::default()),
    ] {
        let request = Payload::new(GLOBAL_REQUEST)
            .string(kind)
            .byte(1)
            .raw(rest.0);
        wire.packet(request.0);
        wire.expect(REQUEST_FAILURE);
    }
    subsystem(&mut wire, channel);
    let hello = wire.expect(CHANNEL_DATA);
    assert!(
        String::from_utf8_lossy(&hello).contains("<hello"),
        "and no echo"
    );
    host.lives();
}

/// A connection has four channels, and a channel one session.
#[test]
fn channels_and_sessions_of_a_connection_are_bounded() {
    let host = quick();
    let mut wire = user(&host);
    let channels: Vec<u32> = (0..4)
        .map(|n| wire.open_channel(n, 1 << 20, 1 << 15))
        .collect();
    for number in 4..20 {
        wire.packet(Wire::channel_open(number, 1 << 20, 1 << 15));
        wire.expect(CHANNEL_OPEN_FAILURE);
    }
    for channel in channels {
        subsystem(&mut wire, channel);
        let again = wire.request(channel, "subsystem", Payload::default().string("netconf"));
        assert_eq!(again, Some(false));
    }
    host.lives();
}

/// GHSA-h5rc-j5f5-3gcm: windows that overflow; GHSA-fw5c-8223-6h42: a largest packet of 0.
#[test]
fn windows_and_packet_sizes_that_make_no_sense_hurt_nobody() {
    let host = quick();
    flat(&host, 32, || {
        for (window, packet) in [
            (u32::MAX, u32::MAX),
            (0, 1 << 15),
            (1 << 20, 0),
            (1 << 20, 1),
            (1, 1),
            (0, 0),
            (u32::MAX, 0),
        ] {
            let mut wire = user(&host);
            wire.packet(Wire::channel_open(0, window, packet));
            let answer = wire.receive(SOON);
            let Got::Packet(answer) = answer else {
                panic!("{answer:?}");
            };
            if answer.first() != Some(&CHANNEL_OPEN_CONFIRMATION) {
                assert_eq!(packet, 0, "{answer:?}");
                continue;
            }
            let channel = &answer[5..9];
            let request = Payload::new(CHANNEL_REQUEST).raw(channel);
            let request = request.string("subsystem").byte(1);
            wire.packet(request.string("netconf").0);
            for amount in [0, 1, u32::MAX - 1 - window.min(u32::MAX - 1), u32::MAX] {
                let adjust = Payload::new(CHANNEL_WINDOW_ADJUST).raw(channel);
                wire.packet(adjust.u32(amount).0);
            }
            wire.closes(Duration::from_millis(300));
        }
        host.lives();
    });
}

/// Data beyond the window, for channels that are not there, and of the wrong kind.
#[test]
fn data_that_was_not_allowed_hurts_nobody_else() {
    let host = quick();
    flat(&host, 32, || {
        let mut wire = user(&host);
        let channel = wire.open_channel(0, 1 << 20, 1 << 15);
        subsystem(&mut wire, channel);
        for other in [channel + 1, 77, u32::MAX] {
            for kind in [94, 95, 96, 97, 98, 99, 100, 91, 92, 93] {
                wire.packet(Payload::new(kind).u32(other).u32(1).u32(1).u32(1).0);
            }
        }
        wire.closes(Duration::from_millis(300));

        let mut wire = user(&host);
        let channel = wire.open_channel(0, 1 << 20, 1 << 15);
        subsystem(&mut wire, channel);
        // 64 MiB without a grant, of a message that never ends.
        let data = Payload::new(CHANNEL_DATA)
            .u32(channel)
            .string([b' '; 32_000]);
        for _ in 0..2_000 {
            if !wire.packet(&data.0) {
                break;
            }
        }
        host.lives();
    });
}

/// Messages that only a server sends, from somebody who is logged in.
#[test]
fn server_messages_from_a_user_change_nothing() {
    let host = quick();
    for message in [
        Payload::new(SERVICE_ACCEPT).string("ssh-userauth").0,
        Payload::new(SERVICE_REQUEST).string("ssh-userauth").0,
        vec![USERAUTH_SUCCESS],
        Payload::new(USERAUTH_FAILURE).string("").byte(0).0,
        Payload::new(60).string("x").string("y").0,
        Payload::new(81).0,
        Payload::new(CHANNEL_SUCCESS).u32(0).0,
        Payload::new(CHANNEL_OPEN_CONFIRMATION)
            .u32(5)
            .u32(5)
            .u32(1)
            .u32(1)
            .0,
        Payload::new(CHANNEL_OPEN_FAILURE)
            .u32(5)
            .u32(1)
            .string("")
            .string("")
            .0,
        Payload::new(USERAUTH_REQUEST)
            .string("root")
            .string("ssh-connection")
            .string("none")
            .0,
    ] {
        let mut wire = user(&host);
        let channel = wire.open_channel(0, 1 << 20, 1 << 15);
        wire.packet(&message);
        // Either it is over, or the session that comes is the user's own.
        let request = Payload::default().string("netconf");
        if wire.request(channel, "subsystem", request).is_some() {
            let hello = wire.expect(CHANNEL_DATA);
            assert!(String::from_utf8_lossy(&hello).contains("<hello"));
        }
    }
    host.lives();
    let log = std::fs::read_to_string(host.data().join("audit/audit.log")).unwrap();
    for line in log.lines().filter(|line| line.contains("session-opened")) {
        assert!(line.contains(&format!("\"who\":\"{USER}\"")), "{line}");
    }
}

/// Keys are exchanged anew when the client wants, and a client that does so without end hurts nobody.
#[test]
fn new_keys_without_end_cost_no_memory() {
    let host = quick();
    flat(&host, 16, || {
        let mut wire = user(&host);
        for _ in 0..50 {
            wire.packet(Wire::kexinit(true));
            // Channel messages do not belong into a key exchange.
            for _ in 0..50 {
                wire.packet(Wire::channel_open(1, 1 << 20, 1 << 15));
            }
        }
        assert!(wire.closes(SOON).0);
    });
}

/// CVE-2026-46673: an answer of an agent that nobody asked.
#[test]
fn frames_of_an_agent_are_not_read() {
    let host = quick();
    let mut wire = user(&host);
    let open = Payload::new(CHANNEL_OPEN)
        .string("auth-agent@openssh.com")
        .u32(1)
        .u32(1 << 20)
        .u32(1 << 15);
    wire.packet(open.0);
    wire.expect(CHANNEL_OPEN_FAILURE);
    let channel = wire.open_channel(2, 1 << 20, 1 << 15);
    subsystem(&mut wire, channel);
    wire.packet(Payload::new(CHANNEL_DATA).u32(1).string([0xff; 64]).0);
    assert!(wire.closes(SOON).0);
    host.lives();
}

/// What is answered without being asked for is answered no faster than the client reads: UNIMPLEMENTED, refused
/// requests.
#[test]
fn answers_that_nobody_reads_cost_no_memory() {
    let host = quick();
    flat(&host, 16, || {
        for message in [
            vec![PING],
            Payload::new(GLOBAL_REQUEST).string("x@y").byte(1).0,
            Payload(Wire::channel_open(1, 1, 1)).0,
        ] {
            let mut wire = user(&host);
            wire.tcp
                .set_write_timeout(Some(Duration::from_secs(1)))
                .unwrap();
            let mut sent = 0;
            while sent < 300_000 && wire.packet(&message) {
                sent += 1;
            }
            println!("{sent} of message {} taken unread", message[0]);
            host.lives();
        }
    });
}

/// RFC 4253 section 9: keys are exchanged anew when enough was sent; whoever does not take part, and talks on, is cut.
#[test]
fn a_client_that_takes_no_part_in_new_keys_is_cut() {
    let host = Host::process_with(
        "[ssh]\nauth-rejection-milliseconds = 1\nrekey-bytes = 1048576\n",
        &[],
    );
    flat(&host, 16, || {
        for message in [vec![PING; 1_000], Payload(Wire::channel_open(1, 1, 1)).0] {
            let mut wire = user(&host);
            for _ in 0..40 {
                wire.packet(Payload::new(IGNORE).string(vec![0; 32_000]).0);
            }
            wire.expect_past(KEXINIT);
            wire.tcp.set_write_timeout(Some(SOON)).unwrap();
            let mut sent = 0;
            // Twice the window of 256 KiB may be under way.
            while sent < 600 << 10 && wire.packet(&message) {
                sent += message.len();
            }
            assert_eq!(wire.ends("no part in new keys"), 2);
        }
    });
}
