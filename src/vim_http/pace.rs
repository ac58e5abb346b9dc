//! How often a question is asked again, and how long to wait before the next attempt.

use std::future::Future;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::engine::port::VimError;
use crate::ids::Minter;

/// The attempts at one question.
pub struct Attempts {
    /// How many there are.
    pub most: u32,
    base_ms: u64,
    max_ms: u64,
    jitter: Mutex<Minter>,
}

impl Attempts {
    /// So many, with pauses from `base_ms` on that double up to `max_ms`.
    pub fn new(most: u32, base_ms: u64, max_ms: u64, seed: u64) -> Self {
        Self {
            most,
            base_ms,
            max_ms,
            jitter: Mutex::new(Minter::new(seed)),
        }
    }

    /// Sleeps after attempt `attempt`, the first being 1.
    pub async fn pause(&self, attempt: u32) {
        let jitter = {
            let mut minter = self.jitter.lock().unwrap_or_else(PoisonError::into_inner);
            minter.next_u64()
        };
        let before = attempt.saturating_sub(1);
        tokio::time::sleep(backoff(self.base_ms, self.max_ms, before, jitter)).await;
    }

    /// Asks until there is an answer, whatever it says (`Ok`), or the cloud refuses, or it was asked often enough.
    ///
    /// # Errors
    /// The answer's, the refusal, or the last attempt's.
    pub async fn until<T, F>(&self, ask: impl Fn() -> F) -> Result<T, VimError>
    where
        F: Future<Output = Result<Result<T, VimError>, VimError>>,
    {
        let mut attempt = 0;
        loop {
            let error = match ask().await {
                Ok(answer) => return answer,
                Err(error) => error,
            };
            attempt += 1;
            if matches!(error, VimError::Refused(_)) || attempt >= self.most {
                return Err(error);
            }
            self.pause(attempt).await;
        }
    }
}

/// The pause before attempt `attempt + 1`: doubling, capped, between half and the whole of it by `jitter`.
fn backoff(base_ms: u64, max_ms: u64, attempt: u32, jitter: u64) -> Duration {
    let whole = base_ms
        .saturating_mul(1 << attempt.min(20))
        .min(max_ms)
        .max(1);
    let half = whole / 2;
    Duration::from_millis(half + jitter % (whole - half + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_doubles_up_to_its_cap() {
        for attempt in 0..40 {
            for jitter in [0, 1, 299, u64::MAX] {
                let pause = backoff(300, 3_000, attempt, jitter);
                assert!(pause >= Duration::from_millis(150));
                assert!(pause <= Duration::from_millis(3_000));
            }
        }
        assert!(backoff(300, 3_000, 3, 0) > backoff(300, 3_000, 0, u64::MAX));
    }
}
