//! Clock sources: the system's, and one a test moves by hand.

use std::sync::Mutex;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::Timestamp;

/// Monotonic time: the time since this process's clock was made.
pub type Mono = Duration;

/// Reads wall and monotonic time.
pub trait Clock: Send + Sync {
    /// Wall time, UTC.
    fn wall(&self) -> Timestamp;
    /// Monotonic time since the clock was made.
    fn mono(&self) -> Mono;
}

/// The machine's clocks.
#[derive(Debug)]
pub struct SystemClock {
    start: Instant,
}

impl SystemClock {
    /// A clock whose monotonic zero is now.
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that reads a clock"
    )]
    pub fn new() -> Self {
        Self {
            start: Instant::now(),
        }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that reads a clock"
    )]
    fn wall(&self) -> Timestamp {
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Timestamp::from_micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
    }

    fn mono(&self) -> Mono {
        self.start.elapsed()
    }
}

/// A clock that stands still until moved.
#[derive(Debug)]
pub struct ManualClock {
    now: Mutex<(Timestamp, Mono)>,
}

impl ManualClock {
    /// Starts at the given wall time, monotonic zero.
    pub fn new(wall: Timestamp) -> Self {
        Self {
            now: Mutex::new((wall, Mono::ZERO)),
        }
    }

    /// Moves both clocks forward.
    pub fn advance(&self, by: Duration) {
        let mut now = self.lock();
        now.0 = now.0 + by;
        now.1 += by;
    }

    /// Sets wall time alone, as an administrator or NTP step would.
    pub fn set_wall(&self, wall: Timestamp) {
        self.lock().0 = wall;
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, (Timestamp, Mono)> {
        self.now
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Clock for ManualClock {
    fn wall(&self) -> Timestamp {
        self.lock().0
    }

    fn mono(&self) -> Mono {
        self.lock().1
    }
}
