//! What the server tells of itself (RFC 6470), and what its counters say (RFC 6022).

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use lifeline::schema::{LoadOptions, Schema};
use lifeline::xml::Element;

use crate::nacm::NACM;
use crate::peer::{BASE_EVENTS, Got, Host, MONITORING, NOTIFICATION, Peer, Table, USER, parse};
use crate::sample::{candidate, running, tenant};

const MANAGED: &str = "<managed_resource>false</managed_resource>";

fn schema() -> &'static Schema {
    static SCHEMA: OnceLock<&'static Schema> = OnceLock::new();
    SCHEMA.get_or_init(|| Schema::load(LoadOptions { simulator: true }).unwrap())
}

fn subscribe(inner: &str) -> String {
    format!("<create-subscription xmlns=\"{NOTIFICATION}\">{inner}</create-subscription>")
}

fn kill(peer: &Peer) -> String {
    format!(
        "<kill-session><session-id>{}</session-id></kill-session>",
        peer.own_id
    )
}

/// The content of a notification; it fits the module.
fn content(message: &str) -> Element {
    let root = parse(message);
    let content = root.elements().nth(1).unwrap().clone();
    let judged = schema().validate_notification(&content.to_xml());
    assert_eq!(judged, Ok(()), "{message}");
    content
}

/// An event in short: its name and its leafs, the peer's own port and the like left out.
fn short(content: &Element) -> String {
    fn leafs(element: &Element, out: &mut String) {
        for child in element.elements() {
            match child.elements().next() {
                Some(_) => {
                    out.push_str(&format!(" {}(", child.local));
                    leafs(child, out);
                    out.push_str(" )");
                }
                None => {
                    let text = child.text();
                    let gap = if text.is_empty() { "" } else { "=" };
                    out.push_str(&format!(" {}{gap}{text}", child.local));
                }
            }
        }
    }
    let name = content
        .local
        .strip_prefix("netconf-")
        .unwrap_or(&content.local);
    let mut out = name.to_owned();
    leafs(content, &mut out);
    out
}

/// The next event of the server itself.
fn told(peer: &mut Peer) -> String {
    loop {
        let message = peer.message();
        if message.contains(BASE_EVENTS) {
            return short(&content(&message));
        }
    }
}

/// Who a session is, as events say it.
fn who(id: u32) -> String {
    format!("username={USER} session-id={id} source-host=127.0.0.1")
}

/// Section 2.2, netconf-session-start and netconf-session-end: every way to end, with its reason.
#[test]
fn sessions_are_told_with_the_reason_of_their_end() {
    let host = Host::start();
    let mut table = Table::default();
    let mut watcher = host.peer();
    watcher.ok(&subscribe(""));
    let begins = |watcher: &mut Peer, id: u32| {
        assert_eq!(told(watcher), format!("session-start {}", who(id)));
    };
    let mut killer = host.peer();
    begins(&mut watcher, killer.own_id);
    for (case, reason) in [
        ("close-session", "termination-reason=closed"),
        ("kill-session", "killed-by=KILLER termination-reason=killed"),
        ("channel closed", "termination-reason=dropped"),
        ("TCP drop", "termination-reason=dropped"),
        ("EOF", "termination-reason=dropped"),
        ("framing error", "termination-reason=other"),
    ] {
        let mut peer = host.peer();
        let id = peer.own_id;
        begins(&mut watcher, id);
        match case {
            "close-session" => peer.ok("<close-session/>"),
            "kill-session" => killer.ok(&kill(&peer)),
            "channel closed" => drop(peer.channel.close()),
            "TCP drop" => drop(peer),
            "EOF" => peer.eof(),
            _ => peer.send("garbage"),
        }
        let reason = reason.replace("KILLER", &killer.own_id.to_string());
        let expected = format!("session-end {} {reason}", who(id));
        table.row(case, &told(&mut watcher), &[&expected]);
    }
    // A session that never was one has no start.
    let (mut peer, _) = host.greeted();
    peer.send("<hello xmlns=\"urn:x\"/>]]>]]>");
    let expected = format!(
        "session-end {} termination-reason=bad-hello",
        who(peer.own_id)
    );
    table.row("bad hello", &told(&mut watcher), &[&expected]);
    table.done();
}

