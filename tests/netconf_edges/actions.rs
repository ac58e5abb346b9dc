//! The ESC actions, bare and inside edit-config: what is refused, and how.

use crate::peer::{ESC, Host, SIM, Table};
use crate::sample::{edit, running};

#[test]
fn refusals_of_actions() {
    let host = Host::start();
    let mut table = Table::default();
    let mut peer = host.peer();
    for (case, name, inner, expected) in [
        (
            "unknown VM",
            "vmAction",
            "<actionType>STOP</actionType><vmName>nope</vmName>",
            "application data-missing*",
        ),
        (
            "unknown VM",
            "recoveryVmAction",
            "<actionType>DO</actionType><vmName>nope</vmName>",
            "application data-missing*",
        ),
        (
            "unknown deployment",
            "serviceAction",
            "<actionType>STOP</actionType><tenantName>t</tenantName><depName>d</depName>",
            "application data-missing*",
        ),
        (
            "bad actionType",
            "vmAction",
            "<actionType>JUMP</actionType><vmName>nope</vmName>",
            "application invalid-value*",
        ),
        (
            "bad actionType",
            "recoveryVmAction",
            "<actionType>STOP</actionType><vmName>nope</vmName>",
            "application invalid-value*",
        ),
        (
            "bad actionType",
            "serviceAction",
            "<actionType>DO</actionType><tenantName>t</tenantName><depName>d</depName>",
            "application invalid-value*",
        ),
        (
            "empty name",
            "vmAction",
            "<actionType>STOP</actionType><vmName/>",
            "application invalid-value*",
        ),
        (
            "no vmName",
            "vmAction",
            "<actionType>STOP</actionType>",
            "protocol missing-element* bad-element=vmName",
        ),
        (
            "no actionType",
            "vmAction",
            "<vmName>x</vmName>",
            "protocol missing-element* bad-element=actionType",
        ),
        (
            "no depName",
            "serviceAction",
            "<actionType>STOP</actionType><tenantName>t</tenantName>",
            "protocol missing-element* bad-element=depName",
        ),
        (
            "nothing",
            "recoveryVmAction",
            "",
            "protocol missing-element* bad-element=actionType",
        ),
        (
            "unknown parameter",
            "vmAction",
            "<actionType>STOP</actionType><vmName>x</vmName><foo/>",
            "protocol unknown-element* bad-element=foo",
        ),
        (
            "foreign parameter",
            "vmAction",
            "<actionType>STOP</actionType><vmName>x</vmName><foo xmlns=\"urn:x\"/>",
            "protocol unknown-namespace* bad-element=foo bad-namespace=urn:x",
        ),
        (
            "twice",
            "vmAction",
            "<actionType>STOP</actionType><vmName>x</vmName><vmName>y</vmName>",
            "protocol bad-element* bad-element=vmName",
        ),
        (
            "text",
            "vmAction",
            "junk<actionType>STOP</actionType><vmName>x</vmName>",
            "rpc malformed-message*",
        ),
        (
            "bad force",
            "vmAction",
            "<actionType>STOP</actionType><vmName>x</vmName><force>maybe</force>",
            "application invalid-value*",
        ),
    ] {
        let action = format!("<{name} xmlns=\"{ESC}\">{inner}</{name}>");
        for (form, operation) in [("bare", action.clone()), ("wrapped", running(&action))] {
            let got = peer.error(&operation);
            let (start, end) = expected
                .split_once('*')
                .map_or((expected, ""), |(s, e)| (s, e));
            let fits = got.starts_with(start) && got.ends_with(end) && !got.contains("; ");
            table.row(
                &format!("{case} {name} {form}"),
                if fits { expected } else { &got },
                &[expected],
            );
        }
    }
    let action = format!(
        "<vmAction xmlns=\"{ESC}\"><actionType>STOP</actionType><vmName>nope</vmName></vmAction>"
    );
    table.row(
        "in candidate",
        &peer.error(&edit("candidate", "", &action)),
        &["application operation-not-supported"],
    );
    table.row(
        "tested only",
        &peer.error(&edit(
            "running",
            "<test-option>test-only</test-option>",
            &action,
        )),
        &["application operation-not-supported"],
    );
    let inject = |inner: &str| format!("<inject xmlns=\"{SIM}\">{inner}</inject>");
    table.row(
        "unknown fault",
        &peer.error(&inject("<vm-name>x</vm-name><fault>explode</fault>")),
        &["application invalid-value*"],
    );
    table.row(
        "no fault",
        &peer.error(&inject("<vm-name>x</vm-name>")),
        &["protocol missing-element*"],
    );
    table.done();
}
