//! Start, stop, reboot, resize: each way that is tried is believed by what follows it, not by its return.

use std::sync::Arc;
use std::time::Duration;

use super::connector::{RebootWay, StopWay};
use super::core::{Core, End};
use super::judge::{Verdict, judge};
use super::link::{Fault, FaultKind, Link, Way};
use super::state;
use super::watch::Watch;
use super::xml::{Build, read_domain, read_volume, resized};
use crate::engine::port::{Accepted, VimError};
use crate::ids::VmId;
use crate::model::resource::FlavorSpec;

impl Core {
    /// Starts a domain, or lets a paused one go on.
    pub async fn start(self: &Arc<Self>, op: String, vm: VmId) -> Result<Accepted, VimError> {
        self.domain_state(vm.as_str()).await?;
        let core = self.clone();
        let uuid = vm.as_str().to_owned();
        let work = async move { Ok(core.run_again(&uuid).await?) };
        Ok(self.begin(op, Some(vm.as_str().to_owned()), None, work))
    }

    /// Stops a domain.
    pub async fn stop(self: &Arc<Self>, op: String, vm: VmId) -> Result<Accepted, VimError> {
        self.domain_state(vm.as_str()).await?;
        let core = self.clone();
        let uuid = vm.as_str().to_owned();
        let work = async move { core.stopped(&uuid).await };
        Ok(self.begin(op, Some(vm.as_str().to_owned()), None, work))
    }

    /// Takes a domain's power away.
    pub async fn cut_off(self: &Arc<Self>, op: String, vm: VmId) -> Result<Accepted, VimError> {
        self.domain_state(vm.as_str()).await?;
        let core = self.clone();
        let uuid = vm.as_str().to_owned();
        let work = async move { Ok(core.power_off(&uuid).await?) };
        Ok(self.begin(op, Some(vm.as_str().to_owned()), None, work))
    }

    /// Reboots a domain; one that is off is started.
    pub async fn reboot(
        self: &Arc<Self>,
        op: String,
        vm: VmId,
        hard: bool,
    ) -> Result<Accepted, VimError> {
        self.domain_state(vm.as_str()).await?;
        let core = self.clone();
        let uuid = vm.as_str().to_owned();
        let work = async move { core.rebooted(&uuid, hard).await };
        Ok(self.begin(op, Some(vm.as_str().to_owned()), None, work))
    }

    /// Gives a domain another flavor: down, changed, up again if it was up.
    pub async fn resize(
        self: &Arc<Self>,
        op: String,
        vm: VmId,
        flavor: String,
    ) -> Result<Accepted, VimError> {
        let spec = self.flavor(&flavor)?;
        self.domain_state(vm.as_str()).await?;
        let core = self.clone();
        let uuid = vm.as_str().to_owned();
        let work = async move { core.resized(&uuid, &spec).await };
        Ok(self.begin(op, Some(vm.as_str().to_owned()), None, work))
    }

    async fn domain_state(&self, uuid: &str) -> Result<(i32, i32), Fault> {
        let uuid = uuid.to_owned();
        self.session
            .look(move |link| link.domain_state(&uuid))
            .await
    }

    async fn act(
        &self,
        uuid: &str,
        act: impl FnOnce(&dyn Link, &str) -> Result<(), Fault> + Send + 'static,
    ) -> Result<(), Fault> {
        let uuid = uuid.to_owned();
        let limit = self.settings.call_timeout();
        self.session.ask(limit, move |link| act(link, &uuid)).await
    }

    /// Makes it run, whatever it does now.
    async fn run_again(&self, uuid: &str) -> Result<(), Fault> {
        let (state, _) = self.domain_state(uuid).await?;
        match state {
            state::PAUSED => self.act(uuid, |link, uuid| link.resume(uuid)).await,
            state::SHUTOFF => {
                let started = self.act(uuid, |link, uuid| link.start(uuid)).await;
                started.or_else(|fault| match fault.kind {
                    // somebody was faster
                    FaultKind::NotNow => Ok(()),
                    _ => Err(fault),
                })?;
                self.started_once(uuid).await
            }
            // Kept for a look, or asleep: only a power cycle brings it back.
            state::CRASHED | state::PM_SUSPENDED => self.cycle(uuid).await,
            _ => Ok(()),
        }
    }

