//! The `rpc` envelope (RFC 6241 section 4.1): a message becomes a request, an answer, or the end.

use super::hello::Base;
use super::names::{BASE, YANG};
use super::operation::Operation;
use super::reply::ReplyTag;
use super::rpc_error::{ErrorTag, ErrorType, RpcError};
use crate::xml::{Child, Element, Limits, XmlError, parse, parse_root_tag};

/// A request whose envelope is right; its operation has not been looked at.
#[derive(Clone, PartialEq, Debug)]
pub struct Rpc {
    /// The client's `message-id`.
    pub message_id: String,
    /// The start tag of the reply.
    pub reply_tag: ReplyTag,
    /// The one child of `rpc`.
    pub operation: Element,
}

/// What becomes of a message that is no request.
#[derive(Clone, PartialEq, Debug)]
pub enum Rejection {
    /// It is answered by an error and the session goes on.
    Answer {
        /// The start tag of the reply.
        tag: ReplyTag,
        /// The error.
        error: Box<RpcError>,
    },
    /// The session ends, for this reason.
    End(String),
}

impl Rpc {
    /// Reads one message.
    ///
    /// What is not well-formed is answered with malformed-message to a base:1.1 peer, and ends the
    /// session of a base:1.0 peer, which must not be sent that tag (RFC 6241 section 3, appendix A).
    /// The answer has the attributes of the start tag of `rpc` if that much can be read (section 4.2):
    /// without its message-id some clients take no error from it. A second hello, and what only a
    /// server sends, end the session: there is no request to answer.
    ///
    /// # Errors
    /// [`Rejection`] says how the message is to be dealt with.
    pub fn decode(bytes: &[u8], base: Base, limits: &Limits) -> Result<Self, Rejection> {
        let mut root =
            parse(bytes, limits).map_err(|error| unreadable(&error, base, bytes, limits))?;
        let tag = ReplyTag::echo(&root);
        let answer = |error: RpcError| {
            Err(Rejection::Answer {
                tag: tag.clone(),
                error: Box::new(error),
            })
        };
        if !root.is(BASE, "rpc") {
            if &*root.local == "rpc" {
                return answer(RpcError::unknown_namespace(
                    ErrorType::Protocol,
                    "rpc",
                    &root.ns,
                ));
            }
            if matches!(&*root.local, "hello" | "rpc-reply" | "notification") {
                return Err(Rejection::End(format!("<{}> from the client", root.local)));
            }
            return answer(RpcError::unknown_element(ErrorType::Protocol, &root.local));
        }
        let Some(message_id) = root.attr("", "message-id").map(str::to_owned) else {
            return answer(RpcError::missing_attribute(
                ErrorType::Rpc,
                "message-id",
                "rpc",
            ));
        };
        if !root.has_only_whitespace_text() {
            return answer(RpcError::malformed_message(
                "text beside the operation in <rpc>",
            ));
        }
        let mut operations = std::mem::take(&mut root.children)
            .into_iter()
            .filter_map(|child| match child {
                Child::Element(element) => Some(element),
                Child::Text(_) => None,
            });
        match (operations.next(), operations.next()) {
            (Some(operation), None) => Ok(Self {
                message_id,
                reply_tag: tag,
                operation: Operation::qualified(operation),
            }),
            // The name that RFC 6241 appendix B gives to what has to stand here.
            (None, _) => answer(RpcError::missing_element(
                ErrorType::Protocol,
                "rpcOperation",
            )),
            // RFC 7950 section 7.15.2: only one action can be invoked in one <rpc>.
            (Some(first), Some(second))
                if [&first, &second].iter().all(|one| one.is(YANG, "action")) =>
            {
                answer(RpcError::bad_element(
                    ErrorType::Protocol,
                    &second.local,
                    "more than one action in <rpc>",
                ))
            }
            (_, Some(second)) => answer(
                RpcError::unknown_element(ErrorType::Protocol, &second.local)
                    .with_message("more than one operation in <rpc>"),
            ),
        }
    }
}

fn unreadable(error: &XmlError, base: Base, bytes: &[u8], limits: &Limits) -> Rejection {
    let error = match (error, base) {
        (XmlError::TooBig { .. }, _) => {
            RpcError::new(ErrorType::Rpc, ErrorTag::TooBig, error.to_string())
        }
        (_, Base::V1_1) => RpcError::malformed_message(error.to_string()),
        (_, Base::V1_0) => return Rejection::End(error.to_string()),
    };
    let root = parse_root_tag(bytes, limits).filter(|root| root.is(BASE, "rpc"));
    Rejection::Answer {
        tag: root.map_or_else(ReplyTag::anonymous, |root| ReplyTag::echo(&root)),
        error: Box::new(error),
    }
}

#[cfg(test)]
mod tests {
    use super::super::rpc_error::ErrorInfo;
    use super::*;

    fn decode(bytes: impl AsRef<[u8]>, base: Base) -> Result<Rpc, Rejection> {
        Rpc::decode(bytes.as_ref(), base, &Limits::default())
    }

    fn error(bytes: impl AsRef<[u8]>) -> RpcError {
        match decode(bytes, Base::V1_1) {
            Err(Rejection::Answer { error, .. }) => *error,
            other => panic!("{other:?}"),
        }
    }

    fn rpc(attributes: &str, inner: &str) -> String {
        format!("<rpc xmlns=\"{BASE}\" {attributes}>{inner}</rpc>")
    }

