//! The recovery machine of one VM: `step(state, input, facts) -> (state, acts)`, pure.
//!
//! It decides, and does nothing: `lifecycle` carries the acts out and gives it the outcomes. A second opinion,
//! a budget per window and a breaker per failure domain have their seat in `step::begin`.
//!
//! ```text
//! Idle --false--> Waiting --T2--> Queued --permit--> Rebooting -> RebootWait --true--> Idle
//!  ^                 | true                 |            |            | T3
//!  |                 v                      v            v            v
//!  +------------- cancelled            Undeploying(n) <--------------+
//!                                       |   proven gone     ^ n+1
//!                                       v                   |
//!                                      Deploying(n) -> DeployWait(n) --true--> Idle
//!                                       | none left
//!                                       v
//!                                      Held (a person, or the KPI TRUE again)
//! ```

mod state;
mod step;

pub use state::{Act, Facts, RecoveryInput, RecoveryState};
pub use step::step;
#[cfg(test)]
mod tests;
