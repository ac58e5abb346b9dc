//! One tenant, network, image or flavor: looked up, made, kept and removed. The same machine serves shared
//! resources (actors of the core) and the ephemeral networks of a deployment.

mod event;

use std::time::Duration;

use imbl::OrdSet;
use serde::{Deserialize, Serialize};

use crate::ids::{CreateToken, DeploymentKey, TenantId};
use crate::model::event::EventKind;
use crate::model::resource::{
    ResourceKey, ResourceKind, ResourceRecord, ResourceSpec, ResourceState,
};
use crate::model::vim::FailureReason;

use self::event::{create_kind, created_message, delete_kind, deleted_message};
use super::call::{CallInput, Goal, Intent, Outcome};
use super::caller::{Caller, Cx};
use super::io::{MessageBody, Owner, TimerKind};
use super::lifecycle::deployment::Head;
use super::messages;
use super::port::{Find, VimCall, VimResource};

/// What is under way.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) enum Stage {
    /// Nothing was asked yet.
    Absent,
    /// The VIM is asked whether it has it.
    LookUp,
    /// It is being made.
    Create,
    /// This subnet is being made.
    Subnet(String),
    /// It is there.
    Ready,
    /// This subnet is being removed.
    DropSubnet(String),
    /// It is being removed.
    Drop,
    /// The last attempt failed.
    Failed,
    /// It is gone, and so may its row.
    Gone,
}

/// One resource and its calls.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub(crate) struct Thing {
    pub record: ResourceRecord,
    pub stage: Stage,
    pub caller: Caller,
    pub wanted: bool,
    /// The token it is made with when it belongs to one deployment: it is never looked up before, as
    /// another deployment's network of the same name is not meant.
    pub token: Option<CreateToken>,
    /// Its failing removal was reported; what follows is silent.
    pub reported: bool,
    pub failed: Option<FailureReason>,
    /// Its create ended unknown: it may be there.
    pub uncertain: bool,
    /// The VIM's id of the tenant it lives in.
    pub tenant_id: Option<TenantId>,
    /// Deployments that use it.
    #[serde(skip)]
    pub users: Users,
    /// Of these, those that wait for an answer.
    #[serde(skip)]
    pub waiters: Users,
}

/// Deployments that need a resource. Their own rows say so too, so this is read back from there and neither
/// stored nor compared: a tenant that thousands share costs no more to write than another.
#[derive(Clone, Debug, Default)]
pub(crate) struct Users(OrdSet<DeploymentKey>);

impl Users {
    /// Adds one.
    pub fn insert(&mut self, user: DeploymentKey) {
        self.0.insert(user);
    }

    /// Removes one, if it is there.
    pub fn remove(&mut self, user: &DeploymentKey) {
        self.0.remove(user);
    }

    /// Whether nobody needs it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes all of them out, in order.
    pub fn take(&mut self) -> OrdSet<DeploymentKey> {
        std::mem::take(&mut self.0)
    }
}

impl PartialEq for Users {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Thing {
    /// A resource of which nothing is known.
    pub fn new(key: ResourceKey, spec: Option<ResourceSpec>, token: Option<CreateToken>) -> Self {
        Self {
            record: ResourceRecord {
                key,
                spec,
                state: ResourceState::Creating,
                vim_id: None,
                ours: false,
                subnets: Vec::new(),
            },
            stage: Stage::Absent,
            caller: Caller::default(),
            wanted: true,
            token,
            reported: false,
            failed: None,
            uncertain: false,
            tenant_id: None,
            users: Users::default(),
            waiters: Users::default(),
        }
    }

    /// Brings it about, unless it is there or on its way.
    pub fn ensure(&mut self, owner: &Owner, head: Option<&Head>, cx: &mut Cx<'_>) {
        self.wanted = true;
        match self.stage {
            Stage::Absent | Stage::Failed if self.record.vim_id.is_none() => {
                self.failed = None;
                self.record.state = ResourceState::Creating;
                if self.token.is_some() {
                    self.create(owner, head, cx);
                } else {
                    self.stage = Stage::LookUp;
                    self.call(owner, Goal::Answer, None, cx);
                }
            }
            Stage::Failed | Stage::Ready => {
                self.failed = None;
                self.go_on(owner, head, cx);
            }
            _ => {}
        }
    }

