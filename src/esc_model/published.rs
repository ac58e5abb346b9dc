//! What readers see: configuration and state, one immutable snapshot per durable batch.

use std::sync::Arc;

use imbl::OrdMap;

use crate::datastore::Tree;
use crate::ids::{DeploymentKey, Revision};
use crate::model::inventory::DeploymentRecord;
use crate::model::resource::{ResourceKey, ResourceRecord};

/// One snapshot; cloning shares everything.
#[derive(Clone, Debug)]
pub struct Published {
    /// The running configuration.
    pub config: Tree,
    /// Its revision.
    pub revision: Revision,
    /// What exists.
    pub state: State,
}

/// What exists, by key.
#[derive(Clone, Debug, Default)]
pub struct State {
    /// Deployments that exist, wholly or in part.
    pub deployments: OrdMap<DeploymentKey, Arc<DeploymentRecord>>,
    /// Shared resources.
    pub resources: OrdMap<ResourceKey, Arc<ResourceRecord>>,
}

impl State {
    /// Sets or removes a deployment.
    pub fn set_deployment(&mut self, key: DeploymentKey, record: Option<Arc<DeploymentRecord>>) {
        match record {
            Some(record) => self.deployments.insert(key, record),
            None => self.deployments.remove(&key),
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
