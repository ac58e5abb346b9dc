//! Case 96: access control (RFC 8341), over real sessions of users who may not do everything.

use std::time::Duration;

use lifeline::northbound::admin::{self, Reply, Request};

use crate::peer::{BASE, ESC, Got, Host, NOTIFICATION, PASSWORD, Peer, SIM, Table, brief};
use crate::sample::{GROUP, NO_VMS, all, candidate, deployment, edit, network, running, tenant};

pub const NACM: &str = "urn:ietf:params:xml:ns:yang:ietf-netconf-acm";
const TENANT: &str = "/esc:esc_datamodel/esc:tenants/esc:tenant";

/// Adds a user, while the server runs.
pub fn add(host: &Host, name: &str, groups: &[&str]) {
    let request = Request::UserAdd {
        name: name.to_owned(),
        password: Some(PASSWORD.to_owned()),
        keys: Vec::new(),
        groups: groups.iter().map(|group| (*group).to_owned()).collect(),
    };
    assert_eq!(admin::ask(host.data(), &request).unwrap(), Reply::Ok);
}

/// Puts a user in exactly these groups.
fn groups(host: &Host, name: &str, groups: &[&str]) {
    let request = Request::UserGroups {
        name: name.to_owned(),
        groups: groups.iter().map(|group| (*group).to_owned()).collect(),
    };
    assert_eq!(admin::ask(host.data(), &request).unwrap(), Reply::Ok);
}

fn nacm(inner: &str) -> String {
    format!("<nacm xmlns=\"{NACM}\">{inner}</nacm>")
}

/// `/nacm` with one rule-list for `group`, of rules (content, action).
pub fn rules(group: &str, rules: &[(&str, &str)]) -> String {
    let rules: String = rules
        .iter()
        .enumerate()
        .map(|(at, (content, action))| {
            format!("<rule><name>r{at}</name>{content}<action>{action}</action></rule>")
        })
        .collect();
    nacm(&format!(
        "<rule-list><name>{group}</name><group>{group}</group>{rules}</rule-list>"
    ))
}

pub fn path(text: &str) -> String {
    format!("<path xmlns:esc=\"{ESC}\">{text}</path>")
}

pub fn to(operations: &str) -> String {
    format!("<access-operations>{operations}</access-operations>")
}

const DENIED: &str = "application access-denied";

/// The refusal of an operation, which its path names (RFC 8341 section 3.4.4).
fn no_exec(operation: &str) -> String {
    format!("protocol access-denied path=/nc:rpc/{operation}")
}

#[test]
fn a_user_without_groups_starts_from_the_standard_s_defaults() {
    let host = Host::start();
    add(&host, "guest", &[]);
    let (mut admin, mut guest) = (host.peer(), host.peer_of("guest"));
    admin.ok(&running(&tenant("t", "")));
    admin.ok(&running(&nacm("<read-default>permit</read-default>")));
    let mut table = Table::default();
    let seen = guest.rpc(&all("running"));
    table.check("reads configuration", seen.contains("<name>t</name>"));
    table.check("default-deny-all of /nacm", !seen.contains("<nacm"));
    let state = guest.rpc("<get/>");
    table.check("reads state", state.contains("<netconf-state"));
    table.check("not the counters", !state.contains("denied-operations"));
    let new = format!("{DENIED} path={TENANT}[esc:name='u']");
    for target in ["running", "candidate"] {
        let got = guest.error(&edit(target, "", &tenant("u", "")));
        table.row(&format!("writes {target}"), &got, &[&new]);
    }
    let old = format!("{DENIED} path={TENANT}[esc:name='t']");
    let with = |operation: &str, name: &str| {
        running(&tenant(name, "")).replace(
            "<tenant>",
            &format!("<tenant nc:operation=\"{operation}\">"),
        )
    };
    for operation in ["create", "delete"] {
        let got = guest.error(&with(operation, "t"));
        table.row(&format!("{operation} of what is there"), &got, &[&old]);
        let got = guest.error(&with(operation, "u"));
        table.row(&format!("{operation} of what is not"), &got, &[&new]);
    }
    table.row(
        "naming changes nothing",
        &guest.error(&running(&tenant("t", ""))),
        &["ok"],
    );
    for (name, inner) in [
        ("kill-session", "<session-id>4711</session-id>"),
        ("delete-config", "<target><candidate/></target>"),
    ] {
        let got = guest.error(&format!("<{name}>{inner}</{name}>"));
        table.row(name, &got, &[&no_exec(&format!("nc:{name}"))]);
    }
    let copy =
        "<copy-config><target><candidate/></target><source><running/></source></copy-config>";
    table.row(
        "copies what it may read",
        &guest.error(copy),
        &[&format!("{DENIED}*")],
    );
    let counters = admin.rpc(&format!("<get><filter>{}</filter></get>", nacm("")));
    for (name, value) in [
        ("denied-operations", 2),
        ("denied-data-writes", 7),
        ("denied-notifications", 0),
    ] {
        let leaf = format!("<{name}>{value}</{name}>");
        table.check(&format!("{leaf} in {counters}"), counters.contains(&leaf));
    }
    guest.ok("<close-session/>");
    table.done();
}

