//! The compiled schema says what the modules say.

use std::sync::Arc;

use super::*;

fn at(path: &str) -> &'static SchemaNode {
    let schema = schema();
    let mut namespace = ESC;
    let mut id = None;
    for step in path.split('/') {
        let local = match step.split_once(':') {
            Some(("lifeline", local)) => {
                namespace = LIFELINE;
                local
            }
            Some(("sim", local)) => {
                namespace = SIM;
                local
            }
            _ => step,
        };
        id = match id {
            None => schema.top(namespace, local),
            Some(parent) => schema.child(parent, namespace, local),
        };
        assert!(id.is_some(), "{path}: {step}");
    }
    schema.node(id.expect("a path has a step"))
}

const GROUP_PATH: &str = "esc_datamodel/tenants/tenant/deployments/deployment/vm_group";

fn in_group(path: &str) -> &'static SchemaNode {
    at(&format!("{GROUP_PATH}/{path}"))
}

fn names(ids: &[NodeId]) -> Vec<String> {
    ids.iter()
        .map(|id| schema().node(*id).name.to_string())
        .collect()
}

#[test]
fn the_products_modules_load_without_a_warning() {
    for simulator in [false, true] {
        let schema = Schema::load(LoadOptions { simulator }).expect("our own modules");
        assert_eq!(schema.top(SIM, "inject").is_some(), simulator);
        let again = Schema::load(LoadOptions { simulator }).expect("our own modules");
        assert!(std::ptr::eq(schema, again));
    }
}

#[test]
fn every_module_is_listed_with_its_text() {
    let schema = schema();
    for (name, namespace, prefix, implemented) in [
        ("esc", ESC, "esc", true),
        ("lifeline", LIFELINE, "lifeline", true),
        ("lifeline-sim", SIM, "sim", true),
        (
            "lifeline-unit",
            "urn:lifeline:yang:lifeline-unit",
            "lu",
            false,
        ),
        (
            "ietf-netconf",
            "urn:ietf:params:xml:ns:netconf:base:1.0",
            "nc",
            true,
        ),
        (
            "ietf-netconf-monitoring",
            "urn:ietf:params:xml:ns:yang:ietf-netconf-monitoring",
            "ncm",
            true,
        ),
        (
            "ietf-netconf-acm",
            "urn:ietf:params:xml:ns:yang:ietf-netconf-acm",
            "nacm",
            true,
        ),
        (
            "ietf-yang-types",
            "urn:ietf:params:xml:ns:yang:ietf-yang-types",
            "yang",
            false,
        ),
        (
            "notifications",
            "urn:ietf:params:xml:ns:netconf:notification:1.0",
            "ncEvent",
            true,
        ),
        (
            "nc-notifications",
            "urn:ietf:params:xml:ns:netmod:notification",
            "manageEvent",
            true,
        ),
    ] {
        let id = schema.module_by_name(name).expect(name);
        assert_eq!(schema.module_by_namespace(namespace), Some(id));
        let module = schema.module(id);
        assert_eq!(&*module.prefix, prefix);
        if name != "ietf-yang-types" {
            assert_eq!(module.implemented, implemented, "{name}");
        }
        assert!(
            module.source.starts_with(&format!("module {name} ")),
            "{name}"
        );
    }
    for module in schema.modules() {
        let revision = module
            .revision
            .as_deref()
            .expect("every module has a revision");
        assert!(module.source.contains(revision), "{}", module.name);
    }
}

#[test]
fn units_are_the_tenants_and_the_deployments() {
    let units: Vec<String> = schema()
        .nodes()
        .iter()
        .filter(|node| node.is_unit)
        .map(|node| schema().path(node.id))
        .collect();
    let tenant = "/esc:esc_datamodel/esc:tenants/esc:tenant";
    assert_eq!(
        units,
        [
            tenant.to_owned(),
            format!("{tenant}/esc:deployments/esc:deployment")
        ]
    );
    assert_eq!(
        schema().unit_of(in_group("scaling/max_active").id),
        Some(at("esc_datamodel/tenants/tenant/deployments/deployment").id)
    );
    assert_eq!(schema().unit_of(at("esc_datamodel/flavors").id), None);
}

#[test]
fn kinds_keys_and_flags_are_those_of_the_module() {
    let deployments = at("esc_datamodel/opdata/tenants/tenant/deployments");
    assert_eq!(deployments.kind, NodeKind::List);
    assert!(!deployments.config);
    assert_eq!(
        names(&deployments.keys),
        ["deployment_name", "service_name", "service_version"]
    );
    let group = at(GROUP_PATH);
    assert!(group.config && !group.mandatory);
    assert_eq!((group.min_elements, group.max_elements), (1, 0));
    assert_eq!(
        names(&group.data_children)[..3],
        ["name", "image", "flavor"]
    );
    assert!(in_group("bootup_time").mandatory);
    assert!(in_group("name").is_key);
    assert_eq!(
        in_group("scaling").kind,
        NodeKind::Container { presence: true }
    );
    assert_eq!(
        in_group("kpi_data").kind,
        NodeKind::Container { presence: false }
    );
    assert!(!in_group("kpi_data/kpi/metric_collector").mandatory);
    let action = in_group("rules/admin_rules/rule/action");
    assert_eq!(action.kind, NodeKind::LeafList);
    assert!(action.user_ordered);
    assert!(!in_group("placement/host").user_ordered);
}

