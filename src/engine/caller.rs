//! What every actor that calls a VIM has: at most one intent, and timers that survive a restart.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::clock::{Mono, Timestamp};
use crate::ids::{CreateToken, DeploymentId, DeploymentKey, Minter, OpId, VmId, VmName};
use crate::model::event::Event;
use crate::model::instance::JournalEntry;
use crate::model::operation::{Asked, CancelMode, Direction, LcmOpOcc};
use crate::model::resource::ResourceKey;

use super::call::{CallAct, CallEnv, CallInput, Intent, Outcome};
use super::io::{Ctx, Effect, IntentId, Message, MessageBody, Owner, Report, TimerKey, TimerKind};
use super::settings::Settings;

/// What the core has to know of a VIM.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct VimInfo {
    /// How long after a create call with lost outcome a VM may still appear.
    pub landing_bound: Duration,
}

/// A change to the permits, carried out by the core at the end of the step.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Permit {
    Wait(String, IntentId, String),
    Hold(String, IntentId, String),
    Release(String, IntentId),
}

/// A change to the probe counters, carried out by the core.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum MonitorChange {
    Start(VmName),
    Stop(VmName),
}

/// A create to be watched for a late landing, or a copy to be deleted.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct NewLate {
    pub token: CreateToken,
    pub vim: String,
    pub vm: VmName,
    pub copy: Option<VmId>,
}

/// What became of an operation: its row follows, and the journal when it entered a state.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct OpNote {
    pub occ: LcmOpOcc,
    pub key: DeploymentKey,
    pub instance: DeploymentId,
    /// Empty: as known.
    pub vim: String,
    pub cancel: Option<CancelMode>,
    pub awaits: Option<Direction>,
}

/// The scratchpad of one step: what it reads beside the rows, and what it gives out.
pub(crate) struct Cx<'a> {
    pub ctx: &'a Ctx,
    pub settings: &'a Settings,
    pub vims: &'a BTreeMap<String, VimInfo>,
    pub kill_switch: bool,
    /// When this process took rows over that it did not write itself.
    pub started: Option<Mono>,
    pub default_vim: &'a str,
    /// Shared resources that are configured or there already.
    pub known: &'a BTreeSet<ResourceKey>,
    pub mint: Minter,
    pub effects: Vec<Effect>,
    pub events: Vec<Event>,
    /// How many of them the rows of operations have taken in.
    pub told: usize,
    pub notes: Vec<OpNote>,
    pub journal: Vec<JournalEntry>,
    /// Lines that come after those of the operations in hand.
    pub parting: Vec<JournalEntry>,
    /// Who asked what, of the operation that begins.
    pub asked: Option<(OpId, Asked)>,
    /// What an operation changed of its instance's information.
    pub info: Option<(OpId, serde_json::Value)>,
    pub messages: Vec<Message>,
    pub reports: Vec<Report>,
    pub permits: Vec<Permit>,
    pub monitors: Vec<MonitorChange>,
    pub late: Vec<NewLate>,
    /// Intents that began (with their owner) and ended.
    pub intents: Vec<(IntentId, Option<Owner>)>,
    /// Deployments whose resources are all released.
    pub gone: Vec<DeploymentKey>,
}

impl Cx<'_> {
    /// Sends a durable message.
    pub fn send(&mut self, body: MessageBody) {
        let id = self.mint.uuid();
        self.messages.push(Message { id, body });
    }

    /// The VIM's landing bound; a VIM that is not configured any more gets a long one.
    pub fn landing_bound(&self, vim: &str) -> Duration {
        self.vims
            .get(vim)
            .map_or(Duration::from_secs(3600), |info| info.landing_bound)
    }

    /// A fresh intent id.
    pub fn intent_id(&mut self) -> IntentId {
        IntentId(self.mint.uuid())
    }
}

/// A timer as it is stored: at a restart the rest is counted by wall time and clamped to `[0, total]`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct StoredTimer {
    pub seq: u32,
    pub total: Duration,
    pub wall: Timestamp,
    /// When it is due in this process.
    #[serde(skip)]
    pub due: Mono,
}

/// The timers of one owner.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Timers {
    set: BTreeMap<TimerKind, StoredTimer>,
    next: u32,
}

impl Timers {
    /// Sets or moves a timer.
    pub fn arm(&mut self, owner: &Owner, kind: TimerKind, after: Duration, cx: &mut Cx<'_>) {
        self.disarm(owner, kind, cx);
        self.next = self.next.wrapping_add(1);
        let timer = StoredTimer {
            seq: self.next,
            total: after,
            wall: cx.ctx.wall + after,
            due: cx.ctx.mono + after,
        };
        cx.effects.push(Effect::SetTimer {
            key: key(owner, kind, timer.seq),
            after,
        });
        self.set.insert(kind, timer);
    }

    /// Forgets a timer.
    pub fn disarm(&mut self, owner: &Owner, kind: TimerKind, cx: &mut Cx<'_>) {
        if let Some(timer) = self.set.remove(&kind) {
            cx.effects.push(Effect::CancelTimer {
                key: key(owner, kind, timer.seq),
            });
        }
    }

