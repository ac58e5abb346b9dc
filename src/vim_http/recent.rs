//! What a driver remembers of the latest calls and VMs: bounded, and never needed to be right.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, PoisonError};

/// A map that forgets its oldest entries.
pub struct Recent<V> {
    limit: usize,
    inner: Mutex<Inner<V>>,
}

struct Inner<V> {
    values: BTreeMap<String, V>,
    order: VecDeque<String>,
}

impl<V: Clone> Recent<V> {
    /// Room for `limit` entries.
    pub fn new(limit: usize) -> Self {
        Self {
            limit: limit.max(1),
            inner: Mutex::new(Inner {
                values: BTreeMap::new(),
                order: VecDeque::new(),
            }),
        }
    }

    /// Remembers.
    pub fn put(&self, key: &str, value: V) {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        if inner.values.insert(key.to_owned(), value).is_none() {
            inner.order.push_back(key.to_owned());
        }
        while inner.order.len() > self.limit {
            if let Some(oldest) = inner.order.pop_front() {
                inner.values.remove(&oldest);
            }
        }
    }

    /// Recalls.
    pub fn get(&self, key: &str) -> Option<V> {
        let inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.values.get(key).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_is_forgotten() {
        let recent = Recent::new(2);
        recent.put("a", 1);
        recent.put("b", 2);
        recent.put("b", 3);
        recent.put("c", 4);
        assert_eq!(
            [recent.get("a"), recent.get("b"), recent.get("c")],
            [None, Some(3), Some(4)]
        );
    }
}
