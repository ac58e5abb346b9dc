//! One session's task: moves bytes between transport and [`Session`], runs requests one at a time,
//! pumps notifications, and ends when it must.
//!
//! ```text
//! transport.read -> Session.receive -> next_event -> Service.handle -> Session.reply -+
//!                                                      Pump.next -> Session.notify ---+-> take_output -> transport.write
//! ```

use std::sync::Arc;

use bytes::Bytes;
use tokio::runtime::RuntimeFlavor;
use tokio::sync::watch;

use super::memory;
use super::notify::{Content, Notification, Pump, PumpError};
use super::service::{Answer, Service};
use super::times::{Awaiting, MessageClock};
use super::trace;
use super::transport::{
    self, BoxFuture, EndReason as TransportEnd, Leave, Reader, SessionIo, WriteError, Writer,
};
use crate::control::input::InputShare;
use crate::control::session::{Counters, KillReason, SessionInfo};
use crate::proto::netconf::{
    EndReason, RequestSeq, Rpc, RpcReply, Session, SessionEnd, SessionEvent,
};

/// Octets handed to the transport at once.
const WRITE: usize = 64 * 1024;
/// Input larger than this is not read on the thread that serves other sessions too.
const LARGE_MESSAGE: usize = 256 * 1024;
/// A reply larger than this leaves in pieces, so that it is not in memory twice.
const STREAM_OVER: usize = 128 * 1024;

/// A session that was admitted; dropping it gives its place back.
pub struct Admitted {
    service: Arc<Service>,
    info: Arc<SessionInfo>,
    killed: watch::Receiver<Option<KillReason>>,
    /// How it ended, once it has.
    end: Option<SessionEnd>,
}

impl Admitted {
    /// Takes a place in the registry's name.
    pub fn new(
        service: Arc<Service>,
        info: Arc<SessionInfo>,
        killed: watch::Receiver<Option<KillReason>>,
    ) -> Self {
        Self {
            service,
            info,
            killed,
            end: None,
        }
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        // Without an end its task panicked, or never ran.
        let unknown = || SessionEnd::new(EndReason::Other, "internal failure");
        let end = self.end.take().unwrap_or_else(unknown);
        self.service.session_ended(&self.info, &end);
        self.service.control().end_session(self.info.id);
    }
}

impl transport::Session for Admitted {
    fn run(self: Box<Self>, io: SessionIo) -> BoxFuture<'static, Leave> {
        Box::pin(Driver::new(self, io).run())
    }
}

type WriteDone = (Box<dyn Writer>, Result<(), WriteError>);

enum Out {
    Idle(Box<dyn Writer>),
    Busy(BoxFuture<'static, WriteDone>),
    Gone,
}

enum Serving {
    Nothing,
    Running(RequestSeq, BoxFuture<'static, Answer>),
    Streaming(RequestSeq, String, usize),
}

struct Driver {
    admitted: Box<Admitted>,
    session: Session,
    reader: Box<dyn Reader>,
    out: Out,
    control: transport::SessionControl,
    serving: Serving,
    pump: Option<Box<Pump>>,
    input_open: bool,
    draining: bool,
    /// Octets read since memory was last given back.
    taken: usize,
    message: MessageClock,
    /// Its part of what its user may hold.
    input: InputShare,
    /// Octets of the request being served.
    served: usize,
    counted: crate::proto::netconf::SessionCounters,
}

/// What the select of one turn found.
enum Turn {
    Read(Result<Option<Bytes>, TransportEnd>),
    Written(WriteDone),
    Answered(Answer),
    Notification(Result<Notification, PumpError>),
    Killed(KillReason),
    Lost(TransportEnd),
    Draining,
    Silent,
}

impl Driver {
    fn new(admitted: Box<Admitted>, io: SessionIo) -> Self {
        let service = &admitted.service;
        let session = Session::new(
            admitted.info.id,
            service.capabilities().to_vec(),
            service.limits(),
        );
        Self {
            message: MessageClock::new(service.message_times(), service.now()),
            input: InputShare::new(admitted.info.input.clone(), admitted.info.id),
            served: 0,
            session,
            reader: io.reader,
            out: Out::Idle(io.writer),
            control: io.control,
            serving: Serving::Nothing,
            pump: None,
            input_open: true,
            draining: false,
            taken: 0,
            counted: Default::default(),
            admitted,
        }
    }

