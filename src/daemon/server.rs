//! Wiring: store, engine, VIM, faces; start and stop in order.
//!
//! ```text
//! data dir lock -> audit log -> store -> simulated VIM -> what nobody confirmed is taken back -> engine (adopts)
//!     -> control -> desired -> SSH -> control socket
//! stop: accept, sessions (drained) -> engine -> store -> audit log
//! ```

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use anyhow::Context;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::login::Login;
use super::settings::Settings;
use super::users;
use super::vims::Registry;
pub use super::vims::SIM_VIM;
use crate::audit::{AuditLog, AuditRecord, Outcome, Recorder, Writer};
use crate::auth::UserStore;
use crate::auth::hostkey::{self, HostKeyKind};
use crate::clock::Clock;
use crate::cloudsim::{Injection, Target};
use crate::control::commit::{META, REVISION, UNITS};
use crate::control::error::ControlError;
use crate::control::revert;
use crate::control::service::{Control, Parts as ControlParts};
use crate::control::session::KillReason;
use crate::control::simulator::Simulator;
use crate::control::undo::{self, CONFIRMED, UNDO};
use crate::datastore::{Tree, UnitPath};
use crate::engine::caller::VimInfo;
use crate::engine::core::{Config, Core, TABLES};
use crate::engine::dispatcher::{Engine, Parts as EngineParts, show};
use crate::engine::port::{Monitors, Prober, Vim, Vims};
use crate::esc_model::connectors;
use crate::esc_model::event::Encoder;
use crate::esc_model::published::{Published, State};
use crate::ids::{GivenIds, Revision};
use crate::northbound::admin::{self, AdminServer};
use crate::northbound::netconf::memory;
use crate::northbound::netconf::service::{Service, Sessions};
use crate::northbound::netconf::ssh::SshServer;
use crate::northbound::netconf::transport::SessionHandler;
use crate::northbound::sol003::{Face, Parts as FaceParts, Security};
use crate::probe::{Poller, Probes};
use crate::schema::{LoadOptions, Schema};
use crate::store::{DataDir, FaultPlan, Health, Loaded, OpenOptions, Store, Table};
use crate::vim::sim::SimVim;

/// File of the simulated cloud in the data directory.
const CLOUD_FILE: &str = "cloudsim.json";

/// Folder of the audit log in the data directory.
pub const AUDIT: &str = "audit";

/// How a server is started.
pub struct Options {
    /// The data directory.
    pub data_dir: PathBuf,
    /// Address of the NETCONF listener; port 0 for any.
    pub netconf: SocketAddr,
    /// Address of the SOL003 listener; `None`: not served.
    pub http: Option<SocketAddr>,
    /// Whether everybody who reaches that address is let in.
    pub http_insecure: bool,
    /// All settings.
    pub settings: Settings,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// First seed of all ids.
    pub seed: u64,
}

/// Puts one part in front of another.
pub type Wrap<T> = Box<dyn FnOnce(Arc<T>) -> Arc<T> + Send>;

/// Where tests get between the parts; nothing by default.
#[derive(Default)]
pub struct Seams {
    /// What happens at the store's fail points.
    pub faults: Option<FaultPlan>,
    /// Stands between engine and VIM.
    pub vim: Option<Wrap<dyn Vim>>,
    /// Stands between engine and monitors.
    pub monitors: Option<Wrap<dyn Monitors>>,
    /// Stands between the NETCONF face and the simulated VIM's controls.
    pub simulator: Option<Wrap<dyn Simulator>>,
    /// Stands between the transport and the sessions of the NETCONF face.
    pub sessions: Option<Wrap<dyn SessionHandler>>,
    /// Ids to use instead of minted ones.
    pub ids: GivenIds,
    /// Who answers the probes of a VIM's VMs, by its connector's id.
    pub probers: BTreeMap<String, Arc<dyn Prober>>,
}

/// A running server.
pub struct Server {
    ssh: SshServer,
    http: Option<Face>,
    admin: AdminServer,
    engine: Engine,
    control: Arc<Control>,
    store: Store<Published>,
    simulator: Arc<SimVim>,
    unwatched: CancellationToken,
    /// Kept, so that its end is not the engine's.
    _poller: Arc<dyn Monitors>,
    drain: Duration,
    audit: Recorder,
    /// Goes after all that records.
    writer: Writer,
    /// Nobody else may write here before the last record is written.
    _dir: Arc<DataDir>,
}

