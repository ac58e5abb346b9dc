//! opdata as a tree, kept up with the published state: only what changed is rendered anew.

use std::sync::{Arc, Mutex, PoisonError};

use super::error::ControlError;
use crate::datastore::Tree;
use crate::esc_model::opdata;
use crate::esc_model::published::{Published, State};
use crate::model::inventory::DeploymentRecord;
use crate::schema::Schema;

/// The newest rendering, and the state it shows.
pub struct OpdataCache {
    schema: &'static Schema,
    host: opdata::HostStats,
    latest: Mutex<Option<Rendered>>,
}

#[derive(Clone)]
struct Rendered {
    state: State,
    parts: imbl::OrdMap<crate::ids::DeploymentKey, Tree>,
    tree: Tree,
}

impl OpdataCache {
    /// An empty cache.
    pub fn new(schema: &'static Schema) -> Self {
        Self {
            schema,
            host: super::host::stats(),
            latest: Mutex::default(),
        }
    }

    /// opdata of that state.
    ///
    /// # Errors
    /// When a state row cannot be shown in the schema's terms.
    pub fn tree(&self, published: &Published) -> Result<Tree, ControlError> {
        let state = &published.state;
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(rendered) = &*latest
            && rendered.state.deployments.ptr_eq(&state.deployments)
            && rendered.state.resources.ptr_eq(&state.resources)
        {
            return Ok(rendered.tree.clone());
        }
        let parts = self.parts(latest.as_ref(), state)?;
        let mut tree = opdata::shared(self.schema, &self.host, state)?;
        for part in parts.values() {
            tree = tree.overlay(part);
        }
        *latest = Some(Rendered {
            state: state.clone(),
            parts,
            tree: tree.clone(),
        });
        Ok(tree)
    }

    /// One tree per deployment, those that did not change taken over.
    fn parts(
        &self,
        before: Option<&Rendered>,
        state: &State,
    ) -> Result<imbl::OrdMap<crate::ids::DeploymentKey, Tree>, ControlError> {
        let mut parts = imbl::OrdMap::new();
        for (key, record) in &state.deployments {
            let kept = before.and_then(|before| {
                let old = before.state.deployments.get(key)?;
                Arc::ptr_eq(old, record).then(|| before.parts.get(key).cloned())?
            });
            let part = match kept {
                Some(part) => part,
                None => self.deployment(record)?,
            };
            parts.insert(key.clone(), part);
        }
        Ok(parts)
    }

    fn deployment(&self, record: &DeploymentRecord) -> Result<Tree, ControlError> {
        Ok(opdata::deployment(self.schema, record)?)
    }
}
