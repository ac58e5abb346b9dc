//! The OpenAPI document of what is served. Paths and methods come from the table that routes; `tests` holds them
//! against each other.

mod schemas;
#[cfg(test)]
mod tests;

use serde_json::{Map, Value, json};

use self::schemas::schema;

use super::query::LISTED;
use super::resource::{OccurrenceTask, Resource, Task};
use crate::proto::sol003::Major;

/// One path: its template, a resource of its kind.
pub(super) fn paths(major: Major) -> Vec<(String, Resource)> {
    let id = || "{id}".to_owned();
    let at = |rest: &str| format!("/vnflcm/{}/{rest}", major.segment());
    let mut paths = vec![
        ("/vnflcm/api_versions".to_owned(), Resource::Versions(None)),
        (at("api_versions"), Resource::Versions(Some(major))),
        (at("openapi.json"), Resource::Document(major)),
        (at("vnf_instances"), Resource::Instances(major)),
        (at("vnf_instances/{id}"), Resource::Instance(major, id())),
        (at("vnf_lcm_op_occs"), Resource::Occurrences(major)),
        (
            at("vnf_lcm_op_occs/{id}"),
            Resource::Occurrence(major, id()),
        ),
        (at("subscriptions"), Resource::Subscriptions(major)),
        (
            at("subscriptions/{id}"),
            Resource::Subscription(major, id()),
        ),
        ("/oauth2/token".to_owned(), Resource::Token),
    ];
    for task in Task::ALL {
        let path = at(&format!("vnf_instances/{{id}}/{}", task.segment()));
        paths.push((path, Resource::InstanceTask(major, id(), task)));
    }
    for task in OccurrenceTask::ALL {
        let path = at(&format!("vnf_lcm_op_occs/{{id}}/{}", task.segment()));
        paths.push((path, Resource::OccurrenceTask(major, id(), task)));
    }
    paths
}

/// The document.
pub(super) fn document(major: Major) -> Value {
    let mut by_path = Map::new();
    for (path, resource) in paths(major) {
        let mut item = Map::new();
        for method in resource.methods() {
            let name = method.as_str().to_ascii_lowercase();
            item.insert(name.clone(), operation(&path, &resource, &name));
        }
        by_path.insert(path, Value::Object(item));
    }
    json!({
        "openapi": "3.0.3",
        "info": {
            "title": "ETSI NFV-SOL 003 VNF lifecycle management, as Lifeline serves it",
            "version": major.newest(),
            "license": {"name": "Apache-2.0"},
        },
        "security": [{"basic": []}, {"bearer": []}, {}],
        "paths": by_path,
        "components": {
            "securitySchemes": {
                "basic": {"type": "http", "scheme": "basic"},
                "bearer": {"type": "http", "scheme": "bearer"},
            },
            "schemas": schemas::all(major),
        },
    })
}

fn content(kind: &str, schema: Value) -> Value {
    json!({kind: {"schema": schema}})
}

/// Name of the schema of what a request carries, and its media type.
fn request(resource: &Resource, method: &str) -> Option<(&'static str, &'static str)> {
    let json = "application/json";
    Some(match (resource, method) {
        (Resource::Instances(_), "post") => ("CreateVnfRequest", json),
        (Resource::Instance(..), "patch") => {
            ("VnfInfoModificationRequest", "application/merge-patch+json")
        }
        (Resource::Subscriptions(_), "post") => ("LccnSubscriptionRequest", json),
        (Resource::Token, _) => ("TokenRequest", "application/x-www-form-urlencoded"),
        (Resource::OccurrenceTask(_, _, OccurrenceTask::Cancel), _) => ("CancelMode", json),
        (Resource::InstanceTask(_, _, task), _) => match task {
            Task::Instantiate => ("InstantiateVnfRequest", json),
            Task::Terminate => ("TerminateVnfRequest", json),
            Task::Scale => ("ScaleVnfRequest", json),
            Task::ScaleToLevel => ("ScaleVnfToLevelRequest", json),
            Task::Heal => ("HealVnfRequest", json),
            Task::Operate => ("OperateVnfRequest", json),
            _ => return None,
        },
        _ => return None,
    })
}

/// Status and schema of the good answer.
fn good(resource: &Resource, method: &str) -> Option<(&'static str, Option<Value>)> {
    let list = |name: &str| Some(json!({"type": "array", "items": schema(name)}));
    Some(match (resource, method) {
        (Resource::Versions(_), _) => ("200", Some(schema("ApiVersionInformation"))),
        (Resource::Document(_), _) => ("200", Some(json!({"type": "object"}))),
        (Resource::Instances(_), "get") => ("200", list("VnfInstance")),
        (Resource::Instances(_), _) => ("201", Some(schema("VnfInstance"))),
        (Resource::Instance(..), "get") => ("200", Some(schema("VnfInstance"))),
        (Resource::Instance(..), "patch") => ("202", None),
        (Resource::Instance(..), _) | (Resource::Subscription(..), "delete") => ("204", None),
        (Resource::Occurrences(_), _) => ("200", list("VnfLcmOpOcc")),
        (Resource::Occurrence(..), _) => ("200", Some(schema("VnfLcmOpOcc"))),
        (Resource::OccurrenceTask(_, _, OccurrenceTask::Fail), _) => {
            ("200", Some(schema("VnfLcmOpOcc")))
        }
        (Resource::OccurrenceTask(..), _) => ("202", None),
        (Resource::InstanceTask(_, _, task), _) if task.is_served() => ("202", None),
        (Resource::InstanceTask(..), _) => return None,
        (Resource::Subscriptions(_), "get") => ("200", list("LccnSubscription")),
        (Resource::Subscriptions(_), _) => ("201", Some(schema("LccnSubscription"))),
        (Resource::Subscription(..), _) => ("200", Some(schema("LccnSubscription"))),
        (Resource::Token, _) => ("200", Some(schema("Token"))),
    })
}

