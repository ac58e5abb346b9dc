//! Memory that large messages took goes back to the system: the allocator keeps it otherwise, and
//! every session could leave its largest request behind.

/// Octets of input after which it is worth it.
pub const WORTH: usize = 2 * 1024 * 1024;

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
