//! RFC 6243: the four modes in get, get-config and copy-config, and what edits do to defaults.

use crate::peer::{BASE, ESC, Host, Peer, Table, parse};
use crate::sample::{edit, running, tenant};

const WD: &str = "urn:ietf:params:xml:ns:yang:ietf-netconf-with-defaults";
const TAG: &str = "urn:ietf:params:xml:ns:netconf:default:1.0";
const MANAGED: &str = "<managed_resource>false</managed_resource>";

fn network(inner: &str) -> String {
    tenant(
        "t",
        &format!(
            "<networks xmlns:wd=\"{TAG}\"><network><name>n</name>{inner}</network></networks>"
        ),
    )
}

/// `shared` is set to its default, `admin_state` is not set, `dhcp` is set to something else.
fn filled(peer: &mut Peer) {
    peer.ok(&running(&tenant("t", MANAGED)));
    peer.ok(&running(&network(
        "<shared>true</shared><subnet><name>s</name><dhcp>false</dhcp><address>10.0.0.0</address><netmask>255.255.255.0</netmask></subnet>",
    )));
}

fn mode(mode: &str) -> String {
    match mode {
        "" => String::new(),
        mode => format!("<with-defaults xmlns=\"{WD}\">{mode}</with-defaults>"),
    }
}

/// The leafs of the three kinds: absent, there, or there with the tag.
fn kinds(reply: &str) -> [&'static str; 3] {
    fn find<'a>(
        element: &'a lifeline::xml::Element,
        name: &str,
    ) -> Option<&'a lifeline::xml::Element> {
        match element.is(ESC, name) {
            true => Some(element),
            false => element.elements().find_map(|child| find(child, name)),
        }
    }
    let root = parse(reply);
    ["shared", "admin_state", "dhcp"].map(|name| match find(&root, name) {
        None => "absent",
        Some(leaf) if leaf.attr(TAG, "default") == Some("true") => "tagged",
        Some(_) => "there",
    })
}

/// The content of `<data>` as it was sent.
fn data(reply: &str) -> String {
    let inner = reply.split_once("<data>").unwrap().1;
    inner.split_once("</data>").unwrap().0.to_owned()
}

/// Section 3: each mode, in each operation that reads.
#[test]
fn every_mode_in_every_read() {
    let host = Host::start();
    let mut table = Table::default();
    let mut peer = host.peer();
    filled(&mut peer);
    let filter =
        format!("<filter><esc_datamodel xmlns=\"{ESC}\"><tenants/></esc_datamodel></filter>");
    for (name, expected) in [
        ("", ["there", "absent", "there"]),
        ("explicit", ["there", "absent", "there"]),
        ("trim", ["absent", "absent", "there"]),
        ("report-all", ["there", "there", "there"]),
        // Section 2.3: what a client has set is no default data.
        ("report-all-tagged", ["there", "tagged", "there"]),
    ] {
        let with = mode(name);
        for read in [
            format!("<get>{filter}{with}</get>"),
            format!("<get-config><source><running/></source>{filter}{with}</get-config>"),
            format!("<get-config><source><candidate/></source>{with}{filter}</get-config>"),
        ] {
            let got = kinds(&peer.rpc(&read));
            table.check(&format!("{name} {read:.30}: {got:?}"), got == expected);
        }
    }
    table.done();
}

/// Section 4.5.1: the mode governs what is told, not what is stored.
#[test]
fn a_copy_stores_the_same_whatever_the_mode() {
    let host = Host::start();
    let mut table = Table::default();
    let mut peer = host.peer();
    filled(&mut peer);
    let candidate = "<get-config><source><candidate/></source></get-config>";
    let before = data(&peer.rpc(candidate));
    for name in ["", "explicit", "trim", "report-all", "report-all-tagged"] {
        let with = mode(name);
        peer.ok(&format!(
            "<copy-config><target><candidate/></target><source><running/></source>{with}</copy-config>"
        ));
        table.check(name, data(&peer.rpc(candidate)) == before);
    }
    table.done();
}

/// What was read with tags can be sent back: a tagged leaf is one that nobody sets (section 4.5.2).
#[test]
fn a_tagged_reply_sent_back_changes_nothing() {
    let host = Host::start();
    let mut table = Table::default();
    let mut peer = host.peer();
    filled(&mut peer);
    let read = |mode: &str| format!("<get-config><source><running/></source>{mode}</get-config>");
    let before = data(&peer.rpc(&read("")));
    let tagged = data(&peer.rpc(&read(&mode("report-all-tagged"))));
    assert!(tagged.contains("default=\"true\""));
    for operation in [
        running(&tagged),
        edit(
            "running",
            "<default-operation>replace</default-operation>",
            &tagged,
        ),
        format!(
            "<copy-config><target><running/></target><source><config xmlns:nc=\"{BASE}\">{tagged}</config></source></copy-config>"
        ),
        format!("<validate><source><config>{tagged}</config></source></validate>"),
    ] {
        peer.ok(&operation);
        table.check(
            &format!("{operation:.60}"),
            data(&peer.rpc(&read(""))) == before,
        );
    }
    table.done();
}

