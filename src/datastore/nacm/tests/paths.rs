//! What a rule's path may be, how it is kept and shown (RFC 8341 section 3.5.2, RFC 7950 sections 9.13 and 14).

use super::*;
use crate::datastore::{ErrorKind, explicit_xml};

const NCM: &str = "urn:ietf:params:xml:ns:yang:ietf-netconf-monitoring";

/// The configuration with a rule about this path; `x` is bound to the module `g` as well.
fn configured(text: &str) -> Result<Tree, crate::datastore::Error> {
    let text = text.replace('"', "&quot;");
    let path = format!(
        "<path xmlns:g='{G}' xmlns:h='{H}' xmlns:p='{P}' xmlns:x='{G}' xmlns:n='{NCM}' xmlns:u='urn:unknown'>{text}</path>"
    );
    let config = format!("<config>{}</config>", rules("ops", &[(&path, "permit")]));
    let edit = EditTree::decode(schema(), &xml::parse_str(&config).unwrap())?;
    let tree = Tree::empty(schema())
        .edit(&edit, DefaultOperation::Merge, ErrorOption::Rollback)
        .unwrap();
    // libyang sees it here.
    Ok(tree.validate(Some(&Tree::empty(schema()))).unwrap())
}

fn kept(tree: &Tree) -> String {
    let list = tree.view().container("ietf-netconf-acm:nacm").unwrap();
    let list = list.entry("rule-list", &["l"]).unwrap();
    let rule = list.entry("rule", &["r0"]).unwrap();
    rule.text("path").unwrap().to_owned()
}

/// The element as a reply has it.
fn shown(tree: &Tree) -> String {
    let all = explicit_xml(tree);
    let start = all.find("<path").unwrap();
    let end = all.find("</path>").unwrap();
    all[start..end].replace("&quot;", "\"")
}

#[test]
fn a_path_names_all_keys_some_or_none() {
    for (text, expected) in [
        ("/", "/"),
        (" \n/ ", "/"),
        ("/g:top", "/g:top"),
        ("/p:p/p:trio", "/p:p/trio"),
        ("/p:p/p:trio[p:name='a']", "/p:p/trio[name='a']"),
        ("/p:p/p:trio[p:kind='1']", "/p:p/trio[kind='1']"),
        ("/p:p/p:trio[p:color='p:red']", "/p:p/trio[color='p:red']"),
        (
            "/p:p/p:trio[p:kind='1'][p:name='a']",
            "/p:p/trio[kind='1'][name='a']",
        ),
        (
            "/p:p/p:trio[p:color='p:red'][p:kind='1'][p:name='a']",
            "/p:p/trio[color='p:red'][kind='1'][name='a']",
        ),
        (
            "/p:p/p:trio[p:name='a']/p:inner[p:id='i']/p:v",
            "/p:p/trio[name='a']/inner[id='i']/v",
        ),
        ("/p:p/p:trio/p:inner[p:id='i']", "/p:p/trio/inner[id='i']"),
        ("/p:p/p:trio/p:tag[.='t']", "/p:p/trio/tag[.='t']"),
        ("/p:p/p:trio/p:tag[.=$USER]", "/p:p/trio/tag[.=$USER]"),
        ("/p:p/p:trio[p:name=$USER]", "/p:p/trio[name=$USER]"),
        ("/g:top/g:item/h:extra", "/g:top/item/h:extra"),
        ("/p:p/p:trio[p:kind='1']/p:near", "/p:p/trio[kind='1']/near"),
        (
            "/p:p/p:trio[p:kind='1']/p:reset",
            "/p:p/trio[kind='1']/reset",
        ),
        ("/p:p/p:trio/p:changed", "/p:p/trio/changed"),
        ("/p:p/p:state/p:log", "/p:p/state/log"),
        ("/p:p/p:state/p:log[2]/p:line", "/p:p/state/log[2]/line"),
        ("/p:p/p:state/p:seen[.='01']", "/p:p/state/seen[.='1']"),
        // Values are those of the key's type.
        ("/g:top/g:item[g:kind=' 01 ']", "/g:top/item[kind='1']"),
        ("/g:top/g:item[g:kind=1]", "/g:top/item[kind='1']"),
        ("/p:p/p:trio[p:color='red']", "/p:p/trio[color='p:red']"),
        // Other prefixes, or that of the node above.
        ("/x:top/g:item[x:name='a']", "/g:top/item[name='a']"),
        ("/g:top/item[name='a']", "/g:top/item[name='a']"),
        // Any text, quoted either way, with white space around all of it.
        (
            " / g:top / g:item [ g:name = 'a' ]\n\t[g:kind =\r\n'1'] ",
            "/g:top/item[name='a'][kind='1']",
        ),
        (
            "/g:top/g:item[g:name=\"it's [x='y']/z\"]",
            "/g:top/item[name=\"it's [x='y']/z\"]",
        ),
        (
            "/g:top/g:item[g:name='say \"g:top\"']",
            "/g:top/item[name='say \"g:top\"']",
        ),
        ("/g:top/g:item[g:name='']", "/g:top/item[name='']"),
        (
            "/g:top/g:item[g:name='h:x q:y $USER']",
            "/g:top/item[name='h:x q:y $USER']",
        ),
    ] {
        let tree = configured(text).unwrap_or_else(|e| panic!("{text}: {e:?}"));
        assert_eq!(kept(&tree), expected, "{text}");
        // As rows of the store, which are what replies show, it comes back the same.
        let rows = tree.changed_units(&Tree::empty(schema())).into_iter();
        let rows: Vec<_> = rows.map(|unit| (unit.path, unit.bytes.unwrap())).collect();
        let again = Tree::from_units(schema(), rows).unwrap();
        assert_eq!(kept(&again), expected, "{text} again");
        assert!(again.validate(Some(&Tree::empty(schema()))).is_ok());
    }
}

