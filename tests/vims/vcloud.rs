//! vCloud's driver over the cloud's vCloud face: 1.0 and 5.1, and faults on the way.

use std::sync::Arc;

use serde_json::json;

use lifeline::cli::client::Client;
use lifeline::clock::SystemClock;
use lifeline::cloudsim::OpWork;
use lifeline::daemon::settings::Settings;

use crate::common::*;
use crate::face::{Cloud, DIRECTOR, brisk, director, in_org, with_org_network};
use crate::stories::{
    MADE, REDEPLOYED, ROWS, UNREPLACED, WORDS, deployment, kinds, recover, take, undeployment,
};

const GONE: [&str; 2] = ["VM_UNDEPLOYED 200", "SERVICE_UNDEPLOYED 200"];

/// A cloud, a server that drives it, an operator, and its events.
struct Lab {
    cloud: Cloud,
    house: House,
    operator: Client,
    events: Client,
    _dir: tempfile::TempDir,
}

impl Lab {
    fn open(properties: &[(&str, &str)], engine: impl FnOnce(&mut Settings)) -> Self {
        let cloud = Cloud::start(with_org_network);
        let dir = data_dir(&[]);
        let mut settings = brisk();
        engine(&mut settings);
        let clock = Arc::new(SystemClock::new());
        let house = House::open(dir.path(), settings, clock, cloud.seams()).unwrap();
        let mut operator = house.connect();
        let connector = director(&cloud, dir.path(), "admin", properties);
        operator.rpc(&edit(&connector)).unwrap();
        let mut events = house.connect();
        events.rpc(&subscribe(None)).unwrap();
        Self {
            cloud,
            house,
            operator,
            events,
            _dir: dir,
        }
    }

    fn deploy(&mut self, name: &str, policy: &str, retries: u32) {
        let text = deployment(name, Some(DIRECTOR), policy, retries);
        self.operator.rpc(&edit(&in_org(text, "admin"))).unwrap();
    }

    fn undeploy(&mut self, name: &str) {
        let text = in_org(undeployment(name), "admin");
        self.operator.rpc(&edit(&text)).unwrap();
    }

    fn told(&mut self, count: usize, what: &str) -> Vec<String> {
        kinds(&take(&mut self.events, count, what))
    }

    /// What there is, and how often two copies ran.
    fn truth(&self) -> (usize, u64) {
        (self.cloud.vms(), self.cloud.breaches())
    }
}

#[test]
fn the_story_is_told_in_the_same_events_at_1_0_and_5_1() {
    for version in ["1.0", "5.1"] {
        let mut lab = Lab::open(&[("api_version", version)], |_| {});
        for (at, row) in ROWS.iter().enumerate() {
            let what = format!("{} at {version}", row.name);
            let name = format!("d{at}");
            lab.deploy(&name, row.policy, row.retries);
            assert_eq!(lab.told(MADE.len(), &what), MADE, "{what}");
            let vm = vm_name(&mut lab.operator);
            for fault in row.faults {
                // A crashed VM is powered off in vCloud's eyes: its reboot is a start.
                let fault = match *fault {
                    "reboot-fails" => "start-fails",
                    other => other,
                };
                lab.cloud.inject(Some(&vm), fault, &[]);
            }
            lab.cloud.inject(Some(&vm), "crash", &[]);
            assert_eq!(lab.told(row.told.len(), &what), row.told, "{what}");
            lab.undeploy(&name);
            assert_eq!(lab.told(2, &what), GONE, "{what}");
        }
        assert_eq!(
            lab.truth(),
            (0, 0),
            "{version}: nothing is left, nothing ran twice"
        );
        lab.house.stop();
    }
}

