//! A reply as a name and a tree of values, in JSON and in XML.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::error::{ApiError, DecodeError};
use crate::xml::{self, Element, Limits, Writer};

/// Nesting of a reply at most.
const DEPTH: usize = 32;

/// How a reply is written: the request's parameter `response`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Format {
    /// What old clients get without asking.
    #[default]
    Xml,
    /// `response=json`.
    Json,
}

impl Format {
    /// By the request's parameter.
    pub fn of_param(text: Option<&str>) -> Self {
        match text {
            Some(word) if word.eq_ignore_ascii_case("json") => Self::Json,
            _ => Self::Xml,
        }
    }

    /// By a reply's first octet, whatever its header says.
    pub fn of_text(text: &[u8]) -> Self {
        match text.iter().find(|byte| !byte.is_ascii_whitespace()) {
            Some(b'{') => Self::Json,
            _ => Self::Xml,
        }
    }

    /// The media type.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Xml => "text/xml; charset=UTF-8",
            Self::Json => "application/json; charset=UTF-8",
        }
    }
}

/// A reply: what its one object is called, and its members.
#[derive(Clone, PartialEq, Debug)]
pub struct Reply {
    /// `listzonesresponse` and others.
    pub name: String,
    /// Members.
    pub body: Map<String, Value>,
}

impl Reply {
    /// The reply to a command.
    ///
    /// # Errors
    /// The body is no object.
    pub fn new<T: Serialize>(name: impl Into<String>, body: &T) -> Result<Self, DecodeError> {
        match serde_json::to_value(body) {
            Ok(Value::Object(body)) => Ok(Self {
                name: name.into(),
                body,
            }),
            Ok(_) => Err(DecodeError("a reply's body is an object".to_owned())),
            Err(error) => Err(DecodeError(error.to_string())),
        }
    }

    /// Reads a reply.
    ///
    /// # Errors
    /// It is not well-formed, or not one named object.
    pub fn decode(text: &[u8]) -> Result<Self, DecodeError> {
        match Format::of_text(text) {
            Format::Json => {
                let document: Value =
                    serde_json::from_slice(text).map_err(|error| DecodeError(error.to_string()))?;
                let Value::Object(members) = document else {
                    return Err(DecodeError("not an object".to_owned()));
                };
                // some versions put members of their own beside the reply
                let mut named = members.into_iter().filter(|(_, value)| value.is_object());
                match (named.next(), named.next()) {
                    (Some((name, Value::Object(body))), None) => Ok(Self { name, body }),
                    _ => Err(DecodeError("not one named object".to_owned())),
                }
            }
            Format::Xml => {
                let limits = Limits {
                    depth: DEPTH,
                    ..Limits::default()
                };
                let root =
                    xml::parse(text, &limits).map_err(|error| DecodeError(error.to_string()))?;
                let body = match tree(&root) {
                    Value::Object(body) => body,
                    _ => Map::new(),
                };
                Ok(Self {
                    name: root.local.to_string(),
                    body,
                })
            }
        }
    }

    /// Writes the reply; `version` is that of the cloud.
    pub fn encode(&self, format: Format, version: &str) -> String {
        match format {
            Format::Json => {
                let body = Value::Object(self.body.clone());
                Value::Object(Map::from_iter([(self.name.clone(), body)])).to_string()
            }
            Format::Xml => {
                let mut out = Writer::new();
                out.start(&self.name);
                out.attr("cloud-stack-version", version);
                for (name, value) in &self.body {
                    write(&mut out, name, value);
                }
                out.end();
                format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>{}", out.finish())
            }
        }
    }

    /// The error that the reply is, if it is one.
    pub fn error(&self) -> Option<ApiError> {
        self.body.get("errorcode")?;
        self.read().ok()
    }

    /// Reads the body.
    ///
    /// # Errors
    /// It is not of that kind.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, DecodeError> {
        serde_json::from_value(Value::Object(self.body.clone()))
            .map_err(|error| DecodeError(format!("{}: {error}", self.name)))
    }

    /// Reads a list in the body; one that is missing is empty.
    ///
    /// # Errors
    /// A member of it is not of that kind.
    pub fn list<T: DeserializeOwned>(&self, name: &str) -> Result<Vec<T>, DecodeError> {
        let all = self.body.get(name).cloned().unwrap_or_default();
        super::lenient::list(all).map_err(|error| DecodeError(format!("{name}: {error}")))
    }
}

/// An element's members; one that is repeated is a list, one without members a text.
fn tree(element: &Element) -> Value {
    if element.elements().next().is_none() {
        return Value::String(element.text());
    }
    let mut members = Map::new();
    for child in element.elements() {
        let value = tree(child);
        match members.get_mut(&*child.local) {
            None => {
                members.insert(child.local.to_string(), value);
            }
            Some(Value::Array(all)) => all.push(value),
            Some(first) => {
                let before = first.take();
                *first = Value::Array(vec![before, value]);
            }
        }
    }
    Value::Object(members)
}

fn write(out: &mut Writer, name: &str, value: &Value) {
    match value {
        Value::Null => {}
        Value::Array(all) => {
            for one in all {
                write(out, name, one);
            }
        }
        Value::Object(members) => {
            out.start(name);
            for (name, value) in members {
                write(out, name, value);
            }
            out.end();
        }
        Value::String(text) => out.leaf(name, text),
        Value::Bool(flag) => out.leaf(name, &flag.to_string()),
        Value::Number(number) => out.leaf(name, &number.to_string()),
    }
}
