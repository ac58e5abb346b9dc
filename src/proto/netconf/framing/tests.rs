use bytes::BytesMut;
use proptest::prelude::*;

use super::*;

const LIMIT: usize = 16 * 1024 * 1024;

/// All messages of a stream given in pieces, and the error it ended with.
fn decode(framing: Framing, pieces: &[&[u8]]) -> (Vec<Vec<u8>>, Option<FramingError>, bool) {
    let mut decoder = Decoder::new(LIMIT);
    // Chunked framing is entered as on the wire: behind a hello.
    if framing == Framing::Chunked {
        decoder.push(b"hello]]>]]>");
        assert_eq!(decoder.next_message().unwrap().unwrap(), b"hello");
        decoder.switch(framing, LIMIT);
    }
    let mut messages = Vec::new();
    for piece in pieces {
        decoder.push(piece);
        loop {
            match decoder.next_message() {
                Ok(Some(message)) => messages.push(message),
                Ok(None) => break,
                Err(error) => {
                    assert_eq!(
                        decoder.next_message(),
                        Err(error.clone()),
                        "an error is final"
                    );
                    return (messages, Some(error), false);
                }
            }
        }
    }
    (messages, None, decoder.mid_message())
}

fn bytewise(bytes: &[u8]) -> Vec<&[u8]> {
    bytes.chunks(1).collect()
}

#[test]
fn chunked_streams_that_are_right() {
    // (stream, messages, in the middle of one at the end)
    let table: &[(&str, &[&str], bool)] = &[
        ("\n#4\nabcd\n##\n", &["abcd"], false),
        ("\n#1\na\n#1\nb\n#2\ncd\n##\n", &["abcd"], false),
        ("\n#4\nabcd\n##\n\n#1\nx\n##\n", &["abcd", "x"], false),
        ("\n#4\nabcd\n##\n\n", &["abcd"], false), // the next header's LF, early
        ("\n\n\n#1\nx\n##\n", &["x"], false),     // LFs behind the hello's end mark
        ("\n#1\n\n\n##\n", &["\n"], false),
        (
            "\n#14\n]]>]]>\n##\n\n#5\n\n##\n",
            &["]]>]]>\n##\n\n#5\n"],
            false,
        ),
        ("\n#4294967295\nab", &[], true),
        ("\n#4\nab", &[], true),
        ("\n#", &[], true),
        ("\n", &[], false),
        ("\n#4\nabcd\n##", &[], true),
    ];
    for (stream, messages, mid) in table {
        for pieces in [vec![stream.as_bytes()], bytewise(stream.as_bytes())] {
            let (got, error, got_mid) = decode(Framing::Chunked, &pieces);
            let got: Vec<_> = got
                .iter()
                .map(|m| std::str::from_utf8(m).unwrap())
                .collect();
            assert_eq!(
                (got.as_slice(), error, got_mid),
                (*messages, None, *mid),
                "{stream:?}"
            );
        }
    }
    let split = b"\n#1\n\xc3\n#1\n\xa9\n##\n";
    assert_eq!(decode(Framing::Chunked, &[split]).0, ["é".as_bytes()]);
}

#[test]
fn chunked_streams_that_are_wrong_end_at_once() {
    for (stream, whole_before) in [
        ("\n#0\n\n##\n", 0),
        ("\n#4294967296\n", 0),
        ("\n#99999999999999999999\n", 0),
        ("\n#04\nabcd\n##\n", 0),
        ("\n#+4\nabcd", 0),
        ("\n#-4\nabcd", 0),
        ("\n# 4\nabcd", 0),
        ("\n#4 \nabcd", 0),
        ("\n#a\nabcdefghij", 0),
        ("\n#0x4\nabcd", 0),
        ("\n#\nabcd", 0),
        ("\n##\n", 0),
        ("#4\nabcd\n##\n", 0),
        ("\r\n#4\r\nabcd", 0),
        ("\n#4\r\nabcd", 0),
        ("\n#4\nabcd\n###\n", 0),
        ("\n#4\nabcd\n##\r\n", 0),
        ("\n#4\nabcd##\n", 0),
        ("\n#3\nabcd\n##\n", 0),
        ("\n#4\nabcd\ngarbage", 0),
        ("\n#4\nabcd\n\n#1\n", 0),
        ("\n#1\na\n##\n#1\na\n##\n", 1),
        ("\n#1\na\n##\n\n\n#1\na\n##\n", 1),
        ("\n#1\na\n##\n\n##\n", 1),
        ("<rpc/>]]>]]>", 0),
        ("\n<rpc/>]]>]]>", 0),
        (" \n#1\na", 0),
    ] {
        for pieces in [vec![stream.as_bytes()], bytewise(stream.as_bytes())] {
            let (messages, error, _) = decode(Framing::Chunked, &pieces);
            assert!(error.is_some(), "{stream:?}");
            assert_eq!(messages.len(), whole_before, "{stream:?}");
        }
    }
}

