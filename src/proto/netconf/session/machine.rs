//! The state machine.

use bytes::{Bytes, BytesMut};

use super::types::{
    EndReason, RequestSeq, SendError, SessionCounters, SessionEnd, SessionEvent, SessionLimits,
};
use crate::clock::Timestamp;
use crate::ids::SessionId;
use crate::proto::netconf::framing::{Decoder, Encoder};
use crate::proto::netconf::hello::{Base, Hello};
use crate::proto::netconf::names::{BASE, NOTIFICATION};
use crate::proto::netconf::notification::{NOTIFICATION_END, notification_start};
use crate::proto::netconf::reply::{REPLY_END, ReplyTag, RpcReply};
use crate::proto::netconf::rpc::{Rejection, Rpc};

/// Octets of output above which no further notification is queued. Events wait in the log, where they
/// cost a slow subscriber nothing, not in its output.
const NOTIFY_AHEAD: usize = 32 * 1024;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum RequestKind {
    Plain,
    CreateSubscription,
    CloseSession,
}

#[derive(Debug)]
struct Request {
    seq: RequestSeq,
    tag: ReplyTag,
    kind: RequestKind,
    streaming: bool,
}

#[derive(Debug)]
enum Phase {
    Hello,
    Open,
    Ended { end: SessionEnd, told: bool },
}

/// The state of one session.
#[derive(Debug)]
pub struct Session {
    id: SessionId,
    limits: SessionLimits,
    phase: Phase,
    base: Base,
    decoder: Decoder,
    encoder: Encoder,
    out: BytesMut,
    request: Option<Request>,
    last_seq: u64,
    subscribed: bool,
    input_ended: bool,
    counters: SessionCounters,
}

impl Session {
    /// A session whose hello is queued at once: some clients wait for it (RFC 6242 section 3.1).
    pub fn new(id: SessionId, capabilities: Vec<String>, limits: SessionLimits) -> Self {
        let mut session = Self {
            id,
            limits,
            phase: Phase::Hello,
            base: Base::V1_0,
            decoder: Decoder::new(limits.hello),
            encoder: Encoder::new(),
            out: BytesMut::new(),
            request: None,
            last_seq: 0,
            subscribed: false,
            input_ended: false,
            counters: SessionCounters::default(),
        };
        session.send(&[&Hello::server(capabilities, id).encode()]);
        session
    }

    /// Its id.
    pub fn id(&self) -> SessionId {
        self.id
    }

    /// The protocol version in force (base:1.0 before the client's hello).
    pub fn base(&self) -> Base {
        self.base
    }

    /// Its counters.
    pub fn counters(&self) -> SessionCounters {
        self.counters
    }

    /// Whether the transport should read on.
    pub fn wants_input(&self) -> bool {
        !self.has_ended() && !self.input_ended && self.decoder.unread() < self.limits.read_ahead
    }

    /// Whether a message has begun and not ended, for the transport's read timeouts.
    pub fn mid_message(&self) -> bool {
        self.request.is_none() && self.decoder.mid_message()
    }

    /// Octets of input held, for a bound over all sessions of a user.
    pub fn held_input(&self) -> usize {
        self.decoder.held()
    }

    /// Takes bytes, in any pieces.
    pub fn receive(&mut self, bytes: &[u8]) {
        if !self.has_ended() {
            self.decoder.push(bytes);
        }
    }

    /// The client sends no more. Whole requests already here are still served, a truncated one never is;
    /// then the session ends as dropped.
    pub fn receive_eof(&mut self) {
        self.input_ended = true;
    }

    /// The next thing to know; to be asked until `None` after bytes came, a reply was given, or output left.
    pub fn next_event(&mut self) -> Option<SessionEvent> {
        loop {
            if let Phase::Ended { end, told } = &mut self.phase {
                return (!std::mem::replace(told, true)).then(|| SessionEvent::Ended(end.clone()));
            }
            if self.request.is_some() || !self.has_room() {
                return None;
            }
            let message = match self.decoder.next_message() {
                Ok(Some(message)) => message,
                Ok(None) if self.input_ended => {
                    let detail = match self.decoder.mid_message() {
                        true => "the client left within a message",
                        false => "the client left without close-session",
                    };
                    self.finish(SessionEnd::new(EndReason::Dropped, detail));
                    continue;
                }
                Ok(None) => return None,
                Err(error) => {
                    let reason = match self.phase {
                        Phase::Hello => EndReason::BadHello,
                        _ => EndReason::Other,
                    };
                    self.finish(SessionEnd::new(reason, format!("framing: {error}")));
                    continue;
                }
            };
            let event = match self.phase {
                Phase::Hello => self.open(&message),
                _ => self.request(&message),
            };
            if event.is_some() {
                return event;
            }
        }
    }

