//! What a real Nova was seen to do when its driver fails, row by row.

use lifeline::cloudsim::{Fault, Target};
use serde_json::{Value, json};

use crate::harness::{Lab, admin, document, pairs, reboot};

fn message(lab: &mut Lab, id: &str, record: &str) -> Value {
    lab.action(id, record)["message"].clone()
}

#[test]
fn a_reboot_that_raises_while_the_vm_runs_is_a_success() {
    let mut lab = admin();
    let (id, _) = lab.up("a");
    lab.inject_vm(Fault::RebootRaises, "a");
    let record = lab.accepted(&id, &reboot("HARD"));
    lab.pass(1000);
    assert_eq!(
        lab.states(&id),
        ("ACTIVE".into(), "active".into(), "-".into(), 1)
    );
    assert_eq!(message(&mut lab, &id, &record), Value::Null);
    assert_eq!(
        lab.events(&id, &record),
        pairs(&[("compute_reboot_instance", "Success")])
    );
    assert_eq!(lab.server(&id).get("fault"), None, "stored, not shown");
}

#[test]
fn a_reboot_that_powers_off_and_raises_is_an_error() {
    let mut lab = admin();
    lab.version = Some("2.84");
    let mut body = lab.new_server("a");
    body["server"]["networks"] = json!("none");
    let made = lab.send("POST", "/v2.1/servers", &body);
    let id = document(&made)["server"]["id"].as_str().unwrap().to_owned();
    lab.pass(1000);
    lab.inject_vm(Fault::RebootFails, "a");
    let record = lab.accepted(&id, &reboot("HARD"));
    lab.pass(1000);
    assert_eq!(
        lab.states(&id),
        ("ERROR".into(), "error".into(), "-".into(), 4)
    );
    let fault = lab.server(&id)["fault"].clone();
    assert_eq!(
        (&fault["code"], &fault["message"]),
        (&json!(500), &json!("RuntimeError"))
    );
    assert!(fault["details"].as_str().unwrap().contains("Traceback"));
    let action = lab.action(&id, &record);
    assert_eq!(action["message"], "Error");
    let event = &action["events"][0];
    assert_eq!(
        (&event["result"], &event["details"]),
        (&json!("Error"), &json!("RuntimeError"))
    );
    assert!(
        event["traceback"]
            .as_str()
            .unwrap()
            .contains("RuntimeError")
    );
    // a power cycle is a way out of it
    let record = lab.accepted(&id, &reboot("HARD"));
    lab.pass(1000);
    assert_eq!(lab.states(&id).0, "ACTIVE");
    assert_eq!(
        lab.events(&id, &record),
        pairs(&[("compute_reboot_instance", "Success")])
    );
}

#[test]
fn a_reboot_that_returns_with_the_vm_off_is_active_without_power() {
    let mut lab = admin();
    let (id, _) = lab.up("a");
    lab.inject_vm(Fault::RebootSilent, "a");
    let record = lab.accepted(&id, &reboot("SOFT"));
    lab.pass(1000);
    assert_eq!(
        lab.states(&id),
        ("ACTIVE".into(), "active".into(), "-".into(), 4)
    );
    assert_eq!(
        lab.events(&id, &record),
        pairs(&[("compute_reboot_instance", "Success")])
    );
}

#[test]
fn with_the_agent_down_requests_are_accepted_and_wait() {
    let mut lab = admin();
    let (id, _) = lab.up("a");
    lab.inject_vm(Fault::AgentDown, "a");
    let hard: Vec<String> = (0..3).map(|_| lab.accepted(&id, &reboot("HARD"))).collect();
    lab.pass(30_000);
    assert_eq!(
        lab.states(&id),
        (
            "HARD_REBOOT".into(),
            "active".into(),
            "rebooting_hard".into(),
            1
        )
    );
    let body = reboot("SOFT");
    let target = format!("/v2.1/servers/{id}/action");
    let (status, words) = lab.refused("POST", &target, &body);
    assert_eq!(status, 409);
    assert!(
        words.contains("while it is in task_state rebooting_hard"),
        "{words}"
    );
    for record in &hard {
        assert_eq!(lab.events(&id, record), []);
        assert_eq!(message(&mut lab, &id, record), Value::Null);
    }
    lab.version = Some("2.16");
    assert_eq!(lab.server(&id)["host_status"], "DOWN");
    let services = lab.get("/v2.1/os-services?host=sim-host-1");
    assert_eq!(services["services"][0]["state"], "down");
    lab.world.cloud.clear(None).unwrap();
    lab.pass(2000);
    assert_eq!(lab.states(&id).0, "ACTIVE");
    lab.version = Some("2.84");
    assert_eq!(
        lab.events(&id, &hard[0]),
        pairs(&[("compute_reboot_instance", "Success")])
    );
    for record in &hard[1..] {
        let action = lab.action(&id, record);
        assert_eq!(action["message"], "Error");
        let details = action["events"][0]["details"].as_str().unwrap().to_owned();
        assert!(
            details.contains("'rebooting_hard'") && details.contains("Actual"),
            "{details}"
        );
    }
}

