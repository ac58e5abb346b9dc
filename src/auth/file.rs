//! Private files: read only when nobody else can, replaced as a whole.

use std::fs::{self, File};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use super::AuthError;

/// Files of this room are small; a larger one is not ours.
const LONGEST: u64 = 16 << 20;

/// Reads the file; `None` when there is none.
///
/// # Errors
/// `File` when it cannot be read, is no UTF-8, is too long, or may be read by others.
pub(super) fn read(path: &Path) -> Result<Option<String>, AuthError> {
    let fail = |error: std::io::Error| AuthError::file(path, error);
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(fail(error)),
    };
    let metadata = file.metadata().map_err(fail)?;
    let mode = metadata.mode() & 0o777;
    if mode & 0o077 != 0 {
        let message = format!("other users may read or change it (mode {mode:o}); chmod 600 it");
        return Err(AuthError::file(path, message));
    }
    if metadata.len() > LONGEST {
        return Err(AuthError::file(path, "longer than 16 MiB"));
    }
    let mut text = String::new();
    file.take(LONGEST).read_to_string(&mut text).map_err(fail)?;
    Ok(Some(text))
}

/// Replaces the file: whoever reads, also after a crash, sees the old text or the new one, whole.
///
/// # Errors
/// `File` when the disk refuses; the old file then stands.
pub(super) fn replace(path: &Path, text: &str) -> Result<(), AuthError> {
    let temporary = path.with_extension("new");
    let fail = |error: std::io::Error| AuthError::file(path, error);
    // A left-over of a crash may have another mode.
    match fs::remove_file(&temporary) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(fail(error)),
        _ => {}
    }
    let mut file = File::options()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&temporary)
        .map_err(fail)?;
    file.write_all(text.as_bytes()).map_err(fail)?;
    file.sync_all().map_err(fail)?;
    fs::rename(&temporary, path).map_err(fail)?;
    // The rename itself is durable once the directory is.
    let parent = path.parent().unwrap_or(Path::new("."));
    File::open(parent)
        .and_then(|dir| dir.sync_all())
        .map_err(fail)
}