    /// Removes it as soon as nothing of it is under way.
    pub fn remove(&mut self, owner: &Owner, head: Option<&Head>, cx: &mut Cx<'_>) {
        if !self.wanted && !matches!(self.stage, Stage::Absent) {
            return;
        }
        self.wanted = false;
        self.record.state = ResourceState::Deleting;
        let harmless = self
            .caller
            .intent
            .as_ref()
            .is_some_and(|intent| intent.goal == Goal::Answer || intent.is_harmless());
        if harmless {
            self.caller.drop_call(owner, cx);
        }
        if self.token.is_none() {
            let after = Duration::from_millis(cx.settings.undeploy_deadline_ms);
            self.caller
                .timers
                .arm(owner, TimerKind::Deadline, after, cx);
        }
        if self.caller.intent.is_none() {
            self.go_on(owner, head, cx);
        }
    }

    /// An answer of the VIM.
    pub fn on_call(
        &mut self,
        owner: &Owner,
        input: CallInput,
        head: Option<&Head>,
        cx: &mut Cx<'_>,
    ) {
        if let Some(outcome) = self.caller.drive(owner, input, cx) {
            self.outcome(owner, outcome, head, cx);
        }
    }

    /// A timer of it is due.
    pub fn on_timer(
        &mut self,
        owner: &Owner,
        kind: TimerKind,
        seq: u32,
        head: Option<&Head>,
        cx: &mut Cx<'_>,
    ) {
        if !self.caller.timers.fire(kind, seq) {
            return;
        }
        match kind {
            TimerKind::Pause => self.on_call(owner, CallInput::PauseOver, head, cx),
            TimerKind::Limit => self.on_call(owner, CallInput::LimitOver, head, cx),
            TimerKind::Deadline => self.report_stuck(head, cx),
            _ => {}
        }
    }

    /// The removal takes too long: said once, still tried.
    pub fn report_stuck(&mut self, head: Option<&Head>, cx: &mut Cx<'_>) {
        if self.wanted || self.reported || self.stage == Stage::Gone {
            return;
        }
        let (kind, subnet) = match &self.stage {
            Stage::DropSubnet(name) => (EventKind::DeleteSubnet, Some(name.clone())),
            _ => (delete_kind(self.record.key.kind), None),
        };
        let lines = self
            .caller
            .intent
            .as_ref()
            .map(|intent| intent.lines.clone());
        let reason = FailureReason {
            code: "timeout".to_owned(),
            text: format!("[{}] could not be deleted in time", self.record.key.name),
        };
        let event = self.failure(kind, subnet, lines.unwrap_or_default(), reason, head);
        cx.events.push(event);
        self.reported = true;
    }

    /// After a restart.
    pub fn restart(&mut self, owner: &Owner, head: Option<&Head>, cx: &mut Cx<'_>) {
        self.caller.timers.restart(owner, |_| Duration::ZERO, cx);
        if self.caller.intent.is_some() {
            self.on_call(owner, CallInput::Restart, head, cx);
        }
    }

    /// The VIM's id, once it is wholly there.
    pub fn ready_id(&self) -> Option<&str> {
        match self.stage {
            Stage::Ready => self.record.vim_id.as_deref(),
            _ => None,
        }
    }

