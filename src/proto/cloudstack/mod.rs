//! Wire words of CloudStack: signed requests, replies in JSON and XML, async jobs.
//!
//! A reply is one named object. Its members are the same in both formats: what is a list in JSON is an element
//! that is repeated in XML. So a reply is a name and a tree of values ([`Reply`]), with one codec for each format, and
//! the structures here are read from and written to that tree. XML knows no numbers and no lists of one: reading
//! takes a number as a text and one element as a list.
//!
//! What clouds of ten years send differs, and all of it is read: ids are numbers or UUIDs; a job's reply is called
//! `queryasyncjobresult` or `queryasyncjobresultresponse`; a failed job's result is a text or an object.

mod error;
mod expiry;
mod job;
mod lenient;
mod reply;
mod request;
mod sign;
mod things;
mod vm;

pub use error::{ApiError, DecodeError};
pub use expiry::{parse_time, time_text};
pub use job::{AsyncJob, JobResult, JobStatus, Started};
pub use lenient::Id;
pub use reply::{Format, Reply};
pub use request::Command;
pub use sign::{Secret, SignatureError};
pub use things::{
    Account, Listed, Network, PublicIp, ServiceOffering, Success, Tag, Template, Zone,
};
pub use vm::{Nic, VirtualMachine, VmState};

#[cfg(test)]
mod tests;
