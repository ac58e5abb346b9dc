//! Every failure -> the `rpc-error` that RFC 6241 appendix A and RFC 7950 section 15 prescribe.
//!
//! The one place where the error-type, -tag, -app-tag, -path and -info of the face are decided.

use std::collections::BTreeSet;

use crate::control::confirmed::ConfirmError;
use crate::control::error::ControlError;
use crate::control::lock::LockError;
use crate::control::subscription::SubscribeError;
use crate::datastore::{Error, ErrorKind};
use crate::ids::SessionId;
use crate::model::action::Refusal;
use crate::proto::netconf::{ErrorInfo, ErrorPath, ErrorType, RpcError, RpcReply};
use crate::schema::{self, Schema};
use crate::store::StoreError;

const APP: ErrorType = ErrorType::Application;
const PROTOCOL: ErrorType = ErrorType::Protocol;

/// A failure of the control room as a reply.
pub fn control(schema: &Schema, error: &ControlError) -> RpcReply {
    let single = |error: RpcError| RpcReply::Errors(vec![error]);
    match error {
        ControlError::Data(errors) => {
            let mut told: Vec<RpcError> = Vec::with_capacity(errors.len());
            for error in errors {
                let error = data(schema, error);
                if !told.contains(&error) {
                    told.push(error);
                }
            }
            RpcReply::Errors(told)
        }
        ControlError::Lock(error) => single(lock(error)),
        ControlError::Confirm(error) => single(confirm(error)),
        ControlError::Refused(refusal) => single(refused(refusal)),
        ControlError::Subscribe(error) => single(subscribe(error)),
        ControlError::DeleteRunning => single(RpcError::operation_not_supported(
            PROTOCOL,
            error.to_string(),
        )),
        ControlError::SameDatastore => single(RpcError::invalid_value(PROTOCOL, error.to_string())),
        ControlError::NoSuchSession(_) => {
            single(RpcError::invalid_value(PROTOCOL, error.to_string()))
        }
        ControlError::Store(cause) => {
            let text = format!("{error}: {cause}");
            single(match cause {
                StoreError::TooLarge { .. } => RpcError::too_big(APP, text),
                StoreError::Busy { .. } => RpcError::resource_denied(APP, text),
                _ => RpcError::operation_failed(APP, text),
            })
        }
        ControlError::Engine(_) | ControlError::Model(_) | ControlError::Internal(_) => {
            tracing::error!(error = chain(error), "request failed");
            single(RpcError::operation_failed(APP, chain(error)))
        }
    }
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

/// A failure of an edit, a validation or a tree.
pub fn data(schema: &Schema, error: &Error) -> RpcError {
    let text = error.message.clone();
    let mapped = match &error.kind {
        ErrorKind::UnknownElement { name } | ErrorKind::StateData { name } => {
            RpcError::unknown_element(APP, name).with_message(text)
        }
        ErrorKind::UnknownNamespace { name, ns } => RpcError::unknown_namespace(APP, name, ns),
        ErrorKind::UnknownAttribute { attr, element } => {
            RpcError::unknown_attribute(APP, attr, element).with_message(text)
        }
        ErrorKind::MissingAttribute { attr, element } => {
            RpcError::missing_attribute(APP, attr, element).with_message(text)
        }
        ErrorKind::BadAttribute {
            attr,
            element,
            app_tag,
        } => {
            let mapped = RpcError::bad_attribute(APP, attr, element).with_message(text);
            match app_tag {
                Some(tag) => mapped.with_app_tag(*tag),
                None => mapped,
            }
        }
        ErrorKind::BadElement { name } => RpcError::bad_element(APP, name, text),
        ErrorKind::MissingKey { key } => RpcError::missing_element(APP, key).with_message(text),
        ErrorKind::InvalidValue { app_tag } => {
            let mapped = RpcError::invalid_value(APP, text);
            match app_tag {
                Some(tag) => mapped.with_app_tag(tag.clone()),
                None => mapped,
            }
        }
        ErrorKind::DataExists => RpcError::data_exists(text),
        ErrorKind::DataMissing | ErrorKind::Mandatory { .. } => RpcError::data_missing(text),
        ErrorKind::AccessDenied => RpcError::access_denied(APP, text),
        ErrorKind::InUse { user, .. } => RpcError::in_use(APP, text + user),
        ErrorKind::ResourceDenied => RpcError::resource_denied(APP, text),
        ErrorKind::TooBig => RpcError::too_big(APP, text),
        ErrorKind::Must { app_tag } => {
            RpcError::operation_failed(APP, text).with_app_tag(app_tag.clone())
        }
        ErrorKind::InstanceRequired => {
            RpcError::data_missing(text).with_app_tag("instance-required")
        }
        ErrorKind::MissingChoice { choice } => RpcError::data_missing(text)
            .with_app_tag("missing-choice")
            .with_info(ErrorInfo::MissingChoice(choice.clone())),
        // One `non-unique` for each leaf (RFC 7950 section 15.1).
        ErrorKind::DataNotUnique { leafs } => leafs.iter().fold(
            RpcError::operation_failed(APP, text).with_app_tag("data-not-unique"),
            |error, leaf| error.with_info(ErrorInfo::NonUnique(instance(schema, leaf))),
        ),
        ErrorKind::TooFew => RpcError::operation_failed(APP, text).with_app_tag("too-few-elements"),
        ErrorKind::TooMany => {
            RpcError::operation_failed(APP, text).with_app_tag("too-many-elements")
        }
        ErrorKind::Failed => RpcError::operation_failed(APP, text),
    };
    at(schema, mapped, &error.path)
}

/// An XPath or subtree filter that cannot be used (RFC 6241 section 8.9.5).
pub fn filter(error: &Error) -> RpcError {
    let text = error.message.clone();
    match &error.kind {
        ErrorKind::ResourceDenied => RpcError::resource_denied(APP, text),
        ErrorKind::TooBig => RpcError::too_big(APP, text),
        _ => RpcError::invalid_value(APP, text),
    }
}

/// What libyang said of an RPC's input; the first error is enough.
pub fn rpc_input(schema: &Schema, errors: &[schema::ValidationError]) -> RpcError {
    use schema::ErrorKind as Kind;
    let Some(error) = errors.first() else {
        return RpcError::operation_failed(APP, "the input is not valid");
    };
    let text = error.message.clone();
    let name = || match error.schema_node {
        Some(id) => schema.node(id).name.to_string(),
        None => error
            .path
            .rsplit([':', '/'])
            .next()
            .unwrap_or_default()
            .to_owned(),
    };
    let mapped = match &error.kind {
        Kind::UnknownElement | Kind::When => {
            let unknown = error.element.clone().unwrap_or_else(name);
            RpcError::unknown_element(PROTOCOL, &unknown).with_message(text)
        }
        Kind::InvalidValue => RpcError::invalid_value(APP, text),
        Kind::MissingKey { key } => RpcError::missing_element(PROTOCOL, key).with_message(text),
        Kind::Mandatory { name } => RpcError::missing_element(PROTOCOL, name).with_message(text),
        Kind::MandatoryChoice { choice } => RpcError::data_missing(text)
            .with_app_tag("missing-choice")
            .with_info(ErrorInfo::MissingChoice(choice.clone())),
        Kind::MultipleCases => RpcError::bad_element(PROTOCOL, &name(), text),
        Kind::LeafrefMissing => RpcError::data_missing(text).with_app_tag("instance-required"),
        Kind::Must => RpcError::operation_failed(APP, text).with_app_tag(
            error
                .app_tag
                .clone()
                .unwrap_or_else(|| "must-violation".to_owned()),
        ),
        _ => RpcError::operation_failed(APP, text),
    };
    at(schema, mapped, &error.path)
}

/// A lock in the way (RFC 6241 sections 7.5, 7.6 and appendix A).
pub fn lock(error: &LockError) -> RpcError {
    let text = error.to_string();
    match error {
        LockError::Denied(holder) | LockError::Confirming(holder) => {
            RpcError::lock_denied(*holder, text)
        }
        LockError::Modified => RpcError::lock_denied(SessionId(0), text),
        LockError::InUse(_) => RpcError::in_use(PROTOCOL, text),
        LockError::NotHeld(_) => RpcError::operation_failed(PROTOCOL, text),
    }
}

/// A confirmed commit in the way, or not there (RFC 6241 sections 8.4.4.1 and 8.4.5.1).
pub fn confirm(error: &ConfirmError) -> RpcError {
    let text = error.to_string();
    match error {
        ConfirmError::WrongId | ConfirmError::IdNeeded => RpcError::invalid_value(PROTOCOL, text),
        ConfirmError::InUse { .. } => RpcError::in_use(PROTOCOL, text),
        ConfirmError::NothingPending
        | ConfirmError::NotYours(_)
        | ConfirmError::Ended
        | ConfirmError::Over => RpcError::operation_failed(PROTOCOL, text),
    }
}

/// An action that was refused.
pub fn refused(refusal: &Refusal) -> RpcError {
    let text = refusal.to_string();
    match refusal {
        Refusal::UnknownVm(_) | Refusal::UnknownDeployment(_) => RpcError::data_missing(text),
        Refusal::Busy { .. } => RpcError::in_use(APP, text),
        Refusal::NotPossible(_) | Refusal::Unavailable(_) => RpcError::operation_failed(APP, text),
    }
}

fn subscribe(error: &SubscribeError) -> RpcError {
    let text = error.to_string();
    match error {
        SubscribeError::StopWithoutStart => {
            RpcError::missing_element(PROTOCOL, "startTime").with_message(text)
        }
        SubscribeError::StopBeforeStart => RpcError::bad_element(PROTOCOL, "stopTime", text),
        SubscribeError::StartInFuture => RpcError::bad_element(PROTOCOL, "startTime", text),
        SubscribeError::Active => RpcError::operation_failed(PROTOCOL, text),
    }
}

/// Adds the path, with every prefix it uses bound to its module's namespace.
pub(super) fn at(schema: &Schema, error: RpcError, path: &str) -> RpcError {
    match path.is_empty() {
        true => error,
        false => error.with_path(instance(schema, path)),
    }
}

/// An instance path, every prefix it uses bound to its module's namespace.
fn instance(schema: &Schema, path: &str) -> ErrorPath {
    let prefixes: BTreeSet<&str> = prefixes(path);
    let namespaces = schema
        .modules()
        .iter()
        .filter(|module| prefixes.contains(&*module.prefix))
        .map(|module| (module.prefix.to_string(), module.namespace.to_string()))
        .collect();
    ErrorPath {
        text: path.to_owned(),
        namespaces,
    }
}

/// Prefixes of the names in a path, key values left out.
fn prefixes(path: &str) -> BTreeSet<&str> {
    let mut found = BTreeSet::new();
    let mut quote = None;
    let mut start = 0;
    for (at, c) in path.char_indices() {
        match (quote, c) {
            (Some(open), c) if open == c => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"') => quote = Some(c),
            (None, '/' | '[') => start = at + 1,
            (None, ':') => {
                found.extend(path.get(start..at));
            }
            (None, _) => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_in_key_values_are_not_taken_for_names() {
        let found = prefixes("/esc:a/esc:b[esc:name='x:y/z:q']/lifeline:c");
        assert_eq!(found.into_iter().collect::<Vec<_>>(), ["esc", "lifeline"]);
    }

    fn written(error: &RpcError) -> String {
        let mut out = crate::xml::Writer::new();
        error.write(crate::proto::netconf::Base::V1_1, &mut out);
        out.finish()
    }

    /// RFC 7950 section 15, each error as it stands there; some have no example in the ESC model.
    #[test]
    fn errors_of_rfc_7950_section_15() {
        let schema = Schema::load(schema::LoadOptions { simulator: true }).unwrap();
        let at = "/esc:esc_datamodel/esc:tenants/esc:tenant[esc:name='t']";
        let leaf = format!("{at}/esc:name");
        let ns = "xmlns:esc=\"http://www.cisco.com/esc/esc\"";
        let yang = "xmlns=\"urn:ietf:params:xml:ns:yang:1\"";
        for (section, kind, tag, app_tag, info) in [
            (
                "15.1",
                ErrorKind::DataNotUnique {
                    leafs: vec![leaf.clone()],
                },
                "operation-failed",
                "data-not-unique",
                format!("<non-unique {yang} {ns}>{leaf}</non-unique>"),
            ),
            (
                "15.2",
                ErrorKind::TooMany,
                "operation-failed",
                "too-many-elements",
                String::new(),
            ),
            (
                "15.3",
                ErrorKind::TooFew,
                "operation-failed",
                "too-few-elements",
                String::new(),
            ),
            (
                "15.4",
                ErrorKind::Must {
                    app_tag: "must-violation".to_owned(),
                },
                "operation-failed",
                "must-violation",
                String::new(),
            ),
            (
                "15.4 with its own",
                ErrorKind::Must {
                    app_tag: "own".to_owned(),
                },
                "operation-failed",
                "own",
                String::new(),
            ),
            (
                "15.5",
                ErrorKind::InstanceRequired,
                "data-missing",
                "instance-required",
                String::new(),
            ),
            (
                "15.6",
                ErrorKind::MissingChoice {
                    choice: "c".to_owned(),
                },
                "data-missing",
                "missing-choice",
                format!("<missing-choice {yang}>c</missing-choice>"),
            ),
            (
                "15.7",
                ErrorKind::BadAttribute {
                    attr: "key".to_owned(),
                    element: "e".to_owned(),
                    app_tag: Some("missing-instance"),
                },
                "bad-attribute",
                "missing-instance",
                "<bad-attribute>key</bad-attribute><bad-element>e</bad-element>".to_owned(),
            ),
            (
                "8.3.1 a type's own app-tag",
                ErrorKind::InvalidValue {
                    app_tag: Some("own".to_owned()),
                },
                "invalid-value",
                "own",
                String::new(),
            ),
        ] {
            let info = match info.is_empty() {
                true => info,
                false => format!("<error-info>{info}</error-info>"),
            };
            assert_eq!(
                written(&data(schema, &Error::new(kind, at, "why"))),
                format!(
                    "<rpc-error><error-type>application</error-type><error-tag>{tag}</error-tag>\
                     <error-severity>error</error-severity><error-app-tag>{app_tag}</error-app-tag>\
                     <error-path {ns}>{at}</error-path><error-message xml:lang=\"en\">why</error-message>\
                     {info}</rpc-error>"
                ),
                "{section}"
            );
        }
    }
}
