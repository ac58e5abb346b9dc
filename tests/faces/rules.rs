//! What Nova refuses, and how a microversion is agreed on.

use serde_json::{Value, json};

use crate::harness::{admin, document, lab, reboot, text};

#[test]
fn a_microversion_is_agreed_on_as_nova_does() {
    let mut lab = admin();
    let plain = lab.send("GET", "/v2.1/servers", &Value::Null);
    assert_eq!(plain.header("openstack-api-version"), Some("compute 2.1"));
    assert_eq!(plain.header("x-openstack-nova-api-version"), Some("2.1"));
    for (asked, status, said) in [
        ("2.93", 200, Some("compute 2.93")),
        ("latest", 200, Some("compute 2.93")),
        ("2.94", 406, None),
        ("2.0", 406, None),
        ("1.9", 406, None),
        ("two", 400, None),
    ] {
        lab.version = Some(asked);
        let reply = lab.send("GET", "/v2.1/servers", &Value::Null);
        assert_eq!(reply.status, status, "{asked}");
        assert_eq!(reply.header("openstack-api-version"), said, "{asked}");
    }
    lab.version = Some("2.94");
    let words = text(&lab.send("GET", "/v2.1/servers", &Value::Null));
    assert!(
        words.contains(
            "Version 2.94 is not supported by the API. Minimum is 2.1 and maximum is 2.93."
        ),
        "{words}"
    );
    // the legacy form takes no notice, and says nothing
    let target = format!("/v2/{}/servers", lab.project);
    let legacy = lab.send("GET", &target, &Value::Null);
    assert_eq!(
        (legacy.status, legacy.header("openstack-api-version")),
        (200, None)
    );
    lab.version = None;
    let versions = lab.get("/");
    assert_eq!(versions["versions"][0]["status"], "SUPPORTED");
    assert_eq!(versions["versions"][1]["version"], "2.93");
    assert_eq!(
        lab.refused("GET", "/v2/servers", &Value::Null).0,
        400,
        "v2 needs a project"
    );
    assert_eq!(
        lab.refused("GET", "/v2.1/other/servers", &Value::Null).0,
        400
    );
}

#[test]
fn members_come_with_their_microversion() {
    let mut lab = admin();
    let (id, record) = lab.up("a");
    for (member, since) in [
        ("locked", "2.9"),
        ("host_status", "2.16"),
        ("description", "2.19"),
        ("tags", "2.26"),
        ("trusted_image_certificates", "2.63"),
        ("server_groups", "2.71"),
        ("locked_reason", "2.73"),
    ] {
        let (_, minor) = since.split_once('.').unwrap();
        let before: u32 = minor.parse::<u32>().unwrap() - 1;
        let before: &'static str = Box::leak(format!("2.{before}").into_boxed_str());
        lab.version = Some(before);
        assert_eq!(lab.server(&id).get(member), None, "{member} before {since}");
        lab.version = Some(since);
        assert!(lab.server(&id).get(member).is_some(), "{member} in {since}");
    }
    lab.version = Some("2.57");
    assert_eq!(lab.action(&id, &record).get("updated_at"), None);
    lab.version = Some("2.58");
    assert!(lab.action(&id, &record).get("updated_at").is_some());
    for (member, since, before) in [("hostId", "2.62", "2.61"), ("details", "2.84", "2.83")] {
        lab.version = Some(before);
        assert_eq!(lab.action(&id, &record)["events"][0].get(member), None);
        lab.version = Some(since);
        assert!(lab.action(&id, &record)["events"][0].get(member).is_some());
    }
}

#[test]
fn events_are_seen_by_their_owner_from_2_51_on_without_tracebacks() {
    let mut lab = lab("demo");
    let (id, record) = lab.up("a");
    assert_eq!(lab.action(&id, &record).get("events"), None);
    lab.version = Some("2.51");
    let event = lab.action(&id, &record)["events"][0].clone();
    assert_eq!(
        (&event["result"], event.get("traceback")),
        (&json!("Success"), None)
    );
    lab.version = Some("2.84");
    let event = lab.action(&id, &record)["events"][0].clone();
    assert_eq!((event.get("details"), event.get("host")), (None, None));
    assert!(event.get("hostId").is_some());
    let server = lab.server(&id);
    for member in [
        "host_status",
        "OS-EXT-SRV-ATTR:host",
        "OS-EXT-SRV-ATTR:instance_name",
    ] {
        assert_eq!(server.get(member), None, "{member} is the administrators'");
    }
    assert_eq!(lab.refused("GET", "/v2.1/os-services", &Value::Null).0, 403);
    assert_eq!(
        lab.refused("GET", "/v2.1/servers?all_tenants=1", &Value::Null)
            .0,
        403
    );
}

