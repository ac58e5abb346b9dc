//! Making vApps, what is done with them, and removing them.

use std::collections::BTreeMap;

use super::super::http::Request;
use super::super::world::World;
use super::org::{no_access, usable};
use super::task::{self, Follow, Words};
use super::{Ctx, Done, Refusal, no, refused, vapp};
use crate::cloudsim::{Aside, Call, Extra, NewInterface, NewVm, Power, VmView};
use crate::ids::{CreateToken, VmId, VmName};
use crate::model::deployment::DayZero;
use crate::model::resource::FlavorSpec;
use crate::proto::vcloud::{ApiVersion, Deploy, Document, Instantiate, Undeploy, UndeployAction};

const fn words(verb: &'static str, name: &'static str) -> Words {
    Words { verb, name }
}

fn bad(why: impl Into<String>) -> Refusal {
    no(400, "BAD_REQUEST", why)
}

/// Reads the body; an empty one is the default.
fn body<D: Document + Default>(request: &Request) -> Result<D, Refusal> {
    match request.body.iter().all(u8::is_ascii_whitespace) {
        true => Ok(D::default()),
        false => D::decode(&request.body).map_err(|error| bad(error.to_string())),
    }
}

/// The last segment of an address.
fn last(href: &str) -> &str {
    href.trim_end_matches('/')
        .rsplit('/')
        .next()
        .unwrap_or_default()
}

/// The flavor of a size: one there is, or one that is made.
pub fn flavor_for(world: &mut World, cpus: u32, memory_mb: u64) -> Result<String, Refusal> {
    let fits = |flavor: &crate::cloudsim::FlavorView| {
        flavor.spec.vcpus == cpus && flavor.spec.memory_mb == memory_mb
    };
    if let Some(flavor) = world.cloud.flavors().into_iter().find(fits) {
        return Ok(flavor.id);
    }
    let id = world.uuid();
    let spec = FlavorSpec {
        name: format!("vcloud-{cpus}x{memory_mb}"),
        vcpus: cpus,
        memory_mb,
        root_disk_mb: 10 * 1024,
        ..FlavorSpec::default()
    };
    match world.cloud.add_flavor(&id, spec) {
        Ok(()) => Ok(id),
        Err(what) => Err(bad(format!("the {what} of a size is taken"))),
    }
}

/// `POST .../vdc/{id}/action/instantiateVAppTemplate`.
pub fn instantiate(world: &mut World, request: &Request, ctx: &Ctx) -> Done {
    let wanted = Instantiate::decode(&request.body).map_err(|error| bad(error.to_string()))?;
    if wanted.name.is_empty() || wanted.name.chars().count() > 128 {
        return Err(bad("the name of a vApp has from 1 to 128 characters"));
    }
    let taken = world
        .cloud
        .all_vms()
        .any(|vm| vm.tenant.as_ref() == Some(&ctx.org) && vm.name.as_str() == wanted.name);
    if taken {
        let words = format!("The VCD entity {} already exists.", wanted.name);
        return Err(no(400, "DUPLICATE_NAME", words));
    }
    let template = last(&wanted.template);
    let image = template.strip_prefix("vappTemplate-").unwrap_or(template);
    let image = world.cloud.image(image).filter(|found| found.id == image);
    let image = image.ok_or_else(|| no_access(&["vAppTemplate", template]))?;
    let flavor = match (wanted.cpus, wanted.memory_mb) {
        (None, None) => world.settings.vcloud.default_flavor.clone(),
        (cpus, memory) => flavor_for(world, cpus.unwrap_or(1), memory.unwrap_or(1024))?,
    };
    let networks = usable(world, ctx);
    let mut interfaces = Vec::new();
    for (nicid, network) in wanted.networks.iter().enumerate() {
        let id = last(&network.href);
        let found = networks.iter().find(|network| network.id == id);
        let found = found.ok_or_else(|| no_access(&["network", id]))?;
        interfaces.push(NewInterface {
            nicid: u32::try_from(nicid).unwrap_or(u32::MAX),
            network: found.id.clone(),
            kind: "virtual".to_owned(),
            ip_address: None,
            mac_address: None,
            port_id: None,
        });
    }
    let metadata: BTreeMap<String, String> = wanted.properties.into_iter().collect();
    // the name that stays the same over redeploys: that of Lifeline's own token if the vApp carries one, else its own
    let description = wanted.description.as_deref().unwrap_or_default();
    let mut lines = description.lines().map(str::trim);
    let token = lines.find_map(|line| line.strip_prefix("lifeline.token="));
    let logical = match token.and_then(|token| token.rsplit_once('.')) {
        Some((logical, generation)) if generation.parse::<u32>().is_ok() => logical.to_owned(),
        _ => wanted.name.clone(),
    };
    let data = metadata.get("user-data").map(|data| DayZero {
        dst: "--user-data".to_owned(),
        file: None,
        data: Some(data.clone()),
        variables: Vec::new(),
    });
    let mut notes = BTreeMap::new();
    notes.insert(
        "description".to_owned(),
        wanted.description.unwrap_or_default(),
    );
    let starts = wanted.deploy == Some(true) && wanted.power_on != Some(false);
    if wanted.deploy == Some(true) {
        notes.insert("deployed".to_owned(), String::new());
    }
    let new = NewVm {
        name: VmName::new(&wanted.name),
        logical: VmName::new(logical),
        token: CreateToken::new(world.uuid()),
        tenant: Some(ctx.org.clone()),
        image: image.id,
        flavor,
        interfaces,
        volumes: Vec::new(),
        config_data: data.into_iter().collect(),
        extra: Extra { metadata, notes },
        stays_off: !starts,
        hosts: None,
    };
    let accepted = world.call(Call::CreateVm(Box::new(new))).map_err(refused)?;
    let id = VmId::new(accepted.id.unwrap_or_default());
    let vm = vapp::find(world, ctx, &format!("vapp-{id}"))?;
    let made = words("Creating", "vdcInstantiateVapp");
    task::begin(world, ctx, &vm, made, Follow::Record(accepted.op), None)?;
    let vm = vapp::find(world, ctx, &format!("vapp-{id}"))?;
    Ok(vapp::show(world, ctx, &vm, 201))
}