/// Section 2.3.3: in the mode `explicit` a default that a client has set is there, one that the server
/// supplies is not.
#[test]
fn create_and_delete_tell_set_defaults_from_supplied_ones() {
    let host = Host::start();
    let mut table = Table::default();
    let mut peer = host.peer();
    filled(&mut peer);
    let mut done = |inner: &str| peer.error(&running(&network(inner)));
    for (case, inner, expected) in [
        (
            "create, set by a client",
            "<shared nc:operation=\"create\">true</shared>",
            "application data-exists*",
        ),
        (
            "create, supplied by the server",
            "<admin_state nc:operation=\"create\">true</admin_state>",
            "ok",
        ),
        (
            "create again",
            "<admin_state nc:operation=\"create\">true</admin_state>",
            "application data-exists*",
        ),
        (
            "delete, set by a client",
            "<shared nc:operation=\"delete\"/>",
            "ok",
        ),
        (
            "delete, supplied by the server",
            "<shared nc:operation=\"delete\"/>",
            "application data-missing*",
        ),
        (
            "tagged: back to the default",
            "<admin_state wd:default=\"true\">true</admin_state>",
            "ok",
        ),
        (
            "tagged: again",
            "<admin_state wd:default=\"1\">true</admin_state>",
            "ok",
        ),
        (
            "tagged, with create",
            "<admin_state wd:default=\"true\" nc:operation=\"create\">true</admin_state>",
            "ok",
        ),
        (
            "tagged false: an ordinary edit",
            "<admin_state wd:default=\"false\">true</admin_state>",
            "ok",
        ),
        (
            "it was one",
            "<admin_state nc:operation=\"create\">true</admin_state>",
            "application data-exists*",
        ),
        (
            "tagged, with create, set by a client (erratum 4688)",
            "<admin_state wd:default=\"true\" nc:operation=\"create\">true</admin_state>",
            "application data-exists*",
        ),
        (
            "tagged, a key",
            "<subnet><name wd:default=\"true\">s</name></subnet>",
            "application invalid-value*",
        ),
        (
            "tagged, another value",
            "<shared wd:default=\"true\">false</shared>",
            "application invalid-value*",
        ),
        (
            "tagged, no value",
            "<shared wd:default=\"true\"/>",
            "application invalid-value*",
        ),
        (
            "tagged, a leaf without a default",
            "<vlan_id wd:default=\"true\">1</vlan_id>",
            "application invalid-value*",
        ),
        (
            "tagged, with delete",
            "<shared wd:default=\"true\" nc:operation=\"delete\">true</shared>",
            "application invalid-value*",
        ),
        (
            "tagged, within what is removed",
            "<subnet nc:operation=\"remove\"><name>s</name><dhcp wd:default=\"true\">true</dhcp></subnet>",
            "application invalid-value*",
        ),
    ] {
        table.row(case, &done(inner), &[expected]);
    }
    table.done();
}

/// Section 4.5.2: the effective operation of a tagged leaf "MUST be 'create', 'merge', or 'replace'"; `none` is none of
/// them.
#[test]
fn a_tagged_leaf_is_refused_under_the_default_operation_none() {
    let host = Host::start();
    let mut table = Table::default();
    let mut peer = host.peer();
    filled(&mut peer);
    let read = "<get-config><source><running/></source></get-config>";
    peer.ok(&running(&network("<shared>false</shared>")));
    let before = data(&peer.rpc(read));
    let none = "<default-operation>none</default-operation>";
    let tagged = network("<shared wd:default=\"true\">true</shared>");
    table.row(
        "set",
        &peer.error(&edit("running", none, &tagged)),
        &["application invalid-value*"],
    );
    table.check("as it was", data(&peer.rpc(read)) == before);
    peer.ok(&running(&network("<shared nc:operation=\"remove\"/>")));
    table.row(
        "not set",
        &peer.error(&edit("running", none, &tagged)),
        &["application invalid-value*"],
    );
    table.done();
}

/// Section 4.5.1: "The defaults filtering is conceptually done before the <filter> parameter is processed."
#[test]
fn filters_find_the_defaults_that_the_mode_shows() {
    let host = Host::start();
    let mut table = Table::default();
    let mut peer = host.peer();
    let networks = "<networks><network><name>unset</name></network>\
        <network><name>set</name><shared>true</shared></network>\
        <network><name>other</name><shared>false</shared></network></networks>";
    peer.ok(&running(&tenant("t", networks)));
    let within = |inner: &str| {
        let content = tenant(
            "t",
            &format!("<networks><network>{inner}</network></networks>"),
        );
        format!("<filter>{content}</filter>")
    };
    let xpath =
        |select: &str| format!("<filter type=\"xpath\" xmlns:e=\"{ESC}\" select=\"{select}\"/>");
    for (filter, explicit, trim, all) in [
        (within("<shared>true</shared>"), "set", "", "unset set"),
        (
            within("<shared>true</shared><name/>"),
            "set",
            "",
            "unset set",
        ),
        (within("<shared>false</shared>"), "other", "other", "other"),
        (
            xpath("//e:network[e:shared='true']"),
            "set",
            "",
            "unset set",
        ),
        (
            xpath("//e:network[not(e:shared)]"),
            "unset",
            "unset set",
            "",
        ),
    ] {
        for (name, expected) in [
            ("", explicit),
            ("explicit", explicit),
            ("trim", trim),
            ("report-all", all),
            ("report-all-tagged", all),
        ] {
            let with = mode(name);
            let read =
                format!("<get-config><source><running/></source>{filter}{with}</get-config>");
            let reply = peer.rpc(&read);
            let found = ["unset", "set", "other"];
            let found = found
                .into_iter()
                .filter(|n| reply.contains(&format!("<name>{n}</name>")));
            let found = found.collect::<Vec<_>>().join(" ");
            table.check(&format!("{name} {filter}: {found}"), found == expected);
        }
    }
    table.done();
}