#[test]
fn a_hard_reboot_beside_a_soft_one_ends_in_a_conflict() {
    let mut lab = admin();
    let (id, _) = lab.up("a");
    let soft = lab.accepted(&id, &reboot("SOFT"));
    lab.pass(300);
    assert_eq!(lab.states(&id).2, "reboot_started");
    let hard = lab.accepted(&id, &reboot("HARD"));
    lab.pass(1000);
    assert_eq!(lab.states(&id).0, "ACTIVE");
    assert_eq!(
        lab.events(&id, &soft),
        pairs(&[("compute_reboot_instance", "Success")])
    );
    assert_eq!(
        lab.events(&id, &hard),
        pairs(&[("compute_reboot_instance", "Error")])
    );
}

#[test]
fn a_start_that_fails_leaves_the_server_off() {
    let mut lab = admin();
    let (id, _) = lab.up("a");
    lab.accepted(&id, &json!({ "os-stop": null }));
    lab.pass(1000);
    lab.inject_vm(Fault::StartFails, "a");
    let record = lab.accepted(&id, &json!({ "os-start": null }));
    lab.pass(1000);
    assert_eq!(
        lab.states(&id),
        ("SHUTOFF".into(), "stopped".into(), "-".into(), 4)
    );
    assert_eq!(
        lab.events(&id, &record),
        pairs(&[("compute_start_instance", "Error")])
    );
}

#[test]
fn a_rebuild_that_fails_has_mixed_events_and_the_next_may_hang() {
    let mut lab = admin();
    let (id, _) = lab.up("a");
    let rebuild = json!({ "rebuild": { "imageRef": lab.image("cirros") } });
    lab.inject_vm(Fault::RebuildFails, "a");
    let record = lab.accepted(&id, &rebuild);
    lab.pass(1000);
    assert_eq!(lab.states(&id).0, "ERROR");
    assert_eq!(message(&mut lab, &id, &record), "Error");
    assert_eq!(
        lab.events(&id, &record),
        pairs(&[
            ("rebuild_server", "Success"),
            ("compute_rebuild_instance", "Error")
        ])
    );
    lab.inject_vm(Fault::RebuildSticks, "a");
    let record = lab.accepted(&id, &rebuild);
    lab.pass(10_000);
    assert_eq!(
        lab.states(&id),
        ("REBUILD".into(), "error".into(), "rebuilding".into(), 4)
    );
    assert_eq!(
        lab.events(&id, &record),
        pairs(&[
            ("rebuild_server", "Success"),
            ("compute_rebuild_instance", "Success")
        ])
    );
}

#[test]
fn a_state_is_reset_by_administrators_only_and_changes_what_is_believed() {
    let mut lab = admin();
    let (id, _) = lab.up("a");
    let reset = |state: &str| json!({ "os-resetState": { "state": state } });
    let record = lab.accepted(&id, &reset("error"));
    assert_eq!(
        lab.states(&id),
        ("ERROR".into(), "error".into(), "-".into(), 1)
    );
    let action = lab.action(&id, &record);
    assert_eq!(
        (&action["action"], &action["message"], &action["events"]),
        (&json!("resetState"), &Value::Null, &json!([]))
    );
    lab.accepted(&id, &reset("active"));
    assert_eq!(lab.states(&id).0, "ACTIVE");
    let mut demo = crate::harness::lab("demo");
    let (id, _) = demo.up("b");
    assert_eq!(demo.act(&id, &reset("error")).status, 403);
}

