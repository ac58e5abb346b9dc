//! Ids from a seed: splitmix64, so that a replayed input mints the same ids; or ids given beforehand.

use std::collections::BTreeMap;
use std::sync::Arc;

/// Ids known before the things they name exist: UUIDs by name (`tenant/deployment` for a deployment,
/// `tenant/deployment/group/index` for the unique part of a VM's name). For tests that must come out as
/// printed somewhere; whoever gives them makes sure that a thing of that name is made once.
#[derive(Clone, Debug, Default)]
pub struct GivenIds(Option<Arc<BTreeMap<String, String>>>);

impl GivenIds {
    /// Pairs of name and UUID.
    pub fn new<N: Into<String>, I: Into<String>>(pairs: impl IntoIterator<Item = (N, I)>) -> Self {
        let pairs = pairs.into_iter().map(|(name, id)| (name.into(), id.into()));
        Self(Some(Arc::new(pairs.collect())))
    }

    fn of(&self, name: &str) -> Option<String> {
        self.0.as_ref()?.get(name).cloned()
    }
}

/// A small deterministic generator; one per `step`, from the seed recorded with the input.
#[derive(Clone, Debug)]
pub struct Minter {
    state: u64,
    given: GivenIds,
}

impl Minter {
    /// Starts from a seed.
    pub fn new(seed: u64) -> Self {
        Self {
            state: seed,
            given: GivenIds::default(),
        }
    }

    /// Hands out what is given before it mints.
    pub fn with(self, given: &GivenIds) -> Self {
        Self {
            given: given.clone(),
            ..self
        }
    }

    /// The UUID given for that name, else a new one. The seed is used up alike, so that the other ids
    /// of a step do not depend on it.
    pub fn uuid_for(&mut self, name: &str) -> String {
        let minted = self.uuid();
        self.given.of(name).unwrap_or(minted)
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

    #[test]
    fn given_ids_are_handed_out_and_change_nothing_else() {
        let given = GivenIds::new([("t/d", "given")]);
        let (mut a, mut b) = (Minter::new(7).with(&given), Minter::new(7));
        assert_eq!(a.uuid_for("t/d"), "given");
        b.uuid();
        assert_eq!(a.uuid_for("t/e"), b.uuid_for("t/e"));
    }
}