/// Refuses while something is under way.
pub fn busy(vm: &VmView) -> Result<(), Refusal> {
    match vm.op {
        None => Ok(()),
        Some(_) => {
            let why = format!(
                "The entity vApp {} is busy completing an operation.",
                vm.name
            );
            Err(no(400, "BUSY_ENTITY", why))
        }
    }
}

/// `POST .../action/{word}`.
pub fn act(world: &mut World, request: &Request, ctx: &Ctx, vm: &VmView, word: &str) -> Done {
    match word {
        "deploy" => {
            let wanted: Deploy = body(request)?;
            deploy(world, ctx, vm, wanted)
        }
        "undeploy" => {
            let wanted: Undeploy = body(request)?;
            undeploy(world, ctx, vm, wanted.action)
        }
        _ => Err(no(
            501,
            "NOT_IMPLEMENTED",
            format!("The action {word} is not simulated."),
        )),
    }
}

fn begin(
    world: &mut World,
    ctx: &Ctx,
    vm: &VmView,
    what: Words,
    follow: Follow,
    deploys: Option<bool>,
) -> Done {
    let id = task::begin(world, ctx, vm, what, follow, deploys)?;
    task::reply(world, ctx, &id)
}

fn deploy(world: &mut World, ctx: &Ctx, vm: &VmView, wanted: Deploy) -> Done {
    const WORDS: Words = words("Starting", "vappDeploy");
    if let Some(seconds) = wanted.lease_seconds {
        world.cloud.edit_vm(&vm.id, None, |extra| {
            extra.notes.insert("lease".to_owned(), seconds.to_string());
        });
    }
    let power_on = wanted.power_on != Some(false);
    // clients of 0.8 do not wait for the making: it then ends with the start
    if vapp::power(vm) == Power::Building && ctx.version == ApiVersion::V1_0 {
        let record = match power_on {
            true => world.cloud.start_when_made(&vm.id),
            false => vm.op.clone(),
        };
        let record = record.ok_or_else(|| bad("the vApp is not being made"))?;
        return begin(world, ctx, vm, WORDS, Follow::Record(record), Some(true));
    }
    busy(vm)?;
    match vapp::power(vm) {
        Power::Running => Err(bad(format!("The vApp {} is already deployed.", vm.name))),
        _ if power_on => {
            let call = start_of(vm);
            begin(world, ctx, vm, WORDS, Follow::Call(call), Some(true))
        }
        _ => begin(world, ctx, vm, WORDS, Follow::Nothing, Some(true)),
    }
}

