//! The driver against a scripted cloud: signatures, jobs, lost replies, outages, hangs, and what is gone.

mod making;
mod power;
mod removing;
mod resources;
mod script;

use serde_json::{Value, json};

use self::script::{Answer, Asked, Cloud};
use super::*;
use crate::clock::{ManualClock, SystemClock};
use crate::engine::port::{CreateVm, InterfaceRequest, PowerState, Vim, VimResource};
use crate::ids::{TenantId, VmName};
use crate::model::deployment::{DayZero, NetworkSpec, SubnetSpec};
use crate::model::resource::ImageSpec;
use crate::vim_http::scripted;

fn quick() -> Settings {
    Settings {
        connect_timeout_ms: 500,
        request_timeout_ms: 300,
        call_timeout_ms: 5_000,
        backoff_base_ms: 2,
        backoff_max_ms: 5,
        down_pause_ms: 0,
        long_poll_ms: 100,
        poll_ms: 20,
        ..Settings::default()
    }
}

fn connector(address: &str, properties: &[(&str, &str)]) -> Connector {
    let spec = scripted::connector("CLOUDSTACK", "the key", "admin", address, properties);
    Connector::new(spec).unwrap()
}

fn driver_with(cloud: &Cloud, properties: &[(&str, &str)]) -> CloudstackVim {
    let connector = connector(&cloud.address, properties);
    CloudstackVim::new(connector, quick(), Arc::new(SystemClock::new()), 7).unwrap()
}

fn driver(cloud: &Cloud) -> CloudstackVim {
    driver_with(cloud, &[])
}

fn create() -> CreateVm {
    CreateVm {
        name: VmName::new("d_g_0_1"),
        token: CreateToken::new("d_g_0_1.1"),
        tenant: None,
        image: "CentOS".to_owned(),
        flavor: "Small".to_owned(),
        interfaces: vec![InterfaceRequest {
            nicid: 0,
            network: "net".to_owned(),
            kind: "virtual".to_owned(),
            ip_address: Some("10.1.1.9".to_owned()),
            mac_address: None,
            port_id: None,
        }],
        volumes: Vec::new(),
        config_data: vec![DayZero {
            dst: "--user-data".to_owned(),
            file: None,
            data: Some("a b*~+ü".to_owned()),
            variables: Vec::new(),
        }],
    }
}

fn vm(state: &str) -> Value {
    json!({"id": "vm-1", "name": "d-g-0-1", "displayname": "d_g_0_1.1", "state": state, "serviceofferingid": "of-1",
        "details": {"lifeline.token": "d_g_0_1.1", "lifeline.name": "d_g_0_1", "lifeline.nic.0": "net-1 virtual"},
        "nic": [{"id": "nic-1", "networkid": "net-1", "ipaddress": "10.1.1.9", "netmask": "255.255.255.0", "gateway": "10.1.1.1",
            "macaddress": "02:00:00:00:00:01", "isdefault": true}]})
}

fn vms(all: &[Value]) -> Answer {
    Answer::Reply(json!({"count": all.len(), "virtualmachine": all}))
}

fn job(status: u8, result: Value) -> Answer {
    Answer::Reply(
        json!({"jobid": "job-1", "jobstatus": status, "jobprocstatus": 0, "jobresultcode": if status == 2 { 530 } else { 0 },
        "cmd": "org.apache.cloudstack.api.command.admin.vm.RebootVMCmdByAdmin", "jobresulttype": "object", "jobresult": result}),
    )
}

/// Zones, templates, offerings, networks, accounts: what stands in every cloud.
fn things(asked: &Asked) -> Answer {
    let by_name = |kind: &str, id: &str, name: &str| {
        let wanted =
            asked.get("name") == name || asked.get("keyword") == name || asked.get("id") == id;
        Answer::Reply(match wanted {
            true => {
                json!({"count": 1, kind: [{"id": id, "name": name, "cidr": "10.1.1.0/24", "gateway": "10.1.1.1"}]})
            }
            false => json!({}),
        })
    };
    match asked.name() {
        "listZones" => {
            Answer::Reply(json!({"count": 1, "zone": [{"id": "zone-1", "name": "San Jose 1"}]}))
        }
        "listTemplates" => by_name("template", "tp-1", "CentOS"),
        "listServiceOfferings" => by_name("serviceoffering", "of-1", "Small"),
        "listNetworks" => by_name("network", "net-1", "net"),
        "listAsyncJobs" => Answer::Reply(json!({})),
        "listAccounts" => Answer::Reply(
            json!({"count": 1, "account": [{"id": "ac-2", "name": "demo", "domainid": "do-1"}]}),
        ),
        other => Answer::No(
            432,
            Box::leak(format!("The given command '{other}' does not exist").into_boxed_str()),
        ),
    }
}
