//! The table of failures measured on a real Nova, row by row, and the rules behind it.

use super::*;
use crate::proto::nova::ServerFault;

const UNSERVED: Duration = Duration::from_secs(120);
const SOON: Duration = Duration::from_secs(2);
const LATE: Duration = Duration::from_secs(300);

fn server(status: &str, task: Option<&str>, power: i64) -> Server {
    Server {
        id: "s".to_owned(),
        status: Some(ServerStatus::from(status)),
        task_state: Some(task.map(str::to_owned)),
        power_state: Some(PowerState::from(power)),
        host: Some(Some("vm1".to_owned())),
        host_status: Some(HostStatus::Up),
        ..Server::default()
    }
}

fn faulty(status: &str, power: i64, fault: &str) -> Server {
    Server {
        fault: Some(ServerFault {
            message: fault.to_owned(),
            ..ServerFault::default()
        }),
        ..server(status, None, power)
    }
}

fn down(mut server: Server) -> Server {
    server.host_status = Some(HostStatus::Down);
    server
}

fn event(name: &str, result: Option<&str>, details: Option<&str>) -> ActionEvent {
    ActionEvent {
        event: name.to_owned(),
        result: result.map(str::to_owned),
        details: Some(details.map(str::to_owned)),
        ..ActionEvent::default()
    }
}

fn record(action: &str, events: Vec<ActionEvent>) -> InstanceAction {
    InstanceAction {
        action: action.to_owned(),
        request_id: "req-1".to_owned(),
        events: Some(events),
        ..InstanceAction::default()
    }
}

/// What the engine is to hear.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Heard {
    Running,
    Succeeded,
    Failed(&'static str),
    Unknown,
}

struct Row {
    provocation: &'static str,
    what: What,
    server: Option<Server>,
    record: Option<InstanceAction>,
    waited: Duration,
    heard: Heard,
    /// What an observation shows then.
    seen: Option<Power>,
}

fn reboot(events: Vec<ActionEvent>) -> Option<InstanceAction> {
    Some(record("reboot", events))
}

fn reboot_event(result: Option<&str>, details: Option<&str>) -> ActionEvent {
    event("compute_reboot_instance", result, details)
}

