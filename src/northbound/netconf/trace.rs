//! What the audit log hears of a session: its begin and end, its requests, its actions. No values of configuration.

use super::service::Answer;
use crate::audit::{AuditRecord, Outcome, Recorder, Underway};
use crate::control::audit::by;
use crate::control::error::ControlError;
use crate::control::session::SessionInfo;
use crate::ids::OpId;
use crate::model::action::{Action, ActionType, RecoveryActionType, Refusal};
use crate::proto::netconf::{ErrorTag, Operation, RpcReply, SessionEnd, Source};
use crate::xml::Element;

/// Parameters of data model RPCs that say what is done to what; none is a secret.
const TELLING: [&str; 8] = [
    "actionType",
    "tenantName",
    "depName",
    "vmName",
    "fault",
    "vm-name",
    "host",
    "times",
];

/// A session is open.
pub fn opened(session: &SessionInfo) -> AuditRecord {
    by(session, "session-opened", Outcome::Done)
}

/// A session has ended.
pub fn ended(session: &SessionInfo, end: &SessionEnd) -> AuditRecord {
    let mut record = by(session, "session-ended", Outcome::Done);
    record.detail = Some(end.reason.as_str().to_owned());
    record.reason = (!end.detail.is_empty()).then(|| end.detail.clone());
    record
}

/// Messages that are no requests: an envelope that is wrong, or none. Each was refused, or has ended the session.
pub fn not_understood(session: &SessionInfo, messages: u64) -> AuditRecord {
    let mut record = by(session, "rpc", Outcome::Refused);
    record.detail = (messages > 1).then(|| format!("{messages} messages"));
    record.reason = Some("not understood".to_owned());
    record
}

/// A request that begins; what could not be decoded has only its name.
pub fn request(
    audit: &Recorder,
    session: &SessionInfo,
    name: &str,
    operation: Option<&Operation>,
) -> Underway {
    let mut record = by(session, name, Outcome::Failed);
    (record.target, record.detail) = operation.map(subject).unwrap_or_default();
    record.reason =
        Some("the session ended before the answer; a change may still be made".to_owned());
    audit.begin(record)
}

/// How a request ended: by its error-tags.
pub async fn answered(underway: Underway, answer: &Answer) {
    let (outcome, reason) = outcome(&answer.reply);
    underway.end(outcome, reason).await;
}

fn outcome(reply: &RpcReply) -> (Outcome, Option<String>) {
    let RpcReply::Errors(errors) = reply else {
        return (Outcome::Done, None);
    };
    let ours = |tag| {
        matches!(
            tag,
            ErrorTag::OperationFailed | ErrorTag::ResourceDenied | ErrorTag::RollbackFailed
        )
    };
    let outcome = match errors.iter().any(|error| ours(error.tag)) {
        true => Outcome::Failed,
        false => Outcome::Refused,
    };
    let mut tags: Vec<&str> = errors.iter().map(|error| error.tag.as_str()).collect();
    tags.dedup();
    (outcome, Some(tags.join(" ")))
}

/// Target and detail of an operation.
fn subject(operation: &Operation) -> (Option<String>, Option<String>) {
    let target = match operation {
        Operation::Get { .. } => "running and state".to_owned(),
        Operation::GetConfig { source, .. } => source.as_str().to_owned(),
        Operation::EditConfig(edit) => edit.target.as_str().to_owned(),
        Operation::CopyConfig(copy) => {
            let detail = format!("from {}", source(&copy.source));
            return (Some(copy.target.as_str().to_owned()), Some(detail));
        }
        Operation::DeleteConfig { target }
        | Operation::Lock { target }
        | Operation::Unlock { target } => target.as_str().to_owned(),
        Operation::Validate { source: checked } => source(checked).to_owned(),
        Operation::Commit(_) => "running".to_owned(),
        Operation::CancelCommit { .. } => "running".to_owned(),
        Operation::DiscardChanges => "candidate".to_owned(),
        Operation::KillSession { session_id } => format!("session {session_id}"),
        Operation::GetSchema(wanted) => wanted.identifier.clone(),
        Operation::CreateSubscription(wanted) => {
            let stream = wanted.stream.as_deref().unwrap_or("NETCONF");
            format!("stream {stream}")
        }
        Operation::CloseSession => return (None, None),
        Operation::Other(element) => return (None, parameters(element)),
    };
    (Some(target), None)
}

