//! Virtual machines.

use std::collections::BTreeMap;

use super::super::world::World;
use super::job::{self, start as start_job};
use super::list::{page, reply, required};
use super::state::Account;
use super::things::{DOMAIN, OS_TYPE, ZONE, usable};
use super::{Done, Refusal, deploy, no};
use crate::cloudsim::{Call, OpWork, Power, VmView};
use crate::ids::VmId;
use crate::proto::cloudstack::{Command, Nic, Tag, VirtualMachine, VmState, time_text};

/// A VM as shown; `None` when it is gone.
pub fn shown(world: &mut World, id: &VmId) -> Option<VirtualMachine> {
    let vm = world.cloud.vm(id).ok().flatten()?;
    Some(show(world, &vm))
}

fn state(world: &World, vm: &VmView) -> VmState {
    let op = vm.op.as_deref().and_then(|op| world.cloud.op(op));
    match op.map(|op| op.work) {
        Some(
            OpWork::Create | OpWork::Start | OpWork::Unshelve | OpWork::Resume | OpWork::Unpause,
        ) => return VmState::Starting,
        Some(
            OpWork::Stop | OpWork::Delete | OpWork::Shelve { .. } | OpWork::Suspend | OpWork::Pause,
        ) => return VmState::Stopping,
        Some(OpWork::Migrate | OpWork::Revert) => return VmState::Migrating,
        _ => {}
    }
    // what its host reports, as long as it does
    let power = if vm.reachable { vm.actual } else { vm.believed };
    match power {
        Power::Running => VmState::Running,
        Power::Building => VmState::Starting,
        // a VM that ran once is no more than stopped by a failure
        Power::Error if vm.launched.is_none() => VmState::Error,
        _ => VmState::Stopped,
    }
}

fn tag_list(vm: &VmView) -> Vec<Tag> {
    let tags = vm.extra.notes.iter();
    tags.filter_map(|(key, value)| {
        Some(Tag {
            key: key.strip_prefix("tag.")?.to_owned(),
            value: value.clone(),
            resourcetype: Some("UserVm".to_owned()),
            resourceid: None,
        })
    })
    .collect()
}

fn show(world: &mut World, vm: &VmView) -> VirtualMachine {
    let state = state(world, vm);
    let networks = world.cloud.networks();
    let image = world.cloud.image(&vm.image);
    let flavor = world.cloud.flavor(&vm.flavor);
    let owner = vm
        .tenant
        .as_ref()
        .and_then(|tenant| world.cloud.tenant(tenant.as_str()));
    let on = |host: &str| {
        Some(host.to_owned()).filter(|host| !host.is_empty() && state == VmState::Running)
    };
    let (host, host_name) = (on(&vm.host_id), on(&vm.host_name));
    let text = |text: &str| Some(text.to_owned());
    let note = |key: &str| vm.extra.notes.get(key).cloned();
    let mut nics = Vec::with_capacity(vm.interfaces.len());
    for nic in &vm.interfaces {
        let network = networks.iter().find(|network| network.id == nic.network);
        nics.push(Nic {
            id: world.cloudstack.show(&nic.port_id),
            networkid: Some(world.cloudstack.show(&nic.network)),
            networkname: network.map(|network| network.name.clone()),
            netmask: text(&nic.netmask),
            gateway: text(&nic.gateway),
            ipaddress: text(&nic.ip_address),
            ip6address: None,
            macaddress: text(&nic.mac_address),
            traffictype: text("Guest"),
            kind: text(if network.is_some_and(|one| one.shared) {
                "Shared"
            } else {
                "Isolated"
            }),
            isolationuri: None,
            broadcasturi: None,
            isdefault: nic.nicid == 0,
        });
    }
    let template = image
        .as_ref()
        .map_or_else(|| vm.image.clone(), |image| image.spec.name.clone());
    let template_id = image.map_or_else(|| vm.image.clone(), |image| image.id);
    VirtualMachine {
        id: world.cloudstack.show(vm.id.as_str()),
        name: vm.name.to_string(),
        state,
        displayname: note("displayname").or_else(|| text(vm.name.as_str())),
        instancename: None,
        account: owner.map(|owner| owner.name).or_else(|| text("admin")),
        domainid: Some(world.cloudstack.show(DOMAIN)),
        domain: text("ROOT"),
        created: Some(time_text(world.at(vm.created))),
        haenable: note("haenable").is_some_and(|word| word == "true"),
        keypair: note("keypair"),
        zoneid: Some(world.cloudstack.show(ZONE)),
        zonename: Some(world.settings.cloudstack.zone.clone()),
        hostid: host.map(|host| world.cloudstack.show(&host)),
        hostname: host_name,
        templateid: Some(world.cloudstack.show(&template_id)),
        templatename: Some(template.clone()),
        templatedisplaytext: Some(template),
        passwordenabled: false,
        serviceofferingid: flavor
            .as_ref()
            .map(|flavor| world.cloudstack.show(&flavor.id)),
        serviceofferingname: flavor.as_ref().map(|flavor| flavor.spec.name.clone()),
        cpunumber: flavor.as_ref().map(|flavor| flavor.spec.vcpus.into()),
        cpuspeed: Some(1000),
        memory: flavor.map(|flavor| flavor.spec.memory_mb),
        guestosid: Some(world.cloudstack.show(OS_TYPE)),
        rootdeviceid: Some(crate::proto::cloudstack::Id::new("0")),
        rootdevicetype: text("ROOT"),
        group: note("group"),
        hypervisor: text("Simulator"),
        userdata: None,
        nic: nics,
        tags: tag_list(vm),
        details: Some(vm.extra.metadata.clone()).filter(|details| !details.is_empty()),
    }
}