fn start_of(vm: &VmView) -> Call {
    match vm.aside {
        Some(Aside::Suspended) => Call::ResumeVm(vm.id.clone()),
        Some(Aside::Paused) => Call::UnpauseVm(vm.id.clone()),
        Some(Aside::Shelved | Aside::Offloaded) => Call::UnshelveVm(vm.id.clone()),
        None => Call::StartVm(vm.id.clone()),
    }
}

fn undeploy(world: &mut World, ctx: &Ctx, vm: &VmView, action: UndeployAction) -> Done {
    const WORDS: Words = words("Stopping", "vappUndeployPowerOff");
    busy(vm)?;
    if !vapp::is_deployed(vm) {
        return Err(bad(format!("The vApp {} is not deployed.", vm.name)));
    }
    let id = vm.id.clone();
    let follow = match (vapp::power(vm), vm.aside, action) {
        (Power::Running, _, UndeployAction::Suspend) => Follow::Call(Call::SuspendVm(id)),
        (Power::Running, ..) => Follow::Call(Call::StopVm(id)),
        // what sleeps loses its memory
        (_, Some(Aside::Suspended | Aside::Paused), action)
            if action != UndeployAction::Suspend =>
        {
            Follow::Call(Call::StopVm(id))
        }
        _ => Follow::Nothing,
    };
    begin(world, ctx, vm, WORDS, follow, Some(false))
}

/// `POST .../power/action/{word}`.
pub fn power(world: &mut World, ctx: &Ctx, vm: &VmView, word: &str) -> Done {
    let id = vm.id.clone();
    let word = word.to_lowercase();
    if word == "poweron" {
        return power_on(world, ctx, vm);
    }
    busy(vm)?;
    let (call, what) = match word.as_str() {
        "poweroff" => (Call::StopVm(id), words("Powering off", "vappPowerOff")),
        "shutdown" => (
            Call::StopVm(id),
            words("Shutting down", "vappShutdownGuest"),
        ),
        "suspend" => (Call::SuspendVm(id), words("Suspending", "vappSuspend")),
        "reset" => (
            Call::RebootVm { vm: id, hard: true },
            words("Resetting", "vappReset"),
        ),
        "reboot" => (
            Call::RebootVm {
                vm: id,
                hard: false,
            },
            words("Rebooting", "vappRebootGuest"),
        ),
        other => {
            let why = format!("The power action {other} does not exist.");
            return Err(no(404, "NOT_FOUND", why));
        }
    };
    if vapp::power(vm) != Power::Running {
        let why = format!(
            "The requested operation could not be executed since vApp {} is not running.",
            vm.name
        );
        return Err(bad(why));
    }
    begin(world, ctx, vm, what, Follow::Call(call), None)
}

/// Powering on also deploys.
fn power_on(world: &mut World, ctx: &Ctx, vm: &VmView) -> Done {
    const WORDS: Words = words("Powering on", "vappPowerOn");
    let lenient = ctx.version == ApiVersion::V1_0;
    let starting = world.cloud.start_when_made(&vm.id);
    let follow = match (starting, vapp::power(vm)) {
        (Some(record), _) if lenient => Follow::Record(record),
        // clients of 0.8 power on what a deploy has powered on
        (None, Power::Running) if lenient => match &vm.op {
            Some(record) => Follow::Record(record.clone()),
            None => Follow::Nothing,
        },
        (None, Power::Running) => {
            return Err(bad(format!("The vApp {} is already powered on.", vm.name)));
        }
        _ => {
            busy(vm)?;
            Follow::Call(start_of(vm))
        }
    };
    begin(world, ctx, vm, WORDS, follow, Some(true))
}

/// `DELETE` of a vApp.
pub fn remove(world: &mut World, ctx: &Ctx, vm: &VmView) -> Done {
    busy(vm)?;
    if vapp::is_deployed(vm) {
        let why = format!(
            "The vApp {} is deployed: it must be undeployed before it is removed.",
            vm.name
        );
        return Err(bad(why));
    }
    let call = Call::DeleteVm(vm.id.clone());
    let what = words("Deleting", "vdcDeleteVapp");
    begin(world, ctx, vm, what, Follow::Call(call), None)
}
