//! Logins: the SSH shell's questions, answered from the user store, each attempt recorded.

use std::net::SocketAddr;
use std::sync::Arc;

use russh::keys::PublicKey;

use crate::audit::{AuditRecord, Outcome, Recorder};
use crate::auth::{User, UserStore};
use crate::northbound::netconf::ssh::{
    AuthMethod, AuthUnavailable, Authenticator, ClientKey, Identity, KeyProof,
};
use crate::northbound::netconf::transport::BoxFuture;
use crate::northbound::sol003::{Credentials, LoginFuture};

/// Checks credentials against a user store.
pub struct Login {
    /// Who may log in.
    pub users: Arc<UserStore>,
    /// Who tried.
    pub audit: Recorder,
}

fn identity(user: Option<Arc<User>>) -> Option<Identity> {
    user.map(|user| Identity {
        user: Arc::from(user.name.as_str()),
    })
}

/// An attempt whose outcome is still open. The name is only claimed: the log is told it, never the secret.
fn attempt(user: &str, method: AuthMethod, peer: SocketAddr) -> AuditRecord {
    let mut record = AuditRecord::new(user, "login", Outcome::Failed);
    record.from = Some(peer.to_string());
    record.detail = Some(
        match method {
            AuthMethod::Password => "password",
            AuthMethod::PublicKey => "publickey",
            AuthMethod::Unserved => "not served",
        }
        .to_owned(),
    );
    record.reason = Some("the connection ended before the answer".to_owned());
    record
}

fn verdict<T>(found: Option<&T>) -> (Outcome, Option<String>) {
    match found {
        Some(_) => (Outcome::Done, None),
        None => {
            let why = "wrong user or credentials";
            (Outcome::Refused, Some(why.to_owned()))
        }
    }
}

impl Credentials for Login {
    fn password<'a>(
        &'a self,
        user: &'a str,
        password: &'a str,
        peer: SocketAddr,
    ) -> LoginFuture<'a> {
        Box::pin(async move {
            let found = Authenticator::password(self, user, password, peer).await;
            found
                .map(|found| found.is_some())
                .map_err(|error| error.to_string())
        })
    }

    fn exists(&self, user: &str) -> bool {
        self.users.get(user).is_some()
    }
}

impl Authenticator for Login {
    fn password<'a>(
        &'a self,
        user: &'a str,
        password: &'a str,
        peer: SocketAddr,
    ) -> BoxFuture<'a, Result<Option<Identity>, AuthUnavailable>> {
        let users = self.users.clone();
        let underway = self.audit.begin(attempt(user, AuthMethod::Password, peer));
        let (user, password) = (user.to_owned(), password.to_owned());
        // The store itself bounds how many hashes are computed at once.
        Box::pin(async move {
            let checked =
                tokio::task::spawn_blocking(move || users.verify_password(&user, &password));
            match checked.await {
                Ok(found) => {
                    let (outcome, reason) = verdict(found.as_ref());
                    underway.end(outcome, reason).await;
                    Ok(identity(found))
                }
                Err(error) => {
                    let why = "user store unavailable".to_owned();
                    underway.end(Outcome::Failed, Some(why)).await;
                    Err(AuthUnavailable(error.to_string()))
                }
            }
        })
    }

    fn public_key<'a>(
        &'a self,
        user: &'a str,
        key: ClientKey<'a>,
        proof: KeyProof,
        peer: SocketAddr,
    ) -> BoxFuture<'a, Result<Option<Identity>, AuthUnavailable>> {
        let found = match PublicKey::from_bytes(key.blob) {
            Ok(key) => identity(self.users.verify_key(user, &key)),
            Err(error) => {
                tracing::debug!(%error, user, "client key not understood");
                None
            }
        };
        // An offer that would do is only a question; the attempt comes with the proof.
        let question = proof == KeyProof::Offered && found.is_some();
        let record = (!question).then(|| {
            let mut record = attempt(user, AuthMethod::PublicKey, peer);
            record.detail = Some(format!("publickey {}", key.fingerprint));
            (record.result, record.reason) = verdict(found.as_ref());
            record
        });
        Box::pin(async move {
            if let Some(record) = record {
                self.audit.record(record).await;
            }
            Ok(found)
        })
    }

    fn refused(&self, user: &str, method: AuthMethod, why: &str, peer: SocketAddr) {
        let mut record = attempt(user, method, peer);
        record.result = Outcome::Refused;
        record.reason = Some(why.to_owned());
        self.audit.note(record);
    }
}
