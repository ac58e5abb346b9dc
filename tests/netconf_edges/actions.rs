//! The ESC actions, bare and inside edit-config: what is refused, and how.

use crate::nacm::{add, path, rules, to};
use crate::peer::{ESC, Host, SIM, Table};
use crate::sample::{GROUP, NO_VMS, deployment, edit, running};

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

/// RFC 7950 section 7.15.2: an action is named by the path to an instance.
#[test]
fn a_yang_action_is_on_one_instance_that_is_there() {
    const OURS: &str = "urn:lifeline:yang:lifeline";
    const AT: &str = "/esc:esc_datamodel/esc:opdata/esc:tenants/esc:tenant[esc:name='t']/esc:deployments\
        [esc:deployment_name='d'][esc:service_name='-'][esc:service_version='-']";
    let schema_path = "/esc:esc_datamodel/esc:opdata/esc:tenants/esc:tenant/esc:deployments";
    let host = Host::start();
    let mut peer = host.peer();
    peer.ok(&running(
        &deployment("t", "d", &format!("{GROUP}{NO_VMS}")).replace(
            "<name>t</name>",
            "<name>t</name><managed_resource>false</managed_resource>",
        ),
    ));
    let action = |inner: &str| {
        format!(
            "<action xmlns=\"urn:ietf:params:xml:ns:yang:1\"><esc_datamodel xmlns=\"{ESC}\"><opdata><tenants><tenant>\
             <name>t</name>{inner}</tenant></tenants></opdata></esc_datamodel></action>"
        )
    };
    let on = |name: &str, inner: &str| {
        action(&format!(
            "<deployments><deployment_name>{name}</deployment_name><service_name>-</service_name>\
             <service_version>-</service_version>{inner}</deployments>"
        ))
    };
    let operate = |inner: &str| format!("<operate xmlns=\"{OURS}\">{inner}</operate>");
    let stop = operate("<action-type>DISABLE_MONITOR</action-type>");
    let mut table = Table::default();
    // Refused as long as the deployment is being made.
    let mut got = peer.error(&on("d", &stop));
    for _ in 0..200 {
        if !got.contains("in-use") {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
        got = peer.error(&on("d", &stop));
    }
    table.row("without VMs", &got, &["application operation-failed"]);
    let vm = |inner: &str| {
        on(
            "d",
            &format!(
                "<vm_group><name>g</name><vm_instance><vm_id>no</vm_id>{inner}</vm_instance></vm_group>"
            ),
        )
    };
    for (case, request, expected) in [
        (
            "no such deployment",
            on("nope", &stop),
            format!("application data-missing path={}", AT.replace("'d'", "'nope'")),
        ),
        (
            "no such VM",
            vm(&format!("<recover xmlns=\"{OURS}\"/>")),
            format!("application data-missing path={AT}/esc:vm_group[esc:name='g']/esc:vm_instance[esc:vm_id='no']"),
        ),
        (
            "a key missing",
            action(&format!("<deployments><deployment_name>d</deployment_name><service_name>-</service_name>{stop}</deployments>")),
            format!("application missing-element path={schema_path} bad-element=service_version"),
        ),
        (
            "a key twice",
            on("d", &format!("<service_name>-</service_name>{stop}")),
            format!("application bad-element path={schema_path} bad-element=service_name"),
        ),
        (
            "elements in a key",
            on("<x/>", &stop),
            format!("application unknown-element path={schema_path} bad-element=x"),
        ),
        (
            "two actions",
            on("d", &format!("{stop}{stop}")),
            format!("application bad-element path={schema_path} bad-element=operate"),
        ),
        (
            "no action",
            on("d", ""),
            format!("application operation-not-supported path={schema_path}"),
        ),
        (
            "a leaf",
            on("d", "<deployment_id/>"),
            format!("application operation-not-supported path={schema_path}"),
        ),
        (
            "an action of another node",
            on("d", &format!("<recover xmlns=\"{OURS}\"/>")),
            format!("application unknown-element path={schema_path} bad-element=recover"),
        ),
        (
            "an attribute on the way",
            on("d", &stop).replace("<tenants>", "<tenants xmlns:nc=\"urn:ietf:params:xml:ns:netconf:base:1.0\" nc:operation=\"merge\">"),
            "application unknown-attribute path=/esc:esc_datamodel/esc:opdata bad-attribute=operation bad-element=tenants".to_owned(),
        ),
        (
            "no input",
            on("d", &operate("")),
            "protocol missing-element*bad-element=action-type".to_owned(),
        ),
        (
            "a bad value",
            on("d", &operate("<action-type>DANCE</action-type>")),
            "application invalid-value*action-type".to_owned(),
        ),
        (
            "a parameter that is none",
            on("d", &operate("<action-type>STOP</action-type><force>true</force>")),
            format!("protocol unknown-element path={schema_path}/lifeline:operate bad-element=force"),
        ),
        (
            "text in the action",
            on("d", &operate("junk<action-type>STOP</action-type>")),
            "rpc malformed-message*".to_owned(),
        ),
        (
            "bare",
            stop.clone(),
            "protocol operation-not-supported*".to_owned(),
        ),
    ] {
        let got = peer.error(&request);
        let (start, end) = expected.split_once('*').unwrap_or((&expected, ""));
        let exact = expected.contains('*') || got == expected;
        let fits = exact && got.starts_with(start) && got.ends_with(end) && !got.contains("; ");
        table.row(case, if fits { &expected } else { &got }, &[&expected]);
    }
    let there = format!("{}{}", path(AT), to("read"));
    let operations = format!(
        "{}{}",
        path(&format!("{schema_path}/lifeline:operate"))
            .replace("<path ", &format!("<path xmlns:lifeline=\"{OURS}\" ")),
        to("exec")
    );
    add(&host, "ann", &["watchers"]);
    let mut ann = host.peer_of("ann");
    let denied = |name: &str| {
        let at = AT.replace("'d'", &format!("'{name}'"));
        format!("protocol access-denied path={at}/lifeline:operate")
    };
    for (case, rule) in [("no sight of it", &there), ("no exec", &operations)] {
        peer.ok(&running(&rules("watchers", &[(rule, "deny")])));
        let denied = &denied("d");
        table.row(case, &ann.error(&on("d", &stop)), &[denied]);
        // Not even whether it would be valid.
        table.row(case, &ann.error(&on("d", &operate(""))), &[denied]);
    }
    // One key of three names the instances.
    let by_key = operations.replace("deployments/", "deployments[esc:deployment_name='d']/");
    peer.ok(&running(&rules(
        "watchers",
        &[(&by_key, "permit"), (&operations, "deny")],
    )));
    for (name, expected) in [
        ("d", "application operation-failed"),
        ("nope", &denied("nope")),
    ] {
        table.row(name, &ann.error(&on(name, &stop)), &[expected]);
    }
    table.row(
        "others",
        &peer.error(&on("d", &stop)),
        &["application operation-failed"],
    );
    table.done();
}