#[test]
fn what_may_not_be_read_is_left_out_and_no_filter_tells_of_it() {
    let host = Host::start();
    add(&host, "reader", &["readers"]);
    let (mut admin, mut reader) = (host.peer(), host.peer_of("reader"));
    admin.ok(&running(&network("open", "<vlan_id>17</vlan_id>")));
    admin.ok(&running(&network("closed", "<vlan_id>18</vlan_id>")));
    let closed = path(&format!("{TENANT}[esc:name='closed']"));
    let made = path("/esc:esc_datamodel/esc:opdata/esc:tenants/esc:tenant[esc:name='closed']");
    let state = path(&format!(
        "{TENANT}/esc:networks/esc:network/esc:admin_state"
    ));
    let denied = [(&*closed, "deny"), (&made, "deny"), (&state, "deny")];
    admin.ok(&running(&rules("readers", &denied)));
    let mut table = Table::default();
    let filter = |text: &str| {
        format!("<get-config><source><running/></source><filter>{text}</filter></get-config>")
    };
    let xpath = |text: &str| {
        format!("<get><filter type=\"xpath\" xmlns:e=\"{ESC}\" select=\"{text}\"/></get>")
    };
    let by_vlan = |vlan: u32| {
        filter(
            &tenant(
                "",
                &format!("<networks><network><vlan_id>{vlan}</vlan_id></network></networks>"),
            )
            .replace("<name></name>", ""),
        )
    };
    for (case, request, seen, hidden) in [
        ("get-config", all("running"), "open", "closed"),
        ("candidate", all("candidate"), "open", "closed"),
        ("get", "<get/>".to_owned(), "open", "closed"),
        ("get, state too", xpath("//e:opdata"), "opdata", "closed"),
        ("subtree by name", filter(&tenant("closed", "")), "<data", "closed"),
        ("subtree by content", by_vlan(18), "<data", "18"),
        ("subtree by content, seen", by_vlan(17), "17", "18"),
        ("xpath by key", xpath("//e:tenant[e:name='closed']"), "<data", "closed"),
        ("xpath by value", xpath("//e:tenant[.//e:vlan_id=18]"), "<data", "closed"),
        ("xpath by count", xpath("//e:tenant[count(/e:esc_datamodel/e:tenants/e:tenant)=2]"), "<data", "open"),
        ("xpath, what it sees", xpath("//e:tenant[count(/e:esc_datamodel/e:tenants/e:tenant)=1]"), "open", "closed"),
        (
            "defaults of what is denied",
            all("running").replace("</source>", "</source><with-defaults xmlns=\"urn:ietf:params:xml:ns:yang:ietf-netconf-with-defaults\">report-all</with-defaults>"),
            "<shared>",
            "admin_state",
        ),
    ] {
        let got = reader.rpc(&request);
        table.check(&format!("{case}: {seen} in {got:.600}"), got.contains(seen));
        table.check(&format!("{case}: no {hidden} in {got:.600}"), !got.contains(hidden));
    }
    let all_seen = admin.rpc(&all("running"));
    table.check("the administrator sees both", all_seen.contains("closed"));
    table.done();
}

#[test]
fn rules_open_a_part_for_writing_to_edits_commits_and_copies() {
    let host = Host::start();
    add(&host, "ann", &["builders"]);
    let (mut admin, mut ann) = (host.peer(), host.peer_of("ann"));
    admin.ok(&running(&tenant("hers", "")));
    admin.ok(&running(&tenant("his", "")));
    let hers = path(&format!("{TENANT}[esc:name='hers']"));
    admin.ok(&running(&rules("builders", &[(&hers, "permit")])));
    let mut table = Table::default();
    let his_network =
        format!("{DENIED} path={TENANT}[esc:name='his']/esc:networks/esc:network[esc:name='n1']");
    table.row("hers", &ann.error(&running(&network("hers", ""))), &["ok"]);
    table.row(
        "his",
        &ann.error(&running(&network("his", ""))),
        &[&his_network],
    );
    let both = network("hers", "<vlan_id>5</vlan_id>").replace(
        "</tenants>",
        "<tenant><name>his</name><networks><network><name>n1</name></network></networks></tenant></tenants>",
    );
    table.row(
        "both, nothing is done",
        &ann.error(&running(&both)),
        &[&his_network],
    );
    let now = admin.rpc(&all("running"));
    table.check("nothing was done", !now.contains("vlan_id"));
    let on = "<error-option>continue-on-error</error-option>";
    table.row(
        "whatever the error-option",
        &ann.error(&edit("running", on, &both)),
        &[&his_network],
    );
    table.row(
        "to test",
        &ann.error(&edit(
            "running",
            "<test-option>test-only</test-option>",
            &network("his", ""),
        )),
        &[&his_network],
    );
    // Her own part of the candidate, and another's.
    table.row(
        "candidate",
        &ann.error(&candidate(&network("hers", "<vlan_id>6</vlan_id>"))),
        &["ok"],
    );
    table.row("commit", &ann.error("<commit/>"), &["ok"]);
    admin.ok(&candidate(&network("his", "")));
    ann.ok(&candidate(&network("hers", "<vlan_id>7</vlan_id>")));
    table.row(
        "commit of another's edit",
        &ann.error("<commit/>"),
        &[&his_network],
    );
    admin.ok("<commit/>");
    let now = ann.rpc(&all("running"));
    table.check("committed by who may", now.contains("<vlan_id>7</vlan_id>"));
    // Everything else would be gone, /nacm first: she cannot see it, so no path tells of it.
    let copy = format!(
        "<copy-config><target><running/></target><source><config>{}</config></source></copy-config>",
        tenant("hers", "")
    );
    table.row("copy-config takes away", &ann.error(&copy), &[DENIED]);
    let replace = edit(
        "running",
        "<default-operation>replace</default-operation>",
        &tenant("hers", ""),
    );
    table.row("replace takes away", &ann.error(&replace), &[DENIED]);
    table.row(
        "discard-changes needs exec only",
        &ann.error("<discard-changes/>"),
        &["ok"],
    );
    table.row(
        "validate too",
        &ann.error("<validate><source><candidate/></source></validate>"),
        &["ok"],
    );
    table.done();
}

#[test]
fn operations_and_actions_need_exec() {
    let host = Host::start();
    add(&host, "bob", &["ops"]);
    let (mut admin, mut bob) = (host.peer(), host.peer_of("bob"));
    let rpc = |name: &str| format!("<rpc-name>{name}</rpc-name>");
    let everything = path("/");
    admin.ok(&running(&rules(
        "ops",
        &[
            (&rpc("get-schema"), "deny"),
            (&rpc("serviceAction"), "deny"),
            (
                &format!("<module-name>lifeline-sim</module-name>{}", to("exec")),
                "deny",
            ),
            (&rpc("kill-session"), "permit"),
            (&everything, "permit"),
        ],
    )));
    let action = format!(
        "<serviceAction xmlns=\"{ESC}\"><actionType>STOP</actionType><tenantName>t</tenantName><depName>d</depName></serviceAction>"
    );
    let vm = format!(
        "<vmAction xmlns=\"{ESC}\"><actionType>STOP</actionType><vmName>nope</vmName></vmAction>"
    );
    let schema = "<get-schema xmlns=\"urn:ietf:params:xml:ns:yang:ietf-netconf-monitoring\"><identifier>esc</identifier></get-schema>";
    let inject = format!("<inject xmlns=\"{SIM}\"><fault>api-down</fault></inject>");
    let (no_schema, no_action) = (&*no_exec("ncm:get-schema"), &*no_exec("esc:serviceAction"));
    let no_inject = &*no_exec("sim:inject");
    let mut table = Table::default();
    for (case, request, expected) in [
        ("get-schema", schema.to_owned(), no_schema),
        ("serviceAction", action.clone(), no_action),
        (
            "serviceAction, malformed",
            format!("<serviceAction xmlns=\"{ESC}\"/>"),
            no_action,
        ),
        ("serviceAction in an edit", running(&action), no_action),
        (
            "and nothing beside it is done",
            running(&(tenant("beside", "") + &action)),
            no_action,
        ),
        ("another action", vm.clone(), "application data-missing*"),
        (
            "another action in an edit",
            running(&vm),
            "application data-missing*",
        ),
        ("a control of the simulator", inject, no_inject),
        (
            "kill-session, permitted",
            "<kill-session><session-id>4711</session-id></kill-session>".to_owned(),
            "protocol invalid-value*",
        ),
        (
            "close-session, whatever",
            "<get-config><source><running/></source></get-config>".to_owned(),
            "no error*",
        ),
    ] {
        table.row(case, &bob.error(&request), &[expected]);
    }
    let now = admin.rpc(&all("running"));
    table.check("the edit beside a denied action", !now.contains("beside"));
    admin.ok(&running(&nacm("<exec-default>deny</exec-default>")));
    table.row(
        "exec-default, in an open session",
        &bob.error("<get/>"),
        &[&no_exec("nc:get")],
    );
    table.row("close-session", &bob.error("<close-session/>"), &["ok"]);
    table.done();
}

