//! Golden documents, the variants of microversions, and what must not be taken.

use serde_json::{Value, json};

use super::*;

/// Every action a 2016 cloud's documentation shows, as `action_<name>.json` in `fixtures`.
const ACTIONS: &[(&str, &str, &[&str])] = &[
    (
        "reboot",
        include_str!("fixtures/action_reboot.json"),
        &["compute_reboot_instance"],
    ),
    (
        "rebuild",
        include_str!("fixtures/action_rebuild.json"),
        &["compute_stop_instance", "compute_rebuild_instance"],
    ),
    (
        "resize",
        include_str!("fixtures/action_resize.json"),
        &[
            "compute_finish_resize",
            "compute_resize_instance",
            "compute_prep_resize",
            "cold_migrate",
        ],
    ),
    (
        "confirmResize",
        include_str!("fixtures/action_confirmResize.json"),
        &["compute_confirm_resize"],
    ),
    (
        "revertResize",
        include_str!("fixtures/action_revertResize.json"),
        &[
            "compute_stop_instance",
            "compute_finish_revert_resize",
            "compute_revert_resize",
        ],
    ),
    (
        "shelve",
        include_str!("fixtures/action_shelve.json"),
        &["compute_shelve_offload_instance"],
    ),
    (
        "unshelve",
        include_str!("fixtures/action_unshelve.json"),
        &["compute_unshelve_instance", "schedule_instances"],
    ),
    (
        "start",
        include_str!("fixtures/action_start.json"),
        &["compute_start_instance"],
    ),
    (
        "stop",
        include_str!("fixtures/action_stop.json"),
        &["compute_stop_instance"],
    ),
];

