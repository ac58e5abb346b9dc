//! The driver: each operation of the port, limited in time.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use super::client::Api;
use super::connector::Connector;
use super::errand::{Errand, What};
use super::memory::Memory;
use super::settings::Settings;
use crate::clock::Clock;
use crate::engine::port::{Accepted, Find, PortFuture, Vim, VimCall, VimError, VimResource, VimVm};
use crate::ids::{CreateToken, VmId};
use crate::model::vim::{VimOpRef, VimOpStatus};
use crate::vim_http::ConnectorError;

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
    pub(super) fn accepted(&self, what: What, of: &str, task: String) -> Accepted {
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
        let accepted = self.accepted(What::Done, "", String::new());
        Accepted { id, ..accepted }
    }

    async fn issue(&self, call: VimCall, key: &str) -> Result<Accepted, VimError> {
        match call {
            VimCall::CreateVm(new) => self.create_vm(new).await,
            VimCall::DeleteVm(vm) => self.delete_vm(&vm).await,
            VimCall::StartVm(vm) => self.start_vm(&vm).await,
            VimCall::StopVm(vm) => self.stop_vm(&vm).await,
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
        if op.vim != self.api.connector.id {
            return Ok(VimOpStatus::Unknown);
        }
        let Some(errand) = Errand::of(&op) else {
            return Ok(VimOpStatus::Unknown);
        };
        match &errand.what {
            What::Done => Ok(VimOpStatus::Succeeded),
            _ => self.watch(&errand, &op.id).await,
        }
    }

    /// Nobody waits for ever: what has no answer in time has none.
    async fn limited<T>(
        &self,
        asked: impl Future<Output = Result<T, VimError>>,
    ) -> Result<T, VimError> {
        let limit: Duration = self.api.settings.call_timeout();
        match tokio::time::timeout(limit, asked).await {
            Ok(answer) => answer,
            Err(_) => Err(VimError::Unknown(format!(
                "VIM [{}] did not answer within {} s",
                self.api.connector.id,
                limit.as_secs()
            ))),
        }
    }
}

impl Vim for VcloudVim {
    fn id(&self) -> &str {
        &self.api.connector.id
    }

    fn call(
        &self,
        call: VimCall,
        idempotency: String,
    ) -> PortFuture<'_, Result<Accepted, VimError>> {
        Box::pin(async move {
            if let Some(accepted) = self.memory.accepted.get(&idempotency) {
                return Ok(accepted);
            }
            let accepted = self.limited(self.issue(call, &idempotency)).await?;
            self.memory.accepted.put(&idempotency, accepted.clone());
            Ok(accepted)
        })
    }

    fn status(&self, op: VimOpRef) -> PortFuture<'_, Result<VimOpStatus, VimError>> {
        Box::pin(self.limited(self.follow(op)))
    }

    fn describe(&self, vm: VmId) -> PortFuture<'_, Result<Option<VimVm>, VimError>> {
        Box::pin(async move { self.limited(self.describe_vm(&vm)).await })
    }

    fn find_by_token(&self, token: CreateToken) -> PortFuture<'_, Result<Vec<VimVm>, VimError>> {
        Box::pin(async move { self.limited(self.vms_by_token(&token)).await })
    }

    fn find(&self, what: Find) -> PortFuture<'_, Result<Option<VimResource>, VimError>> {
        Box::pin(async move { self.limited(self.find_thing(what)).await })
    }

    fn landing_bound(&self) -> Duration {
        match self.api.connector.landing_bound_ms {
            Some(bound) => Duration::from_millis(bound),
            None => self.api.settings.landing_bound(),
        }
    }
}

#[cfg(test)]
#[path = "tests/mod.rs"]
mod tests;
