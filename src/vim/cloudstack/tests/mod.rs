//! The driver against a scripted cloud: signatures, jobs, lost replies, outages, hangs, and what is gone.

mod script;

use serde_json::{Value, json};

use self::script::{Answer, Asked, Cloud};
use super::*;
use crate::clock::{ManualClock, SystemClock, Timestamp};
use crate::engine::port::{CreateVm, InterfaceRequest, PowerState, Vim, VimResource};
use crate::ids::{TenantId, VmName};
use crate::model::connector::{ConnectorSpec, SecretRef};
use crate::model::deployment::{DayZero, NetworkSpec, SubnetSpec};
use crate::model::resource::ImageSpec;

/// What the environment of every test has; stands for a secret key.
const VARIABLE: &str = "CARGO_MANIFEST_DIR";

fn secret() -> String {
    std::env::var(VARIABLE).unwrap()
}

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
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    Connector::new(ConnectorSpec {
        id: "cloud".to_owned(),
        kind: "CLOUDSTACK".to_owned(),
        url: Some(format!("http://{address}")),
        user: Some("the key".to_owned()),
        tenant: Some("admin".to_owned()),
        secret: Some(SecretRef::Environment(VARIABLE.to_owned())),
        properties: properties.iter().map(owned).collect(),
    })
    .unwrap()
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

#[tokio::test]
async fn a_vm_is_made_signed_followed_and_seen_in_every_way_of_asking() {
    for properties in [
        vec![],
        vec![("signature_version", "1"), ("http_method", "get")],
        vec![("http_method", "post")],
    ] {
        let mut left = 2;
        let cloud = Cloud::start(move |asked| match asked.name() {
            "deployVirtualMachine" => Answer::Reply(json!({"jobid": "job-1", "id": "vm-1"})),
            "queryAsyncJobResult" => {
                left -= 1;
                match left {
                    ..=0 => job(1, json!({"virtualmachine": vm("Running")})),
                    _ => Answer::Reply(json!({"jobid": "job-1", "jobstatus": 0})),
                }
            }
            "listVirtualMachines" => vms(&[vm("Running")]),
            _ => things(asked),
        })
        .await;
        let vim = driver_with(&cloud, &properties);
        let call = || VimCall::CreateVm(create());
        let made = vim.call(call(), "k".to_owned()).await.unwrap();
        assert_eq!((&*made.op.vim, &*made.op.id), ("cloud", "job-1"));
        assert_eq!(made.id.as_deref(), Some("vm-1"));
        assert_eq!(
            vim.status(made.op.clone()).await.unwrap(),
            VimOpStatus::Succeeded
        );
        let seen = vim.describe(VmId::new("vm-1")).await.unwrap().unwrap();
        assert_eq!((seen.power, &*seen.name), (PowerState::Running, "d_g_0_1"));
        assert_eq!(seen.token, Some(CreateToken::new("d_g_0_1.1")));
        assert_eq!(seen.interfaces[0].ip_address, "10.1.1.9");
        // the same call again, as after an answer that the engine lost: not a second VM
        assert_eq!(vim.call(call(), "k".to_owned()).await.unwrap(), made);
        assert_eq!(cloud.count("deployVirtualMachine"), 1);
        let asked = cloud.last("deployVirtualMachine");
        let all = cloud.asked.lock().unwrap().clone();
        assert!(all.iter().all(|asked| asked.signed), "{properties:?}");
        assert!(all.iter().all(|asked| asked.get("apiKey") == "the key"));
        let get = properties.iter().any(|(_, value)| *value == "get");
        assert_eq!(asked.method, if get { "GET" } else { "POST" });
        assert_eq!(
            asked.get("signatureVersion").is_empty(),
            get,
            "version 1 has none"
        );
        for (name, value) in [
            ("zoneid", "zone-1"),
            ("templateid", "tp-1"),
            ("serviceofferingid", "of-1"),
            ("name", "d-g-0-1"),
            ("displayname", "d_g_0_1.1"),
            ("details[0].lifeline.token", "d_g_0_1.1"),
            ("iptonetworklist[0].networkid", "net-1"),
            ("iptonetworklist[0].ip", "10.1.1.9"),
            ("userdata", "YSBiKn4rw7w="),
        ] {
            assert_eq!(asked.get(name), value, "{name}");
        }
    }
}

