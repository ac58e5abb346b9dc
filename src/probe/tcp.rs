//! TCP connect: whether a port of the VM takes a connection.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use socket2::{Domain, Protocol, SockAddr, Socket, Type};
use tokio::net::TcpStream;

use super::icmp::silence;
use crate::clock::Clock;
use crate::engine::port::Verdict;

/// Connects and closes at once; alive carries the milliseconds it took.
pub async fn connect(clock: &dyn Clock, address: SocketAddr, timeout: Duration) -> Verdict {
    let sent = clock.mono();
    let stream = match begin(address) {
        Ok(stream) => stream,
        // refused before a packet left us, except by a port of this very machine
        Err(error) if is_reset(&error) => return Verdict::NoAnswer,
        Err(error) => {
            tracing::debug!(%address, %error, "TCP probe not sent");
            return Verdict::CannotTell;
        }
    };
    let ended = tokio::time::timeout(timeout, async {
        stream.writable().await?;
        match stream.take_error()? {
            None => Ok(()),
            Some(error) => Err(error),
        }
    });
    match ended.await {
        Ok(Ok(())) => {
            let took = clock.mono().saturating_sub(sent);
            Verdict::Alive(took.as_secs_f64() * 1000.0)
        }
        Ok(Err(error)) if is_answer_of_the_far_side(&error) => Verdict::NoAnswer,
        Ok(Err(error)) => {
            tracing::debug!(%address, %error, "TCP probe failed on the way");
            Verdict::CannotTell
        }
        Err(_) => silence(clock, sent, timeout),
    }
}

/// Sends the first packet. An error here is known before anything left the machine.
fn begin(address: SocketAddr) -> io::Result<TcpStream> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    socket.set_nonblocking(true)?;
    match socket.connect(&SockAddr::from(address)) {
        Ok(()) => {}
        Err(error) if error.raw_os_error() == Some(libc::EINPROGRESS) => {}
        Err(error) => return Err(error),
    }
    TcpStream::from_std(socket.into())
}

fn is_reset(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionReset
    )
}

/// A port that is closed, a host that its last hop cannot find, a connection that nobody answers.
fn is_answer_of_the_far_side(error: &io::Error) -> bool {
    is_reset(error)
        || matches!(
            error.kind(),
            io::ErrorKind::TimedOut | io::ErrorKind::HostUnreachable
        )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemClock;
    use std::net::{Ipv4Addr, TcpListener};

    const WAIT: Duration = Duration::from_millis(300);

    #[tokio::test]
    async fn an_open_port_is_alive_a_closed_one_does_not_answer() {
        let clock = SystemClock::new();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        assert!(matches!(
            connect(&clock, address, WAIT).await,
            Verdict::Alive(_)
        ));
        drop(listener);
        assert_eq!(connect(&clock, address, WAIT).await, Verdict::NoAnswer);
    }

    #[tokio::test]
    async fn a_port_that_stays_silent_does_not_answer() {
        let clock = SystemClock::new();
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket
            .bind(&SockAddr::from(SocketAddr::from(([127, 0, 0, 1], 0))))
            .unwrap();
        socket.listen(0).unwrap();
        let address = socket.local_addr().unwrap().as_socket().unwrap();
        // the backlog is full after one or two connections; then the kernel drops what comes
        let mut held = Vec::new();
        for _ in 0..4 {
            held.push(begin(address).unwrap());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert_eq!(connect(&clock, address, WAIT).await, Verdict::NoAnswer);
    }

    #[tokio::test]
    async fn what_cannot_be_sent_cannot_tell() {
        let clock = SystemClock::new();
        // a broadcast address is forbidden to TCP on our side already
        let address = SocketAddr::from(([255, 255, 255, 255], 22));
        assert_eq!(connect(&clock, address, WAIT).await, Verdict::CannotTell);
    }

    #[test]
    fn errors_are_ours_or_the_far_sides() {
        let far = [
            libc::ECONNREFUSED,
            libc::ECONNRESET,
            libc::ETIMEDOUT,
            libc::EHOSTUNREACH,
        ];
        let ours = [
            libc::ENETUNREACH,
            libc::EACCES,
            libc::EPERM,
            libc::EMFILE,
            libc::ENOBUFS,
            libc::EADDRNOTAVAIL,
            libc::ENETDOWN,
        ];
        for (codes, expected) in [(&far[..], true), (&ours[..], false)] {
            for code in codes {
                let error = io::Error::from_raw_os_error(*code);
                assert_eq!(is_answer_of_the_far_side(&error), expected, "{error}");
            }
        }
    }
}
