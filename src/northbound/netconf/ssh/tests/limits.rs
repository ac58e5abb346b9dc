//! What strangers and greedy users can hold.

use std::io::Read;
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use tokio::time::Instant;

use super::super::{PenaltySettings, SshSettings, StartupSettings};
use super::harness::{Server, Sessions, alone, eventually, line, netconf, quick};

/// Connects from a chosen loopback address.
fn from(source: [u8; 4], to: SocketAddr) -> TcpStream {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    let local = SocketAddr::from((source, 0));
    socket.bind(&local.into()).unwrap();
    socket.connect(&to.into()).unwrap();
    let tcp = TcpStream::from(socket);
    tcp.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    tcp
}

fn first_line(tcp: &mut TcpStream) -> String {
    line(tcp).trim_end().to_owned()
}

#[test]
fn six_wrong_passwords_end_the_connection_and_a_rejection_takes_its_time() {
    let server = Server::start(SshSettings {
        auth_rejection_milliseconds: 200,
        ..SshSettings::default()
    });
    let session = server.connect();
    // The probe with `none` is no attempt and not delayed.
    let start = Instant::now();
    let methods = session.auth_methods("ann").unwrap().to_owned();
    assert_eq!(methods, "publickey,password");
    assert!(start.elapsed() < Duration::from_millis(150));
    for attempt in 1..=6 {
        let start = Instant::now();
        assert!(session.userauth_password("ann", "wrong").is_err());
        assert!(start.elapsed() >= Duration::from_millis(195), "{attempt}");
    }
    assert!(session.userauth_password("ann", "ann-secret").is_err());
    assert!(!session.authenticated());
    assert_eq!(server.counters().auth_failures(), 6);
    // Five failures leave one attempt.
    let session = server.connect();
    for _ in 0..5 {
        assert!(session.userauth_password("ann", "wrong").is_err());
    }
    session.userauth_password("ann", "ann-secret").unwrap();
    netconf(&session);
}

#[test]
fn implausible_names_and_passwords_are_refused_without_asking() {
    let server = Server::start(quick());
    let session = server.connect();
    assert!(session.userauth_password("ann", "").is_err());
    assert!(
        session
            .userauth_password("ann", &"x".repeat(2_000))
            .is_err()
    );
    assert!(session.userauth_password("", "-secret").is_err());
    assert_eq!(
        server.users.asked.load(std::sync::atomic::Ordering::SeqCst),
        0
    );
}

#[test]
fn a_silent_stranger_is_cut_when_the_login_time_is_over() {
    let server = Server::start(SshSettings {
        login_seconds: 1,
        ..quick()
    });
    let start = Instant::now();
    let mut silent = from([127, 0, 0, 1], server.address);
    assert!(first_line(&mut silent).starts_with("SSH-2.0-lifeline_"));
    // Somebody who talks SSH and does not log in fares no better.
    let idle = server.connect();
    let mut rest = Vec::new();
    let _ = silent.read_to_end(&mut rest);
    assert!(start.elapsed() < Duration::from_secs(4));
    eventually("the second is cut as well", || {
        idle.userauth_password("ann", "ann-secret").is_err()
    });
}

#[test]
fn a_login_without_a_session_or_hello_is_cut() {
    let server = Server::with(
        SshSettings {
            login_seconds: 1,
            ..quick()
        },
        Sessions {
            mute: true,
            ..Sessions::default()
        },
    );
    let bare = server.ssh2("ann");
    let mute = server.ssh2("bob");
    let mut channel = netconf(&mute);
    let start = Instant::now();
    let mut rest = Vec::new();
    let _ = channel.read_to_end(&mut rest);
    assert!(start.elapsed() < Duration::from_secs(4));
    eventually("the one without a session is cut", || {
        bare.channel_session().is_err()
    });
}

#[test]
fn an_established_session_outlives_the_login_time() {
    let server = Server::start(SshSettings {
        login_seconds: 1,
        ..quick()
    });
    let session = server.ssh2("ann");
    let mut channel = netconf(&session);
    std::thread::sleep(Duration::from_millis(2_500));
    use std::io::Write;
    channel.write_all(b"alive\n").unwrap();
    assert_eq!(line(&mut channel), "alive");
}

#[test]
fn a_source_has_five_pending_logins_its_next_ones_wait_and_others_get_in() {
    let server = Server::start(SshSettings {
        startups: StartupSettings {
            waiting_per_source: 1,
            patience_milliseconds: 60_000,
            ..StartupSettings::default()
        },
        ..quick()
    });
    let mut pending: Vec<_> = (0..5)
        .map(|_| from([127, 0, 0, 9], server.address))
        .collect();
    for tcp in &mut pending {
        assert!(first_line(tcp).starts_with("SSH-2.0-"));
    }
    let mut sixth = from([127, 0, 0, 9], server.address);
    let mut seventh = from([127, 0, 0, 9], server.address);
    // One may wait: the one that has waited longest goes.
    assert_eq!(first_line(&mut sixth), "Exceeded MaxStartups");
    netconf(&server.ssh2("ann"));
    // A place given back is the waiting one's.
    drop(pending.pop());
    assert!(first_line(&mut seventh).starts_with("SSH-2.0-"));
    assert_eq!(server.counters().refused_startups(), 1);
}

