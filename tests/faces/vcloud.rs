//! vCloud's face: links followed from the versions on, tasks, statuses, both generations.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use lifeline::clock::Timestamp;
use lifeline::cloudsim::{Fault, Injection, Target};
use lifeline::cloudsim_faces::{Reply, Request, Settings, Time, World, answer_vcloud};
use lifeline::proto::vcloud::{
    ApiVersion, Deploy, Document, Instantiate, Link, NetworkConnection, Org, OrgList, OrgNetwork,
    ProductSections, Session, SupportedVersions, Task, TaskStatus, TasksList, Undeploy,
    UndeployAction, VApp, VAppStatus, VcloudError, Vdc, customization_request, hardware_request,
};

const HOST: &str = "http://cloud.example";

struct Lab {
    world: World,
    version: ApiVersion,
    token: String,
    vdc: String,
}

impl Lab {
    /// Logs in by what the versions say, and finds the data centre by links.
    fn new(version: ApiVersion) -> Self {
        let settings = Settings {
            time: Time::Explicit,
            ..Settings::default()
        };
        let epoch: Timestamp = "2026-11-22T06:00:00Z".parse().unwrap();
        let mut lab = Self {
            world: World::new(settings, epoch).unwrap(),
            version,
            token: String::new(),
            vdc: String::new(),
        };
        let versions = lab.get::<SupportedVersions>(&format!("{HOST}/api/versions"));
        let wanted = version.to_string();
        let known = versions.versions.iter().find(|(text, _)| *text == wanted);
        let login = known.unwrap().1.clone();
        let reply = lab.log_in(&login, "admin@admin:lifeline");
        assert_eq!(reply.status, 200);
        lab.token = reply.header("x-vcloud-authorization").unwrap().to_owned();
        let org = match version {
            ApiVersion::V1_0 => OrgList::decode(&reply.body).unwrap().orgs[0].href.clone(),
            _ => {
                let session = Session::decode(&reply.body).unwrap();
                let list = Link::of_kind(&session.links, "orgList").next().unwrap();
                lab.get::<OrgList>(&list.href).orgs[0].href.clone()
            }
        };
        let org: Org = lab.get(&org);
        lab.vdc = Link::of_kind(&org.links, "vdc")
            .next()
            .unwrap()
            .href
            .clone();
        lab
    }

    fn log_in(&mut self, url: &str, who: &str) -> Reply {
        let basic = format!("Basic {}", STANDARD.encode(who));
        self.request(
            "POST",
            url,
            String::new(),
            vec![("authorization".into(), basic)],
        )
    }

    fn request(
        &mut self,
        method: &str,
        url: &str,
        body: String,
        mut headers: Vec<(String, String)>,
    ) -> Reply {
        let target = url.strip_prefix(HOST).expect("an address of its own");
        headers.push(("host".into(), "cloud.example".into()));
        headers.push(("accept".into(), self.version.accept()));
        headers.push(("x-vcloud-authorization".into(), self.token.clone()));
        let request = Request::new(method, target, headers, body.into_bytes(), "x:1");
        answer_vcloud(&mut self.world, &request)
    }

    fn send(&mut self, method: &str, url: &str, body: String) -> Reply {
        self.request(method, url, body, Vec::new())
    }

    fn get<D: Document>(&mut self, url: &str) -> D {
        let reply = self.send("GET", url, String::new());
        let text = String::from_utf8_lossy(&reply.body).into_owned();
        assert_eq!(reply.status, 200, "{url}: {text}");
        D::decode(&reply.body).expect(&text)
    }

    fn error(&mut self, method: &str, url: &str, body: String) -> (u16, String) {
        let reply = self.send(method, url, body);
        let error = VcloudError::decode(&reply.body).unwrap();
        assert_eq!(reply.status, error.major);
        (error.major, error.minor)
    }

