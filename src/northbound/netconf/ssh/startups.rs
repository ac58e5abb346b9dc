//! Pending logins: who is let in, who must go (OpenSSH's MaxStartups, made fair). Pure.
//!
//! ```text
//! arrives -> its source has its share, or is the fullest -> one of its own that says nothing goes, or it waits
//!    |                                                                                          |
//!    +-> one must go: of the fullest source, else of a crowded network, else the oldest         v
//!    +-> pending -> logged in or ended -> the next one of its source that waits <- its turn, or its patience
//! ```
//! A newcomer is worth more than a stranger who was there before: an honest client logs in within a moment,
//! and whoever has said nothing for longer than that is the one that most likely never will.

use std::cmp::Reverse;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use super::settings::StartupSettings;
use crate::clock::Mono;
use crate::ids::Prefix;

#[cfg(test)]
mod tests;

/// A login that has said something may be silent for this many times the patience: a client on a busy machine is.
const SPOKEN: u32 = 10;

/// A login goes on for this many times the patience at most, although it says something now and then.
const TRICKLE: u32 = 20;

/// Leading bits that one network has, the narrow and the wide one, of IPv4 and of IPv6.
const NETWORKS: [(u8, u8); 2] = [(24, 48), (16, 32)];

/// What becomes of a new connection.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It may try to log in.
    Admit,
    /// It may, and the given pending one is cut.
    Displace(u64),
    /// It is kept, unread, until its turn comes; the given one that waited is cut.
    Wait(Option<u64>),
    /// It is closed at once.
    Refuse,
}

/// Somebody who waited and is booked now.
#[derive(Debug, PartialEq, Eq)]
pub struct Turn {
    /// Who.
    pub next: u64,
    /// The pending one that is cut for it.
    pub cut: Option<u64>,
}

/// What a pending login shows of life. Shared with its connection.
#[derive(Debug, Default)]
pub struct Signs {
    /// When it sent something last, in milliseconds.
    heard: AtomicU64,
    /// It has sent something at all.
    spoken: AtomicBool,
    /// Its credentials are being checked: the delay is ours.
    checking: AtomicBool,
}

impl Signs {
    /// Signs of one that arrives now.
    pub fn at(now: Mono) -> Self {
        let signs = Self::default();
        signs.since(now);
        signs
    }

    /// It has sent something.
    pub fn heard(&self, now: Mono) {
        self.spoken.store(true, Ordering::Relaxed);
        self.since(now);
    }

    /// Its silence counts from now.
    fn since(&self, now: Mono) {
        let now = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
        self.heard.store(now, Ordering::Relaxed);
    }

    /// Its credentials are being checked, or that is over.
    pub fn checking(&self, checking: bool) {
        self.checking.store(checking, Ordering::Relaxed);
    }

    fn is_checked(&self) -> bool {
        self.checking.load(Ordering::Relaxed)
    }

    fn silent(&self, now: Mono) -> Duration {
        now.saturating_sub(Duration::from_millis(self.heard.load(Ordering::Relaxed)))
    }
}

#[derive(Debug)]
struct Pending {
    id: u64,
    since: Mono,
    signs: Arc<Signs>,
}

/// One that waits, unread.
#[derive(Debug)]
struct Waiting {
    id: u64,
    source: Prefix,
    signs: Arc<Signs>,
}

