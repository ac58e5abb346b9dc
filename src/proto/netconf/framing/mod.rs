//! Message framing (RFC 6242 section 4): end-of-message marks for base:1.0, chunks for base:1.1.
//!
//! [`Decoder`] takes bytes in any pieces and yields whole messages; [`Encoder`] takes text in
//! any pieces and never holds more than one chunk. A framing error is final: RFC 6242 section
//! 4.2 has the session closed.

mod decoder;
mod encoder;

pub use decoder::{Decoder, FramingError};
pub use encoder::{CHUNK_LEN, Encoder};

/// How messages are told apart on the wire.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Framing {
    /// `]]>]]>` behind each message (RFC 6242 section 4.3).
    EndOfMessage,
    /// Chunks (RFC 6242 section 4.2).
    Chunked,
}

#[cfg(test)]
mod tests;
