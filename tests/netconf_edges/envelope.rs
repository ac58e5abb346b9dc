//! Cases 28 to 48 and 68 to 72: the rpc envelope, XML, parameters (RFC 6241 sections 3, 4, 7, appendix A).

use std::time::{Duration, Instant};

use crate::peer::{
    BASE, ESC, Got, Host, MONITORING, NOTIFICATION, SIM, Table, brief, chunk, parse,
};

const GET: &str = "<get-config><source><running/></source></get-config>";

fn rpc(attributes: &str, inner: &str) -> String {
    format!("<rpc xmlns=\"{BASE}\" {attributes}>{inner}</rpc>")
}

#[test]
fn message_id_and_attributes() {
    let host = Host::start();
    let mut table = Table::default();
    let mut peer = host.peer();

    peer.send(chunk(&rpc("x=\"1\"", "<get/>")));
    let reply = peer.message();
    table.row(
        "28 missing",
        &brief(&reply),
        &["rpc missing-attribute bad-attribute=message-id bad-element=rpc"],
    );
    table.check(
        "30 echoed on error",
        parse(&reply).attr("", "x") == Some("1"),
    );

    let long = "y".repeat(4095);
    for (id, value) in [
        ("", ""),
        ("a&lt;b&quot;&amp;&apos;&#9;&#10;c", "a<b\"&'\t\nc"),
        (long.as_str(), long.as_str()),
        ("ünï", "ünï"),
        (" 1 ", " 1 "),
    ] {
        peer.send(chunk(&rpc(&format!("message-id=\"{id}\""), GET)));
        let reply = parse(&peer.message());
        table.check(
            &format!("29 {id:.20}"),
            reply.attr("", "message-id") == Some(value),
        );
    }
    peer.send(chunk(&rpc(
        "message-id=\"1\" a=\"&lt;&#10;\" xmlns:p=\"urn:p\" p:b=\"2\"",
        GET,
    )));
    let reply = parse(&peer.message());
    table.check(
        "30 echoed",
        reply.attr("", "a") == Some("<\n") && reply.attr("urn:p", "b") == Some("2"),
    );
    peer.send(chunk(&rpc(
        "message-id=\"1\" xmlns:p=\"urn:p\" p:b=\"2\"",
        "<nope/>",
    )));
    let reply = parse(&peer.message());
    table.check("30 echoed on error", reply.attr("urn:p", "b") == Some("2"));
    peer.send(chunk(&rpc("message-id=\"1\" message-id=\"2\"", GET)));
    table.row(
        "31 duplicate",
        &brief(&peer.message()),
        &["rpc malformed-message"],
    );
    peer.rpc(GET);
    table.done();
}

