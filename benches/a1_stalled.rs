//! A1: 200 sessions stalled in the middle of a message, and 50 of 200 subscribers that do not read, change nothing
//! for the others: neither how soon events arrive nor how soon requests are answered.
//!
//! The server runs in this process; subscribers, and those that stall, in others.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods
)]

mod common;

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use common::client::Client;
use common::crowd::{Crowd, Measured};
use common::server::Bench;
use common::{Verdicts, median, monotonic_ns, percentile, row};
use lifeline::esc_model::event::Encoder;
use lifeline::model::event::{Event, EventKind, EventStatus, ResourceNames};
use lifeline::store::{Batch, NewEvent};

const SUBSCRIBERS: usize = 200;
const STALLED: usize = 50;
const HALVES: usize = 200;
const ROUNDS: usize = 3;
const EVENTS: usize = 750;

fn event() -> NewEvent {
    let event = Event {
        kind: EventKind::VmRecoveryReboot,
        status: EventStatus::Success,
        code: 200,
        message: format!("t={}; VM [dep-00001_g_0] is rebooted.", monotonic_ns()),
        resource: ResourceNames::default(),
        deployment: Some("dep-00001".into()),
        tenant: Some("t".into()),
        tenant_id: None,
        deployment_id: None,
        vm_group: Some("g".into()),
        vm: None,
        source: None,
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

/// Sessions in the middle of a message, in a process of their own.
struct Halves(Child);

impl Halves {
    fn start(bench: &Bench, count: usize) -> Self {
        let file = tempfile::NamedTempFile::new().unwrap();
        let pem = bench.key.to_openssh(russh::keys::ssh_key::LineEnding::LF);
        std::fs::write(file.path(), pem.unwrap().as_bytes()).unwrap();
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--halves", &bench.server.address().to_string()])
            .arg(file.path())
            .arg(count.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        out.read_line(&mut line).unwrap();
        assert_eq!(line.trim(), "ready");
        Self(child)
    }

    fn serve_as_child() -> Option<()> {
        let args: Vec<String> = std::env::args().skip(1).collect();
        let [mode, address, key, count] = &args[..] else {
            return None;
        };
        if mode != "--halves" {
            return None;
        }
        common::raise_open_files();
        let key = std::fs::read_to_string(key).unwrap();
        let key = Arc::new(russh::keys::decode_secret_key(&key, None).unwrap());
        let (address, count) = (address.parse().unwrap(), count.parse().unwrap());
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let mut kept: Vec<Client> = Vec::new();
            for _ in 0..count {
                let mut client = Client::connect(address, key.clone()).await;
                let half = format!("\n#1000000\n<rpc>{}", " ".repeat(100_000));
                client.octets(half.into_bytes()).await;
                kept.push(client);
            }
            println!("ready");
            let mut line = String::new();
            let _ = std::io::stdin().read_line(&mut line);
        });
        Some(())
    }
}

impl Drop for Halves {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Events at a steady pace, requests beside them: what the readers measured, and the requests' 99th percentile in us.
async fn measure(bench: &Bench, crowd: &mut Crowd) -> (Measured, f64) {
    crowd.expect(EVENTS);
    let mut client = Client::connect(bench.server.address(), bench.key.clone()).await;
    let asking = tokio::spawn(async move {
        let mut times = Vec::new();
        for _ in 0..EVENTS {
            let began = Instant::now();
            client
                .rpc("<get-config><source><running/></source></get-config>")
                .await;
            times.push(began.elapsed().as_secs_f64() * 1e6);
            tokio::time::sleep(Duration::from_millis(15)).await;
        }
        times
    });
    let mut ticks = tokio::time::interval(Duration::from_millis(20));
    for _ in 0..EVENTS {
        ticks.tick().await;
        send(bench, 1).await;
    }
    let measured = tokio::task::block_in_place(|| crowd.measured());
    let mut times = asking.await.unwrap();
    (measured, percentile(&mut times, 99.0))
}

async fn rounds(bench: &Bench, verdicts: &mut Verdicts) {
    row("", &["p50 us", "p99 us", "requests p99"].map(String::from));
    let readers = SUBSCRIBERS - STALLED;
    let (mut events, mut requests) = ([vec![], vec![]], [vec![], vec![]]);
    // In turn: the machine has moods.
    for turn in 0..2 * ROUNDS {
        let with = turn % 2;
        let mut crowd = Crowd::start(bench.server.address(), &bench.key, readers, STALLED * with);
        // As much before each measurement; enough that the way to those that do not read is full.
        crowd.expect(4_000);
        for _ in 0..80 {
            send(bench, 50).await;
        }
        tokio::task::block_in_place(|| crowd.measured());
        let _halves =
            (with == 1).then(|| tokio::task::block_in_place(|| Halves::start(bench, HALVES)));
        let (measured, answered) = measure(bench, &mut crowd).await;
        assert_eq!(
            measured.deliveries as usize,
            readers * EVENTS,
            "an event was lost"
        );
        row(
            &format!(
                "{readers} read, {} do not, {} halves",
                STALLED * with,
                HALVES * with
            ),
            &[measured.p50, measured.p99, answered].map(|value| format!("{value:.0}")),
        );
        events[with].push(measured.p99);
        requests[with].push(answered);
    }
    for (what, [without, with]) in [("events", &mut events), ("requests", &mut requests)] {
        let ratio = median(with) / median(without);
        verdicts.at_most(
            &format!("p99 of the others' {what}, with against without"),
            ratio,
            1.10,
            1.5,
        );
    }
    verdicts.holds("no event lost", true);
}

fn main() -> ExitCode {
    if common::crowd::serve_as_child().is_some() || Halves::serve_as_child().is_some() {
        return ExitCode::SUCCESS;
    }
    common::raise_open_files();
    let mut verdicts = Verdicts::default();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let bench = Bench::start_with(|settings| {
            // Those that stall stay for the whole measurement.
            settings.netconf.read_silence_s = 600;
            settings.netconf.read_total_s = 600;
            settings.ssh.write_stall_seconds = 600;
        })
        .await;
        println!("A1: half messages and subscribers that do not read");
        rounds(&bench, &mut verdicts).await;
        bench.server.stop().await;
    });
    verdicts.exit()
}
