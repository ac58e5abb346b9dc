//! Tenants, networks, subnets, templates.

use super::*;

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
