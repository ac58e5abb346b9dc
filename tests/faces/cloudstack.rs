//! CloudStack's face: signed commands, jobs, states, both formats and both kinds of ids.

use std::time::Duration;

use lifeline::clock::Timestamp;
use lifeline::cloudsim::{Fault, Injection, Target};
use lifeline::cloudsim_faces::{Ids, Request, Settings, Time, World, answer_cloudstack};
use lifeline::proto::cloudstack::{
    AsyncJob, Command, Format, JobResult, JobStatus, Reply, Secret, Started, Template,
    VirtualMachine, VmState,
};

struct Lab {
    world: World,
    who: &'static str,
    format: &'static str,
}

fn lab(ids: Ids) -> Lab {
    let mut settings = Settings {
        time: Time::Explicit,
        ..Settings::default()
    };
    settings.cloudstack.ids = ids;
    let epoch: Timestamp = "2026-11-22T06:00:00Z".parse().unwrap();
    Lab {
        world: World::new(settings, epoch).unwrap(),
        who: "admin",
        format: "json",
    }
}

impl Lab {
    fn signed(&self, command: Command) -> String {
        let command = command
            .with("response", self.format)
            .with("apiKey", format!("{}-key", self.who));
        command.query(&Secret::new(&format!("{}-secret", self.who)))
    }

    fn raw(&mut self, query: &str) -> (u16, Option<Reply>) {
        let request = Request::new(
            "GET",
            &format!("/client/api?{query}"),
            Vec::new(),
            Vec::new(),
            "cloud:1",
        );
        let reply = answer_cloudstack(&mut self.world, &request);
        if reply.lost {
            return (0, None);
        }
        assert_eq!(
            Format::of_text(&reply.body),
            Format::of_param(Some(self.format))
        );
        (reply.status, Some(Reply::decode(&reply.body).unwrap()))
    }

    fn ask(&mut self, command: Command) -> Reply {
        let query = self.signed(command);
        let (status, reply) = self.raw(&query);
        let reply = reply.expect("lost");
        assert_eq!(status, 200, "{reply:?}");
        reply
    }

    fn refused(&mut self, command: Command) -> (u16, String) {
        let query = self.signed(command);
        let (status, reply) = self.raw(&query);
        let error = reply.expect("lost").error().expect("no error");
        assert_eq!(status, error.errorcode);
        (status, error.errortext)
    }

    fn pass(&mut self, millis: u64) {
        let now = self.world.cloud.now() + Duration::from_millis(millis);
        self.world.cloud.advance(now);
    }

    fn first_id(&mut self, command: Command, kind: &str) -> String {
        let reply = self.ask(command);
        let all: Vec<Template> = reply.list(kind).unwrap();
        all[0].id.to_string()
    }

    fn deploy(&mut self, name: &str) -> Command {
        let zone = self.first_id(Command::new("listZones"), "zone");
        let size = self.first_id(
            Command::new("listServiceOfferings").with("name", "m1.tiny"),
            "serviceoffering",
        );
        let template = Command::new("listTemplates")
            .with("templatefilter", "executable")
            .with("name", "cirros");
        let template = self.first_id(template, "template");
        Command::new("deployVirtualMachine")
            .with("zoneId", zone)
            .with("serviceOfferingId", size)
            .with("templateId", template)
            .with("name", name)
    }

    fn start(&mut self, command: Command) -> Started {
        self.ask(command).read().unwrap()
    }

    fn job(&mut self, started: &Started) -> AsyncJob {
        let query = Command::new("queryAsyncJobResult").with("jobId", started.jobid.as_str());
        AsyncJob::of_reply(&self.ask(query)).unwrap()
    }

    /// A VM that runs, by its id as shown.
    fn up(&mut self, name: &str) -> String {
        let deploy = self.deploy(name);
        let started = self.start(deploy);
        self.pass(1000);
        assert_eq!(self.job(&started).jobstatus, JobStatus::Succeeded);
        started.id.unwrap().to_string()
    }

    fn vms(&mut self) -> Vec<VirtualMachine> {
        let reply = self.ask(Command::new("listVirtualMachines").with("listall", "true"));
        reply.list("virtualmachine").unwrap()
    }

    fn state(&mut self, id: &str) -> VmState {
        let mut all = self.vms().into_iter();
        all.find(|vm| vm.id.as_str() == id).unwrap().state
    }

    /// Does something to a VM to its end.
    fn run(&mut self, command: &str, id: &str) -> AsyncJob {
        let started = self.start(Command::new(command).with("id", id));
        self.pass(1000);
        self.job(&started)
    }
}

