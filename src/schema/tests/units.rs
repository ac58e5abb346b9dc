//! Units: judged alone, in the skeleton of their ancestors.

use super::*;

#[test]
fn what_the_skeleton_lacks_is_not_told() {
    let schema = Schema::load_with(&[module(
        "nested",
        "module nested { yang-version 1.1; namespace urn:n; prefix n;
           import lifeline-unit { prefix lu; }
           container c {
             leaf owner { type string; mandatory true; }
             list outer { key k; lu:unit;
               leaf k { type string; } leaf m { type string; mandatory true; }
               list inner { key k; lu:unit; must '../k = k' { error-app-tag not-alike; }
                 leaf k { type string; } leaf m { type string; mandatory true; } } } } }",
    )])
    .expect("a correct module");
    let judge = |xml: &str| short(schema.validate_unit(xml).map(drop));
    let name = || ErrorKind::Mandatory {
        name: "m".to_owned(),
    };
    let inner = "<c xmlns='urn:n'><outer><k>1</k><inner><k>1</k><m/></inner></outer></c>";
    assert_eq!(judge(inner), []);
    let inner = "<c xmlns='urn:n'><outer><k>1</k><inner><k>1</k></inner></outer></c>";
    let path = "/n:c/n:outer[n:k='1']/n:inner[n:k='1']";
    assert_eq!(judge(inner), one(name(), path, None));
    // The key of an ancestor is in the skeleton, so that a must may read it.
    let inner = "<c xmlns='urn:n'><outer><k>1</k><inner><k>2</k><m/></inner></outer></c>";
    let path = "/n:c/n:outer[n:k='1']/n:inner[n:k='2']";
    assert_eq!(judge(inner), one(ErrorKind::Must, path, Some("not-alike")));
    let outer = "<c xmlns='urn:n'><outer><k>1</k></outer></c>";
    assert_eq!(judge(outer), one(name(), "/n:c/n:outer[n:k='1']", None));
    let root = "<c xmlns='urn:n'/>";
    let owner = ErrorKind::Mandatory {
        name: "owner".to_owned(),
    };
    assert_eq!(judge(root), one(owner, "/n:c", None));
}

#[test]
fn a_constraint_that_reads_outside_its_unit_stops_the_load() {
    // (statement inside list outer or inner, what it reads)
    let inside_inner = [
        ("must '../m'", "/n:c/n:outer/n:m"),
        ("must '/n:c/n:top'", "/n:c/n:top"),
        ("must 'count(../inner) < 3'", "/n:c/n:outer/n:inner"),
        ("must 'not(../../outer[k = 1])'", "/n:c/n:outer"),
        ("must 'count(../*) < 3'", "/n:c/n:outer"),
        ("must '//m'", "/n:c/n:outer/n:m"),
        ("min-elements 1", "/n:c/n:outer/n:inner"),
        ("max-elements 9", "/n:c/n:outer/n:inner"),
        ("unique m", "/n:c/n:outer/n:inner"),
        (
            "leaf l { type leafref { path '../../m'; } }",
            "/n:c/n:outer/n:m",
        ),
        (
            "leaf l { type leafref { path '/n:c/n:outer/n:k'; } }",
            "/n:c/n:outer",
        ),
        ("leaf l { when '../../../top'; type string; }", "/n:c/n:top"),
        ("leaf l { type instance-identifier; }", "any node"),
        (
            "leaf l { type union { type uint8; type leafref { path '../../m'; } } }",
            "/n:c/n:outer/n:m",
        ),
    ];
    for (statement, target) in inside_inner {
        let end = if statement.ends_with('}') { "" } else { ";" };
        let text = format!(
            "module n {{ yang-version 1.1; namespace urn:n; prefix n;
               import lifeline-unit {{ prefix lu; }}
               container c {{
                 leaf top {{ type string; }}
                 list outer {{ key k; lu:unit;
                   leaf k {{ type string; }} leaf m {{ type string; }}
                   list inner {{ key k; lu:unit; {statement}{end}
                     leaf k {{ type string; }} leaf m {{ type string; }} }} }} }} }}"
        );
        let text: &'static str = Box::leak(text.into_boxed_str());
        match Schema::load_with(&[module("n", text)]) {
            Err(SchemaError::Reach {
                target: found,
                path,
                ..
            }) => {
                assert!(
                    path.starts_with("/n:c/n:outer/n:inner"),
                    "{statement}: {path}"
                );
                assert!(target.is_empty() || found == target, "{statement}: {found}");
            }
            other => panic!("{statement}: {other:?}"),
        }
    }
}

