//! What a server and its record say together: pure.
//!
//! The record of an action can say Success of a server that is not all right, so it is evidence and no more:
//!
//! 1. the outcome is the server's status, no task under way, and its power state (and the engine's own probe);
//! 2. events are grouped by name, because a retry leaves several of one: Success if any succeeded, Error only if
//!    one failed and none succeeded; one without an end is under way only while the server has a task;
//! 3. an action without any event whose server has a task is not served by its host: after a while it failed;
//! 4. the status `ERROR` is stronger than any Success;
//! 5. a server that is not `ACTIVE` is rebooted hard;
//! 6. a 404 after a removal proves nothing by itself: [`gone`].

use std::time::Duration;

use super::connector::UnprovenGone;
use super::errand::{Sent, What};
use super::error::one_line;
use crate::engine::port::PowerState as Power;
use crate::model::vim::VimOpStatus;
use crate::proto::nova::{
    ActionEvent, HostStatus, InstanceAction, PowerState, RebootType, Server, ServerStatus,
};

/// The event by which a compute service tells that it has ended a guest.
const TERMINATED: &str = "compute_terminate_instance";

/// How the events of one name ended, taken together.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Group {
    /// One succeeded.
    Success,
    /// One failed and none succeeded; the words of the newest that failed.
    Error(String),
    /// None ended.
    Pending,
}

/// The events by name, the name with the newest event first (rule 2).
pub fn groups(events: &[ActionEvent]) -> Vec<(String, Group)> {
    let mut groups: Vec<(String, Group)> = Vec::new();
    for event in events {
        let at = match groups.iter().position(|(name, _)| *name == event.event) {
            Some(at) => at,
            None => {
                groups.push((event.event.clone(), Group::Pending));
                groups.len() - 1
            }
        };
        let Some((_, group)) = groups.get_mut(at) else {
            continue;
        };
        match event.result.as_deref() {
            Some("Success") => *group = Group::Success,
            Some("Error") if *group == Group::Pending => *group = Group::Error(event_words(event)),
            _ => {}
        }
    }
    groups
}

/// A failed event's words: its details, or the last line of its traceback, or its name.
fn event_words(event: &ActionEvent) -> String {
    let details = event.details.iter().flatten().map(|text| one_line(text));
    let traceback = event.traceback.iter().flatten();
    let raised = traceback.filter_map(|text| {
        text.lines()
            .rev()
            .map(str::trim)
            .find(|line| !line.is_empty())
    });
    details
        .chain(raised.map(one_line))
        .find(|words| !words.is_empty())
        .unwrap_or_else(|| format!("{}: Error", event.event))
}

/// What Nova says of a failure, newest first: the server's fault, each failed group of events, and which record
/// says so.
pub fn lines(server: Option<&Server>, record: Option<&InstanceAction>) -> Vec<String> {
    let mut lines = Vec::new();
    let mut add = |line: String| {
        if !line.is_empty() && !lines.contains(&line) {
            lines.push(line);
        }
    };
    for line in server.map(fault).unwrap_or_default() {
        add(line);
    }
    if let Some(record) = record {
        let mut told = Vec::new();
        for (name, group) in groups(record.events.as_deref().unwrap_or_default()) {
            let result = match group {
                Group::Success => "Success",
                Group::Error(words) => {
                    add(words);
                    "Error"
                }
                Group::Pending => "unfinished",
            };
            told.push(format!("{name} {result}"));
        }
        if told.is_empty() && record.message.is_some() {
            told.push("Error".to_owned());
        }
        if !told.is_empty() {
            add(format!(
                "Nova: {} {}: {}",
                record.action,
                record.request_id,
                told.join(", ")
            ));
        }
    }
    lines
}

/// A server's own fault.
pub fn fault(server: &Server) -> Vec<String> {
    let fault = server.fault.iter();
    fault
        .map(|fault| one_line(&fault.message))
        .filter(|line| !line.is_empty())
        .collect()
}

/// The task under way.
pub fn task(server: &Server) -> Option<&str> {
    server
        .task_state
        .as_ref()?
        .as_deref()
        .filter(|task| !task.is_empty())
}

fn status(server: &Server) -> &ServerStatus {
    server.status.as_ref().unwrap_or(&ServerStatus::Unknown)
}

