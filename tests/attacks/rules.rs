//! What RFC 4251 to 4254, 4419, 5656 and 8268 ask of a server and no attack is about: an answer to each question and
//! no second one, algorithms for each direction, and patience with what is odd but legal.

use std::time::Duration;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};

use crate::peer::{Host, PASSWORD, USER};
use crate::places::{KEY_EXCHANGE_FAILED, LoggedIn, PROTOCOL_ERROR, login, session};
use crate::quick;
use crate::wire::*;

const SOON: Duration = Duration::from_millis(700);

/// Kinds of the messages that come until it is quiet.
fn kinds(wire: &mut Wire) -> Vec<u8> {
    let (_, said) = wire.closes(SOON);
    said.iter().map(|payload| payload[0]).collect()
}

fn offering(host: &Host, offer: Offer) -> Wire {
    let mut wire = Wire::greeted(host.address());
    wire.offer = offer;
    wire
}

/// RFC 4253 sections 6.3 and 7.1: the ciphers of the directions are agreed upon one by one, at the first exchange and
/// at any later one.
#[test]
fn each_direction_has_its_own_cipher() {
    const ONE: &str = "aes256-gcm@openssh.com";
    const OTHER: &str = "aes128-gcm@openssh.com";
    let host = quick();
    for ciphers in [[ONE, OTHER], [OTHER, ONE], [OTHER, OTHER]] {
        for strict in [false, true] {
            let mut wire = offering(
                &host,
                Offer {
                    ciphers,
                    ..Offer::default()
                },
            );
            wire.exchange_keys(strict);
            wire.ask_for_login();
            assert_eq!(wire.password(USER, PASSWORD), [USERAUTH_SUCCESS]);
            session(&mut wire, 0);
            wire.offer.ciphers = [ONE, ONE];
            wire.exchange_keys(strict);
            session(&mut wire, 1);
            wire.offer.ciphers = ciphers;
            wire.exchange_keys(strict);
            session(&mut wire, 2);
        }
    }
    for ciphers in [[ONE, "none"], ["none", ONE], [ONE, ""]] {
        let offer = Offer {
            ciphers,
            ..Offer::default()
        };
        let mut wire = offering(&host, offer);
        wire.packet(offer.kexinit(true));
        assert_eq!(wire.ends(&format!("{ciphers:?}")), KEY_EXCHANGE_FAILED);
    }
    host.lives();
}

/// RFC 5656 section 10.1: whoever has ECDSA has ECDH on the same curves.
#[test]
fn keys_are_exchanged_on_a_curve_of_nist() {
    let host = quick();
    let kex = "ecdh-sha2-nistp256";
    let mut wire = offering(
        &host,
        Offer {
            kex,
            ..Offer::default()
        },
    );
    wire.exchange_keys(true);
    wire.ask_for_login();
    assert_eq!(wire.password(USER, PASSWORD), [USERAUTH_SUCCESS]);
    session(&mut wire, 0);
    let offered = String::from_utf8_lossy(&wire.server_kexinit).into_owned();
    for kex in [kex, "ecdh-sha2-nistp384", "ecdh-sha2-nistp521"] {
        assert!(offered.contains(kex), "{offered}");
        // RFC 5656 section 4: a public key that is no point of the curve.
        let offer = Offer {
            kex,
            ..Offer::default()
        };
        for point in [vec![], vec![0], vec![4; 65], [&[4][..], &[0; 132]].concat()] {
            let mut wire = offering(&host, offer);
            wire.packet(offer.kexinit(true));
            wire.expect(KEXINIT);
            wire.packet(Payload::new(KEX_ECDH_INIT).string(&point).0);
            let why = wire.ends(&format!("{kex} {point:?}"));
            assert!([PROTOCOL_ERROR, KEY_EXCHANGE_FAILED].contains(&why));
        }
    }
    host.lives();
}

/// The prime that the server answers to a request for a group, `None` when it ends the connection.
fn group(host: &Host, min: u32, preferred: u32, max: u32) -> Option<Vec<u8>> {
    let kex = "diffie-hellman-group-exchange-sha256";
    let offer = Offer {
        kex,
        ..Offer::default()
    };
    let mut wire = offering(host, offer);
    wire.packet(offer.kexinit(true));
    wire.expect(KEXINIT);
    let request = Payload::new(KEX_DH_GEX_REQUEST);
    wire.packet(request.u32(min).u32(preferred).u32(max).0);
    match wire.receive(Duration::from_secs(5)) {
        Got::Packet(payload) if payload[0] == KEX_DH_GEX_GROUP => {
            let prime = take_string(&mut &payload[1..]);
            let zeros = prime.iter().take_while(|octet| **octet == 0).count();
            Some(prime[zeros..].to_vec())
        }
        Got::Packet(payload) if payload[0] == DISCONNECT => None,
        other => panic!("{other:?}"),
    }
}

