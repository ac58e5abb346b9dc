//! The small VIM: how it takes calls, and what comes of them.

use super::*;

impl Sim {
    pub fn is_down(&self) -> bool {
        let now = self.now;
        now < self.vim.down_until
            || (self.vim.outages.iter()).any(|(from, to)| (*from..*to).contains(&now))
    }

    pub(super) fn receive(&mut self, call: VimCall, key: String) -> Result<Accepted, VimError> {
        let kind = kind_of(&call);
        if self.is_down() {
            return Err(VimError::Down("connection refused".into()));
        }
        if let Some(accepted) = self.vim.keys.get(&key) {
            return Ok(accepted.clone());
        }
        let fault = self
            .vim
            .faults
            .get_mut(kind)
            .and_then(VecDeque::pop_front)
            .unwrap_or(Fault::Ok);
        self.vim
            .log
            .push(format!("{:?} {kind} {fault:?}", self.now));
        self.vim.next += 1;
        let n = self.vim.next;
        let op = VimOpRef {
            vim: VIM.into(),
            id: format!("op-{n}"),
            about: String::new(),
        };
        let took = Duration::from_millis(200);
        let mut status = VimOpStatus::Succeeded;
        let mut after = took;
        let mut lost = false;
        let mut happens = true;
        let mut dead = false;
        let mut leaves = false;
        match fault {
            Fault::Ok => {}
            Fault::Slow(time) => after = time,
            Fault::Refused(line) => return Err(VimError::Refused(vec![line.into()])),
            Fault::Down => return Err(VimError::Down("connection refused".into())),
            Fault::Fails(lines) => {
                status = VimOpStatus::Failed(lines.into_iter().map(String::from).collect());
                happens = false;
            }
            Fault::FailsLeaving(line) => {
                status = VimOpStatus::Failed(vec![line.into()]);
                leaves = true;
            }
            Fault::ReplyLost(lands) => {
                lost = true;
                happens = lands.is_some();
                after = lands.unwrap_or_default();
            }
            Fault::Dead => dead = true,
            Fault::HalfDone => {
                if let (_, Some(Change::Appear(id, mut vm))) = self.change(call, n, dead, leaves) {
                    vm.power = PowerState::Stopped;
                    self.in_world(Duration::ZERO, World::Land(Change::Appear(id, vm)));
                }
                return Err(VimError::Unknown("VIM Driver: no answer".into()));
            }
            Fault::TwiceRefused(line) => {
                if let (_, Some(change)) = self.change(call, n, dead, leaves) {
                    self.in_world(Duration::ZERO, World::Land(change));
                }
                return Err(VimError::Refused(vec![line.into()]));
            }
            Fault::Twice => {
                let (_, change) = self.change(call.clone(), n, dead, leaves);
                if let Some(Change::Appear(_, vm)) = change {
                    // found before the one that is answered
                    let copy = VmId::new(format!("a-copy-{n}"));
                    self.in_world(after, World::Land(Change::Appear(copy, vm)));
                }
            }
        }
        let (id, change) = self.change(call, n, dead, leaves);
        let mut happens = happens.then_some(change).flatten();
        if kind == "create"
            && !lost
            && let Some(Change::Appear(id, vm)) = &happens
        {
            let mut building = vm.clone();
            building.power = PowerState::Building;
            let end = if leaves {
                PowerState::Error
            } else {
                PowerState::Running
            };
            let next = Change::Power(id.clone(), end, dead);
            self.vim.vms.insert(id.clone(), building);
            happens = Some(next);
        }
        if let Some(change) = happens {
            self.in_world(after, World::Land(change));
        }
        if kind == "reboot"
            && let (Some(id), VimOpStatus::Failed(_)) = (&id, &status)
        {
            self.in_world(
                after,
                World::Land(Change::Power(VmId::new(id), PowerState::Stopped, false)),
            );
        }
        self.vim
            .ops
            .insert(op.id.clone(), (self.now + after, status));
        let accepted = Accepted { op, id };
        self.vim.keys.insert(key, accepted.clone());
        match lost {
            true => Err(VimError::Unknown("VIM Driver: no answer".into())),
            false => Ok(accepted),
        }
    }

