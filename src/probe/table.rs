//! What is polled when: the scheduler's state, pure.
//!
//! A poll keeps its phase: it falls due at its first moment plus whole periods, however late it is
//! taken up (no drift); moments missed are skipped, not made up for. While a probe is under way its
//! KPI is not polled again.

use std::collections::BTreeMap;
use std::time::Duration;

use super::settings::Settings;
use crate::clock::{Mono, TimerTable};
use crate::engine::port::{MonitorRequest, ProbeTarget};
use crate::ids::{Minter, VmName};

/// A VM and one of its KPIs.
pub type Key = (VmName, String);

/// Everything that is watched.
pub struct Table {
    settings: Settings,
    watches: BTreeMap<Key, Watch>,
    timers: TimerTable<Key>,
    epoch: u64,
}

struct Watch {
    /// Tells this watch from one that it replaced.
    epoch: u64,
    generation: u32,
    target: ProbeTarget,
    period: Duration,
    due: Mono,
    under_way: bool,
}

/// A probe to be sent now.
#[derive(Clone, PartialEq, Debug)]
pub struct Poll {
    /// Of what.
    pub key: Key,
    /// Of which watch.
    pub epoch: u64,
    /// Whom to ask.
    pub target: ProbeTarget,
}

impl Table {
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            watches: BTreeMap::new(),
            timers: TimerTable::default(),
            epoch: 0,
        }
    }

    /// Watches a VM instead of what was watched of it before. Returns the KPIs there was no room for.
    pub fn start(&mut self, request: MonitorRequest, now: Mono) -> Vec<String> {
        self.stop(&request.vm);
        let mut left_out = Vec::new();
        for kpi in request.kpis.iter().filter(|kpi| kpi.enabled) {
            if self.watches.len() >= self.settings.max_monitors {
                left_out.push(kpi.event_name.clone());
                continue;
            }
            let interface = request
                .interfaces
                .iter()
                .find(|interface| interface.nicid == kpi.nicid);
            let address = interface
                .map(|interface| interface.ip_address.clone())
                .filter(|address| !address.is_empty());
            let period = self.settings.period(kpi.poll);
            self.epoch += 1;
            let key = (request.vm.clone(), kpi.event_name.clone());
            let due = now + self.spread(&key, period);
            let watch = Watch {
                epoch: self.epoch,
                generation: request.generation,
                target: ProbeTarget {
                    collector: kpi.collector.clone(),
                    vim: request.vim.clone(),
                    vm_id: request.vm_id.clone(),
                    address,
                    timeout: self.settings.timeout(period),
                },
                period,
                due,
                under_way: false,
            };
            self.timers.set(key.clone(), due);
            self.watches.insert(key, watch);
        }
        left_out
    }

    /// Forgets a VM; probes of it that are under way will not be reported.
    pub fn stop(&mut self, vm: &VmName) {
        let keys: Vec<Key> = self
            .watches
            .range((vm.clone(), String::new())..)
            .map(|(key, _)| key.clone())
            .take_while(|key| key.0 == *vm)
            .collect();
        for key in keys {
            self.timers.cancel(&key);
            self.watches.remove(&key);
        }
    }

    /// When the next poll falls due.
    pub fn next(&self) -> Option<Mono> {
        self.timers.next()
    }

    /// Number of KPIs watched.
    pub fn len(&self) -> usize {
        self.watches.len()
    }

    /// Takes the next poll that is due.
    pub fn take(&mut self, now: Mono) -> Option<Poll> {
        loop {
            let key = self.timers.pop_due(now)?;
            let Some(watch) = self.watches.get_mut(&key) else {
                continue;
            };
            watch.due = next_in_phase(watch.due, watch.period, now);
            self.timers.set(key.clone(), watch.due);
            if watch.under_way {
                continue;
            }
            watch.under_way = true;
            return Some(Poll {
                key,
                epoch: watch.epoch,
                target: watch.target.clone(),
            });
        }
    }

    /// A probe ended: the generation to report, or `None` when its watch is gone.
    pub fn end(&mut self, key: &Key, epoch: u64) -> Option<u32> {
        let watch = self.watches.get_mut(key)?;
        if watch.epoch != epoch {
            return None;
        }
        watch.under_way = false;
        Some(watch.generation)
    }

    /// When the first poll is sent after the start; the same for the same names and seed.
    fn spread(&self, key: &Key, period: Duration) -> Duration {
        let range = period.min(Duration::from_millis(self.settings.spread_ms));
        let names = key.0.as_str().bytes().chain([0]).chain(key.1.bytes());
        let seed = names.fold(self.settings.seed, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
        let micros = u64::try_from(range.as_micros()).unwrap_or(u64::MAX);
        Duration::from_micros(Minter::new(seed).below(micros))
    }
}

