//! What readers see: configuration and state, one immutable snapshot per durable batch.

use std::sync::Arc;

use imbl::{OrdMap, OrdSet};

use crate::clock::Mono;
use crate::datastore::{Tree, UnitPath};
use crate::ids::{DeploymentKey, OpId, Revision};
use crate::model::confirmed::ConfirmedCommit;
use crate::model::instance::InstanceRecord;
use crate::model::inventory::DeploymentRecord;
use crate::model::operation::OpRecord;
use crate::model::resource::{ResourceKey, ResourceRecord};

/// One snapshot; cloning shares everything.
#[derive(Clone, Debug)]
pub struct Published {
    /// The running configuration.
    pub config: Tree,
    /// Its revision.
    pub revision: Revision,
    /// The confirmed commit that nobody has confirmed yet.
    pub confirmed: Option<Arc<Unconfirmed>>,
    /// What exists.
    pub state: State,
}

/// A confirmed commit that waits for its confirmation, and what takes it back (RFC 6241 section 8.4).
#[derive(Clone, Debug)]
pub struct Unconfirmed {
    /// What is stored of it.
    pub commit: ConfirmedCommit,
    /// The running configuration before it.
    pub before: Tree,
    /// The units changed since, whose versions before it are stored.
    pub undo: OrdSet<UnitPath>,
    /// When it is taken back, by this process's clock.
    pub until: Mono,
    /// Whether it was there when this process began: such a one can only be taken back.
    pub left_over: bool,
}

/// What exists, by key.
#[derive(Clone, Debug, Default)]
pub struct State {
    /// Deployments that exist, wholly or in part.
    pub deployments: OrdMap<DeploymentKey, Arc<DeploymentRecord>>,
    /// Shared resources.
    pub resources: OrdMap<ResourceKey, Arc<ResourceRecord>>,
    /// Operations, under way and ended.
    pub operations: OrdMap<OpId, Arc<OpRecord>>,
    /// What is kept of VNF instances beside their deployments.
    pub instances: OrdMap<DeploymentKey, Arc<InstanceRecord>>,
}

impl State {
    /// Sets or removes a deployment.
    pub fn set_deployment(&mut self, key: DeploymentKey, record: Option<Arc<DeploymentRecord>>) {
        match record {
            Some(record) => self.deployments.insert(key, record),
            None => self.deployments.remove(&key),
        };
    }

    /// Sets or removes an operation.
    pub fn set_operation(&mut self, id: OpId, record: Option<Arc<OpRecord>>) {
        match record {
            Some(record) => self.operations.insert(id, record),
            None => self.operations.remove(&id),
        };
    }

    /// Sets or removes what is kept of an instance.
    pub fn set_instance(&mut self, key: DeploymentKey, record: Option<Arc<InstanceRecord>>) {
        match record {
            Some(record) => self.instances.insert(key, record),
            None => self.instances.remove(&key),
        };
    }

    /// Sets or removes a resource.
    pub fn set_resource(&mut self, key: ResourceKey, record: Option<Arc<ResourceRecord>>) {
        match record {
            Some(record) => self.resources.insert(key, record),
            None => self.resources.remove(&key),
        };
    }
}
