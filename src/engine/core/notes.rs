//! What a step said of operations: their rows, and lines of the journal.

use std::sync::Arc;

use crate::ids::OpId;
use crate::model::event::{Event, EventKind, EventStatus};
use crate::model::instance::{Happened, JournalEntry};
use crate::model::operation::{
    AffectedNetwork, AffectedVm, ChangeKind, LcmOperationState, OpRecord,
};

use super::super::caller::Cx;
use super::rows::Undo;
use super::state::State;

impl State {
    /// Takes in what the step said of operations: rows, and lines of the journal.
    pub(super) fn take_notes(&mut self, cx: &mut Cx<'_>, undo: &mut Undo) {
        let notes = std::mem::take(&mut cx.notes);
        let mut fresh: Vec<OpId> = Vec::new();
        for note in &notes {
            if !self.ops.contains_key(&note.occ.id) {
                fresh.push(note.occ.id.clone());
                let asked = cx.asked.take_if(|(id, _)| *id == note.occ.id);
                let record = OpRecord {
                    occ: note.occ.clone(),
                    key: note.key.clone(),
                    instance: note.instance.clone(),
                    vim: String::new(),
                    asked: asked.map(|(_, asked)| asked),
                    cancel: None,
                    awaits: None,
                    back: false,
                    words: None,
                    vms: Vec::new(),
                    networks: Vec::new(),
                    changed_info: None,
                };
                undo.ops.entry(note.occ.id.clone()).or_insert(None);
                self.ops.insert(note.occ.id.clone(), Arc::new(record));
            }
        }
        let events = cx.events.get(cx.told..).unwrap_or_default();
        for event in events {
            self.take_event(event, undo);
        }
        cx.told = cx.events.len();
        for note in notes {
            let first = fresh.iter().position(|id| *id == note.occ.id);
            let info = cx.info.take_if(|(id, _)| *id == note.occ.id);
            let Some(record) = self.op_mut(&note.occ.id, undo) else {
                continue;
            };
            let was = record.occ.state;
            let error = record.occ.error.take();
            record.occ = note.occ;
            record.back |= record.occ.state == LcmOperationState::RollingBack;
            record.cancel = note.cancel;
            record.awaits = note.awaits;
            if !note.vim.is_empty() {
                record.vim = note.vim;
            }
            if info.is_some() {
                record.changed_info = info.map(|(_, params)| params);
            }
            // What failed stays told until it has come to a good end (SOL003 5.5.2.13).
            let good = matches!(record.occ.state, LcmOperationState::Completed);
            if record.occ.error.is_none() && !good {
                record.occ.error = error;
            }
            if good {
                record.words = None;
            }
            let entered = was != record.occ.state || first.is_some();
            if let Some(first) = first {
                fresh.swap_remove(first);
            }
            if entered {
                let record = record.clone();
                let instance = self.instance(&record.key, &record.instance, cx);
                let what = Happened::Operation(Box::new(record));
                cx.journal.push(JournalEntry { instance, what });
            }
        }
        cx.journal.append(&mut cx.parting);
    }

    fn op_mut(&mut self, id: &OpId, undo: &mut Undo) -> Option<&mut OpRecord> {
        let slot = self.ops.get_mut(id)?;
        undo.ops
            .entry(id.clone())
            .or_insert_with(|| Some(slot.clone()));
        Some(Arc::make_mut(slot))
    }

    /// What an event says of the resources that its operation changed, or of why it failed.
    fn take_event(&mut self, event: &Event, undo: &mut Undo) {
        let Some(id) = &event.op_id else { return };
        let failed = event.status == EventStatus::Failure;
        let touched = !failed && (change(event.kind).is_some());
        if !(touched || (failed && event.reason.is_some())) {
            return;
        }
        let Some(record) = self.op_mut(id, undo) else {
            return;
        };
        if failed {
            let words = record.words.get_or_insert_default();
            // A service's own event says less than its VMs'.
            if event.vm.is_some() || words.message.is_empty() {
                words.message = event.message.clone();
                words.vim_op = event.vim_op.clone().or(words.vim_op.take());
            }
            return;
        }
        let Some(change) = change(event.kind) else {
            return;
        };
        let vm = match change {
            ChangeKind::Added => event.target.as_ref().or(event.source.as_ref()),
            _ => event.source.as_ref(),
        };
        if let (Some(name), Some(vm)) = (&event.vm, vm) {
            let affected = AffectedVm {
                name: name.clone(),
                group: event.vm_group.clone().unwrap_or_default(),
                change,
                vm_id: vm.vm_id.clone(),
                host: vm.host_name.clone(),
                interfaces: vm.interfaces.iter().map(|nic| nic.nicid).collect(),
            };
            let same = |known: &AffectedVm| {
                known.name == affected.name
                    && known.change == affected.change
                    && known.vm_id == affected.vm_id
            };
            if !record.vms.iter().any(same) {
                record.vms.push(affected);
            }
        } else if let Some(name) = &event.resource.network
            && event.resource.subnet.is_none()
        {
            record.networks.push(AffectedNetwork {
                name: name.clone(),
                change,
                vim_id: String::new(),
            });
        }
    }
}

/// What a successful event of this kind says of its resource.
fn change(kind: EventKind) -> Option<ChangeKind> {
    use EventKind as K;
    Some(match kind {
        K::VmDeployed | K::VmRecoveryDeployed | K::CreateNetwork => ChangeKind::Added,
        K::VmUndeployed | K::VmRecoveryUndeployed | K::DeleteNetwork => ChangeKind::Removed,
        K::VmUpdated | K::VmStopped | K::VmStarted | K::VmRebooted | K::VmRecoveryReboot => {
            ChangeKind::Modified
        }
        _ => return None,
    })
}
