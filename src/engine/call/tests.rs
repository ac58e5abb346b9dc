//! The two clocks of a call: whatever the VIM does, a call gets its time, and ends.

use proptest::prelude::*;

use super::*;
use crate::model::vim::VimOpRef;

const LIMIT: Duration = Duration::from_secs(60);
const OUTAGE: Duration = Duration::from_secs(600);

/// A reboot under way, its timer, and time.
struct Run {
    intent: Intent,
    settings: Settings,
    now: Mono,
    due: Option<Mono>,
    /// How long it ran after an answer.
    answered: Duration,
    ended: Option<Outcome>,
}

impl Run {
    fn new() -> Self {
        let mut intent = Intent::new(IntentId("i".to_owned()), "v", Goal::Rebooted, Some(LIMIT));
        intent.target = Some("vm".to_owned());
        let mut run = Self {
            intent,
            settings: Settings {
                outage_timeout_ms: OUTAGE.as_millis() as u64,
                ..Settings::default()
            },
            now: Duration::from_secs(1000),
            due: None,
            answered: Duration::ZERO,
            ended: None,
        };
        run.input(CallInput::Begin);
        run.input(CallInput::Granted);
        run.input(CallInput::Accepted(Accepted {
            op: VimOpRef {
                vim: "v".to_owned(),
                id: "1".to_owned(),
                about: String::new(),
            },
            id: None,
        }));
        assert_eq!(run.intent.phase, Phase::Tracking);
        run
    }

    fn input(&mut self, input: CallInput) {
        let limit_left = self
            .due
            .map_or(Duration::ZERO, |due| due.saturating_sub(self.now));
        let env = CallEnv {
            settings: &self.settings,
            mono: self.now,
            jitter: 0,
            landing_bound: Duration::ZERO,
            limit_left,
        };
        let (acts, outcome) = self.intent.step(input, &env);
        for act in acts {
            match act {
                CallAct::Arm(TimerKind::Limit, after) => self.due = Some(self.now + after),
                CallAct::Disarm(TimerKind::Limit) => self.due = None,
                _ => {}
            }
        }
        self.ended = outcome;
    }

    fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while self.ended.is_none() && self.now < end {
            let next = self.due.map_or(end, |due| due.min(end));
            if !self.intent.down {
                self.answered += next - self.now;
            }
            self.now = next;
            if self.due == Some(next) {
                self.due = None;
                self.input(CallInput::LimitOver);
            }
        }
    }

    fn silent(&mut self, time: Duration) {
        self.input(CallInput::Silent);
        self.pass(time);
    }

    fn answers(&mut self, time: Duration) {
        self.input(CallInput::Status(VimOpStatus::Running));
        self.input(CallInput::PauseOver);
        self.pass(time);
    }

    /// The process is away.
    fn restart(&mut self, away: Duration) {
        let row = serde_json::to_vec(&self.intent).unwrap();
        self.intent = serde_json::from_slice(&row).unwrap();
        self.due = self.due.map(|due| due.saturating_sub(away).max(self.now));
        self.input(CallInput::Restart);
    }

    fn code(&self) -> &str {
        match &self.ended {
            Some(Outcome::Failed { reason, .. }) => &reason.code,
            other => panic!("{other:?}"),
        }
    }
}

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn silence_does_not_count_and_gives_back_what_was_used_before_it() {
    let mut run = Run::new();
    run.pass(secs(55));
    run.silent(secs(300));
    run.answers(LIMIT - secs(1));
    assert_eq!(run.ended, None);
    run.pass(secs(1));
    assert_eq!(run.code(), "timeout");

    // No more than it took.
    let mut run = Run::new();
    run.pass(secs(55));
    run.silent(secs(10));
    run.answers(secs(14));
    assert_eq!(run.ended, None);
    run.pass(secs(1));
    assert_eq!(run.code(), "timeout");
}