/// The connections that have not logged in.
///
/// Above `begin`, with growing chance, one pending login is dropped: from the source with most
/// of them, the newcomer counted. So a source that floods pays for its flood, and a source with
/// none pending is never refused: at `full` somebody else goes.
#[derive(Debug)]
pub struct Startups {
    settings: StartupSettings,
    pending: HashMap<Prefix, VecDeque<Pending>>,
    total: u32,
    /// In order of arrival; not counted as pending, as nothing was read from them.
    waiting: VecDeque<Waiting>,
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
    pub fn arrive(
        &mut self,
        (id, signs): (u64, Arc<Signs>),
        source: Prefix,
        roll: u32,
        now: Mono,
    ) -> Verdict {
        let own = self.count(&source);
        let share = own >= self.settings.per_source;
        if !share && (self.total < self.settings.begin || roll >= self.drop_percent()) {
            self.book(id, source, signs, now);
            return Verdict::Admit;
        }
        let victim = match share {
            true => self.stale_of(&source, now),
            false => self.one_too_many(&source, own, now),
        };
        match victim {
            Some(victim) => {
                self.remove(victim);
                self.book(id, source, signs, now);
                Verdict::Displace(victim)
            }
            // Nobody has more than one, and there is room yet.
            None if own == 0 && self.total < self.settings.full => {
                self.book(id, source, signs, now);
                Verdict::Admit
            }
            None => self.wait(id, source, signs),
        }
    }

    /// Takes connection `id` off the table: it logged in or ended. Unknown ids are ignored. Returns the
    /// waiting one whose turn has come and that is booked now.
    pub fn leave(&mut self, id: u64, now: Mono) -> Option<u64> {
        self.waiting.retain(|held| held.id != id);
        let source = self.remove(id)?;
        let at = self.waiting.iter().position(|held| held.source == source)?;
        self.promote(at, now)
    }

    /// Connection `id` has waited for as long as one is patient. When those before it say nothing, the
    /// newest that waits has its turn: whoever has waited longer has shown no more life than they.
    pub fn press(&mut self, id: u64, now: Mono) -> Option<Turn> {
        let source = self.waiting.iter().find(|held| held.id == id)?.source;
        let own = self.count(&source);
        let room = own < self.settings.per_source && self.total < self.settings.full;
        let cut = match room {
            true => None,
            false if own > 0 => Some(self.stale_of(&source, now)?),
            false => Some(self.worst(now)?),
        };
        if let Some(cut) = cut {
            self.remove(cut);
        }
        let at = self
            .waiting
            .iter()
            .rposition(|held| held.source == source)?;
        let next = self.promote(at, now)?;
        Some(Turn { next, cut })
    }

    /// Who goes when the newcomer of a source with less than its share is one too many.
    fn one_too_many(&self, source: &Prefix, own: u32, now: Mono) -> Option<u64> {
        // The newcomer's own source is the fullest, or no other has more than one: a lone pending
        // login of somebody else is not worth less than this one, below `full`.
        match self.fullest(now) {
            Some((count, victim)) if count > own && count > 1 => Some(victim),
            _ if own > 0 => self.stale_of(source, now),
            _ if self.total >= self.settings.full => self.worst(now),
            _ => None,
        }
    }

    /// Keeps it, unread. Where too many wait, the one that has waited longest goes: of the source with
    /// most, the newcomer counted.
    fn wait(&mut self, id: u64, source: Prefix, signs: Arc<Signs>) -> Verdict {
        let mut counts: HashMap<Prefix, u32> = HashMap::new();
        for held in &self.waiting {
            *counts.entry(held.source).or_default() += 1;
        }
        let own = counts.get(&source).copied().unwrap_or(0);
        let total = u32::try_from(self.waiting.len()).unwrap_or(u32::MAX);
        let from = if self.settings.waiting_per_source == 0 || self.settings.waiting == 0 {
            return Verdict::Refuse;
        } else if own >= self.settings.waiting_per_source {
            Some(source)
        } else if total >= self.settings.waiting {
            let most = counts.into_iter().max_by_key(|(_, count)| *count);
            most.map(|(fullest, count)| if count > own { fullest } else { source })
        } else {
            None
        };
        let at = from.and_then(|from| self.waiting.iter().position(|held| held.source == from));
        let gone = at.and_then(|at| self.waiting.remove(at));
        self.waiting.push_back(Waiting { id, source, signs });
        Verdict::Wait(gone.map(|held| held.id))
    }

