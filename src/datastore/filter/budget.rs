//! What a filter may cost: nodes visited, and processor time where it is XPath.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::Clock;
use crate::datastore::error::{Error, ErrorKind};

/// What filters may cost before they are refused (`resource-denied`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FilterLimits {
    /// Nodes that a subtree filter looks at.
    pub subtree_visits: u64,
    /// Nodes that an XPath filter looks at.
    pub xpath_visits: u64,
    /// Nodes that a subscription's filter looks at for one event.
    pub event_visits: u64,
    /// Processor time that an XPath filter takes.
    pub xpath_time: Duration,
    /// Nesting of parentheses, predicates and function calls of an XPath expression.
    pub xpath_depth: usize,
    /// Octets of an XPath expression.
    pub xpath_bytes: usize,
}

impl Default for FilterLimits {
    fn default() -> Self {
        Self {
            subtree_visits: 2_000_000,
            xpath_visits: 1_000_000,
            event_visits: 50_000,
            xpath_time: Duration::from_millis(250),
            xpath_depth: 64,
            xpath_bytes: 4096,
        }
    }
}

/// What is left of a filter's allowance.
#[derive(Clone, Debug)]
pub struct Budget {
    visits: u64,
    until: Option<Deadline>,
    /// Visits since the clock was looked at.
    unwatched: u64,
}

#[derive(Clone)]
struct Deadline {
    clock: Arc<dyn Clock>,
    /// Of the thread that the budget was made on.
    at: Duration,
}

impl fmt::Debug for Deadline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.at)
    }
}

/// Visits between two looks at the clock: some 10 us.
const WATCH_EVERY: u64 = 256;

impl Budget {
    /// A budget of so many visits.
    pub fn new(visits: u64) -> Self {
        Self {
            visits,
            until: None,
            unwatched: 0,
        }
    }

    /// One that ends after so much time of the calling thread, too; it is for that thread alone.
    pub fn within(mut self, time: Duration, clock: &Arc<dyn Clock>) -> Self {
        self.until = Some(Deadline {
            at: clock.thread_cpu() + time,
            clock: clock.clone(),
        });
        self
    }

    /// Takes visits off.
    ///
    /// # Errors
    /// [`ErrorKind::ResourceDenied`] when there are not as many left, or when time is up.
    pub fn take(&mut self, visits: usize) -> Result<(), Error> {
        let visits = visits as u64;
        let Some(left) = self.visits.checked_sub(visits) else {
            self.visits = 0;
            return Err(denied("the filter looks at more nodes than a request may"));
        };
        self.visits = left;
        self.unwatched = self.unwatched.saturating_add(visits);
        if self.unwatched >= WATCH_EVERY {
            self.unwatched = 0;
            if let Some(until) = &self.until
                && until.clock.thread_cpu() > until.at
            {
                self.visits = 0;
                return Err(denied("the filter takes more time than a request may"));
            }
        }
        Ok(())
    }
}

impl Default for Budget {
    fn default() -> Self {
        Self::new(FilterLimits::default().xpath_visits)
    }
}

fn denied(message: &str) -> Error {
    Error::new(ErrorKind::ResourceDenied, "", message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::{ManualClock, Timestamp};

    #[test]
    fn visits_and_time_both_end_it() {
        let manual = Arc::new(ManualClock::new(Timestamp::from_micros(0)));
        let clock: Arc<dyn Clock> = manual.clone();
        let mut budget = Budget::new(1000);
        assert!(budget.take(1000).is_ok());
        assert!(budget.take(1).is_err());
        let time = Duration::from_millis(250);
        let mut budget = Budget::new(1_000_000).within(time, &clock);
        manual.advance(time);
        assert!(budget.take(1000).is_ok());
        manual.advance(Duration::from_millis(1));
        let error = budget.take(1000).unwrap_err();
        assert_eq!(error.kind, ErrorKind::ResourceDenied);
        assert!(error.message.contains("time"));
        assert!(budget.take(1).is_err());
    }
}