#[test]
fn every_row_of_the_fault_table_is_judged_right() {
    let conflict = "Conflict updating instance s. Expected: {'task_state': ['rebooting_hard']}. Actual: {'task_state': None}";
    let build = "compute__do_build_and_run_instance";
    let rows = [
        Row {
            provocation: "driver.reboot raises, VM still running",
            what: What::Reboot,
            server: Some(server("ACTIVE", None, 1)),
            record: reboot(vec![reboot_event(Some("Success"), None)]),
            waited: SOON,
            heard: Heard::Succeeded,
            seen: Some(Power::Running),
        },
        Row {
            provocation: "driver.reboot powers off then raises",
            what: What::Reboot,
            server: Some(faulty("ERROR", 4, "RuntimeError")),
            record: reboot(vec![reboot_event(Some("Error"), Some("RuntimeError"))]),
            waited: SOON,
            heard: Heard::Failed("RuntimeError"),
            seen: Some(Power::Error),
        },
        Row {
            provocation: "driver.reboot returns but VM is off: the record says Success",
            what: What::Reboot,
            server: Some(server("ACTIVE", None, 4)),
            record: reboot(vec![reboot_event(Some("Success"), None)]),
            waited: SOON,
            heard: Heard::Succeeded,
            seen: Some(Power::Stopped),
        },
        Row {
            provocation: "nova-compute down, hard reboot, at first",
            what: What::Reboot,
            server: Some(down(server("HARD_REBOOT", Some("rebooting_hard"), 1))),
            record: reboot(vec![]),
            waited: SOON,
            heard: Heard::Running,
            seen: Some(Power::Unknown),
        },
        Row {
            provocation: "nova-compute down, hard reboot, stuck for ever",
            what: What::Reboot,
            server: Some(down(server("HARD_REBOOT", Some("rebooting_hard"), 1))),
            record: reboot(vec![]),
            waited: LATE,
            heard: Heard::Failed("Nova: no compute service took the request up"),
            seen: Some(Power::Unknown),
        },
        Row {
            provocation: "nova-compute came back: a queued reboot ran, a second one conflicts",
            what: What::Reboot,
            server: Some(server("ACTIVE", None, 1)),
            record: reboot(vec![reboot_event(Some("Error"), Some(conflict))]),
            waited: LATE,
            heard: Heard::Failed("Conflict updating instance"),
            seen: Some(Power::Running),
        },
        Row {
            provocation: "HARD while a SOFT runs: the soft one",
            what: What::Reboot,
            server: Some(server("ACTIVE", None, 1)),
            record: reboot(vec![reboot_event(Some("Success"), None)]),
            waited: SOON,
            heard: Heard::Succeeded,
            seen: Some(Power::Running),
        },
        Row {
            provocation: "hard reboot of an ERROR server",
            what: What::Reboot,
            server: Some(server("ACTIVE", None, 1)),
            record: reboot(vec![reboot_event(Some("Success"), None)]),
            waited: SOON,
            heard: Heard::Succeeded,
            seen: Some(Power::Running),
        },
        Row {
            provocation: "start, driver.power_on raises",
            what: What::Start,
            server: Some(server("SHUTOFF", None, 4)),
            record: Some(record(
                "start",
                vec![event(
                    "compute_start_instance",
                    Some("Error"),
                    Some("RuntimeError"),
                )],
            )),
            waited: SOON,
            heard: Heard::Failed("RuntimeError"),
            seen: Some(Power::Stopped),
        },
        Row {
            provocation: "rebuild, spawn aborts: mixed events, ERROR is stronger",
            what: What::Reboot,
            server: Some(faulty("ERROR", 0, "Build of instance s aborted")),
            record: Some(record(
                "rebuild",
                vec![
                    event(
                        "compute_rebuild_instance",
                        Some("Error"),
                        Some("BuildAbortException"),
                    ),
                    event("rebuild_server", Some("Success"), None),
                ],
            )),
            waited: SOON,
            heard: Heard::Failed("Build of instance s aborted"),
            seen: Some(Power::Error),
        },
        Row {
            provocation: "rebuild again after that: hung, both events Success",
            what: What::Reboot,
            server: Some(server("REBUILD", Some("rebuilding"), 0)),
            record: Some(record(
                "rebuild",
                vec![
                    event("compute_rebuild_instance", Some("Success"), None),
                    event("rebuild_server", Some("Success"), None),
                ],
            )),
            waited: SOON,
            heard: Heard::Running,
            seen: Some(Power::Building),
        },
        Row {
            provocation: "os-resetState error, by somebody else, while our stop is followed",
            what: What::Stop,
            server: Some(server("ERROR", None, 1)),
            record: Some(record(
                "stop",
                vec![event("compute_stop_instance", Some("Success"), None)],
            )),
            waited: SOON,
            heard: Heard::Failed("Nova: stop req-1"),
            seen: Some(Power::Error),
        },
        Row {
            provocation: "build abort on create: ERROR, though the event says Success",
            what: What::Create,
            server: Some(faulty("ERROR", 0, "Build of instance s aborted: lab")),
            record: Some(record("create", vec![event(build, Some("Success"), None)])),
            waited: SOON,
            heard: Heard::Failed("Build of instance s aborted: lab"),
            seen: Some(Power::Error),
        },
        Row {
            provocation: "first host fails, retried on the second: the newer event never ends",
            what: What::Create,
            server: Some(server("ACTIVE", None, 1)),
            record: Some(record(
                "create",
                vec![
                    event(build, None, None),
                    event(build, Some("Success"), None),
                ],
            )),
            waited: SOON,
            heard: Heard::Succeeded,
            seen: Some(Power::Running),
        },
        Row {
            provocation: "both hosts fail",
            what: What::Create,
            server: Some(faulty("ERROR", 0, "Exceeded maximum number of retries.")),
            record: Some(record(
                "create",
                vec![
                    event(build, None, None),
                    event(build, Some("Success"), None),
                ],
            )),
            waited: SOON,
            heard: Heard::Failed("Exceeded maximum number of retries."),
            seen: Some(Power::Error),
        },
        Row {
            provocation: "compute down, DELETE, 404, VM still running: the record is silent, proof decides",
            what: What::Delete,
            server: None,
            record: None,
            waited: SOON,
            heard: Heard::Succeeded,
            seen: None,
        },
        Row {
            provocation: "a server that vanished under a reboot",
            what: What::Reboot,
            server: None,
            record: None,
            waited: SOON,
            heard: Heard::Unknown,
            seen: None,
        },
        Row {
            provocation: "nova-compute restarted with a forgetful hypervisor: ACTIVE, power state 0",
            what: What::Reboot,
            server: Some(server("ACTIVE", None, 0)),
            record: reboot(vec![reboot_event(Some("Success"), None)]),
            waited: SOON,
            heard: Heard::Succeeded,
            seen: Some(Power::Error),
        },
        Row {
            provocation: "a member below 2.51 sees no events",
            what: What::Reboot,
            server: Some(faulty("ERROR", 4, "RuntimeError")),
            record: Some(InstanceAction {
                events: None,
                message: Some("Error".to_owned()),
                ..record("reboot", vec![])
            }),
            waited: SOON,
            heard: Heard::Failed("RuntimeError"),
            seen: Some(Power::Error),
        },
    ];
    for row in rows {
        let verdict = outcome(
            &row.what,
            row.server.as_ref(),
            row.record.as_ref(),
            row.waited,
            UNSERVED,
        );
        let Verdict::Is(status) = verdict else {
            panic!("{}: {verdict:?}", row.provocation);
        };
        match (row.heard, &status) {
            (Heard::Running, VimOpStatus::Running)
            | (Heard::Succeeded, VimOpStatus::Succeeded)
            | (Heard::Unknown, VimOpStatus::Unknown) => {}
            (Heard::Failed(words), VimOpStatus::Failed(lines)) => {
                assert!(
                    lines[0].starts_with(words),
                    "{}: {lines:?}",
                    row.provocation
                );
            }
            (heard, status) => panic!("{}: {status:?} instead of {heard:?}", row.provocation),
        }
        assert_eq!(
            row.server.as_ref().map(power),
            row.seen,
            "{}",
            row.provocation
        );
    }
}

