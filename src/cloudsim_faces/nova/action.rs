//! `POST /servers/{id}/action` and `DELETE /servers/{id}`: what Nova allows in which state, and takes.

use serde_json::{Value, json};

use super::super::http::Reply;
use super::super::world::World;
use super::access::{nova, refused};
use super::compute::{Ctx, body, with_request_id};
use super::server::note;
use super::status::{States, states};
use super::{create, flavor, image};
use crate::cloudsim::{Call, GuestAnswer, VmView};
use crate::proto::nova::{RebootType, Rebuild, ServerAction};

/// States from which a power cycle may be asked for, as far as tasks are concerned.
const HARD_TASKS: [&str; 10] = [
    "rebooting",
    "reboot_pending",
    "reboot_started",
    "rebooting_hard",
    "reboot_pending_hard",
    "reboot_started_hard",
    "resuming",
    "unpausing",
    "pausing",
    "suspending",
];

/// `DELETE /servers/{id}`.
pub fn delete(world: &mut World, ctx: &Ctx<'_>, vm: &VmView) -> Reply {
    if let Err(reply) = unlocked(ctx, vm) {
        return reply;
    }
    take(world, ctx, Call::DeleteVm(vm.id.clone()), 204)
}

/// A change that Nova accepts: its record's id is the request's.
fn take(world: &mut World, ctx: &Ctx<'_>, call: Call, status: u16) -> Reply {
    match world.call(call) {
        Err(error) => refused(error),
        Ok(accepted) => {
            let note = format!("{} {}", ctx.who.user, ctx.who.project);
            world.cloud.annotate(&accepted.op, note);
            with_request_id(Reply::empty(status), &accepted.op)
        }
    }
}

fn unlocked(ctx: &Ctx<'_>, vm: &VmView) -> Result<(), Reply> {
    match note(vm, "locked") {
        Some(_) if !ctx.who.admin => Err(nova(409, format!("Instance {} is locked", vm.id))),
        _ => Ok(()),
    }
}

/// Refuses what the server's state does not allow.
fn allowed(
    vm: &VmView,
    states: &States,
    action: &str,
    from: &[&str],
    tasks: &[&str],
) -> Result<(), Reply> {
    let busy = states.task.filter(|task| !tasks.contains(task));
    let (kind, word) = match (from.contains(&states.vm), busy) {
        (false, _) => ("vm_state", states.vm),
        (true, Some(task)) => ("task_state", task),
        (true, None) => return Ok(()),
    };
    Err(nova(
        409,
        format!(
            "Cannot '{action}' instance {} while it is in {kind} {word}",
            vm.id
        ),
    ))
}

/// Does what the body asks for.
pub fn act(world: &mut World, ctx: &Ctx<'_>, vm: &VmView) -> Reply {
    match body::<ServerAction>(ctx).and_then(|action| carry_out(world, ctx, vm, action)) {
        Ok(reply) | Err(reply) => reply,
    }
}