fn sees(who: &Account, vm: &VmView) -> bool {
    who.admin || vm.tenant.as_ref() == Some(&who.tenant)
}

/// The VM that a command names.
fn named(world: &World, who: &Account, command: &Command, param: &str) -> Result<VmView, Refusal> {
    let shown = required(command, param)?;
    let id = VmId::new(world.cloudstack.read(shown));
    match world.cloud.vm(&id) {
        Err(_) => Err(Refusal::Lost),
        Ok(Some(vm)) if sees(who, &vm) => Ok(vm),
        Ok(_) => Err(no(
            431,
            format!(
                "Unable to execute API command {} due to invalid value. Invalid parameter {param} value={shown} due to incorrect long value format, or entity does not exist",
                command.name().to_lowercase()
            ),
        )),
    }
}

/// `listVirtualMachines`.
pub fn list(world: &mut World, who: &Account, command: &Command) -> Done {
    known(world, who, command)?;
    let all_accounts = who.admin && command.get("listall").is_some_and(|word| word == "true");
    let account = command.get("account");
    let mut all: Vec<VmView> = world.cloud.all_vms().collect();
    all.retain(|vm| {
        let mine = vm.tenant.as_ref() == Some(&who.tenant);
        // whoever asks for one by its id need not say listall
        mine || all_accounts || (who.admin && (command.get("id").is_some() || account.is_some()))
    });
    let mut shown: Vec<VirtualMachine> = all.iter().map(|vm| show(world, vm)).collect();
    let ids: Option<Vec<&str>> = command.get("ids").map(|ids| ids.split(',').collect());
    shown.retain(|vm| {
        let named = command.get("name").is_none_or(|name| {
            vm.name.eq_ignore_ascii_case(name) || vm.displayname.as_deref() == Some(name)
        });
        let keyword = command
            .get("keyword")
            .is_none_or(|word| vm.name.to_lowercase().contains(&word.to_lowercase()));
        named
            && keyword
            && command.get("id").is_none_or(|id| vm.id.as_str() == id)
            && ids.as_ref().is_none_or(|ids| ids.contains(&vm.id.as_str()))
            && command
                .get("state")
                .is_none_or(|state| vm.state == VmState::from(state))
            && account.is_none_or(|account| vm.account.as_deref() == Some(account))
            && command
                .get("templateid")
                .is_none_or(|id| vm.templateid.as_ref().is_some_and(|own| own.as_str() == id))
            && fits(vm, command)
            && command.maps("tags").iter().all(|tag| {
                let member = |name: &str| {
                    tag.iter()
                        .find(|(key, _)| key == name)
                        .map(|(_, value)| value)
                };
                vm.tags.iter().any(|own| {
                    Some(&own.key) == member("key") && Some(&own.value) == member("value")
                })
            })
    });
    page(command, "virtualmachine", shown)
}

