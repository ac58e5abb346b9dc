//! Pending logins: who is let in, who must go (OpenSSH's MaxStartups, made fair). Pure.

use std::collections::{HashMap, VecDeque};

use super::settings::StartupSettings;
use super::source::Prefix;

/// What becomes of a new connection.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It may try to log in.
    Admit,
    /// It may, and the given pending one is cut.
    Displace(u64),
    /// Its source has as many pending as it may: it is kept, unread, until one of them is through.
    Wait,
    /// It is closed at once.
    Refuse,
}

/// The connections that have not logged in.
///
/// Above `begin`, with growing chance, one pending login is dropped: from the source with most
/// of them, the newcomer counted. So a source that floods pays for its flood, and a source with
/// none pending is never refused below `full`.
#[derive(Debug)]
pub struct Startups {
    settings: StartupSettings,
    pending: HashMap<Prefix, VecDeque<u64>>,
    total: u32,
    /// In order of arrival; not counted as pending, as nothing was read from them.
    waiting: VecDeque<(u64, Prefix)>,
}

impl Startups {
    /// An empty table.
    pub fn new(settings: StartupSettings) -> Self {
        Self {
            settings,
            pending: HashMap::new(),
            total: 0,
            waiting: VecDeque::new(),
        }
    }

    /// Decides about connection `id` and books it if admitted. `roll` is a random number below 100.
    pub fn arrive(&mut self, id: u64, source: Prefix, roll: u32) -> Verdict {
        let own = self.count(&source);
        if own >= self.settings.per_source {
            let of_source = self.waiting.iter().filter(|(_, held)| *held == source);
            let room = of_source.count() < self.settings.waiting_per_source as usize
                && self.waiting.len() < self.settings.waiting as usize;
            if !room {
                return Verdict::Refuse;
            }
            self.waiting.push_back((id, source));
            return Verdict::Wait;
        }
        let mut displaced = None;
        if self.total >= self.settings.begin && roll < self.drop_percent() {
            // The newcomer's own source is the fullest, or no other has more than one: a lone
            // pending login of somebody else is not worth less than this one.
            let most = self.fullest();
            match most {
                Some((count, victim)) if count > own && count > 1 => displaced = Some(victim),
                _ if own > 0 => return Verdict::Refuse,
                _ if self.total >= self.settings.full => return Verdict::Refuse,
                _ => {}
            }
        }
        if let Some(victim) = displaced {
            // What waits behind the victim gains nothing from its end.
            self.remove(victim);
        }
        self.pending.entry(source).or_default().push_back(id);
        self.total += 1;
        displaced.map_or(Verdict::Admit, Verdict::Displace)
    }

    /// Takes connection `id` off the table: it logged in or ended. Unknown ids are ignored. Returns the
    /// waiting one whose turn has come and that is booked now.
    pub fn leave(&mut self, id: u64) -> Option<u64> {
        self.waiting.retain(|(held, _)| *held != id);
        let source = self.remove(id)?;
        let at = self.waiting.iter().position(|(_, held)| *held == source)?;
        let (next, _) = self.waiting.remove(at)?;
        self.pending.entry(source).or_default().push_back(next);
        self.total += 1;
        Some(next)
    }

    /// Takes a pending one off; returns its source.
    fn remove(&mut self, id: u64) -> Option<Prefix> {
        let (source, ids) = self.pending.iter_mut().find(|(_, ids)| ids.contains(&id))?;
        let source = *source;
        ids.retain(|held| *held != id);
        self.total -= 1;
        if ids.is_empty() {
            self.pending.remove(&source);
        }
        Some(source)
    }

    #[cfg(test)]
    fn total(&self) -> u32 {
        self.total
    }

    fn count(&self, source: &Prefix) -> u32 {
        self.pending
            .get(source)
            .map_or(0, |ids| u32::try_from(ids.len()).unwrap_or(u32::MAX))
    }

    /// The number of the source with most, and its oldest connection.
    fn fullest(&self) -> Option<(u32, u64)> {
        self.pending
            .values()
            .filter_map(|ids| {
                let oldest = ids.front()?;
                Some((u32::try_from(ids.len()).unwrap_or(u32::MAX), *oldest))
            })
            // Among equals the oldest connection goes.
            .max_by_key(|(count, oldest)| (*count, u64::MAX - oldest))
    }

