//! The listener: what all connections share, its counters, its start and its end.

mod accept;

use std::borrow::Cow;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use russh::keys::PrivateKey;
use russh::keys::ssh_key::Algorithm;
use russh::{Limits, Preferred, SshId, cipher, kex};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

use self::accept::accept_loop;
use super::auth::Authenticator;
use super::connection::{Connection, methods};
use super::error::SshError;
use super::penalties::Penalties;
use super::settings::SshSettings;
use super::startups::{Startups, Turn};
use super::stream::{Cut, CutCause};
use crate::clock::{Clock, Mono};
use crate::northbound::netconf::transport::SessionHandler;

/// Packets russh may hold per channel before its loop waits for the pump.
const CHANNEL_QUEUE: usize = 8;

/// How long a cut connection's task may take to end before it is no longer waited for.
const END_TIME: Duration = Duration::from_secs(5);

/// What all connections share.
pub(super) struct Shared {
    pub(super) settings: SshSettings,
    pub(super) authenticator: Arc<dyn Authenticator>,
    pub(super) sessions: Arc<dyn SessionHandler>,
    pub(super) counters: Counters,
    /// Cancelled when the server begins to shut down.
    pub(super) draining: CancellationToken,
    pub(super) clock: Arc<dyn Clock>,
    config: Arc<russh::server::Config>,
    gate: Mutex<Gate>,
    next_id: AtomicU64,
}

struct Gate {
    startups: Startups,
    penalties: Penalties,
    /// The cuts of all connections, pending or not.
    cuts: HashMap<u64, Cut>,
    /// Wakes connections that wait for their turn.
    turns: HashMap<u64, oneshot::Sender<()>>,
}

impl Gate {
    /// A connection has logged in or ended: the next one of its source has its turn.
    fn leave(&mut self, id: u64, now: Mono) {
        self.turns.remove(&id);
        let mut left = Some(id);
        while let Some(id) = left.take() {
            let Some(next) = self.startups.leave(id, now) else {
                return;
            };
            // One whose task is gone already gives its turn on.
            left = (!self.wake(next)).then_some(next);
        }
    }

    /// One that waits has been patient: the newest of its source may take the place of one that says nothing.
    /// Returns how many were cut.
    fn press(&mut self, id: u64, now: Mono) -> u64 {
        let Some(Turn { next, cut }) = self.startups.press(id, now) else {
            return 0;
        };
        if !self.wake(next) {
            self.leave(next, now);
        }
        cut.map_or(0, |cut| self.displace(cut))
    }

    fn wake(&mut self, id: u64) -> bool {
        let turn = self.turns.remove(&id);
        turn.is_some_and(|turn| turn.send(()).is_ok())
    }

    fn displace(&self, id: u64) -> u64 {
        if let Some(cut) = self.cuts.get(&id) {
            cut.make(CutCause::Displaced);
        }
        1
    }
}

/// What happened, for metrics and tests; clones share the numbers.
#[derive(Debug, Clone, Default)]
pub struct Counters(Arc<CounterCells>);

