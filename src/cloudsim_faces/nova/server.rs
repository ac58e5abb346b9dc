//! Servers as shown.

use serde_json::{Value, json};
use sha2::{Digest, Sha224};

use super::super::http::Reply;
use super::super::world::World;
use super::access::Caller;
use super::compute::{Ctx, add};
use super::part::own_link;
use super::status::{States, states};
use super::volume;
use crate::cloudsim::VmView;
use crate::proto::nova::{
    Address, FlavorRef, HostStatus, ImageRef, Name, Server, ServerFault, ServerFlavor,
};

/// Whether the caller may see a server; what has no tenant is the administrators'.
pub fn visible(who: &Caller, vm: &VmView) -> bool {
    who.sees(vm.tenant.as_ref())
}

/// Nova's digest of project and host.
pub fn host_id(project: &str, host: &str) -> String {
    if host.is_empty() {
        return String::new();
    }
    let digest = Sha224::digest(format!("{project}{host}"));
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A word that the face keeps with a VM.
pub fn note<'a>(vm: &'a VmView, key: &str) -> Option<&'a str> {
    vm.extra.notes.get(key).map(String::as_str)
}

/// The project of a VM; what has no tenant is of the project `admin`.
pub fn project_of(world: &World, vm: &VmView) -> String {
    match &vm.tenant {
        Some(tenant) => tenant.to_string(),
        None => {
            let admin = world.cloud.tenant("admin");
            admin.map_or_else(String::new, |admin| admin.id.to_string())
        }
    }
}

/// `GET /servers/{id}`.
pub fn show(world: &World, ctx: &Ctx<'_>, vm: &VmView) -> Reply {
    Reply::json(200, &json!({ "server": document(world, ctx, vm) }))
}

/// A server as shown to the caller under its microversion.
pub fn document(world: &World, ctx: &Ctx<'_>, vm: &VmView) -> Value {
    let states = states(world, vm);
    let project = project_of(world, vm);
    let in_error = states.status.as_str() == "ERROR";
    let admin = ctx.who.admin;
    let own = |text: &str| Some(text.to_owned());
    let server = Server {
        id: vm.id.to_string(),
        name: vm.name.to_string(),
        tenant_id: Some(project.clone()),
        user_id: own(note(vm, "user").unwrap_or_default()),
        metadata: Some(vm.extra.metadata.clone()),
        host_id: Some(host_id(&project, &vm.host_name)),
        image: Some(image(world, ctx, vm)),
        flavor: flavor(world, ctx, vm),
        created: Some(format!("{}Z", world.text(vm.created))),
        updated: Some(format!("{}Z", world.text(vm.updated))),
        addresses: Some(addresses(world, vm)),
        fault: in_error.then(|| fault(world, ctx, vm)).flatten(),
        progress: progress(&states),
        links: links(ctx, vm),
        access_ipv4: own(note(vm, "accessIPv4").unwrap_or_default()),
        access_ipv6: own(note(vm, "accessIPv6").unwrap_or_default()),
        config_drive: own(note(vm, "config_drive").unwrap_or_default()),
        key_name: Some(note(vm, "key_name").map(str::to_owned)),
        disk_config: own(note(vm, "disk_config").unwrap_or("MANUAL")),
        availability_zone: own(if vm.host_name.is_empty() { "" } else { "nova" }),
        task_state: Some(states.task.map(str::to_owned)),
        vm_state: own(states.vm),
        power_state: Some(states.power),
        launched_at: Some(vm.launched.map(|at| format!("{}.000000", world.text(at)))),
        terminated_at: Some(None),
        host: admin.then(|| Some(vm.host_name.clone()).filter(|host| !host.is_empty())),
        instance_name: admin.then(|| instance_name(vm)),
        hypervisor_hostname: admin
            .then(|| Some(vm.host_name.clone()).filter(|host| !host.is_empty())),
        volumes_attached: Some(volume::attached(ctx, vm)),
        security_groups: (!vm.interfaces.is_empty()).then(|| {
            vec![Name {
                name: "default".to_owned(),
            }]
        }),
        host_status: (admin && ctx.since(16)).then(|| host_status(world, vm)),
        locked: ctx.since(9).then(|| note(vm, "locked").is_some()),
        description: ctx
            .since(19)
            .then(|| note(vm, "description").map(str::to_owned)),
        tags: ctx.since(26).then(|| tags(vm)),
        status: Some(states.status),
    };
    let mut shown = serde_json::to_value(&server).unwrap_or_default();
    if ctx.since(3) && admin {
        add(
            &mut shown,
            &[
                ("OS-EXT-SRV-ATTR:hostname", json!(hostname(vm))),
                ("OS-EXT-SRV-ATTR:kernel_id", json!("")),
                ("OS-EXT-SRV-ATTR:launch_index", json!(0)),
                ("OS-EXT-SRV-ATTR:ramdisk_id", json!("")),
                (
                    "OS-EXT-SRV-ATTR:reservation_id",
                    json!(note(vm, "reservation")),
                ),
                ("OS-EXT-SRV-ATTR:root_device_name", json!("/dev/vda")),
                ("OS-EXT-SRV-ATTR:user_data", json!(note(vm, "user_data"))),
            ],
        );
    } else if ctx.since(90) {
        add(
            &mut shown,
            &[("OS-EXT-SRV-ATTR:hostname", json!(hostname(vm)))],
        );
    }
    if ctx.since(63) {
        add(&mut shown, &[("trusted_image_certificates", Value::Null)]);
    }
    if ctx.since(71) {
        let groups: Vec<&str> = note(vm, "group").into_iter().collect();
        add(&mut shown, &[("server_groups", json!(groups))]);
    }
    if ctx.since(73) {
        add(
            &mut shown,
            &[(
                "locked_reason",
                json!(note(vm, "locked").filter(|why| !why.is_empty())),
            )],
        );
    }
    shown
}

