//! serviceAction, vmAction and recoveryVmAction: bare RPCs, or wrapped in edit-config.

use super::input;
use crate::ids::{DeploymentKey, VmName};
use crate::model::action::{Action, ActionType, RecoveryActionType};
use crate::northbound::netconf::service::Request;
use crate::proto::netconf::{ErrorType, RpcError, RpcReply, unsupported};
use crate::xml::Element;

/// Namespace of the ESC model.
pub const NS: &str = "http://www.cisco.com/esc/esc";

/// Carries an action out: `<ok/>` means validated, stored, queued; the outcome comes as events.
pub async fn action(request: &Request<'_>, element: &Element) -> RpcReply {
    match decode(request, element) {
        Ok(action) => request.done(request.action(action).await.map(|_| ())),
        Err(error) => error.into(),
    }
}

/// Reads an action that libyang has found valid.
pub fn decode(request: &Request<'_>, element: &Element) -> Result<Action, RpcError> {
    let schema = request.control().schema();
    if !matches!(
        &*element.local,
        "serviceAction" | "vmAction" | "recoveryVmAction"
    ) {
        return Err(unsupported(element));
    }
    input::check(schema, element)?;
    let text = |name: &str| {
        element
            .child(NS, name)
            .map(|child| child.text().trim().to_owned())
    };
    let required =
        |name: &str| text(name).ok_or_else(|| RpcError::missing_element(ErrorType::Protocol, name));
    let vm = || Ok::<_, RpcError>(VmName::new(required("vmName")?));
    let word = required("actionType")?;
    if &*element.local == "recoveryVmAction" {
        let action = match word.as_str() {
            "DO" => RecoveryActionType::Do,
            "CANCEL" => RecoveryActionType::Cancel,
            _ => return Err(bad_action(&word)),
        };
        return Ok(Action::Recovery { action, vm: vm()? });
    }
    let action = action_type(&word)?;
    if &*element.local == "vmAction" {
        let force = text("force").is_some_and(|text| text == "true" || text == "1");
        return Ok(Action::Vm {
            action,
            vm: vm()?,
            force,
        });
    }
    Ok(Action::Service {
        action,
        deployment: DeploymentKey::new(required("tenantName")?, required("depName")?),
    })
}

/// Reads an `actionType`.
pub fn action_type(word: &str) -> Result<ActionType, RpcError> {
    Ok(match word {
        "START" => ActionType::Start,
        "STOP" => ActionType::Stop,
        "REBOOT" => ActionType::Reboot,
        "ENABLE_MONITOR" => ActionType::EnableMonitor,
        "DISABLE_MONITOR" => ActionType::DisableMonitor,
        _ => return Err(bad_action(word)),
    })
}

fn bad_action(word: &str) -> RpcError {
    RpcError::invalid_value(
        ErrorType::Application,
        format!("'{word}' is not an action here"),
    )
}
