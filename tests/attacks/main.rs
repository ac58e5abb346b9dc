//! Attacks on a real server: what past vulnerabilities of SSH and NETCONF servers were, one test each,
//! and what greedy or silent clients can take from others. `docs/security.md` says which is which.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    missing_docs,
    reason = "a test"
)]
#![allow(dead_code, reason = "the peer and the wire have other users too")]

mod after_login;
mod before_login;
mod crowds;
mod edits;
mod install;
mod limits;
mod logins;
mod messages;
mod packets;
#[path = "../netconf_edges/peer.rs"]
mod peer;
mod places;
mod rules;
#[path = "../netconf_edges/sample.rs"]
mod sample;
mod wire;

use peer::Host;
use std::time::{Duration, Instant};

/// Settings under which a rejection does not take a second and a flood from here is served.
pub const QUICK: &str = "[ssh]\nauth-rejection-milliseconds = 1\n";

/// The real binary with rejections that take no time.
pub fn quick() -> Host {
    Host::process_with(QUICK, &[])
}

/// Waits until it holds.
#[track_caller]
pub fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(15);
    while !holds() {
        assert!(Instant::now() < deadline, "never: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// The server's memory does not pass what it was by more than so many MiB while this is done.
#[track_caller]
pub fn flat(host: &Host, mib: u64, work: impl FnOnce()) {
    host.lives();
    let before = host.memory("VmHWM");
    work();
    let after = host.memory("VmHWM");
    println!("memory: {before} MiB before, {after} MiB at most");
    assert!(after - before <= mib, "{before} MiB grew to {after} MiB");
    host.lives();
}
