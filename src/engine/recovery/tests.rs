//! The whole table, cell by cell: printed, and compared with the reviewed copy beside this file.

use std::fmt::Write;

use super::*;
use crate::model::deployment::{ActionOnRecovery, RecoveryPolicy, RecoveryType};

fn facts(action: ActionOnRecovery, max_retries: Option<u32>) -> Facts {
    Facts {
        policy: RecoveryPolicy {
            recovery_type: RecoveryType::Auto,
            action,
            max_retries,
        },
        recovers: true,
        at_once: false,
        exists: true,
        watched: true,
        quiet: false,
        kill_switch: false,
    }
}

/// Name and facts of every column group: each differs from the first in one thing.
fn cases() -> Vec<(&'static str, Facts)> {
    let base = facts(ActionOnRecovery::RebootThenRedeploy, Some(2));
    let mut manual = base;
    manual.policy.recovery_type = RecoveryType::Manual;
    vec![
        ("AUTO, REBOOT_THEN_REDEPLOY, max_retries 2", base),
        (
            "no retry left: max_retries 1",
            facts(ActionOnRecovery::RebootThenRedeploy, Some(1)),
        ),
        (
            "max_retries 0",
            facts(ActionOnRecovery::RebootThenRedeploy, Some(0)),
        ),
        (
            "max_retries -1",
            facts(ActionOnRecovery::RebootThenRedeploy, None),
        ),
        ("REBOOT_ONLY", facts(ActionOnRecovery::RebootOnly, Some(2))),
        (
            "REDEPLOY_ONLY",
            facts(ActionOnRecovery::RedeployOnly, Some(2)),
        ),
        (
            "recovery_wait_time 0",
            Facts {
                at_once: true,
                ..base
            },
        ),
        ("MANUAL", manual),
        (
            "MANUAL, recovery_wait_time 0",
            Facts {
                at_once: true,
                ..manual
            },
        ),
        (
            "no rule asks for recovery",
            Facts {
                recovers: false,
                ..base
            },
        ),
        (
            "kill switch on",
            Facts {
                kill_switch: true,
                ..base
            },
        ),
        (
            "quiet time",
            Facts {
                quiet: true,
                ..base
            },
        ),
        (
            "no VM in the VIM",
            Facts {
                exists: false,
                ..base
            },
        ),
        (
            "not watched",
            Facts {
                watched: false,
                ..base
            },
        ),
    ]
}

fn table() -> String {
    let mut text = String::from(
        "# state + input -> next state: acts      (a cell not listed says nothing new)\n",
    );
    let mut first: Vec<(RecoveryState, Vec<Act>)> = Vec::new();
    for (at, (name, facts)) in cases().into_iter().enumerate() {
        let _ = writeln!(text, "\n## {name}");
        let mut cell = 0;
        for state in RecoveryState::ALL {
            for input in RecoveryInput::ALL {
                let (next, acts) = step(state, input, &facts);
                let said = next != state || !acts.is_empty();
                let news = match at {
                    0 => true,
                    _ => first[cell] != (next, acts.clone()),
                };
                if at == 0 {
                    first.push((next, acts.clone()));
                }
                if said && news {
                    let _ = writeln!(text, "{state:?} + {input:?} -> {next:?}: {acts:?}");
                }
                cell += 1;
            }
        }
        assert_eq!(cell, RecoveryState::ALL.len() * RecoveryInput::ALL.len());
    }
    text
}

#[test]
fn the_table_is_the_reviewed_one() {
    let table = table();
    print!("{table}");
    if std::env::var_os("UPDATE_TABLES").is_some() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/engine/recovery/table.txt");
        std::fs::write(path, &table).unwrap();
    }
    assert_eq!(
        table,
        include_str!("table.txt"),
        "UPDATE_TABLES=1 writes it anew"
    );
}

fn all_facts() -> Vec<Facts> {
    let mut all = Vec::new();
    for action in [
        ActionOnRecovery::RebootThenRedeploy,
        ActionOnRecovery::RebootOnly,
        ActionOnRecovery::RedeployOnly,
    ] {
        for max_retries in [Some(0), Some(1), Some(3), None] {
            for bits in 0..128_u8 {
                let bit = |n: u8| bits & (1 << n) != 0;
                let mut facts = facts(action, max_retries);
                if bit(0) {
                    facts.policy.recovery_type = RecoveryType::Manual;
                }
                facts.recovers = bit(1);
                facts.at_once = bit(2);
                facts.exists = bit(3);
                facts.watched = bit(4);
                facts.quiet = bit(5);
                facts.kill_switch = bit(6);
                all.push(facts);
            }
        }
    }
    all
}