#[test]
fn marked_streams() {
    let table: &[(&str, &[&str], bool)] = &[
        ("<a/>]]>]]>", &["<a/>"], false),
        (
            "\n<a/>]]>]]>\n\r\n \t<b/>]]>]]>\n",
            &["<a/>", "<b/>"],
            false,
        ),
        ("<a/>]]>]]>]]>]]>", &["<a/>", ""], false),
        ("a]]>]]]>]]>", &["a]]>]"], false),
        ("a]]]>]]>", &["a]"], false),
        ("a>]]>", &[], true),
        ("<a/>]]>]]", &[], true),
        ("\n##\n]]>]]>", &["##\n"], false),
        ("\n", &[], false),
    ];
    for (stream, messages, mid) in table {
        for pieces in [vec![stream.as_bytes()], bytewise(stream.as_bytes())] {
            let (got, error, got_mid) = decode(Framing::EndOfMessage, &pieces);
            let got: Vec<_> = got
                .iter()
                .map(|m| std::str::from_utf8(m).unwrap())
                .collect();
            assert_eq!(
                (got.as_slice(), error, got_mid),
                (*messages, None, *mid),
                "{stream:?}"
            );
        }
    }
}

#[test]
fn messages_beyond_the_limit_end_the_session_and_announced_ones_cost_nothing() {
    for (framing, bytes) in [
        (Framing::EndOfMessage, vec![b'x'; 30]),
        (Framing::EndOfMessage, [&[b'x'; 11][..], b"]]>]]>"].concat()),
        (Framing::Chunked, b"\n#6\nabcdef\n#6\nabcdef\n##\n".to_vec()),
    ] {
        for size in [1, bytes.len()] {
            let mut decoder = Decoder::new(10);
            decoder.switch(framing, 10);
            let mut error = None;
            for piece in bytes.chunks(size) {
                decoder.push(piece);
                error = error.or(decoder.next_message().err());
            }
            assert_eq!(error, Some(FramingError::TooBig { limit: 10 }));
        }
    }
    let mut decoder = Decoder::new(10);
    decoder.push(b"0123456789]]>]]>");
    assert_eq!(decoder.next_message().unwrap().unwrap().len(), 10);
    decoder.switch(Framing::Chunked, LIMIT);
    decoder.push(b"\n#4294967295\nab");
    assert_eq!(decoder.next_message(), Ok(None));
    assert!(decoder.mid_message());
}

fn encode(framing: Framing, messages: &[Vec<&str>]) -> Vec<u8> {
    let mut encoder = Encoder::new();
    encoder.switch(framing);
    let mut out = BytesMut::new();
    for message in messages {
        for piece in message {
            encoder.push(piece, &mut out);
        }
        encoder.end(&mut out);
    }
    out.to_vec()
}

