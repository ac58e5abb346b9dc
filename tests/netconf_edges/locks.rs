//! Cases 62 to 69: locks and the sessions that hold them (RFC 6241 sections 7.5 to 7.9, 8.3.5).

use std::time::{Duration, Instant};

use crate::peer::{Got, Host, Peer, Table};
use crate::sample::{all, candidate, running, tenant};

const MANAGED: &str = "<managed_resource>false</managed_resource>";

fn lock(target: &str) -> String {
    format!("<lock><target><{target}/></target></lock>")
}

fn unlock(target: &str) -> String {
    format!("<unlock><target><{target}/></target></unlock>")
}

/// A lock that comes free a moment after its holder's transport is gone.
fn soon(peer: &mut Peer, operation: &str) -> String {
    let deadline = Instant::now() + Duration::from_secs(5);
    loop {
        let got = peer.error(operation);
        if got == "ok" || Instant::now() > deadline {
            return got;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn locks_and_writes() {
    let host = Host::start();
    let mut table = Table::default();
    let (mut a, mut b) = (host.peer(), host.peer());
    for target in ["running", "candidate"] {
        a.ok(&lock(target));
        let denied = format!("protocol lock-denied session-id={}", a.own_id);
        table.row("62 by other", &b.error(&lock(target)), &[&denied]);
        table.row("62 by self", &a.error(&lock(target)), &[&denied]);
        let edit = if target == "running" {
            running(&tenant("x", MANAGED))
        } else {
            candidate(&tenant("x", MANAGED))
        };
        table.row(
            "63 edit",
            &b.error(&edit),
            &["protocol in-use", "application in-use"],
        );
        table.row(
            "63 commit",
            &{
                if target == "running" {
                    a.ok(&candidate(&tenant("y", MANAGED)));
                }
                b.error("<commit/>")
            },
            &["protocol in-use", "application in-use"],
        );
        let copy = format!(
            "<copy-config><target><{target}/></target><source><config/></source></copy-config>"
        );
        table.row(
            "63 copy-config",
            &b.error(&copy),
            &["protocol in-use", "application in-use"],
        );
        if target == "candidate" {
            table.row(
                "63 discard",
                &b.error("<discard-changes/>"),
                &["protocol in-use", "application in-use"],
            );
        }
        table.row(
            "64 held by other",
            &b.error(&unlock(target)),
            &["protocol operation-failed"],
        );
        a.ok("<discard-changes/>");
        a.ok(&unlock(target));
        table.row(
            "64 not held",
            &a.error(&unlock(target)),
            &["protocol operation-failed"],
        );
    }
    a.ok(&candidate(&tenant("x", MANAGED)));
    table.row(
        "65 modified",
        &b.error(&lock("candidate")),
        &["protocol lock-denied session-id=0"],
    );
    table.row(
        "65 modified by self",
        &a.error(&lock("candidate")),
        &["protocol lock-denied session-id=0"],
    );
    a.ok("<discard-changes/>");
    b.ok(&lock("candidate"));
    b.ok(&unlock("candidate"));
    a.ok(&candidate(&tenant("x", MANAGED)));
    a.ok("<commit/>");
    b.ok(&lock("candidate"));
    // An edit that changes nothing is no modification.
    b.ok(&candidate(&tenant("x", MANAGED)));
    b.ok(&unlock("candidate"));
    // Nor is one that was undone, or copied to running: section 7.5 speaks of changes that "have not been
    // committed or rolled back".
    for undo in [
        candidate(&tenant("y", MANAGED).replace("<tenant>", "<tenant nc:operation=\"delete\">")),
        "<copy-config><target><running/></target><source><candidate/></source></copy-config>"
            .into(),
    ] {
        a.ok(&candidate(&tenant("y", MANAGED)));
        let denied = b.error(&lock("candidate"));
        table.row(
            "65 modified again",
            &denied,
            &["protocol lock-denied session-id=0"],
        );
        a.ok(&undo);
        table.row("65 undone", &b.error(&lock("candidate")), &["ok"]);
        b.ok(&unlock("candidate"));
    }
    table.done();
}

#[test]
fn whoever_leaves_leaves_no_lock_and_no_candidate() {
    let host = Host::start();
    let mut table = Table::default();
    let mut other = host.peer();
    for (case, leave) in [
        ("close-session", 0),
        ("kill-session", 1),
        ("channel closed", 2),
        ("TCP drop", 3),
        ("EOF", 4),
        ("framing error", 5),
        ("unlock", 6),
    ] {
        let mut holder = host.peer();
        holder.ok(&lock("running"));
        holder.ok(&lock("candidate"));
        holder.ok(&candidate(&tenant("x", MANAGED)));
        match leave {
            0 => holder.ok("<close-session/>"),
            1 => {
                other.ok(&format!(
                    "<kill-session><session-id>{}</session-id></kill-session>",
                    holder.own_id
                ));
                // Free at once, not some time later.
                other.ok(&lock("running"));
                other.ok(&unlock("running"));
                table.check(
                    "68 killed session is closed",
                    holder.next(Duration::from_secs(5)) == Got::Closed,
                );
            }
            2 => drop(holder.channel.close()),
            3 => drop(holder),
            4 => holder.eof(),
            5 => holder.send("garbage"),
            _ => {
                holder.ok(&unlock("candidate"));
                holder.ok(&unlock("running"));
            }
        }
        table.row(
            &format!("67 {case}"),
            &soon(&mut other, &lock("running")),
            &["ok"],
        );
        table.row(
            &format!("66 {case}"),
            &soon(&mut other, &lock("candidate")),
            &["ok"],
        );
        table.check(
            &format!("66 {case}: discarded"),
            !other.rpc(&all("candidate")).contains("<name>x</name>"),
        );
        other.ok(&unlock("running"));
        other.ok(&unlock("candidate"));
    }
    table.done();
}

/// A session whose client does not read can be killed: its write must not be waited for.
#[test]
fn a_session_that_does_not_read_is_killed_at_once() {
    let host = Host::start();
    let mut other = host.peer();
    let mut stuck = host.peer();
    let schema = "<get-schema xmlns=\"urn:ietf:params:xml:ns:yang:ietf-netconf-monitoring\"><identifier>esc</identifier></get-schema>";
    for _ in 0..80 {
        stuck.ask(schema);
    }
    std::thread::sleep(Duration::from_millis(300));
    other.ok(&format!(
        "<kill-session><session-id>{}</session-id></kill-session>",
        stuck.own_id
    ));
    stuck.chunked = false;
    let began = Instant::now();
    assert_eq!(stuck.next(Duration::from_secs(10)), Got::Closed);
    assert!(began.elapsed() < Duration::from_secs(8));
}

/// A session that goes while its change is carried through takes nothing with it: what is in running
/// reaches the engine.
#[test]
fn what_was_committed_is_carried_out_whoever_leaves() {
    let host = Host::start();
    let mut watcher = host.peer();
    for round in 0..24u64 {
        let mut leaver = host.peer();
        leaver.ask(&running(&tenant(&format!("t{round}"), "")));
        std::thread::sleep(Duration::from_millis(round));
        match round % 2 {
            0 => watcher.ok(&format!(
                "<kill-session><session-id>{}</session-id></kill-session>",
                leaver.own_id
            )),
            _ => drop(leaver),
        }
    }
    let opdata =
        "<get><filter type=\"xpath\" select=\"/esc_datamodel/opdata/tenants/tenant/name\"/></get>";
    let names = |reply: &str| -> Vec<String> {
        let names = reply.split("<name>").skip(1);
        let mut names: Vec<String> = names
            .map(|rest| rest.split('<').next().unwrap().to_owned())
            .collect();
        names.sort();
        names
    };
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        let wanted = names(&watcher.rpc(&all("running")));
        let there = names(&watcher.rpc(opdata));
        if wanted == there {
            assert!(!wanted.is_empty());
            break;
        }
        assert!(
            Instant::now() < deadline,
            "configured {wanted:?}, made {there:?}"
        );
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Whoever takes a lock while another's edit is validated is not overtaken by it.
#[test]
fn writers_and_lockers_at_once() {
    let host = Host::start();
    let writers: Vec<_> = (0..3)
        .map(|writer| {
            let mut peer = host.peer();
            std::thread::spawn(move || {
                for round in 0..15 {
                    let got = peer.error(&running(&tenant(&format!("w{writer}r{round}"), MANAGED)));
                    assert!(got == "ok" || got == "protocol in-use", "{got}");
                }
            })
        })
        .collect();
    let mut locker = host.peer();
    let strip = |reply: String| reply.split_once('>').unwrap().1.to_owned();
    for _ in 0..15 {
        locker.ok(&lock("running"));
        locker.ok(&running(&tenant("mine", MANAGED)));
        let before = strip(locker.rpc(&all("running")));
        std::thread::sleep(Duration::from_millis(5));
        assert_eq!(before, strip(locker.rpc(&all("running"))));
        locker.ok(&unlock("running"));
    }
    for writer in writers {
        writer.join().unwrap();
    }
}
