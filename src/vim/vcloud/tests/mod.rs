//! The driver against a scripted cloud: versions, sessions, links, steps, lost replies, outages, and what is gone.

mod making;
mod power;
mod removing;
mod script;
mod sessions;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use self::script::{Answer, Asked, Cloud};
use super::*;
use crate::clock::{ManualClock, SystemClock};
use crate::engine::port::{CreateVm, InterfaceRequest, PowerState, Vim};
use crate::ids::{TenantId, VmName};
use crate::model::deployment::{DayZero, NetworkSpec, VolumeSpec};
use crate::model::resource::FlavorSpec;
use crate::vim::vcloud::steps::Plan;
use crate::vim_http::scripted;

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
    let spec = scripted::connector("VCLOUD", "maker", "acme", address, properties);
    Connector::new(spec).unwrap()
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
