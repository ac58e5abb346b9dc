//! An operation element to [`Operation`].

use std::num::NonZeroU32;

use super::params::{Param, Params, known_attributes, leaf_text, no_attributes, no_text};
use super::types::{
    Commit, CopyConfig, CreateSubscription, DatastoreName, DefaultOperation, EditConfig,
    ErrorOption, Filter, GetSchema, Operation, Source, TestOption, WithDefaults,
};
use crate::clock::Timestamp;
use crate::ids::SessionId;
use crate::proto::netconf::names::{BASE, MONITORING, NOTIFICATION, WITH_DEFAULTS};
use crate::proto::netconf::rpc_error::{ErrorType, RpcError};
use crate::xml::{Child, Element};

const PROTOCOL: ErrorType = ErrorType::Protocol;
/// RFC 6241 section 8.4.5.1.
const CONFIRM_TIMEOUT: NonZeroU32 = NonZeroU32::MIN.saturating_add(599);

macro_rules! params {
    ($($name:literal in $namespaces:expr),* $(,)?) => {
        &[$(Param { name: $name, namespaces: &$namespaces }),*]
    };
}

/// `<config>`, `<filter>` and `<source>` without a namespace are what ncclient makes of a script's
/// unqualified elements, below its own `<nc:edit-config>`.
const BASE_OR_NONE: [&str; 2] = [BASE, ""];
/// ncclient puts its base-namespace filter into create-subscription.
const FILTER_IN_SUBSCRIPTION: [&str; 3] = [NOTIFICATION, BASE, ""];
/// Accepted in the operation's namespace too, as clients that build XML by hand send it.
const DEFAULTS: [&str; 2] = [WITH_DEFAULTS, BASE];

/// The operations of the base namespace, which a client may send in none.
const BASE_OPERATIONS: [&str; 13] = [
    "get",
    "get-config",
    "edit-config",
    "copy-config",
    "delete-config",
    "lock",
    "unlock",
    "close-session",
    "kill-session",
    "validate",
    "commit",
    "cancel-commit",
    "discard-changes",
];

impl Operation {
    /// Decodes the child of `rpc`.
    ///
    /// # Errors
    /// As RFC 6241 appendix A: unknown-element, unknown-namespace, missing-element, bad-element,
    /// invalid-value, bad-attribute, missing-attribute, unknown-attribute of type protocol;
    /// operation-not-supported for an unknown operation of the namespaces served here, and for
    /// what needs `:url` or `:startup`.
    pub fn decode(operation: Element) -> Result<Self, RpcError> {
        match (&*operation.ns, &*operation.local) {
            (BASE, "get") => get(operation),
            (BASE, "get-config") => get_config(operation),
            (BASE, "edit-config") => edit_config(operation),
            (BASE, "copy-config") => copy_config(operation),
            (BASE, "delete-config") => {
                target_of(operation).map(|target| Self::DeleteConfig { target })
            }
            (BASE, "lock") => target_of(operation).map(|target| Self::Lock { target }),
            (BASE, "unlock") => target_of(operation).map(|target| Self::Unlock { target }),
            (BASE, "close-session") => none_of(operation).map(|()| Self::CloseSession),
            (BASE, "kill-session") => kill_session(operation),
            (BASE, "validate") => {
                let mut params = Params::collect(operation, params!["source" in BASE_OR_NONE])?;
                let source = source(params.require("source")?)?;
                Ok(Self::Validate { source })
            }
            (BASE, "commit") => commit(operation),
            (BASE, "cancel-commit") => {
                let mut params = Params::collect(operation, params!["persist-id" in [BASE]])?;
                let persist_id = params.leaf("persist-id")?;
                Ok(Self::CancelCommit { persist_id })
            }
            (BASE, "discard-changes") => none_of(operation).map(|()| Self::DiscardChanges),
            (MONITORING, "get-schema") => get_schema(operation),
            (NOTIFICATION, "create-subscription") => create_subscription(operation),
            (BASE | MONITORING | NOTIFICATION, _) => Err(unsupported(&operation)),
            ("", local) => Err(RpcError::unknown_namespace(PROTOCOL, local, "")),
            _ => Ok(Self::Other(Box::new(operation))),
        }
    }

