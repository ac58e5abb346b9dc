//! Words there and back.

use proptest::prelude::*;

use super::*;

fn subnet(address: &str, netmask: &str) -> SubnetSpec {
    SubnetSpec {
        name: "s".to_owned(),
        ip_version: "ipv4".to_owned(),
        dhcp: true,
        address: address.to_owned(),
        netmask: netmask.to_owned(),
        gateway: None,
    }
}

#[test]
fn a_name_of_the_engine_becomes_a_hosts() {
    assert_eq!(host_name("dep_g_0_0a1b"), "dep-g-0-0a1b");
    assert_eq!(host_name("7up"), "vm-7up");
    assert_eq!(host_name("_x_"), "x");
    assert_eq!(host_name("___"), "vm");
    let long = format!("{}_0_6f1c", "d".repeat(80));
    assert!(
        host_name(&long).ends_with("-0-6f1c"),
        "the end tells VMs apart"
    );
}

proptest! {
    #[test]
    fn every_name_is_one_a_host_may_have(name in "\\PC{0,90}") {
        let host = host_name(&name);
        prop_assert!((1..=63).contains(&host.len()), "{}", host);
        prop_assert!(host.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'));
        prop_assert!(host.starts_with(|c: char| c.is_ascii_alphabetic()) && !host.ends_with('-'));
    }
}

#[test]
fn addresses_of_a_subnet_become_a_gateway_and_a_netmask() {
    let two = |gateway: &str, netmask: &str| (gateway.to_owned(), netmask.to_owned());
    assert_eq!(
        addresses(&subnet("10.9.1.0", "24")).unwrap(),
        two("10.9.1.1", "255.255.255.0")
    );
    assert_eq!(
        addresses(&subnet("10.9.1.7", "255.255.0.0")).unwrap(),
        two("10.9.0.1", "255.255.0.0")
    );
    let given = SubnetSpec {
        gateway: Some("10.9.1.254".to_owned()),
        ..subnet("10.9.1.0", "24")
    };
    assert_eq!(addresses(&given).unwrap().0, "10.9.1.254");
    let fixed = SubnetSpec {
        dhcp: false,
        ..subnet("10.9.1.0", "24")
    };
    for wrong in [
        subnet("2001:db8::", "64"),
        subnet("10.9.1.0", "0"),
        subnet("10.9.1.0", "255.0.255.0"),
        fixed,
    ] {
        assert!(addresses(&wrong).is_err(), "{wrong:?}");
    }
}

#[test]
fn interfaces_are_told_apart_by_the_details_and_without_them_by_their_order() {
    let nic = |id: &str, network: &str, isdefault: bool| Nic {
        id: Id::new(id),
        networkid: Some(Id::new(network)),
        isdefault,
        ..Nic::default()
    };
    let mut shown = VirtualMachine {
        nic: vec![
            nic("a", "n2", false),
            nic("b", "n1", true),
            nic("c", "n2", false),
        ],
        ..VirtualMachine::default()
    };
    let ids = |shown: &VirtualMachine| -> Vec<(u32, String)> {
        let all = vm(shown, None).interfaces.into_iter();
        all.map(|one| (one.nicid, one.port_id)).collect()
    };
    let wanted = |all: &[(u32, &str)]| -> Vec<(u32, String)> {
        all.iter()
            .map(|(nicid, id)| (*nicid, (*id).to_owned()))
            .collect()
    };
    assert_eq!(ids(&shown), wanted(&[(0, "b"), (1, "a"), (2, "c")]));
    let details = [
        (TOKEN, "t"),
        ("lifeline.nic.0", "n2 virtual"),
        ("lifeline.nic.1", "n1 sriov"),
        ("lifeline.nic.2", "n2 virtual"),
        ("lifeline.nic.9", "n9 virtual"),
    ];
    shown.details = Some(
        details
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
    );
    assert_eq!(
        ids(&shown),
        wanted(&[(0, "a"), (1, "b"), (2, "c"), (9, "")])
    );
    assert_eq!(vm(&shown, None).interfaces[1].kind, "sriov");
}

#[test]
fn a_template_the_cloud_cannot_fetch_is_refused() {
    let spec = |src: Option<&str>, format: Option<&str>| ImageSpec {
        name: "i".to_owned(),
        src: src.map(str::to_owned),
        disk_format: format.map(str::to_owned),
        container_format: None,
        public: true,
    };
    let made = template(
        &spec(Some("http://x/y"), Some("vhd")),
        "z",
        "XenServer",
        Some("12"),
    )
    .unwrap();
    assert_eq!(
        (
            made.get("format"),
            made.get("ostypeid"),
            made.get("ispublic")
        ),
        (Some("VHD"), Some("12"), Some("true"))
    );
    for wrong in [
        spec(None, None),
        spec(Some("file:///x"), None),
        spec(Some("http://x/y"), Some("aki")),
    ] {
        assert!(template(&wrong, "z", "KVM", None).is_err());
    }
}