/// RFC 8341 section 3.4.4: every operation is authorized, and so is one that is written in no namespace.
#[test]
fn an_operation_without_its_namespace_needs_exec_too() {
    let host = Host::start();
    add(&host, "eve", &[]);
    let (mut admin, mut eve) = (host.peer(), host.peer_of("eve"));
    let mut table = Table::default();
    let kill = format!("<session-id>{}</session-id>", admin.own_id);
    let running = |name: &str| format!("<{name}><running/></{name}>");
    for (name, inner) in [
        ("kill-session", kill.clone()),
        ("delete-config", running("target")),
    ] {
        let got = eve.error(&format!("<{name} xmlns=\"\">{inner}</{name}>"));
        table.row(name, &got, &[&no_exec(&format!("nc:{name}"))]);
    }
    admin.ok(&crate::sample::running(&nacm(
        "<exec-default>deny</exec-default>",
    )));
    for (name, inner) in [
        ("get", String::new()),
        ("get-config", running("source")),
        ("edit-config", running("target") + "<config/>"),
        (
            "copy-config",
            running("source") + "<target><candidate/></target>",
        ),
        ("delete-config", running("target")),
        ("lock", running("target")),
        ("unlock", running("target")),
        ("kill-session", kill),
        ("validate", running("source")),
        ("commit", String::new()),
        ("cancel-commit", String::new()),
        ("discard-changes", String::new()),
        // Not well formed as a request: that it is denied comes first.
        ("get-config", String::new()),
    ] {
        for ns in ["", BASE] {
            let got = eve.error(&format!("<{name} xmlns=\"{ns}\">{inner}</{name}>"));
            table.row(
                &format!("{name} in '{ns}'"),
                &got,
                &[&no_exec(&format!("nc:{name}"))],
            );
        }
    }
    table.row(
        "close-session",
        &eve.error("<close-session xmlns=\"\"/>"),
        &["ok"],
    );
    table.done();
}

fn subscribe(inner: &str) -> String {
    format!("<create-subscription xmlns=\"{NOTIFICATION}\">{inner}</create-subscription>")
}

/// Everything that comes until nothing does for a while.
fn heard(peer: &mut Peer) -> String {
    let mut all = String::new();
    while let Got::Message(message) = peer.next(Duration::from_millis(1500)) {
        all.push_str(&message);
    }
    all
}

#[test]
fn events_are_sent_to_who_may_read_them_live_and_in_replay() {
    let host = Host::start();
    add(&host, "deaf", &["deaf"]);
    add(&host, "all", &[]);
    let mut admin = host.peer();
    let rule = "<notification-name>escEvent</notification-name><module-name>esc</module-name>";
    admin.ok(&running(&rules("deaf", &[(rule, "deny")])));
    admin.ok(&running(&tenant("early", "")));
    let mut witness = host.peer_of("all");
    witness.ok(&subscribe("<startTime>2020-01-01T00:00:00Z</startTime>"));
    let mut history = String::new();
    while !(history.contains("early") && history.contains("replayComplete")) {
        history.push_str(&witness.message());
    }
    let mut table = Table::default();
    let mut deaf = Vec::new();
    for stream in ["NETCONF", "escEvent"] {
        for filter in ["", &format!("<filter><escEvent xmlns=\"{ESC}\"/></filter>")] {
            let mut peer = host.peer_of("deaf");
            let start = "<startTime>2020-01-01T00:00:00Z</startTime>";
            peer.ok(&subscribe(&format!(
                "{filter}<stream>{stream}</stream>{start}"
            )));
            deaf.push((format!("{stream} {filter}"), peer));
        }
    }
    admin.ok(&running(&tenant("late", "")));
    while !witness.message().contains("late") {}
    for (case, peer) in &mut deaf {
        let heard = heard(peer);
        table.check(
            &format!("{case}: {heard:.400}"),
            !heard.contains("escEvent"),
        );
        table.check(
            &format!("{case}: replayComplete"),
            heard.contains("replayComplete"),
        );
        let netconf = case == "NETCONF ";
        table.check(
            &format!("{case}: other types {heard:.400}"),
            heard.contains("netconf-config-change") == netconf,
        );
    }
    let counters = admin.rpc(&format!("<get><filter>{}</filter></get>", nacm("")));
    let count = |text: &str| -> Option<u32> {
        let (_, rest) = text.split_once("<denied-notifications>")?;
        rest.split_once('<')?.0.parse().ok()
    };
    // Two events or more, in four subscriptions.
    table.check(&counters, count(&counters).is_some_and(|count| count >= 8));
    // The rule goes, and what comes from now on is sent to the same subscriptions.
    let gone = rules("deaf", &[]).replace("<rule-list>", "<rule-list nc:operation=\"delete\">");
    admin.ok(&running(&gone));
    admin.ok(&running(&tenant("later", "")));
    for (case, peer) in &mut deaf {
        let mut heard = String::new();
        while let Got::Message(message) = peer.next(Duration::from_secs(10)) {
            heard.push_str(&message);
            if heard.contains("later") {
                break;
            }
        }
        table.check(
            &format!("{case}: now {heard:.400}"),
            heard.contains("later"),
        );
    }
    // Without create-subscription there are none at all.
    let rule = "<rpc-name>create-subscription</rpc-name>";
    admin.ok(&running(&rules("deaf", &[(rule, "deny")])));
    let got = host.peer_of("deaf").error(&subscribe(""));
    table.row(
        "create-subscription",
        &got,
        &[&no_exec("ncEvent:create-subscription")],
    );
    table.done();
}

