//! A server's life through Nova: every action, its states on the way, its record.

use serde_json::{Value, json};

use crate::harness::{admin, document, pairs, reboot, text};

/// The members of a document and those of its first event.
fn shape(action: &Value) -> (Vec<String>, Vec<String>) {
    let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect();
    (keys(action), keys(&action["events"][0]))
}

#[test]
fn records_have_the_shape_of_the_documented_ones() {
    let mut lab = admin();
    let (id, _) = lab.up("a");
    let record = lab.accepted(&id, &reboot("SOFT"));
    lab.pass(1000);
    let documented = include_str!("../../src/proto/nova/fixtures/action_reboot.json");
    let documented: Value = serde_json::from_str(documented).unwrap();
    // the address of the documents: /v2/{project}, without a microversion
    let target = format!(
        "/v2/{}/servers/{id}/os-instance-actions/{record}",
        lab.project
    );
    let shown = lab.get(&target);
    assert_eq!(
        shape(&shown["instanceAction"]),
        shape(&documented["instanceAction"])
    );
    let event = &shown["instanceAction"]["events"][0];
    assert_eq!(
        (&event["event"], &event["result"], &event["traceback"]),
        (
            &json!("compute_reboot_instance"),
            &json!("Success"),
            &Value::Null
        )
    );
    assert_eq!(
        shown["instanceAction"]["start_time"],
        "2026-11-22T06:00:01.000000"
    );
}

#[test]
fn a_server_is_scheduled_spawned_and_active() {
    let mut lab = admin();
    let (id, record) = lab.create("a");
    let mut seen = Vec::new();
    for _ in 0..21 {
        let (status, _, task, power) = lab.states(&id);
        if seen.last() != Some(&(status.clone(), task.clone(), power)) {
            seen.push((status, task, power));
        }
        lab.pass(10);
    }
    let seen: Vec<_> = seen
        .iter()
        .map(|(s, t, p)| (s.as_str(), t.as_str(), *p))
        .collect();
    assert_eq!(
        seen,
        [
            ("BUILD", "scheduling", 0),
            ("BUILD", "networking", 0),
            ("BUILD", "block_device_mapping", 0),
            ("BUILD", "spawning", 0),
            ("ACTIVE", "-", 1),
        ]
    );
    assert_eq!(
        lab.events(&id, &record),
        pairs(&[("compute__do_build_and_run_instance", "Success")])
    );
    let server = lab.server(&id);
    assert_eq!(server["addresses"]["esc-net"][0]["addr"], "10.20.0.2");
    assert_eq!(server["hostId"].as_str().unwrap().len(), 56);
    assert_eq!(server["OS-EXT-SRV-ATTR:host"], "sim-host-1");
    assert_eq!(server["created"], "2026-11-22T06:00:00Z");
    assert_eq!(server["tenant_id"], lab.project);
}

/// An action, status and task at once, status at the end, events.
type Row = (
    Value,
    (&'static str, &'static str),
    &'static str,
    Vec<(&'static str, &'static str)>,
);

