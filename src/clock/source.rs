//! Clock sources: the system's, and one a test moves by hand.

use std::sync::Mutex;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::Timestamp;

/// Monotonic time: the time since this process's clock was made.
pub type Mono = Duration;

/// Reads wall and monotonic time, and what a thread has used.
pub trait Clock: Send + Sync {
    /// Wall time, UTC.
    fn wall(&self) -> Timestamp;
    /// Monotonic time since the clock was made.
    fn mono(&self) -> Mono;
    /// Processor time that the calling thread has used: what work costs, however busy the machine is.
    fn thread_cpu(&self) -> Duration;
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

    fn thread_cpu(&self) -> Duration {
        let mut used = libc::timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        // SAFETY: the pointer is to a timespec that lives for the call.
        let failed = unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut used) };
        if failed != 0 {
            // A kernel without that clock: time passes for every thread alike.
            return self.mono();
        }
        let seconds = u64::try_from(used.tv_sec).unwrap_or_default();
        Duration::new(seconds, u32::try_from(used.tv_nsec).unwrap_or_default())
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

    fn thread_cpu(&self) -> Duration {
        self.lock().1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_waits_uses_no_processor_time() {
        let clock = SystemClock::new();
        let (before, start) = (clock.thread_cpu(), clock.mono());
        std::thread::sleep(Duration::from_millis(200));
        let (used, passed) = (clock.thread_cpu() - before, clock.mono() - start);
        assert!(passed >= Duration::from_millis(200), "{passed:?}");
        assert!(used < passed / 2, "{used:?} of {passed:?}");
        let mut sum = 0_u64;
        while clock.thread_cpu() - before <= used {
            sum = std::hint::black_box(sum.wrapping_add(1));
        }
    }
}