    fn pass(&mut self, millis: u64) {
        let now = self.world.cloud.now() + Duration::from_millis(millis);
        self.world.cloud.advance(now);
    }

    fn instantiate(&mut self, name: &str) -> VApp {
        let vdc: Vdc = self.get(&self.vdc.clone());
        let template = vdc
            .entities
            .iter()
            .find(|one| one.is("vAppTemplate") && one.name.as_deref() == Some("cirros"));
        let network = vdc
            .networks
            .iter()
            .find(|one| one.name.as_deref() == Some("esc-net"));
        let wanted = Instantiate {
            name: name.into(),
            template: template.unwrap().href.clone(),
            networks: vec![network.unwrap().clone()],
            cpus: Some(1),
            memory_mb: Some(512),
            ..Instantiate::default()
        };
        let add = Link::rel(&vdc.links, "add").unwrap().href.clone();
        let reply = self.send("POST", &add, wanted.encode(self.version));
        assert_eq!(
            reply.status,
            201,
            "{}",
            String::from_utf8_lossy(&reply.body)
        );
        VApp::decode(&reply.body).unwrap()
    }

    fn vapp(&mut self, href: &str) -> VApp {
        self.get(href)
    }

    /// Follows a link of a vApp and the task that comes of it, to its end.
    fn follow(&mut self, href: &str, rel: &str, body: String) -> Task {
        let vapp = self.vapp(href);
        let link = Link::rel(&vapp.links, rel);
        let link = link
            .unwrap_or_else(|| panic!("no link {rel}: {vapp:?}"))
            .href
            .clone();
        let method = if rel == "remove" { "DELETE" } else { "POST" };
        let reply = self.send(method, &link, body);
        assert_eq!(
            reply.status,
            202,
            "{rel}: {}",
            String::from_utf8_lossy(&reply.body)
        );
        let task = Task::decode(&reply.body).unwrap();
        self.pass(1000);
        self.get(&task.href)
    }

    /// A vApp that runs.
    fn up(&mut self, name: &str) -> String {
        let href = self.instantiate(name).href;
        self.pass(1000);
        let task = self.follow(&href, "deploy", Deploy::default().encode(self.version));
        assert_eq!(task.status, TaskStatus::Success);
        href
    }
}

#[test]
fn the_guides_story_is_followed_by_links_alone() {
    for version in [ApiVersion::V1_0, ApiVersion::V1_5, ApiVersion::V5_5] {
        let mut lab = Lab::new(version);
        let made = lab.instantiate("LinuxFtpServer");
        assert_eq!(
            (made.status, made.vms.len()),
            (VAppStatus::Unresolved, 0),
            "sparsely populated"
        );
        let task = &made.tasks[0];
        assert!(
            task.operation
                .starts_with("Creating Virtual Application LinuxFtpServer(")
        );
        assert_eq!(task.owner.as_ref().unwrap().href, made.href);
        assert!(!task.status.is_final());
        lab.pass(1000);
        let made = lab.vapp(&made.href);
        assert_eq!(
            (made.status, made.deployed, made.tasks.len()),
            (VAppStatus::PoweredOff, false, 0)
        );
        let deploy = Deploy {
            power_on: Some(true),
            lease_seconds: Some(2_592_000),
        };
        let task = lab.follow(&made.href, "deploy", deploy.encode(version));
        assert_eq!(task.status, TaskStatus::Success);
        assert!(task.operation.starts_with("Starting Virtual Application"));
        let up = lab.vapp(&made.href);
        assert_eq!((up.status, up.deployed), (VAppStatus::PoweredOn, true));
        assert_eq!(up.lease.unwrap().deployment, 2_592_000);
        let vm = &up.vms[0];
        assert_eq!((vm.cpus, vm.memory_mb), (Some(1), Some(512)));
        assert_eq!(vm.connections[0].ip_address.as_deref(), Some("10.20.0.2"));
        for (rel, end) in [
            ("power:reset", VAppStatus::PoweredOn),
            ("power:reboot", VAppStatus::PoweredOn),
            ("power:suspend", VAppStatus::Suspended),
            ("power:powerOn", VAppStatus::PoweredOn),
            ("power:shutdown", VAppStatus::PoweredOff),
            ("power:powerOn", VAppStatus::PoweredOn),
            ("power:powerOff", VAppStatus::PoweredOff),
        ] {
            let task = lab.follow(&made.href, rel, String::new());
            assert_eq!((rel, task.status), (rel, TaskStatus::Success));
            let now = lab.vapp(&made.href);
            assert_eq!((rel, now.status, now.deployed), (rel, end, true));
        }
        let off = lab.vapp(&made.href);
        assert_eq!(Link::rel(&off.links, "remove"), None, "undeploy first");
        lab.follow(&made.href, "undeploy", Undeploy::default().encode(version));
        assert!(!lab.vapp(&made.href).deployed);
        let task = lab.follow(&made.href, "remove", String::new());
        assert_eq!(task.status, TaskStatus::Success);
        let gone = lab.error("GET", &made.href, String::new());
        assert_eq!(gone, (403, "ACCESS_TO_RESOURCE_IS_FORBIDDEN".to_owned()));
    }
}

