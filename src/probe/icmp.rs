//! ICMP echo: one socket for each address family, shared by all probes.
//!
//! Unprivileged ping sockets are tried first (Linux: `net.ipv4.ping_group_range`), then raw ones
//! (root or `CAP_NET_RAW`). A reply counts when address, sequence number and nonce are those of a request.

use std::collections::HashMap;
use std::io;
use std::mem::MaybeUninit;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use socket2::{Domain, Protocol, SockAddr, Socket, Type};
use tokio::io::unix::AsyncFd;
use tokio::sync::oneshot;
use tokio::task::AbortHandle;

use super::packet;
use crate::clock::{Clock, Mono};
use crate::engine::port::Verdict;

/// Room for thousands of replies that come at once.
const RECEIVE_BUFFER: usize = 1 << 20;

/// Sends echo requests and waits for replies.
pub struct Pinger {
    clock: Arc<dyn Clock>,
    v4: Mutex<Option<Open>>,
    v6: Mutex<Option<Open>>,
    /// That no socket is allowed was said once.
    warned: AtomicBool,
}

/// A channel and the task that receives for it.
struct Open {
    channel: Arc<Channel>,
    receiver: AbortHandle,
}

impl Drop for Open {
    fn drop(&mut self) {
        self.receiver.abort();
    }
}

/// An open socket and the requests on their way.
struct Channel {
    socket: AsyncFd<Socket>,
    v4: bool,
    raw: bool,
    id: u16,
    waiting: Mutex<Waiting>,
    closed: AtomicBool,
}

#[derive(Default)]
struct Waiting {
    by_seq: HashMap<u16, Request>,
    next: u16,
}

struct Request {
    address: IpAddr,
    nonce: u64,
    reply: oneshot::Sender<()>,
}

impl Pinger {
    /// Opens nothing yet: a family's socket is opened at its first probe.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            v4: Mutex::new(None),
            v6: Mutex::new(None),
            warned: AtomicBool::new(false),
        }
    }

    /// Sends one echo request and waits for its reply.
    pub async fn ping(&self, address: IpAddr, timeout: Duration) -> Verdict {
        let channel = match self.channel(address.is_ipv4()) {
            Ok(channel) => channel,
            Err(error) => {
                if !self.warned.swap(true, Ordering::Relaxed) {
                    tracing::warn!(
                        %error,
                        "no ICMP probes: neither ping sockets (sysctl net.ipv4.ping_group_range) nor raw ones are allowed"
                    );
                }
                return Verdict::CannotTell;
            }
        };
        let Some((ticket, reply)) = Ticket::draw(&channel, address) else {
            return Verdict::CannotTell;
        };
        let sent = self.clock.mono();
        if let Err(error) = channel.send(address, &ticket).await {
            tracing::debug!(%address, %error, "ICMP echo request not sent");
            return Verdict::CannotTell;
        }
        match tokio::time::timeout(timeout, reply).await {
            Ok(Ok(())) => {
                let took = self.clock.mono().saturating_sub(sent);
                Verdict::Alive(took.as_secs_f64() * 1000.0)
            }
            // the socket broke while we waited
            Ok(Err(_)) => Verdict::CannotTell,
            Err(_) => silence(&*self.clock, sent, timeout),
        }
    }

    fn channel(&self, v4: bool) -> io::Result<Arc<Channel>> {
        let slot = if v4 { &self.v4 } else { &self.v6 };
        let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(open) = slot.as_ref()
            && !open.channel.closed.load(Ordering::Acquire)
        {
            return Ok(open.channel.clone());
        }
        let channel = Arc::new(Channel::open(v4)?);
        let receiver = tokio::spawn(receive(channel.clone())).abort_handle();
        *slot = Some(Open {
            channel: channel.clone(),
            receiver,
        });
        Ok(channel)
    }
}