#[test]
fn logins_that_say_nothing_give_way_to_those_of_their_source_that_wait() {
    let server = Server::start(SshSettings {
        startups: StartupSettings {
            patience_milliseconds: 300,
            ..StartupSettings::default()
        },
        ..quick()
    });
    let mut silent: Vec<_> = (0..5)
        .map(|_| from([127, 0, 0, 1], server.address))
        .collect();
    for tcp in &mut silent {
        assert!(first_line(tcp).starts_with("SSH-2.0-"));
    }
    let start = Instant::now();
    netconf(&server.ssh2("ann"));
    let waited = start.elapsed();
    assert!(waited < Duration::from_millis(1_500), "{waited:?}");
    let mut rest = Vec::new();
    let _ = silent[0].read_to_end(&mut rest);
    assert_eq!(server.counters().refused_startups(), 1);
    // It has done nothing that is to be punished.
    assert_eq!(server.counters().refused_penalty(), 0);
}

#[test]
fn forty_logins_at_once_from_one_source_all_succeed() {
    let server = std::sync::Arc::new(Server::start(SshSettings::default()));
    let logins: Vec<_> = (0..40)
        .map(|_| {
            let server = std::sync::Arc::clone(&server);
            std::thread::spawn(move || drop(netconf(&server.ssh2("ann"))))
        })
        .collect();
    for login in logins {
        login.join().unwrap();
    }
}

#[test]
fn thousands_of_connects_from_one_source_are_refused_cheaply_and_others_served() {
    // None of those that say nothing gives way: what is closed already would be let in and found so.
    let server = Server::start(SshSettings {
        startups: StartupSettings {
            patience_milliseconds: 60_000,
            ..StartupSettings::default()
        },
        ..quick()
    });
    let mut held = Vec::new();
    for _ in 0..2_000 {
        let tcp = from([127, 0, 0, 9], server.address);
        if held.len() < 5 {
            held.push(tcp);
        }
    }
    let session = server.ssh2("ann");
    netconf(&session);
    assert!(server.counters().refused_startups() > 1_900);
}

#[test]
fn a_flood_from_many_sources_displaces_the_fullest_source() {
    let server = Server::start(SshSettings {
        startups: StartupSettings {
            begin: 4,
            rate: 100,
            ..StartupSettings::default()
        },
        ..quick()
    });
    let mut greedy: Vec<_> = (0..4)
        .map(|_| from([127, 0, 0, 9], server.address))
        .collect();
    for tcp in &mut greedy {
        assert!(first_line(tcp).starts_with("SSH-2.0-"));
    }
    let mut modest = from([127, 0, 0, 8], server.address);
    assert!(first_line(&mut modest).starts_with("SSH-2.0-"));
    let mut rest = Vec::new();
    let _ = greedy[0].read_to_end(&mut rest);
    netconf(&server.ssh2("ann"));
}

#[test]
fn sources_that_fail_to_log_in_are_kept_out_for_a_while() {
    let server = Server::start(SshSettings {
        penalties: PenaltySettings {
            auth_failed_seconds: 1,
            no_auth_seconds: 0,
            min_seconds: 2,
            exempt: Vec::new(),
            ..PenaltySettings::default()
        },
        ..quick()
    });
    for _ in 0..3 {
        let session = server.connect();
        assert!(session.userauth_password("ann", "wrong").is_err());
        drop(session);
    }
    eventually("the source is refused", || {
        first_line(&mut from([127, 0, 0, 1], server.address)) == "Not allowed at this time"
    });
    // Another source is not.
    assert!(first_line(&mut from([127, 0, 0, 2], server.address)).starts_with("SSH-2.0-"));
    std::thread::sleep(Duration::from_millis(3_200));
    netconf(&server.ssh2("ann"));
}

#[test]
fn a_connection_has_four_channels() {
    let server = Server::start(quick());
    let session = server.ssh2("ann");
    let mut channels: Vec<_> = (0..4).map(|_| netconf(&session)).collect();
    assert!(session.channel_session().is_err());
    let mut last = channels.pop().unwrap();
    last.close().unwrap();
    last.wait_close().unwrap();
    eventually("the place is free", || session.channel_session().is_ok());
}

#[test]
fn the_upper_layer_decides_who_is_admitted() {
    let server = Server::with(
        quick(),
        Sessions {
            limit: Some(1),
            ..Sessions::default()
        },
    );
    let session = server.ssh2("ann");
    let first = netconf(&session);
    let mut second = session.channel_session().unwrap();
    assert!(second.subsystem("netconf").is_err());
    assert_eq!(server.counters().sessions_refused(), 1);
    drop(first);
    eventually("the place is free", || {
        let mut again = session.channel_session().unwrap();
        again.subsystem("netconf").is_ok()
    });
}

#[test]
fn running_out_of_files_does_not_stop_the_listener() {
    alone(module_path!(), "out_of_files");
}

#[test]
#[ignore = "run by the test above it"]
fn out_of_files() {
    use std::os::fd::AsRawFd;
    let server = Server::start(quick());
    // The limit counts open files of the process; take what is left.
    let mut hoard = Vec::new();
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    assert_eq!(
        unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit) },
        0
    );
    let old = limit.rlim_cur;
    let client = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    limit.rlim_cur = (client.as_raw_fd() + 40) as u64;
    assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &limit) }, 0);
    while let Ok(file) = std::fs::File::open("/dev/null") {
        hoard.push(file);
    }
    let connected = client.connect(&server.address.into());
    eventually("accept fails", || server.counters().accept_errors() > 0);
    drop(hoard);
    limit.rlim_cur = old;
    assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &limit) }, 0);
    connected.unwrap();
    let mut waiting = TcpStream::from(client);
    assert!(first_line(&mut waiting).starts_with("SSH-2.0-"));
}
