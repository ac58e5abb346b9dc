//! Edits: decoding, the five operations on every kind of node, order, choices, defaults.

use super::*;

fn apply(before: &str, edit: &str, default: DefaultOperation) -> Result<String, Error> {
    let base = match before {
        "" => Tree::empty(small()),
        content => tree(content),
    };
    let edit = decode(edit)?;
    base.edit(&edit, default, ErrorOption::Stop)
        .map(|t| shown(&t))
}

/// Outcome of an operation, short: the content, or the kind of refusal.
fn outcome(before: &str, edit: &str) -> String {
    match apply(before, edit, DefaultOperation::Merge) {
        Ok(xml) => xml,
        Err(error) => match error.kind {
            ErrorKind::DataExists => "data-exists".into(),
            ErrorKind::DataMissing => "data-missing".into(),
            other => format!("{other:?}"),
        },
    }
}

#[test]
fn every_operation_on_every_kind_of_node_present_and_absent() {
    // (node, its XML with {op}, what is there before, expected per operation:
    //  merge replace create delete remove) x (absent, present)
    let nodes: &[(&str, &str, &str)] = &[
        ("leaf", "<name{op}>new</name>", "<name>old</name>"),
        (
            "container",
            "<deep{op}><b>new</b></deep>",
            "<deep><b>old</b></deep>",
        ),
        (
            "presence",
            "<there{op}><c>new</c></there>",
            "<there><c>old</c></there>",
        ),
        ("leaf-list", "<tag{op}>new</tag>", "<tag>new</tag>"),
        (
            "list",
            "<item{op}><id>1</id><v>new</v></item>",
            "<item><id>1</id><v>old</v></item>",
        ),
        (
            "user list",
            "<queue{op}><id>1</id><v>new</v></queue>",
            "<queue><id>1</id><v>old</v></queue>",
        ),
        (
            "two keys",
            "<pair{op}><a>1</a><b>2</b><v>new</v></pair>",
            "<pair><a>1</a><b>2</b><v>old</v></pair>",
        ),
    ];
    for (name, template, present) in nodes {
        let with = |op: &str| template.replace("{op}", &format!(" nc:operation='{op}'"));
        let new = template.replace("{op}", "");
        let there_new = outcome("", &new);
        // (operation, absent, present)
        let rows = [
            ("merge", there_new.as_str(), there_new.as_str()),
            ("replace", &there_new, &there_new),
            ("create", &there_new, "data-exists"),
            ("delete", "data-missing", ""),
            ("remove", "", ""),
        ];
        assert_eq!(there_new, new, "{name}");
        for (op, absent, when_present) in rows {
            assert_eq!(outcome("", &with(op)), absent, "{op} of an absent {name}");
            assert_eq!(
                outcome(present, &with(op)),
                when_present,
                "{op} of a present {name}"
            );
        }
    }
}

#[test]
fn default_operation_none_only_leads_on() {
    let none = |before: &str, edit: &str| apply(before, edit, DefaultOperation::None);
    let missing = |r: Result<String, Error>| r.unwrap_err().kind == ErrorKind::DataMissing;
    assert!(missing(none("", "<name>x</name>")));
    assert!(missing(none("", "<item><id>1</id></item>")));
    assert!(missing(none(
        "",
        "<there><c nc:operation='create'>1</c></there>"
    )));
    assert_eq!(
        none("<name>y</name>", "<name>x</name>").unwrap(),
        "<name>y</name>"
    );
    let edit = "<deep><b nc:operation='create'>1</b></deep>";
    assert_eq!(none("", edit).unwrap(), "<deep><b>1</b></deep>");
    let edit = "<item><id>1</id><v nc:operation='remove'/></item>";
    let before = "<item><id>1</id><v>a</v><w>b</w></item>";
    assert_eq!(
        none(before, edit).unwrap(),
        "<item><id>1</id><w>b</w></item>"
    );
}

#[test]
fn default_operation_replace_takes_the_place_of_everything() {
    let before = "<name>a</name><item><id>1</id></item>";
    let after = apply(before, "<item><id>2</id></item>", DefaultOperation::Replace);
    assert_eq!(after.unwrap(), "<item><id>2</id></item>");
}

