//! Chunked framing: as `framing10`, and what we frame ourselves is read back.

use bytes::BytesMut;
use lifeline::proto::netconf::framing::{Decoder, Encoder, Framing};

pub fn run(data: &[u8]) {
    super::framing10::messages(data, Framing::Chunked);
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    if text.is_empty() {
        return;
    }
    let mut encoder = Encoder::new();
    encoder.switch(Framing::Chunked);
    let mut out = BytesMut::new();
    encoder.push(text, &mut out);
    encoder.end(&mut out);
    let mut decoder = Decoder::new(usize::MAX);
    decoder.switch(Framing::Chunked, usize::MAX);
    decoder.push(&out);
    let Ok(Some(message)) = decoder.next_message() else {
        panic!("what we framed ourselves");
    };
    let message = String::from_utf8(message).expect("text");
    // A '#' at the start of a line leaves as a reference: some clients take it for the end.
    let plain = |text: &str| text.replace("&#35;", "#");
    assert_eq!(plain(&message), plain(text));
}
