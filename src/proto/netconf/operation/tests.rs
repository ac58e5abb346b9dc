use super::*;
use crate::proto::netconf::names::{BASE, MONITORING, NOTIFICATION, WITH_DEFAULTS};
use crate::proto::netconf::{ErrorInfo, ErrorTag, ErrorType, RpcError};
use crate::xml::parse_str;

fn decode(ns: &str, inner: &str) -> Result<Operation, RpcError> {
    let text = format!(
        "<rpc xmlns=\"{ns}\" xmlns:nc=\"{BASE}\" xmlns:w=\"{WITH_DEFAULTS}\" xmlns:m=\"{MONITORING}\">{inner}</rpc>"
    );
    let root = parse_str(&text).unwrap();
    let operation = root.elements().next().unwrap().clone();
    Operation::decode(Operation::qualified(operation))
}

fn base(inner: &str) -> Operation {
    decode(BASE, inner).unwrap_or_else(|e| panic!("{inner}: {e:?}"))
}

#[test]
fn operations_of_the_clients_are_read() {
    assert_eq!(
        base("<get/>"),
        Operation::Get {
            filter: None,
            with_defaults: None
        }
    );
    assert!(matches!(
        base(
            "<get-config><filter><a xmlns='urn:a'/></filter><source> <running/> </source><w:with-defaults> trim </w:with-defaults></get-config>"
        ),
        Operation::GetConfig {
            source: DatastoreName::Running,
            filter: Some(Filter::Subtree(_)),
            with_defaults: Some(WithDefaults::Trim)
        }
    ));
    let Operation::Get {
        filter: Some(Filter::XPath { select, scope }),
        ..
    } = base("<get><filter xmlns:p='urn:x' nc:type='xpath' select='/p:a'/></get>")
    else {
        panic!()
    };
    assert_eq!(
        (select.as_str(), scope.resolve("p")),
        ("/p:a", Some("urn:x"))
    );
    assert!(matches!(
        base("<lock><target><candidate/></target></lock>"),
        Operation::Lock {
            target: DatastoreName::Candidate
        }
    ));
    assert!(matches!(
        base("<unlock><target><running/></target></unlock>"),
        Operation::Unlock { .. }
    ));
    assert!(matches!(
        base("<delete-config><target><running/></target></delete-config>"),
        Operation::DeleteConfig { .. }
    ));
    assert_eq!(base("<close-session/>"), Operation::CloseSession);
    assert_eq!(base("<discard-changes/>"), Operation::DiscardChanges);
    assert!(
        matches!(base("<kill-session><session-id>4</session-id></kill-session>"), Operation::KillSession { session_id } if session_id.0 == 4)
    );
    assert!(matches!(
        base("<validate><source><config><a xmlns='urn:a'/></config></source></validate>"),
        Operation::Validate {
            source: Source::Config(_)
        }
    ));
    assert!(matches!(
        base("<cancel-commit><persist-id>x</persist-id></cancel-commit>"),
        Operation::CancelCommit {
            persist_id: Some(_)
        }
    ));
    let Operation::Commit(plain) = base("<commit/>") else {
        panic!()
    };
    assert_eq!((plain.confirmed, plain.confirm_timeout.get()), (false, 600));
    let Operation::Commit(commit) = base(
        "<commit><confirmed/><confirm-timeout>120</confirm-timeout><persist>t</persist></commit>",
    ) else {
        panic!()
    };
    assert_eq!(
        (
            commit.confirmed,
            commit.confirm_timeout.get(),
            commit.persist.as_deref()
        ),
        (true, 120, Some("t"))
    );
    let Operation::CopyConfig(copy) =
        base("<copy-config><target><candidate/></target><source><running/></source></copy-config>")
    else {
        panic!()
    };
    assert_eq!(
        (copy.target, copy.source),
        (
            DatastoreName::Candidate,
            Source::Datastore(DatastoreName::Running)
        )
    );
}

