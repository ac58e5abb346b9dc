//! What stands beside the servers: flavors, key pairs, images, networks, quotas, usage, roles.

use lifeline::cloudsim_faces::{Reply, Request, answer_nova};
use serde_json::{Value, json};

use crate::harness::{Lab, admin, document, lab, text};

/// A request with a body of its own media type.
fn raw(lab: &mut Lab, method: &str, target: &str, kind: &str, body: &[u8]) -> Reply {
    let headers = vec![
        ("content-type".to_owned(), kind.to_owned()),
        ("x-auth-token".to_owned(), lab.token.clone()),
    ];
    let request = Request::new(method, target, headers, body.to_vec(), "127.0.0.1:1");
    answer_nova(&mut lab.world, &request)
}

fn ok(lab: &mut Lab, method: &str, target: &str, body: &Value) -> Value {
    let reply = lab.send(method, target, body);
    assert!(reply.status < 300, "{method} {target}: {}", text(&reply));
    serde_json::from_slice(&reply.body).unwrap_or_default()
}

#[test]
fn a_private_flavor_is_for_those_who_were_given_it() {
    let mut lab = admin();
    // numbers and flags may be texts, as in Nova's schemas
    let new = json!({ "flavor": { "name": "own", "ram": "256", "vcpus": 1, "disk": "1", "id": "f-1",
        "os-flavor-access:is_public": "False" } });
    let made = ok(&mut lab, "POST", "/v2.1/flavors", &new);
    assert_eq!(made["flavor"]["os-flavor-access:is_public"], false);
    let named = |lab: &mut Lab, query: &str| {
        let all = lab.get(&format!("/v2.1/flavors{query}"));
        let all = all["flavors"].as_array().unwrap().clone();
        all.iter().any(|one| one["id"] == "f-1")
    };
    assert!(!named(&mut lab, ""), "public ones unless asked otherwise");
    assert!(named(&mut lab, "?is_public=None"));
    assert!(named(&mut lab, "?is_public=false"));
    let admin_token = lab.token.clone();
    lab.log_in("demo");
    let (demo, demo_token) = (lab.project.clone(), lab.token.clone());
    assert!(!named(&mut lab, "?is_public=None"));
    assert_eq!(lab.refused("GET", "/v2.1/flavors/f-1", &Value::Null).0, 404);
    let mut server = lab.new_server("a");
    server["server"]["flavorRef"] = json!("f-1");
    assert_eq!(lab.refused("POST", "/v2.1/servers", &server).0, 400);
    lab.token = admin_token.clone();
    let give = json!({ "addTenantAccess": { "tenant": demo } });
    let given = ok(&mut lab, "POST", "/v2.1/flavors/f-1/action", &give);
    let wanted = json!([{ "flavor_id": "f-1", "tenant_id": demo }]);
    assert_eq!(given["flavor_access"], wanted);
    assert_eq!(lab.get("/v2.1/flavors/f-1/os-flavor-access"), given);
    assert_eq!(
        lab.refused("POST", "/v2.1/flavors/f-1/action", &give).0,
        409
    );
    lab.token = demo_token;
    assert!(named(&mut lab, ""));
    assert_eq!(lab.send("POST", "/v2.1/servers", &server).status, 202);
    lab.token = admin_token;
    let take = json!({ "removeTenantAccess": { "tenant": demo } });
    let left = ok(&mut lab, "POST", "/v2.1/flavors/f-1/action", &take);
    assert_eq!(left["flavor_access"], json!([]));
    assert_eq!(
        lab.refused("POST", "/v2.1/flavors/f-1/action", &take).0,
        404
    );
}