    async fn run(mut self) -> Leave {
        loop {
            self.settle();
            if self.session.is_finished() && matches!(self.out, Out::Idle(_) | Out::Gone) {
                break;
            }
            if self.draining && self.is_quiet() && !self.session.has_ended() {
                self.end(SessionEnd::new(EndReason::Other, "the server stops"));
                continue;
            }
            match self.turn().await {
                Turn::Read(Ok(Some(bytes))) => {
                    self.taken += bytes.len();
                    self.session.receive(&bytes);
                }
                Turn::Read(Ok(None)) => {
                    self.input_open = false;
                    self.session.receive_eof();
                }
                Turn::Read(Err(reason)) | Turn::Lost(reason) => self.lost(&reason),
                Turn::Written((writer, Ok(()))) => self.out = Out::Idle(writer),
                Turn::Written((_, Err(WriteError::Ended(reason)))) => {
                    self.out = Out::Gone;
                    self.lost(&reason);
                }
                Turn::Answered(answer) => self.answered(answer),
                Turn::Notification(Ok(notification)) => self.notify(&notification),
                Turn::Notification(Err(error)) => {
                    self.end(SessionEnd::new(EndReason::Other, error.to_string()));
                }
                Turn::Killed(reason) => self.killed(reason),
                Turn::Draining => self.draining = true,
                Turn::Silent => {
                    self.end(SessionEnd::new(
                        EndReason::Timeout,
                        match self.session.mid_message() {
                            true => "a message was not finished in time",
                            false => "nothing was asked for longer than idle-timeout-s",
                        },
                    ));
                }
            }
        }
        let end = self.session.end().cloned();
        let end = end.unwrap_or_else(|| SessionEnd::new(EndReason::Other, ""));
        let leave = match end.reason {
            EndReason::Closed | EndReason::Dropped => Leave::Gracefully,
            _ => Leave::Broken,
        };
        self.admitted.end = Some(end);
        leave
    }

    /// Whether the request at hand is answered and the answer has left.
    fn is_quiet(&self) -> bool {
        matches!(self.serving, Serving::Nothing)
            && matches!(self.out, Out::Idle(_) | Out::Gone)
            && self.session.pending_output() == 0
    }

    /// Does all that can be done without waiting: events, streaming, the next write.
    fn settle(&mut self) {
        loop {
            self.stream();
            // A server that stops takes no further request.
            if self.draining && !self.session.has_ended() {
                break;
            }
            match self.next_event() {
                None => break,
                Some(SessionEvent::Opened { .. }) => {
                    self.control.established();
                    self.admitted.service.session_opened(&self.admitted.info);
                }
                Some(SessionEvent::Rpc { seq, rpc }) => self.serve(seq, rpc),
                Some(SessionEvent::Ended(_)) => {
                    self.serving = Serving::Nothing;
                    self.pump = None;
                }
            }
        }
        if self.session.pending_output() > 0 {
            match std::mem::replace(&mut self.out, Out::Gone) {
                Out::Idle(mut writer) => {
                    let bytes = self.session.take_output(WRITE);
                    self.out = Out::Busy(Box::pin(async move {
                        let done = writer.write(bytes).await;
                        (writer, done)
                    }));
                }
                Out::Gone => drop(self.session.take_output(usize::MAX)),
                busy => self.out = busy,
            }
        }
        self.count();
        let between = matches!(self.serving, Serving::Nothing) && !self.session.mid_message();
        if self.taken >= memory::WORTH && (between || self.session.has_ended()) {
            self.taken = 0;
            memory::served_large();
        }
    }

