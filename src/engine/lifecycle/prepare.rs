//! Before the VMs: the tenant, the ephemeral networks, and every name a group uses.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::ids::{CreateToken, TenantId};
use crate::model::event::{Event, EventKind, EventStatus};
use crate::model::resource::{ResourceKey, ResourceKind, ResourceSpec};
use crate::model::vim::FailureReason;

use super::super::call::{CallInput, Goal, Intent, Outcome};
use super::super::caller::{Caller, Cx};
use super::super::history;
use super::super::io::{MessageBody, Owner, TimerKind};
use super::super::port::Find;
use super::super::resource::Thing;
use super::deployment::{Dep, Head, Reference, Resolution};

/// How the preparation stands.
pub(super) enum Prepared {
    Waiting,
    Ready,
    Failed(FailureReason),
}

impl Dep {
    /// Asks for the tenant; the rest follows once it is there.
    pub(super) fn begin_prepare(&mut self, cx: &mut Cx<'_>) {
        // What failed before is asked again.
        self.head
            .references
            .retain(|reference| matches!(reference.resolution, Resolution::Known(_)));
        let key = self.tenant_key();
        let spec = ResourceSpec::Tenant {
            managed: self.head.desired.managed_tenant,
        };
        if self.head.tenant_id.is_none() {
            self.refer(
                ResourceKind::Tenant,
                &key.name.clone(),
                Some(key),
                Some(spec),
                cx,
            );
        }
    }

    fn tenant_key(&self) -> ResourceKey {
        ResourceKey {
            vim: self.head.vim.clone(),
            kind: ResourceKind::Tenant,
            tenant: None,
            name: self.head.key.tenant.clone(),
        }
    }

    /// Kind after kind: tenant, networks, then images and flavors; a failed kind stops the next.
    pub(super) fn prepared(&mut self, cx: &mut Cx<'_>) -> Prepared {
        for kind in [
            ResourceKind::Tenant,
            ResourceKind::Network,
            ResourceKind::Image,
        ] {
            self.ask_for(kind, cx);
            let of_kind = |reference: &&Reference| match kind {
                ResourceKind::Image => {
                    matches!(reference.kind, ResourceKind::Image | ResourceKind::Flavor)
                }
                _ => reference.kind == kind,
            };
            let mut waiting = false;
            let mut failed = None;
            for reference in self.head.references.iter().filter(of_kind) {
                match &reference.resolution {
                    Resolution::Pending => waiting = true,
                    Resolution::Failed(reason) => failed = failed.or(Some(reason.clone())),
                    Resolution::Known(_) => {}
                }
            }
            if kind == ResourceKind::Network {
                let wanted = |network: &&Thing| network.wanted;
                for network in self.head.networks.iter().filter(wanted) {
                    if let Some(reason) = &network.failed {
                        failed = failed.or(Some(reason.clone()));
                    } else if network.ready_id().is_none() {
                        waiting = true;
                    }
                }
            }
            if waiting {
                return Prepared::Waiting;
            }
            if let Some(reason) = failed {
                return Prepared::Failed(reason);
            }
        }
        Prepared::Ready
    }

    fn ask_for(&mut self, kind: ResourceKind, cx: &mut Cx<'_>) {
        let desired = self.head.desired.clone();
        match kind {
            ResourceKind::Network => {
                self.make_networks(cx);
                let own: BTreeSet<&str> =
                    desired.networks.iter().map(|it| it.name.as_str()).collect();
                for group in &desired.vm_groups {
                    for interface in &group.interfaces {
                        if !own.contains(interface.network.as_str()) {
                            let name = &interface.network;
                            let tenant = Some(self.head.key.tenant.clone());
                            self.resolve(ResourceKind::Network, name, &[tenant, None], cx);
                        }
                    }
                }
            }
            ResourceKind::Image | ResourceKind::Flavor => {
                for group in &desired.vm_groups {
                    self.resolve(ResourceKind::Image, &group.image, &[None], cx);
                    self.resolve(ResourceKind::Flavor, &group.flavor, &[None], cx);
                }
            }
            ResourceKind::Tenant => {}
        }
    }

