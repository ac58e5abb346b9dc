//! Stamping, restart, paging, retention.

use std::num::{NonZeroU32, NonZeroU64, NonZeroUsize};
use std::time::Duration;

use super::harness::{all_events, batch, clock, event, open, open_with};
use crate::clock::{Clock, SystemClock, Timestamp};
use crate::ids::JournalSeq;
use crate::store::{Batch, Settings, StoreError};

fn settings(change: impl FnOnce(&mut Settings)) -> Settings {
    let mut settings = Settings::default();
    change(&mut settings);
    settings
}

#[test]
fn times_grow_when_the_clock_stands_and_when_it_goes_back_even_over_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let clock = clock();
    let start = clock.wall();
    let store = open_with(dir.path(), Settings::default(), clock.clone(), None).unwrap();
    let two = Batch {
        events: vec![event("a"), event("b")],
        ..Batch::default()
    };
    let us = Duration::from_micros;
    assert_eq!(
        store.submit_blocking(two).unwrap().times,
        [start, start + us(2)]
    );
    clock.set_wall(start - Duration::from_secs(3600));
    assert_eq!(
        store.submit_blocking(batch("c")).unwrap().times,
        [start + us(4)]
    );
    drop(store);
    let store = open_with(dir.path(), Settings::default(), clock.clone(), None).unwrap();
    assert_eq!(
        store.submit_blocking(batch("d")).unwrap().times,
        [start + us(6)]
    );
    clock.set_wall(start + us(7_999));
    assert_eq!(
        store.submit_blocking(batch("e")).unwrap().times,
        [start + us(7_000)]
    );
    assert_eq!(store.events().last_time(), Some(start + us(7_000)));
    assert_eq!(store.events().creation_time(), start);
}

#[test]
fn a_restart_keeps_rows_versions_events_and_times() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    for n in 0..20 {
        store
            .submit_blocking(batch(&format!("{:02}", n % 10)))
            .unwrap();
    }
    let before = (
        all_events(&store),
        store.rows(super::harness::T).unwrap(),
        store.events().creation_time(),
        store.events().last_time(),
    );
    drop(store);
    let store = open(dir.path());
    assert!(before.1.iter().all(|row| row.version == 2));
    let after = (
        all_events(&store),
        store.rows(super::harness::T).unwrap(),
        store.events().creation_time(),
        store.events().last_time(),
    );
    assert_eq!(before, after);
    assert_eq!(store.published().0.len(), 10, "init saw the rows");
    assert_eq!(
        store.submit_blocking(batch("x")).unwrap().seqs,
        [JournalSeq(21)]
    );
}

#[test]
fn ring_and_disk_give_the_same_events() {
    let dir = tempfile::tempdir().unwrap();
    let small = settings(|s| s.ring_bytes = NonZeroUsize::new(20_000).unwrap());
    let store = open_with(dir.path(), small, clock(), None).unwrap();
    let pending: Vec<_> = (0..1200)
        .map(|n| store.submit(batch(&n.to_string())))
        .collect();
    pending.into_iter().for_each(|p| drop(p.wait().unwrap()));
    let log = store.events();
    assert!(
        log.page_in_memory(JournalSeq(0), 10).is_none(),
        "the ring forgot the oldest"
    );
    let from_ring = log.page_in_memory(JournalSeq(1150), 500).unwrap();
    assert_eq!(from_ring.len(), 50);
    drop(store);
    let store = open(dir.path());
    let log = store.events();
    assert!(
        log.page_in_memory(JournalSeq(1150), 500).is_none(),
        "the ring begins empty"
    );
    assert_eq!(log.page(JournalSeq(1150), 500).unwrap(), from_ring);
    let lengths = |after, limit| log.page(JournalSeq(after), limit).unwrap().len();
    assert_eq!(
        [
            lengths(0, 9999),
            lengths(0, 7),
            lengths(1199, 5),
            lengths(1200, 5),
            lengths(9999, 5),
            lengths(0, 0)
        ],
        [500, 7, 1, 0, 0, 0]
    );
}

#[test]
fn a_page_is_bounded_in_bytes_but_never_empty() {
    let dir = tempfile::tempdir().unwrap();
    let tight = settings(|s| {
        s.page_bytes = NonZeroUsize::new(1000).unwrap();
        s.ring_bytes = NonZeroUsize::MIN;
    });
    let store = open_with(dir.path(), tight, clock(), None).unwrap();
    for size in [10, 10, 5000, 10] {
        store.submit_blocking(batch(&"x".repeat(size))).unwrap();
    }
    let lengths: Vec<_> = (0..4)
        .map(|after| store.events().page(JournalSeq(after), 500).unwrap().len())
        .collect();
    assert_eq!(lengths, [2, 1, 1, 1]);
}

