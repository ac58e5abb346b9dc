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
use sha2::Digest as _;

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

/// All records, of closed files too, oldest first.
fn records_of_all_files(dir: &Path) -> (Vec<Value>, usize) {
    let mut files: Vec<_> = std::fs::read_dir(dir.join(AUDIT))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    // The current one is the last: audit-N.log sorts before audit.log.
    files.sort();
    let text: String = files
        .iter()
        .map(|file| std::fs::read_to_string(file).unwrap())
        .collect();
    let records = text.lines().map(|line| serde_json::from_str(line).unwrap());
    (records.collect(), files.len())
}

fn verdict(dir: &Path) -> (bool, String) {
    let told = std::process::Command::new(env!("CARGO_BIN_EXE_lifeline"))
        .args(["audit", "verify", "--data-dir"])
        .arg(dir)
        .output()
        .unwrap();
    let text = String::from_utf8(told.stdout).unwrap();
    (told.status.success(), text)
}

fn tenants(names: impl Iterator<Item = String>) -> String {
    let all: String = names
        .map(|name| format!("<tenant><name>{name}</name></tenant>"))
        .collect();
    format!(
        "<esc_datamodel xmlns=\"http://www.cisco.com/esc/esc\"><tenants>{all}</tenants></esc_datamodel>"
    )
}

fn tenant(name: &str) -> String {
    tenants(std::iter::once(name.to_owned()))
}

/// Edits that access rules deny, every turn of a confirmed commit, and a change too long for one record: all are
/// told, over files that were rotated, which `lifeline audit verify` checks as one chain.
#[test]
fn denied_edits_confirmed_commits_and_large_changes_are_told_over_rotated_files() {
    let dir = data_dir(&[]);
    let mut settings = quick();
    settings.audit.file_bytes = std::num::NonZeroU64::new(2_000).unwrap();
    settings.audit.files = std::num::NonZeroUsize::new(1_000).unwrap();
    let kept = settings.audit.text_bytes.get();
    let house = House::open(
        dir.path(),
        settings,
        Arc::new(SystemClock::new()),
        Seams::default(),
    )
    .unwrap();
    let add = Request::UserAdd {
        name: "guest".to_owned(),
        password: Some(NEW.to_owned()),
        keys: Vec::new(),
        groups: Vec::new(),
    };
    assert_eq!(ask(dir.path(), &add).unwrap(), Reply::Ok);
    let mut target = house.target();
    target.user = "guest".to_owned();
    target.credentials = Credentials::Password(NEW.to_owned());
    let mut guest = Client::connect(&target).unwrap();
    assert!(guest.rpc(&edit(&tenant("denied"))).is_err());

    let mut operator = house.connect();
    let candidate = |name: &str| edit(&tenant(name)).replace("running", "candidate");
    let confirmed = "<commit><confirmed/><confirm-timeout>600</confirm-timeout></commit>";
    operator.rpc(&candidate("confirmed")).unwrap();
    operator.rpc(confirmed).unwrap();
    operator.rpc("<commit/>").unwrap();
    operator.rpc(&candidate("cancelled")).unwrap();
    operator.rpc(confirmed).unwrap();
    operator.rpc("<cancel-commit/>").unwrap();
    operator.rpc("<discard-changes/>").unwrap();
    operator.rpc(&candidate("late")).unwrap();
    operator.rpc(&confirmed.replace("600", "1")).unwrap();
    until("it is taken back", || {
        let told = records_of_all_files(dir.path()).0;
        let late = |record: &Value| text(record, "detail").contains("not confirmed in time");
        told.iter().any(late)
    });
    operator.rpc("<discard-changes/>").unwrap();
    let names = || (0..200).map(|n| format!("large-{n:03}-{}", "x".repeat(60)));
    operator.rpc(&edit(&tenants(names()))).unwrap();
    operator.close();
    drop(guest);
    house.stop();

    let (told, files) = records_of_all_files(dir.path());
    assert!(files > 3, "{files} files");
    let denied = find_record(
        &told,
        &[
            ("who", "guest"),
            ("what", "edit-config"),
            ("result", "refused"),
        ],
    );
    assert_eq!(text(denied, "reason"), "access-denied");
    let changes: Vec<_> = told
        .iter()
        .filter(|record| record["what"] == "change-running")
        .map(|record| (text(record, "who"), text(record, "detail").to_owned()))
        .collect();
    let place = "/esc:esc_datamodel/esc:tenants/esc:tenant";
    let create = |name: &str| format!("create {place}[esc:name='{name}']");
    let gone = |name: &str| format!("delete {place}[esc:name='{name}']");
    let begun = |seconds| format!("confirmed commit, to be confirmed within {seconds} s; ");
    let wanted = [
        (USER, begun(600), 1, create("confirmed")),
        (
            USER,
            "confirmed commit confirmed; ".to_owned(),
            2,
            String::new(),
        ),
        (USER, begun(600), 3, create("cancelled")),
        (
            USER,
            "confirmed commit taken back: cancel-commit; ".to_owned(),
            4,
            gone("cancelled"),
        ),
        (USER, begun(1), 5, create("late")),
        (
            "lifeline",
            "confirmed commit taken back: not confirmed in time; ".to_owned(),
            6,
            gone("late"),
        ),
    ];
    for ((who, detail), (by, note, revision, place)) in changes.iter().zip(&wanted) {
        let told = match place.is_empty() {
            true => format!("{note}revision {revision}: 0 changes"),
            false => format!("{note}revision {revision}: 1 change: {place}"),
        };
        assert_eq!((*who, detail), (*by, &told));
    }
    let [(_, large)] = &changes[wanted.len()..] else {
        panic!("{changes:?}");
    };
    // The beginning, and what shows whether a longer text is the one that was cut.
    let each: Vec<_> = names().map(|name| create(&name)).collect();
    let whole = format!("revision 7: 200 changes: {}", each.join("; "));
    let digest = sha2::Sha256::digest(whole.as_bytes());
    let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    let beginning = &whole[..kept];
    let length = whole.len();
    assert_eq!(
        *large,
        format!("{beginning}... (cut: {length} bytes, sha-256 {digest})")
    );

    let (sound, words) = verdict(dir.path());
    assert!(sound && words.contains("sound"), "{words}");
    // A record changed in a file that was closed long ago.
    let closed = std::fs::read_dir(dir.path().join(AUDIT)).unwrap();
    let mut closed: Vec<_> = closed.map(|entry| entry.unwrap().path()).collect();
    closed.sort();
    let forged = std::fs::read_to_string(&closed[0]).unwrap();
    assert!(forged.contains("\"who\":\"lifeline\""));
    let forged = forged.replacen("\"who\":\"lifeline\"", "\"who\":\"nobody00\"", 1);
    std::fs::write(&closed[0], forged).unwrap();
    let (sound, words) = verdict(dir.path());
    assert!(!sound && words.contains("BROKEN"), "{words}");
}
