//! What goes in and out of a session.

use crate::ids::SessionId;
use crate::proto::netconf::hello::{Base, Hello};
use crate::proto::netconf::rpc::Rpc;
use crate::xml::Limits;

/// What a session may cost.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SessionLimits {
    /// Octets of the client's hello.
    pub hello: usize,
    /// Octets of any later message.
    pub message: usize,
    /// Octets received ahead of the request being served.
    pub read_ahead: usize,
    /// Octets of output above which no further request is read and `Session::has_room` says no.
    pub output: usize,
    /// Of the XML in a message.
    pub xml: Limits,
}

impl Default for SessionLimits {
    fn default() -> Self {
        Self {
            hello: 256 * 1024,
            message: 16 * 1024 * 1024,
            read_ahead: 64 * 1024,
            output: 256 * 1024,
            xml: Limits::default(),
        }
    }
}

/// Why a session ended: `termination-reason` of RFC 6470.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum EndReason {
    /// The client asked for it.
    Closed,
    /// Another session asked for it.
    Killed,
    /// The transport was lost.
    Dropped,
    /// The client was silent for too long.
    Timeout,
    /// The client's hello was wrong.
    BadHello,
    /// Anything else.
    Other,
}

impl EndReason {
    /// The wire word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Killed => "killed",
            Self::Dropped => "dropped",
            Self::Timeout => "timeout",
            Self::BadHello => "bad-hello",
            Self::Other => "other",
        }
    }
}

/// How a session ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SessionEnd {
    /// Kind.
    pub reason: EndReason,
    /// Who killed it, for [`EndReason::Killed`]; 0 when no NETCONF session did.
    pub killed_by: Option<SessionId>,
    /// A sentence for the audit line.
    pub detail: String,
}

impl SessionEnd {
    /// An end that no session caused.
    pub fn new(reason: EndReason, detail: impl Into<String>) -> Self {
        Self {
            reason,
            killed_by: None,
            detail: detail.into(),
        }
    }

    /// An end by kill-session.
    pub fn killed(by: SessionId) -> Self {
        Self {
            reason: EndReason::Killed,
            killed_by: Some(by),
            detail: format!("killed by session {by}"),
        }
    }
}

/// Number of a request in its session, 1 first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct RequestSeq(pub u64);

/// What the session tells its owner.
#[derive(Clone, PartialEq, Debug)]
pub enum SessionEvent {
    /// The hello exchange is done.
    Opened {
        /// The client's hello.
        hello: Hello,
        /// The protocol version in force.
        base: Base,
    },
    /// A request, to be answered by `reply`, or `begin_reply` .. `end_reply`. No other one comes before.
    Rpc {
        /// Its number.
        seq: RequestSeq,
        /// The request.
        rpc: Rpc,
    },
    /// No further request will come; what is queued still goes out. Told once.
    Ended(SessionEnd),
}

/// Counters of RFC 6022, `common-counters`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct SessionCounters {
    /// Correct `rpc` messages received.
    pub in_rpcs: u64,
    /// Messages received where an `rpc` was expected and that were none.
    pub in_bad_rpcs: u64,
    /// Replies sent that carry an `rpc-error`.
    pub out_rpc_errors: u64,
    /// Notifications sent.
    pub out_notifications: u64,
}

/// Why something could not be queued.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SendError {
    /// The session has ended.
    #[error("the session has ended")]
    Ended,
    /// The request is not the one being served, or its reply is not at this stage.
    #[error("no such reply is due")]
    NotDue,
    /// No `<ok/>` of a create-subscription has been queued (RFC 5277 section 2.1.1: the reply comes first).
    #[error("the session is not subscribed")]
    NotSubscribed,
    /// A reply is being streamed.
    #[error("a reply is under way")]
    ReplyUnderWay,
}
