//! What a job and its VM say together: pure.
//!
//! 1. a pending job decides nothing: not even a VM that is not shown any more is gone before the job that removes it is over;
//! 2. a job that failed counts as failed unless the VM is where it was to be: a command on a VM that is there already fails;
//! 3. a job that succeeded may have left a VM in `Error`;
//! 4. a job that is no longer kept tells nothing: then the VM alone does, and where it cannot, nobody knows;
//! 5. `Destroyed` is a VM that was stopped and only waits to be expunged: its guest does not run.

use super::errand::What;
use super::error::words;
use crate::engine::port::PowerState;
use crate::model::vim::VimOpStatus;
use crate::proto::cloudstack::{ApiError, AsyncJob, JobResult, JobStatus, VirtualMachine, VmState};
use crate::vim_http::one_line;

/// How a VM looks to the engine. `served`: whether its host answers, `None` where that cannot be seen.
pub fn power(vm: &VirtualMachine, served: Option<bool>) -> PowerState {
    match &vm.state {
        // What the cloud believes of a VM whose host it cannot ask is old.
        VmState::Running | VmState::Migrating if served == Some(false) => PowerState::Unknown,
        VmState::Running | VmState::Migrating => PowerState::Running,
        VmState::Starting | VmState::Stopping => PowerState::Building,
        VmState::Stopped | VmState::Shutdowned => PowerState::Stopped,
        VmState::Destroyed | VmState::Expunging => PowerState::Deleting,
        VmState::Error => PowerState::Error,
        VmState::Unknown | VmState::Other(_) => PowerState::Unknown,
    }
}

/// The cloud's words about a VM's state.
pub fn messages(vm: &VirtualMachine, served: Option<bool>) -> Vec<String> {
    let mut messages = Vec::new();
    if served == Some(false) {
        let host = vm.hostname.as_deref().unwrap_or_default();
        messages.push(format!("CloudStack: its host {host} does not answer"));
    }
    if matches!(
        vm.state,
        VmState::Error | VmState::Unknown | VmState::Other(_)
    ) {
        messages.push(format!("CloudStack: its state is {}", vm.state));
    }
    messages
}

/// Whether it is on its way from one state to another: what is asked of it now is refused and can be asked again.
pub fn is_busy(vm: &VirtualMachine) -> bool {
    matches!(
        vm.state,
        VmState::Starting | VmState::Stopping | VmState::Migrating | VmState::Expunging
    )
}

/// Whether a state of a host means that it answers.
pub fn serves(state: &str) -> bool {
    // `Down`, `Alert`, `Disconnected`, `Error`, and what nobody knows
    ["Up", "Connecting", "Rebalancing"]
        .iter()
        .any(|up| state.eq_ignore_ascii_case(up))
}

/// What the cloud says of a failed job, newest first: its words with their code, and which job says so.
pub fn lines(job: &AsyncJob) -> Vec<String> {
    let text = match &job.jobresult {
        Some(JobResult::Error(error)) => words(error),
        _ => words(&ApiError {
            errorcode: job.jobresultcode.unwrap_or_default(),
            cserrorcode: None,
            errortext: job.failure().unwrap_or_default(),
        }),
    };
    let command = job
        .cmd
        .as_deref()
        .and_then(|class| class.rsplit('.').next());
    let command = command.map_or(String::new(), |command| format!(" {}", one_line(command)));
    vec![
        text,
        format!(
            "CloudStack: job {}{command} failed",
            one_line(job.jobid.as_str())
        ),
    ]
}

/// Whether the VM is where the errand was to bring it; `None`: its look does not tell.
fn reached(what: &What, vm: Option<&VirtualMachine>) -> Option<bool> {
    let state = vm.map(|vm| &vm.state);
    match what {
        What::Delete => Some(matches!(state, None | Some(VmState::Destroyed))),
        What::Create | What::Start => {
            Some(matches!(state, Some(VmState::Running | VmState::Migrating)))
        }
        What::Stop => Some(matches!(
            state,
            Some(VmState::Stopped | VmState::Shutdowned)
        )),
        What::Resize(offering) => {
            let has = vm.and_then(|vm| vm.serviceofferingid.as_ref());
            Some(has.is_some_and(|has| has.as_str() == offering))
        }
        // A VM that runs may run since before.
        What::Reboot | What::Template | What::Removal | What::Done => None,
    }
}

/// How an errand stands. `job`: `None` when it is not kept any more, or there was none; `vm`: `None` when the cloud
/// does not show it.
pub fn outcome(what: &What, job: Option<&AsyncJob>, vm: Option<&VirtualMachine>) -> VimOpStatus {
    let Some(job) = job else {
        return match (reached(what, vm), vm) {
            (Some(true), _) => VimOpStatus::Succeeded,
            (_, Some(vm)) if is_busy(vm) => VimOpStatus::Running,
            (_, Some(vm)) if *what == What::Create && vm.state == VmState::Error => {
                VimOpStatus::Failed(vec![
                    "CloudStack: the VM's state is Error, and the job that made it is not kept"
                        .to_owned(),
                ])
            }
            _ => VimOpStatus::Unknown,
        };
    };
    match job.jobstatus {
        JobStatus::Pending => VimOpStatus::Running,
        JobStatus::Succeeded => match &job.jobresult {
            Some(JobResult::VirtualMachine(made))
                if *what == What::Create && made.state == VmState::Error =>
            {
                VimOpStatus::Failed(vec![
                    "CloudStack: the VM's state is Error".to_owned(),
                    format!("CloudStack: job {} says success", job.jobid),
                ])
            }
            _ => VimOpStatus::Succeeded,
        },
        JobStatus::Failed => match reached(what, vm) {
            Some(true) => VimOpStatus::Succeeded,
            _ => VimOpStatus::Failed(lines(job)),
        },
    }
}

/// Whether the VM's own look is needed beside the job.
pub fn needs_look(what: &What, job: Option<&AsyncJob>) -> bool {
    let of_a_vm = !matches!(what, What::Template | What::Removal | What::Done);
    of_a_vm && job.is_none_or(|job| job.jobstatus == JobStatus::Failed)
}

#[cfg(test)]
#[path = "tests/judge.rs"]
mod tests;
