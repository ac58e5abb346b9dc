//! What the benches share: tables, verdicts, counted allocations, deployments, a NETCONF client.

#![allow(dead_code, clippy::disallowed_methods)]

pub mod alloc;
pub mod client;
pub mod crowd;
pub mod server;

use std::process::ExitCode;
use std::time::{Duration, Instant};

/// Collects what was missed. A ratio above `far` fails the bench; one between `wanted` and `far` is told.
#[derive(Default)]
pub struct Verdicts {
    missed: bool,
}

impl Verdicts {
    /// Judges one figure that must not be above `wanted`.
    pub fn at_most(&mut self, what: &str, value: f64, wanted: f64, far: f64) {
        let word = match value {
            v if v <= wanted => "ok",
            v if v <= far => "MISSED",
            _ => {
                self.missed = true;
                "MISSED BY FAR"
            }
        };
        println!("  {what:<58} {value:>9.3}  (at most {wanted}) {word}");
    }

    /// Judges one statement.
    pub fn holds(&mut self, what: &str, holds: bool) {
        self.missed |= !holds;
        let word = if holds { "ok" } else { "FAILED" };
        println!("  {what:<58} {word}");
    }

    /// The program's answer.
    pub fn exit(self) -> ExitCode {
        match self.missed {
            true => ExitCode::FAILURE,
            false => ExitCode::SUCCESS,
        }
    }
}

/// Prints one row of a table: a name and its columns.
pub fn row(name: &str, columns: &[String]) {
    print!("  {name:<34}");
    for column in columns {
        print!(" {column:>14}");
    }
    println!();
}

/// The median; sorts in place.
pub fn median(values: &mut [f64]) -> f64 {
    percentile(values, 50.0)
}

/// A percentile; sorts in place.
pub fn percentile(values: &mut [f64], percent: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let last = values.len().saturating_sub(1);
    let at = (last as f64 * percent / 100.0).round() as usize;
    values.get(at).copied().unwrap_or(f64::NAN)
}

/// Runs `work` and says how long it took.
pub fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let start = Instant::now();
    let result = work();
    (result, start.elapsed())
}

/// Microseconds.
pub fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

/// `CLOCK_MONOTONIC` in nanoseconds: the same in every process of the machine.
pub fn monotonic_ns() -> u64 {
    let mut now = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: the pointer is to a live timespec.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut now) };
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}

/// CPU time used by a process (all threads), from `/proc`.
pub fn cpu_time(pid: u32) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let after = stat.rsplit(')').next().unwrap_or("");
    let fields: Vec<&str> = after.split_whitespace().collect();
    let ticks = |at: usize| -> u64 { fields.get(at).and_then(|t| t.parse().ok()).unwrap_or(0) };
    // utime and stime are fields 14 and 15 of the line; 100 ticks per second on Linux.
    Duration::from_millis((ticks(11) + ticks(12)) * 10)
}

/// Private memory of a process in bytes (`Private_Clean` + `Private_Dirty`).
pub fn private_bytes(pid: u32) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
    let kib = text.lines().filter_map(|line| {
        let rest = line.strip_prefix("Private_")?;
        let (_, value) = rest.split_once(':')?;
        value.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok()
    });
    kib.sum::<u64>() * 1024
}

/// Lets this process hold many connections.
pub fn raise_open_files() {
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: the pointers are to a live rlimit.
    unsafe {
        if libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit) == 0 {
            limit.rlim_cur = limit.rlim_max;
            libc::setrlimit(libc::RLIMIT_NOFILE, &limit);
        }
    }
}

/// A directory for a store: in memory where there is such a place, so that no disk is measured.
pub fn scratch() -> tempfile::TempDir {
    let memory = std::path::Path::new("/dev/shm");
    let made = match memory.is_dir() {
        true => tempfile::tempdir_in(memory),
        false => tempfile::tempdir(),
    };
    made.expect("a scratch directory")
}

/// A private data directory in `dir`.
pub fn data_dir(dir: &tempfile::TempDir) -> std::path::PathBuf {
    use std::os::unix::fs::DirBuilderExt;
    let path = dir.path().join("data");
    let made = std::fs::DirBuilder::new().mode(0o700).create(&path);
    made.expect("data directory");
    path
}

/// The configuration of deployments `range` of a tenant, with the tenant's network where `first`.
pub fn deployments(tenant: &str, range: std::ops::Range<usize>, first: bool) -> String {
    let mut xml = format!(
        r#"<esc_datamodel xmlns="http://www.cisco.com/esc/esc"><tenants><tenant><name>{tenant}</name>"#,
    );
    if first {
        xml += "<networks><network><name>lan</name><shared>false</shared><subnet><name>s</name>\
            <address>10.0.0.0</address><netmask>255.0.0.0</netmask><gateway>10.0.0.1</gateway>\
            </subnet></network></networks>";
    }
    xml += "<deployments>";
    for n in range {
        xml += &deployment(n);
    }
    xml + "</deployments></tenant></tenants></esc_datamodel>"
}

/// One deployment of one VM group, with an extension property to edit.
pub fn deployment(n: usize) -> String {
    format!(
        "<deployment><name>{name}</name><vm_group><name>g</name><image>cirros</image>\
         <flavor>m1.tiny</flavor><bootup_time>30</bootup_time><recovery_wait_time>1</recovery_wait_time>\
         <recovery_policy><recovery_type>AUTO</recovery_type>\
         <action_on_recovery>REBOOT_THEN_REDEPLOY</action_on_recovery><max_retries>3</max_retries>\
         </recovery_policy>\
         <interfaces><interface><nicid>0</nicid><network>lan</network></interface></interfaces>\
         <kpi_data><kpi><event_name>VM_ALIVE</event_name><metric_value>1</metric_value>\
         <metric_cond>GT</metric_cond><metric_type>UINT32</metric_type><metric_collector>\
         <type>ICMPPing</type><nicid>0</nicid><poll_frequency>3600</poll_frequency>\
         <polling_unit>seconds</polling_unit><continuous_alarm>false</continuous_alarm>\
         </metric_collector></kpi></kpi_data>\
         <rules><admin_rules><rule><event_name>VM_ALIVE</event_name><action>ALWAYS log</action>\
         <action>TRUE servicebooted.sh</action><action>FALSE recover autohealing</action></rule>\
         </admin_rules></rules>\
         <scaling><min_active>1</min_active><max_active>2</max_active></scaling></vm_group>\
         <extensions><extension><name>bench</name><properties><property><name>counter</name>\
         <value>0</value></property></properties></extension></extensions></deployment>",
        name = deployment_name(n)
    )
}

/// The name of deployment `n`.
pub fn deployment_name(n: usize) -> String {
    format!("dep-{n:05}")
}

/// An edit of one leaf of deployment `n`, which changes no VM.
pub fn leaf_edit(tenant: &str, n: usize, value: u64) -> String {
    format!(
        r#"<esc_datamodel xmlns="http://www.cisco.com/esc/esc"><tenants><tenant><name>{tenant}</name><deployments><deployment><name>{}</name><extensions><extension><name>bench</name><properties><property><name>counter</name><value>{value}</value></property></properties></extension></extensions></deployment></deployments></tenant></tenants></esc_datamodel>"#,
        deployment_name(n)
    )
}