#[test]
fn chunks_are_cut_between_characters_and_no_line_is_an_end_mark() {
    let text = "é€😀x".repeat(30_000);
    let bytes = encode(Framing::Chunked, &[vec![&text]]);
    let mut rest = bytes.as_slice();
    let mut chunks = 0;
    while let Some(after) = rest.strip_prefix(b"\n#") {
        if after == b"#\n" {
            break;
        }
        let lf = after.iter().position(|b| *b == b'\n').unwrap();
        let len: usize = std::str::from_utf8(&after[..lf]).unwrap().parse().unwrap();
        assert!((1..=CHUNK_LEN + 8).contains(&len));
        assert!(std::str::from_utf8(&after[lf + 1..lf + 1 + len]).is_ok());
        rest = &after[lf + 1 + len..];
        chunks += 1;
    }
    assert_eq!(chunks, text.len().div_ceil(CHUNK_LEN));
    for text in ["##\n", "a\n##\nb", "a\n#", "#", "\n###\n"] {
        let bytes = encode(Framing::Chunked, &[vec![text, "#\n"]]);
        let wire = String::from_utf8(bytes).unwrap();
        assert_eq!(
            wire.lines().filter(|line| *line == "##").count(),
            1,
            "{wire:?}"
        );
    }
}

#[test]
fn a_message_without_text_is_not_sent() {
    for framing in [Framing::Chunked, Framing::EndOfMessage] {
        assert!(encode(framing, &[vec![], vec![""]]).is_empty());
    }
}

#[test]
fn marked_text_is_ascii_and_holds_no_mark() {
    let text = "<a b=']]>]]>é' c=\"'>\">x]]>]]>€</a>";
    let bytes = encode(Framing::EndOfMessage, &[vec![text]]);
    assert_eq!(
        std::str::from_utf8(&bytes).unwrap(),
        "<a b=']]&gt;]]&gt;&#233;' c=\"'&gt;\">x]]&gt;]]&gt;&#8364;</a>]]>]]>"
    );
}

/// A document whose text and attribute are arbitrary characters of XML.
fn document(text: &str) -> String {
    format!(
        "<a b=\"{}\">{}</a>",
        crate::xml::escape_attr(text),
        crate::xml::escape_text(text)
    )
}

fn xml_text() -> impl Strategy<Value = String> {
    let char = prop_oneof![
        prop::sample::select(vec![
            '#', '\n', '>', ']', '<', '&', '"', '\'', 'é', '😀', '1'
        ]),
        prop::char::range(' ', '\u{d7ff}'),
    ];
    prop::collection::vec(char, 0..200).prop_map(|chars| chars.into_iter().collect())
}

proptest! {
    #[test]
    fn any_document_survives_encoder_and_decoder(
        texts in prop::collection::vec(xml_text(), 1..4),
        cut in 0usize..50,
        size in 1usize..40,
        chunked: bool,
    ) {
        let framing = if chunked { Framing::Chunked } else { Framing::EndOfMessage };
        let documents: Vec<String> = texts.iter().map(|t| document(t)).collect();
        let messages: Vec<Vec<&str>> = documents
            .iter()
            .map(|d| {
                let cut = (0..=cut.min(d.len())).rev().find(|i| d.is_char_boundary(*i)).unwrap();
                let (a, b) = d.split_at(cut);
                vec![a, b]
            })
            .collect();
        let bytes = encode(framing, &messages);
        if framing == Framing::EndOfMessage {
            prop_assert!(bytes.is_ascii());
        }
        let pieces: Vec<&[u8]> = bytes.chunks(size).collect();
        let (got, error, mid) = decode(framing, &pieces);
        prop_assert_eq!((error, mid), (None, false));
        let parsed: Vec<_> = got.iter().map(|m| crate::xml::parse(m, &Default::default()).unwrap()).collect();
        let sent: Vec<_> = documents.iter().map(|d| crate::xml::parse_str(d).unwrap()).collect();
        prop_assert_eq!(parsed, sent);
    }

    #[test]
    fn any_split_of_any_bytes_decodes_the_same(
        bytes in prop::collection::vec(
            prop::sample::select(b"\n#]>123a\r 0".to_vec()), 0..80),
        sizes in prop::collection::vec(1usize..9, 1..80),
        chunked: bool,
    ) {
        let framing = if chunked { Framing::Chunked } else { Framing::EndOfMessage };
        let whole = decode(framing, &[&bytes]);
        let mut pieces: Vec<&[u8]> = Vec::new();
        let mut rest = bytes.as_slice();
        for size in sizes.iter().cycle() {
            if rest.is_empty() { break; }
            let (piece, after) = rest.split_at((*size).min(rest.len()));
            pieces.push(piece);
            rest = after;
        }
        prop_assert_eq!(decode(framing, &pieces), whole);
    }
}