#[test]
fn operations_and_parameters() {
    let host = Host::start();
    let mut table = Table::default();
    let mut peer = host.peer();
    let unknown_parameter = "protocol unknown-element bad-element=";
    for (case, operation, expected) in [
        ("32", "<nope/>", "protocol operation-not-supported"),
        ("32", "<copy/>", "protocol operation-not-supported"),
        (
            "33",
            "<x xmlns=\"urn:nope\"/>",
            "protocol unknown-namespace bad-element=x bad-namespace=urn:nope",
        ),
        (
            "33",
            "<x xmlns=\"\"/>",
            "protocol unknown-namespace bad-element=x bad-namespace=",
        ),
        (
            "33",
            &format!("<nope xmlns=\"{ESC}\"/>"),
            "protocol operation-not-supported",
        ),
        (
            "33",
            &format!("<escEvent xmlns=\"{ESC}\"/>"),
            "protocol operation-not-supported",
        ),
        (
            "33",
            &format!("<esc_datamodel xmlns=\"{ESC}\"/>"),
            "protocol operation-not-supported",
        ),
        (
            "33",
            &format!("<nope xmlns=\"{SIM}\"/>"),
            "protocol operation-not-supported",
        ),
        (
            "34",
            "",
            "protocol missing-element bad-element=rpcOperation",
        ),
        (
            "34",
            "<get/><get/>",
            "protocol unknown-element bad-element=get",
        ),
        (
            "36",
            "<get><foo/></get>",
            &format!("{unknown_parameter}foo"),
        ),
        (
            "36",
            "<get-config><source><running/></source><foo/></get-config>",
            &format!("{unknown_parameter}foo"),
        ),
        (
            "36",
            "<get-config><source><foo/></source></get-config>",
            &format!("{unknown_parameter}foo"),
        ),
        (
            "36",
            "<lock><target><running/></target><x/></lock>",
            &format!("{unknown_parameter}x"),
        ),
        (
            "36",
            "<close-session><x/></close-session>",
            &format!("{unknown_parameter}x"),
        ),
        (
            "36",
            "<commit><x/></commit>",
            &format!("{unknown_parameter}x"),
        ),
        (
            "36",
            "<discard-changes><x/></discard-changes>",
            &format!("{unknown_parameter}x"),
        ),
        (
            "36",
            "<get><foo xmlns=\"urn:x\"/></get>",
            "protocol unknown-namespace bad-element=foo bad-namespace=urn:x",
        ),
        (
            "36",
            &format!(
                "<get-schema xmlns=\"{MONITORING}\"><identifier>esc</identifier><foo/></get-schema>"
            ),
            &format!("{unknown_parameter}foo"),
        ),
        (
            "36",
            &format!("<create-subscription xmlns=\"{NOTIFICATION}\"><foo/></create-subscription>"),
            &format!("{unknown_parameter}foo"),
        ),
        (
            "36 attribute",
            "<get foo=\"1\"/>",
            "protocol unknown-attribute bad-attribute=foo bad-element=get",
        ),
        (
            "37",
            "<get-config/>",
            "protocol missing-element bad-element=source",
        ),
        (
            "37",
            "<get-config><source/></get-config>",
            "protocol missing-element bad-element=source",
        ),
        (
            "37",
            "<edit-config><config/></edit-config>",
            "protocol missing-element bad-element=target",
        ),
        (
            "37",
            "<edit-config><target><running/></target></edit-config>",
            "protocol missing-element bad-element=config",
        ),
        (
            "37",
            "<copy-config><target><candidate/></target></copy-config>",
            "protocol missing-element bad-element=source",
        ),
        (
            "37",
            "<copy-config><source><running/></source></copy-config>",
            "protocol missing-element bad-element=target",
        ),
        (
            "37",
            "<delete-config/>",
            "protocol missing-element bad-element=target",
        ),
        (
            "37",
            "<lock/>",
            "protocol missing-element bad-element=target",
        ),
        (
            "37",
            "<unlock/>",
            "protocol missing-element bad-element=target",
        ),
        (
            "37",
            "<validate/>",
            "protocol missing-element bad-element=source",
        ),
        (
            "37",
            "<kill-session/>",
            "protocol missing-element bad-element=session-id",
        ),
        (
            "37",
            &format!("<get-schema xmlns=\"{MONITORING}\"/>"),
            "protocol missing-element bad-element=identifier",
        ),
        (
            "37",
            "<get-config><source><running/><candidate/></source></get-config>",
            "protocol bad-element bad-element=candidate",
        ),
        (
            "69 own",
            "<kill-session><session-id>OWN</session-id></kill-session>",
            "protocol invalid-value*",
        ),
        (
            "69 zero",
            "<kill-session><session-id>0</session-id></kill-session>",
            "protocol invalid-value*",
        ),
        (
            "69 unknown",
            "<kill-session><session-id>999999</session-id></kill-session>",
            "protocol invalid-value*",
        ),
        (
            "69 no number",
            "<kill-session><session-id>x</session-id></kill-session>",
            "protocol invalid-value*",
        ),
        (
            "70",
            "<delete-config><target><running/></target></delete-config>",
            "protocol operation-not-supported",
        ),
        (
            "70 candidate",
            "<delete-config><target><candidate/></target></delete-config>",
            "protocol operation-not-supported",
        ),
        (
            "71",
            "<copy-config><target><running/></target><source><running/></source></copy-config>",
            "protocol invalid-value*",
        ),
        (
            "71",
            "<copy-config><target><candidate/></target><source><candidate/></source></copy-config>",
            "protocol invalid-value*",
        ),
        (
            "startup",
            "<lock><target><startup/></target></lock>",
            "protocol operation-not-supported",
        ),
        (
            "url",
            "<copy-config><target><running/></target><source><url>file:///etc/passwd</url></source></copy-config>",
            "protocol operation-not-supported",
        ),
        (
            "57",
            "<edit-config><target><running/></target><default-operation>create</default-operation><config/></edit-config>",
            "protocol invalid-value path=/nc:rpc/nc:edit-config/nc:default-operation",
        ),
        (
            "57",
            "<edit-config><target><running/></target><test-option>x</test-option><config/></edit-config>",
            "protocol invalid-value path=/nc:rpc/nc:edit-config/nc:test-option",
        ),
        (
            "57",
            "<edit-config><target><running/></target><error-option>x</error-option><config/></edit-config>",
            "protocol invalid-value path=/nc:rpc/nc:edit-config/nc:error-option",
        ),
    ] {
        let operation = operation.replace("OWN", &peer.own_id.to_string());
        let got = peer.error(&operation);
        table.row(&format!("{case} {operation:.100}"), &got, &[expected]);
    }
    table.done();
}

