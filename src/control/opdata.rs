//! opdata as a tree, kept up with the published state: a change costs what changed (P1).
//!
//! Deployments and what is shared are rendered apart and laid over each other: tenants stand in both.

use std::sync::{Arc, Mutex, PoisonError};

use imbl::ordmap::DiffItem;

use super::error::ControlError;
use crate::datastore::Tree;
use crate::esc_model::opdata;
use crate::esc_model::published::{Published, State};
use crate::ids::DeploymentKey;
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
    deployments: Tree,
    shared: Tree,
    whole: Tree,
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
        let before = self.latest().clone();
        let rendered = match before {
            None => {
                let deployments = self.all(state)?;
                self.joined(state, deployments)?
            }
            Some(before) => {
                let same_resources = before.state.resources.ptr_eq(&state.resources);
                if same_resources && before.state.deployments.ptr_eq(&state.deployments) {
                    return Ok(before.whole);
                }
                let nothing = Tree::empty(self.schema);
                let deployments = self.changed(&before, state, &before.deployments, &nothing)?;
                match same_resources {
                    false => self.joined(state, deployments)?,
                    true => Rendered {
                        whole: self.changed(&before, state, &before.whole, &before.shared)?,
                        state: state.clone(),
                        shared: before.shared,
                        deployments,
                    },
                }
            }
        };
        let whole = rendered.whole.clone();
        *self.latest() = Some(rendered);
        Ok(whole)
    }

    fn joined(&self, state: &State, deployments: Tree) -> Result<Rendered, ControlError> {
        let shared = opdata::shared(self.schema, &self.host, state)?;
        Ok(Rendered {
            state: state.clone(),
            whole: shared.overlay(&deployments),
            shared,
            deployments,
        })
    }

    fn latest(&self) -> std::sync::MutexGuard<'_, Option<Rendered>> {
        self.latest.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn all(&self, state: &State) -> Result<Tree, ControlError> {
        let mut tree = Tree::empty(self.schema);
        for record in state.deployments.values() {
            tree = tree.overlay(&self.one(record)?);
        }
        Ok(tree)
    }

    /// A tree of deployments rendered before, those that changed since put anew. `below` is what it was
    /// laid over, and is left where a tenant's last deployment goes.
    fn changed(
        &self,
        before: &Rendered,
        state: &State,
        tree: &Tree,
        below: &Tree,
    ) -> Result<Tree, ControlError> {
        let mut tree = tree.clone();
        for item in before.state.deployments.diff(&state.deployments) {
            match item {
                DiffItem::Add(_, record) => tree = tree.overlay(&self.one(record)?),
                DiffItem::Update { old, new } if !Arc::ptr_eq(old.1, new.1) => {
                    tree = self.replaced(&tree, new.0, &self.one(new.1)?);
                }
                DiffItem::Update { .. } => {}
                DiffItem::Remove(key, _) => tree = self.removed(&tree, key, state, below),
            }
        }
        Ok(tree)
    }

    /// Puts a deployment in the place of its former self, so that lists keep their order.
    fn replaced(&self, tree: &Tree, key: &DeploymentKey, part: &Tree) -> Tree {
        let replaced = opdata::place(self.schema, key).and_then(|(deployment, _)| {
            let node = part.find(&deployment)?.node().clone();
            Some(tree.with_node(&deployment, node)?.overlay(part))
        });
        replaced.unwrap_or_else(|| tree.overlay(part))
    }

    fn removed(&self, tree: &Tree, key: &DeploymentKey, state: &State, below: &Tree) -> Tree {
        let Some((deployment, tenant)) = opdata::place(self.schema, key) else {
            return tree.clone();
        };
        let first = DeploymentKey::new(key.tenant.clone(), String::new());
        let last_of_tenant = (state.deployments.range(first..).next())
            .is_none_or(|(other, _)| other.tenant != key.tenant);
        if !last_of_tenant {
            return tree.without(&deployment);
        }
        let left = below.find(&tenant).map(|found| found.node().clone());
        let kept = left.and_then(|node| tree.with_node(&tenant, node));
        kept.unwrap_or_else(|| tree.without(&tenant))
    }

    fn one(&self, record: &DeploymentRecord) -> Result<Tree, ControlError> {
        Ok(opdata::deployment(self.schema, record)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::resource::{ResourceKey, ResourceKind, ResourceRecord, ResourceState};
    use crate::model::state::ServiceState;
    use crate::schema::LoadOptions;

    fn record(tenant: &str, name: &str) -> Arc<DeploymentRecord> {
        Arc::new(DeploymentRecord {
            key: DeploymentKey::new(tenant, name),
            deployment_id: crate::ids::DeploymentId::new(format!("id-{name}")),
            tenant_id: Some(crate::ids::TenantId::new(format!("tid-{tenant}"))),
            vim: "sim".to_owned(),
            service_state: ServiceState::Active,
            vms: Vec::new(),
            networks: Vec::new(),
            operation: None,
            leftovers: Vec::new(),
        })
    }

    fn resource(name: &str) -> ResourceRecord {
        ResourceRecord {
            key: ResourceKey {
                vim: "sim".to_owned(),
                kind: ResourceKind::Tenant,
                tenant: None,
                name: name.to_owned(),
            },
            vim_id: Some("id".to_owned()),
            state: ResourceState::Ready,
            subnets: Vec::new(),
            spec: None,
            ours: true,
        }
    }

    /// Whatever changes, in whatever order: the tree is the one a fresh cache renders.
    #[test]
    fn a_change_renders_what_a_fresh_start_renders() {
        let schema = Schema::load(LoadOptions { simulator: true }).unwrap();
        let cache = OpdataCache::new(schema);
        let mut published = Published {
            config: Tree::empty(schema),
            revision: crate::ids::Revision(0),
            confirmed: None,
            state: State::default(),
        };
        let names = [("a", "1"), ("a", "2"), ("b", "1"), ("b", "-"), ("c", "3")];
        let mut seed = 7u32;
        for round in 0..200 {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let (tenant, name) = names[(seed >> 8) as usize % names.len()];
            let key = DeploymentKey::new(tenant, name);
            let change = match (seed >> 16) % 3 {
                0 => None,
                1 => Some(record(tenant, name)),
                _ => {
                    let mut other = (*record(tenant, name)).clone();
                    other.service_state = ServiceState::Error;
                    Some(Arc::new(other))
                }
            };
            published.state.set_deployment(key, change);
            if seed >> 28 == 0 {
                let name = format!("r{round}");
                let resource = resource(&name);
                let key = resource.key.clone();
                published.state.set_resource(key, Some(Arc::new(resource)));
            }
            let now = cache.tree(&published).unwrap();
            let fresh = OpdataCache::new(schema).tree(&published).unwrap();
            assert_eq!(now.count(), fresh.count());
            for (tenant, name) in names {
                let key = DeploymentKey::new(tenant, name);
                let (deployment, tenant) = opdata::place(schema, &key).unwrap();
                let at = |tree: &Tree, place| tree.find(place).map(|found| found.node().clone());
                assert_eq!(at(&now, &deployment), at(&fresh, &deployment));
                assert_eq!(at(&now, &tenant).is_some(), at(&fresh, &tenant).is_some());
            }
            assert!(cache.tree(&published).unwrap().ptr_eq(&now));
        }
    }
}
