//! The questions the SSH shell asks about users; who answers is the upper layer's business.

use std::net::SocketAddr;
use std::sync::Arc;

use thiserror::Error;

use crate::northbound::netconf::transport::BoxFuture;

/// A user whose credentials were accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The user's name as sessions and audit records carry it.
    pub user: Arc<str>,
}

/// How a user proved who they are (RFC 4252).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthMethod {
    /// `password`.
    Password,
    /// `publickey`.
    PublicKey,
    /// One that is not served.
    Unserved,
}

/// Whether the client has proven to hold the private key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyProof {
    /// The client only asks whether this key would do (RFC 4252 section 7).
    Offered,
    /// The signature was verified.
    Verified,
}

/// A client's public key, in forms that need no SSH library.
#[derive(Debug, Clone, Copy)]
pub struct ClientKey<'a> {
    /// The key type as the second field of an `authorized_keys` line spells it (`ssh-ed25519`,
    /// `ecdsa-sha2-nistp256`, `ssh-rsa`).
    pub key_type: &'a str,
    /// The key's wire form: what stands base64-coded in an `authorized_keys` line (RFC 4253 section 6.6).
    pub blob: &'a [u8],
    /// `SHA256:...`, for logs.
    pub fingerprint: &'a str,
}

/// The user store cannot answer now; the attempt is refused without being a proof of wrong credentials.
#[derive(Debug, Error)]
#[error("user store unavailable: {0}")]
pub struct AuthUnavailable(
    /// One line for the log.
    pub String,
);

/// Checks credentials.
///
/// Both functions run inside the connection's task, so they must not block: a password hash
/// (argon2) is computed in `spawn_blocking` behind a semaphore sized to the processors, also for a
/// user that does not exist (against a dummy hash), so that the time tells nothing. The shell makes
/// every rejection last a constant time, asks at most as often per connection as configured, and
/// never passes an empty, over-long or NUL-holding name or password.
pub trait Authenticator: Send + Sync + 'static {
    /// Checks a password: `Some` when right, `None` when user or password are wrong.
    ///
    /// # Errors
    /// [`AuthUnavailable`] when the question cannot be answered.
    fn password<'a>(
        &'a self,
        user: &'a str,
        password: &'a str,
        peer: SocketAddr,
    ) -> BoxFuture<'a, Result<Option<Identity>, AuthUnavailable>>;

    /// Checks whether this key may log in as this user. Called with [`KeyProof::Offered`] (no state
    /// may change) and again with [`KeyProof::Verified`]; only the latter logs in.
    ///
    /// # Errors
    /// [`AuthUnavailable`] when the question cannot be answered.
    fn public_key<'a>(
        &'a self,
        user: &'a str,
        key: ClientKey<'a>,
        proof: KeyProof,
        peer: SocketAddr,
    ) -> BoxFuture<'a, Result<Option<Identity>, AuthUnavailable>>;

    /// Hears of an attempt that the shell refused without asking, and why.
    fn refused(&self, user: &str, method: AuthMethod, why: &str, peer: SocketAddr) {
        let _ = (user, method, why, peer);
    }
}
