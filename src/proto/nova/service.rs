//! `GET /os-services`: whether the service of a host answers; for administrators.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::or_default;

/// One service.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct ComputeService {
    /// A number, from microversion 2.53 a UUID.
    #[serde(default)]
    pub id: Value,
    /// `nova-compute` and others.
    #[serde(default, deserialize_with = "or_default")]
    pub binary: String,
    /// Its host.
    #[serde(default, deserialize_with = "or_default")]
    pub host: String,
    /// Zone.
    #[serde(default, deserialize_with = "or_default")]
    pub zone: String,
    /// `enabled` or `disabled`: what people want.
    #[serde(default, deserialize_with = "or_default")]
    pub status: String,
    /// `up` or `down`: what it does.
    #[serde(default, deserialize_with = "or_default")]
    pub state: String,
    /// When it was last heard of.
    #[serde(default)]
    pub updated_at: Option<String>,
    /// Why it is disabled.
    #[serde(default)]
    pub disabled_reason: Option<String>,
    /// Whether a person said that its host is fenced (microversion 2.11).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forced_down: Option<bool>,
}

/// All of them.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct ComputeServiceList {
    /// The services.
    #[serde(default, deserialize_with = "or_default")]
    pub services: Vec<ComputeService>,
}
