//! Case 46 and past vulnerabilities: input made to hurt. The server answers or closes, and lives.

use std::time::{Duration, Instant};

use crate::peer::{BASE, Got, Host, Table, brief};

const GET: &str = "<get-config><source><running/></source></get-config>";

fn rpc(inner: &str) -> String {
    format!("<rpc xmlns=\"{BASE}\" message-id=\"1\">{inner}</rpc>")
}

#[test]
fn big_deep_and_wide_requests() {
    let host = Host::process();
    host.lives();
    let before = host.memory("VmHWM");
    let mut table = Table::default();
    let attributes: String = (0..40_000).map(|n| format!(" a{n}=\"\"")).collect();
    let namespaces: String = (0..20_000)
        .map(|n| format!(" xmlns:n{n}=\"u{n}\""))
        .collect();
    for (case, message) in [
        (
            "50,000 levels",
            rpc(&format!(
                "{}{}",
                "<a>".repeat(50_000),
                "</a>".repeat(50_000)
            )),
        ),
        (
            "50,000 levels in a filter",
            rpc(&format!(
                "<get><filter>{}{}</filter></get>",
                "<a>".repeat(50_000),
                "</a>".repeat(50_000)
            )),
        ),
        ("40,000 attributes", rpc(&format!("<get{attributes}/>"))),
        ("20,000 namespaces", rpc(&format!("<get{namespaces}/>"))),
        (
            "1 MiB attribute",
            rpc(&format!("<get a=\"{}\"/>", "x".repeat(1 << 20))),
        ),
        (
            "1 MiB message-id",
            format!(
                "<rpc xmlns=\"{BASE}\" message-id=\"{}\">{GET}</rpc>",
                "x".repeat(1 << 20)
            ),
        ),
        ("1 MiB name", rpc(&format!("<{}/>", "x".repeat(1 << 20)))),
        (
            "8 MiB of text",
            rpc(&format!(
                "<get><filter><a>{}</a></filter></get>",
                "x".repeat(8 << 20)
            )),
        ),
        (
            "8 MiB of elements",
            rpc(&format!(
                "<get><filter>{}</filter></get>",
                "<a/>".repeat(2 << 20)
            )),
        ),
        (
            "8 MiB of references",
            rpc(&format!(
                "<get><filter><a>{}</a></filter></get>",
                "&amp;".repeat((8 << 20) / 5)
            )),
        ),
        (
            "8 MiB comment",
            rpc(&format!("<!--{}-->{GET}", "x".repeat(8 << 20))),
        ),
        (
            "17 MiB",
            rpc(&format!(
                "<get><filter><a>{}</a></filter></get>",
                "x".repeat(17 << 20)
            )),
        ),
    ] {
        let mut peer = host.peer();
        let began = Instant::now();
        peer.send_message(&message);
        match peer.next(Duration::from_secs(20)) {
            Got::Message(reply) => {
                let served = reply.contains("<data");
                table.row(
                    case,
                    if served { "served" } else { &reply },
                    &["served", &reply],
                );
                if !served {
                    table.row(
                        case,
                        &brief(&reply),
                        &[
                            "rpc too-big*",
                            "rpc malformed-message",
                            "protocol unknown-attribute*",
                            "application too-big*",
                            "application resource-denied*",
                        ],
                    );
                }
                peer.rpc(GET);
            }
            Got::Closed => {}
            Got::Quiet => table.check(&format!("{case}: no answer"), false),
        }
        let took = began.elapsed();
        // What is too long for any message is not read to its end: libssh2 then waits for a window.
        let patient = case == "17 MiB" || took < Duration::from_secs(10);
        table.check(&format!("{case} took {took:?}"), patient);
    }
    host.lives();
    let mut now = host.memory("VmRSS");
    let deadline = Instant::now() + Duration::from_secs(10);
    while now > 100 && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(100));
        now = host.memory("VmRSS");
    }
    let peak = host.memory("VmHWM");
    let told = format!("memory: {before} MiB before, {peak} MiB at most, {now} MiB now");
    println!("{told}");
    table.check(&told, peak - before <= 128 && now <= 100);
    table.done();
}

#[test]
fn large_edits_are_read_back() {
    let host = Host::start();
    let mut peer = host.peer();
    let groups = format!("{}{}", crate::sample::GROUP, crate::sample::NO_VMS);
    let text = "0123456789abcdef".repeat(64 * 1024);
    let config = crate::sample::deployment("t", "d", &format!("{groups}<config_data><configuration><dst>x</dst><data>{text}</data></configuration></config_data>"))
        .replace("<name>t</name>", "<name>t</name><managed_resource>false</managed_resource>");
    peer.ok(&crate::sample::running(&config));
    assert!(peer.rpc(GET).contains(&text));
    let mut old = host.old_peer();
    assert!(old.rpc(GET).contains(&text));
}

#[test]
fn half_messages_cost_nobody_else_anything() {
    let host = Host::start();
    let mut stalled: Vec<_> = (0..20).map(|_| host.peer()).collect();
    for peer in &mut stalled {
        peer.send(format!("\n#100000\n<rpc{}", " ".repeat(5000)));
    }
    let began = Instant::now();
    let mut peer = host.peer();
    for _ in 0..20 {
        peer.rpc(GET);
    }
    assert!(began.elapsed() < Duration::from_secs(5));
}
