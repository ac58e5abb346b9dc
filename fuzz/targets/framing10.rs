//! End-of-message framing: messages come out the same however the octets are cut.

use lifeline::proto::netconf::framing::{Decoder, Framing};

pub fn run(data: &[u8]) {
    messages(data, Framing::EndOfMessage);
}

/// Decodes at once and octet by octet, and compares.
pub fn messages(data: &[u8], framing: Framing) {
    let decoded = |pieces: &mut dyn Iterator<Item = &[u8]>| {
        let mut decoder = Decoder::new(4096);
        decoder.switch(framing, 4096);
        let mut found = Vec::new();
        for piece in pieces {
            decoder.push(piece);
            loop {
                match decoder.next_message() {
                    Ok(Some(message)) => {
                        assert!(message.len() <= 4096);
                        found.push(Ok(message));
                    }
                    Ok(None) => break,
                    Err(error) => {
                        assert_eq!(decoder.held(), 0, "nothing is kept of what was refused");
                        found.push(Err(error.to_string()));
                        return found;
                    }
                }
            }
        }
        found
    };
    let whole = decoded(&mut std::iter::once(data));
    let single = decoded(&mut data.chunks(1));
    assert_eq!(whole, single);
}