    /// Puts an operation of RFC 6241 that is in no namespace into the base one, with its parameters, but not what a filter
    /// or a configuration holds. Ansible's netconf_rpc sends it so, inside a prefixed `<nc:rpc>`, when it is given no `xmlns`.
    pub(in crate::proto::netconf) fn qualified(mut operation: Element) -> Element {
        let base = operation.ns.is_empty() && BASE_OPERATIONS.contains(&&*operation.local);
        if !base {
            return operation;
        }
        let unqualified = |element: &&mut Element| element.ns.is_empty();
        operation.set_ns(BASE);
        for param in operation.elements_mut().filter(unqualified) {
            param.set_ns(BASE);
            if matches!(&*param.local, "source" | "target") {
                for choice in param.elements_mut().filter(unqualified) {
                    choice.set_ns(BASE);
                }
            }
        }
        operation
    }

    /// Namespace and name, as access control knows the operation.
    pub fn name(&self) -> (&str, &str) {
        match self {
            Self::Get { .. } => (BASE, "get"),
            Self::GetConfig { .. } => (BASE, "get-config"),
            Self::EditConfig(_) => (BASE, "edit-config"),
            Self::CopyConfig(_) => (BASE, "copy-config"),
            Self::DeleteConfig { .. } => (BASE, "delete-config"),
            Self::Lock { .. } => (BASE, "lock"),
            Self::Unlock { .. } => (BASE, "unlock"),
            Self::CloseSession => (BASE, "close-session"),
            Self::KillSession { .. } => (BASE, "kill-session"),
            Self::Validate { .. } => (BASE, "validate"),
            Self::Commit(_) => (BASE, "commit"),
            Self::CancelCommit { .. } => (BASE, "cancel-commit"),
            Self::DiscardChanges => (BASE, "discard-changes"),
            Self::GetSchema(_) => (MONITORING, "get-schema"),
            Self::CreateSubscription(_) => (NOTIFICATION, "create-subscription"),
            Self::Other(element) => (&element.ns, &element.local),
        }
    }
}

/// The error for an operation whose namespace is known and whose name is not.
pub fn unsupported(operation: &Element) -> RpcError {
    RpcError::operation_not_supported(
        PROTOCOL,
        format!("operation <{}> is not supported", operation.local),
    )
}

fn get(operation: Element) -> Result<Operation, RpcError> {
    let known = params!["filter" in BASE_OR_NONE, "with-defaults" in DEFAULTS];
    let mut params = Params::collect(operation, known)?;
    Ok(Operation::Get {
        filter: params.take("filter").map(filter).transpose()?,
        with_defaults: params.parsed("with-defaults", with_defaults)?,
    })
}

fn get_config(operation: Element) -> Result<Operation, RpcError> {
    let known = params![
        "source" in BASE_OR_NONE,
        "filter" in BASE_OR_NONE,
        "with-defaults" in DEFAULTS,
    ];
    let mut params = Params::collect(operation, known)?;
    Ok(Operation::GetConfig {
        source: datastore(&params.require("source")?)?,
        filter: params.take("filter").map(filter).transpose()?,
        with_defaults: params.parsed("with-defaults", with_defaults)?,
    })
}

fn edit_config(operation: Element) -> Result<Operation, RpcError> {
    let known = params![
        "target" in [BASE],
        "default-operation" in [BASE],
        "test-option" in [BASE],
        "error-option" in [BASE],
        "config" in BASE_OR_NONE,
        "url" in [BASE],
    ];
    let mut params = Params::collect(operation, known)?;
    let target = datastore(&params.require("target")?)?;
    let default_operation = params.parsed("default-operation", |text| {
        Some(match text {
            "merge" => DefaultOperation::Merge,
            "replace" => DefaultOperation::Replace,
            "none" => DefaultOperation::None,
            _ => return None,
        })
    })?;
    let test_option = params.parsed("test-option", |text| {
        Some(match text {
            "test-then-set" => TestOption::TestThenSet,
            "set" => TestOption::Set,
            "test-only" => TestOption::TestOnly,
            _ => return None,
        })
    })?;
    let error_option = params.parsed("error-option", |text| {
        Some(match text {
            "stop-on-error" => ErrorOption::StopOnError,
            "continue-on-error" => ErrorOption::ContinueOnError,
            "rollback-on-error" => ErrorOption::RollbackOnError,
            _ => return None,
        })
    })?;
    if params.take("url").is_some() {
        return Err(not_served("url"));
    }
    Ok(Operation::EditConfig(Box::new(EditConfig {
        target,
        default_operation: default_operation.unwrap_or_default(),
        test_option,
        error_option: error_option.unwrap_or_default(),
        config: config(params.require("config")?)?,
    })))
}

