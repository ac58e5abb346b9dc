//! One record, before it is bound into the chain.

use serde::{Deserialize, Serialize};

use super::chain::Head;
use crate::clock::Timestamp;

/// How it ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Done.
    Done,
    /// Not allowed, or not valid.
    Refused,
    /// Allowed, tried, and failed.
    Failed,
}

/// Who did what. Callers never put a password, a key or a configuration value marked secret into it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuditRecord {
    /// User name as claimed or proven; `lifeline` for what the server does by itself.
    pub who: String,
    /// NETCONF session, when there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<u32>,
    /// Address and port of the peer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// The act: `login`, `edit-config`, `kill-session`, `recovery`, ...
    pub what: String,
    /// What it was done to: datastore, path, deployment, VM, user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// More words: the changed paths, the decision's grounds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// How it ended.
    pub result: Outcome,
    /// Why it was refused or failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl AuditRecord {
    /// A record with the required members.
    pub fn new(who: impl Into<String>, what: impl Into<String>, result: Outcome) -> Self {
        Self {
            who: who.into(),
            session: None,
            from: None,
            what: what.into(),
            target: None,
            detail: None,
            result,
            reason: None,
        }
    }

    /// Cuts texts that are too long, at a character, and says how much is missing.
    pub(super) fn cut(&mut self, limit: usize) {
        let required = [&mut self.who, &mut self.what].into_iter();
        let optional = [
            &mut self.from,
            &mut self.target,
            &mut self.detail,
            &mut self.reason,
        ];
        for text in required.chain(optional.into_iter().flatten()) {
            if text.len() > limit {
                let fits = |n: &usize| text.is_char_boundary(*n);
                let kept = (0..=limit).rev().find(fits).unwrap_or(0);
                let missing = text.len() - kept;
                text.truncate(kept);
                text.push_str(&format!("... (+{missing} bytes)"));
            }
        }
    }
}

/// A record in its place: the members of a line, all but `hash`.
#[derive(Serialize)]
pub(super) struct Body<'a> {
    pub seq: u64,
    pub time: String,
    #[serde(flatten)]
    pub record: &'a AuditRecord,
    pub prev: String,
}

impl<'a> Body<'a> {
    /// The record after `head`.
    pub fn after(head: &Head, time: Timestamp, record: &'a AuditRecord) -> Self {
        Self {
            seq: head.seq + 1,
            time: time.to_string(),
            record,
            prev: head.hash_text(),
        }
    }
}