    /// Reading a large message takes long: the other sessions of this thread go on elsewhere meanwhile.
    fn next_event(&mut self) -> Option<SessionEvent> {
        let large = self.session.held_input() > LARGE_MESSAGE;
        let handle = tokio::runtime::Handle::current();
        let before = self.session.held_input();
        let event = match large && handle.runtime_flavor() == RuntimeFlavor::MultiThread {
            true => tokio::task::block_in_place(|| self.session.next_event()),
            false => self.session.next_event(),
        };
        let after = self.session.held_input();
        if let Some(SessionEvent::Rpc { .. }) = event {
            self.served = before.saturating_sub(after);
        }
        self.input.set(after + self.served);
        event
    }

    /// What the client can be late with.
    fn awaiting(&self) -> Awaiting {
        if self.session.mid_message() {
            return match self.input.may_grow() {
                true => Awaiting::Message,
                false => Awaiting::Nothing,
            };
        }
        let control = self.admitted.service.control();
        let busy = !matches!(self.serving, Serving::Nothing) || self.session.pending_output() > 0;
        let quiet = busy || self.pump.is_some() || control.is_held(self.admitted.info.id);
        match quiet {
            true => Awaiting::Nothing,
            false => Awaiting::Anything,
        }
    }

    fn serve(&mut self, seq: RequestSeq, rpc: Rpc) {
        let service = self.admitted.service.clone();
        let info = self.admitted.info.clone();
        let subscribed = self.pump.is_some();
        let answer = Box::pin(async move { service.handle(&info, subscribed, rpc).await });
        self.serving = Serving::Running(seq, answer);
    }

    fn answered(&mut self, answer: Answer) {
        let Serving::Running(seq, _) = std::mem::replace(&mut self.serving, Serving::Nothing)
        else {
            return;
        };
        self.served = 0;
        self.input.set(self.session.held_input());
        let large = matches!(&answer.reply, RpcReply::Data(xml) | RpcReply::Body(xml) if xml.len() > STREAM_OVER);
        let sent = match large {
            false => self.session.reply(seq, &answer.reply),
            true => self.session.begin_reply(seq).map(|()| {
                let body = answer.reply.body(self.session.base());
                self.serving = Serving::Streaming(seq, body, 0);
            }),
        };
        if let Err(error) = sent {
            // The session ended while the request ran; what it did stands.
            tracing::debug!(%error, session = %self.admitted.info.id, "reply not sent");
            return;
        }
        if let Some(pump) = answer.subscribe {
            self.pump = Some(pump);
        }
    }

    /// Feeds a long reply as far as there is room.
    fn stream(&mut self) {
        while let Serving::Streaming(seq, body, at) = &mut self.serving {
            if !self.session.has_room() {
                return;
            }
            let mut end = (*at + WRITE).min(body.len());
            while !body.is_char_boundary(end) {
                end += 1;
            }
            let piece = body.get(*at..end).unwrap_or_default();
            let more = end < body.len();
            let sent = self.session.push_reply(*seq, piece);
            *at = end;
            let sent = match more {
                true => sent,
                false => sent.and_then(|()| self.session.end_reply(*seq)),
            };
            if sent.is_err() || !more {
                self.serving = Serving::Nothing;
            }
        }
    }

    fn notify(&mut self, notification: &Notification) {
        let content = match &notification.content {
            Content::Event(bytes) => std::str::from_utf8(bytes),
            Content::Own(text) => Ok(*text),
        };
        match content {
            Ok(content) => {
                if let Err(error) = self.session.notify(notification.time, content) {
                    tracing::debug!(%error, session = %self.admitted.info.id, "notification not sent");
                }
            }
            Err(error) => tracing::error!(%error, "a stored event is not text"),
        }
        if self.pump.as_ref().is_some_and(|pump| pump.ended()) {
            self.pump = None;
            self.session.end_subscription();
        }
    }