    fn promote(&mut self, at: usize, now: Mono) -> Option<u64> {
        let next = self.waiting.remove(at)?;
        // Its silence was ours: nothing was read from it.
        next.signs.since(now);
        self.book(next.id, next.source, next.signs, now);
        Some(next.id)
    }

    fn book(&mut self, id: u64, source: Prefix, signs: Arc<Signs>, since: Mono) {
        let pending = Pending { id, since, signs };
        self.pending.entry(source).or_default().push_back(pending);
        self.total += 1;
    }

    /// Takes a pending one off; returns its source.
    fn remove(&mut self, id: u64) -> Option<Prefix> {
        let has = |held: &VecDeque<Pending>| held.iter().any(|one| one.id == id);
        let (source, held) = self.pending.iter_mut().find(|(_, held)| has(held))?;
        let source = *source;
        held.retain(|one| one.id != id);
        self.total -= 1;
        if held.is_empty() {
            self.pending.remove(&source);
        }
        Some(source)
    }

    fn count(&self, source: &Prefix) -> u32 {
        self.pending.get(source).map_or(0, count)
    }

    /// Whether it has done nothing, or too little, for too long.
    fn is_stale(&self, one: &Pending, now: Mono) -> bool {
        let patience = self.settings.patience();
        let age = now.saturating_sub(one.since);
        let silent = one.signs.silent(now).min(age);
        let bearable = match one.signs.spoken.load(Ordering::Relaxed) {
            true => patience * SPOKEN,
            false => patience,
        };
        !one.signs.is_checked() && (silent >= bearable || age >= patience * TRICKLE)
    }

    /// The oldest of a source's logins that are stale.
    fn stale_of(&self, source: &Prefix, now: Mono) -> Option<u64> {
        let held = self.pending.get(source)?;
        let stale = held.iter().find(|one| self.is_stale(one, now))?;
        Some(stale.id)
    }

    /// The number of the source with most, and which one of it goes: a stale one, or the oldest; `None` when all
    /// of them are being checked.
    fn fullest(&self, now: Mono) -> Option<(u32, u64)> {
        let oldest = |held: &VecDeque<Pending>| held.front().map(|one| (one.since, one.id));
        let (source, held) = self
            .pending
            .iter()
            // Among equals the source with the oldest connection loses it.
            .max_by_key(|(_, held)| (held.len(), Reverse(oldest(held))))?;
        let unchecked = || held.iter().find(|one| !one.signs.is_checked());
        let victim = self
            .stale_of(source, now)
            .or_else(|| unchecked().map(|one| one.id))?;
        Some((count(held), victim))
    }

    /// Who goes where everybody's source is as full as everybody else's: one of a network that is more
    /// crowded than a source may be, else a stale one, else the oldest. Not one that is being checked.
    fn worst(&self, now: Mono) -> Option<u64> {
        let mut crowds: HashMap<Prefix, u32> = HashMap::new();
        for (source, held) in &self.pending {
            for bits in NETWORKS {
                *crowds.entry(source.within(bits)).or_default() += count(held);
            }
        }
        let crowd = |source: &Prefix, bits| {
            let count = crowds.get(&source.within(bits)).copied().unwrap_or(0);
            if count > self.settings.per_source {
                count
            } else {
                0
            }
        };
        let [narrow, wide] = NETWORKS;
        self.pending
            .iter()
            .flat_map(|(source, held)| held.iter().map(move |one| (source, one)))
            .filter(|(_, one)| !one.signs.is_checked())
            .max_by_key(|(source, one)| {
                let crowds = (crowd(source, narrow), crowd(source, wide));
                let age = Reverse((one.since, one.id));
                (crowds, self.is_stale(one, now), age)
            })
            .map(|(_, one)| one.id)
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

fn count(held: &VecDeque<Pending>) -> u32 {
    u32::try_from(held.len()).unwrap_or(u32::MAX)
}