#[test]
fn extra_specs_and_words_of_a_flavor_are_kept_and_shown() {
    let mut lab = admin();
    let id = lab.flavor("m1.tiny");
    let own = format!("/v2.1/flavors/{id}");
    let specs = format!("{own}/os-extra_specs");
    let new = json!({ "extra_specs": { "hw:cpu_policy": "shared", "a": "1" } });
    assert_eq!(ok(&mut lab, "POST", &specs, &new), new);
    let one = format!("{specs}/a");
    let changed = ok(&mut lab, "PUT", &one, &json!({ "a": "2" }));
    assert_eq!(changed, json!({ "a": "2" }));
    assert_eq!(lab.get(&one), json!({ "a": "2" }));
    assert_eq!(lab.refused("PUT", &one, &json!({ "b": "2" })).0, 400);
    lab.version = Some("2.61");
    assert_eq!(lab.get(&own)["flavor"]["extra_specs"]["a"], "2");
    lab.version = Some("2.47");
    let (server, _) = {
        let mut body = lab.new_server("a");
        body["server"]["networks"] = json!("none");
        let reply = lab.send("POST", "/v2.1/servers", &body);
        let id = document(&reply)["server"]["id"]
            .as_str()
            .unwrap()
            .to_owned();
        (id, ())
    };
    assert_eq!(lab.server(&server)["flavor"]["extra_specs"]["a"], "2");
    lab.version = Some("2.55");
    let words = json!({ "flavor": { "description": "small" } });
    assert_eq!(
        ok(&mut lab, "PUT", &own, &words)["flavor"]["description"],
        "small"
    );
    lab.version = None;
    ok(&mut lab, "DELETE", &one, &Value::Null);
    assert_eq!(lab.refused("DELETE", &one, &Value::Null).0, 404);
    let mut demo = crate::harness::lab("demo");
    let id = demo.flavor("m1.tiny");
    let specs = format!("/v2.1/flavors/{id}/os-extra_specs");
    assert_eq!(demo.refused("POST", &specs, &new).0, 403);
    assert_eq!(demo.get(&specs), json!({ "extra_specs": {} }));
}

#[test]
fn flavors_are_sorted_as_asked() {
    let mut lab = admin();
    let names = |lab: &mut Lab, query: &str| -> Vec<String> {
        let all = lab.get(&format!("/v2.1/flavors{query}"));
        let all = all["flavors"].as_array().unwrap().iter();
        all.map(|one| one["name"].as_str().unwrap().to_owned())
            .collect()
    };
    let mut all = names(&mut lab, "?sort_key=name");
    let down = names(&mut lab, "?sort_key=name&sort_dir=desc");
    assert!(all.is_sorted() && all.len() > 2);
    all.reverse();
    assert_eq!(all, down);
    for query in ["sort_key=beauty", "sort_dir=up", "minRam=much"] {
        let target = format!("/v2.1/flavors?{query}");
        assert_eq!(lab.refused("GET", &target, &Value::Null).0, 400, "{query}");
    }
}

#[test]
fn a_key_pair_without_a_public_key_is_made_until_2_91() {
    let mut lab = lab("demo");
    let new = json!({ "keypair": { "name": "k" } });
    lab.version = Some("2.92");
    assert_eq!(lab.refused("POST", "/v2.1/os-keypairs", &new).0, 400);
    lab.version = Some("2.91");
    let made = ok(&mut lab, "POST", "/v2.1/os-keypairs", &new);
    let private = made["keypair"]["private_key"].as_str().unwrap();
    let read = russh::keys::ssh_key::PrivateKey::from_openssh(private).unwrap();
    let public = read.public_key().to_openssh().unwrap();
    let shown = made["keypair"]["public_key"].as_str().unwrap();
    assert!(shown.starts_with(&public), "{shown}");
    // it is shown once
    let again = lab.get("/v2.1/os-keypairs/k");
    assert_eq!(again["keypair"].get("private_key"), None);
    for bad in [
        json!({ "name": "a/b" }),
        json!({ "name": "x", "public_key": "no" }),
    ] {
        let body = json!({ "keypair": bad });
        assert_eq!(lab.refused("POST", "/v2.1/os-keypairs", &body).0, 400);
    }
}