    fn drop_percent(&self) -> u32 {
        let s = &self.settings;
        if self.total >= s.full {
            return 100;
        }
        let span = u64::from(s.full.saturating_sub(s.begin)).max(1);
        let above = u64::from(self.total.saturating_sub(s.begin));
        let grown = u64::from(100_u32.saturating_sub(s.rate)) * above / span;
        s.rate + u32::try_from(grown).unwrap_or(100)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(n: u8) -> Prefix {
        Prefix::of([10, 0, 0, n].into(), 32)
    }

    fn table(begin: u32, full: u32) -> Startups {
        Startups::new(StartupSettings {
            begin,
            waiting_per_source: 2,
            waiting: 3,
            full,
            ..StartupSettings::default()
        })
    }

    #[test]
    fn a_source_has_at_most_its_share_of_pending_logins_and_the_next_ones_wait_their_turn() {
        let mut startups = table(10, 100);
        for id in 0..5 {
            assert_eq!(startups.arrive(id, source(1), 99), Verdict::Admit);
        }
        assert_eq!(startups.arrive(5, source(1), 99), Verdict::Wait);
        assert_eq!(startups.arrive(6, source(1), 99), Verdict::Wait);
        assert_eq!(startups.arrive(7, source(1), 99), Verdict::Refuse);
        assert_eq!(startups.leave(0), Some(5), "in order of arrival");
        assert_eq!(startups.leave(6), None, "one that waits may give up");
        assert_eq!(startups.leave(5), None, "nobody waits any more");
        assert_eq!(startups.arrive(8, source(1), 99), Verdict::Admit);
        assert_eq!(startups.total(), 5);
    }

    #[test]
    fn those_that_wait_are_bounded_over_all_sources() {
        let mut startups = table(100, 200);
        for id in 0..10 {
            startups.arrive(id, source(id as u8 % 2), 99);
        }
        assert_eq!(startups.arrive(10, source(0), 99), Verdict::Wait);
        assert_eq!(startups.arrive(11, source(0), 99), Verdict::Wait);
        assert_eq!(startups.arrive(12, source(1), 99), Verdict::Wait);
        assert_eq!(startups.arrive(13, source(1), 99), Verdict::Refuse);
        assert_eq!(startups.arrive(14, source(2), 99), Verdict::Admit);
    }

    #[test]
    fn above_begin_the_source_with_most_pending_loses_one() {
        let mut startups = table(6, 100);
        for id in 0..5 {
            startups.arrive(id, source(1), 99);
        }
        startups.arrive(5, source(2), 99);
        assert_eq!(startups.arrive(6, source(3), 0), Verdict::Displace(0));
        assert_eq!(startups.total(), 6);
        // The flooding source itself is refused, not the others.
        assert_eq!(
            startups.arrive(7, source(1), 0),
            Verdict::Refuse,
            "it has four left"
        );
        // The dice may spare everybody.
        assert_eq!(startups.arrive(8, source(2), 99), Verdict::Admit);
    }

    #[test]
    fn a_source_with_none_pending_is_never_refused_below_full() {
        let mut startups = table(2, 50);
        for n in 0..50 {
            assert_eq!(
                startups.arrive(u64::from(n), source(n), 0),
                Verdict::Admit,
                "{n}"
            );
        }
        assert_eq!(startups.arrive(50, source(50), 99), Verdict::Refuse);
    }

    #[test]
    fn at_full_a_lone_newcomer_takes_the_place_of_a_flooding_source() {
        let mut startups = Startups::new(StartupSettings {
            begin: 2,
            full: 10,
            per_source: 5,
            waiting_per_source: 2,
            waiting: 3,
            ..StartupSettings::default()
        });
        for id in 0..5 {
            startups.arrive(id, source(1), 99);
        }
        for n in 2..7 {
            startups.arrive(u64::from(n) + 10, source(n), 99);
        }
        assert_eq!(startups.total(), 10);
        assert_eq!(startups.arrive(40, source(9), 99), Verdict::Displace(0));
        assert_eq!(startups.total(), 10);
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
}
