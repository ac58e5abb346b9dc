//! What the cloud does with calls on a VM that exists: refused, or opened as a record with its outcome.

use super::accept::or;
use super::call::Accepted;
use super::cloud::Cloud;
use super::fault::{Fault, Subject};
use super::op::{Twist, Work};
use super::vm::{Aside, Extra, Power, Vm};
use crate::clock::Mono;
use crate::ids::{VmId, VmName};
use crate::model::vim::VimOpStatus;

impl Cloud {
    pub(super) fn operate(
        &mut self,
        work: Work,
        hard: bool,
        key: &str,
    ) -> Result<Accepted, Vec<String>> {
        let Some(id) = work.vm().cloned() else {
            return Err(vec!["VIM Driver: not an operation on a VM".to_owned()]);
        };
        match &work {
            Work::Resize(_, flavor) | Work::Migrate(_, flavor) => self.knows_flavor(flavor)?,
            Work::Rebuild(_, image) if !self.images.knows(image) => {
                return Err(vec![format!("VIM Driver: Image [{image}] not found")]);
            }
            _ => {}
        }
        let Some(vm) = self.vms.get(&id).filter(|vm| !vm.unseen) else {
            return Err(vec![format!("VIM Driver: VM [{id}] not found")]);
        };
        if let Some(op) = vm.op.as_deref().and_then(|op| self.ops.get(op)) {
            let verb = op.work.verb();
            return Err(vec![format!(
                "VIM Driver: VM [{id}] is busy: {verb} is under way"
            )]);
        }
        if vm.host.is_none() && vm.aside != Some(Aside::Offloaded) {
            return Err(vec![format!(
                "VIM Driver: VM [{id}] was never placed on a host"
            )]);
        }
        fits(vm, &work).map_err(|why| vec![format!("VIM Driver: VM [{id}] {why}")])?;
        let running = vm.power == Power::Running;
        let latency = self.latency(self.millis_of(&work), self.subject(&id));
        let fails = match work {
            Work::Start(_) => {
                self.vm_shot(Fault::StartFails, &id, "VIM Driver: VM failed to start")
            }
            Work::Reboot(_) => self.vm_shot(
                Fault::RebootFails,
                &id,
                "VIM Driver: VM powered on but in unexpected state:null",
            ),
            Work::Rebuild(..) => {
                self.vm_shot(Fault::RebuildFails, &id, "VIM Driver: VM rebuild failed")
            }
            Work::Resize(..) | Work::Migrate(..) => {
                self.vm_shot(Fault::ResizeFails, &id, "VIM Driver: VM resize failed")
            }
            _ => None,
        };
        let twist = match work {
            Work::Reboot(_) if fails.is_none() && running => {
                match self.vm_shot(Fault::RebootRaises, &id, "VIM Driver: VM reboot failed") {
                    Some(lines) => Some(Twist::Raised(lines)),
                    None => self
                        .vm_shot(Fault::RebootSilent, &id, "")
                        .map(|_| Twist::Silent),
                }
            }
            Work::Rebuild(..) => self
                .vm_shot(Fault::RebuildSticks, &id, "")
                .map(|_| Twist::Stuck),
            _ => None,
        };
        let stuck = twist == Some(Twist::Stuck);
        let shown = Some(id.as_str().to_owned());
        let accepted = self.open(work, shown, fails, latency, key);
        if let Some(op) = self.ops.get_mut(&accepted.op) {
            op.hard = hard;
            op.twist = twist;
            if stuck {
                op.due = None;
            }
        }
        Ok(accepted)
    }

    fn millis_of(&self, work: &Work) -> u64 {
        let times = &self.settings.latency;
        match work {
            Work::Start(_) | Work::Unpause(_) | Work::Resume(_) | Work::Unshelve(_) => {
                times.start_ms
            }
            Work::Stop(_)
            | Work::Pause(_)
            | Work::Suspend(_)
            | Work::Shelve(..)
            | Work::Offload(_) => times.stop_ms,
            Work::Reboot(_) => times.reboot_ms,
            Work::Rebuild(..) => times.create_ms,
            _ => times.resize_ms,
        }
    }

    pub(super) fn vm_shot(&mut self, fault: Fault, id: &VmId, own: &str) -> Option<Vec<String>> {
        let (name, host) = self.vms.get(id).map(|vm| (vm.logical.clone(), vm.host))?;
        let subject = Subject {
            name: Some(&name),
            host,
        };
        self.shot(fault, subject).map(|words| or(words, own))
    }

