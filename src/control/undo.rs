//! What is stored of a confirmed commit that waits: who may confirm it, and the units as they were before.
//!
//! These rows are written in the commit's own batch and removed in that of its confirmation or of its taking
//! back. The units before are those of the first of a chain of confirmed commits; each batch adds the units
//! that it is the first to change.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::base_event;
use super::confirmed::{Confirm, Why};
use super::error::ControlError;
use super::who::Who;
use crate::clock::{Mono, Timestamp};
use crate::datastore::{Tree, UnitPath};
use crate::esc_model::published::Unconfirmed;
use crate::model::confirmed::ConfirmedCommit;
use crate::proto::netconf::ConfirmEvent;
use crate::schema::Schema;
use crate::store::{NewEvent, Row, Table, Write};

/// Table of the confirmed commit that waits: one row, or none.
pub const CONFIRMED: Table = Table("confirmed");
/// Table of the units it has changed, as they were before.
pub const UNDO: Table = Table("undo");
/// Key of the row in [`CONFIRMED`].
const PENDING: &str = "pending";
/// First octet of a row in [`UNDO`]: the unit's content follows.
const PRESENT: u8 = b'+';
/// First octet of a row in [`UNDO`]: there was no such unit.
const ABSENT: u8 = b'-';

/// What a change of running does to the confirmed commit that waits.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Confirming {
    /// Nothing; what the change does is taken back with it.
    Pass,
    /// It begins, or goes on.
    Wait(Confirm),
    /// It stands for good.
    Complete,
    /// It is taken back.
    Revert(Why),
}

/// Both clocks at one moment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Now {
    pub wall: Timestamp,
    pub mono: Mono,
}

/// What becomes of it, and what is written and told of that.
#[derive(Default)]
pub(super) struct Kept {
    pub waiting: Option<Arc<Unconfirmed>>,
    pub writes: Vec<Write>,
    pub event: Option<NewEvent>,
}

/// Keeps of a change from `old` to `new` what taking it back needs.
pub(super) fn keep(
    (old, new): (&Tree, &Tree),
    who: &Who,
    confirming: &Confirming,
    waiting: Option<&Arc<Unconfirmed>>,
    now: Now,
) -> Result<Kept, ControlError> {
    match (confirming, waiting) {
        (Confirming::Wait(confirm), _) => wait(old, new, who, confirm, waiting, now),
        (_, None) => Ok(Kept::default()),
        (Confirming::Pass, Some(waiting)) => {
            let mut next = (**waiting).clone();
            let writes = remember(&mut next, old, new);
            Ok(Kept {
                waiting: Some(Arc::new(next)),
                writes,
                event: None,
            })
        }
        (Confirming::Complete, Some(waiting)) => Ok(end(who, waiting, ConfirmEvent::Complete)),
        (Confirming::Revert(Why::TimedOut), Some(waiting)) => {
            Ok(end(who, waiting, ConfirmEvent::Timeout))
        }
        (Confirming::Revert(_), Some(waiting)) => Ok(end(who, waiting, ConfirmEvent::Cancel)),
    }
}

fn wait(
    old: &Tree,
    new: &Tree,
    who: &Who,
    confirm: &Confirm,
    waiting: Option<&Arc<Unconfirmed>>,
    now: Now,
) -> Result<Kept, ControlError> {
    let time = Duration::from_secs(confirm.timeout.get().into());
    let (user, host) = match who.actor() {
        Some(actor) => (actor.user, actor.host),
        None => ("lifeline".to_owned(), None),
    };
    let before = waiting.and_then(|waiting| waiting.commit.persist.clone());
    let commit = ConfirmedCommit {
        session: who.session(),
        user,
        host,
        // One that outlives its session does not become one that ends with another.
        persist: confirm.persist.clone().or(before),
        timeout: confirm.timeout,
        deadline: now.wall + time,
    };
    let stored = serde_json::to_vec(&commit)
        .map_err(|error| ControlError::Internal(format!("a confirmed commit: {error}")))?;
    let event = match waiting {
        None => ConfirmEvent::Start(confirm.timeout),
        Some(_) => ConfirmEvent::Extend(confirm.timeout),
    };
    let event = base_event::confirmed_commit(who, &commit, event);
    let mut next = Unconfirmed {
        commit,
        before: waiting.map_or_else(|| old.clone(), |waiting| waiting.before.clone()),
        undo: waiting
            .map(|waiting| waiting.undo.clone())
            .unwrap_or_default(),
        until: now.mono + time,
        left_over: false,
    };
    let mut writes = vec![Write {
        table: CONFIRMED,
        key: PENDING.to_owned(),
        value: Some(stored),
    }];
    writes.extend(remember(&mut next, old, new));
    Ok(Kept {
        waiting: Some(Arc::new(next)),
        writes,
        event: Some(event),
    })
}

/// The rows of units that are changed for the first time, as they are in `old`.
fn remember(next: &mut Unconfirmed, old: &Tree, new: &Tree) -> Vec<Write> {
    let mut writes = Vec::new();
    for unit in old.changed_units(new) {
        if next.undo.insert(unit.path.clone()).is_some() {
            continue;
        }
        let value = match unit.bytes {
            Some(mut bytes) => {
                bytes.insert(0, PRESENT);
                bytes
            }
            None => vec![ABSENT],
        };
        writes.push(Write {
            table: UNDO,
            key: unit.path.to_string(),
            value: Some(value),
        });
    }
    writes
}

fn end(who: &Who, waiting: &Unconfirmed, event: ConfirmEvent) -> Kept {
    let gone = |table, key| Write {
        table,
        key,
        value: None,
    };
    let mut writes = vec![gone(CONFIRMED, PENDING.to_owned())];
    writes.extend(waiting.undo.iter().map(|unit| gone(UNDO, unit.to_string())));
    Kept {
        waiting: None,
        writes,
        event: Some(base_event::confirmed_commit(who, &waiting.commit, event)),
    }
}

/// What the rows at a start say of a confirmed commit that nobody confirmed; `units` are those of running.
///
/// # Errors
/// A row that cannot be read.
pub fn load(
    schema: &'static Schema,
    units: &[Row],
    confirmed: &[Row],
    undo: &[Row],
) -> Result<Option<Arc<Unconfirmed>>, ControlError> {
    let Some(row) = confirmed.iter().find(|row| row.key == PENDING) else {
        return Ok(None);
    };
    let unreadable = |what: &str, why: String| {
        ControlError::Internal(format!("confirmed commit: {what}: {why}"))
    };
    let commit: ConfirmedCommit = serde_json::from_slice(&row.value)
        .map_err(|error| unreadable(PENDING, error.to_string()))?;
    let mut before: BTreeMap<&str, &[u8]> = units
        .iter()
        .map(|row| (row.key.as_str(), row.value.as_slice()))
        .collect();
    for row in undo {
        match row.value.split_first() {
            Some((&PRESENT, bytes)) => before.insert(&row.key, bytes),
            Some((&ABSENT, [])) => before.remove(row.key.as_str()),
            _ => return Err(unreadable(&row.key, "neither + nor -".to_owned())),
        };
    }
    let before = before
        .into_iter()
        .map(|(path, bytes)| (UnitPath::new(path), bytes));
    Ok(Some(Arc::new(Unconfirmed {
        commit,
        before: Tree::from_units(schema, before)?,
        undo: undo.iter().map(|row| UnitPath::new(&row.key)).collect(),
        until: Mono::ZERO,
        left_over: true,
    })))
}
