//! `rpc-error` (RFC 6241 section 4.3, tags of appendix A).

use super::hello::Base;
use super::names::{BASE, YANG};
use crate::ids::SessionId;
use crate::xml::Writer;

/// The layer an error belongs to.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[expect(missing_docs, reason = "RFC 6241's own words")]
pub enum ErrorType {
    Transport,
    Rpc,
    Protocol,
    Application,
}

impl ErrorType {
    /// The wire word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Transport => "transport",
            Self::Rpc => "rpc",
            Self::Protocol => "protocol",
            Self::Application => "application",
        }
    }
}

/// `error-tag` (RFC 6241 appendix A).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[expect(missing_docs, reason = "RFC 6241's own words")]
pub enum ErrorTag {
    InUse,
    InvalidValue,
    TooBig,
    MissingAttribute,
    BadAttribute,
    UnknownAttribute,
    MissingElement,
    BadElement,
    UnknownElement,
    UnknownNamespace,
    AccessDenied,
    LockDenied,
    ResourceDenied,
    RollbackFailed,
    DataExists,
    DataMissing,
    OperationNotSupported,
    OperationFailed,
    /// base:1.1 only; a base:1.0 peer is told operation-failed.
    MalformedMessage,
}

impl ErrorTag {
    /// Every tag.
    pub const ALL: [Self; 19] = [
        Self::InUse,
        Self::InvalidValue,
        Self::TooBig,
        Self::MissingAttribute,
        Self::BadAttribute,
        Self::UnknownAttribute,
        Self::MissingElement,
        Self::BadElement,
        Self::UnknownElement,
        Self::UnknownNamespace,
        Self::AccessDenied,
        Self::LockDenied,
        Self::ResourceDenied,
        Self::RollbackFailed,
        Self::DataExists,
        Self::DataMissing,
        Self::OperationNotSupported,
        Self::OperationFailed,
        Self::MalformedMessage,
    ];

    /// The wire word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InUse => "in-use",
            Self::InvalidValue => "invalid-value",
            Self::TooBig => "too-big",
            Self::MissingAttribute => "missing-attribute",
            Self::BadAttribute => "bad-attribute",
            Self::UnknownAttribute => "unknown-attribute",
            Self::MissingElement => "missing-element",
            Self::BadElement => "bad-element",
            Self::UnknownElement => "unknown-element",
            Self::UnknownNamespace => "unknown-namespace",
            Self::AccessDenied => "access-denied",
            Self::LockDenied => "lock-denied",
            Self::ResourceDenied => "resource-denied",
            Self::RollbackFailed => "rollback-failed",
            Self::DataExists => "data-exists",
            Self::DataMissing => "data-missing",
            Self::OperationNotSupported => "operation-not-supported",
            Self::OperationFailed => "operation-failed",
            Self::MalformedMessage => "malformed-message",
        }
    }
}

/// `error-severity`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[expect(missing_docs, reason = "RFC 6241's own words")]
pub enum Severity {
    #[default]
    Error,
    Warning,
}

/// One element of `error-info`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ErrorInfo {
    /// `bad-attribute`: the attribute's name.
    BadAttribute(String),
    /// `bad-element`: the element's name.
    BadElement(String),
    /// `bad-namespace`: the unexpected namespace.
    BadNamespace(String),
    /// `session-id`: who holds the lock, 0 when no NETCONF session does.
    SessionId(SessionId),
    /// `missing-choice` in YANG's namespace (RFC 7950 section 15.6).
    MissingChoice(String),
    /// `non-unique` in YANG's namespace: one of the leafs that agree (RFC 7950 section 15.1).
    NonUnique(ErrorPath),
    /// Any further element, as self-contained XML.
    Xml(String),
}

impl ErrorInfo {
    fn write(&self, out: &mut Writer) {
        match self {
            Self::BadAttribute(name) => out.leaf("bad-attribute", name),
            Self::BadElement(name) => out.leaf("bad-element", name),
            Self::BadNamespace(uri) => out.leaf("bad-namespace", uri),
            Self::SessionId(id) => out.leaf("session-id", &id.to_string()),
            Self::MissingChoice(name) => Self::write_yang("missing-choice", name, out),
            Self::NonUnique(path) => {
                out.start("non-unique");
                out.attr("xmlns", YANG);
                path.write(out);
                out.end();
            }
            Self::Xml(xml) => out.raw(xml),
        }
    }

