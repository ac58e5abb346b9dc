//! Many at once: strangers that say nothing, users that stop in the middle, subscribers that stop reading.

use std::collections::VecDeque;
use std::io::Read;
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use lifeline::clock::{Clock, SystemClock};

use crate::peer::{Got as Heard, Host, PASSWORD, Peer, USER, parse};
use crate::sample::{all, running, tenant};
use crate::wire::*;
use crate::{eventually, quick};

const MIB: usize = 1 << 20;

fn many_files() {
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: the pointers are to a live rlimit.
    unsafe {
        assert_eq!(libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit), 0);
        limit.rlim_cur = limit.rlim_max.min(16_384);
        assert_eq!(libc::setrlimit(libc::RLIMIT_NOFILE, &limit), 0);
    }
}

fn login_from(host: &Host, source: [u8; 4]) -> Duration {
    let began = Instant::now();
    let mut peer = host.silent_over(connect_from(source, host.address()).unwrap());
    assert!(peer.message().contains("<hello"));
    began.elapsed()
}

/// 1,000 silent connections from one address; somebody else is in within a second.
#[test]
fn a_thousand_silent_strangers_keep_nobody_out() {
    many_files();
    let host = Host::process();
    host.lives();
    let before = host.memory("VmRSS");
    let mut silent = Vec::new();
    for _ in 0..1_000 {
        silent.push(connect_from([127, 0, 0, 2], host.address()).unwrap());
    }
    let mut worst = Duration::ZERO;
    for last in 3..13 {
        worst = worst.max(login_from(&host, [127, 0, 0, last]));
    }
    let grown = host.memory("VmRSS").saturating_sub(before);
    println!("slowest of ten logins beside 1,000 silent connections: {worst:?}; {grown} MiB");
    assert!(worst <= Duration::from_secs(1), "{worst:?}");
    assert!(grown <= 64, "{grown} MiB");
    drop(silent);
    host.lives();
}

/// A stranger with its key exchange begun; `None` when it is refused.
fn stranger(host: &Host, source: [u8; 4]) -> Option<Wire> {
    let mut wire = Wire::open(connect_from(source, host.address()).ok()?)?;
    wire.octets("SSH-2.0-attacker_1.0\r\n");
    wire.packet(Wire::kexinit(true));
    Some(wire)
}

/// Every stranger has begun to exchange keys and comes from an address of its own, in one network or in many:
/// somebody with good credentials is in at the first try, within a second, however many they are.
#[test]
fn strangers_from_many_addresses_keep_nobody_out() {
    many_files();
    type Source = fn(u8, u8) -> [u8; 4];
    let near: Source = |group, n| [127, 7, group, n];
    let far: Source = |group, n| [127, n, group, 7];
    for (what, source, count) in [
        ("one network", near, 300_u32),
        ("many networks", far, 300),
        ("many networks, just full", far, 100),
        ("many networks, just not full", far, 99),
    ] {
        let host = Host::process();
        host.lives();
        let strangers: Vec<_> = (0..count)
            .filter_map(|n| stranger(&host, source((n / 250) as u8 + 1, (n % 250) as u8 + 1)))
            .collect();
        assert_eq!(strangers.len() as u32, count, "newcomers are let in");
        let logins: Vec<_> = (3..13)
            .map(|last| login_from(&host, [127, 0, 0, last]))
            .collect();
        let worst = logins.into_iter().max().unwrap();
        println!("{what}: slowest of ten logins beside {count} strangers: {worst:?}");
        assert!(worst <= Duration::from_secs(1), "{what}: {worst:?}");
        drop(strangers);
        host.lives();
    }
}

/// The same while strangers keep coming, each from an address of its own, faster than any is patient.
#[test]
fn strangers_that_keep_coming_keep_nobody_out() {
    many_files();
    let host = Host::process();
    host.lives();
    let stop = AtomicBool::new(false);
    let (worst, came) = std::thread::scope(|scope| {
        let (host, stop) = (&host, &stop);
        let flood = scope.spawn(move || {
            let mut held = VecDeque::new();
            let mut came = 0_u32;
            while !stop.load(Ordering::Relaxed) {
                let source = [127, (came % 250) as u8 + 1, (came / 250 % 250) as u8 + 1, 7];
                if let Ok(tcp) = connect_from(source, host.address()) {
                    held.push_back(tcp);
                    came += 1;
                }
                if held.len() > 400 {
                    held.pop_front();
                }
                std::thread::sleep(Duration::from_millis(4));
            }
            came
        });
        std::thread::sleep(Duration::from_secs(1));
        let logins = (3..13).map(|last| login_from(host, [127, 0, 0, last]));
        let worst = logins.max().unwrap();
        stop.store(true, Ordering::Relaxed);
        (worst, flood.join().unwrap())
    });
    println!("slowest of ten logins while {came} strangers came: {worst:?}");
    assert!(came >= 200, "{came}");
    assert!(worst <= Duration::from_secs(1), "{worst:?}");
}

