//! Decisions that a person has checked against RFC 8341, clause by clause.

use super::oracle::{Asked, Step, permits};
use super::table::answer;
use super::*;

fn data(access: Access, path: &'static str) -> Asked {
    const ITEM_A: &[(&str, &str)] = &[("name", "a"), ("kind", "1")];
    const ITEM_B: &[(&str, &str)] = &[("name", "b"), ("kind", "1")];
    const ITEM_C: &[(&str, &str)] = &[("name", "a"), ("kind", "2")];
    const ITEM_U: &[(&str, &str)] = &[("name", "u"), ("kind", "9")];
    let steps = path.split('/').skip(1).map(|name| -> Step {
        match name {
            "item-a" => ("g", "item", ITEM_A),
            "item-b" => ("g", "item", ITEM_B),
            "item-c" => ("g", "item", ITEM_C),
            "item-u" => ("g", "item", ITEM_U),
            "extra" => ("h", name, &[]),
            name => ("g", name, &[]),
        }
    });
    Asked::Data(access, steps.collect())
}

/// (why, `/nacm`, request, permitted)
fn rows() -> Vec<(&'static str, String, Asked, bool)> {
    use Access::{Create, Delete, Exec, Read, Update};
    let run = Asked::Operation("g", "run");
    let get = Asked::Operation("ietf-netconf", "get");
    let kill = Asked::Operation("ietf-netconf", "kill-session");
    let remove = Asked::Operation("ietf-netconf", "delete-config");
    let close = Asked::Operation("ietf-netconf", "close-session");
    let danger = Asked::Operation("g", "danger");
    let alarm = Asked::Event("g", "alarm");
    let quiet = Asked::Event("g", "quiet");
    let replayed = Asked::Event("nc-notifications", "replayComplete");
    let off = nacm("<enable-nacm>false</enable-nacm><read-default>deny</read-default>");
    let closed = nacm("<read-default>deny</read-default><exec-default>deny</exec-default>");
    let open = nacm("<write-default>permit</write-default>");
    let no_external = nacm(
        "<enable-external-groups>false</enable-external-groups>\
         <rule-list><name>l</name><group>*</group><rule><name>r</name><action>permit</action></rule></rule-list>",
    );
    let by_name = nacm(
        "<enable-external-groups>false</enable-external-groups>\
         <groups><group><name>x</name><user-name>u</user-name></group></groups>\
         <rule-list><name>l</name><group>*</group><rule><name>r</name><action>permit</action></rule></rule-list>",
    );
    let item_a = path("/g:top/g:item[g:name='a'][g:kind='1']");
    let all_items = path("/g:top/g:item");
    let everything = path("/");
    vec![
        (
            "3.5: read-default is permit",
            nacm(""),
            data(Read, "/top/plain"),
            true,
        ),
        (
            "3.5: write-default is deny",
            nacm(""),
            data(Update, "/top/plain"),
            false,
        ),
        ("3.5: exec-default is permit", nacm(""), run.clone(), true),
        (
            "3.4.4 step 11: kill-session needs a rule",
            nacm(""),
            kill.clone(),
            false,
        ),
        (
            "3.4.4 step 11: delete-config needs a rule",
            nacm(""),
            remove.clone(),
            false,
        ),
        (
            "3.4.4 step 10: default-deny-all of an rpc",
            nacm(""),
            danger.clone(),
            false,
        ),
        (
            "3.4.4 step 3: close-session",
            closed.clone(),
            close.clone(),
            true,
        ),
        (
            "3.4.4 step 3: even under a rule",
            rules("*", &[("", "deny")]),
            close,
            true,
        ),
        (
            "3.4.4 step 12: exec-default",
            closed.clone(),
            run.clone(),
            false,
        ),
        (
            "get needs exec as any other",
            closed.clone(),
            get.clone(),
            false,
        ),
        ("3.4.4 step 1: off", off.clone(), kill.clone(), true),
        (
            "3.4.5 step 1: off",
            off.clone(),
            data(Delete, "/top/vault/gold"),
            true,
        ),
        ("3.4.6 step 1: off", off, quiet.clone(), true),
        (
            "3.4.4 step 7: no rule-type matches all",
            rules("ops", &[("", "deny")]),
            run.clone(),
            false,
        ),
        (
            "3.4.4 step 7: rpc-name",
            rules("ops", &[("<rpc-name>run</rpc-name>", "deny")]),
            run.clone(),
            false,
        ),
        (
            "3.4.4 step 7: another rpc-name",
            rules("ops", &[("<rpc-name>ran</rpc-name>", "deny")]),
            run.clone(),
            true,
        ),
        (
            "3.4.4 step 7: module-name",
            rules(
                "ops",
                &[(
                    "<module-name>h</module-name><rpc-name>run</rpc-name>",
                    "deny",
                )],
            ),
            run.clone(),
            true,
        ),
        (
            "3.4.4 step 7: exec must be among the operations",
            rules(
                "ops",
                &[("<access-operations>read</access-operations>", "deny")],
            ),
            run.clone(),
            true,
        ),
        (
            "3.4.4 step 7: a path is no rule for rpcs",
            rules("ops", &[(&everything, "deny")]),
            run.clone(),
            true,
        ),
        (
            "3.4.4 step 8: a rule permits what defaults deny",
            rules("ops", &[("<rpc-name>kill-session</rpc-name>", "permit")]),
            kill.clone(),
            true,
        ),
        (
            "3.4.4 step 8: and delete-config",
            rules(
                "ops",
                &[("<module-name>ietf-netconf</module-name>", "permit")],
            ),
            remove,
            true,
        ),
        (
            "3.4.4 step 8: and default-deny-all",
            rules("ops", &[("<rpc-name>*</rpc-name>", "permit")]),
            danger,
            true,
        ),
        (
            "3.4.4 step 7: the first that matches",
            rules(
                "ops",
                &[("<rpc-name>run</rpc-name>", "permit"), ("", "deny")],
            ),
            run.clone(),
            true,
        ),
        (
            "3.4.4 step 6: lists of other groups",
            rules("guests", &[("", "deny")]),
            run.clone(),
            true,
        ),
        (
            "3.4.4 step 5: in no group, not even *",
            no_external,
            kill.clone(),
            false,
        ),
        ("3.4.4 step 4: a configured group", by_name, kill, true),
        (
            "3.4.5: default-deny-all, read",
            nacm(""),
            data(Read, "/top/hidden"),
            false,
        ),
        (
            "3.4.5: default-deny-all, of a node above",
            nacm(""),
            data(Read, "/top/vault/gold"),
            false,
        ),
        (
            "3.4.5: default-deny-all, write",
            open.clone(),
            data(Update, "/top/hidden"),
            false,
        ),
        (
            "3.4.5: default-deny-write, write",
            open.clone(),
            data(Create, "/top/fixed"),
            false,
        ),
        (
            "3.4.5: default-deny-write, read",
            open.clone(),
            data(Read, "/top/fixed"),
            true,
        ),
        (
            "3.4.5: write-default",
            open,
            data(Delete, "/top/plain"),
            true,
        ),
        (
            "3.4.5: a rule opens default-deny-all",
            rules("ops", &[(&path("/g:top/g:vault"), "permit")]),
            data(Read, "/top/vault/gold"),
            true,
        ),
        (
            "3.4.5 step 6: the node of the path",
            rules("ops", &[(&item_a, "permit")]),
            data(Update, "/top/item-a"),
            true,
        ),
        (
            "3.4.5 step 6: below it",
            rules("ops", &[(&item_a, "permit")]),
            data(Create, "/top/item-a/sub/note"),
            true,
        ),
        (
            "3.4.5 step 6: another instance",
            rules("ops", &[(&item_a, "permit")]),
            data(Update, "/top/item-b/value"),
            false,
        ),
        (
            "3.4.5 step 6: above it",
            rules("ops", &[(&item_a, "permit")]),
            data(Update, "/top"),
            false,
        ),
        (
            "3.4.5 step 6: without keys, all instances",
            rules("ops", &[(&all_items, "permit")]),
            data(Delete, "/top/item-b"),
            true,
        ),
        (
            "3.4.5 step 6: the first that matches",
            rules("ops", &[(&item_a, "deny"), (&all_items, "permit")]),
            data(Update, "/top/item-a/value"),
            false,
        ),
        (
            "3.4.5 step 6: the next one for others",
            rules("ops", &[(&item_a, "deny"), (&all_items, "permit")]),
            data(Update, "/top/item-b/value"),
            true,
        ),
        (
            "3.4.5 step 6: the module is the node's own",
            rules(
                "ops",
                &[(
                    &format!("<module-name>h</module-name>{all_items}"),
                    "permit",
                )],
            ),
            data(Update, "/top/item-a/extra"),
            true,
        ),
        (
            "3.4.5 step 6: not the one above",
            rules(
                "ops",
                &[(
                    &format!("<module-name>h</module-name>{all_items}"),
                    "permit",
                )],
            ),
            data(Update, "/top/item-a/value"),
            false,
        ),
        (
            "3.4.5 step 6: operations",
            rules(
                "ops",
                &[(
                    &format!("{everything}<access-operations>create update</access-operations>"),
                    "permit",
                )],
            ),
            data(Delete, "/top/plain"),
            false,
        ),
        (
            "3.4.5: exec on an action",
            rules(
                "ops",
                &[(
                    &format!("{item_a}<access-operations>exec</access-operations>"),
                    "deny",
                )],
            ),
            data(Exec, "/top/item-a/reset"),
            false,
        ),
        (
            "3.5.2: a key left out, create",
            rules("ops", &[(&path("/g:top/g:item[g:name='a']"), "permit")]),
            data(Create, "/top/item-a"),
            true,
        ),
        (
            "3.5.2: another value of it, create",
            rules("ops", &[(&path("/g:top/g:item[g:name='a']"), "permit")]),
            data(Create, "/top/item-c/value"),
            true,
        ),
        (
            "3.5.2: another value of the one that is named, create",
            rules("ops", &[(&path("/g:top/g:item[g:name='a']"), "permit")]),
            data(Create, "/top/item-b/value"),
            false,
        ),
        (
            "3.5.2: a key left out, update",
            rules("ops", &[(&path("/g:top/g:item[g:name='a']"), "permit")]),
            data(Update, "/top/item-a"),
            true,
        ),
        (
            "3.5.2: another value of it, update",
            rules("ops", &[(&path("/g:top/g:item[g:name='a']"), "permit")]),
            data(Update, "/top/item-c/value"),
            true,
        ),
        (
            "3.5.2: another value of the one that is named, update",
            rules("ops", &[(&path("/g:top/g:item[g:name='a']"), "permit")]),
            data(Update, "/top/item-b/value"),
            false,
        ),
        (
            "3.5.2: a key left out, delete",
            rules("ops", &[(&path("/g:top/g:item[g:name='a']"), "permit")]),
            data(Delete, "/top/item-a"),
            true,
        ),
        (
            "3.5.2: another value of it, delete",
            rules("ops", &[(&path("/g:top/g:item[g:name='a']"), "permit")]),
            data(Delete, "/top/item-c/value"),
            true,
        ),
        (
            "3.5.2: another value of the one that is named, delete",
            rules("ops", &[(&path("/g:top/g:item[g:name='a']"), "permit")]),
            data(Delete, "/top/item-b/value"),
            false,
        ),
        (
            "3.5.2: the first key left out, read",
            rules("ops", &[(&path("/g:top/g:item[g:kind='1']"), "deny")]),
            data(Read, "/top/item-a/value"),
            false,
        ),
        (
            "3.5.2: the first key left out, read of its key",
            rules("ops", &[(&path("/g:top/g:item[g:kind='1']"), "deny")]),
            data(Read, "/top/item-b/name"),
            false,
        ),
        (
            "3.5.2: the first key left out, read of others",
            rules("ops", &[(&path("/g:top/g:item[g:kind='1']"), "deny")]),
            data(Read, "/top/item-c/value"),
            true,
        ),
        (
            "3.5.2: the first key left out, the list itself is above",
            rules("ops", &[(&path("/g:top/g:item[g:kind='1']"), "deny")]),
            data(Read, "/top/plain"),
            true,
        ),
        (
            "3.5.2: a key left out, a node of another module below",
            rules("ops", &[(&path("/g:top/g:item[g:name='a']"), "permit")]),
            data(Update, "/top/item-c/extra"),
            true,
        ),
        (
            "3.5.2: a key left out, exec of an action",
            rules("ops", &[(&path("/g:top/g:item[g:kind='1']"), "deny")]),
            data(Exec, "/top/item-b/reset"),
            false,
        ),
        (
            "3.5.2: a key left out, exec of another's action",
            rules("ops", &[(&path("/g:top/g:item[g:kind='1']"), "deny")]),
            data(Exec, "/top/item-c/reset"),
            true,
        ),
        (
            "3.5.2: a path to the action itself",
            rules(
                "ops",
                &[(&path("/g:top/g:item[g:kind='2']/g:reset"), "deny")],
            ),
            data(Exec, "/top/item-c/reset"),
            false,
        ),
        (
            "3.5.2: a path to the action of other entries",
            rules(
                "ops",
                &[(&path("/g:top/g:item[g:kind='2']/g:reset"), "deny")],
            ),
            data(Exec, "/top/item-a/reset"),
            true,
        ),
        (
            "3.5.2: a key left out, a notification inside",
            rules("ops", &[(&path("/g:top/g:item[g:kind='1']"), "deny")]),
            data(Read, "/top/item-a/changed"),
            false,
        ),
        (
            "3.5.2: a key left out, another's notification",
            rules("ops", &[(&path("/g:top/g:item[g:kind='1']"), "deny")]),
            data(Read, "/top/item-c/changed"),
            true,
        ),
        (
            "3.5.2: $USER beside a key left out",
            rules("ops", &[(&path("/g:top/g:item[g:name=$USER]"), "permit")]),
            data(Update, "/top/item-u/value"),
            true,
        ),
        (
            "3.5.2: $USER is nobody else",
            rules("ops", &[(&path("/g:top/g:item[g:name=$USER]"), "permit")]),
            data(Update, "/top/item-a/value"),
            false,
        ),
        (
            "3.5.2: keys in another order",
            rules(
                "ops",
                &[(&path("/g:top/g:item[g:kind='1'][g:name='b']"), "permit")],
            ),
            data(Update, "/top/item-b/value"),
            true,
        ),
        ("3.4.6: read-default", closed, alarm.clone(), false),
        ("3.4.6: default-deny-all", nacm(""), quiet.clone(), false),
        (
            "3.4.6: notification-name",
            rules(
                "ops",
                &[("<notification-name>quiet</notification-name>", "permit")],
            ),
            quiet,
            true,
        ),
        (
            "3.4.6: read is asked for",
            rules(
                "ops",
                &[(
                    "<notification-name>alarm</notification-name><access-operations>exec</access-operations>",
                    "deny",
                )],
            ),
            alarm.clone(),
            true,
        ),
        (
            "3.4.6: a path is no rule for events",
            rules("ops", &[(&everything, "deny")]),
            alarm,
            true,
        ),
        (
            "3.4.6: replayComplete",
            rules("*", &[("<notification-name>*</notification-name>", "deny")]),
            replayed,
            true,
        ),
    ]
}

