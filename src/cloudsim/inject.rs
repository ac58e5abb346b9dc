//! Injecting faults and lifting them.

use std::time::Duration;

use super::cloud::{Cloud, Due};
use super::error::InjectError;
use super::fault::{Armed, Fault, Injection, Scope, Subject, Target};
use super::vm::{Frozen, Power, Vm};
use crate::ids::{VmId, VmName};

impl Cloud {
    /// Injects a fault at the cloud's present time.
    ///
    /// # Errors
    /// Unknown VM or host, a VM that is not there or not running, or a `times`, `duration` or target
    /// that the fault cannot have. Nothing is changed then.
    pub fn inject(&mut self, injection: Injection) -> Result<(), InjectError> {
        let Injection {
            target,
            fault,
            times,
            messages,
            duration,
        } = injection;
        if times == 0 {
            return Err(InjectError::Zero("times"));
        }
        if duration == Some(Duration::ZERO) {
            return Err(InjectError::Zero("duration"));
        }
        if times > 1 && !fault.is_counted() {
            return Err(InjectError::TimesNotApplicable(fault.name()));
        }
        let scope = match target {
            // what befalls the making of a VM is armed before there is one
            Target::Vm(name) if fault.befalls_making() => Scope::Vm(VmName::new(name)),
            target => self.scope(target)?,
        };
        match fault {
            Fault::Crash => {
                if duration.is_some() {
                    return Err(InjectError::DurationNotApplicable(fault.name()));
                }
                let blind = self.blind_hosts();
                self.each_running(&scope, |vm| {
                    vm.fall(Power::Stopped, messages.clone());
                    if vm.host.is_some_and(|host| blind.contains(&host)) {
                        vm.believed = Some(Power::Running);
                    }
                })
            }
            Fault::Freeze => {
                let until = duration.map(|duration| self.now + duration);
                self.each_running(&scope, |vm| vm.frozen = Some(Frozen { until }))
            }
            Fault::HostDown | Fault::AgentDown => {
                self.hosts_down(&scope, duration, fault == Fault::AgentDown)
            }
            Fault::ApiDown if scope != Scope::Vim => Err(InjectError::WholeVimOnly(fault.name())),
            _ => {
                if self.armed.len() >= self.settings.max_faults {
                    return Err(InjectError::TooMany(self.armed.len()));
                }
                self.armed.push(Armed {
                    scope,
                    fault,
                    left: fault.is_counted().then_some(times),
                    messages,
                    until: duration.map(|duration| self.now + duration),
                });
                Ok(())
            }
        }
    }

    /// Lifts the faults of a target, or all: armed ones are dropped, frozen guests thaw, hosts come back,
    /// the API answers. What a fault has done stays done: a crashed VM stays down.
    ///
    /// # Errors
    /// Unknown VM or host.
    pub fn clear(&mut self, target: Option<Target>) -> Result<(), InjectError> {
        let scope = match target {
            None => Scope::Vim,
            Some(Target::Vm(name)) if self.is_armed(&name) => Scope::Vm(VmName::new(name)),
            Some(target) => self.scope(target)?,
        };
        self.armed
            .retain(|armed| scope != Scope::Vim && armed.scope != scope);
        for vm in self.vms.values_mut() {
            let subject = Subject {
                name: Some(&vm.logical),
                host: vm.host,
            };
            if scope.covers(subject) {
                vm.frozen = None;
            }
        }
        for host in self.hosts_of(&scope) {
            self.host_back(host, None);
        }
        Ok(())
    }

    fn is_armed(&self, name: &str) -> bool {
        let scope = Scope::Vm(VmName::new(name));
        self.armed.iter().any(|armed| armed.scope == scope)
    }

    fn scope(&self, target: Target) -> Result<Scope, InjectError> {
        match target {
            Target::Vim => Ok(Scope::Vim),
            Target::Host(text) => {
                let named = |host: &super::cloud::Host| host.id == text || host.name == text;
                let index = self.hosts.iter().position(named);
                index.map(Scope::Host).ok_or(InjectError::UnknownHost(text))
            }
            Target::Vm(text) => {
                let name = VmName::new(&text);
                if self.by_name.contains_key(&name) || self.past_names.contains(&name) {
                    return Ok(Scope::Vm(name));
                }
                Err(InjectError::UnknownVm(text))
            }
        }
    }

    /// Changes every running VM of the scope; a single VM must be there and run.
    fn each_running(
        &mut self,
        scope: &Scope,
        mut change: impl FnMut(&mut Vm),
    ) -> Result<(), InjectError> {
        let ids: Vec<VmId> = match scope {
            Scope::Vm(name) => {
                let ids = self.by_name.get(name);
                let ids = ids.ok_or_else(|| InjectError::VmAbsent(name.to_string()))?;
                ids.iter().cloned().collect()
            }
            _ => self.vms.keys().cloned().collect(),
        };
        let mut changed = false;
        for id in &ids {
            let Some(vm) = self.vms.get_mut(id) else {
                continue;
            };
            let subject = Subject {
                name: Some(&vm.logical),
                host: vm.host,
            };
            if vm.power == Power::Running && scope.covers(subject) {
                change(vm);
                changed = true;
            }
        }
        match scope {
            Scope::Vm(name) if !changed => Err(InjectError::VmNotRunning(name.to_string())),
            _ => Ok(()),
        }
    }

    /// Hosts of which the API learns nothing new.
    fn blind_hosts(&self) -> Vec<usize> {
        let hosts = self.hosts.iter().enumerate();
        let blind = hosts.filter(|(_, host)| host.down.is_some());
        blind.map(|(index, _)| index).collect()
    }

    fn hosts_of(&self, scope: &Scope) -> Vec<usize> {
        match scope {
            Scope::Vim => (0..self.hosts.len()).collect(),
            Scope::Host(host) => vec![*host],
            Scope::Vm(name) => {
                let ids = self.by_name.get(name).into_iter().flatten();
                ids.filter_map(|id| self.vms.get(id)?.host).collect()
            }
        }
    }

    fn hosts_down(
        &mut self,
        scope: &Scope,
        duration: Option<Duration>,
        agent_only: bool,
    ) -> Result<(), InjectError> {
        let hosts = self.hosts_of(scope);
        if let (Scope::Vm(name), true) = (scope, hosts.is_empty()) {
            return Err(InjectError::VmAbsent(name.to_string()));
        }
        for index in hosts {
            self.agenda_seq += 1;
            let outage = self.agenda_seq;
            if let Some(host) = self.hosts.get_mut(index) {
                host.down = Some(outage);
                host.agent_only = agent_only;
                host.down_since = host.down_since.or(Some(self.now));
            }
            if let Some(duration) = duration {
                self.schedule(self.now + duration, Due::HostBack(index, outage));
            }
        }
        Ok(())
    }
}
