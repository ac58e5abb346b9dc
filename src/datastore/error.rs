//! What can be wrong with an edit, a tree or a filter, with the data an rpc-error needs.

use thiserror::Error;

/// A refusal, precise enough to be mapped to one RFC 6241 `rpc-error` without looking again.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[error("{message}{}", self.at())]
pub struct Error {
    /// What kind of refusal.
    pub kind: ErrorKind,
    /// Instance path with the modules' own prefixes (`/esc:esc_datamodel/...`), empty for none.
    pub path: String,
    /// One sentence for a person.
    pub message: String,
}

/// Kinds of refusal; each names the error-tag it stands for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ErrorKind {
    /// `unknown-element`.
    UnknownElement {
        /// Local name of the element.
        name: String,
    },
    /// `unknown-namespace`.
    UnknownNamespace {
        /// Local name of the element.
        name: String,
        /// Its namespace, empty for none.
        ns: String,
    },
    /// `unknown-attribute`.
    UnknownAttribute {
        /// Attribute.
        attr: String,
        /// Element it stands on.
        element: String,
    },
    /// `missing-attribute`.
    MissingAttribute {
        /// Attribute.
        attr: String,
        /// Element it should stand on.
        element: String,
    },
    /// `bad-attribute`.
    BadAttribute {
        /// Attribute.
        attr: String,
        /// Element it stands on.
        element: String,
        /// error-app-tag (RFC 7950 section 15.7: `missing-instance`).
        app_tag: Option<&'static str>,
    },
    /// `bad-element`.
    BadElement {
        /// Local name of the element.
        name: String,
    },
    /// `missing-element`: a list entry without one of its keys.
    MissingKey {
        /// Local name of the key leaf.
        key: String,
    },
    /// `unknown-element`: state data inside a configuration edit.
    StateData {
        /// Local name of the element.
        name: String,
    },
    /// `invalid-value`.
    InvalidValue {
        /// error-app-tag of the type's restriction, when it has one.
        app_tag: Option<String>,
    },
    /// `data-exists`.
    DataExists,
    /// `data-missing`.
    DataMissing,
    /// `access-denied` (RFC 8341 section 3.4.5).
    AccessDenied,
    /// `in-use`: something else still needs what was to be deleted.
    InUse {
        /// Instance path of what needs it.
        by: String,
        /// The same in words, as the end of the message.
        user: String,
    },
    /// `resource-denied`: a budget is used up.
    ResourceDenied,
    /// `too-big`.
    TooBig,
    /// `operation-failed`, app-tag `must-violation` or the statement's own (RFC 7950 15.4).
    Must {
        /// error-app-tag to report.
        app_tag: String,
    },
    /// `data-missing`, app-tag `instance-required` (RFC 7950 15.5).
    InstanceRequired,
    /// `data-missing`: a mandatory node is not there.
    Mandatory {
        /// Local name of the node.
        name: String,
    },
    /// `data-missing`, app-tag `missing-choice` (RFC 7950 15.6).
    MissingChoice {
        /// Name of the choice.
        choice: String,
    },
    /// `operation-failed`, app-tag `data-not-unique` (RFC 7950 15.1).
    DataNotUnique {
        /// Instance paths of the leafs that agree.
        leafs: Vec<String>,
    },
    /// `operation-failed`, app-tag `too-few-elements` (RFC 7950 15.3).
    TooFew,
    /// `operation-failed`, app-tag `too-many-elements` (RFC 7950 15.2).
    TooMany,
    /// `operation-failed` without anything more precise.
    Failed,
}

impl Error {
    /// Makes an error.
    pub fn new(kind: ErrorKind, path: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            kind,
            path: path.into(),
            message: message.into(),
        }
    }

    /// `invalid-value` without an app-tag.
    pub fn invalid(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(ErrorKind::InvalidValue { app_tag: None }, path, message)
    }

    fn at(&self) -> String {
        match self.path.is_empty() {
            true => String::new(),
            false => format!(" at {}", self.path),
        }
    }
}