fn value(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn record(text: &str) -> InstanceAction {
    let document: InstanceActionDocument = decode(text.as_bytes()).unwrap();
    document.instance_action
}

/// Reads and writes: what is written is what was read.
fn round<T: serde::Serialize + serde::de::DeserializeOwned>(document: &Value) -> T {
    let read: T = decode(document.to_string().as_bytes()).unwrap();
    let written: Value = serde_json::from_slice(&encode(&read).unwrap()).unwrap();
    assert_eq!(written, *document);
    read
}

#[test]
fn every_documented_action_is_read_and_written_alike() {
    for (name, text, events) in ACTIONS {
        let read = record(text);
        assert_eq!(read.action, *name);
        assert_eq!(read.message, None);
        assert_eq!(read.updated_at, None);
        assert!(read.request_id.starts_with("req-"), "{name}");
        let parts = read.events.clone().unwrap();
        let names: Vec<_> = parts.iter().map(|part| part.event.as_str()).collect();
        assert_eq!(names, *events);
        for part in &parts {
            assert_eq!(part.result.as_deref(), Some("Success"));
            assert_eq!(part.traceback, Some(None), "{name}: there, and null");
            assert_eq!(part.details, None, "{name}: not there");
        }
        let written = encode(&InstanceActionDocument {
            instance_action: read,
        });
        let written: Value = serde_json::from_slice(&written.unwrap()).unwrap();
        assert_eq!(written, value(text), "{name}");
    }
}

#[test]
fn the_documented_values_are_there() {
    let read = record(include_str!("fixtures/action_reboot.json"));
    assert_eq!(read.instance_uuid, "e39b684e-7da7-461e-8d21-37670b472b17");
    assert_eq!(read.request_id, "req-6526fc56-b172-4f48-ae81-0cad0c60c82b");
    assert_eq!(read.project_id, "bb46ff7286ed4e418958c2a5e06cd4a2");
    assert_eq!(read.user_id, "1f708e1376784e529a7b09eb5ff1a5fc");
    assert_eq!(read.start_time, "2016-11-30T01:14:52.000000");
    let event = &read.events.unwrap()[0];
    assert_eq!(event.start_time, "2016-11-30T01:14:53.000000");
    assert_eq!(
        event.finish_time.as_deref(),
        Some("2016-11-30T01:15:02.000000")
    );
}

#[test]
fn events_are_missing_for_a_member_below_2_51() {
    let document = json!({"instanceAction": {
        "action": "reboot", "instance_uuid": "i", "request_id": "req-1", "user_id": "u",
        "project_id": "p", "start_time": "2026-11-22T05:00:00.000000", "message": null}});
    let read: InstanceActionDocument = round(&document);
    assert_eq!(read.instance_action.events, None);
}

#[test]
fn each_microversion_adds_its_members() {
    let event = json!({"event": "compute_reboot_instance", "start_time": "2026-11-22T05:00:01.000000",
        "finish_time": "2026-11-22T05:00:02.000000", "result": "Error"});
    let record = json!({"action": "reboot", "instance_uuid": "i", "request_id": "req-1", "user_id": "u",
        "project_id": "p", "start_time": "2026-11-22T05:00:00.000000", "message": "Error"});
    let with = |of_record: Value, of_event: Value| {
        let mut event = event.clone();
        event
            .as_object_mut()
            .unwrap()
            .extend(of_event.as_object().unwrap().clone());
        let mut record = record.clone();
        record
            .as_object_mut()
            .unwrap()
            .extend(of_record.as_object().unwrap().clone());
        record["events"] = json!([event]);
        json!({ "instanceAction": record })
    };
    let updated = json!({"updated_at": "2026-11-22T05:00:02.000000"});
    for (version, document) in [
        (
            "2.1 admin",
            with(json!({}), json!({"traceback": "Traceback ..."})),
        ),
        ("2.51 member", with(json!({}), json!({}))),
        ("2.58 member", with(updated.clone(), json!({}))),
        (
            "2.58, just begun",
            with(json!({"updated_at": null}), json!({})),
        ),
        (
            "2.62 member",
            with(updated.clone(), json!({"hostId": "d1"})),
        ),
        (
            "2.84 admin",
            with(
                updated.clone(),
                json!({"hostId": "d1", "host": "vm1", "traceback": "Traceback ...", "details": "RuntimeError"}),
            ),
        ),
        (
            "2.84 admin, no fault",
            with(
                updated,
                json!({"hostId": "d1", "host": "vm1", "traceback": null, "details": null}),
            ),
        ),
    ] {
        let read: InstanceActionDocument = round(&document);
        let read = read.instance_action;
        assert_eq!(read.message.as_deref(), Some("Error"), "{version}");
        let event = &read.events.unwrap()[0];
        assert_eq!(event.result.as_deref(), Some("Error"), "{version}");
        let details = event.details.clone().flatten();
        assert_eq!(details.is_some(), version == "2.84 admin", "{version}");
    }
}

#[test]
fn a_part_under_way_has_neither_end_nor_result() {
    let document = json!({"instanceAction": {
        "action": "create", "instance_uuid": "i", "request_id": "req-1", "user_id": "u", "project_id": "p",
        "start_time": "2026-11-22T05:00:00.000000", "message": null, "events": [
            {"event": "compute__do_build_and_run_instance", "start_time": "2026-11-22T05:00:03.000000",
             "finish_time": null, "result": null, "traceback": null},
            {"event": "compute__do_build_and_run_instance", "start_time": "2026-11-22T05:00:01.000000",
             "finish_time": "2026-11-22T05:00:04.000000", "result": "Success", "traceback": null}]}});
    let read: InstanceActionDocument = round(&document);
    let events = read.instance_action.events.unwrap();
    assert_eq!(events[0].finish_time, None);
    assert_eq!(events[0].result, None);
    assert_eq!(events[1].result.as_deref(), Some("Success"));
}

#[test]
fn every_server_action_has_its_key_and_parameters() {
    let rebuild = Rebuild {
        image_ref: "img".to_owned(),
        ..Rebuild::default()
    };
    for (action, document, recorded) in [
        (
            ServerAction::Reboot(RebootType::Soft),
            json!({"reboot": {"type": "SOFT"}}),
            "reboot",
        ),
        (
            ServerAction::Reboot(RebootType::Hard),
            json!({"reboot": {"type": "HARD"}}),
            "reboot",
        ),
        (
            ServerAction::Rebuild(rebuild),
            json!({"rebuild": {"imageRef": "img"}}),
            "rebuild",
        ),
        (
            ServerAction::Resize {
                flavor: "2".to_owned(),
            },
            json!({"resize": {"flavorRef": "2"}}),
            "resize",
        ),
        (
            ServerAction::ConfirmResize,
            json!({"confirmResize": null}),
            "confirmResize",
        ),
        (
            ServerAction::RevertResize,
            json!({"revertResize": null}),
            "revertResize",
        ),
        (ServerAction::Shelve, json!({"shelve": null}), "shelve"),
        (
            ServerAction::ShelveOffload,
            json!({"shelveOffload": null}),
            "shelveOffload",
        ),
        (
            ServerAction::Unshelve,
            json!({"unshelve": null}),
            "unshelve",
        ),
        (ServerAction::Start, json!({"os-start": null}), "start"),
        (ServerAction::Stop, json!({"os-stop": null}), "stop"),
        (
            ServerAction::ResetState {
                state: "error".to_owned(),
            },
            json!({"os-resetState": {"state": "error"}}),
            "resetState",
        ),
        (
            ServerAction::Other("lock".to_owned(), json!({"reason": "x"})),
            json!({"lock": {"reason": "x"}}),
            "lock",
        ),
    ] {
        assert_eq!(round::<ServerAction>(&document), action);
        assert_eq!(action.recorded_as(), recorded);
    }
    // what clients send beside the shortest form
    for text in [r#"{"os-start":{}}"#, r#"{"os-start":""}"#] {
        assert_eq!(
            decode::<ServerAction>(text.as_bytes()).unwrap(),
            ServerAction::Start
        );
    }
    for text in [
        "{}",
        "[]",
        "null",
        r#"{"os-start":null,"os-stop":null}"#,
        r#"{"reboot":{"type":"WARM"}}"#,
        r#"{"reboot":{}}"#,
        r#"{"resize":{}}"#,
    ] {
        assert!(decode::<ServerAction>(text.as_bytes()).is_err(), "{text}");
    }
}

#[test]
fn a_server_as_an_administrator_sees_it() {
    let text = include_str!("fixtures/server_error.json");
    let document: ServerDocument = decode(text.as_bytes()).unwrap();
    let server = document.server;
    assert_eq!(server.status, Some(ServerStatus::Error));
    assert_eq!(server.task_state, Some(None));
    assert_eq!(server.vm_state.as_deref(), Some("error"));
    assert_eq!(server.power_state, Some(PowerState::Shutdown));
    assert_eq!(server.host_status, Some(HostStatus::Up));
    assert_eq!(server.fault.as_ref().unwrap().message, "RuntimeError");
    assert_eq!(
        server.metadata.as_ref().unwrap()["lifeline.token"],
        "d_g_0_1.2"
    );
    assert!(matches!(&server.flavor, Some(FlavorRef::Shown(flavor)) if flavor.ram == 64));
    let written = encode(&ServerDocument { server }).unwrap();
    let written: Value = serde_json::from_slice(&written).unwrap();
    assert_eq!(written, value(text));
}

#[test]
fn an_old_server_lacks_what_came_later() {
    let text = br#"{"server":{"id":"s","name":"n","status":"FLYING","image":"","flavor":{"id":"1"},
        "OS-EXT-STS:power_state":1,"OS-EXT-STS:task_state":null,"unknown:member":{"deep":[1]},
        "addresses":{"net":[{"version":4,"addr":"10.0.0.4"}]},"links":null,"host_status":""}}"#;
    let server = decode::<ServerDocument>(text).unwrap().server;
    assert_eq!(
        server.status,
        Some(ServerStatus::Other("FLYING".to_owned()))
    );
    assert_eq!(server.image, Some(ImageRef::None(String::new())));
    assert!(matches!(server.flavor, Some(FlavorRef::Reference { ref id, .. }) if id == "1"));
    assert_eq!(server.host_status, Some(HostStatus::None));
    assert_eq!(server.host, None);
    assert_eq!(server.power_state, Some(PowerState::Running));
}

