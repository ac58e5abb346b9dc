//! Connectors: what an operator sees of them, and of a VIM that is not there.

use std::sync::Arc;

use lifeline::clock::SystemClock;
use lifeline::daemon::server::Seams;

use crate::common::*;
use crate::face::{Cloud, brisk, connector};

const NS: &str = "xmlns=\"http://www.cisco.com/esc/esc\" xmlns:ll=\"urn:lifeline:yang:lifeline\"";

fn located(vim: &str) -> String {
    let text = DEPZZ.replace(
        "<name>depzz</name>",
        &format!("<name>depzz</name><locator><vim_id>{vim}</vim_id></locator>"),
    );
    edit(&text)
}

fn open(cloud: Option<&Cloud>, dir: &std::path::Path) -> House {
    let seams = match cloud {
        Some(cloud) => cloud.seams(),
        None => Seams {
            monitors: Some(Box::new(Hasty::wrap)),
            ..Seams::default()
        },
    };
    House::open(dir, brisk(), Arc::new(SystemClock::new()), seams).unwrap()
}

/// The next event of that type.
fn next(client: &mut lifeline::cli::client::Client, kind: &str) -> Told {
    loop {
        let text = client.notification(Some(PATIENCE)).unwrap();
        let told = Told::read(&text.unwrap_or_else(|| panic!("no {kind}")));
        if told.kind() == kind {
            return told;
        }
    }
}

#[test]
fn a_vim_that_is_not_configured_is_an_event_at_once() {
    let dir = data_dir(&[]);
    let house = open(None, dir.path());
    let mut operator = house.connect();
    let mut events = house.connect();
    events.rpc(&subscribe(None)).unwrap();
    operator.rpc(&located("nowhere")).unwrap();
    let told = next(&mut events, "SERVICE_ALIVE 500");
    assert!(
        told.text.contains("VIM [nowhere] is not configured."),
        "{}",
        told.text
    );
    // it can be taken away again, and deployed when the VIM is there
    operator.rpc(&edit(NO_DEPZZ)).unwrap();
    next(&mut events, "SERVICE_UNDEPLOYED 200");
    let there = format!(
        "<esc_datamodel {NS}><vim_connectors><vim_connector><id>nowhere</id><type>SIM</type></vim_connector>\
         </vim_connectors></esc_datamodel>"
    );
    operator.rpc(&edit(&there)).unwrap();
    operator.rpc(&located("nowhere")).unwrap();
    next(&mut events, "SERVICE_ALIVE 200");
    house.stop();
}

#[test]
fn a_vim_that_cannot_be_reached_is_waited_for_and_a_wrong_password_is_told() {
    let cloud = Cloud::start(|_| {});
    let dir = data_dir(&[]);
    let house = open(Some(&cloud), dir.path());
    let mut operator = house.connect();
    let mut events = house.connect();
    events.rpc(&subscribe(None)).unwrap();
    operator.rpc(&edit(&connector(&cloud, dir.path()))).unwrap();
    std::fs::write(dir.path().join("cloud-password"), "wrong\n").unwrap();
    operator.rpc(&edit(DEPZZ)).unwrap();
    let told = next(&mut events, "SERVICE_ALIVE 500");
    assert!(told.text.contains("Keystone: "), "{}", told.text);
    assert!(!told.text.contains("wrong"), "{}", told.text);
    operator.rpc(&edit(NO_DEPZZ)).unwrap();
    next(&mut events, "SERVICE_UNDEPLOYED 200");
    // the file has the right one by now, and the API is down for a moment
    std::fs::write(dir.path().join("cloud-password"), "lifeline\n").unwrap();
    cloud.wire(serde_json::json!({"fault": "face-down", "duration-ms": 800}));
    operator.rpc(&edit(DEPZZ)).unwrap();
    next(&mut events, "SERVICE_ALIVE 200");
    house.stop();
}

#[test]
fn a_connector_in_use_stays_and_its_secret_is_never_shown() {
    let cloud = Cloud::start(|_| {});
    let dir = data_dir(&[]);
    let house = open(Some(&cloud), dir.path());
    let mut operator = house.connect();
    let mut events = house.connect();
    events.rpc(&subscribe(None)).unwrap();
    operator.rpc(&edit(&connector(&cloud, dir.path()))).unwrap();
    operator.rpc(&located("cloud")).unwrap();
    next(&mut events, "SERVICE_ALIVE 200");
    let shown = operator
        .rpc("<get-config><source><running/></source></get-config>")
        .unwrap()
        .text;
    assert!(shown.contains("cloud-password"), "the file's name: {shown}");
    assert!(!shown.contains(">lifeline<"), "the secret: {shown}");
    let gone = format!(
        "<esc_datamodel {NS} xmlns:nc=\"urn:ietf:params:xml:ns:netconf:base:1.0\">\
         <default_vim_connector nc:operation=\"delete\"/><vim_connectors><vim_connector nc:operation=\"delete\">\
         <id>cloud</id></vim_connector></vim_connectors></esc_datamodel>"
    );
    let refused = operator.rpc(&edit(&gone)).map(|reply| reply.text);
    let refused = refused.unwrap_err().to_string();
    assert!(refused.contains("in use"), "{refused}");
    operator.rpc(&edit(NO_DEPZZ)).unwrap();
    next(&mut events, "SERVICE_UNDEPLOYED 200");
    operator.rpc(&edit(&gone)).unwrap();
    house.stop();
}

#[test]
fn the_printed_example_works() {
    let cloud = Cloud::start(|_| {});
    let dir = data_dir(&[]);
    let house = open(Some(&cloud), dir.path());
    let mut operator = house.connect();
    let mut events = house.connect();
    events.rpc(&subscribe(None)).unwrap();
    let secret = dir.path().join("cloud-password");
    std::fs::write(&secret, "lifeline\n").unwrap();
    let example = include_str!("../../examples/openstack.xml")
        .replace(
            "127.0.0.1:5000/v3",
            &format!("{}/identity/v3", cloud.address),
        )
        .replace(
            "/etc/lifeline/cloud-password",
            &secret.display().to_string(),
        );
    operator.rpc(&edit(&example)).unwrap();
    operator.rpc(&edit(DEPZZ)).unwrap();
    next(&mut events, "SERVICE_ALIVE 200");
    assert_eq!(cloud.vms(), 1);
    house.stop();
}

/// After a restart, what was made in a cloud is still known and still watched.
#[test]
fn connectors_outlive_the_process() {
    let cloud = Cloud::start(|_| {});
    let dir = data_dir(&[]);
    let house = open(Some(&cloud), dir.path());
    let mut operator = house.connect();
    let mut events = house.connect();
    events.rpc(&subscribe(None)).unwrap();
    operator.rpc(&edit(&connector(&cloud, dir.path()))).unwrap();
    operator.rpc(&edit(DEPZZ)).unwrap();
    next(&mut events, "SERVICE_ALIVE 200");
    let vm = vm_name(&mut operator);
    house.stop();
    let house = open(Some(&cloud), dir.path());
    let mut events = house.connect();
    events.rpc(&subscribe(None)).unwrap();
    cloud.inject(Some(&vm), "crash", &[]);
    next(&mut events, "VM_RECOVERY_COMPLETE 200");
    assert_eq!((cloud.vms(), cloud.breaches()), (1, 0));
    house.stop();
}
