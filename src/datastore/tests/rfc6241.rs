//! The examples of RFC 6241 section 6.4, on their own data model.

use std::sync::OnceLock;

use super::*;

const EXAMPLE_YANG: &str = r#"
module example {
  namespace "http://example.com/schema/1.2/config";
  prefix ex;
  container top {
    container users {
      list user {
        key "name";
        leaf name { type string; }
        leaf type { type string; }
        leaf full-name { type string; }
        container company-info { leaf dept { type uint8; } leaf id { type uint8; } }
      }
    }
    container groups { list group { key "name"; leaf name { type string; } } }
  }
}
"#;

fn example() -> &'static Schema {
    static EXAMPLE: OnceLock<&'static Schema> = OnceLock::new();
    EXAMPLE.get_or_init(|| {
        Schema::load_with(&[SourceModule {
            name: "example",
            text: EXAMPLE_YANG,
            implement: true,
            features: &[],
        }])
        .unwrap()
    })
}

fn user(name: &str, kind: &str, full: &str, dept: u8, id: u8) -> String {
    format!(
        "<user><name>{name}</name><type>{kind}</type><full-name>{full}</full-name>\
         <company-info><dept>{dept}</dept><id>{id}</id></company-info></user>"
    )
}

fn top_of(content: &str) -> String {
    format!("<top xmlns=\"http://example.com/schema/1.2/config\">{content}</top>")
}

fn users(content: &str) -> String {
    top_of(&format!("<users>{content}</users>"))
}

fn data() -> Tree {
    let all = users(
        &[
            user("root", "superuser", "Charlie Root", 1, 1),
            user("fred", "admin", "Fred Flintstone", 2, 2),
            user("barney", "admin", "Barney Rubble", 2, 3),
        ]
        .concat(),
    );
    let groups = top_of("<groups><group><name>g</name></group></groups>");
    let empty = Tree::empty(example());
    // The two `top` elements are one node in two parts.
    let edit = EditTree::decode(example(), &config(&format!("{all}{groups}"))).unwrap();
    empty
        .edit(&edit, DefaultOperation::Merge, ErrorOption::Stop)
        .unwrap()
}

fn selected(filter: &str) -> String {
    let tree = data();
    let filter = Filter::Subtree(SubtreeFilter::decode(&config(filter)));
    let selection = tree.select(&filter, WithDefaults::Explicit).unwrap();
    let mut out = xml::Writer::new();
    let options = PrintOptions {
        with_defaults: WithDefaults::Explicit,
        state: true,
    };
    write_xml(&tree, &selection, options, &mut out);
    out.finish()
}

#[test]
fn examples_of_section_6_4() {
    let (root, fred, barney) = (
        user("root", "superuser", "Charlie Root", 1, 1),
        user("fred", "admin", "Fred Flintstone", 2, 2),
        user("barney", "admin", "Barney Rubble", 2, 3),
    );
    // System-ordered: by key.
    let everybody = [barney.as_str(), &fred, &root].concat();
    for (section, filter, expected) in [
        ("6.4.2 an empty filter", String::new(), String::new()),
        (
            "6.4.3 the entire users subtree",
            top_of("<users/>"),
            users(&everybody),
        ),
        (
            "6.4.3 the same, said otherwise",
            users("<user/>"),
            users(&everybody),
        ),
        (
            "6.4.4 all name elements",
            users("<user><name/></user>"),
            users("<user><name>barney</name></user><user><name>fred</name></user><user><name>root</name></user>"),
        ),
        (
            "6.4.5 one specific user entry",
            users("<user><name>fred</name></user>"),
            users(&fred),
        ),
        (
            "6.4.6 specific elements of a specific user",
            users("<user><name>fred</name><type/><full-name/></user>"),
            users("<user><name>fred</name><type>admin</type><full-name>Fred Flintstone</full-name></user>"),
        ),
        (
            "6.4.7 multiple subtrees",
            users(
                "<user><name>root</name><company-info/></user>\
                 <user><name>fred</name><company-info><id/></company-info></user>\
                 <user><name>barney</name><type>superuser</type><company-info><dept/></company-info></user>",
            ),
            users(
                "<user><name>fred</name><company-info><id>2</id></company-info></user>\
                 <user><name>root</name><company-info><dept>1</dept><id>1</id></company-info></user>",
            ),
        ),
        // YANG data has no attributes, so nothing has the one that is asked for.
        (
            "6.4.8 an attribute that names",
            "<t:top xmlns:t=\"http://example.com/schema/1.2/config\"><t:users><t:user t:name=\"fred\"/></t:users></t:top>".to_owned(),
            String::new(),
        ),
    ] {
        assert_eq!(selected(&filter), expected, "{section}");
    }
    let all = data();
    assert_eq!(
        selected(&top_of("")),
        {
            let mut out = xml::Writer::new();
            let options = PrintOptions {
                with_defaults: WithDefaults::Explicit,
                state: true,
            };
            write_xml(&all, &Selection::all(), options, &mut out);
            out.finish()
        },
        "6.4.1 no filter is everything"
    );
}

