//! A store that fails for a while, a store that ends, parts that panic: what the server does then.
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

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use common::*;
use lifeline::cli::client::ClientError;
use lifeline::clock::{Clock, SystemClock};
use lifeline::daemon::server::Seams;
use lifeline::engine::port::{
    Accepted, Find, MonitorRequest, Monitors, PortFuture, ProbeSink, Vim, VimCall, VimError,
    VimResource, VimVm,
};
use lifeline::ids::{CreateToken, VmId, VmName};
use lifeline::model::vim::{VimOpRef, VimOpStatus};
use lifeline::store::{FailPoint, FaultAction};

const DEPLOYED: [&str; 6] = [
    "CREATE_TENANT 200",
    "CREATE_NETWORK 200",
    "CREATE_SUBNET 200",
    "VM_DEPLOYED 200",
    "VM_ALIVE 200",
    "SERVICE_ALIVE 200",
];
const RECOVERED: [&str; 3] = [
    "VM_RECOVERY_INIT 200",
    "VM_RECOVERY_REBOOT 200",
    "VM_RECOVERY_COMPLETE 200",
];

fn clock() -> Arc<dyn Clock> {
    Arc::new(SystemClock::new())
}

/// What the disk does from now on.
#[derive(Clone, Default)]
struct Disk {
    full: Arc<AtomicBool>,
    dead: Arc<AtomicBool>,
}