/// Section 2.2, netconf-config-change: who, where, what; nothing for what changes nothing.
#[test]
fn changes_of_running_are_told_with_their_edits() {
    let host = Host::start();
    let mut table = Table::default();
    let mut writer = host.peer();
    writer.ok(&running(&tenant("there", MANAGED)));
    let mut watcher = host.peer();
    let filter = format!("<filter><netconf-config-change xmlns=\"{BASE_EVENTS}\"/></filter>");
    watcher.ok(&subscribe(&filter));
    let by = format!(
        "config-change changed-by( {} ) datastore=running",
        who(writer.own_id)
    );
    let place = "/esc:esc_datamodel/esc:tenants/esc:tenant";
    let one = |edits: &str| format!("{by} {}", edits.replace("PLACE", place));
    let delete = tenant("new", "").replace("<tenant>", "<tenant nc:operation=\"delete\">");
    for (case, operation, edits) in [
        (
            "create",
            running(&tenant("new", MANAGED)),
            one("edit( target=PLACE[esc:name='new'] operation=create )"),
        ),
        (
            "replace",
            running(&tenant(
                "there",
                "<managed_resource>true</managed_resource>",
            )),
            one("edit( target=PLACE[esc:name='there']/esc:managed_resource operation=replace )"),
        ),
        (
            "two at once",
            running(&format!("{delete}{}", tenant("other", MANAGED))),
            one(
                "edit( target=PLACE[esc:name='new'] operation=delete ) edit( target=PLACE[esc:name='other'] operation=create )",
            ),
        ),
    ] {
        // Two documents in one config.
        let operation = operation.replace(
            "</tenants></esc_datamodel><esc_datamodel xmlns=\"http://www.cisco.com/esc/esc\"><tenants>",
            "",
        );
        writer.ok(&operation);
        let got = told(&mut watcher);
        table.check(&format!("{case}: {got}"), got == edits);
    }
    // What changes nothing, or only the candidate, is not told.
    writer.ok(&running(&tenant("other", MANAGED)));
    writer.ok(&candidate(&tenant("later", MANAGED)));
    writer.ok("<discard-changes/>");
    writer.ok("<commit/>");
    table.check(
        "nothing",
        watcher.next(Duration::from_millis(300)) == Got::Quiet,
    );
    // Many at once are told by fewer, higher targets.
    let many: String = (0..300)
        .map(|n| format!("<tenant><name>m{n}</name>{MANAGED}</tenant>"))
        .collect();
    let many =
        tenant("other", "").replace("</tenant></tenants>", &format!("</tenant>{many}</tenants>"));
    writer.ok(&running(&many));
    let expected = format!("{by} edit( target=/esc:esc_datamodel/esc:tenants operation=merge )");
    table.row("many", &told(&mut watcher), &[&expected]);
    table.done();
}

/// Section 2.2, netconf-confirmed-commit: all that can happen to one, and what is changed with it.
#[test]
fn confirmed_commits_are_told() {
    let host = Host::start();
    let mut table = Table::default();
    let mut peer = host.peer();
    let me = who(peer.own_id);
    let mut watcher = host.peer();
    let filter = format!(
        "<filter><netconf-config-change xmlns=\"{BASE_EVENTS}\"><changed-by/><edit><operation/></edit></netconf-config-change><netconf-confirmed-commit xmlns=\"{BASE_EVENTS}\"/></filter>"
    );
    watcher.ok(&subscribe(&filter));
    let add = |peer: &mut Peer, name: &str| peer.ok(&candidate(&tenant(name, MANAGED)));
    let mut heard = |case: &str, events: &[String]| {
        for event in events {
            let got = told(&mut watcher);
            let beginning = format!("{event}*");
            table.row(case, &got, &[event, &beginning]);
        }
    };
    let changed = |by: &str| format!("config-change changed-by( {by} )");
    let confirm = |event: &str| format!("confirmed-commit {me} confirm-event={event}");
    add(&mut peer, "a");
    peer.ok("<commit><confirmed/><confirm-timeout>60</confirm-timeout></commit>");
    heard("start", &[changed(&me), confirm("start timeout=60")]);
    peer.ok("<commit><confirmed/></commit>");
    heard("extend", &[confirm("extend timeout=600")]);
    add(&mut peer, "b");
    peer.ok("<commit/>");
    heard("complete", &[changed(&me), confirm("complete")]);
    add(&mut peer, "c");
    peer.ok("<commit><confirmed/></commit>");
    heard("start", &[changed(&me), confirm("start timeout=600")]);
    peer.ok("<cancel-commit/>");
    heard("cancel", &[changed(&me), confirm("cancel")]);
    add(&mut peer, "c");
    peer.ok("<commit><confirmed/><confirm-timeout>1</confirm-timeout></commit>");
    heard("start", &[changed(&me), confirm("start timeout=1")]);
    // Nobody's: "The common session parameters will not be present".
    heard(
        "timeout",
        &[
            changed("server"),
            "confirmed-commit confirm-event=timeout".to_owned(),
        ],
    );
    add(&mut peer, "d");
    peer.ok("<commit><confirmed/></commit>");
    heard("start", &[changed(&me), confirm("start timeout=600")]);
    peer.ok("<close-session/>");
    heard("session end", &[changed("server"), confirm("cancel")]);
    table.done();
}