#[test]
fn components_of_section_6_2() {
    let fred = user("fred", "admin", "Fred Flintstone", 2, 2);
    for (section, filter, expected) in [
        (
            "6.2.1 another namespace",
            "<top xmlns=\"urn:x\"><users/></top>".to_owned(),
            String::new(),
        ),
        (
            "6.2.1 no namespace matches every one",
            "<top xmlns=\"\"><groups/></top>".to_owned(),
            top_of("<groups><group><name>g</name></group></groups>"),
        ),
        (
            "6.2.2 an attribute that is not there",
            "<top xmlns=\"http://example.com/schema/1.2/config\" a=\"1\"/>".to_owned(),
            String::new(),
        ),
        (
            "6.2.4 siblings that select are or-ed",
            users("<user><name>fred</name><full-name/></user><user><type/></user>"),
            users(
                "<user><name>barney</name><type>admin</type></user>\
                 <user><name>fred</name><type>admin</type><full-name>Fred Flintstone</full-name></user>\
                 <user><name>root</name><type>superuser</type></user>",
            ),
        ),
        (
            "6.2.5 content matches are and-ed",
            users("<user><name>fred</name><type>superuser</type></user>"),
            String::new(),
        ),
        (
            "6.2.5 with nothing else the whole entry",
            users("<user><type>admin</type><full-name>Fred Flintstone</full-name></user>"),
            users(&fred),
        ),
        (
            "6.2.5 white space round content",
            users("<user><name>\n fred\t</name></user>"),
            users(&fred),
        ),
        (
            "6.3 overlaps are told once",
            users("<user><name>fred</name></user><user><name>fred</name><type/></user>"),
            users(&fred),
        ),
    ] {
        assert_eq!(selected(&filter), expected, "{section}");
    }
}

/// The filters of RFC 5277 section 5, on the events they are about.
#[test]
fn examples_of_rfc_5277_section_5() {
    const NS: &str = "http://example.com/event/1.0";
    let event = |class: &str, severity: &str, card: &str| {
        let text = format!(
            "<event xmlns=\"{NS}\"><eventClass>{class}</eventClass><reportingEntity><card>{card}</card>\
             </reportingEntity><severity>{severity}</severity></event>"
        );
        xml::parse_str(&text).unwrap()
    };
    let element = |inner: &str| format!("<event xmlns=\"{NS}\">{inner}</event>");
    let faults: String = ["critical", "major", "minor"]
        .iter()
        .map(|severity| {
            element(&format!(
                "<eventClass>fault</eventClass><severity>{severity}</severity>"
            ))
        })
        .collect();
    let others = [
        element("<eventClass>state</eventClass>"),
        element("<eventClass>config</eventClass>"),
        element(
            "<eventClass>fault</eventClass><reportingEntity><card>Ethernet0</card></reportingEntity>",
        ),
    ]
    .concat();
    let subtree = |xml: &str| Filter::Subtree(SubtreeFilter::decode(&config(xml)));
    let xpath = |text: &str| {
        let resolve = |prefix: &str| (prefix == "ex").then(|| NS.to_owned());
        Filter::XPath(XPath::parse(text, &resolve, "").unwrap())
    };
    let first = [
        subtree(&faults),
        xpath(
            "/ex:event[ex:eventClass='fault' and (ex:severity='minor' or ex:severity='major' or ex:severity='critical')]",
        ),
    ];
    let second = [
        subtree(&others),
        xpath(
            "/ex:event[(ex:eventClass='state' or ex:eventClass='config') or (ex:eventClass='fault' and ex:reportingEntity/ex:card='Ethernet0')]",
        ),
    ];
    for (class, severity, card, is_first, is_second) in [
        ("fault", "major", "Ethernet0", true, true),
        ("fault", "minor", "Ethernet1", true, false),
        ("fault", "info", "Ethernet0", false, true),
        ("fault", "info", "Ethernet1", false, false),
        ("state", "major", "Ethernet1", false, true),
        ("config", "critical", "Ethernet0", false, true),
        ("audit", "critical", "Ethernet0", false, false),
    ] {
        let event = event(class, severity, card);
        let wants = |filter: &Filter| filter.wants(&[&event], &mut Budget::default()).unwrap();
        let told = format!("{class} {severity} {card}");
        assert!(first.iter().all(|f| wants(f) == is_first), "first {told}");
        assert!(
            second.iter().all(|f| wants(f) == is_second),
            "second {told}"
        );
    }
}
