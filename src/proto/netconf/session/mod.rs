//! One NETCONF session without its transport: bytes in, events out; replies in, bytes out.
//!
//! ```text
//! hello -Opened-> open -Ended-> draining -> finished
//!   \------------------Ended----^
//! ```
//!
//! Requests are handed out one at a time, so that replies leave in the order of the requests and
//! an edit has been answered before the commit behind it is looked at (RFC 6241 section 4.5);
//! what a client pipelines waits in the decoder, and beyond a bound in the transport.
//!
//! The transport does, whenever something changed: [`Session::receive`] while
//! [`Session::wants_input`], [`Session::next_event`] until `None`, [`Session::take_output`] until
//! empty (and `next_event` again, as room in the output lets decoding go on), and closes when
//! [`Session::is_finished`].

mod machine;
mod types;

pub use machine::Session;
pub use types::{
    EndReason, RequestSeq, SendError, SessionCounters, SessionEnd, SessionEvent, SessionLimits,
};

#[cfg(test)]
mod tests;