#[test]
fn tasks_of_1_0_have_no_more_than_1_0_knows() {
    let mut lab = Lab::new(ApiVersion::V1_0);
    let href = lab.instantiate("a").href;
    let old = String::from_utf8(lab.send("GET", &href, String::new()).body).unwrap();
    assert!(
        old.contains("xmlns=\"http://www.vmware.com/vcloud/v1\"")
            && old.contains("/api/v1.0/task/"),
        "{old}"
    );
    for newer in ["operationName", "Progress", "DateCreated", "Link"] {
        assert!(!old.contains(newer), "{newer}: {old}");
    }
    let mut lab = Lab::new(ApiVersion::V1_5);
    let href = lab.instantiate("a").href;
    let new = String::from_utf8(lab.send("GET", &href, String::new()).body).unwrap();
    for newer in [
        "operationName=\"vdcInstantiateVapp\"",
        "Progress",
        "DateCreated",
        "vcloud/v1.5",
    ] {
        assert!(new.contains(newer), "{newer}: {new}");
    }
}

#[test]
fn what_is_busy_is_told_so_and_has_no_links_to_act_on() {
    let mut lab = Lab::new(ApiVersion::V1_5);
    let href = lab.instantiate("a").href;
    let making = lab.vapp(&href);
    assert!(making.links.iter().all(|link| link.rel == "up"));
    let busy = lab.error("POST", &format!("{href}/action/deploy"), String::new());
    assert_eq!(busy, (400, "BUSY_ENTITY".to_owned()));
    assert_eq!(lab.error("DELETE", &href, String::new()).1, "BUSY_ENTITY");
    lab.pass(1000);
    let off = lab.error("POST", &format!("{href}/power/action/reset"), String::new());
    assert_eq!(off, (400, "BAD_REQUEST".to_owned()));
    assert_eq!(
        lab.error("POST", &format!("{href}/action/undeploy"), String::new())
            .1,
        "BAD_REQUEST"
    );
    lab.follow(&href, "deploy", String::new());
    assert_eq!(
        lab.error(
            "POST",
            &format!("{href}/power/action/powerOn"),
            String::new()
        )
        .1,
        "BAD_REQUEST"
    );
    assert_eq!(lab.error("DELETE", &href, String::new()).1, "BAD_REQUEST");
    let suspend = Undeploy {
        action: UndeployAction::Suspend,
    };
    lab.follow(&href, "undeploy", suspend.encode(ApiVersion::V1_5));
    assert_eq!(lab.vapp(&href).status, VAppStatus::Suspended);
}

