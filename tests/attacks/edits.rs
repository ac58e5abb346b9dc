//! Changes of the configuration that are legal and huge: taken up whole, or refused by name; others go on.

use std::time::{Duration, Instant};

use crate::peer::{ESC, Got, Host, brief};
use crate::sample::{all, running};
use crate::{QUICK, eventually, quick};

const MIB: usize = 1 << 20;

/// What the running configuration may be read with, without reading all of it.
const LOOK: &str = "<get-config><source><running/></source><filter type=\"xpath\" select=\"/esc_datamodel/tenants/tenant[name='nobody']\"/></get-config>";

fn tenants(count: usize) -> String {
    let all: String = (0..count)
        .map(|n| format!("<tenant><name>tenant-{n:0100}</name></tenant>"))
        .collect();
    running(&format!(
        "<esc_datamodel xmlns=\"{ESC}\"><tenants>{all}</tenants></esc_datamodel>"
    ))
}

/// What an operation is answered, and the longest that another session waited for its own ones meanwhile.
fn beside(host: &Host, operation: &str) -> (Got, Duration) {
    let mut other = host.peer();
    other.rpc(LOOK);
    let mut peer = host.peer();
    std::thread::scope(|scope| {
        let asking = scope.spawn(move || {
            peer.send_message(&crate::messages::rpc(operation));
            peer.next(Duration::from_secs(180))
        });
        let mut worst = Duration::ZERO;
        while !asking.is_finished() {
            let began = Instant::now();
            other.rpc(LOOK);
            worst = worst.max(began.elapsed());
            std::thread::sleep(Duration::from_millis(5));
        }
        (asking.join().unwrap(), worst)
    })
}

/// More units than a change may touch: too-big, by the setting's name, to running as at the commit of a candidate;
/// nothing is changed, nobody waits, and the memory comes back.
#[test]
fn a_change_of_too_many_units_is_refused_by_name() {
    let host = quick();
    host.lives();
    let fresh = host.memory("VmRSS");
    let edit = tenants(80_000);
    assert!(edit.len() > 10 * MIB);
    let (got, worst) = beside(&host, &edit);
    let Got::Message(reply) = got else {
        panic!("{got:?}");
    };
    let peak = host.memory("VmHWM");
    assert!(reply.contains("<error-tag>too-big</error-tag>"), "{reply}");
    assert!(
        reply.contains("touches 80000 units") && reply.contains("change-units"),
        "{reply}"
    );
    println!(
        "80,000 tenants, {} MiB: refused; {fresh} MiB before, {peak} MiB at most; the other waited {worst:?}",
        edit.len() / MIB
    );
    assert!(worst < Duration::from_secs(1), "{worst:?}");
    assert!(peak - fresh <= 128, "{fresh} MiB became {peak} MiB");
    let (got, worst) = beside(&host, &edit.replacen("running", "candidate", 1));
    assert!(matches!(&got, Got::Message(reply) if reply.contains("<ok/>")));
    assert!(worst < Duration::from_secs(1), "{worst:?}");
    let (got, worst) = beside(&host, "<commit/>");
    assert!(matches!(&got, Got::Message(reply) if reply.contains("change-units")));
    assert!(worst < Duration::from_secs(1), "{worst:?}");
    let mut peer = host.peer();
    peer.ok("<discard-changes/>");
    let reply = peer.rpc(&all("running"));
    assert!(!reply.contains("<tenant>"), "{reply:.300}");
    eventually("memory goes back", || host.memory("VmRSS") <= fresh + 48);
    host.lives();
}

/// A change whose rows in the engine are more than the store takes in one batch is taken up whole, in pieces; its
/// removal too, and then the memory is given back.
#[test]
fn a_change_larger_than_a_batch_is_taken_up_whole() {
    let settings = format!("{QUICK}[store]\nqueue-bytes = 4194304\n");
    let host = Host::process_with(&settings, &[]);
    host.lives();
    let before = host.memory("VmHWM");
    let count = 4_000;
    let (got, worst) = beside(&host, &tenants(count));
    let Got::Message(reply) = got else {
        panic!("{got:?}");
    };
    assert!(reply.contains("<ok/>"), "{}", brief(&reply));
    let mut peer = host.peer();
    let made = "<get><filter type=\"xpath\" select=\"/esc_datamodel/opdata/tenants/tenant/tenant_id\"/></get>";
    eventually("all tenants are made", || {
        peer.rpc(made).matches("<tenant_id>").count() == count
    });
    let peak = host.memory("VmHWM");
    println!(
        "{count} tenants: {before} MiB before, {peak} MiB at most; the other waited {worst:?}"
    );
    assert!(worst < Duration::from_secs(1), "{worst:?}");
    assert!(peak - before <= 128, "{before} MiB became {peak} MiB");
    let removal = running(&format!(
        "<esc_datamodel xmlns=\"{ESC}\"><tenants xmlns:nc=\"{}\" nc:operation=\"delete\"/></esc_datamodel>",
        crate::peer::BASE
    ));
    let (got, worst) = beside(&host, &removal);
    assert!(matches!(&got, Got::Message(reply) if reply.contains("<ok/>")));
    assert!(worst < Duration::from_secs(1), "{worst:?}");
    eventually("all tenants are gone", || {
        !peer.rpc(made).contains("<tenant_id>")
    });
    eventually("memory goes back", || host.memory("VmRSS") <= 150);
    println!("{} MiB after", host.memory("VmRSS"));
    host.lives();
}
