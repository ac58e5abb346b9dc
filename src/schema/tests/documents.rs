//! Whole documents: deployments, operational data, requests, events, the library.

use super::*;
use crate::xml;

/// A deployment with everything an ESC client sends.
const FULL: &str = include_str!("fixtures/deployment.xml");
/// The events of a recovery whose reboot fails, as ESC sends them.
const EVENTS: &str = include_str!("fixtures/recovery_events.xml");
/// Operational data of one deployment.
const OPDATA: &str = include_str!("fixtures/opdata.xml");

#[test]
fn a_full_deployment_is_right_and_prints_the_same_twice() {
    let printed = schema().validate_unit(FULL).expect("a correct deployment");
    assert!(printed.contains("<bootup_time>120</bootup_time>"));
    assert!(!printed.contains("<elastic>"), "defaults are not printed");
    assert!(
        printed.contains("<max_retries>3</max_retries>"),
        "a default that was set stays"
    );
    assert!(!printed.contains("\n"), "no white space");
    let again = schema().validate_unit(&printed).expect("what was printed");
    assert_eq!(printed, again);
}

#[test]
fn the_events_of_a_recovery_are_right_and_ours_may_follow() {
    let events = xml::parse_str(EVENTS).expect("well-formed");
    let mut types = Vec::new();
    for notification in events.elements() {
        let event = notification.child(ESC, "escEvent").expect("an event");
        assert_eq!(schema().validate_notification(&event.to_xml()), Ok(()));
        let last = event
            .elements()
            .last()
            .and_then(|event| event.child(ESC, "type"));
        types.push(last.expect("a type").text());
        let mut ours = event.clone();
        for xml in [
            "<operation-id xmlns='urn:lifeline:yang:lifeline'>d4778a3a-deba-4df7-9614-03f31f1beab3</operation-id>",
            "<vim-operation xmlns='urn:lifeline:yang:lifeline'><vim>sim</vim><id>req-1</id></vim-operation>",
            "<failure-reason xmlns='urn:lifeline:yang:lifeline'><code>x</code><text>y</text></failure-reason>",
        ] {
            ours.push(xml::parse_str(xml).expect("well-formed"));
        }
        assert_eq!(schema().validate_notification(&ours.to_xml()), Ok(()));
    }
    assert_eq!(
        types,
        [
            "VM_RECOVERY_REBOOT",
            "VM_RECOVERY_REBOOT",
            "VM_RECOVERY_UNDEPLOYED",
            "VM_RECOVERY_DEPLOYED"
        ]
    );
}

#[test]
fn the_events_of_other_modules_are_right() {
    let ncn = "urn:ietf:params:xml:ns:yang:ietf-netconf-notifications";
    for xml in [
        "<replayComplete xmlns='urn:ietf:params:xml:ns:netmod:notification'/>".to_owned(),
        "<notificationComplete xmlns='urn:ietf:params:xml:ns:netmod:notification'/>".to_owned(),
        format!(
            "<netconf-config-change xmlns='{ncn}'><changed-by><username>u</username>\
             <session-id>4</session-id><source-host>127.0.0.1</source-host></changed-by>\
             <datastore>running</datastore><edit><target xmlns:esc='{ESC}'>/esc:esc_datamodel\
             </target><operation>merge</operation></edit></netconf-config-change>"
        ),
        format!(
            "<netconf-confirmed-commit xmlns='{ncn}'><confirm-event>timeout</confirm-event>\
             </netconf-confirmed-commit>"
        ),
        format!(
            "<netconf-confirmed-commit xmlns='{ncn}'><username>u</username><session-id>1\
             </session-id><confirm-event>start</confirm-event><timeout>5</timeout>\
             </netconf-confirmed-commit>"
        ),
        format!(
            "<netconf-session-end xmlns='{ncn}'><username>u</username><session-id>1</session-id>\
             <killed-by>2</killed-by><termination-reason>killed</termination-reason>\
             </netconf-session-end>"
        ),
    ] {
        assert_eq!(schema().validate_notification(&xml), Ok(()), "{xml}");
    }
}

