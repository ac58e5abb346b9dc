//! One deployment: its head row, its VMs, its projection.

use std::sync::Arc;

use imbl::OrdMap;
use serde::{Deserialize, Serialize};

use crate::ids::{DeploymentId, DeploymentKey, OpId, Revision, TenantId, VmName};
use crate::model::action::ActionType;
use crate::model::deployment::Deployment;
use crate::model::event::{Event, EventKind, EventStatus, ResourceNames};
use crate::model::inventory::DeploymentRecord;
use crate::model::operation::{CancelMode, LcmOpOcc, LcmOperation, LcmOperationState, OpEvent};
use crate::model::resource::{ResourceKey, ResourceKind};
use crate::model::state::{ServiceState, VmState};
use crate::model::vim::FailureReason;

use super::super::caller::{Caller, Cx, Timers};
use super::super::io::{Owner, TimerKind};
use super::super::resource::{Stage, Thing};
use super::vm::VmRow;

/// What an operation does.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) enum OpKind {
    Deploy,
    Update,
    Undeploy,
    Service(ActionType),
    Vm(ActionType, VmName),
    Vms(ActionType, Vec<VmName>),
    Heal(Vec<VmName>),
}

/// How far it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) enum OpPhase {
    /// Tenant, networks and names.
    Prepare,
    /// VMs that are to go stop first.
    Drain,
    /// The VMs.
    Vms,
    /// Networks that are not wanted any more.
    CleanUp,
}

/// How an operation stops VMs (SOL003 5.5.2.10).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub(crate) enum Stopping {
    /// As the VIM does it.
    #[default]
    Plain,
    /// They are asked to, and lose their power after so many milliseconds.
    Within(u64),
    /// They lose their power.
    AtOnce,
}

/// The operation under way.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub(crate) struct Op {
    pub occ: LcmOpOcc,
    pub kind: OpKind,
    pub phase: OpPhase,
    pub failed: Option<FailureReason>,
    /// Its failure was told at its deadline; it goes on in silence.
    pub reported: bool,
    /// Asked for through SOL003: it rests where it fails.
    #[serde(default)]
    pub asked: bool,
    /// How it is being cancelled.
    #[serde(default)]
    pub cancel: Option<CancelMode>,
    /// It is being undone.
    #[serde(default)]
    pub back: bool,
    /// It was retried: what is there and failed is made anew.
    #[serde(default)]
    pub again: bool,
    #[serde(default)]
    pub stopping: Stopping,
}

/// How far a name is resolved.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub(crate) enum Resolution {
    Pending,
    /// The VIM's id.
    Known(String),
    Failed(FailureReason),
}

/// A name that the deployment uses and does not own.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub(crate) struct Reference {
    pub kind: ResourceKind,
    pub name: String,
    /// The shared resource it names; `None`: the VIM's own.
    pub actor: Option<ResourceKey>,
    pub resolution: Resolution,
    pub caller: Caller,
}

/// The row of a deployment, without its VMs.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub(crate) struct Head {
    pub key: DeploymentKey,
    pub deployment_id: DeploymentId,
    pub tenant_id: Option<TenantId>,
    pub vim: String,
    /// What is applied, or being applied.
    pub desired: Arc<Deployment>,
    pub revision: Revision,
    /// The latest edit that waits; `None` inside: an undeploy.
    pub pending: Option<(Revision, Option<Arc<Deployment>>)>,
    pub op: Option<Op>,
    pub last_op: Option<LcmOpOcc>,
    /// The operation that rests in FAILED_TEMP.
    #[serde(default)]
    pub resting: Option<Op>,
    /// The operation that what is pending was asked for by.
    #[serde(default)]
    pub asked: Option<LcmOpOcc>,
    /// How the operation that begins stops VMs.
    #[serde(default)]
    pub stopping: Stopping,
    /// A termination was given up: what it left is nobody's to remove unasked.
    #[serde(default)]
    pub left: bool,
    /// What failed beside the VMs.
    pub failed: Option<FailureReason>,
    pub state: ServiceState,
    pub references: Vec<Reference>,
    pub networks: Vec<Thing>,
    pub timers: Timers,
}

