//! `lifeline sim`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use clap::Args;
use tokio::signal::unix::{SignalKind, signal};

use crate::clock::SystemClock;
use crate::cloudsim_faces::{self as faces, Addresses, Settings, Sim, Time};
use crate::daemon::logging;

/// Serve a simulated cloud with the APIs of OpenStack, vCloud and CloudStack until SIGTERM.
///
/// One cloud - hosts, VMs, networks, faults - is served under every API that an address is given for. It lives in memory and
/// ends with the process. For each address one line on standard output says that it is served: `listening nova ADDR:PORT`.
///
/// Users of OpenStack and vCloud, and keys of CloudStack, are settings; by default admin and demo with the password
/// `lifeline` log in at `http://ADDR:PORT/identity/v3`, each in the project of its name.
///
/// Faults are injected below /-/ of every address: GET, POST and DELETE /-/faults. See docs/sim.md.
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub struct SimArgs {
    /// Address of Keystone, Glance, Neutron and Nova; port 0 takes a free one.
    #[arg(long, value_name = "ADDR:PORT")]
    nova: Option<SocketAddr>,
    /// Address of vCloud.
    #[arg(long, value_name = "ADDR:PORT")]
    vcloud: Option<SocketAddr>,
    /// Address of CloudStack.
    #[arg(long, value_name = "ADDR:PORT")]
    cloudstack: Option<SocketAddr>,
    /// Address of the control endpoint alone, which answers while a fault has closed the others.
    #[arg(long, value_name = "ADDR:PORT")]
    control: Option<SocketAddr>,
    /// Let guests take TCP connections: at this port of their own addresses, as far as this machine has them (on Linux
    /// all of 127.0.0.0/8), while they answer. The address itself, a loopback one, only holds the port.
    #[arg(long, value_name = "ADDR:PORT")]
    guests: Option<SocketAddr>,
    /// Settings (TOML); every key has a default, see --print-settings.
    #[arg(long, value_name = "FILE.toml")]
    config: Option<PathBuf>,
    /// Print the settings in force as TOML and exit.
    #[arg(long)]
    print_settings: bool,
    /// Let time pass only when POST /-/time says so.
    #[arg(long)]
    explicit_time: bool,
    /// What is logged to standard error: error, warn, info, debug, or directives.
    #[arg(long, value_name = "FILTER", default_value = "info")]
    log: String,
    /// Log as JSON lines.
    #[arg(long)]
    log_json: bool,
}

impl SimArgs {
    /// Serves.
    ///
    /// # Errors
    /// Settings that cannot be used, an address that cannot be had.
    pub fn run(self) -> anyhow::Result<ExitCode> {
        let mut settings = match &self.config {
            None => Settings::default(),
            Some(file) => {
                let text = std::fs::read_to_string(file)
                    .with_context(|| format!("cannot read {}", file.display()))?;
                Settings::parse(&text).with_context(|| file.display().to_string())?
            }
        };
        if self.explicit_time {
            settings.time = Time::Explicit;
        }
        if self.print_settings {
            print!("{}", toml::to_string(&settings).context("settings")?);
            return Ok(ExitCode::SUCCESS);
        }
        logging::init(&self.log, self.log_json)?;
        let addresses = Addresses {
            nova: self.nova,
            vcloud: self.vcloud,
            cloudstack: self.cloudstack,
            control: self.control,
            guests: self.guests,
        };
        let sim = Sim::new(settings, Arc::new(SystemClock::new()))?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .context("tokio")?;
        runtime.block_on(until_told(&sim, addresses))
    }
}

async fn until_told(sim: &Arc<Sim>, addresses: Addresses) -> anyhow::Result<ExitCode> {
    // before the ready line: whoever reads it may send a signal at once
    let mut terminate = signal(SignalKind::terminate()).context("SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("SIGINT")?;
    let serving = faces::serve(sim, addresses).await?;
    print_ready(&serving.ready)?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    drop(serving);
    Ok(ExitCode::SUCCESS)
}

fn print_ready(ready: &[(&'static str, SocketAddr)]) -> anyhow::Result<()> {
    use std::io::Write;
    let mut out = std::io::stdout().lock();
    for (name, address) in ready {
        writeln!(out, "listening {name} {address}").context("standard output")?;
    }
    out.flush().context("standard output")
}
