//! One record, before it is bound into the chain.

use serde::{Deserialize, Serialize};

use sha2::{Digest, Sha256};

use super::chain::{Head, hex};
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
    /// Its detail is as long as it may be.
    #[serde(skip)]
    clipped: bool,
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
            clipped: false,
        }
    }

    /// Sets more words that may be many: cut already where they are.
    pub fn set_detail(&mut self, words: Clip) {
        self.detail = Some(words.finish());
        self.clipped = true;
    }

    /// Cuts texts that are too long, and says so.
    pub(super) fn cut(&mut self, limit: usize) {
        let required = [&mut self.who, &mut self.what].into_iter();
        let mut nothing = None;
        let detail = match self.clipped {
            true => &mut nothing,
            false => &mut self.detail,
        };
        let optional = [&mut self.from, &mut self.target, detail, &mut self.reason];
        for text in required.chain(optional.into_iter().flatten()) {
            if text.len() > limit {
                let mut clip = Clip::new(limit);
                clip.push(text);
                *text = clip.finish();
            }
        }
    }
}

/// A text of which only the beginning is kept. Where it was longer, how long it was and its SHA-256 follow: whoever has
/// the whole of it can show that it is the one.
#[derive(Debug)]
pub struct Clip {
    kept: String,
    limit: usize,
    bytes: usize,
    digest: Sha256,
}

impl Clip {
    /// Nothing yet; that many bytes are kept, and no character is cut through.
    pub fn new(limit: usize) -> Self {
        Self {
            kept: String::new(),
            limit,
            bytes: 0,
            digest: Sha256::new(),
        }
    }

    /// Adds a piece.
    pub fn push(&mut self, piece: &str) {
        self.digest.update(piece.as_bytes());
        // Once something is missing nothing is kept that comes after it.
        if self.kept.len() == self.bytes {
            let room = self.limit.saturating_sub(self.bytes).min(piece.len());
            let fits = |n: &usize| piece.is_char_boundary(*n);
            let end = (0..=room).rev().find(fits).unwrap_or(0);
            self.kept.push_str(piece.get(..end).unwrap_or_default());
        }
        self.bytes += piece.len();
    }

    /// The text, or its beginning and what is to be known of the rest.
    pub fn finish(self) -> String {
        let Self {
            mut kept,
            bytes,
            digest,
            ..
        } = self;
        if bytes > kept.len() {
            let digest = hex(&digest.finalize());
            kept.push_str(&format!("... (cut: {bytes} bytes, sha-256 {digest})"));
        }
        kept
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
