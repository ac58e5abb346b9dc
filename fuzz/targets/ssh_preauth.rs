//! The SSH listener before anybody has logged in: octets, clear packets, and packets behind a real key exchange.

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use lifeline::clock::SystemClock;
use lifeline::northbound::netconf::ssh::{
    AuthUnavailable, Authenticator, ClientKey, Identity, KeyProof, SshServer, SshSettings,
};
use lifeline::northbound::netconf::transport::{BoxFuture, Peer, Refused, Session, SessionHandler};
use russh::keys::{Algorithm, PrivateKey};

#[path = "../../tests/attacks/wire.rs"]
#[allow(dead_code, missing_docs)]
mod wire;

use wire::{CHANNEL_OPEN_CONFIRMATION, USERAUTH_SUCCESS, Wire, connect_from};

/// Nobody gets in.
struct Closed;

impl Authenticator for Closed {
    fn password<'a>(
        &'a self,
        _: &'a str,
        _: &'a str,
        _: SocketAddr,
    ) -> BoxFuture<'a, Result<Option<Identity>, AuthUnavailable>> {
        Box::pin(async { Ok(None) })
    }

    fn public_key<'a>(
        &'a self,
        _: &'a str,
        _: ClientKey<'a>,
        _: KeyProof,
        _: SocketAddr,
    ) -> BoxFuture<'a, Result<Option<Identity>, AuthUnavailable>> {
        Box::pin(async { Ok(None) })
    }
}

impl SessionHandler for Closed {
    fn admit(&self, _: &Peer) -> Result<Box<dyn Session>, Refused> {
        panic!("a session without a login");
    }
}

fn server() -> SocketAddr {
    static SERVER: OnceLock<(tokio::runtime::Runtime, SshServer)> = OnceLock::new();
    let (_, server) = SERVER.get_or_init(|| {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        let mut settings = SshSettings {
            auth_rejection_milliseconds: 0,
            login_seconds: 30,
            ..SshSettings::default()
        };
        settings.penalties.enabled = false;
        settings.startups.begin = 1_000;
        settings.startups.full = 2_000;
        let key = PrivateKey::random(&mut rand::rng(), Algorithm::Ed25519).expect("a key");
        let server = runtime.block_on(async {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await;
            SshServer::start(
                listener.expect("a listener"),
                settings,
                vec![key],
                Arc::new(SystemClock::new()),
                Arc::new(Closed),
                Arc::new(Closed),
            )
            .expect("a server")
        });
        (runtime, server)
    });
    server.address()
}

/// `[length][payload]` after each other.
fn packets(mut data: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let (length, rest) = data.split_first()?;
        let length = usize::from(*length).min(rest.len());
        let (packet, rest) = rest.split_at(length);
        data = rest;
        Some(packet)
    })
}

pub fn run(data: &[u8]) {
    let Some((mode, rest)) = data.split_first() else {
        return;
    };
    let address = server();
    // Ports of one address would be used up.
    let spread = data.iter().fold(17_u32, |sum, octet| {
        sum.wrapping_mul(31).wrapping_add(u32::from(*octet))
    });
    let source = [127, 1, (spread >> 8) as u8, (spread as u8).clamp(1, 254)];
    let Ok(tcp) = connect_from(source, address) else {
        return;
    };
    let _ = socket2::SockRef::from(&tcp).set_linger(Some(Duration::ZERO));
    let Some(mut wire) = Wire::open(tcp) else {
        return;
    };
    match mode % 4 {
        0 => wire.octets(rest),
        1 => {
            wire.octets("SSH-2.0-attacker_1.0\r\n");
            wire.octets(rest);
        }
        2 => {
            wire.octets("SSH-2.0-attacker_1.0\r\n");
            for packet in packets(rest) {
                wire.packet(packet);
            }
        }
        _ => {
            wire.octets("SSH-2.0-attacker_1.0\r\n");
            wire.exchange_keys(mode & 4 == 0);
            if mode & 8 == 0 {
                wire.ask_for_login();
            }
            for packet in packets(rest) {
                wire.packet(packet);
            }
        }
    }
    let _ = wire.tcp.shutdown(std::net::Shutdown::Write);
    let (_, said) = wire.closes(Duration::from_secs(3));
    for packet in said {
        let kind = packet.first().copied();
        assert_ne!(kind, Some(USERAUTH_SUCCESS));
        assert_ne!(kind, Some(CHANNEL_OPEN_CONFIRMATION));
    }
}
