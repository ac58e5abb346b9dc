//! How long a call may take: a limit for a VIM that answers, patience for one that does not.
//!
//! The clock of the limit stands still while the VIM is silent; `outage-timeout-ms` is spent instead. A VIM that comes
//! back is slow, so the limit gets back as much as the silence took, at most all of it; after a restart, all of it:
//! nobody asked meanwhile. That is spent too. So no call takes longer than its limit and `outage-timeout-ms` together,
//! restarts included, and once that is spent a silent VIM is treated as one that answers.

use std::time::Duration;

use crate::model::vim::{FailureReason, VimOpStatus};

use super::super::io::TimerKind;
use super::super::port::VimError;
use super::super::settings::Settings;
use super::{CallAct, CallEnv, CallInput, Goal, Intent, Outcome, Phase, Stepped};

/// Whether an input shows that the VIM is silent, or answers; `None`: neither.
pub(super) fn is_silence(input: &CallInput) -> Option<bool> {
    use CallInput as I;
    let is_down = |error: &VimError| matches!(error, VimError::Down(_));
    match input {
        I::Silent => Some(true),
        I::Accepted(_) => Some(false),
        I::Refused(error) => Some(is_down(error)),
        // Also what is said of a record that could not be read for long.
        I::Status(VimOpStatus::Unknown) => None,
        I::Status(_) => Some(false),
        I::Described(answer) => Some(answer.as_ref().is_err_and(is_down)),
        I::Tokens(answer) => Some(answer.as_ref().is_err_and(is_down)),
        I::Found(answer) => Some(answer.as_ref().is_err_and(is_down)),
        I::Begin | I::Granted | I::PauseOver | I::LimitOver | I::Restart => None,
    }
}

impl Intent {
    /// The VIM answered, or did not: which of the two clocks runs from here.
    pub(super) fn heard(&mut self, silent: bool, env: &CallEnv<'_>) -> Vec<CallAct> {
        let was_down = std::mem::replace(&mut self.down, silent);
        match (silent, self.held) {
            (true, None) if self.limit_armed => self.hold(env.limit_left, env.settings),
            (false, Some(left)) => {
                let silence = self.patience(env.settings).saturating_sub(env.limit_left);
                self.patience = Some(env.limit_left);
                let back = if was_down { silence } else { Duration::ZERO };
                self.run(left, back, env.settings)
            }
            _ => Vec::new(),
        }
    }

    /// After a restart the limit begins anew, as far as patience goes.
    pub(super) fn begin_again(&mut self, env: &CallEnv<'_>) -> Vec<CallAct> {
        if !self.limit_armed {
            return Vec::new();
        }
        let left = match self.held {
            None => env.limit_left,
            Some(left) => {
                self.patience = Some(env.limit_left);
                left
            }
        };
        self.run(left, Duration::MAX, env.settings)
    }

    pub(super) fn limit_over(&mut self, env: &CallEnv<'_>) -> Stepped {
        if let Some(left) = self.held {
            self.patience = Some(Duration::ZERO);
            return (self.run(left, Duration::ZERO, env.settings), None);
        }
        // A question is out: what the VIM says to it, or whether it says anything, decides.
        if matches!(self.phase, Phase::Issued | Phase::Looking(_) | Phase::Lost) {
            let acts = self.hold(Duration::ZERO, env.settings);
            if !acts.is_empty() {
                return (acts, None);
            }
        }
        self.took_too_long()
    }

    fn patience(&self, settings: &Settings) -> Duration {
        let all = Duration::from_millis(settings.outage_timeout_ms);
        self.patience.unwrap_or(all)
    }

    /// Stops the clock of the limit; nothing when there is no patience to run out instead.
    fn hold(&mut self, left: Duration, settings: &Settings) -> Vec<CallAct> {
        let patience = self.patience(settings);
        if patience.is_zero() {
            return Vec::new();
        }
        self.held = Some(left);
        vec![CallAct::Arm(TimerKind::Limit, patience)]
    }

    /// Lets the clock of the limit run, with up to `back` more on it.
    fn run(&mut self, left: Duration, back: Duration, settings: &Settings) -> Vec<CallAct> {
        let patience = self.patience(settings);
        let used = self.limit.unwrap_or(left).saturating_sub(left);
        let back = back.min(used).min(patience);
        self.patience = Some(patience - back);
        self.held = None;
        vec![CallAct::Arm(TimerKind::Limit, left + back)]
    }

    fn took_too_long(&mut self) -> Stepped {
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
