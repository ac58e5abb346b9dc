//! Calls: what the cloud accepts, refuses, and what an accepted one will do.

use serde::{Deserialize, Serialize};

use super::call::{Accepted, Call, NewInterface, NewVm};
use super::cloud::{Cloud, Due};
use super::error::CallError;
use super::fault::{Fault, Subject};
use super::op::{Op, Work};
use super::vm::{Power, Vm};
use crate::clock::Mono;
use crate::ids::{TenantId, VmId};
use crate::model::event::InterfaceInfo;
use crate::model::vim::VimOpStatus;

/// A create that happens after its caller was left without reply.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub(super) struct LateCreate {
    new: NewVm,
    key: String,
}

impl Cloud {
    /// Takes a call at the cloud's present time. `key` names the caller's operation: with the setting
    /// `idempotent`, a repeated key is answered with the first call's record.
    ///
    /// # Errors
    /// [`CallError::Refused`], [`CallError::Down`] (neither happened), [`CallError::Lost`] (it happens).
    pub fn call(&mut self, call: Call, key: &str) -> Result<Accepted, CallError> {
        self.api()?;
        if self.settings.idempotent
            && let Some((op, record)) = self.ops.by_key(key)
        {
            return Ok(Accepted {
                op: op.to_owned(),
                id: record.id.clone(),
            });
        }
        let lost = self.lose_reply(&call);
        if let (Some(_), Call::CreateVm(new), 1..) = (&lost, &call, self.settings.lost_landing_ms) {
            let at = self.now + Mono::from_millis(self.settings.lost_landing_ms);
            let late = LateCreate {
                new: (**new).clone(),
                key: key.to_owned(),
            };
            self.schedule(at, Due::Land(Box::new(late)));
        } else {
            let accepted = self.take(call, key).map_err(CallError::Refused);
            if lost.is_none() {
                return accepted;
            }
        }
        let words = lost.unwrap_or_default().into_iter().next();
        Err(CallError::Lost(words.unwrap_or_else(|| {
            "VIM Driver: no reply from the VIM: connection reset".to_owned()
        })))
    }

    pub(super) fn land(&mut self, late: LateCreate) {
        // nobody waits for the answer: a refusal leaves nothing behind
        let _ = self.take(Call::CreateVm(Box::new(late.new)), &late.key);
    }

    fn lose_reply(&mut self, call: &Call) -> Option<Vec<String>> {
        let (name, host) = match call {
            Call::CreateVm(new) => (Some(new.logical.clone()), None),
            Call::DeleteVm(vm)
            | Call::StartVm(vm)
            | Call::StopVm(vm)
            | Call::RebootVm { vm, .. }
            | Call::ResizeVm { vm, .. } => {
                let subject = self.subject(vm);
                (subject.name.cloned(), subject.host)
            }
            _ => (None, None),
        };
        let subject = Subject {
            name: name.as_ref(),
            host,
        };
        self.shot(Fault::ReplyLost, subject)
    }

    fn take(&mut self, call: Call, key: &str) -> Result<Accepted, Vec<String>> {
        match call {
            Call::CreateVm(new) => self.create_vm(*new, key),
            Call::DeleteVm(vm) => self.delete_vm(vm, key),
            Call::StartVm(vm) => self.operate(Work::Start(vm), key),
            Call::StopVm(vm) => self.operate(Work::Stop(vm), key),
            Call::RebootVm { vm, .. } => self.operate(Work::Reboot(vm), key),
            Call::ResizeVm { vm, flavor } => {
                self.knows_flavor(&flavor)?;
                self.operate(Work::Resize(vm, flavor), key)
            }
            resource => {
                let (work, id) = self.accept_resource(resource)?;
                let latency = self.latency(self.settings.latency.resource_ms, Subject::RESOURCE);
                Ok(self.open(work, id, None, latency, key))
            }
        }
    }

