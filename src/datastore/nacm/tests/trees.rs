//! What is seen of a tree (RFC 8341 section 3.2.4).

use std::collections::BTreeSet;

use super::oracle::{Asked, Step, permits};
use super::table::{groups, policy};
use super::*;
use crate::datastore::{
    Filter, PrintOptions, SubtreeFilter, WithDefaults, XPath, explicit_xml, write_xml,
};
use crate::xml::{Element, Writer};

const DATA: &str = "<top xmlns='urn:test:g'><plain>p</plain><size>9</size><hidden>s</hidden><fixed>f</fixed>\
    <vault><gold>au</gold></vault><deep><x>1</x></deep><tag>t2</tag><tag>t1</tag><far>f</far>\
    <item><name>a</name><kind>1</kind><value>v</value><extra xmlns='urn:test:h'>e</extra></item>\
    <item><name>b</name><kind>2</kind><value>w</value><sub><note>n</note></sub></item>\
    <item><name>u</name><kind>1</kind><sub><note>m</note></sub></item></top><other xmlns='urn:test:g'/>";

fn report_all(tree: &Tree) -> String {
    let mut out = Writer::new();
    let options = PrintOptions {
        with_defaults: WithDefaults::ReportAll,
        state: false,
    };
    write_xml(tree, &crate::datastore::Selection::all(), options, &mut out);
    out.finish()
}

/// The paths of all elements that are leafs, list entries or presence containers.
fn paths(xml: &str) -> BTreeSet<String> {
    fn walk(element: &Element, above: &[Step], found: &mut BTreeSet<String>) {
        let name: &'static str = Box::leak(element.local.to_string().into_boxed_str());
        let module = if &*element.ns == H { "h" } else { "g" };
        let text = |child: &str| -> &'static str {
            let text = element.child(G, child).unwrap().text();
            Box::leak(text.into_boxed_str())
        };
        let keys: &'static [(&'static str, &'static str)] = match name {
            "item" => Box::leak(Box::new([("name", text("name")), ("kind", text("kind"))])),
            "tag" => Box::leak(Box::new([(
                ".",
                &*Box::leak(element.text().into_boxed_str()),
            )])),
            _ => &[],
        };
        let mut here = above.to_vec();
        here.push((module, name, keys));
        if element.elements().next().is_none() || name == "item" {
            found.insert(format!("{here:?}={}", element.text()));
        }
        for child in element.elements() {
            walk(child, &here, found);
        }
    }
    let mut found = BTreeSet::new();
    let root = xml::parse_str(&format!("<r>{xml}</r>")).unwrap();
    for element in root.elements() {
        walk(element, &[], &mut found);
    }
    found
}

/// The same, of what the oracle lets a reader see.
fn expected(xml: &str, seen: &dyn Fn(&[Step]) -> bool) -> BTreeSet<String> {
    fn cut(element: &Element, above: &[Step], seen: &dyn Fn(&[Step]) -> bool) -> Option<String> {
        let name: &'static str = Box::leak(element.local.to_string().into_boxed_str());
        let module = if &*element.ns == H { "h" } else { "g" };
        let text = |child: &str| -> &'static str {
            Box::leak(element.child(G, child).unwrap().text().into_boxed_str())
        };
        let keys: &'static [(&'static str, &'static str)] = match name {
            "item" => Box::leak(Box::new([("name", text("name")), ("kind", text("kind"))])),
            "tag" => Box::leak(Box::new([(
                ".",
                &*Box::leak(element.text().into_boxed_str()),
            )])),
            _ => &[],
        };
        let mut here = above.to_vec();
        here.push((module, name, keys));
        if !seen(&here) {
            return None;
        }
        if name == "item" {
            // Without a key it cannot be shown.
            for key in ["name", "kind"] {
                let mut leaf = here.clone();
                leaf.push(("g", key, &[]));
                if !seen(&leaf) {
                    return None;
                }
            }
        }
        let children: String = element
            .elements()
            .filter_map(|child| cut(child, &here, seen))
            .collect();
        let text = if element.elements().next().is_none() {
            element.text()
        } else {
            String::new()
        };
        let interior = matches!(name, "top" | "vault" | "deep" | "sub");
        if interior && children.is_empty() {
            return None;
        }
        Some(format!(
            "<{name} xmlns='{}'>{text}{children}</{name}>",
            element.ns
        ))
    }
    let root = xml::parse_str(&format!("<r>{xml}</r>")).unwrap();
    let kept: String = root.elements().filter_map(|e| cut(e, &[], seen)).collect();
    paths(&kept)
}

#[test]
fn what_is_seen_is_what_the_oracle_lets_one_see_with_defaults_and_without() {
    let whole = tree(DATA);
    let (explicit, all) = (explicit_xml(&whole), report_all(&whole));
    assert!(all.len() > explicit.len());
    for seed in 0..200 {
        let config = policy(seed);
        let xml = xml::parse_str(&config).unwrap();
        let external = groups(seed);
        let nacm = Nacm::compile(&tree(&config), &member("u", external));
        let seen = nacm.visible(&whole);
        let rule = |place: &[Step]| {
            permits(
                &xml,
                "u",
                external,
                &Asked::Data(Access::Read, place.to_vec()),
            )
        };
        assert_eq!(
            paths(&explicit_xml(&seen)),
            expected(&explicit, &rule),
            "{seed}\n{config}"
        );
        assert_eq!(
            paths(&report_all(&seen))
                .into_iter()
                .filter(|p| !p.contains("nacm"))
                .collect::<BTreeSet<_>>(),
            expected(&only_g(&all), &rule),
            "report-all {seed}\n{config}"
        );
        // To be copied, not looked at: the same data, and no trace of the cut.
        assert_eq!(explicit_xml(&nacm.readable(&whole)), explicit_xml(&seen));
    }
}

