//! A call after a restart.

use super::{CallAct, CallEnv, Goal, Intent, Next, Phase, Stepped};

impl Intent {
    /// After a restart: ask what landed, or go on where it stood.
    pub(super) fn restart(&mut self, env: &CallEnv<'_>) -> Stepped {
        let mut clock = self.begin_again(env);
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
        clock.extend(acts);
        (clock, outcome)
    }
}

/// A permit is held by a call that was out when the process stopped, unless the step gave it back.
fn hold(mut acts: Vec<CallAct>) -> Vec<CallAct> {
    if !acts.contains(&CallAct::Release) && !acts.contains(&CallAct::WaitPermit) {
        acts.insert(0, CallAct::HoldPermit);
    }
    acts
}
