//! One VM: its row, its jobs, and how a job begins.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::ids::{CreateToken, DeploymentKey, VmName};
use crate::model::deployment::VmGroup;
use crate::model::event::{EventKind, InterfaceInfo, VmRef};
use crate::model::inventory::VmInstance;
use crate::model::operation::LcmOpOcc;
use crate::model::resource::ResourceKind;
use crate::model::state::VmState;
use crate::model::vim::FailureReason;

use super::super::alarm::Alarm;
use super::super::call::{CallInput, Goal, Intent};
use super::super::caller::{Caller, Cx, NewLate};
use super::super::history;
use super::super::io::{Owner, TimerKind};
use super::super::messages;
use super::super::port::{CreateVm, InterfaceRequest, VimCall, VimVm};
use super::super::recovery::{RecoveryInput, RecoveryState};
use super::deployment::{Head, Stopping};
use super::heal::quiet_left;

/// What is under way on a VM.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub(crate) enum Job {
    /// Nothing.
    #[default]
    Idle,
    /// It is being made.
    Create,
    /// It must answer within its bootup time.
    Boot,
    /// It is being removed for good.
    Remove,
    /// It is being removed, to be made again.
    Replace,
    /// It is asked to stop, before it is removed.
    Drain,
    Stop,
    Start,
    Reboot,
    Resize,
    /// The recovery machine has it.
    Recover,
}

/// The stored row of one VM.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub(crate) struct VmRow {
    pub key: DeploymentKey,
    pub vim: String,
    pub vm: VmInstance,
    /// The group as last applied: what a redeploy makes.
    pub group: Arc<VmGroup>,
    pub job: Job,
    pub recovery: RecoveryState,
    pub caller: Caller,
    /// The VM at the INIT of the recovery under way.
    pub source: Option<VmRef>,
    /// The last recovery.
    pub heal: Option<LcmOpOcc>,
    /// Generation of the monitor.
    pub monitor: u32,
    pub monitored: bool,
    /// Token of the last create.
    pub token: Option<CreateToken>,
    /// The last create's outcome is not known.
    pub uncertain: bool,
    /// Creates lost in this step.
    pub lost: u32,
    /// To be removed as soon as the call under way has ended.
    pub doomed: bool,
    /// What failed in the operation under way.
    pub failed: Option<FailureReason>,
    /// Addresses and ports kept over a redeploy.
    pub kept: Vec<InterfaceInfo>,
    /// VM_DEPLOYED was sent: its removal is told too.
    pub announced: bool,
    /// Its removal was told as failed: what follows is silent.
    pub leftover: bool,
    /// Removed for good: the row goes.
    pub gone: bool,
    /// The VM that the redeploy under way replaces.
    pub old: Option<VmRef>,
    /// Its power is being taken away: there is nothing more to try.
    #[serde(default)]
    pub insisted: bool,
}

impl VmRow {
    /// A VM that is wanted and not made yet.
    pub fn new(
        key: &DeploymentKey,
        vim: &str,
        group: Arc<VmGroup>,
        index: u32,
        cx: &mut Cx<'_>,
    ) -> Self {
        let unique = cx.mint.uuid_for(&format!("{key}/{}/{index}", group.name));
        let name = format!("{}_{}_{index}_{unique}", key.name, group.name);
        Self {
            key: key.clone(),
            vim: vim.to_owned(),
            vm: VmInstance {
                name: VmName::new(name),
                group: group.name.clone(),
                index,
                state: VmState::Undef,
                vm_id: None,
                host_id: String::new(),
                host_name: String::new(),
                interfaces: Vec::new(),
                generation: 0,
                vim_op: None,
                history: Vec::new(),
            },
            group,
            job: Job::Idle,
            recovery: RecoveryState::Idle,
            caller: Caller::default(),
            source: None,
            heal: None,
            monitor: 0,
            monitored: false,
            token: None,
            uncertain: false,
            lost: 0,
            doomed: false,
            failed: None,
            kept: Vec::new(),
            announced: false,
            leftover: false,
            gone: false,
            old: None,
            insisted: false,
        }
    }

    /// Its name as an owner of intents and timers.
    pub fn owner(&self) -> Owner {
        Owner::Vm(self.key.clone(), self.vm.name.clone())
    }