    fn make_networks(&mut self, cx: &mut Cx<'_>) {
        let desired = self.head.desired.clone();
        for spec in &desired.networks {
            let at = self
                .head
                .networks
                .iter()
                .position(|network| network.record.key.name == spec.name);
            let key = ResourceKey {
                vim: self.head.vim.clone(),
                kind: ResourceKind::Network,
                tenant: Some(self.head.key.tenant.clone()),
                name: spec.name.clone(),
            };
            let owner = Owner::Network(self.head.key.clone(), spec.name.clone());
            let spec = Some(ResourceSpec::Network(spec.clone()));
            let at = match at {
                // Made, changed or failed in an earlier operation.
                Some(at) => at,
                None => {
                    let token = format!("{}/{}", self.head.deployment_id, key.name);
                    let token = Some(CreateToken::new(token));
                    let mut thing = Thing::new(key, spec.clone(), token);
                    thing.tenant_id = self.head.tenant_id.clone();
                    self.head.networks.push(thing);
                    self.head.networks.len() - 1
                }
            };
            let op = self.head.op_id();
            self.with_network(at, |thing, head| {
                let asked =
                    thing.failed.is_some() && head.op_id() == op && thing.record.spec == spec;
                let settled = thing.caller.intent.is_none();
                if settled && !asked && (thing.ready_id().is_none() || thing.record.spec != spec) {
                    thing.record.spec = spec;
                    thing.ensure(&owner, Some(head), cx);
                }
            });
        }
    }

    /// Runs `f` on one ephemeral network.
    pub(super) fn with_network(&mut self, at: usize, f: impl FnOnce(&mut Thing, &Head)) {
        if at >= self.head.networks.len() {
            return;
        }
        let mut thing = self.head.networks.swap_remove(at);
        f(&mut thing, &self.head);
        self.head.networks.push(thing);
        let last = self.head.networks.len() - 1;
        self.head.networks.swap(at, last);
    }

    /// The same, by name.
    pub(crate) fn with_network_named(&mut self, name: &str, f: impl FnOnce(&mut Thing, &Head)) {
        let named = |network: &Thing| network.record.key.name == name;
        if let Some(at) = self.head.networks.iter().position(named) {
            self.with_network(at, f);
        }
    }

    /// A configured resource by that name, nearest first, or else the VIM's own.
    fn resolve(
        &mut self,
        kind: ResourceKind,
        name: &str,
        tenants: &[Option<String>],
        cx: &mut Cx<'_>,
    ) {
        let keys = tenants.iter().map(|tenant| ResourceKey {
            vim: self.head.vim.clone(),
            kind,
            tenant: tenant.clone(),
            name: name.to_owned(),
        });
        let actor = keys.into_iter().find(|key| cx.known.contains(key));
        self.refer(kind, name, actor, None, cx);
    }

    fn refer(
        &mut self,
        kind: ResourceKind,
        name: &str,
        actor: Option<ResourceKey>,
        spec: Option<ResourceSpec>,
        cx: &mut Cx<'_>,
    ) {
        let known = self
            .head
            .references
            .iter()
            .any(|reference| reference.kind == kind && reference.name == name);
        if known {
            return;
        }
        let mut reference = Reference {
            kind,
            name: name.to_owned(),
            actor: actor.clone(),
            resolution: Resolution::Pending,
            caller: Caller::default(),
        };
        match actor {
            Some(key) => {
                let user = self.head.key.clone();
                cx.send(MessageBody::Ensure { key, spec, user });
            }
            None => {
                let owner = Owner::Lookup(self.head.key.clone(), kind, name.to_owned());
                let limit = Some(Duration::from_millis(cx.settings.step_timeout_ms));
                let mut intent = Intent::new(cx.intent_id(), &self.head.vim, Goal::Answer, limit);
                intent.find = Some(match kind {
                    ResourceKind::Image => Find::Image(name.to_owned()),
                    ResourceKind::Flavor => Find::Flavor(name.to_owned()),
                    ResourceKind::Tenant => Find::Tenant(name.to_owned()),
                    ResourceKind::Network => Find::Network {
                        tenant: self.head.tenant_id.clone(),
                        token: None,
                        name: name.to_owned(),
                    },
                });
                reference.caller.begin(&owner, intent, cx);
            }
        }
        self.head.references.push(reference);
    }

