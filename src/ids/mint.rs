//! Ids from a seed: splitmix64, so that a replayed input mints the same ids.

/// A small deterministic generator; one per `step`, from the seed recorded with the input.
#[derive(Clone, Debug)]
pub struct Minter {
    state: u64,
}

impl Minter {
    /// Starts from a seed.
    pub fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// The next 64 bits (splitmix64).
    pub fn next_u64(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A version 4 UUID in lower-case hyphenated form.
    pub fn uuid(&mut self) -> String {
        let high = u128::from(self.next_u64());
        let low = u128::from(self.next_u64());
        uuid::Builder::from_random_bytes(((high << 64) | low).to_be_bytes())
            .into_uuid()
            .to_string()
    }

    /// A number in `0..bound`, 0 when `bound` is 0; for jitter, not for secrets.
    pub fn below(&mut self, bound: u64) -> u64 {
        match bound {
            0 => 0,
            _ => self.next_u64() % bound,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_seed_same_ids() {
        let (mut a, mut b) = (Minter::new(7), Minter::new(7));
        assert_eq!(a.uuid(), b.uuid());
        assert_ne!(a.uuid(), Minter::new(8).uuid());
    }
}