#[test]
fn a_create_says_what_is_wanted() {
    let document = json!({"server": {"name": "n", "imageRef": "i", "flavorRef": "f",
        "metadata": {"lifeline.token": "t.1"}, "networks": [{"uuid": "net", "fixed_ip": "10.0.0.4"}, {"port": "p"}],
        "user_data": "IyE=", "config_drive": true,
        "block_device_mapping_v2": [{"source_type": "blank", "destination_type": "volume", "volume_size": 2,
            "boot_index": -1, "delete_on_termination": true}]}});
    let read: NewServerDocument = round(&document);
    assert!(
        matches!(read.server.networks, Some(NewServerNetworks::List(ref list)) if list.len() == 2)
    );
    let none =
        json!({"server": {"name": "n", "imageRef": "i", "flavorRef": "f", "networks": "none"}});
    let read: NewServerDocument = round(&none);
    assert_eq!(
        read.server.networks,
        Some(NewServerNetworks::Word("none".to_owned()))
    );
}

#[test]
fn logins_of_every_kind() {
    let password = json!({"auth": {"identity": {"methods": ["password"], "password": {"user":
        {"name": "admin", "domain": {"id": "default"}, "password": "secret"}}},
        "scope": {"project": {"name": "admin", "domain": {"id": "default"}}}}});
    let read: AuthDocument = round(&password);
    assert!(matches!(read.auth.scope, Some(Scope::Project { .. })));
    let application = json!({"auth": {"identity": {"methods": ["application_credential"],
        "application_credential": {"id": "c", "secret": "s"}}}});
    let read: AuthDocument = round(&application);
    assert_eq!(read.auth.scope, None);
    let unscoped = json!({"auth": {"identity": {"methods": ["token"], "token": {"id": "t"}}, "scope": "unscoped"}});
    let read: AuthDocument = round(&unscoped);
    assert_eq!(read.auth.scope, Some(Scope::Word(ScopeWord::Unscoped)));
}

