//! Who gets in, who does not, and how often it may be tried.

use std::io::Read;
use std::time::{Duration, Instant};

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};

use crate::peer::{Host, PASSWORD, USER};
use crate::quick;
use crate::wire::*;

fn refused(answer: &[u8]) -> bool {
    matches!(
        answer.first(),
        None | Some(&(USERAUTH_FAILURE | DISCONNECT))
    )
}

/// CVE-2018-0121 (ESC): an empty password opened the door.
#[test]
fn empty_long_and_nul_passwords_are_refused() {
    let host = quick();
    let long = "x".repeat(200_000);
    let nul = format!("{PASSWORD}\0");
    let cases: [(&str, &[u8]); 9] = [
        (USER, b""),
        (USER, b"\0"),
        (USER, long.as_bytes()),
        (USER, nul.as_bytes()),
        (USER, &[0xff, 0xfe, 0xfd]),
        (USER, b"nobody"),
        ("", PASSWORD.as_bytes()),
        ("edge\0root", PASSWORD.as_bytes()),
        (&long[..60_000], PASSWORD.as_bytes()),
    ];
    for (user, password) in cases {
        let mut wire = Wire::asked(host.address());
        let answer = wire.password(user, password);
        assert!(refused(&answer), "{:.20} {answer:?}", user);
        // What is refused leaves no state: nothing is open behind it.
        wire.packet(Wire::channel_open(0, 1 << 20, 1 << 15));
        let (_, said) = wire.closes(Duration::from_millis(200));
        let opened = |packet: &Vec<u8>| packet.first() == Some(&CHANNEL_OPEN_CONFIRMATION);
        assert!(!said.iter().any(opened));
    }
    host.lives();
}

/// GHSA-hpv4-5h6f-wqr3 (russh): what was found out about one user does not count for another.
#[test]
fn a_user_name_that_changes_between_attempts_gains_nothing() {
    let host = quick();
    let key = russh::keys::PrivateKey::random(&mut rand::rng(), russh::keys::Algorithm::Ed25519);
    let key = key.unwrap();
    let line = key.public_key().to_openssh().unwrap();
    let add = lifeline::northbound::admin::Request::UserAdd {
        name: "keyed".to_owned(),
        password: None,
        keys: vec![line],
        groups: Vec::new(),
    };
    let reply = lifeline::northbound::admin::ask(host.data(), &add).unwrap();
    assert_eq!(reply, lifeline::northbound::admin::Reply::Ok);
    let blob = key.public_key().to_bytes().unwrap();
    let offer = |user: &str, rest: &[u8]| {
        Payload::new(USERAUTH_REQUEST)
            .string(user)
            .string("ssh-connection")
            .string("publickey")
            .byte(u8::from(!rest.is_empty()))
            .string("ssh-ed25519")
            .string(&blob)
            .raw(rest)
            .0
    };
    let mut wire = Wire::asked(host.address());
    wire.packet(offer("keyed", &[]));
    wire.expect(60);
    // The offer was good for "keyed"; for others it is not, nor is a signature over nothing.
    let forged =
        Payload::default().string(Payload::default().string("ssh-ed25519").string([0; 64]).0);
    for (user, rest) in [
        (USER, &[][..]),
        (USER, &forged.0),
        ("keyed", &forged.0),
        ("", &forged.0),
    ] {
        wire.packet(offer(user, rest));
        let Got::Packet(answer) = wire.receive(Duration::from_secs(5)) else {
            continue;
        };
        assert!(refused(&answer), "{user} {answer:?}");
    }
    // And a password of one with the name of the other.
    let mut wire = Wire::asked(host.address());
    assert!(refused(&wire.password(USER, "wrong")));
    assert!(refused(&wire.password("keyed", PASSWORD)));
    let answer = wire.password(USER, PASSWORD);
    assert!(refused(&answer) || answer.first() == Some(&USERAUTH_SUCCESS));
    host.lives();
}

/// CVE-2018-0130 and its kin (ESC): no account that somebody did not make, and none of the well-known ones.
#[test]
fn there_is_no_default_account() {
    let host = Host::process_with(
        "[ssh]\nauth-rejection-milliseconds = 1\n[ssh.penalties]\nenabled = false\n",
        &[],
    );
    for user in [
        "admin", "root", "esc", "cisco", "netconf", "lifeline", "nobody", "test",
    ] {
        let mut wire = Wire::asked(host.address());
        for password in [user, "admin", "cisco123", "lifeline", "nobody"] {
            assert!(refused(&wire.password(user, password)), "{user} {password}");
        }
    }
    host.lives();
}

