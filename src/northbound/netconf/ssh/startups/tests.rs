//! Who is let in and who must go, case by case.

use super::*;

fn source(n: u8) -> Prefix {
    Prefix::of([10, 0, 0, n].into(), 32)
}

/// One of a network of its own.
fn distant(n: u8) -> Prefix {
    Prefix::of([n, 0, 0, 1].into(), 32)
}

fn at(milliseconds: u64) -> Mono {
    Mono::from_millis(milliseconds)
}

fn table(begin: u32, full: u32) -> Startups {
    Startups::new(StartupSettings {
        begin,
        waiting_per_source: 2,
        waiting: 3,
        full,
        patience_milliseconds: 500,
        ..StartupSettings::default()
    })
}

/// Arrives without having said anything.
fn arrive(startups: &mut Startups, id: u64, source: Prefix, roll: u32, now: u64) -> Verdict {
    let signs = Arc::new(Signs::at(at(now)));
    startups.arrive((id, signs), source, roll, at(now))
}

#[test]
fn a_source_has_at_most_its_share_of_pending_logins_and_the_next_ones_wait_their_turn() {
    let mut startups = table(10, 100);
    for id in 0..5 {
        assert_eq!(arrive(&mut startups, id, source(1), 99, 0), Verdict::Admit);
    }
    assert_eq!(
        arrive(&mut startups, 5, source(1), 99, 0),
        Verdict::Wait(None)
    );
    assert_eq!(
        arrive(&mut startups, 6, source(1), 99, 0),
        Verdict::Wait(None)
    );
    assert_eq!(startups.leave(0, at(1)), Some(5), "in order of arrival");
    assert_eq!(startups.leave(6, at(1)), None, "one that waits may give up");
    assert_eq!(startups.leave(5, at(1)), None, "nobody waits any more");
    assert_eq!(arrive(&mut startups, 8, source(1), 99, 1), Verdict::Admit);
    assert_eq!(startups.total, 5);
}

#[test]
fn where_too_many_wait_the_one_that_has_waited_longest_goes() {
    let mut startups = table(100, 200);
    for id in 0..10 {
        arrive(&mut startups, id, source(id as u8 % 2), 99, 0);
    }
    let mut next = |id, of| arrive(&mut startups, id, of, 99, 0);
    assert_eq!(next(10, source(0)), Verdict::Wait(None));
    assert_eq!(next(11, source(0)), Verdict::Wait(None));
    assert_eq!(next(12, source(0)), Verdict::Wait(Some(10)), "of its own");
    assert_eq!(next(13, source(1)), Verdict::Wait(None));
    assert_eq!(
        next(14, source(1)),
        Verdict::Wait(Some(11)),
        "of the source with most"
    );
    assert_eq!(next(15, source(2)), Verdict::Admit);
    assert_eq!(startups.waiting.len(), 3);
}

#[test]
fn no_place_to_wait_is_a_refusal() {
    let mut startups = Startups::new(StartupSettings {
        per_source: 1,
        waiting: 0,
        ..StartupSettings::default()
    });
    assert_eq!(arrive(&mut startups, 0, source(1), 0, 0), Verdict::Admit);
    assert_eq!(arrive(&mut startups, 1, source(1), 0, 0), Verdict::Refuse);
}

