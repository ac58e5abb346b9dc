//! One SSH connection: login, channels, and what is refused.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use russh::keys::ssh_key::{Algorithm, Certificate, HashAlg};
use russh::server::{
    Auth, ChannelOpenHandle, Handle, Handler, Msg, PublicKeyOffer, Response, Session,
};
use russh::{Channel, ChannelId, ChannelOpenFailure, Disconnect, MethodKind, MethodSet, Pty, Sig};
use tokio::sync::{mpsc, watch};
use tracing::{debug, info, warn};

use super::auth::{AuthMethod, AuthUnavailable, Authenticator, ClientKey, Identity, KeyProof};
use super::channel::{ChannelSlot, OpenChannel, pump, serve};
use super::error::{SshError, TOO_MANY};
use super::inbox::Inbox;
use super::server::Shared;
use super::startups::Signs;
use super::stream::{Cut, CutCause};
use crate::audit::is_unseen;
use crate::ids::Prefix;
use crate::northbound::netconf::transport::{Peer, SessionControl, TransportKind};

/// The only subsystem (RFC 6242 section 3).
const SUBSYSTEM: &str = "netconf";
/// Longest user name and password asked about, in octets.
const MAX_USER: usize = 256;
const MAX_PASSWORD: usize = 1_024;

/// What the tasks of one connection share.
pub(super) struct Connection {
    pub(super) id: u64,
    pub(super) peer: SocketAddr,
    /// What its address counts to.
    pub(super) source: Prefix,
    pub(super) cut: Cut,
    /// Set once russh runs.
    pub(super) handle: OnceLock<Handle>,
    pub(super) authenticated: Arc<AtomicBool>,
    pub(super) attempted: AtomicBool,
    /// What it shows of life before it has logged in.
    pub(super) signs: Arc<Signs>,
    pub(super) channels: Arc<AtomicUsize>,
    /// Sessions running, and of those the established ones.
    pub(super) sessions: watch::Sender<SessionCount>,
    pub(super) shared: Arc<Shared>,
    /// Held until the last task of the connection has ended; shutdown waits for it.
    pub(super) _alive: mpsc::Sender<()>,
}

/// Sessions of one connection.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct SessionCount {
    pub(super) running: usize,
    pub(super) established: usize,
}

/// russh's side of a connection; lives in russh's task.
pub(super) struct ConnectionHandler {
    conn: Arc<Connection>,
    identity: Option<Identity>,
    failures: u32,
    open: HashMap<ChannelId, OpenChannel>,
}

impl ConnectionHandler {
    pub(super) fn new(conn: Arc<Connection>) -> Self {
        Self {
            conn,
            identity: None,
            failures: 0,
            open: HashMap::new(),
        }
    }

    /// The methods that stay on offer after a rejection; russh would strike the failed one out.
    fn rejection() -> Auth {
        Auth::Reject {
            proceed_with_methods: Some(methods()),
            partial_success: false,
        }
    }

    /// Books a failed attempt; after the last one the client is disconnected, and cut if it stays.
    fn failed(&mut self, user: &str, method: AuthMethod, why: &str) -> Auth {
        self.failures += 1;
        self.conn.attempted.store(true, Ordering::Release);
        self.conn.shared.counters.auth_failed();
        info!(peer = %self.conn.peer, user = %printable(user), ?method, why, "login refused");
        if self.failures >= self.conn.shared.settings.auth_attempts {
            let conn = Arc::clone(&self.conn);
            tokio::spawn(async move {
                conn.disconnect(
                    Disconnect::NoMoreAuthMethodsAvailable,
                    CutCause::TooManyAttempts,
                )
                .await;
            });
        }
        Self::rejection()
    }

    /// Books an attempt that is refused without asking.
    fn implausible(&mut self, user: &str, method: AuthMethod, why: &str) -> Auth {
        let shared = &self.conn.shared;
        shared
            .authenticator
            .refused(user, method, why, self.conn.peer);
        self.failed(user, method, why)
    }

    fn decide(
        &mut self,
        user: &str,
        method: AuthMethod,
        answer: Result<Option<Identity>, AuthUnavailable>,
    ) -> Auth {
        match answer {
            Ok(Some(identity)) => {
                self.conn.shared.forgive(&self.conn);
                info!(peer = %self.conn.peer, user = %printable(&identity.user), ?method, "logged in");
                self.identity = Some(identity);
                Auth::Accept
            }
            Ok(None) => self.failed(user, method, "wrong user or credentials"),
            Err(error) => {
                warn!(%error, "login not decided");
                self.failed(user, method, "user store unavailable")
            }
        }
    }

