//! One simulated cloud and what its faces remember, behind one lock and moved on by one clock.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::sync::futures::Notified;

use super::faults::Faults;
use super::settings::{Settings, Time};
use super::{cloudstack, nova, vcloud};
use crate::clock::{Clock, Mono, Timestamp};
use crate::cloudsim::{Accepted, Call, CallError, Cloud, SettingsError};
use crate::ids::Minter;

/// Everything there is.
pub struct World {
    /// The cloud.
    pub cloud: Cloud,
    /// What the faces are told to be like.
    pub settings: Settings,
    /// Faults of the wire.
    pub(super) faults: Faults,
    /// What Nova's face remembers.
    pub(super) nova: nova::State,
    /// What CloudStack's remembers.
    pub(super) cloudstack: cloudstack::State,
    /// What vCloud's remembers.
    pub(super) vcloud: vcloud::State,
    /// Wall time at the cloud's time zero.
    epoch: Timestamp,
    minter: Minter,
    calls: u64,
}

impl World {
    /// A world whose cloud begins at `epoch`.
    ///
    /// # Errors
    /// The settings contradict themselves.
    pub fn new(settings: Settings, epoch: Timestamp) -> Result<Self, SettingsError> {
        let mut cloud = Cloud::new(settings.cloud.clone())?;
        let mut minter = Minter::new(settings.cloud.seed ^ 0x6661_6365_7300_0000);
        let nova = nova::State::new(&settings.nova, &mut cloud, &mut minter);
        let cloudstack = cloudstack::State::new(&settings.cloudstack, &mut cloud);
        let vcloud = vcloud::State::new(&settings.vcloud, &mut cloud);
        Ok(Self {
            cloud,
            nova,
            cloudstack,
            vcloud,
            faults: Faults::default(),
            settings,
            epoch,
            minter,
            calls: 0,
        })
    }

    /// The wall time of a moment of the cloud.
    pub fn at(&self, moment: Mono) -> Timestamp {
        self.epoch + moment
    }

    /// The present, `2026-11-22T06:00:00`: to the second, in UTC, without a zone.
    pub fn now_text(&self) -> String {
        self.text(self.cloud.now())
    }

    /// A moment so written.
    pub fn text(&self, moment: Mono) -> String {
        self.at(moment).to_string().chars().take(19).collect()
    }

    /// A new UUID that nothing of the cloud has.
    pub fn uuid(&mut self) -> String {
        self.minter.uuid()
    }

    /// No token of Keystone's and no session of vCloud's is good any more.
    pub fn expire_tokens(&mut self) {
        self.nova.expire_tokens();
        self.vcloud.end_sessions();
    }

    /// A change asked of the cloud; no two have the same key.
    ///
    /// # Errors
    /// As [`Cloud::call`].
    pub fn call(&mut self, call: Call) -> Result<Accepted, CallError> {
        self.calls += 1;
        let key = format!("face-{}", self.calls);
        let accepted = self.cloud.call(call, &key);
        // what takes no time is done
        self.cloud.advance(self.cloud.now());
        accepted
    }
}

/// The world behind its lock.
pub struct Sim {
    clock: Arc<dyn Clock>,
    time: Time,
    started: Mono,
    world: Mutex<World>,
    /// Faults changed: a port that waits looks whether it is still open.
    changed: Notify,
}

impl Sim {
    /// A new world.
    ///
    /// # Errors
    /// The settings contradict themselves.
    pub fn new(settings: Settings, clock: Arc<dyn Clock>) -> Result<Arc<Self>, SettingsError> {
        Ok(Arc::new(Self {
            time: settings.time,
            started: clock.mono(),
            world: Mutex::new(World::new(settings, clock.wall())?),
            changed: Notify::new(),
            clock,
        }))
    }

    /// The world as it is at this moment.
    pub fn now(&self) -> MutexGuard<'_, World> {
        let mut world = self.world.lock().unwrap_or_else(PoisonError::into_inner);
        if self.time == Time::Automatic {
            let now = self.clock.mono().saturating_sub(self.started);
            world.cloud.advance(now);
        }
        world
    }

    /// Lets time pass where it does not do so by itself; the cloud's time afterwards, `None` where it does.
    pub fn pass(&self, by: Duration) -> Option<Mono> {
        let mut world = self.now();
        if self.time == Time::Automatic {
            return None;
        }
        let now = world.cloud.now() + by;
        world.cloud.advance(now);
        Some(now)
    }

    /// Tells whoever waits that faults have changed.
    pub(super) fn tell(&self) {
        self.changed.notify_waiters();
    }

    /// The next such change.
    pub(super) fn changed(&self) -> Notified<'_> {
        self.changed.notified()
    }

    /// Whether time passes by itself.
    pub fn time(&self) -> Time {
        self.time
    }
}