#[test]
fn edit_config_has_the_defaults_of_the_rfc_and_takes_an_unqualified_config() {
    let Operation::EditConfig(edit) = base(
        "<edit-config><config xmlns=''><a xmlns='urn:a'/></config><target><running/></target></edit-config>",
    ) else {
        panic!()
    };
    assert!(edit.config.is(BASE, "config"));
    assert!(edit.config.child("urn:a", "a").is_some());
    assert_eq!(
        (edit.default_operation, edit.test_option, edit.error_option),
        (DefaultOperation::Merge, None, ErrorOption::StopOnError)
    );
    let Operation::EditConfig(edit) = base(
        "<edit-config><target><candidate/></target><default-operation>none</default-operation><test-option>test-only</test-option><error-option>rollback-on-error</error-option><config/></edit-config>",
    ) else {
        panic!()
    };
    assert_eq!(
        (
            edit.target,
            edit.default_operation,
            edit.test_option,
            edit.error_option
        ),
        (
            DatastoreName::Candidate,
            DefaultOperation::None,
            Some(TestOption::TestOnly),
            ErrorOption::RollbackOnError
        )
    );
}

#[test]
fn unqualified_elements_of_scripts_are_taken_as_the_base_ones() {
    for text in [
        "<get><filter xmlns=''><a xmlns='urn:a'/></filter></get>",
        "<copy-config><target><candidate/></target><source xmlns=''><running/></source></copy-config>",
        "<copy-config><target><candidate/></target><source xmlns=''><config><a xmlns='urn:a'/></config></source></copy-config>",
        "<validate><source><config xmlns=''/></source></validate>",
    ] {
        base(text);
    }
    check(
        decode(
            BASE,
            "<get-config><source><running xmlns=''/></source></get-config>",
        ),
        "running in no namespace",
        ErrorTag::UnknownNamespace,
        "running",
    );
}

/// As Ansible's netconf_rpc sends them; what is not of RFC 6241 needs its namespace.
#[test]
fn operations_of_the_base_namespace_may_be_sent_in_none() {
    for inner in [
        "<get/>",
        "<get><filter type='xpath' select='/a'/></get>",
        "<get-config><source><running/></source><filter><a xmlns='urn:a'><b xmlns=''/></a></filter></get-config>",
        "<edit-config><target><candidate/></target><default-operation>none</default-operation><config><a xmlns=''/></config></edit-config>",
        "<copy-config><target><candidate/></target><source><config><a xmlns='urn:a'/></config></source></copy-config>",
        "<delete-config><target><candidate/></target></delete-config>",
        "<lock><target><candidate/></target></lock>",
        "<unlock><target><running/></target></unlock>",
        "<kill-session><session-id>4</session-id></kill-session>",
        "<close-session/>",
        "<validate><source><candidate/></source></validate>",
        "<commit><confirmed/><persist>x</persist></commit>",
        "<cancel-commit><persist-id>x</persist-id></cancel-commit>",
        "<discard-changes/>",
    ] {
        let wanted = base(inner);
        assert_eq!(
            decode("", inner).as_ref().map(Operation::name),
            Ok(wanted.name()),
            "{inner}"
        );
    }
    // Data below stays in no namespace.
    let Ok(Operation::EditConfig(edit)) = decode(
        "",
        "<edit-config><target><running/></target><config><a/></config></edit-config>",
    ) else {
        panic!()
    };
    assert!(edit.config.elements().all(|a| a.is("", "a")));
    check(
        decode("", "<get-schema><identifier>x</identifier></get-schema>"),
        "get-schema in no namespace",
        ErrorTag::UnknownNamespace,
        "get-schema",
    );
}

/// RFC 6241 section 8.9.5.1: "The <filter> element itself MUST be empty in this case."
#[test]
fn an_xpath_filter_holds_nothing() {
    let tag = |inner: &str| {
        let text = format!("<get><filter type='xpath' select='/e'>{inner}</filter></get>");
        decode(BASE, &text).map(|_| ()).map_err(|error| error.tag)
    };
    assert_eq!(tag(" \n<!-- nothing -->"), Ok(()));
    assert_eq!(tag("<e xmlns='urn:e'/>"), Err(ErrorTag::UnknownElement));
    assert_eq!(tag("/f"), Err(ErrorTag::MalformedMessage));
}

