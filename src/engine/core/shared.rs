//! Shared resources: who needs them, when they are made, when they go.

use std::sync::Arc;

use crate::ids::{DeploymentKey, TenantId};
use crate::model::resource::{ResourceKey, ResourceKind, ResourceSpec};
use crate::model::vim::FailureReason;

use super::super::caller::Cx;
use super::super::io::{MessageBody, Owner};
use super::super::resource::{Stage, Thing};
use super::rows::Undo;
use super::state::State;

impl State {
    /// A configuration commit changed a shared resource.
    pub fn desire_resource(
        &mut self,
        key: ResourceKey,
        spec: Option<ResourceSpec>,
        cx: &mut Cx<'_>,
        undo: &mut Undo,
    ) {
        let Some(spec) = spec else {
            // A tenant made for a deployment in another VIM has the name only.
            let same = match key.kind {
                ResourceKind::Tenant => self.tenants_of_name(&key.name),
                _ => vec![key],
            };
            for key in same {
                self.with_thing(&key, cx, undo, |thing, _| thing.record.spec = None);
                self.remove_unused(&key, cx, undo);
            }
            return;
        };
        self.put_thing(&key, Some(spec.clone()), undo);
        self.with_thing(&key, cx, undo, |thing, _| thing.record.spec = Some(spec));
        self.bring_about(&key, cx, undo);
    }

    /// A deployment needs it.
    pub fn ensure(
        &mut self,
        key: ResourceKey,
        spec: Option<ResourceSpec>,
        user: DeploymentKey,
        cx: &mut Cx<'_>,
        undo: &mut Undo,
    ) {
        self.put_thing(&key, spec, undo);
        self.with_thing(&key, cx, undo, |thing, _| {
            thing.users.insert(user.clone());
            thing.waiters.insert(user);
        });
        self.bring_about(&key, cx, undo);
    }

    /// A deployment needs it no more.
    pub fn release(
        &mut self,
        key: &ResourceKey,
        user: &DeploymentKey,
        cx: &mut Cx<'_>,
        undo: &mut Undo,
    ) {
        // It may be there again, and need it again.
        let again = self.deps.get(user).is_some_and(|dep| {
            dep.head
                .references
                .iter()
                .any(|reference| reference.actor.as_ref() == Some(key))
        });
        if again {
            return;
        }
        self.with_thing(key, cx, undo, |thing, _| {
            thing.users.remove(user);
            thing.waiters.remove(user);
        });
        self.remove_unused(key, cx, undo);
    }

    /// A deployment is gone: its tenant may follow.
    pub fn after_undeploy(&mut self, key: &DeploymentKey, cx: &mut Cx<'_>, undo: &mut Undo) {
        self.remove_unused_tenants(&key.tenant, cx, undo);
    }

    fn put_thing(&mut self, key: &ResourceKey, spec: Option<ResourceSpec>, undo: &mut Undo) {
        if !self.things.contains_key(key) {
            undo.things.entry(key.clone()).or_insert(None);
            self.things
                .insert(key.clone(), Thing::new(key.clone(), spec, None).into());
        }
    }

    /// Makes it, its tenant first.
    fn bring_about(&mut self, key: &ResourceKey, cx: &mut Cx<'_>, undo: &mut Undo) {
        let owner = Owner::Resource(key.clone());
        if let Some(tenant) = &key.tenant {
            let tenant = ResourceKey {
                vim: key.vim.clone(),
                kind: ResourceKind::Tenant,
                tenant: None,
                name: tenant.clone(),
            };
            self.put_thing(&tenant, Some(ResourceSpec::Tenant { managed: true }), undo);
            let id = self
                .things
                .get(&tenant)
                .and_then(|thing| thing.ready_id().map(TenantId::new));
            let Some(id) = id else {
                // Goes on in `after_tenant`.
                let owner = Owner::Resource(tenant.clone());
                self.with_thing(&tenant, cx, undo, |thing, cx| {
                    thing.ensure(&owner, None, cx)
                });
                return;
            };
            self.with_thing(key, cx, undo, |thing, _| thing.tenant_id = Some(id));
        }
        self.with_thing(key, cx, undo, |thing, cx| thing.ensure(&owner, None, cx));
    }

