//! The table.

use crate::model::deployment::{ActionOnRecovery, RecoveryType};

use super::state::{Act, Facts, RecoveryInput, RecoveryState};

/// The state after `input`, and what has to be done, in order.
pub fn step(
    state: RecoveryState,
    input: RecoveryInput,
    facts: &Facts,
) -> (RecoveryState, Vec<Act>) {
    use Act as A;
    use RecoveryInput as I;
    use RecoveryState as S;
    match (state, input) {
        // (state, input) -> (next state, acts)
        (S::Idle, I::KpiFalse) => begin(facts, Trigger::Alarm),
        (S::Idle, I::BootExpired) => begin(facts, Trigger::NeverAlive),
        (
            S::Idle | S::ManualWaiting | S::ManualNeeded | S::Suppressed | S::Quiet | S::Held,
            I::Do,
        ) => first_step(facts, vec![A::StopTimers, A::Init(true)]),

        (S::Quiet, I::KpiTrue) => (S::Idle, vec![A::StopTimers]),
        (S::Quiet, I::QuietOver) => begin(facts, Trigger::Alarm),

        (S::Suppressed, I::KpiTrue) => (S::Idle, vec![A::Cancelled]),
        (S::Suppressed, I::SwitchOff) => begin(facts, Trigger::Alarm),

        (S::Waiting, I::KpiTrue) => (S::Idle, vec![A::StopTimers, A::Cancelled]),
        (S::Waiting, I::WaitExpired) => first_step(facts, Vec::new()),
        (S::Waiting, I::Cancel) => (S::Held, vec![A::StopTimers, A::Cancelled]),
        (S::Waiting, I::Preempt) => (S::Idle, vec![A::StopTimers, A::Cancelled]),

        (S::ManualWaiting, I::KpiTrue) => (S::Idle, vec![A::StopTimers, A::Cancelled]),
        (S::ManualWaiting, I::WaitExpired) => (S::ManualNeeded, vec![A::ManualNeeded]),
        (S::ManualNeeded, I::KpiTrue) => (S::Idle, vec![A::Cancelled]),
        (S::ManualWaiting | S::ManualNeeded, I::Cancel) => {
            (S::Held, vec![A::StopTimers, A::Cancelled])
        }

        (S::Queued, I::KpiTrue) => (S::Idle, vec![A::DropCall, A::Cancelled]),
        (S::Queued, I::Granted) if reboots(facts) => (S::Rebooting, vec![A::Unwatch]),
        (S::Queued, I::Granted) => (S::Undeploying(1), vec![A::Unwatch]),
        (S::Queued, I::Cancel) => (S::Held, vec![A::DropCall, A::Cancelled]),
        (S::Queued, I::Preempt) => (S::Idle, vec![A::DropCall, A::Cancelled]),

        (S::Rebooting, I::StepDone) if facts.watched => {
            (S::RebootWait, vec![A::StartBoot, A::Watch])
        }
        (S::Rebooting, I::StepDone) => (S::Idle, vec![A::Rebooted, A::Recovered]),
        (S::Rebooting, I::StepFailed | I::StepUnknown) => after_reboot(facts),
        (S::RebootWait, I::KpiTrue) => (S::Idle, vec![A::StopTimers, A::Rebooted, A::Recovered]),
        (S::RebootWait, I::BootExpired) => {
            let (next, acts) = after_reboot(facts);
            (next, [vec![A::Unwatch, A::NotAlive], acts].concat())
        }

        (S::Undeploying(n), I::StepDone) => (S::Deploying(n), vec![A::Undeployed, A::Deploy]),
        (S::Undeploying(_), I::StepFailed | I::StepUnknown) => given_up(vec![A::UndeployFailed]),
        (S::Deploying(n), I::StepDone) if facts.watched => {
            (S::DeployWait(n), vec![A::Deployed, A::StartBoot, A::Watch])
        }
        (S::Deploying(_), I::StepDone) => (S::Idle, vec![A::Deployed, A::Recovered]),
        (S::Deploying(n), I::StepFailed) => next_attempt(facts, n, vec![A::DeployFailed]),
        // No other create before it is known what became of this one (P7): a person decides.
        (S::Deploying(_), I::StepUnknown) => given_up(vec![A::DeployFailed]),
        (S::DeployWait(_), I::KpiTrue) => (S::Idle, vec![A::StopTimers, A::Recovered]),
        (S::DeployWait(n), I::BootExpired) => next_attempt(facts, n, vec![A::Unwatch, A::NotAlive]),

        (S::RebootWait | S::DeployWait(_), I::Preempt) => {
            (S::Idle, vec![A::StopTimers, A::Interrupted])
        }
        (S::Rebooting | S::Undeploying(_) | S::Deploying(_), I::Preempt) => (S::Leaving, vec![]),
        (S::Leaving, I::StepDone | I::StepFailed | I::StepUnknown) => {
            (S::Idle, vec![A::Interrupted])
        }

        (S::Held, I::KpiTrue) => (S::Idle, vec![A::Alive]),
        (S::Quiet | S::ManualWaiting | S::ManualNeeded | S::Suppressed | S::Held, I::Preempt) => {
            (S::Idle, vec![A::StopTimers])
        }
        // Everything else says nothing new.
        (state, _) => (state, vec![]),
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Trigger {
    /// It was alive and does not answer.
    Alarm,
    /// It has had its bootup time already and is given no other.
    NeverAlive,
}

/// A new recovery, if one may begin. The seat of second opinion, budget and breaker.
fn begin(facts: &Facts, trigger: Trigger) -> (RecoveryState, Vec<Act>) {
    use RecoveryState as S;
    let at_once = facts.at_once || trigger == Trigger::NeverAlive;
    match (
        facts.recovers,
        facts.kill_switch,
        facts.quiet,
        facts.policy.recovery_type,
    ) {
        // (rule, kill switch, quiet time, policy)
        (false, ..) if trigger == Trigger::NeverAlive => (S::Held, vec![Act::NeverAlive]),
        (false, ..) => (S::Held, vec![]),
        (true, true, ..) => (S::Suppressed, vec![Act::SayHeldBack]),
        (true, false, true, _) => (S::Quiet, vec![Act::StartQuiet]),
        (true, false, false, RecoveryType::Manual) if at_once => {
            (S::ManualNeeded, vec![Act::ManualNeeded])
        }
        (true, false, false, RecoveryType::Manual) => (S::ManualWaiting, vec![Act::StartWait]),
        (true, false, false, RecoveryType::Auto) if at_once => {
            first_step(facts, vec![Act::Init(false)])
        }
        (true, false, false, RecoveryType::Auto) => {
            (S::Waiting, vec![Act::Init(false), Act::StartWait])
        }
    }
}

/// Whether the first step is a reboot: not when there is nothing to reboot.
fn reboots(facts: &Facts) -> bool {
    match facts.policy.action {
        ActionOnRecovery::RebootOnly => true,
        ActionOnRecovery::RebootThenRedeploy => facts.exists,
        ActionOnRecovery::RedeployOnly => false,
    }
}

fn first_step(facts: &Facts, mut acts: Vec<Act>) -> (RecoveryState, Vec<Act>) {
    if !facts.exists && facts.policy.action == ActionOnRecovery::RebootOnly {
        acts.push(Act::RebootFailed);
        return given_up(acts);
    }
    if reboots(facts) {
        acts.push(Act::Reboot);
    } else if redeploys_left(facts, 0) {
        acts.push(Act::Undeploy);
    } else {
        return given_up(acts);
    }
    (RecoveryState::Queued, acts)
}

fn after_reboot(facts: &Facts) -> (RecoveryState, Vec<Act>) {
    match facts.policy.action {
        ActionOnRecovery::RebootOnly => given_up(vec![Act::RebootFailed]),
        _ => next_attempt(facts, 0, vec![Act::RebootFailed]),
    }
}

/// `max_retries` counts redeploys only.
fn redeploys_left(facts: &Facts, made: u32) -> bool {
    facts.policy.max_retries.is_none_or(|most| made < most)
}

fn next_attempt(facts: &Facts, made: u32, mut acts: Vec<Act>) -> (RecoveryState, Vec<Act>) {
    if !redeploys_left(facts, made) {
        return given_up(acts);
    }
    acts.push(Act::Undeploy);
    (RecoveryState::Undeploying(made.saturating_add(1)), acts)
}

fn given_up(mut acts: Vec<Act>) -> (RecoveryState, Vec<Act>) {
    // Watched on: it may come back by itself.
    acts.extend([Act::RecoveryFailed, Act::ManualNeeded, Act::Watch]);
    (RecoveryState::Held, acts)
}
