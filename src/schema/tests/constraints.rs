//! Every kind of error, with its exact path and error-app-tag (RFC 7950 section 15).

use super::*;

#[test]
fn a_missing_mandatory_leaf_is_told_with_the_path_of_its_parent() {
    let xml = deployment("<vm_group><name>g</name></vm_group>");
    let mandatory = |name: &str| {
        one(
            ErrorKind::Mandatory {
                name: name.to_owned(),
            },
            GROUP,
            None,
        )
    };
    let mut expected = mandatory("bootup_time");
    expected.extend(mandatory("recovery_wait_time"));
    assert_eq!(wrong(&xml), expected);
}

#[test]
fn a_missing_mandatory_choice_has_the_tag_missing_choice() {
    let xml = group("<config_data><configuration><dst>x</dst></configuration></config_data>");
    assert_eq!(
        wrong(&xml),
        one(
            ErrorKind::MandatoryChoice {
                choice: "source".to_owned()
            },
            format!("{GROUP}/esc:config_data/esc:configuration[esc:dst='x']"),
            Some("missing-choice"),
        )
    );
}

#[test]
fn nodes_of_two_cases_are_refused() {
    let xml = group(
        "<config_data><configuration><dst>x</dst><file>f</file><data>d</data></configuration>\
         </config_data>",
    );
    // libyang tells the choice, not the entry: the path has no keys.
    assert_eq!(
        wrong(&xml),
        one(
            ErrorKind::MultipleCases,
            "/esc:esc_datamodel/esc:tenants/esc:tenant/esc:deployments/esc:deployment\
             /esc:vm_group/esc:config_data/esc:configuration",
            None,
        )
    );
}

#[test]
fn a_must_has_its_own_message_and_tag_where_the_module_gives_them() {
    let xml = group("<scaling><min_active>3</min_active><max_active>2</max_active></scaling>");
    let errors = schema().validate_unit(&xml).expect_err("max below min");
    let [error] = errors.as_slice() else {
        panic!("{errors:?}");
    };
    assert_eq!(error.kind, ErrorKind::Must);
    assert_eq!(error.path, format!("{GROUP}/esc:scaling/esc:max_active"));
    assert_eq!(error.app_tag.as_deref(), Some("bad-scaling"));
    assert_eq!(error.message, "max_active is not below min_active");
    let node = error.schema_node.expect("a node of the schema");
    assert_eq!(&*schema().node(node).name, "max_active");
}

#[test]
fn a_must_without_a_tag_of_its_own_is_a_must_violation() {
    let schema = Schema::load_with(&[module(
        "plain-must",
        "module plain-must { namespace urn:m; prefix m;
           container c { leaf a { type uint8; must '. > 1'; } } }",
    )])
    .expect("a correct module");
    let xml = "<c xmlns='urn:m'><a>1</a></c>";
    assert_eq!(
        short(schema.validate_unit(xml).map(drop)),
        one(ErrorKind::Must, "/m:c/m:a", Some("must-violation"))
    );
}

#[test]
fn interfaces_count_without_a_gap_and_mac_addresses_are_unique() {
    let xml = group(
        "<interfaces>\
         <interface><nicid>0</nicid><network>n</network>\
         <mac_address>00:00:00:00:00:0A</mac_address></interface>\
         <interface><nicid>2</nicid><network>n</network>\
         <mac_address>00:00:00:00:00:0a</mac_address></interface></interfaces>",
    );
    let errors = schema().validate_unit(&xml).expect_err("two things wrong");
    let [gap, same] = errors.as_slice() else {
        panic!("{errors:?}");
    };
    assert_eq!(gap.kind, ErrorKind::Must);
    assert_eq!(gap.path, format!("{GROUP}/esc:interfaces"));
    assert_eq!(gap.app_tag.as_deref(), Some("nicid-not-contiguous"));
    let entry = |nicid: u8| format!("{GROUP}/esc:interfaces/esc:interface[esc:nicid='{nicid}']");
    assert_eq!(same.kind, ErrorKind::DataNotUnique);
    assert_eq!(same.path, entry(2));
    assert_eq!(same.app_tag.as_deref(), Some("data-not-unique"));
    assert_eq!(same.message, "two entries have the same mac_address");
    let leaf = |nicid: u8| format!("{}/esc:mac_address", entry(nicid));
    assert_eq!(same.non_unique, [leaf(0), leaf(2)]);
}

