//! Penalties of sources that misbehave before login (as OpenSSH's PerSourcePenalties). Pure.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::net::IpAddr;
use std::time::Duration;

use super::settings::PenaltySettings;
use crate::clock::Mono;
use crate::ids::Prefix;

/// What a connection did wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Offence {
    /// It ended after failed attempts.
    AuthFailed,
    /// It ended without an attempt.
    NoAuth,
    /// It ran out of its login time.
    GraceExceeded,
    /// Its task panicked.
    Crash,
}

#[derive(Debug)]
struct Entry {
    until: Mono,
    enforced: bool,
}

/// The time in which attempts are counted.
const MINUTE: Duration = Duration::from_secs(60);

/// The sources under penalty.
#[derive(Debug)]
pub struct Penalties {
    settings: PenaltySettings,
    entries: HashMap<Prefix, Entry>,
    /// The same by end, so that the one that ends first is found.
    by_end: BTreeSet<(Mono, Prefix)>,
    /// Attempts of the last minute that failed or are being checked.
    attempts: HashMap<Prefix, VecDeque<Mono>>,
}

impl Penalties {
    /// An empty table.
    pub fn new(settings: PenaltySettings) -> Self {
        Self {
            settings,
            entries: HashMap::new(),
            by_end: BTreeSet::new(),
            attempts: HashMap::new(),
        }
    }

    /// Whether a connection from `source` is refused now.
    pub fn refuses(&self, source: &Prefix, now: Mono) -> bool {
        let punished = self
            .entries
            .get(source)
            .is_some_and(|entry| entry.enforced && entry.until > now);
        punished || self.recent(source, now) >= self.settings.attempts_per_minute
    }

    /// Books a login attempt before it is checked; false when the source has used up its share. This
    /// counts exempt sources too: whoever guesses from the machine itself is as much a guesser.
    pub fn attempt(&mut self, source: Prefix, now: Mono) -> bool {
        if !self.settings.enabled {
            return true;
        }
        if self.recent(&source, now) >= self.settings.attempts_per_minute {
            return false;
        }
        if !self.attempts.contains_key(&source) && self.attempts.len() >= self.settings.sources {
            let over = |times: &VecDeque<Mono>| times.back().is_none_or(|at| *at + MINUTE <= now);
            self.attempts.retain(|_, times| !over(times));
            if self.attempts.len() >= self.settings.sources
                && let Some(any) = self.attempts.keys().next().copied()
            {
                self.attempts.remove(&any);
            }
        }
        let times = self.attempts.entry(source).or_default();
        while times.front().is_some_and(|at| *at + MINUTE <= now) {
            times.pop_front();
        }
        times.push_back(now);
        true
    }

    /// The attempt booked last was right: it does not count.
    pub fn forgive(&mut self, source: &Prefix) {
        if let Some(times) = self.attempts.get_mut(source) {
            times.pop_back();
            if times.is_empty() {
                self.attempts.remove(source);
            }
        }
    }

    fn recent(&self, source: &Prefix, now: Mono) -> usize {
        let times = self.attempts.get(source);
        times.map_or(0, |times| {
            times.iter().filter(|at| **at + MINUTE > now).count()
        })
    }

    fn exempt(&self, address: IpAddr) -> bool {
        let address = Prefix::of(address, 128);
        !self.settings.enabled || self.settings.exempt.iter().any(|p| p.contains(&address))
    }

    /// Adds the penalty for an offence; an exempt address has none.
    pub fn punish(&mut self, source: Prefix, address: IpAddr, offence: Offence, now: Mono) {
        if self.exempt(address) {
            return;
        }
        let seconds = match offence {
            Offence::AuthFailed => self.settings.auth_failed_seconds,
            Offence::NoAuth => self.settings.no_auth_seconds,
            Offence::GraceExceeded => self.settings.grace_exceeded_seconds,
            Offence::Crash => self.settings.crash_seconds,
        };
        self.forget_ended(now);
        let before = self.remove(&source);
        if before.is_none() && self.entries.len() >= self.settings.sources {
            self.forget_first();
        }
        let (start, enforced) = before.map_or((now, false), |e| (e.until.max(now), e.enforced));
        let latest = now + Duration::from_secs(self.settings.max_seconds);
        let until = (start + Duration::from_secs(seconds)).min(latest);
        let enforced =
            enforced || until.saturating_sub(now) >= Duration::from_secs(self.settings.min_seconds);
        self.insert(source, Entry { until, enforced });
    }