#[tokio::test]
async fn an_old_clouds_xml_and_numbers_are_followed() {
    let cloud = Cloud::start(|asked| {
        let xml = |text: &str| Answer::Page(200, text.to_owned());
        match asked.name() {
            "deployVirtualMachine" => xml(
                "<deployvirtualmachineresponse><jobid>1</jobid><id>100</id></deployvirtualmachineresponse>",
            ),
            "queryAsyncJobResult" => xml(
                "<queryasyncjobresult><jobid>1</jobid><jobstatus>2</jobstatus><jobprocstatus>0</jobprocstatus>\
                 <jobresultcode>551</jobresultcode><jobresulttype>text</jobresulttype><jobresult>Unable to deploy virtual \
                 machine id = 100 due to not enough capacity</jobresult></queryasyncjobresult>",
            ),
            "listVirtualMachines" => xml("<listvirtualmachinesresponse/>"),
            "listZones" => xml("<listzonesresponse><zone><id>1</id><name>z</name></zone></listzonesresponse>"),
            "listTemplates" => xml("<r><template><id>3</id><name>CentOS</name></template></r>"),
            "listServiceOfferings" => xml("<r><serviceoffering><id>4</id><name>Small</name></serviceoffering></r>"),
            _ => xml("<r><network><id>5</id><name>net</name></network></r>"),
        }
    })
    .await;
    let vim = driver_with(&cloud, &[("response", "xml")]);
    let made = vim
        .call(VimCall::CreateVm(create()), "k".to_owned())
        .await
        .unwrap();
    assert_eq!((&*made.op.id, made.id.as_deref()), ("1", Some("100")));
    assert_eq!(cloud.last("deployVirtualMachine").get("response"), "xml");
    assert_eq!(
        vim.status(made.op).await.unwrap(),
        VimOpStatus::Failed(vec![
            "CloudStack: Unable to deploy virtual machine id = 100 due to not enough capacity (code 551)".to_owned(),
            "CloudStack: job 1 failed".to_owned(),
        ])
    );
    assert_eq!(vim.describe(VmId::new("100")).await.unwrap(), None);
}

#[tokio::test]
async fn a_lost_reply_to_a_create_is_unknown_and_found_by_its_token_on_any_page() {
    let cloud = Cloud::start(|asked| match asked.name() {
        "deployVirtualMachine" => Answer::Lost,
        "listVirtualMachines" if asked.get("page") == "1" => {
            let other =
                json!({"id": "x", "name": "x", "state": "Running", "displayname": "d_g_0_1.2"});
            vms(&vec![other; 500])
        }
        "listVirtualMachines" => {
            let mut renamed = vm("Running");
            renamed["displayname"] = json!("somebody's name");
            let mut plain = vm("Starting");
            plain["id"] = json!("vm-2");
            plain.as_object_mut().unwrap().remove("details");
            let mut destroyed = vm("Destroyed");
            destroyed["id"] = json!("vm-3");
            vms(&[renamed, plain, destroyed])
        }
        _ => things(asked),
    })
    .await;
    let vim = driver(&cloud);
    let lost = vim
        .call(VimCall::CreateVm(create()), "k".to_owned())
        .await
        .unwrap_err();
    assert!(matches!(lost, VimError::Unknown(_)), "{lost:?}");
    assert_eq!(cloud.count("deployVirtualMachine"), 1, "never sent twice");
    let found = vim
        .find_by_token(CreateToken::new("d_g_0_1.1"))
        .await
        .unwrap();
    let ids: Vec<&str> = found.iter().map(|vm| vm.id.as_str()).collect();
    assert_eq!(
        ids,
        ["vm-1", "vm-2"],
        "by its details, by the name shown; not what waits to be expunged"
    );
    assert_eq!(cloud.last("listVirtualMachines").get("listall"), "true");
}

