//! P8: 1,000 idle NETCONF sessions on the real binary: no CPU, little memory each.

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
use std::net::SocketAddr;
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::Arc;
use std::time::Duration;

use common::client::{Client, SUBSCRIBE};
use common::{Verdicts, cpu_time, private_bytes, row};

const SESSIONS: usize = 1_000;
/// How long nothing happens: every session has its SSH keepalive once (`keepalive-seconds`, 120).
const IDLE: Duration = Duration::from_secs(120);
/// The same with subscriptions, which add nothing that comes by time.
const IDLE_SUBSCRIBED: Duration = Duration::from_secs(10);

struct Served(Child);

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Voluntary and forced context switches of all threads: a measure of wake-ups.
fn switches(pid: u32) -> u64 {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    tasks
        .filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("status")).ok())
        .map(|status| {
            let lines = status.lines().filter(|line| line.contains("ctxt_switches"));
            lines
                .filter_map(|line| line.split(':').nth(1)?.trim().parse::<u64>().ok())
                .sum::<u64>()
        })
        .sum()
}

fn main() -> ExitCode {
    common::raise_open_files();
    let mut verdicts = Verdicts::default();
    let dir = common::scratch();
    let data_dir = common::data_dir(&dir);
    let key = common::server::user(&data_dir);
    let config = dir.path().join("lifeline.toml");
    let text = "[ssh.startups]\nbegin = 1000\nfull = 2000\nper-source = 1000\n";
    std::fs::write(&config, text).unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_lifeline"))
        .arg("serve")
        .args(["--netconf", "127.0.0.1:0", "--data-dir"])
        .arg(&data_dir)
        .arg("--config")
        .arg(&config)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    output.read_line(&mut line).unwrap();
    let served = Served(child);
    let pid = served.0.id();
    let address: SocketAddr = line.rsplit(' ').next().unwrap().trim().parse().unwrap();

    let runtime = tokio::runtime::Runtime::new().unwrap();
    println!(
        "P8: {SESSIONS} idle sessions on {}",
        env!("CARGO_BIN_EXE_lifeline").rsplit('/').next().unwrap()
    );
    row(
        "",
        &["KiB/session", "CPU %", "wake-ups/s"].map(String::from),
    );
    runtime.block_on(async {
        // Code and heap that the first sessions touch are not theirs.
        drop(open(address, &key, 50).await);
        tokio::time::sleep(Duration::from_secs(2)).await;
        let mut before = private_bytes(pid);
        let mut clients = open(address, &key, SESSIONS).await;
        for (name, idle, wanted, far) in [
            ("idle sessions", IDLE, 64.0, 96.0),
            ("subscribed: more", IDLE_SUBSCRIBED, 8.0, 16.0),
        ] {
            tokio::time::sleep(Duration::from_secs(3)).await;
            let after = private_bytes(pid);
            let memory = after.saturating_sub(before) as f64 / SESSIONS as f64 / 1024.0;
            let (cpu, woken) = (cpu_time(pid), switches(pid));
            tokio::time::sleep(idle).await;
            let cpu = (cpu_time(pid) - cpu).as_secs_f64() / idle.as_secs_f64() * 100.0;
            let woken = (switches(pid) - woken) as f64 / idle.as_secs_f64();
            row(
                name,
                &[
                    format!("{memory:.1}"),
                    format!("{cpu:.2}"),
                    format!("{woken:.0}"),
                ],
            );
            verdicts.at_most(&format!("{name}: KiB each"), memory, wanted, far);
            verdicts.at_most(&format!("{name}: CPU of all, %"), cpu, 0.1, 2.0);
            if name == "idle sessions" {
                before = private_bytes(pid);
                for client in &mut clients {
                    client.ok(SUBSCRIBE).await;
                }
            }
        }
    });
    drop(served);
    verdicts.exit()
}

async fn open(
    address: SocketAddr,
    key: &Arc<russh::keys::PrivateKey>,
    count: usize,
) -> Vec<Client> {
    let mut clients = Vec::with_capacity(count);
    for _ in 0..count {
        clients.push(Client::connect(address, key.clone()).await);
    }
    clients
}
