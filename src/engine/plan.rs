//! The distance between desired and actual, as steps. Pure.

use std::collections::BTreeSet;

use crate::ids::VmName;
use crate::model::deployment::{Deployment, VmGroup};

/// One VM that exists, or was wanted before.
#[derive(Clone, Debug)]
pub struct Actual<'a> {
    /// Its name.
    pub name: &'a VmName,
    /// Its group's name.
    pub group: &'a str,
    /// Its index.
    pub index: u32,
    /// Whether the VIM has it.
    pub exists: bool,
    /// The group as it was applied to it.
    pub applied: &'a VmGroup,
}

/// What has to be done to one VM.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum PlanStep {
    /// Make a VM that was not wanted before.
    Add {
        /// Group.
        group: String,
        /// Index.
        index: u32,
    },
    /// Make a VM that was wanted before and is not there.
    Create(VmName),
    /// Remove it.
    Remove(VmName),
    /// Remove it and make it again under its name: image, interfaces, volumes, day-0 data changed.
    Redeploy(VmName),
    /// Give it another flavor.
    Resize(VmName),
    /// Take over policy, KPIs, rules and times.
    Rewatch(VmName),
}

/// The steps from `actual` to `desired`, in the order of the configuration; removals last.
pub fn plan(desired: &Deployment, actual: &[Actual<'_>]) -> Vec<PlanStep> {
    let mut steps = Vec::new();
    let mut kept = BTreeSet::new();
    for group in &desired.vm_groups {
        for index in 0..group.min_active {
            let found = actual
                .iter()
                .find(|vm| vm.group == group.name && vm.index == index);
            let Some(vm) = found else {
                steps.push(PlanStep::Add {
                    group: group.name.clone(),
                    index,
                });
                continue;
            };
            kept.insert(vm.name);
            let name = vm.name.clone();
            match difference(vm.applied, group) {
                _ if !vm.exists => steps.push(PlanStep::Create(name)),
                Difference::None => {}
                Difference::Watch => steps.push(PlanStep::Rewatch(name)),
                Difference::Flavor => steps.push(PlanStep::Resize(name)),
                Difference::Body => steps.push(PlanStep::Redeploy(name)),
            }
        }
    }
    let surplus = actual.iter().filter(|vm| !kept.contains(vm.name));
    steps.extend(surplus.map(|vm| PlanStep::Remove(vm.name.clone())));
    steps
}

enum Difference {
    None,
    Watch,
    Flavor,
    Body,
}

fn difference(old: &VmGroup, new: &VmGroup) -> Difference {
    let same_body = old.image == new.image
        && old.vim_vm_name == new.vim_vm_name
        && old.interfaces == new.interfaces
        && old.volumes == new.volumes
        && old.config_data == new.config_data;
    let same_watch = old.bootup_time == new.bootup_time
        && old.recovery_wait == new.recovery_wait
        && old.recovery == new.recovery
        && old.kpis == new.kpis
        && old.rules == new.rules
        && old.min_active == new.min_active
        && old.max_active == new.max_active;
    match (same_body, old.flavor == new.flavor, same_watch) {
        (false, ..) => Difference::Body,
        (true, false, _) => Difference::Flavor,
        (true, true, false) => Difference::Watch,
        (true, true, true) => Difference::None,
    }
}