fn carry_out(
    world: &mut World,
    ctx: &Ctx<'_>,
    vm: &VmView,
    action: ServerAction,
) -> Result<Reply, Reply> {
    use ServerAction as A;
    let states = states(world, vm);
    let id = vm.id.clone();
    // reading, and the lock itself, are not what a lock forbids
    let free = matches!(&action, A::Other(key, _) if matches!(key.as_str(), "lock" | "unlock" | "os-getConsoleOutput"));
    if !free {
        unlocked(ctx, vm)?;
    }
    let check = |name: &str, from: &[&str]| allowed(vm, &states, name, from, &[]);
    let call = match action {
        A::Reboot(RebootType::Soft) => {
            check("reboot", &["active"])?;
            Call::RebootVm {
                vm: id,
                hard: false,
            }
        }
        A::Reboot(RebootType::Hard) => {
            let from = ["active", "stopped", "paused", "suspended", "error"];
            allowed(vm, &states, "reboot", &from, &HARD_TASKS)?;
            match vm.op {
                Some(_) => Call::RebootAgain { vm: id, hard: true },
                None => Call::RebootVm { vm: id, hard: true },
            }
        }
        A::Start => {
            check("start", &["stopped"])?;
            Call::StartVm(id)
        }
        A::Stop => {
            check("stop", &["active", "error"])?;
            Call::StopVm(id)
        }
        A::Rebuild(wanted) => {
            check("rebuild", &["active", "stopped", "error"])?;
            return rebuild(world, ctx, vm, wanted);
        }
        A::Resize { flavor } => {
            check("resize", &["active", "stopped"])?;
            let Some(found) = flavor::find(world, &ctx.who, &flavor) else {
                return Err(nova(400, format!("Flavor {flavor} could not be found.")));
            };
            let now = world.cloud.flavor(&vm.flavor);
            if now.is_some_and(|now| now.id == found.id) {
                return Err(nova(400, "When resizing, instances must change flavor!"));
            }
            Call::MigrateVm {
                vm: id,
                flavor: found.id,
            }
        }
        A::ConfirmResize | A::RevertResize if vm.resizing.is_some() && vm.op.is_some() => {
            return Err(nova(400, "Instance has not been resized."));
        }
        A::ConfirmResize => {
            check("confirmResize", &["resized"])?;
            return Ok(take(world, ctx, Call::ConfirmResize(id), 204));
        }
        A::RevertResize => {
            check("revertResize", &["resized"])?;
            Call::RevertResize(id)
        }
        A::Shelve => {
            check("shelve", &["active", "stopped", "paused", "suspended"])?;
            let offload = world.settings.nova.shelve_offloads;
            Call::ShelveVm { vm: id, offload }
        }
        A::ShelveOffload => {
            check("shelveOffload", &["shelved"])?;
            Call::OffloadVm(id)
        }
        A::Unshelve => {
            check("unshelve", &["shelved", "shelved_offloaded"])?;
            Call::UnshelveVm(id)
        }
        A::Pause => {
            check("pause", &["active"])?;
            Call::PauseVm(id)
        }
        A::Unpause => {
            check("unpause", &["paused"])?;
            Call::UnpauseVm(id)
        }
        A::Suspend => {
            check("suspend", &["active"])?;
            Call::SuspendVm(id)
        }
        A::Resume => {
            check("resume", &["suspended"])?;
            Call::ResumeVm(id)
        }
        A::ResetState { state } => {
            if !ctx.who.admin {
                let why = "Policy doesn't allow os_compute_api:os-admin-actions:reset_state to be performed.";
                return Err(nova(403, why));
            }
            let error = match state.as_str() {
                "active" => false,
                "error" => true,
                _ => {
                    return Err(nova(
                        400,
                        format!("Invalid input for field/attribute state. Value: {state}."),
                    ));
                }
            };
            Call::ResetVm { vm: id, error }
        }
        A::ForceDelete => Call::DeleteVm(id),
        A::Other(key, parameters) => return other(world, vm, &key, &parameters),
    };
    Ok(take(world, ctx, call, 202))
}

fn rebuild(world: &mut World, ctx: &Ctx<'_>, vm: &VmView, wanted: Rebuild) -> Result<Reply, Reply> {
    let Some(found) = image::find(world, &ctx.who, &wanted.image_ref) else {
        return Err(nova(400, "Cannot find image for rebuild"));
    };
    let call = Call::RebuildVm {
        vm: vm.id.clone(),
        image: found.id,
    };
    let reply = take(world, ctx, call, 202);
    if reply.status != 202 {
        return Err(reply);
    }
    world
        .cloud
        .edit_vm(&vm.id, wanted.name.as_deref(), |extra| {
            if let Some(metadata) = wanted.metadata {
                extra.metadata = metadata;
            }
        });
    let id = reply
        .header("x-openstack-request-id")
        .unwrap_or_default()
        .to_owned();
    let shown = create::shown_again(world, ctx, vm.id.as_str(), 202);
    Ok(with_request_id(shown, &id))
}

/// Actions that are no operation of the cloud's.
fn other(world: &mut World, vm: &VmView, key: &str, parameters: &Value) -> Result<Reply, Reply> {
    match key {
        "lock" => {
            let reason = parameters.get("locked_reason").and_then(Value::as_str);
            let reason = reason.unwrap_or_default().to_owned();
            world.cloud.edit_vm(&vm.id, None, |extra| {
                extra.notes.insert("locked".to_owned(), reason);
            });
            Ok(Reply::empty(202))
        }
        "unlock" => {
            world.cloud.edit_vm(&vm.id, None, |extra| {
                extra.notes.remove("locked");
            });
            Ok(Reply::empty(202))
        }
        "os-getConsoleOutput" => {
            let answers = world.cloud.probe(&vm.id) != GuestAnswer::Silence;
            let output = match answers {
                true => format!("Booting {}\n{} login: ", vm.image, vm.name),
                false => String::new(),
            };
            Ok(Reply::json(200, &json!({ "output": output })))
        }
        "createImage"
        | "createBackup"
        | "changePassword"
        | "rescue"
        | "unrescue"
        | "restore"
        | "migrate"
        | "os-migrateLive"
        | "evacuate"
        | "addFixedIp"
        | "removeFixedIp"
        | "addFloatingIp"
        | "removeFloatingIp"
        | "addSecurityGroup"
        | "removeSecurityGroup"
        | "resetNetwork"
        | "injectNetworkInfo"
        | "trigger_crash_dump"
        | "os-getVNCConsole"
        | "os-getSPICEConsole"
        | "os-getSerialConsole" => Err(nova(501, format!("The action {key} is not simulated."))),
        _ => Err(nova(400, format!("There is no such action: {key}"))),
    }
}
