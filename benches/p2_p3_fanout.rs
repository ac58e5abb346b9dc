//! P3: fan-out to 1 and to 200 subscribers over SSH: the cost of a delivery falls, an event is encoded
//! once whatever the number of subscribers. P2: one subscriber that does not read changes nothing for
//! the 199 others, and costs little memory.
//!
//! The server runs in this process, the subscribers in another, so that CPU time and memory are the
//! server's alone.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods
)]

mod common;

use std::process::ExitCode;
use std::time::Duration;

use common::crowd::{Crowd, Measured};
use common::server::Bench;
use common::{Verdicts, alloc, cpu_time, monotonic_ns, row};
use lifeline::esc_model::event::{Encoder, encodings};
use lifeline::model::event::{Event, EventKind, EventStatus, ResourceNames, VmRef};
use lifeline::store::{Batch, NewEvent};

#[global_allocator]
static ALLOCATOR: alloc::Counting = alloc::Counting;

const MANY: usize = 200;
/// Subscribers that stall together, to tell the memory of one from noise.
const STALLED: usize = 20;

fn event() -> NewEvent {
    let vm = |id: &str| VmRef {
        vm_id: id.into(),
        host_id: "2b3b7e2d0b7d4e0b9f0f0f7a".into(),
        host_name: "sim-host-1".into(),
        interfaces: Vec::new(),
    };
    let event = Event {
        kind: EventKind::VmRecoveryReboot,
        status: EventStatus::Success,
        code: 200,
        message: format!("t={}; VM [dep-00001_g_0] is rebooted.", monotonic_ns()),
        resource: ResourceNames::default(),
        vm: None,
        deployment: Some("dep-00001".into()),
        tenant: Some("t".into()),
        tenant_id: None,
        deployment_id: None,
        vm_group: Some("g".into()),
        source: Some(vm("9de2b3c1-0000-4000-8000-000000000001")),
        target: None,
        op_id: None,
        vim_op: None,
        reason: None,
    };
    Encoder::default().encode(&event)
}

async fn send(bench: &Bench, events: usize) {
    let batch = Batch {
        events: (0..events).map(|_| event()).collect(),
        ..Batch::default()
    };
    bench.server.control().store().submit(batch).await.unwrap();
}

/// `count` events one by one, `pause` apart.
async fn paced(
    bench: &Bench,
    crowd: &mut Crowd,
    count: usize,
    pause: Duration,
) -> (Measured, Duration) {
    crowd.expect(count);
    let before = cpu_time(std::process::id());
    let mut ticks = tokio::time::interval(pause);
    for _ in 0..count {
        ticks.tick().await;
        send(bench, 1).await;
    }
    let measured = tokio::task::block_in_place(|| crowd.measured());
    (measured, cpu_time(std::process::id()) - before)
}

/// `count` events in batches of 50, as fast as they are stored.
async fn burst(bench: &Bench, crowd: &mut Crowd, count: usize) -> (Measured, Duration) {
    crowd.expect(count);
    let before = cpu_time(std::process::id());
    for _ in 0..count / 50 {
        send(bench, 50).await;
    }
    let measured = tokio::task::block_in_place(|| crowd.measured());
    (measured, cpu_time(std::process::id()) - before)
}

async fn fan_out(verdicts: &mut Verdicts, bench: &Bench) {
    println!("P3: fan-out over SSH");
    row(
        "",
        &[
            "CPU us/delivery",
            "events/s",
            "deliveries/s",
            "p50 us",
            "p99 us",
        ]
        .map(String::from),
    );
    let mut costs = Vec::new();
    for (subscribers, singles, bursts) in [(1, 4_000, 20_000), (MANY, 1_000, 2_000)] {
        let mut crowd = Crowd::start(bench.server.address(), &bench.key, subscribers, 0);
        burst(bench, &mut crowd, 500).await;
        let pause = Duration::from_millis(if subscribers == 1 { 1 } else { 20 });
        for (name, (measured, cpu)) in [
            ("one by one", paced(bench, &mut crowd, singles, pause).await),
            ("batches of 50", burst(bench, &mut crowd, bursts).await),
        ] {
            let cost = cpu.as_secs_f64() * 1e6 / measured.deliveries;
            let rate = measured.deliveries / measured.span;
            let columns = [
                cost,
                rate / subscribers as f64,
                rate,
                measured.p50,
                measured.p99,
            ];
            row(
                &format!("{subscribers} subscribers, {name}"),
                &columns.map(|value| format!("{value:.1}")),
            );
            costs.push(cost);
        }
    }
    let [one, one_burst, many, many_burst] = costs[..] else {
        unreachable!()
    };
    verdicts.at_most(
        "one by one: cost of a delivery, 200 against 1",
        many / one,
        1.0,
        1.0,
    );
    verdicts.at_most(
        "in batches: cost of a delivery, 200 against 1",
        many_burst / one_burst,
        1.0,
        1.5,
    );
}

