//! NETCONF messages made to hurt: entities, junk at every level, annotations, names without end.

use std::time::{Duration, Instant};

use crate::flat;
use crate::peer::{BASE, ESC, Got, Host, brief};
use crate::quick;
use crate::sample::{GROUP, NO_VMS, all, deployment, running};

const ACTION: &str = "urn:ietf:params:xml:ns:yang:1";

/// Documents with declarations that an XML parser may act upon (CVE-2014-5035, CVE-2018-1000614).
pub const ENTITIES: [&str; 9] = [
    "<!DOCTYPE rpc>",
    "<!DOCTYPE rpc [<!ENTITY x SYSTEM \"file:///etc/passwd\">]>",
    "<!DOCTYPE rpc [<!ENTITY x SYSTEM \"http://attacker.invalid/\">]>",
    "<!DOCTYPE rpc SYSTEM \"http://attacker.invalid/x.dtd\">",
    "<!DOCTYPE rpc PUBLIC \"-//X\" \"file:///etc/passwd\">",
    "<!DOCTYPE rpc [<!ENTITY % p SYSTEM \"file:///etc/passwd\"> %p;]>",
    "<!DOCTYPE rpc [<!ENTITY a \"ha\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;\"><!ENTITY c \"&b;&b;&b;&b;&b;&b;&b;&b;\"><!ENTITY d \"&c;&c;&c;&c;&c;&c;&c;&c;\">]>",
    "<?xml-stylesheet href=\"http://attacker.invalid/\"?><!DOCTYPE rpc [<!NOTATION n SYSTEM \"x\">]>",
    "<!DOCTYPE rpc [<!ATTLIST rpc message-id CDATA \"9\">]>",
];

pub fn rpc(inner: &str) -> String {
    format!("<rpc xmlns=\"{BASE}\" message-id=\"1\">{inner}</rpc>")
}

/// An error of the envelope or the end of the session, never a served request.
#[track_caller]
fn refused(host: &Host, message: &str, what: &str) {
    for old in [false, true] {
        let mut peer = if old { host.old_peer() } else { host.peer() };
        peer.send_message(message);
        match peer.next(Duration::from_secs(10)) {
            Got::Closed => {}
            Got::Message(reply) => assert!(reply.contains("<rpc-error>"), "{what}: {reply:.500}"),
            Got::Quiet => panic!("{what}: no answer"),
        }
    }
}

/// ODL, ONOS, SSH.NET: DOCTYPE and entities of every kind; see also the test with strace.
#[test]
fn entities_are_refused_and_not_expanded() {
    let host = quick();
    flat(&host, 16, || {
        for entity in ENTITIES {
            refused(&host, &format!("{entity}{}", rpc("<get/>")), entity);
            let hello = format!(
                "{entity}<hello xmlns=\"{BASE}\"><capabilities><capability>urn:ietf:params:netconf:base:1.1</capability></capabilities></hello>]]>]]>"
            );
            let mut peer = host.silent();
            peer.message();
            peer.send(hello);
            assert!(peer.closes(), "hello with {entity}");
        }
        for reference in ["&x;", "&a;", "&lt", "&;", "&#x;", "&#99999999999;", "&#0;"] {
            refused(
                &host,
                &rpc(&format!("<get><filter>{reference}</filter></get>")),
                reference,
            );
        }
    });
}

/// The time that this thread was given by the machine.
fn own_time() -> Duration {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: the pointer is to a live timespec.
    unsafe {
        assert_eq!(
            libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time),
            0
        );
    }
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// RUSTSEC-2026-0194: looking for duplicate attributes took quadratic time.
#[test]
fn forty_thousand_attributes_take_less_than_20_ms() {
    let message = |count: usize| {
        let attributes: String = (0..count).map(|n| format!(" a{n}=\"\"")).collect();
        rpc(&format!("<get{attributes}/>"))
    };
    let boundless = lifeline::xml::Limits {
        attributes: usize::MAX,
        ..lifeline::xml::Limits::default()
    };
    // This thread's own time, the best of some: the machine has other things to do.
    let parse = |message: &str, limits: &lifeline::xml::Limits| {
        let runs = (0..7).map(|_| {
            let began = own_time();
            let parsed = lifeline::xml::parse(message.as_bytes(), limits);
            (own_time() - began, parsed.is_ok())
        });
        runs.min().unwrap()
    };
    let (many, half, few) = (message(40_000), message(20_000), message(10_000));
    let (refusal, accepted) = parse(&many, &lifeline::xml::Limits::default());
    let (all, read) = parse(&many, &boundless);
    let (halved, _) = parse(&half, &boundless);
    let (quarter, _) = parse(&few, &boundless);
    println!(
        "refused in {refusal:?}; without our limit read in {all:?}, half of it in {halved:?}, a quarter in {quarter:?}"
    );
    assert!(!accepted && read);
    // Unoptimised code takes some twenty times as long.
    let bound = Duration::from_millis(if cfg!(debug_assertions) { 400 } else { 20 });
    assert!(refusal < bound && all < 2 * bound, "{refusal:?} {all:?}");
    // Twice the attributes take at most three times as long, however the code was compiled.
    assert!(
        all <= 3 * halved && halved <= 3 * quarter,
        "more than linear: {quarter:?}, {halved:?}, {all:?}"
    );
}

