//! Tenants, networks, subnets and addresses.

use super::*;

#[test]
fn tenants_networks_and_subnets_are_made_found_used_and_removed_in_order() {
    let mut w = World::new(Settings::default());
    let tenant = crate::ids::TenantId::new(
        w.call(Call::CreateTenant { name: "t".into() })
            .unwrap()
            .id
            .unwrap(),
    );
    let spec = NetworkSpec {
        name: "esc-net".into(),
        shared: false,
        admin_state: true,
        vlan_id: None,
        subnets: Vec::new(),
    };
    let create = Call::CreateNetwork {
        tenant: Some(tenant.clone()),
        token: None,
        spec,
    };
    let net = w.call(create.clone()).unwrap().id.unwrap();
    assert_eq!(
        w.call(create).unwrap().id.as_ref(),
        Some(&net),
        "already there is success"
    );
    let subnet = |address: &str, gateway: &str| SubnetSpec {
        name: "s".into(),
        ip_version: "ipv4".into(),
        dhcp: true,
        address: address.into(),
        netmask: "255.255.255.0".into(),
        gateway: Some(gateway.into()),
    };
    let bad = Call::CreateSubnet {
        network: net.clone(),
        spec: subnet("10.0.0.0", "10.9.0.1"),
    };
    assert!(matches!(w.call(bad), Err(CallError::Refused(_))));
    let good = Call::CreateSubnet {
        network: net.clone(),
        spec: subnet("10.0.0.0", "10.0.0.1"),
    };
    let sub = w.call(good).unwrap().id.unwrap();
    let found = w
        .cloud
        .find_network(Some(&tenant), None, "esc-net")
        .unwrap()
        .unwrap();
    assert_eq!(
        (found.id.as_str(), found.subnets[0].cidr.as_str()),
        (net.as_str(), "10.0.0.0/24")
    );
    let mut vm = new_vm("a");
    vm.tenant = Some(tenant.clone());
    vm.interfaces[0].ip_address = Some("10.0.0.77".into());
    let vm = VmId::new(w.call(Call::CreateVm(Box::new(vm))).unwrap().id.unwrap());
    let nic = w.cloud.vm(&vm).unwrap().unwrap().interfaces[0].clone();
    assert_eq!(
        (
            nic.ip_address.as_str(),
            nic.network.as_str(),
            nic.subnet.as_str()
        ),
        ("10.0.0.77", net.as_str(), sub.as_str())
    );
    for call in [
        Call::DeleteSubnet { id: sub.clone() },
        Call::DeleteNetwork { id: net.clone() },
        Call::DeleteTenant { id: tenant.clone() },
    ] {
        assert!(w.call(call).unwrap_err().to_string().ends_with("is in use"));
    }
    for call in [
        Call::DeleteVm(vm),
        Call::DeleteSubnet { id: sub },
        Call::DeleteNetwork { id: net },
        Call::DeleteTenant { id: tenant },
    ] {
        assert_eq!(w.run(call), VimOpStatus::Succeeded);
    }
    assert_eq!(w.cloud.find_tenant("t").unwrap(), None);
    assert!(
        w.cloud
            .find_network(None, None, "esc-net")
            .unwrap()
            .is_some(),
        "the shared one stays"
    );
}

#[test]
fn a_redeploy_keeps_address_and_port_once_the_old_vm_is_gone() {
    let mut w = World::new(Settings::default());
    let id = w.up("a");
    let old = w.cloud.vm(&id).unwrap().unwrap().interfaces[0].clone();
    let mut again = new_vm("a");
    again.interfaces[0].ip_address = Some(old.ip_address.clone());
    again.interfaces[0].mac_address = Some(old.mac_address.clone());
    again.interfaces[0].port_id = Some(old.port_id.clone());
    let create = Call::CreateVm(Box::new(again));
    assert!(
        w.call(create.clone())
            .unwrap_err()
            .to_string()
            .contains("is in use")
    );
    w.run(Call::DeleteVm(id));
    let id = VmId::new(w.call(create).unwrap().id.unwrap());
    assert_eq!(w.cloud.vm(&id).unwrap().unwrap().interfaces[0], old);
}

#[test]
fn networks_of_one_name_are_told_apart_by_their_tokens() {
    let mut w = World::new(Settings::default());
    let create = |token: &str| Call::CreateNetwork {
        tenant: None,
        token: Some(CreateToken::new(token)),
        spec: NetworkSpec {
            name: "net0".into(),
            shared: false,
            admin_state: true,
            vlan_id: None,
            subnets: Vec::new(),
        },
    };
    let one = w.call(create("a/net0")).unwrap().id.unwrap();
    let two = w.call(create("b/net0")).unwrap().id.unwrap();
    assert_ne!(one, two);
    assert_eq!(
        w.call(create("a/net0")).unwrap().id,
        Some(one.clone()),
        "made once"
    );
    let token = CreateToken::new("b/net0");
    let found = w
        .cloud
        .find_network(None, Some(&token), "net0")
        .unwrap()
        .unwrap();
    assert_eq!(found.id, two);
    w.run(Call::DeleteNetwork { id: two });
    assert!(
        w.cloud
            .find_network(None, Some(&token), "net0")
            .unwrap()
            .is_none()
    );
    let token = CreateToken::new("a/net0");
    assert!(
        w.cloud
            .find_network(None, Some(&token), "net0")
            .unwrap()
            .is_some()
    );
}