/// What a failure says, and whose record it is.
#[test]
fn a_failed_reboot_is_told_in_the_clouds_words_with_its_task() {
    for (version, record) in [("1.0", "Powering on"), ("5.1", "vappPowerOn")] {
        let mut lab = Lab::open(&[("api_version", version)], |_| {});
        lab.deploy("depzz", "REBOOT_THEN_REDEPLOY", 3);
        assert_eq!(lab.told(3, version), MADE);
        let vm = vm_name(&mut lab.operator);
        lab.cloud.inject(Some(&vm), "start-fails", &[WORDS]);
        lab.cloud.inject(Some(&vm), "crash", &[]);
        let told = take(&mut lab.events, 2, version);
        assert_eq!(
            kinds(&told),
            ["VM_RECOVERY_INIT 200", "VM_RECOVERY_REBOOT 500"]
        );
        let words = format!("vCloud: {WORDS} (code 500 INTERNAL_SERVER_ERROR)");
        assert!(told[1].text.contains(&words), "{}", told[1].text);
        assert!(told[1].text.contains(record), "{}", told[1].text);
        assert_eq!(lab.told(3, version), REDEPLOYED);
        let shown = lab
            .operator
            .rpc("<get><filter type=\"xpath\" select=\"/esc_datamodel/opdata\"/></get>")
            .unwrap()
            .text;
        assert!(
            shown.contains("<vim>director</vim>") && shown.contains("/task/"),
            "{shown}"
        );
        assert!(
            !shown.contains("interfaces\":"),
            "what is kept beside is nobody's: {shown}"
        );
        lab.undeploy("depzz");
        assert_eq!(lab.told(2, version), GONE);
        assert_eq!(lab.truth(), (0, 0));
        lab.house.stop();
    }
}

/// Faults between the server and its cloud; whatever they are, the story ends well.
#[test]
fn a_faulty_way_to_a_vcloud_1_0_makes_no_second_copy_and_no_orphan() {
    faulty("1.0");
}

#[test]
fn a_faulty_way_to_a_vcloud_5_1_makes_no_second_copy_and_no_orphan() {
    faulty("5.1");
}

fn faulty(version: &str) {
    let on = |method: &str, path: &str, fault: &str, times: u32| json!({"fault": fault, "method": method, "path": path, "times": times, "status": 503});
    let expired = || json!({"fault": "tokens-expired"});
    let login = if version == "1.0" {
        "/login"
    } else {
        "/sessions"
    };
    let faults = [
        (
            "the reply to a create is lost",
            vec![on("POST", "/action/instantiate", "cut-after", 1)],
        ),
        (
            "a create is lost before it lands",
            vec![on("POST", "/action/instantiate", "cut", 1)],
        ),
        (
            "a create hangs after it was done",
            vec![on("POST", "/action/instantiate", "hang-after", 1)],
        ),
        (
            "a create is answered 503",
            vec![on("POST", "/action/instantiate", "http-error", 1)],
        ),
        (
            "the replies to the steps after a create are lost",
            vec![
                on("PUT", "/vApp/vm-", "cut-after", 1),
                on("POST", "/action/deploy", "cut-after", 1),
            ],
        ),
        (
            "the replies to a create and to its deployment are lost",
            vec![
                on("POST", "/action/instantiate", "cut-after", 1),
                on("POST", "/action/deploy", "cut-after", 1),
            ],
        ),
        (
            "an undeployment's reply is lost",
            vec![on("POST", "/action/undeploy", "cut-after", 1)],
        ),
        (
            "a removal's reply is lost",
            vec![on("DELETE", "/vApp/", "cut-after", 1)],
        ),
        (
            "looks are answered 503",
            vec![on("GET", "/vApp/", "http-error", 5)],
        ),
        (
            "tasks are answered 500",
            vec![on("GET", "/task/", "http-error", 5)],
        ),
        ("every session has ended", vec![expired()]),
        (
            "logins break when sessions have ended",
            vec![expired(), on("POST", login, "http-error", 2)],
        ),
        (
            "the API is down for a while",
            vec![json!({"fault": "face-down", "duration-ms": 700})],
        ),
        (
            "a create lands late",
            vec![json!({"fault": "reply-lost", "times": 1, "landing-ms": 300})],
        ),
    ];
    let mut lab = Lab::open(&[("api_version", version)], |_| {});
    for (at, (what, faults)) in faults.iter().enumerate() {
        let what = format!("{what} at {version}");
        let name = format!("f{at}");
        // once while it is made
        faults
            .iter()
            .for_each(|fault| lab.cloud.wire(fault.clone()));
        lab.deploy(&name, "REDEPLOY_ONLY", 5);
        assert_eq!(lab.told(3, &what), MADE, "{what}");
        assert_eq!(lab.cloud.vms(), 1, "{what}");
        // once while it is replaced
        let vm = vm_name(&mut lab.operator);
        faults
            .iter()
            .for_each(|fault| lab.cloud.wire(fault.clone()));
        lab.cloud.inject(Some(&vm), "crash", &[]);
        let told = lab.told(4, &what);
        assert_eq!(told[0], "VM_RECOVERY_INIT 200", "{what}");
        assert_eq!(told[1..], REDEPLOYED, "{what}");
        assert_eq!(lab.cloud.vms(), 1, "{what}");
        // once while it is removed
        faults
            .iter()
            .for_each(|fault| lab.cloud.wire(fault.clone()));
        lab.undeploy(&name);
        assert_eq!(lab.told(2, &what), GONE, "{what}");
        assert_eq!(lab.truth(), (0, 0), "{what}");
        for fault in faults {
            let left = lab.cloud.armed(fault);
            assert!(left < 3, "{what}: never hit: {fault}");
        }
        lab.cloud.clear();
    }
    lab.house.stop();
}