#[test]
fn defaults_are_those_of_the_spec() {
    for (path, default) in [
        ("recovery_policy/recovery_type", "AUTO"),
        ("recovery_policy/action_on_recovery", "REBOOT_THEN_REDEPLOY"),
        ("recovery_policy/max_retries", "3"),
        ("interfaces/interface/type", "virtual"),
        ("interfaces/interface/model", "virtio"),
        ("kpi_data/enabled", "true"),
        ("kpi_data/kpi/metric_occurrences_true", "1"),
        ("kpi_data/kpi/metric_occurrences_false", "1"),
        ("scaling/elastic", "true"),
    ] {
        assert_eq!(in_group(path).defaults, [Arc::from(default)], "{path}");
    }
    for (path, default) in [
        ("esc_datamodel/tenants/tenant/managed_resource", "true"),
        ("esc_datamodel/networks/network/subnet/ipversion", "ipv4"),
        ("vmAction/force", "false"),
        ("sim:inject/times", "1"),
    ] {
        assert_eq!(at(path).defaults, [Arc::from(default)], "{path}");
    }
    assert!(in_group("image").defaults.is_empty());
}

#[test]
fn value_kinds_follow_leafrefs() {
    assert_eq!(in_group("bootup_time").value, ValueKind::Integer);
    assert_eq!(
        in_group("kpi_data/kpi/metric_collector/nicid").value,
        ValueKind::LeafRef(Box::new(ValueKind::Integer))
    );
    assert_eq!(in_group("scaling/elastic").value, ValueKind::Boolean);
    assert_eq!(
        in_group("recovery_policy/recovery_type").value,
        ValueKind::Enumeration
    );
    assert_eq!(in_group("scaling").value, ValueKind::None);
}

#[test]
fn choices_and_cases_are_no_data_but_known() {
    let file = in_group("config_data/configuration/file");
    let configuration = in_group("config_data/configuration");
    assert_eq!(file.data_parent, Some(configuration.id));
    let chain = schema().cases_of(file.id);
    let [(choice, case)] = chain.as_slice() else {
        panic!("{chain:?}");
    };
    assert_eq!(&*schema().node(*choice).name, "source");
    assert!(schema().node(*choice).mandatory);
    assert_eq!(&*schema().node(*case).name, "file");
    assert_eq!(schema().cases_of(configuration.id), []);
    assert!(
        schema()
            .path(file.id)
            .ends_with("/esc:configuration/esc:source/esc:file/esc:file")
    );
    assert!(
        schema()
            .data_path(file.id)
            .ends_with("/esc:configuration/esc:file")
    );
    assert_eq!(
        names(&configuration.data_children),
        ["dst", "file", "data", "variable"]
    );
}

#[test]
fn the_children_of_an_rpc_are_those_of_its_input() {
    let action = at("vmAction");
    assert_eq!(action.kind, NodeKind::Rpc);
    assert_eq!(
        names(&action.data_children),
        ["actionType", "vmName", "force"]
    );
    assert_eq!(at("vmAction/vmName").data_parent, Some(action.id));
    assert!(schema().top_data().iter().all(|id| {
        !matches!(
            schema().node(*id).kind,
            NodeKind::Rpc | NodeKind::Notification
        )
    }));
    let message = at("sim:inject/message");
    assert!(message.user_ordered);
}

#[test]
fn our_own_elements_stand_after_event_and_in_opdata() {
    assert_eq!(
        names(&at("escEvent").data_children)[13..],
        [
            "vm_source",
            "vm_target",
            "event",
            "operation-id",
            "vim-operation",
            "failure-reason"
        ]
    );
    let deployments = "esc_datamodel/opdata/tenants/tenant/deployments";
    for path in [
        "lifeline:operation/id",
        "lifeline:operation/failure-reason/code",
        "lifeline:leftover",
    ] {
        assert!(!at(&format!("{deployments}/{path}")).config);
    }
    let instance = format!("{deployments}/vm_group/vm_instance/lifeline:vim-operation/vim");
    assert_eq!(at(&instance).kind, NodeKind::Leaf);
}

#[test]
fn access_control_marks_are_seen() {
    let nacm = schema()
        .top("urn:ietf:params:xml:ns:yang:ietf-netconf-acm", "nacm")
        .expect("the access control model");
    assert!(schema().node(nacm).deny_all);
    let base = "urn:ietf:params:xml:ns:netconf:base:1.0";
    for rpc in ["delete-config", "kill-session"] {
        let rpc = schema().top(base, rpc).expect(rpc);
        assert!(schema().node(rpc).deny_all);
    }
    assert!(!at("vmAction").deny_all);
}

