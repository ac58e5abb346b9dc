//! What libvirt's events say about a reboot or a stop: pure.
//!
//! libvirt keeps no record of what it was asked to do, and `reboot` by the power button returns success whatever
//! the guest makes of it. So a call that returned is no proof; what followed it is:
//!
//! | what was seen after the call | verdict |
//! | --- | --- |
//! | the guest was reset | it rebooted |
//! | the domain stopped and was started | it rebooted |
//! | the agent's channel closed and opened again | it rebooted |
//! | the domain stopped, and stays so | it went down |
//! | nothing | not yet; at the limit: nothing happened |

use super::link::DomainEvent;

/// What the events show.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// The guest began anew.
    Rebooted,
    /// The domain stopped.
    Stopped,
}

/// `virDomainEventType`: started.
const STARTED: i32 = 2;
/// `virDomainEventType`: stopped.
const STOPPED: i32 = 5;
/// `virDomainEventType`: crashed.
const CRASHED: i32 = 8;

/// Reads the events since the call, oldest first.
pub fn judge(events: &[DomainEvent]) -> Option<Verdict> {
    let mut down = false;
    let mut silent = false;
    for event in events {
        match event {
            DomainEvent::Reboot => return Some(Verdict::Rebooted),
            DomainEvent::Lifecycle(STARTED, _) if down => return Some(Verdict::Rebooted),
            DomainEvent::Lifecycle(STOPPED | CRASHED, _) => down = true,
            DomainEvent::Agent(false) => silent = true,
            DomainEvent::Agent(true) if silent && !down => return Some(Verdict::Rebooted),
            _ => {}
        }
    }
    down.then_some(Verdict::Stopped)
}

#[cfg(test)]
mod tests {
    use super::*;
    use DomainEvent as E;

    #[test]
    fn a_call_that_returned_is_no_proof_but_what_followed_is() {
        let cases: &[(&[E], Option<Verdict>)] = &[
            (&[], None),
            // reset: the guest tells its reset three times
            (&[E::Reboot, E::Reboot, E::Reboot], Some(Verdict::Rebooted)),
            // the guest goes down and comes back by itself
            (
                &[E::Agent(false), E::Reboot, E::Agent(true)],
                Some(Verdict::Rebooted),
            ),
            (&[E::Agent(false)], None),
            (&[E::Agent(false), E::Agent(true)], Some(Verdict::Rebooted)),
            // the agent was started late: no reboot
            (&[E::Agent(true)], None),
            (&[E::Lifecycle(5, 0)], Some(Verdict::Stopped)),
            (
                &[E::Lifecycle(6, 0), E::Lifecycle(5, 0), E::Lifecycle(2, 0)],
                Some(Verdict::Rebooted),
            ),
            (
                &[E::Agent(false), E::Lifecycle(5, 5), E::Agent(true)],
                Some(Verdict::Stopped),
            ),
            // somebody started it: nothing had stopped
            (&[E::Lifecycle(2, 0)], None),
            (&[E::Lifecycle(3, 0), E::Lifecycle(4, 0)], None),
            (&[E::Lifecycle(8, 0)], Some(Verdict::Stopped)),
        ];
        for (events, verdict) in cases {
            assert_eq!(judge(events), *verdict, "{events:?}");
        }
    }
}