#[test]
fn a_vm_lives_through_jobs_in_both_formats_and_with_both_kinds_of_ids() {
    for (ids, format) in [
        (Ids::Uuid, "json"),
        (Ids::Integer, "xml"),
        (Ids::Integer, "json"),
        (Ids::Uuid, "xml"),
    ] {
        let mut lab = lab(ids);
        lab.format = format;
        let deploy = lab.deploy("web-1");
        let started = lab.start(deploy);
        let number = started.jobid.as_str().parse::<u64>().is_ok();
        assert_eq!(number, ids == Ids::Integer);
        let id = started.id.clone().unwrap().to_string();
        let pending = lab.job(&started);
        assert_eq!(
            (pending.jobstatus, &pending.jobresult),
            (JobStatus::Pending, &None)
        );
        assert_eq!(lab.state(&id), VmState::Starting);
        lab.pass(1000);
        let done = lab.job(&started);
        let Some(JobResult::VirtualMachine(vm)) = done.jobresult else {
            panic!("{done:?}");
        };
        assert_eq!((vm.id.as_str(), vm.name.as_str()), (id.as_str(), "web-1"));
        assert_eq!(vm.nic[0].ipaddress.as_deref(), Some("10.20.0.2"));
        assert_eq!(vm.hostname.as_deref(), Some("sim-host-1"));
        assert_eq!(
            (done.jobresultcode, done.jobresulttype.as_deref()),
            (Some(0), Some("object"))
        );
        for (command, end) in [
            ("rebootVirtualMachine", VmState::Running),
            ("stopVirtualMachine", VmState::Stopped),
            ("startVirtualMachine", VmState::Running),
        ] {
            let job = lab.run(command, &id);
            assert_eq!(job.jobstatus, JobStatus::Succeeded, "{command}");
            assert_eq!(lab.state(&id), end, "{command}");
        }
        let gone = lab.run("destroyVirtualMachine", &id);
        let Some(JobResult::VirtualMachine(vm)) = gone.jobresult else {
            panic!("{gone:?}");
        };
        assert_eq!(
            (vm.state, vm.id.as_str()),
            (VmState::Destroyed, id.as_str())
        );
        assert!(lab.vms().is_empty());
    }
}

#[test]
fn what_is_not_signed_by_its_account_gets_401() {
    let mut lab = lab(Ids::Uuid);
    let good = lab.signed(Command::new("listZones"));
    assert_eq!(lab.raw(&good).0, 200);
    let (_, signature) = good.rsplit_once('=').unwrap();
    for bad in [
        good.replace("listZones", "listHosts"),
        good.replace("admin-key", "demo-key"),
        good.replace("admin-key", "none"),
        good.replace(signature, "AAAA"),
        good.rsplit_once('&').unwrap().0.to_owned(),
        "command=listZones&response=json".to_owned(),
    ] {
        let (status, reply) = lab.raw(&bad);
        let error = reply.unwrap().error().unwrap();
        assert_eq!((status, error.errorcode), (401, 401), "{bad}");
    }
    let expired = Command::new("listZones")
        .with("signatureVersion", "3")
        .with("expires", "2026-11-22T05:00:00+0000");
    let query = lab.signed(expired);
    assert_eq!(lab.raw(&query).0, 401);
}

#[test]
fn a_failed_job_says_why_in_the_words_of_its_time() {
    for (ids, code) in [(Ids::Uuid, 530), (Ids::Integer, 551)] {
        let mut lab = lab(ids);
        let id = lab.up("a");
        let fails = Injection {
            target: Target::Vm("a".into()),
            fault: Fault::RebootFails,
            times: 1,
            messages: vec!["no power".into()],
            duration: None,
        };
        lab.world.cloud.inject(fails).unwrap();
        let job = lab.run("rebootVirtualMachine", &id);
        assert_eq!(
            (job.jobstatus, job.jobresultcode),
            (JobStatus::Failed, Some(code))
        );
        assert_eq!(job.failure().as_deref(), Some("no power"));
        let text = matches!(job.jobresult, Some(JobResult::Text(_)));
        assert_eq!(text, ids == Ids::Integer);
        assert_eq!(lab.state(&id), VmState::Stopped);
        let (status, words) = lab.refused(Command::new("rebootVirtualMachine").with("id", &id));
        assert_eq!(status, 530);
        assert!(words.contains("Stopped"), "{words}");
        assert_eq!(
            lab.run("startVirtualMachine", &id).jobstatus,
            JobStatus::Succeeded
        );
    }
}

#[test]
fn a_deploy_without_a_host_is_a_lack_of_capacity() {
    let mut lab = lab(Ids::Uuid);
    let down = Injection {
        target: Target::Vim,
        fault: Fault::HostDown,
        times: 1,
        messages: Vec::new(),
        duration: None,
    };
    lab.world.cloud.inject(down).unwrap();
    let deploy = lab.deploy("a");
    let started = lab.start(deploy);
    lab.pass(1000);
    assert_eq!(lab.job(&started).jobresultcode, Some(533));
    assert_eq!(lab.vms()[0].state, VmState::Error);
}

