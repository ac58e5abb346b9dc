//! One VIM call from permit to proof: a pure machine, the same for VMs and for shared resources.
//!
//! ```text
//! Queued -> Issued -> Tracking -> Looking -> outcome
//!    ^        |  \        |          |
//!    |        v   \       v          v
//!    +---- Pausing  +--> Lost ---> (found: Looking; landing bound passed: lost)
//! ```
//!
//! Success is what an observation after the call shows. A create whose answer is lost is looked up by its token
//! and never issued again here; any other call is idempotent and is issued again under the same key. VMs that carry
//! a create's token are counted once before it is done: what stands between us and a VIM may send a call again.

mod judge;
mod limit;
mod resume;
#[cfg(test)]
mod tests;

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::clock::Mono;
use crate::ids::{CreateToken, VmId};
use crate::model::vim::{FailureReason, VimOpRef, VimOpStatus};

use super::io::{IntentId, TimerKind};
use super::port::{Accepted, Find, VimCall, VimError, VimResource, VimVm};
use super::settings::Settings;

/// How often the record of a reboot is asked again when it is unknown.
const RECORD_ASKED: u32 = 5;

/// What has to be seen before the call counts as done.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) enum Goal {
    /// The VM runs.
    Made,
    /// The VIM answers that there is no such VM.
    Gone,
    /// The VM runs; a failed record is a failure whatever it looks like.
    Rebooted,
    /// The VM runs.
    Running,
    /// The VM is stopped.
    Stopped,
    /// The record says done and the VM is there.
    Resized,
    /// The named thing is there.
    There,
    /// The named thing is not there.
    NotThere,
    /// The network has the subnet.
    SubnetThere(String),
    /// The network has not the subnet.
    SubnetNotThere(String),
    /// An answer either way.
    Answer,
}

impl Goal {
    fn is_create(&self) -> bool {
        matches!(self, Self::Made | Self::There | Self::SubnetThere(_))
    }

    fn is_removal(&self) -> bool {
        matches!(self, Self::Gone | Self::NotThere | Self::SubnetNotThere(_))
    }
}

/// What the VIM's record said.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) enum Record {
    /// Done.
    Succeeded,
    /// Failed.
    Failed,
    /// Nobody knows.
    Unknown,
    /// There is none: the create was refused. What stands between us and the VIM may have sent it before, and that one
    /// may have happened.
    Refused,
}

/// What follows a pause.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) enum Next {
    /// Ask for a permit and issue the call.
    Issue,
    /// Look again.
    Look(Record),
    /// Follow the record again.
    Track,
    /// Look for the token or name again.
    Search,
}

/// Where the call stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) enum Phase {
    /// Waits for a permit.
    Queued,
    /// Issued, no answer yet.
    Issued,
    /// The VIM's record is followed.
    Tracking,
    /// An observation is on its way.
    Looking(Record),
    /// A create whose outcome is unknown is searched.
    Lost,
    /// Waits for a while.
    Pausing(Next),
}

/// The durable intent: written before the call, with its owner's row.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct Intent {
    pub id: IntentId,
    pub vim: String,
    /// Host of the VM acted on, empty when none or not known; for the cap per host.
    pub host: String,
    pub call: Option<VimCall>,
    pub goal: Goal,
    pub phase: Phase,
    /// Grows when the call is issued again after a definite answer: part of the idempotency key.
    pub round: u32,
    pub pauses: u32,
    /// Unknown answers of the record.
    pub unknowns: u32,
    pub op: Option<VimOpRef>,
    /// The VIM's id of what is made or acted on.
    pub target: Option<String>,
    pub token: Option<CreateToken>,
    pub find: Option<Find>,
    /// The driver's words, newest first.
    pub lines: Vec<String>,
    /// Whether a call may have reached the VIM whose outcome is not known.
    pub exposed: bool,
    /// Whether the last answer was that the API is down.
    pub down: bool,
    /// What is left of the limit while its clock stands still; the timer runs out the patience meanwhile.
    #[serde(default)]
    pub held: Option<Duration>,
    /// What is left of the time in which a silent VIM is waited for; `None`: all of it.
    #[serde(default)]
    pub patience: Option<Duration>,
    /// Whether VMs that carry a create's token were counted.
    #[serde(default)]
    pub counted: bool,
    /// How long it may take from its first permit or question; `None`: until done.
    pub limit: Option<Duration>,
    pub limit_armed: bool,
    /// End of the landing bound; a restart begins the bound anew, which errs on the safe side.
    #[serde(skip)]
    pub landing_until: Option<Mono>,
}