#[tokio::test]
async fn an_error_behind_the_point_of_no_return_is_unknown_and_before_it_down() {
    let cloud = Cloud::start(|asked| match asked.name() {
        "deployVirtualMachine" => Answer::Page(503, "<html>busy</html>".to_owned()),
        _ => things(asked),
    })
    .await;
    let call = || VimCall::CreateVm(create());
    let error = driver(&cloud)
        .call(call(), "k".to_owned())
        .await
        .unwrap_err();
    assert!(matches!(error, VimError::Unknown(_)), "{error:?}");
    cloud.play(|asked| match asked.name() {
        "deployVirtualMachine" => Answer::No(530, "Internal error executing command"),
        _ => things(asked),
    });
    let error = driver(&cloud)
        .call(call(), "k".to_owned())
        .await
        .unwrap_err();
    assert!(matches!(error, VimError::Unknown(_)), "{error:?}");
    cloud.play(|asked| match asked.name() {
        "listTemplates" => Answer::Lost,
        _ => things(asked),
    });
    let error = driver(&cloud)
        .call(call(), "k".to_owned())
        .await
        .unwrap_err();
    assert!(matches!(error, VimError::Down(_)), "{error:?}");
    assert_eq!(cloud.count("deployVirtualMachine"), 2);
    cloud.play(|asked| match asked.name() {
        "deployVirtualMachine" => Answer::No(
            535,
            "Maximum number of resources of type 'user_vm' exceeded.",
        ),
        _ => things(asked),
    });
    let error = driver(&cloud)
        .call(call(), "k".to_owned())
        .await
        .unwrap_err();
    let words = "CloudStack: Maximum number of resources of type 'user_vm' exceeded. (code 535)";
    assert_eq!(error, VimError::Refused(vec![words.to_owned()]));
}

#[tokio::test]
async fn reads_are_asked_again_and_a_cloud_that_stays_broken_is_down() {
    let mut left = 2;
    let cloud = Cloud::start(move |_| {
        left -= 1;
        match left {
            1 => Answer::Page(502, "bad gateway".to_owned()),
            0 => Answer::Lost,
            _ => vms(&[vm("Stopped")]),
        }
    })
    .await;
    let vim = driver(&cloud);
    let seen = vim.describe(VmId::new("vm-1")).await.unwrap().unwrap();
    assert_eq!(seen.power, PowerState::Stopped);
    assert_eq!(cloud.count("listVirtualMachines"), 3);
    cloud.play(|_| Answer::Page(503, String::new()));
    let error = vim.describe(VmId::new("vm-1")).await.unwrap_err();
    assert!(matches!(error, VimError::Down(_)), "{error:?}");
    cloud.play(|_| Answer::Hang);
    let error = vim.describe(VmId::new("vm-1")).await.unwrap_err();
    assert!(matches!(error, VimError::Down(_)), "{error:?}");
    cloud.play(|_| {
        Answer::No(
            401,
            "unable to verify user credentials and/or request signature",
        )
    });
    let error = vim.describe(VmId::new("vm-1")).await.unwrap_err();
    assert!(matches!(error, VimError::Refused(_)), "{error:?}");
    assert!(!format!("{error:?}").contains(&secret()));
}

#[tokio::test]
async fn a_cloud_that_is_down_gets_one_request_a_second() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    drop(listener);
    let clock = Arc::new(ManualClock::new(Timestamp::from_micros(0)));
    let settings = Settings {
        down_pause_ms: 1_000,
        ..quick()
    };
    let vim = CloudstackVim::new(connector(&address, &[]), settings, clock.clone(), 7).unwrap();
    let error = vim.describe(VmId::new("vm-1")).await.unwrap_err();
    assert!(matches!(error, VimError::Down(_)), "{error:?}");
    let shown = format!("{error:?}");
    assert!(
        !shown.contains("signature") && !shown.contains("apiKey"),
        "{shown}"
    );
    // it comes up, but its next second has not come
    let listener = tokio::net::TcpListener::bind(&address).await.unwrap();
    for _ in 0..20 {
        assert!(matches!(
            vim.describe(VmId::new("vm-1")).await,
            Err(VimError::Down(_))
        ));
    }
    let came = tokio::time::timeout(Duration::from_millis(50), listener.accept()).await;
    assert!(
        came.is_err(),
        "a request to a cloud that is down, before its second"
    );
}

