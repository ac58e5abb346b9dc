//! `action` (RFC 7950 section 7.15.2): the path to an instance, and the action that module `lifeline` ties to it. What is
//! wrong with a path is told as for any other data.

use super::{esc, input};
use crate::control::commit::aside;
use crate::datastore::{Keys, Location, NodeRef, Step};
use crate::ids::{DeploymentKey, VmName};
use crate::model::action::{Action, RecoveryActionType};
use crate::northbound::netconf::map;
use crate::northbound::netconf::service::Request;
use crate::proto::netconf::{ErrorType, RpcError, RpcReply, no_attribute, unsupported};
use crate::schema::{NodeId, NodeKind, Schema};
use crate::xml::Element;

/// Namespace of `action`.
pub const NS: &str = "urn:ietf:params:xml:ns:yang:1";
/// Namespace of the module that defines actions.
const LIFELINE: &str = "urn:lifeline:yang:lifeline";

const APP: ErrorType = ErrorType::Application;
const PROTOCOL: ErrorType = ErrorType::Protocol;

/// An action as it was called.
struct Call<'e> {
    /// The node it is tied to.
    on: Location,
    action: NodeId,
    /// The element that names it, which holds its input.
    element: &'e Element,
}

/// Answers an operation of YANG's own namespace.
pub async fn action(request: &Request<'_>, element: &Element) -> RpcReply {
    match &*element.local {
        "action" => called(request, element)
            .await
            .unwrap_or_else(RpcReply::from),
        _ => unsupported(element).into(),
    }
}

/// Carries an action out: the answer is the operation that was stored and queued; the outcome comes as events.
async fn called(request: &Request<'_>, element: &Element) -> Result<RpcReply, RpcError> {
    let control = request.control();
    let schema = control.schema();
    let call = read(schema, element)?;
    request.may_act(&call.on.child(call.action, None))?;
    let path = element.elements().next().unwrap_or(call.element);
    input::check_input(schema, call.action, call.element, path)?;
    let state = match aside(|| control.snapshot()) {
        Ok((_, state)) => state,
        Err(error) => return Ok(request.failed(&error)),
    };
    // An action is on an instance that is there (RFC 7950 section 7.15).
    let Some(instance) = state.find(&call.on) else {
        let error = RpcError::data_missing("there is no such instance");
        return Err(map::at(schema, error, &call.on.display(schema)));
    };
    let action = decode(schema, &call, instance)?;
    Ok(match request.action(action).await {
        Ok(id) => RpcReply::Body(format!(
            "<operation-id xmlns=\"{LIFELINE}\">{id}</operation-id>"
        )),
        Err(error) => request.failed(&error),
    })
}

/// Reads an action that libyang has found valid, on an instance of opdata.
fn decode(schema: &Schema, call: &Call<'_>, on: NodeRef<'_>) -> Result<Action, RpcError> {
    let def = schema.node(call.action);
    let here = || call.on.display(schema);
    let lost = |name: &str| {
        let text = format!("the instance has no {name}");
        map::at(schema, RpcError::operation_failed(APP, text), &here())
    };
    let vm = || on.text("name").map(VmName::new).ok_or_else(|| lost("name"));
    let input = |name: &str| call.element.child(LIFELINE, name).map(Element::text);
    let word = || {
        let word = input("action-type").unwrap_or_default();
        esc::action_type(word.trim())
    };
    match (on.name(), &*def.name) {
        ("deployments", "operate") => {
            let mut steps = call.on.0.iter();
            let tenant = steps
                .find(|step| &*schema.node(step.node).name == "tenant")
                .and_then(|step| step.keys.as_ref())
                .ok_or_else(|| lost("tenant"))?;
            let name = on.text("deployment_name").ok_or_else(|| lost("name"))?;
            Ok(Action::Service {
                action: word()?,
                deployment: DeploymentKey::new(tenant.first(), name),
            })
        }
        ("vm_instance", "operate") => Ok(Action::Vm {
            action: word()?,
            vm: vm()?,
            force: input("force").is_some_and(|text| matches!(text.trim(), "true" | "1")),
        }),
        ("vm_instance", "recover") => Ok(Action::Recovery {
            action: RecoveryActionType::Do,
            vm: vm()?,
        }),
        ("vm_instance", "cancel-recovery") => Ok(Action::Recovery {
            action: RecoveryActionType::Cancel,
            vm: vm()?,
        }),
        _ => Err(map::at(schema, unsupported(call.element), &here())),
    }
}

