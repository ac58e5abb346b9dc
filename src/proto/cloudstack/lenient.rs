//! Values as both formats and all versions write them.

use std::fmt;
use std::str::FromStr;

use serde::de::{DeserializeOwned, Error};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

/// An id: a number in old clouds, a UUID in others.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Id(pub String);

impl Id {
    /// Wraps the text as it is.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A number where it is one.
impl Serialize for Id {
    fn serialize<S: Serializer>(&self, writer: S) -> Result<S::Ok, S::Error> {
        match self.0.parse::<u64>() {
            Ok(number) if number.to_string() == self.0 => writer.serialize_u64(number),
            _ => writer.serialize_str(&self.0),
        }
    }
}

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        text(reader).map(Self)
    }
}

/// A text; a number or a truth value is taken as its text, `null` as the empty one.
pub fn text<'de, D: Deserializer<'de>>(reader: D) -> Result<String, D::Error> {
    match Value::deserialize(reader)? {
        Value::String(text) => Ok(text),
        Value::Number(number) => Ok(number.to_string()),
        Value::Bool(flag) => Ok(flag.to_string()),
        Value::Null => Ok(String::new()),
        // an empty element
        Value::Object(members) if members.is_empty() => Ok(String::new()),
        _ => Err(D::Error::custom("not a text")),
    }
}

/// A text that may be missing; the empty one is none.
pub fn maybe_text<'de, D: Deserializer<'de>>(reader: D) -> Result<Option<String>, D::Error> {
    text(reader).map(|text| Some(text).filter(|text| !text.is_empty()))
}

/// A number, perhaps as a text.
pub fn number<'de, D, T>(reader: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr,
{
    let text = text(reader)?;
    let plain = text.trim();
    plain
        .parse()
        .map_err(|_| D::Error::custom(format!("'{plain}' is not a number")))
}

/// A number that may be missing.
pub fn maybe_number<'de, D, T>(reader: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr,
{
    let text = text(reader)?;
    match text.trim() {
        "" => Ok(None),
        plain => plain
            .parse()
            .map(Some)
            .map_err(|_| D::Error::custom(format!("'{plain}' is not a number"))),
    }
}

/// A truth value, perhaps as a text.
pub fn flag<'de, D: Deserializer<'de>>(reader: D) -> Result<bool, D::Error> {
    match text(reader)?.trim() {
        "true" => Ok(true),
        "false" | "" => Ok(false),
        other => Err(D::Error::custom(format!(
            "'{other}' is neither true nor false"
        ))),
    }
}

/// A list; one that is not in a list is a list of one, `null` an empty one.
pub fn list<'de, D, T>(reader: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: DeserializeOwned,
{
    let all = match Value::deserialize(reader)? {
        Value::Array(all) => all,
        Value::Null => Vec::new(),
        Value::String(text) if text.trim().is_empty() => Vec::new(),
        one => vec![one],
    };
    all.into_iter()
        .map(|one| serde_json::from_value(one).map_err(D::Error::custom))
        .collect()
}