    /// Books an attempt. One too many, of this connection or of where it comes from, is not even answered.
    fn may_try(&mut self, user: &str, method: AuthMethod) -> Result<(), SshError> {
        if self.exhausted() {
            return Err(SshError::Cut(TOO_MANY));
        }
        if self.conn.shared.attempt(&self.conn) {
            return Ok(());
        }
        self.implausible(user, method, "too many attempts from this source");
        Err(SshError::Cut(TOO_MANY))
    }

    fn exhausted(&self) -> bool {
        self.failures >= self.conn.shared.settings.auth_attempts
    }

    async fn ask_key(
        &self,
        user: &str,
        key: &russh::keys::PublicKey,
        proof: KeyProof,
    ) -> Result<Option<Identity>, AuthUnavailable> {
        let blob = key
            .to_bytes()
            .map_err(|error| AuthUnavailable(format!("key encoding: {error}")))?;
        let fingerprint = key.fingerprint(HashAlg::Sha256).to_string();
        let algorithm = key.algorithm();
        let key = ClientKey {
            key_type: algorithm.as_str(),
            blob: &blob,
            fingerprint: &fingerprint,
        };
        let authenticator: &Arc<dyn Authenticator> = &self.conn.shared.authenticator;
        let _checking = self.conn.checking();
        authenticator
            .public_key(user, key, proof, self.conn.peer)
            .await
    }

    /// Answers a request on a channel: yes to what changes nothing, no to the rest.
    fn answer(channel: ChannelId, granted: bool, session: &mut Session) -> Result<(), SshError> {
        if granted {
            session.channel_success(channel)?;
        } else {
            session.channel_failure(channel)?;
        }
        Ok(())
    }

    fn refuse(
        &self,
        what: &str,
        channel: ChannelId,
        session: &mut Session,
    ) -> Result<(), SshError> {
        info!(peer = %self.conn.peer, what, "request refused: only the subsystem netconf is served");
        Self::answer(channel, false, session)
    }

    /// Starts a session on an open channel, or says why not.
    fn start(&mut self, id: ChannelId, name: &str) -> Result<(), String> {
        if name != SUBSYSTEM {
            return Err(format!("no such subsystem: {}", printable(name)));
        }
        let Some(identity) = self.identity.clone() else {
            return Err("not logged in".to_owned());
        };
        if !self.open.contains_key(&id) {
            return Err("a session runs on this channel already".to_owned());
        }
        let peer = Peer {
            user: identity.user,
            address: self.conn.peer,
            transport: TransportKind::Ssh,
        };
        let shared = Arc::clone(&self.conn.shared);
        if shared.draining.is_cancelled() {
            return Err("server is shutting down".to_owned());
        }
        let session = shared
            .sessions
            .admit(&peer)
            .map_err(|refused| refused.to_string())?;
        let Some(channel) = self.open.remove(&id) else {
            return Err("no such channel".to_owned());
        };
        let conn = Arc::clone(&self.conn);
        conn.sessions.send_modify(|count| count.running += 1);
        let control = channel.control.clone();
        tokio::spawn(async move {
            shared.counters.session_began();
            let serving = serve(
                channel,
                peer,
                session,
                conn.cut.clone(),
                shared.settings.write_stall(),
                shared.settings.login_time(),
            );
            tokio::pin!(serving);
            let established = tokio::select! {
                () = &mut serving => None,
                () = control.wait_established() => Some(()),
            };
            if established.is_some() {
                conn.sessions.send_modify(|count| count.established += 1);
                serving.await;
                conn.sessions.send_modify(|count| count.established -= 1);
            }
            conn.sessions.send_modify(|count| count.running -= 1);
            shared.counters.session_ended();
        });
        Ok(())
    }
}

/// Credentials are being checked as long as it lives.
struct Checking<'a>(&'a Connection);

impl Drop for Checking<'_> {
    fn drop(&mut self) {
        let Connection { signs, shared, .. } = self.0;
        // The time it took was ours.
        signs.heard(shared.clock.mono());
        signs.checking(false);
    }
}

impl Connection {
    fn checking(&self) -> Checking<'_> {
        self.signs.checking(true);
        Checking(self)
    }

    /// Sends a disconnect and cuts the stream if that takes too long.
    pub(super) async fn disconnect(&self, code: Disconnect, cause: CutCause) {
        let grace = std::time::Duration::from_secs(2);
        if let Some(handle) = self.handle.get() {
            let sent = handle.disconnect(code, cause.text().to_owned(), String::new());
            if tokio::time::timeout(grace, sent).await.is_ok() {
                // Time for the message to leave and for the client to close.
                tokio::time::sleep(grace).await;
            }
        }
        self.cut.make(cause);
    }
}