/// Without the defaults of the standard modules.
fn only_g(xml: &str) -> String {
    let root = xml::parse_str(&format!("<r>{xml}</r>")).unwrap();
    root.elements()
        .filter(|e| &*e.ns == G)
        .map(Element::to_xml)
        .collect()
}

#[test]
fn a_reader_who_may_see_everything_gets_the_tree_itself() {
    let whole = tree(DATA);
    let admin = Nacm::compile(&whole, &member("u", &["admin"]));
    assert!(admin.visible(&whole).ptr_eq(&whole));
}

#[test]
fn what_is_permitted_as_a_whole_is_shared() {
    let whole = tree(DATA);
    let seen = ops(&nacm("")).visible(&whole);
    let top = whole.view().container("g:top").unwrap();
    let mine = seen.view().container("g:top").unwrap();
    assert!(
        mine.container("deep")
            .unwrap()
            .node()
            .ptr_eq(top.container("deep").unwrap().node())
    );
    assert!(!mine.has("hidden") && !mine.has("vault"));
}

#[test]
fn a_denied_leaf_does_not_show_its_default_nor_that_of_another_case() {
    let rule = |text: &str| rules("ops", &[(&path(text), "deny")]);
    for (config, gone) in [
        (rule("/g:top/g:size"), "<size"),
        (rule("/g:top/g:deep/g:x"), "<x"),
        (rule("/g:top/g:far"), "<near"),
        (nacm(""), "<hidden"),
        (nacm(""), "<gold"),
    ] {
        for data in [
            DATA,
            "<top xmlns='urn:test:g'><plain>p</plain><far>1</far></top>",
        ] {
            let seen = report_all(&ops(&config).visible(&tree(data)));
            assert!(!seen.contains(gone), "{gone} in {seen}");
        }
    }
}

#[test]
fn filters_and_xpath_test_only_what_is_seen() {
    let whole = tree(DATA);
    let config = rules("ops", &[(&path("/g:top/g:item/g:value"), "deny")]);
    let seen = ops(&config).visible(&whole);
    let subtree = |text: &str| {
        let filter = xml::parse_str(&format!("<filter>{text}</filter>")).unwrap();
        Filter::Subtree(SubtreeFilter::decode(&filter))
    };
    let xpath = |text: &str| {
        let resolve = |prefix: &str| (prefix == "g").then(|| G.to_owned());
        Filter::XPath(XPath::parse(text, &resolve, G).unwrap())
    };
    for probe in [
        subtree("<top xmlns='urn:test:g'><item><value>v</value><name/></item></top>"),
        xpath("/g:top/g:item[g:value='v']/g:name"),
        xpath("/g:top/g:plain[../g:hidden='s']"),
        xpath("//g:value"),
        xpath("/g:top/g:plain[count(//g:value) > 0]"),
        xpath("/g:top/g:plain[../g:hidden]"),
    ] {
        assert!(
            !whole
                .select(&probe, WithDefaults::ReportAll)
                .unwrap()
                .is_none(),
            "{probe:?}"
        );
        assert!(
            seen.select(&probe, WithDefaults::ReportAll)
                .unwrap()
                .is_none(),
            "{probe:?}"
        );
    }
    let still = xpath("/g:top/g:item[g:name='a']");
    assert!(
        !seen
            .select(&still, WithDefaults::ReportAll)
            .unwrap()
            .is_none()
    );
}

#[test]
fn an_entry_whose_key_may_not_be_read_is_not_shown() {
    let config = rules(
        "ops",
        &[(
            &path("/g:top/g:item[g:name='a'][g:kind='1']/g:kind"),
            "deny",
        )],
    );
    let seen = explicit_xml(&ops(&config).visible(&tree(DATA)));
    assert!(
        !seen.contains("<name>a</name>") && seen.contains("<name>b</name>"),
        "{seen}"
    );
}

#[test]
fn errors_about_what_is_not_seen_tell_nothing() {
    use crate::datastore::{Error, ErrorKind};
    let nacm = ops(&nacm(""));
    let of = |path: &str| {
        let error = Error::new(ErrorKind::TooFew, path, "s3cret");
        nacm.discreet(error)
    };
    assert_eq!(of("/g:top/g:plain").message, "s3cret");
    let told = of("/g:top/g:vault/g:gold");
    assert_eq!((told.kind, &*told.path), (ErrorKind::Failed, ""));
    assert!(!told.message.contains("s3cret"));
    // What is named beside the path, in error-info and in words.
    let leafs = ["/g:top/g:plain", "/g:top/g:hidden"].map(str::to_owned);
    let kind = ErrorKind::DataNotUnique {
        leafs: leafs.to_vec(),
    };
    let told = nacm.discreet(Error::new(kind, "/g:top/g:plain", "twice"));
    let seen = ErrorKind::DataNotUnique {
        leafs: vec![leafs[0].clone()],
    };
    assert_eq!(told.kind, seen);
    for (by, told) in [
        ("/g:top/g:plain", " by you know whom"),
        ("/g:top/g:vault", ""),
    ] {
        let kind = ErrorKind::InUse {
            by: by.to_owned(),
            user: " by you know whom".to_owned(),
        };
        let error = nacm.discreet(Error::new(kind, "/g:top/g:plain", "in use"));
        assert!(matches!(error.kind, ErrorKind::InUse { user, .. } if user == told));
    }
}