#[test]
fn a_client_of_0_8_need_not_wait() {
    let mut lab = Lab::new(ApiVersion::V1_0);
    let reply = lab.log_in(&format!("{HOST}/api/v0.8/login"), "admin@admin:lifeline");
    let cookie = reply.header("set-cookie").unwrap();
    lab.token = cookie
        .strip_prefix("vcloud-token=")
        .unwrap()
        .split(';')
        .next()
        .unwrap()
        .to_owned();
    let href = lab.instantiate("a").href;
    let deploy = lab.send("POST", &format!("{href}/action/deploy"), String::new());
    let deploy = Task::decode(&deploy.body).unwrap();
    let on = lab.send(
        "POST",
        &format!("{href}/power/action/powerOn"),
        String::new(),
    );
    assert_eq!(on.status, 202);
    lab.pass(1000);
    assert_eq!(lab.get::<Task>(&deploy.href).status, TaskStatus::Success);
    assert_eq!(lab.vapp(&href).status, VAppStatus::PoweredOn);
    let off = lab.send(
        "POST",
        &format!("{href}/power/action/poweroff"),
        String::new(),
    );
    assert_eq!(off.status, 202);
    lab.pass(1000);
    assert_eq!(
        lab.vapp(&href).status,
        VAppStatus::Deployed,
        "0.8 has no status 8"
    );
    assert_eq!(lab.world.cloud.breaches(), 0);
}

#[test]
fn a_failed_task_says_why_and_stays_with_its_vapp() {
    for version in [ApiVersion::V1_0, ApiVersion::V1_5] {
        let mut lab = Lab::new(version);
        let href = lab.up("a");
        let fails = |fault| Injection {
            target: Target::Vm("a".into()),
            fault,
            times: 1,
            messages: vec!["no power".into()],
            duration: None,
        };
        lab.world.cloud.inject(fails(Fault::RebootFails)).unwrap();
        let task = lab.follow(&href, "power:reset", String::new());
        assert_eq!(task.status, TaskStatus::Error);
        assert_eq!(task.error.unwrap().message, "no power");
        let now = lab.vapp(&href);
        assert_eq!((now.status, now.tasks.len()), (VAppStatus::PoweredOff, 1));
        lab.follow(&href, "power:powerOn", String::new());
        assert_eq!(lab.vapp(&href).tasks.len(), 0);
    }
    let mut lab = Lab::new(ApiVersion::V1_5);
    lab.world
        .cloud
        .inject(Injection {
            target: Target::Vim,
            fault: Fault::CreateFails,
            times: 1,
            messages: vec!["no storage".into()],
            duration: None,
        })
        .unwrap();
    let href = lab.instantiate("b").href;
    lab.pass(1000);
    let failed = lab.vapp(&href);
    assert_eq!(failed.status, VAppStatus::FailedCreation);
    assert_eq!(
        failed.tasks[0].error.as_ref().unwrap().message,
        "no storage"
    );
    lab.follow(&href, "remove", String::new());
}

#[test]
fn who_is_not_logged_in_or_names_no_version_is_refused() {
    let mut lab = Lab::new(ApiVersion::V1_5);
    let sessions = format!("{HOST}/api/sessions");
    for who in [
        "admin@admin:wrong",
        "admin@demo:lifeline",
        "admin:lifeline",
        "",
    ] {
        assert_eq!(lab.log_in(&sessions, who).status, 401, "{who}");
    }
    let vdc = lab.vdc.clone();
    let token = lab.token.clone();
    lab.token = "none".into();
    assert_eq!(lab.error("GET", &vdc, String::new()).0, 401);
    lab.token = token;
    lab.version = ApiVersion::V1_0;
    let reply = lab.send("GET", &vdc, String::new());
    assert_eq!(reply.status, 406, "1.5 wants its version in the header");
    lab.version = ApiVersion::V1_5;
    lab.pass(1_800_000);
    lab.get::<Vdc>(&vdc);
    lab.pass(1_800_001);
    assert_eq!(
        lab.error("GET", &vdc, String::new()).0,
        401,
        "idle for too long"
    );
}

