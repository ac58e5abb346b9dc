//! A connection from its arrival to its end: who may try to log in, until when, and what it did wrong.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use rand::RngExt;
use russh::Disconnect;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, warn};

use super::{END_TIME, Shared};
use crate::northbound::netconf::ssh::connection::{Connection, ConnectionHandler, SessionCount};
use crate::northbound::netconf::ssh::error::SshError;
use crate::northbound::netconf::ssh::penalties::Offence;
use crate::northbound::netconf::ssh::source::source;
use crate::northbound::netconf::ssh::startups::{Signs, Verdict};
use crate::northbound::netconf::ssh::stream::{Cut, CutCause, CuttableStream, LoginShare, prepare};

/// Pause after an accept error that will not pass at once, such as too many open files.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How long a client has, in a shutdown, to close its connection after its last session.
const LEAVE_TIME: Duration = Duration::from_secs(1);

/// What a connection is told that must go before it was read.
const EXCEEDED: &[u8] = b"Exceeded MaxStartups\r\n";

/// Accepts until it is told to stop.
pub(super) async fn accept_loop(
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
