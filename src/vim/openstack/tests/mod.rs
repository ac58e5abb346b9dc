//! The driver against a scripted cloud: lost replies, outages, hangs, expired tokens, and what a 404 is worth.

mod making;
mod power;
mod removing;
mod script;
mod tokens;

use std::time::Duration;

use serde_json::{Value, json};

use self::script::{Answer, Asked, Cloud};
use super::*;
use crate::clock::{ManualClock, SystemClock, Timestamp};
use crate::engine::port::{CreateVm, PowerState, Vim};
use crate::ids::VmName;
use crate::vim_http::scripted;

fn quick() -> Settings {
    Settings {
        connect_timeout_ms: 500,
        request_timeout_ms: 300,
        call_timeout_ms: 5_000,
        backoff_base_ms: 2,
        backoff_max_ms: 5,
        down_pause_ms: 0,
        long_poll_ms: 200,
        poll_ms: 20,
        ..Settings::default()
    }
}

fn connector(address: &str, properties: &[(&str, &str)]) -> Connector {
    let spec = scripted::connector("OPENSTACK", "admin", "admin", address, properties);
    Connector::new(spec).unwrap()
}

fn driver_with(cloud: &Cloud, settings: Settings, properties: &[(&str, &str)]) -> OpenstackVim {
    let connector = connector(&cloud.address, properties);
    OpenstackVim::new(connector, settings, Arc::new(SystemClock::new()), 7).unwrap()
}

fn driver(cloud: &Cloud) -> OpenstackVim {
    driver_with(cloud, quick(), &[])
}

fn server(status: &str, task: Option<&str>, power: i64) -> Value {
    json!({"server": {"id": "s1", "name": "d_g_0_1", "status": status, "OS-EXT-STS:task_state": task,
        "OS-EXT-STS:power_state": power, "metadata": {"lifeline.token": "d_g_0_1.1"}, "hostId": "digest",
        "OS-EXT-SRV-ATTR:host": "vm1", "host_status": "UP", "flavor": {"original_name": "small"}}})
}

fn services(state: &str, forced: bool) -> Value {
    json!({"services": [{"id": "x", "binary": "nova-compute", "host": "vm1", "state": state, "status": "enabled",
        "forced_down": forced}]})
}

fn create() -> VimCall {
    VimCall::CreateVm(CreateVm {
        name: VmName::new("d_g_0_1"),
        token: CreateToken::new("d_g_0_1.1"),
        tenant: None,
        image: "img".to_owned(),
        flavor: "small".to_owned(),
        interfaces: Vec::new(),
        volumes: Vec::new(),
        config_data: Vec::new(),
    })
}

/// Image and flavor of a create.
fn things(asked: &Asked) -> Option<Answer> {
    match asked.line().as_str() {
        "GET /image/v2/images/img" => Some(Answer::Json(
            200,
            json!({"id": "img", "name": "img", "status": "active"}),
        )),
        "GET /v2.1/flavors/small" => Some(Answer::Json(
            200,
            json!({"flavor": {"id": "small", "name": "small"}}),
        )),
        _ => None,
    }
}

fn accepted(request: &str) -> Answer {
    Answer::With(
        202,
        vec![("x-compute-request-id", request.to_owned())],
        Value::Null,
    )
}
