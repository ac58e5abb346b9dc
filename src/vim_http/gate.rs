//! What every request passes: at most so many at once, and at most one a second to a cloud that is down.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::silence::Silence;
use crate::clock::{Clock, Mono};

/// The gate.
pub struct Gate {
    clock: Arc<dyn Clock>,
    places: Arc<Semaphore>,
    wait: Duration,
    pause: Duration,
    down: Mutex<Option<Down>>,
}

struct Down {
    why: String,
    next: Mono,
}

impl Gate {
    /// `wait`: how long a request may wait for its place.
    pub fn new(clock: Arc<dyn Clock>, places: usize, wait: Duration, pause: Duration) -> Self {
        Self {
            clock,
            places: Arc::new(Semaphore::new(places.clamp(1, Semaphore::MAX_PERMITS))),
            wait,
            pause,
            down: Mutex::new(None),
        }
    }

    /// Lets a request through.
    ///
    /// # Errors
    /// When the cloud is down and its next try is not due, or no place became free in time.
    pub async fn enter(&self) -> Result<OwnedSemaphorePermit, Silence> {
        let place = tokio::time::timeout(self.wait, self.places.clone().acquire_owned()).await;
        let Ok(Ok(place)) = place else {
            return Err(Silence::Down(
                "too many requests wait for the VIM".to_owned(),
            ));
        };
        let mut down = self.down.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(down) = down.as_mut() {
            let now = self.clock.mono();
            if now < down.next {
                return Err(Silence::Down(down.why.clone()));
            }
            down.next = now + self.pause;
        }
        Ok(place)
    }

    /// The cloud answered.
    pub fn answered(&self) {
        *self.down.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// It did not.
    pub fn silent(&self, why: &str) {
        let next = self.clock.mono() + self.pause;
        let mut down = self.down.lock().unwrap_or_else(PoisonError::into_inner);
        match down.as_mut() {
            Some(down) => why.clone_into(&mut down.why),
            None => {
                *down = Some(Down {
                    why: why.to_owned(),
                    next,
                });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::{ManualClock, Timestamp};

    #[tokio::test]
    async fn a_cloud_that_is_down_is_asked_once_a_second() {
        let clock = Arc::new(ManualClock::new(Timestamp::from_micros(0)));
        let second = Duration::from_secs(1);
        let gate = Gate::new(clock.clone(), 4, second, second);
        assert!(gate.enter().await.is_ok());
        gate.silent("connection refused");
        let mut sent = 0;
        for _ in 0..100 {
            clock.advance(Duration::from_millis(100));
            match gate.enter().await {
                Ok(_) => {
                    sent += 1;
                    gate.silent("connection refused");
                }
                Err(silence) => {
                    assert_eq!(silence, Silence::Down("connection refused".to_owned()));
                }
            }
        }
        assert_eq!(sent, 10, "ten seconds");
        clock.advance(second);
        assert!(gate.enter().await.is_ok());
        gate.answered();
        for _ in 0..10 {
            assert!(gate.enter().await.is_ok());
        }
    }

    #[tokio::test]
    async fn only_so_many_at_once() {
        let clock = Arc::new(ManualClock::new(Timestamp::from_micros(0)));
        let gate = Gate::new(clock, 2, Duration::from_millis(10), Duration::from_secs(1));
        let first = gate.enter().await.unwrap();
        let _second = gate.enter().await.unwrap();
        assert!(matches!(gate.enter().await, Err(Silence::Down(_))));
        drop(first);
        assert!(gate.enter().await.is_ok());
    }
}
