//! The driver: what the engine asks, handed to the part that does it.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::connector::Connector;
use super::core::Core;
use super::error::LibvirtError;
use super::link::{FaultKind, Opener};
use super::settings::Settings;
use crate::clock::Clock;
use crate::engine::port::{
    Accepted, Find, PortFuture, ProbeTarget, Prober, Verdict, Vim, VimCall, VimError, VimResource,
    VimVm,
};
use crate::ids::{CreateToken, VmId};
use crate::model::vim::{VimOpRef, VimOpStatus};

/// The collector that this driver answers itself: a ping of the guest's agent.
pub const COLLECTOR: &str = "GuestAgentPing";

/// A libvirt as a VIM.
pub struct LibvirtVim {
    core: Arc<Core>,
}

impl LibvirtVim {
    /// A driver; nothing is connected before it is asked. `folder`: for its own records, one per connector.
    ///
    /// # Errors
    /// When its records cannot be read.
    pub fn new(
        connector: Connector,
        settings: Settings,
        clock: Arc<dyn Clock>,
        opener: Arc<dyn Opener>,
        folder: &Path,
    ) -> Result<Self, LibvirtError> {
        let core = Core::new(connector, settings, clock, opener, folder)?;
        Ok(Self {
            core: Arc::new(core),
        })
    }

    /// A driver of the real libvirt.
    ///
    /// # Errors
    /// As [`LibvirtVim::new`]; [`LibvirtError::NotBuilt`] in a binary without the feature `libvirt`.
    pub fn open(
        connector: Connector,
        settings: Settings,
        clock: Arc<dyn Clock>,
        folder: &Path,
    ) -> Result<Self, LibvirtError> {
        #[cfg(feature = "libvirt")]
        {
            let opener = super::virt::Virt::new(&connector.uri, &settings);
            Self::new(connector, settings, clock, Arc::new(opener), folder)
        }
        #[cfg(not(feature = "libvirt"))]
        {
            let _ = (connector, settings, clock, folder);
            Err(LibvirtError::NotBuilt)
        }
    }

    async fn accept(&self, call: VimCall, key: &str) -> Result<Accepted, VimError> {
        let core = &self.core;
        let op = format!("{}-{key}", verb(&call));
        if let Some(accepted) = core.repeated(&op) {
            return Ok(accepted);
        }
        match call {
            VimCall::CreateVm(new) => core.create(op, key, new).await,
            VimCall::DeleteVm(vm) => core.remove(op, vm).await,
            VimCall::StartVm(vm) => core.start(op, vm).await,
            VimCall::StopVm(vm) => core.stop(op, vm).await,
            VimCall::PowerOffVm(vm) => core.cut_off(op, vm).await,
            VimCall::RebootVm { vm, hard } => core.reboot(op, vm, hard).await,
            VimCall::ResizeVm { vm, flavor } => core.resize(op, vm, flavor).await,
            VimCall::CreateTenant { name } => core.create_tenant(op, name).await,
            VimCall::DeleteTenant { id } => core.delete_tenant(op, id).await,
            VimCall::CreateNetwork {
                tenant,
                token,
                spec,
            } => core.create_network(op, key, tenant, token, spec).await,
            VimCall::DeleteNetwork { id } => core.delete_network(op, id).await,
            VimCall::CreateSubnet { network, spec } => core.create_subnet(op, network, spec).await,
            VimCall::DeleteSubnet { id } => core.delete_subnet(op, id).await,
            VimCall::CreateImage(spec) => core.create_image(op, spec).await,
            VimCall::DeleteImage { id } => core.delete_image(op, id).await,
            VimCall::CreateFlavor(spec) => core.create_flavor(op, spec).await,
            VimCall::DeleteFlavor { id } => core.delete_flavor(op, id).await,
        }
    }