#[test]
fn networks_and_queries_are_found_by_name() {
    let mut lab = Lab::new(ApiVersion::V1_5);
    let href = lab.up("a");
    let vdc: Vdc = lab.get(&lab.vdc.clone());
    let net = vdc
        .networks
        .iter()
        .find(|one| one.name.as_deref() == Some("esc-net"))
        .unwrap();
    let reply = lab.send("GET", &net.href, String::new());
    let net = OrgNetwork::decode_any(&reply.body).unwrap();
    assert_eq!(
        (net.gateway.as_deref(), net.netmask.as_deref()),
        (Some("10.20.0.1"), Some("255.255.0.0"))
    );
    let found = lab.send(
        "GET",
        &format!("{HOST}/api/query?type=vApp&filter=(name==a)"),
        String::new(),
    );
    let found = String::from_utf8(found.body).unwrap();
    assert!(
        found.contains(&href) && found.contains("POWERED_ON"),
        "{found}"
    );
    let none = lab.send(
        "GET",
        &format!("{HOST}/api/query?type=vApp&filter=(name==b)"),
        String::new(),
    );
    assert!(!String::from_utf8(none.body).unwrap().contains("VAppRecord"));
    assert_eq!(
        lab.error("GET", &format!("{HOST}/api/query?type=user"), String::new())
            .0,
        400
    );
}

#[test]
fn a_query_has_pages_an_order_filters_and_attributes() {
    let mut lab = Lab::new(ApiVersion::V5_5);
    for name in ["b", "a", "c"] {
        lab.up(name);
    }
    let text = |lab: &mut Lab, query: &str| {
        let reply = lab.send("GET", &format!("{HOST}/api/{query}"), String::new());
        let text = String::from_utf8(reply.body).unwrap();
        assert_eq!(reply.status, 200, "{query}: {text}");
        text
    };
    let names = |text: &str| -> Vec<String> {
        let records = text.split("Record ").skip(1);
        records
            .map(|record| record.split('"').nth(1).unwrap().to_owned())
            .collect()
    };
    let all = text(&mut lab, "query?type=vm&sortAsc=name");
    assert_eq!(names(&all), ["a", "b", "c"]);
    for attribute in [
        "containerName=\"a\"",
        "numberOfCpus=\"",
        "memoryMB=\"",
        "total=\"3\"",
    ] {
        assert!(all.contains(attribute), "{attribute}: {all}");
    }
    let down = text(&mut lab, "query?type=vApp&sortDesc=name&pageSize=2");
    assert_eq!(names(&down), ["c", "b"]);
    assert!(down.contains("rel=\"nextPage\"") && !down.contains("rel=\"previousPage\""));
    let last = text(&mut lab, "query?type=vApp&sortDesc=name&pageSize=2&page=2");
    assert_eq!(names(&last), ["a"]);
    assert!(last.contains("rel=\"previousPage\"") && !last.contains("rel=\"nextPage\""));
    let typed = text(&mut lab, "vApps/query?filter=name==a,name==b");
    assert_eq!(names(&typed).len(), 2);
    let some = text(&mut lab, "query?type=vm&filter=name==c&fields=name");
    assert!(
        some.contains("name=\"c\"") && !some.contains("memoryMB"),
        "{some}"
    );
    let references = text(&mut lab, "query?type=vApp&format=references");
    assert!(references.contains("<VAppReferences") && references.contains("<VAppReference "));
    for kind in ["orgVdc", "orgNetwork", "catalog", "vAppTemplate"] {
        assert!(
            !names(&text(&mut lab, &format!("query?type={kind}"))).is_empty(),
            "{kind}"
        );
    }
    for bad in [
        "type=vm&page=0",
        "type=vm&pageSize=x",
        "type=vm&filter=color==red",
        "type=vm&sortAsc=color",
        "type=vm&format=poem",
        "type=user",
    ] {
        let url = format!("{HOST}/api/query?{bad}");
        let error = lab.error("GET", &url, String::new());
        assert_eq!(error, (400, "BAD_REQUEST".to_owned()), "{bad}");
    }
}

