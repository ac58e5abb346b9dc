//! Tasks.

use std::time::Duration;

use super::super::http::Reply;
use super::super::world::World;
use super::org::no_access;
use super::state::Task;
use super::{Ctx, Done, document, refused, vapp};
use crate::clock::Mono;
use crate::cloudsim::{Call, VmView};
use crate::model::vim::VimOpStatus;
use crate::proto::vcloud::{
    ApiVersion, Reference, Task as Shown, TaskStatus, TasksList, VcloudError,
};

/// How long a task is kept, as shown.
const KEPT: Duration = Duration::from_secs(90 * 24 * 3600);

/// What a task is called.
#[derive(Clone, Copy)]
pub struct Words {
    /// `Starting` and others.
    pub verb: &'static str,
    /// `vappDeploy` and others.
    pub name: &'static str,
}

/// What a new task follows.
pub enum Follow {
    /// A change that is asked of the cloud now.
    Call(Call),
    /// A record there is already.
    Record(String),
    /// Nothing: it is done.
    Nothing,
}

/// Begins a task about a VM; its id.
pub fn begin(
    world: &mut World,
    ctx: &Ctx,
    vm: &VmView,
    words: Words,
    follow: Follow,
    deploys: Option<bool>,
) -> Result<String, super::Refusal> {
    let op = match follow {
        Follow::Call(call) => {
            let op = world.call(call).map_err(refused)?.op;
            world
                .cloud
                .annotate(&op, format!("{} {}", ctx.user, ctx.org));
            Some(op)
        }
        Follow::Record(op) => Some(op),
        Follow::Nothing => None,
    };
    let id = world.uuid();
    let task = Task {
        op,
        operation: format!("{} Virtual Application {}({})", words.verb, vm.name, vm.id),
        name: words.name,
        vm: vm.id.clone(),
        vm_name: vm.name.to_string(),
        org: ctx.org.to_string(),
        started: world.cloud.now(),
        deploys,
    };
    let keep = world.settings.vcloud.tasks;
    world.vcloud.add_task(id.clone(), task, keep);
    super::state::settle(world);
    Ok(id)
}

/// A task as the reply to what began it.
pub fn reply(world: &World, ctx: &Ctx, id: &str) -> Done {
    match world.vcloud.tasks.get(id) {
        Some(task) => Ok(document(
            202,
            "task",
            ctx.version,
            &show(world, ctx, id, task),
        )),
        None => Err(no_access(&["task", id])),
    }
}

/// `GET .../task/{id}`.
pub fn show_one(world: &World, ctx: &Ctx, id: &str) -> Done {
    let task = world.vcloud.tasks.get(id);
    match task.filter(|task| task.org == ctx.org.as_str()) {
        Some(task) => {
            let shown: Reply = document(200, "task", ctx.version, &show(world, ctx, id, task));
            Ok(shown)
        }
        None => Err(no_access(&["task", id])),
    }
}

/// `GET .../tasksList/{id}`: the organisation's tasks, the newest first.
pub fn list(world: &World, ctx: &Ctx) -> Reply {
    let tasks = world.vcloud.tasks.iter();
    let mut own: Vec<(&String, &Task)> = tasks
        .filter(|(_, task)| task.org == ctx.org.as_str())
        .collect();
    own.sort_by_key(|(_, task)| std::cmp::Reverse(task.started));
    let list = TasksList {
        tasks: own
            .into_iter()
            .map(|(id, task)| show(world, ctx, id, task))
            .collect(),
    };
    document(200, "tasksList", ctx.version, &list)
}

/// What is under way for a VM, and what failed last.
pub fn of(world: &World, ctx: &Ctx, vm: &VmView) -> Vec<Shown> {
    let mut mine: Vec<(&String, &Task)> = world
        .vcloud
        .tasks
        .iter()
        .filter(|(_, task)| task.vm == vm.id)
        .collect();
    mine.sort_by_key(|(_, task)| task.started);
    let last = mine.len().saturating_sub(1);
    let shown = mine.into_iter().enumerate().filter_map(|(at, (id, task))| {
        let shown = show(world, ctx, id, task);
        let failed = at == last && shown.status == TaskStatus::Error;
        (failed || !shown.status.is_final()).then_some(shown)
    });
    shown.collect()
}

fn show(world: &World, ctx: &Ctx, id: &str, task: &Task) -> Shown {
    let stamp = |moment: Mono| world.at(moment).to_string();
    let op = task.op.as_deref().map(|op| world.cloud.op(op));
    let newer = ctx.version > ApiVersion::V1_0;
    let (status, ended, error) = match op {
        None => (TaskStatus::Success, Some(task.started), None),
        // the record is forgotten
        Some(None) => (TaskStatus::Success, Some(task.started), None),
        Some(Some(op)) => match op.status {
            VimOpStatus::Pending => (TaskStatus::Queued, None, None),
            VimOpStatus::Running => (TaskStatus::Running, None, None),
            VimOpStatus::Succeeded => (TaskStatus::Success, op.ended, None),
            VimOpStatus::Unknown if newer => (TaskStatus::Aborted, op.ended, None),
            VimOpStatus::Unknown => (TaskStatus::Error, op.ended, Some(Vec::new())),
            VimOpStatus::Failed(lines) => (TaskStatus::Error, op.ended, Some(lines)),
        },
    };
    let error = error.map(|lines| {
        let line = lines
            .first()
            .map_or("the operation was given up", String::as_str);
        let words = line.strip_prefix("VIM Driver: ").unwrap_or(line);
        VcloudError::new(500, "INTERNAL_SERVER_ERROR", words)
    });
    let progress = match status {
        TaskStatus::Success => 100,
        TaskStatus::Running => 10,
        _ => 0,
    };
    Shown {
        href: format!("{}/task/{id}", ctx.root),
        status,
        operation: task.operation.clone(),
        operation_name: Some(task.name.to_owned()),
        start_time: Some(stamp(task.started)),
        end_time: ended.map(stamp),
        expiry_time: Some(stamp(task.started + KEPT)),
        owner: Some(Reference::to(
            "vApp",
            &task.vm_name,
            vapp::href(ctx, &task.vm),
        )),
        error,
        progress: newer.then_some(progress),
        links: Vec::new(),
    }
}
