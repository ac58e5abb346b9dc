//! What the server tells of itself on stream `NETCONF` (RFC 6470): from what happened here to stored bodies.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::service::Control;
use super::session::SessionInfo;
use super::who::Who;
use crate::datastore::{Change, Diff, DiffOp, Location, Tree};
use crate::model::confirmed::ConfirmedCommit;
use crate::proto::netconf::{
    Actor, BaseEvent, ChangeOperation, ChangedEdit, ConfirmEvent, SessionEnd,
};
use crate::schema::{NodeKind, Schema};
use crate::store::{Batch, NewEvent};

/// Octets that the edits of one event may have: well below what the store takes for one event.
const EDITS_BYTES: usize = 256 * 1024;

/// What a change of running changed, as its event lists it.
#[derive(Clone, PartialEq, Debug, Default)]
pub(super) struct Edits {
    namespaces: BTreeMap<String, String>,
    list: Vec<ChangedEdit>,
}

impl Edits {
    /// The edits between two trees, at most `limit`. More than that are told by fewer, higher targets: what
    /// is below them was merged.
    pub fn between(old: &Tree, new: &Tree, limit: usize) -> Self {
        let schema = new.schema();
        let diff = Diff::between(old, new);
        let places: Vec<_> = diff.changes.iter().map(|one| place(one, schema)).collect();
        let deepest = places.iter().map(|(at, _)| at.0.len()).max().unwrap_or(0);
        (1..=deepest)
            .rev()
            .find_map(|depth| at_depth(schema, &places, depth, limit))
            .unwrap_or_default()
    }
}

/// Where a change is told to be. What a leaf-list entry is named by is a value, and the order of entries is
/// their parent's: both are told of the parent.
fn place(change: &Change, schema: &Schema) -> (Location, ChangeOperation) {
    let operation = match change.op {
        DiffOp::Create => ChangeOperation::Create,
        DiffOp::Delete => ChangeOperation::Delete,
        DiffOp::Replace => ChangeOperation::Replace,
        DiffOp::Reorder => ChangeOperation::Merge,
    };
    let mut at = change.location.clone();
    if change.op == DiffOp::Reorder || schema.node(change.node).kind == NodeKind::LeafList {
        at.0.pop();
        return (at, ChangeOperation::Merge);
    }
    (at, operation)
}

/// The edits with no target deeper than that; `None` when they are still too many.
fn at_depth(
    schema: &Schema,
    places: &[(Location, ChangeOperation)],
    depth: usize,
    limit: usize,
) -> Option<Edits> {
    let mut found: BTreeMap<Location, ChangeOperation> = BTreeMap::new();
    for (at, operation) in places.iter().filter(|(at, _)| !at.0.is_empty()) {
        let (at, operation) = match at.0.get(..depth) {
            Some(above) if above.len() < at.0.len() => {
                (Location(above.to_vec()), ChangeOperation::Merge)
            }
            _ => (at.clone(), *operation),
        };
        let told = found.entry(at).or_insert(operation);
        if *told != operation {
            *told = ChangeOperation::Merge;
        }
        if found.len() > limit {
            return None;
        }
    }
    let mut edits = Edits::default();
    let mut bytes = 0;
    for (at, operation) in found {
        for step in &at.0 {
            let module = schema.module(schema.node(step.node).module);
            let prefix = module.prefix.to_string();
            let namespace = || module.namespace.to_string();
            edits.namespaces.entry(prefix).or_insert_with(namespace);
        }
        let target = at.display(schema);
        bytes += target.len();
        if bytes > EDITS_BYTES {
            return None;
        }
        edits.list.push(ChangedEdit { target, operation });
    }
    Some(edits)
}

/// netconf-config-change.
pub(super) fn config_change(who: &Who, edits: &Edits) -> NewEvent {
    body(&BaseEvent::ConfigChange {
        by: who.actor().as_ref(),
        namespaces: &edits.namespaces,
        edits: &edits.list,
    })
}

/// netconf-confirmed-commit. What the server does by itself is told of whoever issued the commit.
pub(super) fn confirmed_commit(
    who: &Who,
    commit: &ConfirmedCommit,
    event: ConfirmEvent,
) -> NewEvent {
    let issuer = || Actor {
        user: commit.user.clone(),
        session: commit.session,
        host: commit.host,
    };
    let actor = who.actor().unwrap_or_else(issuer);
    body(&BaseEvent::ConfirmedCommit(&actor, event))
}

fn body(event: &BaseEvent<'_>) -> NewEvent {
    NewEvent {
        esc: None,
        netconf: Some(Bytes::from(event.encode())),
        lcm: None,
    }
}

impl Control {
    /// Tells that a session is open. Nobody waits: a login must not depend on the disk.
    pub fn tell_session_start(&self, session: &SessionInfo) {
        if let Some(actor) = Who::of(session).actor() {
            self.tell(&BaseEvent::SessionStart(&actor));
        }
    }

    /// Tells that a session has ended.
    pub fn tell_session_end(&self, session: &SessionInfo, end: &SessionEnd) {
        if let Some(actor) = Who::of(session).actor() {
            self.tell(&BaseEvent::SessionEnd(&actor, end));
        }
    }

    fn tell(&self, event: &BaseEvent<'_>) {
        let stored = self.store().submit(Batch {
            events: vec![body(event)],
            ..Batch::default()
        });
        // While a runtime shuts down, nobody is left to say what became of it.
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            return;
        };
        runtime.spawn(async move {
            if let Err(error) = stored.await {
                tracing::warn!(%error, "an event of a session was not stored");
            }
        });
    }
}
