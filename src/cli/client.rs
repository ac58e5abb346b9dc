//! A blocking NETCONF client on libssh2, an SSH implementation independent of the server's.
//!
//! One request at a time; notifications that arrive meanwhile are kept for [`Client::notification`].

use std::collections::VecDeque;
use std::io::{ErrorKind, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::path::PathBuf;
use std::time::Duration;

use bytes::BytesMut;
use ssh2::{CheckResult, KnownHostFileKind};
use thiserror::Error;

use crate::proto::netconf::framing::{Decoder, Encoder, Framing};
use crate::proto::netconf::names;
use crate::xml::{self, Element, Limits};

/// Longest message taken from the server. A whole configuration may come in one.
const MAX_MESSAGE: usize = 1 << 30;

/// What proves who the user is.
#[derive(Clone)]
pub enum Credentials {
    /// A password.
    Password(String),
    /// A private key file, and its passphrase if it has one.
    Key(PathBuf, Option<String>),
}

/// Whether the server's host key is checked.
#[derive(Clone, Debug)]
pub enum HostKeyCheck {
    /// Any key will do: the server is on this machine, or the user said so.
    Accept,
    /// The key must stand in this `known_hosts` file.
    KnownHosts(PathBuf),
}

/// Where to connect, as whom, and how long to wait.
#[derive(Clone)]
pub struct Target {
    /// Host name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// User name.
    pub user: String,
    /// Proof of identity.
    pub credentials: Credentials,
    /// Host key policy.
    pub host_key: HostKeyCheck,
    /// Limit on connecting, on logging in, and on every reply.
    pub timeout: Duration,
}

/// One `rpc-error` of a reply (RFC 6241 section 4.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerError {
    /// `error-tag`.
    pub tag: String,
    /// `error-message`, or nothing.
    pub message: String,
    /// `error-path`, or nothing.
    pub path: String,
    /// Whether it is a warning only.
    pub warning: bool,
}

impl std::fmt::Display for ServerError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.tag)?;
        if !self.message.is_empty() {
            write!(f, ": {}", one_line(&self.message))?;
        }
        if !self.path.is_empty() {
            write!(f, " (at {})", one_line(&self.path))?;
        }
        Ok(())
    }
}

/// What went wrong; each prints as one line.
#[derive(Debug, Error)]
pub enum ClientError {
    /// No TCP connection.
    #[error("cannot connect to {0}: {1}")]
    Connect(String, std::io::Error),
    /// The SSH handshake or a channel failed.
    #[error("{0}: {1}")]
    Ssh(String, String),
    /// The host key is not the known one.
    #[error("host key of {0} is {1}; {2}")]
    HostKey(String, &'static str, &'static str),
    /// Wrong user, password or key.
    #[error("{0} refused the login of {1}: {2}")]
    Login(String, String, String),
    /// Nothing came in time.
    #[error("no answer from the server within {} s", .0.as_secs())]
    Timeout(Duration),
    /// The server or the network ended the session.
    #[error("connection lost: {0}")]
    Closed(String),
    /// The server sent something that is not NETCONF.
    #[error("not understood: {0}")]
    Protocol(String),
    /// The request was answered by errors.
    #[error("{}", join(.0))]
    Refused(Vec<ServerError>),
}

impl ClientError {
    /// Whether connecting again may help.
    pub fn is_transient(&self) -> bool {
        matches!(
            self,
            Self::Connect(..) | Self::Ssh(..) | Self::Timeout(_) | Self::Closed(_)
        )
    }
}

fn join(errors: &[ServerError]) -> String {
    let lines: Vec<String> = errors.iter().map(ToString::to_string).collect();
    lines.join("; ")
}

/// A reply: as it was sent, and parsed.
pub struct Reply {
    /// The `rpc-reply` as text.
    pub text: String,
    /// The same as elements.
    pub element: Element,
    /// Errors of severity warning that came with it.
    pub warnings: Vec<ServerError>,
}

/// A NETCONF session.
pub struct Client {
    ssh: ssh2::Session,
    channel: ssh2::Channel,
    decoder: Decoder,
    encoder: Encoder,
    capabilities: Vec<String>,
    notifications: VecDeque<String>,
    timeout: Duration,
    next_id: u64,
}