/// Whether the guest's host answers, as far as the server tells.
pub fn host_down(server: &Server) -> bool {
    matches!(
        server.host_status,
        Some(HostStatus::Down | HostStatus::Unknown)
    )
}

/// Whether it is on a host.
pub fn on_host(server: &Server) -> bool {
    let named = server.host.iter().flatten().any(|host| !host.is_empty());
    let digest = server
        .host_id
        .as_ref()
        .is_some_and(|digest| !digest.is_empty());
    named || digest
}

/// How a server looks to the engine.
pub fn power(server: &Server) -> Power {
    use ServerStatus as S;
    if task(server) == Some("deleting") {
        return Power::Deleting;
    }
    if host_down(server) && *status(server) != S::ShelvedOffloaded {
        return Power::Unknown;
    }
    let seen = match server.power_state {
        None | Some(PowerState::Running) => Power::Running,
        Some(
            PowerState::Shutdown | PowerState::Crashed | PowerState::Suspended | PowerState::Paused,
        ) => Power::Stopped,
        // The hypervisor does not know the guest that Nova takes for running.
        Some(PowerState::NoState) => Power::Error,
        Some(PowerState::Other(_)) => Power::Unknown,
    };
    match status(server) {
        S::Active | S::VerifyResize => seen,
        S::Shutoff if task(server).is_none() => Power::Stopped,
        S::Paused | S::Suspended | S::Shelved | S::ShelvedOffloaded | S::SoftDeleted => {
            Power::Stopped
        }
        // It runs, but not what it was made for.
        S::Error | S::Rescue => Power::Error,
        S::Build
        | S::Shutoff
        | S::HardReboot
        | S::Reboot
        | S::Rebuild
        | S::Resize
        | S::RevertResize
        | S::Migrating
        | S::Password => Power::Building,
        S::Deleted => Power::Deleting,
        S::Unknown | S::Other(_) => Power::Unknown,
    }
}

/// The VIM's words about a server's state, newest first.
pub fn messages(server: &Server) -> Vec<String> {
    let mut messages = fault(server);
    if host_down(server) {
        let host = server.host.iter().flatten().next();
        let host = host.map_or(String::new(), |host| format!(" {host}"));
        messages.push(format!(
            "Nova: the compute service of its host{host} does not answer"
        ));
    }
    if let (S::Active, Some(PowerState::NoState)) = (status(server), server.power_state) {
        messages.push("Nova: the hypervisor does not know it".to_owned());
    }
    if let (S::Active, Power::Stopped, Some(state)) =
        (status(server), power(server), server.power_state)
    {
        messages.push(format!(
            "Nova: its status is ACTIVE, and the guest does not run (power state {})",
            state.number()
        ));
    }
    if matches!(status(server), S::Rescue | S::Unknown | S::Other(_)) {
        messages.push(format!("Nova: its status is {}", status(server)));
    }
    messages
}

use ServerStatus as S;

/// How to reboot (rule 5): softly only what runs and is asked so.
pub fn reboot_type(server: &Server, hard: bool) -> RebootType {
    let runs = *status(server) == S::Active && matches!(power(server), Power::Running);
    match runs && !hard {
        true => RebootType::Soft,
        false => RebootType::Hard,
    }
}

/// What follows of an errand.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// This is how it stands.
    Is(VimOpStatus),
    /// A resize waits to be confirmed.
    Confirm,
}

