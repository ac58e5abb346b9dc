//! Errors: as the API tells them, and texts that are none of its replies.

use serde::{Deserialize, Serialize};

use super::lenient;

/// What a refused command, or a failed job, is answered with.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct ApiError {
    /// 401, 430 to 435, 530 to 551, ...; also the reply's HTTP status.
    #[serde(deserialize_with = "lenient::number")]
    pub errorcode: u16,
    /// Finer than that, of the cloud's exceptions.
    #[serde(
        default,
        deserialize_with = "lenient::maybe_number",
        skip_serializing_if = "Option::is_none"
    )]
    pub cserrorcode: Option<u32>,
    /// The words.
    #[serde(default, deserialize_with = "lenient::text")]
    pub errortext: String,
}

impl ApiError {
    /// One with a code and words.
    pub fn new(errorcode: u16, errortext: impl Into<String>) -> Self {
        Self {
            errorcode,
            cserrorcode: Some(match errorcode {
                430 | 431 => 4350,
                _ => 9999,
            }),
            errortext: errortext.into(),
        }
    }
}

/// The text is no reply, or not the one expected.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("not the CloudStack reply expected: {0}")]
pub struct DecodeError(pub(super) String);