/// RFC 5277 section 2.1.1: without a startTime a subscription starts when it is made. What happened before, as the
/// session's own start, may still be on its way to the disk.
#[test]
fn a_subscription_is_not_told_of_the_start_of_its_own_session() {
    let host = Host::start();
    let mut maker = host.peer();
    for n in 0..20 {
        let mut watcher = host.peer();
        watcher.ok(&subscribe(""));
        let group = format!("<group><name>g{n}</name></group>");
        maker.ok(&running(&format!(
            "<nacm xmlns=\"{NACM}\"><groups>{group}</groups></nacm>"
        )));
        let first = told(&mut watcher);
        assert!(first.starts_with("config-change"), "{n}: {first}");
        // Wait for its end, so that the next is not told of it.
        watcher.ok("<close-session/>");
        watcher.eof();
        while !matches!(watcher.next(Duration::from_secs(20)), Got::Closed) {}
    }
}

/// They are in the log like any other event, and on stream NETCONF alone.
#[test]
fn base_events_are_replayed_and_are_not_on_stream_esc_event() {
    let host = Host::start();
    let mut peer = host.peer();
    peer.ok(&running(&tenant("a", MANAGED)));
    let mut live = host.peer();
    live.ok(&subscribe("<stream>NETCONF</stream>"));
    let mut esc = host.peer();
    esc.ok(&subscribe("<stream>escEvent</stream>"));
    peer.ok(&running(&tenant("b", MANAGED)));
    let change = loop {
        let message = live.message();
        if message.contains("netconf-config-change") {
            break message;
        }
    };
    let mut late = host.peer();
    late.ok(&subscribe("<startTime>2001-01-01T00:00:00Z</startTime>"));
    let mut replayed = Vec::new();
    loop {
        let message = late.message();
        if message.contains("replayComplete") {
            break;
        }
        replayed.push(message);
    }
    assert!(replayed.contains(&change), "{replayed:?}");
    let starts = replayed
        .iter()
        .filter(|m| m.contains("netconf-session-start"));
    assert!(starts.count() >= 3, "{replayed:?}");
    while let Got::Message(message) = esc.next(Duration::from_millis(300)) {
        assert!(!message.contains(BASE_EVENTS), "{message}");
    }
}

