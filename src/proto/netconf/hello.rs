//! The hello exchange (RFC 6241 section 8.1).

use super::framing::Framing;
use super::names::{BASE, CAPABILITY_BASE_1_0, CAPABILITY_BASE_1_1};
use crate::ids::SessionId;
use crate::xml::{Limits, Writer, XmlError, parse};

/// The protocol version both sides speak.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Base {
    /// base:1.0, end-of-message framing.
    V1_0,
    /// base:1.1, chunks.
    V1_1,
}

impl Base {
    /// The framing that follows the hello exchange (RFC 6242 section 4.1).
    pub fn framing(self) -> Framing {
        match self {
            Self::V1_0 => Framing::EndOfMessage,
            Self::V1_1 => Framing::Chunked,
        }
    }
}

/// Why a client's first message ends the session.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum HelloError {
    /// No XML.
    #[error("hello: {0}")]
    Xml(#[from] XmlError),
    /// XML, but no hello.
    #[error("the first message is no hello: {0}")]
    Shape(String),
    /// A client's hello has no session-id (RFC 6241 section 8.1).
    #[error("the client's hello carries a session-id")]
    SessionId,
    /// Neither base:1.0 nor base:1.1.
    #[error("no protocol version in common")]
    NoCommonBase,
}

/// What one side says of itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Hello {
    /// Capability URIs, white space round them removed.
    pub capabilities: Vec<String>,
    /// Only in a server's hello.
    pub session_id: Option<SessionId>,
}

impl Hello {
    /// A server's hello. `capabilities` has to hold both base versions.
    pub fn server(capabilities: Vec<String>, session_id: SessionId) -> Self {
        Self {
            capabilities,
            session_id: Some(session_id),
        }
    }

    /// As XML, default namespace, no declaration.
    pub fn encode(&self) -> String {
        let mut out = Writer::new();
        out.open(BASE, "hello");
        out.start("capabilities");
        for capability in &self.capabilities {
            out.leaf("capability", capability);
        }
        out.end();
        if let Some(id) = self.session_id {
            out.leaf("session-id", &id.to_string());
        }
        out.finish()
    }

    /// Reads a client's hello.
    ///
    /// # Errors
    /// Not XML, not a hello of the base namespace, no capability, or a session-id: each ends the session.
    pub fn decode_client(bytes: &[u8], limits: &Limits) -> Result<Self, HelloError> {
        let root = parse(bytes, limits)?;
        let shape = |what: &str| Err(HelloError::Shape(what.to_owned()));
        if !root.is(BASE, "hello") {
            return Err(HelloError::Shape(format!(
                "<{}> in namespace '{}'",
                root.local, root.ns
            )));
        }
        if !root.has_only_whitespace_text() {
            return shape("text between its elements");
        }
        if root.child(BASE, "session-id").is_some() {
            return Err(HelloError::SessionId);
        }
        let mut lists = root.elements().filter(|e| e.is(BASE, "capabilities"));
        let (Some(list), None) = (lists.next(), lists.next()) else {
            return shape("not one list of capabilities");
        };
        if !list.has_only_whitespace_text() {
            return shape("text between its capabilities");
        }
        let capabilities: Vec<String> = list
            .elements()
            .filter(|e| e.is(BASE, "capability"))
            .map(|e| e.text().trim().to_owned())
            .collect();
        if capabilities.is_empty() {
            return shape("no capability");
        }
        Ok(Self {
            capabilities,
            session_id: None,
        })
    }

    /// Whether a capability is named; parameters behind `?` do not count (RFC 6241 section 8.1).
    pub fn has(&self, uri: &str) -> bool {
        self.capabilities
            .iter()
            .any(|c| c.split_once('?').map_or(c.as_str(), |(name, _)| name) == uri)
    }

