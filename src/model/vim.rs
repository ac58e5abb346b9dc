//! A VIM's own asynchronous record of an operation, in words of ours.

use serde::{Deserialize, Serialize};

/// Reference to the VIM's own record: Nova request id, vCloud task href, CloudStack job id, simulator op id.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct VimOpRef {
    /// Which VIM (connector id).
    pub vim: String,
    /// The VIM's own id of the operation, verbatim.
    pub id: String,
    /// What the driver needs besides to find the record again; nobody else reads it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub about: String,
}

/// What the VIM's record says.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum VimOpStatus {
    /// Accepted, not begun.
    Pending,
    /// Under way.
    Running,
    /// The record says done; an observation decides.
    Succeeded,
    /// Failed, with the VIM's own lines, newest first, verbatim.
    Failed(Vec<String>),
    /// Cannot tell.
    Unknown,
}

/// Why an operation failed, structured.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct FailureReason {
    /// Short code, e.g. `vim-error`, `timeout`, `not-alive`, `unknown-image`.
    pub code: String,
    /// One sentence.
    pub text: String,
}
