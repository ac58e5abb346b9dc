//! Who did what, from login to recovery: the audit log of a real server, over a restart, without a secret.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test"
)]

mod common;

use std::path::Path;
use std::sync::Arc;

use common::*;
use lifeline::audit::verify;
use lifeline::cli::client::{Client, Credentials};
use lifeline::clock::SystemClock;
use lifeline::daemon::server::{AUDIT, Seams};
use lifeline::northbound::admin::{Reply, Request, ask};
use serde_json::Value;

const WRONG: &str = "a wrong password for tests";
const NEW: &str = "a new user's password";

fn open(dir: &Path) -> House {
    let seams = Seams {
        monitors: Some(Box::new(Hasty::wrap)),
        ..Seams::default()
    };
    House::open(dir, quick(), Arc::new(SystemClock::new()), seams).unwrap()
}

/// The records so far; the chain must be sound.
fn records(dir: &Path) -> Vec<Value> {
    let report = verify(&dir.join(AUDIT), None).unwrap();
    assert_eq!(report.problems, []);
    let text = std::fs::read_to_string(dir.join(AUDIT).join("audit.log")).unwrap();
    for secret in [PASSWORD, WRONG, NEW] {
        assert!(!text.contains(secret), "'{secret}' stands in the log");
    }
    let records: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(records.len() as u64, report.records);
    records
}

/// Finds the first record that holds all these texts.
#[track_caller]
fn find_record<'r>(records: &'r [Value], wanted: &[(&str, &str)]) -> &'r Value {
    let holds = |record: &&Value| {
        wanted
            .iter()
            .all(|(name, text)| record[*name].as_str().is_some_and(|have| have == *text))
    };
    let found = records.iter().find(holds);
    found.unwrap_or_else(|| {
        let all: Vec<String> = records.iter().map(Value::to_string).collect();
        panic!("no {wanted:?} in\n{}", all.join("\n"))
    })
}

fn text<'r>(record: &'r Value, name: &str) -> &'r str {
    record[name].as_str().unwrap_or_default()
}

#[test]
fn who_did_what_is_recorded_bound_and_free_of_secrets() {
    let dir = data_dir(&[]);
    let house = open(dir.path());

    let mut target = house.target();
    target.credentials = Credentials::Password(WRONG.to_owned());
    assert!(Client::connect(&target).is_err());
    let mut subscriber = house.connect();
    subscriber.rpc(&subscribe(None)).unwrap();
    let mut operator = house.connect();
    operator.rpc(&edit(DEPZZ)).unwrap();
    let six = [
        "CREATE_TENANT 200",
        "CREATE_NETWORK 200",
        "CREATE_SUBNET 200",
    ];
    listen(&mut subscriber, &six);
    let three = ["VM_DEPLOYED 200", "VM_ALIVE 200", "SERVICE_ALIVE 200"];
    listen(&mut subscriber, &three);
    let vm = vm_name(&mut operator);
    operator.rpc(&inject(&vm, "crash", None)).unwrap();
    let recovered = [
        "VM_RECOVERY_INIT 200",
        "VM_RECOVERY_REBOOT 200",
        "VM_RECOVERY_COMPLETE 200",
    ];
    listen(&mut subscriber, &recovered);
    let action = format!(
        "<vmAction xmlns=\"http://www.cisco.com/esc/esc\"><actionType>DISABLE_MONITOR</actionType>\
         <vmName>{vm}</vmName></vmAction>"
    );
    operator.rpc(&action).unwrap();
    // Refused: a tenant of that name exists.
    let twice = "<esc_datamodel xmlns=\"http://www.cisco.com/esc/esc\"><tenants>\
         <tenant xmlns:nc=\"urn:ietf:params:xml:ns:netconf:base:1.0\" nc:operation=\"create\">\
         <name>ttt</name></tenant></tenants></esc_datamodel>";
    assert!(operator.rpc(&edit(twice)).is_err());
    let victim = house.connect();
    let sessions = house.server().control().sessions.list();
    let victim_id = sessions.last().unwrap().id;
    operator
        .rpc(&format!(
            "<kill-session><session-id>{victim_id}</session-id></kill-session>"
        ))
        .unwrap();
    let add = Request::UserAdd {
        name: "second".to_owned(),
        password: Some(NEW.to_owned()),
        keys: Vec::new(),
        groups: Vec::new(),
    };
    let remove = Request::UserRemove {
        name: "second".to_owned(),
    };
    for request in [add, remove] {
        assert_eq!(ask(dir.path(), &request).unwrap(), Reply::Ok);
    }
    operator.close();
    drop((subscriber, victim));
    house.stop();

    let told = records(dir.path());
    find_record(&told, &[("what", "start"), ("who", "lifeline")]);
    let wrong = find_record(&told, &[("what", "login"), ("result", "refused")]);
    assert_eq!(text(wrong, "who"), USER);
    assert_eq!(text(wrong, "detail"), "password");
    assert!(text(wrong, "from").starts_with("127.0.0.1:"));
    find_record(&told, &[("what", "login"), ("result", "done")]);
    let opened = find_record(&told, &[("what", "session-opened"), ("who", USER)]);
    assert!(opened["session"].is_u64());
    find_record(
        &told,
        &[
            ("what", "create-subscription"),
            ("target", "stream escEvent"),
        ],
    );
    let change = find_record(&told, &[("what", "change-running"), ("result", "done")]);
    let detail = text(change, "detail");
    assert!(detail.starts_with("revision 1: "), "{detail}");
    assert!(detail.contains("create /esc:esc_datamodel"), "{detail}");
    assert_eq!(text(change, "who"), USER);
    let edited = [("what", "edit-config"), ("target", "running")];
    find_record(&told, &[edited[0], edited[1], ("result", "done")]);
    find_record(&told, &[edited[0], edited[1], ("reason", "data-exists")]);
    let crash = find_record(&told, &[("what", "inject")]);
    assert!(text(crash, "detail").contains(&vm), "{crash}");
    let recovery = find_record(&told, &[("what", "recovery"), ("who", "lifeline")]);
    let detail = text(recovery, "detail");
    assert!(detail.starts_with("VM_RECOVERY_INIT 200"), "{detail}");
    assert!(text(recovery, "target").starts_with("ttt/depzz/g1"));
    let action = find_record(&told, &[("what", "action"), ("result", "done")]);
    assert_eq!(text(action, "detail"), "vm DISABLE_MONITOR");
    assert_eq!(text(action, "target"), format!("VM {vm}"));
    let victim = format!("session {victim_id}");
    find_record(&told, &[("what", "kill-session"), ("target", &victim)]);
    let killed = find_record(&told, &[("what", "session-ended"), ("detail", "killed")]);
    assert_eq!(killed["session"].to_string(), victim_id.to_string());
    find_record(&told, &[("what", "session-ended"), ("detail", "closed")]);
    for what in ["user-add", "user-remove"] {
        let record = find_record(&told, &[("what", what), ("target", "user second")]);
        assert_eq!(text(record, "from"), "control socket");
    }
    assert_eq!(text(told.last().unwrap(), "what"), "stop");

    // The next server goes on with the same chain.
    let house = open(dir.path());
    house.connect().close();
    house.stop();
    let after = records(dir.path());
    assert!(after.len() > told.len());
    assert_eq!(after[..told.len()], told[..]);
    assert_eq!(after[told.len()]["prev"], told.last().unwrap()["hash"]);
    assert_eq!(text(&after[told.len()], "what"), "start");
}
