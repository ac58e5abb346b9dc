//! The libvirt driver against libvirt's own test hypervisor (`test:///default`), in this process: a VM's whole
//! life, reboots that fail, a connection that is lost.
#![cfg(feature = "libvirt")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests may stop"
)]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use lifeline::clock::{Clock, SystemClock};
use lifeline::engine::port::{
    Accepted, CreateVm, Find, InterfaceRequest, PowerState, ProbeTarget, Prober, Verdict, Vim,
    VimCall, VimError, VimVm,
};
use lifeline::ids::{CreateToken, VmId, VmName};
use lifeline::model::connector::ConnectorSpec;
use lifeline::model::deployment::{NetworkSpec, SubnetSpec, VolumeSpec};
use lifeline::model::resource::{FlavorSpec, ImageSpec};
use lifeline::model::vim::VimOpStatus;
use lifeline::vim::libvirt::link::{
    AddressSource, EventSink, Fault, FaultKind, GuestAddress, Link, LinkEvent, Listed, Opener, Way,
};
use lifeline::vim::libvirt::{COLLECTOR, Connector, LibvirtVim, Settings, Virt};

const POOL: &str = "default-pool";

/// The wire between driver and libvirt: it can be cut, be dead for new connections, or hang.
#[derive(Default)]
struct Wire {
    dead: AtomicBool,
    hangs: AtomicBool,
    opened: AtomicU32,
    /// Calls of this name fail, with these words.
    fails: Mutex<BTreeMap<&'static str, Fault>>,
    sinks: Mutex<Vec<(u64, EventSink)>>,
    /// Threads on which connections were closed.
    closed_by: Mutex<Vec<std::thread::ThreadId>>,
}

impl Wire {
    /// Cuts what is open, and says so as libvirt's own close callback would.
    fn cut(&self) {
        self.dead.store(true, Ordering::SeqCst);
        for (generation, sink) in self.sinks.lock().unwrap().drain(..) {
            sink(LinkEvent::Closed { generation });
        }
    }

    fn mend(&self) {
        self.dead.store(false, Ordering::SeqCst);
    }

    fn fail(&self, call: &'static str, kind: FaultKind, text: &str) {
        self.fails
            .lock()
            .unwrap()
            .insert(call, Fault::new(kind, text));
    }

    fn heal(&self) {
        self.fails.lock().unwrap().clear();
    }
}

struct OnWire(Arc<Wire>, Virt);

impl Opener for OnWire {
    fn open(&self, generation: u64, sink: EventSink) -> Result<Arc<dyn Link>, Fault> {
        self.0.opened.fetch_add(1, Ordering::SeqCst);
        if self.0.dead.load(Ordering::SeqCst) {
            return Err(Fault::refused(
                "Failed to connect socket: Connection refused",
            ));
        }
        self.0
            .sinks
            .lock()
            .unwrap()
            .push((generation, sink.clone()));
        let link = self.1.open(generation, sink)?;
        let cut = AtomicBool::new(false);
        Ok(Arc::new(Cuttable(self.0.clone(), link, cut)))
    }
}

struct Cuttable(Arc<Wire>, Arc<dyn Link>, AtomicBool);

impl Drop for Cuttable {
    fn drop(&mut self) {
        let here = std::thread::current().id();
        self.0.closed_by.lock().unwrap().push(here);
    }
}

impl Cuttable {
    fn pass(&self, call: &str) -> Result<(), Fault> {
        while self.0.hangs.load(Ordering::SeqCst) {
            std::thread::sleep(Duration::from_millis(10));
        }
        if self.0.dead.load(Ordering::SeqCst) {
            self.2.store(true, Ordering::SeqCst);
            return Err(Fault::new(
                FaultKind::Lost,
                "Cannot write data: Broken pipe",
            ));
        }
        match self.0.fails.lock().unwrap().get(call) {
            Some(fault) => Err(fault.clone()),
            None => Ok(()),
        }
    }
}

