//! The driver against a scripted cloud: versions, sessions, links, steps, lost replies, outages, and what is gone.

mod script;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use self::script::{Answer, Asked, Cloud};
use super::*;
use crate::clock::{ManualClock, SystemClock, Timestamp};
use crate::engine::port::{CreateVm, InterfaceRequest, PowerState, Vim};
use crate::ids::{TenantId, VmName};
use crate::model::connector::{ConnectorSpec, SecretRef};
use crate::model::deployment::{DayZero, NetworkSpec, VolumeSpec};
use crate::model::resource::FlavorSpec;
use crate::vim::vcloud::steps::Plan;

/// What the environment of every test has; stands for a password.
const VARIABLE: &str = "CARGO_MANIFEST_DIR";

fn quick() -> Settings {
    Settings {
        connect_timeout_ms: 500,
        request_timeout_ms: 300,
        call_timeout_ms: 5_000,
        backoff_base_ms: 2,
        backoff_max_ms: 5,
        down_pause_ms: 0,
        long_poll_ms: 100,
        poll_ms: 20,
        ..Settings::default()
    }
}

fn connector(address: &str, properties: &[(&str, &str)]) -> Connector {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    Connector::new(ConnectorSpec {
        id: "cloud".to_owned(),
        kind: "VCLOUD".to_owned(),
        url: Some(format!("http://{address}")),
        user: Some("maker".to_owned()),
        tenant: Some("acme".to_owned()),
        secret: Some(SecretRef::Environment(VARIABLE.to_owned())),
        properties: properties.iter().map(owned).collect(),
    })
    .unwrap()
}

fn driver_with(cloud: &Cloud, properties: &[(&str, &str)]) -> VcloudVim {
    let connector = connector(&cloud.address, properties);
    VcloudVim::new(connector, quick(), Arc::new(SystemClock::new()), 7).unwrap()
}

fn driver(cloud: &Cloud) -> VcloudVim {
    driver_with(cloud, &[])
}

fn create() -> CreateVm {
    CreateVm {
        name: VmName::new("d_g_0_1"),
        token: CreateToken::new("d_g_0_1.1"),
        tenant: None,
        image: "CentOS".to_owned(),
        flavor: "2x1024".to_owned(),
        interfaces: vec![InterfaceRequest {
            nicid: 0,
            network: "net".to_owned(),
            kind: "virtual".to_owned(),
            ip_address: Some("192.0.2.9".to_owned()),
            mac_address: None,
            port_id: None,
        }],
        volumes: Vec::new(),
        config_data: vec![DayZero {
            dst: "--user-data".to_owned(),
            file: None,
            data: Some("a b".to_owned()),
            variables: Vec::new(),
        }],
    }
}

fn xml(text: String) -> Answer {
    Answer::Xml(200, text)
}

fn no(status: u16, minor: &str, words: &str) -> Answer {
    let text = format!(
        "<Error xmlns=\"http://www.vmware.com/vcloud/v1.5\" message=\"{words}\" majorErrorCode=\"{status}\" \
         minorErrorCode=\"{minor}\"/>"
    );
    Answer::Xml(status, text)
}

fn missing() -> Answer {
    no(
        403,
        "ACCESS_TO_RESOURCE_IS_FORBIDDEN",
        "No access to entity &quot;vapp-7&quot;.",
    )
}

fn media(kind: &str) -> String {
    crate::proto::vcloud::media_type(kind)
}

/// A task about the vApp.
fn task(base: &str, id: &str, status: &str, name: &str) -> String {
    format!(
        "<Task status=\"{status}\" operation=\"x\" operationName=\"{name}\" href=\"{base}/api/task/{id}\">\
         <Owner href=\"{base}/api/vApp/vapp-7\"/></Task>"
    )
}

