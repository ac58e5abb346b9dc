//! One channel: its pump, its two halves as a session sees them, and its orderly end.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use russh::server::Msg;
use russh::{ChannelMsg, ChannelReadHalf, ChannelWriteHalf};
use tokio::time::timeout;
use tracing::{debug, error};

use super::inbox::{Inbox, Taken};
use super::stream::{Cut, CutCause};
use crate::northbound::netconf::transport::{
    BoxFuture, EndReason, Leave, Peer, Reader, Session, SessionControl, SessionIo, WriteError,
    Writer,
};

/// Octets handed to russh at once; its queue holds a few of these per connection.
const WRITE_SLICE: usize = 32 * 1024;

/// How long the closing messages may take before the connection is cut instead.
const CLOSE_TIME: Duration = Duration::from_secs(5);

/// How long a client that was answered to its end may take to close first. Most do so at once; scrapli sends a line
/// feed after every reply, and takes a channel that is closed by then for a failure.
const PARTING_TIME: Duration = Duration::from_millis(500);

/// Counts one channel of its connection for as long as any part of it lives.
pub(super) struct ChannelSlot(Arc<std::sync::atomic::AtomicUsize>);

impl ChannelSlot {
    pub(super) fn take(
        counter: &Arc<std::sync::atomic::AtomicUsize>,
        limit: usize,
    ) -> Option<Arc<Self>> {
        use std::sync::atomic::Ordering;
        counter
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |n| {
                (n < limit).then_some(n + 1)
            })
            .ok()
            .map(|_| Arc::new(Self(Arc::clone(counter))))
    }
}

impl Drop for ChannelSlot {
    fn drop(&mut self) {
        self.0.fetch_sub(1, std::sync::atomic::Ordering::AcqRel);
    }
}

/// An open channel on which no subsystem runs yet.
pub(super) struct OpenChannel {
    pub(super) inbox: Arc<Inbox>,
    pub(super) control: SessionControl,
    pub(super) write_half: ChannelWriteHalf<Msg>,
    pub(super) slot: Arc<ChannelSlot>,
}

/// Moves what russh delivers into the inbox, until the channel ends.
///
/// Somebody must always read a channel's messages: russh's loop waits for it, and with it every
/// channel of the connection.
pub(super) async fn pump(
    mut read_half: ChannelReadHalf,
    inbox: Arc<Inbox>,
    control: SessionControl,
    cut: Cut,
    _slot: Arc<ChannelSlot>,
) {
    let work = async {
        loop {
            match read_half.wait().await {
                Some(ChannelMsg::Data { data }) if !data.is_empty() => inbox.push(data).await,
                Some(ChannelMsg::Eof) => inbox.end(),
                Some(ChannelMsg::Close) => {
                    inbox.end();
                    return EndReason::ClientClosed;
                }
                None => return EndReason::TransportLost,
                Some(_) => {}
            }
        }
    };
    let reason = tokio::select! {
        reason = work => reason,
        reason = control.ended() => reason,
        () = cut.made() => match cut.cause() {
            Some(CutCause::WriteStalled) => EndReason::WriteStalled,
            Some(CutCause::Shutdown) => EndReason::Shutdown,
            Some(CutCause::LoginTimeout | CutCause::NoSession) => EndReason::HelloTimeout,
            _ => EndReason::TransportLost,
        },
    };
    control.kill(reason);
}

/// A session's view of the inbox.
struct ChannelReader {
    inbox: Arc<Inbox>,
    control: SessionControl,
}

impl ChannelReader {
    async fn next(&mut self) -> Result<Option<Bytes>, EndReason> {
        loop {
            let reason = self.control.reason();
            // Requests that arrived before the client closed are still served; after a kill none is.
            if let Some(reason) = reason
                .as_ref()
                .filter(|reason| **reason != EndReason::ClientClosed)
            {
                return Err(reason.clone());
            }
            match (self.inbox.take(), reason) {
                (Taken::Bytes(bytes), _) => return Ok(Some(bytes)),
                (_, Some(reason)) => return Err(reason),
                (Taken::Eof, None) => return Ok(None),
                (Taken::Empty, None) => {}
            }
            tokio::select! {
                () = self.inbox.readable() => {}
                _ = self.control.ended() => {}
            }
        }
    }
}

impl Reader for ChannelReader {
    fn read(&mut self) -> BoxFuture<'_, Result<Option<Bytes>, EndReason>> {
        Box::pin(self.next())
    }
}