#[test]
fn a_constraint_that_stays_inside_loads() {
    for statement in [
        "must '../k = k';",
        "must 'count(below) < 3';",
        "leaf l { type leafref { path '../m'; } }",
        "leaf l { type leafref { path '../../k'; } }",
        "leaf l { type leafref { path '../../m'; require-instance false; } }",
        "leaf l { type instance-identifier { require-instance false; } }",
        "leaf l { when \"current()/../m = 'x'\"; type string; }",
    ] {
        let text = format!(
            "module n {{ yang-version 1.1; namespace urn:n; prefix n;
               import lifeline-unit {{ prefix lu; }}
               container c {{
                 list outer {{ key k; lu:unit; leaf k {{ type string; }} leaf m {{ type string; }}
                   list inner {{ key k; lu:unit; {statement}
                     leaf k {{ type string; }} leaf m {{ type string; }}
                     list below {{ key k; leaf k {{ type string; }} }} }} }} }} }}"
        );
        let text: &'static str = Box::leak(text.into_boxed_str());
        if let Err(error) = Schema::load_with(&[module("n", text)]) {
            panic!("{statement}: {error}");
        }
    }
}

#[test]
fn the_unit_mark_stands_only_on_lists_of_configuration() {
    for node in [
        "container x { lu:unit; }",
        "list x { config false; key k; lu:unit; leaf k { type string; } }",
    ] {
        let text = format!(
            "module n {{ yang-version 1.1; namespace urn:n; prefix n;
               import lifeline-unit {{ prefix lu; }} {node} }}"
        );
        let text: &'static str = Box::leak(text.into_boxed_str());
        let error = Schema::load_with(&[module("n", text)]).expect_err(node);
        assert_eq!(error, SchemaError::NotAUnit("/n:x".to_owned()));
    }
}

#[test]
fn a_module_that_is_wrong_or_raises_a_warning_is_named() {
    for text in [
        "module broken { namespace urn:x; prefix x; leaf a { type nothing; } }",
        // A must that can never be true about a node that is not there: a warning.
        "module broken { namespace urn:x; prefix x; container c { must 'nowhere'; } }",
    ] {
        match Schema::load_with(&[module(
            "broken",
            Box::leak(text.to_owned().into_boxed_str()),
        )]) {
            Err(SchemaError::Module { module, message }) => {
                assert_eq!(module, "broken");
                assert!(!message.is_empty());
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn the_verdicts_of_the_units_add_up_to_that_of_the_whole() {
    let deployment = |name: &str, min: u32, max: u32| {
        format!(
            "<deployment><name>{name}</name><vm_group><name>g</name>\
             <bootup_time>20</bootup_time><recovery_wait_time>0</recovery_wait_time><scaling>\
             <min_active>{min}</min_active><max_active>{max}</max_active></scaling></vm_group>\
             </deployment>"
        )
    };
    for (first, second) in [((1, 1), (2, 2)), ((2, 1), (2, 2)), ((2, 1), (5, 2))] {
        let first = deployment("a", first.0, first.1);
        let second = deployment("b", second.0, second.1);
        let whole = tenant(&format!("<deployments>{first}{second}</deployments>"));
        let mut alone = Vec::new();
        for unit in [&first, &second] {
            alone.extend(wrong(&tenant(&format!(
                "<deployments>{unit}</deployments>"
            ))));
        }
        assert_eq!(short(schema().validate_data(&whole)), alone);
    }
}