fn copy_config(operation: Element) -> Result<Operation, RpcError> {
    let known = params![
        "target" in [BASE],
        "source" in BASE_OR_NONE,
        "with-defaults" in DEFAULTS,
    ];
    let mut params = Params::collect(operation, known)?;
    Ok(Operation::CopyConfig(Box::new(CopyConfig {
        target: datastore(&params.require("target")?)?,
        source: source(params.require("source")?)?,
        with_defaults: params.parsed("with-defaults", with_defaults)?,
    })))
}

fn kill_session(operation: Element) -> Result<Operation, RpcError> {
    let mut params = Params::collect(operation, params!["session-id" in [BASE]])?;
    let id = params.parsed("session-id", |text| number(text).map(NonZeroU32::get))?;
    let id = id.ok_or_else(|| RpcError::missing_element(PROTOCOL, "session-id"))?;
    Ok(Operation::KillSession {
        session_id: SessionId(id),
    })
}

fn commit(operation: Element) -> Result<Operation, RpcError> {
    let known = params![
        "confirmed" in [BASE],
        "confirm-timeout" in [BASE],
        "persist" in [BASE],
        "persist-id" in [BASE],
    ];
    let mut params = Params::collect(operation, known)?;
    let confirmed = params.flag("confirmed")?;
    if let (false, Some(given)) = (confirmed, params.first_of(&["confirm-timeout", "persist"])) {
        // Whoever sends these expects a commit that is taken back: one for good would be a trap.
        let text = format!("<{given}> is for a confirmed commit");
        return Err(RpcError::missing_element(PROTOCOL, "confirmed").with_message(text));
    }
    Ok(Operation::Commit(Commit {
        confirmed,
        confirm_timeout: params
            .parsed("confirm-timeout", number)?
            .unwrap_or(CONFIRM_TIMEOUT),
        persist: params.leaf("persist")?,
        persist_id: params.leaf("persist-id")?,
    }))
}

fn get_schema(operation: Element) -> Result<Operation, RpcError> {
    let known = params![
        "identifier" in [MONITORING],
        "version" in [MONITORING],
        "format" in [MONITORING],
    ];
    let mut params = Params::collect(operation, known)?;
    let identifier = params.leaf("identifier")?;
    let version = params.leaf("version")?;
    let format = match params.take("format") {
        None => "yang".to_owned(),
        Some(element) => {
            let text = leaf_text(&element)?;
            identity(&text, &element).ok_or_else(|| params.invalid(&element, &text))?
        }
    };
    Ok(Operation::GetSchema(GetSchema {
        identifier: identifier.ok_or_else(|| RpcError::missing_element(PROTOCOL, "identifier"))?,
        version,
        format,
    }))
}

fn create_subscription(operation: Element) -> Result<Operation, RpcError> {
    let known = params![
        "stream" in [NOTIFICATION],
        "filter" in FILTER_IN_SUBSCRIPTION,
        "startTime" in [NOTIFICATION],
        "stopTime" in [NOTIFICATION],
    ];
    let mut params = Params::collect(operation, known)?;
    let time = |text: &str| text.parse::<Timestamp>().ok();
    let start_time = params.parsed("startTime", time)?;
    let stop_time = params.parsed("stopTime", time)?;
    match (start_time, stop_time) {
        (None, Some(_)) => return Err(RpcError::missing_element(PROTOCOL, "startTime")),
        (Some(start), Some(stop)) if stop < start => {
            let message = "stopTime is before startTime";
            return Err(RpcError::bad_element(PROTOCOL, "stopTime", message));
        }
        _ => {}
    }
    Ok(Operation::CreateSubscription(Box::new(
        CreateSubscription {
            stream: params.leaf("stream")?,
            filter: params.take("filter").map(filter).transpose()?,
            start_time,
            stop_time,
        },
    )))
}

fn none_of(operation: Element) -> Result<(), RpcError> {
    Params::collect(operation, &[]).map(|_| ())
}

fn target_of(operation: Element) -> Result<DatastoreName, RpcError> {
    let mut params = Params::collect(operation, params!["target" in [BASE]])?;
    datastore(&params.require("target")?)
}

/// The one datastore that `<source>` or `<target>` holds.
fn datastore(holder: &Element) -> Result<DatastoreName, RpcError> {
    let choice = one_choice(holder)?;
    // Below an unqualified holder its content is unqualified too.
    let ns = match choice.ns.is_empty() && holder.ns.is_empty() {
        true => BASE,
        false => &*choice.ns,
    };
    match (ns, &*choice.local) {
        (BASE, "running") => empty(choice).map(|()| DatastoreName::Running),
        (BASE, "candidate") => empty(choice).map(|()| DatastoreName::Candidate),
        (BASE, "url" | "startup") => Err(not_served(&choice.local)),
        (BASE, local) => Err(RpcError::unknown_element(PROTOCOL, local)),
        (ns, local) => Err(RpcError::unknown_namespace(PROTOCOL, local, ns)),
    }
}

