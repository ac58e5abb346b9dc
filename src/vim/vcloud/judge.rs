//! What a task and its vApp say together: pure.
//!
//! 1. a task that is not over decides nothing: a word that nobody knows is not over;
//! 2. a task that failed counts as failed unless the vApp is where it was to be;
//! 3. a task that succeeded is believed: what became of the VM is looked at afterwards;
//! 4. a task that is no longer kept tells nothing: then the vApp alone does, and where it cannot, nobody knows;
//! 5. what is not listed any more is gone only when no task of ours removes it any more.

use super::errand::What;
use super::error::words;
use crate::engine::port::PowerState;
use crate::model::vim::VimOpStatus;
use crate::proto::vcloud::{Task, TaskStatus, VApp, VAppStatus};
use crate::vim_http::one_line;

/// The task under way on a vApp.
pub fn active(vapp: &VApp) -> Option<&Task> {
    vapp.tasks.iter().find(|task| !task.status.is_final())
}

/// The last task of a vApp that failed, while it is shown.
fn failed(vapp: &VApp) -> Option<&Task> {
    let over = |task: &&Task| task.status.is_final() && task.status != TaskStatus::Success;
    vapp.tasks.iter().rfind(over)
}

/// Whether a task may be a reboot of ours, or the start that stands for one. 1.0 tells what a task does in words alone.
pub fn is_start(task: &Task) -> bool {
    const NAMES: [&str; 4] = ["reset", "reboot", "poweron", "deploy"];
    const WORDS: [&str; 4] = ["resetting", "rebooting", "powering on", "starting"];
    let words = task.operation.to_lowercase();
    match &task.operation_name {
        Some(name) => {
            let name = name.to_lowercase();
            NAMES.iter().any(|known| name.contains(known)) && !name.contains("undeploy")
        }
        None => WORDS.iter().any(|known| words.starts_with(known)),
    }
}

/// How a vApp looks to the engine.
pub fn power(vapp: &VApp) -> PowerState {
    use VAppStatus as S;
    match vapp.status {
        S::PoweredOn => PowerState::Running,
        S::FailedCreation => PowerState::Error,
        S::Unresolved => PowerState::Building,
        S::Resolved | S::Suspended | S::PoweredOff if active(vapp).is_some() => {
            PowerState::Building
        }
        S::Resolved | S::Suspended | S::PoweredOff => PowerState::Stopped,
        // Status 2 is never one of a vApp; the others say themselves that nobody knows, or that a person has to look.
        S::Deployed
        | S::WaitingForInput
        | S::Unknown
        | S::Inconsistent
        | S::Mixed
        | S::Other(_) => PowerState::Unknown,
    }
}

/// The cloud's words about a vApp's state, newest first.
pub fn messages(vapp: &VApp) -> Vec<String> {
    let told = match vapp.status {
        VAppStatus::FailedCreation => return failure(vapp),
        VAppStatus::WaitingForInput => "it waits for a person's answer",
        VAppStatus::Inconsistent => "its state is inconsistent",
        VAppStatus::Mixed => "its VMs are in several states",
        VAppStatus::Unknown | VAppStatus::Deployed | VAppStatus::Other(_) => "its state is unknown",
        _ => return Vec::new(),
    };
    vec![format!("vCloud: {told} (status {})", vapp.status.number())]
}

/// Why a vApp was not made.
pub fn failure(vapp: &VApp) -> Vec<String> {
    match failed(vapp) {
        Some(task) => lines(task),
        None => vec!["vCloud: the vApp could not be made (status -1)".to_owned()],
    }
}

/// What the cloud says of a failed task, newest first: its words with their codes, and which task says so.
pub fn lines(task: &Task) -> Vec<String> {
    let operation = match &task.operation_name {
        Some(name) => one_line(name),
        None => one_line(&task.operation),
    };
    let id = task.href.trim_end_matches('/').rsplit('/').next();
    let last = format!(
        "vCloud: task {} {operation}: {}",
        one_line(id.unwrap_or_default()),
        one_line(task.status.as_str())
    );
    match &task.error {
        Some(error) => vec![words(error), last],
        None => vec![last],
    }
}

/// How a task stands by itself; `None`: it is not kept.
pub fn of_task(task: Option<&Task>) -> Option<VimOpStatus> {
    let task = task?;
    Some(match &task.status {
        TaskStatus::Queued | TaskStatus::PreRunning => VimOpStatus::Pending,
        TaskStatus::Running | TaskStatus::Other(_) => VimOpStatus::Running,
        TaskStatus::Success => VimOpStatus::Succeeded,
        TaskStatus::Error | TaskStatus::Canceled | TaskStatus::Aborted => {
            VimOpStatus::Failed(lines(task))
        }
    })
}

/// Whether the vApp is where the errand was to bring it; `None`: its look does not tell.
fn reached(what: &What, vapp: Option<&VApp>) -> Option<bool> {
    let runs = vapp.is_some_and(|vapp| vapp.status == VAppStatus::PoweredOn);
    match what {
        What::Create(_) | What::Start => Some(runs),
        What::Stop | What::PowerOff => {
            Some(vapp.is_some_and(|vapp| power(vapp) == PowerState::Stopped))
        }
        What::Delete => Some(vapp.is_none()),
        // What runs may run since before.
        What::Reboot | What::Resize(_) | What::Done => None,
    }
}

/// How an errand of one task stands. `task`: `None` when it is not kept any more, or there was none; `vapp`: `None`
/// when the cloud does not show it.
pub fn outcome(what: &What, task: Option<&Task>, vapp: Option<&VApp>) -> VimOpStatus {
    match of_task(task) {
        Some(VimOpStatus::Failed(lines)) => match reached(what, vapp) {
            Some(true) => VimOpStatus::Succeeded,
            _ => VimOpStatus::Failed(lines),
        },
        Some(status) => status,
        None => match (reached(what, vapp), vapp) {
            (Some(true), _) => VimOpStatus::Succeeded,
            (_, Some(vapp)) if active(vapp).is_some() => VimOpStatus::Running,
            _ => VimOpStatus::Unknown,
        },
    }
}

/// Whether the vApp's own look is needed beside the task.
pub fn needs_look(task: Option<&Task>) -> bool {
    matches!(of_task(task), None | Some(VimOpStatus::Failed(_)))
}

#[cfg(test)]
#[path = "tests/judge.rs"]
mod tests;
