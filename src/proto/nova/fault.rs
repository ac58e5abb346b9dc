//! Errors as the services tell them.

use serde::ser::SerializeMap;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Map, Value};

/// Kind of an error: the one key of Nova's error documents.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum FaultKind {
    /// 404.
    ItemNotFound,
    /// 409.
    ConflictingRequest,
    /// 400.
    BadRequest,
    /// 401.
    Unauthorized,
    /// 403, a quota among others.
    Forbidden,
    /// 405.
    BadMethod,
    /// 413 or 429: too many requests, or a quota on older clouds.
    OverLimit,
    /// 415.
    BadMediaType,
    /// 503.
    ServiceUnavailable,
    /// 500 and others.
    ComputeFault,
    /// Keystone's `error`.
    Identity,
    /// Neutron's, with its type.
    Network(String),
    /// Another key.
    Other(String),
}

impl FaultKind {
    /// The key on the wire; Neutron's is `NeutronError` for every type.
    pub fn as_str(&self) -> &str {
        match self {
            Self::ItemNotFound => "itemNotFound",
            Self::ConflictingRequest => "conflictingRequest",
            Self::BadRequest => "badRequest",
            Self::Unauthorized => "unauthorized",
            Self::Forbidden => "forbidden",
            Self::BadMethod => "badMethod",
            Self::OverLimit => "overLimit",
            Self::BadMediaType => "badMediaType",
            Self::ServiceUnavailable => "serviceUnavailable",
            Self::ComputeFault => "computeFault",
            Self::Identity => "error",
            Self::Network(_) => "NeutronError",
            Self::Other(key) => key,
        }
    }

    fn read(key: &str, inner: &Map<String, Value>) -> Self {
        match key {
            "itemNotFound" => Self::ItemNotFound,
            "conflictingRequest" => Self::ConflictingRequest,
            "badRequest" => Self::BadRequest,
            "unauthorized" => Self::Unauthorized,
            "forbidden" => Self::Forbidden,
            "badMethod" => Self::BadMethod,
            "overLimit" => Self::OverLimit,
            "badMediaType" => Self::BadMediaType,
            "serviceUnavailable" => Self::ServiceUnavailable,
            "computeFault" => Self::ComputeFault,
            "error" => Self::Identity,
            "NeutronError" => Self::Network(member(inner, "type").unwrap_or_default()),
            other => Self::Other(other.to_owned()),
        }
    }

    /// The key that goes with an HTTP status in Nova's answers.
    pub fn of_status(status: u16) -> Self {
        match status {
            400 => Self::BadRequest,
            401 => Self::Unauthorized,
            403 => Self::Forbidden,
            404 => Self::ItemNotFound,
            405 => Self::BadMethod,
            409 => Self::ConflictingRequest,
            413 | 429 => Self::OverLimit,
            415 => Self::BadMediaType,
            503 => Self::ServiceUnavailable,
            _ => Self::ComputeFault,
        }
    }
}

/// An error: `{"<kind>":{"code":404,"message":"..."}}`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fault {
    /// Kind.
    pub kind: FaultKind,
    /// HTTP status as the document tells it.
    pub code: Option<u16>,
    /// The words.
    pub message: String,
}

impl Fault {
    /// One of Nova's.
    pub fn nova(code: u16, message: impl Into<String>) -> Self {
        Self {
            kind: FaultKind::of_status(code),
            code: Some(code),
            message: message.into(),
        }
    }

    /// One of Keystone's.
    pub fn identity(code: u16, message: impl Into<String>) -> Self {
        Self {
            kind: FaultKind::Identity,
            code: Some(code),
            message: message.into(),
        }
    }

    /// One of Neutron's, with its type such as `PortNotFound`.
    pub fn network(kind: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            kind: FaultKind::Network(kind.into()),
            code: None,
            message: message.into(),
        }
    }

    /// Reads an error document of any of the services; `None` when the text is none (a proxy's page).
    pub fn decode(text: &[u8]) -> Option<Self> {
        let document: Map<String, Value> = serde_json::from_slice(text).ok()?;
        // Glance and some proxies: {"message": ..., "code": ..., "title": ...}
        if document.get("message").is_some_and(Value::is_string) {
            let title = member(&document, "title").unwrap_or_default();
            return Some(Self::read(FaultKind::Other(title), &document));
        }
        // The service's common layer: {"errors": [{"status", "title", "detail"}]}
        if let Some(first) = document.get("errors").and_then(Value::as_array) {
            let first = first.first()?.as_object()?;
            let code = first.get("status").and_then(Value::as_u64);
            return Some(Self {
                kind: FaultKind::Other(member(first, "title").unwrap_or_default()),
                code: code.and_then(|code| u16::try_from(code).ok()),
                message: member(first, "detail").unwrap_or_default(),
            });
        }
        let (key, inner) = document
            .iter()
            .find_map(|(key, value)| Some((key, value.as_object()?)))?;
        member(inner, "message")?;
        Some(Self::read(FaultKind::read(key, inner), inner))
    }

    fn read(kind: FaultKind, inner: &Map<String, Value>) -> Self {
        let code = inner.get("code").and_then(|code| match code {
            Value::String(digits) => digits.parse().ok(),
            other => other.as_u64(),
        });
        Self {
            kind,
            code: code.and_then(|code| u16::try_from(code).ok()),
            message: member(inner, "message").unwrap_or_default(),
        }
    }
}

fn member(inner: &Map<String, Value>, key: &str) -> Option<String> {
    inner.get(key)?.as_str().map(str::to_owned)
}

#[derive(Serialize)]
struct Body<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<u16>,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<&'a str>,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    kind: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'a str>,
}

impl Serialize for Fault {
    fn serialize<S: Serializer>(&self, writer: S) -> Result<S::Ok, S::Error> {
        let mut body = Body {
            code: self.code,
            message: &self.message,
            title: None,
            kind: None,
            detail: None,
        };
        match &self.kind {
            FaultKind::Identity => {
                body.title = Some(match self.code {
                    Some(400) => "Bad Request",
                    Some(401) => "Unauthorized",
                    Some(403) => "Forbidden",
                    Some(404) => "Not Found",
                    Some(409) => "Conflict",
                    _ => "Internal Server Error",
                });
            }
            FaultKind::Network(kind) => {
                body.kind = Some(kind);
                body.detail = Some("");
            }
            _ => {}
        }
        let mut document = writer.serialize_map(Some(1))?;
        document.serialize_entry(self.kind.as_str(), &body)?;
        document.end()
    }
}

impl<'de> Deserialize<'de> for Fault {
    fn deserialize<D: serde::Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        let document = Map::deserialize(reader)?;
        let text = serde_json::to_vec(&document).map_err(serde::de::Error::custom)?;
        Self::decode(&text).ok_or_else(|| serde::de::Error::custom("not an error document"))
    }
}
