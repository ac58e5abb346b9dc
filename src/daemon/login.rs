//! Logins: the SSH shell's questions, answered from the user store.

use std::net::SocketAddr;
use std::sync::Arc;

use russh::keys::PublicKey;

use crate::auth::{User, UserStore};
use crate::northbound::netconf::ssh::{
    AuthUnavailable, Authenticator, ClientKey, Identity, KeyProof,
};
use crate::northbound::netconf::transport::BoxFuture;

/// Checks credentials against a user store.
pub struct Login(pub Arc<UserStore>);

fn identity(user: Option<Arc<User>>) -> Option<Identity> {
    user.map(|user| Identity {
        user: Arc::from(user.name.as_str()),
    })
}

impl Authenticator for Login {
    fn password<'a>(
        &'a self,
        user: &'a str,
        password: &'a str,
        _: SocketAddr,
    ) -> BoxFuture<'a, Result<Option<Identity>, AuthUnavailable>> {
        let users = self.0.clone();
        let (user, password) = (user.to_owned(), password.to_owned());
        // The store itself bounds how many hashes are computed at once.
        Box::pin(async move {
            let checked =
                tokio::task::spawn_blocking(move || users.verify_password(&user, &password));
            match checked.await {
                Ok(found) => Ok(identity(found)),
                Err(error) => Err(AuthUnavailable(error.to_string())),
            }
        })
    }

    fn public_key<'a>(
        &'a self,
        user: &'a str,
        key: ClientKey<'a>,
        _: KeyProof,
        _: SocketAddr,
    ) -> BoxFuture<'a, Result<Option<Identity>, AuthUnavailable>> {
        let found = match PublicKey::from_bytes(key.blob) {
            Ok(key) => identity(self.0.verify_key(user, &key)),
            Err(error) => {
                tracing::debug!(%error, user, "client key not understood");
                None
            }
        };
        Box::pin(async move { Ok(found) })
    }
}
