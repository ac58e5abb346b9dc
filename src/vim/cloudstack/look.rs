//! Looking at VMs, their hosts and their jobs.

use serde::Deserialize;

use super::driver::CloudstackVim;
use super::judge;
use super::map;
use crate::engine::port::{VimError, VimVm};
use crate::ids::{CreateToken, VmId};
use crate::proto::cloudstack::{AsyncJob, Command, JobStatus, VirtualMachine, VmState};

/// A host as administrators see it.
#[derive(Deserialize)]
struct Host {
    #[serde(default)]
    state: String,
}

impl CloudstackVim {
    /// A VM as the cloud shows it; `None`: it shows none of that id.
    pub(super) async fn vm(&self, id: &str) -> Result<Option<VirtualMachine>, VimError> {
        let command = Command::new("listVirtualMachines")
            .with("id", id)
            .with("listall", "true");
        let found: Vec<VirtualMachine> = self.api.list(command, "virtualmachine").await?;
        Ok(found.into_iter().find(|vm| vm.id.as_str() == id))
    }

    /// The VM, or a refusal that says that there is none.
    pub(super) async fn known(&self, vm: &VmId) -> Result<VirtualMachine, VimError> {
        let found = self.vm(vm.as_str()).await?;
        found.ok_or_else(|| VimError::Refused(vec![format!("CloudStack: there is no VM {vm}")]))
    }

    pub(super) async fn describe_vm(&self, vm: &VmId) -> Result<Option<VimVm>, VimError> {
        match self.vm(vm.as_str()).await? {
            Some(seen) if seen.state != VmState::Destroyed => Ok(Some(self.seen(&seen).await?)),
            // Rule 5, and rule 1.
            Some(destroyed) => match self.pending_removal(vm.as_str()).await? {
                Some(_) => Ok(Some(map::vm(&destroyed, None))),
                None => Ok(None),
            },
            None => match self.pending_removal(vm.as_str()).await? {
                Some(job) => Err(VimError::Unknown(format!(
                    "CloudStack does not show the VM any more, and job {job}, which removes it, is not over"
                ))),
                None => Ok(None),
            },
        }
    }

    /// A VM with what is known of its host.
    async fn seen(&self, vm: &VirtualMachine) -> Result<VimVm, VimError> {
        Ok(map::vm(vm, self.served(vm).await?))
    }

    /// Whether a VM's host answers; `None`: it is on none, or this user does not see hosts.
    pub(super) async fn served(&self, vm: &VirtualMachine) -> Result<Option<bool>, VimError> {
        let Some(host) = &vm.hostid else {
            return Ok(None);
        };
        let command = Command::new("listHosts").with("id", host.as_str());
        match self.api.list::<Host>(command, "host").await {
            Ok(hosts) => Ok(hosts.first().map(|host| judge::serves(&host.state))),
            Err(VimError::Refused(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The job that removes a VM, while it is not over.
    pub(super) async fn pending_removal(&self, vm: &str) -> Result<Option<String>, VimError> {
        let Some(job) = self.memory.removals.get(vm) else {
            return Ok(None);
        };
        let pending = self
            .job(&job)
            .await?
            .is_some_and(|job| job.jobstatus == JobStatus::Pending);
        Ok(Some(job).filter(|_| pending))
    }

    /// A job; `None`: the cloud does not keep it any more.
    pub(super) async fn job(&self, id: &str) -> Result<Option<AsyncJob>, VimError> {
        if id.is_empty() {
            return Ok(None);
        }
        let command = Command::new("queryAsyncJobResult").with("jobid", id);
        let Some(reply) = self.api.read_if_there(command).await? else {
            return Ok(None);
        };
        AsyncJob::of_reply(&reply)
            .map(Some)
            .map_err(|error| VimError::Unknown(format!("CloudStack: {error}")))
    }

    /// Jobs on a VM by a command of that name: those under way, and on some clouds older ones.
    pub(super) async fn jobs(&self, vm: &str, command: &str) -> Result<Vec<AsyncJob>, VimError> {
        let list = Command::new("listAsyncJobs").with("listall", "true");
        let mut jobs: Vec<AsyncJob> = self.api.list(list, "asyncjobs").await?;
        let wanted = class_word(command);
        jobs.retain(|job| {
            let of = job
                .jobinstanceid
                .as_ref()
                .is_some_and(|id| id.as_str() == vm);
            of && class_word(job.cmd.as_deref().unwrap_or_default()).contains(&wanted)
        });
        Ok(jobs)
    }

    /// All VMs that carry the token; one that waits to be expunged does not run and is none.
    pub(super) async fn vms_by_token(&self, token: &CreateToken) -> Result<Vec<VimVm>, VimError> {
        let command = Command::new("listVirtualMachines").with("listall", "true");
        let all: Vec<VirtualMachine> = self.api.list(command, "virtualmachine").await?;
        let mut found: Vec<VimVm> = Vec::new();
        for vm in &all {
            let ours = map::token(vm).as_ref() == Some(token) && vm.state != VmState::Destroyed;
            if ours
                && found
                    .iter()
                    .all(|known| known.id.as_str() != vm.id.as_str())
            {
                found.push(self.seen(vm).await?);
            }
        }
        Ok(found)
    }
}

/// A command's name as classes spell it: `rebootVirtualMachine` is carried out by `RebootVMCmd`.
fn class_word(text: &str) -> String {
    text.to_lowercase().replace("virtualmachine", "vm")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_found_in_the_name_of_its_class() {
        let wanted = class_word("rebootVirtualMachine");
        for class in [
            "org.apache.cloudstack.api.command.admin.vm.RebootVMCmdByAdmin",
            "com.cloud.api.commands.RebootVMCmd",
            "x.rebootVirtualMachineCmd",
        ] {
            assert!(class_word(class).contains(&wanted), "{class}");
        }
        assert!(!class_word("x.StartVMCmd").contains(&wanted));
    }
}