    fn create_vm(&mut self, new: NewVm, key: &str) -> Result<Accepted, Vec<String>> {
        if self.vms.len() >= self.settings.max_vms {
            return Err(vec![format!(
                "VIM Driver: Quota exceeded for instances: {} (setting max-vms)",
                self.settings.max_vms
            )]);
        }
        if let Some(tenant) = new
            .tenant
            .as_ref()
            .filter(|id| !self.tenants.has_id(id.as_str()))
        {
            return Err(vec![format!("VIM Driver: Tenant [{tenant}] not found")]);
        }
        if !self.images.knows(&new.image) {
            return Err(vec![format!("VIM Driver: Image [{}] not found", new.image)]);
        }
        self.knows_flavor(&new.flavor)?;
        let interfaces = self.attach(new.tenant.as_ref(), &new.interfaces)?;
        let host = self.place();
        let subject = Subject {
            name: Some(&new.logical),
            host,
        };
        let latency = self.latency(self.settings.latency.create_ms, subject);
        let fails = match (self.shot(Fault::CreateFails, subject), host) {
            (Some(words), _) => Some(or(words, "VIM Driver: VM creation failed")),
            (None, None) => Some(vec![
                "VIM Driver: No valid host was found. There are not enough hosts available."
                    .to_owned(),
            ]),
            (None, Some(_)) => None,
        };
        let id = self.mint_vm();
        if let Some(host) = host.and_then(|host| self.hosts.get_mut(host)) {
            host.vms += 1;
        }
        self.by_name
            .entry(new.logical.clone())
            .or_default()
            .insert(id.clone());
        self.by_token
            .entry(new.token.clone())
            .or_default()
            .insert(id.clone());
        let vm = Vm {
            id: id.clone(),
            name: new.name,
            logical: new.logical,
            token: new.token,
            tenant: new.tenant,
            image: new.image,
            flavor: new.flavor,
            volumes: new.volumes,
            config_data: new.config_data,
            host,
            interfaces,
            power: Power::Building,
            deleting: false,
            unseen: false,
            alive_from: None,
            frozen: None,
            messages: Vec::new(),
            op: None,
        };
        self.vms.insert(id.clone(), vm);
        let shown = Some(id.as_str().to_owned());
        Ok(self.open(Work::Create(id), shown, fails, latency, key))
    }

    /// A delete pre-empts what is under way; one under way already is answered with its own record.
    fn delete_vm(&mut self, id: VmId, key: &str) -> Result<Accepted, Vec<String>> {
        let shown = Some(id.as_str().to_owned());
        let Some(vm) = self.vms.get_mut(&id).filter(|vm| !vm.unseen) else {
            let latency = self.latency(self.settings.latency.resource_ms, Subject::RESOURCE);
            return Ok(self.open(Work::Nothing, shown, None, latency, key));
        };
        let under_way = vm.op.clone();
        if vm.deleting
            && let Some(op) = under_way
        {
            return Ok(Accepted { op, id: shown });
        }
        vm.deleting = true;
        if let Some(op) = under_way {
            let line = format!("VIM Driver: VM [{id}] is being deleted");
            self.end_op(&op, VimOpStatus::Failed(vec![line]));
        }
        let latency = self.latency(self.settings.latency.delete_ms, self.subject(&id));
        let fails = self.vm_shot(Fault::DeleteFails, &id, "VIM Driver: VM deletion failed");
        Ok(self.open(Work::Delete(id), shown, fails, latency, key))
    }