/// Six attempts per connection, thirty per source in a minute, whatever the number of connections.
#[test]
fn guessing_is_held_to_six_per_connection_and_thirty_per_source_and_minute() {
    let host = Host::process_with(
        "[ssh]\nauth-rejection-milliseconds = 1\n[ssh.penalties]\nexempt = []\nauth-failed-seconds = 0\nno-auth-seconds = 0\n",
        &[],
    );
    let began = Instant::now();
    let (mut asked, mut most) = (0, 0);
    while began.elapsed() < Duration::from_secs(12) {
        let tcp = connect_from([127, 0, 0, 9], host.address()).unwrap();
        let Some(mut wire) = Wire::open(tcp) else {
            std::thread::sleep(Duration::from_millis(100));
            continue;
        };
        wire.octets("SSH-2.0-attacker_1.0\r\n");
        wire.exchange_keys(true);
        wire.ask_for_login();
        let mut here = 0;
        while wire.password(USER, "wrong").first() == Some(&USERAUTH_FAILURE) {
            here += 1;
        }
        most = most.max(here);
        asked += here;
    }
    println!("{asked} guesses in 12 s, at most {most} on one connection");
    assert!((1..=6).contains(&most), "{most}");
    assert!((6..=30).contains(&asked), "{asked}");
    // Somebody else at the same time, and the audit log counted.
    let tcp = connect_from([127, 0, 0, 10], host.address()).unwrap();
    let mut other = host.silent_over(tcp);
    assert!(other.message().contains("<hello"));
    let log = std::fs::read_to_string(host.data().join("audit/audit.log")).unwrap();
    let wrong = log
        .lines()
        .filter(|line| line.contains("wrong user or credentials"));
    assert!(wrong.count() <= 30);
}

/// Twenty connections at once from one source guess no faster than one.
#[test]
fn many_connections_guess_no_faster() {
    let host = Host::process_with(
        "[ssh]\nauth-rejection-milliseconds = 100\n[ssh.penalties]\nexempt = []\n",
        &[],
    );
    let address = host.address();
    let guessers: Vec<_> = (0..20)
        .map(|_| {
            std::thread::spawn(move || {
                let mut guesses = 0;
                let began = Instant::now();
                while began.elapsed() < Duration::from_secs(8) {
                    let tcp = connect_from([127, 0, 0, 11], address).unwrap();
                    let Some(mut wire) = Wire::open(tcp) else {
                        std::thread::sleep(Duration::from_millis(50));
                        continue;
                    };
                    wire.octets("SSH-2.0-attacker_1.0\r\n");
                    let talked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                        wire.exchange_keys(true);
                        wire.ask_for_login();
                        while wire.password(USER, "wrong").first() == Some(&USERAUTH_FAILURE) {
                            guesses += 1;
                        }
                    }));
                    // A connection that is refused in the middle ends this one only.
                    drop(talked);
                }
                guesses
            })
        })
        .collect();
    let guesses: usize = guessers.into_iter().map(|one| one.join().unwrap()).sum();
    println!("{guesses} guesses by twenty connections in 8 s");
    let log = std::fs::read_to_string(host.data().join("audit/audit.log")).unwrap();
    let checked = log
        .lines()
        .filter(|line| line.contains("wrong user or credentials"));
    let checked = checked.count();
    assert!(
        (1..=30).contains(&checked),
        "{checked} passwords were checked"
    );
}

/// A source under penalty is told so before anything is read, and time heals it.
#[test]
fn a_source_that_failed_is_kept_out_for_its_time() {
    let host = Host::process_with(
        "[ssh]\nauth-rejection-milliseconds = 1\n[ssh.penalties]\nexempt = []\nauth-failed-seconds = 2\nmin-seconds = 2\n",
        &[],
    );
    let from = |last| connect_from([127, 0, 0, last], host.address()).unwrap();
    let mut wire = Wire::open(from(12)).unwrap();
    wire.octets("SSH-2.0-attacker_1.0\r\n");
    wire.exchange_keys(true);
    wire.ask_for_login();
    assert!(refused(&wire.password(USER, "wrong")));
    drop(wire);
    crate::eventually("it is kept out", || {
        let mut line = [0; 64];
        let mut tcp = from(12);
        tcp.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        let read = tcp.read(&mut line).unwrap_or(0);
        line[..read] == *b"Not allowed at this time\r\n"
    });
    assert!(Wire::open(from(13)).is_some());
    crate::eventually("and let in again", || Wire::open(from(12)).is_some());
}

