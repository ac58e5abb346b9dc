//! How long to wait before the next attempt.

use std::time::Duration;

/// The pause before attempt `attempt + 1`: doubling, capped, between half and the whole of it by `jitter`.
pub fn backoff(base_ms: u64, max_ms: u64, attempt: u32, jitter: u64) -> Duration {
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
