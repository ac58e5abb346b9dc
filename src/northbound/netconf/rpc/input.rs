//! The input of an RPC or action of a data model: names first, with the errors that RFC 6241 prescribes for
//! parameters, then libyang's judgement of values and rules.

use crate::northbound::netconf::map;
use crate::proto::netconf::{ErrorType, RpcError, no_attribute, unsupported};
use crate::schema::{NodeId, NodeKind, Schema};
use crate::xml::{Child, Element, Few, noncharacter};

const PROTOCOL: ErrorType = ErrorType::Protocol;

/// Checks the element that names an operation.
///
/// # Errors
/// operation-not-supported for what is no RPC; malformed-message, unknown-attribute, unknown-element,
/// unknown-namespace, bad-element for what cannot stand in it; then what libyang finds.
pub fn check(schema: &Schema, element: &Element) -> Result<(), RpcError> {
    let rpc = schema
        .top(&element.ns, &element.local)
        .filter(|id| schema.node(*id).kind == NodeKind::Rpc)
        .ok_or_else(|| unsupported(element))?;
    check_input(schema, rpc, element, element)
}

/// Checks the input of an RPC or action; `whole` is the path down to the element that names it.
///
/// # Errors
/// As [`check`].
pub fn check_input(
    schema: &Schema,
    operation: NodeId,
    element: &Element,
    whole: &Element,
) -> Result<(), RpcError> {
    names(schema, operation, element)
        .map_err(|error| map::at(schema, error, &schema.data_path(operation)))?;
    let odd = |child: &&Element| noncharacter(&child.text()).is_some();
    if let Some(child) = element.elements().find(odd) {
        let text = format!("a noncharacter in <{}>", child.local);
        let leaf = schema.child(operation, &child.ns, &child.local);
        let path = schema.data_path(leaf.unwrap_or(operation));
        let error = RpcError::invalid_value(ErrorType::Application, text);
        return Err(map::at(schema, error, &path));
    }
    let mut plain = whole.clone();
    without_attributes(&mut plain);
    keys_first(schema, None, &mut plain);
    schema
        .validate_rpc(&plain.to_xml())
        .map_err(|errors| map::rpc_input(schema, &errors))
}

/// Takes away the attributes that [`attributes`] let through: libyang would look for the modules that define them.
fn without_attributes(element: &mut Element) {
    element.attrs = Few::default();
    element.elements_mut().for_each(without_attributes);
}

/// Puts keys where libyang wants them: a client may say where an action is in any order, as it may in an edit.
fn keys_first(schema: &Schema, above: Option<NodeId>, element: &mut Element) {
    let id = match above {
        None => schema.top(&element.ns, &element.local),
        Some(above) => schema.child(above, &element.ns, &element.local),
    };
    let Some(id) = id else {
        return;
    };
    let keys = &schema.node(id).keys;
    element.children.sort_by_key(|child| match child {
        Child::Element(child) => {
            let id = schema.child(id, &child.ns, &child.local);
            let place = keys.iter().position(|key| Some(*key) == id);
            place.unwrap_or(keys.len())
        }
        Child::Text(_) => keys.len(),
    });
    element
        .elements_mut()
        .for_each(|child| keys_first(schema, Some(id), child));
}

fn attributes(element: &Element) -> Result<(), RpcError> {
    no_attribute(element, PROTOCOL)?;
    element.elements().try_for_each(attributes)
}

fn names(schema: &Schema, rpc: NodeId, element: &Element) -> Result<(), RpcError> {
    attributes(element)?;
    if !element.has_only_whitespace_text() {
        return Err(RpcError::malformed_message(format!(
            "text in <{}>",
            element.local
        )));
    }
    let mut seen: Vec<NodeId> = Vec::new();
    for child in element.elements() {
        let Some(id) = schema.child(rpc, &child.ns, &child.local) else {
            let known = schema.module_by_namespace(&child.ns).is_some();
            return Err(match known {
                true => RpcError::unknown_element(PROTOCOL, &child.local),
                false => RpcError::unknown_namespace(PROTOCOL, &child.local, &child.ns),
            });
        };
        let once = matches!(
            schema.node(id).kind,
            NodeKind::Leaf | NodeKind::Container { .. }
        );
        if once && seen.contains(&id) {
            let text = format!("<{}> stands twice", child.local);
            return Err(RpcError::bad_element(PROTOCOL, &child.local, text));
        }
        if let Some(choice) = second_case(schema, id, &seen) {
            let text = format!("{} is a second case of the choice {choice}", child.local);
            return Err(RpcError::bad_element(PROTOCOL, &child.local, text));
        }
        seen.push(id);
        let is_value = matches!(schema.node(id).kind, NodeKind::Leaf | NodeKind::LeafList);
        if let Some(inner) = child.elements().next().filter(|_| is_value) {
            return Err(RpcError::unknown_element(PROTOCOL, &inner.local));
        }
    }
    Ok(())
}

/// The choice of which `id` is another case than a node before it (RFC 7950 section 8.3.1).
fn second_case<'s>(schema: &'s Schema, id: NodeId, before: &[NodeId]) -> Option<&'s str> {
    let cases = schema.cases_of(id);
    let of_others = before.iter().flat_map(|other| schema.cases_of(*other));
    let (choice, _) = of_others
        .into_iter()
        .find(|(choice, case)| (cases.iter()).any(|(mine, own)| mine == choice && own != case))?;
    Some(&*schema.node(choice).name)
}
