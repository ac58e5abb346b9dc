//! Logs: tracing to standard error, as text or JSON lines. Never a secret.

use std::io::IsTerminal;

use anyhow::Context;
use tracing_subscriber::EnvFilter;

/// Starts logging. `filter` is tracing's directive syntax, e.g. `info` or `lifeline::engine=debug`.
///
/// # Errors
/// When the filter cannot be read, or logging was started before.
pub fn init(filter: &str, json: bool) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(filter).with_context(|| {
        format!("'{filter}' is not a log filter (try info, debug, lifeline=debug)")
    })?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    let started = match json {
        true => builder.json().try_init(),
        false => builder.try_init(),
    };
    started.map_err(|error| anyhow::anyhow!("logging: {error}"))
}