#[test]
fn a_token_and_its_catalog() {
    let text = include_str!("fixtures/token.json");
    let token = decode::<TokenDocument>(text.as_bytes()).unwrap().token;
    assert_eq!(token.expires_at, "2026-11-22T06:00:00.000000Z");
    assert_eq!(
        token.project.unwrap().id.as_deref(),
        Some("bb46ff7286ed4e418958c2a5e06cd4a2")
    );
    assert_eq!(token.roles[0].name, "admin");
    let compute = token
        .catalog
        .iter()
        .find(|entry| entry.kind == "compute")
        .unwrap();
    assert_eq!(compute.endpoints[0].url, "http://127.0.0.1:8774/v2.1");
}

#[test]
fn versions_in_all_three_forms() {
    let nova = br#"{"versions":[{"id":"v2.0","status":"SUPPORTED","version":"","min_version":"","links":[]},
        {"id":"v2.1","status":"CURRENT","version":"2.93","min_version":"2.1","links":[]}]}"#;
    let keystone = br#"{"versions":{"values":[{"id":"v3.14","status":"stable","links":[{"rel":"self","href":"x"}]}]}}"#;
    let one =
        br#"{"version":{"id":"v2.1","status":"CURRENT","version":"2.53","min_version":"2.1"}}"#;
    assert_eq!(
        Versions::decode(nova).unwrap().highest(),
        Some(Microversion::new(2, 93))
    );
    assert_eq!(Versions::decode(keystone).unwrap().versions[0].id, "v3.14");
    assert_eq!(
        Versions::decode(one).unwrap().highest(),
        Some(Microversion::new(2, 53))
    );
    assert!(Versions::decode(b"{}").is_err());
    assert!(Microversion::new(2, 9) < Microversion::new(2, 10));
    for text in ["2", "2.", ".1", "2.x", "latest", "2.+1", "-2.1", "2.99999"] {
        assert!(text.parse::<Microversion>().is_err(), "{text}");
    }
}

#[test]
fn faults_of_every_service() {
    for (text, kind, code, message) in [
        (
            r#"{"itemNotFound":{"code":404,"message":"Action req-x not found"}}"#,
            FaultKind::ItemNotFound,
            Some(404),
            "Action req-x not found",
        ),
        (
            r#"{"conflictingRequest":{"code":409,"message":"Cannot 'reboot' instance x while it is in task_state reboot_started"}}"#,
            FaultKind::ConflictingRequest,
            Some(409),
            "Cannot 'reboot' instance x while it is in task_state reboot_started",
        ),
        (
            r#"{"error":{"code":401,"message":"The request you have made requires authentication.","title":"Unauthorized"}}"#,
            FaultKind::Identity,
            Some(401),
            "The request you have made requires authentication.",
        ),
        (
            r#"{"NeutronError":{"type":"PortNotFound","message":"Port p could not be found.","detail":""}}"#,
            FaultKind::Network("PortNotFound".to_owned()),
            None,
            "Port p could not be found.",
        ),
    ] {
        let fault = round::<Fault>(&value(text));
        assert_eq!(
            (&fault.kind, fault.code, &*fault.message),
            (&kind, code, message)
        );
    }
    let glance = br#"{"message":"No image found with ID x<br /><br />","code":"404 Not Found","title":"Not Found"}"#;
    assert_eq!(
        Fault::decode(glance).unwrap().message,
        "No image found with ID x<br /><br />"
    );
    let common = br#"{"errors":[{"status":406,"title":"Not Acceptable","detail":"Version 9.9 is not supported"}]}"#;
    assert_eq!(Fault::decode(common).unwrap().code, Some(406));
    for text in [
        "",
        "<html>503</html>",
        "[]",
        "{}",
        r#"{"x":1}"#,
        r#"{"servers":[]}"#,
        r#"{"server":{"id":"x"}}"#,
    ] {
        assert_eq!(Fault::decode(text.as_bytes()), None, "{text}");
    }
}

