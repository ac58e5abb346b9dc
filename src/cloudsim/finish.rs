//! What the end of an operation does to its VM.

use super::cloud::Cloud;
use super::op::{Twist, Work};
use super::vm::{Aside, Power, Resizing};
use crate::ids::VmId;

impl Cloud {
    pub(super) fn finish_vm(
        &mut self,
        id: &VmId,
        work: &Work,
        twist: Option<Twist>,
        result: Result<(), Vec<String>>,
    ) -> Result<(), Vec<String>> {
        let leaves = self.settings.failed_create_leaves_vm;
        let stays_stopped = self.settings.failed_start_leaves_stopped;
        let alive_from = self.now + self.boot_time(id);
        let Some(vm) = self.vms.get_mut(id) else {
            return Err(vec![format!("VIM Driver: VM [{id}] not found")]);
        };
        vm.op = None;
        match (work, &result) {
            (Work::Delete(_), Ok(())) => self.remove_vm(id),
            (Work::Delete(_), Err(lines)) => {
                vm.deleting = false;
                // the delete ended its create, which nobody takes up again
                if vm.power == Power::Building {
                    vm.fall(Power::Error, lines.clone());
                }
            }
            (Work::Create(_), Err(_)) if !leaves => self.remove_vm(id),
            (Work::Start(_), Err(lines)) if stays_stopped && vm.power == Power::Stopped => {
                vm.messages.clone_from(lines);
            }
            (Work::Resize(..), Err(lines)) => vm.messages.clone_from(lines),
            (
                Work::Create(_)
                | Work::Start(_)
                | Work::Reboot(_)
                | Work::Rebuild(..)
                | Work::Migrate(..),
                Err(lines),
            ) => vm.fall(Power::Error, lines.clone()),
            (Work::Stop(_), Ok(())) => vm.fall(Power::Stopped, Vec::new()),
            (Work::Reboot(_), Ok(())) => match twist {
                Some(Twist::Raised(_)) => {}
                Some(Twist::Silent) => {
                    vm.fall(Power::Stopped, Vec::new());
                    vm.believed = Some(Power::Running);
                }
                _ => self.run(id, alive_from),
            },
            (Work::Create(_), Ok(())) if vm.stays_off => vm.fall(Power::Stopped, Vec::new()),
            (Work::Create(_), Ok(())) => {
                vm.launched = Some(self.now);
                self.run(id, alive_from);
            }
            // a VM that ran already goes on as it is
            (Work::Start(_), Ok(())) if vm.power == Power::Running => vm.believed = None,
            (Work::Start(_) | Work::Unpause(_) | Work::Resume(_), Ok(())) => {
                let slept = matches!(vm.aside, Some(Aside::Paused | Aside::Suspended));
                let from = if slept { self.now } else { alive_from };
                vm.launched = vm.launched.or(Some(self.now));
                self.run(id, from);
            }
            (Work::Resize(_, flavor), Ok(())) => {
                vm.flavor.clone_from(flavor);
                if vm.power == Power::Running {
                    vm.alive_from = Some(alive_from);
                }
            }
            (Work::Rebuild(_, image), Ok(())) => {
                vm.image.clone_from(image);
                match vm.power {
                    Power::Stopped => vm.fall(Power::Stopped, Vec::new()),
                    _ => self.run(id, alive_from),
                }
            }
            (Work::Migrate(_, flavor), Ok(())) => self.migrate(id, flavor),
            (Work::Confirm(_), Ok(())) => vm.resizing = None,
            (Work::Revert(_), Ok(())) => self.revert(id),
            (Work::Pause(_), Ok(())) => vm.set_aside(Aside::Paused),
            (Work::Suspend(_), Ok(())) => vm.set_aside(Aside::Suspended),
            (Work::Shelve(_, false), Ok(())) => vm.set_aside(Aside::Shelved),
            (Work::Shelve(_, true) | Work::Offload(_), Ok(())) => {
                vm.set_aside(Aside::Offloaded);
                let host = vm.host.take();
                self.leave(host);
            }
            (Work::Unshelve(_), Ok(())) => return self.unshelve(id),
            _ => {}
        }
        result
    }

    fn leave(&mut self, host: Option<usize>) {
        if let Some(host) = host.and_then(|host| self.hosts.get_mut(host)) {
            host.vms = host.vms.saturating_sub(1);
        }
    }

    fn enter(&mut self, host: Option<usize>) {
        if let Some(host) = host.and_then(|host| self.hosts.get_mut(host)) {
            host.vms += 1;
        }
    }

    /// The VM goes to another host if there is one, with the new flavor, and boots there if it ran.
    fn migrate(&mut self, id: &VmId, flavor: &str) {
        let alive_from = self.now + self.boot_time(id);
        let here = self.vms.get(id).and_then(|vm| vm.host);
        let there = self.place_beside(here).or(here);
        let old_host = self.host_name(here);
        self.leave(here);
        self.enter(there);
        let Some(vm) = self.vms.get_mut(id) else {
            return;
        };
        let ran = vm.power == Power::Running;
        vm.host = there;
        vm.resizing = Some(Resizing {
            old_flavor: std::mem::replace(&mut vm.flavor, flavor.to_owned()),
            old_host,
            ran,
        });
        if ran {
            self.run(id, alive_from);
        }
    }

    fn revert(&mut self, id: &VmId) {
        let alive_from = self.now + self.boot_time(id);
        let Some(vm) = self.vms.get_mut(id) else {
            return;
        };
        let Some(before) = vm.resizing.take() else {
            return;
        };
        vm.flavor = before.old_flavor;
        let here = vm.host;
        let named = |host: &super::cloud::Host| host.name == before.old_host;
        let there = self.hosts.iter().position(named).or(here);
        if let Some(vm) = self.vms.get_mut(id) {
            vm.host = there;
        }
        self.leave(here);
        self.enter(there);
        match before.ran {
            true => self.run(id, alive_from),
            false => {
                if let Some(vm) = self.vms.get_mut(id) {
                    vm.fall(Power::Stopped, Vec::new());
                }
            }
        }
    }

    fn unshelve(&mut self, id: &VmId) -> Result<(), Vec<String>> {
        let alive_from = self.now + self.boot_time(id);
        if self.vms.get(id).is_some_and(|vm| vm.host.is_none()) {
            let Some(host) = self.place() else {
                return Err(vec![
                    "VIM Driver: No valid host was found. There are not enough hosts available."
                        .to_owned(),
                ]);
            };
            self.enter(Some(host));
            if let Some(vm) = self.vms.get_mut(id) {
                vm.host = Some(host);
            }
        }
        self.run(id, alive_from);
        Ok(())
    }
}
