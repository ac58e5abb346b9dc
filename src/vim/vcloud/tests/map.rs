//! Names, tokens, sizes, and a vApp as the engine's VM.

use super::*;
use crate::engine::port::{InterfaceRequest, PowerState};
use crate::ids::VmName;
use crate::proto::vcloud::{Document, VAppStatus};

fn create(token: &str, name: &str) -> CreateVm {
    let interface = |nicid: u32, ip: Option<&str>| InterfaceRequest {
        nicid,
        network: "n".to_owned(),
        kind: "virtual".to_owned(),
        ip_address: ip.map(str::to_owned),
        mac_address: ip.map(|_| "00:50:56:01:02:03".to_owned()),
        port_id: None,
    };
    CreateVm {
        name: VmName::new(name),
        token: CreateToken::new(token),
        tenant: None,
        image: "i".to_owned(),
        flavor: "f".to_owned(),
        interfaces: vec![interface(0, Some("192.0.2.7")), interface(1, None)],
        volumes: Vec::new(),
        config_data: Vec::new(),
    }
}

fn vapp(name: &str, description: &str) -> VApp {
    VApp {
        href: "http://c/api/vApp/vapp-7/".to_owned(),
        name: name.to_owned(),
        status: VAppStatus::PoweredOn,
        deployed: true,
        links: Vec::new(),
        description: description.to_owned(),
        tasks: Vec::new(),
        lease: None,
        created: None,
        vms: Vec::new(),
    }
}

#[test]
fn sizes_are_read_as_they_are_written() {
    let size: Size = "2x1024".parse().unwrap();
    assert_eq!(
        (size.cpus, size.memory_mb, size.to_string()),
        (2, 1024, "2x1024".to_owned())
    );
    for bad in [
        "",
        "2",
        "x",
        "0x1",
        "1x0",
        "1x2x3",
        "-1x4",
        "m1.xlarge",
        "two x four",
    ] {
        assert_eq!(bad.parse::<Size>(), Err(NoSize), "{bad}");
    }
}

#[test]
fn an_id_is_the_last_of_an_address_whoever_tells_it() {
    for href in [
        "http://c/api/vApp/vapp-7",
        "http://c/api/v1.0/vApp/vapp-7/",
        "https://elsewhere/vApp/vapp-7",
    ] {
        assert_eq!(id_of(href), "vapp-7");
    }
}

#[test]
fn a_vapp_bears_its_token_and_says_it_again() {
    let new = create("d_g_0_1.2", "d_g_0_1");
    assert_eq!(shown(&new.token), "d_g_0_1.2");
    assert_eq!(description(&new), "lifeline.token=d_g_0_1.2");
    let named = create("d_g_0_1.2", "web 7");
    let words = description(&named);
    let seen = vm(&vapp("d_g_0_1.2", &words), &[]);
    assert_eq!(
        (&*seen.name, seen.token),
        ("web 7", Some(new.token.clone()))
    );
    let renamed = vapp("somebody's", "  lifeline.token=d_g_0_1.2  \nand more");
    assert_eq!(token(&renamed), new.token, "a name is changed easily");
    assert_eq!(vm(&renamed, &[]).name, "d_g_0_1");
    assert_eq!(
        token(&vapp("foreign", "words")),
        CreateToken::new("foreign")
    );
    // what tells tokens apart is their end
    let long = format!("{}ü_0_6f1c.3", "d".repeat(200));
    let name = shown(&CreateToken::new(&long));
    assert_eq!(name.chars().count(), 128);
    assert!(name.ends_with("_0_6f1c.3"), "{name}");
}

#[test]
fn a_plan_keeps_addresses_and_lets_the_cloud_choose_the_others() {
    let new = create("d_g_0_1.2", "d_g_0_1");
    let names = ["a".to_owned(), "b".to_owned()];
    let plan = plan(&new, &names, None, "DHCP");
    let wires = plan.interfaces.unwrap();
    let seen: Vec<_> = wires
        .iter()
        .map(|wire| (wire.index, &*wire.network, &*wire.mode, wire.ip.as_deref()))
        .collect();
    assert_eq!(
        seen,
        [
            (0, "a", "MANUAL", Some("192.0.2.7")),
            (1, "b", "DHCP", None)
        ]
    );
    assert_eq!(wires[0].mac.as_deref(), Some("00:50:56:01:02:03"));
    assert!(plan.starts && !plan.stops);
    assert_eq!(plan.host, "d-g-0-1");
}

/// Documents as a real cloud of 1.5 gives them, of which a part is in each.
#[test]
fn a_vapp_is_seen_with_its_interfaces() {
    let text = r#"<VApp xmlns="http://www.vmware.com/vcloud/v1.5" deployed="true" status="4" name="d_g_0_1.2" href="https://c/api/vApp/vapp-7">
      <Description>lifeline.token=d_g_0_1.2</Description>
      <Children><Vm status="4" name="centos" href="https://c/api/vApp/vm-8">
        <NetworkConnectionSection>
          <PrimaryNetworkConnectionIndex>0</PrimaryNetworkConnectionIndex>
          <NetworkConnection network="fenced"><NetworkConnectionIndex>1</NetworkConnectionIndex><IpAddress/>
            <IsConnected>true</IsConnected><MACAddress>00:50:56:01:00:02</MACAddress></NetworkConnection>
          <NetworkConnection network="net"><NetworkConnectionIndex>0</NetworkConnectionIndex><IpAddress>192.0.2.7</IpAddress>
            <IsConnected>true</IsConnected><MACAddress>00:50:56:01:00:01</MACAddress></NetworkConnection>
        </NetworkConnectionSection></Vm></Children></VApp>"#;
    let read = VApp::decode(text.as_bytes()).unwrap();
    let network = OrgNetwork {
        href: "https://c/api/network/n-1".to_owned(),
        name: "net".to_owned(),
        gateway: Some("192.0.2.1".to_owned()),
        netmask: Some("255.255.255.0".to_owned()),
        ..OrgNetwork::default()
    };
    let seen = vm(&read, &[network]);
    assert_eq!(
        (seen.id.as_str(), seen.power),
        ("vapp-7", PowerState::Running)
    );
    let [first, second] = seen.interfaces.as_slice() else {
        panic!("{:?}", seen.interfaces)
    };
    assert_eq!(
        (
            first.nicid,
            &*first.network,
            &*first.ip_address,
            &*first.gateway,
            &*first.netmask
        ),
        (0, "n-1", "192.0.2.7", "192.0.2.1", "255.255.255.0")
    );
    assert_eq!(
        (
            second.nicid,
            &*second.network,
            &*second.ip_address,
            &*second.mac_address
        ),
        (1, "fenced", "", "00:50:56:01:00:02"),
        "a network of the vApp's own has a name and no more"
    );
}
