//! From single probes to alarms: consecutive polls, edge or continuous, and three answers.
//!
//! "Cannot tell" is no evidence: it neither counts for TRUE or FALSE nor breaks a run, so an ill prober can
//! never fail a VM (P6), nor hide one that fails in between.

use crate::model::deployment::{Kpi, MetricCondition, RuleAction, VmGroup};

use super::port::Verdict;

/// What a KPI says after its occurrences.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Alarm {
    /// The condition holds.
    True,
    /// It does not.
    False,
}

/// Counts the probes of one KPI of one VM.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct AlarmTracker {
    verdict: Option<Alarm>,
    run: u32,
    running: Option<Alarm>,
}

impl AlarmTracker {
    /// Takes one probe; returns the alarm it raises, if any.
    pub fn observe(&mut self, kpi: &Kpi, verdict: Verdict) -> Option<Alarm> {
        let sample = judge(kpi, verdict)?;
        if self.running == Some(sample) {
            self.run = self.run.saturating_add(1);
        } else {
            self.running = Some(sample);
            self.run = 1;
        }
        let needed = match sample {
            Alarm::True => kpi.occurrences_true,
            Alarm::False => kpi.occurrences_false,
        };
        if self.run < needed.max(1) {
            return None;
        }
        let edge = self.verdict != Some(sample);
        self.verdict = Some(sample);
        (edge || kpi.continuous_alarm).then_some(sample)
    }

    /// The last verdict reached.
    pub fn verdict(&self) -> Option<Alarm> {
        self.verdict
    }
}

/// One probe as TRUE, FALSE or neither. Collectors that ask "does it answer" are TRUE on any answer, whatever the
/// round trip took; others compare the value. A threshold that is no number cannot be compared: neither.
fn judge(kpi: &Kpi, verdict: Verdict) -> Option<Alarm> {
    let value = match verdict {
        Verdict::CannotTell => return None,
        Verdict::NoAnswer => return Some(Alarm::False),
        Verdict::Alive(value) => value,
    };
    if matches!(kpi.collector.as_str(), "ICMPPing" | "TCPConnect") {
        return Some(Alarm::True);
    }
    let threshold: f64 = kpi.metric_value.trim().parse().ok()?;
    let holds = match kpi.condition {
        MetricCondition::Gt => value > threshold,
        MetricCondition::Lt => value < threshold,
        MetricCondition::Eq => value == threshold,
        MetricCondition::Ge => value >= threshold,
        MetricCondition::Le => value <= threshold,
    };
    Some(if holds { Alarm::True } else { Alarm::False })
}

/// Whether a KPI speaks about the VM's life: it is `VM_ALIVE`, or its rules recover or report the VM as booted.
/// When a group has none such, every enabled KPI does.
pub(crate) fn speaks_of_life(group: &VmGroup, kpi: &Kpi) -> bool {
    let of_life = |kpi: &Kpi| {
        kpi.event_name == "VM_ALIVE"
            || actions(group, kpi).any(|action| {
                action.is_recover()
                    || ["servicebooted", "esc_vm_alive"]
                        .iter()
                        .any(|word| action.action.trim_start().starts_with(word))
            })
    };
    kpi.enabled && (of_life(kpi) || !group.kpis.iter().any(|kpi| kpi.enabled && of_life(kpi)))
}

fn actions<'a>(group: &'a VmGroup, kpi: &'a Kpi) -> impl Iterator<Item = &'a RuleAction> {
    group
        .rules
        .iter()
        .filter(|rule| rule.event_name == kpi.event_name)
        .flat_map(|rule| &rule.actions)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn kpi(occurrences: u32, continuous_alarm: bool) -> Kpi {
        Kpi {
            event_name: "VM_ALIVE".into(),
            enabled: true,
            metric_value: "1".into(),
            condition: MetricCondition::Gt,
            metric_type: "UINT32".into(),
            occurrences_true: 1,
            occurrences_false: occurrences,
            collector: "ICMPPing".into(),
            nicid: 0,
            poll: Duration::from_secs(3),
            continuous_alarm,
        }
    }

    const YES: Verdict = Verdict::Alive(0.2);
    const NO: Verdict = Verdict::NoAnswer;
    const EH: Verdict = Verdict::CannotTell;

    #[test]
    fn table_of_probes_and_alarms() {
        let (t, f) = (Some(Alarm::True), Some(Alarm::False));
        // (occurrences_false, continuous, probes, alarms)
        let table = [
            (
                1,
                false,
                vec![YES, YES, NO, NO, YES],
                vec![t, None, f, None, t],
            ),
            (
                3,
                false,
                vec![YES, NO, NO, YES, NO, NO, NO, NO],
                vec![t, None, None, None, None, None, f, None],
            ),
            (2, true, vec![YES, YES, NO, NO, NO], vec![t, t, None, f, f]),
            (1, false, vec![EH, EH, EH], vec![None, None, None]),
            (2, false, vec![NO, EH, EH, NO], vec![None, None, None, f]),
            (
                2,
                false,
                vec![YES, EH, EH, EH, EH],
                vec![t, None, None, None, None],
            ),
            (1, false, vec![NO, NO], vec![f, None]),
        ];
        for (occurrences, continuous, probes, expected) in table {
            let kpi = kpi(occurrences, continuous);
            let mut tracker = AlarmTracker::default();
            let alarms: Vec<_> = probes
                .iter()
                .map(|probe| tracker.observe(&kpi, *probe))
                .collect();
            assert_eq!(alarms, expected, "{occurrences} {continuous} {probes:?}");
        }
    }

    #[test]
    fn other_collectors_compare_the_value() {
        let mut kpi = kpi(1, false);
        kpi.collector = "CpuLoad".into();
        let mut tracker = AlarmTracker::default();
        assert_eq!(
            tracker.observe(&kpi, Verdict::Alive(0.5)),
            Some(Alarm::False)
        );
        assert_eq!(
            tracker.observe(&kpi, Verdict::Alive(1.5)),
            Some(Alarm::True)
        );
        kpi.metric_value = "many".into();
        assert_eq!(tracker.observe(&kpi, Verdict::Alive(9.0)), None);
    }
}