/// A session's way out: reserves the peer's window before it queues, so that a client that does
/// not read stalls nobody else on the connection.
struct ChannelWriter {
    half: Arc<ChannelWriteHalf<Msg>>,
    inbox: Arc<Inbox>,
    control: SessionControl,
    cut: Cut,
    stall: Duration,
}

impl ChannelWriter {
    async fn write_all(&mut self, mut bytes: Bytes) -> Result<(), WriteError> {
        while !bytes.is_empty() {
            let slice = bytes.split_to(bytes.len().min(WRITE_SLICE));
            self.inbox.writer_waits(true);
            let outcome = tokio::select! {
                biased;
                reason = self.control.ended() => Err(reason),
                sent = timeout(self.stall, self.half.data_bytes(slice)) => match sent {
                    Ok(Ok(())) => Ok(()),
                    Ok(Err(_)) => Err(EndReason::TransportLost),
                    Err(_) => {
                        self.control.kill(EndReason::WriteStalled);
                        self.cut.make(CutCause::WriteStalled);
                        Err(EndReason::WriteStalled)
                    }
                },
            };
            self.inbox.writer_waits(false);
            outcome.map_err(WriteError::Ended)?;
        }
        // A write must not be the first to hear of an end only when the window is exhausted.
        self.control
            .reason()
            .map_or(Ok(()), |reason| Err(WriteError::Ended(reason)))
    }
}

impl Writer for ChannelWriter {
    fn write(&mut self, bytes: Bytes) -> BoxFuture<'_, Result<(), WriteError>> {
        Box::pin(self.write_all(bytes))
    }
}

/// Waits for the client to close, for a while; what it still sends is ignored (RFC 6241 section 7.8).
async fn part(inbox: &Inbox, control: &SessionControl) {
    let silence = async {
        loop {
            match inbox.take() {
                Taken::Bytes(_) => {}
                Taken::Eof => return,
                Taken::Empty => inbox.readable().await,
            }
        }
    };
    tokio::select! {
        () = silence => {}
        _ = control.ended() => {}
        () = control.draining() => {}
        () = tokio::time::sleep(PARTING_TIME) => {}
    }
}

/// Runs an admitted session on its channel and leaves the channel in order: EOF, exit status, close
/// (RFC 4254 sections 5.3 and 6.10).
pub(super) async fn serve(
    channel: OpenChannel,
    peer: Peer,
    session: Box<dyn Session>,
    cut: Cut,
    stall: Duration,
    login_time: Duration,
) {
    let OpenChannel {
        inbox,
        control,
        write_half,
        slot,
    } = channel;
    let half = Arc::new(write_half);
    let io = SessionIo {
        reader: Box::new(ChannelReader {
            inbox: Arc::clone(&inbox),
            control: control.clone(),
        }),
        writer: Box::new(ChannelWriter {
            half: Arc::clone(&half),
            inbox: Arc::clone(&inbox),
            control: control.clone(),
            cut: cut.clone(),
            stall,
        }),
        control: control.clone(),
        peer,
    };
    let hello = {
        let control = control.clone();
        async move {
            if timeout(login_time, control.wait_established())
                .await
                .is_err()
            {
                control.kill(EndReason::HelloTimeout);
            }
        }
    };
    // In a task of its own, so that a panic ends this session and no other.
    let mut running = tokio::spawn(session.run(io));
    tokio::pin!(hello);
    let mut hello_pending = true;
    let ended = loop {
        tokio::select! {
            ended = &mut running => break ended,
            () = &mut hello, if hello_pending => hello_pending = false,
        }
    };
    let leave = ended.unwrap_or_else(|failure| {
        error!(%failure, "session task failed");
        Leave::Broken
    });
    if leave == Leave::Gracefully {
        part(&inbox, &control).await;
    }
    let reason = control.reason();
    debug!(?leave, reason = ?reason, "session ended");
    if reason != Some(EndReason::TransportLost) && reason != Some(EndReason::ClientClosed) {
        let status = u32::from(leave == Leave::Broken || reason.is_some());
        let closing = async {
            half.eof().await?;
            half.exit_status(status).await?;
            half.close().await
        };
        if timeout(CLOSE_TIME, closing).await.is_err() {
            cut.make(CutCause::Unanswered);
        }
    }
    control.kill(EndReason::Killed("session ended".to_owned()));
    drop(slot);
}