#[test]
fn a_create_that_fails_is_in_error_and_its_record_says_success() {
    let mut lab = admin();
    lab.inject(
        Fault::CreateFails,
        Target::Vim,
        &["Build of instance aborted"],
    );
    let (id, record) = lab.create("a");
    lab.pass(1000);
    assert_eq!(
        lab.states(&id),
        ("ERROR".into(), "error".into(), "-".into(), 0)
    );
    assert_eq!(
        lab.server(&id)["fault"]["message"],
        "Build of instance aborted"
    );
    assert_eq!(
        lab.events(&id, &record),
        pairs(&[("compute__do_build_and_run_instance", "Success")])
    );
    assert_eq!(message(&mut lab, &id, &record), Value::Null);
}

#[test]
fn a_create_that_came_to_a_second_host_leaves_two_events_of_one_name() {
    let mut lab = admin();
    for (fault, status) in [
        (Fault::HostRetried, "ACTIVE"),
        (Fault::HostsExhausted, "ERROR"),
    ] {
        lab.inject(fault, Target::Vim, &[]);
        let (id, record) = lab.create("a");
        lab.pass(1000);
        assert_eq!(lab.states(&id).0, status);
        let name = "compute__do_build_and_run_instance";
        assert_eq!(
            lab.events(&id, &record),
            pairs(&[(name, "Success"), (name, "-")])
        );
        lab.version = Some("2.62");
        let events = lab.action(&id, &record)["events"].clone();
        assert_ne!(events[0]["host"], events[1]["host"]);
        if status == "ACTIVE" {
            assert_eq!(events[0]["host"], lab.server(&id)["OS-EXT-SRV-ATTR:host"]);
            assert_eq!(events[0]["finish_time"], Value::Null);
        }
        lab.version = None;
        assert_eq!(message(&mut lab, &id, &record), Value::Null);
        lab.world.cloud.clear(None).unwrap();
    }
}

#[test]
fn without_a_host_there_is_no_event_and_the_fault_says_so() {
    let mut lab = admin();
    lab.inject(Fault::HostDown, Target::Vim, &[]);
    let (id, record) = lab.create("a");
    lab.pass(1000);
    let words = lab.server(&id)["fault"]["message"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(words.starts_with("No valid host was found."), "{words}");
    assert_eq!(lab.events(&id, &record), []);
}

#[test]
fn with_the_agent_down_a_deleted_server_is_not_found_and_runs_on() {
    let mut lab = admin();
    let (id, _) = lab.up("a");
    lab.inject_vm(Fault::AgentDown, "a");
    let target = format!("/v2.1/servers/{id}");
    let reply = lab.send("DELETE", &target, &Value::Null);
    assert_eq!(reply.status, 204);
    let record = reply.header("x-openstack-request-id").unwrap().to_owned();
    lab.pass(1000);
    assert_eq!(lab.refused("GET", &target, &Value::Null).0, 404);
    let lost = lab.world.cloud.orphans(&Default::default());
    assert_eq!(
        (lost.len(), lost[0].id.as_str()),
        (1, id.as_str()),
        "it runs on"
    );
    lab.version = Some("2.21");
    assert_eq!(lab.events(&id, &record), [], "nobody terminated it");
}

#[test]
fn a_reply_that_is_lost_leaves_its_server() {
    let mut lab = admin();
    lab.inject(Fault::ReplyLost, Target::Vim, &[]);
    let body = lab.new_server("a");
    assert!(lab.send("POST", "/v2.1/servers", &body).lost);
    let servers = lab.get("/v2.1/servers");
    assert_eq!(servers["servers"].as_array().unwrap().len(), 1);
    lab.world.cloud.set_lost_landing(5000);
    lab.inject(Fault::ReplyLost, Target::Vim, &[]);
    assert!(lab.send("POST", "/v2.1/servers", &body).lost);
    lab.pass(4999);
    assert_eq!(
        lab.get("/v2.1/servers")["servers"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    lab.pass(1);
    let servers = lab.get("/v2.1/servers/detail");
    assert_eq!(
        servers["servers"].as_array().unwrap().len(),
        2,
        "it lands late"
    );
    assert_eq!(servers["servers"][0]["tenant_id"], lab.project);
}