    fn open(&mut self, message: &[u8]) -> Option<SessionEvent> {
        let agreed = Hello::decode_client(message, &self.limits.xml)
            .and_then(|hello| Ok((hello.base()?, hello)));
        match agreed {
            Ok((base, hello)) => {
                self.base = base;
                self.decoder.switch(base.framing(), self.limits.message);
                self.encoder.switch(base.framing());
                self.phase = Phase::Open;
                Some(SessionEvent::Opened { hello, base })
            }
            Err(error) => {
                self.finish(SessionEnd::new(EndReason::BadHello, error.to_string()));
                None
            }
        }
    }

    fn request(&mut self, message: &[u8]) -> Option<SessionEvent> {
        match Rpc::decode(message, self.base, &self.limits.xml) {
            Ok(rpc) => {
                self.counters.in_rpcs += 1;
                self.last_seq += 1;
                let seq = RequestSeq(self.last_seq);
                let kind = if rpc.operation.is(BASE, "close-session") {
                    RequestKind::CloseSession
                } else if rpc.operation.is(NOTIFICATION, "create-subscription") {
                    RequestKind::CreateSubscription
                } else {
                    RequestKind::Plain
                };
                self.request = Some(Request {
                    seq,
                    tag: rpc.reply_tag.clone(),
                    kind,
                    streaming: false,
                });
                Some(SessionEvent::Rpc { seq, rpc })
            }
            Err(Rejection::Answer { tag, error }) => {
                self.counters.in_bad_rpcs += 1;
                self.send_reply(&tag, &RpcReply::from(*error));
                None
            }
            Err(Rejection::End(detail)) => {
                self.counters.in_bad_rpcs += 1;
                self.finish(SessionEnd::new(EndReason::Other, detail));
                None
            }
        }
    }

    /// Answers the request being served. `<ok/>` to create-subscription opens the way for notifications;
    /// `<ok/>` to close-session ends the session once it has left (RFC 6241 section 7.8).
    ///
    /// # Errors
    /// [`SendError::Ended`], [`SendError::NotDue`].
    pub fn reply(&mut self, seq: RequestSeq, reply: &RpcReply) -> Result<(), SendError> {
        let request = self.due(seq, false)?;
        let (tag, kind) = (request.tag.clone(), request.kind);
        self.request = None;
        self.send_reply(&tag, reply);
        match (kind, reply) {
            (RequestKind::CreateSubscription, RpcReply::Ok) => self.subscribed = true,
            (RequestKind::CloseSession, RpcReply::Ok) => {
                self.finish(SessionEnd::new(EndReason::Closed, "close-session"));
            }
            _ => {}
        }
        Ok(())
    }

    /// Begins a reply that comes in pieces; what is pushed are the children of `rpc-reply`. It counts as no
    /// `<ok/>`: create-subscription and close-session are answered by [`Session::reply`]. One that
    /// cannot be completed leaves nothing but [`Session::abort`].
    ///
    /// # Errors
    /// [`SendError::Ended`], [`SendError::NotDue`].
    pub fn begin_reply(&mut self, seq: RequestSeq) -> Result<(), SendError> {
        let request = self.due(seq, false)?;
        request.streaming = true;
        let tag = request.tag.clone();
        self.encoder.push(tag.as_str(), &mut self.out);
        Ok(())
    }

    /// Adds a piece, cut anywhere; the giver of pieces waits while there is no [`Session::has_room`].
    ///
    /// # Errors
    /// [`SendError::Ended`], [`SendError::NotDue`].
    pub fn push_reply(&mut self, seq: RequestSeq, xml: &str) -> Result<(), SendError> {
        self.due(seq, true)?;
        self.encoder.push(xml, &mut self.out);
        Ok(())
    }

