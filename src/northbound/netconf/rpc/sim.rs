//! inject and clear: the simulated VIM's controls, served only when one is configured.

use std::time::Duration;

use super::input;
use crate::cloudsim::{Fault, Injection, Target};
use crate::northbound::netconf::service::{Request, not_supported};
use crate::proto::netconf::{ErrorType, RpcError, RpcReply, unsupported};
use crate::xml::Element;

/// Namespace of the controls.
pub const NS: &str = "urn:lifeline:yang:lifeline-sim";

/// Carries a control out.
pub fn control(request: &Request<'_>, element: &Element) -> RpcReply {
    let Some(simulator) = request.service.simulator() else {
        return not_supported("no simulated VIM is configured");
    };
    let schema = request.control().schema();
    if !matches!(&*element.local, "inject" | "clear") {
        return unsupported(element).into();
    }
    if let Err(error) = input::check(schema, element) {
        return error.into();
    }
    let target = target(element);
    let done = match &*element.local {
        "clear" => simulator.clear(target),
        _ => match injection(element, target) {
            Ok(injection) => simulator.inject(injection),
            Err(error) => return error.into(),
        },
    };
    match done {
        Ok(()) => RpcReply::Ok,
        Err(text) => RpcError::operation_failed(ErrorType::Application, text).into(),
    }
}

fn text(element: &Element, name: &str) -> Option<String> {
    element
        .child(NS, name)
        .map(|child| child.text().trim().to_owned())
}

fn target(element: &Element) -> Option<Target> {
    match (text(element, "vm-name"), text(element, "host")) {
        (Some(vm), _) => Some(Target::Vm(vm)),
        (None, Some(host)) => Some(Target::Host(host)),
        (None, None) => None,
    }
}

fn injection(element: &Element, target: Option<Target>) -> Result<Injection, RpcError> {
    let missing = |name| RpcError::missing_element(ErrorType::Protocol, name);
    let invalid = |text: String| RpcError::invalid_value(ErrorType::Application, text);
    let word = text(element, "fault").ok_or_else(|| missing("fault"))?;
    let fault: Fault = word
        .parse()
        .map_err(|_| invalid(format!("'{word}' is not a fault of the simulated VIM")))?;
    let number = |name: &str| -> Result<Option<u32>, RpcError> {
        text(element, name)
            .map(|text| {
                text.parse()
                    .map_err(|_| invalid(format!("'{text}' is not a number")))
            })
            .transpose()
    };
    let messages = element.elements().filter(|child| child.is(NS, "message"));
    Ok(Injection {
        target: target.unwrap_or(Target::Vim),
        fault,
        times: number("times")?.unwrap_or(1),
        messages: messages.map(Element::text).collect(),
        duration: number("duration")?.map(|secs| Duration::from_secs(secs.into())),
    })
}
