//! The same stories over every VIM, told in the same events; then with faults on the way to the cloud.

use serde_json::json;

use lifeline::cli::client::Client;
use lifeline::daemon::server::SIM_VIM;

use crate::common::*;
use crate::face::{CLOUD, Cloud, STACK, brisk, connector, stack};

/// One deployment's life: policy, what goes wrong, and what is told.
pub struct Row {
    pub name: &'static str,
    pub policy: &'static str,
    pub retries: u32,
    /// What goes wrong before the VM crashes.
    pub faults: &'static [&'static str],
    pub told: &'static [&'static str],
}

pub const MADE: [&str; 3] = ["VM_DEPLOYED 200", "VM_ALIVE 200", "SERVICE_ALIVE 200"];
pub const REDEPLOYED: [&str; 3] = [
    "VM_RECOVERY_UNDEPLOYED 204",
    "VM_RECOVERY_DEPLOYED 200",
    "VM_RECOVERY_COMPLETE 200",
];

pub const UNREPLACED: [&str; 4] = [
    "VM_RECOVERY_INIT 200",
    "VM_RECOVERY_UNDEPLOYED 500",
    "VM_RECOVERY_COMPLETE 500",
    "VM_MANUAL_RECOVERY_NEEDED 200",
];

pub const ROWS: &[Row] = &[
    Row {
        name: "a reboot that works",
        policy: "REBOOT_THEN_REDEPLOY",
        retries: 3,
        faults: &[],
        told: &[
            "VM_RECOVERY_INIT 200",
            "VM_RECOVERY_REBOOT 200",
            "VM_RECOVERY_COMPLETE 200",
        ],
    },
    Row {
        name: "a reboot that fails, then a redeploy",
        policy: "REBOOT_THEN_REDEPLOY",
        retries: 3,
        faults: &["reboot-fails"],
        told: &[
            "VM_RECOVERY_INIT 200",
            "VM_RECOVERY_REBOOT 500",
            "VM_RECOVERY_UNDEPLOYED 204",
            "VM_RECOVERY_DEPLOYED 200",
            "VM_RECOVERY_COMPLETE 200",
        ],
    },
    Row {
        name: "a reboot only, that fails",
        policy: "REBOOT_ONLY",
        retries: 3,
        faults: &["reboot-fails"],
        told: &[
            "VM_RECOVERY_INIT 200",
            "VM_RECOVERY_REBOOT 500",
            "VM_RECOVERY_COMPLETE 500",
            "VM_MANUAL_RECOVERY_NEEDED 200",
        ],
    },
    Row {
        name: "a redeploy only",
        policy: "REDEPLOY_ONLY",
        retries: 3,
        faults: &[],
        told: &[
            "VM_RECOVERY_INIT 200",
            "VM_RECOVERY_UNDEPLOYED 204",
            "VM_RECOVERY_DEPLOYED 200",
            "VM_RECOVERY_COMPLETE 200",
        ],
    },
    Row {
        name: "a redeploy whose first create fails",
        policy: "REDEPLOY_ONLY",
        retries: 3,
        faults: &["create-fails"],
        told: &[
            "VM_RECOVERY_INIT 200",
            "VM_RECOVERY_UNDEPLOYED 204",
            "VM_RECOVERY_DEPLOYED 500",
            "VM_RECOVERY_UNDEPLOYED 204",
            "VM_RECOVERY_DEPLOYED 200",
            "VM_RECOVERY_COMPLETE 200",
        ],
    },
];

/// What the hypervisor says of a reboot.
pub const WORDS: &str = "lab: reboot failed, VM is down";

/// A deployment of tenant `works` with one VM.
pub fn deployment(name: &str, vim: Option<&str>, policy: &str, retries: u32) -> String {
    let locator = vim.map(|vim| format!("<locator><vim_id>{vim}</vim_id></locator>"));
    let policy = format!(
        "<recovery_policy><recovery_type>AUTO</recovery_type><action_on_recovery>{policy}</action_on_recovery>\
         <max_retries>{retries}</max_retries></recovery_policy>"
    );
    let (before, rest) = DEPZZ.split_once("<recovery_policy>").unwrap();
    let (_, after) = rest.split_once("</recovery_policy>").unwrap();
    let text = format!("{before}{policy}{after}");
    let named = format!("<name>{name}</name>{}", locator.unwrap_or_default());
    text.replace("<name>depzz</name>", &named)
        .replace("<name>ttt</name>", "<name>works</name>")
}

