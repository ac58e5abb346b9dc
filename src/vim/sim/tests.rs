use super::*;
use crate::clock::{ManualClock, SystemClock, Timestamp};
use crate::cloudsim::Fault;
use crate::engine::port::{CreateVm, InterfaceRequest, PowerState};
use crate::ids::VmName;

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

fn create(name: &str) -> VimCall {
    VimCall::CreateVm(CreateVm {
        name: VmName::new(name),
        token: CreateToken::new(format!("token of {name}")),
        tenant: None,
        image: "cirros".into(),
        flavor: "m1.tiny".into(),
        interfaces: vec![InterfaceRequest {
            nicid: 0,
            network: "esc-net".into(),
            kind: "virtual".into(),
            ip_address: None,
            mac_address: None,
            port_id: None,
        }],
        volumes: Vec::new(),
        config_data: Vec::new(),
    })
}

fn manual() -> Arc<ManualClock> {
    Arc::new(ManualClock::new(Timestamp::from_micros(1_000_000_000)))
}

fn in_memory(clock: Arc<dyn Clock>) -> SimVim {
    SimVim::in_memory(
        "sim",
        Settings::default(),
        cloudsim::Settings::default(),
        clock,
    )
    .unwrap()
}

fn open(clock: Arc<dyn Clock>, file: &Path) -> SimVim {
    let settings = Settings {
        log_entries: 8,
        ..Settings::default()
    };
    SimVim::open("sim", settings, cloudsim::Settings::default(), clock, file).unwrap()
}

fn injection(fault: Fault, target: Target) -> Injection {
    Injection {
        target,
        fault,
        times: 1,
        messages: Vec::new(),
        duration: None,
    }
}

fn ping(vm: &VmId) -> ProbeTarget {
    ProbeTarget {
        collector: "ICMPPing".into(),
        vim: "sim".into(),
        vm_id: vm.clone(),
        address: Some("10.20.0.2".into()),
        timeout: ms(1000),
    }
}

fn issued(vim: &SimVim, call: VimCall) -> Accepted {
    let key = format!("{call:?}");
    vim.issue(call, key).unwrap()
}

fn vm_of(accepted: &Accepted) -> VmId {
    VmId::new(accepted.id.clone().unwrap())
}

#[tokio::test]
async fn status_waits_for_the_end_and_needs_no_polling() {
    let settings = Settings {
        long_poll_ms: 150,
        ..Settings::default()
    };
    let cloud = cloudsim::Settings {
        latency: cloudsim::Latency {
            create_ms: 40,
            boot_ms: 1,
            delete_ms: 40,
            ..Default::default()
        },
        ..Default::default()
    };
    let clock = Arc::new(SystemClock::new());
    let vim = SimVim::in_memory("sim", settings, cloud, clock.clone()).unwrap();
    let made = vim.call(create("a"), "k".into()).await.unwrap();
    assert_eq!(
        vim.status(made.op.clone()).await.unwrap(),
        VimOpStatus::Succeeded,
        "one inquiry is enough"
    );
    assert!(clock.mono() >= ms(40), "{:?}", clock.mono());
    let vm = vim.describe(vm_of(&made)).await.unwrap().unwrap();
    assert_eq!((vm.power, vm.name.as_str()), (PowerState::Running, "a"));
    tokio::time::sleep(ms(5)).await;
    assert_eq!(vim.probe(ping(&vm.id)).await, Verdict::Alive(0.4));
    // a hanging operation: the long poll ends
    vim.inject(injection(Fault::HostDown, Target::Vim)).unwrap();
    let delete = VimCall::DeleteVm(vm.id.clone());
    let op = vim.call(delete, "d".into()).await.unwrap().op;
    let before = clock.mono();
    assert_eq!(vim.status(op.clone()).await.unwrap(), VimOpStatus::Running);
    assert!(clock.mono() - before >= ms(150));
    // a change wakes it before
    let (status, ()) = tokio::join!(vim.status(op), async {
        tokio::time::sleep(ms(10)).await;
        vim.clear(None).unwrap();
    });
    assert_eq!(status.unwrap(), VimOpStatus::Succeeded);
    assert_eq!(vim.describe(vm.id).await.unwrap(), None);
    let foreign = VimOpRef {
        vim: "other".into(),
        id: made.op.id,
        about: String::new(),
    };
    assert_eq!(vim.status(foreign).await.unwrap(), VimOpStatus::Unknown);
}

#[tokio::test]
async fn refusals_losses_and_outages_keep_their_meaning() {
    let vim = in_memory(manual());
    let VimCall::CreateVm(mut new) = create("a") else {
        panic!();
    };
    new.image = "none".into();
    let no = vim.call(VimCall::CreateVm(new), "1".into()).await;
    assert_eq!(
        no,
        Err(VimError::Refused(vec![
            "VIM Driver: Image [none] not found".into()
        ]))
    );
    vim.inject(injection(Fault::ReplyLost, Target::Vim))
        .unwrap();
    assert!(matches!(
        vim.call(create("a"), "2".into()).await,
        Err(VimError::Unknown(_))
    ));
    assert_eq!(
        vim.find_by_token("token of a".into()).await.unwrap().len(),
        1
    );
    vim.inject(injection(Fault::ApiDown, Target::Vim)).unwrap();
    let find = vim.find(Find::Image("cirros".into()));
    assert!(matches!(find.await, Err(VimError::Down(_))));
    vim.clear(None).unwrap();
    let found = vim
        .find(Find::Flavor("m1.small".into()))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(found.name, "m1.small");
    assert_eq!(vim.landing_bound(), ms(5000));
    let unknown = injection(Fault::Crash, Target::Vm("nobody".into()));
    assert!(matches!(vim.inject(unknown), Err(SimError::Inject(_))));
}