/// The strangers come from the very address that the good login comes from: five of them are read at a
/// time, and those that say nothing make room after the second that each of them is given.
#[test]
fn a_thousand_strangers_from_one_s_own_address_keep_nobody_out() {
    many_files();
    let host = Host::process();
    host.lives();
    let before = host.memory("VmRSS");
    let silent: Vec<_> = (0..1_000)
        .map(|_| connect_from([127, 0, 0, 2], host.address()).unwrap())
        .collect();
    let logins: Vec<_> = (0..10).map(|_| login_from(&host, [127, 0, 0, 2])).collect();
    let worst = logins.iter().max().unwrap();
    let grown = host.memory("VmRSS").saturating_sub(before);
    println!("logins beside 1,000 of the same address: {logins:?}; {grown} MiB");
    assert!(*worst <= Duration::from_secs(3), "{worst:?}");
    assert!(grown <= 64, "{grown} MiB");
    drop(silent);
    host.lives();
}

/// CVE-2022-20692 (IOS XE): 10,000 connects from one source are refused cheaply while others are served.
#[test]
fn ten_thousand_connects_from_one_source_disturb_nobody() {
    many_files();
    let host = Host::process();
    let mut other = host.silent_over(connect_from([127, 0, 0, 3], host.address()).unwrap());
    other.message();
    other.send(crate::peer::hello(&["urn:ietf:params:netconf:base:1.0"]) + "]]>]]>");
    let before = host.memory("VmRSS");
    let address = host.address();
    let began = Instant::now();
    let flood = std::thread::spawn(move || {
        let mut held: Vec<TcpStream> = Vec::new();
        for n in 0..10_000 {
            if let Ok(tcp) = connect_from([127, 0, 0, 2], address) {
                held.push(tcp);
            }
            if n % 500 == 499 {
                held.clear();
            }
        }
    });
    let mut worst = Duration::ZERO;
    let mut served = 0;
    while !flood.is_finished() || served < 10 {
        let asked = Instant::now();
        other.rpc(&all("running"));
        worst = worst.max(asked.elapsed());
        served += 1;
    }
    flood.join().unwrap();
    let login = login_from(&host, [127, 0, 0, 4]);
    let grown = host.memory("VmRSS").saturating_sub(before);
    println!(
        "10,000 connects in {:?}; meanwhile {served} requests, the slowest {worst:?}; a login {login:?}; {grown} MiB",
        began.elapsed()
    );
    assert!(worst < Duration::from_secs(1) && login < Duration::from_secs(1));
    assert!(grown <= 32, "{grown} MiB");
}

/// A NETCONF session on the raw wire, whose window is the caller's to grant.
struct Reader {
    wire: Wire,
    channel: u32,
    text: String,
    granted: u32,
}

impl Reader {
    fn new(host: &Host) -> Self {
        let mut wire = Wire::logged_in(host.address(), USER, PASSWORD);
        let channel = wire.open_channel(0, 64 * 1024, 32 * 1024);
        let request = Payload::default().string("netconf");
        assert_eq!(wire.request(channel, "subsystem", request), Some(true));
        let mut reader = Self {
            wire,
            channel,
            text: String::new(),
            granted: 64 * 1024,
        };
        reader.until("]]>]]>");
        reader.say(crate::peer::hello(&["urn:ietf:params:netconf:base:1.0"]).as_str());
        reader
    }

    fn say(&mut self, message: &str) {
        let framed = format!("{message}]]>]]>");
        let data = Payload::new(CHANNEL_DATA).u32(self.channel).string(framed);
        self.wire.packet(data.0);
    }

    /// Reads until this was said; what came is given back.
    fn until(&mut self, what: &str) -> String {
        while !self.text.contains(what) {
            match self.wire.receive(Duration::from_secs(15)) {
                Got::Packet(packet) if packet.first() == Some(&CHANNEL_DATA) => {
                    let data = &packet[9..];
                    self.granted = self.granted.saturating_sub(data.len() as u32);
                    self.text += std::str::from_utf8(data).unwrap();
                }
                Got::Packet(_) => {}
                other => panic!("{other:?} instead of {what}: {}", self.text),
            }
        }
        let end = self.text.find(what).unwrap() + what.len();
        self.text.drain(..end).collect()
    }

    /// Says that nothing more may be sent but this many octets.
    fn stop_reading(&self) -> u32 {
        self.granted
    }
}

