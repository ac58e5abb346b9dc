//! CloudStack's driver over the cloud's CloudStack face: both formats, both kinds of ids, and faults on the way.

use std::sync::Arc;

use serde_json::json;

use lifeline::clock::SystemClock;
use lifeline::cloudsim_faces::Ids;

use crate::common::*;
use crate::face::{Cloud, STACK, brisk, stack, with_account};
use crate::stories::{
    MADE, REDEPLOYED, UNREPLACED, WORDS, deployment, kinds, recover, take, undeployment,
};

const GONE: [&str; 2] = ["VM_UNDEPLOYED 200", "SERVICE_UNDEPLOYED 200"];

/// An old cloud and a new one: what a failure says, and whose record it is.
#[test]
fn a_failed_reboot_is_told_in_the_clouds_words_with_its_job() {
    for (ids, properties) in [
        (
            Ids::Integer,
            &[("response", "xml"), ("signature_version", "1")][..],
        ),
        (Ids::Uuid, &[("http_method", "get")]),
    ] {
        let cloud = Cloud::start(|settings| {
            with_account(settings);
            settings.cloudstack.ids = ids;
        });
        let dir = data_dir(&[]);
        let house = House::open(
            dir.path(),
            brisk(),
            Arc::new(SystemClock::new()),
            cloud.seams(),
        );
        let house = house.unwrap();
        let mut operator = house.connect();
        let connector = stack(&cloud, dir.path(), "admin", properties);
        operator.rpc(&edit(&connector)).unwrap();
        let mut events = house.connect();
        events.rpc(&subscribe(None)).unwrap();
        let text = deployment("depzz", Some(STACK), "REBOOT_THEN_REDEPLOY", 3);
        operator.rpc(&edit(&text)).unwrap();
        assert_eq!(kinds(&take(&mut events, 3, "made")), MADE, "{ids:?}");
        let vm = vm_name(&mut operator);
        cloud.inject(Some(&vm), "start-fails", &[WORDS]);
        cloud.inject(Some(&vm), "crash", &[]);
        let told = take(&mut events, 2, "the reboot");
        assert_eq!(
            kinds(&told),
            ["VM_RECOVERY_INIT 200", "VM_RECOVERY_REBOOT 500"]
        );
        let code = if ids == Ids::Integer { 551 } else { 530 };
        let words = format!("CloudStack: {WORDS} (code {code})");
        assert!(told[1].text.contains(&words), "{}", told[1].text);
        assert_eq!(kinds(&take(&mut events, 3, "the redeploy")), REDEPLOYED);
        let shown = operator
            .rpc("<get><filter type=\"xpath\" select=\"/esc_datamodel/opdata\"/></get>")
            .unwrap()
            .text;
        assert!(shown.contains("<vim>stack</vim>"), "{shown}");
        assert!(
            !shown.contains("secret") && !shown.contains("lifeline.nic"),
            "{shown}"
        );
        operator.rpc(&edit(&undeployment("depzz"))).unwrap();
        assert_eq!(kinds(&take(&mut events, 2, "gone")), GONE);
        assert_eq!((cloud.vms(), cloud.breaches()), (0, 0));
        house.stop();
    }
}

