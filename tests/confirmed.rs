//! Confirmed commits and what hangs on them: VMs, the disk, a restart, a crash at every write (RFC 6241 section
//! 8.4.1: "If the device reboots for any reason before the confirm timeout expires, the server MUST restore the
//! configuration to its state before the confirmed commit was issued").
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    missing_docs,
    reason = "a test"
)]

mod common;

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use common::*;
use lifeline::cli::client::{Client, ClientError};
use lifeline::clock::SystemClock;
use lifeline::control::undo::{CONFIRMED, UNDO};
use lifeline::daemon::server::Seams;
use lifeline::store::{FailPoint, FaultAction};

const TENANT: &str = "<esc_datamodel xmlns=\"http://www.cisco.com/esc/esc\"><tenants><tenant><name>ttt</name></tenant></tenants></esc_datamodel>";
const DEPLOYED: [&str; 5] = [
    "CREATE_NETWORK 200",
    "CREATE_SUBNET 200",
    "VM_DEPLOYED 200",
    "VM_ALIVE 200",
    "SERVICE_ALIVE 200",
];
const UNDEPLOYED: [&str; 4] = [
    "VM_UNDEPLOYED 200",
    "DELETE_SUBNET 200",
    "DELETE_NETWORK 200",
    "SERVICE_UNDEPLOYED 200",
];

fn candidate(config: &str) -> String {
    edit(config).replace("running", "candidate")
}

fn confirmed(parameters: &str) -> String {
    format!("<commit><confirmed/>{parameters}</commit>")
}

fn open(dir: &Path, disk: &Disk) -> House {
    House::open(dir, quick(), Arc::new(SystemClock::new()), disk.seams()).unwrap()
}

/// What the disk does from now on.
#[derive(Clone, Default)]
struct Disk {
    full: Arc<AtomicBool>,
}

impl Disk {
    fn seams(&self) -> Seams {
        let disk = self.clone();
        Seams {
            faults: Some(Arc::new(move |point| {
                let writes = matches!(point, FailPoint::BeforeGroup | FailPoint::BeforeRepair);
                match writes && disk.full.load(Ordering::SeqCst) {
                    true => FaultAction::NoSpace,
                    false => FaultAction::Continue,
                }
            })),
            monitors: Some(Box::new(Hasty::wrap)),
            ..Seams::default()
        }
    }
}

fn config(client: &mut Client) -> String {
    let get = "<get-config><source><running/></source></get-config>";
    let reply = client.rpc(get).unwrap().text;
    // Without the message-id.
    reply.split_once('>').unwrap().1.to_owned()
}

fn vms(house: &House) -> Vec<String> {
    let simulator = house.server().simulator();
    simulator.look(|cloud| cloud.all_vms().map(|vm| vm.id.to_string()).collect())
}

/// The base notifications in the log, from the beginning, in short.
fn confirm_events(client: &mut Client) -> Vec<String> {
    let now = SystemClockText::now();
    let subscribe = format!(
        "<create-subscription xmlns=\"urn:ietf:params:xml:ns:netconf:notification:1.0\"><startTime>2001-01-01T00:00:00Z</startTime><stopTime>{now}</stopTime></create-subscription>"
    );
    client.rpc(&subscribe).unwrap();
    let mut events = Vec::new();
    loop {
        let text = client.notification(Some(PATIENCE)).unwrap().expect("more");
        if text.contains("notificationComplete") {
            return events;
        }
        if let Some((_, rest)) = text.split_once("<confirm-event>") {
            events.push(rest.split('<').next().unwrap().to_owned());
        }
    }
}

struct SystemClockText;

impl SystemClockText {
    fn now() -> String {
        use lifeline::clock::Clock;
        SystemClock::new().wall().to_string()
    }
}