#[test]
fn the_checked_part_of_the_table() {
    let mut wrong = Vec::new();
    for (why, config, asked, permitted) in rows() {
        let xml = xml::parse_str(&config).unwrap();
        let nacm = ops(&config);
        let word = |permitted| if permitted { "permit" } else { "deny" };
        println!("{:6} {why}", word(permitted));
        let (mine, oracle) = (answer(&nacm, &asked), permits(&xml, "u", &["ops"], &asked));
        if mine != permitted || oracle != permitted {
            wrong.push(format!("{why}: {} (oracle {})", word(mine), word(oracle)));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn members_of_admin_do_everything_unless_a_rule_list_names_admin() {
    let kill = Asked::Operation("ietf-netconf", "kill-session");
    let admin = member("u", &["admin"]);
    let can = |config: &str| answer(&Nacm::compile(&tree(config), &admin), &kill);
    let deny = ("", "deny");
    assert!(can(""), "nothing configured");
    assert!(can(&nacm("<exec-default>deny</exec-default>")));
    assert!(can(&rules("*", &[deny])), "* does not name it");
    assert!(can(&nacm(
        "<enable-external-groups>false</enable-external-groups>"
    )));
    assert!(!can(&rules("admin", &[deny])));
    assert!(
        !can(&rules("admin", &[("<rpc-name>get</rpc-name>", "permit")])),
        "now the defaults hold"
    );
    let other = member("u", &["ops"]);
    assert!(!answer(&Nacm::compile(&tree(""), &other), &kill));
}

#[test]
fn an_action_needs_everything_above_it_to_be_readable() {
    let schema = schema();
    let item = crate::datastore::Location::parse(schema, "/g:top/g:item[g:name='a'][g:kind='1']");
    let item = item.unwrap();
    let def = schema.node(item.0.last().unwrap().node);
    let tied = |name: &str| {
        let id = def
            .children
            .iter()
            .find(|id| &*schema.node(**id).name == name);
        item.child(*id.unwrap(), None)
    };
    let (action, event) = (tied("reset"), tied("changed"));
    let read = |text: &str| format!("{}<access-operations>read</access-operations>", path(text));
    for (config, permitted) in [
        (nacm(""), true),
        (rules("ops", &[(&read("/g:top"), "deny")]), false),
        (
            rules(
                "ops",
                &[(&read("/g:top/g:item[g:name='a'][g:kind='1']"), "deny")],
            ),
            false,
        ),
        (
            rules(
                "ops",
                &[(&read("/g:top/g:item[g:name='b'][g:kind='1']"), "deny")],
            ),
            true,
        ),
    ] {
        let nacm = ops(&config);
        assert_eq!(nacm.exec_action(&action), permitted, "{config}");
        assert_eq!(nacm.notification_at(&event), permitted, "{config}");
    }
    assert!(!ops(&nacm("<exec-default>deny</exec-default>")).exec_action(&action));
}