macro_rules! through {
    ($(fn $name:ident($($arg:ident: $kind:ty),*) -> $out:ty;)*) => {
        impl Link for Cuttable {
            fn is_alive(&self) -> bool {
                !self.2.load(Ordering::SeqCst) && self.1.is_alive()
            }
            $(fn $name(&self, $($arg: $kind),*) -> Result<$out, Fault> {
                self.pass(stringify!($name))?;
                self.1.$name($($arg),*)
            })*
        }
    };
}

through! {
    fn capabilities() -> String;
    fn hostname() -> String;
    fn domains() -> Vec<Listed>;
    fn domain_xml(uuid: &str, next: bool) -> String;
    fn domain_state(uuid: &str) -> (i32, i32);
    fn define_domain(xml: &str) -> ();
    fn set_card(uuid: &str, xml: &str) -> ();
    fn start(uuid: &str) -> ();
    fn resume(uuid: &str) -> ();
    fn shutdown(uuid: &str, way: Way) -> ();
    fn reboot(uuid: &str, way: Way) -> ();
    fn reset(uuid: &str) -> ();
    fn destroy(uuid: &str) -> ();
    fn undefine(uuid: &str) -> ();
    fn addresses(uuid: &str, source: AddressSource) -> Vec<GuestAddress>;
    fn agent_ping(uuid: &str, seconds: i32) -> ();
    fn networks() -> Vec<String>;
    fn network_xml(uuid: &str) -> String;
    fn network_by_name(name: &str) -> String;
    fn define_network(xml: &str) -> ();
    fn network_is_active(uuid: &str) -> bool;
    fn start_network(uuid: &str) -> ();
    fn stop_network(uuid: &str) -> ();
    fn undefine_network(uuid: &str) -> ();
    fn reserve(network: &str, host: &str, add: bool) -> ();
    fn leases(network: &str) -> Vec<GuestAddress>;
    fn pool_xml(pool: &str) -> String;
    fn refresh_pool(pool: &str) -> ();
    fn volumes(pool: &str) -> Vec<String>;
    fn volume_xml(pool: &str, name: &str) -> String;
    fn create_volume(pool: &str, xml: &str) -> ();
    fn clone_volume(pool: &str, xml: &str, source: &str) -> ();
    fn resize_volume(pool: &str, name: &str, bytes: u64) -> ();
    fn upload(pool: &str, name: &str, file: &Path) -> ();
    fn delete_volume(pool: &str, name: &str) -> ();
}

/// A driver with a wire of its own, and libvirt beside it.
struct Lab {
    vim: LibvirtVim,
    wire: Arc<Wire>,
    libvirt: Arc<dyn Link>,
    folder: tempfile::TempDir,
    name: String,
    properties: Vec<(&'static str, &'static str)>,
    calls: AtomicU32,
}