    /// Pings the guest's agent: what the guest does is told apart from what libvirt cannot tell (P6).
    async fn ping(&self, target: ProbeTarget) -> Verdict {
        let started = self.core.clock.mono();
        let seconds = i32::try_from(target.timeout.as_secs())
            .unwrap_or(i32::MAX)
            .max(1);
        let uuid = target.vm_id.as_str().to_owned();
        let asked = self
            .core
            .session
            .ask(target.timeout + Duration::from_secs(1), move |link| {
                link.agent_ping(&uuid, seconds)
            })
            .await;
        match asked {
            Ok(()) => {
                let took = self.core.clock.mono().saturating_sub(started);
                Verdict::Alive(took.as_secs_f64() * 1000.0)
            }
            Err(fault) => match fault.kind {
                FaultKind::Agent | FaultKind::NotNow | FaultKind::NotFound => Verdict::NoAnswer,
                _ => Verdict::CannotTell,
            },
        }
    }
}

/// The verb an operation's id begins with.
fn verb(call: &VimCall) -> &'static str {
    match call {
        VimCall::CreateVm(_) => "create",
        VimCall::DeleteVm(_) => "delete",
        VimCall::StartVm(_) => "start",
        VimCall::StopVm(_) => "stop",
        VimCall::PowerOffVm(_) => "power-off",
        VimCall::RebootVm { .. } => "reboot",
        VimCall::ResizeVm { .. } => "resize",
        VimCall::CreateTenant { .. } => "create-tenant",
        VimCall::DeleteTenant { .. } => "delete-tenant",
        VimCall::CreateNetwork { .. } => "create-network",
        VimCall::DeleteNetwork { .. } => "delete-network",
        VimCall::CreateSubnet { .. } => "create-subnet",
        VimCall::DeleteSubnet { .. } => "delete-subnet",
        VimCall::CreateImage(_) => "create-image",
        VimCall::DeleteImage { .. } => "delete-image",
        VimCall::CreateFlavor(_) => "create-flavor",
        VimCall::DeleteFlavor { .. } => "delete-flavor",
    }
}

impl Vim for LibvirtVim {
    fn id(&self) -> &str {
        &self.core.connector.id
    }

    fn call(
        &self,
        call: VimCall,
        idempotency: String,
    ) -> PortFuture<'_, Result<Accepted, VimError>> {
        Box::pin(async move { self.accept(call, &idempotency).await })
    }

    fn status(&self, op: VimOpRef) -> PortFuture<'_, Result<VimOpStatus, VimError>> {
        Box::pin(async move {
            if op.vim != self.core.connector.id {
                return Ok(VimOpStatus::Unknown);
            }
            self.core.follow(&op.id).await
        })
    }

    fn describe(&self, vm: VmId) -> PortFuture<'_, Result<Option<VimVm>, VimError>> {
        Box::pin(async move { self.core.describe(vm.as_str()).await })
    }

    fn find_by_token(&self, token: CreateToken) -> PortFuture<'_, Result<Vec<VimVm>, VimError>> {
        Box::pin(async move { self.core.find_by_token(token.as_str()).await })
    }

    fn find(&self, what: Find) -> PortFuture<'_, Result<Option<VimResource>, VimError>> {
        Box::pin(async move {
            match what {
                Find::Tenant(name) => Ok(self.core.find_tenant(&name)),
                Find::Network {
                    tenant,
                    token,
                    name,
                } => self.core.find_network(tenant, token, name).await,
                Find::Image(name) => self.core.find_image(name).await,
                Find::Flavor(name) => Ok(self.core.find_flavor(&name)),
            }
        })
    }

    fn landing_bound(&self) -> Duration {
        let own = self.core.connector.landing_bound_ms;
        own.map_or_else(|| self.core.settings.landing_bound(), Duration::from_millis)
    }
}

impl Prober for LibvirtVim {
    fn answers(&self, collector: &str) -> bool {
        collector == COLLECTOR
    }

    fn probe(&self, target: ProbeTarget) -> PortFuture<'_, Verdict> {
        Box::pin(async move {
            match target.collector.as_str() {
                COLLECTOR => self.ping(target).await,
                _ => Verdict::CannotTell,
            }
        })
    }
}
