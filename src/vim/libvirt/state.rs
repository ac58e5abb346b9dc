//! A domain's state and reason (`virDomainState` and its reasons) in the engine's words, and in libvirt's.

use crate::engine::port::PowerState;

/// `virDomainState`: running.
pub const RUNNING: i32 = 1;
/// `virDomainState`: paused.
pub const PAUSED: i32 = 3;
/// `virDomainState`: off.
pub const SHUTOFF: i32 = 5;
/// `virDomainState`: crashed, kept for a look.
pub const CRASHED: i32 = 6;
/// `virDomainState`: suspended by the guest itself.
pub const PM_SUSPENDED: i32 = 7;

/// What the engine is told. A domain that libvirt calls crashed or failed is in error by the VIM's own
/// judgement; one that somebody paused does not run; one that is being moved or saved cannot be told.
pub fn power(state: i32, reason: i32) -> PowerState {
    match (state, reason) {
        // running; blocked on a resource
        (RUNNING | 2, _) => PowerState::Running,
        (PAUSED, 11) => PowerState::Building,
        // disk error, watchdog, guest panic, failed post-copy
        (PAUSED, 5 | 6 | 10 | 13) => PowerState::Error,
        // migration, save, dump, snapshot, post-copy: under way
        (PAUSED, 2 | 3 | 4 | 9 | 12) => PowerState::Unknown,
        (PAUSED, _) => PowerState::Stopped,
        // on its way down: it still runs
        (4, _) => PowerState::Running,
        // crashed, failed to start
        (SHUTOFF, 3 | 6) => PowerState::Error,
        (SHUTOFF, _) => PowerState::Stopped,
        (CRASHED, _) => PowerState::Error,
        (PM_SUSPENDED, _) => PowerState::Stopped,
        _ => PowerState::Unknown,
    }
}

/// Whether a process of the hypervisor belongs to it.
pub fn is_active(state: i32) -> bool {
    !matches!(state, SHUTOFF)
}

/// State and reason as `virsh domstate --reason` says them.
pub fn words(state: i32, reason: i32) -> String {
    let names: (&str, &[&str]) = match state {
        RUNNING => (
            "running",
            &[
                "unknown",
                "booted",
                "migrated",
                "restored",
                "from snapshot",
                "unpaused",
                "migration canceled",
                "save canceled",
                "event wakeup",
                "crashed",
                "post-copy",
                "post-copy failed",
            ],
        ),
        2 => ("idle", &["unknown"]),
        PAUSED => (
            "paused",
            &[
                "unknown",
                "user",
                "migrating",
                "saving",
                "dumping",
                "I/O error",
                "watchdog",
                "from snapshot",
                "shutting down",
                "creating snapshot",
                "crashed",
                "starting up",
                "post-copy",
                "post-copy failed",
            ],
        ),
        4 => ("in shutdown", &["unknown", "user"]),
        SHUTOFF => (
            "shut off",
            &[
                "unknown",
                "shutdown",
                "destroyed",
                "crashed",
                "migrated",
                "saved",
                "failed",
                "from snapshot",
                "daemon",
            ],
        ),
        CRASHED => ("crashed", &["unknown", "panicked"]),
        PM_SUSPENDED => ("pmsuspended", &["unknown"]),
        _ => ("no state", &["unknown"]),
    };
    let (name, reasons) = names;
    let reason = usize::try_from(reason).ok().and_then(|at| reasons.get(at));
    match reason {
        Some(reason) => format!("{name} ({reason})"),
        None => format!("{name} (reason not known)"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_and_reason_has_its_meaning() {
        use PowerState as P;
        let cases = [
            ((1, 1), P::Running, "running (booted)"),
            ((2, 0), P::Running, "idle (unknown)"),
            ((3, 1), P::Stopped, "paused (user)"),
            ((3, 2), P::Unknown, "paused (migrating)"),
            ((3, 5), P::Error, "paused (I/O error)"),
            ((3, 6), P::Error, "paused (watchdog)"),
            ((3, 7), P::Stopped, "paused (from snapshot)"),
            ((3, 10), P::Error, "paused (crashed)"),
            ((3, 11), P::Building, "paused (starting up)"),
            ((4, 1), P::Running, "in shutdown (user)"),
            ((5, 1), P::Stopped, "shut off (shutdown)"),
            ((5, 2), P::Stopped, "shut off (destroyed)"),
            ((5, 3), P::Error, "shut off (crashed)"),
            ((5, 6), P::Error, "shut off (failed)"),
            ((5, 8), P::Stopped, "shut off (daemon)"),
            ((6, 1), P::Error, "crashed (panicked)"),
            ((7, 0), P::Stopped, "pmsuspended (unknown)"),
            ((0, 0), P::Unknown, "no state (unknown)"),
            ((1, 99), P::Running, "running (reason not known)"),
            ((1, -1), P::Running, "running (reason not known)"),
        ];
        for ((state, reason), expected, text) in cases {
            assert_eq!(power(state, reason), expected, "{text}");
            assert_eq!(words(state, reason), text);
        }
    }
}