/// RFC 4252 section 7: a signature is over the identifier of its session, the user and the request; one that is over
/// anything else is refused and told. New keys keep the identifier.
#[test]
fn a_signature_counts_for_its_session_user_and_request_alone() {
    let host = quick();
    let pair = Ed25519KeyPair::generate().unwrap();
    let blob = Payload::default().string("ssh-ed25519");
    let blob = blob.string(pair.public_key().as_ref()).0;
    let key = russh::keys::PublicKey::from_bytes(&blob).unwrap();
    for name in ["keyed", "other"] {
        let add = lifeline::northbound::admin::Request::UserAdd {
            name: name.to_owned(),
            password: None,
            keys: vec![key.to_openssh().unwrap()],
            groups: Vec::new(),
        };
        let reply = lifeline::northbound::admin::ask(host.data(), &add).unwrap();
        assert_eq!(reply, lifeline::northbound::admin::Reply::Ok);
    }
    let request = |user: &str, service: &str| {
        Payload::new(USERAUTH_REQUEST)
            .string(user)
            .string(service)
            .string("publickey")
            .byte(1)
            .string("ssh-ed25519")
            .string(&blob)
    };
    let signature = |id: &[u8], over: &[u8]| {
        let signed = Payload::default().string(id).raw(over).0;
        let signature = Payload::default().string("ssh-ed25519");
        signature.string(pair.sign(&signed).as_ref()).0
    };
    let good = request("keyed", "ssh-connection");
    let foreign = Wire::asked(host.address()).session_id;
    for (n, again) in [
        (0, false),
        (1, false),
        (2, false),
        (3, false),
        (4, false),
        (5, true),
        (6, false),
    ] {
        let mut wire = Wire::asked(host.address());
        if again {
            wire.exchange_keys(true);
        }
        let id = wire.session_id.clone();
        assert_eq!(id.len(), 32);
        let signature = match n {
            0 => signature(&foreign, &good.0),
            1 => signature(&[], &good.0),
            2 => signature(&id, &request("other", "ssh-connection").0),
            3 => signature(&id, &good.0[..good.0.len() - 1]),
            4 => {
                let mut broken = signature(&id, &good.0);
                *broken.last_mut().unwrap() ^= 1;
                broken
            }
            _ => signature(&id, &good.0),
        };
        wire.packet(good.clone().string(signature).0);
        match n {
            0..5 => drop(wire.expect(USERAUTH_FAILURE)),
            _ => drop(wire.expect(USERAUTH_SUCCESS)),
        }
    }
    crate::eventually("they are told", || {
        let log = std::fs::read_to_string(host.data().join("audit/audit.log")).unwrap();
        log.matches("wrong signature").count() == 5
    });
    host.lives();
}

/// What stands in a name does nothing to who reads the audit log, and the log is what it was.
#[test]
fn a_name_that_lies_is_told_harmlessly() {
    let host = quick();
    let long = "y".repeat(300);
    let names = [
        "evil\nWARN nothing happened",
        "\u{1b}[2Jroot",
        "\u{9b}2Jroot",
        "a\u{202e}toor\u{2066}\u{200b}",
        "line\u{2028}line\u{85}line\r",
        "\",\"hash\":\"00\"}\n{\"who\":\"root",
        "nul\0",
        long.as_str(),
    ];
    for name in names {
        let mut wire = Wire::asked(host.address());
        assert!(refused(&wire.password(name, "wrong")));
    }
    let path = host.data().join("audit/audit.log");
    let mut told = Vec::new();
    crate::eventually("all are told", || {
        let log = std::fs::read_to_string(&path).unwrap();
        let bad =
            |c: char| c.is_control() && c != '\n' || "\u{200b}\u{2028}\u{202e}\u{2066}".contains(c);
        assert!(!log.contains(bad), "{log:?}");
        let records = log.lines().map(|line| serde_json::from_str(line).unwrap());
        let logins = records.filter(|one: &serde_json::Value| one["result"] == "refused");
        told = logins
            .map(|one| one["who"].as_str().unwrap().to_owned())
            .collect();
        told.len() == names.len()
    });
    assert_eq!(told, names);
    let verify = std::process::Command::new(env!("CARGO_BIN_EXE_lifeline"))
        .args(["audit", "verify", "--data-dir"])
        .arg(host.data())
        .output()
        .unwrap();
    assert!(verify.status.success(), "{verify:?}");
}