/// Reads the path down to an action.
fn read<'e>(schema: &Schema, action: &'e Element) -> Result<Call<'e>, RpcError> {
    no_attribute(action, PROTOCOL)?;
    let mut on = Location::default();
    let mut holder = action;
    loop {
        let at = on.0.last().map(|step| step.node);
        let here = at.map(|id| schema.data_path(id)).unwrap_or_default();
        let wrong = |error| map::at(schema, error, &here);
        let (keys, id, element) = next(schema, at, holder).map_err(wrong)?;
        if let Some(step) = on.0.last_mut() {
            step.keys = keys;
        }
        match schema.node(id).kind {
            NodeKind::Action => {
                return Ok(Call {
                    on,
                    action: id,
                    element,
                });
            }
            NodeKind::Container { .. } | NodeKind::List => {
                on.0.push(Step {
                    node: id,
                    keys: None,
                });
                holder = element;
            }
            _ => {
                let text = "there is no action there";
                return Err(wrong(RpcError::operation_not_supported(APP, text)));
            }
        }
    }
}

/// The keys of `holder`, and the one node below it that leads on.
fn next<'e>(
    schema: &Schema,
    at: Option<NodeId>,
    holder: &'e Element,
) -> Result<(Option<Keys>, NodeId, &'e Element), RpcError> {
    if !holder.has_only_whitespace_text() {
        let text = format!("text in <{}>", holder.local);
        return Err(match at {
            None => RpcError::malformed_message(text),
            Some(_) => RpcError::invalid_value(APP, text),
        });
    }
    let keys: &[NodeId] = at.map_or(&[], |id| &schema.node(id).keys);
    let mut values: Vec<Option<String>> = vec![None; keys.len()];
    let mut found = None;
    for child in holder.elements() {
        if schema.module_by_namespace(&child.ns).is_none() {
            return Err(RpcError::unknown_namespace(APP, &child.local, &child.ns));
        }
        let id = match at {
            None => schema.top(&child.ns, &child.local),
            Some(at) => schema.child(at, &child.ns, &child.local),
        };
        let Some(id) = id else {
            return Err(RpcError::unknown_element(APP, &child.local));
        };
        no_attribute(child, APP)?;
        let mut named = keys.iter().zip(&mut values);
        match named.find(|(key, _)| **key == id) {
            Some((key, value @ None)) => *value = Some(key_value(schema, *key, child)?),
            Some(_) => {
                let text = format!("the key {} stands twice", child.local);
                return Err(RpcError::bad_element(APP, &child.local, text));
            }
            None if found.replace((id, child)).is_some() => {
                let text = "an action is on one node";
                return Err(RpcError::bad_element(APP, &child.local, text));
            }
            None => {}
        }
    }
    let mut named = keys.iter().zip(&values);
    if let Some((key, _)) = named.find(|(_, value)| value.is_none()) {
        return Err(RpcError::missing_element(APP, &schema.node(*key).name));
    }
    let keys = (!keys.is_empty()).then(|| Keys::new(values.into_iter().flatten()));
    match found {
        Some((id, child)) => Ok((keys, id, child)),
        None if at.is_none() => Err(RpcError::missing_element(PROTOCOL, "action")
            .with_message("<action> names no node and no action")),
        None => Err(RpcError::operation_not_supported(
            APP,
            "there is no action there",
        )),
    }
}

fn key_value(schema: &Schema, key: NodeId, element: &Element) -> Result<String, RpcError> {
    if let Some(child) = element.elements().next() {
        return Err(RpcError::unknown_element(APP, &child.local));
    }
    let resolve = |prefix: &str| element.scope.resolve(prefix).map(str::to_owned);
    let value = schema.canonical(key, &element.text(), &resolve);
    value.map_err(|error| RpcError::invalid_value(APP, error.message))
}