/// A deployment: cloned before each step, which shares all that the step does not touch.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Dep {
    pub head: Head,
    pub vms: OrdMap<VmName, Arc<VmRow>>,
}

impl Head {
    /// Its name as an owner of timers.
    pub fn owner(&self) -> Owner {
        Owner::Deployment(self.key.clone())
    }

    /// Whether it is being undeployed.
    pub fn is_undeploying(&self) -> bool {
        self.op
            .as_ref()
            .is_some_and(|op| op.kind == OpKind::Undeploy)
    }

    /// The operation under way.
    pub fn op_id(&self) -> Option<OpId> {
        self.op.as_ref().map(|op| op.occ.id.clone())
    }

    /// The VIM's id of an image or flavor, or its name when it is not resolved.
    pub fn resolved(&self, kind: ResourceKind, name: &str) -> String {
        let found = self
            .references
            .iter()
            .find(|reference| reference.kind == kind && reference.name == name);
        match found.map(|reference| &reference.resolution) {
            Some(Resolution::Known(id)) => id.clone(),
            _ => name.to_owned(),
        }
    }

    /// The same of a network: an ephemeral one comes first.
    pub fn resolved_network(&self, name: &str) -> String {
        let own = self
            .networks
            .iter()
            .find(|network| network.record.key.name == name);
        match own.and_then(|network| network.record.vim_id.clone()) {
            Some(id) => id,
            None => self.resolved(ResourceKind::Network, name),
        }
    }

    /// An event of this deployment, without VM.
    pub fn event(&self, kind: EventKind, status: EventStatus, code: u16, message: String) -> Event {
        Event {
            kind,
            status,
            code,
            message,
            resource: ResourceNames::default(),
            deployment: Some(self.key.name.clone()),
            tenant: Some(self.key.tenant.clone()),
            tenant_id: self.tenant_id.clone(),
            deployment_id: Some(self.deployment_id.clone()),
            vm_group: None,
            vm: None,
            source: None,
            target: None,
            op_id: self.op_id(),
            vim_op: None,
            reason: None,
        }
    }
}

impl Dep {
    /// A deployment that is asked for.
    pub fn new(
        desired: Arc<Deployment>,
        revision: Revision,
        default_vim: &str,
        cx: &mut Cx<'_>,
    ) -> Self {
        Self {
            head: Head {
                key: desired.key.clone(),
                deployment_id: DeploymentId::new(cx.mint.uuid_for(&desired.key.to_string())),
                tenant_id: None,
                vim: desired
                    .vim
                    .clone()
                    .unwrap_or_else(|| default_vim.to_owned()),
                desired,
                revision,
                pending: None,
                op: None,
                last_op: None,
                resting: None,
                asked: None,
                stopping: Stopping::Plain,
                left: false,
                failed: None,
                state: ServiceState::Deploying,
                references: Vec::new(),
                networks: Vec::new(),
                timers: Timers::default(),
            },
            vms: OrdMap::new(),
        }
    }

    /// Runs `f` on one VM.
    pub fn with_vm(&mut self, name: &VmName, f: impl FnOnce(&mut VmRow, &Head)) -> bool {
        let Some(row) = self.vms.get_mut(name) else {
            return false;
        };
        f(Arc::make_mut(row), &self.head);
        true
    }

    /// Runs `f` on every VM, in order of group and index.
    pub fn each_vm(&mut self, mut f: impl FnMut(&mut VmRow, &Head)) {
        for name in self.vm_order() {
            self.with_vm(&name, &mut f);
        }
    }

