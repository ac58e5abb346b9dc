//! What comes next, whatever the vApp looks like.

use super::*;
use crate::proto::vcloud::{Task, TaskStatus, VcloudError};

fn vapp(status: i32) -> VApp {
    let nic = NetworkConnection {
        network: "net".to_owned(),
        index: 0,
        ip_address: Some("192.0.2.9".to_owned()),
        mac_address: Some("00:50:56:AA:00:01".to_owned()),
        connected: true,
        mode: "POOL".to_owned(),
    };
    let vm = Vm {
        href: "http://c/vm-7".to_owned(),
        name: "a".to_owned(),
        status: VAppStatus::from(status),
        deployed: false,
        links: Vec::new(),
        connections: vec![nic],
        cpus: Some(1),
        memory_mb: Some(512),
        customization: None,
        edits: crate::proto::vcloud::Edits::default(),
    };
    VApp {
        href: "http://c/vapp-7".to_owned(),
        name: "a.1".to_owned(),
        status: VAppStatus::from(status),
        deployed: false,
        links: Vec::new(),
        description: String::new(),
        tasks: Vec::new(),
        lease: None,
        created: None,
        vms: vec![vm],
    }
}

fn wire(ip: Option<&str>, mac: Option<&str>) -> Wire {
    Wire {
        index: 0,
        network: "net".to_owned(),
        mode: "POOL".to_owned(),
        ip: ip.map(str::to_owned),
        mac: mac.map(str::to_owned),
    }
}

fn whole() -> Plan {
    Plan {
        interfaces: Some(vec![wire(Some("192.0.2.7"), None)]),
        size: Some(Size {
            cpus: 2,
            memory_mb: 1024,
        }),
        properties: vec![("k".to_owned(), "v".to_owned())],
        script: Some("x".to_owned()),
        starts: true,
        ..Plan::default()
    }
}

/// The stages of a plan on a vApp that takes none of them in, each done as soon as it is sent.
fn stages(plan: Plan, vapp: &VApp) -> Vec<Stage> {
    let mut work = Work::new(plan);
    while let Next::Do(stage) = work.next(vapp) {
        work.done.push(stage);
    }
    assert_eq!(work.next(vapp), Next::End(End::Made));
    work.done
}

#[test]
fn each_part_is_sent_once_and_the_start_comes_last() {
    use Stage as S;
    let all = [
        S::Connections,
        S::Cpus,
        S::Memory,
        S::Properties,
        S::Customization,
        S::Start,
    ];
    assert_eq!(stages(whole(), &vapp(8)), all);
    let plain = Plan {
        interfaces: Some(vec![wire(None, None)]),
        starts: true,
        ..Plan::default()
    };
    assert_eq!(
        stages(plain.clone(), &vapp(8)),
        [S::Start],
        "as the template is"
    );
    // what runs has all of it behind it
    assert_eq!(stages(whole(), &vapp(4)), []);
    let kept = Plan {
        interfaces: Some(vec![wire(Some("192.0.2.9"), Some("00:50:56:aa:00:01"))]),
        ..plain.clone()
    };
    assert_eq!(stages(kept, &vapp(8)), [S::Start], "as it is already");
    for other in [
        vec![],
        vec![wire(Some("192.0.2.7"), None)],
        vec![wire(None, Some("00:50:56:aa:00:02"))],
        vec![
            wire(None, None),
            Wire {
                index: 1,
                ..wire(None, None)
            },
        ],
        vec![Wire {
            network: "other".to_owned(),
            ..wire(None, None)
        }],
    ] {
        let plan = Plan {
            interfaces: Some(other.clone()),
            ..plain.clone()
        };
        assert_eq!(
            stages(plan, &vapp(8)),
            [S::Connections, S::Start],
            "{other:?}"
        );
    }
}

