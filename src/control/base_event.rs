//! What the server tells of itself on stream `NETCONF` (RFC 6470): from what happened here to stored bodies.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::service::Control;
use super::session::SessionInfo;
use super::who::Who;
use crate::datastore::{Change, Diff, DiffOp, Keys, Location, Step, Tree};
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
/// their parent's: both are told of the parent. So is an entry with a key that holds both kinds of quotes, which
/// no instance-identifier can name (RFC 7950 section 14), and what is below it.
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
    if let Some(nameless) = at.0.iter().position(no_literal) {
        at.0.truncate(nameless);
        return (at, ChangeOperation::Merge);
    }
    (at, operation)
}

/// Whether a key of the entry can be written in neither kind of quotes.
fn no_literal(step: &Step) -> bool {
    let mut keys = step.keys.iter().flat_map(Keys::iter);
    keys.any(|key| key.contains('\'') && key.contains('"'))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::datastore::{DefaultOperation, EditTree, ErrorOption};
    use crate::schema::LoadOptions;
    use crate::xml;

    fn tree(base: &Tree, inner: &str) -> Tree {
        let text =
            format!("<config xmlns:nc='urn:ietf:params:xml:ns:netconf:base:1.0'>{inner}</config>");
        let edit = EditTree::decode(base.schema(), &xml::parse_str(&text).unwrap()).unwrap();
        base.edit(&edit, DefaultOperation::Merge, ErrorOption::Stop)
            .unwrap()
    }

    fn esc(inner: &str) -> String {
        format!("<esc_datamodel xmlns='http://www.cisco.com/esc/esc'>{inner}</esc_datamodel>")
    }

    fn tenants(names: std::ops::Range<u32>, inner: &str) -> String {
        let all: String = names
            .map(|n| format!("<tenant><name>t{n}</name>{inner}</tenant>"))
            .collect();
        esc(&format!("<tenants>{all}</tenants>"))
    }

    fn shown(edits: &Edits) -> Vec<String> {
        edits
            .list
            .iter()
            .map(|edit| format!("{:?} {}", edit.operation, edit.target))
            .collect()
    }

    /// However small the limit, what changed lies at or below a target; and the event fits its module.
    #[test]
    fn more_edits_than_the_limit_are_told_by_higher_targets() {
        let schema = Schema::load(LoadOptions { simulator: true }).unwrap();
        let empty = Tree::empty(schema);
        let old = tree(&empty, &tenants(0..4, ""));
        let new = tree(
            &old,
            &tenants(0..4, "<managed_resource>false</managed_resource>"),
        );
        let place = "/esc:esc_datamodel/esc:tenants";
        let entry = |n: u32| format!("{place}/esc:tenant[esc:name='t{n}']");
        let all = |limit| shown(&Edits::between(&old, &new, limit));
        let exact: Vec<String> = (0..4)
            .map(|n| format!("Create {}/esc:managed_resource", entry(n)))
            .collect();
        assert_eq!(all(4), exact);
        assert_eq!(all(3), [format!("Merge {place}")]);
        assert_eq!(all(1), [format!("Merge {place}")]);
        assert_eq!(all(0), [""; 0]);
        // Deeper and higher ones at once: only what is too deep is told higher.
        let more = tree(&new, &tenants(9..10, ""));
        let more = tree(
            &more,
            &tenants(0..2, "<managed_resource>true</managed_resource>"),
        );
        let edits = Edits::between(&new, &more, 3);
        assert_eq!(edits.list.len(), 3);
        for limit in 0..6 {
            let edits = Edits::between(&new, &more, limit);
            let event = config_change(&Who::Server, &edits).netconf.unwrap();
            let judged = schema.validate_notification(std::str::from_utf8(&event).unwrap());
            assert_eq!(judged, Ok(()), "{event:?}");
        }
        // Keys that are long count by their octets.
        let long = "x".repeat(EDITS_BYTES);
        let group = format!(
            "<nacm xmlns='urn:ietf:params:xml:ns:yang:ietf-netconf-acm'><groups><group><name>{long}</name></group></groups></nacm>"
        );
        let told = shown(&Edits::between(&old, &tree(&old, &group), 9));
        assert_eq!(told, ["Merge /nacm:nacm/nacm:groups"]);
    }

    /// The value of a leaf-list entry would stand in its target.
    #[test]
    fn values_of_leaf_lists_and_orders_are_told_of_their_parent() {
        let schema = Schema::load(LoadOptions { simulator: true }).unwrap();
        let acm = |inner: &str| {
            format!(
                "<nacm xmlns='urn:ietf:params:xml:ns:yang:ietf-netconf-acm'><groups><group><name>g</name>{inner}</group></groups></nacm>"
            )
        };
        let old = tree(&Tree::empty(schema), &acm(""));
        let new = tree(&old, &acm("<user-name>someone</user-name>"));
        let edits = Edits::between(&old, &new, 9);
        let place = "/nacm:nacm/nacm:groups/nacm:group[nacm:name='g']";
        assert_eq!(shown(&edits), [format!("Merge {place}")]);
        let event = config_change(&Who::Server, &edits).netconf.unwrap();
        assert!(!String::from_utf8_lossy(&event).contains("someone"));
        assert_eq!(Edits::between(&new, &new, 9), Edits::default());
    }

    /// RFC 7950 section 14: an instance-identifier writes a key in one kind of quotes.
    #[test]
    fn a_key_with_both_kinds_of_quotes_is_told_of_the_parent() {
        let schema = Schema::load(LoadOptions { simulator: true }).unwrap();
        let empty = Tree::empty(schema);
        let place = "/esc:esc_datamodel/esc:tenants";
        for (name, told) in [
            (
                "it's",
                format!("Create {place}/esc:tenant[esc:name=\"it's\"]"),
            ),
            (
                "a\"b",
                format!("Create {place}/esc:tenant[esc:name='a\"b']"),
            ),
            ("a\"b'c", format!("Merge {place}")),
        ] {
            let one = format!("<tenants><tenant><name>{name}</name></tenant></tenants>");
            let new = tree(&empty, &esc(&one));
            let edits = Edits::between(&empty, &new, 9);
            assert_eq!(shown(&edits), [told], "{name}");
            let event = config_change(&Who::Server, &edits).netconf.unwrap();
            let judged = schema.validate_notification(std::str::from_utf8(&event).unwrap());
            assert_eq!(judged, Ok(()), "{event:?}");
        }
    }
}