    /// The highest protocol version that this side's hello shares with us, who speak both.
    ///
    /// # Errors
    /// [`HelloError::NoCommonBase`].
    pub fn base(&self) -> Result<Base, HelloError> {
        if self.has(CAPABILITY_BASE_1_1) {
            Ok(Base::V1_1)
        } else if self.has(CAPABILITY_BASE_1_0) {
            Ok(Base::V1_0)
        } else {
            Err(HelloError::NoCommonBase)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(text: &str) -> Result<Hello, HelloError> {
        Hello::decode_client(text.as_bytes(), &Limits::default())
    }

    fn hello(inner: &str) -> String {
        format!("<hello xmlns=\"{BASE}\">{inner}</hello>")
    }

    fn capabilities(list: &[&str]) -> String {
        let list: String = list
            .iter()
            .map(|c| format!("<capability>{c}</capability>"))
            .collect();
        hello(&format!("<capabilities>{list}</capabilities>"))
    }

    #[test]
    fn server_hello_has_a_decimal_session_id_and_no_prefix() {
        let text = Hello::server(
            vec![CAPABILITY_BASE_1_0.into(), "http://x/y?a=b&c=d".into()],
            SessionId(7),
        )
        .encode();
        assert_eq!(
            text,
            "<hello xmlns=\"urn:ietf:params:xml:ns:netconf:base:1.0\"><capabilities>\
             <capability>urn:ietf:params:netconf:base:1.0</capability>\
             <capability>http://x/y?a=b&amp;c=d</capability></capabilities><session-id>7</session-id></hello>"
        );
    }

    #[test]
    fn the_highest_common_base_is_chosen() {
        for (list, base) in [
            (vec![CAPABILITY_BASE_1_0], Base::V1_0),
            (vec![CAPABILITY_BASE_1_1], Base::V1_1),
            (vec![CAPABILITY_BASE_1_0, CAPABILITY_BASE_1_1], Base::V1_1),
            (vec!["urn:ietf:params:netconf:base:1.1?x=y"], Base::V1_1),
            (vec!["\n  urn:ietf:params:netconf:base:1.1\n  "], Base::V1_1),
            (vec!["urn:x:unknown", CAPABILITY_BASE_1_0], Base::V1_0),
        ] {
            let hello = decode(&capabilities(&list)).unwrap();
            assert_eq!(hello.base(), Ok(base), "{list:?}");
        }
        for list in [
            vec!["urn:ietf:params:netconf:base:2.0"],
            vec!["urn:ietf:params:netconf:base:1.10"],
            vec![""],
        ] {
            let hello = decode(&capabilities(&list)).unwrap();
            assert_eq!(hello.base(), Err(HelloError::NoCommonBase), "{list:?}");
        }
    }

    #[test]
    fn prefix_blanks_declaration_and_byte_order_mark_are_accepted() {
        let body = format!(
            "<nc:hello xmlns:nc='{BASE}'><nc:capabilities><nc:capability>{CAPABILITY_BASE_1_1}</nc:capability></nc:capabilities></nc:hello>"
        );
        for lead in [
            "",
            "\n  ",
            "\n<?xml version=\"1.0\" encoding=\"utf-8\"?>\n",
            "\u{feff}",
        ] {
            assert!(decode(&format!("{lead}{body}")).is_ok(), "{lead:?}");
        }
    }

    #[test]
    fn what_is_no_client_hello_is_refused() {
        let with_id = hello(&format!(
            "<capabilities><capability>{CAPABILITY_BASE_1_1}</capability></capabilities><session-id>4</session-id>"
        ));
        assert_eq!(decode(&with_id), Err(HelloError::SessionId));
        for bad in [
            hello(""),
            hello("<capabilities/>"),
            hello("junk<capabilities><capability>x</capability></capabilities>"),
            capabilities(&["x"]).replace(BASE, "urn:other"),
            capabilities(&["x"]).replace(&format!(" xmlns=\"{BASE}\""), ""),
            format!("<rpc xmlns='{BASE}' message-id='1'><get/></rpc>"),
        ] {
            assert!(matches!(decode(&bad), Err(HelloError::Shape(_))), "{bad}");
        }
        for bad in ["", "garbage", "<hello", "<!DOCTYPE hello><hello/>"] {
            assert!(matches!(decode(bad), Err(HelloError::Xml(_))), "{bad}");
        }
    }
}