#[tokio::test]
async fn a_vm_that_is_not_shown_is_gone_only_when_no_job_removes_it_any_more() {
    let cloud = Cloud::start(|asked| match asked.name() {
        "destroyVirtualMachine" => Answer::Reply(json!({"jobid": "job-1"})),
        "listVirtualMachines" => vms(&[vm("Running")]),
        _ => things(asked),
    })
    .await;
    let vim = driver(&cloud);
    let id = || VmId::new("vm-1");
    let removal = vim
        .call(VimCall::DeleteVm(id()), "k".to_owned())
        .await
        .unwrap();
    assert_eq!(cloud.last("destroyVirtualMachine").get("expunge"), "true");
    let pending = |asked: &Asked| match asked.name() {
        "queryAsyncJobResult" => {
            Answer::Reply(json!({"jobid": "job-1", "jobstatus": 0, "jobprocstatus": 1}))
        }
        "listVirtualMachines" => Answer::Reply(json!({})),
        _ => things(asked),
    };
    cloud.play(pending);
    assert_eq!(
        vim.status(removal.op.clone()).await.unwrap(),
        VimOpStatus::Running
    );
    let error = vim.describe(id()).await.unwrap_err();
    assert!(matches!(error, VimError::Unknown(_)), "{error:?}");
    // so too after a restart, once the errand is followed
    let later = driver(&cloud);
    assert_eq!(
        later.status(removal.op.clone()).await.unwrap(),
        VimOpStatus::Running
    );
    assert!(matches!(
        later.describe(id()).await,
        Err(VimError::Unknown(_))
    ));
    cloud.play(move |asked| match asked.name() {
        "listVirtualMachines" => vms(&[vm("Destroyed")]),
        _ => pending(asked),
    });
    let seen = vim.describe(id()).await.unwrap().unwrap();
    assert_eq!(seen.power, PowerState::Deleting);
    cloud.play(|asked| match asked.name() {
        "queryAsyncJobResult" => job(1, json!({"success": true})),
        "listVirtualMachines" => Answer::No(431, "Invalid parameter id value=vm-1 due to incorrect long value format, or entity does not exist"),
        _ => things(asked),
    });
    assert_eq!(
        vim.status(removal.op).await.unwrap(),
        VimOpStatus::Succeeded
    );
    assert_eq!(vim.describe(id()).await.unwrap(), None);
    // already gone is success, and nothing is sent
    let again = vim
        .call(VimCall::DeleteVm(id()), "k2".to_owned())
        .await
        .unwrap();
    assert_eq!(vim.status(again.op).await.unwrap(), VimOpStatus::Succeeded);
    assert_eq!(cloud.count("destroyVirtualMachine"), 1);
}

#[tokio::test]
async fn a_removal_whose_reply_was_lost_is_followed_by_its_job() {
    let cloud = Cloud::start(|asked| match asked.name() {
        "listVirtualMachines" => vms(&[vm("Stopping")]),
        "destroyVirtualMachine" => Answer::No(530, "There is another operation on the VM"),
        "listAsyncJobs" => Answer::Reply(json!({"count": 1, "asyncjobs": [{"jobid": "job-7", "jobstatus": 0,
            "cmd": "org.apache.cloudstack.api.command.admin.vm.DestroyVMCmdByAdmin", "jobinstanceid": "vm-1"}]})),
        "queryAsyncJobResult" => Answer::Reply(json!({"jobid": "job-7", "jobstatus": 0})),
        _ => things(asked),
    })
    .await;
    let vim = driver(&cloud);
    for key in ["a", "b"] {
        let call = VimCall::DeleteVm(VmId::new("vm-1"));
        let own = vim.call(call, key.to_owned()).await.unwrap();
        assert_eq!(own.op.id, "job-7");
    }
    assert_eq!(cloud.count("destroyVirtualMachine"), 1);
    cloud.play(|asked| match asked.name() {
        "listAsyncJobs" => Answer::Reply(json!({})),
        "listVirtualMachines" => vms(&[vm("Stopping")]),
        _ => Answer::No(530, "There is another operation on the VM"),
    });
    let call = VimCall::DeleteVm(VmId::new("vm-1"));
    let busy = driver(&cloud).call(call, "c".to_owned()).await.unwrap_err();
    assert!(matches!(busy, VimError::Unknown(_)), "{busy:?}");
}