/// The datastore or `<config>` that `<source>` holds.
fn source(mut holder: Element) -> Result<Source, RpcError> {
    let choice = one_choice(&holder)?;
    if &*choice.local != "config" || !BASE_OR_NONE.contains(&&*choice.ns) {
        return datastore(&holder).map(Source::Datastore);
    }
    let element = holder.children.drain(..).find_map(|child| match child {
        Child::Element(element) => Some(element),
        Child::Text(_) => None,
    });
    let element = element.ok_or_else(|| RpcError::missing_element(PROTOCOL, "config"))?;
    config(element).map(Source::Config)
}

fn one_choice(holder: &Element) -> Result<&Element, RpcError> {
    no_attributes(holder)?;
    no_text(holder)?;
    let mut choices = holder.elements();
    match (choices.next(), choices.next()) {
        (Some(choice), None) => Ok(choice),
        (None, _) => Err(RpcError::missing_element(PROTOCOL, &holder.local)
            .with_message(format!("<{}> is empty", holder.local))),
        (_, Some(second)) => {
            let message = format!("more than one element in <{}>", holder.local);
            Err(RpcError::bad_element(PROTOCOL, &second.local, message))
        }
    }
}

fn empty(element: &Element) -> Result<(), RpcError> {
    no_attributes(element)?;
    no_elements(element)
}

fn no_elements(element: &Element) -> Result<(), RpcError> {
    no_text(element)?;
    match element.elements().next() {
        Some(child) => Err(RpcError::unknown_element(PROTOCOL, &child.local)),
        None => Ok(()),
    }
}

/// The `<config>` element, put into the base namespace if it stood in none.
fn config(mut element: Element) -> Result<Element, RpcError> {
    no_attributes(&element)?;
    no_text(&element)?;
    if element.ns.is_empty() {
        element.set_ns(BASE);
    }
    Ok(element)
}

/// `<filter>`: its attributes say how it selects (RFC 6241 sections 6.1 and 8.9.5.2).
fn filter(element: Element) -> Result<Filter, RpcError> {
    known_attributes(&element, &["type", "select"])?;
    let attribute = |name| element.attr("", name).or_else(|| element.attr(BASE, name));
    match (attribute("type").unwrap_or("subtree"), attribute("select")) {
        ("subtree", None) => Ok(Filter::Subtree(element)),
        ("subtree", Some(_)) => Err(RpcError::unknown_attribute(PROTOCOL, "select", "filter")),
        ("xpath", Some(select)) => {
            // Section 8.9.5.1: the element itself is empty; what it holds would not be looked at.
            no_elements(&element)?;
            Ok(Filter::XPath {
                select: select.to_owned(),
                scope: element.scope.clone(),
            })
        }
        ("xpath", None) => Err(RpcError::missing_attribute(PROTOCOL, "select", "filter")),
        _ => Err(RpcError::bad_attribute(PROTOCOL, "type", "filter")),
    }
}

fn with_defaults(text: &str) -> Option<WithDefaults> {
    Some(match text {
        "report-all" => WithDefaults::ReportAll,
        "report-all-tagged" => WithDefaults::ReportAllTagged,
        "trim" => WithDefaults::Trim,
        "explicit" => WithDefaults::Explicit,
        _ => return None,
    })
}

/// A uint32 above 0, decimal.
fn number(text: &str) -> Option<NonZeroU32> {
    let digits = text.strip_prefix('+').unwrap_or(text);
    digits
        .bytes()
        .all(|b| b.is_ascii_digit())
        .then(|| digits.parse().ok())?
}

/// Local name of an identity of the monitoring module, prefixed or not.
fn identity(text: &str, element: &Element) -> Option<String> {
    let (prefix, local) = text.split_once(':').unwrap_or(("", text));
    let ours = prefix.is_empty() || element.scope.resolve(prefix) == Some(MONITORING);
    (ours && !local.is_empty()).then(|| local.to_owned())
}

fn not_served(name: &str) -> RpcError {
    RpcError::operation_not_supported(
        PROTOCOL,
        format!("<{name}> needs a capability this server does not have"),
    )
}
