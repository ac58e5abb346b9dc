//! Units, validation, diff, building and the rules across units.

use super::*;

const GROUPS: &str = "<name>n</name>\
    <group><name>g1</name><limit>1</limit><members><member><name>m1</name></member><member><name>m2</name></member></members></group>\
    <group><name>g2</name></group>";

fn paths(changes: &[UnitChange]) -> Vec<(&str, bool)> {
    changes
        .iter()
        .map(|c| (c.path.as_str(), c.bytes.is_some()))
        .collect()
}

fn rows(tree: &Tree) -> Vec<(UnitPath, Vec<u8>)> {
    let changes = tree.changed_units(&Tree::empty(tree.schema()));
    changes
        .into_iter()
        .map(|c| (c.path, c.bytes.unwrap()))
        .collect()
}

#[test]
fn each_unit_is_one_row_in_the_skeleton_of_its_ancestors() {
    let tree = tree(GROUPS);
    let text: Vec<(String, String)> = rows(&tree)
        .into_iter()
        .map(|(path, bytes)| (path.to_string(), String::from_utf8(bytes).unwrap()))
        .collect();
    let ns = "<top xmlns=\"urn:small\">";
    let g1 = "/s:top/s:group[s:name='g1']";
    let m = |n: &str| {
        (
            format!("{g1}/s:members/s:member[s:name='{n}']"),
            format!(
                "{ns}<group><name>g1</name><members><member><name>{n}</name></member></members></group></top>"
            ),
        )
    };
    let expected = vec![
        ("/".to_owned(), format!("{ns}<name>n</name></top>")),
        (
            g1.to_owned(),
            format!("{ns}<group><name>g1</name><limit>1</limit></group></top>"),
        ),
        m("m1"),
        m("m2"),
        (
            "/s:top/s:group[s:name='g2']".to_owned(),
            format!("{ns}<group><name>g2</name></group></top>"),
        ),
    ];
    assert_eq!(text, expected);
    assert_eq!(Tree::from_units(small(), rows(&tree)).unwrap(), tree);
}

#[test]
fn only_touched_units_change() {
    let old = tree(GROUPS);
    let changed = |edit: &str| {
        let new = merged(&old, edit);
        let changes = new.changed_units(&old);
        paths(&changes)
            .into_iter()
            .map(|(p, there)| (p.to_owned(), there))
            .collect::<Vec<_>>()
    };
    let g1 = "/s:top/s:group[s:name='g1']".to_owned();
    let m1 = format!("{g1}/s:members/s:member[s:name='m1']");
    assert_eq!(changed("<name>x</name>"), [("/".to_owned(), true)]);
    let member = |rest: &str| {
        format!(
            "<group><name>g1</name><members><member><name>m1</name>{rest}</member></members></group>"
        )
    };
    assert_eq!(
        changed(&member("<mode>manual</mode>")),
        [(m1.clone(), true)]
    );
    assert_eq!(changed(&member("")), []);
    assert_eq!(
        changed("<group><name>g1</name><limit>2</limit></group>"),
        [(g1.clone(), true)]
    );
    assert_eq!(
        changed("<group nc:operation='replace'><name>g1</name><limit>1</limit></group>").len(),
        2
    );
    let gone = changed("<group nc:operation='delete'><name>g1</name></group>");
    assert_eq!(gone.len(), 3);
    assert!(gone.iter().all(|(_, there)| !there));
    assert_eq!(
        changed("<group nc:operation='replace'><name>g2</name></group>"),
        []
    );
}

#[test]
fn rows_that_do_not_fit_are_named() {
    let bad = vec![(
        UnitPath::new("/x"),
        b"<top xmlns='urn:small'><nope/></top>".to_vec(),
    )];
    assert_eq!(Tree::from_units(small(), bad).unwrap_err().path, "/x");
    let broken = vec![(UnitPath::new("/y"), b"<top".to_vec())];
    assert_eq!(Tree::from_units(small(), broken).unwrap_err().path, "/y");
}

#[test]
fn locations_are_printed_and_read_back() {
    let tree = tree("<pair><a>it's</a><b>2</b></pair><pair><a>say \"it's\"</a><b>/[</b></pair>");
    let diff = Diff::between(&Tree::empty(small()), &tree);
    assert_eq!(diff.changes.len(), 2);
    for change in &diff.changes {
        let top_down = change.location.display(small());
        assert!(top_down.starts_with("/s:top/s:pair[s:a="), "{top_down}");
    }
    let text = "/s:top/s:pair[s:a=\"it's\"][s:b='2']";
    let location = Location::parse(small(), text).unwrap();
    assert_eq!(location.display(small()), text);
    assert!(tree.find(&location).is_some());
    assert!(Location::parse(small(), "/s:top/s:nope").is_none());
    assert!(Location::parse(small(), "/s:top/s:pair[s:a='1']").is_none());
}

