//! Memory that large messages and logins took goes back to the system: the allocator keeps it
//! otherwise, and every thread could keep the largest request it served.

use std::sync::atomic::{AtomicBool, Ordering};

/// Octets of input after which giving memory back is worth it.
pub(super) const WORTH: usize = 2 * 1024 * 1024;

/// Blocks of this size and above come from the system and go back to it, each by itself. The allocator's
/// own limit starts lower and then follows the largest block freed: a password check uses 19 MiB, and
/// after the first one every thread would keep as much.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const OWN_MAPPING: libc::c_int = 1024 * 1024;

/// Tells the allocator how to deal with large blocks; for the whole process, to be called at its start.
pub fn prepare() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: sets a number of the allocator, which may be done at any time.
    let set = unsafe { libc::mallopt(libc::M_MMAP_THRESHOLD, OWN_MAPPING) };
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    if set != 1 {
        tracing::warn!("the allocator keeps large blocks");
    }
}

/// Whether a large message has come since the candidate was last let go: it may be what that was made of.
static LARGE: AtomicBool = AtomicBool::new(false);

/// A large message was served.
pub(super) fn served_large() {
    LARGE.store(true, Ordering::Relaxed);
    give_back();
}

/// The candidate's changes were let go; what they took goes back if it can have been much.
pub fn candidate_let_go() {
    if LARGE.swap(false, Ordering::Relaxed) {
        give_back();
    }
}

/// Gives unused memory back; costs milliseconds, so off the I/O threads.
pub fn give_back() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    if let Ok(runtime) = tokio::runtime::Handle::try_current() {
        drop(runtime.spawn_blocking(|| {
            // SAFETY: takes no pointer, may be called at any time from any thread.
            unsafe { libc::malloc_trim(0) };
        }));
    }
}
