//! `os-instance-actions`: Nova's own records, and what they say when things go wrong.
//!
//! | what happened | action | events |
//! | --- | --- | --- |
//! | the driver raised, the VM runs | message null | Success |
//! | the driver raised, the VM is off | message `Error` | Error, with its words |
//! | the driver returned, the VM is off | message null | Success |
//! | the agent is down | message null | none |
//! | a create fails | message null | Success |
//! | a create came to a second host | message null | two of one name: the older ends with Success, the newer never |
//! | a rebuild fails | message `Error` | `rebuild_server` Success, `compute_rebuild_instance` Error |
//! | a rebuild never ends | message null | both Success |
//! | a state is reset | message null | none |

use serde_json::json;

use super::super::http::Reply;
use super::super::world::World;
use super::access::nova;
use super::compute::{Ctx, add};
use super::part::{next_link, page};
use super::search::{moment, to_second};
use super::server::{host_id, note, traceback, words_of};
use crate::clock::Mono;
use crate::cloudsim::{OpView, OpWork, Twist};
use crate::ids::VmId;
use crate::model::vim::VimOpStatus;
use crate::proto::nova::{ActionEvent, InstanceAction, InstanceActionDocument};

/// Answers `GET /servers/{id}/os-instance-actions[/{request id}]`.
pub fn answer(world: &World, ctx: &Ctx<'_>, server: &str, path: &[&str]) -> Reply {
    let missing = || nova(404, format!("Instance {server} could not be found."));
    let id = VmId::new(server);
    let living = match world.cloud.vm(&id) {
        Err(_) => return Reply::lost(),
        Ok(living) => living,
    };
    let tenant = match (&living, ctx.since(21)) {
        (Some(vm), _) => vm.tenant.clone(),
        (None, true) => match world.cloud.gone(&id) {
            Some((tenant, _)) => tenant,
            None => return missing(),
        },
        (None, false) => return missing(),
    };
    if !ctx.who.sees(tenant.as_ref()) {
        return missing();
    }
    let Some(ops) = world.cloud.ops_of(&id, true) else {
        return missing();
    };
    let user = living
        .as_ref()
        .and_then(|vm| note(vm, "user"))
        .unwrap_or_default();
    match path {
        [] => list(world, ctx, server, user, ops),
        [request] => match ops.iter().find(|op| op.id == *request) {
            Some(op) => {
                let mut shown = action(world, ctx, server, user, op);
                // before 2.51 only administrators see them
                if ctx.who.admin || ctx.since(51) {
                    shown.events = Some(events(world, ctx, op));
                }
                let document = InstanceActionDocument {
                    instance_action: shown,
                };
                Reply::json(200, &document)
            }
            None => nova(404, format!("Action {request} not found")),
        },
        _ => nova(404, "The resource could not be found."),
    }
}

fn list(world: &World, ctx: &Ctx<'_>, server: &str, user: &str, mut ops: Vec<OpView>) -> Reply {
    let path = format!("{}/servers/{server}/os-instance-actions", ctx.path);
    let mut next = None;
    if ctx.since(58) {
        let bounds = [("changes-since", false, 58), ("changes-before", true, 66)];
        for (key, earlier, _) in bounds.into_iter().filter(|(.., from)| ctx.since(*from)) {
            let Some(text) = ctx.request.param(key) else {
                continue;
            };
            let bound = match moment(key, text) {
                Ok(bound) => to_second(bound),
                Err(reply) => return reply,
            };
            ops.retain(|op| {
                let changed = to_second(world.at(changed(op)));
                if earlier {
                    changed <= bound
                } else {
                    changed >= bound
                }
            });
        }
        match page(ctx.request, ops, |op| op.id.clone(), 1000) {
            Ok((part, more)) => (ops, next) = (part, more),
            Err(why) => return nova(400, why),
        }
    }
    let all: Vec<_> = ops
        .iter()
        .map(|op| action(world, ctx, server, user, op))
        .collect();
    let mut document = json!({ "instanceActions": all });
    if let Some(marker) = next {
        add(
            &mut document,
            &[("links", json!([next_link(ctx.request, &path, &marker)]))],
        );
    }
    Reply::json(200, &document)
}

/// When something of a record changed last.
fn changed(op: &OpView) -> Mono {
    op.ended.or(op.reached).unwrap_or(op.opened)
}