#[test]
fn validation_takes_only_what_changed_and_reports_what_is_wrong() {
    let good = tree(GROUPS).validate(None).unwrap();
    assert!(good.validate(Some(&good)).unwrap().ptr_eq(&good));
    let bad = merged(
        &good,
        "<group><name>g1</name><members><member><name>m1</name><must-be>3</must-be></member></members></group>",
    );
    let errors = bad.validate(Some(&good)).unwrap_err();
    assert_eq!(errors.len(), 1, "{errors:?}");
    let error = &errors[0];
    assert_eq!(
        error.kind,
        ErrorKind::Must {
            app_tag: "too-low".into()
        }
    );
    assert_eq!(
        error.path,
        "/s:top/s:group[s:name='g1']/s:members/s:member[s:name='m1']/s:must-be"
    );
    // The bad unit is not looked at again when something else changes on top of it.
    let other = merged(&bad, "<name>other</name>");
    assert!(other.validate(Some(&bad)).is_ok());
}

#[test]
fn a_false_when_removes_what_the_edit_did_not_name() {
    let member = |rest: &str| {
        format!(
            "<group><name>g</name><members><member><name>m</name>{rest}</member></members></group>"
        )
    };
    let good = tree(&member(
        "<mode>manual</mode><level>1</level><extra>e</extra>",
    ));
    let good = good.validate(None).unwrap();
    let edit = decode(&member("<mode>auto</mode>")).unwrap();
    let edited = good
        .edit(&edit, DefaultOperation::Merge, ErrorOption::Stop)
        .unwrap();
    for cleaned in [
        edited.validate_after(Some(&good), Some(&edit)),
        edited.validate(Some(&good)),
    ] {
        assert_eq!(shown(&cleaned.unwrap()), member("<mode>auto</mode>"));
    }
    let edit = decode(&member("<mode>auto</mode><level>1</level>")).unwrap();
    let edited = good
        .edit(&edit, DefaultOperation::Merge, ErrorOption::Stop)
        .unwrap();
    let errors = edited.validate_after(Some(&good), Some(&edit)).unwrap_err();
    let unknown = ErrorKind::UnknownElement {
        name: "level".into(),
    };
    assert!(
        errors.iter().any(|error| error.kind == unknown),
        "{errors:?}"
    );
    let fresh = tree(&member("<level>1</level>"))
        .validate(None)
        .unwrap_err();
    assert!(fresh.iter().any(|error| error.kind == unknown), "{fresh:?}");
}

#[test]
fn a_diff_names_the_top_of_what_changed() {
    let old = tree(
        "<name>a</name><item><id>1</id><v>x</v></item><item><id>2</id></item><queue><id>p</id></queue><queue><id>q</id></queue>",
    );
    let new = merged(
        &old,
        "<name>b</name><item><id>1</id><v nc:operation='delete'/></item><item nc:operation='delete'><id>2</id></item>\
        <item><id>3</id><v>y</v></item><queue yang:insert='first'><id>q</id></queue><tag>t</tag>",
    );
    let diff = Diff::between(&old, &new);
    let found: Vec<_> = diff
        .changes
        .iter()
        .map(|c| (c.path(small()), c.op))
        .collect();
    let expected = [
        ("/s:top/s:name", DiffOp::Replace),
        ("/s:top/s:tag[.='t']", DiffOp::Create),
        ("/s:top/s:item[s:id='1']/s:v", DiffOp::Delete),
        ("/s:top/s:item[s:id='2']", DiffOp::Delete),
        ("/s:top/s:item[s:id='3']", DiffOp::Create),
        ("/s:top/s:queue", DiffOp::Reorder),
    ];
    assert_eq!(found, expected.map(|(path, op)| (path.to_owned(), op)));
    let renamed = &diff.changes[0];
    assert_eq!(
        (renamed.old.as_deref(), renamed.new.as_deref()),
        (Some("a"), Some("b"))
    );
    assert_eq!(diff.apply(&old), new);
    assert!(Diff::between(&new, &new).is_empty());
}

