//! A crash at every journal write and around every VIM call, then a restart on the same directory: nothing is
//! lost, nothing comes twice, the story ends as it should, and no VM ever runs in two copies.
//!
//! A crash here is what a killed process leaves: the store's writer stops where it stands, no call reaches
//! the VIM any more, the runtime with all its tasks is dropped. The simulated cloud lives on in its files.
//! `make test` tries a sample of the points, the environment variable LIFELINE_CRASH_POINTS=all every one.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "tests may stop"
)]

mod common;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use common::*;
use lifeline::clock::{Clock, SystemClock, Timestamp};
use lifeline::cloudsim::{Fault, Injection, Target};
use lifeline::control::commit::Edit;
use lifeline::control::service::Control;
use lifeline::daemon::server::Seams;
use lifeline::datastore::{DefaultOperation, EditTree, ErrorOption, Nacm};
use lifeline::engine::port::{
    Accepted, Find, PortFuture, Vim, VimCall, VimError, VimResource, VimVm,
};
use lifeline::ids::{CreateToken, SessionId, VmId};
use lifeline::model::vim::{VimOpRef, VimOpStatus};
use lifeline::proto::esc::EscEvent;
use lifeline::store::{FailPoint, FaultAction};
use lifeline::xml;

/// The whole story as stream escEvent tells it.
const STORY: [&str; 15] = [
    "CREATE_TENANT 200",
    "CREATE_NETWORK 200",
    "CREATE_SUBNET 200",
    "VM_DEPLOYED 200",
    "VM_ALIVE 200",
    "SERVICE_ALIVE 200",
    "VM_RECOVERY_INIT 200",
    "VM_RECOVERY_REBOOT 500",
    "VM_RECOVERY_UNDEPLOYED 204",
    "VM_RECOVERY_DEPLOYED 200",
    "VM_RECOVERY_COMPLETE 200",
    "VM_UNDEPLOYED 200",
    "DELETE_SUBNET 200",
    "DELETE_NETWORK 200",
    "SERVICE_UNDEPLOYED 200",
];
/// Stories played at one time.
const AT_ONCE: usize = 6;
/// Of the points, one in so many is tried by `make test`.
const SAMPLE: usize = 4;
/// Longest life of one server.
const LIFE: Duration = Duration::from_secs(20);

/// Where it crashes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
enum Place {
    Store(FailPoint),
    BeforeCall,
    AfterCall,
}

/// The store's points that differ for the journal: before and in a batch, around COMMIT, around the answer.
const STORE_PLACES: [FailPoint; 6] = [
    FailPoint::BeforeBatch,
    FailPoint::AfterEvent,
    FailPoint::BeforeCommit,
    FailPoint::AfterCommit,
    FailPoint::BeforeAcknowledge,
    FailPoint::AfterAcknowledge,
];

/// Counts passages, and is down once the wanted one was reached; counts go on over restarts.
#[derive(Default)]
struct Crasher {
    at: Mutex<Option<(Place, usize)>>,
    /// Crashes again after that many more passages, in every life.
    again: Option<usize>,
    passed: Mutex<BTreeMap<Place, usize>>,
    down: AtomicBool,
}

impl Crasher {
    fn at(place: Place, passage: usize) -> Arc<Self> {
        let crasher = Self::default();
        *crasher.at.lock().unwrap() = Some((place, passage));
        Arc::new(crasher)
    }

    fn every(place: Place, passages: usize) -> Arc<Self> {
        Arc::new(Self {
            at: Mutex::new(Some((place, passages))),
            again: Some(passages),
            ..Self::default()
        })
    }

    fn is_down(&self) -> bool {
        self.down.load(Ordering::SeqCst)
    }

    /// Whether the process still lives after passing this place.
    fn pass(&self, place: Place) -> bool {
        let mut passed = self.passed.lock().unwrap();
        let count = passed.entry(place).or_default();
        *count += 1;
        let mut at = self.at.lock().unwrap();
        if *at == Some((place, *count)) {
            *at = self.again.map(|more| (place, *count + more));
            self.down.store(true, Ordering::SeqCst);
        }
        !self.is_down()
    }
}

/// A VIM that a dead process does not reach.
struct Severed {
    inner: Arc<dyn Vim>,
    crasher: Arc<Crasher>,
}