/// The methods offered (RFC 4252): password and public key.
pub(super) fn methods() -> MethodSet {
    MethodSet::from([MethodKind::PublicKey, MethodKind::Password].as_slice())
}

/// Client-made text for logs: short, nothing in it that is not seen.
fn printable(text: &str) -> String {
    text.chars()
        .take(64)
        .map(|c| if is_unseen(c) { '?' } else { c })
        .collect()
}

fn plausible(text: &str, longest: usize) -> bool {
    !text.is_empty() && text.len() <= longest && !text.contains('\0')
}

/// RSA with SHA-1 is not accepted from clients either (RFC 8332 section 5.2).
fn strong(algorithm: &Algorithm) -> bool {
    !matches!(algorithm, Algorithm::Rsa { hash: None } | Algorithm::Dsa)
}

impl Drop for ConnectionHandler {
    fn drop(&mut self) {
        debug!(peer = %self.conn.peer, id = self.conn.id, "connection ended");
    }
}

impl Handler for ConnectionHandler {
    type Error = SshError;

    fn farewell(error: &SshError) -> Option<(Disconnect, &'static str)> {
        error.farewell()
    }

    async fn auth_refused(
        &mut self,
        user: &str,
        method: &str,
        why: &'static str,
    ) -> Result<(), SshError> {
        let method = match method {
            "password" => AuthMethod::Password,
            "publickey" => AuthMethod::PublicKey,
            _ => AuthMethod::Unserved,
        };
        self.may_try(user, method)?;
        self.implausible(user, method, why);
        Ok(())
    }