#[test]
fn wrong_envelopes() {
    let host = Host::start();
    let mut table = Table::default();
    let id = "message-id=\"1\"";
    let namespace = "protocol unknown-namespace bad-element=rpc bad-namespace=";
    for (case, text, expected) in [
        (
            "35 namespace",
            rpc(id, GET).replace(BASE, "urn:x"),
            format!("{namespace}urn:x"),
        ),
        (
            "35 none",
            format!("<rpc {id}>{GET}</rpc>"),
            namespace.to_owned(),
        ),
        (
            "35 element",
            format!("<foo xmlns=\"{BASE}\" {id}/>"),
            "protocol unknown-element bad-element=foo".to_owned(),
        ),
        (
            "35 rpc-reply",
            format!("<rpc-reply xmlns=\"{BASE}\" {id}><ok/></rpc-reply>"),
            "closed".to_owned(),
        ),
        (
            "35 notification",
            format!("<notification xmlns=\"{NOTIFICATION}\"/>"),
            "closed".to_owned(),
        ),
    ] {
        let mut peer = host.peer();
        peer.send(chunk(&text));
        match peer.next(Duration::from_secs(5)) {
            Got::Closed => table.row(case, "closed", &[&expected]),
            Got::Message(reply) => table.row(case, &brief(&reply), &[&expected]),
            Got::Quiet => table.check(case, false),
        }
    }
    table.done();
}

