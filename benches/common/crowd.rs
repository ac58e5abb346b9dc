//! Subscribers in a process of their own: the bench runs itself again as `--crowd`.
//!
//! ```text
//! parent -> child   arguments: address, key file, readers, stalled
//! child -> parent   "ready"                        all are subscribed
//! parent -> child   "expect N"                     N more events will come
//! child -> parent   "done US US US ..."            latency of each delivery by percentile, then the span
//! ```
//! An event carries `t=NANOSECONDS;` of the machine's monotonic clock in its message.

use std::io::{BufRead, Write};
use std::net::SocketAddr;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;

use russh::keys::PrivateKey;
use tokio::sync::{mpsc, watch};

use super::client::{Client, SUBSCRIBE};
use super::{monotonic_ns, percentile};

/// A process full of subscribers.
pub struct Crowd {
    child: Child,
    input: ChildStdin,
    output: std::io::BufReader<ChildStdout>,
    _key: tempfile::NamedTempFile,
}

/// What the readers measured.
#[derive(Clone, Copy, Debug)]
pub struct Measured {
    /// Median latency of a delivery, us.
    pub p50: f64,
    /// 99th percentile, us.
    pub p99: f64,
    /// The slowest, us.
    pub worst: f64,
    /// From the first event made to the last one received, s.
    pub span: f64,
    /// How many deliveries.
    pub deliveries: f64,
}

impl Crowd {
    /// Starts `readers` that read and `stalled` that subscribe and never read again.
    pub fn start(address: SocketAddr, key: &PrivateKey, readers: usize, stalled: usize) -> Self {
        let file = tempfile::NamedTempFile::new().expect("a file");
        let pem = key.to_openssh(russh::keys::ssh_key::LineEnding::LF);
        std::fs::write(file.path(), pem.expect("the key").as_bytes()).expect("the key's file");
        let mut child = Command::new(std::env::current_exe().expect("this program"))
            .arg("--crowd")
            .arg(address.to_string())
            .arg(file.path())
            .args([readers.to_string(), stalled.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the crowd");
        let input = child.stdin.take().expect("its input");
        let output = std::io::BufReader::new(child.stdout.take().expect("its output"));
        let mut crowd = Self {
            child,
            input,
            output,
            _key: file,
        };
        assert_eq!(crowd.line(), "ready");
        crowd
    }

    /// Tells the readers how many events come; call before the first of them.
    pub fn expect(&mut self, events: usize) {
        writeln!(self.input, "expect {events}").expect("the crowd listens");
        assert_eq!(self.line(), "waiting");
    }

    /// Waits until every reader has them all.
    pub fn measured(&mut self) -> Measured {
        let line = self.line();
        let words = line.strip_prefix("done ").expect("done");
        let values: Vec<f64> = words
            .split(' ')
            .map(|word| word.parse().expect("a number"))
            .collect();
        let [p50, p99, worst, span, deliveries] = values[..] else {
            panic!("{line}");
        };
        Measured {
            p50,
            p99,
            worst,
            span,
            deliveries,
        }
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).expect("the crowd answers");
        line.trim_end().to_owned()
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The child's side; `None` when this process is not a child.
pub fn serve_as_child() -> Option<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [mode, address, key, readers, stalled] = &args[..] else {
        return None;
    };
    if mode != "--crowd" {
        return None;
    }
    super::raise_open_files();
    let address: SocketAddr = address.parse().expect("an address");
    let key = std::fs::read_to_string(key).expect("the key's file");
    let key = russh::keys::decode_secret_key(&key, None).expect("a key");
    let (readers, stalled) = (
        readers.parse().expect("a number"),
        stalled.parse().expect("a number"),
    );
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(crowd(address, Arc::new(key), readers, stalled));
    Some(())
}

async fn crowd(address: SocketAddr, key: Arc<PrivateKey>, readers: usize, stalled: usize) {
    // Which round it is, and how many events it has.
    let (events, _) = watch::channel((0_usize, 0_usize));
    let (done, mut results) = mpsc::channel::<Vec<(u64, u64)>>(readers.max(1));
    let mut kept = Vec::new();
    for n in 0..readers + stalled {
        let mut client = Client::connect(address, key.clone()).await;
        client.ok(SUBSCRIBE).await;
        if n < stalled {
            kept.push(client);
        } else {
            tokio::spawn(read(client, events.subscribe(), done.clone()));
        }
    }
    println!("ready");
    let mut lines = std::io::stdin().lines();
    while let Some(Ok(line)) = lines.next() {
        let count: usize = line
            .strip_prefix("expect ")
            .and_then(|count| count.parse().ok())
            .expect("expect N");
        events.send_modify(|round| *round = (round.0 + 1, count));
        println!("waiting");
        let mut all = Vec::new();
        for _ in 0..readers {
            all.extend(results.recv().await.expect("a reader"));
        }
        let first = all.iter().map(|(sent, _)| *sent).min().unwrap_or(0);
        let last = all.iter().map(|(_, got)| *got).max().unwrap_or(0);
        let mut latency: Vec<f64> = all
            .iter()
            .map(|(sent, got)| got.saturating_sub(*sent) as f64 / 1e3)
            .collect();
        println!(
            "done {} {} {} {} {}",
            percentile(&mut latency, 50.0),
            percentile(&mut latency, 99.0),
            percentile(&mut latency, 100.0),
            last.saturating_sub(first) as f64 / 1e9,
            all.len()
        );
    }
}

async fn read(
    mut client: Client,
    mut events: watch::Receiver<(usize, usize)>,
    done: mpsc::Sender<Vec<(u64, u64)>>,
) {
    for mine in 1.. {
        let round = events.wait_for(|(round, _)| *round >= mine).await;
        let Ok((_, count)) = round.map(|round| *round) else {
            return;
        };
        let mut times = Vec::with_capacity(count);
        while times.len() < count {
            let message = client.message().await;
            let got = monotonic_ns();
            let sent = message
                .split_once("t=")
                .and_then(|(_, rest)| rest.split_once(';'))
                .and_then(|(text, _)| text.parse().ok());
            times.push((sent.unwrap_or(got), got));
        }
        if done.send(times).await.is_err() {
            return;
        }
    }
}
