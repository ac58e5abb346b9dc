//! Bodies of requests.

use axum::http::{HeaderMap, StatusCode, header};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::reply::Problem;

/// A body that was read, and what it says it is.
pub(super) struct Body {
    pub bytes: axum::body::Bytes,
    kind: Option<String>,
}

impl Body {
    /// Reads it.
    pub async fn read(
        headers: &HeaderMap,
        body: axum::body::Body,
        most: usize,
    ) -> Result<Self, Problem> {
        let kind = headers
            .get(header::CONTENT_TYPE)
            .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
        let too_large = || {
            let text = format!("a request has at most {most} bytes");
            Problem::new(StatusCode::PAYLOAD_TOO_LARGE, text)
        };
        let told = headers.get(header::CONTENT_LENGTH);
        let told = told.and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
        if told.is_some_and(|length| length > most) {
            return Err(too_large());
        }
        match axum::body::to_bytes(body, most).await {
            Ok(bytes) => Ok(Self { bytes, kind }),
            // Either its length or its framing: the first is the likely one, and both are the client's.
            Err(error) => match error.to_string().contains("length limit") {
                true => Err(too_large()),
                false => Err(Problem::bad(format!("the body cannot be read: {error}"))),
            },
        }
    }

    /// As JSON of one of these media types; 415 for another one, 400 for what is not JSON.
    pub fn json(&self, kinds: &[&str]) -> Result<Value, Problem> {
        if self.kind.is_none() && self.bytes.is_empty() {
            return Err(Problem::bad("the body is missing"));
        }
        let kind = self.kind.as_deref().unwrap_or_default();
        let base = kind.split(';').next().unwrap_or_default().trim();
        if !kinds.iter().any(|known| known.eq_ignore_ascii_case(base)) {
            let text = format!("the body must be {}", kinds.join(" or "));
            return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, text)
                .with(header::ACCEPT, kinds.join(", ")));
        }
        serde_json::from_slice(&self.bytes)
            .map_err(|error| Problem::bad(format!("the body is not JSON: {error}")))
    }

    /// As a request of that type, and as it came.
    pub fn request<T: DeserializeOwned>(&self) -> Result<(T, Value), Problem> {
        let value = self.json(&["application/json"])?;
        Ok((typed(&value)?, value))
    }
}

/// JSON as a type.
pub(super) fn typed<T: DeserializeOwned>(value: &Value) -> Result<T, Problem> {
    if !value.is_object() {
        return Err(Problem::bad("the body must be a JSON object"));
    }
    T::deserialize(value).map_err(|error| Problem::bad(format!("the body is wrong: {error}")))
}