    fn write_yang(name: &str, text: &str, out: &mut Writer) {
        out.start(name);
        out.attr("xmlns", YANG);
        out.text(text);
        out.end();
    }
}

/// `error-path`: an instance path and what its prefixes mean.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ErrorPath {
    /// Absolute XPath expression.
    pub text: String,
    /// (prefix, namespace) of every prefix the text uses.
    pub namespaces: Vec<(String, String)>,
}

impl ErrorPath {
    /// A path of the base namespace below `/nc:rpc`, names separated by `/`.
    pub fn in_rpc(names: &[&str]) -> Self {
        let mut text = String::from("/nc:rpc");
        for name in names {
            text.push_str("/nc:");
            text.push_str(name);
        }
        Self {
            text,
            namespaces: vec![("nc".to_owned(), BASE.to_owned())],
        }
    }

    /// Declares its prefixes on the element that is open, and writes the text.
    fn write(&self, out: &mut Writer) {
        for (prefix, uri) in &self.namespaces {
            out.attr(&format!("xmlns:{prefix}"), uri);
        }
        out.text(&self.text);
    }
}

/// One error of a reply.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RpcError {
    /// Layer.
    pub error_type: ErrorType,
    /// Kind.
    pub tag: ErrorTag,
    /// Error, or warning.
    pub severity: Severity,
    /// The data model's own kind.
    pub app_tag: Option<String>,
    /// Where.
    pub path: Option<Box<ErrorPath>>,
    /// A sentence for people, English.
    pub message: Option<String>,
    /// Details for programs.
    pub info: Vec<ErrorInfo>,
}

impl RpcError {
    /// An error of any tag, without details.
    pub fn new(error_type: ErrorType, tag: ErrorTag, message: impl Into<String>) -> Self {
        Self {
            error_type,
            tag,
            severity: Severity::Error,
            app_tag: None,
            path: None,
            message: Some(message.into()),
            info: Vec::new(),
        }
    }

    /// Adds an info element.
    pub fn with_info(mut self, info: ErrorInfo) -> Self {
        self.info.push(info);
        self
    }

    /// Sets the path.
    pub fn with_path(mut self, path: ErrorPath) -> Self {
        self.path = Some(Box::new(path));
        self
    }

    /// Sets the app-tag.
    pub fn with_app_tag(mut self, tag: impl Into<String>) -> Self {
        self.app_tag = Some(tag.into());
        self
    }

    /// Replaces the message.
    pub fn with_message(mut self, message: impl Into<String>) -> Self {
        self.message = Some(message.into());
        self
    }

    /// `in-use` (RFC 6241 appendix A): protocol or application.
    pub fn in_use(error_type: ErrorType, message: impl Into<String>) -> Self {
        Self::new(error_type, ErrorTag::InUse, message)
    }

    /// `invalid-value`.
    pub fn invalid_value(error_type: ErrorType, message: impl Into<String>) -> Self {
        Self::new(error_type, ErrorTag::InvalidValue, message)
    }

    /// `too-big`.
    pub fn too_big(error_type: ErrorType, message: impl Into<String>) -> Self {
        Self::new(error_type, ErrorTag::TooBig, message)
    }

    fn attribute(
        error_type: ErrorType,
        tag: ErrorTag,
        attribute: &str,
        element: &str,
        what: &str,
    ) -> Self {
        Self::new(
            error_type,
            tag,
            format!("{what} attribute '{attribute}' in <{element}>"),
        )
        .with_info(ErrorInfo::BadAttribute(attribute.to_owned()))
        .with_info(ErrorInfo::BadElement(element.to_owned()))
    }

