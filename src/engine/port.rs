//! Ports: what the engine asks of a VIM and of a prober. Drivers on floor 9 implement them.
//!
//! A call returns at once with the VIM's own record ([`VimOpRef`]); the tracker follows it with
//! [`Vim::status`] until it is terminal, then *looks* ([`Vim::describe`]): success is what the
//! observation shows, not what the record says. "Already there" and "already gone" are success.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::ids::{CreateToken, TenantId, VmId, VmName};
use crate::model::connector::ConnectorSpec;
use crate::model::deployment::{DayZero, NetworkSpec, VolumeSpec};
use crate::model::event::InterfaceInfo;
use crate::model::resource::{FlavorSpec, ImageSpec, SubnetRecord};
use crate::model::vim::{VimOpRef, VimOpStatus};

/// A boxed future of a port.
pub type PortFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Why a VIM did not accept a call or an inquiry.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error, Serialize, Deserialize)]
pub enum VimError {
    /// The VIM answered no: the call did not and will not happen. Lines are the VIM's own words, newest first.
    #[error("{}", .0.join("; "))]
    Refused(Vec<String>),
    /// No answer, or one that cannot be read: the call may have happened.
    #[error("{0}")]
    Unknown(String),
    /// The VIM's API is down; the call did not reach it (connection refused).
    #[error("{0}")]
    Down(String),
}

/// An interface a VM shall have.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct InterfaceRequest {
    /// Position, 0 first.
    pub nicid: u32,
    /// Network: the VIM's id when we know it, else its name.
    pub network: String,
    /// `virtual` and others.
    pub kind: String,
    /// Static address, or the address kept over a redeploy.
    pub ip_address: Option<String>,
    /// Static MAC address, or the one kept over a redeploy.
    pub mac_address: Option<String>,
    /// Port to attach again (kept over a redeploy).
    pub port_id: Option<String>,
}

/// All a VIM needs to make one VM.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct CreateVm {
    /// Name in the VIM.
    pub name: VmName,
    /// Token the VIM shall show back.
    pub token: CreateToken,
    /// The VIM's id of the tenant.
    pub tenant: Option<TenantId>,
    /// Image, the VIM's id or name.
    pub image: String,
    /// Flavor, the VIM's id or name.
    pub flavor: String,
    /// Interfaces by nicid.
    pub interfaces: Vec<InterfaceRequest>,
    /// Volumes.
    pub volumes: Vec<VolumeSpec>,
    /// Day-0 configuration.
    pub config_data: Vec<DayZero>,
}

/// A change the engine asks of a VIM. Serialised into the intent row before it is issued.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum VimCall {
    /// Make a VM.
    CreateVm(CreateVm),
    /// Remove a VM for good.
    DeleteVm(VmId),
    /// Start a stopped VM.
    StartVm(VmId),
    /// Stop a running VM; its guest is asked to go down, where the VIM can do that.
    StopVm(VmId),
    /// Take a running VM's power away at once; where the VIM has no such thing it is stopped.
    PowerOffVm(VmId),
    /// Reboot; hard: power cycle.
    RebootVm {
        /// Which.
        vm: VmId,
        /// Power cycle instead of asking the guest.
        hard: bool,
    },
    /// Give a VM another flavor, keeping its identity.
    ResizeVm {
        /// Which.
        vm: VmId,
        /// Flavor, the VIM's id or name.
        flavor: String,
    },
    /// Make a tenant.
    CreateTenant {
        /// Name.
        name: String,
    },
    /// Remove a tenant.
    DeleteTenant {
        /// The VIM's id.
        id: TenantId,
    },
    /// Make a network (without subnets).
    CreateNetwork {
        /// The VIM's id of the tenant.
        tenant: Option<TenantId>,
        /// Token that the VIM shall show back; tells it from others of its name. `None`: one of that name
        /// in the tenant is the one that is meant.
        token: Option<CreateToken>,
        /// What to make.
        spec: NetworkSpec,
    },
    /// Remove a network.
    DeleteNetwork {
        /// The VIM's id.
        id: String,
    },
    /// Make a subnet of a network.
    CreateSubnet {
        /// The VIM's id of the network.
        network: String,
        /// What to make.
        spec: crate::model::deployment::SubnetSpec,
    },
    /// Remove a subnet.
    DeleteSubnet {
        /// The VIM's id.
        id: String,
    },
    /// Register an image.
    CreateImage(ImageSpec),
    /// Remove an image.
    DeleteImage {
        /// The VIM's id.
        id: String,
    },
    /// Make a flavor.
    CreateFlavor(FlavorSpec),
    /// Remove a flavor.
    DeleteFlavor {
        /// The VIM's id.
        id: String,
    },
}

/// What a VIM says at once to an accepted call.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Accepted {
    /// The VIM's own record to follow.
    pub op: VimOpRef,
    /// The id of what is made or acted on, when the VIM tells at once.
    pub id: Option<String>,
}

/// Power state as the VIM sees it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum PowerState {
    /// Being built; not running yet.
    Building,
    /// Running.
    Running,
    /// Stopped; the guest does not run.
    Stopped,
    /// In error by the VIM's own judgement.
    Error,
    /// Being deleted.
    Deleting,
    /// The VIM cannot tell (host unreachable).
    Unknown,
}

/// A VM as the VIM shows it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct VimVm {
    /// The VIM's id.
    pub id: VmId,
    /// Name in the VIM.
    pub name: String,
    /// Our token, shown back.
    pub token: Option<CreateToken>,
    /// Power state.
    pub power: PowerState,
    /// The VIM's id of the host, empty when not told.
    pub host_id: String,
    /// Host name, empty when not told.
    pub host_name: String,
    /// Interfaces.
    pub interfaces: Vec<InterfaceInfo>,
    /// The VIM's words about its state, newest first.
    pub messages: Vec<String>,
}

