//! What the audit log hears of the engine: recoveries step by step, and what was decided about them.

use super::io::{Report, Transaction};
use crate::audit::{AuditRecord, Outcome};
use crate::esc_model::event_type;
use crate::model::event::{Event, EventKind, EventStatus};

/// Who acts when the server acts by itself.
const SELF: &str = "lifeline";

/// The records of a transaction that is durable, in order.
pub fn records(transaction: &Transaction) -> Vec<AuditRecord> {
    let steps = transaction.events.iter().filter_map(step);
    let decisions = transaction.reports.iter().filter_map(decision);
    steps.chain(decisions).collect()
}

fn is_recovery(kind: EventKind) -> bool {
    matches!(
        kind,
        EventKind::VmRecoveryInit
            | EventKind::VmRecoveryReboot
            | EventKind::VmRecoveryUndeployed
            | EventKind::VmRecoveryDeployed
            | EventKind::VmRecoveryComplete
            | EventKind::VmRecoveryCancelled
            | EventKind::VmManualRecoveryNeeded
    )
}

fn step(event: &Event) -> Option<AuditRecord> {
    if !is_recovery(event.kind) {
        return None;
    }
    let result = match event.status {
        EventStatus::Success => Outcome::Done,
        EventStatus::Failure => Outcome::Failed,
    };
    let mut record = AuditRecord::new(SELF, "recovery", result);
    let vm = event.source.as_ref().map(|vm| vm.vm_id.to_string());
    let place = [&event.tenant, &event.deployment, &event.vm_group, &vm];
    let place: Vec<&str> = place.into_iter().flatten().map(String::as_str).collect();
    record.target = Some(place.join("/"));
    let mut detail = format!("{} {}", event_type(event.kind), event.code);
    if let Some(op) = &event.op_id {
        detail.push_str(&format!(" operation {op}"));
    }
    if let Some(target) = &event.target {
        detail.push_str(&format!(" replacement {}", target.vm_id));
    }
    record.detail = Some(format!("{detail}: {}", event.message));
    record.reason = event
        .reason
        .as_ref()
        .map(|reason| format!("{}: {}", reason.code, reason.text));
    Some(record)
}

fn decision(report: &Report) -> Option<AuditRecord> {
    let record = match report {
        Report::LateLanding { vm, vm_id } => {
            let mut record = AuditRecord::new(SELF, "late-landing", Outcome::Done);
            record.target = Some(vm.to_string());
            record.detail = Some(format!(
                "a create given up as lost landed late; deleting the copy {vm_id}"
            ));
            record
        }
        Report::Suppressed { vm, reason } => {
            let mut record = AuditRecord::new(SELF, "recovery", Outcome::Refused);
            record.target = Some(vm.to_string());
            record.reason = Some(format!("{}: {}", reason.code, reason.text));
            record
        }
        Report::KillSwitch { on } => {
            let mut record = AuditRecord::new(SELF, "kill-switch", Outcome::Done);
            let word = if *on { "on" } else { "off" };
            record.detail = Some(word.to_owned());
            record
        }
        Report::Ignored(_) => return None,
    };
    Some(record)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::VmName;
    use crate::model::event::ResourceNames;
    use crate::model::vim::FailureReason;

    fn event(kind: EventKind, status: EventStatus) -> Event {
        Event {
            kind,
            status,
            code: 500,
            message: "it did not come back".to_owned(),
            resource: ResourceNames::default(),
            deployment: Some("dep".to_owned()),
            tenant: Some("ten".to_owned()),
            tenant_id: None,
            deployment_id: None,
            vm_group: Some("g1".to_owned()),
            vm: None,
            source: None,
            target: None,
            op_id: None,
            vim_op: None,
            reason: None,
        }
    }

    #[test]
    fn recoveries_and_what_holds_them_back_are_told() {
        let reason = FailureReason {
            code: "kill-switch".to_owned(),
            text: "automatic recovery is off".to_owned(),
        };
        let transaction = Transaction {
            events: vec![
                event(EventKind::VmAlive, EventStatus::Success),
                event(EventKind::VmRecoveryReboot, EventStatus::Failure),
            ],
            reports: vec![
                Report::Ignored("noise".to_owned()),
                Report::Suppressed {
                    vm: VmName::new("vm"),
                    reason,
                },
            ],
            ..Transaction::default()
        };
        let told = records(&transaction);
        let [step, held] = told.as_slice() else {
            panic!("{told:?}");
        };
        assert_eq!(step.result, Outcome::Failed);
        assert_eq!(step.target.as_deref(), Some("ten/dep/g1"));
        let detail = "VM_RECOVERY_REBOOT 500: it did not come back";
        assert_eq!(step.detail.as_deref(), Some(detail));
        assert_eq!(held.result, Outcome::Refused);
        let reason = "kill-switch: automatic recovery is off";
        assert_eq!(held.reason.as_deref(), Some(reason));
    }
}