/// How an errand on a server stands. `server`: `None` when Nova answers 404; `record`: `None` when it cannot be
/// read; `waited`: since it was accepted.
pub fn outcome(
    what: &What,
    server: Option<&Server>,
    record: Option<&InstanceAction>,
    waited: Duration,
    unserved: Duration,
) -> Verdict {
    use VimOpStatus as V;
    let Some(server) = server else {
        return Verdict::Is(match what {
            // Whether that is proof is another question.
            What::Delete => V::Succeeded,
            _ => V::Unknown,
        });
    };
    let events = record.and_then(|record| record.events.as_deref());
    let failed = || V::Failed(failure(what, server, record));
    if let Some(task) = task(server) {
        // Rule 3; who may not see events judges by the host, or waits.
        let untouched = events.is_some_and(<[ActionEvent]>::is_empty) || host_down(server);
        let late = waited >= unserved && untouched && *what != What::Create;
        return Verdict::Is(match late {
            false => V::Running,
            true => V::Failed(vec![format!(
                "Nova: no compute service took the request up within {} s; the server is in task {task}",
                waited.as_secs()
            )]),
        });
    }
    let in_error = *status(server) == S::Error;
    let went_wrong = events.is_some_and(|events| {
        let groups = groups(events);
        groups
            .iter()
            .any(|(_, group)| matches!(group, Group::Error(_)))
    });
    Verdict::Is(match what {
        What::Create => match status(server) {
            S::Error => failed(),
            S::Build => V::Running,
            _ => V::Succeeded,
        },
        What::Delete if *status(server) == S::Deleted => V::Succeeded,
        // A removal without a task has not begun, or was given up.
        What::Delete if went_wrong || in_error => failed(),
        What::Delete if waited < unserved => V::Running,
        What::Delete => V::Failed(vec![
            "Nova: the removal was accepted and did not happen".to_owned(),
        ]),
        What::Resize(_) => match status(server) {
            S::VerifyResize => return Verdict::Confirm,
            S::Resize | S::RevertResize => V::Running,
            S::Error => failed(),
            _ if went_wrong || server.fault.is_some() => failed(),
            _ => V::Succeeded,
        },
        // Rule 4.
        _ if in_error => failed(),
        _ if went_wrong => failed(),
        // Rule 2: an event without an end, and no task: it is over.
        _ => V::Succeeded,
    })
}

fn failure(what: &What, server: &Server, record: Option<&InstanceAction>) -> Vec<String> {
    let lines = lines(Some(server), record);
    if !lines.is_empty() {
        return lines;
    }
    let word = match what {
        What::Create => "create",
        What::Delete => "delete",
        What::Start => "start",
        What::Stop => "stop",
        What::Reboot => "reboot",
        What::Resize(_) => "resize",
        What::Image(_) | What::Done => "request",
    };
    vec![format!(
        "Nova: {word} ended with the server's status {}",
        status(server)
    )]
}

/// Whether a 404 means that the guest runs no more.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Gone {
    /// It does not run, and why that is known.
    Proven(&'static str),
    /// Nobody knows, and why.
    Unproven(String),
}

/// What is left of a server that Nova does not know any more.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Remains {
    /// Its latest record of a removal, with its events where they may be seen.
    pub removal: Option<InstanceAction>,
    /// Nova has no record of it at all, though records of removed servers can be read.
    pub no_records: bool,
    /// Whether its host is fenced by now.
    pub fenced: bool,
}

/// Judges a 404 (rule 6). With the compute service down, Nova drops its own record at once while the guest runs on:
/// only what that service did, or what nobody could have done, is proof.
pub fn gone(sent: Option<&Sent>, remains: &Remains, unproven: UnprovenGone) -> Gone {
    let events = remains
        .removal
        .as_ref()
        .and_then(|removal| removal.events.as_deref());
    let ended = |(name, group): &(String, Group)| name == TERMINATED && *group == Group::Success;
    if groups(events.unwrap_or_default()).iter().any(ended) {
        return Gone::Proven("the compute service has ended it");
    }
    if remains.fenced || sent.is_some_and(|sent| sent.fenced) {
        return Gone::Proven("its host is fenced");
    }
    if let Some(sent) = sent {
        if sent.served == Some(true) {
            return Gone::Proven(
                "its host's service was up when the removal was sent, and stayed up",
            );
        }
        if !sent.on_host && matches!(&*sent.status, "ERROR" | "SHELVED_OFFLOADED") {
            return Gone::Proven("it was on no host");
        }
        if !sent.on_host && sent.status == "BUILD" && remains.no_records {
            return Gone::Proven("it was removed before it was placed");
        }
    }
    if unproven == UnprovenGone::Trust {
        return Gone::Proven("the connector is set so");
    }
    let why = match sent {
        Some(Sent {
            served: Some(false),
            ..
        }) => {
            "the compute service of its host was down when it was removed: the guest may still run there"
        }
        Some(_) => {
            "this user sees neither the host's service nor what it did: the guest may still run"
        }
        None => "nothing is known of its removal: the guest may still run",
    };
    Gone::Unproven(format!("Nova does not know the server any more, and {why}"))
}

#[cfg(test)]
#[path = "tests/judge.rs"]
mod tests;
