//! Cases 75 to 82: filters, with-defaults, schemas, monitoring (RFC 6241 sections 6 and 8.9, RFC 6243, RFC 6022).

use lifeline::xml::Element;

use crate::peer::{BASE, ESC, Host, MONITORING, Peer, Table, brief, parse};
use crate::sample::{GROUP, NO_VMS, all, deployment, running, tenant};

const MANAGED: &str = "<managed_resource>false</managed_resource>";

fn data(reply: &str) -> Element {
    let root = parse(reply);
    let data = root.child(BASE, "data");
    data.unwrap_or_else(|| panic!("{reply}")).clone()
}

fn get_config(filter: &str) -> String {
    format!("<get-config><source><running/></source>{filter}</get-config>")
}

fn subtree(peer: &mut Peer, inner: &str) -> String {
    let reply = peer.rpc(&get_config(&format!(
        "<filter type=\"subtree\">{inner}</filter>"
    )));
    data(&reply).elements().map(Element::to_xml).collect()
}

/// What an expression selects, or its error.
fn xpath(peer: &mut Peer, select: &str) -> String {
    let reply = peer.rpc(&get_config(&format!(
        "<filter xmlns:e=\"{ESC}\" type=\"xpath\" select=\"{select}\"/>"
    )));
    match reply.contains("<rpc-error>") {
        true => brief(&reply),
        false => data(&reply).elements().map(Element::to_xml).collect(),
    }
}

fn filled() -> Host {
    let host = Host::start();
    let mut peer = host.peer();
    for name in ["t1", "t2"] {
        let config = deployment(name, "d", &format!("{GROUP}{NO_VMS}"));
        let managed = format!("<name>{name}</name>{MANAGED}");
        peer.ok(&running(
            &config.replace(&format!("<name>{name}</name>"), &managed),
        ));
    }
    host
}

#[test]
fn subtree_filters() {
    let host = filled();
    let mut table = Table::default();
    let mut peer = host.peer();
    let esc = |inner: &str| {
        format!("<esc_datamodel xmlns=\"{ESC}\"><tenants>{inner}</tenants></esc_datamodel>")
    };
    let count = |text: &str, what: &str| text.matches(what).count();
    for (case, filter) in [
        ("75 empty", String::new()),
        ("75 no match", esc("<tenant><name>none</name></tenant>")),
        (
            "76 namespace",
            "<esc_datamodel xmlns=\"urn:nope\"/>".to_owned(),
        ),
        ("unknown name", esc("<nope/>")),
        (
            "attribute match",
            format!("<esc_datamodel xmlns=\"{ESC}\" a=\"1\"/>"),
        ),
        (
            "attribute match below",
            esc("<tenant xmlns:q=\"urn:q\" q:a=\"1\"/>"),
        ),
        (
            "two matches that exclude each other",
            esc("<tenant><name>t1</name><managed_resource>true</managed_resource></tenant>"),
        ),
    ] {
        table.row(case, &subtree(&mut peer, &filter), &[""]);
    }
    let whole = subtree(&mut peer, &format!("<esc_datamodel xmlns=\"{ESC}\"/>"));
    table.check(
        "whole",
        count(&whole, "<tenant>") == 2 && whole.contains("bootup_time"),
    );
    table.check(
        "no filter",
        whole
            == data(&peer.rpc(&get_config("")))
                .elements()
                .map(Element::to_xml)
                .collect::<String>(),
    );
    table.check(
        "no namespace matches every one (6.2.1)",
        subtree(&mut peer, "<esc_datamodel xmlns=\"\"/>") == whole,
    );
    let one = subtree(&mut peer, &esc("<tenant><name>t1</name></tenant>"));
    table.check(
        "77 content match",
        count(&one, "<tenant>") == 1 && one.contains("bootup_time") && one.contains("t1"),
    );
    let both = subtree(
        &mut peer,
        &esc("<tenant><name>t1</name><managed_resource>false</managed_resource></tenant>"),
    );
    table.check("77 and-ed", both == one);
    let overlap = subtree(
        &mut peer,
        &esc("<tenant><name>t1</name></tenant><tenant><name>t1</name></tenant><tenant/>"),
    );
    table.check("77 overlap", overlap == whole);
    let top = format!(
        "{}{}",
        esc("<tenant><name>t1</name></tenant>"),
        esc("<tenant><name>t2</name></tenant>")
    );
    table.check("77 overlap at the top", subtree(&mut peer, &top) == whole);
    let names = subtree(&mut peer, &esc("<tenant><name/></tenant>"));
    table.check(
        "selection",
        count(&names, "<name>") == 2 && !names.contains("bootup"),
    );
    let some = subtree(
        &mut peer,
        &esc("<tenant><name>t1</name><managed_resource/></tenant>"),
    );
    table.check(
        "content and selection",
        count(&some, "<tenant>") == 1
            && some.contains(MANAGED)
            && some.contains("<name>t1</name>")
            && !some.contains("bootup"),
    );
    let deep = subtree(
        &mut peer,
        &esc(
            "<tenant><deployments><deployment><vm_group><image/></vm_group></deployment></deployments></tenant>",
        ),
    );
    table.check(
        "keys are kept",
        count(&deep, "<image>") == 2 && deep.contains("<name>t1</name>"),
    );
    let blanks = subtree(
        &mut peer,
        &esc("\n <tenant>\n  <name>\n t1 </name>\n </tenant>\n"),
    );
    table.check("white space round content", blanks == one);
    table.row(
        "bad type",
        &peer.error(&get_config("<filter type=\"regex\"/>")),
        &["protocol bad-attribute bad-attribute=type bad-element=filter"],
    );
    table.row(
        "select with subtree",
        &peer.error(&get_config("<filter select=\"/\"/>")),
        &["protocol unknown-attribute bad-attribute=select bad-element=filter"],
    );
    table.done();
}

