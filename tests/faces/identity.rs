//! Keystone: who gets in, for how long, and what is found there.

use serde_json::{Value, json};

use crate::harness::{admin, document};

fn password(name: &str, password: &str, scope: Value) -> Value {
    json!({ "auth": {
        "identity": { "methods": ["password"], "password": { "user": {
            "name": name, "domain": { "id": "default" }, "password": password } } },
        "scope": scope,
    }})
}

#[test]
fn a_password_gets_a_token_with_a_catalog_of_our_own_addresses() {
    let mut lab = admin();
    let token = lab.log_in("admin")["token"].clone();
    assert_eq!(token["user"]["name"], "admin");
    assert_eq!(token["expires_at"], "2026-11-22T07:00:00.000000Z");
    let roles: Vec<&str> = token["roles"]
        .as_array()
        .unwrap()
        .iter()
        .map(|role| role["name"].as_str().unwrap())
        .collect();
    assert!(roles.contains(&"admin"));
    let compute = token["catalog"]
        .as_array()
        .unwrap()
        .iter()
        .find(|entry| entry["type"] == "compute")
        .unwrap();
    assert_eq!(
        compute["endpoints"][0]["url"],
        "http://cloud.example:8774/compute/v2.1"
    );
}

#[test]
fn whoever_has_no_business_there_gets_401() {
    let mut lab = admin();
    let own = json!({ "project": { "name": "admin", "domain": { "id": "default" } } });
    for body in [
        password("admin", "wrong", own.clone()),
        password("nobody", "lifeline", own.clone()),
        password("demo", "lifeline", own),
        password("admin", "lifeline", json!({ "project": { "id": "none" } })),
    ] {
        assert_eq!(
            lab.refused("POST", "/v3/auth/tokens", &body).0,
            401,
            "{body}"
        );
    }
    lab.token = "gAAAAAnone".to_owned();
    for target in [
        "/v2.1/servers",
        "/image/v2/images",
        "/networking/v2.0/networks",
        "/v3/projects",
    ] {
        assert_eq!(lab.refused("GET", target, &Value::Null).0, 401, "{target}");
    }
}

#[test]
fn a_token_ends_when_its_time_is_over_or_it_is_taken_back() {
    let mut lab = admin();
    lab.pass(3_599_000);
    lab.get("/v2.1/servers");
    lab.pass(1000);
    assert_eq!(lab.refused("GET", "/v2.1/servers", &Value::Null).0, 401);
    lab.log_in("admin");
    lab.world.expire_tokens();
    assert_eq!(lab.refused("GET", "/v2.1/servers", &Value::Null).0, 401);
}

#[test]
fn an_application_credential_logs_in_with_a_scope_of_its_own() {
    let mut lab = admin();
    let user = lab.log_in("demo")["token"]["user"]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let target = format!("/v3/users/{user}/application_credentials");
    let made = lab.send(
        "POST",
        &target,
        &json!({ "application_credential": { "name": "robot" } }),
    );
    let made = document(&made)["application_credential"].clone();
    let shown = lab.get(&target);
    assert_eq!(
        shown["application_credentials"][0].get("secret"),
        None,
        "shown once"
    );
    let log_in = |secret: &Value| {
        json!({ "auth": { "identity": {
            "methods": ["application_credential"],
            "application_credential": { "id": made["id"], "secret": secret } } } })
    };
    let reply = lab.send("POST", "/v3/auth/tokens", &log_in(&made["secret"]));
    assert_eq!(document(&reply)["token"]["project"]["name"], "demo");
    assert_eq!(
        lab.refused("POST", "/v3/auth/tokens", &log_in(&json!("x")))
            .0,
        401
    );
}

#[test]
fn a_project_is_made_and_entered_by_whoever_is_given_a_role() {
    let mut lab = admin();
    let user = lab.log_in("admin")["token"]["user"]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let made = lab.send(
        "POST",
        "/v3/projects",
        &json!({ "project": { "name": "acme" } }),
    );
    let id = document(&made)["project"]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(
        lab.refused(
            "POST",
            "/v3/projects",
            &json!({ "project": { "name": "acme" } })
        )
        .0,
        409
    );
    let scope = json!({ "project": { "id": id } });
    let body = password("admin", "lifeline", scope);
    assert_eq!(
        lab.refused("POST", "/v3/auth/tokens", &body).0,
        401,
        "no role there yet"
    );
    let role = lab.get("/v3/roles?name=admin")["roles"][0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let grant = format!("/v3/projects/{id}/users/{user}/roles/{role}");
    assert_eq!(lab.send("PUT", &grant, &Value::Null).status, 204);
    assert_eq!(lab.send("POST", "/v3/auth/tokens", &body).status, 201);
    assert_eq!(lab.get("/v3/projects?name=acme")["projects"][0]["id"], id);
    assert_eq!(
        lab.send("DELETE", &format!("/v3/projects/{id}"), &Value::Null)
            .status,
        204
    );
    assert_eq!(
        lab.refused("GET", &format!("/v3/projects/{id}"), &Value::Null)
            .0,
        404
    );
}