/// Silence at the timeout, unless our own process slept much longer than that: then the reply may have
/// come and gone unheard (P6).
pub fn silence(clock: &dyn Clock, sent: Mono, timeout: Duration) -> Verdict {
    let waited = clock.mono().saturating_sub(sent);
    match waited > timeout * 2 + Duration::from_millis(500) {
        true => Verdict::CannotTell,
        false => Verdict::NoAnswer,
    }
}

/// A request on its way; dropped, it is forgotten.
struct Ticket<'a> {
    channel: &'a Channel,
    seq: u16,
    nonce: u64,
}

impl<'a> Ticket<'a> {
    /// `None`: all sequence numbers are on their way.
    fn draw(channel: &'a Channel, address: IpAddr) -> Option<(Self, oneshot::Receiver<()>)> {
        let (reply, receiver) = oneshot::channel();
        let nonce = rand::random();
        let mut waiting = channel.waiting();
        let seq = (0..=u16::MAX)
            .map(|step| waiting.next.wrapping_add(step))
            .find(|seq| !waiting.by_seq.contains_key(seq))?;
        waiting.next = seq.wrapping_add(1);
        let request = Request {
            address,
            nonce,
            reply,
        };
        waiting.by_seq.insert(seq, request);
        let ticket = Self {
            channel,
            seq,
            nonce,
        };
        Some((ticket, receiver))
    }
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        self.channel.waiting().by_seq.remove(&self.seq);
    }
}

impl Channel {
    fn open(v4: bool) -> io::Result<Self> {
        let (domain, protocol, any) = match v4 {
            true => (
                Domain::IPV4,
                Protocol::ICMPV4,
                IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            ),
            false => (
                Domain::IPV6,
                Protocol::ICMPV6,
                IpAddr::V6(Ipv6Addr::UNSPECIFIED),
            ),
        };
        let (socket, raw) = match Socket::new(domain, Type::DGRAM, Some(protocol)) {
            Ok(socket) => (socket, false),
            Err(first) => match Socket::new(domain, Type::RAW, Some(protocol)) {
                Ok(socket) => (socket, true),
                // the first refusal is the one that an administrator can lift
                Err(_) => return Err(first),
            },
        };
        socket.set_nonblocking(true)?;
        // a smaller buffer only loses replies under a burst
        let _ = socket.set_recv_buffer_size(RECEIVE_BUFFER);
        if !raw {
            // gives the socket its identifier before the first request
            socket.bind(&SockAddr::from(SocketAddr::new(any, 0)))?;
        }
        // SAFETY: the socket owns its descriptor, keeps the same one, and closes it only when the
        // `AsyncFd` that owns the socket from now on is dropped.
        let socket = unsafe { AsyncFd::register(socket)? };
        Ok(Self {
            socket,
            v4,
            raw,
            id: rand::random(),
            waiting: Mutex::default(),
            closed: AtomicBool::new(false),
        })
    }

    async fn send(&self, address: IpAddr, ticket: &Ticket<'_>) -> io::Result<()> {
        let bytes = packet::request(self.v4, self.id, ticket.seq, ticket.nonce);
        let to = SockAddr::from(SocketAddr::new(address, 0));
        loop {
            let mut ready = self.socket.writable().await?;
            if let Ok(sent) = ready.try_io(|socket| socket.get_ref().send_to(&bytes, &to)) {
                return sent.map(|_| ());
            }
        }
    }

