//! The SOL003 face's bounds: table `[sol003]` of the configuration file.

use std::num::{NonZeroU64, NonZeroUsize};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::ids::Prefix;

/// All of them.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Settings {
    /// File with the certificate chain (PEM); with `tls-key`, HTTPS is served. Needed on every address but loopback.
    pub tls_certificate: PathBuf,
    /// File with the private key (PEM) of the certificate.
    pub tls_key: PathBuf,
    /// What links begin with, e.g. `https://vnfm.example:8443`; empty: scheme and Host of the request.
    pub api_root: String,
    /// Tenant of an instance whose metadata name none.
    pub tenant: String,
    /// Addresses or prefixes that may connect; empty: all.
    pub allow: Vec<Prefix>,
    /// Connections at once.
    pub connections: NonZeroUsize,
    /// Seconds a client may take for its TLS handshake.
    pub handshake_seconds: NonZeroU64,
    /// Bytes of a request's body.
    pub body_bytes: NonZeroUsize,
    /// Entries of one page of a list.
    pub page_size: NonZeroUsize,
    /// Seconds a bearer token is good for.
    pub token_seconds: NonZeroU64,
    /// Bearer tokens at once.
    pub tokens: NonZeroUsize,
    /// Seconds for which a password that was right is not computed again.
    pub login_seconds: u64,
    /// Subscriptions at once.
    pub subscriptions: NonZeroUsize,
    /// Where notifications may go: `host`, `host:port`, `*.domain`, or an address range such as `10.0.0.0/8`. Empty: nowhere.
    pub callbacks: Vec<String>,
    /// Whether a new subscription's callback must answer a GET with 204.
    pub callback_test: bool,
    /// Milliseconds a callback may take to answer.
    pub callback_timeout_ms: NonZeroU64,
    /// First pause in milliseconds before a notification is sent again; it doubles.
    pub retry_base_ms: NonZeroU64,
    /// Longest such pause in milliseconds.
    pub retry_max_ms: NonZeroU64,
}

const fn size(value: usize) -> NonZeroUsize {
    match NonZeroUsize::new(value) {
        Some(value) => value,
        None => NonZeroUsize::MIN,
    }
}

const fn number(value: u64) -> NonZeroU64 {
    match NonZeroU64::new(value) {
        Some(value) => value,
        None => NonZeroU64::MIN,
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            tls_certificate: PathBuf::new(),
            tls_key: PathBuf::new(),
            api_root: String::new(),
            tenant: "vnf".to_owned(),
            allow: Vec::new(),
            connections: size(256),
            handshake_seconds: number(10),
            body_bytes: size(1024 * 1024),
            page_size: size(200),
            token_seconds: number(3600),
            tokens: size(4096),
            login_seconds: 60,
            subscriptions: size(256),
            callbacks: Vec::new(),
            callback_test: true,
            callback_timeout_ms: number(20_000),
            retry_base_ms: number(500),
            retry_max_ms: number(60_000),
        }
    }
}
