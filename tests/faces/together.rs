//! One cloud under every face: what is made through one is seen through the others.

use std::time::Duration;

use lifeline::cloudsim_faces::{Request, answer_cloudstack, answer_vcloud};
use lifeline::proto::cloudstack::{Command, Reply, Secret, VirtualMachine, VmState};
use serde_json::Value;

use crate::harness::admin;

#[test]
fn a_server_is_a_virtual_machine_and_a_vapp() {
    let mut lab = admin();
    let (id, _) = lab.up("everywhere");
    let command = Command::new("listVirtualMachines")
        .with("response", "json")
        .with("apiKey", "admin-key");
    let target = format!(
        "/client/api?{}",
        command.query(&Secret::new("admin-secret"))
    );
    let request = Request::new("GET", &target, Vec::new(), Vec::new(), "x:1");
    let reply = answer_cloudstack(&mut lab.world, &request);
    let all: Vec<VirtualMachine> = Reply::decode(&reply.body)
        .unwrap()
        .list("virtualmachine")
        .unwrap();
    assert_eq!(
        (all[0].id.as_str(), &all[0].state),
        (id.as_str(), &VmState::Running)
    );
    let stop = Command::new("stopVirtualMachine")
        .with("id", id.as_str())
        .with("apiKey", "admin-key");
    let target = format!("/client/api?{}", stop.query(&Secret::new("admin-secret")));
    let request = Request::new("GET", &target, Vec::new(), Vec::new(), "x:1");
    assert_eq!(answer_cloudstack(&mut lab.world, &request).status, 200);
    let now = lab.world.cloud.now() + Duration::from_secs(1);
    lab.world.cloud.advance(now);
    assert_eq!(lab.states(&id).0, "SHUTOFF");
    let basic = (
        "authorization".to_owned(),
        "Basic YWRtaW5AYWRtaW46bGlmZWxpbmU=".to_owned(),
    );
    let request = Request::new("POST", "/api/v1.0/login", vec![basic], Vec::new(), "x:1");
    let reply = answer_vcloud(&mut lab.world, &request);
    let token = reply.header("x-vcloud-authorization").unwrap().to_owned();
    let headers = vec![("x-vcloud-authorization".to_owned(), token)];
    let target = format!("/api/v1.0/vApp/vapp-{id}");
    let request = Request::new("GET", &target, headers, Vec::new(), "x:1");
    let reply = answer_vcloud(&mut lab.world, &request);
    let text = String::from_utf8(reply.body).unwrap();
    assert!(
        text.contains("status=\"8\"") && text.contains("name=\"everywhere\""),
        "{text}"
    );
    assert_eq!(
        lab.send("DELETE", &format!("/v2.1/servers/{id}"), &Value::Null)
            .status,
        204
    );
}
