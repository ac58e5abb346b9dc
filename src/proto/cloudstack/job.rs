//! Async jobs: what a command that takes its time is answered with, and what asking for its job is.

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

use super::error::{ApiError, DecodeError};
use super::lenient::{self, Id};
use super::reply::Reply;
use super::vm::VirtualMachine;

/// What an async command is answered with at once.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Started {
    /// The job.
    pub jobid: Id,
    /// What is being made, of commands that make something.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<Id>,
}

/// Where a job stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum JobStatus {
    /// 0.
    #[default]
    Pending,
    /// 1.
    Succeeded,
    /// 2.
    Failed,
}

impl Serialize for JobStatus {
    fn serialize<S: Serializer>(&self, writer: S) -> Result<S::Ok, S::Error> {
        writer.serialize_u8(match self {
            Self::Pending => 0,
            Self::Succeeded => 1,
            Self::Failed => 2,
        })
    }
}

impl<'de> Deserialize<'de> for JobStatus {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        match lenient::number::<D, u8>(reader)? {
            0 => Ok(Self::Pending),
            1 => Ok(Self::Succeeded),
            2 => Ok(Self::Failed),
            other => Err(D::Error::custom(format!("{other} is not a job's status"))),
        }
    }
}

/// What came of a job.
#[derive(Clone, PartialEq, Debug)]
pub enum JobResult {
    /// The VM as it is then.
    VirtualMachine(Box<VirtualMachine>),
    /// Why it failed.
    Error(ApiError),
    /// The same in the words of an old cloud.
    Text(String),
    /// Something else, by name.
    Other(Map<String, Value>),
}

impl Serialize for JobResult {
    fn serialize<S: Serializer>(&self, writer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::VirtualMachine(vm) => {
                let vm = serde_json::to_value(vm).map_err(serde::ser::Error::custom)?;
                Map::from_iter([("virtualmachine".to_owned(), vm)]).serialize(writer)
            }
            Self::Error(error) => error.serialize(writer),
            Self::Text(text) => writer.serialize_str(text),
            Self::Other(members) => members.serialize(writer),
        }
    }
}

impl<'de> Deserialize<'de> for JobResult {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        match Value::deserialize(reader)? {
            Value::String(text) => Ok(Self::Text(text)),
            Value::Object(mut members) => {
                if members.contains_key("errorcode") {
                    let error = serde_json::from_value(Value::Object(members));
                    return error.map(Self::Error).map_err(D::Error::custom);
                }
                match members.remove("virtualmachine") {
                    Some(vm) => {
                        let vm = serde_json::from_value(vm).map_err(D::Error::custom)?;
                        Ok(Self::VirtualMachine(Box::new(vm)))
                    }
                    None => Ok(Self::Other(members)),
                }
            }
            _ => Err(D::Error::custom("a job's result is a text or an object")),
        }
    }
}

/// A job, as `queryAsyncJobResult` and `listAsyncJobs` show it.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct AsyncJob {
    /// Its id.
    pub jobid: Id,
    /// Where it stands.
    pub jobstatus: JobStatus,
    /// How far a pending one is.
    #[serde(
        default,
        deserialize_with = "lenient::maybe_number",
        skip_serializing_if = "Option::is_none"
    )]
    pub jobprocstatus: Option<i64>,
    /// 0, or why it failed: 530, 533, 551, ...
    #[serde(
        default,
        deserialize_with = "lenient::maybe_number",
        skip_serializing_if = "Option::is_none"
    )]
    pub jobresultcode: Option<u16>,
    /// `object` or `text`.
    #[serde(
        default,
        deserialize_with = "lenient::maybe_text",
        skip_serializing_if = "Option::is_none"
    )]
    pub jobresulttype: Option<String>,
    /// What came of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jobresult: Option<JobResult>,
    /// Of which account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accountid: Option<Id>,
    /// Of which user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub userid: Option<Id>,
    /// The command's class.
    #[serde(
        default,
        deserialize_with = "lenient::maybe_text",
        skip_serializing_if = "Option::is_none"
    )]
    pub cmd: Option<String>,
    /// `VirtualMachine` and others.
    #[serde(
        default,
        deserialize_with = "lenient::maybe_text",
        skip_serializing_if = "Option::is_none"
    )]
    pub jobinstancetype: Option<String>,
    /// What it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jobinstanceid: Option<Id>,
    /// When it began.
    #[serde(
        default,
        deserialize_with = "lenient::maybe_text",
        skip_serializing_if = "Option::is_none"
    )]
    pub created: Option<String>,
}

impl AsyncJob {
    /// The reply's name as every cloud and client has it; the oldest documents show it without `response`.
    pub const REPLY: &'static str = "queryasyncjobresultresponse";

    /// Reads the reply, under either name.
    ///
    /// # Errors
    /// It is another reply, or not a job.
    pub fn of_reply(reply: &Reply) -> Result<Self, DecodeError> {
        match reply.name.as_str() {
            Self::REPLY | "queryasyncjobresult" => reply.read(),
            other => Err(DecodeError(format!("'{other}' is not a job"))),
        }
    }

    /// The words of a failed one.
    pub fn failure(&self) -> Option<String> {
        if self.jobstatus != JobStatus::Failed {
            return None;
        }
        Some(match &self.jobresult {
            Some(JobResult::Error(error)) => error.errortext.clone(),
            Some(JobResult::Text(text)) => text.clone(),
            _ => format!(
                "job failed with code {}",
                self.jobresultcode.unwrap_or_default()
            ),
        })
    }
}