    /// Runs `f` on one shared resource, then does what follows for others.
    pub fn with_thing(
        &mut self,
        key: &ResourceKey,
        cx: &mut Cx<'_>,
        undo: &mut Undo,
        f: impl FnOnce(&mut Thing, &mut Cx<'_>),
    ) {
        let Some(slot) = self.things.get_mut(key) else {
            return;
        };
        undo.things
            .entry(key.clone())
            .or_insert_with(|| Some(slot.clone()));
        let thing = Arc::make_mut(slot);
        let before = thing.stage.clone();
        f(thing, cx);
        let after = thing.stage.clone();
        let failed = thing.failed.clone();
        if after == before {
            return;
        }
        match after {
            Stage::Gone => {
                self.things.remove(key);
                if let Some(tenant) = &key.tenant {
                    self.remove_unused_tenants(tenant, cx, undo);
                }
            }
            Stage::Ready | Stage::Failed if key.kind == ResourceKind::Tenant => {
                self.after_tenant(key, failed, cx, undo);
            }
            _ => {}
        }
    }

    /// The tenant is there, or not: its networks follow.
    fn after_tenant(
        &mut self,
        tenant: &ResourceKey,
        failed: Option<FailureReason>,
        cx: &mut Cx<'_>,
        undo: &mut Undo,
    ) {
        let waiting: Vec<_> = self
            .in_tenant(&tenant.vim, &tenant.name)
            .filter(|(_, thing)| thing.stage == Stage::Absent)
            .map(|(key, _)| key.clone())
            .collect();
        for key in waiting {
            let Some(reason) = failed.clone() else {
                self.bring_about(&key, cx, undo);
                continue;
            };
            // A failed kind stops the next; the tenant's own event has said why.
            self.with_thing(&key, cx, undo, |thing, cx| {
                for user in thing.waiters.take() {
                    cx.send(MessageBody::Failed {
                        key: key.clone(),
                        user,
                        reason: reason.clone(),
                    });
                }
            });
        }
    }

    fn remove_unused_tenants(&mut self, tenant: &str, cx: &mut Cx<'_>, undo: &mut Undo) {
        for key in self.tenants_of_name(tenant) {
            self.remove_unused(&key, cx, undo);
        }
    }

    /// The VIMs that anything lives in; costs their number, not that of what lives there.
    fn vims_in_use(&self) -> Vec<String> {
        let mut found: Vec<String> = Vec::new();
        let mut next = self.things.keys().next();
        while let Some(key) = next {
            // The first name behind this one.
            let behind = ResourceKey {
                vim: format!("{}\0", key.vim),
                kind: ResourceKind::Tenant,
                tenant: None,
                name: String::new(),
            };
            found.push(key.vim.clone());
            next = self.things.range(behind..).next().map(|(key, _)| key);
        }
        found
    }

    /// The tenants of a name, in whatever VIM.
    fn tenants_of_name(&self, name: &str) -> Vec<ResourceKey> {
        let keys = self.vims_in_use().into_iter().map(|vim| ResourceKey {
            vim,
            kind: ResourceKind::Tenant,
            tenant: None,
            name: name.to_owned(),
        });
        keys.filter(|key| self.things.contains_key(key)).collect()
    }

    /// What lives in a tenant of a VIM.
    fn in_tenant<'s>(
        &'s self,
        vim: &'s str,
        tenant: &'s str,
    ) -> impl Iterator<Item = (&'s ResourceKey, &'s Arc<Thing>)> {
        let first = |kind| ResourceKey {
            vim: vim.to_owned(),
            kind,
            tenant: Some(tenant.to_owned()),
            name: String::new(),
        };
        ResourceKind::ALL.into_iter().flat_map(move |kind| {
            self.things
                .range(first(kind)..)
                .take_while(move |(key, _)| {
                    key.vim == vim && key.kind == kind && key.tenant.as_deref() == Some(tenant)
                })
        })
    }

    /// Removes it when it is not configured and nobody uses it.
    fn remove_unused(&mut self, key: &ResourceKey, cx: &mut Cx<'_>, undo: &mut Undo) {
        let Some(thing) = self.things.get(key) else {
            return;
        };
        let in_tenant = |tenant: &str| {
            let first = DeploymentKey::new(tenant, "");
            self.deps
                .range(first..)
                .next()
                .is_some_and(|(key, _)| key.tenant == tenant)
                || self
                    .vims_in_use()
                    .iter()
                    .any(|vim| self.in_tenant(vim, tenant).next().is_some())
        };
        let needed = thing.record.spec.is_some()
            || !thing.users.is_empty()
            || (key.kind == ResourceKind::Tenant && in_tenant(&key.name));
        if !needed {
            let owner = Owner::Resource(key.clone());
            self.with_thing(key, cx, undo, |thing, cx| thing.remove(&owner, None, cx));
        }
    }
}
