//! `rpc-reply` (RFC 6241 section 4.2).

use std::sync::Arc;

use super::hello::Base;
use super::names::BASE;
use super::rpc_error::{ErrorType, RpcError};
use crate::xml::{Element, Writer, XML_NS, escape_attr};

/// The end tag of every reply.
pub const REPLY_END: &str = "</rpc-reply>";

/// The start tag of a reply: the request's attributes, echoed (RFC 6241 section 4.1).
///
/// Namespace declarations are echoed with them, save that of the default namespace: replies stand
/// in the base namespace unprefixed, because scrapli knows an error by the octets `<rpc-error>`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReplyTag(Arc<str>);

impl ReplyTag {
    /// The start tag for a request that could not be read.
    pub fn anonymous() -> Self {
        Self(Arc::from(format!("<rpc-reply xmlns=\"{BASE}\">")))
    }

    /// The start tag that answers `rpc`.
    pub fn echo(rpc: &Element) -> Self {
        let mut tag = format!("<rpc-reply xmlns=\"{BASE}\"");
        let mut add = |name: &[&str], value: &str| {
            tag.push(' ');
            name.iter().for_each(|part| tag.push_str(part));
            tag.push_str("=\"");
            tag.push_str(&escape_attr(value));
            tag.push('"');
        };
        for (prefix, uri) in &rpc.decls {
            if !prefix.is_empty() && &**uri != XML_NS {
                add(&["xmlns:", prefix], uri);
            }
        }
        for attr in &rpc.attrs {
            match attr.prefix.is_empty() {
                true => add(&[&attr.local], &attr.value),
                false => add(&[&attr.prefix, ":", &attr.local], &attr.value),
            }
        }
        tag.push('>');
        Self(Arc::from(tag))
    }

    /// The tag's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A whole answer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum RpcReply {
    /// `<ok/>`.
    Ok,
    /// `<data>` of the base namespace round this XML, which declares its own namespaces.
    Data(String),
    /// The children of `rpc-reply` as they are; not empty (clients take the first child).
    Body(String),
    /// Errors, at least one.
    Errors(Vec<RpcError>),
}

impl From<RpcError> for RpcReply {
    fn from(error: RpcError) -> Self {
        Self::Errors(vec![error])
    }
}

impl RpcReply {
    /// Whether it carries errors.
    pub fn is_error(&self) -> bool {
        matches!(self, Self::Errors(_))
    }

    /// What stands between the tags of `rpc-reply`.
    pub fn body(&self, base: Base) -> String {
        match self {
            Self::Ok => "<ok/>".to_owned(),
            Self::Data(xml) if xml.is_empty() => "<data/>".to_owned(),
            Self::Data(xml) => format!("<data>{xml}</data>"),
            Self::Body(xml) => xml.clone(),
            Self::Errors(errors) => {
                let mut out = Writer::new();
                for error in errors {
                    error.write(base, &mut out);
                }
                if errors.is_empty() {
                    // A reply without a child would crash netconf-console2.
                    RpcError::operation_failed(ErrorType::Application, "failed without a reason")
                        .write(base, &mut out);
                }
                out.finish()
            }
        }
    }

    /// The whole message.
    pub fn encode(&self, tag: &ReplyTag, base: Base) -> String {
        format!("{}{}{REPLY_END}", tag.as_str(), self.body(base))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::xml::parse_str;

    #[test]
    fn every_attribute_comes_back_and_the_reply_is_unprefixed() {
        let rpc = parse_str(&format!(
            "<nc:rpc xmlns:nc='{BASE}' xmlns='urn:d' xmlns:x='urn:x' x:user-id='fred' message-id='a&amp;&quot;&lt;&#10;é' plain='1' xml:lang='de'/>"
        ))
        .unwrap();
        let text = RpcReply::Ok.encode(&ReplyTag::echo(&rpc), Base::V1_1);
        assert_eq!(
            text,
            format!(
                "<rpc-reply xmlns=\"{BASE}\" xmlns:nc=\"{BASE}\" xmlns:x=\"urn:x\" x:user-id=\"fred\" \
                 message-id=\"a&amp;&quot;&lt;&#10;é\" plain=\"1\" xml:lang=\"de\"><ok/></rpc-reply>"
            )
        );
        let reply = parse_str(&text).unwrap();
        assert_eq!(reply.attrs, rpc.attrs);
    }

    #[test]
    fn no_reply_is_without_a_child() {
        for reply in [
            RpcReply::Ok,
            RpcReply::Data(String::new()),
            RpcReply::Errors(vec![]),
        ] {
            let text = reply.encode(&ReplyTag::anonymous(), Base::V1_1);
            let reply = parse_str(&text).unwrap();
            assert_eq!(reply.elements().count(), 1, "{text}");
        }
    }
}
