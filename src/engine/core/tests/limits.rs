//! A limit is for a VIM that answers: what counts against it, and that it ends.

use super::sim::*;
use crate::model::deployment::*;
use std::time::Duration;

const STEP: Duration = Duration::from_secs(60);
const OUTAGE: Duration = Duration::from_secs(600);
const HALF: Duration = Duration::from_millis(500);

/// A deployment that is alive, whose VM has just failed.
fn failed(action: ActionOnRecovery, faults: &[(&'static str, Fault)]) -> Sim {
    let mut one = group("g1");
    one.recovery.action = action;
    let mut sim = Sim::new();
    sim.desire(deployment(vec![one])).secs(30);
    for (kind, fault) in faults {
        sim.fault(kind, fault.clone());
    }
    sim.told();
    sim.kill(0);
    while sim.events.is_empty() {
        assert!(sim.step());
    }
    sim
}

fn calls(sim: &Sim, kind: &str) -> usize {
    let kind = format!(" {kind} ");
    sim.vim.log.iter().filter(|it| it.contains(&kind)).count()
}

const REBOOTED: [&str; 3] = ["VmRecoveryInit", "VmRecoveryReboot", "VmRecoveryComplete"];
const REPLACED: [&str; 4] = [
    "VmRecoveryInit",
    "VmRecoveryUndeployed",
    "VmRecoveryDeployed",
    "VmRecoveryComplete",
];

#[test]
fn a_reboot_that_waits_for_a_vim_is_no_failed_one_whenever_the_vim_comes_back() {
    for halves in 80..150 {
        let mut sim = failed(
            ActionOnRecovery::RebootThenRedeploy,
            &[("reboot", Fault::Slow(Duration::from_secs(10)))],
        );
        sim.vim.down_until = sim.now + HALF * halves;
        sim.secs(120).expect(&REBOOTED);
        assert_eq!((calls(&sim, "reboot"), calls(&sim, "create")), (1, 1));
    }
}

#[test]
fn an_outage_while_a_reboot_is_under_way_does_not_count() {
    for start in [0, 1, 2, 5, 20, 39] {
        for length in [1, 2, 8, 12, 30, 59, 61, 200] {
            let mut sim = failed(
                ActionOnRecovery::RebootThenRedeploy,
                &[("reboot", Fault::Slow(Duration::from_secs(45)))],
            );
            let from = sim.now + Duration::from_secs(start) + HALF;
            sim.vim.outages = vec![(from, from + Duration::from_secs(length))];
            sim.secs(start + length + 120).expect(&REBOOTED);
            assert_eq!(calls(&sim, "create"), 1, "{start} {length}");
        }
    }
}

#[test]
fn an_old_vm_is_given_its_time_to_be_gone_after_an_outage() {
    for halves in (80..150).step_by(3) {
        let mut sim = failed(
            ActionOnRecovery::RedeployOnly,
            &[("delete", Fault::Slow(Duration::from_secs(20)))],
        );
        sim.vim.down_until = sim.now + HALF * halves;
        sim.secs(150).expect(&REPLACED);
    }
}

#[test]
fn time_in_which_we_did_not_run_does_not_count() {
    for seconds in [1, 30, 59, 61, 3600] {
        let mut sim = failed(
            ActionOnRecovery::RebootThenRedeploy,
            &[("reboot", Fault::Slow(Duration::from_secs(5)))],
        );
        sim.secs(1);
        assert_eq!(calls(&sim, "reboot"), 1);
        sim.crash_for(Duration::from_secs(seconds));
        sim.secs(90).expect(&REBOOTED);
        assert_eq!(calls(&sim, "create"), 1, "{seconds}");
    }
}

#[test]
fn what_an_outage_took_is_known_after_a_restart() {
    for (before, away, after) in [(50, 1, 5), (50, 1, 50), (5, 50, 5), (30, 300, 50)] {
        let secs = Duration::from_secs;
        let mut sim = failed(
            ActionOnRecovery::RebootThenRedeploy,
            &[("reboot", Fault::Slow(secs(30)))],
        );
        let whole = secs(before + away + after);
        sim.vim.down_until = sim.now + whole;
        sim.run(secs(before));
        sim.crash_for(secs(away));
        sim.secs(after + 120).expect(&REBOOTED);
        assert_eq!(calls(&sim, "create"), 1, "{before} {away} {after}");
    }
}

#[test]
fn a_vim_that_stays_down_is_given_up() {
    let mut sim = failed(ActionOnRecovery::RebootOnly, &[]);
    sim.vim.down_until = Duration::MAX;
    let most = STEP + OUTAGE;
    sim.run(most - Duration::from_secs(10));
    sim.expect(&["VmRecoveryInit"]);
    // The reboots that the policy allows are as long each.
    sim.run(most * 4);
    let told = sim.told();
    assert!(told.contains(&"VmRecoveryReboot!".to_owned()), "{told:?}");
    assert!(told.contains(&"VmRecoveryComplete!".to_owned()), "{told:?}");
    assert!(sim.core.is_idle());
}

#[test]
fn a_vim_that_comes_and_goes_is_given_up() {
    for (down, up) in [(1, 1), (5, 2), (30, 3), (1, 20)] {
        let never = Fault::Slow(Duration::from_secs(1_000_000));
        let mut sim = failed(ActionOnRecovery::RebootThenRedeploy, &[("reboot", never)]);
        let secs = Duration::from_secs;
        let began = sim.now;
        let starts = (0..2000).map(|n| began + secs((down + up) * n));
        sim.vim.outages = starts.map(|from| (from, from + secs(down))).collect();
        sim.run(STEP + OUTAGE + secs(30));
        let told = sim.told();
        assert_eq!(told.get(1).map(String::as_str), Some("VmRecoveryReboot!"));
    }
}

#[test]
fn a_limit_is_as_long_as_it_says_while_the_vim_answers() {
    let never = Fault::Slow(Duration::from_secs(1_000_000));
    let mut sim = failed(ActionOnRecovery::RebootThenRedeploy, &[("reboot", never)]);
    sim.run(STEP - HALF);
    sim.expect(&["VmRecoveryInit"]);
    sim.run(HALF * 2);
    let told = sim.told();
    assert_eq!(told.first().map(String::as_str), Some("VmRecoveryReboot!"));
}

#[test]
fn a_look_up_of_a_vim_that_stays_down_ends() {
    let mut sim = Sim::new();
    sim.vim.down_until = Duration::MAX;
    sim.desire(deployment(vec![group("g1")]));
    sim.run((STEP + OUTAGE) * 3);
    let told = sim.told();
    assert!(told.iter().any(|it| it.ends_with('!')), "{told:?}");
    assert!(sim.core.is_idle());
}
