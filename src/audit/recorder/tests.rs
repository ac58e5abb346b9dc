use std::fs;
use std::num::{NonZeroU64, NonZeroUsize};
use std::path::{Path, PathBuf};

use super::*;
use crate::audit::{Settings, verify};
use crate::clock::{ManualClock, Timestamp};

fn start(dir: &Path, settings: Settings) -> (Recorder, Writer) {
    let clock = Arc::new(ManualClock::new(Timestamp::from_micros(1)));
    Recorder::start(AuditLog::open(dir, settings, clock).unwrap()).unwrap()
}

fn record(what: &str) -> AuditRecord {
    AuditRecord::new("alice", what, Outcome::Done)
}

/// What was done, in the order of the log; the chain must be sound.
fn written(dir: &Path) -> Vec<String> {
    assert_eq!(verify(dir, None).unwrap().problems, []);
    let mut files: Vec<PathBuf> = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file())
        .collect();
    files.sort_by_key(|path| (path.ends_with("audit.log"), path.clone()));
    let text: String = files
        .iter()
        .map(|path| fs::read_to_string(path).unwrap())
        .collect();
    let word = |line: &str| {
        let record: serde_json::Value = serde_json::from_str(line).unwrap();
        record["what"].as_str().unwrap().to_owned()
    };
    text.lines().map(word).collect()
}

/// A log whose second record the disk refuses until the returned obstacle is removed.
fn obstructed(dir: &Path, queue: usize) -> (Recorder, Writer, PathBuf) {
    let settings = Settings {
        file_bytes: NonZeroU64::new(1).unwrap(),
        queue_records: NonZeroUsize::new(queue).unwrap(),
        ..Settings::default()
    };
    let obstacle = dir.join(format!("audit-{:020}.log", 1));
    fs::create_dir_all(obstacle.join("full")).unwrap();
    let clock = Arc::new(ManualClock::new(Timestamp::from_micros(1)));
    // Nothing is read before the obstacle stands, so an open after it would fail.
    fs::remove_dir_all(&obstacle).unwrap();
    let log = AuditLog::open(dir, settings, clock).unwrap();
    fs::create_dir_all(obstacle.join("full")).unwrap();
    let (recorder, writer) = Recorder::start(log).unwrap();
    (recorder, writer, obstacle)
}

#[tokio::test]
async fn records_are_written_in_order_and_drained_at_the_end() {
    let dir = tempfile::tempdir().unwrap();
    let (recorder, writer) = start(dir.path(), Settings::default());
    for n in 0..500 {
        recorder.record(record(&format!("act-{n}"))).await;
    }
    recorder.note(record("last"));
    drop(writer);
    let mut wanted: Vec<String> = (0..500).map(|n| format!("act-{n}")).collect();
    wanted.push("last".to_owned());
    assert_eq!(written(dir.path()), wanted);
    assert_eq!(recorder.waited(), 0);
}

#[tokio::test]
async fn a_full_queue_makes_the_next_wait_and_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (recorder, writer, obstacle) = obstructed(dir.path(), 2);
    for what in ["one", "two", "three"] {
        recorder.record(record(what)).await;
    }
    let waiting = recorder.clone();
    let fourth = tokio::spawn(async move { waiting.record(record("four")).await });
    // Its caller goes away while it waits; the record does not.
    let given_up = recorder.record(record("five"));
    let short = Duration::from_millis(300);
    assert!(tokio::time::timeout(short, given_up).await.is_err());
    assert!(!fourth.is_finished());
    assert!(recorder.waited() >= 2, "{}", recorder.waited());
    fs::remove_dir_all(obstacle).unwrap();
    fourth.await.unwrap();
    drop(writer);
    let mut all = written(dir.path());
    all.sort();
    assert_eq!(all, ["five", "four", "one", "three", "two"]);
}

#[test]
fn what_the_disk_refuses_is_tried_again_at_the_end() {
    let dir = tempfile::tempdir().unwrap();
    let (recorder, writer, obstacle) = obstructed(dir.path(), 8);
    recorder.note(record("one"));
    recorder.note(record("two"));
    thread::sleep(Duration::from_millis(100));
    fs::remove_dir_all(obstacle).unwrap();
    drop(writer);
    assert_eq!(written(dir.path()), ["one", "two"]);
}

#[tokio::test]
async fn what_ends_without_an_end_is_recorded_as_it_began() {
    let dir = tempfile::tempdir().unwrap();
    let (recorder, writer) = start(dir.path(), Settings::default());
    let mut begun = record("abandoned");
    begun.result = Outcome::Failed;
    begun.reason = Some("no end".to_owned());
    drop(recorder.begin(begun));
    let underway = recorder.begin(record("ended"));
    underway.end(Outcome::Refused, Some("why".to_owned())).await;
    drop(writer);
    let text = fs::read_to_string(dir.path().join("audit.log")).unwrap();
    let (first, second) = text.split_once('\n').unwrap();
    assert!(first.contains("\"result\":\"failed\",\"reason\":\"no end\""));
    assert!(second.contains("\"result\":\"refused\",\"reason\":\"why\""));
}