/// A vApp with one VM; `rels`: its links beside those of its parts.
fn vapp(base: &str, status: i32, rels: &[&str], tasks: &str) -> String {
    let link = |rel: &&str| {
        let end = rel.strip_prefix("power:").unwrap_or(rel);
        format!("<Link rel=\"{rel}\" href=\"{base}/api/vApp/vapp-7/do/{end}\"/>")
    };
    let links: String = rels.iter().map(link).collect();
    let deployed = status == 4 || rels.contains(&"undeploy");
    let edit = |part: &str| format!("<Link rel=\"edit\" href=\"{base}/api/vApp/vm-8/{part}\"/>");
    format!(
        "<VApp deployed=\"{deployed}\" status=\"{status}\" name=\"d_g_0_1.1\" href=\"{base}/api/vApp/vapp-7\">{links}\
         <Description>lifeline.token=d_g_0_1.1</Description><Tasks>{tasks}</Tasks><Children>\
         <Vm status=\"{status}\" name=\"centos\" href=\"{base}/api/vApp/vm-8\">\
         <Link rel=\"down\" type=\"{}\" href=\"{base}/api/vApp/vm-8/properties\"/>\
         <VirtualHardwareSection><Item><ResourceType>3</ResourceType><VirtualQuantity>1</VirtualQuantity>{}</Item>\
         <Item><ResourceType>4</ResourceType><VirtualQuantity>512</VirtualQuantity>{}</Item></VirtualHardwareSection>\
         <NetworkConnectionSection><NetworkConnection network=\"net\"><NetworkConnectionIndex>0</NetworkConnectionIndex>\
         <IpAddress>192.0.2.100</IpAddress><IsConnected>true</IsConnected></NetworkConnection>{}</NetworkConnectionSection>\
         </Vm></Children></VApp>",
        media("productSections"),
        edit("cpu"),
        edit("memory"),
        edit("nics"),
    )
}

fn reference(local: &str, kind: &str, name: &str, href: &str) -> String {
    format!(
        "<{local} type=\"{}\" name=\"{name}\" href=\"{href}\"/>",
        media(kind)
    )
}

fn versions(base: &str) -> Answer {
    let info = |version: &str, login: &str| {
        format!(
            "<VersionInfo><Version>{version}</Version><LoginUrl>{base}{login}</LoginUrl></VersionInfo>"
        )
    };
    xml(format!(
        "<SupportedVersions>{}{}{}{}</SupportedVersions>",
        info("1.0", "/api/v1.0/login"),
        info("1.5", "/api/sessions"),
        info("5.1", "/api/sessions"),
        info("31.0", "/api/sessions"),
    ))
}

/// The data centre, with the vApps of these names.
fn vdc(base: &str, vapps: &[(&str, &str)]) -> Answer {
    let entity = |(id, name): &(&str, &str)| {
        reference(
            "ResourceEntity",
            "vApp",
            name,
            &format!("{base}/api/vApp/{id}"),
        )
    };
    let entities: String = vapps.iter().map(entity).collect();
    let add = reference(
        "Link rel=\"add\"",
        "instantiateVAppTemplateParams",
        "",
        &format!("{base}/api/make"),
    );
    let network = reference(
        "Network",
        "network",
        "net",
        &format!("{base}/api/network/n-1"),
    );
    xml(format!(
        "<Vdc name=\"v\" href=\"{base}/api/vdc/1\">{add}<ResourceEntities>{entities}</ResourceEntities>\
         <AvailableNetworks>{network}</AvailableNetworks></Vdc>"
    ))
}