/// Faults between the server and its cloud; whatever they are, the story ends well.
#[test]
fn a_faulty_way_to_a_cloudstack_makes_no_second_copy_and_no_orphan() {
    let cloud = Cloud::start(with_account);
    let dir = data_dir(&[]);
    let house = House::open(
        dir.path(),
        brisk(),
        Arc::new(SystemClock::new()),
        cloud.seams(),
    );
    let house = house.unwrap();
    let mut operator = house.connect();
    operator
        .rpc(&edit(&stack(&cloud, dir.path(), "admin", &[])))
        .unwrap();
    let mut events = house.connect();
    events.rpc(&subscribe(None)).unwrap();
    // what changes something is a POST
    let on = |method: &str, fault: &str, times: u32| json!({"fault": fault, "method": method, "path": "/client/api", "times": times, "status": 503});
    let faults = [
        ("the reply to a change is lost", on("POST", "cut-after", 1)),
        ("a change is lost before it lands", on("POST", "cut", 1)),
        (
            "a change hangs after it was done",
            on("POST", "hang-after", 1),
        ),
        ("a change is answered 503", on("POST", "http-error", 1)),
        ("looks are answered 503", on("GET", "http-error", 5)),
        (
            "the API is down for a while",
            json!({"fault": "face-down", "duration-ms": 700}),
        ),
        (
            "a create lands late",
            json!({"fault": "reply-lost", "times": 1, "landing-ms": 300}),
        ),
    ];
    // the deployment's networks are there already, so that the first change is the VM's own
    operator
        .rpc(&edit(&deployment("first", Some(STACK), "REDEPLOY_ONLY", 5)))
        .unwrap();
    assert_eq!(kinds(&take(&mut events, 3, "first")), MADE);
    operator.rpc(&edit(&undeployment("first"))).unwrap();
    assert_eq!(kinds(&take(&mut events, 2, "first")), GONE);
    for (at, (what, fault)) in faults.iter().enumerate() {
        let name = format!("f{at}");
        // once while it is made
        cloud.wire(fault.clone());
        operator
            .rpc(&edit(&deployment(&name, Some(STACK), "REDEPLOY_ONLY", 5)))
            .unwrap();
        assert_eq!(kinds(&take(&mut events, 3, what)), MADE, "{what}");
        assert_eq!(cloud.vms(), 1, "{what}");
        // once while it is replaced
        let vm = vm_name(&mut operator);
        cloud.wire(fault.clone());
        cloud.inject(Some(&vm), "crash", &[]);
        let told = take(&mut events, 4, what);
        assert_eq!(kinds(&told)[0], "VM_RECOVERY_INIT 200", "{what}");
        assert_eq!(kinds(&told)[1..], REDEPLOYED, "{what}");
        assert_eq!(cloud.vms(), 1, "{what}");
        // once while it is removed
        cloud.wire(fault.clone());
        operator.rpc(&edit(&undeployment(&name))).unwrap();
        assert_eq!(kinds(&take(&mut events, 2, what)), GONE, "{what}");
        assert_eq!((cloud.vms(), cloud.breaches()), (0, 0), "{what}");
        cloud.clear();
    }
    house.stop();
}

/// The host of a VM does not answer: for whoever sees hosts, and for whoever has only the cloud's word.
#[test]
fn a_guest_on_a_cut_off_host_is_not_replaced_in_cloudstack() {
    for who in ["admin", "works"] {
        let cloud = Cloud::start(with_account);
        let dir = data_dir(&[]);
        let mut settings = brisk();
        settings.engine.gone_timeout_ms = 1_500;
        settings.engine.step_timeout_ms = 1_500;
        let house = House::open(
            dir.path(),
            settings,
            Arc::new(SystemClock::new()),
            cloud.seams(),
        );
        let house = house.unwrap();
        let mut operator = house.connect();
        operator
            .rpc(&edit(&stack(&cloud, dir.path(), who, &[])))
            .unwrap();
        let mut events = house.connect();
        events.rpc(&subscribe(None)).unwrap();
        operator
            .rpc(&edit(&deployment("depzz", Some(STACK), "REDEPLOY_ONLY", 3)))
            .unwrap();
        take(&mut events, 3, who);
        let vm = vm_name(&mut operator);
        let host = cloud.sim.now().cloud.all_vms().next().unwrap().host_name;
        cloud.wire(json!({"fault": "host-down", "host": host}));
        let told = take(&mut events, UNREPLACED.len(), who);
        assert_eq!(kinds(&told), UNREPLACED, "{who}: {vm}");
        assert_eq!(
            (cloud.vms(), cloud.breaches()),
            (1, 0),
            "{who}: the guest runs on, alone"
        );
        // the host is back: a person says so
        cloud.clear();
        operator.rpc(&recover(&vm)).unwrap();
        let told = take(&mut events, 4, who);
        assert_eq!(kinds(&told)[1..], REDEPLOYED, "{who}");
        assert_eq!((cloud.vms(), cloud.breaches()), (1, 0), "{who}");
        house.stop();
    }
}

#[test]
fn the_printed_example_of_a_cloudstack_works() {
    let cloud = Cloud::start(with_account);
    let dir = data_dir(&[]);
    let house = House::open(
        dir.path(),
        brisk(),
        Arc::new(SystemClock::new()),
        cloud.seams(),
    );
    let house = house.unwrap();
    let mut operator = house.connect();
    let mut events = house.connect();
    events.rpc(&subscribe(None)).unwrap();
    let secret = dir.path().join("stack-secret");
    std::fs::write(&secret, "admin-secret\n").unwrap();
    let example = include_str!("../../examples/cloudstack.xml")
        .replace("127.0.0.1:8080", &cloud.stack)
        .replace("/etc/lifeline/stack-secret", &secret.display().to_string());
    operator.rpc(&edit(&example)).unwrap();
    // the example's cloud is the default
    operator
        .rpc(&edit(&deployment("depzz", None, "REDEPLOY_ONLY", 3)))
        .unwrap();
    assert_eq!(kinds(&take(&mut events, 3, "the example")), MADE);
    assert_eq!(cloud.vms(), 1);
    house.stop();
}
