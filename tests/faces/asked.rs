//! What a request for servers may say, and that what it says is done or refused, never dropped.

use lifeline::cloudsim::{Fault, Target};
use lifeline::cloudsim_faces::{Request, answer_nova};
use serde_json::{Value, json};

use crate::harness::{Lab, admin, document, lab, text};

/// A create with more members of `server`.
fn create_with(lab: &mut Lab, name: &str, more: &Value) -> (u16, Value) {
    let mut body = lab.new_server(name);
    for (key, value) in more.as_object().unwrap() {
        match key.as_str() {
            "os:scheduler_hints" => body[key] = value.clone(),
            _ => body["server"][key] = value.clone(),
        }
    }
    let reply = lab.send("POST", "/v2.1/servers", &body);
    (reply.status, serde_json::from_slice(&reply.body).unwrap())
}

fn made(lab: &mut Lab, name: &str, more: &Value) -> String {
    let (status, answer) = create_with(lab, name, more);
    assert_eq!(status, 202, "{answer}");
    answer["server"]["id"].as_str().unwrap().to_owned()
}

fn names(lab: &mut Lab, query: &str) -> Vec<String> {
    let all = lab.get(&format!("/v2.1/servers?{query}"));
    let all = all["servers"].as_array().unwrap().iter();
    all.map(|one| one["name"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn members_that_the_microversion_does_not_have_are_refused_not_dropped() {
    let mut lab = admin();
    for (member, first) in [
        ("description", 19),
        ("tags", 52),
        ("host", 74),
        ("hypervisor_hostname", 74),
        ("hostname", 90),
    ] {
        let value = match member {
            "tags" => json!(["a"]),
            "host" | "hypervisor_hostname" => json!("sim-host-2"),
            _ => json!("word"),
        };
        for (minor, status) in [(first - 1, 400), (first, 202)] {
            lab.version = Some(Box::leak(format!("2.{minor}").into_boxed_str()));
            let (got, answer) = create_with(&mut lab, "a", &json!({ member: value }));
            assert_eq!(got, status, "{member} in 2.{minor}: {answer}");
            if status == 400 {
                let words = answer["badRequest"]["message"].as_str().unwrap();
                assert!(
                    words.contains(&format!("('{member}' was unexpected)")),
                    "{words}"
                );
            }
        }
    }
    lab.version = None;
    assert_eq!(create_with(&mut lab, "a", &json!({ "bogus": 1 })).0, 400);
    // the legacy form drops what it does not know
    let target = format!("/v2/{}/servers", lab.project);
    let mut body = lab.new_server("a");
    body["server"]["bogus"] = json!(1);
    assert_eq!(lab.send("POST", &target, &body).status, 202);
}

#[test]
fn a_server_goes_to_the_host_that_was_asked_for() {
    let mut lab = admin();
    let host = |lab: &mut Lab, id: &str| lab.server(id)["OS-EXT-SRV-ATTR:host"].clone();
    for _ in 0..3 {
        let wish = json!({ "availability_zone": "nova:sim-host-3" });
        let id = made(&mut lab, "a", &wish);
        assert_eq!(host(&mut lab, &id), "sim-host-3");
    }
    lab.version = Some("2.74");
    let id = made(&mut lab, "b", &json!({ "host": "sim-host-2" }));
    assert_eq!(host(&mut lab, &id), "sim-host-2");
    let none = create_with(&mut lab, "b", &json!({ "host": "sim-host-99" }));
    assert_eq!(none.0, 400, "{none:?}");
    let zone = create_with(&mut lab, "b", &json!({ "availability_zone": "moon" }));
    assert_eq!(zone.0, 400, "{zone:?}");
    // a host that is cut off has no room for it
    lab.inject(Fault::HostDown, Target::Host("sim-host-4".to_owned()), &[]);
    let id = made(
        &mut lab,
        "c",
        &json!({ "availability_zone": "nova:sim-host-4" }),
    );
    lab.pass(1000);
    let server = lab.server(&id);
    assert_eq!(server["status"], "ERROR");
    let words = server["fault"]["message"].as_str().unwrap();
    assert!(words.starts_with("No valid host was found."), "{words}");
    // choosing is for administrators
    let mut demo = crate::harness::lab("demo");
    demo.version = Some("2.74");
    for wish in [
        json!({ "availability_zone": "nova:sim-host-1" }),
        json!({ "host": "sim-host-1" }),
    ] {
        assert_eq!(create_with(&mut demo, "a", &wish).0, 403);
    }
}

#[test]
fn nothing_new_is_made_on_a_host_whose_service_is_disabled() {
    let mut lab = admin();
    lab.version = Some("2.53");
    for host in lab.world.cloud.hosts().into_iter().skip(1) {
        let target = format!("/v2.1/os-services/{}", host.id);
        let change = json!({ "status": "disabled" });
        assert_eq!(lab.send("PUT", &target, &change).status, 200);
    }
    for _ in 0..3 {
        let (id, _) = lab.create("a");
        assert_eq!(lab.server(&id)["OS-EXT-SRV-ATTR:host"], "sim-host-1");
    }
}

#[test]
fn a_server_group_is_obeyed_and_shown() {
    let mut lab = admin();
    let group = |lab: &mut Lab, policy: &str| {
        lab.version = Some("2.63");
        let body = json!({ "server_group": { "name": policy, "policies": [policy] } });
        let made = document(&lab.send("POST", "/v2.1/os-server-groups", &body));
        lab.version = Some("2.71");
        made["server_group"]["id"].as_str().unwrap().to_owned()
    };
    let hosts_of = |lab: &mut Lab, group: &str, count: usize| -> Vec<String> {
        let hint = json!({ "os:scheduler_hints": { "group": group } });
        (0..count)
            .map(|_| {
                let id = made(lab, "m", &hint);
                lab.pass(1000);
                let server = lab.server(&id);
                assert_eq!(server["server_groups"], json!([group]));
                let host = &server["OS-EXT-SRV-ATTR:host"];
                host.as_str().unwrap_or("none").to_owned()
            })
            .collect()
    };
    let apart = group(&mut lab, "anti-affinity");
    let mut hosts = hosts_of(&mut lab, &apart, 5);
    assert_eq!(hosts.pop().unwrap(), "none", "four hosts, five servers");
    hosts.sort_unstable();
    hosts.dedup();
    assert_eq!(hosts.len(), 4);
    let together = group(&mut lab, "affinity");
    let mut hosts = hosts_of(&mut lab, &together, 3);
    hosts.dedup();
    assert_eq!(hosts.len(), 1);
    let soft = group(&mut lab, "soft-anti-affinity");
    assert!(!hosts_of(&mut lab, &soft, 5).contains(&"none".to_owned()));
    lab.version = Some("2.63");
    let shown = lab.get(&format!("/v2.1/os-server-groups/{together}"));
    let shown = &shown["server_group"];
    assert_eq!(shown["members"].as_array().unwrap().len(), 3);
    assert_eq!(shown["policies"], json!(["affinity"]));
    assert_eq!(shown["metadata"], json!({}));
    lab.version = Some("2.64");
    let shown = lab.get(&format!("/v2.1/os-server-groups/{together}"));
    assert_eq!(shown["server_group"]["policy"], "affinity");
    assert_eq!(shown["server_group"].get("policies"), None);
    let body = json!({ "server_group": { "name": "n", "policy": "anti-affinity",
        "rules": { "max_server_per_host": 2 } } });
    let reply = lab.send("POST", "/v2.1/os-server-groups", &body);
    assert_eq!(
        document(&reply)["server_group"]["rules"],
        json!({ "max_server_per_host": 2 })
    );
    for bad in [
        json!({ "name": "n", "policies": ["affinity"] }),
        json!({ "name": "n", "policy": "near" }),
        json!({ "name": "n", "policy": "affinity", "rules": { "max_server_per_host": 2 } }),
        json!({ "name": "", "policy": "affinity" }),
    ] {
        let body = json!({ "server_group": bad });
        let (status, _) = lab.refused("POST", "/v2.1/os-server-groups", &body);
        assert_eq!(status, 400, "{body}");
    }
    let target = format!("/v2.1/os-server-groups/{together}");
    assert_eq!(lab.send("DELETE", &target, &Value::Null).status, 204);
    assert_eq!(lab.refused("GET", &target, &Value::Null).0, 404);
    let gone = json!({ "os:scheduler_hints": { "group": together } });
    assert_eq!(create_with(&mut lab, "m", &gone).0, 400);
}

#[test]
fn booleans_may_be_words_as_in_novas_schemas() {
    let mut lab = admin();
    for (word, shown) in [
        (json!("True"), "True"),
        (json!("yes"), "True"),
        (json!(1), "True"),
        (json!("0"), ""),
        (json!(false), ""),
    ] {
        let id = made(&mut lab, "a", &json!({ "config_drive": word }));
        assert_eq!(lab.server(&id)["config_drive"], shown, "{word}");
    }
    let (status, _) = create_with(&mut lab, "a", &json!({ "config_drive": "maybe" }));
    assert_eq!(status, 400);
}

#[test]
fn a_volume_made_with_a_server_is_shown_with_it() {
    let mut lab = admin();
    let image = lab.image("cirros");
    let disks = json!([
        { "source_type": "image", "destination_type": "volume", "uuid": image,
          "boot_index": 0, "volume_size": 1, "delete_on_termination": true },
        { "source_type": "blank", "destination_type": "volume", "boot_index": -1, "volume_size": 2 },
    ]);
    let wish = json!({ "imageRef": "", "block_device_mapping_v2": disks });
    let id = made(&mut lab, "a", &wish);
    lab.version = Some("2.79");
    let server = lab.server(&id);
    assert_eq!(server["image"], "", "booted from a volume");
    let volumes = &server["os-extended-volumes:volumes_attached"];
    assert_eq!(volumes.as_array().unwrap().len(), 2);
    assert_eq!(volumes[0]["delete_on_termination"], true);
    let attached = lab.get(&format!("/v2.1/servers/{id}/os-volume_attachments"));
    let attached = &attached["volumeAttachments"];
    assert_eq!(attached[0]["volumeId"], volumes[0]["id"]);
    assert_eq!(attached[0]["device"], "/dev/vda");
    assert_eq!(attached[1]["delete_on_termination"], false);
    // there is no Cinder to have others from
    for kind in ["volume", "snapshot"] {
        let disks = json!([{ "source_type": kind, "destination_type": "volume", "uuid": "v",
            "boot_index": 0 }]);
        let wish = json!({ "block_device_mapping_v2": disks });
        assert_eq!(create_with(&mut lab, "a", &wish).0, 400, "{kind}");
    }
}

#[test]
fn what_is_asked_of_a_create_is_checked() {
    let mut lab = admin();
    for (wish, status) in [
        (json!({ "user_data": "not base64!" }), 400),
        (json!({ "security_groups": [{ "name": "nosuch" }] }), 400),
        (json!({ "security_groups": [{ "name": "default" }] }), 202),
        (json!({ "accessIPv4": "not an address" }), 400),
        (json!({ "OS-DCF:diskConfig": "PERHAPS" }), 400),
    ] {
        let got = create_with(&mut lab, "a", &wish);
        assert_eq!(got.0, status, "{wish}: {got:?}");
    }
    lab.version = Some("2.90");
    let wish =
        json!({ "accessIPv4": "192.0.2.1", "OS-DCF:diskConfig": "AUTO", "hostname": "inner" });
    let id = made(&mut lab, "a", &wish);
    let server = lab.server(&id);
    assert_eq!(server["accessIPv4"], "192.0.2.1");
    assert_eq!(server["OS-DCF:diskConfig"], "AUTO");
    assert_eq!(server["OS-EXT-SRV-ATTR:hostname"], "inner");
}

#[test]
fn every_filter_filters_or_is_refused() {
    let mut lab = admin();
    lab.version = Some("2.74");
    let one = made(&mut lab, "one", &json!({ "tags": ["a", "b"] }));
    lab.pass(2000);
    made(&mut lab, "two", &json!({ "tags": ["b", "c"] }));
    lab.pass(2000);
    made(&mut lab, "three", &json!({ "config_drive": true }));
    lab.pass(2000);
    let lock = lab.act(&one, &json!({ "lock": null }));
    assert_eq!(lock.status, 202);
    for (query, wanted) in [
        ("tags=a,b", vec!["one"]),
        ("tags-any=a,c", vec!["two", "one"]),
        ("not-tags=a,b", vec!["three", "two"]),
        ("not-tags-any=a,c", vec!["three"]),
        ("locked=true", vec!["one"]),
        ("locked=False", vec!["three", "two"]),
        ("config_drive=true", vec!["three"]),
        ("power_state=1&name=t", vec!["three", "two"]),
        ("power_state=4", vec![]),
        ("availability_zone=nova&limit=1", vec!["three"]),
        ("availability_zone=moon", vec![]),
        ("key_name=k", vec![]),
        ("status=ACTIVE&status=ERROR&limit=1", vec!["three"]),
        ("changes-before=2026-11-22T06:00:03Z", vec!["two"]),
        // as novaclient writes it, without a zone
        ("changes-since=2026-11-22T06:00:04", vec!["three", "one"]),
        ("changes-since=2026-11-22&name=one", vec!["one"]),
        (
            "sort_key=display_name&sort_dir=asc",
            vec!["one", "three", "two"],
        ),
        ("sort_key=display_name", vec!["two", "three", "one"]),
        (
            "sort_key=locked_by&sort_key=created_at&sort_dir=asc&sort_dir=asc",
            vec!["one", "two", "three"],
        ),
        ("deleted=False&limit=1", vec!["three"]),
    ] {
        assert_eq!(names(&mut lab, query), wanted, "{query}");
    }
    for (query, status) in [
        ("deleted=true", 501),
        ("locked=maybe", 400),
        ("power_state=on", 400),
        ("changes-since=soon", 400),
        ("sort_key=beauty", 400),
        ("sort_dir=up", 400),
        ("vcpus=1", 501),
    ] {
        let got = lab.refused("GET", &format!("/v2.1/servers?{query}"), &Value::Null);
        assert_eq!(got.0, status, "{query}: {}", got.1);
    }
    // what is no parameter of Nova's at all: from 2.75 on
    assert_eq!(names(&mut lab, "beauty=1&limit=1"), ["three"]);
    lab.version = Some("2.75");
    let strange = lab.refused("GET", "/v2.1/servers?beauty=1", &Value::Null);
    assert_eq!(strange.0, 400, "{}", strange.1);
}

#[test]
fn a_record_is_found_by_the_time_that_it_shows() {
    let mut lab = admin();
    lab.version = Some("2.66");
    let (id, _) = lab.up("a");
    lab.pass(1700);
    lab.accepted(&id, &json!({ "os-stop": null }));
    lab.pass(2000);
    let target = format!("/v2.1/servers/{id}/os-instance-actions");
    let all = lab.get(&target);
    let newest = &all["instanceActions"][0];
    let at = newest["updated_at"].as_str().unwrap();
    for key in ["changes-since", "changes-before"] {
        let found = lab.get(&format!("{target}?{key}={at}"));
        let found = found["instanceActions"].as_array().unwrap();
        assert!(found.contains(newest), "{key}={at}: {found:?}");
    }
}

#[test]
fn a_body_of_another_media_type_is_not_read() {
    let mut lab = admin();
    for (kind, status) in [
        ("application/xml", 415),
        ("application/x-www-form-urlencoded", 415),
        ("application/json; charset=utf-8", 400),
    ] {
        let headers = vec![
            ("content-type".to_owned(), kind.to_owned()),
            ("x-auth-token".to_owned(), lab.token.clone()),
        ];
        let body = b"{}".to_vec();
        let request = Request::new("POST", "/v2.1/servers", headers, body, "127.0.0.1:1");
        let reply = answer_nova(&mut lab.world, &request);
        assert_eq!(reply.status, status, "{kind}: {}", text(&reply));
        if status == 415 {
            let words = &document(&reply)["badMediaType"]["message"];
            assert_eq!(words, "Unsupported Content-Type");
        }
    }
}

#[test]
fn every_refusal_of_novas_has_a_request_id() {
    let mut lab = lab("demo");
    for (version, status) in [("2.94", 406), ("two", 400)] {
        lab.version = Some(version);
        let reply = lab.send("GET", "/v2.1/servers", &Value::Null);
        assert_eq!(reply.status, status);
        let id = crate::harness::record_of(&reply);
        assert!(id.starts_with("req-"), "{id}");
    }
    lab.version = None;
    let reply = lab.send("PUT", "/v2.1/servers", &json!({}));
    assert_eq!(reply.status, 405);
    assert!(document(&reply).get("badMethod").is_some());
}

#[test]
fn a_create_of_a_name_that_never_was_can_be_made_to_fail() {
    for fault in [
        Fault::CreateFails,
        Fault::HostsExhausted,
        Fault::HostRetried,
    ] {
        let mut lab = admin();
        lab.inject_vm(fault, "new");
        lab.create("other");
        let (id, _) = lab.create("new");
        lab.pass(3000);
        let wanted = match fault {
            Fault::HostRetried => "ACTIVE",
            _ => "ERROR",
        };
        assert_eq!(lab.server(&id)["status"], wanted, "{fault:?}");
        assert_eq!(
            names(&mut lab, "status=ACTIVE").len(),
            2 - usize::from(wanted == "ERROR")
        );
    }
    // and be let go again before it is there
    let mut lab = admin();
    lab.inject_vm(Fault::CreateFails, "new");
    let target = Target::Vm("new".to_owned());
    lab.world.cloud.clear(Some(target)).unwrap();
    let (id, _) = lab.up("new");
    assert_eq!(lab.server(&id)["status"], "ACTIVE");
}