    async fn started_once(&self, uuid: &str) -> Result<(), Fault> {
        let asked = uuid.to_owned();
        let text = self
            .session
            .look(move |link| link.domain_xml(&asked, false))
            .await?;
        if let Some(card) = read_domain(&text)?
            .card
            .filter(|card| card.build == Build::Begun)
        {
            self.mark_done(uuid, card).await;
        }
        Ok(())
    }

    /// Power off, power on.
    async fn cycle(&self, uuid: &str) -> Result<(), Fault> {
        self.power_off(uuid).await?;
        self.act(uuid, |link, uuid| link.start(uuid)).await
    }

    /// Takes the power away; off already is well.
    pub async fn power_off(&self, uuid: &str) -> Result<(), Fault> {
        let off = self.act(uuid, |link, uuid| link.destroy(uuid)).await;
        off.or_else(|fault| match fault.kind {
            FaultKind::NotNow => Ok(()),
            _ => Err(fault),
        })
    }

    /// Waits for what the events or the state show, at most `limit`.
    async fn shows(
        &self,
        uuid: &str,
        watch: &Watch,
        limit: Duration,
    ) -> Result<Option<Verdict>, Fault> {
        let deadline = self.clock.mono() + limit;
        loop {
            let verdict = judge(&watch.events());
            if verdict == Some(Verdict::Rebooted) {
                return Ok(verdict);
            }
            // Events may be missing; the state is what counts.
            let (state, _) = self.domain_state(uuid).await?;
            if matches!(state, state::SHUTOFF | state::CRASHED) {
                return Ok(Some(Verdict::Stopped));
            }
            let left = deadline.saturating_sub(self.clock.mono());
            if left.is_zero() {
                return Ok(None);
            }
            let _ = tokio::time::timeout(left.min(self.settings.poll()), watch.changed()).await;
        }
    }

    async fn rebooted(&self, uuid: &str, hard: bool) -> Result<(), End> {
        let (state, _) = self.domain_state(uuid).await?;
        if state != state::RUNNING {
            // Nothing runs that could be asked: it is made to run.
            return Ok(self.run_again(uuid).await?);
        }
        let ways = match hard {
            true => &self.connector.hard_reboot,
            false => &self.connector.soft_reboot,
        };
        let mut lines = Vec::new();
        for way in ways {
            match self.try_reboot(uuid, *way).await {
                Ok(()) => return Ok(()),
                Err(fault) if fault.is_silence() => return Err(End::Unknown),
                Err(fault) => lines.insert(0, fault.line()),
            }
        }
        Err(End::Failed(lines))
    }

    async fn try_reboot(&self, uuid: &str, way: RebootWay) -> Result<(), Fault> {
        let watch = self.watchers.watch(uuid);
        let (name, limit) = match way {
            RebootWay::Agent => {
                self.agent_is_there(uuid).await?;
                self.act(uuid, |link, uuid| link.reboot(uuid, Way::Agent))
                    .await?;
                ("agent", self.settings.reboot_shows())
            }
            RebootWay::Acpi => {
                self.act(uuid, |link, uuid| link.reboot(uuid, Way::Acpi))
                    .await?;
                ("acpi", self.settings.reboot_shows())
            }
            RebootWay::Reset => {
                self.act(uuid, |link, uuid| link.reset(uuid)).await?;
                ("reset", self.settings.reboot_shows())
            }
            RebootWay::Cycle => return self.cycle(uuid).await,
        };
        match self.shows(uuid, &watch, limit).await? {
            Some(Verdict::Rebooted) => Ok(()),
            // It went down and did not come back by itself.
            Some(Verdict::Stopped) => self.run_again(uuid).await,
            None => Err(Fault::refused(format!(
                "reboot by {name}: accepted, but the guest did not reboot within {} ms",
                limit.as_millis()
            ))),
        }
    }

