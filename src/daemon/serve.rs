//! `lifeline serve`: until SIGTERM or SIGINT.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use tokio::signal::unix::{SignalKind, signal};

use super::server::{Options, Server};
use super::settings::Settings;
use crate::clock::SystemClock;

/// What the command line says.
pub struct ServeOptions {
    /// The data directory.
    pub data_dir: PathBuf,
    /// The configuration file.
    pub config: Option<PathBuf>,
    /// Address of the NETCONF listener.
    pub netconf: std::net::SocketAddr,
    /// Address of the SOL003 listener; `None`: not served.
    pub http: Option<std::net::SocketAddr>,
    /// Whether everybody who reaches that address is let in.
    pub http_insecure: bool,
}

/// Serves until told to stop, then drains; returns success. Told twice, it does not wait for the drain.
///
/// # Errors
/// When the server cannot start, or cannot go on.
pub fn serve(options: ServeOptions) -> anyhow::Result<ExitCode> {
    let settings = Settings::load(options.config.as_deref())?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("starting the runtime")?;
    let code = runtime.block_on(run(options, settings));
    runtime.shutdown_timeout(std::time::Duration::from_secs(2));
    code
}

async fn run(options: ServeOptions, settings: Settings) -> anyhow::Result<ExitCode> {
    let mut terminate = signal(SignalKind::terminate()).context("SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("SIGINT")?;
    let starting = Server::start(Options {
        data_dir: options.data_dir,
        netconf: options.netconf,
        http: options.http,
        http_insecure: options.http_insecure,
        settings,
        clock: Arc::new(SystemClock::new()),
        seed: rand::random(),
    });
    let mut server = tokio::select! {
        started = starting => started?,
        // Nothing is served yet, so nothing has to be drained.
        _ = terminate.recv() => return Ok(ExitCode::SUCCESS),
        _ = interrupt.recv() => return Ok(ExitCode::SUCCESS),
    };
    let mut out = std::io::stdout();
    writeln!(out, "listening netconf {}", server.address())
        .and_then(|()| match server.http_address() {
            Some(address) => writeln!(out, "listening http {address}"),
            None => Ok(()),
        })
        .and_then(|()| out.flush())
        .context("standard output")?;
    tracing::info!(address = %server.address(), "serving NETCONF over SSH");
    let failure = tokio::select! {
        _ = terminate.recv() => None,
        _ = interrupt.recv() => None,
        why = server.failed() => Some(why),
    };
    match &failure {
        None => tracing::info!("told to stop: draining"),
        Some(error) => tracing::error!(%error, "cannot go on: draining"),
    }
    tokio::select! {
        () = server.stop() => {}
        _ = terminate.recv() => anyhow::bail!("stopped before sessions were drained"),
        _ = interrupt.recv() => anyhow::bail!("stopped before sessions were drained"),
    }
    match failure {
        None => Ok(ExitCode::SUCCESS),
        Some(error) => Err(error),
    }
}
