//! The operations and their parameters.

use std::num::NonZeroU32;

use crate::clock::Timestamp;
use crate::ids::SessionId;
use crate::xml::{Element, Scope};

/// A configuration datastore that is served. `:startup` and `:url` are not.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum DatastoreName {
    /// `<running/>`.
    Running,
    /// `<candidate/>`.
    Candidate,
}

impl DatastoreName {
    /// The wire word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Candidate => "candidate",
        }
    }
}

/// Where configuration comes from: a datastore, or the request itself.
#[derive(Clone, PartialEq, Debug)]
pub enum Source {
    /// A datastore.
    Datastore(DatastoreName),
    /// The `<config>` element.
    Config(Element),
}

/// `filter` (RFC 6241 sections 6 and 8.9).
#[derive(Clone, PartialEq, Debug)]
pub enum Filter {
    /// The `<filter>` element; its children select.
    Subtree(Element),
    /// An XPath expression.
    XPath {
        /// The expression.
        select: String,
        /// Namespaces in scope at the filter, for its prefixes.
        scope: Scope,
    },
}

/// `with-defaults` (RFC 6243).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[expect(missing_docs, reason = "RFC 6243's own words")]
pub enum WithDefaults {
    ReportAll,
    ReportAllTagged,
    Trim,
    Explicit,
}

/// `default-operation` of edit-config.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[expect(missing_docs, reason = "RFC 6241's own words")]
pub enum DefaultOperation {
    #[default]
    Merge,
    Replace,
    None,
}

/// `test-option` of edit-config.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "RFC 6241's own words")]
pub enum TestOption {
    TestThenSet,
    Set,
    TestOnly,
}

/// `error-option` of edit-config.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[expect(missing_docs, reason = "RFC 6241's own words")]
pub enum ErrorOption {
    #[default]
    StopOnError,
    ContinueOnError,
    RollbackOnError,
}

/// edit-config (RFC 6241 section 7.2).
#[derive(Clone, PartialEq, Debug)]
pub struct EditConfig {
    /// What is edited.
    pub target: DatastoreName,
    /// Operation of elements that name none.
    pub default_operation: DefaultOperation,
    /// Whether to test, to set, or both, if it says so. Without, the standard's default is to do both, and what the
    /// test of a candidate is about waits for the commit (RFC 7950 section 8.3.3).
    pub test_option: Option<TestOption>,
    /// What an error does.
    pub error_option: ErrorOption,
    /// The `<config>` element, always in the base namespace.
    pub config: Element,
}

/// copy-config (RFC 6241 section 7.3).
#[derive(Clone, PartialEq, Debug)]
pub struct CopyConfig {
    /// From where.
    pub source: Source,
    /// To where.
    pub target: DatastoreName,
    /// How defaults in the source are treated (RFC 6243 section 4.5.3).
    pub with_defaults: Option<WithDefaults>,
}

/// commit (RFC 6241 sections 8.3.4.1 and 8.4.5).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Commit {
    /// Whether a confirmation has to follow.
    pub confirmed: bool,
    /// Seconds to wait for it, 600 unless told.
    pub confirm_timeout: NonZeroU32,
    /// Token that lets any session confirm.
    pub persist: Option<String>,
    /// Token of the confirmed commit that this one confirms or follows.
    pub persist_id: Option<String>,
}

/// get-schema (RFC 6022 section 3.1).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GetSchema {
    /// Module name.
    pub identifier: String,
    /// Revision; empty text is a version of its own.
    pub version: Option<String>,
    /// Format, local name (`yang`, `yin`), `yang` unless told.
    pub format: String,
}

/// create-subscription (RFC 5277 section 2.1.1). A stopTime never stands without a startTime, nor before it.
#[derive(Clone, PartialEq, Debug)]
pub struct CreateSubscription {
    /// Stream; NETCONF when absent.
    pub stream: Option<String>,
    /// Filter.
    pub filter: Option<Filter>,
    /// Replay from here, inclusive.
    pub start_time: Option<Timestamp>,
    /// Until here.
    pub stop_time: Option<Timestamp>,
}

/// One request's operation.
#[derive(Clone, PartialEq, Debug)]
pub enum Operation {
    /// get.
    Get {
        /// Filter.
        filter: Option<Filter>,
        /// Defaults.
        with_defaults: Option<WithDefaults>,
    },
    /// get-config.
    GetConfig {
        /// Datastore read.
        source: DatastoreName,
        /// Filter.
        filter: Option<Filter>,
        /// Defaults.
        with_defaults: Option<WithDefaults>,
    },
    /// edit-config.
    EditConfig(Box<EditConfig>),
    /// copy-config.
    CopyConfig(Box<CopyConfig>),
    /// delete-config; that running cannot be deleted is for the server to say (RFC 6241 section 7.4).
    DeleteConfig {
        /// Datastore deleted.
        target: DatastoreName,
    },
    /// lock.
    Lock {
        /// Datastore locked.
        target: DatastoreName,
    },
    /// unlock.
    Unlock {
        /// Datastore unlocked.
        target: DatastoreName,
    },
    /// close-session.
    CloseSession,
    /// kill-session.
    KillSession {
        /// Never 0.
        session_id: SessionId,
    },
    /// validate.
    Validate {
        /// What is validated.
        source: Source,
    },
    /// commit.
    Commit(Commit),
    /// cancel-commit.
    CancelCommit {
        /// Token of the pending confirmed commit.
        persist_id: Option<String>,
    },
    /// discard-changes.
    DiscardChanges,
    /// get-schema.
    GetSchema(GetSchema),
    /// create-subscription.
    CreateSubscription(Box<CreateSubscription>),
    /// An operation of another data model, undecoded.
    Other(Box<Element>),
}
