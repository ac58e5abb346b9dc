//! The guide's documents parse, each document is written as it is read, and strangers' documents are taken.

use proptest::prelude::*;

use super::*;

const INSTANTIATED: &str = include_str!("fixtures/instantiated.xml");
const DEPLOY: &str = include_str!("fixtures/deploy.xml");
const STARTING: &str = include_str!("fixtures/starting.xml");

#[test]
fn the_guides_documents_are_understood() {
    let vapp = VApp::decode(INSTANTIATED.as_bytes()).unwrap();
    assert_eq!(
        (vapp.status, vapp.deployed, vapp.links.len()),
        (VAppStatus::Unresolved, false, 0)
    );
    let task = &vapp.tasks[0];
    assert_eq!(
        (&task.status, task.status.is_final()),
        (&TaskStatus::Running, false)
    );
    assert_eq!(
        task.operation,
        "Creating Virtual Application Linux FTP server(7)"
    );
    assert_eq!(
        task.owner.as_ref().unwrap().name.as_deref(),
        Some("LinuxFtpServer")
    );
    let deploy = Deploy::decode(DEPLOY.as_bytes()).unwrap();
    assert_eq!(
        (deploy.power_on, deploy.lease_seconds),
        (Some(true), Some(2_592_000))
    );
    let task = Task::decode(STARTING.as_bytes()).unwrap();
    assert!(task.href.ends_with("/task/i9h1djqzsyllf0zvdy"));
    assert_eq!(
        task.expiry_time.as_deref(),
        Some("2010-09-23T08:00:55.402-07:00")
    );
    assert!(VApp::decode(STARTING.as_bytes()).is_err());
}

fn again<D: Document + PartialEq + std::fmt::Debug>(document: &D, versions: &[ApiVersion]) {
    for version in versions {
        let text = document.encode(*version);
        assert_eq!(D::decode(text.as_bytes()).unwrap(), *document, "{text}");
        if D::ROOT != SupportedVersions::ROOT {
            assert!(text.contains(version.namespace()), "{text}");
        }
    }
}

fn vm() -> Vm {
    Vm {
        href: "http://c/vm-1".into(),
        name: "a".into(),
        status: VAppStatus::PoweredOn,
        deployed: true,
        links: vec![Link::act("power:reset", "http://c/vm-1/power/action/reset")],
        connections: vec![NetworkConnection {
            network: "net".into(),
            index: 0,
            ip_address: Some("10.0.0.1".into()),
            mac_address: Some("fa:16:3e:00:00:01".into()),
            connected: true,
            mode: "POOL".into(),
        }],
        cpus: Some(2),
        memory_mb: Some(1024),
        customization: Some(Customization {
            enabled: true,
            script: Some("#!/bin/sh\n a<b ".into()),
            computer_name: Some("a".into()),
        }),
        edits: Edits {
            cpus: Some("http://c/vm-1/hw/cpu".into()),
            memory: None,
            connections: Some("http://c/vm-1/nics".into()),
            customization: Some("http://c/vm-1/guest".into()),
        },
    }
}

fn named(name: &str, href: &str) -> Reference {
    Reference {
        kind: None,
        name: Some(name.into()),
        href: href.into(),
    }
}

