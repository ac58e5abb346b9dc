//! Subtree and XPath filters on trees and on notifications.

use super::*;

fn sample() -> Tree {
    tree(
        "<name>n</name><deep><b>x</b></deep><tag>t1</tag><tag>t2</tag>\
         <item><id>1</id><v>a</v><w>p</w></item><item><id>2</id><v>b</v></item><item><id>10</id><v>a</v></item>\
         <pair><a>1</a><b>2</b><v>z</v></pair>\
         <group><name>g</name><limit>3</limit><members><member><name>m1</name></member>\
         <member><name>m2</name><mode>manual</mode><level>4</level></member></members></group>",
    )
}

fn print(tree: &Tree, selection: &Selection, with_defaults: WithDefaults) -> String {
    let mut out = xml::Writer::new();
    let options = PrintOptions {
        with_defaults,
        state: true,
    };
    write_xml(tree, selection, options, &mut out);
    let xml = out.finish();
    let inner = xml.strip_prefix("<top xmlns=\"urn:small\">");
    inner
        .and_then(|x| x.strip_suffix("</top>"))
        .unwrap_or(&xml)
        .to_owned()
}

fn subtree(filter: &str) -> String {
    let tree = sample();
    let filter = Filter::Subtree(SubtreeFilter::decode(&config(filter)));
    print(
        &tree,
        &tree.select(&filter, WithDefaults::Explicit).unwrap(),
        WithDefaults::Explicit,
    )
}

fn within(content: &str) -> String {
    subtree(&format!("<top xmlns='urn:small'>{content}</top>"))
}

fn parse(text: &str) -> Result<XPath, Error> {
    let resolve = |prefix: &str| (prefix == "s").then(|| "urn:small".to_owned());
    XPath::parse(text, &resolve, "urn:small")
}

fn try_xpath(text: &str) -> Result<String, Error> {
    let tree = sample();
    let filter = Filter::XPath(parse(text)?);
    Ok(print(
        &tree,
        &tree.select(&filter, WithDefaults::Explicit)?,
        WithDefaults::Explicit,
    ))
}

fn xpath(text: &str) -> String {
    try_xpath(text).unwrap()
}

#[test]
fn subtree_filters_follow_section_6() {
    let item1 = "<item><id>1</id><v>a</v><w>p</w></item>";
    let item2 = "<item><id>2</id><v>b</v></item>";
    let item10 = "<item><id>10</id><v>a</v></item>";
    assert_eq!(subtree(""), "", "empty filter");
    assert_eq!(within("<name/>"), "<name>n</name>");
    assert_eq!(within("<item/>"), [item1, item2, item10].concat());
    assert_eq!(
        within("<item><id>2</id></item>"),
        item2,
        "content match alone"
    );
    assert_eq!(
        within("<item><id>02</id></item>"),
        item2,
        "canonical content"
    );
    assert_eq!(within("<item><v>a</v></item>"), [item1, item10].concat());
    let siblings = "<item><v>a</v><w/></item>";
    assert_eq!(
        within(siblings),
        "<item><id>1</id><v>a</v><w>p</w></item><item><id>10</id><v>a</v></item>"
    );
    assert_eq!(
        within("<item><id>1</id><w/></item>"),
        "<item><id>1</id><w>p</w></item>"
    );
    assert_eq!(
        within("<item><v>a</v><w>p</w></item>"),
        item1,
        "two matches are and-ed"
    );
    assert_eq!(within("<item><v>b</v><w>p</w></item>"), "");
    assert_eq!(
        within("<item><id/></item>"),
        "<item><id>1</id></item><item><id>2</id></item><item><id>10</id></item>"
    );
    assert_eq!(
        within("<item><w/></item>"),
        "<item><id>1</id><w>p</w></item>",
        "keys come along"
    );
    let overlap = "<item><id>1</id><v/></item><item><v>a</v><w/></item><item><id>1</id></item>";
    assert_eq!(within(overlap), [item1, item10].concat(), "no duplicates");
    assert_eq!(
        within("<tag>t2</tag><name/>"),
        "<name>n</name><tag>t2</tag>"
    );
    assert_eq!(within("<tag>t3</tag><name/>"), "");
    assert_eq!(within("<nope/>"), "");
    assert_eq!(within("<name nc:x='1'/>"), "", "no data has attributes");
    assert_eq!(subtree("<top xmlns='urn:other'/>"), "");
    assert_eq!(
        subtree("<top xmlns=''><name/></top>"),
        "<name>n</name>",
        "no namespace matches any"
    );
    let nested = "<group><members><member><mode>manual</mode><level/></member></members></group>";
    let manual = "<group><name>g</name><members><member><name>m2</name><mode>manual</mode><level>4</level></member></members></group>";
    assert_eq!(within(nested), manual);
    assert_eq!(
        within("<group><members><member><level>9</level></member></members></group>"),
        ""
    );
}

