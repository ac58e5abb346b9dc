//! Cases 49 to 61: errors of edits (RFC 6241 section 7.2 and appendix A, RFC 7950 sections 8 and 15).

use std::time::Duration;

use crate::peer::{ESC, Host, Table};
use crate::sample::{GROUP, NO_VMS, all, candidate, deployment, edit, network, running, tenant};

const MANAGED: &str = "<managed_resource>false</managed_resource>";

#[test]
fn errors_of_nodes_and_values() {
    let host = Host::start();
    let mut table = Table::default();
    let mut peer = host.peer();
    peer.ok(&running(&tenant("t", MANAGED)));
    let top = "/esc:esc_datamodel";
    let t = format!("{top}/esc:tenants/esc:tenant[esc:name='t']");
    for target in ["running", "candidate"] {
        for (case, config, expected) in [
            (
                "49 unknown element",
                tenant("t", "<foo/>"),
                format!("application unknown-element path={t} bad-element=foo"),
            ),
            (
                "49 unknown at the top",
                format!("<foo xmlns=\"{ESC}\"/>"),
                "application unknown-element bad-element=foo".to_owned(),
            ),
            (
                "50 unknown namespace",
                tenant("t", "<foo xmlns=\"urn:x\"/>"),
                format!(
                    "application unknown-namespace path={t} bad-element=foo bad-namespace=urn:x"
                ),
            ),
            (
                "50 unknown namespace at the top",
                "<foo xmlns=\"urn:x\"/>".to_owned(),
                "application unknown-namespace bad-element=foo bad-namespace=urn:x".to_owned(),
            ),
            (
                "50 no namespace",
                "<esc_datamodel xmlns=\"\"/>".to_owned(),
                "application unknown-namespace bad-element=esc_datamodel bad-namespace=".to_owned(),
            ),
            (
                "51 bad boolean",
                tenant("t", "<managed_resource>maybe</managed_resource>"),
                format!("application invalid-value path={t}/esc:managed_resource"),
            ),
            (
                "51 bad range",
                network("t", "<vlan_id>4095</vlan_id>"),
                format!(
                    "application invalid-value path={t}/esc:networks/esc:network[esc:name='n1']/esc:vlan_id"
                ),
            ),
            (
                "51 bad key",
                tenant("", MANAGED),
                format!("application invalid-value path={top}/esc:tenants/esc:tenant/esc:name"),
            ),
            (
                "51 empty number",
                network("t", "<vlan_id/>"),
                format!(
                    "application invalid-value path={t}/esc:networks/esc:network[esc:name='n1']/esc:vlan_id"
                ),
            ),
            (
                "51 leaf given twice",
                tenant("t", &format!("{MANAGED}{MANAGED}")),
                format!("application bad-element path={t} bad-element=managed_resource"),
            ),
            (
                "52 no key",
                format!(
                    "<esc_datamodel xmlns=\"{ESC}\"><tenants><tenant>{MANAGED}</tenant></tenants></esc_datamodel>"
                ),
                format!(
                    "application missing-element path={top}/esc:tenants/esc:tenant bad-element=name"
                ),
            ),
            (
                "53 create",
                tenant("t", MANAGED).replace("<tenant>", "<tenant nc:operation=\"create\">"),
                format!("application data-exists path={t}"),
            ),
            (
                "54 delete",
                tenant("u", "").replace("<tenant>", "<tenant nc:operation=\"delete\">"),
                format!("application data-missing path={top}/esc:tenants/esc:tenant[esc:name='u']"),
            ),
            (
                "54 delete a leaf",
                network("t", "<vlan_id nc:operation=\"delete\"/>"),
                format!(
                    "application data-missing path={t}/esc:networks/esc:network[esc:name='n1']/esc:vlan_id"
                ),
            ),
            (
                "55 remove",
                tenant("u", "").replace("<tenant>", "<tenant nc:operation=\"remove\">"),
                "ok".to_owned(),
            ),
            (
                "56 operation",
                tenant("t", "").replace("<tenant>", "<tenant nc:operation=\"destroy\">"),
                format!(
                    "application bad-attribute path={t} bad-attribute=operation bad-element=tenant"
                ),
            ),
            (
                "56 empty operation",
                tenant("t", "").replace("<tenant>", "<tenant nc:operation=\"\">"),
                format!(
                    "application bad-attribute path={t} bad-attribute=operation bad-element=tenant"
                ),
            ),
            (
                "56 unknown attribute",
                tenant("t", "").replace("<tenant>", "<tenant foo=\"1\">"),
                format!(
                    "application unknown-attribute path={t} bad-attribute=foo bad-element=tenant"
                ),
            ),
            (
                "58 state",
                format!(
                    "<esc_datamodel xmlns=\"{ESC}\"><opdata><status>x</status></opdata></esc_datamodel>"
                ),
                format!("application unknown-element path={top} bad-element=opdata"),
            ),
            (
                "text in a container",
                format!("<esc_datamodel xmlns=\"{ESC}\">junk</esc_datamodel>"),
                format!("application invalid-value path={top}"),
            ),
            (
                "element in a leaf",
                tenant("t", "<managed_resource><x/></managed_resource>"),
                format!("application unknown-element path={t}/esc:managed_resource bad-element=x"),
            ),
            (
                "operation on a key",
                tenant("t", "").replace("<name>", "<name nc:operation=\"delete\">"),
                format!(
                    "application bad-attribute path={top}/esc:tenants/esc:tenant/esc:name bad-attribute=operation bad-element=name"
                ),
            ),
        ] {
            // candidate keeps what was accepted: 55 only.
            let got = peer.error(&edit(target, "", &config));
            table.row(&format!("{case} {target}"), &got, &[&expected]);
        }
    }
    let none = edit(
        "running",
        "<default-operation>none</default-operation>",
        &tenant("u", MANAGED),
    );
    let got = peer.error(&none);
    table.row(
        "54 default-operation none",
        &got,
        &[&format!(
            "application data-missing path={top}/esc:tenants/esc:tenant[esc:name='u']"
        )],
    );
    // Unknown nodes count below a removed entry as well.
    let got = peer.error(&running(
        &tenant("t", "<foo/>").replace("<tenant>", "<tenant nc:operation=\"remove\">"),
    ));
    table.row(
        "49 below remove",
        &got,
        &[&format!(
            "application unknown-element path={t} bad-element=foo"
        )],
    );
    table.done();
}