/// What is sent to change a part of a VM is what was shown of it, but for the change.
#[test]
fn a_part_of_a_vm_is_changed_and_the_rest_stays() {
    let shown = r#"<Item xmlns="http://www.vmware.com/vcloud/v1.5" xmlns:r="http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_ResourceAllocationSettingData">
        <r:AllocationUnits>hertz * 10^6</r:AllocationUnits><r:InstanceID>4</r:InstanceID><r:Reservation>7</r:Reservation>
        <r:ResourceType>3</r:ResourceType><r:VirtualQuantity>1</r:VirtualQuantity></Item>"#;
    let sent = hardware_request(shown.as_bytes(), 8).unwrap();
    assert!(
        sent.contains(">8</") && sent.contains(">7</") && !sent.contains(">1</"),
        "{sent}"
    );
    for bad in ["<Item/>", "<Other/>", "x"] {
        assert!(hardware_request(bad.as_bytes(), 8).is_err(), "{bad}");
    }
    // as a cloud of 1.5 shows it
    let shown = r#"<GuestCustomizationSection xmlns="http://www.vmware.com/vcloud/v1.5" xmlns:ovf="http://schemas.dmtf.org/ovf/envelope/1" ovf:required="false">
        <ovf:Info>Specifies</ovf:Info><Enabled>false</Enabled><ChangeSid>false</ChangeSid>
        <VirtualMachineId>9e88</VirtualMachineId><ResetPasswordRequired>false</ResetPasswordRequired>
        <ComputerName>old</ComputerName><Link rel="edit" href="http://c/x"/></GuestCustomizationSection>"#;
    let sent = customization_request(shown.as_bytes(), "#!/bin/sh\necho 'a<b'", "new").unwrap();
    let read = crate::xml::parse_str(&sent).unwrap();
    let order: Vec<&str> = read.elements().map(|child| &*child.local).collect();
    let wanted = [
        "Info",
        "Enabled",
        "ChangeSid",
        "VirtualMachineId",
        "ResetPasswordRequired",
        "CustomizationScript",
        "ComputerName",
        "Link",
    ];
    assert_eq!(order, wanted, "{sent}");
    let read = Customization::from_element(&read).unwrap();
    assert_eq!(read.script.as_deref(), Some("#!/bin/sh\necho 'a<b'"));
    assert_eq!(
        (read.enabled, read.computer_name.as_deref()),
        (true, Some("new"))
    );
    assert!(customization_request(b"<Item/>", "", "").is_err());
    let section = ProductSections {
        properties: vec![("user-data".into(), "a<b".into())],
    };
    again(&section, &ApiVersion::ALL);
    let tasks = TasksList {
        tasks: vec![Task::decode(STARTING.as_bytes()).unwrap()],
    };
    again(&tasks, &ApiVersion::ALL);
    let nics = NetworkConnection::request(&vm().connections, ApiVersion::V1_0);
    let read = crate::xml::parse_str(&nics).unwrap();
    assert_eq!(NetworkConnection::all_of(&read), vm().connections);
}

#[test]
fn what_is_written_is_read_again() {
    let all = ApiVersion::ALL;
    let vapp = VApp {
        href: "http://c/vapp-1".into(),
        name: "a<&>\"".into(),
        status: VAppStatus::PoweredOn,
        deployed: true,
        links: vec![Link::to("down", "vms", None, "http://c/vms")],
        description: "words".into(),
        tasks: vec![Task::decode(STARTING.as_bytes()).unwrap()],
        lease: Some(Lease {
            deployment: 5,
            storage: 0,
        }),
        created: None,
        vms: vec![vm()],
    };
    again(&vapp, &all);
    let failed = Task {
        href: "http://c/task/1".into(),
        status: TaskStatus::Error,
        operation: "Starting".into(),
        error: Some(VcloudError::new(400, "BAD_REQUEST", "no")),
        ..Task::default()
    };
    again(&failed, &all);
    let reference = |kind: &str| Reference::to(kind, "n", "http://c/x");
    let vdc = Vdc {
        href: "http://c/vdc/1".into(),
        name: "v".into(),
        links: vec![Link::act("add", "http://c/instantiate")],
        allocation_model: Some("AllocationVApp".into()),
        cpu: Some(Capacity {
            units: "MHz".into(),
            limit: 0,
            used: 1,
        }),
        memory: Some(Capacity::default()),
        entities: vec![reference("vApp"), reference("vAppTemplate")],
        networks: vec![reference("network")],
    };
    again(&vdc, &all);
    let org = Org {
        href: "http://c/org/1".into(),
        name: "o".into(),
        full_name: "O".into(),
        links: vec![Link::to("down", "vdc", Some("v"), "http://c/vdc/1")],
    };
    again(&org, &all);
    again(
        &OrgList {
            orgs: vec![reference("org")],
        },
        &all,
    );
    let session = Session {
        user: "u".into(),
        org: "o".into(),
        href: "http://c/session".into(),
        links: vec![Link::to("down", "orgList", None, "http://c/org")],
    };
    again(&session, &all);
    let versions = SupportedVersions {
        versions: vec![
            ("1.0".into(), "http://c/a".into()),
            ("1.5".into(), "http://c/b".into()),
            ("99.0".into(), "http://c/c".into()),
        ],
    };
    again(&versions, &all);
    assert_eq!(versions.newest(), Some((ApiVersion::V1_5, "http://c/b")));
    let item = CatalogItem {
        href: "http://c/i".into(),
        name: "i".into(),
        entity: reference("vAppTemplate"),
    };
    again(&item, &all);
    let catalog = Catalog {
        href: "http://c/c".into(),
        name: "c".into(),
        items: vec![reference("catalogItem")],
    };
    again(&catalog, &all);
    let template = VAppTemplate {
        href: "http://c/t".into(),
        name: "t".into(),
        links: Vec::new(),
        vms: vec![reference("vm")],
    };
    again(&template, &all);
    let network = OrgNetwork {
        href: "http://c/n".into(),
        name: "n".into(),
        fence_mode: "bridged".into(),
        gateway: Some("10.0.0.1".into()),
        netmask: Some("255.0.0.0".into()),
    };
    for version in all {
        let text = network.encode(version);
        assert_eq!(OrgNetwork::decode_any(text.as_bytes()).unwrap(), network);
    }
    let instantiate = Instantiate {
        name: "a".into(),
        description: Some("d".into()),
        deploy: Some(false),
        power_on: None,
        template: "http://c/t".into(),
        networks: ["n", "m"]
            .map(|name| named(name, &format!("http://c/{name}")))
            .into(),
        cpus: Some(2),
        memory_mb: Some(512),
        properties: vec![("user-data".into(), "a<b".into())],
        accepts_eulas: Some(true),
    };
    again(&instantiate, &all);
    for action in [
        UndeployAction::PowerOff,
        UndeployAction::Suspend,
        UndeployAction::Shutdown,
        UndeployAction::Force,
    ] {
        again(&Undeploy { action }, &[ApiVersion::V1_5, ApiVersion::V5_5]);
    }
    let suspend = Undeploy {
        action: UndeployAction::Suspend,
    };
    again(&suspend, &all);
}