    /// Ends a reply that came in pieces.
    ///
    /// # Errors
    /// [`SendError::Ended`], [`SendError::NotDue`].
    pub fn end_reply(&mut self, seq: RequestSeq) -> Result<(), SendError> {
        self.due(seq, true)?;
        self.request = None;
        self.encoder.push(REPLY_END, &mut self.out);
        self.encoder.end(&mut self.out);
        Ok(())
    }

    /// Whether a notification may be queued now: subscribed, no reply under way, little output waiting.
    pub fn can_notify(&self) -> bool {
        self.notify_check().is_ok() && self.has_room() && self.out.len() < NOTIFY_AHEAD
    }

    /// Queues a notification; `content` is one element that declares its own namespaces.
    ///
    /// # Errors
    /// [`SendError::Ended`], [`SendError::NotSubscribed`], [`SendError::ReplyUnderWay`].
    pub fn notify(&mut self, time: Timestamp, content: &str) -> Result<(), SendError> {
        self.notify_check()?;
        self.counters.out_notifications += 1;
        self.send(&[&notification_start(time), content, NOTIFICATION_END]);
        Ok(())
    }

    /// The subscription is over (its stopTime has passed); the session goes on without notifications.
    pub fn end_subscription(&mut self) {
        self.subscribed = false;
    }

    /// Whether more output may be queued without passing the bound.
    pub fn has_room(&self) -> bool {
        self.out.len() < self.limits.output
    }

    /// Octets of output waiting.
    pub fn pending_output(&self) -> usize {
        self.out.len()
    }

    /// Takes at most `max` octets of output; empty when there is none.
    pub fn take_output(&mut self, max: usize) -> Bytes {
        if self.out.len() <= max {
            return std::mem::take(&mut self.out).freeze();
        }
        self.out.split_to(max).freeze()
    }

    /// Ends the session at once: a kill, a timeout, a lost transport. Output not taken is dropped, as half
    /// a message may be in it. The first end stands.
    pub fn abort(&mut self, end: SessionEnd) {
        if !self.has_ended() {
            self.out = BytesMut::new();
            self.finish(end);
        }
    }

    /// Whether [`SessionEvent::Ended`] was told or is due.
    pub fn has_ended(&self) -> bool {
        matches!(self.phase, Phase::Ended { .. })
    }

    /// How it ended.
    pub fn end(&self) -> Option<&SessionEnd> {
        match &self.phase {
            Phase::Ended { end, .. } => Some(end),
            _ => None,
        }
    }

    /// Whether it has ended and all output has left: the transport is to be closed.
    pub fn is_finished(&self) -> bool {
        self.has_ended() && self.out.is_empty()
    }

    fn finish(&mut self, end: SessionEnd) {
        self.request = None;
        self.subscribed = false;
        self.decoder = Decoder::new(0);
        self.phase = Phase::Ended { end, told: false };
    }

    fn due(&mut self, seq: RequestSeq, streaming: bool) -> Result<&mut Request, SendError> {
        if self.has_ended() {
            return Err(SendError::Ended);
        }
        self.request
            .as_mut()
            .filter(|request| request.seq == seq && request.streaming == streaming)
            .ok_or(SendError::NotDue)
    }

    fn notify_check(&self) -> Result<(), SendError> {
        if self.has_ended() {
            Err(SendError::Ended)
        } else if !self.subscribed {
            Err(SendError::NotSubscribed)
        } else if self.encoder.mid_message() {
            Err(SendError::ReplyUnderWay)
        } else {
            Ok(())
        }
    }

    fn send_reply(&mut self, tag: &ReplyTag, reply: &RpcReply) {
        if reply.is_error() {
            self.counters.out_rpc_errors += 1;
        }
        self.send(&[tag.as_str(), &reply.body(self.base), REPLY_END]);
    }

    fn send(&mut self, message: &[&str]) {
        for piece in message {
            self.encoder.push(piece, &mut self.out);
        }
        self.encoder.end(&mut self.out);
    }
}