/// A reboot whose answer is lost happens once.
#[test]
fn a_reboot_whose_reply_is_lost_is_known_by_its_task() {
    let mut lab = Lab::open(&[], |_| {});
    lab.deploy("depzz", "REBOOT_THEN_REDEPLOY", 3);
    assert_eq!(lab.told(3, "made"), MADE);
    let vm = vm_name(&mut lab.operator);
    lab.cloud.wire(
        json!({"fault": "cut-after", "method": "POST", "path": "/power/action/", "times": 1}),
    );
    lab.cloud.inject(Some(&vm), "freeze", &[]);
    let told = lab.told(3, "the reboot");
    assert_eq!(
        told[1..],
        ["VM_RECOVERY_REBOOT 200", "VM_RECOVERY_COMPLETE 200"]
    );
    let world = lab.cloud.sim.now();
    let one = world.cloud.all_vms().next().unwrap();
    let all = world.cloud.ops_of(&one.id, false).unwrap();
    let reboots = all
        .iter()
        .filter(|op| matches!(op.work, OpWork::Reboot { .. }));
    assert_eq!(reboots.count(), 1);
    drop(world);
    lab.house.stop();
}

/// The host of a VM does not answer: whoever rents room does not see hosts, and the cloud's own refusal to undeploy
/// is what keeps the second copy away.
#[test]
fn a_guest_on_a_cut_off_host_is_not_replaced_in_vcloud() {
    let mut lab = Lab::open(&[], |settings| {
        settings.engine.gone_timeout_ms = 1_500;
        settings.engine.step_timeout_ms = 1_500;
    });
    lab.deploy("depzz", "REDEPLOY_ONLY", 3);
    assert_eq!(lab.told(3, "made"), MADE);
    let vm = vm_name(&mut lab.operator);
    let host = lab
        .cloud
        .sim
        .now()
        .cloud
        .all_vms()
        .next()
        .unwrap()
        .host_name;
    lab.cloud.wire(json!({"fault": "host-down", "host": host}));
    assert_eq!(lab.told(UNREPLACED.len(), "cut off"), UNREPLACED);
    assert_eq!(lab.truth(), (1, 0), "the guest runs on, alone");
    // the host is back: a person says so
    lab.cloud.clear();
    lab.operator.rpc(&recover(&vm)).unwrap();
    assert_eq!(lab.told(4, "by hand")[1..], REDEPLOYED);
    assert_eq!(lab.truth(), (1, 0));
    lab.house.stop();
}

#[test]
fn the_printed_example_of_a_vcloud_works() {
    let cloud = Cloud::start(with_org_network);
    let dir = data_dir(&[]);
    let clock = Arc::new(SystemClock::new());
    let house = House::open(dir.path(), brisk(), clock, cloud.seams()).unwrap();
    let mut operator = house.connect();
    let mut events = house.connect();
    events.rpc(&subscribe(None)).unwrap();
    let secret = dir.path().join("director-password");
    std::fs::write(&secret, "lifeline\n").unwrap();
    let example = include_str!("../../examples/vcloud.xml")
        .replace("127.0.0.1:8775", &cloud.director)
        .replace(
            "/etc/lifeline/director-password",
            &secret.display().to_string(),
        );
    operator.rpc(&edit(&example)).unwrap();
    // the example's cloud is the default
    let text = deployment("depzz", None, "REDEPLOY_ONLY", 3);
    operator.rpc(&edit(&in_org(text, "admin"))).unwrap();
    assert_eq!(kinds(&take(&mut events, 3, "the example")), MADE);
    assert_eq!(cloud.vms(), 1);
    house.stop();
}

/// What the only VM of the cloud was told, and its size.
fn parts(cloud: &Cloud) -> (Option<String>, Option<String>, u32, u64) {
    let world = cloud.sim.now();
    let vm = world.cloud.all_vms().next().unwrap();
    let size = world.cloud.flavor(&vm.flavor).unwrap().spec;
    let told = vm.extra.metadata.get("user-data").cloned();
    let script = vm.extra.notes.get("script").cloned();
    (told, script, size.vcpus, size.memory_mb)
}