    /// An agent that is known to be away is not asked: libvirt would wait for it in vain.
    async fn agent_is_there(&self, uuid: &str) -> Result<(), Fault> {
        let asked = uuid.to_owned();
        let text = self
            .session
            .look(move |link| link.domain_xml(&asked, false))
            .await?;
        match read_domain(&text)?.agent {
            Some(true) => Ok(()),
            _ => Err(Fault::new(
                FaultKind::Agent,
                "the guest's agent is not connected",
            )),
        }
    }

    async fn stopped(&self, uuid: &str) -> Result<(), End> {
        let (state, _) = self.domain_state(uuid).await?;
        if state == state::SHUTOFF {
            return Ok(());
        }
        let mut lines = Vec::new();
        for way in &self.connector.stop {
            // One that does not run cannot hear.
            if state != state::RUNNING && *way != StopWay::Destroy {
                continue;
            }
            match self.try_stop(uuid, *way).await {
                Ok(()) => return Ok(()),
                Err(fault) if fault.is_silence() => return Err(End::Unknown),
                Err(fault) => lines.insert(0, fault.line()),
            }
        }
        Err(End::Failed(lines))
    }

    async fn try_stop(&self, uuid: &str, way: StopWay) -> Result<(), Fault> {
        let watch = self.watchers.watch(uuid);
        let name = match way {
            StopWay::Agent => {
                self.agent_is_there(uuid).await?;
                self.act(uuid, |link, uuid| link.shutdown(uuid, Way::Agent))
                    .await?;
                "agent"
            }
            StopWay::Acpi => {
                self.act(uuid, |link, uuid| link.shutdown(uuid, Way::Acpi))
                    .await?;
                "acpi"
            }
            StopWay::Destroy => return self.power_off(uuid).await,
        };
        let limit = self.settings.stop_shows();
        let deadline = self.clock.mono() + limit;
        loop {
            let left = deadline.saturating_sub(self.clock.mono());
            match self.shows(uuid, &watch, left).await? {
                Some(Verdict::Stopped) => return Ok(()),
                // It came back instead of going down.
                Some(Verdict::Rebooted) if !left.is_zero() => watch.clear(),
                _ => {
                    return Err(Fault::refused(format!(
                        "stop by {name}: accepted, but the guest did not go down within {} ms",
                        limit.as_millis()
                    )));
                }
            }
        }
    }

    async fn resized(&self, uuid: &str, flavor: &FlavorSpec) -> Result<(), End> {
        let asked = uuid.to_owned();
        let text = self
            .session
            .look(move |link| link.domain_xml(&asked, true))
            .await?;
        let Some(mut card) = read_domain(&text)?.card else {
            return Err(Fault::refused("not a VM of ours: it keeps its size").into());
        };
        card.flavor.clone_from(&flavor.name);
        let next = resized(&text, flavor.vcpus, flavor.memory_mb, &card)?;
        let (state, _) = self.domain_state(uuid).await?;
        let was_active = state::is_active(state);
        self.stopped(uuid).await?;
        let changed = self
            .change_size(uuid, next, flavor.root_disk_mb << 20)
            .await;
        if was_active {
            // As it was before, if it could not be changed.
            self.run_again(uuid).await?;
        }
        Ok(changed?)
    }

    async fn change_size(&self, uuid: &str, xml: String, root: u64) -> Result<(), Fault> {
        let pool = self.connector.pool.clone();
        let name = super::create::volume_name(uuid, "root");
        let transfer = self.settings.transfer_timeout();
        self.session
            .ask(transfer, move |link| {
                let volume = read_volume(&link.volume_xml(&pool, &name)?)?;
                match root > volume.capacity {
                    true => link.resize_volume(&pool, &name, root),
                    // A disk never shrinks: what lies behind its end would be lost.
                    false => Ok(()),
                }
            })
            .await?;
        let limit = self.settings.call_timeout();
        self.session
            .ask(limit, move |link| link.define_domain(&xml))
            .await
    }
}