#[test]
fn vms_of_a_confirmed_commit_are_made_at_once_and_undeployed_in_time() {
    let dir = data_dir(&[]);
    let house = open(dir.path(), &Disk::default());
    let mut subscriber = house.connect();
    subscriber.rpc(&subscribe(None)).unwrap();
    let mut operator = house.connect();
    operator.rpc(&edit(TENANT)).unwrap();
    listen(&mut subscriber, &["CREATE_TENANT 200"]);
    operator.rpc(&candidate(DEPZZ)).unwrap();
    operator
        .rpc(&confirmed("<confirm-timeout>3</confirm-timeout>"))
        .unwrap();
    let began = Instant::now();
    listen(&mut subscriber, &DEPLOYED);
    assert_eq!(vms(&house).len(), 1);
    listen(&mut subscriber, &UNDEPLOYED);
    assert!(began.elapsed() >= Duration::from_secs(2));
    until("no VM is left", || vms(&house).is_empty());
    assert!(!config(&mut operator).contains("depzz"));
    assert_eq!(confirm_events(&mut house.connect()), ["start", "timeout"]);
    house.stop();
}

#[test]
fn a_vm_that_a_confirmed_commit_deletes_comes_back_as_a_new_one() {
    let dir = data_dir(&[]);
    let house = open(dir.path(), &Disk::default());
    let mut subscriber = house.connect();
    let mut operator = house.connect();
    operator.rpc(&edit(TENANT)).unwrap();
    subscriber.rpc(&subscribe(None)).unwrap();
    operator.rpc(&edit(DEPZZ)).unwrap();
    until("the tenant is told before", || {
        let text = subscriber.notification(Some(PATIENCE)).unwrap().unwrap();
        Told::read(&text).kind() == DEPLOYED[0]
    });
    listen(&mut subscriber, &DEPLOYED[1..]);
    let (before, old) = (config(&mut operator), vms(&house));
    operator.rpc(&candidate(NO_DEPZZ)).unwrap();
    operator.rpc(&confirmed("")).unwrap();
    listen(&mut subscriber, &UNDEPLOYED);
    assert!(!config(&mut operator).contains("depzz"));
    operator.rpc("<cancel-commit/>").unwrap();
    listen(&mut subscriber, &DEPLOYED);
    assert_eq!(config(&mut operator), before);
    let new = vms(&house);
    assert_eq!((old.len(), new.len()), (1, 1));
    assert_ne!(old, new, "the old VM is gone for good");
    house.stop();
}

/// What is confirmed is not touched by what comes after it, and the VM stays the same.
#[test]
fn a_confirmed_vm_stays() {
    let dir = data_dir(&[]);
    let house = open(dir.path(), &Disk::default());
    let mut subscriber = house.connect();
    let mut operator = house.connect();
    operator.rpc(&edit(TENANT)).unwrap();
    operator.rpc(&candidate(DEPZZ)).unwrap();
    subscriber.rpc(&subscribe(None)).unwrap();
    operator
        .rpc(&confirmed("<confirm-timeout>2</confirm-timeout>"))
        .unwrap();
    operator.rpc("<commit/>").unwrap();
    let kinds = |client: &mut Client| {
        let text = client.notification(Some(PATIENCE)).unwrap().unwrap();
        Told::read(&text).kind()
    };
    while kinds(&mut subscriber) != "SERVICE_ALIVE 200" {}
    let there = vms(&house);
    std::thread::sleep(Duration::from_millis(2500));
    assert_eq!(vms(&house), there);
    house.stop();
}

/// An orderly stop ends every session; a persistent one is taken back at the start.
#[test]
fn a_restart_takes_back_what_nobody_confirmed() {
    let dir = data_dir(&[]);
    for persist in ["", "<persist>token</persist>"] {
        let house = open(dir.path(), &Disk::default());
        let mut operator = house.connect();
        operator.rpc(&edit(TENANT)).unwrap();
        let before = config(&mut operator);
        operator.rpc(&candidate(DEPZZ)).unwrap();
        operator.rpc(&confirmed(persist)).unwrap();
        until("a VM is made", || vms(&house).len() == 1);
        house.stop();

        let house = open(dir.path(), &Disk::default());
        let mut operator = house.connect();
        assert_eq!(config(&mut operator), before, "{persist}");
        until("its VM is undeployed", || vms(&house).is_empty());
        // Nothing is left of it: not the token, not a timer, not a row.
        let commit = "<commit><persist-id>token</persist-id></commit>";
        assert!(matches!(
            operator.rpc(commit),
            Err(ClientError::Refused(errors)) if errors[0].tag == "invalid-value"
        ));
        let store = house.server().control().store();
        for table in [CONFIRMED, UNDO] {
            assert_eq!(store.rows(table).unwrap(), []);
        }
        operator.rpc(&candidate(TENANT)).unwrap();
        operator.rpc("<commit/>").unwrap();
        house.stop();
    }
    let house = open(dir.path(), &Disk::default());
    let events = confirm_events(&mut house.connect());
    assert_eq!(events, ["start", "cancel", "start", "cancel"]);
    house.stop();
}

