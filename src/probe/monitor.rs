//! The scheduler: one task sends every VM's probes when they are due and reports their ends.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::AbortHandle;
use tokio_util::sync::CancellationToken;

use super::settings::Settings;
use super::table::{Key, Poll, Table};
use crate::clock::Clock;
use crate::engine::port::{
    MonitorRequest, Monitors, ProbeReport, ProbeSink, ProbeTarget, Prober, Verdict,
};
use crate::ids::VmName;

/// How much longer than its timeout a prober may take before it is called ill.
const GRACE: Duration = Duration::from_secs(2);

/// Polls VMs, each KPI at its own pace. Dropped, it stops.
pub struct Poller {
    shared: Arc<Shared>,
    task: AbortHandle,
    ended: CancellationToken,
}

struct Shared {
    clock: Arc<dyn Clock>,
    prober: Arc<dyn Prober>,
    concurrency: usize,
    table: Mutex<Table>,
    sink: OnceLock<ProbeSink>,
    under_way: AtomicUsize,
    /// The table changed, or there is room for another probe.
    changed: Notify,
}

impl Poller {
    /// Starts the task; needs a tokio runtime.
    pub fn spawn(settings: Settings, clock: Arc<dyn Clock>, prober: Arc<dyn Prober>) -> Self {
        let shared = Arc::new(Shared {
            clock,
            prober,
            concurrency: settings.concurrency.max(1),
            table: Mutex::new(Table::new(settings)),
            sink: OnceLock::new(),
            under_way: AtomicUsize::new(0),
            changed: Notify::new(),
        });
        let ended = CancellationToken::new();
        let (last, watching) = (ended.clone().drop_guard(), shared.clone());
        let task = tokio::spawn(async move {
            let _last = last;
            run(watching).await;
        });
        Self {
            shared,
            task: task.abort_handle(),
            ended,
        }
    }

    /// Cancelled when nothing is polled any more: this was dropped, or its task panicked.
    pub fn ended(&self) -> CancellationToken {
        self.ended.clone()
    }

    /// Number of KPIs watched.
    pub fn watched(&self) -> usize {
        self.shared.table().len()
    }
}

impl Drop for Poller {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Monitors for Poller {
    fn report_to(&self, sink: ProbeSink) {
        if self.shared.sink.set(sink).is_err() {
            tracing::error!("the monitors report to somebody already");
        }
    }

    fn start(&self, request: MonitorRequest) {
        let (vm, generation) = (request.vm.clone(), request.generation);
        let now = self.shared.clock.mono();
        let left_out = self.shared.table().start(request, now);
        for kpi in left_out {
            tracing::error!(%vm, kpi, "not polled: the setting max-monitors is reached");
            self.shared.report(ProbeReport {
                vm: vm.clone(),
                kpi,
                generation,
                verdict: Verdict::CannotTell,
            });
        }
        self.shared.changed.notify_one();
    }

    fn stop(&self, vm: &VmName) {
        self.shared.table().stop(vm);
    }
}

impl Shared {
    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn report(&self, report: ProbeReport) {
        if let Some(sink) = self.sink.get() {
            sink(report);
        }
    }

    fn take(&self) -> Option<Poll> {
        self.table().take(self.clock.mono())
    }

