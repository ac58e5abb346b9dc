//! Glance v2: the schemas by which its clients check what they send and read.

use serde_json::{Map, Value, json};

use super::super::http::Reply;
use super::access::glance;

const IMAGE: [(&str, &[&str]); 26] = [
    ("id", &["string"]),
    ("name", &["null", "string"]),
    ("status", &["string"]),
    ("visibility", &["string"]),
    ("protected", &["boolean"]),
    ("os_hidden", &["boolean"]),
    ("checksum", &["null", "string"]),
    ("os_hash_algo", &["null", "string"]),
    ("os_hash_value", &["null", "string"]),
    ("owner", &["null", "string"]),
    ("size", &["null", "integer"]),
    ("virtual_size", &["null", "integer"]),
    ("container_format", &["null", "string"]),
    ("disk_format", &["null", "string"]),
    ("created_at", &["string"]),
    ("updated_at", &["string"]),
    ("tags", &["array"]),
    ("direct_url", &["string"]),
    ("min_ram", &["integer"]),
    ("min_disk", &["integer"]),
    ("self", &["string"]),
    ("file", &["string"]),
    ("stores", &["string"]),
    ("schema", &["string"]),
    ("locations", &["array"]),
    ("os_glance_failed_import", &["null", "string"]),
];

const READ_ONLY: [&str; 16] = [
    "status",
    "checksum",
    "os_hash_algo",
    "os_hash_value",
    "size",
    "virtual_size",
    "created_at",
    "updated_at",
    "direct_url",
    "self",
    "file",
    "stores",
    "schema",
    "owner",
    "id",
    "os_glance_failed_import",
];

fn properties(all: &[(&str, &[&str])]) -> Map<String, Value> {
    let all = all.iter();
    all.map(|(name, kinds)| {
        let kind = match kinds {
            [one] => json!(one),
            many => json!(many),
        };
        let mut shown = json!({ "type": kind, "description": *name });
        if let (true, Some(shown)) = (READ_ONLY.contains(name), shown.as_object_mut()) {
            shown.insert("readOnly".to_owned(), Value::Bool(true));
        }
        if let ("array", Some(shown)) = (kinds.last().copied().unwrap_or(""), shown.as_object_mut())
        {
            let items = if *name == "tags" { "string" } else { "object" };
            shown.insert("items".to_owned(), json!({ "type": items }));
        }
        ((*name).to_owned(), shown)
    })
    .collect()
}

fn list(name: &str, item: &Value) -> Value {
    json!({
        "name": name,
        "properties": {
            name: { "type": "array", "items": item },
            "first": { "type": "string" }, "next": { "type": "string" },
            "schema": { "type": "string" },
        },
        "links": [
            { "rel": "first", "href": "{first}" },
            { "rel": "next", "href": "{next}" },
            { "rel": "describedby", "href": "{schema}" },
        ],
    })
}

/// `GET /v2/schemas/{name}`.
pub fn answer(name: &str) -> Reply {
    let image = json!({
        "name": "image",
        "properties": properties(&IMAGE),
        "additionalProperties": { "type": "string" },
        "links": [
            { "rel": "self", "href": "{self}" },
            { "rel": "enclosure", "href": "{file}" },
            { "rel": "describedby", "href": "{schema}" },
        ],
    });
    let text: &[&str] = &["string"];
    let member = json!({ "name": "member", "properties": properties(&[
        ("member_id", text), ("image_id", text), ("status", text), ("created_at", text),
        ("updated_at", text), ("schema", text),
    ])});
    Reply::json(
        200,
        &match name {
            "image" => image,
            "images" => list("images", &image),
            "member" => member,
            "members" => list("members", &member),
            _ => return glance(404, "The resource could not be found."),
        },
    )
}
