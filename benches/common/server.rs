//! A whole server inside the bench, on a simulated VIM that takes no time.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use lifeline::auth::{NewUser, UserStore};
use lifeline::clock::{Clock, SystemClock};
use lifeline::control::commit::Edit;
use lifeline::daemon::server::{Options, Server};
use lifeline::daemon::settings::Settings;
use lifeline::datastore::{DefaultOperation, EditTree, ErrorOption, Nacm};
use lifeline::ids::SessionId;
use lifeline::model::state::ServiceState;
use russh::keys::{Algorithm, PrivateKey};

use super::client::USER;

/// A server, its directory and the key of its one user.
pub struct Bench {
    pub server: Server,
    pub key: Arc<PrivateKey>,
    _dir: tempfile::TempDir,
}

/// Deployments of one tenant of a server.
const PER_TENANT: usize = 100;

/// The tenant of deployment `n` of a server.
pub fn tenant_of(n: usize) -> String {
    format!("t{}", n / PER_TENANT)
}

/// Makes the user of the benches in a data directory; its key.
pub fn user(dir: &Path) -> Arc<PrivateKey> {
    let key = PrivateKey::random(&mut rand::rng(), Algorithm::Ed25519).expect("a key");
    let public = key.public_key().to_openssh().expect("its public half");
    let settings = Settings::default();
    let users = UserStore::load(dir, settings.auth).expect("users");
    let new = NewUser {
        name: USER,
        authorized_keys: &[public],
        ..NewUser::default()
    };
    users.add(&new, SystemClock::new().wall()).expect("a user");
    Arc::new(key)
}

/// Settings under which the VIM takes no time and the login guards let a bench pass.
pub fn settings() -> Settings {
    let mut settings = Settings::default();
    settings.cloudsim.latency = lifeline::cloudsim::Latency {
        create_ms: 1,
        boot_ms: 1,
        reboot_ms: 1,
        delete_ms: 1,
        start_ms: 1,
        stop_ms: 1,
        resize_ms: 1,
        resource_ms: 1,
    };
    settings.cloudsim.rtt_us = 1;
    settings.engine.calls_per_vim = 512;
    settings.engine.calls_per_host = 512;
    settings.ssh.startups.begin = 1_000;
    settings.ssh.startups.full = 2_000;
    settings.ssh.startups.per_source = 1_000;
    settings
}

impl Bench {
    /// Starts a server on an empty directory.
    pub async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    /// As [`Bench::start`], under changed settings.
    pub async fn start_with(change: impl FnOnce(&mut Settings)) -> Self {
        let mut settings = settings();
        change(&mut settings);
        let dir = super::scratch();
        let data_dir = super::data_dir(&dir);
        let key = user(&data_dir);
        let server = Server::start(Options {
            data_dir,
            netconf: ([127, 0, 0, 1], 0).into(),
            http: None,
            http_insecure: false,
            settings,
            clock: Arc::new(SystemClock::new()),
            seed: 1,
        })
        .await
        .expect("a server");
        Self {
            server,
            key,
            _dir: dir,
        }
    }

    /// Configures `count` deployments, a hundred per tenant, and waits until all are active.
    pub async fn deploy(&self, count: usize) {
        let control = self.server.control();
        let mut done = 0;
        while done < count {
            let next = (done + PER_TENANT).min(count);
            let config = format!(
                "<config>{}</config>",
                super::deployments(&tenant_of(done), done..next, true)
            );
            let config = lifeline::xml::parse_str(&config).expect("XML");
            let edit = Edit {
                edit: EditTree::decode(control.schema(), &config).expect("an edit"),
                default: DefaultOperation::Merge,
                option: ErrorOption::Stop,
                test_only: false,
                test_first: false,
                access: Nacm::everything(control.schema()),
            };
            control
                .edit_running(SessionId(1), edit)
                .await
                .expect("edited");
            done = next;
        }
        loop {
            let state = control.store().published();
            let active = state.state.deployments.values();
            let active = active.filter(|record| record.service_state == ServiceState::Active);
            if active.count() == count {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}
