//! VMs are made step by step, and what was made before is found again.

use super::*;

const STEPS: [&str; 6] = [
    "POST /api/make",
    "PUT /api/vApp/vm-8/nics",
    "PUT /api/vApp/vm-8/cpu",
    "PUT /api/vApp/vm-8/memory",
    "PUT /api/vApp/vm-8/properties",
    "POST /api/vApp/vapp-7/do/deploy",
];

#[tokio::test]
async fn a_vm_is_made_step_by_step_in_every_version() {
    for (property, accepts, ns) in [
        ("1.0", "application/*+xml", "vcloud/v1\""),
        ("5.1", "application/*+xml;version=5.1", "vcloud/v1.5\""),
        ("", "application/*+xml;version=5.1", "vcloud/v1.5\""),
    ] {
        let cloud = maker().await;
        let vim = driver_with(
            &cloud,
            &[("api_version", property), ("lease_seconds", "2592000")],
        );
        let call = || VimCall::CreateVm(create());
        let made = vim.call(call(), "k".to_owned()).await.unwrap();
        assert_eq!(made.id.as_deref(), Some("vapp-7"));
        assert!(made.op.id.ends_with("/api/task/t"), "{}", made.op.id);
        assert_eq!(
            vim.status(made.op.clone()).await.unwrap(),
            VimOpStatus::Succeeded
        );
        assert_eq!(cloud.changes(), STEPS, "{property}");
        let seen = vim.describe(VmId::new("vapp-7")).await.unwrap().unwrap();
        assert_eq!((seen.power, &*seen.name), (PowerState::Running, "d_g_0_1"));
        assert_eq!(seen.token, Some(create().token));
        assert_eq!(
            (&*seen.interfaces[0].network, &*seen.interfaces[0].gateway),
            ("n-1", "192.0.2.1")
        );
        // the same call again, as after an answer that the engine lost: not a second vApp
        assert_eq!(vim.call(call(), "k".to_owned()).await.unwrap(), made);
        assert_eq!(cloud.changes().len(), STEPS.len());
        let asked = cloud.last("POST /api/make");
        assert_eq!(asked.header("x-vcloud-authorization"), "token-1");
        assert_eq!(asked.header("accept"), accepts);
        assert!(
            asked
                .header("content-type")
                .ends_with("instantiateVAppTemplateParams+xml")
        );
        for part in [
            ns,
            "name=\"d_g_0_1.1\"",
            "deploy=\"false\"",
            "lifeline.token=d_g_0_1.1",
            "networkName=\"net\"",
            "/api/network/n-1",
            "/api/vAppTemplate/t-1",
        ] {
            assert!(asked.body.contains(part), "{part}: {}", asked.body);
        }
        let nics = cloud.last("PUT /api/vApp/vm-8/nics").body;
        assert!(
            nics.contains(">192.0.2.9<") && nics.contains(">MANUAL<"),
            "{nics}"
        );
        let cpu = cloud.last("PUT /api/vApp/vm-8/cpu").body;
        assert!(
            cpu.contains(">2<") && cpu.contains(">4<"),
            "what was shown, but for the amount: {cpu}"
        );
        let properties = cloud.last("PUT /api/vApp/vm-8/properties").body;
        assert!(
            properties.contains("user-data") && properties.contains("YSBi"),
            "{properties}"
        );
        let deploy = cloud.last("POST /api/vApp/vapp-7/do/deploy").body;
        assert!(
            deploy.contains("powerOn=\"true\"")
                && deploy.contains("deploymentLeaseSeconds=\"2592000\""),
            "{deploy}"
        );
        let login = match property {
            "1.0" => "POST /api/v1.0/login",
            _ => "POST /api/sessions",
        };
        let password = scripted::secret();
        let basic = STANDARD.encode(format!("maker@acme:{password}"));
        assert_eq!(
            cloud.last(login).header("authorization"),
            format!("Basic {basic}")
        );
        assert_eq!(cloud.count(login), 1);
    }
}

