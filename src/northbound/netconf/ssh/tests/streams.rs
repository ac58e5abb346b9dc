//! Slow, silent and killed sessions.

use std::io::{Read, Write};
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::Instant;

use super::harness::{Server, alone, eventually, line, netconf, quick};
use crate::northbound::netconf::transport::EndReason;

fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|l| l.starts_with("VmRSS")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[test]
fn a_reader_that_stops_holds_little_memory_and_stalls_nobody() {
    alone(module_path!(), "reader_that_stops");
}

#[test]
#[ignore = "run by the test above it"]
fn reader_that_stops() {
    let server = Server::start(quick());
    let stopped = server.ssh2("ann");
    let mut slow = netconf(&stopped);
    let before = resident_kib();
    slow.write_all(b"big 500000000\n").unwrap();
    std::thread::sleep(Duration::from_millis(500));
    let busy = server.ssh2("bob");
    let mut quick = netconf(&busy);
    let start = Instant::now();
    for n in 0..200 {
        quick.write_all(format!("ping {n}\n").as_bytes()).unwrap();
        assert_eq!(line(&mut quick), format!("ping {n}"));
    }
    assert!(
        start.elapsed() < Duration::from_secs(5),
        "{:?}",
        start.elapsed()
    );
    let grown = resident_kib().saturating_sub(before);
    assert!(grown < 64 * 1024, "{grown} KiB for one reader that stopped");
}

#[test]
fn a_stalled_channel_does_not_stall_another_of_its_connection() {
    let server = Server::start(quick());
    let session = server.ssh2("ann");
    let mut stalled = netconf(&session);
    let mut other = netconf(&session);
    // libssh2 grants 2 MiB of window per channel; the rest waits in the server's session task.
    stalled.write_all(b"big 50000000\n").unwrap();
    std::thread::sleep(Duration::from_millis(300));
    other.write_all(b"ping\n").unwrap();
    assert_eq!(line(&mut other), "ping");
}

#[test]
fn a_write_without_progress_cuts_the_connection() {
    let server = Server::start(super::super::SshSettings {
        write_stall_seconds: 1,
        ..quick()
    });
    let session = server.ssh2("ann");
    let mut slow = netconf(&session);
    slow.write_all(b"big 500000000\n").unwrap();
    eventually("the stalled session is cut", || {
        server.sessions.ends.lock().unwrap().first() == Some(&EndReason::WriteStalled)
    });
    eventually("its place is free", || {
        server.sessions.open.load(Ordering::SeqCst) == 0
    });
}

#[test]
fn a_session_that_does_not_read_holds_back_its_client() {
    alone(module_path!(), "session_that_does_not_read");
}

#[test]
#[ignore = "run by the test above it"]
fn session_that_does_not_read() {
    let server = Server::start(quick());
    let session = server.ssh2("ann");
    let mut channel = netconf(&session);
    channel.write_all(b"silent\n").unwrap();
    session.set_blocking(false);
    let before = resident_kib();
    let mut sent = 0;
    let mut idle = 0;
    while idle < 50 {
        match channel.write(&[b'y'; 32_768]) {
            Ok(n) if n > 0 => {
                sent += n;
                idle = 0;
            }
            _ => {
                idle += 1;
                std::thread::sleep(Duration::from_millis(10));
            }
        }
    }
    assert!(sent < 16 << 20, "{sent} octets taken in");
    assert!(resident_kib().saturating_sub(before) < 32 * 1024);
}