/// The name that the guest is told: its own, or made of the server's.
pub fn hostname(vm: &VmView) -> String {
    if let Some(name) = note(vm, "hostname") {
        return name.to_owned();
    }
    let plain = |c: char| {
        if c.is_ascii_alphanumeric() || c == '-' {
            c
        } else {
            '-'
        }
    };
    vm.name.as_str().to_lowercase().chars().map(plain).collect()
}

fn instance_name(vm: &VmView) -> String {
    let digits: String = vm
        .id
        .as_str()
        .chars()
        .filter(char::is_ascii_hexdigit)
        .take(8)
        .collect();
    format!("instance-{digits}")
}

/// A server's tags.
pub fn tags(vm: &VmView) -> Vec<String> {
    let tags = note(vm, "tags").unwrap_or_default();
    tags.split('\n')
        .filter(|tag| !tag.is_empty())
        .map(str::to_owned)
        .collect()
}

/// Where a server is.
pub fn links(ctx: &Ctx<'_>, vm: &VmView) -> Vec<crate::proto::nova::Link> {
    let id = &vm.id;
    vec![
        own_link("self", format!("{}/servers/{id}", ctx.root)),
        own_link("bookmark", format!("{}/servers/{id}", ctx.request.base)),
    ]
}

fn image(world: &World, ctx: &Ctx<'_>, vm: &VmView) -> ImageRef {
    if volume::volumes(vm).iter().any(|volume| volume.boots) {
        return ImageRef::None(String::new());
    }
    match world.cloud.image(&vm.image) {
        Some(image) => ImageRef::Image {
            links: vec![own_link(
                "bookmark",
                format!("{}/images/{}", ctx.request.base, image.id),
            )],
            id: image.id,
        },
        // an image that was deleted since is still named
        None => ImageRef::Image {
            id: vm.image.clone(),
            links: Vec::new(),
        },
    }
}

fn flavor(world: &World, ctx: &Ctx<'_>, vm: &VmView) -> Option<FlavorRef> {
    let Some(flavor) = world.cloud.flavor(&vm.flavor) else {
        return Some(FlavorRef::Reference {
            id: vm.flavor.clone(),
            links: Vec::new(),
        });
    };
    if !ctx.since(47) {
        let link = own_link(
            "bookmark",
            format!("{}/flavors/{}", ctx.request.base, flavor.id),
        );
        return Some(FlavorRef::Reference {
            id: flavor.id,
            links: vec![link],
        });
    }
    let spec = flavor.spec;
    Some(FlavorRef::Shown(ServerFlavor {
        original_name: spec.name,
        vcpus: spec.vcpus,
        ram: spec.memory_mb,
        disk: spec.root_disk_mb.div_ceil(1024),
        ephemeral: spec.ephemeral_disk_mb.div_ceil(1024),
        swap: spec.swap_disk_mb,
        extra_specs: Some(super::flavor::specs(world, &flavor.id)),
    }))
}

/// Addresses by network name.
pub fn addresses(world: &World, vm: &VmView) -> std::collections::BTreeMap<String, Vec<Address>> {
    let networks = world.cloud.networks();
    let mut all: std::collections::BTreeMap<String, Vec<Address>> = Default::default();
    for nic in &vm.interfaces {
        if nic.ip_address.is_empty() {
            continue;
        }
        let known = networks.iter().find(|network| network.id == nic.network);
        let name = known.map_or(&nic.network, |network| &network.name);
        all.entry(name.clone()).or_default().push(Address {
            addr: nic.ip_address.clone(),
            version: if nic.ip_address.contains(':') { 6 } else { 4 },
            kind: Some("fixed".to_owned()),
            mac_addr: Some(nic.mac_address.clone()),
        });
    }
    all
}

/// A server's status in small letters, as its usage tells it.
pub fn words_of_status(world: &World, vm: &VmView) -> String {
    states(world, vm).vm.to_owned()
}

/// The driver's words as Nova shows them.
pub fn words_of(line: &str) -> &str {
    line.strip_prefix("VIM Driver: ").unwrap_or(line)
}

fn fault(world: &World, ctx: &Ctx<'_>, vm: &VmView) -> Option<ServerFault> {
    let line = vm.messages.first()?;
    Some(ServerFault {
        code: 500,
        created: format!("{}Z", world.text(vm.updated)),
        message: words_of(line).to_owned(),
        details: ctx.who.admin.then(|| traceback(&vm.messages)),
    })
}

/// What only administrators see of a failure.
pub fn traceback(lines: &[String]) -> String {
    let head = "Traceback (most recent call last):\n  File \"nova/compute/manager.py\", in wrapped";
    let lines = lines.iter().map(|line| words_of(line));
    std::iter::once(head)
        .chain(lines)
        .collect::<Vec<_>>()
        .join("\n")
}

fn progress(states: &States) -> Option<i64> {
    use crate::proto::nova::ServerStatus as S;
    match states.status {
        S::Active
        | S::VerifyResize
        | S::Build
        | S::Rebuild
        | S::Resize
        | S::Reboot
        | S::HardReboot => Some(0),
        _ => None,
    }
}

fn host_status(world: &World, vm: &VmView) -> HostStatus {
    match vm.host_name.as_str() {
        "" => HostStatus::None,
        host if world.nova.forced_down.contains(host) => HostStatus::Unknown,
        _ if !vm.reachable => HostStatus::Down,
        host if world.nova.disabled.contains_key(host) => HostStatus::Maintenance,
        _ => HostStatus::Up,
    }
}