/// Versions, logins, the organisation and all that stands in it: what is in every cloud.
fn things(asked: &Asked) -> Answer {
    let base = &asked.base;
    let link = |kind: &str, name: &str, path: &str| {
        reference("Link rel=\"down\"", kind, name, &format!("{base}{path}"))
    };
    match asked.line().as_str() {
        "GET /api/versions" => versions(base),
        "POST /api/sessions" => Answer::Session(
            format!(
                "<Session user=\"maker\" org=\"acme\" href=\"{base}/api/session\">{}</Session>",
                link("orgList", "", "/api/org")
            ),
            "token-1",
        ),
        "POST /api/v1.0/login" => Answer::Session(
            format!(
                "<OrgList>{}</OrgList>",
                reference("Org", "org", "acme", &format!("{base}/api/org/1"))
            ),
            "token-1",
        ),
        "GET /api/org" => xml(format!(
            "<OrgList>{}{}</OrgList>",
            reference("Org", "org", "other", &format!("{base}/api/org/0")),
            reference("Org", "org", "acme", &format!("{base}/api/org/1"))
        )),
        "GET /api/org/1" => xml(format!(
            "<Org name=\"acme\" href=\"{base}/api/org/1\">{}{}{}</Org>",
            link("vdc", "v", "/api/vdc/1"),
            link("catalog", "c", "/api/catalog/1"),
            link("tasksList", "", "/api/tasksList/1"),
        )),
        "GET /api/vdc/1" => vdc(base, &[]),
        "GET /api/tasksList/1" => xml("<TasksList/>".to_owned()),
        "GET /api/catalog/1" => xml(format!(
            "<Catalog name=\"c\" href=\"{base}/api/catalog/1\"><CatalogItems>{}</CatalogItems></Catalog>",
            reference(
                "CatalogItem",
                "catalogItem",
                "CentOS",
                &format!("{base}/api/catalogItem/i-1")
            )
        )),
        "GET /api/catalogItem/i-1" => xml(format!(
            "<CatalogItem name=\"CentOS\" href=\"{base}/api/catalogItem/i-1\">{}</CatalogItem>",
            reference(
                "Entity",
                "vAppTemplate",
                "CentOS",
                &format!("{base}/api/vAppTemplate/t-1")
            )
        )),
        "GET /api/vAppTemplate/t-1" => xml(format!(
            "<VAppTemplate name=\"CentOS\" href=\"{base}/api/vAppTemplate/t-1\"><Children>{}</Children></VAppTemplate>",
            reference(
                "Vm",
                "vm",
                "centos",
                &format!("{base}/api/vAppTemplate/vm-1")
            )
        )),
        "GET /api/network/n-1" => xml(format!(
            "<OrgVdcNetwork name=\"net\" href=\"{base}/api/network/n-1\"><Configuration><IpScope>\
             <Gateway>192.0.2.1</Gateway><Netmask>255.255.255.0</Netmask></IpScope></Configuration></OrgVdcNetwork>"
        )),
        "GET /api/vApp/vm-8/cpu" | "GET /api/vApp/vm-8/memory" => xml(
            "<Item><InstanceID>4</InstanceID><VirtualQuantity>1</VirtualQuantity></Item>"
                .to_owned(),
        ),
        _ => missing(),
    }
}

/// A cloud in which a vApp is made in one go: each request is over with its answer.
struct Maker {
    status: i32,
    there: bool,
}

impl Maker {
    fn new() -> Self {
        Self {
            status: 8,
            there: false,
        }
    }

    fn answer(&mut self, asked: &Asked) -> Answer {
        let base = &asked.base;
        let done = |name: &str| Answer::Xml(202, task(base, "t", "success", name));
        let off = ["deploy", "remove"];
        let on = ["power:reset", "power:reboot", "power:powerOff", "undeploy"];
        let rels: &[&str] = if self.status == 4 { &on } else { &off };
        match asked.line().as_str() {
            "GET /api/vdc/1" if self.there => vdc(base, &[("vapp-7", "d_g_0_1.1")]),
            "GET /api/vApp/vapp-7" if self.there => xml(vapp(base, self.status, rels, "")),
            "GET /api/task/t" => xml(task(base, "t", "success", "x")),
            "POST /api/make" => {
                self.there = true;
                let making = task(base, "t", "running", "vdcInstantiateVapp");
                Answer::Xml(201, vapp(base, 0, &[], &making))
            }
            "POST /api/vApp/vapp-7/do/deploy" => {
                self.status = 4;
                done("vappDeploy")
            }
            "POST /api/vApp/vapp-7/do/undeploy" => {
                self.status = 8;
                done("vappUndeploy")
            }
            "DELETE /api/vApp/vapp-7/do/remove" => {
                self.there = false;
                done("vdcDeleteVapp")
            }
            line if line.starts_with("PUT /api/vApp/vm-8/") => done("vappUpdateVm"),
            _ => things(asked),
        }
    }
}

async fn maker() -> Cloud {
    let mut maker = Maker::new();
    Cloud::start(move |asked| maker.answer(asked)).await
}

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
        let password = std::env::var(VARIABLE).unwrap();
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

#[tokio::test]
async fn a_removal_undeploys_first_and_what_is_gone_is_gone() {
    let mut maker = Maker::new();
    (maker.there, maker.status) = (true, 4);
    let cloud = Cloud::start(move |asked| maker.answer(asked)).await;
    let vim = driver(&cloud);
    let id = || VmId::new("vapp-7");
    let removal = vim
        .call(VimCall::DeleteVm(id()), "k".to_owned())
        .await
        .unwrap();
    assert_eq!(cloud.changes(), ["POST /api/vApp/vapp-7/do/undeploy"]);
    // another process goes on with it
    let later = driver(&cloud);
    assert_eq!(
        later.status(removal.op).await.unwrap(),
        VimOpStatus::Succeeded
    );
    let all = [
        "POST /api/vApp/vapp-7/do/undeploy",
        "DELETE /api/vApp/vapp-7/do/remove",
    ];
    assert_eq!(cloud.changes(), all);
    assert_eq!(later.describe(id()).await.unwrap(), None);
    let again = vim
        .call(VimCall::DeleteVm(id()), "k2".to_owned())
        .await
        .unwrap();
    assert_eq!(vim.status(again.op).await.unwrap(), VimOpStatus::Succeeded);
    assert_eq!(
        cloud.changes(),
        all,
        "already gone is success, and nothing is sent"
    );
}

