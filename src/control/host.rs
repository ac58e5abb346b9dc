//! What the machine says of itself, for `opdata/stats`.

use crate::esc_model::opdata::HostStats;

/// Reads the kernel's own files once; what cannot be read is left out.
pub fn stats() -> HostStats {
    let line = |path: &str| {
        std::fs::read_to_string(path)
            .map(|text| text.lines().next().unwrap_or_default().trim().to_owned())
            .unwrap_or_default()
    };
    let memory = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let total = memory.lines().find_map(|l| l.strip_prefix("MemTotal:"));
    HostStats {
        hostname: line("/proc/sys/kernel/hostname"),
        os_name: line("/proc/sys/kernel/ostype"),
        os_release: line("/proc/sys/kernel/osrelease"),
        arch: std::env::consts::ARCH.to_owned(),
        uptime: line("/proc/uptime"),
        load: line("/proc/loadavg"),
        cpu: std::thread::available_parallelism().map_or_else(|_| String::new(), |n| n.to_string()),
        memory: total.unwrap_or_default().trim().to_owned(),
    }
}