#[test]
fn replace_shares_what_stays_equal() {
    let old =
        tree("<item><id>1</id><v>a</v></item><item><id>2</id><v>b</v></item><deep><b>1</b></deep>");
    let edit = decode(
        "<item><id>1</id><v>a</v></item><item><id>2</id><v>c</v></item><deep><b>1</b></deep>",
    );
    let new = old
        .edit(&edit.unwrap(), DefaultOperation::Replace, ErrorOption::Stop)
        .unwrap();
    let id = |name| path::child_by_name(small(), new.root().children().next().unwrap().0, name);
    let top = |tree: &Tree| tree.view().container("top").unwrap().node().clone();
    let list = |tree: &Tree, key: &str| {
        let keys = Keys::single(key);
        top(tree)
            .entry_of(id("item").unwrap(), &keys)
            .unwrap()
            .clone()
    };
    assert!(list(&old, "1").ptr_eq(&list(&new, "1")));
    assert!(!list(&old, "2").ptr_eq(&list(&new, "2")));
    let deep = id("deep").unwrap();
    assert!(
        top(&old)
            .container(deep)
            .unwrap()
            .ptr_eq(top(&new).container(deep).unwrap())
    );
}

#[test]
fn an_edit_that_changes_nothing_gives_the_same_tree() {
    let old = tree("<name>a</name><item><id>1</id><v>b</v></item>");
    let same = merged(&old, "<item><id>+1</id><v>b</v></item>");
    assert!(old.ptr_eq(&same));
}

#[test]
fn keys_are_canonical_at_once() {
    let after = outcome(
        "<item><id>2</id><v>a</v></item>",
        "<item><id>+02</id><v>b</v></item>",
    );
    assert_eq!(after, "<item><id>2</id><v>b</v></item>");
    let after = outcome(
        "<item><id>2</id></item>",
        "<item nc:operation='delete'><id>02</id></item>",
    );
    assert_eq!(after, "");
}

#[test]
fn values_under_delete_are_ignored() {
    assert_eq!(
        outcome("<count>5</count>", "<count nc:operation='delete'/>"),
        ""
    );
    assert_eq!(
        outcome("<count>5</count>", "<count nc:operation='remove'>x</count>"),
        ""
    );
    let entry = "<item nc:operation='delete'><id>1</id><v><junk/></v></item>";
    assert_eq!(outcome("<item><id>1</id></item>", entry), "");
}

#[test]
fn a_default_that_nobody_set_is_not_there() {
    assert_eq!(
        outcome("", "<count nc:operation='delete'/>"),
        "data-missing"
    );
    assert_eq!(
        outcome("", "<count nc:operation='create'>7</count>"),
        "<count>7</count>"
    );
}

#[test]
fn a_node_marked_as_default_is_taken_away() {
    assert_eq!(
        outcome("<count>5</count>", "<count wd:default='true'>7</count>"),
        ""
    );
    let wrong = apply(
        "",
        "<count wd:default='true'>8</count>",
        DefaultOperation::Merge,
    );
    assert!(matches!(
        wrong.unwrap_err().kind,
        ErrorKind::InvalidValue { .. }
    ));
}

/// RFC 6243 section 4.5.2: "If the 'default' attribute is present, then the effective operation for the target data
/// node MUST be 'create', 'merge', or 'replace'. If not, [...] an 'invalid-value' error-tag."
#[test]
fn a_mark_of_a_default_needs_an_operation_that_puts() {
    use DefaultOperation::{Merge, None, Replace};
    let with = |before: &str, edit: &str, default| match apply(before, edit, default) {
        Ok(content) => content,
        Err(error) => format!("{:?}", error.kind),
    };
    let invalid = "InvalidValue { app_tag: None }";
    let there = "<deep><a>x</a></deep>";
    for (edit, default, expected) in [
        ("<a wd:default='true'>x</a>", Merge, ""),
        ("<a wd:default='1' nc:operation='merge'>x</a>", None, ""),
        (
            "<a wd:default='true' nc:operation='replace'>x</a>",
            None,
            "",
        ),
        ("<a wd:default='true'>x</a>", Replace, ""),
        ("<a wd:default='true'>x</a>", None, invalid),
        (
            "<a wd:default='true' nc:operation='delete'>x</a>",
            Merge,
            invalid,
        ),
        (
            "<a wd:default='true' nc:operation='remove'>x</a>",
            Merge,
            invalid,
        ),
        (
            "<a wd:default='false' nc:operation='delete'>x</a>",
            Merge,
            invalid,
        ),
    ] {
        let edit = format!("<deep>{edit}</deep>");
        assert_eq!(with(there, &edit, default), expected, "{edit} {default:?}");
    }
    for op in ["delete", "remove"] {
        let inherited = format!("<deep nc:operation='{op}'><a wd:default='true'>x</a></deep>");
        assert_eq!(with(there, &inherited, Merge), invalid, "{op}");
    }
}