/// RFC 6022 section 2.1.5 and `common-counters`: each counter is provoked, and moves by as much.
#[test]
fn counters_count() {
    let host = Host::start();
    let mut table = Table::default();
    let mut peer = host.peer();
    let state = format!(
        "<get><filter><netconf-state xmlns=\"{MONITORING}\"><statistics/></netconf-state></filter></get>"
    );
    let figures = |peer: &mut Peer| -> Vec<i64> {
        let reply = peer.rpc(&state);
        let number = |name: &str| {
            let (_, rest) = reply.split_once(&format!("<{name}>")).unwrap();
            rest.split('<').next().unwrap().parse::<i64>().unwrap()
        };
        [
            "in-bad-hellos",
            "in-sessions",
            "dropped-sessions",
            "in-rpcs",
            "in-bad-rpcs",
            "out-rpc-errors",
            "out-notifications",
        ]
        .map(number)
        .to_vec()
    };
    let mut before = figures(&mut peer);
    let mut moved = |case: &str, peer: &mut Peer, expected: [i64; 7]| {
        // An end is counted a moment after its cause; the get itself is a request.
        let deadline = Instant::now() + Duration::from_secs(5);
        let mut asked = 0;
        loop {
            let now = figures(peer);
            asked += 1;
            let mut delta: Vec<i64> = now.iter().zip(&before).map(|(a, b)| a - b).collect();
            delta[3] -= asked;
            if delta == expected || Instant::now() > deadline {
                table.check(
                    &format!("{case}: {delta:?}, not {expected:?}"),
                    delta == expected,
                );
                before = now;
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    };
    moved("nothing", &mut peer, [0, 0, 0, 0, 0, 0, 0]);
    peer.ok("<discard-changes/>");
    moved("a request", &mut peer, [0, 0, 0, 1, 0, 0, 0]);
    peer.error("<nope/>");
    moved("a refused request", &mut peer, [0, 0, 0, 1, 0, 1, 0]);
    peer.send_message("<rpc xmlns=\"urn:ietf:params:xml:ns:netconf:base:1.0\"><get/></rpc>");
    peer.message();
    moved("no message-id", &mut peer, [0, 0, 0, 0, 1, 1, 0]);
    peer.send_message("<rpc");
    peer.message();
    moved("not well-formed", &mut peer, [0, 0, 0, 0, 1, 1, 0]);
    let (mut bad, _) = host.greeted();
    bad.send("<hello xmlns=\"urn:x\"/>]]>]]>");
    moved("a bad hello", &mut peer, [1, 1, 0, 0, 0, 0, 0]);
    let mut closed = host.peer();
    closed.ok("<close-session/>");
    moved("a closed session", &mut peer, [0, 1, 0, 1, 0, 0, 0]);
    let killed = host.peer();
    peer.ok(&kill(&killed));
    moved("a killed session", &mut peer, [0, 1, 0, 1, 0, 0, 0]);
    drop(host.peer());
    moved("a dropped session", &mut peer, [0, 1, 1, 0, 0, 0, 0]);
    let mut subscriber = host.peer();
    subscriber.ok(&subscribe(""));
    // Its own start may still be on its way.
    std::thread::sleep(Duration::from_millis(200));
    while let Got::Message(_) = subscriber.next(Duration::from_millis(100)) {}
    before = figures(&mut peer);
    peer.ok(&running(&tenant("x", MANAGED)));
    subscriber.message();
    // What else follows (the tenant's own event) counts as well.
    let mut received = 1;
    while let Got::Message(_) = subscriber.next(Duration::from_secs(2)) {
        received += 1;
    }
    let sent = figures(&mut peer)[6] - before[6];
    table.check(
        &format!("{received} notifications, {sent} counted"),
        sent == received,
    );
    table.done();
}

/// RFC 6022 sections 2.1.3 and 2.1.5: each session with its own counters; locks with their holder.
#[test]
fn sessions_and_locks_are_shown() {
    let host = Host::start();
    let (mut a, mut b) = (host.peer(), host.peer());
    b.error("<nope/>");
    b.ok("<lock><target><candidate/></target></lock>");
    let state = format!(
        "<get><filter><netconf-state xmlns=\"{MONITORING}\"><sessions/><datastores/></netconf-state></filter></get>"
    );
    let reply = parse(&a.rpc(&state));
    fn find<'e>(element: &'e Element, local: &str, out: &mut Vec<&'e Element>) {
        if &*element.local == local {
            out.push(element);
        }
        element.elements().for_each(|child| find(child, local, out));
    }
    let mut sessions = Vec::new();
    find(&reply, "session", &mut sessions);
    assert_eq!(sessions.len(), 2);
    let leaf = |session: &Element, name: &str| session.child(MONITORING, name).unwrap().text();
    let of = |id: u32| {
        let id = id.to_string();
        *sessions
            .iter()
            .find(|s| leaf(s, "session-id") == id)
            .unwrap()
    };
    let shown = of(b.own_id);
    let transport = shown.child(MONITORING, "transport").unwrap();
    let text = transport.text();
    let (prefix, name) = text.split_once(':').unwrap_or(("", &text));
    assert_eq!(name, "netconf-ssh");
    assert_eq!(transport.scope.resolve(prefix), Some(MONITORING));
    for (name, value) in [
        ("username", USER),
        ("source-host", "127.0.0.1"),
        ("in-rpcs", "2"),
        ("in-bad-rpcs", "0"),
        ("out-rpc-errors", "1"),
        ("out-notifications", "0"),
    ] {
        assert_eq!(leaf(shown, name), value, "{name}");
    }
    assert_eq!(leaf(of(a.own_id), "in-rpcs"), "1");
    let mut locks = Vec::new();
    find(&reply, "global-lock", &mut locks);
    assert_eq!(locks.len(), 1);
    assert_eq!(leaf(locks[0], "locked-by-session"), b.own_id.to_string());
    assert!(leaf(locks[0], "locked-time").contains('T'));
}
