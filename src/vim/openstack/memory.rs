//! What the driver remembers of the latest calls and servers: bounded, and never needed to be right.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use super::client::Scope;
use super::errand::Sent;
use super::things::Upload;
use crate::engine::port::Accepted;

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

/// All of it.
pub struct Memory {
    /// Calls by the engine's key: a repeated one gets the same answer.
    pub accepted: Recent<Accepted>,
    /// Request ids of a server's reboots before the call of that key: a newer one is its own.
    pub reboots: Recent<Vec<String>>,
    /// Where a server was found, by its id.
    pub scopes: Recent<Scope>,
    /// What was seen when a server's removal was sent.
    pub sent: Recent<Sent>,
    /// Servers of which it is proven that they are gone.
    pub gone: Recent<()>,
    /// Names of servers by their tokens.
    pub names: Recent<String>,
    /// Ids by kind and name.
    pub ids: Recent<String>,
    /// Subnets as the engine wants them, by id.
    pub subnets: Recent<crate::proto::nova::Subnet>,
    /// Images that are being sent from here.
    pub uploads: Recent<Upload>,
}

impl Memory {
    /// Room for `limit` entries of each kind.
    pub fn new(limit: usize) -> Self {
        Self {
            accepted: Recent::new(limit),
            reboots: Recent::new(limit),
            scopes: Recent::new(limit),
            sent: Recent::new(limit),
            gone: Recent::new(limit),
            names: Recent::new(limit),
            ids: Recent::new(limit),
            subnets: Recent::new(limit),
            uploads: Recent::new(limit),
        }
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