#[test]
fn an_event_without_its_type_is_wrong() {
    let xml = format!(
        "<escEvent xmlns='{ESC}'><status>SUCCESS</status><status_code>200</status_code>\
         <event/></escEvent>"
    );
    let kind = ErrorKind::Mandatory {
        name: "type".to_owned(),
    };
    assert_eq!(
        short(schema().validate_notification(&xml)),
        one(kind, "/esc:escEvent/esc:event", None)
    );
}

#[test]
fn operational_data_is_right_with_our_elements() {
    assert_eq!(schema().validate_data(OPDATA), Ok(()));
    let bad = OPDATA.replace("VM_ALIVE_STATE", "VM_HAPPY_STATE");
    let errors = short(schema().validate_data(&bad));
    assert_eq!(errors.len(), 1);
    assert_eq!(errors[0].0, ErrorKind::InvalidValue);
    assert!(
        errors[0]
            .1
            .ends_with("/esc:vm_state_machine[esc:vm_name='v']/esc:state")
    );
}

#[test]
fn requests_are_judged() {
    let judge = |xml: &str| short(schema().validate_rpc(xml));
    for xml in [
        format!(
            "<serviceAction xmlns='{ESC}'><actionType>STOP</actionType><tenantName>t</tenantName>\
             <depName>d</depName><serviceName>-</serviceName><serviceVersion>-</serviceVersion>\
             </serviceAction>"
        ),
        format!(
            "<vmAction xmlns='{ESC}'><actionType>DISABLE_MONITOR</actionType><vmName>v</vmName>\
             <force>true</force></vmAction>"
        ),
        format!(
            "<recoveryVmAction xmlns='{ESC}'><actionType>DO</actionType><vmName>v</vmName>\
             </recoveryVmAction>"
        ),
        format!(
            "<inject xmlns='{SIM}'><vm-name>v</vm-name><fault>reboot-fails</fault><times>2</times>\
             <message>b</message><message>a</message></inject>"
        ),
        format!("<inject xmlns='{SIM}'><fault>api-down</fault><duration>3</duration></inject>"),
        format!("<clear xmlns='{SIM}'/>"),
        "<get-schema xmlns='urn:ietf:params:xml:ns:yang:ietf-netconf-monitoring'>\
         <identifier>esc</identifier></get-schema>"
            .to_owned(),
        "<create-subscription xmlns='urn:ietf:params:xml:ns:netconf:notification:1.0'>\
         <stream>escEvent</stream><startTime>2016-06-23T18:30:09Z</startTime>\
         </create-subscription>"
            .to_owned(),
    ] {
        assert_eq!(judge(&xml), [], "{xml}");
    }
    assert_eq!(
        judge(&format!(
            "<vmAction xmlns='{ESC}'><actionType>JUMP</actionType></vmAction>"
        )),
        one(
            ErrorKind::InvalidValue,
            "/esc:vmAction/esc:actionType",
            None
        )
    );
    let name = "vmName".to_owned();
    assert_eq!(
        judge(&format!(
            "<vmAction xmlns='{ESC}'><actionType>STOP</actionType></vmAction>"
        )),
        one(ErrorKind::Mandatory { name }, "/esc:vmAction", None)
    );
    assert_eq!(
        judge(&format!(
            "<inject xmlns='{SIM}'><vm-name>v</vm-name><host>h</host><fault>crash</fault></inject>"
        )),
        one(ErrorKind::MultipleCases, "/sim:inject", None)
    );
    assert_eq!(
        judge("<nothing xmlns='urn:x'/>")[0].0,
        ErrorKind::UnknownElement
    );
    let errors = schema()
        .validate_rpc(&format!("<clear xmlns='{SIM}'><bogus/></clear>"))
        .expect_err("an unknown element");
    assert_eq!(errors[0].kind, ErrorKind::UnknownElement);
    assert_eq!(errors[0].path, "/sim:clear");
    assert_eq!(errors[0].element.as_deref(), Some("bogus"));
}

