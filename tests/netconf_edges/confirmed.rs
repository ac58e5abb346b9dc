//! Cases 73 and 74: confirmed commits (RFC 6241 section 8.4, and sections 7.5 and 7.9 where they speak of them).

use std::time::{Duration, Instant};

use crate::peer::{Host, Peer, Table};
use crate::sample::{all, candidate, running, tenant};

/// Nothing is made on a VIM.
const MANAGED: &str = "<managed_resource>false</managed_resource>";
const LOCK: &str = "<lock><target><running/></target></lock>";
const UNLOCK: &str = "<unlock><target><running/></target></unlock>";
/// The beginnings of what is refused because running belongs to another's confirmed commit.
const IN_USE: &[&str] = &["protocol in-use"];
const WRONG_ID: &[&str] = &["protocol invalid-value"];
const FAILED: &[&str] = &["protocol operation-failed"];

fn confirmed(parameters: &str) -> String {
    format!("<commit><confirmed/>{parameters}</commit>")
}

fn timeout(seconds: u32) -> String {
    format!("<confirm-timeout>{seconds}</confirm-timeout>")
}

fn kill(peer: &Peer) -> String {
    format!(
        "<kill-session><session-id>{}</session-id></kill-session>",
        peer.own_id
    )
}

/// Puts a tenant into the candidate.
fn add(peer: &mut Peer, name: &str) {
    peer.ok(&candidate(&tenant(name, MANAGED)));
}

fn names(peer: &mut Peer, datastore: &str) -> Vec<String> {
    let reply = peer.rpc(&all(datastore));
    let names = reply.split("<name>").skip(1);
    names
        .map(|rest| rest.split('<').next().unwrap().to_owned())
        .collect()
}

/// The tenants in running.
fn there(peer: &mut Peer) -> Vec<String> {
    names(peer, "running")
}