    /// Names in order of group (as configured; groups no longer configured last) and index.
    pub fn vm_order(&self) -> Vec<VmName> {
        let groups = &self.head.desired.vm_groups;
        let place = |group: &str| {
            groups
                .iter()
                .position(|configured| configured.name == group)
                .unwrap_or(groups.len())
        };
        let mut rows: Vec<_> = self
            .vms
            .values()
            .map(|row| (place(&row.vm.group), row))
            .collect();
        rows.sort_by(|(a_at, a), (b_at, b)| {
            (a_at, &a.vm.group, a.vm.index).cmp(&(b_at, &b.vm.group, b.vm.index))
        });
        rows.into_iter()
            .map(|(_, row)| row.vm.name.clone())
            .collect()
    }

    /// Whether no VM has anything under way.
    pub fn all_settled(&self) -> bool {
        self.vms.values().all(|row| row.is_settled())
    }

    /// What is under way, in words; `None`: nothing.
    pub fn busy(&self) -> Option<String> {
        if let Some(op) = &self.head.op {
            return Some(match &op.kind {
                OpKind::Deploy => "it is being deployed".to_owned(),
                OpKind::Update => "it is being updated".to_owned(),
                OpKind::Undeploy => "it is being undeployed".to_owned(),
                OpKind::Service(_) => "a service action is under way".to_owned(),
                OpKind::Vm(_, vm) => format!("an action on VM [{vm}] is under way"),
                OpKind::Vms(..) => "an action on VMs is under way".to_owned(),
                OpKind::Heal(_) => "it is being healed".to_owned(),
            });
        }
        let busy = self.vms.values().find(|row| !row.is_settled())?;
        Some(format!("VM [{}] is being recovered", busy.vm.name))
    }

    /// Begins an operation.
    pub fn begin_op(&mut self, kind: OpKind, automatic: bool, cx: &mut Cx<'_>) -> OpId {
        let fresh = OpId::new(cx.mint.uuid());
        let operation = match kind {
            OpKind::Deploy => LcmOperation::Instantiate,
            OpKind::Update => LcmOperation::Modify,
            OpKind::Undeploy => LcmOperation::Terminate,
            OpKind::Heal(_) => LcmOperation::Heal,
            OpKind::Service(_) | OpKind::Vm(..) | OpKind::Vms(..) => LcmOperation::Operate,
        };
        let vm = match &kind {
            OpKind::Vm(_, vm) => Some(vm.clone()),
            _ => None,
        };
        let target = matches!(kind, OpKind::Deploy | OpKind::Update | OpKind::Undeploy);
        let asked = self.head.asked.take();
        match &asked {
            // The one that rests goes on.
            Some(occ) if occ.state == LcmOperationState::RollingBack => self.head.resting = None,
            _ => self.give_up(cx),
        }
        self.head.left &= !target;
        let is_asked = asked.is_some();
        let mut occ = asked.unwrap_or_else(|| {
            let occ = LcmOpOcc {
                id: fresh,
                operation,
                state: LcmOperationState::Starting,
                start_time: cx.ctx.wall,
                state_entered: cx.ctx.wall,
                automatic,
                target: None,
                vm,
                error: None,
            };
            cx.notes.push(self.head.note(&occ));
            occ
        });
        let id = occ.id.clone();
        occ.target = target.then_some(self.head.revision);
        let back = occ.state == LcmOperationState::RollingBack;
        if let Some(next) = occ.state.next(OpEvent::Granted) {
            occ.state = next;
            occ.state_entered = cx.ctx.wall;
        }
        cx.notes.push(self.head.note(&occ));
        self.head.op = Some(Op {
            occ,
            kind,
            phase: OpPhase::Vms,
            failed: None,
            reported: false,
            asked: is_asked,
            cancel: None,
            back,
            again: false,
            stopping: std::mem::take(&mut self.head.stopping),
        });
        self.head.failed = None;
        self.each_vm(|vm, _| vm.failed = None);
        id
    }

