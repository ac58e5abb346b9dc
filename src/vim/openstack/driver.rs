//! The driver: each operation of the port.

use std::sync::Arc;
use std::time::Duration;

use super::client::{Api, Scope};
use super::connector::Connector;
use super::errand::{Errand, What};
use super::error::OpenstackError;
use super::memory::Memory;
use super::settings::Settings;
use crate::clock::Clock;
use crate::engine::port::{Accepted, Find, VimCall, VimError, VimResource, VimVm};
use crate::ids::{CreateToken, TenantId, VmId};
use crate::model::vim::{VimOpRef, VimOpStatus};
use crate::vim_http::{Cloud, Recent};

/// One OpenStack cloud.
pub struct OpenstackVim {
    pub(super) api: Arc<Api>,
    pub(super) memory: Arc<Memory>,
}

impl OpenstackVim {
    /// A driver; nothing is asked of the cloud before the engine does.
    ///
    /// # Errors
    /// When certificates cannot be read.
    pub fn new(
        connector: Connector,
        settings: Settings,
        clock: Arc<dyn Clock>,
        seed: u64,
    ) -> Result<Self, OpenstackError> {
        Ok(Self {
            memory: Arc::new(Memory::new(settings.remembered)),
            api: Arc::new(Api::new(connector, settings, clock, seed)?),
        })
    }

    /// The scope in which things of a tenant are made.
    pub(super) async fn scope_of(&self, tenant: Option<&TenantId>) -> Result<Scope, VimError> {
        let Some(tenant) = tenant else {
            return Ok(Scope::Own);
        };
        let own = self.api.session(&Scope::Own).await?;
        Ok(match own.project == tenant.as_str() {
            true => Scope::Own,
            false => Scope::Project(tenant.as_str().to_owned()),
        })
    }

    /// The reference of an errand that begins now.
    pub(super) fn reference(&self, what: What, of: &str, request: String) -> VimOpRef {
        let errand = Errand {
            what,
            of: of.to_owned(),
            at: self.api.clock.wall(),
            sent: None,
        };
        errand.reference(&self.api.connector.id, request)
    }

    /// The answer to a call that is over with its answer, or had nothing to do.
    pub(super) fn done(&self, request: String, id: Option<String>) -> Accepted {
        Accepted {
            op: self.reference(What::Done, id.as_deref().unwrap_or_default(), request),
            id,
        }
    }
}

impl Cloud for OpenstackVim {
    fn connector(&self) -> &str {
        &self.api.connector.id
    }

    fn call_timeout(&self) -> Duration {
        self.api.settings.call_timeout()
    }

    fn lands_within(&self) -> Duration {
        let own = self.api.connector.landing_bound_ms;
        own.map_or(self.api.settings.landing_bound(), Duration::from_millis)
    }

    fn accepted(&self) -> &Recent<Accepted> {
        &self.memory.accepted
    }

    async fn issue(&self, call: VimCall, key: &str) -> Result<Accepted, VimError> {
        match call {
            VimCall::CreateVm(new) => self.create_vm(new).await,
            VimCall::DeleteVm(vm) => self.delete_vm(&vm).await,
            VimCall::StartVm(vm) => self.start_vm(&vm).await,
            // Nova has one way to stop: it asks the guest for so long as its operator says.
            VimCall::StopVm(vm) | VimCall::PowerOffVm(vm) => self.stop_vm(&vm).await,
            VimCall::RebootVm { vm, hard } => self.reboot_vm(&vm, hard, key).await,
            VimCall::ResizeVm { vm, flavor } => self.resize_vm(&vm, &flavor).await,
            VimCall::CreateTenant { name } => self.create_tenant(&name).await,
            VimCall::DeleteTenant { id } => self.delete_tenant(&id).await,
            VimCall::CreateNetwork {
                tenant,
                token,
                spec,
            } => self.create_network(tenant, token, spec).await,
            VimCall::DeleteNetwork { id } => self.delete_network(&id).await,
            VimCall::CreateSubnet { network, spec } => self.create_subnet(&network, spec).await,
            VimCall::DeleteSubnet { id } => self.delete_subnet(&id).await,
            VimCall::CreateImage(spec) => self.create_image(spec).await,
            VimCall::DeleteImage { id } => self.delete_image(&id).await,
            VimCall::CreateFlavor(spec) => self.create_flavor(spec).await,
            VimCall::DeleteFlavor { id } => self.delete_flavor(&id).await,
        }
    }

    async fn follow(&self, op: VimOpRef) -> Result<VimOpStatus, VimError> {
        let Some(errand) = Errand::of(&op) else {
            return Ok(VimOpStatus::Unknown);
        };
        match &errand.what {
            What::Done => Ok(VimOpStatus::Succeeded),
            What::Image(source) => self.image_status(&errand.of, source.as_deref()).await,
            _ => self.server_status(&errand, &op.id).await,
        }
    }

    async fn look(&self, vm: &VmId) -> Result<Option<VimVm>, VimError> {
        self.describe_vm(vm).await
    }

    async fn with_token(&self, token: &CreateToken) -> Result<Vec<VimVm>, VimError> {
        self.vms_by_token(token).await
    }

    async fn thing(&self, what: Find) -> Result<Option<VimResource>, VimError> {
        self.find_thing(what).await
    }
}

#[cfg(test)]
#[path = "tests/mod.rs"]
mod tests;