/// Whether running comes to hold exactly that, within some seconds.
fn becomes(peer: &mut Peer, expected: &[&str]) -> bool {
    let deadline = Instant::now() + Duration::from_secs(8);
    loop {
        if there(peer) == expected {
            return true;
        }
        if Instant::now() > deadline {
            return false;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn the_capability_is_told_with_its_feature() {
    let host = Host::start();
    let (_, hello) = host.greeted();
    let hello = hello.to_xml();
    assert!(
        hello.contains(">urn:ietf:params:netconf:capability:confirmed-commit:1.1<"),
        "{hello}"
    );
    let mut peer = host.peer();
    let library = peer.rpc("<get><filter><yang-library xmlns=\"urn:ietf:params:xml:ns:yang:ietf-yang-library\"/></filter></get>");
    assert!(
        library.contains("<feature>confirmed-commit</feature>"),
        "{library:.2000}"
    );
}

/// "MUST be reverted if a confirming commit is not issued within the timeout period."
#[test]
fn it_takes_effect_at_once_and_is_taken_back_in_time() {
    let host = Host::start();
    let mut peer = host.peer();
    peer.ok(&running(&tenant("old", MANAGED)));
    add(&mut peer, "new");
    let began = Instant::now();
    peer.ok(&confirmed(&timeout(1)));
    assert_eq!(there(&mut peer), ["new", "old"]);
    assert!(becomes(&mut peer, &["old"]));
    let took = began.elapsed();
    assert!(
        took >= Duration::from_secs(1) && took < Duration::from_secs(4),
        "{took:?}"
    );
    // The candidate follows running again, and commits are free.
    assert_eq!(names(&mut peer, "candidate"), ["old"]);
    add(&mut peer, "next");
    peer.ok("<commit/>");
    assert_eq!(there(&mut peer), ["next", "old"]);
}

/// "The confirming commit is a <commit> operation without the <confirmed> parameter"; it "MAY introduce
/// additional changes to the configuration".
#[test]
fn a_confirming_commit_makes_it_stand() {
    let host = Host::start();
    let mut peer = host.peer();
    add(&mut peer, "a");
    peer.ok(&confirmed(&timeout(1)));
    peer.ok("<commit/>");
    add(&mut peer, "b");
    peer.ok(&confirmed(&timeout(1)));
    add(&mut peer, "c");
    peer.ok("<commit/>");
    std::thread::sleep(Duration::from_millis(1800));
    assert_eq!(there(&mut peer), ["a", "b", "c"]);
    assert_eq!(
        peer.error("<cancel-commit/>"),
        "protocol operation-failed",
        "nothing is pending"
    );
}

/// "If a follow-up confirmed <commit> operation is issued before the timer expires, the timer is reset to the
/// new value (600 seconds by default)"; what is restored is "its state before the confirmed commit was issued".
#[test]
fn a_follow_up_resets_the_time_and_keeps_the_way_back() {
    let host = Host::start();
    let mut peer = host.peer();
    peer.ok(&running(&tenant("old", MANAGED)));
    add(&mut peer, "a");
    peer.ok(&confirmed(&timeout(1)));
    add(&mut peer, "b");
    // 600 seconds.
    peer.ok(&confirmed(""));
    std::thread::sleep(Duration::from_millis(1800));
    assert_eq!(there(&mut peer), ["a", "b", "old"]);
    // Once more, nothing changed, shorter.
    peer.ok(&candidate(
        &tenant("a", MANAGED).replace("<tenant>", "<tenant nc:operation=\"delete\">"),
    ));
    peer.ok(&confirmed(&timeout(1)));
    assert_eq!(there(&mut peer), ["b", "old"]);
    assert!(becomes(&mut peer, &["old"]));
}

/// A candidate that follows running can be committed for a time too: the next edits of running by the same
/// session are taken back with it.
#[test]
fn what_its_own_session_edits_meanwhile_is_taken_back_too() {
    let host = Host::start();
    let mut peer = host.peer();
    peer.ok(&running(&tenant("old", MANAGED)));
    peer.ok(&confirmed(""));
    peer.ok(&running(&tenant("direct", MANAGED)));
    peer.ok(&running(
        &tenant("old", "").replace("<tenant>", "<tenant nc:operation=\"delete\">"),
    ));
    assert_eq!(there(&mut peer), ["direct"]);
    peer.ok("<cancel-commit/>");
    assert_eq!(there(&mut peer), ["old"]);
}

/// "If the session issuing the confirmed commit is terminated for any reason before the confirm timeout expires,
/// the server MUST restore the configuration"; kill-session: section 7.9.
#[test]
fn it_is_taken_back_when_its_session_ends() {
    let host = Host::start();
    let mut table = Table::default();
    let mut other = host.peer();
    other.ok(&running(&tenant("old", MANAGED)));
    for (case, how) in [
        ("close-session", 0),
        ("kill-session", 1),
        ("channel closed", 2),
        ("TCP drop", 3),
        ("EOF", 4),
        ("framing error", 5),
    ] {
        let mut issuer = host.peer();
        add(&mut issuer, "new");
        issuer.ok(&confirmed(""));
        table.check(case, there(&mut other) == ["new", "old"]);
        match how {
            0 => issuer.ok("<close-session/>"),
            1 => other.ok(&kill(&issuer)),
            2 => drop(issuer.channel.close()),
            3 => drop(issuer),
            4 => issuer.eof(),
            _ => issuer.send("garbage"),
        }
        if how < 2 {
            let at_once = there(&mut other) == ["old"];
            table.check(&format!("{case}: when the answer comes"), at_once);
        }
        table.check(
            &format!("{case}: taken back"),
            becomes(&mut other, &["old"]),
        );
        // And running is free again.
        let deadline = Instant::now() + Duration::from_secs(5);
        while other.error(LOCK) != "ok" {
            assert!(Instant::now() < deadline, "{case}: still denied");
        }
        other.ok(UNLOCK);
    }
    table.done();
}

/// "unless the confirmed commit also included a <persist> element"; "a follow-up commit and the confirming
/// commit can be given on any session, and they MUST include a <persist-id> element with a value equal to the
/// given value of the <persist> element".
#[test]
fn a_persistent_one_belongs_to_whoever_has_its_token() {
    let host = Host::start();
    let mut table = Table::default();
    let mut other = host.peer();
    other.ok(&running(&tenant("old", MANAGED)));
    for (case, killed) in [("closed", false), ("killed", true)] {
        let mut issuer = host.peer();
        add(&mut issuer, "new");
        issuer.ok(&confirmed("<persist>IQ,d4668</persist>"));
        match killed {
            true => other.ok(&kill(&issuer)),
            false => issuer.ok("<close-session/>"),
        }
        drop(issuer);
        std::thread::sleep(Duration::from_millis(100));
        table.check(case, there(&mut other) == ["new", "old"]);
        table.row("no id", &other.error("<commit/>"), IN_USE);
        table.row("no id", &other.error(&confirmed("")), IN_USE);
        for operation in ["commit", "cancel-commit"] {
            let wrong = format!("<{operation}><persist-id>x</persist-id></{operation}>");
            table.row(&wrong, &other.error(&wrong), WRONG_ID);
        }
        table.row(
            "cancel without id",
            &other.error("<cancel-commit/>"),
            WRONG_ID,
        );
        table.row(
            "lock",
            &other.error(LOCK),
            &["protocol lock-denied session-id=0"],
        );
        table.check("still there", there(&mut other) == ["new", "old"]);
        other.ok("<cancel-commit><persist-id>IQ,d4668</persist-id></cancel-commit>");
        table.check("cancelled by anybody", there(&mut other) == ["old"]);
    }
    // A follow-up by another session keeps the token, and may give a new one.
    let mut issuer = host.peer();
    add(&mut issuer, "new");
    issuer.ok(&confirmed("<persist>t</persist>"));
    let mut second = host.peer();
    second.ok(&confirmed("<persist-id>t</persist-id>"));
    second.ok("<close-session/>");
    other.ok(&confirmed(
        "<persist>u</persist><persist-id>t</persist-id><confirm-timeout>60</confirm-timeout>",
    ));
    table.row(
        "the old token",
        &other.error("<commit><persist-id>t</persist-id></commit>"),
        WRONG_ID,
    );
    issuer.ok("<commit><persist-id>u</persist-id></commit>");
    table.check("confirmed by anybody", there(&mut other) == ["new", "old"]);
    table.row("it is over", &other.error("<cancel-commit/>"), FAILED);
    // And it ends in time.
    add(&mut issuer, "again");
    issuer.ok(&confirmed(
        &("<persist>v</persist>".to_owned() + &timeout(1)),
    ));
    drop(issuer);
    table.check("there", there(&mut other) == ["again", "new", "old"]);
    table.check("in time", becomes(&mut other, &["new", "old"]));
    table.done();
}

/// One that was not persistent becomes so by a follow-up of its own session.
#[test]
fn a_follow_up_can_make_it_persistent() {
    let host = Host::start();
    let mut other = host.peer();
    let mut issuer = host.peer();
    add(&mut issuer, "new");
    issuer.ok(&confirmed(""));
    issuer.ok(&confirmed("<persist>t</persist>"));
    assert_eq!(issuer.error("<commit/>"), "protocol in-use");
    issuer.ok("<close-session/>");
    assert_eq!(there(&mut other), ["new"]);
    other.ok("<commit><persist-id>t</persist-id></commit>");
    assert_eq!(there(&mut other), ["new"]);
}

/// Sections 8.4.4.1 and 8.4.5.1: what is refused.
#[test]
fn what_does_not_fit_is_refused() {
    let host = Host::start();
    let mut table = Table::default();
    let (mut a, mut b) = (host.peer(), host.peer());
    let id = |operation: &str| format!("<{operation}><persist-id>t</persist-id></{operation}>");
    table.row("74 none", &a.error("<cancel-commit/>"), FAILED);
    table.row(
        "74 none, with an id",
        &a.error(&id("cancel-commit")),
        WRONG_ID,
    );
    table.row("commit of none", &a.error(&id("commit")), WRONG_ID);
    let none = confirmed("<persist-id>t</persist-id>");
    table.row("follow-up of none", &a.error(&none), WRONG_ID);
    let path = "protocol invalid-value path=/nc:rpc/nc:commit/nc:confirm-timeout";
    for bad in ["0", "-1", "x", "4294967296", ""] {
        let text = format!("<confirm-timeout>{bad}</confirm-timeout>");
        table.row(&text, &a.error(&confirmed(&text)), &[path]);
    }
    for stray in [
        "<persist>t</persist>",
        "<confirm-timeout>9</confirm-timeout>",
    ] {
        let text = format!("<commit>{stray}</commit>");
        let missing = "protocol missing-element bad-element=confirmed";
        table.row(&text, &a.error(&text), &[missing]);
    }
    let value = "<commit><confirmed>true</confirmed></commit>";
    table.row(value, &a.error(value), &["protocol invalid-value*"]);
    let unknown = "<cancel-commit><persist>t</persist></cancel-commit>";
    table.row(
        unknown,
        &a.error(unknown),
        &["protocol unknown-element bad-element=persist"],
    );
    // Any uint32 above 0.
    a.ok(&confirmed(&timeout(u32::MAX)));
    // "MUST be issued on the same session that issued the confirmed commit."
    table.row("other cancels", &b.error("<cancel-commit/>"), FAILED);
    table.row(
        "other cancels by id",
        &b.error(&id("cancel-commit")),
        WRONG_ID,
    );
    table.row("own cancel by id", &a.error(&id("cancel-commit")), WRONG_ID);
    table.row("own commit by id", &a.error(&id("commit")), WRONG_ID);
    table.row("other confirms", &b.error("<commit/>"), IN_USE);
    table.row("other follows up", &b.error(&confirmed("")), IN_USE);
    a.ok("<cancel-commit/>");
    b.ok("<commit/>");
    table.done();
}

/// Running belongs to the confirmed commit: what others change meanwhile would be lost with it.
#[test]
fn nobody_else_changes_running_meanwhile() {
    let host = Host::start();
    let mut table = Table::default();
    let (mut a, mut b) = (host.peer(), host.peer());
    add(&mut a, "new");
    a.ok(&confirmed(""));
    table.row("edit", &b.error(&running(&tenant("b", MANAGED))), IN_USE);
    let copy = "<copy-config><target><running/></target><source><config/></source></copy-config>";
    table.row("copy-config", &b.error(copy), IN_USE);
    // Section 7.5: "another NETCONF session has an ongoing confirmed commit".
    let denied = format!("protocol lock-denied session-id={}", a.own_id);
    table.row("lock", &b.error(LOCK), &[&denied]);
    // The candidate is everybody's.
    b.ok("<lock><target><candidate/></target></lock>");
    add(&mut b, "b");
    table.row("commit", &b.error("<commit/>"), IN_USE);
    table.row("confirm while it is locked", &a.error("<commit/>"), IN_USE);
    b.ok("<unlock><target><candidate/></target></unlock>");
    // Its own session may lock; then even a token does not help others.
    a.ok(LOCK);
    a.ok(&confirmed("<persist>t</persist>"));
    let cancel = "<cancel-commit><persist-id>t</persist-id></cancel-commit>";
    table.row("cancel while it is locked", &b.error(cancel), IN_USE);
    a.ok(UNLOCK);
    b.ok(cancel);
    table.check("taken back", there(&mut b).is_empty());
    b.ok(&running(&tenant("b", MANAGED)));
    table.done();
}

/// The lock does not keep the server from what it MUST do.
#[test]
fn a_lock_of_its_own_session_does_not_outlast_it() {
    let host = Host::start();
    let (mut a, mut b) = (host.peer(), host.peer());
    a.ok(LOCK);
    add(&mut a, "new");
    a.ok(&confirmed(&timeout(1)));
    assert!(becomes(&mut b, &[]));
    assert_eq!(b.error(&running(&tenant("b", MANAGED))), "protocol in-use");
    a.ok(&running(&tenant("a", MANAGED)));
}

/// A candidate that is not valid commits nothing, and what waits goes on waiting.
#[test]
fn a_follow_up_that_fails_changes_nothing() {
    let host = Host::start();
    let mut peer = host.peer();
    add(&mut peer, "new");
    peer.ok(&confirmed(&timeout(2)));
    // A deployment's group needs an image.
    peer.ok(&candidate(&crate::sample::deployment("new", "d", "")));
    let refused = peer.error(&confirmed(""));
    assert!(refused.starts_with("application data-missing"), "{refused}");
    peer.ok("<discard-changes/>");
    assert_eq!(there(&mut peer), ["new"]);
    assert!(becomes(&mut peer, &[]), "the time of the first one counts");
}