impl Server {
    /// Starts everything; when this returns, sessions are served.
    ///
    /// # Errors
    /// When the directory is in use, a file cannot be read, or the address cannot be bound.
    pub async fn start(options: Options) -> anyhow::Result<Self> {
        memory::prepare();
        Self::start_with(options, Seams::default()).await
    }

    /// As [`Server::start`], with something put in between.
    ///
    /// # Errors
    /// As [`Server::start`].
    pub async fn start_with(options: Options, seams: Seams) -> anyhow::Result<Self> {
        let Options {
            data_dir,
            netconf,
            http,
            http_insecure,
            settings,
            clock,
            seed,
        } = options;
        let schema = Schema::load(LoadOptions { simulator: true })?;
        let dir = Arc::new(DataDir::acquire(&data_dir)?);
        let data_dir = dir.path().to_owned();
        let log = AuditLog::open(&data_dir.join(AUDIT), settings.audit.clone(), clock.clone())?;
        let (audit, writer) = Recorder::start(log)?;
        let mut started = AuditRecord::new("lifeline", "start", Outcome::Done);
        started.detail = Some(format!("version {}", env!("CARGO_PKG_VERSION")));
        audit.record(started).await;
        let mut core = None;
        let mut opening =
            OpenOptions::new(settings.store.clone(), clock.clone()).data_dir(dir.clone());
        if let Some(plan) = seams.faults {
            opening = opening.faults(plan);
        }
        let store = opening.open(&data_dir, |loaded| {
            load(schema, loaded, &settings, &mut core)
        })?;
        let mut core = core.context("the engine's rows were not read")?;
        core.give_ids(seams.ids);
        // All that can fail comes before the engine: a server that does not start touches no VIM.
        let users = Arc::new(UserStore::load(&data_dir, settings.auth.clone())?);
        let keys = hostkey::load_or_make(&data_dir, &HostKeyKind::ALL)?;
        let listener = TcpListener::bind(netconf)
            .await
            .with_context(|| format!("listening on {netconf}"))?;
        let http_listener = match http {
            None => None,
            Some(http) => Some(
                TcpListener::bind(http)
                    .await
                    .with_context(|| format!("listening on {http}"))?,
            ),
        };
        let simulator = Arc::new(SimVim::open(
            SIM_VIM,
            settings.vim_sim,
            settings.cloudsim.clone(),
            clock.clone(),
            &data_dir.join(CLOUD_FILE),
        )?);
        let mut probers = seams.probers;
        probers
            .entry(SIM_VIM.to_owned())
            .or_insert_with(|| simulator.clone());
        let vim: Arc<dyn Vim> = simulator.clone();
        let vims = Arc::new(Registry::new(
            settings.clone(),
            clock.clone(),
            data_dir.clone(),
            between(vim, seams.vim),
            probers,
            seed,
        ));
        // What was under way goes on with the VIMs that are configured.
        let configured = connectors::connectors(&store.published().config);
        let known = vims.configure(configured).into_iter();
        core.know_vims(
            known
                .map(|(id, landing_bound)| (id, VimInfo { landing_bound }))
                .collect(),
        );
        let probes = Arc::new(Probes::new(&settings.probe, clock.clone(), vims.clone()));
        let poller = Poller::spawn(settings.probe.clone(), clock.clone(), probes);
        let unwatched = poller.ended();
        let poller: Arc<dyn Monitors> = Arc::new(poller);
        let monitors = between(poller.clone(), seams.monitors);
        // What nobody confirmed is taken back before anything is planned from it.
        let edits = settings.limits.change_edits;
        let reverted = revert::at_start(&store, &*clock, &audit, edits).await;
        if let Err(error) = &reverted {
            tracing::error!(%error, "a confirmed commit is not taken back yet");
        }
        let engine = Engine::start(
            core,
            EngineParts {
                store: store.clone(),
                clock: clock.clone(),
                vims,
                monitors,
                audit: audit.clone(),
                encoder: Encoder {
                    esc_extensions: settings.netconf.esc_extensions,
                },
                seed,
                queue: settings.daemon.engine_queue,
                at_rest: memory::give_back,
            },
        );
        let handle = engine.handle();
        let control = Control::new(ControlParts {
            schema,
            store: store.clone(),
            engine: engine.handle(),
            clock: clock.clone(),
            default_vim: SIM_VIM.to_owned(),
            audit: audit.clone(),
            limits: settings.limits.clone(),
            groups: {
                let users = users.clone();
                Box::new(move |name| {
                    users
                        .get(name)
                        .map_or_else(Vec::new, |user| user.groups.clone())
                })
            },
            recovery_user: {
                let user = settings.nacm.recovery_user.clone();
                (!user.is_empty()).then_some(user)
            },
        });
        // What a crash kept from the engine reaches it now; what it knows already changes nothing.
        // Its place in the engine's queue is the first; a store that fails now must not keep readers out.
        let room = control.clone();
        let mut telling = Box::pin(async move {
            room.cleared().await;
            let wanted = Control::whole_desired(&room.store().published(), SIM_VIM)?;
            handle.desired(wanted).await.map_err(ControlError::from)
        });
        if let Poll::Ready(told) = poll_fn(|cx| Poll::Ready(telling.as_mut().poll(cx))).await {
            told?;
        } else {
            tokio::spawn(async move {
                if let Err(error) = telling.await {
                    tracing::warn!(%error, "the configuration was not taken up");
                }
            });
        }
        let controls: Arc<dyn Simulator> = Arc::new(Controls(simulator.clone()));
        let service = Arc::new(Service::new(
            control.clone(),
            Some(between(controls, seams.simulator)),
            settings.netconf.clone(),
        ));
        // Operations that a stop left waiting for their commit.
        control.carry_on_all();
        let login = Arc::new(Login {
            users: users.clone(),
            audit: audit.clone(),
        });
        let http = match http_listener {
            None => None,
            Some(listener) => Some(Face::start(
                listener,
                FaceParts {
                    control: control.clone(),
                    security: match http_insecure {
                        true => Security::Nobody,
                        false => Security::Users(login.clone()),
                    },
                    settings: settings.sol003.clone(),
                    // Apart from the engine's.
                    seed: seed ^ 0x736f_6c30_3033,
                },
            )?),
        };
        let ssh = SshServer::start(
            listener,
            settings.ssh.clone(),
            keys,
            clock.clone(),
            login,
            between(Arc::new(Sessions(service)), seams.sessions),
        )?;
        let recorder = audit.clone();
        let admin = admin::listen(&data_dir, move |request| {
            let (reply, record) = users::answer(&users, &*clock, "control socket", request);
            if let Some(record) = record {
                recorder.note(record);
            }
            reply
        })
        .context("control socket")?;
        Ok(Self {
            ssh,
            http,
            admin,
            engine,
            control,
            store,
            simulator,
            unwatched,
            _poller: poller,
            drain: Duration::from_secs(settings.daemon.drain_seconds),
            audit,
            writer,
            _dir: dir,
        })
    }

