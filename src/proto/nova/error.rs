//! Reading and writing a document.

use serde::Serialize;
use serde::de::DeserializeOwned;

/// The text is not the document that is expected.
#[derive(Debug, thiserror::Error)]
#[error("not the JSON document expected: {0}")]
pub struct DecodeError(#[from] serde_json::Error);

/// Reads a document.
///
/// # Errors
/// When it is not JSON, lacks a member that every version has, or has one of another type.
pub fn decode<T: DeserializeOwned>(text: &[u8]) -> Result<T, DecodeError> {
    Ok(serde_json::from_slice(text)?)
}

/// Writes a document.
///
/// # Errors
/// When a map's key is not a text, which no document here has.
pub fn encode<T: Serialize>(document: &T) -> Result<Vec<u8>, DecodeError> {
    Ok(serde_json::to_vec(document)?)
}
