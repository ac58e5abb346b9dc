//! Sections of a vApp and its VM: name, hardware, interfaces, customisation, metadata.

use super::super::http::{Reply, Request};
use super::super::world::World;
use super::org::{no_access, usable};
use super::task::{self, Follow, Words};
use super::{Ctx, Done, Refusal, act, no, vapp};
use crate::cloudsim::{NewInterface, VmView};
use crate::proto::vcloud::{ApiVersion, Document, NetworkConnection, ProductSections, media_type};
use crate::xml::{self, Element, escape_attr, escape_text};

const RASD: &str =
    "http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_ResourceAllocationSettingData";
const OVF: &str = "http://schemas.dmtf.org/ovf/envelope/1";

const UPDATE: Words = Words {
    verb: "Updating",
    name: "vappUpdateVm",
};

/// Answers what is below a vApp or VM beside actions.
pub fn answer(world: &mut World, request: &Request, ctx: &Ctx, vm: &VmView, path: &[&str]) -> Done {
    match (request.method.as_str(), path) {
        ("PUT", []) => rename(world, request, ctx, vm),
        ("GET", ["networkConnectionSection"]) => {
            let own = vapp::vm_href(ctx, &vm.id);
            let section =
                NetworkConnection::section(&vapp::connections(world, vm), &own, ctx.version);
            Ok(shown("networkConnectionSection", &section.to_xml()))
        }
        ("PUT", ["networkConnectionSection"]) => {
            let root = parse(request)?;
            rewire(world, ctx, vm, &NetworkConnection::all_of(&root))
        }
        ("GET", ["virtualHardwareSection", part @ ("cpu" | "memory")]) => {
            let part = *part;
            Ok(hardware(world, ctx, vm, part))
        }
        ("PUT", ["virtualHardwareSection", part @ ("cpu" | "memory")]) => {
            let part = *part;
            resize(world, request, ctx, vm, part)
        }
        ("GET", ["guestCustomizationSection"]) => Ok(customization(ctx, vm)),
        ("GET", ["productSections"]) => {
            let all = vm.extra.metadata.iter();
            let sections = ProductSections {
                properties: all
                    .map(|(key, value)| (key.clone(), value.clone()))
                    .collect(),
            };
            Ok(super::document(
                200,
                "productSections",
                ctx.version,
                &sections,
            ))
        }
        ("PUT", ["productSections"]) => {
            act::busy(vm)?;
            let wanted = ProductSections::decode(&request.body);
            let wanted = wanted.map_err(|error| no(400, "BAD_REQUEST", error.to_string()))?;
            world.cloud.edit_vm(&vm.id, None, |extra| {
                extra.metadata.extend(wanted.properties)
            });
            updated(world, ctx, vm)
        }
        ("PUT", ["guestCustomizationSection"]) => {
            act::busy(vm)?;
            let root = parse(request)?;
            let text = |name: &str| child(&root, name).map(|child| child.text());
            let (computer, script) = (text("ComputerName"), text("CustomizationScript"));
            world.cloud.edit_vm(&vm.id, None, |extra| {
                for (key, value) in [("computer-name", computer), ("script", script)] {
                    if let Some(value) = value {
                        extra.notes.insert(key.to_owned(), value);
                    }
                }
            });
            updated(world, ctx, vm)
        }
        ("GET", ["metadata"]) => Ok(metadata(ctx, vm)),
        ("POST", ["metadata"]) => add_metadata(world, request, ctx, vm),
        (method, ["metadata", key]) if ctx.version > ApiVersion::V1_0 => {
            one_metadata(world, request, ctx, vm, (method, key))
        }
        ("GET", ["leaseSettingsSection"]) => Ok(lease(ctx, vm)),
        ("GET", ["controlAccess"]) => {
            let words = "<IsSharedToEveryone>false</IsSharedToEveryone>";
            Ok(plain(ctx, "controlAccess", "ControlAccessParams", words))
        }
        ("GET", ["owner"]) => {
            let words = format!(
                "<User type=\"{}\" name=\"{}\" href=\"{}/admin/user/{}\"/>",
                media_type("admin.user"),
                escape_attr(&ctx.user),
                escape_attr(&ctx.root),
                escape_attr(&ctx.user),
            );
            Ok(plain(ctx, "owner", "Owner", &words))
        }
        _ => Err(no_access(path)),
    }
}