#[test]
fn usage_counts_the_hours_of_servers() {
    let mut lab = admin();
    lab.up("a");
    lab.pass(2 * 3600 * 1000);
    // the token is too old by now
    lab.log_in("admin");
    let project = lab.project.clone();
    let shown = lab.get(&format!("/v2.1/os-simple-tenant-usage/{project}"));
    let usage = &shown["tenant_usage"];
    let hours = usage["total_hours"].as_f64().unwrap();
    assert!((1.99..2.01).contains(&hours), "{hours}");
    let memory = usage["total_memory_mb_usage"].as_f64().unwrap();
    assert!((hours * 512.0 - memory).abs() < 0.001, "{memory}");
    assert_eq!(usage["server_usages"][0]["flavor"], "m1.tiny");
    let target = "/v2.1/os-simple-tenant-usage?detailed=1&start=2026-11-22T07:00:00.123456&end=2026-11-23T00:00:00";
    let all = lab.get(target);
    let hours = all["tenant_usages"][0]["total_hours"].as_f64().unwrap();
    assert!((0.99..1.01).contains(&hours), "{hours}");
    let backwards =
        "/v2.1/os-simple-tenant-usage?start=2026-11-22T07:00:00&end=2026-11-21T00:00:00";
    assert_eq!(lab.refused("GET", backwards, &Value::Null).0, 400);
    let quota = lab.get(&format!("/v2.1/os-quota-sets/{project}/detail"));
    assert_eq!(quota["quota_set"]["instances"]["in_use"], 1);
    assert_eq!(quota["quota_set"]["ram"]["in_use"], 512);
    let mut demo = crate::harness::lab("demo");
    assert_eq!(
        demo.refused("GET", "/v2.1/os-simple-tenant-usage", &Value::Null)
            .0,
        403
    );
}

#[test]
fn hypervisors_and_hosts_are_told_as_long_as_nova_told_them() {
    let mut lab = admin();
    lab.up("a");
    let stats = lab.get("/v2.1/os-hypervisors/statistics");
    let stats = &stats["hypervisor_statistics"];
    assert_eq!(
        (&stats["count"], &stats["running_vms"]),
        (&json!(4), &json!(1))
    );
    assert_eq!(stats["memory_mb_used"], 512);
    let hosts = lab.get("/v2.1/os-hosts");
    assert_eq!(hosts["hosts"][0]["service"], "compute");
    lab.version = Some("2.43");
    assert_eq!(lab.refused("GET", "/v2.1/os-hosts", &Value::Null).0, 404);
    lab.version = Some("2.53");
    let target = "/v2.1/os-hypervisors?hypervisor_hostname_pattern=host-2";
    let found = lab.get(target);
    assert_eq!(found["hypervisors"].as_array().unwrap().len(), 1);
    let none = "/v2.1/os-hypervisors?hypervisor_hostname_pattern=moon";
    assert_eq!(lab.refused("GET", none, &Value::Null).0, 404);
    lab.version = Some("2.88");
    let gone = "/v2.1/os-hypervisors/statistics";
    assert_eq!(lab.refused("GET", gone, &Value::Null).0, 404);
}