#[test]
fn a_prober_that_cannot_ask_says_so() {
    let clock = manual();
    let vim = in_memory(clock.clone());
    let id = vm_of(&issued(&vim, create("a")));
    clock.advance(ms(700));
    let cases = [
        (ping(&id), Verdict::Alive(0.4)),
        (
            ProbeTarget {
                collector: "TCPConnect".into(),
                ..ping(&id)
            },
            Verdict::Alive(0.4),
        ),
        (
            ProbeTarget {
                collector: "SNMP".into(),
                ..ping(&id)
            },
            Verdict::CannotTell,
        ),
        (
            ProbeTarget {
                address: None,
                ..ping(&id)
            },
            // asked inside the simulator: no address is needed
            Verdict::Alive(0.4),
        ),
        (ping(&VmId::new("gone")), Verdict::NoAnswer),
    ];
    for (target, verdict) in cases {
        assert_eq!(vim.answer(&target), verdict, "{target:?}");
    }
    // the API has nothing to do with it
    vim.inject(injection(Fault::ApiDown, Target::Vim)).unwrap();
    assert_eq!(vim.answer(&ping(&id)), Verdict::Alive(0.4));
}

#[test]
fn a_cloud_outlives_its_process() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("cloudsim.json");
    let clock = manual();
    let vim = open(clock.clone(), &file);
    let a = vm_of(&issued(&vim, create("a")));
    clock.advance(ms(700));
    vim.inject(injection(Fault::RebootFails, Target::Vm("a".into())))
        .unwrap();
    vim.inject(injection(Fault::Crash, Target::Vm("a".into())))
        .unwrap();
    let b = issued(&vim, create("b"));
    clock.advance(ms(100));
    let before = vim.look(Cloud::clone);
    // no farewell: the process is killed, and another one starts 50 ms later with a clock of its own
    drop(vim);
    let later = Arc::new(ManualClock::new(clock.wall() + ms(50)));
    let vim = open(later.clone(), &file);
    let mut expected = before;
    expected.advance(expected.now() + ms(50));
    assert_eq!(vim.look(Cloud::clone), expected);
    assert_eq!(
        vim.look(|cloud| cloud.status(&b.op.id)).unwrap(),
        VimOpStatus::Running
    );
    later.advance(ms(50));
    assert_eq!(
        vim.look(|cloud| cloud.status(&b.op.id)).unwrap(),
        VimOpStatus::Succeeded
    );
    let reboot = issued(&vim, VimCall::RebootVm { vm: a, hard: true });
    later.advance(ms(500));
    let status = vim.look(|cloud| cloud.status(&reboot.op.id)).unwrap();
    assert!(
        matches!(status, VimOpStatus::Failed(_)),
        "the armed fault is still armed"
    );
}

#[test]
fn the_log_is_folded_and_old_logs_go() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("cloudsim.json");
    let clock = manual();
    let vim = open(clock.clone(), &file);
    for n in 0..30 {
        issued(&vim, create(&format!("vm-{n}")));
        clock.advance(ms(37));
    }
    let before = vim.look(Cloud::clone);
    let mut names: Vec<_> = std::fs::read_dir(dir.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, ["cloudsim.4.log", "cloudsim.json"]);
    drop(vim);
    assert_eq!(open(clock, &file).look(Cloud::clone), before);
}

#[test]
fn a_cut_last_line_is_dropped_and_damage_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("cloudsim.json");
    let log = dir.path().join("cloudsim.1.log");
    let clock = manual();
    let vim = open(clock.clone(), &file);
    issued(&vim, create("a"));
    issued(&vim, create("b"));
    drop(vim);
    let text = std::fs::read(&log).unwrap();
    let snapshot = std::fs::read(&file).unwrap();
    std::fs::write(&log, &text[..text.len() - 5]).unwrap();
    assert_eq!(
        open(clock.clone(), &file).look(|cloud| cloud.all_vms().count()),
        1
    );
    std::fs::write(&file, snapshot).unwrap();
    std::fs::write(&log, [b"{}\n", &text[..]].concat()).unwrap();
    let no = SimVim::open("sim", Settings::default(), Default::default(), clock, &file);
    assert!(matches!(
        no.err().unwrap(),
        SimError::Corrupt { line: 1, .. }
    ));
}

#[test]
fn a_wall_clock_set_back_does_not_turn_the_cloud_back() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("cloudsim.json");
    let clock = manual();
    let vim = open(clock.clone(), &file);
    clock.advance(ms(5000));
    issued(&vim, create("a"));
    drop(vim);
    clock.set_wall(Timestamp::from_micros(0));
    assert_eq!(open(clock, &file).look(Cloud::now), ms(5000));
}