/// RUSTSEC-2026-0195: namespace declarations without bound.
#[test]
fn twenty_thousand_namespaces_are_an_error_and_cost_no_memory() {
    let host = quick();
    flat(&host, 24, || {
        let declared: String = (0..20_000)
            .map(|n| format!(" xmlns:n{n}=\"u{n}\""))
            .collect();
        refused(&host, &rpc(&format!("<get{declared}/>")), "on one element");
        let nested: String = (0..100)
            .map(|n| format!("<a xmlns:n{n}=\"u{n}\">"))
            .collect();
        let message = format!("<get><filter>{nested}{}</filter></get>", "</a>".repeat(100));
        refused(&host, &rpc(&message), "nested");
        let mut peer = host.peer();
        let beside = "<a xmlns:x=\"urn:x\"/>".repeat(100_000);
        peer.send_message(&rpc(&format!("<get><filter>{beside}</filter></get>")));
        assert!(matches!(
            peer.next(Duration::from_secs(20)),
            Got::Message(_)
        ));
    });
}

/// libyang CVE-2026-115327: text inside `<action>` freed a pointer that was never set.
#[test]
fn junk_in_actions_and_at_every_level_is_answered() {
    let host = quick();
    let mut peer = host.peer();
    let junk = [
        "junk",
        "<!-- c -->junk",
        "<![CDATA[junk]]>",
        "<?pi x?>junk",
        "&#106;unk",
    ];
    for junk in junk {
        for (what, message) in [
            (
                "action",
                format!("<action xmlns=\"{ACTION}\">{junk}</action>"),
            ),
            (
                "in an action",
                format!(
                    "<action xmlns=\"{ACTION}\"><esc_datamodel xmlns=\"{ESC}\">{junk}</esc_datamodel></action>"
                ),
            ),
            (
                "beside an action",
                format!(
                    "<action xmlns=\"{ACTION}\"><esc_datamodel xmlns=\"{ESC}\"/>{junk}</action>"
                ),
            ),
            ("rpc", format!("{junk}<get/>")),
            (
                "rpc input",
                format!("<vmAction xmlns=\"{ESC}\">{junk}</vmAction>"),
            ),
            (
                "a parameter",
                format!(
                    "<vmAction xmlns=\"{ESC}\"><actionType><x/>{junk}</actionType><vmName>x</vmName></vmAction>"
                ),
            ),
            (
                "edit-config",
                format!("<edit-config>{junk}<target><running/></target><config/></edit-config>"),
            ),
            ("config", running(junk)),
            (
                "container",
                running(&format!(
                    "<esc_datamodel xmlns=\"{ESC}\">{junk}</esc_datamodel>"
                )),
            ),
            (
                "source",
                format!("<get-config><source>{junk}<running/></source></get-config>"),
            ),
        ] {
            let told = peer.error(&message);
            assert_ne!(told, "ok", "{what} {junk}");
        }
    }
    // A typo in an action, a wrong key, an unknown node of every kind (netopeer2 5, 912, 1607, 1778).
    for message in [
        format!(
            "<action xmlns=\"{ACTION}\"><esc_datamodel xmlns=\"{ESC}\"><nope/></esc_datamodel></action>"
        ),
        format!("<action xmlns=\"{ACTION}\"/>"),
        "<action xmlns=\"urn:x\"/>".to_owned(),
        running(&format!(
            "<esc_datamodel xmlns=\"{ESC}\"><tenants><tenant><nom>t</nom></tenant></tenants></esc_datamodel>"
        )),
        running(&format!(
            "<esc_datamodel xmlns=\"{ESC}\"><tenants><tenant><name><name>t</name></name></tenant></tenants></esc_datamodel>"
        )),
        running("<x xmlns=\"urn:opaque\"><y z=\"1\"/></x>"),
    ] {
        let told = peer.error(&message);
        assert_ne!(told, "ok", "{message}");
    }
    peer.rpc(&all("running"));
    host.lives();
}