#[tokio::test]
async fn what_is_not_shown_is_gone_only_when_it_is_not_listed_and_nothing_removes_it_any_more() {
    let cloud = Cloud::start(|asked| match asked.line().as_str() {
        "GET /api/vdc/1" => vdc(&asked.base, &[("vapp-7", "d_g_0_1.1")]),
        _ => things(asked),
    })
    .await;
    let vim = driver(&cloud);
    let error = vim.describe(VmId::new("vapp-7")).await.unwrap_err();
    assert!(
        matches!(&error, VimError::Unknown(line) if line.contains("lists")),
        "{error:?}"
    );
    assert_eq!(
        cloud.count("POST /api/sessions"),
        1,
        "it is not there: a new session would not help"
    );
    // its removal is under way
    let mut shown = true;
    cloud.play(move |asked| match asked.line().as_str() {
        "GET /api/vdc/1" if shown => vdc(&asked.base, &[("vapp-7", "d_g_0_1.1")]),
        "GET /api/vApp/vapp-7" if shown => xml(vapp(&asked.base, 8, &["remove"], "")),
        "DELETE /api/vApp/vapp-7/do/remove" => {
            shown = false;
            Answer::Xml(202, task(&asked.base, "r", "running", "vdcDeleteVapp"))
        }
        "GET /api/task/r" => xml(task(&asked.base, "r", "running", "vdcDeleteVapp")),
        _ => things(asked),
    });
    let removal = vim
        .call(VimCall::DeleteVm(VmId::new("vapp-7")), "k".to_owned())
        .await
        .unwrap();
    assert_eq!(
        vim.status(removal.op.clone()).await.unwrap(),
        VimOpStatus::Running
    );
    let error = vim.describe(VmId::new("vapp-7")).await.unwrap_err();
    assert!(
        matches!(&error, VimError::Unknown(line) if line.contains("task r")),
        "{error:?}"
    );
    cloud.play(things);
    assert_eq!(vim.describe(VmId::new("vapp-7")).await.unwrap(), None);
}

#[tokio::test]
async fn a_removal_waits_for_what_is_under_way_and_a_failed_one_is_told() {
    let cloud = Cloud::start(|asked| match asked.line().as_str() {
        "GET /api/vdc/1" => vdc(&asked.base, &[("vapp-7", "d_g_0_1.1")]),
        "GET /api/vApp/vapp-7" => {
            let busy = task(&asked.base, "x", "running", "vdcInstantiateVapp");
            xml(vapp(&asked.base, 0, &[], &busy))
        }
        _ => things(asked),
    })
    .await;
    let vim = driver(&cloud);
    let call = || VimCall::DeleteVm(VmId::new("vapp-7"));
    let removal = vim.call(call(), "k".to_owned()).await.unwrap();
    assert_eq!(
        vim.status(removal.op.clone()).await.unwrap(),
        VimOpStatus::Running
    );
    assert!(cloud.changes().is_empty());
    // its host cannot be reached: the cloud itself refuses to let go of it
    cloud.play(|asked| match asked.line().as_str() {
        "GET /api/vApp/vapp-7" => xml(vapp(&asked.base, 4, &["undeploy"], "")),
        "POST /api/vApp/vapp-7/do/undeploy" => {
            Answer::Xml(202, task(&asked.base, "u", "queued", "vappUndeploy"))
        }
        "GET /api/task/u" => {
            let failed = task(&asked.base, "u", "error", "vappUndeploy");
            let words = "<Error message=\"The host is not connected\" majorErrorCode=\"500\" minorErrorCode=\"X\"/></Task>";
            xml(failed.replace("</Task>", words))
        }
        _ => things(asked),
    });
    let failed = vim.status(removal.op).await.unwrap();
    let told = [
        "vCloud: The host is not connected (code 500 X)",
        "vCloud: task u vappUndeploy: error",
    ];
    assert_eq!(failed, VimOpStatus::Failed(told.map(str::to_owned).into()));
    // asked again, it is sent again
    vim.call(call(), "k2".to_owned()).await.unwrap();
    assert_eq!(cloud.count("POST /api/vApp/vapp-7/do/undeploy"), 2);
}