#[test]
fn what_a_vapp_links_to_is_there() {
    let mut lab = Lab::new(ApiVersion::V1_5);
    let href = lab.up("a");
    let reply = lab.send("GET", &href, String::new());
    let vapp = String::from_utf8(reply.body).unwrap();
    let section = format!("{href}/leaseSettingsSection/");
    assert!(vapp.contains(&section), "{vapp}");
    for url in [
        section,
        format!("{href}/controlAccess/"),
        format!("{href}/owner"),
    ] {
        assert_eq!(lab.send("GET", &url, String::new()).status, 200, "{url}");
    }
    let entry = format!("{href}/metadata/color");
    assert_eq!(lab.error("GET", &entry, String::new()).0, 403);
    let value = "<MetadataValue xmlns=\"http://www.vmware.com/vcloud/v1.5\"><Value>red</Value></MetadataValue>";
    assert_eq!(lab.send("PUT", &entry, value.to_owned()).status, 202);
    let read = lab.send("GET", &entry, String::new());
    let read = String::from_utf8(read.body).unwrap();
    assert!(read.contains("<Value>red</Value>"), "{read}");
    assert_eq!(lab.send("DELETE", &entry, String::new()).status, 202);
    assert_eq!(lab.error("DELETE", &entry, String::new()).0, 403);
}

#[test]
fn organisations_do_not_see_each_other() {
    let mut lab = Lab::new(ApiVersion::V1_5);
    let href = lab.up("a");
    let vdc = lab.vdc.clone();
    let reply = lab.log_in(&format!("{HOST}/api/sessions"), "demo@demo:lifeline");
    lab.token = reply.header("x-vcloud-authorization").unwrap().to_owned();
    for url in [href, vdc] {
        assert_eq!(
            lab.error("GET", &url, String::new()).1,
            "ACCESS_TO_RESOURCE_IS_FORBIDDEN"
        );
    }
}