/// Gives a VM the interfaces that are wanted: those that are as they were stay, the others are pulled and plugged.
fn rewire(world: &mut World, ctx: &Ctx, vm: &VmView, wanted: &[NetworkConnection]) -> Done {
    act::busy(vm)?;
    let now = vapp::connections(world, vm);
    let given = |one: &Option<String>, has: &Option<String>| one.is_none() || one == has;
    let stays = |one: &NetworkConnection| {
        now.iter().any(|has| {
            has.index == one.index
                && has.network == one.network
                && (one.mode != "MANUAL" || given(&one.ip_address, &has.ip_address))
                && given(&one.mac_address, &has.mac_address)
        })
    };
    let networks = usable(world, ctx);
    let mut plugs = Vec::new();
    for one in wanted.iter().filter(|one| !stays(one)) {
        let network = networks.iter().find(|network| network.name == one.network);
        let network = network.ok_or_else(|| {
            let words = format!("The network {} is not one of the vApp.", one.network);
            no(400, "BAD_REQUEST", words)
        })?;
        plugs.push(NewInterface {
            nicid: one.index,
            network: network.id.clone(),
            kind: "virtual".to_owned(),
            ip_address: one.ip_address.clone().filter(|_| one.mode == "MANUAL"),
            mac_address: one.mac_address.clone(),
            port_id: None,
        });
    }
    for nic in &vm.interfaces {
        if !wanted
            .iter()
            .any(|one| one.index == nic.nicid && stays(one))
        {
            world.cloud.unplug(&vm.id, &nic.port_id);
        }
    }
    for plug in plugs {
        let plugged = world.cloud.plug(&vm.id, &plug);
        plugged.map_err(|why| no(400, "BAD_REQUEST", why))?;
    }
    updated(world, ctx, vm)
}

fn parse(request: &Request) -> Result<Element, Refusal> {
    let limits = xml::Limits {
        depth: 64,
        ..xml::Limits::default()
    };
    xml::parse(&request.body, &limits).map_err(|error| no(400, "BAD_REQUEST", error.to_string()))
}

fn child<'a>(element: &'a Element, local: &str) -> Option<&'a Element> {
    element.elements().find(|child| &*child.local == local)
}

fn shown(kind: &str, xml: &str) -> Reply {
    let text = format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{xml}");
    Reply::text(200, &media_type(kind), text)
}

fn updated(world: &mut World, ctx: &Ctx, vm: &VmView) -> Done {
    let id = task::begin(world, ctx, vm, UPDATE, Follow::Nothing, None)?;
    task::reply(world, ctx, &id)
}

fn rename(world: &mut World, request: &Request, ctx: &Ctx, vm: &VmView) -> Done {
    let root = parse(request)?;
    let name = root.attr("", "name").filter(|name| !name.is_empty());
    let words = child(&root, "Description").map(|child| child.text());
    world.cloud.edit_vm(&vm.id, name, |extra| {
        if let Some(words) = words {
            extra.notes.insert("description".to_owned(), words);
        }
    });
    updated(world, ctx, vm)
}

/// An item of the hardware: processors or memory.
fn hardware(world: &World, ctx: &Ctx, vm: &VmView, part: &str) -> Reply {
    let flavor = world.cloud.flavor(&vm.flavor);
    let spec = flavor.map(|flavor| flavor.spec).unwrap_or_default();
    let (kind, id, name, unit, amount) = match part {
        "cpu" => (
            "3",
            "4",
            "virtual CPU(s)",
            "hertz * 10^6",
            u64::from(spec.vcpus),
        ),
        _ => ("4", "5", "memory", "byte * 2^20", spec.memory_mb),
    };
    let href = format!(
        "{}/virtualHardwareSection/{part}",
        vapp::vm_href(ctx, &vm.id)
    );
    let item = format!(
        "<Item xmlns=\"{}\" xmlns:rasd=\"{RASD}\" type=\"{}\" href=\"{}\">\
         <rasd:AllocationUnits>{unit}</rasd:AllocationUnits><rasd:Description>{name}</rasd:Description>\
         <rasd:ElementName>{amount} {name}</rasd:ElementName><rasd:InstanceID>{id}</rasd:InstanceID>\
         <rasd:Reservation>0</rasd:Reservation><rasd:ResourceType>{kind}</rasd:ResourceType>\
         <rasd:VirtualQuantity>{amount}</rasd:VirtualQuantity><rasd:Weight>0</rasd:Weight></Item>",
        ctx.version.namespace(),
        media_type("rasdItem"),
        escape_attr(&href),
    );
    shown("rasdItem", &item)
}

fn resize(world: &mut World, request: &Request, ctx: &Ctx, vm: &VmView, part: &str) -> Done {
    act::busy(vm)?;
    let root = parse(request)?;
    let amount =
        child(&root, "VirtualQuantity").and_then(|child| child.text().trim().parse::<u64>().ok());
    let amount = amount.filter(|amount| *amount > 0);
    let amount = amount.ok_or_else(|| no(400, "BAD_REQUEST", "Item without VirtualQuantity"))?;
    let flavor = world.cloud.flavor(&vm.flavor);
    let spec = flavor.map(|flavor| flavor.spec).unwrap_or_default();
    let (cpus, memory) = match part {
        "cpu" => (u32::try_from(amount).unwrap_or(u32::MAX), spec.memory_mb),
        _ => (spec.vcpus, amount),
    };
    let flavor = act::flavor_for(world, cpus, memory)?;
    match world.cloud.set_flavor(&vm.id, &flavor) {
        true => updated(world, ctx, vm),
        false => Err(no(
            400,
            "BAD_REQUEST",
            format!("VM {} must be powered off for that.", vm.name),
        )),
    }
}