#[test]
fn an_image_keeps_what_it_is_told_and_what_is_uploaded() {
    let mut lab = admin();
    let new = json!({ "name": "i", "disk_format": "raw", "container_format": "bare", "min_ram": 64,
        "protected": true, "tags": ["x"], "os_type": "linux" });
    let made = ok(&mut lab, "POST", "/image/v2/images", &new);
    let id = made["id"].as_str().unwrap().to_owned();
    let own = format!("/image/v2/images/{id}");
    assert_eq!(
        (&made["min_ram"], &made["protected"]),
        (&json!(64), &json!(true))
    );
    assert_eq!(made["os_type"], "linux");
    let file = format!("{own}/file");
    assert_eq!(lab.send("GET", &file, &Value::Null).status, 204, "queued");
    let octets = "application/octet-stream";
    assert_eq!(
        raw(&mut lab, "PUT", &file, "text/plain", b"abc").status,
        415
    );
    assert_eq!(raw(&mut lab, "PUT", &file, octets, b"abc").status, 204);
    assert_eq!(raw(&mut lab, "PUT", &file, octets, b"abd").status, 409);
    let shown = lab.get(&own);
    assert_eq!(
        (&shown["status"], &shown["size"]),
        (&json!("active"), &json!(3))
    );
    assert_eq!(shown["os_hash_algo"], "sha512");
    assert!(
        shown["os_hash_value"]
            .as_str()
            .unwrap()
            .starts_with("ddaf35a193617aba")
    );
    assert_eq!(lab.send("GET", &file, &Value::Null).body, b"abc");
    let patch = "application/openstack-images-v2.1-json-patch";
    let change = json!([
        // openstacksdk adds what is there already
        { "op": "add", "path": "/name", "value": "j" },
        { "op": "add", "path": "/os_distro", "value": "debian" },
        { "op": "remove", "path": "/os_type" },
        { "op": "replace", "path": "/visibility", "value": "public" },
        { "op": "replace", "path": "/tags", "value": ["y", "z"] },
    ]);
    let reply = raw(
        &mut lab,
        "PATCH",
        &own,
        patch,
        change.to_string().as_bytes(),
    );
    let changed = document(&reply);
    assert_eq!(
        (&changed["name"], &changed["visibility"]),
        (&json!("j"), &json!("public"))
    );
    assert_eq!(changed["os_distro"], "debian");
    assert_eq!(changed.get("os_type"), None);
    assert_eq!(lab.image("j"), id, "the cloud knows it by its new name");
    let found = |lab: &mut Lab, query: &str| {
        let all = lab.get(&format!("/image/v2/images?{query}"));
        all["images"].as_array().unwrap().len()
    };
    for (query, count) in [
        ("tag=y&tag=z", 1),
        ("tag=y&tag=x", 0),
        ("os_distro=debian", 1),
        ("os_distro=none", 0),
        ("size_max=3", 1),
        ("name=j", 1),
    ] {
        assert_eq!(found(&mut lab, query), count, "{query}");
    }
    // all of it or nothing
    for (bad, status) in [
        (
            json!([{ "op": "replace", "path": "/name", "value": "k" },
                { "op": "remove", "path": "/nothing" }]),
            409,
        ),
        (
            json!([{ "op": "replace", "path": "/status", "value": "killed" }]),
            403,
        ),
        (
            json!([{ "op": "replace", "path": "/name", "value": "cirros" }]),
            409,
        ),
    ] {
        let reply = raw(&mut lab, "PATCH", &own, patch, bad.to_string().as_bytes());
        assert_eq!(reply.status, status, "{bad}: {}", text(&reply));
        assert_eq!(lab.get(&own)["name"], "j");
    }
    let reply = raw(&mut lab, "PATCH", &own, "application/json", b"[]");
    assert_eq!(reply.status, 415);
    assert_eq!(
        lab.refused("DELETE", &own, &Value::Null).0,
        403,
        "protected"
    );
    let tag = format!("{own}/tags/w");
    assert_eq!(lab.send("PUT", &tag, &Value::Null).status, 204);
    assert_eq!(lab.send("DELETE", &tag, &Value::Null).status, 204);
    assert_eq!(lab.refused("DELETE", &tag, &Value::Null).0, 404);
    let off = format!("{own}/actions/deactivate");
    assert_eq!(lab.send("POST", &off, &Value::Null).status, 204);
    assert_eq!(lab.get(&own)["status"], "deactivated");
    assert_eq!(lab.refused("GET", &file, &Value::Null).0, 403);
    let free = json!([{ "op": "replace", "path": "/protected", "value": false }]);
    raw(&mut lab, "PATCH", &own, patch, free.to_string().as_bytes());
    assert_eq!(lab.send("DELETE", &own, &Value::Null).status, 204);
}

