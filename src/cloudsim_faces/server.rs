//! The shell: listeners, requests in, replies out, connections cut where a fault says so.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::connect_info::Connected;
use axum::extract::{ConnectInfo, Request as Incoming};
use axum::response::Response;
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::error::FacesError;
use super::faults::{self, Armed, Face, WireFault};
use super::http::{Reply, Request};
use super::world::{Sim, World};
use super::{cloudstack, guests, nova, vcloud};

/// How often a port that is down, or a request that hangs, looks whether it still shall be.
const LOOK: Duration = Duration::from_millis(25);

/// Faces that are served until dropped.
#[derive(Debug)]
pub struct Serving {
    /// Name and address of each, in the order asked for.
    pub ready: Vec<(&'static str, SocketAddr)>,
    tasks: Vec<JoinHandle<()>>,
}

impl Drop for Serving {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

/// Where to serve what.
#[derive(Clone, Copy, Debug, Default)]
pub struct Addresses {
    /// Keystone, Glance, Neutron and Nova.
    pub nova: Option<SocketAddr>,
    /// vCloud.
    pub vcloud: Option<SocketAddr>,
    /// CloudStack.
    pub cloudstack: Option<SocketAddr>,
    /// The control endpoint alone; it is below `/-/` of every face too.
    pub control: Option<SocketAddr>,
    /// Guests take connections at this port of their own addresses; this address, a loopback one, holds the port.
    pub guests: Option<SocketAddr>,
}

/// Binds and serves.
///
/// # Errors
/// An address cannot be had, or none is given.
pub async fn serve(sim: &Arc<Sim>, addresses: Addresses) -> Result<Serving, FacesError> {
    let wanted = [
        ("nova", Some(Face::Nova), addresses.nova),
        ("vcloud", Some(Face::Vcloud), addresses.vcloud),
        ("cloudstack", Some(Face::Cloudstack), addresses.cloudstack),
        ("control", None, addresses.control),
    ];
    let mut serving = Serving {
        ready: Vec::new(),
        tasks: Vec::new(),
    };
    for (name, face, address) in wanted {
        let Some(address) = address else {
            continue;
        };
        let door = Door::open(address, face, Arc::clone(sim)).await?;
        let local = door.local;
        let sim = Arc::clone(sim);
        let handle = move |ConnectInfo(Line(cut)): ConnectInfo<Line>, incoming: Incoming| {
            let sim = Arc::clone(&sim);
            async move { answer(&sim, face, local, incoming, &cut).await }
        };
        let service = Router::new()
            .fallback(handle)
            .into_make_service_with_connect_info::<Line>();
        serving.ready.push((name, local));
        serving.tasks.push(tokio::spawn(async move {
            // serves until it is aborted: a door never fails
            let _ = axum::serve(door, service).await;
        }));
    }
    if serving.ready.is_empty() {
        return Err(FacesError::NoFace);
    }
    if let Some(address) = addresses.guests {
        let (local, task) = answer_for_guests(sim, address).await?;
        serving.ready.push(("guests", local));
        serving.tasks.push(task);
    }
    Ok(serving)
}

/// Opens the guests' ports, as long as the task lives.
async fn answer_for_guests(
    sim: &Arc<Sim>,
    address: SocketAddr,
) -> Result<(SocketAddr, JoinHandle<()>), FacesError> {
    // at the address of everybody a guest that is down would answer too
    if !address.ip().is_loopback() {
        return Err(FacesError::Guests(address));
    }
    let fail = |source| FacesError::Bind { address, source };
    let holder = TcpListener::bind(address).await.map_err(fail)?;
    let local = holder.local_addr().map_err(fail)?;
    let sim = Arc::clone(sim);
    let task = tokio::spawn(async move {
        let _holder = holder;
        guests::follow(sim, local.port()).await;
    });
    Ok((local, task))
}

async fn answer(
    sim: &Sim,
    face: Option<Face>,
    local: SocketAddr,
    incoming: Incoming,
    cut: &AtomicBool,
) -> Response {
    let reply = match read(sim, local, incoming).await {
        Err(reply) => reply,
        Ok((request, target)) => match face {
            Some(face) if request.path.first().is_none_or(|first| first != "-") => {
                through_faults(sim, face, &request, &target).await
            }
            _ => faults::control(sim, &request),
        },
    };
    if reply.lost {
        cut.store(true, Ordering::Release);
    }
    let mut response = Response::builder().status(reply.status);
    for (name, value) in &reply.headers {
        response = response.header(name, value);
    }
    response
        .body(Body::from(reply.body))
        .unwrap_or_else(|error| {
            let mut response = Response::new(Body::from(error.to_string()));
            *response.status_mut() = axum::http::StatusCode::INTERNAL_SERVER_ERROR;
            response
        })
}

/// Reads a request to its end.
async fn read(
    sim: &Sim,
    local: SocketAddr,
    incoming: Incoming,
) -> Result<(Request, String), Reply> {
    let limit = sim.now().settings.body_bytes;
    let (head, body) = incoming.into_parts();
    let target = head
        .uri
        .path_and_query()
        .map_or("/", |target| target.as_str())
        .to_owned();
    let headers = head.headers.iter().map(|(name, value)| {
        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        (name.as_str().to_owned(), value)
    });
    let headers = headers.collect();
    let body = to_bytes(body, limit)
        .await
        .map_err(|error| Reply::text(413, "text/plain", error.to_string()))?;
    let request = Request::new(
        head.method.as_str(),
        &target,
        headers,
        body.to_vec(),
        &local.to_string(),
    );
    Ok((request, target))
}

async fn through_faults(sim: &Sim, face: Face, request: &Request, target: &str) -> Reply {
    let hit = {
        let mut world = sim.now();
        let now = world.cloud.now();
        if world.cloud.is_api_down() || world.faults.is_down(face, now) {
            return Reply::lost();
        }
        world.faults.take(face, &request.method, target, now)
    };
    let Some(hit) = hit else {
        return act(&mut sim.now(), face, request);
    };
    match hit.fault {
        WireFault::HttpError | WireFault::ErrorAfter => {
            if hit.fault == WireFault::ErrorAfter {
                act(&mut sim.now(), face, request);
            }
            let body = hit.body.unwrap_or_default();
            Reply::text(hit.status, "text/plain", body)
        }
        WireFault::Twice => {
            act(&mut sim.now(), face, request);
            act(&mut sim.now(), face, request)
        }
        WireFault::TwiceCut => {
            act(&mut sim.now(), face, request);
            act(&mut sim.now(), face, request);
            Reply::lost()
        }
        WireFault::Cut | WireFault::FaceDown => Reply::lost(),
        WireFault::CutAfter => {
            act(&mut sim.now(), face, request);
            Reply::lost()
        }
        WireFault::Hang => {
            hang(sim, &hit).await;
            Reply::lost()
        }
        WireFault::HangAfter => {
            act(&mut sim.now(), face, request);
            hang(sim, &hit).await;
            Reply::lost()
        }
        WireFault::Late => {
            let reply = act(&mut sim.now(), face, request);
            tokio::time::sleep(Duration::from_millis(hit.delay_ms)).await;
            reply
        }
    }
}

async fn hang(sim: &Sim, hit: &Armed) {
    loop {
        tokio::time::sleep(LOOK).await;
        let world = sim.now();
        if !world.faults.still(hit, world.cloud.now()) {
            return;
        }
    }
}

fn act(world: &mut World, face: Face, request: &Request) -> Reply {
    match face {
        Face::Nova => nova::answer(world, request),
        Face::Cloudstack => cloudstack::answer(world, request),
        Face::Vcloud => vcloud::answer(world, request),
    }
}

/// A listening port that closes while its face is down.
struct Door {
    listener: Option<TcpListener>,
    local: SocketAddr,
    face: Option<Face>,
    sim: Arc<Sim>,
}

impl Door {
    async fn open(
        address: SocketAddr,
        face: Option<Face>,
        sim: Arc<Sim>,
    ) -> Result<Self, FacesError> {
        let fail = |source| FacesError::Bind { address, source };
        let listener = TcpListener::bind(address).await.map_err(fail)?;
        Ok(Self {
            local: listener.local_addr().map_err(fail)?,
            listener: Some(listener),
            face,
            sim,
        })
    }

