//! Text to framed bytes, piece by piece.

use std::fmt::Write as _;

use bytes::BytesMut;

use super::Framing;

/// Length of a full chunk. Bigger ones make ncclient's reader quadratic, smaller ones cost headers.
pub const CHUNK_LEN: usize = 64 * 1024;

/// Where in an XML document the text stands; only base:1.0 peers need it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Place {
    Text,
    Tag,
    Quoted(char),
}

/// Frames the text of one message after the other. The text is well-formed XML without comments,
/// CDATA and processing instructions, as our writers make it.
///
/// Nothing that a peer could take for a message's end leaves here: for base:1.0 `>` in data is a
/// reference, so `]]>]]>` cannot occur; for base:1.1 no line of data begins with `#`, because
/// scrapli looks for the line `##` in what it receives. Chunks are cut between characters, since
/// ncclient decodes each chunk alone, and base:1.0 peers get ASCII only for the same reason.
#[derive(Debug)]
pub struct Encoder {
    framing: Framing,
    place: Place,
    chunk: String,
    begun: bool,
}

impl Encoder {
    /// An encoder for the hello: end-of-message framing.
    pub fn new() -> Self {
        Self {
            framing: Framing::EndOfMessage,
            place: Place::Text,
            chunk: String::new(),
            begun: false,
        }
    }

    /// Chooses the framing of all further messages; to be called between messages.
    pub fn switch(&mut self, framing: Framing) {
        self.framing = framing;
    }

    /// Whether a message has begun and not ended.
    pub fn mid_message(&self) -> bool {
        self.begun
    }

    /// Adds text to the message, beginning one if none is open.
    pub fn push(&mut self, text: &str, out: &mut BytesMut) {
        self.begun |= !text.is_empty();
        match self.framing {
            Framing::EndOfMessage => self.push_marked(text, out),
            Framing::Chunked => self.push_chunked(text, out),
        }
    }

    /// Ends the message. Without text there is no message and nothing is sent.
    pub fn end(&mut self, out: &mut BytesMut) {
        if !std::mem::take(&mut self.begun) {
            return;
        }
        match self.framing {
            Framing::EndOfMessage => out.extend_from_slice(b"]]>]]>"),
            Framing::Chunked => {
                self.flush(out);
                out.extend_from_slice(b"\n##\n");
            }
        }
        self.place = Place::Text;
        self.chunk = String::new();
    }

    fn push_marked(&mut self, text: &str, out: &mut BytesMut) {
        let mut rest = text;
        // Runs without a character that matters are copied whole.
        while let Some(at) =
            rest.find(|c: char| matches!(c, '<' | '>' | '"' | '\'') || !c.is_ascii())
        {
            let (plain, from) = rest.split_at(at);
            out.extend_from_slice(plain.as_bytes());
            let mut chars = from.chars();
            let Some(c) = chars.next() else { break };
            rest = chars.as_str();
            let before = self.place;
            self.place = match (before, c) {
                (Place::Text, '<') => Place::Tag,
                (Place::Tag, '>') => Place::Text,
                (Place::Tag, '"' | '\'') => Place::Quoted(c),
                (Place::Quoted(quote), _) if quote == c => Place::Tag,
                _ => before,
            };
            match (before, c) {
                (Place::Text | Place::Quoted(_), '>') => out.extend_from_slice(b"&gt;"),
                (Place::Text | Place::Quoted(_), c) if !c.is_ascii() => {
                    out.extend_from_slice(format!("&#{};", u32::from(c)).as_bytes());
                }
                // A name cannot hold a reference; YANG names are ASCII anyway.
                _ => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
            }
        }
        out.extend_from_slice(rest.as_bytes());
    }

    fn push_chunked(&mut self, text: &str, out: &mut BytesMut) {
        let mut rest = text;
        while !rest.is_empty() {
            let room = CHUNK_LEN.saturating_sub(self.chunk.len());
            let (mut piece, after) = rest.split_at(floor_char_boundary(rest, room));
            if piece.is_empty() {
                self.flush(out);
                continue;
            }
            rest = after;
            while let Some((plain, from)) = piece.find('#').map(|at| piece.split_at(at)) {
                self.chunk.push_str(plain);
                let line_start = self.chunk.is_empty() || self.chunk.ends_with('\n');
                self.chunk.push_str(if line_start { "&#35;" } else { "#" });
                piece = from.strip_prefix('#').unwrap_or(from);
            }
            self.chunk.push_str(piece);
        }
    }

    fn flush(&mut self, out: &mut BytesMut) {
        if self.chunk.is_empty() {
            return;
        }
        let mut header = String::new();
        // Writing to a String cannot fail.
        let _ = write!(header, "\n#{}\n", self.chunk.len());
        out.extend_from_slice(header.as_bytes());
        out.extend_from_slice(self.chunk.as_bytes());
        self.chunk.clear();
    }
}

impl Default for Encoder {
    fn default() -> Self {
        Self::new()
    }
}

/// The last character boundary at or before `at`.
fn floor_char_boundary(text: &str, at: usize) -> usize {
    if at >= text.len() {
        return text.len();
    }
    (0..=at)
        .rev()
        .find(|i| text.is_char_boundary(*i))
        .unwrap_or(0)
}
