//! The listener: accepts, bounds, watches and, in the end, drains.

use std::borrow::Cow;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use rand::RngExt;
use russh::keys::PrivateKey;
use russh::keys::ssh_key::Algorithm;
use russh::{Disconnect, Limits, Preferred, SshId, cipher};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, warn};

use super::auth::Authenticator;
use super::connection::{Connection, ConnectionHandler, SessionCount, methods};
use super::error::SshError;
use super::penalties::{Offence, Penalties};
use super::settings::SshSettings;
use super::source::source;
use super::startups::{Signs, Startups, Turn, Verdict};
use super::stream::{Cut, CutCause, CuttableStream, LoginShare, prepare};
use crate::clock::{Clock, Mono};
use crate::northbound::netconf::transport::SessionHandler;

/// Pause after an accept error that will not pass at once, such as too many open files.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Packets russh may hold per channel before its loop waits for the pump.
const CHANNEL_QUEUE: usize = 8;

/// How long a client has, in a shutdown, to close its connection after its last session.
const LEAVE_TIME: Duration = Duration::from_secs(1);

/// How long a cut connection's task may take to end before it is no longer waited for.
const END_TIME: Duration = Duration::from_secs(5);

/// What a connection is told that must go before it was read.
const EXCEEDED: &[u8] = b"Exceeded MaxStartups\r\n";

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
        cipher::CHACHA20_POLY1305,
        cipher::AES_256_CTR,
        cipher::AES_192_CTR,
        cipher::AES_128_CTR,
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

async fn accept_loop(
    listener: TcpListener,
    shared: Arc<Shared>,
    stop: CancellationToken,
    alive: mpsc::Sender<()>,
) {
    let mut failing = false;
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((tcp, address)) => {
                failing = false;
                arrive(tcp, address, &shared, &alive);
            }
            Err(error) => {
                shared
                    .counters
                    .0
                    .accept_errors
                    .fetch_add(1, Ordering::Relaxed);
                // One line per spell of errors, not one per turn.
                if !failing {
                    warn!(%error, "accept failed, going on");
                    failing = true;
                }
                if !gone(&error) {
                    sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }
}

/// Errors of one connection that was over before it was accepted.
fn gone(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted};
    matches!(
        error.kind(),
        ConnectionAborted | ConnectionReset | Interrupted
    )
}

/// Decides about a new connection and starts its task.
fn arrive(tcp: TcpStream, address: SocketAddr, shared: &Arc<Shared>, alive: &mpsc::Sender<()>) {
    let address = SocketAddr::new(address.ip().to_canonical(), address.port());
    let source = source(address.ip(), &shared.settings.startups);
    let cells = &shared.counters.0;
    if !shared.settings.allows(address.ip()) {
        cells.refused_address.fetch_add(1, Ordering::Relaxed);
        debug!(peer = %address, "connection refused: not an address that may connect");
        return;
    }
    let id = shared.next_id.fetch_add(1, Ordering::Relaxed);
    let cut = Cut::default();
    let now = shared.clock.mono();
    let signs = Arc::new(Signs::at(now));
    let mut turn = None;
    {
        let mut gate = shared.gate();
        if gate.penalties.refuses(&source, now) {
            cells.refused_penalty.fetch_add(1, Ordering::Relaxed);
            return refuse(&tcp, address, b"Not allowed at this time\r\n");
        }
        if gate.cuts.len() >= shared.settings.connections {
            cells.refused_full.fetch_add(1, Ordering::Relaxed);
            return refuse(&tcp, address, b"Too many connections\r\n");
        }
        let roll = rand::rng().random_range(0..100);
        let one = (id, Arc::clone(&signs));
        match gate.startups.arrive(one, source, roll, now) {
            Verdict::Admit => {}
            Verdict::Displace(victim) => {
                let cut = gate.displace(victim);
                cells.refused_startups.fetch_add(cut, Ordering::Relaxed);
            }
            Verdict::Wait(instead_of) => {
                let cut = instead_of.map_or(0, |gone| gate.displace(gone));
                cells.refused_startups.fetch_add(cut, Ordering::Relaxed);
                let (wake, woken) = oneshot::channel();
                gate.turns.insert(id, wake);
                turn = Some(woken);
            }
            Verdict::Refuse => {
                cells.refused_startups.fetch_add(1, Ordering::Relaxed);
                return refuse(&tcp, address, EXCEEDED);
            }
        }
        gate.cuts.insert(id, cut.clone());
    }
    cells.accepted.fetch_add(1, Ordering::Relaxed);
    let conn = Arc::new(Connection {
        id,
        peer: address,
        source,
        cut,
        handle: OnceLock::new(),
        authenticated: Arc::default(),
        attempted: AtomicBool::new(false),
        signs,
        channels: Arc::new(AtomicUsize::new(0)),
        sessions: watch::channel(SessionCount::default()).0,
        shared: Arc::clone(shared),
        _alive: alive.clone(),
    });
    tokio::spawn(async move {
        let offence = run(&conn, tcp, turn).await;
        let now = conn.shared.clock.mono();
        let mut gate = conn.shared.gate();
        gate.leave(id, now);
        gate.cuts.remove(&id);
        if let Some(offence) = offence {
            gate.penalties.punish(source, address.ip(), offence, now);
        }
    });
}

