//! Cases 83 to 95: subscriptions (RFC 5277).

use std::time::{Duration, Instant};

use lifeline::clock::{Clock, SystemClock, Timestamp};

use crate::peer::{
    BASE, BASE_EVENTS, ESC, Got, Host, NOTIFICATION, Peer, Table, brief, chunk, parse,
};
use crate::sample::{running, tenant};

fn now() -> Timestamp {
    SystemClock::new().wall()
}

fn subscribe(inner: &str) -> String {
    format!("<create-subscription xmlns=\"{NOTIFICATION}\">{inner}</create-subscription>")
}

fn start(time: Timestamp) -> String {
    format!("<startTime>{time}</startTime>")
}

fn stop(time: Timestamp) -> String {
    format!("<stopTime>{time}</stopTime>")
}

fn later(seconds: f64) -> Timestamp {
    now() + Duration::from_secs_f64(seconds)
}

fn before(seconds: u64) -> Timestamp {
    Timestamp::from_micros(now().as_micros() - (seconds * 1_000_000) as i64)
}

/// Makes a tenant on the VIM: one event CREATE_TENANT; removing it: DELETE_TENANT.
fn make(peer: &mut Peer, name: &str) {
    peer.ok(&running(&tenant(name, "")));
}

/// Makes tenants one after the other: what is made at once may become true in any order.
fn make_in_turn(peer: &mut Peer, listener: &mut Peer, names: &[&str]) {
    for name in names {
        make(peer, name);
        assert_eq!(told(listener), format!("CREATE_TENANT {name}"));
    }
}

/// The next notification in short: the event's type, or the name of its element. What the server tells of
/// itself (RFC 6470) is for `base_events`.
fn told(peer: &mut Peer) -> String {
    loop {
        let message = peer.message();
        if !message.contains(BASE_EVENTS) {
            return short(&message);
        }
    }
}

fn short(message: &str) -> String {
    let root = parse(message);
    assert!(root.is(NOTIFICATION, "notification"), "{message}");
    let mut children = root.elements();
    let time = children.next().unwrap();
    assert!(time.is(NOTIFICATION, "eventTime"));
    time.text().parse::<Timestamp>().unwrap();
    let content = children.next().unwrap();
    assert!(children.next().is_none());
    if content.is(ESC, "escEvent") {
        let kind = content
            .child(ESC, "event")
            .unwrap()
            .child(ESC, "type")
            .unwrap()
            .text();
        let who = content
            .child(ESC, "tenant")
            .map(|e| e.text())
            .unwrap_or_default();
        return format!("{kind} {who}");
    }
    assert!(
        content.is("urn:ietf:params:xml:ns:netmod:notification", &content.local),
        "{message}"
    );
    content.local.to_string()
}

