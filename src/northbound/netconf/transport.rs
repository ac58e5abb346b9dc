//! What a NETCONF session sees of its transport, whichever it is.
//!
//! The shell of a transport (SSH now, TLS later) authenticates the peer, asks the
//! [`SessionHandler`] for admission, and hands the admitted session a [`SessionIo`]:
//! bytes in, bytes out, and a [`SessionControl`] that any task may use to end it.
//! Nothing here knows of SSH channels, and nothing here knows of NETCONF messages.

use std::fmt;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use thiserror::Error;
use tokio_util::sync::CancellationToken;

/// A boxed future, so that the traits here can be objects.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The kinds of secure transport (RFC 6241 section 2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TransportKind {
    /// NETCONF over SSH (RFC 6242).
    Ssh,
    /// NETCONF over TLS (RFC 7589, RFC 9918).
    Tls,
}

impl TransportKind {
    /// The identity of `ietf-netconf-monitoring` that names it (RFC 6022 section 2.1.3).
    pub fn monitoring_identity(self) -> &'static str {
        match self {
            Self::Ssh => "netconf-ssh",
            Self::Tls => "netconf-tls",
        }
    }
}

/// Who is at the other end; the transport has proven the user name.
#[derive(Debug, Clone)]
pub struct Peer {
    /// The authenticated user name. Groups and rights are the upper layer's.
    pub user: Arc<str>,
    /// The peer's address, IPv4-mapped IPv6 addresses already turned into IPv4.
    pub address: SocketAddr,
    /// The secure transport in use.
    pub transport: TransportKind,
}

/// Why a session ended, or is to end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EndReason {
    /// The client closed its channel or said goodbye in the transport.
    ClientClosed,
    /// The connection broke, or the peer no longer answers.
    TransportLost,
    /// The peer took no octet of a pending write for the allowed time.
    WriteStalled,
    /// The session was not established in time (no hello).
    HelloTimeout,
    /// The server is shutting down.
    Shutdown,
    /// The upper layer ended it; the text is for logs and audit.
    Killed(String),
}

impl fmt::Display for EndReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ClientClosed => f.write_str("closed by the client"),
            Self::TransportLost => f.write_str("transport lost"),
            Self::WriteStalled => f.write_str("client stopped reading"),
            Self::HelloTimeout => f.write_str("no hello in time"),
            Self::Shutdown => f.write_str("server is shutting down"),
            Self::Killed(cause) => write!(f, "killed: {cause}"),
        }
    }
}

/// Why octets could not be handed to the peer.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum WriteError {
    /// The session has ended; nothing more can be delivered.
    #[error("session ended: {0}")]
    Ended(EndReason),
}

/// Octets from the peer.
pub trait Reader: Send {
    /// Waits for octets: `Ok(Some)` some of them, `Ok(None)` once the peer has sent its last one
    /// (replies can still be delivered), `Err` when the session has ended. What arrived before
    /// the client closed is delivered before its end is reported. Dropping the future loses nothing.
    fn read(&mut self) -> BoxFuture<'_, Result<Option<Bytes>, EndReason>>;
}

/// Octets to the peer.
pub trait Writer: Send {
    /// Hands all of `bytes` to the transport, waiting for the peer's flow control; memory held
    /// per session is bounded. A peer that makes no progress for the configured time is cut off.
    /// The future must be driven to its end: dropped half-way, part of the octets may be gone.
    ///
    /// # Errors
    /// [`WriteError::Ended`] when the session has ended, by whatever cause.
    fn write(&mut self, bytes: Bytes) -> BoxFuture<'_, Result<(), WriteError>>;
}

/// A session's life as seen and steered from other tasks; clones share it.
#[derive(Debug, Clone, Default)]
pub struct SessionControl(Arc<ControlState>);

#[derive(Debug, Default)]
struct ControlState {
    ended: CancellationToken,
    reason: OnceLock<EndReason>,
    established: CancellationToken,
    draining: CancellationToken,
}

impl SessionControl {
    /// A control of a session that has just begun; `draining` tells when the server wants to stop.
    pub fn new(draining: CancellationToken) -> Self {
        Self(Arc::new(ControlState {
            draining,
            ..ControlState::default()
        }))
    }

    /// Ends the session: reads and writes fail at once and the channel is closed. The first reason stays.
    pub fn kill(&self, reason: EndReason) {
        // Whoever sees the token cancelled must find the reason set.
        let _ = self.0.reason.set(reason);
        self.0.ended.cancel();
    }

    /// The reason of the end, if the session has ended.
    pub fn reason(&self) -> Option<EndReason> {
        if self.0.ended.is_cancelled() {
            self.0.reason.get().cloned()
        } else {
            None
        }
    }

    /// Waits for the end and returns its reason.
    pub async fn ended(&self) -> EndReason {
        self.0.ended.cancelled().await;
        self.0
            .reason
            .get()
            .cloned()
            .unwrap_or(EndReason::TransportLost)
    }

    /// Says that both hellos are through: the deadline for logging in no longer applies.
    pub fn established(&self) {
        self.0.established.cancel();
    }

    /// Waits until the session is established.
    pub async fn wait_established(&self) {
        self.0.established.cancelled().await;
    }

    /// True once the session is established.
    pub fn is_established(&self) -> bool {
        self.0.established.is_cancelled()
    }

    /// Waits until the server begins to shut down: finish the request at hand, take no further
    /// one, and return. What takes longer than the drain time is cut off.
    pub async fn draining(&self) {
        self.0.draining.cancelled().await;
    }
}

/// One session's two directions and its control.
pub struct SessionIo {
    /// Who is at the other end.
    pub peer: Peer,
    /// Octets from the peer.
    pub reader: Box<dyn Reader>,
    /// Octets to the peer.
    pub writer: Box<dyn Writer>,
    /// The session's life.
    pub control: SessionControl,
}

/// A session was not admitted.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("session refused: {0}")]
pub struct Refused(
    /// One line for the log.
    pub String,
);

/// How a session wants its transport to be left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leave {
    /// It ended as the protocol prescribes: everything written is delivered first.
    Gracefully,
    /// It ended on an error: the peer is told so as far as the transport can say it.
    Broken,
}

/// An admitted session; dropping it gives its place back.
pub trait Session: Send {
    /// Runs the session to its end. The transport closes when the future is done; it is not dropped
    /// early except by a panic.
    fn run(self: Box<Self>, io: SessionIo) -> BoxFuture<'static, Leave>;
}

/// The upper layer: admits and makes sessions.
pub trait SessionHandler: Send + Sync + 'static {
    /// Admits a session for an authenticated peer, or refuses it (total or per-user limit, shutdown).
    ///
    /// # Errors
    /// [`Refused`]; the transport answers as it can (SSH: channel failure) without a NETCONF message.
    fn admit(&self, peer: &Peer) -> Result<Box<dyn Session>, Refused>;
}