#[test]
fn a_leafref_that_names_nothing_is_instance_required() {
    let xml = group(
        "<rules><admin_rules><rule><event_name>k</event_name><action>ALWAYS log</action></rule>\
         </admin_rules></rules>",
    );
    assert_eq!(
        wrong(&xml),
        one(
            ErrorKind::LeafrefMissing,
            format!(
                "{GROUP}/esc:rules/esc:admin_rules/esc:rule[esc:event_name='k']/esc:event_name"
            ),
            Some("instance-required"),
        )
    );
}

#[test]
fn a_rule_cannot_name_the_kpi_of_another_group() {
    let kpi = "<kpi_data><kpi><event_name>k</event_name><metric_value>1</metric_value>\
               <metric_cond>GT</metric_cond><metric_type>UINT32</metric_type><metric_collector>\
               <type>ICMPPing</type><nicid>0</nicid><poll_frequency>3</poll_frequency>\
               <polling_unit>seconds</polling_unit><continuous_alarm>false</continuous_alarm>\
               </metric_collector></kpi></kpi_data>";
    let interface = "<interfaces><interface><nicid>0</nicid><network>n</network></interface>\
                     </interfaces>";
    let rule = "<rules><admin_rules><rule><event_name>k</event_name></rule></admin_rules></rules>";
    let times = "<bootup_time>20</bootup_time><recovery_wait_time>0</recovery_wait_time>";
    let both = |first: &str, second: &str| {
        deployment(&format!(
            "<vm_group><name>g</name>{times}{interface}{first}</vm_group>\
             <vm_group><name>h</name>{times}{interface}{second}</vm_group>"
        ))
    };
    assert_eq!(wrong(&both(&format!("{kpi}{rule}"), "")), []);
    let errors = wrong(&both(kpi, rule));
    assert_eq!(errors.len(), 1);
    assert_eq!(errors[0].0, ErrorKind::LeafrefMissing);
}

#[test]
fn too_few_and_too_many_entries_are_told_with_the_path_of_the_list() {
    assert_eq!(
        wrong(&deployment("")),
        one(
            ErrorKind::TooFew,
            format!("{DEPLOYMENT}/esc:vm_group"),
            Some("too-few-elements"),
        )
    );
    let schema = Schema::load_with(&[module(
        "bounds",
        "module bounds { namespace urn:b; prefix b;
           container c { list l { key k; min-elements 2; max-elements 3; leaf k { type uint8; } } } }",
    )])
    .expect("a correct module");
    let entries = |count: u8| {
        let entries: String = (0..count).map(|k| format!("<l><k>{k}</k></l>")).collect();
        let xml = format!("<c xmlns='urn:b'>{entries}</c>");
        short(schema.validate_unit(&xml).map(drop))
    };
    assert_eq!(
        entries(1),
        one(ErrorKind::TooFew, "/b:c/b:l", Some("too-few-elements"))
    );
    assert_eq!(entries(3), []);
    assert_eq!(
        entries(4),
        one(ErrorKind::TooMany, "/b:c/b:l", Some("too-many-elements"))
    );
}