#[test]
fn silence_without_end_is_over_with_the_limit_and_the_patience() {
    let mut run = Run::new();
    run.pass(secs(20));
    run.silent(OUTAGE + secs(39));
    assert_eq!(run.ended, None);
    run.pass(secs(1));
    assert_eq!(run.code(), "vim-down");
}

#[test]
fn without_patience_silence_counts() {
    let mut run = Run::new();
    run.settings.outage_timeout_ms = 0;
    run.pass(secs(20));
    run.silent(secs(39));
    assert_eq!(run.ended, None);
    run.pass(secs(1));
    assert_eq!(run.code(), "vim-down");
}

#[test]
fn a_limit_does_not_end_a_call_while_a_question_is_out() {
    let asked = || {
        let mut run = Run::new();
        run.input(CallInput::Status(VimOpStatus::Succeeded));
        assert_eq!(run.intent.phase, Phase::Looking(Record::Succeeded));
        run.pass(LIMIT + secs(40));
        assert_eq!(run.ended, None);
        run
    };
    // Answered, and not done.
    let mut run = asked();
    run.input(CallInput::Described(Err(VimError::Unknown("?".to_owned()))));
    run.pass(secs(1));
    assert_eq!(run.code(), "timeout");
    // The VIM turns out to be silent: 100 s of it.
    let mut run = asked();
    run.input(CallInput::Described(Err(VimError::Down("no".to_owned()))));
    run.pass(secs(60));
    run.input(CallInput::PauseOver);
    run.input(CallInput::Described(Err(VimError::Unknown("?".to_owned()))));
    run.pass(LIMIT - secs(1));
    assert_eq!(run.ended, None);
    run.pass(secs(1));
    assert_eq!(run.code(), "timeout");
    // Never answered.
    let mut run = asked();
    run.pass(OUTAGE);
    assert_eq!(run.code(), "timeout");
}

#[test]
fn an_intent_of_an_earlier_version_is_read() {
    let mut run = Run::new();
    run.pass(secs(30));
    let mut row = serde_json::to_value(&run.intent).unwrap();
    let fields = row.as_object_mut().unwrap();
    fields.remove("held");
    fields.remove("patience");
    fields.insert("stretched".to_owned(), true.into());
    fields.insert("down".to_owned(), true.into());
    run.intent = serde_json::from_value(row).unwrap();
    run.due = None;
    run.input(CallInput::Restart);
    run.silent(secs(100));
    run.answers(LIMIT - secs(1));
    assert_eq!(run.ended, None);
}

#[derive(Clone, Debug)]
enum Move {
    Answers(u64),
    Silent(u64),
    Restart(u64),
}

fn moves() -> impl Strategy<Value = Move> {
    let ms = || prop_oneof![0..500u64, 0..20_000u64, 0..200_000u64];
    prop_oneof![
        4 => ms().prop_map(Move::Answers),
        4 => ms().prop_map(Move::Silent),
        1 => ms().prop_map(Move::Restart),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_a_vim_does_a_call_gets_its_time_and_ends(
        moves in prop::collection::vec(moves(), 0..60),
        silent_at_the_end in any::<bool>(),
    ) {
        let mut run = Run::new();
        let began = run.now;
        for one in moves {
            if run.ended.is_some() {
                break;
            }
            match one {
                Move::Answers(ms) => run.answers(Duration::from_millis(ms)),
                Move::Silent(ms) => run.silent(Duration::from_millis(ms)),
                Move::Restart(ms) => run.restart(Duration::from_millis(ms)),
            }
        }
        if run.ended.is_none() {
            match silent_at_the_end {
                true => run.silent(LIMIT + OUTAGE),
                false => run.answers(LIMIT + OUTAGE),
            }
        }
        prop_assert!(run.ended.is_some(), "{:?}", run.intent);
        prop_assert!(run.now - began <= LIMIT + OUTAGE);
        let spent = run.intent.patience == Some(Duration::ZERO);
        prop_assert!(spent || run.answered >= LIMIT, "{:?} {:?}", run.answered, run.intent);
    }
}
