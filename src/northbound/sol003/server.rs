//! The face as a whole: its listener, what its handlers share, its end.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context;
use axum::Router;
use axum::extract::connect_info::Connected;
use axum::extract::{ConnectInfo, Request};
use axum::http::HeaderMap;
use axum::serve::IncomingStream;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::gate;
use super::login::{Credentials, Logins};
use super::notify::Callbacks;
use super::settings::Settings;
use super::subscriptions::{self, Registry};
use super::target::Places;
use super::tls::{self, Connections};
use crate::control::service::Control;
use crate::datastore::Nacm;
use crate::ids::Minter;
use crate::proto::sol003::Major;

/// Lists made at the same time: each keeps a thread busy, and holds every entry of a page.
const LISTS: usize = 4;

/// Who is let in.
pub enum Security {
    /// Users.
    Users(Arc<dyn Credentials>),
    /// Everybody, with every right: on a loopback address only (`--http-insecure`).
    Nobody,
}

/// What the face is made of.
pub struct Parts {
    /// The control room.
    pub control: Arc<Control>,
    /// Who is let in.
    pub security: Security,
    /// Its bounds.
    pub settings: Settings,
    /// Seed of the ids of instances and subscriptions.
    pub seed: u64,
}

/// What all handlers share.
pub(super) struct App {
    pub control: Arc<Control>,
    pub settings: Settings,
    pub logins: Logins,
    pub subscriptions: Registry,
    pub callbacks: Arc<Callbacks>,
    pub end: CancellationToken,
    /// Lists that may be made at the same time.
    pub lists: Semaphore,
    scheme: &'static str,
    address: SocketAddr,
    minter: Mutex<Minter>,
}

impl App {
    /// A new id.
    pub fn mint(&self) -> String {
        let mut minter = self.minter.lock().unwrap_or_else(PoisonError::into_inner);
        minter.uuid()
    }

    /// What a user may do.
    pub fn access(&self, user: &str) -> Nacm {
        self.control.rights(user)
    }

    /// Where the links of an answer lead.
    pub fn places(&self, headers: &HeaderMap, major: Major) -> Places {
        let root = Some(self.settings.api_root.as_str()).filter(|root| !root.is_empty());
        let fallback = self.address.to_string();
        Places::of(root, self.scheme, headers, &fallback, major)
    }
}

/// A running face.
pub struct Face {
    address: SocketAddr,
    end: CancellationToken,
    ended: CancellationToken,
    task: Option<JoinHandle<()>>,
}

#[derive(Clone, Copy, Debug)]
struct Peer(SocketAddr);

impl Connected<IncomingStream<'_, Connections>> for Peer {
    fn connect_info(stream: IncomingStream<'_, Connections>) -> Self {
        Self(*stream.remote_addr())
    }
}

impl Face {
    /// Serves on the listener. Subscriptions that are stored go on.
    ///
    /// # Errors
    /// When settings do not go together: no TLS, or nobody to authenticate, where others can reach the address.
    pub fn start(listener: TcpListener, parts: Parts) -> anyhow::Result<Self> {
        let address = listener.local_addr().context("the HTTP listener")?;
        let Parts {
            control,
            security,
            settings,
            seed,
        } = parts;
        let (certificate, key) = (&settings.tls_certificate, &settings.tls_key);
        let given = |path: &Path| !path.as_os_str().is_empty();
        let tls = match (given(certificate), given(key)) {
            (true, true) => Some(tls::acceptor(certificate, key)?),
            (false, false) => None,
            _ => anyhow::bail!("[sol003] needs both tls-certificate and tls-key, or neither"),
        };
        let loopback = address.ip().is_loopback();
        if tls.is_none() && !loopback {
            anyhow::bail!(
                "HTTP on {address} needs TLS: set tls-certificate and tls-key in [sol003], or serve on loopback"
            );
        }
        let credentials = match security {
            Security::Users(users) => Some(users),
            Security::Nobody if loopback => None,
            Security::Nobody => {
                anyhow::bail!("--http-insecure is for loopback addresses, not for {address}")
            }
        };
        let end = CancellationToken::new();
        let logins = Logins::new(credentials, control.clock().clone(), &settings)
            .ok()
            .context("no random numbers")?;
        let most = settings.connections.get();
        let handshake = Duration::from_secs(settings.handshake_seconds.get());
        let scheme = if tls.is_some() { "https" } else { "http" };
        let ended = CancellationToken::new();
        let stops = (end.clone(), ended.clone());
        let allow = settings.allow.clone();
        let connections = Connections::start(listener, tls, (most, allow), handshake, stops)?;
        let app = Arc::new(App {
            callbacks: Arc::new(Callbacks::new(&settings)?),
            control,
            settings,
            logins,
            subscriptions: Registry::default(),
            end: end.clone(),
            lists: Semaphore::new(LISTS),
            scheme,
            address,
            minter: Mutex::new(Minter::new(seed)),
        });
        subscriptions::resume(&app).context("reading the subscriptions")?;
        let router = Router::new().fallback(
            move |ConnectInfo(Peer(peer)): ConnectInfo<Peer>, request: Request| {
                let app = app.clone();
                async move { gate::answer(app, peer, request).await }
            },
        );
        let service = router.into_make_service_with_connect_info::<Peer>();
        let stop = end.clone();
        let over = ended.clone().drop_guard();
        let task = tokio::spawn(async move {
            let _over = over;
            let serving = axum::serve(connections, service)
                .with_graceful_shutdown(async move { stop.cancelled().await });
            if let Err(error) = serving.await {
                tracing::error!(%error, "HTTP");
            }
        });
        Ok(Self {
            address,
            end,
            ended,
            task: Some(task),
        })
    }

    /// Where it is served.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Cancelled once it serves no more, whatever ended it.
    pub fn ended(&self) -> CancellationToken {
        self.ended.clone()
    }

    /// Ends it: requests at hand are answered, for so long.
    pub async fn stop(mut self, drain: Duration) {
        self.end.cancel();
        if let Some(mut task) = self.task.take()
            && tokio::time::timeout(drain, &mut task).await.is_err()
        {
            task.abort();
        }
    }
}

impl Drop for Face {
    fn drop(&mut self) {
        self.end.cancel();
        if let Some(task) = self.task.take() {
            task.abort();
        }
    }
}
