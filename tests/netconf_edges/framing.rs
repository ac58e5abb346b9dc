//! Cases 1 to 27: hello and framing (RFC 6241 section 8.1, RFC 6242 section 4).

use std::time::Duration;

use crate::peer::{BASE, Got, Host, Table, chunk, hello, parse};

const V1_0: &str = "urn:ietf:params:netconf:base:1.0";
const V1_1: &str = "urn:ietf:params:netconf:base:1.1";
const GET: &str = "<get-config><source><running/></source></get-config>";

fn get(id: &str) -> String {
    format!("<rpc xmlns=\"{BASE}\" message-id=\"{id}\">{GET}</rpc>")
}

#[test]
fn hello_exchange() {
    let host = Host::start();
    let mut table = Table::default();

    let (first, greeting) = host.greeted();
    let uris: Vec<String> = greeting
        .elements()
        .flat_map(|list| list.elements().map(|e| e.text()).collect::<Vec<_>>())
        .collect();
    table.check(
        "2 both bases",
        uris.iter().any(|u| u == V1_0) && uris.iter().any(|u| u == V1_1),
    );
    let (second, _) = host.greeted();
    table.check(
        "3 session-id",
        first.own_id > 0 && second.own_id > first.own_id,
    );

    let with_id = hello(&[V1_1]).replace("</hello>", "<session-id>4</session-id></hello>");
    for (case, text) in [
        ("4 session-id from the client", with_id.as_str()),
        ("5 no common base", &hello(&["urn:x"])),
        ("6 no capability", &hello(&[])),
        ("6 no capabilities", &format!("<hello xmlns=\"{BASE}\"/>")),
        ("6 wrong namespace", &hello(&[V1_1]).replace(BASE, "urn:x")),
        (
            "6 no namespace",
            "<hello><capabilities><capability>urn:ietf:params:netconf:base:1.1</capability></capabilities></hello>",
        ),
        ("6 garbage", "garbage"),
        ("6 not well-formed", "<hello"),
        ("6 empty", ""),
        ("6 doctype", &format!("<!DOCTYPE hello>{}", hello(&[V1_1]))),
        ("7 rpc before hello", &get("1")),
        (
            "6 base of another case",
            &hello(&["URN:ietf:params:netconf:base:1.1"]),
        ),
    ] {
        let (mut peer, _) = host.greeted();
        peer.send(format!("{text}]]>]]>"));
        table.check(case, peer.closes());
    }

    for (case, text, chunked) in [
        ("8 only 1.0", hello(&[V1_0]), false),
        ("9 only 1.1", hello(&[V1_1]), true),
        (
            "10 parameters",
            hello(&["urn:ietf:params:netconf:base:1.1?x=y&amp;z"]),
            true,
        ),
        (
            "11 blanks",
            hello(&["\n   urn:ietf:params:netconf:base:1.1\n  "]),
            true,
        ),
        (
            "12 unknown ones",
            hello(&["urn:unknown", V1_1, "x?y=z", ""]),
            true,
        ),
        (
            "13 prefixed",
            format!(
                "<nc:hello xmlns:nc=\"{BASE}\"><nc:capabilities><nc:capability>{V1_1}</nc:capability></nc:capabilities></nc:hello>"
            ),
            true,
        ),
        (
            "blanks and declaration",
            format!(
                "\n <?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{}\n",
                hello(&[V1_1])
            ),
            true,
        ),
    ] {
        let (mut peer, _) = host.greeted();
        peer.send(format!("{text}]]>]]>"));
        peer.chunked = chunked;
        let prefixed = format!(
            "<nc:rpc xmlns:nc=\"{BASE}\" message-id=\"1\"><nc:get-config><nc:source><nc:running/></nc:source></nc:get-config></nc:rpc>"
        );
        peer.send_message(&prefixed);
        match peer.next(Duration::from_secs(10)) {
            Got::Message(reply) => table.check(
                case,
                reply.contains("<data") && reply.contains("message-id=\"1\""),
            ),
            other => table.check(&format!("{case}: {other:?}"), false),
        }
    }

    let mut peer = host.peer();
    peer.send_message(&hello(&[V1_1]));
    table.check("14 second hello", peer.closes());
    table.done();
}

#[test]
fn framing_errors_close_the_session() {
    let host = Host::start();
    let mut table = Table::default();
    let good = get("7");
    let size = good.len();
    for (case, octets) in [
        ("15 size 0", format!("\n#0\n{good}\n##\n")),
        ("15 size 0 between", "\n#4\n<rpc\n#0\n\n##\n".to_owned()),
        ("16 4294967296", format!("\n#4294967296\n{good}\n##\n")),
        (
            "16 20 digits",
            format!("\n#99999999999999999999\n{good}\n##\n"),
        ),
        ("17 leading zero", format!("\n#0{size}\n{good}\n##\n")),
        ("17 plus", format!("\n#+{size}\n{good}\n##\n")),
        ("17 minus", format!("\n#-{size}\n{good}\n##\n")),
        ("17 space before", format!("\n# {size}\n{good}\n##\n")),
        ("17 space behind", format!("\n#{size} \n{good}\n##\n")),
        ("17 hex", format!("\n#0x{size:x}\n{good}\n##\n")),
        ("17 empty", format!("\n#\n{good}\n##\n")),
        ("18 end without chunk", "\n##\n".to_owned()),
        ("19 CRLF", format!("\r\n#{size}\r\n{good}\r\n##\r\n")),
        ("19 CR in header", format!("\n#{size}\r\n{good}\n##\n")),
        ("19 ###", format!("\n#{size}\n{good}\n###\n")),
        (
            "19 garbage between",
            format!("\n#{size}\n{good}garbage\n##\n"),
        ),
        (
            "19 garbage first",
            format!("garbage\n#{size}\n{good}\n##\n"),
        ),
        ("20 end-of-message framing", format!("{good}]]>]]>")),
        (
            "21 size too small",
            format!("\n#{}\n{good}\n##\n", size - 5),
        ),
    ] {
        let mut peer = host.peer();
        peer.send(octets);
        table.check(case, peer.closes());
    }
    // The first LF of a header missing after a good message.
    let mut peer = host.peer();
    peer.rpc(GET);
    peer.send(format!("#{size}\n{good}\n##\n"));
    table.check("19 header without first LF", peer.closes());
    host.lives();
    table.done();
}