#[test]
fn errors_of_create_subscription() {
    let host = Host::start();
    let mut table = Table::default();
    let mut peer = host.peer();
    let bad = "protocol bad-element bad-element=";
    let (start_bad, stop_bad) = (format!("{bad}startTime"), format!("{bad}stopTime"));
    for (case, inner, expected) in [
        (
            "83 unknown stream",
            "<stream>nope</stream>".to_owned(),
            vec![
                "protocol bad-element bad-element=stream",
                "protocol invalid-value*",
            ],
        ),
        (
            "83 empty stream",
            "<stream/>".to_owned(),
            vec![
                "protocol bad-element bad-element=stream",
                "protocol invalid-value*",
            ],
        ),
        (
            "84",
            stop(later(9.0)),
            vec!["protocol missing-element bad-element=startTime"],
        ),
        (
            "84 past",
            stop(before(9)),
            vec!["protocol missing-element bad-element=startTime"],
        ),
        (
            "85",
            start(before(5)) + &stop(before(9)),
            vec![stop_bad.as_str()],
        ),
        ("86", start(later(3600.0)), vec![start_bad.as_str()]),
        (
            "86 with stopTime",
            start(later(3600.0)) + &stop(later(7200.0)),
            vec![start_bad.as_str()],
        ),
        (
            "bad startTime",
            "<startTime>yesterday</startTime>".to_owned(),
            vec![
                "protocol invalid-value*",
                "protocol bad-element bad-element=startTime",
            ],
        ),
        (
            "bad stopTime",
            start(before(5)) + "<stopTime>2026-13-01T00:00:00Z</stopTime>",
            vec![
                "protocol invalid-value*",
                "protocol bad-element bad-element=stopTime",
            ],
        ),
        (
            "no zone",
            "<startTime>2026-01-01T00:00:00</startTime>".to_owned(),
            vec!["protocol invalid-value*"],
        ),
        (
            "bad filter",
            "<filter type=\"xpath\" select=\"/a[\"/>".to_owned(),
            vec!["application invalid-value*", "protocol invalid-value*"],
        ),
        (
            "undeclared prefix",
            "<filter type=\"xpath\" select=\"/p:a\"/>".to_owned(),
            vec!["application invalid-value*", "protocol invalid-value*"],
        ),
        (
            "no select",
            "<filter type=\"xpath\"/>".to_owned(),
            vec!["protocol missing-attribute bad-attribute=select bad-element=filter"],
        ),
    ] {
        table.row(case, &peer.error(&subscribe(&inner)), &expected);
    }
    // None of them left a subscription behind.
    peer.ok(&subscribe(""));
    table.row(
        "91 second",
        &peer.error(&subscribe("")),
        &["protocol operation-failed", "application operation-failed"],
    );
    table.row(
        "91 second with replay",
        &peer.error(&subscribe(&start(before(60)))),
        &["protocol operation-failed", "application operation-failed"],
    );
    table.check(
        "92 interleave",
        peer.rpc("<get-config><source><running/></source></get-config>")
            .contains("<data"),
    );
    peer.ok("<close-session/>");
    table.check(
        "92 close-session",
        peer.next(Duration::from_secs(5)) == Got::Closed,
    );
    table.done();
}

#[test]
fn live_replay_and_ends() {
    let host = Host::start();
    let mut table = Table::default();
    let mut writer = host.peer();
    let mut live = host.peer();
    live.ok(&subscribe("<stream>escEvent</stream>"));
    let mut default = host.peer();
    default.ok(&subscribe(""));
    make_in_turn(&mut writer, &mut live, &["a", "b"]);
    table.row("live", &told(&mut default), &["CREATE_TENANT a"]);
    table.row("live", &told(&mut default), &["CREATE_TENANT b"]);

    let mut peer = host.peer();
    peer.ok(&subscribe(&format!(
        "<stream>escEvent</stream>{}",
        start(before(3600))
    )));
    let replayed: Vec<String> = (0..3).map(|_| told(&mut peer)).collect();
    table.check(
        &format!("88 startTime before the log {replayed:?}"),
        replayed == ["CREATE_TENANT a", "CREATE_TENANT b", "replayComplete"],
    );
    make(&mut writer, "c");
    table.row("88 goes on live", &told(&mut peer), &["CREATE_TENANT c"]);

    // 89: the window lies in the past; the session can subscribe again afterwards.
    let mut peer = host.peer();
    for _ in 0..3 {
        peer.ok(&subscribe(&format!(
            "{}{}<stream>NETCONF</stream>",
            stop(now()),
            start(before(3600))
        )));
        let replayed: Vec<String> = (0..5).map(|_| told(&mut peer)).collect();
        table.check(
            &format!("89 {replayed:?}"),
            replayed
                == [
                    "CREATE_TENANT a",
                    "CREATE_TENANT b",
                    "CREATE_TENANT c",
                    "replayComplete",
                    "notificationComplete",
                ],
        );
        table.check(
            "89 usable",
            peer.rpc("<get-config><source><running/></source></get-config>")
                .contains("<data"),
        );
    }
    peer.ok(&subscribe(&format!(
        "{}{}",
        start(before(3600)),
        stop(before(3000))
    )));
    table.row(
        "89 nothing in the window",
        &told(&mut peer),
        &["replayComplete"],
    );
    table.row(
        "89 nothing in the window",
        &told(&mut peer),
        &["notificationComplete"],
    );

    // A stopTime ahead ends a quiet subscription.
    peer.ok(&subscribe(&format!("{}{}", start(now()), stop(later(0.7)))));
    let began = Instant::now();
    table.row("stopTime ahead", &told(&mut peer), &["replayComplete"]);
    table.row(
        "stopTime ahead",
        &told(&mut peer),
        &["notificationComplete"],
    );
    let took = began.elapsed();
    table.check(
        &format!("at its time: {took:?}"),
        took > Duration::from_millis(500) && took < Duration::from_secs(3),
    );
    peer.ok(&subscribe(""));
    make(&mut writer, "d");
    table.row("usable again", &told(&mut peer), &["CREATE_TENANT d"]);

    // startTime is inclusive: the last event once more, then the next.
    let mut again = host.peer();
    again.ok(&subscribe(&format!(
        "<stream>escEvent</stream>{}",
        start(before(3600))
    )));
    let mut last = String::new();
    loop {
        let message = again.message();
        if short(&message) == "replayComplete" {
            break;
        }
        last = message;
    }
    let time = parse(&last).elements().next().unwrap().text();
    let mut resumed = host.peer();
    resumed.ok(&subscribe(&format!(
        "<startTime>{time}</startTime><stream>escEvent</stream>"
    )));
    table.check(
        "resumes with that event once more",
        resumed.message() == last,
    );
    table.row("and then", &told(&mut resumed), &["replayComplete"]);
    table.check(
        "nothing else",
        resumed.next(Duration::from_millis(200)) == Got::Quiet,
    );
    table.done();
}