#[test]
fn groups_come_from_the_users_and_from_the_configuration_at_every_request() {
    let host = Host::start();
    add(&host, "ann", &[]);
    let (mut admin, mut ann) = (host.peer(), host.peer_of("ann"));
    let all_of_esc = "<module-name>esc</module-name>";
    admin.ok(&running(&rules("writers", &[(all_of_esc, "permit")])));
    let mut table = Table::default();
    let mut count = 0;
    let mut write = |peer: &mut Peer| {
        count += 1;
        peer.error(&running(&tenant(&format!("t{count}"), "")))
    };
    let no = format!("{DENIED}*");
    table.row("in no group", &write(&mut ann), &[&no]);
    groups(&host, "ann", &["writers"]);
    table.row("in a group of the users' file", &write(&mut ann), &["ok"]);
    admin.ok(&running(&nacm(
        "<enable-external-groups>false</enable-external-groups>",
    )));
    table.row("which is not asked", &write(&mut ann), &[&no]);
    let configured = |operation: &str| {
        nacm(&format!(
            "<groups><group nc:operation=\"{operation}\"><name>writers</name><user-name>ann</user-name></group></groups>"
        ))
    };
    admin.ok(&running(&configured("create")));
    table.row("in a configured group", &write(&mut ann), &["ok"]);
    admin.ok(&running(&configured("remove")));
    table.row("no more", &write(&mut ann), &[&no]);
    table.row(
        "administrators are asked of the users' file all the same",
        &write(&mut admin),
        &["ok"],
    );
    admin.ok(&running(&nacm("<enable-nacm>false</enable-nacm>")));
    table.row("enable-nacm false", &write(&mut ann), &["ok"]);
    admin.ok(&running(&nacm("<enable-nacm>true</enable-nacm>")));
    table.row("enable-nacm true", &write(&mut ann), &[&no]);
    groups(&host, "ann", &["admin"]);
    table.row("made an administrator", &write(&mut ann), &["ok"]);
    table.done();
}

#[test]
fn administrators_cannot_lock_themselves_out_by_accident() {
    let host = Host::start();
    let mut admin = host.peer();
    let mut table = Table::default();
    let closed = "<read-default>deny</read-default><exec-default>deny</exec-default>";
    table.row(
        "everything closed",
        &admin.error(&running(&nacm(closed))),
        &["ok"],
    );
    table.row(
        "to everybody else",
        &admin.error(&running(&rules("*", &[("", "deny")]))),
        &["ok"],
    );
    table.row("still", &admin.error(&running(&tenant("t", ""))), &["ok"]);
    let copy = "<copy-config><target><running/></target><source><config/></source></copy-config>";
    table.row("/nacm dropped by a copy", &admin.error(copy), &["ok"]);
    table.row("still", &admin.error(&running(&tenant("t", ""))), &["ok"]);
    table.check(
        "nothing was seeded",
        !admin.rpc(&all("running")).contains("<nacm"),
    );
    // Rules for the group itself are the administrator's own will.
    let read_only = [(&*to("read exec"), "permit"), ("", "deny")];
    table.row(
        "rules for admin",
        &admin.error(&running(&rules("admin", &read_only))),
        &["ok"],
    );
    let got = admin.error(&running(&tenant("u", "")));
    table.row(
        "hold for administrators",
        &got,
        &[&format!("{DENIED} path={TENANT}[esc:name='u']")],
    );
    table.check(
        "and no more than that",
        admin.rpc(&all("running")).contains("<nacm"),
    );
    table.done();
}

#[test]
fn the_recovery_user_is_bound_by_no_rule() {
    let host = Host::process_with("[nacm]\nrecovery-user = \"rescue\"\n", &[]);
    add(&host, "rescue", &[]);
    let mut admin = host.peer();
    let lockout = rules("admin", &[("", "deny")]);
    admin.ok(&running(&lockout));
    let mut table = Table::default();
    table.row("locked out", &admin.error("<get/>"), &[&no_exec("nc:get")]);
    let mut rescue = host.peer_of("rescue");
    let gone = lockout.replace("<rule-list>", "<rule-list nc:operation=\"delete\">");
    table.row("mends it", &rescue.error(&running(&gone)), &["ok"]);
    table.row("back", &admin.error(&running(&tenant("t", ""))), &["ok"]);
    table.done();
}

fn connector(properties: &str) -> String {
    format!(
        "<esc_datamodel xmlns=\"{ESC}\"><vim_connectors><vim_connector><id>v</id><type>OPENSTACK</type>\
         <properties>{properties}</properties></vim_connector></vim_connectors></esc_datamodel>"
    )
}

fn property(name: &str, value: &str) -> String {
    format!("<property><name>{name}</name><value>{value}</value></property>")
}

#[test]
fn secrets_are_shown_to_nobody_and_their_mask_keeps_them() {
    let host = Host::start();
    let mut admin = host.peer();
    let mut table = Table::default();
    let secret = "correct-horse-battery";
    let given = connector(&property("os_password", secret));
    admin.ok(&running(&given));
    let xpath = |text: &str| {
        format!("<get><filter type=\"xpath\" xmlns:e=\"{ESC}\" select=\"{text}\"/></get>")
    };
    let by_content =
        format!("<get-config><source><running/></source><filter>{given}</filter></get-config>");
    for (case, request, shown) in [
        ("get-config", all("running"), true),
        ("candidate", all("candidate"), true),
        ("get", "<get/>".to_owned(), true),
        ("xpath", xpath("//e:property"), true),
        (
            "guessed by xpath",
            xpath(&format!("//e:property[e:value='{secret}']")),
            false,
        ),
        (
            "guessed by its start",
            xpath("//e:property[starts-with(e:value,'correct')]"),
            false,
        ),
        ("guessed by a subtree", by_content, false),
    ] {
        let got = admin.rpc(&request);
        table.check(&format!("{case}: {got:.500}"), !got.contains(secret));
        table.check(
            &format!("{case}: {got:.500}"),
            got.contains("********") == shown,
        );
    }
    let masked = connector(&property("os_password", "********"));
    for (case, request) in [
        ("merged back", running(&masked)),
        (
            "replaced",
            running(&masked.replace(
                "<vim_connector>",
                "<vim_connector nc:operation=\"replace\">",
            )),
        ),
        (
            "copied back",
            format!(
                "<copy-config><target><running/></target><source><config>{masked}</config></source></copy-config>"
            ),
        ),
    ] {
        table.row(case, &admin.error(&request), &["ok"]);
    }
    let path = "/esc:esc_datamodel/esc:vim_connectors/esc:vim_connector[esc:id='v']/esc:properties/esc:property[esc:name='new']/esc:value";
    let new = connector(&property("new", "********"));
    table.row(
        "a mask of nothing",
        &admin.error(&running(&new)),
        &[&format!("application invalid-value path={path}")],
    );
    table.row(
        "and in a candidate",
        &admin.error(&candidate(&new)),
        &[&format!("application invalid-value path={path}")],
    );
    let audit = std::fs::read_dir(host.data().join("audit")).unwrap();
    for file in audit {
        let text = std::fs::read_to_string(file.unwrap().path()).unwrap_or_default();
        table.check("no secret in the audit log", !text.contains(secret));
    }
    // Who may not even read the node sees no mask; day-0 data is such a node too.
    add(&host, "guest", &[]);
    let day0 = "<config_data><configuration><dst>/etc/x</dst><data>pw-of-day0</data><variable><name>PW</name><val>pw-of-var</val></variable></configuration></config_data>";
    admin.ok(&running(&deployment(
        "t",
        "d",
        &format!("{GROUP}{NO_VMS}{day0}"),
    )));
    let guest = host.peer_of("guest").rpc(&all("running"));
    for hidden in ["********", "pw-of-day0", "pw-of-var"] {
        table.check(&format!("no {hidden} in {guest}"), !guest.contains(hidden));
    }
    table.check(
        "the rest of it",
        guest.contains("os_password") && guest.contains("/etc/x"),
    );
    table.done();
}