    /// Whether nothing is under way on it.
    pub fn is_settled(&self) -> bool {
        self.job == Job::Idle
    }

    /// Whether the VIM has, or may have, something of it.
    pub fn may_exist(&self) -> bool {
        self.vm.vm_id.is_some() || self.uncertain
    }

    /// Makes it.
    pub fn begin_create(&mut self, head: &Head, cx: &mut Cx<'_>) {
        self.job = Job::Create;
        self.lost = 0;
        self.create(head, cx);
        self.sync();
    }

    /// Removes it for good, at the next safe point.
    pub fn begin_remove(&mut self, head: &Head, cx: &mut Cx<'_>) {
        match self.job {
            Job::Remove => {}
            Job::Replace => self.job = Job::Remove,
            Job::Recover => {
                self.doomed = true;
                self.recover(RecoveryInput::Preempt, head, cx);
            }
            _ if self
                .caller
                .intent
                .as_ref()
                .is_some_and(|intent| !intent.is_harmless()) =>
            {
                self.doomed = true;
            }
            _ => {
                let owner = self.owner();
                self.caller.drop_call(&owner, cx);
                self.quit_recovery(head, cx);
                self.remove_now(Job::Remove, head, cx);
            }
        }
        self.sync();
    }

    /// Removes it to make it again from `group`.
    pub fn begin_replace(&mut self, group: Arc<VmGroup>, head: &Head, cx: &mut Cx<'_>) {
        self.quit_recovery(head, cx);
        self.group = group;
        self.remove_now(Job::Replace, head, cx);
        self.sync();
    }

    /// Stops, starts, reboots or resizes it.
    pub fn begin_power(&mut self, job: Job, head: &Head, cx: &mut Cx<'_>) {
        self.quit_recovery(head, cx);
        let Some(vm_id) = self.vm.vm_id.clone() else {
            self.job_failed(job, no_vm(), Vec::new(), head, cx);
            return;
        };
        self.unwatch(cx);
        let stopping = head.stopping();
        let limit = match (job, stopping) {
            (Job::Stop, Stopping::Within(ms)) => Some(Duration::from_millis(ms)),
            _ => step_timeout(cx),
        };
        self.insisted = stopping == Stopping::AtOnce;
        let (goal, call) = match job {
            Job::Stop if stopping == Stopping::AtOnce => {
                (Goal::Stopped, VimCall::PowerOffVm(vm_id))
            }
            Job::Stop => (Goal::Stopped, VimCall::StopVm(vm_id)),
            Job::Start => (Goal::Running, VimCall::StartVm(vm_id)),
            Job::Resize => {
                let flavor = head.resolved(ResourceKind::Flavor, &self.group.flavor);
                (Goal::Resized, VimCall::ResizeVm { vm: vm_id, flavor })
            }
            _ => (
                Goal::Rebooted,
                VimCall::RebootVm {
                    vm: vm_id,
                    hard: true,
                },
            ),
        };
        self.job = job;
        self.call(goal, Some(call), limit, head, cx);
        self.sync();
    }

    /// A KPI that speaks of life turned.
    pub fn on_alarm(&mut self, alarm: Alarm, head: &Head, cx: &mut Cx<'_>) {
        match (self.job, alarm) {
            (Job::Boot, Alarm::True) => {
                let owner = self.owner();
                self.caller.timers.disarm(&owner, TimerKind::Boot, cx);
                self.now_alive(head, cx);
            }
            // Still within its bootup time.
            (Job::Boot, Alarm::False) => {}
            (Job::Idle | Job::Recover, Alarm::True) => {
                self.recover(RecoveryInput::KpiTrue, head, cx);
            }
            (Job::Idle | Job::Recover, Alarm::False) => {
                self.recover(RecoveryInput::KpiFalse, head, cx);
            }
            _ => {}
        }
        self.sync();
    }