/// What a call is told.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum CallInput {
    Begin,
    Granted,
    Accepted(Accepted),
    Refused(VimError),
    /// The record cannot be read: the VIM does not answer.
    Silent,
    Status(VimOpStatus),
    Described(Result<Option<VimVm>, VimError>),
    Tokens(Result<Vec<VimVm>, VimError>),
    Found(Result<Option<VimResource>, VimError>),
    PauseOver,
    LimitOver,
    Restart,
}

/// What a call asks of its owner.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum CallAct {
    /// Ask for a permit.
    WaitPermit,
    /// Take a permit without asking: the call is already out.
    HoldPermit,
    /// Give the permit back.
    Release,
    Call,
    Track,
    Describe(VmId),
    FindByToken(CreateToken),
    FindResource(Find),
    Arm(TimerKind, Duration),
    Disarm(TimerKind),
}

/// How a call ended.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Outcome {
    /// The goal was seen.
    Done {
        vm: Option<VimVm>,
        resource: Option<VimResource>,
        /// Other VMs that carry the same token: copies, to be deleted.
        copies: Vec<VmId>,
    },
    /// It failed and its outcome is known.
    Failed {
        lines: Vec<String>,
        reason: FailureReason,
        /// What the VIM has of it nevertheless.
        remains: Option<VimVm>,
    },
    /// A create was not seen within the landing bound: another may be issued, and this token be watched.
    Lost,
    /// The time is over and nobody knows what happened: a person decides.
    Unknown { reason: FailureReason },
}

/// What a step reads beside the intent.
pub(crate) struct CallEnv<'a> {
    pub settings: &'a Settings,
    pub mono: Mono,
    pub jitter: u64,
    pub landing_bound: Duration,
    /// What is left of the timer of the limit.
    pub limit_left: Duration,
}

/// Acts and, at the end, the outcome.
pub(crate) type Stepped = (Vec<CallAct>, Option<Outcome>);

impl Intent {
    /// A new intent; nothing is asked before [`CallInput::Begin`].
    pub fn new(id: IntentId, vim: &str, goal: Goal, limit: Option<Duration>) -> Self {
        Self {
            id,
            vim: vim.to_owned(),
            host: String::new(),
            call: None,
            goal,
            phase: Phase::Queued,
            round: 0,
            pauses: 0,
            unknowns: 0,
            op: None,
            target: None,
            token: None,
            find: None,
            lines: Vec::new(),
            exposed: false,
            down: false,
            held: None,
            patience: None,
            counted: false,
            limit,
            limit_armed: false,
            landing_until: None,
        }
    }

    /// Key under which the VIM does not act twice.
    pub fn idempotency(&self) -> String {
        format!("{}-{}", self.id.0, self.round)
    }

    /// Whether it can be dropped without a trace: no call of it can have reached the VIM.
    pub fn is_harmless(&self) -> bool {
        !self.exposed && !matches!(self.phase, Phase::Issued | Phase::Tracking)
    }

    /// One step.
    pub fn step(&mut self, input: CallInput, env: &CallEnv<'_>) -> Stepped {
        let mut acts = match limit::is_silence(&input) {
            None => Vec::new(),
            Some(silent) => self.heard(silent, env),
        };
        let (more, outcome) = self.answered(input, env);
        if outcome.is_some() {
            return (more, outcome);
        }
        acts.extend(more);
        (acts, None)
    }