/// Entries of a list with two keys, in a deployment without VMs.
fn pairs(entries: &[(&str, &str, &str)]) -> String {
    let entries: String = entries
        .iter()
        .map(|(operation, address, netmask)| {
            format!(
                "<address nc:operation=\"{operation}\"><ip_address>{address}</ip_address><netmask>{netmask}</netmask></address>"
            )
        })
        .collect();
    let interfaces = format!(
        "<interfaces><interface><nicid>0</nicid><network>n1</network>\
         <allowed_address_pairs>{entries}</allowed_address_pairs></interface></interfaces>"
    );
    deployment("t", "d", &format!("{GROUP}{NO_VMS}{interfaces}"))
}

const ADDRESS: &str = "/esc:esc_datamodel/esc:tenants/esc:tenant/esc:deployments/esc:deployment/esc:vm_group\
     /esc:interfaces/esc:interface/esc:allowed_address_pairs/esc:address";

#[test]
fn a_path_may_leave_keys_out_and_stands_for_every_value_of_them() {
    let host = Host::start();
    add(&host, "reader", &["readers"]);
    add(&host, "writer", &["writers"]);
    add(&host, "reset", &["resets"]);
    let mut admin = host.peer();
    let (a, b, c) = (
        ("merge", "10.0.0.0", "255.255.255.0"),
        ("merge", "10.0.0.0", "255.255.0.0"),
        ("merge", "10.1.0.0", "255.255.255.0"),
    );
    admin.ok(&running(&network("t", "")));
    admin.ok(&running(&pairs(&[a, b, c])));
    let by_address = path(&format!("{ADDRESS}[esc:ip_address='10.0.0.0']"));
    let by_netmask = path(&format!("{ADDRESS}[esc:netmask=\"255.255.0.0\"]"));
    let mine = path(&format!("{TENANT}[esc:name=$USER]"));
    let mut table = Table::default();
    let given = [
        rules("readers", &[(&by_address, "deny")]),
        rules("writers", &[(&by_netmask, "permit"), (&mine, "permit")]),
    ];
    for rules in &given {
        table.row("a rule", &admin.error(&running(rules)), &["ok"]);
    }
    let mut reader = host.peer_of("reader");
    let seen = reader.rpc(&all("running"));
    table.check(
        &format!("no instance of it is shown: {seen}"),
        !seen.contains("10.0.0.0") && seen.contains("10.1.0.0"),
    );
    let count = |number: usize| {
        format!(
            "<get><filter type=\"xpath\" xmlns:e=\"{ESC}\" select=\"//e:tenants[count(.//e:address)={number}]\"/></get>"
        )
    };
    table.check("nor counted", reader.rpc(&count(1)).contains("10.1.0.0"));
    table.check("nor counted", !reader.rpc(&count(3)).contains("<tenants"));
    // Written: in a candidate, as a deployment's interfaces are not changed in place.
    let mut writer = host.peer_of("writer");
    let denied = |address: &str, netmask: &str| {
        let place = ADDRESS
            .replace("tenant/", "tenant[esc:name='t']/")
            .replace("deployment/", "deployment[esc:name='d']/")
            .replace("vm_group/", "vm_group[esc:name='g']/")
            .replace("interface/", "interface[esc:nicid='0']/");
        format!("{DENIED} path={place}[esc:ip_address='{address}'][esc:netmask='{netmask}']")
    };
    let (wide, narrow) = ("255.255.0.0", "255.255.255.0");
    for (case, entry, expected) in [
        ("create", ("create", "10.2.0.0", wide), "ok".to_owned()),
        ("merge", ("merge", "10.3.0.0", wide), "ok".to_owned()),
        ("delete", ("delete", "10.0.0.0", wide), "ok".to_owned()),
        (
            "create of another",
            ("create", "10.2.0.0", narrow),
            denied("10.2.0.0", narrow),
        ),
        (
            "merge of another",
            ("merge", "10.3.0.0", narrow),
            denied("10.3.0.0", narrow),
        ),
        (
            "delete of another",
            ("delete", "10.1.0.0", narrow),
            denied("10.1.0.0", narrow),
        ),
    ] {
        let got = writer.error(&candidate(&pairs(&[entry])));
        table.row(case, &got, &[&expected]);
    }
    table.row(
        "a variable",
        &writer.error(&running(&tenant("writer", ""))),
        &["ok"],
    );
    table.row(
        "is the user's own name",
        &writer.error(&running(&tenant("reader", ""))),
        &[&format!("{DENIED} path={TENANT}[esc:name='reader']")],
    );
    // Of the three keys of state data, the last one alone; it is an identity.
    let ncm = "urn:ietf:params:xml:ns:yang:ietf-netconf-monitoring";
    let schemas = "/m:netconf-state/m:schemas/m:schema";
    let by_format =
        format!("<path xmlns:m=\"{ncm}\">{schemas}[m:format='m:yang']/m:location</path>");
    let by_name = format!("<path xmlns:m=\"{ncm}\">{schemas}[m:identifier='esc']</path>");
    let hidden = rules("resets", &[(&by_format, "deny"), (&by_name, "deny")]);
    table.row("of state", &admin.error(&running(&hidden)), &["ok"]);
    let state = format!(
        "<get><filter><netconf-state xmlns=\"{ncm}\"><schemas/></netconf-state></filter></get>"
    );
    let seen = host.peer_of("reset").rpc(&state);
    table.check(
        &format!("of state: {seen:.800}"),
        !seen.contains("<location") && !seen.contains("<identifier>esc</identifier>"),
    );
    table.check(
        "the rest",
        seen.contains("<identifier>lifeline</identifier>"),
    );
    table.done();
}

