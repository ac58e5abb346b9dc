//! The driver: what the port's operations come to here; its manners are `vim_http`'s.

use std::sync::Arc;
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

/// One vCloud.
pub struct VcloudVim {
    pub(super) api: Api,
    pub(super) memory: Memory,
}

impl VcloudVim {
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
        })
    }

    /// The answer to a call that begins an errand.
    pub(super) fn begun(&self, what: What, of: &str, task: String) -> Accepted {
        let errand = Errand {
            what,
            of: of.to_owned(),
        };
        Accepted {
            op: errand.reference(&self.api.connector.id, task),
            id: Some(of.to_owned()).filter(|of| !of.is_empty()),
        }
    }

    /// The answer to a call that is over with its answer, or had nothing to do.
    pub(super) fn done(&self, id: Option<String>) -> Accepted {
        let begun = self.begun(What::Done, "", String::new());
        Accepted { id, ..begun }
    }
}

impl Cloud for VcloudVim {
    fn connector(&self) -> &str {
        &self.api.connector.id
    }

    fn call_timeout(&self) -> Duration {
        self.api.settings.call_timeout()
    }

    fn lands_within(&self) -> Duration {
        match self.api.connector.landing_bound_ms {
            Some(bound) => Duration::from_millis(bound),
            None => self.api.settings.landing_bound(),
        }
    }

    fn accepted(&self) -> &Recent<Accepted> {
        &self.memory.accepted
    }

    async fn issue(&self, call: VimCall, key: &str) -> Result<Accepted, VimError> {
        match call {
            VimCall::CreateVm(new) => self.create_vm(new).await,
            VimCall::DeleteVm(vm) => self.delete_vm(&vm).await,
            VimCall::StartVm(vm) => self.start_vm(&vm).await,
            VimCall::StopVm(vm) => self.stop_vm(&vm).await,
            VimCall::PowerOffVm(vm) => self.power_off_vm(&vm).await,
            VimCall::RebootVm { vm, hard } => self.reboot_vm(&vm, hard, key).await,
            VimCall::ResizeVm { vm, flavor } => self.resize_vm(&vm, &flavor).await,
            // Whoever rents room cannot make more of it.
            VimCall::CreateTenant { name } => Err(VimError::Refused(vec![format!(
                "vCloud: an organisation is made by whoever provides the cloud: have {name} made there"
            )])),
            VimCall::DeleteTenant { id } => Err(VimError::Refused(vec![format!(
                "vCloud: an organisation is removed by whoever provides the cloud: have {id} removed there"
            )])),
            VimCall::CreateNetwork { token, spec, .. } => self.create_network(token, spec).await,
            VimCall::DeleteNetwork { id } => {
                self.memory.networks.drop(&id);
                Ok(self.done(None))
            }
            VimCall::CreateSubnet { network, spec } => self.create_subnet(&network, spec).await,
            VimCall::DeleteSubnet { id } => Ok(self.delete_subnet(&id)),
            VimCall::CreateImage(spec) => self.create_image(spec).await,
            VimCall::DeleteImage { id } => Err(VimError::Refused(vec![format!(
                "vCloud: a template is removed by whoever keeps its catalog: have {id} removed there"
            )])),
            VimCall::CreateFlavor(spec) => self.create_flavor(spec),
            VimCall::DeleteFlavor { id } => Ok(self.delete_flavor(&id)),
        }
    }

    async fn follow(&self, op: VimOpRef) -> Result<VimOpStatus, VimError> {
        match Errand::of(&op) {
            None => Ok(VimOpStatus::Unknown),
            Some(Errand {
                what: What::Done, ..
            }) => Ok(VimOpStatus::Succeeded),
            Some(errand) => self.watch(&errand, &op.id).await,
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