#[test]
fn a_start_time_is_inclusive_in_the_ring_and_on_disk() {
    let dir = tempfile::tempdir().unwrap();
    let clock = clock();
    let start = clock.wall();
    let store = open_with(dir.path(), Settings::default(), clock.clone(), None).unwrap();
    assert_eq!(
        store.events().first_at_or_after(start).unwrap(),
        JournalSeq(1)
    );
    for n in 0..100 {
        store.submit_blocking(batch(&n.to_string())).unwrap();
        clock.advance(Duration::from_secs(10));
    }
    let check = |store: &crate::store::Store<_>| {
        let first = |time: Timestamp| store.events().first_at_or_after(time).unwrap().0;
        for n in 0..100_u32 {
            let at = start + Duration::from_secs(10) * n;
            let got = [
                first(at - Duration::from_micros(1)),
                first(at),
                first(at + Duration::from_micros(1)),
            ];
            let n = u64::from(n);
            assert_eq!(got, [n + 1, n + 1, n + 2]);
        }
        assert_eq!(first(Timestamp::from_micros(i64::MIN)), 1);
        assert_eq!(first(Timestamp::from_micros(i64::MAX)), 101);
    };
    check(&store);
    drop(store);
    check(&open(dir.path()));
}

#[test]
fn retention_by_age_and_by_count_leaves_the_newest_and_says_what_went() {
    let dir = tempfile::tempdir().unwrap();
    let clock = clock();
    let start = clock.wall();
    let hour = Duration::from_secs(3600);
    let keep = settings(|s| {
        s.retention_hours = NonZeroU32::new(10).unwrap();
        s.retention_events = NonZeroU64::new(30).unwrap();
        s.trim_piece = NonZeroU32::new(7).unwrap();
    });
    let store = open_with(dir.path(), keep.clone(), clock.clone(), None).unwrap();
    assert_eq!(store.events().aged_time(), None);
    for n in 0..40 {
        store.submit_blocking(batch(&n.to_string())).unwrap();
    }
    store.trim_blocking().unwrap();
    let log = store.events();
    assert_eq!((log.start(), log.head()), (JournalSeq(10), JournalSeq(40)));
    assert_eq!(log.aged_time(), Some(start + 9 * Duration::from_micros(2)));
    let gone = log.page(JournalSeq(3), 5).unwrap_err();
    let (after, oldest) = (JournalSeq(3), JournalSeq(11));
    assert_eq!(gone, StoreError::Aged { after, oldest });
    assert_eq!(log.first_at_or_after(start).unwrap(), oldest);
    clock.advance(hour * 9);
    store.submit_blocking(batch("later")).unwrap();
    store.trim_blocking().unwrap();
    clock.advance(hour);
    assert_eq!(
        store.trim_blocking().unwrap(),
        0,
        "ten hours old is not older than ten hours"
    );
    clock.advance(Duration::from_millis(1));
    store.trim_blocking().unwrap();
    assert_eq!(all_events(&store).len(), 1);
    clock.advance(hour * 20);
    store.trim_blocking().unwrap();
    assert_eq!(all_events(&store), []);
    let last = store.events().last_time();
    assert_eq!(store.events().aged_time(), last);
    drop(store);
    let store = open_with(dir.path(), keep, clock.clone(), None).unwrap();
    assert_eq!(
        (store.events().start(), store.events().head()),
        (JournalSeq(41), JournalSeq(41))
    );
    assert_eq!(
        (store.events().last_time(), store.events().aged_time()),
        (last, last)
    );
    assert_eq!(
        store.submit_blocking(batch("n")).unwrap().seqs,
        [JournalSeq(42)]
    );
    assert_eq!(all_events(&store).len(), 1);
}

#[test]
fn the_writer_trims_by_itself() {
    let dir = tempfile::tempdir().unwrap();
    let keep = settings(|s| {
        s.retention_events = NonZeroU64::new(50).unwrap();
        s.trim_piece = NonZeroU32::new(10).unwrap();
    });
    let clock = clock();
    let store = open_with(dir.path(), keep, clock.clone(), None).unwrap();
    for n in 0..200 {
        store.submit_blocking(batch(&n.to_string())).unwrap();
        assert!(store.events().head().0 - store.events().start().0 <= 60);
    }
    let real = SystemClock::new();
    while store.events().start().0 != 150 {
        clock.advance(Duration::from_secs(2));
        assert!(real.mono() < Duration::from_secs(10));
        std::thread::sleep(Duration::from_millis(10));
    }
}
