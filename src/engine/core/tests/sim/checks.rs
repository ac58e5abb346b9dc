//! What holds after every transaction.

use super::*;

impl Sim {
    /// opdata and events of one transaction agree.
    pub(super) fn check_records(&self, transaction: &Transaction) {
        for change in &transaction.records {
            let RecordChange::Deployment(key, Some(record)) = change else {
                continue;
            };
            assert_eq!(self.core.deployment(key).as_ref(), Some(&**record));
            // A VM that goes right after is undeploying already.
            for vm in record
                .vms
                .iter()
                .filter(|vm| vm.state != VmState::Undeploying)
            {
                let last = transaction.events.iter().rev().find(|event| {
                    let of = |vm_ref: &Option<VmRef>| {
                        vm_ref
                            .as_ref()
                            .is_some_and(|it| Some(&it.vm_id) == vm.vm_id.as_ref())
                    };
                    of(&event.target) || (event.target.is_none() && of(&event.source))
                });
                match last.map(|event| (event.kind, event.status)) {
                    Some((
                        EventKind::VmAlive | EventKind::VmRecoveryComplete,
                        EventStatus::Success,
                    )) => {
                        assert_eq!(vm.state, VmState::Alive, "{vm:?}");
                    }
                    Some((EventKind::VmStopped, EventStatus::Success)) => {
                        assert_eq!(vm.state, VmState::Shutoff);
                    }
                    _ => {}
                }
            }
        }
        if let Some(done) = transaction.events.iter().find(|event| {
            event.kind == EventKind::ServiceAlive && event.status == EventStatus::Success
        }) {
            let key = DeploymentKey::new(
                done.tenant.clone().unwrap(),
                done.deployment.clone().unwrap(),
            );
            let record = self.core.deployment(&key).unwrap();
            // A queued edit may begin at once.
            if record
                .operation
                .as_ref()
                .is_none_or(|op| Some(&op.id) == done.op_id.as_ref())
            {
                assert_eq!(record.service_state, ServiceState::Active);
            }
        }
    }

    pub(super) fn check_copies(&self) {
        if self.vim.allow_copies {
            return;
        }
        let mut names = BTreeSet::new();
        for vm in self.vim.vms.values() {
            assert!(
                names.insert(vm.name.clone()),
                "two copies of {}: {:#?}",
                vm.name,
                self.vim.log
            );
        }
    }
}