#[test]
fn what_libyang_prints_of_a_path_is_read_as_it_was_given() {
    for text in [
        "/",
        "/g:top/item[name=$USER]/h:extra",
        "/p:p/trio[color='p:red']",
        "/g:top/item[name='p:x']",
    ] {
        let inner =
            format!("<rule><name>r0</name><path>{text}</path><action>permit</action></rule>");
        let printed = nacm(&format!("<rule-list><name>l</name>{inner}</rule-list>"));
        let edit = crate::datastore::units::decode_printed(schema(), &printed).unwrap();
        let tree = Tree::empty(schema())
            .edit(&edit, DefaultOperation::Merge, ErrorOption::Rollback)
            .unwrap();
        assert_eq!(kept(&tree), text);
    }
}

#[test]
fn a_path_is_shown_with_prefixes_that_are_declared() {
    for (text, expected) in [
        ("/", "<path>/".to_owned()),
        (
            "/x:top/x:item[x:name=$USER]/h:extra",
            format!("<path xmlns:g=\"{G}\" xmlns:h=\"{H}\">/g:top/g:item[g:name=$USER]/h:extra"),
        ),
        (
            "/n:netconf-state/n:schemas/n:schema[n:format='n:yang']",
            format!(
                "<path xmlns:ncm=\"{NCM}\">/ncm:netconf-state/ncm:schemas/ncm:schema[ncm:format='ncm:yang']"
            ),
        ),
        (
            "/g:top/g:item[g:name=\"it's\"]",
            format!("<path xmlns:g=\"{G}\">/g:top/g:item[g:name=\"it's\"]"),
        ),
    ] {
        assert_eq!(shown(&configured(text).unwrap()), expected);
    }
}