/// A flood from where an honest client comes from too: what says nothing makes room.
#[test]
fn within_a_source_a_newcomer_takes_the_place_of_one_that_says_nothing() {
    let mut startups = table(10, 100);
    let signs: Vec<_> = (0..5).map(|_| Arc::new(Signs::at(at(0)))).collect();
    for (id, signs) in (0..).zip(&signs) {
        let one = (id, signs.clone());
        assert_eq!(startups.arrive(one, source(1), 0, at(0)), Verdict::Admit);
    }
    signs[0].heard(at(400));
    signs[1].checking(true);
    assert_eq!(
        arrive(&mut startups, 10, source(1), 0, 499),
        Verdict::Wait(None)
    );
    // Two has been silent for the longest that counts.
    assert_eq!(
        arrive(&mut startups, 11, source(1), 0, 600),
        Verdict::Displace(2)
    );
    // The one that waits asks again when its patience is over, and the newest has the turn.
    assert_eq!(arrive(&mut startups, 12, source(2), 0, 600), Verdict::Admit);
    startups.settings.patience_milliseconds = 10_000;
    assert_eq!(
        arrive(&mut startups, 13, source(1), 0, 900),
        Verdict::Wait(None)
    );
    assert_eq!(startups.press(10, at(900)), None);
    startups.settings.patience_milliseconds = 500;
    assert_eq!(
        startups.press(10, at(1_000)),
        Some(Turn {
            next: 13,
            cut: Some(3)
        })
    );
    assert_eq!(startups.press(13, at(1_000)), None, "it waits no more");
    assert_eq!(startups.total, 6);
}

/// One octet now and then is no progress.
#[test]
fn one_that_trickles_is_stale_in_the_end_and_one_that_is_checked_never() {
    let mut startups = table(10, 100);
    let (trickling, checked) = (Arc::new(Signs::at(at(0))), Arc::new(Signs::at(at(0))));
    startups.settings.per_source = 2;
    startups.arrive((0, checked.clone()), source(1), 0, at(0));
    startups.arrive((1, trickling.clone()), source(1), 0, at(0));
    checked.checking(true);
    for now in (0..10_000).step_by(100) {
        trickling.heard(at(now));
        assert_eq!(startups.stale_of(&source(1), at(now)), None, "{now}");
    }
    assert_eq!(startups.stale_of(&source(1), at(10_000)), Some(1));
    startups.remove(1);
    assert_eq!(startups.stale_of(&source(1), at(90_000)), None);
}

/// A client on a busy machine pauses between two messages; a stranger says nothing at all.
#[test]
fn one_that_has_said_something_is_given_longer() {
    let mut startups = table(10, 100);
    let slow = Arc::new(Signs::at(at(0)));
    startups.arrive((0, slow.clone()), source(1), 0, at(0));
    slow.heard(at(100));
    assert_eq!(startups.stale_of(&source(1), at(5_099)), None);
    assert_eq!(startups.stale_of(&source(1), at(5_100)), Some(0));
}

#[test]
fn above_begin_the_source_with_most_pending_loses_one() {
    let mut startups = table(6, 100);
    for id in 0..5 {
        arrive(&mut startups, id, source(1), 99, 0);
    }
    arrive(&mut startups, 5, source(2), 99, 0);
    assert_eq!(
        arrive(&mut startups, 6, source(3), 0, 0),
        Verdict::Displace(0)
    );
    assert_eq!(startups.total, 6);
    // The flooding source itself waits, not the others: it has four left.
    assert_eq!(
        arrive(&mut startups, 7, source(1), 0, 0),
        Verdict::Wait(None)
    );
    // The dice may spare everybody.
    assert_eq!(arrive(&mut startups, 8, source(2), 99, 0), Verdict::Admit);
    // Having waited it gets a place beside the others.
    let turn = Turn { next: 7, cut: None };
    assert_eq!(startups.press(7, at(500)), Some(turn));
}

#[test]
fn the_source_with_most_loses_none_that_is_being_checked() {
    let mut startups = table(2, 100);
    let signs: Vec<_> = (0..2).map(|_| Arc::new(Signs::at(at(0)))).collect();
    for (id, signs) in (0..).zip(&signs) {
        startups.arrive((id, signs.clone()), source(1), 99, at(0));
    }
    signs[0].checking(true);
    assert_eq!(
        arrive(&mut startups, 2, source(2), 0, 0),
        Verdict::Displace(1)
    );
    arrive(&mut startups, 3, source(1), 99, 0);
    for held in startups.pending.values() {
        held.iter().for_each(|one| one.signs.checking(true));
    }
    assert_eq!(arrive(&mut startups, 4, source(3), 0, 0), Verdict::Admit);
}