#[test]
fn what_is_not_xml() {
    let host = Host::start();
    let mut table = Table::default();
    let id = "message-id=\"1\"";
    let of = |inner: &str| rpc(id, inner).into_bytes();
    let raw = |inner: &[u8]| {
        [
            format!("<rpc xmlns=\"{BASE}\" {id}>").as_bytes(),
            inner,
            b"</rpc>",
        ]
        .concat()
    };
    let utf16: Vec<u8> = rpc(id, GET)
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("38 not closed", of("<get>")),
        ("38 crossed", of("<a><b></a></b>")),
        ("38 no root", b" ".to_vec()),
        ("38 two roots", [of(GET), of(GET)].concat()),
        ("38 text behind", [of(GET), b"x".to_vec()].concat()),
        ("38 prefix", of("<p:get/>")),
        ("40 UTF-8", raw(b"<get>\xff</get>")),
        ("40 cut", raw(b"<get>\xc3</get>")),
        ("40 overlong", raw(b"<get>\xc0\xaf</get>")),
        ("40 surrogate", raw(b"<get>\xed\xa0\x80</get>")),
        ("40 NUL", raw(b"<get>\0</get>")),
        ("40 reference to 1", of("<get>&#1;</get>")),
        ("40 reference to 0", of("<get>&#0;</get>")),
        ("40 reference to surrogate", of("<get>&#xD800;</get>")),
        ("40 reference to FFFE", of("<get>&#xFFFE;</get>")),
        ("40 reference in an attribute", of("<get x=\"&#2;\"/>")),
        ("40 FFFF", raw("<get>\u{ffff}</get>".as_bytes())),
        ("40 UTF-16", [b"\xff\xfe".to_vec(), utf16].concat()),
        ("40 Latin-1", [b"<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?>".to_vec(), raw(b"<get>\xe9</get>")].concat()),
        ("44 DOCTYPE", [b"<!DOCTYPE rpc>".to_vec(), of(GET)].concat()),
        ("45 bomb", [b"<!DOCTYPE rpc [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;\">]>".to_vec(), of("<get>&b;</get>")].concat()),
        ("45 external", [b"<!DOCTYPE rpc [<!ENTITY x SYSTEM \"file:///etc/passwd\">]>".to_vec(), of("<get>&x;</get>")].concat()),
        ("45 parameter", [b"<!DOCTYPE rpc [<!ENTITY % x SYSTEM \"http://127.0.0.1:1/\">%x;]>".to_vec(), of(GET)].concat()),
        ("45 undeclared", of("<get>&x;</get>")),
        ("38 no white space between attributes", format!("<rpc xmlns=\"{BASE}\"{id}>{GET}</rpc>").into_bytes()),
        ("38 a declaration without a version", [b"<?xml encoding=\"UTF-8\"?>".to_vec(), of(GET)].concat()),
        ("38 a declaration in disorder", [b"<?xml encoding=\"UTF-8\" version=\"1.0\"?>".to_vec(), of(GET)].concat()),
        ("38 standalone", [b"<?xml version=\"1.0\" standalone=\"maybe\"?>".to_vec(), of(GET)].concat()),
        ("38 two marks of byte order", ["\u{feff}\u{feff}".as_bytes().to_vec(), of(GET)].concat()),
        ("40 not ASCII though declared", ["<?xml version=\"1.0\" encoding=\"ASCII\"?>".as_bytes().to_vec(), raw("<get>\u{e9}</get>".as_bytes())].concat()),
        ("43 no name", of("<? x?><get/>")),
        ("43 a name with a prefix", of("<?a:b x?><get/>")),
        ("38 a prefix bound to xmlns", of("<get xmlns:q=\"http://www.w3.org/2000/xmlns/\"/>")),
        ("38 xml as default namespace", of("<get xmlns=\"http://www.w3.org/XML/1998/namespace\"/>")),
        ("31 duplicate with prefixes", of("<get xmlns:a=\"u\" xmlns:b=\"u\" a:x=\"1\" b:x=\"2\"/>")),
    ];
    for (case, octets) in &cases {
        let mut peer = host.peer();
        peer.send(
            [
                format!("\n#{}\n", octets.len()).as_bytes(),
                octets,
                b"\n##\n",
            ]
            .concat(),
        );
        match peer.next(Duration::from_secs(5)) {
            Got::Message(reply) => table.row(case, &brief(&reply), &["rpc malformed-message"]),
            other => table.check(&format!("{case}: {other:?}"), false),
        }
        // The session goes on.
        peer.rpc(GET);
        let mut old = host.old_peer();
        old.send([&octets[..], b"]]>]]>"].concat());
        match old.next(Duration::from_secs(5)) {
            Got::Message(reply) => table.check(
                &format!("39 {case}: {reply}"),
                !reply.contains("malformed-message"),
            ),
            Got::Closed => {}
            Got::Quiet => table.check(&format!("39 {case}"), false),
        }
    }
    table.done();
}