#[tokio::test]
async fn a_reboot_follows_its_link_and_is_known_again_by_its_task() {
    let mut sent = false;
    let cloud = Cloud::start(move |asked| match asked.line().as_str() {
        "GET /api/vdc/1" => vdc(&asked.base, &[("vapp-7", "d_g_0_1.1")]),
        "GET /api/vApp/vapp-7" => xml(vapp(&asked.base, 4, &["power:reset", "power:reboot"], "")),
        "POST /api/vApp/vapp-7/do/reset" => {
            sent = true;
            Answer::Lost
        }
        "POST /api/vApp/vapp-7/do/reboot" => {
            Answer::Xml(202, task(&asked.base, "s", "running", "vappRebootGuest"))
        }
        "GET /api/tasksList/1" => {
            let old = task(&asked.base, "old", "success", "vappReset");
            let other =
                task(&asked.base, "new", "success", "vappReset").replace("vapp-7", "vapp-9");
            let own = match sent {
                true => task(&asked.base, "own", "success", "vappReset"),
                false => String::new(),
            };
            xml(format!("<TasksList>{other}{own}{old}</TasksList>"))
        }
        "GET /api/task/own" => xml(task(&asked.base, "own", "success", "vappReset")),
        _ => things(asked),
    })
    .await;
    let vim = driver(&cloud);
    let call = |hard| VimCall::RebootVm {
        vm: VmId::new("vapp-7"),
        hard,
    };
    let lost = vim.call(call(true), "k".to_owned()).await.unwrap_err();
    assert!(matches!(lost, VimError::Unknown(_)), "{lost:?}");
    let own = vim.call(call(true), "k".to_owned()).await.unwrap();
    assert!(own.op.id.ends_with("/task/own"), "{}", own.op.id);
    assert_eq!(vim.status(own.op).await.unwrap(), VimOpStatus::Succeeded);
    assert_eq!(cloud.count("POST /api/vApp/vapp-7/do/reset"), 1);
    // another call is another reboot
    vim.call(call(false), "k2".to_owned()).await.unwrap();
    assert_eq!(cloud.count("POST /api/vApp/vapp-7/do/reboot"), 1);
    // what is off is started; what is busy is asked again later
    cloud.play(|asked| match asked.line().as_str() {
        "GET /api/vApp/vapp-7" => xml(vapp(&asked.base, 8, &["power:powerOn", "undeploy"], "")),
        "POST /api/vApp/vapp-7/do/powerOn" => no(400, "BUSY_ENTITY", "The entity is busy"),
        _ => things(asked),
    });
    let busy = vim.call(call(true), "k3".to_owned()).await.unwrap_err();
    assert!(matches!(busy, VimError::Unknown(_)), "{busy:?}");
    cloud.play(|asked| match asked.line().as_str() {
        "GET /api/vApp/vapp-7" => {
            let under_way = task(&asked.base, "x", "running", "vappSuspend");
            xml(vapp(&asked.base, 4, &[], &under_way))
        }
        _ => things(asked),
    });
    let busy = vim.call(call(true), "k4".to_owned()).await.unwrap_err();
    assert!(matches!(busy, VimError::Unknown(_)), "{busy:?}");
}

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
    assert!(!format!("{error:?}").contains(&std::env::var(VARIABLE).unwrap()));
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
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    drop(listener);
    let clock = Arc::new(ManualClock::new(Timestamp::from_micros(0)));
    let settings = Settings {
        down_pause_ms: 1_000,
        ..quick()
    };
    let vim = VcloudVim::new(connector(&address, &[]), settings, clock.clone(), 7).unwrap();
    let error = vim.describe(VmId::new("vapp-7")).await.unwrap_err();
    assert!(matches!(error, VimError::Down(_)), "{error:?}");
    // it comes up, but its next second has not come
    let listener = tokio::net::TcpListener::bind(&address).await.unwrap();
    for _ in 0..20 {
        let error = vim.describe(VmId::new("vapp-7")).await;
        assert!(matches!(error, Err(VimError::Down(_))));
    }
    let came = tokio::time::timeout(Duration::from_millis(50), listener.accept()).await;
    assert!(
        came.is_err(),
        "a request to a cloud that is down, before its second"
    );
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