/// The first moment after `now` that lies whole periods after `due`.
fn next_in_phase(due: Mono, period: Duration, now: Mono) -> Mono {
    let late = now.saturating_sub(due).as_nanos();
    let missed = late / period.as_nanos().max(1);
    let missed = u32::try_from(missed).unwrap_or(u32::MAX - 1);
    due + period * (missed + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::VmId;
    use crate::model::deployment::{Kpi, MetricCondition};
    use crate::model::event::InterfaceInfo;

    fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    pub fn request(vm: &str, kpis: &[&str], period: Duration) -> MonitorRequest {
        let kpi = |name: &&str| Kpi {
            event_name: (*name).to_owned(),
            enabled: true,
            metric_value: "1".into(),
            condition: MetricCondition::Gt,
            metric_type: "UINT32".into(),
            occurrences_true: 1,
            occurrences_false: 1,
            collector: "ICMPPing".into(),
            nicid: 0,
            poll: period,
            continuous_alarm: false,
        };
        MonitorRequest {
            vm: VmName::new(vm),
            vim: "sim".into(),
            vm_id: VmId::new("id"),
            generation: 3,
            kpis: kpis.iter().map(kpi).collect(),
            interfaces: vec![InterfaceInfo {
                ip_address: "10.0.0.2".into(),
                ..InterfaceInfo::default()
            }],
        }
    }

    fn table(settings: Settings) -> Table {
        Table::new(settings)
    }

    #[test]
    fn polls_keep_their_phase_and_missed_ones_are_skipped() {
        let mut table = table(Settings {
            spread_ms: 0,
            ..Settings::default()
        });
        table.start(request("a", &["VM_ALIVE"], ms(3000)), ms(500));
        let mut sent = Vec::new();
        // the caller is late each time, once by several periods
        for now in [500, 510, 3700, 6500, 16_000, 18_499, 18_500] {
            while let Some(poll) = table.take(ms(now)) {
                sent.push(now);
                assert_eq!(table.end(&poll.key, poll.epoch), Some(3));
            }
        }
        assert_eq!(sent, [500, 3700, 6500, 16_000, 18_500]);
        assert_eq!(table.next(), Some(ms(21_500)));
    }

    #[test]
    fn a_probe_under_way_is_not_sent_again() {
        let mut table = table(Settings {
            spread_ms: 0,
            ..Settings::default()
        });
        table.start(request("a", &["VM_ALIVE"], ms(100)), ms(0));
        let first = table.take(ms(0)).unwrap();
        assert_eq!(table.take(ms(250)), None);
        table.end(&first.key, first.epoch);
        assert!(table.take(ms(300)).is_some());
    }

    #[test]
    fn a_new_watch_replaces_the_old_one_whose_probe_is_not_reported() {
        let mut table = table(Settings {
            spread_ms: 0,
            ..Settings::default()
        });
        table.start(request("a", &["K1", "K2"], ms(100)), ms(0));
        table.start(request("b", &["K1"], ms(100)), ms(0));
        let old = table.take(ms(0)).unwrap();
        table.start(request("a", &["K1"], ms(100)), ms(0));
        assert_eq!(table.len(), 2, "K2 of a is watched no more");
        assert_eq!(table.end(&old.key, old.epoch), None);
        table.stop(&VmName::new("a"));
        table.stop(&VmName::new("b"));
        assert_eq!((table.len(), table.next()), (0, None));
    }

    #[test]
    fn vms_started_together_are_spread_over_their_period() {
        let mut table = table(Settings::default());
        for n in 0..1000 {
            table.start(request(&format!("vm-{n}"), &["VM_ALIVE"], ms(3000)), ms(0));
        }
        let mut slots = [0; 10];
        while let Some(at) = table.next().filter(|at| *at < ms(3000)) {
            table.take(at).unwrap();
            slots[at.as_millis() as usize / 300] += 1;
        }
        assert_eq!(slots.iter().sum::<i32>(), 1000);
        assert!(
            slots.iter().all(|slot| (60..140).contains(slot)),
            "{slots:?}"
        );
    }

    #[test]
    fn the_limit_holds_and_is_told() {
        let mut table = table(Settings {
            max_monitors: 2,
            ..Settings::default()
        });
        let left_out = table.start(request("a", &["K1", "K2", "K3"], ms(100)), ms(0));
        assert_eq!(left_out, ["K3"]);
        let again = table.start(request("a", &["K1", "K2"], ms(100)), ms(0));
        assert!(again.is_empty(), "what is replaced makes room");
    }

    #[test]
    fn a_disabled_kpi_is_not_polled_and_an_interface_without_address_has_none() {
        let mut table = table(Settings {
            spread_ms: 0,
            ..Settings::default()
        });
        let mut wanted = request("a", &["K1", "K2"], ms(1));
        wanted.kpis[0].enabled = false;
        wanted.kpis[1].nicid = 5;
        table.start(wanted, ms(0));
        assert_eq!(table.len(), 1);
        let poll = table.take(ms(0)).unwrap();
        assert_eq!((poll.key.1.as_str(), poll.target.address), ("K2", None));
        assert_eq!(
            poll.target.timeout,
            ms(100),
            "the period is raised to the shortest, the timeout within it"
        );
    }
}
