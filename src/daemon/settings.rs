//! The configuration file: one TOML table per room, merged here. Every key has a default.

use std::path::Path;

use anyhow::Context;
use serde::{Deserialize, Serialize};

use crate::{audit, auth, cloudsim, control, engine, northbound, probe, store, vim};

/// All settings.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Settings {
    /// How many sessions there may be.
    pub limits: control::settings::SessionLimits,
    /// Access control.
    pub nacm: control::settings::NacmSettings,
    /// The NETCONF face.
    pub netconf: northbound::netconf::settings::Settings,
    /// The SOL003 face.
    pub sol003: northbound::sol003::settings::Settings,
    /// The SSH transport.
    pub ssh: northbound::netconf::ssh::SshSettings,
    /// Users and passwords.
    pub auth: auth::Settings,
    /// The audit log.
    pub audit: audit::Settings,
    /// Durable memory and the event log.
    pub store: store::Settings,
    /// Lifecycle and recovery.
    pub engine: engine::settings::Settings,
    /// Monitors.
    pub probe: probe::Settings,
    /// The simulated VIM's driver.
    pub vim_sim: vim::sim::Settings,
    /// OpenStack connectors.
    pub vim_openstack: vim::openstack::Settings,
    /// CloudStack connectors.
    pub vim_cloudstack: vim::cloudstack::Settings,
    /// vCloud connectors.
    pub vim_vcloud: vim::vcloud::Settings,
    /// libvirt connectors.
    pub vim_libvirt: vim::libvirt::Settings,
    /// The simulated cloud.
    pub cloudsim: cloudsim::Settings,
    /// The process.
    pub daemon: DaemonSettings,
}

/// The process itself.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct DaemonSettings {
    /// Seconds that sessions are given to end at SIGTERM.
    pub drain_seconds: u64,
    /// Inputs of the engine that may wait.
    pub engine_queue: usize,
}

impl Default for DaemonSettings {
    fn default() -> Self {
        Self {
            drain_seconds: 5,
            engine_queue: 4096,
        }
    }
}

impl Settings {
    /// Reads the file; without one, the defaults.
    ///
    /// # Errors
    /// When the file cannot be read, or holds an unknown key or a bad value; the message names it.
    pub fn load(file: Option<&Path>) -> anyhow::Result<Self> {
        let Some(file) = file else {
            return Ok(Self::default());
        };
        let text = std::fs::read_to_string(file)
            .with_context(|| format!("reading the configuration {}", file.display()))?;
        toml::from_str(&text).with_context(|| format!("configuration {}", file.display()))
    }
}
