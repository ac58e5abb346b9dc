//! Every status, and every pair of a task and a look.

use super::*;
use crate::proto::vcloud::VcloudError;

const ALL: [TaskStatus; 7] = [
    TaskStatus::Queued,
    TaskStatus::PreRunning,
    TaskStatus::Running,
    TaskStatus::Success,
    TaskStatus::Error,
    TaskStatus::Canceled,
    TaskStatus::Aborted,
];

fn task(status: TaskStatus) -> Task {
    Task {
        href: "http://c/task/17".to_owned(),
        status,
        operation: "Starting Virtual Application a(7)".to_owned(),
        ..Task::default()
    }
}

fn failed() -> Task {
    Task {
        error: Some(VcloudError::new(400, "BAD_REQUEST", "no\n room")),
        operation_name: Some("vappDeploy".to_owned()),
        ..task(TaskStatus::Error)
    }
}

fn vapp(status: i32, tasks: Vec<Task>) -> VApp {
    VApp {
        href: "http://c/vApp/vapp-7".to_owned(),
        name: "a.1".to_owned(),
        status: VAppStatus::from(status),
        deployed: status == 4,
        links: Vec::new(),
        description: String::new(),
        tasks,
        lease: None,
        created: None,
        vms: Vec::new(),
    }
}

fn plan() -> Box<crate::vim::vcloud::steps::Plan> {
    Box::default()
}

#[test]
fn every_status_is_a_power_state() {
    use PowerState as P;
    for (status, quiet, busy) in [
        (-1, P::Error, P::Error),
        (0, P::Building, P::Building),
        (1, P::Stopped, P::Building),
        (2, P::Unknown, P::Unknown),
        (3, P::Stopped, P::Building),
        (4, P::Running, P::Running),
        (5, P::Unknown, P::Unknown),
        (6, P::Unknown, P::Unknown),
        (7, P::Unknown, P::Unknown),
        (8, P::Stopped, P::Building),
        (9, P::Unknown, P::Unknown),
        (10, P::Unknown, P::Unknown),
        (99, P::Unknown, P::Unknown),
    ] {
        assert_eq!(power(&vapp(status, vec![])), quiet, "{status}");
        assert_eq!(
            power(&vapp(status, vec![failed()])),
            quiet,
            "{status}: over"
        );
        let running = vapp(status, vec![task(TaskStatus::Running)]);
        assert_eq!(power(&running), busy, "{status}");
        let told = messages(&vapp(status, vec![]));
        let wanted = !matches!(status, 0 | 1 | 3 | 4 | 8);
        assert_eq!(!told.is_empty(), wanted, "{status}: {told:?}");
    }
    let never = messages(&vapp(-1, vec![failed()]));
    assert_eq!(never[0], "vCloud: no room (code 400 BAD_REQUEST)");
}

#[test]
fn a_task_that_is_not_over_decides_nothing_whatever_the_vapp_shows() {
    let unknown = TaskStatus::from("dreaming");
    for status in ALL
        .into_iter()
        .filter(|status| !status.is_final())
        .chain([unknown])
    {
        let task = task(status);
        for what in [
            What::Create(plan()),
            What::Start,
            What::Stop,
            What::Reboot,
            What::Delete,
        ] {
            for look in [None, Some(vapp(4, vec![])), Some(vapp(8, vec![]))] {
                let stands = outcome(&what, Some(&task), look.as_ref());
                let under_way = matches!(stands, VimOpStatus::Pending | VimOpStatus::Running);
                assert!(under_way, "{what:?} {task:?}: {stands:?}");
            }
        }
        assert!(!needs_look(Some(&task)));
    }
}

#[test]
fn a_task_that_failed_is_judged_by_the_look_and_told_with_its_codes() {
    let told = VimOpStatus::Failed(vec![
        "vCloud: no room (code 400 BAD_REQUEST)".to_owned(),
        "vCloud: task 17 vappDeploy: error".to_owned(),
    ]);
    for (what, look, well) in [
        (What::Create(plan()), None, false),
        (What::Create(plan()), Some(8), false),
        (What::Create(plan()), Some(-1), false),
        (What::Create(plan()), Some(4), true),
        (What::Start, Some(4), true),
        (What::Start, Some(8), false),
        (What::Stop, Some(8), true),
        (What::PowerOff, Some(8), true),
        (What::PowerOff, Some(4), false),
        (What::Stop, Some(3), true),
        (What::Stop, Some(4), false),
        (What::Delete, None, true),
        (What::Delete, Some(8), false),
        // it may have run all the time
        (What::Reboot, Some(4), false),
        (What::Reboot, Some(8), false),
        (What::Resize(plan()), Some(4), false),
    ] {
        let look = look.map(|status| vapp(status, vec![]));
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
    assert!(needs_look(Some(&failed())));
    for status in [TaskStatus::Canceled, TaskStatus::Aborted] {
        let word = status.as_str().to_owned();
        let stopped = outcome(&What::Reboot, Some(&task(status)), None);
        let line = format!("vCloud: task 17 Starting Virtual Application a(7): {word}");
        assert_eq!(
            stopped,
            VimOpStatus::Failed(vec![line]),
            "1.0 has words, no name"
        );
    }
}

#[test]
fn a_task_that_succeeded_is_believed() {
    let done = task(TaskStatus::Success);
    assert!(!needs_look(Some(&done)));
    for what in [What::Start, What::Stop, What::Reboot] {
        assert_eq!(outcome(&what, Some(&done), None), VimOpStatus::Succeeded);
    }
}

#[test]
fn without_a_task_the_vapp_alone_tells_and_where_it_cannot_nobody_knows() {
    use VimOpStatus as S;
    assert!(needs_look(None));
    for (what, look, wanted) in [
        (What::Start, Some(4), S::Succeeded),
        (What::Start, Some(8), S::Unknown),
        (What::Start, None, S::Unknown),
        (What::Stop, Some(8), S::Succeeded),
        (What::Stop, Some(4), S::Unknown),
        (What::Stop, None, S::Unknown),
        (What::Delete, None, S::Succeeded),
        (What::Delete, Some(8), S::Unknown),
        (What::Reboot, Some(4), S::Unknown),
        (What::Reboot, None, S::Unknown),
    ] {
        let look = look.map(|status| vapp(status, vec![]));
        assert_eq!(
            outcome(&what, None, look.as_ref()),
            wanted,
            "{what:?} {look:?}"
        );
    }
    let busy = vapp(8, vec![task(TaskStatus::Queued)]);
    assert_eq!(outcome(&What::Start, None, Some(&busy)), S::Running);
}

#[test]
fn a_reboot_is_told_from_another_task_by_its_name_or_words() {
    for (words, name, own) in [
        ("Resetting Virtual Application a(7)", None, true),
        ("Rebooting Virtual Application a(7)", None, true),
        ("Powering on Virtual Application a(7)", None, true),
        ("Starting Virtual Application a(7)", None, true),
        (
            "Updating Virtual Application start(7)",
            Some("vappUpdateVm"),
            false,
        ),
        ("x", Some("vappReset"), true),
        ("x", Some("vappDeploy"), true),
        ("x", Some("vappUndeployPowerOff"), false),
        ("Powering off Virtual Application a(7)", None, false),
        ("Creating Snapshot of starting", None, false),
    ] {
        let task = Task {
            operation: words.to_owned(),
            operation_name: name.map(str::to_owned),
            ..task(TaskStatus::Running)
        };
        assert_eq!(is_start(&task), own, "{words} {name:?}");
    }
}
