//! Order, atomicity, preconditions, bounds.

use std::num::NonZeroUsize;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use super::harness::{Seen, all_events, at, batch, clock, delete, event, open, open_with, put};
use crate::ids::JournalSeq;
use crate::store::{Batch, Committed, Health, Settings, StoreError};

#[test]
fn batches_are_written_and_published_in_the_order_of_the_calls() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let pending: Vec<_> = (0..2000)
        .map(|n| store.submit(batch(&format!("{n:04}"))))
        .collect();
    let seqs: Vec<_> = pending
        .into_iter()
        .map(|p| p.wait().unwrap().seqs[0].0)
        .collect();
    assert_eq!(seqs, (1..=2000).collect::<Vec<_>>());
    let labels: Vec<_> = (0..2000).map(|n| format!("{n:04}")).collect();
    assert_eq!(store.published().0, labels);
    let texts: Vec<_> = all_events(&store).into_iter().map(|e| e.2).collect();
    assert_eq!(
        texts,
        labels
            .iter()
            .map(|l| format!("<esc>{l}</esc>"))
            .collect::<Vec<_>>()
    );
}

#[test]
fn whoever_has_the_acknowledgement_reads_the_state_the_event_and_the_row() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    for n in 0..50 {
        let done = store.submit_blocking(batch(&format!("{n:02}"))).unwrap();
        let (state, seq) = store.published_at();
        assert_eq!((state.0.len(), seq), (n + 1, done.seqs[0]));
        assert_eq!(store.events().head(), done.seqs[0]);
        assert_eq!(store.rows(super::harness::T).unwrap().len(), n + 1);
    }
}

#[test]
fn whoever_sees_the_watermark_reads_a_state_of_at_least_that() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let mut mark = store.watermark();
    let reader = {
        let store = store.clone();
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .build()
                .unwrap();
            runtime.block_on(async {
                while mark.borrow_and_update().0 < 500 {
                    mark.changed().await.unwrap();
                    let seq = *mark.borrow();
                    assert!(store.published().0.len() as u64 >= seq.0);
                    assert_eq!(
                        store.events().page(JournalSeq(seq.0 - 1), 1).unwrap()[0].seq,
                        seq
                    );
                }
            });
        })
    };
    for n in 0..500 {
        drop(store.submit(batch(&n.to_string())));
    }
    reader.join().unwrap();
}

#[test]
fn preconditions_are_checked_against_the_batches_before() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let step = |preconditions, writes| {
        store.submit(Batch {
            preconditions,
            writes,
            events: vec![event("e")],
            ..Batch::default()
        })
    };
    let outcomes = [
        step(vec![at("a", None)], vec![put("a", "1")]),
        step(vec![at("a", None)], vec![put("b", "x")]),
        step(vec![at("a", Some(1))], vec![put("a", "2"), put("a", "3")]),
        step(vec![at("a", Some(1))], vec![delete("a")]),
        step(vec![at("a", Some(3))], vec![delete("a"), delete("never")]),
        step(vec![at("a", Some(3))], vec![]),
        step(vec![at("a", None)], vec![put("a", "4")]),
    ]
    .map(|pending| pending.wait().map(|c| c.seqs[0].0));
    let refused = |expected, found| {
        let (table, key) = ("t", "a".to_owned());
        Err(StoreError::Precondition {
            table,
            key,
            expected,
            found,
        })
    };
    assert_eq!(
        outcomes,
        [
            Ok(1),
            refused(None, Some(1)),
            Ok(2),
            refused(Some(1), Some(3)),
            Ok(3),
            refused(Some(3), None),
            Ok(4),
        ]
    );
    let rows = store.rows(super::harness::T).unwrap();
    assert_eq!(
        (rows.len(), rows[0].version, rows[0].value.as_slice()),
        (1, 1, &b"4"[..])
    );
}

#[test]
fn a_row_the_database_refuses_fails_its_batch_alone() {
    let dir = tempfile::tempdir().unwrap();
    let settings = Settings {
        queue_bytes: NonZeroUsize::new(4 << 30).unwrap(),
        ..Settings::default()
    };
    let store = open_with(dir.path(), settings, clock(), None).unwrap();
    // SQLite refuses values above 1,000,000,000 bytes.
    let mut large = batch("large");
    large.writes.push(put("before", "x"));
    large.writes.push(crate::store::Write {
        table: super::harness::T,
        key: "huge".to_owned(),
        value: Some(vec![0; 1_000_000_001]),
    });
    let outcomes = [batch("first"), large, batch("last")].map(|b| store.submit(b));
    let [first, large, last] = outcomes.map(super::super::Pending::wait);
    assert_eq!(
        (first.unwrap().seqs, last.unwrap().seqs),
        (vec![JournalSeq(1)], vec![JournalSeq(2)])
    );
    let error = large.unwrap_err();
    assert!(
        matches!(&error, StoreError::Row { what, .. } if what == "t/huge"),
        "{error}"
    );
    assert_eq!(store.published().0, ["first", "last"]);
    let keys: Vec<_> = store
        .rows(super::harness::T)
        .unwrap()
        .into_iter()
        .map(|r| r.key)
        .collect();
    assert_eq!(keys, ["first", "last"]);
    assert_eq!(*store.health().borrow(), Health::Good);
}

