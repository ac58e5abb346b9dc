//! The driver: each operation of the port.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use super::client::Api;
use super::connector::Connector;
use super::errand::{Errand, What};
use super::memory::Memory;
use super::settings::Settings;
use crate::clock::Clock;
use crate::engine::port::{Accepted, Find, VimCall, VimError, VimResource, VimVm};
use crate::ids::{CreateToken, VmId};
use crate::model::vim::{VimOpRef, VimOpStatus};
use crate::vim_http::{Cloud, ConnectorError, Recent};

/// One CloudStack.
pub struct CloudstackVim {
    pub(super) api: Api,
    pub(super) memory: Memory,
    /// The cloud has said that this user may not expunge.
    pub(super) may_not_expunge: AtomicBool,
}

impl CloudstackVim {
    /// A driver; nothing is asked of the cloud before the engine does.
    ///
    /// # Errors
    /// When certificates cannot be read.
    pub fn new(
        connector: Connector,
        settings: Settings,
        clock: Arc<dyn Clock>,
        seed: u64,
    ) -> Result<Self, ConnectorError> {
        Ok(Self {
            memory: Memory::new(settings.remembered),
            api: Api::new(connector, settings, clock, seed)?,
            may_not_expunge: AtomicBool::new(false),
        })
    }

    /// The reference of an errand that begins now.
    pub(super) fn reference(&self, what: What, of: &str, job: String) -> VimOpRef {
        let errand = Errand {
            what,
            of: of.to_owned(),
        };
        errand.reference(&self.api.connector.id, job)
    }

    /// The answer to a call that is over with its answer, or had nothing to do.
    pub(super) fn done(&self, id: Option<String>) -> Accepted {
        Accepted {
            op: self.reference(What::Done, id.as_deref().unwrap_or_default(), String::new()),
            id,
        }
    }
}

impl Cloud for CloudstackVim {
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
            VimCall::StopVm(vm) => self.stop_vm(&vm, false).await,
            VimCall::PowerOffVm(vm) => self.stop_vm(&vm, true).await,
            VimCall::RebootVm { vm, hard } => self.reboot_vm(&vm, hard, key).await,
            VimCall::ResizeVm { vm, flavor } => self.resize_vm(&vm, &flavor).await,
            // An account needs a user with a password and an address; and removed, it takes all it has with it.
            VimCall::CreateTenant { name } => Err(VimError::Refused(vec![format!(
                "CloudStack: an account is made by an administrator, with its users: make account {name} there"
            )])),
            VimCall::DeleteTenant { id } => Err(VimError::Refused(vec![format!(
                "CloudStack: an account is removed by an administrator, with all it has: remove account {id} there"
            )])),
            VimCall::CreateNetwork {
                tenant,
                token,
                spec,
            } => self.create_network(tenant, token, spec).await,
            VimCall::DeleteNetwork { id } => self.delete_network(&id).await,
            VimCall::CreateSubnet { network, spec } => self.create_subnet(&network, spec).await,
            VimCall::DeleteSubnet { id } => Ok(self.delete_subnet(&id)),
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
            What::Template => self.template_status(&errand.of).await,
            _ => self.job_status(&errand, &op.id).await,
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
