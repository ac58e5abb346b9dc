//! Permits for VIM calls (caps per VIM and per host) and the refusals of actions on busy deployments.

use std::collections::{BTreeMap, VecDeque};

use super::io::IntentId;
use super::settings::Settings;

/// One VIM's governor: who may call now, who waits. Rebuilt from in-flight intents at start; never stored.
#[derive(Clone, Debug, Default)]
pub(crate) struct Governor {
    held: BTreeMap<IntentId, String>,
    per_host: BTreeMap<String, usize>,
    waiting: VecDeque<(IntentId, String)>,
}

impl Governor {
    /// Queues a call; `host` may be empty.
    pub fn wait(&mut self, intent: IntentId, host: String) {
        if !self.held.contains_key(&intent) && !self.waiting.iter().any(|(id, _)| *id == intent) {
            self.waiting.push_back((intent, host));
        }
    }

    /// Counts a call that is out already.
    pub fn hold(&mut self, intent: IntentId, host: String) {
        if !self.held.contains_key(&intent) {
            *self.per_host.entry(host.clone()).or_default() += 1;
            self.held.insert(intent, host);
        }
    }

    /// Gives the permit, or the place in the queue, back.
    pub fn release(&mut self, intent: &IntentId) {
        if let Some(host) = self.held.remove(intent) {
            if let Some(count) = self.per_host.get_mut(&host) {
                *count = count.saturating_sub(1);
                if *count == 0 {
                    self.per_host.remove(&host);
                }
            }
        } else {
            self.waiting.retain(|(id, _)| id != intent);
        }
    }

    /// The next call that may go, in order of asking; one whose host is at its cap lets others pass.
    pub fn grant(&mut self, settings: &Settings) -> Option<IntentId> {
        if self.held.len() >= settings.calls_per_vim.max(1) {
            return None;
        }
        let full = |host: &String| {
            !host.is_empty()
                && self.per_host.get(host).copied().unwrap_or(0) >= settings.calls_per_host.max(1)
        };
        let at = self.waiting.iter().position(|(_, host)| !full(host))?;
        let (intent, host) = self.waiting.remove(at)?;
        self.hold(intent.clone(), host);
        Some(intent)
    }

    /// Calls under way.
    #[cfg(test)]
    pub fn in_flight(&self) -> usize {
        self.held.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(n: usize) -> IntentId {
        IntentId(n.to_string())
    }

    #[test]
    fn caps_per_vim_and_per_host_and_first_come_first_served() {
        let settings = Settings {
            calls_per_vim: 3,
            calls_per_host: 2,
            ..Settings::default()
        };
        let mut governor = Governor::default();
        for n in 0..4 {
            governor.wait(id(n), "h1".into());
        }
        governor.wait(id(4), "h2".into());
        governor.wait(id(5), String::new());
        let granted: Vec<_> = std::iter::from_fn(|| governor.grant(&settings)).collect();
        assert_eq!(granted, [id(0), id(1), id(4)]);
        governor.release(&id(4));
        assert_eq!(governor.grant(&settings), Some(id(5)));
        governor.release(&id(0));
        assert_eq!(governor.grant(&settings), Some(id(2)));
        governor.release(&id(3));
        governor.release(&id(1));
        assert_eq!(governor.grant(&settings), None);
        assert_eq!(governor.in_flight(), 2);
    }
}