#[test]
fn a_subscription_takes_its_filter_in_either_namespace_and_any_order() {
    for filter in [
        "<nc:filter type='subtree'><e xmlns='urn:e'/></nc:filter>",
        "<filter><e xmlns='urn:e'/></filter>",
        "<filter type='xpath' select='/e'/>",
    ] {
        let text = format!(
            "<create-subscription>{filter}<stopTime>2026-01-01T00:00:00Z</stopTime><stream>escEvent</stream><startTime>2026-01-01T00:00:00Z</startTime></create-subscription>"
        );
        let Operation::CreateSubscription(sub) = decode(NOTIFICATION, &text).unwrap() else {
            panic!()
        };
        assert_eq!(sub.stream.as_deref(), Some("escEvent"));
        assert!(sub.filter.is_some() && sub.start_time == sub.stop_time);
    }
}

#[test]
fn get_schema_takes_a_prefixed_format() {
    for (format, local) in [
        ("", "yang"),
        ("<format>yang</format>", "yang"),
        ("<format>m:yin</format>", "yin"),
    ] {
        let text = format!("<get-schema><identifier>x</identifier><version/>{format}</get-schema>");
        let Operation::GetSchema(get) = decode(MONITORING, &text).unwrap() else {
            panic!()
        };
        assert_eq!(
            (get.version.as_deref(), get.format.as_str()),
            (Some(""), local)
        );
    }
}

#[test]
fn operations_of_other_models_are_passed_on() {
    assert!(
        matches!(decode("urn:x", "<do><it/></do>"), Ok(Operation::Other(e)) if e.is("urn:x", "do"))
    );
}