    /// Forgets all of them.
    pub fn clear(&mut self, owner: &Owner, cx: &mut Cx<'_>) {
        for (kind, timer) in std::mem::take(&mut self.set) {
            cx.effects.push(Effect::CancelTimer {
                key: key(owner, kind, timer.seq),
            });
        }
    }

    /// What is left of a timer; nothing of one that is not set.
    pub fn left(&self, kind: TimerKind, mono: Mono) -> Duration {
        let timer = self.set.get(&kind);
        timer.map_or(Duration::ZERO, |timer| timer.due.saturating_sub(mono))
    }

    /// Takes a firing; false when it is stale.
    pub fn fire(&mut self, kind: TimerKind, seq: u32) -> bool {
        let current = self.set.get(&kind).is_some_and(|timer| timer.seq == seq);
        if current {
            self.set.remove(&kind);
        }
        current
    }

    /// After a restart: every timer anew, with what is left of it, but at least `least`: time in which
    /// nobody looked is no evidence (P6).
    pub fn restart(
        &mut self,
        owner: &Owner,
        least: impl Fn(TimerKind) -> Duration,
        cx: &mut Cx<'_>,
    ) {
        for (kind, timer) in &mut self.set {
            let left = timer.wall.since(cx.ctx.wall).min(timer.total);
            let after = left.max(least(*kind));
            timer.due = cx.ctx.mono + after;
            cx.effects.push(Effect::SetTimer {
                key: key(owner, *kind, timer.seq),
                after,
            });
        }
    }
}

fn key(owner: &Owner, kind: TimerKind, seq: u32) -> TimerKey {
    TimerKey {
        owner: owner.clone(),
        kind,
        seq,
    }
}

/// One intent at a time, and timers.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Caller {
    pub intent: Option<Intent>,
    pub timers: Timers,
}

impl Caller {
    /// Begins a call. The one before must have ended.
    pub fn begin(&mut self, owner: &Owner, intent: Intent, cx: &mut Cx<'_>) {
        cx.intents.push((intent.id.clone(), Some(owner.clone())));
        self.intent = Some(intent);
        // Begin never ends a call.
        let _ = self.drive(owner, CallInput::Begin, cx);
    }

    /// Gives the call an input; at its outcome the intent is over.
    pub fn drive(&mut self, owner: &Owner, input: CallInput, cx: &mut Cx<'_>) -> Option<Outcome> {
        let intent = self.intent.as_mut()?;
        let env = CallEnv {
            settings: cx.settings,
            mono: cx.ctx.mono,
            jitter: cx.mint.next_u64(),
            landing_bound: cx.landing_bound(&intent.vim),
            limit_left: self.timers.left(TimerKind::Limit, cx.ctx.mono),
        };
        let (acts, outcome) = intent.step(input, &env);
        let intent = intent.clone();
        for act in acts {
            self.act(owner, &intent, act, cx);
        }
        if outcome.is_some() {
            cx.intents.push((intent.id, None));
            self.intent = None;
        }
        outcome
    }

    /// Whether the intent is the one under way.
    pub fn is_about(&self, intent: &IntentId) -> bool {
        self.intent
            .as_ref()
            .is_some_and(|current| current.id == *intent)
    }

    /// Takes a call back that cannot have reached the VIM.
    pub fn drop_call(&mut self, owner: &Owner, cx: &mut Cx<'_>) {
        if let Some(intent) = self.intent.take() {
            cx.intents.push((intent.id.clone(), None));
            self.act(owner, &intent, CallAct::Disarm(TimerKind::Pause), cx);
            self.act(owner, &intent, CallAct::Disarm(TimerKind::Limit), cx);
            self.act(owner, &intent, CallAct::Release, cx);
        }
    }

    fn act(&mut self, owner: &Owner, intent: &Intent, act: CallAct, cx: &mut Cx<'_>) {
        let id = intent.id.clone();
        let vim = intent.vim.clone();
        match act {
            CallAct::WaitPermit => cx.permits.push(Permit::Wait(vim, id, intent.host.clone())),
            CallAct::HoldPermit => cx.permits.push(Permit::Hold(vim, id, intent.host.clone())),
            CallAct::Release => cx.permits.push(Permit::Release(vim, id)),
            CallAct::Call => {
                if let Some(call) = intent.call.clone() {
                    cx.effects.push(Effect::Call {
                        intent: id,
                        vim,
                        call,
                        idempotency: intent.idempotency(),
                    });
                }
            }
            CallAct::Track => {
                if let Some(op) = intent.op.clone() {
                    let silent = intent.held.is_some();
                    cx.effects.push(Effect::Track {
                        intent: id,
                        op,
                        silent,
                    });
                }
            }
            CallAct::Describe(vm) => cx.effects.push(Effect::Describe {
                intent: id,
                vim,
                vm,
            }),
            CallAct::FindByToken(token) => cx.effects.push(Effect::FindByToken {
                intent: id,
                vim,
                token,
            }),
            CallAct::FindResource(what) => cx.effects.push(Effect::FindResource {
                intent: id,
                vim,
                what,
            }),
            CallAct::Arm(kind, after) => self.timers.arm(owner, kind, after, cx),
            CallAct::Disarm(kind) => self.timers.disarm(owner, kind, cx),
        }
    }
}
