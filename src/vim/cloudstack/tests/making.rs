//! VMs are made, followed and found again.

use super::*;

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
    assert!(!format!("{error:?}").contains(&scripted::secret()));
}

#[tokio::test]
async fn a_cloud_that_is_down_gets_one_request_a_second() {
    let settings = Settings {
        down_pause_ms: 1_000,
        ..quick()
    };
    let make = |address: &str, clock: Arc<ManualClock>| {
        CloudstackVim::new(connector(address, &[]), settings, clock, 7).unwrap()
    };
    let error = scripted::asks_once_a_second(make, "vm-1").await;
    let shown = format!("{error:?}");
    assert!(
        !shown.contains("signature") && !shown.contains("apiKey"),
        "{shown}"
    );
}