#[test]
fn a_size_is_changed_around_a_stop() {
    use Stage as S;
    let plan = |cpus, memory_mb, starts| Plan {
        stops: true,
        size: Some(Size { cpus, memory_mb }),
        starts,
        ..Plan::default()
    };
    let mut work = Work::new(plan(2, 512, true));
    let mut seen = vapp(4);
    assert_eq!(work.next(&seen), Next::Do(S::Stop));
    work.done.push(S::Stop);
    seen.status = VAppStatus::PoweredOff;
    assert_eq!(work.next(&seen), Next::Do(S::Cpus));
    work.done.push(S::Cpus);
    seen.vms[0].cpus = Some(2);
    assert_eq!(work.next(&seen), Next::Do(S::Start));
    // cut off there and taken up after a restart
    assert_eq!(
        Work::new(plan(2, 512, true)).next(&seen),
        Next::Do(S::Start)
    );
    seen.status = VAppStatus::PoweredOn;
    assert_eq!(
        Work::new(plan(2, 512, true)).next(&seen),
        Next::End(End::Made)
    );
    // what was stopped for a change that failed is started, and the failure told
    let mut broken = Work::new(plan(2, 512, true));
    broken.done.push(S::Stop);
    broken.fail(S::Cpus, vec!["no".to_owned()]);
    assert_eq!(broken.next(&vapp(8)), Next::Do(S::Start));
    let told = Next::End(End::Failed(vec!["no".to_owned()]));
    assert_eq!(broken.next(&vapp(4)), told);
    broken.fail(S::Start, vec!["later".to_owned()]);
    assert_eq!(broken.next(&vapp(8)), told, "the first reason stays");
    // what was off stays off, what has the size is left alone
    assert_eq!(stages(plan(1, 1024, false), &vapp(8)), [S::Memory]);
    assert_eq!(stages(plan(1, 512, true), &vapp(4)), []);
    assert_eq!(
        stages(plan(2, 1024, true), &vapp(3)),
        [S::Stop, S::Cpus, S::Memory, S::Start]
    );
}

#[test]
fn nothing_is_sent_while_anything_is_under_way() {
    let task = |status| Task {
        status,
        error: Some(VcloudError::new(500, "X", "no storage")),
        ..Task::default()
    };
    for status in [0, 8, 4] {
        let mut busy = vapp(status);
        busy.tasks.push(task(TaskStatus::Running));
        assert_eq!(Work::new(whole()).next(&busy), Next::Wait, "{status}");
    }
    assert_eq!(
        Work::new(whole()).next(&vapp(0)),
        Next::Wait,
        "still being made"
    );
    let mut never = vapp(-1);
    never.tasks.push(task(TaskStatus::Error));
    let end = Work::new(whole()).next(&never);
    let Next::End(End::Failed(lines)) = end else {
        panic!("{end:?}")
    };
    assert_eq!(lines[0], "vCloud: no storage (code 500 X)");
    // a task that failed before does not stand in the way
    let mut past = vapp(8);
    past.tasks.push(task(TaskStatus::Error));
    assert_eq!(Work::new(whole()).next(&past), Next::Do(Stage::Connections));
}

#[test]
fn a_vapp_with_a_part_missing_is_not_started() {
    let mut work = Work::new(whole());
    work.fail(Stage::Connections, vec!["no such address".to_owned()]);
    let told = Next::End(End::Failed(vec!["no such address".to_owned()]));
    assert_eq!(work.next(&vapp(8)), told);
}

#[test]
fn an_end_is_an_end_and_several_vms_are_no_vm() {
    let mut work = Work::new(whole());
    work.end = Some(End::Failed(vec!["x".to_owned()]));
    assert_eq!(
        work.next(&vapp(8)),
        Next::End(End::Failed(vec!["x".to_owned()]))
    );
    let mut two = vapp(8);
    two.vms.push(two.vms[0].clone());
    let end = Work::new(whole()).next(&two);
    assert!(
        matches!(&end, Next::End(End::Failed(lines)) if lines[0].contains("2 VMs")),
        "{end:?}"
    );
}
