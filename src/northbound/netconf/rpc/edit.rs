//! edit-config (RFC 6241 section 7.2), and the ESC actions that clients wrap in it.

use super::esc;
use crate::control::commit::Edit;
use crate::control::error::ControlError;
use crate::datastore::{self, EditTree, split_rpcs};
use crate::northbound::netconf::map;
use crate::northbound::netconf::service::Request;
use crate::proto::netconf::names::BASE;
use crate::proto::netconf::{
    DatastoreName, DefaultOperation, EditConfig, ErrorOption, ErrorType, RpcError, RpcReply,
    TestOption,
};
use crate::xml::Element;

/// Applies an edit; an action inside `<config>` is carried out after the data beside it.
pub async fn edit_config(request: &Request<'_>, wanted: EditConfig) -> RpcReply {
    let control = request.control();
    let schema = control.schema();
    if !wanted.config.has_only_whitespace_text() {
        let text = "text is not allowed in <config>";
        return RpcError::bad_element(ErrorType::Application, "config", text).into();
    }
    let config = wanted.config;
    // Decoding costs what the request is worth, and that may be 16 MiB.
    let work = tokio::task::spawn_blocking(move || {
        let (actions, data) = split_rpcs(schema, &config);
        let actions: Vec<Element> = actions.into_iter().map(without_operations).collect();
        (actions, EditTree::decode_elements(schema, data))
    });
    let (actions, edit) = match work.await {
        Ok(decoded) => decoded,
        Err(error) => {
            return request.failed(&ControlError::Internal(format!("decoding: {error}")));
        }
    };
    if !actions.is_empty() && wanted.target != DatastoreName::Running {
        let text = "an action can only be given to the running datastore";
        return RpcError::operation_not_supported(ErrorType::Application, text).into();
    }
    if !actions.is_empty() && wanted.test_option == Some(TestOption::TestOnly) {
        let text = "an action cannot be tested without being carried out";
        return RpcError::operation_not_supported(ErrorType::Application, text).into();
    }
    let mut decoded = Vec::with_capacity(actions.len());
    for action in &actions {
        if let Err(denied) = request.may_execute(&action.ns, &action.local) {
            return denied.into();
        }
        match esc::decode(request, action) {
            Ok(action) => decoded.push(action),
            Err(error) => return error.into(),
        }
    }
    let edit = match edit {
        Ok(edit) => edit,
        Err(error) => return map::data(schema, &error).into(),
    };
    if !edit.is_empty() || decoded.is_empty() {
        let edit = Edit {
            edit,
            default: default(wanted.default_operation),
            option: option(wanted.error_option),
            test_only: wanted.test_option == Some(TestOption::TestOnly),
            test_first: wanted.test_option == Some(TestOption::TestThenSet),
            access: request.access.clone(),
        };
        let session = request.session.id;
        let result = match wanted.target {
            DatastoreName::Running => control.edit_running(session, edit).await,
            DatastoreName::Candidate => control.edit_candidate(session, edit).await,
        };
        if let Err(error) = result {
            return request.failed(&error);
        }
    }
    for action in decoded {
        if let Err(error) = request.action(action).await {
            return request.failed(&error);
        }
    }
    RpcReply::Ok
}

fn default(operation: DefaultOperation) -> datastore::DefaultOperation {
    match operation {
        DefaultOperation::Merge => datastore::DefaultOperation::Merge,
        DefaultOperation::Replace => datastore::DefaultOperation::Replace,
        DefaultOperation::None => datastore::DefaultOperation::None,
    }
}

fn option(option: ErrorOption) -> datastore::ErrorOption {
    match option {
        ErrorOption::StopOnError => datastore::ErrorOption::Stop,
        ErrorOption::ContinueOnError => datastore::ErrorOption::Continue,
        ErrorOption::RollbackOnError => datastore::ErrorOption::Rollback,
    }
}

/// An action without the `operation` attributes that elements in `<config>` may have; one that asks for the action to be
/// taken away stays, and is refused.
fn without_operations(action: &Element) -> Element {
    fn strip(element: &mut Element) {
        element.attrs.retain(|attr| {
            let operation = &*attr.local == "operation" && &*attr.ns == BASE;
            !(operation && matches!(&*attr.value, "merge" | "replace" | "create"))
        });
        element.elements_mut().for_each(strip);
    }
    let mut action = action.clone();
    strip(&mut action);
    action
}
