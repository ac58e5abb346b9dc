//! Which handler an operation has.

use super::{action, edit, esc, read, schema, session, sim, store, subscribe};
use crate::northbound::netconf::service::{Answer, Request};
use crate::proto::netconf::{ErrorType, Operation, RpcError, RpcReply, unsupported};

/// Answers a decoded operation.
pub async fn answer(request: &Request<'_>, operation: Operation) -> Answer {
    let reply = match operation {
        Operation::Get {
            filter,
            with_defaults,
        } => read::get(request, filter, with_defaults).await,
        Operation::GetConfig {
            source,
            filter,
            with_defaults,
        } => read::get_config(request, source, filter, with_defaults).await,
        Operation::EditConfig(edit) => edit::edit_config(request, *edit).await,
        Operation::CopyConfig(copy) => store::copy_config(request, *copy).await,
        Operation::DeleteConfig { target } => store::delete_config(request, target),
        Operation::Lock { target } => store::lock(request, target).await,
        Operation::Unlock { target } => store::unlock(request, target),
        Operation::Validate { source } => store::validate(request, source).await,
        Operation::Commit(commit) => store::commit(request, commit).await,
        Operation::CancelCommit { persist_id } => store::cancel_commit(request, persist_id).await,
        Operation::DiscardChanges => store::discard_changes(request),
        Operation::CloseSession => session::close(request).await,
        Operation::KillSession { session_id } => session::kill(request, session_id).await,
        Operation::GetSchema(wanted) => schema::get_schema(request, &wanted),
        Operation::CreateSubscription(wanted) => return subscribe::create(request, *wanted).await,
        Operation::Other(element) => match &*element.ns {
            action::NS => action::action(request, &element).await,
            esc::NS => esc::action(request, &element).await,
            sim::NS if request.service.simulator().is_some() => sim::control(request, &element),
            ns if request.control().schema().module_by_namespace(ns).is_none() => RpcReply::from(
                RpcError::unknown_namespace(ErrorType::Protocol, &element.local, ns),
            ),
            _ => RpcReply::from(unsupported(&element)),
        },
    };
    reply.into()
}