    fn operate(&mut self, work: Work, key: &str) -> Result<Accepted, Vec<String>> {
        let Some(id) = work.vm().cloned() else {
            return Err(vec!["VIM Driver: not an operation on a VM".to_owned()]);
        };
        let Some(vm) = self.vms.get(&id).filter(|vm| !vm.unseen) else {
            return Err(vec![format!("VIM Driver: VM [{id}] not found")]);
        };
        if let Some(op) = vm.op.as_deref().and_then(|op| self.ops.get(op)) {
            let verb = op.work.verb();
            return Err(vec![format!(
                "VIM Driver: VM [{id}] is busy: {verb} is under way"
            )]);
        }
        if vm.host.is_none() {
            return Err(vec![format!(
                "VIM Driver: VM [{id}] was never placed on a host"
            )]);
        }
        let times = &self.settings.latency;
        let millis = match work {
            Work::Start(_) => times.start_ms,
            Work::Stop(_) => times.stop_ms,
            Work::Reboot(_) => times.reboot_ms,
            _ => times.resize_ms,
        };
        let latency = self.latency(millis, self.subject(&id));
        let fails = match work {
            Work::Start(_) => {
                self.vm_shot(Fault::StartFails, &id, "VIM Driver: VM failed to start")
            }
            Work::Reboot(_) => self.vm_shot(
                Fault::RebootFails,
                &id,
                "VIM Driver: VM powered on but in unexpected state:null",
            ),
            _ => None,
        };
        let shown = Some(id.as_str().to_owned());
        Ok(self.open(work, shown, fails, latency, key))
    }

    fn vm_shot(&mut self, fault: Fault, id: &VmId, own: &str) -> Option<Vec<String>> {
        let (name, host) = self.vms.get(id).map(|vm| (vm.logical.clone(), vm.host))?;
        let subject = Subject {
            name: Some(&name),
            host,
        };
        self.shot(fault, subject).map(|words| or(words, own))
    }

    /// Opens the record: it begins after a tenth of its time.
    fn open(
        &mut self,
        work: Work,
        id: Option<String>,
        fails: Option<Vec<String>>,
        latency: Mono,
        key: &str,
    ) -> Accepted {
        let op = format!("req-{}", self.mint());
        if let Some(vm) = work.vm().and_then(|vm| self.vms.get_mut(vm)) {
            vm.op = Some(op.clone());
        }
        let due = self.now + latency;
        let record = Op {
            work,
            status: VimOpStatus::Pending,
            fails,
            latency,
            due: Some(due),
            key: self.settings.idempotent.then(|| key.to_owned()),
            id: id.clone(),
        };
        self.ops.open(op.clone(), record);
        self.schedule(self.now + latency / 10, Due::Begin(op.clone()));
        self.schedule(due, Due::Finish(op.clone()));
        Accepted { op, id }
    }

    fn knows_flavor(&self, flavor: &str) -> Result<(), Vec<String>> {
        match self.flavors.knows(flavor) {
            true => Ok(()),
            false => Err(vec![format!("VIM Driver: Flavor [{flavor}] not found")]),
        }
    }

    /// The reachable, configured host with the fewest VMs, going round among equals.
    fn place(&mut self) -> Option<usize> {
        let count = self.hosts.len();
        let next = self.next_host;
        let best = (0..count)
            .map(|step| (next + step) % count)
            .filter_map(|index| Some((index, self.hosts.get(index)?)))
            .filter(|(_, host)| {
                let named = |known: &super::settings::HostSettings| known.name == host.name;
                host.down.is_none() && self.settings.hosts.iter().any(named)
            })
            .min_by_key(|(_, host)| host.vms)?
            .0;
        self.next_host = (best + 1) % count;
        Some(best)
    }

    /// Gives every interface its port; all or none.
    fn attach(
        &mut self,
        tenant: Option<&TenantId>,
        wanted: &[NewInterface],
    ) -> Result<Vec<InterfaceInfo>, Vec<String>> {
        let mut made = Vec::with_capacity(wanted.len());
        for one in wanted {
            match self.attach_one(tenant, one) {
                Ok(interface) => made.push(interface),
                Err(line) => {
                    self.release_ports(&made);
                    return Err(vec![format!("VIM Driver: {line}")]);
                }
            }
        }
        Ok(made)
    }

