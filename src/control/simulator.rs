//! The simulated VIM's controls, as a face sees them; the driver implements them.

use crate::cloudsim::{Injection, Target};

/// Breaks a simulated VIM on purpose.
pub trait Simulator: Send + Sync {
    /// Injects a fault.
    ///
    /// # Errors
    /// One line: what makes no sense, or could not be recorded.
    fn inject(&self, injection: Injection) -> Result<(), String>;

    /// Lifts the faults of a target; `None`: all.
    ///
    /// # Errors
    /// One line: which target is unknown, or what could not be recorded.
    fn clear(&self, target: Option<Target>) -> Result<(), String>;
}