    async fn turn(&mut self) -> Turn {
        let draining = self.draining;
        let wants_input = self.session.wants_input() && self.input_open && !draining;
        let now = self.admitted.service.now();
        let awaiting = self.awaiting();
        let silent = self.message.left(now, awaiting);
        let can_notify = self.session.can_notify() && !draining;
        let Self {
            reader,
            out,
            control,
            serving,
            pump,
            admitted,
            message,
            input,
            ..
        } = self;
        tokio::select! {
            biased;
            reason = control.ended() => Turn::Lost(reason),
            reason = killed(&mut admitted.killed) => Turn::Killed(reason),
            done = async {
                match out {
                    Out::Busy(write) => write.await,
                    _ => std::future::pending().await,
                }
            } => Turn::Written(done),
            answer = async {
                match serving {
                    Serving::Running(_, answer) => answer.await,
                    _ => std::future::pending().await,
                }
            } => Turn::Answered(answer),
            item = async {
                match pump {
                    Some(pump) if can_notify => pump.next().await,
                    _ => std::future::pending().await,
                }
            } => Turn::Notification(item),
            read = async {
                if !wants_input {
                    std::future::pending::<()>().await;
                }
                input.room().await;
                reader.read().await
            } => {
                message.heard(admitted.service.now());
                Turn::Read(read)
            }
            () = control.draining(), if !draining => Turn::Draining,
            () = async {
                match silent {
                    Some(left) => tokio::time::sleep(left).await,
                    None => std::future::pending().await,
                }
            } => Turn::Silent,
        }
    }

    fn lost(&mut self, reason: &TransportEnd) {
        let kind = match reason {
            TransportEnd::ClientClosed | TransportEnd::TransportLost => EndReason::Dropped,
            TransportEnd::HelloTimeout => EndReason::Timeout,
            TransportEnd::WriteStalled | TransportEnd::Shutdown | TransportEnd::Killed(_) => {
                EndReason::Other
            }
        };
        self.out = Out::Gone;
        self.end(SessionEnd::new(kind, reason.to_string()));
    }

    /// Ends at once. A write under way is not waited for: its client may have stopped reading.
    fn killed(&mut self, reason: KillReason) {
        self.out = Out::Gone;
        self.end(match reason {
            KillReason::Killed(by) => SessionEnd::killed(by),
            KillReason::Shutdown => SessionEnd::new(EndReason::Other, "the server stops"),
        });
    }

    fn end(&mut self, end: SessionEnd) {
        self.serving = Serving::Nothing;
        self.pump = None;
        self.session.abort(end);
        self.served = 0;
        self.input.set(0);
    }

    /// Carries the session's counters over to the registry's.
    fn count(&mut self) {
        let now = self.session.counters();
        let before = std::mem::replace(&mut self.counted, now);
        let control = self.admitted.service.control();
        let bad = now.in_bad_rpcs - before.in_bad_rpcs;
        if bad > 0 {
            control
                .audit()
                .note(trace::not_understood(&self.admitted.info, bad));
        }
        let totals = &control.sessions.totals;
        for counters in [&self.admitted.info.counters, totals] {
            Counters::add(&counters.in_rpcs, now.in_rpcs - before.in_rpcs);
            Counters::add(&counters.in_bad_rpcs, bad);
            Counters::add(
                &counters.out_rpc_errors,
                now.out_rpc_errors - before.out_rpc_errors,
            );
            Counters::add(
                &counters.out_notifications,
                now.out_notifications - before.out_notifications,
            );
        }
    }
}

async fn killed(receiver: &mut watch::Receiver<Option<KillReason>>) -> KillReason {
    let found = receiver
        .wait_for(Option::is_some)
        .await
        .map(|reason| *reason);
    match found {
        Ok(Some(reason)) => reason,
        _ => std::future::pending().await,
    }
}
