//! Why a request was not carried out, before any wire format.

use super::confirmed::ConfirmError;
use super::lock::LockError;
use super::subscription::SubscribeError;
use crate::datastore;
use crate::engine::handle::Stopped;
use crate::esc_model::error::EscModelError;
use crate::model::action::Refusal;
use crate::store::StoreError;

/// A failure of the control room.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// The data or the edit is wrong; at least one error.
    #[error("{}", first(.0))]
    Data(Vec<datastore::Error>),
    /// A lock stands in the way.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// A confirmed commit stands in the way, or is not there.
    #[error(transparent)]
    Confirm(#[from] ConfirmError),
    /// An action was refused.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// A subscription was refused.
    #[error(transparent)]
    Subscribe(#[from] SubscribeError),
    /// The store did not make it durable.
    #[error("not stored")]
    Store(#[from] StoreError),
    /// The engine does not run.
    #[error(transparent)]
    Engine(#[from] Stopped),
    /// Configuration and domain disagree.
    #[error("configuration cannot be carried out")]
    Model(#[from] EscModelError),
    /// The running configuration cannot be deleted (RFC 6241 section 7.4).
    #[error("the running configuration cannot be deleted")]
    DeleteRunning,
    /// Source and target are the same (RFC 6241 section 7.3).
    #[error("source and target are the same datastore")]
    SameDatastore,
    /// No session of that id, or the session's own.
    #[error("session {0} cannot be killed: it does not exist or is this one")]
    NoSuchSession(u32),
    /// A worker failed; the request was not carried out.
    #[error("internal failure: {0}")]
    Internal(String),
}

impl From<datastore::Error> for ControlError {
    fn from(error: datastore::Error) -> Self {
        Self::Data(vec![error])
    }
}

impl From<Vec<datastore::Error>> for ControlError {
    fn from(errors: Vec<datastore::Error>) -> Self {
        Self::Data(errors)
    }
}

fn first(errors: &[datastore::Error]) -> String {
    errors.first().map(ToString::to_string).unwrap_or_default()
}