#[test]
fn trees_are_built_and_laid_over_each_other() {
    let mut builder = Builder::root(small());
    builder.container("top", |top| {
        top.container("state", |state| {
            state.leaf("up", "true").leaf_opt("up", None::<&str>);
            state.entry("row", &[], |row| {
                row.leaf("v", "1");
            });
            state.entry("row", &[], |row| {
                row.leaf("v", "1");
            });
        });
        top.entry("item", &["2"], |item| {
            item.leaf("v", "new");
        });
    });
    let state = builder.tree().unwrap();
    let both = tree("<item><id>1</id></item><item><id>2</id><w>w</w></item>").overlay(&state);
    assert_eq!(
        shown(&both),
        "<item><id>1</id></item><item><id>2</id><v>new</v><w>w</w></item>\
         <state><up>true</up><row><v>1</v></row><row><v>1</v></row></state>"
    );
    let mut out = xml::Writer::new();
    let options = PrintOptions {
        with_defaults: WithDefaults::Explicit,
        state: false,
    };
    write_xml(&both, &Selection::all(), options, &mut out);
    assert!(!out.finish().contains("state"));
    let mut wrong = Builder::root(small());
    wrong.container("top", |top| {
        top.container("nope", |_| ());
    });
    assert_eq!(wrong.tree().unwrap_err().path, "/s:top");
}

#[test]
fn a_part_can_be_replaced_and_removed() {
    let tree = tree("<item><id>1</id><v>a</v></item>");
    let at = Location::parse(small(), "/s:top/s:item[s:id='2']").unwrap();
    let keys = Keys::single("2");
    let node = Node::entry(at.0[1].node, keys, &small().node(at.0[1].node).keys);
    let more = tree.with_node(&at, node).unwrap();
    assert_eq!(
        shown(&more),
        "<item><id>1</id><v>a</v></item><item><id>2</id></item>"
    );
    assert_eq!(more.without(&at), tree);
}

#[test]
fn values_are_read_by_name_with_defaults() {
    let tree = tree("<deep><b>1</b></deep><tag>x</tag><tag>y</tag><item><id>4</id><v>a</v></item>");
    let top = tree.view().container("top").unwrap();
    assert_eq!(top.text("count"), Some("7"));
    assert_eq!(top.parse::<i32>("count"), Some(7));
    assert_eq!(top.explicit("count"), None);
    assert_eq!(top.container("deep").unwrap().text("a"), Some("x"));
    assert_eq!(top.values("tag"), ["x", "y"]);
    assert_eq!(top.entry("item", &["4"]).unwrap().text("v"), Some("a"));
    assert_eq!(top.entries("item").count(), 1);
    assert!(top.container("there").is_none() && !top.has("name"));
    assert_eq!(top.text("nope"), None);
}

fn esc_tree(content: &str) -> Tree {
    let text = format!(
        "<c><esc_datamodel xmlns='http://www.cisco.com/esc/esc' xmlns:nc='{NETCONF_NS}'>{content}</esc_datamodel></c>"
    );
    let edit = EditTree::decode(esc(), &xml::parse_str(&text).unwrap()).unwrap();
    Tree::empty(esc())
        .edit(&edit, DefaultOperation::Merge, ErrorOption::Stop)
        .unwrap()
}

fn esc_edit(tree: &Tree, content: &str) -> Tree {
    let text = format!(
        "<c><esc_datamodel xmlns='http://www.cisco.com/esc/esc' xmlns:nc='{NETCONF_NS}'>{content}</esc_datamodel></c>"
    );
    let edit = EditTree::decode(esc(), &xml::parse_str(&text).unwrap()).unwrap();
    tree.edit(&edit, DefaultOperation::Merge, ErrorOption::Stop)
        .unwrap()
}

const DEPLOYMENT: &str = "<images><image><name>img</name><src>http://x/y</src></image><image><name>img2</name><src>http://x/z</src></image></images>\
    <networks><network><name>net</name></network></networks>\
    <tenants><tenant><name>t</name><networks><network><name>tnet</name></network></networks>\
    <deployments><deployment><name>d</name><vm_group><name>g</name><image>img</image><flavor>fl</flavor>\
    <bootup_time>60</bootup_time><recovery_wait_time>0</recovery_wait_time>\
    <interfaces><interface><nicid>0</nicid><network>net</network></interface>\
    <interface><nicid>1</nicid><network>tnet</network></interface></interfaces>\
    </vm_group></deployment></deployments></tenant></tenants>";

