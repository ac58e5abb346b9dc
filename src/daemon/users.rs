//! Users: the answers to `lifeline user`, with or without a running server.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context;

use crate::audit::{AuditLog, AuditRecord, Outcome};
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
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    if matches!(request, Request::UserList) {
        return Ok(answer(&users, &*clock, "", request).0);
    }
    let log = AuditLog::open(
        &data_dir.join(super::server::AUDIT),
        crate::audit::Settings::default(),
        clock.clone(),
    )?;
    let (reply, record) = answer(&users, &*clock, "command line, no server running", request);
    if let Some(record) = record {
        log.append(record)
            .context("the change was made and not recorded")?;
    }
    Ok(reply)
}

/// Answers a request that came that way; a change also gives the record of it.
pub fn answer(
    users: &UserStore,
    clock: &dyn Clock,
    from: &str,
    request: Request,
) -> (Reply, Option<AuditRecord>) {
    let mut record = trace(&request, from);
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
        Request::UserGroups { name, groups } => users.set_groups(&name, &groups).map(|_| Reply::Ok),
        Request::UserRemove { name } => users.remove(&name).map(|_| Reply::Ok),
        Request::UserList => Ok(Reply::Users {
            users: users.list().iter().map(row).collect(),
        }),
    };
    let reply = result.unwrap_or_else(|error| {
        if let Some(record) = &mut record {
            record.result = Outcome::Refused;
            record.reason = Some(error.to_string());
        }
        Reply::Error {
            message: error.to_string(),
        }
    });
    (reply, record)
}

/// The record of a change, as if it succeeds: whom, and how they may log in; never a secret.
fn trace(request: &Request, from: &str) -> Option<AuditRecord> {
    let (what, name, detail) = match request {
        Request::UserAdd {
            name,
            password,
            keys,
            groups,
        } => {
            let password = if password.is_some() { "yes" } else { "no" };
            let groups = match groups.is_empty() {
                true => "as by default".to_owned(),
                false => groups.join(","),
            };
            let detail = format!("password {password}, keys {}, groups {groups}", keys.len());
            ("user-add", name, Some(detail))
        }
        Request::UserGroups { name, groups } => {
            let groups = match groups.is_empty() {
                true => "none".to_owned(),
                false => groups.join(","),
            };
            ("user-groups", name, Some(format!("groups {groups}")))
        }
        Request::UserRemove { name } => ("user-remove", name, None),
        Request::UserList => return None,
    };
    // Who may open the socket or the file is the directory's owner; more is not known.
    let mut record = AuditRecord::new("owner of the data directory", what, Outcome::Done);
    record.from = Some(from.to_owned());
    record.target = Some(format!("user {name}"));
    record.detail = detail;
    Some(record)
}

fn row(user: &Arc<crate::auth::User>) -> UserRow {
    UserRow {
        name: user.name.clone(),
        groups: user.groups.clone(),
        password: user.has_password(),
        keys: user.keys().len(),
    }
}
