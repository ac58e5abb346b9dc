//! One table of deadlines per owner: set, cancel, take what is due.

use std::collections::{BTreeMap, BTreeSet};

use super::Mono;

/// Deadlines by key; setting a key again moves it.
#[derive(Clone, Debug)]
pub struct TimerTable<K> {
    by_key: BTreeMap<K, Mono>,
    by_time: BTreeSet<(Mono, K)>,
}

impl<K: Ord + Clone> Default for TimerTable<K> {
    fn default() -> Self {
        Self {
            by_key: BTreeMap::new(),
            by_time: BTreeSet::new(),
        }
    }
}

impl<K: Ord + Clone> TimerTable<K> {
    /// Sets or moves the deadline of `key`.
    pub fn set(&mut self, key: K, at: Mono) {
        self.cancel(&key);
        self.by_key.insert(key.clone(), at);
        self.by_time.insert((at, key));
    }

    /// Forgets `key`; returns whether it was set.
    pub fn cancel(&mut self, key: &K) -> bool {
        match self.by_key.remove(key) {
            Some(at) => self.by_time.remove(&(at, key.clone())),
            None => false,
        }
    }

    /// The deadline of `key`.
    pub fn deadline(&self, key: &K) -> Option<Mono> {
        self.by_key.get(key).copied()
    }

    /// The earliest deadline.
    pub fn next(&self) -> Option<Mono> {
        self.by_time.first().map(|(at, _)| *at)
    }

    /// Removes and returns one key whose deadline has come, earliest first.
    pub fn pop_due(&mut self, now: Mono) -> Option<K> {
        let (at, _) = self.by_time.first()?;
        if *at > now {
            return None;
        }
        let (_, key) = self.by_time.pop_first()?;
        self.by_key.remove(&key);
        Some(key)
    }

    /// Keys and deadlines in key order.
    pub fn iter(&self) -> impl Iterator<Item = (&K, Mono)> {
        self.by_key.iter().map(|(key, at)| (key, *at))
    }

    /// Number of deadlines set.
    pub fn len(&self) -> usize {
        self.by_key.len()
    }

    /// Whether no deadline is set.
    pub fn is_empty(&self) -> bool {
        self.by_key.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn setting_again_moves_the_deadline() {
        let mut table = TimerTable::default();
        table.set("a", Duration::from_secs(5));
        table.set("b", Duration::from_secs(3));
        table.set("a", Duration::from_secs(1));
        assert_eq!(table.next(), Some(Duration::from_secs(1)));
        assert_eq!(table.pop_due(Duration::from_secs(4)), Some("a"));
        assert_eq!(table.pop_due(Duration::from_secs(4)), Some("b"));
        assert_eq!(table.pop_due(Duration::from_secs(4)), None);
        assert!(table.is_empty());
    }
}
