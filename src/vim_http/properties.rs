//! What only one kind of connector knows: its properties.

use std::collections::BTreeMap;

use super::error::ConnectorError;

/// Properties that were not looked at yet.
pub struct Properties {
    kind: &'static str,
    left: BTreeMap<String, String>,
}

impl Properties {
    /// Those of a connector of this kind.
    pub fn new(kind: &'static str, left: BTreeMap<String, String>) -> Self {
        Self { kind, left }
    }

    /// Whether one is there that nobody took.
    pub fn has(&self, name: &str) -> bool {
        self.left.contains_key(name)
    }

    /// Takes one; an empty one is none.
    pub fn text(&mut self, name: &str) -> Option<String> {
        self.left.remove(name).filter(|text| !text.is_empty())
    }

    /// Takes a truth value.
    ///
    /// # Errors
    /// It is none.
    pub fn boolean(&mut self, name: &str) -> Result<Option<bool>, ConnectorError> {
        Ok(self
            .one_of(name, &["true", "false"])?
            .map(|text| text == "true"))
    }

    /// Takes a number.
    ///
    /// # Errors
    /// It is none.
    pub fn number(&mut self, name: &str) -> Result<Option<u64>, ConnectorError> {
        let Some(text) = self.text(name) else {
            return Ok(None);
        };
        text.parse().map(Some).map_err(|_| ConnectorError::Bad {
            name: name.to_owned(),
            why: format!("'{text}' is not a number"),
        })
    }

    /// Takes one that is one of some words.
    ///
    /// # Errors
    /// It is none of them.
    pub fn one_of(
        &mut self,
        name: &str,
        words: &[&'static str],
    ) -> Result<Option<&'static str>, ConnectorError> {
        let Some(text) = self.text(name) else {
            return Ok(None);
        };
        match words.iter().find(|word| **word == text) {
            Some(word) => Ok(Some(word)),
            None => Err(ConnectorError::Bad {
                name: name.to_owned(),
                why: format!("'{text}' is none of {}", words.join(", ")),
            }),
        }
    }

    /// Nothing is left.
    ///
    /// # Errors
    /// Names one that this kind of connector does not have.
    pub fn end(self) -> Result<(), ConnectorError> {
        match self.left.into_keys().next() {
            Some(name) => Err(ConnectorError::Unknown {
                name,
                kind: self.kind,
            }),
            None => Ok(()),
        }
    }
}

/// An address without a slash at its end, without a user in it.
///
/// # Errors
/// It is another one, or none.
pub fn plain_url(name: &str, text: &str) -> Result<String, ConnectorError> {
    let bad = |why: &str| ConnectorError::Bad {
        name: name.to_owned(),
        why: why.to_owned(),
    };
    let url = reqwest::Url::parse(text).map_err(|error| bad(&error.to_string()))?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return Err(bad("not an http or https address"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(bad("an address must not hold a user or password"));
    }
    Ok(text.trim_end_matches('/').to_owned())
}