#[test]
fn a_full_queue_refuses_and_has_room_again() {
    let dir = tempfile::tempdir().unwrap();
    let settings = Settings {
        queue_entries: NonZeroUsize::new(2).unwrap(),
        event_bytes: NonZeroUsize::new(100).unwrap(),
        ..Settings::default()
    };
    let store = open_with(dir.path(), settings, clock(), None).unwrap();
    let (hold, held) = mpsc::channel::<()>();
    let (started, start) = mpsc::channel();
    let blocker = store.submit(Batch {
        publish: Some(Box::new(move |_, _| {
            started.send(()).unwrap();
            held.recv().unwrap();
        })),
        ..Batch::default()
    });
    start.recv().unwrap();
    let waiting = [store.submit(batch("a")), store.submit(batch("b"))];
    let refused = store.submit_blocking(batch("c")).unwrap_err();
    assert!(
        matches!(refused, StoreError::Busy { entries: 2, .. }),
        "{refused}"
    );
    let large = store.submit_blocking(batch(&"x".repeat(200))).unwrap_err();
    assert!(
        matches!(
            large,
            StoreError::TooLarge {
                what: "event",
                limit: 100,
                ..
            }
        ),
        "{large}"
    );
    hold.send(()).unwrap();
    blocker.wait().unwrap();
    super::super::pending::block_on(store.wait_for_room());
    for pending in waiting {
        pending.wait().unwrap();
    }
    assert_eq!(store.published().0, ["a", "b"]);
}

#[test]
fn sixty_four_writers_share_commits() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let threads: Vec<_> = (0..64)
        .map(|t| {
            let store = store.clone();
            thread::spawn(move || {
                let mut seqs = Vec::new();
                for n in 0..50 {
                    let done = store.submit_blocking(batch(&format!("{t}-{n}"))).unwrap();
                    seqs.push(done.seqs[0].0);
                }
                assert!(seqs.is_sorted());
                seqs
            })
        })
        .collect();
    let mut seqs: Vec<_> = threads
        .into_iter()
        .flat_map(|t| t.join().unwrap())
        .collect();
    seqs.sort_unstable();
    assert_eq!(seqs, (1..=3200).collect::<Vec<_>>());
    let times: Vec<_> = all_events(&store).into_iter().map(|e| e.1).collect();
    assert!(times.is_sorted_by(|a, b| a < b));
    assert_eq!(store.published().0.len(), 3200);
}

#[test]
fn a_batch_of_rows_alone_has_no_sequence_number() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let quiet = Batch {
        writes: vec![put("a", "1")],
        ..Batch::default()
    };
    assert_eq!(store.submit_blocking(quiet).unwrap(), Committed::default());
    assert_eq!(store.events().head(), JournalSeq(0));
}

#[test]
fn shutdown_writes_what_is_queued_and_refuses_the_rest() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let pending: Vec<_> = (0..300)
        .map(|n| store.submit(batch(&n.to_string())))
        .collect();
    store.shutdown();
    assert_eq!(
        store.submit_blocking(batch("late")),
        Err(StoreError::Stopped)
    );
    assert_eq!(store.trim_blocking(), Err(StoreError::Stopped));
    assert_eq!(*store.health().borrow(), Health::Stopped);
    assert!(pending.into_iter().all(|p| p.wait().is_ok()));
    assert_eq!(store.published().0.len(), 300);
    // The directory is free though a handle is left.
    drop(store);
    assert_eq!(open(dir.path()).published().0.len(), 300);
}

#[test]
fn a_publish_closure_that_panics_stops_the_store_and_tells_all_who_wait() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let broken = store.submit(Batch {
        writes: vec![put("a", "1")],
        publish: Some(Box::new(|_: &mut Seen, _| panic!("on purpose"))),
        ..Batch::default()
    });
    assert_eq!(broken.wait(), Err(StoreError::Stopped));
    assert_eq!(store.submit_blocking(batch("b")), Err(StoreError::Stopped));
    store.shutdown();
    assert_eq!(*store.health().borrow(), Health::Stopped);
}

#[tokio::test]
async fn pending_is_a_future_and_may_be_dropped() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    drop(store.submit(batch("a")));
    let done = tokio::time::timeout(Duration::from_secs(10), store.submit(batch("b"))).await;
    assert_eq!(done.unwrap().unwrap().seqs, [JournalSeq(2)]);
    assert_eq!(
        store.events().read(JournalSeq(0), 500).await.unwrap().len(),
        2
    );
    let old = Arc::clone(&store.published());
    store.submit(batch("c")).await.unwrap();
    assert_eq!(
        (old.0.len(), store.published().0.len()),
        (2, 3),
        "snapshots do not change"
    );
}
