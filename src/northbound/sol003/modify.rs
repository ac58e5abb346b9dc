//! PATCH of a VNF instance: a merge patch of its information (RFC 7396).

use serde_json::{Map, Value};

use super::body::typed;
use super::gate::Call;
use super::reply::{Outcome, Problem, accepted};
use crate::model::instance::{InstanceRecord, LcmRequest};
use crate::model::operation::Asked;
use crate::proto::sol003::VnfInfoModificationRequest;

const KINDS: [&str; 2] = ["application/merge-patch+json", "application/json"];

/// Attributes that can be changed.
const KNOWN: [&str; 5] = [
    "vnfInstanceName",
    "vnfInstanceDescription",
    "vnfConfigurableProperties",
    "metadata",
    "extensions",
];

/// Changes what the request names.
pub(super) async fn modify(call: &Call, id: &str) -> Outcome {
    let published = call.published();
    let found = call.find(id, &published)?;
    call.may_change(&found.record.key)?;
    let params = call.body.json(&KINDS)?;
    let patch: VnfInfoModificationRequest = typed(&params)?;
    let unknown = params
        .as_object()
        .and_then(|map| map.keys().find(|name| !KNOWN.contains(&name.as_str())));
    if let Some(name) = unknown {
        let text = format!("[{name}] cannot be changed here");
        return Err(Problem::unprocessable(text));
    }
    call.if_match(&call.shown(&found.record, &published)?)?;
    let request = LcmRequest::Modify {
        instance: Box::new(patched(found.record, patch)),
        asked: Asked {
            user: call.user.clone(),
            params,
            before: Vec::new(),
            after: Vec::new(),
            grace_ms: None,
        },
    };
    let operation = call.app.control.lcm(request).await?;
    Ok(accepted(&call.places.occurrence(operation.as_str())))
}

fn patched(mut record: InstanceRecord, patch: VnfInfoModificationRequest) -> InstanceRecord {
    if let Some(name) = patch.vnf_instance_name {
        record.name = name;
    }
    if let Some(description) = patch.vnf_instance_description {
        record.description = description;
    }
    for (map, change) in [
        (&mut record.properties, patch.vnf_configurable_properties),
        (&mut record.metadata, patch.metadata),
        (&mut record.extensions, patch.extensions),
    ] {
        match change {
            None => {}
            Some(None) => map.clear(),
            Some(Some(change)) => merge(map, change),
        }
    }
    record
}

/// RFC 7396 section 2.
pub(super) fn merge(into: &mut Map<String, Value>, patch: Map<String, Value>) {
    for (name, value) in patch {
        match value {
            Value::Null => drop(into.remove(&name)),
            Value::Object(below) => {
                let slot = into
                    .entry(name)
                    .or_insert_with(|| Value::Object(Map::new()));
                if !slot.is_object() {
                    *slot = Value::Object(Map::new());
                }
                if let Value::Object(slot) = slot {
                    merge(slot, below);
                }
            }
            value => drop(into.insert(name, value)),
        }
    }
}
