//! Random faults, alarms, edits and crashes: whatever happens, the promises hold.

use super::sim::*;
use crate::engine::io::Input;
use crate::model::action::*;
use crate::model::deployment::*;
use crate::model::event::*;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::time::Duration;

#[derive(Clone, Debug)]
enum Move {
    Fault(&'static str, Fault),
    Kill(u8),
    Revive(u8),
    Wait(u16),
    Crash,
    BatchFails(u8),
    Desire(u32, bool),
    Undeploy,
    Service(ActionType),
    OnVm(ActionType),
    ByHand(RecoveryActionType),
    KillSwitch(bool),
    Down(u16),
}

fn faults() -> impl Strategy<Value = Fault> {
    prop_oneof![
        Just(Fault::Refused("VIM Driver: refused")),
        Just(Fault::Fails(vec!["VIM Driver: failed"])),
        Just(Fault::FailsLeaving("VIM Driver: left")),
        Just(Fault::Dead),
        Just(Fault::Down),
        Just(Fault::ReplyLost(None)),
        // Lands within the bound.
        (0..4000u64).prop_map(|ms| Fault::ReplyLost(Some(Duration::from_millis(ms)))),
    ]
}

fn actions() -> impl Strategy<Value = ActionType> {
    prop_oneof![
        Just(ActionType::Start),
        Just(ActionType::Stop),
        Just(ActionType::Reboot),
        Just(ActionType::EnableMonitor),
        Just(ActionType::DisableMonitor),
    ]
}

fn moves() -> impl Strategy<Value = Move> {
    let kinds = prop_oneof![
        Just("create"),
        Just("delete"),
        Just("reboot"),
        Just("start"),
        Just("stop"),
        Just("create-network"),
        Just("delete-subnet"),
        Just("create-tenant"),
    ];
    prop_oneof![
        4 => (kinds, faults()).prop_map(|(kind, fault)| Move::Fault(kind, fault)),
        4 => any::<u8>().prop_map(Move::Kill),
        2 => any::<u8>().prop_map(Move::Revive),
        6 => (0..20_000u16).prop_map(Move::Wait),
        2 => Just(Move::Crash),
        2 => (0..6u8).prop_map(Move::BatchFails),
        2 => (0..4u32, any::<bool>()).prop_map(|(n, image)| Move::Desire(n, image)),
        1 => Just(Move::Undeploy),
        1 => actions().prop_map(Move::Service),
        1 => actions().prop_map(Move::OnVm),
        1 => prop_oneof![Just(RecoveryActionType::Do), Just(RecoveryActionType::Cancel)].prop_map(Move::ByHand),
        1 => any::<bool>().prop_map(Move::KillSwitch),
        1 => (0..30_000u16).prop_map(Move::Down),
    ]
}

fn shape(
    max_retries: Option<u32>,
    n: u32,
    other_image: bool,
    wait: bool,
    manual: bool,
) -> Deployment {
    let mut one = group("g1");
    one.min_active = n;
    one.recovery.max_retries = max_retries;
    one.recovery_wait = Duration::from_secs(if wait { 4 } else { 0 });
    if manual {
        one.recovery.recovery_type = RecoveryType::Manual;
    }
    if other_image {
        one.image = "img2".into();
    }
    one.interfaces[0].network = "eph".into();
    let mut dep = deployment(vec![one]);
    dep.networks = vec![network("eph")];
    dep
}

/// Per VM slot: INIT, then exactly one COMPLETE or CANCELLED; redeploys within the policy.
fn check_story(events: &[Event], max_retries: u32) {
    let mut open: BTreeMap<String, u32> = BTreeMap::new();
    for event in events {
        let Some(op) = event.op_id.clone().map(|id| id.to_string()) else {
            continue;
        };
        match event.kind {
            EventKind::VmRecoveryInit => {
                assert!(open.insert(op, 0).is_none());
            }
            EventKind::VmRecoveryDeployed => {
                let made = open.get_mut(&op).expect("deployed outside a recovery");
                *made += 1;
                assert!(*made <= max_retries);
            }
            EventKind::VmRecoveryReboot | EventKind::VmRecoveryUndeployed => {
                assert!(
                    open.contains_key(&op),
                    "{:?} outside a recovery",
                    event.kind
                );
            }
            EventKind::VmRecoveryComplete => {
                assert!(open.remove(&op).is_some(), "a COMPLETE without INIT");
            }
            EventKind::VmRecoveryCancelled => {
                open.remove(&op);
            }
            _ => {}
        }
    }
    assert!(open.is_empty(), "never ended: {open:?}");
}

fn play(retries: u32, wait: bool, manual: bool, jitter: u64, moves: Vec<Move>) {
    let mut sim = Sim::new();
    sim.jitter = jitter;
    sim.twice = jitter % 2 == 1;
    let retried = Some(retries);
    sim.desire(shape(retried, 2, false, wait, manual));
    let some_vm = |sim: &Sim, at: u8| {
        let record = sim.core.deployment(&key())?;
        let there: Vec<_> = (0..record.vms.len())
            .filter(|at| {
                record.vms[*at]
                    .vm_id
                    .as_ref()
                    .is_some_and(|id| sim.vim.vms.contains_key(id))
            })
            .collect();
        (!there.is_empty()).then(|| there[usize::from(at) % there.len()])
    };
    for one in moves {
        match one {
            Move::Fault(kind, fault) => {
                sim.fault(kind, fault);
            }
            Move::Kill(at) => {
                if let Some(at) = some_vm(&sim, at) {
                    sim.kill(at);
                }
            }
            Move::Revive(at) => {
                if let Some(at) = some_vm(&sim, at) {
                    sim.revive(at);
                }
            }
            Move::Wait(ms) => sim.run(Duration::from_millis(ms.into())),
            Move::Crash => sim.crash(),
            Move::BatchFails(after) => {
                sim.fail_at = Some(sim.transactions + 1 + usize::from(after))
            }
            Move::Desire(n, image) => {
                sim.desire(shape(retried, n, image, wait, manual));
            }
            Move::Undeploy => {
                sim.undeploy();
            }
            Move::Service(action) => {
                let _ = sim.service(action);
            }
            Move::OnVm(action) => {
                if some_vm(&sim, 0).is_some() {
                    let _ = sim.on_vm(action);
                }
            }
            Move::ByHand(action) => {
                if some_vm(&sim, 0).is_some() {
                    let _ = sim.by_hand(action);
                }
            }
            Move::KillSwitch(on) => sim.input(Input::KillSwitch { on }),
            Move::Down(ms) => sim.vim.down_until = sim.now + Duration::from_millis(ms.into()),
        }
    }
    // The faults end; so does everything that is under way.
    sim.vim.faults.clear();
    sim.secs(1200);
    assert!(
        sim.core.is_idle(),
        "stuck: {:#?}\n{:#?}",
        sim.core.deployment(&key()),
        sim.vim.log
    );
    check_story(&sim.events, retries);
    sim.input(Input::KillSwitch { on: false });
    sim.secs(300);
    sim.undeploy().secs(300);
    assert!(sim.core.deployment(&key()).is_none());
    assert!(
        sim.vim.vms.is_empty(),
        "left behind: {:#?} {:#?}",
        sim.vim.vms,
        sim.vim.log
    );
    check_story(&sim.events, retries);
    let terminal = sim
        .events
        .iter()
        .filter(|event| event.kind == EventKind::ServiceUndeployed)
        .count();
    assert!(terminal >= 1);
}

proptest! {
    #![proptest_config(ProptestConfig { max_shrink_iters: 3000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_the_promises_hold(
        retries in 0..3u32,
        wait in any::<bool>(),
        manual in any::<bool>(),
        jitter in any::<u64>(),
        moves in prop::collection::vec(moves(), 0..40),
    ) {
        play(retries, wait, manual, jitter, moves);
    }
}
