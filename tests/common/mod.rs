//! What the tests of the whole share: a server in this process, its data directory, its clock, clients.
#![allow(dead_code, reason = "each test file uses its own part")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "tests may stop"
)]

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use lifeline::auth::hostkey::{self, HostKeyKind};
use lifeline::auth::{NewUser, UserStore};
use lifeline::cli::client::{Client, Credentials, HostKeyCheck, Target};
use lifeline::clock::{Clock, Mono, SystemClock, Timestamp};
use lifeline::daemon::server::{Options, Seams, Server};
use lifeline::daemon::settings::Settings;
use lifeline::engine::port::{MonitorRequest, Monitors, ProbeSink};
use lifeline::ids::VmName;
use lifeline::proto::esc::EscEvent;
use lifeline::proto::netconf::names;
use lifeline::xml::{self, Element};

/// One VM, watched, rebooted then redeployed at once when it fails.
pub const DEPZZ: &str = include_str!("../fixtures/depzz.xml");
/// Takes it away.
pub const NO_DEPZZ: &str = include_str!("../../examples/demo-undeploy.xml");
/// The driver's words of the failing reboot.
pub const DRIVER_WORDS: &str = "VIM Driver: VM powered on but in unexpected state:null";
pub const USER: &str = "operator";
pub const PASSWORD: &str = "a password for tests";
/// Longest wait for anything.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Real time goes by; the date is what the test says.
pub struct StagedClock {
    wall: Mutex<Timestamp>,
    system: SystemClock,
}

impl StagedClock {
    pub fn at(text: &str) -> Arc<Self> {
        Arc::new(Self {
            wall: Mutex::new(text.parse().unwrap()),
            system: SystemClock::new(),
        })
    }

    pub fn set(&self, wall: Timestamp) {
        *self.wall.lock().unwrap() = wall;
    }
}

impl Clock for StagedClock {
    fn wall(&self) -> Timestamp {
        *self.wall.lock().unwrap()
    }

    fn mono(&self) -> Mono {
        self.system.mono()
    }

    fn thread_cpu(&self) -> Duration {
        self.system.thread_cpu()
    }
}

/// Monitors that poll ten times a second, whatever the deployment says.
pub struct Hasty(pub Arc<dyn Monitors>);

impl Hasty {
    pub fn wrap(inner: Arc<dyn Monitors>) -> Arc<dyn Monitors> {
        Arc::new(Self(inner))
    }
}

impl Monitors for Hasty {
    fn report_to(&self, sink: ProbeSink) {
        self.0.report_to(sink);
    }

    fn start(&self, mut request: MonitorRequest) {
        for kpi in &mut request.kpis {
            kpi.poll = Duration::from_millis(50);
        }
        self.0.start(request);
    }

    fn stop(&self, vm: &VmName) {
        self.0.stop(vm);
    }
}

/// Settings under which a story takes a second.
pub fn quick() -> Settings {
    let mut settings = Settings::default();
    settings.cloudsim.latency = lifeline::cloudsim::Latency {
        create_ms: 10,
        boot_ms: 10,
        reboot_ms: 10,
        delete_ms: 10,
        start_ms: 10,
        stop_ms: 10,
        resize_ms: 10,
        resource_ms: 5,
    };
    // What a create without an answer may still do, it does at once.
    settings.cloudsim.landing_bound_ms = 50;
    settings.probe.spread_ms = 0;
    settings.probe.min_period_ms = 20;
    settings.engine.quiet_rounds = 0;
    settings.engine.look_interval_ms = 20;
    settings.engine.backoff_base_ms = 20;
    settings.engine.backoff_max_ms = 100;
    settings.daemon.drain_seconds = 1;
    settings
}

/// A server in this process, on a runtime of its own.
pub struct House {
    pub server: Option<Server>,
    pub runtime: tokio::runtime::Runtime,
}

impl House {
    pub fn open(
        dir: &Path,
        settings: Settings,
        clock: Arc<dyn Clock>,
        seams: Seams,
    ) -> anyhow::Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()?;
        let server = runtime.block_on(Server::start_with(
            Options {
                data_dir: dir.to_owned(),
                netconf: ([127, 0, 0, 1], 0).into(),
                http: None,
                http_insecure: false,
                settings,
                clock,
                seed: 7,
            },
            seams,
        ))?;
        Ok(Self {
            server: Some(server),
            runtime,
        })
    }

    pub fn server(&self) -> &Server {
        self.server.as_ref().unwrap()
    }

    pub fn target(&self) -> Target {
        Target {
            host: "127.0.0.1".to_owned(),
            port: self.server().address().port(),
            user: USER.to_owned(),
            credentials: Credentials::Password(PASSWORD.to_owned()),
            host_key: HostKeyCheck::Accept,
            timeout: PATIENCE,
        }
    }

    pub fn connect(&self) -> Client {
        Client::connect(&self.target()).unwrap()
    }

    /// Drains and stops.
    pub fn stop(mut self) {
        let server = self.server.take().unwrap();
        self.runtime.block_on(server.stop());
        self.runtime.shutdown_timeout(Duration::from_secs(5));
    }
}