impl Client {
    /// Connects, logs in and exchanges hellos.
    ///
    /// # Errors
    /// Every kind but [`ClientError::Refused`].
    pub fn connect(target: &Target) -> Result<Self, ClientError> {
        let name = format!("{}:{}", target.host, target.port);
        let ssh_error = |e: ssh2::Error| ClientError::Ssh(name.clone(), e.message().to_owned());
        let tcp = dial(target).map_err(|e| ClientError::Connect(name.clone(), e))?;
        let mut ssh = ssh2::Session::new().map_err(ssh_error)?;
        ssh.set_timeout(millis(target.timeout));
        ssh.set_tcp_stream(tcp);
        ssh.handshake().map_err(ssh_error)?;
        check_host_key(&ssh, target, &name)?;
        log_in(&ssh, target, &name)?;
        let mut channel = ssh.channel_session().map_err(ssh_error)?;
        channel.subsystem("netconf").map_err(|e| {
            let text = format!("the subsystem netconf was refused ({})", e.message());
            ClientError::Ssh(name.clone(), text)
        })?;
        let mut client = Self {
            ssh,
            channel,
            decoder: Decoder::new(MAX_MESSAGE),
            encoder: Encoder::new(),
            capabilities: Vec::new(),
            notifications: VecDeque::new(),
            timeout: target.timeout,
            next_id: 1,
        };
        client.hello()?;
        Ok(client)
    }

    /// The server's capabilities, parameters included.
    pub fn capabilities(&self) -> &[String] {
        &self.capabilities
    }

    /// Sends one operation (the content of `<rpc>`) and waits for its reply.
    ///
    /// # Errors
    /// [`ClientError::Refused`] when the reply holds errors; others when there is none.
    pub fn rpc(&mut self, operation: &str) -> Result<Reply, ClientError> {
        let id = self.next_id.to_string();
        self.next_id += 1;
        let base = names::BASE;
        self.send(&format!(
            "<rpc xmlns=\"{base}\" message-id=\"{id}\">{operation}</rpc>"
        ))?;
        loop {
            let text = self.message(Some(self.timeout))?;
            let text = text.ok_or(ClientError::Timeout(self.timeout))?;
            let element = parse(&text)?;
            if element.is(names::NOTIFICATION, "notification") {
                self.notifications.push_back(text);
                continue;
            }
            if !element.is(names::BASE, "rpc-reply") || element.attr("", "message-id") != Some(&id)
            {
                let head: String = text.chars().take(80).collect();
                return Err(ClientError::Protocol(format!("unexpected message {head}")));
            }
            let (warnings, errors): (Vec<_>, Vec<_>) = element
                .elements()
                .filter(|child| child.is(names::BASE, "rpc-error"))
                .map(server_error)
                .partition(|error| error.warning);
            if !errors.is_empty() {
                return Err(ClientError::Refused(errors));
            }
            return Ok(Reply {
                text,
                element,
                warnings,
            });
        }
    }

    /// Waits for a notification, for ever or for `wait`; `None` when none came in time.
    ///
    /// # Errors
    /// [`ClientError::Closed`] at the end of the session, [`ClientError::Protocol`] for anything else than a notification.
    pub fn notification(&mut self, wait: Option<Duration>) -> Result<Option<String>, ClientError> {
        if let Some(text) = self.notifications.pop_front() {
            return Ok(Some(text));
        }
        self.message(wait)
    }

    /// Says goodbye; errors do not matter any more.
    pub fn close(mut self) {
        if self.rpc("<close-session/>").is_ok() {
            let _ = self.channel.wait_eof();
        }
        let _ = self.ssh.disconnect(None, "done", None);
    }

    fn hello(&mut self) -> Result<(), ClientError> {
        let (b10, b11) = (names::CAPABILITY_BASE_1_0, names::CAPABILITY_BASE_1_1);
        self.send(&format!(
            "<hello xmlns=\"{}\"><capabilities><capability>{b10}</capability><capability>{b11}</capability></capabilities></hello>",
            names::BASE
        ))?;
        let text = self
            .message(Some(self.timeout))?
            .ok_or(ClientError::Timeout(self.timeout))?;
        let hello = parse(&text)?;
        if !hello.is(names::BASE, "hello") {
            return Err(ClientError::Protocol("the server sent no hello".to_owned()));
        }
        self.capabilities = hello
            .child(names::BASE, "capabilities")
            .into_iter()
            .flat_map(Element::elements)
            .map(|capability| capability.text().trim().to_owned())
            .collect();
        let has = |uri: &str| {
            self.capabilities
                .iter()
                .any(|c| c.split('?').next() == Some(uri))
        };
        if has(b11) {
            self.decoder.switch(Framing::Chunked, MAX_MESSAGE);
            self.encoder.switch(Framing::Chunked);
        } else if !has(b10) {
            return Err(ClientError::Protocol(
                "the server offers no base protocol".to_owned(),
            ));
        }
        Ok(())
    }

    fn send(&mut self, message: &str) -> Result<(), ClientError> {
        let mut out = BytesMut::new();
        self.encoder.push(message, &mut out);
        self.encoder.end(&mut out);
        self.ssh.set_timeout(millis(self.timeout));
        // Not followed by a flush: libssh2's throws away what was received and not yet read.
        let sent = self.channel.write_all(&out);
        sent.map_err(|error| self.lost(&error))
    }