    /// An answer to a look-up of a name.
    pub(crate) fn on_lookup(
        &mut self,
        kind: ResourceKind,
        name: &str,
        input: CallInput,
        cx: &mut Cx<'_>,
    ) {
        let owner = Owner::Lookup(self.head.key.clone(), kind, name.to_owned());
        let found = self
            .head
            .references
            .iter_mut()
            .find(|reference| reference.kind == kind && reference.name == name);
        let Some(reference) = found else { return };
        let reason = |code: &str, text: String| FailureReason {
            code: code.to_owned(),
            text,
        };
        let word = match kind {
            ResourceKind::Tenant => "tenant",
            ResourceKind::Network => "network",
            ResourceKind::Image => "image",
            ResourceKind::Flavor => "flavor",
        };
        reference.resolution = match reference.caller.drive(&owner, input, cx) {
            None => return,
            Some(Outcome::Done {
                resource: Some(found),
                ..
            }) => Resolution::Known(found.id),
            Some(Outcome::Done { .. }) => Resolution::Failed(reason(
                &format!("unknown-{word}"),
                format!("{word} [{name}] is neither configured nor known to the VIM"),
            )),
            Some(Outcome::Failed { reason, .. } | Outcome::Unknown { reason }) => {
                Resolution::Failed(reason)
            }
            Some(Outcome::Lost) => Resolution::Failed(reason("vim-error", "no answer".to_owned())),
        };
    }

    /// A timer of a look-up is due.
    pub(crate) fn on_lookup_timer(
        &mut self,
        kind: ResourceKind,
        name: &str,
        timer: (TimerKind, u32),
        cx: &mut Cx<'_>,
    ) {
        let found = self
            .head
            .references
            .iter_mut()
            .find(|reference| reference.kind == kind && reference.name == name);
        let Some(reference) = found else { return };
        if !reference.caller.timers.fire(timer.0, timer.1) {
            return;
        }
        let input = match timer.0 {
            TimerKind::Limit => CallInput::LimitOver,
            _ => CallInput::PauseOver,
        };
        self.on_lookup(kind, name, input, cx);
    }

    /// After a restart.
    pub(super) fn restart_lookup(&mut self, kind: ResourceKind, name: &str, cx: &mut Cx<'_>) {
        let owner = Owner::Lookup(self.head.key.clone(), kind, name.to_owned());
        let found = self
            .head
            .references
            .iter_mut()
            .find(|reference| reference.kind == kind && reference.name == name);
        if let Some(reference) = found {
            reference
                .caller
                .timers
                .restart(&owner, |_| Duration::ZERO, cx);
        }
        self.on_lookup(kind, name, CallInput::Restart, cx);
    }

    /// A shared resource has answered.
    pub(crate) fn on_answer(&mut self, key: &ResourceKey, result: Result<String, FailureReason>) {
        if key.kind == ResourceKind::Tenant
            && let Ok(id) = &result
        {
            self.head.tenant_id = Some(TenantId::new(id));
        }
        for reference in &mut self.head.references {
            if reference.actor.as_ref() == Some(key) && reference.resolution == Resolution::Pending
            {
                reference.resolution = match &result {
                    Ok(id) => Resolution::Known(id.clone()),
                    Err(reason) => Resolution::Failed(reason.clone()),
                };
            }
        }
    }

    /// The VMs whose names nobody knows are told as failed: the owners of shared resources tell theirs themselves.
    pub(super) fn report_unknown_names(&mut self, cx: &mut Cx<'_>) {
        let failed: Vec<_> = self
            .head
            .references
            .iter()
            .filter(|reference| reference.actor.is_none())
            .filter_map(|reference| match &reference.resolution {
                Resolution::Failed(reason) => {
                    Some((reference.kind, reference.name.clone(), reason.clone()))
                }
                _ => None,
            })
            .collect();
        let mut told = false;
        self.each_vm(|vm, head| {
            let cause = failed.iter().find(|(kind, name, _)| match kind {
                ResourceKind::Image => *name == vm.group.image,
                ResourceKind::Flavor => *name == vm.group.flavor,
                _ => vm.group.interfaces.iter().any(|it| it.network == *name),
            });
            let Some((_, _, reason)) = cause.filter(|_| !told && !vm.may_exist()) else {
                return;
            };
            told = true;
            history::push(&mut vm.vm.history, reason.text.clone(), cx.settings);
            let message = history::failure(&vm.vm.history);
            let event = head.event(EventKind::VmDeployed, EventStatus::Failure, 500, message);
            cx.events.push(Event {
                vm_group: Some(vm.vm.group.clone()),
                reason: Some(reason.clone()),
                ..event
            });
        });
    }

    /// Tells every shared resource that it is needed no more.
    pub(super) fn release_all(&mut self, cx: &mut Cx<'_>) {
        let user = self.head.key.clone();
        let mut references = std::mem::take(&mut self.head.references);
        for reference in &mut references {
            let owner = Owner::Lookup(user.clone(), reference.kind, reference.name.clone());
            reference.caller.drop_call(&owner, cx);
            if let Some(key) = reference.actor.clone() {
                cx.send(MessageBody::Release {
                    key,
                    user: user.clone(),
                });
            }
        }
    }
}
