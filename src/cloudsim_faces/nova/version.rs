//! Nova's versions: what its root lists, and how a microversion is agreed on.

use serde_json::{Value, json};

use super::super::http::{Reply, Request};
use super::access::nova;
use crate::proto::nova::Microversion;

/// The highest microversion served.
pub const HIGHEST: Microversion = Microversion::new(2, 93);

/// The two headers that ask for one.
const HEADERS: [&str; 2] = ["openstack-api-version", "x-openstack-nova-api-version"];

/// What a request means: the microversion, or the refusal.
pub fn negotiate(request: &Request) -> Result<Microversion, Reply> {
    let Some(text) = asked(request) else {
        return Ok(Microversion::BASE);
    };
    if text.eq_ignore_ascii_case("latest") {
        return Ok(HIGHEST);
    }
    let Ok(wanted) = text.parse::<Microversion>() else {
        return Err(nova(
            400,
            format!(
                "API Version String {text} is of invalid format. Must be of format MajorNum.MinorNum."
            ),
        ));
    };
    if wanted < Microversion::BASE || wanted > HIGHEST {
        let base = Microversion::BASE;
        return Err(nova(
            406,
            format!(
                "Version {text} is not supported by the API. Minimum is {base} and maximum is {HIGHEST}."
            ),
        ));
    }
    Ok(wanted)
}

fn asked(request: &Request) -> Option<String> {
    let [new, old] = HEADERS;
    if let Some(value) = request.header(new) {
        // one service after the other: "identity 3.1, compute 2.84"
        for part in value.split(',') {
            let mut words = part.split_whitespace();
            if let (Some(service), Some(version)) = (words.next(), words.next())
                && service.eq_ignore_ascii_case("compute")
            {
                return Some(version.to_owned());
            }
        }
    }
    request.header(old).map(|text| text.trim().to_owned())
}

/// A reply that says which microversion it is of.
pub fn stamped(reply: Reply, version: Microversion) -> Reply {
    reply
        .with("openstack-api-version", format!("compute {version}"))
        .with("x-openstack-nova-api-version", version.to_string())
        .with(
            "vary",
            "OpenStack-API-Version, X-OpenStack-Nova-API-Version",
        )
}

fn version(root: &str, id: &str) -> Value {
    let (status, high, low) = match id {
        "v2.1" => (
            "CURRENT",
            HIGHEST.to_string(),
            Microversion::BASE.to_string(),
        ),
        _ => ("SUPPORTED", String::new(), String::new()),
    };
    let path = if id == "v2.1" { "v2.1" } else { "v2" };
    json!({
        "id": id,
        "status": status,
        "version": high,
        "min_version": low,
        "updated": if id == "v2.1" { "2013-07-23T11:33:21Z" } else { "2011-01-21T11:33:21Z" },
        "links": [{ "rel": "self", "href": format!("{root}/{path}/") }],
    })
}

/// `GET /`.
pub fn list(root: &str) -> Reply {
    let versions = json!({ "versions": [version(root, "v2.0"), version(root, "v2.1")] });
    Reply::json(200, &versions)
}

/// `GET /v2.1/`.
pub fn one(root: &str, id: &str) -> Reply {
    let mut version = version(root, id);
    if let Some(shown) = version.as_object_mut() {
        let number = if id == "v2.1" { "2.1" } else { "2" };
        let kind = format!("application/vnd.openstack.compute+json;version={number}");
        let media = json!([{ "base": "application/json", "type": kind }]);
        shown.insert("media-types".to_owned(), media);
    }
    Reply::json(200, &json!({ "version": version }))
}