#[test]
fn unusual_framing_that_is_right() {
    let host = Host::start();
    let mut table = Table::default();
    let good = get("7");

    let mut waiting = host.peer();
    waiting.send("\n#4294967295\n<rpc");
    host.lives();
    table.check(
        "22 waits",
        waiting.next(Duration::from_millis(200)) == Got::Quiet,
    );

    let mut cut = host.peer();
    cut.send(
        &chunk(&format!(
            "<rpc xmlns=\"{BASE}\" message-id=\"1\"><lock><target><running/></target></lock></rpc>"
        ))[..60],
    );
    cut.eof();
    table.check(
        "23 truncated",
        cut.next(Duration::from_secs(5)) == Got::Closed,
    );
    host.peer().ok("<lock><target><running/></target></lock>");

    let odd = format!(
        "<rpc xmlns=\"{BASE}\" message-id=\"ünï€\u{10348}\"><get-config><source><running/></source></get-config></rpc>"
    );
    let mut peer = host.peer();
    let pieces: Vec<u8> = odd
        .bytes()
        .flat_map(|b| [b"\n#1\n", &[b][..]].concat())
        .collect();
    peer.send([&pieces[..], b"\n##\n"].concat());
    let reply = parse(&peer.message());
    table.check(
        "24 one octet a chunk",
        reply.attr("", "message-id") == Some("ünï€\u{10348}"),
    );

    let tricky = "a]]&gt;]]&gt; \n##\n \n#5\n b";
    peer.send(chunk(&format!("<rpc xmlns=\"{BASE}\" message-id=\"1\" x=\"]]>]]>\n##\n\n#5\n\"><get-config><source><running/></source><filter><a>{tricky}</a></filter></get-config></rpc>")));
    table.check("25 marks in data", peer.message().contains("<data"));

    let mut slow = host.peer();
    for octet in chunk(&good).bytes() {
        slow.send([octet]);
    }
    table.check("26 octet by octet", slow.message().contains("<data"));
    slow.send(format!("{}{}", chunk(&get("1")), chunk(&get("2"))));
    table.check(
        "26 two in one",
        slow.message().contains("\"1\"") && slow.message().contains("\"2\""),
    );

    let mut eager = host.silent();
    eager.send(format!("{}]]>]]>{}", hello(&[V1_1]), chunk(&good)));
    eager.message();
    eager.chunked = true;
    table.check("26 hello and rpc in one", eager.message().contains("<data"));

    let mut early = host.peer();
    early.rpc(GET);
    early.send("\n");
    std::thread::sleep(Duration::from_millis(50));
    early.send(&chunk(&good)[1..]);
    table.check(
        "LF of the header ahead of time",
        early.message().contains("<data"),
    );

    let mut old = host.old_peer();
    old.send(format!("{good}]]>"));
    std::thread::sleep(Duration::from_millis(50));
    old.send(format!("]]>\n\n{good}]]>]]>\r\n "));
    table.check(
        "27 mark in two writes, LF between",
        old.message().contains("<data") && old.message().contains("<data"),
    );
    old.send(format!("\n<?xml version=\"1.0\"?>\n{good}\n]]>]]>"));
    table.check("declaration behind blanks", old.message().contains("<data"));
    table.done();
}

#[test]
fn input_from_a_file_gets_every_reply_before_the_end() {
    let host = Host::start();
    let mut peer = host.silent();
    let mut text = format!("{}]]>]]>\n", hello(&[V1_0]));
    for id in 1..=20 {
        text.push_str(&format!("{}]]>]]>\n", get(&id.to_string())));
    }
    peer.send(text);
    peer.eof();
    peer.message();
    for id in 1..=20 {
        assert!(peer.message().contains(&format!("message-id=\"{id}\"")));
    }
    assert_eq!(peer.next(Duration::from_secs(5)), Got::Closed);
}

#[test]
fn an_old_peer_gets_ascii_only() {
    let host = Host::start();
    let mut peer = host.old_peer();
    peer.ok(&crate::sample::running(&crate::sample::tenant(
        "ü€\u{10348}]]&gt;]]&gt;",
        "<managed_resource>false</managed_resource>",
    )));
    let reply = peer.rpc(GET);
    assert!(reply.is_ascii(), "{reply}");
    assert!(parse(&reply).to_xml().contains("ü€\u{10348}"));
    let mut new = host.peer();
    assert!(new.rpc(GET).contains("ü€\u{10348}"));
}