/// RFC 6241 section 7.2: what is deleted has to exist "in the configuration datastore": it does, until the edit is
/// done, whatever takes the place of the node above it.
#[test]
fn what_is_deleted_within_what_is_replaced_was_there() {
    let there =
        "<deep><a>y</a><b>x</b></deep><item><id>1</id><v>a</v></item><item><id>2</id></item>";
    let group = "<group><name>g</name><limit>3</limit></group>";
    for (edit, default, expected) in [
        (
            "<deep nc:operation='replace'><a nc:operation='delete'/><b>z</b></deep>",
            DefaultOperation::Merge,
            "<deep><b>z</b></deep><item><id>1</id><v>a</v></item><item><id>2</id></item>",
        ),
        (
            "<item nc:operation='replace'><id>1</id><v nc:operation='delete'/></item>",
            DefaultOperation::Merge,
            "<deep><a>y</a><b>x</b></deep><item><id>1</id></item><item><id>2</id></item>",
        ),
        (
            "<item nc:operation='delete'><id>2</id></item><item><id>1</id></item>",
            DefaultOperation::Replace,
            "<item><id>1</id></item>",
        ),
    ] {
        assert_eq!(apply(there, edit, default).unwrap(), expected, "{edit}");
    }
    for edit in [
        "<deep nc:operation='replace'><a nc:operation='delete'/></deep>",
        "<item nc:operation='replace'><id>1</id><v nc:operation='delete'/></item>",
    ] {
        let refused = apply(group, edit, DefaultOperation::Merge).unwrap_err();
        assert_eq!(refused.kind, ErrorKind::DataMissing, "{edit}");
    }
    let twice = "<item nc:operation='delete'><id>2</id></item><item nc:operation='delete'><id>2</id></item>";
    let refused = apply(there, twice, DefaultOperation::Merge).unwrap_err();
    assert_eq!(refused.kind, ErrorKind::DataMissing);
}

#[test]
fn a_new_case_removes_the_others() {
    assert_eq!(outcome("<n1>a</n1><n2>b</n2>", "<f1>c</f1>"), "<f1>c</f1>");
    assert_eq!(
        outcome("<f1>c</f1><f2><x>1</x></f2>", "<n2>b</n2>"),
        "<n2>b</n2>"
    );
    assert_eq!(
        outcome("<n2>b</n2>", "<f2><x>1</x></f2>"),
        "<f2><x>1</x></f2>"
    );
    let both = decode("<n1>a</n1><f1>b</f1>").unwrap_err();
    assert_eq!(both.kind, ErrorKind::BadElement { name: "f1".into() });
    let moved = outcome("<n1>a</n1>", "<n1 nc:operation='delete'/><f1>b</f1>");
    assert_eq!(moved, "<f1>b</f1>");
}