    fn answered(&mut self, input: CallInput, env: &CallEnv<'_>) -> Stepped {
        use CallInput as I;
        match (self.phase, input) {
            (_, I::Begin) => self.begin(),
            (_, I::Restart) => self.restart(env),
            (_, I::LimitOver) => self.limit_over(env),
            (Phase::Queued, I::Granted) => self.issue(),
            (Phase::Issued, I::Accepted(accepted)) => self.accepted(accepted),
            (Phase::Issued, I::Refused(error)) => self.refused(error, env),
            (Phase::Tracking, I::Status(status)) => self.status(status, env),
            (Phase::Looking(record), I::Described(answer)) => match answer {
                Ok(vm) => self.judge_vm(record, vm, Vec::new(), env),
                Err(error) => self.cannot_look(Next::Look(record), &error, env),
            },
            (Phase::Looking(record), I::Tokens(answer)) => match answer {
                Ok(vms) => self.judge_tokens(record, vms, env),
                Err(error) => self.cannot_look(Next::Look(record), &error, env),
            },
            (Phase::Looking(record), I::Found(answer)) => match answer {
                Ok(found) => self.judge_thing(record, found, env),
                Err(error) => self.cannot_look(Next::Look(record), &error, env),
            },
            (Phase::Lost, I::Tokens(Ok(vms))) if !vms.is_empty() => {
                self.judge_tokens(Record::Unknown, vms, env)
            }
            (Phase::Lost, I::Found(Ok(found))) if self.shows_goal(found.as_ref()) => {
                self.judge_thing(Record::Unknown, found, env)
            }
            (Phase::Lost, I::Tokens(Ok(_)) | I::Found(Ok(_))) => self.not_landed(env),
            (Phase::Lost, I::Tokens(Err(error)) | I::Found(Err(error))) => {
                self.cannot_look(Next::Search, &error, env)
            }
            (Phase::Pausing(next), I::PauseOver) => self.resume(next, env),
            // An answer to a question that is no longer asked.
            _ => (Vec::new(), None),
        }
    }

    fn begin(&mut self) -> Stepped {
        match (&self.goal, &self.call) {
            (Goal::Answer, _) => {
                let mut acts = self.arm_limit();
                acts.extend(self.look(Record::Unknown).0);
                (acts, None)
            }
            // Removal of a VM of which only the token is known: search first.
            (Goal::Gone, None) => {
                self.exposed = true;
                let mut acts = self.arm_limit();
                acts.extend(self.search().0);
                (acts, None)
            }
            _ => {
                self.phase = Phase::Queued;
                (vec![CallAct::WaitPermit], None)
            }
        }
    }

    fn arm_limit(&mut self) -> Vec<CallAct> {
        match (self.limit, self.limit_armed) {
            (Some(limit), false) => {
                self.limit_armed = true;
                vec![CallAct::Arm(TimerKind::Limit, limit)]
            }
            _ => Vec::new(),
        }
    }

    fn issue(&mut self) -> Stepped {
        let mut acts = self.arm_limit();
        self.phase = Phase::Issued;
        self.exposed = true;
        acts.push(CallAct::Call);
        (acts, None)
    }

    fn accepted(&mut self, accepted: Accepted) -> Stepped {
        self.op = Some(accepted.op);
        if accepted.id.is_some() {
            self.target = accepted.id;
        }
        self.phase = Phase::Tracking;
        (vec![CallAct::Track], None)
    }

    fn refused(&mut self, error: VimError, env: &CallEnv<'_>) -> Stepped {
        match error {
            VimError::Refused(lines) => {
                self.exposed = false;
                self.lines = lines;
                if self.goal.is_removal() {
                    return self.look(Record::Failed);
                }
                if self.goal == Goal::Made && self.token.is_some() {
                    return self.look(Record::Refused);
                }
                self.failed("vim-refused", None)
            }
            VimError::Down(_) => {
                // An earlier issue of the same call, of which nobody knows, stays exposed only for creates,
                // and those are never issued twice.
                self.exposed = false;
                self.pause(Next::Issue, env)
            }
            VimError::Unknown(line) => {
                self.lines = vec![line];
                self.outcome_unknown(env)
            }
        }
    }

    /// The call may or may not have happened.
    fn outcome_unknown(&mut self, env: &CallEnv<'_>) -> Stepped {
        if self.goal.is_create() {
            self.landing_until = Some(env.mono + env.landing_bound);
            self.search()
        } else if self.goal == Goal::Rebooted {
            // Looking cannot tell whether it happened: the same key makes it happen once.
            self.pause(Next::Issue, env)
        } else {
            self.look(Record::Unknown)
        }
    }

    fn status(&mut self, status: VimOpStatus, env: &CallEnv<'_>) -> Stepped {
        match status {
            VimOpStatus::Pending | VimOpStatus::Running => self.pause(Next::Track, env),
            VimOpStatus::Succeeded => self.look(Record::Succeeded),
            // Looking cannot tell whether a reboot happened: ask the record a few times first.
            VimOpStatus::Unknown if self.goal == Goal::Rebooted && self.unknowns < RECORD_ASKED => {
                self.unknowns += 1;
                self.pause(Next::Track, env)
            }
            VimOpStatus::Unknown => self.look(Record::Unknown),
            VimOpStatus::Failed(lines) => {
                self.lines = lines;
                if self.goal.is_create() || self.goal.is_removal() {
                    self.look(Record::Failed)
                } else {
                    self.failed("vim-error", None)
                }
            }
        }
    }