    fn attach_one(
        &mut self,
        tenant: Option<&TenantId>,
        wanted: &NewInterface,
    ) -> Result<InterfaceInfo, String> {
        let id = self
            .networks
            .find(tenant, &wanted.network)
            .map(|network| network.id.clone())
            .ok_or_else(|| format!("Network [{}] not found", wanted.network))?;
        let port_id = match &wanted.port_id {
            Some(port) if self.ports.contains(port) => {
                return Err(format!("Port [{port}] is in use"));
            }
            Some(port) => port.clone(),
            None => self.mint(),
        };
        let mac_address = match &wanted.mac_address {
            Some(mac) if self.macs.contains(&mac.to_lowercase()) => {
                return Err(format!("MAC address {mac} is in use"));
            }
            Some(mac) => mac.to_lowercase(),
            None => self.mint_mac(),
        };
        let Some(network) = self.networks.get_mut(&id) else {
            return Err(format!("Network [{id}] not found"));
        };
        let mut interface = InterfaceInfo {
            nicid: wanted.nicid,
            kind: wanted.kind.clone(),
            port_id,
            network: id,
            mac_address,
            ..InterfaceInfo::default()
        };
        let bare = network.subnets.is_empty();
        let subnet = match &wanted.ip_address {
            None => {
                let free = network.subnets.iter_mut().find_map(|subnet| {
                    let address = subnet.allocate()?;
                    Some((subnet, address))
                });
                if free.is_none() && !bare {
                    return Err(format!(
                        "No more IP addresses available on network [{}]",
                        network.id
                    ));
                }
                free
            }
            Some(text) => {
                let address = text
                    .parse()
                    .map_err(|_| format!("'{text}' is not an IP address"))?;
                let mut subnets = network.subnets.iter_mut();
                let home = subnets.find(|subnet| subnet.block.contains(address));
                match home {
                    Some(subnet) => {
                        subnet.take(address)?;
                        Some((subnet, address))
                    }
                    None if bare => {
                        interface.ip_address = address.to_string();
                        None
                    }
                    None => {
                        return Err(format!(
                            "IP address {address} is not in a subnet of network [{}]",
                            network.id
                        ));
                    }
                }
            }
        };
        if let Some((subnet, address)) = subnet {
            interface.subnet = subnet.id.clone();
            interface.ip_address = address.to_string();
            interface.netmask = subnet.block.netmask();
            interface.gateway = subnet.gateway.map(|ip| ip.to_string()).unwrap_or_default();
        }
        network.ports += 1;
        self.ports.insert(interface.port_id.clone());
        self.macs.insert(interface.mac_address.clone());
        Ok(interface)
    }

    pub(super) fn release_ports(&mut self, interfaces: &[InterfaceInfo]) {
        for interface in interfaces {
            self.ports.remove(&interface.port_id);
            self.macs.remove(&interface.mac_address);
            let Some(network) = self.networks.get_mut(&interface.network) else {
                continue;
            };
            network.ports = network.ports.saturating_sub(1);
            if let Ok(address) = interface.ip_address.parse() {
                for subnet in network
                    .subnets
                    .iter_mut()
                    .filter(|one| one.id == interface.subnet)
                {
                    subnet.taken.remove(&address);
                }
            }
        }
    }

    fn mint_mac(&mut self) -> String {
        loop {
            let id = self.mint();
            let digits: String = id.chars().filter(char::is_ascii_hexdigit).take(6).collect();
            let (a, rest) = digits.split_at(2);
            let (b, c) = rest.split_at(2);
            let mac = format!("fa:16:3e:{a}:{b}:{c}");
            if !self.macs.contains(&mac) {
                return mac;
            }
        }
    }
}

/// The injected words, or the simulator's own when there are none.
pub(super) fn or(words: Vec<String>, own: &str) -> Vec<String> {
    match words.is_empty() {
        true => vec![own.to_owned()],
        false => words,
    }
}