#[test]
fn each_action_leads_where_it_shall_and_is_recorded() {
    let mut lab = admin();
    let (id, _) = lab.up("a");
    let (large, debian) = (lab.flavor("m1.large"), lab.image("debian-12"));
    let resize = json!({ "resize": { "flavorRef": large } });
    let resized = [
        ("conductor_migrate_server", "Success"),
        ("cold_migrate", "Success"),
        ("compute_prep_resize", "Success"),
        ("compute_resize_instance", "Success"),
        ("compute_finish_resize", "Success"),
    ];
    let table: Vec<Row> = vec![
        (
            reboot("SOFT"),
            ("REBOOT", "rebooting"),
            "ACTIVE",
            vec![("compute_reboot_instance", "Success")],
        ),
        (
            reboot("HARD"),
            ("HARD_REBOOT", "rebooting_hard"),
            "ACTIVE",
            vec![("compute_reboot_instance", "Success")],
        ),
        (
            json!({ "os-stop": null }),
            ("ACTIVE", "powering-off"),
            "SHUTOFF",
            vec![("compute_stop_instance", "Success")],
        ),
        (
            json!({ "os-start": null }),
            ("SHUTOFF", "powering-on"),
            "ACTIVE",
            vec![("compute_start_instance", "Success")],
        ),
        (
            json!({ "rebuild": { "imageRef": debian } }),
            ("REBUILD", "rebuilding"),
            "ACTIVE",
            vec![
                ("rebuild_server", "Success"),
                ("compute_rebuild_instance", "Success"),
            ],
        ),
        (
            resize.clone(),
            ("RESIZE", "resize_prep"),
            "VERIFY_RESIZE",
            resized.to_vec(),
        ),
        (
            json!({ "revertResize": null }),
            ("REVERT_RESIZE", "resize_reverting"),
            "ACTIVE",
            vec![
                ("compute_revert_resize", "Success"),
                ("compute_finish_revert_resize", "Success"),
            ],
        ),
        (
            resize,
            ("RESIZE", "resize_prep"),
            "VERIFY_RESIZE",
            resized.to_vec(),
        ),
        (
            json!({ "confirmResize": null }),
            ("VERIFY_RESIZE", "-"),
            "ACTIVE",
            vec![("compute_confirm_resize", "Success")],
        ),
        (
            json!({ "shelve": null }),
            ("ACTIVE", "shelving"),
            "SHELVED_OFFLOADED",
            vec![("compute_shelve_instance", "Success")],
        ),
        (
            json!({ "unshelve": null }),
            ("SHELVED_OFFLOADED", "unshelving"),
            "ACTIVE",
            vec![
                ("get_image_info", "Success"),
                ("schedule_instances", "Success"),
                ("compute_unshelve_instance", "Success"),
            ],
        ),
        (
            json!({ "pause": null }),
            ("ACTIVE", "pausing"),
            "PAUSED",
            vec![("compute_pause_instance", "Success")],
        ),
        (
            json!({ "unpause": null }),
            ("PAUSED", "unpausing"),
            "ACTIVE",
            vec![("compute_unpause_instance", "Success")],
        ),
        (
            json!({ "suspend": null }),
            ("ACTIVE", "suspending"),
            "SUSPENDED",
            vec![("compute_suspend_instance", "Success")],
        ),
        (
            json!({ "resume": null }),
            ("SUSPENDED", "resuming"),
            "ACTIVE",
            vec![("compute_resume_instance", "Success")],
        ),
    ];
    for (action, (status, task), end, events) in table {
        let record = lab.accepted(&id, &action);
        let (got, _, got_task, _) = lab.states(&id);
        assert_eq!(
            (got.as_str(), got_task.as_str()),
            (status, task),
            "{action}"
        );
        lab.pass(1000);
        let (got, _, got_task, _) = lab.states(&id);
        assert_eq!((got.as_str(), got_task.as_str()), (end, "-"), "{action}");
        assert_eq!(lab.events(&id, &record), pairs(&events), "{action}");
        assert_eq!(lab.action(&id, &record)["message"], Value::Null);
    }
    let server = lab.server(&id);
    assert_eq!(server["flavor"]["id"], large);
    assert_eq!(server["image"]["id"], debian);
    let actions = lab.get(&format!("/v2.1/servers/{id}/os-instance-actions"));
    let actions = actions["instanceActions"].as_array().unwrap();
    assert_eq!(actions.len(), 16);
    assert_eq!(
        (&actions[0]["action"], &actions[15]["action"]),
        (&json!("resume"), &json!("create"))
    );
}

#[test]
fn a_stopped_server_is_stopped_again_after_rebuild_and_revert() {
    let mut lab = admin();
    let (id, _) = lab.up("a");
    lab.accepted(&id, &json!({ "os-stop": null }));
    lab.pass(1000);
    let rebuild = json!({ "rebuild": { "imageRef": lab.image("cirros") } });
    let record = lab.accepted(&id, &rebuild);
    lab.pass(1000);
    assert_eq!(
        lab.events(&id, &record),
        pairs(&[
            ("rebuild_server", "Success"),
            ("compute_rebuild_instance", "Success"),
            ("compute_stop_instance", "Success"),
        ])
    );
    let resize = json!({ "resize": { "flavorRef": lab.flavor("m1.small") } });
    lab.accepted(&id, &resize);
    lab.pass(1000);
    let record = lab.accepted(&id, &json!({ "revertResize": null }));
    lab.pass(1000);
    assert_eq!(
        lab.events(&id, &record).last().unwrap().0,
        "compute_stop_instance"
    );
    assert_eq!(lab.states(&id).0, "SHUTOFF");
}

