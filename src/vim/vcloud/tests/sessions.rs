//! Sessions, outages, and what is refused.

use super::*;

#[tokio::test]
async fn a_session_that_ended_is_opened_again_and_what_was_asked_is_sent_once_more() {
    for status in [401, 403] {
        let mut maker = Maker::new();
        let mut logins = 0;
        let cloud = Cloud::start(move |asked| {
            let wanted = if logins < 2 { "token-1" } else { "token-2" };
            match asked.line().as_str() {
                "GET /api/versions" => things(asked),
                "POST /api/sessions" => {
                    logins += 1;
                    match (logins, things(asked)) {
                        (1, answer) => answer,
                        (_, Answer::Session(text, _)) => Answer::Session(text, "token-2"),
                        (_, other) => other,
                    }
                }
                // the first session ends when the create comes
                "POST /api/make" if asked.header("x-vcloud-authorization") == "token-1" => no(
                    status,
                    "ACCESS_TO_RESOURCE_IS_FORBIDDEN",
                    "This operation is denied.",
                ),
                _ if asked.header("x-vcloud-authorization") != wanted => no(401, "", "denied"),
                _ => maker.answer(asked),
            }
        })
        .await;
        let vim = driver(&cloud);
        let made = vim
            .call(VimCall::CreateVm(create()), "k".to_owned())
            .await
            .unwrap();
        assert_eq!(vim.status(made.op).await.unwrap(), VimOpStatus::Succeeded);
        let counts = (
            cloud.count("POST /api/make"),
            cloud.count("POST /api/sessions"),
        );
        assert_eq!(counts, (2, 2), "{status}");
    }
    // a password that is wrong is told, without the password
    let cloud = Cloud::start(|asked| match asked.line().as_str() {
        "POST /api/sessions" => no(
            401,
            "ACCESS_TO_RESOURCE_IS_FORBIDDEN",
            "This operation is denied.",
        ),
        _ => things(asked),
    })
    .await;
    let error = driver(&cloud)
        .describe(VmId::new("vapp-7"))
        .await
        .unwrap_err();
    let VimError::Refused(lines) = &error else {
        panic!("{error:?}")
    };
    assert!(lines[0].contains("This operation is denied."), "{lines:?}");
    assert!(!format!("{error:?}").contains(&scripted::secret()));
}

#[tokio::test]
async fn the_session_goes_nowhere_but_to_the_connectors_own_cloud() {
    let elsewhere = Cloud::start(things).await;
    let foreign = format!("http://{}", elsewhere.address);
    // by the versions, the organisation, the data centre, a vApp, a link of a vApp, a task
    let places = [
        "GET /api/versions",
        "POST /api/sessions",
        "GET /api/org/1",
        "GET /api/vdc/1",
        "GET /api/vApp/vapp-7",
        "POST /api/vApp/vapp-7/do/reset",
    ];
    for place in places {
        let foreign = foreign.clone();
        let cloud = Cloud::start(move |asked| {
            let mut told = asked.clone();
            if asked.line() == place {
                told.base.clone_from(&foreign);
            }
            match told.line().as_str() {
                "GET /api/vdc/1" => vdc(&told.base, &[("vapp-7", "d_g_0_1.1")]),
                "GET /api/vApp/vapp-7" => xml(vapp(&told.base, 4, &["power:reset"], "")),
                "POST /api/vApp/vapp-7/do/reset" => {
                    Answer::Xml(202, task(&told.base, "t", "running", "vappReset"))
                }
                _ => things(&told),
            }
        })
        .await;
        let vim = driver(&cloud);
        let call = VimCall::RebootVm {
            vm: VmId::new("vapp-7"),
            hard: true,
        };
        let error = match vim.call(call, "k".to_owned()).await {
            Ok(accepted) => vim.status(accepted.op).await.unwrap_err(),
            Err(error) => error,
        };
        let line = error.to_string();
        assert!(line.contains("leads elsewhere"), "{place}: {line}");
    }
    assert!(
        elsewhere.asked.lock().unwrap().is_empty(),
        "nobody came there"
    );
}