#[derive(Debug, Default)]
struct CounterCells {
    accepted: AtomicU64,
    refused_address: AtomicU64,
    refused_penalty: AtomicU64,
    refused_startups: AtomicU64,
    refused_full: AtomicU64,
    accept_errors: AtomicU64,
    auth_failures: AtomicU64,
    sessions_refused: AtomicU64,
    sessions_total: AtomicU64,
    sessions_open: AtomicUsize,
}

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident;)*) => {
        impl Counters {
            $($(#[$doc])* pub fn $name(&self) -> u64 { self.0.$name.load(Ordering::Relaxed) })*
        }
    };
}

counters! {
    /// Connections accepted and given to SSH.
    accepted;
    /// Connections closed at once because their address may not connect.
    refused_address;
    /// Connections closed at once because their source is under penalty.
    refused_penalty;
    /// Connections closed at once or displaced because too many logins were pending.
    refused_startups;
    /// Connections closed at once because the server has as many as it may.
    refused_full;
    /// Errors of accept, such as too many open files.
    accept_errors;
    /// Failed login attempts.
    auth_failures;
    /// Subsystem requests refused.
    sessions_refused;
    /// Sessions begun.
    sessions_total;
}

impl Counters {
    /// Sessions running now.
    pub fn sessions_open(&self) -> usize {
        self.0.sessions_open.load(Ordering::Relaxed)
    }

    pub(super) fn auth_failed(&self) {
        self.0.auth_failures.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn session_refused(&self) {
        self.0.sessions_refused.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn session_began(&self) {
        self.0.sessions_total.fetch_add(1, Ordering::Relaxed);
        self.0.sessions_open.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn session_ended(&self) {
        self.0.sessions_open.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Shared {
    fn gate(&self) -> MutexGuard<'_, Gate> {
        self.gate.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A connection has logged in: it no longer counts as pending.
    pub(super) fn logged_in(&self, id: u64) {
        let now = self.clock.mono();
        self.gate().leave(id, now);
    }

    /// A connection that waits for its turn has waited for as long as one is patient.
    fn press(&self, id: u64) {
        let now = self.clock.mono();
        let cut = self.gate().press(id, now);
        let refused = &self.counters.0.refused_startups;
        refused.fetch_add(cut, Ordering::Relaxed);
    }

    /// Books a login attempt of a connection; false when its source has used up its share.
    pub(super) fn attempt(&self, conn: &Connection) -> bool {
        let now = self.clock.mono();
        let mut gate = self.gate();
        gate.penalties.attempt(conn.source, now)
    }

    /// The attempt was right.
    pub(super) fn forgive(&self, conn: &Connection) {
        self.gate().penalties.forgive(&conn.source);
    }
}

/// The running SSH server on one listener.
pub struct SshServer {
    address: SocketAddr,
    shared: Arc<Shared>,
    stop: CancellationToken,
    accepting: JoinHandle<()>,
    ended: CancellationToken,
    /// Ends when the last connection task has dropped its sender.
    connections: mpsc::Receiver<()>,
}

impl SshServer {
    /// Starts serving on a bound listener. Must be called inside a tokio runtime.
    ///
    /// # Errors
    /// [`SshError::Setting`] and [`SshError::NoHostKey`]; [`SshError::Listener`].
    pub fn start(
        listener: TcpListener,
        settings: SshSettings,
        host_keys: Vec<PrivateKey>,
        clock: Arc<dyn Clock>,
        authenticator: Arc<dyn Authenticator>,
        sessions: Arc<dyn SessionHandler>,
    ) -> Result<Self, SshError> {
        settings.check()?;
        if host_keys.is_empty() {
            return Err(SshError::NoHostKey);
        }
        let address = listener.local_addr().map_err(SshError::Listener)?;
        let config = Arc::new(config(&settings, host_keys));
        let shared = Arc::new(Shared {
            gate: Mutex::new(Gate {
                startups: Startups::new(settings.startups.clone()),
                penalties: Penalties::new(settings.penalties.clone()),
                cuts: HashMap::new(),
                turns: HashMap::new(),
            }),
            settings,
            authenticator,
            sessions,
            counters: Counters::default(),
            draining: CancellationToken::new(),
            clock,
            config,
            next_id: AtomicU64::new(1),
        });
        let stop = CancellationToken::new();
        let (alive, connections) = mpsc::channel(1);
        let ended = CancellationToken::new();
        let last = ended.clone().drop_guard();
        let accept = accept_loop(listener, Arc::clone(&shared), stop.clone(), alive);
        let accepting = tokio::spawn(async move {
            let _last = last;
            accept.await;
        });
        Ok(Self {
            address,
            shared,
            stop,
            accepting,
            ended,
            connections,
        })
    }

    /// The address listened on, with the real port.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The numbers of this server.
    pub fn counters(&self) -> Counters {
        self.shared.counters.clone()
    }

    /// Cancelled when nobody accepts connections any more: told to stop, or the task panicked.
    pub fn ended(&self) -> CancellationToken {
        self.ended.clone()
    }

    /// Stops accepting, tells sessions to end, waits at most `drain` for them, then cuts the rest.
    pub async fn shutdown(mut self, drain: Duration) {
        self.stop.cancel();
        self.shared.draining.cancel();
        if let Err(failure) = (&mut self.accepting).await {
            error!(%failure, "accept loop failed");
        }
        if timeout(drain, self.connections.recv()).await.is_ok() {
            return;
        }
        let cuts: Vec<Cut> = self.shared.gate().cuts.values().cloned().collect();
        warn!(
            connections = cuts.len(),
            "drain time is over, cutting connections"
        );
        for cut in cuts {
            cut.make(CutCause::Shutdown);
        }
        // Connections end at once when cut; a bound stays in case one does not.
        let _ = timeout(END_TIME, self.connections.recv()).await;
    }
}

impl Drop for SshServer {
    fn drop(&mut self) {
        self.stop.cancel();
        self.shared.draining.cancel();
    }
}

fn config(settings: &SshSettings, keys: Vec<PrivateKey>) -> russh::server::Config {
    let mut preferred = Preferred::DEFAULT;
    preferred.cipher = Cow::Borrowed(&[
        // The fastest first, as far as the order of the server counts.
        cipher::AES_256_GCM,
        cipher::AES_128_GCM,
        cipher::CHACHA20_POLY1305,
        cipher::AES_256_CTR,
        cipher::AES_192_CTR,
        cipher::AES_128_CTR,
    ]);
    preferred.kex = Cow::Borrowed(&[
        kex::MLKEM768X25519_SHA256,
        kex::CURVE25519,
        kex::CURVE25519_PRE_RFC_8731,
        // RFC 5656 section 10.1: whoever has ECDSA has these.
        kex::ECDH_SHA2_NISTP256,
        kex::ECDH_SHA2_NISTP384,
        kex::ECDH_SHA2_NISTP521,
        kex::DH_GEX_SHA256,
        kex::DH_G18_SHA512,
        kex::DH_G17_SHA512,
        kex::DH_G16_SHA512,
        kex::DH_G15_SHA512,
        kex::DH_G14_SHA256,
        kex::EXTENSION_SUPPORT_AS_SERVER,
        kex::EXTENSION_OPENSSH_STRICT_KEX_AS_SERVER,
    ]);
    preferred.key = preferred
        .key
        .iter()
        .filter(|algorithm| !matches!(algorithm, Algorithm::Rsa { hash: None }))
        .cloned()
        .collect::<Vec<_>>()
        .into();
    russh::server::Config {
        server_id: SshId::Standard(Cow::Borrowed(concat!(
            "SSH-2.0-",
            "lifeline_",
            env!("CARGO_PKG_VERSION")
        ))),
        methods: methods(),
        auth_rejection_time: Duration::from_millis(settings.auth_rejection_milliseconds),
        // OpenSSH and paramiko always probe with `none`; that is no attempt.
        auth_rejection_time_initial: Some(Duration::ZERO),
        keys,
        limits: Limits {
            rekey_write_limit: settings.rekey_bytes,
            rekey_read_limit: settings.rekey_bytes,
            rekey_time_limit: Duration::from_secs(settings.rekey_seconds),
        },
        window_size: settings.receive_window_bytes,
        maximum_packet_size: 32 * 1024,
        channel_buffer_size: CHANNEL_QUEUE,
        preferred,
        // The handler counts; one more for the `none` probe as a second line.
        max_auth_attempts: settings.auth_attempts as usize + 1,
        // Quiet subscribers are not cut; dead clients are found by keepalives, dead machines by TCP's.
        inactivity_timeout: None,
        keepalive_interval: (settings.keepalive_seconds > 0)
            .then(|| Duration::from_secs(settings.keepalive_seconds)),
        keepalive_max: settings.keepalive_count,
        nodelay: true,
        ..russh::server::Config::default()
    }
}