#[test]
fn constraints() {
    let host = Host::start();
    let mut table = Table::default();
    let mut peer = host.peer();
    let g = "/esc:esc_datamodel/esc:tenants/esc:tenant[esc:name='t']/esc:deployments/esc:deployment[esc:name='d']/esc:vm_group[esc:name='g']";
    let d = "/esc:esc_datamodel/esc:tenants/esc:tenant[esc:name='t']/esc:deployments/esc:deployment[esc:name='d']";
    let nic = |id: u32, more: &str| {
        format!("<interface><nicid>{id}</nicid><network>n</network>{more}</interface>")
    };
    let nics = |all: &str| format!("{GROUP}{NO_VMS}<interfaces>{all}</interfaces>");
    let kpi = |nicid: u32| {
        format!(
            "<kpi_data><kpi><event_name>E</event_name><metric_value>1</metric_value><metric_cond>GT</metric_cond><metric_type>UINT32</metric_type><metric_collector><type>ICMPPing</type><nicid>{nicid}</nicid><poll_frequency>1</poll_frequency><polling_unit>seconds</polling_unit><continuous_alarm>false</continuous_alarm></metric_collector></kpi></kpi_data>"
        )
    };
    let mac = "<mac_address>02:00:00:00:00:01</mac_address>";
    for (case, inner, expected) in [
        (
            "61 mandatory",
            "<flavor>f</flavor><recovery_wait_time>0</recovery_wait_time>".to_owned(),
            format!("application data-missing path={g}"),
        ),
        (
            "61 must",
            nics(&nic(1, "")),
            format!(
                "application operation-failed app=nicid-not-contiguous path={g}/esc:interfaces"
            ),
        ),
        (
            "61 must of a leaf",
            format!(
                "{GROUP}<scaling><min_active>2</min_active><max_active>1</max_active></scaling>"
            ),
            format!(
                "application operation-failed app=bad-scaling path={g}/esc:scaling/esc:max_active"
            ),
        ),
        (
            "61 unique",
            nics(&format!("{}{}", nic(0, mac), nic(1, mac))),
            format!(
                "application operation-failed app=data-not-unique path={g}/esc:interfaces/esc:interface[esc:nicid='*"
            ),
        ),
        (
            "61 leafref",
            format!("{}{}", nics(&nic(0, "")), kpi(7)),
            format!(
                "application data-missing app=instance-required path={g}/esc:kpi_data/esc:kpi[esc:event_name='E']/esc:metric_collector/esc:nicid"
            ),
        ),
        (
            "61 mandatory choice",
            format!(
                "{GROUP}{NO_VMS}<config_data><configuration><dst>x</dst></configuration></config_data>"
            ),
            format!(
                "application data-missing app=missing-choice path={g}/esc:config_data/esc:configuration[esc:dst='x'] missing-choice=source"
            ),
        ),
        (
            "61 two cases",
            format!(
                "{GROUP}{NO_VMS}<config_data><configuration><dst>x</dst><file>a</file><data>b</data></configuration></config_data>"
            ),
            format!(
                "application bad-element path={g}/esc:config_data/esc:configuration[esc:dst='x'] bad-element=data"
            ),
        ),
    ] {
        let config = deployment("t", "d", &inner)
            .replace("<name>t</name>", &format!("<name>t</name>{MANAGED}"));
        let got = peer.error(&running(&config));
        table.row(&format!("{case} running"), &got, &[&expected]);
        let got = peer.error(&edit(
            "running",
            "<test-option>test-only</test-option>",
            &config,
        ));
        table.row(&format!("{case} test-only"), &got, &[&expected]);
        if case != "61 two cases" {
            peer.ok(&candidate(&config));
            let got = peer.error("<validate><source><candidate/></source></validate>");
            table.row(&format!("{case} validate"), &got, &[&expected]);
            let got = peer.error("<commit/>");
            table.row(&format!("{case} commit"), &got, &[&expected]);
            peer.ok("<discard-changes/>");
        }
        let got = peer.error(&format!(
            "<validate><source><config>{config}</config></source></validate>"
        ));
        table.row(&format!("{case} validate inline"), &got, &[&expected]);
        let got = peer.error(&format!("<copy-config><target><running/></target><source><config>{config}</config></source></copy-config>"));
        table.row(&format!("{case} copy-config"), &got, &[&expected]);
    }
    let few = tenant(
        "t",
        &format!("{MANAGED}<deployments><deployment><name>d</name></deployment></deployments>"),
    );
    let got = peer.error(&running(&few));
    table.row(
        "61 too few",
        &got,
        &[
            &format!("application operation-failed app=too-few-elements path={d}/esc:vm_group"),
            &format!("application operation-failed app=too-few-elements path={d}"),
        ],
    );
    let reply = peer.rpc(&all("running"));
    table.check("nothing was left behind", !reply.contains("<tenant>"));
    table.done();
}