    fn outcome(&mut self, owner: &Owner, outcome: Outcome, head: Option<&Head>, cx: &mut Cx<'_>) {
        let stage = self.stage.clone();
        match (stage, outcome) {
            // (what was asked, how it ended)
            (
                Stage::LookUp,
                Outcome::Done {
                    resource: Some(found),
                    ..
                },
            ) => {
                self.record.vim_id = Some(found.id);
                self.record.subnets = found.subnets;
                self.record.ours = std::mem::take(&mut self.uncertain);
                self.go_on(owner, head, cx);
            }
            (Stage::LookUp, Outcome::Done { .. }) if !self.wanted => self.go_on(owner, head, cx),
            (Stage::LookUp, Outcome::Done { .. }) if self.may_create() => {
                self.create(owner, head, cx)
            }
            (Stage::LookUp, Outcome::Done { .. }) => {
                let reason = FailureReason {
                    code: "not-found".to_owned(),
                    text: format!("[{}] does not exist in the VIM", self.record.key.name),
                };
                self.fail(
                    create_kind(self.record.key.kind),
                    None,
                    Vec::new(),
                    reason,
                    head,
                    cx,
                );
            }
            (Stage::Create, Outcome::Done { resource, .. }) => {
                self.record.ours = true;
                self.take(resource);
                let id = self.record.vim_id.clone().unwrap_or_default();
                let message = created_message(self.record.key.kind, &id);
                let event = self.event(create_kind(self.record.key.kind), None, message, head);
                cx.events.push(event);
                self.go_on(owner, head, cx);
            }
            (Stage::Subnet(name), Outcome::Done { resource, .. }) => {
                self.take(resource);
                let subnet = self
                    .record
                    .subnets
                    .iter()
                    .find(|subnet| subnet.name == name);
                let id = subnet
                    .map_or("", |subnet| subnet.vim_id.as_str())
                    .to_owned();
                let message = messages::subnet_created(&id);
                let event = self.event(EventKind::CreateSubnet, Some(name), message, head);
                cx.events.push(event);
                self.go_on(owner, head, cx);
            }
            (Stage::DropSubnet(name), Outcome::Done { .. }) => {
                self.record.subnets.retain(|subnet| subnet.name != name);
                if !self.reported {
                    let message = messages::SUBNET_DELETED.to_owned();
                    let event = self.event(EventKind::DeleteSubnet, Some(name), message, head);
                    cx.events.push(event);
                }
                self.go_on(owner, head, cx);
            }
            (Stage::Drop, Outcome::Done { .. }) => {
                if !self.reported {
                    let kind = self.record.key.kind;
                    let message = deleted_message(kind).to_owned();
                    let event = self.event(delete_kind(kind), None, message, head);
                    cx.events.push(event);
                }
                self.record.vim_id = None;
                self.record.subnets.clear();
                self.go_on(owner, head, cx);
            }
            (stage, Outcome::Failed { lines, reason, .. }) => {
                self.failed_at(stage, lines, reason, head, cx)
            }
            (stage, Outcome::Unknown { reason }) => {
                self.uncertain |= stage == Stage::Create;
                self.failed_at(stage, Vec::new(), reason, head, cx)
            }
            (stage, _) => {
                let reason = FailureReason {
                    code: "vim-error".to_owned(),
                    text: "the VIM's answer does not fit the request".to_owned(),
                };
                self.failed_at(stage, Vec::new(), reason, head, cx);
            }
        }
        if !self.wanted && self.caller.intent.is_none() && self.stage == Stage::Failed {
            self.go_on(owner, head, cx);
        }
    }

    fn failed_at(
        &mut self,
        stage: Stage,
        lines: Vec<String>,
        reason: FailureReason,
        head: Option<&Head>,
        cx: &mut Cx<'_>,
    ) {
        let kind = self.record.key.kind;
        match stage {
            Stage::Subnet(name) => {
                self.fail(EventKind::CreateSubnet, Some(name), lines, reason, head, cx)
            }
            Stage::DropSubnet(name) => {
                self.fail(EventKind::DeleteSubnet, Some(name), lines, reason, head, cx)
            }
            Stage::Drop => self.fail(delete_kind(kind), None, lines, reason, head, cx),
            _ => self.fail(create_kind(kind), None, lines, reason, head, cx),
        }
    }

    fn fail(
        &mut self,
        kind: EventKind,
        subnet: Option<String>,
        lines: Vec<String>,
        reason: FailureReason,
        head: Option<&Head>,
        cx: &mut Cx<'_>,
    ) {
        let event = self.failure(kind, subnet, lines, reason.clone(), head);
        cx.events.push(event);
        self.stage = Stage::Failed;
        self.record.state = ResourceState::Failed;
        self.failed = Some(reason.clone());
        self.answer(Err(reason), cx);
    }

    /// The next call, or the end.
    fn go_on(&mut self, owner: &Owner, head: Option<&Head>, cx: &mut Cx<'_>) {
        if !self.wanted {
            self.go_on_removing(owner, cx);
            return;
        }
        let network = self.record.vim_id.clone().unwrap_or_default();
        let spec = self.record.spec.clone();
        let missing = match (&spec, self.record.ours) {
            (Some(ResourceSpec::Network(spec)), true) => spec.subnets.iter().find(|wanted| {
                !self
                    .record
                    .subnets
                    .iter()
                    .any(|there| there.name == wanted.name)
            }),
            _ => None,
        };
        if let Some(subnet) = missing {
            self.stage = Stage::Subnet(subnet.name.clone());
            self.record.state = ResourceState::Creating;
            let goal = Goal::SubnetThere(subnet.name.clone());
            let call = VimCall::CreateSubnet {
                network,
                spec: subnet.clone(),
            };
            self.call(owner, goal, Some(call), cx);
            return;
        }
        let _ = head;
        self.stage = Stage::Ready;
        self.record.state = ResourceState::Ready;
        self.answer(Ok(network), cx);
    }