#[test]
fn xpath_filters() {
    let host = filled();
    let mut table = Table::default();
    let mut peer = host.peer();
    let one = subtree(
        &mut peer,
        &format!(
            "<esc_datamodel xmlns=\"{ESC}\"><tenants><tenant><name>t1</name></tenant></tenants></esc_datamodel>"
        ),
    );
    let whole = subtree(&mut peer, &format!("<esc_datamodel xmlns=\"{ESC}\"/>"));
    for select in [
        "/e:esc_datamodel/e:tenants/e:tenant[e:name='t1']",
        "/esc_datamodel/tenants/tenant[name='t1']",
        "esc_datamodel/tenants/tenant[name=&quot;t1&quot;]",
        "/esc_datamodel/tenants/tenant[1]",
        "//tenant[name='t1']",
        "/*/*/e:tenant[position()=1]",
        "/esc_datamodel/tenants/tenant[starts-with(name,'t') and not(name='t2')]",
        "//tenant[name='t1'] | //tenant[name='t1']/name",
    ] {
        table.check(&format!("78 {select}"), xpath(&mut peer, select) == one);
    }
    for select in ["/", "/esc_datamodel", "//tenant", "/* | //name"] {
        table.check(&format!("78 {select}"), xpath(&mut peer, select) == whole);
    }
    for select in [
        "/nope",
        "/esc_datamodel/nope",
        "//tenant[name='x']",
        "/esc_datamodel/tenants/tenant[9]",
    ] {
        table.row(&format!("78 {select}"), &xpath(&mut peer, select), &[""]);
    }
    for select in [
        "/esc_datamodel[",
        "",
        "]",
        "/p:x",
        "1 + 1",
        "'x'",
        "true()",
        "count(//tenant)",
        "nope()",
        "/esc_datamodel/",
        "/a[b=]",
        "$x",
        "child::",
        "/esc_datamodel/tenants/tenant[p:name='t1']",
    ] {
        table.row(
            &format!("78 {select}"),
            &xpath(&mut peer, select),
            &["application invalid-value*", "protocol invalid-value*"],
        );
    }
    let deep = format!("{}1{}", "(".repeat(20_000), ")".repeat(20_000));
    let reply = xpath(&mut peer, &deep);
    table.check(
        "78 nested too deep",
        reply.contains("too-big")
            || reply.contains("resource-denied")
            || reply.contains("invalid-value"),
    );
    let heavy = format!("//*[{}]", ["count(//*[count(//*)>1])>1"; 3].join(" and "));
    let reply = xpath(&mut peer, &heavy);
    table.check(
        &format!("78 heavy: {reply:.100}"),
        reply.contains("resource-denied") || reply == whole,
    );
    table.row(
        "78 no select",
        &peer.error(&get_config("<filter type=\"xpath\"/>")),
        &["protocol missing-attribute bad-attribute=select bad-element=filter"],
    );
    table.done();
}

