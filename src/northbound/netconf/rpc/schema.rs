//! get-schema (RFC 6022 section 3.1).

use crate::northbound::netconf::service::Request;
use crate::proto::netconf::{ErrorType, GetSchema, RpcError, RpcReply};
use crate::xml::Writer;

const NS: &str = "urn:ietf:params:xml:ns:yang:ietf-netconf-monitoring";

/// The text of a module.
pub fn get_schema(request: &Request<'_>, wanted: &GetSchema) -> RpcReply {
    let invalid =
        |text: String| RpcReply::from(RpcError::invalid_value(ErrorType::Application, text));
    if wanted.format != "yang" {
        return invalid(format!(
            "schemas are served as yang, not as {}",
            wanted.format
        ));
    }
    let schema = request.control().schema();
    match schema.module_for(&wanted.identifier, wanted.version.as_deref()) {
        Some(id) => {
            let mut out = Writer::new();
            out.start("data");
            out.attr("xmlns", NS);
            out.text(schema.module(id).source);
            RpcReply::Body(out.finish())
        }
        None => invalid(match &wanted.version {
            Some(version) => format!("no schema '{}' of version '{version}'", wanted.identifier),
            None => format!("no schema '{}'", wanted.identifier),
        }),
    }
}