/// Events of the engine itself, with 200 subscribers listening.
async fn encoded_once(verdicts: &mut Verdicts, bench: &Bench) {
    const DEPLOYMENTS: usize = 50;
    let crowd = Crowd::start(bench.server.address(), &bench.key, MANY, 0);
    let log = bench.server.control().store().events();
    let (events, encoded) = (log.head().0, encodings());
    bench.deploy(DEPLOYMENTS).await;
    let (events, encoded) = (log.head().0 - events, encodings() - encoded);
    println!(
        "\n{DEPLOYMENTS} deployments: {events} events, {encoded} encodings, {MANY} subscribers"
    );
    verdicts.holds("each event encoded once", events > 0 && events == encoded);
    drop(crowd);
}

async fn stalled(verdicts: &mut Verdicts, bench: &Bench) {
    println!("\nP2: one stalled subscriber among {MANY}");
    row("", &["p50 us", "p99 us", "worst us"].map(String::from));
    let mut p99 = [f64::MAX; 2];
    // Twice each, in turn, the better of two: the machine has moods.
    for turn in 0..4 {
        let stalled = turn % 2;
        let mut crowd = Crowd::start(bench.server.address(), &bench.key, MANY - 1, stalled);
        // Enough that the stalled one's way is full: window and socket buffers.
        burst(bench, &mut crowd, if stalled == 1 { 10_000 } else { 500 }).await;
        let (measured, _) = paced(bench, &mut crowd, 1_500, Duration::from_millis(20)).await;
        row(
            &format!("{} reading, {stalled} stalled", MANY - 1),
            &[measured.p50, measured.p99, measured.worst].map(|value| format!("{value:.0}")),
        );
        p99[stalled] = p99[stalled].min(measured.p99);
    }
    verdicts.at_most(
        "p99 of the others, with against without",
        p99[1] / p99[0],
        1.10,
        1.5,
    );
}

async fn stalled_memory(verdicts: &mut Verdicts, bench: &Bench) {
    let mut grown = [0.0; 2];
    for (n, stalled) in [0, STALLED].into_iter().enumerate() {
        let mut crowd = Crowd::start(bench.server.address(), &bench.key, 2, stalled);
        burst(bench, &mut crowd, 500).await;
        let before = alloc::live();
        burst(bench, &mut crowd, 30_000).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        let after = alloc::live();
        grown[n] = after as f64 - before as f64;
    }
    // Nothing is taken off for what grows without them: an upper bound.
    let each = grown[1] / STALLED as f64 / 1024.0;
    println!(
        "\nmemory while 30,000 events pass: {:.0} KiB with nobody stalled, {:.0} KiB with {STALLED}",
        grown[0] / 1024.0,
        grown[1] / 1024.0
    );
    verdicts.at_most("KiB of one stalled subscriber", each, 256.0, 512.0);
}

fn main() -> ExitCode {
    if common::crowd::serve_as_child().is_some() {
        return ExitCode::SUCCESS;
    }
    common::raise_open_files();
    let mut verdicts = Verdicts::default();
    let only = std::env::args().skip(1).find(|arg| !arg.starts_with('-'));
    let wants = |part: &str| only.as_deref().is_none_or(|only| only == part);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let bench = Bench::start().await;
        // The ring is full before memory is measured.
        for _ in 0..400 {
            send(&bench, 50).await;
        }
        if wants("fanout") {
            fan_out(&mut verdicts, &bench).await;
        }
        if wants("encodings") {
            encoded_once(&mut verdicts, &bench).await;
        }
        if wants("stalled") {
            stalled(&mut verdicts, &bench).await;
        }
        if wants("memory") {
            stalled_memory(&mut verdicts, &bench).await;
        }
        bench.server.stop().await;
    });
    verdicts.exit()
}