#[test]
fn pipelined_requests_larger_than_the_windows_do_not_deadlock() {
    // The client's grants of window stand behind megabytes of requests in the same stream.
    let server = Server::start(quick());
    let session = server.ssh2("ann");
    let mut reader = netconf(&session);
    let mut request = vec![b'r'; 200_000];
    request.push(b'\n');
    let count = 60;
    let mut writer = reader.stream(0);
    // libssh2 is one connection under one lock: interleave by hand without blocking.
    session.set_blocking(false);
    let (mut sent, mut got) = (0, 0);
    let total = request.len() * count;
    let mut buffer = vec![0; 1 << 16];
    let deadline = Instant::now() + Duration::from_secs(60);
    while got < total {
        assert!(
            Instant::now() < deadline,
            "stuck at {sent} sent, {got} received of {total}"
        );
        let mut moved = false;
        if sent < total {
            let at = sent % request.len();
            if let Ok(n) = writer.write(&request[at..]) {
                sent += n;
                moved |= n > 0;
            }
        }
        if let Ok(n) = reader.read(&mut buffer) {
            got += n;
            moved |= n > 0;
        }
        if !moved {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

#[test]
fn a_session_can_be_killed_from_another_task() {
    let server = Server::start(quick());
    let (victim, witness) = (server.ssh2("ann"), server.ssh2("bob"));
    let mut killed = netconf(&victim);
    let mut second = netconf(&victim);
    let mut other = netconf(&witness);
    killed.write_all(b"silent\n").unwrap();
    let control = server.sessions.controls.lock().unwrap()[0].1.clone();
    control.kill(EndReason::Killed("by session 2".to_owned()));
    let mut rest = Vec::new();
    killed.read_to_end(&mut rest).unwrap();
    killed.wait_close().unwrap();
    assert_eq!(killed.exit_status().unwrap(), 1);
    for channel in [&mut second, &mut other] {
        channel.write_all(b"alive\n").unwrap();
        assert_eq!(line(channel), "alive");
    }
    let ends = server.sessions.ends.lock().unwrap();
    assert_eq!(ends[0], EndReason::Killed("by session 2".to_owned()));
}

#[test]
fn a_panic_ends_its_session_and_no_other() {
    let server = Server::start(quick());
    let session = server.ssh2("ann");
    let mut bad = netconf(&session);
    let mut good = netconf(&session);
    bad.write_all(b"panic\n").unwrap();
    let mut rest = Vec::new();
    bad.read_to_end(&mut rest).unwrap();
    bad.wait_close().unwrap();
    assert_eq!(bad.exit_status().unwrap(), 1);
    good.write_all(b"alive\n").unwrap();
    assert_eq!(line(&mut good), "alive");
}

#[test]
fn requests_before_a_hasty_close_are_still_served() {
    let server = Server::start(quick());
    let session = server.ssh2("ann");
    let mut channel = netconf(&session);
    let before = server.sessions.received.load(Ordering::SeqCst);
    channel.write_all(b"one\ntwo\nthree\n").unwrap();
    channel.close().unwrap();
    eventually("all lines are read", || {
        server.sessions.received.load(Ordering::SeqCst) == before + 14
    });
    eventually("the session has ended", || {
        server.sessions.open.load(Ordering::SeqCst) == 0
    });
}

#[test]
fn a_lost_connection_ends_its_sessions() {
    let server = Server::start(quick());
    let session = server.ssh2("ann");
    let mut channel = netconf(&session);
    channel.write_all(b"silent\n").unwrap();
    eventually("the line is read", || {
        server.sessions.received.load(Ordering::SeqCst) == 7
    });
    // No goodbye: the socket is shut under libssh2.
    use std::os::fd::AsRawFd;
    let fd = session.as_raw_fd();
    assert_eq!(unsafe { libc::shutdown(fd, libc::SHUT_RDWR) }, 0);
    eventually("the session hears of it", || {
        server.sessions.ends.lock().unwrap().first() == Some(&EndReason::TransportLost)
    });
}

#[test]
fn shutdown_drains_sessions_and_cuts_what_stays() {
    let mut server = Server::start(quick());
    let polite = server.ssh2("ann");
    let mut channel = netconf(&polite);
    let deaf = server.ssh2("bob");
    let mut stuck = netconf(&deaf);
    stuck.write_all(b"big 500000000\n").unwrap();
    let address = server.address;
    let start = Instant::now();
    let reading = std::thread::spawn(move || {
        let mut rest = Vec::new();
        channel.read_to_end(&mut rest).unwrap();
        channel.wait_close().unwrap();
        channel.exit_status().unwrap()
    });
    server.shutdown(Duration::from_secs(1));
    assert!(
        start.elapsed() < Duration::from_secs(4),
        "{:?}",
        start.elapsed()
    );
    assert_eq!(reading.join().unwrap(), 0);
    assert_eq!(server.sessions.open.load(Ordering::SeqCst), 0);
    assert!(std::net::TcpStream::connect(address).is_err());
}

#[test]
fn a_peer_that_gives_no_sign_of_life_is_lost() {
    let server = Server::start(super::super::SshSettings {
        keepalive_seconds: 1,
        keepalive_count: 1,
        ..quick()
    });
    // libssh2 answers only inside its own calls: between them it is a peer that hangs.
    let hanging = server.ssh2("ann");
    let mut channel = netconf(&hanging);
    channel.write_all(b"silent\n").unwrap();
    let alive = server.ssh2("bob");
    let mut other = netconf(&alive);
    for n in 0..8 {
        std::thread::sleep(Duration::from_millis(500));
        other.write_all(format!("{n}\n").as_bytes()).unwrap();
        assert_eq!(line(&mut other), n.to_string());
    }
    eventually("the hanging one is lost", || {
        server.sessions.ends.lock().unwrap().first() == Some(&EndReason::TransportLost)
    });
}

#[test]
fn idle_sessions_are_cheap() {
    alone(module_path!(), "idle_sessions");
}

#[test]
#[ignore = "run by the test above it"]
fn idle_sessions() {
    let server = Server::start(quick());
    let clients: Vec<_> = (0..50).map(|_| server.ssh2("ann")).collect();
    let first: Vec<_> = clients.iter().map(netconf).collect();
    let before = resident_kib();
    let more: Vec<_> = (0..200).map(|_| server.ssh2("ann")).collect();
    let sessions: Vec<_> = more.iter().map(netconf).collect();
    // Both ends are in this process: libssh2's half is in the number too.
    let each = resident_kib().saturating_sub(before) / sessions.len() as u64;
    assert!(each < 160, "{each} KiB for both ends of a session");
    println!("{each} KiB per session, both ends");
    drop(first);
}