    fn insert(&mut self, source: Prefix, entry: Entry) {
        self.by_end.insert((entry.until, source));
        self.entries.insert(source, entry);
    }

    fn remove(&mut self, source: &Prefix) -> Option<Entry> {
        let entry = self.entries.remove(source)?;
        self.by_end.remove(&(entry.until, *source));
        Some(entry)
    }

    fn forget_first(&mut self) {
        if let Some((_, source)) = self.by_end.pop_first() {
            self.entries.remove(&source);
        }
    }

    fn forget_ended(&mut self, now: Mono) {
        while self.by_end.first().is_some_and(|(until, _)| *until <= now) {
            self.forget_first();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Mono {
        Mono::from_secs(seconds)
    }

    fn source(n: u8) -> (Prefix, IpAddr) {
        let address = IpAddr::from([192, 0, 2, n]);
        (Prefix::of(address, 32), address)
    }

    #[test]
    fn penalties_add_up_and_bite_from_the_minimum_on() {
        let mut table = Penalties::new(PenaltySettings::default());
        let (a, address) = source(1);
        table.punish(a, address, Offence::AuthFailed, at(0));
        table.punish(a, address, Offence::AuthFailed, at(0));
        assert!(!table.refuses(&a, at(0)));
        table.punish(a, address, Offence::AuthFailed, at(0));
        assert!(table.refuses(&a, at(14)));
        assert!(!table.refuses(&a, at(15)));
        assert!(!table.refuses(&source(2).0, at(0)));
        // Once served it is forgotten: the next small offence does not bite.
        table.punish(a, address, Offence::NoAuth, at(20));
        assert!(!table.refuses(&a, at(20)));
    }

    #[test]
    fn a_penalty_has_a_longest_time_and_a_crash_bites_at_once() {
        let mut table = Penalties::new(PenaltySettings::default());
        let (a, address) = source(1);
        for _ in 0..100 {
            table.punish(a, address, Offence::Crash, at(0));
        }
        assert!(table.refuses(&a, at(599)));
        assert!(!table.refuses(&a, at(600)));
    }

    #[test]
    fn a_source_has_thirty_attempts_in_any_minute_and_right_ones_do_not_count() {
        let mut table = Penalties::new(PenaltySettings::default());
        let (a, _) = source(1);
        for n in 0..30 {
            assert!(table.attempt(a, at(n)));
        }
        assert!(!table.attempt(a, at(30)) && table.refuses(&a, at(30)));
        assert!(table.attempt(source(2).0, at(30)));
        // The first one is a minute old: one more.
        assert!(table.attempt(a, at(60)));
        assert!(!table.attempt(a, at(60)));
        table.forgive(&a);
        assert!(table.attempt(a, at(60)));
        assert!(!table.refuses(&a, at(200)));
        let mut right = 0;
        while right < 100 && table.attempt(a, at(200)) {
            table.forgive(&a);
            right += 1;
        }
        assert_eq!(right, 100);
    }

    #[test]
    fn the_table_of_attempts_is_bounded() {
        let mut table = Penalties::new(PenaltySettings {
            sources: 2,
            ..PenaltySettings::default()
        });
        for n in 0..20 {
            assert!(table.attempt(source(n).0, at(u64::from(n) * 100)));
            assert!(table.attempts.len() <= 2);
        }
    }

    #[test]
    fn exempt_sources_have_none() {
        let mut table = Penalties::new(PenaltySettings::default());
        for address in ["127.0.0.1", "::1"] {
            let address: IpAddr = address.parse().unwrap();
            let a = Prefix::of(address, 64);
            table.punish(a, address, Offence::Crash, at(0));
            assert!(!table.refuses(&a, at(0)));
        }
    }

    #[test]
    fn a_full_table_forgets_the_one_that_ends_first() {
        let mut table = Penalties::new(PenaltySettings {
            sources: 2,
            ..PenaltySettings::default()
        });
        for (n, offence) in [
            (1, Offence::Crash),
            (2, Offence::GraceExceeded),
            (3, Offence::Crash),
        ] {
            let (a, address) = source(n);
            table.punish(a, address, offence, at(0));
        }
        assert_eq!(table.entries.len(), 2);
        assert!(table.refuses(&source(1).0, at(1)));
        assert!(table.refuses(&source(3).0, at(1)));
        assert_eq!(table.by_end.len(), 2);
    }
}
