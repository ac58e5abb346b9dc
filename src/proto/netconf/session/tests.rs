use proptest::prelude::*;

use super::*;
use crate::ids::SessionId;
use crate::proto::netconf::names::{BASE, CAPABILITY_BASE_1_0, CAPABILITY_BASE_1_1, NOTIFICATION};
use crate::proto::netconf::{Base, ErrorType, Rpc, RpcError, RpcReply, encode_notification};

fn session() -> Session {
    Session::new(
        SessionId(4),
        vec![CAPABILITY_BASE_1_0.into(), CAPABILITY_BASE_1_1.into()],
        SessionLimits::default(),
    )
}

fn hello(base: &str) -> String {
    format!(
        "<hello xmlns=\"{BASE}\"><capabilities><capability>{base}</capability></capabilities></hello>]]>]]>"
    )
}

fn chunked(text: &str) -> String {
    format!("\n#{}\n{text}\n##\n", text.len())
}

fn rpc(id: u32, operation: &str) -> String {
    format!("<rpc xmlns=\"{BASE}\" message-id=\"{id}\">{operation}</rpc>")
}

fn output(session: &mut Session) -> String {
    let mut all = Vec::new();
    loop {
        let piece = session.take_output(1000);
        if piece.is_empty() {
            return String::from_utf8(all).unwrap();
        }
        all.extend_from_slice(&piece);
    }
}

/// A session past the hello exchange, the server's hello taken.
fn opened(base: &str) -> Session {
    let mut session = session();
    session.receive(hello(base).as_bytes());
    assert!(matches!(
        session.next_event(),
        Some(SessionEvent::Opened { .. })
    ));
    output(&mut session);
    session
}

fn next_rpc(session: &mut Session) -> (RequestSeq, Rpc) {
    match session.next_event() {
        Some(SessionEvent::Rpc { seq, rpc }) => (seq, rpc),
        other => panic!("{other:?}"),
    }
}

fn ended(session: &mut Session) -> SessionEnd {
    match session.next_event() {
        Some(SessionEvent::Ended(end)) => end,
        other => panic!("{other:?}"),
    }
}

fn ok(id: u32) -> String {
    format!("<rpc-reply xmlns=\"{BASE}\" message-id=\"{id}\"><ok/></rpc-reply>")
}

#[test]
fn the_server_speaks_first_and_marks_the_end() {
    let mut session = session();
    let text = output(&mut session);
    assert!(
        text.starts_with("<hello ") && text.ends_with("<session-id>4</session-id></hello>]]>]]>")
    );
}

#[test]
fn hello_and_request_in_one_write_and_byte_by_byte() {
    let bytes = hello(CAPABILITY_BASE_1_1) + &chunked(&rpc(1, "<get/>"));
    let mut whole = session();
    whole.receive(bytes.as_bytes());
    let mut trickle = session();
    let mut events = Vec::new();
    for byte in bytes.as_bytes() {
        trickle.receive(&[*byte]);
        events.extend(trickle.next_event());
    }
    let expected: Vec<_> = std::iter::from_fn(|| whole.next_event()).collect();
    assert_eq!(events.len(), 2);
    assert_eq!(events, expected);
    assert_eq!(whole.base(), Base::V1_1);
}

#[test]
fn a_base_1_0_client_keeps_the_end_marks_and_hears_ascii() {
    let mut session = opened(CAPABILITY_BASE_1_0);
    session.receive(format!("\n{}]]>]]>\n", rpc(1, "<get/>")).as_bytes());
    let (seq, _) = next_rpc(&mut session);
    session
        .reply(seq, &RpcReply::Data("<a xmlns=\"urn:a\">é</a>".into()))
        .unwrap();
    assert_eq!(
        output(&mut session),
        format!(
            "<rpc-reply xmlns=\"{BASE}\" message-id=\"1\"><data><a xmlns=\"urn:a\">&#233;</a></data></rpc-reply>]]>]]>"
        )
    );
    assert!(!session.mid_message());
}