#[test]
fn canonical_values_are_one_text_for_one_value() {
    let none = |_: &str| None;
    let canonical = |node: &SchemaNode, text: &str| schema().canonical(node.id, text, &none);
    let boot = in_group("bootup_time");
    for text in ["+2", "02", "2", " 2 "] {
        assert_eq!(canonical(boot, text).as_deref(), Ok("2"), "{text}");
    }
    assert!(canonical(boot, "-2").is_err());
    assert!(canonical(boot, "2\0").is_err());
    let mac = in_group("interfaces/interface/mac_address");
    assert_eq!(
        canonical(mac, "00:AA:00:00:00:0B").as_deref(),
        Ok("00:aa:00:00:00:0b")
    );
    let nicid = in_group("kpi_data/kpi/metric_collector/nicid");
    assert_eq!(canonical(nicid, "00").as_deref(), Ok("0"));
    assert!(canonical(nicid, "65536").is_err());
    let ip = in_group("interfaces/interface/ip_address");
    assert_eq!(canonical(ip, "2001:DB8:0::1").as_deref(), Ok("2001:db8::1"));
    assert!(canonical(in_group("scaling"), "x").is_err());
    let action = in_group("rules/admin_rules/rule/action");
    assert!(canonical(action, "ALWAYS log").is_ok());
    assert!(canonical(action, "\"TRUE servicebooted.sh\"").is_ok());
    let error = canonical(action, "sometimes log").expect_err("no such word");
    assert_eq!(
        error.message,
        "an action is TRUE, FALSE or ALWAYS followed by what to do"
    );
}

#[test]
fn libyang_is_told_another_type_of_a_rule_s_path_and_clients_are_not() {
    let schema = schema();
    let acm = schema.module(schema.module_by_name("ietf-netconf-acm").expect("RFC 8341"));
    assert!(acm.source.contains("type node-instance-identifier;"));
    let paths: Vec<_> = schema
        .nodes()
        .iter()
        .filter(|node| node.value == ValueKind::NodePath)
        .map(|node| schema.data_path(node.id))
        .collect();
    assert_eq!(paths, ["/nacm:nacm/nacm:rule-list/nacm:rule/nacm:path"]);
}

#[test]
fn qualified_names_are_kept_by_module_and_shown_by_prefix() {
    let ncm = "urn:ietf:params:xml:ns:yang:ietf-netconf-monitoring";
    let resolve = |prefix: &str| {
        match prefix {
            "x" => Some(ncm),
            "e" | "" => Some(ESC),
            "l" => Some(LIFELINE),
            "u" => Some("urn:unknown"),
            _ => None,
        }
        .map(str::to_owned)
    };
    let schema = schema();
    let state = schema.top(ncm, "netconf-state").expect("monitoring");
    let mut format = state;
    for step in ["schemas", "schema", "format"] {
        format = schema.child(format, ncm, step).expect(step);
    }
    assert_eq!(
        schema.canonical(format, "x:yang", &resolve).as_deref(),
        Ok("ietf-netconf-monitoring:yang")
    );
    assert!(schema.canonical(format, "e:yang", &resolve).is_err());
    assert!(schema.canonical(format, "nowhere:yang", &resolve).is_err());
    assert!(schema.canonical(format, "u:yang", &resolve).is_err());
    let shown = schema.external(format, "ietf-netconf-monitoring:yang");
    assert_eq!(shown.text, "ncm:yang");
    assert_eq!(shown.namespaces, [("ncm".to_owned(), ncm.to_owned())]);

    let ncn = "urn:ietf:params:xml:ns:yang:ietf-netconf-notifications";
    let change = schema.top(ncn, "netconf-config-change").expect("RFC 6470");
    let edit = schema.child(change, ncn, "edit").expect("edit");
    let target = schema.child(edit, ncn, "target").expect("target");
    let path = "/e:esc_datamodel/e:tenants/e:tenant[e:name='e:x']";
    let kept = schema
        .canonical(target, path, &resolve)
        .expect("an instance identifier");
    assert_eq!(kept, "/esc:esc_datamodel/tenants/tenant[name='e:x']");
    let shown = schema.external(target, &kept);
    assert_eq!(
        shown.text,
        "/esc:esc_datamodel/esc:tenants/esc:tenant[esc:name='e:x']"
    );
    assert_eq!(shown.namespaces, [("esc".to_owned(), ESC.to_owned())]);
    assert!(schema.canonical(target, "/e:nothing", &resolve).is_err());
    let plain = schema.external(in_group("bootup_time").id, "2");
    assert_eq!((plain.text.as_str(), plain.namespaces.len()), ("2", 0));
}

#[test]
fn no_expression_of_ours_has_a_parenthesis_behind_a_star() {
    let modules = crate::schema::source::product(true);
    let ours = |name: &str| name == "esc" || name.starts_with("lifeline");
    let mut seen = 0;
    for module in modules.iter().filter(|module| ours(module.name)) {
        seen += 1;
        // A regular expression has no space there.
        let words: Vec<&str> = module.text.split_whitespace().collect();
        let text = words.join(" ");
        assert!(!text.contains("* ("), "{}: yangcli dies of it", module.name);
    }
    assert_eq!(seen, 4);
}
