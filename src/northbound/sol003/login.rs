//! Who asks: HTTP Basic and bearer tokens (RFC 7617, RFC 6749 section 4.4, RFC 6750).

use std::collections::HashMap;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use axum::http::{HeaderMap, StatusCode, header};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::json;
use sha2::{Digest, Sha256};

use super::reply::{Problem, Reply, json as reply_json, put};
use crate::clock::{Clock, Mono};

/// An answer about a password.
pub type LoginFuture<'a> = Pin<Box<dyn Future<Output = Result<bool, String>> + Send + 'a>>;

/// Who knows the users.
pub trait Credentials: Send + Sync {
    /// Whether the password is right; an error when nobody can tell.
    fn password<'a>(
        &'a self,
        user: &'a str,
        password: &'a str,
        peer: SocketAddr,
    ) -> LoginFuture<'a>;

    /// Whether there is such a user, still.
    fn exists(&self, user: &str) -> bool;
}

/// Secrets are kept as hashes with a salt of the process's own.
type Key = [u8; 32];

/// What this process let in.
#[derive(Default)]
struct Known {
    tokens: HashMap<Key, (String, Mono)>,
    passwords: HashMap<Key, (String, Mono)>,
}

/// Checks who asks.
pub(super) struct Logins {
    credentials: Option<Arc<dyn Credentials>>,
    clock: Arc<dyn Clock>,
    random: SystemRandom,
    salt: [u8; 32],
    token_life: Duration,
    tokens: usize,
    password_life: Duration,
    known: Mutex<Known>,
}