#[test]
fn filters_of_subscriptions() {
    let host = Host::start();
    let mut table = Table::default();
    let mut writer = host.peer();
    let mut seen = host.peer();
    seen.ok(&subscribe(""));
    make_in_turn(&mut writer, &mut seen, &["a", "b", "c"]);
    let window = |filter: &str| format!("{filter}{}{}", start(before(3600)), stop(now()));
    let expected: Vec<(&str, String, Vec<&str>)> = vec![
        ("subtree", format!("<filter><escEvent xmlns=\"{ESC}\"><tenant>b</tenant></escEvent></filter>"), vec!["CREATE_TENANT b"]),
        ("subtree in the base namespace", format!("<filter xmlns=\"{BASE}\" type=\"subtree\"><escEvent xmlns=\"{ESC}\"><tenant>b</tenant></escEvent></filter>"), vec!["CREATE_TENANT b"]),
        ("nested", format!("<filter><escEvent xmlns=\"{ESC}\"><event><type>DELETE_TENANT</type></event></escEvent></filter>"), vec![]),
        ("selection", format!("<filter><escEvent xmlns=\"{ESC}\"/></filter>"), vec!["CREATE_TENANT a", "CREATE_TENANT b", "CREATE_TENANT c"]),
        ("two", format!("<filter><escEvent xmlns=\"{ESC}\"><tenant>a</tenant></escEvent><escEvent xmlns=\"{ESC}\"><tenant>c</tenant></escEvent></filter>"), vec!["CREATE_TENANT a", "CREATE_TENANT c"]),
        ("foreign", "<filter><escEvent xmlns=\"urn:x\"/></filter>".to_owned(), vec![]),
        ("empty", "<filter/>".to_owned(), vec![]),
        ("xpath", "<filter type=\"xpath\" select=\"/escEvent[tenant='b']\"/>".to_owned(), vec!["CREATE_TENANT b"]),
        ("xpath without slash", "<filter type=\"xpath\" select=\"escEvent[event/type='CREATE_TENANT' and tenant!='b']\"/>".to_owned(), vec!["CREATE_TENANT a", "CREATE_TENANT c"]),
        ("xpath with a prefix", format!("<filter type=\"xpath\" xmlns:e=\"{ESC}\" select=\"/e:escEvent[e:status='FAILURE']\"/>"), vec![]),
        ("xpath, a boolean", "<filter type=\"xpath\" select=\"/escEvent/tenant='b' or false()\"/>".to_owned(), vec!["CREATE_TENANT b"]),
        ("xpath, false", "<filter type=\"xpath\" select=\"/escEvent/tenant = 'd'\"/>".to_owned(), vec![]),
        ("xpath, a number", "<filter type=\"xpath\" select=\"count(/escEvent[tenant='a'])\"/>".to_owned(), vec!["CREATE_TENANT a"]),
        ("xpath, a string", "<filter type=\"xpath\" select=\"string(/escEvent/tenant[.='c'])\"/>".to_owned(), vec!["CREATE_TENANT c"]),
        ("xpath to a leaf", "<filter type=\"xpath\" select=\"/escEvent/tenant[.='c']\"/>".to_owned(), vec!["CREATE_TENANT c"]),
    ];
    let mut peer = host.peer();
    for (case, filter, events) in expected {
        let got = peer.error(&subscribe(&window(&filter)));
        table.row(case, &got, &["ok"]);
        if got != "ok" {
            continue;
        }
        let mut list = Vec::new();
        loop {
            let next = told(&mut peer);
            let last = next == "notificationComplete";
            list.push(next);
            if last {
                break;
            }
        }
        let all: Vec<&str> = events
            .into_iter()
            .chain(["replayComplete", "notificationComplete"])
            .collect();
        table.check(&format!("90 {case}: {list:?}"), list == all);
    }
    table.done();
}