/// libyang CVE-2026-41401: several annotations and a default mark on one node. Freed memory is
/// overwritten in this process, so that a use of it shows.
#[test]
fn annotations_and_default_marks_on_one_node_are_answered() {
    let host = Host::process_with("", &["env", "MALLOC_PERTURB_=165"]);
    let mut peer = host.peer();
    let annotated = |value: &str| {
        format!(
            "{GROUP}{NO_VMS}<recovery_policy xmlns:wd=\"urn:ietf:params:xml:ns:netconf:default:1.0\" xmlns:nc=\"{BASE}\" xmlns:y=\"{ACTION}\" xmlns:u=\"urn:u\"><max_retries {value}>3</max_retries></recovery_policy>"
        )
    };
    for value in [
        "wd:default=\"true\"",
        "wd:default=\"true\" nc:operation=\"merge\"",
        "wd:default=\"true\" nc:operation=\"replace\" y:insert=\"first\"",
        "wd:default=\"true\" y:insert=\"first\" y:key=\"x\" y:value=\"y\"",
        "wd:default=\"true\" u:a=\"1\" u:b=\"2\" u:c=\"3\"",
        "wd:default=\"maybe\" nc:operation=\"create\"",
        "wd:default=\"\" u:default=\"true\"",
        "nc:operation=\"delete\" wd:default=\"true\" y:insert=\"last\"",
        "y:insert=\"before\" y:value=\"\"",
        "u:a=\"1\"",
    ] {
        for _ in 0..3 {
            let told = peer.rpc(&running(&deployment("t", "d", &annotated(value))));
            brief(&told);
        }
    }
    for target in ["get", "get-config><source><running/></source></get-config"] {
        let operation = match target {
            "get" => "<get><with-defaults xmlns=\"urn:ietf:params:xml:ns:yang:ietf-netconf-with-defaults\">report-all-tagged</with-defaults></get>".to_owned(),
            _ => all("running"),
        };
        peer.rpc(&operation);
    }
    host.lives();
}