#[test]
fn every_image_fits_the_schema_that_is_told() {
    let mut lab = admin();
    let schema = lab.get("/image/v2/schemas/image");
    let properties = schema["properties"].as_object().unwrap();
    let images = lab.get("/image/v2/images");
    for image in images["images"].as_array().unwrap() {
        for (name, value) in image.as_object().unwrap() {
            let kinds = match properties.get(name).map(|known| known["type"].clone()) {
                Some(Value::Array(kinds)) => kinds,
                Some(one) => vec![one],
                None => vec![json!("string")],
            };
            let kind = match value {
                Value::Null => "null",
                Value::Bool(_) => "boolean",
                Value::Number(_) => "integer",
                Value::String(_) => "string",
                Value::Array(_) => "array",
                Value::Object(_) => "object",
            };
            assert!(
                kinds.contains(&json!(kind)),
                "{name}: {value} is no {kinds:?}"
            );
        }
    }
}

#[test]
fn a_subnet_hands_out_what_its_pools_have() {
    let mut lab = admin();
    let made = ok(
        &mut lab,
        "POST",
        "/networking/v2.0/networks",
        &json!({ "network": { "name": "n", "mtu": "1400", "provider:network_type": "vlan",
            "provider:segmentation_id": "100" } }),
    );
    let network = made["network"]["id"].clone();
    assert_eq!(made["network"]["mtu"], 1400);
    assert_eq!(made["network"]["provider:segmentation_id"], 100);
    let subnet = |lab: &mut Lab, more: Value| {
        let mut body =
            json!({ "network_id": network, "ip_version": 4, "cidr": "192.0.2.0/28", "name": "s" });
        for (key, value) in more.as_object().unwrap() {
            body[key] = value.clone();
        }
        lab.send(
            "POST",
            "/networking/v2.0/subnets",
            &json!({ "subnet": body }),
        )
    };
    for (bad, status) in [
        (
            json!({ "allocation_pools": [{ "start": "192.0.2.9", "end": "192.0.2.99" }] }),
            400,
        ),
        (json!({ "dns_nameservers": ["nobody"] }), 400),
        (json!({ "bogus": 1 }), 400),
        (json!({ "subnetpool_id": "p" }), 501),
    ] {
        let reply = subnet(&mut lab, bad.clone());
        assert_eq!(reply.status, status, "{bad}: {}", text(&reply));
    }
    let made = subnet(
        &mut lab,
        json!({ "allocation_pools": [{ "start": "192.0.2.9", "end": "192.0.2.10" }],
            "dns_nameservers": ["192.0.2.53"], "description": "d" }),
    );
    let made = document(&made)["subnet"].clone();
    let id = made["id"].as_str().unwrap().to_owned();
    assert_eq!(made["dns_nameservers"], json!(["192.0.2.53"]));
    assert_eq!(
        (&made["host_routes"], &made["description"]),
        (&json!([]), &json!("d"))
    );
    let port = |lab: &mut Lab| {
        let body = json!({ "port": { "network_id": network, "name": "p" } });
        lab.send("POST", "/networking/v2.0/ports", &body)
    };
    for address in ["192.0.2.9", "192.0.2.10"] {
        let made = document(&port(&mut lab));
        assert_eq!(made["port"]["fixed_ips"][0]["ip_address"], address);
    }
    assert_eq!(port(&mut lab).status, 409, "the pool is empty");
    let own = format!("/networking/v2.0/subnets/{id}");
    let wider = json!({ "subnet": { "name": "t",
        "allocation_pools": [{ "start": "192.0.2.9", "end": "192.0.2.11" }] } });
    assert_eq!(ok(&mut lab, "PUT", &own, &wider)["subnet"]["name"], "t");
    let third = document(&port(&mut lab));
    assert_eq!(third["port"]["fixed_ips"][0]["ip_address"], "192.0.2.11");
    // the gateway stands where none was named, and outside of what is shown to be handed out
    let plain = lab.get("/networking/v2.0/subnets?name=esc-net-subnet");
    let pools = &plain["subnets"][0]["allocation_pools"];
    assert_eq!(pools[0]["start"], "10.20.0.2");
}