#[test]
fn get_reads_state() {
    let host = filled();
    let mut table = Table::default();
    let mut peer = host.peer();
    let mut get = |filter: &str| {
        data(&peer.rpc(&format!("<get>{filter}</get>")))
            .elements()
            .map(Element::to_xml)
            .collect::<String>()
    };
    let everything = get("");
    for name in [
        "esc_datamodel",
        "opdata",
        "netconf-state",
        "streams",
        "yang-library",
        "modules-state",
    ] {
        table.check(
            &format!("get without filter holds {name}"),
            everything.contains(&format!("<{name}")),
        );
    }
    let path = |select: &str| format!("<filter type=\"xpath\" select=\"{select}\"/>");
    for (case, filter, holds, lacks) in [
        ("opdata by path", path("/esc_datamodel/opdata"), "<opdata", "<netconf-state"),
        ("opdata of a tenant", path("/esc_datamodel/opdata/tenants/tenant[name='t1']/deployments[deployment_name='d']/state_machine/state"), "<state>SERVICE_", "<name>t2"),
        ("opdata by subtree", format!("<filter><esc_datamodel xmlns=\"{ESC}\"><opdata/></esc_datamodel></filter>"), "<opdata", "managed_resource"),
        ("netconf-state", format!("<filter><netconf-state xmlns=\"{MONITORING}\"/></filter>"), "<sessions>", "<esc_datamodel"),
        ("netconf-state by path", format!("<filter type=\"xpath\" xmlns:m=\"{MONITORING}\" select=\"/m:netconf-state/m:schemas/m:schema[m:identifier='esc']\"/>"), "<identifier>esc</identifier>", "<sessions>"),
        ("streams", "<filter><netconf xmlns=\"urn:ietf:params:xml:ns:netmod:notification\"><streams/></netconf></filter>".to_owned(), "<name>escEvent</name>", "<netconf-state"),
        ("yang-library", "<filter><yang-library xmlns=\"urn:ietf:params:xml:ns:yang:ietf-yang-library\"/></filter>".to_owned(), "<content-id>", "<modules-state"),
        ("modules-state", "<filter><modules-state xmlns=\"urn:ietf:params:xml:ns:yang:ietf-yang-library\"><module-set-id/></modules-state></filter>".to_owned(), "<module-set-id>", "<module>"),
        ("no namespace", "<filter xmlns=\"\"><netconf-state xmlns=\"\"><statistics/></netconf-state></filter>".to_owned(), "<in-rpcs>", "<sessions>"),
        ("everything by a wildcard", path("/*"), "<yang-library", "nothing lacks"),
        ("by //", path("//*[local-name()='statistics']"), "<in-rpcs>", "<esc_datamodel"),
        ("by parent", format!("<filter type=\"xpath\" xmlns:m=\"{MONITORING}\" select=\"/esc_datamodel/../m:netconf-state/m:statistics\"/>"), "<in-rpcs>", "<opdata"),
    ] {
        let got = get(&filter);
        table.check(&format!("{case}: {got:.300}"), got.contains(holds) && !got.contains(lacks));
    }
    table.row("75 empty filter", &get("<filter/>"), &[""]);
    table.check(
        "get-config has no state",
        !peer.rpc(&all("running")).contains("opdata"),
    );
    table.done();
}

