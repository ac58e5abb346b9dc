//! What is asked of a VM that exists, and how a job is followed.

use std::sync::atomic::Ordering;
use std::time::Duration;

use super::driver::CloudstackVim;
use super::errand::{Errand, What};
use super::error::{INTERNAL, is_missing, refusal, words};
use super::judge;
use crate::engine::port::{Accepted, VimError};
use crate::ids::VmId;
use crate::model::vim::VimOpStatus;
use crate::proto::cloudstack::{
    ApiError, Command, JobStatus, Reply, Started, VirtualMachine, VmState,
};

/// The job that a command was answered with.
///
/// # Errors
/// The answer has none: nobody knows what was done.
pub fn started(reply: &Reply) -> Result<Started, VimError> {
    reply
        .read()
        .map_err(|error| VimError::Unknown(format!("CloudStack: {error}")))
}

impl CloudstackVim {
    /// Removes a VM for good, if its host can be asked to stop it.
    pub(super) async fn delete_vm(&self, vm: &VmId) -> Result<Accepted, VimError> {
        let Some(seen) = self.vm(vm.as_str()).await? else {
            return Ok(self.done(Some(vm.as_str().to_owned())));
        };
        // Asked already, and not over.
        if let Some(job) = self.pending_removal(vm.as_str()).await? {
            return Ok(self.accepted(What::Delete, vm, job));
        }
        if seen.state == VmState::Expunging {
            return Ok(self.accepted(What::Delete, vm, String::new()));
        }
        if self.served(&seen).await? == Some(false) {
            let host = seen.hostname.as_deref().unwrap_or("unknown");
            return Err(VimError::Refused(vec![format!(
                "CloudStack: host {host} does not answer: \
                 to remove the VM now would leave its guest running there"
            )]));
        }
        if seen.state == VmState::Destroyed {
            // Stopped for good; where it may be, it is expunged too, so that its addresses are free again.
            let command = Command::new("expungeVirtualMachine").with("id", vm.as_str());
            let expunge = self.expunges();
            return match expunge {
                false => Ok(self.done(Some(vm.as_str().to_owned()))),
                true => match self.api.change(command).await? {
                    Ok(reply) => self.removing(vm, &reply),
                    Err(error) => {
                        tracing::info!(%vm, line = words(&error), "a destroyed VM is not expunged");
                        Ok(self.done(Some(vm.as_str().to_owned())))
                    }
                },
            };
        }
        let command = Command::new("destroyVirtualMachine").with("id", vm.as_str());
        let answer = match self.expunges() {
            true => {
                let whole = command.clone().with("expunge", "true");
                match self.api.change(whole).await? {
                    // Not everybody may: the cloud expunges it in its own time.
                    Err(error) if is_about_expunging(&error) => {
                        tracing::info!(line = words(&error), "removed VMs wait to be expunged");
                        self.may_not_expunge.store(true, Ordering::Relaxed);
                        self.api.change(command).await?
                    }
                    answer => answer,
                }
            }
            false => self.api.change(command).await?,
        };
        match answer {
            Ok(reply) => self.removing(vm, &reply),
            Err(error) if is_missing(&error) => Ok(self.done(Some(vm.as_str().to_owned()))),
            Err(error) => {
                // By a call whose answer was lost.
                match self.under_way(vm, "destroyVirtualMachine", &error).await? {
                    Some(job) => {
                        self.memory.removals.put(vm.as_str(), job.clone());
                        Ok(self.accepted(What::Delete, vm, job))
                    }
                    None => Err(self.refused(vm, &error).await?),
                }
            }
        }
    }

    /// The job that does already what was refused because the VM is busy.
    async fn under_way(
        &self,
        vm: &VmId,
        command: &str,
        error: &ApiError,
    ) -> Result<Option<String>, VimError> {
        if error.errorcode != INTERNAL {
            return Ok(None);
        }
        let jobs = self.jobs(vm.as_str(), command).await?;
        let mut pending = jobs
            .into_iter()
            .filter(|job| job.jobstatus == JobStatus::Pending);
        Ok(pending.next().map(|job| job.jobid.to_string()))
    }

    fn expunges(&self) -> bool {
        self.api.connector.expunge && !self.may_not_expunge.load(Ordering::Relaxed)
    }

    fn removing(&self, vm: &VmId, reply: &Reply) -> Result<Accepted, VimError> {
        let job = started(reply)?.jobid.to_string();
        self.memory.removals.put(vm.as_str(), job.clone());
        Ok(self.accepted(What::Delete, vm, job))
    }

    pub(super) async fn start_vm(&self, vm: &VmId) -> Result<Accepted, VimError> {
        let seen = self.known(vm).await?;
        if seen.state == VmState::Running {
            return Ok(self.done(Some(vm.as_str().to_owned())));
        }
        let command = Command::new("startVirtualMachine").with("id", vm.as_str());
        self.act(vm, What::Start, command).await
    }

    pub(super) async fn stop_vm(&self, vm: &VmId, forced: bool) -> Result<Accepted, VimError> {
        let seen = self.known(vm).await?;
        if matches!(seen.state, VmState::Stopped | VmState::Shutdowned) {
            return Ok(self.done(Some(vm.as_str().to_owned())));
        }
        let mut command = Command::new("stopVirtualMachine").with("id", vm.as_str());
        if forced {
            command = command.with("forced", "true");
        }
        self.act(vm, What::Stop, command).await
    }

