//! What an observation says about a call: done, failed, not yet, or nobody knows.

use crate::ids::VmId;

use super::super::port::{PowerState, VimCall, VimResource, VimVm};
use super::{CallAct, CallEnv, Goal, Intent, Next, Outcome, Phase, Record, Stepped};

impl Intent {
    /// Nothing carries the token, or the name.
    pub(super) fn not_landed(&mut self, env: &CallEnv<'_>) -> Stepped {
        let until = *self
            .landing_until
            .get_or_insert(env.mono + env.landing_bound);
        if env.mono < until {
            return self.pause(Next::Search, env);
        }
        self.exposed = false;
        match self.goal {
            // Nothing landed and nothing can any more: it is gone.
            Goal::Gone => self.done(None, None, Vec::new()),
            Goal::Made => (self.ending(), Some(Outcome::Lost)),
            // Things are found by name: issue again.
            _ => self.pause(Next::Issue, env),
        }
    }

    pub(super) fn judge_tokens(
        &mut self,
        record: Record,
        mut vms: Vec<VimVm>,
        env: &CallEnv<'_>,
    ) -> Stepped {
        // The one that was answered is ours, the others are copies.
        let ours = |vm: &VimVm| self.target.as_deref() == Some(vm.id.as_str());
        let missing = self.target.is_some() && !vms.iter().any(ours);
        vms.sort_by_key(|vm| !ours(vm));
        if missing && self.goal == Goal::Made && self.counted {
            // It was seen by its id: the list is behind. One that shows copies and not the VM will show both.
            self.counted = vms.is_empty();
            return self.pause(Next::Look(record), env);
        }
        let mut vms = vms.into_iter();
        if self.goal == Goal::Answer {
            return self.done(vms.next(), None, vms.map(|vm| vm.id).collect());
        }
        let Some(first) = vms.next() else {
            return match record {
                Record::Refused => self.failed("vim-refused", None),
                // The record is terminal and nothing carries the token.
                Record::Failed => self.judge_vm(record, None, Vec::new(), env),
                _ => self.outcome_unknown(env),
            };
        };
        let record = match record {
            // Refused, and there: whoever sent it again got the refusal.
            Record::Refused => {
                self.exposed = true;
                Record::Unknown
            }
            other => other,
        };
        let copies: Vec<VmId> = vms.map(|vm| vm.id).collect();
        self.target = Some(first.id.as_str().to_owned());
        // Counted again once it runs: copies are told with the outcome.
        self.counted = first.power == PowerState::Running;
        if self.goal == Goal::Gone {
            self.call = Some(VimCall::DeleteVm(first.id));
            self.phase = Phase::Queued;
            self.round += 1;
            return (vec![CallAct::WaitPermit], None);
        }
        self.judge_vm(record, Some(first), copies, env)
    }

    /// A VM that carries the token and does not run. Whoever makes it may still be about to start it; once the landing
    /// bound is over nobody is, and it is started from here.
    fn half_made(&mut self, record: Record, env: &CallEnv<'_>) -> Stepped {
        let until = *self
            .landing_until
            .get_or_insert(env.mono + env.landing_bound);
        let target = self.target.as_deref().map(VmId::new);
        match target.filter(|_| env.mono >= until) {
            None => self.pause(Next::Look(record), env),
            Some(id) => {
                self.call = Some(VimCall::StartVm(id));
                self.round += 1;
                self.pause(Next::Issue, env)
            }
        }
    }

    /// Asks who carries the token of a create that is done but for that.
    fn count(&mut self, record: Record) -> Stepped {
        self.counted = true;
        match &self.token {
            None => self.look(record),
            Some(token) => {
                self.phase = Phase::Looking(record);
                (vec![CallAct::FindByToken(token.clone())], None)
            }
        }
    }

    pub(super) fn judge_vm(
        &mut self,
        record: Record,
        vm: Option<VimVm>,
        copies: Vec<VmId>,
        env: &CallEnv<'_>,
    ) -> Stepped {
        use PowerState as P;
        let power = vm.as_ref().map(|vm| vm.power);
        let changing = matches!(power, Some(P::Building | P::Unknown));
        match (&self.goal, power) {
            // (what is wanted, what is seen)
            (Goal::Made, Some(P::Running)) if !self.counted => self.count(record),
            (Goal::Made | Goal::Running | Goal::Rebooted, Some(P::Running)) => {
                self.done(vm, None, copies)
            }
            (Goal::Stopped, Some(P::Stopped)) | (Goal::Gone, None) => self.done(vm, None, copies),
            (Goal::Resized, Some(P::Running | P::Stopped)) if record == Record::Succeeded => {
                self.done(vm, None, copies)
            }
            (Goal::Gone, Some(P::Deleting)) => self.pause(Next::Look(record), env),
            (Goal::Gone, Some(_)) => {
                if record != Record::Unknown {
                    self.round += 1;
                }
                // The VIM was asked and has it still: ask again.
                self.pause(Next::Issue, env)
            }
            (Goal::Made, None) if record == Record::Failed => self.failed("vim-error", None),
            (Goal::Made, None) => self.outcome_unknown(env),
            (_, None) => self.failed("vm-gone", None),
            (_, Some(P::Deleting)) => self.pause(Next::Look(record), env),
            (_, Some(_)) if changing && record != Record::Failed => {
                self.pause(Next::Look(record), env)
            }
            (Goal::Made, Some(P::Stopped)) if record == Record::Unknown => {
                self.half_made(record, env)
            }
            (Goal::Made, Some(_)) => self.failed("vim-error", vm),
            // The record is lost and the goal not seen: the same key makes it happen once.
            (_, Some(_)) if record == Record::Unknown => self.pause(Next::Issue, env),
            // A VM that is still on its way down is given until the limit.
            (Goal::Stopped, Some(P::Running)) => self.pause(Next::Look(record), env),
            (_, Some(_)) => self.failed("unexpected-state", vm),
        }
    }

    pub(super) fn shows_goal(&self, found: Option<&VimResource>) -> bool {
        let has = |name: &String| {
            found.is_some_and(|it| it.subnets.iter().any(|subnet| subnet.name == *name))
        };
        match &self.goal {
            Goal::There => found.is_some(),
            Goal::NotThere => found.is_none(),
            Goal::SubnetThere(name) => has(name),
            Goal::SubnetNotThere(name) => !has(name),
            _ => true,
        }
    }

    pub(super) fn judge_thing(
        &mut self,
        record: Record,
        found: Option<VimResource>,
        env: &CallEnv<'_>,
    ) -> Stepped {
        if self.shows_goal(found.as_ref()) {
            return self.done(None, found, Vec::new());
        }
        match (self.goal.is_removal(), record) {
            (true, _) => {
                if record != Record::Unknown {
                    self.round += 1;
                }
                self.pause(Next::Issue, env)
            }
            (false, Record::Failed) => self.failed("vim-error", None),
            (false, _) => self.outcome_unknown(env),
        }
    }
}