#[test]
fn wrong_hellos_end_the_session_as_bad_hello() {
    let with_id =
        hello(CAPABILITY_BASE_1_1).replace("</hello>", "<session-id>1</session-id></hello>");
    for text in [
        with_id,
        hello("urn:x"),
        hello(CAPABILITY_BASE_1_1).replace(BASE, "urn:x"),
        "garbage]]>]]>".into(),
        "]]>]]>".into(),
        rpc(1, "<get/>") + "]]>]]>",
        "x".repeat(300 * 1024),
    ] {
        let mut session = session();
        session.receive(text.as_bytes());
        assert_eq!(
            ended(&mut session).reason,
            EndReason::BadHello,
            "{:.100}",
            text
        );
        assert_eq!(session.next_event(), None);
        assert!(!session.is_finished(), "the server's hello still goes out");
        output(&mut session);
        assert!(session.is_finished());
    }
}

#[test]
fn pipelined_requests_are_handed_out_one_by_one_and_answered_in_order() {
    let mut session = opened(CAPABILITY_BASE_1_1);
    let all: String = (1..=25).map(|id| chunked(&rpc(id, "<get/>"))).collect();
    session.receive(all.as_bytes());
    for id in 1..=25 {
        let (seq, rpc) = next_rpc(&mut session);
        assert_eq!(rpc.message_id, id.to_string());
        assert_eq!(session.next_event(), None, "not before the reply");
        assert_eq!(
            session.reply(RequestSeq(seq.0 + 1), &RpcReply::Ok),
            Err(SendError::NotDue)
        );
        session.reply(seq, &RpcReply::Ok).unwrap();
        assert_eq!(session.reply(seq, &RpcReply::Ok), Err(SendError::NotDue));
    }
    let expected: String = (1..=25).map(|id| chunked(&ok(id))).collect();
    assert_eq!(output(&mut session), expected);
    assert_eq!(session.counters().in_rpcs, 25);
}

#[test]
fn bad_envelopes_are_answered_in_their_place_and_counted() {
    let mut session = opened(CAPABILITY_BASE_1_1);
    let all = chunked(&rpc(1, "<get/>")) + &chunked("<rpc") + &chunked(&rpc(2, "<get/>"));
    session.receive(all.as_bytes());
    for _ in 0..2 {
        let (seq, _) = next_rpc(&mut session);
        session.reply(seq, &RpcReply::Ok).unwrap();
    }
    let text = output(&mut session);
    let at = |what: &str| text.find(what).unwrap();
    assert!(
        at("message-id=\"1\"") < at("malformed-message")
            && at("malformed-message") < at("message-id=\"2\"")
    );
    assert_eq!(
        session.counters(),
        SessionCounters {
            in_rpcs: 2,
            in_bad_rpcs: 1,
            out_rpc_errors: 1,
            out_notifications: 0
        }
    );
}

#[test]
fn malformed_xml_ends_a_base_1_0_session_without_an_answer() {
    let mut session = opened(CAPABILITY_BASE_1_0);
    session.receive(b"<rpc]]>]]>");
    assert_eq!(ended(&mut session).reason, EndReason::Other);
    assert_eq!(output(&mut session), "");
}

#[test]
fn a_framing_error_ends_the_session_after_what_was_due() {
    let mut session = opened(CAPABILITY_BASE_1_1);
    session.receive((chunked(&rpc(1, "<get/>")) + "\n#01\nx").as_bytes());
    let (seq, _) = next_rpc(&mut session);
    session.reply(seq, &RpcReply::Ok).unwrap();
    let end = ended(&mut session);
    assert_eq!(end.reason, EndReason::Other);
    assert!(end.detail.starts_with("framing: "), "{}", end.detail);
    assert_eq!(output(&mut session), chunked(&ok(1)));
    assert!(session.is_finished());
    // End-of-message framing after base:1.1 was chosen.
    let mut session = opened(CAPABILITY_BASE_1_1);
    session.receive((rpc(1, "<get/>") + "]]>]]>").as_bytes());
    assert_eq!(ended(&mut session).reason, EndReason::Other);
}

#[test]
fn a_second_hello_is_never_served() {
    let mut session = opened(CAPABILITY_BASE_1_1);
    let text = hello(CAPABILITY_BASE_1_1);
    session.receive(chunked(text.trim_end_matches("]]>]]>")).as_bytes());
    assert_eq!(ended(&mut session).reason, EndReason::Other);
}