/// RFC 6243 section 4.5.1: "The defaults filtering is conceptually done before the <filter> parameter is processed."
#[test]
fn filters_look_at_the_data_that_the_mode_shows() {
    let tree = tree(
        "<group><name>g</name><members><member><name>unset</name></member>\
         <member><name>set</name><mode>auto</mode></member>\
         <member><name>other</name><mode>manual</mode></member></members></group>",
    );
    let members = |text: &str| {
        let text = format!(
            "<top xmlns='urn:small'><group><members><member>{text}</member></members></group></top>"
        );
        Filter::Subtree(SubtreeFilter::decode(&config(&text)))
    };
    let xpath = |text: &str| Filter::XPath(parse(text).unwrap());
    let names = |filter: &Filter, mode| {
        let xml = print(&tree, &tree.select(filter, mode).unwrap(), mode);
        let found = ["unset", "set", "other"].map(|name| {
            let there = xml.contains(&format!("<name>{name}</name>"));
            if there { name } else { "" }
        });
        found.join(" ").trim().to_owned()
    };
    use WithDefaults::{Explicit, ReportAll, ReportAllTagged, Trim};
    for (filter, explicit, trim, all) in [
        (members("<mode>auto</mode><name/>"), "set", "", "unset set"),
        (members("<mode>auto</mode>"), "set", "", "unset set"),
        (members("<mode>manual</mode>"), "other", "other", "other"),
        (xpath("//member[mode='auto']/name"), "set", "", "unset set"),
        (xpath("//member[not(mode)]/name"), "unset", "unset set", ""),
        (
            xpath("//member[mode]/name"),
            "set  other",
            "other",
            "unset set other",
        ),
        (xpath("//mode"), "set  other", "other", "unset set other"),
    ] {
        let told = [Explicit, Trim, ReportAll, ReportAllTagged].map(|mode| names(&filter, mode));
        let wanted =
            [explicit, trim, all, all].map(|names| names.replace("set  other", "set other"));
        let told = told.map(|names| names.replace("set  other", "set other"));
        assert_eq!(told, wanted, "{filter:?}");
    }
}

#[test]
fn xpath_selects_with_ancestors_and_keys() {
    let item2 = "<item><id>2</id><v>b</v></item>";
    for text in [
        "/s:top/s:item[s:id='2']",
        "/top/item[id=2]",
        "top/item[id = '2']",
        "/top/item['2' = id]",
        "//item[v='b']",
        "/top/item[2]",
        "/top/item[position()=2]",
        "/top/item[w]/following-sibling::item[1]",
        "/top/item[id='10']/preceding-sibling::item[1]",
        "/top/*[self::item][v = 'b']",
        "/top/item[not(v='a')]",
        "/top/item[contains(v, 'b') and string-length(v) = 1]",
        "/top/item[id > 1 and id < 10]",
        "/top/item[id + 1 = 3]",
        "/top/item[local-name() = 'item' and number(id) = 2]",
        "/top/child::item/v[. = 'b']/..",
        "(/top/item)[2]",
        "/top/item[last() - 1]",
        "//v[text()='b']/parent::node()",
        "/top/item[id=2] | /top/item[v='b']",
        "/descendant::item[2]",
        "/top/item[count(following-sibling::item) = 1]",
    ] {
        assert_eq!(xpath(text), item2, "{text}");
    }
    assert_eq!(
        xpath("/top/pair[b='2'][a='1']/v"),
        "<pair><a>1</a><b>2</b><v>z</v></pair>"
    );
    assert_eq!(xpath("/top/pair[b='2' and a='3']/v"), "");
    assert_eq!(xpath("/top/item/id[.=10]"), "<item><id>10</id></item>");
    assert_eq!(xpath("/top/tag[.='t2']"), "<tag>t2</tag>");
    assert_eq!(
        xpath("/top/name | /top/deep"),
        "<name>n</name><deep><b>x</b></deep>"
    );
    assert_eq!(xpath("/nope"), "");
    assert_eq!(xpath("//s:*[starts-with(., 'x')]"), "<deep><b>x</b></deep>");
    assert_eq!(
        xpath("/top/item[v=/top/item[id=10]/v]/id"),
        "<item><id>1</id></item><item><id>10</id></item>"
    );
    assert_eq!(xpath("/"), shown(&sample()));
}