    /// Has the API believe something of the VM's power, whatever it is; what is under way is given up.
    pub(super) fn reset_vm(
        &mut self,
        id: VmId,
        error: bool,
        key: &str,
    ) -> Result<Accepted, Vec<String>> {
        let Some(vm) = self.vms.get_mut(&id).filter(|vm| !vm.unseen) else {
            return Err(vec![format!("VIM Driver: VM [{id}] not found")]);
        };
        let under_way = vm.op.take();
        let shown = if error { Power::Error } else { Power::Running };
        vm.believed = (vm.power != shown).then_some(shown);
        vm.deleting = false;
        vm.updated = self.now;
        if !error {
            vm.messages.clear();
        }
        if let Some(op) = under_way {
            // nobody writes the end of it any more
            self.end_op(&op, VimOpStatus::Unknown);
        }
        let accepted = self.open(
            Work::Reset(id.clone(), error),
            Some(id.as_str().to_owned()),
            None,
            Mono::ZERO,
            key,
        );
        if let Some(vm) = self.vms.get_mut(&id) {
            vm.op = None;
        }
        if let Some(op) = self.ops.get_mut(&accepted.op) {
            op.reached = Some(self.now);
        }
        self.end_op(&accepted.op, VimOpStatus::Succeeded);
        Ok(accepted)
    }

    /// A reboot asked for while one is under way: its record fails when that one ends.
    pub(super) fn pile_on(
        &mut self,
        id: VmId,
        hard: bool,
        key: &str,
    ) -> Result<Accepted, Vec<String>> {
        let first = self
            .vms
            .get(&id)
            .filter(|vm| !vm.unseen)
            .map(|vm| vm.op.clone());
        let Some(first) = first else {
            return Err(vec![format!("VIM Driver: VM [{id}] not found")]);
        };
        let Some(first) = first else {
            return self.operate(Work::Reboot(id), hard, key);
        };
        let shown = Some(id.as_str().to_owned());
        let millis = self.settings.latency.reboot_ms;
        let latency = Mono::from_millis(millis);
        let accepted = self.open(Work::Reboot(id.clone()), shown, None, latency, key);
        if let Some(op) = self.ops.get_mut(&accepted.op) {
            op.twist = Some(Twist::Late);
            op.hard = hard;
            op.due = None;
        }
        if let Some(vm) = self.vms.get_mut(&id) {
            vm.op = Some(first);
            vm.late.push(accepted.op.clone());
        }
        Ok(accepted)
    }

    /// Ends what was asked for while another operation was under way.
    pub(super) fn end_late(&mut self, id: &VmId, line: &str) {
        let late = match self.vms.get_mut(id) {
            Some(vm) => std::mem::take(&mut vm.late),
            None => return,
        };
        for op in late {
            if let Some(op) = self.ops.get_mut(&op) {
                op.reached = Some(self.now);
            }
            self.end_op(&op, VimOpStatus::Failed(vec![line.to_owned()]));
        }
    }

    /// Has a VM that is being made without a start be started; the record of its making, `None` when it is not
    /// being made.
    pub fn start_when_made(&mut self, id: &VmId) -> Option<String> {
        let vm = self.vms.get_mut(id).filter(|vm| !vm.unseen)?;
        let op = vm.op.clone()?;
        match self.ops.get(&op)?.work {
            Work::Create(_) => {
                vm.stays_off = false;
                Some(op)
            }
            _ => None,
        }
    }

    /// Keeps words of the caller's with an operation.
    pub fn annotate(&mut self, op: &str, note: impl Into<String>) {
        if let Some(op) = self.ops.get_mut(op) {
            op.note = note.into();
        }
    }

    /// Changes what is kept with a VM, and its name if `rename` is given; whether the VM is there.
    pub fn edit_vm(
        &mut self,
        id: &VmId,
        rename: Option<&str>,
        edit: impl FnOnce(&mut Extra),
    ) -> bool {
        let now = self.now;
        let Some(vm) = self.vms.get_mut(id).filter(|vm| !vm.unseen) else {
            return false;
        };
        if let Some(name) = rename {
            vm.name = VmName::new(name);
        }
        edit(&mut vm.extra);
        vm.updated = now;
        true
    }
}

/// Why the VM's state does not allow the work.
fn fits(vm: &Vm, work: &Work) -> Result<(), &'static str> {
    let awaits = vm.resizing.is_some();
    let fits = match work {
        Work::Confirm(_) | Work::Revert(_) => match awaits {
            true => return Ok(()),
            false => return Err("has no resize to confirm"),
        },
        Work::Migrate(..) if awaits => return Err("has a resize to be confirmed"),
        Work::Unpause(_) => vm.aside == Some(Aside::Paused),
        Work::Resume(_) => vm.aside == Some(Aside::Suspended),
        Work::Unshelve(_) => matches!(vm.aside, Some(Aside::Shelved | Aside::Offloaded)),
        Work::Offload(_) => vm.aside == Some(Aside::Shelved),
        Work::Pause(_) | Work::Suspend(_) => vm.power == Power::Running,
        // what is an image has nothing to act on
        _ => !matches!(vm.aside, Some(Aside::Shelved | Aside::Offloaded)),
    };
    match fits {
        true => Ok(()),
        false => Err("is in a state that does not allow it"),
    }
}