    /// `missing-attribute`: `element` lacks `attribute`.
    pub fn missing_attribute(error_type: ErrorType, attribute: &str, element: &str) -> Self {
        Self::attribute(
            error_type,
            ErrorTag::MissingAttribute,
            attribute,
            element,
            "missing",
        )
    }

    /// `bad-attribute`: the value of `attribute` in `element` is not allowed.
    pub fn bad_attribute(error_type: ErrorType, attribute: &str, element: &str) -> Self {
        Self::attribute(
            error_type,
            ErrorTag::BadAttribute,
            attribute,
            element,
            "bad value of",
        )
    }

    /// `unknown-attribute`: `attribute` is not expected in `element`.
    pub fn unknown_attribute(error_type: ErrorType, attribute: &str, element: &str) -> Self {
        Self::attribute(
            error_type,
            ErrorTag::UnknownAttribute,
            attribute,
            element,
            "unexpected",
        )
    }

    fn element(error_type: ErrorType, tag: ErrorTag, element: &str, message: String) -> Self {
        Self::new(error_type, tag, message).with_info(ErrorInfo::BadElement(element.to_owned()))
    }

    /// `missing-element`: `element` is expected and not there.
    pub fn missing_element(error_type: ErrorType, element: &str) -> Self {
        Self::element(
            error_type,
            ErrorTag::MissingElement,
            element,
            format!("<{element}> is missing"),
        )
    }

    /// `bad-element`: the value of `element` is not allowed.
    pub fn bad_element(error_type: ErrorType, element: &str, message: impl Into<String>) -> Self {
        Self::element(error_type, ErrorTag::BadElement, element, message.into())
    }

    /// `unknown-element`: `element` is not expected.
    pub fn unknown_element(error_type: ErrorType, element: &str) -> Self {
        Self::element(
            error_type,
            ErrorTag::UnknownElement,
            element,
            format!("<{element}> is not expected here"),
        )
    }

    /// `unknown-namespace`: `element` is in a namespace that is not expected.
    pub fn unknown_namespace(error_type: ErrorType, element: &str, namespace: &str) -> Self {
        Self::element(
            error_type,
            ErrorTag::UnknownNamespace,
            element,
            format!("namespace '{namespace}' of <{element}> is not expected here"),
        )
        .with_info(ErrorInfo::BadNamespace(namespace.to_owned()))
    }

    /// `access-denied`.
    pub fn access_denied(error_type: ErrorType, message: impl Into<String>) -> Self {
        Self::new(error_type, ErrorTag::AccessDenied, message)
    }

    /// `lock-denied`: `holder` has the lock; 0 stands for something that is no NETCONF session.
    pub fn lock_denied(holder: SessionId, message: impl Into<String>) -> Self {
        Self::new(ErrorType::Protocol, ErrorTag::LockDenied, message)
            .with_info(ErrorInfo::SessionId(holder))
    }

    /// `resource-denied`.
    pub fn resource_denied(error_type: ErrorType, message: impl Into<String>) -> Self {
        Self::new(error_type, ErrorTag::ResourceDenied, message)
    }

    /// `rollback-failed`: protocol or application.
    pub fn rollback_failed(error_type: ErrorType, message: impl Into<String>) -> Self {
        Self::new(error_type, ErrorTag::RollbackFailed, message)
    }

    /// `data-exists`, always application.
    pub fn data_exists(message: impl Into<String>) -> Self {
        Self::new(ErrorType::Application, ErrorTag::DataExists, message)
    }

    /// `data-missing`, always application.
    pub fn data_missing(message: impl Into<String>) -> Self {
        Self::new(ErrorType::Application, ErrorTag::DataMissing, message)
    }

    /// `operation-not-supported`: protocol or application.
    pub fn operation_not_supported(error_type: ErrorType, message: impl Into<String>) -> Self {
        Self::new(error_type, ErrorTag::OperationNotSupported, message)
    }

    /// `operation-failed`.
    pub fn operation_failed(error_type: ErrorType, message: impl Into<String>) -> Self {
        Self::new(error_type, ErrorTag::OperationFailed, message)
    }