#[test]
fn user_order_follows_insert() {
    let before = "<queue><id>a</id></queue><queue><id>b</id></queue><queue><id>c</id></queue>";
    let order = |edit: &str| {
        let xml = outcome(before, edit);
        xml.replace("<queue><id>", "").replace("</id></queue>", "")
    };
    let insert = |at: &str, id: &str| format!("<queue {at}><id>{id}</id></queue>");
    assert_eq!(order(&insert("", "d")), "abcd");
    assert_eq!(order(&insert("", "a")), "abc");
    assert_eq!(order(&insert("yang:insert='first'", "d")), "dabc");
    assert_eq!(order(&insert("yang:insert='last'", "a")), "bca");
    assert_eq!(
        order(&insert("yang:insert='before' yang:key=\"[s:id='b']\"", "d")),
        "adbc"
    );
    assert_eq!(
        order(&insert("yang:insert='after' yang:key=\"[s:id='a']\"", "c")),
        "acb"
    );
    let missing = |error: Error| match error.kind {
        ErrorKind::BadAttribute { app_tag, .. } => app_tag,
        _ => panic!("{error}"),
    };
    let gone = insert("yang:insert='after' yang:key=\"[s:id='x']\"", "c");
    let error = apply(before, &gone, DefaultOperation::Merge).unwrap_err();
    assert_eq!(missing(error), Some("missing-instance"));
    // What is new stands nowhere yet, not even beside itself; what is there stays where it is.
    let itself = insert("yang:insert='before' yang:key=\"[s:id='d']\"", "d");
    let error = apply(before, &itself, DefaultOperation::Merge).unwrap_err();
    assert_eq!(missing(error), Some("missing-instance"));
    assert_eq!(
        order(&insert("yang:insert='before' yang:key=\"[s:id='b']\"", "b")),
        "abc"
    );
    let itself = "<step yang:insert='after' yang:value='a'>a</step>";
    let error = apply("", itself, DefaultOperation::Merge).unwrap_err();
    assert_eq!(missing(error), Some("missing-instance"));
    let no_key = decode(&insert("yang:insert='after'", "c")).unwrap_err();
    assert!(matches!(no_key.kind, ErrorKind::MissingAttribute { .. }));
    let steps = outcome(
        "<step>b</step><step>a</step>",
        "<step yang:insert='before' yang:value='a'>c</step>",
    );
    assert_eq!(steps, "<step>b</step><step>c</step><step>a</step>");
    assert!(decode("<tag yang:insert='first'>a</tag>").is_err());
}

#[test]
fn refusals_carry_the_exact_data() {
    let refused = |content: &str| decode(content).unwrap_err();
    let kind = |content: &str| refused(content).kind;
    assert_eq!(
        kind("<nope/>"),
        ErrorKind::UnknownElement {
            name: "nope".into()
        }
    );
    assert_eq!(refused("<deep><nope/></deep>").path, "/s:top/s:deep");
    let alien = ErrorKind::UnknownNamespace {
        name: "x".into(),
        ns: "urn:x".into(),
    };
    assert_eq!(kind("<x xmlns='urn:x'/>"), alien);
    let none = ErrorKind::UnknownNamespace {
        name: "name".into(),
        ns: String::new(),
    };
    assert_eq!(kind("<name xmlns=''/>"), none);
    assert_eq!(
        kind("<item><v>1</v></item>"),
        ErrorKind::MissingKey { key: "id".into() }
    );
    assert_eq!(
        kind("<state><up>true</up></state>"),
        ErrorKind::StateData {
            name: "state".into()
        }
    );
    let bad = ErrorKind::BadAttribute {
        attr: "operation".into(),
        element: "name".into(),
        app_tag: None,
    };
    assert_eq!(kind("<name nc:operation='destroy'/>"), bad);
    let unknown = ErrorKind::UnknownAttribute {
        attr: "operation".into(),
        element: "name".into(),
    };
    assert_eq!(kind("<name operation='delete'/>"), unknown);
    let inside = ErrorKind::UnknownElement { name: "x".into() };
    assert_eq!(kind("<name nc:operation='delete'><x/></name>"), inside);
    let value = refused("<item><id>1</id><v/></item><count>many</count>");
    assert!(matches!(value.kind, ErrorKind::InvalidValue { .. }));
    assert_eq!(value.path, "/s:top/s:count");
    let key = refused("<item><id>x</id></item>");
    assert_eq!(key.path, "/s:top/s:item/s:id");
    assert!(matches!(
        kind("<item><id nc:operation='delete'>1</id></item>"),
        ErrorKind::BadAttribute { .. }
    ));
    assert_eq!(
        kind("<name>a</name><name>b</name>"),
        ErrorKind::BadElement {
            name: "name".into()
        }
    );
    let exists = apply(
        "<item><id>1</id></item>",
        "<item nc:operation='create'><id>1</id></item>",
        DefaultOperation::Merge,
    );
    assert_eq!(exists.unwrap_err().path, "/s:top/s:item[s:id='1']");
}