#[tokio::test]
async fn reads_are_asked_again_and_a_cloud_that_stays_broken_is_down() {
    let cloud = Cloud::start(things).await;
    let vim = driver(&cloud);
    assert!(
        vim.find(Find::Tenant("acme".to_owned()))
            .await
            .unwrap()
            .is_some()
    );
    let mut left = 2;
    cloud.play(move |asked| {
        left -= 1;
        match left {
            1 => Answer::Xml(502, "bad gateway".to_owned()),
            0 => Answer::Lost,
            _ => match asked.line().as_str() {
                "GET /api/vdc/1" => vdc(&asked.base, &[("vapp-7", "d_g_0_1.1")]),
                "GET /api/vApp/vapp-7" => xml(vapp(&asked.base, 8, &[], "")),
                _ => things(asked),
            },
        }
    });
    let seen = vim.describe(VmId::new("vapp-7")).await.unwrap().unwrap();
    assert_eq!(seen.power, PowerState::Stopped);
    for answer in [
        || Answer::Xml(503, String::new()),
        || Answer::Hang,
        || Answer::Lost,
    ] {
        cloud.play(move |_| answer());
        let error = vim.describe(VmId::new("vapp-7")).await.unwrap_err();
        assert!(matches!(error, VimError::Down(_)), "{error:?}");
    }
    // a change is never asked again: nobody knows what came of it
    cloud.play(|asked| match asked.line().as_str() {
        "POST /api/make" => Answer::Xml(503, String::new()),
        _ => things(asked),
    });
    let error = vim
        .call(VimCall::CreateVm(create()), "k".to_owned())
        .await
        .unwrap_err();
    assert!(matches!(error, VimError::Unknown(_)), "{error:?}");
    assert_eq!(cloud.count("POST /api/make"), 1);
    // before the create nothing of it can have happened
    cloud.play(|asked| match asked.line().as_str() {
        "GET /api/catalog/1" => Answer::Hang,
        _ => things(asked),
    });
    let error = vim
        .call(VimCall::CreateVm(create()), "k2".to_owned())
        .await
        .unwrap_err();
    assert!(matches!(error, VimError::Down(_)), "{error:?}");
    assert_eq!(cloud.count("POST /api/make"), 1);
}

#[tokio::test]
async fn a_cloud_that_is_down_gets_one_request_a_second() {
    let settings = Settings {
        down_pause_ms: 1_000,
        ..quick()
    };
    let make = |address: &str, clock: Arc<ManualClock>| {
        VcloudVim::new(connector(address, &[]), settings, clock, 7).unwrap()
    };
    scripted::asks_once_a_second(make, "vapp-7").await;
}