#[tokio::test]
async fn who_may_not_expunge_destroys() {
    let cloud = Cloud::start(|asked| match asked.name() {
        "destroyVirtualMachine" if asked.get("expunge") == "true" => Answer::No(
            531,
            "Parameter expunge can be passed by Admin only. Or when the allow.user.expunge.recover.vm key is set.",
        ),
        "destroyVirtualMachine" => Answer::Reply(json!({"jobid": "job-1"})),
        "queryAsyncJobResult" => job(1, json!({"virtualmachine": vm("Destroyed")})),
        "listVirtualMachines" => vms(&[vm("Running")]),
        _ => things(asked),
    })
    .await;
    let vim = driver(&cloud);
    for key in ["a", "b"] {
        vim.call(VimCall::DeleteVm(VmId::new("vm-1")), key.to_owned())
            .await
            .unwrap();
    }
    assert_eq!(cloud.count("destroyVirtualMachine"), 3, "asked once");
    cloud.play(|asked| match asked.name() {
        "queryAsyncJobResult" => job(1, json!({"virtualmachine": vm("Destroyed")})),
        "listVirtualMachines" => vms(&[vm("Destroyed")]),
        _ => things(asked),
    });
    let gone = vim.describe(VmId::new("vm-1")).await.unwrap();
    assert_eq!(gone, None, "it is stopped, and waits to be expunged");
}

#[tokio::test]
async fn a_guest_on_a_host_that_does_not_answer_is_unknown_and_not_removed() {
    let cloud = Cloud::start(|asked| match asked.name() {
        "listVirtualMachines" => {
            let mut on_host = vm("Running");
            on_host["hostid"] = json!("host-1");
            on_host["hostname"] = json!("kvm7");
            vms(&[on_host])
        }
        "listHosts" => {
            Answer::Reply(json!({"count": 1, "host": [{"id": "host-1", "state": "Disconnected"}]}))
        }
        _ => things(asked),
    })
    .await;
    let vim = driver(&cloud);
    let seen = vim.describe(VmId::new("vm-1")).await.unwrap().unwrap();
    assert_eq!(seen.power, PowerState::Unknown);
    assert_eq!(seen.messages, ["CloudStack: its host kvm7 does not answer"]);
    let error = vim
        .call(VimCall::DeleteVm(VmId::new("vm-1")), "k".to_owned())
        .await
        .unwrap_err();
    assert!(
        matches!(&error, VimError::Refused(lines) if lines[0].contains("kvm7")),
        "{error:?}"
    );
    assert_eq!(cloud.count("destroyVirtualMachine"), 0);
}

#[tokio::test]
async fn what_is_there_already_is_success_and_what_is_busy_is_asked_again() {
    let cloud = Cloud::start(|asked| match asked.name() {
        "listVirtualMachines" => vms(&[vm("Running")]),
        _ => things(asked),
    })
    .await;
    let vim = driver(&cloud);
    let id = || VmId::new("vm-1");
    let resize = || VimCall::ResizeVm {
        vm: id(),
        flavor: "Small".to_owned(),
    };
    for (key, call) in [("a", VimCall::StartVm(id())), ("b", resize())] {
        let done = vim.call(call, key.to_owned()).await.unwrap();
        assert_eq!(vim.status(done.op).await.unwrap(), VimOpStatus::Succeeded);
    }
    cloud.play(|asked| match asked.name() {
        "listVirtualMachines" => vms(&[vm("Starting")]),
        "stopVirtualMachine" => Answer::No(530, "VM is being started"),
        _ => things(asked),
    });
    let busy = vim
        .call(VimCall::StopVm(id()), "c".to_owned())
        .await
        .unwrap_err();
    assert!(matches!(busy, VimError::Unknown(_)), "{busy:?}");
    cloud.play(|asked| match asked.name() {
        "listVirtualMachines" => vms(&[vm("Stopped")]),
        "startVirtualMachine" => Answer::No(530, "no such luck"),
        _ => things(asked),
    });
    let refused = vim
        .call(VimCall::StartVm(id()), "d".to_owned())
        .await
        .unwrap_err();
    assert_eq!(
        refused,
        VimError::Refused(vec!["CloudStack: no such luck (code 530)".to_owned()])
    );
}