#[test]
fn a_node_under_a_false_when_is_told_with_its_own_path() {
    let schema = Schema::load_with(&[module(
        "whens",
        "module whens { namespace urn:w; prefix w;
           container c { leaf a { type string; } leaf b { when \"../a = 'x'\"; type string; } } }",
    )])
    .expect("a correct module");
    let xml = |a: &str| format!("<c xmlns='urn:w'><a>{a}</a><b>1</b></c>");
    assert_eq!(short(schema.validate_unit(&xml("x")).map(drop)), []);
    assert_eq!(
        short(schema.validate_unit(&xml("y")).map(drop)),
        one(ErrorKind::When, "/w:c/w:b", None)
    );
}

#[test]
fn all_values_that_are_wrong_are_told_at_once() {
    let xml = group(
        "<flavor/><bogus/><scaling><min_active>x</min_active><max_active>0</max_active></scaling>",
    );
    let mut expected = one(ErrorKind::InvalidValue, format!("{GROUP}/esc:flavor"), None);
    expected.extend(one(ErrorKind::UnknownElement, GROUP, None));
    for leaf in ["min_active", "max_active"] {
        let path = format!("{GROUP}/esc:scaling/esc:{leaf}");
        expected.extend(one(ErrorKind::InvalidValue, path, None));
    }
    assert_eq!(wrong(&xml), expected);
    let errors = schema().validate_unit(&xml).expect_err("four things wrong");
    assert_eq!(errors[0].message, "a name has 1 to 255 characters");
    assert_eq!(errors[1].element.as_deref(), Some("bogus"));
}

#[test]
fn a_list_entry_without_its_key_names_the_key() {
    let xml = deployment("<vm_group><bootup_time>20</bootup_time></vm_group>");
    let key = "name".to_owned();
    assert_eq!(wrong(&xml), one(ErrorKind::MissingKey { key }, "/", None));
}

#[test]
fn a_node_that_stands_twice_is_told_once() {
    let xml = group("<bootup_time>20</bootup_time>");
    assert_eq!(
        wrong(&xml),
        one(
            ErrorKind::InvalidValue,
            format!("{GROUP}/esc:bootup_time"),
            None
        )
    );
}

#[test]
fn state_data_is_no_configuration() {
    let xml = format!(
        "<esc_datamodel xmlns='{ESC}'><opdata><status>OPER_UP</status></opdata></esc_datamodel>"
    );
    assert_eq!(
        wrong(&xml),
        one(
            ErrorKind::UnknownElement,
            "/esc:esc_datamodel/esc:opdata",
            None
        )
    );
    assert_eq!(schema().validate_data(&xml), Ok(()));
}

#[test]
fn what_is_not_well_formed_is_malformed() {
    for xml in [
        "<esc_datamodel xmlns='http://www.cisco.com/esc/esc'>",
        "<a",
        "<!DOCTYPE a><a/>",
        "<a xmlns='http://www.cisco.com/esc/esc'>&x;</a>",
        "\0",
    ] {
        let errors = wrong(xml);
        assert_eq!(errors.len(), 1, "{xml:?}");
        assert!(
            matches!(
                errors[0].0,
                ErrorKind::Malformed | ErrorKind::UnknownElement
            ),
            "{xml:?} {errors:?}"
        );
    }
    assert_eq!(
        wrong("<x xmlns='urn:nobody'/>")[0].0,
        ErrorKind::UnknownElement
    );
}

#[test]
fn a_name_with_quotes_and_brackets_leads_nowhere_else() {
    let group = |name: &str| {
        deployment(&format!(
            "<vm_group><name>{name}</name><bootup_time>20</bootup_time></vm_group>"
        ))
    };
    let errors = wrong(&group("]/x:y['"));
    assert_eq!(
        errors[0].1,
        format!("{DEPLOYMENT}/esc:vm_group[esc:name=\"]/x:y['\"]")
    );
    // Both kinds of quotes have no literal, and an expression all the same.
    let errors = wrong(&group("'&quot;][x"));
    assert_eq!(errors.len(), 1);
    assert_eq!(
        errors[0].1,
        format!("{DEPLOYMENT}/esc:vm_group[esc:name=concat('',\"'\",'\"][x')]")
    );
}