#[test]
fn close_session_is_answered_then_the_session_ends_and_later_requests_are_ignored() {
    let mut session = opened(CAPABILITY_BASE_1_1);
    session
        .receive((chunked(&rpc(1, "<close-session/>")) + &chunked(&rpc(2, "<get/>"))).as_bytes());
    let (seq, _) = next_rpc(&mut session);
    session.reply(seq, &RpcReply::Ok).unwrap();
    assert_eq!(ended(&mut session).reason, EndReason::Closed);
    assert!(!session.is_finished());
    assert!(!session.wants_input());
    session.receive(chunked(&rpc(3, "<get/>")).as_bytes());
    assert_eq!(session.next_event(), None);
    assert_eq!(output(&mut session), chunked(&ok(1)));
    assert!(session.is_finished());
}

#[test]
fn a_refused_close_session_leaves_the_session_open() {
    let mut session = opened(CAPABILITY_BASE_1_1);
    session.receive(chunked(&rpc(1, "<close-session/>")).as_bytes());
    let (seq, _) = next_rpc(&mut session);
    let error = RpcError::operation_failed(ErrorType::Application, "no");
    session.reply(seq, &error.into()).unwrap();
    assert!(!session.has_ended());
}

#[test]
fn no_notification_before_the_ok_nor_within_a_streamed_reply() {
    let time = "2016-06-23T18:30:09.115+00:00".parse().unwrap();
    let mut session = opened(CAPABILITY_BASE_1_1);
    assert_eq!(session.notify(time, "<x/>"), Err(SendError::NotSubscribed));
    let subscribe = format!("<create-subscription xmlns=\"{NOTIFICATION}\"/>");
    session.receive((chunked(&rpc(1, &subscribe)) + &chunked(&rpc(2, "<get/>"))).as_bytes());
    let (seq, _) = next_rpc(&mut session);
    assert_eq!(session.notify(time, "<x/>"), Err(SendError::NotSubscribed));
    session.reply(seq, &RpcReply::Ok).unwrap();
    session.notify(time, "<x xmlns=\"urn:x\"/>").unwrap();
    let (seq, _) = next_rpc(&mut session);
    assert!(
        session.can_notify(),
        "a request being served holds nothing up"
    );
    session.begin_reply(seq).unwrap();
    assert_eq!(session.notify(time, "<x/>"), Err(SendError::ReplyUnderWay));
    session.push_reply(seq, "<data>").unwrap();
    session.push_reply(seq, "</data>").unwrap();
    session.end_reply(seq).unwrap();
    session.notify(time, "<y xmlns=\"urn:x\"/>").unwrap();
    session.end_subscription();
    assert_eq!(session.notify(time, "<x/>"), Err(SendError::NotSubscribed));
    let reply = format!("<rpc-reply xmlns=\"{BASE}\" message-id=\"2\"><data></data></rpc-reply>");
    let expected = [
        ok(1),
        encode_notification(time, "<x xmlns=\"urn:x\"/>"),
        reply,
        encode_notification(time, "<y xmlns=\"urn:x\"/>"),
    ];
    assert_eq!(
        output(&mut session),
        expected.iter().map(|m| chunked(m)).collect::<String>()
    );
    assert_eq!(session.counters().out_notifications, 2);
}

#[test]
fn a_failed_create_subscription_opens_no_gate() {
    let mut session = opened(CAPABILITY_BASE_1_1);
    let subscribe = format!("<create-subscription xmlns=\"{NOTIFICATION}\"/>");
    session.receive(chunked(&rpc(1, &subscribe)).as_bytes());
    let (seq, _) = next_rpc(&mut session);
    let error = RpcError::invalid_value(ErrorType::Application, "no such stream");
    session.reply(seq, &error.into()).unwrap();
    assert!(!session.can_notify());
}

#[test]
fn whole_requests_before_the_end_of_input_are_served_and_a_truncated_one_is_not() {
    let mut session = opened(CAPABILITY_BASE_1_1);
    let cut = chunked(&rpc(2, "<get/>"));
    session.receive((chunked(&rpc(1, "<get/>")) + cut.trim_end_matches("##\n")).as_bytes());
    session.receive_eof();
    let (seq, _) = next_rpc(&mut session);
    assert_eq!(session.next_event(), None, "the request is still served");
    session.reply(seq, &RpcReply::Ok).unwrap();
    assert_eq!(ended(&mut session).reason, EndReason::Dropped);
    assert_eq!(output(&mut session), chunked(&ok(1)));
    assert_eq!(session.counters().in_rpcs, 1);
}

