//! The events that every NETCONF server tells of itself (RFC 6470), as XML.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::num::NonZeroU32;

use super::names::BASE_EVENTS;
use super::session::{EndReason, SessionEnd};
use crate::ids::SessionId;
use crate::xml::Writer;

/// Who did something (`common-session-parms`).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Actor {
    /// The user's name.
    pub user: String,
    /// The session, 0 for none.
    pub session: SessionId,
    /// The address of the client.
    pub host: Option<IpAddr>,
}

/// What was done at the target of an edit (`edit-operation-type`).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[expect(missing_docs, reason = "RFC 6241's own words")]
pub enum ChangeOperation {
    Create,
    Delete,
    Merge,
    Replace,
}

impl ChangeOperation {
    fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Delete => "delete",
            Self::Merge => "merge",
            Self::Replace => "replace",
        }
    }
}

/// One edit of a change of configuration.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ChangedEdit {
    /// Instance-identifier of the topmost node.
    pub target: String,
    /// What was done there.
    pub operation: ChangeOperation,
}

/// What happened to a confirmed commit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ConfirmEvent {
    /// It began; so many seconds are given for its confirmation.
    Start(NonZeroU32),
    /// It was followed by another one; so many seconds are given from now.
    Extend(NonZeroU32),
    /// It was taken back by cancel-commit, or because its session or the server ended.
    Cancel,
    /// It was not confirmed in time, and taken back.
    Timeout,
    /// It was confirmed.
    Complete,
}

/// An event.
#[derive(Clone, PartialEq, Debug)]
pub enum BaseEvent<'a> {
    /// netconf-session-start.
    SessionStart(&'a Actor),
    /// netconf-session-end.
    SessionEnd(&'a Actor, &'a SessionEnd),
    /// netconf-config-change of the running datastore.
    ConfigChange {
        /// Who changed it; `None`: the server by itself.
        by: Option<&'a Actor>,
        /// Prefixes in the targets and what they stand for.
        namespaces: &'a BTreeMap<String, String>,
        /// What was changed.
        edits: &'a [ChangedEdit],
    },
    /// netconf-confirmed-commit.
    ConfirmedCommit(&'a Actor, ConfirmEvent),
}

impl BaseEvent<'_> {
    /// The content of its notification.
    pub fn encode(&self) -> String {
        let mut out = Writer::new();
        match self {
            Self::SessionStart(actor) => {
                out.open(BASE_EVENTS, "netconf-session-start");
                session(&mut out, actor);
            }
            Self::SessionEnd(actor, end) => {
                out.open(BASE_EVENTS, "netconf-session-end");
                session(&mut out, actor);
                // The type has no 0: a killer that is no NETCONF session stays unnamed.
                let killer = end.killed_by.filter(|id| id.0 != 0);
                if let (EndReason::Killed, Some(killer)) = (end.reason, killer) {
                    out.leaf("killed-by", &killer.to_string());
                }
                out.leaf("termination-reason", end.reason.as_str());
            }
            Self::ConfigChange {
                by,
                namespaces,
                edits,
            } => {
                out.open(BASE_EVENTS, "netconf-config-change");
                for (prefix, namespace) in *namespaces {
                    out.attr(&format!("xmlns:{prefix}"), namespace);
                }
                out.start("changed-by");
                match by {
                    Some(actor) => session(&mut out, actor),
                    None => out.empty("server"),
                }
                out.end();
                out.leaf("datastore", "running");
                for edit in *edits {
                    out.start("edit");
                    out.leaf("target", &edit.target);
                    out.leaf("operation", edit.operation.as_str());
                    out.end();
                }
            }
            Self::ConfirmedCommit(actor, event) => {
                out.open(BASE_EVENTS, "netconf-confirmed-commit");
                let (word, timeout) = match event {
                    ConfirmEvent::Start(seconds) => ("start", Some(seconds)),
                    ConfirmEvent::Extend(seconds) => ("extend", Some(seconds)),
                    ConfirmEvent::Cancel => ("cancel", None),
                    ConfirmEvent::Timeout => ("timeout", None),
                    ConfirmEvent::Complete => ("complete", None),
                };
                // A time-out is nobody's (RFC 6470 section 2.2).
                if *event != ConfirmEvent::Timeout {
                    session(&mut out, actor);
                }
                out.leaf("confirm-event", word);
                if let Some(seconds) = timeout {
                    out.leaf("timeout", &seconds.to_string());
                }
            }
        }
        out.finish()
    }
}

fn session(out: &mut Writer, actor: &Actor) {
    out.leaf("username", &actor.user);
    out.leaf("session-id", &actor.session.to_string());
    if let Some(host) = actor.host {
        out.leaf("source-host", &host.to_string());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn actor() -> Actor {
        Actor {
            user: "a<b".to_owned(),
            session: SessionId(4),
            host: Some([127, 0, 0, 1].into()),
        }
    }

    #[test]
    fn a_time_out_names_nobody_and_only_what_runs_has_a_timeout() {
        let event = |event| BaseEvent::ConfirmedCommit(&actor(), event).encode();
        let ns = BASE_EVENTS;
        assert_eq!(
            event(ConfirmEvent::Timeout),
            format!(
                "<netconf-confirmed-commit xmlns=\"{ns}\"><confirm-event>timeout</confirm-event></netconf-confirmed-commit>"
            )
        );
        let start = event(ConfirmEvent::Start(NonZeroU32::MIN));
        assert!(start.contains("<username>a&lt;b</username><session-id>4</session-id><source-host>127.0.0.1</source-host><confirm-event>start</confirm-event><timeout>1</timeout>"), "{start}");
        for quiet in [ConfirmEvent::Cancel, ConfirmEvent::Complete] {
            let text = event(quiet);
            assert!(
                text.contains("<username>") && !text.contains("<timeout>"),
                "{text}"
            );
        }
    }

    #[test]
    fn a_killer_is_named_when_it_is_a_session() {
        let ended = |end| BaseEvent::SessionEnd(&actor(), &end).encode();
        let killed = ended(SessionEnd::killed(SessionId(9)));
        assert!(
            killed.contains(
                "<killed-by>9</killed-by><termination-reason>killed</termination-reason>"
            )
        );
        let nobody = ended(SessionEnd::killed(SessionId(0)));
        assert!(!nobody.contains("killed-by"), "{nobody}");
        let dropped = ended(SessionEnd::new(EndReason::Dropped, "gone"));
        assert!(
            !dropped.contains("gone"),
            "the detail is for the audit log: {dropped}"
        );
    }
}