#[test]
fn names_of_networks_and_ports_change_and_what_cannot_is_refused() {
    let mut lab = admin();
    let made = ok(
        &mut lab,
        "POST",
        "/networking/v2.0/networks",
        &json!({ "network": { "name": "n" } }),
    );
    let id = made["network"]["id"].as_str().unwrap().to_owned();
    let own = format!("/networking/v2.0/networks/{id}");
    let change = json!({ "network": { "name": "m", "description": "d", "shared": true } });
    let changed = ok(&mut lab, "PUT", &own, &change)["network"].clone();
    assert_eq!(
        (&changed["name"], &changed["shared"]),
        (&json!("m"), &json!(true))
    );
    assert_eq!(lab.network("m"), id);
    let half = json!({ "network": { "name": "x", "admin_state_up": false } });
    assert_eq!(lab.refused("PUT", &own, &half).0, 501);
    assert_eq!(
        lab.get(&own)["network"]["name"],
        "m",
        "all of it or nothing"
    );
    let network = lab.network("esc-net");
    let new = json!({ "port": { "network_id": network, "name": "p" } });
    let made = ok(&mut lab, "POST", "/networking/v2.0/ports", &new);
    let port = format!(
        "/networking/v2.0/ports/{}",
        made["port"]["id"].as_str().unwrap()
    );
    let change = json!({ "port": { "name": "q" } });
    assert_eq!(ok(&mut lab, "PUT", &port, &change)["port"]["name"], "q");
    let external = json!({ "network": { "name": "e", "router:external": true } });
    assert_eq!(
        lab.refused("POST", "/networking/v2.0/networks", &external)
            .0,
        501
    );
    let mut demo = crate::harness::lab("demo");
    let shared = format!("/networking/v2.0/networks/{}", demo.network("esc-net"));
    let change = json!({ "network": { "name": "mine" } });
    assert_eq!(demo.refused("PUT", &shared, &change).0, 403);
}

#[test]
fn a_project_has_its_security_group_with_its_rules_and_its_quota() {
    let mut lab = lab("demo");
    let project = lab.project.clone();
    let groups = lab.get("/networking/v2.0/security-groups?name=default");
    let group = &groups["security_groups"][0];
    assert_eq!(group["tenant_id"], json!(project));
    assert_eq!(group["security_group_rules"].as_array().unwrap().len(), 4);
    let own = format!(
        "/networking/v2.0/security-groups/{}",
        group["id"].as_str().unwrap()
    );
    assert_eq!(&lab.get(&own)["security_group"], group);
    let (id, _) = lab.up("a");
    let of_server = lab.get(&format!("/v2.1/servers/{id}/os-security-groups"));
    assert_eq!(of_server["security_groups"][0]["id"], group["id"]);
    let quota = lab.get(&format!("/networking/v2.0/quotas/{project}"));
    assert_eq!(quota["quota"]["network"], -1);
    let detail = lab.get(&format!("/networking/v2.0/quotas/{project}/details.json"));
    assert_eq!(
        detail["quota"]["port"],
        json!({ "limit": -1, "used": 1, "reserved": 0 })
    );
    let other = "/networking/v2.0/quotas/someone";
    assert_eq!(lab.refused("GET", other, &Value::Null).0, 403);
}

#[test]
fn services_endpoints_and_assignments_are_told_one_by_one() {
    let mut lab = admin();
    for kind in ["services", "endpoints"] {
        let all = lab.get(&format!("/identity/v3/{kind}"));
        for one in all[kind].as_array().unwrap().clone() {
            let id = one["id"].as_str().unwrap();
            let shown = lab.get(&format!("/identity/v3/{kind}/{id}"));
            assert_eq!(shown[kind.trim_end_matches('s')], one);
        }
    }
    let all = lab.get("/identity/v3/role_assignments?include_names=True");
    let all = all["role_assignments"].as_array().unwrap().clone();
    let named = |user: &str, role: &str| {
        all.iter()
            .any(|one| one["user"]["name"] == user && one["role"]["name"] == role)
    };
    assert!(named("admin", "admin") && named("demo", "member") && !named("demo", "admin"));
    let project = lab.project.clone();
    let mine = lab.get(&format!(
        "/identity/v3/role_assignments?scope.project.id={project}"
    ));
    assert_eq!(mine["role_assignments"].as_array().unwrap().len(), 3);
}