#[test]
fn xpath_functions_and_numbers() {
    // Each condition holds, so the leaf is selected.
    for condition in [
        "count(/top/item) = 3",
        "sum(/top/item/id) = 13",
        "concat('a', 1, true()) = 'a1true'",
        "substring('12345', 1.5, 2.6) = '234'",
        "substring('12345', 2) = '2345'",
        "substring-before('a/b', '/') = 'a' and substring-after('a/b', '/') = 'b'",
        "normalize-space('  a  b ') = 'a b'",
        "translate('bar', 'abc', 'AB') = 'BAr'",
        "floor(1.5) = 1 and ceiling(1.5) = 2 and round(2.5) = 3 and round(-2.5) = -2",
        "5 mod 2 = 1 and 6 div 4 = 1.5 and 2 * 3 = 6 and - 1 < 0 and --1 = 1",
        "string(1 div 0) = 'Infinity' and string(0 div 0) = 'NaN' and string(3.0) = '3'",
        "boolean('') = false() and boolean('0') and not(0)",
        "namespace-uri(/top) = 'urn:small' and name(/top/deep) = 'deep'",
        "/top/item/id != 1 and not(/top/name != 'n')",
        "/top/item/id >= 10 and /top/item/id > /top/group/limit",
        "not(/top/count)",
        "string(/top/deep) = 'x'",
        "1 = 1 or 1 = 2 and 1 = 2",
        "string(current()/top/name) = 'n'",
        "/top/item = true()",
        ".5 < 0.6",
    ] {
        assert_eq!(
            xpath(&format!("/top/name[{condition}]")),
            "<name>n</name>",
            "{condition}"
        );
    }
}

/// RFC 7950 sections 9.10.3 and 9.13.2: an identity is named with a prefix that is declared where it stands;
/// its own module's, which replies write, is understood undeclared.
#[test]
fn xpath_compares_identities_by_what_they_name() {
    let tree = tree("<name>n</name><kind>s:one</kind><tag>s:one</tag>");
    let selects = |text: &str, prefix: &str| {
        let resolve = |p: &str| (p == prefix).then(|| "urn:small".to_owned());
        let xpath = XPath::parse(text, &resolve, "urn:small").unwrap();
        let found = tree
            .select(&Filter::XPath(xpath), WithDefaults::Explicit)
            .unwrap();
        !print(&tree, &found, WithDefaults::Explicit).is_empty()
    };
    for (text, prefix, expected) in [
        ("/top/kind[.='p:one']", "p", true),
        ("/top/kind['p:one'=text()]", "p", true),
        ("/top[kind='p:one']/name", "p", true),
        ("/top/kind[.='s:one']", "p", true),
        ("/top/kind[.='small:one']", "p", true),
        ("/top/kind[.='small:one']", "small", true),
        ("/top/kind[.='q:one']", "p", false),
        ("/top/kind[.='p:base']", "p", false),
        ("/top/kind[.!='p:one']", "p", false),
        ("/top/kind[.!='p:base']", "p", true),
        ("/top/kind[.='one']", "p", false),
        ("/top/tag[.='p:one']", "p", false),
        ("/top/tag[.='s:one']", "p", true),
        ("/top[kind=concat('p:', 'one')]", "p", false),
    ] {
        assert_eq!(selects(text, prefix), expected, "{text} {prefix}");
    }
}

#[test]
fn xpath_refuses_what_is_not_a_filter() {
    let invalid = |text: &str| {
        let error = try_xpath(text).unwrap_err();
        assert!(
            matches!(error.kind, ErrorKind::InvalidValue { .. }),
            "{text}: {error}"
        );
    };
    for text in [
        "",
        "/top[",
        "/top]",
        "1",
        "'a'",
        "count(/top)",
        "/x:top",
        "/top/item[foo()]",
        "/top/",
        "//",
        "/top/item[count()]",
        "a b",
        "/top/item[id='1]",
        "$x",
        "!",
        "/top/sideways::a",
        "true()",
        "/top/item[count(1)]",
        "x:foo()",
        "/top//",
        "(",
        "/top/item[]",
        "p:*",
    ] {
        invalid(text);
    }
    for text in [
        "(".repeat(65),
        format!("{}1{}", "(".repeat(65), ")".repeat(65)),
        format!("/top[{}]", vec!["1"; 300].join("+")),
        format!("/top/{}", "a".repeat(4096)),
    ] {
        let error = try_xpath(&text).unwrap_err();
        assert_eq!(error.kind, ErrorKind::ResourceDenied, "{text:.40}");
    }
}