#[test]
fn a_resize_that_came_through_waits_for_its_confirmation() {
    let what = What::Resize("2".to_owned());
    let judged = |server: Server, events| {
        let record = record("resize", events);
        outcome(&what, Some(&server), Some(&record), SOON, UNSERVED)
    };
    assert_eq!(
        judged(server("RESIZE", Some("resize_prep"), 1), vec![]),
        Verdict::Is(VimOpStatus::Running)
    );
    assert_eq!(
        judged(server("VERIFY_RESIZE", None, 1), vec![]),
        Verdict::Confirm
    );
    assert_eq!(
        judged(server("ACTIVE", None, 1), vec![]),
        Verdict::Is(VimOpStatus::Succeeded)
    );
    let no_host = event(
        "cold_migrate",
        Some("Error"),
        Some("No valid host was found."),
    );
    let Verdict::Is(VimOpStatus::Failed(lines)) = judged(server("ACTIVE", None, 1), vec![no_host])
    else {
        panic!("a resize that found no host");
    };
    assert_eq!(lines[0], "No valid host was found.");
}

#[test]
fn events_of_one_name_are_taken_together() {
    let of = |events: Vec<ActionEvent>| groups(&events);
    let name = "compute_reboot_instance";
    let one = |group| vec![(name.to_owned(), group)];
    let success = || reboot_event(Some("Success"), None);
    let error = |words: &str| reboot_event(Some("Error"), Some(words));
    assert_eq!(
        of(vec![error("new"), success(), error("old")]),
        one(Group::Success)
    );
    assert_eq!(of(vec![success(), error("old")]), one(Group::Success));
    assert_eq!(
        of(vec![error("new"), error("old")]),
        one(Group::Error("new".to_owned()))
    );
    assert_eq!(
        of(vec![reboot_event(None, None), error("old")]),
        one(Group::Error("old".to_owned()))
    );
    assert_eq!(of(vec![reboot_event(None, None)]), one(Group::Pending));
    let traced = ActionEvent {
        details: None,
        traceback: Some(Some(
            "Traceback ...\n  File x\nRuntimeError: lab: reboot failed\n".to_owned(),
        )),
        ..error("")
    };
    assert_eq!(
        of(vec![traced]),
        one(Group::Error("RuntimeError: lab: reboot failed".to_owned()))
    );
}

#[test]
fn the_clouds_words_are_told_newest_first_and_once() {
    let server = faulty("ERROR", 4, "RuntimeError");
    let record = record(
        "reboot",
        vec![
            reboot_event(Some("Error"), Some("RuntimeError")),
            event("other", Some("Success"), None),
        ],
    );
    assert_eq!(
        lines(Some(&server), Some(&record)),
        [
            "RuntimeError",
            "Nova: reboot req-1: compute_reboot_instance Error, other Success"
        ]
    );
}