    /// Where NETCONF is served.
    pub fn address(&self) -> SocketAddr {
        self.ssh.address()
    }

    /// Where SOL003 is served, if it is.
    pub fn http_address(&self) -> Option<SocketAddr> {
        self.http.as_ref().map(Face::address)
    }

    /// The control room.
    pub fn control(&self) -> &Arc<Control> {
        &self.control
    }

    /// The embedded VIM.
    pub fn simulator(&self) -> &Arc<SimVim> {
        &self.simulator
    }

    /// Waits until the server cannot go on, and says why; for ever while all is well. Dropping the future
    /// loses nothing.
    pub async fn failed(&mut self) -> anyhow::Error {
        let mut health = self.store.health();
        let unserved = self.ssh.ended();
        let unserved_http = self.http.as_ref().map(Face::ended);
        let unserved_http = async {
            match unserved_http {
                Some(ended) => ended.cancelled_owned().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            why = self.engine.ended() => anyhow::anyhow!("the engine has ended: {why}"),
            _ = health.wait_for(|health| *health == Health::Stopped) => {
                anyhow::anyhow!("the store has stopped")
            }
            () = self.control.broken() => anyhow::anyhow!("changes are not carried through any more"),
            () = self.unwatched.cancelled() => anyhow::anyhow!("VMs are not watched any more"),
            () = unserved.cancelled() => anyhow::anyhow!("connections are not accepted any more"),
            () = unserved_http => anyhow::anyhow!("HTTP connections are not accepted any more"),
        }
    }

    /// Stops: no new sessions, open ones drained, then the engine, then the store, then the audit log.
    pub async fn stop(self) {
        // Dropping it waits for a request at hand.
        let admin = tokio::task::spawn_blocking(move || drop(self.admin));
        let http = self.http.map(|http| tokio::spawn(http.stop(self.drain)));
        let control = self.control.clone();
        let kill = async {
            // Sessions end themselves when told to drain; those that cannot are asked again.
            tokio::time::sleep(self.drain / 2).await;
            control.sessions.kill_all(KillReason::Shutdown);
            std::future::pending::<()>().await;
        };
        tokio::select! {
            () = self.ssh.shutdown(self.drain) => {}
            () = kill => {}
        }
        if let Err(error) = admin.await {
            tracing::error!(%error, "closing the control socket");
        }
        if let Some(http) = http
            && let Err(error) = http.await
        {
            tracing::error!(%error, "closing HTTP");
        }
        self.engine.stop().await;
        let store = self.store;
        let closed = tokio::task::spawn_blocking(move || store.shutdown()).await;
        if let Err(error) = closed {
            tracing::error!(%error, "closing the store");
        }
        self.audit
            .note(AuditRecord::new("lifeline", "stop", Outcome::Done));
        let writer = self.writer;
        if let Err(error) = tokio::task::spawn_blocking(move || drop(writer)).await {
            tracing::error!(%error, "closing the audit log");
        }
    }
}

fn between<T: ?Sized>(part: Arc<T>, wrap: Option<Wrap<T>>) -> Arc<T> {
    match wrap {
        Some(wrap) => wrap(part),
        None => part,
    }
}

/// Reads configuration, state rows and the engine's own rows.
fn load(
    schema: &'static Schema,
    loaded: &Loaded<'_>,
    settings: &Settings,
    restored: &mut Option<Core>,
) -> anyhow::Result<Published> {
    let units = loaded.rows(UNITS)?;
    let rows = units
        .iter()
        .map(|row| (UnitPath::new(&row.key), row.value.as_slice()));
    let config = Tree::from_units(schema, rows).context("reading the configuration")?;
    let confirmed = undo::load(
        schema,
        &units,
        &loaded.rows(CONFIRMED)?,
        &loaded.rows(UNDO)?,
    )?;
    let meta = loaded.rows(META)?;
    let revision = meta.iter().find(|row| row.key == REVISION);
    let revision = match revision {
        None => Revision(0),
        Some(row) => Revision(
            std::str::from_utf8(&row.value)?
                .parse()
                .context("revision of the configuration")?,
        ),
    };
    let mut rows = Vec::new();
    for table in TABLES {
        let read = loaded.rows(Table(table))?.into_iter();
        rows.extend(read.map(|row| (table, row.key, row.value)));
    }
    let engine = Config {
        settings: settings.engine.clone(),
        // Told before the engine starts, when the connectors are known.
        vims: BTreeMap::new(),
        default_vim: SIM_VIM.to_owned(),
    };
    let rows = rows
        .iter()
        .map(|(table, key, value)| (*table, key.as_str(), value.as_slice()));
    let core = Core::restore(engine, rows).context("reading the engine's rows")?;
    let mut state = State::default();
    show(&mut state, core.records());
    *restored = Some(core);
    Ok(Published {
        config,
        revision,
        confirmed,
        state,
    })
}

/// The simulated VIM's controls for the faces.
struct Controls(Arc<SimVim>);

impl Simulator for Controls {
    fn inject(&self, injection: Injection) -> Result<(), String> {
        self.0.inject(injection).map_err(|error| error.to_string())
    }

    fn clear(&self, target: Option<Target>) -> Result<(), String> {
        self.0.clear(target).map_err(|error| error.to_string())
    }
}