#[test]
fn ok_comes_before_any_notification() {
    let host = Host::start();
    let mut writer = host.peer();
    for round in 0..15 {
        make(&mut writer, &format!("t{round}"));
        let mut peer = host.peer();
        let operation = subscribe(&start(before(3600)));
        peer.send(chunk(&format!(
            "<rpc xmlns=\"{BASE}\" message-id=\"1\">{operation}</rpc>"
        )));
        assert_eq!(brief(&peer.message()), "ok");
        told(&mut peer);
    }
}

#[test]
fn a_killed_subscriber_is_closed() {
    let host = Host::start();
    let mut peer = host.peer();
    peer.ok(&subscribe(&start(before(3600))));
    let mut other = host.peer();
    other.ok(&format!(
        "<kill-session><session-id>{}</session-id></kill-session>",
        peer.own_id
    ));
    loop {
        match peer.next(Duration::from_secs(5)) {
            Got::Message(message) => drop(message),
            end => return assert_eq!(end, Got::Closed),
        }
    }
}

/// One subscriber that stops reading costs the others nothing (case 95).
#[test]
fn a_subscriber_that_does_not_read_disturbs_nobody() {
    let host = Host::start();
    let mut stuck = host.peer();
    stuck.ok(&subscribe(""));
    let mut live = host.peer();
    live.ok(&subscribe(""));
    let mut writer = host.peer();
    for round in 0..30 {
        make(&mut writer, &format!("t{round}"));
    }
    let events = |peer: &mut Peer| -> Vec<String> { (0..30).map(|_| told(peer)).collect() };
    let first = events(&mut live);
    assert_eq!(events(&mut stuck), first);
    let mut sorted = first;
    sorted.sort();
    let mut expected: Vec<String> = (0..30).map(|n| format!("CREATE_TENANT t{n}")).collect();
    expected.sort();
    assert_eq!(sorted, expected);
}

/// `eventTime` grows over replay, replayComplete and what follows live, also while events are being stored: a
/// client that comes back with the last one it saw as startTime misses nothing, whichever it was.
#[test]
fn event_times_grow_across_replay_complete() {
    let host = Host::start();
    let mut writer = host.peer();
    let over = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for round in 0.. {
                if over.load(std::sync::atomic::Ordering::Relaxed) {
                    return;
                }
                make(&mut writer, &format!("t{round}"));
            }
        });
        for _ in 0..12 {
            let mut peer = host.peer();
            peer.ok(&subscribe(&start(before(3600))));
            let mut last = None;
            let mut left = usize::MAX;
            while left > 0 {
                let message = peer.message();
                let root = parse(&message);
                let time = root.child(NOTIFICATION, "eventTime").unwrap().text();
                let time = time.parse::<Timestamp>().unwrap();
                if last.is_some_and(|last| time <= last) {
                    over.store(true, std::sync::atomic::Ordering::Relaxed);
                }
                assert!(last.is_none_or(|last| time > last), "{message} {last:?}");
                last = Some(time);
                left = match message.contains("<replayComplete") {
                    true => 20,
                    false => left - 1,
                };
            }
        }
        over.store(true, std::sync::atomic::Ordering::Relaxed);
    });
}