#[test]
fn what_a_command_names_must_exist_and_be_its_own() {
    let mut lab = lab(Ids::Uuid);
    let id = lab.up("a");
    let deploy = lab.deploy("b");
    for (param, value) in [
        ("zoneId", "none"),
        ("serviceOfferingId", "none"),
        ("templateId", "none"),
        ("name", "no spaces"),
    ] {
        let mut bad = deploy.clone();
        bad.params.retain(|(key, _)| key != param);
        assert_eq!(lab.refused(bad.with(param, value)).0, 431, "{param}");
    }
    let net = deploy.clone().with("networkids", "none");
    assert_eq!(lab.refused(net).0, 431);
    assert_eq!(lab.refused(Command::new("queryAsyncJobResult")).0, 431);
    assert_eq!(
        lab.refused(Command::new("queryAsyncJobResult").with("jobid", "none"))
            .0,
        431
    );
    assert_eq!(lab.refused(Command::new("flyToTheMoon")).0, 432);
    lab.who = "demo";
    assert_eq!(
        lab.refused(Command::new("stopVirtualMachine").with("id", &id))
            .0,
        431,
        "not its own"
    );
    assert!(lab.vms().is_empty());
    assert_eq!(lab.refused(Command::new("listHosts")).0, 432);
    lab.up("c");
    lab.who = "admin";
    assert_eq!(lab.vms().len(), 2);
}

#[test]
fn interfaces_addresses_and_details_are_as_asked_for() {
    let mut lab = lab(Ids::Uuid);
    let net = Command::new("listNetworks").with("name", "my-network");
    let net = lab.first_id(net, "network");
    let deploy = lab
        .deploy("a")
        .with("iptonetworklist[0].networkid", net)
        .with("iptonetworklist[0].ip", "10.30.0.9")
        .with("details[0].who", "me");
    let started = lab.start(deploy);
    lab.pass(1000);
    let vm = lab.vms().remove(0);
    assert_eq!(vm.nic[0].ipaddress.as_deref(), Some("10.30.0.9"));
    assert_eq!(vm.details.unwrap()["who"], "me");
    let id = started.id.unwrap();
    let tag = Command::new("createTags")
        .with("resourceType", "UserVm")
        .with("resourceIds", id.as_str())
        .with("tags[0].key", "token")
        .with("tags[0].value", "x.1");
    let job = lab.start(tag);
    assert_eq!(lab.job(&job).jobstatus, JobStatus::Succeeded);
    assert_eq!(lab.vms()[0].tags[0].value, "x.1");
    let found = Command::new("listVirtualMachines")
        .with("tags[0].key", "token")
        .with("tags[0].value", "y");
    let found: Vec<VirtualMachine> = lab.ask(found).list("virtualmachine").unwrap();
    assert!(found.is_empty());
    let size = lab.first_id(
        Command::new("listServiceOfferings").with("name", "m1.large"),
        "serviceoffering",
    );
    let change = Command::new("changeServiceForVirtualMachine")
        .with("id", id.as_str())
        .with("serviceofferingid", size);
    assert_eq!(lab.refused(change.clone()).0, 431, "it runs");
    lab.run("stopVirtualMachine", id.as_str());
    lab.ask(change);
    assert_eq!(lab.vms()[0].memory, Some(8192));
}

#[test]
fn a_lost_reply_leaves_its_vm_and_a_cut_off_one_is_not_destroyed() {
    let mut lab = lab(Ids::Uuid);
    let fault = |fault, target| Injection {
        target,
        fault,
        times: 1,
        messages: Vec::new(),
        duration: None,
    };
    lab.world
        .cloud
        .inject(fault(Fault::ReplyLost, Target::Vim))
        .unwrap();
    let deploy = lab.deploy("a");
    let query = lab.signed(deploy);
    assert!(lab.raw(&query).1.is_none());
    lab.pass(1000);
    let vm = lab.vms().remove(0);
    assert_eq!(vm.state, VmState::Running);
    lab.world
        .cloud
        .inject(fault(Fault::HostDown, Target::Vm("a".into())))
        .unwrap();
    assert_eq!(
        lab.state(vm.id.as_str()),
        VmState::Running,
        "the last that was heard"
    );
    let destroy = Command::new("destroyVirtualMachine").with("id", vm.id.as_str());
    assert_eq!(lab.refused(destroy).0, 534, "its host has to stop it");
    lab.world.cloud.clear(None).unwrap();
    let job = lab.run("destroyVirtualMachine", vm.id.as_str());
    assert_eq!(job.jobstatus, JobStatus::Succeeded);
    assert!(lab.vms().is_empty());
    assert!(lab.world.cloud.orphans(&Default::default()).is_empty());
}