impl Disk {
    fn seams(&self) -> Seams {
        let disk = self.clone();
        Seams {
            faults: Some(Arc::new(move |point| {
                if disk.dead.load(Ordering::SeqCst) {
                    return FaultAction::Crash;
                }
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

fn vm_action(vm: &str, action: &str) -> String {
    format!(
        "<vmAction xmlns=\"http://www.cisco.com/esc/esc\"><actionType>{action}</actionType><vmName>{vm}</vmName></vmAction>"
    )
}

#[track_caller]
fn refused(result: Result<lifeline::cli::client::Reply, ClientError>) -> String {
    match result {
        Err(ClientError::Refused(errors)) => errors[0].to_string(),
        Err(error) => panic!("{error}"),
        Ok(reply) => panic!("accepted: {}", reply.text),
    }
}

#[test]
fn while_the_disk_is_full_intents_are_refused_and_readers_are_served() {
    let dir = data_dir(&[]);
    let disk = Disk::default();
    let house = House::open(dir.path(), quick(), clock(), disk.seams()).unwrap();
    let mut subscriber = house.connect();
    subscriber.rpc(&subscribe(None)).unwrap();
    let mut operator = house.connect();
    operator.rpc(&edit(DEPZZ)).unwrap();
    let told = listen(&mut subscriber, &DEPLOYED);
    let vm = vm_name(&mut operator);

    disk.full.store(true, Ordering::SeqCst);
    // The VM fails meanwhile: the recovery waits for the disk, it is not lost.
    operator.rpc(&inject(&vm, "crash", None)).unwrap();
    std::thread::sleep(Duration::from_millis(300));
    let start = Instant::now();
    let text = refused(operator.rpc(&edit(NO_DEPZZ)));
    assert!(text.contains("not stored"), "{text}");
    let text = refused(operator.rpc(&vm_action(&vm, "STOP")));
    assert!(text.contains("not stored"), "{text}");
    let text = refused(operator.rpc(&vm_action(&vm, "STOP")));
    assert!(text.contains("not stored"), "{text}");
    assert!(
        start.elapsed() < Duration::from_secs(3),
        "refusals come at once"
    );
    // Reads and streams go on.
    assert_eq!(vm_name(&mut operator), vm);
    let mut late = house.connect();
    late.rpc(&subscribe(Some(told[0].time))).unwrap();
    assert_eq!(listen(&mut late, &DEPLOYED), told);
    let none = subscriber.notification(Some(Duration::from_millis(200)));
    assert!(
        matches!(none, Ok(None)),
        "nothing is told that is not stored"
    );

    disk.full.store(false, Ordering::SeqCst);
    let again = listen(&mut subscriber, &RECOVERED);
    // Past the replayComplete.
    let complete = late.notification(Some(PATIENCE)).unwrap().unwrap();
    assert!(complete.contains("replayComplete"), "{complete}");
    assert_eq!(listen(&mut late, &RECOVERED), again);
    operator.rpc(&edit(NO_DEPZZ)).unwrap();
    let gone = [
        "VM_UNDEPLOYED 200",
        "DELETE_SUBNET 200",
        "DELETE_NETWORK 200",
        "SERVICE_UNDEPLOYED 200",
    ];
    listen(&mut subscriber, &gone);
    house.stop();
}

/// What the server says when it cannot go on.
fn failure(house: &mut House) -> String {
    let server = house.server.as_mut().unwrap();
    let failed = house
        .runtime
        .block_on(async { tokio::time::timeout(PATIENCE, server.failed()).await });
    failed.expect("the server notices").to_string()
}

#[test]
fn when_the_store_ends_the_server_says_so_and_stops_in_order() {
    let dir = data_dir(&[]);
    let disk = Disk::default();
    let mut house = House::open(dir.path(), quick(), clock(), disk.seams()).unwrap();
    let mut operator = house.connect();
    disk.dead.store(true, Ordering::SeqCst);
    refused(operator.rpc(&edit(DEPZZ)));
    let text = failure(&mut house);
    assert!(text.contains("store"), "{text}");
    // Reading goes on until then.
    operator.rpc("<get/>").unwrap();
    drop(operator);
    let start = Instant::now();
    house.stop();
    assert!(start.elapsed() < Duration::from_secs(10));
}

#[test]
fn a_server_that_is_well_does_not_fail() {
    let dir = data_dir(&[]);
    let mut house = House::open(dir.path(), quick(), clock(), Disk::default().seams()).unwrap();
    house.connect().rpc(&edit(DEPZZ)).unwrap();
    let server = house.server.as_mut().unwrap();
    let failed = house.runtime.block_on(async {
        tokio::time::timeout(Duration::from_millis(500), server.failed()).await
    });
    assert!(failed.is_err(), "{failed:?}");
    house.stop();
}

#[test]
fn a_server_told_to_stop_while_the_disk_is_full_stops() {
    let dir = data_dir(&[]);
    let disk = Disk::default();
    let house = House::open(dir.path(), quick(), clock(), disk.seams()).unwrap();
    let mut operator = house.connect();
    operator.rpc(&edit(DEPZZ)).unwrap();
    disk.full.store(true, Ordering::SeqCst);
    std::thread::sleep(Duration::from_millis(300));
    drop(operator);
    let start = Instant::now();
    house.stop();
    assert!(start.elapsed() < Duration::from_secs(10));
}

#[test]
fn a_server_started_on_a_full_disk_serves_readers_and_goes_on_when_there_is_room() {
    let dir = data_dir(&[]);
    let house = House::open(dir.path(), quick(), clock(), Disk::default().seams()).unwrap();
    let mut subscriber = house.connect();
    subscriber.rpc(&subscribe(None)).unwrap();
    house.connect().rpc(&edit(DEPZZ)).unwrap();
    let told = listen(&mut subscriber, &DEPLOYED[..4]);
    house.stop();

    let disk = Disk::default();
    disk.full.store(true, Ordering::SeqCst);
    let house = House::open(dir.path(), quick(), clock(), disk.seams()).unwrap();
    let mut reader = house.connect();
    reader.rpc(&subscribe(Some(told[0].time))).unwrap();
    assert_eq!(listen(&mut reader, &DEPLOYED[..4]), told);
    let config = reader
        .rpc("<get-config><source><running/></source></get-config>")
        .unwrap();
    assert!(config.text.contains("depzz"));
    disk.full.store(false, Ordering::SeqCst);
    let mut last = String::new();
    while !last.contains("SERVICE_ALIVE") {
        last = reader
            .notification(Some(PATIENCE))
            .unwrap()
            .expect("it goes on");
    }
    house.stop();
}

/// Monitors that bring the engine's own task down.
struct Poisoned;

impl Monitors for Poisoned {
    fn report_to(&self, _: ProbeSink) {}

    fn start(&self, _: MonitorRequest) {
        panic!("a test brings the engine down");
    }

    fn stop(&self, _: &VmName) {}
}

#[test]
fn an_engine_that_panics_ends_the_server_instead_of_hanging_it() {
    let dir = data_dir(&[]);
    let seams = Seams {
        monitors: Some(Box::new(|_| Arc::new(Poisoned))),
        ..Seams::default()
    };
    let mut house = House::open(dir.path(), quick(), clock(), seams).unwrap();
    let mut operator = house.connect();
    operator.rpc(&edit(DEPZZ)).unwrap();
    let text = failure(&mut house);
    assert!(text.contains("the engine has ended"), "{text}");
    let text = refused(operator.rpc(&vm_action("x", "STOP")));
    assert!(text.contains("the engine has stopped"), "{text}");
    drop(operator);
    house.stop();

    // The next start goes on with what was under way.
    let house = House::open(dir.path(), quick(), clock(), Disk::default().seams()).unwrap();
    let mut late = house.connect();
    let start = "2000-01-01T00:00:00Z".parse().unwrap();
    late.rpc(&subscribe(Some(start))).unwrap();
    // A replayComplete stands between what was and what comes.
    let mut kinds = Vec::new();
    while kinds.len() < DEPLOYED.len() {
        let text = late
            .notification(Some(PATIENCE))
            .unwrap()
            .expect("an event");
        if !text.contains("replayComplete") {
            kinds.push(Told::read(&text).kind());
        }
    }
    assert_eq!(kinds, DEPLOYED);
    house.stop();
}

/// A driver that panics once, after the VIM has taken the call.
struct Clumsy {
    inner: Arc<dyn Vim>,
    panicked: AtomicBool,
}

impl Vim for Clumsy {
    fn id(&self) -> &str {
        self.inner.id()
    }

    fn call(&self, call: VimCall, key: String) -> PortFuture<'_, Result<Accepted, VimError>> {
        Box::pin(async move {
            let create = matches!(call, VimCall::CreateVm(_));
            let answer = self.inner.call(call, key).await;
            if create && !self.panicked.swap(true, Ordering::SeqCst) {
                panic!("a test brings the driver down");
            }
            answer
        })
    }

    fn status(&self, op: VimOpRef) -> PortFuture<'_, Result<VimOpStatus, VimError>> {
        self.inner.status(op)
    }

    fn describe(&self, vm: VmId) -> PortFuture<'_, Result<Option<VimVm>, VimError>> {
        self.inner.describe(vm)
    }

    fn find_by_token(&self, token: CreateToken) -> PortFuture<'_, Result<Vec<VimVm>, VimError>> {
        self.inner.find_by_token(token)
    }

    fn find(&self, what: Find) -> PortFuture<'_, Result<Option<VimResource>, VimError>> {
        self.inner.find(what)
    }

    fn landing_bound(&self) -> Duration {
        self.inner.landing_bound()
    }
}

#[test]
fn a_driver_that_panics_leaves_a_call_nobody_knows_of_and_the_vm_is_adopted() {
    let dir = data_dir(&[]);
    let seams = Seams {
        vim: Some(Box::new(|inner| {
            Arc::new(Clumsy {
                inner,
                panicked: AtomicBool::new(false),
            })
        })),
        ..Disk::default().seams()
    };
    let house = House::open(dir.path(), quick(), clock(), seams).unwrap();
    let mut subscriber = house.connect();
    subscriber.rpc(&subscribe(None)).unwrap();
    house.connect().rpc(&edit(DEPZZ)).unwrap();
    listen(&mut subscriber, &DEPLOYED);
    let vms = house
        .server()
        .simulator()
        .look(|cloud| cloud.all_vms().count());
    assert_eq!(vms, 1, "adopted, not made twice");
    house.stop();
}

#[test]
fn a_server_that_cannot_listen_touches_no_vim() {
    let dir = data_dir(&[]);
    let house = House::open(dir.path(), quick(), clock(), Disk::default().seams()).unwrap();
    let mut subscriber = house.connect();
    subscriber.rpc(&subscribe(None)).unwrap();
    house.connect().rpc(&edit(DEPZZ)).unwrap();
    listen(&mut subscriber, &["CREATE_TENANT 200"]);
    house.stop();

    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let called = Arc::new(AtomicBool::new(false));
    let seen = called.clone();
    let options = lifeline::daemon::server::Options {
        data_dir: dir.path().to_owned(),
        netconf: taken.local_addr().unwrap(),
        http: None,
        http_insecure: false,
        settings: quick(),
        clock: clock(),
        seed: 1,
    };
    let seams = Seams {
        monitors: Some(Box::new(move |inner| {
            seen.store(true, Ordering::SeqCst);
            inner
        })),
        ..Seams::default()
    };
    let started = runtime.block_on(lifeline::daemon::server::Server::start_with(options, seams));
    let error = started.err().expect("the address is taken").to_string();
    assert!(error.contains("listening on 127.0.0.1"), "{error}");
    assert!(
        !called.load(Ordering::SeqCst),
        "the engine was set up before"
    );
}