const SUBSCRIBE: &str = "<create-subscription xmlns=\"urn:ietf:params:xml:ns:netconf:notification:1.0\"><stream>escEvent</stream>";

fn subscribe(peer: &mut Peer, start: &str) {
    peer.ok(&format!("{SUBSCRIBE}{start}</create-subscription>"));
}

fn described(notification: &str) -> Option<(String, String)> {
    let root = parse(notification);
    let mut children = root.elements();
    let time = children.next()?.text();
    let event = children.next()?;
    (&*event.local == "escEvent").then(|| (time, event.to_xml()))
}

/// Section 5: a subscriber that stops reading is ended with its reason after the time set, costs next to
/// nothing meanwhile, and gets every event once and in order when it comes back with startTime.
#[test]
fn a_subscriber_that_stops_reading_is_ended_and_loses_no_event() {
    let defaults = lifeline::northbound::netconf::ssh::SshSettings::default();
    assert_eq!(defaults.write_stall_seconds, 60);
    let host = Host::process_with("[ssh]\nwrite-stall-seconds = 3\n", &[]);
    let mut live = host.peer();
    subscribe(&mut live, "");
    let began = SystemClock::new().wall();
    let mut stuck: Vec<Reader> = (0..8).map(|_| Reader::new(&host)).collect();
    for reader in &mut stuck {
        reader.say(&crate::messages::rpc(&format!(
            "{SUBSCRIBE}</create-subscription>"
        )));
        reader.until("]]>]]>");
        // From here on it grants nothing.
        assert!(reader.stop_reading() > 0);
    }
    let mut writer = host.peer();
    let mut seen = Vec::new();
    let memory = host.memory("VmRSS");
    let count = 120;
    for n in 0..count {
        writer.ok(&running(&tenant(
            &format!("tenant-{n}-{}", "x".repeat(150)),
            "",
        )));
        let event = live.message();
        seen.push(described(&event).unwrap());
    }
    let held = host.memory("VmRSS").saturating_sub(memory);
    println!(
        "{count} events beside {} that do not read: {held} MiB",
        stuck.len()
    );
    assert!(held <= 24, "{held} MiB");
    let log = || std::fs::read_to_string(host.data().join("audit/audit.log")).unwrap();
    eventually("all are ended with the reason", || {
        let log = log();
        let ended = log.lines().filter(|line| line.contains("session-ended"));
        ended
            .filter(|line| line.contains("\"other\"") && line.contains("client stopped reading"))
            .count()
            == stuck.len()
    });
    for reader in &mut stuck {
        assert!(reader.wire.closes(Duration::from_secs(10)).0);
    }
    let mut back = host.peer();
    subscribe(&mut back, &format!("<startTime>{began}</startTime>"));
    let mut replayed = Vec::new();
    loop {
        let message = back.message();
        match described(&message) {
            Some(event) => replayed.push(event),
            None => break assert!(message.contains("replayComplete"), "{message}"),
        }
    }
    assert_eq!(replayed, seen);
    // From the last event it did read on: that one once more, then the next.
    let from = &seen[count / 2].0;
    let mut again = host.peer();
    subscribe(&mut again, &format!("<startTime>{from}</startTime>"));
    for event in &seen[count / 2..] {
        assert_eq!(described(&again.message()).as_ref(), Some(event));
    }
}

/// A session that sends half a message is ended when it is silent, or slow, for too long.
#[test]
fn half_a_message_is_ended_after_its_time() {
    let defaults = lifeline::northbound::netconf::settings::Settings::default();
    assert_eq!((defaults.read_silence_s, defaults.read_total_s), (20, 60));
    let host = Host::process_with("[netconf]\nread-silence-s = 2\nread-total-s = 4\n", &[]);
    let mut silent = host.peer();
    silent.send("\n#1000\n<rpc");
    let mut slow = host.peer();
    slow.send("\n#1000\n<rpc");
    let mut idle = host.peer();
    let began = Instant::now();
    let mut silent_for = None;
    loop {
        if silent_for.is_none() && silent.next(Duration::from_millis(10)) == Heard::Closed {
            silent_for = Some(began.elapsed());
        }
        slow.send(" ");
        if slow.next(Duration::from_millis(300)) == Heard::Closed {
            break;
        }
        assert!(began.elapsed() < Duration::from_secs(10));
    }
    let (slow_for, silent_for) = (began.elapsed(), silent_for.unwrap());
    println!("ended after {silent_for:?} of silence, {slow_for:?} of trickling");
    assert!(silent_for >= Duration::from_millis(1_500) && silent_for < Duration::from_secs(4));
    assert!(slow_for >= Duration::from_millis(3_500));
    idle.rpc(&all("running"));
    let log = std::fs::read_to_string(host.data().join("audit/audit.log")).unwrap();
    let ended = log
        .lines()
        .filter(|line| line.contains("a message was not finished in time"));
    assert_eq!(ended.count(), 2);
}

