//! The answering side: one thread, one request at a time.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use super::{Reply, Request, SOCKET};

/// Longest request line.
const MAX_LINE: u64 = 1 << 20;

/// A listening control socket; stops and removes the socket when dropped.
#[derive(Debug)]
pub struct AdminServer {
    path: PathBuf,
    /// Device and inode of the socket: the path may become another's.
    made: (u64, u64),
    stop: Arc<AtomicBool>,
    /// The socket that listens, to be shut down.
    listening: UnixStream,
    /// The connection at hand.
    current: Arc<Mutex<Option<UnixStream>>>,
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
    let made = std::fs::symlink_metadata(&path)?;
    let listening = UnixStream::from(OwnedFd::from(listener.try_clone()?));
    let stop = Arc::new(AtomicBool::new(false));
    let stopping = stop.clone();
    let current = Arc::new(Mutex::new(None));
    let at_hand = current.clone();
    let thread = std::thread::Builder::new()
        .name("control-socket".to_owned())
        .spawn(move || {
            for stream in listener.incoming() {
                let served = stream.and_then(|stream| {
                    *hold(&at_hand) = Some(stream.try_clone()?);
                    // Looked at after the connection can be seen: one of the two ends the other.
                    match stopping.load(Ordering::Acquire) {
                        true => Ok(()),
                        false => serve(stream, &answer),
                    }
                });
                *hold(&at_hand) = None;
                if stopping.load(Ordering::Acquire) {
                    return;
                }
                if let Err(error) = served {
                    tracing::warn!(%error, "control socket");
                }
            }
        })?;
    Ok(AdminServer {
        path,
        made: (made.dev(), made.ino()),
        stop,
        listening,
        current,
        thread: Some(thread),
    })
}

fn hold(current: &Mutex<Option<UnixStream>>) -> std::sync::MutexGuard<'_, Option<UnixStream>> {
    current.lock().unwrap_or_else(PoisonError::into_inner)
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
        // A peer that says nothing is not waited for; a request that was read is still answered.
        if let Some(stream) = &*hold(&self.current)
            && let Err(error) = stream.shutdown(Shutdown::Read)
        {
            tracing::debug!(%error, "control socket");
        }
        // The accept call returns and sees the flag: on Linux because of this, whatever became of the path; elsewhere
        // for a last connection.
        let woken = self.listening.shutdown(Shutdown::Both).is_ok()
            || UnixStream::connect(&self.path).is_ok();
        if let (true, Some(thread)) = (woken, self.thread.take())
            && thread.join().is_err()
        {
            tracing::error!("control socket thread panicked");
        }
        let found = std::fs::symlink_metadata(&self.path);
        let removed = match found {
            Ok(found) if (found.dev(), found.ino()) == self.made => {
                std::fs::remove_file(&self.path)
            }
            found => found.map(drop),
        };
        if let Err(error) = removed {
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

    #[test]
    fn a_silent_peer_does_not_hold_the_end_up() {
        let dir = tempfile::tempdir().unwrap();
        let server = listen(dir.path(), |_| Reply::Ok).unwrap();
        let mut silent = UnixStream::connect(dir.path().join(SOCKET)).unwrap();
        std::thread::sleep(Duration::from_millis(50));
        let (ended, end) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            drop(server);
            let _ = ended.send(());
        });
        let limit = Duration::from_secs(5);
        assert!(end.recv_timeout(limit).is_ok(), "it waits for the peer");
        let mut rest = Vec::new();
        silent.read_to_end(&mut rest).unwrap();
        assert_eq!(rest, b"");
    }

    /// What the thread holds - users, the audit log - goes with it, or the process could not end. Nor is another
    /// server's socket taken for its own.
    #[test]
    fn it_ends_though_the_path_is_gone_or_anothers() {
        for another in [false, true] {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join(SOCKET);
            let held = Arc::new(());
            let holds = held.clone();
            let server = listen(dir.path(), move |_| {
                let _ = &holds;
                Reply::Ok
            })
            .unwrap();
            std::fs::rename(&path, dir.path().join("moved")).unwrap();
            let other = another.then(|| UnixListener::bind(&path).unwrap());
            let (ended, end) = std::sync::mpsc::channel();
            std::thread::spawn(move || {
                drop(server);
                let _ = ended.send(());
            });
            let limit = Duration::from_secs(5);
            assert!(end.recv_timeout(limit).is_ok(), "another: {another}");
            assert_eq!(Arc::strong_count(&held), 1, "another: {another}");
            assert_eq!(path.exists(), other.is_some());
        }
    }
}
