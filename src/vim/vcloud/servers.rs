//! What is asked of a vApp that exists, and how an errand is followed.

use std::time::Duration;

use super::ask::{Ask, Body};
use super::driver::VcloudVim;
use super::errand::{Errand, What};
use super::error::{is_busy, is_missing, refusal, words};
use super::judge;
use super::steps::{Plan, Work};
use super::work::{missing, task_of};
use crate::engine::port::{Accepted, VimError};
use crate::ids::VmId;
use crate::model::vim::VimOpStatus;
use crate::proto::vcloud::{Link, Task, Undeploy, VApp, VAppStatus};

/// Requests of one removal at most in one go.
const STEPS: usize = 8;

/// What a removal comes to.
enum Removing {
    /// Something is under way.
    Waits,
    /// This task was begun.
    Sent(String),
    /// It is gone.
    Gone,
}

impl VcloudVim {
    /// Removes a vApp: what is deployed has to be undeployed first.
    pub(super) async fn delete_vm(&self, vm: &VmId) -> Result<Accepted, VimError> {
        let id = vm.as_str();
        // Asked already, and not over.
        if let Some(task) = self.pending_removal(id).await? {
            return Ok(self.begun(What::Delete, id, task));
        }
        let Some(vapp) = self.vapp(id).await? else {
            return Ok(self.done(Some(id.to_owned())));
        };
        self.give_up(id);
        Ok(match self.remove_step(id, &vapp).await? {
            Removing::Sent(task) => self.begun(What::Delete, id, task),
            // Whose task it is that is waited for does not matter: it is none of the removal's.
            Removing::Waits => self.begun(What::Delete, id, String::new()),
            Removing::Gone => self.done(Some(id.to_owned())),
        })
    }

    /// The next request of a removal.
    async fn remove_step(&self, id: &str, vapp: &VApp) -> Result<Removing, VimError> {
        if judge::active(vapp).is_some() {
            return Ok(Removing::Waits);
        }
        let undeploy = Link::rel(&vapp.links, "undeploy");
        let remove = Link::rel(&vapp.links, "remove");
        let runs = vapp.deployed || vapp.status == VAppStatus::PoweredOn;
        let ask = match (undeploy, remove) {
            (Some(link), _) if runs => Ask::post(link, Body::Undeploy(Undeploy::default())),
            (_, Some(link)) => Ask::delete(link),
            (Some(link), None) => Ask::post(link, Body::Undeploy(Undeploy::default())),
            (None, None) => return Err(missing(vapp, "undeploy or remove")),
        };
        match self.api.change(&ask).await? {
            Ok(reply) => {
                let task = task_of(&reply)?.href;
                self.memory.removals.put(id, task.clone());
                Ok(Removing::Sent(task))
            }
            Err(error) if is_missing(&error) => Ok(Removing::Gone),
            Err(error) if is_busy(&error) => {
                tracing::debug!(vapp = vapp.name, line = words(&error), "removed later");
                Ok(Removing::Waits)
            }
            Err(error) => Err(refusal(&error)),
        }
    }

    /// Goes on with a removal as far as that is possible now. `task`: the one it began with.
    async fn removal_status(&self, id: &str, task: &str) -> Result<VimOpStatus, VimError> {
        if self.memory.removals.get(id).is_none() && !task.is_empty() {
            // After a restart.
            self.memory.removals.put(id, task.to_owned());
        }
        for _ in 0..STEPS {
            let href = self.memory.removals.get(id).unwrap_or_default();
            match judge::of_task(self.task(&href).await?.as_ref()) {
                Some(status @ (VimOpStatus::Pending | VimOpStatus::Running)) => return Ok(status),
                Some(VimOpStatus::Failed(lines)) => {
                    // The next call begins anew.
                    self.memory.removals.put(id, String::new());
                    let gone = self.vapp(id).await?.is_none();
                    return Ok(match gone {
                        true => VimOpStatus::Succeeded,
                        false => VimOpStatus::Failed(lines),
                    });
                }
                _ => {}
            }
            let Some(vapp) = self.vapp(id).await? else {
                return Ok(VimOpStatus::Succeeded);
            };
            match self.remove_step(id, &vapp).await {
                Ok(Removing::Waits) => return Ok(VimOpStatus::Running),
                Ok(Removing::Sent(_) | Removing::Gone) => {}
                Err(VimError::Refused(lines)) => return Ok(VimOpStatus::Failed(lines)),
                Err(error) => return Err(error),
            }
        }
        Ok(VimOpStatus::Running)
    }

    pub(super) async fn start_vm(&self, vm: &VmId) -> Result<Accepted, VimError> {
        let vapp = self.known(vm).await?;
        if vapp.status == VAppStatus::PoweredOn && judge::active(&vapp).is_none() {
            return Ok(self.done(Some(vm.as_str().to_owned())));
        }
        let ask = self.starting(&vapp)?;
        self.act(vm, What::Start, &ask).await
    }

    /// Asks the guest to end, as far as VMware Tools are there to ask it; else takes the power away.
    pub(super) async fn stop_vm(&self, vm: &VmId) -> Result<Accepted, VimError> {
        let vapp = self.known(vm).await?;
        if is_off(&vapp) {
            return Ok(self.done(Some(vm.as_str().to_owned())));
        }
        if let Some(link) = Link::rel(&vapp.links, "power:shutdown") {
            let ask = Ask::post(link, Body::Empty);
            match self.act(vm, What::Stop, &ask).await {
                Err(VimError::Refused(lines)) => {
                    tracing::info!(%vm, ?lines, "its guest cannot be asked to end");
                }
                answer => return answer,
            }
        }
        let ask = self.stopping(&vapp)?;
        self.act(vm, What::PowerOff, &ask).await
    }