#[test]
fn a_shelved_server_that_keeps_its_host_is_offloaded_or_started() {
    let mut lab = admin();
    lab.world.settings.nova.shelve_offloads = false;
    let (id, _) = lab.up("a");
    lab.accepted(&id, &json!({ "shelve": null }));
    lab.pass(1000);
    assert_eq!(lab.states(&id).0, "SHELVED");
    let record = lab.accepted(&id, &json!({ "unshelve": null }));
    lab.pass(1000);
    assert_eq!(
        lab.events(&id, &record),
        pairs(&[("compute_start_instance", "Success")])
    );
    lab.accepted(&id, &json!({ "shelve": null }));
    lab.pass(1000);
    let record = lab.accepted(&id, &json!({ "shelveOffload": null }));
    lab.pass(1000);
    assert_eq!(
        lab.events(&id, &record),
        pairs(&[("compute_shelve_offload_instance", "Success")])
    );
    assert_eq!(lab.states(&id).0, "SHELVED_OFFLOADED");
    assert_eq!(lab.server(&id)["hostId"], "");
}

#[test]
fn a_deleted_server_is_deleting_then_gone_and_its_records_remain() {
    let mut lab = admin();
    let (id, _) = lab.up("a");
    let target = format!("/v2.1/servers/{id}");
    let reply = lab.send("DELETE", &target, &Value::Null);
    assert_eq!(reply.status, 204);
    let record = reply.header("x-openstack-request-id").unwrap().to_owned();
    assert_eq!(lab.states(&id).2, "deleting");
    lab.pass(1000);
    assert_eq!(lab.refused("GET", &target, &Value::Null).0, 404);
    let records = format!("{target}/os-instance-actions/{record}");
    assert_eq!(
        lab.refused("GET", &records, &Value::Null).0,
        404,
        "before 2.21"
    );
    lab.version = Some("2.21");
    assert_eq!(
        lab.events(&id, &record),
        pairs(&[("compute_terminate_instance", "Success")])
    );
}

#[test]
fn metadata_tags_names_and_locks_are_kept() {
    let mut lab = admin();
    let (id, _) = lab.up("a");
    let base = format!("/v2.1/servers/{id}");
    lab.send(
        "POST",
        &format!("{base}/metadata"),
        &json!({ "metadata": { "a": "1", "b": "2" } }),
    );
    lab.send("DELETE", &format!("{base}/metadata/a"), &Value::Null);
    assert_eq!(
        lab.get(&format!("{base}/metadata"))["metadata"],
        json!({ "b": "2" })
    );
    lab.send("PUT", &base, &json!({ "server": { "name": "renamed" } }));
    lab.version = Some("latest");
    assert_eq!(
        lab.send("PUT", &format!("{base}/tags/x"), &Value::Null)
            .status,
        201
    );
    assert_eq!(
        lab.act(&id, &json!({ "lock": { "locked_reason": "why" } }))
            .status,
        202
    );
    let server = lab.server(&id);
    assert_eq!(
        (
            &server["name"],
            &server["tags"],
            &server["locked"],
            &server["locked_reason"]
        ),
        (
            &json!("renamed"),
            &json!(["x"]),
            &json!(true),
            &json!("why")
        )
    );
    assert_eq!(server["flavor"]["original_name"], "m1.tiny");
    assert_eq!(server["host_status"], "UP");
    let found = lab.get("/v2.1/servers/detail?name=%5Erenamed%24&metadata=%7B%22b%22%3A%222%22%7D");
    assert_eq!(found["servers"].as_array().unwrap().len(), 1);
    let none = lab.get("/v2.1/servers?name=%5Eename");
    assert_eq!(none["servers"].as_array().unwrap().len(), 0);
}

