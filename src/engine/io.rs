//! What goes into the core and what comes out: plain values, no promise of who carries them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::clock::{Mono, Timestamp};
use crate::ids::{CreateToken, DeploymentKey, OpId, Revision, VmId, VmName};
use crate::model::action::{Action, Refusal};
use crate::model::deployment::{Deployment, Kpi};
use crate::model::event::{Event, InterfaceInfo};
use crate::model::instance::{InstanceRecord, JournalEntry, LcmRequest};
use crate::model::inventory::DeploymentRecord;
use crate::model::operation::OpRecord;
use crate::model::resource::{ResourceKey, ResourceKind, ResourceRecord, ResourceSpec};
use crate::model::vim::{FailureReason, VimOpRef, VimOpStatus};

use super::caller::VimInfo;
use super::core::Undo;
use super::port::{Accepted, Find, Verdict, VimCall, VimError, VimResource, VimVm};

/// The moment a step is taken in; recorded with the input, so that a replay decides the same.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Ctx {
    /// Wall time.
    pub wall: Timestamp,
    /// Monotonic time.
    pub mono: Mono,
    /// Seed of every id and jitter made in the step.
    pub seed: u64,
}

/// Names one durable intent: a VIM call, or an inquiry that needs an answer.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct IntentId(pub String);

/// Where the answer to an action goes; chosen by the shell, never stored.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ReplyId(pub u64);

/// Who owns an intent or a timer.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum Owner {
    /// A deployment.
    Deployment(DeploymentKey),
    /// A VM of a deployment.
    Vm(DeploymentKey, VmName),
    /// An ephemeral network of a deployment.
    Network(DeploymentKey, String),
    /// A name that a deployment looks up in the VIM.
    Lookup(DeploymentKey, ResourceKind, String),
    /// A shared resource.
    Resource(ResourceKey),
    /// A create given up as lost, still looked for.
    Late(CreateToken),
}

/// What a timer is for. Setting one again replaces the one before.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum TimerKind {
    /// T1, T3, T4: the VM must be alive by now.
    Boot,
    /// T2: the VM was given this time to come back.
    Wait,
    /// End of the quiet time after our own start.
    Quiet,
    /// Next attempt or look of a VIM call.
    Pause,
    /// A VIM call has taken too long.
    Limit,
    /// An undeploy has taken too long.
    Deadline,
}

/// Names one setting of one timer: a timer set again has another `seq`, so a late firing is known as stale.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct TimerKey {
    /// Whose.
    pub owner: Owner,
    /// What for.
    pub kind: TimerKind,
    /// Which setting of it.
    pub seq: u32,
}

/// A durable message between actors (outbox row), delivered at least once, acted on once.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Message {
    /// Unique id.
    pub id: String,
    /// What is said, and to whom.
    pub body: MessageBody,
}

/// What actors say to each other.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub enum MessageBody {
    /// To a resource: be there, and tell `user`.
    Ensure {
        /// The resource.
        key: ResourceKey,
        /// What to make where it is not configured (a tenant in another VIM).
        spec: Option<ResourceSpec>,
        /// Who needs it.
        user: DeploymentKey,
    },
    /// To a resource: `user` needs it no more.
    Release {
        /// The resource.
        key: ResourceKey,
        /// Who.
        user: DeploymentKey,
    },
    /// To a deployment: the resource is there.
    Ready {
        /// The resource.
        key: ResourceKey,
        /// Who asked.
        user: DeploymentKey,
        /// The VIM's id.
        id: String,
    },
    /// To a deployment: the resource could not be made; its own event has said so.
    Failed {
        /// The resource.
        key: ResourceKey,
        /// Who asked.
        user: DeploymentKey,
        /// Why.
        reason: FailureReason,
    },
}

/// One input of the core.
#[derive(Clone, PartialEq, Debug)]
pub enum Input {
    /// A configuration commit changed these; `None` is a removal. Sending the same again changes nothing.
    Desired {
        /// Revision of the running configuration.
        revision: Revision,
        /// Changed deployments.
        deployments: Vec<(DeploymentKey, Option<Arc<Deployment>>)>,
        /// Changed shared resources, tenants included.
        resources: Vec<(ResourceKey, Option<ResourceSpec>)>,
        /// Whether more of the same change follows: a large one comes in pieces.
        more: bool,
    },
    /// A person asks for something.
    Action {
        /// Where the answer goes.
        reply: ReplyId,
        /// What.
        action: Action,
    },
    /// `Effect::Call` was accepted.
    VimAccepted {
        /// Of which intent.
        intent: IntentId,
        /// The VIM's answer.
        accepted: Accepted,
    },
    /// `Effect::Call` was not accepted, or nobody knows.
    VimRefused {
        /// Of which intent.
        intent: IntentId,
        /// The VIM's answer, or its lack.
        error: VimError,
    },
    /// `Effect::Track` goes on, and the VIM does not answer.
    VimSilent {
        /// Of which intent.
        intent: IntentId,
    },
    /// `Effect::Track` ended: terminal, or nobody knows.
    VimStatus {
        /// Of which intent.
        intent: IntentId,
        /// What the record says.
        status: VimOpStatus,
    },
    /// Answer to `Effect::Describe`.
    Described {
        /// Of which intent.
        intent: IntentId,
        /// The VIM's answer.
        result: Result<Option<VimVm>, VimError>,
    },
    /// Answer to `Effect::FindByToken`.
    FoundByToken {
        /// Of which intent.
        intent: IntentId,
        /// The VIM's answer.
        result: Result<Vec<VimVm>, VimError>,
    },
    /// Answer to `Effect::FindResource`.
    FoundResource {
        /// Of which intent.
        intent: IntentId,
        /// The VIM's answer.
        result: Result<Option<VimResource>, VimError>,
    },
    /// A commit that an operation asked for changed its deployment; `None` is a removal.
    Asked {
        /// The operation.
        operation: OpId,
        /// Revision of the running configuration.
        revision: Revision,
        /// The deployment.
        key: DeploymentKey,
        /// As it is to be.
        desired: Option<Arc<Deployment>>,
    },
    /// Somebody asks for something through SOL003. The answer names the operation, or the instance where the
    /// request is about one.
    Lcm {
        /// Where the answer goes.
        reply: ReplyId,
        /// What.
        request: Box<LcmRequest>,
    },
    /// One probe of one KPI ended.
    Probe {
        /// Which VM.
        vm: VmName,
        /// Which KPI.
        kpi: String,
        /// The generation `Effect::StartMonitor` named.
        generation: u32,
        /// What the prober says.
        verdict: Verdict,
    },
    /// A timer is due.
    Timer(TimerKey),
    /// Connectors came, changed or went.
    Vims(BTreeMap<String, VimInfo>),
    /// The kill switch was turned: on, no new automatic recovery begins.
    KillSwitch {
        /// New position.
        on: bool,
    },
    /// `Effect::Deliver` came back.
    Message(Message),
}