    /// Reboots. CloudStack knows no keys: a call that is repeated because its answer was lost is told from a new one
    /// by the jobs that were there before it.
    pub(super) async fn reboot_vm(
        &self,
        vm: &VmId,
        hard: bool,
        key: &str,
    ) -> Result<Accepted, VimError> {
        let seen = self.known(vm).await?;
        let jobs = self.jobs(vm.as_str(), "rebootvirtualmachine").await?;
        let before = self.memory.reboots.get(key);
        let own = jobs.iter().find(|job| match &before {
            Some(before) => !before.contains(&job.jobid.to_string()),
            None => job.jobstatus == JobStatus::Pending,
        });
        if let Some(own) = own {
            return Ok(self.accepted(What::Reboot, vm, own.jobid.to_string()));
        }
        if before.is_none() {
            let ids = jobs.iter().map(|job| job.jobid.to_string());
            self.memory.reboots.put(key, ids.collect());
        }
        // What is stopped cannot be rebooted; what a reboot is for is done by a start.
        let command = match seen.state {
            VmState::Stopped | VmState::Shutdowned => Command::new("startVirtualMachine"),
            _ if hard => Command::new("rebootVirtualMachine").with("forced", "true"),
            _ => Command::new("rebootVirtualMachine"),
        };
        self.act(vm, What::Reboot, command.with("id", vm.as_str()))
            .await
    }

    pub(super) async fn resize_vm(&self, vm: &VmId, flavor: &str) -> Result<Accepted, VimError> {
        let seen = self.known(vm).await?;
        let offering = self.offering(flavor).await?;
        let has = |vm: &VirtualMachine| {
            vm.serviceofferingid
                .as_ref()
                .is_some_and(|id| id.as_str() == offering)
        };
        if has(&seen) {
            return Ok(self.done(Some(vm.as_str().to_owned())));
        }
        let what = What::Resize(offering.clone());
        let name = match seen.state {
            VmState::Stopped | VmState::Shutdowned => "changeServiceForVirtualMachine",
            _ => "scaleVirtualMachine",
        };
        let command = Command::new(name)
            .with("id", vm.as_str())
            .with("serviceofferingid", &offering);
        self.act(vm, what, command).await
    }

    /// Sends a command on a VM; one that is busy is asked again later.
    async fn act(&self, vm: &VmId, what: What, command: Command) -> Result<Accepted, VimError> {
        let name = command.name().to_owned();
        match self.api.change(command).await? {
            // Some are done at once and answer with the VM.
            Ok(reply) if reply.body.contains_key("virtualmachine") => {
                Ok(self.done(Some(vm.as_str().to_owned())))
            }
            Ok(reply) => Ok(self.accepted(what, vm, started(&reply)?.jobid.to_string())),
            Err(error) => match self.under_way(vm, &name, &error).await? {
                Some(job) => Ok(self.accepted(what, vm, job)),
                None => Err(self.refused(vm, &error).await?),
            },
        }
    }

    /// What an error means: a VM that is on its way to another state can be asked again, else the answer is no.
    async fn refused(&self, vm: &VmId, error: &ApiError) -> Result<VimError, VimError> {
        if error.errorcode != INTERNAL {
            return Ok(refusal(error));
        }
        let busy = self
            .vm(vm.as_str())
            .await?
            .is_some_and(|vm| judge::is_busy(&vm));
        Ok(match busy {
            true => VimError::Unknown(words(error)),
            false => VimError::Refused(vec![words(error)]),
        })
    }

    /// Follows a job until it changes, for a few seconds at most.
    pub(super) async fn job_status(
        &self,
        errand: &Errand,
        job: &str,
    ) -> Result<VimOpStatus, VimError> {
        // After a restart a look has to know of it again.
        if errand.what == What::Delete
            && !job.is_empty()
            && self.memory.removals.get(&errand.of).is_none()
        {
            self.memory.removals.put(&errand.of, job.to_owned());
        }
        let began = self.api.clock.mono();
        loop {
            let found = self.job(job).await?;
            let look = judge::needs_look(&errand.what, found.as_ref()) && !errand.of.is_empty();
            let vm = match look {
                true => self.vm(&errand.of).await?,
                false => None,
            };
            let status = judge::outcome(&errand.what, found.as_ref(), vm.as_ref());
            if !matches!(status, VimOpStatus::Running | VimOpStatus::Pending) {
                return Ok(status);
            }
            let poll: Duration = self.api.settings.poll();
            if self.api.clock.mono().saturating_sub(began) + poll > self.api.settings.long_poll() {
                return Ok(VimOpStatus::Running);
            }
            tokio::time::sleep(poll).await;
        }
    }

    pub(super) fn accepted(&self, what: What, vm: &VmId, job: String) -> Accepted {
        Accepted {
            op: self.reference(what, vm.as_str(), job),
            id: Some(vm.as_str().to_owned()),
        }
    }
}

/// Whether a removal was refused because this user may not expunge.
fn is_about_expunging(error: &ApiError) -> bool {
    matches!(error.errorcode, 401 | 431 | 432 | 531)
        && error.errortext.to_lowercase().contains("expunge")
}
