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

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;
    use crate::datastore::{DefaultOperation, EditTree, ErrorOption};
    use crate::ids::{PersistId, SessionId};
    use crate::schema::LoadOptions;
    use crate::xml;

    fn schema() -> &'static Schema {
        Schema::load(LoadOptions { simulator: true }).unwrap()
    }

    fn edited(tree: &Tree, tenants: &str) -> Tree {
        let text = format!(
            "<config xmlns:nc='urn:ietf:params:xml:ns:netconf:base:1.0'><esc_datamodel xmlns='http://www.cisco.com/esc/esc'><tenants>{tenants}</tenants></esc_datamodel></config>"
        );
        let edit = EditTree::decode(schema(), &xml::parse_str(&text).unwrap()).unwrap();
        tree.edit(&edit, DefaultOperation::Merge, ErrorOption::Stop)
            .unwrap()
    }

    fn with(tree: &Tree, name: &str) -> Tree {
        edited(tree, &format!("<tenant><name>{name}</name></tenant>"))
    }

    fn without(tree: &Tree, name: &str) -> Tree {
        let gone = format!("<tenant nc:operation='delete'><name>{name}</name></tenant>");
        edited(tree, &gone)
    }

    fn who(id: u32) -> Who {
        Who::Session {
            id: SessionId(id),
            user: "u".to_owned(),
            peer: None,
        }
    }

    fn confirm(seconds: u32, persist: Option<&str>) -> Confirming {
        Confirming::Wait(Confirm {
            timeout: NonZeroU32::new(seconds).unwrap(),
            persist: persist.map(PersistId::new),
        })
    }

    fn now(seconds: u64) -> Now {
        Now {
            wall: Timestamp::from_micros(0) + Duration::from_secs(seconds),
            mono: Duration::from_secs(seconds),
        }
    }

    /// Rows as a store keeps them.
    #[derive(Default)]
    struct Rows(BTreeMap<(&'static str, String), Vec<u8>>);

    impl Rows {
        fn write(&mut self, writes: Vec<Write>) {
            for write in writes {
                match write.value {
                    Some(value) => drop(self.0.insert((write.table.0, write.key), value)),
                    None => drop(self.0.remove(&(write.table.0, write.key))),
                }
            }
        }

        fn of(&self, table: Table) -> Vec<Row> {
            let rows = self.0.iter().filter(|((found, _), _)| *found == table.0);
            rows.map(|((_, key), value)| Row {
                key: key.clone(),
                version: 1,
                value: value.clone(),
            })
            .collect()
        }
    }

    /// A chain of confirmed commits and edits, each step stored; after each one, what a restart reads leads
    /// back to the beginning.
    #[test]
    fn every_step_of_a_chain_leads_back_to_before_the_first() {
        let units = Table("config");
        let before = with(&with(&Tree::empty(schema()), "old"), "other");
        let mut rows = Rows::default();
        let mut tree = before.clone();
        let mut waiting = None;
        let store = |rows: &mut Rows, old: &Tree, new: &Tree| {
            let changed = new.changed_units(old).into_iter().map(|unit| Write {
                table: units,
                key: unit.path.to_string(),
                value: unit.bytes,
            });
            rows.write(changed.collect());
        };
        store(&mut rows, &Tree::empty(schema()), &before);
        for (second, (next, confirming)) in [
            (with(&tree, "a"), confirm(60, None)),
            (without(&with(&tree, "a"), "old"), Confirming::Pass),
            (
                with(&without(&with(&tree, "a"), "old"), "b"),
                confirm(5, Some("t")),
            ),
            // What it made goes, what it removed comes back.
            (with(&with(&tree, "b"), "old"), confirm(7, None)),
            (before.clone(), Confirming::Pass),
        ]
        .into_iter()
        .enumerate()
        {
            let at = now(second as u64);
            let kept = keep((&tree, &next), &who(4), &confirming, waiting.as_ref(), at).unwrap();
            store(&mut rows, &tree, &next);
            rows.write(kept.writes);
            assert_eq!(kept.event.is_some(), confirming != Confirming::Pass);
            (tree, waiting) = (next, kept.waiting);
            let read = load(
                schema(),
                &rows.of(units),
                &rows.of(CONFIRMED),
                &rows.of(UNDO),
            );
            let read = read.unwrap().unwrap();
            assert_eq!(read.before, before, "step {second}");
            assert!(read.left_over && read.until == Mono::ZERO);
            let live = waiting.as_ref().unwrap();
            assert_eq!(read.commit, live.commit);
            assert_eq!(read.undo, live.undo);
            assert!(live.before.ptr_eq(&before));
        }
        let live = waiting.clone().unwrap();
        // The last follow-up gave seven seconds in second 3, and kept the token.
        assert_eq!(live.until, Duration::from_secs(10));
        assert_eq!(live.commit.deadline, now(10).wall);
        assert_eq!(live.commit.persist, Some(PersistId::new("t")));
        for confirming in [Confirming::Complete, Confirming::Revert(Why::Restarted)] {
            let mut left = Rows(rows.0.clone());
            let kept = keep(
                (&tree, &tree),
                &who(4),
                &confirming,
                waiting.as_ref(),
                now(9),
            );
            let kept = kept.unwrap();
            assert!(kept.waiting.is_none());
            left.write(kept.writes);
            assert_eq!(left.of(CONFIRMED), []);
            assert_eq!(left.of(UNDO), []);
        }
    }

    #[test]
    fn rows_that_cannot_be_read_are_not_passed_over() {
        let row = |value: &[u8]| Row {
            key: PENDING.to_owned(),
            version: 1,
            value: value.to_vec(),
        };
        let good = keep(
            (&Tree::empty(schema()), &Tree::empty(schema())),
            &who(1),
            &confirm(1, None),
            None,
            now(0),
        );
        let good = row(good.unwrap().writes[0].value.as_ref().unwrap());
        assert!(load(schema(), &[], &[], &[]).unwrap().is_none());
        let read = load(schema(), &[], std::slice::from_ref(&good), &[]);
        assert!(read.unwrap().is_some());
        assert!(load(schema(), &[], &[row(b"{}")], &[]).is_err());
        for bad in [&b""[..], b"?", b"-x", b"+<a"] {
            let read = load(schema(), &[], std::slice::from_ref(&good), &[row(bad)]);
            assert!(read.is_err(), "{bad:?}");
        }
    }

    #[test]
    fn what_is_due_and_why() {
        let kept = |persist| {
            let tree = Tree::empty(schema());
            let how = confirm(60, persist);
            keep((&tree, &tree), &who(1), &how, None, now(1)).unwrap()
        };
        let due = super::super::confirmed::due;
        let bound = kept(None).waiting.unwrap();
        let later = Duration::from_secs(61);
        assert_eq!(due(&bound, true), (later, Why::TimedOut));
        assert_eq!(due(&bound, false), (Mono::ZERO, Why::SessionEnded));
        let persistent = kept(Some("t")).waiting.unwrap();
        assert_eq!(due(&persistent, false), (later, Why::TimedOut));
        let mut left = (*persistent).clone();
        left.left_over = true;
        assert_eq!(due(&left, true), (Mono::ZERO, Why::Restarted));
    }
}