    async fn auth_keyboard_interactive<'a>(
        &'a mut self,
        user: &str,
        _submethods: &str,
        _response: Option<Response<'a>>,
    ) -> Result<Auth, SshError> {
        self.may_try(user, AuthMethod::Unserved)?;
        Ok(self.implausible(user, AuthMethod::Unserved, "method not served"))
    }

    async fn auth_none(&mut self, _user: &str) -> Result<Auth, SshError> {
        if self.exhausted() {
            return Err(SshError::Cut(TOO_MANY));
        }
        Ok(Self::rejection())
    }

    async fn auth_password(&mut self, user: &str, password: &str) -> Result<Auth, SshError> {
        self.may_try(user, AuthMethod::Password)?;
        if !plausible(user, MAX_USER) || !plausible(password, MAX_PASSWORD) {
            return Ok(self.implausible(
                user,
                AuthMethod::Password,
                "implausible name or password",
            ));
        }
        let conn = Arc::clone(&self.conn);
        let _checking = conn.checking();
        let answer = tokio::select! {
            answer = conn.shared.authenticator.password(user, password, conn.peer) => answer,
            () = conn.cut.made() => return Err(SshError::Cut("during login")),
        };
        Ok(self.decide(user, AuthMethod::Password, answer))
    }

    async fn auth_publickey_offered(
        &mut self,
        user: &str,
        offer: PublicKeyOffer<'_>,
    ) -> Result<Auth, SshError> {
        self.may_try(user, AuthMethod::PublicKey)?;
        if !plausible(user, MAX_USER) || !strong(offer.algorithm) {
            return Ok(self.implausible(
                user,
                AuthMethod::PublicKey,
                "implausible name or weak algorithm",
            ));
        }
        match self
            .ask_key(user, offer.public_key, KeyProof::Offered)
            .await
        {
            Ok(Some(_)) => {
                // A question, not an attempt.
                self.conn.shared.forgive(&self.conn);
                Ok(Auth::Accept)
            }
            answer => Ok(self.decide(user, AuthMethod::PublicKey, answer)),
        }
    }

    async fn auth_publickey(
        &mut self,
        user: &str,
        key: russh::server::VerifiedPublicKey<'_>,
    ) -> Result<Auth, SshError> {
        self.may_try(user, AuthMethod::PublicKey)?;
        if !plausible(user, MAX_USER) || !strong(key.algorithm) {
            return Ok(self.implausible(
                user,
                AuthMethod::PublicKey,
                "implausible name or weak algorithm",
            ));
        }
        let answer = self.ask_key(user, key.public_key, KeyProof::Verified).await;
        Ok(self.decide(user, AuthMethod::PublicKey, answer))
    }

    async fn auth_openssh_certificate(
        &mut self,
        user: &str,
        _certificate: &Certificate,
    ) -> Result<Auth, SshError> {
        self.may_try(user, AuthMethod::PublicKey)?;
        Ok(self.implausible(user, AuthMethod::PublicKey, "certificates are not served"))
    }

    async fn auth_succeeded(&mut self, _session: &mut Session) -> Result<(), SshError> {
        // By type: without an identity nothing is served.
        if self.identity.is_none() {
            return Err(SshError::Cut("login without an identity"));
        }
        self.conn.authenticated.store(true, Ordering::Release);
        self.conn.shared.logged_in(self.conn.id);
        Ok(())
    }

    async fn channel_open_session(
        &mut self,
        channel: Channel<Msg>,
        reply: ChannelOpenHandle,
        _session: &mut Session,
    ) -> Result<(), SshError> {
        let settings = &self.conn.shared.settings;
        let limit = settings.channels_per_connection;
        let Some(slot) = ChannelSlot::take(&self.conn.channels, limit) else {
            info!(peer = %self.conn.peer, limit, "channel refused: too many");
            reply.reject(ChannelOpenFailure::ResourceShortage).await;
            return Ok(());
        };
        let inbox = Arc::new(Inbox::new(
            settings.receive_buffer_bytes,
            settings.receive_window_bytes,
        ));
        let control = SessionControl::new(self.conn.shared.draining.clone());
        let id = channel.id();
        let (read_half, write_half) = channel.split();
        tokio::spawn(pump(
            read_half,
            Arc::clone(&inbox),
            control.clone(),
            self.conn.cut.clone(),
            Arc::clone(&slot),
        ));
        self.open.insert(
            id,
            OpenChannel {
                inbox,
                control,
                write_half,
                slot,
            },
        );
        reply.accept().await;
        Ok(())
    }

    async fn channel_close(
        &mut self,
        id: ChannelId,
        _session: &mut Session,
    ) -> Result<(), SshError> {
        self.open.remove(&id);
        Ok(())
    }

    async fn subsystem_request(
        &mut self,
        id: ChannelId,
        name: &str,
        session: &mut Session,
    ) -> Result<(), SshError> {
        // The answer goes out before the session's first octet: both pass the same queue.
        match self.start(id, name) {
            Ok(()) => Self::answer(id, true, session),
            Err(why) => {
                info!(peer = %self.conn.peer, why, "subsystem refused");
                self.conn.shared.counters.session_refused();
                Self::answer(id, false, session)
            }
        }
    }

    async fn pty_request(
        &mut self,
        id: ChannelId,
        _term: &str,
        _col_width: u32,
        _row_height: u32,
        _pix_width: u32,
        _pix_height: u32,
        _modes: &[(Pty, u32)],
        session: &mut Session,
    ) -> Result<(), SshError> {
        // scrapli runs `ssh -tt -s netconf` and gives up when the terminal is refused. Nothing is
        // echoed: there is no terminal.
        Self::answer(id, true, session)
    }

    async fn window_change_request(
        &mut self,
        id: ChannelId,
        _col_width: u32,
        _row_height: u32,
        _pix_width: u32,
        _pix_height: u32,
        session: &mut Session,
    ) -> Result<(), SshError> {
        // No client wants an answer to this or to a signal (RFC 4254 sections 6.7 and 6.9); one that asks for it has
        // to get it (section 5.4).
        Self::answer(id, true, session)
    }

    async fn signal(
        &mut self,
        id: ChannelId,
        _signal: Sig,
        session: &mut Session,
    ) -> Result<(), SshError> {
        Self::answer(id, false, session)
    }

    async fn env_request(
        &mut self,
        id: ChannelId,
        _name: &str,
        _value: &str,
        session: &mut Session,
    ) -> Result<(), SshError> {
        Self::answer(id, false, session)
    }

    async fn shell_request(
        &mut self,
        id: ChannelId,
        session: &mut Session,
    ) -> Result<(), SshError> {
        self.refuse("shell", id, session)
    }

    async fn exec_request(
        &mut self,
        id: ChannelId,
        _command: &[u8],
        session: &mut Session,
    ) -> Result<(), SshError> {
        self.refuse("exec", id, session)
    }

    async fn x11_request(
        &mut self,
        id: ChannelId,
        _single_connection: bool,
        _protocol: &str,
        _cookie: &str,
        _screen: u32,
        session: &mut Session,
    ) -> Result<(), SshError> {
        self.refuse("x11", id, session)
    }

    async fn agent_request(
        &mut self,
        _id: ChannelId,
        _session: &mut Session,
    ) -> Result<bool, SshError> {
        // russh sends the failure itself.
        Ok(false)
    }

    // Every other channel kind and all forwarding keep russh's defaults, which refuse.
}
