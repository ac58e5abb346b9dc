//! A simulated cloud behind its faces, and a server that drives it.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use lifeline::clock::SystemClock;
use lifeline::cloudsim::{Fault, GuestAnswer, Injection, Latency, Target};
use lifeline::cloudsim_faces::{self, AccountSettings, Addresses, Serving, Sim};
use lifeline::daemon::server::Seams;
use lifeline::engine::port::{PortFuture, ProbeTarget, Prober, Verdict};
use lifeline::ids::VmId;

use crate::common::*;

/// Connector id of the cloud, by its OpenStack face.
pub const CLOUD: &str = "cloud";
/// Connector id of the same cloud, by its CloudStack face.
pub const STACK: &str = "stack";
/// Connector id of the same cloud, by its vCloud face.
pub const DIRECTOR: &str = "director";

/// Name of the network that `with_org_network` makes.
const ORG_NETWORK: &str = "org-net";

/// One cloud and its faces.
pub struct Cloud {
    pub sim: Arc<Sim>,
    pub address: String,
    /// Where CloudStack's API is.
    pub stack: String,
    /// Where vCloud's API is.
    pub director: String,
    runtime: tokio::runtime::Runtime,
    _serving: Serving,
}

impl Cloud {
    pub fn start(change: impl FnOnce(&mut cloudsim_faces::Settings)) -> Self {
        let mut settings = cloudsim_faces::Settings::default();
        settings.cloud.latency = Latency {
            create_ms: 10,
            boot_ms: 10,
            reboot_ms: 10,
            delete_ms: 10,
            start_ms: 10,
            stop_ms: 10,
            resize_ms: 10,
            resource_ms: 0,
        };
        change(&mut settings);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let sim = Sim::new(settings, Arc::new(SystemClock::new())).unwrap();
        let addresses = Addresses {
            nova: Some(([127, 0, 0, 1], 0).into()),
            cloudstack: Some(([127, 0, 0, 1], 0).into()),
            vcloud: Some(([127, 0, 0, 1], 0).into()),
            ..Addresses::default()
        };
        let serving = runtime
            .block_on(cloudsim_faces::serve(&sim, addresses))
            .unwrap();
        let at = |face: &str| {
            let found = serving.ready.iter().find(|(name, _)| *name == face);
            found.unwrap().1.to_string()
        };
        Self {
            address: at("nova"),
            stack: at("cloudstack"),
            director: at("vcloud"),
            sim,
            runtime,
            _serving: serving,
        }
    }

    /// The guests answer for themselves.
    pub fn seams(&self) -> Seams {
        let guests: Arc<dyn Prober> = Arc::new(Guests(self.sim.clone()));
        Seams {
            monitors: Some(Box::new(Hasty::wrap)),
            probers: BTreeMap::from([
                (CLOUD.to_owned(), guests.clone()),
                (STACK.to_owned(), guests.clone()),
                (DIRECTOR.to_owned(), guests),
            ]),
            ..Seams::default()
        }
    }

    pub fn inject(&self, vm: Option<&str>, fault: &str, words: &[&str]) {
        let injection = Injection {
            target: vm.map_or(Target::Vim, |vm| Target::Vm(vm.to_owned())),
            fault: fault.parse::<Fault>().unwrap(),
            times: 1,
            messages: words.iter().map(|text| (*text).to_owned()).collect(),
            duration: None,
        };
        self.sim.now().cloud.inject(injection).unwrap();
    }

    /// Arms a fault of the wire, or any other, by the control endpoint.
    pub fn wire(&self, fault: serde_json::Value) {
        let url = format!("http://{}/-/faults", self.address);
        let sent = self.runtime.block_on(async {
            let request = reqwest::Client::new().post(url).body(fault.to_string());
            request.send().await.unwrap().status()
        });
        assert_eq!(sent.as_u16(), 201, "{fault}");
    }

