//! What may be changed (RFC 8341 sections 3.2.5, 3.2.6 and 3.2.8).

use super::*;
use crate::datastore::ErrorKind;

const DATA: &str = "<top xmlns='urn:test:g'><plain>p</plain><hidden>s</hidden><deep><x>1</x><y>2</y></deep>\
    <tag>t1</tag><tag>t2</tag><near>n</near>\
    <item><name>a</name><kind>1</kind><value>v</value><sub><note>n</note></sub></item>\
    <item><name>b</name><kind>2</kind><value>w</value></item></top>";

fn decoded(content: &str) -> EditTree {
    let xml = format!(
        "<config xmlns:nc='urn:ietf:params:xml:ns:netconf:base:1.0' xmlns:y='urn:ietf:params:xml:ns:yang:1'>{content}</config>"
    );
    EditTree::decode(schema(), &xml::parse_str(&xml).unwrap()).unwrap()
}

/// `ok`, or the path that was denied.
fn judge(config: &str, default: DefaultOperation, content: &str) -> String {
    let edit = decoded(content);
    match ops(config).check_edit(&tree(DATA), &edit, default) {
        Ok(()) => "ok".to_owned(),
        Err(error) => {
            assert_eq!(error.kind, ErrorKind::AccessDenied);
            error.path
        }
    }
}

fn top(inner: &str) -> String {
    format!("<top xmlns='urn:test:g'>{inner}</top>")
}

/// A rule that permits these operations on a path; reading is permitted by default.
fn allow(operations: &str, text: &str) -> String {
    let rule = format!(
        "{}<access-operations>{operations}</access-operations>",
        path(text)
    );
    rules("ops", &[(&rule, "permit")])
}