#[test]
fn error_options_and_test_only() {
    let host = Host::start();
    let mut table = Table::default();
    let mut peer = host.peer();
    let two = format!(
        "<esc_datamodel xmlns=\"{ESC}\"><tenants><tenant><name>a</name>{MANAGED}</tenant><tenant nc:operation=\"delete\"><name>b</name></tenant><tenant><name>c</name>{MANAGED}</tenant></tenants></esc_datamodel>"
    );
    let missing =
        "application data-missing path=/esc:esc_datamodel/esc:tenants/esc:tenant[esc:name='b']";
    for target in ["candidate", "running"] {
        for option in ["rollback-on-error", "stop-on-error"] {
            let got = peer.error(&edit(
                target,
                &format!("<error-option>{option}</error-option>"),
                &two,
            ));
            table.row(&format!("59 {option} {target}"), &got, &[missing]);
            if option == "rollback-on-error" {
                table.check(
                    "59 nothing applied",
                    !peer.rpc(&all(target)).contains("<tenant>"),
                );
            }
        }
        peer.ok("<discard-changes/>");
        let got = peer.error(&edit(
            target,
            "<error-option>continue-on-error</error-option>",
            &two,
        ));
        table.row(&format!("continue-on-error {target}"), &got, &[missing]);
        let reply = peer.rpc(&all(target));
        table.check(
            &format!("continue: the rest is there {target}"),
            reply.contains("<name>a</name>") && reply.contains("<name>c</name>"),
        );
        peer.ok("<discard-changes/>");
    }
    let before = peer.rpc(&all("running"));
    for target in ["running", "candidate"] {
        let got = peer.error(&edit(
            target,
            "<test-option>test-only</test-option>",
            &tenant("x", MANAGED),
        ));
        table.row("60 test-only", &got, &["ok"]);
        table.check(
            "60 nothing changed",
            !peer.rpc(&all(target)).contains("<name>x</name>"),
        );
    }
    let strip = |reply: &str| reply.split_once('>').unwrap().1.to_owned();
    table.check(
        "60 running as before",
        strip(&before) == strip(&peer.rpc(&all("running"))),
    );
    peer.ok("<lock><target><candidate/></target></lock>");
    table.done();
}

/// RFC 6241 section 8.6.4.1, RFC 7950 section 8.3.3: rules across nodes wait for the commit, unless the edit says that it is
/// to be tested first.
#[test]
fn a_candidate_is_tested_first_when_the_edit_says_so() {
    let host = Host::start();
    let mut table = Table::default();
    let mut peer = host.peer();
    let dangling = format!(
        "<esc_datamodel xmlns=\"{ESC}\"><default_vim_connector>v</default_vim_connector></esc_datamodel>"
    );
    let refused = "application data-missing app=instance-required path=/esc:esc_datamodel/esc:default_vim_connector";
    for option in ["test-then-set", "test-only"] {
        let option = format!("<test-option>{option}</test-option>");
        let got = peer.error(&edit("candidate", &option, &dangling));
        table.row(&option, &got, &[refused]);
        let there = peer
            .rpc(&all("candidate"))
            .contains("default_vim_connector");
        table.check(&format!("{option} sets nothing"), !there);
    }
    for option in ["", "<test-option>set</test-option>"] {
        peer.ok(&edit("candidate", option, &dangling));
        let got = peer.error("<commit/>");
        table.row(&format!("commit after {option}"), &got, &[refused]);
        peer.ok("<discard-changes/>");
    }
    let option = "<test-option>test-then-set</test-option>";
    peer.ok(&edit("candidate", option, &tenant("x", MANAGED)));
    let there = peer.rpc(&all("candidate")).contains("<name>x</name>");
    table.check("what is valid is set", there);
    table.done();
}