    /// Hands a packet to the probe that waits for it, if it is one's reply.
    fn deliver(&self, from: IpAddr, bytes: &[u8]) {
        let Some(reply) = packet::reply(self.v4, self.raw, bytes) else {
            return;
        };
        if self.raw && reply.id != self.id {
            return;
        }
        let mut waiting = self.waiting();
        let expected = waiting
            .by_seq
            .get(&reply.seq)
            .is_some_and(|request| request.address == from && request.nonce == reply.nonce);
        if expected && let Some(request) = waiting.by_seq.remove(&reply.seq) {
            // whoever waited may have given up just now
            let _ = request.reply.send(());
        }
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Receives until the socket breaks; those who wait then cannot tell, and the next probe opens another.
async fn receive(channel: Arc<Channel>) {
    let mut buffer = [MaybeUninit::<u8>::uninit(); 512];
    let error = loop {
        let mut ready = match channel.socket.readable().await {
            Ok(ready) => ready,
            Err(error) => break error,
        };
        match ready.try_io(|socket| socket.get_ref().recv_from(&mut buffer)) {
            // not ready after all
            Err(_) => {}
            Ok(Err(error)) if error.kind() == io::ErrorKind::Interrupted => {}
            Ok(Err(error)) => break error,
            Ok(Ok((length, from))) => {
                let bytes: Vec<u8> = buffer
                    .iter()
                    .take(length)
                    // SAFETY: recv_from has written the first `length` bytes.
                    .map(|byte| unsafe { byte.assume_init() })
                    .collect();
                if let Some(from) = from.as_socket() {
                    channel.deliver(from.ip(), &bytes);
                }
            }
        }
    };
    tracing::warn!(%error, "ICMP socket broke");
    channel.closed.store(true, Ordering::Release);
    channel.waiting().by_seq.clear();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::{ManualClock, SystemClock, Timestamp};

    /// Whether this machine allows ICMP sockets at all.
    fn allowed(v4: bool) -> bool {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        runtime
            .unwrap()
            .block_on(async { Channel::open(v4).is_ok() })
    }

    #[test]
    fn our_own_address_answers_where_sockets_are_allowed() {
        let allowed = allowed(true);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        runtime.unwrap().block_on(async {
            let pinger = Pinger::new(Arc::new(SystemClock::new()));
            let wait = Duration::from_secs(2);
            let pings = (0..200).map(|n| {
                let address = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 1 + n as u8));
                (address, pinger.ping(address, wait))
            });
            let (addresses, pings): (Vec<_>, Vec<_>) = pings.unzip();
            for (address, ping) in addresses.into_iter().zip(pings) {
                match ping.await {
                    Verdict::Alive(millis) => assert!(allowed && millis < 2000.0),
                    Verdict::CannotTell => assert!(!allowed, "{address}"),
                    Verdict::NoAnswer => panic!("{address} is silent"),
                }
            }
            let open = pinger.v4.lock().unwrap();
            let left = open
                .as_ref()
                .map_or(0, |open| open.channel.waiting().by_seq.len());
            assert_eq!(left, 0, "nothing is left waiting");
        });
    }

    #[tokio::test]
    async fn a_reply_counts_only_with_address_sequence_and_nonce() {
        let Ok(channel) = Channel::open(true) else {
            return;
        };
        let address = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let (ticket, mut reply) = Ticket::draw(&channel, address).unwrap();
        let answer = |seq, nonce| {
            let mut bytes = packet::request(true, channel.id, seq, nonce).to_vec();
            bytes[0] = 0;
            match channel.raw {
                true => [vec![0x45; 20], bytes].concat(),
                false => bytes,
            }
        };
        channel.deliver(address, &answer(ticket.seq, ticket.nonce ^ 1));
        channel.deliver(address, &answer(ticket.seq ^ 1, ticket.nonce));
        channel.deliver(
            "10.0.0.1".parse().unwrap(),
            &answer(ticket.seq, ticket.nonce),
        );
        assert!(reply.try_recv().is_err());
        channel.deliver(address, &answer(ticket.seq, ticket.nonce));
        assert!(reply.try_recv().is_ok());
    }

    #[test]
    fn a_process_that_slept_through_the_timeout_cannot_tell() {
        let clock = ManualClock::new(Timestamp::default());
        let timeout = Duration::from_secs(1);
        clock.advance(timeout);
        assert_eq!(silence(&clock, Mono::ZERO, timeout), Verdict::NoAnswer);
        clock.advance(Duration::from_secs(60));
        assert_eq!(silence(&clock, Mono::ZERO, timeout), Verdict::CannotTell);
    }
}