fn every_cell(mut check: impl FnMut(RecoveryState, RecoveryInput, &Facts, RecoveryState, &[Act])) {
    for facts in all_facts() {
        for state in RecoveryState::ALL {
            for input in RecoveryInput::ALL {
                let (next, acts) = step(state, input, &facts);
                check(state, input, &facts, next, &acts);
            }
        }
    }
}

#[test]
fn an_end_is_told_exactly_when_one_is_owed() {
    use Act as A;
    every_cell(|state, input, _, next, acts| {
        let begins = acts.iter().filter(|act| matches!(act, A::Init(_))).count();
        let ends = acts
            .iter()
            .filter(|act| {
                matches!(
                    act,
                    A::Recovered | A::RecoveryFailed | A::Interrupted | A::Cancelled
                )
            })
            .count();
        let owed = usize::from(state.owes_an_end()) + begins;
        let owes = usize::from(next.owes_an_end());
        let by_hand = matches!(
            state,
            RecoveryState::ManualWaiting | RecoveryState::ManualNeeded | RecoveryState::Suppressed
        );
        if by_hand && begins == 0 {
            // A person was, or would have been, asked: it may be cancelled without INIT.
            assert!(ends <= 1 && owes == 0, "{state:?} {input:?} {acts:?}");
        } else {
            assert_eq!(owed, owes + ends, "{state:?} {input:?} {acts:?}");
        }
    });
}

#[test]
fn no_replacement_before_the_old_vm_is_gone() {
    every_cell(|state, input, _, next, acts| {
        let deploys = acts.contains(&Act::Deploy);
        let proven =
            matches!(state, RecoveryState::Undeploying(_)) && input == RecoveryInput::StepDone;
        assert_eq!(deploys, proven, "{state:?} {input:?}");
        assert_eq!(
            deploys,
            matches!(next, RecoveryState::Deploying(_)) && next != state
        );
    });
}

#[test]
fn every_busy_state_has_a_way_on() {
    for facts in all_facts() {
        for state in RecoveryState::ALL
            .into_iter()
            .filter(|state| state.is_busy())
        {
            let waits_for = [
                RecoveryInput::BootExpired,
                RecoveryInput::WaitExpired,
                RecoveryInput::QuietOver,
                RecoveryInput::Granted,
                RecoveryInput::StepUnknown,
            ];
            let mut moves = waits_for
                .into_iter()
                .map(|input| step(state, input, &facts).0);
            assert!(
                moves.any(|next| next != state) || state == RecoveryState::Quiet,
                "{state:?}"
            );
            // An undeploy is let through, or waits for the step.
            let (next, _) = step(state, RecoveryInput::Preempt, &facts);
            assert!(matches!(next, RecoveryState::Idle | RecoveryState::Leaving));
        }
    }
}

#[test]
fn nothing_new_begins_by_itself_against_kill_switch_quiet_time_or_rule() {
    every_cell(|state, input, facts, _, acts| {
        let held = facts.kill_switch || facts.quiet || !facts.recovers;
        if held && input != RecoveryInput::Do {
            let begins = acts.iter().any(|act| matches!(act, Act::Init(_)));
            assert!(!begins, "{state:?} {input:?} {facts:?}");
        }
    });
}

#[test]
fn retries_count_redeploys_only() {
    for max in 0..4 {
        let facts = facts(ActionOnRecovery::RebootThenRedeploy, Some(max));
        let (mut state, mut redeploys) = (RecoveryState::Queued, 0);
        for input in [RecoveryInput::Granted, RecoveryInput::StepFailed] {
            state = step(state, input, &facts).0;
        }
        while state != RecoveryState::Held {
            let input = match state {
                RecoveryState::DeployWait(_) => RecoveryInput::BootExpired,
                _ => RecoveryInput::StepDone,
            };
            redeploys += u32::from(matches!(state, RecoveryState::Deploying(_)));
            state = step(state, input, &facts).0;
        }
        assert_eq!(redeploys, max);
    }
}