/// A named thing of the VIM (tenant, network, image, flavor).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct VimResource {
    /// The VIM's id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Subnets, for a network.
    pub subnets: Vec<SubnetRecord>,
}

/// What [`Vim::find`] looks for, by name.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Find {
    /// A tenant.
    Tenant(String),
    /// A network, in a tenant or shared.
    Network {
        /// The VIM's id of the tenant.
        tenant: Option<TenantId>,
        /// The network that carries this token, whatever others have its name; `None`: any of that name.
        token: Option<CreateToken>,
        /// Name.
        name: String,
    },
    /// An image.
    Image(String),
    /// A flavor.
    Flavor(String),
}

/// A VIM. Every method is time-limited by its driver and safe to ask twice.
pub trait Vim: Send + Sync {
    /// The connector's id.
    fn id(&self) -> &str;
    /// Issues a call; returns when the VIM has accepted or refused it. `idempotency` is the operation's
    /// own key: a repeated call with the same key does not act twice where the VIM knows how.
    fn call(
        &self,
        call: VimCall,
        idempotency: String,
    ) -> PortFuture<'_, Result<Accepted, VimError>>;
    /// Reads the VIM's record of an operation. May wait (long poll) up to a few seconds for a change.
    fn status(&self, op: VimOpRef) -> PortFuture<'_, Result<VimOpStatus, VimError>>;
    /// Looks at one VM; `Ok(None)`: the VIM answers that there is none.
    fn describe(&self, vm: VmId) -> PortFuture<'_, Result<Option<VimVm>, VimError>>;
    /// All VMs that carry the token (normally none or one).
    fn find_by_token(&self, token: CreateToken) -> PortFuture<'_, Result<Vec<VimVm>, VimError>>;
    /// Looks a named resource up.
    fn find(&self, what: Find) -> PortFuture<'_, Result<Option<VimResource>, VimError>>;
    /// How long after a create call with lost outcome a VM may still appear.
    fn landing_bound(&self) -> Duration;
}

/// The VIMs there are, by connector id. They come, change and go with the configuration.
pub trait Vims: Send + Sync {
    /// The driver of a connector; `None`: no such connector is configured.
    fn vim(&self, id: &str) -> Option<Arc<dyn Vim>>;
    /// Takes over what is configured now, and says of each how long a lost create may take to land.
    fn configure(&self, connectors: Vec<ConnectorSpec>) -> BTreeMap<String, Duration>;
}

/// VIMs that answer the collectors of their VMs themselves (simulated ones), by connector id.
pub trait Probers: Send + Sync {
    /// That of a VIM; `None`: its VMs are probed over the network.
    fn prober(&self, vim: &str) -> Option<Arc<dyn Prober>>;
}

impl Probers for BTreeMap<String, Arc<dyn Prober>> {
    fn prober(&self, vim: &str) -> Option<Arc<dyn Prober>> {
        self.get(vim).cloned()
    }
}

/// One probe to send.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ProbeTarget {
    /// Collector type: `ICMPPing`, `TCPConnect`, ...
    pub collector: String,
    /// The VIM the VM lives in: a simulated one answers its collectors itself.
    pub vim: String,
    /// The VIM's id of the VM.
    pub vm_id: VmId,
    /// Address of the interface named by the KPI; `None` when it has none.
    pub address: Option<String>,
    /// How long to wait for an answer.
    pub timeout: Duration,
}

/// Three answers: alive, failed, cannot tell (P6).
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub enum Verdict {
    /// It answers; the measured value where there is one (milliseconds for a round trip).
    Alive(f64),
    /// It was asked properly and did not answer in time.
    NoAnswer,
    /// The prober itself could not ask (no socket, no route, no address, collector unknown).
    CannotTell,
}

/// Asks VMs whether they live.
pub trait Prober: Send + Sync {
    /// Whether it knows this collector; what a VIM's own prober does not know is asked over the network.
    fn answers(&self, _collector: &str) -> bool {
        true
    }
    /// Sends one probe and waits for its verdict.
    fn probe(&self, target: ProbeTarget) -> PortFuture<'_, Verdict>;
}

/// What to watch of one VM, from now on.
#[derive(Clone, PartialEq, Debug)]
pub struct MonitorRequest {
    /// Which VM.
    pub vm: VmName,
    /// Which VIM it lives in.
    pub vim: String,
    /// The VIM's id of it.
    pub vm_id: VmId,
    /// To be given back with each probe.
    pub generation: u32,
    /// The KPIs to poll, each at its own pace.
    pub kpis: Vec<crate::model::deployment::Kpi>,
    /// Interfaces, to find the address a KPI's `nicid` names.
    pub interfaces: Vec<InterfaceInfo>,
}

/// One probe's end.
#[derive(Clone, PartialEq, Debug)]
pub struct ProbeReport {
    /// Which VM.
    pub vm: VmName,
    /// Which KPI.
    pub kpi: String,
    /// The generation of the request.
    pub generation: u32,
    /// What the prober says.
    pub verdict: Verdict,
}

/// Receives every probe's end; must not block.
pub type ProbeSink = Box<dyn Fn(ProbeReport) + Send + Sync>;

/// Polls VMs until told to stop.
pub trait Monitors: Send + Sync {
    /// Where reports go; set once, before the first [`Monitors::start`].
    fn report_to(&self, sink: ProbeSink);
    /// Watches a VM; replaces the watch it had.
    fn start(&self, request: MonitorRequest);
    /// Stops watching a VM.
    fn stop(&self, vm: &VmName);
}
