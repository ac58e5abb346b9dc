//! A call after a restart, and a call that has taken too long.

use std::time::Duration;

use crate::model::vim::FailureReason;

use super::super::io::TimerKind;
use super::{CallAct, CallEnv, Goal, Intent, Next, Outcome, Phase, Stepped};

impl Intent {
    /// After a restart: ask what landed, or go on where it stood.
    pub(super) fn restart(&mut self, env: &CallEnv<'_>) -> Stepped {
        let (mut acts, outcome) = match self.phase {
            Phase::Queued | Phase::Pausing(Next::Issue) => {
                self.phase = Phase::Queued;
                (vec![CallAct::WaitPermit], None)
            }
            Phase::Issued => {
                let (acts, outcome) = self.outcome_unknown(env);
                (hold(acts), outcome)
            }
            Phase::Tracking | Phase::Pausing(Next::Track) => {
                let (acts, outcome) = self.resume(Next::Track, env);
                (hold(acts), outcome)
            }
            Phase::Looking(record) | Phase::Pausing(Next::Look(record)) => {
                let (acts, outcome) = self.look(record);
                (hold(acts), outcome)
            }
            Phase::Lost | Phase::Pausing(Next::Search) => {
                self.landing_until = Some(env.mono + env.landing_bound);
                let (acts, outcome) = self.search();
                (hold(acts), outcome)
            }
        };
        if self.goal == Goal::Answer {
            acts.retain(|act| *act != CallAct::HoldPermit);
        }
        (acts, outcome)
    }

    pub(super) fn limit_over(&mut self, env: &CallEnv<'_>) -> Stepped {
        let outage = Duration::from_millis(env.settings.outage_timeout_ms);
        if self.down && !self.stretched && !outage.is_zero() {
            self.stretched = true;
            return (vec![CallAct::Arm(TimerKind::Limit, outage)], None);
        }
        let text = if self.down {
            "the VIM could not be reached in time"
        } else {
            "the VIM did not show the outcome in time"
        };
        let why = self.lines.first().filter(|_| self.goal == Goal::Gone);
        let reason = FailureReason {
            code: if self.down { "vim-down" } else { "timeout" }.to_owned(),
            text: match why {
                Some(line) => format!("{text}: {line}"),
                None => text.to_owned(),
            },
        };
        let uncertain = self.exposed && self.goal.is_create() || self.goal == Goal::Gone;
        if uncertain {
            return (self.ending(), Some(Outcome::Unknown { reason }));
        }
        let mut lines = std::mem::take(&mut self.lines);
        if lines.is_empty() {
            lines.push(format!("VIM Driver: {text}"));
        }
        let outcome = Outcome::Failed {
            lines,
            reason,
            remains: None,
        };
        (self.ending(), Some(outcome))
    }
}

/// A permit is held by a call that was out when the process stopped, unless the step gave it back.
fn hold(mut acts: Vec<CallAct>) -> Vec<CallAct> {
    if !acts.contains(&CallAct::Release) && !acts.contains(&CallAct::WaitPermit) {
        acts.insert(0, CallAct::HoldPermit);
    }
    acts
}