impl Lab {
    async fn new(name: &str, properties: &[(&'static str, &'static str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let wire = Arc::new(Wire::default());
        let lab = Self {
            vim: driver(name, properties, &wire, folder.path()),
            wire,
            libvirt: Virt::new("test:///default", &settings())
                .open(0, Arc::new(|_| {}))
                .unwrap(),
            folder,
            name: name.to_owned(),
            properties: properties.to_vec(),
            calls: AtomicU32::new(0),
        };
        let image = format!(
            "<volume><name>{name}-os.qcow2</name><capacity unit='MiB'>10</capacity><target><format type='qcow2'/></target></volume>"
        );
        lab.libvirt.create_volume(POOL, &image).unwrap();
        let flavor = FlavorSpec {
            name: "small".into(),
            vcpus: 1,
            memory_mb: 64,
            ..FlavorSpec::default()
        };
        lab.done(VimCall::CreateFlavor(flavor)).await;
        lab
    }

    /// The process ends and another one begins.
    fn restart(&mut self) {
        self.vim = driver(&self.name, &self.properties, &self.wire, self.folder.path());
    }

    async fn call(&self, call: VimCall) -> Result<Accepted, VimError> {
        let key = format!(
            "{}-{}",
            self.name,
            self.calls.fetch_add(1, Ordering::SeqCst)
        );
        self.vim.call(call, key).await
    }

    async fn end(&self, accepted: &Accepted) -> VimOpStatus {
        for _ in 0..100 {
            match self.vim.status(accepted.op.clone()).await.unwrap() {
                VimOpStatus::Running => {}
                status => return status,
            }
        }
        panic!("no end of {accepted:?}");
    }

    async fn outcome(&self, call: VimCall) -> VimOpStatus {
        let accepted = self.call(call).await.unwrap();
        self.end(&accepted).await
    }

    async fn done(&self, call: VimCall) -> Option<String> {
        let accepted = self.call(call).await.unwrap();
        assert_eq!(
            self.end(&accepted).await,
            VimOpStatus::Succeeded,
            "{accepted:?}"
        );
        accepted.id
    }

    fn new_vm(&self, name: &str, network: &str) -> CreateVm {
        CreateVm {
            name: VmName::new(format!("{}_{name}_0_u", self.name)),
            token: CreateToken::new(format!("{}_{name}_0_u.1", self.name)),
            tenant: None,
            image: format!("{}-os", self.name),
            flavor: "small".into(),
            interfaces: vec![InterfaceRequest {
                nicid: 0,
                network: network.into(),
                kind: "virtual".into(),
                ip_address: None,
                mac_address: None,
                port_id: None,
            }],
            volumes: Vec::new(),
            config_data: Vec::new(),
        }
    }

    async fn vm(&self, name: &str) -> VmId {
        let id = self
            .done(VimCall::CreateVm(self.new_vm(name, "default")))
            .await;
        VmId::new(id.unwrap())
    }

    async fn look(&self, vm: &VmId) -> Option<VimVm> {
        self.vim.describe(vm.clone()).await.unwrap()
    }

    /// Until a new connection may be tried.
    async fn next_attempt(&self) {
        tokio::time::sleep(Duration::from_millis(1100)).await;
    }

    /// Volumes made for the VM.
    fn volumes_of(&self, vm: &VmId) -> usize {
        let all = self.libvirt.volumes(POOL).unwrap();
        all.iter().filter(|name| name.contains(vm.as_str())).count()
    }

    /// Waits until no VM carries the token.
    async fn nothing_carries(&self, token: &CreateToken) {
        for _ in 0..100 {
            let found = self.vim.find_by_token(token.clone()).await.unwrap();
            match found.first() {
                None => return,
                Some(vm) => assert_eq!(vm.power, PowerState::Deleting),
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("it is not cleared away");
    }

    async fn power(&self, vm: &VmId) -> PowerState {
        self.look(vm).await.unwrap().power
    }
}

fn settings() -> Settings {
    Settings {
        reboot_shows_ms: 300,
        stop_shows_ms: 2_000,
        poll_ms: 50,
        down_pause_ms: 1_000,
        call_timeout_ms: 2_000,
        connect_timeout_ms: 2_000,
        ..Settings::default()
    }
}

fn driver(name: &str, properties: &[(&str, &str)], wire: &Arc<Wire>, folder: &Path) -> LibvirtVim {
    let mut all = BTreeMap::from([("pool".to_owned(), POOL.to_owned())]);
    all.extend(
        properties
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned())),
    );
    let uri = "test:///default".to_owned();
    let connector = Connector::new(ConnectorSpec {
        id: name.to_owned(),
        kind: "LIBVIRT".to_owned(),
        url: Some(uri.clone()),
        properties: all,
        ..ConnectorSpec::default()
    });
    let connector = connector.unwrap();
    let opener = OnWire(wire.clone(), Virt::new(&uri, &settings()));
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    LibvirtVim::new(connector, settings(), clock, Arc::new(opener), folder).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vm_lives_its_whole_life() {
    let lab = Lab::new("life", &[]).await;
    // network and subnet
    let spec = NetworkSpec {
        name: "lan".into(),
        shared: false,
        admin_state: true,
        vlan_id: None,
        subnets: Vec::new(),
    };
    let network = VimCall::CreateNetwork {
        tenant: None,
        token: Some(CreateToken::new("life.net")),
        spec,
    };
    let network = lab.done(network).await.unwrap();
    let subnet = SubnetSpec {
        name: "lan-subnet".into(),
        ip_version: "ipv4".into(),
        dhcp: true,
        address: "10.77.0.0".into(),
        netmask: "255.255.255.0".into(),
        gateway: Some("10.77.0.1".into()),
    };
    let made = VimCall::CreateSubnet {
        network: network.clone(),
        spec: subnet,
    };
    let subnet = lab.done(made).await.unwrap();
    let find = Find::Network {
        tenant: None,
        token: Some(CreateToken::new("life.net")),
        name: "lan".into(),
    };
    let found = lab.vim.find(find.clone()).await.unwrap().unwrap();
    assert_eq!(
        (&found.id, found.subnets[0].cidr.as_str()),
        (&network, "10.77.0.0/24")
    );
    // the VM, with a volume
    let mut new = lab.new_vm("a", &network);
    new.volumes.push(VolumeSpec {
        name: "data".into(),
        volid: 1,
        bus: "virtio".into(),
        size: Some(2),
        size_unit: Some("MiB".into()),
    });
    let create = VimCall::CreateVm(new.clone());
    let accepted = lab
        .vim
        .call(create.clone(), "the key".into())
        .await
        .unwrap();
    assert_eq!(lab.end(&accepted).await, VimOpStatus::Succeeded);
    let again = lab.vim.call(create, "the key".into()).await.unwrap();
    assert_eq!(again, accepted, "the same key acts once");
    let vm = VmId::new(accepted.id.unwrap());
    let seen = lab.look(&vm).await.unwrap();
    assert_eq!(seen.power, PowerState::Running);
    assert_eq!(seen.token, Some(new.token.clone()));
    let port = seen.interfaces[0].clone();
    assert_eq!(
        (&*port.ip_address, &*port.netmask),
        ("10.77.0.2", "255.255.255.0")
    );
    assert_eq!(
        (&*port.gateway, &port.network, &port.subnet),
        ("10.77.0.1", &network, &subnet)
    );
    assert!(port.mac_address.starts_with("52:54:00:"));
    let by_token = lab.vim.find_by_token(new.token.clone()).await.unwrap();
    assert_eq!(by_token, std::slice::from_ref(&seen));
    assert_eq!(lab.volumes_of(&vm), 2);
    // power
    lab.done(VimCall::StopVm(vm.clone())).await;
    let stopped = lab.look(&vm).await.unwrap();
    assert_eq!(stopped.power, PowerState::Stopped);
    assert_eq!(
        stopped.messages,
        ["libvirt: shut off (destroyed)"],
        "the test hypervisor knows no power button for a stop"
    );
    lab.done(VimCall::StopVm(vm.clone())).await;
    lab.done(VimCall::StartVm(vm.clone())).await;
    lab.done(VimCall::StartVm(vm.clone())).await;
    assert_eq!(lab.power(&vm).await, PowerState::Running);
    let hard = VimCall::RebootVm {
        vm: vm.clone(),
        hard: true,
    };
    lab.done(hard.clone()).await;
    // a VM that is off is made to run by a reboot
    lab.libvirt.destroy(vm.as_str()).unwrap();
    lab.done(hard).await;
    assert_eq!(lab.power(&vm).await, PowerState::Running);
    // another flavor
    let large = FlavorSpec {
        name: "large".into(),
        vcpus: 2,
        memory_mb: 96,
        ..FlavorSpec::default()
    };
    lab.done(VimCall::CreateFlavor(large)).await;
    let resize = VimCall::ResizeVm {
        vm: vm.clone(),
        flavor: "large".into(),
    };
    lab.done(resize).await;
    let xml = lab.libvirt.domain_xml(vm.as_str(), false).unwrap();
    assert!(xml.contains("<memory unit='KiB'>98304</memory>"), "{xml}");
    assert!(
        xml.contains(">2</vcpu>") && xml.contains("flavor=\"large\""),
        "{xml}"
    );
    assert_eq!(lab.power(&vm).await, PowerState::Running);
    // the end
    let reserved = || {
        lab.libvirt
            .network_xml(&network)
            .unwrap()
            .contains("10.77.0.2' mac")
            || lab
                .libvirt
                .network_xml(&network)
                .unwrap()
                .contains("ip='10.77.0.2'")
    };
    assert!(reserved());
    lab.done(VimCall::DeleteVm(vm.clone())).await;
    assert_eq!(lab.look(&vm).await, None);
    assert_eq!(lab.volumes_of(&vm), 0);
    assert!(!reserved());
    lab.done(VimCall::DeleteVm(vm)).await;
    lab.done(VimCall::DeleteSubnet { id: subnet }).await;
    assert_eq!(
        lab.vim.find(find.clone()).await.unwrap().unwrap().subnets,
        []
    );
    lab.done(VimCall::DeleteNetwork {
        id: network.clone(),
    })
    .await;
    lab.done(VimCall::DeleteNetwork { id: network }).await;
    assert_eq!(lab.vim.find(find).await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redeploy_keeps_mac_and_address_and_a_taken_one_is_refused() {
    let lab = Lab::new("keep", &[]).await;
    let vm = lab.vm("a").await;
    let before = lab.look(&vm).await.unwrap().interfaces[0].clone();
    lab.done(VimCall::DeleteVm(vm)).await;
    let mut new = lab.new_vm("a", "default");
    new.token = CreateToken::new("keep_a_0_u.2");
    new.interfaces[0].mac_address = Some(before.mac_address.to_ascii_uppercase());
    new.interfaces[0].ip_address = Some(before.ip_address.clone());
    let vm = VmId::new(lab.done(VimCall::CreateVm(new)).await.unwrap());
    assert_eq!(lab.look(&vm).await.unwrap().interfaces[0], before);
    let mut other = lab.new_vm("b", "default");
    other.interfaces[0].ip_address = Some(before.ip_address.clone());
    let refused = lab.call(VimCall::CreateVm(other.clone())).await;
    assert!(
        matches!(&refused, Err(VimError::Refused(lines)) if lines[0].contains("in use")),
        "{refused:?}"
    );
    assert_eq!(
        lab.vim.find_by_token(other.token).await.unwrap(),
        [],
        "nothing of it is left"
    );
    lab.done(VimCall::DeleteVm(vm)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reboot_that_does_nothing_has_failed() {
    // libvirt's test hypervisor takes a reboot by the power button and tells of none: as a guest that ignores it.
    let lab = Lab::new(
        "silent",
        &[("hard_reboot", "agent acpi"), ("soft_reboot", "acpi")],
    )
    .await;
    let vm = lab.vm("a").await;
    let reboot = |hard| VimCall::RebootVm {
        vm: vm.clone(),
        hard,
    };
    assert_eq!(
        lab.outcome(reboot(true)).await,
        VimOpStatus::Failed(vec![
            "libvirt: reboot by acpi: accepted, but the guest did not reboot within 300 ms".into(),
            "libvirt: the guest's agent is not connected".into(),
        ])
    );
    assert!(matches!(
        lab.outcome(reboot(false)).await,
        VimOpStatus::Failed(_)
    ));
    assert_eq!(lab.power(&vm).await, PowerState::Running);
    lab.done(VimCall::DeleteVm(vm)).await;
    // with all ways it comes to a power cycle, and that is seen
    let lab = Lab::new("loud", &[]).await;
    let vm = lab.vm("a").await;
    let id = |xml: String| xml.split("id='").nth(1).map(|rest| rest[..2].to_owned());
    let before = id(lab.libvirt.domain_xml(vm.as_str(), false).unwrap());
    lab.done(VimCall::RebootVm {
        vm: vm.clone(),
        hard: false,
    })
    .await;
    assert_ne!(
        id(lab.libvirt.domain_xml(vm.as_str(), false).unwrap()),
        before
    );
    // one that libvirt refuses has failed too
    lab.wire.fail(
        "destroy",
        FaultKind::Refused,
        "Failed to terminate process 7 with SIGKILL",
    );
    let hard = VimCall::RebootVm {
        vm: vm.clone(),
        hard: true,
    };
    assert_eq!(
        lab.outcome(hard).await,
        VimOpStatus::Failed(vec![
            "libvirt: Failed to terminate process 7 with SIGKILL".into()
        ])
    );
    lab.wire.heal();
    lab.done(VimCall::DeleteVm(vm)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_connection_is_no_answer_and_comes_back() {
    let mut lab = Lab::new("lost", &[]).await;
    let vm = lab.vm("a").await;
    lab.wire.cut();
    // libvirt tells of the end from inside: a connection closed right there would wait for itself
    let here = std::thread::current().id();
    let closed_by = || lab.wire.closed_by.lock().unwrap().clone();
    while closed_by().is_empty() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(!closed_by().contains(&here));
    let down = lab.vim.describe(vm.clone()).await;
    assert!(matches!(down, Err(VimError::Down(_))), "{down:?}");
    let opened = lab.wire.opened.load(Ordering::SeqCst);
    for _ in 0..20 {
        let down = lab.call(VimCall::StopVm(vm.clone())).await;
        assert!(matches!(down, Err(VimError::Down(_))), "{down:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let tried = lab.wire.opened.load(Ordering::SeqCst) - opened;
    assert!(
        (1..=3).contains(&tried),
        "at most once a second, not {tried} times in two"
    );
    lab.wire.mend();
    lab.next_attempt().await;
    assert_eq!(lab.power(&vm).await, PowerState::Running);
    // an operation under way: nobody knows, and looking tells
    lab.wire
        .fail("start", FaultKind::Lost, "End of file while reading data");
    lab.libvirt.destroy(vm.as_str()).unwrap();
    let accepted = lab.call(VimCall::StartVm(vm.clone())).await.unwrap();
    assert_eq!(lab.end(&accepted).await, VimOpStatus::Unknown);
    lab.wire.heal();
    lab.next_attempt().await;
    assert_eq!(lab.power(&vm).await, PowerState::Stopped);
    lab.done(VimCall::StartVm(vm.clone())).await;
    // a create whose answer is lost is found by its token
    let new = lab.new_vm("b", "default");
    lab.wire
        .fail("reserve", FaultKind::Lost, "End of file while reading data");
    let lost = lab.call(VimCall::CreateVm(new.clone())).await;
    assert!(matches!(lost, Err(VimError::Unknown(_))), "{lost:?}");
    lab.wire.heal();
    lab.next_attempt().await;
    let found = lab.vim.find_by_token(new.token.clone()).await.unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].power, PowerState::Deleting);
    assert_eq!(found[0].messages[0], "libvirt: its making was not finished");
    lab.nothing_carries(&new.token).await;
    // a restart forgets operations and nothing else
    lab.restart();
    assert_eq!(
        lab.vim.status(accepted.op).await.unwrap(),
        VimOpStatus::Unknown
    );
    assert_eq!(lab.power(&vm).await, PowerState::Running);
    assert!(
        lab.vim
            .find(Find::Flavor("small".into()))
            .await
            .unwrap()
            .is_some()
    );
    lab.done(VimCall::DeleteVm(vm)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_process_began_to_make_is_cleared_and_what_this_one_failed_to_make_is_shown() {
    let mut lab = Lab::new("begun", &[]).await;
    let new = lab.new_vm("a", "default");
    lab.wire
        .fail("start", FaultKind::Lost, "End of file while reading data");
    let accepted = lab.call(VimCall::CreateVm(new.clone())).await.unwrap();
    assert_eq!(lab.end(&accepted).await, VimOpStatus::Unknown);
    lab.wire.heal();
    lab.next_attempt().await;
    let vm = accepted.id.map(VmId::new).unwrap();
    assert_eq!(lab.power(&vm).await, PowerState::Error);
    assert_eq!(lab.volumes_of(&vm), 1);
    lab.restart();
    assert_eq!(lab.power(&vm).await, PowerState::Deleting);
    lab.nothing_carries(&new.token).await;
    assert_eq!(lab.vim.describe(vm.clone()).await.unwrap(), None);
    assert_eq!(lab.volumes_of(&vm), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_libvirt_is_no_proof_of_anything() {
    let mut lab = Lab::new("other", &[]).await;
    let vm = lab.vm("a").await;
    // the URI is made to lead elsewhere: there the VM is not, and that proves nothing
    let book = lab.folder.path().join("records.json");
    let text = std::fs::read_to_string(&book).unwrap();
    let pool = text.split("\"pool\":\"").nth(1).unwrap()[..36].to_owned();
    drop(std::mem::replace(
        &mut lab.vim,
        driver(
            "elsewhere",
            &[],
            &lab.wire,
            tempfile::tempdir().unwrap().path(),
        ),
    ));
    std::fs::write(
        &book,
        text.replace(&pool, "00000000-1111-2222-3333-444444444444"),
    )
    .unwrap();
    lab.restart();
    let looked = lab.vim.describe(vm.clone()).await;
    assert!(
        matches!(&looked, Err(VimError::Down(line)) if line.contains("another libvirt")),
        "{looked:?}"
    );
    assert!(matches!(
        lab.call(VimCall::DeleteVm(vm.clone())).await,
        Err(VimError::Down(_))
    ));
    drop(std::mem::replace(
        &mut lab.vim,
        driver(
            "elsewhere",
            &[],
            &lab.wire,
            tempfile::tempdir().unwrap().path(),
        ),
    ));
    std::fs::write(&book, text).unwrap();
    lab.restart();
    assert_eq!(lab.power(&vm).await, PowerState::Running);
    lab.done(VimCall::DeleteVm(vm)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ping_of_the_agent_tells_three_answers() {
    let lab = Lab::new("ping", &[]).await;
    let vm = lab.vm("a").await;
    let ping = async || {
        let target = ProbeTarget {
            collector: COLLECTOR.to_owned(),
            vim: "ping".to_owned(),
            vm_id: vm.clone(),
            address: None,
            timeout: Duration::from_secs(1),
        };
        lab.vim.probe(target).await
    };
    assert!(lab.vim.answers(COLLECTOR) && !lab.vim.answers("ICMPPing"));
    // the test hypervisor has no agents: nobody can tell
    assert_eq!(ping().await, Verdict::CannotTell);
    for (kind, verdict) in [
        (FaultKind::Agent, Verdict::NoAnswer),
        (FaultKind::NotNow, Verdict::NoAnswer),
        (FaultKind::NotFound, Verdict::NoAnswer),
        (FaultKind::Refused, Verdict::CannotTell),
        (FaultKind::Lost, Verdict::CannotTell),
    ] {
        lab.wire.fail("agent_ping", kind, "injected");
        assert_eq!(ping().await, verdict, "{kind:?}");
    }
    lab.wire.cut();
    assert_eq!(ping().await, Verdict::CannotTell);
    lab.wire.mend();
    lab.wire.heal();
    lab.next_attempt().await;
    lab.done(VimCall::DeleteVm(vm)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_libvirt_that_hangs_holds_nobody_for_ever() {
    let lab = Lab::new("hang", &[]).await;
    let vm = lab.vm("a").await;
    lab.wire.hangs.store(true, Ordering::SeqCst);
    let looked = tokio::time::timeout(Duration::from_secs(20), lab.vim.describe(vm.clone())).await;
    // once for the call, once more for a new connection
    let why = looked.unwrap().unwrap_err().to_string();
    assert!(why.contains("no answer within 2000 ms"), "{why}");
    lab.wire.hangs.store(false, Ordering::SeqCst);
    lab.next_attempt().await;
    assert_eq!(lab.power(&vm).await, PowerState::Running);
    lab.done(VimCall::DeleteVm(vm)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_create_that_fails_is_told_and_removed() {
    let lab = Lab::new("fail", &[]).await;
    lab.wire.fail(
        "start",
        FaultKind::Refused,
        "process exited while connecting to monitor",
    );
    let accepted = lab
        .call(VimCall::CreateVm(lab.new_vm("a", "default")))
        .await
        .unwrap();
    assert_eq!(
        lab.end(&accepted).await,
        VimOpStatus::Failed(vec![
            "libvirt: process exited while connecting to monitor".into()
        ])
    );
    let vm = VmId::new(accepted.id.unwrap());
    assert_eq!(lab.power(&vm).await, PowerState::Error);
    lab.wire.heal();
    // a volume that cannot be removed keeps nobody, and is tried again
    lab.wire
        .fail("delete_volume", FaultKind::Refused, "Permission denied");
    lab.done(VimCall::DeleteVm(vm.clone())).await;
    assert_eq!(lab.look(&vm).await, None);
    let left = || {
        let all = lab.libvirt.volumes(POOL).unwrap();
        all.iter().any(|name| name.contains(vm.as_str()))
    };
    assert!(left());
    lab.wire.heal();
    let other = lab.vm("b").await;
    lab.done(VimCall::DeleteVm(other)).await;
    assert!(!left());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_done_is_refused_in_words() {
    let lab = Lab::new("words", &[]).await;
    let refused = async |call: VimCall| match lab.call(call).await {
        Err(VimError::Refused(lines)) => lines.join("; "),
        other => panic!("{other:?}"),
    };
    let vm = |change: fn(&mut CreateVm)| {
        let mut new = lab.new_vm("x", "default");
        change(&mut new);
        VimCall::CreateVm(new)
    };
    let image = "libvirt: image [none] not found in pool [default-pool]";
    assert_eq!(refused(vm(|new| new.image = "none".into())).await, image);
    let flavor = "libvirt: flavor [none] not found";
    assert_eq!(refused(vm(|new| new.flavor = "none".into())).await, flavor);
    let network = "libvirt: network [none] not found";
    assert_eq!(
        refused(vm(|new| new.interfaces[0].network = "none".into())).await,
        network
    );
    let stop = VimCall::StopVm(VmId::new("11111111-2222-3333-4444-000000000000"));
    assert!(refused(stop).await.contains("Domain not found"));
    let vlan = NetworkSpec {
        name: "v".into(),
        shared: false,
        admin_state: true,
        vlan_id: Some(7),
        subnets: Vec::new(),
    };
    let vlan = VimCall::CreateNetwork {
        tenant: None,
        token: None,
        spec: vlan,
    };
    assert!(refused(vlan).await.contains("vlan_bridge"));
    let spec = ImageSpec {
        name: "i".into(),
        src: Some("file:///etc/shadow".into()),
        ..ImageSpec::default()
    };
    let VimOpStatus::Failed(lines) = lab.outcome(VimCall::CreateImage(spec)).await else {
        panic!();
    };
    assert!(lines[0].contains("property files"), "{lines:?}");
    assert_eq!(lab.vim.describe(VmId::new("nonsense")).await.unwrap(), None);
}
