//! `GET /servers/{id}/os-instance-actions[/{request id}]`: Nova's own record of an action.
//!
//! What it shows depends on the microversion and on who asks:
//!
//! | microversion | effect |
//! | --- | --- |
//! | 2.1 to 2.50 | `events` for administrators only, with `traceback` |
//! | 2.21 | actions of deleted servers |
//! | 2.51 | `events` for the owner too, without `traceback` |
//! | 2.58 | `updated_at`; lists are paged |
//! | 2.62 | an event's `hostId`, for administrators `host` |
//! | 2.84 | an event's `details`, for administrators |
//!
//! A record is evidence, never proof: it can say Success when the server is not all right.

use serde::{Deserialize, Serialize};

use super::server::Link;
use super::{Nullable, nullable, or_default};

/// One record.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct InstanceActionDocument {
    /// It.
    #[serde(rename = "instanceAction")]
    pub instance_action: InstanceAction,
}

/// The records of a server, newest first, without events.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct InstanceActionList {
    /// They.
    #[serde(rename = "instanceActions", default, deserialize_with = "or_default")]
    pub instance_actions: Vec<InstanceAction>,
    /// `rel` `next`: where the list goes on.
    #[serde(
        default,
        deserialize_with = "or_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub links: Vec<Link>,
}

/// What was asked of a server, and how it went.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct InstanceAction {
    /// `reboot`, `create`, `delete`, ...
    pub action: String,
    /// Of which server.
    #[serde(default, deserialize_with = "or_default")]
    pub instance_uuid: String,
    /// The request id that the action's answer carried.
    pub request_id: String,
    /// Who asked.
    #[serde(default, deserialize_with = "or_default")]
    pub user_id: String,
    /// For which project.
    #[serde(default, deserialize_with = "or_default")]
    pub project_id: String,
    /// When.
    #[serde(default, deserialize_with = "or_default")]
    pub start_time: String,
    /// `null`, or the word `Error`.
    #[serde(default)]
    pub message: Option<String>,
    /// When something of it changed last.
    #[serde(
        default,
        deserialize_with = "nullable",
        skip_serializing_if = "Option::is_none"
    )]
    pub updated_at: Nullable<String>,
    /// Its parts, newest first; missing for those who may not see them, and in lists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub events: Option<Vec<ActionEvent>>,
}

/// One part of an action. Retries leave several of one name.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct ActionEvent {
    /// `compute_reboot_instance` and others.
    pub event: String,
    /// When it began.
    #[serde(default, deserialize_with = "or_default")]
    pub start_time: String,
    /// When it ended, `null` before.
    #[serde(default)]
    pub finish_time: Option<String>,
    /// `Success`, `Error`, or `null` before its end.
    #[serde(default)]
    pub result: Option<String>,
    /// Where it failed.
    #[serde(
        default,
        deserialize_with = "nullable",
        skip_serializing_if = "Option::is_none"
    )]
    pub traceback: Nullable<String>,
    /// A digest of its host and the project.
    #[serde(rename = "hostId", default, skip_serializing_if = "Option::is_none")]
    pub host_id: Option<String>,
    /// Its host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// The fault's words.
    #[serde(
        default,
        deserialize_with = "nullable",
        skip_serializing_if = "Option::is_none"
    )]
    pub details: Nullable<String>,
}