#[test]
fn size_and_day_zero_data_are_put_into_a_vapp_and_another_size_later() {
    for version in ["1.0", "5.1"] {
        let mut lab = Lab::open(&[("api_version", version)], |_| {});
        let config = "<config_data><configuration><dst>--user-data</dst><data>#!$NAME</data><variable><name>NAME</name>\
            <val>one</val></variable></configuration><configuration><dst>--customization-script</dst>\
            <data>echo hi</data></configuration></config_data></vm_group>";
        let text = deployment("depzz", Some(DIRECTOR), "REDEPLOY_ONLY", 3)
            .replace("</vm_group>", config)
            .replace(">m1.tiny<", ">2x1024<");
        let text = in_org(text, "admin");
        lab.operator.rpc(&edit(&text)).unwrap();
        assert_eq!(lab.told(3, version), MADE);
        let told = || Some("IyFvbmU=".to_owned());
        let script = || Some("echo hi".to_owned());
        assert_eq!(parts(&lab.cloud), (told(), script(), 2, 1024));
        let vm = vm_name(&mut lab.operator);
        let larger = text.replace(">2x1024<", ">m1.small<");
        lab.operator.rpc(&edit(&larger)).unwrap();
        let wanted = ["VM_UPDATED 200", "VM_ALIVE 200", "SERVICE_UPDATED 200"];
        assert_eq!(lab.told(3, version), wanted);
        assert_eq!(parts(&lab.cloud), (told(), script(), 1, 2048));
        // a replacement has all of it again
        lab.cloud.inject(Some(&vm), "crash", &[]);
        assert_eq!(lab.told(4, version)[1..], REDEPLOYED);
        assert_eq!(parts(&lab.cloud), (told(), script(), 1, 2048));
        lab.undeploy("depzz");
        assert_eq!(lab.told(2, version), GONE);
        assert_eq!(lab.truth(), (0, 0));
        lab.house.stop();
    }
}

/// A replacement has the addresses of the one before, as it was given them by the cloud.
#[test]
fn addresses_are_kept_over_a_redeploy() {
    let mut lab = Lab::open(&[], |_| {});
    lab.deploy("depzz", "REDEPLOY_ONLY", 3);
    assert_eq!(lab.told(3, "made"), MADE);
    let addresses = |cloud: &Cloud| {
        let world = cloud.sim.now();
        let vm = world.cloud.all_vms().next().unwrap();
        let nic = vm.interfaces.first().unwrap();
        (nic.ip_address.clone(), nic.mac_address.clone())
    };
    let before = addresses(&lab.cloud);
    let vm = vm_name(&mut lab.operator);
    lab.cloud.inject(Some(&vm), "crash", &[]);
    assert_eq!(lab.told(4, "replaced")[1..], REDEPLOYED);
    assert_eq!(addresses(&lab.cloud), before);
    lab.house.stop();
}

/// A process that ends between a vApp's making and its deployment: the next one goes on.
#[test]
fn a_restart_goes_on_with_a_vapp_that_is_half_made() {
    let cloud = Cloud::start(with_org_network);
    // no deployment comes through while the first process lives
    cloud.wire(json!({"fault": "cut", "method": "POST", "path": "/action/deploy"}));
    let dir = data_dir(&[]);
    let open = || {
        let clock = Arc::new(SystemClock::new());
        House::open(dir.path(), brisk(), clock, cloud.seams()).unwrap()
    };
    let house = open();
    let mut operator = house.connect();
    let connector = director(&cloud, dir.path(), "admin", &[]);
    operator.rpc(&edit(&connector)).unwrap();
    let text = deployment("depzz", Some(DIRECTOR), "REDEPLOY_ONLY", 3);
    operator.rpc(&edit(&in_org(text, "admin"))).unwrap();
    let began = std::time::Instant::now();
    while cloud.vms() == 0 {
        assert!(began.elapsed() < PATIENCE, "nothing is made");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    house.stop();
    let runs = |cloud: &Cloud| {
        let world = cloud.sim.now();
        let vm = world.cloud.all_vms().next().unwrap();
        vm.launched.is_some()
    };
    assert!(!runs(&cloud), "it was deployed");
    let house = open();
    let mut events = house.connect();
    events.rpc(&subscribe(None)).unwrap();
    cloud.clear();
    assert_eq!(kinds(&take(&mut events, 3, "the next process")), MADE);
    assert!(runs(&cloud));
    assert_eq!((cloud.vms(), cloud.breaches()), (1, 0));
    house.stop();
}