/// As a client writes it that speaks the version before 1.0.
#[test]
fn the_form_before_1_0_is_taken() {
    let text = r#"<InstantiateVAppTemplateParams name="n" xml:lang="en" xmlns="http://www.vmware.com/vcloud/v0.8">
      <VAppTemplate href="http://c/t"/>
      <InstantiationParams>
        <ProductSection xmlns:q1="http://www.vmware.com/vcloud/v0.8" xmlns:ovf="http://schemas.dmtf.org/ovf/envelope/1">
          <Property xmlns="http://schemas.dmtf.org/ovf/envelope/1" ovf:key="password" ovf:value="x"/>
        </ProductSection>
        <VirtualHardwareSection xmlns:q1="http://www.vmware.com/vcloud/v0.8">
          <Item xmlns="http://schemas.dmtf.org/ovf/envelope/1">
            <InstanceID xmlns="http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_ResourceAllocationSettingData">2</InstanceID>
            <ResourceType xmlns="http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_ResourceAllocationSettingData">4</ResourceType>
            <VirtualQuantity xmlns="http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_ResourceAllocationSettingData">512</VirtualQuantity>
          </Item>
        </VirtualHardwareSection>
        <NetworkConfigSection><NetworkConfig><NetworkAssociation href="http://c/n"/></NetworkConfig></NetworkConfigSection>
      </InstantiationParams>
    </InstantiateVAppTemplateParams>"#;
    let read = Instantiate::decode(text.as_bytes()).unwrap();
    assert_eq!(
        (
            read.template.as_str(),
            read.networks[0].href.as_str(),
            read.memory_mb
        ),
        ("http://c/t", "http://c/n", Some(512))
    );
    assert_eq!(read.properties, [("password".to_owned(), "x".to_owned())]);
}

#[test]
fn statuses_keep_their_numbers() {
    for number in -3..13 {
        assert_eq!(VAppStatus::from(number).number(), number);
    }
    assert_eq!(VAppStatus::from(8), VAppStatus::PoweredOff);
    let unknown = TaskStatus::from("dreaming");
    assert_eq!((unknown.as_str(), unknown.is_final()), ("dreaming", false));
}

#[test]
fn links_are_followed_by_what_they_are_for() {
    let links = vec![
        Link::to("down", "vdc", Some("v"), "http://c/vdc"),
        Link::act("power:powerOn", "http://c/on"),
    ];
    assert_eq!(
        Link::rel(&links, "power:powerOn").unwrap().href,
        "http://c/on"
    );
    assert_eq!(Link::rel(&links, "remove"), None);
    assert_eq!(Link::of_kind(&links, "vdc").count(), 1);
    let accept = ApiVersion::V1_5.accept();
    assert_eq!(ApiVersion::of_accept(&accept), Some("1.5"));
    assert_eq!(ApiVersion::of_accept("application/*+xml"), None);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn whatever_comes_is_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = (VApp::decode(&bytes), Task::decode(&bytes), Instantiate::decode(&bytes), Vdc::decode(&bytes));
    }

    #[test]
    fn every_cut_of_a_document_is_refused(cut in 0..INSTANTIATED.trim().len()) {
        if let Some(text) = INSTANTIATED.get(..cut) {
            prop_assert!(VApp::decode(text.as_bytes()).is_err());
        }
    }
}