#[tokio::test]
async fn a_stop_asks_the_guest_and_takes_the_power_away_where_that_fails() {
    // by whom the guest cannot be asked: the cloud at once, or its task
    for at_once in [true, false] {
        let mut status = 4;
        let cloud = Cloud::start(move |asked| match asked.line().as_str() {
            "GET /api/vdc/1" => vdc(&asked.base, &[("vapp-7", "d_g_0_1.1")]),
            "GET /api/vApp/vapp-7" => xml(vapp(
                &asked.base,
                status,
                &["power:shutdown", "power:powerOff"],
                "",
            )),
            "POST /api/vApp/vapp-7/do/shutdown" if at_once => {
                no(400, "BAD_REQUEST", "VMware Tools is not running")
            }
            "POST /api/vApp/vapp-7/do/shutdown" => {
                Answer::Xml(202, task(&asked.base, "s", "running", "vappShutdownGuest"))
            }
            "GET /api/task/s" => xml(task(&asked.base, "s", "error", "vappShutdownGuest")),
            "POST /api/vApp/vapp-7/do/powerOff" => {
                status = 8;
                Answer::Xml(202, task(&asked.base, "p", "running", "vappPowerOff"))
            }
            "GET /api/task/p" => xml(task(&asked.base, "p", "success", "vappPowerOff")),
            _ => things(asked),
        })
        .await;
        let vim = driver(&cloud);
        let call = || VimCall::StopVm(VmId::new("vapp-7"));
        let stopped = vim.call(call(), "k".to_owned()).await.unwrap();
        for _ in 0..2 {
            let status = vim.status(stopped.op.clone()).await.unwrap();
            assert_eq!(status, VimOpStatus::Succeeded);
        }
        let changes = [
            "POST /api/vApp/vapp-7/do/shutdown",
            "POST /api/vApp/vapp-7/do/powerOff",
        ];
        assert_eq!(cloud.changes(), changes, "once");
        // what is off is stopped
        let again = vim.call(call(), "k2".to_owned()).await.unwrap();
        assert_eq!(vim.status(again.op).await.unwrap(), VimOpStatus::Succeeded);
        assert_eq!(cloud.changes(), changes);
    }
    let cloud = Cloud::start(|asked| match asked.line().as_str() {
        "GET /api/vdc/1" => vdc(&asked.base, &[("vapp-7", "d_g_0_1.1")]),
        "GET /api/vApp/vapp-7" => xml(vapp(
            &asked.base,
            4,
            &["power:shutdown", "power:powerOff"],
            "",
        )),
        "POST /api/vApp/vapp-7/do/powerOff" => {
            Answer::Xml(202, task(&asked.base, "p", "queued", "vappPowerOff"))
        }
        _ => things(asked),
    })
    .await;
    let vim = driver(&cloud);
    let call = VimCall::PowerOffVm(VmId::new("vapp-7"));
    let cut = vim.call(call, "k".to_owned()).await.unwrap();
    assert!(cut.op.id.ends_with("/task/p"), "{}", cut.op.id);
    assert_eq!(cloud.changes(), ["POST /api/vApp/vapp-7/do/powerOff"]);
}

#[tokio::test]
async fn what_is_deployed_is_powered_on_and_what_is_not_is_deployed() {
    for (rels, wanted) in [
        (
            vec!["power:powerOn", "deploy", "remove"],
            "POST /api/vApp/vapp-7/do/deploy",
        ),
        (
            vec!["power:powerOn", "deploy", "undeploy"],
            "POST /api/vApp/vapp-7/do/powerOn",
        ),
        (
            vec!["power:powerOn", "undeploy"],
            "POST /api/vApp/vapp-7/do/powerOn",
        ),
        (vec!["deploy"], "POST /api/vApp/vapp-7/do/deploy"),
    ] {
        let shown = rels.clone();
        let cloud = Cloud::start(move |asked| match asked.line().as_str() {
            "GET /api/vdc/1" => vdc(&asked.base, &[("vapp-7", "d_g_0_1.1")]),
            "GET /api/vApp/vapp-7" => xml(vapp(&asked.base, 8, &shown, "")),
            line if line == wanted => Answer::Xml(202, task(&asked.base, "t", "queued", "x")),
            _ => things(asked),
        })
        .await;
        let call = VimCall::StartVm(VmId::new("vapp-7"));
        driver(&cloud).call(call, "k".to_owned()).await.unwrap();
        assert_eq!(cloud.changes(), [wanted], "{rels:?}");
    }
}