#[test]
fn lists_are_filtered_by_every_parameter_or_refuse_it() {
    let mut lab = lab(Ids::Uuid);
    let deploy = lab.deploy("Alpha");
    let id = lab.start(deploy).id.unwrap().to_string();
    lab.pass(2000);
    let host = {
        let mut all = lab.world.cloud.all_vms();
        all.find(|vm| vm.name.as_str() == "Alpha").unwrap().host_id
    };
    let other = {
        let mut hosts = lab.world.cloud.hosts().into_iter();
        hosts.find(|known| known.id != host).unwrap().id
    };
    let network = |lab: &Lab, name: &str| {
        let mut all = lab.world.cloud.networks().into_iter();
        all.find(|network| network.name == name).unwrap().id
    };
    let own = {
        let mut all = lab.world.cloud.all_vms();
        all.next().unwrap().interfaces[0].network.clone()
    };
    let public = network(&lab, "public");
    assert_ne!(own, public);
    let tiny = lab.world.cloud.flavor("m1.tiny").unwrap().id;
    let small = lab.world.cloud.flavor("m1.small").unwrap().id;
    let list = || Command::new("listVirtualMachines");
    for (param, value, count) in [
        ("keyword", "ALPH", 1),
        ("keyword", "beta", 0),
        ("hostid", host.as_str(), 1),
        ("hostid", other.as_str(), 0),
        ("networkid", own.as_str(), 1),
        ("networkid", public.as_str(), 0),
        ("serviceofferingid", tiny.as_str(), 1),
        ("serviceofferingid", small.as_str(), 0),
        ("hypervisor", "simulator", 1),
        ("hypervisor", "KVM", 0),
        ("haenable", "true", 0),
        ("keypair", "k", 0),
    ] {
        let found: Vec<VirtualMachine> = lab
            .ask(list().with(param, value))
            .list("virtualmachine")
            .unwrap();
        assert_eq!(found.len(), count, "{param}={value}");
    }
    for param in [
        "zoneid",
        "networkid",
        "hostid",
        "serviceofferingid",
        "domainid",
        "projectid",
    ] {
        assert_eq!(lab.refused(list().with(param, "nothing")).0, 431, "{param}");
    }
    let on = Command::new("updateVirtualMachine")
        .with("id", id)
        .with("haenable", "true");
    lab.ask(on);
    let found: Vec<VirtualMachine> = lab
        .ask(list().with("haenable", "true"))
        .list("virtualmachine")
        .unwrap();
    assert_eq!(found.len(), 1);
}

#[test]
fn what_a_deploy_names_is_obeyed_or_refused() {
    let mut lab = lab(Ids::Uuid);
    let host = lab.world.cloud.hosts().pop().unwrap();
    for name in ["a", "b", "c"] {
        let deploy = lab.deploy(name).with("hostid", host.id.clone());
        lab.start(deploy);
    }
    assert!(
        lab.world
            .cloud
            .all_vms()
            .all(|vm| vm.host_name == host.name)
    );
    for param in [
        "hostid",
        "keypair",
        "affinitygroupids",
        "securitygroupids",
        "diskofferingid",
    ] {
        let deploy = lab.deploy("d").with(param, "nothing");
        assert_eq!(lab.refused(deploy).0, 431, "{param}");
    }
    lab.ask(Command::new("createSSHKeyPair").with("name", "k"));
    let again = Command::new("createSSHKeyPair").with("name", "k");
    assert_eq!(lab.refused(again).0, 431);
    let deploy = lab.deploy("e").with("keypair", "k");
    lab.start(deploy);
    let with = Command::new("listVirtualMachines").with("keypair", "k");
    let found: Vec<VirtualMachine> = lab.ask(with).list("virtualmachine").unwrap();
    assert_eq!(found.len(), 1);
    lab.who = "demo";
    let deploy = lab.deploy("f").with("hostid", host.id.clone());
    assert_eq!(lab.refused(deploy).0, 531);
    let deploy = lab.deploy("f").with("keypair", "k");
    assert_eq!(lab.refused(deploy).0, 431, "another account's");
}

#[test]
fn every_command_that_is_told_is_known() {
    let mut lab = lab(Ids::Uuid);
    let all: Vec<serde_json::Value> = lab.ask(Command::new("listApis")).list("api").unwrap();
    assert!(all.len() > 50);
    for api in &all {
        let name = api["name"].as_str().unwrap();
        let query = lab.signed(Command::new(name));
        let (status, reply) = lab.raw(&query);
        assert_ne!(status, 432, "{name}: {reply:?}");
    }
    for name in [
        "listDomains",
        "listUsers",
        "listHypervisors",
        "listOsTypes",
        "listResourceLimits",
    ] {
        lab.ask(Command::new(name));
    }
}