/// The `path` elements of `/nacm`, whatever the datastore.
fn paths(peer: &mut Peer, request: &str) -> Vec<String> {
    let reply = peer.rpc(request);
    let parts = reply.split("<path").skip(1);
    parts
        .map(|part| part.split("</path>").next().unwrap_or_default().to_owned())
        .collect()
}

#[test]
fn a_path_comes_out_as_it_went_in_by_every_way_and_after_a_restart() {
    let mut host = Host::start();
    let mut admin = host.peer();
    let mut table = Table::default();
    // Prefixes of the client's own, keys in any order, white space.
    let given = format!(
        "<path xmlns:x=\"{ESC}\" xmlns:l=\"{SIM}\">\n  /x:esc_datamodel/x:opdata/x:tenants/x:tenant[ x:name = $USER ]\n  \
         /x:deployments[x:service_version=\"it's\"][x:deployment_name='a [b] &quot;c&quot; l:d']</path>"
    );
    let shown = format!(
        " xmlns:esc=\"{ESC}\">/esc:esc_datamodel/esc:opdata/esc:tenants/esc:tenant[esc:name=$USER]\
         /esc:deployments[esc:service_version=\"it's\"][esc:deployment_name='a [b] \"c\" l:d']"
    );
    let config = rules("g", &[(&given, "deny"), (&path("/"), "permit")]);
    let expect = vec![shown.clone(), ">/".to_owned()];
    let plain = |found: Vec<String>| -> Vec<String> {
        found
            .iter()
            .map(|path| path.replace("&quot;", "\"").replace("&apos;", "'"))
            .collect()
    };
    table.row(
        "to the candidate",
        &admin.error(&candidate(&config)),
        &["ok"],
    );
    let found = plain(paths(&mut admin, &all("candidate")));
    table.check(&format!("in the candidate: {found:#?}"), found == expect);
    let validate = "<validate><source><candidate/></source></validate>";
    table.row("validated", &admin.error(validate), &["ok"]);
    table.row("committed", &admin.error("<commit/>"), &["ok"]);
    let found = plain(paths(&mut admin, &all("running")));
    table.check(&format!("in running: {found:#?}"), found == expect);
    table.row("the same again", &admin.error(&running(&config)), &["ok"]);
    let defaults = all("running").replace(
        "</source>",
        "</source><with-defaults xmlns=\"urn:ietf:params:xml:ns:yang:ietf-netconf-with-defaults\">report-all-tagged</with-defaults>",
    );
    let found = plain(paths(&mut admin, &defaults));
    table.check(&format!("with defaults: {found:#?}"), found == expect);
    // What get-config gives is taken by copy-config as it is.
    let reply = admin.rpc(&all("running"));
    let data = reply
        .split_once("<data")
        .and_then(|(_, rest)| rest.split_once('>'));
    let data = data
        .and_then(|(_, rest)| rest.split_once("</data>"))
        .map(|(data, _)| data);
    let copy = format!(
        "<copy-config><target><candidate/></target><source><config>{}</config></source></copy-config>",
        data.unwrap_or_default()
    );
    table.row("copied back", &admin.error(&copy), &["ok"]);
    let found = plain(paths(&mut admin, &all("candidate")));
    table.check(&format!("copied back: {found:#?}"), found == expect);
    let select = |test: &str| {
        format!(
            "<get-config><source><running/></source><filter type=\"xpath\" xmlns:n=\"{NACM}\" select=\"//n:rule[{test}]\"/></get-config>"
        )
    };
    for (test, rule) in [
        ("n:path='/'", "r1"),
        ("contains(n:path, '$USER')", "r0"),
        ("starts-with(n:path, '/esc:esc_datamodel/opdata')", "r0"),
    ] {
        let got = admin.rpc(&select(test));
        let only = got.matches("<rule>").count() == 1;
        table.check(&format!("{test}: {got}"), only && got.contains(rule));
    }
    host.restart();
    let mut admin = host.peer();
    let found = plain(paths(&mut admin, &all("running")));
    table.check(&format!("after a restart: {found:#?}"), found == expect);
    let schema = "<get-schema xmlns=\"urn:ietf:params:xml:ns:yang:ietf-netconf-monitoring\"><identifier>ietf-netconf-acm</identifier></get-schema>";
    let text = admin.rpc(schema);
    table.check(
        "get-schema gives the standard's text",
        text.contains("type node-instance-identifier;") && text.contains("type yang:xpath1.0;"),
    );
    table.done();
}

/// `/nacm` with one rule of each list, (list, group, content, action), and insert attributes.
fn lists(all: &[(&str, &str, &str, &str)], insert: &str) -> String {
    let lists: String = all
        .iter()
        .map(|(list, group, content, action)| {
            format!(
                "<rule-list{insert}><name>{list}</name><group>{group}</group><rule><name>r</name>{content}\
                 <action>{action}</action></rule></rule-list>"
            )
        })
        .collect();
    nacm(&lists)
}

#[test]
fn rule_lists_count_in_their_order_for_every_group_of_the_user() {
    let host = Host::start();
    add(&host, "ann", &["a", "b"]);
    let mut admin = host.peer();
    let mut table = Table::default();
    admin.ok(&running(&nacm(
        "<groups><group><name>c</name><user-name>ann</user-name></group></groups>",
    )));
    let one = path(&format!("{TENANT}[esc:name='t1']"));
    let three = path(&format!("{TENANT}[esc:name='t3']"));
    let all = path("/");
    admin.ok(&running(&lists(
        &[
            ("others", "d", &all, "permit"),
            ("first", "b", &one, "permit"),
            ("second", "c", &three, "permit"),
            ("third", "*", &all, "deny"),
            ("fourth", "a", &all, "permit"),
        ],
        "",
    )));
    let mut ann = host.peer_of("ann");
    // Reading is denied by the third list, but for what comes before it; operations by none.
    for (name, permitted) in [("t1", true), ("t2", false), ("t3", true)] {
        let expected = match permitted {
            true => "ok".to_owned(),
            false => format!("{DENIED} path={TENANT}[esc:name='{name}']"),
        };
        let got = ann.error(&running(&tenant(name, "")));
        table.row(name, &got, &[&expected]);
    }
    let attributes = " xmlns:y=\"urn:ietf:params:xml:ns:yang:1\" y:insert=\"first\"";
    let moved = lists(&[("fourth", "a", &all, "permit")], attributes);
    table.row(
        "moved to the front",
        &admin.error(&running(&moved)),
        &["ok"],
    );
    table.row("t2 now", &ann.error(&running(&tenant("t2", ""))), &["ok"]);
    let seen = ann.rpc(&all_of_tenants());
    table.check(
        &format!("and read: {seen}"),
        ["t1", "t2", "t3"]
            .iter()
            .all(|name| seen.contains(&format!(">{name}<"))),
    );
    table.done();
}