#[tokio::test]
async fn a_reboot_whose_reply_was_lost_is_followed_and_not_sent_again() {
    let known = std::sync::Arc::new(std::sync::Mutex::new(vec!["old"]));
    let jobs = known.clone();
    let cloud = Cloud::start(move |asked| match asked.name() {
        "listVirtualMachines" => vms(&[vm("Running")]),
        "rebootVirtualMachine" => {
            jobs.lock().unwrap().push("new");
            Answer::Lost
        }
        "listAsyncJobs" => {
            let class = "org.apache.cloudstack.api.command.user.vm.RebootVMCmd";
            let jobs = jobs.lock().unwrap();
            let jobs: Vec<Value> = jobs.iter()
                .map(|id| json!({"jobid": id, "jobstatus": 1, "cmd": class, "jobinstanceid": "vm-1"}))
                .collect();
            Answer::Reply(json!({"count": jobs.len(), "asyncjobs": jobs}))
        }
        _ => things(asked),
    })
    .await;
    let vim = driver(&cloud);
    let call = || VimCall::RebootVm {
        vm: VmId::new("vm-1"),
        hard: true,
    };
    let lost = vim.call(call(), "k".to_owned()).await.unwrap_err();
    assert!(matches!(lost, VimError::Unknown(_)), "{lost:?}");
    let own = vim.call(call(), "k".to_owned()).await.unwrap();
    assert_eq!(own.op.id, "new");
    assert_eq!(cloud.count("rebootVirtualMachine"), 1);
    assert_eq!(cloud.last("rebootVirtualMachine").get("forced"), "true");
}

#[tokio::test]
async fn a_failed_reboot_is_told_in_the_clouds_words_with_their_code() {
    let cloud = Cloud::start(|asked| match asked.name() {
        "listVirtualMachines" => vms(&[vm("Running")]),
        "rebootVirtualMachine" => Answer::Reply(json!({"jobid": "job-1"})),
        "queryAsyncJobResult" => job(
            2,
            json!({"errorcode": 530, "errortext": "Failed to reboot vm instance"}),
        ),
        _ => things(asked),
    })
    .await;
    let vim = driver(&cloud);
    let call = VimCall::RebootVm {
        vm: VmId::new("vm-1"),
        hard: false,
    };
    let asked = vim.call(call, "k".to_owned()).await.unwrap();
    assert_eq!(
        vim.status(asked.op).await.unwrap(),
        VimOpStatus::Failed(vec![
            "CloudStack: Failed to reboot vm instance (code 530)".to_owned(),
            "CloudStack: job job-1 RebootVMCmdByAdmin failed".to_owned(),
        ])
    );
}

#[tokio::test]
async fn tenants_are_looked_up_and_named_and_not_made() {
    let cloud = Cloud::start(|asked| match asked.name() {
        "deployVirtualMachine" => Answer::Reply(json!({"jobid": "job-1", "id": "vm-1"})),
        _ => things(asked),
    })
    .await;
    let vim = driver(&cloud);
    let found = vim
        .find(Find::Tenant("demo".to_owned()))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(found.id, "ac-2");
    assert_eq!(
        vim.find(Find::Tenant("dem".to_owned())).await.unwrap(),
        None
    );
    let theirs = CreateVm {
        tenant: Some(TenantId::new("ac-2")),
        ..create()
    };
    vim.call(VimCall::CreateVm(theirs), "k".to_owned())
        .await
        .unwrap();
    let asked = cloud.last("deployVirtualMachine");
    assert_eq!(
        (asked.get("account"), asked.get("domainid")),
        ("demo", "do-1")
    );
    for call in [
        VimCall::CreateTenant {
            name: "x".to_owned(),
        },
        VimCall::DeleteTenant {
            id: TenantId::new("ac-2"),
        },
    ] {
        let refused = vim.call(call, "t".to_owned()).await.unwrap_err();
        assert!(matches!(refused, VimError::Refused(_)), "{refused:?}");
    }
}

