//! A crash or a failing disk at every fail point: no acknowledged batch is lost, none is torn, none comes twice.

use std::collections::{BTreeMap, BTreeSet};
use std::num::{NonZeroU32, NonZeroU64};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::harness::{Seen, T, all_events, at, batch, clock, event, open_with, put};
use crate::store::{Batch, FailPoint, FaultAction, FaultPlan, Health, Settings, Store, StoreError};

/// Retention is small, so that trims happen.
fn settings() -> Settings {
    Settings {
        retention_events: NonZeroU64::new(24).unwrap(),
        trim_piece: NonZeroU32::new(4).unwrap(),
        ..Settings::default()
    }
}

/// Fails the n-th call of the plan, and notes which points were passed.
fn nth(
    n: usize,
    action: FaultAction,
    passed: &Arc<Mutex<BTreeSet<FailPoint>>>,
) -> (FaultPlan, Arc<AtomicBool>) {
    let hit = Arc::new(AtomicBool::new(false));
    let (count, seen, flag) = (AtomicUsize::new(0), Arc::clone(passed), Arc::clone(&hit));
    let plan = Arc::new(move |point| {
        seen.lock().unwrap().insert(point);
        if count.fetch_add(1, Ordering::SeqCst) == n {
            flag.store(true, Ordering::SeqCst);
            return action;
        }
        FaultAction::Continue
    });
    (plan, hit)
}

/// Two rows and two events that belong together, made once.
fn pair(n: usize) -> Batch<Seen> {
    let label = format!("{n:02}");
    let (a, b) = (format!("{label}a"), format!("{label}b"));
    let mut pair = batch(&a);
    pair.preconditions = vec![at(&a, None)];
    pair.writes.push(put(&b, &label));
    pair.events.push(event(&b));
    pair
}

/// Submits all at once, so that groups hold several batches, then a refused one; returns who was acknowledged.
fn run(store: &Store<Seen>, count: usize) -> BTreeMap<usize, Result<Vec<u64>, StoreError>> {
    let pending: Vec<_> = (0..count).map(|n| (n, store.submit(pair(n)))).collect();
    let mut never = batch("never");
    never.preconditions = vec![at("nothing", Some(1))];
    let refused = store.submit(never);
    let outcomes = pending
        .into_iter()
        .map(|(n, p)| (n, p.wait().map(|c| c.seqs.iter().map(|s| s.0).collect())))
        .collect();
    assert!(refused.wait().is_err());
    outcomes
}

/// What must hold after reopening.
fn check(dir: &Path, outcomes: &BTreeMap<usize, Result<Vec<u64>, StoreError>>, context: &str) {
    let store = open_with(dir, settings(), clock(), None).expect(context);
    // So that the writer removes nothing while the log is compared.
    store.trim_blocking().expect(context);
    let rows: BTreeSet<_> = store.rows(T).unwrap().into_iter().map(|r| r.key).collect();
    let events = all_events(&store);
    let start = store.events().start().0;
    let seqs: Vec<_> = events.iter().map(|e| e.0).collect();
    assert_eq!(
        seqs,
        (start + 1..=store.events().head().0).collect::<Vec<_>>(),
        "{context}: gaps"
    );
    assert!(events.is_sorted_by(|a, b| a.1 < b.1), "{context}: times");
    for (n, outcome) in outcomes {
        let [a, b] = ["a", "b"].map(|x| rows.contains(&format!("{n:02}{x}")));
        assert_eq!(a, b, "{context}: batch {n} is torn");
        let places: Vec<_> = ["a", "b"]
            .iter()
            .filter_map(|x| {
                let text = format!("<esc>{n:02}{x}</esc>");
                let found: Vec<_> = events.iter().filter(|e| e.2 == text).map(|e| e.0).collect();
                assert!(found.len() <= 1, "{context}: {text} twice");
                found.first().copied()
            })
            .collect();
        match outcome {
            Ok(given) => {
                assert!(a, "{context}: acknowledged batch {n} is lost");
                let kept: Vec<_> = given.iter().copied().filter(|seq| *seq > start).collect();
                assert_eq!(places, kept, "{context}: events of batch {n}");
            }
            Err(StoreError::NotStored(_)) => {
                assert!(
                    !a && places.is_empty(),
                    "{context}: refused batch {n} is there"
                );
            }
            Err(StoreError::Stopped | StoreError::Uncertain(_)) => {
                assert!(
                    a || places.is_empty(),
                    "{context}: events of batch {n} without rows"
                );
            }
            Err(other) => panic!("{context}: batch {n}: {other}"),
        }
    }
    // And it goes on.
    let next = store.submit_blocking(batch("next")).expect(context).seqs[0].0;
    assert_eq!(next, start + events.len() as u64 + 1, "{context}");
}