/// RFC 4419 section 3: the smallest group of the size that the client prefers or above, or the largest there is; never
/// one outside of its bounds.
#[test]
fn a_group_is_within_the_bounds_that_the_client_asked_for() {
    let host = quick();
    for (min, preferred, max, expected) in [
        (2048, 2048, 8192, Some(2048)),
        (1024, 3000, 8192, Some(3072)),
        (2048, 7680, 8192, Some(8192)),
        (2048, 8192, 8192, Some(8192)),
        (8192, 8192, 8192, Some(8192)),
        (2048, 8192, 4096, None),
        (2048, 5000, 6000, Some(4096)),
        (2500, 2600, 3000, None),
        (3000, 3000, 3000, None),
        (8193, 9000, 9001, None),
        (4096, 2048, 1024, None),
    ] {
        let bits = group(&host, min, preferred, max).map(|prime| prime.len() * 8);
        assert_eq!(bits, expected, "{min} {preferred} {max}");
    }
    host.lives();
}

/// RFC 8268 section 4: a public key is above 1 and below p - 1.
#[test]
fn a_public_key_of_diffie_hellman_is_in_its_range() {
    let host = quick();
    // The prime of diffie-hellman-group14-sha256.
    let prime = group(&host, 2048, 2048, 2048).unwrap();
    let with_end = |end: u8| {
        let mut number = prime.clone();
        *number.last_mut().unwrap() = end;
        [&[0], &number[..]].concat()
    };
    let kex = "diffie-hellman-group14-sha256";
    let offer = Offer {
        kex,
        ..Offer::default()
    };
    for (what, public, good) in [
        ("0", vec![], false),
        ("1", vec![1], false),
        ("2", vec![2], true),
        ("p - 2", with_end(0xfd), true),
        ("p - 1", with_end(0xfe), false),
        ("p", with_end(0xff), false),
        ("-5", vec![0xfb], false),
        ("p, negative", prime.clone(), false),
        ("2^2056", [&[1][..], &[0; 257]].concat(), false),
    ] {
        let mut wire = offering(&host, offer);
        wire.packet(offer.kexinit(true));
        wire.expect(KEXINIT);
        wire.packet(Payload::new(KEX_ECDH_INIT).string(public).0);
        match good {
            true => drop(wire.expect(KEX_ECDH_REPLY)),
            false => {
                let why = wire.ends(what);
                assert!([PROTOCOL_ERROR, KEY_EXCHANGE_FAILED].contains(&why));
            }
        }
    }
    host.lives();
}

/// RFC 4254 section 5.1: an open has one answer; 3 is the code where the kind of channel is not known.
#[test]
fn an_open_that_is_refused_is_refused_once() {
    const PROHIBITED: u32 = 1;
    const UNKNOWN: u32 = 3;
    let host = quick();
    let mut wire = LoggedIn.reach(&host, true);
    let address = Payload::default().string("h").u32(1);
    let both = Payload::default().raw(&address.0).raw(&address.0);
    for (number, (kind, rest, code)) in [
        (&b"x11"[..], address, PROHIBITED),
        (b"direct-tcpip", both.clone(), PROHIBITED),
        (b"forwarded-tcpip", both, PROHIBITED),
        (b"auth-agent@openssh.com", Payload::default(), PROHIBITED),
        (
            b"forwarded-streamlocal@openssh.com",
            Payload::default().string("/x").string(""),
            PROHIBITED,
        ),
        (
            b"direct-streamlocal@openssh.com",
            Payload::default().string("/x").string("").u32(0),
            PROHIBITED,
        ),
        (
            b"tun@openssh.com",
            Payload::default().u32(1).u32(0),
            UNKNOWN,
        ),
        (b"SESSION", Payload::default(), UNKNOWN),
        (b"", Payload::default(), UNKNOWN),
        (b"\xff\xfe", Payload::default(), UNKNOWN),
    ]
    .into_iter()
    .enumerate()
    {
        let number = number as u32 + 7;
        let open = Payload::new(CHANNEL_OPEN).string(kind);
        let open = open.u32(number).u32(1 << 20).u32(1 << 15).raw(rest.0);
        wire.packet(open.0);
        let (closed, said) = wire.closes(SOON);
        let what = String::from_utf8_lossy(kind).into_owned();
        assert!(!closed && said.len() == 1, "{what}: {said:?}");
        let expected = Payload::new(CHANNEL_OPEN_FAILURE).u32(number).u32(code);
        assert_eq!(said[0][..9], expected.0, "{what}");
    }
    session(&mut wire, 1);
    host.lives();
}