impl Logins {
    /// `credentials`: `None` lets everybody in as nobody in particular (`--http-insecure`).
    pub fn new(
        credentials: Option<Arc<dyn Credentials>>,
        clock: Arc<dyn Clock>,
        settings: &super::settings::Settings,
    ) -> Result<Self, aws_lc_rs::error::Unspecified> {
        let random = SystemRandom::new();
        let mut salt = [0; 32];
        random.fill(&mut salt)?;
        Ok(Self {
            credentials,
            clock,
            random,
            salt,
            token_life: Duration::from_secs(settings.token_seconds.get()),
            tokens: settings.tokens.get(),
            password_life: Duration::from_secs(settings.login_seconds),
            known: Mutex::default(),
        })
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn key(&self, kind: &str, secret: &str) -> Key {
        let mut hash = Sha256::new();
        hash.update(self.salt);
        hash.update(kind);
        hash.update([0]);
        hash.update(secret);
        hash.finalize().into()
    }

    /// The user who asks; empty when nobody has to say.
    pub async fn user(&self, headers: &HeaderMap, peer: SocketAddr) -> Result<String, Problem> {
        let Some(credentials) = &self.credentials else {
            return Ok(String::new());
        };
        let given = headers.get(header::AUTHORIZATION);
        let given = given.and_then(|value| value.to_str().ok());
        let (scheme, secret) = given
            .and_then(|value| value.trim().split_once(' '))
            .ok_or_else(|| unauthorized("who asks is not said"))?;
        let secret = secret.trim();
        match scheme.to_ascii_lowercase().as_str() {
            "basic" => self.basic(&**credentials, secret, peer).await,
            "bearer" => {
                let now = self.clock.mono();
                let found = self.known().tokens.get(&self.key("token", secret)).cloned();
                match found {
                    Some((user, until)) if until > now && credentials.exists(&user) => Ok(user),
                    _ => Err(Problem::new(
                        StatusCode::UNAUTHORIZED,
                        "the token is not known, or has expired",
                    )
                    .with(header::WWW_AUTHENTICATE, "Bearer error=\"invalid_token\"")),
                }
            }
            _ => Err(unauthorized("Basic and Bearer are understood")),
        }
    }

    async fn basic(
        &self,
        credentials: &dyn Credentials,
        encoded: &str,
        peer: SocketAddr,
    ) -> Result<String, Problem> {
        let wrong = || unauthorized("wrong user or password");
        let decoded = STANDARD.decode(encoded).map_err(|_| wrong())?;
        let decoded = String::from_utf8(decoded).map_err(|_| wrong())?;
        let (user, password) = decoded.split_once(':').ok_or_else(wrong)?;
        let key = self.key("password", &decoded);
        let now = self.clock.mono();
        let known = self.known().passwords.get(&key).cloned();
        if let Some((user, until)) = known
            && until > now
            && credentials.exists(&user)
        {
            return Ok(user);
        }
        match credentials.password(user, password, peer).await {
            Ok(true) => {}
            Ok(false) => return Err(wrong()),
            Err(error) => {
                tracing::error!(%error, "a password cannot be checked");
                let text = "users cannot be checked now";
                return Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, text));
            }
        }
        let mut known = self.known();
        known.passwords.retain(|_, (_, until)| *until > now);
        if known.passwords.len() < self.tokens && !self.password_life.is_zero() {
            let until = now + self.password_life;
            known.passwords.insert(key, (user.to_owned(), until));
        }
        Ok(user.to_owned())
    }

    /// The token endpoint: client credentials are a user's, by HTTP Basic or in the body.
    pub async fn token(
        &self,
        headers: &HeaderMap,
        body: &[u8],
        peer: SocketAddr,
    ) -> Result<Reply, Problem> {
        let fault = |error: &str, why: &str, status: StatusCode| {
            let mut reply = reply_json(status, &json!({"error": error, "error_description": why}));
            put(&mut reply, header::CACHE_CONTROL, "no-store");
            if status == StatusCode::UNAUTHORIZED {
                put(&mut reply, header::WWW_AUTHENTICATE, BASIC);
            }
            reply
        };
        let Some(credentials) = &self.credentials else {
            let why = "nobody has to authenticate here";
            return Ok(fault("invalid_request", why, StatusCode::BAD_REQUEST));
        };
        let form = String::from_utf8_lossy(body).into_owned();
        let field = |name: &str| {
            let found = form.split('&').find_map(|pair| {
                let (key, value) = pair.split_once('=')?;
                (key == name).then(|| value.replace('+', " "))
            })?;
            let decoded = percent_encoding::percent_decode_str(&found).decode_utf8();
            decoded.ok().map(|text| text.into_owned())
        };
        if field("grant_type").as_deref() != Some("client_credentials") {
            let why = "grant_type must be client_credentials";
            return Ok(fault(
                "unsupported_grant_type",
                why,
                StatusCode::BAD_REQUEST,
            ));
        }
        let basic = headers.get(header::AUTHORIZATION);
        let basic = basic.and_then(|value| value.to_str().ok()?.strip_prefix("Basic "));
        let encoded = match (basic, field("client_id"), field("client_secret")) {
            (Some(basic), ..) => basic.trim().to_owned(),
            (None, Some(id), Some(secret)) => STANDARD.encode(format!("{id}:{secret}")),
            _ => {
                let why = "who asks is not said";
                return Ok(fault("invalid_client", why, StatusCode::UNAUTHORIZED));
            }
        };
        let user = match self.basic(&**credentials, &encoded, peer).await {
            Ok(user) => user,
            Err(problem) if problem.details.status == 401 => {
                let why = "wrong user or password";
                return Ok(fault("invalid_client", why, StatusCode::UNAUTHORIZED));
            }
            Err(problem) => return Err(problem),
        };
        let mut secret = [0; 32];
        if self.random.fill(&mut secret).is_err() {
            let text = "no random numbers";
            return Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, text));
        }
        let token = URL_SAFE_NO_PAD.encode(secret);
        let now = self.clock.mono();
        let mut known = self.known();
        known.tokens.retain(|_, (_, until)| *until > now);
        if known.tokens.len() >= self.tokens {
            let why = "too many tokens are out";
            return Ok(fault(
                "temporarily_unavailable",
                why,
                StatusCode::SERVICE_UNAVAILABLE,
            ));
        }
        let key = self.key("token", &token);
        known.tokens.insert(key, (user, now + self.token_life));
        drop(known);
        let mut reply = reply_json(
            StatusCode::OK,
            &json!({
                "access_token": token,
                "token_type": "Bearer",
                "expires_in": self.token_life.as_secs(),
            }),
        );
        put(&mut reply, header::CACHE_CONTROL, "no-store");
        Ok(reply)
    }
}

const BASIC: &str = "Basic realm=\"lifeline\", charset=\"UTF-8\"";

fn unauthorized(why: &str) -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED, why).with(header::WWW_AUTHENTICATE, BASIC)
}