fn customization(ctx: &Ctx, vm: &VmView) -> Reply {
    let note = |key: &str| vm.extra.notes.get(key).map(String::as_str);
    let script = note("script").map_or_else(String::new, |script| {
        format!(
            "<CustomizationScript>{}</CustomizationScript>",
            escape_text(script)
        )
    });
    let href = format!("{}/guestCustomizationSection/", vapp::vm_href(ctx, &vm.id));
    let section = format!(
        "<GuestCustomizationSection xmlns=\"{}\" xmlns:ovf=\"{OVF}\" ovf:required=\"false\" type=\"{}\" href=\"{}\">\
         <ovf:Info>Specifies Guest OS Customization Settings</ovf:Info><Enabled>true</Enabled>\
         <VirtualMachineId>{}</VirtualMachineId><AdminPasswordEnabled>false</AdminPasswordEnabled>\
         <AdminPasswordAuto>true</AdminPasswordAuto><ResetPasswordRequired>false</ResetPasswordRequired>\
         {script}<ComputerName>{}</ComputerName></GuestCustomizationSection>",
        ctx.version.namespace(),
        media_type("guestCustomizationSection"),
        escape_attr(&href),
        escape_text(vm.id.as_str()),
        escape_text(note("computer-name").unwrap_or(vm.name.as_str())),
    );
    shown("guestCustomizationSection", &section)
}

fn metadata(ctx: &Ctx, vm: &VmView) -> Reply {
    let entries = vm.extra.metadata.iter().map(|(key, value)| {
        format!(
            "<MetadataEntry><Key>{}</Key><Value>{}</Value></MetadataEntry>",
            escape_text(key),
            escape_text(value)
        )
    });
    let document = format!(
        "<Metadata xmlns=\"{}\" type=\"{}\">{}</Metadata>",
        ctx.version.namespace(),
        media_type("metadata"),
        entries.collect::<String>(),
    );
    shown("metadata", &document)
}

fn plain(ctx: &Ctx, kind: &str, element: &str, words: &str) -> Reply {
    let document = format!(
        "<{element} xmlns=\"{}\" type=\"{}\">{words}</{element}>",
        ctx.version.namespace(),
        media_type(kind),
    );
    shown(kind, &document)
}

/// The lease that the vApp shows.
fn lease(ctx: &Ctx, vm: &VmView) -> Reply {
    let seconds = vm.extra.notes.get("lease").map_or("0", String::as_str);
    let document = format!(
        "<LeaseSettingsSection xmlns=\"{}\" xmlns:ovf=\"{OVF}\" ovf:required=\"false\" type=\"{}\" href=\"{}/leaseSettingsSection/\"><ovf:Info>Lease settings section</ovf:Info><DeploymentLeaseInSeconds>{}</DeploymentLeaseInSeconds><StorageLeaseInSeconds>0</StorageLeaseInSeconds></LeaseSettingsSection>",
        ctx.version.namespace(),
        media_type("leaseSettingsSection"),
        escape_attr(&vapp::href(ctx, &vm.id)),
        escape_text(seconds),
    );
    shown("leaseSettingsSection", &document)
}

/// One entry of the metadata: read, set, removed.
fn one_metadata(
    world: &mut World,
    request: &Request,
    ctx: &Ctx,
    vm: &VmView,
    (method, key): (&str, &str),
) -> Done {
    let known = vm.extra.metadata.get(key).cloned();
    match (method, known) {
        ("GET", Some(value)) => {
            let words = format!("<Value>{}</Value>", escape_text(&value));
            Ok(plain(ctx, "metadata.value", "MetadataValue", &words))
        }
        ("PUT", _) => {
            let root = parse(request)?;
            let typed = child(&root, "TypedValue").and_then(|typed| child(typed, "Value"));
            let value = typed.or_else(|| child(&root, "Value")).map(Element::text);
            let value =
                value.ok_or_else(|| no(400, "BAD_REQUEST", "MetadataValue without Value"))?;
            world.cloud.edit_vm(&vm.id, None, |extra| {
                extra.metadata.insert(key.to_owned(), value);
            });
            updated(world, ctx, vm)
        }
        ("DELETE", Some(_)) => {
            world.cloud.edit_vm(&vm.id, None, |extra| {
                extra.metadata.remove(key);
            });
            updated(world, ctx, vm)
        }
        _ => Err(no_access(&["metadata", key])),
    }
}

fn add_metadata(world: &mut World, request: &Request, ctx: &Ctx, vm: &VmView) -> Done {
    if ctx.version == ApiVersion::V1_0 {
        return Err(no_access(&["metadata"]));
    }
    let root = parse(request)?;
    let entries = root
        .elements()
        .filter(|child| &*child.local == "MetadataEntry");
    let pairs: Vec<(String, String)> = entries
        .filter_map(|entry| {
            let text = |name: &str| child(entry, name).map(|child| child.text());
            // 5.1 puts the value into a typed one
            let value = child(entry, "TypedValue").and_then(|typed| child(typed, "Value"));
            let value = value.map(Element::text).or_else(|| text("Value"))?;
            Some((text("Key")?, value))
        })
        .collect();
    world
        .cloud
        .edit_vm(&vm.id, None, |extra| extra.metadata.extend(pairs));
    updated(world, ctx, vm)
}