/// RFC 4254 section 5.4: whoever wants a reply to a channel request gets one, and nobody else does.
#[test]
fn each_channel_request_is_answered_when_an_answer_is_wanted() {
    let host = quick();
    let mut wire = LoggedIn.reach(&host, true);
    let channel = session(&mut wire, 1);
    let size = Payload::default().u32(80).u32(24).u32(0).u32(0);
    let pty = Payload::default().string("x").raw(&size.0);
    let signal = |name: &str| Payload::default().string(name);
    for (kind, rest, granted) in [
        ("window-change", size, true),
        ("signal", signal("TERM"), false),
        ("signal", signal("no-such-signal"), false),
        ("xon-xoff", Payload::default().byte(1), false),
        ("exit-status", Payload::default().u32(0), false),
        ("eow@openssh.com", Payload::default(), false),
        ("", Payload::default(), false),
        // RFC 4254 section 8: modes end at TTY_OP_END, and at codes of 160 and above.
        ("pty-req", pty.clone().string(""), true),
        ("pty-req", pty.clone().string([1, 0, 0, 0, 3, 200, 7]), true),
        ("pty-req", pty.string([0, 9, 9]), true),
    ] {
        let answer = if granted {
            CHANNEL_SUCCESS
        } else {
            CHANNEL_FAILURE
        };
        // RFC 4251 section 5: any value but 0 is TRUE.
        for (wants, expected) in [(0, vec![]), (1, vec![answer]), (2, vec![answer])] {
            let request = Payload::new(CHANNEL_REQUEST).u32(channel).string(kind);
            wire.packet(request.byte(wants).raw(&rest.0).0);
            assert_eq!(kinds(&mut wire), expected, "{kind} {wants}");
        }
    }
    host.lives();
}

/// Clients send their environment and what was typed as they are; what is not UTF-8 is refused where it is not
/// known, and ends nothing (RFC 4251 section 5: a string is any octets).
#[test]
fn texts_in_another_encoding_are_refused_and_end_no_connection() {
    const LATIN: [u8; 2] = [0xe9, 0x20];
    let host = quick();
    let mut wire = Wire::asked(host.address());
    let password = |change: u8| Payload::default().byte(change).string(LATIN);
    for attempt in [
        login("password", password(0)),
        login("password", password(1).string(LATIN)),
        login(
            "publickey",
            Payload::default().byte(0).string(LATIN).string("k"),
        ),
    ] {
        wire.packet(attempt);
        wire.expect(USERAUTH_FAILURE);
    }
    assert_eq!(wire.password(USER, PASSWORD), [USERAUTH_SUCCESS]);
    wire.packet(Payload::new(GLOBAL_REQUEST).string(LATIN).byte(1).0);
    wire.expect(REQUEST_FAILURE);
    let channel = wire.open_channel(0, 1 << 20, 1 << 15);
    let pty = Payload::default().string(LATIN).raw([0; 16]).string("");
    for (kind, rest, granted) in [
        (
            "env",
            Payload::default().string("LC_X").string(LATIN),
            false,
        ),
        ("env", Payload::default().string(LATIN).string(""), false),
        ("subsystem", Payload::default().string(LATIN), false),
        ("signal", Payload::default().string(LATIN), false),
        ("pty-req", pty, true),
        ("subsystem", Payload::default().string("netconf"), true),
    ] {
        assert_eq!(wire.request(channel, kind, rest), Some(granted), "{kind}");
    }
    host.lives();
}

/// RFC 4252 section 7: what is no signature is not a correct one, and the request is refused; RFC 4251 section 5: a
/// boolean that says that there is one is any value but 0.
#[test]
fn a_signature_that_is_none_is_refused_and_one_that_is_right_counts() {
    let host = quick();
    let pair = Ed25519KeyPair::generate().unwrap();
    let blob = Payload::default().string("ssh-ed25519");
    let blob = blob.string(pair.public_key().as_ref()).0;
    let key = russh::keys::PublicKey::from_bytes(&blob).unwrap();
    let add = lifeline::northbound::admin::Request::UserAdd {
        name: "keyed".to_owned(),
        password: None,
        keys: vec![key.to_openssh().unwrap()],
        groups: Vec::new(),
    };
    let reply = lifeline::northbound::admin::ask(host.data(), &add).unwrap();
    assert_eq!(reply, lifeline::northbound::admin::Reply::Ok);
    let request = |signed: u8| {
        Payload::new(USERAUTH_REQUEST)
            .string("keyed")
            .string("ssh-connection")
            .string("publickey")
            .byte(signed)
            .string("ssh-ed25519")
            .string(&blob)
    };
    let mut wire = Wire::asked(host.address());
    let ed25519 = Payload::default().string("ssh-ed25519");
    for none in [
        vec![],
        b"junk".to_vec(),
        ed25519.clone().string([7; 63]).0,
        ed25519.clone().string([7; 64]).string("more").0,
    ] {
        wire.packet(request(1).string(none).0);
        wire.expect(USERAUTH_FAILURE);
    }
    let over = Payload::default()
        .string(&wire.session_id)
        .raw(request(1).0);
    let right = ed25519.string(pair.sign(&over.0).as_ref());
    wire.packet(request(2).string(right.0).0);
    wire.expect(USERAUTH_SUCCESS);
    host.lives();
}
