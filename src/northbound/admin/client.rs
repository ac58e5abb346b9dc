//! The asking side.

use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use super::{AdminError, Reply, Request, SOCKET};

/// Asks the server that runs on `data_dir`.
///
/// # Errors
/// [`AdminError::NotRunning`] when nobody listens there.
pub fn ask(data_dir: &Path, request: &Request) -> Result<Reply, AdminError> {
    let mut stream = UnixStream::connect(data_dir.join(SOCKET)).map_err(|e| match e.kind() {
        ErrorKind::NotFound | ErrorKind::ConnectionRefused => AdminError::NotRunning,
        _ => AdminError::Io(e),
    })?;
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    let mut line = serde_json::to_string(request)?;
    line.push('\n');
    stream.write_all(line.as_bytes())?;
    let mut reply = String::new();
    BufReader::new(stream).read_line(&mut reply)?;
    Ok(serde_json::from_str(&reply)?)
}