fn stamp(world: &World, moment: Mono) -> String {
    format!("{}.000000", world.text(moment))
}

fn action(world: &World, ctx: &Ctx<'_>, server: &str, user: &str, op: &OpView) -> InstanceAction {
    let (by, project) = op.note.split_once(' ').unwrap_or((user, &ctx.who.project));
    let failed = spans(op).iter().any(|span| span.result == Some(false));
    InstanceAction {
        action: name(&op.work).to_owned(),
        instance_uuid: server.to_owned(),
        request_id: op.id.clone(),
        user_id: by.to_owned(),
        project_id: project.to_owned(),
        start_time: stamp(world, op.opened),
        message: failed.then(|| "Error".to_owned()),
        updated_at: ctx.since(58).then(|| Some(stamp(world, changed(op)))),
        events: None,
    }
}

/// The action's name.
fn name(work: &OpWork) -> &'static str {
    match work {
        OpWork::Create => "create",
        OpWork::Delete => "delete",
        OpWork::Start => "start",
        OpWork::Stop => "stop",
        OpWork::Reboot { .. } => "reboot",
        OpWork::Resize | OpWork::Migrate => "resize",
        OpWork::Rebuild => "rebuild",
        OpWork::Confirm => "confirmResize",
        OpWork::Revert => "revertResize",
        OpWork::Shelve { .. } => "shelve",
        OpWork::Offload => "shelveOffload",
        OpWork::Unshelve => "unshelve",
        OpWork::Pause => "pause",
        OpWork::Unpause => "unpause",
        OpWork::Suspend => "suspend",
        OpWork::Resume => "resume",
        OpWork::Reset { .. } => "resetState",
        OpWork::Resource => "unknown",
    }
}

/// One event before it is written: when in tenths of the operation it begins and ends.
#[derive(Clone, PartialEq, Debug)]
struct Span {
    event: &'static str,
    from: u32,
    to: u32,
    /// `None`: it has not ended; `Some(false)`: with an error.
    result: Option<bool>,
    host: String,
}

/// The events of an operation, oldest first, with the outcome each records.
fn spans(op: &OpView) -> Vec<Span> {
    if op.reached.is_none() {
        return Vec::new();
    }
    let span = |event, from, to| Span {
        event,
        from,
        to,
        result: Some(true),
        host: op.host.clone(),
    };
    // a server that was off before is stopped again at the end
    let stop = || span("compute_stop_instance", 9, 10);
    let mut all = match op.work {
        OpWork::Create => vec![span("compute__do_build_and_run_instance", 0, 10)],
        OpWork::Delete => vec![span("compute_terminate_instance", 0, 10)],
        OpWork::Start => vec![span("compute_start_instance", 0, 10)],
        OpWork::Stop => vec![span("compute_stop_instance", 0, 10)],
        OpWork::Reboot { .. } => vec![span("compute_reboot_instance", 0, 10)],
        OpWork::Rebuild => {
            let mut all = vec![
                span("rebuild_server", 0, 1),
                span("compute_rebuild_instance", 1, 10),
            ];
            if op.from_stopped {
                all.push(stop());
            }
            all
        }
        OpWork::Migrate | OpWork::Resize => vec![
            span("conductor_migrate_server", 0, 2),
            span("cold_migrate", 1, 2),
            span("compute_prep_resize", 2, 3),
            span("compute_resize_instance", 3, 6),
            span("compute_finish_resize", 6, 10),
        ],
        OpWork::Confirm => vec![span("compute_confirm_resize", 0, 10)],
        OpWork::Revert => {
            let mut all = vec![
                span("compute_revert_resize", 0, 5),
                span("compute_finish_revert_resize", 5, 10),
            ];
            if op.from_stopped {
                all.push(stop());
            }
            all
        }
        OpWork::Shelve { .. } => vec![span("compute_shelve_instance", 0, 10)],
        OpWork::Offload => vec![span("compute_shelve_offload_instance", 0, 10)],
        OpWork::Unshelve if op.host.is_empty() => vec![
            span("get_image_info", 0, 1),
            span("schedule_instances", 1, 2),
            span("compute_unshelve_instance", 2, 10),
        ],
        // still on its host: it is no more than started
        OpWork::Unshelve => vec![span("compute_start_instance", 0, 10)],
        OpWork::Pause => vec![span("compute_pause_instance", 0, 10)],
        OpWork::Unpause => vec![span("compute_unpause_instance", 0, 10)],
        OpWork::Suspend => vec![span("compute_suspend_instance", 0, 10)],
        OpWork::Resume => vec![span("compute_resume_instance", 0, 10)],
        OpWork::Reset { .. } | OpWork::Resource => Vec::new(),
    };
    if let Some(Twist::Retried { first, next }) = &op.twist {
        // finishing looks up the first event of the name: the one of the host that failed
        let mut second = span("compute__do_build_and_run_instance", 5, 10);
        second.result = None;
        second.host.clone_from(next);
        if let Some(older) = all.first_mut() {
            older.host.clone_from(first);
        }
        all.push(second);
        return all;
    }
    let failed = matches!(op.status, VimOpStatus::Failed(_));
    // a create that fails in its build is recorded as a success; one that found no host never came to one
    if failed && op.work == OpWork::Create {
        if op.host.is_empty() {
            all.clear();
        }
    } else if failed && let Some(last) = failing(&mut all, op) {
        last.result = Some(false);
    } else if op.status == VimOpStatus::Unknown {
        for span in &mut all {
            span.result = None;
        }
    }
    all
}