#[test]
fn a_source_with_none_pending_is_never_refused() {
    let mut startups = table(2, 50);
    for n in 0..50 {
        assert_eq!(
            arrive(&mut startups, u64::from(n), distant(n), 0, u64::from(n)),
            Verdict::Admit,
            "{n}"
        );
    }
    // The house is full of strangers from everywhere: the oldest goes.
    for n in 50..150 {
        let oldest = Verdict::Displace(u64::from(n) - 50);
        assert_eq!(
            arrive(&mut startups, u64::from(n), distant(n), 99, u64::from(n)),
            oldest
        );
    }
    assert_eq!(startups.total, 50);
}

/// Many addresses of one network are not many strangers.
#[test]
fn at_full_a_crowded_network_loses_one_before_an_older_lone_login_does() {
    let mut startups = table(2, 20);
    for n in 0..14 {
        arrive(&mut startups, u64::from(n), distant(n + 20), 99, 0);
    }
    for n in 14..20 {
        arrive(&mut startups, u64::from(n), source(n), 99, 1_000);
    }
    assert_eq!(
        arrive(&mut startups, 50, distant(200), 99, 1_100),
        Verdict::Displace(14)
    );
    // Five are as many as one source may have: no crowd any more.
    assert_eq!(
        arrive(&mut startups, 51, distant(201), 99, 1_100),
        Verdict::Displace(0)
    );
}

#[test]
fn at_full_nobody_is_displaced_while_being_checked() {
    let mut startups = table(1, 2);
    let signs: Vec<_> = (0..2).map(|_| Arc::new(Signs::at(at(0)))).collect();
    for (n, signs) in (0..).zip(&signs) {
        signs.checking(true);
        startups.arrive((u64::from(n), signs.clone()), distant(n), 99, at(0));
    }
    assert_eq!(
        arrive(&mut startups, 2, distant(2), 99, 10_000),
        Verdict::Wait(None)
    );
    assert_eq!(startups.press(2, at(11_000)), None);
    signs[1].checking(false);
    let turn = Turn {
        next: 2,
        cut: Some(1),
    };
    assert_eq!(startups.press(2, at(11_500)), Some(turn));
}

#[test]
fn at_full_a_lone_newcomer_takes_the_place_of_a_flooding_source() {
    let mut startups = table(2, 10);
    for id in 0..5 {
        arrive(&mut startups, id, source(1), 99, 0);
    }
    for n in 2..7 {
        arrive(&mut startups, u64::from(n) + 10, source(n), 99, 0);
    }
    assert_eq!(startups.total, 10);
    assert_eq!(
        arrive(&mut startups, 40, source(9), 99, 0),
        Verdict::Displace(0)
    );
    assert_eq!(startups.total, 10);
}

/// Whose pending logins were all displaced still has its turn.
#[test]
fn nobody_waits_behind_one_that_was_displaced() {
    let mut startups = table(1, 2);
    arrive(&mut startups, 0, distant(1), 0, 0);
    arrive(&mut startups, 1, distant(1), 0, 0);
    arrive(&mut startups, 2, distant(2), 0, 0);
    assert_eq!(startups.waiting.len(), 1);
    assert_eq!(
        arrive(&mut startups, 3, distant(3), 0, 0),
        Verdict::Displace(0)
    );
    assert_eq!(startups.leave(0, at(1)), None);
    let turn = Turn {
        next: 1,
        cut: Some(2),
    };
    assert_eq!(startups.press(1, at(500)), Some(turn));
}

#[test]
fn the_chance_grows_from_rate_to_certainty() {
    let mut startups = table(10, 100);
    startups.total = 10;
    assert_eq!(startups.drop_percent(), 30);
    startups.total = 55;
    assert_eq!(startups.drop_percent(), 65);
    startups.total = 100;
    assert_eq!(startups.drop_percent(), 100);
}
