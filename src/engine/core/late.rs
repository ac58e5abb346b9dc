//! Creates given up as lost: looked for a while longer. What lands late is deleted, and reported (P7).

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::ids::{CreateToken, VmId, VmName};

use super::super::call::{CallInput, Goal, Intent, Outcome};
use super::super::caller::{Caller, Cx, NewLate};
use super::super::io::{Owner, Report, TimerKind};
use super::super::port::VimCall;

/// One lost create.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub(super) struct Late {
    pub token: CreateToken,
    pub vim: String,
    pub vm: VmName,
    /// The copy that was found and is being deleted.
    pub copy: Option<VmId>,
    pub until: Timestamp,
    pub caller: Caller,
    pub over: bool,
}

impl Late {
    /// Begins to look, or deletes the copy at once.
    pub fn new(new: NewLate, cx: &mut Cx<'_>) -> Self {
        let mut late = Self {
            token: new.token,
            vim: new.vim,
            vm: new.vm,
            copy: None,
            until: cx.ctx.wall + Duration::from_millis(cx.settings.late_watch_ms),
            caller: Caller::default(),
            over: false,
        };
        match new.copy {
            Some(copy) => late.delete(copy, cx),
            None => late.pause(cx),
        }
        late
    }

    fn owner(&self) -> Owner {
        Owner::Late(self.token.clone())
    }

    fn pause(&mut self, cx: &mut Cx<'_>) {
        let after = Duration::from_millis(cx.settings.late_interval_ms.max(1));
        let owner = self.owner();
        self.caller.timers.arm(&owner, TimerKind::Wait, after, cx);
    }

    fn delete(&mut self, copy: VmId, cx: &mut Cx<'_>) {
        cx.reports.push(Report::LateLanding {
            vm: self.vm.clone(),
            vm_id: copy.clone(),
        });
        let mut intent = Intent::new(cx.intent_id(), &self.vim, Goal::Gone, None);
        intent.target = Some(copy.as_str().to_owned());
        intent.call = Some(VimCall::DeleteVm(copy.clone()));
        self.copy = Some(copy);
        let owner = self.owner();
        self.caller.begin(&owner, intent, cx);
    }

    /// A timer of it is due.
    pub fn on_timer(&mut self, kind: TimerKind, seq: u32, cx: &mut Cx<'_>) {
        if !self.caller.timers.fire(kind, seq) {
            return;
        }
        match kind {
            TimerKind::Wait if self.caller.intent.is_none() => {
                let limit = Some(Duration::from_millis(cx.settings.step_timeout_ms));
                let mut intent = Intent::new(cx.intent_id(), &self.vim, Goal::Answer, limit);
                intent.token = Some(self.token.clone());
                let owner = self.owner();
                self.caller.begin(&owner, intent, cx);
            }
            TimerKind::Limit => self.on_call(CallInput::LimitOver, cx),
            _ => self.on_call(CallInput::PauseOver, cx),
        }
    }

    /// An answer of the VIM.
    pub fn on_call(&mut self, input: CallInput, cx: &mut Cx<'_>) {
        let owner = self.owner();
        match self.caller.drive(&owner, input, cx) {
            None => {}
            Some(_) if self.copy.is_some() => self.end(cx),
            Some(Outcome::Done {
                vm: Some(found), ..
            }) => self.delete(found.id, cx),
            Some(_) if cx.ctx.wall >= self.until => self.end(cx),
            Some(_) => self.pause(cx),
        }
    }

    /// After a restart.
    pub fn restart(&mut self, cx: &mut Cx<'_>) {
        let owner = self.owner();
        self.caller.timers.restart(&owner, |_| Duration::ZERO, cx);
        if self.caller.intent.is_some() {
            self.on_call(CallInput::Restart, cx);
        }
    }

    fn end(&mut self, cx: &mut Cx<'_>) {
        let owner = self.owner();
        self.caller.timers.clear(&owner, cx);
        self.over = true;
    }
}