#[test]
fn with_defaults() {
    let host = Host::start();
    let mut table = Table::default();
    let mut peer = host.peer();
    // One leaf set to its default, one not set, one set to another value.
    peer.ok(&running(&tenant(
        "t",
        &format!(
            "{MANAGED}<networks><network><name>n</name><shared>true</shared></network></networks>"
        ),
    )));
    let wd = "urn:ietf:params:xml:ns:yang:ietf-netconf-with-defaults";
    let mut read = |mode: &str| {
        peer.rpc(&get_config(&format!(
            "<with-defaults xmlns=\"{wd}\">{mode}</with-defaults>"
        )))
    };
    let has = |reply: &str, shared: bool, state: bool| {
        (reply.contains("<shared>true") == shared)
            && (reply.contains("<admin_state>true") == state)
            && reply.contains(MANAGED)
    };
    table.check("80 explicit", has(&read("explicit"), true, false));
    table.check("80 trim", has(&read("trim"), false, false));
    table.check("80 report-all", has(&read("report-all"), true, true));
    let tagged = read("report-all-tagged");
    let root = parse(&tagged);
    fn leaf<'a>(element: &'a Element, name: &str) -> Option<&'a Element> {
        if &*element.local == name {
            return Some(element);
        }
        element.elements().find_map(|child| leaf(child, name))
    }
    const TAG: &str = "urn:ietf:params:xml:ns:netconf:default:1.0";
    let tag = |name| leaf(&root, name).and_then(|e| e.attr(TAG, "default"));
    table.check("80 tagged: not set", tag("admin_state") == Some("true"));
    // What a client has set is no default data where the basic mode is explicit (RFC 6243 section 2.3).
    table.check("80 tagged: set to the default", tag("shared").is_none());
    table.check(
        "80 tagged: another value",
        tag("managed_resource").is_none(),
    );
    table.check(
        "80 no mode is the basic one",
        has(&peer.rpc(&all("running")), true, false),
    );
    let mut read = |mode: &str| {
        peer.error(&get_config(&format!(
            "<with-defaults xmlns=\"{wd}\">{mode}</with-defaults>"
        )))
    };
    table.row("80 bad mode", &read("some"), &["protocol invalid-value*"]);
    table.row("80 empty mode", &read(""), &["protocol invalid-value*"]);
    // The tagged attribute in an edit (RFC 6243 section 4.5.2).
    let network = |inner: &str| {
        tenant(
            "t",
            &format!(
                "<networks xmlns:wd=\"{TAG}\"><network><name>n</name>{inner}</network></networks>"
            ),
        )
    };
    table.row(
        "tagged in an edit",
        &peer.error(&running(&network(
            "<shared wd:default=\"true\">true</shared>",
        ))),
        &["ok"],
    );
    table.check(
        "tagged in an edit: not explicit any more",
        !peer.rpc(&all("running")).contains("<shared>"),
    );
    let got = peer.error(&running(&network(
        "<shared wd:default=\"true\">false</shared>",
    )));
    table.row(
        "tagged in an edit, not the default",
        &got,
        &["application invalid-value*"],
    );
    table.done();
}