#[test]
fn what_is_no_path_to_data_is_refused() {
    let mut wrong = Vec::new();
    for (text, why) in [
        ("", "a path starts with a slash"),
        ("g:top", "a path starts with a slash"),
        ("//g:top", "this is no instance path from here on: /g:top"),
        ("/g:top/", "the path ends too early"),
        ("/g:top//g:item", "this is no instance path"),
        ("/top", "the first name of a path needs a prefix"),
        ("/q:top", "a prefix in the value is not declared"),
        ("/u:top", "a prefix in the value is not declared"),
        (
            "/g:plain",
            "no data node, action or notification plain is known in /",
        ),
        ("/g:top/g:nothing", "nothing is known in /g:top"),
        ("/g:top/g:item/g:extra", "extra is known in /g:top/g:item"),
        ("/g:top/g:item/extra", "extra is known in /g:top/g:item"),
        // Choices and cases are no data; rpcs, notifications at the top and outputs are tied to none.
        ("/g:top/g:way", "way is known"),
        ("/g:top/g:way/g:near/g:near", "way is known"),
        ("/p:call", "call is known in /"),
        ("/p:event", "event is known in /"),
        ("/p:p/p:trio/p:reset/p:done", "done is known"),
        ("/p:p/p:trio/p:reset/p:input", "input is known"),
        // Only keys, each once, of values that they can have.
        ("/g:top/g:item[g:value='x']", "value is not a key of item"),
        ("/g:top/g:item[g:color='x']", "color is not a key of item"),
        ("/g:top/g:item[h:name='x']", "name is not a key of item"),
        ("/g:top/g:item[q:name='x']", "a prefix in the value"),
        ("/g:top/g:item[g:kind='1'][g:kind='1']", "about the same"),
        ("/g:top/g:item[g:kind='x']", "Invalid type int8 value \"x\""),
        ("/g:top/g:item[g:kind='500']", "500"),
        ("/p:p/p:trio[p:color='g:red']", "identityref"),
        ("/p:p/p:trio[p:color='q:red']", "a prefix in the value"),
        ("/g:top[g:plain='x']", "plain is not a key of top"),
        ("/g:top/g:plain[.='x']", "plain is no leaf-list"),
        ("/g:top/g:item[.='x']", "item is no leaf-list"),
        ("/g:top/g:tag[g:tag='x']", "tag is not a key of tag"),
        ("/g:top/g:tag[.='a'][.='b']", "about the same"),
        // Positions are for lists without keys (RFC 7950 section 9.13).
        ("/g:top/g:item[1]", "only a list without keys has positions"),
        ("/g:top/g:tag[1]", "only a list without keys has positions"),
        ("/p:p/p:state/p:seen[1]", "only a list without keys"),
        ("/p:p/p:state/p:log[0]", "0 is no position"),
        ("/p:p/p:state/p:log[1.5]", "1.5 is no position"),
        ("/p:p/p:state/p:log[1][2]", "about the same"),
        ("/p:p/p:state/p:log[p:line='x']", "line is not a key of log"),
        // No XPath beyond that.
        ("/g:top/*", "this is no instance path from here on: *"),
        ("/g:*", "this is no instance path"),
        ("/g:top/..", "this is no instance path"),
        ("/g:top/.", "this is no instance path"),
        ("/g:top/g:plain/text()", "text is known in /g:top/g:plain"),
        (
            "/g:top | /g:other",
            "this is no instance path from here on: | /g:other",
        ),
        ("/child::g:top", "this is no instance path"),
        (
            "/g:top/g:item[g:name=concat('a','b')]",
            "from here on: concat",
        ),
        ("/g:top/g:item[g:name='a' and 1]", "from here on: and 1]"),
        ("/g:top/g:item[g:name!='a']", "from here on: !='a']"),
        ("/g:top/g:item[g:name=$OTHER]", "the only variable is $USER"),
        (
            "/g:top/g:item[g:name=$g:USER]",
            "the only variable is $USER",
        ),
        ("/g:top/g:item[g:name=$ USER]", "the only variable is $USER"),
        ("/g:top/g:item[g:name=$USERS]", "the only variable is $USER"),
        (
            "/g:top/g:item[]",
            "this is no instance path from here on: ]",
        ),
        ("/g:top/g:item[", "the path ends too early"),
        ("/g:top/g:item[g:name", "the path ends too early"),
        ("/g:top/g:item[g:name=", "the path ends too early"),
        ("/g:top/g:item[g:name='a", "a quotation is not closed"),
        ("/g:top/g:item[g:name='a'", "the path ends too early"),
        ("/g:top/g:item[g:name=a]", "from here on: a]"),
        ("/g:top]", "from here on: ]"),
        ("/g:", "the path ends too early"),
        ("/:top", "from here on: :top"),
        ("/g: top", "from here on:  top"),
        ("/g :top", "the first name of a path needs a prefix"),
        ("/g:top:x", "from here on: :x"),
        ("/g:top x", "from here on: x"),
        ("/g:tóp", "known in /"),
    ] {
        match configured(text).map(|tree| kept(&tree)) {
            Ok(kept) => wrong.push(format!("{text} is kept as {kept}")),
            Err(error) => {
                let at =
                    "/nacm:nacm/nacm:rule-list[nacm:name='l']/nacm:rule[nacm:name='r0']/nacm:path";
                assert_eq!(error.path, at, "{text}");
                assert_eq!(error.kind, ErrorKind::InvalidValue { app_tag: None });
                if !error.message.contains(why) {
                    wrong.push(format!("{text}: {} instead of {why}", error.message));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn a_position_is_that_of_an_entry_without_keys() {
    use crate::datastore::keys::Keys;
    let schema = schema();
    let log = crate::datastore::Location::parse(schema, "/p:p/p:state/p:log").unwrap();
    let nacm = ops(&rules(
        "ops",
        &[(
            &format!("<path xmlns:p='{P}'>/p:p/p:state/p:log[2]</path>"),
            "deny",
        )],
    ));
    for (index, seen) in [(0, true), (1, false), (2, true)] {
        let mut entry = log.clone();
        let last = entry.0.last_mut().unwrap();
        last.keys = Some(Keys::single(index.to_string()));
        assert_eq!(nacm.sees(&entry), seen, "{index}");
    }
}
