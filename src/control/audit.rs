//! What the audit log hears of sessions and of changes of running.

use super::session::SessionInfo;
use super::undo::Confirming;
use super::who::Who;
use crate::audit::{AuditRecord, Clip, Outcome, Recorder};
use crate::datastore::{Change, Diff, DiffOp, Location, Tree};
use crate::ids::Revision;
use crate::schema::{NodeKind, Schema};

/// A record of what a session did.
pub fn by(session: &SessionInfo, what: &str, result: Outcome) -> AuditRecord {
    let mut record = AuditRecord::new(session.user.as_str(), what, result);
    record.session = Some(session.id.0);
    record.from = session.peer.map(|peer| peer.to_string());
    record
}

/// A change of running on its way, told once its outcome is known.
pub(super) struct Changed {
    record: AuditRecord,
    /// What it is for a confirmed commit, with a separator.
    note: String,
    revision: Revision,
    old: Tree,
    new: Tree,
}

impl Changed {
    /// Of whoever did it, from one root to the next.
    pub fn by(
        who: &Who,
        revision: Revision,
        confirming: &Confirming,
        old: Tree,
        new: Tree,
    ) -> Self {
        let mut record = who.record("change-running");
        record.target = Some("running".to_owned());
        let note = match confirming {
            Confirming::Pass => String::new(),
            Confirming::Wait(confirm) => {
                let kind = match confirm.persist {
                    Some(_) => "persistent ",
                    None => "",
                };
                let seconds = confirm.timeout;
                format!("{kind}confirmed commit, to be confirmed within {seconds} s; ")
            }
            Confirming::Complete => "confirmed commit confirmed; ".to_owned(),
            Confirming::Revert(why) => {
                format!("confirmed commit taken back: {}; ", why.as_str())
            }
        };
        Self {
            record,
            note,
            revision,
            old,
            new,
        }
    }

    /// Records it: done, or failed for that reason.
    pub async fn told(self, audit: &Recorder, failure: Option<String>) {
        let Self {
            mut record,
            note,
            revision,
            old,
            new,
        } = self;
        let mut words = Clip::new(audit.text_bytes());
        words.push(&match failure {
            None => format!("{note}revision {revision}: "),
            Some(_) => note.clone(),
        });
        // As long as the change is large, which may be megabytes.
        let listed = tokio::task::spawn_blocking(move || {
            list(&Diff::between(&old, &new), &new, &mut words);
            words
        });
        match listed.await {
            Ok(words) => record.set_detail(words),
            Err(error) => {
                let text = format!("{note}revision {revision}: changes not listed: {error}");
                record.detail = Some(text);
            }
        }
        if failure.is_some() {
            record.result = Outcome::Failed;
            record.reason = failure;
        }
        audit.record(record).await;
    }
}

/// What changed, where, without values.
fn list(diff: &Diff, tree: &Tree, out: &mut Clip) {
    let changes = &diff.changes;
    out.push(&match changes.len() {
        1 => "1 change".to_owned(),
        many => format!("{many} changes"),
    });
    let mut between = ": ";
    for change in changes {
        let word = match change.op {
            DiffOp::Create => "create",
            DiffOp::Delete => "delete",
            DiffOp::Replace => "replace",
            DiffOp::Reorder => "reorder",
        };
        out.push(between);
        out.push(word);
        out.push(" ");
        out.push(&place(change, tree.schema()));
        between = "; ";
    }
}

/// The instance path. An entry of a leaf-list is named by its value: that is left out.
fn place(change: &Change, schema: &Schema) -> String {
    let mut location = Location(change.location.0.clone());
    if let Some(last) = location.0.last_mut()
        && schema.node(last.node).kind == NodeKind::LeafList
    {
        last.keys = None;
    }
    location.display(schema)
}