#[tokio::test]
async fn a_network_is_made_with_its_one_subnet_and_found_by_its_token() {
    let cloud = Cloud::start(|asked| match asked.name() {
        "listNetworkOfferings" => Answer::Reply(json!({"count": 2, "networkoffering": [
            {"id": "no-1", "name": "Shared", "state": "Enabled", "guestiptype": "Shared"},
            {"id": "no-2", "name": "Isolated", "state": "Enabled", "guestiptype": "Isolated"}]})),
        "createNetwork" => Answer::Reply(json!({"network": {"id": "net-8", "name": "inner"}})),
        "listNetworks" if asked.get("keyword") == "inner" => Answer::Reply(json!({"count": 2, "network": [
            {"id": "net-6", "name": "inner", "displaytext": "lifeline: other inner-sub"},
            {"id": "net-7", "name": "inner", "displaytext": "lifeline: t7 inner-sub", "cidr": "10.9.0.0/24", "gateway": "10.9.0.1"}]})),
        _ => things(asked),
    })
    .await;
    let vim = driver(&cloud);
    let subnet = SubnetSpec {
        name: "inner-sub".to_owned(),
        ip_version: "ipv4".to_owned(),
        dhcp: true,
        address: "10.9.0.0".to_owned(),
        netmask: "255.255.255.0".to_owned(),
        gateway: None,
    };
    let spec = NetworkSpec {
        name: "inner".to_owned(),
        shared: false,
        admin_state: true,
        vlan_id: None,
        subnets: vec![subnet.clone()],
    };
    let call = |token: &str, spec: &NetworkSpec| VimCall::CreateNetwork {
        tenant: None,
        token: Some(CreateToken::new(token)),
        spec: spec.clone(),
    };
    let there = vim.call(call("t7", &spec), "a".to_owned()).await.unwrap();
    assert_eq!(there.id.as_deref(), Some("net-7"), "already there");
    assert_eq!(cloud.count("createNetwork"), 0);
    vim.call(call("t8", &spec), "b".to_owned()).await.unwrap();
    let asked = cloud.last("createNetwork");
    for (name, value) in [
        ("networkofferingid", "no-2"),
        ("displaytext", "lifeline: t8 inner-sub"),
        ("gateway", "10.9.0.1"),
        ("netmask", "255.255.255.0"),
    ] {
        assert_eq!(asked.get(name), value);
    }
    let find = |token: &str| Find::Network {
        tenant: None,
        token: Some(CreateToken::new(token)),
        name: "inner".to_owned(),
    };
    let found = vim.find(find("t7")).await.unwrap().unwrap();
    assert_eq!(
        (&*found.id, &*found.subnets[0].name),
        ("net-7", "inner-sub")
    );
    assert_eq!(vim.find(find("t")).await.unwrap(), None);
    // the subnet goes with its network, and is not shown until then
    let id = found.subnets[0].vim_id.clone();
    vim.call(VimCall::DeleteSubnet { id }, "s".to_owned())
        .await
        .unwrap();
    let bare = vim.find(find("t7")).await.unwrap().unwrap();
    assert_eq!((&*bare.id, bare.subnets.len()), ("net-7", 0));
    let two = NetworkSpec {
        subnets: vec![subnet.clone(), subnet.clone()],
        ..spec.clone()
    };
    let shared = NetworkSpec {
        shared: true,
        ..spec
    };
    for wrong in [two, shared] {
        let refused = vim
            .call(call("t9", &wrong), "c".to_owned())
            .await
            .unwrap_err();
        assert!(matches!(refused, VimError::Refused(_)), "{refused:?}");
    }
}