/// The event in which an operation that fails does so; those after it never begin.
fn failing<'a>(all: &'a mut Vec<Span>, op: &OpView) -> Option<&'a mut Span> {
    match op.work {
        OpWork::Unshelve if op.host.is_empty() => all.truncate(2),
        OpWork::Rebuild => all.truncate(2),
        _ => {}
    }
    all.last_mut()
}

/// The events as shown, newest first.
fn events(world: &World, ctx: &Ctx<'_>, op: &OpView) -> Vec<ActionEvent> {
    let (Some(reached), now) = (op.reached, world.cloud.now()) else {
        return Vec::new();
    };
    // one that never ends has ended as far as its events tell
    let length = match (op.ended, op.due) {
        (Some(ended), _) => ended.saturating_sub(reached),
        (None, Some(due)) => due.saturating_sub(reached),
        (None, None) => op.latency,
    };
    let at = |tenths: u32| -> Mono { reached + length * tenths / 10 };
    let lines = match (&op.status, &op.twist) {
        (VimOpStatus::Failed(_), Some(Twist::Late)) => vec![late(op)],
        (VimOpStatus::Failed(lines), _) => lines.clone(),
        _ => Vec::new(),
    };
    let project = op.note.split_once(' ').map_or("", |(_, project)| project);
    let mut shown: Vec<ActionEvent> = spans(op)
        .into_iter()
        .filter(|span| at(span.from) <= now)
        .map(|span| {
            let ended = at(span.to) <= now && span.result.is_some() && span.is_over(op);
            let failed = ended && span.result == Some(false);
            let line = lines.first().map_or("", String::as_str);
            ActionEvent {
                event: span.event.to_owned(),
                start_time: stamp(world, at(span.from)),
                finish_time: ended.then(|| stamp(world, at(span.to))),
                result: ended.then(|| if failed { "Error" } else { "Success" }.to_owned()),
                // from 2.51 on an owner sees events, but no traceback
                traceback: ctx.who.admin.then(|| failed.then(|| traceback(&lines))),
                host_id: ctx.since(62).then(|| host_id(project, &span.host)),
                host: (ctx.since(62) && ctx.who.admin).then(|| span.host.clone()),
                details: (ctx.since(84) && ctx.who.admin)
                    .then(|| failed.then(|| words_of(line).to_owned())),
            }
        })
        .collect();
    shown.reverse();
    shown
}

impl Span {
    /// Whether the operation is so far that this part of it has ended: the last part ends with the whole.
    fn is_over(&self, op: &OpView) -> bool {
        self.to < 10 || op.ended.is_some() || op.twist == Some(Twist::Stuck)
    }
}

/// What the database says to a reboot that comes to its turn after another one has ended.
fn late(op: &OpView) -> String {
    let hard = op.work == OpWork::Reboot { hard: true };
    let suffix = if hard { "_hard" } else { "" };
    let vm = op.subject.as_deref().unwrap_or_default();
    format!(
        "Conflict updating instance {vm}. Expected: {{'task_state': ['rebooting{suffix}', 'reboot_pending{suffix}', 'reboot_started{suffix}']}}. Actual: {{'task_state': None}}"
    )
}
