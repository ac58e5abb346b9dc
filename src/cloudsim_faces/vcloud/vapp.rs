//! vApps and VMs as shown.

use super::super::http::Reply;
use super::super::world::World;
use super::org::{no_access, vdc_href};
use super::{Ctx, Refusal, document, task};
use crate::cloudsim::{Aside, Power, VmView};
use crate::ids::VmId;
use crate::proto::vcloud::{
    ApiVersion, Customization, Edits, Lease, Link, NetworkConnection, VApp, VAppStatus, Vm,
    media_type,
};

/// Address of a vApp.
pub fn href(ctx: &Ctx, id: &VmId) -> String {
    format!("{}/vApp/vapp-{id}", ctx.root)
}

/// Address of its VM.
pub fn vm_href(ctx: &Ctx, id: &VmId) -> String {
    format!("{}/vApp/vm-{id}", ctx.root)
}

/// The VM of an address of a vApp or a VM.
pub fn find(world: &World, ctx: &Ctx, shown: &str) -> Result<VmView, Refusal> {
    let id = shown
        .strip_prefix("vapp-")
        .or_else(|| shown.strip_prefix("vm-"))
        .ok_or_else(|| no_access(&["vApp", shown]))?;
    match world.cloud.vm(&VmId::new(id)) {
        Err(_) => Err(Refusal::Lost),
        Ok(Some(vm)) if vm.tenant.as_ref() == Some(&ctx.org) => Ok(vm),
        Ok(_) => Err(no_access(&["vApp", shown])),
    }
}

/// Its power as far as its host is heard.
pub fn power(vm: &VmView) -> Power {
    match vm.reachable {
        true => vm.actual,
        false => vm.believed,
    }
}

/// Whether it is deployed: what runs or sleeps is.
pub fn is_deployed(vm: &VmView) -> bool {
    power(vm) == Power::Running
        || vm.aside == Some(Aside::Suspended)
        || vm.extra.notes.contains_key("deployed")
}

fn status(ctx: &Ctx, vm: &VmView) -> VAppStatus {
    let status = match (vm.aside, power(vm)) {
        (Some(Aside::Suspended | Aside::Paused), _) => VAppStatus::Suspended,
        (_, Power::Building) => VAppStatus::Unresolved,
        (_, Power::Running) => VAppStatus::PoweredOn,
        // what never ran and is in error was never made
        (_, Power::Error) if vm.launched.is_none() => VAppStatus::FailedCreation,
        _ => VAppStatus::PoweredOff,
    };
    match status {
        VAppStatus::PoweredOff if ctx.old && is_deployed(vm) => VAppStatus::Deployed,
        VAppStatus::PoweredOff if ctx.old => VAppStatus::Resolved,
        other => other,
    }
}

/// A status as queries spell it.
pub fn record_status(world: &World, vm: &VmView) -> &'static str {
    let busy = vm.op.as_deref().and_then(|op| world.cloud.op(op)).is_some();
    match (vm.aside, power(vm)) {
        (Some(Aside::Suspended | Aside::Paused), _) => "SUSPENDED",
        (_, Power::Building) if busy => "UNRESOLVED",
        (_, Power::Running) => "POWERED_ON",
        (_, Power::Error) if vm.launched.is_none() => "FAILED_CREATION",
        _ => "POWERED_OFF",
    }
}

/// What can be done with it now; nothing while something is under way.
fn links(world: &World, ctx: &Ctx, vm: &VmView, own: &str) -> Vec<Link> {
    let vdc = &world.settings.vcloud.vdc;
    let mut links = vec![Link::to("up", "vdc", Some(vdc), vdc_href(ctx))];
    if vm.op.is_some() {
        return links;
    }
    let power_of = |word: &str| {
        Link::act(
            &format!("power:{word}"),
            format!("{own}/power/action/{word}"),
        )
    };
    let deploy = Link::to(
        "deploy",
        "deployVAppParams",
        None,
        format!("{own}/action/deploy"),
    );
    let undeploy = Link::to(
        "undeploy",
        "undeployVAppParams",
        None,
        format!("{own}/action/undeploy"),
    );
    let now = status(
        &Ctx {
            old: false,
            ..ctx.clone()
        },
        vm,
    );
    match now {
        VAppStatus::PoweredOn => {
            for word in ["powerOff", "reboot", "reset", "shutdown", "suspend"] {
                links.push(power_of(word));
            }
            links.push(undeploy);
        }
        VAppStatus::Suspended => {
            links.push(power_of("powerOn"));
            links.push(undeploy);
        }
        VAppStatus::PoweredOff => {
            links.push(power_of("powerOn"));
            match is_deployed(vm) {
                true => links.push(undeploy),
                false => {
                    links.push(deploy);
                    links.push(Link::act("remove", own));
                }
            }
        }
        VAppStatus::FailedCreation => links.push(Link::act("remove", own)),
        _ => {}
    }
    links
}