#[test]
fn what_is_in_use_cannot_be_deleted() {
    let good = esc_tree(DEPLOYMENT);
    let refused = |edit: &str| {
        let edited = esc_edit(&good, edit);
        edited.validate(Some(&good)).err().map(|errors| {
            let error = errors.into_iter().next().unwrap();
            (error.kind, error.path)
        })
    };
    let delete = |what: &str, name: &str| {
        format!("<{what}s><{what} nc:operation='delete'><name>{name}</name></{what}></{what}s>")
    };
    let kind = ErrorKind::InUse {
        by: "/esc:esc_datamodel/esc:tenants/esc:tenant[esc:name='t']/esc:deployments/esc:deployment[esc:name='d']"
            .to_owned(),
        user: " by deployment d of tenant t".to_owned(),
    };
    let in_use = |path: &str| Some((kind.clone(), format!("/esc:esc_datamodel{path}")));
    assert_eq!(
        refused(&delete("image", "img")),
        in_use("/esc:images/esc:image[esc:name='img']")
    );
    assert_eq!(refused(&delete("image", "img2")), None);
    assert_eq!(
        refused(&delete("network", "net")),
        in_use("/esc:networks/esc:network[esc:name='net']")
    );
    let tenant =
        |content: &str| format!("<tenants><tenant><name>t</name>{content}</tenant></tenants>");
    let own = tenant(&delete("network", "tnet"));
    assert_eq!(
        refused(&own),
        in_use("/esc:tenants/esc:tenant[esc:name='t']/esc:networks/esc:network[esc:name='tnet']")
    );
    let with_user = "<tenants><tenant nc:operation='delete'><name>t</name></tenant></tenants>";
    assert_eq!(
        refused(&format!("{}{with_user}", delete("image", "img"))),
        None
    );
    assert_eq!(rule_names().count(), 5);
}

#[test]
fn the_product_schema_round_trips() {
    let good = esc_tree(DEPLOYMENT).validate(None).unwrap();
    let paths: Vec<String> = rows(&good)
        .iter()
        .map(|(path, _)| path.to_string())
        .collect();
    let tenant = "/esc:esc_datamodel/esc:tenants/esc:tenant[esc:name='t']";
    let deployment = format!("{tenant}/esc:deployments/esc:deployment[esc:name='d']");
    assert_eq!(paths, ["/".to_owned(), tenant.to_owned(), deployment]);
    let again = Tree::from_units(esc(), rows(&good)).unwrap();
    assert_eq!(again, good);
    let bare = esc_tree(
        "<tenants><tenant><name>t</name><deployments><deployment><name>d</name></deployment></deployments></tenant></tenants>",
    );
    let errors = bare.validate(None).unwrap_err();
    assert!(
        errors.iter().any(|error| error.kind == ErrorKind::TooFew),
        "{errors:?}"
    );
}

#[test]
fn the_root_unit_holds_several_top_level_nodes() {
    let nacm = "<c><nacm xmlns='urn:ietf:params:xml:ns:yang:ietf-netconf-acm'><enable-nacm>false</enable-nacm>\
        <rule-list><name>b</name><group>*</group><rule><name>r</name><module-name>esc</module-name><action>permit</action></rule></rule-list>\
        <rule-list><name>a</name></rule-list></nacm></c>";
    let edit = EditTree::decode(esc(), &xml::parse_str(nacm).unwrap()).unwrap();
    let tree = esc_tree(DEPLOYMENT)
        .edit(&edit, DefaultOperation::Merge, ErrorOption::Stop)
        .unwrap();
    let good = tree.validate(None).unwrap();
    assert_eq!(rows(&good).len(), 3);
    assert_eq!(Tree::from_units(esc(), rows(&good)).unwrap(), good);
    let nacm = good.view().container("nacm").unwrap();
    let order: Vec<_> = nacm
        .entries("rule-list")
        .filter_map(|list| list.text("name"))
        .collect();
    assert_eq!(order, ["b", "a"]);
}

#[test]
fn a_stored_unit_may_be_larger_than_any_message() {
    // Looked at whole: what is wrong with it is said, not how large it is.
    let unit = "<x/>".repeat(500_001);
    let error = Tree::from_units(esc(), [(UnitPath::new("/"), unit)]).unwrap_err();
    assert!(!error.message.contains("more than"), "{error:?}");
}