/// Kinds of things that there are none of: no VM has one, and no id is one's.
const NOTHING: [&str; 12] = [
    "affinitygroupid",
    "autoscalevmgroupid",
    "backupofferingid",
    "clusterid",
    "groupid",
    "isoid",
    "podid",
    "projectid",
    "securitygroupid",
    "storageid",
    "userid",
    "vpcid",
];

/// Refuses ids of nothing, as CloudStack does when it reads a command.
fn known(world: &World, who: &Account, command: &Command) -> Result<(), Refusal> {
    let given = |param: &'static str| {
        let value = command.get(param).filter(|value| !value.is_empty());
        value.map(|value| (param, value, world.cloudstack.read(value)))
    };
    let is_known = |param: &str, id: &str| match param {
        "zoneid" => id == ZONE,
        "domainid" => id == DOMAIN,
        "networkid" => usable(world, who).iter().any(|known| known.id == id),
        "hostid" => world.cloud.hosts().iter().any(|known| known.id == id),
        "serviceofferingid" => world.cloud.flavor(id).is_some_and(|known| known.id == id),
        "templateid" => world.cloud.image(id).is_some_and(|known| known.id == id),
        _ => false,
    };
    let params = [
        "zoneid",
        "domainid",
        "networkid",
        "hostid",
        "serviceofferingid",
        "templateid",
    ];
    let mut given = params.into_iter().chain(NOTHING).filter_map(given);
    match given.find(|(param, _, id)| !is_known(param, id)) {
        None => Ok(()),
        Some((param, value, _)) => Err(nothing(command, param, value)),
    }
}

fn nothing(command: &Command, param: &str, value: &str) -> Refusal {
    let name = command.name().to_lowercase();
    no(
        431,
        format!(
            "Unable to execute API command {name} due to invalid value. Invalid parameter {param} value={value} due to incorrect long value format, or entity does not exist"
        ),
    )
}

/// The filters by what a VM is of.
fn fits(vm: &VirtualMachine, command: &Command) -> bool {
    let is = |param: &str, own: Option<&crate::proto::cloudstack::Id>| {
        let wanted = command.get(param).filter(|wanted| !wanted.is_empty());
        wanted.is_none_or(|wanted| own.is_some_and(|own| own.as_str() == wanted))
    };
    let network = command.get("networkid").filter(|id| !id.is_empty());
    let mut nics = vm.nic.iter();
    let same = |own: &crate::proto::cloudstack::Id, id: &str| own.as_str() == id;
    is("zoneid", vm.zoneid.as_ref())
        && is("hostid", vm.hostid.as_ref())
        && is("serviceofferingid", vm.serviceofferingid.as_ref())
        && network.is_none_or(|id| {
            nics.any(|nic| nic.networkid.as_ref().is_some_and(|own| same(own, id)))
        })
        && command
            .get("haenable")
            .is_none_or(|word| (word == "true") == vm.haenable)
        && command
            .get("hypervisor")
            .is_none_or(|word| word.eq_ignore_ascii_case("Simulator"))
        && command
            .get("keypair")
            .is_none_or(|word| vm.keypair.as_deref() == Some(word))
}

/// `startVirtualMachine`.
pub fn start(world: &mut World, who: &Account, command: &Command) -> Done {
    let vm = named(world, who, command, "id")?;
    start_job(world, who, command, Call::StartVm(vm.id), None, None)
}

/// `stopVirtualMachine`.
pub fn stop(world: &mut World, who: &Account, command: &Command) -> Done {
    let vm = named(world, who, command, "id")?;
    start_job(world, who, command, Call::StopVm(vm.id), None, None)
}

/// `rebootVirtualMachine`.
pub fn reboot(world: &mut World, who: &Account, command: &Command) -> Done {
    let vm = named(world, who, command, "id")?;
    match state(world, &vm) {
        // CloudStack reboots what runs, and nothing else
        VmState::Running => {
            let call = Call::RebootVm {
                vm: vm.id,
                hard: true,
            };
            start_job(world, who, command, call, None, None)
        }
        other => Err(no(
            530,
            format!(
                "Unable to reboot VM {} when it is in {other} state",
                vm.name
            ),
        )),
    }
}