#[test]
fn a_container_in_parts_is_edited_part_by_part() {
    // netconf-console2 --set A B names what is above A and above B, each time.
    let parts = "<deep><b>1</b></deep><name>n</name><deep><a>2</a></deep>";
    let whole = "<name>n</name><deep><b>1</b><a>2</a></deep>";
    assert_eq!(outcome("", parts), outcome("", whole));
    assert_eq!(
        outcome("", "<deep><b>1</b></deep><deep><b>2</b></deep>"),
        "<deep><b>2</b></deep>"
    );
    let deletes = "<deep><b nc:operation='delete'/></deep><deep><b nc:operation='delete'/></deep>";
    assert_eq!(outcome("<deep><b>1</b></deep>", deletes), "data-missing");
    // What takes the place of the other part, or the other part away, says two things at once.
    let twice = ErrorKind::BadElement {
        name: "deep".into(),
    };
    for (first, second) in [
        ("", " nc:operation='replace'"),
        ("", " nc:operation='create'"),
        (" nc:operation='delete'", ""),
    ] {
        let edit = format!("<deep{first}><b>1</b></deep><deep{second}><b>2</b></deep>");
        assert_eq!(decode(&edit).unwrap_err().kind, twice, "{edit}");
    }
}

#[test]
fn continue_on_error_keeps_the_rest() {
    let edit = decode(
        "<name>a</name><count nc:operation='delete'/><item><id>1</id><v nc:operation='delete'/><w>b</w></item>",
    );
    let done = Tree::empty(small())
        .edit_collect(
            &edit.unwrap(),
            DefaultOperation::Merge,
            ErrorOption::Continue,
        )
        .unwrap();
    assert_eq!(done.errors.len(), 2);
    assert_eq!(
        shown(&done.tree),
        "<name>a</name><item><id>1</id><w>b</w></item>"
    );
    let nowhere = decode(
        "<queue yang:insert='before' yang:key=\"[s:id='x']\"><id>a</id></queue><queue><id>b</id></queue>",
    );
    let done = Tree::empty(small())
        .edit_collect(
            &nowhere.unwrap(),
            DefaultOperation::Merge,
            ErrorOption::Continue,
        )
        .unwrap();
    assert_eq!(done.errors.len(), 1);
    assert_eq!(shown(&done.tree), "<queue><id>b</id></queue>");
}

#[test]
fn identities_are_stored_with_module_names_and_shown_with_prefixes() {
    let tree = tree("<kind xmlns:q='urn:small'>q:one</kind>");
    let stored = tree
        .view()
        .container("top")
        .unwrap()
        .text("kind")
        .unwrap()
        .to_owned();
    assert_eq!(stored, "small:one");
    assert_eq!(shown(&tree), "<kind xmlns:s=\"urn:small\">s:one</kind>");
}

#[test]
fn rpcs_in_an_edit_are_split_off() {
    let esc_ns = "http://www.cisco.com/esc/esc";
    let both = config(&format!(
        "<vmAction xmlns='{esc_ns}'/><esc_datamodel xmlns='{esc_ns}'/>"
    ));
    let (rpcs, data) = split_rpcs(esc(), &both);
    assert_eq!((rpcs.len(), data.len()), (1, 1));
    assert!(EditTree::decode(esc(), &both).is_err());
    assert!(EditTree::decode_elements(esc(), data).is_ok());
}

#[test]
fn an_edit_costs_the_same_in_a_big_tree() {
    let big = |n: usize| {
        let groups: String = (0..n)
            .map(|i| format!("<group><name>g{i}</name><limit>1</limit></group>"))
            .collect();
        tree(&groups)
    };
    let cost = |tree: &Tree| {
        let edit = decode("<group><name>g3</name><limit>2</limit></group>").unwrap();
        let done = tree
            .edit_collect(&edit, DefaultOperation::Merge, ErrorOption::Stop)
            .unwrap();
        let units = done.tree.changed_units(tree);
        let diff = Diff::between(tree, &done.tree);
        assert_eq!(diff.changes.len(), 1);
        (done.visited, units, diff.visited)
    };
    assert_eq!(cost(&big(10)), cost(&big(2_000)));
}
