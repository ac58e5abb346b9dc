//! A real process killed while it writes, and a real disk limit. The test binary runs itself.

use std::io::{BufRead, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use super::harness::{T, all_events, batch, clock, open, open_with};
use crate::store::{Settings, StoreError};

const ROLE: &str = "LIFELINE_STORE_TEST_CHILD";

fn child(test: &str, dir: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args([
            "--exact",
            &format!("store::tests::kill::{test}"),
            "--nocapture",
            "--include-ignored",
        ])
        .env(ROLE, dir)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    command
}

/// Writes for ever from eight threads, printing what was acknowledged. Runs only as a child.
#[test]
fn writer_child() {
    let Some(dir) = std::env::var_os(ROLE) else {
        return;
    };
    let store = open(Path::new(&dir));
    let base = store.events().head().0;
    let out = Arc::new(std::sync::Mutex::new(std::io::stdout()));
    let threads: Vec<_> = (0..8)
        .map(|t| {
            let (store, out) = (store.clone(), Arc::clone(&out));
            std::thread::spawn(move || {
                for n in 0_u32.. {
                    let label = format!("{base}-{t}-{n}");
                    let seq = store.submit_blocking(batch(&label)).unwrap().seqs[0];
                    let mut out = out.lock().unwrap();
                    writeln!(out, "ack {seq} {label}").unwrap();
                    out.flush().unwrap();
                }
            })
        })
        .collect();
    threads.into_iter().for_each(|t| t.join().unwrap());
}

#[test]
fn kill_9_loses_no_acknowledged_batch() {
    let dir = tempfile::tempdir().unwrap();
    let mut acknowledged = Vec::new();
    for round in 0..6 {
        let mut process = child("writer_child", dir.path()).spawn().unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let mut read = |line: String| {
            let mut words = line.split(' ').skip_while(|w| !w.ends_with("ack")).skip(1);
            if let (Some(seq), Some(label)) = (words.next(), words.next()) {
                acknowledged.push((seq.parse::<u64>().unwrap(), label.to_owned()));
            }
        };
        for line in lines.by_ref().take(40 + round * 37) {
            read(line.unwrap());
        }
        process.kill().unwrap();
        process.wait().unwrap();
        // The last line may be cut short by the kill: it then has no line end, and only whole ones count.
        let rest: Vec<_> = lines.map_while(Result::ok).collect();
        rest.into_iter().rev().skip(1).for_each(read);
    }
    let store = open(dir.path());
    let events = all_events(&store);
    let seqs: Vec<_> = events.iter().map(|e| e.0).collect();
    assert_eq!(seqs, (1..=events.len() as u64).collect::<Vec<_>>());
    assert!(events.is_sorted_by(|a, b| a.1 < b.1));
    assert!(acknowledged.len() > 200);
    for (seq, label) in acknowledged {
        assert_eq!(events[seq as usize - 1].2, format!("<esc>{label}</esc>"));
    }
    assert_eq!(
        store.rows(T).unwrap().len(),
        events.len(),
        "every batch whole"
    );
}

/// Limits the size of its own files, writes into the limit, lifts it. Runs only as a child.
#[test]
fn limited_child() {
    let Some(dir) = std::env::var_os(ROLE) else {
        return;
    };
    let limit = |bytes: u64| {
        let limit = libc::rlimit {
            rlim_cur: bytes,
            rlim_max: libc::RLIM_INFINITY,
        };
        // SAFETY: plain system calls; this process runs nothing but this test.
        unsafe {
            libc::signal(libc::SIGXFSZ, libc::SIG_IGN);
            assert_eq!(libc::setrlimit(libc::RLIMIT_FSIZE, &limit), 0);
        }
    };
    let store = open_with(Path::new(&dir), Settings::default(), clock(), None).unwrap();
    store.submit_blocking(batch("before")).unwrap();
    limit(400_000);
    let (mut stored, mut refused) = (1, 0);
    for n in 0..200 {
        match store.submit_blocking(batch(&format!("{n:03}{}", "x".repeat(5000)))) {
            Ok(done) => {
                stored += 1;
                assert_eq!(done.seqs[0].0, stored);
            }
            Err(StoreError::NotStored(_) | StoreError::Uncertain(_)) => refused += 1,
            Err(other) => panic!("{other}"),
        }
        assert_eq!(store.published().0.len() as u64, stored);
    }
    assert!(refused > 50, "{refused}");
    assert_eq!(all_events(&store).len() as u64, stored, "reads go on");
    limit(libc::RLIM_INFINITY);
    stored += 1;
    assert_eq!(
        store.submit_blocking(batch("after")).unwrap().seqs[0].0,
        stored
    );
    drop(store);
    println!("stored {stored}");
    std::io::stdout().flush().unwrap();
    // Past the harness, whose own output may be cut by the limit.
    std::process::exit(77);
}

#[test]
fn a_real_size_limit_is_survived() {
    let dir = tempfile::tempdir().unwrap();
    let process = child("limited_child", dir.path()).spawn().unwrap();
    let output = process.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(77), "{text}");
    let line = text
        .lines()
        .find_map(|l| l.split("stored ").nth(1))
        .unwrap();
    let stored: usize = line.trim().parse().unwrap();
    std::thread::sleep(Duration::from_millis(1));
    let store = open(dir.path());
    assert_eq!(
        (all_events(&store).len(), store.rows(T).unwrap().len()),
        (stored, stored)
    );
}