#[test]
fn a_vms_parts_are_changed_where_its_links_say() {
    for version in [ApiVersion::V1_0, ApiVersion::V5_1] {
        let mut lab = Lab::new(version);
        let href = lab.instantiate("a").href;
        lab.pass(1000);
        let vm = lab.vapp(&href).vms.remove(0);
        let put = |lab: &mut Lab, href: &str, body: String| {
            let reply = lab.send("PUT", href, body);
            let text = String::from_utf8_lossy(&reply.body).into_owned();
            assert_eq!(reply.status, 202, "{href}: {text}");
            assert_eq!(
                Task::decode(&reply.body).unwrap().status,
                TaskStatus::Success
            );
        };
        // another network, and an address of its own on the old one
        let edit = vm.edits.connections.clone().unwrap();
        let nic = |network: &str, index, ip: Option<&str>, mac: Option<&str>| NetworkConnection {
            network: network.into(),
            index,
            ip_address: ip.map(Into::into),
            mac_address: mac.map(Into::into),
            connected: true,
            mode: if ip.is_some() { "MANUAL" } else { "POOL" }.into(),
        };
        let wanted = [
            nic("esc-net", 0, Some("10.20.7.7"), Some("00:50:56:01:02:03")),
            nic("my-network", 1, None, None),
        ];
        put(
            &mut lab,
            &edit,
            NetworkConnection::request(&wanted, version),
        );
        let now = lab.vapp(&href).vms.remove(0).connections;
        let seen: Vec<_> = now.iter().map(|one| (&*one.network, one.index)).collect();
        assert_eq!(seen, [("esc-net", 0), ("my-network", 1)]);
        assert_eq!(now[0].ip_address.as_deref(), Some("10.20.7.7"));
        assert_eq!(now[0].mac_address.as_deref(), Some("00:50:56:01:02:03"));
        assert!(now[1].ip_address.as_deref().unwrap().starts_with("10.30."));
        // what is as it was keeps its address
        put(
            &mut lab,
            &edit,
            NetworkConnection::request(&wanted[1..], version),
        );
        let left = lab.vapp(&href).vms.remove(0).connections;
        assert_eq!(left, now[1..]);
        let strange = NetworkConnection::request(&[nic("nowhere", 0, None, None)], version);
        assert_eq!(lab.error("PUT", &edit, strange).0, 400);
        // hardware
        for (edit, amount) in [(vm.edits.cpus, 4), (vm.edits.memory, 2048)] {
            let edit = edit.unwrap();
            let shown = lab.send("GET", &edit, String::new());
            put(
                &mut lab,
                &edit,
                hardware_request(&shown.body, amount).unwrap(),
            );
        }
        let larger = lab.vapp(&href).vms.remove(0);
        assert_eq!((larger.cpus, larger.memory_mb), (Some(4), Some(2048)));
        // what the guest is told
        let properties = Link::of_kind(&vm.links, "productSections").next();
        let properties = properties.unwrap().href.clone();
        let told = ProductSections {
            properties: vec![("user-data".into(), "YWI=".into())],
        };
        put(&mut lab, &properties, told.encode(version));
        assert_eq!(lab.get::<ProductSections>(&properties), told);
        let edit = vm.edits.customization.unwrap();
        let shown = lab.send("GET", &edit, String::new());
        let body = customization_request(&shown.body, "echo hi", "web").unwrap();
        put(&mut lab, &edit, body);
        let guest = lab.vapp(&href).vms.remove(0).customization.unwrap();
        assert_eq!(guest.script.as_deref(), Some("echo hi"));
        assert_eq!(guest.computer_name.as_deref(), Some("web"));
    }
}

#[test]
fn two_vapps_of_one_name_are_refused_and_busy_ones_are_not_changed() {
    let mut lab = Lab::new(ApiVersion::V5_1);
    let href = lab.instantiate("a").href;
    let vdc: Vdc = lab.get(&lab.vdc.clone());
    let add = Link::rel(&vdc.links, "add").unwrap().href.clone();
    let template = vdc.entities.iter().find(|one| one.is("vAppTemplate"));
    let again = Instantiate {
        name: "a".into(),
        template: template.unwrap().href.clone(),
        ..Instantiate::default()
    };
    let told = lab.error("POST", &add, again.encode(ApiVersion::V5_1));
    assert_eq!(told, (400, "DUPLICATE_NAME".to_owned()));
    let vm = href.replace("vapp-", "vm-");
    let section = NetworkConnection::request(&[], ApiVersion::V5_1);
    let told = lab.error("PUT", &format!("{vm}/networkConnectionSection/"), section);
    assert_eq!(told.1, "BUSY_ENTITY");
}

#[test]
fn an_organisations_tasks_are_listed_with_what_they_are_about() {
    let mut lab = Lab::new(ApiVersion::V5_1);
    let href = lab.up("a");
    let vdc: Vdc = lab.get(&lab.vdc.clone());
    let org = Link::rel(&vdc.links, "up").unwrap().href.clone();
    let org: Org = lab.get(&org);
    let list = Link::of_kind(&org.links, "tasksList").next().unwrap();
    let list: TasksList = lab.get(&list.href);
    let names: Vec<_> = list
        .tasks
        .iter()
        .map(|task| task.operation_name.as_deref())
        .collect();
    assert_eq!(names, [Some("vappDeploy"), Some("vdcInstantiateVapp")]);
    assert!(
        list.tasks
            .iter()
            .all(|task| task.owner.as_ref().unwrap().href == href)
    );
}
