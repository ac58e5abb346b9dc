//! The driver: the cloud behind a lock, moved on by the clock whenever it is asked.

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use super::error::SimError;
use super::map;
use super::record::{self, Input, Output, Record};
use super::settings::Settings;
use crate::clock::{Clock, Mono};
use crate::cloudsim::{self, Cloud, GuestAnswer, Injection, Target};
use crate::engine::port::{
    Accepted, Find, PortFuture, ProbeTarget, Prober, Verdict, Vim, VimCall, VimError, VimResource,
    VimVm,
};
use crate::ids::{CreateToken, VmId};
use crate::model::vim::{VimOpRef, VimOpStatus};

/// Collector types that a simulated guest answers.
pub const COLLECTORS: [&str; 2] = ["ICMPPing", "TCPConnect"];

/// The embedded VIM.
pub struct SimVim {
    id: String,
    settings: Settings,
    clock: Arc<dyn Clock>,
    inner: Mutex<Inner>,
    /// Faults changed: whoever waits for a record looks again.
    changed: Notify,
}

struct Inner {
    cloud: Cloud,
    /// The cloud's time when the clock said `started`.
    offset: Mono,
    started: Mono,
    record: Option<Record>,
}

impl SimVim {
    /// A cloud that lives and dies with the process.
    ///
    /// # Errors
    /// The settings contradict themselves.
    pub fn in_memory(
        id: impl Into<String>,
        settings: Settings,
        cloud: cloudsim::Settings,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, SimError> {
        let cloud = Cloud::new(cloud)?;
        Ok(Self::with(id.into(), settings, clock, cloud, None))
    }

    /// The cloud recorded in `file` (e.g. `cloudsim.json` of the data directory), or a new one recorded
    /// there. While nobody simulated it, its time went on by the wall clock.
    ///
    /// The caller makes sure that no other process has the file open.
    ///
    /// # Errors
    /// Unusable settings, files that cannot be read, written or understood.
    pub fn open(
        id: impl Into<String>,
        settings: Settings,
        cloud: cloudsim::Settings,
        clock: Arc<dyn Clock>,
        file: &Path,
    ) -> Result<Self, SimError> {
        let now = clock.wall();
        let (cloud, generation) = match record::read(file)? {
            None => (Cloud::new(cloud)?, 1),
            Some((mut found, generation, seen)) => {
                let now = found.now() + now.since(seen);
                found.advance(Duration::from_micros(record::micros(now)));
                found.reconfigure(cloud)?;
                (found, generation + 1)
            }
        };
        let record = Record::start(file, generation, &cloud, now)?;
        Ok(Self::with(id.into(), settings, clock, cloud, Some(record)))
    }

    fn with(
        id: String,
        settings: Settings,
        clock: Arc<dyn Clock>,
        cloud: Cloud,
        record: Option<Record>,
    ) -> Self {
        let inner = Inner {
            offset: cloud.now(),
            started: clock.mono(),
            cloud,
            record,
        };
        Self {
            id,
            settings,
            clock,
            inner: Mutex::new(inner),
            changed: Notify::new(),
        }
    }

    /// Injects a fault.
    ///
    /// # Errors
    /// [`SimError::Inject`] when it makes no sense, [`SimError::File`] when it cannot be recorded.
    pub fn inject(&self, injection: Injection) -> Result<(), SimError> {
        self.fault(Input::Inject(injection))
    }

    /// Lifts the faults of a target, or all of them.
    ///
    /// # Errors
    /// As [`SimVim::inject`].
    pub fn clear(&self, target: Option<Target>) -> Result<(), SimError> {
        self.fault(Input::Clear(target))
    }

    /// Looks at the cloud as it is now; for tests and tools.
    pub fn look<R>(&self, look: impl FnOnce(&Cloud) -> R) -> R {
        look(&self.now().cloud)
    }

    /// What the VM's guest answers to a collector now, asked inside the simulator, so that it needs no
    /// address: an unknown collector is the prober's own trouble, silence is the guest's (P6).
    pub fn answer(&self, target: &ProbeTarget) -> Verdict {
        if !COLLECTORS.contains(&target.collector.as_str()) {
            return Verdict::CannotTell;
        }
        match self.look(|cloud| cloud.probe(&target.vm_id)) {
            GuestAnswer::Answers(millis) => Verdict::Alive(millis),
            GuestAnswer::Silence => Verdict::NoAnswer,
        }
    }

    /// The cloud, moved on to this moment.
    fn now(&self) -> MutexGuard<'_, Inner> {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let now = inner.offset + self.clock.mono().saturating_sub(inner.started);
        inner
            .cloud
            .advance(Duration::from_micros(record::micros(now)));
        inner
    }