#[test]
fn a_document_of_several_modules_is_one_document() {
    let nacm = "<nacm xmlns='urn:ietf:params:xml:ns:yang:ietf-netconf-acm'>\
                <read-default>deny</read-default></nacm>";
    let esc = format!(
        "<esc_datamodel xmlns='{ESC}'><flavors><flavor><name>f</name></flavor></flavors></esc_datamodel>"
    );
    let printed = schema()
        .validate_unit(&format!("{nacm}{esc}"))
        .expect("both");
    assert!(printed.contains("<read-default>deny</read-default>"));
    assert!(printed.contains("<flavor><name>f</name></flavor>"));
    assert_eq!(schema().validate_unit(""), Ok(String::new()));
}

#[test]
fn the_library_and_the_capabilities_tell_every_module() {
    let schema = schema();
    let capabilities = schema.module_capabilities();
    assert!(capabilities.contains(&format!("{ESC}?module=esc&revision=2026-11-22")));
    assert!(capabilities.iter().any(|capability| {
        capability.starts_with("urn:ietf:params:xml:ns:netconf:base:1.0?module=ietf-netconf&")
            && capability.ends_with(
                "&features=writable-running,candidate,confirmed-commit,rollback-on-error,validate,xpath",
            )
    }));
    assert!(
        !capabilities
            .iter()
            .any(|capability| capability.contains("lifeline-unit"))
    );
    let plain = Schema::load(LoadOptions::default()).expect("our own modules");
    assert_ne!(plain.content_id(), schema.content_id());
    // RFC 8525 section 3: a change of what is only imported is one of the library too.
    let with = |revision: &str| {
        let types = format!(
            "module t {{ namespace 'urn:t'; prefix t; revision {revision}; typedef n {{ type int8; }} }}"
        );
        let user =
            "module u { namespace 'urn:u'; prefix u; import t { prefix t; } leaf l { type t:n; } }";
        let module = |name, text: &str, implement| SourceModule {
            name,
            text: text.to_owned().leak(),
            implement,
            features: &[],
        };
        let all = [module("t", &types, false), module("u", user, true)];
        Schema::load_with(&all).unwrap().content_id()
    };
    assert_ne!(with("2020-01-01"), with("2021-01-01"));
    let [new, old] = schema.library_capabilities();
    assert!(new.ends_with(&format!("content-id={}", schema.content_id())));
    assert!(old.ends_with(&format!("module-set-id={}", schema.content_id())));
    let esc = schema.module_by_name("esc");
    assert_eq!(schema.module_for("esc", None), esc);
    assert_eq!(schema.module_for("esc", Some("2026-11-22")), esc);
    assert_eq!(schema.module_for("esc", Some("1999-01-01")), None);
}

#[test]
fn many_threads_share_one_schema() {
    std::thread::scope(|scope| {
        for thread in 0..8_u32 {
            scope.spawn(move || {
                for round in 0..40_u32 {
                    let (min, max) = (thread + 1, round % 12);
                    let xml = group(&format!(
                        "<scaling><min_active>{min}</min_active><max_active>{max}</max_active>\
                         </scaling>"
                    ));
                    let errors = wrong(&xml);
                    match () {
                        () if max == 0 => assert_eq!(errors[0].0, ErrorKind::InvalidValue),
                        () if max < min => {
                            assert_eq!(errors.len(), 1);
                            assert_eq!(errors[0].2.as_deref(), Some("bad-scaling"));
                        }
                        () => assert_eq!(errors, []),
                    }
                    assert!(schema().validate_unit(FULL).is_ok());
                }
            });
        }
    });
}