fn operation(path: &str, resource: &Resource, method: &str) -> Value {
    let mut parameters = Vec::new();
    let text = || json!({"type": "string"});
    if path.contains("{id}") {
        parameters.push(json!({
            "name": "id", "in": "path", "required": true,
            "schema": {"type": "string", "minLength": 1},
        }));
    }
    if let Some(major) = resource.major() {
        parameters.push(json!({
            "name": "Version", "in": "header", "required": major == Major::V2,
            "schema": {"type": "string", "enum": major.versions()},
        }));
    }
    let is_list = method == "get"
        && matches!(
            resource,
            Resource::Instances(_) | Resource::Occurrences(_) | Resource::Subscriptions(_)
        );
    if is_list {
        for name in LISTED {
            let parameter = json!({"name": name, "in": "query", "schema": text()});
            parameters.push(parameter);
        }
    }
    if matches!(resource, Resource::Instance(..)) && method != "get" {
        parameters.push(json!({"name": "If-Match", "in": "header", "schema": text()}));
    }
    let problem = || {
        json!({
            "description": "Why not",
            "content": content("application/problem+json", schema("ProblemDetails")),
        })
    };
    let mut responses = Map::new();
    if let Some((status, body)) = good(resource, method) {
        let mut answer = json!({"description": "Done, or begun"});
        if let Some(answer) = answer.as_object_mut() {
            if let Some(body) = body {
                answer.insert("content".to_owned(), content("application/json", body));
            }
            if status == "201" || status == "202" {
                let location = json!({"required": true, "schema": {"type": "string"}});
                answer.insert("headers".to_owned(), json!({"Location": location}));
            }
            let next = links(resource, method);
            if !next.is_empty() {
                answer.insert("links".to_owned(), Value::Object(next));
            }
        }
        responses.insert(status.to_owned(), answer);
    }
    if matches!(resource, Resource::Subscriptions(_)) && method == "post" {
        let same = json!({"description": "There is such a subscription: see Location"});
        responses.insert("303".to_owned(), same);
    }
    match resource {
        Resource::Token => {
            for status in ["400", "401", "413", "503"] {
                let answer = json!({
                    "description": "Why not (RFC 6749 section 5.2)",
                    "content": {
                        "application/json": {"schema": {"type": "object"}},
                        "application/problem+json": {"schema": schema("ProblemDetails")},
                    },
                });
                responses.insert(status.to_owned(), answer);
            }
        }
        _ => {
            for status in [
                "400", "401", "403", "404", "406", "409", "412", "413", "415", "422", "503",
            ] {
                responses.insert(status.to_owned(), problem());
            }
        }
    }
    let mut operation = json!({
        "operationId": operation_id(path, method),
        "parameters": parameters,
        "responses": responses,
    });
    if let (Some((name, kind)), Some(map)) = (request(resource, method), operation.as_object_mut())
    {
        let body = json!({"required": true, "content": content(kind, schema(name))});
        map.insert("requestBody".to_owned(), body);
    }
    if let (true, Some(map)) = (resource.is_open(), operation.as_object_mut()) {
        map.insert("security".to_owned(), json!([{"basic": []}, {}]));
    }
    operation
}

/// What can be asked of a thing that was just made.
fn links(resource: &Resource, method: &str) -> Map<String, Value> {
    let Some(major) = resource.major().filter(|_| method == "post") else {
        return Map::new();
    };
    let of = |other: &Resource| {
        matches!(
            (resource, other),
            (
                Resource::Instances(_),
                Resource::Instance(..) | Resource::InstanceTask(..)
            ) | (Resource::Subscriptions(_), Resource::Subscription(..))
        )
    };
    let mut links = Map::new();
    for (path, other) in paths(major).into_iter().filter(|(_, other)| of(other)) {
        for method in other.methods() {
            let id = operation_id(&path, &method.as_str().to_ascii_lowercase());
            let link = json!({"operationId": id, "parameters": {"id": "$response.body#/id"}});
            links.insert(id, link);
        }
    }
    links
}

fn operation_id(path: &str, method: &str) -> String {
    let words = path
        .split(['/', '.', '{', '}'])
        .filter(|word| !word.is_empty());
    words.fold(method.to_owned(), |id, word| format!("{id}_{word}"))
}