    fn go_on_removing(&mut self, owner: &Owner, cx: &mut Cx<'_>) {
        self.record.state = ResourceState::Deleting;
        if self.uncertain && self.record.vim_id.is_none() && self.stage != Stage::LookUp {
            self.stage = Stage::LookUp;
            self.call(owner, Goal::Answer, None, cx);
            return;
        }
        let Some(id) = self.record.vim_id.clone().filter(|_| self.record.ours) else {
            self.stage = Stage::Gone;
            self.caller.timers.clear(owner, cx);
            return;
        };
        if let Some(subnet) = self.record.subnets.first() {
            let call = VimCall::DeleteSubnet {
                id: subnet.vim_id.clone(),
            };
            let name = subnet.name.clone();
            self.stage = Stage::DropSubnet(name.clone());
            self.call(owner, Goal::SubnetNotThere(name), Some(call), cx);
            return;
        }
        self.stage = Stage::Drop;
        let call = match self.record.key.kind {
            ResourceKind::Tenant => VimCall::DeleteTenant {
                id: TenantId::new(id),
            },
            ResourceKind::Network => VimCall::DeleteNetwork { id },
            ResourceKind::Image => VimCall::DeleteImage { id },
            ResourceKind::Flavor => VimCall::DeleteFlavor { id },
        };
        self.call(owner, Goal::NotThere, Some(call), cx);
    }

    fn may_create(&self) -> bool {
        !matches!(
            self.record.spec,
            None | Some(ResourceSpec::Tenant { managed: false })
        )
    }

    fn create(&mut self, owner: &Owner, head: Option<&Head>, cx: &mut Cx<'_>) {
        let call = match self.record.spec.clone() {
            Some(ResourceSpec::Network(spec)) => VimCall::CreateNetwork {
                tenant: self.tenant_id.clone(),
                token: self.token.clone(),
                spec,
            },
            Some(ResourceSpec::Image(spec)) => VimCall::CreateImage(spec),
            Some(ResourceSpec::Flavor(spec)) => VimCall::CreateFlavor(spec),
            Some(ResourceSpec::Tenant { .. }) | None => VimCall::CreateTenant {
                name: self.record.key.name.clone(),
            },
        };
        let _ = head;
        self.stage = Stage::Create;
        self.call(owner, Goal::There, Some(call), cx);
    }

    fn call(&mut self, owner: &Owner, goal: Goal, call: Option<VimCall>, cx: &mut Cx<'_>) {
        // A removal is tried until it succeeds; its deadline only reports.
        let limit = self
            .wanted
            .then(|| Duration::from_millis(cx.settings.step_timeout_ms));
        let mut intent = Intent::new(cx.intent_id(), &self.record.key.vim, goal, limit);
        intent.call = call;
        let name = self.record.key.name.clone();
        intent.find = Some(match self.record.key.kind {
            ResourceKind::Tenant => Find::Tenant(name),
            ResourceKind::Network => Find::Network {
                tenant: self.tenant_id.clone(),
                token: self.token.clone(),
                name,
            },
            ResourceKind::Image => Find::Image(name),
            ResourceKind::Flavor => Find::Flavor(name),
        });
        self.caller.begin(owner, intent, cx);
    }

    fn take(&mut self, found: Option<VimResource>) {
        if let Some(found) = found {
            self.record.vim_id = Some(found.id);
            self.record.subnets = found.subnets;
        }
    }

    /// Tells those who wait.
    fn answer(&mut self, result: Result<String, FailureReason>, cx: &mut Cx<'_>) {
        for user in self.waiters.take() {
            let key = self.record.key.clone();
            cx.send(match result.clone() {
                Ok(id) => MessageBody::Ready { key, user, id },
                Err(reason) => MessageBody::Failed { key, user, reason },
            });
        }
    }
}