#[test]
fn a_state_that_does_not_allow_an_action_is_told() {
    let mut lab = admin();
    let (id, _) = lab.up("a");
    let refuse = |lab: &mut crate::harness::Lab, action: &Value| {
        let reply = lab.act(&id, action);
        let words = document(&reply)["conflictingRequest"]["message"].clone();
        (reply.status, words.as_str().unwrap_or_default().to_owned())
    };
    let start = json!({ "os-start": null });
    let wanted = format!("Cannot 'start' instance {id} while it is in vm_state active");
    assert_eq!(refuse(&mut lab, &start), (409, wanted));
    for action in [
        "unpause",
        "resume",
        "unshelve",
        "confirmResize",
        "revertResize",
        "shelveOffload",
    ] {
        assert_eq!(
            refuse(&mut lab, &json!({ action: null })).0,
            409,
            "{action}"
        );
    }
    lab.accepted(&id, &reboot("SOFT"));
    lab.pass(300);
    let wanted = format!("Cannot 'reboot' instance {id} while it is in task_state reboot_started");
    assert_eq!(refuse(&mut lab, &reboot("SOFT")), (409, wanted));
    lab.pass(1000);
    lab.accepted(&id, &json!({ "os-stop": null }));
    lab.pass(1000);
    let wanted = format!("Cannot 'reboot' instance {id} while it is in vm_state stopped");
    assert_eq!(refuse(&mut lab, &reboot("SOFT")), (409, wanted));
    lab.accepted(&id, &reboot("HARD"));
    lab.pass(1000);
    assert_eq!(lab.states(&id).0, "ACTIVE");
    let same = json!({ "resize": { "flavorRef": lab.flavor("m1.tiny") } });
    assert_eq!(lab.act(&id, &same).status, 400);
    for (action, status) in [("fly", 400), ("evacuate", 501)] {
        assert_eq!(
            lab.act(&id, &json!({ action: null })).status,
            status,
            "{action}"
        );
    }
    let mut demo = crate::harness::lab("demo");
    let (id, _) = demo.up("b");
    assert_eq!(demo.act(&id, &json!({ "lock": null })).status, 202);
    assert_eq!(demo.act(&id, &reboot("HARD")).status, 409, "locked");
    assert_eq!(
        demo.send("DELETE", &format!("/v2.1/servers/{id}"), &Value::Null)
            .status,
        409
    );
    assert_eq!(demo.act(&id, &json!({ "unlock": null })).status, 202);
    assert_eq!(demo.act(&id, &reboot("HARD")).status, 202);
}

#[test]
fn what_a_new_server_names_must_exist() {
    let mut lab = admin();
    let good = lab.new_server("a");
    let breakages: [(&str, Value, u16); 8] = [
        ("name", json!(""), 400),
        ("imageRef", json!("none"), 400),
        ("flavorRef", json!("none"), 400),
        ("networks", json!([{ "uuid": "none" }]), 400),
        ("networks", json!([{ "port": "none" }]), 400),
        ("networks", Value::Null, 409),
        ("availability_zone", json!("moon"), 400),
        ("key_name", json!("none"), 400),
    ];
    for (member, value, status) in breakages {
        let mut bad = good.clone();
        bad["server"][member] = value;
        let (got, words) = lab.refused("POST", "/v2.1/servers", &bad);
        assert_eq!(got, status, "{member}: {words}");
    }
    lab.version = Some("2.37");
    let mut bare = good.clone();
    bare["server"].as_object_mut().unwrap().remove("networks");
    assert_eq!(
        lab.refused("POST", "/v2.1/servers", &bare).0,
        400,
        "from 2.37 on they must be given"
    );
    bare["server"]["networks"] = json!("none");
    assert_eq!(lab.send("POST", "/v2.1/servers", &bare).status, 202);
    assert_eq!(lab.world.cloud.all_vms().count(), 1);
    let mut several = good;
    several["server"]["min_count"] = json!(3);
    lab.version = None;
    assert_eq!(lab.send("POST", "/v2.1/servers", &several).status, 202);
    assert_eq!(lab.world.cloud.all_vms().count(), 4);
}

#[test]
fn the_quota_is_nova_s_403() {
    let mut lab = admin();
    lab.create("a");
    let most = lab.world.cloud.settings().max_vms;
    assert!(most > 1);
    let mut settings = lab.world.cloud.settings().clone();
    settings.max_vms = 1;
    lab.world.cloud.reconfigure(settings).unwrap();
    let body = lab.new_server("b");
    let (status, words) = lab.refused("POST", "/v2.1/servers", &body);
    assert_eq!(status, 403);
    assert!(words.contains("Quota exceeded"), "{words}");
}

#[test]
fn projects_do_not_see_each_other() {
    let mut lab = admin();
    let (id, _) = lab.up("a");
    lab.log_in("demo");
    assert_eq!(lab.get("/v2.1/servers")["servers"], json!([]));
    assert_eq!(
        lab.refused("GET", &format!("/v2.1/servers/{id}"), &Value::Null)
            .0,
        404
    );
    let records = format!("/v2.1/servers/{id}/os-instance-actions");
    assert_eq!(lab.refused("GET", &records, &Value::Null).0, 404);
    let (mine, _) = lab.up("b");
    lab.log_in("admin");
    assert_eq!(
        lab.get("/v2.1/servers")["servers"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    let all = lab.get("/v2.1/servers?all_tenants=1");
    assert_eq!(all["servers"].as_array().unwrap().len(), 2);
    assert_eq!(lab.server(&mine)["name"], "b");
}

#[test]
fn a_service_that_is_forced_down_is_shown_so() {
    let mut lab = admin();
    let (id, _) = lab.up("a");
    lab.version = Some("2.53");
    let services = lab.get("/v2.1/os-services");
    let service = services["services"][0].clone();
    assert_eq!(
        (&service["state"], &service["forced_down"]),
        (&json!("up"), &json!(false))
    );
    let target = format!("/v2.1/os-services/{}", service["id"].as_str().unwrap());
    let reply = lab.send("PUT", &target, &json!({ "forced_down": true }));
    assert_eq!(document(&reply)["service"]["state"], "down");
    assert_eq!(lab.server(&id)["host_status"], "UNKNOWN");
    lab.send(
        "PUT",
        &target,
        &json!({ "forced_down": false, "status": "disabled" }),
    );
    assert_eq!(lab.server(&id)["host_status"], "MAINTENANCE");
}