fn at_every_point(action: FaultAction) -> BTreeSet<FailPoint> {
    let passed = Arc::default();
    for n in 0.. {
        let dir = tempfile::tempdir().unwrap();
        let (plan, hit) = nth(n, action, &passed);
        let store = open_with(dir.path(), settings(), clock(), Some(plan)).unwrap();
        let outcomes = run(&store, 16);
        if action == FaultAction::Crash {
            let _ = store.trim_blocking();
        } else {
            // The store went on: what failed is written by asking again.
            while store.trim_blocking().is_err() {}
            // (The fault may sit in that very write: it comes once.)
            while store.submit_blocking(batch("again")).is_err() {}
        }
        drop(store);
        check(dir.path(), &outcomes, &format!("{action:?} at call {n}"));
        if !hit.load(Ordering::SeqCst) {
            break;
        }
        assert!(n < 2000, "the plan never ends");
    }
    Arc::into_inner(passed).unwrap().into_inner().unwrap()
}

#[test]
fn a_crash_at_every_point() {
    let mut passed = at_every_point(FaultAction::Crash);
    // Passed only after a failed COMMIT; crashed at below.
    passed.insert(FailPoint::BeforeRepair);
    assert_eq!(passed, BTreeSet::from(FailPoint::ALL));
}

#[test]
fn a_full_disk_at_every_point() {
    let passed = at_every_point(FaultAction::NoSpace);
    assert_eq!(passed, BTreeSet::from(FailPoint::ALL));
}

#[test]
fn an_io_error_at_every_point() {
    at_every_point(FaultAction::IoError);
}

#[test]
fn a_crash_in_the_repair_after_a_failed_commit() {
    let dir = tempfile::tempdir().unwrap();
    let plan: FaultPlan = Arc::new(|point| match point {
        FailPoint::BeforeCommit => FaultAction::IoError,
        FailPoint::BeforeRepair => FaultAction::Crash,
        _ => FaultAction::Continue,
    });
    let store = open_with(dir.path(), settings(), clock(), Some(plan)).unwrap();
    let outcomes = run(&store, 4);
    assert!(outcomes.values().all(|o| *o == Err(StoreError::Stopped)));
    drop(store);
    check(dir.path(), &outcomes, "repair");
}

#[test]
fn a_disk_that_stays_full_refuses_writes_serves_reads_and_recovers_by_itself() {
    let dir = tempfile::tempdir().unwrap();
    let full = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&full);
    let plan: FaultPlan = Arc::new(move |point| {
        let writes = matches!(point, FailPoint::BeforeCommit | FailPoint::BeforeRepair);
        match writes && flag.load(Ordering::SeqCst) {
            true => FaultAction::NoSpace,
            false => FaultAction::Continue,
        }
    });
    let store = open_with(dir.path(), Settings::default(), clock(), Some(plan)).unwrap();
    store.submit_blocking(batch("before")).unwrap();
    full.store(true, Ordering::SeqCst);
    for _ in 0..3 {
        let error = store.submit_blocking(batch("refused")).unwrap_err();
        assert!(matches!(error, StoreError::Uncertain(_)), "{error}");
    }
    assert!(matches!(*store.health().borrow(), Health::Failing { .. }));
    assert_eq!(
        (store.published().0.len(), all_events(&store).len()),
        (1, 1)
    );
    assert_eq!(store.rows(T).unwrap().len(), 1);
    full.store(false, Ordering::SeqCst);
    let mut health = store.health();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    let good = health.wait_for(|h| *h == Health::Good);
    runtime
        .block_on(async {
            tokio::time::timeout(Duration::from_secs(20), good)
                .await
                .map(|_| ())
        })
        .unwrap();
    assert_eq!(store.submit_blocking(batch("after")).unwrap().seqs[0].0, 2);
}