/// What the shell must do once the transaction is durable, in order. See [`super::core`] for how.
#[derive(Clone, PartialEq, Debug)]
pub enum Effect {
    /// Ask the VIM for a change.
    Call {
        /// Whose answer to give.
        intent: IntentId,
        /// Which VIM.
        vim: String,
        /// What.
        call: VimCall,
        /// Key under which a repeated call does not act twice.
        idempotency: String,
    },
    /// Follow the VIM's record until it is terminal.
    Track {
        /// Whose answer to give.
        intent: IntentId,
        /// The record.
        op: VimOpRef,
        /// Whether the VIM is known to be silent: its first answer ends this.
        silent: bool,
    },
    /// Look at one VM.
    Describe {
        /// Whose answer to give.
        intent: IntentId,
        /// Which VIM.
        vim: String,
        /// Which VM.
        vm: VmId,
    },
    /// Look for VMs that carry a token.
    FindByToken {
        /// Whose answer to give.
        intent: IntentId,
        /// Which VIM.
        vim: String,
        /// Which token.
        token: CreateToken,
    },
    /// Look a named resource up.
    FindResource {
        /// Whose answer to give.
        intent: IntentId,
        /// Which VIM.
        vim: String,
        /// What.
        what: Find,
    },
    /// Probe a VM's KPIs, each at its own pace, until stopped; replaces the monitor the VM had.
    StartMonitor {
        /// Which VM.
        vm: VmName,
        /// Which VIM it lives in.
        vim: String,
        /// The VIM's id of it.
        vm_id: VmId,
        /// To be given back with each probe.
        generation: u32,
        /// The KPIs that are enabled.
        kpis: Vec<Kpi>,
        /// Interfaces, to find the address a KPI's `nicid` names.
        interfaces: Vec<InterfaceInfo>,
    },
    /// Stop probing a VM.
    StopMonitor {
        /// Which VM.
        vm: VmName,
    },
    /// Give the key back after this time on the monotonic clock.
    SetTimer {
        /// The key.
        key: TimerKey,
        /// After how long.
        after: Duration,
    },
    /// The key is not wanted any more.
    CancelTimer {
        /// The key.
        key: TimerKey,
    },
    /// Give the message back as an input.
    Deliver(Message),
}

/// What a person or a metric should hear of beside the events.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Report {
    /// A create that was given up as lost landed after the driver's bound (P7); it is being deleted.
    LateLanding {
        /// The VM it was made for.
        vm: VmName,
        /// The copy.
        vm_id: VmId,
    },
    /// A new recovery was held back.
    Suppressed {
        /// Of which VM.
        vm: VmName,
        /// Why.
        reason: FailureReason,
    },
    /// The kill switch was turned.
    KillSwitch {
        /// New position.
        on: bool,
    },
    /// The inputs name something the core does not know; nothing was done.
    Ignored(String),
}

/// A changed projection, for publication in the same batch. `None` is a removal.
#[derive(Clone, PartialEq, Debug)]
pub enum RecordChange {
    /// A deployment.
    Deployment(DeploymentKey, Option<Arc<DeploymentRecord>>),
    /// A shared resource.
    Resource(ResourceKey, Option<Arc<ResourceRecord>>),
    /// An operation.
    Operation(OpId, Option<Arc<OpRecord>>),
    /// What is kept of a VNF instance.
    Instance(DeploymentKey, Option<Arc<InstanceRecord>>),
}

/// A row to write: table, key, value (`None` deletes).
pub type RowWrite = (&'static str, String, Option<Vec<u8>>);

/// All that one input changed: one atomic batch, and what follows once it is durable.
#[derive(Debug, Default)]
pub struct Transaction {
    /// Rows to write.
    pub rows: Vec<RowWrite>,
    /// Events in order.
    pub events: Vec<Event>,
    /// Lines of the journal of operations and instances, in order.
    pub journal: Vec<JournalEntry>,
    /// Projections that changed.
    pub records: Vec<RecordChange>,
    /// To be carried out when durable, in order.
    pub effects: Vec<Effect>,
    /// Answers to be given when durable.
    pub replies: Vec<(ReplyId, Result<OpId, Refusal>)>,
    /// For logs and counters.
    pub reports: Vec<Report>,
    /// How to take it back.
    pub undo: Undo,
}

impl Transaction {
    /// Whether nothing has to be stored or told: the shell may then skip the batch and carry the effects out.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
            && self.events.is_empty()
            && self.records.is_empty()
            && self.journal.is_empty()
            && self.replies.is_empty()
    }
}
