//! copy-config, delete-config, lock, unlock, validate, commit, discard-changes,
//! cancel-commit (RFC 6241 sections 7.3 to 7.6, 8.3, 8.4 and 8.6).

use crate::control::commit::{Content, aside};
use crate::control::confirmed::{CommitRequest, Confirm};
use crate::control::error::ControlError;
use crate::control::lock::Datastore;
use crate::datastore::{DefaultOperation, EditTree, ErrorOption, Tree};
use crate::ids::PersistId;
use crate::northbound::netconf::memory;
use crate::northbound::netconf::service::{Request, not_supported};
use crate::proto::netconf::{Commit, CopyConfig, DatastoreName, RpcReply, Source};

fn datastore(name: DatastoreName) -> Datastore {
    match name {
        DatastoreName::Running => Datastore::Running,
        DatastoreName::Candidate => Datastore::Candidate,
    }
}

/// The content of a source, whole. A mask in a configuration stands for the secret
/// that is in `instead_of`, which it would take the place of.
fn content(
    request: &Request<'_>,
    source: &Source,
    instead_of: DatastoreName,
) -> Result<Tree, ControlError> {
    let control = request.control();
    let tree = |name| match name {
        DatastoreName::Running => control.running(),
        DatastoreName::Candidate => control.candidate(),
    };
    match source {
        Source::Datastore(name) => Ok(tree(*name)),
        Source::Config(config) => {
            let decoded = || {
                let edit = EditTree::decode_whole(control.schema(), config)?;
                let replace = DefaultOperation::Replace;
                tree(instead_of).edit(&edit, replace, ErrorOption::Rollback)
            };
            Ok(aside(decoded)?)
        }
    }
}

/// Replaces a datastore's content.
pub async fn copy_config(request: &Request<'_>, wanted: CopyConfig) -> RpcReply {
    if matches!(wanted.source, Source::Datastore(name) if name == wanted.target) {
        return request.failed(&ControlError::SameDatastore);
    }
    let copied = match &wanted.source {
        Source::Datastore(_) => Content::OtherDatastore,
        Source::Config(_) => match content(request, &wanted.source, wanted.target) {
            Ok(tree) => Content::Given(tree),
            Err(error) => return request.failed(&error),
        },
    };
    let target = datastore(wanted.target);
    let control = request.control();
    let copied = control.replace(request.session.id, target, copied, &request.access);
    request.done(copied.await)
}

/// Running cannot be deleted, and neither can the candidate: discard-changes is there for it.
pub fn delete_config(request: &Request<'_>, target: DatastoreName) -> RpcReply {
    match target {
        DatastoreName::Running => request.failed(&ControlError::DeleteRunning),
        DatastoreName::Candidate => not_supported(
            "the candidate cannot be deleted; discard-changes makes it follow running",
        ),
    }
}

/// Takes a lock; from the answer on, only its holder changes what it locks.
pub async fn lock(request: &Request<'_>, target: DatastoreName) -> RpcReply {
    let control = request.control();
    let locked = control.lock(datastore(target), request.session.id);
    if locked.is_ok() && target == DatastoreName::Running {
        control.at_rest().await;
    }
    request.done(locked.map_err(ControlError::from))
}

/// Gives a lock back.
pub fn unlock(request: &Request<'_>, target: DatastoreName) -> RpcReply {
    let unlocked = request
        .control()
        .unlock(datastore(target), request.session.id);
    if unlocked.is_ok() && target == DatastoreName::Candidate {
        memory::candidate_let_go();
    }
    request.done(unlocked.map_err(ControlError::from))
}

/// Checks a configuration as a commit would.
pub async fn validate(request: &Request<'_>, source: Source) -> RpcReply {
    match content(request, &source, DatastoreName::Running) {
        Ok(tree) => request.done(request.control().validate(tree).await),
        Err(error) => request.failed(&error),
    }
}

/// Makes the candidate the running configuration, for good or until it is taken back.
pub async fn commit(request: &Request<'_>, wanted: Commit) -> RpcReply {
    let wanted = CommitRequest {
        confirmed: wanted.confirmed.then(|| Confirm {
            timeout: wanted.confirm_timeout,
            persist: wanted.persist.map(PersistId::new),
        }),
        persist_id: wanted.persist_id.map(PersistId::new),
    };
    let control = request.control();
    request.done(
        control
            .commit(request.session.id, wanted, &request.access)
            .await,
    )
}

/// Takes a confirmed commit back.
pub async fn cancel_commit(request: &Request<'_>, persist_id: Option<String>) -> RpcReply {
    let persist_id = persist_id.map(PersistId::new);
    let session = request.session.id;
    request.done(request.control().cancel_commit(session, persist_id).await)
}

/// Makes the candidate follow running again.
pub fn discard_changes(request: &Request<'_>) -> RpcReply {
    let discarded = request.control().discard_changes(request.session.id);
    if discarded.is_ok() {
        memory::candidate_let_go();
    }
    request.done(discarded)
}