#[test]
fn schemas_and_monitoring() {
    let host = Host::start();
    let mut table = Table::default();
    let (mut peer, greeting) = host.greeted();
    peer.send(crate::peer::hello(&["urn:ietf:params:netconf:base:1.1"]) + "]]>]]>");
    peer.chunked = true;
    let hello: Vec<String> = greeting
        .elements()
        .flat_map(|e| e.elements().map(|c| c.text()).collect::<Vec<_>>())
        .collect();
    let reply = peer.rpc(&format!(
        "<get><filter><netconf-state xmlns=\"{MONITORING}\"/></filter></get>"
    ));
    let state = data(&reply)
        .child(MONITORING, "netconf-state")
        .unwrap()
        .clone();
    let child = |name| {
        state
            .child(MONITORING, name)
            .unwrap_or_else(|| panic!("{name}"))
    };
    let mut capabilities: Vec<String> =
        child("capabilities").elements().map(|e| e.text()).collect();
    let mut expected = hello.clone();
    expected.sort();
    capabilities.sort();
    table.check("82 capabilities", capabilities == expected);
    // RFC 8526 section 2 and RFC 7950 section 5.6.4: each form with the id that its tree shows.
    for (version, name, top) in [
        ("1.1", "content-id", "yang-library"),
        ("1.0", "module-set-id", "modules-state"),
    ] {
        let start = format!(
            "urn:ietf:params:netconf:capability:yang-library:{version}?revision=2019-01-04&{name}="
        );
        let id = hello.iter().find_map(|uri| uri.strip_prefix(&start));
        let shown = peer.rpc(&format!("<get><filter><{top} xmlns=\"urn:ietf:params:xml:ns:yang:ietf-yang-library\"><{name}/></{top}></filter></get>"));
        table.check(
            &format!("{name} in hello and data"),
            id.is_some_and(|id| shown.contains(&format!("<{name}>{id}</{name}>"))),
        );
    }

    for schema in child("schemas").elements() {
        let text = |name| {
            schema
                .child(MONITORING, name)
                .map(|e| e.text())
                .unwrap_or_default()
        };
        let (name, version) = (text("identifier"), text("version"));
        let get = |more: &str| {
            format!(
                "<get-schema xmlns=\"{MONITORING}\"><identifier>{name}</identifier>{more}</get-schema>"
            )
        };
        let with = peer.rpc(&get(&format!(
            "<version>{version}</version><format>yang</format>"
        )));
        let source = |reply: &str| parse(reply).child(MONITORING, "data").map(|e| e.text());
        let start = source(&with).unwrap_or_default();
        table.check(
            &format!("81 get-schema {name}@{version}"),
            start.contains("module") && start.contains(&name),
        );
        let without = peer.rpc(&get(""));
        table.check(
            &format!("81 get-schema {name}"),
            source(&without) == source(&with),
        );
    }
    let get = |inner: &str| format!("<get-schema xmlns=\"{MONITORING}\">{inner}</get-schema>");
    for (case, inner, expected) in [
        (
            "81 unknown id",
            "<identifier>nope</identifier>",
            "invalid-value",
        ),
        (
            "81 unknown version",
            "<identifier>esc</identifier><version>1999-01-01</version>",
            "invalid-value",
        ),
        (
            "81 empty version",
            "<identifier>esc</identifier><version></version>",
            "invalid-value",
        ),
        ("81 empty id", "<identifier/>", "invalid-value"),
        (
            "81 format",
            "<identifier>esc</identifier><format>yin</format>",
            "invalid-value",
        ),
        (
            "81 unknown format",
            "<identifier>esc</identifier><format>x:y</format>",
            "invalid-value",
        ),
    ] {
        let got = peer.error(&get(inner));
        table.row(
            case,
            &got,
            &[
                &format!("protocol {expected}*"),
                &format!("application {expected}*"),
            ],
        );
    }
    let prefixed = peer.rpc(&get(&format!(
        "<identifier>esc</identifier><format xmlns:m=\"{MONITORING}\">m:yang</format>"
    )));
    table.check(
        "format as a qualified name",
        prefixed.contains("module esc"),
    );

    let mut other = host.peer();
    other.ok("<lock><target><candidate/></target></lock>");
    other.error("<nope/>");
    other.send_message("<");
    other.message();
    let reply = peer.rpc(&format!("<get><filter><netconf-state xmlns=\"{MONITORING}\"><sessions><session><session-id>{}</session-id></session></sessions><datastores/></netconf-state></filter></get>", other.own_id));
    for holds in [
        "<in-rpcs>2</in-rpcs>",
        "<in-bad-rpcs>1</in-bad-rpcs>",
        "<out-rpc-errors>2</out-rpc-errors>",
        "<out-notifications>0</out-notifications>",
        "netconf-ssh</transport>",
        "<username>edge</username>",
        "<source-host>127.0.0.1</source-host>",
        &format!("<locked-by-session>{}</locked-by-session>", other.own_id),
    ] {
        table.check(&format!("monitoring {holds}"), reply.contains(holds));
    }
    table.check(
        "one session only",
        reply.matches("<session-id>").count() == 1,
    );
    table.done();
}