    /// How many faults of this kind, method and path are armed and were not hit yet.
    pub fn armed(&self, fault: &serde_json::Value) -> usize {
        let url = format!("http://{}/-/faults", self.address);
        let listed = self.runtime.block_on(async {
            let reply = reqwest::Client::new().get(url).send().await.unwrap();
            reply.bytes().await.unwrap()
        });
        let listed: serde_json::Value = serde_json::from_slice(&listed).unwrap();
        let all = listed["faults"].as_array().unwrap().iter();
        let same = |one: &&serde_json::Value| {
            ["fault", "method", "path", "times"]
                .iter()
                .all(|key| one.get(key) == fault.get(key))
        };
        all.filter(same).count()
    }

    /// Makes all well again.
    pub fn clear(&self) {
        let url = format!("http://{}/-/faults", self.address);
        let sent = self.runtime.block_on(async {
            reqwest::Client::new()
                .delete(url)
                .send()
                .await
                .unwrap()
                .status()
        });
        assert_eq!(sent.as_u16(), 204);
    }

    /// VMs that are there, whatever the API knows of them.
    pub fn vms(&self) -> usize {
        let none = std::collections::BTreeSet::new();
        self.sim.now().cloud.orphans(&none).len()
    }

    /// How often two copies of one VM ran.
    pub fn breaches(&self) -> u64 {
        self.sim.now().cloud.breaches()
    }
}

struct Guests(Arc<Sim>);

impl Prober for Guests {
    fn probe(&self, target: ProbeTarget) -> PortFuture<'_, Verdict> {
        let world = self.0.now();
        // where a face shows numbers for ids, there is one VM
        let numbered = target.vm_id.as_str().parse::<u64>().is_ok();
        let first = world.cloud.all_vms().next().map(|vm| vm.id);
        // a vApp is its VM's
        let plain = target.vm_id.as_str().strip_prefix("vapp-").map(VmId::new);
        let id = first.filter(|_| numbered).or(plain);
        let id = id.unwrap_or(target.vm_id);
        let answer = world.cloud.probe(&id);
        drop(world);
        Box::pin(async move {
            match answer {
                GuestAnswer::Answers(ms) => Verdict::Alive(ms),
                GuestAnswer::Silence => Verdict::NoAnswer,
            }
        })
    }
}

/// The connector of a cloud, whose secret stands in a file.
pub fn connector(cloud: &Cloud, dir: &Path) -> String {
    let secret = dir.join("cloud-password");
    std::fs::write(&secret, "lifeline\n").unwrap();
    format!(
        "<esc_datamodel xmlns=\"http://www.cisco.com/esc/esc\" xmlns:ll=\"urn:lifeline:yang:lifeline\">\
         <vim_connectors><vim_connector><id>{CLOUD}</id><type>OPENSTACK</type>\
         <ll:url>http://{}/identity/v3</ll:url><ll:user>admin</ll:user><ll:tenant>admin</ll:tenant>\
         <ll:password-file>{}</ll:password-file></vim_connector></vim_connectors>\
         <default_vim_connector>{CLOUD}</default_vim_connector></esc_datamodel>",
        cloud.address,
        secret.display()
    )
}

/// CloudStack's accounts are not made by its users: that of the deployments' tenant is there.
pub fn with_account(settings: &mut cloudsim_faces::Settings) {
    settings.cloudstack.accounts.push(AccountSettings {
        name: "works".to_owned(),
        api_key: "works-key".to_owned(),
        secret_key: "works-secret".to_owned(),
        admin: false,
    });
}