/// RFC 6241 sections 7.3 and 8.3.4.1: what is committed, or copied, is the candidate. A request that takes long and is
/// overtaken by another has no right to what the candidate held when it began.
#[test]
fn a_commit_that_is_overtaken_does_not_bring_the_old_candidate_back() {
    let host = Host::start();
    let [mut slow, mut quick] = [host.peer(), host.peer()];
    let tenants: String = (0..1_500)
        .map(|n| format!("<tenant><name>t{n}</name>{MANAGED}</tenant>"))
        .collect();
    for request in [
        "<commit/>",
        "<copy-config><target><running/></target><source><candidate/></source></copy-config>",
    ] {
        slow.ok(&candidate(&format!(
            "<esc_datamodel xmlns=\"{ESC}\"><tenants>{tenants}</tenants></esc_datamodel>"
        )));
        let asked = slow.ask(request);
        std::thread::sleep(Duration::from_millis(50));
        quick.ok(&candidate(&format!(
            "<esc_datamodel xmlns=\"{ESC}\"><tenants nc:operation=\"replace\"><tenant><name>x</name>{MANAGED}</tenant></tenants></esc_datamodel>"
        )));
        quick.ok("<commit/>");
        let reply = slow.message();
        assert!(reply.contains(&format!("message-id=\"{asked}\"")) && reply.contains("<ok/>"));
        for datastore in ["running", "candidate"] {
            let reply = quick.rpc(&all(datastore));
            assert!(reply.contains("<name>x</name>") && !reply.contains("<name>t0</name>"));
        }
        quick.ok("<lock><target><candidate/></target></lock>");
        quick.ok("<unlock><target><candidate/></target></unlock>");
    }
}

#[test]
fn copies_between_datastores() {
    let host = Host::start();
    let mut peer = host.peer();
    let config = tenant("a", MANAGED);
    peer.ok(&format!("<copy-config><target><candidate/></target><source><config>{config}</config></source></copy-config>"));
    assert!(peer.rpc(&all("candidate")).contains("<name>a</name>"));
    assert!(!peer.rpc(&all("running")).contains("<name>a</name>"));
    peer.ok("<copy-config><target><running/></target><source><candidate/></source></copy-config>");
    assert!(peer.rpc(&all("running")).contains("<name>a</name>"));
    peer.ok(&candidate(&tenant("b", MANAGED)));
    peer.ok("<copy-config><target><candidate/></target><source><running/></source></copy-config>");
    assert!(!peer.rpc(&all("candidate")).contains("<name>b</name>"));
    // The same as running is not modified (RFC 6241 section 8.3.5.2).
    peer.ok("<lock><target><candidate/></target></lock>");
    peer.ok("<unlock><target><candidate/></target></unlock>");
    peer.ok("<copy-config><target><running/></target><source><config/></source></copy-config>");
    assert!(!peer.rpc(&all("running")).contains("<tenant>"));
    peer.ok(&format!(
        "<validate><source><config>{config}</config></source></validate>"
    ));
    peer.ok("<validate><source><running/></source></validate>");
    assert!(!peer.rpc(&all("running")).contains("<tenant>"));
}

#[test]
fn characters_xml_forbids_never_come_back() {
    let host = Host::start();
    let mut peer = host.peer();
    // Tab, CR and LF go through a reference; a reader's own line-end rules must not change them.
    let name = "a&#13;b&#9;c&#10;d \u{fffd}\u{10fffd}";
    peer.ok(&running(&deployment("t", "d", &format!("{GROUP}{NO_VMS}<config_data><configuration><dst>x</dst><data>{name}</data></configuration></config_data>")).replace("<name>t</name>", &format!("<name>t</name>{MANAGED}"))));
    let reply = peer.rpc(&all("running"));
    let root = crate::peer::parse(&reply);
    fn find(element: &lifeline::xml::Element) -> Option<String> {
        if &*element.local == "data" && element.elements().next().is_none() {
            return Some(element.text());
        }
        element.elements().find_map(find)
    }
    assert_eq!(
        find(&root).as_deref(),
        Some("a\rb\tc\nd \u{fffd}\u{10fffd}")
    );
}