#[tokio::test]
async fn a_create_whose_reply_was_lost_is_found_by_its_token_and_gone_on_with() {
    let mut maker = Maker::new();
    let cloud = Cloud::start(
        move |asked| match (asked.line().as_str(), maker.answer(asked)) {
            ("POST /api/make", _) => Answer::Lost,
            (_, answer) => answer,
        },
    )
    .await;
    let vim = driver(&cloud);
    let lost = vim
        .call(VimCall::CreateVm(create()), "k".to_owned())
        .await
        .unwrap_err();
    assert!(matches!(lost, VimError::Unknown(_)), "{lost:?}");
    assert_eq!(cloud.count("POST /api/make"), 1, "never sent twice");
    // nobody follows a task: the looks go on with it
    let found = vim.find_by_token(create().token).await.unwrap();
    let ids: Vec<&str> = found.iter().map(|vm| vm.id.as_str()).collect();
    assert_eq!((ids, found[0].power), (vec!["vapp-7"], PowerState::Running));
    assert_eq!(cloud.changes(), STEPS);
    assert!(
        vim.find_by_token(CreateToken::new("d_g_0_1.2"))
            .await
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn what_was_made_before_a_restart_and_never_started_is_in_error() {
    let mut maker = Maker::new();
    maker.there = true;
    let cloud = Cloud::start(move |asked| maker.answer(asked)).await;
    let vim = driver(&cloud);
    let found = vim.find_by_token(create().token).await.unwrap();
    assert_eq!(
        found[0].power,
        PowerState::Error,
        "what it was to become is not known"
    );
    assert!(
        found[0].messages[0].contains("never started"),
        "{:?}",
        found[0].messages
    );
    assert!(cloud.changes().is_empty());
    // looked at by its id it is what it is: somebody may have undeployed it
    let seen = vim.describe(VmId::new("vapp-7")).await.unwrap().unwrap();
    assert_eq!(seen.power, PowerState::Stopped);
    // while the errand, where it is known, says it
    let plan = Plan {
        starts: true,
        ..Plan::default()
    };
    let errand = Errand {
        what: What::Create(Box::new(plan)),
        of: "vapp-7".to_owned(),
    };
    let op = errand.reference("cloud", format!("http://{}/api/task/t", cloud.address));
    assert_eq!(vim.status(op).await.unwrap(), VimOpStatus::Succeeded);
    assert_eq!(cloud.changes(), ["POST /api/vApp/vapp-7/do/deploy"]);
}

#[tokio::test]
async fn a_create_that_was_made_before_is_taken_for_what_it_is() {
    let mut maker = Maker::new();
    maker.there = true;
    let cloud = Cloud::start(move |asked| match asked.line().as_str() {
        "POST /api/make" => no(
            400,
            "DUPLICATE_NAME",
            "The VCD entity d_g_0_1.1 already exists.",
        ),
        _ => maker.answer(asked),
    })
    .await;
    let vim = driver(&cloud);
    let made = vim
        .call(VimCall::CreateVm(create()), "k".to_owned())
        .await
        .unwrap();
    assert_eq!(made.id.as_deref(), Some("vapp-7"));
    // one of that name that is somebody else's is not ours
    let mut other = create();
    other.token = CreateToken::new("d_g_0_1.2");
    let refused = vim
        .call(VimCall::CreateVm(other), "k2".to_owned())
        .await
        .unwrap_err();
    assert!(matches!(refused, VimError::Refused(_)), "{refused:?}");
}

#[tokio::test]
async fn a_step_that_fails_fails_the_create_and_nothing_is_started() {
    let mut maker = Maker::new();
    let cloud = Cloud::start(move |asked| match asked.line().as_str() {
        "PUT /api/vApp/vm-8/nics" => no(400, "BAD_REQUEST", "IP address 192.0.2.9 is taken"),
        _ => maker.answer(asked),
    })
    .await;
    let vim = driver(&cloud);
    let made = vim
        .call(VimCall::CreateVm(create()), "k".to_owned())
        .await
        .unwrap();
    let words = "vCloud: IP address 192.0.2.9 is taken (code 400 BAD_REQUEST)";
    let failed = VimOpStatus::Failed(vec![words.to_owned()]);
    assert_eq!(vim.status(made.op.clone()).await.unwrap(), failed);
    assert_eq!(vim.status(made.op).await.unwrap(), failed, "and stays so");
    let seen = vim.describe(VmId::new("vapp-7")).await.unwrap().unwrap();
    assert_eq!(
        (seen.power, seen.messages),
        (PowerState::Error, vec![words.to_owned()])
    );
    assert_eq!(cloud.changes(), STEPS[..2]);
    // it can be removed
    let removal = vim
        .call(VimCall::DeleteVm(VmId::new("vapp-7")), "d".to_owned())
        .await
        .unwrap();
    assert_eq!(
        vim.status(removal.op).await.unwrap(),
        VimOpStatus::Succeeded
    );
    assert_eq!(vim.describe(VmId::new("vapp-7")).await.unwrap(), None);
}