/// The real binary in a process of its own.
struct Process {
    child: Child,
    port: u16,
}

impl Process {
    fn start(dir: &Path) -> Self {
        let settings = dir.join("quick.toml");
        std::fs::write(&settings, toml::to_string(&quick()).unwrap()).unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_lifeline"))
            .args(["serve", "--netconf", "127.0.0.1:0", "--data-dir"])
            .arg(dir)
            .arg("--config")
            .arg(settings)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        out.read_line(&mut line).unwrap();
        let port = line.trim().rsplit(':').next().unwrap().parse().unwrap();
        Self { child, port }
    }

    fn connect(&self) -> Client {
        Client::connect(&lifeline::cli::client::Target {
            host: "127.0.0.1".to_owned(),
            port: self.port,
            user: USER.to_owned(),
            credentials: lifeline::cli::client::Credentials::Password(PASSWORD.to_owned()),
            host_key: lifeline::cli::client::HostKeyCheck::Accept,
            timeout: PATIENCE,
        })
        .unwrap()
    }

    /// SIGKILL.
    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// VMs as opdata shows them.
fn shown(client: &mut Client) -> usize {
    let get =
        "<get><filter type=\"xpath\" select=\"/esc_datamodel/opdata//vm_instance/name\"/></get>";
    client
        .rpc(get)
        .unwrap()
        .text
        .matches("<vm_instance>")
        .count()
}

/// kill -9 while one waits: it is taken back at the next start, VMs and all, whoever has the token.
#[test]
fn a_power_cut_takes_back_what_nobody_confirmed() {
    let dir = data_dir(&[]);
    for (round, persist) in ["", "<persist>token</persist>"].into_iter().enumerate() {
        let server = Process::start(dir.path());
        let mut operator = server.connect();
        operator.rpc(&edit(TENANT)).unwrap();
        let before = config(&mut operator);
        operator.rpc(&candidate(DEPZZ)).unwrap();
        operator.rpc(&confirmed(persist)).unwrap();
        // Once with the VM under way, once with it there.
        if round > 0 {
            until("a VM is made", || shown(&mut operator) == 1);
        }
        server.kill();

        let server = Process::start(dir.path());
        let mut operator = server.connect();
        assert_eq!(config(&mut operator), before, "{persist}");
        until("its VM is undeployed", || shown(&mut operator) == 0);
        // What is confirmed in time survives the next cut.
        let other = TENANT.replace("ttt", &format!("kept-{round}"));
        operator.rpc(&candidate(&other)).unwrap();
        operator.rpc(&confirmed(persist)).unwrap();
        operator
            .rpc(match persist {
                "" => "<commit/>",
                _ => "<commit><persist-id>token</persist-id></commit>",
            })
            .unwrap();
        server.kill();
    }
    let server = Process::start(dir.path());
    let mut operator = server.connect();
    let config = config(&mut operator);
    assert!(config.contains("kept-0") && config.contains("kept-1"));
    let events = confirm_events(&mut server.connect());
    let round = ["start", "cancel", "start", "complete"];
    assert_eq!(events, [round, round].concat());
    server.kill();
}

/// A disk that is full when the time is over: it is taken back as soon as there is room.
#[test]
fn a_full_disk_delays_it_and_loses_nothing() {
    let dir = data_dir(&[]);
    let disk = Disk::default();
    let house = open(dir.path(), &disk);
    let mut operator = house.connect();
    let before = config(&mut operator);
    operator.rpc(&candidate(TENANT)).unwrap();
    operator
        .rpc(&confirmed("<confirm-timeout>1</confirm-timeout>"))
        .unwrap();
    disk.full.store(true, Ordering::SeqCst);
    std::thread::sleep(Duration::from_millis(1500));
    assert_ne!(
        config(&mut operator),
        before,
        "not stored, so not taken back"
    );
    // Too late to confirm it, and nobody else's yet.
    assert!(operator.rpc("<commit/>").is_err());
    assert!(house.connect().rpc(&edit(TENANT)).is_err());
    disk.full.store(false, Ordering::SeqCst);
    until("it is taken back", || config(&mut operator) == before);
    operator.rpc(&edit(TENANT)).unwrap();
    assert_eq!(confirm_events(&mut house.connect()), ["start", "timeout"]);
    house.stop();
}

/// The disk refuses the commit itself, or its confirmation: what was before stands.
#[test]
fn a_full_disk_refuses_it_whole() {
    let dir = data_dir(&[]);
    let disk = Disk::default();
    let house = open(dir.path(), &disk);
    let mut operator = house.connect();
    let before = config(&mut operator);
    operator.rpc(&candidate(TENANT)).unwrap();
    disk.full.store(true, Ordering::SeqCst);
    assert!(operator.rpc(&confirmed("")).is_err());
    assert_eq!(config(&mut operator), before);
    disk.full.store(false, Ordering::SeqCst);
    // Nothing waits.
    let lock = "<lock><target><running/></target></lock>";
    let unlock = "<unlock><target><running/></target></unlock>";
    let mut other = house.connect();
    until("running is free", || other.rpc(lock).is_ok());
    other.rpc(unlock).unwrap();
    operator.rpc(&confirmed("")).unwrap();
    disk.full.store(true, Ordering::SeqCst);
    assert!(operator.rpc("<commit/>").is_err());
    disk.full.store(false, Ordering::SeqCst);
    // It still waits, and its own session takes it back.
    until("the store takes writes", || {
        other.rpc("<cancel-commit/>").is_err() && operator.rpc("<cancel-commit/>").is_ok()
    });
    assert_eq!(config(&mut operator), before);
    house.stop();
}

/// A start on a full disk serves readers, and plans nothing from what is to be taken back.
#[test]
fn a_start_on_a_full_disk_takes_it_back_before_anything_is_made() {
    let dir = data_dir(&[]);
    let house = open(dir.path(), &Disk::default());
    let mut operator = house.connect();
    operator.rpc(&edit(TENANT)).unwrap();
    let before = config(&mut operator);
    until("the tenant is made", || {
        let text = operator.rpc("<get/>").unwrap().text;
        text.contains("<tenant_id>")
    });
    // As if the cut came before the engine heard of it.
    operator.rpc(&candidate(DEPZZ)).unwrap();
    operator.rpc(&confirmed("<persist>t</persist>")).unwrap();
    house.stop();
    let disk = Disk::default();
    disk.full.store(true, Ordering::SeqCst);
    let house = open(dir.path(), &disk);
    let mut reader = house.connect();
    assert!(config(&mut reader).contains("depzz"), "not yet taken back");
    assert!(reader.rpc(&edit(TENANT)).is_err());
    disk.full.store(false, Ordering::SeqCst);
    until("it is taken back", || config(&mut reader) == before);
    until("no VM is left", || vms(&house).is_empty());
    reader.rpc(&candidate(TENANT)).unwrap();
    reader.rpc("<commit/>").unwrap();
    house.stop();
}

/// Stops the writer at a place, once it is set.
#[derive(Clone, Default)]
struct Trap {
    at: Arc<Mutex<Option<FailPoint>>>,
    down: Arc<AtomicBool>,
}

impl Trap {
    fn seams(&self) -> Seams {
        let trap = self.clone();
        Seams {
            faults: Some(Arc::new(move |point| {
                if *trap.at.lock().unwrap() == Some(point) {
                    trap.down.store(true, Ordering::SeqCst);
                }
                match trap.down.load(Ordering::SeqCst) {
                    true => FaultAction::Crash,
                    false => FaultAction::Continue,
                }
            })),
            ..Seams::default()
        }
    }
}

fn add(tenant: &str) -> String {
    format!(
        "<esc_datamodel xmlns=\"http://www.cisco.com/esc/esc\"><tenants><tenant><name>{tenant}</name><managed_resource>false</managed_resource></tenant></tenants></esc_datamodel>"
    )
}

/// One life of a server whose writer dies at a place; `play` is all that happens in it. Whether it died.
fn life(dir: &Path, trap: &Trap, play: impl FnOnce(&House)) -> bool {
    let clock = Arc::new(SystemClock::new());
    let mut house = House::open(dir, quick(), clock, trap.seams()).unwrap();
    play(&house);
    let armed = trap.at.lock().unwrap().is_some();
    // Behind an acknowledgement the crash comes a moment after the answer.
    let until = Instant::now() + Duration::from_secs(5);
    while armed && !trap.down.load(Ordering::SeqCst) && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(5));
    }
    if !trap.down.load(Ordering::SeqCst) {
        house.stop();
        return false;
    }
    let server = house.server.take();
    house.runtime.shutdown_timeout(Duration::from_secs(5));
    drop(server);
    true
}