pub fn undeployment(name: &str) -> String {
    format!(
        "<esc_datamodel xmlns=\"http://www.cisco.com/esc/esc\"><tenants><tenant><name>works</name><deployments>\
         <deployment xmlns:nc=\"urn:ietf:params:xml:ns:netconf:base:1.0\" nc:operation=\"delete\"><name>{name}</name>\
         </deployment></deployments></tenant></tenants></esc_datamodel>"
    )
}

/// Events of deployments and VMs until the wanted one has come; those of networks and tenants are left out.
pub fn take(client: &mut Client, count: usize, what: &str) -> Vec<Told> {
    let mut told = Vec::new();
    while told.len() < count {
        let text = client.notification(Some(PATIENCE)).unwrap();
        let text = text.unwrap_or_else(|| panic!("{what}: no event after {:?}", kinds(&told)));
        let next = Told::read(&text);
        if !["_TENANT", "_NETWORK", "_SUBNET"]
            .iter()
            .any(|kind| next.event.event_type.ends_with(kind))
        {
            told.push(next);
        }
    }
    told
}

pub fn recover(vm: &str) -> String {
    format!(
        "<recoveryVmAction xmlns=\"http://www.cisco.com/esc/esc\"><actionType>DO</actionType><vmName>{vm}</vmName>\
         </recoveryVmAction>"
    )
}

pub fn kinds(told: &[Told]) -> Vec<String> {
    told.iter().map(Told::kind).collect()
}

/// Makes a VM fail in whichever VIM it lives.
fn fail(operator: &mut Client, cloud: &Cloud, vim: &str, vm: &str, fault: &str) {
    match vim {
        SIM_VIM => drop(operator.rpc(&inject(vm, fault, None)).unwrap()),
        // A crashed VM is stopped in CloudStack's eyes: its reboot is a start.
        STACK if fault == "reboot-fails" => cloud.inject(Some(vm), "start-fails", &[]),
        _ => cloud.inject(Some(vm), fault, &[]),
    }
}

#[test]
fn the_same_story_is_told_whatever_the_vim() {
    let cloud = Cloud::start(|_| {});
    let dir = data_dir(&[]);
    let mut settings = brisk();
    settings.cloudsim.failed_create_leaves_vm = true;
    let clock = std::sync::Arc::new(lifeline::clock::SystemClock::new());
    let house = House::open(dir.path(), settings, clock, cloud.seams()).unwrap();
    let mut operator = house.connect();
    operator.rpc(&edit(&connector(&cloud, dir.path()))).unwrap();
    let stack = stack(&cloud, dir.path(), "admin", &[]);
    operator.rpc(&edit(&stack)).unwrap();
    let mut events = house.connect();
    events.rpc(&subscribe(None)).unwrap();
    for (at, row) in ROWS.iter().enumerate() {
        let mut stories = Vec::new();
        for vim in [SIM_VIM, CLOUD, STACK] {
            let what = format!("{} in {vim}", row.name);
            let name = format!("d{at}-{vim}");
            // The cloud is the default: its deployments need not name it.
            let locator = (vim != CLOUD).then_some(vim);
            // CloudStack's user makes no accounts: there it is its own
            let own = |text: String| match vim {
                STACK => text.replace("<name>works</name>", "<name>admin</name>"),
                _ => text,
            };
            let text = own(deployment(&name, locator, row.policy, row.retries));
            operator.rpc(&edit(&text)).unwrap();
            let mut story = take(&mut events, MADE.len(), &what);
            assert_eq!(kinds(&story), MADE, "{what}");
            let vm = vm_name(&mut operator);
            for fault in row.faults {
                fail(&mut operator, &cloud, vim, &vm, fault);
            }
            fail(&mut operator, &cloud, vim, &vm, "crash");
            let recovery = take(&mut events, row.told.len(), &what);
            assert_eq!(kinds(&recovery), row.told, "{what}");
            story.extend(recovery);
            operator.rpc(&edit(&own(undeployment(&name)))).unwrap();
            let gone = take(&mut events, 2, &what);
            assert_eq!(
                kinds(&gone),
                ["VM_UNDEPLOYED 200", "SERVICE_UNDEPLOYED 200"],
                "{what}"
            );
            story.extend(gone);
            stories.push(kinds(&story));
        }
        assert_eq!(stories[0], stories[1], "{}", row.name);
        assert_eq!(stories[0], stories[2], "{}", row.name);
    }
    assert_eq!(
        (cloud.vms(), cloud.breaches()),
        (0, 0),
        "nothing is left, nothing ran twice"
    );
    house.stop();
}