    fn is_down(&self) -> bool {
        let Some(face) = self.face else {
            return false;
        };
        let mut world = self.sim.now();
        let now = world.cloud.now();
        world.cloud.is_api_down() || world.faults.is_down(face, now)
    }
}

impl Listener for Door {
    type Io = Stream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            let sim = Arc::clone(&self.sim);
            let changed = sim.changed();
            tokio::pin!(changed);
            // counts from here on, so that no change between look and wait is missed
            changed.as_mut().enable();
            if self.is_down() {
                self.listener = None;
                // a fault may also end by itself
                tokio::time::sleep(LOOK).await;
                continue;
            }
            let listener = match self.listener.take() {
                Some(listener) => listener,
                None => match TcpListener::bind(self.local).await {
                    Ok(listener) => listener,
                    Err(error) => {
                        tracing::warn!(%error, address = %self.local, "cannot listen again yet");
                        tokio::time::sleep(LOOK).await;
                        continue;
                    }
                },
            };
            let accepted = tokio::select! {
                accepted = listener.accept() => Some(accepted),
                () = changed => None,
            };
            self.listener = Some(listener);
            match accepted {
                None => {}
                Some(Ok((stream, peer))) => {
                    // small replies shall not wait for an acknowledgement
                    let _ = stream.set_nodelay(true);
                    let cut = Arc::default();
                    return (Stream { stream, cut }, peer);
                }
                Some(Err(error)) => {
                    tracing::warn!(%error, "accept");
                    tokio::time::sleep(LOOK).await;
                }
            }
        }
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        Ok(self.local)
    }
}

/// A connection that can be cut from within a request.
struct Stream {
    stream: TcpStream,
    cut: Arc<AtomicBool>,
}

/// The switch that cuts it.
#[derive(Clone)]
struct Line(Arc<AtomicBool>);

impl Connected<IncomingStream<'_, Door>> for Line {
    fn connect_info(stream: IncomingStream<'_, Door>) -> Self {
        Self(Arc::clone(&stream.io().cut))
    }
}

impl Stream {
    fn check(&self) -> io::Result<()> {
        match self.cut.load(Ordering::Acquire) {
            true => Err(io::ErrorKind::ConnectionReset.into()),
            false => Ok(()),
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.check()?;
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.check()?;
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
