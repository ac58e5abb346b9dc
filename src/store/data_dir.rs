//! The data directory: private to its owner, and used by one process at a time.

use std::fs::{self, DirBuilder, File, Permissions, TryLockError};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::StoreError;

/// Name of the file that is locked (flock) as long as a process uses the directory.
const LOCK_FILE: &str = "lock";

/// An exclusive hold on a data directory, released when dropped or when the process ends.
#[derive(Debug)]
pub struct DataDir {
    path: PathBuf,
    _lock: File,
}

impl DataDir {
    /// Makes the directory where it is missing (mode 0700) and takes its lock.
    ///
    /// A directory of ours, or an empty one, that is open to others is closed to them.
    ///
    /// # Errors
    /// `InUse` when another process (or another store of this one) holds it, `Permissions` when it is open to others
    /// and holds foreign files, `File` when it cannot be made or read.
    pub fn acquire(path: &Path) -> Result<Self, StoreError> {
        let fail = |error: std::io::Error| StoreError::file(path, error);
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .map_err(fail)?;
        let path = path.canonicalize().map_err(fail)?;
        close_to_others(&path)?;
        let lock_path = path.join(LOCK_FILE);
        let fail = |error: std::io::Error| StoreError::file(&lock_path, error);
        let mut lock = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&lock_path)
            .map_err(fail)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut text = String::new();
                let read = lock.read_to_string(&mut text);
                let pid = read.ok().and_then(|_| text.trim().parse().ok());
                return Err(StoreError::InUse { path, pid });
            }
            Err(TryLockError::Error(error)) => return Err(fail(error)),
        }
        // For the message above only: the lock itself is what counts.
        lock.set_len(0).map_err(fail)?;
        lock.rewind().map_err(fail)?;
        writeln!(lock, "{}", std::process::id()).map_err(fail)?;
        Ok(Self { path, _lock: lock })
    }

    /// The directory, as an absolute path.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

fn close_to_others(path: &Path) -> Result<(), StoreError> {
    let fail = |error: std::io::Error| StoreError::file(path, error);
    let mode = fs::metadata(path).map_err(fail)?.mode() & 0o7777;
    if mode & 0o077 == 0 {
        return Ok(());
    }
    let ours = path.join(LOCK_FILE).exists() || fs::read_dir(path).map_err(fail)?.next().is_none();
    if !ours || mode & 0o1000 != 0 {
        return Err(StoreError::Permissions {
            path: path.to_owned(),
            mode,
        });
    }
    fs::set_permissions(path, Permissions::from_mode(0o700)).map_err(fail)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().mode() & 0o777
    }

    #[test]
    fn a_second_hold_is_refused_and_names_the_process() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a/b");
        let held = DataDir::acquire(&path).unwrap();
        assert_eq!((mode(&path), mode(&path.join("lock"))), (0o700, 0o600));
        let error = DataDir::acquire(&path).unwrap_err();
        let pid = std::process::id();
        assert!(
            error
                .to_string()
                .ends_with(&format!("in use by process {pid}")),
            "{error}"
        );
        drop(held);
        DataDir::acquire(&path).unwrap();
    }

    #[test]
    fn a_wide_directory_is_closed_when_empty_and_refused_when_foreign() {
        let dir = tempfile::tempdir().unwrap();
        let (empty, foreign) = (dir.path().join("empty"), dir.path().join("foreign"));
        for path in [&empty, &foreign] {
            fs::create_dir(path).unwrap();
            fs::set_permissions(path, Permissions::from_mode(0o755)).unwrap();
        }
        fs::write(foreign.join("letter"), "dear").unwrap();
        DataDir::acquire(&empty).unwrap();
        assert_eq!(mode(&empty), 0o700);
        let error = DataDir::acquire(&foreign).unwrap_err();
        assert!(
            matches!(error, StoreError::Permissions { mode: 0o755, .. }),
            "{error}"
        );
        assert_eq!(mode(&foreign), 0o755);
    }
}
