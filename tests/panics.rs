//! A panic anywhere costs its own request, or its own session, and nobody else anything; the audit log tells.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test"
)]

mod common;

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use common::*;
use lifeline::audit::verify;
use lifeline::cli::client::{Client, ClientError};
use lifeline::clock::SystemClock;
use lifeline::cloudsim::{Injection, Target};
use lifeline::control::simulator::Simulator;
use lifeline::daemon::server::{AUDIT, Seams};
use lifeline::northbound::netconf::transport::{
    BoxFuture, EndReason, Leave, Peer, Reader, Refused, Session, SessionHandler, SessionIo,
};
use serde_json::Value;

const RUNNING: &str = "<get-config><source><running/></source></get-config>";
const CLEAR: &str = "<clear xmlns=\"urn:lifeline:yang:lifeline-sim\"/>";

/// Controls of a simulated VIM whose code is wrong.
struct Wrong;

impl Simulator for Wrong {
    fn inject(&self, _: Injection) -> Result<(), String> {
        panic!("a wrong index, say");
    }

    fn clear(&self, _: Option<Target>) -> Result<(), String> {
        panic!("a wrong index, say");
    }
}

/// Sessions that panic in their own task when a client says a certain word.
struct Fragile(Arc<dyn SessionHandler>);

struct FragileSession(Box<dyn Session>);

struct FragileReader(Box<dyn Reader>);

impl SessionHandler for Fragile {
    fn admit(&self, peer: &Peer) -> Result<Box<dyn Session>, Refused> {
        Ok(Box::new(FragileSession(self.0.admit(peer)?)))
    }
}

impl Session for FragileSession {
    fn run(self: Box<Self>, io: SessionIo) -> BoxFuture<'static, Leave> {
        let reader = Box::new(FragileReader(io.reader));
        self.0.run(SessionIo { reader, ..io })
    }
}

impl Reader for FragileReader {
    fn read(&mut self) -> BoxFuture<'_, Result<Option<Bytes>, EndReason>> {
        Box::pin(async {
            let read = self.0.read().await;
            if let Ok(Some(bytes)) = &read {
                assert!(!bytes.windows(6).any(|word| word == b"abyss!"), "fell");
            }
            read
        })
    }
}

fn open(dir: &Path) -> House {
    let seams = Seams {
        simulator: Some(Box::new(|_| Arc::new(Wrong))),
        sessions: Some(Box::new(|inner| Arc::new(Fragile(inner)))),
        ..Seams::default()
    };
    House::open(dir, quick(), Arc::new(SystemClock::new()), seams).unwrap()
}

fn records(dir: &Path) -> Vec<Value> {
    assert_eq!(verify(&dir.join(AUDIT), None).unwrap().problems, []);
    let text = std::fs::read_to_string(dir.join(AUDIT).join("audit.log")).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// The newest session and its id.
fn connect(house: &House) -> (Client, Value) {
    let client = house.connect();
    let all = house.server().control().sessions.list();
    let newest = all.iter().map(|session| session.id.0).max();
    (client, Value::from(newest.unwrap()))
}

#[track_caller]
fn failed(reply: Result<lifeline::cli::client::Reply, ClientError>) {
    let error = reply.map(drop).unwrap_err().to_string();
    assert!(error.contains("internal failure"), "{error}");
}

#[test]
fn a_panic_in_a_handler_is_an_error_of_its_request_alone() {
    let dir = data_dir(&[]);
    let house = open(dir.path());
    let (mut one, session) = connect(&house);
    let mut other = house.connect();
    // What it holds it still holds afterwards.
    let locked = "<lock><target><running/></target></lock>";
    one.rpc(locked).unwrap();
    for _ in 0..3 {
        failed(one.rpc(&inject("some-vm", "crash", None)));
        failed(one.rpc(CLEAR));
        other.rpc(RUNNING).unwrap();
        assert!(other.rpc(locked).is_err());
    }
    one.rpc(RUNNING).unwrap();
    one.rpc("<unlock><target><running/></target></unlock>")
        .unwrap();
    other.rpc(locked).unwrap();
    one.close();
    other.close();
    house.stop();
    let told = records(dir.path());
    let failed = told.iter().filter(|record| {
        record["session"] == session
            && record["result"] == "failed"
            && record["reason"] == "operation-failed"
    });
    let acts: Vec<_> = failed.map(|record| record["what"].clone()).collect();
    assert_eq!(acts.len(), 6, "{acts:?}");
    assert!(acts.iter().all(|act| act == "inject" || act == "clear"));
}

#[test]
fn a_panic_in_a_session_ends_it_frees_its_locks_and_is_told() {
    let dir = data_dir(&[]);
    let house = open(dir.path());
    let mut watcher = house.connect();
    let (mut one, session) = connect(&house);
    let mut other = house.connect();
    one.rpc("<lock><target><candidate/></target></lock>")
        .unwrap();
    assert!(one.rpc("<get><filter><abyss!/></filter></get>").is_err());
    assert!(one.rpc(RUNNING).is_err(), "it is over");
    other.rpc(RUNNING).unwrap();
    until("the lock is free", || {
        other
            .rpc("<lock><target><candidate/></target></lock>")
            .is_ok()
    });
    watcher.rpc(RUNNING).unwrap();
    house.connect().close();
    let left = house.server().control().sessions.list();
    assert!(left.iter().all(|left| left.id.0 != session));
    house.stop();
    let told = records(dir.path());
    let ended = told
        .iter()
        .find(|record| record["what"] == "session-ended" && record["session"] == session)
        .unwrap();
    assert_eq!(ended["detail"], "other");
    assert_eq!(ended["reason"], "internal failure");
}