fn source(source: &Source) -> &'static str {
    match source {
        Source::Datastore(name) => name.as_str(),
        Source::Config(_) => "the request",
    }
}

fn parameters(element: &Element) -> Option<String> {
    let told: Vec<String> = element
        .elements()
        .filter(|child| TELLING.contains(&&*child.local))
        .map(|child| format!("{} {}", child.local, child.text().trim()))
        .collect();
    (!told.is_empty()).then(|| told.join(", "))
}

/// An action, on its own or within edit-config, that is asked of the engine.
pub fn action(audit: &Recorder, session: &SessionInfo, action: &Action) -> Underway {
    let (name, word, target) = match action {
        Action::Service { action, deployment } => {
            ("service", word(*action), format!("deployment {deployment}"))
        }
        Action::Vm { action, vm, .. } => ("vm", word(*action), format!("VM {vm}")),
        Action::Recovery { action, vm } => {
            let word = match action {
                RecoveryActionType::Do => "DO",
                RecoveryActionType::Cancel => "CANCEL",
            };
            ("recovery", word, format!("VM {vm}"))
        }
    };
    let mut record = by(session, "action", Outcome::Failed);
    record.target = Some(target);
    record.detail = Some(match action {
        Action::Vm { force: true, .. } => format!("{name} {word} forced"),
        _ => format!("{name} {word}"),
    });
    record.reason = Some("the session ended before the answer; it may still be done".to_owned());
    audit.begin(record)
}

/// Whether the engine took the action.
pub async fn taken(underway: Underway, result: &Result<OpId, ControlError>) {
    let (outcome, reason) = match result {
        Ok(_) => (Outcome::Done, None),
        Err(error) => {
            let outcome = match error {
                ControlError::Refused(Refusal::Unavailable(_)) => Outcome::Failed,
                ControlError::Refused(_) => Outcome::Refused,
                _ => Outcome::Failed,
            };
            (outcome, Some(error.to_string()))
        }
    };
    underway.end(outcome, reason).await;
}

fn word(action: ActionType) -> &'static str {
    match action {
        ActionType::Start => "START",
        ActionType::Stop => "STOP",
        ActionType::Reboot => "REBOOT",
        ActionType::EnableMonitor => "ENABLE_MONITOR",
        ActionType::DisableMonitor => "DISABLE_MONITOR",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::netconf::{ErrorType, RpcError};

    #[test]
    fn an_outcome_is_told_by_tags_without_messages() {
        assert_eq!(outcome(&RpcReply::Ok), (Outcome::Done, None));
        let wrong = RpcError::invalid_value(ErrorType::Application, "'s3cret' is no number");
        let told = outcome(&RpcReply::Errors(vec![wrong.clone(), wrong.clone()]));
        assert_eq!(told, (Outcome::Refused, Some("invalid-value".to_owned())));
        let failed = RpcError::operation_failed(ErrorType::Application, "disk");
        let told = outcome(&RpcReply::Errors(vec![wrong, failed]));
        let tags = "invalid-value operation-failed".to_owned();
        assert_eq!(told, (Outcome::Failed, Some(tags)));
    }

    #[test]
    fn of_an_unknown_rpc_only_harmless_parameters_are_told() {
        let xml = "<x xmlns='u'><vmName> a </vmName><password>s3cret</password></x>";
        let element = crate::xml::parse_str(xml).unwrap();
        let (target, detail) = subject(&Operation::Other(Box::new(element)));
        assert_eq!((target, detail.as_deref()), (None, Some("vmName a")));
    }
}