#[test]
fn a_failed_reboot_is_told_in_the_clouds_words_with_its_own_record() {
    let cloud = Cloud::start(|_| {});
    let dir = data_dir(&[]);
    let clock = std::sync::Arc::new(lifeline::clock::SystemClock::new());
    let house = House::open(dir.path(), brisk(), clock, cloud.seams()).unwrap();
    let mut operator = house.connect();
    operator.rpc(&edit(&connector(&cloud, dir.path()))).unwrap();
    let mut events = house.connect();
    events.rpc(&subscribe(None)).unwrap();
    operator
        .rpc(&edit(&deployment("depzz", None, "REBOOT_THEN_REDEPLOY", 3)))
        .unwrap();
    take(&mut events, 3, "the story");
    let vm = vm_name(&mut operator);
    cloud.inject(Some(&vm), "reboot-fails", &[WORDS]);
    cloud.inject(Some(&vm), "crash", &[]);
    let told = take(&mut events, 2, "the story");
    assert_eq!(
        kinds(&told),
        ["VM_RECOVERY_INIT 200", "VM_RECOVERY_REBOOT 500"]
    );
    assert!(told[1].text.contains(WORDS), "{}", told[1].text);
    let told = take(&mut events, 3, "the story");
    assert_eq!(kinds(&told), REDEPLOYED);
    let shown = operator
        .rpc("<get><filter type=\"xpath\" select=\"/esc_datamodel/opdata\"/></get>")
        .unwrap()
        .text;
    assert!(
        shown.contains("<vim>cloud</vim>") && shown.contains("<id>req-"),
        "{shown}"
    );
    assert!(!shown.contains("lifeline.nic"), "{shown}");
    house.stop();
}

/// Faults between the server and its cloud; whatever they are, the story ends well.
#[test]
fn a_faulty_way_to_the_cloud_makes_no_second_copy_and_no_orphan() {
    let cloud = Cloud::start(|_| {});
    let dir = data_dir(&[]);
    let clock = std::sync::Arc::new(lifeline::clock::SystemClock::new());
    let house = House::open(dir.path(), brisk(), clock, cloud.seams()).unwrap();
    let mut operator = house.connect();
    operator.rpc(&edit(&connector(&cloud, dir.path()))).unwrap();
    let mut events = house.connect();
    events.rpc(&subscribe(None)).unwrap();
    let on = |method: &str, path: &str, fault: &str, times: u32| json!({"fault": fault, "method": method, "path": path, "times": times, "status": 503});
    let faults = [
        (
            "the reply to a create is lost",
            vec![on("POST", "/servers", "cut-after", 1)],
        ),
        (
            "a create is lost before it lands",
            vec![on("POST", "/servers", "cut", 1)],
        ),
        (
            "a create hangs after it was done",
            vec![on("POST", "/servers", "hang-after", 1)],
        ),
        (
            "a create is answered 503",
            vec![on("POST", "/servers", "http-error", 1)],
        ),
        (
            "a reboot's reply is lost",
            vec![on("POST", "/action", "cut-after", 1)],
        ),
        (
            "a removal's reply is lost",
            vec![on("DELETE", "/servers", "cut-after", 1)],
        ),
        (
            "looks are answered 503",
            vec![on("GET", "/servers", "http-error", 5)],
        ),
        (
            "every token has expired",
            vec![json!({"fault": "tokens-expired"})],
        ),
        (
            "the API is down for a while",
            vec![json!({"fault": "face-down", "duration-ms": 700})],
        ),
        (
            "logins break when tokens have expired",
            vec![
                json!({"fault": "tokens-expired"}),
                on("POST", "/auth/tokens", "http-error", 2),
            ],
        ),
        (
            "a create lands late",
            vec![json!({"fault": "reply-lost", "times": 1, "landing-ms": 300})],
        ),
    ];
    for (at, (what, faults)) in faults.iter().enumerate() {
        let name = format!("f{at}");
        // once while it is made
        for fault in faults {
            cloud.wire(fault.clone());
        }
        operator
            .rpc(&edit(&deployment(&name, None, "REDEPLOY_ONLY", 5)))
            .unwrap();
        assert_eq!(kinds(&take(&mut events, 3, what)), MADE, "{what}");
        assert_eq!(cloud.vms(), 1, "{what}");
        // once while it is replaced
        let vm = vm_name(&mut operator);
        for fault in faults {
            cloud.wire(fault.clone());
        }
        cloud.inject(Some(&vm), "crash", &[]);
        let told = take(&mut events, 4, what);
        assert_eq!(kinds(&told)[0], "VM_RECOVERY_INIT 200", "{what}");
        assert_eq!(kinds(&told)[1..], REDEPLOYED, "{what}");
        assert_eq!(cloud.vms(), 1, "{what}");
        // once while it is removed
        for fault in faults {
            cloud.wire(fault.clone());
        }
        operator.rpc(&edit(&undeployment(&name))).unwrap();
        let gone = take(&mut events, 2, what);
        assert_eq!(
            kinds(&gone),
            ["VM_UNDEPLOYED 200", "SERVICE_UNDEPLOYED 200"],
            "{what}"
        );
        assert_eq!((cloud.vms(), cloud.breaches()), (0, 0), "{what}");
        cloud.clear();
    }
    house.stop();
}

