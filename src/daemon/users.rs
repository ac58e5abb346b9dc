//! Users: the answers to `lifeline user`, with or without a running server.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context;

use crate::auth::{NewUser, UserStore};
use crate::clock::{Clock, SystemClock};
use crate::northbound::admin::{Reply, Request, UserRow};
use crate::store::DataDir;

/// Makes the data directory (0700) when it is missing.
///
/// # Errors
/// When it cannot be made.
pub fn prepare_dir(data_dir: &Path) -> anyhow::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(data_dir)
        .with_context(|| format!("making the data directory {}", data_dir.display()))
}

/// Answers a request on the files themselves, holding the directory's lock.
///
/// # Errors
/// When a server without control socket holds the lock, or the files cannot be used.
pub fn offline(data_dir: &Path, request: Request) -> anyhow::Result<Reply> {
    if !data_dir.is_dir() {
        anyhow::bail!("there is no data directory {}", data_dir.display());
    }
    let _held = DataDir::acquire(data_dir)?;
    let users = UserStore::load(data_dir, crate::auth::Settings::default())?;
    Ok(answer(&users, &SystemClock::new(), request))
}

/// Answers a request.
pub fn answer(users: &UserStore, clock: &dyn Clock, request: Request) -> Reply {
    let result = match request {
        Request::UserAdd {
            name,
            password,
            keys,
            groups,
        } => {
            let new = NewUser {
                name: &name,
                password: password.as_deref(),
                authorized_keys: &keys,
                groups: &groups,
            };
            users.add(&new, clock.wall()).map(|_| Reply::Ok)
        }
        Request::UserRemove { name } => users.remove(&name).map(|_| Reply::Ok),
        Request::UserList => Ok(Reply::Users {
            users: users.list().iter().map(row).collect(),
        }),
    };
    result.unwrap_or_else(|error| Reply::Error {
        message: error.to_string(),
    })
}

fn row(user: &Arc<crate::auth::User>) -> UserRow {
    UserRow {
        name: user.name.clone(),
        groups: user.groups.clone(),
        password: user.has_password(),
        keys: user.keys().len(),
    }
}