/// Host keys made once for all data directories of a test: they take longer than most stories.
fn host_keys() -> &'static Path {
    static KEYS: OnceLock<tempfile::TempDir> = OnceLock::new();
    let dir = KEYS.get_or_init(|| {
        let dir = tempfile::tempdir().unwrap();
        hostkey::load_or_make(dir.path(), &HostKeyKind::ALL).unwrap();
        dir
    });
    dir.path()
}

/// A private directory that holds host keys and nothing else.
pub fn fresh_dir() -> tempfile::TempDir {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o700)).unwrap();
    for entry in std::fs::read_dir(host_keys()).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), dir.path().join(entry.file_name())).unwrap();
    }
    dir
}

/// A data directory that knows one user, by password and, where given, by key.
pub fn data_dir(keys: &[String]) -> tempfile::TempDir {
    let dir = fresh_dir();
    let users = UserStore::load(dir.path(), lifeline::auth::Settings::default()).unwrap();
    let new = NewUser {
        name: USER,
        password: Some(PASSWORD),
        authorized_keys: keys,
        ..NewUser::default()
    };
    users.add(&new, SystemClock::new().wall()).unwrap();
    dir
}

/// Writes a fresh ed25519 key pair; returns the private key's file and the public key's text.
pub fn key_pair(dir: &Path) -> (PathBuf, String) {
    let file = dir.join("id_ed25519");
    let made = std::process::Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-C", "test", "-f"])
        .arg(&file)
        .status();
    assert!(
        made.is_ok_and(|status| status.success()),
        "ssh-keygen (openssh-client) makes the key"
    );
    let public = std::fs::read_to_string(dir.join("id_ed25519.pub")).unwrap();
    (file, public)
}

pub fn edit(config: &str) -> String {
    format!("<edit-config><target><running/></target><config>{config}</config></edit-config>")
}

pub fn subscribe(start: Option<Timestamp>) -> String {
    let start = start.map(|time| format!("<startTime>{time}</startTime>"));
    format!(
        "<create-subscription xmlns=\"{}\"><stream>escEvent</stream>{}</create-subscription>",
        names::NOTIFICATION,
        start.unwrap_or_default()
    )
}

pub fn inject(vm: &str, fault: &str, words: Option<&str>) -> String {
    let words = words.map(|words| format!("<message>{words}</message>"));
    format!(
        "<inject xmlns=\"urn:lifeline:yang:lifeline-sim\"><vm-name>{vm}</vm-name><fault>{fault}</fault>{}</inject>",
        words.unwrap_or_default()
    )
}

/// A notification of stream escEvent, taken apart.
#[derive(Clone, PartialEq, Debug)]
pub struct Told {
    pub time: Timestamp,
    pub event: EscEvent,
    pub text: String,
}

impl Told {
    pub fn read(text: &str) -> Self {
        let element = xml::parse_str(text).unwrap();
        let time = element
            .child(names::NOTIFICATION, "eventTime")
            .unwrap_or_else(|| panic!("no eventTime: {text}"))
            .text()
            .parse()
            .unwrap();
        let content = element
            .elements()
            .find(|child| &*child.local == "escEvent")
            .unwrap_or_else(|| panic!("not an escEvent: {text}"));
        Self {
            time,
            event: EscEvent::decode(content).unwrap(),
            text: text.to_owned(),
        }
    }

    /// `TYPE code`.
    pub fn kind(&self) -> String {
        format!("{} {}", self.event.event_type, self.event.status_code)
    }
}

/// Takes that many events; they must be of these kinds, in this order.
#[track_caller]
pub fn listen(client: &mut Client, wanted: &[&str]) -> Vec<Told> {
    let mut told = Vec::new();
    for kind in wanted {
        let text = client.notification(Some(PATIENCE)).unwrap();
        let text = text.unwrap_or_else(|| panic!("no {kind} within {PATIENCE:?}"));
        let next = Told::read(&text);
        assert_eq!(next.kind(), *kind, "{text}");
        told.push(next);
    }
    told
}

/// The one VM's name, from opdata.
pub fn vm_name(client: &mut Client) -> String {
    let reply = client
        .rpc("<get><filter type=\"xpath\" select=\"/esc_datamodel/opdata//vm_instance/name\"/></get>")
        .unwrap();
    find(&reply.element, "vm_instance")
        .and_then(|vm| vm.elements().find(|child| &*child.local == "name"))
        .map(Element::text)
        .expect("opdata shows the VM")
}

pub fn find<'e>(element: &'e Element, local: &str) -> Option<&'e Element> {
    match &*element.local == local {
        true => Some(element),
        false => element.elements().find_map(|child| find(child, local)),
    }
}

/// Waits until it holds; says what was waited for when it does not in time.
#[track_caller]
pub fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < PATIENCE, "waited too long: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
