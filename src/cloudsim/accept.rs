//! Calls: what the cloud accepts, refuses, and what an accepted one will do.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::call::{Accepted, Call, NewInterface, NewVm};
use super::cloud::{Cloud, Due};
use super::error::CallError;
use super::fault::{Fault, Subject};
use super::op::{Op, Twist, Work};
use super::vm::{Power, Vm};
use crate::clock::Mono;
use crate::ids::VmId;
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
            call => match call.vm() {
                None => (None, None),
                Some(vm) => {
                    let subject = self.subject(vm);
                    (subject.name.cloned(), subject.host)
                }
            },
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
            Call::ResetVm { vm, error } => self.reset_vm(vm, error, key),
            Call::RebootAgain { vm, hard } => self.pile_on(vm, hard, key),
            Call::CreatePort {
                tenant,
                name,
                network,
                ip_address,
                mac_address,
            } => {
                let wanted = NewInterface {
                    nicid: 0,
                    network,
                    kind: "virtual".to_owned(),
                    ip_address,
                    mac_address,
                    port_id: None,
                };
                let (work, id) = self.make_port(tenant, name, &wanted)?;
                Ok(self.open_resource(work, id, key))
            }
            Call::DeletePort { id } => {
                self.remove_port(&id);
                Ok(self.open_resource(Work::Nothing, Some(id), key))
            }
            call => match call.work() {
                Some((work, hard)) => self.operate(work, hard, key),
                None => {
                    let (work, id) = self.accept_resource(call)?;
                    Ok(self.open_resource(work, id, key))
                }
            },
        }
    }

    fn open_resource(&mut self, work: Work, id: Option<String>, key: &str) -> Accepted {
        let latency = self.latency(self.settings.latency.resource_ms, Subject::RESOURCE);
        self.open(work, id, None, latency, key)
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
        let among = new.hosts.as_deref();
        let host = self.place_among(among, None);
        let subject = Subject {
            name: Some(&new.logical),
            host,
        };
        let mut latency = self.latency(self.settings.latency.create_ms, subject);
        let retried = self.shot(Fault::HostRetried, subject).is_some();
        let exhausted = self.shot(Fault::HostsExhausted, subject);
        let (mut host, mut twist) = (host, None);
        if let Some(first) = host.filter(|_| retried || exhausted.is_some()) {
            let next = self.place_among(among, Some(first)).unwrap_or(first);
            twist = Some(Twist::Retried {
                first: self.host_name(Some(first)),
                next: self.host_name(Some(next)),
            });
            host = Some(next);
            latency *= 2;
        }
        let subject = Subject {
            name: Some(&new.logical),
            host,
        };
        let fails = match (self.shot(Fault::CreateFails, subject), host) {
            (Some(words), _) => Some(or(words, "VIM Driver: VM creation failed")),
            (None, Some(_)) if exhausted.is_some() => Some(or(
                exhausted.unwrap_or_default(),
                "VIM Driver: Exceeded maximum number of retries.",
            )),
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
            aside: None,
            believed: None,
            resizing: None,
            late: Vec::new(),
            extra: new.extra,
            stays_off: new.stays_off,
            created: self.now,
            launched: None,
            updated: self.now,
            log: VecDeque::new(),
        };
        self.bind_ports(&id, &vm.interfaces);
        self.vms.insert(id.clone(), vm);
        let shown = Some(id.as_str().to_owned());
        let accepted = self.open(Work::Create(id), shown, fails, latency, key);
        self.twist(&accepted.op, twist);
        Ok(accepted)
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
            self.end_op(&op, VimOpStatus::Failed(vec![line.clone()]));
            self.end_late(&id, &line);
        }
        let latency = self.latency(self.settings.latency.delete_ms, self.subject(&id));
        let fails = self.vm_shot(Fault::DeleteFails, &id, "VIM Driver: VM deletion failed");
        Ok(self.open(Work::Delete(id), shown, fails, latency, key))
    }

    /// Opens the record: it begins after a tenth of its time.
    pub(super) fn open(
        &mut self,
        work: Work,
        id: Option<String>,
        fails: Option<Vec<String>>,
        latency: Mono,
        key: &str,
    ) -> Accepted {
        let op = format!("req-{}", self.mint());
        let mut from_stopped = false;
        if let Some(vm) = work.vm().and_then(|vm| self.vms.get_mut(vm)) {
            vm.op = Some(op.clone());
            from_stopped = vm.power == Power::Stopped;
        }
        let host = work.vm().and_then(|vm| self.vms.get(vm)?.host);
        if let Some(vm) = work.vm() {
            self.log_op(&vm.clone(), &op);
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
            twist: None,
            hard: false,
            opened: self.now,
            reached: None,
            ended: None,
            host: self.host_name(host),
            from_stopped,
            note: String::new(),
        };
        self.ops.open(op.clone(), record);
        self.schedule(self.now + latency / 10, Due::Begin(op.clone()));
        self.schedule(due, Due::Finish(op.clone()));
        Accepted { op, id }
    }

    pub(super) fn twist(&mut self, op: &str, twist: Option<Twist>) {
        if let Some(op) = self.ops.get_mut(op) {
            op.twist = twist;
        }
    }

    pub(super) fn knows_flavor(&self, flavor: &str) -> Result<(), Vec<String>> {
        match self.flavors.knows(flavor) {
            true => Ok(()),
            false => Err(vec![format!("VIM Driver: Flavor [{flavor}] not found")]),
        }
    }

    pub(super) fn host_name(&self, host: Option<usize>) -> String {
        let host = host.and_then(|host| self.hosts.get(host));
        host.map(|host| host.name.clone()).unwrap_or_default()
    }

    /// The reachable, configured host with the fewest VMs, going round among equals.
    pub(super) fn place(&mut self) -> Option<usize> {
        self.place_among(None, None)
    }

    /// As [`Cloud::place`], but another one than `not`.
    pub(super) fn place_beside(&mut self, not: Option<usize>) -> Option<usize> {
        self.place_among(None, not)
    }

    /// As [`Cloud::place_beside`], and one of those.
    fn place_among(&mut self, among: Option<&[String]>, not: Option<usize>) -> Option<usize> {
        let count = self.hosts.len();
        let next = self.next_host;
        let best = (0..count)
            .map(|step| (next + step) % count)
            .filter_map(|index| Some((index, self.hosts.get(index)?)))
            .filter(|(index, host)| {
                let named = |known: &super::settings::HostSettings| known.name == host.name;
                not != Some(*index)
                    && among.is_none_or(|among| among.contains(&host.name))
                    && host.down.is_none()
                    && self.settings.hosts.iter().any(named)
            })
            .min_by_key(|(_, host)| host.vms)?
            .0;
        self.next_host = (best + 1) % count;
        Some(best)
    }
}

/// The injected words, or the simulator's own when there are none.
pub(super) fn or(words: Vec<String>, own: &str) -> Vec<String> {
    match words.is_empty() {
        true => vec![own.to_owned()],
        false => words,
    }
}