/// A tenant's own network says nowhere what its subnet is called: it is found under the name that was asked for.
#[tokio::test]
async fn a_subnet_is_told_of_once_it_is_asked_for_under_the_name_it_was_given() {
    let cloud = Cloud::start(|asked| match asked.name() {
        "listNetworkOfferings" => Answer::Reply(json!({"count": 1, "networkoffering": [
            {"id": "no-2", "name": "Isolated", "state": "Enabled", "guestiptype": "Isolated"}]})),
        "createNetwork" => Answer::Reply(json!({"network": {"id": "net-9", "name": "lan"}})),
        "listNetworks" if asked.get("keyword") == "lan" || asked.get("id") == "net-9" => {
            Answer::Reply(
                json!({"count": 1, "network": [{"id": "net-9", "name": "lan", "displaytext": "lan",
                "cidr": "10.9.0.0/24", "gateway": "10.9.0.1"}]}),
            )
        }
        _ => things(asked),
    })
    .await;
    let vim = driver(&cloud);
    let find = || Find::Network {
        tenant: None,
        token: None,
        name: "lan".to_owned(),
    };
    let subnet = SubnetSpec {
        name: "lan-subnet".to_owned(),
        ip_version: "ipv4".to_owned(),
        dhcp: true,
        address: "10.9.0.0".to_owned(),
        netmask: "255.255.255.0".to_owned(),
        gateway: None,
    };
    let names = |found: Option<VimResource>| -> Vec<String> {
        let subnets = found.into_iter().flat_map(|found| found.subnets);
        subnets.map(|subnet| subnet.name).collect()
    };
    // one that others made has the network's name until it is asked for
    assert_eq!(names(vim.find(find()).await.unwrap()), ["lan"]);
    let spec = NetworkSpec {
        name: "other".to_owned(),
        shared: false,
        admin_state: true,
        vlan_id: None,
        subnets: vec![subnet.clone()],
    };
    let create = VimCall::CreateNetwork {
        tenant: None,
        token: None,
        spec,
    };
    vim.call(create, "n".to_owned()).await.unwrap();
    assert!(names(vim.find(find()).await.unwrap()).is_empty());
    let create = VimCall::CreateSubnet {
        network: "net-9".to_owned(),
        spec: subnet,
    };
    vim.call(create, "s".to_owned()).await.unwrap();
    assert_eq!(names(vim.find(find()).await.unwrap()), ["lan-subnet"]);
}

#[tokio::test]
async fn a_template_is_fetched_by_the_cloud_and_followed() {
    let cloud = Cloud::start(|asked| match asked.name() {
        "registerTemplate" => {
            Answer::Reply(json!({"count": 1, "template": [{"id": "tp-9", "name": "new"}]}))
        }
        "listTemplates" if asked.get("id") == "tp-9" => {
            Answer::Reply(json!({"count": 1, "template": [
            {"id": "tp-9", "name": "new", "isready": false, "status": "42% Downloaded"}]}))
        }
        _ => things(asked),
    })
    .await;
    let vim = driver(&cloud);
    let spec = ImageSpec {
        name: "new".to_owned(),
        src: Some("http://x/new.qcow2".to_owned()),
        disk_format: None,
        container_format: None,
        public: false,
    };
    let made = vim
        .call(VimCall::CreateImage(spec), "k".to_owned())
        .await
        .unwrap();
    assert_eq!(made.id.as_deref(), Some("tp-9"));
    assert_eq!(cloud.last("registerTemplate").get("hypervisor"), "KVM");
    assert_eq!(
        vim.status(made.op.clone()).await.unwrap(),
        VimOpStatus::Running
    );
    cloud.play(|_| Answer::Reply(json!({"count": 1, "template": [
        {"id": "tp-9", "name": "new", "isready": false, "status": "Failed post download script: not a qcow2"}]})));
    assert_eq!(
        vim.status(made.op).await.unwrap(),
        VimOpStatus::Failed(vec![
            "CloudStack: Failed post download script: not a qcow2".to_owned()
        ])
    );
}