/// Its interfaces.
pub fn connections(world: &World, vm: &VmView) -> Vec<NetworkConnection> {
    let networks = world.cloud.networks();
    let text = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    let nics = vm.interfaces.iter();
    nics.map(|nic| {
        let network = networks.iter().find(|network| network.id == nic.network);
        NetworkConnection {
            network: network.map_or_else(|| nic.network.clone(), |network| network.name.clone()),
            index: nic.nicid,
            ip_address: text(&nic.ip_address),
            mac_address: text(&nic.mac_address),
            connected: true,
            mode: "POOL".to_owned(),
        }
    })
    .collect()
}

fn vm_of(world: &World, ctx: &Ctx, vm: &VmView) -> Vm {
    let flavor = world.cloud.flavor(&vm.flavor);
    let own = vm_href(ctx, &vm.id);
    let mut links = links(world, ctx, vm, &own);
    links.push(Link::to(
        "down",
        "productSections",
        None,
        format!("{own}/productSections/"),
    ));
    let free = vm.op.is_none();
    let edit = |part: &str| free.then(|| format!("{own}/{part}"));
    let note = |key: &str| vm.extra.notes.get(key).cloned();
    Vm {
        links,
        customization: Some(Customization {
            enabled: true,
            script: note("script"),
            computer_name: note("computer-name").or_else(|| Some(vm.name.to_string())),
        }),
        edits: Edits {
            cpus: edit("virtualHardwareSection/cpu"),
            memory: edit("virtualHardwareSection/memory"),
            connections: edit("networkConnectionSection/"),
            customization: edit("guestCustomizationSection/"),
        },
        href: own,
        name: vm.name.to_string(),
        status: status(ctx, vm),
        deployed: is_deployed(vm),
        connections: connections(world, vm),
        cpus: flavor.as_ref().map(|flavor| flavor.spec.vcpus),
        memory_mb: flavor.map(|flavor| flavor.spec.memory_mb),
    }
}

/// A vApp as shown.
pub fn show(world: &World, ctx: &Ctx, vm: &VmView, code: u16) -> Reply {
    let own = href(ctx, &vm.id);
    let making = power(vm) == Power::Building;
    let lease = vm
        .extra
        .notes
        .get("lease")
        .and_then(|text| text.parse().ok());
    let vapp = VApp {
        links: if making && ctx.version == ApiVersion::V1_0 {
            Vec::new()
        } else {
            links(world, ctx, vm, &own)
        },
        href: own,
        name: vm.name.to_string(),
        status: status(ctx, vm),
        deployed: is_deployed(vm),
        description: vm
            .extra
            .notes
            .get("description")
            .cloned()
            .unwrap_or_default(),
        tasks: task::of(world, ctx, vm),
        lease: Some(Lease {
            deployment: lease.unwrap_or(world.settings.vcloud.deployment_lease_seconds),
            storage: 0,
        }),
        created: Some(world.at(vm.created).to_string()),
        // what is not made yet is sparsely shown
        vms: if making {
            Vec::new()
        } else {
            vec![vm_of(world, ctx, vm)]
        },
    };
    document(code, "vApp", ctx.version, &vapp)
}

/// A VM as shown.
pub fn show_vm(world: &World, ctx: &Ctx, vm: &VmView) -> Reply {
    let mut shown = vm_of(world, ctx, vm);
    shown.links.push(Link::to(
        "up",
        "vApp",
        Some(vm.name.as_str()),
        href(ctx, &vm.id),
    ));
    let text = shown.to_element(ctx.version).to_xml();
    let text = format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{text}");
    Reply::text(200, &media_type("vm"), text)
}