/// RFC 8341 section 3.2.5: a merge or a replacement in another order modifies what stands elsewhere, and one in the
/// order there is modifies nothing; section 3.2.8: what was moved can be committed by who may move it.
#[test]
fn rules_are_put_in_another_order_by_who_may_update_them_only() {
    let host = Host::start();
    add(&host, "reader", &["readers"]);
    add(&host, "mover", &["movers"]);
    let (mut admin, mut table) = (host.peer(), Table::default());
    let list = |operation: &str, names: &str| {
        let rules: String = names
            .chars()
            .map(|name| format!("<rule><name>{name}</name><action>permit</action></rule>"))
            .collect();
        nacm(&format!(
            "<rule-list nc:operation=\"{operation}\"><name>x</name><group>x</group>{rules}</rule-list>"
        ))
    };
    admin.ok(&running(&list("create", "abc")));
    let place = "/nacm:nacm/nacm:rule-list[nacm:name='x']/nacm:rule";
    let of = |name: &str| format!("{place}[nacm:name='{name}']");
    let seen = format!(
        "<path xmlns:nacm=\"{NACM}\">/nacm:nacm</path>{}",
        to("read")
    );
    let c = format!(
        "<path xmlns:nacm=\"{NACM}\">{}</path>{}",
        of("c"),
        to("update")
    );
    admin.ok(&running(&rules("readers", &[(&seen, "permit")])));
    admin.ok(&running(&rules(
        "movers",
        &[(&seen, "permit"), (&c, "permit")],
    )));
    let mut order = move || {
        let got = admin.rpc(&format!(
            "<get-config><source><running/></source><filter>{}</filter></get-config>",
            nacm("<rule-list><name>x</name></rule-list>")
        ));
        let names = got.split("<rule><name>").skip(1);
        names
            .filter_map(|rest| rest.chars().next())
            .collect::<String>()
    };
    let mut reader = host.peer_of("reader");
    let denied = |name: &str| format!("{DENIED} path={}", of(name));
    for (case, names, expected) in [
        ("as they stand", "abc", "ok".to_owned()),
        ("in another order", "acb", denied("c")),
    ] {
        let got = reader.error(&running(&list("replace", names)));
        table.row(case, &got, &[&expected]);
    }
    let insert = |place: &str, name: &str| {
        let attribute = format!("xmlns:y=\"urn:ietf:params:xml:ns:yang:1\" y:insert=\"{place}\"");
        nacm(&format!(
            "<rule-list><name>x</name><rule {attribute}><name>{name}</name></rule></rule-list>"
        ))
    };
    for (case, edit, expected) in [
        ("to where it stands", insert("first", "a"), "ok".to_owned()),
        ("elsewhere", insert("last", "a"), denied("a")),
    ] {
        table.row(case, &reader.error(&running(&edit)), &[&expected]);
        table.row(case, &reader.error(&candidate(&edit)), &[&expected]);
    }
    table.check("nothing moved", order() == "abc");
    let mut mover = host.peer_of("mover");
    for (target, after) in [("first", "cab"), ("last", "abc")] {
        let got = mover.error(&candidate(&insert(target, "c")));
        table.row("moved in the candidate", &got, &["ok"]);
        table.row("committed", &mover.error("<commit/>"), &["ok"]);
        table.check(after, order() == after);
    }
    table.row(
        "others are not",
        &mover.error(&running(&insert("first", "b"))),
        &[&denied("b")],
    );
    table.done();
}

fn all_of_tenants() -> String {
    let model = format!("<esc_datamodel xmlns=\"{ESC}\"/>");
    format!("<get-config><source><running/></source><filter>{model}</filter></get-config>")
}

#[test]
fn what_is_taken_away_needs_access_to_all_that_goes_and_a_commit_only_to_what_differs() {
    let host = Host::start();
    add(&host, "ann", &["builders"]);
    let (mut admin, mut ann) = (host.peer(), host.peer_of("ann"));
    admin.ok(&running(&network("t", "")));
    let all = path(TENANT);
    let kept = path(&format!("{TENANT}/esc:networks/esc:network[esc:name='n1']")) + &to("delete");
    let exec = "<rpc-name>delete-config</rpc-name>";
    let policy = [(&*kept, "deny"), (&*all, "permit"), (exec, "permit")];
    admin.ok(&running(&rules("builders", &policy)));
    let mut table = Table::default();
    let n1 =
        format!("{DENIED} path={TENANT}[esc:name='t']/esc:networks/esc:network[esc:name='n1']");
    let gone = running(&tenant("t", "")).replace("<tenant>", "<tenant nc:operation=\"delete\">");
    table.row("delete of what it is in", &ann.error(&gone), &[&n1]);
    let gone = gone.replace("\"delete\"", "\"remove\"");
    table.row("remove of what it is in", &ann.error(&gone), &[&n1]);
    let less = running(&tenant("t", "")).replace("<tenant>", "<tenant nc:operation=\"replace\">");
    table.row("replace without it", &ann.error(&less), &[&n1]);
    table.row(
        "in a candidate",
        &ann.error(
            &candidate(&tenant("t", "")).replace("<tenant>", "<tenant nc:operation=\"replace\">"),
        ),
        &[&n1],
    );
    admin.ok(&candidate(&tenant("t", "")).replace("<tenant>", "<tenant nc:operation=\"delete\">"));
    table.row(
        "commit of what another deleted",
        &ann.error("<commit/>"),
        &[&n1],
    );
    ann.ok("<discard-changes/>");
    let delete = "<delete-config><target><candidate/></target></delete-config>";
    table.row(
        "delete-config, permitted",
        &ann.error(delete),
        &[
            "protocol operation-not-supported",
            "application operation-not-supported",
        ],
    );
    // What is around it needs nothing under none, and neither does what is not there under remove.
    let none = "<default-operation>none</default-operation>";
    let vlan = "<vlan_id nc:operation=\"create\">7</vlan_id>";
    table.row(
        "none",
        &ann.error(&edit("running", none, &network("t", vlan))),
        &["ok"],
    );
    let other = tenant("u", "").replace("<tenant>", "<tenant nc:operation=\"remove\">");
    table.row(
        "remove of what is not there",
        &ann.error(&running(&other)),
        &["ok"],
    );
    // A confirming commit of what is in force changes nothing, whatever the user may by now.
    ann.ok(&candidate(&network("t", "<vlan_id>8</vlan_id>")));
    table.row(
        "confirmed",
        &ann.error("<commit><confirmed/></commit>"),
        &["ok"],
    );
    groups(&host, "ann", &[]);
    table.row("confirming", &ann.error("<commit/>"), &["ok"]);
    table.check(
        "in force",
        admin.rpc(&all_of_tenants()).contains("<vlan_id>8<"),
    );
    table.row(
        "and no more",
        &ann.error(&running(&network("t", "<vlan_id>9</vlan_id>"))),
        &[&format!("{}/esc:vlan_id", n1)],
    );
    table.done();
}

