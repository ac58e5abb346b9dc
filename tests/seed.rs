//! ESC's own guide prints three notifications of a recovery. Given the same names, ids and times, the server
//! sends the same octets, white space aside.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "tests may stop"
)]

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use common::*;
use lifeline::clock::Timestamp;
use lifeline::cloudsim::HostSettings;
use lifeline::daemon::server::Seams;
use lifeline::ids::GivenIds;
use lifeline::store::{FailPoint, FaultAction, FaultPlan};

/// A reboot that works: the guide's page begins in the middle of it.
const REBOOTED: &str = include_str!("fixtures/recovery/rebooted.xml");
/// A reboot that fails.
const REBOOT_FAILED: &str = include_str!("fixtures/recovery/reboot-failed.xml");
/// The VM is undeployed: the guide's page ends in the middle of it.
const UNDEPLOYED: &str = include_str!("fixtures/recovery/undeployed.xml");

/// When each event of the story happens.
const TIMES: [&str; 14] = [
    "2016-06-23T18:29:00.000Z", // CREATE_TENANT
    "2016-06-23T18:29:01.000Z", // CREATE_NETWORK
    "2016-06-23T18:29:02.000Z", // CREATE_SUBNET
    "2016-06-23T18:29:03.000Z", // VM_DEPLOYED
    "2016-06-23T18:29:04.000Z", // VM_ALIVE
    "2016-06-23T18:29:05.000Z", // SERVICE_ALIVE
    "2016-06-23T18:29:30.000Z", // VM_RECOVERY_INIT
    "2016-06-23T18:29:31.000Z", // VM_RECOVERY_REBOOT
    "2016-06-23T18:29:32.000Z", // VM_RECOVERY_COMPLETE
    "2016-06-23T18:30:05.000Z", // VM_RECOVERY_INIT
    "2016-06-23T18:30:09.115Z", // VM_RECOVERY_REBOOT, failed
    "2016-06-23T18:30:12.249Z", // VM_RECOVERY_UNDEPLOYED
    "2016-06-23T18:30:15.000Z", // VM_RECOVERY_DEPLOYED
    "2016-06-23T18:30:20.000Z", // VM_RECOVERY_COMPLETE
];

fn without_space(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace()).collect()
}

/// What the server tells of itself first, on the other stream: two sessions begin, running is changed.
const OWN: usize = 3;

/// Sets the clock right before each event of the story is stamped.
fn timetable(clock: &Arc<StagedClock>) -> FaultPlan {
    let clock = clock.clone();
    let next = AtomicUsize::new(0);
    Arc::new(move |point| {
        if point == FailPoint::BeforeEvent
            && let Some(told) = next.fetch_add(1, Ordering::Relaxed).checked_sub(OWN)
            && let Some(time) = TIMES.get(told)
        {
            clock.set(time.parse().unwrap());
        }
        FaultAction::Continue
    })
}

#[test]
fn the_notifications_of_a_recovery_are_sent_as_printed() {
    let dir = data_dir(&[]);
    let clock = StagedClock::at("2016-06-23T18:28:00Z");
    let mut settings = quick();
    settings.cloudsim.vm_ids = vec!["1dd943b9-93a4-4987-b26b-1b8fd264774d".to_owned()];
    settings.cloudsim.tenant_ids = vec!["721d0a0aaf5a40299650d4ec74f48f1a".to_owned()];
    settings.cloudsim.hosts = vec![HostSettings {
        id: Some("4f926bb44423804ea8d87cac946b80e637c315f4f606bfa788b19b8c".to_owned()),
        name: "my-ucs-7".to_owned(),
    }];
    let seams = Seams {
        faults: Some(timetable(&clock)),
        monitors: Some(Box::new(Hasty::wrap)),
        ids: GivenIds::new([
            ("ttt/depzz", "d4778a3a-deba-4df7-9614-03f31f1beab3"),
            ("ttt/depzz/g1/0", "50521f93-7374-4881-960b-95aa13d55ddf"),
        ]),
        ..Seams::default()
    };
    let house = House::open(dir.path(), settings, clock, seams).unwrap();
    let mut subscriber = house.connect();
    subscriber.rpc(&subscribe(None)).unwrap();
    let mut operator = house.connect();

    operator.rpc(&edit(DEPZZ)).unwrap();
    let mut told = listen(
        &mut subscriber,
        &[
            "CREATE_TENANT 200",
            "CREATE_NETWORK 200",
            "CREATE_SUBNET 200",
            "VM_DEPLOYED 200",
            "VM_ALIVE 200",
            "SERVICE_ALIVE 200",
        ],
    );
    let vm = vm_name(&mut operator);
    assert_eq!(vm, "depzz_g1_0_50521f93-7374-4881-960b-95aa13d55ddf");

    operator.rpc(&inject(&vm, "crash", None)).unwrap();
    let works = [
        "VM_RECOVERY_INIT 200",
        "VM_RECOVERY_REBOOT 200",
        "VM_RECOVERY_COMPLETE 200",
    ];
    told.extend(listen(&mut subscriber, &works));

    operator
        .rpc(&inject(&vm, "reboot-fails", Some(DRIVER_WORDS)))
        .unwrap();
    operator.rpc(&inject(&vm, "crash", None)).unwrap();
    told.extend(listen(
        &mut subscriber,
        &[
            "VM_RECOVERY_INIT 200",
            "VM_RECOVERY_REBOOT 500",
            "VM_RECOVERY_UNDEPLOYED 204",
            "VM_RECOVERY_DEPLOYED 200",
            "VM_RECOVERY_COMPLETE 200",
        ],
    ));

    let (rebooted, failed, gone) = (&told[7], &told[10], &told[11]);
    assert_eq!(without_space(&failed.text), without_space(REBOOT_FAILED));
    let (sent, printed) = (without_space(&rebooted.text), without_space(REBOOTED));
    assert!(sent.ends_with(&printed), "{sent}\n{printed}");
    let (sent, printed) = (without_space(&gone.text), without_space(UNDEPLOYED));
    assert!(sent.starts_with(&printed), "{sent}\n{printed}");

    // Replay tells the same octets.
    let first: Timestamp = TIMES[0].parse().unwrap();
    let mut late = house.connect();
    late.rpc(&subscribe(Some(first))).unwrap();
    let kinds: Vec<String> = told.iter().map(Told::kind).collect();
    let kinds: Vec<&str> = kinds.iter().map(String::as_str).collect();
    assert_eq!(listen(&mut late, &kinds), told);
    for client in [subscriber, operator, late] {
        client.close();
    }
    house.stop();
}