/// The row of the fault table that costs a second copy: the host's service is down, the API forgets the server, and
/// the guest runs on.
#[test]
fn a_guest_that_nobody_can_reach_is_not_replaced() {
    let cloud = Cloud::start(|_| {});
    let dir = data_dir(&[]);
    let mut settings = brisk();
    settings.engine.gone_timeout_ms = 1_500;
    settings.engine.step_timeout_ms = 1_500;
    let clock = std::sync::Arc::new(lifeline::clock::SystemClock::new());
    let house = House::open(dir.path(), settings, clock, cloud.seams()).unwrap();
    let mut operator = house.connect();
    operator.rpc(&edit(&connector(&cloud, dir.path()))).unwrap();
    let mut events = house.connect();
    events.rpc(&subscribe(None)).unwrap();
    operator
        .rpc(&edit(&deployment("depzz", None, "REDEPLOY_ONLY", 3)))
        .unwrap();
    take(&mut events, 3, "the story");
    let vm = vm_name(&mut operator);
    let host = cloud.sim.now().cloud.all_vms().next().unwrap().host_name;
    // the guest goes on, unseen: nothing proves that it does not
    cloud.wire(json!({"fault": "host-down", "host": host}));
    let told = take(&mut events, UNREPLACED.len(), "cut off");
    assert_eq!(kinds(&told), UNREPLACED, "{vm}");
    let words = "the compute service of host sim-host-";
    assert!(told[1].text.contains(words), "{}", told[1].text);
    assert_eq!(
        (cloud.vms(), cloud.breaches()),
        (1, 0),
        "the guest runs on, alone"
    );
    // the host is back: a person says so
    cloud.clear();
    operator.rpc(&recover(&vm)).unwrap();
    let told = take(&mut events, 4, "by hand");
    assert_eq!(kinds(&told)[1..], REDEPLOYED);
    assert_eq!((cloud.vms(), cloud.breaches()), (1, 0));
    house.stop();
}

/// The same for a user who may not see hosts: the removal is sent, Nova forgets the server, and answers 404.
#[test]
fn a_404_without_proof_is_no_reason_for_a_second_copy() {
    let cloud = Cloud::start(|_| {});
    let dir = data_dir(&[]);
    let mut settings = brisk();
    settings.engine.gone_timeout_ms = 1_500;
    settings.engine.step_timeout_ms = 1_500;
    let clock = std::sync::Arc::new(lifeline::clock::SystemClock::new());
    let house = House::open(dir.path(), settings, clock, cloud.seams()).unwrap();
    let mut operator = house.connect();
    let member = connector(&cloud, dir.path())
        .replace("user>admin<", "user>demo<")
        .replace("tenant>admin<", "tenant>demo<");
    operator.rpc(&edit(&member)).unwrap();
    let mut events = house.connect();
    events.rpc(&subscribe(None)).unwrap();
    let text = deployment("depzz", None, "REDEPLOY_ONLY", 3);
    let text = text.replace(
        "<name>works</name>",
        "<name>demo</name><managed_resource>false</managed_resource>",
    );
    operator.rpc(&edit(&text)).unwrap();
    assert_eq!(kinds(&take(&mut events, 3, "a member's")), MADE);
    let vm = vm_name(&mut operator);
    let host = cloud.sim.now().cloud.all_vms().next().unwrap().host_name;
    cloud.wire(json!({"fault": "host-down", "host": host}));
    let told = take(&mut events, UNREPLACED.len(), "cut off");
    assert_eq!(kinds(&told), UNREPLACED, "{vm}");
    assert_eq!(
        cloud.sim.now().cloud.all_vms().count(),
        0,
        "Nova has forgotten it"
    );
    assert_eq!(
        (cloud.vms(), cloud.breaches()),
        (1, 0),
        "its guest runs on, alone"
    );
    house.stop();
}