#[test]
fn errors_tell_nothing_of_what_may_not_be_read() {
    let host = Host::start();
    add(&host, "keeper", &["keepers"]);
    let mut admin = host.peer();
    let image = "<images><image><name>i</name><src>http://127.0.0.1/i</src></image></images>";
    let in_model = |inner: &str| format!("<esc_datamodel xmlns=\"{ESC}\">{inner}</esc_datamodel>");
    admin.ok(&running(&in_model(image)));
    admin.ok(&running(&network("hidden-t", "")));
    let interface = |nicid: u8| {
        format!(
            "<interfaces><interface><nicid>{nicid}</nicid><network>n1</network><mac_address>02:00:00:00:00:01</mac_address></interface></interfaces>"
        )
    };
    let group =
        |inner: &str| deployment("hidden-t", "hidden-d", &format!("{GROUP}{NO_VMS}{inner}"));
    let both = interface(0).replace(
        "</interfaces>",
        "<interface><nicid>1</nicid><network>n1</network></interface></interfaces>",
    );
    admin.ok(&running(&group(&both)));
    let mut table = Table::default();
    let delete = in_model(&image.replace("<image>", "<image nc:operation=\"delete\">"));
    let told = admin.rpc(&running(&delete));
    table.check(
        &format!("told to who may know: {told}"),
        told.contains("in use by deployment hidden-d of tenant hidden-t"),
    );
    let interfaces = "/esc:esc_datamodel/esc:tenants/esc:tenant/esc:deployments/esc:deployment/esc:vm_group\
        /esc:interfaces/esc:interface";
    let hide = |what: &str| (path(what), "deny");
    let everything = (path("/"), "permit");
    let read = |(path, action): (String, &'static str)| (path + &to("read"), action);
    let policy = |rule: (String, &'static str)| {
        let (hidden, all) = (read(rule), everything.clone());
        rules("keepers", &[(&hidden.0, hidden.1), (&all.0, all.1)])
            .replace("<rule-list>", "<rule-list nc:operation=\"replace\">")
    };
    admin.ok(&running(&policy(hide(TENANT))));
    let mut keeper = host.peer_of("keeper");
    let told = keeper.rpc(&running(&delete));
    table.check(
        &format!("in use by whom is not told: {told}"),
        told.contains("in-use") && told.contains("image i is in use<") && !told.contains("hidden-"),
    );
    // One entry is hidden, and the one that is written has what it has.
    admin.ok(&running(&policy(hide(&format!(
        "{interfaces}[esc:nicid='0']"
    )))));
    for nicid in [1, 2] {
        let twice = candidate(&group(&interface(nicid)));
        let validate = "<validate><source><candidate/></source></validate>";
        let mut told = [&mut admin, &mut keeper].map(|peer| {
            peer.ok(&twice);
            let told = peer.rpc(validate);
            peer.ok("<discard-changes/>");
            told
        });
        let [all, told] = &mut told;
        let names =
            |text: &str, nicid: u8| text.contains(&format!("[esc:nicid='{nicid}']/esc:mac"));
        table.check(
            &format!("told to who may know: {all}"),
            names(all, 0) && names(all, nicid),
        );
        table.check(
            &format!("the other entry is not told: {told}"),
            told.contains("operation-failed") && !names(told, 0),
        );
    }
    // Entries that are there for naming need no access, whatever can be read.
    let leaf = format!("{TENANT}/esc:networks/esc:network/esc:vlan_id");
    let blind = rules(
        "keepers",
        &[(&(path(&leaf) + &to("create update")), "permit")],
    )
    .replace("<rule-list>", "<rule-list nc:operation=\"replace\">");
    admin.ok(&running(&blind));
    admin.ok(&running(&nacm("<read-default>deny</read-default>")));
    let got = keeper.error(&running(&network("hidden-t", "<vlan_id>7</vlan_id>")));
    table.row("for naming", &got, &["ok"]);
    table.check(
        "written",
        admin.rpc(&all("running")).contains("<vlan_id>7</vlan_id>"),
    );
    for (name, inner) in [
        ("hidden-t", ""),
        ("other-t", ""),
        ("other-t", "<vlan_id>7</vlan_id>"),
    ] {
        let got = keeper.error(&running(&network(name, inner)));
        let expected = format!("{DENIED} path={TENANT}[esc:name='{name}']");
        table.row("and tell nothing", &got, &[&expected]);
    }
    for name in ["hidden-t", "other-t"] {
        let none = "<default-operation>none</default-operation>";
        let got = keeper.error(&edit("running", none, &tenant(name, "")));
        let expected = format!("{DENIED} path={TENANT}[esc:name='{name}']");
        table.row("nor under none", &got, &[&expected]);
    }
    table.done();
}

#[test]
fn a_rule_about_nothing_is_refused() {
    let host = Host::start();
    let mut admin = host.peer();
    let mut table = Table::default();
    for (case, text) in [
        ("no such node", "/esc:esc_datamodel/esc:tenant"),
        (
            "no such key",
            "/esc:esc_datamodel/esc:tenants/esc:tenant[esc:color='x']",
        ),
        ("no instance path", "//esc:tenant"),
        ("an operation", "/esc:serviceAction"),
        (
            "a leaf that is no key",
            &format!("{TENANT}[esc:managed_resource='true']"),
        ),
        (
            "a value that no key has",
            &format!("{ADDRESS}[esc:ip_address='x']"),
        ),
        ("a position", &format!("{TENANT}[1]")),
        ("another variable", &format!("{TENANT}[esc:name=$HOST]")),
    ] {
        let got = admin.error(&running(&rules("g", &[(&path(text), "deny")])));
        let at = "/nacm:nacm/nacm:rule-list[nacm:name='g']/nacm:rule[nacm:name='r0']/nacm:path";
        table.row(
            case,
            &got,
            &[&format!("application invalid-value path={at}")],
        );
    }
    let undeclared = rules("g", &[("<path>/q:x</path>", "deny")]);
    let got = admin.error(&running(&undeclared));
    table.row(
        "a prefix that is not declared",
        &got,
        &["application invalid-value*"],
    );
    table.check(
        "nothing was stored",
        brief(&admin.rpc(&all("running"))).starts_with("no error"),
    );
    table.done();
}