    fn input(&self, input: Input) -> Result<Output, SimError> {
        let mut inner = self.now();
        let Inner { cloud, record, .. } = &mut *inner;
        let wall = self.clock.wall();
        if let Some(record) = record {
            record.append(cloud.now(), wall, &input)?;
        }
        let output = input.apply(cloud);
        if let Some(record) = record
            && let Err(error) = record.fold(self.settings.log_entries, cloud, wall)
        {
            // the input is recorded in the old log, which goes on
            tracing::warn!(%error, "simulated VIM: no new snapshot");
        }
        Ok(output)
    }

    fn fault(&self, input: Input) -> Result<(), SimError> {
        let output = self.input(input)?;
        self.changed.notify_waiters();
        match output {
            Output::Fault(result) => Ok(result?),
            Output::Call(_) => Ok(()),
        }
    }

    fn issue(&self, call: VimCall, idempotency: String) -> Result<Accepted, VimError> {
        match self.input(Input::Call(map::call(call), idempotency)) {
            // what is not recorded does not act
            Err(error) => Err(VimError::Down(error.to_string())),
            Ok(Output::Call(result)) => result
                .map(|accepted| map::accepted(&self.id, accepted))
                .map_err(map::error),
            Ok(Output::Fault(_)) => Err(VimError::Unknown("not a call".to_owned())),
        }
    }

    /// The record, and how long until it is due; `None`: it will not change by itself.
    fn read_status(&self, op: &str) -> Result<(VimOpStatus, Option<Duration>), VimError> {
        let inner = self.now();
        let status = inner.cloud.status(op).map_err(map::error)?;
        let due = inner.cloud.op_due(op);
        Ok((status, due.map(|due| due.saturating_sub(inner.cloud.now()))))
    }

    /// Waits until the record is final, at most the long poll's time.
    async fn follow(&self, op: &str) -> Result<VimOpStatus, VimError> {
        let wait = async {
            loop {
                let changed = self.changed.notified();
                tokio::pin!(changed);
                // counts from here on, so that no change between look and wait is missed
                changed.as_mut().enable();
                let (status, due) = self.read_status(op)?;
                if !matches!(status, VimOpStatus::Pending | VimOpStatus::Running) {
                    return Ok(status);
                }
                match due {
                    // a timer may fire a little early by the cloud's clock: never spin
                    Some(due) => {
                        let pause = due.max(Duration::from_millis(1));
                        let _ = tokio::time::timeout(pause, changed).await;
                    }
                    None => changed.await,
                }
            }
        };
        match tokio::time::timeout(self.settings.long_poll(), wait).await {
            Ok(status) => status,
            Err(_) => self.read_status(op).map(|(status, _)| status),
        }
    }

    fn find_now(&self, what: &Find) -> Result<Option<VimResource>, VimError> {
        let found = self.look(|cloud| match what {
            Find::Tenant(name) => cloud.find_tenant(name),
            Find::Network {
                tenant,
                token,
                name,
            } => cloud.find_network(tenant.as_ref(), token.as_ref(), name),
            Find::Image(name) => cloud.find_image(name),
            Find::Flavor(name) => cloud.find_flavor(name),
        });
        found
            .map(|found| found.map(map::resource))
            .map_err(map::error)
    }
}

impl Vim for SimVim {
    fn id(&self) -> &str {
        &self.id
    }

    fn call(
        &self,
        call: VimCall,
        idempotency: String,
    ) -> PortFuture<'_, Result<Accepted, VimError>> {
        Box::pin(async move { self.issue(call, idempotency) })
    }

    fn status(&self, op: VimOpRef) -> PortFuture<'_, Result<VimOpStatus, VimError>> {
        Box::pin(async move {
            if op.vim != self.id {
                return Ok(VimOpStatus::Unknown);
            }
            self.follow(&op.id).await
        })
    }

    fn describe(&self, vm: VmId) -> PortFuture<'_, Result<Option<VimVm>, VimError>> {
        Box::pin(async move {
            let found = self.look(|cloud| cloud.vm(&vm)).map_err(map::error)?;
            Ok(found.map(map::vm))
        })
    }

    fn find_by_token(&self, token: CreateToken) -> PortFuture<'_, Result<Vec<VimVm>, VimError>> {
        Box::pin(async move {
            let found = self.look(|cloud| cloud.vms_by_token(&token));
            Ok(found
                .map_err(map::error)?
                .into_iter()
                .map(map::vm)
                .collect())
        })
    }

    fn find(&self, what: Find) -> PortFuture<'_, Result<Option<VimResource>, VimError>> {
        Box::pin(async move { self.find_now(&what) })
    }

    fn landing_bound(&self) -> Duration {
        self.look(|cloud| cloud.settings().landing_bound())
    }
}

/// A simulated VIM answers the collectors of its own VMs.
impl Prober for SimVim {
    fn probe(&self, target: ProbeTarget) -> PortFuture<'_, Verdict> {
        Box::pin(async move { self.answer(&target) })
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