    /// A timer of it is due.
    pub fn on_timer(&mut self, kind: TimerKind, seq: u32, head: &Head, cx: &mut Cx<'_>) {
        if !self.caller.timers.fire(kind, seq) {
            return;
        }
        match kind {
            TimerKind::Boot if self.job == Job::Boot => {
                self.job = Job::Idle;
                let line = messages::not_alive(&self.vm.name, self.group.bootup_time);
                history::push(&mut self.vm.history, line, cx.settings);
                self.recover(RecoveryInput::BootExpired, head, cx);
            }
            TimerKind::Boot => self.recover(RecoveryInput::BootExpired, head, cx),
            TimerKind::Wait => self.recover(RecoveryInput::WaitExpired, head, cx),
            TimerKind::Quiet => self.recover(RecoveryInput::QuietOver, head, cx),
            TimerKind::Pause => self.on_call(CallInput::PauseOver, head, cx),
            TimerKind::Limit => self.on_call(CallInput::LimitOver, head, cx),
            TimerKind::Deadline => {}
        }
        self.sync();
    }

    /// After a restart: timers, calls and monitors again.
    pub fn restart(&mut self, head: &Head, cx: &mut Cx<'_>) {
        let owner = self.owner();
        let looked = quiet_left(&self.group, cx);
        let least = |kind| match kind {
            TimerKind::Boot | TimerKind::Wait => looked,
            _ => Duration::ZERO,
        };
        self.caller.timers.restart(&owner, least, cx);
        if self.caller.intent.is_some() {
            self.on_call(CallInput::Restart, head, cx);
        }
        if self.monitored {
            self.watch(cx);
        }
        self.sync();
    }

    /// Issues the create of the next generation.
    pub(super) fn create(&mut self, head: &Head, cx: &mut Cx<'_>) {
        self.vm.generation = self.vm.generation.saturating_add(1);
        let token = CreateToken::new(format!("{}.{}", self.vm.name, self.vm.generation));
        let create = self.create_call(token.clone(), head);
        self.token = Some(token);
        self.call(
            Goal::Made,
            Some(VimCall::CreateVm(create)),
            step_timeout(cx),
            head,
            cx,
        );
    }

    fn create_call(&self, token: CreateToken, head: &Head) -> CreateVm {
        let group = &self.group;
        let interfaces = group.interfaces.iter().map(|spec| {
            let kept = self.kept.iter().find(|kept| kept.nicid == spec.nicid);
            let keep = |text: Option<&String>| text.filter(|text| !text.is_empty()).cloned();
            InterfaceRequest {
                nicid: spec.nicid,
                network: head.resolved_network(&spec.network),
                kind: spec.kind.clone(),
                ip_address: spec
                    .ip_address
                    .clone()
                    .or(keep(kept.map(|k| &k.ip_address))),
                mac_address: spec
                    .mac_address
                    .clone()
                    .or(keep(kept.map(|k| &k.mac_address))),
                port_id: keep(kept.map(|k| &k.port_id)),
            }
        });
        CreateVm {
            name: group
                .vim_vm_name
                .as_ref()
                .map_or_else(|| self.vm.name.clone(), VmName::new),
            token,
            tenant: head.tenant_id.clone(),
            image: head.resolved(ResourceKind::Image, &group.image),
            flavor: head.resolved(ResourceKind::Flavor, &group.flavor),
            interfaces: interfaces.collect(),
            volumes: group.volumes.clone(),
            config_data: group.config_data.clone(),
        }
    }

    /// Begins the removal; `false`: the VIM has nothing of it.
    pub(super) fn delete(&mut self, limit: Option<Duration>, head: &Head, cx: &mut Cx<'_>) -> bool {
        self.unwatch(cx);
        let call = self.vm.vm_id.clone().map(VimCall::DeleteVm);
        if call.is_none() && !self.uncertain {
            return false;
        }
        self.call(Goal::Gone, call, limit, head, cx);
        true
    }

    fn remove_now(&mut self, job: Job, head: &Head, cx: &mut Cx<'_>) {
        self.job = job;
        let limit = match head.is_undeploying() {
            true => None,
            false => step_timeout(cx),
        };
        if !self.delete(limit, head, cx) {
            self.removed(false, head, cx);
        }
    }

