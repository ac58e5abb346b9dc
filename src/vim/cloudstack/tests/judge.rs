//! Every state, and every pair of a job and a look.

use serde_json::json;

use super::*;
use crate::proto::cloudstack::Id;

fn vm(state: &str) -> VirtualMachine {
    VirtualMachine {
        id: Id::new("450"),
        state: VmState::from(state),
        serviceofferingid: Some(Id::new("small")),
        hostname: Some("kvm7".to_owned()),
        ..VirtualMachine::default()
    }
}

fn job(status: u8, result: serde_json::Value) -> AsyncJob {
    let class = "org.apache.cloudstack.api.command.user.vm.StartVMCmd";
    serde_json::from_value(json!({"jobid": 7, "jobstatus": status, "cmd": class, "jobresultcode": 530, "jobresult": result}))
        .unwrap()
}

fn failed() -> AsyncJob {
    job(
        2,
        json!({"errorcode": 533, "errortext": "Unable to create\n a deployment"}),
    )
}

#[test]
fn every_state_is_a_power_state() {
    use PowerState as P;
    for (state, plain, cut_off) in [
        ("Running", P::Running, P::Unknown),
        ("Migrating", P::Running, P::Unknown),
        ("Starting", P::Building, P::Building),
        ("Stopping", P::Building, P::Building),
        ("Stopped", P::Stopped, P::Stopped),
        ("Shutdowned", P::Stopped, P::Stopped),
        ("Destroyed", P::Deleting, P::Deleting),
        ("Expunging", P::Deleting, P::Deleting),
        ("Error", P::Error, P::Error),
        ("Unknown", P::Unknown, P::Unknown),
        ("Restoring", P::Unknown, P::Unknown),
    ] {
        assert_eq!(power(&vm(state), None), plain, "{state}");
        assert_eq!(power(&vm(state), Some(true)), plain, "{state}");
        assert_eq!(power(&vm(state), Some(false)), cut_off, "{state}");
    }
    for (state, answers) in [
        ("Up", true),
        ("Rebalancing", true),
        ("Down", false),
        ("Alert", false),
        ("Disconnected", false),
        ("", false),
    ] {
        assert_eq!(serves(state), answers, "{state}");
    }
    assert_eq!(
        messages(&vm("Running"), Some(false)),
        ["CloudStack: its host kvm7 does not answer"]
    );
    assert_eq!(
        messages(&vm("Error"), None),
        ["CloudStack: its state is Error"]
    );
    assert!(messages(&vm("Running"), None).is_empty());
}

#[test]
fn a_pending_job_decides_nothing_whatever_the_vm_shows() {
    let pending = job(0, json!(null));
    for what in [
        What::Create,
        What::Delete,
        What::Start,
        What::Stop,
        What::Reboot,
    ] {
        for look in [
            None,
            Some(vm("Running")),
            Some(vm("Stopped")),
            Some(vm("Destroyed")),
        ] {
            assert_eq!(
                outcome(&what, Some(&pending), look.as_ref()),
                VimOpStatus::Running,
                "{what:?}"
            );
        }
        assert!(!needs_look(&what, Some(&pending)));
    }
}

#[test]
fn a_job_that_failed_is_judged_by_the_look_and_told_with_its_code() {
    let told = VimOpStatus::Failed(vec![
        "CloudStack: Unable to create a deployment (code 533)".to_owned(),
        "CloudStack: job 7 StartVMCmd failed".to_owned(),
    ]);
    let resize = || What::Resize("small".to_owned());
    for (what, look, well) in [
        (What::Create, None, false),
        (What::Create, Some("Error"), false),
        (What::Create, Some("Stopped"), false),
        (What::Create, Some("Running"), true),
        (What::Start, Some("Running"), true),
        (What::Start, Some("Stopped"), false),
        (What::Stop, Some("Stopped"), true),
        (What::Stop, Some("Running"), false),
        (What::Delete, None, true),
        (What::Delete, Some("Destroyed"), true),
        (What::Delete, Some("Expunging"), false),
        (What::Delete, Some("Running"), false),
        // it may have run all the time
        (What::Reboot, Some("Running"), false),
        (What::Reboot, Some("Stopped"), false),
        (resize(), Some("Running"), true),
        (What::Resize("large".to_owned()), Some("Running"), false),
        (What::Removal, None, false),
    ] {
        let look = look.map(vm);
        let wanted = if well {
            VimOpStatus::Succeeded
        } else {
            told.clone()
        };
        assert_eq!(
            outcome(&what, Some(&failed()), look.as_ref()),
            wanted,
            "{what:?} {look:?}"
        );
    }
}

#[test]
fn a_job_that_succeeded_is_success_but_for_a_vm_made_in_error() {
    let made = |state: &str| job(1, json!({"virtualmachine": {"id": 450, "state": state}}));
    assert_eq!(
        outcome(&What::Create, Some(&made("Running")), None),
        VimOpStatus::Succeeded
    );
    assert!(matches!(
        outcome(&What::Create, Some(&made("Error")), None),
        VimOpStatus::Failed(_)
    ));
    assert_eq!(
        outcome(&What::Reboot, Some(&made("Running")), None),
        VimOpStatus::Succeeded
    );
    assert_eq!(
        outcome(
            &What::Removal,
            Some(&job(1, json!({"success": true}))),
            None
        ),
        VimOpStatus::Succeeded
    );
}

#[test]
fn without_a_job_the_vm_alone_tells_and_where_it_cannot_nobody_knows() {
    use VimOpStatus as S;
    for (what, look, wanted) in [
        (What::Create, None, S::Unknown),
        (What::Create, Some("Starting"), S::Running),
        (What::Create, Some("Running"), S::Succeeded),
        (What::Delete, None, S::Succeeded),
        (What::Delete, Some("Destroyed"), S::Succeeded),
        (What::Delete, Some("Expunging"), S::Running),
        (What::Delete, Some("Running"), S::Unknown),
        (What::Start, Some("Running"), S::Succeeded),
        (What::Start, Some("Stopped"), S::Unknown),
        (What::Stop, Some("Stopping"), S::Running),
        (What::Stop, Some("Stopped"), S::Succeeded),
        (What::Reboot, Some("Running"), S::Unknown),
        (What::Reboot, None, S::Unknown),
    ] {
        let look = look.map(vm);
        assert_eq!(
            outcome(&what, None, look.as_ref()),
            wanted,
            "{what:?} {look:?}"
        );
        assert!(needs_look(&what, None));
    }
    assert!(matches!(
        outcome(&What::Create, None, Some(&vm("Error"))),
        S::Failed(_)
    ));
}

#[test]
fn an_old_clouds_words_come_with_the_jobs_code() {
    let old = job(2, json!("due to not enough capacity"));
    assert_eq!(
        lines(&old)[0],
        "CloudStack: due to not enough capacity (code 530)"
    );
}