#[test]
fn errors_are_those_of_appendix_a() {
    use ErrorTag::*;
    let config = "<config/>";
    let running = "<target><running/></target>";
    // (operation, tag, bad-element or bad-attribute)
    let table: &[(&str, ErrorTag, &str)] = &[
        ("<frobnicate/>", OperationNotSupported, ""),
        ("<frobnicate xmlns=''/>", UnknownNamespace, "frobnicate"),
        ("<get><bogus/></get>", UnknownElement, "bogus"),
        (
            "<get><x:filter xmlns:x='urn:x'/></get>",
            UnknownNamespace,
            "filter",
        ),
        ("<get><x xmlns='urn:x'/></get>", UnknownNamespace, "x"),
        ("<get>junk</get>", MalformedMessage, ""),
        ("<get a='1'/>", UnknownAttribute, "a"),
        ("<get><filter/><filter/></get>", BadElement, "filter"),
        ("<get><filter type='bogus'/></get>", BadAttribute, "type"),
        (
            "<get><filter type='xpath'/></get>",
            MissingAttribute,
            "select",
        ),
        ("<get><filter typ='xpath'/></get>", UnknownAttribute, "typ"),
        (
            "<get><filter select='/a'/></get>",
            UnknownAttribute,
            "select",
        ),
        (
            "<get><w:with-defaults>all</w:with-defaults></get>",
            InvalidValue,
            "",
        ),
        ("<get-config/>", MissingElement, "source"),
        (
            "<get-config><source/></get-config>",
            MissingElement,
            "source",
        ),
        (
            "<get-config><source>running</source></get-config>",
            MalformedMessage,
            "",
        ),
        (
            "<get-config><source><bogus/></source></get-config>",
            UnknownElement,
            "bogus",
        ),
        (
            "<get-config><source><startup/></source></get-config>",
            OperationNotSupported,
            "",
        ),
        (
            "<get-config><source><url>file:///x</url></source></get-config>",
            OperationNotSupported,
            "",
        ),
        (
            "<get-config><source><running/><candidate/></source></get-config>",
            BadElement,
            "candidate",
        ),
        (
            "<get-config><source><running><x/></running></source></get-config>",
            UnknownElement,
            "x",
        ),
        ("<lock/>", MissingElement, "target"),
        (
            "<edit-config><config/></edit-config>",
            MissingElement,
            "target",
        ),
        (
            &format!("<edit-config>{running}</edit-config>"),
            MissingElement,
            "config",
        ),
        (
            &format!("<edit-config>{running}<url>http://x</url></edit-config>"),
            OperationNotSupported,
            "",
        ),
        (
            &format!("<edit-config>{running}{config}{config}</edit-config>"),
            BadElement,
            "config",
        ),
        (
            &format!("<edit-config>{running}<config>junk</config></edit-config>"),
            MalformedMessage,
            "",
        ),
        (
            &format!(
                "<edit-config>{running}{config}<default-operation>delete</default-operation></edit-config>"
            ),
            InvalidValue,
            "",
        ),
        (
            &format!("<edit-config>{running}{config}<test-option>x</test-option></edit-config>"),
            InvalidValue,
            "",
        ),
        (
            &format!("<edit-config>{running}{config}<error-option/></edit-config>"),
            InvalidValue,
            "",
        ),
        (
            &format!("<copy-config>{running}</copy-config>"),
            MissingElement,
            "source",
        ),
        (
            "<copy-config><source><running/></source></copy-config>",
            MissingElement,
            "target",
        ),
        ("<validate/>", MissingElement, "source"),
        ("<kill-session/>", MissingElement, "session-id"),
        (
            "<kill-session><session-id>0</session-id></kill-session>",
            InvalidValue,
            "",
        ),
        (
            "<kill-session><session-id>x</session-id></kill-session>",
            InvalidValue,
            "",
        ),
        (
            "<kill-session><session-id>4294967296</session-id></kill-session>",
            InvalidValue,
            "",
        ),
        (
            "<commit><confirmed>yes</confirmed></commit>",
            InvalidValue,
            "",
        ),
        (
            "<commit><confirmed/><confirm-timeout>0</confirm-timeout></commit>",
            InvalidValue,
            "",
        ),
        (
            "<commit><confirmed/><persist><x/></persist></commit>",
            UnknownElement,
            "x",
        ),
        ("<close-session><x/></close-session>", UnknownElement, "x"),
    ];
    for (text, tag, name) in table {
        check(decode(BASE, text), text, *tag, name);
    }
    let table: &[(&str, ErrorTag, &str)] = &[
        (
            "<create-subscription><stopTime>2026-01-01T00:00:00Z</stopTime></create-subscription>",
            MissingElement,
            "startTime",
        ),
        (
            "<create-subscription><startTime>2026-01-02T00:00:00Z</startTime><stopTime>2026-01-01T00:00:00Z</stopTime></create-subscription>",
            BadElement,
            "stopTime",
        ),
        (
            "<create-subscription><startTime>yesterday</startTime></create-subscription>",
            InvalidValue,
            "",
        ),
        (
            "<create-subscription><nc:stream>x</nc:stream></create-subscription>",
            UnknownNamespace,
            "stream",
        ),
        ("<bogus/>", OperationNotSupported, ""),
    ];
    for (text, tag, name) in table {
        check(decode(NOTIFICATION, text), text, *tag, name);
    }
    let table: &[(&str, ErrorTag, &str)] = &[
        ("<get-schema/>", MissingElement, "identifier"),
        (
            "<get-schema><identifier>x</identifier><format>u:yang</format></get-schema>",
            InvalidValue,
            "",
        ),
    ];
    for (text, tag, name) in table {
        check(decode(MONITORING, text), text, *tag, name);
    }
}

fn check(result: Result<Operation, RpcError>, text: &str, tag: ErrorTag, name: &str) {
    let error = result.expect_err(text);
    assert_eq!(error.tag, tag, "{text}");
    if tag != ErrorTag::MalformedMessage {
        assert_eq!(error.error_type, ErrorType::Protocol, "{text}");
    }
    let named = error.info.iter().find_map(|info| match info {
        ErrorInfo::BadAttribute(name) => Some(name.as_str()),
        _ => None,
    });
    let named = named.or_else(|| {
        error.info.iter().find_map(|info| match info {
            ErrorInfo::BadElement(name) => Some(name.as_str()),
            _ => None,
        })
    });
    assert_eq!(named.unwrap_or(""), name, "{text}");
}
