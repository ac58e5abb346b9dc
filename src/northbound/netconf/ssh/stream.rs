//! The TCP stream under russh, made so that another task can cut it.
//!
//! russh's own `disconnect` queues behind channel data and a stalled write stops its whole loop,
//! so the sure way to end a connection is below it: once the [`Cut`] is made, every read and write
//! fails at once, whatever the loop was waiting for. A write that makes no progress, and a peer that
//! does not close after our shutdown, run into a time limit here.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Sleep, sleep};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use super::settings::SshSettings;
use super::startups::Signs;
use crate::clock::Clock;

/// How long a peer may keep a connection open that we have shut down.
const LINGER: Duration = Duration::from_secs(3);

/// TCP probes without an answer after which the kernel gives a connection up.
const TCP_PROBES: u32 = 3;

/// Sets the options of an accepted socket. The kernel looks after dead machines and broken paths: it
/// wakes nobody while all is well, so a thousand idle sessions cost nothing (P8).
pub(super) fn prepare(tcp: &TcpStream, settings: &SshSettings) -> io::Result<()> {
    tcp.set_nodelay(true)?;
    if settings.tcp_keepalive_seconds > 0 {
        let every = Duration::from_secs(settings.tcp_keepalive_seconds);
        let alive = TcpKeepalive::new()
            .with_time(every)
            .with_interval(every)
            .with_retries(TCP_PROBES);
        SockRef::from(tcp).set_tcp_keepalive(&alive)?;
    }
    Ok(())
}

/// Cuts one connection; clones share it. The first cause stays.
#[derive(Debug, Clone, Default)]
pub(super) struct Cut {
    token: CancellationToken,
    cause: Arc<OnceLock<CutCause>>,
}

/// Why a connection was cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CutCause {
    LoginTimeout,
    TooManyAttempts,
    Displaced,
    LoginFlood,
    WriteStalled,
    NoSession,
    Unanswered,
    Shutdown,
}

impl CutCause {
    pub(super) fn text(self) -> &'static str {
        match self {
            Self::LoginTimeout => "login took too long",
            Self::TooManyAttempts => "too many authentication failures",
            Self::Displaced => "too many pending logins",
            Self::LoginFlood => "too much sent before login",
            Self::WriteStalled => "client stopped reading",
            Self::NoSession => "no session in time",
            Self::Unanswered => "channel could not be closed in time",
            Self::Shutdown => "server is shutting down",
        }
    }
}

impl Cut {
    pub(super) fn make(&self, cause: CutCause) {
        let _ = self.cause.set(cause);
        self.token.cancel();
    }

    pub(super) fn cause(&self) -> Option<CutCause> {
        self.cause.get().copied()
    }

    pub(super) async fn made(&self) {
        self.token.cancelled().await;
    }
}

type Waiting = Pin<Box<WaitForCancellationFutureOwned>>;

/// A TCP stream that ends when its [`Cut`] is made.
pub(super) struct CuttableStream {
    tcp: TcpStream,
    cut: Cut,
    read_cut: Waiting,
    write_cut: Waiting,
    write_stall: Duration,
    stalled: Option<Pin<Box<Sleep>>>,
    linger: Option<Pin<Box<Sleep>>>,
    login: Option<LoginShare>,
}

/// What a stranger may send: there are messages that are legal before the login and lead nowhere, such as
/// IGNORE, and they would be read for as long as they come.
pub(super) struct LoginShare {
    left: usize,
    over: Arc<AtomicBool>,
    signs: Arc<Signs>,
    clock: Arc<dyn Clock>,
}

impl LoginShare {
    /// `over` is set once the client has logged in; until then `signs` tell when it sent something.
    pub(super) fn new(
        octets: usize,
        over: Arc<AtomicBool>,
        signs: Arc<Signs>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            left: octets,
            over,
            signs,
            clock,
        }
    }
}

impl CuttableStream {
    pub(super) fn new(tcp: TcpStream, cut: Cut, write_stall: Duration, login: LoginShare) -> Self {
        Self {
            read_cut: Box::pin(cut.token.clone().cancelled_owned()),
            write_cut: Box::pin(cut.token.clone().cancelled_owned()),
            tcp,
            cut,
            write_stall,
            stalled: None,
            linger: None,
            login: Some(login),
        }
    }

    /// Counts octets received; false when a stranger has sent too many.
    fn counted(&mut self, octets: usize) -> bool {
        let Some(login) = &mut self.login else {
            return true;
        };
        if login.over.load(Ordering::Acquire) {
            self.login = None;
            return true;
        }
        if octets > 0 {
            login.signs.heard(login.clock.mono());
        }
        match login.left.checked_sub(octets) {
            Some(left) => login.left = left,
            None => self.cut.make(CutCause::LoginFlood),
        }
        self.cut.cause() != Some(CutCause::LoginFlood)
    }

    /// Bounds a write that waits: polls the stall timer, starting it at the first wait.
    fn poll_stalled<T>(
        &mut self,
        cx: &mut Context<'_>,
        polled: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if polled.is_ready() {
            self.stalled = None;
            return polled;
        }
        let limit = self.write_stall;
        let timer = self.stalled.get_or_insert_with(|| Box::pin(sleep(limit)));
        if timer.as_mut().poll(cx).is_ready() {
            self.cut.make(CutCause::WriteStalled);
            return Poll::Ready(Err(cut_error()));
        }
        Poll::Pending
    }
}

fn cut_error() -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionAborted, "connection cut")
}

impl AsyncRead for CuttableStream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.read_cut.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Err(cut_error()));
        }
        if let Some(linger) = this.linger.as_mut()
            && linger.as_mut().poll(cx).is_ready()
        {
            return Poll::Ready(Err(cut_error()));
        }
        let before = buf.filled().len();
        let polled = Pin::new(&mut this.tcp).poll_read(cx, buf);
        if polled.is_ready() && !this.counted(buf.filled().len() - before) {
            return Poll::Ready(Err(cut_error()));
        }
        polled
    }
}

impl AsyncWrite for CuttableStream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.write_cut.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Err(cut_error()));
        }
        let polled = Pin::new(&mut this.tcp).poll_write(cx, buf);
        this.poll_stalled(cx, polled)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().tcp).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.linger.get_or_insert_with(|| Box::pin(sleep(LINGER)));
        Pin::new(&mut this.tcp).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.write_cut.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Err(cut_error()));
        }
        let polled = Pin::new(&mut this.tcp).poll_write_vectored(cx, bufs);
        this.poll_stalled(cx, polled)
    }

    fn is_write_vectored(&self) -> bool {
        self.tcp.is_write_vectored()
    }
}
