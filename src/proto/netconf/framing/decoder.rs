//! Bytes to messages, both framings.

use bytes::{Buf, BytesMut};

use super::Framing;

const END_OF_MESSAGE: &[u8] = b"]]>]]>";
const MAX_CHUNK_SIZE: u64 = 4_294_967_295;

/// Why the byte stream is no NETCONF framing; the session has to be closed (RFC 6242 section 4.2).
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum FramingError {
    /// An octet that cannot stand there.
    #[error("octet 0x{found:02x} where {expected} has to stand")]
    Unexpected {
        /// What the grammar allows at this place.
        expected: &'static str,
        /// What came.
        found: u8,
    },
    /// The chunk size is above 4294967295.
    #[error("the chunk size is above 4294967295")]
    ChunkSize,
    /// The message is longer than the server takes.
    #[error("the message is longer than {limit} octets")]
    TooBig {
        /// The limit in force.
        limit: usize,
    },
}

/// Where in a chunked message the stream stands. `first`: no chunk of the message was seen yet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Chunk {
    /// The LF of a chunk header or of the end mark.
    Lf { first: bool },
    /// Right behind the peer's hello: LFs behind its `]]>]]>` are the terminal's, not ours.
    AfterHello { lf_seen: bool },
    /// The first `#`.
    Hash { first: bool },
    /// First digit of the size, or the second `#`.
    SizeOrEnd { first: bool },
    /// Further digits, or the LF that ends the header.
    Size(u64),
    /// Octets of the chunk still to come.
    Data(u64),
    /// The LF of the end mark.
    EndLf,
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum State {
    EndOfMessage,
    Chunked(Chunk),
    Failed(FramingError),
}

/// Takes bytes as they come and yields whole messages.
#[derive(Debug)]
pub struct Decoder {
    state: State,
    /// Bytes not looked at yet; what follows a message waits here until it is asked for.
    input: BytesMut,
    message: Vec<u8>,
    limit: usize,
}

impl Decoder {
    /// A decoder for the hello: end-of-message framing, messages of at most `limit` octets.
    pub fn new(limit: usize) -> Self {
        Self {
            state: State::EndOfMessage,
            input: BytesMut::new(),
            message: Vec::new(),
            limit,
        }
    }

    /// Chooses the framing of all further messages, and their limit; to be called between messages,
    /// after the peer's hello (RFC 6242 section 4.1).
    pub fn switch(&mut self, framing: Framing, limit: usize) {
        self.limit = limit;
        self.state = match framing {
            Framing::EndOfMessage => State::EndOfMessage,
            Framing::Chunked => State::Chunked(Chunk::AfterHello { lf_seen: false }),
        };
    }

    /// Adds bytes. Nothing is decoded before [`Decoder::next_message`] asks.
    pub fn push(&mut self, bytes: &[u8]) {
        self.input.extend_from_slice(bytes);
    }

    /// Takes the next whole message; `None` when more bytes are needed.
    ///
    /// # Errors
    /// The stream broke the framing or a message passed the limit. Every later call says the same.
    pub fn next_message(&mut self) -> Result<Option<Vec<u8>>, FramingError> {
        let result = match &self.state {
            State::EndOfMessage => self.next_marked(),
            State::Chunked(chunk) => self.next_chunked(*chunk),
            State::Failed(error) => Err(error.clone()),
        };
        if let Err(error) = &result {
            self.state = State::Failed(error.clone());
            self.input = BytesMut::new();
            self.message = Vec::new();
        }
        result
    }

    /// Bytes received and not yet decoded.
    pub fn unread(&self) -> usize {
        self.input.len()
    }

    /// Bytes held in all: of the message under way, and not yet decoded.
    pub fn held(&self) -> usize {
        self.input.len() + self.message.len()
    }

    /// Whether a message has begun and not ended. White space between messages is no beginning, nor
    /// is the LF of the next header, which some clients send ahead of time (netopeer2 issue 676).
    pub fn mid_message(&self) -> bool {
        match &self.state {
            State::EndOfMessage => !self.message.is_empty(),
            State::Chunked(chunk) => !matches!(
                chunk,
                Chunk::Lf { first: true } | Chunk::Hash { first: true } | Chunk::AfterHello { .. }
            ),
            State::Failed(_) => false,
        }
    }

    /// Gives the buffers away with the message: an idle session keeps none.
    fn take_message(&mut self) -> Vec<u8> {
        if self.input.is_empty() {
            self.input = BytesMut::new();
        }
        std::mem::take(&mut self.message)
    }