    /// `malformed-message`, always rpc.
    pub fn malformed_message(message: impl Into<String>) -> Self {
        Self::new(ErrorType::Rpc, ErrorTag::MalformedMessage, message)
    }

    /// Appends `<rpc-error>`, unprefixed, children in the order of RFC 6241 appendix B. The default
    /// namespace around it has to be the base one.
    pub fn write(&self, base: Base, out: &mut Writer) {
        // RFC 6241 appendix A: malformed-message must not be sent to base:1.0 peers.
        let tag = match (self.tag, base) {
            (ErrorTag::MalformedMessage, Base::V1_0) => ErrorTag::OperationFailed,
            (tag, _) => tag,
        };
        out.start("rpc-error");
        out.leaf("error-type", self.error_type.as_str());
        out.leaf("error-tag", tag.as_str());
        out.leaf(
            "error-severity",
            match self.severity {
                Severity::Error => "error",
                Severity::Warning => "warning",
            },
        );
        if let Some(app_tag) = &self.app_tag {
            out.leaf("error-app-tag", app_tag);
        }
        if let Some(path) = &self.path {
            out.start("error-path");
            path.write(out);
            out.end();
        }
        if let Some(message) = &self.message {
            out.start("error-message");
            out.attr("xml:lang", "en");
            out.text(&printable(message));
            out.end();
        }
        if !self.info.is_empty() {
            out.start("error-info");
            for info in &self.info {
                info.write(out);
            }
            out.end();
        }
        out.end();
    }
}

/// Messages quote foreign text (drivers, parsers); characters that XML forbids become U+FFFD.
fn printable(text: &str) -> String {
    let forbidden = |c: char| {
        (c < ' ' && !matches!(c, '\t' | '\n' | '\r')) || matches!(c, '\u{fffe}' | '\u{ffff}')
    };
    text.replace(forbidden, "\u{fffd}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::xml::parse_str;

    fn written(error: &RpcError, base: Base) -> String {
        let mut out = Writer::new();
        error.write(base, &mut out);
        out.finish()
    }

    #[test]
    fn children_stand_in_the_order_of_the_schema() {
        let error = RpcError::missing_attribute(ErrorType::Rpc, "message-id", "rpc")
            .with_app_tag("a")
            .with_path(ErrorPath {
                text: "/p:x".into(),
                namespaces: vec![("p".into(), "urn:p".into())],
            })
            .with_info(ErrorInfo::MissingChoice("c".into()));
        assert_eq!(
            written(&error, Base::V1_1),
            "<rpc-error><error-type>rpc</error-type><error-tag>missing-attribute</error-tag>\
             <error-severity>error</error-severity><error-app-tag>a</error-app-tag>\
             <error-path xmlns:p=\"urn:p\">/p:x</error-path>\
             <error-message xml:lang=\"en\">missing attribute 'message-id' in &lt;rpc&gt;</error-message>\
             <error-info><bad-attribute>message-id</bad-attribute><bad-element>rpc</bad-element>\
             <missing-choice xmlns=\"urn:ietf:params:xml:ns:yang:1\">c</missing-choice></error-info></rpc-error>"
        );
    }

    #[test]
    fn a_base_1_0_peer_never_hears_malformed_message() {
        let error = RpcError::malformed_message("no");
        assert!(written(&error, Base::V1_1).contains("malformed-message"));
        assert!(written(&error, Base::V1_0).contains("<error-tag>operation-failed<"));
    }

    #[test]
    fn a_message_with_control_characters_stays_well_formed() {
        let error = RpcError::operation_failed(ErrorType::Application, "a\u{1}b\u{1b}<&");
        let text = written(&error, Base::V1_1);
        assert_eq!(
            parse_str(&text)
                .unwrap()
                .child("", "error-message")
                .unwrap()
                .text(),
            "a\u{fffd}b\u{fffd}<&"
        );
    }

    #[test]
    fn tags_are_spelled_each_once() {
        let mut words: Vec<_> = ErrorTag::ALL.iter().map(|t| t.as_str()).collect();
        words.sort_unstable();
        words.dedup();
        assert_eq!(words.len(), ErrorTag::ALL.len());
    }
}
