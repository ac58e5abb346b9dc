//! Looking at vApps and their tasks.

use super::driver::VcloudVim;
use super::judge;
use super::map::{self, id_of};
use super::steps::{End, Work};
use crate::engine::port::{PowerState, VimError, VimVm};
use crate::ids::{CreateToken, VmId};
use crate::proto::vcloud::{Reference, Task, TasksList, VApp, VAppStatus, Vdc};

impl VcloudVim {
    /// The data centre as it is now.
    pub(super) async fn vdc(&self) -> Result<Vdc, VimError> {
        let session = self.api.session().await?;
        self.api.read(&session.vdc).await
    }

    /// The vApps of the data centre; their addresses are remembered.
    async fn listed(&self) -> Result<Vec<Reference>, VimError> {
        let mut all = self.vdc().await?.entities;
        all.retain(|entity| entity.is("vApp"));
        for one in &all {
            self.memory.hrefs.put(id_of(&one.href), one.href.clone());
        }
        Ok(all)
    }

    /// A vApp; `None`: the cloud does not show it, and does not list it.
    pub(super) async fn vapp(&self, id: &str) -> Result<Option<VApp>, VimError> {
        let known = self.memory.hrefs.get(id);
        if let Some(href) = &known
            && let Some(found) = self.api.read_if_there::<VApp>(href).await?
        {
            return Ok(Some(found));
        }
        let listed = self.listed().await?;
        let Some(listed) = listed.into_iter().find(|one| id_of(&one.href) == id) else {
            return Ok(None);
        };
        if known.as_deref() != Some(&*listed.href)
            && let Some(found) = self.api.read_if_there::<VApp>(&listed.href).await?
        {
            return Ok(Some(found));
        }
        // It says that there is none, and lists it: one of both is old, and which nobody knows.
        Err(VimError::Unknown(format!(
            "vCloud lists the vApp {id} and does not show it"
        )))
    }

    /// The vApp, or a refusal that says that there is none.
    pub(super) async fn known(&self, vm: &VmId) -> Result<VApp, VimError> {
        let found = self.vapp(vm.as_str()).await?;
        found.ok_or_else(|| VimError::Refused(vec![format!("vCloud: there is no vApp {vm}")]))
    }

    pub(super) async fn describe_vm(&self, vm: &VmId) -> Result<Option<VimVm>, VimError> {
        let Some(vapp) = self.vapp(vm.as_str()).await? else {
            // Rule 5 of the judge's.
            return match self.pending_removal(vm.as_str()).await? {
                Some(task) => Err(VimError::Unknown(format!(
                    "vCloud does not list the vApp any more, and task {}, which removes it, is not over",
                    id_of(&task)
                ))),
                None => Ok(None),
            };
        };
        self.seen(vapp).await.map(Some)
    }

    /// A vApp as its VM; one that is being made is gone on with, since after a lost answer nobody else does.
    async fn seen(&self, vapp: VApp) -> Result<VimVm, VimError> {
        let id = id_of(&vapp.href).to_owned();
        let work = self.memory.works.get(&id);
        let vapp = match work.is_some_and(|work| work.end.is_none()) {
            false => vapp,
            true => {
                self.go_on(&id).await?;
                match self.vapp(&id).await? {
                    Some(vapp) => vapp,
                    None => vapp,
                }
            }
        };
        let networks = self.networks_of(&vapp).await?;
        let mut seen = map::vm(&vapp, &networks);
        match self.memory.works.get(&id).map(|work| work.end) {
            Some(Some(End::Failed(lines))) if seen.power != PowerState::Running => {
                seen.power = PowerState::Error;
                seen.messages = lines;
            }
            Some(None) if seen.power == PowerState::Stopped => seen.power = PowerState::Building,
            _ => {}
        }
        Ok(seen)
    }

    /// All vApps that carry the token.
    pub(super) async fn vms_by_token(&self, token: &CreateToken) -> Result<Vec<VimVm>, VimError> {
        let name = map::shown(token);
        let mut found = Vec::new();
        for one in self.listed().await? {
            if one.name.as_deref() != Some(&*name) {
                continue;
            }
            let Some(vapp) = self.api.read_if_there::<VApp>(&one.href).await? else {
                continue;
            };
            if map::token(&vapp) == *token {
                found.push(self.found(vapp, token).await?);
            }
        }
        Ok(found)
    }

    /// A vApp that was found by its token: nobody may know of it yet.
    async fn found(&self, vapp: VApp, token: &CreateToken) -> Result<VimVm, VimError> {
        let id = id_of(&vapp.href).to_owned();
        if self.memory.works.get(&id).is_none() {
            match self.memory.plans.get(token.as_str()) {
                Some(plan) => self.memory.works.put(&id, Work::new(plan)),
                None if never_started(&vapp) => {
                    let mut seen = self.seen(vapp).await?;
                    seen.power = PowerState::Error;
                    let line = "vCloud: it was made and never started, and what it was to become is not known any more";
                    seen.messages.insert(0, line.to_owned());
                    return Ok(seen);
                }
                None => {}
            }
        }
        self.seen(vapp).await
    }

    /// The task that removes a vApp, while it is not over.
    pub(super) async fn pending_removal(&self, id: &str) -> Result<Option<String>, VimError> {
        let Some(href) = self.memory.removals.get(id) else {
            return Ok(None);
        };
        let task = self.task(&href).await?;
        Ok(task.filter(|task| !task.status.is_final()).map(|_| href))
    }

    /// A task; `None`: the cloud does not keep it any more, or there was none.
    pub(super) async fn task(&self, href: &str) -> Result<Option<Task>, VimError> {
        match href.is_empty() {
            true => Ok(None),
            false => self.api.read_if_there(href).await,
        }
    }

    /// The tasks of a vApp and its VM, those that ended lately among them where the organisation lists its tasks.
    pub(super) async fn tasks_of(&self, vapp: &VApp) -> Result<Vec<Task>, VimError> {
        let session = self.api.session().await?;
        let list = session
            .down("tasksList")
            .next()
            .map(|link| link.href.clone());
        let listed = match list {
            Some(href) => self.api.read_if_there::<TasksList>(&href).await?,
            None => None,
        };
        let mut ids = vec![id_of(&vapp.href)];
        ids.extend(vapp.vms.iter().map(|vm| id_of(&vm.href)));
        let own = |task: &Task| {
            let owner = task.owner.as_ref();
            owner.is_some_and(|owner| ids.contains(&id_of(&owner.href)))
        };
        let mut tasks = listed.map_or_else(Vec::new, |list| list.tasks);
        tasks.retain(own);
        for shown in &vapp.tasks {
            if !tasks.iter().any(|task| task.href == shown.href) {
                tasks.push(shown.clone());
            }
        }
        Ok(tasks)
    }
}

/// Whether a vApp is one whose making was cut off before it was started.
fn never_started(vapp: &VApp) -> bool {
    let off = matches!(vapp.status, VAppStatus::Resolved | VAppStatus::PoweredOff);
    off && !vapp.deployed && judge::active(vapp).is_none()
}
