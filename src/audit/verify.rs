//! Checking the chain, file by file, in constant memory per line.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, ErrorKind, Read};
use std::path::{Path, PathBuf};

use super::AuditError;
use super::chain::{self, Head};

/// The file that is written.
pub(super) const CURRENT: &str = "audit.log";

/// A longer line is none of ours.
const LONGEST_LINE: u64 = 16 << 20;

/// Problems listed at most; the count goes on.
const LISTED: usize = 100;

/// One break of the chain.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Problem {
    /// The file.
    pub file: PathBuf,
    /// The line, 1 first.
    pub line: u64,
    /// What is wrong with it.
    pub what: String,
}

/// What a check found.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Report {
    /// Lines read.
    pub records: u64,
    /// Number of the first record kept; older ones were removed with their files.
    pub first: Option<u64>,
    /// The newest record; to be compared with one noted elsewhere.
    pub head: Head,
    /// Breaks found; the first 100 are listed.
    pub problem_count: u64,
    /// The breaks.
    pub problems: Vec<Problem>,
}

impl Report {
    fn problem(&mut self, file: &Path, line: u64, what: impl Into<String>) {
        self.problem_count += 1;
        if self.problems.len() < LISTED {
            let (file, what) = (file.to_owned(), what.into());
            self.problems.push(Problem { file, line, what });
        }
    }
}

/// Checks all files of the directory. With a head noted earlier it is also checked that this record is still there.
///
/// # Errors
/// When a file cannot be read; what it says is never an error but a [`Problem`].
pub fn verify(dir: &Path, noted: Option<Head>) -> Result<Report, AuditError> {
    let mut report = Report::default();
    let mut found = noted.is_none_or(|noted| noted.seq == 0);
    let files = files(dir)?;
    for path in &files {
        let file = File::open(path).map_err(AuditError::at(path))?;
        let mut reader = BufReader::new(file);
        let (mut line, mut bytes) = (0, Vec::new());
        loop {
            bytes.clear();
            let mut limited = reader.by_ref().take(LONGEST_LINE);
            if limited
                .read_until(b'\n', &mut bytes)
                .map_err(AuditError::at(path))?
                == 0
            {
                break;
            }
            line += 1;
            let whole = bytes.pop_if(|byte| *byte == b'\n').is_some();
            if !whole {
                report.problem(path, line, "the line has no end: cut off, or being written");
            }
            check(&mut report, path, line, &bytes);
            found |= noted == Some(report.head);
        }
    }
    if let Some(noted) = noted.filter(|_| !found) {
        let file = files.last().cloned().unwrap_or_else(|| dir.to_owned());
        let what = format!(
            "record {} with hash {} is not there",
            noted.seq,
            noted.hash_text()
        );
        report.problem(&file, 0, what);
    }
    Ok(report)
}

fn check(report: &mut Report, path: &Path, line: u64, bytes: &[u8]) {
    let opened = chain::open(bytes);
    if !opened.sound {
        report.problem(path, line, "the record does not match its hash");
    }
    let before = report.head;
    let first = report.records == 0;
    report.records += 1;
    let seq = opened.seq.unwrap_or(before.seq + 1);
    report.first.get_or_insert(seq);
    report.head = Head {
        seq,
        hash: opened.hash,
    };
    // What came before the first file kept is not known, but for record 1.
    if first && seq != 1 {
        return;
    }
    if seq != before.seq + 1 {
        report.problem(
            path,
            line,
            format!("record {seq} follows record {}", before.seq),
        );
    } else if opened.prev.is_some_and(|prev| prev != before.hash_text()) {
        report.problem(path, line, "the record is not bound to the one before it");
    }
}

/// The files, oldest first, the current one last.
pub(super) fn files(dir: &Path) -> Result<Vec<PathBuf>, AuditError> {
    let mut files = closed(dir)?;
    let current = dir.join(CURRENT);
    if current.exists() {
        files.push(current);
    }
    Ok(files)
}

/// Closed files, oldest first: the number of the first record is in the name.
pub(super) fn closed(dir: &Path) -> Result<Vec<PathBuf>, AuditError> {
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(AuditError::at(dir)(error)),
    };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.map_err(AuditError::at(dir))?.path();
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or("");
        if name.starts_with("audit-") && name.ends_with(".log") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}