    fn look(&mut self, record: Record) -> Stepped {
        self.phase = Phase::Looking(record);
        (vec![self.question()], None)
    }

    fn search(&mut self) -> Stepped {
        self.phase = Phase::Lost;
        let act = match (&self.token, &self.find) {
            (Some(token), _) => CallAct::FindByToken(token.clone()),
            (None, Some(find)) => CallAct::FindResource(find.clone()),
            (None, None) => self.question(),
        };
        (vec![act], None)
    }

    fn question(&self) -> CallAct {
        match (&self.find, &self.target, &self.token) {
            (Some(find), ..) => CallAct::FindResource(find.clone()),
            (None, Some(id), _) => CallAct::Describe(VmId::new(id)),
            (None, None, Some(token)) => CallAct::FindByToken(token.clone()),
            // Nothing to ask by: an owner that makes such an intent is wrong; the limit ends it.
            (None, None, None) => CallAct::Disarm(TimerKind::Pause),
        }
    }

    fn pause(&mut self, next: Next, env: &CallEnv<'_>) -> Stepped {
        let looks = matches!(next, Next::Look(_) | Next::Search | Next::Track) && !self.down;
        let after = if looks {
            env.settings.look_interval()
        } else {
            self.pauses = self.pauses.saturating_add(1);
            env.settings.backoff(self.pauses - 1, env.jitter)
        };
        self.phase = Phase::Pausing(next);
        let mut acts = vec![CallAct::Arm(TimerKind::Pause, after)];
        if next == Next::Issue {
            acts.push(CallAct::Release);
        }
        (acts, None)
    }

    fn resume(&mut self, next: Next, env: &CallEnv<'_>) -> Stepped {
        match next {
            Next::Issue => {
                self.phase = Phase::Queued;
                (vec![CallAct::WaitPermit], None)
            }
            Next::Look(record) => self.look(record),
            Next::Search => self.search(),
            Next::Track if self.op.is_some() => {
                self.phase = Phase::Tracking;
                (vec![CallAct::Track], None)
            }
            Next::Track => self.outcome_unknown(env),
        }
    }

    fn cannot_look(&mut self, next: Next, error: &VimError, env: &CallEnv<'_>) -> Stepped {
        if next == Next::Look(Record::Refused) && matches!(error, VimError::Refused(_)) {
            return self.failed("vim-refused", None);
        }
        if self.goal == Goal::Answer
            && let VimError::Refused(lines) = error
        {
            // A question that the VIM will not answer is not asked for a quarter of an hour.
            self.lines.clone_from(lines);
            return self.failed("vim-refused", None);
        }
        if self.goal == Goal::Gone
            && let VimError::Unknown(line) = error
        {
            // Why nobody knows: what a person is told who has to decide.
            self.lines = vec![line.clone()];
        }
        // Silence is no proof: the bound is over only when the VIM answers after it.
        self.pause(next, env)
    }

    fn done(
        &mut self,
        vm: Option<VimVm>,
        resource: Option<VimResource>,
        copies: Vec<VmId>,
    ) -> Stepped {
        let outcome = Outcome::Done {
            vm,
            resource,
            copies,
        };
        (self.ending(), Some(outcome))
    }

    fn failed(&mut self, code: &str, remains: Option<VimVm>) -> Stepped {
        let mut lines = std::mem::take(&mut self.lines);
        if lines.is_empty() {
            lines = remains
                .as_ref()
                .map(|vm| vm.messages.clone())
                .unwrap_or_default();
        }
        let text = lines
            .first()
            .cloned()
            .unwrap_or_else(|| code.replace('-', " "));
        let outcome = Outcome::Failed {
            lines,
            reason: FailureReason {
                code: code.to_owned(),
                text,
            },
            remains,
        };
        (self.ending(), Some(outcome))
    }

    fn ending(&self) -> Vec<CallAct> {
        vec![
            CallAct::Disarm(TimerKind::Pause),
            CallAct::Disarm(TimerKind::Limit),
            CallAct::Release,
        ]
    }
}