#[test]
fn the_other_documents() {
    round::<FlavorList>(
        &json!({"flavors": [{"id": "1", "name": "m1.tiny", "vcpus": 1, "ram": 64, "disk": 0,
        "OS-FLV-EXT-DATA:ephemeral": 0, "swap": "", "rxtx_factor": 1.0, "os-flavor-access:is_public": true}]}),
    );
    round::<NewFlavorDocument>(
        &json!({"flavor": {"name": "f", "vcpus": 1, "ram": 64, "disk": 1,
        "OS-FLV-EXT-DATA:ephemeral": 0, "swap": 0}}),
    );
    let swap = decode::<Flavor>(br#"{"swap":"512"}"#).unwrap().swap;
    assert_eq!(swap, Swap(512));
    let images = br#"{"images":[{"id":"i","name":null,"status":"queued","tags":[],"hw_rng_model":"virtio"}],"first":"/v2/images"}"#;
    assert_eq!(
        decode::<ImageList>(images).unwrap().images[0].status,
        "queued"
    );
    round::<NewImage>(
        &json!({"name": "i", "disk_format": "qcow2", "container_format": "bare", "visibility": "private"}),
    );
    round::<ImageImport>(&json!({"method": {"name": "web-download", "uri": "http://x/i"}}));
    round::<NewNetworkDocument>(
        &json!({"network": {"name": "n", "admin_state_up": true, "provider:network_type": "vlan",
        "provider:segmentation_id": 7}}),
    );
    round::<NewSubnetDocument>(
        &json!({"subnet": {"network_id": "n", "ip_version": 4, "cidr": "10.0.0.0/24", "name": "s",
        "gateway_ip": "10.0.0.1", "enable_dhcp": true}}),
    );
    round::<NewPortDocument>(
        &json!({"port": {"network_id": "n", "name": "p", "mac_address": "fa:16:3e:00:00:01",
        "fixed_ips": [{"ip_address": "10.0.0.4"}]}}),
    );
    let ports = br#"{"ports":[{"id":"p","network_id":"n","mac_address":"m","device_id":"s","binding:vnic_type":"normal",
        "fixed_ips":[{"subnet_id":"s","ip_address":"10.0.0.4"}]}]}"#;
    assert_eq!(
        decode::<PortList>(ports).unwrap().ports[0].fixed_ips.len(),
        1
    );
    let services = br#"{"services":[{"id":7,"binary":"nova-compute","host":"vm1","state":"down","status":"enabled",
        "forced_down":true,"updated_at":null}]}"#;
    assert_eq!(
        decode::<ComputeServiceList>(services).unwrap().services[0].forced_down,
        Some(true)
    );
    round::<ProjectList>(
        &json!({"projects": [{"id": "p", "name": "n", "domain_id": "default", "description": "",
        "enabled": true, "is_domain": false}]}),
    );
}

proptest::proptest! {
    /// Whatever comes, a decoder answers and does not panic.
    #[test]
    fn no_text_breaks_a_decoder(text in "\\PC{0,200}", cut in 0usize..2000, flip in 0usize..2000) {
        let _ = Fault::decode(text.as_bytes());
        let _ = decode::<ServerDocument>(text.as_bytes());
        let mut golden = include_str!("fixtures/server_error.json").as_bytes().to_vec();
        golden.truncate(golden.len().saturating_sub(cut));
        if let Some(byte) = golden.get_mut(flip) {
            *byte = byte.wrapping_add(1);
        }
        let _ = decode::<ServerDocument>(&golden);
        let _ = Fault::decode(&golden);
        let _ = decode::<ServerAction>(&golden);
        let _ = Versions::decode(&golden);
    }
}
