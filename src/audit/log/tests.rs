use std::num::{NonZeroU64, NonZeroUsize};
use std::os::unix::fs::MetadataExt;

use super::*;
use crate::audit::{Clip, verify};
use crate::clock::{ManualClock, Timestamp};

fn open(dir: &Path) -> AuditLog {
    open_with(dir, Settings::default())
}

fn open_with(dir: &Path, settings: Settings) -> AuditLog {
    let clock = ManualClock::new(Timestamp::from_micros(1_466_706_609_115_000));
    AuditLog::open(dir, settings, Arc::new(clock)).unwrap()
}

fn record(n: usize) -> AuditRecord {
    let mut record = AuditRecord::new("alice", "edit-config", Outcome::Done);
    record.session = Some(7);
    record.target = Some(format!("/esc_datamodel \"{n}\"\n"));
    record
}

fn filled(dir: &Path, count: usize) {
    let log = open(dir);
    for n in 0..count {
        log.append(record(n)).unwrap();
    }
}

#[test]
fn the_chain_goes_on_over_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path(), 5);
    filled(dir.path(), 5);
    let report = verify(dir.path(), None).unwrap();
    assert_eq!(
        (report.records, report.first, report.head.seq),
        (10, Some(1), 10)
    );
    assert_eq!(report.problems, []);
    assert_eq!(open(dir.path()).head(), report.head);
    let text = fs::read_to_string(dir.path().join(CURRENT)).unwrap();
    let zeros = "0".repeat(64);
    let start = format!(
        "{{\"seq\":1,\"time\":\"2016-06-23T18:30:09.115+00:00\",\"who\":\"alice\",\"session\":7,\"what\":\"edit-config\",\
         \"target\":\"/esc_datamodel \\\"0\\\"\\n\",\"result\":\"done\",\"prev\":\"{zeros}\",\"hash\":\""
    );
    assert!(text.starts_with(&start), "{text}");
    assert_eq!(
        fs::metadata(dir.path().join(CURRENT)).unwrap().mode() & 0o777,
        0o600
    );
}

#[test]
fn any_changed_byte_removed_swapped_or_inserted_line_shows() {
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path(), 4);
    let path = dir.path().join(CURRENT);
    let good = fs::read(&path).unwrap();
    let head = verify(dir.path(), None).unwrap().head;
    let breaks = |bytes: &[u8]| {
        fs::write(&path, bytes).unwrap();
        verify(dir.path(), Some(head)).unwrap().problem_count
    };
    assert_eq!(breaks(&good), 0);
    for at in 0..good.len() {
        let mut bytes = good.clone();
        bytes[at] ^= 1;
        assert!(breaks(&bytes) > 0, "byte {at}");
    }
    let lines: Vec<_> = good.split_inclusive(|b| *b == b'\n').collect();
    let changed = [
        vec![0, 2, 3],
        vec![0, 2, 1, 3],
        vec![0, 1, 1, 2, 3],
        vec![0, 1, 2],
        vec![1, 2, 3, 3],
        vec![],
    ];
    for order in changed {
        let bytes = order.iter().map(|n| lines[*n]).collect::<Vec<_>>().concat();
        assert!(breaks(&bytes) > 0, "{order:?}");
    }
}

#[test]
fn files_rotate_by_size_and_the_oldest_go() {
    let dir = tempfile::tempdir().unwrap();
    let settings = Settings {
        file_bytes: NonZeroU64::new(1000).unwrap(),
        files: NonZeroUsize::new(3).unwrap(),
        ..Settings::default()
    };
    let log = open_with(dir.path(), settings.clone());
    for n in 0..20 {
        log.append(record(n)).unwrap();
    }
    drop(log);
    let report = verify(dir.path(), None).unwrap();
    assert_eq!(report.problems, []);
    assert_eq!(closed(dir.path()).unwrap().len(), 3);
    let first = report.first.unwrap();
    assert!(
        first > 1 && report.head.seq == 20 && report.records == 21 - first,
        "{report:?}"
    );
    // A crash between the renaming and the first record of the next file.
    fs::rename(
        dir.path().join(CURRENT),
        dir.path().join("audit-00000000000000000019.log"),
    )
    .unwrap();
    let log = open_with(dir.path(), settings);
    assert_eq!(log.append(record(20)).unwrap().seq, 21);
    assert_eq!(verify(dir.path(), None).unwrap().problems, []);
    // A file taken out of the middle shows.
    fs::remove_file(&closed(dir.path()).unwrap()[1]).unwrap();
    assert!(verify(dir.path(), None).unwrap().problem_count > 0);
}

