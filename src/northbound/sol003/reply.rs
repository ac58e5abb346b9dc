//! Answers: JSON, problems, and the headers they carry.

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, Response, StatusCode, header};
use serde::Serialize;
use serde_json::Value;

use crate::control::error::ControlError;
use crate::control::lcm::LcmError;
use crate::model::action::Refusal;
use crate::proto::sol003::{PROBLEM_JSON, ProblemDetails};

/// An answer.
pub(super) type Reply = Response<Body>;

/// A request that was not carried out.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Problem {
    pub details: Box<ProblemDetails>,
    headers: Vec<(HeaderName, String)>,
}

/// What a handler gives.
pub(super) type Outcome = Result<Reply, Problem>;

impl Problem {
    /// That status, with these words.
    pub fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        let title = status.canonical_reason().unwrap_or("Error");
        Self {
            details: Box::new(ProblemDetails::new(status.as_u16(), title, detail)),
            headers: Vec::new(),
        }
    }

    pub fn bad(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, detail)
    }

    pub fn conflict(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, detail)
    }

    pub fn unprocessable(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, detail)
    }

    pub fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, detail)
    }

    pub fn not_found(what: &str, id: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, format!("there is no {what} [{id}]"))
    }

    /// A task that the resource does not have (SOL003 5.4.7.3.1 and its like: 404).
    pub fn no_task(why: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, why)
    }

    /// With a header.
    pub fn with(mut self, name: HeaderName, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// As an answer.
    pub fn reply(self) -> Reply {
        let status = StatusCode::from_u16(self.details.status);
        let status = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut reply = json(status, &*self.details);
        let kind = HeaderValue::from_static(PROBLEM_JSON);
        reply.headers_mut().insert(header::CONTENT_TYPE, kind);
        for (name, value) in self.headers {
            put(&mut reply, name, &value);
        }
        reply
    }
}

impl From<ControlError> for Problem {
    fn from(error: ControlError) -> Self {
        let text = error.to_string();
        match &error {
            ControlError::Refused(refusal) => match refusal {
                Refusal::UnknownDeployment(id) => Self::not_found("VNF instance", id),
                Refusal::UnknownVm(id) => {
                    Self::unprocessable(format!("the VNF instance has no VNFC instance [{id}]"))
                }
                Refusal::Busy { .. } | Refusal::NotPossible(_) => Self::conflict(text),
                Refusal::Unavailable(_) => {
                    Self::new(StatusCode::SERVICE_UNAVAILABLE, text).with(header::RETRY_AFTER, "1")
                }
            },
            ControlError::Lock(_) | ControlError::Confirm(_) => Self::conflict(text),
            ControlError::Data(errors) => {
                let denied = errors
                    .iter()
                    .any(|error| error.kind == crate::datastore::ErrorKind::AccessDenied);
                match denied {
                    true => Self::forbidden("your groups do not allow this change"),
                    false => {
                        Self::unprocessable(format!("the configuration would be wrong: {text}"))
                    }
                }
            }
            ControlError::Store(_) | ControlError::Engine(_) => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, text).with(header::RETRY_AFTER, "1")
            }
            _ => Self::new(StatusCode::INTERNAL_SERVER_ERROR, text),
        }
    }
}

impl From<LcmError> for Problem {
    fn from(error: LcmError) -> Self {
        match error {
            LcmError::Control(error) => error.into(),
            LcmError::Template(error) => Self::unprocessable(error.to_string()),
        }
    }
}

/// JSON with a status.
pub(super) fn json(status: StatusCode, value: &impl Serialize) -> Reply {
    let (status, bytes) = match serde_json::to_vec(value) {
        Ok(bytes) => (status, bytes),
        Err(error) => {
            tracing::error!(%error, "an answer cannot be written");
            (StatusCode::INTERNAL_SERVER_ERROR, Vec::new())
        }
    };
    let mut reply = Response::new(Body::from(bytes));
    *reply.status_mut() = status;
    let kind = HeaderValue::from_static("application/json");
    reply.headers_mut().insert(header::CONTENT_TYPE, kind);
    reply
}

/// A status without body.
pub(super) fn empty(status: StatusCode) -> Reply {
    let mut reply = Response::new(Body::empty());
    *reply.status_mut() = status;
    reply
}

/// Sets a header; a value that cannot stand in one is left out.
pub(super) fn put(reply: &mut Reply, name: HeaderName, value: &str) {
    match HeaderValue::from_str(value) {
        Ok(value) => drop(reply.headers_mut().insert(name, value)),
        Err(error) => tracing::error!(%error, %name, "a header cannot be written"),
    }
}

/// 202 for an operation that goes on, with its place.
pub(super) fn accepted(location: &str) -> Reply {
    let mut reply = empty(StatusCode::ACCEPTED);
    put(&mut reply, header::LOCATION, location);
    reply
}

/// As JSON; the types of this face can always be written.
pub(super) fn value(value: &impl Serialize) -> Result<Value, Problem> {
    serde_json::to_value(value)
        .map_err(|error| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))
}