    pub(super) async fn power_off_vm(&self, vm: &VmId) -> Result<Accepted, VimError> {
        let vapp = self.known(vm).await?;
        if is_off(&vapp) {
            return Ok(self.done(Some(vm.as_str().to_owned())));
        }
        let ask = self.stopping(&vapp)?;
        self.act(vm, What::PowerOff, &ask).await
    }

    /// A guest was asked to end and did not: its power is taken away. The task of that, which is followed from then on.
    async fn force(&self, id: &str, asked: &str) -> Result<Option<String>, VimError> {
        if let Some(forced) = self.memory.forced.get(asked) {
            return Ok(Some(forced));
        }
        let Some(vapp) = self.vapp(id).await? else {
            return Ok(None);
        };
        if is_off(&vapp) {
            return Ok(None);
        }
        let answer = self.api.change(&self.stopping(&vapp)?).await?;
        let task = task_of(&answer.map_err(|error| refusal(&error))?)?;
        self.memory.forced.put(asked, task.href.clone());
        Ok(Some(task.href))
    }

    /// Reboots. vCloud knows no keys: a call that is repeated because its answer was lost is told from a new one by
    /// the tasks that were there before it.
    pub(super) async fn reboot_vm(
        &self,
        vm: &VmId,
        hard: bool,
        key: &str,
    ) -> Result<Accepted, VimError> {
        let vapp = self.known(vm).await?;
        let tasks = self.tasks_of(&vapp).await?;
        match self.memory.reboots.get(key) {
            Some(before) => {
                let own = |task: &&Task| !before.contains(&task.href) && judge::is_start(task);
                if let Some(own) = tasks.iter().find(own) {
                    return Ok(self.begun(What::Reboot, vm.as_str(), own.href.clone()));
                }
            }
            None => {
                let hrefs = tasks.iter().map(|task| task.href.clone());
                self.memory.reboots.put(key, hrefs.collect());
            }
        }
        let rel = match hard {
            true => "power:reset",
            false => "power:reboot",
        };
        // What is stopped cannot be rebooted; what a reboot is for is done by a start.
        let ask = match (vapp.status, Link::rel(&vapp.links, rel)) {
            (_, Some(link)) => Ask::post(link, Body::Empty),
            (VAppStatus::PoweredOn, None) => return Err(missing(&vapp, rel)),
            (_, None) => self.starting(&vapp)?,
        };
        self.act(vm, What::Reboot, &ask).await
    }

    /// Another size, around a stop where it runs.
    pub(super) async fn resize_vm(&self, vm: &VmId, flavor: &str) -> Result<Accepted, VimError> {
        let size = self.size(flavor)?;
        let vapp = self.known(vm).await?;
        let plan = Plan {
            stops: true,
            size,
            starts: vapp.status == VAppStatus::PoweredOn,
            ..Plan::default()
        };
        self.memory.works.put(vm.as_str(), Work::new(plan.clone()));
        // The first of its requests is sent by whoever follows it.
        Ok(self.begun(What::Resize(Box::new(plan)), vm.as_str(), String::new()))
    }

    /// Does what a link is for.
    async fn act(&self, vm: &VmId, what: What, ask: &Ask) -> Result<Accepted, VimError> {
        match self.api.change(ask).await? {
            Ok(reply) => Ok(self.begun(what, vm.as_str(), task_of(&reply)?.href)),
            // One that is busy is asked again later.
            Err(error) => Err(refusal(&error)),
        }
    }

    /// Follows an errand until it changes, for a few seconds at most.
    pub(super) async fn watch(&self, errand: &Errand, task: &str) -> Result<VimOpStatus, VimError> {
        let began = self.api.clock.mono();
        loop {
            let status = self.stands(errand, task).await?;
            if !matches!(status, VimOpStatus::Running | VimOpStatus::Pending) {
                return Ok(status);
            }
            let poll: Duration = self.api.settings.poll();
            if self.api.clock.mono().saturating_sub(began) + poll > self.api.settings.long_poll() {
                return Ok(status);
            }
            tokio::time::sleep(poll).await;
        }
    }

    async fn stands(&self, errand: &Errand, href: &str) -> Result<VimOpStatus, VimError> {
        let id = &errand.of;
        match &errand.what {
            What::Delete => return self.removal_status(id, href).await,
            What::Resize(plan) => {
                self.take_up(id, plan);
                return self.go_on(id).await;
            }
            _ => {}
        }
        let mut task = self.task(href).await?;
        let failed = |task: &Option<Task>| {
            matches!(judge::of_task(task.as_ref()), Some(VimOpStatus::Failed(_)))
        };
        if errand.what == What::Stop && failed(&task) {
            task = match self.force(id, href).await {
                Ok(Some(forced)) => self.task(&forced).await?,
                Ok(None) => task,
                Err(VimError::Refused(lines)) => return Ok(VimOpStatus::Failed(lines)),
                Err(error) => return Err(error),
            };
        }
        if let What::Create(plan) = &errand.what
            && matches!(
                judge::of_task(task.as_ref()),
                None | Some(VimOpStatus::Succeeded)
            )
        {
            self.take_up(id, plan);
            return self.go_on(id).await;
        }
        let vapp = match judge::needs_look(task.as_ref()) {
            true => self.vapp(id).await?,
            false => None,
        };
        Ok(judge::outcome(&errand.what, task.as_ref(), vapp.as_ref()))
    }
}

/// Whether it is off, and nothing is under way that would change that.
fn is_off(vapp: &VApp) -> bool {
    let off = matches!(vapp.status, VAppStatus::PoweredOff | VAppStatus::Resolved);
    off && judge::active(vapp).is_none()
}