#[test]
fn a_kill_drops_what_waits_and_later_replies() {
    let mut session = opened(CAPABILITY_BASE_1_1);
    session.receive(chunked(&rpc(1, "<get/>")).as_bytes());
    let (seq, _) = next_rpc(&mut session);
    session.begin_reply(seq).unwrap();
    session.push_reply(seq, &"x".repeat(200_000)).unwrap();
    session.abort(SessionEnd::killed(SessionId(9)));
    session.abort(SessionEnd::new(EndReason::Timeout, "late"));
    assert_eq!(session.end_reply(seq), Err(SendError::Ended));
    let end = ended(&mut session);
    assert_eq!(
        (end.reason, end.killed_by),
        (EndReason::Killed, Some(SessionId(9)))
    );
    assert!(session.is_finished());
}

#[test]
fn a_client_that_does_not_read_is_not_served_beyond_the_bound() {
    let mut session = opened(CAPABILITY_BASE_1_1);
    let limit = SessionLimits::default();
    let bad = chunked("<");
    while session.wants_input() {
        session.receive(bad.as_bytes());
        assert_eq!(session.next_event(), None);
    }
    assert!(session.pending_output() < limit.output + 2000);
    output(&mut session);
    assert_eq!(session.next_event(), None);
    assert!(session.wants_input());
}

#[test]
fn an_early_lf_is_no_beginning_of_a_message() {
    let mut session = opened(CAPABILITY_BASE_1_1);
    session.receive(chunked(&rpc(1, "<get/>")).as_bytes());
    session.receive(b"\n");
    let (seq, _) = next_rpc(&mut session);
    session.reply(seq, &RpcReply::Ok).unwrap();
    assert_eq!(session.next_event(), None);
    assert!(!session.mid_message());
    session.receive(
        chunked(&rpc(2, "<get/>"))
            .trim_start_matches('\n')
            .as_bytes(),
    );
    assert_eq!(next_rpc(&mut session).1.message_id, "2");
}

/// Runs a session on `pieces`, answering every request; gives what came out and how it ended.
fn run(pieces: &[&[u8]]) -> (String, usize, Option<SessionEnd>) {
    let mut session = session();
    let (mut requests, mut text) = (0, String::new());
    for piece in pieces.iter().map(Some).chain([None]) {
        match piece {
            Some(piece) => session.receive(piece),
            None => session.receive_eof(),
        }
        while let Some(event) = session.next_event() {
            if let SessionEvent::Rpc { seq, .. } = event {
                requests += 1;
                session.begin_reply(seq).unwrap();
                session.push_reply(seq, "<ok/>").unwrap();
                session.end_reply(seq).unwrap();
            }
            text.push_str(&output(&mut session));
        }
    }
    (text, requests, session.end().cloned())
}

proptest! {
    #[test]
    fn any_split_of_a_conversation_gives_the_same_answers(
        sizes in prop::collection::vec(1usize..60, 1..60),
        v11: bool,
    ) {
        let base = if v11 { CAPABILITY_BASE_1_1 } else { CAPABILITY_BASE_1_0 };
        let frame = |text: String| if v11 { chunked(&text) } else { format!("\n{text}]]>]]>") };
        let mut bytes = hello(base);
        for text in [rpc(1, "<get/>"), "<x/>".into(), rpc(2, "<a>é€😀</a>"), rpc(3, ""), rpc(4, "<get/>")] {
            bytes.push_str(&frame(text));
        }
        let bytes = bytes.as_bytes();
        let (mut pieces, mut rest) = (Vec::new(), bytes);
        for size in sizes.iter().cycle() {
            if rest.is_empty() { break; }
            let (piece, after) = rest.split_at((*size).min(rest.len()));
            pieces.push(piece);
            rest = after;
        }
        let whole = run(&[bytes]);
        prop_assert_eq!(whole.1, 3);
        prop_assert_eq!(run(&pieces), whole);
    }

    #[test]
    fn no_bytes_whatever_upset_a_session(
        junk in prop::collection::vec(any::<u8>(), 0..200),
        at in 0usize..400,
    ) {
        let mut bytes = (hello(CAPABILITY_BASE_1_1) + &chunked(&rpc(1, "<get/>"))).into_bytes();
        let at = at.min(bytes.len());
        bytes.splice(at..at, junk);
        let (_, _, end) = run(&[&bytes]);
        prop_assert!(end.is_some());
    }
}