/// An idle time, where one is set, spares those that are subscribed or hold a lock.
#[test]
fn an_idle_time_spares_subscribers_and_holders_of_locks() {
    let host = Host::process_with("[netconf]\nidle-timeout-s = 2\n", &[]);
    let mut idle = host.peer();
    idle.rpc(&all("running"));
    let mut subscribed = host.peer();
    subscribe(&mut subscribed, "");
    let mut holder = host.peer();
    holder.ok("<lock><target><candidate/></target></lock>");
    let began = Instant::now();
    assert_eq!(idle.next(Duration::from_secs(8)), Heard::Closed);
    assert!(began.elapsed() >= Duration::from_millis(1_500));
    std::thread::sleep(Duration::from_secs(2));
    subscribed.rpc(&all("running"));
    holder.ok("<unlock><target><candidate/></target></unlock>");
    assert_eq!(holder.next(Duration::from_secs(8)), Heard::Closed);
    host.lives();
}

/// What all sessions of one user hold is bounded: half messages of 15 MiB each stop being read, whole
/// ones are all served in the end.
#[test]
fn requests_of_one_user_in_memory_are_bounded_and_all_served() {
    let host = Host::process_with("[limits]\ninput-bytes-per-user = 16777216\n", &[]);
    host.lives();
    let before = host.memory("VmHWM");
    let body = format!(
        "<get><filter><a>{}</a></filter></get>",
        "x".repeat(12 * MIB)
    );
    let message = crate::messages::rpc(&body);
    std::thread::scope(|scope| {
        for _ in 0..10 {
            scope.spawn(|| {
                let mut peer = host.peer();
                peer.send_message(&message);
                let Heard::Message(reply) = peer.next(Duration::from_secs(90)) else {
                    panic!("not answered");
                };
                assert!(reply.contains("<data"), "{reply:.300}");
            });
        }
    });
    let grown = host.memory("VmHWM") - before;
    println!("ten requests of 12 MiB at once under a bound of 16 MiB: {grown} MiB");
    assert!(grown <= 160, "{grown} MiB");
    host.lives();
}

/// After a bit of everything the server is as small as it was.
#[test]
fn after_all_attacks_the_server_is_small_again() {
    many_files();
    let host = quick();
    host.lives();
    let fresh = host.memory("VmRSS");
    let silent: Vec<_> = (0..300)
        .map(|_| connect_from([127, 0, 0, 2], host.address()).unwrap())
        .collect();
    for _ in 0..30 {
        let tcp = connect_from([127, 0, 0, 5], host.address()).unwrap();
        let Some(mut wire) = Wire::open(tcp) else {
            continue;
        };
        wire.octets("SSH-2.0-attacker_1.0\r\n");
        wire.exchange_keys(true);
        wire.ask_for_login();
        wire.password(USER, "wrong");
    }
    let mut half: Vec<_> = (0..50).map(|_| host.peer()).collect();
    for peer in &mut half {
        peer.send(format!("\n#1000000\n<rpc{}", " ".repeat(500_000)));
    }
    let mut stuck: Vec<Reader> = (0..20).map(|_| Reader::new(&host)).collect();
    for reader in &mut stuck {
        reader.say(&crate::messages::rpc(&format!(
            "{SUBSCRIBE}</create-subscription>"
        )));
        reader.until("]]>]]>");
    }
    for (piece, count) in [("x", 15 * MIB), ("<a/>", 3 * MIB), ("<a b=\"\">c</a>", MIB)] {
        let mut peer = host.peer();
        let inner = piece.repeat(count);
        peer.send_message(&crate::messages::rpc(&format!(
            "<get><filter><f>{inner}</f></filter></get>"
        )));
        peer.next(Duration::from_secs(60));
    }
    let mut writer = host.peer();
    for n in 0..60 {
        writer.ok(&running(&tenant(&format!("t{n}"), "")));
    }
    let peak = host.memory("VmHWM");
    let under = host.memory("VmRSS");
    let mut first = [0; 1];
    for mut tcp in silent {
        let _ = tcp.set_read_timeout(Some(Duration::from_millis(1)));
        let _ = tcp.read(&mut first);
    }
    drop((half, stuck));
    host.lives();
    eventually("memory goes back", || host.memory("VmRSS") <= 150);
    let now = host.memory("VmRSS");
    println!(
        "memory: {fresh} MiB fresh, {peak} MiB at most, {under} MiB with all attackers there, {now} MiB after"
    );
    assert!(now <= 150, "{now} MiB");
}
