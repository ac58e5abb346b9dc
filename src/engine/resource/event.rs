//! The events of a resource.

use crate::ids::TenantId;
use crate::model::event::{Event, EventKind, EventStatus, ResourceNames};
use crate::model::resource::ResourceKind;
use crate::model::vim::FailureReason;

use super::super::history;
use super::super::lifecycle::deployment::Head;
use super::super::messages;
use super::Thing;

impl Thing {
    pub(super) fn event(
        &self,
        kind: EventKind,
        subnet: Option<String>,
        message: String,
        head: Option<&Head>,
    ) -> Event {
        let name = Some(self.record.key.name.clone());
        let of = |wanted: ResourceKind| name.clone().filter(|_| self.record.key.kind == wanted);
        let resource = ResourceNames {
            network: of(ResourceKind::Network),
            subnet,
            image: of(ResourceKind::Image),
            flavor: of(ResourceKind::Flavor),
        };
        let is_tenant = self.record.key.kind == ResourceKind::Tenant;
        let base = match head {
            Some(head) => head.event(kind, EventStatus::Success, 200, message),
            None => Event {
                kind,
                status: EventStatus::Success,
                code: 200,
                message,
                resource: ResourceNames::default(),
                deployment: None,
                tenant: match is_tenant {
                    true => name.clone(),
                    false => self.record.key.tenant.clone(),
                },
                tenant_id: match is_tenant {
                    true => self.record.vim_id.as_ref().map(TenantId::new),
                    false => self.tenant_id.clone(),
                },
                deployment_id: None,
                vm_group: None,
                vm: None,
                source: None,
                target: None,
                op_id: None,
                vim_op: None,
                reason: None,
            },
        };
        let vim_op = self
            .caller
            .intent
            .as_ref()
            .and_then(|intent| intent.op.clone());
        Event {
            resource,
            vim_op,
            ..base
        }
    }

    pub(super) fn failure(
        &self,
        kind: EventKind,
        subnet: Option<String>,
        mut lines: Vec<String>,
        reason: FailureReason,
        head: Option<&Head>,
    ) -> Event {
        if lines.is_empty() {
            lines.push(reason.text.clone());
        }
        Event {
            status: EventStatus::Failure,
            code: 500,
            reason: Some(reason),
            ..self.event(kind, subnet, history::failure(&lines), head)
        }
    }
}

pub(super) fn created_message(kind: ResourceKind, id: &str) -> String {
    match kind {
        ResourceKind::Tenant => messages::TENANT_CREATED.to_owned(),
        ResourceKind::Network => messages::network_created(id),
        ResourceKind::Image => messages::IMAGE_CREATED.to_owned(),
        ResourceKind::Flavor => messages::FLAVOR_CREATED.to_owned(),
    }
}

pub(super) fn deleted_message(kind: ResourceKind) -> &'static str {
    match kind {
        ResourceKind::Tenant => messages::TENANT_DELETED,
        ResourceKind::Network => messages::NETWORK_DELETED,
        ResourceKind::Image => messages::IMAGE_DELETED,
        ResourceKind::Flavor => messages::FLAVOR_DELETED,
    }
}

pub(super) fn create_kind(kind: ResourceKind) -> EventKind {
    match kind {
        ResourceKind::Tenant => EventKind::CreateTenant,
        ResourceKind::Network => EventKind::CreateNetwork,
        ResourceKind::Image => EventKind::CreateImage,
        ResourceKind::Flavor => EventKind::CreateFlavor,
    }
}

pub(super) fn delete_kind(kind: ResourceKind) -> EventKind {
    match kind {
        ResourceKind::Tenant => EventKind::DeleteTenant,
        ResourceKind::Network => EventKind::DeleteNetwork,
        ResourceKind::Image => EventKind::DeleteImage,
        ResourceKind::Flavor => EventKind::DeleteFlavor,
    }
}
