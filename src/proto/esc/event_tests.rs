use super::*;
use crate::xml::parse_str;

const GOLDEN: [(&str, &str); 3] = [
    (
        "recovery_reboot_works",
        include_str!("golden/recovery_reboot_works.xml"),
    ),
    (
        "recovery_reboot_fails",
        include_str!("golden/recovery_reboot_fails.xml"),
    ),
    (
        "recovery_undeployed",
        include_str!("golden/recovery_undeployed.xml"),
    ),
];

/// The golden files are laid out for people: white space between elements is not part of an event.
fn without_layout(element: &Element) -> Element {
    let mut out = element.clone();
    let holds_elements = element.elements().next().is_some();
    out.children = element
        .children
        .iter()
        .filter_map(|child| match child {
            Child::Element(e) => Some(Child::Element(without_layout(e))),
            Child::Text(_) if holds_elements => None,
            Child::Text(text) => Some(Child::Text(text.clone())),
        })
        .collect();
    out
}

fn vm() -> EscVm {
    EscVm {
        vmid: Some("1dd943b9-93a4-4987-b26b-1b8fd264774d".into()),
        hostid: Some("4f926bb44423804ea8d87cac946b80e637c315f4f606bfa788b19b8c".into()),
        hostname: Some("my-ucs-7".into()),
        interfaces: Vec::new(),
    }
}

fn reboot(status: EscStatus, status_code: u16, status_message: &str) -> EscEvent {
    EscEvent {
        status,
        status_code,
        status_message: status_message.into(),
        network: None,
        subnet: None,
        image: None,
        flavor: None,
        depname: Some("depzz".into()),
        tenant: Some("ttt".into()),
        tenant_id: Some("721d0a0aaf5a40299650d4ec74f48f1a".into()),
        svcid: Some("NULL".into()),
        depid: Some("d4778a3a-deba-4df7-9614-03f31f1beab3".into()),
        vm_group: Some("g1".into()),
        vm_source: vm(),
        vm_target: EscVm::default(),
        event_type: "VM_RECOVERY_REBOOT".into(),
        extensions: None,
    }
}

#[test]
fn events_come_out_as_the_recorded_ones_white_space_aside() {
    let name = "depzz_g1_0_50521f93-7374-4881-960b-95aa13d55ddf";
    let history = format!(
        "Error Messages: VM [{name}] failed to be rebooted.; VIM Driver: VM powered on but in unexpected state:null; \
         VM [{name}] is rebooted.; VIM Driver: VM successfully rebooted.; \
         VIM Driver: VM successfully created, VM Name: [{name}]"
    );
    let mut undeployed = reboot(
        EscStatus::Success,
        204,
        &format!("VM [{name}] has been undeployed."),
    );
    undeployed.event_type = "VM_RECOVERY_UNDEPLOYED".into();
    let made = [
        reboot(
            EscStatus::Success,
            200,
            &format!("VM [{name}] is rebooted."),
        ),
        reboot(EscStatus::Failure, 500, &history),
        undeployed,
    ];
    for ((file, golden), event) in GOLDEN.iter().zip(&made) {
        let golden = without_layout(&parse_str(golden).unwrap());
        assert_eq!(event.encode(), golden.to_xml(), "{file}");
        assert_eq!(&EscEvent::decode(&golden).unwrap(), event, "{file}");
    }
}

#[test]
fn an_empty_vm_is_an_empty_element_and_interfaces_follow_the_host() {
    let mut event = reboot(EscStatus::Success, 200, "a < b");
    event.network = Some("n".into());
    event.vm_target = EscVm {
        interfaces: vec![EscInterface {
            nicid: 0,
            kind: Some("virtual".into()),
            ip_address: Some("10.0.0.5".into()),
            gateway: Some("10.0.0.1".into()),
            ..EscInterface::default()
        }],
        ..vm()
    };
    event.extensions = Some("<operation xmlns=\"urn:x\">1</operation>".into());
    let text = event.encode();
    assert!(text.contains(
        "<hostname>my-ucs-7</hostname><interfaces><interface><nicid>0</nicid><type>virtual</type>\
         <ip_address>10.0.0.5</ip_address><gateway>10.0.0.1</gateway></interface></interfaces></vm_target>\
         <event><type>VM_RECOVERY_REBOOT</type></event><operation xmlns=\"urn:x\">1</operation></escEvent>"
    ));
    assert!(
        text.contains("<status_message>a &lt; b</status_message><network>n</network><depname>")
    );
    assert_eq!(EscEvent::decode(&parse_str(&text).unwrap()).unwrap(), event);
    event.vm_source = EscVm::default();
    event.vm_target = EscVm::default();
    assert!(event.encode().contains("<vm_source/><vm_target/><event>"));
}

#[test]
fn what_a_driver_said_never_breaks_the_xml() {
    let event = reboot(
        EscStatus::Failure,
        500,
        "VIM Driver: \u{1b}[31mno\u{0}\t<&\u{ffff}",
    );
    let text = event.encode();
    let again = EscEvent::decode(&parse_str(&text).unwrap()).unwrap();
    assert_eq!(
        again.status_message,
        "VIM Driver: \u{fffd}[31mno\u{fffd}\t<&\u{fffd}"
    );
}

#[test]
fn what_is_no_event_is_refused() {
    for bad in [
        "<escEvent/>",
        "<x xmlns='http://www.cisco.com/esc/esc'/>",
        "<escEvent xmlns='http://www.cisco.com/esc/esc'><status>MAYBE</status></escEvent>",
        "<escEvent xmlns='http://www.cisco.com/esc/esc'><status>SUCCESS</status><status_code>x</status_code><event><type>T</type></event></escEvent>",
    ] {
        assert!(EscEvent::decode(&parse_str(bad).unwrap()).is_err(), "{bad}");
    }
}
