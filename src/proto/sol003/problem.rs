//! `ProblemDetails` (SOL 013 clause 6.3, RFC 7807).

use serde::{Deserialize, Serialize};

/// Its media type.
pub const PROBLEM_JSON: &str = "application/problem+json";

/// Why a request, or an operation, failed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ProblemDetails {
    /// URI of the kind of problem.
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// The kind in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// The status code; always given (SOL 013).
    pub status: u16,
    /// What is wrong here; always given (SOL 013).
    pub detail: String,
    /// URI of this occurrence of the problem.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
}

impl ProblemDetails {
    /// A problem with the two attributes that are always given, and a title.
    pub fn new(status: u16, title: impl Into<String>, detail: impl Into<String>) -> Self {
        Self {
            kind: None,
            title: Some(title.into()),
            status,
            detail: detail.into(),
            instance: None,
        }
    }
}