    async fn probe(&self, target: ProbeTarget) -> Verdict {
        let limit = target.timeout + GRACE;
        let asked = tokio::time::timeout(limit, self.prober.probe(target)).await;
        asked.unwrap_or_else(|_| {
            tracing::warn!("a prober did not come back");
            Verdict::CannotTell
        })
    }
}

/// A probe under way. However it ends, its verdict is reported and its place given back; one that
/// ends by a panic cannot tell.
struct UnderWay {
    shared: Arc<Shared>,
    key: Key,
    epoch: u64,
    verdict: Verdict,
}

impl UnderWay {
    fn end(mut self, verdict: Verdict) {
        self.verdict = verdict;
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let generation = self.shared.table().end(&self.key, self.epoch);
        if let Some(generation) = generation {
            self.shared.report(ProbeReport {
                vm: self.key.0.clone(),
                kpi: self.key.1.clone(),
                generation,
                verdict: self.verdict,
            });
        }
        let before = self.shared.under_way.fetch_sub(1, Ordering::AcqRel);
        if before >= self.shared.concurrency {
            self.shared.changed.notify_one();
        }
    }
}

async fn run(shared: Arc<Shared>) {
    loop {
        while shared.under_way.load(Ordering::Acquire) < shared.concurrency
            && let Some(poll) = shared.take()
        {
            shared.under_way.fetch_add(1, Ordering::AcqRel);
            let probe = UnderWay {
                shared: shared.clone(),
                key: poll.key,
                epoch: poll.epoch,
                verdict: Verdict::CannotTell,
            };
            tokio::spawn(async move {
                let verdict = probe.shared.probe(poll.target).await;
                probe.end(verdict);
            });
        }
        let full = shared.under_way.load(Ordering::Acquire) >= shared.concurrency;
        let next = shared.table().next();
        match next.filter(|_| !full) {
            // nothing to do until something changes
            None => shared.changed.notified().await,
            Some(at) => {
                // a timer may fire a little early by our clock: never spin
                let pause = at
                    .saturating_sub(shared.clock.mono())
                    .max(Duration::from_micros(500));
                let _ = tokio::time::timeout(pause, shared.changed.notified()).await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU32;

    use super::*;
    use crate::clock::SystemClock;
    use crate::engine::port::PortFuture;
    use crate::ids::VmId;
    use crate::model::deployment::{Kpi, MetricCondition};
    use tokio::sync::mpsc;

    fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    fn request(vm: &str, generation: u32) -> MonitorRequest {
        let kpi = Kpi {
            event_name: "VM_ALIVE".into(),
            enabled: true,
            metric_value: "1".into(),
            condition: MetricCondition::Gt,
            metric_type: "UINT32".into(),
            occurrences_true: 1,
            occurrences_false: 1,
            collector: "ICMPPing".into(),
            nicid: 0,
            poll: ms(20),
            continuous_alarm: false,
        };
        MonitorRequest {
            vm: VmName::new(vm),
            vim: "sim".into(),
            vm_id: VmId::new(vm),
            generation,
            kpis: vec![kpi],
            interfaces: Vec::new(),
        }
    }

    fn settings() -> Settings {
        Settings {
            min_period_ms: 20,
            ..Settings::default()
        }
    }

    /// Counts what is under way; panics for the VM `bad`.
    #[derive(Default)]
    struct Scripted {
        now: AtomicU32,
        most: AtomicU32,
    }

    impl Prober for Scripted {
        fn probe(&self, target: ProbeTarget) -> PortFuture<'_, Verdict> {
            Box::pin(async move {
                if target.vm_id.as_str() == "bad" {
                    panic!("ill prober");
                }
                let now = self.now.fetch_add(1, Ordering::SeqCst) + 1;
                self.most.fetch_max(now, Ordering::SeqCst);
                tokio::time::sleep(ms(5)).await;
                self.now.fetch_sub(1, Ordering::SeqCst);
                Verdict::Alive(1.0)
            })
        }
    }

    fn poller(settings: Settings) -> (Poller, Arc<Scripted>, mpsc::UnboundedReceiver<ProbeReport>) {
        let prober = Arc::new(Scripted::default());
        let poller = Poller::spawn(settings, Arc::new(SystemClock::new()), prober.clone());
        let (to, reports) = mpsc::unbounded_channel();
        poller.report_to(Box::new(move |report| drop(to.send(report))));
        (poller, prober, reports)
    }

    #[tokio::test]
    async fn every_poll_is_reported_with_its_generation_until_stopped() {
        let (poller, _, mut reports) = poller(settings());
        poller.start(request("a", 7));
        for _ in 0..3 {
            let report = reports.recv().await.unwrap();
            assert_eq!((report.vm.as_str(), report.generation), ("a", 7));
            assert_eq!(report.verdict, Verdict::Alive(1.0));
        }
        poller.start(request("a", 8));
        assert_eq!(reports.recv().await.unwrap().generation, 8);
        poller.stop(&VmName::new("a"));
        while reports.try_recv().is_ok() {}
        tokio::time::sleep(ms(60)).await;
        assert!(reports.try_recv().is_err(), "a stopped VM is not polled");
        assert_eq!(poller.watched(), 0);
    }

    #[tokio::test]
    async fn no_more_probes_than_allowed_are_under_way_and_all_get_their_turn() {
        let (poller, prober, mut reports) = poller(Settings {
            concurrency: 3,
            ..settings()
        });
        for n in 0..40 {
            poller.start(request(&format!("vm-{n}"), 1));
        }
        let mut seen = std::collections::BTreeSet::new();
        while seen.len() < 40 {
            let report = tokio::time::timeout(Duration::from_secs(10), reports.recv());
            seen.insert(report.await.unwrap().unwrap().vm);
        }
        assert_eq!(prober.most.load(Ordering::SeqCst), 3);
    }

    #[tokio::test]
    async fn a_prober_that_panics_harms_nobody_else() {
        let (poller, _, mut reports) = poller(Settings {
            concurrency: 1,
            ..settings()
        });
        poller.start(request("bad", 1));
        poller.start(request("good", 1));
        let mut seen = std::collections::BTreeMap::new();
        for _ in 0..8 {
            let report = tokio::time::timeout(Duration::from_secs(5), reports.recv());
            let report = report.await.unwrap().unwrap();
            seen.insert(report.vm.to_string(), report.verdict);
        }
        assert_eq!(seen.get("good"), Some(&Verdict::Alive(1.0)));
        assert_eq!(seen.get("bad"), Some(&Verdict::CannotTell));
    }

    #[tokio::test]
    async fn its_end_is_seen_from_outside() {
        let (poller, _, _reports) = poller(settings());
        let ended = poller.ended();
        poller.start(request("a", 1));
        tokio::time::sleep(ms(30)).await;
        assert!(!ended.is_cancelled());
        drop(poller);
        let seen = tokio::time::timeout(Duration::from_secs(5), ended.cancelled());
        assert!(seen.await.is_ok());
    }
}
