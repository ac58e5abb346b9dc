//! Who waits for what libvirt tells about a domain.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::Notify;

use super::link::DomainEvent;

/// Events kept per watch: of more the newest are dropped; the ones that matter come first.
const EVENTS: usize = 256;

/// All watches, by domain.
#[derive(Default)]
pub struct Watchers(Mutex<BTreeMap<String, Vec<Weak<Watch>>>>);

/// What was told since the watch began.
#[derive(Default)]
pub struct Watch {
    events: Mutex<Vec<DomainEvent>>,
    changed: Notify,
}

impl Watchers {
    /// Begins to watch a domain; ends with the last reference.
    pub fn watch(&self, uuid: &str) -> Arc<Watch> {
        let watch = Arc::new(Watch::default());
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|_, watches| watches.iter().any(|watch| watch.strong_count() > 0));
        all.entry(uuid.to_owned())
            .or_default()
            .push(Arc::downgrade(&watch));
        watch
    }

    /// Something happened to a domain.
    pub fn tell(&self, uuid: &str, event: DomainEvent) {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for watch in all
            .get(uuid)
            .into_iter()
            .flatten()
            .filter_map(Weak::upgrade)
        {
            let mut events = watch.events.lock().unwrap_or_else(PoisonError::into_inner);
            if events.len() < EVENTS {
                events.push(event);
            }
            watch.changed.notify_one();
        }
    }
}

impl Watch {
    /// What was told, oldest first.
    pub fn events(&self) -> Vec<DomainEvent> {
        self.events
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Forgets what was told.
    pub fn clear(&self) {
        self.events
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
    }

    /// Waits until something is told; what was told before the wait counts.
    pub async fn changed(&self) {
        self.changed.notified().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn each_watch_hears_of_its_own_domain_from_its_beginning() {
        let watchers = Watchers::default();
        watchers.tell("a", DomainEvent::Reboot);
        let a = watchers.watch("a");
        let b = watchers.watch("b");
        watchers.tell("a", DomainEvent::Agent(true));
        a.changed().await;
        assert_eq!(a.events(), [DomainEvent::Agent(true)]);
        assert_eq!(b.events(), []);
        drop(a);
        drop(watchers.watch("c"));
        drop(watchers.watch("b"));
        assert_eq!(
            watchers.0.lock().unwrap().len(),
            1,
            "what nobody watches is forgotten"
        );
    }
}
