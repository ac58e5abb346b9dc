//! What the server can do, as hello and netconf-state say it.

use crate::schema::Schema;

/// Capabilities served whole. What is not is not advertised: startup, url.
const STANDARD: [&str; 11] = [
    "urn:ietf:params:netconf:base:1.0",
    "urn:ietf:params:netconf:base:1.1",
    "urn:ietf:params:netconf:capability:writable-running:1.0",
    "urn:ietf:params:netconf:capability:candidate:1.0",
    "urn:ietf:params:netconf:capability:confirmed-commit:1.1",
    "urn:ietf:params:netconf:capability:rollback-on-error:1.0",
    "urn:ietf:params:netconf:capability:validate:1.1",
    "urn:ietf:params:netconf:capability:xpath:1.0",
    "urn:ietf:params:netconf:capability:with-defaults:1.0?basic-mode=explicit&also-supported=report-all,report-all-tagged,trim",
    "urn:ietf:params:netconf:capability:notification:1.0",
    "urn:ietf:params:netconf:capability:interleave:1.0",
];

/// All capabilities, in the order they are sent.
pub fn all(schema: &Schema) -> Vec<String> {
    let standard = STANDARD.iter().map(|text| (*text).to_owned());
    let mut all: Vec<String> = standard.collect();
    all.extend(schema.library_capabilities());
    all.extend(schema.module_capabilities());
    all
}