#[test]
fn a_404_alone_proves_nothing() {
    let terminated = |result| Remains {
        removal: Some(record("delete", vec![event(TERMINATED, result, None)])),
        ..Remains::default()
    };
    let sent = |served| Sent {
        host: Some("vm1".to_owned()),
        on_host: true,
        status: "ACTIVE".to_owned(),
        served,
        fenced: false,
        token: None,
    };
    let nothing = Remains::default();
    let local = Remains {
        removal: Some(record("delete", vec![])),
        ..Remains::default()
    };
    let wait = UnprovenGone::Wait;
    let proven = |gone| matches!(gone, Gone::Proven(_));
    // the row: compute down, DELETE answered 404, VM still running
    let Gone::Unproven(why) = gone(Some(&sent(Some(false))), &local, wait) else {
        panic!("a guest cut off from Nova was called gone");
    };
    assert!(why.contains("may still run there"), "{why}");
    assert!(!proven(gone(None, &nothing, wait)), "nothing is known");
    assert!(
        !proven(gone(Some(&sent(None)), &nothing, wait)),
        "no rights to see the host"
    );
    assert!(
        !proven(gone(Some(&sent(None)), &terminated(None), wait)),
        "not ended yet"
    );
    assert!(
        !proven(gone(Some(&sent(None)), &terminated(Some("Error")), wait)),
        "could not be ended"
    );
    // proof
    assert!(
        proven(gone(Some(&sent(Some(true))), &nothing, wait)),
        "the service was up"
    );
    assert!(
        proven(gone(None, &terminated(Some("Success")), wait)),
        "the service ended it"
    );
    assert!(
        proven(gone(
            Some(&sent(Some(false))),
            &terminated(Some("Success")),
            wait
        )),
        "it came back"
    );
    let fenced = Remains {
        fenced: true,
        ..local.clone()
    };
    assert!(
        proven(gone(Some(&sent(Some(false))), &fenced, wait)),
        "a person fenced the host"
    );
    let never = |status: &str| Sent {
        on_host: false,
        status: status.to_owned(),
        ..sent(None)
    };
    assert!(
        proven(gone(Some(&never("ERROR")), &nothing, wait)),
        "it was on no host"
    );
    assert!(
        !proven(gone(Some(&never("BUILD")), &nothing, wait)),
        "it may just have been placed"
    );
    let unplaced = Remains {
        no_records: true,
        ..Remains::default()
    };
    assert!(
        proven(gone(Some(&never("BUILD")), &unplaced, wait)),
        "removed while it was queued"
    );
    // a connector may say otherwise
    assert!(proven(gone(
        Some(&sent(Some(false))),
        &local,
        UnprovenGone::Trust
    )));
}

#[test]
fn what_is_not_active_is_rebooted_hard() {
    for (status, power, hard, expected) in [
        ("ACTIVE", 1, false, RebootType::Soft),
        ("ACTIVE", 1, true, RebootType::Hard),
        ("ACTIVE", 4, false, RebootType::Hard),
        ("ERROR", 4, false, RebootType::Hard),
        ("SHUTOFF", 4, false, RebootType::Hard),
    ] {
        assert_eq!(
            reboot_type(&server(status, None, power), hard),
            expected,
            "{status} {power}"
        );
    }
}

#[test]
fn what_is_wrong_without_a_fault_is_told_all_the_same() {
    let off = messages(&server("ACTIVE", None, 4));
    assert_eq!(
        off,
        ["Nova: its status is ACTIVE, and the guest does not run (power state 4)"]
    );
    assert_eq!(
        messages(&server("ACTIVE", None, 0)),
        ["Nova: the hypervisor does not know it"]
    );
    let cut_off = messages(&down(server("ACTIVE", None, 1)));
    assert_eq!(
        cut_off,
        ["Nova: the compute service of its host vm1 does not answer"]
    );
    assert!(messages(&server("ACTIVE", None, 1)).is_empty());
    assert!(messages(&server("SHUTOFF", None, 4)).is_empty());
}

#[test]
fn every_status_has_a_look() {
    for (status, task, number, expected) in [
        ("ACTIVE", None, 1, Power::Running),
        ("ACTIVE", Some("powering-off"), 1, Power::Running),
        ("ACTIVE", Some("deleting"), 1, Power::Deleting),
        ("SHUTOFF", None, 4, Power::Stopped),
        ("SHUTOFF", Some("powering-on"), 4, Power::Building),
        ("PAUSED", None, 3, Power::Stopped),
        ("SUSPENDED", None, 7, Power::Stopped),
        ("SHELVED_OFFLOADED", None, 4, Power::Stopped),
        ("SOFT_DELETED", None, 4, Power::Stopped),
        ("RESCUE", None, 1, Power::Error),
        ("BUILD", Some("spawning"), 0, Power::Building),
        ("REBOOT", Some("reboot_started"), 1, Power::Building),
        ("HARD_REBOOT", Some("rebooting_hard"), 1, Power::Building),
        ("VERIFY_RESIZE", None, 1, Power::Running),
        ("ERROR", None, 1, Power::Error),
        ("UNKNOWN", None, 1, Power::Unknown),
        ("NEWER", None, 1, Power::Unknown),
    ] {
        assert_eq!(
            power(&server(status, task, number)),
            expected,
            "{status} {task:?}"
        );
    }
    for status in ServerStatus::ALL {
        let _ = power(&server(status.as_str(), None, 1));
        assert_eq!(power(&down(server("ACTIVE", None, 1))), Power::Unknown);
    }
}
