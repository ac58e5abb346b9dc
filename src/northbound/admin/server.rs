//! The answering side: one thread, one request at a time.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use super::{Reply, Request, SOCKET};

/// Longest request line.
const MAX_LINE: u64 = 1 << 20;

/// A listening control socket; stops and removes the socket when dropped.
#[derive(Debug)]
pub struct AdminServer {
    path: PathBuf,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// Listens in `data_dir`. The caller holds the directory's lock, so a socket found there is stale.
///
/// # Errors
/// When the socket cannot be made.
pub fn listen(
    data_dir: &Path,
    answer: impl Fn(Request) -> Reply + Send + 'static,
) -> std::io::Result<AdminServer> {
    let path = data_dir.join(SOCKET);
    match std::fs::remove_file(&path) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(e),
        _ => {}
    }
    let listener = UnixListener::bind(&path)?;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
    let stop = Arc::new(AtomicBool::new(false));
    let stopping = stop.clone();
    let thread = std::thread::Builder::new()
        .name("control-socket".to_owned())
        .spawn(move || {
            for stream in listener.incoming() {
                if stopping.load(Ordering::Acquire) {
                    return;
                }
                let served = stream.and_then(|stream| serve(stream, &answer));
                if let Err(error) = served {
                    tracing::warn!(%error, "control socket");
                }
            }
        })?;
    Ok(AdminServer {
        path,
        stop,
        thread: Some(thread),
    })
}

fn serve(mut stream: UnixStream, answer: &impl Fn(Request) -> Reply) -> std::io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    stream.set_write_timeout(Some(Duration::from_secs(10)))?;
    let mut line = String::new();
    BufReader::new((&stream).take(MAX_LINE)).read_line(&mut line)?;
    if line.is_empty() {
        return Ok(());
    }
    let reply = match serde_json::from_str(&line) {
        Ok(request) => answer(request),
        Err(error) => Reply::Error {
            message: format!("unreadable request: {error}"),
        },
    };
    let mut text = serde_json::to_string(&reply)?;
    text.push('\n');
    stream.write_all(text.as_bytes())
}

impl Drop for AdminServer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        // The accept call returns for this last connection and sees the flag.
        let woken = UnixStream::connect(&self.path).is_ok();
        if let (true, Some(thread)) = (woken, self.thread.take())
            && thread.join().is_err()
        {
            tracing::error!("control socket thread panicked");
        }
        if let Err(error) = std::fs::remove_file(&self.path) {
            tracing::debug!(%error, "control socket was gone already");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{AdminError, ask};
    use super::*;

    #[test]
    fn a_request_is_answered_and_the_socket_goes_with_the_server() {
        let dir = tempfile::tempdir().unwrap();
        let server = listen(dir.path(), |request| match request {
            Request::UserRemove { name } => Reply::Error {
                message: format!("no user '{name}'"),
            },
            _ => Reply::Ok,
        })
        .unwrap();
        let mode = std::fs::metadata(dir.path().join(SOCKET))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(ask(dir.path(), &Request::UserList).unwrap(), Reply::Ok);
        let gone = ask(
            dir.path(),
            &Request::UserRemove {
                name: "x".to_owned(),
            },
        )
        .unwrap();
        assert_eq!(
            gone,
            Reply::Error {
                message: "no user 'x'".to_owned()
            }
        );
        drop(server);
        assert!(matches!(
            ask(dir.path(), &Request::UserList),
            Err(AdminError::NotRunning)
        ));
    }
}
