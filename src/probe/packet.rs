//! ICMP echo requests and replies as bytes (RFC 792, RFC 4443 section 4).

/// Bytes of an echo request of ours: header and nonce.
pub const LEN: usize = 16;

const HEADER: usize = 8;

/// What an echo reply carries back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Reply {
    /// Identifier; the kernel's own on a datagram socket.
    pub id: u16,
    /// Sequence number.
    pub seq: u16,
    /// The nonce we sent.
    pub nonce: u64,
}

/// Types of request and reply.
fn types(v4: bool) -> (u8, u8) {
    match v4 {
        true => (8, 0),
        false => (128, 129),
    }
}

/// Writes an echo request. The kernel sets the checksum of ICMPv6 and the id on datagram sockets.
pub fn request(v4: bool, id: u16, seq: u16, nonce: u64) -> [u8; LEN] {
    let build = |sum: u16| {
        let mut bytes = [0; LEN];
        let kind = types(v4).0.to_be_bytes();
        let fields = kind
            .into_iter()
            .chain([0])
            .chain(sum.to_be_bytes())
            .chain(id.to_be_bytes())
            .chain(seq.to_be_bytes())
            .chain(nonce.to_be_bytes());
        for (byte, field) in bytes.iter_mut().zip(fields) {
            *byte = field;
        }
        bytes
    };
    build(checksum(&build(0)))
}

/// Reads an echo reply; `None` for anything else. `raw`: an IPv4 header stands before it.
pub fn reply(v4: bool, raw: bool, bytes: &[u8]) -> Option<Reply> {
    let header = match (v4 && raw, bytes.first()) {
        (true, Some(first)) => usize::from(first & 0x0f) * 4,
        _ => 0,
    };
    let icmp = bytes.get(header..)?;
    let (kind, code) = (*icmp.first()?, *icmp.get(1)?);
    if (kind, code) != (types(v4).1, 0) {
        return None;
    }
    let pair = |at: usize| -> Option<u16> {
        Some(u16::from_be_bytes(icmp.get(at..at + 2)?.try_into().ok()?))
    };
    let nonce = icmp.get(HEADER..LEN)?.try_into().ok()?;
    Some(Reply {
        id: pair(4)?,
        seq: pair(6)?,
        nonce: u64::from_be_bytes(nonce),
    })
}

/// The internet checksum (RFC 1071).
fn checksum(bytes: &[u8]) -> u16 {
    let mut sum: u32 = 0;
    for pair in bytes.chunks(2) {
        let word = match *pair {
            [high, low] => u16::from_be_bytes([high, low]),
            [high] => u16::from_be_bytes([high, 0]),
            _ => 0,
        };
        sum += u32::from(word);
    }
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_request_carries_a_right_checksum() {
        let bytes = request(true, 0x1234, 7, 0x0102_0304_0506_0708);
        assert_eq!(checksum(&bytes), 0, "the sum over all words is all ones");
        assert_eq!(&bytes[..2], [8, 0]);
        assert_eq!(request(false, 1, 7, 0)[0], 128);
    }

    #[test]
    fn a_reply_is_read_with_and_without_ip_header() {
        let mut bytes = request(true, 0x1234, 7, 99).to_vec();
        assert_eq!(reply(true, false, &bytes), None, "a request is no reply");
        bytes[0] = 0;
        let expected = Reply {
            id: 0x1234,
            seq: 7,
            nonce: 99,
        };
        assert_eq!(reply(true, false, &bytes), Some(expected));
        let with_options = [vec![0x46; 24], bytes.clone()].concat();
        assert_eq!(reply(true, true, &with_options), Some(expected));
        bytes[0] = 129;
        assert_eq!(
            reply(false, true, &bytes),
            Some(expected),
            "IPv6 shows no header"
        );
    }

    proptest! {
        #[test]
        fn no_bytes_break_the_reader(bytes: Vec<u8>, v4: bool, raw: bool) {
            let _ = reply(v4, raw, &bytes);
        }
    }
}