#[test]
fn unusual_xml_that_is_right() {
    let host = Host::start();
    let mut peer = host.peer();
    let id = "message-id=\"1\"";
    for text in [
        format!("\u{feff}{}", rpc(id, GET)),
        format!(
            "<?xml version='1.0' encoding='utf-8' standalone='yes'?>{}",
            rpc(id, GET)
        ),
        // As lxml writes it unless told otherwise.
        format!("<?xml version='1.0' encoding='ASCII'?>\n{}", rpc(id, GET)),
        format!(
            "<!-- a --><?pi b?>{}<!-- c -->",
            rpc(
                id,
                "<!-- d --><get-config><source><!-- e --><running/></source></get-config><?pi?>"
            )
        ),
        rpc(
            id,
            "<get-config><source><running></running></source><filter type=\"&#115;ubtree\"/></get-config>",
        ),
        rpc(
            id,
            "<get-config >\r\n<source\n><running\t/></source></get-config >",
        ),
    ] {
        peer.send(chunk(&text));
        let reply = peer.message();
        assert!(reply.contains("<data"), "{text}\n{reply}");
    }
    peer.ok(&crate::sample::running(&crate::sample::tenant(
        "<![CDATA[a<]]>&#98;<!-- x -->c",
        "<managed_resource>false</managed_resource>",
    )));
    assert!(peer.rpc(GET).contains("<name>a&lt;bc</name>"));
}

#[test]
fn text_and_other_people_s_things_at_each_level() {
    let host = Host::start();
    let mut table = Table::default();
    let mut peer = host.peer();
    for inner in [
        "junk<get/>",
        "<get/>junk",
        "<get>junk</get>",
        "<get-config>junk<source><running/></source></get-config>",
        "<get-config><source>junk<running/></source></get-config>",
        "<get-config><source><running>junk</running></source></get-config>",
        "<edit-config><target><running/></target>junk<config/></edit-config>",
        "<edit-config><target><running/></target><config>junk</config></edit-config>",
        "<edit-config><target><running/></target><config><![CDATA[junk]]></config></edit-config>",
        &format!(
            "<edit-config><target><running/></target><config><esc_datamodel xmlns=\"{ESC}\">junk</esc_datamodel></config></edit-config>"
        ),
        "<action xmlns=\"urn:ietf:params:xml:ns:yang:1\">junk</action>",
        "<action xmlns=\"urn:ietf:params:xml:ns:yang:1\">junk<a xmlns=\"urn:x\"/>junk</action>",
        "<action xmlns=\"urn:ietf:params:xml:ns:yang:1\"/>",
        &format!(
            "<action xmlns=\"urn:ietf:params:xml:ns:yang:1\"><esc_datamodel xmlns=\"{ESC}\">x<tenants/></esc_datamodel></action>"
        ),
    ] {
        let reply = peer.rpc(inner);
        table.row(
            inner,
            &brief(&reply),
            &[
                "rpc malformed-message*",
                "application bad-element*",
                "protocol bad-element*",
                "application malformed-message*",
                "protocol missing-element bad-element=action",
                "application unknown-namespace bad-element=a bad-namespace=urn:x",
                "protocol operation-not-supported*",
                "application unknown-element*",
                "application invalid-value*",
            ],
        );
    }
    peer.rpc(GET);
    table.done();
}

#[test]
fn requests_in_a_row_are_answered_in_order() {
    let host = Host::start();
    let mut peer = host.peer();
    let all: String = (0..50)
        .map(|id| {
            let inner = match id % 3 {
                0 => GET,
                1 => "<get/>",
                _ => "<nope/>",
            };
            chunk(&rpc(&format!("message-id=\"p{id}\""), inner))
        })
        .collect();
    peer.send(all);
    for id in 0..50 {
        let reply = parse(&peer.message());
        assert_eq!(
            reply.attr("", "message-id"),
            Some(format!("p{id}").as_str())
        );
    }
}

#[test]
fn close_session_answers_closes_and_ignores_the_rest() {
    let host = Host::start();
    let mut peer = host.peer();
    peer.send(format!(
        "{}{}",
        chunk(&rpc("message-id=\"1\"", "<close-session/>")),
        chunk(&rpc(
            "message-id=\"2\"",
            "<lock><target><running/></target></lock>"
        )),
    ));
    assert_eq!(brief(&peer.message()), "ok");
    assert_eq!(peer.next(Duration::from_secs(5)), Got::Closed);
    host.peer().ok("<lock><target><running/></target></lock>");
}