    pub(super) fn change(
        &mut self,
        call: VimCall,
        n: u64,
        dead: bool,
        leaves: bool,
    ) -> (Option<String>, Option<Change>) {
        let boot = self.now + Duration::from_millis(700);
        let thing = |id: &str, key: String| {
            let name = key.clone();
            Some(Change::Thing(
                key,
                Some(VimResource {
                    id: id.into(),
                    name,
                    subnets: vec![],
                }),
            ))
        };
        match call {
            VimCall::CreateVm(create) => {
                let id = VmId::new(format!("vm-{n}"));
                let vm = SimVm {
                    name: create.name.to_string(),
                    token: create.token,
                    power: if leaves {
                        PowerState::Error
                    } else {
                        PowerState::Running
                    },
                    answers_from: boot,
                    dead,
                    ip: create
                        .interfaces
                        .first()
                        .and_then(|it| it.ip_address.clone())
                        .unwrap_or_else(|| format!("10.0.0.{n}")),
                };
                (Some(id.as_str().into()), Some(Change::Appear(id, vm)))
            }
            VimCall::DeleteVm(id) => (Some(id.to_string()), Some(Change::Remove(id))),
            VimCall::StartVm(id) => (
                Some(id.to_string()),
                Some(Change::Power(id, PowerState::Running, dead)),
            ),
            VimCall::RebootVm { vm, .. } => (
                Some(vm.to_string()),
                Some(Change::Power(vm, PowerState::Running, dead)),
            ),
            VimCall::StopVm(id) | VimCall::PowerOffVm(id) => (
                Some(id.to_string()),
                Some(Change::Power(id, PowerState::Stopped, false)),
            ),
            VimCall::ResizeVm { vm, .. } => (
                Some(vm.to_string()),
                Some(Change::Power(vm, PowerState::Running, dead)),
            ),
            VimCall::CreateTenant { name } => {
                let id = format!("tenant-{name}");
                (Some(id.clone()), thing(&id, format!("tenant {name}")))
            }
            VimCall::CreateNetwork { spec, token, .. } => {
                let id = format!("net-{n}");
                let name = token.map_or(spec.name, |token| token.to_string());
                (Some(id.clone()), thing(&id, format!("network {name}")))
            }
            VimCall::CreateImage(spec) => {
                let id = format!("image-{n}");
                (Some(id.clone()), thing(&id, format!("image {}", spec.name)))
            }
            VimCall::CreateFlavor(spec) => {
                let id = format!("flavor-{n}");
                (
                    Some(id.clone()),
                    thing(&id, format!("flavor {}", spec.name)),
                )
            }
            VimCall::CreateSubnet { network, spec } => {
                let id = format!("subnet-{n}");
                let record = SubnetRecord {
                    name: spec.name,
                    vim_id: id.clone(),
                    cidr: "10.0.0.0/24".into(),
                    gateway: String::new(),
                    dhcp: true,
                };
                (Some(id), Some(Change::AddSubnet(network, record)))
            }
            VimCall::DeleteSubnet { id } => (None, Some(Change::DropSubnet(id))),
            VimCall::DeleteTenant { id } => (None, self.by_id(id.as_str())),
            VimCall::DeleteNetwork { id }
            | VimCall::DeleteImage { id }
            | VimCall::DeleteFlavor { id } => (None, self.by_id(&id)),
        }
    }

    pub(super) fn by_id(&self, id: &str) -> Option<Change> {
        let found = self.vim.things.iter().find(|(_, it)| it.id == id);
        found.map(|(key, _)| Change::Thing(key.clone(), None))
    }

    pub(super) fn land(&mut self, change: Change) {
        match change {
            Change::Appear(id, mut vm) => {
                vm.answers_from = self.now + Duration::from_millis(500);
                self.vim.vms.insert(id, vm);
            }
            Change::Power(id, power, dead) => {
                if let Some(vm) = self.vim.vms.get_mut(&id) {
                    vm.power = power;
                    vm.dead = dead;
                    vm.answers_from = self.now + Duration::from_millis(500);
                }
            }
            Change::Remove(id) => {
                self.vim.vms.remove(&id);
            }
            Change::Thing(key, Some(thing)) => {
                self.vim.things.insert(key, thing);
            }
            Change::Thing(key, None) => {
                self.vim.things.remove(&key);
            }
            Change::AddSubnet(network, record) => {
                if let Some(it) = self.vim.things.values_mut().find(|it| it.id == network) {
                    it.subnets.push(record);
                }
            }
            Change::DropSubnet(id) => {
                for thing in self.vim.things.values_mut() {
                    thing.subnets.retain(|subnet| subnet.vim_id != id);
                }
            }
        }
        self.check_copies();
    }
}