    pub(super) fn call(
        &mut self,
        goal: Goal,
        call: Option<VimCall>,
        limit: Option<Duration>,
        head: &Head,
        cx: &mut Cx<'_>,
    ) {
        let owner = self.owner();
        let mut intent = Intent::new(cx.intent_id(), &head.vim, goal, limit);
        intent.host = self.vm.host_id.clone();
        intent.target = self.vm.vm_id.as_ref().map(|id| id.as_str().to_owned());
        if matches!(intent.goal, Goal::Made | Goal::Gone) {
            intent.token = self.token.clone();
        }
        if intent.goal == Goal::Made {
            intent.host = String::new();
            intent.target = None;
        }
        intent.call = call;
        self.vm.vim_op = None;
        self.caller.begin(&owner, intent, cx);
    }

    /// The VM is gone (`existed`: there was one).
    pub(super) fn removed(&mut self, existed: bool, head: &Head, cx: &mut Cx<'_>) {
        if (existed || self.announced) && !self.leftover {
            history::push(&mut self.vm.history, messages::VM_DELETED, cx.settings);
            let mut event = self.event(head, EventKind::VmUndeployed, messages::VM_DELETED);
            event.source = event.source.or(self.source.clone());
            cx.events.push(event);
        }
        self.announced = false;
        self.forget_vm();
        match self.job {
            Job::Replace => {
                self.job = Job::Create;
                self.lost = 0;
                self.create(head, cx);
            }
            _ => {
                self.job = Job::Idle;
                self.gone = true;
                let owner = self.owner();
                self.caller.timers.clear(&owner, cx);
            }
        }
    }

    /// What the VIM had of it is no more.
    pub(super) fn forget_vm(&mut self) {
        if !self.vm.interfaces.is_empty() {
            self.kept = std::mem::take(&mut self.vm.interfaces);
        }
        self.vm.vm_id = None;
        self.vm.host_id = String::new();
        self.vm.host_name = String::new();
        self.uncertain = false;
    }

    /// Takes over what the VIM shows.
    pub(super) fn adopt(&mut self, seen: VimVm) {
        self.vm.vm_id = Some(seen.id);
        if !seen.host_id.is_empty() {
            self.vm.host_id = seen.host_id;
            self.vm.host_name = seen.host_name;
        }
        if !seen.interfaces.is_empty() {
            self.vm.interfaces = seen.interfaces;
        }
        self.uncertain = false;
    }

    pub(super) fn watch_for_late(
        &self,
        copy: Option<crate::ids::VmId>,
        head: &Head,
        cx: &mut Cx<'_>,
    ) {
        if let Some(token) = self.token.clone() {
            cx.late.push(NewLate {
                token,
                vim: head.vim.clone(),
                vm: self.vm.name.clone(),
                copy,
            });
        }
    }

    /// The VM is there: wait until it answers, or take it as alive when nobody watches it.
    pub(super) fn enter_boot(&mut self, head: &Head, cx: &mut Cx<'_>) {
        match self.group.bootup_time.filter(|_| self.group.is_monitored()) {
            Some(within) => {
                self.job = Job::Boot;
                let owner = self.owner();
                self.watch(cx);
                self.caller.timers.arm(&owner, TimerKind::Boot, within, cx);
            }
            None => self.now_alive(head, cx),
        }
    }

    pub(super) fn now_alive(&mut self, head: &Head, cx: &mut Cx<'_>) {
        self.job = Job::Idle;
        self.vm.state = VmState::Alive;
        let id = self.vm.vm_id.as_ref().map_or("", |id| id.as_str());
        let event = self.event(head, EventKind::VmAlive, messages::vm_alive(id));
        cx.events.push(event);
    }

    /// Ends what the recovery machine and the boot timer still hold.
    pub(super) fn quit_recovery(&mut self, head: &Head, cx: &mut Cx<'_>) {
        let owner = self.owner();
        self.caller.timers.disarm(&owner, TimerKind::Boot, cx);
        if self.recovery != RecoveryState::Idle {
            self.recover(RecoveryInput::Preempt, head, cx);
        }
    }
}

pub(super) fn step_timeout(cx: &Cx<'_>) -> Option<Duration> {
    Some(Duration::from_millis(cx.settings.step_timeout_ms))
}

pub(super) fn no_vm() -> FailureReason {
    FailureReason {
        code: "vm-missing".to_owned(),
        text: "the VM does not exist in the VIM".to_owned(),
    }
}