/// `destroyVirtualMachine` and `expungeVirtualMachine`.
pub fn destroy(world: &mut World, who: &Account, command: &Command) -> Done {
    let vm = named(world, who, command, "id")?;
    // a VM is stopped before it is destroyed, and its host has to do that
    if !vm.reachable {
        let words = format!(
            "Resource [Host:{}] is unreachable: unable to stop {}",
            vm.host_name, vm.name
        );
        return Err(no(534, words));
    }
    let before = show(world, &vm);
    start_job(
        world,
        who,
        command,
        Call::DeleteVm(vm.id),
        Some(before),
        None,
    )
}

/// `updateVirtualMachine`: name, shown name, group, details.
pub fn update(world: &mut World, who: &Account, command: &Command) -> Done {
    let vm = named(world, who, command, "id")?;
    let name = command.get("name").map(deploy::host_name).transpose()?;
    let details: BTreeMap<String, String> = command.maps("details").into_iter().flatten().collect();
    world.cloud.edit_vm(&vm.id, name, |extra| {
        for param in ["displayname", "group", "haenable"] {
            if let Some(value) = command.get(param) {
                extra.notes.insert(param.to_owned(), value.to_owned());
            }
        }
        if !details.is_empty() {
            extra.metadata = details;
        }
    });
    let now = shown(world, &vm.id);
    reply(command, &serde_json::json!({ "virtualmachine": now }))
}

/// `changeServiceForVirtualMachine` (of a stopped VM, at once) and `scaleVirtualMachine`.
pub fn resize(world: &mut World, who: &Account, command: &Command, running: bool) -> Done {
    let vm = named(world, who, command, "id")?;
    let flavor = world
        .cloudstack
        .read(required(command, "serviceofferingid")?);
    if world.cloud.flavor(&flavor).is_none() {
        return Err(no(
            431,
            format!("Unable to find service offering: {flavor}"),
        ));
    }
    let state = state(world, &vm);
    if !running && state != VmState::Stopped {
        let words = format!(
            "Unable to upgrade virtual machine {} in state {state}; make sure the virtual machine is stopped",
            vm.name
        );
        return Err(no(431, words));
    }
    if running {
        let call = Call::ResizeVm { vm: vm.id, flavor };
        return start_job(world, who, command, call, None, None);
    }
    if !world.cloud.set_flavor(&vm.id, &flavor) {
        return Err(no(530, format!("virtual machine {} is busy", vm.name)));
    }
    let now = shown(world, &vm.id);
    reply(command, &serde_json::json!({ "virtualmachine": now }))
}

/// `createTags` and `deleteTags`, of VMs.
pub fn tag(world: &mut World, who: &Account, command: &Command, add: bool) -> Done {
    let kind = required(command, "resourcetype")?;
    if !kind.eq_ignore_ascii_case("UserVm") {
        return Err(no(431, format!("tags of '{kind}' are not simulated")));
    }
    let ids = required(command, "resourceids")?.to_owned();
    let mut vms = Vec::new();
    for id in ids.split(',') {
        let one = Command::new(command.name()).with("id", id);
        vms.push(named(world, who, &one, "id")?);
    }
    for vm in vms {
        world.cloud.edit_vm(&vm.id, None, |extra| {
            for tag in command.maps("tags") {
                let member = |name: &str| {
                    tag.iter()
                        .find(|(key, _)| key == name)
                        .map(|(_, value)| value.clone())
                };
                let Some(key) = member("key") else {
                    continue;
                };
                let key = format!("tag.{key}");
                match (add, member("value")) {
                    (true, value) => {
                        extra.notes.insert(key, value.unwrap_or_default());
                    }
                    (false, _) => {
                        extra.notes.remove(&key);
                    }
                }
            }
        });
    }
    job::done(world, who, command, job::success())
}

/// `listTags`.
pub fn tags(world: &mut World, who: &Account, command: &Command) -> Done {
    let vms: Vec<VmView> = world.cloud.all_vms().filter(|vm| sees(who, vm)).collect();
    let mut all = Vec::new();
    for vm in vms {
        let id = world.cloudstack.show(vm.id.as_str());
        for tag in tag_list(&vm) {
            let fits = command
                .get("resourceid")
                .is_none_or(|wanted| wanted == id.as_str())
                && command.get("key").is_none_or(|wanted| wanted == tag.key)
                && command
                    .get("value")
                    .is_none_or(|wanted| wanted == tag.value);
            if fits {
                all.push(Tag {
                    resourceid: Some(id.clone()),
                    ..tag
                });
            }
        }
    }
    page(command, "tag", all)
}
