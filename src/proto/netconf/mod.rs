//! NETCONF as bytes and values (RFC 6241, 6242, 5277), without transport, clock or schema.
//!
//! [`Session`] is the state machine of one session: it frames, says hello, checks the envelope,
//! keeps the order of replies and holds notifications back until they may go. [`Operation`] is
//! what a request asks for, decoded with the errors RFC 6241 prescribes. Nothing here knows what
//! an operation means.
//!
//! Decisions where the RFCs leave a choice: a framing error ends the session (RFC 6242 section
//! 4.2); a message longer than the limit ends it too; malformed XML from a base:1.1 peer is
//! answered with malformed-message and the session stays; from a base:1.0 peer it ends; LFs
//! behind the `]]>]]>` of the client's hello are ignored, between chunked messages one LF is the
//! next header's and more are an error.

mod base_event;
pub mod framing;
mod hello;
pub mod names;
mod notification;
mod operation;
mod reply;
mod rpc;
mod rpc_error;
mod session;

pub use base_event::{Actor, BaseEvent, ChangeOperation, ChangedEdit, ConfirmEvent};
pub use hello::{Base, Hello, HelloError};
pub use notification::{
    NOTIFICATION_COMPLETE, NOTIFICATION_END, REPLAY_COMPLETE, encode_notification,
    notification_start,
};
pub use operation::{
    Commit, CopyConfig, CreateSubscription, DatastoreName, DefaultOperation, EditConfig,
    ErrorOption, Filter, GetSchema, Operation, Source, TestOption, WithDefaults, no_attribute,
    unsupported,
};
pub use reply::{REPLY_END, ReplyTag, RpcReply};
pub use rpc::{Rejection, Rpc};
pub use rpc_error::{ErrorInfo, ErrorPath, ErrorTag, ErrorType, RpcError, Severity};
pub use session::{
    EndReason, RequestSeq, SendError, Session, SessionCounters, SessionEnd, SessionEvent,
    SessionLimits,
};
