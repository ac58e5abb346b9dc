//! The bounds that README promises: each is a setting of that name and default, and who crosses one is told so.

use std::time::Duration;

use lifeline::daemon::settings::Settings;

use crate::messages::rpc;
use crate::peer::{Got, brief};
use crate::quick;

const MIB: i64 = 1 << 20;

/// Every bound on what a client can cost, with the value it has where no file says otherwise.
const DEFAULTS: &[(&str, i64)] = &[
    ("ssh.login-seconds", 30),
    ("ssh.auth-attempts", 6),
    ("ssh.auth-rejection-milliseconds", 1_000),
    ("ssh.channels-per-connection", 4),
    ("ssh.write-stall-seconds", 60),
    ("ssh.tcp-keepalive-seconds", 15),
    ("ssh.keepalive-count", 3),
    ("ssh.login-bytes", 128 * 1024),
    ("ssh.startups.begin", 10),
    ("ssh.startups.rate", 30),
    ("ssh.startups.full", 100),
    ("ssh.startups.per-source", 5),
    ("ssh.startups.patience-milliseconds", 1_000),
    ("ssh.penalties.attempts-per-minute", 30),
    ("ssh.penalties.auth-failed-seconds", 5),
    ("ssh.penalties.no-auth-seconds", 1),
    ("ssh.penalties.grace-exceeded-seconds", 10),
    ("ssh.penalties.crash-seconds", 90),
    ("ssh.penalties.min-seconds", 15),
    ("ssh.penalties.max-seconds", 600),
    ("ssh.penalties.sources", 65_536),
    ("netconf.message-bytes", 16 * MIB),
    ("netconf.read-silence-s", 20),
    ("netconf.read-total-s", 60),
    ("netconf.idle-timeout-s", 0),
    ("netconf.xml-depth", 128),
    ("netconf.xml-attributes", 256),
    ("netconf.xml-namespaces", 64),
    ("netconf.xml-name-bytes", 1_024),
    ("netconf.xpath-depth", 64),
    ("netconf.xpath-bytes", 4_096),
    ("netconf.xpath-milliseconds", 250),
    ("netconf.xpath-visits", 1_000_000),
    ("limits.sessions", 4_096),
    ("limits.sessions-per-user", 0),
    ("limits.sessions-reserved", 2),
    ("limits.input-bytes-per-user", 64 * MIB),
    ("limits.change-units", 20_000),
];

#[test]
fn every_bound_is_a_setting_with_its_default() {
    let all = toml::Value::try_from(Settings::default()).unwrap();
    for (path, wanted) in DEFAULTS {
        let found = path.split('.').try_fold(&all, |at, name| at.get(name));
        let found = found.and_then(toml::Value::as_integer);
        assert_eq!(found, Some(*wanted), "{path}");
    }
}

/// One step inside each bound is served, one step outside is told which one it is, by tag.
#[test]
fn whoever_crosses_a_bound_is_told_which() {
    let host = quick();
    let filter = |inner: &str| format!("<get><filter>{inner}</filter></get>");
    let deep = |levels: usize| {
        // rpc, get and filter are three.
        let levels = levels - 3;
        filter(&("<a>".repeat(levels) + &"</a>".repeat(levels)))
    };
    let attributes = |count: usize| {
        let all: String = (0..count).map(|n| format!(" a{n}=\"\"")).collect();
        filter(&format!("<a{all}/>"))
    };
    let namespaces = |count: usize| {
        // The base namespace is one.
        let all: String = (1..count)
            .map(|n| format!(" xmlns:n{n}=\"urn:{n}\""))
            .collect();
        filter(&format!("<a{all}/>"))
    };
    let name = |octets: usize| filter(&format!("<{}/>", "n".repeat(octets)));
    let nodes = |count: usize| filter(&"<a/>".repeat(count));
    let xpath = |select: String| format!("<get><filter type=\"xpath\" select=\"{select}\"/></get>");
    let text = |octets: usize| xpath(format!("/{}", "a".repeat(octets - 1)));
    let nested = |depth: usize| xpath(format!("/a[{}1{}]", "(".repeat(depth), ")".repeat(depth)));
    for (what, inside, outside, told, words) in [
        ("depth", deep(128), deep(129), "too-big", "levels"),
        (
            "attributes",
            attributes(256),
            attributes(257),
            "too-big",
            "attributes",
        ),
        (
            "namespaces",
            namespaces(64),
            namespaces(65),
            "too-big",
            "namespace",
        ),
        ("names", name(1_024), name(1_025), "too-big", "name"),
        (
            "nodes",
            nodes(499_000),
            nodes(500_001),
            "too-big",
            "elements",
        ),
        (
            "xpath text",
            text(4_096),
            text(4_097),
            "resource-denied",
            "4096",
        ),
        (
            "xpath depth",
            nested(60),
            nested(70),
            "resource-denied",
            "64",
        ),
    ] {
        let mut peer = host.peer();
        peer.send_message(&rpc(&inside));
        let Got::Message(reply) = peer.next(Duration::from_secs(60)) else {
            panic!("{what}: no answer inside");
        };
        assert!(!reply.contains("<rpc-error>"), "{what}: {reply:.500}");
        peer.send_message(&rpc(&outside));
        let Got::Message(reply) = peer.next(Duration::from_secs(60)) else {
            panic!("{what}: no answer outside");
        };
        println!("{what}: {}", brief(&reply));
        let tag = format!("<error-tag>{told}</error-tag>");
        assert!(
            reply.contains(&tag) && reply.contains(words),
            "{what}: {reply:.500}"
        );
    }
    // A message that is too long: its end is not waited for.
    let mut peer = host.peer();
    peer.send_message(&rpc(&filter(&"x".repeat(16 * MIB as usize))));
    match peer.next(Duration::from_secs(60)) {
        Got::Message(reply) => assert!(reply.contains("too-big"), "{reply:.500}"),
        other => println!("a message above 16 MiB: {other:?}"),
    }
    host.lives();
}
