//! `action` (RFC 7950 section 7.15.2): the path to a node and the action on it. No module served here
//! defines an action; what is wrong with a path is told as for any other data.

use crate::northbound::netconf::map;
use crate::proto::netconf::{ErrorType, RpcError, RpcReply, unsupported};
use crate::schema::{NodeId, NodeKind, Schema};
use crate::xml::Element;

/// Namespace of `action`.
pub const NS: &str = "urn:ietf:params:xml:ns:yang:1";

const APP: ErrorType = ErrorType::Application;
const PROTOCOL: ErrorType = ErrorType::Protocol;

/// Answers an operation of YANG's own namespace.
pub fn action(schema: &Schema, element: &Element) -> RpcReply {
    match &*element.local {
        "action" => refusal(schema, element).into(),
        _ => unsupported(element).into(),
    }
}

/// What is wrong with an action: something always is.
fn refusal(schema: &Schema, action: &Element) -> RpcError {
    if let Some(attr) = action.attrs.iter().find(|attr| attr.ns.is_empty()) {
        return RpcError::unknown_attribute(PROTOCOL, &attr.local, &action.local);
    }
    let mut at: Option<NodeId> = None;
    let mut holder = action;
    loop {
        let here = at.map(|id| schema.data_path(id)).unwrap_or_default();
        let error = match next(schema, at, holder) {
            Ok((id, element)) => {
                at = Some(id);
                holder = element;
                continue;
            }
            Err(error) => error,
        };
        return map::at(schema, error, &here);
    }
}

/// The one node below `holder` that leads on; keys of its list stand beside it.
fn next<'e>(
    schema: &Schema,
    at: Option<NodeId>,
    holder: &'e Element,
) -> Result<(NodeId, &'e Element), RpcError> {
    if !holder.has_only_whitespace_text() {
        let text = format!("text in <{}>", holder.local);
        return Err(match at {
            None => RpcError::malformed_message(text),
            Some(_) => RpcError::invalid_value(APP, text),
        });
    }
    let keys: &[NodeId] = at.map_or(&[], |id| &schema.node(id).keys);
    let mut missing: Vec<NodeId> = keys.to_vec();
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
        if keys.contains(&id) {
            missing.retain(|key| *key != id);
        } else if found.replace((id, child)).is_some() {
            let text = "an action is on one node";
            return Err(RpcError::bad_element(APP, &child.local, text));
        }
    }
    if let Some(key) = missing.first() {
        return Err(RpcError::missing_element(APP, &schema.node(*key).name));
    }
    let leads_on = |id| {
        matches!(
            schema.node(id).kind,
            NodeKind::Container { .. } | NodeKind::List
        )
    };
    match found {
        Some((id, child)) if leads_on(id) => Ok((id, child)),
        None if at.is_none() => Err(RpcError::missing_element(PROTOCOL, "action")
            .with_message("<action> names no node and no action")),
        _ => Err(RpcError::operation_not_supported(
            APP,
            "there is no action there",
        )),
    }
}