impl Severed {
    fn if_alive<'a, T: Send + 'a>(&'a self, answer: PortFuture<'a, T>) -> PortFuture<'a, T> {
        Box::pin(async move {
            if self.crasher.is_down() {
                return std::future::pending().await;
            }
            let answer = answer.await;
            match self.crasher.is_down() {
                true => std::future::pending().await,
                false => answer,
            }
        })
    }
}

impl Vim for Severed {
    fn id(&self) -> &str {
        self.inner.id()
    }

    fn call(&self, call: VimCall, key: String) -> PortFuture<'_, Result<Accepted, VimError>> {
        Box::pin(async move {
            if self.crasher.is_down() || !self.crasher.pass(Place::BeforeCall) {
                return std::future::pending().await;
            }
            let answer = self.inner.call(call, key).await;
            match self.crasher.pass(Place::AfterCall) {
                true => answer,
                false => std::future::pending().await,
            }
        })
    }

    fn status(&self, op: VimOpRef) -> PortFuture<'_, Result<VimOpStatus, VimError>> {
        self.if_alive(self.inner.status(op))
    }

    fn describe(&self, vm: VmId) -> PortFuture<'_, Result<Option<VimVm>, VimError>> {
        self.if_alive(self.inner.describe(vm))
    }

    fn find_by_token(&self, token: CreateToken) -> PortFuture<'_, Result<Vec<VimVm>, VimError>> {
        self.if_alive(self.inner.find_by_token(token))
    }

    fn find(&self, what: Find) -> PortFuture<'_, Result<Option<VimResource>, VimError>> {
        self.if_alive(self.inner.find(what))
    }

    fn landing_bound(&self) -> Duration {
        self.inner.landing_bound()
    }
}

fn seams(crasher: &Arc<Crasher>) -> Seams {
    let (store, calls) = (crasher.clone(), crasher.clone());
    Seams {
        faults: Some(Arc::new(move |point| {
            if store.is_down() || !store.pass(Place::Store(point)) {
                return FaultAction::Crash;
            }
            FaultAction::Continue
        })),
        vim: Some(Box::new(move |inner| {
            Arc::new(Severed {
                inner,
                crasher: calls,
            })
        })),
        monitors: Some(Box::new(Hasty::wrap)),
        ..Seams::default()
    }
}

/// How far the operator got; outlives the server.
#[derive(Default)]
struct Progress {
    deployed: bool,
    broken: bool,
    undeployed: bool,
    /// Events seen by a reader of the log, before each crash: they must still be there after it.
    seen: Vec<(u64, Timestamp, String)>,
}

enum Life {
    Done,
    Crashed,
}

fn edit_of(control: &Control, config: &str) -> Edit {
    let element = xml::parse_str(&format!("<config>{config}</config>")).unwrap();
    Edit {
        edit: EditTree::decode(control.schema(), &element).unwrap(),
        default: DefaultOperation::Merge,
        option: ErrorOption::Stop,
        test_only: false,
        test_first: false,
        access: Nacm::everything(control.schema()),
    }
}

fn log_of(control: &Control) -> Vec<(u64, Timestamp, String)> {
    let log = control.store().events();
    let mut all = Vec::new();
    let mut after = log.start();
    let (mut last_seq, mut last_time) = (after.0, None);
    loop {
        let page = log.page(after, 500).unwrap();
        let Some(last) = page.last() else { return all };
        after = last.seq;
        for event in &page {
            // The server's own and the journal's are between those of this stream.
            last_seq += 1;
            assert_eq!(event.seq.0, last_seq, "numbers");
            assert!(last_time.is_none_or(|last| last < event.time), "times");
            last_time = Some(event.time);
            // The server's own are on the other stream.
            let Some(body) = event.esc.as_ref() else {
                continue;
            };
            let element = xml::parse(body, &xml::Limits::default()).unwrap();
            let event_read = EscEvent::decode(&element).unwrap();
            let kind = format!("{} {}", event_read.event_type, event_read.status_code);
            all.push((event.seq.0, event.time, kind));
        }
    }
}