    /// What opdata shows follows from what is under way.
    pub fn sync(&mut self) {
        let state = |wanted: VmState| move |row: &Arc<VmRow>| row.vm.state == wanted;
        let any = |wanted: VmState| self.vms.values().any(state(wanted));
        let resting = |row: &Arc<VmRow>| {
            matches!(
                row.vm.state,
                VmState::Alive
                    | VmState::MonitorUnset
                    | VmState::MonitorDisabled
                    | VmState::Shutoff
            )
        };
        let there = self.vms.values().all(|row| row.vm.vm_id.is_some());
        let at_rest = || match () {
            () if self.head.failed.is_some() || any(VmState::Error) => ServiceState::Error,
            () if !self.vms.is_empty() && self.vms.values().all(state(VmState::Shutoff)) => {
                ServiceState::Stopped
            }
            () if self.vms.values().all(resting) => ServiceState::Active,
            () => ServiceState::Inert,
        };
        self.head.state = match self.head.op.as_ref().map(|op| (&op.kind, op.reported)) {
            Some((OpKind::Undeploy, true)) => ServiceState::Error,
            Some((OpKind::Undeploy, false)) => ServiceState::Undeploying,
            Some((OpKind::Deploy | OpKind::Update, _)) if there && !self.vms.is_empty() => {
                ServiceState::Inert
            }
            Some((OpKind::Deploy | OpKind::Update, _)) => ServiceState::Deploying,
            Some((OpKind::Service(ActionType::Stop), _)) => ServiceState::Stopping,
            Some((OpKind::Service(ActionType::Start), _)) => ServiceState::Starting,
            Some((OpKind::Service(ActionType::Reboot), _)) => ServiceState::Rebooting,
            Some((OpKind::Service(_) | OpKind::Vm(..) | OpKind::Vms(..) | OpKind::Heal(_), _))
            | None => at_rest(),
        };
    }

    /// What opdata, events and SOL003 project.
    pub fn record(&self) -> DeploymentRecord {
        let order = self.vm_order();
        let rows: Vec<_> = order.iter().filter_map(|name| self.vms.get(name)).collect();
        let healing = rows
            .iter()
            .filter_map(|row| row.heal.as_ref())
            .find(|heal| !heal.state.is_terminal());
        let current = self.head.op.as_ref().map(|op| &op.occ).or(healing);
        let latest = || {
            let heals = rows.iter().filter_map(|row| row.heal.as_ref());
            heals
                .chain(&self.head.last_op)
                .max_by_key(|occ| occ.state_entered)
        };
        let reported = self.head.op.as_ref().is_some_and(|op| op.reported);
        let mut leftovers = Vec::new();
        if reported {
            leftovers.extend(rows.iter().map(|row| row.vm.name.as_str().to_owned()));
            let networks = self
                .head
                .networks
                .iter()
                .filter(|it| it.stage != Stage::Gone);
            leftovers.extend(networks.map(|network| network.record.key.name.clone()));
        }
        DeploymentRecord {
            key: self.head.key.clone(),
            deployment_id: self.head.deployment_id.clone(),
            tenant_id: self.head.tenant_id.clone(),
            vim: self.head.vim.clone(),
            service_state: self.head.state,
            vms: rows.iter().map(|row| row.vm.clone()).collect(),
            networks: self
                .head
                .networks
                .iter()
                .map(|network| network.record.clone())
                .collect(),
            operation: current.or_else(latest).cloned(),
            leftovers,
        }
    }

    /// A timer of the deployment itself is due.
    pub fn on_timer(&mut self, kind: TimerKind, seq: u32, cx: &mut Cx<'_>) {
        if self.head.timers.fire(kind, seq) && kind == TimerKind::Deadline {
            match self.is_draining() {
                true => self.end_drain(cx),
                false => self.undeploy_overdue(cx),
            }
        }
    }
}
