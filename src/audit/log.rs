//! Appending: one lock, one write per record, fsync at once or a moment later.

use std::fs::{self, DirBuilder, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::chain::{self, Head};
use super::record::Body;
use super::verify::{CURRENT, closed, files};
use super::{AuditError, AuditRecord, Outcome, Settings};
use crate::clock::Clock;

/// A handle on the audit log; cheap to clone. The last one to go makes all records durable.
#[derive(Clone)]
pub struct AuditLog(Arc<Owner>);

struct Owner {
    shared: Arc<Shared>,
    syncer: Option<JoinHandle<()>>,
}

struct Shared {
    dir: PathBuf,
    settings: Settings,
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
    work: Condvar,
}

struct State {
    file: File,
    /// Length of the whole records; anything beyond is of a failed write.
    length: u64,
    /// Number of the first record of the current file.
    first: u64,
    head: Head,
    /// Written, not yet synced.
    dirty: bool,
    closing: bool,
}

impl AuditLog {
    /// Opens the log in the directory, made (0700) where it is missing. An unfinished last line, left by a power cut,
    /// is removed; a last line that is not sound stays. Either is written down as a record of its own.
    ///
    /// # Errors
    /// When a file cannot be read or written.
    pub fn open(dir: &Path, settings: Settings, clock: Arc<dyn Clock>) -> Result<Self, AuditError> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(dir)
            .map_err(AuditError::at(dir))?;
        let current = dir.join(CURRENT);
        let found = recover(dir)?;
        let file = create(&current).map_err(AuditError::at(&current))?;
        let length = file.metadata().map_err(AuditError::at(&current))?.len();
        let state = State {
            file,
            length,
            first: found.first.unwrap_or(found.head.seq + 1),
            head: found.head,
            dirty: false,
            closing: false,
        };
        let shared = Arc::new(Shared {
            dir: dir.to_owned(),
            settings,
            clock,
            state: Mutex::new(state),
            work: Condvar::new(),
        });
        let syncer = match shared.settings.fsync_ms {
            0 => None,
            _ => {
                let shared = Arc::clone(&shared);
                let thread = thread::Builder::new().name("audit-sync".to_owned());
                Some(
                    thread
                        .spawn(move || shared.sync_later())
                        .map_err(AuditError::at(dir))?,
                )
            }
        };
        let log = Self(Arc::new(Owner { shared, syncer }));
        for (what, detail) in found.remarks {
            let mut record = AuditRecord::new("lifeline", what, Outcome::Failed);
            record.detail = Some(detail);
            log.append(record)?;
        }
        Ok(log)
    }

    /// Appends one record. When this returns, a killed process loses it no more; see `fsync-ms` for a power cut.
    ///
    /// # Errors
    /// When the disk refuses; the record is then not in the log, and the log stays whole.
    pub fn append(&self, record: AuditRecord) -> Result<Head, AuditError> {
        self.0.shared.append(record)
    }

    /// The newest record; noted elsewhere, it makes a cut-off end visible.
    pub fn head(&self) -> Head {
        self.0.shared.lock().head
    }

    /// Its bounds.
    pub fn settings(&self) -> &Settings {
        &self.0.shared.settings
    }

    /// Makes all records durable now. Blocks.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn sync(&self) -> Result<(), AuditError> {
        let shared = &self.0.shared;
        shared.sync(&mut shared.lock())
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.shared.lock().closing = true;
        self.shared.work.notify_all();
        if let Some(thread) = self.syncer.take()
            && thread.join().is_err()
        {
            tracing::error!("audit: the sync thread panicked");
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn current(&self) -> PathBuf {
        self.dir.join(CURRENT)
    }

    fn append(&self, mut record: AuditRecord) -> Result<Head, AuditError> {
        record.cut(self.settings.text_bytes.get());
        let path = self.current();
        let mut state = self.lock();
        if state.length >= self.settings.file_bytes.get() {
            self.rotate(&mut state)?;
        }
        let body = Body::after(&state.head, self.clock.wall(), &record);
        let body = serde_json::to_string(&body).map_err(|e| AuditError::at(&path)(e.into()))?;
        let (line, head) = chain::seal(state.head.seq + 1, body);
        write(&mut state, line.as_bytes()).map_err(AuditError::at(&path))?;
        state.head = head;
        state.dirty = true;
        match self.settings.fsync_ms {
            // If this fails the record is in the log, and the caller knows it may not stay.
            0 => self.sync(&mut state)?,
            _ => self.work.notify_one(),
        }
        Ok(head)
    }

    fn sync(&self, state: &mut State) -> Result<(), AuditError> {
        state
            .file
            .sync_data()
            .map_err(AuditError::at(&self.current()))?;
        state.dirty = false;
        Ok(())
    }

    /// Closes the current file under the number of its first record and begins the next.
    fn rotate(&self, state: &mut State) -> Result<(), AuditError> {
        let path = self.current();
        let fail = || AuditError::at(&path);
        self.sync(state)?;
        let name = self.dir.join(format!("audit-{:020}.log", state.first));
        match fs::rename(&path, name) {
            // A rotation that failed after this step is tried again.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            renamed => renamed.map_err(fail())?,
        }
        state.file = create(&path).map_err(fail())?;
        state.length = 0;
        state.first = state.head.seq + 1;
        // House-keeping that fails must not cost the record.
        if let Err(error) = self.tidy() {
            tracing::error!(%error, "audit: old files");
        }
        Ok(())
    }

    /// Makes the renaming durable, removes closed files beyond `files`.
    fn tidy(&self) -> Result<(), AuditError> {
        File::open(&self.dir)
            .and_then(|dir| dir.sync_all())
            .map_err(AuditError::at(&self.dir))?;
        let closed = closed(&self.dir)?;
        let surplus = closed.len().saturating_sub(self.settings.files.get());
        for old in closed.iter().take(surplus) {
            fs::remove_file(old).map_err(AuditError::at(old))?;
        }
        Ok(())
    }

    /// Sleeps until something was written, waits for more of it, makes it durable.
    fn sync_later(&self) {
        let pause = Duration::from_millis(u64::from(self.settings.fsync_ms));
        let mut state = self.lock();
        loop {
            let idle = |state: &mut State| !state.dirty && !state.closing;
            state = self
                .work
                .wait_while(state, idle)
                .unwrap_or_else(PoisonError::into_inner);
            if !state.closing {
                let open = |state: &mut State| !state.closing;
                let waited = self.work.wait_timeout_while(state, pause, open);
                state = waited.unwrap_or_else(PoisonError::into_inner).0;
            }
            let closing = state.closing;
            state.dirty = false;
            // Not under the lock: who appends does not wait for the disk.
            let file = state.file.try_clone();
            drop(state);
            if let Err(error) = file.and_then(|file| file.sync_data()) {
                tracing::error!(%error, "audit: records may be lost in a power cut");
            }
            if closing {
                return;
            }
            state = self.lock();
        }
    }
}

/// Writes one line, or nothing.
fn write(state: &mut State, line: &[u8]) -> io::Result<()> {
    // A rest of a failed write goes first; if it cannot, nothing is appended to it.
    if state.file.metadata()?.len() > state.length {
        state.file.set_len(state.length)?;
    }
    match state.file.write_all(line) {
        Ok(()) => {
            state.length += line.len() as u64;
            Ok(())
        }
        Err(error) => {
            let _ = state.file.set_len(state.length);
            Err(error)
        }
    }
}

fn create(path: &Path) -> io::Result<File> {
    File::options()
        .append(true)
        .create(true)
        .mode(0o600)
        .open(path)
}

/// What the files end with.
struct Found {
    head: Head,
    /// Number of the first record of the current file, when it has one.
    first: Option<u64>,
    remarks: Vec<(&'static str, String)>,
}

fn recover(dir: &Path) -> Result<Found, AuditError> {
    let mut found = Found {
        head: Head::default(),
        first: None,
        remarks: Vec::new(),
    };
    let current = dir.join(CURRENT);
    if current.exists() {
        let cut = cut_rest(&current).map_err(AuditError::at(&current))?;
        if cut > 0 {
            let detail = format!("{cut} bytes of an unfinished record removed");
            found.remarks.push(("audit-repaired", detail));
        }
        found.first = first_seq(&current).map_err(AuditError::at(&current))?;
    }
    // The current file is empty right after a rotation: the file before it has the head then.
    for path in files(dir)?.iter().rev() {
        let Some(line) = last_line(path).map_err(AuditError::at(path))? else {
            continue;
        };
        let opened = chain::open(&line);
        let seq = match opened.seq {
            Some(seq) => seq,
            None => super::verify(dir, None)?.head.seq,
        };
        found.head = Head {
            seq,
            hash: opened.hash,
        };
        if !opened.sound {
            let detail = format!("record {seq} does not match its hash");
            found.remarks.push(("audit-broken", detail));
        }
        break;
    }
    Ok(found)
}

/// Removes what follows the last line end; answers how many bytes that were.
fn cut_rest(path: &Path) -> io::Result<u64> {
    let file = File::options().read(true).write(true).open(path)?;
    let length = file.metadata()?.len();
    let whole = line_end_before(&file, length)?;
    if whole < length {
        file.set_len(whole)?;
        file.sync_data()?;
    }
    Ok(length - whole)
}

/// The place after the last line end before `end`, 0 when there is none.
fn line_end_before(mut file: &File, end: u64) -> io::Result<u64> {
    let mut end = end;
    let mut bytes = vec![0; 65_536];
    while end > 0 {
        let start = end.saturating_sub(bytes.len() as u64);
        let length = usize::try_from(end - start).unwrap_or(0);
        let Some(piece) = bytes.get_mut(..length) else {
            break;
        };
        file.seek(SeekFrom::Start(start))?;
        file.read_exact(piece)?;
        if let Some(at) = piece.iter().rposition(|byte| *byte == b'\n') {
            return Ok(start + at as u64 + 1);
        }
        end = start;
    }
    Ok(0)
}

/// The last whole line, without its line end.
fn last_line(path: &Path) -> io::Result<Option<Vec<u8>>> {
    let mut file = File::open(path)?;
    let end = line_end_before(&file, file.metadata()?.len())?;
    if end == 0 {
        return Ok(None);
    }
    let start = line_end_before(&file, end - 1)?;
    file.seek(SeekFrom::Start(start))?;
    let mut line = Vec::new();
    file.take(end - 1 - start).read_to_end(&mut line)?;
    Ok(Some(line))
}

fn first_seq(path: &Path) -> io::Result<Option<u64>> {
    use std::io::BufRead;
    let mut line = Vec::new();
    io::BufReader::new(File::open(path)?).read_until(b'\n', &mut line)?;
    Ok(chain::open(line.strip_suffix(b"\n").unwrap_or(&line)).seq)
}

#[cfg(test)]
mod tests;
