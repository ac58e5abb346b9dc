//! Words of the engine to words of the cloud.

use super::*;
use crate::ids::VmName;
use crate::proto::nova::FixedIp;

fn wanted(nicid: u32, ip: Option<&str>) -> InterfaceRequest {
    InterfaceRequest {
        nicid,
        network: "net".to_owned(),
        kind: "virtual".to_owned(),
        ip_address: ip.map(str::to_owned),
        mac_address: None,
        port_id: None,
    }
}

fn create(volumes: Vec<VolumeSpec>) -> CreateVm {
    CreateVm {
        name: VmName::new("d_g_3_1111"),
        token: CreateToken::new("d_g_3_1111.2"),
        tenant: None,
        image: "img".to_owned(),
        flavor: "f".to_owned(),
        interfaces: Vec::new(),
        volumes,
        config_data: Vec::new(),
    }
}

fn resolved(interfaces: Vec<(InterfaceRequest, String, Option<String>)>) -> Resolved {
    Resolved {
        image: "img-id".to_owned(),
        flavor: "f-id".to_owned(),
        interfaces,
    }
}

#[test]
fn a_create_carries_its_token_and_its_interfaces() {
    let interfaces = vec![
        (wanted(0, Some("10.0.0.4")), "net-id".to_owned(), None),
        (
            wanted(1, None),
            "net-2".to_owned(),
            Some("port-1".to_owned()),
        ),
    ];
    let server = new_server(
        &create(Vec::new()),
        resolved(interfaces),
        Prepared::default(),
        true,
    );
    assert_eq!(server.metadata["lifeline.token"], "d_g_3_1111.2");
    assert_eq!(server.metadata["lifeline.nic.1"], "net-2 virtual");
    assert!(server.block_device_mapping_v2.is_empty());
    let Some(NewServerNetworks::List(list)) = server.networks else {
        panic!("no list");
    };
    assert_eq!(list[0].uuid.as_deref(), Some("net-id"));
    assert_eq!(list[0].fixed_ip.as_deref(), Some("10.0.0.4"));
    assert_eq!(
        (list[1].port.as_deref(), &list[1].uuid),
        (Some("port-1"), &None)
    );
    let none = new_server(
        &create(Vec::new()),
        resolved(Vec::new()),
        Prepared::default(),
        true,
    );
    assert_eq!(
        none.networks,
        Some(NewServerNetworks::Word("none".to_owned()))
    );
    let old = new_server(
        &create(Vec::new()),
        resolved(Vec::new()),
        Prepared::default(),
        false,
    );
    assert_eq!(old.networks, None);
}

#[test]
fn volumes_come_behind_the_image() {
    let volume = VolumeSpec {
        name: "v".to_owned(),
        volid: 1,
        bus: "virtio".to_owned(),
        size: Some(1500),
        size_unit: Some("MiB".to_owned()),
    };
    let server = new_server(
        &create(vec![volume]),
        resolved(Vec::new()),
        Prepared::default(),
        true,
    );
    let disks = server.block_device_mapping_v2;
    assert_eq!(disks[0].uuid.as_deref(), Some("img-id"));
    assert_eq!(disks[1].volume_size, Some(2.into()));
    assert_eq!(disks[1].delete_on_termination, Some(true));
}

#[test]
fn each_interface_gets_its_own_port() {
    let token = CreateToken::new("d_g_3_1111.2");
    let server = Server {
        metadata: Some(BTreeMap::from([
            ("lifeline.token".to_owned(), token.as_str().to_owned()),
            ("lifeline.nic.0".to_owned(), "a virtual".to_owned()),
            ("lifeline.nic.1".to_owned(), "a virtual".to_owned()),
            ("lifeline.nic.10".to_owned(), "b direct".to_owned()),
        ])),
        ..Server::default()
    };
    let port = |id: &str, name: &str, network: &str, ip: &str| Port {
        id: id.to_owned(),
        name: name.to_owned(),
        network_id: network.to_owned(),
        fixed_ips: vec![FixedIp {
            subnet_id: Some("s".to_owned()),
            ip_address: Some(ip.to_owned()),
        }],
        ..Port::default()
    };
    let ports = [
        port("p3", "", "b", "10.1.0.4"),
        port("p1", &port_name(&token, 1), "a", "10.0.0.5"),
        port("p2", "", "a", "10.0.0.4"),
    ];
    let subnet = Subnet {
        cidr: "10.0.0.0/24".to_owned(),
        gateway_ip: Some("10.0.0.1".to_owned()),
        ..Subnet::default()
    };
    let subnets = BTreeMap::from([("s".to_owned(), subnet)]);
    let infos = interfaces(&server, &ports, &subnets);
    let seen: Vec<_> = infos
        .iter()
        .map(|info| {
            (
                info.nicid,
                info.port_id.as_str(),
                info.ip_address.as_str(),
                info.kind.as_str(),
            )
        })
        .collect();
    assert_eq!(
        seen,
        [
            (0, "p2", "10.0.0.4", "virtual"),
            (1, "p1", "10.0.0.5", "virtual"),
            (10, "p3", "10.1.0.4", "direct")
        ]
    );
    assert_eq!(
        (&*infos[0].netmask, &*infos[0].gateway),
        ("255.255.255.0", "10.0.0.1")
    );
}

#[test]
fn netmasks_both_ways() {
    assert_eq!(netmask("10.0.0.0/8"), "255.0.0.0");
    assert_eq!(netmask("0.0.0.0/0"), "0.0.0.0");
    assert_eq!(netmask("fd00::/64"), "64");
    for (text, length) in [
        ("255.255.255.0", Some(24)),
        ("0.0.0.0", Some(0)),
        ("255.255.255.255", Some(32)),
        ("24", Some(24)),
        ("64", Some(64)),
        ("255.0.255.0", None),
        ("129", None),
        ("x", None),
    ] {
        assert_eq!(prefix_length(text), length, "{text}");
    }
}

#[test]
fn a_vms_place_is_in_its_name() {
    assert_eq!(index(&CreateToken::new("d_g_3_1111.2")), 3);
    assert_eq!(index(&CreateToken::new("d_with_more_g_12_1111-2222.1")), 12);
    assert_eq!(index(&CreateToken::new("other")), 0);
    assert_eq!(
        port_name(&CreateToken::new("d_g_3_1111.2"), 0),
        "d_g_3_1111-0"
    );
}
