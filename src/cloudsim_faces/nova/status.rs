//! What Nova calls the state of a VM: status, vm_state, task_state, power_state.

use std::time::Duration;

use super::super::world::World;
use crate::clock::Mono;
use crate::cloudsim::{Aside, OpView, OpWork, Power, Twist, VmView};
use crate::model::vim::VimOpStatus;
use crate::proto::nova::{PowerState, ServerStatus};

/// The four of them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct States {
    /// `active` and others.
    pub vm: &'static str,
    /// What is being done.
    pub task: Option<&'static str>,
    /// What the hypervisor said last.
    pub power: PowerState,
    /// What is shown.
    pub status: ServerStatus,
}

/// The states of a VM.
pub fn states(world: &World, vm: &VmView) -> States {
    let op = vm.op.as_deref().and_then(|op| world.cloud.op(op));
    let task = op.as_ref().and_then(|op| task(op, world.cloud.now()));
    let state = vm_state(vm);
    States {
        vm: state,
        task,
        power: power(vm),
        status: status(state, task),
    }
}

fn vm_state(vm: &VmView) -> &'static str {
    if let Some(aside) = vm.aside {
        return match aside {
            Aside::Paused => "paused",
            Aside::Suspended => "suspended",
            Aside::Shelved => "shelved",
            Aside::Offloaded => "shelved_offloaded",
        };
    }
    match vm.believed {
        Power::Building => "building",
        Power::Error => "error",
        _ if vm.resizing.is_some() => "resized",
        Power::Stopped => "stopped",
        _ => "active",
    }
}

/// The hypervisor's word, as old as the last time its host was heard.
fn power(vm: &VmView) -> PowerState {
    let seen = match vm.reachable {
        true => vm.actual,
        false => vm.believed,
    };
    match (vm.aside, seen) {
        (Some(Aside::Paused), _) => PowerState::Paused,
        (_, Power::Running) => PowerState::Running,
        (_, Power::Building) => PowerState::NoState,
        // what never ran has no state
        (_, Power::Error) if vm.launched.is_none() => PowerState::NoState,
        _ => PowerState::Shutdown,
    }
}

/// Nova's word for what is being done; `None` when an operation shows in no task.
fn task(op: &OpView, now: Mono) -> Option<&'static str> {
    let begun = op.status == VimOpStatus::Running && op.reached.is_some();
    // how far it is, in tenths
    let since = op
        .reached
        .map_or(Duration::ZERO, |at| now.saturating_sub(at));
    let tenth = if begun {
        10 * since.as_micros() / op.latency.as_micros().max(1)
    } else {
        0
    };
    let by = |before: &'static str, after: [&'static str; 3]| -> &'static str {
        let [first, second, third] = after;
        match tenth {
            _ if !begun => before,
            0..2 => first,
            2..5 => second,
            _ => third,
        }
    };
    Some(match op.work {
        OpWork::Create => by(
            "scheduling",
            ["networking", "block_device_mapping", "spawning"],
        ),
        OpWork::Delete => "deleting",
        OpWork::Start => "powering-on",
        OpWork::Stop => "powering-off",
        OpWork::Reboot { hard: false } => by(
            "rebooting",
            ["reboot_pending", "reboot_started", "reboot_started"],
        ),
        OpWork::Reboot { hard: true } => by(
            "rebooting_hard",
            [
                "reboot_pending_hard",
                "reboot_started_hard",
                "reboot_started_hard",
            ],
        ),
        // one that never ends is seen where a real one hung
        OpWork::Rebuild if op.twist == Some(Twist::Stuck) => "rebuilding",
        OpWork::Rebuild => by(
            "rebuilding",
            [
                "rebuilding",
                "rebuild_block_device_mapping",
                "rebuild_spawning",
            ],
        ),
        OpWork::Migrate => by(
            "resize_prep",
            ["resize_migrating", "resize_migrated", "resize_finish"],
        ),
        OpWork::Revert => "resize_reverting",
        OpWork::Shelve { offload } => by(
            "shelving",
            [
                "shelving_image_pending_upload",
                "shelving_image_uploading",
                if offload {
                    "shelving_offloading"
                } else {
                    "shelving_image_uploading"
                },
            ],
        ),
        OpWork::Offload => "shelving_offloading",
        OpWork::Unshelve => by("unshelving", ["unshelving", "spawning", "spawning"]),
        OpWork::Pause => "pausing",
        OpWork::Unpause => "unpausing",
        OpWork::Suspend => "suspending",
        OpWork::Resume => "resuming",
        OpWork::Confirm | OpWork::Resize | OpWork::Reset { .. } | OpWork::Resource => return None,
    })
}

fn status(vm: &str, task: Option<&str>) -> ServerStatus {
    use ServerStatus as S;
    let task = task.unwrap_or_default();
    let rebuilds = task.starts_with("rebuild");
    let resizes = task.starts_with("resize_") && task != "resize_reverting";
    match vm {
        "active" if matches!(task, "rebooting" | "reboot_pending" | "reboot_started") => S::Reboot,
        "active" if task.starts_with("reboot") && task.ends_with("_hard") => S::HardReboot,
        "active" | "stopped" | "error" if rebuilds => S::Rebuild,
        "active" | "stopped" if resizes => S::Resize,
        "active" => S::Active,
        "building" => S::Build,
        "stopped" => S::Shutoff,
        "resized" if task == "resize_reverting" => S::RevertResize,
        "resized" => S::VerifyResize,
        "paused" => S::Paused,
        "suspended" => S::Suspended,
        "shelved" => S::Shelved,
        "shelved_offloaded" => S::ShelvedOffloaded,
        _ => S::Error,
    }
}