/// Without variables an expression's type is known at once: a subscription is refused when it is made.
#[test]
fn types_are_judged_before_anything_is_evaluated() {
    for text in [
        "/nope[count(1)]",
        "/nope[sum('a')]",
        "/nope['a' | b]",
        "/nope[(1)[2]]",
        "/nope['a'/b]",
        "/nope[name(1)]",
        "/nope/nope::*",
        "/nope[p:child::b]",
        "/nope[derived-from(., 'x')]",
        "string(/top)",
        "/top = 1",
        "-/top",
    ] {
        let error = parse(text).unwrap_err();
        assert!(
            matches!(error.kind, ErrorKind::InvalidValue { .. }),
            "{text}: {error}"
        );
    }
    for text in [
        "id('x')",
        "current()",
        "(/top)[1]",
        "id('x')/a | /top",
        "/top/namespace::*",
    ] {
        assert!(parse(text).is_ok(), "{text}");
    }
}

#[test]
fn xpath_has_a_budget() {
    let tree = sample();
    let nasty = parse("//*[//*[//*[//*[//*]]]]").unwrap();
    let filter = Filter::XPath(nasty);
    let error = tree
        .select_within(&filter, WithDefaults::ReportAll, &mut Budget::new(20_000))
        .unwrap_err();
    assert_eq!(error.kind, ErrorKind::ResourceDenied);
}

#[test]
fn key_predicates_prune_the_walk() {
    let items: String = (0..5_000)
        .map(|i| format!("<item><id>{i}</id><v>a</v></item>"))
        .collect();
    let tree = tree(&items);
    for text in [
        "/top/item[id='77']/v",
        "top/item[id=77]",
        "/s:top/s:item[s:v='a'][s:id='77']",
    ] {
        let filter = Filter::XPath(parse(text).unwrap());
        let selected = tree
            .select_within(&filter, WithDefaults::ReportAll, &mut Budget::new(200))
            .unwrap();
        assert!(
            print(&tree, &selected, WithDefaults::Explicit).contains("<id>77</id>"),
            "{text}"
        );
    }
    let filter = config("<top xmlns='urn:small'><item><id>77</id></item></top>");
    let filter = Filter::Subtree(SubtreeFilter::decode(&filter));
    assert!(
        !tree
            .select_within(&filter, WithDefaults::ReportAll, &mut Budget::new(200))
            .unwrap()
            .is_none()
    );
}

#[test]
fn a_search_goes_only_where_the_schema_leads() {
    let items: String = (0..5_000)
        .map(|i| format!("<item><id>{i}</id></item>"))
        .collect();
    let tree = tree(&format!(
        "{items}<group><name>g</name><members><member><name>m</name></member></members></group>"
    ));
    let filter = Filter::XPath(parse("//member[name='m']/mode").unwrap());
    // The top's own children are listed; no item is looked into.
    let selected = tree
        .select_within(&filter, WithDefaults::ReportAll, &mut Budget::new(5_200))
        .unwrap();
    assert!(!selected.is_none());
}

#[test]
fn an_unprefixed_name_falls_back_to_any_module() {
    let tree = sample();
    let xpath = XPath::parse("/top/name", &|_| None, "urn:elsewhere").unwrap();
    let selected = tree
        .select(&Filter::XPath(xpath), WithDefaults::Explicit)
        .unwrap();
    assert_eq!(
        print(&tree, &selected, WithDefaults::Explicit),
        "<name>n</name>"
    );
}