/// A message of every legal extreme at once is served or refused, quickly, and off the I/O threads:
/// another session's requests do not wait for it. What it costs in memory is at most 8 times its size.
#[test]
fn the_worst_legal_messages_cost_eight_times_their_size_and_nobody_else_anything() {
    const MIB: usize = 1 << 20;
    let attributes: String = (0..255).map(|n| format!(" a{n}=\"\"")).collect();
    let deep = |inner: &str| format!("{}{inner}{}", "<a>".repeat(120), "</a>".repeat(120));
    let fill = |piece: &str, octets: usize| piece.repeat(octets / piece.len());
    let config = |inner: String| {
        running(&format!(
            "<esc_datamodel xmlns=\"{ESC}\">{inner}</esc_datamodel>"
        ))
    };
    let cases: Vec<(&str, String)> = vec![
        (
            "text",
            format!(
                "<get><filter><a>{}</a></filter></get>",
                "x".repeat(15 * MIB)
            ),
        ),
        (
            "references",
            format!(
                "<get><filter><a>{}</a></filter></get>",
                fill("&amp;", 15 * MIB)
            ),
        ),
        (
            "attributes",
            format!(
                "<get><filter>{}</filter></get>",
                fill(&format!("<a{attributes}/>"), 15 * MIB)
            ),
        ),
        (
            "as many attributes as are read",
            format!(
                "<get><filter>{}</filter></get>",
                format!("<a{attributes}/>").repeat(1_950)
            ),
        ),
        (
            "as many elements as are read",
            format!(
                "<get><filter>{}</filter></get>",
                "<aaaaaaaaaaaaaaaaaaaaaaaaaaaa/>".repeat(499_000)
            ),
        ),
        (
            "as many elements with text",
            format!(
                "<get><filter>{}</filter></get>",
                "<aaaaaaaaaaaaaaa>some text here, more of it</aaaaaaaaaaaaaaa>".repeat(249_000)
            ),
        ),
        (
            "declarations",
            format!(
                "<get><filter>{}</filter></get>",
                "<a xmlns:b=\"urn:b\" xmlns:c=\"urn:cccccccccccccccc\"/>".repeat(166_000)
            ),
        ),
        (
            "depth",
            format!(
                "<get><filter>{}</filter></get>",
                fill(&deep("<b/>"), 4 * MIB)
            ),
        ),
        (
            "an edit of text",
            config(format!("<x>{}</x>", "y".repeat(15 * MIB))),
        ),
        (
            "an edit of tenants",
            config(format!(
                "<tenants>{}</tenants>",
                (0..5_000)
                    .map(|n| format!("<tenant><name>tenant-{n:0100}</name></tenant>"))
                    .collect::<String>()
            )),
        ),
        (
            "an edit of more tenants than may be changed at once",
            config(format!(
                "<tenants>{}</tenants>",
                (0..150_000)
                    .map(|n| format!("<tenant><name>tenant-{n:050}</name></tenant>"))
                    .collect::<String>()
            )),
        ),
        (
            "an action's input",
            format!(
                "<vmAction xmlns=\"{ESC}\"><actionType>STOP</actionType><vmName>{}</vmName></vmAction>",
                "v".repeat(15 * MIB)
            ),
        ),
        (
            "an xpath",
            format!(
                "<get><filter type=\"xpath\" select=\"/{}\"/></get>",
                "a/".repeat(7 * MIB)
            ),
        ),
    ];
    for (what, operation) in cases {
        let host = quick();
        host.lives();
        let size = operation.len();
        assert!(size <= 16 * MIB, "{what}: {size}");
        let before = host.memory("VmHWM");
        let sender = std::thread::scope(|scope| {
            let host = &host;
            let sender = scope.spawn(move || {
                let mut peer = host.peer();
                peer.send_message(&rpc(&operation));
                peer.next(Duration::from_secs(60))
            });
            let mut other = host.peer();
            let mut worst = Duration::ZERO;
            while !sender.is_finished() {
                let began = Instant::now();
                other.rpc(&all("running"));
                worst = worst.max(began.elapsed());
                std::thread::sleep(Duration::from_millis(5));
            }
            (sender.join().unwrap(), worst)
        });
        let (got, worst) = sender;
        let grown = host.memory("VmHWM").saturating_sub(before);
        let told = match &got {
            Got::Message(reply) if reply.contains("<rpc-error>") => brief(reply),
            Got::Message(_) => "served".to_owned(),
            other => format!("{other:?}"),
        };
        let ratio = grown as f64 / (size as f64 / MIB as f64);
        println!(
            "{what}: {:.1} MiB, {grown} MiB more memory ({ratio:.1}x), the other waited {worst:?}: {told:.90}",
            size as f64 / MIB as f64
        );
        // What the first request of its kind takes, whatever its size, is not the message's.
        let most = (8 * size / MIB).max(40) as u64;
        assert!(grown <= most, "{what}: {grown} MiB, more than {most}");
        assert!(
            worst < Duration::from_secs(1),
            "{what}: the other waited {worst:?}"
        );
        assert_ne!(got, Got::Quiet, "{what}");
        host.lives();
    }
}

/// A line of the audit log for each request, also for one that is not understood.
#[test]
fn requests_that_are_not_understood_are_told() {
    let host = quick();
    let mut peer = host.peer();
    let bad = [
        format!("<rpc xmlns=\"{BASE}\"><get/></rpc>"),
        format!("<rpc xmlns=\"{BASE}\" message-id=\"1\"/>"),
        rpc("<get/><get/>"),
        rpc("text<get/>"),
        "<rpc message-id=\"1\"><get/></rpc>".to_owned(),
        "<rpc".to_owned(),
    ];
    for message in &bad {
        peer.send_message(message);
        assert!(peer.message().contains("<rpc-error>"), "{message}");
    }
    let told = || {
        let log = std::fs::read_to_string(host.data().join("audit/audit.log")).unwrap();
        log.matches("\"what\":\"rpc\",\"result\":\"refused\",\"reason\":\"not understood\"")
            .count()
    };
    crate::eventually("each is told", || told() == bad.len());
    // One that ends the session.
    peer.send_message(&format!("<rpc-reply xmlns=\"{BASE}\" message-id=\"1\"/>"));
    assert!(peer.closes());
    crate::eventually("that one too", || told() == bad.len() + 1);
}
