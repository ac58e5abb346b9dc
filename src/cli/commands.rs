//! The commands and what all of them share.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use super::action::ActionArgs;
use super::audit::AuditArgs;
use super::demo::DemoArgs;
use super::edit::EditArgs;
use super::get::GetArgs;
use super::serve::ServeArgs;
use super::settings::SettingsArgs;
use super::sim::SimArgs;
use super::user::UserArgs;
use super::watch::WatchArgs;

/// An open VM lifecycle controller (VNF manager): NETCONF as ESC clients speak it, deployment, monitoring and recovery of VMs.
#[derive(Parser, Debug)]
#[command(name = "lifeline", version, about, max_term_width = 100)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Serve NETCONF until SIGTERM; without a configuration file, on an embedded simulated VIM.
    Serve(ServeArgs),
    /// Add, list or remove users; works while the server runs.
    User(UserArgs),
    /// Play the recovery story: deploy, crash, failing reboot, redeploy, replay. Exits 0 only if every event came in order.
    Demo(DemoArgs),
    /// Show events as they come: a live, readable table.
    Watch(WatchArgs),
    /// Read configuration and operational data.
    Get(GetArgs),
    /// Change the configuration.
    Edit(EditArgs),
    /// Start, stop, reboot, monitor or recover services and VMs.
    Action(ActionArgs),
    /// Check that the audit log is as it was written.
    Audit(AuditArgs),
    Sim(SimArgs),
    /// Print every setting with its default, as TOML or as the README's table.
    Settings(SettingsArgs),
}

impl Cli {
    /// Runs the command.
    ///
    /// # Errors
    /// Whatever kept it from its work.
    pub fn run(self) -> anyhow::Result<ExitCode> {
        match self.command {
            Command::Serve(args) => args.run(),
            Command::User(args) => args.run(),
            Command::Demo(args) => args.run(),
            Command::Watch(args) => args.run(),
            Command::Get(args) => args.run(),
            Command::Edit(args) => args.run(),
            Command::Action(args) => args.run(),
            Command::Audit(args) => args.run(),
            Command::Sim(args) => args.run(),
            Command::Settings(args) => args.run(),
        }
    }
}

/// The chain of causes in one line.
pub fn one_line(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain() {
        let cause = cause.to_string();
        // A cause that its wrapper repeats says nothing new.
        if text.ends_with(&cause) {
            continue;
        }
        if !text.is_empty() {
            text.push_str(": ");
        }
        text.push_str(&cause);
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
