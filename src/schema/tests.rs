//! Tests of the whole room, most of them on the product's own modules.

mod constraints;
mod documents;
mod model;
mod units;

use super::*;

const ESC: &str = "http://www.cisco.com/esc/esc";
const LIFELINE: &str = "urn:lifeline:yang:lifeline";
const SIM: &str = "urn:lifeline:yang:lifeline-sim";
const DEPLOYMENT: &str = "/esc:esc_datamodel/esc:tenants/esc:tenant[esc:name='t']\
                          /esc:deployments/esc:deployment[esc:name='d']";
const GROUP: &str = "/esc:esc_datamodel/esc:tenants/esc:tenant[esc:name='t']\
                     /esc:deployments/esc:deployment[esc:name='d']/esc:vm_group[esc:name='g']";

fn schema() -> &'static Schema {
    match Schema::load(LoadOptions { simulator: true }) {
        Ok(schema) => schema,
        Err(error) => panic!("{error}"),
    }
}

/// A document that holds tenant `t` with `inner` after its name.
fn tenant(inner: &str) -> String {
    format!(
        "<esc_datamodel xmlns=\"{ESC}\"><tenants><tenant><name>t</name>{inner}</tenant>\
         </tenants></esc_datamodel>"
    )
}

/// A document that holds deployment `d` of tenant `t` with `inner` after its name.
fn deployment(inner: &str) -> String {
    tenant(&format!(
        "<deployments><deployment><name>d</name>{inner}</deployment></deployments>"
    ))
}

/// The same with one group `g` that is right in itself, and `inner` in it.
fn group(inner: &str) -> String {
    deployment(&format!(
        "<vm_group><name>g</name><bootup_time>20</bootup_time>\
         <recovery_wait_time>0</recovery_wait_time>{inner}</vm_group>"
    ))
}

/// What `validate_unit` finds, in short.
fn wrong(xml: &str) -> Vec<(ErrorKind, String, Option<String>)> {
    short(schema().validate_unit(xml).map(drop))
}

fn short(result: Result<(), Vec<ValidationError>>) -> Vec<(ErrorKind, String, Option<String>)> {
    result
        .err()
        .unwrap_or_default()
        .into_iter()
        .map(|error| (error.kind, error.path, error.app_tag))
        .collect()
}

fn one(
    kind: ErrorKind,
    path: impl AsRef<str>,
    app_tag: Option<&str>,
) -> Vec<(ErrorKind, String, Option<String>)> {
    vec![(kind, path.as_ref().to_owned(), app_tag.map(str::to_owned))]
}

/// A module for a rule that the product's own modules do not exercise.
fn module(name: &'static str, text: &'static str) -> SourceModule {
    SourceModule {
        name,
        text,
        implement: true,
        features: &[],
    }
}