/// Says why in the only way there is before the SSH id (RFC 4253 section 4.2 lets lines stand before it).
fn refuse(tcp: &TcpStream, peer: SocketAddr, line: &[u8]) {
    debug!(%peer, line = %String::from_utf8_lossy(line).trim_end(), "connection refused");
    let _ = tcp.try_write(line);
}

/// Runs one connection to its end and tells what it did wrong.
async fn run(
    conn: &Arc<Connection>,
    tcp: TcpStream,
    turn: Option<oneshot::Receiver<()>>,
) -> Option<Offence> {
    let settings = &conn.shared.settings;
    let mut deadline = Instant::now() + settings.login_time();
    if let Some(mut turn) = turn {
        let patience = settings.startups.patience();
        loop {
            tokio::select! {
                woken = &mut turn => break woken.ok()?,
                () = sleep(patience) => conn.shared.press(conn.id),
                () = sleep_until(deadline) => return None,
                () = conn.cut.made() => {
                    refuse(&tcp, conn.peer, EXCEEDED);
                    return None;
                }
                () = conn.shared.draining.cancelled() => return None,
            }
        }
        // Those before it may have been guessing.
        let now = conn.shared.clock.mono();
        if conn.shared.gate().penalties.refuses(&conn.source, now) {
            let refused = &conn.shared.counters.0.refused_penalty;
            refused.fetch_add(1, Ordering::Relaxed);
            refuse(&tcp, conn.peer, b"Not allowed at this time\r\n");
            return None;
        }
    }
    if let Err(error) = prepare(&tcp, settings) {
        debug!(peer = %conn.peer, %error, "socket options");
    }
    let stream = CuttableStream::new(
        tcp,
        conn.cut.clone(),
        settings.write_stall(),
        LoginShare::new(
            settings.login_bytes,
            conn.authenticated.clone(),
            conn.signs.clone(),
            conn.shared.clock.clone(),
        ),
    );
    let handler = ConnectionHandler::new(Arc::clone(conn));
    let config = Arc::clone(&conn.shared.config);

    let starting = russh::server::run_stream(config, stream, handler);
    let session = tokio::select! {
        started = starting => match started {
            Ok(session) => session,
            Err(error) => {
                debug!(peer = %conn.peer, %error, "no SSH client");
                return offence(conn, false);
            }
        },
        () = sleep_until(deadline) => {
            conn.cut.make(CutCause::LoginTimeout);
            return offence(conn, false);
        }
        () = conn.cut.made() => return offence(conn, false),
        () = conn.shared.draining.cancelled() => return None,
    };
    let _ = conn.handle.set(session.handle());
    tokio::pin!(session);
    let mut sessions = conn.sessions.subscribe();
    let (mut draining, mut served) = (false, false);
    let ended = loop {
        let count = *sessions.borrow_and_update();
        served |= count.running > 0;
        if draining && count.running == 0 {
            // A client that heard its last session end closes by itself; a disconnect on the heels of
            // the last reply makes some clients lose that reply.
            if served && let Ok(ended) = timeout(LEAVE_TIME, &mut session).await {
                break ended;
            }
            let conn = Arc::clone(conn);
            tokio::spawn(async move {
                conn.disconnect(Disconnect::ByApplication, CutCause::Shutdown)
                    .await;
            });
            break session.await;
        }
        tokio::select! {
            ended = &mut session => break ended,
            () = conn.cut.made() => break match timeout(END_TIME, &mut session).await {
                Ok(ended) => ended,
                Err(_) => Err(SshError::Cut("task did not end")),
            },
            () = sleep_until(deadline), if count.established == 0 => {
                let logged_in = conn.authenticated.load(Ordering::Acquire);
                conn.cut.make(if logged_in { CutCause::NoSession } else { CutCause::LoginTimeout });
            }
            changed = sessions.changed() => {
                // From the end of the last session on the client has the login time again.
                if changed.is_ok() && count.established > 0 {
                    deadline = Instant::now() + settings.login_time();
                }
            }
            () = conn.shared.draining.cancelled(), if !draining => draining = true,
        }
    };
    let crashed = matches!(&ended, Err(SshError::Protocol(russh::Error::Join(_))));
    match &ended {
        Ok(()) => {}
        Err(_) if conn.cut.cause().is_some() => {
            let cause = conn.cut.cause().map_or("", CutCause::text);
            debug!(peer = %conn.peer, cause, "connection cut");
        }
        Err(error) if crashed => error!(peer = %conn.peer, %error, "connection task failed"),
        Err(error) => debug!(peer = %conn.peer, %error, "connection failed"),
    }
    offence(conn, crashed)
}

/// What a connection that has ended is to be penalised for.
fn offence(conn: &Connection, crashed: bool) -> Option<Offence> {
    if crashed {
        return Some(Offence::Crash);
    }
    if conn.authenticated.load(Ordering::Acquire) {
        return None;
    }
    match conn.cut.cause() {
        Some(CutCause::Displaced | CutCause::Shutdown) => None,
        Some(CutCause::LoginTimeout) => Some(Offence::GraceExceeded),
        _ if conn.attempted.load(Ordering::Acquire) => Some(Offence::AuthFailed),
        _ => Some(Offence::NoAuth),
    }
}