/// One life of the server, until the story is over or it crashes.
fn live(dir: &Path, crasher: &Arc<Crasher>, progress: &mut Progress) -> Result<Life, String> {
    crasher.down.store(false, Ordering::SeqCst);
    let start = Instant::now();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let options = lifeline::daemon::server::Options {
        data_dir: dir.to_owned(),
        netconf: ([127, 0, 0, 1], 0).into(),
        http: None,
        http_insecure: false,
        settings: quick(),
        clock,
        seed: start.elapsed().as_nanos() as u64 ^ 0x5eed,
    };
    let fallen = async {
        while !crasher.is_down() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    let started = runtime.block_on(async {
        tokio::select! {
            server = lifeline::daemon::server::Server::start_with(options, seams(crasher)) => Some(server),
            () = fallen => None,
        }
    });
    let server = match started {
        Some(Ok(server)) => Some(server),
        // The engine's task may notice the crash before we do.
        Some(Err(error)) if !crasher.is_down() => return Err(format!("no start: {error:#}")),
        _ => None,
    };
    let life = match &server {
        None => Ok(Life::Crashed),
        Some(server) => {
            let life = play(&runtime, server, crasher, progress, start);
            // What a reader could see now must never be taken back.
            let log = log_of(server.control());
            if !log.starts_with(&progress.seen) {
                return Err(format!("the log forgot: {:?} then {log:?}", progress.seen));
            }
            progress.seen = log;
            life
        }
    };
    if let Ok(Life::Done) = life {
        runtime.block_on(server.unwrap().stop());
        return life;
    }
    // Nothing of the old process may act while its parts are taken away.
    crasher.down.store(true, Ordering::SeqCst);
    runtime.shutdown_timeout(Duration::from_secs(10));
    drop(server);
    life
}

fn play(
    runtime: &tokio::runtime::Runtime,
    server: &lifeline::daemon::server::Server,
    crasher: &Arc<Crasher>,
    progress: &mut Progress,
    start: Instant,
) -> Result<Life, String> {
    let control = server.control();
    let commit = |config: &str| {
        let edit = edit_of(control, config);
        runtime.block_on(async {
            let fallen = async {
                while !crasher.is_down() {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            };
            tokio::select! {
                result = control.edit_running(SessionId(1), edit) => match result {
                    Ok(()) => Ok(true),
                    Err(_) if crasher.is_down() => Ok(false),
                    Err(error) => Err(format!("edit: {error}")),
                },
                () = fallen => Ok(false),
            }
        })
    };
    let wait = |count: usize| loop {
        if crasher.is_down() {
            return Ok(false);
        }
        let log = log_of(control);
        if log.len() >= count {
            return Ok(true);
        }
        if start.elapsed() > LIFE {
            let kinds: Vec<_> = log.iter().map(|(_, _, kind)| kind).collect();
            return Err(format!("nothing happens after {kinds:?}"));
        }
        std::thread::sleep(Duration::from_millis(3));
    };
    macro_rules! or_crashed {
        ($step:expr) => {
            if !$step? {
                return Ok(Life::Crashed);
            }
        };
    }
    if !progress.deployed {
        or_crashed!(commit(DEPZZ));
        progress.deployed = true;
    }
    or_crashed!(wait(6));
    if !progress.broken {
        let published = control.store().published();
        let record = published
            .state
            .deployments
            .values()
            .next()
            .ok_or("no deployment")?;
        let vm = record.vms.first().ok_or("no VM")?.name.to_string();
        for (fault, messages) in [
            (Fault::RebootFails, vec![DRIVER_WORDS.to_owned()]),
            (Fault::Crash, Vec::new()),
        ] {
            let injection = Injection {
                target: Target::Vm(vm.clone()),
                fault,
                times: 1,
                messages,
                duration: None,
            };
            server
                .simulator()
                .inject(injection)
                .map_err(|error| error.to_string())?;
        }
        progress.broken = true;
    }
    or_crashed!(wait(11));
    if !progress.undeployed {
        // `remove`: what was stored, and not acknowledged, is asked for again.
        or_crashed!(commit(&NO_DEPZZ.replace("\"delete\"", "\"remove\"")));
        progress.undeployed = true;
    }
    or_crashed!(wait(STORY.len()));
    // What would come twice comes now.
    std::thread::sleep(Duration::from_millis(30));
    if crasher.is_down() {
        return Ok(Life::Crashed);
    }
    let (breaches, left) = server
        .simulator()
        .look(|cloud| (cloud.breaches(), cloud.all_vms().count()));
    if breaches != 0 {
        return Err(format!("{breaches} times two copies ran"));
    }
    if left != 0 {
        return Err(format!("{left} orphan VMs"));
    }
    if !control.store().published().state.deployments.is_empty() {
        return Err("opdata still shows a deployment".to_owned());
    }
    Ok(Life::Done)
}

/// Plays the story over as many lives as it takes.
fn story(crasher: &Arc<Crasher>) -> Result<usize, String> {
    let dir = fresh_dir();
    let mut progress = Progress::default();
    let mut lives = 1;
    while let Life::Crashed = live(dir.path(), crasher, &mut progress)? {
        lives += 1;
        if lives > 100 {
            return Err(format!("no progress: {:?}", progress.seen));
        }
    }
    let kinds: Vec<&str> = progress
        .seen
        .iter()
        .map(|(_, _, kind)| kind.as_str())
        .collect();
    if kinds != STORY {
        return Err(format!("told: {kinds:?}"));
    }
    let in_order = progress
        .seen
        .windows(2)
        .all(|pair| pair[0].0 < pair[1].0 && pair[0].1 < pair[1].1);
    if !in_order {
        return Err(format!("numbers or times: {:?}", progress.seen));
    }
    Ok(lives)
}

#[test]
fn a_crash_at_any_point_loses_nothing_and_doubles_nothing() {
    let calm = Arc::new(Crasher::default());
    assert_eq!(story(&calm), Ok(1), "the story without a crash");
    let passed = calm.passed.lock().unwrap().clone();
    let mut places = vec![Place::BeforeCall, Place::AfterCall];
    places.extend(STORE_PLACES.map(Place::Store));
    let all = std::env::var("LIFELINE_CRASH_POINTS").is_ok_and(|points| points == "all");
    let points: Vec<(Place, usize)> = places
        .iter()
        .flat_map(|place| {
            let passages = passed.get(place).copied().unwrap_or(0);
            (1..=passages).map(|passage| (*place, passage))
        })
        .collect();
    assert!(points.len() > 100, "{passed:?}");
    let points: Vec<_> = match all {
        true => points,
        // Other offsets for other kinds of points: together they reach every part of the story.
        false => points
            .into_iter()
            .enumerate()
            .filter(|(n, _)| n % SAMPLE == 0)
            .map(|(_, point)| point)
            .collect(),
    };
    let (next, restarts) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let failures = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some((place, passage)) = points.get(next.fetch_add(1, Ordering::SeqCst)) {
                    match story(&Crasher::at(*place, *passage)) {
                        Ok(lives) => {
                            restarts.fetch_add(lives - 1, Ordering::SeqCst);
                        }
                        Err(error) => {
                            let text = format!("crash at {place:?} {passage}: {error}");
                            failures.lock().unwrap().push(text);
                        }
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().unwrap();
    assert!(
        failures.is_empty(),
        "{} of {}:\n{}",
        failures.len(),
        points.len(),
        failures.join("\n")
    );
    let restarts = restarts.into_inner();
    println!("{} points, {restarts} crashes", points.len());
    assert!(
        restarts * 10 >= points.len() * 9,
        "{restarts} crashes at {} points",
        points.len()
    );
}

#[test]
fn a_server_that_crashes_over_and_over_gets_there_all_the_same() {
    // A restart first looks up what it does not know: that takes some commits of its own.
    let table = [
        (Place::Store(FailPoint::BeforeCommit), 6),
        (Place::Store(FailPoint::AfterCommit), 8),
        (Place::Store(FailPoint::AfterAcknowledge), 8),
        (Place::BeforeCall, 2),
        (Place::AfterCall, 2),
    ];
    std::thread::scope(|scope| {
        for (place, passages) in table {
            scope.spawn(move || {
                let lives = story(&Crasher::every(place, passages));
                println!("every {passages} {place:?}: {lives:?} lives");
                assert!(
                    lives.clone().is_ok_and(|lives| lives > 3),
                    "{place:?} {passages}: {lives:?}"
                );
            });
        }
    });
}