    /// The next message, or `None` when none is complete within `wait` (which counts anew with every octet).
    fn message(&mut self, wait: Option<Duration>) -> Result<Option<String>, ClientError> {
        let mut buffer = vec![0; 64 * 1024];
        loop {
            let complete = self
                .decoder
                .next_message()
                .map_err(|error| ClientError::Protocol(error.to_string()))?;
            if let Some(message) = complete {
                return String::from_utf8(message)
                    .map(Some)
                    .map_err(|_| ClientError::Protocol("a message is not UTF-8".to_owned()));
            }
            // To libssh2 no timeout is 0.
            self.ssh.set_timeout(wait.map_or(0, millis));
            match self.channel.read(&mut buffer) {
                Ok(0) => return Err(ClientError::Closed("the server closed the session".into())),
                Ok(n) => self.decoder.push(buffer.get(..n).unwrap_or_default()),
                Err(error) if error.kind() == ErrorKind::TimedOut => return Ok(None),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(self.lost(&error)),
            }
        }
    }

    fn lost(&self, error: &std::io::Error) -> ClientError {
        if error.kind() == ErrorKind::TimedOut {
            ClientError::Timeout(self.timeout)
        } else {
            ClientError::Closed(one_line(&error.to_string()))
        }
    }
}

fn parse(text: &str) -> Result<Element, ClientError> {
    xml::parse(text.as_bytes(), &Limits::default())
        .map_err(|error| ClientError::Protocol(error.to_string()))
}

fn server_error(element: &Element) -> ServerError {
    let field = |name| {
        element
            .child(names::BASE, name)
            .map(|child| child.text().trim().to_owned())
            .unwrap_or_default()
    };
    ServerError {
        tag: field("error-tag"),
        message: field("error-message"),
        path: field("error-path"),
        warning: field("error-severity") == "warning",
    }
}

fn millis(duration: Duration) -> u32 {
    u32::try_from(duration.as_millis())
        .unwrap_or(u32::MAX)
        .max(1)
}

/// Text of others on one line, without control characters.
pub(super) fn one_line(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    words
        .join(" ")
        .chars()
        .filter(|c| !c.is_control())
        .collect()
}

fn dial(target: &Target) -> std::io::Result<TcpStream> {
    let mut last = std::io::Error::new(ErrorKind::NotFound, "no such host");
    for address in (target.host.as_str(), target.port).to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, target.timeout) {
            Ok(tcp) => {
                tcp.set_nodelay(true)?;
                // A watcher sends nothing: only this tells it that the other machine is gone.
                let alive = socket2::TcpKeepalive::new()
                    .with_time(Duration::from_secs(15))
                    .with_interval(Duration::from_secs(5))
                    .with_retries(3);
                socket2::SockRef::from(&tcp).set_tcp_keepalive(&alive)?;
                return Ok(tcp);
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn check_host_key(ssh: &ssh2::Session, target: &Target, name: &str) -> Result<(), ClientError> {
    let HostKeyCheck::KnownHosts(file) = &target.host_key else {
        return Ok(());
    };
    let bad = |state, advice| Err(ClientError::HostKey(name.to_owned(), state, advice));
    let Some((key, _)) = ssh.host_key() else {
        return bad("missing", "the server is not trusted");
    };
    let mut known = ssh
        .known_hosts()
        .map_err(|e| ClientError::Ssh(name.to_owned(), e.message().to_owned()))?;
    if file.exists() {
        known
            .read_file(file, KnownHostFileKind::OpenSSH)
            .map_err(|e| {
                let text = format!("{}: {}", file.display(), e.message());
                ClientError::Ssh(name.to_owned(), text)
            })?;
    }
    match known.check_port(&target.host, target.port, key) {
        CheckResult::Match => Ok(()),
        CheckResult::Mismatch => bad(
            "not the known one",
            "somebody may be in between; if the server was made anew, remove its line from known_hosts",
        ),
        CheckResult::NotFound | CheckResult::Failure => bad(
            "not known",
            "add it with ssh-keyscan to known_hosts, or give --accept-host-key",
        ),
    }
}

fn log_in(ssh: &ssh2::Session, target: &Target, name: &str) -> Result<(), ClientError> {
    let outcome = match &target.credentials {
        Credentials::Password(password) => ssh.userauth_password(&target.user, password),
        Credentials::Key(file, passphrase) => {
            ssh.userauth_pubkey_file(&target.user, None, file, passphrase.as_deref())
        }
    };
    outcome.map_err(|error| {
        let why = match (&target.credentials, error.code()) {
            // LIBSSH2_ERROR_AUTHENTICATION_FAILED and _PUBLICKEY_UNVERIFIED.
            (Credentials::Password(_), ssh2::ErrorCode::Session(-18)) => {
                "wrong user or password".to_owned()
            }
            (Credentials::Key(..), ssh2::ErrorCode::Session(-18 | -19)) => {
                "wrong user or key".to_owned()
            }
            _ => one_line(error.message()),
        };
        ClientError::Login(name.to_owned(), target.user.clone(), why)
    })
}

#[cfg(test)]
pub(super) mod scripted;
#[cfg(test)]
mod tests;