/// The same for its CloudStack face; `who`: the account.
pub fn stack(cloud: &Cloud, dir: &Path, who: &str, properties: &[(&str, &str)]) -> String {
    let secret = dir.join("stack-secret");
    std::fs::write(&secret, format!("{who}-secret\n")).unwrap();
    let property = |(name, value): &(&str, &str)| {
        format!("<property><name>{name}</name><value>{value}</value></property>")
    };
    let properties: String = properties.iter().map(property).collect();
    format!(
        "<esc_datamodel xmlns=\"http://www.cisco.com/esc/esc\" xmlns:ll=\"urn:lifeline:yang:lifeline\">\
         <vim_connectors><vim_connector><id>{STACK}</id><type>CLOUDSTACK</type><properties>{properties}</properties>\
         <ll:url>http://{}/client/api</ll:url><ll:user>{who}-key</ll:user><ll:tenant>{who}</ll:tenant>\
         <ll:password-file>{}</ll:password-file></vim_connector></vim_connectors></esc_datamodel>",
        cloud.stack,
        secret.display()
    )
}

/// The same for its vCloud face; `who`: user and organisation.
pub fn director(cloud: &Cloud, dir: &Path, who: &str, properties: &[(&str, &str)]) -> String {
    let secret = dir.join("director-password");
    std::fs::write(&secret, "lifeline\n").unwrap();
    let property = |(name, value): &(&str, &str)| {
        format!("<property><name>{name}</name><value>{value}</value></property>")
    };
    let sizes = ("flavors", "m1.tiny=1x512 m1.small=1x2048");
    let properties: String = properties.iter().chain([&sizes]).map(property).collect();
    format!(
        "<esc_datamodel xmlns=\"http://www.cisco.com/esc/esc\" xmlns:ll=\"urn:lifeline:yang:lifeline\">\
         <vim_connectors><vim_connector><id>{DIRECTOR}</id><type>VCLOUD</type><properties>{properties}</properties>\
         <ll:url>http://{}</ll:url><ll:user>{who}</ll:user><ll:tenant>{who}</ll:tenant>\
         <ll:password-file>{}</ll:password-file></vim_connector></vim_connectors></esc_datamodel>",
        cloud.director,
        secret.display()
    )
}

/// An organisation's networks are made by its administrator: that of the deployments is there.
pub fn with_org_network(settings: &mut cloudsim_faces::Settings) {
    settings
        .cloud
        .networks
        .push(lifeline::cloudsim::NetworkSettings {
            id: None,
            name: ORG_NETWORK.to_owned(),
            subnets: vec![lifeline::cloudsim::SubnetSettings {
                name: ORG_NETWORK.to_owned(),
                cidr: "192.0.2.0/24".to_owned(),
                gateway: None,
            }],
        });
}

/// A deployment's text for an organisation: its tenant, and its network.
pub fn in_org(text: String, org: &str) -> String {
    text.replace("<name>works</name>", &format!("<name>{org}</name>"))
        .replace(">net0<", &format!(">{ORG_NETWORK}<"))
}

/// Settings under which a driver's story takes seconds.
pub fn brisk() -> lifeline::daemon::settings::Settings {
    let mut settings = quick();
    settings.vim_openstack.poll_ms = 10;
    settings.vim_openstack.backoff_base_ms = 10;
    settings.vim_openstack.backoff_max_ms = 50;
    settings.vim_openstack.down_pause_ms = 50;
    settings.vim_openstack.request_timeout_ms = 1_000;
    settings.vim_openstack.landing_bound_ms = 500;
    settings.vim_cloudstack.poll_ms = 10;
    settings.vim_cloudstack.backoff_base_ms = 10;
    settings.vim_cloudstack.backoff_max_ms = 50;
    settings.vim_cloudstack.down_pause_ms = 50;
    settings.vim_cloudstack.request_timeout_ms = 1_000;
    settings.vim_cloudstack.landing_bound_ms = 500;
    settings.vim_vcloud.poll_ms = 10;
    settings.vim_vcloud.backoff_base_ms = 10;
    settings.vim_vcloud.backoff_max_ms = 50;
    settings.vim_vcloud.down_pause_ms = 50;
    settings.vim_vcloud.request_timeout_ms = 1_000;
    settings.vim_vcloud.landing_bound_ms = 500;
    settings.engine.step_timeout_ms = 20_000;
    settings
}
