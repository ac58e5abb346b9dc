//! `lifeline action`: the three actions of ESC on services, VMs and recoveries.

use std::process::ExitCode;

use clap::{Args, Subcommand, ValueEnum};

use super::connect::ConnectArgs;
use super::document;
use crate::xml::escape_text;

const ESC: &str = "http://www.cisco.com/esc/esc";

/// Act on a service, a VM or a recovery. Acceptance is the answer; the outcome comes as events.
#[derive(Args, Debug)]
pub struct ActionArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand, Debug)]
enum Action {
    /// Act on all VMs of a deployment.
    Service {
        /// What to do.
        #[arg(value_enum)]
        action: Verb,
        /// Tenant of the deployment.
        #[arg(long)]
        tenant: String,
        /// Deployment.
        #[arg(long)]
        deployment: String,
        /// Service name, where a client used one.
        #[arg(long)]
        service_name: Option<String>,
        /// Service version, where a client used one.
        #[arg(long)]
        service_version: Option<String>,
        #[command(flatten)]
        connect: ConnectArgs,
    },
    /// Act on one VM.
    Vm {
        /// What to do.
        #[arg(value_enum)]
        action: Verb,
        /// Name of the VM as in opdata.
        vm: String,
        /// Also when fewer VMs than the group's minimum stay active.
        #[arg(long)]
        force: bool,
        #[command(flatten)]
        connect: ConnectArgs,
    },
    /// Start a manual recovery of a VM, or stop one that still waits.
    Recovery {
        /// What to do.
        #[arg(value_enum)]
        action: RecoveryVerb,
        /// Name of the VM as in opdata.
        vm: String,
        #[command(flatten)]
        connect: ConnectArgs,
    },
}

#[derive(ValueEnum, Clone, Copy, Debug)]
enum Verb {
    Start,
    Stop,
    Reboot,
    EnableMonitor,
    DisableMonitor,
}

impl Verb {
    fn wire(self) -> &'static str {
        match self {
            Self::Start => "START",
            Self::Stop => "STOP",
            Self::Reboot => "REBOOT",
            Self::EnableMonitor => "ENABLE_MONITOR",
            Self::DisableMonitor => "DISABLE_MONITOR",
        }
    }
}

#[derive(ValueEnum, Clone, Copy, Debug)]
enum RecoveryVerb {
    Do,
    Cancel,
}

impl ActionArgs {
    /// Runs the command.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses the action.
    pub fn run(self) -> anyhow::Result<ExitCode> {
        let request = self.request();
        let connect = match &self.action {
            Action::Service { connect, .. }
            | Action::Vm { connect, .. }
            | Action::Recovery { connect, .. } => connect,
        };
        let mut client = connect.connect()?;
        let reply = client.rpc(&request)?;
        document::warn(&reply.warnings);
        client.close();
        document::print("ok\n")?;
        Ok(ExitCode::SUCCESS)
    }

    fn request(&self) -> String {
        match &self.action {
            Action::Service {
                action,
                tenant,
                deployment,
                service_name,
                service_version,
                ..
            } => element(
                "serviceAction",
                &[
                    ("actionType", Some(action.wire())),
                    ("tenantName", Some(tenant)),
                    ("depName", Some(deployment)),
                    ("serviceName", service_name.as_deref()),
                    ("serviceVersion", service_version.as_deref()),
                ],
            ),
            Action::Vm {
                action, vm, force, ..
            } => element(
                "vmAction",
                &[
                    ("actionType", Some(action.wire())),
                    ("vmName", Some(vm)),
                    ("force", force.then_some("true")),
                ],
            ),
            Action::Recovery { action, vm, .. } => {
                let word = match action {
                    RecoveryVerb::Do => "DO",
                    RecoveryVerb::Cancel => "CANCEL",
                };
                element(
                    "recoveryVmAction",
                    &[("actionType", Some(word)), ("vmName", Some(vm))],
                )
            }
        }
    }
}

fn element(name: &str, leaves: &[(&str, Option<&str>)]) -> String {
    let content: String = leaves
        .iter()
        .filter_map(|(leaf, value)| Some(format!("<{leaf}>{}</{leaf}>", escape_text((*value)?))))
        .collect();
    format!("<{name} xmlns=\"{ESC}\">{content}</{name}>")
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        action: ActionArgs,
    }

    fn request(args: &[&str]) -> String {
        let cli = Cli::try_parse_from([&["action"], args].concat()).unwrap();
        cli.action.request()
    }

    #[test]
    fn each_action_has_its_leaves_in_order() {
        assert_eq!(
            request(&[
                "service",
                "enable-monitor",
                "--tenant",
                "t",
                "--deployment",
                "d<1"
            ]),
            format!(
                "<serviceAction xmlns=\"{ESC}\"><actionType>ENABLE_MONITOR</actionType><tenantName>t</tenantName><depName>d&lt;1</depName></serviceAction>"
            )
        );
        assert_eq!(
            request(&["vm", "stop", "vm-1", "--force"]),
            format!(
                "<vmAction xmlns=\"{ESC}\"><actionType>STOP</actionType><vmName>vm-1</vmName><force>true</force></vmAction>"
            )
        );
        assert_eq!(
            request(&["recovery", "do", "vm-1"]),
            format!(
                "<recoveryVmAction xmlns=\"{ESC}\"><actionType>DO</actionType><vmName>vm-1</vmName></recoveryVmAction>"
            )
        );
    }
}