#[test]
fn an_edit_needs_access_to_every_node_it_changes_and_to_no_other() {
    let item_a = "/g:top/g:item[g:name='a'][g:kind='1']";
    let a = |inner: &str| top(&format!("<item><name>a</name><kind>1</kind>{inner}</item>"));
    let c = top("<item><name>c</name><kind>3</kind></item>");
    let everything = allow("*", "/g:top");
    let no_delete = allow("create update", "/g:top");
    let plain = "/g:top/g:plain";
    let merge = DefaultOperation::Merge;
    let value = format!("{item_a}/g:value");
    let rows: Vec<(&str, String, DefaultOperation, String, &str)> = vec![
        ("no access", nacm(""), merge, top("<plain>q</plain>"), plain),
        (
            "merge, update",
            allow("update", plain),
            merge,
            top("<plain>q</plain>"),
            "ok",
        ),
        (
            "merge, create is not update",
            allow("create", plain),
            merge,
            top("<plain>q</plain>"),
            plain,
        ),
        (
            "merge, the same value can be read",
            nacm(""),
            merge,
            top("<plain>p</plain>"),
            "ok",
        ),
        (
            "merge, the same value cannot",
            nacm(""),
            merge,
            top("<hidden>s</hidden>"),
            "/g:top/g:hidden",
        ),
        (
            "merge, another value cannot",
            nacm(""),
            merge,
            top("<hidden>x</hidden>"),
            "/g:top/g:hidden",
        ),
        (
            "merge, a new leaf",
            allow("create", "/g:top/g:size"),
            merge,
            top("<size>1</size>"),
            "ok",
        ),
        (
            "merge, a new leaf is not an update",
            allow("update", "/g:top/g:size"),
            merge,
            top("<size>1</size>"),
            "/g:top/g:size",
        ),
        (
            "an entry for naming",
            allow("update", &value),
            merge,
            a("<value>x</value>"),
            "ok",
        ),
        (
            "a new entry",
            nacm(""),
            merge,
            c.clone(),
            "/g:top/g:item[g:name='c'][g:kind='3']",
        ),
        (
            "a new entry, its keys too",
            allow("create", "/g:top/g:item"),
            merge,
            c,
            "ok",
        ),
        (
            "an instance",
            allow("*", item_a),
            merge,
            a("<value>x</value><sub><note>z</note></sub>"),
            "ok",
        ),
        (
            "another instance",
            allow("*", item_a),
            merge,
            top("<item><name>b</name><kind>2</kind><value>x</value></item>"),
            "/g:top/g:item[g:name='b'][g:kind='2']/g:value",
        ),
        (
            "create, denied before it is known to exist",
            nacm(""),
            merge,
            top("<plain nc:operation='create'>q</plain>"),
            plain,
        ),
        (
            "create, denied before it is known not to",
            nacm(""),
            merge,
            top("<size nc:operation='create'>1</size>"),
            "/g:top/g:size",
        ),
        (
            "delete, denied before it is known to exist",
            nacm(""),
            merge,
            top("<plain nc:operation='delete'/>"),
            plain,
        ),
        (
            "delete, denied before it is known not to",
            nacm(""),
            merge,
            top("<size nc:operation='delete'/>"),
            "/g:top/g:size",
        ),
        (
            "remove of what is seen not to be there",
            nacm(""),
            merge,
            top("<size nc:operation='remove'/>"),
            "ok",
        ),
        (
            "remove of what may be there",
            nacm(""),
            merge,
            top("<vault><gold nc:operation='remove'/></vault>"),
            "/g:top/g:vault/g:gold",
        ),
        (
            "delete",
            allow("delete", plain),
            merge,
            top("<plain nc:operation='delete'/>"),
            "ok",
        ),
        (
            "delete of an entry, all below it",
            allow("delete", item_a),
            merge,
            top("<item nc:operation='delete'><name>a</name><kind>1</kind></item>"),
            "ok",
        ),
        (
            "replace, update of a leaf",
            allow("update", &value),
            merge,
            a("")
                .replace("<item>", "<item nc:operation='replace'>")
                .replace(
                    "</item>",
                    "<value>x</value><sub><note>n</note></sub></item>",
                ),
            "ok",
        ),
        (
            "replace takes away what it does not name",
            allow("create update", item_a),
            merge,
            a("").replace("<item>", "<item nc:operation='replace'>"),
            &value,
        ),
        (
            "replace of everything",
            no_delete,
            DefaultOperation::Replace,
            top("<plain>p</plain>"),
            "/g:top",
        ),
        (
            "replace of everything, permitted",
            everything,
            DefaultOperation::Replace,
            top("<plain>p</plain>"),
            "ok",
        ),
        (
            "none, for naming",
            allow("delete", "/g:top/g:deep/g:x"),
            DefaultOperation::None,
            top("<deep><x nc:operation='delete'/></deep>"),
            "ok",
        ),
        (
            "none, nothing named",
            nacm(""),
            DefaultOperation::None,
            top("<item><name>z</name><kind>9</kind></item>"),
            "ok",
        ),
        (
            "another case goes by itself",
            allow("create", "/g:top/g:far"),
            merge,
            top("<far>f</far>"),
            "ok",
        ),
        (
            "a leaf-list entry",
            allow("create", "/g:top/g:tag[.='t3']"),
            merge,
            top("<tag>t3</tag>"),
            "ok",
        ),
        (
            "another one",
            allow("create", "/g:top/g:tag[.='t3']"),
            merge,
            top("<tag>t4</tag>"),
            "/g:top/g:tag[.='t4']",
        ),
        (
            "an entry that is moved",
            nacm(""),
            merge,
            top("<tag y:insert='last'>t1</tag>"),
            "/g:top/g:tag[.='t1']",
        ),
        (
            "a presence container",
            allow("create", "/g:top"),
            merge,
            "<other xmlns='urn:test:g'/>".to_owned(),
            "/g:other",
        ),
    ];
    let mut wrong = Vec::new();
    for (why, config, default, content, expected) in rows {
        let got = judge(&config, default, &content);
        if got != expected {
            wrong.push(format!("{why}: {got} instead of {expected}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// As [`allow`], and nothing may be read.
fn blind(operations: &str, text: &str) -> String {
    let closed = format!("<nacm xmlns=\"{NACM}\"><read-default>deny</read-default>");
    allow(operations, text).replace(&format!("<nacm xmlns=\"{NACM}\">"), &closed)
}

#[test]
fn what_is_there_for_naming_needs_no_access_even_where_nothing_can_be_read() {
    let item_a = "/g:top/g:item[g:name='a'][g:kind='1']";
    let value = "/g:top/g:item/g:value";
    let a = |inner: &str| top(&format!("<item><name>a</name><kind>1</kind>{inner}</item>"));
    let c = |inner: &str| top(&format!("<item><name>c</name><kind>3</kind>{inner}</item>"));
    let item_c = "/g:top/g:item[g:name='c'][g:kind='3']";
    let note = "/g:top/g:item[g:name='a']/g:sub/g:note";
    for (why, config, content, expected) in [
        (
            "update of a leaf",
            blind("update", value),
            a("<value>x</value>"),
            "ok",
        ),
        (
            "deeper",
            blind("update", note),
            a("<sub><note>x</note></sub>"),
            "ok",
        ),
        (
            "create of a leaf",
            blind("create", note),
            a("<sub><note nc:operation='create'>x</note></sub>"),
            "ok",
        ),
        (
            "delete of a leaf",
            blind("delete", value),
            a("<value nc:operation='delete'/>"),
            "ok",
        ),
        (
            "replaced, all that goes may",
            blind("*", item_a),
            a("").replace("<item>", "<item nc:operation='replace'>"),
            "ok",
        ),
        // No answer tells an entry that is there from one that is not.
        (
            "not there",
            blind("update", value),
            c("<value>x</value>"),
            item_c,
        ),
        ("nothing in it", blind("update", value), a(""), item_a),
        (
            "nothing in it, not there",
            blind("update", value),
            c(""),
            item_c,
        ),
        (
            "an empty container in it",
            blind("update", value),
            a("<sub/>"),
            item_a,
        ),
        (
            "something else in it",
            blind("update", value),
            a("<sub><note>x</note></sub>"),
            item_a,
        ),
        (
            "something else in it, not there",
            blind("update", value),
            c("<sub><note>x</note></sub>"),
            item_c,
        ),
        (
            "something else beside it",
            blind("update", value),
            a("<value>x</value><sub><note>x</note></sub>"),
            item_a,
        ),
        (
            "the value it has",
            blind("delete", value),
            a("<value>v</value>"),
            item_a,
        ),
        (
            "replaced, some of what goes may not",
            blind("delete", note),
            a("").replace("<item>", "<item nc:operation='replace'>"),
            item_a,
        ),
    ] {
        assert_eq!(
            judge(&config, DefaultOperation::Merge, &content),
            expected,
            "{why}"
        );
    }
}

/// RFC 8341 section 3.2.5 asks for nothing under `none`, and section 5.2 warns of answers that tell what is there:
/// where something can be read the one holds, and where not the other.
#[test]
fn none_tells_nothing_of_what_cannot_be_read() {
    let item = |name: &str, inner: &str| {
        top(&format!(
            "<item><name>{name}</name><kind>1</kind>{inner}</item>"
        ))
    };
    let at = |name: &str| format!("/g:top/g:item[g:name='{name}'][g:kind='1']");
    let elsewhere = blind("*", "/g:other");
    let values = blind("update", "/g:top/g:item/g:value");
    let tag = |value: &str| top(&format!("<tag>{value}</tag>"));
    for (name, there) in [("a", "t1"), ("z", "zz")] {
        for (why, config, content, expected) in [
            ("can be read", &nacm(""), item(name, ""), "ok"),
            ("nothing in it", &elsewhere, item(name, ""), &at(name)),
            (
                "a leaf in it",
                &elsewhere,
                item(name, "<value>v</value>"),
                &format!("{}/g:value", at(name)),
            ),
            (
                "may be updated",
                &values,
                item(name, "<value>v</value>"),
                "ok",
            ),
            (
                "a value",
                &elsewhere,
                tag(there),
                &format!("/g:top/g:tag[.='{there}']"),
            ),
            ("a value that can be read", &nacm(""), tag(there), "ok"),
            ("a container is a place", &elsewhere, top("<deep/>"), "ok"),
        ] {
            let got = judge(config, DefaultOperation::None, &content);
            assert_eq!(got, expected, "{why}: {content}");
        }
    }
}

#[test]
fn a_refusal_does_not_tell_whether_what_cannot_be_read_is_there() {
    let words = |config: &str, content: &str| {
        let edit = decoded(&top(content));
        let nacm = ops(config);
        let checked = nacm.check_edit(&tree(DATA), &edit, DefaultOperation::Merge);
        checked.unwrap_err().message
    };
    let (closed, open) = (nacm("<read-default>deny</read-default>"), nacm(""));
    for (there, not) in [
        ("<plain>x</plain>", "<size>1</size>"),
        ("<tag>t1</tag>", "<tag>t9</tag>"),
        (
            "<item><name>a</name><kind>1</kind><value>x</value></item>",
            "<item><name>c</name><kind>3</kind><value>x</value></item>",
        ),
    ] {
        assert_eq!(words(&closed, there), words(&closed, not), "{there}");
    }
    assert_eq!(words(&open, "<plain>x</plain>"), "no update access");
    assert_eq!(words(&open, "<size>1</size>"), "no create access");
}

#[test]
fn a_path_that_the_user_cannot_see_is_not_told() {
    // Everything may be written but what default-deny-all guards, which a replacement would take away.
    let config = nacm("<write-default>permit</write-default>");
    let got = judge(&config, DefaultOperation::Replace, &top("<plain>p</plain>"));
    assert_eq!(got, "/g:top");
    let denied = ops(&config)
        .check_change(&tree(DATA), &tree(""))
        .unwrap_err();
    assert_eq!(denied.path, "/g:top");
}

#[test]
fn a_commit_needs_access_to_exactly_what_differs() {
    let change = |config: &str, to: &str| match ops(config).check_change(&tree(DATA), &tree(to)) {
        Ok(()) => "ok".to_owned(),
        Err(error) => error.path,
    };
    let plain = DATA.replace("<plain>p", "<plain>q");
    let more = DATA.replace("</top>", "<item><name>c</name><kind>3</kind></item></top>");
    let less = DATA.replace(
        "<item><name>b</name><kind>2</kind><value>w</value></item>",
        "",
    );
    let moved = DATA.replace("<tag>t1</tag><tag>t2</tag>", "<tag>t2</tag><tag>t1</tag>");
    let far = DATA.replace("<near>n</near>", "<far>f</far>");
    let emptied = DATA.replace("<deep><x>1</x><y>2</y></deep>", "");
    for (config, to, expected) in [
        (nacm(""), DATA, "ok"),
        (nacm(""), &*plain, "/g:top/g:plain"),
        (allow("update", "/g:top/g:plain"), &plain, "ok"),
        (allow("create", "/g:top/g:item"), &more, "ok"),
        (
            allow("update", "/g:top/g:item"),
            &more,
            "/g:top/g:item[g:name='c'][g:kind='3']",
        ),
        (
            allow("delete", "/g:top/g:item[g:name='b'][g:kind='2']"),
            &less,
            "ok",
        ),
        (
            allow("delete", "/g:top/g:item[g:name='a'][g:kind='1']"),
            &less,
            "/g:top/g:item[g:name='b'][g:kind='2']",
        ),
        (nacm(""), &moved, "/g:top/g:tag[.='t2']"),
        (allow("update", "/g:top/g:tag"), &moved, "ok"),
        (allow("create", "/g:top/g:far"), &far, "ok"),
        (
            allow("delete", "/g:top/g:deep/g:x"),
            &emptied,
            "/g:top/g:deep/g:y",
        ),
        (allow("delete", "/g:top/g:deep"), &emptied, "ok"),
    ] {
        assert_eq!(change(&config, to), expected, "{config} -> {to}");
    }
}

/// What an edit of three tags comes to: the tags, or the path that was denied.
fn moved(config: &str, default: DefaultOperation, content: &str) -> String {
    let three = "<top xmlns='urn:test:g'><tag>a</tag><tag>b</tag><tag>c</tag></top>";
    let (base, edit, nacm) = (tree(three), decoded(content), ops(config));
    let done = nacm.check_edit(&base, &edit, default).and_then(|()| {
        let edited = base.edit(&edit, default, ErrorOption::Rollback)?;
        nacm.check_order(&base, &edited)?;
        Ok(edited)
    });
    match done {
        Ok(edited) => {
            let top = edited.view().container("g:top");
            let tags = top.map(|top| top.values("tag").join(" "));
            tags.unwrap_or_default()
        }
        Err(error) => {
            assert_eq!(error.kind, ErrorKind::AccessDenied);
            error.path
        }
    }
}

/// RFC 8341 section 3.2.5: what is not altered needs no access, what is does, by whatever operation.
#[test]
fn an_entry_is_updated_when_it_stands_elsewhere_however_the_edit_says_so() {
    let tag = |name: &str| format!("/g:top/g:tag[.='{name}']");
    let put = |place: &str, name: &str| format!("<tag y:insert='{place}'>{name}</tag>");
    let beside = |place: &str, near: &str, name: &str| {
        format!("<tag y:insert='{place}' y:value='{near}'>{name}</tag>")
    };
    let (merge, replace) = (DefaultOperation::Merge, DefaultOperation::Replace);
    let in_order = |names: &str| -> String {
        names
            .chars()
            .map(|name| format!("<tag>{name}</tag>"))
            .collect()
    };
    let replaced = |names: &str| {
        let open = "<top xmlns='urn:test:g' nc:operation='replace'>";
        format!("{open}{}</top>", in_order(names))
    };
    let none = nacm("");
    let c = allow("update", "/g:top/g:tag[.='c']");
    let b = allow("update delete create", "/g:top/g:tag[.='b']");
    let fresh = allow("create delete", "/g:top/g:tag");
    let hidden = rules(
        "ops",
        &[
            (&path("/g:top/g:tag[.='a']"), "deny"),
            ("<access-operations>read</access-operations>", "permit"),
        ],
    );
    for (why, config, default, content, expected) in [
        (
            "first already",
            &none,
            merge,
            top(&put("first", "a")),
            "a b c",
        ),
        (
            "last already",
            &none,
            merge,
            top(&put("last", "c")),
            "a b c",
        ),
        (
            "beside already",
            &none,
            merge,
            top(&beside("after", "a", "b")),
            "a b c",
        ),
        (
            "before already",
            &none,
            merge,
            top(&beside("before", "b", "a")),
            "a b c",
        ),
        (
            "elsewhere",
            &none,
            merge,
            top(&put("first", "c")),
            &tag("c"),
        ),
        (
            "elsewhere, beside",
            &none,
            merge,
            top(&beside("before", "b", "c")),
            &tag("c"),
        ),
        ("permitted", &c, merge, top(&put("first", "c")), "c a b"),
        (
            "another than the permitted",
            &c,
            merge,
            top(&put("last", "a")),
            &tag("a"),
        ),
        (
            "beside what is not seen",
            &hidden,
            merge,
            top(&beside("after", "a", "b")),
            &tag("b"),
        ),
        ("replaced in order", &none, merge, replaced("abc"), "a b c"),
        (
            "replaced in another order",
            &none,
            merge,
            replaced("acb"),
            &tag("c"),
        ),
        (
            "replaced backwards",
            &none,
            merge,
            replaced("cba"),
            &tag("a"),
        ),
        (
            "replaced, the permitted moved",
            &c,
            merge,
            replaced("cab"),
            "c a b",
        ),
        (
            "replaced, others moved",
            &c,
            merge,
            replaced("cba"),
            &tag("b"),
        ),
        (
            "default replace",
            &none,
            replace,
            top(&in_order("bac")),
            &tag("b"),
        ),
        // Steps that look like nothing each, and are not together.
        (
            "by way of one that may be moved",
            &b,
            merge,
            top(&(put("first", "b") + &beside("after", "b", "c"))),
            &tag("c"),
        ),
        (
            "one that is new moves none",
            &fresh,
            merge,
            top(&put("first", "n")),
            "n a b c",
        ),
    ] {
        assert_eq!(moved(config, default, &content), expected, "{why}");
    }
}

/// RFC 8341 section 3.2.5: the other cases of a choice go with the one that comes.
#[test]
fn a_replacement_by_another_case_needs_no_delete() {
    let far = top("<far>f</far>").replace("<top ", "<top nc:operation='replace' ");
    let plain = |config: &str| {
        let base = tree("<top xmlns='urn:test:g'><near>n</near></top>");
        let checked = ops(config).check_edit(&base, &decoded(&far), DefaultOperation::Merge);
        checked.map_err(|error| error.path)
    };
    assert_eq!(plain(&allow("create", "/g:top/g:far")), Ok(()));
    assert_eq!(plain(&nacm("")), Err("/g:top/g:far".to_owned()));
}

#[test]
fn a_user_who_may_do_everything_is_asked_nothing() {
    let admin = Nacm::compile(&tree(""), &member("u", &["admin"]));
    let edit = decoded(&top("<hidden>x</hidden>"));
    let replace = DefaultOperation::Replace;
    assert!(admin.check_edit(&tree(DATA), &edit, replace).is_ok());
    assert!(admin.check_change(&tree(DATA), &tree("")).is_ok());
}