/// scrapli sends a line feed after every reply, also after this one.
#[test]
fn the_channel_stays_open_for_a_moment_after_the_answer_to_close_session() {
    let host = Host::start();
    for answered in ["\n", "\n#3\nabc\n##\n", ""] {
        let mut peer = host.peer();
        let asked = Instant::now();
        peer.send(chunk(&rpc("message-id=\"1\"", "<close-session/>")));
        assert_eq!(brief(&peer.message()), "ok");
        peer.send(answered);
        assert_eq!(peer.next(Duration::from_secs(5)), Got::Closed);
        let took = asked.elapsed();
        assert!(took >= Duration::from_millis(400), "{took:?}");
    }
}

/// Elements that scripts leave unqualified below ncclient's own, and parameters in any order.
#[test]
fn what_real_clients_send() {
    let host = Host::start();
    let mut table = Table::default();
    let mut peer = host.peer();
    let tenant = crate::sample::tenant("t", "<managed_resource>false</managed_resource>");
    for (case, operation, expected) in [
        (
            "unqualified config",
            format!("<edit-config><target><running/></target><config xmlns=\"\">{tenant}</config></edit-config>"),
            "<ok/>",
        ),
        (
            "config first",
            format!("<edit-config><config>{tenant}</config><error-option>rollback-on-error</error-option><target><running/></target></edit-config>"),
            "<ok/>",
        ),
        (
            "unqualified filter",
            "<get-config><source><running/></source><filter xmlns=\"\" type=\"subtree\"><esc_datamodel xmlns=\"http://www.cisco.com/esc/esc\"/></filter></get-config>".to_owned(),
            "<name>t</name>",
        ),
        (
            "filter attributes in the base namespace",
            format!("<get-config><source><running/></source><filter xmlns:nc=\"{BASE}\" nc:type=\"xpath\" nc:select=\"/esc_datamodel\"/></get-config>"),
            "<name>t</name>",
        ),
        (
            "filter before source",
            "<get-config><filter type=\"xpath\" select=\"/esc_datamodel\"/><source><running/></source></get-config>".to_owned(),
            "<name>t</name>",
        ),
        (
            "xml:lang and foreign attributes",
            "<get-config xml:lang=\"en\" xmlns:x=\"urn:x\" x:y=\"z\"><source><running/></source></get-config>".to_owned(),
            "<name>t</name>",
        ),
    ] {
        let reply = peer.rpc(&operation);
        table.check(&format!("{case}: {reply:.300}"), reply.contains(expected));
    }
    table.done();
}

/// Requests that came whole before the server was told to stop are answered, and replies under way
/// leave before the channel is closed.
#[test]
fn a_server_that_stops_answers_what_it_began() {
    let host = Host::start();
    let mut peer = host.peer();
    peer.rpc(GET);
    let id = peer.ask(&format!(
        "<get-schema xmlns=\"{MONITORING}\"><identifier>esc</identifier></get-schema>"
    ));
    // Its reply is on the way, or waits in the client, when the server begins to stop.
    std::thread::sleep(Duration::from_millis(300));
    let stopping = std::thread::spawn(move || drop(host));
    let reply = parse(&peer.message());
    assert_eq!(reply.attr("", "message-id"), Some(id.to_string().as_str()));
    assert_eq!(peer.next(Duration::from_secs(5)), Got::Closed);
    stopping.join().unwrap();
}

/// RFC 6241 section 7.8: an operation that is taken though it is in no namespace is the whole of that operation.
#[test]
fn close_session_without_its_namespace_ends_the_session() {
    let host = Host::start();
    let mut peer = host.peer();
    peer.ok("<close-session xmlns=\"\"/>");
    let got = peer.next(Duration::from_secs(20));
    assert!(matches!(got, Got::Closed), "{got:?}");
}
