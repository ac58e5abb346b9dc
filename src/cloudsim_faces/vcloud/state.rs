//! What the face remembers beside the cloud: sessions and tasks.

use std::collections::{BTreeMap, VecDeque};

use super::super::world::World;
use super::settings::Settings;
use crate::clock::Mono;
use crate::cloudsim::{Call, Cloud};
use crate::ids::VmId;
use crate::model::vim::VimOpStatus;

/// A session.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Session {
    pub user: String,
    pub org: String,
    pub used: Mono,
    pub old: bool,
}

/// What a task is about, and how it is followed.
#[derive(Clone, PartialEq, Debug)]
pub struct Task {
    /// The cloud's record; `None`: it was done at once.
    pub op: Option<String>,
    pub operation: String,
    pub name: &'static str,
    pub vm: VmId,
    pub vm_name: String,
    pub org: String,
    pub started: Mono,
    /// What becomes of the vApp's deployment when it succeeds.
    pub deploys: Option<bool>,
}

/// All of it.
#[derive(Clone, Debug, Default)]
pub struct State {
    sessions: BTreeMap<String, Session>,
    session_order: VecDeque<String>,
    pub tasks: BTreeMap<String, Task>,
    task_order: VecDeque<String>,
    /// Tasks whose success is not yet shown in their vApp.
    open: Vec<String>,
}

impl State {
    /// Makes the organisations of the settings.
    pub fn new(settings: &Settings, cloud: &mut Cloud) -> Self {
        for user in &settings.users {
            if cloud.tenant(&user.org).is_none() {
                let name = user.org.clone();
                // found by its name when somebody logs in
                let _ = cloud.call(Call::CreateTenant { name }, &user.org);
            }
        }
        Self::default()
    }

    /// Opens a session.
    pub fn add_session(&mut self, token: String, session: Session, keep: usize) {
        self.sessions.insert(token.clone(), session);
        self.session_order.push_back(token);
        while self.session_order.len() > keep.max(1) {
            if let Some(old) = self.session_order.pop_front() {
                self.sessions.remove(&old);
            }
        }
    }

    /// A session that was used lately; it is used now.
    pub fn session(&mut self, token: &str, now: Mono, idle: Mono) -> Option<Session> {
        let session = self.sessions.get_mut(token)?;
        if now.saturating_sub(session.used) > idle {
            self.end_session(token);
            return None;
        }
        session.used = now;
        Some(session.clone())
    }

    /// Ends a session.
    pub fn end_session(&mut self, token: &str) {
        self.sessions.remove(token);
        self.session_order.retain(|known| known != token);
    }

    /// Ends all sessions.
    pub fn end_sessions(&mut self) {
        self.sessions.clear();
        self.session_order.clear();
    }

    /// Remembers a task.
    pub fn add_task(&mut self, id: String, task: Task, keep: usize) {
        if task.deploys.is_some() {
            self.open.push(id.clone());
        }
        self.tasks.insert(id.clone(), task);
        self.task_order.push_back(id);
        while self.task_order.len() > keep.max(1) {
            if let Some(old) = self.task_order.pop_front() {
                self.tasks.remove(&old);
            }
        }
    }
}

/// Brings the vApps up to date with the tasks that have ended.
pub fn settle(world: &mut World) {
    let open = std::mem::take(&mut world.vcloud.open);
    let mut still = Vec::new();
    for id in open {
        let Some(task) = world.vcloud.tasks.get(&id).cloned() else {
            continue;
        };
        let status = task.op.as_deref().map(|op| world.cloud.op(op));
        match status {
            Some(Some(op)) if matches!(op.status, VimOpStatus::Pending | VimOpStatus::Running) => {
                still.push(id);
            }
            // done at once, or with success
            None => deploy(world, &task),
            Some(Some(op)) if op.status == VimOpStatus::Succeeded => deploy(world, &task),
            Some(_) => {}
        }
    }
    world.vcloud.open.append(&mut still);
}

fn deploy(world: &mut World, task: &Task) {
    world
        .cloud
        .edit_vm(&task.vm, None, |extra| match task.deploys {
            Some(true) => {
                extra.notes.insert("deployed".to_owned(), String::new());
            }
            Some(false) => {
                extra.notes.remove("deployed");
            }
            None => {}
        });
}
