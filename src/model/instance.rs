//! A VNF instance as SOL003 names it: what is kept of it beside its deployment.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::action::ActionType;
use super::operation::{Asked, CancelMode, LcmOperation, OpRecord};
use super::vim::FailureReason;
use crate::clock::Timestamp;
use crate::ids::{DeploymentId, DeploymentKey, OpId, VmName};

/// One instance. Its id is the id of its deployment, while there is one.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct InstanceRecord {
    /// Its id.
    pub id: DeploymentId,
    /// The deployment it is, or will be.
    pub key: DeploymentKey,
    /// `vnfInstanceName`.
    pub name: Option<String>,
    /// `vnfInstanceDescription`.
    pub description: Option<String>,
    /// Id of its template.
    pub vnfd_id: String,
    /// Who provides it.
    pub provider: String,
    /// The product.
    pub product: String,
    /// Version of the software.
    pub software_version: String,
    /// Version of the template.
    pub vnfd_version: String,
    /// `metadata`.
    pub metadata: Map<String, Value>,
    /// `extensions`.
    pub extensions: Map<String, Value>,
    /// `vnfConfigurableProperties`.
    pub properties: Map<String, Value>,
    /// The flavour it was instantiated with last.
    pub flavour: Option<String>,
    /// When it was made.
    pub created: Timestamp,
    /// When it was changed last.
    pub modified: Timestamp,
}

impl InstanceRecord {
    /// The instance of a deployment that nobody made through SOL003.
    pub fn projected(key: &DeploymentKey, id: &DeploymentId, now: Timestamp) -> Self {
        Self {
            id: id.clone(),
            key: key.clone(),
            name: Some(key.name.clone()),
            description: None,
            vnfd_id: key.name.clone(),
            provider: "unknown".to_owned(),
            product: key.name.clone(),
            software_version: "unknown".to_owned(),
            vnfd_version: "unknown".to_owned(),
            metadata: Map::new(),
            extensions: Map::new(),
            properties: Map::new(),
            flavour: None,
            created: now,
            modified: now,
        }
    }
}

/// A line of the journal: what SOL003 notifications are made from.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct JournalEntry {
    /// The instance as it was then.
    pub instance: InstanceRecord,
    /// What happened.
    pub what: Happened,
}

/// What happened to an instance.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub enum Happened {
    /// It was made.
    Created,
    /// It was deleted.
    Deleted,
    /// An operation entered a state.
    Operation(Box<OpRecord>),
}

/// What somebody asks through SOL003.
#[derive(Clone, PartialEq, Debug)]
pub enum LcmRequest {
    /// A new instance, without deployment.
    Create(Box<InstanceRecord>),
    /// Forget an instance that has no deployment.
    Delete(DeploymentId),
    /// Change the instance's information.
    Modify {
        /// As it is to be; `modified` is that of the version the change is based on.
        instance: Box<InstanceRecord>,
        /// Who asked what.
        asked: Asked,
    },
    /// An operation that goes through a commit of the configuration.
    Begin {
        /// What.
        operation: LcmOperation,
        /// With which instance.
        instance: DeploymentId,
        /// Flavour, for INSTANTIATE.
        flavour: Option<String>,
        /// Who asked what.
        asked: Asked,
    },
    /// Recover VMs; none named: those that are not well, or else all.
    Heal {
        /// Of which instance.
        instance: DeploymentId,
        /// Which.
        vms: Vec<VmName>,
        /// Who asked what.
        asked: Asked,
    },
    /// Start or stop VMs; none named: all.
    Operate {
        /// Of which instance.
        instance: DeploymentId,
        /// What.
        action: ActionType,
        /// Which.
        vms: Vec<VmName>,
        /// Who asked what.
        asked: Asked,
    },
    /// From FAILED_TEMP: go on at the failed step.
    Retry(OpId),
    /// From FAILED_TEMP: undo.
    Rollback(OpId),
    /// From FAILED_TEMP: give up.
    Fail(OpId),
    /// Stop what is under way.
    Cancel(OpId, CancelMode),
    /// The commit that the operation waits for was refused.
    NotCommitted(OpId, FailureReason),
}
