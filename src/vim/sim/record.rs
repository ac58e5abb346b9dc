//! The files that let the simulated cloud outlive the process: a snapshot and the inputs since.
//!
//! The cloud is a function of its inputs and their times, so a change costs one line, however
//! many VMs there are. Lines go to the operating system before the input acts: they survive the
//! death of the process, not of the machine (a cut last line is dropped).

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, BufWriter, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::error::SimError;
use crate::clock::{Mono, Timestamp};
use crate::cloudsim::{Accepted, Call, CallError, Cloud, InjectError, Injection, Target};

const FORMAT: u32 = 1;

/// What changes a cloud besides time.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub enum Input {
    /// A call with the caller's key.
    Call(Call, String),
    /// A fault.
    Inject(Injection),
    /// Faults lifted.
    Clear(Option<Target>),
}

/// What came of an input.
pub enum Output {
    /// Of a call.
    Call(Result<Accepted, CallError>),
    /// Of the others.
    Fault(Result<(), InjectError>),
}

impl Input {
    /// Lets it act on the cloud at its present time.
    pub fn apply(self, cloud: &mut Cloud) -> Output {
        match self {
            Self::Call(call, key) => Output::Call(cloud.call(call, &key)),
            Self::Inject(injection) => Output::Fault(cloud.inject(injection)),
            Self::Clear(target) => Output::Fault(cloud.clear(target)),
        }
    }
}

#[derive(Serialize, Deserialize)]
struct Line {
    /// The cloud's time in microseconds.
    at: u64,
    wall: Timestamp,
    input: Input,
}

#[derive(Serialize)]
struct SnapshotRef<'a> {
    format: u32,
    generation: u64,
    wall: Timestamp,
    cloud: &'a Cloud,
}

#[derive(Deserialize)]
struct Snapshot {
    format: u32,
    generation: u64,
    wall: Timestamp,
    cloud: Cloud,
}

/// The open files.
#[derive(Debug)]
pub struct Record {
    snapshot: PathBuf,
    generation: u64,
    log: File,
    length: u64,
    entries: usize,
    /// A line was cut and could not be taken back: nothing more may follow it.
    broken: bool,
}

/// Reads what was recorded: the cloud, its generation, and the wall time at which it was last seen.
/// `None`: nothing was.
pub fn read(snapshot: &Path) -> Result<Option<(Cloud, u64, Timestamp)>, SimError> {
    let text = match fs::read(snapshot) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        other => other.map_err(|source| file_error(snapshot, source))?,
    };
    let read: Snapshot = serde_json::from_slice(&text).map_err(|error| SimError::Corrupt {
        path: snapshot.to_owned(),
        line: error.line(),
        why: error.to_string(),
    })?;
    if read.format != FORMAT {
        return Err(SimError::Corrupt {
            path: snapshot.to_owned(),
            line: 1,
            why: format!("format {} is not {FORMAT}", read.format),
        });
    }
    let (mut cloud, mut wall) = (read.cloud, read.wall);
    let path = log_path(snapshot, read.generation);
    let log = match File::open(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Ok(Some((cloud, read.generation, wall)));
        }
        other => other.map_err(|source| file_error(&path, source))?,
    };
    let mut lines = BufReader::new(log);
    let mut text = Vec::new();
    for number in 1.. {
        text.clear();
        let read = lines.read_until(b'\n', &mut text);
        read.map_err(|source| file_error(&path, source))?;
        // the end, or a line cut by the death of the writer: its input never acted
        if text.last() != Some(&b'\n') {
            break;
        }
        let line: Line = serde_json::from_slice(&text).map_err(|error| SimError::Corrupt {
            path: path.clone(),
            line: number,
            why: error.to_string(),
        })?;
        cloud.advance(Duration::from_micros(line.at));
        let _ = line.input.apply(&mut cloud);
        wall = line.wall;
    }
    Ok(Some((cloud, read.generation, wall)))
}

impl Record {
    /// Writes a snapshot of the given generation and an empty log; older logs are removed.
    pub fn start(
        snapshot: &Path,
        generation: u64,
        cloud: &Cloud,
        wall: Timestamp,
    ) -> Result<Self, SimError> {
        let path = log_path(snapshot, generation);
        let log = create(&path).map_err(|source| file_error(&path, source))?;
        write_snapshot(snapshot, generation, cloud, wall)
            .map_err(|source| file_error(snapshot, source))?;
        if let Some(old) = generation.checked_sub(1) {
            // left behind at worst: a log without its snapshot is never read
            let _ = fs::remove_file(log_path(snapshot, old));
        }
        Ok(Self {
            snapshot: snapshot.to_owned(),
            generation,
            log,
            length: 0,
            entries: 0,
            broken: false,
        })
    }

    /// Appends an input that is about to act at the cloud's time `at`.
    pub fn append(&mut self, at: Mono, wall: Timestamp, input: &Input) -> Result<(), SimError> {
        let path = || log_path(&self.snapshot, self.generation);
        if self.broken {
            let why = io::Error::other("an earlier write failed and could not be undone");
            return Err(file_error(&path(), why));
        }
        let line = Line {
            at: micros(at),
            wall,
            input: input.clone(),
        };
        let written = serde_json::to_vec(&line)
            .map_err(io::Error::from)
            .and_then(|mut text| {
                text.push(b'\n');
                self.log.write_all(&text)?;
                Ok(text.len())
            });
        match written {
            Ok(length) => {
                self.length += length as u64;
                self.entries += 1;
                Ok(())
            }
            Err(source) => {
                let undone = self.log.set_len(self.length);
                let undone = undone.and_then(|()| self.log.seek(SeekFrom::Start(self.length)));
                let error = file_error(&path(), source);
                self.broken = undone.is_err();
                Err(error)
            }
        }
    }

    /// Folds the log into a new snapshot when it has grown beyond `limit` inputs.
    pub fn fold(&mut self, limit: usize, cloud: &Cloud, wall: Timestamp) -> Result<(), SimError> {
        if self.entries >= limit.max(1) {
            *self = Self::start(&self.snapshot, self.generation + 1, cloud, wall)?;
        }
        Ok(())
    }
}

/// Whole microseconds: what a line can say, so what the cloud may be told.
pub fn micros(at: Mono) -> u64 {
    u64::try_from(at.as_micros()).unwrap_or(u64::MAX)
}

fn write_snapshot(path: &Path, generation: u64, cloud: &Cloud, wall: Timestamp) -> io::Result<()> {
    let beside = path.with_extension("json.new");
    let mut file = BufWriter::new(create(&beside)?);
    let snapshot = SnapshotRef {
        format: FORMAT,
        generation,
        wall,
        cloud,
    };
    serde_json::to_writer(&mut file, &snapshot)?;
    let file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
    file.sync_all()?;
    fs::rename(&beside, path)?;
    match path.parent().filter(|dir| !dir.as_os_str().is_empty()) {
        Some(dir) => File::open(dir)?.sync_all(),
        None => Ok(()),
    }
}

/// For the owner alone: day-0 data may hold secrets.
fn create(path: &Path) -> io::Result<File> {
    let mut how = OpenOptions::new();
    how.write(true).create(true).truncate(true).mode(0o600);
    how.open(path)
}

fn log_path(snapshot: &Path, generation: u64) -> PathBuf {
    snapshot.with_extension(format!("{generation}.log"))
}

fn file_error(path: &Path, source: io::Error) -> SimError {
    SimError::File {
        path: path.to_owned(),
        source,
    }
}
