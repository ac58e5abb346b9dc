//! `lifeline serve`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use crate::daemon::logging;
use crate::daemon::serve::{ServeOptions, serve};

/// Serve NETCONF until SIGTERM.
#[derive(Args, Debug)]
pub struct ServeArgs {
    /// Directory that holds everything the server remembers; made (0700) when missing.
    #[arg(long, value_name = "DIR")]
    data_dir: PathBuf,
    /// Settings (TOML); every key has a default, see `lifeline settings`.
    #[arg(long, value_name = "FILE.toml")]
    config: Option<PathBuf>,
    /// Address and port of NETCONF over SSH; port 0 takes a free one. The line `listening netconf ADDR:PORT` on standard output says when it is served.
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:2022")]
    netconf: SocketAddr,
    /// Address and port of the ETSI SOL003 interface over HTTP (HTTPS with `tls-certificate` and `tls-key` in `[sol003]`, which every address but loopback needs). Off unless given; its ready line is `listening http ADDR:PORT`.
    #[arg(long, value_name = "ADDR:PORT")]
    http: Option<SocketAddr>,
    /// Let everybody in who reaches `--http`, with every right: loopback addresses only, for trying things out.
    #[arg(long, requires = "http")]
    http_insecure: bool,
    /// What is logged to standard error: error, warn, info, debug, or directives such as lifeline::engine=debug.
    #[arg(long, value_name = "FILTER", default_value = "info")]
    log: String,
    /// Log as JSON lines.
    #[arg(long)]
    log_json: bool,
}

impl ServeArgs {
    /// Serves.
    ///
    /// # Errors
    /// When the server cannot start.
    pub fn run(self) -> anyhow::Result<ExitCode> {
        logging::init(&self.log, self.log_json)?;
        serve(ServeOptions {
            data_dir: self.data_dir,
            config: self.config,
            netconf: self.netconf,
            http: self.http,
            http_insecure: self.http_insecure,
        })
    }
}