    fn next_marked(&mut self) -> Result<Option<Vec<u8>>, FramingError> {
        loop {
            if self.message.is_empty() {
                let blank = self
                    .input
                    .iter()
                    .take_while(|b| matches!(b, b' ' | b'\t' | b'\r' | b'\n'))
                    .count();
                self.input.advance(blank);
            }
            let mark = self.input.iter().position(|b| *b == b'>');
            let len = mark.map_or(self.input.len(), |at| at + 1);
            self.message.extend_from_slice(&self.input.split_to(len));
            let whole = self.message.ends_with(END_OF_MESSAGE);
            let spare = if whole {
                END_OF_MESSAGE.len()
            } else {
                END_OF_MESSAGE.len() - 1
            };
            if self.message.len().saturating_sub(spare) > self.limit {
                return Err(FramingError::TooBig { limit: self.limit });
            }
            if whole {
                self.message
                    .truncate(self.message.len() - END_OF_MESSAGE.len());
                return Ok(Some(self.take_message()));
            }
            if mark.is_none() {
                return Ok(None);
            }
        }
    }

    fn next_chunked(&mut self, mut chunk: Chunk) -> Result<Option<Vec<u8>>, FramingError> {
        loop {
            if let Chunk::Data(left) = chunk {
                let len =
                    usize::try_from(left).map_or(self.input.len(), |l| l.min(self.input.len()));
                // The announced size is not trusted: memory grows with what has come.
                if self.message.len() + len > self.limit {
                    return Err(FramingError::TooBig { limit: self.limit });
                }
                self.message.extend_from_slice(&self.input.split_to(len));
                let left = left - len as u64;
                chunk = match left {
                    0 => Chunk::Lf { first: false },
                    _ => Chunk::Data(left),
                };
                self.state = State::Chunked(chunk);
                if left > 0 {
                    return Ok(None);
                }
            }
            if self.input.is_empty() {
                return Ok(None);
            }
            let octet = self.input.get_u8();
            let ended = chunk == Chunk::EndLf;
            chunk = chunk.after(octet)?;
            self.state = State::Chunked(chunk);
            if ended {
                return Ok(Some(self.take_message()));
            }
        }
    }
}

impl Chunk {
    /// The place behind one octet of the framing itself; data octets do not come here.
    ///
    /// ```text
    /// Lf -LF-> Hash -#-> SizeOrEnd -1..9-> Size -0..9-> Size -LF-> Data -> Lf
    ///                       \-#-> EndLf -LF-> Lf (only behind a chunk)
    /// ```
    fn after(self, octet: u8) -> Result<Self, FramingError> {
        let unexpected = |expected| {
            Err(FramingError::Unexpected {
                expected,
                found: octet,
            })
        };
        Ok(match (self, octet) {
            (Self::Lf { first }, b'\n') => Self::Hash { first },
            (Self::Lf { .. }, _) => return unexpected("the LF of a chunk header"),
            (Self::AfterHello { .. }, b'\n') => Self::AfterHello { lf_seen: true },
            (Self::AfterHello { lf_seen: true }, b'#') => Self::SizeOrEnd { first: true },
            (Self::AfterHello { .. }, _) => return unexpected("LF '#' of a chunk header"),
            (Self::Hash { first }, b'#') => Self::SizeOrEnd { first },
            (Self::Hash { .. }, _) => return unexpected("the '#' of a chunk header"),
            (Self::SizeOrEnd { .. }, b'1'..=b'9') => Self::Size(u64::from(octet - b'0')),
            (Self::SizeOrEnd { first: false }, b'#') => Self::EndLf,
            (Self::SizeOrEnd { first: true }, b'#') => {
                return unexpected("a chunk before its end mark");
            }
            (Self::SizeOrEnd { .. }, _) => return unexpected("a chunk size without leading zeros"),
            (Self::Size(size), b'0'..=b'9') => {
                let size = size * 10 + u64::from(octet - b'0');
                if size > MAX_CHUNK_SIZE {
                    return Err(FramingError::ChunkSize);
                }
                Self::Size(size)
            }
            (Self::Size(size), b'\n') => Self::Data(size),
            (Self::Size(_), _) => return unexpected("a digit or the LF of a chunk header"),
            (Self::EndLf, b'\n') => Self::Lf { first: true },
            (Self::EndLf, _) => return unexpected("the LF of an end mark"),
            (Self::Data(left), _) => Self::Data(left),
        })
    }
}
