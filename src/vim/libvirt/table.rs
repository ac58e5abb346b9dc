//! The driver's own record of operations: libvirt has none. Pure; lives as long as the process.
//!
//! An operation that is not in the table (after a restart, or long done) is unknown: the engine looks then.

use std::collections::{BTreeMap, VecDeque};

use crate::engine::port::Accepted;
use crate::model::vim::VimOpStatus;

/// One operation.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    /// What was answered to the call.
    pub accepted: Accepted,
    /// The domain it makes, if it makes one.
    pub makes: Option<String>,
    /// Where it stands.
    pub status: VimOpStatus,
}

/// All operations.
#[derive(Debug, Default)]
pub struct Table {
    entries: BTreeMap<String, Entry>,
    ended: VecDeque<String>,
}

impl Table {
    /// A new operation, under way.
    pub fn begin(&mut self, accepted: Accepted, makes: Option<String>) {
        let id = accepted.op.id.clone();
        let status = VimOpStatus::Running;
        self.entries.insert(
            id,
            Entry {
                accepted,
                makes,
                status,
            },
        );
    }

    /// An operation.
    pub fn get(&self, id: &str) -> Option<&Entry> {
        self.entries.get(id)
    }

    /// How it ended; of the ended ones the newest `remembered` are kept.
    pub fn end(&mut self, id: &str, status: VimOpStatus, remembered: usize) {
        let Some(entry) = self.entries.get_mut(id) else {
            return;
        };
        if entry.status == VimOpStatus::Running {
            self.ended.push_back(id.to_owned());
        }
        entry.status = status;
        while self.ended.len() > remembered {
            if let Some(oldest) = self.ended.pop_front() {
                self.entries.remove(&oldest);
            }
        }
    }

    /// Whether an operation of this process made the domain, or makes it.
    pub fn has_made(&self, uuid: &str) -> bool {
        let mut entries = self.entries.values();
        entries.any(|entry| entry.makes.as_deref() == Some(uuid))
    }

    /// Whether the domain is being made by an operation under way.
    pub fn is_making(&self, uuid: &str) -> bool {
        self.entries.values().any(|entry| {
            entry.status == VimOpStatus::Running && entry.makes.as_deref() == Some(uuid)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::vim::VimOpRef;

    fn accepted(id: &str) -> Accepted {
        Accepted {
            op: VimOpRef {
                vim: "v".into(),
                id: id.into(),
                about: String::new(),
            },
            id: None,
        }
    }

    #[test]
    fn the_newest_ended_operations_are_remembered_and_all_running_ones() {
        let mut table = Table::default();
        table.begin(accepted("running"), Some("u".into()));
        for n in 0..10 {
            let id = format!("op-{n}");
            table.begin(accepted(&id), None);
            table.end(&id, VimOpStatus::Succeeded, 3);
        }
        assert!(table.is_making("u"));
        assert_eq!(table.get("op-6"), None);
        assert_eq!(table.get("op-7").unwrap().status, VimOpStatus::Succeeded);
        table.end("running", VimOpStatus::Failed(vec!["no".into()]), 3);
        assert!(!table.is_making("u"));
        assert!(table.has_made("u") && !table.has_made("v"));
        assert_eq!(table.get("op-7"), None);
        table.end("never", VimOpStatus::Unknown, 3);
    }
}