fn tenants(client: &mut Client) -> Vec<String> {
    let config = config(client);
    let names = config.split("<name>").skip(1);
    names
        .map(|rest| rest.split('<').next().unwrap().to_owned())
        .collect()
}

/// A crash at every write of a confirmed commit, of its follow-up, its confirmation, its taking back, and of
/// its taking back at the next start: what is there afterwards is what was acknowledged.
#[test]
fn a_crash_at_any_write_leaves_it_whole() {
    let places = [
        FailPoint::BeforeBatch,
        FailPoint::AfterRow,
        FailPoint::AfterEvent,
        FailPoint::BeforeCommit,
        FailPoint::AfterCommit,
        FailPoint::BeforeAcknowledge,
        FailPoint::AfterAcknowledge,
    ];
    let copy = format!(
        "<copy-config><target><running/></target><source><config>{}</config></source></copy-config>",
        add("old")
    );
    let dir = data_dir(&[]);
    for step in ["commit", "follow-up", "confirm", "cancel", "start"] {
        for place in places {
            let what = format!("{step}, {place:?}");
            let trap = Trap::default();
            let died = life(dir.path(), &trap, |house| {
                let mut operator = house.connect();
                operator.rpc(&copy).unwrap();
                operator.rpc(&candidate(&add("a"))).unwrap();
                for (name, rpc) in [
                    ("commit", confirmed("<persist>t</persist>")),
                    ("follow-up", confirmed("<persist-id>t</persist-id>")),
                    (
                        "confirm",
                        "<commit><persist-id>t</persist-id></commit>".to_owned(),
                    ),
                    (
                        "cancel",
                        "<cancel-commit><persist-id>t</persist-id></cancel-commit>".to_owned(),
                    ),
                ] {
                    if name == step {
                        // What the engine writes of the step before is out of the way.
                        std::thread::sleep(Duration::from_millis(150));
                        *trap.at.lock().unwrap() = Some(place);
                        let _ = operator.rpc(&rpc);
                        return;
                    }
                    if name == "commit" || name == "follow-up" {
                        operator.rpc(&rpc).unwrap();
                        operator.rpc(&candidate(&add("b"))).unwrap();
                    }
                }
            });
            assert_eq!(died, step != "start", "{what}");
            if step == "start" {
                let trap = Trap::default();
                *trap.at.lock().unwrap() = Some(place);
                assert!(life(dir.path(), &trap, |_| {}), "{what}");
            }
            // Another life, and one more: the second finds nothing to take back.
            let expected: &[&str] = match step == "confirm" && place >= FailPoint::AfterCommit {
                true => &["a", "b", "old"],
                false => &["old"],
            };
            for _ in 0..2 {
                let died = life(dir.path(), &Trap::default(), |house| {
                    let mut operator = house.connect();
                    assert_eq!(tenants(&mut operator), expected, "{what}");
                    let store = house.server().control().store();
                    for table in [CONFIRMED, UNDO] {
                        assert_eq!(store.rows(table).unwrap(), [], "{what}");
                    }
                    assert!(operator.rpc("<cancel-commit/>").is_err());
                });
                assert!(!died, "{what}");
            }
        }
    }
}