    #[test]
    fn requests_are_read_with_any_prefix_blanks_comments_and_message_id() {
        let long = "x".repeat(4095);
        for id in [
            "101",
            "urn:uuid:1-2",
            "",
            " ",
            long.as_str(),
            "ünï",
            "a&lt;b&quot;",
        ] {
            let rpc = decode(rpc(&format!("message-id=\"{id}\""), "<get/>"), Base::V1_1).unwrap();
            assert!(rpc.operation.is(BASE, "get"));
            assert!(
                rpc.reply_tag
                    .as_str()
                    .contains(&format!("message-id=\"{id}\"")),
                "{id}"
            );
        }
        for text in [
            format!(
                "\n <?xml version='1.0' encoding='UTF-8'?><!-- c -->\n<n:rpc xmlns:n='{BASE}' message-id='1'><!-- c --><?pi x?>\n<n:get/>\n</n:rpc>\n"
            ),
            format!("\u{feff}{}", rpc("message-id='1'", "<get/>")),
        ] {
            assert!(decode(&text, Base::V1_0).is_ok(), "{text}");
        }
    }

    #[test]
    fn a_missing_message_id_is_named_and_the_other_attributes_are_echoed() {
        let Err(Rejection::Answer { tag, error }) = decode(rpc("x='1'", "<get/>"), Base::V1_1)
        else {
            panic!();
        };
        assert_eq!(
            (error.tag, error.error_type),
            (ErrorTag::MissingAttribute, ErrorType::Rpc)
        );
        assert_eq!(
            error.info,
            [
                ErrorInfo::BadAttribute("message-id".into()),
                ErrorInfo::BadElement("rpc".into())
            ]
        );
        assert!(tag.as_str().ends_with(" x=\"1\">"));
    }

    #[test]
    fn wrong_envelopes_are_answered() {
        let id = "message-id='1'";
        for (text, tag) in [
            (rpc(id, ""), ErrorTag::MissingElement),
            (rpc(id, " <!-- only --> "), ErrorTag::MissingElement),
            (rpc(id, "<get/><get/>"), ErrorTag::UnknownElement),
            (rpc(id, "junk<get/>"), ErrorTag::MalformedMessage),
            (
                rpc(id, "<get/><![CDATA[junk]]>"),
                ErrorTag::MalformedMessage,
            ),
            (
                rpc(id, "<get/>").replace(BASE, "urn:x"),
                ErrorTag::UnknownNamespace,
            ),
            (
                format!("<rpc {id}><get/></rpc>"),
                ErrorTag::UnknownNamespace,
            ),
            (
                format!("<foo xmlns='{BASE}' {id}/>"),
                ErrorTag::UnknownElement,
            ),
            (
                rpc("message-id='1' message-id='2'", "<get/>"),
                ErrorTag::MalformedMessage,
            ),
            (rpc(id, "<get>"), ErrorTag::MalformedMessage),
            (rpc(id, "<get>&#1;</get>"), ErrorTag::MalformedMessage),
            (rpc(id, "<get>\0</get>"), ErrorTag::MalformedMessage),
            (rpc(id, "<get>&bomb;</get>"), ErrorTag::MalformedMessage),
            (
                format!(
                    "<!DOCTYPE a [<!ENTITY x SYSTEM 'file:///etc/passwd'>]>{}",
                    rpc(id, "&x;")
                ),
                ErrorTag::MalformedMessage,
            ),
            (String::new(), ErrorTag::MalformedMessage),
            (rpc(id, &"<a>".repeat(50_000)), ErrorTag::TooBig),
        ] {
            assert_eq!(error(&text).tag, tag, "{:.200}", text);
            if tag == ErrorTag::MalformedMessage && !text.contains("junk") {
                assert!(
                    matches!(decode(&text, Base::V1_0), Err(Rejection::End(_))),
                    "{text}"
                );
            }
        }
        for bytes in [
            &b"<rpc>\xff</rpc>"[..],
            b"\xff\xfe<\0r\0",
            b"<rpc>\xed\xa0\x80</rpc>",
            b"<a>\xe9</a>",
        ] {
            assert_eq!(error(bytes).tag, ErrorTag::MalformedMessage);
        }
    }

    #[test]
    fn what_cannot_be_read_is_answered_under_its_message_id_if_that_can_be_read() {
        let tag = |text: String| match decode(text, Base::V1_1) {
            Err(Rejection::Answer { tag, .. }) => tag,
            other => panic!("{other:?}"),
        };
        for inner in ["<get>", "&x;", "\u{1}", &"<a>".repeat(200)] {
            let tag = tag(rpc("message-id='7' x='1'", inner));
            assert!(tag.as_str().ends_with(" message-id=\"7\" x=\"1\">"));
        }
        for text in [
            rpc("message-id='1' message-id='2'", "<get/>"),
            format!("<foo xmlns='{BASE}' message-id='1'><get></foo>"),
            format!("<!DOCTYPE a>{}", rpc("message-id='1'", "<get/>")),
        ] {
            assert_eq!(tag(text), ReplyTag::anonymous());
        }
    }

    #[test]
    fn what_only_a_server_sends_and_a_second_hello_end_the_session() {
        for name in ["hello", "rpc-reply", "notification"] {
            let text = format!("<{name} xmlns='{BASE}' message-id='1'/>");
            assert!(
                matches!(decode(text, Base::V1_1), Err(Rejection::End(_))),
                "{name}"
            );
        }
    }
}