#[tokio::test]
async fn what_a_tenant_of_the_cloud_cannot_do_is_refused_in_words() {
    let cloud = Cloud::start(things).await;
    let vim = driver_with(&cloud, &[("flavors", "m1.tiny=1x512")]);
    let network = |name: &str| VimCall::CreateNetwork {
        tenant: None,
        token: Some(CreateToken::new("d/net")),
        spec: NetworkSpec {
            name: name.to_owned(),
            shared: false,
            admin_state: true,
            vlan_id: None,
            subnets: Vec::new(),
        },
    };
    let with = |change: fn(&mut CreateVm)| {
        let mut new = create();
        change(&mut new);
        VimCall::CreateVm(new)
    };
    for (call, words) in [
        (
            VimCall::CreateTenant {
                name: "x".to_owned(),
            },
            "provides the cloud",
        ),
        (
            VimCall::DeleteTenant {
                id: TenantId::new("x"),
            },
            "provides the cloud",
        ),
        (
            VimCall::DeleteImage {
                id: "i-1".to_owned(),
            },
            "catalog",
        ),
        (network("other"), "administrator"),
        (
            with(|new| new.tenant = Some(TenantId::new("2"))),
            "organisation acme",
        ),
        (with(|new| new.flavor = "m1.huge".to_owned()), "flavors"),
        (with(|new| new.image = "other".to_owned()), "template other"),
        (
            with(|new| new.interfaces[0].network = "other".to_owned()),
            "network other",
        ),
        (
            with(|new| new.config_data[0].dst = "/etc/x".to_owned()),
            "--user-data",
        ),
        (
            with(|new| {
                new.volumes.push(VolumeSpec {
                    name: "v".to_owned(),
                    volid: 0,
                    bus: String::new(),
                    size: None,
                    size_unit: None,
                });
            }),
            "disks of its template",
        ),
    ] {
        let key = format!("{call:?}");
        let error = vim.call(call, key.clone()).await.unwrap_err();
        let VimError::Refused(lines) = &error else {
            panic!("{key}: {error:?}")
        };
        assert!(lines[0].contains(words), "{key}: {lines:?}");
    }
    assert!(cloud.changes().is_empty());
    // what is there already is taken for made
    let taken = vim.call(network("net"), "n".to_owned()).await.unwrap();
    assert_eq!(taken.id.as_deref(), Some("n-1"));
    let find = |token: &str| Find::Network {
        tenant: None,
        token: Some(CreateToken::new(token)),
        name: "net".to_owned(),
    };
    assert_eq!(vim.find(find("d/net")).await.unwrap().unwrap().id, "n-1");
    assert_eq!(vim.find(find("e/net")).await.unwrap(), None);
    let removed = VimCall::DeleteNetwork {
        id: "n-1".to_owned(),
    };
    vim.call(removed, "r".to_owned()).await.unwrap();
    assert_eq!(vim.find(find("d/net")).await.unwrap(), None, "let go");
    assert!(cloud.changes().is_empty(), "and left alone");
    // flavors are sizes
    for (name, id) in [
        ("m1.tiny", "1x512"),
        ("4x8192", "4x8192"),
        ("template", "template"),
    ] {
        let found = vim.find(Find::Flavor(name.to_owned())).await.unwrap();
        assert_eq!(found.map(|found| found.id).as_deref(), Some(id));
    }
    let mine = FlavorSpec {
        name: "mine".to_owned(),
        vcpus: 3,
        memory_mb: 700,
        ..FlavorSpec::default()
    };
    let made = vim
        .call(VimCall::CreateFlavor(mine), "f".to_owned())
        .await
        .unwrap();
    assert_eq!(made.id.as_deref(), Some("3x700"));
    let find = || vim.find(Find::Flavor("mine".to_owned()));
    assert_eq!(find().await.unwrap().unwrap().id, "3x700");
    vim.call(
        VimCall::DeleteFlavor {
            id: "3x700".to_owned(),
        },
        "g".to_owned(),
    )
    .await
    .unwrap();
    assert_eq!(find().await.unwrap(), None);
}

#[tokio::test]
async fn a_version_that_is_not_spoken_and_a_data_centre_that_is_not_there_are_told() {
    for (properties, words) in [
        (
            vec![("api_version", "5.5")],
            "1.0, 1.5, 5.1, 31.0, and none of 5.5",
        ),
        (vec![("vdc", "w")], "no data centre w"),
    ] {
        let cloud = Cloud::start(things).await;
        let vim = driver_with(&cloud, &properties);
        let error = vim.find(Find::Tenant("acme".to_owned())).await.unwrap_err();
        let line = error.to_string();
        assert!(
            matches!(error, VimError::Refused(_)) && line.contains(words),
            "{line}"
        );
    }
    let cloud = Cloud::start(things).await;
    let vim = driver_with(&cloud, &[("vdc", "v"), ("catalog", "other")]);
    assert!(
        vim.find(Find::Tenant("acme".to_owned()))
            .await
            .unwrap()
            .is_some()
    );
    assert_eq!(
        vim.find(Find::Tenant("other".to_owned())).await.unwrap(),
        None
    );
    assert_eq!(
        vim.find(Find::Image("CentOS".to_owned())).await.unwrap(),
        None,
        "another catalog's"
    );
}