#[test]
fn lists_are_paged_newest_first() {
    let mut lab = admin();
    for name in ["a", "b", "c"] {
        lab.create(name);
        lab.pass(1000);
    }
    let first = lab.get("/v2.1/servers?limit=2");
    let names = |list: &Value| -> Vec<String> {
        let all = list["servers"].as_array().unwrap().iter();
        all.map(|server| server["name"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(names(&first), ["c", "b"]);
    let next = first["servers_links"][0]["href"].as_str().unwrap();
    let target = next
        .strip_prefix("http://cloud.example:8774")
        .unwrap()
        .to_owned();
    assert_eq!(names(&lab.get(&target)), ["a"]);
    assert_eq!(
        lab.refused("GET", "/v2.1/servers?marker=none", &Value::Null)
            .0,
        400
    );
}

#[test]
fn ports_of_their_own_are_given_to_servers_and_outlive_them() {
    let mut lab = admin();
    let net = lab.network("esc-net");
    let wanted = json!({ "port": {
        "network_id": net, "name": "p", "mac_address": "fa:16:3e:00:00:01",
        "fixed_ips": [{ "ip_address": "10.20.3.3" }], "description": "mine",
    }});
    let reply = lab.send("POST", "/networking/v2.0/ports", &wanted);
    assert_eq!(reply.status, 201, "{}", text(&reply));
    let port = document(&reply)["port"].clone();
    assert_eq!(
        (&port["status"], &port["description"]),
        (&json!("DOWN"), &json!("mine"))
    );
    let port = port["id"].as_str().unwrap().to_owned();
    let again = lab.refused("POST", "/networking/v2.0/ports", &wanted);
    assert_eq!(again.0, 409, "{}", again.1);
    let mut server = lab.new_server("a");
    server["server"]["networks"] = json!([{ "port": port }]);
    let made = lab.send("POST", "/v2.1/servers", &server);
    let id = document(&made)["server"]["id"].as_str().unwrap().to_owned();
    lab.pass(1000);
    assert_eq!(
        lab.server(&id)["addresses"]["esc-net"][0]["addr"],
        "10.20.3.3"
    );
    let mine = lab.get(&format!("/networking/v2.0/ports?device_id={id}"));
    assert_eq!(mine["ports"][0]["id"], port);
    lab.send("DELETE", &format!("/v2.1/servers/{id}"), &Value::Null);
    lab.pass(1000);
    let port = lab.get(&format!("/networking/v2.0/ports/{port}"));
    assert_eq!(port["port"]["device_id"], "");
}

#[test]
fn networks_subnets_images_and_flavors_come_and_go() {
    let mut lab = admin();
    let net = lab.send(
        "POST",
        "/networking/v2.0/networks",
        &json!({ "network": { "name": "n", "description": "token" } }),
    );
    let net = document(&net)["network"]["id"].as_str().unwrap().to_owned();
    let twin = lab.send(
        "POST",
        "/networking/v2.0/networks",
        &json!({ "network": { "name": "n" } }),
    );
    assert_ne!(
        document(&twin)["network"]["id"],
        net,
        "names are not unique"
    );
    let wanted = json!({ "subnet": { "network_id": net, "ip_version": 4, "cidr": "10.9.0.0/24" } });
    let subnet = document(&lab.send("POST", "/networking/v2.0/subnets", &wanted))["subnet"].clone();
    assert_eq!(
        (&subnet["gateway_ip"], &subnet["cidr"]),
        (&json!("10.9.0.1"), &json!("10.9.0.0/24"))
    );
    assert_eq!(
        lab.refused("POST", "/networking/v2.0/subnets", &wanted).0,
        400
    );
    assert_eq!(
        lab.get("/networking/v2.0/networks?description=token")["networks"][0]["id"],
        net
    );
    for _ in 0..2 {
        let reply = lab.send(
            "DELETE",
            &format!("/networking/v2.0/networks/{net}"),
            &Value::Null,
        );
        assert!(matches!(reply.status, 204 | 404));
    }
    assert_eq!(
        lab.refused(
            "GET",
            &format!("/networking/v2.0/networks/{net}"),
            &Value::Null
        )
        .0,
        404
    );
    let image = lab.send(
        "POST",
        "/image/v2/images",
        &json!({ "name": "mine", "disk_format": "raw", "container_format": "bare" }),
    );
    let image = document(&image);
    assert_eq!(image["status"], "queued");
    let id = image["id"].as_str().unwrap().to_owned();
    let mut server = lab.new_server("a");
    server["server"]["imageRef"] = json!(id);
    assert_eq!(
        lab.refused("POST", "/v2.1/servers", &server).0,
        400,
        "not active yet"
    );
    let import =
        json!({ "method": { "name": "web-download", "uri": "http://images.example/mine" } });
    assert_eq!(
        lab.send("POST", &format!("/image/v2/images/{id}/import"), &import)
            .status,
        202
    );
    assert_eq!(
        lab.get(&format!("/image/v2/images/{id}"))["status"],
        "active"
    );
    assert_eq!(lab.send("POST", "/v2.1/servers", &server).status, 202);
    let flavor =
        json!({ "flavor": { "name": "mine", "id": "7", "vcpus": 3, "ram": 300, "disk": 2 } });
    assert_eq!(lab.send("POST", "/v2.1/flavors", &flavor).status, 200);
    assert_eq!(lab.get("/v2.1/flavors/7")["flavor"]["vcpus"], 3);
    assert_eq!(lab.refused("POST", "/v2.1/flavors", &flavor).0, 409);
    assert_eq!(
        lab.send("DELETE", "/v2.1/flavors/7", &Value::Null).status,
        202
    );
    assert_eq!(lab.refused("GET", "/v2.1/flavors/7", &Value::Null).0, 404);
}
