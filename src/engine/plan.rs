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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::DeploymentKey;
    use crate::model::deployment::{ActionOnRecovery, RecoveryPolicy, RecoveryType};
    use std::time::Duration;

    fn group(name: &str, min_active: u32) -> VmGroup {
        VmGroup {
            name: name.into(),
            image: "i".into(),
            flavor: "f".into(),
            vim_vm_name: None,
            bootup_time: None,
            recovery_wait: Duration::ZERO,
            recovery: RecoveryPolicy {
                recovery_type: RecoveryType::Auto,
                action: ActionOnRecovery::RebootOnly,
                max_retries: Some(1),
            },
            interfaces: vec![],
            volumes: vec![],
            kpis: vec![],
            rules: vec![],
            config_data: vec![],
            min_active,
            max_active: 9,
        }
    }

    fn steps(desired: Vec<VmGroup>, actual: &[(&VmGroup, u32, bool)]) -> Vec<String> {
        let desired = Deployment {
            key: DeploymentKey::new("t", "d"),
            managed_tenant: true,
            vim: None,
            networks: vec![],
            vm_groups: desired,
        };
        let names: Vec<VmName> = actual
            .iter()
            .map(|(group, index, _)| VmName::new(format!("{}{index}", group.name)))
            .collect();
        let actual: Vec<Actual<'_>> = actual
            .iter()
            .zip(&names)
            .map(|((group, index, exists), name)| Actual {
                name,
                group: &group.name,
                index: *index,
                exists: *exists,
                applied: group,
            })
            .collect();
        let steps = plan(&desired, &actual);
        steps
            .iter()
            .map(|step| format!("{step:?}").replace("VmName", ""))
            .collect()
    }

    #[test]
    fn table_of_differences_and_steps() {
        let a = group("a", 2);
        let with = |change: &dyn Fn(&mut VmGroup)| {
            let mut group = a.clone();
            change(&mut group);
            group
        };
        let there = [(&a, 0, true), (&a, 1, true)];
        // (desired, actual, steps)
        assert_eq!(steps(vec![a.clone()], &there), [""; 0]);
        assert_eq!(
            steps(vec![a.clone()], &there[..1]),
            [r#"Add { group: "a", index: 1 }"#]
        );
        assert_eq!(
            steps(vec![a.clone()], &[(&a, 0, true), (&a, 1, false)]),
            [r#"Create(("a1"))"#]
        );
        assert_eq!(
            steps(vec![with(&|group| group.image = "j".into())], &there),
            [r#"Redeploy(("a0"))"#, r#"Redeploy(("a1"))"#]
        );
        assert_eq!(
            steps(vec![with(&|group| group.flavor = "g".into())], &there),
            [r#"Resize(("a0"))"#, r#"Resize(("a1"))"#]
        );
        assert_eq!(
            steps(
                vec![with(&|group| group.bootup_time = Some(Duration::ZERO))],
                &there
            ),
            [r#"Rewatch(("a0"))"#, r#"Rewatch(("a1"))"#]
        );
        assert_eq!(
            steps(vec![group("b", 1)], &there),
            [
                r#"Add { group: "b", index: 0 }"#,
                r#"Remove(("a0"))"#,
                r#"Remove(("a1"))"#
            ]
        );
        assert_eq!(
            steps(vec![with(&|group| group.min_active = 1)], &there),
            [r#"Rewatch(("a0"))"#, r#"Remove(("a1"))"#]
        );
    }
}