#[test]
fn with_defaults_modes() {
    let tree = tree("<count>7</count><deep><b>1</b></deep><item><id>1</id></item>");
    let top = Filter::XPath(parse("/top").unwrap());
    let whole = |tree: &Tree, mode| print(tree, &tree.select(&top, mode).unwrap(), mode);
    let mode = |mode| whole(&tree, mode);
    assert_eq!(
        mode(WithDefaults::Explicit),
        "<count>7</count><deep><b>1</b></deep><item><id>1</id></item>"
    );
    assert_eq!(
        mode(WithDefaults::Trim),
        "<deep><b>1</b></deep><item><id>1</id></item>"
    );
    assert_eq!(
        mode(WithDefaults::ReportAll),
        "<count>7</count><deep><a>x</a><b>1</b></deep><n1>d</n1><item><id>1</id></item>"
    );
    let tag = format!(" xmlns:wd=\"{DEFAULT_NS}\" wd:default=\"true\"");
    assert_eq!(
        mode(WithDefaults::ReportAllTagged),
        format!(
            "<count>7</count><deep><a{tag}>x</a><b>1</b></deep><n1{tag}>d</n1><item><id>1</id></item>"
        )
    );
    let other_case = super::tree("<f1>x</f1>");
    let all = whole(&other_case, WithDefaults::ReportAll);
    assert_eq!(all, "<count>7</count><deep><a>x</a></deep><f1>x</f1>");
    let filter = Filter::XPath(parse("/top/deep/a").unwrap());
    for (mode, expected) in [
        (WithDefaults::Explicit, ""),
        (WithDefaults::ReportAll, "<deep><a>x</a></deep>"),
    ] {
        let selected = tree.select(&filter, mode).unwrap();
        assert_eq!(print(&tree, &selected, mode), expected);
    }
    let filter = config("<top xmlns='urn:small'><deep><a/></deep></top>");
    let selected = tree
        .select(
            &Filter::Subtree(SubtreeFilter::decode(&filter)),
            WithDefaults::ReportAll,
        )
        .unwrap();
    assert_eq!(
        print(&tree, &selected, WithDefaults::ReportAll),
        "<deep><a>x</a></deep>"
    );
}

#[test]
fn long_replies_come_in_pieces() {
    let items: String = (0..500)
        .map(|i| format!("<item><id>{i}</id><v>value</v></item>"))
        .collect();
    let tree = tree(&items);
    let mut out = xml::Writer::new();
    let mut pieces = Vec::new();
    let options = PrintOptions {
        with_defaults: WithDefaults::Explicit,
        state: true,
    };
    write_xml_pieces(
        &tree,
        &Selection::all(),
        options,
        &mut out,
        1000,
        &mut |piece| pieces.push(piece),
    );
    assert!(pieces.len() > 10 && pieces.iter().all(|piece| piece.len() < 1200));
    pieces.push(out.finish());
    assert_eq!(pieces.concat(), explicit_xml(&tree));
}

const EVENT: &str = "<escEvent xmlns='http://www.cisco.com/esc/esc'><status>SUCCESS</status>\
    <depname>d</depname><tenant>t</tenant><vm_source><vmid>1</vmid></vm_source>\
    <event><type>VM_ALIVE</type></event></escEvent>";

#[test]
fn notifications_pass_subtree_filters() {
    let event = xml::parse_str(EVENT).unwrap();
    let wants = |filter: &str| {
        let filter = SubtreeFilter::decode(&config(filter));
        let wanted = Filter::Subtree(filter).wants(&[&event], &mut Budget::default());
        wanted.unwrap()
    };
    let esc = |content: &str| {
        wants(&format!(
            "<escEvent xmlns='http://www.cisco.com/esc/esc'>{content}</escEvent>"
        ))
    };
    assert!(!wants(""));
    assert!(esc(""));
    assert!(!wants("<escEvent xmlns='urn:x'/>"));
    assert!(wants("<escEvent xmlns=''/>"));
    assert!(esc("<tenant>t</tenant>") && !esc("<tenant>u</tenant>"));
    assert!(esc("<tenant/>") && !esc("<nope/>"));
    assert!(esc(
        "<tenant>t</tenant><event><type>VM_ALIVE</type></event>"
    ));
    assert!(!esc(
        "<tenant>t</tenant><event><type>VM_DEPLOYED</type></event>"
    ));
    assert!(esc(
        "<event><type>VM_DEPLOYED</type></event><event><type>VM_ALIVE</type></event>"
    ));
    assert!(esc("<tenant>t</tenant><nope/>"));
}

#[test]
fn notifications_pass_xpath_filters() {
    let event = xml::parse_str(EVENT).unwrap();
    let wants = |text: &str| {
        let xpath = XPath::parse(text, &|_| None, "http://www.cisco.com/esc/esc").unwrap();
        Filter::XPath(xpath).wants(&[&event], &mut Budget::default())
    };
    for text in [
        "/escEvent",
        "escEvent",
        "//type",
        "/escEvent[tenant='t' and event/type='VM_ALIVE']",
        "/escEvent/vm_source[vmid=1]",
        "/*",
    ] {
        assert!(wants(text).unwrap(), "{text}");
    }
    for text in [
        "/escEvent[tenant='u']",
        "/nope",
        "/escEvent/event[type='X']",
    ] {
        assert!(!wants(text).unwrap(), "{text}");
    }
    assert!(XPath::parse("1 = 1", &|_| None, "").is_err());
}