#[test]
fn an_unfinished_record_is_removed_and_written_down() {
    let whole = tempfile::tempdir().unwrap();
    filled(whole.path(), 3);
    let good = fs::read(whole.path().join(CURRENT)).unwrap();
    let third = good[..good.len() - 1]
        .iter()
        .rposition(|b| *b == b'\n')
        .unwrap()
        + 1;
    for length in [third + 1, third + 50, good.len() - 1] {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(CURRENT), &good[..length]).unwrap();
        assert_eq!(verify(dir.path(), None).unwrap().problems.len().min(1), 1);
        let log = open(dir.path());
        assert_eq!(log.append(record(9)).unwrap().seq, 4);
        drop(log);
        let report = verify(dir.path(), None).unwrap();
        assert_eq!((report.problems.as_slice(), report.records), (&[][..], 4));
        let text = fs::read_to_string(dir.path().join(CURRENT)).unwrap();
        let words = format!("{} bytes of an unfinished record removed", length - third);
        assert!(text.lines().nth(2).unwrap().contains(&words), "{text}");
    }
}

#[test]
fn a_broken_last_record_stays_and_is_written_down() {
    for (from, to) in [("alice", "mallo"), ("{\"seq\":3", "rubbish!")] {
        let dir = tempfile::tempdir().unwrap();
        filled(dir.path(), 3);
        let path = dir.path().join(CURRENT);
        let text = fs::read_to_string(&path).unwrap();
        let at = text.rfind(from).unwrap();
        fs::write(
            &path,
            format!("{}{to}{}", &text[..at], &text[at + from.len()..]),
        )
        .unwrap();
        let log = open(dir.path());
        assert_eq!(log.append(record(9)).unwrap().seq, 5);
        drop(log);
        let report = verify(dir.path(), None).unwrap();
        assert_eq!(
            (report.problem_count, report.problems[0].line),
            (1, 3),
            "{report:?}"
        );
        let text = fs::read_to_string(&path).unwrap();
        assert!(
            text.lines().nth(3).unwrap().contains("audit-broken"),
            "{text}"
        );
    }
}

#[test]
fn a_failed_write_leaves_the_log_whole() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path());
    log.append(record(0)).unwrap();
    {
        // A descriptor that cannot be written takes the place of a full disk; a rest of a line is left behind.
        let mut state = log.0.shared.lock();
        state.file.write_all(b"{\"seq\":2,\"ti").unwrap();
        let path = dir.path().join(CURRENT);
        let readable = File::open(path).unwrap();
        let writable = std::mem::replace(&mut state.file, readable);
        drop(state);
        assert!(log.append(record(1)).is_err());
        log.0.shared.lock().file = writable;
    }
    assert_eq!(log.append(record(2)).unwrap().seq, 2);
    let report = verify(dir.path(), None).unwrap();
    assert_eq!((report.problems.as_slice(), report.records), (&[][..], 2));
}

#[test]
fn long_texts_are_cut_and_say_so() {
    let dir = tempfile::tempdir().unwrap();
    let settings = Settings {
        text_bytes: NonZeroUsize::new(9).unwrap(),
        fsync_ms: 0,
        ..Settings::default()
    };
    let log = open_with(dir.path(), settings);
    let mut long = record(0);
    long.detail = Some("ääääääää".to_owned());
    log.append(long).unwrap();
    let text = fs::read_to_string(dir.path().join(CURRENT)).unwrap();
    let digest = "428cde9f";
    let cut = format!("\"detail\":\"ääää... (cut: 16 bytes, sha-256 {digest}");
    assert!(text.contains(&cut), "{text}");
    // In pieces it is the same, and it is not cut twice.
    let mut clip = Clip::new(9);
    for piece in ["ää", "", "äää", "äää"] {
        clip.push(piece);
    }
    let mut pieces = record(1);
    pieces.set_detail(clip);
    log.append(pieces).unwrap();
    let text = fs::read_to_string(dir.path().join(CURRENT)).unwrap();
    assert_eq!(text.matches(&cut).count(), 2, "{text}");
    let mut fits = Clip::new(9);
    fits.push("ääää");
    assert_eq!(fits.finish(), "ääää");
}

#[test]
fn many_writers_make_one_chain() {
    let dir = tempfile::tempdir().unwrap();
    let settings = Settings {
        fsync_ms: 5,
        file_bytes: NonZeroU64::new(20_000).unwrap(),
        ..Settings::default()
    };
    let log = open_with(dir.path(), settings);
    thread::scope(|scope| {
        for _ in 0..8 {
            let log = log.clone();
            scope.spawn(move || {
                for n in 0..50 {
                    log.append(record(n)).unwrap();
                }
            });
        }
    });
    let head = log.head();
    drop(log);
    let report = verify(dir.path(), Some(head)).unwrap();
    assert_eq!(
        (report.problems.as_slice(), report.records, report.head),
        (&[][..], 400, head)
    );
}
